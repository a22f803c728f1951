"""What libavfilter lacks: projective maps, recapture, stickers, noise with a seed.

Every number here is a fixed parameter of the bench.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.frames import Matrix, Picture, Size

Change = Callable[[Picture, float], Picture]


# --- maps, output to input edge coordinates -------------------------------------------------


def about_centre(size: Size, matrix: Matrix) -> Matrix:
    """A linear map of the picture about its centre."""
    w, h = size
    to = np.array([[1, 0, w / 2], [0, 1, h / 2], [0, 0, 1.0]])
    return to @ matrix @ np.linalg.inv(to)


def rotation(degrees: float) -> Callable[[Size, float], Matrix]:
    """The picture turned clockwise by ``degrees`` in a frame of its own size (corners lost)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
    return lambda size, _time: about_centre(size, turn)


def shear(share: float) -> Callable[[Size, float], Matrix]:
    """Lines shifted sideways by ``share`` of their distance from the middle."""
    slant = np.array([[1, share, 0], [0, 1, 0], [0, 0, 1.0]])
    return lambda size, _time: about_centre(size, slant)


def keystone_of(size: Size, share: float) -> Matrix:
    """Corners moved inwards by up to ``share`` of a side: a screen seen from below and beside."""
    w, h = size
    p = share
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    moved = np.array(
        [
            [p * w, 0.5 * p * h],
            [w - p * w, p * h],
            [w - 0.25 * p * w, h - 0.5 * p * h],
            [0.5 * p * w, h],
        ],
        np.float32,
    )
    return np.asarray(cv2.getPerspectiveTransform(moved, corners), np.float64)


def keystone(share: float) -> Callable[[Size, float], Matrix]:
    """:func:`keystone_of`, still."""
    return lambda size, _time: keystone_of(size, share)


def zoom(end: float) -> Callable[[Size, float], Matrix]:
    """A zoom into the centre from 1 to ``end`` over the clip."""
    return lambda size, time: about_centre(
        size, np.diag([1 / (1 + (end - 1) * time), 1 / (1 + (end - 1) * time), 1.0])
    )


def pan(window: float) -> Callable[[Size, float], Matrix]:
    """A window of ``window`` of the sides that wanders from top left to bottom right, full size."""
    return lambda size, time: np.array(
        [
            [window, 0, time * (1 - window) * size[0]],
            [0, window, time * (1 - window) * size[1]],
            [0, 0, 1.0],
        ]
    )


def screen(share: float, stretch: tuple[float, float]) -> Callable[[Size, float], Matrix]:
    """A filmed screen: keystone and an uneven scale."""
    uneven = np.diag([1 / stretch[0], 1 / stretch[1], 1.0])
    return lambda size, _time: keystone_of(size, share) @ about_centre(size, uneven)


def in_a_room(share: float, tilt: float, fill: float) -> Callable[[Size, float], Matrix]:
    """A filmed screen that fills ``fill`` of the frame's sides, keystoned and tilted."""
    c, s = math.cos(math.radians(tilt)) / fill, math.sin(math.radians(tilt)) / fill
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
    return lambda size, _time: keystone_of(size, share) @ about_centre(size, turn)


def hand_held(share: float, shift: float) -> Callable[[Size, float], Matrix]:
    """A keystone and a shift that drift: slow sines, ``shift`` of the width at most."""

    def matrix(size: Size, time: float) -> Matrix:
        w, h = size
        drift = np.eye(3)
        drift[0, 2] = shift * w * math.sin(2 * math.pi * 1.5 * time)
        drift[1, 2] = shift * h * math.sin(2 * math.pi * 1.1 * time + 1.0)
        return keystone_of(size, share * (0.6 + 0.4 * math.sin(2 * math.pi * 0.8 * time))) @ drift

    return matrix


# --- pixels ----------------------------------------------------------------------------------


def noise(sigma: float) -> Callable[[Size, np.random.Generator], Change]:
    """Gaussian noise of ``sigma`` grey levels in luma, fresh every frame."""

    def make(size: Size, rng: np.random.Generator) -> Change:
        cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
        field = np.empty((size[1], size[0]), np.int16)

        def change(picture: Picture, _time: float) -> Picture:
            cv2.randn(field, np.zeros(1), np.full(1, sigma))
            picture[..., 0] = np.clip(picture[..., 0] + field, 0, 255).astype(np.uint8)
            return picture

        return change

    return make


def hqdn3d(spatial: float = 4.0, temporal: float = 6.0) -> Callable[..., Change]:
    """FFmpeg's hqdn3d on luma, its recursive low-pass in float (GPL, so not in PyAV)."""

    def coefficients(distance: float) -> np.ndarray:
        gamma = math.log(0.25) / math.log(1.0 - min(distance, 252.0) / 255.0 - 0.00001)
        step = np.abs(np.arange(-255, 256)) / 255.0
        return np.asarray(np.power(1.0 - step, gamma) * np.arange(-255, 256), np.float32)

    def make(_size: Size, _rng: np.random.Generator) -> Change:
        near, past = coefficients(spatial), coefficients(temporal)
        last: list[np.ndarray] = []

        def pull(table: np.ndarray, before: np.ndarray, now: np.ndarray) -> np.ndarray:
            return np.asarray(now + table[np.rint(before - now).astype(np.int32) + 255])

        def change(picture: Picture, _time: float) -> Picture:
            luma = np.ascontiguousarray(picture[..., 0].T, dtype=np.float32)
            for x in range(1, luma.shape[0]):
                luma[x] = pull(near, luma[x - 1], luma[x])
            luma = np.ascontiguousarray(luma.T)
            for y in range(1, luma.shape[0]):
                luma[y] = pull(near, luma[y - 1], luma[y])
            if last:
                luma = pull(past, last[0], luma)
            last[:] = [luma]
            picture[..., 0] = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
            return picture

        return change

    return make


