"""What whoever asked does now: a sentence for each verdict, and for what it rests on.  Pure.

They are in English here; who shows them says them (:func:`provenance.system.tongue.say`).

The order of urgency is that in which a person looks through many files.
"""

from __future__ import annotations

from typing import Final

from provenance.results import Cause, Compared, Verdict, VerificationReport
from provenance.system.tongue import worded
from provenance.verifying.wording import SAME_SPEED, placed

URGENCY: Final = (
    Verdict.REVOKED,
    Verdict.CONFLICT,
    Verdict.CREDENTIAL_INVALID,
    Verdict.PARTIAL,
    Verdict.SIGNER_UNTRUSTED,
    Verdict.SUSPECTED,
    Verdict.NOT_CHECKED,
    Verdict.WATERMARK_MATCH,
    Verdict.WATERMARK_UNKNOWN,
    Verdict.CREDENTIAL_ONLY,
    Verdict.NO_MARK_FOUND,
    Verdict.CONFIRMED,
)
"""All verdicts, the most pressing first."""
COUNTED: Final = frozenset((Verdict.NO_MARK_FOUND, Verdict.CONFIRMED))
"""Verdicts of files that nobody has to look at one by one, unless there is a lead."""

NEXT_STEPS = {
    Verdict.REVOKED: worded("Do not publish it, and take it down where it is in use."),
    Verdict.CONFLICT: worded(
        "Keep the file as it is, note where it came from, and hand both to whoever is "
        "responsible for provenance."
    ),
    Verdict.CREDENTIAL_INVALID: worded(
        "Do not rely on what the credential says; get the original from its maker and compare."
    ),
    Verdict.PARTIAL: worded("Treat whatever lies outside the marked part as of unknown origin."),
    Verdict.CONFIRMED: worded("Nothing."),
    Verdict.SIGNER_UNTRUSTED: worded(
        "If you know this signer, get its root certificate from it, trust that, and verify again."
    ),
    Verdict.CREDENTIAL_ONLY: worded(
        "Decide whether the signer's word alone is enough; the picture adds nothing to it."
    ),
    Verdict.WATERMARK_MATCH: worded(
        "Rely on it as far as it was compared, and no further; `provenance registry restore` "
        "gives a copy its credential back where all of it compares."
    ),
    Verdict.WATERMARK_UNKNOWN: worded(
        "Ask whoever keeps the registry what this stamp id stands for."
    ),
    Verdict.SUSPECTED: worded("Get a longer or less compressed copy and verify that."),
    Verdict.NOT_CHECKED: worded("Put right what the reason names and verify again."),
    Verdict.NO_MARK_FOUND: worded("Look for other evidence; nothing follows from this."),
}
"""One sentence for each verdict: what the reader does now."""

UNASKED_STEP = worded("Ask the registry before you rely on it: it alone knows what was withdrawn.")
DIFFERS_STEP = worded(
    "Rely on the picture as far as it was compared; look into what differs before you use it."
)
INSET_STEP = worded(
    "Rely on the stamped picture as far as it was compared; what surrounds it carries no mark of "
    "ours."
)
STILL_STEP = worded("Rely on it as far as it was compared, and no further.")
CAPTURED_STEP = worded(
    "Ask who signed it how it was captured; until then take it for a recording of our clip."
)
QUICK_STEP = worded("Verify it again with normal effort before you conclude anything from it.")


def next_step(report: VerificationReport) -> str:
    """What the reader does now: by the verdict, and by what it rests on."""
    registry = report.registry
    if report.verdict is Verdict.CONFIRMED and registry.status != "match":
        return UNASKED_STEP
    if report.cause is Cause.SAYS_CAPTURED:
        return CAPTURED_STEP
    quick = report.coverage is not None and report.coverage.effort == "quick"
    if report.verdict is Verdict.NO_MARK_FOUND and quick:
        return QUICK_STEP
    if report.verdict is Verdict.WATERMARK_MATCH:
        return _match_step(report)
    return NEXT_STEPS[report.verdict]


def _match_step(report: VerificationReport) -> str:
    """Of a mark that matches: as far as that goes.  Only what `restore` takes is sent there."""
    if _plays_otherwise(report.registry.compared):
        return DIFFERS_STEP
    if placed(report.watermark):
        return INSET_STEP
    return STILL_STEP if report.file.kind == "image" else NEXT_STEPS[report.verdict]


def _plays_otherwise(compared: Compared) -> bool:
    faster = compared.speed is not None and abs(compared.speed - 1.0) > SAME_SPEED
    sound = compared.sound in ("differs", "added", "missing")
    return sound or faster or bool(compared.areas) or compared.order in ("reversed", "shuffled")
