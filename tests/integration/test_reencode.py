"""scripts/reencode: what platforms do to a file, without an ffmpeg program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import pytest

from provenance import Keyring, StampResult, Trust, Verdict, verify
from tests.conftest import ROOT


def reencode(*args: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(ROOT / "scripts" / "reencode"), *map(str, args)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def packets(file: Path, kind: str) -> list[bytes]:
    with av.open(str(file)) as container:
        return [bytes(p) for p in container.demux(**{kind: 0}) if p.dts is not None]


def test_a_smaller_copy_has_no_manifest_and_keeps_frames_and_sound(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    source, copy = Path(stamped.output_path), tmp_path / "copy.mp4"
    done = reencode(source, copy, "--height", "240", "--crf", "20")
    assert done.returncode == 0, done.stderr
    with av.open(str(copy)) as container:
        picture = container.streams.video[0]
        assert (picture.width, picture.height) == (320, 240)
    assert len(packets(copy, "video")) == len(packets(source, "video"))
    assert packets(copy, "audio") == packets(source, "audio")
    report = verify(copy, watermark_keys=keyring.watermark_keys, trust=trust)
    assert report.verdict == Verdict.WATERMARK_UNKNOWN
    assert report.watermark.stamp_id == stamped.stamp_id


def test_a_remuxed_copy_loses_nothing_but_the_manifest(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    source, copy = Path(stamped.output_path), tmp_path / "copy.mp4"
    assert reencode(source, copy, "--copy").returncode == 0
    assert packets(copy, "video") == packets(source, "video")
    assert packets(copy, "audio") == packets(source, "audio")
    report = verify(copy, watermark_keys=keyring.watermark_keys, trust=trust)
    assert report.manifest.status == "absent"
    assert report.watermark.stamp_id == stamped.stamp_id


@pytest.mark.parametrize("name", ["none.mp4", "text.mp4"])
def test_what_cannot_be_read_leaves_no_output(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    done = reencode(tmp_path / name, tmp_path / "copy.mp4")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "copy.mp4").exists()
