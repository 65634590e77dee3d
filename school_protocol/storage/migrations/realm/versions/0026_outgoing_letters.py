"""The register of outgoing letters; those that left before it began have no number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outgoing_letter",
        sa.Column("unit", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(40), nullable=False),
        sa.Column("protocol", sa.String(80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(80), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("addressee", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "year", "number", name=op.f("pk_outgoing_letter")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_outgoing_letter_case_id")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_outgoing_letter_numbers_count_from_one")),
    )
    once = ("case_id", "document", "copy")
    op.create_index("ix_outgoing_letter_case_id_document_copy", "outgoing_letter", once, unique=True)
