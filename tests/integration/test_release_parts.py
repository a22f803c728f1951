"""The parts of a release together: from a list and a bucket to stamped clips in a bucket.

What ``batch`` does with workers, retries and a registry is done here by hand, one job at a time.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance import EncoderOptions, Keyring, Verdict, stamp, verify
from provenance.batch.approvals import (
    ApprovalPolicy,
    approve,
    load_reviewer_key,
    load_reviewers,
    new_reviewer_key,
    reference_of,
)
from provenance.batch.jobs import Job, Ledger, approved, job_key, keep_approval, read_jobs
from provenance.batch.telemetry import Metrics, Outcome, StageClock, Tally, reason_of
from provenance.errors import ProvenanceError
from provenance.manifest.signer import public_key_of
from provenance.system.storage import Place, fetched, place_in, published, stored
from provenance.video import probe
from tests.clips import Spec, make_clip
from tests.conftest import Run
from tests.stores import Bucket, lead_to, running_s3


@dataclass
class Release:
    """What a run holds on to."""

    keyring: Keyring
    reviewers: Path
    bucket: Bucket
    ledger: Ledger
    tally: Tally
    metrics: Metrics
    policy: ApprovalPolicy
    killed: bool = False

    def run(self, jobs: tuple[Job, ...]) -> list[Outcome]:
        """Do every job that is not done."""
        return [self._one(job) for job in jobs]

    def _one(self, job: Job) -> Outcome:
        with tempfile.TemporaryDirectory() as scratch:
            outcome = self._outcome(job, Path(scratch))
        self.tally.add(outcome)
        self.metrics.add(outcome)
        return outcome

    def _outcome(self, job: Job, scratch: Path) -> Outcome:
        clock = StageClock()
        claim = None
        try:
            clip = fetched(Place.of(job.input), scratch)
            prompt = job.prompt.hashed(self.keyring.prompt_key)
            key = job_key(job, clip.sha256, prompt)
            target = place_in(f"s3://{self.bucket.name}/stamped", job.output)
            self.ledger.add([(key, job.output)])
            entry = self.ledger.get(key)
            if entry is not None and entry.state == "done" and entry.result is not None:
                there = stored(target)
                if there is not None and there.sha256 == entry.result["output"]["sha256"]:
                    return Outcome(job.output, "skipped", 0.0, 0.0)
                self.ledger.reopen([key])
            claim = self.ledger.claim("test", lease=60.0, max_attempts=3, keys=[key])
            assert claim is not None
            there = stored(target)
            if claim.earlier is not None and there is not None:
                assert there.sha256 == claim.earlier["output"]["sha256"]
                self.ledger.done(claim, claim.earlier)
                return Outcome(job.output, "skipped", 0.0, 0.0)
            found = approved(
                job,
                clip.sha256,
                scratch,
                reviewers=load_reviewers([self.reviewers]),
                signing_key=public_key_of(self.keyring.signer.chain_pem),
                terms=None,
                policy=self.policy,
            )
            local = scratch / "stamped.mp4"
            result = stamp(
                clip.place.path,
                local,
                keyring=self.keyring,
                model_name=job.model_name,
                model_version=job.model_version,
                prompt_hash=prompt,
                title=job.title,
                encoder=EncoderOptions(crf=job.crf, preset=job.preset),
                approval=reference_of(found),
                progress=clock,
            )
            assert result.input_sha256 == clip.sha256 == found[0].clip_sha256
            self.ledger.publishing(claim, result.as_json(), 60.0)
            published(local, target)
            if self.killed:
                raise KeyboardInterrupt
            self.ledger.done(claim, result.as_json())
            stages, video = clock.finish(), probe(local).video
        except ProvenanceError as error:
            if claim is not None:
                self.ledger.failed(claim, reason_of(error), str(error))
            return Outcome(job.output, "failed", 0.0, 0.0, reason=reason_of(error))
        return Outcome(
            job.output,
            "stamped",
            stages[0].started,
            sum(stage.seconds for stage in stages),
            stages=stages,
            frames=result.frames,
            pixels=video.width * video.height,
            margin_db=result.margin_db,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with running_s3() as port:
        yield port


def fill(bucket: Bucket, folder: Path, run: Run) -> None:
    """Three clips: approved, not approved, and changed after its approval."""
    for name in ("good.mp4", "unapproved.mp4", "changed.mp4"):
        clip = make_clip(folder / name, Spec(size=(480, 360), frames=30)).read_bytes()
        bucket.put(f"in/{name}", clip)
        if name != "unapproved.mp4":
            url = f"s3://studio/in/{name}"
            ran = run("approve", url, "--key", "anna.pem", "--approver", "anna", "--json")
            assert ran.code == 0, ran.err
            assert ran.row["approval"] == f"{url}.approval.json"
        if name == "changed.mp4":
            bucket.put(f"in/{name}", clip + b"\0\0\0\x08free")
    again = run("approve", "s3://studio/in/good.mp4", "--key", "anna.pem", "--approver", "anna")
    assert (again.code, len(again.err.splitlines())) == (2, 1)
    assert "by this key already" in again.err
    ben = load_reviewer_key(new_reviewer_key(folder / "ben").with_suffix(""))
    good = Place.of("s3://studio/in/good.mp4")
    there = stored(good)
    assert there is not None
    keep_approval(good.beside(".approval.json"), *approve(there.sha256, ben, "ben"))
    assert len(bucket.get("in/good.mp4.approval.json").splitlines()) == 2
    gone = run("approve", "s3://studio/in/none.mp4", "--key", "anna.pem", "--approver", "anna")
    assert (gone.code, gone.err) == (3, "Error: s3://studio/in/none.mp4 does not exist.\n")


def test_what_was_approved_is_stamped_once_and_nothing_else(
    run: Run, server: int, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead_to(monkeypatch, server)
    bucket = Bucket("studio", server)
    place = {"LocationConstraint": "eu-west-1"}
    bucket.client.create_bucket(Bucket="studio", CreateBucketConfiguration=place)
    keys = tmp_path / "reviewers"
    keys.mkdir()
    new_reviewer_key(tmp_path / "anna.pem").rename(keys / "anna.pub")
    fill(bucket, tmp_path, run)
    rows = [
        {
            "input": f"s3://studio/in/{name}.mp4",
            "output": f"{name}.mp4",
            "model_name": "Model",
            "model_version": "1",
            "prompt": f"a secret {name}",
            "preset": "ultrafast",
        }
        for name in ("good", "unapproved", "changed", "missing")
    ]
    listed = tmp_path / "jobs.jsonl"
    listed.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    jobs = read_jobs(listed)
    now = [1e9]
    with Ledger(tmp_path / "batch.ledger", lambda: now[0]) as ledger:
        release = Release(keyring, keys, bucket, ledger, Tally(), Metrics(), ApprovalPolicy())
        first = release.run(jobs)
        assert [(one.state, one.reason) for one in first] == [
            ("stamped", None),
            ("failed", "approval_no_approval"),
            ("failed", "approval_other_clip"),
            ("failed", "unreadable_file"),
        ]
        assert [key for key in bucket.keys() if key.startswith("stamped/")] == ["stamped/good.mp4"]  # noqa: SIM118
        assert release.run(jobs[:1])[0].state == "skipped"
        bucket.client.delete_object(Bucket="studio", Key="stamped/good.mp4")
        release.killed = True
        with pytest.raises(KeyboardInterrupt):  # between publishing and noting it
            release.run(jobs[:1])
        before = bucket.get("stamped/good.mp4")
        release.killed, now[0] = False, 1e9 + 61
        assert release.run(jobs[:1])[0].state == "skipped"
        assert bucket.get("stamped/good.mp4") == before
        assert ledger.counts() == {"pending": 0, "running": 0, "done": 1, "failed": 2}
        summary = release.tally.summary(10.0)
        release.metrics.write(tmp_path / "batch.prom")
    assert (summary.stamped, summary.skipped, sum(summary.failed.values())) == (1, 2, 3)
    assert summary.weakest is not None
    copy = fetched(Place.of("s3://studio/stamped/good.mp4"), tmp_path / "reviewers")
    report = verify(
        copy.place.path,
        watermark_keys=keyring.watermark_keys,
        trust=keyring.trust,
    )
    assert report.verdict == Verdict.CONFIRMED
    for file in ("batch.ledger", "batch.prom"):
        assert b"secret" not in (tmp_path / file).read_bytes()
