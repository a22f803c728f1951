"""A dry run: everything that can be checked before the first clip is stamped."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from provenance.batch.found import recalled_elsewhere, to_be_recalled, told_of
from provenance.batch.jobs import Job, JobName, Ledger, PromptForms
from provenance.batch.settings import Settings
from provenance.batch.tasks import Fault, fault_of
from provenance.batch.telemetry import reason_of
from provenance.batch.tools import Tools, how_of, names_of, prompt_of, tools_for
from provenance.errors import (
    Checks,
    OutputError,
    ProvenanceError,
    UsageError,
    WithdrawnError,
)
from provenance.keyring.files import certificate_id
from provenance.manifest.certificates import check_validity
from provenance.registry import Facts
from provenance.results.payload import StampId
from provenance.results.reports import TAGS, Kept, LeftOutTags
from provenance.results.serial import Document, Hidden
from provenance.signers import check_ready
from provenance.stamping.making import Making, check_names
from provenance.stamping.marked import refuse_marked, stamp_in_picture
from provenance.system.storage import Place, Stored, fetched, place_in, stored
from provenance.system.text import printable
from provenance.system.text import size as readable
from provenance.verifying.lineage import lineage_of_source, with_stamp


@dataclass(frozen=True, slots=True)
class Problem(Document):
    """What would go wrong with a job, or with all of them."""

    SCHEMA: ClassVar = "provenance.job_problem/1"

    job: JobName | None
    """Which job; null when it is all of them."""
    reason: str
    """Why, in a word."""
    error: str
    """Why, in a sentence for people."""
    fault: Hidden[Fault]
    """Whose fault it is."""
    settings: Hidden[tuple[str, ...]] = ()
    """What the sentence's advice would have set."""


@dataclass(frozen=True, slots=True)
class LeftOut(Document):
    """Tags of a job's input that would not go along into its output."""

    SCHEMA: ClassVar = "provenance.job_tags/1"
    GROUPS: ClassVar = {"tags": TAGS}

    job: JobName
    """Which job."""
    kept: Kept
    """Tags that go along."""
    left_out: LeftOutTags
    """Tags that do not."""


@dataclass(frozen=True, slots=True)
class Elsewhere(Document):
    """A job that is done, whose output is not here."""

    SCHEMA: ClassVar = "provenance.job_elsewhere/1"

    job: JobName
    """Which job."""
    stamp_id: StampId
    """Its stamp."""
    place: str | None
    """Where the output is, as the registry was told."""


def check_batch(
    jobs: Sequence[Job], settings: Settings, *, pin: str | None = None
) -> Iterator[Problem | LeftOut | Elsewhere]:
    """Check keys, signer, registry, ledger and disk, and then job after job; stamp nothing.

    Of each job all is told that is wrong.  What would be left out of a clip is no problem, and is
    told too; so is a job that is done elsewhere.

    An input in a bucket is fetched to be looked at, one at a time.
    """
    try:
        tools = tools_for(settings, pin)
        check_validity(tools.keyring.signer.chain_pem)
        check_ready(tools.keyring.signer)
        # To open an SQLite file is to be able to use it; a reader does not make one.
        ledger = Ledger(settings.ledger) if settings.ledger.exists() else None
    except ProvenanceError as error:
        yield _problem(None, error)
        return
    needed = 0
    for job in jobs:
        look = _Look(job, tools, ledger)
        checks = Checks()
        checks.run(look.check)
        needed += look.size
        yield from look.notes
        yield from (_problem(job, error) for error in checks.found)
    room = _room(settings)
    if room is not None and needed > room:
        yield _problem(
            None,
            OutputError(
                f"The outputs may need {readable(needed)} and {settings.out} has {readable(room)}",
                advice="make room there",
            ),
        )


