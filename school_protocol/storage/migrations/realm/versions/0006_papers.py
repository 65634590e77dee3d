"""Documents made ahead, copies kept for a day, and which ones were asked for lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepared_paper",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("profile", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("sight", sa.String(length=64), nullable=False),
        sa.Column("content_seq", sa.Integer(), nullable=False),
        sa.Column("at_seq", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("until >= as_of", name=op.f("ck_prepared_paper_until_after_as_of")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_prepared_paper_case_id_case_record")),
        sa.PrimaryKeyConstraint("case_id", "document", "profile", "language", "sight", name=op.f("pk_prepared_paper")),
    )
    op.create_index(op.f("ix_prepared_paper_until"), "prepared_paper", ["until"], unique=False)
    op.create_table(
        "handed_paper",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("copy >= 1", name=op.f("ck_handed_paper_copies_count_from_one")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_handed_paper_case_id_case_record")),
        sa.PrimaryKeyConstraint("case_id", "document", "copy", name=op.f("pk_handed_paper")),
    )
    op.create_index(op.f("ix_handed_paper_until"), "handed_paper", ["until"], unique=False)
    op.create_table(
        "asked_paper",
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("profile", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("unit", "account", "document", "profile", "language", name=op.f("pk_asked_paper")),
    )
    op.create_index(op.f("ix_asked_paper_at"), "asked_paper", ["at"], unique=False)


def downgrade() -> None:
    op.drop_table("asked_paper")
    op.drop_table("handed_paper")
    op.drop_table("prepared_paper")
