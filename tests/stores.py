"""Real object stores for tests, each a process of its own, and a connection that can break."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from s3fs import S3FileSystem


@dataclass(frozen=True)
class Bucket:
    """A bucket on an S3 server of this machine."""

    name: str
    port: int

    @property
    def client(self) -> Any:
        """The service's own way in, which sees what others would see."""
        return boto3.client(
            "s3", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{self.port}"
        )

    def keys(self) -> list[str]:
        """What anybody who lists the bucket finds."""
        listed = self.client.list_objects_v2(Bucket=self.name)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def uploads(self) -> int:
        """Uploads that were begun and neither completed nor given up."""
        return len(self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())


def environment(port: int) -> dict[str, str]:
    """What leads a process to the S3 server, or to a proxy before it."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def running_s3() -> Iterator[int]:
    """An S3 server on a free port, which is given."""
    port = _free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(words, port, "/moto-api/"):
        yield port


@contextmanager
def running_gs(folder: Path) -> Iterator[str]:
    """A server of Google Cloud Storage's interface; its address."""
    port = _free_port()
    words = [
        *(sys.executable, "-m", "gcp_storage_emulator", "start", "--in-memory"),
        *("--host", "127.0.0.1", "--port", str(port), "--default-bucket", "studio"),
    ]
    with _running(words, port, "/storage/v1/b", folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(words: list[str], port: int, page: str, folder: Path | None = None) -> Iterator[None]:
    server = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert server.poll() is None, f"{words[2]} ended with {server.returncode}"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5).close()
                break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(10)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Proxy:
    """Stands between a client and a server, and after ``limit`` bytes stops passing them on.

    Args:
        port: the server's.
        limit: bytes in the direction chosen.
        upstream: whether the client's bytes are counted, or else the server's.
        cut: whether the connection then breaks, or else hangs.
    """

    def __init__(self, port: int, limit: int, *, upstream: bool, cut: bool) -> None:
        self._server = port
        self._limit = limit
        self._upstream = upstream
        self._cut = cut
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.reached = threading.Event()
        self._open: list[socket.socket] = []

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                for a, b, counted in (
                    (client, server, self._upstream),
                    (server, client, not self._upstream),
                ):
                    threading.Thread(target=self._pass, args=(a, b, counted), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                if counted and self._is_over(len(block)):
                    self.reached.set()
                    if not self._cut:
                        threading.Event().wait(60)
                    break
                sink.sendall(block)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _is_over(self, count: int) -> bool:
        with self._lock:
            self._limit -= count
            return self._limit < 0


def lead_to(monkeypatch: Any, port: int) -> None:
    """Lead this process to an S3 server."""
    for name, value in environment(port).items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # a client once made keeps to its endpoint


def child_environment(port: int) -> dict[str, str]:
    """The same for a process that a test starts."""
    return os.environ | environment(port)
