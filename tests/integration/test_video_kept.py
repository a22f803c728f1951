"""What transcoding must keep, read back from the output with PyAV and MediaInfo."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pymediainfo import MediaInfo

from provenance.video import EncoderOptions, container_for, foresee, probe, read_luma, transcode
from provenance.video.colour import ContentLight, MasteringDisplay
from tests.clips import ROTATE_90, Spec, copy, cover_png, frame_time, make_clip
from tests.values import present

HDR10 = MasteringDisplay(
    (
        (Fraction(34000, 50000), Fraction(16000, 50000)),
        (Fraction(13250, 50000), Fraction(34500, 50000)),
        (Fraction(7500, 50000), Fraction(3000, 50000)),
    ),
    (Fraction(15635, 50000), Fraction(16450, 50000)),
    (Fraction(1, 10000), Fraction(1000)),
)
LIGHT = ContentLight(1000, 400)
BT2020_PQ = (9, 16, 9, 1)
FAST = EncoderOptions(preset="ultrafast")
TAGS = {
    "title": "A clip",
    "comment": "made for a test",
    "creation_time": "2024-05-06T07:08:09.000000Z",
    "com.example.shot": "42",
}
KEEP = ("comment", "com.example.shot", "cover")
RICH: dict[str, Any] = {
    "audio": ("eng", "deu"),
    "audio_title": "Stereo mix",
    "chapters": True,
    "tags": TAGS,
    "colour": BT2020_PQ,
    "title": "Main picture",
    "matrix": ROTATE_90,
}
VP9: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
CASES: dict[str, tuple[Spec, EncoderOptions]] = {
    "mp4": (
        Spec(
            subtitles="mov_text",
            sar=Fraction(4, 3),
            muxer={"movflags": "use_metadata_tags"},
            **RICH,
        ),
        FAST,
    ),
    "mov": (
        Spec(
            subtitles="mov_text",
            sar=Fraction(4, 3),
            muxer={"movflags": "use_metadata_tags"},
            **RICH,
        ),
        FAST,
    ),
    "mkv": (
        Spec(
            subtitles="subrip",
            sar=Fraction(4, 3),
            attachment=b"OTTO" + b"font" * 9,
            cover=True,
            **RICH,
        ),
        FAST,
    ),
    "webm": (
        Spec(audio_codec="libopus", subtitles="webvtt", **VP9, **RICH),
        EncoderOptions(preset="8"),
    ),
}


def packets(path: Path) -> list[tuple[Any, ...]]:
    """Everything but the picture: track, times and bytes."""
    with av.open(str(path)) as media:
        main = media.streams.video[0].index
        found = [
            (p.stream.index, p.pts * p.time_base, present(p.duration) * p.time_base, bytes(p))
            for p in media.demux()
            if p.stream_index != main and p.size and p.pts is not None
        ]
    return sorted(found)


def presentation(path: Path) -> list[Fraction]:
    with av.open(str(path)) as media:
        return [frame_time(frame) for frame in media.decode(video=0)]


def tracks(path: Path) -> list[tuple[Any, ...]]:
    volatile = ("DURATION", "encoder", "ENCODER")
    with av.open(str(path)) as media:
        return [
            (
                stream.type,
                {k: v for k, v in stream.metadata.items() if k not in volatile},
                int(stream.disposition),
                stream.start_time if stream.type in ("audio", "video") else None,
                stream.time_base,
            )
            for stream in media.streams
        ]


def container(path: Path) -> tuple[Any, ...]:
    with av.open(str(path)) as media:
        tags = {k: v for k, v in media.metadata.items() if k.lower() != "encoder"}
        chapters = [
            (*(c[edge] * present(c["time_base"]) for edge in ("start", "end")), c["metadata"])
            for c in media.chapters()
        ]
        return tags, chapters, media.start_time


def mediainfo(path: Path, kind: str) -> list[dict[str, Any]]:
    names: tuple[str, ...] = (
        *("width", "height", "rotation", "pixel_aspect_ratio", "display_aspect_ratio", "language"),
        *("title", "color_range", "color_primaries", "transfer_characteristics", "bit_depth"),
        *("matrix_coefficients", "chroma_subsampling", "chromasubsampling_position", "default"),
        *("forced", "channel_s", "sampling_rate", "frame_count", "scan_type", "scan_order"),
        *("mastering_display_color_primaries", "mastering_display_luminance"),
        *("maximum_content_light_level", "maximum_frameaverage_light_level", "movie_name"),
    )
    # FFmpeg derives the bit depth Matroska states for lossy sound from the decoder's sample type.
    names = tuple(n for n in names if (n, kind) != ("bit_depth", "Audio"))
    found = MediaInfo.parse(str(path)).tracks
    return [
        {n: str(getattr(t, n)).removesuffix(" cd/m2") for n in names}
        for t in found
        if t.track_type == kind
    ]


@pytest.fixture(scope="module", params=CASES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A clip with everything its container can hold, and its transcoded copy."""
    folder = tmp_path_factory.mktemp(request.param)
    spec, options = CASES[request.param]
    source = make_clip(folder / f"in.{request.param}", spec)
    target = folder / f"out.{request.param}"
    foresight = foresee(source, container_for(target), KEEP)
    transcode(source, target, copy, options, foresight=foresight)
    return source, target


