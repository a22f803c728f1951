"""Hostile use of the desk costs its sender an error, and nobody else anything."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring, StampResult
from tests.integration.test_serve import token_of
from tests.serving import API, Served, form, served

PATIENCE = 1.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One with little patience and little room, that looks for no watermark."""
    flags = ("--patience", str(PATIENCE), "--max-upload", "1", "--per-minute", "1000")
    with served(tmp_path_factory.mktemp("desk"), *flags, "--places", "4") as one:
        yield one


def begun(desk: Served, length: int, *, source: str = "127.0.0.1") -> socket.socket:
    """A connection with an upload that has begun and stands still."""
    made = socket.create_connection(("127.0.0.1", desk.port), 30, (source, 0))
    head = f"POST {API} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
    made.sendall(head.encode() + b"0" * 100)
    return made


def bomb() -> bytes:
    """A picture of a few kB that says it has 12 gigabytes of pixels."""
    head = struct.pack(">IIBBBBB", 64_000, 64_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def waited(what: str, true: object) -> None:
    """Wait a moment until something holds."""
    assert callable(true)
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def test_an_upload_that_stands_still_is_given_up_and_leaves_nothing(desk: Served) -> None:
    with contextlib.closing(begun(desk, 1000)) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert desk.emptied()


def test_an_upload_that_its_sender_breaks_off_leaves_nothing(desk: Served) -> None:
    connection = begun(desk, 1000)
    waited("it arrives", desk.files)
    connection.close()
    assert desk.emptied()


@pytest.mark.parametrize("declared", [True, False], ids=["by its length", "as it comes"])
def test_a_file_over_the_limit_is_refused(desk: Served, declared: bool) -> None:
    much = b"0" * (2 * 1024**2)
    with contextlib.closing(desk.connection()) as connection:
        if declared:
            connection.request("POST", API, much)
        else:
            connection.request("POST", API, iter([much]), encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 413
        assert b"too large" in answer.read()
    assert desk.emptied()


def test_a_form_over_the_limit_is_refused_on_a_page(desk: Served) -> None:
    token, cookie = token_of(desk)
    body, kind = form(b"0" * (2 * 1024**2), name="a.mp4", token=token)
    answer = desk.ask("POST", "/examine", body, cookie | {"Content-Type": kind})
    assert answer.status == 413
    assert answer.text.startswith("<!doctype html>")
    assert desk.emptied()


def test_a_name_is_shown_as_text_and_its_folders_are_not(desk: Served) -> None:
    token, cookie = token_of(desk)
    name = "../../etc/<img src=x onerror=alert(1)>.mp4"
    body, kind = form(b"no video", name=name, token=token)
    sent = desk.ask("POST", "/examine", body, cookie | {"Content-Type": kind})
    page = sent.headers["Location"]
    told = desk.until(page.rpartition("/")[2], "refused")
    assert told["name"] == "<img src=x onerror=alert(1)>.mp4"
    shown = desk.ask("GET", page).text
    assert "<img src=x" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;.mp4" in shown
    assert str(desk.uploads) not in shown
    assert desk.emptied()


@pytest.mark.parametrize("kind", ["text/html", "application/zip", "nonsense"])
def test_what_a_file_is_said_to_be_does_not_count(
    desk: Served, stamped: StampResult, kind: str
) -> None:
    content = Path(stamped.output_path).read_bytes()
    sent = desk.ask("POST", f"{API}?name=a.exe", content, {"Content-Type": kind})
    told = desk.until(sent.json["id"], "done")
    assert told["result"]["file"]["kind"] == "video"
    assert told["result"]["manifest"]["status"] == "valid"


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"GIF89a" + b"\0" * 50, b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
        *(b"PK\3\4" + b"\0" * 60, bomb()),
    ],
    ids=["empty", "a broken picture", "a playlist of this machine", "a broken archive", "a bomb"],
)
def test_what_is_no_video_is_refused_in_a_sentence(desk: Served, content: bytes) -> None:
    sent = desk.ask("POST", f"{API}?name=a.mp4", content)
    if not content:
        assert sent.status == 400
        return
    told = desk.until(sent.json["id"], "refused")
    assert told["result"]["verdict"] == "NOT_CHECKED"
    assert "a.mp4" in told["reason"]
    assert str(desk.uploads) not in told["reason"]
    assert desk.emptied()


