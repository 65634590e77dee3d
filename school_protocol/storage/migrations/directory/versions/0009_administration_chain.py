"""What was changed about people and protocols, under a chain. The links of older rows need the journal key: they are
made as the program starts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REFUSE_CHANGE = """
CREATE FUNCTION refuse_administration_link_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        MESSAGE = 'administration_link is append-only';
END
$body$
"""
FOLLOWS = """
CREATE FUNCTION administration_link_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
DECLARE
    last administration_link;
BEGIN
    SELECT * INTO last FROM administration_link ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> 1 + coalesce(last.seq, -1) OR (NEW.seq > 0 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'administration_link: it must follow the last one and be linked to it';
    END IF;
    RETURN NEW;
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "administration_link",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("administration", sa.String(length=40), nullable=True),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(seq = 0) = (administration IS NULL)", name=op.f("ck_administration_link_of_a_row_or_the_beginning")
        ),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_administration_link_numbered_from_0")),
        sa.CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name=op.f("ck_administration_link_linked")),
        sa.ForeignKeyConstraint(
            ["administration"], ["administration.id"], name=op.f("fk_administration_link_administration")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_administration_link")),
        sa.UniqueConstraint("administration", name=op.f("uq_administration_link_administration")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER administration_link_no_{verb.lower()} BEFORE {verb} ON administration_link "
            "BEGIN SELECT RAISE(ABORT, 'administration_link is append-only'); END"
        )
    op.execute(
        "CREATE TRIGGER administration_link_follows BEFORE INSERT ON administration_link "
        "WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM administration_link), -1) OR NEW.seq > 0 AND "
        "NEW.prev_hash IS NOT (SELECT hash FROM administration_link WHERE seq = NEW.seq - 1) "
        "OR EXISTS (SELECT 1 FROM administration_link WHERE administration = NEW.administration) "
        "BEGIN SELECT RAISE(ABORT, 'administration_link: it must follow the last one and be linked to it'); END"
    )


def _guard_postgresql() -> None:
    for statement in (REFUSE_CHANGE, FOLLOWS):
        op.execute(statement)
    for name, when, each, function in (
        ("administration_link_no_change", "UPDATE OR DELETE", "ROW", "refuse_administration_link_change"),
        ("administration_link_no_truncate", "TRUNCATE", "STATEMENT", "refuse_administration_link_change"),
        ("administration_link_follows", "INSERT", "ROW", "administration_link_follows"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON administration_link FOR EACH {each} EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
