"""The lock: exact, with hashes, complete, and bound to no place."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = re.split(r"\n(?=[a-z0-9])", TEXT)[1:]
PINS = {
    canonicalize_name(name): pinned
    for name, pinned in re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", TEXT, re.MULTILINE)
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted() -> list[Requirement]:
    extras = dict(PROJECT["project"]["optional-dependencies"])
    del extras["peers"]  # other watermarks that one bench compares with; nothing else needs them
    listed = [*PROJECT["project"]["dependencies"], *(one for e in extras.values() for one in e)]
    return [Requirement(one) for one in [*listed, *PROJECT["build-system"]["requires"]]]


def test_every_package_is_pinned_with_its_hashes() -> None:
    assert len(ENTRIES) == len(PINS) > 20
    assert all("--hash=sha256:" in entry for entry in ENTRIES)


def test_everything_the_project_asks_for_is_locked_and_fits() -> None:
    for requirement in wanted():
        pinned = PINS[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pinned), requirement


def test_the_lock_names_no_host_and_no_place() -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|file:", TEXT)


def test_these_tests_run_on_what_is_locked() -> None:
    installed = {requirement.name: version(requirement.name) for requirement in wanted()}
    assert installed == {name: PINS[canonicalize_name(name)] for name in installed}
