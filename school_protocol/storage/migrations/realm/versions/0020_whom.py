"""To which organisation a referral went, as it was called then, where its case says so; beside its kind of service.

Cases written before say it once they are written anew: by the next event, or by `index rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "case_referral", sa.Column("whom", sa.String(length=120), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("case_referral", sa.Column("whom_names", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column("case_referral", "whom_names")
    op.drop_column("case_referral", "whom")
