"""The tables of a workshops' room when migrations began; a new store is made of its models (`storage.migrate`)."""

from __future__ import annotations

revision = "0004"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is older."""
