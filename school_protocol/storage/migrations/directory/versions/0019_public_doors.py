"""The addresses at which anybody tells a school what happens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STANDS = "ended_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "public_door",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint("kind IN ('public', 'staff')", name=op.f("ck_public_door_door_kind_known")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_public_door_door_ended_by_somebody")
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_public_door_unit")),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_public_door_made_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["account.id"], name=op.f("fk_public_door_ended_by")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_public_door")),
    )
    op.create_index(op.f("ix_public_door_unit"), "public_door", ["unit"])
    op.create_index(
        "uq_public_door_one_stands", "public_door", ["unit", "kind"], unique=True,
        sqlite_where=sa.text(STANDS), postgresql_where=sa.text(STANDS),
    )  # fmt: skip


def downgrade() -> None:
    refuse_to_lose("public_door")
    op.drop_table("public_door")
