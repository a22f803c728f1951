"""The parent's side: keeps one worker, hands it files, and gets over its end."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from provenance.errors import CancelledError, OutputError, ServiceError, UnreadableFileError
from provenance.manifest import Trust
from provenance.results import Detection, Effort, FileFacts, ManifestReport
from provenance.system.processes import share_of
from provenance.verifying.findings import Findings
from provenance.verifying.inside import MOST_BYTES, MOST_MEMBERS, known_ending
from provenance.verifying.isolation import wire
from provenance.verifying.isolation.limits import Limits
from provenance.watermark.code.keys import WatermarkKey

if TYPE_CHECKING:
    from provenance.fingerprint import Fingerprint
    from provenance.video import Still

_T = TypeVar("_T")
START_SECONDS = 120.0
"""For a worker to load its libraries, on a machine that is busy."""
MANIFEST_SECONDS = 60.0
"""For the manifest alone, after the picture cost a worker its life."""
_LOOK_EVERY = 0.2
"""Seconds between looks at whether the answer is still wanted."""

STILLS_SECONDS = 60.0
"""For frames to show; then there are fewer of them."""


class _Ended(Exception):
    """The worker is gone; the text says why, to follow "the file ..."."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A member: what a stranger calls it, where its bytes are, and why they aren't all of it."""

    name: str
    path: Path
    error: UnreadableFileError | None = None