class _Look:
    """What is found of one job: bytes that it may need, notes, and all that is wrong with it."""

    def __init__(self, job: Job, tools: Tools, ledger: Ledger | None) -> None:
        self._job, self._tools, self._ledger = job, tools, ledger
        self.size = 0
        self.notes: list[LeftOut | Elsewhere] = []

    def check(self) -> None:
        """Look at the job; what is independent of each other is all looked at.

        Raises:
            ProvenanceError: something is wrong; it names what else is.
        """
        checks, job, tools = Checks(), self._job, self._tools
        keys = tools.keyring.prompt_keys
        checks.run(lambda: tools.settings.check_target(job))
        asked = None
        if not job.prompt.from_tags:
            asked = checks.run(lambda: job.prompt.forms(keys))
        with tempfile.TemporaryDirectory(prefix="provenance-") as name:
            scratch = Path(name)
            clip = checks.run(lambda: fetched(Place.of(job.input), scratch))
            if clip is not None and job.prompt.from_tags:
                asked = checks.run(lambda: prompt_of(clip.place.path, tools.keyring))
            if clip is not None and not self._is_done(clip, asked, checks):
                self._check_clip(clip, asked, scratch, checks)
        checks.refuse()

    def _is_done(self, clip: Stored, prompt: PromptForms | None, checks: Checks) -> bool:
        """Whether nothing is left to do, though it may have to be recalled; what lies at its place
        and is not the job's is wrong."""
        if prompt is None:
            return False
        done = checks.run(lambda: self._done_by(clip, prompt))
        return bool(done) or any(isinstance(error, WithdrawnError) for error in checks.found)

    def _done_by(self, clip: Stored, prompt: PromptForms) -> bool:
        job, tools = self._job, self._tools
        settings, target = tools.settings, tools.settings.target(job)
        keys = settings.keys_of(job, clip.sha256, prompt.hashes)
        entry = None if self._ledger is None else self._ledger.get(*keys)
        result = None if entry is None else entry.result
        there = stored(target)
        if there is not None:
            if result is None or result["output"]["sha256"] != there.sha256:
                claims = tools.claims(job, prompt)
                record = tools.record_of(claims, clip.sha256, there.sha256)
                if record is None:
                    raise UsageError(
                        f"{target} exists already; move it away, or choose another name."
                    )
                result = told_of(record, job, target, there)
            why = tools.withdrawn(job, result)
            if why is not None:
                raise WithdrawnError(to_be_recalled(f"{target} is done", why))
            return True
        if settings.again is not None:
            return False
        if entry is not None and entry.state == "done" and result is not None:
            return self._elsewhere(result["stamp_id"])
        others = tools.stamped_before(tools.claims(job, prompt), clip.sha256)
        return bool(others) and self._elsewhere(others[0].stamp_id.hex)

    def _elsewhere(self, stamp_id: str) -> bool:
        place = self._tools.place_of(stamp_id)
        stamp = {"stamp_id": stamp_id, "key_id": self._tools.keyring.watermark_key.key_id}
        why = self._tools.withdrawn(self._job, stamp)
        if why is not None:
            raise WithdrawnError(recalled_elsewhere(self._job, stamp_id, why, place))
        self.notes.append(Elsewhere(self._job.named, StampId.from_hex(stamp_id), place))
        return True

    def _check_clip(
        self, clip: Stored, prompt: PromptForms | None, scratch: Path, checks: Checks
    ) -> None:
        job, tools = self._job, self._tools
        bound = () if prompt is None else prompt.bound
        trace = None if prompt is None else prompt.trace
        checks.run(lambda: tools.approval(job, clip.sha256, scratch, bound))
        if prompt is not None and tools.settings.again is None:
            claims, name = tools.claims(job, prompt), printable(job.input)
            checks.run(lambda: tools.refuse_second(claims, clip.sha256, name))
        checks.run(lambda: check_names(names_of(job), trace, tools.keyring))
        making = checks.run(
            lambda: Making.checked(
                clip.place.path,
                scratch / f"checked{Path(job.output).suffix.lower()}",
                keyring=tools.keyring,
                how=how_of(job, tools.settings),
                overwrite=False,
                progress=lambda *_: None,
                prompt=trace,
            )
        )
        carried = None
        if making is not None and not tools.settings.restamp:
            checks.run(lambda: refuse_marked(making, clip.sha256, tools.registry))
        elif making is not None:
            carried = checks.run(lambda: stamp_in_picture(making))
        checks.run(lambda: _check_withdrawn(job, tools, clip, carried))
        if making is None:
            return
        self.size = _size(clip)
        if making.tags.left_out:
            self.notes.append(LeftOut(job.named, making.tags.kept, making.tags.left_out))


def _size(clip: Stored) -> int:
    """What an output takes, roughly: the finished file, and as much again while it is made."""
    return clip.size * 2


def _check_withdrawn(job: Job, tools: Tools, clip: Stored, carried: StampId | None) -> None:
    if tools.registry is None:
        return
    chain = certificate_id(tools.keyring.signer.chain_pem)
    facts = Facts(
        key_ids=(tools.keyring.watermark_key.key_id, chain),
        model_name=job.model_name,
        model_version=job.model_version,
        consents=job.consents,
    )
    past = lineage_of_source(clip.place.path, clip.sha256, tools.keyring.trust, tools.registry)
    if carried is not None:
        past = with_stamp(past, carried, tools.registry)
    tools.registry.withdrawals.refuse(facts, past, printable(job.input))


def _room(settings: Settings) -> int | None:
    """Free bytes where local outputs go."""
    if not place_in(settings.out, "x").is_local:
        return None
    folder = Path(settings.out)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _problem(job: Job | None, error: ProvenanceError) -> Problem:
    named = None if job is None else job.named
    sentence = printable(error, 1000)
    return Problem(named, reason_of(error), sentence, fault_of(error), error.settings)
