"""The main job, for real: stamp a clip, then see what verifying says of it and of its copies."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import provenance
from provenance import Keyring, StampResult, Trust, Verifier, init_keyring, verify
from provenance.manifest import attach, read_manifest
from provenance.registry import Registry
from provenance.results import Verdict
from tests.authority import Authority, serve
from tests.clips import ROTATE_90, Spec, grey_clip, lumas, make_clip
from tests.conftest import MODEL, Run, entries, stamp_clip
from tests.signing import Studio, facts


def remux(source: str | Path, target: Path) -> Path:
    """Copy every packet into a new container, as ``ffmpeg -c copy`` does."""
    with av.open(str(source)) as media, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in media.streams}
        for packet in media.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return target


def check(path: Path | str, keyring: Keyring, trust: Trust) -> provenance.VerificationReport:
    return verify(Path(path), watermark_keys=keyring.watermark_keys, trust=trust)


def test_a_stamped_clip_is_confirmed_by_the_command_line(
    run: Run, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    prompt = ["--prompt", "a walk through moss"]
    stamped = run("stamp", clip, out, *MODEL, *prompt, "--keys", keyring.folder, "--json")
    assert stamped.code == 0, stamped.err
    row = stamped.row
    assert list(row) == [
        *("schema", "input", "output", "stamp_id", "key_id", "profile"),
        *("watermark", "manifest", "seconds", "tags", "warnings"),
    ]
    assert row["schema"] == "provenance.stamp/1"
    assert row["output"] == {
        "path": str(out),
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }
    assert row["input"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert row["watermark"]["margin_db"] >= 2.0
    assert row["watermark"]["psnr_y_db"] >= 42.0
    assert row["watermark"]["frames"] == 36
    assert row["manifest"]["status"] == "trusted"
    assert row["manifest"]["embedded"] is True
    assert entries(tmp_path) == ["out.mp4"]

    verified = run("verify", "--json", "--keys", keyring.folder, out)
    assert verified.code == 0
    report = verified.row
    assert report["verdict"] == "CONFIRMED"
    assert report["watermark"]["stamp_id"] == row["stamp_id"]
    assert report["manifest"]["soft_binding"]["stamp_id"] == row["stamp_id"]
    assert report["manifest"]["signer"] == "Example Studio"
    assert report["manifest"]["model"] == {
        "name": "ExampleVideoModel",
        "version": "3.2.1",
        "card_sha256": None,
    }
    assert report["manifest"]["prompt_hash"]["alg"] == "hmac-sha256"
    assert "moss" not in json.dumps(report)
    assert b"a walk through moss" not in out.read_bytes()


def test_the_table_for_people_says_the_same(
    run: Run, stamped: StampResult, keyring: Keyring
) -> None:
    ran = run("verify", "--keys", keyring.folder, stamped.output_path, env={"COLUMNS": "80"})
    assert ran.code == 0
    assert "CONFIRMED" in ran.out
    assert stamped.stamp_id.hex in ran.out
    assert "\x1b" not in ran.out
    _title, *table = ran.out.splitlines()
    assert all(len(line) <= 80 and line == line.rstrip() for line in table)
    assert not re.search(r"\b(real|fake|authentic)\b", ran.out, re.IGNORECASE)


def test_a_copy_without_manifest_still_names_its_stamp(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    report = check(remux(stamped.output_path, tmp_path / "copy.mp4"), keyring, trust)
    assert report.verdict is Verdict.WATERMARK_UNKNOWN
    assert report.watermark.stamp_id == stamped.stamp_id
    assert report.manifest.status == "absent"


def test_one_changed_byte_of_the_picture_data_invalidates_the_credential_alone(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    data = bytearray(Path(stamped.output_path).read_bytes())
    data[data.index(b"mdat") + 20_000] ^= 1
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(data)
    report = check(changed, keyring, trust)
    assert report.verdict is Verdict.CREDENTIAL_INVALID
    assert report.watermark.stamp_id == stamped.stamp_id
    assert "assertion.bmffHash.mismatch" in report.manifest.failures
    assert stamped.stamp_id.hex in report.summary


def test_an_unmarked_clip_gives_no_find(clip: Path, keyring: Keyring, trust: Trust) -> None:
    report = check(clip, keyring, trust)
    assert report.verdict is Verdict.NO_MARK_FOUND
    assert report.watermark.stamp_id is None


def test_a_wrong_key_reads_nothing_and_a_strangers_signature_is_not_trusted(
    stamped: StampResult, tmp_path: Path
) -> None:
    other = init_keyring(tmp_path / "other", "Another Studio")
    theirs = other.trust
    report = check(stamped.output_path, other, theirs)
    assert report.verdict is Verdict.SIGNER_UNTRUSTED
    assert report.watermark.status == "not_checked"
    assert report.watermark.stamp_id is None
    copy = check(remux(stamped.output_path, tmp_path / "copy.mp4"), other, theirs)
    assert copy.verdict is Verdict.NO_MARK_FOUND


def test_a_partners_root_makes_its_credential_count(
    run: Run, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    other = init_keyring(tmp_path / "other", "Another Studio")
    root = tmp_path / "partner.pem"
    root.write_bytes(keyring.trust_anchors_pem)
    flags = ("--json", "--keys", other.folder, "--trust", root)
    ran = run("verify", *flags, stamped.output_path)
    assert (ran.code, ran.row["verdict"]) == (1, "CREDENTIAL_ONLY")
    assert keyring.watermark_key.key_id in ran.row["watermark"]["reason"]
    accepted = run("verify", *flags, "--accept", "CONFIRMED,CREDENTIAL_ONLY", stamped.output_path)
    assert accepted.code == 0


def test_a_roots_file_alone_is_enough_to_check_credentials(
    run: Run, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    root = tmp_path / "partner.pem"
    root.write_bytes(keyring.trust_anchors_pem)
    ran = run("verify", "--json", "--trust", root, stamped.output_path)
    assert ran.row["verdict"] == "CREDENTIAL_ONLY"
    assert ran.row["watermark"]["status"] == "not_checked"


def test_a_manifest_that_names_a_mark_the_picture_lacks_is_a_conflict(
    clip: Path, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.mp4"
    named = facts(watermark_key_id=keyring.watermark_key.key_id)
    attach(clip, moved, named, keyring.signer, trust=trust)
    assert check(moved, keyring, trust).verdict is Verdict.CONFLICT


def test_a_clip_stamped_again_carries_the_new_stamp_and_its_history(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    again = stamp_clip(Path(stamped.output_path), tmp_path / "twice.mp4", keyring, restamp=True)
    report = check(again.output_path, keyring, trust)
    assert report.verdict is Verdict.CONFIRMED
    assert report.watermark.stamp_id == again.stamp_id != stamped.stamp_id
    (parent,) = report.manifest.ingredients
    assert (parent.title, parent.status) == ("source clip", "trusted")


@pytest.mark.parametrize(
    ("spec", "target"),
    [
        (Spec(codec="libx265", size=(480, 360), pix_fmt="yuv420p10le"), "out.mp4"),
        (Spec(codec="libx265", size=(480, 360), pix_fmt="yuv420p12le"), "out.mp4"),
        (Spec(codec="prores_ks", size=(480, 360), pix_fmt="yuv422p10le"), "out.mov"),
        (Spec(size=(480, 360), matrix=ROTATE_90), "out.mp4"),
        (Spec(codec="mpeg4", size=(480, 360)), "out.mkv"),
    ],
    ids=["10 bit", "12 bit", "prores", "rotated", "mpeg4"],
)
def test_every_kind_of_picture_is_marked_and_read_back(
    spec: Spec, target: str, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    source = make_clip(tmp_path / ("in" + Path(target).suffix), spec)
    result = stamp_clip(source, tmp_path / target, keyring)
    assert result.margin_db > 6.0
    assert check(result.output_path, keyring, trust).verdict is Verdict.CONFIRMED


def test_a_screenshot_names_the_stamp(
    stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    shot = tmp_path / "shot.png"
    cv2.imwrite(str(shot), lumas(stamped.output_path)[10])
    report = check(shot, keyring, trust)
    assert report.file.kind == "image"
    assert report.verdict is Verdict.WATERMARK_UNKNOWN
    assert report.watermark.stamp_id == stamped.stamp_id


@pytest.mark.parametrize("attack", ["mirror", "half size"])
def test_a_changed_copy_names_the_stamp_and_how_it_was_changed(
    attack: str, stamped: StampResult, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    changes: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
        "mirror": lambda p: np.ascontiguousarray(p[:, ::-1]),
        "half size": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    }
    change = changes[attack]
    copy = grey_clip([change(p) for p in lumas(stamped.output_path)], tmp_path / "copy.mp4")
    report = check(copy, keyring, trust)
    assert report.watermark.stamp_id == stamped.stamp_id
    assert report.watermark.transform is not None
    assert report.watermark.transform.mirrored is (attack == "mirror")


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_where_no_manifest_fits_it_lies_beside_the_clip(
    suffix: str, clip: Path, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    source = clip
    if suffix == ".webm":
        spec = Spec(size=(480, 360), frames=12, options={"crf": "24"})
        source = make_clip(tmp_path / "source.mp4", spec)
    target = tmp_path / f"out{suffix}"
    result = stamp_clip(source, target, keyring)
    assert result.sidecar == f"{target}.c2pa"
    assert {target.name, f"{target.name}.c2pa"} <= set(entries(tmp_path))
    assert not [name for name in entries(tmp_path) if name.startswith(".")]
    assert check(target, keyring, trust).verdict is Verdict.CONFIRMED
    Path(result.sidecar).unlink()
    assert check(target, keyring, trust).verdict is Verdict.WATERMARK_UNKNOWN


def test_a_signed_input_becomes_the_ingredient(
    clip: Path, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    maker = Studio("A Camera Maker")
    signed = tmp_path / "signed.mp4"
    attach(clip, signed, facts(), maker.signer, trust=maker.trust)
    result = stamp_clip(signed, tmp_path / "out.mp4", keyring)
    report = check(result.output_path, keyring, trust)
    assert report.verdict is Verdict.CONFIRMED
    assert [item.title for item in report.manifest.ingredients] == ["source clip"]


def test_a_layer_that_fails_costs_only_its_own_finding(
    stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mkv"
    remux(stamped.output_path, copy)
    (tmp_path / "copy.mkv.c2pa").mkdir()
    broken = tmp_path / "broken.c2pa"
    broken.mkdir()
    report = verify(
        copy,
        watermark_keys=keyring.watermark_keys,
        trust=keyring.trust,
        sidecar=broken,
    )
    assert report.manifest.status == "not_checked"
    assert report.manifest.reason
    assert report.watermark.stamp_id == stamped.stamp_id


def test_the_quick_start_of_the_package_runs(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "clip.mp4")
    text = provenance.__doc__ or ""
    example = "\n".join(
        line[4:] for line in text.splitlines() if line.startswith("    ") or not line.strip()
    )
    exec(compile(example, "quick start", "exec"), {})  # noqa: S102 - our own docstring
    assert (tmp_path / "stamped.mp4").exists()
    with Registry("registry.db") as registry:
        assert len([*registry.search()]) == 2


def test_whom_the_quick_start_trusts_can_tell_the_time_of_a_signature(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """Time-stamp anchors are of their own: without them no authority's time is believed."""
    assert Verifier.of(keyring).trust == keyring.trust
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    with serve(Authority(clock=moment)) as authority:
        own = replace(keyring, tsa_anchors_pem=authority.root_pem)
        stamp_clip(clip, tmp_path / "timed.mp4", own, tsa_url=authority.url)
    assert read_manifest(tmp_path / "timed.mp4", own.trust).signed_at == moment
    untimed = Trust(own.trust_anchors_pem)
    assert read_manifest(tmp_path / "timed.mp4", untimed).signed_at != moment


def test_the_public_names_are_what_they_say_whichever_module_came_first() -> None:
    for module in ("provenance.stamping.stamp", "provenance.verifying.verify"):
        importlib.import_module(module)
    assert all(getattr(provenance, name) is not None for name in provenance.__all__)
    assert callable(provenance.stamp)
    assert callable(provenance.verify)


@pytest.mark.parametrize("how", ["file", "stdin", "text"])
def test_the_prompt_is_hashed_alike_however_it_is_given(
    how: str, run: Run, clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    text = "a walk through moss"
    (tmp_path / "prompt.txt").write_text(text + "\n", encoding="utf-8")
    flags = {"file": ["--prompt-file", "prompt.txt"], "stdin": ["--prompt-file", "-"]}.get(
        how, ["--prompt", text]
    )
    out = tmp_path / "out.mp4"
    ran = run("stamp", clip, out, *MODEL, *flags, "--keys", keyring.folder, input=text)
    assert ran.code == 0, ran.err
    expected = provenance.hash_prompt(text, keyring.prompt_key)
    report = verify(out, trust=keyring.trust)
    assert report.manifest.prompt_hash == expected
