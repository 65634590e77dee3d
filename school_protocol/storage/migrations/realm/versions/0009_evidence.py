"""Files of the register of evidence: where each lies, sealed, and what was found missing or altered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_file",
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("file_id", sa.String(length=40), nullable=False),
        sa.Column("part", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_kept_file_files_are_not_empty")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_kept_file_case_id_case_record")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_kept_file")),
        sa.UniqueConstraint("case_id", "file_id", "part", name=op.f("uq_kept_file_case_id_file_id_part")),
    )
    op.create_table(
        "file_alarm",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_alarm")),
        sa.UniqueConstraint("place", "what", name=op.f("uq_file_alarm_place_what")),
    )
    op.create_index(op.f("ix_file_alarm_case_id"), "file_alarm", ["case_id"], unique=False)


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
