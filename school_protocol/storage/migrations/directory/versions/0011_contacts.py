"""The directory of contacts is kept on pages: changes of one are counted, and one is retired, not deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("contact", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    refuse_to_lose(contact="revision <> 1 OR retired_at IS NOT NULL")
    op.drop_column("contact", "retired_at")
    op.drop_column("contact", "revision")
