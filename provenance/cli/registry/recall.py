"""``provenance registry withdrawals`` and ``recall``: what was taken back, and what it concerns."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_registry, settings
from provenance.cli.options import json_option, quiet_option, registry_option
from provenance.cli.output import print_json, stdout
from provenance.cli.registry.targets import one_target, stamps_of, target_of
from provenance.documents.lines import write_whole
from provenance.errors import UsageError
from provenance.registry import Standing, drafted
from provenance.report import recall as show
from provenance.system.text import several

_KINDS = (".csv", ".jsonl")


@click.command(
    epilog=examples(
        "provenance registry withdrawals",
        "provenance registry withdrawals --all --json",
    )
)
@click.option("--all", "ended", is_flag=True, help="Those that were taken back, too.")
@registry_option
@json_option
@quiet_option
def withdrawals_command(ended: bool, registry_url: str | None, as_json: bool, quiet: bool) -> None:
    """List the withdrawals in force: what, why, since when, by whom, and how many stamps each hits.

    Who withdrew is known where `registry revoke --by ID` said so.
    """
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        found = [
            Standing(entry, entry.by, entry.ended_by, sum(1 for _ in stamps.hit_by(entry)))
            for entry in stamps.withdrawals.listed()
            if ended or entry.ended_at is None
        ]
    if as_json:
        for one in found:
            print_json(one.as_json())
    else:
        show.show_standing(found, stdout())


@click.command(
    epilog=examples(
        "provenance registry recall --model-name ExampleVideoModel --model-version 3.2.1",
        "provenance registry recall --consent consent-17 --out recall.csv",
        "provenance registry recall --stamp 67140baa2d6342f5 --json",
    )
)
@one_target
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the list to this file, .csv or .jsonl, instead of showing it.",
)
@registry_option
@json_option
@quiet_option
def recall_command(
    out: Path | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    **asked: str | None,
) -> None:
    """List every stamp that a withdrawal of this concerns, also of clips made from such a one.

    Each with its consents, what it was made from, whether it is withdrawn yet, and where it is as
    `registry moved` was told; the SHA-256 of its output and the rest in a file and with --json.
    Nothing is withdrawn by this: `registry revoke` does that.
    """
    if out is not None and out.suffix.lower() not in _KINDS:
        raise UsageError(f"{out} is of no known kind; end its name with .csv or .jsonl.")
    if out is not None and as_json:
        raise UsageError("--json prints the list, --out writes it; give one of them.")
    kind, target = target_of(**asked)
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        asked_about = drafted(kind, target, "asked about")
        if not any(stamps.hit_by(asked_about)):
            raise UsageError(
                f"The registry {stamps.name} has no {stamps_of(kind, target)}, so nothing is "
                "concerned; look it up with `provenance registry search`."
            )
        found = stamps.recalled(asked_about)
        if as_json:
            for one in found:
                print_json(one.as_json())
            return
        if out is None:
            show.show_recalled(list(found), stdout())
            return
        count = show.Count()
        counted = count.over(found)
        lines = show.as_csv(counted) if out.suffix.lower() == ".csv" else show.as_lines(counted)
        write_whole(out, lines)
    stdout().print(f"{out}: {several(count.number, 'stamp')} concerned", soft_wrap=True)
