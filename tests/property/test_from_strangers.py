"""Job lists, approvals and addresses from strangers: refused in a sentence, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from provenance.batch.approvals import read_approvals
from provenance.batch.jobs import KEYS, Job, output_path, read_jobs
from provenance.errors import ApprovalError, JobListError, UsageError
from provenance.system.storage import Place

MARK = "s3cr3t"
"""In every value: it must never come back in a message, unless the row was good."""
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20).map(lambda text: MARK + text),
    st.sampled_from(["a.mp4", "../a.mp4", "/a.mp4", "x/y.mov", "2M", "h264", "strong", "\ud800"]),
    st.lists(st.text(max_size=5).map(lambda text: MARK + text), max_size=3),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
ROWS = st.dictionaries(
    st.one_of(st.sampled_from(KEYS), st.text(max_size=8).map(lambda text: f"{MARK} is {text}")),
    VALUES,
    max_size=10,
)


def read(content: bytes, suffix: str) -> tuple[Job, ...]:
    """Read a list; its faults are sentences without any of its values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"jobs{suffix}"
        path.write_bytes(content)
        try:
            return read_jobs(path)
        except JobListError as caught:
            error = caught
        assert 1 <= len(error.problems) <= 20
        for problem in error.problems:
            assert problem.startswith(str(path))
            assert problem.endswith(".")
            assert MARK not in problem
            assert problem.isprintable()
        return ()


@given(st.binary(max_size=300), st.sampled_from([".jsonl", ".csv"]))
@settings(max_examples=150, deadline=None)
@example(b"\0" * 50, ".csv")
@example(b'{"a":' * 5000, ".jsonl")
@example(b'"\r\n\r"', ".csv")
def test_bytes_are_jobs_or_faults(content: bytes, suffix: str) -> None:
    read(content, suffix)


@given(st.lists(ROWS, max_size=4))
@settings(max_examples=150, deadline=None)
def test_rows_are_jobs_whose_outputs_stay_below_the_folder_or_faults(
    rows: list[dict[str, Any]],
) -> None:
    text = "\n".join(json.dumps(row) for row in rows)
    for job in read(text.encode("utf-8", "surrogatepass"), ".jsonl"):
        out = Path("/out")
        assert output_path(out, job).resolve().is_relative_to(out)
    table = io.StringIO()
    writer = csv.DictWriter(table, sorted({key for row in rows for key in row}) or ["input"])
    writer.writeheader()
    writer.writerows(rows)
    read(table.getvalue().encode("utf-8", "replace"), ".csv")


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
@example(b'{"payload":"","payloadType":"","signatures":[{"sig":""}]}')
@example(b'{"payload":{},"payloadType":[],"signatures":{}}')
def test_bytes_are_envelopes_or_no_approval(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.approval.json"
        path.write_bytes(content)
        try:
            read_approvals(path)
            reason = "unreadable"
        except ApprovalError as error:
            reason = error.reason
        assert reason in ("unreadable", "no_approval")


@given(st.sampled_from(["", "s3://", "gs://", "file://", "S3://b.cket/"]), st.text(max_size=40))
@settings(max_examples=200, deadline=None)
@example("file://", "[")
def test_a_text_is_a_place_or_refused(start: str, text: str) -> None:
    try:
        place = Place.of(start + text)
    except UsageError as error:
        said = str(error)
    else:
        said, again = "", Place.of(str(place))
        assert again == place
        assert place.is_local or ".." not in place.name.split("/")
    assert said.isprintable()
