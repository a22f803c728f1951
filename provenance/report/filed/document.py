"""The part of a filed report that programs read: a verification, and under what it was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from provenance.report.caveats import caveats
from provenance.report.filed.redaction import left_out, redacted
from provenance.results import Document, VerificationReport
from provenance.system.version import DISTRIBUTION, software_version
from provenance.verifying.rows import Line, Row

Audience = Literal["outsiders", "staff"]


@dataclass(frozen=True, slots=True)
class Anchor(Document):
    """A certificate under which signers are trusted."""

    id: str
    """Eight hexadecimal digits of its SHA-256."""
    name: str
    """Whose it is, as it says itself."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under what files are examined: which keys are tried, whom to trust, for whom reports are."""

    watermark_keys: tuple[str, ...]
    trusted: tuple[Anchor, ...]
    audience: Audience = "outsiders"

    @classmethod
    def of(
        cls, key_ids: Iterable[str], anchors_pem: bytes, audience: Audience = "outsiders"
    ) -> Circumstances:
        """From the ids of the keys and the certificates of the anchors."""
        return cls(tuple(key_ids), anchors(anchors_pem), audience)


@dataclass(frozen=True, slots=True)
class Filed(Document):
    """A report that is kept: what ``verify`` said of one file, when, and by what means."""

    SCHEMA: ClassVar = "provenance.report/1"

    examined_at: datetime
    """When the examination began."""
    tool: str
    """The program and its version."""
    audience: Audience
    """``outsiders``: internal references and persons are left out."""
    left_out: tuple[str, ...]
    """Keys of ``verification`` that say less for that reason."""
    watermark_keys: tuple[str, ...]
    """Ids of the watermark keys that were tried, the newest first."""
    trusted: tuple[Anchor, ...]
    """Certificates under which signers were trusted."""
    caveats: tuple[str, ...]
    """What the verification does not show, in sentences."""
    verification: Line
    """What ``verify --json`` says."""

    @classmethod
    def of(
        cls,
        report: VerificationReport,
        circumstances: Circumstances,
        examined_at: datetime,
        took: float | None = None,
    ) -> Filed:
        """The document of a report; for outsiders what they don't get to read is left out."""
        shown = redacted(report) if circumstances.audience == "outsiders" else report
        row = Row.of(shown, took=took)
        return cls(
            examined_at=examined_at.replace(microsecond=0),
            tool=f"{DISTRIBUTION} {software_version()}",
            audience=circumstances.audience,
            left_out=left_out(report, shown),
            watermark_keys=circumstances.watermark_keys,
            trusted=circumstances.trusted,
            caveats=tuple(caveats(shown)),
            verification=Line(shown, row.refused, row.failed, row.took, row.to_do),
        )

    @property
    def report(self) -> VerificationReport:
        """The verification, as far as its readers get to see it."""
        return self.verification.report


def anchors(pem: bytes) -> tuple[Anchor, ...]:
    """The certificates of a bundle, each once."""
    if not pem.strip():
        return ()
    listed = {}
    for one in x509.load_pem_x509_certificates(pem):
        named = one.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
        name = str(named[0].value) if named else one.subject.rfc4514_string()
        short = one.fingerprint(hashes.SHA256()).hex()[:8]
        listed[short] = Anchor(short, name)
    return tuple(listed.values())
