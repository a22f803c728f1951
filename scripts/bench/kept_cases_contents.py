"""Recipes of files with odd contents: codecs, tracks, crops, turns, tags, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction as F
from typing import Any

from bench.kept_files import Captions, Recipe, Sound
from bench.kept_parts import (
    AAC,
    AC3,
    ENGLISH,
    FILM,
    FLAC,
    GERMAN,
    MOV,
    MP3,
    NTSC,
    OPUS,
    PCM,
    TAGGED,
    TURNS,
)
from bench.kept_patches import Edit, aperture, appended, cut_off, edited, pixel_crop


def codecs() -> Iterator[Recipe]:
    yield Recipe("mp4-hevc-to-hevc", codec="libx265", into="hevc", sounds=(AAC,))
    yield Recipe("mp4-hevc-10-bit", codec="libx265", pix_fmt="yuv420p10le", into="hevc")
    yield Recipe("mp4-av1-to-av1", codec="libsvtav1", into="av1", sounds=(OPUS,))
    yield Recipe(
        "mov-prores-to-prores",
        "mov",
        "mov",
        "prores_ks",
        pix_fmt="yuv422p10le",
        into="prores",
        sounds=(PCM,),
    )
    yield Recipe(
        "mov-prores-to-h264-2398", "mov", "mp4", "prores_ks", pix_fmt="yuv422p10le", rate=FILM
    )
    yield Recipe("ts-mpeg2", "ts", "mp4", "mpeg2video", rate=F(25), sounds=(MP3,))
    yield Recipe("mkv-mpeg2-b-frames", "mkv", "mkv", "mpeg2video", rate=F(25), options={"bf": "2"})
    yield Recipe("mov-mjpeg", "mov", "mov", "mjpeg", pix_fmt="yuvj420p", rate=F(25))
    yield Recipe("mkv-ffv1-odd-size", "mkv", "mkv", "ffv1", size=(161, 121))
    yield Recipe("mkv-ffv1-rgb", "mkv", "mp4", "ffv1", pix_fmt="bgr0")


def tracks() -> Iterator[Recipe]:
    two = (ENGLISH, GERMAN)
    yield Recipe("mp4-two-sounds", sounds=two, title="Main picture")
    yield Recipe("mov-two-sounds", "mov", "mov", sounds=two, title="Main picture")
    yield Recipe("mkv-two-sounds", "mkv", "mkv", sounds=two, title="Main picture")
    yield Recipe("mkv-two-sounds-to-mp4", "mkv", "mp4", sounds=two, title="Main picture")
    yield Recipe("mp4-two-sounds-to-mkv", "mp4", "mkv", sounds=two, title="Main picture")
    yield Recipe("mp4-sound-first", sounds=two, sound_first=True)
    yield Recipe("mkv-sound-first-to-mov", "mkv", "mov", sounds=(PCM,), sound_first=True)
    yield Recipe(
        "mkv-second-sound-default",
        "mkv",
        "mp4",
        sounds=(Sound("aac", "ger"), Sound("aac", "fre", disposition=1)),
    )
    yield Recipe(
        "mkv-dispositions",
        "mkv",
        "mkv",
        captions=(Captions("subrip", "deu", 64 | 128),),
        sounds=(
            Sound("libopus", "eng", disposition=1 | 4),
            Sound("libopus", "deu", disposition=8 | 256),
        ),
    )
    yield Recipe(
        "mkv-dispositions-to-mp4",
        "mkv",
        "mp4",
        sounds=(Sound("aac", "eng", disposition=1), Sound("aac", "deu", disposition=8)),
    )
    yield Recipe(
        "ts-two-sounds", "ts", "mkv", rate=F(25), sounds=(Sound("ac3", "deu"), Sound("ac3", "eng"))
    )
    yield Recipe("ts-opus-to-mp4", "ts", "mp4", rate=F(25), sounds=(OPUS,))
    yield Recipe(
        "mp4-two-captions",
        sounds=(AAC,),
        captions=(Captions("mov_text", "deu"), Captions("mov_text", "fra", 64)),
    )
    yield Recipe("mkv-ass", "mkv", "mkv", captions=(Captions("ass"),))
    yield Recipe("mp4-opus", sounds=(OPUS,))
    yield Recipe("mp4-flac", sounds=(FLAC,))
    yield Recipe("mp4-ac3-to-mkv", target="mkv", sounds=(AC3,))
    yield Recipe("mkv-flac-to-mp4", "mkv", "mp4", sounds=(FLAC,))
    yield Recipe("mkv-pcm-to-mov", "mkv", "mov", sounds=(PCM,))
    yield Recipe(
        "mp4-subtitles-chapters", captions=(Captions("mov_text"),), chapters=True, sounds=(AAC,)
    )
    yield Recipe("mov-chapters-to-mkv", "mov", "mkv", chapters=True, sounds=(AAC,))
    yield Recipe(
        "mkv-subtitles-chapters-font",
        "mkv",
        "mkv",
        captions=(Captions("subrip"),),
        chapters=True,
        attachment=b"OTTO" + b"font" * 9,
        sounds=(OPUS,),
    )
    yield Recipe("mkv-attachment-no-font", "mkv", "mkv", attachment=b"words" * 9)
    yield Recipe(
        "webm-subtitles",
        "webm",
        "webm",
        "libvpx-vp9",
        captions=(Captions("webvtt"),),
        sounds=(OPUS,),
    )
    yield Recipe("mkv-chapters-to-mp4", "mkv", "mp4", chapters=True)
    yield Recipe("mov-timecode", "mov", "mov", tags={"timecode": "01:02:03:04"}, sounds=(PCM,))
    yield Recipe(
        "mov-timecode-drop-frame",
        "mov",
        "mp4",
        rate=NTSC,
        tags={"timecode": "01:02:03;04"},
        sounds=(AAC,),
    )
    yield Recipe("mov-timecode-to-mkv", "mov", "mkv", tags={"timecode": "10:00:00:00"})
    yield Recipe("mp4-cover", cover=True, sounds=(AAC,))
    yield Recipe("mp4-cover-kept", cover=True, keep=("cover",), sounds=(AAC,))
    yield Recipe("mp4-two-sounds-with-delays", sounds=(ENGLISH, Sound("aac", "deu", delay=F(1, 4))))


def crops() -> Iterator[Recipe]:
    for left in (8, 32, 64):
        cut = {"filter": f"h264_metadata=crop_left={left}:crop_right=4:crop_top=2:crop_bottom=6"}
        yield Recipe(f"mp4-h264-crop-left-{left}", size=(256, 160), sounds=(AAC,), **_any(cut))
        cut = {"filter": f"hevc_metadata=crop_left={left}:crop_bottom=8"}
        yield Recipe(
            f"mkv-hevc-crop-left-{left}", "mkv", "mp4", "libx265", size=(256, 160), **_any(cut)
        )
    yield Recipe(
        "ts-h264-crop-left-32",
        "ts",
        "mp4",
        size=(256, 160),
        rate=F(25),
        filter="h264_metadata=crop_left=32",
    )
    yield Recipe(
        "mp4-x264-crop-rect", size=(256, 160), options={"x264-params": "crop-rect=16,4,32,8"}
    )


def _any(options: dict[str, Any]) -> dict[str, Any]:
    return options


def shown() -> Iterator[Recipe]:
    for name, matrix in TURNS.items():
        yield Recipe(f"mp4-turned-{name}", matrix=matrix)
    yield Recipe("mov-turned-90-to-mkv", "mov", "mkv", matrix=TURNS["90"])
    yield Recipe(
        "mp4-turned-90-crop",
        size=(256, 160),
        matrix=TURNS["90"],
        options={"x264-params": "crop-rect=16,4,32,8"},
    )
    yield Recipe("mp4-sar-4-3", sar=F(4, 3))
    yield Recipe("mkv-sar-16-11-to-mkv", "mkv", "mkv", sar=F(16, 11))
    yield Recipe("mov-sar-to-hevc", "mov", "mov", sar=F(4, 3), into="hevc")
    yield Recipe("mp4-bt709", colour=(1, 1, 1, 1))
    yield Recipe("mp4-bt2020-pq-10-bit", colour=(9, 16, 9, 1), pix_fmt="yuv420p10le")
    yield Recipe("mkv-bt601-full-range", "mkv", "mkv", colour=(6, 6, 6, 2))
    yield Recipe("mp4-bt709-to-vp9-webm", target="webm", colour=(1, 1, 1, 1), sounds=(OPUS,))
    yield Recipe("mp4-interlaced", size=(320, 240), interlaced=True, rate=F(25))
    yield Recipe(
        "mkv-interlaced-bottom-first",
        "mkv",
        "mp4",
        size=(320, 240),
        interlaced=True,
        rate=F(25),
        options={"x264-params": "bff=1"},
    )
    for codec in ("hevc", "av1", "vp9"):
        yield Recipe(
            f"mp4-interlaced-to-{codec}", size=(320, 240), interlaced=True, rate=F(25), into=codec
        )
    yield Recipe(
        "mov-interlaced-to-prores",
        "mov",
        "mov",
        size=(320, 240),
        interlaced=True,
        rate=F(25),
        into="prores",
    )
    yield Recipe("mp4-sar-turned", sar=F(4, 3), matrix=TURNS["270"])
    yield Recipe("mp4-422-10-bit", pix_fmt="yuv422p10le")


def tags() -> Iterator[Recipe]:
    yield Recipe("mp4-itunes-tags", tags=TAGGED, keep=("artist", "comment"))
    yield Recipe("mp4-tags-not-kept", tags=TAGGED | {"location": "+52.5+013.4/"})
    yield Recipe(
        "mov-mdta-keys",
        "mov",
        "mov",
        tags=TAGGED | {"com.example.shot": "42"},
        muxer={"movflags": "use_metadata_tags"},
        keep=("comment", "artist", "com.example.shot"),
    )
    yield Recipe(
        "mp4-one-custom-key",
        tags={"com.example.shot": "42"},
        muxer={"movflags": "use_metadata_tags"},
        keep=("com.example.shot",),
    )
    yield Recipe("mkv-tags", "mkv", "mkv", tags=TAGGED | {"SHOT": "42"}, keep=("shot", "artist"))
    yield Recipe(
        "mkv-custom-and-title-to-mp4",
        "mkv",
        "mp4",
        tags={"title": "A", "SHOT": "42"},
        keep=("shot",),
    )
    yield Recipe("mp4-creation-time", tags={"creation_time": "2024-05-06T07:08:09.000000Z"})
    yield Recipe("mp4-40-bytes-appended", patches=(appended(b"TAG of some player".ljust(40)),))
    yield Recipe("mkv-40-bytes-appended", "mkv", "mkv", patches=(appended(bytes(40)),))
    yield Recipe(
        "mov-free-box-appended",
        "mov",
        "mov",
        patches=(appended(b"\0\0\0\x28free".ljust(40, b"\0")),),
    )


def refusals() -> Iterator[Recipe]:
    yield Recipe(
        "refused-subrip-in-mp4",
        "mkv",
        "mp4",
        captions=(Captions("subrip"),),
        refused="track 1 .*subrip",
    )
    yield Recipe("refused-pcm-in-webm", "mkv", "webm", sounds=(PCM,), refused="track 1 .*pcm_s16le")
    yield Recipe(
        "refused-opus-in-mov",
        "mp4",
        "mov",
        sounds=(ENGLISH, Sound("libopus", "deu")),
        refused="track 2 .*opus, deu",
    )
    yield Recipe("refused-flac-in-mov", "mp4", "mov", sounds=(FLAC,), refused="track 1 .*flac")
    yield Recipe(
        "refused-font-in-mp4",
        "mkv",
        "mp4",
        attachment=b"OTTO" + b"font" * 9,
        refused="track 1 .*attachment",
    )
    yield Recipe("refused-two-pictures", "mkv", "mkv", pictures=2, refused="2 picture tracks")
    yield Recipe(
        "refused-truncated", sounds=(AAC,), muxer=MOV, patches=(cut_off(0.8),), refused="truncated"
    )
    yield Recipe(
        "refused-double-speed",
        frames=48,
        patches=(edited("video", Edit(F(1), F(0), 2)),),
        refused="track 0 at another speed",
    )
    yield Recipe("refused-sar-vp9-webm", target="webm", sar=F(4, 3), refused="not square")
    yield Recipe(
        "refused-transparency",
        "mov",
        "mp4",
        "prores_ks",
        pix_fmt="yuva444p10le",
        options={"profile": "4444"},
        refused="transparency",
    )
    yield Recipe("refused-h264-in-webm", target="webm", into="h264", refused="cannot hold h264")
    yield Recipe("refused-prores-in-mp4", target="mp4", into="prores", refused="cannot hold prores")
    cropped, wide = "cropped by the container", (256, 160)
    hidden = (aperture(32, *wide),)
    yield Recipe("refused-clean-aperture", size=wide, patches=hidden, refused=cropped)
    yield Recipe(
        "refused-pixel-crop",
        "mkv",
        size=wide,
        muxer={"live": "1"},
        patches=(pixel_crop(32),),
        refused=cropped,
    )
