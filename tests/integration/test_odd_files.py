"""Odd but valid files that people have, each for its kind: what comes out of them."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from pymediainfo import MediaInfo

from provenance.errors import InputError, UnreadableFileError, UnsupportedMediaError, UsageError
from provenance.results import Tag
from provenance.video import (
    Container,
    EncoderOptions,
    container_for,
    foresee,
    probe,
    read_luma,
    transcode,
)
from tests.boxes import box, clock, inside, lengths, with_edits
from tests.clips import ROTATE_90, Spec, copy, make_clip, picture, video_frame
from tests.values import present

FAST = EncoderOptions(preset="veryfast")
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


# Lengths.


def held(path: Path, **more: Any) -> tuple[Path, Fraction]:
    """A clip whose last frame is held for two seconds, and how long it is in all."""
    pts = [0, 20, 40, 50, 70, 90, 110, 150]
    spec = Spec(time_base=Fraction(1, 600), pts=pts, size=(320, 192), **more)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264")
        context = stream.codec_context
        context.width, context.height = spec.size
        context.time_base = stream.time_base = Fraction(1, 600)
        context.options = {"bf": "0", "preset": "veryfast"}
        for index, start in enumerate(pts):
            frame = video_frame(spec, index)
            frame.pts, frame.time_base = start, Fraction(1, 600)
            out.mux(hold(stream.encode(frame), pts))
        out.mux(hold(stream.encode(), pts))
    return path, Fraction(pts[-1] + 1200, 600)


def hold(packets: list[Any], pts: Sequence[int]) -> list[Any]:
    for packet in packets:
        after = [time for time in pts if time > packet.pts]
        packet.duration = after[0] - packet.pts if after else 1200
    return packets


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


# Trailers.


@pytest.mark.parametrize("trailer", [b"SEFHd" + bytes(35), bytes(64), b"TAG" + b"x" * 125, b"abc"])
def test_a_trailer_behind_a_complete_file_is_no_damage(tmp_path: Path, trailer: bytes) -> None:
    for suffix in ("mp4", "mov", "mkv"):
        source = make_clip(tmp_path / f"in.{suffix}")
        source.write_bytes(source.read_bytes() + trailer)
        assert not probe(source).truncated
        assert transcode(source, tmp_path / f"out.{suffix}", copy, FAST).frames == 24


def test_truncated_is_said_of_what_is_truncated_only(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "in.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:-100])
    with pytest.raises(UnreadableFileError, match="truncated"):
        foresee(tmp_path / "cut.mp4", "mp4")
    at = whole.index(b"stsz") + 12
    (tmp_path / "broken.mp4").write_bytes(whole[:at] + b"\xff" * 4 + whole[at + 4 :])
    with pytest.raises(InputError) as caught:
        foresee(tmp_path / "broken.mp4", "mp4")
    assert "truncated" not in str(caught.value)


# Tracks.


def with_unknown_sound(path: Path) -> Path:
    """A file whose second sound is in a codec that nobody here knows, as phones write it."""
    make_clip(path, Spec(audio=("eng", "deu")))
    data = path.read_bytes()
    second = data.rindex(b"trak")
    track = data[second:].replace(b"mp4a", b"apac").replace(b"esds", b"free")
    path.write_bytes(data[:second] + track)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("source_suffix", ["mp4", "mov"])
def test_a_sound_of_an_unknown_codec_is_refused_by_name(
    tmp_path: Path, source_suffix: str, suffix: str
) -> None:
    source = with_unknown_sound(tmp_path / f"in.{source_suffix}")
    with pytest.raises(UsageError, match=r"track 2 .*apac.*no container.*remove the track"):
        foresee(source, container_for(f"out.{suffix}"))


SOUNDS = "aac libopus pcm_s16le pcm_s24le pcm_u8 pcm_alaw flac alac ac3 mp2"


@pytest.mark.parametrize("codec", SOUNDS.split())
def test_every_sound_is_kept_or_refused_before_the_work_with_a_container_that_holds_it(
    tmp_path: Path, codec: str
) -> None:
    source = sounding(tmp_path / "in.mkv", codec) or sounding(tmp_path / "in.mov", codec)
    assert source is not None
    containers: dict[str, Container] = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}
    held, refused = {}, {}
    for name, container in containers.items():
        try:
            held[name] = foresee(source, container)
        except UsageError as error:
            refused[name] = str(error)
    for sentence in refused.values():
        assert "track 1 of the input (audio track" in sentence
        named = {name for name in containers if f" {name} " in sentence.split(";")[1]}
        assert named == held.keys()
    for name, foresight in held.items():
        target = tmp_path / f"out.{name}"
        transcode(source, target, copy, FAST, foresight=foresight)
        assert content(target) == content(source)


def sounding(path: Path, codec: str) -> Path | None:
    try:
        with av.open(str(path), "w", format={".mkv": "matroska"}.get(path.suffix)) as out:
            picture_track: Any = out.add_stream("libx264", rate=24)
            picture_track.codec_context.options = {"preset": "veryfast"}
            picture_track.width, picture_track.height = 160, 120
            rate = 48000
            sound: Any = out.add_stream(codec, rate=rate, layout="stereo")
            for index in range(24):
                frame = video_frame(Spec(), index)
                frame.pts, frame.time_base = index, Fraction(1, 24)
                out.mux(picture_track.encode(frame))
            out.mux(picture_track.encode())
            samples = np.zeros((1, 2 * rate), np.int16)
            whole = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            whole.sample_rate, whole.pts = rate, 0
            out.mux(sound.encode(whole))
            out.mux(sound.encode())
    except ValueError:
        path.unlink(missing_ok=True)
        return None
    return path


def content(path: Path) -> bytes:
    with av.open(str(path)) as media:
        return b"".join(bytes(packet) for packet in media.demux(audio=0))


# The picture as it is shown.


@pytest.mark.parametrize("left", [8, 32, 64])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_a_stream_crops_away_stays_away(tmp_path: Path, codec: str, left: int) -> None:
    encoder = {"h264": "libx264", "hevc": "libx265"}[codec]
    plain = make_clip(tmp_path / "plain.mp4", Spec(codec=encoder, size=(384, 240)))
    source = filtered(plain, tmp_path / "in.mp4", f"{codec}_metadata=crop_left={left}")
    shown = next(iter(read_luma(source))).luma
    assert shown.shape == (240, 384 - left)
    assert np.array_equal(shown, next(iter(read_luma(plain))).luma[:, left:])
    assert probe(source).video.display_size == (384 - left, 240)
    result = transcode(source, tmp_path / "out.mp4", copy, FAST)
    assert (result.width, result.height) == (384 - left, 240)
    again = next(iter(read_luma(tmp_path / "out.mp4"))).luma
    assert np.abs(again.astype(int) - shown).mean() < 3


def filtered(source: Path, target: Path, chain: str) -> Path:
    with av.open(str(source)) as media, av.open(str(target), "w") as out:
        stream = media.streams.video[0]
        made = out.add_stream_from_template(stream, opaque=True)
        filters = BitStreamFilterContext(chain, stream, made)
        for packet in media.demux(stream):
            for changed in filters.filter(packet if packet.size else None):
                changed.stream = made
                out.mux(changed)
    return target


def with_aperture(source: Path, width: int) -> Path:
    """A clean aperture in the first sample entry; the index stands behind the picture data."""
    data = source.read_bytes()
    numbers = struct.pack(">8I", width, 1, 120, 1, 0, 1, 0, 1)
    added = box(b"clap", numbers)
    at = data.index(b"moov") - 4
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(kind, at) - 4
        size = int.from_bytes(data[at : at + 4], "big")
        data = data[:at] + (size + len(added)).to_bytes(4, "big") + data[at + 4 :]
    end = at + size
    source.write_bytes(data[:end] + added + data[end:])
    return source


@pytest.mark.parametrize(("width", "refused"), [(160, False), (144, True)])
def test_a_crop_by_the_container_is_refused_by_name(
    tmp_path: Path, width: int, refused: bool
) -> None:
    source = with_aperture(make_clip(tmp_path / "in.mp4"), width)
    if refused:
        with pytest.raises(UnsupportedMediaError, match="cropped by the container"):
            foresee(source, "mp4")
    else:
        assert transcode(source, tmp_path / "out.mp4", copy, FAST).width == width


def exif(orientation: int) -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_seen_as_its_exif_turns_it(tmp_path: Path, orientation: int) -> None:
    upright = picture(160, 120, 0)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(stored))
    assert done
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes(data)[:2] + exif(orientation) + bytes(data)[2:])
    frame = next(iter(read_luma(path)))
    seen, wanted = frame.upright().astype(float), upright.astype(float)
    assert seen.shape == wanted.shape
    assert np.corrcoef(seen.ravel(), wanted.ravel())[0, 1] > 0.98
    info = probe(path).video
    assert (info.rotation, info.mirrored) == (frame.rotation, frame.mirrored)


def test_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    done, data = cv2.imencode(".jpg", picture(160, 120, 0))
    assert done
    for size in range(10, 40, 3):
        path = tmp_path / "photo.jpg"
        path.write_bytes(bytes(data)[:2] + exif(6)[:size] + bytes(data)[2:])
        try:
            assert probe(path).video.rotation in (0, 90)
        except UnreadableFileError:
            continue


def test_an_avif_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "still.avif"
    with av.open(str(path), "w", format="avif") as out:
        stream: Any = out.add_stream("libsvtav1", rate=1)
        stream.width, stream.height = 160, 120
        out.mux(stream.encode(video_frame(Spec(), 0)))
        out.mux(stream.encode())
    info = probe(path)
    assert (info.kind, info.duration) == ("image", None)
    assert len(list(read_luma(path))) == 1
    with pytest.raises(UnsupportedMediaError, match="is an image, not a video"):
        foresee(path, "mp4")


def test_an_animated_webp_and_a_picture_in_tiles_are_named_as_not_read(tmp_path: Path) -> None:
    webp = tmp_path / "moving.webp"
    header = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + bytes(6)
    webp.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(header)) + b"WEBP" + header)
    with pytest.raises(UnsupportedMediaError, match="animated WebP, which this tool does not read"):
        probe(webp)


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


# Tags.


def test_a_tag_of_ones_own_does_not_move_the_title_to_where_nobody_looks(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(tags={"title": "A clip", "artist": "Anna"}))
    data = source.read_bytes()
    parts = (b"mean", b"com.apple.iTunes"), (b"name", b"SHOT"), (b"data", b"\0\0\0\0" + b"42")
    body = b"".join(box(kind, bytes(4) + text) for kind, text in parts)
    own = box(b"----", body.replace(b"data" + bytes(4), b"data" + struct.pack(">I", 1)))
    for kind in (b"moov", b"udta", b"meta", b"ilst"):
        at = data.index(kind) - 4
        size = int.from_bytes(data[at : at + 4], "big")
        data = data[:at] + (size + len(own)).to_bytes(4, "big") + data[at + 4 :]
    end = data.index(b"ilst") - 4
    end += int.from_bytes(data[end : end + 4], "big") - len(own)
    source.write_bytes(data[:end] + own + data[end:])
    with av.open(str(source)) as media:
        assert media.metadata["SHOT"] == "42"
    foresight = foresee(source, "mp4", ("artist", "shot"))
    assert Tag("container", "SHOT") in foresight.tags.left_out
    transcode(source, tmp_path / "out.mp4", copy, FAST, foresight=foresight)
    general = MediaInfo.parse(str(tmp_path / "out.mp4")).general_tracks[0]
    assert (general.movie_name, general.performer) == ("A clip", "Anna")
    kept = foresee(source, "matroska", ("artist", "shot"))
    assert Tag("container", "SHOT") in kept.tags.kept


def test_a_turned_clip_with_a_cropped_stream_stays_turned(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", Spec(size=(384, 240), matrix=ROTATE_90))
    source = filtered(plain, tmp_path / "in.mp4", "h264_metadata=crop_left=8")
    with av.open(str(source)) as media:
        turned = next(media.decode(video=0)).rotation
    transcode(source, tmp_path / "out.mp4", copy, FAST)
    with av.open(str(tmp_path / "out.mp4")) as media:
        assert next(media.decode(video=0)).rotation == turned
