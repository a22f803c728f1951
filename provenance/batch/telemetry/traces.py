"""OpenTelemetry traces of a batch: a span a job, and one a stage in it.  An extra, ``[otel]``.

Spans are made when a job has ended, with the times that its worker took: workers on other machines
need neither the extra nor a way to the collector.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from provenance.batch.telemetry.outcome import Outcome
from provenance.errors import UsageError

_NANO = 1_000_000_000


class Traces:
    """Where spans go; made by :func:`traced`."""

    def __init__(self, tracer: Tracer, batch: Span) -> None:
        self._tracer = tracer
        self._batch = batch

    def add(self, outcome: Outcome) -> None:
        """Report one job."""
        began = _nanoseconds(outcome.started)
        job = self._tracer.start_span(
            "job",
            set_span_in_context(self._batch),
            start_time=began,
            attributes={
                "provenance.output": outcome.output,
                "provenance.state": outcome.state,
                "provenance.attempts": outcome.attempts,
                "provenance.frames": outcome.frames,
            },
        )
        if outcome.margin_db is not None:
            job.set_attribute("provenance.margin_db", outcome.margin_db)
        if outcome.state == "failed":
            job.set_status(Status(StatusCode.ERROR, outcome.reason))
        inside = set_span_in_context(job)
        for stage in outcome.stages:
            span = self._tracer.start_span(
                stage.name, inside, start_time=_nanoseconds(stage.started)
            )
            span.end(_nanoseconds(stage.started + stage.seconds))
        job.end(_nanoseconds(outcome.started + outcome.seconds))


@contextmanager
def traced(endpoint: str) -> Iterator[Traces]:
    """Send spans to an OTLP collector (HTTP) while the block runs; one that is down costs nothing.

    Args:
        endpoint: its address for traces, like ``http://localhost:4318/v1/traces``.

    Raises:
        UsageError: that is no HTTP address.
    """
    if not endpoint.startswith(("http://", "https://")):
        raise UsageError("A trace collector is an address like http://localhost:4318/v1/traces.")
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # else it prints
    provider = TracerProvider(resource=Resource.create({"service.name": "provenance"}))
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("provenance")
    batch = tracer.start_span("batch")
    try:
        yield Traces(tracer, batch)
    finally:
        batch.end()
        provider.shutdown()


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANO)
