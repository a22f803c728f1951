"""Watching a batch: logs, metrics, traces and the summary at its end, all made of outcomes.

    clock = StageClock()
    result = stamp(..., progress=clock)
    outcome = Outcome("a.mp4", "stamped", began, result.seconds, stages=clock.finish(), ...)
    tally.add(outcome); metrics.add(outcome); log_outcome(outcome)

Nothing here makes a connection or opens a port unless it is asked to.  Traces need the extra
``[otel]``.
"""

from provenance.batch.telemetry.extra import traced
from provenance.batch.telemetry.logs import (
    JsonFormatter,
    json_logs,
    log_outcome,
    log_summary,
)
from provenance.batch.telemetry.metrics import Metrics
from provenance.batch.telemetry.outcome import Outcome, StageClock, StageTime, State, reason_of
from provenance.batch.telemetry.summary import Summary, Tally

__all__ = [
    "JsonFormatter",
    "Metrics",
    "Outcome",
    "StageClock",
    "StageTime",
    "State",
    "Summary",
    "Tally",
    "json_logs",
    "log_outcome",
    "log_summary",
    "reason_of",
    "traced",
]
