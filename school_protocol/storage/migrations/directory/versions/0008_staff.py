"""Certificates that were seen, accounts known elsewhere, and lists of people that were brought in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MESSAGE = "certificates are append-only"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_certificate_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    _certificates()
    op.create_table(
        "openid",
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_openid_account")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_openid")),
        sa.UniqueConstraint("issuer", "account", name=op.f("uq_openid_issuer_account")),
    )
    _imports()
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("issued", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("seen_by", sa.String(length=40), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("issued IS NULL OR issued <= until", name=op.f("ck_certificate_issued_before_it_ends")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_certificate_account")),
        sa.ForeignKeyConstraint(["seen_by"], ["account.id"], name=op.f("fk_certificate_seen_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
    )
    op.create_index(op.f("ix_certificate_account_seen_at"), "certificate", ["account", "seen_at"], unique=False)


def _imports() -> None:
    op.create_table(
        "staff_import",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('reading', 'ready', 'confirmed', 'applied', 'withdrawn', 'unreadable')",
            name=op.f("ck_staff_import_import_state_known"),
        ),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_staff_import_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_import")),
    )
    for column in ("account", "state"):
        op.create_index(op.f(f"ix_staff_import_{column}"), "staff_import", [column], unique=False)
    op.create_table(
        "staff_import_line",
        sa.Column("batch", sa.String(length=40), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["batch"], ["staff_import.id"], name=op.f("fk_staff_import_line_batch")),
        sa.PrimaryKeyConstraint("batch", "line", name=op.f("pk_staff_import_line")),
    )
    columns = ["batch", "verdict", "line"]
    op.create_index(op.f("ix_staff_import_line_batch_verdict_line"), "staff_import_line", columns, unique=False)


def _guard_sqlite() -> None:
    again = "INSERT ON certificate WHEN EXISTS (SELECT 1 FROM certificate WHERE id = NEW.id)"
    for name, when in (
        ("certificate_no_update", "UPDATE ON certificate"),
        ("certificate_no_delete", "DELETE ON certificate"),
        ("certificate_again", again),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("certificate_no_change", "UPDATE OR DELETE", "ROW"),
        ("certificate_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON certificate FOR EACH {each} "
            "EXECUTE FUNCTION refuse_certificate_change()"
        )


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
