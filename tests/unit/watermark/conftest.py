"""The pictures that most tests of the watermark look at."""

import pytest

from provenance.watermark.code.grid import Grid
from tests.unit.watermark.pictures import Frames, marked, scene


@pytest.fixture(scope="package")
def frames() -> Frames:
    """A dozen unmarked frames of 640 x 360; not to be changed."""
    return scene()


@pytest.fixture(scope="package")
def stamped(frames: Frames) -> Frames:
    """The same with the mark; not to be changed."""
    return marked(frames, Grid(640, 360))
