"""Who is known elsewhere, asked of each person of a school on every page of a case."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NAME = "ix_openid_account"


def upgrade() -> None:
    op.create_index(op.f(NAME), "openid", ["account"])


def downgrade() -> None:
    op.drop_index(op.f(NAME), "openid")
