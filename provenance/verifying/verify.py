"""Verify one file: read what its pixels and its signed metadata say, look them up, and compare.

1. The file's findings are gathered (:mod:`provenance.verifying.layers`).
2. A watermark that the manifest says was made with a key not held here was not looked for:
   "absent" becomes "not checked".
3. The registry, a bundle or a revocation list is asked (:mod:`.lookup`), if one is given.
4. The findings become a verdict (:mod:`.verdict`) and a sentence (:mod:`.summary`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from provenance.errors import RegistryError, UnreadableFileError
from provenance.fingerprint import Fingerprint
from provenance.manifest import Trust
from provenance.registry import Registry
from provenance.results import (
    Cause,
    Detection,
    Effort,
    FileFacts,
    ManifestReport,
    Other,
    RegistryReport,
    Verdict,
    VerificationReport,
)
from provenance.results.payload import SOFT_BINDING_ALG
from provenance.system.given import Source, on_disk
from provenance.system.text import printable
from provenance.verifying.isolation import Examiner, shared
from provenance.verifying.layers import Findings
from provenance.verifying.lookup import DatedRevocations, look_up
from provenance.verifying.summary import summary
from provenance.verifying.summary import unexamined as unexamined_summary
from provenance.verifying.verdict import Case, decide
from provenance.watermark.code.keys import WatermarkKey


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
    with ExitStack() as stack:
        path = stack.enter_context(on_disk(source))
        beside = None if sidecar is None else stack.enter_context(on_disk(sidecar))
        findings = (examiner or shared()).gather(
            path,
            keys,
            trust,
            sidecar=beside,
            fingerprint=registry is not None,
            effort=effort,
            stop=stop,
        )
    if not isinstance(source, str | os.PathLike):
        findings = replace(findings, file=replace(findings.file, path="bytes"))
    if findings.coverage is not None and not timing:
        findings = replace(findings, coverage=replace(findings.coverage, spent=()))
    return conclude(
        findings,
        {key.key_id for key in keys},
        trust=trust,
        registry=registry,
        revocations=revocations,
        require_registry=require_registry,
    )


def conclude(
    findings: Findings,
    held: set[str],
    *,
    trust: Trust,
    registry: Registry | None = None,
    revocations: Sequence[DatedRevocations] = (),
    require_registry: bool = False,
) -> VerificationReport:
    """Steps 2 to 4: the findings as one report.  ``held`` are the ids of the keys tried."""
    found = _looked_for(findings.watermark, findings.manifest, held)

    def ask(whom: Registry | None) -> tuple[RegistryReport, ManifestReport]:
        return look_up(
            findings.file,
            found,
            findings.manifest,
            findings.fingerprint,
            trust=trust,
            registry=whom,
            revocations=tuple(revocations),
        )

    def ask_of(other: Detection, whom: Registry | None) -> Other:
        nothing = ManifestReport("absent")
        known, _ = look_up(
            findings.file,
            other,
            nothing,
            None,
            trust=trust,
            registry=whom,
            revocations=tuple(revocations),
        )
        return Other(other, known)

    try:
        answer, manifest = ask(registry)
        others = tuple(ask_of(other, registry) for other in findings.others)
    except RegistryError as error:
        # What the file itself and the signed lists say is worth having, also while the registry
        # can't be asked.
        answer, manifest = ask(None)
        others = tuple(ask_of(other, None) for other in findings.others)
        answer = replace(answer, failed=True, reason=printable(error, 300).rstrip("."))
    kind = findings.file.kind or "video"
    case = Case(found, manifest, answer, others, kind, require_registry, findings.coverage)
    decision = decide(case)
    other = decision.otherwise
    return VerificationReport(
        findings.file,
        decision.verdict,
        summary(case, decision),
        found,
        manifest,
        answer,
        others,
        cause=decision.cause,
        coverage=findings.coverage,
        otherwise=None if other is None else (other.verdict, other.cause),
    )


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a file as it is shown, to look for clips like it.

    Raises:
        InputError: the file is missing, unreadable, empty, no media, without a picture, encrypted.
    """
    taken = shared().gather(path, (), Trust(), fingerprint=True).fingerprint
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


def _looked_for(found: Detection, manifest: ManifestReport, held: set[str]) -> Detection:
    """Step 2.  Of an intact manifest only: a changed one could name any key it likes."""
    binding = manifest.soft_binding
    if (
        found.status not in ("absent", "weak")
        or manifest.status not in ("trusted", "valid")
        or binding is None
        or binding.alg != SOFT_BINDING_ALG
        or manifest.watermark_key_id in held
    ):
        return found
    named = manifest.watermark_key_id
    reason = (
        "the manifest does not say with which key its watermark was made"
        if named is None
        else f"the manifest names watermark key {printable(named, 40)}, which is not held here"
    )
    return replace(found, status="not_checked", reason=reason)