def test_other_tracks_are_copied_bit_for_bit_with_their_times(pair: Any) -> None:
    source, target = pair
    assert packets(source) == packets(target)
    assert packets(source)


def test_tracks_keep_order_languages_titles_dispositions_and_start_times(pair: Any) -> None:
    source, target = pair
    assert tracks(source) == tracks(target)


def test_the_container_keeps_tags_chapters_and_start_time(pair: Any) -> None:
    source, target = pair
    assert container(source) == container(target)
    assert {"42", "A clip", TAGS["creation_time"]} <= set(container(target)[0].values())
    assert [c[2] for c in container(target)[1]] == [{"title": "Opening"}, {"title": "The chase"}]


def test_every_frame_keeps_its_presentation_time(pair: Any) -> None:
    source, target = pair
    assert presentation(source) == presentation(target)


def test_the_picture_keeps_size_aspect_matrix_colour_and_depth(pair: Any) -> None:
    source, target = pair
    before, after = probe(source).video, probe(target).video
    for name in ("width", "height", "pix_fmt", "sar", "matrix", "colour", "start", "time_base"):
        assert getattr(before, name) == getattr(after, name), name
    assert after.rotation == 90
    assert (after.colour.primaries, after.colour.transfer, after.colour.matrix) == (9, 16, 9)


def test_mediainfo_sees_no_difference_between_input_and_output(pair: Any) -> None:
    source, target = pair
    for kind in ("General", "Video", "Audio", "Text", "Menu"):
        assert mediainfo(source, kind) == mediainfo(target, kind), kind


def test_mp4_and_mov_put_their_index_in_front(pair: Any) -> None:
    _, target = pair
    if target.suffix in (".mp4", ".mov"):
        data = target.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")


def test_an_mp4_cover_picture_is_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(cover=True, tags={"title": "A clip"}))
    foresight = foresee(source, "mp4", ("cover",))
    transcode(source, tmp_path / "out.mp4", copy, FAST, foresight=foresight)
    assert [t.cover for t in probe(tmp_path / "out.mp4").tracks] == [True]
    with av.open(str(tmp_path / "out.mp4")) as media:
        assert cover_png() in [bytes(p) for p in media.demux()]


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_a_timecode_track_is_kept(tmp_path: Path, suffix: str) -> None:
    spec = Spec(tags={"timecode": "01:02:03:04"}, audio=("eng",))
    source = make_clip(tmp_path / f"in.{suffix}", spec)
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, FAST)
    assert [t.type for t in probe(target).tracks] == ["audio", "data"]
    assert packets(source) == packets(target)
    assert mediainfo(source, "Other") == mediainfo(target, "Other")


X265_HDR = {
    "x265-params": f"master-display={HDR10.as_x265()}:max-cll={LIGHT}:hdr10=1:chromaloc=2",
}
HDR_CASES = {
    "hevc-mp4": (
        Spec(codec="libx265", pix_fmt="yuv420p10le", colour=BT2020_PQ, options=X265_HDR),
        "mp4",
        EncoderOptions(codec="source", preset="ultrafast"),
    ),
    "hevc-to-h264-mkv": (
        Spec(codec="libx265", pix_fmt="yuv420p10le", colour=BT2020_PQ, options=X265_HDR),
        "mkv",
        FAST,
    ),
    "prores-mov": (
        Spec(codec="prores_ks", pix_fmt="yuv422p10le", colour=BT2020_PQ, hdr=(HDR10, LIGHT)),
        "mov",
        EncoderOptions(codec="source"),
    ),
    "vp9-webm": (
        Spec(colour=BT2020_PQ, hdr=(HDR10, LIGHT), **VP9),
        "webm",
        EncoderOptions(preset="8"),
    ),
}


