"""The constants of the search stand in one place, each with where it comes from."""

import ast
from itertools import pairwise
from pathlib import Path

from provenance.watermark import tuning
from provenance.watermark.embed.profiles import PROFILES
from provenance.watermark.picture.observation import ROOM

PACKAGE = Path(tuning.__file__).parent
ORIGINS = ("[geometry]", "[measured]", "[cost]", "[hand]")
ARRAYS = {"ORDER", "DRAWS", "FINDERS", "LINEAR", "TERMS"}
"""Not numbers to be tuned: draws, the steps themselves, and places in the fit's basis."""


def assigned(tree: ast.Module) -> list[tuple[str, str]]:
    """(name, docstring) of every constant of a module."""
    found = []
    for node, after in pairwise([*tree.body, ast.Pass()]):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        text = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [one.id for one in ast.walk(targets[0]) if isinstance(one, ast.Name)]
        found += [(name, text) for name in names if name.isupper()]
    return found


def test_every_constant_says_what_it_is_and_where_it_comes_from() -> None:
    constants = assigned(ast.parse(Path(tuning.__file__).read_text(encoding="utf-8")))
    assert len(constants) > 90
    for name, text in constants:
        assert sum(text.count(origin) for origin in ORIGINS) == 1, name
        assert len(text) > 20, name


def test_no_strategy_keeps_constants_of_its_own() -> None:
    files = [*(PACKAGE / "find").glob("*.py"), *(PACKAGE / "pilot").glob("*.py")]
    files += [PACKAGE / "detector.py", PACKAGE / "read" / "reader.py"]
    for file in files:
        names = {name for name, _ in assigned(ast.parse(file.read_text(encoding="utf-8")))}
        assert names <= ARRAYS, file.name


def test_what_a_reader_takes_for_room_is_no_embedding_profile() -> None:
    """Pinned: tuning a profile changes nothing that is read."""
    assert (ROOM.strength, ROOM.base, ROOM.shadow) == (1.0, 0.77, 0.6)
    assert ROOM is not PROFILES["standard"].hiding
