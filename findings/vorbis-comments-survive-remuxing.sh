#!/bin/sh
# Tags of Vorbis sound in Matroska and WebM survive a copy that is meant to drop all metadata.
#
# They stand in the track's private data, which FFmpeg neither shows as tags nor changes when it
# copies a track: whoever looks at the tags sees none, whoever clears them clears none.
#
# Needs python3 with venv and pip; installs one pinned package into a temporary folder.
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

# Half a second of Vorbis in WebM ...
with av.open("plain.webm", "w") as out:
    sound = out.add_stream("vorbis", rate=48000, layout="stereo")
    sound.codec_context.options = {"strict": "-2"}
    for start in range(0, 24_000, 1024):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        out.mux(sound.encode(frame))
    out.mux(sound.encode())


def copied(source, target, private=None):
    """Copy the packets; no tag is handed to the muxer."""
    with av.open(source) as media, av.open(target, "w") as out:
        track = media.streams.audio[0]
        made = out.add_stream_from_template(track, opaque=True)
        if private is not None:
            made.codec_context.extradata = private(bytes(track.codec_context.extradata))
        for packet in media.demux(track):
            if packet.dts is not None:
                packet.stream = made
                out.mux(packet)


def tagged(private):
    """The three headers, with a comment header as the Vorbis I specification has it (5.2)."""
    text = b"COMMENT=written by an encoder"
    comment = b"\x03vorbis" + bytes(4) + (1).to_bytes(4, "little")
    comment += len(text).to_bytes(4, "little") + text + b"\x01"
    setup = private[private.index(b"\x05vorbis"):]
    return b"\x02" + bytes((30, len(comment))) + private[3:33] + comment + setup


# ... as an encoder writes it that tags its sound; it decodes.
copied("plain.webm", "tagged.webm", tagged)
with av.open("tagged.webm") as media:
    shown = {**media.metadata, **media.streams.audio[0].metadata}
    samples = sum(frame.samples for frame in media.decode(audio=0))
copied("tagged.webm", "cleared.webm")
left = b"written by an encoder" in open("cleared.webm", "rb").read()
print("samples decoded:", samples)
print("tags that are shown:", sorted(shown))
print("comment in the copy that was given no tags:", left)
if samples < 20_000 or any("written" in text for text in shown.values()) or not left:
    raise SystemExit("changed: the comment is shown, or is no longer copied")
print("as described")
PYTHON
