"""What ``stamp`` says when it fails: of the right file, as the error it is, in words for people."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance import Keyring
from provenance.errors import ApprovalError, KeyServiceError, SigningError, UnmarkableError
from provenance.manifest import LocalSigner, attach
from provenance.system.workspace import PREFIX
from tests.conftest import entries, stamp_clip
from tests.signing import Studio, facts


@pytest.mark.parametrize("name", ["signed.mp4", "unsigned.mp4", "marked.mp4"])
def test_an_error_about_the_source_names_the_source_whatever_it_is_called(
    name: str, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """Also when it is called as the unfinished files once were."""
    source = tmp_path / name
    shutil.copy(clip, source)
    with pytest.raises(UnmarkableError) as raised:
        stamp_clip(source, tmp_path / "out.mp4", keyring, min_margin_db=90.0)
    assert str(raised.value).startswith(f"{name} would keep a margin of")
    assert "out.mp4" not in str(raised.value)
    assert entries(tmp_path) == [name]


class QueueFullError(KeyServiceError):
    """A key service's own error: of two arguments, with more to tell than a sentence."""

    def __init__(self, draft: str, waiting: int) -> None:
        super().__init__(f"The queue is full, {draft} waits behind {waiting} others.")
        self.waiting = waiting


@dataclass(frozen=True)
class FailingSigner:
    """A signer that works as the keyring's does until it is asked to sign; then it raises."""

    inner: LocalSigner
    target: Path
    kind: str

    @property
    def alg(self) -> str:
        return self.inner.alg

    @property
    def chain_pem(self) -> bytes:
        return self.inner.chain_pem

    def sign(self, data: bytes) -> bytes:
        (draft,) = self.target.parent.glob(f"{PREFIX}*/marked*")
        if self.kind == "queue":
            raise QueueFullError(draft.name, 7)
        if self.kind == "approval":
            raise ApprovalError("late", f"The approval of {draft} came too late.")
        raise RuntimeError(f"secret of {data!r}")


def failing(clip: Path, keyring: Keyring, target: Path, kind: str) -> BaseException:
    signer = keyring.signer
    assert isinstance(signer, LocalSigner)
    other = keyring.with_signer(FailingSigner(signer, target, kind))
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the caller asks
        stamp_clip(clip, target, other)
    assert entries(target.parent) == []
    return raised.value


def test_an_error_with_a_constructor_of_its_own_stays_what_it_is(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """Its class, attributes and kind survive; a draft in a hidden folder becomes the output."""
    target = tmp_path / "out.mp4"
    error = failing(clip, keyring, target, "queue")
    assert isinstance(error, QueueFullError)
    assert (error.waiting, error.retryable) == (7, True)
    assert str(error) == "The queue is full, out.mp4 waits behind 7 others."
    late = failing(clip, keyring, target, "approval")
    assert isinstance(late, ApprovalError)
    assert (late.reason, late.code) == ("late", "approval_late")
    assert str(late) == f"The approval of {target} came too late."


def test_what_a_signer_says_by_accident_is_not_repeated(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    error = failing(clip, keyring, tmp_path / "out.mp4", "accident")
    assert isinstance(error, SigningError)
    assert "RuntimeError" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("fault", ["certificate", "container"])
def test_the_words_of_the_c2pa_library_stay_inside(fault: str, clip: Path, tmp_path: Path) -> None:
    """They are for programmers, and may quote the file; they are the error's cause, no more."""
    studio, source = Studio(), tmp_path / "in.mp4"
    signer = studio.signer
    if fault == "certificate":
        shutil.copy(clip, source)
        signer = LocalSigner(studio.root.key_pem, studio.root.certificate_pem)
    else:
        source.write_bytes(clip.read_bytes()[:32] + b"\xff" * 200)
    with pytest.raises(SigningError) as raised:
        attach(source, tmp_path / "out.mp4", facts(), signer, trust=studio.trust)
    said, inside = str(raised.value), str(raised.value.__cause__)
    assert inside
    assert inside.partition(": ")[2] not in said
    assert ("certificate" if fault == "certificate" else "remux") in said
    assert not (tmp_path / "out.mp4").exists()
