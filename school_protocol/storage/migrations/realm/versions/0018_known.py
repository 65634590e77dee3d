"""The units that a case was ever asked of, or for: they come past the wall.

Cases written before say nothing of it until they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage import walls

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_known",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_known_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "place", name=op.f("pk_case_known")),
    )
    op.create_index(op.f("ix_case_known_place_case_id"), "case_known", ["place", "case_id"], unique=False)


def downgrade() -> None:
    walls.take_down(op.get_bind())  # it asks this table, and the version before knows no wall
    op.drop_table("case_known")