@pytest.mark.parametrize("name", HDR_CASES)
def test_hdr10_depth_and_chroma_siting_are_kept(name: str, tmp_path: Path) -> None:
    spec, suffix, options = HDR_CASES[name]
    source = make_clip(tmp_path / f"in.{suffix}", spec)
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, options)
    after = probe(target).video
    assert (after.mastering, after.light) == (HDR10, LIGHT)
    assert (after.pix_fmt, after.colour) == (spec.pix_fmt, probe(source).video.colour)
    seen = mediainfo(target, "Video")[0]
    # HEVC says progressive by saying nothing.
    assert {**mediainfo(source, "Video")[0], "scan_type": seen["scan_type"]} == seen
    assert "1000" in seen["maximum_content_light_level"]
    if suffix in ("mp4", "mkv"):
        assert seen["chromasubsampling_position"] == "Type 2"


JUMPS = [0, 3003, 6006, 15000, 18003, 21006, 24009, 90000, 93003, 120000, 120500, 180000]


@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
@pytest.mark.parametrize("offset", [0, 45000])
def test_variable_frame_times_are_exact_in_mp4(tmp_path: Path, preset: str, offset: int) -> None:
    times = [t + offset for t in JUMPS]
    source = make_clip(tmp_path / "in.mp4", Spec(time_base=Fraction(1, 90000), pts=times))
    transcode(source, tmp_path / "out.mp4", copy, EncoderOptions(preset=preset))
    assert presentation(tmp_path / "out.mp4") == [Fraction(t, 90000) for t in times]


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_variable_frame_times_are_exact_in_mkv(tmp_path: Path, codec: Any) -> None:
    times = [40, 73, 107, 140, 300, 333, 367, 1200, 1233, 2000, 2001, 2500]
    source = make_clip(
        tmp_path / "in.mkv", Spec(time_base=Fraction(1, 1000), pts=times, audio=("eng",))
    )
    fast = {"h264": "veryfast", "hevc": "ultrafast", "av1": "12", "vp9": "8"}[codec]
    transcode(source, tmp_path / "out.mkv", copy, EncoderOptions(codec=codec, preset=fast))
    assert presentation(tmp_path / "out.mkv") == [Fraction(t, 1000) for t in times]
    assert packets(source) == packets(tmp_path / "out.mkv")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_interlaced_pictures_stay_interlaced(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / f"in.{suffix}", Spec(interlaced=True, size=(320, 240)))
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, FAST)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        assert before.streams.video[0].codec_context.field_order > 1
        assert (
            before.streams.video[0].codec_context.field_order
            == after.streams.video[0].codec_context.field_order
        )
        assert all(frame.interlaced_frame for frame in after.decode(video=0))


@pytest.mark.parametrize("order", ["TFF", "BFF"])
def test_the_order_of_fields_is_kept(tmp_path: Path, order: str) -> None:
    options = {"x264-params": f"{order.lower()}=1"}
    spec = Spec(interlaced=True, size=(320, 240), options=options)
    source = make_clip(tmp_path / "in.mkv", spec)
    transcode(source, tmp_path / "out.mp4", copy, FAST)
    assert [one["scan_order"] for one in mediainfo(tmp_path / "out.mp4", "Video")] == [order]


def test_a_picture_behind_the_sound_is_decoded_to_its_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", Spec(audio=("eng",)))
    source = tmp_path / "in.mp4"
    with av.open(str(clip)) as media, av.open(str(source), "w") as out:
        made = {s.index: out.add_stream_from_template(s) for s in reversed(media.streams)}
        for packet in media.demux():
            if packet.size:
                packet.stream = made[packet.stream_index]
                out.mux(packet)
    transcode(source, tmp_path / "out.mp4", copy, FAST)
    assert [t.type for t in probe(source).tracks] == ["audio"]
    assert presentation(tmp_path / "out.mp4") == presentation(source) == presentation(clip)


@pytest.mark.parametrize("pix_fmt", ["yuv422p10le", "yuv444p", "yuv420p10le", "yuvj420p"])
def test_pixel_formats_the_encoder_has_are_kept(tmp_path: Path, pix_fmt: str) -> None:
    source = make_clip(tmp_path / "in.mkv", Spec(pix_fmt=pix_fmt, frames=4))
    result = transcode(source, tmp_path / "out.mkv", copy, EncoderOptions(preset="medium"))
    assert result.pix_fmt == pix_fmt
    before = [frame.luma.mean() for frame in read_luma(source)]
    after = [frame.luma.mean() for frame in read_luma(tmp_path / "out.mkv")]
    assert np.allclose(before, after, rtol=0.02)
