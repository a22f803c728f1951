"""What has to hold when scripts/prove_release's month is over; what does not is named."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter
from itertools import pairwise

from bench.release import BUCKET, MODEL, Brand, House, Job
from provenance.registry import AuditRow, StampRecord
from provenance.registry.deliveries import EVENTS
from provenance.registry.facts import model_target


def check(house: House, brand: Brand) -> None:
    """Hold a brand's records, files, verdicts, lists and notices against what was asked."""
    counts = house.counts
    with house.registry(brand) as registry:
        swept = registry.reservations.sweep()
        counts["WRONG: reservations left"] += len(swept.pending)
        records = registry.search(limit=1_000_000)
        report = registry.check()
        with registry.database.reading() as connection:
            rows = list(registry.audit.rows(connection))
    counts["audit rows"] += report.rows
    if report.broken is not None:
        _wrong(counts, "audit broken", f"{brand.name}: {report.broken.sentence}")
    heads = [word for head in brand.heads for word in ("--head", head)]
    house.run("registry", "audit", "--brand", brand.name, *heads)
    counts["signed heads still in their logs"] += len(brand.heads)
    _check_records(house, brand, records)
    _check_files(house, brand, records)
    _check_verdicts(house, brand, records)
    _check_notices(house, brand, rows)
    _check_lists(house, brand, records)


def hit(brand: Brand, job: Job) -> bool:
    """Whether something of a job was withdrawn."""
    targets = {("model", model_target(MODEL, job.version)), ("consent", job.consent)}
    return bool(targets & set(brand.withdrawn))


def _check_records(house: House, brand: Brand, records: tuple[StampRecord, ...]) -> None:
    counts = house.counts
    made = Counter(record.input_sha256 for record in records)
    counts["records"] += len(records)
    for job in brand.jobs:
        approved, number = job.name not in brand.unapproved(), made.pop(job.sha256, 0)
        counts["approved clips" if approved else "unapproved clips"] += 1
        # What was withdrawn before its turn came is not stamped any more.
        allowed = {0} if not approved else {0, 1} if hit(brand, job) else {1}
        if number not in allowed:
            _wrong(counts, "clips with another number of stamps", f"{brand.name} {job.name}")
        if approved and hit(brand, job):
            counts["withdrawn after" if number else "withdrawn before they were stamped"] += 1
    counts["WRONG: records of other clips"] += len(made)


def _check_files(house: House, brand: Brand, records: tuple[StampRecord, ...]) -> None:
    counts = house.counts
    names = [key for key in house.objects() if brand.name in key.split("/")[:-1]]
    files = Counter(hashlib.sha256(house.bucket.get(name)).hexdigest() for name in names)
    said = Counter(str(record.output_sha256) for record in records)
    counts["files"] += len(names)
    counts["files moved on"] += len(brand.moved)
    counts["WRONG: files without a record"] += (files - said).total()
    counts["WRONG: records without a file"] += (said - files).total()


def _check_verdicts(house: House, brand: Brand, records: tuple[StampRecord, ...]) -> None:
    """Every file reads REVOKED, by registry and by list, or CONFIRMED."""
    counts = house.counts
    jobs = {job.sha256: job for job in brand.jobs}
    gone = {
        record.output_sha256
        for record in records
        if record.input_sha256 in jobs and hit(brand, jobs[record.input_sha256])
    }
    places = [f"{brand.out}/", f"s3://{BUCKET}/moved/{brand.name}/"]
    places = places if brand.moved else places[:1]
    asked = ("verify", *places, "--json", "--quiet")
    with_list = ("--registry", "none", "--revocations", f"s3://{BUCKET}/{brand.name}.list")
    for how, words in (
        ("registry", ("--brand", brand.name)),
        ("list", ("--keys", brand.keys, *with_list)),
    ):
        own = {} if how == "registry" else {"PROVENANCE_CONFIG": os.devnull}
        printed = house.run(*asked, *words, codes=(0, 1), env=own)
        said = [json.loads(line) for line in printed.splitlines()]
        counts[f"verified by {how}"] += len(said)
        if len(said) != len(records):
            _wrong(counts, "files verified", f"{brand.name}: {len(said)} of {len(records)}")
        for row in said:
            wanted = "REVOKED" if row["file"]["sha256"] in gone else "CONFIRMED"
            counts[f"{row['verdict']} by {how}"] += 1
            if row["verdict"] != wanted:
                _wrong(counts, "verdicts", f"{row['file']['path']}: {row['summary']}")


def _check_notices(house: House, brand: Brand, rows: list[AuditRow]) -> None:
    """Each event was told at least once, and for the first time in its turn."""
    told = [notice["number"] for notice in brand.receiver.taken]
    first = list(dict.fromkeys(told))
    wanted = [row.number for row in rows if row.event in EVENTS]
    house.counts["events told"] += len(first)
    house.counts["events told twice"] += len(told) - len(first)
    if first != wanted:
        _wrong(house.counts, "events not told, or out of order", brand.name)


def _check_lists(house: House, brand: Brand, records: tuple[StampRecord, ...]) -> None:
    """Each withdrawal came onto the list, in order, and none was ever taken off."""
    heads = [one["log"]["row"] for one in brand.lists]
    named = [[(row["kind"], row["target"]) for row in one["withdrawals"]] for one in brand.lists]
    house.counts["lists published"] += len(brand.lists)
    house.counts["withdrawals"] += len(brand.withdrawn)
    grown = all(set(before) <= set(after) for before, after in pairwise(named))
    if heads != sorted(set(heads)) or not grown or not named:
        _wrong(house.counts, "lists out of order", brand.name)
    if sorted(named[-1]) != sorted(brand.withdrawn):
        _wrong(house.counts, "last list", f"{brand.name}: {named[-1]}")
    told = {stamp for row in brand.lists[-1]["withdrawals"] for stamp in row["stamps"]}
    jobs = {job.sha256: job for job in brand.jobs}
    hits = {one.stamp_id.hex for one in records if hit(brand, jobs[str(one.input_sha256)])}
    house.counts["WRONG: stamps on the last list"] += len(told ^ hits)


def _wrong(counts: Counter[str], what: str, which: str) -> None:
    counts[f"WRONG: {what}"] += 1
    print(f"WRONG: {what}: {which}", file=sys.stderr)
