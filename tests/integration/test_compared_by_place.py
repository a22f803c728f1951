"""What differs in a copy is found: by its place (pasted, or under the mark), in order and sound."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from provenance import Keyring
from provenance.errors import InputError
from provenance.results import Verdict
from provenance.stamping.restore import restore
from tests.clips import grey_clip, lumas
from tests.conftest import ROOT, stamp_clip
from tests.desk import FRAMES, SIZE, Desk, opened

sys.path.insert(0, str(ROOT / "scripts"))

from bench import sounds


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("desk"), keyring) as desk:
        yield desk


def mixed(desk: Desk, target: Path, share: float, *, lifted: bool) -> Path:
    """The first clip with a centred part from the second one's source, under its mark or not."""
    width, height = SIZE
    wide, tall = round(width * share**0.5), round(height * share**0.5)
    rows = slice((height - tall) // 2, (height + tall) // 2)
    columns = slice((width - wide) // 2, (width + wide) // 2)
    frames = []
    clips = (desk.clips[0].output_path, *desk.sources)
    for marked, before, other in zip(*(lumas(clip) for clip in clips), strict=True):
        part = other[rows, columns].astype(np.int16)
        if lifted:
            part = part + marked[rows, columns].astype(np.int16) - before[rows, columns]
        frame = marked.copy()
        frame[rows, columns] = np.clip(part, 0, 255)
        frames.append(frame)
    return grey_clip(frames, target)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_other_content_under_a_lifted_mark_is_a_conflict(
    desk: Desk, tmp_path: Path, share: float
) -> None:
    copy = mixed(desk, tmp_path / "lifted.mp4", share, lifted=True)
    report = desk.check(copy)
    assert report.verdict is Verdict.CONFLICT
    with pytest.raises(InputError, match="verifies as CONFLICT"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)


def test_a_part_pasted_plainly_is_partial_and_its_area_is_named(desk: Desk, tmp_path: Path) -> None:
    copy = mixed(desk, tmp_path / "pasted.mp4", 0.25, lifted=False)
    report = desk.check(copy)
    assert report.verdict is Verdict.PARTIAL
    assert "an area of" in report.summary
    areas = report.registry.compared.areas
    assert areas
    assert not any(area.copied for area in areas)
    with pytest.raises(InputError, match="verifies as PARTIAL"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)


def test_a_still_with_a_part_pasted_over_is_partial(desk: Desk, tmp_path: Path) -> None:
    frame = lumas(desk.clips[0].output_path)[20].copy()
    frame[:180, :200] = lumas(desk.sources[1])[20][:180, :200]
    cv2.imwrite(str(tmp_path / "still.png"), frame)
    report = desk.check(tmp_path / "still.png")
    assert report.verdict is Verdict.PARTIAL
    assert "an area of" in report.summary


def test_an_honest_copy_has_no_area(desk: Desk, tmp_path: Path) -> None:
    frames = [cv2.resize(luma, (320, 240)) for luma in lumas(desk.clips[0].output_path)]
    report = desk.check(grey_clip(frames, tmp_path / "small.mp4"))
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert report.registry.compared.areas == ()
    assert report.registry.compared.picture == "same"


def test_a_copy_played_backwards_is_told_and_not_restored(desk: Desk, tmp_path: Path) -> None:
    copy = grey_clip(lumas(desk.clips[0].output_path)[::-1], tmp_path / "back.mp4")
    report = desk.check(copy)
    assert report.verdict is Verdict.WATERMARK_MATCH
    assert "played backwards" in report.summary
    with pytest.raises(InputError, match="not played in the stamped order"):
        restore(copy, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)


def test_stickers_and_a_caption_are_no_conflict(desk: Desk, tmp_path: Path) -> None:
    """15 % of the picture, with the mark between and around them."""
    frames = []
    for luma in lumas(desk.clips[0].output_path):
        frame = luma.copy()
        frame[290:340, 40:440] = 16
        cv2.putText(frame, "LOOK AT THIS", (60, 328), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 235, 4)
        for x, y in ((90, 80), (240, 150), (390, 80)):
            cv2.circle(frame, (x, y), 32, 220, -1)
            cv2.circle(frame, (x - 10, y - 8), 6, 30, -1)
            cv2.circle(frame, (x + 10, y - 8), 6, 30, -1)
            cv2.ellipse(frame, (x, y + 6), (16, 10), 0, 0, 180, 30, 4)
        frames.append(frame)
    report = desk.check(grey_clip(frames, tmp_path / "stickers.mp4"))
    assert report.verdict in {Verdict.WATERMARK_MATCH, Verdict.PARTIAL}
    assert not any(area.copied for area in report.registry.compared.areas)


def with_sound(picture: Path, sound: sounds.Sound, target: Path) -> Path:
    """The picture of a clip as it is, with a sound as AAC."""
    with av.open(str(picture)) as media, av.open(str(target), "w") as out:
        source = media.streams.video[0]
        stream = out.add_stream_from_template(source)
        voice: Any = out.add_stream("aac", rate=sounds.RATE, layout="stereo")
        for packet in media.demux(source):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
        for start in range(0, sound.shape[1] - 1023, 1024):
            block = np.ascontiguousarray(sound[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = sounds.RATE, start
            out.mux(voice.encode(frame))
        out.mux(voice.encode())
    return target


def test_a_replaced_sound_is_told_and_not_restored(desk: Desk, tmp_path: Path) -> None:
    rate, seconds = 12, FRAMES / 12
    quiet = grey_clip(lumas(desk.sources[0]), tmp_path / "quiet.mp4", rate)
    voiced = with_sound(quiet, sounds.made("film", seconds, 1), tmp_path / "voiced.mp4")
    stamped = tmp_path / "stamped.mp4"
    stamp_clip(voiced, stamped, desk.keyring, registry=desk.registry)
    bare = grey_clip(lumas(stamped), tmp_path / "bare.mp4", rate)
    kept = with_sound(bare, sounds.loaded(stamped), tmp_path / "kept.mp4")
    other = with_sound(bare, sounds.made("speech", seconds, 2), tmp_path / "other.mp4")

    same = desk.check(kept)
    assert same.verdict is Verdict.WATERMARK_MATCH
    assert "the sound is the same" in same.summary

    replaced = desk.check(other)
    assert replaced.verdict is Verdict.WATERMARK_MATCH
    assert "the sound is not the stamped clip's" in replaced.summary
    assert replaced.registry.compared.sound == "differs"
    with pytest.raises(InputError, match="sound"):
        restore(other, tmp_path / "r.mp4", keyring=desk.keyring, registry=desk.registry)

    assert "its sound is missing" in desk.check(bare).summary
