"""Signing with keys that stay where they are: a PKCS #11 token (SoftHSM) and a KMS endpoint."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance import Keyring, Trust, init_keyring, verify
from provenance.documents.seal import seal, unseal
from provenance.errors import KeyringError, KeyServiceError, SealError, SigningError
from provenance.keyring import import_chain, issue, key_holder, list_keys, rotate
from provenance.manifest.certificates import EKUS, issue_signer
from provenance.manifest.signer import signature_fits
from provenance.results import Verdict
from provenance.signers import SignerSpec, check_ready, open_signer, signing_request
from tests.conftest import MODEL, ROOT, Run, entries, environment, stamp_clip
from tests.key_services import CREDENTIALS, PIN, Authority, Hsm, Kms, make_hsm, running_kms

DATA = b"a claim" * 100
DAY = timedelta(days=1)
LONG = b"a claim" * 1000
"""More than KMS hashes by itself."""


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Hsm:
    return make_hsm(tmp_path_factory.mktemp("hsm"))


@pytest.fixture(scope="module")
def kms() -> Iterator[Kms]:
    with running_kms() as service:
        yield service


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return init_keyring(tmp_path / "keys", "Example Studio").folder


@pytest.fixture(params=["hsm", "kms"])
def uri(request: pytest.FixtureRequest) -> str:
    """A new EC key in each service."""
    service = request.getfixturevalue(request.param)
    if isinstance(service, Hsm):
        return service.make_key(f"key {os.urandom(4).hex()}")
    assert isinstance(service, Kms)
    return service.make_key()


def certified(uri: str, authority: Authority) -> SignerSpec:
    """The key with a certificate for it."""
    holder = open_signer(SignerSpec(uri), pin=PIN)
    return SignerSpec(uri, authority.certify(signing_request(holder, "Example Studio")))


def test_from_a_request_to_a_stamped_and_verified_clip(
    run: Run, hsm: Hsm, keys: Path, authority: Authority, clip: Path
) -> None:
    tmp_path, uri = keys.parent, hsm.make_key("for a clip")
    pin = {"env": {"PROVENANCE_PKCS11_PIN": PIN}}
    flags = ("--signer", uri, "--keys", keys)
    asked = run("keys", "csr", *flags, "--org", "Example Studio", "--out", "req.pem", **pin)
    assert asked.code == 0, asked.err
    chain, root = tmp_path / "chain.pem", tmp_path / "root.pem"
    chain.write_bytes(authority.certify((tmp_path / "req.pem").read_bytes()))
    root.write_bytes(authority.root.certificate_pem)
    installed = run("keys", "import-chain", chain, *flags, "--root", root, **pin)
    assert installed.code == 0, installed.err

    shared = ("--keys", keys, "--registry", "none")
    words = ("stamp", clip, "out.mp4", *MODEL, "--prompt", "moss", *shared)
    stamped = run(*words, **pin)
    assert stamped.code == 0, stamped.err
    verified = run("verify", "out.mp4", "--json", *shared)
    assert verified.row["verdict"] == "CONFIRMED"
    assert verified.row["manifest"]["signer"] == "Example Studio"
    key = next(k for k in list_keys(keys) if k.kind == "signing")
    assert key.service == uri.partition("?")[0]
    listed = run("keys", "list", "--keys", keys)
    assert f"signing key {key.key_id} is in {key.service}" in listed.out


def test_a_clip_that_a_kms_signed_is_confirmed(
    kms: Kms, keys: Path, authority: Authority, clip: Path
) -> None:
    spec, root = certified(kms.make_key(), authority), authority.root.certificate_pem
    ring = import_chain(keys, spec.chain_pem or b"", uri=spec.uri, root_pem=root)
    result = stamp_clip(clip, keys.parent / "out.mp4", ring)
    report = verify(Path(result.output_path), watermark_keys=ring.watermark_keys, trust=ring.trust)
    assert report.verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("kind", ["secp256r1", "secp384r1", "secp521r1", "rsa"])
def test_every_kind_of_key_of_a_token_signs_what_its_certificate_verifies(
    hsm: Hsm, authority: Authority, kind: str
) -> None:
    spec = certified(hsm.make_key(f"a {kind} key", kind), authority)
    signer = open_signer(spec, pin=PIN)
    assert spec.chain_pem is not None
    assert signature_fits(signer.alg, spec.chain_pem, signer.sign(DATA), DATA)


@pytest.mark.parametrize("kind", ["ECC_NIST_P384", "RSA_2048"])
def test_a_long_claim_is_hashed_before_it_is_sent(
    kms: Kms, authority: Authority, kind: str
) -> None:
    signer = open_signer(certified(kms.make_key(kind), authority))
    assert signature_fits(signer.alg, signer.chain_pem, signer.sign(LONG), LONG)


@pytest.mark.parametrize("kind", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048"])
def test_every_kind_of_key_of_a_kms_signs_what_its_certificate_verifies(
    kms: Kms, authority: Authority, kind: str
) -> None:
    spec = certified(kms.make_key(kind), authority)
    signer = open_signer(spec)
    assert spec.chain_pem is not None
    assert signature_fits(signer.alg, spec.chain_pem, signer.sign(DATA), DATA)


def test_a_request_asks_for_what_a_claim_signer_needs(uri: str) -> None:
    holder = open_signer(SignerSpec(uri), pin=PIN)
    request = x509.load_pem_x509_csr(signing_request(holder, "Example Studio"))
    assert request.is_signature_valid
    ours = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert request.public_key().public_bytes(*ours) == holder.public_key().public_bytes(*ours)
    usage = request.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert set(request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == set(EKUS)
    assert "Example Studio" in request.subject.rfc4514_string()


def test_a_signer_made_before_a_fork_signs_after_it_on_both_sides(
    hsm: Hsm, kms: Kms, authority: Authority, tmp_path: Path
) -> None:
    code = (
        "import os, sys\n"
        "from provenance.manifest.signer import signature_fits\n"
        "from provenance.signers import SignerSpec, open_signer\n"
        "chain = open(sys.argv[2], 'rb').read()\n"
        f"signer = open_signer(SignerSpec(sys.argv[1], chain), pin={PIN!r})\n"
        "def signs():\n"
        "    return signature_fits(signer.alg, chain, signer.sign(b'data'), b'data')\n"
        "assert signs()\n"
        "children = []\n"
        "for _ in range(3):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os._exit(0 if signs() else 1)\n"
        "    children.append(child)\n"
        "assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]\n"
        "assert signs()\n"
    )
    for uri in (hsm.make_key("forked"), kms.make_key()):
        spec = certified(uri, authority)
        assert spec.chain_pem is not None
        (tmp_path / "chain.pem").write_bytes(spec.chain_pem)
        done = subprocess.run(
            [sys.executable, "-c", code, uri, tmp_path / "chain.pem"],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


def test_one_signer_serves_many_threads(uri: str, authority: Authority) -> None:
    spec = certified(uri, authority)
    signer = open_signer(spec, pin=PIN)
    texts = [bytes([i]) * 100 for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(signer.sign, texts))
    for text, signature in zip(texts, signatures, strict=True):
        assert signature_fits(signer.alg, spec.chain_pem or b"", signature, text)


def test_a_session_that_was_lost_is_opened_again(hsm: Hsm, authority: Authority) -> None:
    signer = open_signer(certified(hsm.make_key("lost"), authority), pin=PIN)
    signer.sign(DATA)
    pkcs11.lib(str(hsm.module)).reinitialize()
    assert signature_fits(signer.alg, signer.chain_pem, signer.sign(DATA), DATA)


# What can go wrong ------------------------------------------------------------------------------


def fails(uri: str, chain_pem: bytes, **options: Any) -> SigningError:
    """What is said when this key is to sign; one sentence, and no PIN in it."""
    signer = open_signer(SignerSpec(uri, chain_pem), **options)
    with pytest.raises(SigningError) as error:
        check_ready(signer)
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert options.get("pin", PIN) not in sentence
    return error.value


def test_what_is_wrong_with_a_token_is_said_in_one_sentence(
    hsm: Hsm, authority: Authority, tmp_path: Path
) -> None:
    uri = hsm.make_key("there")
    chain = certified(uri, authority).chain_pem or b""
    # A login is the process's: only a fresh library asks for the PIN again.
    pkcs11.lib(str(hsm.module)).reinitialize()
    assert "PIN for there in the token studio is wrong" in str(fails(uri, chain, pin="99999"))
    assert "PROVENANCE_PKCS11_PIN" in str(fails(uri, chain))
    (tmp_path / "pin").write_text("99999\n")
    assert "is wrong" in str(fails(f"{uri}&pin-source=file:{tmp_path / 'pin'}", chain))
    assert "can't be read" in str(fails(f"{uri}&pin-source=file:{tmp_path / 'gone'}", chain))
    assert "no key gone" in str(fails(hsm.uri(object="gone"), chain, pin=PIN))
    assert "was not found" in str(
        fails(hsm.uri(**{"token": "gone", "object": "there"}), chain, pin=PIN)
    )
    elsewhere = hsm.uri(module=str(tmp_path / "no.so"), object="there")
    assert "is not there" in str(fails(elsewhere, chain, pin=PIN))
    (tmp_path / "text.so").write_text("no library")
    broken = hsm.uri(module=str(tmp_path / "text.so"), object="there")
    assert "did not answer" in str(fails(broken, chain, pin=PIN))
    (tmp_path / "pin").write_text(f"{PIN}\n")
    check_ready(open_signer(SignerSpec(f"{uri}&pin-source=file:{tmp_path / 'pin'}", chain)))


def test_what_is_wrong_with_a_kms_is_said_in_one_sentence(
    kms: Kms, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = kms.make_key()
    chain = certified(uri, authority).chain_pem or b""
    assert "NotFoundException" in str(fails(kms.uri("00000000-0000-0000-0000-000000000000"), chain))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    assert "check the AWS credentials" in str(fails(uri, chain))
    monkeypatch.undo()
    symmetric = kms.client.create_key()["KeyMetadata"]["KeyId"]
    assert "refused to sign" in str(fails(kms.uri(symmetric), chain))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    down = fails(f"awskms:k?region=eu-west-1&endpoint=http://127.0.0.1:{port}", chain)
    assert isinstance(down, KeyServiceError)
    assert "could not be reached" in str(down)


def test_a_key_that_does_not_belong_to_the_certificate_is_told(
    uri: str, authority: Authority, hsm: Hsm
) -> None:
    other = certified(hsm.make_key(f"other {os.urandom(2).hex()}"), authority)
    assert "does not belong" in str(fails(uri, other.chain_pem or b"", pin=PIN))


@pytest.mark.parametrize("what", ["wrong pin", "service down"])
def test_a_stamp_that_can_not_be_signed_leaves_no_file_and_ends_with_4(
    run: Run, hsm: Hsm, clip: Path, keys: Path, what: str
) -> None:
    tmp_path = keys.parent
    uri = hsm.make_key(what)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certified(uri, Authority.new()).chain_pem or b"")
    if what == "service down":
        uri = "awskms:k?region=eu-west-1&endpoint=http://127.0.0.1:9"
    before = entries(tmp_path)
    ran = run(
        *("stamp", clip, tmp_path / "out.mp4", *MODEL, "--prompt", "moss", "--keys", keys),
        *("--registry", "none", "--signer", uri, "--signer-chain", chain),
        env={"PROVENANCE_PKCS11_PIN": "99999", **CREDENTIALS},
    )
    assert ran.code == 4
    (error,) = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    assert ("is wrong" if what == "wrong pin" else "could not be reached") in error
    assert "99999" not in ran.err
    assert entries(tmp_path) == before


# Installing certificates ------------------------------------------------------------------------


def test_the_keyrings_own_key_gets_a_certificate_from_an_authority(
    keys: Path, authority: Authority
) -> None:
    old = Keyring.load(keys)
    chain = authority.certify(signing_request(key_holder(keys, None), "Example Studio"))
    ring = import_chain(keys, chain + authority.root.certificate_pem)
    assert ring.signer.chain_pem == chain
    assert old.trust_anchors_pem in ring.trust_anchors_pem
    assert authority.root.certificate_pem in ring.trust_anchors_pem
    assert signature_fits("es256", chain, ring.signer.sign(DATA), DATA)
    assert [k.state for k in list_keys(keys) if k.kind == "signing"] == ["current", "retired"]


def test_who_shares_an_authority_withdraws_nothing_of_ours(
    keys: Path, authority: Authority
) -> None:
    """Lists are believed under our own certificates, not those of the authority's customers."""
    before = seal("revocations", {}, Keyring.load(keys).signer, valid=DAY)
    chain = authority.certify(signing_request(key_holder(keys, None), "Example Studio"))
    ours = import_chain(keys, chain, root_pem=authority.root.certificate_pem)
    theirs = init_keyring(keys.parent / "theirs", "Other Customer").folder
    request = signing_request(key_holder(theirs, None), "Other Customer")
    customer = import_chain(
        theirs, authority.certify(request), root_pem=authority.root.certificate_pem
    )
    listed = seal("revocations", {}, customer.signer, valid=DAY)
    with pytest.raises(SealError, match="Other Customer, who is not trusted"):
        unseal("revocations", listed, ours.issuers_pem, "list", expires=True)
    rotated = rotate(keys, ["authority"])
    for signed in (before, seal("revocations", {}, ours.signer, valid=DAY)):
        for ring in (ours, rotated):
            assert unseal("revocations", signed, ring.issuers_pem, "list", expires=True)


