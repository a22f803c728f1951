"""A web server on this machine that takes webhooks, and refuses or hangs as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Receiver:
    """What came, in order; ``answers`` are given first, and 204 when there are no more."""

    def __init__(self, secret: Path | None = None, port: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.answers: list[int] = []
        self.redirect: str | None = None
        self._secret = None
        if secret is not None:
            self._secret = base64.b64decode(secret.read_text().strip().removeprefix("whsec_"))
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked += 1
                body = self.rfile.read(int(self.headers["content-length"]))
                code = receiver.answers.pop(0) if receiver.answers else 204
                if code == 204:
                    receiver.check(self.headers, body)
                    receiver.taken.append(json.loads(body))
                self.send_response(code)
                if receiver.redirect is not None:
                    self.send_header("location", receiver.redirect)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/secret-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def check(self, headers: Any, body: bytes) -> None:
        """As a receiver's library does: standardwebhooks.com."""
        assert headers["webhook-id"] == json.loads(body)["id"]
        moment = headers["webhook-timestamp"]
        assert abs(int(moment) - time.time()) < 60
        if self._secret is None:
            assert headers["webhook-signature"] is None
            return
        signed = f"{headers['webhook-id']}.{moment}.".encode() + body
        made = base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{made}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(secret: Path | None = None, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(secret, port)
    try:
        yield receiver
    finally:
        receiver.stop()
