"""Object storage, against real servers: whole or not at all, and never over something else."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import StorageError, UnreadableFileError, UsageError
from provenance.system.storage import Place, fetched, place_in, published, stored
from tests.conftest import ROOT, entries
from tests.stores import Bucket, Proxy, child_environment, lead_to, running_gs, running_s3

BIG = 20 * 1024 * 1024
"""Three parts of an upload."""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with running_s3() as port:
        yield port


@pytest.fixture
def bucket(server: int, monkeypatch: pytest.MonkeyPatch, request: Any) -> Bucket:
    """A bucket of the test's own, and this process led to it."""
    lead_to(monkeypatch, server)
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    bucket = Bucket(name, server)
    bucket.client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return bucket


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_gs(tmp_path_factory.mktemp("gs")) as address:
        before = os.environ.get("STORAGE_EMULATOR_HOST")
        os.environ["STORAGE_EMULATOR_HOST"] = address
        yield
        del os.environ["STORAGE_EMULATOR_HOST"]
        assert before is None


def written(folder: Path, content: bytes, name: str = "clip.mp4") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def big(folder: Path) -> Path:
    return written(folder, os.urandom(1024 * 1024) * (BIG // 1024 // 1024), "big.mp4")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def s3(bucket: Bucket, key: str) -> Place:
    return Place.of(f"s3://{bucket.name}/{key}")


def test_a_file_goes_up_and_comes_back_whole(bucket: Bucket, tmp_path: Path) -> None:
    target = place_in(f"s3://{bucket.name}/out/", "day 1/clip ü?#.mp4")
    done = published(written(tmp_path, b"abc"), target)
    assert (done.place, done.sha256, done.size) == (target, sha256(b"abc"), 3)
    assert bucket.keys() == ["out/day 1/clip ü?#.mp4"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    here = fetched(target, scratch)
    assert (here.sha256, here.size) == (sha256(b"abc"), 3)
    assert here.place.path == scratch / "clip ü?#.mp4"
    assert stored(target) == done
    assert stored(s3(bucket, "none.mp4")) is None


def test_what_is_there_is_replaced_only_when_asked(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.mp4", b"precious")
    mine = written(tmp_path, b"abc")
    with pytest.raises(UsageError, match="exists already"):
        published(mine, s3(bucket, "a.mp4"))
    assert bucket.get("a.mp4") == b"precious"
    published(mine, s3(bucket, "a.mp4"), overwrite=True)
    assert bucket.get("a.mp4") == b"abc"
    again = published(mine, s3(bucket, "a.mp4"))
    assert again.sha256 == sha256(b"abc"), "the same content counts as done"


def test_of_two_that_publish_at_once_one_wins(bucket: Bucket, tmp_path: Path) -> None:
    """Both find nothing there; the store itself refuses the second."""
    from provenance.system.storage.stores import Store  # noqa: PLC0415 - what lies below

    first, second = written(tmp_path, b"first", "1"), written(tmp_path, b"second", "2")
    Store(s3(bucket, "a.mp4")).put(str(first), create=True)
    with pytest.raises(FileExistsError):
        Store(s3(bucket, "a.mp4")).put(str(second), create=True)
    assert bucket.get("a.mp4") == b"first"


def test_a_sidecar_is_there_before_its_media_and_not_without(
    bucket: Bucket, tmp_path: Path
) -> None:
    media, sidecar = written(tmp_path, b"media"), written(tmp_path, b"c2pa", "clip.c2pa")
    published(media, s3(bucket, "a.mkv"), sidecar=sidecar)
    assert bucket.keys() == ["a.mkv", "a.mkv.c2pa"]
    bucket.put("b.mkv", b"other")
    with pytest.raises(UsageError):
        published(media, s3(bucket, "b.mkv"), sidecar=sidecar)
    assert "b.mkv.c2pa" not in set(bucket.keys())


def test_a_large_file_goes_up_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    done = published(big(tmp_path), s3(bucket, "big.mp4"))
    assert done.size == BIG
    assert bucket.client.head_object(Bucket=bucket.name, Key="big.mp4")["ETag"].endswith('-3"')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert fetched(done.place, scratch).sha256 == done.sha256


def test_a_killed_upload_leaves_nothing_visible(bucket: Bucket, tmp_path: Path) -> None:
    path = big(tmp_path)
    code = (
        "import sys; from pathlib import Path; from provenance.system.storage import *\n"
        "published(Path(sys.argv[1]), Place.of(sys.argv[2]))"
    )
    with Proxy(bucket.port, BIG // 2, upstream=True, cut=False) as proxy:
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(path), f"s3://{bucket.name}/big.mp4"],
            env=child_environment(proxy.port),
            cwd=ROOT,
        )
        assert proxy.reached.wait(30)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert bucket.uploads() == 1
    assert bucket.keys() == []
    assert published(path, s3(bucket, "big.mp4")).size == BIG


def test_an_upload_whose_connection_breaks_can_be_tried_again(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = big(tmp_path)
    with Proxy(bucket.port, BIG // 2, upstream=True, cut=True) as proxy:
        lead_to(monkeypatch, proxy.port)
        with pytest.raises(StorageError, match="can't be reached") as caught:
            published(path, s3(bucket, "big.mp4"))
    assert caught.value.retryable
    assert bucket.keys() == []


def test_a_download_whose_connection_breaks_leaves_no_file(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(big(tmp_path), s3(bucket, "big.mp4"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Proxy(bucket.port, BIG // 2, upstream=False, cut=True) as proxy:
        lead_to(monkeypatch, proxy.port)
        with pytest.raises(StorageError) as caught:
            fetched(s3(bucket, "big.mp4"), scratch)
    assert caught.value.retryable
    assert entries(scratch) == []


def test_what_is_missing_forbidden_or_unreachable_is_told_apart(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadableFileError, match="does not exist"):
        fetched(s3(bucket, "none.mp4"), tmp_path)
    mine = written(tmp_path, b"abc")
    with pytest.raises(StorageError, match="bucket does not exist") as caught:
        published(mine, Place.of("s3://no-such-bucket-here/a.mp4"))
    assert not caught.value.retryable
    bucket.put("locked/a.mp4", b"abc")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    statement["Resource"] = f"arn:aws:s3:::{bucket.name}/locked/*"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=policy)
    with pytest.raises(StorageError, match="may not be read") as caught:
        fetched(s3(bucket, "locked/a.mp4"), tmp_path)
    assert not caught.value.retryable
    lead_to(monkeypatch, 9)  # the port of the discard service: nobody listens
    attempts: tuple[Callable[[], object], ...] = (
        lambda: fetched(s3(bucket, "locked/a.mp4"), tmp_path),
        lambda: published(mine, s3(bucket, "b.mp4")),
    )
    for attempt in attempts:
        with pytest.raises(StorageError, match="can't be reached") as caught:
            attempt()
        assert caught.value.retryable
        assert pickle.loads(pickle.dumps(caught.value)).retryable  # noqa: S301 - our own
    assert entries(tmp_path) == ["clip.mp4"]


def test_no_credentials_are_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StorageError, match="check the credentials") as caught:
        fetched(s3(bucket, "a.mp4"), tmp_path)
    assert not caught.value.retryable


def test_a_file_over_the_limit_is_not_copied(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a.mp4", b"x" * 2000)
    with pytest.raises(UnreadableFileError, match=r"2\.0 kB, more than the 1\.0 kB"):
        fetched(s3(bucket, "a.mp4"), tmp_path, max_bytes=1000)
    assert entries(tmp_path) == []
    local = written(tmp_path, b"x" * 2000)
    with pytest.raises(UnreadableFileError, match="more than"):
        fetched(Place.of(local), tmp_path, max_bytes=1000)


@pytest.mark.parametrize("key", [".hidden.mp4", "a\\b.mp4", "x" * 300 + ".mp4"])
def test_a_name_that_is_no_good_here_gets_another(bucket: Bucket, tmp_path: Path, key: str) -> None:
    bucket.put(key, b"abc")
    assert fetched(s3(bucket, key), tmp_path).place.path.name == "input.mp4"


def test_local_places_and_file_urls_are_the_same(tmp_path: Path) -> None:
    mine = written(tmp_path, b"abc", "a b.mp4")
    url = Place.of(f"file://{tmp_path}/a%20b.mp4")
    assert fetched(url, tmp_path).place == Place.of(mine)
    (tmp_path / "out").mkdir()
    target = place_in(str(tmp_path / "out"), "c.mp4")
    assert published(mine, target).sha256 == sha256(b"abc")
    with pytest.raises(UsageError, match="exists already"):
        published(mine, target)
    published(mine, place_in(f"file://{tmp_path}/out", "d.mkv"), sidecar=mine)
    assert entries(tmp_path / "out") == ["c.mp4", "d.mkv", "d.mkv.c2pa"]
    assert stored(Place.of(tmp_path / "none")) is None
    with pytest.raises(UnreadableFileError):
        fetched(Place.of(tmp_path / "none"), tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UnreadableFileError, match="no regular file"):
            fetched(Place.of(name), tmp_path)


def test_google_cloud_storage_works_alike(google: None, tmp_path: Path) -> None:
    target = Place.of("gs://studio/out/a.mp4")
    assert stored(target) is None
    done = published(written(tmp_path, b"abc"), target)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert fetched(target, scratch).sha256 == done.sha256 == sha256(b"abc")
    with pytest.raises(UsageError, match="exists already"):
        published(written(tmp_path, b"other"), target)
    published(big(tmp_path), Place.of("gs://studio/out/big.mp4"))
    with pytest.raises(UnreadableFileError, match="does not exist"):
        fetched(Place.of("gs://studio/none.mp4"), scratch)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/a.mp4",
        "simplecache::s3://bucket/a.mp4",
        "zip://a.mp4::http://example.com/a.zip",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3://BUCKET/a",
        "s3://user@bucket/a",
        "s3://bucket//a",
        "s3://bucket/../other/a",
        "s3://bucket/a\n.mp4",
        "s3://bucket/" + "a" * 1025,
        "file://host/a.mp4",
        "file://",
        "file:///a%00b",
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    if "::" in text and not text.startswith("zip"):
        assert Place.of(text).is_local, "no chain of file systems is ever opened"
        return
    with pytest.raises(UsageError):
        Place.of(text)
