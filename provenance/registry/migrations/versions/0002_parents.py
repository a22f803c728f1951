"""What a clip was made from, and until when a withdrawn key was good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of parents, and the withdrawals' moment."""
    op.create_table(
        "parent",
        sa.Column(
            "stamp_id",
            sa.String(16),
            sa.ForeignKey("stamp.stamp_id", ondelete="CASCADE", name="fk_parent_stamp_id"),
            nullable=False,
        ),
        sa.Column("parent_id", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("stamp_id", "parent_id", name="pk_parent"),
    )
    op.create_index("ix_parent_parent_id", "parent", ["parent_id"])
    op.add_column("withdrawal", sa.Column("good_before", sa.String(27)))


def downgrade() -> None:
    """An older release would not see what these say, and let withdrawn clips pass."""
    raise NotImplementedError("what these tables say can't be left out")
