"""What is foretold of a small copy, what is done when it is thin, and when the clip is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from provenance import Keyring, StampResult, UsageError
from provenance.errors import UnmarkableError
from provenance.stamping.rehearsal import LEAST_PSNR_DB, THIN_DB
from provenance.verifying.search import examine
from provenance.video import copied, probe, read_luma, shrunk
from tests.clips import Spec, make_clip, picture
from tests.conftest import MODEL, Run, entries, stamp_clip


def test_a_copy_has_360_lines_and_as_many_frames_as_went_in() -> None:
    """Sizes are even, the short side is 360 lines, and every frame comes out again."""
    small = [shrunk(picture(853, 481, index)) for index in range(7)]
    assert small[0].shape == (360, 638)
    assert shrunk(picture(160, 120, 0)).shape == (120, 160)
    out = [plane.astype(float) for plane in copied(small, Fraction(24))]
    assert len(out) == len(small)
    assert 0.5 < np.abs(out[3] - small[3]).mean() < 12.0


def test_what_is_foretold_is_what_a_copy_of_the_whole_clip_gives(
    clip: Path, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    """The margin in a 360p CRF 30 copy of the finished file is within 3 dB of the one reported."""
    target = tmp_path / "copy.mp4"
    planes = [shrunk(frame.luma) for frame in read_luma(Path(stamped.output_path))]
    height, width = planes[0].shape
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"crf": "30", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for plane in planes:
            grey = av.VideoFrame.from_ndarray(plane, format="gray")
            out.mux(stream.encode(grey.reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    found = examine(target, probe(target), (keyring.watermark_key,), expected=stamped.stamp_id)
    assert found.margin_db is not None
    assert abs(found.margin_db - stamped.copy_margin_db) < 3.0


def test_a_clear_mark_is_left_as_it_is(clip: Path, keyring: Keyring, tmp_path: Path) -> None:
    """A clip whose margin is not thin is stamped at the profile's own strength."""
    result = stamp_clip(clip, tmp_path / "out.mp4", keyring, profile="strong")
    assert result.copy_margin_db >= THIN_DB
    assert result.strength == 1.0


def test_a_thin_margin_raises_the_strength_and_says_so(
    clip: Path, keyring: Keyring, run: Run
) -> None:
    """Texture is marked more, within the visual limit; a note says so, and the JSON does."""
    words = (clip, "out.mp4", *MODEL, "--prompt-hash", "0" * 64, "--profile", "faint", "--json")
    ran = run("stamp", *words, "--keys", keyring.folder)
    assert ran.code == 0, ran.err
    assert "strength raised 1.2 times" in ran.err
    told = ran.row
    assert told["watermark"]["strength"] == pytest.approx(1.2, abs=0.05)
    assert isinstance(told["watermark"]["copy_margin_db"], float)
    (warning,) = told["warnings"]
    assert warning in ran.err
    assert ran.row["watermark"]["psnr_y_db"] > LEAST_PSNR_DB


def test_too_high_a_least_margin_is_refused_before_anything_is_written(
    clip: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    """Exit code 3, one sentence with both figures, and an empty folder; so in Python."""
    ran = run(
        *("stamp", clip, "out.mp4", *MODEL, "--prompt-hash", "0" * 64, "--min-margin", "60"),
        *("--keys", keyring.folder),
    )
    assert ran.code == 3
    assert "360p CRF 30 copy where 60.0 dB is asked for" in ran.err
    assert entries(tmp_path) == []
    with pytest.raises(UnmarkableError):
        stamp_clip(clip, tmp_path / "b.mp4", keyring, min_margin_db=60.0)
    with pytest.raises(UsageError):
        stamp_clip(clip, tmp_path / "c.mp4", keyring, min_margin_db=float("nan"))
    assert entries(tmp_path) == []


def test_the_least_margin_can_be_set_outside_the_command_line(
    clip: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    """The variable and the settings file refuse as the flag does."""
    words = ("stamp", clip, "out.mp4", *MODEL, "--prompt-hash", "0" * 64, "--keys", keyring.folder)
    assert run(*words, env={"PROVENANCE_MIN_MARGIN": "60"}).code == 3
    (tmp_path / "provenance.toml").write_text("min_margin = 60\n")
    assert run(*words).code == 3


def test_a_clip_of_three_frames_and_ten_bits_is_rehearsed_too(
    keyring: Keyring, tmp_path: Path
) -> None:
    """Shorter than the runs, deeper than 8 bits: the figure is still a sensible one."""
    spec = Spec(codec="libx265", pix_fmt="yuv420p10le", size=(480, 360), frames=3)
    clip = make_clip(tmp_path / "clip.mp4", spec)
    assert stamp_clip(clip, tmp_path / "out.mp4", keyring).copy_margin_db > -30.0
