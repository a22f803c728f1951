"""Files made to harm: broken at random, or pointing at something else."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from provenance import Keyring, Trust, verify
from provenance.errors import InputError
from tests.clips import Spec, make_clip
from tests.conftest import ROOT, environment


def test_a_short_run_of_the_fuzzer_finds_nothing_wrong() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "fuzz_verify", "--count", "60", "--full", "30"],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert sum(int(count) for count, name in counted if name.startswith(("verdict", "refus"))) == 60


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A web server that serves a clip to everybody, and whom it served."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()


def referring(kind: str, url: str, secret: Path, folder: Path) -> Path:
    """A file that has a careless reader open something else: a server, or another file."""
    name = f"file.{'mp4' if 'mp4' in kind else kind.split(maxsplit=1)[0]}"
    path = folder / name
    texts = {
        "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
        f"#EXTINF:1,\n{url}/a.ts\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\nfile '{url}/a.mp4'\n",
        "mpd": f'<?xml version="1.0"?><MPD><BaseURL>{url}/</BaseURL></MPD>',
        "sdp": f"v=0\nc=IN IP4 127.0.0.1\nm=video {url[-5:]} RTP/AVP 96\n",
        "svg": f'<svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="{url}/a.png"/></svg>',
        "asx": f'<asx version="3.0"><entry><ref href="{url}/a.asf"/></entry></asx>',
    }
    base = kind.split(maxsplit=1)[0]
    path.write_text(texts[base])
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "m3u8",
        "m3u8 as mp4",
        "ffconcat",
        "ffconcat as mp4",
        "mpd",
        "mpd as mp4",
        "sdp",
        "svg",
        "asx",
    ],
)
def test_a_file_that_points_elsewhere_opens_nothing_else(  # noqa: PLR0917 - fixtures
    kind: str,
    asked: tuple[str, list[str]],
    keyring: Keyring,
    trust: Trust,
    clip: Path,
    tmp_path: Path,
) -> None:
    url, seen = asked
    path = referring(kind, url, clip, tmp_path)
    try:
        report = verify(path, trust=trust, watermark_keys=keyring.watermark_keys)
    except InputError:
        pass
    else:
        # Had it followed the reference, the clip's 36 frames of moving texture would be there.
        assert report.watermark.status in ("absent", "not_checked")
        assert report.file.kind != "video"
    assert seen == []


def test_the_traps_of_these_tests_would_spring(
    asked: tuple[str, list[str]], clip: Path, tmp_path: Path
) -> None:
    """A reader without the guards asks the server, so a breach would show."""
    url, seen = asked
    path = referring("m3u8", url, clip, tmp_path)
    careless = {"protocol_whitelist": "file,http,tcp", "extension_picky": "0"}
    with contextlib.suppress(av.error.FFmpegError):
        av.open(str(path), container_options=careless)
    assert seen


def lying_outside(folder: Path, entry: bytes) -> Path:
    """A mov whose track has its data where ``entry`` says, a data reference without its length."""
    data = make_clip(folder / "inside.mov", Spec(frames=8)).read_bytes()
    entry = (len(entry) + 4).to_bytes(4, "big") + entry
    start, ways = 0, []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = data.index(name, start)
        ways.append(start - 4)
    end = ways[-1] + int.from_bytes(data[ways[-1] : ways[-1] + 4], "big")
    own = data[start + 12 : end]  # behind version, flags and count: "in this file"
    assert own[4:] == b"url \0\0\0\x01"
    made = bytearray(data[: start + 12] + entry + data[end:])
    for at in ways:
        length = int.from_bytes(made[at : at + 4], "big") + len(entry) - len(own)
        made[at : at + 4] = length.to_bytes(4, "big")
    path = folder / "outside.mov"
    path.write_bytes(made)
    return path


def alias(target: Path) -> bytes:
    """A data reference to a file in the same folder, as the Macintosh wrote it."""
    name = str(target).encode()
    levels = b"\0\x01\0\x01"  # one up from here, one down to the target
    written = b"\0\x02" + len(name).to_bytes(2, "big") + name + b"\0" * (len(name) % 2)
    fixed = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + levels + bytes(16)
    return b"alis" + bytes(4) + fixed + written + b"\xff\xff\0\0"


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[tuple[Path, threading.Event]]:
    """A pipe, and whether anybody opened it: nobody gets past that before it is noticed."""
    pipe, opened, over = tmp_path / "pipe.mov", threading.Event(), threading.Event()
    os.mkfifo(pipe)

    def watch() -> None:
        while not over.wait(0.005):
            with contextlib.suppress(OSError):  # which says that nobody reads
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
                opened.set()

    thread = threading.Thread(target=watch)
    thread.start()
    yield pipe, opened
    over.set()
    thread.join()


def test_a_track_that_lies_in_another_file_is_not_followed(
    trap: tuple[Path, threading.Event], keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    pipe, opened = trap
    path = lying_outside(tmp_path, alias(pipe))
    with pytest.raises(InputError, match="No picture could be decoded"):
        verify(path, trust=trust, watermark_keys=keyring.watermark_keys)
    assert not opened.is_set()
    # A careless reader does follow it.
    with contextlib.suppress(av.error.FFmpegError):
        av.open(str(path), options={"enable_drefs": "1"})
    assert opened.is_set()


def test_a_track_that_lies_on_a_server_is_not_asked_for(
    asked: tuple[str, list[str]], keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    url, seen = asked
    path = lying_outside(tmp_path, b"url " + bytes(4) + f"{url}/track.mov".encode() + b"\0")
    verify(path, trust=trust, watermark_keys=keyring.watermark_keys)
    assert seen == []


def test_a_manifest_that_lies_on_a_server_is_not_fetched(
    asked: tuple[str, list[str]], trust: Trust, tmp_path: Path
) -> None:
    url, seen = asked
    path = tmp_path / "remote.jpg"
    packet = (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="'
        + url.encode()
        + b'/manifest.c2pa"></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
    cv2.imwrite(str(path), np.full((160, 160, 3), 90, np.uint8))
    plain = path.read_bytes()
    head = b"http://ns.adobe.com/xap/1.0/\0" + packet
    segment = b"\xff\xe1" + (len(head) + 2).to_bytes(2, "big") + head
    path.write_bytes(plain[:2] + segment + plain[2:])
    report = verify(path, trust=trust)
    assert report.manifest.status == "not_checked"
    assert "server, which was not asked" in str(report.manifest.reason)
    assert seen == []


def test_a_pipe_is_refused_and_not_waited_for(trust: Trust, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="not a regular file"):
        verify(pipe, trust=trust)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s.mp4"))
        with pytest.raises(InputError, match="not a regular file"):
            verify(tmp_path / "s.mp4", trust=trust)


def test_a_file_with_too_many_tracks_is_refused(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("libx264", rate=24) for _ in range(130)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for stream in streams:
            frame = av.VideoFrame(64, 64, "yuv420p")
            out.mux(stream.encode(frame))
            out.mux(stream.encode())
    with pytest.raises(InputError, match="130 tracks"):
        verify(path, trust=trust)
