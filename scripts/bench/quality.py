"""What the mark costs: noise added, similarity, flat areas, bits, and pictures to look at.

Frames are marked as ``stamp`` marks them (observed first, informed) and measured before any
encoding, in 8-bit luma:

- PSNR-Y over all frames of a clip, and the worst frame's;
- SSIM (Wang et al., IEEE T-IP 13-4, 2004: 11 x 11 Gaussian window of 1.5, K1 0.01, K2 0.03) and
  the flat areas' root mean square of the change, on about 60 frames spread over the clip.  Flat is
  where the original's deviation in 15 x 15 pixels is under 1.5 grey levels;
- XPSNR of luma over all frames, by libavfilter's filter of that name;
- bits that x264 (preset medium, CRF 23, one thread) adds for the marked luma with the same chroma.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from bench.table import Sheet
from provenance import StampId, init_keyring
from provenance.stamping.firstlook import FirstLook
from provenance.stamping.rehearsal import rehearse
from provenance.verifying.sampling import grid_of
from provenance.video import probe
from provenance.watermark.embed.embedder import Embedder
from provenance.watermark.embed.profiles import PROFILES

Luma = NDArray[np.uint8]
FLAT_BOX = 15
FLAT_DEVIATION = 1.5
SAMPLES = 60
CRF = 23
AMPLIFY = 20
STRETCH = 6
LEGEND = "PSNR, SSIM and XPSNR of luma before encoding; flat: local deviation under 1.5 levels."
SHOTS = 3
"""Frames a clip that pictures are made of."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One clip's figures; ``flat_rms`` is None when nothing of it is flat."""

    clip: str
    frames: int
    psnr_y: float
    psnr_y_worst_frame: float
    ssim: float
    xpsnr_y: float
    flat_share: float
    flat_rms: float | None
    flat_rms_worst_frame: float | None
    bits_added: float


