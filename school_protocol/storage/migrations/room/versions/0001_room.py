"""What happens in a workshop’s room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pace", sa.Integer(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'begun', 'ended')", name=op.f("ck_room_state_known")),
        sa.CheckConstraint("id = 1", name=op.f("ck_room_one_row")),
        sa.CheckConstraint("pace IN (0, 1, 60)", name=op.f("ck_room_pace_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
    )
    op.create_table(
        "room_table",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("school", sa.String(length=40), nullable=False),
        sa.Column("province", sa.String(length=40), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=False),
        sa.Column("hints", sa.Boolean(), nullable=False),
        sa.Column("hand_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("came", sa.JSON(), nullable=False),
        sa.Column("coming", sa.JSON(), nullable=False),
        sa.Column("traps", sa.JSON(), nullable=False),
        sa.Column("held", sa.JSON(), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_room_table")),
    )
    op.create_table(
        "room_word",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("at_table", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('message', 'feedback')", name=op.f("ck_room_word_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_word")),
    )
    op.create_index(op.f("ix_room_word_kind_at"), "room_word", ["kind", "at"])
    op.create_table(
        "room_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at_table", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("case_number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["at_table"], ["room_table.number"], name=op.f("fk_room_attempt_at_table")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_attempt")),
    )
    op.create_index(op.f("ix_room_attempt_at_table_id"), "room_attempt", ["at_table", "id"])
    op.create_table(
        "room_seat",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at_table", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("pin", sa.String(length=8), nullable=False),
        sa.Column("is_trainer", sa.Boolean(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("writing", sa.String(length=200), nullable=True),
        sa.Column("writing_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["at_table"], ["room_table.number"], name=op.f("fk_room_seat_at_table")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_seat")),
        sa.UniqueConstraint("account", name=op.f("uq_room_seat_account")),
    )
    op.create_index(op.f("ix_room_seat_at_table_joined_at"), "room_seat", ["at_table", "joined_at"])
    op.create_index(op.f("ix_room_seat_token"), "room_seat", ["token"])


def downgrade() -> None:
    raise NoWayBack("a room has no way back")
