"""Accesses in an order of their own, closed in batches; anchors that were taken; when the chains were checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBERED = """
UPDATE access SET place = ordered.place
FROM (SELECT id, row_number() OVER (ORDER BY at, id) AS place FROM access) AS ordered WHERE ordered.id = access.id
"""

# A place is never given again: not after a row was taken away from the end, and not below what is closed.
SQLITE_INSERTS = {
    "access_follows": (
        "access",
        "NEW.place <> 1 + max(coalesce((SELECT max(place) FROM access), 0), "
        "coalesce((SELECT max(last_place) FROM access_batch), 0)) "
        "OR EXISTS (SELECT 1 FROM access WHERE id = NEW.id)",
        "access: it must follow the last one",
    ),
    "access_batch_follows": (
        "access_batch",
        "NEW.seq <> 1 + coalesce((SELECT max(seq) FROM access_batch), 0) "
        "OR NEW.first_place <> 1 + coalesce((SELECT max(last_place) FROM access_batch), 0) OR NEW.seq > 1 AND "
        "NEW.prev_hash IS NOT (SELECT hash FROM access_batch WHERE seq = NEW.seq - 1)",
        "access_batch: it must follow the last one and be linked to it",
    ),
    "anchor_taken_follows": (
        "anchor_taken",
        "NEW.seq <= coalesce((SELECT max(seq) FROM anchor_taken), 0)",
        "anchor_taken: it must follow the last one",
    ),
}

POSTGRESQL_FUNCTIONS = (
    """
    CREATE FUNCTION access_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
    BEGIN
        IF NEW.place <= coalesce((SELECT max(last_place) FROM access_batch), 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'access: it must follow the last one';
        END IF;
        RETURN NEW;
    END
    $body$
    """,
    """
    CREATE FUNCTION access_batch_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
    DECLARE
        last access_batch;
    BEGIN
        SELECT * INTO last FROM access_batch ORDER BY seq DESC LIMIT 1;
        IF NEW.seq <> 1 + coalesce(last.seq, 0) OR NEW.first_place <> 1 + coalesce(last.last_place, 0)
            OR (NEW.seq > 1 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'access_batch: it must follow the last one and be linked to it';
        END IF;
        RETURN NEW;
    END
    $body$
    """,
    """
    CREATE FUNCTION anchor_taken_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
    BEGIN
        IF NEW.seq <= coalesce((SELECT max(seq) FROM anchor_taken), 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'anchor_taken: it must follow the last one';
        END IF;
        RETURN NEW;
    END
    $body$
    """,
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    _put_in_order(on_postgresql)
    _tables()
    if on_postgresql:
        _guard_postgresql()
    else:
        _guard_sqlite()


def _put_in_order(on_postgresql: bool) -> None:
    """Accesses that are there get their places by time; the guard against changes stands aside meanwhile."""
    if on_postgresql:
        op.execute("ALTER TABLE access DISABLE TRIGGER access_no_change")
    else:
        op.execute("DROP TRIGGER access_no_update")
    op.add_column("access", sa.Column("place", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(NUMBERED)
    op.create_index(op.f("ix_access_place"), "access", ["place"], unique=True)
    if on_postgresql:
        op.execute("ALTER TABLE access ALTER COLUMN place DROP DEFAULT")
        op.execute("DROP TRIGGER access_no_change ON access")
        op.execute("CREATE SEQUENCE access_place AS bigint")
        op.execute("SELECT setval('access_place', 1 + (SELECT count(*) FROM access), false)")


def _tables() -> None:
    op.create_table(
        "access_batch",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_place", sa.BigInteger(), nullable=False),
        sa.Column("last_place", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_access_batch_numbered_from_1")),
        sa.CheckConstraint(
            "first_place >= 1 AND last_place >= first_place", name=op.f("ck_access_batch_places_in_order")
        ),
        sa.CheckConstraint("length(prev_hash) = 32 AND length(hash) = 32", name=op.f("ck_access_batch_linked")),
        sa.ForeignKeyConstraint(["last_place"], ["access.place"], name=op.f("fk_access_batch_last_place")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_access_batch")),
    )
    op.create_table(
        "anchor_taken",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_anchor_taken_numbered_from_1")),
        sa.CheckConstraint("length(file_digest) = 32", name=op.f("ck_anchor_taken_digest_is_sha256")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_anchor_taken")),
    )
    op.create_table(
        "anchored_head",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("keyed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_anchored_head")),
    )
    op.create_table(
        "journal_check",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("first_fault", sa.String(length=200), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("faults >= 0", name=op.f("ck_journal_check_faults_count")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_check")),
    )
    op.create_index(op.f("ix_journal_check_finished_at"), "journal_check", ["finished_at"], unique=False)


GROWING = ("access", "access_batch", "anchor_taken")


def _guard_sqlite() -> None:
    for table in GROWING:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    for name, (table, condition, message) in SQLITE_INSERTS.items():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _guard_postgresql() -> None:
    for table in GROWING:
        for name, verbs, each in (
            (f"{table}_no_change", "UPDATE OR DELETE", "ROW"),
            (f"{table}_no_truncate", "TRUNCATE", "STATEMENT"),
        ):
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verbs} ON {table} FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
    for statement in POSTGRESQL_FUNCTIONS:
        op.execute(statement)
    for table in GROWING:
        op.execute(
            f"CREATE TRIGGER {table}_follows BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_follows()"
        )


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
