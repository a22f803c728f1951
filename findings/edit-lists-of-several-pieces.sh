#!/bin/sh
# An mp4 whose edit list has two pieces is shown late, or plays through a gap, where it has B frames.
#
# libavformat maps the times of each piece from the first packet in the order of decoding that falls
# into it.  That is not the first picture shown, so that a second piece which begins inside a group
# of pictures comes some frames late and leaves a hole.  A gap between two pieces (an empty edit) is
# not kept either: media is played there.  ISO/IEC 14496-12, section 8.6.6 has the meaning.
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
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "with libavformat", av.library_versions["libavformat"])
RATE = 24
with av.open("whole.mp4", "w") as out:
    track = out.add_stream("libx264", rate=RATE, options={"bf": "3", "g": "250"})
    track.width, track.height, track.pix_fmt = 160, 120, "yuv420p"
    source = np.random.default_rng(1).integers(0, 255, (200, 260), np.uint8)
    for index in range(96):
        grey = np.full((180, 160), 128, np.uint8)
        grey[:120] = source[index // 2 : index // 2 + 120, index : index + 160]
        frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, RATE)
        out.mux(track.encode(frame))
    out.mux(track.encode())


def edited(pieces):
    """The same file with another edit list: (seconds, from which second of the media)."""
    data = open("whole.mp4", "rb").read()
    head = data.index(b"mvhd") + 4
    film = int.from_bytes(data[head + 12 : head + 16], "big")
    head = data.index(b"mdhd") + 4
    media = int.from_bytes(data[head + 12 : head + 16], "big")
    at = data.index(b"elst") - 4
    first = int.from_bytes(data[at + 20 : at + 24], "big")
    rows = b"".join(
        struct.pack(">IiI", round(s * film), -1 if m is None else round(m * media) + first, 1 << 16)
        for s, m in pieces
    )
    made = struct.pack(">I4sII", 16 + len(rows), b"elst", 0, len(pieces)) + rows
    grown = len(made) - 28
    for name in (b"moov", b"trak", b"edts"):
        place = data.rindex(name, 0, at) - 4
        size = int.from_bytes(data[place : place + 4], "big") + grown
        data = data[:place] + size.to_bytes(4, "big") + data[place + 4 :]
    data = data[:at] + made + data[at + 28 :]
    open("cut.mp4", "wb").write(data)
    with av.open("cut.mp4") as clip:
        return [round(float(f.pts * f.time_base) * RATE) for f in clip.decode(video=0)]


assert open("whole.mp4", "rb").read().index(b"moov") > open("whole.mp4", "rb").read().index(b"mdat")
two = edited([(1, 0), (2, 2)])
print("second 0 to 1, then 2 to 4: 72 frames due at 0 to 71; the second piece begins at", two[24])
gap = edited([(1, 0), (1, None), (1, 3)])
inside = [time for time in gap if RATE <= time < 2 * RATE]
print("a second, a gap of a second, a second: frames shown inside the gap:", len(inside))
if len(two) != 72 or two[24] <= 24 or not inside:
    raise SystemExit("changed: the pieces are shown as the edit list says")
print("as described")
PYTHON
