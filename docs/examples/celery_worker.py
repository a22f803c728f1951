"""A Celery task that stamps: each clip once, however often Celery gives its task out.

    pip install provenance-stamp 'celery[redis]'
    celery -A celery_worker worker              # with ./keys, and a registry beside them
    python celery_worker.py clips stamped       # every mp4 of a folder, with its prompt in a .txt

A task is acknowledged when it has ended, so that one whose worker was lost is given out again; so
is one that takes longer than the broker's visibility time-out, while its first worker is still at
it.  The registry keeps both from a second stamp.  What another try may mend is tried again later,
and a task that is aborted publishes nothing.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.contrib.abortable import AbortableTask
from celery.exceptions import Ignore

import provenance
from provenance.errors import AlreadyStampedError

RETRIES = 8
LOOK_SECONDS = 1.0
"""How often a task looks whether it was aborted."""

app = Celery("stamping")
app.conf.update(
    broker_url=os.environ.get("CELERY_BROKER_URL", "redis://localhost"),
    result_backend=os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost"),
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,  # clips take seconds: none waits behind another one's
)


@functools.cache
def stamper() -> provenance.Stamper:
    """This process's own, made with its first task: a registry is not carried over a fork."""
    registry = provenance.Registry(
        os.environ.get("PROVENANCE_REGISTRY", "registry.db"), create=True
    )
    keys = provenance.Keyring.load(os.environ.get("PROVENANCE_KEYS", "keys"))
    return provenance.Stamper(keys, registry=registry)


@app.task(name="stamping.stamp", bind=True, base=AbortableTask, max_retries=RETRIES)
def stamp(self: Any, source: str, target: str, prompt: str) -> dict[str, Any]:
    """Stamp a clip, or find that it is done: the stamp id, and whether an earlier try made it."""
    cancel, looked = provenance.Cancel(), -LOOK_SECONDS

    def moved(*_: object) -> None:
        nonlocal looked
        if time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            if self.is_aborted():
                cancel.set()

    claims = provenance.Claims.of(
        stamper().keyring, model_name="ExampleVideoModel", model_version="3.2.1", prompt=prompt
    )
    try:
        result = stamper().stamp(
            source,
            target,
            claims,
            overwrite=True,  # what a lost try left; a finished one is refused by the registry
            progress=moved,
            cancel=cancel,
        )
    except AlreadyStampedError as error:
        return {"stamp_id": error.stamp_id, "before": True}
    except provenance.CancelledError:
        raise Ignore from None  # its state stays ABORTED
    except provenance.ProvenanceError as error:
        if error.retryable:
            raise self.retry(exc=error, countdown=2**self.request.retries) from error
        raise
    return {"stamp_id": result.stamp_id.hex, "before": False}


def main(source: Path, target: Path) -> None:
    """Have a folder stamped, and wait for it."""
    target.mkdir(exist_ok=True)
    sent = [
        (
            clip,
            stamp.delay(str(clip), str(target / clip.name), clip.with_suffix(".txt").read_text()),
        )
        for clip in sorted(source.glob("*.mp4"))
    ]
    for clip, result in sent:
        done = result.get()
        print(clip, done["stamp_id"], "done before" if done["before"] else "stamped")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
