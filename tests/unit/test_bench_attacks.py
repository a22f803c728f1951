"""The bench's attacks: every one builds, and does to a tiny clip what its name says."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.clips import Spec, make_clip

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bench import frames, quality, render, runner, stages
from bench.attack import GROUPS, Attack
from bench.attacks import attacks

SIZE = (192, 108)
ALL = {attack.name: attack for attack in attacks()}
LIST_OF_ISSUE_2 = {
    "none", "remux", "h264_crf28", "360p_crf30", "mirror", "crop_side70", "keystone_10",
    "screenshot", "unmarked", "wrong_key",
}  # fmt: skip
SPEEDS = {"speed_0.5": 2.0, "speed_0.8": 1.25, "speed_1.25": 0.8, "speed_2.0": 0.5}
STILL_GEOMETRY = [
    name
    for name, attack in ALL.items()
    if (attack.group == "geometry"
    and not render.moves(attack.passes)
    and not name.startswith("crop_")) or name in ("crop_corner_50", "crop_centre_30_back")
]  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of moving texture."""
    return make_clip(tmp_path_factory.mktemp("bench") / "a.mp4", Spec(size=SIZE, frames=24))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few frames, for attacks that treat all alike."""
    return make_clip(tmp_path_factory.mktemp("bench") / "s.mp4", Spec(size=SIZE, frames=3))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What marked video is mixed with: darker by far than the clip."""
    path = tmp_path_factory.mktemp("bench") / "b.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((72, 64), 30, np.uint8), format="yuv420p")
        for number in range(10):
            frame.pts, frame.time_base = number, Fraction(1, 24)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def attacked(name: str, clip: Path, other: Path, folder: Path, seed: int = 5) -> Path:
    return render.run(ALL[name].passes, clip, folder, other, seed)


def lumas(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as source:
        frames = list(source.decode(video=0))
    return [f.to_ndarray(format="yuv420p")[: f.height].astype(np.float32) for f in frames]


def likeness(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], where: Any = ...) -> float:
    return float(np.corrcoef(a[where].ravel(), b[where].ravel())[0, 1])


def test_every_group_has_attacks_and_the_short_list_is_that_of_the_issue() -> None:
    assert {attack.group for attack in ALL.values()} == set(GROUPS)
    assert {name for name, attack in ALL.items() if attack.first} == LIST_OF_ISSUE_2
    assert {a.name for a in runner.chosen_attacks((), ("first",), False)} == LIST_OF_ISSUE_2


def test_names_and_groups_choose_attacks_and_unknown_ones_are_refused() -> None:
    assert [a.name for a in runner.chosen_attacks(("h265_*",), ("codecs",), False)] == [
        "h265_crf28", "h265_crf34", "h265_crf40",
    ]  # fmt: skip
    assert not {"unmarked", "wrong_key"} & {a.name for a in runner.chosen_attacks((), (), True)}
    with pytest.raises(runner.BenchError, match="nonsense"):
        runner.chosen_attacks(("nonsense",), (), False)


@pytest.mark.parametrize("name", STILL_GEOMETRY)
def test_geometry_puts_every_pixel_where_it_says(
    name: str, short: Path, other: Path, tmp_path: Path
) -> None:
    first = lumas(short)[0]
    after = lumas(attacked(name, short, other, tmp_path))[0]
    matrix, size = render.place(ALL[name].passes, SIZE)
    assert after.shape == (size[1], size[0])
    picture = np.dstack([first.astype(np.uint8)] * 3)
    expected = frames.warped(picture, matrix, size)[..., 0].astype(np.float32)
    covered = np.full((*first.shape, 3), 255, np.uint8)
    inside = frames.warped(covered, matrix, size, (0, 0, 0))[..., 0] == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    assert likeness(after, expected, inside) > 0.95
    if not np.allclose(matrix, np.eye(3)) and size == SIZE:
        assert likeness(after, first) < 0.9


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("brightness_50", (0.5, 8)), ("contrast_50", (0.5, 63)), ("grayscale", (1, 0)),
        ("full_to_limited", (1, 0)), ("hqdn3d", (1, 0)), ("h264rgb_crf30", (1, 0)),
        ("mean_3", (1, 0)),
    ],
)  # fmt: skip
def test_colour_attacks_change_luma_as_they_say(
    name: str, line: tuple[float, float], short: Path, other: Path, tmp_path: Path
) -> None:
    factor, offset = line
    before, after = lumas(short)[0], lumas(attacked(name, short, other, tmp_path))[0]
    assert after.mean() == pytest.approx(before.mean() * factor + offset, abs=4)
    assert after.std() == pytest.approx(before.std() * factor, rel=0.15)
    assert likeness(before, after) > 0.97


@pytest.mark.parametrize("sigma", [5, 10, 20])
def test_noise_has_the_deviation_it_says(sigma: int) -> None:
    picture = np.full((100, 200, 3), 120, np.uint8)
    paint = ALL[f"noise_{sigma}"].passes[0].stages[0]
    assert isinstance(paint, stages.Paint)
    noisy = paint.make((200, 100), np.random.default_rng(3))(picture.copy(), 0.0)
    assert noisy[..., 0].std() == pytest.approx(sigma, rel=0.03)
    assert (noisy[..., 1:] == picture[..., 1:]).all()


