"""Real key services for tests: a SoftHSM token, a KMS endpoint, and an authority that certifies."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import quote

import boto3
import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.server import ThreadedMotoServer
from pkcs11.util.ec import encode_named_curve_parameters

from provenance.manifest.certificates import Issued
from tests.services import missing

PIN = "1234"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
"""Any will do: the endpoint does not look."""
_PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/local/lib/softhsm")


@dataclass(frozen=True)
class Hsm:
    """A token of its own in a folder of its own."""

    module: Path
    label: str

    def make_key(self, name: str, kind: str = "secp256r1") -> str:
        """A new key pair, made inside; its address."""
        token = pkcs11.lib(str(self.module)).get_token(token_label=self.label)
        try:
            session = token.open(rw=True, user_pin=PIN)
        except pkcs11.UserAlreadyLoggedIn:
            session = token.open(rw=True)
        key_id = secrets.token_bytes(4)
        if kind == "rsa":
            session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, id=key_id, label=name)
        else:
            curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(kind)}
            parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
            parameters.generate_keypair(store=True, id=key_id, label=name)
        return self.uri(object=name)

    def uri(self, *, module: str | None = None, **parts: str) -> str:
        """An address in this token; name the parts that shall differ."""
        path = ";".join(f"{k}={quote(v)}" for k, v in ({"token": self.label} | parts).items())
        return f"pkcs11:{path}?module-path={module or self.module}"


def make_hsm(folder: Path) -> Hsm:
    """Initialise a token; from now on this process and its children see it and no other."""
    found = [Path(place) / "libsofthsm2.so" for place in _PLACES]
    module = next((path for path in found if path.is_file()), None)
    if module is None:
        missing("SoftHSM", "run scripts/test, or install Debian's softhsm2")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "studio"),
            *("--pin", PIN, "--so-pin", "567890"),
        ],
        check=True,
        capture_output=True,
    )
    return Hsm(module, "studio")


@dataclass(frozen=True)
class Kms:
    """A KMS endpoint of this process."""

    endpoint: str

    @property
    def client(self) -> Any:
        """The service's own way in."""
        return boto3.client("kms", region_name="eu-west-1", endpoint_url=self.endpoint)

    def make_key(self, spec: str = "ECC_NIST_P256") -> str:
        """A new key; its address."""
        made = self.client.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)
        return self.uri(made["KeyMetadata"]["KeyId"])

    def uri(self, key_id: str) -> str:
        return f"awskms:{key_id}?region=eu-west-1&endpoint={self.endpoint}"


@contextmanager
def running_kms() -> Iterator[Kms]:
    """A KMS endpoint on a free port of this machine."""
    os.environ.update(CREDENTIALS)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        with patch.object(KmsResponse, "sign", partialmethod(_sign, KmsResponse.sign)):
            host, port = server.get_host_and_port()
            yield Kms(f"http://{host}:{port}")
    finally:
        server.stop()


def _sign(response: Any, original: Any) -> str:
    """What moto does not do as KMS documents it: messages that are digests, the limit on others,
    and a salt as long as the hash."""
    message = response._get_param("Message")
    name = response._get_param("SigningAlgorithm")
    hashed = {"256": SHA256(), "384": SHA384(), "512": SHA512()}[name[-3:]]
    digest = response._get_param("MessageType") == "DIGEST"
    if not digest and len(message) > 4096:
        raise ValidationException("Value at 'Message' failed to satisfy constraint")
    key_id = response._get_param("KeyId")
    response._validate_key_id(key_id)
    key = response.kms_backend.describe_key(key_id).private_key
    if not hasattr(key, "private_key") or not (digest or "PSS" in name):
        return str(original(response))
    algorithm = Prehashed(hashed) if digest else hashed
    if "PSS" in name:
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        signature = key.private_key.sign(message, pss, algorithm)
    else:
        signature = key.private_key.sign(message, ec.ECDSA(algorithm))
    encoded = base64.b64encode(signature).decode()
    return json.dumps({"KeyId": key_id, "Signature": encoded, "SigningAlgorithm": name})


@dataclass(frozen=True)
class Authority:
    """A certificate authority elsewhere, that sees nothing but the request."""

    root: Issued

    @classmethod
    def new(cls) -> Authority:
        return cls(_make_ca("Example Authority", None, path_length=1))

    def certify(
        self, request_pem: bytes, days: int = 90, by: Issued | None = None, **left_out: bool
    ) -> bytes:
        """A certificate for a request, with the extensions it asks for."""
        request = x509.load_pem_x509_csr(request_pem)
        assert request.is_signature_valid
        issuing = by or self.root
        key = load_pem_private_key(issuing.key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(issuing.certificate_pem)
        ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        start = datetime.now(UTC) - timedelta(hours=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False
            )
        )
        for extension in request.extensions:
            if not left_out.get(type(extension.value).__name__):
                builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(key, SHA384()).public_bytes(Encoding.PEM)

    def intermediate(self) -> Issued:
        """An issuing certificate under the root, as authorities use for what they sell."""
        return _make_ca("Example Issuing", self.root, path_length=0)


def _make_ca(name: str, above: Issued | None, path_length: int) -> Issued:
    key = ec.generate_private_key(ec.SECP384R1())
    subject = issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing, ski = key, x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)
    if above is not None:
        signing = cast("ec.EllipticCurvePrivateKey", load_pem_private_key(above.key_pem, None))
        root = x509.load_pem_x509_certificate(above.certificate_pem)
        issuer = root.subject
        theirs = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(theirs)
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    start = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(ski, critical=False)
        .add_extension(aki, critical=False)
        .sign(signing, SHA384())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Issued(pem, certificate.public_bytes(Encoding.PEM))
