"""Reading luma from videos and images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from provenance.errors import UsageError
from provenance.video import ReadStats, key_times, probe, read_luma, read_runs
from tests.clips import ROTATE_90, Spec, make_clip, picture


def test_eight_bit_luma_is_the_decoded_plane(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Spec(codec="ffv1", frames=6))
    with av.open(str(path)) as media:
        planes = [f.to_ndarray()[:120] for f in media.decode(video=0)]
    frames = [f.luma.copy() for f in read_luma(path)]
    assert all(np.array_equal(a, b) for a, b in zip(planes, frames, strict=True))
    assert frames[0].dtype == np.uint8
    assert frames[0].shape == (120, 160)


def test_ten_bit_luma_is_uint16_below_1024(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Spec(codec="ffv1", pix_fmt="yuv420p10le", frames=3))
    eight = make_clip(tmp_path / "eight.mkv", Spec(codec="ffv1", frames=3))
    for deep, flat in zip(read_luma(path), read_luma(eight), strict=True):
        assert (deep.luma.dtype, deep.depth, deep.luma.shape) == (np.uint16, 10, (120, 160))
        assert deep.luma.max() < 1024
        assert np.abs(deep.luma / 4 - flat.luma).mean() < 1


def test_start_end_and_stride_choose_frames_by_their_times(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Spec(frames=72, options={"g": "12"}))
    all_times = [f.time for f in read_luma(path)]
    assert np.allclose(all_times, np.arange(72) / 24)
    some = [f.time for f in read_luma(path, start=1.0, end=2.0)]
    assert some == all_times[24:48]
    assert [f.time for f in read_luma(path, stride=7)] == all_times[::7]
    assert [f.time for f in read_luma(path, start=2.0, stride=5)] == all_times[48::5]
    assert list(read_luma(path, start=50.0)) == []


def test_a_late_first_picture_keeps_its_place_against_the_sound(tmp_path: Path) -> None:
    late = [45000 + 3750 * i for i in range(24)]
    path = make_clip(
        tmp_path / "clip.mp4", Spec(time_base=Fraction(1, 90000), pts=late, audio=("eng",))
    )
    assert next(iter(read_luma(path))).time == pytest.approx(0.5)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("bframes", ["0", "2"])
def test_a_run_from_a_key_frame_decodes_nothing_before_it(
    tmp_path: Path, ending: str, bframes: str
) -> None:
    options = {"g": "20", "bf": bframes, "sc_threshold": "0"}
    rate = Fraction(30000, 1001)
    path = make_clip(tmp_path / f"clip.{ending}", Spec(frames=160, rate=rate, options=options))
    keys, stats = key_times(path), ReadStats()
    assert len(keys) == 8
    found = [f.time for f in read_runs(path, keys[::2], 1, stats=stats)]
    assert found == pytest.approx(keys[::2])
    assert stats.decoded == 4


def test_skipping_leaves_out_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Spec(frames=48, options={"g": "12", "bf": "2"}))
    keys = list(read_luma(path, skip="predicted"))
    assert [round(f.time * 24) for f in keys] == [0, 12, 24, 36]
    assert all(f.keyframe for f in keys)
    assert 4 < len(list(read_luma(path, skip="unreferenced"))) < 48


def test_key_frames_alone_are_decoded_where_the_decoder_skips_nothing(tmp_path: Path) -> None:
    vp9 = Spec(codec="libvpx-vp9", frames=24, options={"g": "12", "cpu-used": "8"})
    path, stats = make_clip(tmp_path / "clip.webm", vp9), ReadStats()
    keys = [f.time for f in read_luma(path, skip="predicted", stats=stats)]
    assert keys == key_times(path) != []
    assert stats.decoded == len(keys) < 24


def test_a_turned_picture_is_shown_upright_without_a_copy(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Spec(matrix=ROTATE_90, frames=2))
    frame = next(iter(read_luma(path)))
    assert frame.rotation == 90
    assert probe(path).video.display_size == (120, 160)
    upright = frame.upright()
    assert upright.shape == (160, 120)
    assert np.array_equal(upright, np.rot90(frame.luma, -1))
    assert np.shares_memory(upright, frame.luma)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
def test_a_still_image_is_one_frame_of_limited_or_full_range_luma(
    tmp_path: Path, suffix: str
) -> None:
    grey = picture(160, 120, 0)
    path = tmp_path / f"shot.{suffix}"
    assert cv2.imwrite(str(path), cv2.merge([grey, grey, grey]))
    info = probe(path)
    assert (info.kind, info.duration) == ("image", None)
    (frame,) = read_luma(path)
    expected = grey.astype(float) if frame.full_range else 16 + grey * (219 / 255)
    assert frame.luma.shape == (120, 160)
    assert np.abs(frame.luma - expected).mean() < 3


def test_an_animated_gif_is_several_frames(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for index in range(5):
            rgb = np.stack([picture(64, 48, index * 5)] * 3, 2)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode())
    assert probe(path).kind == "image"
    assert [round(f.time, 2) for f in read_luma(path)] == [0.0, 0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(
    "pix_fmt", ["bgr0", "gbrp10le", "yuv422p", "yuv444p12le", "gray", "rgb48le"]
)
def test_other_pixel_formats_give_the_same_luma(tmp_path: Path, pix_fmt: str) -> None:
    path = make_clip(tmp_path / "clip.mkv", Spec(codec="ffv1", pix_fmt=pix_fmt, frames=2))
    reference = make_clip(tmp_path / "ref.mkv", Spec(codec="ffv1", frames=2))
    for frame, other in zip(read_luma(path), read_luma(reference), strict=True):
        assert np.abs(frame.luma / 2.0 ** (frame.depth - 8) - other.luma).mean() < 9


def test_frames_stay_valid_while_they_are_held(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Spec(frames=24))
    copies = [f.luma.copy() for f in read_luma(path)]
    held = list(read_luma(path))
    assert all(np.array_equal(f.luma, c) for f, c in zip(held, copies, strict=True))


def test_an_impossible_stride_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="stride"):
        next(iter(read_luma(make_clip(tmp_path / "clip.mp4"), stride=0)))
