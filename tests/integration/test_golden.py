"""Layout 1 is frozen: what was stamped with it stays readable."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance.results.payload import LAYOUT, StampId
from provenance.verifying.search import examine
from provenance.video import probe
from provenance.watermark.code import codeword
from provenance.watermark.code.keys import WatermarkKey
from provenance.watermark.code.layout import layout_for
from provenance.watermark.code.spec import LAYOUT_1, LAYOUTS

FOLDER = Path(__file__).parent.parent / "golden"
Vector = tuple[Path, dict[str, Any]]
"""Its folder, and its line of vectors.json."""

VECTORS: list[Vector] = [
    (path.parent, vector)
    for path in sorted(FOLDER.glob("layout_*/vectors.json"))
    for vector in json.loads(path.read_text())
]


def name(case: Vector) -> str:
    return f"{case[0].name}-{case[1]['file']}"


def key_of(vector: dict[str, Any]) -> WatermarkKey:
    key = vector["key"]
    return WatermarkKey(key["id"], bytes.fromhex(key["secret"]), bytes.fromhex(key["pilot_secret"]))


def test_every_layout_this_code_writes_has_vectors() -> None:
    """A new layout cannot be introduced without golden vectors of its own."""
    assert LAYOUTS[0].version == LAYOUT
    made = {folder.name for folder, _ in VECTORS}
    assert {f"layout_{spec.version}" for spec in LAYOUTS} <= made


@pytest.mark.parametrize("case", VECTORS, ids=name)
def test_a_golden_copy_reads_its_stamp_id(case: Vector) -> None:
    """A copy stamped when the layout was frozen gives exactly its stamp id."""
    folder, vector = case
    path = folder / vector["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == vector["sha256"]
    found = examine(path, probe(path), [key_of(vector)])
    assert found.stamp_id == StampId.from_hex(vector["stamp_id"])
    assert f"layout_{found.layout}" == folder.name


def test_the_deal_of_layout_1_is_frozen() -> None:
    """A key's pilot, permutation, signs and codeword come out as when layout 1 was frozen."""
    key = WatermarkKey("k", bytes(range(32)), bytes(range(32, 64)))
    layout = layout_for(key, LAYOUT_1)
    digest = hashlib.sha256()
    for array in (layout.pilot_points, layout.data_points, layout.bits):
        digest.update(np.ascontiguousarray(array, np.int64).tobytes())
    digest.update(np.ascontiguousarray(np.rint(layout.pilot_phases * 1e9), np.int64).tobytes())
    digest.update(np.ascontiguousarray(layout.signs, np.int8).tobytes())
    word = codeword.encode(StampId.from_hex("0123456789abcdef"), key, LAYOUT_1)
    digest.update(np.ascontiguousarray(word, np.int8).tobytes())
    assert digest.hexdigest()[:16] == "d841e10f09482da3"
