"""Files that cannot be examined: one clear sentence each, and nothing outside them is touched."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from provenance.errors import InputError, UnreadableFileError, UnsupportedMediaError
from provenance.video import EncoderOptions, ReadStats, probe, read_luma, transcode
from tests.clips import Spec, copy, cover_png, make_clip
from tests.values import present

FAST = EncoderOptions(preset="ultrafast")


def read_all(path: Path) -> object:
    return [frame.time for frame in read_luma(path)]


def stamp_like(path: Path) -> object:
    return transcode(path, path.parent / "out", copy, FAST, container="mp4")


USES = [probe, read_all, stamp_like]


def refused(path: Path, kind: type[InputError], words: str) -> None:
    """Every way in refuses ``path`` with one sentence that holds ``words``."""
    for use in USES:
        with pytest.raises(kind) as caught:
            use(path)
        text = str(caught.value)
        assert words in text
        assert text.endswith(".")
        assert "\n" not in text
        assert text.count(". ") == 0
    assert not (path.parent / "out").exists()


def test_a_missing_file_a_folder_an_empty_file_and_a_pipe_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.mp4", UnreadableFileError, "does not exist")
    folder = tmp_path / "folder"
    folder.mkdir()
    refused(folder, UnreadableFileError, "is a folder")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    refused(empty, UnreadableFileError, "is empty")
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", UnreadableFileError, "is not a regular file")


@pytest.mark.parametrize("content", [b"hello\n" * 300, bytes(range(7, 256)) * 30])
def test_what_is_no_media_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    refused(path, UnreadableFileError, "is not a video or image file")


def test_an_mp4_without_its_index_is_called_truncated(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, UnreadableFileError, "truncated")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_file_without_its_end_is_read_as_far_as_it_goes_but_not_transcoded(
    tmp_path: Path, suffix: str
) -> None:
    muxer = {"movflags": "faststart"} if suffix == "mp4" else {}
    spec = Spec(frames=48, options={"g": "8"}, muxer=muxer)
    whole = make_clip(tmp_path / f"whole.{suffix}", spec).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    assert probe(path).truncated
    assert not probe(tmp_path / f"whole.{suffix}").truncated
    assert 8 <= len(list(read_luma(path))) < 48
    with pytest.raises(UnreadableFileError, match="truncated"):
        stamp_like(path)
    assert not (tmp_path / "out").exists()


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w", format="mp4") as out:
        stream: Any = out.add_stream("aac", rate=48000, layout="stereo")
        cover: Any = out.add_mux_stream("png", width=32, height=24)
        cover.disposition = av.stream.Disposition.attached_pic
        packet: Any = av.Packet(cover_png())
        packet.stream, packet.time_base = cover, Fraction(1, 1000)
        packet.pts = packet.dts = 0
        out.mux(packet)
        for at in range(0, 24000, 1024):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
            )
            frame.sample_rate, frame.pts = 48000, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    refused(path, UnsupportedMediaError, "no picture track")


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    muxer = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": key,
        "encryption_kid": key,
    }
    path = make_clip(tmp_path / "locked.mp4", Spec(muxer=muxer))
    refused(path, UnsupportedMediaError, "encrypted (DRM)")


def test_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "known.mp4").read_bytes()
    path = tmp_path / "unknown.mp4"
    path.write_bytes(data.replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    refused(path, UnsupportedMediaError, "codec this tool does not know")


def test_a_gigantic_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(tag: bytes, body: bytes) -> bytes:
        check = zlib.crc32(tag + body)
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    refused(path, UnreadableFileError, "above 64 megapixels")


def test_an_image_is_not_transcoded(tmp_path: Path) -> None:
    (tmp_path / "shot.png").write_bytes(cover_png())
    assert probe(tmp_path / "shot.png").kind == "image"
    with pytest.raises(UnsupportedMediaError, match="is an image"):
        stamp_like(tmp_path / "shot.png")


def test_a_second_picture_track_is_refused_because_it_would_stay_unmarked(tmp_path: Path) -> None:
    one = make_clip(tmp_path / "one.mp4")
    path = tmp_path / "two.mp4"
    with av.open(str(one)) as source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        made = [out.add_stream_from_template(stream, opaque=True) for _ in range(2)]
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            for target in made:
                twin: Any = av.Packet(bytes(packet))
                twin.pts, twin.dts, twin.time_base = packet.pts, packet.dts, packet.time_base
                twin.is_keyframe, twin.stream = packet.is_keyframe, target
                out.mux(twin)
    with pytest.raises(UnsupportedMediaError, match="2 picture tracks"):
        stamp_like(path)


@pytest.mark.parametrize("number", [0, 1, 12, 30, 47])
@pytest.mark.parametrize("how", ["noise", "zeros"])
def test_a_damaged_frame_is_skipped_in_reading_and_stops_transcoding(
    tmp_path: Path, number: int, how: str
) -> None:
    whole = make_clip(tmp_path / "whole.mp4", Spec(frames=48, options={"g": "12"}, audio=("eng",)))
    with av.open(str(whole)) as media:
        at, size = [(present(p.pos), p.size) for p in media.demux(video=0) if p.size][number]
    data = bytearray(whole.read_bytes())
    noise = np.random.default_rng(number).integers(0, 256, size - 4, dtype=np.uint8).tobytes()
    data[at + 4 : at + size] = noise if how == "noise" else bytes(size - 4)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    stats = ReadStats()
    assert 30 <= len(list(read_luma(path, stats=stats))) <= 48
    with pytest.raises(UnreadableFileError, match=r"is damaged (near|at its beginning)"):
        stamp_like(path)


class Listener:
    """A port on this machine, and a question: did anyone connect?"""

    def __init__(self, server: socket.socket) -> None:
        self.server, self.port = server, server.getsockname()[1]

    def __call__(self) -> bool:
        try:
            self.server.accept()[0].close()
        except TimeoutError:
            return False
        return True


@pytest.fixture
def listener() -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        yield Listener(server)


PLAYLISTS = {
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n",
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n",
    "concat.mp4": "ffconcat version 1.0\nfile '{url}'\n",
    "concat.ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "dash.mpd": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        '<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "session.sdp": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    ),
}
WORDS = {"hls": "is a playlist (HLS)", "dash": "is a playlist (DASH)"}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_never_connects_anywhere(tmp_path: Path, name: str, listener: Listener) -> None:
    path = tmp_path / name
    url = f"http://127.0.0.1:{listener.port}/a.ts"
    path.write_text(PLAYLISTS[name].replace("{url}", url))
    refused(path, UnreadableFileError, WORDS.get(path.stem, "is not a video or image file"))
    assert not listener()


@pytest.mark.parametrize("name", ["hls.mp4", "hls.m3u8", "concat.mp4", "concat.ffconcat"])
def test_a_playlist_never_opens_another_file(tmp_path: Path, name: str) -> None:
    other = make_clip(tmp_path / "other.mp4")
    path = tmp_path / name
    path.write_text(PLAYLISTS[name].replace("{url}", other.name))
    refused(path, UnreadableFileError, WORDS.get(path.stem, "is not a video or image file"))


def test_the_listener_would_notice_a_connection(listener: Listener) -> None:
    with socket.create_connection(("127.0.0.1", listener.port)):
        assert listener()


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    named = clip.rename(tmp_path / "picture%03d.jpg")
    assert probe(named).kind == "video"
    assert len(list(read_luma(named))) == 24
