"""Texts of a manifest that are made to be more than texts: escapes, markup, line breaks, bidi."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring
from tests.conftest import Run
from tests.signing import Studio, facts, sign

NASTY = {
    "escape": "\x1b[2J\x1b]0;owned\x07\x1b[31mTRUSTED\x1b[0m",
    "markup": "[bold green]CONFIRMED[/] [link=file:///etc/passwd]here[/link] [/nonsense]",
    "tags": "<script>alert(1)</script><img src=x onerror=alert(1)>&quot;",
    "lines": "good\r\nVerdict    CONFIRMED\nTo do      Nothing\u2028\u2029",
    "turned": "\u202egnihton\u202c \u2066\u200b\ufeff",
}


class Nasty:
    """The statement of a stranger who fills every text with the same trouble."""

    def __init__(self, text: str) -> None:
        self._text = text

    def definition(self, *, mime: str, parent: dict[str, Any] | bool = False) -> dict[str, Any]:
        plain = facts().definition(mime=mime, parent=parent)

        def filled(value: Any, key: str = "") -> Any:
            if isinstance(value, dict):
                return {name: filled(one, name) for name, one in value.items()}
            if isinstance(value, list):
                return [filled(one) for one in value]
            named = key in ("title", "name", "version", "description", "modelName", "modelVersion")
            return self._text if named and isinstance(value, str) else value

        made: dict[str, Any] = filled(plain)
        made["claim_generator_info"] = plain["claim_generator_info"]
        return made


@pytest.fixture(params=NASTY)
def nasty(request: pytest.FixtureRequest, clip: Path, tmp_path: Path) -> Path:
    generation = Nasty(NASTY[request.param])
    return sign(Studio("A Stranger"), clip, tmp_path / "nasty.mp4", generation=generation)


@pytest.fixture
def root(keyring: Keyring, tmp_path: Path) -> Path:
    """A root alone, so that no watermark is looked for: these tests are of texts."""
    path = tmp_path / "root.pem"
    path.write_bytes(keyring.trust_anchors_pem)
    return path


def test_the_table_shows_no_control_character_and_obeys_no_markup(
    nasty: Path, root: Path, run: Run
) -> None:
    ran = run("verify", "--trust", root, "--registry", "none", nasty)
    assert ran.code == 1
    for sign_ in ran.out + ran.err:
        assert sign_ == "\n" or unicodedata.category(sign_) not in ("Cc", "Cf", "Zl", "Zp"), repr(
            sign_
        )
    # A row begins at the left edge; what a text goes on with never does.
    rows = [line for line in ran.out.splitlines()[1:] if line[:1].strip()]
    assert [row for row in rows if row.startswith("Verdict")] == ["Verdict     SIGNER_UNTRUSTED"]
    assert len([row for row in rows if row.startswith("To do")]) == 1
    assert not [row for row in rows if row.startswith("To do") and "Nothing" in row]


def test_the_json_is_one_ascii_line_and_holds_the_text_as_text(
    nasty: Path, root: Path, run: Run
) -> None:
    ran = run("verify", "--trust", root, "--registry", "none", "--json", nasty)
    assert len(ran.out.splitlines()) == 1
    assert ran.out.isascii()
    row = json.loads(ran.out)
    said = json.dumps(row, ensure_ascii=False)
    assert not [one for one in said if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")]
