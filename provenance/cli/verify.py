"""``provenance verify``: what a file's watermark and manifest say, and whether they agree."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import get_args

import click

from provenance.cli import config
from provenance.cli.believing import (
    check_vouched,
    credentials,
    limits_of,
    listed_at,
    seen_by,
    stamps_of,
)
from provenance.cli.bulk import read_list, verify_all
from provenance.cli.lazy import examples
from provenance.cli.opening import open_keyring_if_any, settings
from provenance.cli.options import (
    believing_options,
    json_option,
    keys_option,
    limits_options,
    quiet_option,
    registry_option,
)
from provenance.cli.tables import check_table
from provenance.errors import UsageError
from provenance.results import Effort, Verdict, VerificationReport
from provenance.verifying.isolation import Examiner
from provenance.verifying.sources import is_folder
from provenance.verifying.verify import verify as verify_file

_VERDICTS = ", ".join(Verdict.__members__)


@click.command(
    epilog=examples(
        "provenance verify clip.mp4",
        "provenance verify clip.mp4 screenshot.png --json --accept CONFIRMED,WATERMARK_MATCH",
        "provenance verify inbox/ --workers 4 --results rows.jsonl --table inbox.html",
        "find inbox -name '*.mp4' -print0 | provenance verify --list - --null --quiet",
        "provenance verify clip.mp4 --report clip.html",
        "provenance verify inbox/ --report inbox-reports --full",
        "provenance verify clip.mp4 --bundle stamps.bundle --revocations withdrawn.list",
        more="Exit code: 0 when every verdict is accepted, 1 when one is not, 3 when a file could "
        f"not be examined, 2 and 4 for wrong usage and failures.  Verdicts: {_VERDICTS}.",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path())
@click.option(
    "--list",
    "listed",
    metavar="FILE",
    help="Verify what this file names as well, one path a line; - is standard input.",
)
@click.option(
    "-0", "--null", is_flag=True, help="Paths in --list end with NUL, as of `find -print0`."
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="Files at a time, of folders and lists.  [default: half the cores]",
)
@click.option(
    "--effort",
    type=click.Choice(get_args(Effort)),
    default="normal",
    show_default=True,
    help="How deep to search for the watermark: quick looks where it lay and says so, exhaustive "
    "takes several times as long.",
)
@click.option(
    "--timing", is_flag=True, help="Tell where the time of the search went, in table and JSON."
)
@click.option(
    "--results",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Append the JSON of each file to this file as it ends; files in it are skipped.",
)
@click.option(
    "--table",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a table of all files at the end, the most pressing first: .csv for a spreadsheet, "
    ".html for a browser.  One that is there is replaced.",
)
@click.option(
    "--report",
    "target",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="File a signed report: OUT ends with .html, .pdf or .json, or is a folder to be made, "
    "which gets a report of each file and an index.  `provenance report check` checks it.",
)
@click.option(
    "--full",
    is_flag=True,
    help="The report is for staff, with approvals, consents and names out of manifests; without "
    "this it is fit for outsiders.",
)
@keys_option
@believing_options
@click.option(
    "--seen",
    metavar="FILE",
    help="Remembers the newest list and bundle of each registry, so that no older one is believed; "
    "none: remember nothing.  [default: a file in your user data folder]",
)
@click.option(
    "--max-list-age",
    metavar="DAYS",
    type=float,
    help="Refuse lists and bundles that were issued longer ago.",
)
@limits_options
@click.option(
    "--record", is_flag=True, help="Append a row for each file to the registry's audit log."
)
@click.option(
    "--accept",
    metavar="VERDICT,...",
    help="Verdicts that count as success.  [default: CONFIRMED]",
)
@registry_option
@json_option
@quiet_option
def verify(  # noqa: PLR0917 - click passes every parameter by name
    paths: tuple[str, ...],
    listed: str | None,
    null: bool,
    workers: int | None,
    effort: Effort,
    timing: bool,
    results: Path | None,
    table: Path | None,
    target: Path | None,
    full: bool,
    keys: Path | None,
    trust: tuple[Path, ...],
    trust_tsa: tuple[Path, ...],
    revocations: tuple[str, ...],
    bundle: Path | None,
    seen: str | None,
    max_list_age: float | None,
    require_registry: bool,
    record: bool,
    accept: str | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    **limits: float | None,
) -> int:
    """Read the watermark and the manifest of videos or images, and compare them.

    PATH is a video, a still image (a screenshot for example), or a folder with such files at any
    depth; s3:// or gs:// URLs, with a / at the end for all below.  Of a ZIP archive, a PDF
    document or a local HLS playlist what is in it is verified, member by member.  Files are only
    read, in a process of their own with limits on time and memory; nothing but a URL that you name
    is fetched from the network.
    """

    if not paths and listed is None:
        raise UsageError(
            "Missing argument 'PATH...': name files or folders, or a list of them with --list."
        )
    if null and listed is None:
        raise UsageError("--null says how the paths in --list end; give --list too.")
    if table is not None:
        check_table(table, results)
    if full and target is None:
        raise UsageError("--full says what goes into a report; give --report too.")
    if target is not None and results is not None:
        raise UsageError(
            "--report needs each file examined now, and --results skips what was done before; give "
            "one of them."
        )
    chosen = settings(
        {
            "keys": keys,
            "trust": trust,
            "trust_tsa": trust_tsa,
            "registry": registry_url,
            "require_registry": require_registry or None,
            "seen": seen,
            "max_list_age": max_list_age,
            **limits,
            "accept": None if accept is None else config.parse_accept(accept),
        },
        quiet=quiet,
    )
    names = [*paths, *([] if listed is None else read_list(listed, null=null))]
    many = bool(listed is not None or workers or results or any(map(is_folder, paths)))
    keyring = open_keyring_if_any(chosen, quiet=quiet)
    watermark_keys = () if keyring is None else keyring.watermark_keys
    trusted, issuers = credentials(chosen, keyring)
    filing = None
    if target is not None:
        from provenance.cli.filing import filing_for  # noqa: PLC0415 - few are asked for a report

        filing = filing_for(target, chosen, keyring, trusted, full=full)
    with stamps_of(chosen, issuers, bundle) as stamps:
        if record and (stamps is None or bundle is not None):
            raise UsageError("--record needs a registry, whose audit log it writes to.")
        check_vouched(chosen, stamps)
        lists = [listed_at(one, issuers, seen_by(chosen)) for one in revocations]

        log = None
        if record and stamps is not None:
            from provenance.documents.heads import log_verification  # noqa: PLC0415 - as above

            log = functools.partial(log_verification, stamps)

        def examine(path: Path, examiner: Examiner) -> VerificationReport:
            return verify_file(
                path,
                watermark_keys=watermark_keys,
                trust=trusted,
                registry=stamps,
                revocations=lists,
                require_registry=chosen.require_registry,
                effort=effort,
                timing=timing,
                examiner=examiner,
            )

        return verify_all(
            names,
            examine,
            limits=limits_of(chosen),
            workers=workers,
            results=results,
            table=table,
            filing=filing,
            accept=chosen.accept,
            log=log,
            detailed=not many,
            as_json=as_json,
            quiet=quiet,
        )
