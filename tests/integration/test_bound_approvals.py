"""Approvals for real: bound to a job, by persons with several keys, and withdrawn afterwards."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import hash_prompt
from provenance.batch.approvals import (
    FOLDER,
    PERSONS_FILE,
    binding_key,
    load_binding_key,
    write_binding_key,
)
from provenance.batch.dry import Problem, check_batch
from provenance.batch.jobs import read_jobs
from provenance.registry import Registry
from provenance.results.payload import StampId
from tests.clips import make_clip
from tests.conftest import Run
from tests.studio import FIELDS, SPEC, Studio
from tests.tagged import GRAPH, MDTA, PROMPT
from tests.values import present

CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "model name": ({"model_name": "OtherModel"}, "model name"),
    "model version": ({"model_version": "2"}, "model version"),
    "prompt": ({"prompt": "something else"}, "prompt"),
    "prompt's hash": ({"prompt": None, "prompt_hash": "ab" * 32}, "prompt"),
    "consents": ({"consents": []}, "consents"),
    "profile": ({"profile": "strong"}, "profile"),
    "title": ({"title": "Exclusive"}, "title"),
    "tags": ({"keep_tags": ["comment"]}, "tags kept"),
}


class Desk:
    """A reviewer's desk beside the studio: a list of jobs, and the key to bind with."""

    def __init__(self, studio: Studio, run: Run) -> None:
        self.studio, self.run = studio, run
        key = binding_key(studio.keyring.prompt_key)
        write_binding_key(studio.folder / "binding.key", key)

    def approve(self, *more: str, key: str = "anna.pem", who: str = "anna") -> Any:
        """Approve the first clip; with its job where that is said."""
        words = ("approve", self.studio.rows[0]["input"], "--key", key, "--approver", who)
        return self.run(*words, *more)

    def bound(self, *more: str, **who: str) -> Any:
        done = self.approve("--jobs", "jobs.jsonl", "--binding-key", "binding.key", *more, **who)
        assert done.code == 0, done.err
        return done

    def batch(self, *more: str) -> Any:
        return self.run(*self.studio.words, *more, "--json")

    def rewrite(self, **changes: Any) -> None:
        """The job, changed behind the reviewer's back."""
        row = {k: v for k, v in (self.studio.rows[0] | changes).items() if v is not None}
        self.studio.listing.write_text(json.dumps(row) + "\n", "utf-8")

    def person(self, *names: str) -> None:
        """New keys, and whose they are: ``ben`` or ``anna:2`` for anna's second."""
        folder = self.studio.folder / "keys" / FOLDER
        owners = {"anna": ["anna.pub"]}
        for name in names:
            assert self.run("approve", "--new-key", f"{name}.pem").code == 0
            (self.studio.folder / f"{name}.pem.pub").rename(folder / f"{name}.pub")
            owners.setdefault(name.partition("-")[0], []).append(f"{name}.pub")
        lines = [f"{person} = {json.dumps(files)}" for person, files in owners.items()]
        (folder / PERSONS_FILE).write_text("\n".join(["[persons]", *lines]), "utf-8")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = Studio(tmp_path)
    made.add("a", approved=False, consents=["actor-7"])
    return made


@pytest.fixture
def desk(studio: Studio, run: Run) -> Desk:
    return Desk(studio, run)


def statements(studio: Studio) -> list[dict[str, Any]]:
    """What is signed in the first clip's approvals."""
    path = studio.folder / f"{studio.rows[0]['input']}.approval.json"
    lines = path.read_text("utf-8").splitlines()
    return [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines]


def test_a_bound_approval_shows_what_it_binds_and_lets_that_be_stamped(
    desk: Desk, studio: Studio
) -> None:
    shown = desk.bound("--dry-run").out
    assert not (studio.folder / "in" / "a.mp4.approval.json").exists()
    assert desk.bound().out.replace("Approved in/a.mp4 in in/a.mp4.approval.json", "") == (
        shown.replace("Would approve in/a.mp4", "")
    )
    for words in ("model: Model 1", "consents: actor-7", "profile: standard", "title: a.mp4"):
        assert f"  {words}\n" in shown
    assert "source type: trainedAlgorithmicMedia" in shown
    done = desk.batch("--bound-approvals")
    assert (done.code, done.row["state"]) == (0, "stamped"), done.err


