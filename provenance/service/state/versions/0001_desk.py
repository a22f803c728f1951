"""The queue of a desk with its results, and tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "examination",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("sender", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger()),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("reason", sa.Text()),
        sa.Column("effort", sa.String(10)),
        sa.Column("took", sa.Float()),
        sa.Column("found", sa.Text()),
        sa.Column("frames", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_examination"),
        sa.UniqueConstraint("key", name="uq_examination_key"),
    )
    op.create_index("ix_examination_state", "examination", ["state", "look", "number"])
    op.create_table(
        "token",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer()),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
    )
    op.create_table(
        "home",
        sa.Column("uploads", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("uploads", name="pk_home"),
    )


def downgrade() -> None:
    """There is nothing before it."""
    raise NotImplementedError("there is no older desk")
