"""``provenance registry`` from the command line, as staff use it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.registry import now
from tests.clips import Spec, make_clip
from tests.conftest import MODEL, Run, entries

PROMPT = ("--prompt", "Jane Doe feeds her cat in Example Street 7")


@pytest.fixture
def stamped(run: Run, keyring: Keyring, tmp_path: Path) -> str:
    """A clip stamped with the default registry; the stamp id."""
    make_clip(tmp_path / "Jane Doe.mp4", Spec(size=(320, 240), frames=24))
    ran = run(
        *("stamp", "Jane Doe.mp4", "out.mp4", *MODEL, *PROMPT, "--keys", keyring.folder),
        *("--consent", "consent-1", "--approval", "approval-1", "--json"),
    )
    assert ran.code == 0, ran.err
    return str(ran.row["stamp_id"])


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every test has a user data folder of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def database(tmp_path: Path) -> Path:
    """The default registry."""
    return tmp_path / "data" / "provenance-stamp" / "registry.db"


def test_a_stamp_is_shown_by_its_id(run: Run, stamped: str, tmp_path: Path) -> None:
    ran = run("registry", "show", stamped, "--json", "--manifest", "m.c2pa")
    assert ran.row["model"] == {"name": "ExampleVideoModel", "version": "3.2.1"}
    assert ran.row["consents"] == ["consent-1"]
    assert ran.row["revocation"] is None
    assert (tmp_path / "m.c2pa").read_bytes()[4:8] == b"jumb"
    told = run("registry", "show", stamped)
    assert "ExampleVideoModel 3.2.1" in told.out
    missing = run("registry", "show", "0" * 16)
    assert (missing.code, missing.out) == (3, "")
    assert "has no stamp" in missing.err
    assert run("registry", "show", "seven").code == 2


def test_neither_prompt_nor_names_are_in_the_registrys_file(
    run: Run, stamped: str, tmp_path: Path
) -> None:
    assert run("registry", "audit").code == 0
    files = list(database(tmp_path).parent.iterdir())
    content = b"".join(path.read_bytes() for path in files)
    assert stamped.encode() in content
    for secret in (b"Jane", b"cat in", b"Example Street", str(tmp_path).encode()):
        assert secret not in content
    assert database(tmp_path).stat().st_mode & 0o077 == 0


def test_search_lists_what_fits(run: Run, stamped: str) -> None:
    assert run("registry", "search", "--consent", "consent-1", "--json").row["stamp_id"] == stamped
    assert run("registry", "search", "--model-version", "9", "--json").rows == []
    assert stamped in run("registry", "search").out
    assert run("registry", "search", "--like", "out.mp4", "--json").row["record"]["stamp_id"] == (
        stamped
    )
    assert run("registry", "search", "--like", "out.mp4", "--key", "k").code == 2


def test_revoking_and_reinstating_show_in_verify(run: Run, stamped: str, keyring: Keyring) -> None:
    verify = ("verify", "out.mp4", "--keys", keyring.folder, "--json", "--record")
    assert run(*verify).row["verdict"] == "CONFIRMED"
    revoked = run("registry", "revoke", "--stamp", stamped, "--reason", "leaked", "--json")
    assert (revoked.row["stamps"], revoked.row["reason"]) == (1, "leaked")
    ran = run(*verify)
    assert (ran.code, ran.row["verdict"]) == (1, "REVOKED")
    assert ran.row["registry"]["revocation"]["reason"] == "leaked"
    assert run("registry", "revoke", "--stamp", stamped, "--reason", "again").code == 2
    assert run("registry", "reinstate", "--stamp", stamped, "--reason", "cleared").code == 0
    assert run(*verify).row["verdict"] == "CONFIRMED"
    audit = run("registry", "audit", "--json")
    assert (audit.code, audit.row["whole"]) == (0, True)
    assert audit.row["head"]["event"] == "verify"
    assert audit.row["rows"] == 6


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ((), "Say what"),
        (("--stamp", "0" * 16, "--key", "k"), "Say what"),
        (("--model-version", "1", "--key", "k"), "goes with --model-name"),
        (("--stamp", "x"), "16 hexadecimal digits"),
        (("--consent", " "), "reference"),
    ],
)
def test_a_withdrawal_needs_one_target(
    flags: tuple[str, ...], word: str, run: Run, stamped: str
) -> None:
    ran = run("registry", "revoke", *flags, "--reason", "r")
    assert ran.code == 2
    assert word in ran.err


def test_a_withdrawal_that_hits_nothing_is_refused_unless_it_is_meant(
    run: Run, stamped: str
) -> None:
    """A mistyped name must not read as done."""
    typo = ("registry", "revoke", "--model-name", "ExmapleVideoModel", "--reason", "recalled")
    ran = run(*typo)
    assert ran.code == 2
    assert "nothing was withdrawn" in ran.err
    assert "--even-if-none" in ran.err
    assert run(*typo, "--dry-run").code == 2, "looking first tells it too"
    assert run(*typo, "--even-if-none", "--json").row["stamps"] == 0


def test_a_dry_run_names_what_a_withdrawal_would_hit_and_does_nothing(
    run: Run, stamped: str
) -> None:
    asked = ("registry", "revoke", "--stamp", stamped, "--reason", "early")
    ran = run(*asked, "--dry-run")
    assert ran.code == 0
    assert f"hits 1 stamp registered so far.\n  {stamped}" in ran.out
    row = run(*asked, "--dry-run", "--json").row
    assert (row["stamps"], row["done"]) == (1, False)
    assert run("registry", "show", stamped, "--json").row["revocation"] is None
    assert run(*asked, "--json").row["done"] is True


def test_a_change_behind_its_back_is_told(run: Run, stamped: str, tmp_path: Path) -> None:
    with sqlite3.connect(database(tmp_path)) as connection:
        connection.execute("UPDATE stamp SET model_version = '4'")
    ran = run("registry", "audit")
    assert ran.code == 1
    assert "row 1" in ran.out
    assert stamped in ran.out


def test_rows_taken_off_the_end_are_found_with_a_signed_head(
    run: Run, stamped: str, keyring: Keyring, tmp_path: Path
) -> None:
    keys = ("--keys", keyring.folder)
    run("registry", "revoke", "--key", "other", "--reason", "leaked", "--even-if-none")
    assert run("registry", "audit", "--sign", "head.json", *keys).code == 0
    assert run("registry", "audit", "--head", "head.json", *keys).code == 0
    with sqlite3.connect(database(tmp_path)) as connection:
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute("DELETE FROM audit WHERE number = 2")
        connection.execute("DELETE FROM withdrawal")
    assert run("registry", "audit").code == 0, "a chain alone can't tell"
    ran = run("registry", "audit", "--head", "head.json", *keys)
    assert ran.code == 1
    assert "row 2" in ran.out


def test_a_withdrawn_key_says_until_when_it_was_good(
    run: Run, stamped: str, keyring: Keyring
) -> None:
    """A day is its midnight in UTC, a time needs its zone; what the row proves older stands."""
    signer = run("registry", "show", stamped, "--json").row["signer_id"]
    revoke = ("registry", "revoke", "--key", signer, "--reason", "stolen", "--json")
    for wrong in ("yesterday", "2026-11-22T10:00:00", "2999-01-01"):
        ran = run(*revoke, "--good-before", wrong)
        assert ran.code == 2
    told = run(*revoke, "--good-before", "2026-11-22T01:00:00+01:00")
    assert (told.row["good_before"], told.row["stamps"]) == ("2026-11-22T00:00:00.000000Z", 1)
    assert (
        "what was signed before 2026-11-22 00:00 UTC counts" in run("registry", "show", stamped).out
    )
    verify = ("verify", "out.mp4", "--keys", keyring.folder, "--json")
    report = run(*verify).row
    assert report["verdict"] == "REVOKED"
    assert report["registry"]["revocation"]["good_before"] == "2026-11-22T00:00:00.000000Z"
    reason = ("--reason", "found out since when")
    assert run("registry", "reinstate", "--key", signer, *reason).code == 0
    moment = now().isoformat()
    assert run(*revoke, "--good-before", moment).row["stamps"] == 0
    assert run(*verify).row["verdict"] == "CONFIRMED"
    k2 = ("registry", "revoke", "--key", "k2", *reason, "--good-before", "2026-11-22", "--json")
    day = run(*k2, "--even-if-none")
    assert day.row["good_before"] == "2026-11-22T00:00:00.000000Z"
    assert run("registry", "audit").code == 0


def test_lists_bundles_and_lines_go_round(
    run: Run, stamped: str, keyring: Keyring, tmp_path: Path
) -> None:
    keys = ("--keys", keyring.folder)
    run("registry", "revoke", "--consent", "consent-1", "--reason", "asked to")
    assert run("registry", "export", "all.jsonl").code == 0
    assert run("registry", "export", "--bundle", "all.bundle", *keys).code == 0
    assert run("registry", "export", "--revocations", "list.json", *keys).code == 0
    assert run("registry", "export", "all.jsonl").code == 2, "nothing is replaced"
    assert run("registry", "export").code == 2
    assert run("registry", "import", "all.jsonl", "--registry", "other.db").code == 0
    verify = ("verify", "out.mp4", *keys, "--json")
    for source in (
        ("--registry", "other.db"),
        ("--bundle", "all.bundle"),
        ("--registry", "none", "--revocations", "list.json"),
    ):
        assert run(*verify, *source).row["verdict"] == "REVOKED"
    assert run(*verify, "--registry", "none").row["verdict"] == "CONFIRMED"
    broken = tmp_path / "broken.json"
    broken.write_bytes((tmp_path / "list.json").read_bytes()[:-40])
    ran = run(*verify, "--revocations", "broken.json")
    assert (ran.code, ran.out) == (4, "")
    (tmp_path / "bad.jsonl").write_text('{"type": "stamp"}\n')
    bad = run("registry", "import", "bad.jsonl", "--registry", "other.db")
    assert bad.code == 3
    assert "Line 1 of bad.jsonl" in bad.err


def test_a_list_has_to_come_from_the_keys_folders_own_organisation(
    run: Run, stamped: str, keyring: Keyring, tmp_path: Path
) -> None:
    """A root that is trusted for manifests withdraws nothing; without keys it is whom one names."""
    assert run("keys", "init", "--keys", "partner", "--org", "Partner").code == 0
    partner = Keyring.load(tmp_path / "partner")
    roots = tmp_path / "partner.pem"
    roots.write_bytes(partner.trust_anchors_pem)
    run("registry", "revoke", "--stamp", stamped, "--reason", "out of spite")
    for kind in ("--revocations", "--bundle"):
        theirs = f"theirs{kind}"
        assert run("registry", "export", kind, theirs, "--keys", "partner").code == 0
        ran = run("verify", "out.mp4", "--keys", keyring.folder, "--trust", roots, kind, theirs)
        assert (ran.code, ran.out) == (4, "")
        assert "Partner" in ran.err
        assert "not trusted" in ran.err
    listed = ("--registry", "none", "--revocations", "theirs--revocations")
    ran = run("verify", "out.mp4", "--trust", roots, *listed, "--json")
    assert ran.code == 1, "no keys of one's own"


def test_a_registry_that_was_named_and_is_not_there_is_an_error(run: Run, stamped: str) -> None:
    ran = run("registry", "search", "--registry", "nowhere.db")
    assert ran.code == 4
    assert "There is no registry nowhere.db" in ran.err
    ran = run("verify", "out.mp4", "--registry", "nowhere.db")
    assert ran.code == 4


def test_a_file_that_is_no_registry_is_told_as_that(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database at all, but long enough to look")
    ran = run("registry", "search", "--registry", "text.db")
    assert ran.code == 4
    assert "text.db" in ran.err


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "://nothing"])
def test_an_address_of_no_registry_is_wrong_usage(url: str, run: Run) -> None:
    assert run("registry", "search", "--registry", url).code == 2


def test_a_password_in_an_argument_is_refused_and_not_repeated(run: Run) -> None:
    ran = run("registry", "search", "--registry", "postgresql://me:hunter2@localhost/db")
    assert ran.code == 2
    assert "hunter2" not in ran.err
    assert "PROVENANCE_REGISTRY" in ran.err


def test_a_server_that_is_down_is_told_without_its_password(run: Run) -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/db"
    ran = run("registry", "search", env={"PROVENANCE_REGISTRY": url})
    assert ran.code == 4
    assert "hunter2" not in ran.err
    assert "127.0.0.1" in ran.err


def test_nothing_is_stamped_while_the_registry_is_down(
    run: Run, stamped: str, keyring: Keyring, tmp_path: Path
) -> None:
    before = entries(tmp_path)
    ran = run(
        *("stamp", "Jane Doe.mp4", "more.mp4", *MODEL, *PROMPT, "--keys", keyring.folder),
        env={"PROVENANCE_REGISTRY": "postgresql://me@127.0.0.1:1/db"},
    )
    assert ran.code == 4
    assert entries(tmp_path) == before


def test_without_a_registry_everything_else_works(
    run: Run, stamped: str, keyring: Keyring, tmp_path: Path
) -> None:
    words = ("stamp", "Jane Doe.mp4", "more.mp4", *MODEL, *PROMPT, "--keys", keyring.folder)
    assert run(*words, "--registry", "none").code == 0
    found = run("verify", "more.mp4", "--keys", keyring.folder, "--registry", "none", "--json").row
    assert found["verdict"] == "CONFIRMED"
    assert found["registry"]["status"] == "not_checked"
    assert json.loads(run("registry", "sweep", "--json").out)["released"] == []
    assert run("registry", "search", "--registry", "none").code == 2
