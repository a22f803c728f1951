"""The way to traces, which need software that is not always installed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from provenance.errors import UsageError

if TYPE_CHECKING:
    from provenance.batch.telemetry.traces import Traces


def traced(endpoint: str) -> AbstractContextManager[Traces]:
    """Send spans to a collector; see :func:`provenance.batch.telemetry.traces.traced`.

    Raises:
        UsageError: the extra is not installed, or the endpoint is no HTTP address.
    """
    try:
        from provenance.batch.telemetry import traces  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            "Traces need more software; pip install 'provenance-stamp[otel]'."
        ) from error
    return traces.traced(endpoint)
