"""Visits to teams, written down for good; who of a directorate or academy is told at night; levels of schools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import drop_functions, refuse_to_lose

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MESSAGE = "visits are append-only"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_visit_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "visit_entry",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("visit", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("came", sa.String(length=200), nullable=False),
        sa.Column("remarks", sa.String(length=4000), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("open_actions", sa.Integer(), nullable=False),
        sa.Column("next_by", sa.Date(), nullable=True),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('recorded', 'corrected', 'done')", name=op.f("ck_visit_entry_kind_known")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_visit_entry_entries_count_from_one")),
        sa.CheckConstraint("open_actions >= 0", name=op.f("ck_visit_entry_actions_count")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_visit_entry_unit")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_visit_entry_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_entry")),
        sa.UniqueConstraint("visit", "number", name=op.f("uq_visit_entry_visit_number")),
    )
    op.create_index(op.f("ix_visit_entry_unit_held_on_visit"), "visit_entry", ["unit", "held_on", "visit"])
    op.create_table(
        "duty_turn",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.String(length=40), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts < ends", name=op.f("ck_duty_turn_begins_before_it_ends")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_duty_turn_unit")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_duty_turn_account")),
        sa.ForeignKeyConstraint(["entered_by"], ["account.id"], name=op.f("fk_duty_turn_entered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_turn")),
    )
    op.create_index(op.f("ix_duty_turn_unit_ends"), "duty_turn", ["unit", "ends"])
    op.create_table(
        "school_level",
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.CheckConstraint("level IN ('primary', 'lower', 'upper')", name=op.f("ck_school_level_level_known")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_school_level_unit")),
        sa.PrimaryKeyConstraint("unit", name=op.f("pk_school_level")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    again = "INSERT ON visit_entry WHEN EXISTS (SELECT 1 FROM visit_entry WHERE id = NEW.id)"
    for name, when in (
        ("visit_entry_no_update", "UPDATE ON visit_entry"),
        ("visit_entry_no_delete", "DELETE ON visit_entry"),
        ("visit_entry_again", again),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("visit_entry_no_change", "UPDATE OR DELETE", "ROW"),
        ("visit_entry_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON visit_entry FOR EACH {each} EXECUTE FUNCTION refuse_visit_change()"
        )


def downgrade() -> None:
    tables = ("school_level", "duty_turn", "visit_entry")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
    drop_functions("refuse_visit_change")
