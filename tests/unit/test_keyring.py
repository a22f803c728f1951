"""The keys folder: made whole or not at all, read with a clear word on what is wrong."""

import errno
import json
import os
import shutil
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import KeyringError, OutputError, ProvenanceError, UsageError
from provenance.keyring import Keyring, derive_key_id, init_keyring, is_keyring, making, rotate

POSIX = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keyring") / "keys"
    init_keyring(folder, "Example Studio")
    return folder


@pytest.fixture
def keys(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "keys", copy_function=shutil.copy2)
    return tmp_path / "keys"


def files(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def edit(folder: Path, **changes: Any) -> None:
    index = json.loads((folder / "keyring.json").read_text())
    (folder / "keyring.json").write_text(json.dumps({**index, **changes}))


def secret_of(folder: Path, part: str) -> Path:
    (path,) = (p for p in (folder / part).glob("*.secret") if p.name != "pilot.secret")
    return path


def test_fresh_keys_load_and_belong_to_the_organisation(made: Path) -> None:
    ring = Keyring.load(made)
    assert ring.organisation == "Example Studio"
    assert ring.warnings == ()
    assert ring.watermark_keys == (ring.watermark_key,)
    assert len(ring.watermark_key.secret) == len(ring.watermark_key.pilot_secret) == 32
    assert len({ring.watermark_key.secret, ring.watermark_key.pilot_secret}) == 2
    assert ring.prompt_key.secret not in (ring.watermark_key.secret, bytes(32))
    assert ring.signer.alg == "es256"
    assert ring.trust_anchors_pem == (made / "ca" / "root.pem").read_bytes()
    assert is_keyring(made)


def test_no_two_keyrings_share_a_secret(made: Path, tmp_path: Path) -> None:
    one, other = Keyring.load(made), init_keyring(tmp_path / "k", "Example Studio")
    assert one.watermark_key.secret != other.watermark_key.secret
    assert one.trust_anchors_pem != other.trust_anchors_pem


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_private_files_are_for_their_owner_alone_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask & 0o077)
    try:
        init_keyring(tmp_path / "keys", "Example Studio")
    finally:
        os.umask(before)
    modes = files(tmp_path / "keys")
    private = {name for name in modes if name.endswith((".secret", ".key.pem"))}
    assert len(private) == 5
    assert all(modes[name] == 0o600 for name in private)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "ca").stat().st_mode) == 0o700


def test_keys_are_never_overwritten(keys: Path) -> None:
    before = {name: (keys / name).read_bytes() for name in files(keys)}
    with pytest.raises(KeyringError, match="never overwritten"):
        init_keyring(keys, "Somebody Else")
    assert {name: (keys / name).read_bytes() for name in files(keys)} == before


def test_a_part_of_a_keyring_is_not_overwritten_either(keys: Path) -> None:
    (keys / "keyring.json").unlink()
    with pytest.raises(KeyringError, match="never overwritten"):
        init_keyring(keys, "Example Studio")


def test_a_folder_that_holds_other_files_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("about keys")
    init_keyring(tmp_path, "Example Studio")
    assert (tmp_path / "README.md").read_text() == "about keys"
    assert Keyring.load(tmp_path).organisation == "Example Studio"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_folders_above_are_made_when_missing(tmp_path: Path) -> None:
    init_keyring(tmp_path / "a" / "b", "Example Studio")
    assert is_keyring(tmp_path / "a" / "b")


