"""Where the rooms of workshops lie in a PostgreSQL database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose
from school_protocol.storage.workshops.places import PARTS, schema_of

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "room_place",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=63), nullable=False),
        sa.Column("revisions", sa.String(length=80), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "state IN ('making', 'free', 'filling', 'stands', 'going')", name=op.f("ck_room_place_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'stands') = (workshop IS NOT NULL)", name=op.f("ck_room_place_stands_for_a_workshop")
        ),
        sa.ForeignKeyConstraint(["workshop"], ["workshop.id"], name=op.f("fk_room_place_workshop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_place")),
        sa.UniqueConstraint("workshop", name=op.f("uq_room_place_workshop")),
    )
    op.create_index(op.f("ix_room_place_state_since"), "room_place", ["state", "since"])
    op.create_table(
        "room_key",
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("scenario", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["room_place.id"], name=op.f("fk_room_key_place")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_room_key")),
    )
    op.create_index(op.f("ix_room_key_master"), "room_key", ["master"])


def downgrade() -> None:
    refuse_to_lose("room_key", room_place="state IN ('filling', 'stands')")
    if op.get_bind().dialect.name == "postgresql":
        _drop_empty_rooms()
    op.drop_table("room_key")
    op.drop_table("room_place")


def _drop_empty_rooms() -> None:
    """Their schemas, and the functions by which a worker makes and drops them."""
    for (place,) in op.get_bind().execute(sa.text("SELECT id FROM room_place")).all():
        for part in PARTS:
            op.execute(f"DROP SCHEMA IF EXISTS {schema_of(place, part)} CASCADE")
    for name in ("room_make", "room_drop"):
        op.execute(f"DROP FUNCTION IF EXISTS {name}(text)")
