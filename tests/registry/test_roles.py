"""PostgreSQL's roles: each does its work and nothing else, and is told what it may not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance import Keyring
from provenance.documents.archives import archive
from provenance.documents.heads import log_verification
from provenance.errors import RegistryError, UsageError
from provenance.registry import Facts, Registry, roles, schema, upgrading
from provenance.registry.address import parse_url
from provenance.registry.transfer import export_lines, import_lines
from provenance.results.payload import StampId
from provenance.verifying.verify import unexamined
from tests.conftest import Run
from tests.registry.conftest import MANIFEST, Login, logins, record, register


@pytest.fixture
def login(url: str, registry: Registry) -> Iterator[Login]:
    """A login of each role, as a database team makes them."""
    with logins(url, registry) as address:
        yield address


# Roles are PostgreSQL's; for a file of SQLite see test_read_only.py.
pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

REFUSED = r"^The role \w+ may not do this in the registry \S+; connect as one that may"


def test_every_table_has_its_rights(registry: Registry) -> None:
    with registry.database.reading() as connection:
        assert set(sa.inspect(connection).get_table_names()) == set(roles._RIGHTS)


def test_a_verifier_reads_all_that_verification_asks(
    registry: Registry, login: Login, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    entry = registry.withdrawals.withdraw("consent", "consent-1", "asked to")
    with Registry(login("verifier")) as reader:
        assert reader.find(made.stamp_id) == made
        assert reader.manifest(made.stamp_id) == MANIFEST
        assert reader.fingerprint(made.stamp_id) is None
        assert reader.frames.nearest([bytes(32)]) == []
        assert reader.withdrawals.hitting(Facts.of(made)) == entry
        assert reader.withdrawals.listed() == (entry,)
        assert [one.record for one in reader.recalled(entry)] == [made]
        assert reader.search(model_name=made.model_name) == (made,)
        assert len(list(export_lines(reader))) == 2
        assert reader.check().broken is None


def test_a_stamper_stamps_sweeps_records_and_delivers(
    registry: Registry, login: Login, tmp_path: Path
) -> None:
    with Registry(login("stamper")) as stamper:
        parent = register(stamper, tmp_path / "a.mp4")
        made = register(
            stamper, tmp_path / "b.mp4", parents=(parent.stamp_id,), approvers=("ab" * 32,)
        )
        lost = stamper.reservations.reserve("a986830a", tmp_path / "c.mp4")
        stamper.commit(record(lost), MANIFEST, None)
        assert stamper.reservations.settle(lost) == "abandoned"
        assert stamper.reservations.sweep().pending == ()
        stamper.places.moved(made.stamp_id, "https://cdn.example.com/b.mp4")
        log_verification(stamper, unexamined("x.mp4", "gone"))
        with stamper.deliveries.turn("webhook") as (turn, _):
            turn.told(1)
        assert stamper.find(made.stamp_id) == made
    assert registry.check().broken is None


def test_a_stamper_can_neither_change_nor_remove_what_is_finished(
    registry: Registry, login: Login, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    stamp_id, table = made.stamp_id.hex, schema.stamp
    note = {"host": "h", "process": "p", "path": "a", "expires_at": "2026"}
    with Registry(login("stamper")) as stamper:
        with stamper.database.writing() as connection:
            ours = table.c.stamp_id == stamp_id
            assert connection.execute(sa.delete(table).where(ours)).rowcount == 0
            change = sa.update(table).where(ours).values(state="reserved")
            assert connection.execute(change).rowcount == 0
        for statement in (
            sa.insert(schema.reservation).values(stamp_id=stamp_id, **note),
            sa.insert(table).values(stamp_id="00" * 8, state="stamped", key_id="k", layout=1,
                                    created_at="2026"),
            sa.delete(schema.manifest),
            sa.update(schema.audit).values(event="x"),
            sa.delete(schema.audit),
            sa.text("TRUNCATE audit"),
            sa.text("DROP TRIGGER audit_no_change ON audit"),
            sa.text("CREATE TABLE mine (id INTEGER)"),
        ):  # fmt: skip
            with (
                pytest.raises(RegistryError, match=REFUSED),
                stamper.database.writing() as connection,
            ):
                connection.execute(statement)
    assert registry.find(made.stamp_id) == made


def test_an_administrator_withdraws_imports_and_keeps_the_tables(
    registry: Registry, login: Login, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    other = record(StampId.new())
    with Registry(str(tmp_path / "other.db"), create=True) as source:
        register(source, tmp_path / "b.mp4")
        lines = [line for _, line in export_lines(source)]
    with Registry(login("administrator")) as administrator:
        administrator.withdrawals.withdraw("stamp", made.stamp_id.hex, "x")
        administrator.withdrawals.reinstate("stamp", made.stamp_id.hex, "y")
        assert import_lines(administrator, lines, "all.jsonl").stamps == 1
        register(administrator, tmp_path / "c.mp4", consents=other.consents)
        assert administrator.check().broken is None
        with (
            pytest.raises(RegistryError),
            administrator.database.writing() as connection,
        ):
            connection.execute(sa.delete(schema.audit))
        upgrading.give_roles(administrator.database)  # again
        assert administrator.check().broken is None


@pytest.mark.parametrize(
    ("role", "action"),
    [
        *(("verifier", name) for name in ("reserve", "commit", "record", "deliver", "sweep")),
        *(("verifier", name) for name in ("move", "admit")),
        *(
            (role, name)
            for role in ("verifier", "stamper")
            for name in ("withdraw", "reinstate", "import", "archive", "roles")
        ),
    ],
)
def test_what_a_role_may_not_do_is_told_in_one_sentence_without_sql_or_password(  # noqa: PLR0917
    registry: Registry, login: Login, keyring: Keyring, tmp_path: Path, role: str, action: str
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    registry.withdrawals.withdraw("key", "k", "x")
    rows = registry.check().rows
    with Registry(str(tmp_path / "other.db"), create=True) as source:
        register(source, tmp_path / "b.mp4")
        lines = [line for _, line in export_lines(source)]
    address = login(role)
    with Registry(address) as limited:
        actions: dict[str, Callable[[], object]] = {
            "reserve": lambda: limited.reservations.reserve("a986830a", tmp_path / "b.mp4"),
            "commit": lambda: limited.commit(record(made.stamp_id), MANIFEST, None),
            "record": lambda: log_verification(limited, unexamined("x.mp4", "gone")),
            "deliver": lambda: limited.deliveries.turn("webhook").__enter__(),
            "sweep": limited.reservations.sweep,
            "move": lambda: limited.places.moved(made.stamp_id, "s3://b/k"),
            "admit": lambda: limited.stampers.admit(["another"]),
            "roles": lambda: upgrading.give_roles(limited.database),
            "archive": lambda: archive(
                limited, tmp_path / "log.jsonl", datetime.now(UTC), keyring.signer
            ),
            "reinstate": lambda: limited.withdrawals.reinstate("key", "k", "x"),
            "withdraw": lambda: limited.withdrawals.withdraw("stamp", made.stamp_id.hex, "x"),
            "import": lambda: import_lines(limited, lines, "all.jsonl"),
        }
        with pytest.raises(RegistryError, match=REFUSED) as raised:
            actions[action]()
        assert limited.find(made.stamp_id) == made
    told = str(raised.value)
    for word in (str(parse_url(address).password), "denied", "policy", "INSERT", "SELECT"):
        assert word not in told
    assert not raised.value.retryable
    report = registry.check()
    assert (report.broken, report.rows) == (None, rows)
    assert not (tmp_path / "log.jsonl").exists()


def test_the_command_line_refuses_with_one_sentence_and_exit_code_4(
    registry: Registry, login: Login, run: Run, tmp_path: Path
) -> None:
    made = register(registry, tmp_path / "a.mp4")
    verifier = {"PROVENANCE_REGISTRY": login("verifier")}
    assert run("registry", "show", made.stamp_id.hex, env=verifier).code == 0
    assert run("registry", "audit", env=verifier).code == 0
    for words in (
        ("revoke", "--stamp", made.stamp_id.hex, "--reason", "x"),
        ("reinstate", "--stamp", made.stamp_id.hex, "--reason", "x"),
        ("sweep",),
        ("deliver", "--hook", "true"),
        ("export", "copy.jsonl"),
        ("roles", "--apply"),
    ):
        ran = run("registry", *words, env=verifier)
        assert ran.code == 4, words
        assert ran.err.count("\n") == 1
        assert "may not do this" in ran.err


def test_roles_are_printed_as_they_are_applied(registry: Registry, url: str, run: Run) -> None:
    printed = run("registry", "roles", env={"PROVENANCE_REGISTRY": url})
    assert (printed.code, printed.err) == (0, "")
    name = str(registry.database.url.database)
    for statement in (*roles.making(name), *roles.granting(name)):
        assert f"\n{statement};\n" in printed.out


def test_a_file_has_no_roles(run: Run, url: str, tmp_path: Path) -> None:
    with Registry(str(tmp_path / "r.db"), create=True):
        pass
    ran = run("registry", "roles", "--registry", "r.db")
    assert ran.code == 2
    assert "is a file" in ran.err


def test_a_database_whose_name_is_too_long_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="too long"):
        roles.role_names("a" * 60)
