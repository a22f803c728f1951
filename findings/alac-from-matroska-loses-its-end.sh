#!/bin/sh
# The last packet of ALAC sound that is copied from Matroska to mp4 is never played.
#
# Matroska's demuxer gives ALAC packets no duration.  The mp4 muxer then writes the last one with a
# length of 0, and an edit list that ends where it begins; so libavformat's own demuxer leaves the
# packet out.  Up to 4096 samples of sound are lost without an error or a warning.
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

print("PyAV", av.__version__, "with libavformat", av.library_versions["libavformat"])
with av.open("sound.mkv", "w") as out:
    track = out.add_stream("alac", rate=48000, layout="stereo")
    samples = np.random.default_rng(1).integers(-9000, 9000, (1, 2 * 48000), np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
    out.mux(track.encode(frame))
    out.mux(track.encode())
with av.open("sound.mkv") as media, av.open("sound.mp4", "w") as out:
    made = out.add_stream_from_template(media.streams.audio[0], opaque=True)
    for packet in media.demux(audio=0):
        if packet.dts is not None:
            packet.stream = made
            out.mux(packet)


def content(path):
    """Packets, the durations they name, and decoded samples."""
    with av.open(path) as media:
        packets = [(p.size, p.duration) for p in media.demux(audio=0) if p.size]
    with av.open(path) as media:
        return packets, sum(frame.samples for frame in media.decode(audio=0))


before, samples_before = content("sound.mkv")
after, samples_after = content("sound.mp4")
print(f"mkv: {len(before)} packets, durations {sorted({d for _, d in before})}, {samples_before} samples")
print(f"mp4: {len(after)} packets, {samples_after} samples")
if any(d for _, d in before) or len(after) != len(before) - 1 or samples_after >= samples_before:
    raise SystemExit("changed: the last packet is kept")
print("as described")
PYTHON
