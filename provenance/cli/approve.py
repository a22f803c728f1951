"""``provenance approve``: let clips be stamped."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from provenance.batch import approvals
from provenance.batch.approvals import Terms
from provenance.batch.jobs import (
    Job,
    Prompt,
    approval_place,
    jobs_for,
    keep_approval,
    terms_of,
)
from provenance.cli import config
from provenance.cli.batch_setup import job_defaults
from provenance.cli.lazy import examples
from provenance.cli.opening import settings
from provenance.cli.options import (
    MODEL,
    brand_option,
    consent_option,
    defaults_option,
    json_option,
    stamp_options,
)
from provenance.cli.output import print_json, read_json, stdout
from provenance.errors import UnreadableFileError, UsageError
from provenance.manifest.prompt import PromptKey
from provenance.results import PromptHash
from provenance.stamping.making import prompt_from_tags
from provenance.system.storage import Place, Stored, fetched, stored
from provenance.system.text import printable


@click.command(
    epilog=examples(
        "provenance approve --new-key reviewer-7.key",
        "provenance approve clip.mp4 --key reviewer-7.key --approver reviewer-7",
        "review-tool | provenance approve --statement - --key reviewer-7.key",
        "provenance approve clips/*.mp4 --key reviewer-7.key --approver reviewer-7 \\\n"
        "    --jobs jobs.jsonl --binding-key binding.key --dry-run",
    )
)
@click.argument("clips", metavar="CLIP...", nargs=-1)
@click.option(
    "--key", metavar="FILE", type=click.Path(path_type=Path), help="The reviewer's private key."
)
@click.option(
    "--approver",
    metavar="ID",
    help="Who approves: an opaque id; it is signed into the approval.",
)
@click.option("--policy", metavar="NAME", help="What was reviewed for.  [default: default]")
@click.option(
    "--out",
    metavar="FILE",
    help="Where one clip's approval goes.  [default: CLIP.approval.json]",
)
@click.option(
    "--jobs",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Approve each clip only as this list of jobs (or CLIP.job.json) says it is to be stamped.",
)
@defaults_option
@stamp_options(*MODEL, "--prompt-file", "--prompt-hash", "--prompt-from-tags")
@stamp_options("--profile", "--title", "--keep-tags", "--provider", "--digital-source-type")
@consent_option
@click.option(
    "--binding-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key that binds an approval to a prompt (`provenance keys binding-key`).",
)
@click.option(
    "--statement",
    metavar="FILE",
    help="Instead of CLIPs: sign the approval that a review tool wrote into this JSON file, or on "
    "standard input (-), and print it; with --out add it to that file (docs/approvals).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be approved, and sign nothing.")
@click.option(
    "--new-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Make a reviewer's key: FILE, to keep secret, and FILE.pub, for those who stamp.",
)
@brand_option
@json_option
def approve(  # noqa: PLR0917 - click passes every parameter by name
    clips: tuple[str, ...],
    key: Path | None,
    approver: str | None,
    policy: str | None,
    out: str | None,
    jobs: Path | None,
    binding_key: Path | None,
    statement: str | None,
    dry_run: bool,
    new_key: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Sign, with a reviewer's key, that each CLIP as it is now may be stamped.

    With --jobs, or with a job's values as flags, the approval is bound to them and shows them: it
    lets the clip be stamped with this model, prompt, consents, source type, provider, profile,
    title and tags, and as nothing else.  Without, it is for the clip alone.

    The approval is written beside the clip; a second reviewer's is added to it.  Changing the clip
    afterwards voids its approvals.  A reviewer's key is never one that stamps.  Clips may lie in a
    bucket too: s3://BUCKET/KEY, gs://BUCKET/KEY.
    """

    given = [name for name, value in flags.items() if value not in (None, False, ())]
    values = (approver, policy, jobs, binding_key)
    nothing_else = not (clips or dry_run or given or any(one is not None for one in values))
    if new_key is not None:
        _make_key(new_key, alone=nothing_else and (key, out, statement) == (None,) * 3)
        return
    if statement is not None:
        _sign(statement, key, out, alone=nothing_else, as_json=as_json)
        return
    if not clips or key is None or approver is None:
        raise UsageError("Name the clips, --key FILE and --approver ID; or --new-key FILE alone.")
    if out is not None and len(clips) > 1:
        raise UsageError("--out takes one clip's approval; leave it out for several.")
    if jobs is None and not given and binding_key is not None:
        raise UsageError("--binding-key goes with --jobs, or with a job's values.")
    named = {name: flags.pop(name) for name in ("provider", "digital_source_type")}
    # What is for the clip alone says nothing of who stamps it.
    chosen = settings(named) if jobs is not None or given else None

    secret = approvals.load_reviewer_key(key)
    binding = None if binding_key is None else approvals.load_binding_key(binding_key)
    defaults = None if chosen is None else job_defaults(chosen, flags)
    for name in clips:
        place = Place.of(name)
        clip = stored(place)
        if clip is None:
            raise UnreadableFileError(f"{name} does not exist.")
        bound: tuple[tuple[Job, Terms] | tuple[None, None], ...] = ((None, None),)
        if chosen is not None and defaults is not None:
            bound = tuple(
                (job, _terms(job, clip, binding, chosen)) for job in jobs_for(place, jobs, defaults)
            )
        for job, terms in bound:
            approval, line = approvals.approve(
                clip.sha256,
                secret,
                approver,
                policy=policy or approvals.DEFAULT_POLICY,
                terms=terms,
            )
            target = place.beside(approvals.SUFFIX) if job is None else approval_place(job)
            target = target if out is None else Place.of(out)
            if not dry_run:
                keep_approval(target, approval, line)
            written = None if dry_run else str(target)
            if as_json:
                print_json(approvals.Approved(approval, name, written).as_json())
                continue
            done = "Would approve" if dry_run else "Approved"
            where = "" if dry_run else f" in {target}"
            stdout().print(printable(f"{done} {name}{where}", 2000), soft_wrap=True)
            if terms is not None:
                _show(terms)


