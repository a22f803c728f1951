"""How findings read in a sentence: places, times, what was compared.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

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
from provenance.system.text import clock, listing, printable
from provenance.system.tongue import STOPS, counted, retold, say, worded

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
    "same": worded("the sound is the same"),
    "differs": worded("the sound is not the stamped clip's"),
    "silent": worded("neither has sound to hear"),
    "missing": worded("its sound is missing"),
    "added": worded("the sound was added: the stamped clip had none"),
    "bytes": worded("the sound is the same"),
}
_PLACES: Final = {
    ("upper", "left"): worded("an area of {share} % at the upper left"),
    ("upper", ""): worded("an area of {share} % at the top"),
    ("upper", "right"): worded("an area of {share} % at the upper right"),
    ("", "left"): worded("an area of {share} % at the left"),
    ("", ""): worded("an area of {share} % in the middle"),
    ("", "right"): worded("an area of {share} % at the right"),
    ("lower", "left"): worded("an area of {share} % at the lower left"),
    ("lower", ""): worded("an area of {share} % at the bottom"),
    ("lower", "right"): worded("an area of {share} % at the lower right"),
}
_SLIDING: Final = {
    ("upper", "left"): worded("a sliding area of {share} % at the upper left"),
    ("upper", ""): worded("a sliding area of {share} % at the top"),
    ("upper", "right"): worded("a sliding area of {share} % at the upper right"),
    ("", "left"): worded("a sliding area of {share} % at the left"),
    ("", ""): worded("a sliding area of {share} % in the middle"),
    ("", "right"): worded("a sliding area of {share} % at the right"),
    ("lower", "left"): worded("a sliding area of {share} % at the lower left"),
    ("lower", ""): worded("a sliding area of {share} % at the bottom"),
    ("lower", "right"): worded("a sliding area of {share} % at the lower right"),
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
    told = stretches(merged(marked))
    if doubt < SAID:
        return told
    return say("{stretches} (ends within {seconds} s)", stretches=told, seconds=math.ceil(doubt))


def stretches(ranges: Sequence[tuple[float, float]], most: int = _MAX_RANGES) -> str:
    """Stretches of time: ``0:01-0:03.5 and 0:07-0:09``."""
    told = [f"{clock(start)}-{clock(end)}" for start, end in ranges[:most]]
    if len(ranges) > most:
        told.append(counted(len(ranges) - most, "{count} more place", "{count} more places"))
    return listing(told)


def area(box: MissingArea | DifferentArea, told: Mapping[tuple[str, str], str] = _PLACES) -> str:
    """An area of the picture: ``an area of 15 % at the upper left``; ``told``: how, by place."""
    x, y = (box.left + box.right) / 2.0, (box.top + box.bottom) / 2.0
    across = "left" if x < 0.4 else "right" if x > 0.6 else ""
    down = "upper" if y < 0.4 else "lower" if y > 0.6 else ""
    return say(told[down, across], share=f"{100.0 * box.share:.0f}")


def placed(found: Detection) -> str:
    """Where the stamped picture lies, when it fills a part of what is shown; else nothing."""
    if found.picture is None or not found.picture.outline:
        return ""
    left, top, right, bottom = found.picture.frame
    share = (right - left) * (bottom - top)
    if share >= FILLED:
        return ""
    box = MissingArea(share, left, top, right, bottom)
    return area(box, _SLIDING if found.moves else _PLACES)


def looked(coverage: Coverage | None) -> str:
    """How much was looked at: `` in 240 frames, which lie 0.9 s apart at most``."""
    if coverage is None:
        return ""
    if not coverage.longest_gap_s:
        if coverage.effort != "quick":
            return ""
        return say(" in a quick look, which tries no cropped, turned or filmed picture")
    frames = counted(coverage.frames, "{count} frame", "{count} frames")
    if coverage.effort == "quick":
        return say(
            " in {frames}, no more than {gap} apart, in a quick look, which tries no cropped, "
            "turned or filmed picture",
            frames=frames,
            gap=apart(coverage),
        )
    return say(" in {frames}, no more than {gap} apart", frames=frames, gap=apart(coverage))


def apart(coverage: Coverage) -> str:
    """How far two frames that were looked at lie apart at most; rounded, never to nothing."""
    return f"{max(coverage.longest_gap_s, 0.1):.1f} s"


def areas(listed: Sequence[MissingArea | DifferentArea]) -> str:
    """The largest areas first, and how many more there are."""
    largest = sorted(listed, key=lambda one: -one.share)
    told = [f"{area(one)}{_when(one)}" for one in largest[:_MAX_AREAS]]
    if len(largest) > _MAX_AREAS:
        told.append(counted(len(largest) - _MAX_AREAS, "{count} more area", "{count} more areas"))
    return listing(told)


def _when(one: MissingArea | DifferentArea) -> str:
    if isinstance(one, MissingArea) or one.start is None or one.end is None:
        return ""
    return say(" from {start} to {end}", start=clock(one.start), end=clock(one.end))


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
        return say("It is, byte for byte, what was stamped.")
    if compared.picture == "not_compared":
        why = because(compared.picture_reason, 200)
        picture = say("the picture could not be compared ({why})", why=why)
    else:
        picture = _likened(compared, named=named)
    return say(
        "Compared with what was stamped: {picture}{side}{play}{heard}.",
        picture=picture,
        side=say(", mirrored") if mirrored else "",
        play=_play(compared),
        heard="" if kind == "image" else say("; {sound}", sound=_sound(compared)),
    )


def _likened(compared: Compared, *, named: bool) -> str:
    """What came of comparing the picture, in how much of it, how finely."""
    if compared.picture == "same":
        what = say("the picture is alike")
    elif compared.picture == "differs":
        what = say("the picture is another")
    elif named:
        what = say("the picture is alike but for that")
    else:
        what = say("the picture is alike but for {areas}", areas=areas(compared.areas))
    frames = counted(compared.frames, "{count} frame", "{count} frames")
    squares = finely(compared)
    if compared.share is None:
        how = say("{frames}, {squares}", frames=frames, squares=squares)
    else:
        how = say(
            "{frames} over {share} % of it, {squares}",
            frames=frames,
            share=f"{100.0 * compared.share:.0f}",
            squares=squares,
        )
    return say("{what} ({how})", what=what, how=how)


def finely(compared: Compared) -> str:
    """How finely a picture is compared: ``in squares of about 0.4 %``."""
    share = f"{100.0 * (compared.square or CELL):.1g}"
    return say("in squares of about {share} %", share=share)


def _play(compared: Compared) -> str:
    """Order, speed and length."""
    told = []
    if compared.order == "kept":
        told.append(say("in its order"))
    elif compared.order == "reversed":
        told.append(say("played backwards"))
    elif compared.order == "shuffled":
        told.append(say("in another order"))
    if compared.speed is not None:
        same = abs(compared.speed - 1.0) <= SAME_SPEED
        told.append(
            say("at its speed")
            if same
            else say("at {speed} times its speed", speed=f"{compared.speed:.3g}")
        )
    if compared.seconds is not None:
        stamped, seen = compared.seconds
        if abs(stamped - seen) > length_tolerance(stamped):
            told.append(
                say(
                    "{seen} s long where {stamped} s were stamped",
                    seen=f"{seen:.1f}",
                    stamped=f"{stamped:.1f}",
                )
            )
    return "".join(f"{say(', ')}{one}" for one in told)


def length_tolerance(seconds: float) -> float:
    """By how much two encodings of one clip may differ in length, in seconds."""
    return max(0.25, 0.01 * seconds)


def _sound(compared: Compared) -> str:
    if compared.sound == "not_compared":
        why = because(compared.sound_reason, 200)
        return say("the sound was not compared ({why})", why=why)
    if compared.sound_reason is None:
        return say(_SOUND[compared.sound])
    return say(
        "{what} ({how})",
        what=say(_SOUND[compared.sound]),
        how=printable(retold(compared.sound_reason), 200),
    )


def signed(manifest: ManifestReport) -> str:
    """By whom and when: ``signed by Example Studio on 2026-11-22``."""
    if manifest.signed_at is None:
        return say("signed by {signer}", signer=signer(manifest))
    day = f"{manifest.signed_at:%Y-%m-%d}"
    return say("signed by {signer} on {day}", signer=signer(manifest), day=day)


def signer(manifest: ManifestReport) -> str:
    """The certificate's name, not the provider the manifest claims: only the first is proven."""
    return printable(manifest.signer or say("an unnamed signer"), 80)


