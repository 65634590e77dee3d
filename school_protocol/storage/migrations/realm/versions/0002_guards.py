"""Rows that only grow: no change, no removal, no gap, no second root, refused by the database itself."""

from __future__ import annotations

from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

GROWING = ("event", "case_record", "tombstone")

# REPLACE fires no DELETE trigger on a connection that left recursive_triggers off: so inserts are guarded too.
SQLITE_INSERTS = {
    "event_follows": (
        "event",
        "NEW.seq <> 1 + coalesce((SELECT max(seq) FROM event WHERE case_id = NEW.case_id), 0) OR NEW.seq > 1 AND "
        "NEW.prev_hash IS NOT (SELECT hash FROM event WHERE case_id = NEW.case_id AND seq = NEW.seq - 1)",
        "event: it must follow the last one and be linked to it",
    ),
    "case_record_again": (
        "case_record",
        "EXISTS (SELECT 1 FROM case_record WHERE id = NEW.id OR number = NEW.number)",
        "case_record: exists already",
    ),
    "tombstone_again": (
        "tombstone",
        "EXISTS (SELECT 1 FROM tombstone WHERE case_id = NEW.case_id AND seq = NEW.seq)",
        "tombstone: exists already",
    ),
}

POSTGRESQL_FUNCTIONS = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = TG_TABLE_NAME || ' is append-only';
    END
    $body$
    """,
    """
    CREATE FUNCTION event_follows() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
    DECLARE
        last event;
    BEGIN
        SELECT * INTO last FROM event WHERE case_id = NEW.case_id ORDER BY seq DESC LIMIT 1;
        IF NEW.seq <> 1 + coalesce(last.seq, 0) OR (NEW.seq > 1 AND NEW.prev_hash IS DISTINCT FROM last.hash) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'event: it must follow the last one and be linked to it';
        END IF;
        RETURN NEW;
    END
    $body$
    """,
    "CREATE TRIGGER event_follows BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION event_follows()",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table in GROWING:
        for verb in ("UPDATE", "DELETE"):
            _refuse_on_sqlite(table, verb)
    _refuse_on_sqlite("access", "UPDATE")
    for name, (table, condition, message) in SQLITE_INSERTS.items():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _refuse_on_sqlite(table: str, verb: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _guard_postgresql() -> None:
    for statement in POSTGRESQL_FUNCTIONS:
        op.execute(statement)
    for table in GROWING:
        _refuse_on_postgresql(f"{table}_no_change", "UPDATE OR DELETE", table, "ROW")
        _refuse_on_postgresql(f"{table}_no_truncate", "TRUNCATE", table, "STATEMENT")
    _refuse_on_postgresql("access_no_change", "UPDATE", "access", "ROW")


def _refuse_on_postgresql(name: str, verbs: str, table: str, each: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {verbs} ON {table} FOR EACH {each} EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
