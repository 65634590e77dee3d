"""How people prove who they are: codes given to them, second factors, known browsers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from school_protocol.storage.going_back import NoWayBack

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_session", sa.Column("stage", sa.String(length=12), server_default="full", nullable=False))
    _codes()
    _factors()
    _passkeys()
    op.create_table(
        "known_browser",
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(hashed) = 32", name=op.f("ck_known_browser_browser_is_hashed")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_known_browser_account")),
        sa.PrimaryKeyConstraint("hashed", "account", name=op.f("pk_known_browser")),
    )
    op.create_index(op.f("ix_known_browser_expires_at"), "known_browser", ["expires_at"], unique=False)


def _codes() -> None:
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > made_at", name=op.f("ck_one_time_code_expires_after_it_was_made")),
        sa.CheckConstraint("length(hashed) = 32", name=op.f("ck_one_time_code_code_is_hashed")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_one_time_code_account")),
        sa.ForeignKeyConstraint(["made_by"], ["account.id"], name=op.f("fk_one_time_code_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
        sa.UniqueConstraint("hashed", name=op.f("uq_one_time_code_hashed")),
    )
    op.create_index(op.f("ix_one_time_code_account_purpose"), "one_time_code", ["account", "purpose"], unique=False)
    op.create_index(op.f("ix_one_time_code_expires_at"), "one_time_code", ["expires_at"], unique=False)
    op.create_table(
        "restoration",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.String(length=40), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("agreed_by IS NULL OR agreed_by <> asked_by", name=op.f("ck_restoration_two_people")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_restoration_account")),
        sa.ForeignKeyConstraint(["agreed_by"], ["account.id"], name=op.f("fk_restoration_agreed_by")),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_restoration_asked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
    )
    op.create_index(op.f("ix_restoration_account"), "restoration", ["account"], unique=False)


def _factors() -> None:
    op.create_table(
        "code_seed",
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.Integer(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_code_seed_account")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_code_seed")),
    )
    op.create_index(op.f("ix_code_seed_master"), "code_seed", ["master"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("length(hashed) = 32", name=op.f("ck_recovery_code_code_is_hashed")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_recovery_code_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_account"), "recovery_code", ["account"], unique=False)


def _passkeys() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(length=1400), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_passkey_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_account"), "passkey", ["account"], unique=False)
    op.create_table(
        "used_challenge",
        sa.Column("hashed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(hashed) = 32", name=op.f("ck_used_challenge_challenge_is_hashed")),
        sa.PrimaryKeyConstraint("hashed", name=op.f("pk_used_challenge")),
    )
    op.create_index(op.f("ix_used_challenge_expires_at"), "used_challenge", ["expires_at"], unique=False)


def downgrade() -> None:
    raise NoWayBack("restore a backup instead: a journal has no way back")
