"""Which tags of an input go along, in every container and place, and which are left out."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition

from provenance.errors import UsageError
from provenance.results import Tag
from provenance.video import EncoderOptions, container_for, foresee, transcode
from tests.boxes import box
from tests.clips import Spec, copy, cover_png, make_clip
from tests.tagged import (
    FAST,
    GRAPH,
    KEPT,
    MDTA,
    PRIVATE,
    PROMPT,
    SECRETS,
    Film,
    ass_clip,
    tags_of,
    vorbis_clip,
    with_attachment,
)

VP9: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}


def transcoded(source: Path, suffix: str | None = None, keep_tags: tuple[str, ...] = ()) -> Path:
    target = source.with_name(f"out{suffix or source.suffix}")
    encoder = EncoderOptions(preset="8") if target.suffix == ".webm" else FAST
    foresight = foresee(source, container_for(target), keep_tags)
    transcode(source, target, copy, encoder, foresight=foresight)
    return target


def left_out(source: Path, suffix: str | None = None, keep: tuple[str, ...] = ()) -> set[Tag]:
    container = container_for(Path("out" + (suffix or source.suffix)))
    return set(foresee(source, container, keep).tags.left_out)


def of_container(names: Any) -> set[Tag]:
    return {Tag("container", name) for name in names}


def with_box(path: Path, parents: tuple[bytes, ...], added: bytes) -> Path:
    """Put a box at the end of another one, whose index has to stand behind the picture data."""
    data = path.read_bytes()
    assert not parents or data.index(b"mdat") < data.index(b"moov")
    at, end = 0, len(data)
    for parent in parents:
        start = at
        while data[start + 4 : start + 8] != parent:
            start += int.from_bytes(data[start : start + 4], "big")
        size = int.from_bytes(data[start : start + 4], "big")
        data = data[:start] + (size + len(added)).to_bytes(4, "big") + data[start + 4 :]
        at, end = start + 8, start + size
    path.write_bytes(data[:end] + added + data[end:])
    return path


@pytest.mark.parametrize(
    ("suffix", "muxer"),
    [(".mp4", MDTA), (".mp4", {}), (".m4v", MDTA), (".mov", MDTA), (".mov", {}), (".mkv", {})],
)
def test_only_what_is_listed_goes_along_and_the_rest_is_named(
    tmp_path: Path, suffix: str, muxer: dict[str, str]
) -> None:
    spec = Spec(tags=PRIVATE | KEPT, muxer=muxer, frames=6, audio=("eng",), chapters=True)
    source = make_clip(tmp_path / f"in{suffix}", spec)
    held = tags_of(source)
    assert any(secret in text for text in held.values() for secret in SECRETS)
    target = transcoded(source)
    after = tags_of(target)
    assert {name: after[name] for name in KEPT} == KEPT
    assert not any(secret.encode() in target.read_bytes() for secret in SECRETS)
    named = {tag.name.lower() for tag in left_out(source) if tag.place == "container"}
    private = {name for name in held if name.split("-")[0] in {key.lower() for key in PRIVATE}}
    assert named == private
    assert len(private) >= (3 if not muxer and suffix != ".mkv" else len(PRIVATE))


def test_webm_is_written_by_the_same_list(tmp_path: Path) -> None:
    spec = Spec(tags=PRIVATE | KEPT, frames=6, **VP9)
    target = transcoded(make_clip(tmp_path / "in.webm", spec))
    assert tags_of(target)["title"] == "A clip"
    assert not any(secret.encode() in target.read_bytes() for secret in SECRETS)


@pytest.mark.parametrize(
    ("before", "after"), [(".mkv", ".mp4"), (".mp4", ".mkv"), (".mkv", ".mov")]
)
def test_it_holds_from_one_container_to_another(tmp_path: Path, before: str, after: str) -> None:
    muxer = MDTA if before == ".mp4" else {}
    source = make_clip(tmp_path / f"in{before}", Spec(tags=PRIVATE, muxer=muxer, frames=6))
    target = transcoded(source, after)
    assert not any(secret.encode() in target.read_bytes() for secret in SECRETS)
    assert len(left_out(source, after)) >= len(PRIVATE)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_named_tags_are_kept_in_any_case_and_no_others(tmp_path: Path, suffix: str) -> None:
    muxer = {} if suffix == ".mkv" else MDTA
    source = make_clip(tmp_path / f"in{suffix}", Spec(tags=PRIVATE, muxer=muxer, frames=6))
    keep = (" Artist", "COM.Apple.QuickTime.make", "not there")
    after = tags_of(transcoded(source, keep_tags=keep))
    assert after["artist"] == "Anna Example"
    assert after["com.apple.quicktime.make"] == "Pentax"
    assert not set(after) & {"prompt", "workflow", "parameters", "comment", "location", "make"}
    assert not {tag.name.lower() for tag in left_out(source, keep=keep)} & {"artist"}


def test_a_listed_name_with_a_text_of_another_shape_is_left_out(tmp_path: Path) -> None:
    wrong = {"LANGUAGE": PROMPT, "TIMECODE": PROMPT, "VENDOR_ID": PROMPT, "NAME": PROMPT}
    source = make_clip(tmp_path / "in.mkv", Spec(tags=wrong, frames=6))
    assert b"skateboard" not in transcoded(source).read_bytes()
    assert left_out(source) == of_container(wrong)


def tagged_tracks(path: Path, **more: str) -> Path:
    """A clip whose tracks and chapters have tags of their own."""
    film = Film(path, **{"title": "Main", "language": "eng"} | more)
    chapter: Any = {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000)}
    film.out.set_chapters([chapter | {"metadata": {"title": "Opening", "comment": PROMPT}}])
    film.close()
    return path


def test_tags_of_tracks_and_chapters_are_sorted_too(tmp_path: Path) -> None:
    source = tagged_tracks(tmp_path / "in.mkv", comment=PROMPT, artist="Anna Example")
    target = transcoded(source)
    with av.open(str(target)) as media:
        assert media.streams[0].metadata["title"] == "Main"
        assert media.streams[0].metadata["language"] == "eng"
        assert [one["metadata"] for one in media.chapters()] == [{"title": "Opening"}]
    assert not any(secret.encode() in target.read_bytes() for secret in SECRETS)
    assert {(tag.place, tag.name.lower()) for tag in left_out(source)} == {
        ("track 0", "comment"),
        ("track 0", "artist"),
        ("chapters", "comment"),
    }


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_handlers_name_is_kept_only_where_it_says_nothing(tmp_path: Path, suffix: str) -> None:
    source = tagged_tracks(tmp_path / f"in{suffix}", handler_name="Pentax K-1 by Anna Example")
    assert not any(secret.encode() in transcoded(source).read_bytes() for secret in SECRETS)
    assert left_out(source) == {Tag("track 0", "handler_name")}
    plain = tagged_tracks(tmp_path / f"plain{suffix}")
    assert left_out(plain) == set()


def test_a_tag_that_the_container_has_no_room_for_is_named_though_it_was_asked_for(
    tmp_path: Path,
) -> None:
    source = tagged_tracks(tmp_path / "in.mkv", artist="Anna Example")
    assert Tag("track 0", "ARTIST") in left_out(source, ".mp4", ("artist",))
    assert Tag("track 0", "ARTIST") not in left_out(source, ".mkv", ("artist",))
    assert b"Anna Example" in transcoded(source, ".mkv", keep_tags=("artist",)).read_bytes()


XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
SPHERICAL = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


@pytest.mark.parametrize(
    ("parents", "added", "name"),
    [
        ((), box(b"uuid", XMP + PROMPT.encode()), "XMP"),
        ((b"moov",), box(b"uuid", XMP + PROMPT.encode()), "XMP"),
        ((b"moov", b"trak"), box(b"uuid", SPHERICAL + PROMPT.encode()), "spherical"),
        ((), box(b"uuid", b"sixteen bytes ok" + PROMPT.encode()), "uuid"),
        ((b"moov", b"trak"), box(b"udta", box(b"GPMF", PROMPT.encode())), "GPMF"),
        ((b"moov", b"udta"), box(b"Xtra", PROMPT.encode()), "Xtra"),
        ((b"moov", b"trak"), box(b"meta", bytes(4) + box(b"xml ", PROMPT.encode())), "xml"),
    ],
)
def test_boxes_that_the_demuxer_does_not_show_are_left_out_and_named(
    tmp_path: Path, parents: tuple[bytes, ...], added: bytes, name: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(tags={"title": "A clip"}, frames=6))
    with_box(source, parents, added)
    target = transcoded(source)
    assert b"skateboard" in source.read_bytes()
    assert b"skateboard" not in target.read_bytes()
    assert left_out(source) == {Tag("file", name)}
    assert left_out(target) == set()


def png_with_text() -> bytes:
    plain = cover_png()
    chunks = b""
    deflated = b"workflow\0\0" + zlib.compress(PROMPT.encode())
    for kind, body in ((b"tEXt", b"prompt\0" + GRAPH.encode()), (b"zTXt", deflated)):
        chunks += struct.pack(">I", len(body)) + kind + body
        chunks += zlib.crc32(kind + body).to_bytes(4, "big")
    return plain[:33] + chunks + plain[33:]


def with_cover(path: Path, cover: bytes) -> Path:
    film = Film(path)
    if path.suffix == ".mkv":
        film.out.add_attachment("a cat.png", "image/png", cover)
    else:
        picture = film.out.add_mux_stream("png", width=32, height=24)
        picture.disposition = Disposition.attached_pic
        packet: Any = av.Packet(cover)
        packet.stream, packet.time_base = picture, Fraction(1, 1000)
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        film.out.mux(packet)
    film.close()
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cover_is_left_out_or_kept_without_what_is_written_in_it(
    tmp_path: Path, suffix: str
) -> None:
    source = with_cover(tmp_path / f"in{suffix}", png_with_text())
    assert b"skateboard" in source.read_bytes()
    (tag,) = left_out(source)
    assert tag.name == "cover"
    with av.open(str(transcoded(source))) as media:
        assert len(media.streams) == 1
    kept = transcoded(source, keep_tags=("cover",))
    assert {tag.name for tag in left_out(source, keep=("cover",))} <= {"filename", "mimetype"}
    with av.open(str(kept)) as media:
        assert cover_png() in [bytes(packet) for packet in media.demux()]
    assert not {b"skateboard", b"workflow", b"a cat"} & {
        word for word in (b"skateboard", b"workflow", b"a cat") if word in kept.read_bytes()
    }


def test_attachments_are_left_out_unless_they_are_fonts(tmp_path: Path) -> None:
    font = b"\0\1\0\0" + bytes(60)
    source = with_attachment(tmp_path / "in.mkv", "f.ttf", "font/ttf", font)
    assert font in transcoded(source).read_bytes()
    disguised = with_attachment(tmp_path / "w.mkv", "f.ttf", "font/ttf", GRAPH.encode())
    assert b"skateboard" not in transcoded(disguised).read_bytes()
    assert left_out(disguised) == {Tag("track 1", "attachment")}
    assert b"skateboard" in transcoded(disguised, keep_tags=("attachment",)).read_bytes()


def with_data_track(path: Path, kind: bytes) -> Path:
    """A second track of timed data, made of a text track."""
    spec = Spec(frames=6, subtitles="mov_text")
    data = bytearray(make_clip(path, spec).read_bytes())
    handler = data.rindex(b"hdlr\0\0\0\0mhlrtext")
    data[handler + 12 : handler + 16] = b"meta"
    entry = data.index(b"stsd", handler) + 16
    data[entry : entry + 4] = kind
    path.write_bytes(data)
    return path


def test_data_tracks_are_left_out_unless_they_are_asked_for(tmp_path: Path) -> None:
    source = with_data_track(tmp_path / "in.mov", b"gpmd")
    assert b"caption 0" not in transcoded(source).read_bytes()
    assert left_out(source) == {Tag("track 1", "data")}
    assert b"caption 0" in transcoded(source, keep_tags=("data",)).read_bytes()


def test_a_data_track_that_could_not_be_kept_whole_is_refused_by_name(tmp_path: Path) -> None:
    source = with_data_track(tmp_path / "in.mov", b"mebx")
    assert left_out(source) == {Tag("track 1", "data")}
    transcoded(source)
    with pytest.raises(UsageError, match=r"track 1 of the input \(data track.*leave `data` out"):
        transcoded(source, keep_tags=("data",))


def test_tags_inside_the_header_of_vorbis_sound_are_sorted_too(tmp_path: Path) -> None:
    comments = [b"TITLE=Theme", b"ARTIST=Anna Example", b"COMMENT=" + GRAPH.encode()]
    source = vorbis_clip(tmp_path / "in.mkv", comments)
    assert all(one in source.read_bytes() for one in comments)
    target = transcoded(source)
    assert b"TITLE=Theme" in target.read_bytes()
    assert not any(secret.encode() in target.read_bytes() for secret in SECRETS)
    assert left_out(source) == {Tag("track 1", "ARTIST"), Tag("track 1", "COMMENT")}
    with av.open(str(target)) as media:
        assert sum(frame.samples for frame in media.decode(audio=0)) > 10_000


def test_the_header_of_subtitles_keeps_what_shows_them(tmp_path: Path) -> None:
    source = ass_clip(tmp_path / "in.mkv")
    assert b"Original Script" in source.read_bytes()
    target = transcoded(source)
    content = target.read_bytes()
    assert not any(secret.encode() in content for secret in SECRETS)
    assert b"hello" in content
    with av.open(str(target)) as media:
        context: Any = media.streams[1].codec_context
        assert bytes(context.extradata).decode().split("\r\n\r\n")[0].splitlines() == [
            *("[Script Info]", "Title: Captions", "PlayResX: 160", "ScriptType: v4.00+"),
            *("[V4+ Styles]", "Format: Name, Fontname, Fontsize", "Style: Default,Arial,20"),
            "[Events]",
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
        ]
    assert left_out(source) == {
        Tag("track 1", "Original Script"),
        Tag("track 1", "Aegisub Project Garbage"),
    }
