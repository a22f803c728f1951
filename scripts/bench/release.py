"""A studio of four brands, as scripts/prove_release has it: keys, reviewers, clips, databases.

Everything is done as a studio does it, by the command line.  Stampers work under the stamper's role
of their brand's database, the office under the administrator's: two files of settings.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bench.revisions import Revision
from bench.runner import ROOT, BenchError
from provenance.registry import Registry
from provenance.registry.address import parse_url
from tests.clips import Spec, make_clip
from tests.receiver import Receiver
from tests.stores import Bucket, environment

BRANDS: Final = ("acme", "beta", "gamma", "delta")
WEEKS: Final = 4
REVIEWERS: Final = ("reviewer-7", "reviewer-9")
MODEL: Final = "ExampleVideoModel"
VERSIONS: Final = ("3.1", "3.2", "3.3")
CLIP: Final = Spec(size=(240, 160), frames=24)
BUCKET: Final = "studio"


@dataclass(frozen=True, slots=True)
class Job:
    """A clip of the month; only one with both approvals may be stamped."""

    name: str
    week: int
    sha256: str
    version: str
    consent: str | None
    approvals: int


@dataclass(slots=True)
class Brand:
    """One brand: where it is, what it has to do, and what became of it."""

    name: str
    folder: Path
    database: str
    receiver: Receiver
    jobs: list[Job] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    """Places of outputs that were moved on, by their names."""
    withdrawn: list[tuple[str, str]] = field(default_factory=list)
    """Kinds and targets, in the order in which they were withdrawn."""
    lists: list[dict[str, Any]] = field(default_factory=list)
    """The lists that a verifier could have fetched, in this order."""
    heads: list[Path] = field(default_factory=list)

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def out(self) -> str:
        return f"s3://{BUCKET}/{self.name}"

    def listing(self, week: int | None) -> Path:
        """The list of a week's jobs, or of all."""
        return self.folder / ("month.jsonl" if week is None else f"week-{week}.jsonl")

    def unapproved(self) -> set[str]:
        return {job.name for job in self.jobs if job.approvals < len(REVIEWERS)}


