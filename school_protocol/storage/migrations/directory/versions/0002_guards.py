"""Published definitions never change: only which version is the current one moves on."""

from __future__ import annotations

from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FIXED = "protocol, version, digest, content, published_at"
MESSAGE = "a published definition never changes"
AGAIN = """EXISTS (
    SELECT 1 FROM definition WHERE (protocol = NEW.protocol AND version = NEW.version) OR digest = NEW.digest
)"""

REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_definition_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for name, when in (
        ("definition_no_update", f"UPDATE OF {FIXED} ON definition"),
        ("definition_no_delete", "DELETE ON definition"),
        ("definition_again", f"INSERT ON definition WHEN {AGAIN}"),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    for name, when, each in (
        ("definition_no_update", f"UPDATE OF {FIXED}", "ROW"),
        ("definition_no_delete", "DELETE", "ROW"),
        ("definition_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON definition FOR EACH {each} "
            "EXECUTE FUNCTION refuse_definition_change()"
        )


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: published definitions have no way back")
