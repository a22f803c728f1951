"""Containers are told by their first bytes; sidecars have one name."""

from pathlib import Path

import pytest

from provenance.manifest import find_sidecar, identify, sidecar_path
from provenance.manifest.containers import Patch, chunkable
from tests.clips import Spec, make_clip


@pytest.mark.parametrize(
    ("suffix", "codec", "mime", "embeds"),
    [
        ("mp4", "libx264", "video/mp4", True),
        ("m4v", "libx264", "video/mp4", True),
        ("mov", "libx264", "video/quicktime", True),
        ("avi", "mpeg4", "video/x-msvideo", True),
        ("mkv", "libx264", "video/x-matroska", False),
        ("webm", "libvpx-vp9", "video/webm", False),
    ],
)
def test_a_container_is_told_by_its_content_whatever_its_name(
    tmp_path: Path, suffix: str, codec: str, mime: str, embeds: bool
) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", Spec(codec=codec, frames=3))
    nameless = clip.rename(tmp_path / "nameless")
    assert (identify(nameless).mime, identify(nameless).embeds) == (mime, embeds)


def test_anything_else_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    assert identify(tmp_path / "x").mime == "application/octet-stream"


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_the_empty_box_before_the_frames_becomes_part_of_their_header(
    tmp_path: Path, suffix: str
) -> None:
    """No byte moves: two headers of 8 bytes become one of 16 with the length of both."""
    plain = make_clip(tmp_path / f"plain.{suffix}", Spec(frames=6))
    patch = chunkable(plain)
    assert patch is not None
    data = plain.read_bytes()
    assert data[patch.at + 4 : patch.at + 8] in (b"free", b"wide")
    assert data[patch.at + 12 : patch.at + 16] == b"mdat"
    assert patch.data[:8] == b"\x00\x00\x00\x01mdat"
    length = int.from_bytes(data[patch.at + 8 : patch.at + 12], "big")
    assert int.from_bytes(patch.data[8:], "big") == length + 8


def test_a_long_header_stays_as_it_is(tmp_path: Path) -> None:
    long = b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x14data"
    (tmp_path / "long.mp4").write_bytes(b"\x00\x00\x00\x08moov" + long)
    assert chunkable(tmp_path / "long.mp4") == Patch()


def test_fragments_and_a_short_header_without_room_are_hashed_whole(tmp_path: Path) -> None:
    fragmented = make_clip(
        tmp_path / "fragmented.mp4",
        Spec(frames=6, muxer={"movflags": "frag_keyframe+empty_moov"}),
    )
    assert chunkable(fragmented) is None
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x08moov\x00\x00\x00\x00mdat" + b"x" * 100)
    assert chunkable(tmp_path / "a.mp4") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00",
        b"\x00\x00\x00\x08mdat\x00\x00\x00\x08mdat\x00\x00\x00\x08moov",
        b"\x00\x00\x00\x04mdat",
        b"\x00\x00\xff\xffmdat",
        b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x08",
        b"\x00\x00\x00\x08free" * 5000,
    ],
)
def test_a_file_whose_boxes_are_odd_is_not_chunked(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.mp4").write_bytes(content)
    assert chunkable(tmp_path / "odd.mp4") is None


def test_a_box_that_runs_to_the_end_of_the_file_is_understood(tmp_path: Path) -> None:
    content = b"\x00\x00\x00\x08moov\x00\x00\x00\x08free\x00\x00\x00\x00mdat" + b"x" * 100
    (tmp_path / "a.mp4").write_bytes(content)
    assert chunkable(tmp_path / "a.mp4") == Patch(
        8, b"\x00\x00\x00\x01mdat" + (116).to_bytes(8, "big")
    )


def test_a_sidecar_keeps_the_whole_name_and_is_found_by_it(tmp_path: Path) -> None:
    media = tmp_path / "clip.mkv"
    media.write_bytes(b"x")
    assert find_sidecar(media) is None
    assert sidecar_path(media).name == "clip.mkv.c2pa"
    (tmp_path / "clip.c2pa").write_bytes(b"short")
    assert find_sidecar(media) == tmp_path / "clip.c2pa"
    sidecar_path(media).write_bytes(b"long")
    assert find_sidecar(media) == sidecar_path(media)


def test_a_short_sidecar_name_that_two_files_could_own_belongs_to_neither(tmp_path: Path) -> None:
    for name in ("clip.mkv", "clip.webm", "clip.c2pa"):
        (tmp_path / name).write_bytes(b"x")
    assert find_sidecar(tmp_path / "clip.mkv") is None
