"""Copies of the yearly reports of schools, written down for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MESSAGE = "yearly reports are append-only"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_yearly_report_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "yearly_report",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("realm", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("reader", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("press", sa.String(length=64), nullable=False),
        sa.CheckConstraint("copy >= 1", name=op.f("ck_yearly_report_copies_count_from_one")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_yearly_report_digest_is_sha256")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_yearly_report_unit")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_yearly_report_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_yearly_report")),
        sa.UniqueConstraint("press", name=op.f("uq_yearly_report_press")),
        sa.UniqueConstraint(
            "realm", "unit", "protocol", "document", "year", "copy",
            name=op.f("uq_yearly_report_realm_unit_protocol_document_year_copy"),
        ),
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    again = "INSERT ON yearly_report WHEN EXISTS (SELECT 1 FROM yearly_report WHERE id = NEW.id)"
    for name, when in (
        ("yearly_report_no_update", "UPDATE ON yearly_report"),
        ("yearly_report_no_delete", "DELETE ON yearly_report"),
        ("yearly_report_again", again),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("yearly_report_no_change", "UPDATE OR DELETE", "ROW"),
        ("yearly_report_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON yearly_report FOR EACH {each} "
            "EXECUTE FUNCTION refuse_yearly_report_change()"
        )


def downgrade() -> None:
    op.drop_table("yearly_report")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_yearly_report_change()")
