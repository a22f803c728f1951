"""Flags belong to the command line: the library names settings, and only the command knows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import provenance
from provenance.cli.flags import flag, worded
from provenance.errors import KeyringError, UsageError
from tests.commands import every_command, options_of
from tests.conftest import Run

PACKAGE = Path(provenance.__file__).parent
LIBRARY = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] not in ("cli", "__main__.py")
]
FLAGS = {one for _, command in every_command() for one in options_of(command) if one[:2] == "--"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of all that somebody may be shown: every string that is no docstring."""
    docstrings = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and id(one) not in docstrings:
            yield one.lineno, str(one.value)


def settings(tree: ast.AST) -> Iterator[str]:
    """What errors of a module would have set."""
    for one in ast.walk(tree):
        match one:
            case ast.keyword(arg="settings", value=ast.Tuple() as names):
                # A name among them stands for a setting that is one of several.
                yield from (str(one.value) for one in names.elts if isinstance(one, ast.Constant))


def test_no_sentence_of_the_library_names_a_flag() -> None:
    assert {"--keys", "--overwrite", "--retry-failed", "--trust"} <= FLAGS
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in LIBRARY
        for line, text in strings(ast.parse(path.read_text("utf-8")))
        if FLAGS & set(FLAG.findall(text))
    ]
    assert found == []


def test_every_setting_that_an_error_names_is_a_flag_of_some_command() -> None:
    named = {one for path in LIBRARY for one in settings(ast.parse(path.read_text("utf-8")))}
    assert len(named) > 10
    assert {flag(one) for one in named} <= FLAGS


def test_the_command_line_puts_its_flags_behind_the_advice() -> None:
    error = UsageError(
        "It would be faint", advice="ask for less", settings=("profile", "min_margin")
    )
    assert str(error) == "It would be faint; ask for less."
    assert worded(error) == "It would be faint; ask for less (--profile, --min-margin)."
    assert worded(UsageError("It is empty.")) == "It is empty."


def test_the_same_error_is_told_without_flags_to_a_caller_and_with_them_to_a_person(
    tmp_path: Path, run: Run
) -> None:
    with pytest.raises(KeyringError, match=r"or name yours\.$"):
        provenance.Keyring.load(tmp_path / "none")
    told = run("keys", "list", "--keys", tmp_path / "none").err
    assert "or name yours (--keys)." in told
