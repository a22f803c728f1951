"""Open a media file from an unknown sender, safely, and say clearly why when it cannot be opened.

Three guards keep a hostile file from reaching anything but itself:

* only regular files are opened, always by absolute path, with the ``file`` protocol alone;
* only demuxers on a list of plain containers run: playlists (HLS, DASH, concat, IMF), session
  descriptions, image sequences and devices are out, whatever the file is named;
* a known signature picks the demuxer, so a name never does, and what is known to be no media
  (:mod:`.foreign`) meets none.

Pictures above :data:`MAX_PIXELS` are refused before any frame is allocated.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from provenance.errors import UnreadableFileError, UnsupportedMediaError, about
from provenance.system.extent import extent_of
from provenance.video.foreign import foreign, sniff

MAX_PIXELS: Final = 8192 * 8192
"""Largest picture that is decoded, in pixels; x264, x265 and most decoders stop near here too."""

MAX_TRACKS: Final = 128
"""Most tracks of a file that is opened; a film with every language and subtitle has fewer."""
MAX_FRAMES: Final = 20_000_000
"""Most pictures that one pass decodes: four days at 60 a second."""

_VIDEO_DEMUXERS: Final = (
    *("mov", "mp4", "matroska", "webm", "avi", "asf", "flv", "mpegts", "mpeg", "mpegvideo"),
    *("ogg", "ivf", "mxf", "nut", "gxf", "rm", "dv", "yuv4mpegpipe", "h264", "hevc", "vvc"),
    *("av1", "obu", "m4v", "vc1", "wtv", "swf", "live_flv", "mjpeg"),
)
# Sound-only containers are opened too, so that the message can say what the file is.
_AUDIO_DEMUXERS: Final = ("wav", "w64", "mp3", "flac", "aac", "aiff", "ac3", "eac3", "caf", "amr")
_IMAGE_DEMUXERS: Final = (
    *("png_pipe", "apng", "jpeg_pipe", "webp_pipe", "webp", "gif", "bmp_pipe", "tiff_pipe"),
)
_IMAGE_BRANDS: Final = frozenset(
    ("avif", "avis", "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "miaf")
)
"""Brands of ISO base-media files that hold pictures: AVIF, HEIF and their sequences."""
_ITEMS: Final = 1 << 16
"""Bytes of a HEIF image that are looked at for what it is made of."""
_TILES: Final = re.compile(rb"infe[\x02\x03].{7,9}grid", re.DOTALL)
_ANIMATED: Final = 2
"""The bit of a WebP header's flags."""
_ALLOWED: Final = ",".join((*_VIDEO_DEMUXERS, *_AUDIO_DEMUXERS, *_IMAGE_DEMUXERS))


@contextmanager
def open_media(
    path: str | os.PathLike[str], *, edit_lists: bool = True
) -> Iterator[InputContainer]:
    """Open ``path`` for demuxing and close it afterwards.

    ``edit_lists`` False gives an mp4's or mov's packets as they are stored, cut away or not.

    Raises :class:`UnreadableFileError` if it is missing, not a regular file, forbidden, empty,
    truncated or no media file, and translates what the demuxer raises inside the block.
    """
    with about(path):
        yield from _opened(Path(path), edit_lists=edit_lists)


