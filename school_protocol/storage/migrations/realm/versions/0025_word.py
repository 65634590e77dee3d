"""The word by which lists call a case; rows of before have none, and are told by the word of their number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_index", sa.Column("word", sa.String(80), nullable=True))