def test_a_chain_of_three_is_installed_and_its_clips_are_confirmed(
    keys: Path, authority: Authority, clip: Path
) -> None:
    middle = authority.intermediate()
    request = signing_request(key_holder(keys, None), "Example Studio")
    chain = authority.certify(request, by=middle) + middle.certificate_pem
    with pytest.raises(KeyringError, match="add the authority's root"):
        import_chain(keys, chain)
    ring = import_chain(keys, chain + authority.root.certificate_pem)
    assert ring.signer.chain_pem == chain
    result = stamp_clip(clip, keys.parent / "out.mp4", ring)
    keys_held, path = ring.watermark_keys, Path(result.output_path)
    assert verify(path, watermark_keys=keys_held, trust=ring.trust).verdict is Verdict.CONFIRMED
    # The authority's other customers sign about our stamps: its root alone confirms none.
    trust = Trust(authority.root.certificate_pem)
    told = verify(path, watermark_keys=keys_held, trust=trust)
    assert told.verdict is Verdict.WATERMARK_UNKNOWN


def test_a_key_in_a_service_is_not_rotated_away_by_a_file(
    keys: Path, kms: Kms, authority: Authority
) -> None:
    spec = certified(kms.make_key(), authority)
    root = authority.root.certificate_pem
    import_chain(keys, spec.chain_pem or b"", uri=spec.uri, root_pem=root)
    for kind in ("signing", "authority"):
        with pytest.raises(KeyringError, match="import-chain"):
            rotate(keys, {kind})
    rotate(keys, {"watermark", "prompt"})
    assert Keyring.load(keys).signer.chain_pem == spec.chain_pem


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no root", "leads to no root"),
        ("no usage", "not one for signing claims"),
        ("two leaves", "do not follow one another"),
        ("another key", "does not belong"),
        ("twice", "already"),
        ("not PEM", "holds no certificate"),
    ],
)
def test_a_chain_that_can_not_be_used_is_told_and_changes_nothing(
    keys: Path, authority: Authority, what: str, words: str
) -> None:
    request = signing_request(key_holder(keys, None), "Example Studio")
    chain = authority.certify(request, ExtendedKeyUsage=what == "no usage")
    root: bytes | None = None if what == "no root" else authority.root.certificate_pem
    if what == "two leaves":
        chain += authority.certify(request)
    elif what == "another key":
        chain = issue_signer("Example Studio", authority.root).certificate_pem
    elif what == "twice":
        import_chain(keys, chain, root_pem=root)
    elif what == "not PEM":
        chain = b"hello"
    before = (keys / "keyring.json").read_bytes()
    names = {path.name for path in keys.rglob("*")} | {".lock"}
    with pytest.raises(KeyringError, match=words):
        import_chain(keys, chain, root_pem=root)
    assert (keys / "keyring.json").read_bytes() == before
    assert {path.name for path in keys.rglob("*")} <= names


