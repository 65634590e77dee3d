"""How long data is kept, and what people asked of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import drop_functions, refuse_to_lose

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A hold is kept by the database itself, whoever erases: no tombstone of a whole case while it stands, and no key of
# such a case is taken away without one.
BARRED = "EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = NEW.case_id AND until > NEW.at)"
KEPT = (
    "EXISTS (SELECT 1 FROM erasure_bar WHERE case_id = OLD.case_id) "
    "AND NOT EXISTS (SELECT 1 FROM tombstone WHERE case_id = OLD.case_id AND seq = 0)"
)
MESSAGE = "the case is held: nobody erases it now"


def upgrade() -> None:
    moment, day = sa.DateTime(timezone=True), sa.Date()
    op.create_table(
        "retention_day",
        sa.Column("day", day, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.CheckConstraint("run >= 1", name=op.f("ck_retention_day_days_count_from_one")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_retention_day")),
        sa.UniqueConstraint("run", name=op.f("uq_retention_day_run")),
    )
    op.create_table(
        "case_retention",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("due_on", day, nullable=True),
        sa.Column("erase_on", day, nullable=False),
        sa.Column("barred_until", moment, nullable=True),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("first_asked_at", moment, nullable=True),
        sa.Column("first_on", day, nullable=True),
        sa.Column("first_run", sa.Integer(), nullable=True),
        sa.Column("first_by_page", sa.Boolean(), nullable=False),
        sa.Column("second_asked_at", moment, nullable=True),
        sa.Column("second_on", day, nullable=True),
        sa.Column("second_run", sa.Integer(), nullable=True),
        sa.Column("second_by_page", sa.Boolean(), nullable=False),
        sa.Column("waits_on", day, nullable=True),
        sa.Column("waits_run", sa.Integer(), nullable=True),
        sa.Column("agreed_at", moment, nullable=True),
        sa.Column("agreed_by", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "(first_on IS NULL) = (first_run IS NULL)", name=op.f("ck_case_retention_first_given_whole")
        ),
        sa.CheckConstraint(
            "(second_on IS NULL) = (second_run IS NULL)", name=op.f("ck_case_retention_second_given_whole")
        ),
        sa.CheckConstraint(
            "second_on IS NULL OR first_on IS NOT NULL", name=op.f("ck_case_retention_one_after_the_other")
        ),
        sa.CheckConstraint("(waits_on IS NULL) = (waits_run IS NULL)", name=op.f("ck_case_retention_waits_whole")),
        sa.CheckConstraint(
            "waits_on IS NULL OR second_on IS NOT NULL", name=op.f("ck_case_retention_confirmed_after_both")
        ),
        sa.CheckConstraint(
            "(agreed_at IS NULL) = (agreed_by IS NULL)", name=op.f("ck_case_retention_agreed_by_somebody")
        ),
        sa.CheckConstraint(
            "agreed_at IS NULL OR waits_on IS NOT NULL", name=op.f("ck_case_retention_asked_before_agreed")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_case_retention_case_id_case_record")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_retention")),
    )
    op.create_index(op.f("ix_case_retention_erase_on_case_id"), "case_retention", ["erase_on", "case_id"])
    op.create_table(
        "erasure_bar",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("until", moment, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_erasure_bar_case_id_case_record")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_erasure_bar")),
    )
    op.create_table(
        "retention_share",
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("document", sa.String(length=80), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("until", day, nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "protocol", "document", "year", "until", name=op.f("pk_retention_share")),
    )
    op.create_table(
        "access_export",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("settled_at", moment, nullable=True),
        sa.Column("until", moment, nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'refused')", name=op.f("ck_access_export_state_known")),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_by IS NULL)", name=op.f("ck_access_export_settled_unless_waiting")
        ),
        sa.CheckConstraint(
            "(settled_by IS NULL) = (settled_at IS NULL)", name=op.f("ck_access_export_settled_by_somebody")
        ),
        sa.CheckConstraint(
            "settled_by IS NULL OR settled_by <> asked_by", name=op.f("ck_access_export_two_people_approve")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_access_export_case_id_case_record")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_export")),
    )
    op.create_index(op.f("ix_access_export_case_id"), "access_export", ["case_id"])
    op.create_index(op.f("ix_access_export_state_asked_at_id"), "access_export", ["state", "asked_at", "id"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    op.execute(
        f"CREATE TRIGGER tombstone_of_held BEFORE INSERT ON tombstone WHEN NEW.seq = 0 AND {BARRED} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )
    op.execute(
        f"CREATE TRIGGER case_key_of_held BEFORE DELETE ON case_key WHEN {KEPT} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )


def _guard_postgresql() -> None:
    for name, table, verb, condition, row in (
        ("tombstone_of_held", "tombstone", "INSERT", f"NEW.seq = 0 AND {BARRED}", "NEW"),
        ("case_key_of_held", "case_key", "DELETE", KEPT, "OLD"),
    ):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$ "
            f"BEGIN IF {condition} THEN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
            f"MESSAGE = '{MESSAGE}'; END IF; RETURN {row}; END $body$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    refuse_to_lose("case_retention", "erasure_bar", "retention_share", "access_export")
    guards = {"tombstone_of_held": "tombstone", "case_key_of_held": "case_key"}
    for name, table in guards.items():
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""))
    drop_functions(*guards)
    for table in ("access_export", "retention_share", "erasure_bar", "case_retention", "retention_day"):
        op.drop_table(table)
