"""The registry's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_stamp(table: str) -> sa.Column[str]:
    return sa.Column(
        "stamp_id",
        sa.String(16),
        sa.ForeignKey("stamp.stamp_id", ondelete="CASCADE", name=f"fk_{table}_stamp_id"),
        nullable=False,
    )


def upgrade() -> None:
    """Make every table, the triggers that keep the log as it is, and the index of frames."""
    op.create_table(
        "stamp",
        sa.Column("stamp_id", sa.String(16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("layout", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text()),
        sa.Column("model_name", sa.Text()),
        sa.Column("model_version", sa.Text()),
        sa.Column("prompt_alg", sa.String(32)),
        sa.Column("prompt_hash", sa.String(128)),
        sa.Column("prompt_key_id", sa.String(64)),
        sa.Column("profile", sa.String(32)),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("signed_at", sa.String(27)),
        sa.Column("input_sha256", sa.String(64)),
        sa.Column("output_sha256", sa.String(64)),
        sa.Column("signer", sa.Text()),
        sa.Column("signer_id", sa.String(64)),
        sa.Column("approval", sa.Text()),
        sa.PrimaryKeyConstraint("stamp_id", name="pk_stamp"),
    )
    op.create_index("ix_stamp_model", "stamp", ["model_name", "model_version"])
    for column in ("key_id", "signer_id", "input_sha256", "output_sha256", "created_at"):
        op.create_index(f"ix_stamp_{column}", "stamp", [column])
    op.create_table(
        "reservation",
        _of_stamp("reservation"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("stamp_id", name="pk_reservation"),
    )
    for table, column in (("manifest", "store"), ("fingerprint", "data")):
        op.create_table(
            table,
            _of_stamp(table),
            sa.Column(column, sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("stamp_id", name=f"pk_{table}"),
        )
    op.create_table(
        "consent",
        _of_stamp("consent"),
        sa.Column("reference", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("stamp_id", "reference", name="pk_consent"),
    )
    op.create_index("ix_consent_reference", "consent", ["reference"])
    op.create_table(
        "withdrawal",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("target", sa.String(600), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("ended_at", sa.String(27)),
        sa.Column("ended_reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawal"),
    )
    op.create_index("ix_withdrawal_target", "withdrawal", ["kind", "target"])
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    statements = _SQLITE if op.get_context().dialect.name == "sqlite" else _POSTGRESQL
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("the registry's first tables can't be undone")


_SQLITE = (
    *(
        f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit BEGIN "
        "SELECT RAISE(ABORT, 'rows of the audit log are never changed'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    # Frames wait in rows until there are enough for a block; see registry/frames.py.
    "CREATE TABLE frame (id INTEGER PRIMARY KEY, stamp_id BLOB NOT NULL, hash BLOB NOT NULL)",
    "CREATE TABLE frame_block (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL, "
    "stamp_ids BLOB NOT NULL)",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_no_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION 'rows of the audit log are never changed'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION audit_no_change()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_no_change()",
    "CREATE TABLE frame (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "stamp_id VARCHAR(16) NOT NULL REFERENCES stamp (stamp_id) ON DELETE CASCADE, "
    "hash BIT(256) NOT NULL, chunks INTEGER[] NOT NULL)",
    "CREATE INDEX ix_frame_stamp_id ON frame (stamp_id)",
    "CREATE INDEX ix_frame_chunks ON frame USING gin (chunks)",
)
