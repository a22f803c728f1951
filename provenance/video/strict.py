"""Decoding for the writer: a frame that is lost or damaged is an error with its time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from provenance.errors import UnreadableFileError
from provenance.video.feed import Feed
from provenance.video.opening import encrypted
from provenance.video.timing import Clock

# One packet is one shown frame in these codecs, and these containers store their times.
_ONE_TO_ONE: Final = frozenset(("h264", "hevc", "av1", "vp9", "prores", "mjpeg", "mpeg4", "ffv1"))


class StrictDecoder:
    """Decodes packets of ``stream`` and raises on the first sign of damage.

    Packets before the first key frame that do not decode are what a cut in the middle of a stream
    leaves behind; players skip them, and so does this.
    """

    def __init__(self, media: InputContainer, stream: VideoStream, source: Path) -> None:
        self.clock = Clock.of(media, stream)
        self._stream, self._source = stream, source
        context = stream.codec_context
        context.thread_type = "AUTO"
        name = media.format.name
        self._accountable = (
            context.codec.canonical_name in _ONE_TO_ONE
            and context.field_order <= 1
            and any(part in name for part in ("mov", "matroska", "webm"))
        )
        self._due: set[int] = set()
        self._first_pts: int | None = None
        self._last_time: float | None = None
        # Files with an index begin where they can be decoded: there, nothing may fail.
        self._keyed = any(part in name for part in ("mov", "matroska", "webm"))

    def decode(self, packet: Packet[Stream]) -> list[VideoFrame]:
        """The frames a packet brings out.  Raises :class:`UnreadableFileError` on damage."""
        if packet.has_sidedata("encryption_info"):
            raise encrypted(self._source)
        self._keyed = self._keyed or packet.is_keyframe
        if packet.is_corrupt and packet.size:
            raise self.damaged()
        try:
            frames = self._stream.decode(packet)
        except EOFError:
            return []
        except av.error.FFmpegError as error:
            if not self._keyed:
                return []
            raise self.damaged() from error
        self._account(packet, frames)
        return frames

    def restart(self, feed: Feed) -> None:
        """After the last packet of a piece: what follows is decoded on its own."""
        self._stream.codec_context.flush_buffers()
        base = self.clock.time_base
        self._due = {pts for pts in self._due if feed.shows(pts * base)}
        self._first_pts = None

    def finish(self) -> None:
        """After the last packet: raises if a packet never gave its frame."""
        if self._accountable and self._due:
            lost = min(self._due)
            time = float(lost * self.clock.time_base - self.clock.origin)
            raise self.damaged(time)

    def damaged(self, time: float | None = None) -> UnreadableFileError:
        """The error for damage at ``time`` (default: after the last good frame)."""
        when = time if time is not None else self._last_time
        where = "at its beginning" if when is None else f"near {when:.2f} s"
        return UnreadableFileError(
            f"{self._source.name} is damaged {where}: a frame does not decode",
            advice="get a fresh copy, or re-encode it to accept the damage",
        )

    def nothing(self) -> UnreadableFileError:
        """The error for a file no picture came out of."""
        return UnreadableFileError(
            f"No picture could be decoded from {self._source.name}",
            advice="the file is damaged, so get a fresh copy",
        )

    def _account(self, packet: Packet[Stream], frames: list[VideoFrame]) -> None:
        if packet.pts is not None and packet.size and not packet.is_discard:
            # Pictures shown before the first stored one (leading pictures of an open GOP) need
            # references from before the cut; decoders leave them out, rightly.
            if self._first_pts is None:
                self._first_pts = packet.pts
            if packet.pts >= self._first_pts and self._keyed:
                self._due.add(packet.pts)
        for frame in frames:
            if frame.pts is None:
                self._accountable = False
                continue
            self._due.discard(frame.pts)
            self._last_time = float(frame.pts * self.clock.time_base - self.clock.origin)
            if frame.is_corrupt:
                raise self.damaged(self._last_time)
