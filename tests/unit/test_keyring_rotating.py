"""New keys beside the old ones: all or nothing, one process at a time, nothing forgotten."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509

from provenance.cli import main
from provenance.errors import KeyringError, OutputError, ProvenanceError, UsageError
from provenance.keyring import KINDS, Keyring, init_keyring, list_keys, rotate, rotating
from tests.conftest import environment

POSIX = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
LISTS = {"watermark": "watermark_keys", "prompt": "prompt_keys", "signing": "signing_keys"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keyring") / "keys"
    init_keyring(folder, "Example Studio")
    return folder


@pytest.fixture
def keys(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(made, tmp_path / "keys", copy_function=shutil.copy2)
    return tmp_path / "keys"


def index_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "keyring.json").read_text()))


def named(folder: Path) -> set[str]:
    """Every file that the index names."""
    text = (folder / "keyring.json").read_text()
    return {name for name in files(folder) if json.dumps(name) in text}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def works(folder: Path) -> Keyring:
    """The keyring, every part of it read; each kind has one current key."""
    ring = Keyring.load(folder)
    assert ring.signer.alg == "es256"
    assert ring.prompt_keys
    assert ring.warnings == ()
    for name in LISTS.values():
        assert [entry["state"] for entry in index_of(folder)[name]].count("current") == 1
    return ring


@pytest.mark.parametrize("kind", LISTS)
def test_a_rotation_makes_one_new_key_current_and_keeps_the_others(keys: Path, kind: str) -> None:
    before = index_of(keys)
    rotate(keys, {kind})
    works(keys)
    after = index_of(keys)
    new, *old = after[LISTS[kind]]
    assert new["state"] == "current"
    assert new["id"] not in {entry["id"] for entry in before[LISTS[kind]]}
    assert old == [{**entry, "state": "retired"} for entry in before[LISTS[kind]]]
    assert {name: after[name] for name in after if name != LISTS[kind]} == {
        name: before[name] for name in before if name != LISTS[kind]
    }


def test_watermark_keys_share_the_pilot_and_come_newest_first(keys: Path) -> None:
    rings = [works(keys), rotate(keys, {"watermark"}), rotate(keys, {"watermark"})]
    newest_first = tuple(ring.watermark_key for ring in reversed(rings))
    assert works(keys).watermark_keys == newest_first
    assert len({key.pilot_secret for key in newest_first}) == 1
    assert len({key.secret for key in newest_first}) == 3


def test_a_new_signing_certificate_is_issued_by_the_keyrings_own_authority(keys: Path) -> None:
    old = works(keys)
    ring = rotate(keys, {"signing"})
    assert ring.trust_anchors_pem == old.trust_anchors_pem
    root = x509.load_pem_x509_certificate(ring.trust_anchors_pem)
    leaf = x509.load_pem_x509_certificate(ring.signer.chain_pem)
    leaf.verify_directly_issued_by(root)
    assert ring.signer.chain_pem != old.signer.chain_pem


def test_a_new_authority_issues_from_now_on_and_the_former_stays_trusted(keys: Path) -> None:
    old = works(keys)
    rotate(keys, {"authority"})
    ring = rotate(keys, {"signing"})
    new_root, old_root = x509.load_pem_x509_certificates(ring.trust_anchors_pem)
    assert old.trust_anchors_pem in ring.trust_anchors_pem
    assert old_root == x509.load_pem_x509_certificate(old.trust_anchors_pem)
    x509.load_pem_x509_certificate(ring.signer.chain_pem).verify_directly_issued_by(new_root)


@POSIX
def test_new_private_files_are_for_their_owner_alone_whatever_the_umask(keys: Path) -> None:
    before, umask = files(keys), os.umask(0)
    try:
        rotate(keys, KINDS)
    finally:
        os.umask(umask)
    new = {name: stat.S_IMODE((keys / name).stat().st_mode) for name in files(keys) - before}
    private = {name for name in new if name.endswith((".secret", ".key.pem"))}
    assert len(private) == 4
    assert {new[name] for name in private} == {0o600}
    works(keys)


def test_without_the_authoritys_key_one_sentence_says_what_to_do(keys: Path) -> None:
    shutil.move(keys / "ca", keys.parent / "offline")
    before = files(keys)
    with pytest.raises(KeyringError, match="bring the `ca` folder back"):
        rotate(keys, {"watermark", "signing"})
    assert files(keys) - {".lock"} == before
    rotate(keys, {"watermark", "prompt"})
    shutil.move(keys.parent / "offline", keys / "ca")
    rotate(keys, {"signing"})
    works(keys)


@pytest.mark.parametrize("spoil", ["foreign", "damaged", "expired"])
def test_an_authority_that_can_not_issue_is_named(keys: Path, spoil: str, tmp_path: Path) -> None:
    path = keys / "ca" / "root.key.pem"
    if spoil == "foreign":
        init_keyring(tmp_path / "other", "Example Studio")
        shutil.copy2(tmp_path / "other" / "ca" / "root.key.pem", path)
    elif spoil == "damaged":
        path.write_text("hello")
    now = datetime.now(UTC) + timedelta(days=365 * 30 if spoil == "expired" else 0)
    with pytest.raises(KeyringError, match=r"authority's (key|certificate)"):
        rotate(keys, {"signing"}, now=now)
    works(keys)


@pytest.mark.parametrize("kinds", [(), ("pilot",), ("watermark", "everything")])
def test_an_unknown_kind_is_a_usage_error(keys: Path, kinds: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="watermark, signing, prompt"):
        rotate(keys, kinds)


def test_a_folder_without_keys_is_named_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="holds no keys"):
        rotate(tmp_path, {"watermark"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(15))
def test_an_interruption_at_any_step_leaves_a_keyring_that_works_and_nothing_unused(
    keys: Path, monkeypatch: pytest.MonkeyPatch, step: int, late: bool
) -> None:
    before = {*files(keys), ".lock"}
    # Seven files are written and moved, then the index is replaced.
    for module, name, first in ((rotating, "write_new", 0), (os, "rename", 7), (os, "replace", 14)):
        call = interrupted(step - first, late, getattr(module, name))
        monkeypatch.setattr(module, name, call)
    with pytest.raises(KeyboardInterrupt):
        rotate(keys, KINDS)
    works(keys)
    unused = files(keys) - before - named(keys)
    assert unused == set()
    assert len(works(keys).watermark_keys) == (2 if step == 14 and late else 1)


def test_the_next_rotation_removes_what_a_killed_one_left(keys: Path) -> None:
    left = keys / ".draft-0123" / "watermark"
    left.mkdir(parents=True)
    (left / "0123.secret").write_text("half a secr")
    rotate(keys, {"watermark"})
    assert [path.name for path in keys.glob(".*")] == [".lock"]


def interrupted(step: int, late: bool, original: Callable[..., Any]) -> Callable[..., Any]:
    """``original``, interrupted at its ``step``-th call, before or after it did its work."""
    left = [step]

    def call(*arguments: Any) -> Any:
        left[0] -= 1
        result = original(*arguments) if late or left[0] != -1 else None
        if left[0] == -1:
            raise KeyboardInterrupt
        return result

    return call


@POSIX
def test_a_kill_at_any_moment_leaves_a_keyring_that_works(keys: Path) -> None:
    code = (
        "import os, random, signal, sys, time\n"
        "from pathlib import Path\n"
        "from provenance.keyring import rotate\n"
        "draw = random.Random(4)\n"
        "for _ in range(60):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        rotate(Path(sys.argv[1]), ['watermark', 'signing', 'prompt'])\n"
        "        os._exit(0)\n"
        "    time.sleep(draw.uniform(0.0, 0.02))\n"
        "    os.kill(child, signal.SIGKILL)\n"
        "    os.waitpid(child, 0)\n"
        "    rotate(Path(sys.argv[1]), ['prompt'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(keys)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ring = works(keys)
    assert len(ring.prompt_keys) >= 61
    assert len(ring.prompt_keys) - 60 == len(ring.watermark_keys)
    assert len(index_of(keys)["signing_keys"]) == len(ring.watermark_keys)


def test_of_two_rotations_at_once_each_counts_whole_or_is_refused(keys: Path) -> None:
    results: list[object] = []

    def run() -> None:
        try:
            results.append(rotate(keys, {"watermark", "signing"}))
        except ProvenanceError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [result for result in results if isinstance(result, Keyring)]
    refused = [str(result) for result in results if isinstance(result, KeyringError)]
    assert winners
    assert len(winners) + len(refused) == 6
    assert all("another process" in sentence for sentence in refused)
    assert len(works(keys).watermark_keys) == 1 + len(winners)


def test_a_rotation_that_can_not_be_written_changes_nothing(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(keys)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        rotate(keys, {"watermark"})
    assert files(keys) - {".lock"} == before


# Listing ----------------------------------------------------------------------------------------


def invoke(*words: str | Path) -> Any:
    result = CliRunner().invoke(main, ["keys", *map(str, words)])
    assert "Traceback" not in result.output
    return result


def test_the_list_names_every_key_and_no_secret(keys: Path) -> None:
    ring = rotate(keys, {"watermark", "signing", "prompt"})
    shown = invoke("list", "--keys", keys).stdout + invoke("list", "--json", "--keys", keys).stdout
    rows = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    assert {row["id"] for row in rows} >= {key.key_id for key in ring.watermark_keys}
    assert [(row["kind"], row["state"]) for row in rows] == [
        *((kind, state) for kind in LISTS for state in ("current", "retired")),
        ("trust anchor", "trusted"),
    ]
    assert all(list(row) == list(rows[0]) for row in rows)
    for row in rows:
        assert shown.count(row["id"]) >= 2
        assert (row["valid_until"] is None) == (row["kind"] in ("watermark", "prompt"))
    secrets = [key.secret for key in ring.watermark_keys]
    secrets += [key.secret for key in ring.prompt_keys]
    assert not any(secret.hex() in shown for secret in secrets)
    assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("age", "words"),
    [(365 * 10 - 40, None), (365 * 10 - 10, "in 9 days"), (365 * 10 + 5, "expired on")],
)
def test_a_certificate_near_or_past_its_end_is_warned_of(
    tmp_path: Path, age: int, words: str | None
) -> None:
    now = datetime.now(UTC)
    init_keyring(tmp_path / "keys", "Example Studio", now=now - timedelta(days=age))
    (signing,) = (key for key in list_keys(tmp_path / "keys") if key.kind == "signing")
    warning = signing.warning(now)
    assert warning is None if words is None else warning is not None and words in warning
    result = invoke("list", "--keys", tmp_path / "keys")
    assert result.exit_code == 0
    assert result.stderr.count("Warning: ") == (0 if words is None else 1)


def test_a_machine_that_only_verifies_can_list_what_it_has(keys: Path) -> None:
    for part in ("ca", "signing", "prompt"):
        shutil.rmtree(keys / part)
    found = {key.kind: key for key in list_keys(keys)}
    assert found["watermark"].problem is None
    assert "is missing" in (found["signing"].problem or "")
    assert "not usable here" in invoke("list", "--keys", keys).stdout


def test_rotating_without_a_kind_says_what_to_choose(keys: Path) -> None:
    result = invoke("rotate", "--keys", keys)
    assert result.exit_code == 2
    assert "--watermark, --signing, --prompt" in result.stderr


def test_the_command_names_what_is_new(keys: Path) -> None:
    result = invoke("rotate", "--all", "--keys", keys)
    assert result.exit_code == 0
    ring = works(keys)
    assert f"watermark {ring.watermark_key.key_id} is current" in result.stdout
    assert f"prompt {ring.prompt_key.key_id} is current" in result.stdout
