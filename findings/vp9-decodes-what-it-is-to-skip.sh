#!/bin/sh
# A decoder that is told to give key frames alone decodes every frame of VP9.
#
# skip_frame=nokey ("discard all frames excluding keyframes") makes libavcodec's H.264 decoder pass
# over what is no key frame at almost no cost.  Its VP9 decoder gives all frames all the same, as
# they are; whoever wants few of a long film decodes it whole.  Packets that the container does not
# mark as key frames have to be kept from the decoder by oneself.
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

print("PyAV", av.__version__, "with libavcodec", av.library_versions["libavcodec"])


def made(name, codec, options):
    """A clip of 24 frames with a key frame each 12."""
    random = np.random.default_rng(1)
    with av.open(name, "w") as out:
        track = out.add_stream(codec, rate=24, options=options | {"g": "12"})
        track.width, track.height, track.pix_fmt = 160, 120, "yuv420p"
        for number in range(24):
            picture = random.integers(0, 255, (180, 160), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            out.mux(track.encode(frame))
        out.mux(track.encode())
    with av.open(name) as media:
        keys = sum(packet.is_keyframe for packet in media.demux(video=0) if packet.size)
    with av.open(name) as media:
        media.streams.video[0].codec_context.skip_frame = "NONKEY"
        return keys, sum(1 for _ in media.decode(video=0))


h264 = made("h264.mp4", "libx264", {"sc_threshold": "0"})
vp9 = made("vp9.webm", "libvpx-vp9", {"cpu-used": "8", "lag-in-frames": "0"})
print("key frames, and what is decoded of 24 with skip_frame=nokey: H.264", h264, "VP9", vp9)
if h264[1] != h264[0] or vp9[0] >= 24 or vp9[1] != 24:
    raise SystemExit("changed: VP9's other frames are passed over")
print("as described")
PYTHON
