"""One look at a clip serves the quick look, the embedder and the rehearsal."""

from fractions import Fraction
from pathlib import Path

import pytest

from provenance.stamping.firstlook import LENGTH, RUNS, FirstLook
from provenance.video import LumaFrame, probe
from tests.clips import Spec, make_clip


@pytest.mark.parametrize("gop", ["250", "10"], ids=["out of one pass", "at key frames"])
def test_runs_are_kept_and_the_survey_is_heard_once(gop: str, tmp_path: Path) -> None:
    """However many key frames there are: 40 small frames, and each surveyed frame heard once."""
    spec = Spec(frames=60, rate=Fraction(24), options={"g": gop})
    clip = make_clip(tmp_path / "clip.mp4", spec)
    heard: list[float] = []

    def hear(frame: LumaFrame) -> None:
        heard.append(frame.time)

    look = FirstLook(clip, probe(clip), hear)
    seen = [frame.time for frame in look.survey()]
    assert 20 <= len(seen) <= 60
    assert heard == seen
    look.hear_all()
    assert len(list(look.survey())) > 0
    assert heard == seen
    runs = look.runs()
    assert 3 * LENGTH < len(runs) <= RUNS * LENGTH
    assert {plane.shape for plane in runs} == {(120, 160)}
