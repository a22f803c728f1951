"""The process that opens strangers' files: ``python -m THIS_MODULE LIMITS``.

It restricts itself first, then loads its libraries, then answers one request after the other until
its input ends.  It writes to one pipe and to nothing else; what libraries print is dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from provenance.system.processes import keep_to
from provenance.verifying.isolation.limits import Limits, restrict

_LOOK_EVERY = 1.0
"""Seconds between looks at whether the parent still lives; a decoder may hang when it dies."""


def main() -> None:
    """Restrict, load, answer."""
    memory, open_files, threads, lifeline = (int(word) for word in sys.argv[1:5])
    # Before any library starts a thread.
    missing = restrict(Limits(memory=memory, open_files=open_files))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
    die_with_parent(lifeline)
    keep_to(threads)

    from provenance.errors import ProvenanceError  # noqa: PLC0415
    from provenance.verifying.isolation import wire  # noqa: PLC0415
    from provenance.verifying.layers import gather, manifest_alone  # noqa: PLC0415 - after the limits

    answers.write(wire.pack(wire.Ready(missing=missing)))
    while (content := wire.receive(sys.stdin.buffer)) is not None:
        request = wire.asked(content)
        os.chdir(request.folder)
        if isinstance(request, wire.Unpack):
            hand_out(Path(os.fsdecode(request.unpack)), answers)
            continue
        if isinstance(request, wire.Look):
            show(Path(os.fsdecode(request.look)), request.times, request.longest, answers)
            continue
        path = Path(os.fsdecode(request.path))
        sidecar = None if request.sidecar is None else Path(os.fsdecode(request.sidecar))
        try:
            if request.picture:
                findings = gather(
                    path,
                    request.watermark_keys,
                    request.trust,
                    sidecar=sidecar,
                    fingerprint=request.fingerprint,
                    effort=request.effort,
                )
            else:
                findings = manifest_alone(path, request.trust, sidecar=sidecar)
            answer = wire.Answer.of(findings)
        except ProvenanceError as error:
            answer = wire.Answer.refusing(error)
        answers.write(wire.pack(answer))


def hand_out(path: Path, answers: BinaryIO) -> None:
    """Write a file's members (:class:`.wire.Unpack` says how)."""
    from provenance.errors import ProvenanceError  # noqa: PLC0415 - after the limits
    from provenance.system.text import printable  # noqa: PLC0415
    from provenance.verifying.inside import members  # noqa: PLC0415
    from provenance.verifying.isolation import wire  # noqa: PLC0415

    def told(error: ProvenanceError | None = None) -> None:
        sentence = None if error is None else str(error)
        advice = None if error is None else error.advice
        answers.write(wire.pack(wire.Part(sentence=sentence, advice=advice)))

    try:
        for member in members(path):
            answers.write(wire.pack(wire.Part(name=printable(member.name))))
            failed = None
            try:
                for piece in member.content:
                    answers.write(wire.framed(piece))
            except ProvenanceError as error:
                failed = error
            answers.write(wire.framed(b""))
            told(failed)
    except ProvenanceError as error:
        told(error)
    else:
        told()


def show(path: Path, times: Sequence[float], longest: int, answers: BinaryIO) -> None:
    """Write frames of a file (:class:`.wire.Look` says how); none where none can be read."""
    from provenance.errors import ProvenanceError  # noqa: PLC0415 - after the limits
    from provenance.verifying.isolation import wire  # noqa: PLC0415
    from provenance.video import read_stills  # noqa: PLC0415

    with contextlib.suppress(ProvenanceError):
        for still in read_stills(path, times, longest=longest):
            height, width, _ = still.rgb.shape
            shown = wire.Shown(
                width=width,
                height=height,
                time=max(0.0, still.time),
                across=still.across,
                down=still.down,
            )
            answers.write(wire.pack(shown))
            answers.write(wire.framed(still.rgb.tobytes()))
    answers.write(wire.pack(wire.Shown()))


def die_with_parent(lifeline: int) -> None:
    """End when the parent ends, which then no longer holds the other end of a pipe it never uses.

    On Linux the kernel kills: also a process that is stopped, and one whose library hangs with
    Python's lock held and lets no thread look.  PR_SET_PDEATHSIG would end the worker with the
    *thread* that started it.  Everywhere a thread looks, which also helps when somebody else still
    holds the pipe.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    ended = select.poll()
    ended.register(lifeline, select.POLLIN)
    if ended.poll(0):  # before the kernel was asked to say so
        os._exit(1)
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()


def _outlive_nobody(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


if __name__ == "__main__":
    main()