def recovery(manifest: ManifestReport) -> str:
    """What a copy is that was given its credential back."""
    compared = listing(printable(retold(one), 80) for one in (manifest.recovered or ())[:6])
    return say(
        "This is a copy that was given its credential back, {signed}, after comparing {compared}; "
        "it is not the stamped file.",
        signed=signed(manifest),
        compared=compared or say("nothing"),
    )


def history(manifest: ManifestReport) -> str:
    """A broken ingredient does not make the file's own credential fail, but must be told."""
    broken = [item for item in manifest.ingredients if item.status == "invalid"]
    if not broken:
        return ""
    titles = listing(printable(item.title or say("unnamed"), 60) for item in broken[:3])
    return say(
        " But a file it was made from had failed validation already ({titles}).", titles=titles
    )


def model(manifest: ManifestReport) -> str:
    """The model that a manifest claims, with its version; empty where it claims none."""
    return " ".join(printable(p, 80) for p in (manifest.model_name, manifest.model_version) if p)


def recorded(registry: RegistryReport) -> str:
    """The model and the day of a registry's record: ``ExampleVideoModel 3.2.1, 2026-11-22``."""
    return say("{model}, {day}", model=recorded_model(registry), day=recorded_day(registry))


def recorded_model(registry: RegistryReport) -> str:
    """The model of a registry's record, with its version."""
    nested = (registry.record or {}).get("model")
    named = nested if isinstance(nested, dict) else {}
    parts = [printable(part, 80) for part in (named.get("name"), named.get("version")) if part]
    return " ".join(parts) or say("model not recorded")


