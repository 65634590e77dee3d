"""A version of the directory's state, for what readers keep of it in memory."""

from __future__ import annotations

from alembic import op

from school_protocol.storage.migrate import versioning

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in versioning(op.get_bind().dialect.name):
        op.execute(statement)
