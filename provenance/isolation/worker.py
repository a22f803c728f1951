"""The process that opens strangers' files: ``python -m provenance.isolation.worker LIMITS``.

It restricts itself first, then loads its libraries, then answers one request after the other until
its input ends.  It writes to one pipe and to nothing else; what libraries print is dropped.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from provenance.isolation.limits import Limits, restrict

_LOOK_EVERY = 1.0
"""Seconds between looks at whether the parent still lives; a decoder may hang when it dies."""


def main() -> None:
    """Restrict, load, answer."""
    memory, open_files = (int(word) for word in sys.argv[1:3])
    parent = os.getppid()
    # Before any library starts a thread.
    missing = restrict(Limits(memory=memory, open_files=open_files))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()

    from provenance.errors import ProvenanceError  # noqa: PLC0415
    from provenance.findings import gather, manifest_alone  # noqa: PLC0415 - after the limits
    from provenance.isolation import wire  # noqa: PLC0415

    answers.write(wire.pack(wire.Ready(missing=missing)))
    while (content := wire.receive(sys.stdin.buffer)) is not None:
        request = wire.unpack(wire.Request, content)
        assert isinstance(request, wire.Request)  # noqa: S101
        os.chdir(request.folder)
        path = Path(os.fsdecode(request.path))
        sidecar = None if request.sidecar is None else Path(os.fsdecode(request.sidecar))
        try:
            with _dying_with_input():
                if request.picture:
                    findings = gather(
                        path,
                        request.watermark_keys,
                        request.trust,
                        sidecar=sidecar,
                        fingerprint=request.fingerprint,
                    )
                else:
                    findings = manifest_alone(path, request.trust, sidecar=sidecar)
                answer = wire.Answer.of(findings)
        except ProvenanceError as error:
            answer = wire.Answer.refusing(error)
        answers.write(wire.pack(answer))


@contextlib.contextmanager
def _dying_with_input() -> Iterator[None]:
    """End at once when the parent's end of the input closes, whatever a decoder is doing.

    The kernel does it (SIGIO, whose default is to terminate), since a library that hangs with
    Python's lock held lets no thread look.  PR_SET_PDEATHSIG would end the worker with the
    *thread* that started it.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover - Windows
        yield
        return
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, flags | fcntl.FASYNC)
    try:
        if select.select([0], [], [], 0)[0]:
            # Closed before the kernel was asked to say so: nobody waits for an answer.
            os._exit(1)
        yield
    finally:
        fcntl.fcntl(0, fcntl.F_SETFL, flags)


def _outlive_nobody(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


if __name__ == "__main__":
    main()
