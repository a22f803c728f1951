"""The whole error hierarchy: one root, three branches.

* :class:`UsageError` - the caller asked for something impossible;
* :class:`InputError` - a file cannot be examined or cannot be stamped;
* :class:`ServiceError` - something the tool itself needs failed: keys, signer, disk, clock,
  timestamp authority, or its own read-back.

Every message is one sentence for a person and says what to do next; programs go by the class, or
by ``code``, ``path`` and ``advice``.  Every class also inherits the natural builtin, so library
callers may catch that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

_Answer = TypeVar("_Answer")
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class ProvenanceError(Exception):
    """Root of every error this package raises on purpose.

    Args:
        said: the sentence; with ``advice``, its first half without a full stop.
        path: the file that it is about, or None.
        advice: what to do next, as the sentence's second half; None where it says no such thing,
            or has it in its own words.
        settings: names of what the advice would have set, with ``_`` between words; the command
            line puts its flags for them behind the advice.
    """

    retryable: bool = False
    """Whether the same may work when it is tried again."""
    path: str | None = None
    advice: str | None = None
    settings: tuple[str, ...] = ()
    others: tuple[ProvenanceError, ...] = ()
    """What else is wrong, where checks went on after this one."""

    def __init__(
        self,
        *said: object,
        path: object | None = None,
        advice: str | None = None,
        settings: tuple[str, ...] = (),
    ) -> None:
        if advice is not None and said:
            said = (f"{said[0]}; {advice}.", *said[1:])
        super().__init__(*said)
        self.path = None if path is None else str(path)
        self.advice = advice
        self.settings = settings

    @property
    def code(self) -> str:
        """One word for the kind of error, out of a small set: ``unreadable_file``."""
        return _CAPITAL.sub("_", type(self).__name__.removesuffix("Error")).lower()


class UsageError(ProvenanceError, ValueError):
    """Options or arguments that cannot work together, or name something impossible."""


class JobListError(UsageError):
    """A job list that no batch can be made of; ``problems`` has one sentence for each fault, and
    ``others`` all but the first of them as errors."""

    def __init__(self, problems: Sequence[str], *, path: object | None = None) -> None:
        super().__init__(problems[0], path=path)
        self.problems = tuple(problems)
        self.others = tuple(UsageError(one, path=path) for one in problems[1:])

    def __reduce__(self) -> tuple[type[Self], tuple[Sequence[str]], dict[str, Any]]:
        return type(self), (self.problems,), self.__dict__


class InputError(ProvenanceError, ValueError):
    """A file that cannot be examined, or that cannot carry a mark."""


class UnreadableFileError(InputError):
    """Missing, unreadable, empty, truncated, or not a media file at all."""


class UnsupportedMediaError(InputError):
    """A readable file of a kind the tool does not handle: no picture, unknown codec, encrypted."""


class UnmarkableError(InputError):
    """A picture that cannot hold the watermark: too small, too short, flat or black throughout."""


class PromptTagsError(InputError):
    """A clip whose own tags hold no prompt, or several texts that could be it."""


class PromptExposedError(InputError):
    """A clip that may not be stamped as it is: the prompt can be read in what would be kept."""


class WithdrawnError(InputError):
    """A clip that may not be stamped: its model, its key or a consent was withdrawn."""


class _StampKnown(InputError):
    """``stamp_id`` names the stamp, ``place`` says where its output is, as far as is known."""

    def __init__(
        self,
        sentence: str,
        *,
        stamp_id: str | None = None,
        place: str | None = None,
        path: object | None = None,
        advice: str | None = None,
        settings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sentence, path=path, advice=advice, settings=settings)
        self.stamp_id, self.place = stamp_id, place


class MarkedInputError(_StampKnown):
    """A clip that carries a stamp of ours already, and which (``stamp_id``), where it is known."""


class AlreadyStampedError(_StampKnown):
    """A clip that was stamped before as what is asked; ``place`` is that of the output then."""


class ApprovalError(InputError):
    """A clip that may not be stamped for want of an approval; ``reason`` is one word for it."""

    def __init__(
        self, reason: str, sentence: str, *, path: object | None = None, advice: str | None = None
    ) -> None:
        super().__init__(sentence, path=path, advice=advice)
        self.reason = reason

    @property
    def code(self) -> str:
        """With the reason: ``approval_too_old``."""
        return f"approval_{self.reason}"

    def __reduce__(self) -> tuple[type[Self], tuple[str, str], dict[str, Any]]:
        return type(self), (self.reason, str(self)), self.__dict__


class ServiceError(ProvenanceError, RuntimeError):
    """Something the tool needs has failed."""


class BusyError(ServiceError):
    """Another process is writing the same output, or stamping the same clip."""

    retryable = True


class StorageError(ServiceError):
    """An object store does not give or take a file; ``retryable`` when that may pass."""

    def __init__(
        self,
        sentence: str,
        *,
        retryable: bool = False,
        path: object | None = None,
        advice: str | None = None,
        settings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sentence, path=path, advice=advice, settings=settings)
        self.retryable = retryable


class ClusterError(ServiceError):
    """The machines of a batch can't be reached, or can't do its jobs."""


class LedgerError(ServiceError):
    """The record of a batch can't be made, read or written."""


