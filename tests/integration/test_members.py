"""``provenance verify`` of archives, documents and playlists: a row for each member."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from provenance import Keyring, StampResult, Trust
from provenance.errors import UnreadableFileError
from provenance.verifying.isolation import Examiner, examiner
from tests.conftest import Run


@pytest.fixture
def frame(stamped: StampResult) -> Image.Image:
    with av.open(stamped.output_path) as media:
        return Image.fromarray(next(media.decode(video=0)).to_ndarray(format="rgb24"))


@pytest.fixture
def archive(tmp_path: Path, stamped: StampResult) -> Path:
    """A stamped clip under a name that climbs, a broken one, an archive, and a text."""
    target = tmp_path / "mail.zip"
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("../../climbs.mp4", Path(stamped.output_path).read_bytes())
        made.writestr("broken.mp4", b"no film at all" * 40)
        made.writestr("inner.zip", b"PK\x05\x06" + bytes(18))
        made.writestr("notes.txt", "notes")
    return target


def rows(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    return {row["file"]["path"].rpartition("/")[2]: row for row in lines}


def test_each_member_of_an_archive_is_a_row_and_a_second_run_goes_on(
    archive: Path, stamped: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    out, scratch = tmp_path / "rows.jsonl", tmp_path / "scratch"
    scratch.mkdir()
    words = ("verify", "--keys", keyring.folder, archive, "--results", out, "--json")
    first = run(*words, env={"TMPDIR": str(scratch)})
    assert first.code == 3  # what can't be examined
    found = rows(out)
    assert set(found) == {"climbs.mp4", "mail.zip!broken.mp4", "mail.zip!inner.zip"}
    assert found["climbs.mp4"]["file"]["path"].endswith("mail.zip!../../climbs.mp4")
    assert found["climbs.mp4"]["file"]["sha256"] == stamped.output_sha256
    assert found["climbs.mp4"]["verdict"] == "CONFIRMED"
    assert found["mail.zip!broken.mp4"]["refused"]
    assert "mail.zip!broken.mp4 is not a video" in found["mail.zip!broken.mp4"]["summary"]
    assert "archive inside an archive" in (
        found["mail.zip!inner.zip"]["summary"].replace(" or document", "")
    )
    assert list(scratch.iterdir()) == []
    assert not list(tmp_path.parent.glob("climbs*"))

    second = run(*words)
    assert second.code == 3
    again = [json.loads(line)["file"]["path"] for line in second.out.splitlines()]
    assert [Path(path).name for path in again] == ["mail.zip!inner.zip"]


def test_an_archive_in_a_folder_is_walked_into_and_a_hostile_one_is_refused_in_a_sentence(
    archive: Path, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    (folder / "deep").mkdir(parents=True)
    archive.rename(folder / "deep" / "mail.ZIP")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bomb.mp4", bytes(80 << 20))
    (folder / "deep" / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    (folder / "notes.pdf").write_bytes(b"%PDF-1.4")
    out = tmp_path / "rows.jsonl"
    done = run("verify", "--keys", keyring.folder, folder, "--results", out)
    assert done.code == 3
    found = rows(out)
    assert found["climbs.mp4"]["file"]["path"].endswith("deep/mail.ZIP!../../climbs.mp4")
    assert found["climbs.mp4"]["verdict"] == "CONFIRMED"
    assert "times its size" in found["bomb.zip!bomb.mp4"]["summary"]
    assert "whose index cannot be read" in found["cut.zip"]["summary"]
    assert ".pdf 1" in done.out


def test_a_documents_pictures_are_verified_one_by_one(
    frame: Image.Image, stamped: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    frame.save(tmp_path / "report.pdf", quality=90)
    done = run("verify", "--keys", keyring.folder, tmp_path / "report.pdf", "--json")
    (row,) = map(json.loads, done.out.splitlines())
    assert "report.pdf!page 1, picture" in row["file"]["path"]
    assert row["watermark"]["stamp_id"] == stamped.stamp_id.hex
    assert done.code == 1


@pytest.mark.parametrize("kind", ["mpegts", "fmp4"])
def test_a_playlist_is_verified_as_the_film_that_it_plays(
    kind: str, stamped: StampResult, keyring: Keyring, run: Run, tmp_path: Path
) -> None:
    options = {"hls_time": "1", "hls_playlist_type": "vod", "hls_segment_type": kind}
    if kind == "fmp4":
        options["hls_fmp4_init_filename"] = "init.mp4"
    target = tmp_path / "list.m3u8"
    with (
        av.open(stamped.output_path) as media,
        av.open(str(target), "w", format="hls", options=options) as out,
    ):
        source = media.streams.video[0]
        stream = out.add_stream_from_template(source)
        for packet in media.demux(source):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    done = run("verify", "--keys", keyring.folder, target, "--json")
    (row,) = map(json.loads, done.out.splitlines())
    assert row["file"]["path"] == str(target)
    assert row["file"]["kind"] == "video"
    assert row["watermark"]["stamp_id"] == stamped.stamp_id.hex


def test_members_get_names_that_no_stranger_chose(archive: Path, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with Examiner() as opener:
        found = list(opener.unpack(archive, inside))
    assert [one.name for one in found] == ["../../climbs.mp4", "broken.mp4", "inner.zip"]
    assert sorted(path.name for path in inside.iterdir()) == [
        "member-0001.mp4",
        "member-0002.mp4",
        "member-0003",
    ]


@pytest.mark.parametrize(("limit", "most"), [("MOST_BYTES", 1000), ("MOST_MEMBERS", 1)])
def test_the_parent_counts_for_itself_and_the_next_file_is_examined(  # noqa: PLR0917 - fixtures
    limit: str,
    most: int,
    archive: Path,
    stamped: StampResult,
    trust: Trust,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that was taken over may send more than the limits allow."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.setattr(examiner, limit, most)
    with Examiner() as opener:
        with pytest.raises(UnreadableFileError, match=r"mail\.zip .*; treat it as hostile"):
            list(opener.unpack(archive, inside))
        found = opener.gather(Path(stamped.output_path), (), trust)
    assert found.manifest.status == "trusted"
