"""How far each receiver was told of the audit log, and who withdrew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of deliveries, and who made and ended a withdrawal."""
    op.create_table(
        "delivery",
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("until", sa.String(27)),
        sa.PrimaryKeyConstraint("receiver", name="pk_delivery"),
    )
    op.add_column("withdrawal", sa.Column("made_by", sa.String(256)))
    op.add_column("withdrawal", sa.Column("ended_by", sa.String(256)))


def downgrade() -> None:
    """An older release would find rows of the log that say more than it knows."""
    raise NotImplementedError("who withdrew can't be left out")