class House:
    """The studio: its brands, its servers, and how its people run the program."""

    def __init__(
        self,
        folder: Path,
        server: str,
        bucket: Bucket,
        receivers: Sequence[Receiver],
        old: Revision,
    ) -> None:
        self.folder, self.bucket, self.old = folder, bucket, old
        self.server = parse_url(server)
        self.counts: Counter[str] = Counter()
        self.brands = [
            Brand(name, folder / name, f"month_{name}", receiver)
            for name, receiver in zip(BRANDS, receivers, strict=True)
        ]
        self._engine = sa.create_engine(self.server, isolation_level="AUTOCOMMIT")

    def url(self, brand: Brand, role: str | None = None) -> str:
        """The address of a brand's registry, for a login of a role or for the database's owner."""
        address = self.server.set(database=brand.database, drivername="postgresql")
        if role is not None:
            address = address.set(username=f"{brand.database}_{role}_1")
        return address.render_as_string(hide_password=False)

    def statement(self, text: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(text)

    def has_tables(self, brand: Brand) -> bool:
        """Whether a brand's database is a registry yet."""
        engine = sa.create_engine(parse_url(self.url(brand)))
        try:
            return sa.inspect(engine).has_table("audit")
        finally:
            engine.dispose()

    def close(self) -> None:
        self._engine.dispose()

    def registry(self, brand: Brand) -> Registry:
        return Registry(self.url(brand))

    def objects(self, start: str = "") -> list[str]:
        """What lies in the bucket."""
        listed = self.bucket.keys()
        return sorted(key for key in listed if key.startswith(start))

    # What people of the studio do.

    def environment(self, *, office: bool = False) -> dict[str, str]:
        settings = self.folder / ("office.toml" if office else "provenance.toml")
        own = {
            "PYTHONPATH": str(ROOT),
            "XDG_DATA_HOME": str(self.folder / "data"),
            "PROVENANCE_CONFIG": str(settings) if settings.exists() else os.devnull,
        }
        return os.environ | environment(self.bucket.port) | own

    def start(
        self, *words: str | Path, office: bool = False, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """The program, as the leader of a process group."""
        return subprocess.Popen(
            [sys.executable, "-m", "provenance", *map(str, words)],
            cwd=self.folder,
            env=self.environment(office=office) | dict(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        *words: str | Path,
        office: bool = False,
        codes: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> str:
        """The program to its end; what it printed."""
        return self.finished(self.start(*words, office=office, env=env), codes)

    def finished(self, process: subprocess.Popen[str], codes: Sequence[int] = (0,)) -> str:
        said, complained = process.communicate()
        if process.returncode not in codes:
            words = " ".join(map(str, process.args[3:]))  # type: ignore[index]  # it is a list
            raise BenchError(f"{words}: exit code {process.returncode}: {complained.strip()}")
        return said

    def killed(self, process: subprocess.Popen[str], after: float) -> None:
        """Give it so many seconds, then take the power away, from its workers too."""
        try:
            process.communicate(timeout=after)
            self.counts["ended before the kill"] += 1
        except subprocess.TimeoutExpired:
            self.counts["killed"] += 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    # Before the month.

    def make(self, count: int, chance: random.Random) -> None:
        """Keys, reviewers, clips with their approvals, lists, and databases as of 0.1.0."""
        base = make_clip(self.folder / "base.mp4", CLIP).read_bytes()
        for reviewer in REVIEWERS:
            self.old.run("approve", "--new-key", self.folder / f"{reviewer}.pem")
        for number, brand in enumerate(self.brands):
            self.statement(f"CREATE DATABASE {brand.database}")
            brand.folder.mkdir()
            self.old.run("keys", "init", "--keys", brand.keys, "--org", brand.name.title())
            (brand.keys / "reviewers").mkdir()
            for reviewer in REVIEWERS:
                public = (self.folder / f"{reviewer}.pem.pub").read_bytes()
                (brand.keys / "reviewers" / f"{reviewer}.pub").write_bytes(public)
            self._make_clips(brand, base, range(number, count, len(self.brands)), chance)

    def _make_clips(self, brand: Brand, base: bytes, numbers: range, chance: random.Random) -> None:
        clips = brand.folder / "clips"
        clips.mkdir()
        for place, number in enumerate(numbers):
            name = f"{number:04}.mp4"
            content = base + b"\0\0\0\x0cfree" + number.to_bytes(4, "big")
            (clips / name).write_bytes(content)
            brand.jobs.append(
                Job(
                    name,
                    1 + place * WEEKS // len(numbers),
                    hashlib.sha256(content).hexdigest(),
                    VERSIONS[place % len(VERSIONS)],
                    f"actor-{place % 5}" if place % 5 < 3 else None,
                    1 if chance.random() < 0.1 else 2,
                )
            )
        for week in (None, *range(1, WEEKS + 1)):
            rows = [_row(job) for job in brand.jobs if week in (None, job.week)]
            text = "".join(json.dumps(row) + "\n" for row in rows)
            brand.listing(week).write_text(text, encoding="utf-8")
        for wanted, reviewer in enumerate(REVIEWERS, start=1):
            given = [clips / job.name for job in brand.jobs if job.approvals >= wanted]
            key = self.folder / f"{reviewer}.pem"
            self.old.run("approve", *given, "--key", key, "--approver", reviewer)

    # When the program is upgraded.

    def write_settings(self) -> None:
        """Two files: for those who stamp, and for the office."""
        for name, role in (("provenance.toml", "stamper"), ("office.toml", "administrator")):
            tables = (
                f'[brand.{brand.name}]\nkeys = "{brand.keys}"\n'
                f'registry = "{self.url(brand, role)}"\nwebhook = "{brand.receiver.url}"\n'
                for brand in self.brands
            )
            (self.folder / name).write_text("\n".join(tables), encoding="utf-8")

    def give_roles(self, brand: Brand) -> None:
        """As a database team does it: the groups by the program, the logins by hand."""
        self.run("registry", "roles", "--apply", env={"PROVENANCE_REGISTRY": self.url(brand)})
        for role in ("stamper", "administrator"):
            group = f"{brand.database}_{role}"
            self.statement(f"CREATE ROLE {group}_1 LOGIN")
            self.statement(f"GRANT {group} TO {group}_1")


def _row(job: Job) -> dict[str, Any]:
    row: dict[str, Any] = {"input": f"clips/{job.name}", "output": job.name, "preset": "ultrafast"}
    row |= {"prompt": f"secret {job.name}", "model_name": MODEL, "model_version": job.version}
    return row | ({} if job.consent is None else {"consents": [job.consent]})


def document(sealed: bytes) -> dict[str, Any]:
    """What a signed list says, signature aside."""
    payload = json.loads(sealed)["payload"]
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return said
