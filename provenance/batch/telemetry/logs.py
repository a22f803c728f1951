"""Logs for machines: one JSON object a line, through the standard logging module.

What a record is about goes into ``extra={"fields": {...}}``; nothing else of a record's attributes
is written, so nothing gets in by accident.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import IO, Any, Final

from provenance.batch.telemetry.outcome import Outcome
from provenance.batch.telemetry.summary import Summary
from provenance.system.text import printable

_log = logging.getLogger("provenance.batch")
_OWN: Final = ("time", "level", "logger", "message", "error")


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, ASCII only: time, level, logger, message, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; of an exception its type alone, since its text may hold anything."""
        moment = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": printable(record.getMessage(), 1000),
        }
        if record.exc_info is not None and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
        fields = getattr(record, "fields", None) or {}
        said |= {key: value for key, value in fields.items() if key not in _OWN}
        return json.dumps(said, default=str)


def json_logs(stream: IO[str], level: int = logging.INFO) -> logging.Handler:
    """Have the program's log written to ``stream`` as JSON lines; remove the handler to end it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger("provenance")
    root.addHandler(handler)
    root.setLevel(level)
    return handler


def log_outcome(outcome: Outcome) -> None:
    """One line for one job: a warning when it failed, or what it made is withdrawn."""
    bad = outcome.state in ("failed", "withdrawn")
    level = logging.WARNING if bad else logging.INFO
    _log.log(level, "job %s", outcome.state, extra={"fields": outcome.as_json()})


def log_summary(summary: Summary, unfinished: int) -> None:
    """One line for a batch that has ended; ``unfinished`` jobs are left."""
    _log.info("batch ended", extra={"fields": {**summary.as_json(), "unfinished": unfinished}})