@pytest.mark.parametrize("change", CHANGES)
def test_an_approval_for_other_values_does_not_count_and_the_field_is_named(
    change: str, desk: Desk, studio: Studio
) -> None:
    """Also where nobody demands that approvals are bound: this one says what it is for."""
    desk.bound()
    values, field = CHANGES[change]
    desk.rewrite(**values)
    (problem,) = check_batch(read_jobs(studio.listing), replace(studio.settings(), registry=None))
    assert isinstance(problem, Problem)
    assert (problem.fault, problem.reason) == ("job", "approval_other_job")
    assert f"for other values than the job has: {field};" in problem.error


def test_an_approval_for_other_values_stamps_nothing(desk: Desk, studio: Studio) -> None:
    desk.bound()
    desk.rewrite(model_name="OtherModel")
    done = desk.batch()
    assert (done.code, done.row["reason"]) == (3, "approval_other_job")
    assert studio.files == []
    desk.rewrite(title="a.mp4")  # what it would be shown as anyway
    assert desk.batch().row["state"] == "stamped"


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ('digital_source_type = "algorithmicMedia"', "digital source type"),
        ('provider = "Other House"', "provider"),
    ],
)
def test_what_the_run_sets_is_bound_too(
    setting: str, field: str, desk: Desk, studio: Studio
) -> None:
    desk.bound()
    (studio.folder / "provenance.toml").write_text(f"{setting}\n", "utf-8")
    done = desk.batch("--dry-run")
    assert f"for other values than the job has: {field};" in done.row["error"]
    desk.bound()  # with the same setting, beside the other
    assert desk.batch("--dry-run").code == 0


@pytest.mark.parametrize("where", ["flag", "setting", "variable", "reviewers"])
def test_a_policy_demands_that_approvals_are_bound(
    where: str, desk: Desk, studio: Studio, run: Run
) -> None:
    assert desk.approve().code == 0
    assert desk.batch("--dry-run").code == 0
    flags = ("--bound-approvals",) if where == "flag" else ()
    environ = {"PROVENANCE_BOUND_APPROVALS": "true"} if where == "variable" else {}
    if where == "setting":
        (studio.folder / "provenance.toml").write_text("bound_approvals = true\n", "utf-8")
    if where == "reviewers":
        text = 'bound = true\n[persons]\nanna = ["anna.pub"]\n'
        (studio.folder / "keys" / FOLDER / PERSONS_FILE).write_text(text, "utf-8")
    asked = (*studio.words, *flags, "--dry-run", "--json")
    done = run(*asked, env=environ)
    assert (done.code, done.row["reason"]) == (3, "approval_unbound")
    assert "approved again, for its job" in done.row["error"]
    desk.bound()
    assert run(*asked, env=environ).code == 0


def test_neither_the_approval_nor_its_reference_tells_the_prompt(
    desk: Desk, studio: Studio, run: Run
) -> None:
    """Its hash in the approval is keyed, by a key that is not the one of published hashes."""
    desk.bound()
    (said,) = statements(studio)
    prompt = studio.rows[0]["prompt"]
    assert prompt not in json.dumps(said)
    hashed = said["job"]["prompt"]
    assert hashed["value"] not in {
        hash_prompt(prompt, key).value for key in (None, studio.keyring.prompt_key)
    }
    made = run("keys", "binding-key", "made.key", "--keys", "keys")
    assert made.code == 0, made.err
    assert run("keys", "binding-key", "made.key", "--keys", "keys").code == 2
    binding = load_binding_key(studio.folder / "made.key")
    assert f"Binding key {binding.key_id} is in made.key" in made.out
    assert binding.secret.hex() not in made.out
    assert hashed == hash_prompt(prompt, binding).as_json()
    assert binding.secret != studio.keyring.prompt_key.secret
    assert (studio.folder / "made.key").stat().st_mode & 0o077 == 0


def test_without_the_key_a_prompt_is_not_bound_by_something_that_can_be_guessed(
    desk: Desk, studio: Studio
) -> None:
    refused = desk.approve("--jobs", "jobs.jsonl")
    assert refused.code == 2
    assert "keys binding-key" in refused.err
    assert not (studio.folder / "in" / "a.mp4.approval.json").exists()
    desk.rewrite(prompt=None, prompt_hash="ab" * 32)
    assert desk.approve("--jobs", "jobs.jsonl").code == 0  # as the manifest shows it anyway
    assert desk.batch("--bound-approvals", "--dry-run").code == 0