def _make_key(new_key: Path, *, alone: bool) -> None:

    if not alone:
        raise UsageError("--new-key makes a key and does nothing else; give it alone.")
    public = approvals.new_reviewer_key(new_key)
    name = approvals.key_id(approvals.load_reviewer_key(new_key).public_key())
    stdout().print(f"Keep {new_key} secret; give {public} to those who stamp.", soft_wrap=True)
    stdout().print(f"Its id is {name}", soft_wrap=True)


def _sign(statement: str, key: Path | None, out: str | None, *, alone: bool, as_json: bool) -> None:
    """Sign what a review tool made; printed, or added to a file of approvals."""

    if key is None:
        raise UsageError("Say by which reviewer's key the statement is signed: --key FILE.")
    if not alone:
        raise UsageError("--statement says all there is to say; give it with --key FILE alone.")
    secret = approvals.load_reviewer_key(key)
    said = read_json(statement)
    line = approvals.sign(said, secret)
    approval = approvals.verify(line, [secret.public_key()])
    if out is not None:
        keep_approval(Place.of(out), approval, line)
    if as_json:
        print_json(approvals.Approved(approval, statement, out).as_json())
    elif out is not None:
        stdout().print(printable(f"Approved {approval.clip_sha256} in {out}", 2000), soft_wrap=True)
    else:
        click.echo(line.decode("ascii"), nl=False)


def _terms(job: Job, clip: Stored, binding: PromptKey | None, chosen: config.Settings) -> Terms:
    """What is going to be signed."""

    return terms_of(
        job,
        _prompt(job, clip.place, binding),
        provider=chosen.provider,
        digital_source_type=chosen.digital_source_type,
    )


def _prompt(job: Job, place: Place, binding: PromptKey | None) -> tuple[PromptHash, ...]:

    if job.prompt.digest is not None:
        return job.prompt.bound(())
    if binding is None:
        raise UsageError(
            f"The prompt of {job.origin} is bound with a key, so that nobody can guess it from the "
            "approval; give --binding-key FILE, which whoever stamps makes with `provenance keys "
            "binding-key`."
        )
    if not job.prompt.from_tags:
        return job.prompt.bound([binding])
    with tempfile.TemporaryDirectory() as scratch:
        local = fetched(place, Path(scratch)).place.path
        return Prompt(prompt_from_tags(local)).bound([binding])


def _show(terms: Terms) -> None:
    """What the approval says, a line a value; the prompt by its hash."""
    (prompt,) = terms.prompts
    how = "SHA-256, as given" if prompt.key_id is None else f"under binding key {prompt.key_id}"
    for name, value in (
        ("model", f"{terms.model_name} {terms.model_version}"),
        ("prompt", f"{prompt.value[:16]}... ({how})"),
        ("consents", ", ".join(terms.consents) or "none"),
        ("source type", terms.digital_source_type),
        ("provider", terms.provider or "the stamping keys' organisation"),
        ("profile", terms.profile),
        ("title", terms.title),
        ("tags kept", ", ".join(terms.keep_tags) or "none besides the usual ones"),
    ):
        stdout().print(f"  {name}: {printable(value, 2000)}", soft_wrap=True)