def ssim(first: Luma, second: Luma) -> float:
    """Mean structural similarity of two (H, W) uint8 planes, where the window lies inside."""
    a, b = first.astype(np.float32), second.astype(np.float32)

    def mean(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        smooth = cv2.GaussianBlur(plane, (11, 11), 1.5)
        return np.asarray(smooth[5:-5, 5:-5], np.float32)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    both = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def flat(luma: Luma) -> NDArray[np.bool_]:
    """Where an (H, W) plane's local deviation is under the limit."""
    plane = luma.astype(np.float64)
    mean = cv2.blur(plane, (FLAT_BOX, FLAT_BOX))
    power = cv2.blur(plane * plane, (FLAT_BOX, FLAT_BOX)) - mean * mean
    return np.asarray(np.sqrt(np.maximum(power, 0)) < FLAT_DEVIATION)


class _Encoder:
    """Counts the bytes x264 makes of frames."""

    def __init__(self, width: int, height: int, rate: Fraction) -> None:
        self._context = av.CodecContext.create("libx264", "w")
        self._context.width, self._context.height = width, height
        self._context.pix_fmt, self._context.framerate = "yuv420p", rate
        self._context.time_base = 1 / rate
        self._context.thread_count = 1
        self._context.options = {"crf": str(CRF), "preset": "medium"}
        self.bytes = 0

    def push(self, frame: av.VideoFrame | None) -> None:
        self.bytes += sum(packet.size for packet in self._context.encode(frame))


class _Xpsnr:
    """libavfilter's xpsnr: frames of both sides in, the mean weighted error of luma out."""

    def __init__(self, width: int, height: int, rate: object) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        size = f"video_size={width}x{height}:pix_fmt=yuv420p:time_base=1/1000:pixel_aspect=1/1"
        self._inputs = [self._graph.add("buffer", f"{size}:frame_rate={rate}") for _ in range(2)]
        compare, sink = self._graph.add("xpsnr"), self._graph.add("buffersink")
        self._inputs[0].link_to(compare, 0, 0)
        self._inputs[1].link_to(compare, 0, 1)
        compare.link_to(sink)
        self._graph.configure()
        self._sink = sink
        self.values: list[float] = []

    def push(self, marked: av.VideoFrame, original: av.VideoFrame) -> None:
        self._inputs[0].push(marked)
        self._inputs[1].push(original)
        try:
            while True:
                found = self._sink.pull().metadata.get("lavfi.xpsnr.xpsnr.y")
                if found is not None and not math.isinf(float(found)):
                    self.values.append(float(found))
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def measure(clip: str, path: Path, profile: str, pictures: Path | None) -> Quality:
    """All figures of one clip; its pictures into a folder."""
    cv2.setNumThreads(1)
    info = probe(path)
    if info.video.bit_depth != 8:
        raise ValueError(f"{path.name} has {info.video.bit_depth} bits; this mode measures 8")
    with tempfile.TemporaryDirectory() as folder:
        key = init_keyring(Path(folder) / "keys", "Bench").watermark_key
    stamp_id = StampId.new()
    embedder = Embedder(key, stamp_id, PROFILES[profile], grid_of(info))
    look = FirstLook(path, info, lambda frame: embedder.observe(frame.luma))
    look.hear_all()
    rehearse(look.runs(), info, embedder, key, stamp_id, PROFILES[profile])
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        total = stream.frames or sum(1 for _ in av.open(str(path)).decode(video=0))
        width, height = stream.width & ~1, stream.height & ~1
        rate = stream.average_rate
        if rate is None:
            raise ValueError(f"{path.name} does not say how fast it is")
        plain, marked_encoder = _Encoder(width, height, rate), _Encoder(width, height, rate)
        xpsnr = _Xpsnr(width, height, rate)
        worst, similar, share, errors, flats = math.inf, [], [], [], []
        shots = {total * (2 * i + 1) // (2 * SHOTS) for i in range(SHOTS)}
        count = 0
        for count, shown in enumerate(source.decode(stream), start=1):
            planes = np.asarray(shown.to_ndarray(format="yuv420p"), np.uint8)
            if shown.width != width or shown.height != height:
                raise ValueError(f"{path.name} has an odd size; this mode measures even ones")
            original = planes[:height].copy()
            marked = np.asarray(embedder.mark(original), np.uint8)
            changed = planes.copy()
            changed[:height] = marked
            difference = marked.astype(np.float32) - original
            error = float(np.mean(difference**2))
            worst = min(worst, 10 * math.log10(255**2 / max(error, 1e-9)))
            if (count - 1) % max(1, total // SAMPLES) == 0:
                similar.append(ssim(original, marked))
                where = flat(original)
                share.append(float(where.mean()))
                if where.any():
                    errors.append(float(np.sum(difference[where] ** 2)))
                    flats.append(int(where.sum()))
            a, b = _frame(planes, count), _frame(changed, count)
            plain.push(a)
            marked_encoder.push(b)
            xpsnr.push(_frame(changed, count), _frame(planes, count))
            if pictures is not None and count - 1 in shots:
                _draw(pictures, f"{clip}_{count - 1:04d}", planes, changed, height)
        plain.push(None)
        marked_encoder.push(None)
    by_frame = [math.sqrt(e / n) for e, n in zip(errors, flats, strict=True)]
    return Quality(
        clip,
        count,
        embedder.psnr_y(),
        worst,
        float(np.mean(similar)),
        float(np.mean(xpsnr.values)) if xpsnr.values else math.nan,
        float(np.mean(share)),
        math.sqrt(sum(errors) / sum(flats)) if flats else None,
        max(by_frame, default=None),
        marked_encoder.bytes / plain.bytes - 1.0,
    )


def _frame(planes: Luma, number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = number
    return frame


def _draw(folder: Path, name: str, before: Luma, after: Luma, height: int) -> None:
    """Whole frames in a grid, and the flattest window at 1:1 and magnified threefold."""
    folder.mkdir(parents=True, exist_ok=True)
    original = cv2.cvtColor(before, cv2.COLOR_YUV2BGR_I420)
    marked = cv2.cvtColor(after, cv2.COLOR_YUV2BGR_I420)
    luma, changed = before[:height], after[:height]
    change = (changed.astype(np.float32) - luma) * AMPLIFY + 128
    panels = [original, marked, _grey(change), _stretched(luma), _stretched(changed)]
    top = np.hstack(panels[:2])
    cv2.imwrite(str(folder / f"{name}_side.png"), top)
    cv2.imwrite(str(folder / f"{name}_difference.png"), panels[2])
    cv2.imwrite(str(folder / f"{name}_stretched.png"), np.hstack(panels[3:]))
    side_x, side_y = min(360, luma.shape[1]), min(240, luma.shape[0])
    density = cv2.boxFilter(flat(luma).astype(np.float32), -1, (side_x, side_y))
    inner = density[side_y // 2 : height - side_y // 2 + 1, side_x // 2 :]
    inner = inner[:, : luma.shape[1] - side_x + 1]
    y, x = np.unravel_index(int(np.argmax(inner)), inner.shape)
    window = (slice(int(y), int(y) + side_y), slice(int(x), int(x) + side_x))
    parts = [panel[window] for panel in panels]
    cv2.imwrite(str(folder / f"{name}_flat.png"), np.hstack(parts))
    enlarge: Callable[[Any], Any] = lambda p: np.repeat(np.repeat(p, 3, 0), 3, 1)  # noqa: E731
    cv2.imwrite(str(folder / f"{name}_flat3x.png"), np.hstack([enlarge(p) for p in parts[:2]]))


def _stretched(luma: Luma) -> Luma:
    """What stands out from its surroundings, six times as strong."""
    plane = luma.astype(np.float32)
    return _grey(np.asarray((plane - cv2.GaussianBlur(plane, (0, 0), 30)) * STRETCH + 128))


def _grey(plane: NDArray[np.float32]) -> Luma:
    grey = np.clip(plane, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


def run(clips: dict[str, Path], options: argparse.Namespace) -> list[Sheet]:
    """Measure every clip, write a JSON line each; the table."""
    results: list[Quality] = []
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(options.workers, context) as pool,
        Progress(console=Console(stderr=True)) as progress,
    ):
        task = progress.add_task("quality", total=len(clips))
        waiting = [
            pool.submit(measure, clip, path, options.profile, options.pictures)
            for clip, path in clips.items()
        ]
        for future in as_completed(waiting):
            results.append(future.result())
            progress.advance(task)
    results.sort(key=lambda quality: quality.clip)
    head = {"schema": "provenance.bench.quality/1", "profile": options.profile}
    lines = [head, *map(asdict, results)]
    options.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [sheet(results)]


def sheet(results: list[Quality]) -> Sheet:
    """The figures of every clip, their mean and the worst."""
    lines: list[tuple[str, ...]] = []
    heads = (
        "clip", "frames", "PSNR-Y", "worst frame", "SSIM", "XPSNR-Y", "flat %", "flat rms",
        "worst frame", "bits +%",
    )  # fmt: skip

    def line(name: str, frames: int, *v: float | None) -> None:
        formats = ("{:.2f}", "{:.2f}", "{:.4f}", "{:.2f}", "{:.1f}", "{:.3f}", "{:.3f}", "{:+.2f}")
        cells = ["-" if x is None else f.format(x) for f, x in zip(formats, v, strict=True)]
        lines.append((name, str(frames) if frames else "", *cells))

    rows = [
        (
            q.psnr_y, q.psnr_y_worst_frame, q.ssim, q.xpsnr_y, 100 * q.flat_share, q.flat_rms,
            q.flat_rms_worst_frame, 100 * q.bits_added,
        )
        for q in results
    ]  # fmt: skip
    for quality, row in zip(results, rows, strict=True):
        line(quality.clip, quality.frames, *row)
    columns = [[v for v in column if v is not None] for column in zip(*rows, strict=True)]
    line("mean", 0, *(float(np.mean(column)) if column else None for column in columns))
    worst = [min, min, min, min, max, max, max, max]
    line("worst", 0, *(f(c) if c else None for f, c in zip(worst, columns, strict=True)))
    return Sheet("Quality", heads, tuple(lines))
