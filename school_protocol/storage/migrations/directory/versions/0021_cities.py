"""In which town a contact is, and a school: whoever calls finds those of their own town first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contact", sa.Column("city", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("unit", sa.Column("city", sa.String(length=80), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    refuse_to_lose(unit="city <> ''", contact="CAST(city AS text) <> '{}'")
    op.drop_column("unit", "city")
    op.drop_column("contact", "city")
