"""The log's old part in a file: one chain with what is left, and nothing is forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from provenance import Keyring
from provenance.documents.archives import archive, archived
from provenance.documents.heads import check_head, write_head
from provenance.errors import OutputError, RegistryError, SealError, UsageError
from provenance.registry import AuditRow, Registry
from tests.conftest import Run
from tests.registry.conftest import register
from tests.registry.test_audit import without_triggers

SOON = timedelta(minutes=5)


def filled(registry: Registry, folder: Path, first: int, last: int) -> None:
    """A stamp a row, and a withdrawal."""
    for number in range(first, last):
        register(registry, folder / f"{number}.mp4", approval=f"approval-{number}")
    registry.withdrawals.withdraw("consent", f"consent-{first}", "asked to")


def moved(registry: Registry, path: Path, keyring: Keyring) -> int:
    return archive(registry, path, datetime.now(UTC) + SOON, keyring.signer)


def test_the_log_goes_on_after_a_cut_and_holds_with_and_without_the_archives(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    whole = list(rows_of(registry))
    for turn, first in enumerate((0, 3)):
        filled(registry, tmp_path, first, first + 3)
        whole = [*whole, *(row for row in rows_of(registry) if row not in whole)]
        moved(registry, tmp_path / f"log-{turn}.jsonl", keyring)
    filled(registry, tmp_path, 6, 8)
    whole = [*whole, *(row for row in rows_of(registry) if row not in whole)]
    files = [tmp_path / "log-0.jsonl", tmp_path / "log-1.jsonl"]
    assert [*archived(files, keyring.issuers_pem), *rows_of(registry)] == whole
    assert [row.number for row in whole] == list(range(1, len(whole) + 1))

    alone = registry.check()
    assert (alone.broken, alone.archived) == (None, whole[-1].number - alone.rows)
    assert alone.unchecked == 8, "six stamps and two withdrawals"
    both = registry.check(archived(files, keyring.issuers_pem))
    assert (both.broken, both.unchecked, both.rows) == (None, 0, len(whole))


def rows_of(registry: Registry) -> list[AuditRow]:
    with registry.database.reading() as connection:
        return list(registry.audit.rows(connection))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        # what, and how it is told without the archive and with it
        ("UPDATE stamp SET layout = 9 WHERE approval = 'approval-0'", (None, "was changed")),
        ("UPDATE stamp SET layout = 9 WHERE approval = 'approval-4'", ("changed", "changed")),
        ("UPDATE withdrawal SET reason = 'x' WHERE target = 'consent-0'", (None, "was changed")),
        ("DELETE FROM withdrawal WHERE target = 'consent-0'", (None, "is gone")),
        ("DELETE FROM audit WHERE number = 8", ("is missing", "is missing")),
        ("DELETE FROM audit WHERE event = 'archive'", ("is missing", "is missing")),
    ],
)
def test_what_was_changed_behind_its_back_is_named_as_far_as_the_rows_are_at_hand(
    registry: Registry,
    keyring: Keyring,
    tmp_path: Path,
    statement: str,
    told: tuple[str | None, str],
) -> None:
    filled(registry, tmp_path, 0, 3)
    moved(registry, tmp_path / "log.jsonl", keyring)
    filled(registry, tmp_path, 3, 6)
    without_triggers(registry, statement)
    files = [tmp_path / "log.jsonl"]
    for rows, reason in zip(((), archived(files, keyring.issuers_pem)), told, strict=True):
        broken = registry.check(rows).broken
        assert (broken is None) == (reason is None)
        assert broken is None or str(reason) in broken.reason


def test_the_database_lets_go_of_archived_rows_alone(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    moved(registry, tmp_path / "log.jsonl", keyring)
    filled(registry, tmp_path, 3, 6)
    for statement in ("DELETE FROM audit", "UPDATE audit SET event = 'x'"):
        with (
            pytest.raises(RegistryError, match="never changed"),
            registry.database.writing() as connection,
        ):
            connection.execute(sa.text(statement))
    assert registry.check().broken is None


def test_heads_that_were_signed_before_the_cut_are_found_in_the_archive(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    write_head(registry, tmp_path / "head.json", keyring.signer)
    filled(registry, tmp_path, 3, 6)
    moved(registry, tmp_path / "log.jsonl", keyring)
    head, issuers = tmp_path / "head.json", keyring.issuers_pem
    assert "is gone" in str(check_head(registry, head, issuers))
    assert check_head(registry, head, issuers, archived([tmp_path / "log.jsonl"], issuers)) is None


def test_keys_that_were_let_in_stay_let_in_and_the_log_keeps_its_name(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 2)
    registry.stampers.admit(["k1"])
    name = registry.audit.name()
    moved(registry, tmp_path / "log-0.jsonl", keyring)
    filled(registry, tmp_path, 2, 4)
    moved(registry, tmp_path / "log-1.jsonl", keyring)
    registry.stampers.refuse_strangers(["k1"], "Another Studio")
    with pytest.raises(UsageError, match="none by the keys of"):
        registry.stampers.refuse_strangers(["k2"], "A Third Studio")
    assert registry.audit.name() == name


def test_nothing_leaves_before_every_receiver_was_told(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    with registry.deliveries.turn("takedown") as (turn, _):
        turn.told(2)
    with pytest.raises(UsageError, match="told to takedown; run"):
        moved(registry, tmp_path / "log.jsonl", keyring)
    with registry.deliveries.turn("takedown") as (turn, _):
        turn.told(4)
    assert moved(registry, tmp_path / "log.jsonl", keyring) == 4
    with registry.deliveries.turn("takedown") as (turn, told):
        assert [getattr(one, "event", None) for one in turn.notices(told)] == [None]


def test_a_file_that_can_not_be_written_costs_no_row(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    before = rows_of(registry)
    (tmp_path / "there.jsonl").write_text("x")
    with pytest.raises(UsageError, match="exists already"):
        moved(registry, tmp_path / "there.jsonl", keyring)
    with pytest.raises(OutputError):
        moved(registry, tmp_path / "none" / "log.jsonl", keyring)
    with pytest.raises(UsageError, match="No row"):
        archive(registry, tmp_path / "log.jsonl", datetime(2020, 1, 1, tzinfo=UTC), keyring.signer)
    assert rows_of(registry) == before


def test_an_archive_that_was_changed_or_is_anothers_is_refused(
    registry: Registry, keyring: Keyring, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    moved(registry, tmp_path / "log.jsonl", keyring)
    content = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "changed.jsonl").write_bytes(content.replace(b"consent-0", b"consent-9"))
    with pytest.raises(SealError, match="changed or cut off"):
        registry.check(archived([tmp_path / "changed.jsonl"], keyring.issuers_pem))
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        filled(other, tmp_path, 6, 9)
        moved(other, tmp_path / "other.jsonl", keyring)
    broken = registry.check(archived([tmp_path / "other.jsonl"], keyring.issuers_pem)).broken
    assert broken is not None
    assert "do not end with row 4 as it was" in broken.reason


def test_the_command_archives_tells_what_is_left_and_checks_both(
    registry: Registry, url: str, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    filled(registry, tmp_path, 0, 3)
    env = {"PROVENANCE_REGISTRY": url, "PROVENANCE_KEYS": str(keyring.folder)}
    asked = ("registry", "audit")
    assert run(*asked, "--archive", "log.jsonl", env=env).code == 2
    assert run(*asked, "--archive", "log.jsonl", "--before", "soon", env=env).code == 2
    nothing = run(*asked, "--archive", "log.jsonl", "--before", "2020-01-01", env=env)
    assert (nothing.code, nothing.err) == (
        2,
        "Error: No row of the log is from before then.\n",
    )
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    done = run(*asked, "--archive", "log.jsonl", "--before", tomorrow, env=env)
    assert done.code == 0, done.err
    assert "All 5 rows hold" in done.out
    assert "Rows up to 4 are in archives." in done.out
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 5
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[1])["number"] == 1
    alone = run(*asked, env=env)
    assert (alone.code, "4 older records not held against them" in alone.out) == (0, True)
    both = run(*asked, "--archived", "log.jsonl", "--json", env=env).row
    assert (both["whole"], both["archived"], both["unchecked"]) == (True, 4, 0)

    filled(registry, tmp_path, 3, 5)
    again = run(*asked, "--archive", "more.jsonl", "--before", tomorrow, env=env)
    assert (again.code, "Rows up to 8 are in archives" in again.out) == (0, True), again.out
    whole = run(*asked, "--archived", "log.jsonl", "--archived", "more.jsonl", "--json", env=env)
    assert (whole.row["whole"], whole.row["rows"], whole.row["unchecked"]) == (True, 9, 0)
