"""What comes out different on purpose; docs/how-to-stamp.md has the same table."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, tuple[str, str]]] = {
    "encoded": (
        "codec, and a pixel format that it does not have",
        "the picture is encoded anew; the nearest format is taken",
    ),
    "range": (
        "range and matrix of colours that INPUT leaves open",
        "some codecs always state them: what players assume is written",
    ),
    "clock": (
        "the time of the first frame in a transport stream, an FLV, or a cut from a long recording",
        "their clocks start anywhere; all tracks are moved alike, so that the film starts at 0",
    ),
    "unit": (
        "times, by less than the coarser container's unit: 1 ms in mkv, webm and FLV",
        "it has no finer ones; a constant frame rate that was rounded so is restored",
    ),
    "rate": (
        "a frame rate that is named, but not that of the frames",
        "mkv, AVI and transport streams name one beside the times; the times decide",
    ),
    "lead": (
        "in mkv and webm, the start of the film: later by up to 0.1 s",
        "the sound's decoder needs a packet before the first; mp4 and mov hide it by an edit list",
    ),
    "padding": (
        "the end of sound in and from mkv, webm, FLV and transport streams, by less than a packet",
        "they do not say where in the last packet it ends",
    ),
    "pieces": (
        "edit lists of several pieces, or with a cut; what they do not play",
        "OUTPUT holds what is played, once for each time, and no more",
    ),
    "join": (
        "sound where two pieces of an edit list meet, by less than a packet",
        "packets are copied whole",
    ),
    "begun": (
        "a piece of an edit list that starts within a frame",
        "it starts with the next frame, as in most players",
    ),
    "gap": (
        "a gap in an edit list",
        "the frame before it stays until it is over",
    ),
    "mdhd": (
        "the media length that mp4 and mov store (`mdhd`, `stts`), and rates made of it",
        "it counts in what the edit list hides, such as the delay of frames stored out of order; "
        "players go by the edit list",
    ),
    "interlaced": (
        "in HEVC, AV1 and VP9, that frames are interlaced",
        "their encoders do not write it; mp4, mov and mkv say it beside the stream",
    ),
    "crop": (
        "a crop that H.264 or HEVC states",
        "it is carried out: OUTPUT has only what was shown",
    ),
    "odd": (
        "odd widths and heights",
        "most codecs need even ones; the last column or line is repeated",
    ),
    "default": (
        "the mark of a default track",
        "mp4 and mov mark the first track of each kind where INPUT marks none",
    ),
    "tags": ("tags", "only those go along that a viewer needs: see [Tags](#tags)"),
    "fields": (
        "`handler_name` and `vendor_id` of a track, brands, the encoder's name",
        "each container's muxer writes its own",
    ),
    "tracks": (
        "covers, attachments that are no fonts, data tracks",
        "nobody watches them: see [Tags](#tags)",
    ),
    "timecode": (
        "a timecode track, in mkv",
        "there it is a tag; the counter in MPEG-2 pictures goes with them",
    ),
    "framing": (
        "AAC from a transport stream",
        "each packet loses its header of 7 or 9 bytes, which other containers say once",
    ),
}
"""What, and why, by a short name."""
NOT_KEPT = "NOT ON PURPOSE"
