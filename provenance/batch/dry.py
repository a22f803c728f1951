"""A dry run: everything that can be checked before the first clip is stamped."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from provenance.batch.approvals import binding_key
from provenance.batch.jobs import Job, JobName, Ledger
from provenance.batch.settings import Settings
from provenance.batch.tasks import Fault, fault_of
from provenance.batch.telemetry import reason_of
from provenance.batch.tools import Tools, how_of, names_of, prompt_of, to_be_recalled, tools_for
from provenance.errors import OutputError, ProvenanceError, UsageError, WithdrawnError
from provenance.keyring.files import certificate_id
from provenance.manifest.certificates import check_validity
from provenance.registry import Facts
from provenance.results.reports import TAGS, Kept, LeftOutTags
from provenance.results.serial import Document, Hidden
from provenance.signers import check_ready
from provenance.stamping.making import Making, check_names
from provenance.system.storage import Place, Stored, fetched, place_in, stored
from provenance.system.text import printable
from provenance.system.text import size as readable
from provenance.verifying.lineage import lineage_of_source
from provenance.video import TagPlan


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


def check_batch(
    jobs: Sequence[Job], settings: Settings, *, pin: str | None = None
) -> Iterator[Problem | LeftOut]:
    """Check keys, signer, registry, ledger and disk, and then job after job; stamp nothing.

    What would be left out of a clip is no problem, and is told too.

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
        try:
            size, tags = _check(job, tools, ledger)
            needed += size
            if tags is not None and tags.left_out:
                yield LeftOut(job.named, tags.kept, tags.left_out)
        except ProvenanceError as error:
            yield _problem(job, error)
    room = _room(settings)
    if room is not None and needed > room:
        yield _problem(
            None,
            OutputError(
                f"The outputs may need {readable(needed)} and {settings.out} has {readable(room)}",
                advice="make room there",
            ),
        )


def _check(job: Job, tools: Tools, ledger: Ledger | None) -> tuple[int, TagPlan | None]:
    """Check one job; the bytes it may need and what becomes of its tags, unless it is done."""
    settings, target = tools.settings, tools.settings.target(job)
    keys = tools.keyring.prompt_keys
    asked = None
    if not job.prompt.from_tags:
        given = job.prompt.loaded()
        bound = given.bound(map(binding_key, keys))
        asked = (given.hashed(keys[0]), given.traced(keys[0]), bound)
    settings.check_target(job)
    with tempfile.TemporaryDirectory(prefix="provenance-") as name:
        scratch = Path(name)
        clip = fetched(Place.of(job.input), scratch)
        prompt, trace, bound = asked or prompt_of(clip.place.path, tools.keyring)
        entry = None if ledger is None else ledger.get(settings.key_of(job, clip.sha256, prompt))
        there = stored(target)
        result = None if entry is None else entry.result
        if there is not None:
            if result is None or result["output"]["sha256"] != there.sha256:
                raise UsageError(f"{target} exists already; move it away, or choose another name.")
            if entry is not None and entry.state == "done":
                why = tools.withdrawn(job, result)
                if why is not None:
                    raise WithdrawnError(to_be_recalled(target, why))
                return 0, None
        tools.approval(job, clip.sha256, scratch, bound)
        _check_withdrawn(job, tools, clip)
        check_names(names_of(job), trace, tools.keyring)
        making = Making.checked(
            clip.place.path,
            scratch / f"checked{Path(job.output).suffix.lower()}",
            keyring=tools.keyring,
            how=how_of(job, settings),
            overwrite=False,
            progress=lambda *_: None,
            prompt=trace,
        )
    return _size(clip), making.tags


def _size(clip: Stored) -> int:
    """What an output takes, roughly: the finished file, and as much again while it is made."""
    return clip.size * 2


def _check_withdrawn(job: Job, tools: Tools, clip: Stored) -> None:
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
    return Problem(named, reason_of(error), printable(error, 1000), fault_of(error))
