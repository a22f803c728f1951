"""The constants of the search stand in one place, each with where it comes from."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from provenance.watermark import tuning
from provenance.watermark.alarms import ANYWHERE, NEARBY, threshold
from provenance.watermark.embed.profiles import PROFILES
from provenance.watermark.picture.geometry import Canvas
from provenance.watermark.picture.observation import ROOM
from provenance.watermark.pilot.correlation import heard_in, locate
from tests.unit.watermark.planes import LAYOUT

PACKAGE = Path(tuning.__file__).parent
ORIGINS = ("[geometry]", "[measured]", "[cost]", "[hand]")
ARRAYS = {"ORDER", "DRAWS", "FINDERS", "LINEAR", "TERMS"}
"""Not numbers to be tuned: draws, the steps themselves, and places in the fit's basis."""


def assigned(tree: ast.Module) -> list[tuple[str, str]]:
    """(name, docstring) of every constant of a module."""
    found = []
    for node, after in pairwise([*tree.body, ast.Pass()]):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        text = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [one.id for one in ast.walk(targets[0]) if isinstance(one, ast.Name)]
        found += [(name, text) for name in names if name.isupper()]
    return found


def test_every_constant_says_what_it_is_and_where_it_comes_from() -> None:
    constants = [
        constant
        for name in ("tuning.py", "alarms.py")
        for constant in assigned(ast.parse((PACKAGE / name).read_text(encoding="utf-8")))
    ]
    assert len(constants) > 90
    for name, text in constants:
        assert sum(text.count(origin) for origin in ORIGINS) == 1, name
        assert len(text) > 20, name


def test_no_strategy_keeps_constants_of_its_own() -> None:
    files = [*(PACKAGE / "find").glob("*.py"), *(PACKAGE / "pilot").glob("*.py")]
    files += [PACKAGE / "detector.py", PACKAGE / "read" / "reader.py"]
    for file in files:
        names = {name for name, _ in assigned(ast.parse(file.read_text(encoding="utf-8")))}
        assert names <= ARRAYS, file.name


def test_what_a_reader_takes_for_room_is_no_embedding_profile() -> None:
    """Pinned: tuning a profile changes nothing that is read."""
    assert (ROOM.strength, ROOM.base, ROOM.shadow) == (1.0, 0.77, 0.6)
    assert ROOM is not PROFILES["standard"].hiding


@pytest.mark.parametrize(("rate", "places"), [(0.05, 2), (0.02, 40)])
def test_the_best_of_normals_reaches_a_threshold_at_most_at_its_rate(
    rate: float, places: int
) -> None:
    """And hardly less often where they are independent: 20,000 draws."""
    best = np.random.default_rng(1).standard_normal((20_000, places)).max(axis=1)
    assert 0.85 * rate < np.mean(best >= threshold(rate, places)) < 1.05 * rate


def test_over_noise_the_pilots_score_is_a_standard_normal() -> None:
    draw = np.random.default_rng(1)
    planes = [draw.standard_normal((360, 640)).astype(np.float32) for _ in range(150)]
    scores = [heard_in(Canvas.of(plane), LAYOUT) for plane in planes]
    assert abs(np.mean(scores)) < 0.2
    assert np.std(scores) == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize(("places", "upright"), [(ANYWHERE, False), (NEARBY, True)])
def test_over_noise_the_best_place_is_heard_no_more_often_than_the_rate_says(
    places: int, upright: bool
) -> None:
    draw = np.random.default_rng(2)
    planes = [draw.standard_normal((360, 640)).astype(np.float32) for _ in range(16)]
    scores = [
        locate(Canvas.of(plane), LAYOUT, np.eye(3), upright=upright).score for plane in planes
    ]
    assert np.mean(np.array(scores) >= threshold(0.5, places)) <= 0.5
    assert max(scores) < threshold(1e-3, places)
