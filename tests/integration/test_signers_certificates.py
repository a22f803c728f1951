"""Certificates that no careful signer uses: out of their time, for other uses, roots renewed."""

from __future__ import annotations

import copy
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from c2pa import Builder, C2paSigningAlg, Context, Signer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance import Keyring, StampResult, verify
from provenance.manifest import LocalSigner, Trust, read_manifest
from provenance.manifest.certificates import Issued, issue_signer, make_root
from provenance.manifest.trust import library_settings
from provenance.results import Verdict
from tests.signing import Studio, facts, sign

MIME = "video/mp4"


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def signed_anyhow(source: Path, target: Path, root: Issued, **bad: Any) -> Path:
    """Sign with a certificate that the library would refuse, as a stranger's tool can.

    The library is shown a good certificate of the same key and length; the other takes its place
    in what is signed, and in the file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    usual: dict[str, Any] = {"key": key, "ekus": (ExtendedKeyUsageOID.EMAIL_PROTECTION,)}
    good = issue_signer("Example Studio", root, **usual)
    shown = der(good.certificate_pem)
    for _ in range(200):
        used = der(issue_signer("Example Studio", root, **(usual | bad)).certificate_pem)
        if len(used) == len(shown):
            break
    assert len(used) == len(shown)
    inner = LocalSigner(good.key_pem, good.certificate_pem)

    def answer(data: bytes) -> bytes:
        assert data.count(shown) == 1
        return inner.sign(data.replace(shown, used))

    settings: dict[str, Any] = copy.deepcopy(library_settings(Trust(root.certificate_pem)))
    settings["verify"] |= {"verify_after_sign": False, "verify_trust": False}
    definition = facts().definition(mime=MIME, parent=False)
    chain = good.certificate_pem.decode()
    with (
        Context.from_dict(settings) as context,
        Signer.from_callback(answer, C2paSigningAlg.ES256, chain, None) as signer,
        Builder(definition, context=context) as builder,
        source.open("rb") as read,
        target.open("w+b") as written,
    ):
        builder.sign(signer, MIME, read, written)
    content = target.read_bytes()
    assert content.count(shown) == 1
    target.write_bytes(content.replace(shown, used))
    return target


@pytest.fixture(scope="module")
def root() -> Issued:
    """A root that is valid for as long as all these leaves, and longer."""
    return make_root("Example Studio", now=datetime.now(UTC) - timedelta(days=3000), years=30)


def test_the_way_these_are_signed_makes_a_trusted_manifest_of_a_good_certificate(
    root: Issued, clip: Path, tmp_path: Path
) -> None:
    """Else the tests below would show nothing of certificates."""
    signed = signed_anyhow(clip, tmp_path / "signed.mp4", root)
    assert read_manifest(signed, Trust(root.certificate_pem)).status == "trusted"


@pytest.mark.parametrize("days", [-2000, 400], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_time_makes_a_manifest_invalid(
    days: int, root: Issued, clip: Path, tmp_path: Path
) -> None:
    moment = datetime.now(UTC) + timedelta(days=days)
    signed = signed_anyhow(clip, tmp_path / "signed.mp4", root, now=moment, years=1)
    trust = Trust(root.certificate_pem)
    report = read_manifest(signed, trust)
    assert report.status == "invalid"
    assert "signingCredential.expired" in report.failures
    assert verify(signed, trust=trust).verdict is Verdict.CREDENTIAL_INVALID


@pytest.mark.parametrize(
    "usage",
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING],
    ids=["of a web server", "for code"],
)
def test_a_certificate_for_another_use_is_not_a_signers_though_its_root_is_trusted(
    usage: x509.ObjectIdentifier, root: Issued, clip: Path, tmp_path: Path
) -> None:
    signed = signed_anyhow(clip, tmp_path / "signed.mp4", root, ekus=(usage,))
    trust = Trust(root.certificate_pem)
    report = read_manifest(signed, trust)
    assert report.status == "invalid"
    assert "signingCredential.invalid" in report.failures
    assert verify(signed, trust=trust).verdict is Verdict.CREDENTIAL_INVALID


def renewed(root: Issued) -> Issued:
    """The same name and key in a new certificate, as authorities renew their roots."""
    old = x509.load_pem_x509_certificate(root.certificate_pem)
    key = load_pem_private_key(root.key_pem, None)
    assert isinstance(key, EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder(
        old.subject,
        old.subject,
        old.public_key(),
        x509.random_serial_number(),
        datetime.now(UTC) - timedelta(days=1),
        datetime.now(UTC) + timedelta(days=7000),
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate = builder.sign(key, SHA384())
    return Issued(root.key_pem, certificate.public_bytes(Encoding.PEM))


def test_a_renewed_root_with_the_same_key_trusts_what_the_old_one_signed_and_the_other_way(
    clip: Path, tmp_path: Path
) -> None:
    studio = Studio()
    new = renewed(studio.root)
    before = sign(studio, clip, tmp_path / "before.mp4")
    leaf = issue_signer(studio.name, new)
    after = sign(
        studio,
        clip,
        tmp_path / "after.mp4",
        signer=LocalSigner(leaf.key_pem, leaf.certificate_pem),
        trust=Trust(new.certificate_pem),
    )
    for anchors in (studio.root.certificate_pem, new.certificate_pem):
        for signed in (before, after):
            assert read_manifest(signed, Trust(anchors)).status == "trusted"


def test_a_root_of_the_same_name_with_another_key_trusts_nothing_of_it(
    clip: Path, tmp_path: Path
) -> None:
    studio, impostor = Studio(), Studio()
    signed = sign(studio, clip, tmp_path / "signed.mp4")
    assert read_manifest(signed, impostor.trust).status == "valid"
    both = Trust(impostor.root.certificate_pem + studio.root.certificate_pem)
    assert read_manifest(signed, both).status == "trusted"


def test_a_stamped_clip_stays_confirmed_under_its_renewed_root(
    stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    own = tmp_path / "keys"
    shutil.copytree(keyring.folder, own)
    key = next(own.rglob("ca/*key*.pem"))
    root = renewed(Issued(key.read_bytes(), keyring.trust_anchors_pem))
    report = verify(
        Path(stamped.output_path),
        watermark_keys=keyring.watermark_keys,
        trust=Trust(root.certificate_pem, issuers_pem=root.certificate_pem),
    )
    assert report.verdict is Verdict.CONFIRMED