def test_an_expired_certificate_is_not_installed(keys: Path, authority: Authority) -> None:
    request = signing_request(key_holder(keys, None), "Example Studio")
    with pytest.raises(SigningError, match="expired"):
        import_chain(keys, authority.certify(request, days=0), root_pem=None)


def test_the_keyrings_own_authority_certifies_a_key_in_a_service(
    run: Run, hsm: Hsm, keys: Path, clip: Path
) -> None:
    uri = hsm.make_key("our own")
    flags = ("--keys", keys, "--signer", uri)
    pin = {"env": {"PROVENANCE_PKCS11_PIN": PIN}}
    named = ("--org", "Example Studio")
    assert run("keys", "csr", *flags, *named, "--out", "request.pem", **pin).code == 0
    words = ("keys", "issue", "request.pem", "--keys", keys, *named, "--out", "chain.pem")
    assert run(*words).code == 0
    again = run(*words)
    assert (again.code, "exists already" in again.err) == (2, True)
    # For one clip by flags, or from now on by the index.
    described = (*MODEL, "--prompt", "moss", "--registry", "none", "--signer-chain", "chain.pem")
    stamped = run("stamp", clip, "out.mp4", *described, *flags, **pin)
    assert stamped.code == 0, stamped.err
    chain = (keys.parent / "chain.pem").read_bytes()
    assert Keyring.load(keys).signer.chain_pem != chain
    leaf = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
    assert leaf in (keys.parent / "out.mp4").read_bytes()
    assert run("keys", "import-chain", "chain.pem", *flags, **pin).code == 0
    ring = Keyring.load(keys, pin=PIN)
    root = x509.load_pem_x509_certificate(ring.trust_anchors_pem)
    x509.load_pem_x509_certificate(ring.signer.chain_pem).verify_directly_issued_by(root)
    check_ready(ring.signer)


