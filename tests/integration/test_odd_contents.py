"""Odd but valid files whose tracks, pictures and tags differ from what is usual."""

from __future__ import annotations

import struct
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
    container_for,
    foresee,
    probe,
    read_luma,
    transcode,
)
from tests.boxes import box
from tests.clips import ROTATE_90, Spec, copy, make_clip, picture, video_frame
from tests.odd import FAST

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
