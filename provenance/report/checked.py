"""What ``report check`` says of a filed report, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from rich.console import Console
from rich.text import Text

from provenance.documents.filed import Checked, Form
from provenance.report import told
from provenance.results import Document
from provenance.results.serial import At
from provenance.system.text import printable, several


@dataclass(frozen=True, slots=True)
class ReportCheck(Document):
    """Whether a filed report is as it was signed, by whom, and what it is about."""

    SCHEMA: ClassVar = "provenance.report_check/1"
    GROUPS: ClassVar = {
        "about": "What the signer says that it is about; nulls where it does not hold."
    }

    path: str
    """As it was named."""
    holds: bool
    """Signed by somebody who is trusted, and not a byte was changed since."""
    reason: str | None
    """Why it does not hold, for people."""
    form: Form | None = None
    """What it is."""
    signer: str | None = None
    """The organisation that the signing certificate names."""
    signed_at: datetime | None = None
    """When it was signed, by the signer's clock."""
    sha256: Annotated[str | None, At("about.sha256")] = None
    """SHA-256 of the file that was examined; null of an index."""
    verdict: Annotated[str | None, At("about.verdict")] = None
    """The verdict on it; null of an index."""
    examined_at: Annotated[str | None, At("about.examined_at")] = None
    """When it was examined; null of an index."""
    audience: Annotated[str | None, At("about.audience")] = None
    """Whom the report is for; null of an index."""
    reports: Annotated[int | None, At("about.reports")] = None
    """Of an index: how many reports it lists, each of which lies beside it as it was."""

    @classmethod
    def of(cls, path: str, checked: Checked) -> Self:
        """Of one that holds."""
        about = checked.about
        file, reports = about.get("file"), about.get("reports")
        return cls(
            path,
            True,
            None,
            checked.form,
            checked.signer,
            checked.signed_at,
            _text(file.get("sha256")) if isinstance(file, dict) else None,
            _text(about.get("verdict")),
            _text(about.get("examined_at")),
            _text(about.get("audience")),
            len(reports) if isinstance(reports, dict) else None,
        )


def show_check(check: ReportCheck, console: Console) -> None:
    """Print it in a line or three."""
    line = Text(printable(check.path, 500), style="bold")
    if not check.holds:
        line.append(": does not hold", style="bold red")
        console.print(line, soft_wrap=True)
        console.print(Text(f"  {printable(check.reason, 500)}"), soft_wrap=True)
        return
    line.append(": holds", style="bold green")
    console.print(line, soft_wrap=True)
    by = f"{printable(check.signer, 80)} on {told.moment(check.signed_at)}"
    console.print(Text(f"  Signed by {by}; not a byte was changed since."), soft_wrap=True)
    if check.reports is not None:
        what = f"An index of {several(check.reports, 'report')}, which lie beside it as they were."
    else:
        what = f"About the file with SHA-256 {printable(check.sha256)}: {printable(check.verdict)}."
    console.print(Text(f"  {what}"), soft_wrap=True)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
