"""Three roles of a registry on PostgreSQL, with no more rights than each needs, as plain SQL.

* The **verifier** reads what verification asks: records, manifests, fingerprints, withdrawals and
  the log.
* The **stamper** reserves stamps, commits their records, settles them, appends to the log, and
  tells receivers.  What is finished it can neither change nor take away: rows of ``stamp`` are its
  own only while a reservation stands, and a reservation is made for what is not finished only.
* The **administrator** owns the tables: withdraws, imports, brings them up to date.

They are groups, named after the database, and nobody logs in as one: a login is granted its group.
Pure: statements are text; ``provenance registry roles`` prints or applies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provenance.errors import UsageError
from provenance.registry.schema import metadata

ROLES: Final = ("verifier", "stamper", "administrator")
_LONGEST: Final = 63
"""Of a name, in bytes; PostgreSQL cuts off what is longer, and two may become one."""
_READ: Final = "SELECT"
_ADD: Final = "SELECT, INSERT"
_RIGHTS: Final = {
    # table: (verifier, stamper)
    "alembic_version": (_READ, _READ),
    "approver": (_READ, _ADD),
    "audit": (_READ, _ADD),
    "consent": (_READ, _ADD),
    "delivery": (None, "SELECT, INSERT, UPDATE"),
    "fingerprint": (_READ, _ADD),
    "frame": (_READ, _ADD),
    "manifest": (_READ, _ADD),
    "parent": (_READ, _ADD),
    "place": (_READ, _ADD),
    # It knows paths of files; nobody but who works on them has to.
    "reservation": (None, "SELECT, INSERT, DELETE"),
    "stamp": (_READ, "SELECT, INSERT, UPDATE, DELETE"),
    "withdrawal": (_READ, _READ),
}
"""What each role may do with each table; the administrator owns them all."""
_WORKED_ON: Final = "EXISTS (SELECT FROM reservation WHERE reservation.stamp_id = stamp.stamp_id)"
_NOT_FINISHED: Final = (
    "EXISTS (SELECT FROM stamp WHERE stamp.stamp_id = reservation.stamp_id "
    "AND stamp.state = 'reserved')"
)


def role_names(database: str) -> dict[str, str]:
    """The names of the roles in a database's server, by what they are.

    Raises:
        UsageError: the database's name is too long to name roles after.
    """
    names = {role: f"{database}_{role}" for role in ROLES}
    if any(len(name.encode()) > _LONGEST for name in names.values()):
        raise UsageError(
            f"The database's name {database!r} is too long to name roles after; give it one of at "
            f"most {_LONGEST - len('_administrator')} bytes."
        )
    return names


def making(database: str) -> tuple[str, ...]:
    """Statements that make the roles where they are not there, for a superuser to run."""
    names = role_names(database)
    made = (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {_text(name)}) THEN "
        f"CREATE ROLE {_name(name)} NOLOGIN; END IF; END $$"
        for name in names.values()
    )
    every = ", ".join(map(_name, names.values()))
    return (
        *made,
        f"GRANT CONNECT ON DATABASE {_name(database)} TO {every}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {every}",
        f"GRANT CREATE ON SCHEMA public TO {_name(names['administrator'])}",
    )


def granting(database: str) -> tuple[str, ...]:
    """Statements that give the roles what they need of this release's tables, and nothing else.

    The owner of the tables may run them, again and again; an upgrade does.
    """
    names = role_names(database)
    return tuple(_granting({role: _name(name) for role, name in names.items()}))


def _granting(names: dict[str, str]) -> Iterator[str]:
    for table in _RIGHTS:
        yield f"ALTER TABLE {table} OWNER TO {names['administrator']}"
    yield f"ALTER FUNCTION audit_no_change() OWNER TO {names['administrator']}"
    others = f"{names['verifier']}, {names['stamper']}"
    for table, rights in _RIGHTS.items():
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {others}"
        for role, right in zip(("verifier", "stamper"), rights, strict=True):
            if right is not None:
                yield f"GRANT {right} ON {table} TO {names[role]}"
                numbered = table in metadata.tables and "id" in metadata.tables[table].c
                if numbered and "INSERT" in right:
                    yield f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {names[role]}"
    for table, verb, test in (
        ("stamp", "SELECT", "USING (true)"),
        ("stamp", "INSERT", "WITH CHECK (state = 'reserved')"),
        ("stamp", "UPDATE", f"USING ({_WORKED_ON})"),
        ("stamp", "DELETE", f"USING ({_WORKED_ON})"),
        ("reservation", "SELECT", "USING (true)"),
        ("reservation", "INSERT", f"WITH CHECK ({_NOT_FINISHED})"),
        ("reservation", "DELETE", "USING (true)"),
    ):
        policy = f"provenance_{verb.lower()}"
        yield f"DROP POLICY IF EXISTS {policy} ON {table}"
        yield f"CREATE POLICY {policy} ON {table} FOR {verb} {test}"
    for table in ("stamp", "reservation"):
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"


def script(database: str, version: str) -> str:
    """Everything as one script for ``psql``, to be read and run by those who keep the database."""
    made = (*making(database), *granting(database))
    return "".join(
        f"{line}\n"
        for line in (
            f"-- Roles of the registry {database}, with tables {version}.  Run it in that database",
            "-- as a superuser; again after an upgrade that was not made by the program.",
            "-- Nobody logs in as one of these: GRANT the one that is needed to each login.",
            "BEGIN;",
            *(f"{statement};" for statement in made),
            "COMMIT;",
        )
    )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
