"""Is what a file shows and plays what was stamped?  Pure: fingerprints in, a comparison out.

1. The registered fingerprint is compared with the one taken, by place and by time.
2. A picture that differs throughout is another content's; so few frames that the moment may lie
   between two that were registered are not judged.
3. Areas that differ are laid over the watermark's own map: where the mark is present all the same,
   it was copied onto other content; where it is missing, something was laid over the picture.
   Under a map that may be wrong away from a corner nothing is told of them.
   Those of a few small squares accuse nobody: too little of a mark would be in them.
4. The sound and the length are compared as far as they were registered.
"""

from __future__ import annotations

from dataclasses import replace

from provenance.fingerprint import (
    CELL,
    LIMIT,
    Area,
    Comparison,
    Fingerprint,
    SoundComparison,
    compare,
    compare_sound,
)
from provenance.results import Compared, Detection, DifferentArea
from provenance.verifying.alike import Likeness
from provenance.verifying.places import forged, marks, misplaced, outline
from provenance.verifying.wording import SAME_SPEED, length_tolerance, stretches

FEW_FRAMES = 3
FAR = 0.4
"""A distance that so few frames, or fewer, must exceed to be another content's: a single picture
may have been taken between the moments that were registered.  Such a picture of a dark, busy film
was measured at 0.31, and other content at 0.28 to 0.5."""
LASTING = 3.0
"""Seconds from which an area that comes and goes is told, or half of a short clip: a busy second
may lie between the moments that were registered (a hand that reaches into a still scene was taken
for one of 1.2 seconds)."""
ERROR_RATE = 0.02
"""Share of untouched copies in which an area is named, at most: the upper end of the 95 % interval
of none in 199 is 1.5 % (docs/registry.md; `scripts/bench_fingerprint --areas` measures more)."""
MOVED = 0.3
"""Seconds by which a sound may lie beside its picture's: encoders add a tenth or so."""
UNPLACED = "the mark tells of a small part of it only how it lies"
MOVED_SOUND = "it is the same sound at other times"
_STRANGE = 4


def likeness(registered: bytes | None, seen: Fingerprint | None, found: Detection) -> Likeness:
    """Compare what a file shows with what was registered of a stamp.

    Args:
        registered: the fingerprint that the registry has.
        seen: the file's, laid back onto the stamped picture's place.
        found: what the watermark's detector found in it.
    """
    if registered is None:
        return _unjudged("no fingerprint was registered")
    if seen is None:
        return _unjudged("no fingerprint could be taken")
    try:
        known = Fingerprint.from_bytes(registered)
    except ValueError:
        return _unjudged("the registered fingerprint is of another release")
    heard = compare_sound(known.sound, seen.sound)
    if seen.duration is None:
        heard = SoundComparison("not_compared", reason="a still image has no sound")
    told = compare(known, seen)
    alike = _judged(told)
    least = LASTING if seen.duration is None else min(LASTING, seen.duration / 2.0)
    lasting = tuple(area for area in told.areas if _lasts(area, least))
    if alike.compared.picture == "same" and lasting and seen.size is not None:  # 3
        if misplaced(found):
            alike = _unjudged(UNPLACED)
        else:
            areas = _areas(lasting, found, seen.size)
            alike = replace(alike, compared=replace(alike.compared, picture="areas", areas=areas))
    lengths = None
    if known.duration is not None and seen.duration is not None:
        lengths = (known.duration, seen.duration)
    if heard.status == "same" and heard.tracks > 1:
        why = f"of its {heard.tracks} tracks one was compared, which is the same"
        heard = replace(heard, status="not_compared", reason=why)
    elsewhere = moved(heard, lengths)
    return replace(
        alike,
        compared=replace(
            alike.compared,
            sound="differs" if elsewhere else heard.status,
            sound_reason=MOVED_SOUND if elsewhere else _sound_reason(heard),
            seconds=lengths,
        ),
    )


def _unjudged(reason: str | None) -> Likeness:
    return Likeness(Compared(picture_reason=reason, sound_reason=reason), reason=reason)


def _judged(told: Comparison) -> Likeness:
    if told.distance is None:
        return _unjudged(told.reason)
    if told.distance > LIMIT and told.frames <= FEW_FRAMES and told.distance <= FAR:  # 2
        return _unjudged("too few frames for a picture that differs by so much")
    picture = Compared(
        "differs" if told.distance > LIMIT else "same",
        told.distance,
        told.compared,
        told.frames,
        order=told.order,
        speed=None if told.speed is None else abs(told.speed),
        in_view=told.in_view,
        square=told.square,
    )
    if told.strange and told.distance <= LIMIT:
        where = stretches(told.strange[:_STRANGE])
        return Likeness(picture, told.strange, f"the mark goes on over other content in {where}")
    return Likeness(picture)


def _lasts(area: Area, least: float) -> bool:
    return area.start is None or area.end is None or area.end - area.start >= least


def _areas(
    areas: tuple[Area, ...], found: Detection, size: tuple[int, int]
) -> tuple[DifferentArea, ...]:
    """Step 3: where areas lie, and whether the mark goes on over them."""
    picture = found.picture
    whole = [area for area in areas if area.side == CELL]
    copied = picture is not None and forged(whole, marks(whole, found.transform, size, picture))
    told = []
    for area in areas:
        corners = outline(area, found.transform, size)
        across, down = [x for x, _ in corners], [y for _, y in corners]
        box = (min(across), min(down), max(across), max(down))
        lifted = copied and area.side == CELL
        told.append(
            DifferentArea(
                area.share,
                *box,
                area.start,
                area.end,
                lifted,
                outline=corners,
                error_rate=ERROR_RATE,
            )
        )
    return tuple(told)


def moved(heard: SoundComparison, lengths: tuple[float, float] | None) -> bool:
    """Whether the stamped sound lies elsewhere than it did, in a copy of the stamped length."""
    if heard.status != "same" or lengths is None:
        return False
    if abs(lengths[0] - lengths[1]) > length_tolerance(lengths[0]):
        return False  # what was cut or slowed down may have moved with the picture
    apart = any(abs(piece.registered - piece.start) > MOVED for piece in heard.pieces)
    return heard.reversed or abs(heard.speed - 1.0) > SAME_SPEED or apart


def _sound_reason(heard: SoundComparison) -> str | None:
    """Why the sound was not compared, or where it is another."""
    if heard.status == "differs" and heard.differing:
        return f"other sound in {stretches(heard.differing)}"
    return heard.reason
