"""Errors: a sentence for people; a code, a file and an advice for programs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance import Keyring, errors, verify
from provenance.batch.tasks import fault_of
from provenance.cli.exits import BRANCHES, batch_exit_code, exit_code
from provenance.errors import (
    AlreadyStampedError,
    ApprovalError,
    CancelledError,
    Checks,
    InputError,
    JobListError,
    KeyringError,
    OutputError,
    ProvenanceError,
    SealError,
    ServiceError,
    StorageError,
    UnreadableFileError,
    UsageError,
    about,
)
from provenance.system.workspace import explained
from provenance.video.opening import open_media


def classes(root: type[ProvenanceError] = ProvenanceError) -> Iterator[type[ProvenanceError]]:
    for one in root.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from classes(one)


def made(kind: type[ProvenanceError]) -> ProvenanceError:
    if kind is ApprovalError:
        return ApprovalError("late", "It came too late", path="a.mp4", advice="ask again")
    if kind is JobListError:
        return JobListError(["a.mp4 has no model.", "b.mp4 has none."], path="jobs.csv")
    return kind("It failed", path=Path("a.mp4"), advice="try again")


@pytest.mark.parametrize("kind", [*classes()], ids=lambda kind: str(kind.__name__))
def test_an_error_that_goes_to_another_process_keeps_all_that_it_says(
    kind: type[ProvenanceError],
) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is kind
    assert str(again) == str(error)
    assert (again.code, again.path, again.advice) == (error.code, error.path, error.advice)
    assert again.path in ("a.mp4", "jobs.csv")
    assert [str(one) for one in again.others] == [str(one) for one in error.others]


def test_what_to_do_next_ends_the_sentence_and_stands_by_itself() -> None:
    error = UnreadableFileError("a.mp4 is empty", advice="get a fresh copy", path="a.mp4")
    assert str(error) == "a.mp4 is empty; get a fresh copy."
    assert error.advice == "get a fresh copy"
    assert UnreadableFileError("a.mp4 is empty.").advice is None


def test_whether_trying_again_may_help_outlives_the_way_to_another_process() -> None:
    error = StorageError("The store is busy", retryable=True, advice="try again later")
    assert pickle.loads(pickle.dumps(error)).retryable  # noqa: S301 - our own


def test_an_error_is_about_the_innermost_file_that_somebody_named() -> None:
    with pytest.raises(InputError) as caught, about("outer"), about("inner"):
        raise UnreadableFileError("It failed.")
    assert caught.value.path == "inner"
    with pytest.raises(ServiceError) as other, about("outer"):
        raise SealError("It failed.")
    assert other.value.path is None


@pytest.mark.parametrize("content", [None, b"", b"no film", b"\0\0\0\x18ftypisom" + bytes(99)])
def test_a_file_that_cannot_be_opened_is_named_in_the_error(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught, open_media(path):
        pass
    assert caught.value.path == str(path)
    assert caught.value.advice
    assert str(caught.value).endswith(f"; {caught.value.advice}.")


def test_what_a_worker_refuses_is_named_and_advised_on_as_if_it_were_refused_here(
    keyring: Keyring, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(UnreadableFileError) as caught:
        verify(path, watermark_keys=keyring.watermark_keys, trust=keyring.trust)
    assert caught.value.path == str(path)
    assert (caught.value.advice or "").startswith("give an mp4")


def test_an_output_that_cannot_be_written_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught, explained(tmp_path / "out.mp4"):
        (tmp_path / "none" / "out.mp4").write_bytes(b"")
    assert caught.value.path == str(tmp_path / "out.mp4")


def test_keys_that_are_missing_are_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(KeyringError) as caught:
        Keyring.load(tmp_path / "none")
    assert caught.value.path == str(tmp_path / "none")
    assert "keys init" in (caught.value.advice or "")


def branch_of(kind: type[ProvenanceError]) -> int:
    branches = {UsageError: 2, InputError: 3, ServiceError: 4}
    return next((code for one, code in branches.items() if issubclass(kind, one)), 4)


def test_all_that_checks_find_is_told_by_the_first_error() -> None:
    """Also where a check made several; being stopped is no finding."""

    def fails(error: ProvenanceError) -> None:
        raise error

    inner = Checks()
    inner.run(lambda: fails(UsageError("second")))
    inner.run(lambda: fails(UsageError("third")))
    checks = Checks()
    assert checks.run(lambda: 7) == 7
    checks.refuse()
    assert checks.run(lambda: fails(UnreadableFileError("first"))) is None
    checks.run(inner.refuse)
    with pytest.raises(UnreadableFileError) as caught:
        checks.refuse()
    assert [str(one) for one in (caught.value, *caught.value.others)] == [
        "first",
        "second",
        "third",
    ]
    with pytest.raises(CancelledError):
        checks.run(lambda: fails(CancelledError("stopped")))


def test_the_command_line_has_one_exit_code_a_branch_and_the_errors_have_none() -> None:
    """But for a clip that was stamped before, which pipelines tell from a bad one."""
    assert {UsageError: 2, AlreadyStampedError: 5, InputError: 3, ServiceError: 4} == BRANCHES
    for kind in classes():
        assert exit_code(made(kind)) == (5 if kind is AlreadyStampedError else branch_of(kind))
        assert not hasattr(kind, "exit_code")


def test_a_batch_tells_a_jobs_own_faults_from_those_of_what_it_needs() -> None:
    assert fault_of(UnreadableFileError("It is empty.")) == "job"
    assert fault_of(StorageError("It is busy.")) == "service"
    assert batch_exit_code([]) == 0
    assert batch_exit_code([], unfinished=1) == batch_exit_code(["job"]) == 3
    assert batch_exit_code(["job", "service"]) == 4
