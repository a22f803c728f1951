"""``provenance registry revoke`` and ``reinstate``: take stamps back, and the taking back."""

from __future__ import annotations

from dataclasses import replace

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import open_registry, settings
from provenance.cli.options import json_option, quiet_option, registry_option
from provenance.cli.output import print_json, stdout
from provenance.cli.registry.moments import moment_of
from provenance.cli.registry.targets import stamps_of, target_of, target_options
from provenance.errors import UsageError
from provenance.registry import Withdrawn, drafted, named
from provenance.report import registry as show
from provenance.system.text import several

_SHOWN = 20
"""Stamps that a dry run names."""


@click.command(
    epilog=examples(
        'provenance registry revoke --stamp 67140baa2d6342f5 --reason "published too early"',
        'provenance registry revoke --consent C-17 --reason "consent withdrawn"',
        "provenance registry revoke --key d8c90164 --good-before 2026-11-22 --reason leaked",
        "provenance registry revoke --model-name ExampleVideoModel --reason recalled --dry-run",
    )
)
@target_options
@click.option(
    "--good-before",
    metavar="TIME",
    help="With --key or --reviewer: what provably existed before this moment still counts (a day, "
    "or ISO 8601 with a zone).",
)
@click.option(
    "--even-if-none",
    is_flag=True,
    help="Withdraw it also when no registered stamp is hit: for stamps that are still to come, or "
    "that another registry has.",
)
@click.option("--dry-run", is_flag=True, help="Say which stamps it would hit, and do nothing.")
@registry_option
@json_option
@quiet_option
def revoke_command(  # noqa: PLR0917 - click passes every parameter by name
    reason: str,
    by: str | None,
    good_before: str | None,
    even_if_none: bool,
    dry_run: bool,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    **asked: str | None,
) -> None:
    """Withdraw a stamp, or every stamp of a model, a key, a consent or a reviewer's key.

    Verification then says REVOKED, with the date, the reason, and what it would have said; also of
    clips that were stamped from one that is withdrawn.
    """
    kind, target = target_of(**asked)
    moment = None if good_before is None else moment_of(good_before)
    draft = drafted(kind, target, reason, good_before=moment, by=by)
    what = f"{named(kind, target)}{show.spared(draft)}"
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        hits = list(stamps.hit_by(draft))
        # One that spares all there is may well be meant.
        known = bool(hits) or any(stamps.hit_by(replace(draft, good_before=None)))
        if not known and not even_if_none:
            raise UsageError(
                f"The registry {stamps.name} has no {stamps_of(kind, target)}, so nothing was "
                "withdrawn; look it up with `provenance registry search`, or add --even-if-none to "
                "withdraw what is to come."
            )
        entry = draft
        if not dry_run:
            entry = stamps.withdrawals.withdraw(kind, target, reason, good_before=moment, by=by)
    if as_json:
        print_json(Withdrawn(entry, len(hits), tuple(hits), done=not dry_run).as_json())
        return
    some = f"{several(len(hits), 'stamp')} registered so far"
    if dry_run:
        told = "".join(f"\n  {stamp}" for stamp in hits[:_SHOWN])
        more = len(hits) - _SHOWN
        told += f"\n  and {more} more" if more > 0 else ""
        stdout().print(f"Would withdraw {what}, which hits {some}.{told}", soft_wrap=True)
    else:
        stdout().print(f"Withdrawn: {what}, which hits {some}.", soft_wrap=True)


@click.command(
    epilog=examples(
        'provenance registry reinstate --stamp 67140baa2d6342f5 --reason "a mistake"',
    )
)
@target_options
@registry_option
@quiet_option
def reinstate_command(
    reason: str,
    by: str | None,
    registry_url: str | None,
    quiet: bool,
    **asked: str | None,
) -> None:
    """End a withdrawal; it stays on record, and so does the reason."""
    kind, target = target_of(**asked)
    with open_registry(settings({"registry": registry_url}, quiet=quiet)) as stamps:
        stamps.withdrawals.reinstate(kind, target, reason, by=by)
    stdout().print(f"Reinstated: {named(kind, target)}.", soft_wrap=True)
