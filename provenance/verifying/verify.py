"""Verify one file: read what its pixels and its signed metadata say, look them up, and compare.

1. The file's findings are gathered (:mod:`provenance.verifying.layers`).
2. They are looked up and become a verdict and a sentence (:mod:`.concluding`); the file's
   fingerprint is taken only if there is something to compare it with.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import InputError, UnreadableFileError
from provenance.manifest import Trust
from provenance.results import (
    Cause,
    Detection,
    Effort,
    FileFacts,
    ManifestReport,
    RegistryReport,
    Verdict,
    VerificationReport,
)
from provenance.system.given import Source, on_disk
from provenance.system.text import printable
from provenance.verifying.concluding import conclude
from provenance.verifying.findings import Findings
from provenance.verifying.isolation import Examiner, shared
from provenance.verifying.lookup import DatedRevocations
from provenance.verifying.summary import unexamined as unexamined_summary
from provenance.watermark.code.keys import WatermarkKey

if TYPE_CHECKING:
    from provenance.fingerprint import Fingerprint
    from provenance.registry import Registry


def verify(
    source: Source,
    *,
    watermark_keys: Iterable[WatermarkKey] = (),
    trust: Trust | None = None,
    sidecar: Source | None = None,
    registry: Registry | None = None,
    revocations: Sequence[DatedRevocations] = (),
    require_registry: bool = False,
    effort: Effort = "normal",
    timing: bool = False,
    examiner: Examiner | None = None,
    stop: threading.Event | None = None,
) -> VerificationReport:
    """Examine a video or a still image and say what its layers mean together.

    Args:
        source: the file: a path, its bytes, or an open binary file; it is only read.
        watermark_keys: every key to try, newest first; with none the watermark is not checked.
        trust: who may sign; with none every signer is untrusted.
        sidecar: a manifest store to use instead of looking for one in and beside the file.
        registry: where to look stamps up: the registry, or an opened bundle.
        revocations: signed lists of what was withdrawn, besides the registry's own.
        require_registry: confirm nothing that no registry vouches for.
        effort: how deep to search for watermarks: ``quick`` looks where a picture lay and at
            panels, ``exhaustive`` at more frames and at every kind of change in each part.
        timing: tell in the coverage where the time of the search went.
        examiner: the worker process that opens the file, with its limits; default: one for all
            files of this process, with the usual limits.
        stop: ends the examination early once it is set.

    Returns:
        The report.  "Nothing found" is a report too.

    Raises:
        InputError: the file is missing, unreadable, empty, no media, without a picture, encrypted.
        ServiceError: no worker process can be started; :class:`CancelledError` after ``stop``.
    """
    keys, trust = tuple(watermark_keys), trust or Trust()
    opener = examiner or shared()
    with ExitStack() as stack:
        path = stack.enter_context(on_disk(source))
        beside = None if sidecar is None else stack.enter_context(on_disk(sidecar))
        findings = opener.gather(path, keys, trust, sidecar=beside, effort=effort, stop=stop)
        if not isinstance(source, str | os.PathLike):
            findings = replace(findings, file=replace(findings.file, path="bytes"))
        if findings.coverage is not None and not timing:
            findings = replace(findings, coverage=replace(findings.coverage, spent=()))

        def imprint() -> Fingerprint | None:
            if findings.file.kind is None:
                return None  # the file cost its worker its life, and would again
            return opener.imprint(path, findings.watermark, stop=stop)

        said = functools.partial(
            conclude,
            held={key.key_id for key in keys},
            trust=trust,
            registry=registry,
            revocations=revocations,
            require_registry=require_registry,
        )
        try:
            return said(findings, imprint=imprint)
        except InputError as error:
            # What could not be compared may be a copied mark: it confirms nothing.
            reason = printable(error, 300).rstrip(".")
            nothing = Detection("not_checked", reason=reason)
            return said(Findings(findings.file, nothing, findings.manifest))


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a file as it is shown, to look for clips like it.

    Raises:
        InputError: the file is missing, unreadable, empty, no media, without a picture, encrypted.
    """
    taken = shared().imprint(path, Detection("not_checked"))
    if taken is None:
        raise UnreadableFileError(f"No fingerprint could be taken of {path.name}.")
    return taken


def unexamined(name: str, reason: str) -> VerificationReport:
    """The report of a file that :func:`verify` refused: nothing was checked, and why."""
    reason = printable(reason, 500)
    return VerificationReport(
        FileFacts(name, None, None, None),
        Verdict.NOT_CHECKED,
        unexamined_summary(reason),
        Detection("not_checked", reason=reason),
        ManifestReport("not_checked", reason=reason),
        RegistryReport(),
        cause=Cause.UNEXAMINED,
    )
