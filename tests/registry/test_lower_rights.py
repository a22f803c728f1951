"""PostgreSQL under a role that may only read: verifiers get one, and can break nothing by it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance.documents.exports import log_verification
from provenance.errors import RegistryError
from provenance.registry import Facts, Registry
from provenance.registry.address import parse_url
from provenance.verifying.verify import unexamined
from tests.registry.conftest import MANIFEST, record, register


@pytest.fixture
def reader_url(url: str, registry: Registry) -> Iterator[str]:
    """The registry's address for a role that was granted SELECT, and nothing else."""
    role, word = f"reader_{secrets.token_hex(6)}", secrets.token_hex(12)
    engine = sa.create_engine(parse_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD '{word}'")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    try:
        address = parse_url(url).set(username=role, password=word)
        yield address.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")
        engine.dispose()


# Roles are PostgreSQL's; for a file of SQLite see test_read_only.py.
pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


def test_a_role_that_may_only_read_answers_all_that_verify_asks(
    registry: Registry, reader_url: str, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("consent", "consent-1", "asked to")
    with Registry(reader_url) as reader:
        assert reader.find(made.stamp_id) == made
        assert reader.manifest(made.stamp_id) == MANIFEST
        assert reader.withdrawals.hitting(Facts.of(made)) is not None
        assert reader.search(model_name=made.model_name) == (made,)
        assert reader.check().broken is None


def test_what_it_may_not_do_is_told_in_a_sentence_that_names_the_table_and_no_password(
    registry: Registry, reader_url: str, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    word = parse_url(reader_url).password
    with Registry(reader_url) as reader:
        for refused in (
            lambda: reader.reservations.reserve("a986830a", tmp_path / "b.mp4"),
            lambda: reader.commit(record(made.stamp_id), MANIFEST, None),
            lambda: reader.withdrawals.withdraw("stamp", made.stamp_id.hex, "x"),
            lambda: log_verification(reader, unexamined("x.mp4", "gone")),
        ):
            with pytest.raises(RegistryError) as raised:
                refused()
            assert "permission denied for table" in str(raised.value)
            assert "its rights" in str(raised.value)
            assert str(word) not in str(raised.value)
        assert reader.find(made.stamp_id) == made
    assert registry.check().broken is None
