"""The prompt in tags: hashed from them, looked for in all that is kept, and never published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import provenance
from provenance import Keyring, hash_prompt, trace_prompt
from provenance.errors import PromptExposedError, PromptTagsError, UsageError
from provenance.manifest import Trust
from tests.clips import Spec, make_clip
from tests.conftest import Run, stamp_clip
from tests.tagged import (
    ASS,
    FAST,
    KEPT,
    MDTA,
    PRIVATE,
    PROMPT,
    SECRETS,
    ass_clip,
    tags_of,
    vorbis_clip,
    with_attachment,
)

# Stamping


CLIP = Spec(size=(240, 160), frames=24, tags=PRIVATE | KEPT, muxer=MDTA, audio=("eng",))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip as a generator writes it."""
    return make_clip(tmp_path_factory.mktemp("generated") / "in.mp4", CLIP)


def test_a_clip_is_stamped_without_its_prompt_and_the_prompt_is_hashed_from_its_tags(
    run: Run, generated: Path, keyring: Keyring, trust: Trust, tmp_path: Path
) -> None:
    words = ("--model-name", "M", "--model-version", "1", "--preset", "ultrafast")
    keys = ("--keys", keyring.folder, "--registry", "none")
    out = tmp_path / "out.mp4"
    ran = run("stamp", generated, out, *words, *keys, "--prompt-from-tags", "--json")
    assert ran.code == 0, ran.err
    names = {one["name"] for one in ran.row["tags"]["left_out"]}
    assert names >= {"prompt", "workflow", "parameters", "comment", "artist"}
    assert {"place": "container", "name": "title"} in ran.row["tags"]["kept"]
    assert not any(secret in ran.out + ran.err for secret in SECRETS)
    assert not any(secret.encode() in out.read_bytes() for secret in SECRETS)
    report = provenance.verify(out, watermark_keys=keyring.watermark_keys, trust=trust)
    assert report.manifest.prompt_hash == hash_prompt(PROMPT, keyring.prompt_key)
    assert provenance.prompt_from_tags(generated) == PROMPT


@pytest.mark.parametrize(
    ("options", "code", "place"),
    [
        (["--keep-tags", "Artist,PROMPT"], 3, "prompt"),
        (["--keep-tags", "comment"], 3, "comment"),
        (["--title", "A Cat on a Skateboard, in golden light"], 2, "the title"),
    ],
)
def test_a_prompt_that_would_be_published_is_refused_before_any_work(
    run: Run,
    generated: Path,
    keyring: Keyring,
    tmp_path: Path,
    *,
    options: Any,
    code: int,
    place: str,
) -> None:
    (tmp_path / "p.txt").write_text(f"  {PROMPT.upper()}\n")
    words = ("--model-name", "M", "--model-version", "1", "--prompt-file", tmp_path / "p.txt")
    keys = ("--keys", keyring.folder, "--registry", "none")
    ran = run("stamp", generated, tmp_path / "out.mp4", *words, *keys, *options)
    assert ran.code == code
    assert place in ran.err
    assert "keyring" not in ran.err
    assert not any(secret in (ran.out + ran.err) for secret in SECRETS)
    assert "golden" not in (ran.out + ran.err).lower()
    assert not (tmp_path / "out.mp4").exists()


