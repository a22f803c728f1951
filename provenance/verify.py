"""Verify one file: read what its pixels and its signed metadata say, and compare.

1. The file is probed; what cannot be examined at all is an error, not a verdict.
2. Its SHA-256 is taken.
3. Its manifest is read and validated.
4. Its picture is searched for the watermark, with every key that is held.
5. A watermark that the manifest says was made with a key not held here was not looked for:
   "absent" becomes "not checked".
6. The findings become a verdict (:mod:`provenance.verdict`).

Steps 2 and 3 run beside step 4.  A layer that fails costs its own finding only: it then reads
``not_checked``, with the reason.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from provenance.errors import ProvenanceError, UnreadableFileError
from provenance.examine import examine
from provenance.manifest import Trust, read_manifest
from provenance.payload import SOFT_BINDING_ALG
from provenance.results import (
    Detection,
    FileFacts,
    ManifestReport,
    RegistryReport,
    Verdict,
    VerificationReport,
)
from provenance.text import printable
from provenance.verdict import decide
from provenance.video import MediaInfo, probe
from provenance.watermark.keys import WatermarkKey

_Layer = TypeVar("_Layer")
_log = logging.getLogger(__name__)


def verify(
    path: Path,
    *,
    watermark_keys: Iterable[WatermarkKey] = (),
    trust: Trust | None = None,
    sidecar: Path | None = None,
) -> VerificationReport:
    """Examine a video or a still image and say what its layers mean together.

    Args:
        path: the file; it is only read.
        watermark_keys: every key to try, newest first; with none the watermark is not checked.
        trust: who may sign; with none every signer is untrusted.
        sidecar: a manifest store to use instead of looking for one in and beside the file.

    Returns:
        The report.  "Nothing found" is a report too.

    Raises:
        InputError: the file is missing, unreadable, empty, no media, without a picture, encrypted.
    """
    keys = tuple(watermark_keys)
    info = probe(path)  # 1
    with ThreadPoolExecutor(1, thread_name_prefix="metadata") as beside:
        digest = beside.submit(sha256_of, path)  # 2
        reading = beside.submit(  # 3
            _layer,
            lambda: read_manifest(path, trust or Trust(), sidecar=sidecar),
            lambda reason: ManifestReport("not_checked", reason=reason),
        )
        found = _layer(  # 4
            lambda: examine(path, info, keys),
            lambda reason: Detection("not_checked", reason=reason),
        )
        manifest = reading.result()
        facts = FileFacts(str(path), digest.result(), info.size, info.kind)
    if info.truncated and found.reason is None:
        found = replace(found, reason="the file is incomplete: its end is missing")
    return conclude(facts, info, found, manifest, {key.key_id for key in keys})


def conclude(
    facts: FileFacts,
    info: MediaInfo,
    found: Detection,
    manifest: ManifestReport,
    held: set[str],
) -> VerificationReport:
    """Steps 5 and 6: the findings as one report.  ``held`` are the ids of the keys tried."""
    found = _looked_for(found, manifest, held)
    verdict, summary = decide(found, manifest, kind=info.kind)
    return VerificationReport(facts, verdict, summary, found, manifest)


def unexamined(path: Path, error: ProvenanceError) -> VerificationReport:
    """The report of a file that :func:`verify` refused: nothing was checked, and why."""
    reason = printable(error, 500)
    return VerificationReport(
        FileFacts(str(path), None, None, None),
        Verdict.NOT_CHECKED,
        f"Not checked: {reason}",
        Detection("not_checked", reason=reason),
        ManifestReport("not_checked", reason=reason),
        RegistryReport(),
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits, read in pieces.

    Raises:
        UnreadableFileError: when it cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UnreadableFileError(f"{path} cannot be read: {reason}.") from error


def _looked_for(found: Detection, manifest: ManifestReport, held: set[str]) -> Detection:
    """Step 5.  Of an intact manifest only: a changed one could name any key it likes."""
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


def _layer(run: Callable[[], _Layer], failed: Callable[[str], _Layer]) -> _Layer:
    """Run one layer; whatever goes wrong in it becomes its finding.

    The one place that catches everything: a file made to crash one decoder must not keep the
    other layer's finding from its reader.
    """
    try:
        return run()
    except ProvenanceError as error:
        return failed(printable(error, 300).rstrip("."))
    except Exception as error:
        _log.exception("a layer failed")
        return failed(f"it failed unexpectedly ({type(error).__name__})")
