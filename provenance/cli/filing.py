"""``verify --report``: a signed report of one file, or a folder of them with an index."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from provenance.cli import config
from provenance.cli.opening import with_signer
from provenance.cli.output import warn
from provenance.documents.filed import FORMS, Form, sign
from provenance.documents.lines import write_whole, written
from provenance.errors import KeyringError, UsageError
from provenance.keyring import Keyring
from provenance.manifest import Signer, Trust
from provenance.report.filed import (
    LONGEST,
    Circumstances,
    Filed,
    check_software,
    filed_file,
    moments,
    sheet,
)
from provenance.report.sheets import as_html
from provenance.results import VerificationReport
from provenance.results.serial import iso_time
from provenance.system.storage import Place
from provenance.system.workspace import check_target, exists_already
from provenance.verifying.inside import is_packed
from provenance.verifying.isolation import Examiner
from provenance.verifying.many import Outcome
from provenance.verifying.rows import Row
from provenance.verifying.sources import Found
from provenance.video import Still

INDEX: Final = "index.html"
_Examine = Callable[[Path, Examiner], VerificationReport]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a report needs besides its verification."""

    stills: tuple[Still, ...]
    begun: datetime


class Filing:
    """Takes frames as files are examined, and files a report as each ends; use it with ``with``.

    With ``target`` the name of one file there is one report; else ``target`` is a folder, which
    appears with all reports and their index once every file is done, or not at all.

    Raises:
        UsageError: ``target`` can't be an output.
        ServiceError: software for it is not installed.
    """

    def __init__(self, target: Path, circumstances: Circumstances, signer: Signer) -> None:
        self.target, self._circumstances, self._signer = target, circumstances, signer
        self.form = form_of(target)
        self._seen: defaultdict[str | None, deque[_Seen]] = defaultdict(deque)
        self._draft: Path | None = None
        self._links: dict[Row, str] = {}
        self._digests: dict[str, str] = {}
        self._rows: list[Row] = []
        check_software(self.form or "html")
        if self.form is not None:
            check_target(target, overwrite=False)
        elif os.path.lexists(target):
            raise exists_already(target)
        elif not target.parent.is_dir():
            raise UsageError(f"The folder {target.parent} does not exist; create it first.")

    def __enter__(self) -> Self:
        if self.form is None:
            draft = self.target.with_name(f".{self.target.name}-{secrets.token_hex(6)}")
            with written(self.target):
                draft.mkdir()
            self._draft = draft
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)

    def fits(self, found: Found) -> None:
        """Refuse one report about several files.

        Raises:
            UsageError: that is what was asked for.
        """
        if self.form is None:
            return
        one = found.files[0]
        if len(found.files) > 1 or (one.is_local and one.path.is_file() and is_packed(one.path)):
            raise UsageError(
                f"{self.target.name} would be the report of several files; name a folder, which "
                "gets a report of each."
            )

    def seeing(self, examine: _Examine) -> _Examine:
        """The same examination, which looks at a few frames as well, in the same worker."""

        def both(path: Path, examiner: Examiner) -> VerificationReport:
            begun = datetime.now(UTC)
            report = examine(path, examiner)
            stills: tuple[Still, ...] = ()
            if report.file.kind is not None:  # the picture did not end its worker
                stills = examiner.stills(path, moments(report), longest=LONGEST)
            self._seen[report.file.sha256].append(_Seen(stills, begun))
            return report

        return both

    def ended(self, outcome: Outcome) -> None:
        """File the report of a file, unless it could not be examined.

        Raises:
            OutputError: it can't be written.
            SigningError: it can't be signed.
        """
        report = outcome.report
        assert report is not None  # noqa: S101 - no row of an earlier run comes here
        if outcome.row.refused:
            if self._draft is None:
                warn(f"There is no report: {self.target.name} was not written.")
            self._rows.append(self._shown(outcome.row))
            return
        seen = self._seen[report.file.sha256].popleft()
        filed = Filed.of(report, self._circumstances, seen.begun, outcome.row.took)
        form = self.form or "html"
        content = filed_file(form, filed, sheet(filed.report, seen.stills), self._signer)
        if self._draft is None:
            write_whole(self.target, [content])
            return
        row = replace(Row.of(filed.report), took=outcome.row.took, failed=outcome.row.failed)
        name = f"{len(self._digests) + 1:04d}-{(report.file.sha256 or 'unknown')[:12]}.{form}"
        with written(self.target):
            (self._draft / name).write_bytes(content)
        self._digests[name] = hashlib.sha256(content).hexdigest()
        self._links[row] = name
        self._rows.append(row)

    def finished(self, found: Found) -> None:
        """Write the index of a folder, and give the folder its name.

        Raises:
            OutputError: it can't be written.
            SigningError: it can't be signed.
        """
        if self._draft is None:
            return
        now = datetime.now(UTC).replace(microsecond=0)
        if self._circumstances.audience == "outsiders":
            names = tuple(Place.of(place.file_name) for place in found.named)
            found = replace(found, named=names)
        body = b"".join(as_html(self._rows, found, now, self._links))
        about = {"reports": self._digests, "made_at": iso_time(now)}
        with written(self.target):
            (self._draft / INDEX).write_bytes(sign("html", body, about, self._signer))
            if os.path.lexists(self.target):  # since it was asked for
                raise exists_already(self.target)
            self._draft.rename(self.target)
        self._draft = None

    def _shown(self, row: Row) -> Row:
        """The row of a file without a report."""
        if self._circumstances.audience == "staff":
            return row
        name = row.path.rpartition("/")[2]
        return replace(row, path=name, summary=row.summary.replace(row.path, name))


def form_of(target: Path) -> Form | None:
    """Which form a report of this name has; None for a folder of them.

    Raises:
        UsageError: it ends as neither does.
    """
    suffix = target.suffix.lower().removeprefix(".")
    if suffix in FORMS:
        return suffix
    if re.fullmatch(r"[a-z][a-z0-9]{1,4}", suffix):
        raise UsageError(
            f"The report {target} is of no known kind; end its name with .html, .pdf or .json, "
            "or name a folder."
        )
    return None


def filing_for(
    target: Path, chosen: config.Settings, keyring: Keyring | None, trusted: Trust, *, full: bool
) -> Filing:
    """What files reports, signed by whoever signs manifests."""
    if keyring is None:
        raise KeyringError(
            "A report is signed, and there are no keys to sign it with; name your keys folder "
            "with --keys, or make one with `provenance keys init`."
        )
    circumstances = Circumstances.of(
        keyring.watermark_key_ids, trusted.anchors_pem, "staff" if full else "outsiders"
    )
    return Filing(target, circumstances, with_signer(keyring, chosen).signer)
