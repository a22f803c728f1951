#!/bin/sh
# With EXIF in a photo, PyAV gives out none of a frame's side data, and its turn without the mirror.
#
# libavcodec 62 attaches the EXIF of a JPEG to the frame, and a display matrix made of its
# orientation.  PyAV does not list that kind of side data and raises for the frame as a whole, so that
# the matrix cannot be read; what `rotation` tells is the same for a photo that is turned by 90
# degrees and one that is turned and mirrored (orientations 6 and 5 of EXIF).
#
# Needs python3 with venv and pip; installs two pinned packages into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.2.6
cd "$folder"
timeout 120 "$folder/venv/bin/python" - <<'PYTHON'
import struct

import av
import numpy as np

print("PyAV", av.__version__, "with libavcodec", av.library_versions["libavcodec"])
with av.open("photo.jpg", "w", format="image2") as out:
    track = out.add_stream("mjpeg", rate=1)
    track.width, track.height, track.pix_fmt = 64, 48, "yuvj420p"
    frame = av.VideoFrame.from_ndarray(np.full((72, 64), 90, np.uint8), format="yuvj420p")
    frame.pts = 0
    out.mux(track.encode(frame))
    out.mux(track.encode())
plain = open("photo.jpg", "rb").read()


def seen(orientation):
    """The rotation that PyAV tells, and whether it gives out side data."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    exif = b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff
    open("turned.jpg", "wb").write(plain[:2] + exif + plain[2:])
    with av.open("turned.jpg") as media:
        frame = next(media.decode(video=0))
    try:
        return frame.rotation, [entry.type.name for entry in frame.side_data]
    except ValueError as error:
        return frame.rotation, str(error)


five, six = seen(5), seen(6)
print("orientation 5 (turned and mirrored):", five)
print("orientation 6 (turned):", six)
if five[0] != six[0] or not all(isinstance(one[1], str) for one in (five, six)):
    raise SystemExit("changed: side data is given out, or the mirror is told")
print("as described")
PYTHON
