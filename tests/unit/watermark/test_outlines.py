"""Pictures that are found by their outline."""

import cv2
import numpy as np
import pytest

from provenance.watermark.arrays import Plane
from provenance.watermark.code.grid import Grid
from provenance.watermark.code.layout import layout_for
from provenance.watermark.find.outlines import outlined, outlines
from provenance.watermark.picture import geometry
from tests.unit.watermark.pictures import KEY, Frames, marked, observed, scene

SIZE = (640, 360)
FRAME = np.array([[0, 0], [640, 0], [640, 360], [0, 360]], np.float32)
FILMED = np.array([[70, 30], [560, 50], [610, 330], [40, 350]], np.float32)
INSET = np.array([[300, 170], [560, 170], [560, 316], [300, 316]], np.float32)


@pytest.fixture(scope="module")
def clip() -> Frames:
    return marked(scene(count=24), Grid(*SIZE))


def shown(clip: Frames, corners: Plane, behind: Frames) -> Plane:
    """The residual (360, 640) of a clip whose corners lie elsewhere, over another."""
    matrix = cv2.getPerspectiveTransform(FRAME, corners)
    inside = cv2.warpPerspective(np.ones(SIZE[::-1], np.uint8), matrix, SIZE)
    frames = [
        np.where(inside, cv2.warpPerspective(frame, matrix, SIZE, flags=cv2.INTER_AREA), under)
        for frame, under in zip(clip, behind, strict=True)
    ]
    return observed(frames).upright()


@pytest.mark.parametrize("corners", [FILMED, INSET])
@pytest.mark.parametrize("dark", [True, False])
def test_the_likeliest_outline_is_the_border(clip: Frames, corners: Plane, dark: bool) -> None:
    """Of a screen and of an inset, in the dark and over another clip, within two pixels."""
    behind = [np.zeros_like(frame) for frame in clip] if dark else scene(count=24, seed=11)
    found = outlines(shown(clip, corners, behind))[0]
    assert np.abs(found + np.array([319.5, 179.5]) - (corners - 0.5)).max() < 2.0


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_fills_an_outline_is_heard_in_its_aspect(clip: Frames, mirrored: bool) -> None:
    """A map that puts the corners where they were is among the first, mirrored or not."""
    corners = FILMED[[1, 0, 3, 2]] if mirrored else FILMED
    plane = shown(clip, corners, scene(count=24, seed=11))
    points = np.column_stack([corners - np.array(SIZE) / 2.0, np.ones(4)])
    errors = []
    for picture in outlined(plane, layout_for(KEY)):
        laid = points @ picture.matrix.T
        errors.append(np.abs(laid[:, :2] / laid[:, 2:] - (FRAME - np.array(SIZE) / 2.0)).max())
        assert picture.plane is not None
        assert geometry.unwarp(picture.plane, picture.matrix) is not None
    assert min(errors) < 4.0


def test_a_blank_picture_has_no_outline() -> None:
    """Black frames give no outline, and so no map."""
    blank = np.zeros(SIZE[::-1], np.float32)
    assert outlines(blank) == []
    assert list(outlined(blank, layout_for(KEY))) == []