@pytest.mark.parametrize("step", range(15))
def test_an_interruption_at_any_step_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    left = [step]

    def stop_in_time(original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return original(*arguments)

        return call

    for name in ("write_new", "_move_new"):
        monkeypatch.setattr(making, name, stop_in_time(getattr(making, name)))
    monkeypatch.setattr(os, "rename", stop_in_time(os.rename))
    folder = tmp_path / "keys"
    with pytest.raises(KeyboardInterrupt):
        init_keyring(folder, "Example Studio")
    assert os.listdir(tmp_path) == []


def test_of_two_inits_at_once_one_wins_and_the_other_is_refused(tmp_path: Path) -> None:
    results: list[object] = []

    def run(name: str) -> None:
        try:
            results.append(init_keyring(tmp_path / "keys", name).organisation)
        except ProvenanceError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(f"Studio {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [result for result in results if isinstance(result, str)]
    assert len(winners) <= 1
    if winners:
        ring = Keyring.load(tmp_path / "keys")
        assert ring.organisation == winners[0]
        assert ring.signer


def test_a_file_in_the_folders_place_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("x")
    with pytest.raises(OutputError, match="choose a folder"):
        init_keyring(tmp_path / "keys", "Example Studio")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
def test_a_name_that_no_certificate_can_hold_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="give another one"):
        init_keyring(tmp_path / "keys", name)
    assert not (tmp_path / "keys").exists()


def test_secrets_never_show_in_repr(made: Path) -> None:
    ring = Keyring.load(made)
    shown = repr(ring) + repr(ring.signer) + repr(ring.prompt_key) + repr(ring.watermark_key)
    for secret in (
        ring.watermark_key.secret,
        ring.watermark_key.pilot_secret,
        ring.prompt_key.secret,
    ):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert "PRIVATE" not in shown


def test_a_key_id_names_a_secret_and_its_purpose() -> None:
    assert derive_key_id(bytes(32), "watermark") == derive_key_id(bytes(32), "watermark")
    assert len({derive_key_id(bytes(32), p) for p in ("watermark", "pilot", "prompt")}) == 3
    assert len(derive_key_id(bytes(32), "prompt")) == 8


def test_timestamp_anchors_are_read_apart_from_the_signers(keys: Path, tmp_path: Path) -> None:
    other = init_keyring(tmp_path / "other", "Time Company").trust_anchors_pem
    (keys / "trust" / "time.pem").write_bytes(other)
    edit(keys, timestamp_anchors=["trust/time.pem"])
    ring = Keyring.load(keys)
    assert ring.tsa_anchors_pem == other
    assert other not in ring.trust_anchors_pem


# What can be wrong ------------------------------------------------------------------------------


def test_a_missing_folder_and_a_folder_without_keys_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="no keys folder"):
        Keyring.load(tmp_path / "gone")
    with pytest.raises(KeyringError, match=r"keyring\.json is missing"):
        Keyring.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_index_is_named(keys: Path, content: bytes) -> None:
    (keys / "keyring.json").write_bytes(content)
    with pytest.raises(KeyringError, match=r"keyring\.json is damaged"):
        Keyring.load(keys)


@pytest.mark.parametrize(
    "change",
    [
        {"organisation": 7},
        {"organisation": "a\x1b[1m"},
        {"watermark_keys": {}},
        {"watermark_keys": [{"file": "x"}]},
        {"watermark_keys": [{"id": "a", "state": "retired"}]},
        {"watermark_keys": [{"id": "a", "state": "current"}]},
        {"watermark_keys": [{"id": "a", "state": "current"}, {"id": "a", "state": "retired"}]},
        {"pilot": None},
        {"trust_anchors": "trust/root.pem"},
        {"trust_anchors": ["../root.pem"]},
        {"trust_anchors": ["/etc/hostname"]},
    ],
)
def test_an_index_that_says_something_impossible_is_damaged(
    keys: Path, change: dict[str, Any]
) -> None:
    edit(keys, **change)
    with pytest.raises(KeyringError, match="damaged"):
        Keyring.load(keys)


def test_an_index_of_another_version_is_named_as_such(keys: Path) -> None:
    edit(keys, schema="provenance.keyring/9")
    with pytest.raises(KeyringError, match="another version"):
        Keyring.load(keys)


@pytest.mark.parametrize("spoil", ["missing", "empty", "short", "other", "foreign"])
def test_a_watermark_key_that_is_missing_or_damaged_stops_every_use(keys: Path, spoil: str) -> None:
    path = secret_of(keys, "watermark")
    text = path.read_text()
    if spoil == "missing":
        path.unlink()
    else:
        path.write_text(
            {
                "empty": "",
                "short": text[:-5],
                "other": text[:-3] + ("00\n" if text[-3:] != "00\n" else "11\n"),
                "foreign": text.replace("watermark", "prompt"),
            }[spoil]
        )
    with pytest.raises(KeyringError, match=path.name):
        Keyring.load(keys)


