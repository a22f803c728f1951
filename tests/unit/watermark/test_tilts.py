"""Tilted pictures, found in the spectra of windows."""

import numpy as np

from provenance.watermark import tuning
from provenance.watermark.code.layout import layout_for
from provenance.watermark.pilot import tables
from tests.unit.watermark.pictures import KEY

SIZE = 512
CENTRES = np.array([[x, y] for x in (-200, -100, 0, 100, 200) for y in (-60, 60)], float)
REACH = 320.0


def spectra(matrix: np.ndarray, seed: int = 3) -> np.ndarray:
    """Noise, and the pilot's points where a map puts them in each window's spectrum."""
    noise = np.random.default_rng(seed)
    levels = noise.standard_normal((len(CENTRES), SIZE, SIZE)).astype(np.float32)
    for level, centre in zip(levels, CENTRES, strict=True):
        weight = matrix[2] @ [*centre, 1.0]
        place = matrix[:2, :2] @ centre / weight
        jacobian = (matrix[:2, :2] - np.outer(place, matrix[2, :2])) / weight
        at = np.rint(SIZE * layout_for(KEY).pilot_frequencies @ jacobian).astype(int)
        for sign in (1, -1):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    level[(sign * at[:, 1] + dy) % SIZE, (sign * at[:, 0] + dx) % SIZE] += 1.5
    return levels


def test_a_tilted_picture_is_the_first_candidate() -> None:
    """Scaled, turned a little and seen from the side: the map comes out first."""
    truth = np.array([[1.16, -0.045, 0.0], [-0.005, 1.1, 0.0], [-2e-4, 5e-4, 1.0]])
    pilot = layout_for(KEY).pilot_frequencies
    first = tables.tilted(spectra(truth), CENTRES, REACH, pilot, count=3)[0]
    assert np.abs(first - truth)[:2, :2].max() < 0.04
    assert np.abs(first - truth)[2, :2].max() * REACH < 0.05


def test_candidates_are_not_alike() -> None:
    """No two of the maps differ by less than two steps in every term."""
    pilot = layout_for(KEY).pilot_frequencies
    maps = tables.tilted(spectra(np.eye(3)), CENTRES, REACH, pilot, count=20)
    steps = np.array([tuning.TABLES_STEP] * 4 + [tuning.TABLES_TILT_STEP] * 2)
    terms = [np.array([*tables._logarithm(m[:2, :2]), *(m[2, :2] * REACH)]) / steps for m in maps]
    assert len(maps) == 20
    for index, one in enumerate(terms):
        assert all(np.abs(one - other).max() > 1.0 for other in terms[:index])


def test_logarithms_are_undone() -> None:
    """What is tabled by its logarithm is the matrix itself."""
    terms = np.array([0.3, 0.12, -0.09, 0.15])
    assert np.allclose(tables._logarithm(tables._exponential(terms)), terms, atol=2e-3)
