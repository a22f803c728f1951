"""Several brands on one machine: each stamps with its own keys, into its own registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance import init_keyring
from tests.clips import Spec, make_clip
from tests.commands import every_command, options_of
from tests.conftest import MODEL, Run, entries

STAMP = ("stamp", "clip.mp4")
PROMPT = ("--prompt", "a cat", "--json")


@pytest.fixture(autouse=True)
def _two_brands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with settings of two brands, their keys, and a clip."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    settings = ""
    for name in ("acme", "beta"):
        init_keyring(tmp_path / name, name.title())
        settings += f'[brand.{name}]\nkeys = "{name}"\nregistry = "{name}.db"\n'
    (tmp_path / "provenance.toml").write_text(settings)
    make_clip(tmp_path / "clip.mp4", Spec(size=(320, 240), frames=24))


def test_every_command_that_goes_by_keys_or_registry_takes_a_brand() -> None:
    for path, command in every_command():
        options = options_of(command)
        assert not options & {"--keys", "--registry"} or "--brand" in options, path
        flags = [flag for parameter in command.params for flag in parameter.opts]
        assert len(flags) == len(set(flags)), path


def test_each_brand_stamps_with_its_own_keys_into_its_own_registry(
    run: Run, tmp_path: Path
) -> None:
    acme = run(*STAMP, "a.mp4", *MODEL, *PROMPT, "--brand", "acme")
    assert acme.code == 0, acme.err
    assert "Note: using the settings of brand acme in provenance.toml" in acme.err
    beta = run(*STAMP, "b.mp4", *MODEL, *PROMPT, env={"PROVENANCE_BRAND": "beta"})
    assert beta.code == 0, beta.err
    for name, ran in (("acme", acme), ("beta", beta)):
        ours = run("registry", "show", ran.row["stamp_id"], "--brand", name, "--json")
        assert ours.row["signer"] == name.title()
    other = run("registry", "show", acme.row["stamp_id"], "--brand", "beta")
    assert (other.code, other.out) == (3, "")
    seen = run("verify", "a.mp4", "--brand", "acme", "--json")
    assert seen.row["verdict"] == "CONFIRMED"
    assert run("verify", "a.mp4", "--brand", "beta", "--json").row["verdict"] != "CONFIRMED"


def test_no_brand_or_an_unknown_one_is_refused_in_one_sentence(run: Run, tmp_path: Path) -> None:
    for more in ((), ("--brand", "gamma")):
        ran = run(*STAMP, "out.mp4", *MODEL, *PROMPT, *more)
        assert (ran.code, ran.out) == (2, "")
        assert "acme, beta" in ran.err
        assert len(ran.err.splitlines()) == 1
    assert "out.mp4" not in entries(tmp_path)


def test_keys_do_not_stamp_into_a_registry_of_others_until_they_are_let_in(
    run: Run, tmp_path: Path
) -> None:
    made = run(*STAMP, "a.mp4", *MODEL, *PROMPT, "--brand", "acme")
    assert made.code == 0, made.err
    settings = tmp_path / "provenance.toml"
    settings.write_text(settings.read_text().replace("beta.db", "acme.db"))

    make_clip(tmp_path / "other.mp4", Spec(size=(320, 240), frames=30))
    beta = ("stamp", "other.mp4", "b.mp4", *MODEL, *PROMPT, "--brand", "beta")
    ran = run(*beta)
    assert (ran.code, ran.out) == (2, "")
    assert "has stamps by watermark key" in ran.err
    assert "none by the keys of Beta; name the keys" in ran.err
    assert "provenance registry admit" in ran.err

    jobs = {"input": "other.mp4", "output": "b.mp4", "prompt": "a cat"}
    jobs |= {"model_name": "M", "model_version": "1"}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(jobs))
    batch = ("batch", "jobs.jsonl", "--out", "out", "--brand", "beta", "--allow-unapproved")
    for more in ((), ("--dry-run",)):
        ran = run(*batch, *more)
        assert (ran.code, ran.out) == (2, "")
        assert "none by the keys of Beta" in ran.err
    assert not {"b.mp4", "out"} & set(entries(tmp_path))

    let_in = run("registry", "admit", "--brand", "beta", "--by", "operator-7", "-q")
    assert (let_in.code, let_in.err) == (0, "")
    assert "of Beta may stamp into acme.db" in let_in.out
    again = run("registry", "admit", "--brand", "beta", "-q")
    assert "might stamp already" in again.out
    assert run(*beta).code == 0
    assert run("registry", "audit", "--brand", "acme").code == 0


def test_rotated_keys_stamp_on_into_the_same_registry(run: Run, tmp_path: Path) -> None:
    assert run(*STAMP, "a.mp4", *MODEL, *PROMPT, "--brand", "acme").code == 0
    kinds = ("--watermark", "--prompt", "--signing", "--authority")
    assert run("keys", "rotate", *kinds, "--brand", "acme").code == 0
    make_clip(tmp_path / "other.mp4", Spec(size=(320, 240), frames=30))
    later = run("stamp", "other.mp4", "b.mp4", *MODEL, *PROMPT, "--brand", "acme")
    assert later.code == 0, later.err
