"""Files that may become a version of a protocol, and who did what to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FIXED = "id, protocol, version, digest, content, file, account, at, faults"
MESSAGE = "the bytes of a draft never change"
SETTLED = "a draft that is published or withdrawn stays so"
IS_SETTLED = "OLD.state IN ('published', 'withdrawn')"

REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_draft_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "definition_draft",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("base", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_by", sa.String(length=40), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_definition_draft_draft_digest_is_sha256")),
        sa.CheckConstraint(
            "state IN ('uploaded', 'proposed', 'published', 'withdrawn')",
            name=op.f("ck_definition_draft_draft_state_known"),
        ),
        sa.CheckConstraint(
            "agreed_by IS NULL OR agreed_by <> account", name=op.f("ck_definition_draft_two_people_publish")
        ),
        sa.CheckConstraint(
            "(state = 'published') = (agreed_by IS NOT NULL)",
            name=op.f("ck_definition_draft_published_is_agreed_to"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('proposed', 'published') OR proposed_at IS NOT NULL",
            name=op.f("ck_definition_draft_proposed_first"),
        ),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_definition_draft_account")),
        sa.ForeignKeyConstraint(["agreed_by"], ["account.id"], name=op.f("fk_definition_draft_agreed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition_draft")),
    )
    for column in ("digest", "state"):
        op.create_index(op.f(f"ix_definition_draft_{column}"), "definition_draft", [column], unique=False)
    op.add_column("administration", sa.Column("draft", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_administration_draft"), "administration", ["draft"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    again = "INSERT ON definition_draft WHEN EXISTS (SELECT 1 FROM definition_draft WHERE id = NEW.id)"
    for name, when, message in (
        ("definition_draft_no_update", f"UPDATE OF {FIXED} ON definition_draft", MESSAGE),
        ("definition_draft_settled", f"UPDATE ON definition_draft WHEN {IS_SETTLED}", SETTLED),
        ("definition_draft_no_delete", "DELETE ON definition_draft", MESSAGE),
        ("definition_draft_again", again, MESSAGE),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("definition_draft_no_update", f"UPDATE OF {FIXED}", "ROW"),
        ("definition_draft_no_delete", "DELETE", "ROW"),
        ("definition_draft_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON definition_draft FOR EACH {each} "
            "EXECUTE FUNCTION refuse_draft_change()"
        )
    op.execute(
        f"CREATE TRIGGER definition_draft_settled BEFORE UPDATE ON definition_draft FOR EACH ROW "
        f"WHEN ({IS_SETTLED}) EXECUTE FUNCTION refuse_draft_change()"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_administration_draft"), "administration")
    op.drop_column("administration", "draft")
    op.drop_table("definition_draft")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_draft_change()")