class Examiner:
    """Gathers findings in a worker process; one file at a time, from any thread.

    Start-up costs a second or so, so keep one for many files.  A file that crashes, hangs or
    bloats the worker costs itself only: its findings are ``not_checked`` with the reason, and the
    next file gets a fresh worker.

    Args:
        limits: for each file.
        beside: how many examiners work side by side, this one among them; each worker's decoder
            and filters keep to its share of the cores.
    """

    def __init__(self, limits: Limits | None = None, *, beside: int = 1) -> None:
        self.limits, self._threads = limits or Limits(), share_of(beside)
        self.unprotected: tuple[str, ...] = ()
        self._turn = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._abandoned = False
        self._stop: threading.Event | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and what it has started; the next file would start another."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        _kill(worker)
        worker.wait()
        os.close(self._lifeline)
        for pipe in (worker.stdin, worker.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def abandon(self) -> None:
        """From another thread: end the worker now and start no more; the file is not waited for.

        Whoever is in :meth:`gather` gets an answer that is worth nothing; :meth:`close` follows
        once that thread is done.
        """
        self._abandoned = True
        worker = self._worker
        if worker is not None:
            _kill(worker)

    def gather(
        self,
        path: Path,
        keys: tuple[WatermarkKey, ...],
        trust: Trust,
        *,
        sidecar: Path | None = None,
        effort: Effort = "normal",
        stop: threading.Event | None = None,
    ) -> Findings:
        """As :func:`provenance.verifying.layers.gather`, in the worker; ``stop`` ends it early.

        Raises:
            CancelledError: ``stop`` was set; the worker is gone, the next file gets another.
            InputError: the file is missing, unreadable, empty, no media, without a picture,
                encrypted.
            ServiceError: no worker can be started at all.
        """
        ask = wire.Request.of(
            path,
            keys,
            trust,
            sidecar=sidecar,
            picture=True,
            effort=effort,
        )

        def read(answer: wire.Answer) -> Findings:
            return answer.findings(path)

        with self._turn:
            self._stop = stop
            try:
                return self._asked(ask, self.limits.seconds, read)
            except _Ended as end:
                reason = f"the file {end}"
            # The manifest may be fine all the same, and is read by other code.
            ask = ask.model_copy(update={"picture": False})
            try:
                found = self._asked(ask, min(self.limits.seconds, MANIFEST_SECONDS), read)
            except _Ended:
                nothing = ManifestReport("not_checked", reason=reason)
                found = Findings(
                    FileFacts(str(path), None, None, None), Detection("not_checked"), nothing
                )
            return Findings(found.file, Detection("not_checked", reason=reason), found.manifest)

    def imprint(
        self, path: Path, found: Detection, *, stop: threading.Event | None = None
    ) -> Fingerprint | None:
        """A file's fingerprint, laid back onto the stamped picture where a mark was ``found``.

        Returns:
            None where none could be taken.

        Raises:
            CancelledError, InputError, ServiceError: as :meth:`gather` does.
            UnreadableFileError: also when the file costs the worker its life.
        """
        ask = wire.Imprint.of(path, found)
        with self._turn:
            self._stop = stop
            try:
                return self._asked(ask, self.limits.seconds, lambda answer: answer.imprint(path))
            except _Ended as end:
                raise UnreadableFileError(f"the file {end}", path=path) from end

    def stills(
        self,
        path: Path,
        times: Sequence[float],
        *,
        longest: int,
        stop: threading.Event | None = None,
    ) -> tuple[Still, ...]:
        """Frames to show of a file, each the first from one of these seconds on.

        Pixels come back, not pictures: what a stranger's decoder made is encoded here, so that
        nobody who looks at it decodes what a worker wrote that a file has taken over.

        Args:
            path: the file.
            times: in ascending order.
            longest: pixels that the longer side has at most.
            stop: ends it early once it is set.

        Returns:
            As many as could be read in time; a file that ends its worker costs the rest of them.

        Raises:
            CancelledError: ``stop`` was set.
            ServiceError: no worker can be started at all.
        """
        made: list[Still] = []
        with self._turn:
            self._stop = stop
            try:
                worker = self._started()
                deadline = time.monotonic() + min(self.limits.seconds, STILLS_SECONDS)
                self._send(worker, wire.pack(wire.Look.of(path, times, longest)), deadline)
                for _ in range(len(times) + 1):
                    shown = wire.unpack(wire.Shown, self._receive(worker, deadline))
                    assert isinstance(shown, wire.Shown)  # noqa: S101 - what was asked for
                    if not shown.width:
                        return tuple(made)
                    made.append(shown.still(self._receive(worker, deadline), longest))
                raise wire.Garbled
            except (_Ended, wire.Garbled):
                self.close()
                return tuple(made)
            except (CancelledError, KeyboardInterrupt, SystemExit):
                self.close()
                raise

    def unpack(self, path: Path, folder: Path) -> Iterator[Unpacked]:
        """Take an archive, a document or a playlist apart, member by member.

        The worker opens it and hands the bytes over; they are counted here and written to files of
        names made up here.  With the generator closed early the worker is ended.

        Args:
            path: the file.
            folder: the caller's own, which nobody else may open.

        Raises:
            UnreadableFileError: nothing can be taken out of it, or no more.
            OutputError: the disk is full.
            ServiceError: no worker can be started at all.
        """
        with self._turn:
            self._stop, done = None, False
            try:
                worker = self._started()
                deadline = time.monotonic() + self.limits.seconds
                self._send(worker, wire.pack(wire.Unpack.of(path)), deadline)
                yield from self._unpacked(worker, folder, deadline)
                done = True
            except (_Ended, wire.Garbled) as error:
                end = error if isinstance(error, _Ended) else "made its reader answer nonsense"
                raise UnreadableFileError(
                    f"{path.name} {end}", advice="treat it as hostile", path=path
                ) from error
            except UnreadableFileError:
                done = True  # the worker has said so, and waits for the next file
                raise
            finally:
                if not done:
                    self.close()

    def _unpacked(
        self, worker: subprocess.Popen[bytes], folder: Path, deadline: float
    ) -> Iterator[Unpacked]:
        total = 0
        for number in range(MOST_MEMBERS + 1):
            part = self._part(worker, deadline)
            if part.name is None:
                if part.error is not None:
                    raise part.error
                return
            target = folder / f"member-{number + 1:04d}{known_ending(part.name)}"
            try:
                with target.open("xb") as file:
                    while piece := self._receive(worker, deadline):
                        total += len(piece)
                        if total > MOST_BYTES:
                            raise _Ended("unpacks to more than is allowed")
                        file.write(piece)
            except OSError as error:
                raise OutputError(f"Nothing can be unpacked here: {error.strerror}.") from error
            end = self._part(worker, deadline)
            yield Unpacked(part.name, target, end.error)
        raise _Ended("holds more than is allowed")

    def _part(self, worker: subprocess.Popen[bytes], deadline: float) -> wire.Part:
        part = wire.unpack(wire.Part, self._receive(worker, deadline))
        assert isinstance(part, wire.Part)  # noqa: S101 - what unpack was asked for
        return part

    def _asked(
        self,
        request: wire.Request | wire.Imprint,
        seconds: float,
        read: Callable[[wire.Answer], _T],
    ) -> _T:
        try:
            worker = self._started()
            deadline = time.monotonic() + seconds
            self._send(worker, wire.pack(request), deadline)
            answer = wire.unpack(wire.Answer, self._receive(worker, deadline))
            assert isinstance(answer, wire.Answer)  # noqa: S101 - what unpack was asked for
            return read(answer)
        except wire.Garbled as error:
            self.close()
            raise _Ended("made its decoder answer nonsense, so it was stopped") from error
        except _Ended:
            self.close()
            raise
        except (CancelledError, KeyboardInterrupt, SystemExit):
            self.close()
            raise

    def _started(self) -> subprocess.Popen[bytes]:
        if self._worker is not None:
            return self._worker
        if self._abandoned:
            raise _Ended("was abandoned")
        try:
            worker, self._lifeline = _start(self.limits, self._threads)
        except OSError as error:
            reason = (error.strerror or "input/output error").lower()
            raise ServiceError(
                f"The process that examines files could not be started: {reason}; run fewer "
                "things at once, or raise the limits (ulimit -n, ulimit -u)."
            ) from error
        self._worker = worker
        if self._abandoned:  # in the moment since it was asked
            _kill(worker)
        try:
            content = self._receive(worker, time.monotonic() + START_SECONDS)
            ready = wire.unpack(wire.Ready, content)
        except (_Ended, wire.Garbled) as error:
            self.close()
            raise ServiceError(
                "The process that examines files could not be started",
                advice="raise its memory limit, or look at the log",
                settings=("max_memory", "debug"),
            ) from error
        assert isinstance(ready, wire.Ready)  # noqa: S101 - what unpack was asked for
        self.unprotected = ready.missing
        return worker

    def _send(self, worker: subprocess.Popen[bytes], content: bytes, deadline: float) -> None:
        assert worker.stdin is not None  # noqa: S101 - it was asked for
        handle = worker.stdin.fileno()
        rest = memoryview(content)
        os.set_blocking(handle, False)
        while rest:
            if not self._ready(handle, select.POLLOUT, deadline):
                raise _Ended("could not be handed over in time")
            try:
                rest = rest[os.write(handle, rest) :]
            except (BrokenPipeError, BlockingIOError) as error:
                if isinstance(error, BrokenPipeError):
                    raise _Ended(_how_it_ended(worker)) from error

    def _receive(self, worker: subprocess.Popen[bytes], deadline: float) -> bytes:
        length = wire.length_of(self._read(worker, wire.HEAD, deadline))
        return self._read(worker, length, deadline)

    def _read(self, worker: subprocess.Popen[bytes], count: int, deadline: float) -> bytes:
        assert worker.stdout is not None  # noqa: S101 - it was asked for
        handle, parts = worker.stdout.fileno(), bytearray()
        while len(parts) < count:
            if not self._ready(handle, select.POLLIN, deadline):
                raise _Ended(
                    f"took longer than {self.limits.seconds:g} s to examine, so it was stopped"
                )
            piece = os.read(handle, min(count - len(parts), 1 << 20))
            if not piece:
                raise _Ended(_how_it_ended(worker))
            parts += piece
        return bytes(parts)

    def _ready(self, handle: int, event: int, deadline: float) -> bool:
        """Wait for a pipe; by poll, since select knows no descriptor above 1023."""
        waiting = select.poll()
        waiting.register(handle, event)
        if self._stop is None:
            return bool(waiting.poll(max(0.0, deadline - time.monotonic()) * 1000.0))
        while not self._stop.is_set():
            left = max(0.0, deadline - time.monotonic())
            if waiting.poll(min(left, _LOOK_EVERY) * 1000.0):
                return True
            if not left:
                return False
        raise CancelledError("The examination was cancelled.")


@functools.cache
def shared() -> Examiner:
    """The examiner of whoever has none: one for the process, with the usual limits."""
    examiner = Examiner()
    atexit.register(examiner.close)
    if hasattr(os, "register_at_fork"):
        # The pipes of a forked child would be its parent's.
        os.register_at_fork(after_in_child=shared.cache_clear)
    return examiner


def _start(limits: Limits, threads: int) -> tuple[subprocess.Popen[bytes], int]:
    """A worker, and the end of a pipe that ends it when it closes, also by our own end."""
    theirs, ours = os.pipe()
    try:
        told = (str(limits.memory), str(limits.open_files), str(threads), str(theirs))
        worker = subprocess.Popen(  # noqa: S603 - our own program, no shell
            # -P: a folder of strangers' files may hold a numpy.py, and `-m` would look there first.
            [sys.executable, "-P", "-m", "provenance.verifying.isolation.worker", *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(threads),
            pass_fds=(theirs,),
            # Ctrl-C is ours to handle: the worker is killed then.
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return worker, ours


def _kill(worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker and its group, unless it was waited for: then its number may be another's."""
    if worker.returncode is None:
        _kill_group(worker)


def _kill_group(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)


def _how_it_ended(worker: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(5.0)
    _kill_group(worker)  # whatever it started has its group's number still, if there is any
    code = worker.returncode
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"crashed its decoder ({signal.Signals(-code).name})"
    return "ended its decoder, perhaps by its memory limit"


def _environment(threads: int) -> dict[str, str]:
    """The worker's whole environment: where this package is, and no setting or secret of ours."""
    root = str(Path(__file__).resolve().parents[3])
    return {
        "PATH": os.defpath,
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        # Address space is limited, and arenas take it by the thread.
        "MALLOC_ARENA_MAX": "4",
        # The products are small: several workers' threads would only wait for one another.
        "OPENBLAS_NUM_THREADS": "1",
    } | ({"OPENCV_FOR_THREADS_NUM": str(threads)} if threads else {})
