"""A desk of its own for a test: ``provenance serve`` as a process, and requests to it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import environment

API = "/api/v1/examinations"
START_SECONDS = 60
LOOK_SECONDS = 180


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running desk: its port, its process, its folder of uploads."""

    port: int
    process: subprocess.Popen[str]
    uploads: Path

    def connection(self, source: str = "127.0.0.1") -> http.client.HTTPConnection:
        """A connection from one of this machine's own addresses."""
        return http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=(source, 0)
        )

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request."""
        with closing(self.connection(source)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def hand_in(self, path: Path, name: str = "clip.mp4") -> str:
        """Have a file examined; the examination's id."""
        answer = self.ask("POST", f"{API}?name={name}", path.read_bytes())
        assert answer.status == 202, answer.text
        assert answer.headers["Location"] == f"{API}/{answer.json['id']}"
        return str(answer.json["id"])

    def until(self, key: str, *states: str) -> dict[str, Any]:
        """What is answered of an examination once it is in one of these states."""
        end = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < end:
            told: dict[str, Any] = self.ask("GET", f"{API}/{key}").json
            if told["state"] in states:
                return told
            time.sleep(0.1)
        raise AssertionError(f"it stays {told['state']}")

    def files(self) -> list[Path]:
        """Strangers' files that are on disk."""
        return [one for one in self.uploads.rglob("*") if re.fullmatch("[0-9a-f]{32}", one.name)]

    def emptied(self) -> bool:
        """Whether all of them are gone, now or in a moment."""
        end = time.monotonic() + 10
        while self.files() and time.monotonic() < end:
            time.sleep(0.05)
        return not self.files()

    def stop(self) -> tuple[int, str]:
        """Ask it to end: its exit code, and what it said on standard error."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        assert self.process.stderr is not None
        return self.process.returncode, self.process.stderr.read()


@contextmanager
def served(folder: Path, *flags: str | Path) -> Iterator[Served]:
    """A desk in ``folder``; it is killed at the end if it still runs."""
    uploads = folder / "uploads"
    words = ["serve", "--port", "0", "--uploads", str(uploads), *map(str, flags)]
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance", *words],
        cwd=folder,
        env=environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
        if found is None:
            process.kill()
            raise AssertionError(process.communicate()[1])
        yield Served(int(found[1]), process, uploads)
        process.terminate()
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err, err
    finally:
        process.kill()
        process.communicate()


def form(content: bytes, *, name: str, token: str, kind: str = "video/mp4") -> tuple[bytes, str]:
    """A browser's form with a file: its bytes, and its content type."""
    border = "----border7MA4YWxkTrZu0gW"
    named = name.replace('"', "%22")
    body = (
        f'--{border}\r\nContent-Disposition: form-data; name="token"\r\n\r\n{token}\r\n'
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{named}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    ).encode()
    return (
        body + content + f"\r\n--{border}--\r\n".encode(),
        f"multipart/form-data; boundary={border}",
    )
