"""Service of the go-live list: what the program sees for itself, and each item signed by two who administer accounts.

An item that it sees missing can't be signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.second_factor import factors_of
from school_protocol.cases.opening_gate import (
    ITEMS,
    KEYS,
    LIST,
    PEOPLE,
    Item,
    has_begun,
    is_asked,
    is_shut,
    missing,
    signatures,
)
from school_protocol.context import REALM, AppContext, declared, today_for
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Appointment, Permission, UnitKind
from school_protocol.ops import key_rotation
from school_protocol.people import repository as people_repository
from school_protocol.people.service import tidy
from school_protocol.people.staff_list import row_of
from school_protocol.people.teams import SENTENCE_MOST, Obstacle, TeamRefused
from school_protocol.storage import administration_log, sql, work_queue
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session

LATELY = timedelta(days=35)
"""How long ago an exercise may lie that somebody signs for."""
ADMINISTRATORS = 2


def lack(ctx: AppContext, item: str) -> str | None:
    """What is missing, by its code; None where nothing is, or only people can see it."""
    match item:
        case "recovery":
            return None if key_rotation.lack(ctx) is None else "no_recovery"
        case "drill":
            done = work_queue.last_done(ctx.settings.data, work_queue.DRILL)
            return None if done is not None and done.held and ctx.now() - done.at <= LATELY else "no_drill"
        case "second":
            return None if len(administrators(ctx)) >= ADMINISTRATORS else "no_second"
        case "contacts":
            return None if _all_called(ctx) else "not_called"
        case "retention":
            return None if _has_data_officer(ctx) else "no_data_officer"
        case _:
            return None


def administrators(ctx: AppContext) -> frozenset[str]:
    """Accounts that administer at the top, can come in, and prove who they are in a second step."""
    roles = permissions.roles_with(ctx, Permission.administer)
    with ctx.directory.reading() as session:
        tops = [unit.id for unit in auth_repository.topmost(session)]
        found = auth_repository.holders(session, tops, today=today_for(ctx))
        able = {one.account.id for one in found if one.role in roles and one.has_way_in}
        return frozenset(one for one in able if factors_of(session, ctx, one).has_any)


def _all_called(ctx: AppContext) -> bool:
    """Whether there are numbers for the whole country, and somebody noted of each that it is right."""
    with ctx.directory.reading() as session:
        places = [place.id for place in auth_repository.topmost(session)]
        found = {
            one.id: one for place in places for one in people_repository.contacts_of(session, place) if one.unit is None
        }
    return bool(found) and all(one.verified_on is not None for one in found.values())


def _has_data_officer(ctx: AppContext) -> bool:
    roles = {key for key, (_protocol, role) in declared(ctx).items() if role.sees is ScopeKind.metadata}
    if not roles:
        return True
    with ctx.directory.reading() as session:
        kinds = (UnitKind.country, UnitKind.region, UnitKind.province)
        places = [unit.id for kind in kinds for unit in auth_repository.units_of_kind(session, kind)]
        found = auth_repository.holders(session, places, today=today_for(ctx))
    return any(one.role in roles and one.has_way_in for one in found)


# ---- signing item by item; taken back by another entry -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log: signed or taken back, by whom, with what reference or reason."""

    item: str
    signs: bool
    at: datetime
    username: str
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Line:
    """An item, who has signed it, and all that was done about it, latest first.

    `waits`: the reader's signature is missing. `lack`: what the program itself sees missing, by its code.
    """

    item: Item
    signed: tuple[Entry, ...]
    waits: bool
    lack: str | None
    entries: tuple[Entry, ...]

    @property
    def stands(self) -> bool:
        return len(self.signed) >= PEOPLE


@dataclass(frozen=True, slots=True)
class ListView:
    """The list. `is_shut`: no case is opened; `has_begun`: cases are here, and nothing is shut whatever is missing."""

    lines: tuple[Line, ...]
    is_shut: bool
    has_begun: bool
    is_demo: bool

    @property
    def missing(self) -> tuple[Item, ...]:
        return tuple(line.item for line in self.lines if not line.stands)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many items are not signed, whether cases are kept out by it, and whether the reader signs."""

    missing: int
    is_shut: bool
    signs: bool


def may_sign(ctx: AppContext, actor: Actor) -> bool:
    """Whether the list is this person's to see and sign."""
    return _post(ctx, actor) is not None


