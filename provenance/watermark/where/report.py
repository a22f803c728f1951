"""A detection, from what was read and where it is."""

from __future__ import annotations

import numpy as np

from provenance.results import Detection, PictureMap, Segment, Transform, WatermarkStatus
from provenance.watermark.arrays import Map
from provenance.watermark.picture.observation import Observation
from provenance.watermark.read import evidence
from provenance.watermark.read.reading import Reading
from provenance.watermark.tuning import WEAK_PILOT
from provenance.watermark.where.missing import LARGE_AREA


def absent(observation: Observation, pilot: float) -> Detection:
    """Nothing was read; ``pilot`` is its highest score."""
    weak = pilot >= WEAK_PILOT
    return Detection(
        status="weak" if weak else "absent",
        frames=observation.frames,
        reason="a pilot signal stands out, but no payload could be read" if weak else None,
    )


def found(
    observation: Observation,
    reading: Reading,
    chance: float,
    segments: tuple[Segment, ...],
    picture: PictureMap | None,
) -> Detection:
    """What was read, how likely an unmarked file gives it, and where it is."""
    return Detection(
        status=_status(segments, picture),
        stamp_id=reading.stamp_id,
        key_id=reading.key.key_id,
        layout=reading.layout.spec.version,
        score=reading.score,
        margin_db=evidence.margin_db(reading.score),
        false_positive_probability=chance,
        frames=observation.frames,
        transform=transform_of(reading.matrix),
        segments=segments,
        picture=picture,
    )


def _status(segments: tuple[Segment, ...], picture: PictureMap | None) -> WatermarkStatus:
    area = None if picture is None else picture.missing
    large = area is not None and area.share >= LARGE_AREA
    return "partial" if large or any(s.status == "unmarked" for s in segments) else "found"


def transform_of(matrix: Map) -> Transform:
    """Name the linear part, at the picture's centre, of a map from observed to stamped pixels."""
    inverse = np.linalg.inv(matrix)
    inverse = inverse / inverse[2, 2]
    linear = inverse[:2, :2] - np.outer(inverse[:2, 2], inverse[2, :2])
    determinant = float(np.linalg.det(linear))
    mirrored = determinant < 0
    upright = linear @ np.diag([-1.0, 1.0]) if mirrored else linear
    # y points down, so a counter-clockwise turn has a negative angle in these coordinates.
    angle = float(np.degrees(np.arctan2(upright[1, 0] - upright[0, 1], upright.trace())))
    across, down = np.linalg.norm(upright, axis=0)
    return Transform(
        scale=float(np.sqrt(abs(determinant))),
        rotation_deg=-angle + 0.0,
        mirrored=mirrored,
        aspect=float(across / down),
        matrix=tuple(float(value) for value in matrix.ravel()),
    )
