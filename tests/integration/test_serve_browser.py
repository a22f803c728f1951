"""The desk's page in a real browser: with and without JavaScript, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring, StampResult
from tests.browser import ENTER, TAB, Browser, axe, opened
from tests.integration.test_serve import marked
from tests.serving import Served, served

__all__ = ["marked"]

MOST_BYTES = 150_000
_LOADED = """
return performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .map((one) => [one.name, one.encodedBodySize, one.initiatorType]);
"""
_TOO_WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
_UNNAMED = """
const named = (one) => one.labels?.length || one.textContent.trim() || one.ariaLabel || one.alt;
return [...document.querySelectorAll("a, button, input:not([type=hidden]), img, [role=img]")]
  .filter((one) => !named(one)).map((one) => one.outerHTML);
"""


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, marked: StampResult, keyring: Keyring
) -> Iterator[Served]:
    registry = Path(marked.output_path).with_name("registry.db")
    flags = ("--keys", keyring.folder, "--registry", registry, "--per-minute", "1000")
    with served(tmp_path_factory.mktemp("desk"), *flags) as one:
        yield one


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("browser"), "--lang=en") as one:
        yield one


@pytest.fixture
def start(desk: Served, browser: Browser) -> str:
    """The address of the first page, which is open."""
    address = f"http://127.0.0.1:{desk.port}/"
    browser.open(f"{address}?lang=en")
    return address


def test_a_file_is_handed_in_and_followed_to_its_verdict_on_one_page(
    start: str, browser: Browser, marked: StampResult
) -> None:
    browser.type("#file", marked.output_path)
    browser.click("#hand-in button")
    browser.find("#result")
    browser.run("window.stays = true")
    browser.find(".state.done")
    assert browser.run("return window.stays"), "the page was loaded anew"
    said = browser.text()
    assert "CONFIRMED" in said
    assert "Stamped by Example Studio" in said
    assert browser.run("return document.querySelectorAll('.timeline rect.marked').length") >= 1
    assert browser.run("return document.querySelector('.frame img').naturalWidth") > 0
    assert browser.run(_UNNAMED) == []


def test_nothing_is_loaded_from_elsewhere_and_little_at_all(
    start: str, browser: Browser, marked: StampResult
) -> None:
    loaded = browser.run(_LOADED)
    assert len(loaded) >= 3
    assert all(name.startswith(start) for name, _, _ in loaded)
    assert 0 < sum(size for _, size, kind in loaded if kind != "img") < MOST_BYTES


def test_the_keyboard_alone_is_enough(start: str, browser: Browser, marked: StampResult) -> None:
    browser.keys(TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    browser.keys(ENTER + TAB)
    assert browser.run("return document.activeElement.id") == "file"
    browser.type("#file", marked.output_path)
    browser.keys(TAB + ENTER)
    browser.find("#result .state.done")
    focused = []
    for _ in range(20):
        browser.keys(TAB)
        focused.append(browser.run("return document.activeElement.textContent.trim()"))
    assert "Examine another file" in focused
    assert "Details for experts" in focused


def test_without_javascript_a_form_and_a_page_that_looks_again_do(
    start: str, browser: Browser, marked: StampResult
) -> None:
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(start)
        browser.type("#file", marked.output_path)
        browser.click("#hand-in button")
        browser.find(".state.done")
        browser.find(".verdict.good")
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=False)


def test_what_cannot_be_examined_is_told_in_a_sentence(
    start: str, browser: Browser, tmp_path: Path
) -> None:
    broken = tmp_path / "<b>broken.mp4"
    broken.write_bytes(b"no video at all")
    browser.type("#file", str(broken))
    browser.click("#hand-in button")
    browser.find(".state.refused")
    assert "<b>broken.mp4" in browser.text()
    assert browser.run("return document.querySelectorAll('main b').length") == 0


def test_several_files_are_handed_in_at_once_each_with_its_own_page(
    start: str, browser: Browser, clip: Path, marked: StampResult
) -> None:
    browser.type("#file", f"{clip}\n{marked.output_path}")
    browser.click("#hand-in button")
    browser.find("#uploads li:nth-child(2) a")
    assert browser.run("return document.querySelectorAll('#uploads a').length") == 2


@pytest.mark.parametrize("width", [320, 390, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_no_page_is_wider_than_its_window(
    desk: Served, browser: Browser, marked: StampResult, width: int, dark: bool
) -> None:
    key = desk.hand_in(Path(marked.output_path))
    desk.until(key, "done")
    for path in ("?lang=en", f"examinations/{key}?lang=de"):
        browser.open(f"http://127.0.0.1:{desk.port}/{path}")
        assert browser.picture(width, dark=dark)[:4] == b"\x89PNG"
        assert browser.run(_TOO_WIDE) <= 0


GRAVE = ("serious", "critical")


@pytest.mark.parametrize("dark", [False, True])
def test_nobody_is_kept_out_of_a_page_in_any_state(
    desk: Served, browser: Browser, marked: StampResult, tmp_path: Path, dark: bool
) -> None:
    """axe-core finds nothing serious or critical; and it does find what is put there for it."""
    source = axe(tmp_path)
    address = f"http://127.0.0.1:{desk.port}"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    refused, done = desk.hand_in(broken), desk.hand_in(Path(marked.output_path))
    busy = f"/examinations/{done}?lang=ja"
    browser.light(dark=dark)
    pages = [busy, "/?lang=en", "/nowhere", f"/examinations/{refused}?lang=fr"]
    pages.append(f"/examinations/{done}?lang=de")
    for page in pages:
        if page == pages[-1]:
            desk.until(done, "done")
        browser.open(f"{address}{page}")
        if page == pages[-1]:
            browser.type("#local", marked.output_path)
            browser.find("#stage:not([hidden])")
        browser.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert [one for one in browser.barriers(source) if one[0] in GRAVE] == [], page
    browser.run(
        "document.querySelector('h1').style.color = getComputedStyle(document.body).backgroundColor"
    )
    browser.run("document.getElementById('here').removeAttribute('aria-label')")
    assert {"color-contrast", "label"} <= {one[1] for one in browser.barriers(source)}
    browser.light(dark=False)


def test_the_clip_is_played_from_this_device_frame_by_frame_over_its_timeline(
    desk: Served, browser: Browser, marked: StampResult, clip: Path
) -> None:
    key = desk.hand_in(Path(marked.output_path))
    desk.until(key, "done")
    browser.open(f"http://127.0.0.1:{desk.port}/examinations/{key}?lang=en")
    browser.type("#local", str(clip))
    assert "its size is another" in browser.text()
    browser.type("#local", marked.output_path)
    browser.find("#stage:not([hidden])")
    browser.until("return document.getElementById('video').readyState > 1")
    assert browser.run("return document.getElementById('video').currentSrc").startswith("blob:")
    browser.run("document.getElementById('stage').focus()")
    time = "return document.getElementById('video').currentTime"
    settled = "return document.getElementById('stage').ariaBusy === 'false'"
    browser.keys("..")
    browser.until(settled)
    second = browser.run(time)
    assert second > 0
    browser.keys(",")
    browser.until(f"{settled} && {time.removeprefix('return ')} < {second}")
    browser.click(".stretches button")
    browser.run(
        "document.querySelector('.timeline').dispatchEvent(new MouseEvent('click', "
        "{clientX: innerWidth / 2, bubbles: true}))"
    )
    browser.until(f"{time} > 0.2")
    assert "marked" in browser.run("return document.getElementById('now').textContent")


def test_what_was_handed_in_on_this_page_is_ready_to_be_played_in_its_result(
    start: str, browser: Browser, marked: StampResult
) -> None:
    browser.type("#file", marked.output_path)
    browser.click("#hand-in button")
    browser.find("#result .state.done")
    browser.find("#stage:not([hidden])")
    assert browser.run("return location.pathname").startswith("/examinations/")
    assert browser.run("return document.getElementById('live').textContent").startswith("Examined.")


def test_a_frame_pasted_from_the_clipboard_is_handed_in(start: str, browser: Browser) -> None:
    browser.run(
        """const page = document.createElement("canvas");
        page.width = 320; page.height = 240;
        const pen = page.getContext("2d");
        for (let n = 0; n < 4800; n += 1) {
          pen.fillStyle = `hsl(${n * 47} 60% ${30 + (n * 13) % 40}%)`;
          pen.fillRect(4 * (n % 80), 4 * Math.floor(n / 80), 4, 4);
        }
        page.toBlob((blob) => {
          const pasted = new DataTransfer();
          pasted.items.add(new File([blob], "image.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted }));
        });"""
    )
    browser.find("#result .state.done")
    assert "image.png" in browser.text()
