"""The pictures that most tests of the watermark look at."""

import pytest

from provenance.watermark.code.grid import Grid
from tests.unit.watermark.pictures import marked, scene


@pytest.fixture(scope="package")
def frames():
    """A dozen unmarked frames of 640 x 360; not to be changed."""
    return scene()


@pytest.fixture(scope="package")
def stamped(frames):
    """The same with the mark; not to be changed."""
    return marked(frames, Grid(640, 360))