def test_an_authority_certifies_only_what_a_key_asked_for_itself(keys: Path) -> None:
    request = signing_request(key_holder(keys, None), "Example Studio")
    damaged = bytearray(base64.b64decode(b"".join(request.splitlines()[1:-1])))
    damaged[-1] ^= 1
    spoilt = x509.load_der_x509_csr(bytes(damaged)).public_bytes(Encoding.PEM)
    for content, words in ((b"hello", "no PKCS #10 request"), (spoilt, "not signed by its own")):
        with pytest.raises(KeyringError, match=words):
            issue(keys, content, "Example Studio")


def test_the_signer_that_the_documentation_shows_works(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Keyring.load(keys).signer
    monkeypatch.chdir(keys.parent)
    Path("chain.pem").write_bytes(own.chain_pem)

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(own.sign(data))

    page = (ROOT / "docs" / "key-services.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M)
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        names: dict[str, Any] = {"URL": f"http://127.0.0.1:{server.server_port}"}
        exec(compile(example, "key-services.md", "exec"), names)  # noqa: S102 - our own page
        signer = names["keyring"].signer
        assert signature_fits(signer.alg, signer.chain_pem, signer.sign(DATA), DATA)
        server.shutdown()
    with pytest.raises(KeyServiceError):
        signer.sign(DATA)
