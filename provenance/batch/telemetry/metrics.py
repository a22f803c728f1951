"""Prometheus metrics of a batch, in a file for node_exporter's textfile collector or on a port.

=====================================  =========  ====================================
metric                                 labels     meaning
=====================================  =========  ====================================
provenance_jobs_total                  state      jobs that ended
provenance_job_failures_total          reason     failed jobs
provenance_frames_total                           frames stamped
provenance_pixels_total                           pixels stamped
provenance_stage_seconds               stage      histogram, one observation a job
provenance_job_seconds                            histogram of whole jobs
provenance_margin_db                              histogram of read-back margins
provenance_jobs_left                              jobs that have not ended
=====================================  =========  ====================================
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
    write_to_textfile,
)

from provenance.batch.telemetry.outcome import Outcome, State, by_stage
from provenance.errors import OutputError, UsageError

_SECONDS: Final = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600)
_MARGINS: Final = (0, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30)


class Metrics:
    """The metrics of one run, apart from any other registry in the process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._jobs = Counter(
            "provenance_jobs", "Jobs that ended.", ["state"], registry=self._registry
        )
        self._failures = Counter(
            "provenance_job_failures", "Failed jobs.", ["reason"], registry=self._registry
        )
        self._frames = Counter("provenance_frames", "Frames stamped.", registry=self._registry)
        self._pixels = Counter("provenance_pixels", "Pixels stamped.", registry=self._registry)
        self._stages = Histogram(
            "provenance_stage_seconds",
            "Seconds by stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._seconds = Histogram(
            "provenance_job_seconds", "Seconds a job.", buckets=_SECONDS, registry=self._registry
        )
        self._margin = Histogram(
            "provenance_margin_db",
            "Margin at read-back above what decoding needs, dB.",
            buckets=_MARGINS,
            registry=self._registry,
        )
        self._left = Gauge(
            "provenance_jobs_left", "Jobs that have not ended.", registry=self._registry
        )
        for state in get_args(State):
            self._jobs.labels(state)

    def expect(self, jobs: int) -> None:
        """Say how many jobs there are."""
        self._left.set(jobs)

    def add(self, outcome: Outcome) -> None:
        """Count one job."""
        self._left.dec()
        self._jobs.labels(outcome.state).inc()
        if outcome.state not in ("stamped", "failed"):
            return
        self._seconds.observe(outcome.seconds)
        for name, spent in by_stage(outcome).items():
            self._stages.labels(name.replace(" ", "_")).observe(spent)
        if outcome.state == "failed":
            self._failures.labels(outcome.reason or "unforeseen").inc()
            return
        self._frames.inc(outcome.frames)
        self._pixels.inc(outcome.frames * outcome.pixels)
        if outcome.margin_db is not None:
            self._margin.observe(outcome.margin_db)

    def write(self, path: Path) -> None:
        """Write them to a ``.prom`` file, which is replaced whole.

        Raises:
            OutputError: it can't be written.
        """
        try:
            write_to_textfile(str(path), self._registry)
        except OSError as error:
            reason = (error.strerror or "input/output error").lower()
            raise OutputError(f"The metrics file {path} cannot be written: {reason}.") from error

    @contextmanager
    def served(self, port: int, host: str = "127.0.0.1") -> Iterator[int]:
        """Serve them as ``/metrics`` while the block runs; the port, chosen by the system if 0.

        Raises:
            UsageError: the port is taken, or may not be used.
        """
        try:
            server, thread = start_http_server(port, host, self._registry)
        except (OSError, OverflowError) as error:
            raise UsageError(f"Port {port} on {host} can't be used; choose another.") from error
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
