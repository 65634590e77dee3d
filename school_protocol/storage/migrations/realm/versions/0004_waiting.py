"""What a case waits for, on whom and since when; planned follow-ups; raised dangers first in every list.

Rows written before say nothing of it until they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("next_key", sa.String(length=80), nullable=True),
    sa.Column("next_kind", sa.String(length=80), nullable=True),
    sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
    sa.Column("waits_on_authority", sa.Boolean(), nullable=True),
    sa.Column("waits_on_family", sa.Boolean(), nullable=True),
)
PLACES = ("unit", "province", "region")
"""By which of them a list walks the index."""


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("case_index", column._copy())
    op.add_column("case_due", sa.Column("planned", sa.Boolean(), nullable=False, server_default=sa.false()))
    _order(("due_order",), ("urgent", "due_order"))


def downgrade() -> None:
    _order(("urgent", "due_order"), ("due_order",))
    op.execute(sa.text("DELETE FROM case_due WHERE planned"))
    op.drop_column("case_due", "planned")
    for column in reversed(COLUMNS):
        op.drop_column("case_index", column.name)


def _order(former: tuple[str, ...], latter: tuple[str, ...]) -> None:
    for place in PLACES:
        was, becomes = [place, *former, "case_id"], [place, *latter, "case_id"]
        op.drop_index(op.f(f"ix_case_index_{'_'.join(was)}"), table_name="case_index")
        op.create_index(op.f(f"ix_case_index_{'_'.join(becomes)}"), "case_index", becomes, unique=False)
