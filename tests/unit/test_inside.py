"""What is in an archive, a document or a playlist comes out member by member, within limits."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pypdf
import pytest
from PIL import Image

from provenance.verifying.inside import Refused, archives, documents, is_packed, members, playlists


def jpeg(seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), np.uint8)
    made = io.BytesIO()
    Image.fromarray(noise).save(made, "jpeg")
    return made.getvalue()


def zipped(target: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def taken(path: Path) -> dict[str, bytes]:
    return {member.name: b"".join(member.content) for member in members(path)}


def refusals(path: Path) -> dict[str, str]:
    """What is said of members that are not taken out."""
    said = {}
    for member in members(path):
        try:
            b"".join(member.content)
        except Refused as error:
            said[member.name] = str(error)
    return said


# --- archives --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_videos_and_images_of_an_archive_come_out_and_the_rest_is_passed_over(
    tmp_path: Path, method: int
) -> None:
    files = {"a.jpg": jpeg(), "deep/b.MP4": b"film" * 9, "c.txt": b"text", "d/.hidden.png": b"x"}
    path = zipped(tmp_path / "mail.zip", files, method)
    assert is_packed(path)
    assert taken(path) == {"a.jpg": files["a.jpg"], "deep/b.MP4": files["deep/b.MP4"]}


def test_an_archive_in_an_archive_stays_shut_and_is_named(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.jpg": jpeg()}).read_bytes()
    path = zipped(tmp_path / "outer.zip", {"inner.zip": inner, "b.jpg": jpeg(1)})
    assert "an archive or document inside an archive" in refusals(path)["inner.zip"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {"a.bmp": bytes(70 << 20)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    assert "times its size" in refusals(path)["a.bmp"]


def test_a_member_that_is_larger_than_the_index_says_is_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {"a.jpg": bytes(100_000)}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    assert "is damaged" in refusals(path)["a.jpg"]


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {"a.jpg": jpeg()})
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags] |= 1
    path.write_bytes(data)
    assert "is encrypted" in refusals(path)["a.jpg"]


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("MOST_MEMBERS", 2, "above the limit of 2 among"),
        ("MOST_ENTRIES", 2, "above the limit of 500 among 2"),
        ("MOST_BYTES", 5000, "above the limit of 0 GB"),
    ],
)
def test_too_many_or_too_large_members_cost_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str
) -> None:
    monkeypatch.setattr(archives, limit, most)
    path = zipped(tmp_path / "b.zip", {f"{n}.jpg": bytes(2000) for n in range(3)})
    with pytest.raises(Refused, match=said):
        taken(path)


@pytest.mark.parametrize("cut", [30, 200])
def test_a_damaged_archive_is_an_error_in_one_sentence(tmp_path: Path, cut: int) -> None:
    path = zipped(tmp_path / "b.zip", {"a.jpg": jpeg()})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(Refused, match="index cannot be read; get a fresh copy"):
        taken(path)


def test_an_archive_of_nothing_to_verify_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no name of a video or image in it"):
        taken(zipped(tmp_path / "b.zip", {"a.txt": b"text"}))


# --- documents -------------------------------------------------------------------------------


def document(target: Path, pictures: int = 2) -> Path:
    pages = [Image.open(io.BytesIO(jpeg(n))) for n in range(pictures)]
    pages[0].save(target, "pdf", save_all=True, append_images=pages[1:])
    return target


def test_a_documents_pictures_come_out_by_page(tmp_path: Path) -> None:
    found = taken(document(tmp_path / "d.pdf"))
    assert [name.partition(",")[0] for name in found] == ["page 1", "page 2"]
    assert all(content.startswith(b"\xff\xd8\xff") for content in found.values())


def test_a_picture_on_every_page_comes_out_once(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=document(tmp_path / "d.pdf", 1))
    writer.add_page(writer.pages[0])
    writer.write(tmp_path / "twice.pdf")
    assert len(pypdf.PdfReader(tmp_path / "twice.pdf").pages) == 2
    assert len(taken(tmp_path / "twice.pdf")) == 1


def test_an_attached_video_comes_out_and_other_attachments_do_not(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=document(tmp_path / "d.pdf", 1))
    writer.add_attachment("clip.mp4", b"film")
    writer.add_attachment("notes.txt", b"text")
    writer.write(tmp_path / "more.pdf")
    found = taken(tmp_path / "more.pdf")
    assert found["clip.mp4"] == b"film"
    assert len(found) == 2


def test_an_encrypted_document_is_named(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=document(tmp_path / "d.pdf"))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "e.pdf")
    with pytest.raises(Refused, match="encrypted PDF"):
        taken(tmp_path / "e.pdf")


def test_too_many_pictures_cost_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_MEMBERS", 2)
    with pytest.raises(Refused, match="more than 2 pictures"):
        taken(document(tmp_path / "d.pdf", 3))


@pytest.mark.parametrize("content", [b"%PDF-1.7\nnothing at all", b"%PDF-1.7\n" + b"<<" * 5000])
def test_a_damaged_document_is_an_error_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.pdf").write_bytes(content)
    with pytest.raises(Refused, match="PDF document"):
        taken(tmp_path / "d.pdf")


# --- playlists -------------------------------------------------------------------------------


def playlist(folder: Path, *lines: str) -> Path:
    target = folder / "list.m3u8"
    target.write_text("\n".join(("#EXTM3U", "#EXT-X-TARGETDURATION:4", *lines)))
    return target


def test_segments_beside_a_playlist_are_joined_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "seg ments").mkdir()
    for n in range(3):
        (tmp_path / "seg ments" / f"{n}.ts").write_bytes(bytes([n]) * 4)
    lines = [line for n in (0, 2, 1) for line in ("#EXTINF:4,", f"seg%20ments/{n}.ts")]
    path = playlist(tmp_path, *lines, "#EXT-X-ENDLIST")
    assert taken(path) == {"": b"\0\0\0\0\2\2\2\2\1\1\1\1"}


def test_a_playlist_of_more_text_than_any_film_needs_is_refused(tmp_path: Path) -> None:
    """By its size, before it is taken apart; one as long as the limit allows is not."""
    (tmp_path / "a.ts").write_bytes(b"film")
    lines = ("#EXTINF:4,", "a.ts", "#EXT-X-ENDLIST")
    path = playlist(tmp_path, *lines)
    room = 4 * 1024**2 - path.stat().st_size
    playlist(tmp_path, *lines, "#" * (room - 1))
    assert taken(path) == {"": b"film"}
    playlist(tmp_path, *lines, "#" * room)
    with pytest.raises(Refused, match="more than 4 MB"):
        taken(path)


def test_a_header_and_ranges_of_one_file_are_joined(tmp_path: Path) -> None:
    (tmp_path / "all.mp4").write_bytes(b"headONE_TWO_rest")
    path = playlist(
        tmp_path,
        '#EXT-X-MAP:URI="all.mp4",BYTERANGE="4@0"',
        "#EXT-X-BYTERANGE:4@4",
        "all.mp4",
        "#EXT-X-BYTERANGE:4",
        "all.mp4",
    )
    assert taken(path) == {"": b"headONE_TWO_"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["https://example.org/a.ts"], "which is no file beside it"),
        (["//example.org/a.ts"], "which is no file beside it"),
        (["file:///etc/hostname"], "which is no file beside it"),
        (["/etc/hostname"], "outside its folder"),
        (["../a.ts"], "outside its folder"),
        (["deep/../../a.ts"], "outside its folder"),
        (["%2e%2e/a.ts"], "outside its folder"),
        (["..\\\\a.ts"], "which is no file beside it"),
        (["missing.ts"], "segment 'missing.ts' is not beside it"),
        (["link.ts"], "segment 'link.ts' is not beside it"),
        (['#EXT-X-MAP:URI="../a.mp4"', "a.ts"], "outside its folder"),
        (['#EXT-X-KEY:METHOD=AES-128,URI="key"', "a.ts"], "encrypted segments"),
        (["#EXT-X-STREAM-INF:BANDWIDTH=1", "low.m3u8"], "one for each quality"),
        ([], "names no segment"),
    ],
)
def test_a_playlist_that_reaches_elsewhere_or_lacks_something_is_refused(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "a.ts").write_bytes(b"outside")
    (folder / "link.ts").symlink_to(tmp_path / "a.ts")
    with pytest.raises(Refused, match=said):
        taken(playlist(folder, *lines))


def test_a_playlist_that_joins_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One segment of a few bytes, named again and again."""
    monkeypatch.setattr(playlists, "MOST_BYTES", 1000)
    (tmp_path / "a.ts").write_bytes(bytes(100))
    with pytest.raises(Refused, match="joins to more than"):
        taken(playlist(tmp_path, *["a.ts"] * 20))


def test_media_and_what_is_missing_are_not_taken_apart(tmp_path: Path) -> None:
    """A picture with an archive behind it is a picture."""
    both = tmp_path / "both.jpg"
    both.write_bytes(jpeg() + zipped(tmp_path / "a.zip", {"b.jpg": jpeg(1)}).read_bytes())
    assert not is_packed(both)
    assert not is_packed(tmp_path / "missing.zip")
    assert not is_packed(tmp_path)
