"""Referrals of cases, to be listed over schools.

Cases written before say nothing of theirs until they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ORDERS = (("awaits", "order_at", "sent_at"), ("sent_at",))


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "case_referral",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("province", sa.String(length=40), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=False),
        sa.Column("sent_at", moment, nullable=False),
        sa.Column("on_danger", sa.Boolean(), nullable=False),
        sa.Column("awaits", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_at", moment, nullable=True),
        sa.Column("settled_at", moment, nullable=True),
        sa.Column("chase_at", moment, nullable=True),
        sa.Column("order_at", moment, nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_case_referral_referrals_count")),
        sa.CheckConstraint("settled_at IS NULL OR NOT awaits", name=op.f("ck_case_referral_settled_awaits_nothing")),
        sa.CheckConstraint(
            "chase_at IS NULL OR (awaits AND order_at = chase_at)", name=op.f("ck_case_referral_chase_orders")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_referral_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_case_referral")),
    )
    for place in ("unit", "province", "region"):
        for order in ORDERS:
            columns = [place, *order, "case_id"]
            op.create_index(op.f(f"ix_case_referral_{'_'.join(columns)}"), "case_referral", columns, unique=False)


def downgrade() -> None:
    op.drop_table("case_referral")
