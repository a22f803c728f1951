"""About a hundred recipes of odd files: containers, codecs, clocks, tracks, crops, tags, edits."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction as F
from itertools import chain
from typing import Any, Final

from bench.kept_files import Captions, Recipe, Sound
from bench.kept_patches import Edit, aperture, appended, cut_off, edited, pixel_crop

AAC, OPUS, PCM = Sound("aac"), Sound("libopus"), Sound("pcm_s16le")
FLAC, AC3, MP3 = Sound("flac"), Sound("ac3"), Sound("libmp3lame")
ENGLISH = Sound("aac", "eng", "Stereo mix", disposition=1)
GERMAN = Sound("aac", "deu", "Kommentar")
TAGGED: Final = {"title": "A clip", "comment": "made for a test", "artist": "nobody"}
_P30, _P24, _P60 = F(30000, 1001), F(24000, 1001), F(60000, 1001)
_MOV: Final = {"movflags": "+faststart"}
_FRAGMENTS: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
_VARIABLE: Final = (0, 3003, 6006, 15000, 18003, 21006, 24009, 60000, 63003, 90000, 90500, 120000)
_NO_B: Final = {"bf": "0"}
_TURNS: Final = {
    "90": (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30),
    "180": (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30),
    "270": (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30),
    "mirrored": (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
}


def recipes() -> list[Recipe]:
    """All of them, each with a name of its own."""
    made = [
        *chain(_clocks(), _coarse_clocks(), _starts(), _codecs(), _tracks()),
        *chain(_crops(), _shown(), _tags(), _edits(), _refusals()),
    ]
    names = [one.name for one in made]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"recipes of the same name: {', '.join(sorted(twice))}")
    return made


def _clocks() -> Iterator[Recipe]:
    for name, rate in (("24", F(24)), ("25", F(25)), ("2997", _P30), ("2398", _P24), ("5994", _P60)):
        yield Recipe(f"mp4-{name}", rate=rate, frames=30, sounds=(AAC,))
    yield Recipe("mov-2997-to-mov", "mov", "mov", rate=_P30, sounds=(PCM,))
    yield Recipe("mp4-2997-to-mkv", target="mkv", rate=_P30, sounds=(AAC,))
    yield Recipe("mp4-25-no-b-frames", rate=F(25), options=_NO_B, sounds=(AAC,))
    yield Recipe("mp4-variable", base=F(1, 90000), pts=_VARIABLE, sounds=(AAC,))
    yield Recipe("mp4-variable-to-mov", target="mov", base=F(1, 90000), pts=_VARIABLE)
    yield Recipe("mp4-variable-to-mkv", target="mkv", base=F(1, 90000), pts=_VARIABLE)
    yield Recipe("mp4-last-frame-2s", hold=F(2), sounds=(AAC,))
    yield Recipe("mp4-last-frame-2s-no-b-frames", hold=F(2), options=_NO_B)
    yield Recipe("mp4-last-frame-2s-to-mov", target="mov", hold=F(2))
    yield Recipe("mp4-last-frame-2s-to-mkv", target="mkv", hold=F(2))
    for codec in ("hevc", "av1", "vp9"):
        yield Recipe(f"mp4-last-frame-2s-to-{codec}", hold=F(2), into=codec)
        yield Recipe(f"mp4-variable-to-{codec}", base=F(1, 90000), pts=_VARIABLE, into=codec)
    yield Recipe("mov-last-frame-2s-to-prores", "mov", "mov", hold=F(2), into="prores")
    yield Recipe("mov-1-600", "mov", "mov", base=F(1, 600), muxer={"video_track_timescale": "600"})
    yield Recipe("mov-1-600-variable", "mov", "mp4", base=F(1, 600),
                 pts=(0, 20, 41, 60, 100, 122, 140, 160, 200, 400, 420, 440))  # fmt: skip
    yield Recipe("mp4-120", rate=F(120), frames=60, sounds=(AAC,))
    yield Recipe("mp4-240-to-mkv", target="mkv", rate=F(240), frames=60)
    yield Recipe("mp4-base-1-10000000", base=F(1, 10_000_000), rate=F(24),
                 pts=tuple(range(0, 10_000_000, 416_667)))  # fmt: skip
    yield Recipe("mp4-first-frame-1s", base=F(1, 24), pts=(0, *range(24, 40)), sounds=(AAC,))
    yield Recipe("mkv-first-frame-1s-to-mp4", "mkv", base=F(1, 24), pts=(0, *range(24, 40)))
    yield Recipe("mp4-one-frame", frames=1)
    yield Recipe("mp4-two-frames-a-second-apart", base=F(1, 1000), pts=(0, 1000))


def _coarse_clocks() -> Iterator[Recipe]:
    for name, rate in (("24", F(24)), ("2997", _P30), ("5994", _P60)):
        yield Recipe(f"mkv-{name}-to-mp4", "mkv", "mp4", rate=rate, frames=40, sounds=(AAC,))
        yield Recipe(f"mkv-{name}-to-mkv", "mkv", "mkv", rate=rate, frames=40, sounds=(AAC,))
    yield Recipe("mkv-variable-to-mp4", "mkv", "mp4", base=F(1, 90000), pts=_VARIABLE)
    yield Recipe("mkv-variable-to-mkv", "mkv", "mkv", base=F(1, 90000), pts=_VARIABLE)
    yield Recipe("mkv-last-frame-2s-to-mp4", "mkv", "mp4", hold=F(2), sounds=(AAC,))
    yield Recipe("mkv-last-frame-2s-to-mkv", "mkv", "mkv", hold=F(2))
    yield Recipe("webm-vp9-24", "webm", "webm", "libvpx-vp9", sounds=(OPUS,))
    yield Recipe("webm-vp9-2997-to-mp4", "webm", "mp4", "libvpx-vp9", rate=_P30, sounds=(OPUS,))
    yield Recipe("webm-av1-to-webm-av1", "webm", "webm", "libsvtav1", into="av1", sounds=(OPUS,))
    yield Recipe("mkv-240-to-mp4", "mkv", rate=F(240), frames=60)
    yield Recipe("mkv-12.5-to-mp4", "mkv", rate=F(25, 2), frames=20)
    yield Recipe("flv-at-3600s", "flv", rate=F(25), sounds=(AAC,),
                 muxer={"output_ts_offset": "3600"})  # fmt: skip
    yield Recipe("flv-25", "flv", "mp4", rate=F(25), sounds=(AAC,))
    yield Recipe("flv-2997", "flv", "mp4", rate=_P30, sounds=(AAC,))
    yield Recipe("ts-25", "ts", "mp4", rate=F(25), sounds=(AAC,))
    yield Recipe("ts-2997-to-mkv", "ts", "mkv", rate=_P30, sounds=(AC3,))
    yield Recipe("ts-no-b-frames", "ts", "mov", rate=F(25), options=_NO_B, sounds=(AAC,))
    yield Recipe("avi-mpeg4-25", "avi", "mp4", "mpeg4", rate=F(25), sounds=(MP3,))
    yield Recipe("avi-mjpeg-30", "avi", "mov", "mjpeg", rate=F(30), pix_fmt="yuvj420p",
                 sounds=(PCM,))  # fmt: skip
    yield Recipe("fragmented-mp4", muxer=_FRAGMENTS, sounds=(AAC,))
    yield Recipe("fragmented-mp4-2997-no-b-frames", rate=_P30, options=_NO_B, muxer=_FRAGMENTS)


def _starts() -> Iterator[Recipe]:
    late = F(1, 12)
    fine = {"movie_timescale": "600"}
    yield Recipe("mp4-picture-late", delay=late, muxer=fine, sounds=(AAC,))
    yield Recipe("mp4-picture-late-in-ms", delay=late, sounds=(AAC,))
    yield Recipe("mp4-sound-late", muxer=fine, sounds=(Sound(delay=late),))
    yield Recipe("mp4-sound-late-to-mkv", target="mkv", muxer=fine, sounds=(Sound(delay=late),))
    yield Recipe("mov-both-late", "mov", "mov", delay=late, muxer=fine,
                 sounds=(Sound("pcm_s16le", delay=F(1, 2)),))  # fmt: skip
    yield Recipe("mp4-picture-3s-late", delay=F(3), sounds=(AAC,))
    yield Recipe("mkv-picture-late-to-mp4", "mkv", "mp4", delay=late, sounds=(AAC,))
    yield Recipe("mkv-sound-late-to-mkv", "mkv", "mkv", sounds=(Sound("libopus", delay=late),))
    yield Recipe("mp4-begins-at-minus-2-frames", delay=F(-1, 12), sounds=(AAC,),
                 muxer={"avoid_negative_ts": "disabled"})  # fmt: skip
    far = {"output_ts_offset": "95000"}
    yield Recipe("ts-at-95000s", "ts", "mp4", rate=F(25), muxer=far, sounds=(AAC,))
    yield Recipe("ts-at-95000s-2997-to-mov", "ts", "mov", rate=_P30, muxer=far, sounds=(AAC,))
    yield Recipe("ts-at-95000s-sound-late", "ts", "mkv", rate=F(25), muxer=far,
                 sounds=(Sound("ac3", delay=F(1, 4)),))  # fmt: skip
    yield Recipe("ts-clock-wraps", "ts", "mp4", rate=F(25), sounds=(AAC,),
                 muxer={"output_ts_offset": "95441.7"})  # fmt: skip
    yield Recipe("mkv-at-60s", "mkv", "mp4", muxer={"output_ts_offset": "60"}, sounds=(OPUS,))
    yield Recipe("mp4-both-12s-late", delay=F(12), sounds=(Sound(delay=F(12)),))
    yield Recipe("mp4-sound-12s-late", sounds=(Sound(delay=F(12)),))
    yield Recipe("mkv-at-60s-chapters-captions", "mkv", "mkv", sounds=(OPUS,), chapters=True,
                 captions=(Captions("subrip"),), muxer={"output_ts_offset": "60"})  # fmt: skip
    yield Recipe("mp4-sound-longer", sounds=(Sound(seconds=F(5, 2)),))
    yield Recipe("mp4-sound-shorter", sounds=(Sound(seconds=F(1, 2)),))


def _codecs() -> Iterator[Recipe]:
    yield Recipe("mp4-hevc-to-hevc", codec="libx265", into="hevc", sounds=(AAC,))
    yield Recipe("mp4-hevc-10-bit", codec="libx265", pix_fmt="yuv420p10le", into="hevc")
    yield Recipe("mp4-av1-to-av1", codec="libsvtav1", into="av1", sounds=(OPUS,))
    yield Recipe("mov-prores-to-prores", "mov", "mov", "prores_ks", pix_fmt="yuv422p10le",
                 into="prores", sounds=(PCM,))  # fmt: skip
    yield Recipe("mov-prores-to-h264-2398", "mov", "mp4", "prores_ks", pix_fmt="yuv422p10le",
                 rate=_P24)  # fmt: skip
    yield Recipe("ts-mpeg2", "ts", "mp4", "mpeg2video", rate=F(25), sounds=(MP3,))
    yield Recipe("mkv-mpeg2-b-frames", "mkv", "mkv", "mpeg2video", rate=F(25), options={"bf": "2"})
    yield Recipe("mov-mjpeg", "mov", "mov", "mjpeg", pix_fmt="yuvj420p", rate=F(25))
    yield Recipe("mkv-ffv1-odd-size", "mkv", "mkv", "ffv1", size=(161, 121))
    yield Recipe("mkv-ffv1-rgb", "mkv", "mp4", "ffv1", pix_fmt="bgr0")


def _tracks() -> Iterator[Recipe]:
    two = (ENGLISH, GERMAN)
    yield Recipe("mp4-two-sounds", sounds=two, title="Main picture")
    yield Recipe("mov-two-sounds", "mov", "mov", sounds=two, title="Main picture")
    yield Recipe("mkv-two-sounds", "mkv", "mkv", sounds=two, title="Main picture")
    yield Recipe("mkv-two-sounds-to-mp4", "mkv", "mp4", sounds=two, title="Main picture")
    yield Recipe("mp4-two-sounds-to-mkv", "mp4", "mkv", sounds=two, title="Main picture")
    yield Recipe("mp4-sound-first", sounds=two, sound_first=True)
    yield Recipe("mkv-sound-first-to-mov", "mkv", "mov", sounds=(PCM,), sound_first=True)
    yield Recipe("mkv-second-sound-default", "mkv", "mp4",
                 sounds=(Sound("aac", "ger"), Sound("aac", "fre", disposition=1)))  # fmt: skip
    yield Recipe("mkv-dispositions", "mkv", "mkv", captions=(Captions("subrip", "deu", 64 | 128),),
                 sounds=(Sound("libopus", "eng", disposition=1 | 4),
                         Sound("libopus", "deu", disposition=8 | 256)))  # fmt: skip
    yield Recipe("mkv-dispositions-to-mp4", "mkv", "mp4",
                 sounds=(Sound("aac", "eng", disposition=1), Sound("aac", "deu", disposition=8)),
                 )  # fmt: skip
    yield Recipe("ts-two-sounds", "ts", "mkv", rate=F(25),
                 sounds=(Sound("ac3", "deu"), Sound("ac3", "eng")))  # fmt: skip
    yield Recipe("ts-opus-to-mp4", "ts", "mp4", rate=F(25), sounds=(OPUS,))
    yield Recipe("mp4-two-captions", sounds=(AAC,),
                 captions=(Captions("mov_text", "deu"), Captions("mov_text", "fra", 64)))  # fmt: skip
    yield Recipe("mkv-ass", "mkv", "mkv", captions=(Captions("ass"),))
    yield Recipe("mp4-opus", sounds=(OPUS,))
    yield Recipe("mp4-flac", sounds=(FLAC,))
    yield Recipe("mp4-ac3-to-mkv", target="mkv", sounds=(AC3,))
    yield Recipe("mkv-flac-to-mp4", "mkv", "mp4", sounds=(FLAC,))
    yield Recipe("mkv-pcm-to-mov", "mkv", "mov", sounds=(PCM,))
    yield Recipe("mp4-subtitles-chapters", captions=(Captions("mov_text"),), chapters=True,
                 sounds=(AAC,))  # fmt: skip
    yield Recipe("mov-chapters-to-mkv", "mov", "mkv", chapters=True, sounds=(AAC,))
    yield Recipe("mkv-subtitles-chapters-font", "mkv", "mkv", captions=(Captions("subrip"),),
                 chapters=True, attachment=b"OTTO" + b"font" * 9, sounds=(OPUS,))  # fmt: skip
    yield Recipe("mkv-attachment-no-font", "mkv", "mkv", attachment=b"words" * 9)
    yield Recipe("webm-subtitles", "webm", "webm", "libvpx-vp9", captions=(Captions("webvtt"),),
                 sounds=(OPUS,))  # fmt: skip
    yield Recipe("mkv-chapters-to-mp4", "mkv", "mp4", chapters=True)
    yield Recipe("mov-timecode", "mov", "mov", tags={"timecode": "01:02:03:04"}, sounds=(PCM,))
    yield Recipe("mov-timecode-drop-frame", "mov", "mp4", rate=_P30,
                 tags={"timecode": "01:02:03;04"}, sounds=(AAC,))  # fmt: skip
    yield Recipe("mov-timecode-to-mkv", "mov", "mkv", tags={"timecode": "10:00:00:00"})
    yield Recipe("mp4-cover", cover=True, sounds=(AAC,))
    yield Recipe("mp4-cover-kept", cover=True, keep=("cover",), sounds=(AAC,))
    yield Recipe("mp4-two-sounds-with-delays",
                 sounds=(ENGLISH, Sound("aac", "deu", delay=F(1, 4))))  # fmt: skip


def _crops() -> Iterator[Recipe]:
    for left in (8, 32, 64):
        cut = {"filter": f"h264_metadata=crop_left={left}:crop_right=4:crop_top=2:crop_bottom=6"}
        yield Recipe(f"mp4-h264-crop-left-{left}", size=(256, 160), sounds=(AAC,), **_any(cut))
        cut = {"filter": f"hevc_metadata=crop_left={left}:crop_bottom=8"}
        yield Recipe(f"mkv-hevc-crop-left-{left}", "mkv", "mp4", "libx265", size=(256, 160),
                     **_any(cut))  # fmt: skip
    yield Recipe("ts-h264-crop-left-32", "ts", "mp4", size=(256, 160), rate=F(25),
                 filter="h264_metadata=crop_left=32")  # fmt: skip
    yield Recipe("mp4-clean-aperture", size=(256, 160), patches=(aperture(32, 256, 160),))
    yield Recipe("mov-clean-aperture-to-mkv", "mov", "mkv", size=(256, 160),
                 patches=(aperture(32, 256, 160),))  # fmt: skip
    yield Recipe("mkv-pixel-crop-left-32", "mkv", "mp4", size=(256, 160), muxer={"live": "1"},
                 patches=(pixel_crop(32),))  # fmt: skip
    yield Recipe("mp4-x264-crop-rect", size=(256, 160),
                 options={"x264-params": "crop-rect=16,4,32,8"})  # fmt: skip


def _any(options: dict[str, Any]) -> dict[str, Any]:
    return options


def _shown() -> Iterator[Recipe]:
    for name, matrix in _TURNS.items():
        yield Recipe(f"mp4-turned-{name}", matrix=matrix)
    yield Recipe("mov-turned-90-to-mkv", "mov", "mkv", matrix=_TURNS["90"])
    yield Recipe("mp4-turned-90-crop", size=(256, 160), matrix=_TURNS["90"],
                 options={"x264-params": "crop-rect=16,4,32,8"})  # fmt: skip
    yield Recipe("mp4-sar-4-3", sar=F(4, 3))
    yield Recipe("mkv-sar-16-11-to-mkv", "mkv", "mkv", sar=F(16, 11))
    yield Recipe("mov-sar-to-hevc", "mov", "mov", sar=F(4, 3), into="hevc")
    yield Recipe("mp4-bt709", colour=(1, 1, 1, 1))
    yield Recipe("mp4-bt2020-pq-10-bit", colour=(9, 16, 9, 1), pix_fmt="yuv420p10le")
    yield Recipe("mkv-bt601-full-range", "mkv", "mkv", colour=(6, 6, 6, 2))
    yield Recipe("mp4-bt709-to-vp9-webm", target="webm", colour=(1, 1, 1, 1), sounds=(OPUS,))
    yield Recipe("mp4-interlaced", size=(320, 240), interlaced=True, rate=F(25))
    yield Recipe("mkv-interlaced-bottom-first", "mkv", "mp4", size=(320, 240), interlaced=True,
                 rate=F(25), options={"x264-params": "bff=1"})  # fmt: skip
    for codec in ("hevc", "av1", "vp9"):
        yield Recipe(f"mp4-interlaced-to-{codec}", size=(320, 240), interlaced=True, rate=F(25),
                     into=codec)  # fmt: skip
    yield Recipe("mov-interlaced-to-prores", "mov", "mov", size=(320, 240), interlaced=True,
                 rate=F(25), into="prores")  # fmt: skip
    yield Recipe("mp4-sar-turned", sar=F(4, 3), matrix=_TURNS["270"])
    yield Recipe("mp4-422-10-bit", pix_fmt="yuv422p10le")


def _tags() -> Iterator[Recipe]:
    yield Recipe("mp4-itunes-tags", tags=TAGGED, keep=("artist", "comment"))
    yield Recipe("mp4-tags-not-kept", tags=TAGGED | {"location": "+52.5+013.4/"})
    yield Recipe("mov-mdta-keys", "mov", "mov", tags=TAGGED | {"com.example.shot": "42"},
                 muxer={"movflags": "use_metadata_tags"},
                 keep=("comment", "artist", "com.example.shot"))  # fmt: skip
    yield Recipe("mp4-one-custom-key", tags={"com.example.shot": "42"},
                 muxer={"movflags": "use_metadata_tags"}, keep=("com.example.shot",))  # fmt: skip
    yield Recipe("mkv-tags", "mkv", "mkv", tags=TAGGED | {"SHOT": "42"}, keep=("shot", "artist"))
    yield Recipe("mkv-custom-and-title-to-mp4", "mkv", "mp4", tags={"title": "A", "SHOT": "42"},
                 keep=("shot",))  # fmt: skip
    yield Recipe("mp4-creation-time", tags={"creation_time": "2024-05-06T07:08:09.000000Z"})
    yield Recipe("mp4-40-bytes-appended", patches=(appended(b"TAG of some player".ljust(40)),))
    yield Recipe("mkv-40-bytes-appended", "mkv", "mkv", patches=(appended(bytes(40)),))
    yield Recipe("mov-free-box-appended", "mov", "mov",
                 patches=(appended(b"\0\0\0\x28free".ljust(40, b"\0")),))  # fmt: skip


def _edits() -> Iterator[Recipe]:
    half, quarter = F(1, 2), F(1, 4)
    gop = {"g": "6"}
    pieces = (Edit(half, F(0)), Edit(half, F(5, 4)))
    trim = (Edit(F(1), half),)
    again = (Edit(half, quarter), Edit(half, quarter))
    for name, what in (("two-pieces", pieces), ("trimmed", trim), ("the-same-piece-twice", again)):
        yield Recipe(f"mp4-{name}", frames=48, options=gop, patches=(edited("video", *what),))
        yield Recipe(f"mp4-{name}-with-sound", frames=48, options=gop, sounds=(AAC,),
                     patches=(edited("", *what),))  # fmt: skip
    yield Recipe("mov-two-pieces-pcm", "mov", "mov", frames=48, options=gop, sounds=(PCM,),
                 patches=(edited("", *pieces),))  # fmt: skip
    yield Recipe("mov-trimmed-pcm", "mov", "mov", frames=48, options=gop, sounds=(PCM,),
                 patches=(edited("", *trim),))  # fmt: skip
    many = tuple(Edit(F(1, 8), F(number, 6)) for number in range(10))
    for name, sound in (("pcm", PCM), ("aac", AAC)):
        yield Recipe(f"mov-ten-pieces-{name}", "mov", "mov", frames=48, options=gop,
                     sounds=(sound,), patches=(edited("", *many),))  # fmt: skip
    yield Recipe("mp4-two-pieces-to-mkv", target="mkv", frames=48, options=gop, sounds=(AAC,),
                 patches=(edited("", *pieces),))  # fmt: skip
    yield Recipe("mp4-trimmed-no-b-frames-one-gop", frames=48, options={"bf": "0", "g": "250"},
                 patches=(edited("video", *trim),))  # fmt: skip
    yield Recipe("mp4-pieces-with-a-gap", frames=48, options=gop,
                 patches=(edited("video", Edit(half, F(0)), Edit(half, None), Edit(half, F(1))),),
                 )  # fmt: skip
    yield Recipe("mp4-cut-within-a-frame", frames=48, options=gop,
                 patches=(edited("video", Edit(F(1), F(25, 48))),))  # fmt: skip


def _refusals() -> Iterator[Recipe]:
    yield Recipe("refused-subrip-in-mp4", "mkv", "mp4", captions=(Captions("subrip"),),
                 refused="track 1 .*subrip")  # fmt: skip
    yield Recipe("refused-pcm-in-webm", "mkv", "webm", sounds=(PCM,), refused="track 1 .*pcm_s16le")
    yield Recipe("refused-opus-in-mov", "mp4", "mov", sounds=(ENGLISH, Sound("libopus", "deu")),
                 refused="track 2 .*opus, deu")  # fmt: skip
    yield Recipe("refused-flac-in-mov", "mp4", "mov", sounds=(FLAC,), refused="track 1 .*flac")
    yield Recipe("refused-font-in-mp4", "mkv", "mp4", attachment=b"OTTO" + b"font" * 9,
                 refused="track 1 .*attachment")  # fmt: skip
    yield Recipe("refused-two-pictures", "mkv", "mkv", pictures=2, refused="2 picture tracks")
    yield Recipe("refused-truncated", sounds=(AAC,), muxer=_MOV, patches=(cut_off(0.8),),
                 refused="truncated")  # fmt: skip
    yield Recipe("refused-half-speed", frames=48,
                 patches=(edited("video", Edit(F(1), F(0), 2)),), refused="track 0 at another speed",
                 )  # fmt: skip
    yield Recipe("refused-sar-vp9-webm", target="webm", sar=F(4, 3), refused="not square")
    yield Recipe("refused-transparency", "mov", "mp4", "prores_ks", pix_fmt="yuva444p10le",
                 options={"profile": "4444"}, refused="transparency")  # fmt: skip
    yield Recipe("refused-h264-in-webm", target="webm", into="h264", refused="cannot hold h264")
    yield Recipe("refused-prores-in-mp4", target="mp4", into="prores", refused="cannot hold prores")
