"""A certificate request for a key that signs but can't be read."""

from __future__ import annotations

from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from provenance.manifest.certificates import PrivateKey, request_certificate
from provenance.signers.service import KeyHolder


def signing_request(holder: KeyHolder, organisation: str) -> bytes:
    """A PKCS #10 request (PEM), signed where the key is.

    Raises:
        UsageError: when the name can't stand in a certificate.
        SigningError: when the key can't be used.
    """
    public = holder.public_key()
    key: PrivateKey
    if isinstance(public, ec.EllipticCurvePublicKey):
        key = _EcKey(holder, public)
    elif isinstance(public, rsa.RSAPublicKey):
        key = _RsaKey(holder, public)
    else:
        key = _EdKey(holder, public)
    return request_certificate(organisation, key)


class _Unreadable:
    """What stands for a private key that stays where it is: it signs, and that is all."""

    def __init__(self, holder: KeyHolder, public: Any) -> None:
        self._holder, self._public = holder, public

    def public_key(self) -> Any:
        return self._public

    @property
    def key_size(self) -> int:
        return int(self._public.key_size)

    def sign(self, data: Any, *_: Any) -> bytes:
        return self._holder.sign(bytes(data))

    def _stays(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this key never leaves its service")

    private_bytes = private_bytes_raw = private_numbers = exchange = decrypt = _stays

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self


class _EcKey(_Unreadable, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve  # type: ignore[no-any-return]

    def sign(self, data: Any, *_: Any) -> bytes:
        signature = self._holder.sign(bytes(data))
        half = len(signature) // 2
        r, s = signature[:half], signature[half:]
        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


class _RsaKey(_Unreadable, rsa.RSAPrivateKey):
    pass


class _EdKey(_Unreadable, ed25519.Ed25519PrivateKey):
    pass
