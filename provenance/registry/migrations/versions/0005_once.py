"""Why a clip was stamped again, and where outputs went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the reason, and the table of places."""
    op.add_column("stamp", sa.Column("again", sa.Text))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "place",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column(
            "stamp_id",
            sa.String(16),
            sa.ForeignKey("stamp.stamp_id", ondelete="CASCADE", name="fk_place_stamp_id"),
            nullable=False,
        ),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
    )
    op.create_index("ix_place_stamp_id", "place", ["stamp_id"])


def downgrade() -> None:
    """An older release would stamp again what this says was stamped."""
    raise NotImplementedError("what these say can't be left out")
