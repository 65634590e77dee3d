"""Figures as they are issued, for good; what is asked for and not yet issued; copies of their reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import drop_functions, refuse_to_lose

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MESSAGE = "issued figures are append-only"
FROZEN = ("figure_release", "figure_told", "figure_public", "figure_paper")
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_figure_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    _keys_and_jobs()
    _releases()
    _used()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(REFUSE_CHANGE)
    for table in FROZEN:
        _guard(table)


def _keys_and_jobs() -> None:
    op.create_table(
        "figure_key",
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("release", name=op.f("pk_figure_key")),
    )
    op.create_index(op.f("ix_figure_key_master"), "figure_key", ["master"])
    op.create_table(
        "figure_job",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("press", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "state IN ('counting', 'choosing', 'checking', 'issued', 'refused', 'stopped')",
            name=op.f("ck_figure_job_figure_job_known"),
        ),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_figure_job_unit")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_figure_job_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_job")),
        sa.UniqueConstraint("press", name=op.f("uq_figure_job_press")),
    )
    op.create_index(op.f("ix_figure_job_state"), "figure_job", ["state"])
    op.create_index(op.f("ix_figure_job_unit_protocol_asked_at"), "figure_job", ["unit", "protocol", "asked_at"])


def _releases() -> None:
    op.create_table(
        "figure_release",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("months", sa.JSON(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=80), nullable=False),
        sa.Column("former", sa.String(length=40), nullable=True),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("edition >= 1", name=op.f("ck_figure_release_editions_count_from_one")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_figure_release_unit")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_figure_release_actor")),
        sa.ForeignKeyConstraint(["former"], ["figure_release.id"], name=op.f("fk_figure_release_former")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_release")),
        sa.UniqueConstraint(
            "protocol", "unit", "year", "edition", name=op.f("uq_figure_release_protocol_unit_year_edition")
        ),
    )
    op.create_table(
        "figure_told",
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=41), nullable=False),
        sa.Column("above", sa.String(length=41), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["figure_release.id"], name=op.f("fk_figure_told_release")),
        sa.PrimaryKeyConstraint("release", "unit", name=op.f("pk_figure_told")),
    )
    op.create_index(op.f("ix_figure_told_release_above"), "figure_told", ["release", "above"])
    op.create_index(op.f("ix_figure_told_unit"), "figure_told", ["unit"])


def _used() -> None:
    op.create_table(
        "figure_public",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["figure_release.id"], name=op.f("fk_figure_public_release")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_figure_public_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_public")),
        sa.UniqueConstraint("release", "place", name=op.f("uq_figure_public_release_place")),
    )
    op.create_index(op.f("ix_figure_public_release"), "figure_public", ["release"])
    op.create_table(
        "figure_paper",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("press", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_figure_paper_figure_paper_digest_is_sha256")),
        sa.ForeignKeyConstraint(["release"], ["figure_release.id"], name=op.f("fk_figure_paper_release")),
        sa.ForeignKeyConstraint(["unit"], ["unit.id"], name=op.f("fk_figure_paper_unit")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_figure_paper_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_paper")),
        sa.UniqueConstraint("press", name=op.f("uq_figure_paper_press")),
        sa.UniqueConstraint("release", "unit", "copy", name=op.f("uq_figure_paper_release_unit_copy")),
    )
    op.create_index(op.f("ix_figure_paper_digest"), "figure_paper", ["digest"])


def _guard(table: str) -> None:
    """What was issued is never changed, nor taken away."""
    if op.get_bind().dialect.name == "postgresql":
        for name, when, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{name} BEFORE {when} ON {table} FOR EACH {each} "
                "EXECUTE FUNCTION refuse_figure_change()"
            )
        return
    keys = "release = NEW.release AND unit = NEW.unit" if table == "figure_told" else "id = NEW.id"
    for name, when in (
        ("no_update", f"UPDATE ON {table}"),
        ("no_delete", f"DELETE ON {table}"),
        ("again", f"INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {keys})"),  # noqa: S608
    ):
        op.execute(f"CREATE TRIGGER {table}_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def downgrade() -> None:
    tables = ("figure_paper", "figure_public", "figure_told", "figure_release", "figure_job", "figure_key")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
    drop_functions("refuse_figure_change")
