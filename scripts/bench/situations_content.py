"""Situations of the content: what a copy shows and plays is not what was stamped.

Every one is made as a file and verified; where it is due, ``restore`` has to refuse it and say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import edits, effects
from bench.due import Due, Row, held, judged, refused
from bench.edits import Cut, Edit, Pasted
from bench.stages import Filter, Paint, Resize, Speed, Turn
from bench.studio import Studio
from bench.timing import First, Shuffle
from provenance import Verdict
from provenance.stamping.restore import restore

MATCH, PARTIAL, CONFLICT = Verdict.WATERMARK_MATCH, Verdict.PARTIAL, Verdict.CONFLICT
ESCALATE = ("Escalate",)
AREA = ("an area of",)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: how it is made, what is due, and why ``restore`` has to refuse it, if tried."""

    item: str
    name: str
    edit: Edit
    due: Due
    refusal: tuple[str, ...] | None = None


def _pasted(share: float) -> Edit:
    return lambda cut: cut.copy(Pasted(share))


def _lifted(share: float) -> Edit:
    return lambda cut: cut.copy(Pasted(share, cut.lifted()))


def _still(share: float) -> Edit:
    return lambda cut: cut.still(Pasted(share))


def _painted(paint: Paint) -> Edit:
    return lambda cut: cut.copy(paint)


def _other_sound(cut: Cut) -> Path:
    return edits.dubbed(cut.stamped, cut.target, edits.melody(77))


COPIES = (
    Copy(
        "1 restore",
        "sound replaced, picture untouched",
        _other_sound,
        Due((MATCH,), ("the sound is not the stamped clip's",)),
        ("its sound is another",),
    ),
    Copy(
        "1 restore",
        "a tenth of the picture replaced",
        _pasted(0.12),
        Due((MATCH, PARTIAL), AREA),
        ("area of",),
    ),
    Copy(
        "1 restore",
        "60 % from another film, the mark lifted onto it",
        _lifted(0.6),
        Due((CONFLICT,)),
        ("CONFLICT",),
    ),
    Copy(
        "1 restore",
        "the last quarter cut off",
        lambda cut: cut.copy(First(0.75 * edits.SECONDS)),
        Due((MATCH,), ("long where",)),
        ("long where",),
    ),
    Copy(
        "1 restore",
        "the sound taken out",
        lambda cut: edits.passed(cut.stamped, cut.target, (), cut.other),
        Due((MATCH,), ("its sound is missing",)),
        ("sound",),
    ),
    Copy("2 areas", "30 % from another film under a lifted mark", _lifted(0.3), Due((CONFLICT,))),
    Copy(
        "2 areas",
        "a still, 5 % plainly replaced",
        _still(0.05),
        Due((MATCH, PARTIAL), AREA, ESCALATE),
    ),
    *(
        Copy(
            "2 areas",
            f"a still, {round(100 * share)} % plainly replaced",
            _still(share),
            Due((PARTIAL,), AREA, ESCALATE),
        )
        for share in (0.1, 0.15, 0.3, 0.5)
    ),
    *(
        Copy(
            "2 areas",
            f"{round(100 * share)} % plainly replaced",
            _pasted(share),
            Due((PARTIAL,), AREA, ESCALATE),
        )
        for share in (0.15, 0.3)
    ),
    Copy(
        "2 areas",
        "a caption over the bottom 14 %",
        _painted(Paint(effects.caption_bar)),
        Due((MATCH, PARTIAL), AREA, ESCALATE),
    ),
    Copy(
        "2 areas",
        "stickers over a tenth",
        _painted(Paint(effects.stickers(0.1))),
        Due((MATCH, PARTIAL), ("area",), ESCALATE),
    ),
    Copy(
        "2 areas",
        "a station's logo in the corner",
        _painted(Paint(effects.logo)),
        Due((MATCH, PARTIAL), silent=ESCALATE),
    ),
    Copy(
        "8 compared",
        "played backwards",
        lambda cut: cut.copy(Filter(("reverse",))),
        Due((MATCH,), ("played backwards",)),
        ("order",),
    ),
    Copy(
        "8 compared",
        "seconds shuffled",
        lambda cut: cut.copy(Shuffle()),
        Due((MATCH,), ("in another order",)),
        ("order",),
    ),
    Copy(
        "8 compared",
        "at double speed",
        lambda cut: cut.copy(Speed(2.0)),
        Due((MATCH,), ("times its speed",)),
        ("speed",),
    ),
    Copy(
        "8 compared",
        "mirrored",
        lambda cut: cut.copy(Turn("hflip")),
        Due((MATCH,), ("mirrored",)),
        ("mirrored",),
    ),
)


def content(studio: Studio, number: int) -> Iterator[Row]:
    """Every copy of one clip."""
    for copy in COPIES:
        made = copy.edit(_cut(studio, number))
        yield judged(copy.item, copy.name, studio.check(made), copy.due)
        if copy.refusal is not None:
            yield refused(
                copy.item,
                f"restore, {copy.name}",
                lambda made=made: restore(  # type: ignore[misc]
                    made, studio.path(), keyring=studio.keyring, registry=studio.registry
                ),
                *copy.refusal,
            )


def restored(studio: Studio, number: int) -> Iterator[Row]:
    """A copy that is all of what was stamped, smaller and encoded again, gets its credential."""
    item = "1 restore"
    honest = _cut(studio, number).copy(Resize(lines=360))
    before = studio.check(honest)
    same = ("the picture is alike", "in its order", "at its speed", "the sound is the same")
    yield judged(item, "an honest copy at 360 lines", before, Due((MATCH,), same, ("area of",)))
    target = studio.path()
    restore(honest, target, keyring=studio.keyring, registry=studio.registry)
    told = ("given its credential back", "picture, order, speed, length and sound")
    after = studio.check(target)
    yield judged(item, "the same, restored", after, Due((MATCH,), told, ("Stamped by",)))
    yield held(
        item,
        "the same, in JSON",
        str(after.as_json()["manifest"]["source"]),
        holds=after.as_json()["manifest"]["source"] == "recovered",
        due="manifest.source is recovered",
    )
    unasked = studio.check(target, registry=None)
    due = Due((Verdict.WATERMARK_UNKNOWN,), ("given its credential back",))
    yield judged(item, "the same, no registry asked", unasked, due)
    again = edits.dubbed(target, studio.path(), edits.melody(78))
    due = Due((MATCH,), ("the sound is not the stamped clip's",))
    yield judged(item, "restored, its sound replaced afterwards", studio.check(again), due)
    changed = studio.path()
    data = bytearray(target.read_bytes())
    data[data.find(b"mdat") + 600] ^= 1
    changed.write_bytes(data)
    due = Due((Verdict.CREDENTIAL_INVALID,))
    yield judged(item, "restored, a byte changed afterwards", studio.check(changed), due)


def _cut(studio: Studio, number: int) -> Cut:
    other = studio.sources[(number + 1) % len(studio.sources)]
    stamped = studio.clips[number].output_path
    return Cut(Path(stamped), studio.sources[number], other, studio.path())
