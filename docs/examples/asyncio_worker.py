"""A worker of an asyncio program: clips out of a queue, each stamped once, stopped when it is told.

    pip install provenance-stamp
    python asyncio_worker.py clips stamped      # every mp4 of a folder, with its prompt in a .txt

A queue gives a job out again when its worker was lost, and nobody knows how far it had come.  So
the registry says what is done: the same clip with the same claims is refused, with the stamp that
it has.  The work is done in a thread, since it computes for seconds; a task that is cancelled
leaves its thread running, so the thread is told by a `provenance.Cancel`, and waited for.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import provenance
from provenance.errors import AlreadyStampedError

ATTEMPTS = 5


@dataclass(frozen=True)
class Job:
    """What a queue holds."""

    source: Path
    target: Path
    prompt: str


@dataclass(frozen=True)
class Done:
    """What became of a job; `before` of one that an earlier try had finished."""

    job: Job
    stamp_id: provenance.StampId
    before: bool = False


async def stamp(
    stamper: provenance.Stamper, job: Job, alive: Callable[[], object] = lambda: None
) -> Done:
    """Stamp a job's clip, or find that it is done.

    Args:
        stamper: with a registry, which knows what is done.
        job: the job.
        alive: called in this loop whenever the work moves: a heartbeat for the queue.

    Raises:
        provenance.ProvenanceError: the clip is at fault, or what is needed stays away.
    """
    loop, cancel = asyncio.get_running_loop(), provenance.Cancel()
    claims = provenance.Claims.of(
        stamper.keyring, model_name="ExampleVideoModel", model_version="3.2.1", prompt=job.prompt
    )

    def work() -> provenance.StampResult:
        return stamper.stamp(
            job.source,
            job.target,
            claims,
            overwrite=True,  # what a lost try left; a finished one is refused by the registry
            progress=lambda *_: loop.call_soon_threadsafe(alive),
            cancel=cancel,
        )

    attempt = 0
    while True:
        attempt += 1
        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            return Done(job, (await asyncio.shield(task)).stamp_id)
        except asyncio.CancelledError:
            cancel.set()
            await asyncio.wait({task})  # nothing is published from now on
            task.exception()
            raise
        except AlreadyStampedError as error:
            return Done(job, provenance.StampId.from_hex(str(error.stamp_id)), before=True)
        except provenance.ServiceError:
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(2**attempt)


async def run(stamper: provenance.Stamper, jobs: Iterable[Job], workers: int = 2) -> list[Done]:
    """All jobs, a few at a time; the first that fails stops the others."""
    queue: asyncio.Queue[Job] = asyncio.Queue()
    for job in jobs:
        queue.put_nowait(job)
    done: list[Done] = []

    async def worker() -> None:
        while not queue.empty():
            done.append(await stamp(stamper, queue.get_nowait()))

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    return done


def main(source: Path, target: Path) -> None:
    """Stamp a folder with the keys in ./keys and a registry beside them."""
    target.mkdir(exist_ok=True)
    jobs = [
        Job(clip, target / clip.name, clip.with_suffix(".txt").read_text(encoding="utf-8"))
        for clip in sorted(source.glob("*.mp4"))
    ]
    with provenance.Registry("registry.db", create=True) as registry:
        stamper = provenance.Stamper(provenance.Keyring.load("keys"), registry=registry)
        try:
            for done in asyncio.run(run(stamper, jobs)):
                print(done.job.target, done.stamp_id, "done before" if done.before else "stamped")
        except* provenance.ProvenanceError as failed:
            sys.exit(str(failed.exceptions[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
