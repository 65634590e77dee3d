"""Wrong numbers of seats, for the time in which they slow a guess down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "room_try",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_table", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_try")),
    )
    op.create_index(op.f("ix_room_try_at_table_name"), "room_try", ["at_table", "name"])


def downgrade() -> None:
    raise NoWayBack("a room has no way back")
