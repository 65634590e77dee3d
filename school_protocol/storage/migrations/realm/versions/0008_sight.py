"""Cases open by name for a time; emergency openings that wait to be reviewed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_reader", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "door_review",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_door_review_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_door_review")),
    )
    op.create_index(op.f("ix_door_review_due_at"), "door_review", ["due_at"], unique=False)


def downgrade() -> None:
    op.drop_table("door_review")
    op.drop_column("case_reader", "until")
