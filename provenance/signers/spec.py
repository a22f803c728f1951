"""Which key signs, as a URI: ``file:``, ``pkcs11:`` (RFC 7512) or ``awskms:``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from provenance.errors import UsageError

_TOKEN_PARTS: Final = ("token", "serial", "object", "id", "type")
_TOKEN_QUERY: Final = ("module-path", "pin-source")
_KMS_QUERY: Final = ("region", "endpoint", "profile")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key in a PKCS #11 token: what the URI says of it, None where it says nothing."""

    module: str
    token: str | None = None
    serial: str | None = None
    label: str | None = None
    key_id: bytes | None = None
    pin_file: Path | None = None


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A key in AWS KMS."""

    key_id: str
    region: str | None = None
    endpoint: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class FileKey:
    """A PEM file."""

    path: Path


@dataclass(frozen=True, slots=True)
class SignerSpec:
    """A signing key and its certificates; holds no secret, and may be sent to another process.

    Attributes:
        uri: ``file:PATH``, ``pkcs11:...`` or ``awskms:KEY``.
        chain_pem: PEM certificates, the key's own first; None when there is none yet.

    Raises:
        UsageError: when the URI can't be read, or holds a PIN or a password.
    """

    uri: str
    chain_pem: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _ = self.key

    @property
    def key(self) -> TokenKey | KmsKey | FileKey:
        """What the URI names."""
        scheme, _, rest = self.uri.partition(":")
        if not self.uri.isprintable() or scheme not in _READERS:
            raise UsageError(
                "A signer's address starts with file:, pkcs11: or awskms: (docs/key-services.md)."
            )
        return _READERS[scheme](rest)

    @property
    def name(self) -> str:
        """The address without its query, as messages show it."""
        return self.uri.partition("?")[0]


def _token_key(text: str) -> TokenKey:
    """RFC 7512.  A part that is not understood is refused: it was to narrow the choice."""
    path, _, query = text.partition("?")
    parts = dict(_pairs(path, ";", _TOKEN_PARTS, "pkcs11"))
    extra = dict(_pairs(query, "&", _TOKEN_QUERY, "pkcs11"))
    if parts.get("type", b"private") != b"private":
        raise UsageError("A pkcs11: address names a private key: leave `type` out.")
    if "object" not in parts and "id" not in parts:
        raise UsageError("A pkcs11: address names the key by `object=` (its label) or `id=`.")
    if "module-path" not in extra:
        raise UsageError(
            "A pkcs11: address names the token's library, like "
            "?module-path=/usr/lib/softhsm/libsofthsm2.so."
        )
    source = _text(extra.get("pin-source"))
    if source is not None:
        source = source.removeprefix("file:").removeprefix("//")
        if not source.startswith("/"):
            raise UsageError("`pin-source` of a pkcs11: address is file: and a whole path.")
    return TokenKey(
        module=_text(extra["module-path"]) or "",
        token=_text(parts.get("token")),
        serial=_text(parts.get("serial")),
        label=_text(parts.get("object")),
        key_id=parts.get("id"),
        pin_file=None if source is None else Path(source),
    )


def _kms_key(text: str) -> KmsKey:
    key_id, _, query = text.partition("?")
    extra = {name: _text(value) for name, value in _pairs(query, "&", _KMS_QUERY, "awskms")}
    if not key_id:
        raise UsageError("An awskms: address names a key: its id, its ARN, or alias/NAME.")
    region = extra.get("region")
    if key_id.startswith("arn:"):
        # arn:aws:kms:REGION:ACCOUNT:key/ID
        fields = key_id.split(":")
        region = region or (fields[3] if len(fields) > 5 else None)
    endpoint = extra.get("endpoint")
    if endpoint is not None:
        _check_endpoint(endpoint)
    return KmsKey(key_id, region, endpoint, extra.get("profile"))


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            "`endpoint` of an awskms: address is an http:// or https:// address without a password."
        )


def _file_key(text: str) -> FileKey:
    path = text.removeprefix("//")
    if not path or "?" in path:
        raise UsageError("A file: address is followed by the path of a PEM file.")
    return FileKey(Path(path))


def _pairs(text: str, separator: str, known: tuple[str, ...], scheme: str) -> Iterator[_Pair]:
    seen = set()
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise UsageError(
                "A PIN never goes into an address, where it would be stored and shown; use "
                "pin-source=file:PATH or PROVENANCE_PKCS11_PIN."
            )
        if name not in known or not equals or name in seen:
            raise UsageError(
                f"{name[:40]!r} can't stand in a {scheme}: address (or not twice); known are "
                f"{', '.join(known)}."
            )
        seen.add(name)
        yield name, unquote_to_bytes(value)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError as error:
        raise UsageError("A signer's address is not UTF-8 text.") from error


_Pair = tuple[str, bytes]
_READERS: Final[dict[str, Callable[[str], TokenKey | KmsKey | FileKey]]] = {
    "pkcs11": _token_key,
    "awskms": _kms_key,
    "file": _file_key,
}
