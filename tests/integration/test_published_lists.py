"""Lists that are published every day, and fetched by whoever verifies."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provenance import Keyring, StampResult
from provenance.documents.bundles import write_bundle
from provenance.documents.fetching import fetched_revocations
from provenance.documents.lists import write_revocations
from provenance.documents.seen import Seen
from provenance.errors import SealError, StorageError, UsageError
from provenance.registry import Registry, model_target
from tests.conftest import Run
from tests.stores import Bucket, environment, lead_to, running_s3

WEEK = datetime.timedelta(days=7)


class Page:
    """An https server of this machine that gives out one list, or fails as it is told."""

    def __init__(self, folder: Path) -> None:
        self.content = b""
        self.code, self.redirect = 200, ""
        self.root = folder / "web.pem"
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(page.code)
                if page.redirect:
                    self.send_header("location", page.redirect)
                self.send_header("content-length", str(len(page.content)))
                self.end_headers()
                self.wfile.write(page.content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate(folder))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/secret/list.json?sig=secret"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _certificate(self, folder: Path) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - WEEK)
            .not_valid_after(now + WEEK)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = made.public_bytes(serialization.Encoding.PEM)
        self.root.write_bytes(pem)
        both = folder / "web-both.pem"
        both.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + pem
        )
        return both


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    page = Page(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(page.root))
    yield page
    page.stop()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(str(tmp_path / "r.db"), create=True) as registry:
        yield registry


def listed(registry: Registry, keyring: Keyring, folder: Path) -> bytes:
    path = folder / "listed"
    path.unlink(missing_ok=True)
    write_revocations(registry, path, keyring.signer, valid=WEEK)
    return path.read_bytes()


def later(by: datetime.timedelta) -> time_machine.travel:
    return time_machine.travel(datetime.datetime.now(datetime.UTC) + by)


def withdraw(registry: Registry, name: str) -> None:
    registry.withdrawals.withdraw("model", model_target(name, None), "recalled")


def test_a_list_is_replaced_when_it_says_something_new_or_grows_old(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "list.json"
    write_revocations(registry, path, keyring.signer, valid=WEEK)
    with pytest.raises(UsageError, match="exists already"):
        write_revocations(registry, path, keyring.signer, valid=WEEK)

    def again() -> bool:
        return write_revocations(registry, path, keyring.signer, valid=WEEK, overwrite=True).written

    rows = registry.check().rows
    assert not again()
    assert registry.check().rows == rows, "nothing was exported"
    withdraw(registry, "a")
    assert again()
    assert not again()
    path.write_bytes(path.read_bytes()[:-30])
    assert again(), "a damaged one is replaced"
    assert not again()
    with later(0.6 * WEEK):
        assert again(), "half of its time is over"
        assert not again()


def test_what_is_no_list_is_never_replaced_by_one(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    bundle = tmp_path / "stamps.bundle"
    write_bundle(registry, bundle, keyring.signer, valid=WEEK)
    for content in (b"a stamped clip", b"", b'{"a": 1}', bundle.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"clip.mp4 is there and is no list of withdrawals"):
            write_revocations(registry, path, keyring.signer, valid=WEEK, overwrite=True)
        assert path.read_bytes() == content


def test_a_list_in_a_bucket_is_replaced_whole_and_says_how_long_it_may_be_kept(
    run: Run, registry: Registry, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_s3() as port:
        lead_to(monkeypatch, port)
        bucket = Bucket("lists", port)
        bucket.client.create_bucket(
            Bucket="lists", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        export = ("registry", "export", "--revocations", "s3://lists/w.list", "--registry", "r.db")
        words = (*export, "--keys", keyring.folder, "--overwrite")
        env = environment(port)
        assert run(*words, env=env).out == "s3://lists/w.list: 0 in force, signed\n"
        first = bucket.client.head_object(Bucket="lists", Key="w.list")
        assert first["CacheControl"] == "public, max-age=300"
        assert first["ContentType"] == "application/json"
        assert "left as it is" in run(*words, env=env).out
        assert bucket.client.head_object(Bucket="lists", Key="w.list")["ETag"] == first["ETag"]
        withdraw(registry, "a")
        assert run(*words, env=env).out == "s3://lists/w.list: 1 in force, signed\n"
        assert run(*words[:-1], env=env).code == 2, "without --overwrite nothing is replaced"
        found = fetched_revocations(
            "s3://lists/w.list", keyring.issuers_pem, tmp_path / "kept", warn=pytest.fail
        )
        assert len(found.by_target) == 1
    warned: list[str] = []
    again = fetched_revocations(
        "s3://lists/w.list", keyring.issuers_pem, tmp_path / "kept", warn=warned.append
    )
    assert (again, len(warned)) == (found, 1)
    assert "s3://lists/w.list could not be read" in warned[0]


def test_a_fetched_list_is_kept_and_taken_when_its_address_is_away(
    registry: Registry, keyring: Keyring, page: Page, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    warned: list[str] = []
    seen = Seen(tmp_path / "seen.json")

    def fetch() -> int:
        anchors = keyring.issuers_pem
        found = fetched_revocations(page.url, anchors, kept, seen=seen, warn=warned.append)
        return len(found.by_target)

    page.code = 503
    with pytest.raises(StorageError, match="answered 503"):
        fetch()
    withdraw(registry, "a")
    old = page.content = listed(registry, keyring, tmp_path)
    page.code = 200
    assert (fetch(), warned) == (1, [])
    withdraw(registry, "b")
    page.content = listed(registry, keyring, tmp_path)
    assert (fetch(), warned) == (2, [])
    for content, code, said in (
        (b"", 500, "answered 500"),
        (b"<html>", 200, "no signed document"),
        (old, 200, "older than one"),
    ):
        page.content, page.code = content, code
        assert fetch() == 2, "never fewer than were known"
        assert said in warned[-1]
        assert "Going by the list of" in warned[-1]
    page.stop()
    assert fetch() == 2
    assert "connection refused" in warned[-1]
    assert "secret" not in "".join(warned)
    assert all("secret" not in path.name for path in kept.iterdir())


def test_an_old_list_is_warned_of_and_an_expired_one_never_taken(
    registry: Registry, keyring: Keyring, page: Page, tmp_path: Path
) -> None:

    warned: list[str] = []
    page.content = listed(registry, keyring, tmp_path)

    def fetch() -> object:
        return fetched_revocations(
            page.url, keyring.issuers_pem, tmp_path / "kept", warn=warned.append
        )

    with later(0.5 * WEEK):
        fetch()
    assert not warned
    with later(0.8 * WEEK):
        fetch()
    assert "ask its publisher for a fresh one" in warned[-1]
    with later(1.1 * WEEK):
        with pytest.raises(SealError, match="expired"):
            fetch()
        page.code = 503
        with pytest.raises(StorageError):
            fetch()


@pytest.mark.parametrize("start", ["http://127.0.0.1", "https://a:b@127.0.0.1", "https://"])
def test_an_address_that_is_not_safe_is_refused_and_not_shown(
    start: str, keyring: Keyring, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        fetched_revocations(f"{start}/secret", keyring.issuers_pem, tmp_path, warn=pytest.fail)
    assert "secret" not in str(raised.value)


def test_a_redirect_leads_to_https_only_and_a_certificate_has_to_be_good(
    keyring: Keyring, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.code, page.redirect = 302, "http://127.0.0.1:1/"
    with pytest.raises(StorageError, match="answered 302"):
        fetched_revocations(page.url, keyring.issuers_pem, tmp_path, warn=pytest.fail)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(StorageError, match="certificate is not good"):
        fetched_revocations(page.url, keyring.issuers_pem, tmp_path, warn=pytest.fail)


def test_verify_goes_by_a_fetched_list_and_asks_no_address_that_was_not_given(
    run: Run, keyring: Keyring, stamped: StampResult, page: Page, registry: Registry
) -> None:
    tmp_path = page.root.parent
    withdraw(registry, "ExampleVideoModel")
    page.content = listed(registry, keyring, tmp_path)
    words = ("verify", stamped.output_path, "--keys", keyring.folder, "--registry", "none")
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert run(*words, "--json", env=env).row["verdict"] == "CONFIRMED"
    listing = (*words, "--revocations", page.url, "--json")
    assert run(*listing, env=env).row["verdict"] == "REVOKED"
    page.stop()
    away = run(*listing, env=env)
    assert json.loads(away.out)["verdict"] == "REVOKED"
    assert "Going by the list of" in away.err
    assert "secret" not in away.err
    new = run(*listing, env={"XDG_DATA_HOME": str(tmp_path / "other")})
    assert (new.code, new.out) == (4, "")
