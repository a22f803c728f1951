"""Sounds, rates and other parts that many recipes share."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Final

from bench.kept_files import Sound

AAC, OPUS, PCM = Sound("aac"), Sound("libopus"), Sound("pcm_s16le")
FLAC, AC3, MP3 = Sound("flac"), Sound("ac3"), Sound("libmp3lame")
ENGLISH = Sound("aac", "eng", "Stereo mix", disposition=1)
GERMAN = Sound("aac", "deu", "Kommentar")
TAGGED: Final = {"title": "A clip", "comment": "made for a test", "artist": "nobody"}
NTSC, FILM, NTSC_60 = F(30000, 1001), F(24000, 1001), F(60000, 1001)
MOV: Final = {"movflags": "+faststart"}
FRAGMENTS: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
VARIABLE: Final = (0, 3003, 6006, 15000, 18003, 21006, 24009, 60000, 63003, 90000, 90500, 120000)
NO_B: Final = {"bf": "0"}
TURNS: Final = {
    "90": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    "180": (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    "270": (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
}
