"""A fixture that several modules of batches share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A release team's folder of the test's own."""
    return Studio(tmp_path)
