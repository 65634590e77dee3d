"""A room's last sign of life: while nothing serves it, its clock stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("room", sa.Column("alive_at", sa.DateTime(timezone=True), nullable=True))
