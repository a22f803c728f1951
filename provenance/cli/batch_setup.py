"""What a batch is asked for: its jobs and its settings, out of flags, files and environment."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import platformdirs

from provenance.batch import STATE, Settings
from provenance.batch.approvals import DEFAULT_POLICY, FOLDER, ApprovalPolicy, load_reviewers
from provenance.batch.jobs import Job, find_jobs, find_rows, read_defaults, read_jobs
from provenance.batch.jobs.rows import merged
from provenance.cli import config
from provenance.cli.exits import DONE
from provenance.cli.opening import APPLICATION, NO_REGISTRY, read_pem, registry_url
from provenance.cli.options import ENCODING, MODEL, SIDECAR
from provenance.cli.output import print_json
from provenance.errors import UsageError
from provenance.keyring import Keyring
from provenance.registry import check_reason
from provenance.signers import SignerSpec
from provenance.system.storage import is_url, place_in
from provenance.watermark.embed.profiles import PROFILES

FIELDS: Final = (
    *(*MODEL, "--prompt-file", "--prompt-hash", *SIDECAR),
    *("--profile", *ENCODING, "--title"),
)
"""Options that stand for a job's keys of the same name."""


def listed_jobs(
    jobs: Path | None, chosen: config.Settings, flags: dict[str, Any]
) -> tuple[Job, ...]:
    """The jobs of a list or a folder; flags are defaults, before those of the file."""

    source, pattern = flags["source"], flags["pattern"]
    if (jobs is None) == (source is None):
        raise UsageError("Give a list of jobs, or --from DIR.")
    if source is None and pattern is not None:
        raise UsageError("--glob goes with --from.")
    defaults = job_defaults(chosen, flags)
    if source is not None:
        return find_jobs(source, pattern or "*.mp4", defaults)
    found = read_jobs(jobs, defaults)  # type: ignore[arg-type]  # one of them is there
    if not found:
        raise UsageError(f"{jobs} holds no job.")
    return found


def list_jobs(jobs: Path | None, chosen: config.Settings, flags: dict[str, Any]) -> int:
    """Print the jobs of a folder as rows of a list; what files hold is not in them."""

    if jobs is not None or flags["source"] is None:
        raise UsageError("--list-jobs makes a list of the clips in a folder; name it by --from.")
    defaults = job_defaults(chosen, flags)
    for _, row in find_rows(flags["source"], flags["pattern"] or "*.mp4", defaults):
        print_json(row)
    return DONE


def job_defaults(chosen: config.Settings, flags: dict[str, Any]) -> dict[str, Any]:
    """Values for jobs that do not give them: flags first, then the file, then settings."""

    names = [flag.removeprefix("--").replace("-", "_") for flag in FIELDS]
    given = {name: flags[name] for name in names if flags.get(name) is not None}
    for name in {"prompt_file", "model_card"} & given.keys():
        given[name] = str(Path(given[name]).absolute())
    if flags["prompt_from_tags"]:
        given["prompt_from_tags"] = True
    if flags["keep_tags"] is not None:
        given["keep_tags"] = list(config.parse_names(flags["keep_tags"]))
    if flags["consents"]:
        given["consents"] = list(flags["consents"])
    file = {} if flags["defaults"] is None else read_defaults(flags["defaults"])
    rest = {
        name: getattr(chosen, name) for name in ("profile", "codec", "crf", "bitrate", "preset")
    }
    rest["keep_tags"] = list(chosen.keep_tags) or None
    return merged(given, merged(file, rest))


def run_settings(
    out: str, chosen: config.Settings, keyring: Keyring, flags: dict[str, Any], threads: int
) -> Settings:
    """What every job goes by.

    Raises:
        UsageError: nobody could approve anything.
    """

    place = place_in(out, "x")
    if place.is_local and is_url(out):
        out = str(place.path.parent)
    reviewers = flags["reviewers"]
    if not reviewers and (keyring.folder / FOLDER).is_dir():
        reviewers = (keyring.folder / FOLDER,)
    if not load_reviewers(reviewers).keys and not flags["allow_unapproved"]:
        raise UsageError(
            "No reviewer's key is known, so nothing counts as approved; give --reviewers, or put "
            f"their .pub files into {keyring.folder / FOLDER}."
        )
    state = flags["state"]
    if state is None and place.is_local:
        state = Path(out) / STATE
    elif state is None:
        name = hashlib.sha256(out.encode()).hexdigest()[:16]
        state = platformdirs.user_data_path(APPLICATION) / "batches" / name
    signer = None
    if chosen.signer is not None and chosen.signer_chain is not None:
        signer = SignerSpec(chosen.signer, read_pem(chosen.signer_chain))
    return Settings(
        keys=keyring.folder.absolute(),
        out=out if is_url(out) else str(Path(out).absolute()),
        state=state.absolute(),
        registry=None if chosen.registry == NO_REGISTRY else registry_url(chosen),
        signer=signer,
        reviewers=tuple(path.absolute() for path in reviewers),
        policy=ApprovalPolicy(
            flags["approval_policy"] or DEFAULT_POLICY,
            flags["approvals_needed"],
            bound=chosen.bound_approvals,
        ),
        two_for=_profiles(flags["two_approvals_for"]),
        allow_unapproved=flags["allow_unapproved"],
        provider=chosen.provider,
        digital_source_type=chosen.digital_source_type,
        encoder_options=chosen.encoder_options,
        tsa=chosen.tsa,
        min_margin=chosen.min_margin,
        threads=threads,
        attempts=flags["attempts"],
        retry_failed=flags["retry_failed"],
        restamp=flags["restamp"],
        again=None if flags["again"] is None else check_reason(flags["again"]),
        stall=flags["stall"],
    )


def results_path(out: str, run: Settings) -> Path:
    """Where the rows go unless somebody says otherwise."""

    return (run.state if is_url(out) else Path(run.out)) / "results.jsonl"


def _profiles(names: tuple[str, ...]) -> tuple[str, ...]:

    for name in names:
        if name not in PROFILES:
            raise UsageError(f"{name!r} is no profile; choose one of {', '.join(PROFILES)}.")
    return names
