"""Memory of frames that were freed: of a worker between its jobs, of a stamping between frames."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FRAMES = """
import re, sys
from pathlib import Path
import numpy as np
from provenance.system.memory import give_memory_back, trim

def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

# first
before, kept = held(), []
for size in (3, 5, 7, 9) * 8:
    frames = [np.ones(size << 20, np.uint8) for _ in range(8)]
    kept.append(bytes(100_000))
del frames
# last
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's own")
@pytest.mark.parametrize(
    ("first", "last"), [("give_memory_back()", ""), ("", "trim()")], ids=["setting", "trim"]
)
def test_freed_frames_leave_the_process(first: str, last: str) -> None:
    """Between frames of many sizes, small pieces that stay keep no large ones in the process."""
    code = FRAMES.replace("# first", first).replace("# last", last)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(ran.stdout) < 16
