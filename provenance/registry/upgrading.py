"""Bring a registry's tables up to date, and its roles: told first, done in one transaction.

The plan is what the database says at that moment; what is done is planned anew under the lock, so
that of two at once the second finds nothing to do.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.errors import UsageError
from provenance.registry import roles
from provenance.registry.database import (
    CHAIN_LOCK,
    LOCK_SECONDS,
    VERSION,
    Database,
    alembic_settings,
    upgrade,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One version of the tables that is still to come, and what it brings."""

    version: str
    what: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade does."""

    registry: str
    found: str | None
    """Version of the tables that are there; None of an empty database."""
    steps: tuple[Step, ...]
    grants: tuple[str, ...]
    """Statements that give the roles their rights; none where there are no roles."""


def planned(database: Database) -> Plan:
    """What :func:`bring_up` would do now; nothing is changed.

    Raises:
        RegistryError: it belongs to a newer release or another program, or can't be used.
    """
    with database.upgrading() as (connection, found):
        return _plan(database, connection, found)


def bring_up(database: Database) -> Plan:
    """Bring tables and rights up to date, all or nothing; what was done.

    Raises:
        RegistryError: the same, or somebody reads or writes for too long, or this role may not.
    """
    with database.upgrading() as (connection, found):
        plan = _plan(database, connection, found)
        if plan.steps:
            upgrade(connection)
            for statement in plan.grants:
                connection.exec_driver_sql(statement)
        return plan


def give_roles(database: Database) -> None:
    """Make the three roles, and give them what they need of the tables.

    Raises:
        UsageError: it is a file, which knows no roles.
        RegistryError: its tables are of another release, or this role may not.
    """
    name = _database(database)
    with database.writing() as connection:
        for statement in (*roles.making(name), *roles.granting(name)):
            connection.exec_driver_sql(statement)


def roles_script(database: Database) -> str:
    """The statements of :func:`give_roles`, to be read and run by others."""
    return roles.script(_database(database), VERSION)


def upgrade_script(plan: Plan) -> str:
    """What a plan for a server's database does, as a script for ``psql``."""
    from alembic import command  # noqa: PLC0415 - slow to import, and rarely needed

    told = io.StringIO()
    settings = alembic_settings()
    settings.output_buffer = told
    start = "" if plan.found is None else f"{plan.found}:"
    command.upgrade(settings, f"{start}{VERSION}", sql=True)
    return "".join((
        f"-- Tables of the registry {plan.registry}: from {plan.found or 'none'} to {VERSION}.\n",
        *(f"-- {step.version}: {step.what}\n" for step in plan.steps),
        "BEGIN;\n",
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS:g}s';\n",
        f"SELECT pg_advisory_xact_lock({CHAIN_LOCK});\n\n",
        told.getvalue(),
        *(f"{statement};\n" for statement in plan.grants),
        "COMMIT;\n",
    ))  # fmt: skip


def _plan(database: Database, connection: Connection, found: str | None) -> Plan:
    steps = _steps(found)
    grants: tuple[str, ...] = ()
    if steps and not database.is_sqlite:
        name = _database(database)
        known = sa.text("SELECT count(*) FROM pg_roles WHERE rolname = ANY(:names)")
        names = list(roles.role_names(name).values())
        if connection.execute(known, {"names": names}).scalar() == len(names):
            grants = roles.granting(name)
    return Plan(database.name, found, steps, grants)


def _steps(found: str | None) -> tuple[Step, ...]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    versions = ScriptDirectory.from_config(alembic_settings()).walk_revisions()
    ahead = [one for one in versions if found is None or one.revision > found]
    return tuple(Step(one.revision, one.doc) for one in reversed(ahead))


def _database(database: Database) -> str:
    if database.is_sqlite:
        raise UsageError(
            f"{database.name} is a file, which knows no roles: who may write it is said by its "
            "own rights.",
            path=database.name,
        )
    return database.url.database or database.url.username or ""
