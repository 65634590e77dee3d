"""Tokens of other systems, and what was read by them, written down for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import drop_functions, refuse_to_lose

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MESSAGE = "readings by other systems are append-only"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_api_read_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("rights", sa.String(length=80), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.String(length=40), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("hashed", sa.LargeBinary(), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(name) >= 1", name=op.f("ck_api_token_name_said")),
        sa.CheckConstraint("length(rights) >= 1", name=op.f("ck_api_token_rights_said")),
        sa.CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name=op.f("ck_api_token_two_people")),
        sa.CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name=op.f("ck_api_token_agreed_by_somebody")),
        sa.CheckConstraint("hashed IS NULL OR length(hashed) = 32", name=op.f("ck_api_token_token_is_hashed")),
        sa.CheckConstraint("(hashed IS NULL) = (drawn_at IS NULL)", name=op.f("ck_api_token_drawn_once")),
        sa.CheckConstraint(
            "hashed IS NULL OR (agreed_by IS NOT NULL AND account IS NOT NULL)",
            name=op.f("ck_api_token_agreed_before_drawn"),
        ),
        sa.CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name=op.f("ck_api_token_ended_by_somebody")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_api_token_unit")),
        *(
            sa.ForeignKeyConstraint([column], ["account.id"], name=op.f(f"fk_api_token_{column}"))
            for column in ("asked_by", "agreed_by", "account", "ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("hashed", name=op.f("uq_api_token_hashed")),
    )
    op.create_index(op.f("ix_api_token_unit"), "api_token", ["unit"])
    op.create_table(
        "api_read",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["api_token.id"], name=op.f("fk_api_read_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_read")),
    )
    op.create_index(op.f("ix_api_read_token_at_id"), "api_read", ["token", "at", "id"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    again = "INSERT ON api_read WHEN EXISTS (SELECT 1 FROM api_read WHERE id = NEW.id)"
    for name, when in (
        ("api_read_no_update", "UPDATE ON api_read"),
        ("api_read_no_delete", "DELETE ON api_read"),
        ("api_read_again", again),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("api_read_no_change", "UPDATE OR DELETE", "ROW"),
        ("api_read_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON api_read FOR EACH {each} EXECUTE FUNCTION refuse_api_read_change()"
        )


def downgrade() -> None:
    tables = ("api_read", "api_token")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
    drop_functions("refuse_api_read_change")
