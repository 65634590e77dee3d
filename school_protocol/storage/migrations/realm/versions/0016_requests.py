"""What a case asks of another school, for whoever answers there.

Cases written before say nothing of it until they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "case_request",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=True),
        sa.Column("shown_from", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_request_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", "role", "place", name=op.f("pk_case_request")),
    )
    columns = ["place", "role", "asked_at", "case_id"]
    op.create_index(op.f(f"ix_case_request_{'_'.join(columns)}"), "case_request", columns, unique=False)


def downgrade() -> None:
    op.drop_table("case_request")
