"""Every table of a room of workshops, and what guards their rows: `../baseline.*.sql`."""

from __future__ import annotations

from alembic import op

from school_protocol.storage.migrate import lay_baseline

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    lay_baseline(op.get_bind(), "room")
