"""A release team's folder, and a batch of it that is killed or stopped at a chosen moment."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import Keyring, init_keyring
from provenance.batch import STATE, Settings, Task
from provenance.batch.approvals import (
    FOLDER,
    add_approval,
    approval_path,
    approve,
    load_reviewer_key,
    new_reviewer_key,
)
from provenance.batch.jobs import Claim, Job, Ledger, Prompt, read_jobs
from provenance.batch.runner import tidy
from provenance.batch.work import do
from provenance.manifest.prompt import PromptKey
from provenance.registry import Registry
from provenance.system.processes import owner_name
from provenance.system.workspace import PREFIX
from tests.clips import Spec, make_clip
from tests.conftest import environment

KEY = PromptKey("01234567", b"k" * 32)
SPEC = Spec(size=(240, 160), frames=24)
FIELDS = {"model_name": "Model", "model_version": "1", "preset": "ultrafast"}


class Killed(BaseException):
    """What a test stops a job with, where a kill would."""


class Studio:
    """A release team's folder: keys, a reviewer, clips, a list, a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        (folder / "in").mkdir()
        self.out.mkdir()
        self.keyring = init_keyring(folder / "keys", "Example Studio")
        (folder / "keys" / FOLDER).mkdir()
        public = new_reviewer_key(folder / "anna.pem")
        public.rename(folder / "keys" / FOLDER / "anna.pub")
        self.base = make_clip(folder / "base.mp4", SPEC).read_bytes()
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, *, approved: bool = True, **fields: Any) -> Path:
        """A clip, and its row."""
        clip = self.folder / "in" / f"{name}.mp4"
        clip.write_bytes(self.base + b"\0\0\0\x0cfree" + len(self.rows).to_bytes(4, "big"))
        if approved:
            digest = hashlib.sha256(clip.read_bytes()).hexdigest()
            key = load_reviewer_key(self.folder / "anna.pem")
            add_approval(approval_path(clip), *approve(digest, key, "anna"))
        row = {"input": f"in/{name}.mp4", "output": f"{name}.mp4", "prompt": f"secret {name}"}
        self.rows.append(row | FIELDS | fields)
        self.listing.write_text("".join(json.dumps(one) + "\n" for one in self.rows), "utf-8")
        return clip

    @property
    def listing(self) -> Path:
        return self.folder / "jobs.jsonl"

    @property
    def words(self) -> tuple[str, ...]:
        """The command, one worker."""
        words = ("batch", self.listing, "--out", self.out, "--workers", "1", "--registry", "r.db")
        return tuple(map(str, words))

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("*.m*"))

    def results(self) -> dict[str, dict[str, Any]]:
        lines = (self.out / "results.jsonl").read_text("utf-8").splitlines()
        return {row["job"]["output"]: row for row in map(json.loads, lines)}

    def settings(self, **options: Any) -> Settings:
        return Settings(
            keys=self.folder / "keys",
            out=str(self.out),
            state=self.out / STATE,
            registry=str(self.folder / "r.db"),
            reviewers=(self.folder / "keys" / FOLDER,),
            **options,
        )

    def records(self) -> Counter[str | None]:
        """How many records each input has; the audit log is whole."""
        with Registry(str(self.folder / "r.db")) as registry:
            assert registry.check().broken is None
            return Counter(record.input_sha256 for record in registry.search())

    def leftovers(self) -> list[Path]:
        spool = self.out / STATE / "spool"
        hidden = list(self.folder.rglob(f"{PREFIX}*"))
        return hidden + list(spool.iterdir())


def task_of(job: Job, keyring: Keyring) -> Task:
    return Task(replace(job, prompt=Prompt()), job.prompt.forms(keyring.prompt_keys))


def killed_at(studio: Studio, moment: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The only job, begun by a process that is gone since that moment."""
    with Registry(str(studio.folder / "r.db"), create=True):
        pass
    (job,) = read_jobs(studio.listing)
    settings = studio.settings()
    settings.spool.mkdir(parents=True)

    class Killing(Ledger):
        """Ends the job where a kill might."""

        def publishing(self, claim: Claim, result: Mapping[str, Any], lease: float) -> None:
            if moment == "stamped":
                raise Killed
            super().publishing(claim, result, lease)
            if moment == "publishing":
                raise Killed

        def done(self, claim: Claim, result: Mapping[str, Any]) -> None:
            raise Killed

    gone = subprocess.Popen([sys.executable, "-c", ""])
    with monkeypatch.context() as patched, Killing(settings.ledger) as ledger:
        name = owner_name(gone.pid)
        patched.setattr("provenance.batch.work.owner_name", lambda _pid: name)
        with pytest.raises(Killed):
            do(task_of(job, studio.keyring), settings, ledger=ledger)
    gone.wait()
    return job


def tidy_up(studio: Studio, job: Job) -> None:
    """What the next run does first."""
    with Ledger(studio.settings().ledger) as ledger:
        tidy(studio.settings(), ledger, None, [job])


def revoke(studio: Studio, consent: str = "actor-7") -> None:
    with Registry(str(studio.folder / "r.db"), create=True) as registry:
        registry.withdrawals.withdraw("consent", consent, "asked for it")


def start(studio: Studio, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "provenance", *studio.words, *more],
        cwd=studio.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_work(studio: Studio, process: subprocess.Popen[str]) -> None:
    """Until a clip is being stamped; what lay in the spool before does not count."""
    spool = studio.out / STATE / "spool"
    before = set(spool.glob("*"))
    deadline = time.monotonic() + 60
    while not set(spool.glob("*")) - before:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [
        child
        for child in map(int, children)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