def test_a_bound_prompt_outlives_the_rotation_of_the_prompt_key(desk: Desk, run: Run) -> None:
    desk.bound()
    assert run("keys", "rotate", "--prompt", "--keys", "keys").code == 0
    assert desk.batch("--bound-approvals").row["state"] == "stamped"


def test_a_prompt_bound_under_a_key_of_another_house_is_told(
    desk: Desk, studio: Studio, run: Run
) -> None:
    assert run("keys", "init", "--keys", "other").code == 0
    assert run("keys", "binding-key", "other.key", "--keys", "other").code == 0
    assert desk.approve("--jobs", "jobs.jsonl", "--binding-key", "other.key").code == 0
    assert "which is not held here" in desk.batch("--dry-run").row["error"]


def test_values_are_bound_without_a_list_and_from_a_job_file(desk: Desk, studio: Studio) -> None:
    values = ("--model-name", "Model", "--model-version", "1", "--consent", "actor-7")
    (studio.folder / "prompt.txt").write_text("secret a\n", "utf-8")
    prompt = ("--prompt-file", "prompt.txt", "--binding-key", "binding.key")
    first = desk.approve(*values, *prompt, "--json")
    assert first.row["job"]["model"] == {"name": "Model", "version": "1"}
    row = {k: v for k, v in studio.rows[0].items() if k not in ("input", "output")}
    (studio.folder / "in" / "a.mp4.job.json").write_text(json.dumps(row), "utf-8")
    words = ("--jobs", "in/a.mp4.job.json", "--binding-key", "binding.key")
    again = desk.approve(*words)
    assert (again.code, "by this key already" in again.err) == (2, True)  # the very same
    assert desk.batch("--bound-approvals", "--dry-run").code == 0
    missing = desk.approve("--model-name", "Model", "--prompt-hash", "ab" * 32)
    assert missing.code == 2
    assert "model_version is missing" in missing.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--binding-key", "binding.key"), "goes with --jobs"),
        (("--jobs", "other.jsonl", "--binding-key", "binding.key"), "has no job for"),
        (("--jobs", "jobs.jsonl", "--binding-key", "anna.pem"), "holds no binding key"),
    ],
)
def test_wrong_use_of_a_binding_is_one_sentence(
    more: tuple[str, ...], words: str, desk: Desk, studio: Studio
) -> None:
    other = {"input": "in/b.mp4", "output": "b.mp4", "prompt": "p"} | FIELDS
    (studio.folder / "other.jsonl").write_text(json.dumps(other) + "\n", "utf-8")
    done = desk.approve(*more)
    assert done.code in (2, 4)
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not (studio.folder / "in" / "a.mp4.approval.json").exists()


def test_a_prompt_in_the_clip_s_own_tags_is_bound(desk: Desk, studio: Studio) -> None:
    """And is the same prompt where the job gives it as text."""
    spec = replace(SPEC, tags={"prompt": GRAPH}, muxer=MDTA)
    make_clip(studio.folder / "in" / "a.mp4", spec)
    desk.rewrite(prompt=None, prompt_from_tags=True)
    desk.bound()
    (said,) = statements(studio)
    binding = load_binding_key(studio.folder / "binding.key")
    assert said["job"]["prompt"] == hash_prompt(PROMPT, binding).as_json()
    for prompt, problems in (
        ({"prompt": None, "prompt_from_tags": True}, 0),
        ({"prompt": PROMPT}, 0),
        ({"prompt": "something else"}, 1),
    ):
        desk.rewrite(**prompt)
        found = check_batch(read_jobs(studio.listing), replace(studio.settings(), registry=None))
        assert len([one for one in found if isinstance(one, Problem)]) == problems


