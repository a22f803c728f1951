"""Where a batch tells of its outcomes: its summary, a log for machines, metrics and traces."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from typing import Any

import click

from provenance.batch import Ending
from provenance.batch.telemetry import (
    Metrics,
    Outcome,
    Summary,
    Tally,
    json_logs,
    log_outcome,
    log_summary,
    traced,
)
from provenance.cli.lazy import Run
from provenance.cli.output import complain, log_instead

_EVERY = 5.0
"""Least seconds between two writings of the metrics file."""


class Logging(click.Command):
    """A command with ``--json-logs``: whatever is said from then on is a line of JSON, also that
    another option is none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Begin to log before anything can be wrong with what was given."""
        if "--json-logs" in args and ctx.find_object(Run) is not None:  # run, not only looked at
            json_logs(sys.stderr)
            log_instead(logging.getLogger("provenance.batch"))
        return super().parse_args(ctx, args)


class Telling:
    """Tells of every outcome wherever it was asked to: summary, log, metrics, traces."""

    def __init__(self, stack: contextlib.ExitStack, flags: dict[str, Any], jobs: int) -> None:

        self.tally, self.metrics, self._traces = Tally(), Metrics(), None
        self._file, self._written = flags["metrics"], 0.0
        self._logs = flags["json_logs"]
        self.metrics.expect(jobs)
        if flags["traces"] is not None:
            self._traces = stack.enter_context(traced(flags["traces"]))
        if flags["metrics_port"] is not None:
            port = stack.enter_context(self.metrics.served(flags["metrics_port"]))
            complain(f"metrics are on http://127.0.0.1:{port}/metrics", label="Note: ")
        if self._file is not None:
            self.metrics.write(self._file)
            stack.callback(self.metrics.write, self._file)

    def __call__(self, outcome: Outcome) -> None:
        """One job has ended."""

        self.tally.add(outcome)
        self.metrics.add(outcome)
        if self._logs:
            log_outcome(outcome)
        if self._traces is not None:
            self._traces.add(outcome)
        if self._file is not None and time.monotonic() - self._written > _EVERY:
            self.metrics.write(self._file)
            self._written = time.monotonic()

    def end(self, seconds: float, ending: Ending) -> Summary:
        """The run has ended, after so many seconds."""
        summary = self.tally.summary(seconds)
        if self._logs:
            log_summary(summary, ending.unfinished)
        return summary
