"""A key in a PKCS #11 token, through python-pkcs11 (``pip install provenance-stamp[pkcs11]``)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from provenance.errors import KeyServiceError, SigningError
from provenance.manifest.certificates import PublicKey
from provenance.manifest.signer import digest_of
from provenance.signers.spec import TokenKey

_Answer = TypeVar("_Answer")

PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Seconds before a token that was not found is looked for again."""

_MAX_PIN = 4096
_PSS: Final = {"ps256": ("SHA256", 32)}
_initialised: dict[str, int] = {}
"""In which process each module was initialised: a child of a fork has to do it again."""
_locks: dict[tuple[int, str], threading.RLock] = {}
"""One a process and module: modules are initialised as for a single thread (``C_Initialize``
without arguments), and a lock that another thread held at a fork stays closed in the child."""


class TokenService:
    """One private key of a token, and a session that is logged in.

    Raises:
        SigningError: when python-pkcs11 or the module is not there, the PIN is wrong or missing,
            or the token or the key is not there.
        KeyServiceError: when the token does not answer.
    """

    def __init__(self, key: TokenKey, pin: str | None) -> None:
        try:
            import pkcs11  # noqa: PLC0415 - an extra
            from pkcs11 import exceptions  # noqa: PLC0415
        except ImportError as error:
            raise SigningError(
                "Signing with a PKCS #11 token needs python-pkcs11",
                advice="run `pip install provenance-stamp[pkcs11]`",
            ) from error
        self._pkcs11, self._errors = pkcs11, exceptions
        self._key, self._pin = key, pin
        self._lock = _locks.setdefault((os.getpid(), key.module), threading.RLock())
        self._session: Any = None
        self._private: Any = None
        self._answered(lambda: None)

    def public_key(self) -> PublicKey:
        """The public half, from the public key object beside the private one."""
        der = self._answered(self._public_der)
        try:
            return cast("PublicKey", load_der_public_key(der))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SigningError(
                f"The key {self._name} can't sign a manifest",
                advice="use an EC or RSA key",
            ) from error

    def sign(self, data: bytes, alg: str) -> bytes:
        """See :class:`provenance.signers.service.KeyService`; any token signs a hash made here."""
        mechanism, parameters = self._pkcs11.Mechanism, None
        if alg in _PSS:
            name, salt = _PSS[alg]
            chosen = mechanism.RSA_PKCS_PSS
            parameters = (mechanism[name], self._pkcs11.MGF[name], salt)
        elif alg.startswith("es"):
            chosen = mechanism.ECDSA
        else:
            raise SigningError(
                f"A PKCS #11 token does not sign by {alg} here",
                advice="use EC or RSA",
            )
        digest = digest_of(data, alg)

        def sign() -> bytes:
            return bytes(self._private.sign(digest, mechanism=chosen, mechanism_param=parameters))

        return self._answered(sign)

    def _public_der(self) -> bytes:
        from pkcs11.util import ec, rsa  # noqa: PLC0415 - an extra

        key = self._found(self._session, self._pkcs11.ObjectClass.PUBLIC_KEY)
        encode = {
            self._pkcs11.KeyType.EC: ec.encode_ec_public_key,
            self._pkcs11.KeyType.RSA: rsa.encode_rsa_public_key,
        }.get(key.key_type)
        if encode is None:
            raise SigningError(
                f"The key {self._name} can't sign a manifest",
                advice="use an EC or RSA key",
            )
        return bytes(encode(key))

    def _found(self, session: Any, kind: Any) -> Any:
        return session.get_key(object_class=kind, label=self._key.label, id=self._key.key_id)

    def _answered(self, call: Callable[[], _Answer]) -> _Answer:
        """Call with a session; once more with a new one when the old one has gone."""
        errors = self._errors
        gone = (
            *(errors.SessionHandleInvalid, errors.SessionClosed, errors.UserNotLoggedIn),
            *(errors.DeviceRemoved, errors.DeviceError, errors.TokenNotPresent),
            *(errors.ObjectHandleInvalid, errors.KeyHandleInvalid),
        )
        with self._lock:
            try:
                try:
                    return self._with_session(call)
                except gone:
                    self._session = None
                    return self._with_session(call)
            except errors.PKCS11Error as error:
                raise self._explained(error) from error

    def _with_session(self, call: Callable[[], _Answer]) -> _Answer:
        if self._session is None:
            session = self._open()
            self._private = self._found(session, self._pkcs11.ObjectClass.PRIVATE_KEY)
            self._session = session
        return call()

    def _open(self) -> Any:
        """A session of the token, logged in.  A wrong PIN is tried once: tokens lock themselves."""
        module, pin = self._loaded(), self._read_pin()
        token = self._token(module)
        for pause in PAUSES:
            try:
                return self._logged_in(token, pin)
            except self._errors.GeneralError:  # no word on the PIN: others open it just now
                time.sleep(pause)
        return self._logged_in(token, pin)

    def _logged_in(self, token: Any, pin: str) -> Any:
        try:
            return token.open(user_pin=pin)
        except self._errors.UserAlreadyLoggedIn:
            return token.open()  # by another signer of this process; a login is the process's

    def _token(self, module: Any) -> Any:
        """The token; looked for again, since one that another process is just using may be hidden,
        or fail, for a moment (SoftHSM), and modules list their tokens when they are initialised."""
        for pause in PAUSES:
            try:
                return module.get_token(token_label=self._key.token, token_serial=self._serial)
            except (self._errors.NoSuchToken, self._errors.GeneralError):
                time.sleep(pause)
                module.reinitialize()
        return module.get_token(token_label=self._key.token, token_serial=self._serial)

    def _loaded(self) -> Any:
        path = self._key.module
        if not os.path.isfile(path):
            raise SigningError(
                f"The PKCS #11 module {path} is not there",
                advice="install it, or correct module-path",
            )
        module = self._pkcs11.lib(path)
        if _initialised.setdefault(path, os.getpid()) != os.getpid():
            module.reinitialize()
            _initialised[path] = os.getpid()
        return module

    def _read_pin(self) -> str:
        if self._key.pin_file is None:
            if self._pin is None:
                raise SigningError(
                    f"The PIN for {self._name} is not known",
                    advice=(
                        "set PROVENANCE_PKCS11_PIN, or name a file by pin-source in the address"
                    ),
                )
            return self._pin
        try:
            with self._key.pin_file.open(encoding="utf-8") as stream:
                return stream.read(_MAX_PIN).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SigningError(
                f"The PIN file {self._key.pin_file} can't be read",
                advice="check its path and permissions",
            ) from error

    @property
    def _serial(self) -> bytes | None:
        return None if self._key.serial is None else self._key.serial.encode()

    @property
    def _name(self) -> str:
        name = self._key.label
        if name is None:
            name = (self._key.key_id or b"").hex()
        return f"{name} in the token {self._key.token or self._key.serial or 'of the module'}"

    def _explained(self, error: Exception) -> SigningError:
        errors = self._errors
        for kinds, sentence in (
            ((errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange),
             "The PIN for {} is wrong; set the right one (tokens lock after a few wrong ones)."),
            ((errors.PinLocked, errors.PinExpired, errors.UserPinNotInitialized),
             "The PIN for {} is locked, expired or not set; reset it with the token's own tool."),
            ((errors.NoSuchToken, errors.MultipleTokensReturned),
             "The token for {} was not found, or there are several; check `token` and `serial`."),
            ((errors.NoSuchKey,),
             "There is no key {}, or only half of the pair; check `object` and `id`."),
            ((errors.MultipleObjectsReturned,),
             "There are several keys {}; name one by its `id`."),
            ((errors.MechanismInvalid, errors.KeyTypeInconsistent, errors.KeySizeRange,
              errors.FunctionNotSupported, errors.MechanismParamInvalid),
             "The key {} can't sign by this algorithm; use another key."),
        ):  # fmt: skip
            if isinstance(error, kinds):
                return SigningError(sentence.format(self._name))
        return KeyServiceError(
            f"The token of the key {self._name} did not answer ({type(error).__name__})",
            advice="check that it is there and try again",
        )
