"""Other watermarks that install from PyPI and run offline, as packages come: one picture at a time.

Each is given what it wants: its own defaults, its own decoder, and the number of bits up to 64 that
it supports.  None is a dependency of the project; ``pip install '.[peers]'`` brings them, best in
an environment of its own (they pull in PyTorch and another build of OpenCV).
"""

from __future__ import annotations

import importlib
import multiprocessing
import tempfile
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.frames import Picture, Size

Bits = NDArray[np.bool_]
PEERS = ("dwtDct", "dwtDctSvd", "rivaGan", "blind-watermark", "blind-video-watermark")
INSTALL = (
    "The peers need packages of their own ({missing} is missing): install the project's extra "
    "'peers' into an environment of its own, and run the script with that environment's Python."
)


class MissingPeerError(Exception):
    """A peer's package that is not installed, in one sentence."""


class Peer(Protocol):
    """One watermark."""

    bits: int
    """Bits it carries."""
    looks: int
    """Frames that are read of a file, at most: fewer where one takes long."""

    def embed(self, picture: Picture, payload: Bits) -> Picture:
        """Mark an (H, W, 3) picture of blue, green and red."""

    def read(self, picture: Picture) -> Bits:
        """The bits it sees in such a picture, whether any are there or not."""


def peer(name: str, size: Size) -> Peer:
    """A peer for pictures of a size.

    Raises:
        MissingPeerError: when its package is not installed.
    """
    try:
        if name == "blind-watermark":
            return BlindWatermark()
        if name == "blind-video-watermark":
            return BlindVideoWatermark(size)
        return InvisibleWatermark(name)
    except ModuleNotFoundError as error:
        raise MissingPeerError(INSTALL.format(missing=error.name)) from error


class InvisibleWatermark:
    """invisible-watermark's three methods; rivaGan's networks, for 32 bits, come with it."""

    def __init__(self, method: str) -> None:
        self._package = importlib.import_module("imwatermark")
        self._method = method
        self.bits, self.looks = (32, 4) if method == "rivaGan" else (64, 40)
        if method == "rivaGan":
            self._package.WatermarkEncoder.loadModel()
            self._package.WatermarkDecoder.loadModel()

    def embed(self, picture: Picture, payload: Bits) -> Picture:
        encoder = self._package.WatermarkEncoder()
        encoder.set_watermark("bits", payload.astype(int).tolist())
        return np.asarray(encoder.encode(picture, self._method), np.uint8)

    def read(self, picture: Picture) -> Bits:
        decoder = self._package.WatermarkDecoder("bits", self.bits)
        return np.asarray(decoder.decode(picture, self._method)).astype(bool)


class BlindWatermark:
    """blind-watermark: DWT, DCT and SVD of all three channels."""

    bits = 64
    looks = 10

    def __init__(self) -> None:
        # It sets the start method of processes as it is imported, which may be set only once.
        multiprocessing.set_start_method(None, force=True)
        self._package = importlib.import_module("blind_watermark")
        self._package.bw_notes.close()

    def _mark(self) -> Any:
        return self._package.WaterMark(password_img=1, password_wm=1)

    def embed(self, picture: Picture, payload: Bits) -> Picture:
        mark = self._mark()
        mark.read_img(img=picture)
        mark.read_wm(payload.copy(), mode="bit")
        return np.asarray(np.rint(mark.embed()), np.uint8)

    def read(self, picture: Picture) -> Bits:
        found = self._mark().extract(embed_img=picture, wm_shape=self.bits, mode="bit")
        return np.asarray(found) > 0.5


class BlindVideoWatermark:
    """blind-video-watermark's image mark, in the complex wavelets of chroma.

    It carries a picture, of an eighth of the sides, and no bits.  64 bits are put into it as 8 x 8
    fields, each a fixed random pattern upright or inverted, and read by correlation.  Its decoder
    is told the size of the original, as it asks to be.
    """

    bits = 64
    looks = 40
    _key = 7
    _fields = 8

    def __init__(self, size: Size) -> None:
        self._package = importlib.import_module("blind_video_watermark.dtcwt_img")
        for name in ("dtcwt.utils", "blind_video_watermark.dtcwt_img"):
            # Both are older than NumPy 2, and ask for names that it removed.
            importlib.import_module(name).np = _OldNumpy()  # type: ignore[attr-defined]
        self._size = size
        self._encoder = self._package.DtcwtImgEncoder(key=self._key)
        rows, columns = self._encoder.infer_wm_shape((size[1], size[0]))
        down = np.arange(rows) * self._fields // rows
        across = np.arange(columns) * self._fields // columns
        self._field = down[:, None] * self._fields + across[None, :]
        self._chips = np.random.default_rng(0).choice([-1, 1], (rows, columns))

    def embed(self, picture: Picture, payload: Bits) -> Picture:
        pattern = self._chips * np.where(payload, 1, -1)[self._field]
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            path = Path(folder) / "mark.png"
            cv2.imwrite(str(path), np.where(pattern > 0, 255, 0).astype(np.uint8))
            self._encoder.prepare_wm(str(path), (self._size[1], self._size[0]))
        colours = cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_BGR2YUV)
        marked = self._encoder.encode(colours).astype(np.float32)
        back = cv2.cvtColor(marked, cv2.COLOR_YUV2BGR)
        return np.asarray(np.rint(np.clip(back, 0, 255)), np.uint8)

    def read(self, picture: Picture) -> Bits:
        scaled = cv2.resize(picture, self._size).astype(np.float32)
        decoder = self._package.DtcwtImgDecoder(key=self._key)
        found = decoder.decode(cv2.cvtColor(scaled, cv2.COLOR_BGR2YUV))
        found = self._package.derandomize_channel(found, self._key, blk_shape=decoder.blk_shape)
        rows, columns = (min(a, b) for a, b in zip(found.shape, self._chips.shape, strict=True))
        seen = np.sign(found[:rows, :columns]) * self._chips[:rows, :columns]
        field = self._field[:rows, :columns]
        return np.bincount(field.ravel(), seen.ravel(), minlength=self.bits) > 0


class _OldNumpy:
    """NumPy, with the names of version 1 that dtcwt 0.14 and blind-video-watermark 0.1 ask for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def asfarray(self, values: Any, dtype: Any = np.float64) -> Any:
        return np.asarray(values, dtype if np.issubdtype(dtype, np.inexact) else np.float64)

    def issubsctype(self, first: Any, second: Any) -> bool:
        return np.issubdtype(first, second)

    def zeros(self, shape: Any, dtype: Any = float) -> Any:
        return np.zeros(shape, complex if dtype == "complex_" else dtype)
