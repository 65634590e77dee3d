"""Who attended a workshop and passed, and the certificates that were handed out of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import drop_functions, refuse_to_lose

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MESSAGE = "attestations stay as they were given"
GONE = "an attestation is withdrawn once"
FIXED = (
    "id, number, workshop, place, academy, scenario, titles, protocol, protocol_version, held_on, minutes, account, "
    "attended, passed, valid_until, certificate, stood_until, attested_by, attested_at"
)
WITHDRAWAL = "withdrawn_at, withdrawn_by, withdrawn_why, withdrawn_sentence"
IS_GONE = "OLD.withdrawn_at IS NOT NULL"
REFUSE_CHANGE = f"""
CREATE FUNCTION refuse_attestation_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = '{MESSAGE}';
END
$body$
"""


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=13), nullable=False),
        sa.Column("workshop", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("academy", sa.String(length=40), nullable=False),
        sa.Column("scenario", sa.String(length=80), nullable=False),
        sa.Column("titles", sa.JSON(), nullable=False),
        sa.Column("protocol", sa.String(length=80), nullable=False),
        sa.Column("protocol_version", sa.Integer(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("certificate", sa.String(length=40), nullable=True),
        sa.Column("stood_until", sa.Date(), nullable=True),
        sa.Column("attested_by", sa.String(length=40), nullable=False),
        sa.Column("attested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=40), nullable=True),
        sa.Column("withdrawn_why", sa.String(length=80), nullable=True),
        sa.Column("withdrawn_sentence", sa.String(length=200), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.CheckConstraint("attended OR NOT passed", name=op.f("ck_attestation_who_passed_attended")),
        sa.CheckConstraint("passed = (valid_until IS NOT NULL)", name=op.f("ck_attestation_valid_if_passed")),
        sa.CheckConstraint(
            "certificate IS NULL OR account IS NOT NULL", name=op.f("ck_attestation_certificate_is_of_an_account")
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 6000", name=op.f("ck_attestation_minutes_bounded")),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name=op.f("ck_attestation_withdrawn_by_somebody_for_a_reason"),
        ),
        sa.ForeignKeyConstraint(["workshop"], ["workshop.id"], name=op.f("fk_attestation_workshop")),
        sa.ForeignKeyConstraint(["academy"], ["unit.id"], name=op.f("fk_attestation_academy")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_attestation_account")),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_attestation_certificate")),
        sa.ForeignKeyConstraint(["attested_by"], ["account.id"], name=op.f("fk_attestation_attested_by")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["account.id"], name=op.f("fk_attestation_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
        sa.UniqueConstraint("number", name=op.f("uq_attestation_number")),
        sa.UniqueConstraint("certificate", name=op.f("uq_attestation_certificate")),
        sa.UniqueConstraint("workshop", "place", name=op.f("uq_attestation_workshop_place")),
    )
    for columns in (
        ("account",), ("master",), ("academy", "held_on", "id"),
        ("academy", "valid_until", "id"),
    ):  # fmt: skip
        op.create_index(op.f(f"ix_attestation_{'_'.join(columns)}"), "attestation", list(columns))
    op.create_table(
        "attestation_copy",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("attestation", sa.String(length=40), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("press", sa.String(length=64), nullable=False),
        sa.CheckConstraint("copy >= 1", name=op.f("ck_attestation_copy_copies_count_from_one")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_attestation_copy_digest_is_sha256")),
        sa.ForeignKeyConstraint(["attestation"], ["attestation.id"], name=op.f("fk_attestation_copy_attestation")),
        sa.ForeignKeyConstraint(["actor"], ["account.id"], name=op.f("fk_attestation_copy_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation_copy")),
        sa.UniqueConstraint("press", name=op.f("uq_attestation_copy_press")),
        sa.UniqueConstraint("attestation", "copy", name=op.f("uq_attestation_copy_attestation_copy")),
    )
    op.create_index(op.f("ix_attestation_copy_digest"), "attestation_copy", ["digest"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    guards = [
        ("attestation_no_update", f"UPDATE OF {FIXED} ON attestation", MESSAGE),
        ("attestation_gone", f"UPDATE OF {WITHDRAWAL} ON attestation WHEN {IS_GONE}", GONE),
        ("attestation_no_delete", "DELETE ON attestation", MESSAGE),
        ("attestation_copy_no_update", "UPDATE ON attestation_copy", MESSAGE),
        ("attestation_copy_no_delete", "DELETE ON attestation_copy", MESSAGE),
    ]
    for table in ("attestation", "attestation_copy"):
        again = f"INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"  # noqa: S608
        guards.append((f"{table}_again", again, MESSAGE))
    for name, when, said in guards:
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{said}'); END")


def _guard_postgresql() -> None:
    op.execute(REFUSE_CHANGE)
    call = "EXECUTE FUNCTION refuse_attestation_change()"
    for name, when, condition in (
        ("attestation_no_update", f"UPDATE OF {FIXED} ON attestation", ""),
        ("attestation_gone", f"UPDATE OF {WITHDRAWAL} ON attestation", f"WHEN ({IS_GONE}) "),
        ("attestation_no_delete", "DELETE ON attestation", ""),
        ("attestation_copy_no_change", "UPDATE OR DELETE ON attestation_copy", ""),
    ):
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} FOR EACH ROW {condition}{call}")
    for table in ("attestation", "attestation_copy"):
        op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}")


def downgrade() -> None:
    tables = ("attestation_copy", "attestation")
    refuse_to_lose(*tables)
    for table in tables:
        op.drop_table(table)
    drop_functions("refuse_attestation_change")
