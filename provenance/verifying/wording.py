"""How findings read in a sentence: places, times, what was compared.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from provenance.results import (
    Compared,
    Coverage,
    Detection,
    DifferentArea,
    FileKind,
    ManifestReport,
    MissingArea,
    Other,
    RegistryReport,
    Segment,
    SoundMatch,
)
from provenance.system.text import clock, listing, printable, several

_MAX_RANGES = 6
_MAX_AREAS = 3
SAID = 0.5
"""Seconds by which an end may be off before that is said."""
CELL = 0.02
"""Part of a picture in whose squares it is compared, if nothing else is said: a cell of 64
canonical pixels in 640 x 360."""
FILLED = 0.75
"""Share of what is shown from which the stamped picture is said to fill it: bars, a little room."""
UNSAID = 0.5
"""Share of the time of which nothing is known, up to which a mark is said to be all along."""
SAME_SPEED = 0.03
"""A clip that is played this much faster or slower is played at its speed."""

_SOUND: dict[SoundMatch, str] = {
    "same": "the sound is the same",
    "differs": "the sound is not the stamped clip's",
    "silent": "neither has sound to hear",
    "missing": "its sound is missing",
    "added": "the sound was added: the stamped clip had none",
    "bytes": "the sound is the same",
}


def merged(segments: Iterable[Segment]) -> list[tuple[float, float]]:
    """The stretches of time that carry the mark, neighbours joined, in seconds."""
    ranges: list[tuple[float, float]] = []
    for segment in sorted(segments, key=lambda s: (s.start, s.end)):
        if segment.status != "marked":
            continue
        if ranges and segment.start <= ranges[-1][1] + 0.05:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], segment.end))
        else:
            ranges.append((segment.start, segment.end))
    return ranges


def throughout(segments: Iterable[Segment]) -> bool:
    """Whether nothing but short or flat moments lacks the mark."""
    length = sum(s.end - s.start for s in segments)
    rest = [s for s in segments if s.status != "marked"]
    silent = sum(s.end - s.start for s in rest)
    return not any(s.status == "unmarked" for s in rest) and silent <= UNSAID * length


def marked_in(segments: Sequence[Segment]) -> str:
    """When a mark is there, and how sure its ends are if that is less than what is printed."""
    marked = [segment for segment in segments if segment.status == "marked"]
    doubt = max((segment.tolerance_s for segment in marked), default=0.0)
    sure = "" if doubt < SAID else f" (ends within {math.ceil(doubt)} s)"
    return f"{stretches(merged(marked))}{sure}"


def stretches(ranges: Sequence[tuple[float, float]], most: int = _MAX_RANGES) -> str:
    """Stretches of time: ``0:01-0:03.5 and 0:07-0:09``."""
    told = [f"{clock(start)}-{clock(end)}" for start, end in ranges[:most]]
    if len(ranges) > most:
        told.append(several(len(ranges) - most, "more place"))
    return listing(told)


def area(box: MissingArea | DifferentArea) -> str:
    """An area of the picture: ``an area of 15 % at the upper left``."""
    x, y = (box.left + box.right) / 2.0, (box.top + box.bottom) / 2.0
    across = "left" if x < 0.4 else "right" if x > 0.6 else ""
    down = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
    place = {
        ("", ""): "in the middle",
        ("upper", ""): "at the top",
        ("lower", ""): "at the bottom",
    }.get((down, across), f"at the {down} {across}".replace("  ", " "))
    return f"an area of {100.0 * box.share:.0f} % {place}"


def placed(found: Detection) -> str:
    """Where the stamped picture lies, when it fills a part of what is shown; else nothing."""
    if found.picture is None or not found.picture.outline:
        return ""
    left, top, right, bottom = found.picture.frame
    share = (right - left) * (bottom - top)
    if share >= FILLED:
        return ""
    told = area(MissingArea(share, left, top, right, bottom))
    return told.replace("an area", "a sliding area", 1) if found.moves else told


def looked(coverage: Coverage | None) -> str:
    """How much was looked at: `` in 240 frames, which lie 0.9 s apart at most``."""
    if coverage is None:
        return ""
    quick = " in a quick look, which tries no cropped, turned or filmed picture"
    if not coverage.longest_gap_s:
        return quick if coverage.effort == "quick" else ""
    told = f" in {several(coverage.frames, 'frame')}, no more than {apart(coverage)} apart"
    return f"{told},{quick}" if coverage.effort == "quick" else told


def apart(coverage: Coverage) -> str:
    """How far two frames that were looked at lie apart at most; rounded, never to nothing."""
    return f"{max(coverage.longest_gap_s, 0.1):.1f} s"


def areas(listed: Sequence[MissingArea | DifferentArea]) -> str:
    """The largest areas first, and how many more there are."""
    largest = sorted(listed, key=lambda one: -one.share)
    told = [f"{area(one)}{_when(one)}" for one in largest[:_MAX_AREAS]]
    if len(largest) > _MAX_AREAS:
        told.append(several(len(largest) - _MAX_AREAS, "more area"))
    return listing(told)


def _when(one: MissingArea | DifferentArea) -> str:
    if isinstance(one, MissingArea) or one.start is None or one.end is None:
        return ""
    return f" from {clock(one.start)} to {clock(one.end)}"


def comparison(
    compared: Compared, kind: FileKind, *, mirrored: bool = False, named: bool = False
) -> str:
    """What was compared with the stamped clip, and what was not.

    Args:
        compared: what came of it.
        kind: of the file; a still image has no sound.
        mirrored: whether the picture is.
        named: whether the areas that differ were told already.
    """
    if compared.picture == "bytes":
        return "It is, byte for byte, what was stamped."
    if compared.picture == "not_compared":
        why = printable(compared.picture_reason or "no reason given", 200)
        picture = f"the picture could not be compared ({why})"
    else:
        over = "" if compared.share is None else f" over {100.0 * compared.share:.0f} % of it"
        but = "that" if named else areas(compared.areas)
        what = {
            "same": "the picture is alike",
            "areas": f"the picture is alike but for {but}",
            "differs": "the picture is another",
        }[compared.picture]
        picture = f"{what} ({several(compared.frames, 'frame')}{over}, {finely(compared)})"
    side = ", mirrored" if mirrored else ""
    heard = "" if kind == "image" else f"; {_sound(compared)}"
    return f"Compared with what was stamped: {picture}{side}{_play(compared)}{heard}."


def finely(compared: Compared) -> str:
    """How finely a picture is compared: ``in squares of about 0.4 %``."""
    return f"in squares of about {100.0 * (compared.square or CELL):.1g} %"


def _play(compared: Compared) -> str:
    """Order, speed and length."""
    told = []
    if compared.order is not None:
        told.append(
            {
                "kept": "in its order",
                "reversed": "played backwards",
                "shuffled": "in another order",
            }[compared.order]
        )
    if compared.speed is not None:
        same = abs(compared.speed - 1.0) <= SAME_SPEED
        told.append("at its speed" if same else f"at {compared.speed:.3g} times its speed")
    if compared.seconds is not None:
        stamped, seen = compared.seconds
        if abs(stamped - seen) > length_tolerance(stamped):
            told.append(f"{seen:.1f} s long where {stamped:.1f} s were stamped")
    return f", {', '.join(told)}" if told else ""


def length_tolerance(seconds: float) -> float:
    """By how much two encodings of one clip may differ in length, in seconds."""
    return max(0.25, 0.01 * seconds)


def _sound(compared: Compared) -> str:
    if compared.sound == "not_compared":
        why = printable(compared.sound_reason or "no reason given", 200)
        return f"the sound was not compared ({why})"
    told = "" if compared.sound_reason is None else f" ({printable(compared.sound_reason, 200)})"
    return f"{_SOUND[compared.sound]}{told}"


def signed(manifest: ManifestReport) -> str:
    """By whom and when: ``signed by Example Studio on 2026-11-22``."""
    when = "" if manifest.signed_at is None else f" on {manifest.signed_at:%Y-%m-%d}"
    return f"signed by {signer(manifest)}{when}"


def signer(manifest: ManifestReport) -> str:
    """The certificate's name, not the provider the manifest claims: only the first is proven."""
    return printable(manifest.signer or "an unnamed signer", 80)