def test_one_person_with_two_keys_under_two_names_is_one_approval(
    desk: Desk, studio: Studio
) -> None:
    """It passes where nobody says whose keys they are, and that is what the file is for."""
    desk.person("anna-2", "ben")
    persons = studio.folder / "keys" / FOLDER / PERSONS_FILE
    desk.bound()
    desk.bound(key="anna-2.pem", who="somebody else")
    two = ("--approvals-needed", "2", "--dry-run")
    done = desk.batch(*two)
    assert (done.code, done.row["reason"]) == (3, "approval_one_of_two")
    said = persons.read_text("utf-8")
    persons.unlink()
    assert desk.batch(*two).code == 0
    persons.write_text(said, "utf-8")
    desk.bound(key="ben.pem", who="ben")
    assert desk.batch(*two).code == 0
    persons.write_text(said + '\ncarl = ["ben.pub"]\n', "utf-8")
    wrong = desk.batch(*two)
    assert (wrong.code, "two persons, ben and carl" in wrong.err) == (4, True)


def test_a_reviewer_s_key_is_withdrawn_for_past_stamps_and_for_jobs_to_come(
    desk: Desk, studio: Studio, run: Run
) -> None:
    """By the registry, by a signed list, and in what is stamped from such a clip."""
    desk.person("ben")
    desk.bound()
    assert desk.batch().row["state"] == "stamped"
    anna = json.loads(run("registry", "search", "--registry", "r.db", "--json").out)["approvers"][0]
    stamped = studio.out / "a.mp4"
    asked = ("verify", stamped, "--keys", "keys", "--json")
    before = run(*asked, "--registry", "r.db").row
    assert (before["verdict"], before["registry"]["record"]["approvers"]) == ("CONFIRMED", [anna])
    words = ("--reviewer", anna, "--reason", "laptop stolen", "--registry", "r.db")
    revoked = run("registry", "revoke", *words)
    assert "hits 1 stamp" in revoked.out, revoked.err
    after = run(*asked, "--registry", "r.db").row
    assert (after["verdict"], after["registry"]["revocation"]["kind"]) == ("REVOKED", "reviewer")
    assert "laptop stolen" in after["summary"]
    exported = run(
        *("registry", "export", "--revocations", "list", "--keys", "keys", "--registry", "r.db")
    )
    assert exported.code == 0, exported.err
    assert run(*asked, "--registry", "none", "--revocations", "list").row["verdict"] == "REVOKED"
    shown = run("registry", "show", after["watermark"]["stamp_id"], "--registry", "r.db")
    assert anna in shown.out
    # From now on her approvals count no more, those of others do.
    studio.rows.clear()
    studio.add("b", approved=False)
    desk.bound()
    for dry in (("--dry-run",), ()):
        done = desk.batch(*dry)
        assert (done.code, done.row["reason"]) == (3, "approval_withdrawn_reviewer")
        assert "laptop stolen" in done.row["error"]
    desk.bound(key="ben.pem", who="ben")
    assert desk.batch().row["state"] == "stamped"
    assert run("registry", "reinstate", *words).code == 0
    assert run(*asked, "--registry", "r.db").row["verdict"] == "CONFIRMED"
    typo = run("registry", "revoke", "--reviewer", anna[:-1], "--reason", "x", "--registry", "r.db")
    assert (typo.code, "64 hexadecimal digits" in typo.err) == (2, True)


def test_a_clip_stamped_from_one_that_a_withdrawn_reviewer_approved_is_withdrawn(
    desk: Desk, studio: Studio, run: Run
) -> None:
    desk.bound()
    assert desk.batch().row["state"] == "stamped"
    made = run(
        *("stamp", "out/a.mp4", "next.mp4", "--model-name", "Editor", "--model-version", "1"),
        *("--prompt-hash", "cd" * 32, "--keys", "keys", "--registry", "r.db"),
        *("--preset", "ultrafast", "--restamp", "--json"),
    )
    assert made.code == 0, made.err
    with Registry(str(studio.folder / "r.db")) as registry:
        (anna,) = present(registry.find(StampId.from_hex(desk_stamp(studio)))).approvers
    words = ("--reviewer", anna, "--reason", "laptop stolen", "--registry", "r.db")
    assert "hits 2 stamps" in run("registry", "revoke", *words).out
    asked = ("verify", "next.mp4", "--keys", "keys", "--registry", "r.db", "--json")
    assert run(*asked).row["verdict"] == "REVOKED"


def desk_stamp(studio: Studio) -> str:
    """The stamp id of the first output."""
    return str(studio.results()["a.mp4"]["stamp"]["stamp_id"])
