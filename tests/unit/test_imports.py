"""The direction of imports: the contracts in pyproject.toml hold, and they do catch violations."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "provenance"
LIBRARY = sorted(f for f in PACKAGE.rglob("*.py") if "cli" not in f.relative_to(PACKAGE).parts)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the package in ``folder`` by the contracts in its pyproject.toml."""
    code = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to be spoilt."""
    shutil.copytree(PACKAGE, tmp_path / "provenance", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_keeps_to_the_contracts() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("watermark/picture/mask.py", "from provenance.video import probe", "run one way"),
        ("video/probing.py", "from provenance.manifest import Trust", "run one way"),
        ("manifest/reader.py", "import provenance.watermark.code.keys", "run one way"),
        ("watermark/find/crops.py", "import provenance.watermark.read.evidence", "rooms"),
        ("watermark/picture/mask.py", "import provenance.watermark.embed.profiles", "rooms"),
        ("results/reports.py", "from provenance.verifying.verdict import decide", "run one way"),
        ("keyring/reading.py", "from provenance.verifying.verify import verify", "run one way"),
        ("verifying/verify.py", "from provenance.cli import main", "run one way"),
        ("novel.py", "from provenance.errors import ProvenanceError", "run one way"),
        ("stamping/stamp.py", "import av.error", "media libraries"),
        ("watermark/picture/residual.py", "import pymediainfo", "media libraries"),
        ("keyring/reading.py", "from c2pa import Reader", "touches c2pa"),
        ("stamping/stamp.py", "import click", "command line"),
        ("video/writer.py", "from rich.progress import Progress", "command line"),
        ("report/terminal.py", "import click", "handed in"),
        ("watermark/code/pattern.py", "from pathlib import Path", "no input or output"),
        ("verifying/verdict.py", "import os", "no input or output"),
    ],
)
def test_a_violation_is_caught(copied: Path, module: str, line: str, contract: str) -> None:
    with (copied / "provenance" / module).open("a", encoding="utf-8") as handle:
        handle.write(f"\n\n{line}\n")
    done = lint(copied)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    if not broken:  # a module without a place stops the check before it reports
        broken = done.stdout.splitlines()
    assert any(contract in row for row in broken), done.stdout


def test_the_drawn_imports_are_those_of_the_code_on_ten_floors_at_most() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "draw_imports", "--check"],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, "run scripts/draw_imports"
    page = (ROOT / "docs" / "imports.md").read_text(encoding="utf-8")
    assert int(page.split(" floors")[0].split()[-1]) <= 10
    names = [one for one in (ROOT / "provenance").iterdir() if not one.name.startswith("_")]
    assert len(names) <= 18


def calls(file: Path) -> Iterator[str]:
    """Names of what a module calls, dotted."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call | ast.Attribute):
            yield ast.unparse(node.func if isinstance(node, ast.Call) else node)


def test_the_library_never_prints_and_never_reads_the_environment() -> None:
    forbidden = {"print", "input", "breakpoint", "os.environ", "os.getenv", "sys.exit"}
    excepted = {("output.py", "os.environ")}  # SVT-AV1 takes its log level from there only
    found = {(file.name, name) for file in LIBRARY for name in calls(file) if name in forbidden}
    assert found <= excepted


def test_the_watermark_package_opens_no_file() -> None:
    forbidden = {"open", "np.load", "np.save", "np.fromfile", "cv2.imread", "cv2.imwrite"}
    files = (PACKAGE / "watermark").rglob("*.py")
    assert {name for file in files for name in calls(file)} & forbidden == set()


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("verify", ("alembic", "av", "c2pa", "cv2", "fsspec", "numpy", "sqlalchemy")),
        ("stamp", ("alembic", "fsspec", "pydantic")),
    ],
)
def test_a_command_loads_no_library_that_its_own_process_needs_not(
    command: str, heavy: tuple[str, ...]
) -> None:
    code = f"import sys, provenance.cli.{command}; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("room", ["", ".manifest", ".registry", ".verifying.inside", ".video"])
def test_a_room_that_loads_its_names_when_they_are_used_has_all_of_them(room: str) -> None:
    module = importlib.import_module(f"provenance{room}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    modules = {one.name for one in pkgutil.iter_modules(module.__path__)}
    assert modules & set(module.__all__) == set()  # it would hide the value


def test_no_module_is_longer_than_its_readers_patience() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in PACKAGE.rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > 500} == {}