def _opened(target: Path, *, edit_lists: bool) -> Iterator[InputContainer]:
    name = os.path.abspath(target)
    head = _first_bytes(target)
    forced = sniff(head)
    if forced is None and (other := foreign(target.name, head)) is not None:
        raise other
    with translating(target):
        try:
            container = av.open(
                name,
                "r",
                format=forced,
                options={"max_pixels": str(MAX_PIXELS)},
                container_options={
                    "protocol_whitelist": "file",
                    "format_whitelist": _ALLOWED,
                    "ignore_editlist": "0" if edit_lists else "1",
                },
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise _open_failure(target, head, error) from error
    try:
        if len(container.streams) > MAX_TRACKS:
            raise UnsupportedMediaError(
                f"{target.name} holds {len(container.streams)} tracks, above the limit of "
                f"{MAX_TRACKS}",
                advice="take the picture track out of it",
            )
        with translating(target):
            yield container
    finally:
        container.close()


def main_video(container: InputContainer, path: str | os.PathLike[str]) -> VideoStream:
    """The picture track to work on: the best video stream that is not cover art.

    Raises :class:`UnsupportedMediaError` if there is none, or if it cannot be decoded.
    """
    name = Path(path).name
    streams = [s for s in container.streams.video if not is_cover(s)]
    if not streams:
        if container.streams.audio:
            raise UnsupportedMediaError(
                f"{name} holds sound but no picture track",
                advice="give a file with video in it",
            )
        raise UnsupportedMediaError(
            f"{name} holds no video track",
            advice="give a file with video in it",
        )
    if is_image(container) and _in_tiles(path):
        raise UnsupportedMediaError(
            f"{name} is a picture in tiles (HEIF), which this tool does not read",
            advice="make a JPEG or PNG of it first",
        )
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if not isinstance(stream, VideoStream):  # pragma: no cover - what PyAV's types leave open
        raise UnsupportedMediaError(
            f"{name} holds no video track",
            advice="give a file with video in it",
        )
    if stream.codec_context is None:
        raise UnsupportedMediaError(
            f"The picture of {name} uses a codec this tool does not know",
            advice="convert it to H.264 in mp4 first",
        )
    context = stream.codec_context
    # Else decoders round a crop on the left to what their processor likes, and columns that the
    # file hides come into the picture.
    context.flags |= Flags.unaligned
    if context.codec_tag.lower() in ("encv", "drmi", "drmt"):
        raise encrypted(path)
    if context.width * context.height > MAX_PIXELS:
        raise too_large(path, context.width, context.height)
    if not context.width or not context.height or context.pix_fmt is None:
        if is_animated_webp(path):
            raise UnsupportedMediaError(
                f"{name} is an animated WebP, which this tool does not read",
                advice="make a video of it first, or give one of its pictures",
            )
        raise UnreadableFileError(
            f"No picture could be decoded from {name}: it is damaged, incomplete, encrypted or "
            f"above {MAX_PIXELS // 2**20} megapixels",
            advice="get another copy",
        )
    return stream


def is_cover(stream: object) -> bool:
    """Whether a video stream is an attached picture (cover art), not a film."""
    return bool(getattr(stream, "disposition", 0) & av.stream.Disposition.attached_pic)


def encrypted(path: str | os.PathLike[str]) -> UnsupportedMediaError:
    """The error for a file under DRM."""
    return UnsupportedMediaError(
        f"{Path(path).name} is encrypted (DRM), so its picture cannot be read",
        advice="give an unencrypted copy",
    )


def too_large(path: str | os.PathLike[str], width: int, height: int) -> UnsupportedMediaError:
    """The error for a picture beyond :data:`MAX_PIXELS`."""
    return UnsupportedMediaError(
        f"The picture of {Path(path).name} is {width} x {height}, above the limit of "
        f"{MAX_PIXELS // 2**20} megapixels",
        advice="scale it down first",
    )


def is_image(container: InputContainer) -> bool:
    """Whether the open file is a still (or animated) image rather than a video."""
    name = container.format.name
    brand = container.metadata.get("major_brand", "")
    return name.endswith("_pipe") or name in ("gif", "apng", "webp") or brand in _IMAGE_BRANDS


def is_animated_webp(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a WebP whose header promises an animation."""
    with Path(path).open("rb") as handle:
        head = handle.read(32)
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & _ANIMATED)


def _in_tiles(path: str | os.PathLike[str]) -> bool:
    """Whether a HEIF or AVIF image is put together from others (ISO/IEC 23008-12, 6.6.2.3)."""
    with Path(path).open("rb") as handle:
        head = handle.read(_ITEMS)
    return head[4:8] == b"ftyp" and _TILES.search(head) is not None


@contextmanager
def translating(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what libav raises while reading ``path`` into an :class:`UnreadableFileError`."""
    try:
        yield
    except (av.error.FFmpegError, av.error.UndefinedError) as error:
        raise UnreadableFileError(
            f"{Path(path).name} could not be read ({_reason(error)})",
            advice="the file is damaged or incomplete, so get a fresh copy",
        ) from error


def _first_bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableFileError(
                f"{path} is a folder",
                advice="name a video or image file in it",
            )
        if not stat.S_ISREG(mode):
            raise UnreadableFileError(
                f"{path} is not a regular file",
                advice="copy it to a file first",
            )
        with path.open("rb") as handle:
            head = handle.read(4096)
    except UnreadableFileError:
        raise
    except FileNotFoundError as error:
        raise UnreadableFileError(
            f"{path} does not exist",
            advice="check the path",
        ) from error
    except PermissionError as error:
        raise UnreadableFileError(
            f"{path} may not be read by this user",
            advice="change its permissions",
        ) from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(f"{path} cannot be read: {_reason(error)}.") from error
    if not head:
        raise UnreadableFileError(
            f"{path} is empty",
            advice="get a fresh copy",
        )
    return head


def _open_failure(path: Path, head: bytes, error: Exception) -> UnreadableFileError:
    if sniff(head) is not None:
        what = "truncated: its end is missing" if extent_of(path).missing else "damaged"
        return UnreadableFileError(
            f"{path.name} is {what}, and its index cannot be read",
            advice="get a fresh copy",
        )
    return UnreadableFileError(
        f"{path.name} is not a video or image file this tool can read",
        advice="give an mp4, mov, mkv or webm video, or a PNG, JPEG or WebP image",
    )


def _reason(error: BaseException) -> str:
    code = getattr(error, "errno", None)
    if isinstance(code, int) and code in errno.errorcode:
        return os.strerror(code).lower()
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
