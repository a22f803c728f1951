"""A clip that carries a stamp of ours is named and refused, whatever became of it since."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from provenance import Claims, Keyring, Registry, Stamper, StampResult, init_keyring, stamp
from provenance.errors import MarkedInputError, WithdrawnError
from provenance.manifest import sidecar_path
from provenance.video import EncoderOptions
from tests.clips import Spec, grey_clip, lumas, make_clip
from tests.conftest import MODEL, Run, entries, stamp_clip
from tests.integration.test_stamp_and_verify import remux

FAST = EncoderOptions(preset="ultrafast")


def smaller(source: Path, target: Path) -> Path:
    """Without its manifest, encoded again at 3/4 of its size."""
    return grey_clip([cv2.resize(luma, (360, 270)) for luma in lumas(source)], target)


@pytest.mark.parametrize("kind", ["itself", "in mkv, without a manifest", "smaller"])
def test_a_stamped_clip_is_named_and_refused_before_the_work(
    kind: str, stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    source = Path(stamped.output_path)
    if kind == "smaller":
        source = smaller(source, tmp_path / "in.mp4")
    elif kind != "itself":
        source = remux(source, tmp_path / "in.mkv")
    (tmp_path / "out").mkdir()
    seen = []
    with pytest.raises(MarkedInputError, match="all the same") as refused:
        stamp_clip(
            source,
            tmp_path / "out" / "out.mp4",
            keyring,
            progress=lambda stage, *_: seen.append(stage),
        )
    assert refused.value.stamp_id == stamped.stamp_id.hex
    assert set(seen) == {"observe"}
    assert entries(tmp_path / "out") == []


def test_the_output_of_a_stamping_is_known_by_its_bytes_where_its_picture_is_not_read(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """As with a keys folder whose watermark keys are others, and a sidecar that was lost."""
    with Registry(str(tmp_path / "r.db"), create=True) as registry:
        made = stamp_clip(clip, tmp_path / "made.mkv", keyring, registry=registry, encoder=FAST)
        sidecar_path(tmp_path / "made.mkv").unlink()
        other = init_keyring(tmp_path / "keys", "Example Studio")
        with pytest.raises(MarkedInputError, match=f"is the output of stamp {made.stamp_id}"):
            stamp_clip(tmp_path / "made.mkv", tmp_path / "out.mp4", other, registry=registry)
        assert [one.stamp_id for one in registry.search()] == [made.stamp_id]
        assert registry.reservations.sweep().as_json()["released"] == []


def test_a_clip_of_somebody_else_s_marks_is_not_ours_to_refuse(
    stamped: StampResult, tmp_path: Path
) -> None:
    other = init_keyring(tmp_path / "keys", "Another Studio")
    bare = remux(stamped.output_path, tmp_path / "bare.mp4")
    assert stamp_clip(bare, tmp_path / "out.mp4", other, encoder=FAST).frames == 36


def test_frames_that_show_a_stamped_clip_are_refused_too(
    stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    claims = Claims.of(keyring, model_name="M", model_version="1", prompt="frames")
    stamper, target = Stamper(keyring, encoder=FAST), tmp_path / "out.mp4"

    def stamp_frames() -> None:
        with stamper.open(target, width=480, height=360, fps=24, claims=claims) as clip:
            clip.write_all(
                cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB) for luma in lumas(stamped.output_path)
            )

    with pytest.raises(MarkedInputError) as refused:
        stamp_frames()
    assert refused.value.stamp_id == stamped.stamp_id.hex
    assert entries(tmp_path) == []


def test_the_command_refuses_it_as_a_file_and_stamps_it_when_asked(
    run: Run, keyring: Keyring, tmp_path: Path
) -> None:
    make_clip(tmp_path / "clip.mp4", Spec(size=(480, 360), frames=24))
    words = (*MODEL, "--prompt", "moss", "--keys", keyring.folder, "--registry", "r.db", "--json")
    first = run("stamp", "clip.mp4", "a.mp4", *words)
    refused = run("stamp", "a.mp4", "b.mp4", *words)
    assert (refused.code, refused.out) == (3, "")
    assert f"carries a manifest of stamp {first.row['stamp_id']}" in refused.err
    asked = run("stamp", "a.mp4", "b.mp4", *words, "--restamp", "--profile", "strong")
    assert asked.code == 0, asked.err
    shown = run("registry", "show", asked.row["stamp_id"], "--registry", "r.db", "--json").row
    assert shown["parents"] == [first.row["stamp_id"]]


def test_a_copy_that_is_known_by_its_picture_alone_keeps_its_past_when_it_is_stamped(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    """Its mark is all that says what it was made from, so that is what a recall goes by."""
    options = {"encoder": FAST, "restamp": True, "again": "another cut"}
    with Registry(str(tmp_path / "r.db"), create=True) as registry:
        first = stamp_clip(clip, tmp_path / "first.mp4", keyring, registry=registry, **options)
        bare = smaller(Path(first.output_path), tmp_path / "bare.mp4")
        made = stamp_clip(
            bare, tmp_path / "a.mp4", keyring, registry=registry, profile="strong", **options
        )
        record = registry.find(made.stamp_id)
        assert record is not None
        assert record.parents == (first.stamp_id,)
        registry.withdrawals.withdraw("stamp", first.stamp_id.hex, "recalled")
        with pytest.raises(WithdrawnError, match=r"bare.mp4 .* it is, or was made from, a clip"):
            stamp_clip(bare, tmp_path / "b.mp4", keyring, registry=registry, **options)


def test_the_shortcut_takes_the_same_words(
    stamped: StampResult, keyring: Keyring, tmp_path: Path
) -> None:
    source = shutil.copyfile(stamped.output_path, tmp_path / "in.mp4")
    claims = Claims.of(keyring, model_name="M", model_version="1", prompt="moss")
    made = stamp(
        source,
        tmp_path / "out.mp4",
        keyring=keyring,
        model_name="M",
        model_version="1",
        prompt_hash=claims.prompt_hash,
        profile="strong",
        restamp=True,
        again="never asked for without a registry",
    )
    assert made.stamp_id != stamped.stamp_id
