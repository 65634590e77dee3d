"""What is changed about who works where, written down for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MESSAGE = "administration is append-only"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_administration_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "administration",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("appointment", sa.String(length=40), nullable=True),
        sa.Column("other", sa.String(length=40), nullable=True),
        sa.Column("number", sa.String(length=13), nullable=True),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("withdraws", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("sentence", sa.String(length=200), nullable=False),
        sa.CheckConstraint("length(reason) >= 1", name=op.f("ck_administration_reason_said")),
        sa.CheckConstraint(
            "appointment IS NOT NULL OR number IS NOT NULL", name=op.f("ck_administration_about_something")
        ),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_administration_actor")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_administration_unit")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_administration_account")),
        sa.ForeignKeyConstraint(["appointment"], ["appointment.id"], name=op.f("fk_administration_appointment")),
        sa.ForeignKeyConstraint(["other"], ["account.id"], name=op.f("fk_administration_other")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administration")),
    )
    op.create_index(op.f("ix_administration_unit_at_id"), "administration", ["unit", "at", "id"], unique=False)
    op.create_index(
        op.f("ix_administration_appointment_withdraws"), "administration", ["appointment", "withdraws"], unique=False
    )
    op.create_index(op.f("ix_administration_account_kind"), "administration", ["account", "kind"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    again = "INSERT ON administration WHEN EXISTS (SELECT 1 FROM administration WHERE id = NEW.id)"
    for name, when in (
        ("administration_no_update", "UPDATE ON administration"),
        ("administration_no_delete", "DELETE ON administration"),
        ("administration_again", again),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("administration_no_change", "UPDATE OR DELETE", "ROW"),
        ("administration_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON administration FOR EACH {each} "
            "EXECUTE FUNCTION refuse_administration_change()"
        )


def downgrade() -> None:
    op.drop_table("administration")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_administration_change()")