def test_a_damaged_trust_anchor_stops_every_use(keys: Path) -> None:
    (keys / "trust" / "root.pem").write_text("hello")
    with pytest.raises(KeyringError, match=r"root\.pem"):
        Keyring.load(keys)


def test_a_verifier_needs_no_signing_key_and_no_prompt_key(keys: Path) -> None:
    for part in ("signing", "prompt", "ca"):
        shutil.rmtree(keys / part)
    ring = Keyring.load(keys)
    assert ring.watermark_keys
    assert ring.trust_anchors_pem
    with pytest.raises(KeyringError, match="is missing"):
        _ = ring.signer
    with pytest.raises(KeyringError, match="is missing"):
        _ = ring.prompt_key


def test_a_keyring_may_hold_trust_anchors_alone(keys: Path) -> None:
    edit(keys, watermark_keys=[], prompt_keys=[], signing_keys=[])
    ring = Keyring.load(keys)
    assert ring.watermark_keys == ()
    for read in ("watermark_key", "prompt_key", "signer"):
        with pytest.raises(KeyringError, match="holds no"):
            getattr(ring, read)


def test_a_damaged_signing_key_is_reported_when_it_is_needed(keys: Path) -> None:
    (path,) = (keys / "signing").glob("*.key.pem")
    what = "PRIVATE KEY"  # apart from its dashes: there is none here, and nothing is to find one
    path.write_text(f"-----BEGIN {what}-----\nhello\n-----END {what}-----\n")
    ring = Keyring.load(keys)
    with pytest.raises(KeyringError, match="signing key is damaged"):
        _ = ring.signer


def test_a_signing_key_of_another_certificate_is_reported(keys: Path, tmp_path: Path) -> None:
    init_keyring(tmp_path / "other", "Example Studio")
    (theirs,) = (tmp_path / "other" / "signing").glob("*.key.pem")
    (ours,) = (keys / "signing").glob("*.key.pem")
    ours.write_bytes(theirs.read_bytes())
    with pytest.raises(KeyringError, match="does not belong"):
        _ = Keyring.load(keys).signer


@POSIX
def test_a_key_that_can_not_be_opened_is_reported_with_the_reason(keys: Path) -> None:
    path = secret_of(keys, "watermark")
    path.unlink()
    path.symlink_to(path)  # a loop is beyond even root, unlike a mode
    with pytest.raises(KeyringError, match=os.strerror(errno.ELOOP)):
        Keyring.load(keys)


def test_a_folder_in_a_keys_place_is_reported(keys: Path) -> None:
    path = secret_of(keys, "watermark")
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyringError, match="can't be read"):
        Keyring.load(keys)


@POSIX
def test_each_private_file_that_others_may_open_is_warned_of(keys: Path) -> None:
    spoiled = [secret_of(keys, "watermark"), *(keys / "signing").glob("*.key.pem")]
    for path in spoiled:
        path.chmod(0o644)
    warnings = Keyring.load(keys).warnings
    assert len(warnings) == 2
    assert all(
        any(path.name in warning and "chmod 600" in warning for warning in warnings)
        for path in spoiled
    )


@POSIX
def test_anchors_that_others_may_change_are_warned_of(keys: Path) -> None:
    (keys / "trust" / "root.pem").chmod(0o666)
    (warning,) = Keyring.load(keys).warnings
    assert "who is trusted" in warning


def test_the_current_key_comes_first_wherever_the_index_has_it(keys: Path) -> None:
    first = rotate(keys, {"watermark"}).watermark_keys
    index = json.loads((keys / "keyring.json").read_text())
    edit(keys, watermark_keys=index["watermark_keys"][::-1])
    assert Keyring.load(keys).watermark_keys == first
