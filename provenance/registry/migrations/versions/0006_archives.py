"""Rows of the log that it says are in an archive may be taken out of it."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find rows by their event, and let the trigger look for the row that says so."""
    op.create_index("ix_audit_event", "audit", ["event"])
    for statement in _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    """An older release would call a log broken whose first rows are in an archive."""
    raise NotImplementedError("rows that were taken out can't be put back")


# JSON functions may not stand in a trigger here, since a file's schema is not trusted; a cast reads
# the number that the text begins with.
_SQLITE = (
    "DROP TRIGGER audit_no_delete",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN NOT EXISTS (SELECT 1 FROM audit "
    "WHERE event = 'archive' AND "
    "CAST(substr(details, instr(details, '\"until\":') + 8) AS INTEGER) >= OLD.number) BEGIN "
    "SELECT RAISE(ABORT, 'rows of the audit log are never changed'); END",
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_no_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP = 'DELETE' THEN IF EXISTS (SELECT FROM audit WHERE event = 'archive' AND "
    "CAST(CAST(details AS json) ->> 'until' AS bigint) >= OLD.number) THEN RETURN OLD; END IF; "
    "END IF; RAISE EXCEPTION 'rows of the audit log are never changed'; END $$",
)
