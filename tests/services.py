"""Servers that some tests talk to, and what is said when one of them is missing.

``scripts/test`` starts them (scripts/services.py).  A test that needs one that is not there is left
out, and the closing lines name it and say why; with ``REQUIRE_SERVICES=1``, as in ``.ci/run``, it
fails instead.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

LEFT_OUT = "left out: "


def missing(service: str, how: str) -> NoReturn:
    """End the test that needs a service which is not there."""
    sentence = f"{LEFT_OUT}{service} is not there; {how}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


def optional(program: str, how: str) -> NoReturn:
    """Leave out a test that needs a program which a fresh machine need not have, wherever it
    runs; the closing lines name it all the same."""
    pytest.skip(f"{LEFT_OUT}{program} is not there; {how}")


def summary(reports: list[pytest.TestReport]) -> list[str]:
    """The closing lines: what was left out, and how many tests that were."""
    reasons: dict[str, int] = {}
    for report in reports:
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _, found, reason = text.partition(LEFT_OUT)
        if found:
            reasons[reason] = reasons.get(reason, 0) + 1
    return [f"NOT RUN: {count} tests, since {reason}" for reason, count in sorted(reasons.items())]
