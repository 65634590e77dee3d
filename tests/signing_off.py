"""The go-live list in tests: an installation that asks for it, one that has it signed, one where all seen is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases.opening_gate import KEYS, LIST, PEOPLE
from school_protocol.context import AppContext, declared
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.ops import going_live, key_rotation
from school_protocol.people import repository as people_repository
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Change, Kind


def asked(ctx: AppContext) -> AppContext:
    """The same installation as an installation has it: its settings come from the environment."""
    return replace(ctx, settings=replace(ctx.settings, keeps_shut=True))


def sign_all(ctx: AppContext, *by: Actor, without: str = "") -> None:
    """By the service: whatever is not so yet is made so. Of one person alone, by another one, too."""
    signers = [*by, *([] if len(by) >= PEOPLE else [another(ctx, by[0])])]
    make_ready(ctx, *signers)
    for key in KEYS:
        for one in signers if key != without else ():
            going_live.sign(ctx, one, key, f"n° {key}/2026")


def another(ctx: AppContext, like: Actor, name: str = "colleague") -> Actor:
    """Somebody who administers where that person does."""
    post = like.appointments[0]
    with ctx.directory.writing() as session:
        known = auth_repository.account_named(session, name)
        account = known.id if known else _account(ctx, session, name)
        if not known:
            auth_repository.appoint(session, account, role=post.role, unit=post.unit, starts=date(2020, 1, 1))
        found = auth_repository.actor(session, account, realm=like.realm, today=ctx.now().date())
    assert found is not None
    return found


def _account(ctx: AppContext, session: auth_repository.Session, name: str) -> str:
    account = auth_repository.add_account(
        session, username=name, names={"fr": name}, language="fr", created_at=ctx.now()
    )
    auth_repository.set_password(session, account, "chosen")
    return account


def make_ready(ctx: AppContext, *administrators: Actor) -> None:
    """All that the program can see is so: copy of the keys, exercise, two with a second step, numbers, data officer."""
    if key_rotation.lack(ctx) is not None:
        place = ctx.settings.data.parent / "recovery.copy"
        code = key_rotation.create(ctx, place)
        key_rotation.test(ctx, place, code)
        place.unlink()
    work_queue.note(ctx.settings.data, work_queue.DRILL, ctx.now())
    with ctx.directory.writing() as session:
        (top, *_others) = auth_repository.topmost(session)
        for one in administrators:
            prove(ctx, session, one)
        contacts = [one for one in people_repository.contacts_of(session, top.id) if one.unit is None]
        if not contacts:
            people_repository.add_contact(
                session, target="police", names={"fr": "19"}, phone="19", hours={"always": True}
            )
            contacts = [one for one in people_repository.contacts_of(session, top.id) if one.unit is None]
        for contact in contacts:
            people_repository.verify_contact(session, contact.id, on=ctx.now().date(), by="x")
        for key, (_protocol, role) in declared(ctx).items():
            if role.sees is ScopeKind.metadata and auth_repository.account_named(session, f"named-{key}") is None:
                place = auth_repository.units_of_kind(session, UnitKind.region)[0].id
                officer = _account(ctx, session, f"named-{key}")
                auth_repository.appoint(session, officer, role=key, unit=place, starts=date(2020, 1, 1))


def prove(ctx: AppContext, session: auth_repository.Session, actor: Actor) -> None:
    """Let somebody come in, in two steps."""
    auth_repository.set_password(session, actor.id, "chosen")
    sign_in_repository.keep_seed(session, ctx.vault, actor.id, "JBSWY3DPEHPK3PXP", step=0, at=ctx.now())


def sign_by_hand(ctx: AppContext, unit: str) -> None:
    """The list as two have signed it, for a protocol in which nobody administers accounts."""
    with ctx.directory.writing() as session:
        post = auth_repository.posts(session, [unit], since=ctx.now().date())[0]
        other = _account(ctx, session, "second-signer")
        for key in KEYS:
            for account in (post.account.id, other):
                administration_log.write_entry(
                    session,
                    Change(
                        at=ctx.now(), actor=account, kind=Kind.go_live_signed, unit=unit, account=account,
                        role=post.role, appointment=post.id, reason=key, sentence="n° 1", draft=LIST,
                    ),
                )  # fmt: skip
