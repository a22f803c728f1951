"""A keyring: the keys of one folder, as the rest of the program uses them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.errors import KeyringError, about
from provenance.keyring.files import INDEX
from provenance.keyring.folder import KeyFolder
from provenance.manifest.prompt import PromptKey
from provenance.manifest.signer import Signer
from provenance.manifest.trust import Trust
from provenance.system.given import path_of
from provenance.watermark.code.keys import WatermarkKey

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a folder of keys holds; ``repr`` shows no secret.

    ``trust_anchors_pem`` is whom to trust as signers: the organisation's own root and what else
    the index lists.  ``issuers_pem`` is whom to believe stamps, revocation lists, bundles and
    audit heads: of those anchors the keyring's own authorities, and the certificates of its signing
    keys, so that another customer of an outside authority confirms and withdraws nothing.
    ``tsa_anchors_pem`` is whom to believe the time: empty unless somebody puts files under
    ``timestamp_anchors`` of the index.  ``watermark_keys`` is newest first, its first the one to
    stamp with.  ``warnings`` holds one sentence for each file that people other than its owner may
    read or change.
    """

    folder: Path
    organisation: str
    watermark_keys: tuple[WatermarkKey, ...]
    trust_anchors_pem: bytes = field(repr=False)
    issuers_pem: bytes = field(repr=False)
    tsa_anchors_pem: bytes = field(repr=False)
    warnings: tuple[str, ...]
    _signer: Signer | KeyringError = field(repr=False)
    _prompt_keys: tuple[PromptKey, ...] | KeyringError = field(repr=False)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, pin: str | None = None) -> Keyring:
        """Read the keyring in ``folder``.

        Args:
            folder: of the keys.
            pin: of the PKCS #11 token, where the signing key is in one whose address names no
                ``pin-source``.

        Raises:
            KeyringError: when there is no keyring, it can't be read, its index is damaged, or a
                watermark key or trust anchor that the index names is missing or damaged.
        """
        with about(path_of(folder), KeyringError):
            return read_keyring(path_of(folder), pin=pin)

    @property
    def trust(self) -> Trust:
        """Whom to trust: for signing, for the time, and for confirming this keyring's stamps."""
        return Trust(self.trust_anchors_pem, self.tsa_anchors_pem, self.issuers_pem)

    @property
    def watermark_key(self) -> WatermarkKey:
        """The key to stamp with.

        Raises:
            KeyringError: when this keyring holds none.
        """
        if not self.watermark_keys:
            raise KeyringError(
                f"{self.folder} holds no watermark key",
                advice="copy the keyring's `watermark` folder and its index there",
            )
        return self.watermark_keys[0]

    @property
    def watermark_key_ids(self) -> tuple[str, ...]:
        """By which registries know it: the ids of its watermark keys, retired ones too."""
        return tuple(key.key_id for key in self.watermark_keys)

    @property
    def prompt_key(self) -> PromptKey:
        """The key that prompts are hashed with.

        Raises:
            KeyringError: when it is missing or damaged.
        """
        return self.prompt_keys[0]

    @property
    def prompt_keys(self) -> tuple[PromptKey, ...]:
        """Every prompt key, newest first, for checking older hashes.

        Raises:
            KeyringError: when one is missing or damaged.
        """
        if isinstance(self._prompt_keys, KeyringError):
            raise KeyringError(str(self._prompt_keys)) from self._prompt_keys
        return self._prompt_keys

    @property
    def signer(self) -> Signer:
        """The signer of manifests.  A key service is contacted when it first signs.

        Raises:
            KeyringError: when its key or certificate is missing, damaged, or the two do not
                belong together.  (Dates are checked when signing, by then they may have passed.)
        """
        if isinstance(self._signer, KeyringError):
            raise KeyringError(str(self._signer)) from self._signer
        return self._signer

    def with_signer(self, signer: Signer) -> Keyring:
        """The same keys with another signer of manifests, who then stamps with them."""
        leaf = x509.load_pem_x509_certificates(signer.chain_pem)[0].public_bytes(Encoding.PEM)
        return replace(self, _signer=signer, issuers_pem=self.issuers_pem + leaf)


def is_keyring(folder: Path) -> bool:
    """Say whether ``folder`` holds a keyring, damaged or not."""
    return (folder / INDEX).exists()


def read_keyring(
    folder: Path, index: dict[str, Any] | None = None, *, pin: str | None = None
) -> Keyring:
    """The keyring of a folder by the index given, or the one in it; see :meth:`Keyring.load`."""
    source = KeyFolder(folder, pin=pin)
    index = source.index() if index is None else index
    watermark_keys = source.watermark_keys(index)
    anchors, tsa_anchors = (
        b"".join(source.certificates(file) for file in source.names(index, kind))
        for kind in ("trust_anchors", "timestamp_anchors")
    )
    return Keyring(
        folder,
        source.organisation(index),
        watermark_keys,
        anchors,
        source.issuers(index),
        tsa_anchors,
        # Read before the warnings are taken: they add to them.
        _signer=_deferred(lambda: source.signer(index)),
        _prompt_keys=_deferred(lambda: source.prompt_keys(index)),
        warnings=source.warnings,
    )


def _deferred(read: Callable[[], _Part]) -> _Part | KeyringError:
    """What ``read`` gives, or why it can't: kept until somebody asks for that part."""
    try:
        return read()
    except KeyringError as error:
        return error
