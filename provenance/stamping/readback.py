"""Read a finished file back as a verifier would, and refuse it unless everything holds.

1. The watermark is looked for where it lies, with the key it was made with; the manifest is
   validated under the keyring's own root alone.
2. A mark that names another stamp is an older one that outshines the new.
3. A mark in part of the clip only, none at all, or one below the profile's margin, is refused with
   the margin.
4. What is left must come out as CONFIRMED, for this stamp.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from provenance.errors import InputError, ReadBackError, UnmarkableError
from provenance.manifest import Trust, read_manifest
from provenance.results import Detection, FileFacts, Verdict, VerificationReport
from provenance.results.payload import StampId
from provenance.system.text import listing
from provenance.verifying.concluding import conclude
from provenance.verifying.findings import Findings, sha256_of
from provenance.verifying.search import examine
from provenance.verifying.wording import merged, stretches
from provenance.video import probe
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.embed.profiles import Profile


def read_back(
    finished: Path,
    source: Path,
    stamp_id: StampId,
    *,
    key: WatermarkKey,
    trust: Trust,
    profile: Profile,
) -> VerificationReport:
    """Verify ``finished``, made from ``source``, before it is published.

    Returns:
        The report, with verdict CONFIRMED, a margin, and the finished file's SHA-256.

    Raises:
        UnmarkableError: the picture does not hold the mark well enough.
        ReadBackError: anything else that does not read back as it was written.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="metadata") as beside:  # 1
        reading = beside.submit(read_manifest, finished, trust)
        hashing = beside.submit(sha256_of, finished)
        try:
            info = probe(finished)
            found = examine(finished, info, (key,), expected=stamp_id)
            manifest, digest = reading.result(), hashing.result()
        except InputError as error:
            raise ReadBackError(
                "The finished file could not be read back, so it was not published; "
                f"try another codec or preset ({error})"
            ) from error
    if found.stamp_id not in (None, stamp_id):  # 2
        raise UnmarkableError(
            f"{source.name} carries the stamp {found.stamp_id} already, and the new one does not "
            "outshine it",
            advice="stamp the unmarked original",
        )
    _require_mark(found, source.name, profile)  # 3
    facts = FileFacts(str(finished), digest, info.size, info.kind, info.duration)
    report = conclude(Findings(facts, found, manifest), {key.key_id}, trust=trust)
    if report.verdict != Verdict.CONFIRMED or found.stamp_id != stamp_id:  # 4
        failures = f" ({listing(manifest.failures[:3])})" if manifest.failures else ""
        raise ReadBackError(
            f"The finished file reads back as {report.verdict}, with its manifest "
            f"{manifest.status}{failures}, so it was not published",
            advice="check the keys folder",
        )
    return report


def _require_mark(found: Detection, name: str, profile: Profile) -> None:
    if found.status == "partial":
        raise UnmarkableError(
            f"{name} holds the mark only in {stretches(merged(found.segments))}",
            advice="cut the flat or black stretches away, or use the profile strong",
            settings=("profile",),
        )
    margin = float("-inf") if found.margin_db is None else found.margin_db
    if found.status == "found" and margin >= profile.min_margin_db:
        return
    raise UnmarkableError(
        f"{name} cannot hold the mark: read back, its margin is {margin:.1f} dB where "
        f"{profile.min_margin_db:.1f} dB is needed; "
        "it is too flat, too dark or too short, or encoded too coarsely",
        advice="try the profile strong, or a lower CRF",
        settings=("profile", "crf"),
    )
