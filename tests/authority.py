"""A local RFC 3161 timestamp authority for the tests: real tokens over HTTP, no openssl needed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SHA256_ALGORITHM = bytes.fromhex("300d06096086480165030402010500")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
TST_INFO = "1.2.840.113549.1.9.16.1.4"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element."""
    body = b"".join(parts)
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    return tlv(0x04, value)


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = bytearray([first * 40 + second])
    for value in rest:
        chunk = [value & 0x7F]
        while value := value >> 7:
            chunk.append(0x80 | value & 0x7F)
        body += bytes(reversed(chunk))
    return tlv(0x06, bytes(body))


def elements(body: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, content and whole encoding of each element in ``body``."""
    at = 0
    while at < len(body):
        start, tag, length = at, body[at], body[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(body[at : at + count], "big")
            at += count
        yield tag, body[at : at + length], body[start : at + length]
        at += length


@dataclass
class Authority:
    """Keys, clock and manners of the authority; ``behaviour`` may be changed while it serves."""

    clock: datetime | None = None
    behaviour: str = "answer"  # or: refuse, garbage, error, hang
    requests: int = 0
    url: str = ""
    root_pem: bytes = b""
    release: threading.Event = field(default_factory=threading.Event)
    _key: ec.EllipticCurvePrivateKey = field(init=False, repr=False)
    _certificate: x509.Certificate = field(init=False, repr=False)

    def __post_init__(self) -> None:
        root_key = ec.generate_private_key(ec.SECP256R1())
        root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Time Root")])
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Time Stamping")])
        start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=3650)
        root_ski = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
        root = (
            x509.CertificateBuilder(root_name, root_name, root_key.public_key(), 1, start, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(root_ski, critical=False)
            .sign(root_key, SHA256())
        )
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        self._certificate = (
            x509.CertificateBuilder(root_name, name, public, 2, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_ski),
                critical=False,
            )
            .sign(root_key, SHA256())
        )
        self.root_pem = root.public_bytes(Encoding.PEM)
        self.root_key = root_key
        self.root = root

    def reply(self, request: bytes) -> bytes:
        """The TimeStampResp (DER) for a TimeStampReq (DER)."""
        if self.behaviour == "refuse":
            return sequence(sequence(integer(2)))
        ((_, body, _),) = elements(request)
        parts = list(elements(body))
        imprint = parts[1][2]
        nonce = next((whole for tag, _, whole in parts[2:] if tag == 0x02), b"")
        now = (self.clock or datetime.now(UTC)).strftime("%Y%m%d%H%M%SZ").encode()
        info = sequence(
            integer(1),
            oid("1.2.3.4.1"),
            imprint,
            integer(self.requests),
            tlv(0x18, now),
            nonce,
        )
        certificate = self._certificate.public_bytes(Encoding.DER)
        attributes = (
            sequence(oid("1.2.840.113549.1.9.3"), set_of(oid(TST_INFO))),
            sequence(oid("1.2.840.113549.1.9.4"), set_of(octets(hashlib.sha256(info).digest()))),
            sequence(
                oid("1.2.840.113549.1.9.16.2.47"),
                set_of(sequence(sequence(sequence(octets(hashlib.sha256(certificate).digest()))))),
            ),
        )
        signature = self._key.sign(set_of(*attributes), ec.ECDSA(SHA256()))
        signer = sequence(
            integer(1),
            sequence(
                self._certificate.issuer.public_bytes(), integer(self._certificate.serial_number)
            ),
            SHA256_ALGORITHM,
            b"\xa0" + set_of(*attributes)[1:],
            ECDSA_SHA256,
            octets(signature),
        )
        signed = sequence(
            integer(3),
            set_of(SHA256_ALGORITHM),
            sequence(oid(TST_INFO), tlv(0xA0, octets(info))),
            tlv(0xA0, certificate),
            set_of(signer),
        )
        return sequence(
            sequence(integer(0)),
            sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, signed)),
        )


@contextmanager
def serve(authority: Authority) -> Iterator[Authority]:
    """Serve ``authority`` on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.requests += 1
            request = self.rfile.read(int(self.headers["Content-Length"]))
            if authority.behaviour == "hang":
                authority.release.wait(120)
                return
            if authority.behaviour == "error":
                self.send_error(503)
                return
            reply = b"hello" if authority.behaviour == "garbage" else authority.reply(request)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield authority
    finally:
        authority.release.set()
        server.shutdown()
        server.server_close()


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
