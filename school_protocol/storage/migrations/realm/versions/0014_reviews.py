"""Where a case stands with whoever reviews it, what waits for whom, and how somebody last narrowed their queue.

Cases written before say nothing of it until they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import refuse_to_lose

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.String(length=40)
_CODE = sa.String(length=80)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "case_review",
        sa.Column("case_id", _ID, nullable=False),
        sa.Column("kind", _CODE, nullable=False),
        sa.Column("role", _CODE, nullable=False),
        sa.Column("subject", _CODE, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("gravity", sa.Integer(), nullable=False),
        sa.Column("unit", _ID, nullable=False),
        sa.Column("province", _ID, nullable=False),
        sa.Column("region", _ID, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("shown_from", _MOMENT, nullable=False),
        sa.Column("not_for", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_case_review_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "kind", "role", "subject", name=op.f("pk_case_review")),
    )
    for place in ("unit", "province", "region"):
        columns = ["role", place, "rank", "gravity", "since", "case_id"]
        op.create_index(op.f(f"ix_case_review_{'_'.join(columns)}"), "case_review", columns, unique=False)
    op.create_table(
        "review_state",
        sa.Column("case_id", _ID, nullable=False),
        sa.Column("state", _CODE, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_index.case_id"], name=op.f("fk_review_state_case_id_case_index"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_review_state")),
    )
    op.create_table(
        "review_choice",
        sa.Column("account", _ID, nullable=False),
        sa.Column("kind", _CODE, nullable=False),
        sa.Column("place", _CODE, nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_review_choice")),
    )


def downgrade() -> None:
    refuse_to_lose("review_choice")
    for table in ("review_choice", "review_state", "case_review"):
        op.drop_table(table)
