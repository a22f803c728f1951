"""One job from its input to its output: what a worker of any pool does.

    attempt = do(task, settings)

1. The input is fetched and hashed; with the job's settings that makes its key.
2. The ledger says what is known: a job that is done is skipped, once its file has been looked at,
   and withdrawals.  Otherwise the job is claimed.
3. What waits in the spool is removed when something of it is withdrawn.  The approvals are checked,
   against the very bytes that will be stamped.
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
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from provenance.batch.jobs import Claim, Entry, Ledger
from provenance.batch.settings import Settings
from provenance.batch.tasks import Attempt, Fault, Task, fault_of
from provenance.batch.telemetry import StageClock, reason_of
from provenance.batch.tools import (
    Permit,
    Tools,
    how_of,
    names_of,
    prompt_of,
    to_be_recalled,
    tools_for,
)
from provenance.errors import (
    LeaseLostError,
    ProvenanceError,
    UsageError,
    WithdrawnError,
)
from provenance.manifest import DEFAULT_DIGITAL_SOURCE_TYPE, sidecar_path
from provenance.registry import StampRecord
from provenance.results import PromptHash, StampResult
from provenance.stamping.claims import Claims
from provenance.stamping.making import check_names
from provenance.stamping.stamp import Stamper
from provenance.system.processes import owner_name
from provenance.system.storage import Place, Stored, fetched, published, stored
from provenance.system.text import printable
from provenance.video import probe

LEASE: Final = 900.0
"""Seconds that a claim stands; it is renewed as the work goes on."""
LONGEST_BACKOFF: Final = 120.0
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
        self.prompt, self.trace, self.bound = task.prompt, task.trace, task.bound
        self.warnings: list[str] = []

    def run(self) -> Attempt:
        self.settings.check_target(self.job)
        clip = fetched(Place.of(self.job.input), self.scratch)  # 1
        if self.prompt is None:
            self.prompt, self.trace, self.bound = prompt_of(clip.place.path, self.tools.keyring)
        key = self.settings.key_of(self.job, clip.sha256, self.prompt)
        self.ledger.add([(key, self.job.output)])  # 2
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
            attempt = self._claimed(claim, clip, self.prompt)
        except LeaseLostError:
            raise
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
                return Attempt(
                    "failed", key, entry.reason, _told_again(entry, self.task), _fault(entry)
                )
        elif self._is_whole(entry):
            return self._done(entry.result or {}, key)
        self.ledger.reopen([key])
        return None

    def _done(self, stamp: Mapping[str, Any], key: str | None = None) -> Attempt:
        """The answer when the output is there: nothing to do, or it has to go."""
        why = self.tools.withdrawn(self.job, stamp)
        if why is None:
            return Attempt("skipped", key, stamp=stamp)
        sentence = to_be_recalled(self.target, why)
        return Attempt("withdrawn", key, "withdrawn", sentence, "job", stamp=stamp)

    def _is_whole(self, entry: Entry) -> bool:
        there = stored(self.target)
        result = entry.result or {}
        if there is None:
            return False
        if there.sha256 != result["output"]["sha256"]:
            raise UsageError(
                f"{self.target} is no longer what was stamped; move it away to have it stamped "
                "again."
            )
        beside = result["manifest"]["embedded"] is not True
        return not beside or stored(self.target.beside(".c2pa")) is not None

    def _claimed(self, claim: Claim, clip: Stored, prompt: PromptHash) -> Attempt:
        earlier = self._published_before(claim, clip)
        if earlier is not None:
            self.ledger.done(claim, earlier)
            self._clear_spool(claim.key)
            return self._done(earlier)
        spooled = self._spooled(claim.key)
        spooled.parent.mkdir(parents=True, exist_ok=True)
        result = self._waiting(claim, clip, spooled)
        if result is not None:  # before the approvals, or a withdrawn reviewer's clip would stay
            self._hold_back(claim.key, result)
        permit = self._permit(clip.sha256)  # 3
        if result is None:
            result = self._stamped(claim, clip, spooled, permit, prompt)  # 4
        beside = result["manifest"]["embedded"] is not True
        pixels = probe(spooled).video
        self._hold_back(claim.key, result)  # 5
        self.ledger.publishing(claim, result, LEASE)
        if self.target.is_local:
            self.target.path.parent.mkdir(parents=True, exist_ok=True)
        published(spooled, self.target, sidecar=sidecar_path(spooled) if beside else None)
        self.ledger.done(claim, result)
        self._clear_spool(claim.key)
        return Attempt("stamped", stamp=result, pixels=pixels.width * pixels.height)

    def _hold_back(self, key: str, result: Mapping[str, Any]) -> None:
        """Remove a clip from the spool when something of it is withdrawn.

        The stamp stays on record, where the withdrawal hits it.

        Raises:
            WithdrawnError: it was removed.
        """
        why = self.tools.withdrawn(self.job, result)
        if why is not None:
            self._clear_spool(key)
            raise WithdrawnError(f"{printable(self.job.input)} is not published: {why}.")

    def _published_before(self, claim: Claim, clip: Stored) -> Mapping[str, Any] | None:
        """What an earlier attempt published and could not note any more.

        Raises:
            UsageError: something else is there.
        """
        there = stored(self.target)
        if there is None:
            return None
        if claim.earlier is not None and claim.earlier["output"]["sha256"] == there.sha256:
            return claim.earlier
        others = [one for one in self.ledger.entries("done") if one.output == self.job.output]
        record = self._record_of(there.sha256, clip)
        if record is None or others:  # the ledger was lost, if it is this very job's
            raise UsageError(f"{self.target} exists already; move it away, or choose another name.")
        return self._told(record, there)

    def _waiting(self, claim: Claim, clip: Stored, spooled: Path) -> Mapping[str, Any] | None:
        """What an earlier attempt stamped and did not publish; what can't be used is removed."""
        there = stored(Place.of(spooled))
        if there is None:
            return None
        if claim.earlier is not None and claim.earlier["output"]["sha256"] == there.sha256:
            return claim.earlier
        record = self._record_of(there.sha256, clip)
        if record is not None:
            return self._told(record, there)
        self._clear_spool(claim.key)
        return None

    def _record_of(self, sha256: str, clip: Stored) -> StampRecord | None:
        """The registry's record of a file that was stamped from this clip as this job says."""
        if self.tools.registry is None:
            return None
        for one in self.tools.registry.search(sha256=sha256):
            same = (one.model_name, one.model_version, one.prompt_hash)
            wanted = (self.job.model_name, self.job.model_version, self.prompt)
            whole = (one.output_sha256, one.input_sha256) == (sha256, clip.sha256)
            if whole and same == wanted and set(one.consents) == set(self.job.consents):
                return one
        return None

    def _told(self, record: StampRecord, there: Stored) -> Mapping[str, Any]:
        """A stamp's row, after its record; what was measured then is not known any more."""
        sidecar = stored(there.place.beside(".c2pa")) is not None
        told = StampResult(
            input_path=self.job.input,
            input_sha256=record.input_sha256 or "",
            output_path=str(self.target),
            output_sha256=there.sha256,
            stamp_id=record.stamp_id,
            key_id=record.key_id,
            profile=record.profile or "",
            psnr_y_db=0.0,
            margin_db=0.0,
            copy_margin_db=0.0,
            strength=0.0,
            frames=0,
            manifest_status="trusted",
            sidecar=str(self.target.beside(".c2pa")) if sidecar else None,
            signed_at=record.signed_at,
            seconds=0.0,
        ).as_json()
        return told | {
            "profile": record.profile,
            "watermark": dict.fromkeys(told["watermark"]),
            "seconds": None,
            "tags": None,
        }

    def _permit(self, sha256: str) -> Permit:
        permit = self.tools.approval(self.job, sha256, self.scratch, self.bound)
        if permit.warning is not None:
            self.warnings.append(permit.warning)
        return permit

    def _stamped(
        self, claim: Claim, clip: Stored, spooled: Path, permit: Permit, prompt: PromptHash
    ) -> Mapping[str, Any]:
        job, settings = self.job, self.settings
        check_names(names_of(job), self.trace, self.tools.keyring)
        claims = Claims(
            job.model_name,
            job.model_version,
            prompt,
            provider=settings.provider,
            title=job.title or printable(self.target.file_name),
            digital_source_type=settings.digital_source_type or DEFAULT_DIGITAL_SOURCE_TYPE,
            approval=permit.reference,
            approvers=permit.approvers,
            consents=job.consents,
            prompt_trace=self.trace,
        )
        stamper = Stamper(
            self.tools.keyring, registry=self.tools.registry, how=how_of(job, settings)
        )
        result = stamper.stamp(
            clip.place.path,
            spooled,
            claims,
            input_sha256=clip.sha256,
            progress=_Renewing(self.ledger, claim, self.clock),
        )
        beside = None if result.sidecar is None else str(self.target.beside(".c2pa"))
        return replace(
            result, input_path=job.input, output_path=str(self.target), sidecar=beside
        ).as_json()

    def _spooled(self, key: str) -> Path:
        return self.settings.spool / f"{key}{Path(self.job.output).suffix.lower()}"

    def _clear_spool(self, key: str) -> None:
        spooled = self._spooled(key)
        for path in (spooled, sidecar_path(spooled)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


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


def _told_again(entry: Entry, task: Task) -> str:
    """What an earlier run found, and how to have it looked at again."""
    if task.attempt > 1:
        return str(entry.error)
    return f"{entry.error} (An earlier run found this; have failed jobs retried to look again.)"


def _fault(entry: Entry) -> Fault:
    """Where that comes from what an earlier run found."""
    return "service" if entry.reason in (None, "worker_died", "unforeseen") else "job"
