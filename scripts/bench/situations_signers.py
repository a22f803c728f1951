"""Situations of who signs and who withdrew: stolen keys, partners, strangers, parents, consents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench import edits
from bench.due import Due, Row, held, judged, refused
from bench.studio import PROMPT, Studio
from provenance import Verdict, trace_prompt
from provenance.documents.lists import read_revocations, write_revocations
from provenance.keyring.rotating import rotate
from provenance.registry import Registry, now

DAY = timedelta(days=1)
CONFIRMED, REVOKED, CONFLICT = Verdict.CONFIRMED, Verdict.REVOKED, Verdict.CONFLICT
UNKNOWN, MATCH = Verdict.WATERMARK_UNKNOWN, Verdict.WATERMARK_MATCH
NOT_ASKED = "so whether it was withdrawn is not known"


def stolen_key(studio: Studio) -> Iterator[Row]:
    """The signing key was stolen before a rotation; its thief signs afterwards."""
    item = "3 stolen"
    thief = studio.keyring
    genuine = studio.clips[0].output_path
    forged = studio.signed(studio.bare(genuine), studio.claims(), thief.signer)
    unregistered = studio.stamp(studio.sources[0], "thief.mp4", keyring=thief, registry=None)
    studio.keyring = rotate(studio.folder / "keys", {"signing"})
    signer_id = studio.check(forged).manifest.signer_id or ""

    due = Due((CONFLICT,), ("not the registered one",))
    yield judged(item, "before withdrawal, our stamp signed again", studio.check(forged), due)
    due = Due((CONFIRMED,), ("no such stamp", NOT_ASKED))
    report = studio.check(unregistered.output_path)
    yield judged(item, "before withdrawal, a stamp nobody recorded", report, due)
    report = studio.check(unregistered.output_path, require_registry=True)
    yield judged(item, "the same, a registry required", report, Due((UNKNOWN,)))

    with studio.withdrawn("key", signer_id):
        for name, path in (
            ("our stamp signed again", forged),
            ("a stamp nobody recorded", unregistered.output_path),
            ("the clip it signed before", genuine),
        ):
            yield judged(item, f"withdrawn, {name}", studio.check(path), Due((REVOKED,)))
        lists = [read_revocations(_listed(studio), studio.keyring.issuers_pem)]
        for name, path in (("our stamp", forged), ("another stamp", unregistered.output_path)):
            report = studio.check(path, registry=None, revocations=lists)
            due = Due((REVOKED,), silent=("does not withdraw it",))
            yield judged(item, f"a signed list alone, {name}", report, due)
    with studio.withdrawn("key", signer_id, good_before=now()):
        report = studio.check(genuine)
        yield judged(item, "good before, recorded earlier", report, Due((CONFIRMED,)))
        yield judged(item, "good before, forged", studio.check(forged), Due((REVOKED,)))
        report = studio.check(unregistered.output_path)
        yield judged(item, "good before, of no proven time", report, Due((REVOKED,)))


def other_roots(studio: Studio) -> Iterator[Row]:
    """A partner whose root is trusted, and a stranger, speak about our stamp."""
    item = "4 roots"
    bare = studio.bare(studio.clips[0].output_path)
    claims = studio.claims(model_name="OtherModel", model_version="9", provider="Partner Org")
    theirs = studio.signed(bare, claims, studio.partner.signer)
    report = studio.check(theirs, trust=studio.with_partner)
    due = Due((CONFLICT,), ("signer", "model name", "model version"))
    yield judged(item, "a partner, with our record", report, due)
    report = studio.check(theirs, trust=studio.with_partner, registry=None)
    due = Due((UNKNOWN,), ("speaks about a stamp of somebody else's",), ("Stamped by",))
    yield judged(item, "a partner, no registry", report, due)
    same = studio.signed(bare, studio.claims(), studio.partner.signer)
    report = studio.check(same, trust=studio.with_partner)
    yield judged(item, "a partner who repeats our record", report, Due((CONFLICT,), ("signer",)))
    strange = studio.signed(bare, claims, studio.stranger.signer)
    due = Due((CONFLICT,), ("on no trust list",), ("Sly", "OtherModel"))
    yield judged(item, "a stranger, with our record", studio.check(strange), due)
    report = studio.check(strange, registry=None)
    due = Due((Verdict.SIGNER_UNTRUSTED,), silent=("Sly", "OtherModel"))
    yield judged(item, "a stranger, no registry", report, due)


def derivatives(studio: Studio) -> Iterator[Row]:
    """A clip that was made from one that is withdrawn."""
    item = "5 derived"
    first = studio.clips[0]
    made = studio.stamp(Path(first.output_path), "derived.mp4")
    report = studio.check(made.output_path)
    yield judged(item, "before the withdrawal", report, Due((CONFIRMED,)))
    copy = studio.bare(made.output_path)
    with studio.withdrawn("stamp", first.stamp_id.hex):
        told = f"stamp {first.stamp_id}, from which this clip was made"
        due = Due((REVOKED,), (told,), ("does not withdraw it",))
        yield judged(item, "its parent withdrawn since", studio.check(made.output_path), due)
        yield judged(item, "the same, its manifest stripped", studio.check(copy), due)
        lists = [read_revocations(_listed(studio), studio.keyring.issuers_pem)]
        report = studio.check(made.output_path, registry=None, revocations=lists)
        yield judged(item, "the same, by a signed list", report, due)
        yield refused(
            item,
            "stamping from a withdrawn clip",
            lambda: studio.stamp(Path(first.output_path), "refused.mp4"),
            "withdrawn",
        )


def wrong_registry(studio: Studio) -> Iterator[Row]:
    """The registry that would know was not asked."""
    item = "5 unasked"
    clip = studio.clips[0]
    with (
        studio.withdrawn("stamp", clip.stamp_id.hex),
        Registry(str(studio.folder / "wrong.db"), create=True) as wrong,
    ):
        yield judged(item, "the right registry", studio.check(clip.output_path), Due((REVOKED,)))
        report = studio.check(clip.output_path, registry=None)
        yield judged(item, "no registry", report, Due((CONFIRMED,), (NOT_ASKED,)))
        report = studio.check(clip.output_path, registry=wrong)
        due = Due((CONFIRMED,), ("no such stamp", NOT_ASKED))
        yield judged(item, "another registry", report, due)
        for name, registry in (("no registry", None), ("another registry", wrong)):
            report = studio.check(clip.output_path, registry=registry, require_registry=True)
            yield judged(item, f"{name}, one required", report, Due((UNKNOWN,)))


def prompts(studio: Studio) -> Iterator[Row]:
    """The prompt stands in the tags of the source, or in what is given besides."""
    item = "5 prompt"
    trace = trace_prompt(PROMPT, studio.keyring.prompt_key)
    source = edits.tagged(studio.sources[0], studio.path(), {"comment": PROMPT})
    done = studio.stamp(source, "untold.mp4", prompt_trace=trace)
    there = PROMPT.encode() in Path(done.output_path).read_bytes()
    named = ", ".join(map(str, done.tags_left_out))
    yield held(
        item,
        "in a comment",
        f"left out: {named}",
        holds=not there and "comment" in named,
        due="the comment is left out and named",
    )
    for name, call in {
        "in a comment that is kept": lambda: studio.stamp(
            source, "kept.mp4", keep_tags=("comment",), prompt_trace=trace
        ),
        "in the title given": lambda: studio.stamp(
            source, "titled.mp4", title=PROMPT, prompt_trace=trace
        ),
        "in the output's name": lambda: studio.stamp(
            source, f"{PROMPT}.mp4", title="x", prompt_trace=trace
        ),
    }.items():
        yield refused(item, name, call, "prompt")


def late_revocation(studio: Studio) -> Iterator[Row]:
    """A consent is revoked while a clip is being stamped, and before a batch runs again."""
    item = "6 late"
    target = studio.folder / "late.mp4"

    def revoke(stage: str, done: int, _total: int) -> None:
        if stage == "read back" and done == 0:
            studio.registry.withdrawals.withdraw("consent", "consent-late", "asked for")

    yield refused(
        item,
        "revoked between mark and commit",
        lambda: studio.stamp(
            studio.sources[0], target.name, consents=("consent-late",), progress=revoke
        ),
        "withdrawn",
    )
    yield held(
        item, "the same, its file", target.name, holds=not target.exists(), due="nothing published"
    )
    jobs = studio.folder / "jobs.jsonl"
    job = {
        "input": str(studio.sources[0]),
        "output": "batched.mp4",
        "model_name": "M",
        "model_version": "1",
        "prompt_hash": "ab" * 32,
        "consents": ["consent-batch"],
    }
    jobs.write_text(json.dumps(job) + "\n", encoding="utf-8")
    words = ("batch", str(jobs), "--out", str(studio.folder / "out"), "--allow-unapproved")
    first = _command(studio, *words, "--registry", str(studio.folder / "registry.db"))
    yield held(item, "a batch", _last(first), holds=first.returncode == 0, due="exit code 0")
    with studio.withdrawn("consent", "consent-batch"):
        again = _command(studio, *words, "--registry", str(studio.folder / "registry.db"))
    told = "withdrawn" in (again.stdout + again.stderr).lower()
    yield held(
        item,
        "the batch again after a revocation",
        f"exit code {again.returncode}: {_last(again)}",
        holds=again.returncode != 0 and told,
        due="another exit code than 0, and the withdrawal named",
    )


def older_lists(studio: Studio) -> Iterator[Row]:
    """A list of withdrawals from before one that was seen is held out again."""
    item = "7 rollback"
    clip = studio.clips[0]
    older = _listed(studio)
    with studio.withdrawn("stamp", clip.stamp_id.hex):
        newer = _listed(studio)
    due = {"older list, never seen a newer one": (older, 0), "newer list": (newer, 1)}
    for name, (listed, code) in due.items():
        ran = _verify(studio, clip.output_path, listed)
        yield held(
            item,
            name,
            f"exit code {ran.returncode}: {_last(ran)}",
            holds=ran.returncode == code,
            due=f"exit code {code}",
        )
    ran = _verify(studio, clip.output_path, older)
    yield held(
        item,
        "older list after the newer one",
        f"exit code {ran.returncode}: {_last(ran)}",
        holds=ran.returncode not in (0, 1) and "older" in ran.stdout + ran.stderr,
        due="refused, as it is older than one that was seen",
    )


def _listed(studio: Studio) -> Path:
    path = studio.path(".json")
    write_revocations(studio.registry, path, studio.keyring.signer, valid=DAY)
    return path


def _verify(studio: Studio, clip: str, listed: Path) -> subprocess.CompletedProcess[str]:
    empty = studio.folder / "empty.db"
    Registry(str(empty), create=True).close()
    return _command(
        studio, "verify", clip, "--json", "--revocations", str(listed), "--registry", str(empty)
    )


def _command(studio: Studio, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line as somebody without settings of their own runs it."""
    home = studio.folder / "home"
    home.mkdir(exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PROVENANCE_")}
    places = {"HOME": home, "XDG_DATA_HOME": home / "data", "XDG_CONFIG_HOME": home / "config"}
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-m", "provenance", *words, "--keys", str(studio.folder / "keys")],
        cwd=studio.folder,
        env=clean | {k: str(v) for k, v in places.items()} | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def _last(ran: subprocess.CompletedProcess[str]) -> str:
    """What a command said last, on its error output where there is any, shortened."""
    lines = [line for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else ""


GROUPS = (
    stolen_key,
    other_roots,
    derivatives,
    wrong_registry,
    prompts,
    late_revocation,
    older_lists,
)
