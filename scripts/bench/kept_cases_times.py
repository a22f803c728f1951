"""Recipes of files with odd times: clocks, starts, edit lists."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction as F

from bench.kept_files import Captions, Recipe, Sound
from bench.kept_parts import (
    AAC,
    AC3,
    FILM,
    FRAGMENTS,
    MP3,
    NO_B,
    NTSC,
    NTSC_60,
    OPUS,
    PCM,
    VARIABLE,
)
from bench.kept_patches import Edit, edited


def clocks() -> Iterator[Recipe]:
    for name, rate in (
        ("24", F(24)),
        ("25", F(25)),
        ("2997", NTSC),
        ("2398", FILM),
        ("5994", NTSC_60),
    ):
        yield Recipe(f"mp4-{name}", rate=rate, frames=30, sounds=(AAC,))
    yield Recipe("mov-2997-to-mov", "mov", "mov", rate=NTSC, sounds=(PCM,))
    yield Recipe("mp4-2997-to-mkv", target="mkv", rate=NTSC, sounds=(AAC,))
    yield Recipe("mp4-25-no-b-frames", rate=F(25), options=NO_B, sounds=(AAC,))
    yield Recipe("mp4-variable", base=F(1, 90000), pts=VARIABLE, sounds=(AAC,))
    yield Recipe("mp4-variable-to-mov", target="mov", base=F(1, 90000), pts=VARIABLE)
    yield Recipe("mp4-variable-to-mkv", target="mkv", base=F(1, 90000), pts=VARIABLE)
    yield Recipe("mp4-last-frame-2s", hold=F(2), sounds=(AAC,))
    yield Recipe("mp4-last-frame-2s-no-b-frames", hold=F(2), options=NO_B)
    yield Recipe("mp4-last-frame-2s-to-mov", target="mov", hold=F(2))
    yield Recipe("mp4-last-frame-2s-to-mkv", target="mkv", hold=F(2))
    for codec in ("hevc", "av1", "vp9"):
        yield Recipe(f"mp4-last-frame-2s-to-{codec}", hold=F(2), into=codec)
        yield Recipe(f"mp4-variable-to-{codec}", base=F(1, 90000), pts=VARIABLE, into=codec)
    yield Recipe("mov-last-frame-2s-to-prores", "mov", "mov", hold=F(2), into="prores")
    yield Recipe("mov-1-600", "mov", "mov", base=F(1, 600), muxer={"video_track_timescale": "600"})
    yield Recipe(
        "mov-1-600-variable",
        "mov",
        "mp4",
        base=F(1, 600),
        pts=(0, 20, 41, 60, 100, 122, 140, 160, 200, 400, 420, 440),
    )
    yield Recipe("mp4-120", rate=F(120), frames=60, sounds=(AAC,))
    yield Recipe("mp4-240-to-mkv", target="mkv", rate=F(240), frames=60)
    yield Recipe(
        "mp4-base-1-10000000",
        base=F(1, 10_000_000),
        rate=F(24),
        pts=tuple(range(0, 10_000_000, 416_667)),
    )
    yield Recipe("mp4-first-frame-1s", base=F(1, 24), pts=(0, *range(24, 40)), sounds=(AAC,))
    yield Recipe("mkv-first-frame-1s-to-mp4", "mkv", base=F(1, 24), pts=(0, *range(24, 40)))
    yield Recipe("mp4-one-frame", frames=1)
    yield Recipe("mp4-two-frames-a-second-apart", base=F(1, 1000), pts=(0, 1000))


def coarse_clocks() -> Iterator[Recipe]:
    for name, rate in (("24", F(24)), ("2997", NTSC), ("5994", NTSC_60)):
        yield Recipe(f"mkv-{name}-to-mp4", "mkv", "mp4", rate=rate, frames=40, sounds=(AAC,))
        yield Recipe(f"mkv-{name}-to-mkv", "mkv", "mkv", rate=rate, frames=40, sounds=(AAC,))
    yield Recipe("mkv-variable-to-mp4", "mkv", "mp4", base=F(1, 90000), pts=VARIABLE)
    yield Recipe("mkv-variable-to-mkv", "mkv", "mkv", base=F(1, 90000), pts=VARIABLE)
    yield Recipe("mkv-last-frame-2s-to-mp4", "mkv", "mp4", hold=F(2), sounds=(AAC,))
    yield Recipe("mkv-last-frame-2s-to-mkv", "mkv", "mkv", hold=F(2))
    yield Recipe("webm-vp9-24", "webm", "webm", "libvpx-vp9", sounds=(OPUS,))
    yield Recipe("webm-vp9-2997-to-mp4", "webm", "mp4", "libvpx-vp9", rate=NTSC, sounds=(OPUS,))
    yield Recipe("webm-av1-to-webm-av1", "webm", "webm", "libsvtav1", into="av1", sounds=(OPUS,))
    yield Recipe("mkv-240-to-mp4", "mkv", rate=F(240), frames=60)
    yield Recipe("mkv-12.5-to-mp4", "mkv", rate=F(25, 2), frames=20)
    yield Recipe(
        "flv-at-3600s", "flv", rate=F(25), sounds=(AAC,), muxer={"output_ts_offset": "3600"}
    )
    yield Recipe("flv-25", "flv", "mp4", rate=F(25), sounds=(AAC,))
    yield Recipe("flv-2997", "flv", "mp4", rate=NTSC, sounds=(AAC,))
    yield Recipe("ts-25", "ts", "mp4", rate=F(25), sounds=(AAC,))
    yield Recipe("ts-2997-to-mkv", "ts", "mkv", rate=NTSC, sounds=(AC3,))
    yield Recipe("ts-no-b-frames", "ts", "mov", rate=F(25), options=NO_B, sounds=(AAC,))
    yield Recipe("avi-mpeg4-25", "avi", "mp4", "mpeg4", rate=F(25), sounds=(MP3,))
    yield Recipe(
        "avi-mjpeg-30", "avi", "mov", "mjpeg", rate=F(30), pix_fmt="yuvj420p", sounds=(PCM,)
    )
    yield Recipe("fragmented-mp4", muxer=FRAGMENTS, sounds=(AAC,))
    yield Recipe("fragmented-mp4-2997-no-b-frames", rate=NTSC, options=NO_B, muxer=FRAGMENTS)


def starts() -> Iterator[Recipe]:
    late = F(1, 12)
    fine = {"movie_timescale": "600"}
    yield Recipe("mp4-picture-late", delay=late, muxer=fine, sounds=(AAC,))
    yield Recipe("mp4-picture-late-in-ms", delay=late, sounds=(AAC,))
    yield Recipe("mp4-sound-late", muxer=fine, sounds=(Sound(delay=late),))
    yield Recipe("mp4-sound-late-to-mkv", target="mkv", muxer=fine, sounds=(Sound(delay=late),))
    yield Recipe(
        "mov-both-late",
        "mov",
        "mov",
        delay=late,
        muxer=fine,
        sounds=(Sound("pcm_s16le", delay=F(1, 2)),),
    )
    yield Recipe("mp4-picture-3s-late", delay=F(3), sounds=(AAC,))
    yield Recipe("mkv-picture-late-to-mp4", "mkv", "mp4", delay=late, sounds=(AAC,))
    yield Recipe("mkv-sound-late-to-mkv", "mkv", "mkv", sounds=(Sound("libopus", delay=late),))
    yield Recipe(
        "mp4-begins-at-minus-2-frames",
        delay=F(-1, 12),
        sounds=(AAC,),
        muxer={"avoid_negative_ts": "disabled"},
    )
    far = {"output_ts_offset": "95000"}
    yield Recipe("ts-at-95000s", "ts", "mp4", rate=F(25), muxer=far, sounds=(AAC,))
    yield Recipe("ts-at-95000s-2997-to-mov", "ts", "mov", rate=NTSC, muxer=far, sounds=(AAC,))
    yield Recipe(
        "ts-at-95000s-sound-late",
        "ts",
        "mkv",
        rate=F(25),
        muxer=far,
        sounds=(Sound("ac3", delay=F(1, 4)),),
    )
    yield Recipe(
        "ts-clock-wraps",
        "ts",
        "mp4",
        rate=F(25),
        sounds=(AAC,),
        muxer={"output_ts_offset": "95441.7"},
    )
    yield Recipe("mkv-at-60s", "mkv", "mp4", muxer={"output_ts_offset": "60"}, sounds=(OPUS,))
    yield Recipe("mp4-both-12s-late", delay=F(12), sounds=(Sound(delay=F(12)),))
    yield Recipe("mp4-sound-12s-late", sounds=(Sound(delay=F(12)),))
    yield Recipe(
        "mkv-at-60s-chapters-captions",
        "mkv",
        "mkv",
        sounds=(OPUS,),
        chapters=True,
        captions=(Captions("subrip"),),
        muxer={"output_ts_offset": "60"},
    )
    yield Recipe("mp4-sound-longer", sounds=(Sound(seconds=F(5, 2)),))
    yield Recipe("mp4-sound-shorter", sounds=(Sound(seconds=F(1, 2)),))


def edits() -> Iterator[Recipe]:
    half, quarter = F(1, 2), F(1, 4)
    gop = {"g": "6"}
    pieces = (Edit(half, F(0)), Edit(half, F(5, 4)))
    trim = (Edit(F(1), half),)
    again = (Edit(half, quarter), Edit(half, quarter))
    for name, what in (("two-pieces", pieces), ("trimmed", trim), ("the-same-piece-twice", again)):
        yield Recipe(f"mp4-{name}", frames=48, options=gop, patches=(edited("video", *what),))
        yield Recipe(
            f"mp4-{name}-with-sound",
            frames=48,
            options=gop,
            sounds=(AAC,),
            patches=(edited("", *what),),
        )
    yield Recipe(
        "mov-two-pieces-pcm",
        "mov",
        "mov",
        frames=48,
        options=gop,
        sounds=(PCM,),
        patches=(edited("", *pieces),),
    )
    yield Recipe(
        "mov-trimmed-pcm",
        "mov",
        "mov",
        frames=48,
        options=gop,
        sounds=(PCM,),
        patches=(edited("", *trim),),
    )
    many = tuple(Edit(F(1, 8), F(number, 6)) for number in range(10))
    for name, sound in (("pcm", PCM), ("aac", AAC)):
        yield Recipe(
            f"mov-ten-pieces-{name}",
            "mov",
            "mov",
            frames=48,
            options=gop,
            sounds=(sound,),
            patches=(edited("", *many),),
        )
    yield Recipe(
        "mp4-two-pieces-to-mkv",
        target="mkv",
        frames=48,
        options=gop,
        sounds=(AAC,),
        patches=(edited("", *pieces),),
    )
    yield Recipe(
        "mp4-trimmed-no-b-frames-one-gop",
        frames=48,
        options={"bf": "0", "g": "250"},
        patches=(edited("video", *trim),),
    )
    yield Recipe(
        "mp4-pieces-with-a-gap",
        frames=48,
        options=gop,
        patches=(edited("video", Edit(half, F(0)), Edit(half, None), Edit(half, F(1))),),
    )
    yield Recipe(
        "mp4-cut-within-a-frame",
        frames=48,
        options=gop,
        patches=(edited("video", Edit(F(1), F(25, 48))),),
    )
