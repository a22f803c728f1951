"""What a keyring holds, key by key, without a secret: ids, states, dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from cryptography import x509

from provenance.errors import KeyringError
from provenance.keyring.folder import KeyFolder
from provenance.manifest.certificates import fingerprint_id
from provenance.results import Document
from provenance.results.serial import Form

SOON_DAYS: Final = 30
"""Days before its end at which a certificate is warned of."""


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


_Moment = Annotated[datetime, Form(datetime, _written, lambda at: at)]


@dataclass(frozen=True, slots=True)
class KeyLine(Document):
    """One key or certificate, as it is on a day."""

    SCHEMA: ClassVar = "provenance.key/1"

    kind: str
    """``watermark``, ``prompt``, ``signing``, ``trust anchor`` or ``timestamp anchor``."""
    id: str
    """Eight hexadecimal digits, or a file's name when it can't be read."""
    state: str
    """``current``, ``retired`` or, of an anchor, ``trusted``."""
    created: _Moment | None
    """When it was made, if the index says so."""
    valid_until: _Moment | None
    """End of its certificate; null of a secret, which has no end."""
    days_left: int | None
    """Whole days until then, negative when it is over."""
    service: str | None
    """Address of the service that holds a signing key, without its query."""
    problem: str | None
    """Why it can't be used here, one sentence."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key or certificate.

    Attributes:
        kind: "watermark", "prompt", "signing", "trust anchor" or "timestamp anchor".
        key_id: eight hexadecimal digits, or a file's name when it can't be read.
        state: "current", "retired" or, of an anchor, "trusted".
        created: when it was made, if the index says so.
        valid_until: end of its certificate; None of a secret, which has no end.
        service: address of the service that holds a signing key, without its query; None of a
            key in a file.
        problem: why it can't be used here, one sentence; None when it can.
    """

    kind: str
    key_id: str
    state: str
    created: datetime | None = None
    valid_until: datetime | None = None
    service: str | None = None
    problem: str | None = None

    def days_left(self, now: datetime) -> int | None:
        """Whole days until the certificate ends, negative when it has; None without an end."""
        return None if self.valid_until is None else (self.valid_until - now).days

    def warning(self, now: datetime) -> str | None:
        """One sentence when it is damaged, has ended or ends within :data:`SOON_DAYS` days."""
        if self.problem is not None:
            return self.problem
        if self.valid_until is None or (left := self.valid_until - now).days >= SOON_DAYS:
            return None
        name = f"The certificate {self.key_id} ({self.kind}, {self.state})"
        day = f"{self.valid_until.astimezone(UTC):%Y-%m-%d}"
        if left.total_seconds() < 0:
            return f"{name} expired on {day}."
        return f"{name} expires on {day}, in {left.days} days."

    def as_json(self, now: datetime) -> dict[str, Any]:
        """As :class:`KeyLine`."""
        return KeyLine(
            self.kind,
            self.key_id,
            self.state,
            self.created,
            self.valid_until,
            self.days_left(now),
            self.service,
            self.problem,
        ).as_json()


def list_keys(folder: Path) -> tuple[KeyInfo, ...]:
    """Every key of a keyring: by kind, the current one first, then newest first.

    A key that is missing or damaged is listed with its problem, so that a machine that holds a
    part of a keyring (one that only verifies) can list what it has.

    Raises:
        KeyringError: when there is no keyring, or its index is damaged.
    """
    source = KeyFolder(folder)
    return tuple(_listed(source, source.index()))


def _listed(source: KeyFolder, index: dict[str, Any]) -> Iterator[KeyInfo]:
    for kind in ("watermark", "prompt", "signing"):
        for entry in source.entries(index, f"{kind}_keys"):
            end, service, problem = None, None, None
            try:
                if kind == "signing":
                    end = _end(source.certificates(str(entry.get("chain"))))
                    service = source.spec(entry, None).name if "signer" in entry else None
                else:
                    source.secret(entry, kind)
            except KeyringError as error:
                problem = str(error)
            state = "current" if entry.get("state") == "current" else "retired"
            created = _read(entry.get("created"))
            yield KeyInfo(kind, entry["id"], state, created, end, service, problem)
    for kind in ("trust", "timestamp"):
        for name in source.names(index, f"{kind}_anchors"):
            yield from _anchors(source, f"{kind} anchor", name)


def _anchors(source: KeyFolder, kind: str, name: str) -> Iterator[KeyInfo]:
    try:
        certificates = x509.load_pem_x509_certificates(source.certificates(name))
    except KeyringError as error:
        yield KeyInfo(kind, name, "trusted", problem=str(error))
        return
    for certificate in certificates:
        key_id = fingerprint_id(certificate)
        end = certificate.not_valid_after_utc
        yield KeyInfo(kind, key_id, "trusted", certificate.not_valid_before_utc, end)


def _end(chain_pem: bytes) -> datetime:
    """When the first certificate of a chain ends, which signing goes by."""
    chain = x509.load_pem_x509_certificates(chain_pem)
    return min(certificate.not_valid_after_utc for certificate in chain)


def _read(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
