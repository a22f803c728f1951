"""What tests of odd files ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from provenance.video import EncoderOptions
from tests.clips import Spec, video_frame

FAST = EncoderOptions(preset="veryfast")


def held(path: Path, **more: Any) -> tuple[Path, Fraction]:
    """A clip whose last frame is held for two seconds, and how long it is in all."""
    pts = [0, 20, 40, 50, 70, 90, 110, 150]
    spec = Spec(time_base=Fraction(1, 600), pts=pts, size=(320, 192), **more)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264")
        context = stream.codec_context
        context.width, context.height = spec.size
        context.time_base = stream.time_base = Fraction(1, 600)
        context.options = {"bf": "0", "preset": "veryfast"}
        for index, start in enumerate(pts):
            frame = video_frame(spec, index)
            frame.pts, frame.time_base = start, Fraction(1, 600)
            out.mux(hold(stream.encode(frame), pts))
        out.mux(hold(stream.encode(), pts))
    return path, Fraction(pts[-1] + 1200, 600)


def hold(packets: list[Any], pts: Sequence[int]) -> list[Any]:
    for packet in packets:
        after = [time for time in pts if time > packet.pts]
        packet.duration = after[0] - packet.pts if after else 1200
    return packets
