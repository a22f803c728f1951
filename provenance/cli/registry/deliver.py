"""``provenance registry deliver``: tell others what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provenance.cli import config
from provenance.cli.delivering import deliver, receivers, webhook_options
from provenance.cli.exits import DONE, FAILED
from provenance.cli.lazy import examples
from provenance.cli.opening import open_registry, settings
from provenance.cli.options import json_option, quiet_option, registry_option
from provenance.cli.output import complain, print_json, stdout
from provenance.system.text import several


@click.command(
    epilog=examples(
        "provenance registry deliver --webhook https://hooks.example.com/stamps \\\n"
        "    --webhook-secret webhook.secret",
        "provenance registry deliver --hook 'python3 takedown.py' --name takedown --from-now",
    )
)
@webhook_options
@click.option(
    "--name",
    metavar="NAME",
    help="Who is told: how far each name has come is kept in the registry.  [default: webhook, or "
    "hook]",
)
@click.option(
    "--from-now",
    is_flag=True,
    help="Tell a receiver that is new here what is to come only, not all that is on record.",
)
@click.option(
    "--attempts",
    metavar="N",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How often each is tried before the run gives up.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 90.0),
    default=20.0,
    show_default=True,
    help="How long the receiver may take for one.",
)
@click.option(
    "--accept",
    metavar="VERDICT,...",
    help="Verdicts of recorded verifications that are no news.  [default: CONFIRMED]",
)
@registry_option
@json_option
@quiet_option
def deliver_command(  # noqa: PLR0917 - click passes every parameter by name
    name: str | None,
    from_now: bool,
    attempts: int,
    timeout: float,
    accept: str | None,
    registry_url: str | None,
    as_json: bool,
    quiet: bool,
    webhook: str | None,
    webhook_secret: Path | None,
    hook: str | None,
) -> int:
    """Tell a webhook or a program what was stamped, withdrawn, reinstated, or failed to verify.

    Each is told at least once, in the order in which it happened, as one JSON object; what is not
    taken is told by the next run, so run this from a timer.  Verifications are told where `verify
    --record` put them on record.  Exit code: 0 when the receiver knows everything, 4 when it does
    not.
    """
    asked: dict[str, Any] = {"webhook": webhook, "webhook_secret": webhook_secret, "hook": hook}
    asked |= {"registry": registry_url}
    asked["accept"] = None if accept is None else config.parse_accept(accept)
    chosen = settings(asked, quiet=quiet)
    told = receivers(chosen, name=name, timeout=timeout)
    with open_registry(chosen) as stamps:
        results = [
            deliver(stamps, one, chosen, attempts=attempts, from_now=from_now) for one in told
        ]
    for result in results:
        if as_json:
            print_json(result.as_json())
        elif result.error is None:
            some = several(result.told, "notice")
            stdout().print(f"{result.receiver}: told {some}, up to row {result.row}")
        if result.error is not None:
            complain(result.error)
    return FAILED if any(result.error is not None for result in results) else DONE