def recovery(manifest: ManifestReport) -> str:
    """What a copy is that was given its credential back."""
    compared = listing(printable(one, 80) for one in (manifest.recovered or ())[:6])
    return (
        f"This is a copy that was given its credential back, {signed(manifest)}, after "
        f"comparing {compared or 'nothing'}; it is not the stamped file."
    )


def history(manifest: ManifestReport) -> str:
    """A broken ingredient does not make the file's own credential fail, but must be told."""
    broken = [item for item in manifest.ingredients if item.status == "invalid"]
    if not broken:
        return ""
    titles = listing(printable(item.title or "unnamed", 60) for item in broken[:3])
    return f" But a file it was made from had failed validation already ({titles})."


def model(manifest: ManifestReport) -> str:
    """The model that a manifest claims, with its version; empty where it claims none."""
    return " ".join(printable(p, 80) for p in (manifest.model_name, manifest.model_version) if p)


def recorded(registry: RegistryReport) -> str:
    """The model and the day of a registry's record: ``ExampleVideoModel 3.2.1, 2026-11-22``."""
    record = registry.record or {}
    nested = record.get("model")
    named = nested if isinstance(nested, dict) else {}
    parts = [printable(part, 80) for part in (named.get("name"), named.get("version")) if part]
    date = record.get("signed_at") or record.get("created_at")
    # The day alone: a sentence needs no more, and the record has the rest.
    day, _, _ = str(printable(date or "date not recorded", 40)).partition("T")
    return f"{' '.join(parts) or 'model not recorded'}, {day}"


def known(registry: RegistryReport) -> str:
    """What is known of a stamp that was just named: ``: ExampleVideoModel 3.2.1, 2026-11-22``."""
    if registry.status == "match":
        return f": {recorded(registry)}"
    return ", of which the registry has no record" if registry.status == "no_match" else ""


def beside(other: Other) -> str:
    """Another stamp of the same file: where it is, and what is known of it."""
    found = other.watermark
    return f"Stamp {found.stamp_id} is in it too, in {where(found)}{known(other.registry)}."


def where(found: Detection) -> str:
    """When and in which part of the picture a stamp is."""
    marked = merged(found.segments)
    told = [marked_in(found.segments)] if marked and not throughout(found.segments) else []
    told += [inside] if (inside := placed(found)) else []
    return listing(told) or stretches(marked)


def withdrawn(registry: RegistryReport) -> str:
    """When and why: the withdrawal that the registry or a list knows of."""
    revocation = registry.revocation or {}
    date = printable(revocation.get("date") or revocation.get("at") or "an unrecorded date", 40)
    reason = printable(revocation.get("reason") or "no reason recorded").rstrip(".")
    made = registry.through
    through = "" if made is None else f" That is stamp {made}, from which this clip was made."
    return f"Withdrawn on {date}: {reason}.{through}"


def because(reason: str | None) -> str:
    """A reason inside a sentence."""
    return printable(reason or "no reason given", 300).rstrip(".")
