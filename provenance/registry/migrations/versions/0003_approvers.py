"""Who approved a clip: the ids of the reviewers' keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of approvers."""
    op.create_table(
        "approver",
        sa.Column(
            "stamp_id",
            sa.String(16),
            sa.ForeignKey("stamp.stamp_id", ondelete="CASCADE", name="fk_approver_stamp_id"),
            nullable=False,
        ),
        sa.Column("reviewer_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("stamp_id", "reviewer_id", name="pk_approver"),
    )
    op.create_index("ix_approver_reviewer_id", "approver", ["reviewer_id"])


def downgrade() -> None:
    """An older release would not see withdrawn reviewers, and let what they approved pass."""
    raise NotImplementedError("what this table says can't be left out")
