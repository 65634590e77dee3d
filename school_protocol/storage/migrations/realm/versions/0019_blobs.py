"""Sealed files may lie in rows, or elsewhere: where all of them lie is said by a row; papers name theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_blob",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_kept_blob_case_id_case_record")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kept_blob")),
    )
    op.create_index(op.f("ix_kept_blob_case_id"), "kept_blob", ["case_id"], unique=False)
    op.create_table(
        "files_at",
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.CheckConstraint("place = 1", name=op.f("ck_files_at_files_are_in_one_place")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_files_at")),
    )
    for table in ("prepared_paper", "handed_paper"):
        op.add_column(table, sa.Column("place", sa.String(length=40), nullable=True))
        op.create_index(op.f(f"ix_{table}_place"), table, ["place"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE kept_blob ALTER COLUMN content SET STORAGE EXTERNAL")  # what is sealed is no shorter


def downgrade() -> None:
    elsewhere = "place IS NOT NULL"
    refuse_to_lose("kept_blob", files_at="address <> 'folder'", prepared_paper=elsewhere, handed_paper=elsewhere)
    for table in ("handed_paper", "prepared_paper"):
        op.drop_index(op.f(f"ix_{table}_place"), table)
        op.drop_column(table, "place")
    op.drop_table("files_at")
    op.drop_table("kept_blob")
