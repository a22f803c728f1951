"""``provenance registry upgrade`` and ``roles``: what those who keep the database do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from provenance.cli.lazy import examples
from provenance.cli.opening import NO_REGISTRY, settings
from provenance.cli.opening import registry_url as address
from provenance.cli.options import registry_option
from provenance.cli.output import complain, stdout
from provenance.errors import UsageError
from provenance.registry import upgrading
from provenance.registry.database import Database


@click.command(
    epilog=examples(
        "provenance registry upgrade --dry-run",
        "provenance registry upgrade",
    )
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be done, for PostgreSQL as SQL that psql runs, and change nothing.",
)
@registry_option
def upgrade_command(dry_run: bool, registry_url: str | None) -> None:
    """Bring a registry's tables up to date, in one transaction; rows stay as they are.

    A file is brought up to date whenever a newer release opens it; a database on a server, which
    other programs use meanwhile, by this command alone.  Of two at once the second waits and finds
    nothing to do.  Who stamps meanwhile waits for it; where somebody reads or writes for more than
    10 seconds it gives up instead, with exit code 4, and nothing is changed.  Roles made by
    `provenance registry roles` get their rights to new tables.
    """
    with _database(registry_url) as database:
        plan = (upgrading.planned if dry_run else upgrading.bring_up)(database)
    at = "an empty database" if plan.found is None else f"tables {plan.found}"
    if not plan.steps:
        complain(f"{plan.registry} has {at}, this program's own: nothing to do.", label="")
    elif dry_run and not database.is_sqlite:
        click.echo(upgrading.upgrade_script(plan), nl=False)
    else:
        done = "Would bring" if dry_run else "Brought"
        told = "".join(f"\n  {step.version}  {step.what}" for step in plan.steps)
        stdout().print(f"{done} {plan.registry} up to date, from {at}:{told}", soft_wrap=True)


@click.command(
    epilog=examples(
        "provenance registry roles --registry postgresql://dba@db.example.com/stamps",
        "provenance registry roles --registry postgresql://dba@db.example.com/stamps --apply",
    )
)
@click.option("--apply", is_flag=True, help="Run it instead, as the role of the address.")
@registry_option
def roles_command(apply: bool, registry_url: str | None) -> None:
    """Print the roles of a PostgreSQL registry and their rights, as SQL that psql runs.

    Three groups, named after the database: NAME_verifier reads, NAME_stamper stamps and can't touch
    what is finished, NAME_administrator withdraws, imports and upgrades.  Nobody logs in as one:
    `GRANT stamps_stamper TO anna`.  May be run again and again, by a superuser.
    """
    with _database(registry_url) as database:
        if not apply:
            click.echo(upgrading.roles_script(database), nl=False)
            return
        upgrading.give_roles(database)
    stdout().print(f"Roles and rights are set in {database.name}.", soft_wrap=True)


@contextlib.contextmanager
def _database(registry_url: str | None) -> Iterator[Database]:
    """The database with its tables as they are."""
    chosen = settings({"registry": registry_url})
    if chosen.registry == NO_REGISTRY:
        raise UsageError("This needs a registry; name one with --registry.")
    with contextlib.closing(Database(address(chosen), create=False, upgrading=True)) as database:
        yield database
