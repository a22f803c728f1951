"""A registry changed by somebody with write access to its database and without any key."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance import Keyring, StampResult, VerificationReport, verify
from provenance.errors import RegistryError
from provenance.registry import Registry
from provenance.results import Verdict
from tests.conftest import Run, stamp_clip
from tests.integration.test_stamp_and_verify import remux


@dataclass(frozen=True)
class Desk:
    """A clip whose record somebody gets at; a copy without manifest; the keys."""

    folder: Path
    keyring: Keyring
    stamped: StampResult

    @property
    def clip(self) -> Path:
        return Path(self.stamped.output_path)

    @property
    def copy(self) -> Path:
        return self.folder / "copy.mp4"

    def tampered(self, folder: Path, *statements: str) -> Path:
        """The registry after some statements, which nothing of the program's saw."""
        database = folder / "registry.db"
        shutil.copy(self.folder / "registry.db", database)
        with contextlib.closing(sqlite3.connect(database)) as connection:
            for trigger in ("audit_no_update", "audit_no_delete"):
                connection.execute(f"DROP TRIGGER {trigger}")
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return database

    def check(self, path: Path, database: Path) -> VerificationReport:
        with Registry(str(database)) as registry:
            return verify(
                path,
                watermark_keys=self.keyring.watermark_keys,
                trust=self.keyring.trust,
                registry=registry,
            )


@pytest.fixture(scope="module")
def desk(clip: Path, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    with Registry(str(folder / "registry.db"), create=True) as registry:
        made = stamp_clip(
            clip, folder / "clip.mp4", keyring, registry=registry, consents=("consent-1",)
        )
        registry.withdrawals.withdraw("consent", "consent-2", "asked to")
    remux(Path(made.output_path), folder / "copy.mp4")
    return Desk(folder, keyring, made)


CHANGES = {
    "another model": "UPDATE stamp SET model_name = 'Other', model_version = '9'",
    "another maker": "UPDATE stamp SET provider = 'Other', signer = 'Other'",
    "another prompt": "UPDATE stamp SET prompt_hash = '00'",
    "no fingerprint": "DELETE FROM fingerprint",
    "a broken fingerprint": "UPDATE fingerprint SET data = x'00'",
    "a broken manifest": "UPDATE manifest SET store = x'00'",
    "no consents": "DELETE FROM consent",
    "no withdrawals": "DELETE FROM withdrawal",
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_audit_names_every_change_and_verify_still_answers(
    change: str, desk: Desk, tmp_path: Path
) -> None:
    """No change makes a better verdict than the file had, and none a traceback."""
    database = desk.tampered(tmp_path, CHANGES[change])
    with Registry(str(database)) as registry:
        broken = registry.check().broken
    assert broken is not None
    assert desk.check(desk.copy, database).verdict is not Verdict.CONFIRMED


@pytest.mark.parametrize("change", ["another model", "another prompt", "no consents"])
def test_a_record_that_contradicts_its_own_signed_manifest_is_a_conflict(
    change: str, desk: Desk, tmp_path: Path
) -> None:
    """Of the stamped file as of its copies: whoever writes the database holds no signing key."""
    database = desk.tampered(tmp_path, CHANGES[change])
    for path in (desk.clip, desk.copy):
        report = desk.check(path, database)
        assert report.verdict is Verdict.CONFLICT
        assert "its database was changed" in report.summary


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stamp SET created_at = 'soon'",
        "UPDATE stamp SET signed_at = ''",
        "UPDATE withdrawal SET at = 'soon', kind = 'consent', target = 'consent-1'",
    ],
)
def test_a_row_that_cannot_be_read_is_a_sentence_and_nothing_better_than_not_asked(
    statement: str, desk: Desk, tmp_path: Path, run: Run
) -> None:
    """A verdict that says that the registry could not be asked, and the exit code of that."""
    database = desk.tampered(tmp_path, statement)
    report = desk.check(desk.clip, database)
    assert report.registry.failed
    assert "behind this program's back" in (report.registry.reason or "")
    with Registry(str(database)) as registry, pytest.raises(RegistryError, match="from a backup"):
        registry.check()
    words = ("--keys", desk.keyring.folder, "--registry", database)
    assert run("verify", *words, desk.clip).code == 4
    audit = run("registry", "audit", "--registry", database)
    assert audit.code == 4
    assert "can't be read" in audit.err


def test_a_record_taken_away_leaves_a_stamp_that_nobody_knows(desk: Desk, tmp_path: Path) -> None:
    database = desk.tampered(
        tmp_path,
        "DELETE FROM consent",
        "DELETE FROM frame",
        "DELETE FROM fingerprint",
        "DELETE FROM manifest",
        "DELETE FROM stamp",
    )
    report = desk.check(desk.copy, database)
    assert (report.verdict, report.registry.status) == (Verdict.WATERMARK_UNKNOWN, "no_match")
    with Registry(str(database)) as registry:
        broken = registry.check().broken
    assert broken is not None
    assert "is gone" in broken.reason


def test_a_withdrawal_put_in_by_hand_counts_and_the_audit_says_that_it_has_no_row(
    desk: Desk, tmp_path: Path
) -> None:
    """To be withdrawn by mistake is the safer error."""
    database = desk.tampered(
        tmp_path,
        "INSERT INTO withdrawal (kind, target, reason, at) "
        "SELECT 'stamp', stamp_id, 'made up', created_at FROM stamp",
    )
    assert desk.check(desk.clip, database).verdict is Verdict.REVOKED
    with Registry(str(database)) as registry:
        broken = registry.check().broken
    assert broken is not None
    assert "has no row" in broken.reason


def test_a_log_cut_at_its_end_with_what_it_told_of_is_whole_and_only_a_kept_head_tells(
    desk: Desk, tmp_path: Path, run: Run
) -> None:
    """The last row and the withdrawal it told of: docs/registry.md says to keep heads elsewhere."""
    keys = ("--keys", desk.keyring.folder)
    before = shutil.copy(desk.folder / "registry.db", tmp_path / "before.db")
    signed = run("registry", "audit", "--registry", before, "--sign", "head.json", *keys)
    assert signed.code == 0
    database = desk.tampered(
        tmp_path,
        "DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)",
        "DELETE FROM withdrawal",
    )
    assert run("registry", "audit", "--registry", database).code == 0
    held = run("registry", "audit", "--registry", database, "--head", "head.json", *keys)
    assert held.code == 1