class LeaseLostError(LedgerError):
    """A job took longer than its lease, and another run has taken it over."""


class DeliveryError(ServiceError):
    """A receiver could not be told what happened; ``retryable`` when that may pass."""

    def __init__(
        self,
        sentence: str,
        *,
        retryable: bool = False,
        path: object | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(sentence, path=path, advice=advice)
        self.retryable = retryable


class CancelledError(ServiceError):
    """Somebody asked for the end of the work before it was done; nothing was published."""


class KeyringError(ServiceError, LookupError):
    """Keys are missing, damaged, unreadable, or do not belong together."""


class RegistryError(ServiceError):
    """The registry of stamps can't be reached, read or written, or does not hold together."""


class RegistryLostError(RegistryError):
    """The registry's server went away in the middle of something, and all of that is undone."""

    retryable = True


class SealError(ServiceError):
    """A signed document (a revocation list, a bundle) is damaged, expired or not trusted."""


class SigningError(ServiceError):
    """The signer, its certificate or the clock stopped the manifest from being signed."""


class KeyServiceError(SigningError):
    """The service that holds the signing key did not answer; trying again may help."""

    retryable = True


class TimestampError(SigningError):
    """The RFC 3161 timestamp authority did not answer, or answered with nonsense."""

    retryable = True


class OutputError(ServiceError, OSError):
    """The output could not be written: disk full, folder read-only, no permission."""


class ReadBackError(ServiceError):
    """The finished file did not read back as it should, so it was not published."""


class Checks:
    """Runs checks one after the other, and keeps what each finds wrong, so that all of it is told.

    checks = Checks()
    info = checks.run(lambda: probe(source))
    checks.run(lambda: check_target(target))
    checks.refuse()
    """

    def __init__(self) -> None:
        self.found: list[ProvenanceError] = []

    def run(self, check: Callable[[], _Answer]) -> _Answer | None:
        """What a check answers; None where it finds something wrong."""
        try:
            return check()
        except CancelledError:
            raise
        except ProvenanceError as error:
            self.found += [error, *error.others]
            error.others = ()
            return None

    def refuse(self) -> None:
        """Raise the first error that was found, which names the others; none where there is none.

        Raises:
            ProvenanceError: that one.
        """
        if self.found:
            raise self.error

    @property
    def error(self) -> ProvenanceError:
        """The first error that was found, which names the others."""
        first, *others = self.found
        first.others = tuple(others)
        return first


@contextmanager
def about(path: object, kind: type[ProvenanceError] = InputError) -> Iterator[None]:
    """Have errors of a kind that name no file yet be about this one."""
    try:
        yield
    except kind as error:
        if error.path is None:
            error.path = str(path)
        raise
