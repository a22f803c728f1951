"""Archives, documents and playlists end in a sentence that says how to get at their pictures."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from provenance.errors import UnreadableFileError, UnsupportedMediaError
from provenance.verifying.sampling import STILL_FRAMES, Footage
from provenance.video import probe, read_luma


def pictures(count: int = 1) -> list[Image.Image]:
    noise = np.random.default_rng(0)
    shape = (count, 120, 160, 3)
    return [Image.fromarray(one) for one in noise.integers(0, 255, shape, dtype=np.uint8)]


def packed(kind: str) -> bytes:
    """A file of a kind, with a JPEG in it where it can hold one."""
    made, jpeg = io.BytesIO(), io.BytesIO()
    (picture,) = pictures()
    picture.save(jpeg, "jpeg")
    if kind == "pdf":
        picture.save(made, "pdf")
    elif kind == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("one.jpg", jpeg.getvalue())
    elif kind in ("tar", "gz"):
        with tarfile.open(fileobj=made, mode="w:gz" if kind == "gz" else "w") as archive:
            member = tarfile.TarInfo("one.jpg")
            member.size = len(jpeg.getvalue())
            archive.addfile(member, io.BytesIO(jpeg.getvalue()))
    else:
        texts = {
            "m3u8": "\ufeff#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
            "mpd": '<?xml version="1.0"?>\n<MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
            "html": "\n<!DOCTYPE HTML><video src='http://127.0.0.1:9/a.mp4'>",
        }
        made.write(texts[kind].encode())
    return made.getvalue()


@pytest.mark.parametrize("name", ["{}.{}", "{}.mp4"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("pdf", "is a PDF document; .* export them"),
        ("zip", "is an archive .*; .*, extract its members into a folder and verify that folder"),
        ("tar", r"is an archive \(tar\); extract"),
        ("gz", "is an archive; extract"),
        ("m3u8", "is a playlist .*`ffmpeg -protocol_whitelist file -i list.m3u8 -c copy joined"),
        ("mpd", "is a playlist"),
        ("html", "is a web page; save the video"),
    ],
)
def test_what_holds_pictures_without_being_one_is_refused_with_what_to_do_whatever_its_name(
    kind: str, said: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name.format("file", kind)
    path.write_bytes(packed(kind))
    with pytest.raises(UnreadableFileError, match=said) as refusal:
        probe(path)
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("still.webp", 1),
        ("moving.png", 3),
        ("moving.gif", 3),
        ("still.avif", 1),
        ("moving.avif", 3),
    ],
)
def test_pictures_that_move_are_images_and_read_to_their_end(
    name: str, frames: int, tmp_path: Path
) -> None:
    first, *more = pictures(frames)
    moving: dict[str, Any] = (
        {"save_all": True, "append_images": more, "duration": 100} if more else {}
    )
    first.save(tmp_path / name, **moving)
    assert probe(tmp_path / name).kind == "image"
    assert len(list(read_luma(tmp_path / name))) == frames


def test_an_animation_is_looked_at_to_its_end(tmp_path: Path) -> None:
    first, *more = pictures(40)
    first.save(tmp_path / "long.png", save_all=True, append_images=more, duration=100)
    footage = Footage(tmp_path / "long.png", probe(tmp_path / "long.png"))
    seen = [frame.time for frame in footage.survey()]
    assert len(seen) <= STILL_FRAMES
    assert seen[-1] >= 3.5


def test_a_webp_that_moves_is_named_as_not_read_and_never_read_in_part(tmp_path: Path) -> None:
    first, *more = pictures(3)
    first.save(tmp_path / "moving.webp", save_all=True, append_images=more, duration=100)
    with pytest.raises(UnsupportedMediaError, match="animated WebP, which this tool does not read"):
        probe(tmp_path / "moving.webp")
