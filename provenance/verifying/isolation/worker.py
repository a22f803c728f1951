"""The process that opens strangers' files: ``python -m THIS_MODULE LIMITS``.

It restricts itself first, then loads its libraries, then answers one request after the other
(:mod:`.answering`) until its input ends.  It writes to one pipe and to nothing else; what libraries
print is dropped.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading
import time

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

    from provenance.system.lazy import loading  # noqa: PLC0415

    with loading():
        from provenance.verifying.isolation.answering import answer_all  # noqa: PLC0415

    answer_all(sys.stdin.buffer, answers, missing)


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
