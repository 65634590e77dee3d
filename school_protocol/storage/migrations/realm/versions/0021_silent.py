"""Silent services of the whole installation, for the minute's messages about them."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NAME = "ix_case_referral_awaits_order_at_case_id"


def upgrade() -> None:
    op.create_index(op.f(NAME), "case_referral", ["awaits", "order_at", "case_id"])


def downgrade() -> None:
    op.drop_index(op.f(NAME), "case_referral")
