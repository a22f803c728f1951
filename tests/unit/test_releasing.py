"""A release: named whole by its checksums, signed, and checked by whoever receives it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.errors import SealError
from tests.conftest import ROOT
from tests.signing import Studio

sys.path.insert(0, str(ROOT / "scripts"))

from releasing import (
    SIGNATURE,
    SUMS,
    ReleaseError,
    as_lines,
    check,
    differing,
    from_lines,
    signed,
    sums_of,
)


@pytest.fixture
def release(tmp_path: Path, keyring: Keyring) -> Path:
    """A folder with two files of a release, signed."""
    (tmp_path / "b.whl").write_bytes(b"wheel")
    (tmp_path / "a.tar.gz").write_bytes(b"source")
    sums = sums_of(tmp_path.iterdir())
    (tmp_path / SUMS).write_text(as_lines(sums), encoding="ascii")
    (tmp_path / SIGNATURE).write_bytes(signed(sums, "1.2.3", "c0ffee" * 7, keyring.signer))
    return tmp_path


def test_checksums_come_back_from_the_lines_they_are_written_in(release: Path) -> None:
    sums = sums_of([release / "b.whl", release / "a.tar.gz"])
    assert list(sums) == ["a.tar.gz", "b.whl"]
    assert from_lines(as_lines(sums)) == sums
    for bad in ("x  a.whl\n", f"{'0' * 64}  ../a\n", as_lines(sums) * 2):
        with pytest.raises(ReleaseError, match="damaged"):
            from_lines(bad)


def test_a_release_as_it_was_signed_is_told_with_its_signer(
    release: Path, keyring: Keyring
) -> None:
    said = check(release, keyring.issuers_pem)
    assert said.startswith("2 files of 1.2.3 (commit c0ffeec0ffee), signed by Example Studio")


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda folder: (folder / "b.whl").write_bytes(b"other"), "b.whl is not the file"),
        (lambda folder: (folder / "b.whl").unlink(), "b.whl is missing"),
        (lambda folder: (folder / "c.whl").write_bytes(b""), "c.whl was not signed"),
        (lambda folder: (folder / SUMS).write_text("", encoding="ascii"), "not what was signed"),
    ],
)
def test_a_release_that_was_changed_is_refused(
    spoil: object, match: str, release: Path, keyring: Keyring
) -> None:
    assert callable(spoil)
    spoil(release)
    with pytest.raises(ReleaseError, match=match):
        check(release, keyring.issuers_pem)


def test_a_release_of_somebody_else_or_a_changed_signature_is_refused(
    release: Path, keyring: Keyring
) -> None:
    with pytest.raises(SealError, match="not trusted"):
        check(release, Studio().root.certificate_pem)
    signature = (release / SIGNATURE).read_bytes()
    at = signature.index(b'"payload":"') + 20
    (release / SIGNATURE).write_bytes(signature[:at] + b"AAAA" + signature[at + 4 :])
    with pytest.raises(SealError):
        check(release, keyring.issuers_pem)


def test_builds_that_differ_in_a_byte_or_a_file_are_told_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
        (folder / "a").write_bytes(b"same")
    assert differing(first, second) == []
    (second / "a").write_bytes(b"Same")
    (second / "b").write_bytes(b"")
    assert differing(first, second) == ["a", "b"]
