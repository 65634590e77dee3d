"""Addresses that stood before, sealed, until whoever reads there was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_address",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_former_address_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_address")),
    )
    for column in ("account", "master"):
        op.create_index(op.f(f"ix_former_address_{column}"), "former_address", [column], unique=False)


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
