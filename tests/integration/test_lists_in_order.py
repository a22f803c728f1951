"""Signed lists and bundles can't be rolled back: a verifier knows the newest that it has seen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.documents.bundles import open_bundle, write_bundle
from provenance.documents.lists import read_revocations, write_revocations
from provenance.documents.seal import seal, unseal
from provenance.documents.seen import Seen
from provenance.errors import SealError
from provenance.registry import Registry
from tests.conftest import Run
from tests.signing import Studio

DAY = timedelta(days=1)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(str(tmp_path / "registry.db"), create=True) as registry:
        registry.withdrawals.withdraw("consent", "consent-0", "asked to")
        yield registry


@pytest.fixture
def lists(registry: Registry, keyring: Keyring, tmp_path: Path) -> tuple[Path, Path]:
    """An older list, and a newer one."""
    older, newer = tmp_path / "older.json", tmp_path / "newer.json"
    write_revocations(registry, older, keyring.signer, valid=DAY)
    registry.withdrawals.withdraw("consent", "consent-1", "asked to")
    write_revocations(registry, newer, keyring.signer, valid=DAY)
    return older, newer


def test_an_older_list_is_refused_once_a_newer_one_was_seen(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    """The newer one, and the older before it, are taken; the file is its owner's alone."""
    older, newer = lists
    seen = Seen(tmp_path / "data" / "seen.json")
    for path in (older, newer, newer):
        read_revocations(path, keyring.issuers_pem, seen)
    with pytest.raises(
        SealError, match=r"row 1 of .* is older than one of .* \(row 3\) that was seen"
    ):
        read_revocations(older, keyring.issuers_pem, seen)
    if os.name == "posix":
        assert (tmp_path / "data" / "seen.json").stat().st_mode & 0o777 == 0o600


def test_the_command_remembers_across_runs_and_can_be_told_not_to(
    lists: tuple[Path, Path], keyring: Keyring, run: Run, clip: Path
) -> None:
    """In the user data folder, without being asked; a list too old is exit code 4 as well."""
    verify = ("verify", clip, "--keys", keyring.folder, "--registry", "none", "--revocations")
    assert run(*verify, lists[0]).code == 1
    assert run(*verify, lists[1]).code == 1
    refused = run(*verify, lists[0])
    assert refused.code == 4
    assert "that was seen; get a fresh one" in refused.err
    assert run(*verify, lists[0], "--seen", "none").code == 1
    old = run(*verify, lists[1], "--max-list-age", "0.000001")
    assert old.code == 4
    assert "longer ago" in old.err


def test_a_verifier_that_remembers_nothing_takes_a_list_while_it_stands(
    lists: tuple[Path, Path], keyring: Keyring
) -> None:
    for path in reversed(lists):
        read_revocations(path, keyring.issuers_pem, Seen(None))


def test_an_older_bundle_is_refused_and_one_goes_with_a_newer_list(
    registry: Registry, lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    """A monthly bundle and a weekly list stand beside each other."""
    older, newer = tmp_path / "bundle-1", tmp_path / "bundle-2"
    seen = Seen(tmp_path / "seen.json")
    write_bundle(registry, older, keyring.signer, valid=DAY)
    read_revocations(lists[1], keyring.issuers_pem, seen)
    with open_bundle(older, keyring.issuers_pem, seen):
        pass
    write_bundle(registry, newer, keyring.signer, valid=DAY)
    with open_bundle(newer, keyring.issuers_pem, seen):
        pass
    with (
        pytest.raises(SealError, match="is older than one"),
        open_bundle(older, keyring.issuers_pem, seen),
    ):
        pass


def test_another_signer_can_not_lock_the_registrys_own_lists_out(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    """By naming its log at a row that it has not come to."""
    studio = Studio("Another Studio")
    said = unseal("revocations", lists[0].read_bytes(), keyring.issuers_pem, "x", expires=True)
    far = {"withdrawals": [], "log": said.document["log"] | {"row": 10**9}}
    (tmp_path / "far").write_bytes(seal("revocations", far, studio.signer, valid=DAY))
    seen = Seen(tmp_path / "seen.json")
    read_revocations(tmp_path / "far", studio.root.certificate_pem, seen)
    read_revocations(lists[0], keyring.issuers_pem, seen)


def test_a_memory_that_can_not_be_kept_is_an_error(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(SealError, match="name another file, or none"):
        read_revocations(lists[0], keyring.issuers_pem, Seen(tmp_path / "file" / "seen.json"))


def test_lists_of_two_registries_do_not_get_in_each_others_way(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    seen = Seen(tmp_path / "seen.json")
    read_revocations(lists[1], keyring.issuers_pem, seen)
    with Registry(str(tmp_path / "other.db"), create=True) as other:
        other.withdrawals.withdraw("consent", "consent-9", "asked to")
        write_revocations(other, tmp_path / "other", keyring.signer, valid=DAY)
    read_revocations(tmp_path / "other", keyring.issuers_pem, seen)


def test_a_log_that_says_two_things_at_one_row_was_rewritten(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    seen = Seen(tmp_path / "seen.json")
    read_revocations(lists[1], keyring.issuers_pem, seen)
    content = lists[1].read_bytes()
    said = unseal("revocations", content, keyring.issuers_pem, "x", expires=True).document
    forked = {"withdrawals": [], "log": said["log"] | {"hash": "00" * 32}}
    fork = tmp_path / "fork"
    fork.write_bytes(seal("revocations", forked, keyring.signer, valid=DAY))
    with pytest.raises(SealError, match="the log was rewritten"):
        read_revocations(fork, keyring.issuers_pem, seen)


def test_a_list_without_a_row_is_taken_until_one_with_a_row_was_seen(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    """As release 0.1.0 wrote them."""
    plain = tmp_path / "plain"
    plain.write_bytes(seal("revocations", {"withdrawals": []}, keyring.signer, valid=DAY))
    seen = Seen(tmp_path / "seen.json")
    read_revocations(plain, keyring.issuers_pem, seen)
    read_revocations(lists[0], keyring.issuers_pem, seen)
    with pytest.raises(SealError, match="does not say how new it is"):
        read_revocations(plain, keyring.issuers_pem, seen)


def test_a_list_issued_too_long_ago_is_refused_whatever_was_seen(
    lists: tuple[Path, Path], keyring: Keyring
) -> None:
    content = lists[0].read_bytes()
    sealed = unseal("revocations", content, keyring.issuers_pem, "x", expires=True)
    later = datetime.now(UTC) + timedelta(hours=13)
    with pytest.raises(SealError, match=r"longer ago than the 0\.5 days allowed"):
        Seen(None, max_age=DAY / 2).accept("revocations", sealed, "list", now=later)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "x"}', '{"registries": {"a": 1}}'])
def test_a_damaged_memory_is_an_error_and_never_taken_for_an_empty_one(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "seen.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SealError, match="is damaged"):
        read_revocations(lists[0], keyring.issuers_pem, Seen(path))
    assert path.read_text(encoding="utf-8") == content


def test_the_memory_holds_what_was_seen_and_no_file_name(
    lists: tuple[Path, Path], keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "seen.json"
    read_revocations(lists[0], keyring.issuers_pem, Seen(path))
    (entry,) = json.loads(path.read_text(encoding="utf-8"))["registries"].values()
    assert set(entry) == {"row", "hash", "issued_at"}
