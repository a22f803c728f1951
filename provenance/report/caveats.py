"""What a verification does not show, in sentences for whoever reads it later.  Pure.

docs/how-to-verify.md says the same at length under "What not to conclude".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provenance.results import Verdict, VerificationReport
from provenance.results.reports import FileKind
from provenance.system.text import chance
from provenance.system.tongue import say, worded

_MARKS: Final = worded(
    "It says what was found of our marks and of signed metadata, never how a video was made or "
    "whether what it shows took place. Marks of other makers were not looked for."
)
_REMOVED: Final = worded("A mark can be removed, and most videos were never marked.")
_BYTES: Final = worded(
    "The verdict is of the file with this SHA-256 and of no other copy; another copy has to be "
    "verified by itself."
)
_COPIED: Final = worded(
    "A mark ties the picture to a stamp, not to every change since: it can be copied onto other "
    "content by somebody who works at it, and what was not compared can be anything."
)
_MISSING: Final = worded(
    "An area without the mark is not proof that something was replaced: captions, stickers and "
    "blurred faces are such areas too, and an encoder can wipe a mark from an area."
)
_UNKNOWN: Final = worded(
    "A stretch that is unknown is too flat, dark or short to say; it is not unmarked."
)
_LEADS: Final = worded(
    "Words of a manifest that fails validation or whose signer is not trusted are leads, not "
    "evidence."
)
_ALIKE: Final = worded("A registered clip that looks alike is a lead, not proof.")
_WITHDRAWN: Final = worded("What was withdrawn after the time of examination is not known here.")
_CHANCES: Final[dict[FileKind | None, str]] = {
    "video": worded(
        "On an unmarked video a find like this one comes up with a chance of at most {chance}. "
        "That is no probability that the verdict is right."
    ),
    "image": worded(
        "On an unmarked image a find like this one comes up with a chance of at most {chance}. "
        "That is no probability that the verdict is right."
    ),
    None: worded(
        "On an unmarked file a find like this one comes up with a chance of at most {chance}. "
        "That is no probability that the verdict is right."
    ),
}


def caveats(report: VerificationReport) -> Iterator[str]:
    """Those that apply to a report, the most general first."""
    yield say(_MARKS)
    yield say(_BYTES)
    found, manifest = report.watermark, report.manifest
    if report.verdict in (Verdict.NO_MARK_FOUND, Verdict.CREDENTIAL_ONLY, Verdict.NOT_CHECKED):
        yield say(_REMOVED)
    if found.stamp_id is not None and manifest.status != "trusted":
        yield say(_COPIED)
    if found.stamp_id is not None and found.false_positive_probability is not None:
        bound = chance(found.false_positive_probability)
        yield say(_CHANCES[report.file.kind], chance=bound)
    if found.missing or (found.picture is not None and found.picture.missing is not None):
        yield say(_MISSING)
    if any(segment.status == "unknown" for segment in found.segments):
        yield say(_UNKNOWN)
    if manifest.status in ("valid", "invalid"):
        yield say(_LEADS)
    if report.registry.leads:
        yield say(_ALIKE)
    yield say(_WITHDRAWN)
