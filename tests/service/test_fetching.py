"""Files by address come from hosts that were named, from nowhere private, and within limits."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from provenance import StampResult
from provenance.errors import ProvenanceError, StorageError, UsageError
from provenance.service.allowances import Allowances
from provenance.system.guarded import Guarded, is_public
from tests.conftest import Run
from tests.desk import Desk
from tests.integration.test_published_lists import Page
from tests.service.conftest import serving

API = "/api/v1/fetched"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(tmp_path)
    yield made
    made.stop()


def guarded(page: Page, *hosts: str, most: int = 10_000_000, idle: float = 20.0) -> Guarded:
    """What may connect to this machine's own address, and believes the page's certificate."""
    known = (urlsplit(page.url).netloc, *hosts)
    context = ssl.create_default_context(cafile=page.root)
    return Guarded(known, most, 30.0, idle, lambda one: one == "127.0.0.1", context)


def fetched(rules: Guarded, url: str) -> bytes:
    file = io.BytesIO()
    count = rules.fetch(url, file, threading.Event())
    assert count == len(file.getvalue())
    return file.getvalue()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        *((one, False) for one in ("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1")),  # noqa: S104
        *((one, False) for one in ("192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1")),
        *((one, False) for one in ("255.255.255.255", "::1", "::", "fe80::1%lo", "fd00::1")),
        *((one, False) for one in ("ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::")),
    ],
)
def test_only_addresses_of_the_public_internet_are_connected_to(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://known.example/a.mp4",
        "ftp://known.example/a.mp4",
        "file:///etc/passwd",
        "https://user:word@known.example/a.mp4",
        "https://unknown.example/a.mp4",
        "https://known.example.unknown.example/a.mp4",
        "https://known.example:8443/a.mp4",
        "https://known.example@unknown.example/",
        "https://known.example\\@unknown.example/",
        "https://known.example/a b",
        "https://known.example/a\r\nHost: other",
        "https://[::1/a",
        "https:///a",
        "",
    ],
)
def test_an_address_that_is_not_of_a_named_host_is_never_asked(url: str) -> None:
    rules = Guarded(["known.example"], 10, 10.0, 10.0, lambda _: pytest.fail("it was looked up"))
    with pytest.raises(UsageError):
        rules.check(url)
    with pytest.raises(UsageError):
        fetched(rules, url)


def test_a_name_that_leads_to_a_private_address_is_not_connected_to(page: Page) -> None:
    port = urlsplit(page.url).port
    rules = Guarded([f"localhost:{port}", f"127.0.0.1:{port}"], 100, 10.0, 10.0)
    for host in ("localhost", "127.0.0.1"):
        with pytest.raises(StorageError, match="not public"):
            fetched(rules, f"https://{host}:{port}/a.mp4")


def test_a_file_is_written_as_it_comes(page: Page) -> None:
    page.content = b"1" * 700_000
    assert fetched(guarded(page), page.url) == page.content


def test_redirects_are_held_to_the_same_rules(page: Page) -> None:
    page.content, page.code = b"moved", 302
    host = urlsplit(page.url).netloc
    for there, said in (
        ("https://elsewhere.example/", "not fetched from this host"),
        (f"http://{host}/", "over https"),
        ("https://192.168.0.1/", "not fetched from this host"),
        (page.url, "leads on and on"),
    ):
        page.redirect = there
        with pytest.raises(ProvenanceError, match=said):
            fetched(guarded(page), page.url)
    page.redirect = "https://192.168.0.1/"
    with pytest.raises(StorageError, match="not public"):
        fetched(guarded(page, "192.168.0.1"), page.url)


def test_what_is_too_large_or_no_file_is_refused_without_the_address(page: Page) -> None:
    page.content = b"1" * 1001
    with pytest.raises(StorageError, match="more than") as caught:
        fetched(guarded(page, most=1000), page.url)
    assert "secret" not in str(caught.value)
    page.content = b""
    with pytest.raises(StorageError, match="empty"):
        fetched(guarded(page), page.url)
    page.code = 404
    with pytest.raises(StorageError, match="answered 404"):
        fetched(guarded(page), page.url)


def test_a_certificate_that_is_not_good_and_a_host_that_says_nothing_are_refused(
    page: Page,
) -> None:
    strict = Guarded(guarded(page).hosts, 100, 10.0, 10.0, lambda _: True)
    with pytest.raises(StorageError, match="certificate is not good"):
        fetched(strict, page.url)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageError, match="too slow"):
            fetched(guarded(page, host, idle=0.2), f"https://{host}/a.mp4")


def test_a_desk_fetches_a_file_examines_it_and_leaves_nothing(
    desk: Desk, page: Page, tmp_path: Path, stamped: StampResult
) -> None:
    page.content = Path(stamped.output_path).read_bytes()
    with serving(desk, tmp_path / "up", Allowances(), guarded(page)) as client:
        begun = client.post(API, json={"url": page.url})
        assert begun.status_code == 202
        assert begun.json()["name"] == "list.json"
        told = ended(client.get, begun.headers["location"])
        assert told["state"] == "done"
        assert told["result"]["file"]["sha256"] == stamped.output_sha256
        page.code = 404
        told = ended(client.get, client.post(API, json={"url": page.url}).headers["location"])
        assert told["state"] == "refused"
        assert told["reason"].startswith("https://127.0.0.1")
        assert "secret" not in told["reason"]
        for wrong in ("https://elsewhere.example/a.mp4", "http://127.0.0.1/", "nonsense"):
            assert client.post(API, json={"url": wrong}).status_code == 422
        assert not [one for one in (tmp_path / "up").iterdir() if len(one.name) == 32]


def ended(get: Any, where: str) -> dict[str, Any]:
    end = time.monotonic() + 120
    while (told := get(where).json())["state"] not in ("done", "refused", "failed"):
        assert time.monotonic() < end, told
        time.sleep(0.1)
    return dict(told)


def test_a_desk_that_was_told_of_no_host_fetches_nothing(
    desk: Desk, tmp_path: Path, run: Run
) -> None:
    with serving(desk, tmp_path / "up", Allowances()) as client:
        assert client.post(API, json={"url": "https://known.example/"}).status_code in (404, 405)
    ran = run("serve", "--fetch-from", "https://known.example/", "--registry", "none")
    assert ran.code == 2
    assert "without https://" in ran.err