@pytest.mark.parametrize("name", SPEEDS)
def test_speed_changes_the_duration_and_keeps_the_rate(
    name: str, clip: Path, other: Path, tmp_path: Path
) -> None:
    assert len(lumas(attacked(name, clip, other, tmp_path))) == pytest.approx(
        24 * SPEEDS[name], abs=2
    )


@pytest.mark.parametrize("share", [50, 25, 10])
def test_joining_leaves_the_share_marked_that_it_says(
    share: int, clip: Path, other: Path, tmp_path: Path
) -> None:
    bright = [
        luma.mean() > 70 for luma in lumas(attacked(f"joined_{share}", clip, other, tmp_path))
    ]
    assert np.mean(bright) == pytest.approx(share / 100, abs=0.01)
    assert not bright[0]
    assert not bright[-1]


@pytest.mark.parametrize(
    ("name", "frames"), [("trim_0.5s", 12), ("trim_one_frame", 1), ("reverse", 24)]
)
def test_time_attacks_keep_as_many_frames_as_they_say(
    name: str, frames: int, clip: Path, other: Path, tmp_path: Path
) -> None:
    seen = lumas(attacked(name, clip, other, tmp_path))
    assert len(seen) == pytest.approx(frames, abs=1 if frames > 1 else 0)
    if name == "reverse":
        assert likeness(seen[0], lumas(clip)[-1]) > 0.97


@pytest.mark.parametrize("percent", [10, 25])
def test_stickers_cover_the_area_they_say(percent: int) -> None:
    paint = ALL[f"stickers_{percent}"].passes[0].stages[0]
    assert isinstance(paint, stages.Paint)
    empty = np.zeros((360, 640, 3), np.uint8)
    covered = paint.make((640, 360), np.random.default_rng(1))(empty, 0.0).any(axis=2).mean()
    assert percent / 100 <= covered < percent / 100 + 0.05


@pytest.mark.parametrize(
    "name",
    [
        "h265_crf34", "vp9_crf40", "av1_crf55", "mpeg4_q8", "mpeg2_q8", "three_generations",
        "240p_200k", "screen_film", "screen_film_hard", "screen_film_hand", "slow_zoom",
        "slow_pan", "film_look", "nlmeans", "ten_to_eight_bits", "fps60_motion", "fps15_blended",
        "drop_50", "shuffle_1s", "caption_bar", "logo", "face_blur", "animated_gif",
        "screenshot_webp", "screenshot_crop70_jpeg50", "videoseal_crf40",
        "crop_caption_9x16_576p", "mirror_speed_720p_crop75",
    ],
)  # fmt: skip
def test_other_attacks_change_the_picture_and_repeat_exactly(
    name: str, clip: Path, other: Path, tmp_path: Path
) -> None:
    (tmp_path / "again").mkdir()
    once = lumas(attacked(name, clip, other, tmp_path))
    again = lumas(attacked(name, clip, other, tmp_path / "again"))
    before = lumas(clip)
    assert len(once) == len(again)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert once[0].shape != before[0].shape or not np.array_equal(once[0], before[0])


def test_a_remux_keeps_the_pictures_bit_for_bit(clip: Path, other: Path, tmp_path: Path) -> None:
    copied = lumas(attacked("remux", clip, other, tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(copied, lumas(clip), strict=True))


def test_controls_expect_no_id() -> None:
    assert not ALL["unmarked"].expects_id
    assert not ALL["wrong_key"].expects_id
    assert Attack("x", "plain").expects_id


def test_results_of_another_run_are_refused_and_a_cut_last_line_is_dropped(tmp_path: Path) -> None:
    results, head = tmp_path / "r.json", {"schema": "s", "code": "1"}
    assert runner.load(results, head) == []
    with results.open("a") as sink:
        sink.write('{"clip": "a", "attack": "none"}\n{"clip": "a", "att')
    assert runner.load(results, head) == [{"clip": "a", "attack": "none"}]
    with pytest.raises(runner.BenchError, match="code"):
        runner.load(results, {"schema": "s", "code": "2"})


def test_ssim_is_one_for_equal_pictures_and_agrees_with_the_closed_form_for_a_shift_of_level() -> (
    None
):
    picture = np.full((64, 64), 100, np.uint8)
    assert quality.ssim(picture, picture) == pytest.approx(1.0)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 110 + c1) / (100**2 + 110**2 + c1)
    assert quality.ssim(picture, picture + 10) == pytest.approx(expected, abs=1e-4)
    assert quality.flat(picture).all()


@pytest.mark.parametrize("name", ["slow_zoom", "slow_pan"])
def test_geometry_that_moves_can_be_put_back_frame_by_frame(
    name: str, clip: Path, other: Path, tmp_path: Path
) -> None:
    assert render.moves(ALL[name].passes)
    before, after = lumas(clip), lumas(attacked(name, clip, other, tmp_path))
    last = len(after) - 1
    matrix, size = render.place(ALL[name].passes, SIZE, last / len(after))
    back = frames.warped(after[last], np.linalg.inv(matrix).astype(np.float64), size, None)
    middle = (slice(30, 78), slice(50, 142))
    likest = max(likeness(back, frame, middle) for frame in before[-3:])
    assert likest > 0.9
    assert likest > likeness(after[last], before[-1], middle) + 0.1