def recorded_day(registry: RegistryReport) -> str:
    """The day of a registry's record: a sentence needs no more, and the record has the rest."""
    record = registry.record or {}
    date = record.get("signed_at") or record.get("created_at")
    return str(printable(date or say("date not recorded"), 40)).partition("T")[0]


def known(registry: RegistryReport) -> str:
    """What is known of a stamp that was just named: ``: ExampleVideoModel 3.2.1, 2026-11-22``."""
    if registry.status == "match":
        return say(": {recorded}", recorded=recorded(registry))
    return say(", of which the registry has no record") if registry.status == "no_match" else ""


def beside(other: Other) -> str:
    """Another stamp of the same file: where it is, and what is known of it."""
    found = other.watermark
    return say(
        "Stamp {stamp} is in it too, in {where}{known}.",
        stamp=found.stamp_id,
        where=where(found),
        known=known(other.registry),
    )


def where(found: Detection) -> str:
    """When and in which part of the picture a stamp is."""
    marked = merged(found.segments)
    told = [marked_in(found.segments)] if marked and not throughout(found.segments) else []
    told += [inside] if (inside := placed(found)) else []
    return listing(told) or stretches(marked)


def withdrawn(registry: RegistryReport) -> str:
    """When and why: the withdrawal that the registry or a list knows of."""
    revocation = registry.revocation or {}
    date = revocation.get("date") or revocation.get("at") or say("an unrecorded date")
    reason = printable(retold(str(revocation.get("reason") or say("no reason recorded"))))
    made = registry.through
    through = ""
    if made is not None:
        through = say(" That is stamp {stamp}, from which this clip was made.", stamp=made)
    return say(
        "Withdrawn on {date}: {reason}.{through}",
        date=printable(date, 40),
        reason=reason.rstrip(STOPS),
        through=through,
    )


def because(reason: str | None, limit: int = 300) -> str:
    """A reason inside a sentence."""
    return printable(retold(reason) if reason else say("no reason given"), limit).rstrip(STOPS)
