#!/bin/sh
# How long a frame is shown is lost by the SVT-AV1 encoder, and by a muxer that is told nothing.
#
# With AV_CODEC_FLAG_FRAME_DURATION the H.264 encoder hands on each frame's duration in its packets;
# the SVT-AV1 encoder of libavcodec has no such capability and gives its packets none.  In mp4 only
# the last packet's duration matters, since all others follow from the next one's time: a last frame
# that was held for two seconds is shown for one step of the frame rate.
#
# Needs python3 with venv and pip; installs two pinned packages into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.2.6
cd "$folder"
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags

print("PyAV", av.__version__, "with libavcodec", av.library_versions["libavcodec"])
UNIT = Fraction(1, 600)


def length(encoder, options):
    """Seconds that a file of 24 frames lasts whose last one is to be held for two."""
    with av.open("held.mp4", "w") as out:
        track = out.add_stream(encoder, rate=30, options=options)
        context = track.codec_context
        context.width, context.height, context.pix_fmt = 128, 96, "yuv420p"
        context.time_base = track.time_base = UNIT
        context.flags |= Flags.frame_duration
        for index in range(24):
            grey = np.full((144, 128), 40 + 5 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
            frame.pts, frame.time_base = 20 * index, UNIT
            frame.duration = 1200 if index == 23 else 20
            out.mux(track.encode(frame))
        out.mux(track.encode())
    with av.open("held.mp4") as clip:
        return clip.duration / 1_000_000


due = float((23 * 20 + 1200) * UNIT)
h264 = length("libx264", {"bf": "0", "preset": "ultrafast"})
av1 = length("libsvtav1", {"preset": "12"})
print(f"due {due:.3f} s; libx264 {h264:.3f} s; libsvtav1 {av1:.3f} s")
if abs(h264 - due) > 0.01 or abs(av1 - due) < 1.5:
    raise SystemExit("changed: both encoders hand on, or both lose, how long a frame lasts")
print("as described")
PYTHON
