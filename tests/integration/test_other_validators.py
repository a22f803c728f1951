"""A validator that shares no code with ours accepts our files, and finds what was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest

from provenance.manifest import builder as builder_module
from provenance.manifest import find_parent, sidecar_path
from tests.authority import Authority, serve
from tests.clips import Spec, make_clip
from tests.signing import Studio, flip, picture_byte, sign


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


def state(path: Path, studio: Studio, **more: Any) -> str:
    """What it says under the studio's root alone, without network and without telemetry."""
    report = encypher_c2pa.verify(
        str(path),
        trust_pem=studio.root.certificate_pem.decode(),
        no_default_trust=True,
        telemetry=False,
        online=False,
        **more,
    )
    return str(report["validation_state"])


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_small_and_large_files_are_trusted_and_a_changed_byte_is_found(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, chunked: bool
) -> None:
    """Large ones are hashed in chunks."""
    if chunked:
        monkeypatch.setattr(builder_module, "CHUNKED_ABOVE", 1000)
    signed = sign(studio, make_clip(tmp_path / f"a.{suffix}"), tmp_path / f"clip.{suffix}")
    assert (b"fixedBlockSize" in signed.read_bytes()) == chunked
    assert state(signed, studio) == "Trusted"
    flip(signed, signed, picture_byte(signed))
    assert state(signed, studio) == "Invalid"


def test_a_file_stamped_twice_is_trusted(studio: Studio, tmp_path: Path) -> None:
    first = sign(studio, make_clip(tmp_path / "a.mp4"), tmp_path / "first.mp4")
    parent = find_parent(first, studio.trust)
    second = sign(studio, make_clip(tmp_path / "b.mp4"), tmp_path / "second.mp4", parent=parent)
    assert state(second, studio) == "Trusted"


def test_a_file_with_a_time_stamp_is_trusted(studio: Studio, tmp_path: Path) -> None:
    with serve(Authority()) as authority:
        signed = sign(
            studio, make_clip(tmp_path / "a.mp4"), tmp_path / "clip.mp4", tsa_url=authority.url
        )
        tsa = authority.root_pem.decode()
    assert state(signed, studio, tsa_trust_pem=tsa) == "Trusted"


def test_a_sidecar_is_trusted_with_its_file(studio: Studio, tmp_path: Path) -> None:
    """It knows no Matroska; as a kind of file that is hashed from end to end it checks the hash."""
    signed = sign(studio, make_clip(tmp_path / "a.mkv", Spec(frames=8)), tmp_path / "clip.mkv")
    options = {"manifest_store": str(sidecar_path(signed)), "mime_type": "application/pdf"}
    assert state(signed, studio, **options) == "Trusted"
    flip(signed, signed, signed.stat().st_size // 2)
    assert state(signed, studio, **options) == "Invalid"
