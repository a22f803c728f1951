"""Odd but valid files whose clocks, lengths and edit lists differ from what is usual."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pymediainfo import MediaInfo

from provenance.errors import UnsupportedMediaError
from provenance.video import (
    EncoderOptions,
    foresee,
    read_luma,
    transcode,
)
from tests.boxes import clock, inside, lengths, with_edits
from tests.clips import Spec, copy, make_clip
from tests.odd import FAST, held
from tests.values import present

LATE = 95_000
QUICK = {"h264": "veryfast", "hevc": "ultrafast", "av1": "12", "vp9": "8"}


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as media:
        return [
            present(frame.pts) * Fraction(present(frame.time_base))
            for frame in media.decode(video=0)
        ]


def starts(path: Path) -> dict[str, Fraction]:
    with av.open(str(path)) as media:
        return {
            s.type: present(s.start_time) * Fraction(present(s.time_base)) for s in media.streams
        }


def remuxed(source: Path, target: Path, late: int = 0, **options: str) -> Path:
    """The same packets in another container, ``late`` seconds later."""
    name = {".ts": "mpegts", ".mkv": "matroska"}.get(target.suffix, target.suffix[1:])
    with (
        av.open(str(source)) as media,
        av.open(str(target), "w", format=name, container_options=options) as out,
    ):
        made = {s.index: out.add_stream_from_template(s, opaque=True) for s in media.streams}
        for packet in media.demux():
            if packet.dts is None:
                continue
            shift = round(late / packet.time_base) if target.suffix != ".mp4" else 0
            packet.pts, packet.dts = present(packet.pts) + shift, packet.dts + shift
            packet.stream = made[packet.stream_index]
            out.mux(packet)
    if target.suffix == ".mp4":
        target.write_bytes(_late_fragments(target.read_bytes(), late))
    return target


def _late_fragments(data: bytes, late: int) -> bytes:
    """Fragments as they are cut out of a stream: each says when it is decoded."""
    moov = inside(data, b"moov")[0]
    clocks = [clock(inside(trak, b"mdia", b"mdhd")[0]) for trak in inside(moov, b"trak")]
    changed = bytearray(data)
    at = data.find(b"tfhd")
    while at >= 0:
        track = int.from_bytes(data[at + 8 : at + 12], "big")
        place = data.index(b"tfdt", at) + 8
        time = int.from_bytes(data[place : place + 8], "big") + late * clocks[track - 1]
        changed[place : place + 8] = time.to_bytes(8, "big")
        at = data.find(b"tfhd", place)
    return bytes(changed)


# A clock that starts far from zero.


@pytest.mark.parametrize("source_suffix", [".ts", ".mkv", ".mp4"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_clock_that_starts_far_from_zero_is_no_delay(
    tmp_path: Path, source_suffix: str, suffix: str
) -> None:
    base = make_clip(tmp_path / "base.mp4", Spec(audio=("eng",)))
    fragments = {"movflags": "frag_keyframe+empty_moov"} if source_suffix == ".mp4" else {}
    source = remuxed(base, tmp_path / f"late{source_suffix}", LATE, **fragments)
    target = tmp_path / f"out{suffix}"
    result = transcode(source, target, copy, FAST)
    before, after = starts(source), starts(target)
    assert before["video"] >= LATE
    assert min(after.values()) == 0
    assert abs((after["video"] - after["audio"]) - (before["video"] - before["audio"])) < Fraction(
        1, 500
    )
    assert result.duration == pytest.approx(1.0, abs=0.01)
    with av.open(str(target)) as media:
        assert present(media.duration) < 1_200_000


@pytest.mark.parametrize("source_suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("codec", list(QUICK))
def test_the_last_frame_is_held_as_long_as_it_was(
    tmp_path: Path, codec: Any, source_suffix: str
) -> None:
    source, total = held(tmp_path / f"in.{source_suffix}")
    near = pytest.approx(float(total), abs=0.002)
    for suffix in ("mp4", "mkv"):
        target = tmp_path / f"out.{suffix}"
        result = transcode(source, target, copy, EncoderOptions(codec, preset=QUICK[codec]))
        assert result.duration == near
        with av.open(str(target)) as media:
            assert present(media.duration) / 1_000_000 == near
    assert {
        name: float(said) for name, said in lengths(tmp_path / "out.mp4").items()
    } == dict.fromkeys(("stts", "mdhd", "mvhd", "elst"), near)


def test_the_last_frame_of_a_film_with_b_frames_is_held_too(tmp_path: Path) -> None:
    source, total = held(tmp_path / "in.mp4")
    transcode(source, tmp_path / "out.mp4", copy, EncoderOptions(preset="medium"))
    assert set(lengths(tmp_path / "out.mp4").values()) == {total}
    assert times(tmp_path / "out.mp4") == times(source)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
@pytest.mark.parametrize("delayed", ["picture", "sound"])
def test_a_tracks_delay_is_kept_to_its_own_clock(tmp_path: Path, suffix: str, delayed: str) -> None:
    made = make_clip(tmp_path / "in.mp4", Spec(audio=("eng",), time_base=Fraction(1, 12000)))
    delay = Fraction(1003, 12000)
    source = tmp_path / "late.mp4"
    with (
        av.open(str(made)) as media,
        av.open(str(source), "w", container_options={"movie_timescale": "48000"}) as out,
    ):
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in media.streams}
        for packet in media.demux():
            if packet.dts is None:
                continue
            if (packet.stream_index == 0) == (delayed == "picture"):
                shift = round(delay / packet.time_base)
                packet.pts, packet.dts = present(packet.pts) + shift, packet.dts + shift
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, FAST)
    assert starts(target) == starts(source)
    assert any((1000 * start).denominator > 1 for start in starts(source).values())


# Edit lists.


Piece = tuple[float, float | None]
"""How long, and from when in the media; None: a gap."""

CUTS: dict[str, tuple[list[Piece], list[int]]] = {
    "two pieces": ([(1.0, 0), (0.5, 1.25)], [*range(24), *range(30, 42)]),
    "trimmed at both ends": ([(1.0, 0.5)], list(range(12, 36))),
    "the same piece twice": ([(0.5, 1.0), (0.5, 1.0)], [*range(24, 36), *range(24, 36)]),
    "back in time": ([(0.5, 1.25), (0.5, 0.25)], [*range(30, 42), *range(6, 18)]),
    "a gap in the middle": ([(0.5, 0), (0.5, None), (0.5, 1.0)], [*range(12), *range(24, 36)]),
}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("name", CUTS)
def test_an_edit_list_is_played_as_it_says(tmp_path: Path, name: str, suffix: str) -> None:
    pieces, shown = CUTS[name]
    spec = Spec(frames=44, audio=("eng",), options={"bf": "3", "preset": "medium", "crf": "10"})
    whole = make_clip(tmp_path / "whole.mp4", spec)
    pictures = [frame.luma.astype(float) for frame in read_luma(whole)]
    pictures = [one.copy() for one in pictures]
    source = with_edits(make_clip(tmp_path / "in.mp4", spec), pieces)
    target = tmp_path / f"out.{suffix}"
    result = transcode(source, target, copy, FAST)
    length = sum(piece[0] for piece in pieces)
    assert result.duration == pytest.approx(length, abs=0.001)
    found = [
        int(np.argmin([np.abs(frame.luma - one).mean() for one in pictures]))
        for frame in read_luma(target)
    ]
    assert found == shown
    if suffix == "mp4":
        with av.open(str(target)) as media:
            assert present(media.duration) / 1_000_000 == pytest.approx(length, abs=0.03)
        assert lengths(target)["mvhd"] == pytest.approx(length, abs=0.03)
    spans = [(length, at) for length, at in pieces]
    begins = list(itertools.accumulate((float(one[0]) for one in spans), initial=0.0))
    due = [
        begins[i] + n / 24 for i, (span, at) in enumerate(spans) if at is not None
        for n in range(round(span * 24))
    ]  # fmt: skip
    first = float(times(target)[0])  # mkv starts later by the sound's priming
    assert [float(t) - first for t in times(target)] == pytest.approx(due, abs=0.002)


def test_another_speed_by_an_edit_list_is_refused_by_name(tmp_path: Path) -> None:
    source = with_edits(make_clip(tmp_path / "in.mp4", Spec()), [(1.0, 0)])
    data = source.read_bytes()
    at = data.index(b"elst") + 4 + 8 + 8
    source.write_bytes(data[:at] + b"\0\2\0\0" + data[at + 4 :])
    with pytest.raises(UnsupportedMediaError, match="track 0 at another speed"):
        foresee(source, "mp4")


# Times.


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(60000, 1001), Fraction(25)])
@pytest.mark.parametrize("source_suffix", ["mkv", "flv"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_constant_rate_stays_constant(
    tmp_path: Path, rate: Fraction, source_suffix: str, suffix: str
) -> None:
    spec = Spec(rate=rate, frames=90, size=(128, 96))
    source = make_clip(tmp_path / f"in.{source_suffix}", spec)
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, FAST)
    steps = {b - a for a, b in itertools.pairwise(times(target))}
    if suffix == "mp4":
        assert steps == {1 / rate}
    seen = next(t for t in MediaInfo.parse(str(target)).tracks if t.track_type == "Video")
    assert seen.frame_rate_mode in ("CFR", None if suffix == "mkv" else "CFR")
    assert float(seen.frame_rate) == pytest.approx(float(rate), abs=0.001)


def test_a_constant_rate_with_frames_left_out_keeps_its_grid(tmp_path: Path) -> None:
    shown = [*range(10), *range(20, 40)]
    pts = [round(Fraction(n * 1001 * 1000, 30000)) for n in shown]
    rate = Fraction(30000, 1001)
    spec = Spec(rate=rate, time_base=Fraction(1, 1000), pts=pts)
    source = make_clip(tmp_path / "in.mkv", spec)
    transcode(source, tmp_path / "out.mp4", copy, FAST)
    assert times(tmp_path / "out.mp4") == [n / rate for n in shown]


def test_times_that_are_off_the_grid_by_more_than_rounding_stay(tmp_path: Path) -> None:
    pts = [round(Fraction(n * 1001 * 1000, 30000)) for n in range(40)]
    pts[17] += 3
    spec = Spec(rate=Fraction(30000, 1001), time_base=Fraction(1, 1000), pts=pts)
    source = make_clip(tmp_path / "in.mkv", spec)
    transcode(source, tmp_path / "out.mp4", copy, FAST)
    assert times(tmp_path / "out.mp4") == [Fraction(t, 1000) for t in pts]
