"""The directory of contacts is kept on pages: changes of one are counted, and one is retired, not deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("contact", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: a journal has no way back")