def signers(ctx: AppContext, language: str) -> tuple[tuple[Text, str], ...]:
    """Who signs: titles of roles, each with the unit where it is held, as that language names it."""
    titles = [role.title for _protocol, role in declared(ctx).values() if role.administers]
    with ctx.directory.reading() as session:
        places = auth_repository.topmost(session)
    return tuple((title, unit.name(language)) for title in titles for unit in places)


def standing(ctx: AppContext, actor: Actor | None = None) -> Standing | None:
    """What is missing, for a line on a page; None where nothing is, where it isn't asked for, and in a demo."""
    if not is_asked(ctx):
        return None
    with ctx.directory.reading() as session:
        left = 0 if sql.is_demo(session) else len(missing(session))
    return Standing(left, is_shut(ctx), actor is not None and may_sign(ctx, actor)) if left else None


def see_list(ctx: AppContext, actor: Actor) -> ListView:
    """The list with all that was done about it; raises Unseen."""
    if not may_sign(ctx, actor):
        raise Unseen("go-live")
    return list_of(ctx, actor.language, actor.id)


def list_of(ctx: AppContext, language: str, reader: str = "") -> ListView:
    """The same, for whoever has the machine."""
    with ctx.directory.reading() as session:
        log = administration_log.of_draft(session, LIST)
        people = auth_repository.accounts(session, {change.actor for change in log})
        now, is_demo = signatures(session), sql.is_demo(session)
    said = [
        (change, Entry(change.reason, change.kind is Kind.go_live_signed, change.at, people[change.actor].username,
                       people[change.actor].name(language), change.sentence))
        for change in log
    ]  # fmt: skip
    lines = (
        Line(
            item,
            tuple(entry for change, entry in said if change in now.get(item.key, {}).values()),
            reader not in now.get(item.key, {}) and len(now.get(item.key, {})) < PEOPLE,
            lack(ctx, item.key),
            tuple(entry for _change, entry in reversed(said) if entry.item == item.key),
        )
        for item in ITEMS
    )
    return ListView(tuple(lines), is_shut(ctx), has_begun(ctx) and not is_demo, is_demo)


def sign(ctx: AppContext, actor: Actor, item: str, reference: str | None) -> None:
    """Sign an item; raises Unseen, BadInput (`reference`), TeamRefused where it stands, this person signed it already
    or proves who they are by a password alone, or the program itself sees what is missing."""
    _change(ctx, actor, item, reference, Kind.go_live_signed)


def withdraw(ctx: AppContext, actor: Actor, item: str, reason: str | None) -> None:
    """Take a signature back, whoever gave it, for a reason; raises as `sign` does."""
    _change(ctx, actor, item, reason, Kind.go_live_withdrawn)


def _change(ctx: AppContext, actor: Actor, item: str, words: str | None, kind: Kind) -> None:
    post = _post(ctx, actor)
    if post is None or item not in KEYS:
        raise Unseen(item)
    sentence = tidy(words)
    if not sentence or len(sentence) > SENTENCE_MOST:
        raise BadInput({"reference": (f"too_long:{SENTENCE_MOST}",) if sentence else ("required",)})
    code = lack(ctx, item) if kind is Kind.go_live_signed else None
    if code is not None:
        raise TeamRefused(Obstacle(code))
    with ctx.directory.writing() as session:
        if (code := _against(ctx, session, actor, item, kind)) is not None:
            raise TeamRefused(Obstacle(code))
        before = administration_log.of_draft(session, LIST)
        after = before[-1].at + timedelta(microseconds=1) if before else ctx.now()  # later, whatever a clock says
        administration_log.write_entry(
            session,
            Change(
                at=max(ctx.now(), after), actor=actor.id, kind=kind, unit=post.unit, account=actor.id, role=post.role,
                appointment=row_of(session, actor, post, today_for(ctx)), reason=item, sentence=sentence, draft=LIST,
            ),
        )  # fmt: skip


def _against(ctx: AppContext, session: Session, actor: Actor, item: str, kind: Kind) -> str | None:
    by = signatures(session).get(item, {})
    if kind is not Kind.go_live_signed:
        return None if by else "not_signed"
    if actor.id in by or len(by) >= PEOPLE:
        return "signed_already"
    return None if factors_of(session, ctx, actor.id).has_any else "no_second_step"


def _post(ctx: AppContext, actor: Actor) -> Appointment | None:
    """The appointment by which somebody administers accounts under nobody else's unit: the country's, as a rule."""
    posts = permissions.posts_with(ctx, actor, Permission.administer)
    if ctx.name != REALM or not posts:
        return None
    with ctx.directory.reading() as session:
        tops = {unit.id for unit in auth_repository.topmost(session)}
    return next((one for one in posts if one.unit in tops), None)