def traced(keyring: Keyring, prompt: str = PROMPT) -> dict[str, Any]:
    return {
        "prompt_hash": hash_prompt(prompt, keyring.prompt_key),
        "prompt_trace": trace_prompt(prompt, keyring.prompt_key),
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda p: make_clip(p / "in.mkv", Spec(tags={"title": PROMPT})),
        lambda p: make_clip(p / "in.mp4", Spec(title=json.dumps(PROMPT))),
        lambda p: make_clip(p / "in.mkv", Spec(audio=("eng",), audio_title=PROMPT)),
        lambda p: with_attachment(
            p / "in.mkv", "f.ttf", "font/ttf", b"OTTO" + PROMPT.encode("utf-16-be")
        ),
        lambda p: with_attachment(p / "in.mkv", f"{PROMPT}.ttf", "font/ttf", b"OTTO1234"),
        lambda p: vorbis_clip(p / "in.mkv", [f"TITLE={PROMPT}".encode()]),
        lambda p: ass_clip(p / "in.mkv", ASS.replace("Style: Default", f"Style: {PROMPT}")),
    ],
    ids=["title", "track", "sound", "font", "font's name", "vorbis", "subtitles"],
)
def test_the_prompt_is_looked_for_in_everything_that_is_kept(
    make: Any, keyring: Keyring, tmp_path: Path
) -> None:
    source = make(tmp_path)
    with pytest.raises(PromptExposedError) as caught:
        stamp_clip(source, tmp_path / "out.mkv", keyring, **traced(keyring))
    assert "skateboard" not in str(caught.value)


def test_the_prompt_in_a_chapters_title_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec(chapters=True))
    with pytest.raises(PromptExposedError, match="chapters"):
        stamp_clip(source, tmp_path / "o.mp4", keyring, **traced(keyring, "the chase"))


def test_the_prompt_in_the_outputs_name_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", Spec())
    for name, prompt in (("cat.mp4", "Cat"), ("a_cat_on_a_skateboard_in_0001.mp4", PROMPT)):
        with pytest.raises(UsageError, match="stands in the"):
            stamp_clip(source, tmp_path / name, keyring, title="x", **traced(keyring, prompt))


def test_the_prompt_in_the_inputs_own_manifest_is_refused(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    signed = tmp_path / "signed.mp4"
    stamp_clip(clip, signed, keyring, title=PROMPT)
    with pytest.raises(PromptExposedError, match="manifest that the clip carries"):
        stamp_clip(signed, tmp_path / "o.mp4", keyring, restamp=True, **traced(keyring))


def test_a_signed_inputs_file_name_is_not_published(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    signed, out = tmp_path / "Anna Example.mp4", tmp_path / "out.mp4"
    stamp_clip(clip, tmp_path / "first.mp4", keyring)
    (tmp_path / "first.mp4").rename(signed)
    stamp_clip(signed, out, keyring, restamp=True)
    assert b"Anna Example" not in out.read_bytes()
    assert b"source clip" in out.read_bytes()


def test_a_trace_under_another_prompt_key_is_no_check_and_is_refused(
    clip: Path, keyring: Keyring, tmp_path: Path
) -> None:
    other = provenance.init_keyring(tmp_path / "k", "Another Studio")
    with pytest.raises(provenance.ServiceError, match="does not hold the prompt key"):
        stamp_clip(clip, tmp_path / "o.mp4", keyring, **traced(other))


def test_a_clip_without_a_prompt_in_its_tags_needs_it_given(clip: Path) -> None:
    with pytest.raises(PromptTagsError, match=r"clip\.mp4 holds no prompt"):
        provenance.prompt_from_tags(clip)


def test_tags_that_are_called_by_a_text_or_by_the_prompt_are_counted_and_not_named(
    keyring: Keyring, tmp_path: Path
) -> None:
    tags = {PROMPT: "1", "com.example.a long name, in a sentence of its own": "2"}
    source = make_clip(tmp_path / "in.mp4", Spec(size=(240, 160), tags=tags, muxer=MDTA))
    result = stamp_clip(source, tmp_path / "o.mp4", keyring, encoder=FAST, **traced(keyring))
    assert [tag.name for tag in result.tags_left_out] == ["(a name that is not shown)"]
    source = make_clip(tmp_path / "in.mkv", Spec(tags={PROMPT: "1"}))  # with _ for each space
    keep = tuple(tags_of(source))
    with pytest.raises(PromptExposedError) as caught:
        stamp_clip(source, tmp_path / "o.mkv", keyring, keep_tags=keep, **traced(keyring))
    assert "skateboard" not in str(caught.value)
