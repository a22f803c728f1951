"""Export and import: taken over once, without names, and never what fits no database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.errors import ProvenanceError
from provenance.registry import Facts, Registry, model_target, schema
from provenance.registry.transfer import export_lines, import_lines
from provenance.results.payload import StampId
from tests.registry.conftest import SINCE, register


def test_an_export_is_taken_over_once(registry: Registry, tmp_path: Path) -> None:
    made = register(registry, tmp_path / "a.mp4", parents=(StampId(b"a parent"),))
    registry.withdrawals.withdraw("key", made.key_id, "stolen", good_before=SINCE)
    lines = [line for _, line in export_lines(registry)]
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        done = import_lines(other, lines, "export")
        assert (done.stamps, done.withdrawals, done.known) == (1, 1, 0)
        assert other.find(made.stamp_id) == made
        assert other.withdrawals.listed() == registry.withdrawals.listed()
        again = import_lines(other, lines, "export")
        assert (again.stamps, again.withdrawals, again.known) == (0, 0, 1)
        assert other.check().broken is None


def test_lines_of_a_release_before_parents_are_taken_over(
    registry: Registry, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    entry = registry.withdrawals.withdraw("key", made.key_id, "stolen")
    stamp, withdrawal = (json.loads(line) for _, line in export_lines(registry))
    del stamp["record"]["parents"], withdrawal["good_before"]
    lines = [json.dumps(line).encode() for line in (stamp, withdrawal)]
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        import_lines(other, lines, "export")
        assert other.find(made.stamp_id) == made
        assert other.withdrawals.listed() == (entry,)


def test_no_name_and_no_path_stays_in_a_registry(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "Jane Doe"
    folder.mkdir()
    register(registry, folder / "holiday of Jane.mp4")
    everything = "".join(json.dumps(json.loads(line)) for _, line in export_lines(registry))
    with registry.database.reading() as connection:
        for table in schema.metadata.tables.values():
            everything += repr(connection.execute(sa.select(table)).all())
    assert "Jane" not in everything
    assert "holiday" not in everything


def test_lines_that_no_database_takes_are_told_in_a_sentence(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path / "a.mp4")
    _, line = next(export_lines(registry))
    for change in ({"consents": ["twice", "twice"]}, {"provider": "\ud800"}):
        data = json.loads(line)
        data["record"] |= {"stamp_id": StampId.new().hex, **change}
        with pytest.raises(ProvenanceError):
            import_lines(registry, [json.dumps(data).encode()], "export")
    assert registry.check().broken is None


def test_two_registries_may_have_withdrawn_the_same(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("key", "a986830a", "stolen here")
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        other.withdrawals.withdraw("key", "a986830a", "stolen there")
        import_lines(registry, [line for _, line in export_lines(other)], "export")
        assert registry.check().broken is None
        other.withdrawals.reinstate("key", "a986830a", "found there")
        import_lines(registry, [line for _, line in export_lines(other)], "export")
    assert registry.check().broken is None
    still = registry.withdrawals.hitting(Facts(key_ids=("a986830a",)))
    assert still is not None
    assert still.reason == "stolen here"
    registry.withdrawals.reinstate("key", "a986830a", "found")
    assert registry.check().broken is None


@pytest.mark.parametrize("target", ["M", "{}", "[]", "[1]", '["a", "b"]', '["a","b","c"]', "[[["])
def test_a_withdrawal_of_no_model_is_not_taken_over(target: str, registry: Registry) -> None:
    """It would stop every list that is written later."""
    registry.withdrawals.withdraw("model", model_target("a", "b"), "a reason")
    line = json.loads(next(line for _, line in export_lines(registry))) | {"target": target}
    with pytest.raises(ProvenanceError, match="Line 1"):
        import_lines(registry, [json.dumps(line).encode()], "export")
    assert [entry.target for entry in registry.withdrawals.listed()] == ['["a","b"]']
