"""What a case asks of one role alone, and for which need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

COLUMNS = ("act", "need")


def upgrade() -> None:
    op.add_column("case_waiting", sa.Column("is_next", sa.Boolean(), nullable=False, server_default=sa.true()))
    for name in COLUMNS:
        op.add_column("case_waiting", sa.Column(name, sa.String(length=80), nullable=True))
    op.add_column("case_waiting", sa.Column("since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in (*COLUMNS, "since", "is_next"):
        op.drop_column("case_waiting", name)
