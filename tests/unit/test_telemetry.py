"""Watching a batch: what logs, metrics, traces and the summary say of its jobs."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from provenance.batch.telemetry import (
    Metrics,
    Outcome,
    StageClock,
    StageTime,
    Tally,
    json_logs,
    log_outcome,
    reason_of,
    traced,
)
from provenance.errors import (
    ApprovalError,
    KeyServiceError,
    OutputError,
    StorageError,
    UnreadableFileError,
    UsageError,
)
from tests.conftest import ROOT

STAGES = (StageTime("check", 100.0, 0.5), StageTime("mark", 100.5, 2.0))
GOOD = Outcome(
    "a.mp4",
    "stamped",
    started=100.0,
    seconds=2.5,
    stages=STAGES,
    frames=48,
    pixels=640 * 360,
    margin_db=12.5,
)
BETTER = Outcome(
    "b.mp4", "stamped", 101.0, 4.0, stages=STAGES, frames=24, pixels=1280 * 720, margin_db=20.0
)
SKIPPED = Outcome("c.mp4", "skipped", 101.0, 0.1)
FAILED = Outcome("d.mp4", "failed", 102.0, 9.0, reason="unreadable_file", attempts=3)
RECALLED = Outcome("e.mp4", "withdrawn", 103.0, 0.1, reason="withdrawn")
ALL = (GOOD, BETTER, SKIPPED, FAILED, RECALLED)


def test_the_clock_takes_the_time_of_every_stage_and_passes_calls_on() -> None:
    seen: list[tuple[Any, ...]] = []
    before = time.time()
    clock = StageClock(lambda *call: seen.append(call))
    time.sleep(0.02)
    for call in (("mark", 0, 9), ("mark", 9, 9), ("sign", 0, 1)):
        clock(*call)
        time.sleep(0.01)
    stages = clock.finish()
    assert seen == [("mark", 0, 9), ("mark", 9, 9), ("sign", 0, 1)]
    assert [stage.name for stage in stages] == ["check", "mark", "sign"]
    assert stages[0].seconds >= 0.02 <= stages[1].seconds
    assert stages[0].started == pytest.approx(before, abs=0.1)
    for one, following in pairwise(stages):
        assert following.started == pytest.approx(one.started + one.seconds, abs=1e-4)


def test_the_clock_times_a_real_stamping(clip: Path, keyring: Any, tmp_path: Path) -> None:
    from tests.conftest import stamp_clip  # noqa: PLC0415 - slow

    clock = StageClock()
    result = stamp_clip(clip, tmp_path / "out.mp4", keyring, progress=clock)
    stages = clock.finish()
    names = ["check", "observe", "rehearse", "mark", "sign", "read back"]
    assert [stage.name for stage in stages] == names
    assert sum(stage.seconds for stage in stages) == pytest.approx(result.seconds, rel=0.1)


def test_the_summary_counts_and_names_the_slowest_and_the_weakest() -> None:
    summary = Tally.of(ALL).summary(8.0)
    assert not summary.is_complete
    assert summary.as_json() == {
        "stamped": 2,
        "skipped": 1,
        "done_elsewhere": 0,
        "withdrawn": 1,
        "failed": 1,
        "failed_by_reason": {"unreadable_file": 1},
        "seconds": 8.0,
        "frames": 72,
        "frames_per_second": 9.0,
        "pixels_per_second": round((48 * 640 * 360 + 24 * 1280 * 720) / 8),
        "seconds_by_stage": {"check": 1.0, "mark": 4.0},
        "slowest": {"output": "d.mp4", "seconds": 9.0},
        "weakest": {"output": "a.mp4", "margin_db": 12.5},
    }
    assert not Tally.of([RECALLED]).summary(1.0).is_complete
    nothing = Tally().summary(0.0)
    assert nothing.is_complete
    assert nothing.as_json()["slowest"] is None
    assert nothing.frames_per_second == 0.0


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (UnreadableFileError("x"), "unreadable_file"),
        (KeyServiceError("x"), "key_service"),
        (StorageError("x"), "storage"),
        (ApprovalError("too_old", "x"), "approval_too_old"),
        (KeyError("a secret"), "unforeseen"),
    ],
)
def test_a_reason_is_one_word_of_a_small_set(error: Exception, word: str) -> None:
    assert reason_of(error) == word


def test_a_log_line_is_json_and_holds_nothing_by_accident() -> None:
    stream = io.StringIO()
    handler = json_logs(stream)
    try:
        log_outcome(GOOD)
        log_outcome(FAILED)
        log = logging.getLogger("provenance.test")
        try:
            raise ValueError("a secret")
        except ValueError:
            log.exception("line\nbreak \x1b[2J ü", extra={"fields": {"level": "x", "n": Path("p")}})
    finally:
        logging.getLogger("provenance").removeHandler(handler)
    assert "secret" not in stream.getvalue()
    assert stream.getvalue().isascii()
    good, failed, odd = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (good["level"], good["message"], good["margin_db"]) == ("info", "job stamped", 12.5)
    assert good["stages"] == {"check": 0.5, "mark": 2.0}
    assert (failed["level"], failed["reason"]) == ("warning", "unreadable_file")
    assert (odd["level"], odd["error"], odd["n"]) == ("error", "ValueError", "p")
    assert odd["message"] == "line break \\x1b[2J ü"


def counted(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def collected(metrics: Metrics) -> Metrics:
    metrics.expect(6)
    for outcome in ALL:
        metrics.add(outcome)
    return metrics


def test_metrics_are_written_as_a_file_that_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "batch.prom"
    metrics = collected(Metrics())
    metrics.write(file)
    metrics.write(file)
    assert [entry.name for entry in tmp_path.iterdir()] == ["batch.prom"]
    found = counted(file.read_text("utf-8"))
    assert found['provenance_jobs_total{state="stamped"}'] == 2
    assert found['provenance_jobs_total{state="skipped"}'] == 1
    assert found['provenance_jobs_total{state="withdrawn"}'] == 1
    assert found['provenance_job_failures_total{reason="unreadable_file"}'] == 1
    assert found["provenance_frames_total"] == 72
    assert found['provenance_stage_seconds_sum{stage="mark"}'] == 4
    assert found["provenance_margin_db_count"] == 2
    assert found["provenance_jobs_left"] == 1
    with pytest.raises(OutputError, match="cannot be written"):
        metrics.write(tmp_path / "none" / "batch.prom")


def test_metrics_are_served_on_a_port_only_while_asked() -> None:
    metrics = collected(Metrics())
    with metrics.served(0) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url) as answer:
            text = answer.read().decode()
        with pytest.raises(UsageError, match="can't be used"), metrics.served(port):
            pass
    assert counted(text)['provenance_jobs_total{state="failed"}'] == 1
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP collector: its address, and what it got."""
    got: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") is None:
                got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_collector_gets_a_span_a_job_and_one_a_stage(
    collector: tuple[str, list[ExportTraceServiceRequest]],
) -> None:
    endpoint, got = collector
    with traced(endpoint) as traces:
        traces.add(GOOD)
        traces.add(FAILED)
    spans = [
        span
        for request in got
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans if span.name != "job"}
    good, failed = (span for span in spans if span.name == "job")
    assert set(by_name) == {"batch", "check", "mark"}
    assert good.parent_span_id == failed.parent_span_id == by_name["batch"].span_id
    assert by_name["mark"].parent_span_id == good.span_id
    assert by_name["mark"].start_time_unix_nano == 100_500_000_000
    assert by_name["mark"].end_time_unix_nano == 102_500_000_000
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert failed.status.message == "unreadable_file"
    assert {pair.key for pair in good.attributes} >= {"provenance.output", "provenance.margin_db"}


@pytest.mark.parametrize(
    ("module", "code", "words"),
    [
        (
            "opentelemetry",
            "from provenance.batch.telemetry import traced; traced('http://x')",
            "[otel]",
        ),
        (
            "s3fs",
            "from provenance.system.storage import *; stored(Place.of('s3://bucket/key'))",
            "[s3]",
        ),
    ],
)
def test_an_extra_that_is_missing_is_named(module: str, code: str, words: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; {code}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("provenance.errors.UsageError")
    assert words in last


def test_a_collector_that_is_down_costs_nothing_but_the_spans() -> None:
    before = time.monotonic()
    with traced("http://127.0.0.1:9/v1/traces") as traces:
        traces.add(GOOD)
    assert time.monotonic() - before < 10
    with pytest.raises(UsageError), traced("localhost:4318"):
        pass
