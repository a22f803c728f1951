"""The signer that holds its key in memory."""

import pickle

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from provenance.errors import KeyringError
from provenance.manifest import LocalSigner, Signer
from provenance.manifest.certificates import PrivateKey, issue_signer, make_root
from tests.signing import Studio


def signer_for(key: PrivateKey) -> LocalSigner:
    leaf = issue_signer("Example Studio", make_root("Example Studio"), key=key)
    return LocalSigner(leaf.key_pem, leaf.certificate_pem)


@pytest.mark.parametrize(
    ("curve", "alg", "digest", "width"),
    [
        (ec.SECP256R1(), "es256", SHA256(), 32),
        (ec.SECP384R1(), "es384", SHA384(), 48),
        (ec.SECP521R1(), "es512", SHA512(), 66),
    ],
)
def test_an_elliptic_curve_key_signs_at_fixed_width(
    curve: ec.EllipticCurve, alg: str, digest: SHA256 | SHA384 | SHA512, width: int
) -> None:
    key = ec.generate_private_key(curve)
    signer = signer_for(key)
    signature = signer.sign(b"claim")
    assert signer.alg == alg
    assert len(signature) == 2 * width
    der = encode_dss_signature(
        int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
    )
    key.public_key().verify(der, b"claim", ec.ECDSA(digest))


def test_an_ed25519_key_signs() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = signer_for(key)
    assert signer.alg == "ed25519"
    key.public_key().verify(signer.sign(b"claim"), b"claim")


def test_an_rsa_key_signs_with_pss() -> None:
    key = rsa.generate_private_key(65537, 2048)
    signer = signer_for(key)
    assert signer.alg == "ps256"
    scheme = padding.PSS(padding.MGF1(SHA256()), 32)
    key.public_key().verify(signer.sign(b"claim"), b"claim", scheme, SHA256())


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        x25519.X25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 1024),  # noqa: S505 - too short on purpose
    ],
    ids=["secp256k1", "x25519", "rsa1024"],
)
def test_a_key_that_can_not_sign_claims_is_refused(
    key: ec.EllipticCurvePrivateKey | x25519.X25519PrivateKey | rsa.RSAPrivateKey,
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyringError, match="type"):
        LocalSigner(pem, Studio().leaf.certificate_pem)


def test_a_key_and_a_certificate_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(KeyringError, match="belong"):
        LocalSigner(Studio().leaf.key_pem, Studio().leaf.certificate_pem)


def test_a_damaged_key_or_certificate_is_named() -> None:
    studio = Studio()
    with pytest.raises(KeyringError, match="key is damaged"):
        LocalSigner(studio.leaf.key_pem[:80], studio.leaf.certificate_pem)
    with pytest.raises(KeyringError, match="certificate is damaged"):
        LocalSigner(studio.leaf.key_pem, studio.leaf.certificate_pem[:80])
    with pytest.raises(KeyringError, match="certificate is damaged"):
        LocalSigner(studio.leaf.key_pem, b"")


def test_a_key_under_a_pass_phrase_is_refused_with_the_reason() -> None:
    studio = Studio()
    key = load_pem_private_key(studio.leaf.key_pem, None)
    locked = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    with pytest.raises(KeyringError, match="pass-phrase"):
        LocalSigner(locked, studio.leaf.certificate_pem)


def test_a_local_signer_fits_the_interface_and_can_not_be_carried_away() -> None:
    signer = Studio().signer
    assert isinstance(signer, Signer)
    assert x509.load_pem_x509_certificates(signer.chain_pem)
    assert "PRIVATE" not in repr(signer)
    with pytest.raises(TypeError):
        pickle.dumps(signer)