def test_who_takes_half_of_the_places_is_told_to_wait_and_others_are_not(desk: Served) -> None:
    with contextlib.closing(begun(desk, 1000)), contextlib.closing(begun(desk, 1000)):
        waited("both arrive", lambda: len(desk.files()) == 2)
        refused = desk.ask("POST", API, b"no video")
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) >= 1
        other = desk.ask("POST", API, b"no video", source="127.0.0.2")
        assert other.status == 202
    assert desk.emptied()


def test_a_thousand_connections_of_one_address_leave_room_for_another(desk: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            made = socket.create_connection(("127.0.0.1", desk.port), 30, ("127.0.0.3", 0))
            stack.callback(made.close)
        began = time.monotonic()
        assert desk.ask("GET", "/healthz", source="127.0.0.4").status == 200
        assert time.monotonic() - began < PATIENCE * 5
        with pytest.raises((ConnectionError, TimeoutError)):
            desk.ask("GET", "/healthz", source="127.0.0.3")


def test_a_connection_that_asks_for_nothing_is_closed(desk: Served) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", desk.port), 30)) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        with contextlib.suppress(ConnectionError):
            assert silent.recv(100) == b""


def test_an_examination_can_be_cancelled_and_leaves_nothing(
    tmp_path: Path, keyring: Keyring, stamped: StampResult
) -> None:
    with served(tmp_path, "--keys", keyring.folder, "--workers", "1") as desk:
        first, second = (desk.hand_in(Path(stamped.output_path)) for _ in range(2))
        desk.until(first, "quick", "normal")
        for key in (first, second):
            assert desk.ask("DELETE", f"{API}/{key}").status == 204
            assert desk.ask("GET", f"{API}/{key}").status == 404
        assert desk.files() == []
        assert desk.until(desk.hand_in(Path(stamped.output_path)), "done")["result"]


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with served(tmp_path, "--per-minute", "2") as desk:
        answers = [desk.ask("POST", API, b"no video") for _ in range(3)]
        assert [one.status for one in answers] == [202, 202, 429]
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
        assert desk.ask("POST", API, b"no video", source="127.0.0.2").status == 202


def test_what_a_killed_desk_left_is_swept_by_the_next(tmp_path: Path) -> None:
    with served(tmp_path) as desk, contextlib.closing(begun(desk, 1000)):
        waited("it arrives", desk.files)
        desk.process.kill()
        desk.process.wait()
        assert desk.files()
    with served(tmp_path) as again:
        assert again.files() == []


def test_a_desk_that_is_closed_gives_up_what_it_examines_leaves_nothing_and_told_of_nobody(
    tmp_path: Path, keyring: Keyring, stamped: StampResult
) -> None:
    with served(tmp_path, "--keys", keyring.folder) as desk:
        key = desk.hand_in(Path(stamped.output_path), "a-name-of-its-own.mp4")
        assert desk.ask("POST", API, b"no video").status == 202
        code, said = desk.stop()
        assert code == 0, said
        assert desk.files() == []
        for secret in ("a-name-of-its-own", "127.0.0.1", key, stamped.stamp_id.hex):
            assert secret not in said
        for left in desk.uploads.iterdir():
            assert left.stat().st_mode & 0o077 == 0, left


def test_other_sites_and_other_names_get_nothing(desk: Served) -> None:
    token, cookie = token_of(desk)
    body, kind = form(b"no video", name="a.mp4", token=token)
    right = cookie | {"Content-Type": kind}
    for wrong in (
        {"Content-Type": kind},
        right | {"Cookie": "form=other"},
        right | {"Origin": "https://elsewhere.example"},
        right | {"Sec-Fetch-Site": "cross-site"},
    ):
        assert desk.ask("POST", "/examine", body, wrong).status == 403, wrong
    assert desk.ask("POST", API, b"x", {"Origin": "null"}).status == 403
    assert desk.ask("GET", "/", headers={"Host": "elsewhere.example"}).status == 421
    assert desk.emptied()


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/desk.js", "/api/v1/openapi.json"])
def test_every_answer_says_what_a_browser_may_do_with_it(desk: Served, path: str) -> None:
    headers = desk.ask("GET", path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
