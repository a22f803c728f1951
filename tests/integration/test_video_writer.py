"""The transcoding pipeline: every frame marked once, bounded memory, clean failure."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from provenance.errors import OutputError, UsageError
from provenance.video import (
    EncoderOptions,
    FrameInfo,
    container_for,
    foresee,
    probe,
    read_luma,
    transcode,
)
from tests.clips import Spec, copy, make_clip

FAST = EncoderOptions(preset="ultrafast")
ROOT = Path(__file__).parents[2]


def brighten(luma_in: Any, luma_out: Any, _info: object) -> None:
    np.add(luma_in, 20, out=luma_out, dtype=luma_in.dtype)


def test_every_frame_is_marked_once_in_order_of_its_number_and_time(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=60, options={"bf": "3"}))
    seen: list[FrameInfo] = []
    progress: list[tuple[int, int | None]] = []
    lock = threading.Lock()

    def mark(luma_in: Any, luma_out: Any, info: FrameInfo) -> None:
        assert not np.shares_memory(luma_in, luma_out)
        with lock:
            seen.append(info)
        np.copyto(luma_out, luma_in)

    result = transcode(
        source, tmp_path / "out.mp4", mark, FAST, progress=lambda *at: progress.append(at)
    )
    assert sorted(info.index for info in seen) == list(range(60))
    assert np.allclose([i.time for i in sorted(seen, key=lambda i: i.index)], np.arange(60) / 24)
    assert (result.frames, len(list(read_luma(tmp_path / "out.mp4")))) == (60, 60)
    assert progress == [(n, 60) for n in range(1, 61)]


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "prores_ks"])
def test_marks_do_not_leak_into_frames_predicted_from_them(tmp_path: Path, codec: str) -> None:
    """Writing into a buffer the decoder predicts from would add up along the clip."""
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    options = {"preset": "12"} if codec == "libsvtav1" else {}
    suffix = "mov" if codec == "prores_ks" else "mkv"
    source = make_clip(
        tmp_path / f"in.{suffix}", Spec(codec=codec, pix_fmt=pix_fmt, options=options)
    )
    lossless = EncoderOptions(crf=1, preset="ultrafast")
    transcode(source, tmp_path / "out.mkv", brighten, lossless)
    pairs = zip(read_luma(source), read_luma(tmp_path / "out.mkv"), strict=True)
    gains = [float(b.luma.astype(float).mean() - a.luma.astype(float).mean()) for a, b in pairs]
    assert np.allclose(gains, 20, atol=1.0)


@pytest.mark.parametrize(
    ("codec", "suffix", "preset"),
    [
        ("h264", "mp4", "veryfast"),
        ("hevc", "mov", "ultrafast"),
        ("av1", "webm", "12"),
        ("vp9", "mp4", "8"),
        ("prores", "mov", "lt"),
    ],
)
@pytest.mark.parametrize("source_codec", ["libx264", "mpeg2video", "ffv1"])
def test_each_codec_is_written_from_any_other(
    tmp_path: Path, codec: Any, suffix: str, preset: str, source_codec: str
) -> None:
    source = make_clip(tmp_path / "in.mkv", Spec(codec=source_codec, frames=8))
    target = tmp_path / f"out.{suffix}"
    transcode(source, target, copy, EncoderOptions(codec=codec, preset=preset))
    assert probe(target).video.codec == codec
    assert len(list(read_luma(target))) == 8


def test_the_sources_codec_is_used_on_request_and_vp9_is_the_default_in_webm(
    tmp_path: Path,
) -> None:
    source = make_clip(tmp_path / "in.mkv", Spec(codec="libx265", frames=5))
    same = EncoderOptions(codec="source", preset="ultrafast")
    assert transcode(source, tmp_path / "same.mkv", copy, same).codec == "hevc"
    assert transcode(source, tmp_path / "default.mkv", copy, FAST).codec == "h264"
    vp9 = EncoderOptions(preset="8")
    assert transcode(source, tmp_path / "web.webm", copy, vp9).codec == "vp9"
    odd = make_clip(tmp_path / "odd.mkv", Spec(codec="ffv1", frames=5))
    with pytest.raises(UsageError, match="ffv1, is not one this tool writes"):
        transcode(odd, tmp_path / "x.mkv", copy, same)


@pytest.mark.parametrize("size", [(161, 121), (161, 120), (160, 121)])
@pytest.mark.parametrize(("codec", "grows"), [("h264", True), ("av1", True), ("vp9", False)])
def test_odd_sizes_stay_playable(
    tmp_path: Path, size: tuple[int, int], codec: Any, grows: bool
) -> None:
    source = make_clip(tmp_path / "in.mkv", Spec(codec="libvpx-vp9", size=size, frames=4))
    preset = {"h264": "medium", "av1": "12", "vp9": "8"}[codec]
    transcode(source, tmp_path / "out.mkv", copy, EncoderOptions(codec=codec, preset=preset))
    width, height = (n + n % 2 for n in size) if grows else size
    (before, after) = (next(iter(read_luma(p))) for p in (source, tmp_path / "out.mkv"))
    assert after.luma.shape == (height, width)
    inner = after.luma[: size[1], : size[0]].astype(float)
    assert np.abs(inner - before.luma).mean() < 3
    assert np.abs(after.luma[-1].astype(float) - after.luma[-2]).mean() < 12


def test_the_bit_rate_and_encoder_options_reach_the_encoder(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=48))
    sizes = []
    for rate in ("60k", "600k"):
        target = tmp_path / f"{rate}.mp4"
        transcode(source, target, copy, EncoderOptions(bitrate=rate, preset="veryfast"))
        sizes.append(target.stat().st_size)
    assert sizes[0] * 2 < sizes[1]
    every_sixth = EncoderOptions(
        preset="veryfast", extra=(("g", "6"), ("x264-params", "bframes=0"))
    )
    transcode(source, tmp_path / "keys.mp4", copy, every_sixth)
    assert len(list(read_luma(tmp_path / "keys.mp4", skip="predicted"))) == 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"extra": (("nonsense", "1"),)}, "no option 'nonsense'"),
        ({"extra": (("tune", "bogus"),)}, "refuses these settings"),
        ({"crf": 99}, "CRF of 99"),
        ({"crf": 20, "bitrate": "2M"}, "exclude each other"),
        ({"bitrate": "2X"}, "no bit rate"),
        ({"preset": "silly"}, "no preset"),
        ({"codec": "theora"}, "no codec this tool writes"),
        ({"codec": "prores"}, "mp4 files cannot hold prores"),
    ],
)
def test_impossible_options_are_usage_errors(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=3))
    with pytest.raises(UsageError, match=words):
        transcode(source, tmp_path / "out.mp4", copy, EncoderOptions(**options))


@pytest.mark.parametrize(
    ("spec", "names", "words"),
    [
        (Spec(audio=("eng",)), ("mp4", "webm"), "track 1 of the input .audio track: aac, eng"),
        (Spec(subtitles="subrip"), ("mkv", "mp4"), "track 1 .* subrip, fra"),
        (Spec(subtitles="mov_text"), ("mp4", "mkv"), "track 1 .* mov_text, fra"),
        (Spec(attachment=b"OTTO font"), ("mkv", "mp4"), "track 1 .*font.ttf"),
        (Spec(cover=True), ("mkv", "webm"), "track 1 .*cover picture: png"),
    ],
)
def test_a_track_the_container_cannot_hold_is_named_not_dropped(
    tmp_path: Path, spec: Spec, names: tuple[str, str], words: str
) -> None:
    source = make_clip(tmp_path / f"in.{names[0]}", spec)
    with pytest.raises(UsageError, match=words):
        foresee(source, container_for(tmp_path / f"out.{names[1]}"), ("cover",))


def test_transparency_is_refused_rather_than_lost(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", Spec(codec="ffv1", pix_fmt="yuva420p", frames=3))
    with pytest.raises(UsageError, match="transparency"):
        transcode(source, tmp_path / "out.mp4", copy, FAST)
    result = transcode(source, tmp_path / "out.mov", copy, EncoderOptions(codec="prores"))
    assert result.pix_fmt == "yuva444p10le"


def test_an_error_in_the_mark_comes_out_unchanged_and_no_thread_stays(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=48))

    def mark(luma_in: Any, luma_out: Any, info: FrameInfo) -> None:
        if info.index == 20:
            raise ZeroDivisionError("from the mark")
        np.copyto(luma_out, luma_in)

    with pytest.raises(ZeroDivisionError, match="from the mark"):
        transcode(source, tmp_path / "out.mp4", mark, FAST)
    assert not [t for t in threading.enumerate() if t.name.startswith("mark")]


def test_cancelling_ends_promptly_and_joins_the_threads(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=240))

    def cancel(done: int, _total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        transcode(source, tmp_path / "out.mp4", copy, FAST, progress=cancel)
    assert time.monotonic() - begun < 5
    assert not [t for t in threading.enumerate() if t.name.startswith("mark")]


@pytest.mark.parametrize(
    ("name", "words"),
    [("none/out.mp4", "folder does not exist"), ("file/out.mp4", "folder is a file"),
     ("folder.mp4", "a folder of that name")],
)  # fmt: skip
def test_a_target_that_cannot_be_made_is_an_output_error(
    tmp_path: Path, name: str, words: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=3))
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match=words):
        transcode(source, tmp_path / name, copy, FAST)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=24))
    with pytest.raises(OutputError, match="the disk is full"):
        transcode(source, "/dev/full", copy, FAST, container="mp4")


def test_a_disk_that_fills_up_midway_is_an_output_error(tmp_path: Path) -> None:
    """A limit on the file's size stands for the disk: the write fails after some were accepted."""
    source = make_clip(tmp_path / "in.mp4", Spec(frames=96, size=(640, 480)))
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from provenance.errors import OutputError\n"
        "from provenance.video import EncoderOptions, container_for, foresee, transcode\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20 + 4096, 2**20 + 4096))\n"
        "try:\n"
        "    transcode(sys.argv[1], sys.argv[2], lambda a, b, i: np.copyto(b, a),\n"
        "              EncoderOptions(preset='ultrafast', crf=2))\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), str(tmp_path / "out.mp4")],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert "would be too large" in done.stdout, done.stderr
    assert done.stderr == ""