def moire(_size: Size, _rng: np.random.Generator) -> Change:
    """Two gratings, 6 and 4 %, at 0.23 and 0.31 cycles a pixel, as sensor and screen beat."""
    w, h = _size
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    turns = 2 * np.pi
    grid = 1 + 0.06 * np.sin(turns * (0.228 * x + 0.03 * y)) + 0.04 * np.sin(turns * 0.31 * y)

    def change(picture: Picture, _time: float) -> Picture:
        luma = 16 + (picture[..., 0].astype(np.float32) - 16) * grid
        picture[..., 0] = np.clip(luma, 0, 255).astype(np.uint8)
        return picture

    return change


def room(share: float, tilt: float, fill: float) -> Callable[[Size, np.random.Generator], Change]:
    """A textured room where :func:`in_a_room` leaves the frame empty."""

    def make(size: Size, rng: np.random.Generator) -> Change:
        w, h = size
        matrix = np.linalg.inv(in_a_room(share, tilt, fill)(size, 0.0))
        corners = cv2.perspectiveTransform(
            np.array([[[0, 0], [w, 0], [w, h], [0, h]]], np.float32), matrix
        )
        outside = np.full((h, w), 255, np.uint8)
        cv2.fillConvexPoly(outside, np.rint(corners[0]).astype(np.int32), 0)
        coarse = rng.normal(0, 1, (h, w)).astype(np.float32)
        wall = cv2.GaussianBlur(coarse, (0, 0), 6) * 60 + cv2.GaussianBlur(coarse, (0, 0), 40) * 900
        wall = np.clip(wall + 80 + np.linspace(25, -25, w)[None], 20, 220).astype(np.uint8)
        for _ in range(12):
            x, y = int(rng.integers(w)), int(rng.integers(h))
            box = (int(rng.integers(w // 16, w // 5)), int(rng.integers(h // 16, h // 4)))
            cv2.rectangle(wall, (x, y), (x + box[0], y + box[1]), int(rng.integers(30, 200)), -1)
        picture_of = np.dstack([wall, np.full_like(wall, 124), np.full_like(wall, 133)])

        return _pasted(outside > 0, picture_of)

    return make


def _pasted(where: NDArray[np.bool_], paint: Picture) -> Change:
    """Paint (H, W, 3) laid over every frame, where it is."""

    def change(picture: Picture, _time: float) -> Picture:
        picture[where] = paint[where]
        return picture

    return change


def caption_bar(size: Size, _rng: np.random.Generator) -> Change:
    """A dark bar over the bottom 14 % with a line of text."""
    w, h = size
    top = round(h * 0.86)

    def change(picture: Picture, _time: float) -> Picture:
        picture[top:] = (24, 128, 128)
        scale = h / 700
        at = (round(w * 0.05), round(h * 0.955))
        text = "WAIT FOR THE END: you will not believe this"
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (235, 128, 128), 2)
        return picture

    return change


def stickers(area: float) -> Callable[[Size, np.random.Generator], Change]:
    """Opaque discs with a ring, at random places, until ``area`` of the picture is covered."""

    def make(size: Size, rng: np.random.Generator) -> Change:
        w, h = size
        cover = np.zeros((h, w), np.uint8)
        paint = np.zeros((h, w, 3), np.uint8)
        radius = round(min(w, h) * 0.12)
        while np.count_nonzero(cover) < area * w * h:
            at = (int(rng.integers(w)), int(rng.integers(h)))
            colour = tuple(int(v) for v in rng.integers((90, 60, 60), (220, 200, 200)))
            cv2.circle(cover, at, radius, 255, -1)
            cv2.circle(paint, at, radius, colour, -1)
            cv2.circle(paint, at, radius * 2 // 3, (30, 128, 128), max(2, radius // 8))

        return _pasted(cover > 0, paint)

    return make


def logo(size: Size, _rng: np.random.Generator) -> Change:
    """A half transparent mark in the top right corner, 12 % of the height."""
    w, h = size
    side = round(h * 0.12)
    x, y = w - side - side // 4, side // 4

    def change(picture: Picture, _time: float) -> Picture:
        part = picture[y : y + side, x : x + side]
        over = part.copy()
        cv2.circle(over, (side // 2, side // 2), side // 2, (235, 128, 128), -1)
        cv2.putText(over, "TV", (side // 6, side * 2 // 3), 0, side / 45, (40, 128, 128), 2)
        cv2.addWeighted(over, 0.6, part, 0.4, 0, dst=part)
        return picture

    return change


def face_blur(size: Size, _rng: np.random.Generator) -> Change:
    """An ellipse about a head's size, upper middle, blurred beyond recognition."""
    w, h = size
    cover = np.zeros((h, w), np.uint8)
    axes = (round(h * 0.16), round(h * 0.22))
    cv2.ellipse(cover, (w // 2, round(h * 0.35)), axes, 0, 0, 360, 255, -1)

    def change(picture: Picture, _time: float) -> Picture:
        blurred = cv2.GaussianBlur(picture, (0, 0), h / 30)
        picture[cover > 0] = blurred[cover > 0]
        return picture

    return change


def blurred_fill(picture: Picture, aspect: float) -> Picture:
    """The picture across a frame of another aspect ratio, over an enlarged, blurred copy."""
    h, w = picture.shape[:2]
    height = 2 * round(w / aspect / 2)
    back = cv2.resize(picture, (round(w * height / h), height))
    left = (back.shape[1] - w) // 2
    frame = cv2.GaussianBlur(back[:, left : left + w], (0, 0), h / 25)
    top = (height - h) // 2
    frame[top : top + h] = picture
    return np.asarray(frame, np.uint8)
