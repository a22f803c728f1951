"""Uploads that go on after a break, by somebody else's client and by hand."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tusclient.client import TusClient

from provenance import StampResult
from tests.integration.test_serve_hostile import PATIENCE, waited
from tests.serving import API, Answer, Served, served

UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
MORE = TUS | {"Content-Type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One with little patience and little room, that looks for no watermark."""
    flags = ("--patience", str(PATIENCE), "--max-upload", "1", "--per-minute", "1000")
    with served(tmp_path_factory.mktemp("desk"), *flags, "--places", "4") as one:
        yield one


def begun(desk: Served, length: int, name: str = "") -> str:
    """An upload's address."""
    said = {"Upload-Length": str(length)}
    if name:
        said["Upload-Metadata"] = f"filename {base64.b64encode(name.encode()).decode()},x"
    answer = desk.ask("POST", UPLOADS, b"", TUS | said)
    assert answer.status == 201, answer.text
    assert answer.headers["Upload-Expires"].endswith("GMT")
    return str(answer.headers["Location"])


def sent(desk: Served, where: str, offset: int, body: bytes) -> Answer:
    return desk.ask("PATCH", where, body, MORE | {"Upload-Offset": str(offset)})


def test_a_file_goes_in_piece_by_piece_by_somebody_elses_client(
    desk: Served, stamped: StampResult
) -> None:
    client = TusClient(f"http://127.0.0.1:{desk.port}{UPLOADS}")
    uploader = client.uploader(
        stamped.output_path, chunk_size=20_000, metadata={"filename": "../../é <b>.mp4"}
    )
    uploader.upload_chunk()  # type: ignore[no-untyped-call]  # the library says no types
    assert uploader.url is not None
    key = uploader.url.rpartition("/")[2]
    told = desk.ask("GET", f"{API}/{key}").json
    assert (told["state"], told["bytes"], told["name"]) == ("arriving", 20_000, "é <b>.mp4")
    again = client.uploader(stamped.output_path, chunk_size=20_000, url=uploader.url)
    assert again.offset == 20_000
    again.upload()
    done = desk.until(key, "done")
    assert done["bytes"] == Path(stamped.output_path).stat().st_size
    assert done["result"]["file"]["sha256"] == stamped.output_sha256
    assert client.uploader(stamped.output_path, url=uploader.url).offset == done["bytes"]
    assert desk.emptied()


def test_what_came_before_a_break_counts_and_what_comes_elsewhere_does_not(desk: Served) -> None:
    where = begun(desk, 300)
    with contextlib.closing(desk.connection()) as connection:
        connection.putrequest("PATCH", where)
        for name, value in (MORE | {"Upload-Offset": "0", "Content-Length": "300"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"1" * 100)
        assert connection.sock is not None
        waited("the first piece is there", lambda: any(one.stat().st_size for one in desk.files()))
    waited(
        "the break is noticed",
        lambda: desk.ask("HEAD", where, None, TUS).headers["Upload-Offset"] == "100",
    )
    assert sent(desk, where, 50, b"2" * 250).status == 409
    assert sent(desk, where, 100, b"2" * 250).status == 413
    assert sent(desk, where, 100, b"2" * 100).headers["Upload-Offset"] == "200"
    assert sent(desk, where, 200, b"3" * 100).status == 204
    key = where.rpartition("/")[2]
    assert desk.until(key, "refused")["bytes"] == 300
    assert sent(desk, where, 300, b"").status == 404
    assert desk.emptied()


def test_a_piece_that_stands_still_is_given_up_and_the_upload_goes_on(desk: Served) -> None:
    where = begun(desk, 1000)
    with contextlib.closing(desk.connection()) as connection:
        connection.putrequest("PATCH", where)
        for name, value in (MORE | {"Upload-Offset": "0", "Content-Length": "1000"}).items():
            connection.putheader(name, value)
        connection.endheaders(b"1" * 10)
        assert connection.getresponse().status == 408
    assert desk.ask("HEAD", where, None, TUS).headers["Upload-Offset"] == "10"
    assert desk.ask("DELETE", where, None, TUS).status == 204
    assert desk.ask("HEAD", where, None, TUS).status == 404
    assert desk.emptied()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "10"}, 412),
        (TUS, 400),
        (TUS | {"Upload-Length": "0"}, 400),
        (TUS | {"Upload-Length": "-1"}, 400),
        (TUS | {"Upload-Length": "1e3"}, 400),
        (TUS | {"Upload-Length": "9" * 40}, 413),
        (TUS | {"Upload-Length": str(2 * 1024**2)}, 413),
        (TUS | {"Upload-Length": "10", "Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_an_upload_that_can_not_be_is_refused_at_its_beginning(
    desk: Served, headers: dict[str, str], status: int
) -> None:
    assert desk.ask("POST", UPLOADS, b"", headers).status == status
    assert desk.files() == []


def test_uploads_that_were_begun_hold_places_like_any_other_file(desk: Served) -> None:
    two = [begun(desk, 100) for _ in range(2)]
    refused = desk.ask("POST", UPLOADS, b"", TUS | {"Upload-Length": "10"})
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1
    for where in two:
        assert desk.ask("DELETE", where, None, TUS).status == 204


def test_an_upload_goes_on_after_its_desk_was_killed_and_what_waited_is_examined(
    tmp_path: Path, stamped: StampResult
) -> None:
    content = Path(stamped.output_path).read_bytes()
    with served(tmp_path) as desk:
        where = begun(desk, len(content), "clip.mp4")
        assert sent(desk, where, 0, content[:5000]).status == 204
        waits = desk.hand_in(Path(stamped.output_path), "waits.mp4")
        desk.process.kill()
        desk.process.wait()
    with served(tmp_path) as again:
        assert sent(again, where, 5000, content[5000:]).status == 204
        for key in (waits, where.rpartition("/")[2]):
            told = again.until(key, "done")
            assert told["result"]["file"]["sha256"] == stamped.output_sha256
        assert again.emptied()


def test_what_the_protocol_offers_is_told(desk: Served) -> None:
    answer = desk.ask("OPTIONS", UPLOADS)
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(1024**2)
    assert answer.headers["Tus-Extension"] == "creation,expiration,termination"
