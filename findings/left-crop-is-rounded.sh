#!/bin/sh
# A crop on the left of an H.264 picture is rounded, so that hidden columns come into view.
#
# By default libavcodec moves a picture's left edge only to addresses that the processor likes, and
# crops less than the stream says: a stream of 384 columns that hides 8 on the left decodes to 384.
# The width that the decoder's context tells is 376 all the same.  With AV_CODEC_FLAG_UNALIGNED the
# picture is exact.  (How far it is rounded depends on the processor; 64 is exact on all so far.)
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
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags

print("PyAV", av.__version__, "with libavcodec", av.library_versions["libavcodec"])
with av.open("plain.mp4", "w") as out:
    track = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
    track.width, track.height, track.pix_fmt = 384, 240, "yuv420p"
    frame = av.VideoFrame.from_ndarray(np.full((360, 384), 90, np.uint8), format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 24)
    out.mux(track.encode(frame))
    out.mux(track.encode())
with av.open("plain.mp4") as media, av.open("cropped.mp4", "w") as out:
    made = out.add_stream_from_template(media.streams.video[0], opaque=True)
    crop = BitStreamFilterContext("h264_metadata=crop_left=8", media.streams.video[0], made)
    for packet in media.demux(video=0):
        for changed in crop.filter(packet if packet.size else None):
            changed.stream = made
            out.mux(changed)


def width(exact):
    """Columns that the context tells, and that a decoded frame has."""
    with av.open("cropped.mp4") as media:
        context = media.streams.video[0].codec_context
        if exact:
            context.flags |= Flags.unaligned
        told = context.width
        return told, next(media.decode(video=0)).width


usual, exact = width(False), width(True)
print("of 384 columns 8 are hidden; told and decoded:", usual, "with the flag:", exact)
if exact != (376, 376) or usual[0] != 376 or usual[1] == 376:
    raise SystemExit("changed: the crop is exact without the flag")
print("as described")
PYTHON
