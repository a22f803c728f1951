"""Changes of finished files, byte by byte: edit lists, trailers, speeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

Patch: TypeAlias = "Callable[[Path], object]"
_FOLDERS: Final = frozenset((b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"))
_HANDLERS: Final = {"video": b"vide", "audio": b"soun"}


@dataclass(frozen=True, slots=True)
class Edit:
    """``length`` seconds of a track from ``media`` on (None: nothing), at ``speed``."""

    length: Fraction
    media: Fraction | None
    speed: int = 1


class _Box:
    """A box with its children, or its content."""

    def __init__(self, kind: bytes, body: bytes) -> None:
        self.kind = kind
        self.body = body if kind not in _FOLDERS else b""
        self.boxes = _boxes(body) if kind in _FOLDERS else []

    def below(self, *path: bytes) -> _Box:
        """The first box down a path."""
        found = self
        for kind in path:
            found = next(one for one in found.boxes if one.kind == kind)
        return found

    def data(self) -> bytes:
        """The bytes of it all."""
        body = b"".join(one.data() for one in self.boxes) if self.boxes else self.body
        return (len(body) + 8).to_bytes(4, "big") + self.kind + body


def edited(kind: str, *edits: Edit) -> Patch:
    """Gives the tracks of a kind ("video", "audio", or "" for both) another edit list.

    Media times count from the first sample that was played before.
    """

    def patch(path: Path) -> None:
        data = path.read_bytes()
        before, moov = _split(data)
        head = moov.below(b"mvhd")
        clock = int.from_bytes(head.body[12:16], "big")
        longest = 0
        for trak in (one for one in moov.boxes if one.kind == b"trak"):
            if not kind or trak.below(b"mdia", b"hdlr").body[8:12] == _HANDLERS[kind]:
                total = _edit(trak, edits, clock)
                tkhd = trak.below(b"tkhd")
                tkhd.body = tkhd.body[:20] + total.to_bytes(4, "big") + tkhd.body[24:]
            longest = max(longest, int.from_bytes(trak.below(b"tkhd").body[20:24], "big"))
        head.body = head.body[:16] + longest.to_bytes(4, "big") + head.body[20:]
        path.write_bytes(before + moov.data())

    return patch


def appended(data: bytes) -> Patch:
    """Puts bytes behind the file's end."""

    def patch(path: Path) -> None:
        with path.open("ab") as handle:
            handle.write(data)

    return patch


def cut_off(share: float) -> Patch:
    """Leaves only the beginning of the file."""

    def patch(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return patch


def replaced(old: bytes, new: bytes) -> Patch:
    """Replaces bytes, everywhere, by as many others."""

    def patch(path: Path) -> None:
        data = path.read_bytes()
        if old not in data or len(old) != len(new):
            raise ValueError(f"{path.name} holds no {old!r} to replace")
        path.write_bytes(data.replace(old, new))

    return patch


def aperture(left: int, width: int, height: int) -> Patch:
    """Gives an mp4's or mov's picture a clean aperture (``clap``): only that part is shown.

    ``left`` is how many columns are hidden on the left; none are on the right, nor any lines.
    """

    def patch(path: Path) -> None:
        before, moov = _split(path.read_bytes())
        trak = next(one for one in moov.boxes if one.kind == b"trak")
        stsd = trak.below(b"mdia", b"minf", b"stbl", b"stsd")
        # Its middle lies to the right of the picture's by half of what is hidden.
        numbers = (width - left, 1, height, 1, left, 2, 0, 1)
        clap = _Box(b"clap", b"".join(one.to_bytes(4, "big") for one in numbers)).data()
        size = int.from_bytes(stsd.body[8:12], "big") + len(clap)
        stsd.body = stsd.body[:8] + size.to_bytes(4, "big") + stsd.body[12:] + clap
        path.write_bytes(before + moov.data())

    return patch


def pixel_crop(left: int) -> Patch:
    """Has an mkv hide columns on the left (``PixelCropLeft``); it must have been written live."""

    def patch(path: Path) -> None:
        data = path.read_bytes()
        crop = b"\x54\xcc\x82" + left.to_bytes(2, "big")  # RFC 9559, 5.1.4.1.28.11
        at = data.rindex(b"\x16\x54\xae\x6b") + 4  # Tracks; before it stands where it is
        for inner in (b"\xae", b"\xe0", b""):  # TrackEntry, Video: each is longer by as much
            width, size = _size(data, at)
            marker = 1 << (7 * width)
            data = (
                data[:at]
                + (marker | (size + len(crop))).to_bytes(width, "big")
                + data[at + width :]
            )
            at += width
            while inner and not data.startswith(inner, at):
                at += 9 - data[at].bit_length()  # an identifier's first byte tells its length
                width, size = _size(data, at)
                at += width + size
            at += len(inner)
        path.write_bytes(data[:at] + crop + data[at:])

    return patch


def _size(data: bytes, at: int) -> tuple[int, int]:
    """How many bytes a Matroska element's size takes, and the size."""
    width = 9 - data[at].bit_length()
    return width, int.from_bytes(data[at : at + width], "big") & ((1 << (7 * width)) - 1)


def _edit(trak: _Box, edits: tuple[Edit, ...], clock: int) -> int:
    media_clock = int.from_bytes(trak.below(b"mdia", b"mdhd").body[12:16], "big")
    first = _first_played(trak)
    rows = []
    for one in edits:
        media = -1 if one.media is None else first + round(one.media * media_clock)
        rows.append(
            round(one.length * clock).to_bytes(4, "big")
            + media.to_bytes(4, "big", signed=True)
            + one.speed.to_bytes(2, "big", signed=True)
            + bytes(2)
        )
    body = bytes(4) + len(rows).to_bytes(4, "big") + b"".join(rows)
    elst = _Box(b"elst", body)
    edts = _Box(b"edts", elst.data())
    trak.boxes = [one for one in trak.boxes if one.kind != b"edts"]
    trak.boxes.insert(1, edts)  # behind tkhd
    return sum(round(one.length * clock) for one in edits)


def _first_played(trak: _Box) -> int:
    """The media time of the piece that is played now."""
    for edts in (one for one in trak.boxes if one.kind == b"edts"):
        table = edts.below(b"elst").body[8:]
        for at in range(0, len(table), 12):
            media = int.from_bytes(table[at + 4 : at + 8], "big", signed=True)
            if media >= 0:
                return media
    return 0


def _split(data: bytes) -> tuple[bytes, _Box]:
    """What comes before moov, and moov, which has to be the last box."""
    at = 0
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"moov":
            if at + size != len(data):
                break
            return data[:at], _Box(kind, data[at + 8 :])
        at += size
    raise ValueError("the index is not the last box of this file")


def _boxes(body: bytes) -> list[_Box]:
    made, at = [], 0
    while at + 8 <= len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        made.append(_Box(body[at + 4 : at + 8], body[at + 8 : at + size]))
        at += size
    return made
