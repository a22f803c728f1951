"""A signer whose key is in a service: opened in the process that uses it, checked against its
certificate."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from provenance.errors import SigningError
from provenance.manifest.certificates import PublicKey
from provenance.manifest.signer import (
    Signer,
    algorithm_for,
    no_certificate,
    public_key_of,
    signature_fits,
)

_TEST = b"provenance-stamp: a test that this key can sign, and a claim of nothing"


class KeyService(Protocol):
    """One key in a service, opened in this process; any thread may call it.

    Both raise :class:`provenance.errors.SigningError` with one sentence when they fail, and
    :class:`provenance.errors.KeyServiceError` when trying again may help.
    """

    def public_key(self) -> PublicKey:
        """The public half."""

    def sign(self, data: bytes, alg: str) -> bytes:
        """Sign the hash of ``data`` by that algorithm: ECDSA as ``r || s``, RSA by PSS."""


@runtime_checkable
class KeyHolder(Signer, Protocol):
    """A signer that can also tell its public key, so that a certificate can be requested."""

    def public_key(self) -> PublicKey:
        """The public half of the key."""


class ServiceSigner:
    """A :class:`provenance.manifest.Signer` on top of a :class:`KeyService`.

    Nothing is contacted before the first use.  What ``connect`` makes belongs to one process: a
    child of a ``fork`` makes its own.

    Args:
        name: of the key, for messages.
        chain_pem: certificates, the key's own first; None when there is none yet.
        connect: opens the key.

    Raises:
        KeyringError: when the certificate can't be read or its key can't sign a manifest.
    """

    __slots__ = ("_alg", "_chain_pem", "_connect", "_name", "_ready_in", "_service")

    def __init__(
        self, name: str, chain_pem: bytes | None, connect: Callable[[], KeyService]
    ) -> None:
        self._name = name
        self._chain_pem = chain_pem
        self._alg = None if chain_pem is None else algorithm_for(public_key_of(chain_pem))
        self._connect = connect
        self._service: tuple[int, KeyService] | None = None
        self._ready_in: int | None = None

    @property
    def alg(self) -> str:
        """By the certificate; without one, by the key, which the service is asked for."""
        return algorithm_for(self.public_key()) if self._alg is None else self._alg

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
        """The public half, from the service."""
        return self._opened().public_key()

    def sign(self, data: bytes) -> bytes:
        """Sign ``data``; see :meth:`provenance.manifest.Signer.sign`."""
        alg = self.alg
        return self._opened().sign(data, alg)

    def ready(self) -> None:
        """Have the service sign a test, once a process, so that a fault shows before the work.

        Raises:
            SigningError: when it can't, or its key does not belong to the certificate.
        """
        if self._ready_in == os.getpid():
            return
        if not signature_fits(self.alg, self.chain_pem, self.sign(_TEST), _TEST):
            raise SigningError(
                f"The key {self._name} does not belong to the signing certificate",
                advice="name the key that the certificate was issued for",
            )
        self._ready_in = os.getpid()

    def _opened(self) -> KeyService:
        if self._service is None or self._service[0] != os.getpid():
            self._service = (os.getpid(), self._connect())
        return self._service[1]

    def __repr__(self) -> str:
        return f"ServiceSigner({self._name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a ServiceSigner can't be pickled: open its SignerSpec in the worker")


def check_ready(signer: Signer) -> None:
    """Have a signer that can say so find out whether it can sign now, before long work.

    Raises:
        SigningError: when it can't.
    """
    ready = getattr(signer, "ready", None)
    if callable(ready):
        ready()
