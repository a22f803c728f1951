"""A headless Chromium for tests, driven by the WebDriver protocol (https://www.w3.org/TR/webdriver).

Debian's packages ``chromium`` and ``chromium-driver``; nothing is downloaded, and no library is
needed for a few JSON requests.  Only where TEST_BROWSER is set: beside the other tests, on two
processors, one run of them stood still for half an hour with its renderers busy.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import optional

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_WAIT_SECONDS = 120.0
AXE = "axe-core@4.14.1"
"""Finds what keeps people with a screen reader or weak eyes out (https://github.com/dequelabs/axe-core);
from npm's registry, for these tests alone."""
_RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run().then(
  (told) => done(told.violations.map((one) =>
    [one.impact, one.id, one.nodes.map((node) => node.target.join(" ")).join(", ")])),
  (error) => done([["critical", "axe itself", String(error)]]));
"""
ENTER, TAB = "\ue007", "\ue004"


class Browser:
    """One window."""

    def __init__(self, driver: str, options: Sequence[str], profile: Path) -> None:
        self._driver = driver
        chrome = {
            "args": [
                "--headless=new",
                "--no-sandbox",  # tests run as root in containers
                "--disable-dev-shm-usage",
                "--disable-gpu",
                f"--user-data-dir={profile}",
                *options,
            ]
        }
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": chrome}}}
        self._session = str(self._ask("POST", "/session", wanted)["sessionId"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the driver on this machine
            f"{self._driver}{path}", content, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def do(self, method: str, path: str, body: Any = None) -> Any:
        """A command to this window."""
        return self._ask(method, f"/session/{self._session}{path}", body)

    def devtools(self, command: str, **params: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url: str) -> None:
        self.do("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function's body in the page."""
        return self.do("POST", "/execute/sync", {"script": script, "args": arguments})

    def find(self, selector: str) -> str:
        """An element, once it is there."""
        end = time.monotonic() + _WAIT_SECONDS
        while not (
            found := self.do("POST", "/elements", {"using": "css selector", "value": selector})
        ):
            assert time.monotonic() < end, f"no {selector} on {self.text()}"
            time.sleep(0.2)
        return str(found[0][_ELEMENT])

    def until(self, script: str) -> None:
        """Wait until a function's body in the page gives something true."""
        end = time.monotonic() + _WAIT_SECONDS
        while not self.run(script):
            assert time.monotonic() < end, f"never: {script}"
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        self.do("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Keys, or the path of a file for an input of files."""
        self.do("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def keys(self, text: str) -> None:
        """Keys to whatever has the focus."""
        steps = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": steps}
        self.do("POST", "/actions", {"actions": [keyboard]})

    def text(self) -> str:
        """What can be read on the page."""
        return str(self.run("return document.body.innerText"))

    def barriers(self, axe: str) -> list[list[str]]:
        """What axe-core finds on the page: how grave it is, which rule, where."""
        self.run(f"{axe};")
        found = self.do("POST", "/execute/async", {"script": _RUN_AXE, "args": []})
        return [list(map(str, one)) for one in found]

    def light(self, *, dark: bool) -> None:
        """Show pages in light or in dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, width: int, *, dark: bool = False) -> bytes:
        """The whole page as PNG, at a width, in light or dark."""
        self.light(dark=dark)
        size: dict[str, Any] = {"deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=800, **size)
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def close(self) -> None:
        self._ask("DELETE", f"/session/{self._session}")


@contextmanager
def opened(folder: Path, *options: str) -> Iterator[Browser]:
    """A browser whose profile is in ``folder``; tests are left out where there is none."""
    driver = shutil.which("chromedriver")
    asked = os.environ.get("TEST_BROWSER")
    if not asked or driver is None or shutil.which("chromium") is None:
        optional("a browser", "apt-get install chromium chromium-driver, and set TEST_BROWSER=1")
    process = subprocess.Popen(
        [driver, "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"HOME": str(folder)},
    )
    try:
        assert process.stdout is not None
        port = ""
        while not port:
            line = process.stdout.readline()
            assert line, "the driver of the browser did not start"
            _, _, port = line.strip().rstrip(".").partition("started successfully on port ")
        browser = Browser(f"http://127.0.0.1:{port}", options, folder / "profile")
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.kill()
        process.wait()


def axe(folder: Path) -> str:
    """The source of axe-core, fetched into ``folder``; tests are left out where there is no npm."""
    if shutil.which("npm") is None:
        optional("npm", "apt-get install npm")
    subprocess.run(["npm", "pack", "--silent", AXE], cwd=folder, check=True, timeout=120)
    with tarfile.open(next(folder.glob("axe-core-*.tgz"))) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()