def test_memory_does_not_grow_with_duration(tmp_path: Path) -> None:
    """Peak memory of a process transcoding 200 and 1600 frames of 640 x 480."""
    peaks = []
    code = (
        "import resource, sys, numpy as np\n"
        "from provenance.video import EncoderOptions, container_for, foresee, transcode\n"
        "transcode(sys.argv[1], sys.argv[2], lambda a, b, i: np.copyto(b, a),\n"
        "          EncoderOptions(preset='ultrafast'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    short = make_clip(tmp_path / "short.mp4", Spec(frames=200, size=(640, 480), audio=("eng",)))
    long = tmp_path / "long.mp4"
    _repeat(short, long, 8)
    for source in (short, long):
        done = subprocess.run(
            [sys.executable, "-c", code, str(source), str(tmp_path / "out.mp4")],
            capture_output=True, text=True, cwd=ROOT, timeout=120, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] * 1.1, peaks


def test_names_that_look_like_protocols_or_patterns_are_plain_names(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(frames=3))
    odd = tmp_path / "http:%03d é.mp4"
    transcode(source, odd, copy, FAST)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert transcode(odd.name, "file:x.mp4", copy, FAST).frames == 3
    finally:
        os.chdir(here)
    assert (tmp_path / "file:x.mp4").exists()


def _repeat(source: Path, target: Path, times: int) -> None:
    with av.open(str(source)) as media:
        length = Fraction(media.duration or 0, 1_000_000) + Fraction(1, 10)
    with av.open(str(target), "w") as out:
        made: dict[int, Any] = {}
        for turn in range(times):
            with av.open(str(source)) as media:
                for stream in media.streams:
                    if stream.index not in made:
                        made[stream.index] = out.add_stream_from_template(stream, opaque=True)
                for packet in media.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = int(length * turn / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = made[packet.stream_index]
                    out.mux(packet)


def test_transparency_beside_a_vp9_picture_is_refused(tmp_path: Path) -> None:
    spec = Spec(codec="libvpx-vp9", pix_fmt="yuva420p", frames=3, options={"auto-alt-ref": "0"})
    source = make_clip(tmp_path / "in.webm", spec)
    with pytest.raises(UsageError, match="transparency"):
        transcode(source, tmp_path / "out.webm", copy)
