"""The bench's other modes: peers read frame by frame, and screenshots picked at random."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.clips import Spec, make_clip

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from bench import peer_run, peers, quality, render, screenshots
from bench.stages import Crop


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of moving texture."""
    return make_clip(tmp_path_factory.mktemp("modes") / "a.mp4", Spec(size=(192, 108), frames=48))


def pictures(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as source:
        return [peer_run.colours_of(frame) for frame in source.decode(video=0)]


def test_colours_survive_the_way_there_and_back_within_rounding() -> None:
    colours = np.random.default_rng(1).integers(40, 210, (20, 30, 3)).astype(np.uint8)
    planes = np.ascontiguousarray(np.moveaxis(peer_run.coded_of(colours), 2, 0))
    frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
    difference = peer_run.colours_of(frame).astype(int) - colours
    assert np.abs(difference).max() <= 2
    assert abs(difference.mean()) < 0.1


def test_a_cut_holds_the_first_seconds_bit_for_bit(clip: Path, tmp_path: Path) -> None:
    peer_run.cut(clip, tmp_path / "cut.mkv", 0.5)
    cut, whole = pictures(tmp_path / "cut.mkv"), pictures(clip)
    assert len(cut) == 12
    assert all(np.array_equal(a, b) for a, b in zip(cut, whole, strict=False))
    assert min(peer_run.psnr(tmp_path / "cut.mkv", tmp_path / "cut.mkv")) > 100


@pytest.mark.parametrize(("looks", "seen"), [(100, 48), (10, 10), (1, 1)])
def test_frames_that_a_peer_reads_are_spread_over_the_file(
    clip: Path, looks: int, seen: int
) -> None:
    assert len(list(peer_run.spread(clip, looks))) == pytest.approx(seen, abs=1)


def test_every_bit_goes_to_the_majority_of_frames() -> None:
    votes = [np.array(bits, bool) for bits in ([1, 0, 1], [1, 1, 0], [0, 0, 1])]
    assert peer_run.majority(votes).tolist() == [True, False, True]


def test_a_peer_that_is_not_installed_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for package in ("imwatermark", "blind_watermark", "blind_video_watermark.dtcwt_img"):
        monkeypatch.setitem(sys.modules, package, None)
    for name in peers.PEERS:
        with pytest.raises(peers.MissingPeerError, match=r"install the project's extra 'peers'"):
            peers.peer(name, (64, 64))


def test_peer_tables_count_whole_payloads_and_keep_the_share_of_bits_apart() -> None:
    def row(peer: str, attack: str, recovered: bool, right: float | None) -> dict[str, Any]:
        return {
            "peer": peer, "clip": "a", "attack": attack, "group": "geometry", "bits": 64,
            "recovered": recovered, "right": right, "psnr_y": 44.0, "psnr_c": None,
        }  # fmt: skip

    rows = [
        row(peer_run.OURS, "mirror", True, None),
        row("dwtDct", "mirror", False, 0.5),
        row(peer_run.OURS, "rotate_10", True, None),
        row("dwtDct", "rotate_10", True, 1.0),
    ]
    first, totals, costs = peer_run.sheets(rows)
    assert first.heads == ("attack", peer_run.OURS, "dwtDct")
    assert first.lines[0] == ("mirror", "1/1", "0/1 (50 %)")
    assert totals.lines == (("all", "2/2", "1/2 (75 %)"),)
    assert costs.lines[0] == (peer_run.OURS, "64", "44.0", "untouched")


def test_picks_repeat_with_a_seed_and_reach_every_clip() -> None:
    clips = ["a", "b", "c"]
    first = list(screenshots.picks(clips, 40, 7))
    assert first == list(screenshots.picks(clips, 40, 7))
    assert first != list(screenshots.picks(clips, 40, 8))
    assert {pick.clip for pick in first} == set(clips)


@pytest.mark.parametrize("kind", screenshots.KINDS)
def test_a_screenshot_is_one_frame_cut_where_it_was_picked(
    kind: str, clip: Path, tmp_path: Path
) -> None:
    pick = screenshots.Pick(0, "a", 3, (1.0, 0.0))
    passes = screenshots.passes_of(pick, kind)
    saved = render.run(passes, clip, tmp_path, clip, pick.seed)
    side = screenshots.KINDS[kind][0]
    x, y, width, height = Crop((side, side), anchor=(1.0, 0.0)).window((192, 108))
    assert (saved.suffix == ".jpg") == ("JPEG" in kind)
    (shot,) = pictures(saved)
    assert shot.shape[:2] == (height, width)
    nearest = min(
        np.abs(shot.astype(int) - frame[y : y + height, x : x + width]).mean()
        for frame in pictures(clip)
    )
    assert nearest < 6


def test_screenshot_rates_are_given_by_clip_and_over_all() -> None:
    kind = next(iter(screenshots.KINDS))
    row = {"pick": 0, "kind": kind, "clip": "a", "false_id": False, "status": "absent"}
    known = {"known": {"score": 9.0, "margin_db": -1.25, "pilot": 3.0}}
    rates, failed = screenshots.sheets(
        [row | {"recovered": True}, row | {"clip": "b", "recovered": False} | known]
    )
    assert [line[:2] for line in rates.lines] == [("a", "1/1"), ("b", "0/1"), ("all", "1/2")]
    assert failed.lines == (("b", "0", kind, "absent", "-1.2"),)


def test_quality_is_given_by_clip_with_the_mean_and_the_worst() -> None:
    first = quality.Quality("a", 10, 46.0, 45.0, 0.995, 44.0, 0.1, 0.5, 0.6, 0.02)
    second = quality.Quality("b", 20, 44.0, 43.0, 0.991, 42.0, 0.0, None, None, 0.04)
    lines = quality.sheet([first, second]).lines
    assert lines[1][7:9] == ("-", "-")
    assert lines[2] == (
        "mean", "", "45.00", "44.00", "0.9930", "43.00", "5.0", "0.500", "0.600", "+3.00",
    )  # fmt: skip
    assert lines[3][2:] == ("44.00", "43.00", "0.9910", "42.00", "10.0", "0.500", "0.600", "+4.00")
