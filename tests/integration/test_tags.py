"""What a clip says beside its picture: kept by a list, left out by name, never the prompt."""

from __future__ import annotations

import json
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

import provenance
from provenance import Keyring, hash_prompt, trace_prompt
from provenance.errors import PromptExposedError, PromptTagsError, UsageError
from provenance.manifest import Trust
from provenance.results import Tag
from provenance.video import EncoderOptions, container_for, foresee, transcode
from tests.boxes import box
from tests.clips import Spec, copy, cover_png, make_clip, video_frame
from tests.conftest import Run, stamp_clip

PROMPT = "a cat on a skateboard in golden light"
GRAPH = json.dumps(
    {
        "3": {"class_type": "KSampler", "inputs": {"positive": ["6", 0], "negative": ["7", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry"}},
    }
)
SECRETS = ("skateboard", "48.1", "Pentax", "Anna Example")
PRIVATE = {
    "prompt": GRAPH,
    "workflow": json.dumps({"nodes": [], "extra": PROMPT}),
    "parameters": f"{PROMPT}\nSteps: 20",
    "comment": json.dumps({"prompt": GRAPH}),
    "location": "+48.1000+011.5000/",
    "make": "Pentax",
    "artist": "Anna Example",
    "com.apple.quicktime.make": "Pentax",
    "com.apple.quicktime.location.ISO6709": "+48.1000+011.5000+500/",
}
KEPT = {"title": "A clip", "creation_time": "2024-05-06T07:08:09.000000Z"}
MDTA = {"movflags": "use_metadata_tags"}
FAST = EncoderOptions(preset="ultrafast")
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


def tags_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as media:
        return {name.lower(): text for name, text in media.metadata.items()}


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


class Film:
    """An open file to write, with a picture track that is filled in at the end."""

    def __init__(self, path: Path, **tags: str) -> None:
        form = {".mkv": "matroska"}.get(path.suffix, path.suffix[1:])
        self.out = av.open(str(path), "w", format=form)
        self.picture: Any = self.out.add_stream("libx264", rate=24)
        self.picture.width, self.picture.height, self.picture.pix_fmt = 160, 120, "yuv420p"
        self.picture.metadata.update(tags)

    def close(self) -> None:
        for index in range(6):
            frame = video_frame(Spec(), index)
            frame.pts = index
            self.out.mux(self.picture.encode(frame))
        self.out.mux(self.picture.encode())
        self.out.close()


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


def with_attachment(path: Path, name: str, mime: str, content: bytes) -> Path:
    film = Film(path)
    film.out.add_attachment(name, mime, content)
    film.close()
    return path


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


def vorbis_clip(path: Path, comments: list[bytes]) -> Path:
    """Vorbis sound whose own header holds tags, as encoders write them."""
    plain = path.with_stem("plain")
    with av.open(str(plain), "w", format="matroska") as out:
        sound: Any = out.add_stream("vorbis", rate=48000, layout="stereo")
        sound.codec_context.options = {"strict": "-2"}
        for start in range(0, 12_000, 1024):
            tone: Any = av.AudioFrame.from_ndarray(
                np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
            )
            tone.sample_rate, tone.pts, tone.time_base = 48000, start, Fraction(1, 48000)
            out.mux(sound.encode(tone))
        out.mux(sound.encode())
    film = Film(path)
    with av.open(str(plain)) as media:
        made = film.out.add_stream_from_template(media.streams.audio[0], opaque=True)
        private = bytes(media.streams.audio[0].codec_context.extradata or b"")
        body = b"".join(len(one).to_bytes(4, "little") + one for one in comments)
        header = b"\x03vorbis" + bytes(4) + len(comments).to_bytes(4, "little") + body + b"\1"
        setup = private[private.index(b"\x05vorbis") :]
        lacing = b"\xff" * (len(header) // 255) + bytes((len(header) % 255,))
        made.codec_context.extradata = b"\x02\x1e" + lacing + private[3:33] + header + setup
        for packet in media.demux():
            if packet.dts is not None:
                packet.stream = made
                film.out.mux(packet)
    film.close()
    return path


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


ASS = """[Script Info]
; Script generated by Aegisub, Anna Example
Title: Captions
Original Script: Anna Example
PlayResX: 160
ScriptType: v4.00+

[Aegisub Project Garbage]
Video File: C:/Anna Example/a cat on a skateboard.mp4

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:00.20,Default,,0,0,0,,hello
"""


def ass_clip(path: Path, script: str = ASS) -> Path:
    """A clip with subtitles whose header an editor wrote."""
    text = path.with_suffix(".ass")
    text.write_text(script, encoding="utf-8")
    film = Film(path)
    with av.open(str(text)) as media:
        made = film.out.add_stream_from_template(media.streams[0])
        for packet in media.demux():
            if packet.dts is not None:
                packet.stream = made
                film.out.mux(packet)
    film.close()
    return path


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


# Stamping


CLIP = Spec(size=(240, 160), frames=24, tags=PRIVATE | KEPT, muxer=MDTA, audio=("eng",))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as a generator writes it."""
    return make_clip(tmp_path_factory.mktemp("generated") / "in.mp4", CLIP)


def test_a_clip_is_stamped_without_its_prompt_and_the_prompt_is_hashed_from_its_tags(
    run: Run, generated: Path, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    words = ("--model-name", "M", "--model-version", "1", "--preset", "ultrafast")
    keys = ("--keys", keyring.folder, "--registry", "none")
    out = tmp_path / "out.mp4"
    ran = run("stamp", generated, out, *words, *keys, "--prompt-from-tags", "--json")
    assert ran.code == 0, ran.err
    names = {one["name"] for one in ran.row["tags"]["left_out"]}
    assert names >= {"prompt", "workflow", "parameters", "comment", "artist"}
    assert {"place": "container", "name": "title"} in ran.row["tags"]["kept"]
    assert not any(secret in ran.out + ran.err for secret in SECRETS)
    assert not any(secret.encode() in out.read_bytes() for secret in SECRETS)
    report = provenance.verify(out, watermark_keys=keyring.watermark_keys, trust=trust)
    assert report.manifest.prompt_hash == hash_prompt(PROMPT, keyring.prompt_key)
    assert provenance.prompt_from_tags(generated) == PROMPT


@pytest.mark.parametrize(
    ("options", "code", "place"),
    [
        (["--keep-tags", "Artist,PROMPT"], 3, "prompt"),
        (["--keep-tags", "comment"], 3, "comment"),
        (["--title", "A Cat on a Skateboard, in golden light"], 2, "the title"),
    ],
)
def test_a_prompt_that_would_be_published_is_refused_before_any_work(
    run: Run,
    generated: Path,
    keyring: Keyring,
    tmp_path: Path,
    *,
    options: Any,
    code: int,
    place: str,
) -> None:
    (tmp_path / "p.txt").write_text(f"  {PROMPT.upper()}\n")
    words = ("--model-name", "M", "--model-version", "1", "--prompt-file", tmp_path / "p.txt")
    keys = ("--keys", keyring.folder, "--registry", "none")
    ran = run("stamp", generated, tmp_path / "out.mp4", *words, *keys, *options)
    assert ran.code == code
    assert place in ran.err
    assert "keyring" not in ran.err
    assert not any(secret in (ran.out + ran.err) for secret in SECRETS)
    assert "golden" not in (ran.out + ran.err).lower()
    assert not (tmp_path / "out.mp4").exists()


def traced(keyring: Keyring, prompt: str = PROMPT) -> dict[str, Any]:
    return {
        "prompt_hash": hash_prompt(prompt, keyring.prompt_key),
        "prompt_trace": trace_prompt(prompt, keyring.prompt_key),
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda p: make_clip(p / "in.mkv", Spec(tags={"title": PROMPT})),
        lambda p: make_clip(p / "in.mp4", Spec(title=json.dumps(PROMPT))),
        lambda p: make_clip(p / "in.mkv", Spec(audio=("eng",), audio_title=PROMPT)),
        lambda p: with_attachment(
            p / "in.mkv", "f.ttf", "font/ttf", b"OTTO" + PROMPT.encode("utf-16-be")
        ),
        lambda p: with_attachment(p / "in.mkv", f"{PROMPT}.ttf", "font/ttf", b"OTTO1234"),
        lambda p: vorbis_clip(p / "in.mkv", [f"TITLE={PROMPT}".encode()]),
        lambda p: ass_clip(p / "in.mkv", ASS.replace("Style: Default", f"Style: {PROMPT}")),
    ],
    ids=["title", "track", "sound", "font", "font's name", "vorbis", "subtitles"],
)
def test_the_prompt_is_looked_for_in_everything_that_is_kept(
    make: Any, keyring: Keyring, tmp_path: Path
) -> None:
    source = make(tmp_path)
    with pytest.raises(PromptExposedError) as caught:
        stamp_clip(source, tmp_path / "out.mkv", keyring, **traced(keyring))
    assert "skateboard" not in str(caught.value)


def test_the_prompt_in_a_chapters_title_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(chapters=True))
    with pytest.raises(PromptExposedError, match="chapters"):
        stamp_clip(source, tmp_path / "o.mp4", keyring, **traced(keyring, "the chase"))


def test_the_prompt_in_the_outputs_name_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec())
    for name, prompt in (("cat.mp4", "Cat"), ("a_cat_on_a_skateboard_in_0001.mp4", PROMPT)):
        with pytest.raises(UsageError, match="stands in the"):
            stamp_clip(source, tmp_path / name, keyring, title="x", **traced(keyring, prompt))


def test_the_prompt_in_the_inputs_own_manifest_is_refused(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    signed = tmp_path / "signed.mp4"
    stamp_clip(clip, signed, keyring, title=PROMPT)
    with pytest.raises(PromptExposedError, match="manifest that the clip carries"):
        stamp_clip(signed, tmp_path / "o.mp4", keyring, **traced(keyring))


def test_a_signed_inputs_file_name_is_not_published(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    signed, out = tmp_path / "Anna Example.mp4", tmp_path / "out.mp4"
    stamp_clip(clip, tmp_path / "first.mp4", keyring)
    (tmp_path / "first.mp4").rename(signed)
    stamp_clip(signed, out, keyring)
    assert b"Anna Example" not in out.read_bytes()
    assert b"source clip" in out.read_bytes()


def test_a_trace_under_another_prompt_key_is_no_check_and_is_refused(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    other = provenance.init_keyring(tmp_path / "k", "Another Studio")
    with pytest.raises(provenance.ServiceError, match="does not hold the prompt key"):
        stamp_clip(clip, tmp_path / "o.mp4", keyring, **traced(other))


def test_a_clip_without_a_prompt_in_its_tags_needs_it_given(clip: Path) -> None:
    with pytest.raises(PromptTagsError, match=r"clip\.mp4 holds no prompt"):
        provenance.prompt_from_tags(clip)


def test_tags_that_are_called_by_a_text_or_by_the_prompt_are_counted_and_not_named(
    keyring: Keyring, tmp_path: Path
) -> None:
    tags = {PROMPT: "1", "com.example.a long name, in a sentence of its own": "2"}
    source = make_clip(tmp_path / "in.mp4", Spec(size=(240, 160), tags=tags, muxer=MDTA))
    result = stamp_clip(source, tmp_path / "o.mp4", keyring, encoder=FAST, **traced(keyring))
    assert [tag.name for tag in result.tags_left_out] == ["(a name that is not shown)"]
    source = make_clip(tmp_path / "in.mkv", Spec(tags={PROMPT: "1"}))  # with _ for each space
    keep = tuple(tags_of(source))
    with pytest.raises(PromptExposedError) as caught:
        stamp_clip(source, tmp_path / "o.mkv", keyring, keep_tags=keep, **traced(keyring))
    assert "skateboard" not in str(caught.value)
