"""One job from its input to its output: what a worker of any pool does.

    attempt = do(task, settings)

1. The input is fetched and hashed; with the job's settings that makes its key.
2. The ledger says what is known: a job that is done is skipped, once its file has been looked at,
   and withdrawals; one whose file went elsewhere is done too.  Otherwise the job is claimed, and
   the name of its output.
3. What waits in the spool is removed when something of it is withdrawn.  A clip that the registry
   has as stamped is done elsewhere.  The approvals are checked, against the very bytes that will be
   stamped.
4. The clip is stamped into the spool, under its key (:func:`provenance.stamp`).
5. Withdrawals are looked for again, since the clip may have waited.  The ledger notes what is about
   to be published; the file is published; the ledger notes that.

A kill between any two steps costs no second stamp: what lies in the spool under a job's key is that
job's, whole and in the registry, and is published by whoever claims the job next; what was
published is found by its SHA-256.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from provenance.batch.found import (
    fault_in,
    recalled_elsewhere,
    to_be_recalled,
    told_again,
    told_of,
)
from provenance.batch.jobs import LEASE, Claim, Entry, Ledger, PromptForms
from provenance.batch.settings import Settings
from provenance.batch.spool import Spool
from provenance.batch.tasks import Attempt, Task, fault_of
from provenance.batch.telemetry import StageClock, reason_of
from provenance.batch.tools import (
    Permit,
    Tools,
    how_of,
    names_of,
    prompt_of,
    tools_for,
)
from provenance.errors import (
    AlreadyStampedError,
    BusyError,
    LeaseLostError,
    ProvenanceError,
    UsageError,
)
from provenance.manifest import sidecar_path
from provenance.registry import StampRecord
from provenance.stamping.claims import Claims
from provenance.stamping.making import check_names
from provenance.stamping.stamp import Stamper
from provenance.system.processes import owner_name
from provenance.system.storage import Place, Stored, fetched, published, stored
from provenance.system.text import printable
from provenance.system.workspace import Workspace
from provenance.video import probe

LONGEST_BACKOFF: Final = 120.0
BUSY: Final = 5.0
"""Seconds until a clip, or an output, that another process works on is looked at again."""
UNPUBLISHED: Final = "an earlier stamp of this job was never published"
FINAL: Final = frozenset(("unreadable_file", "unsupported_media", "unmarkable", "worker_died"))
"""Reasons that another run would only find again, since the input is the same."""
Progress = Callable[[str, int, int | None], object]


class Abandon(BaseException):
    """Raised by ``progress`` to have the job given back."""


def do(
    task: Task,
    settings: Settings,
    *,
    pin: str | None = None,
    ledger: Ledger | None = None,
    owner: str | None = None,
    progress: Progress | None = None,
) -> Attempt:
    """Do one job; whatever goes wrong is in the answer.

    Args:
        task: the job.
        settings: of the run.
        pin: of the token that signs, if that needs one.
        ledger: what is done; default: the file that the settings name, on this machine.
        owner: who claims the job; default: this process.
        progress: called with each step; may raise :class:`Abandon`.
    """
    started, clock = time.time(), StageClock(progress)
    try:
        tools = tools_for(settings, pin)
        opened = tools.ledger() if ledger is None else ledger
        with tempfile.TemporaryDirectory(prefix="provenance-") as scratch:
            name = owner or owner_name(os.getpid())
            attempt = _Work(
                task, tools, opened, owner=name, clock=clock, scratch=Path(scratch)
            ).run()
    except Abandon:
        attempt = Attempt("abandoned")
    except LeaseLostError as error:
        attempt = Attempt("busy", error=str(error))
    except ProvenanceError as error:
        attempt = _failed(task, settings, error)
    except Exception as error:  # one job's trouble is never another one's
        attempt = Attempt(
            "failed",
            reason="unforeseen",
            error=f"Something unforeseen went wrong ({type(error).__name__}).",
            fault="service",
        )
    return replace(attempt, started=started, seconds=time.time() - started, stages=clock.finish())


def _failed(
    task: Task, settings: Settings, error: ProvenanceError, key: str | None = None
) -> Attempt:
    again = error.retryable and task.attempt < settings.attempts
    wait = min(LONGEST_BACKOFF, settings.backoff * 2.0 ** (task.attempt - 1))
    return Attempt(
        "retry" if again else "failed",
        key,
        reason_of(error),
        printable(error, 1000),
        fault_of(error),
        wait if again else 0.0,
        settings=error.settings,
    )


class _Work:
    """One job, on its way."""

    def __init__(
        self,
        task: Task,
        tools: Tools,
        ledger: Ledger,
        *,
        owner: str,
        clock: StageClock,
        scratch: Path,
    ) -> None:
        self.task, self.job, self.tools = task, task.job, tools
        self.settings = settings = tools.settings
        self.ledger, self.owner, self.clock, self.scratch = ledger, owner, clock, scratch
        self.target = settings.target(self.job)
        self.spool = Spool(self.job, tools, ledger)
        self.unpublished: str | None = None
        self.orphaned = False
        self.warnings: list[str] = []

    def run(self) -> Attempt:
        self.settings.check_target(self.job)
        clip = fetched(Place.of(self.job.input), self.scratch)  # 1
        prompt = self.task.prompt or prompt_of(clip.place.path, self.tools.keyring)
        keys = self.settings.keys_of(self.job, clip.sha256, prompt.hashes)
        entry = self.ledger.get(*keys)  # 2
        key = keys[0] if entry is None else entry.key
        # Whoever had it ended without a word, and its spool may be gone with its machine.
        self.orphaned = entry is not None and entry.state == "running"
        self.ledger.add([(key, self.job.output)])
        known = self._known(key)
        if known is not None:
            return known
        claim = self.ledger.claim(
            self.owner,
            lease=LEASE,
            max_attempts=self.settings.attempts,
            keys=[key],
        )
        if claim is None:
            return self._known(key) or Attempt("busy", key)
        try:
            attempt = self._claimed(claim, clip, prompt)
        except LeaseLostError:
            raise
        except BusyError as error:
            self.ledger.release(claim)
            return Attempt("busy", key, error=str(error), after=BUSY)
        except ProvenanceError as error:
            attempt = _failed(self.task, self.settings, error, key)
            self.ledger.failed(
                claim,
                attempt.reason or "",
                attempt.error or "",
                retry_after=0.0 if attempt.state == "retry" else None,
            )
        except Abandon:
            self.ledger.release(claim)
            raise
        except Exception as error:
            self.ledger.failed(claim, "unforeseen", type(error).__name__)
            raise
        return replace(attempt, key=key, warnings=tuple(self.warnings))

    def _known(self, key: str) -> Attempt | None:
        """The answer when there is nothing to do; what must be done anew is reopened."""
        entry = self.ledger.get(key)
        if entry is None or entry.state in ("pending", "running"):
            return None
        if entry.state == "failed":
            again = self.settings.retry_failed or entry.reason not in FINAL
            if self.task.attempt > 1 or not again:
                said = told_again(entry, first=self.task.attempt == 1)
                return Attempt("failed", key, entry.reason, said, fault_in(entry))
            self.unpublished = (entry.result or {}).get("stamp_id")
        elif stored(self.target) is None:
            if self.settings.again is None:
                return replace(self._elsewhere(entry.result or {}), key=key)
        elif self._is_whole(entry):
            return self._done(entry.result or {}, key)
        self.ledger.reopen([key])
        return None

    def _done(self, stamp: Mapping[str, Any], key: str | None = None) -> Attempt:
        """The answer when the output is there: nothing to do, or it has to go."""
        why = self.tools.withdrawn(self.job, stamp)
        if why is None:
            return Attempt("skipped", key, stamp=stamp)
        sentence = to_be_recalled(f"{self.target} is done", why)
        return Attempt("withdrawn", key, "withdrawn", sentence, "job", stamp=stamp)

    def _is_whole(self, entry: Entry) -> bool:
        there = stored(self.target)
        result = entry.result or {}
        if there is None or there.sha256 != result["output"]["sha256"]:
            raise UsageError(
                f"{self.target} is no longer what was stamped",
                advice="move it away, and say why the clip has to be stamped again",
                settings=("again",),
            )
        beside = result["manifest"]["embedded"] is not True
        return not beside or stored(self.target.beside(".c2pa")) is not None

    def _claimed(self, claim: Claim, clip: Stored, prompt: PromptForms) -> Attempt:
        claims = self.tools.claims(self.job, prompt)
        if claim.earlier is not None:
            self.unpublished = claim.earlier["stamp_id"]
        earlier = self.spool.published_before(claim, clip, claims)
        if earlier is not None:
            self.ledger.done(claim, earlier)
            self.spool.clear(claim.key)
            return self._done(earlier)
        spooled = self.spool.place_for(claim.key)
        result = self.spool.waiting(claim, clip, claims)
        if result is not None:  # before the approvals, or a withdrawn reviewer's clip would stay
            self.spool.hold_back(claim, result)
        elif self.settings.again is None:
            others = self._stamped_before(claims, clip)
            if others:
                return self._noted_elsewhere(claim, others[0])
        permit = self._permit(clip.sha256, prompt)  # 3
        claims = replace(claims, approval=permit.reference, approvers=permit.approvers)
        with self._target_claimed() as workspace:
            if result is None:
                try:
                    result = self._stamped(claim, clip, spooled, claims)  # 4
                except AlreadyStampedError:
                    others = self._stamped_before(claims, clip)
                    if not others:
                        raise
                    return self._noted_elsewhere(claim, others[0])  # somebody was faster
            beside = result["manifest"]["embedded"] is not True
            pixels = probe(spooled).video
            self.spool.hold_back(claim, result)  # 5
            self.ledger.publishing(claim, result, LEASE)
            published(
                spooled,
                self.target,
                sidecar=sidecar_path(spooled) if beside else None,
                workspace=workspace,
            )
            self.ledger.done(claim, result)
            self.spool.clear(claim.key)
        return Attempt("stamped", stamp=result, pixels=pixels.width * pixels.height)

    @contextlib.contextmanager
    def _target_claimed(self) -> Iterator[Workspace | None]:
        """Have nobody else begin to write the output; a bucket only tells in the end."""
        if not self.target.is_local:
            yield None
            return
        self.target.path.parent.mkdir(parents=True, exist_ok=True)
        with Workspace(self.target.path) as workspace:
            yield workspace

    def _stamped_before(self, claims: Claims, clip: Stored) -> tuple[StampRecord, ...]:
        """Records of the same clip; not that of a stamp of this job that was never published."""
        if self.orphaned:
            return ()
        found = self.tools.stamped_before(claims, clip.sha256)
        return tuple(one for one in found if one.stamp_id.hex != self.unpublished)

    def _noted_elsewhere(self, claim: Claim, record: StampRecord) -> Attempt:
        told = told_of(record, self.job, self.target, None)
        self.ledger.done(claim, told)
        return self._elsewhere(told)

    def _elsewhere(self, stamp: Mapping[str, Any]) -> Attempt:
        """The answer when the clip is stamped, and the output is not here."""
        place = self.tools.place_of(stamp["stamp_id"])
        why = self.tools.withdrawn(self.job, stamp)
        if why is None:
            return Attempt("done_elsewhere", stamp=stamp, place=place)
        sentence = recalled_elsewhere(self.job, stamp["stamp_id"], why, place)
        return Attempt("withdrawn", None, "withdrawn", sentence, "job", stamp=stamp, place=place)

    def _permit(self, sha256: str, prompt: PromptForms) -> Permit:
        permit = self.tools.approval(self.job, sha256, self.scratch, prompt.bound)
        if permit.warning is not None:
            self.warnings.append(permit.warning)
        return permit

    def _stamped(
        self, claim: Claim, clip: Stored, spooled: Path, claims: Claims
    ) -> Mapping[str, Any]:
        job, settings = self.job, self.settings
        check_names(names_of(job), claims.prompt_trace, self.tools.keyring)
        stamper = Stamper(
            self.tools.keyring, registry=self.tools.registry, how=how_of(job, settings)
        )
        result = stamper.stamp(
            clip.place.path,
            spooled,
            claims,
            input_sha256=clip.sha256,
            restamp=settings.restamp,
            again=settings.again or (UNPUBLISHED if self.unpublished or self.orphaned else None),
            progress=_Renewing(self.ledger, claim, self.clock),
        )
        beside = None if result.sidecar is None else str(self.target.beside(".c2pa"))
        return replace(
            result, input_path=job.input, output_path=str(self.target), sidecar=beside
        ).as_json()


class _Renewing:
    """Progress that renews the claim on its way."""

    def __init__(self, ledger: Ledger, claim: Claim, inner: Progress) -> None:
        self._ledger, self._claim, self._inner = ledger, claim, inner
        self._renewed = time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._inner(stage, done, total)
        if time.monotonic() - self._renewed > LEASE / 4:
            self._ledger.renew(self._claim, LEASE)
            self._renewed = time.monotonic()
