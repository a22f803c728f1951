"""The signer interface, and the signer that holds its key in a local file.

A key-management service fits behind :class:`Signer` without any change elsewhere: it has three
members, knows nothing of C2PA, and signs at most a few hundred kilobytes at a time.
"""

from __future__ import annotations

from typing import Protocol, cast, runtime_checkable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, Hash, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from provenance.errors import KeyringError
from provenance.manifest.certificates import PrivateKey, PublicKey

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
"""COSE algorithms a signer may name, as C2PA spells them, in lower case."""

_MIN_RSA_BITS = 2048
_CURVES: dict[str, tuple[str, HashAlgorithm, int]] = {
    "secp256r1": ("es256", SHA256(), 32),
    "secp384r1": ("es384", SHA384(), 48),
    "secp521r1": ("es512", SHA512(), 66),
}
_PSS: dict[str, HashAlgorithm] = {"ps256": SHA256(), "ps384": SHA384(), "ps512": SHA512()}
_HASHES = _PSS | {alg: digest for alg, digest, _ in _CURVES.values()}


@runtime_checkable
class Signer(Protocol):
    """What signs a claim.

    Contract for implementers (a KMS, an HSM, a signing service):

    * the three members may be read and called from any thread, also from several at once;
    * make network connections in :meth:`sign`, not at construction, and re-open them in a worker
      process: an object made before ``fork`` may be used after it;
    * :meth:`sign` raises :class:`provenance.errors.SigningError` with one sentence for the user
      when it can't sign (:class:`provenance.errors.KeyServiceError` when trying again may help);
      any other exception is wrapped into one by the builder, and its text is not shown, since it
      may hold secrets.

    docs/key-services.md shows one.
    """

    @property
    def alg(self) -> str:
        """One of :data:`ALGORITHMS`; it must fit the key of the chain's first certificate."""

    @property
    def chain_pem(self) -> bytes:
        """PEM certificates, the signer's first, then its issuers; the root may be left out."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``, which is hashed by the signer, not by the caller.

        ECDSA: ``r || s`` at fixed width (IEEE P1363); a DER signature is accepted as well.
        RSA: PSS with the algorithm's own hash, MGF1 with the same, salt as long as the hash.
        """


class LocalSigner:
    """Signs with a private key in memory: EC P-256/384/521, Ed25519, or RSA of 2048 bits and up.

    Args:
        private_key_pem: PKCS #8 or traditional PEM without pass-phrase.
        chain_pem: the certificate chain, the signer's certificate first; None when there is none
            yet, and one is to be requested.

    Raises:
        KeyringError: when either can't be read, the key type can't sign a claim, or the key does
            not belong to the first certificate.
    """

    __slots__ = ("_alg", "_chain_pem", "_key")

    def __init__(self, private_key_pem: bytes, chain_pem: bytes | None) -> None:
        self._key = _load(private_key_pem)
        self._alg = algorithm_for(self._key.public_key())
        self._chain_pem = chain_pem
        if chain_pem is not None and public_key_of(chain_pem) != self._key.public_key():
            raise KeyringError(
                "The signing key does not belong to the signing certificate",
                advice="put the two files back that were made together",
            )

    @property
    def alg(self) -> str:
        """The COSE algorithm, chosen by the key's type."""
        return self._alg

    @property
    def chain_pem(self) -> bytes:
        """The chain as given.

        Raises:
            KeyringError: when none was.
        """
        if self._chain_pem is None:
            raise no_certificate()
        return self._chain_pem

    def public_key(self) -> PublicKey:
        """The public half of the key."""
        return self._key.public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign ``data``; see :meth:`Signer.sign`."""
        key = self._key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            _, digest, width = _CURVES[key.curve.name]
            r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(width, "big") + s.to_bytes(width, "big")
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH)
        return key.sign(data, pss, SHA256())

    def __repr__(self) -> str:
        return f"LocalSigner(alg={self._alg!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # A pickle would carry the private key to wherever the pickle goes.
        raise TypeError("a LocalSigner can't be pickled: load the keyring in the worker")


def signature_fits(alg: str, chain_pem: bytes, signature: bytes, data: bytes) -> bool:
    """Say whether ``signature`` over ``data`` holds under the chain's first certificate.

    ``False`` also when the algorithm does not go with the certificate's key.
    """
    try:
        key = x509.load_pem_x509_certificates(chain_pem)[0].public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            expected, digest, width = _CURVES[key.curve.name]
            if len(signature) == 2 * width:
                r, s = signature[:width], signature[width:]
                signature = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            key.verify(signature, data, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            expected = alg if alg in _PSS else "ps256"
            digest = _PSS[expected]
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, data, pss, digest)
        elif isinstance(key, ed25519.Ed25519PublicKey):
            expected = "ed25519"
            key.verify(signature, data)
        else:
            return False
    except (ValueError, KeyError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return alg == expected


def digest_of(data: bytes, alg: str) -> bytes:
    """The hash of ``data`` that an ECDSA or PSS algorithm signs."""
    digest = Hash(_HASHES[alg])
    digest.update(data)
    return digest.finalize()


def algorithm_for(key: object) -> str:
    """The algorithm, one of :data:`ALGORITHMS`, that a public key signs with.

    Raises:
        KeyringError: when a key of this type can't sign a manifest.
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name][0]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_RSA_BITS:
        return "ps256"
    raise KeyringError(
        "The signing key's type can't sign a manifest",
        advice="use EC P-256, P-384 or P-521, Ed25519, or RSA with at least 2048 bits",
    )


def public_key_of(chain_pem: bytes) -> PublicKey:
    """The key of a chain's first certificate.

    Raises:
        KeyringError: when it can't be read, or is of a type that can't sign a manifest.
    """
    try:
        key = x509.load_pem_x509_certificates(chain_pem)[0].public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyringError(
            "The signing certificate is damaged",
            advice="put its PEM file back from your backup",
        ) from error
    algorithm_for(key)
    return cast("PublicKey", key)


def no_certificate() -> KeyringError:
    """What is said of a key that nothing can be signed with yet."""
    return KeyringError(
        "The signing key has no certificate yet",
        advice=(
            "request one with `provenance keys csr` and install it with `provenance keys "
            "import-chain`"
        ),
    )


def _load(private_key_pem: bytes) -> PrivateKey:
    try:
        key = load_pem_private_key(private_key_pem, password=None)
    except TypeError as error:
        raise KeyringError(
            "The signing key is locked with a pass-phrase, which is not supported",
            advice="store it without one in a folder that only you can read",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyringError(
            "The signing key is damaged",
            advice="put its PEM file back from your backup",
        ) from error
    algorithm_for(key.public_key() if hasattr(key, "public_key") else key)
    return cast("PrivateKey", key)
