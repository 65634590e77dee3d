"""Service of API tokens: asked for, agreed to, drawn, ended; and what another system sees by one.

What is seen is the definition's to say: the roles that see a province or a region by signs, and the copy made for them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import get_args

from school_protocol.api import repository
from school_protocol.api.models import ApiTokenRow
from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.access_codes import APART, WAITS
from school_protocol.auth.service import are_one_hand
from school_protocol.context import AppContext, today_for
from school_protocol.engine.definition import Protocol, Role, ScopeKind
from school_protocol.engine.definition_parts import Profile, SectionKind
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import Actor, Appointment, Clause, Permission, Reach, Scope, Unit, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.people.service import Problems, day_within, tidy
from school_protocol.people.teams import SENTENCE_MOST, YEAR, Obstacle, TeamRefused, plain
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.ui.routing import Right

PLACES = {UnitKind.province: (ScopeKind.province, Reach.province), UnitKind.region: (ScopeKind.region, Reach.region)}
"""The kinds of places for which there are tokens, and how cases are seen from there."""
_WORDY = frozenset({"summary", "remarks"})
"""Sections of a copy that are somebody's own words."""


def overseeing(protocol: Protocol, kind: UnitKind) -> tuple[Role, ...]:
    """The roles that read the cases of such a place by signs, and may be handed their copies."""
    sees = PLACES[kind][0] if kind in PLACES else None
    roles = (role for role in protocol.roles.values() if role.sees is sees and role.pseudonymised)
    return tuple(role for role in roles if copy_for(protocol, role.key) is not None)


def copy_for(protocol: Protocol, role: str) -> Profile | None:
    """The copy that whoever oversees may be handed, less every word that somebody wrote: no summary, remark, reason."""
    for document in protocol.documents.values():
        for profile in document.profiles.values() if document.is_case_file else ():
            names = profile.identities or profile.named or profile.words or profile.addresses
            if profile.reader == "oversight" and role in profile.for_ and not names:
                kept = tuple(kind for kind in get_args(SectionKind) if profile.has(kind) and kind not in _WORDY)
                return profile.model_copy(update={"summary": None, "reader": "self", "sections": kept})
    return None


def actor_for(account: str, realm: str, unit: Unit, protocols: Iterable[Protocol], language: str) -> Actor:
    """Another system as one who oversees that place, by every definition there is."""
    roles = dict.fromkeys(role.key for protocol in protocols for role in overseeing(protocol, unit.kind))
    held = tuple(Appointment(role, unit.id, date.min) for role in roles)
    return Actor(account, realm, "", held, language=language)


def scope_for(account: str, unit: Unit, protocols: Iterable[Protocol]) -> Scope:
    """The cases of that place, none that is restricted; by no seat, and by nothing that was opened for a time."""
    return Scope(account, tuple(dict.fromkeys(_clauses(unit, protocols))))


def _clauses(unit: Unit, protocols: Iterable[Protocol]) -> Iterator[Clause]:
    for protocol in protocols:
        for role in overseeing(protocol, unit.kind):
            yield Clause(protocol.protocol, PLACES[unit.kind][1], unit.id, role=role.key)


# ---- tokens: one who administers asks, one who oversees agrees, the first draws it ---------------------------------
# By a token cases are read, and who administers accounts reads none: so it is never theirs alone to give away. Each
# step is a row of `administration`; either of the two ends the token at once.

PAGE = 25
READS = 20
PLACES_MOST = 30
LATELY = timedelta(days=30)
NAME_MOST = 80
PREFIX = "sp_"
"""How every token begins: programs that look for secrets in files know it by that."""
TOKEN_LONGEST = 100


# ---- what pages are given ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token in a list. `standing`: asked, agreed, lapsed (nobody went on with it), good, over or ended."""

    token: ApiTokenRow
    unit: Unit
    standing: str


@dataclass(frozen=True, slots=True)
class TokensView:
    """The tokens of one's places; `after`: where the next page begins."""

    lines: tuple[TokenLine, ...]
    are_over: bool
    after: str
    may_ask: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """One thing that was done about a token."""

    kind: str
    at: datetime
    by: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token, and what this person can do with it."""

    line: TokenLine
    steps: tuple[StepLine, ...]
    reads: tuple[tuple[datetime, str, str], ...]
    """When, what, and of which case or release; who administers accounts is told of no case."""
    lately: int
    """How often something was read by it within the last 30 days."""
    may_agree: bool
    may_draw: bool
    may_end: bool
    is_mine: bool
    roles: tuple[str, ...]
    """Roles whose holders agree to it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a press did; `repeated` where an earlier press had done it."""

    token: str
    repeated: bool = False


# ---- who -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody who administers accounts of some units, or oversees some, and all below them."""

    actor: Actor
    administers: tuple[Appointment, ...]
    oversees: tuple[Appointment, ...]

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(held.unit for held in (*self.administers, *self.oversees)))


def may_see_tokens(ctx: AppContext, actor: Actor) -> bool:
    """Whether “Other systems” is for this person."""
    return bool(_keeper(ctx, actor).units)


def keeper_of(ctx: AppContext, actor: Actor) -> Keeper:
    """This person as one who asks for tokens or agrees to them; raises Unseen."""
    found = _keeper(ctx, actor)
    if not found.units:
        raise Unseen("systems")
    return found


def _keeper(ctx: AppContext, actor: Actor) -> Keeper:
    over = overseers(ctx)
    administers = permissions.posts_with(ctx, actor, Permission.administer)
    return Keeper(actor, administers, tuple(one for one in actor.appointments if one.role in over))


def overseers(ctx: AppContext) -> tuple[str, ...]:
    """The roles that oversee by signs, and may agree to what is read as they read it."""
    every = (role for one in ctx.library.current() for kind in PLACES for role in overseeing(one, kind))
    return tuple(dict.fromkeys(role.key for role in every))


def _post(posts: Iterable[Appointment], unit: Unit) -> Appointment | None:
    """The appointment that reaches that unit."""
    return next((one for one in posts if one.unit in (unit.id, *unit.parents)), None)


# ---- seen ----------------------------------------------------------------------------------------------------------


def see_tokens(ctx: AppContext, actor: Actor, *, are_over: bool = False, after: str = "") -> TokensView:
    """The tokens of one's units and of all below them, newest first; raises Unseen."""
    keeper, today = keeper_of(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        found = repository.below(session, keeper.units, today=today, are_over=are_over, after=after, limit=PAGE + 1)
        units = auth_repository.find_units(session, {one.unit for one in found})
    lines = tuple(TokenLine(one, units[one.unit], _standing(ctx, one)) for one in found[:PAGE])
    return TokensView(lines, are_over, found[PAGE - 1].id if len(found) > PAGE else "", bool(keeper.administers))


def see_token(ctx: AppContext, actor: Actor, token_id: str) -> TokenView:
    """One token of one's units, who made it, what was read by it; raises Unseen."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        found, unit = _seen(session, keeper, token_id)
        log = administration_log.of_draft(session, token_id)
        people = auth_repository.accounts(session, {one.actor for one in log})
        reads = repository.reads_of(session, token_id, limit=READS)
        lately = repository.count_reads(session, token_id, since=ctx.now() - LATELY)
    oversees = _post(keeper.oversees, unit) is not None
    line = TokenLine(found, unit, _standing(ctx, found))
    names = {key: one.name(actor.language) for key, one in people.items()}
    steps = tuple(StepLine(one.kind.value, one.at, names.get(one.actor, "—"), one.sentence) for one in log)
    is_mine = found.asked_by == actor.id
    return TokenView(
        line=line,
        steps=steps,
        reads=tuple((one.at, one.what, one.subject if oversees else "") for one in reads),
        lately=lately,
        may_agree=line.standing == "asked" and not is_mine and oversees,
        may_draw=line.standing == "agreed" and is_mine and _post(keeper.administers, unit) is not None,
        may_end=line.standing not in ("ended", "over"),
        is_mine=is_mine,
        roles=overseers(ctx),
    )


def places_for(ctx: AppContext, actor: Actor) -> tuple[Unit, ...]:
    """The provinces and regions for which this person may ask, where they are few; else none: a code is typed."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.reading() as session:
        ids = people_repository.places(session, [post.unit for post in keeper.administers], limit=PLACES_MOST * 100)
        found = tuple(unit for unit in auth_repository.find_units(session, ids).values() if unit.kind in PLACES)
    return found if len(found) <= PLACES_MOST else ()


def _seen(session: Session, keeper: Keeper, token_id: str) -> tuple[ApiTokenRow, Unit]:
    found = repository.token(session, token_id)
    unit = auth_repository.unit(session, found.unit) if found is not None else None
    if found is None or unit is None or {unit.id, *unit.parents}.isdisjoint(keeper.units):
        raise Unseen(token_id)
    return found, unit


def _standing(ctx: AppContext, one: ApiTokenRow) -> str:
    if one.ended_at is not None:
        return "ended"
    if today_for(ctx) > one.ends:
        return "over"
    if one.drawn_at is not None:
        return "good"
    if ctx.now() - (one.agreed_at or one.asked_at) > WAITS:
        return "lapsed"
    return "agreed" if one.agreed_at is not None else "asked"


# ---- made ------------------------------------------------------------------------------------------------------------


def ask_token(
    ctx: AppContext,
    actor: Actor,
    *,
    name: str | None,
    unit: str | None,
    rights: Sequence[str] | None,
    ends: str | None,
    purpose: str | None,
    token: str,
) -> Done:
    """Ask that another system may read of a province or region until a day within a year; raises BadInput, Unseen."""
    keeper, today = keeper_of(ctx, actor), today_for(ctx)
    if not keeper.administers:
        raise Unseen("systems")

    def change(session: Session) -> str:
        problems: Problems = {}
        called = _text(name, "name", NAME_MOST, problems)
        what_for = _text(purpose, "purpose", SENTENCE_MOST, problems)
        place = _place(session, keeper, unit, problems)
        last = day_within(ends, "ends", problems, today, today + YEAR)
        wanted = _rights(rights, problems)
        if problems or place is None or last is None:
            raise BadInput(problems)
        asked = repository.ask(session, unit=place.id, name=called, rights=wanted, ends=last, by=actor.id, at=ctx.now())
        _write_down(ctx, session, actor, _post(keeper.administers, place), Kind.token_asked, asked, what_for)
        return asked.id

    return _once(ctx, actor, token, "token-ask", [name, unit, list(rights or ()), ends, purpose], change)


def agree(ctx: AppContext, actor: Actor, token_id: str) -> None:
    """Somebody who oversees that place agrees; raises Unseen, TeamRefused."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.writing() as session:
        found, unit = _seen(session, keeper, token_id)
        post = _post(keeper.oversees, unit)
        if post is None:
            raise Unseen(token_id)
        _refuse_unless(ctx, found, "asked")
        if found.asked_by == actor.id:
            raise TeamRefused(Obstacle("two_people"))
        if are_one_hand(session, found.asked_by, actor.id, since=ctx.now() - APART):
            raise TeamRefused(Obstacle("one_hand"))
        repository.agree(session, token_id, actor.id, at=ctx.now())
        _write_down(ctx, session, actor, post, Kind.token_agreed, found)


def draw_token(ctx: AppContext, actor: Actor, token_id: str) -> str:
    """The token itself, for whoever asked: it is shown this once, and kept nowhere. Raises Unseen, TeamRefused."""
    keeper, secret = keeper_of(ctx, actor), PREFIX + secrets.token_urlsafe(32)
    with ctx.directory.writing() as session:
        found, unit = _seen(session, keeper, token_id)
        post = _post(keeper.administers, unit)
        if post is None or found.asked_by != actor.id:
            raise Unseen(token_id)
        _refuse_unless(ctx, found, "agreed")
        repository.draw(session, token_id, hashed(ctx, secret), language=ctx.settings.default_language, at=ctx.now())
        _write_down(ctx, session, actor, post, Kind.token_drawn, found)
    return secret


def end_token(ctx: AppContext, actor: Actor, token_id: str) -> None:
    """Nothing is read by it from this moment on; raises Unseen, TeamRefused where it had ended."""
    keeper = keeper_of(ctx, actor)
    with ctx.directory.writing() as session:
        found, unit = _seen(session, keeper, token_id)
        if found.ended_at is not None:
            raise TeamRefused(Obstacle("token_ended"))
        post = _post((*keeper.administers, *keeper.oversees), unit)
        repository.end(session, token_id, actor.id, at=ctx.now())
        _write_down(ctx, session, actor, post, Kind.token_ended, found)


def known_by(ctx: AppContext, secret: str) -> str:
    """What the database knows the bearer of that token by (see `storage.row_security`)."""
    return hashed(ctx, secret).hex()


def hashed(ctx: AppContext, secret: str) -> bytes:
    """By what a token is known again; without the keys, a stolen database gives none away."""
    return ctx.vault.chain("api-token-v1", secret.encode("utf-8", "surrogatepass"))


def _refuse_unless(ctx: AppContext, found: ApiTokenRow, wanted: str) -> None:
    now = _standing(ctx, found)
    if now != wanted:
        raise TeamRefused(Obstacle({"ended": "token_ended", "good": "token_drawn"}.get(now, f"token_{now}")))


# ---- answers ---------------------------------------------------------------------------------------------------------


def _text(text: str | None, key: str, most: int, problems: Problems) -> str:
    said = tidy(text)
    if not said:
        problems[key] = ("required",)
    elif len(said) > most:
        problems[key] = (f"too_long:{most}",)
    return said


def _place(session: Session, keeper: Keeper, code: str | None, problems: Problems) -> Unit | None:
    said = (code or "").strip().upper()
    unit = auth_repository.unit_coded(session, said) if said else None
    if unit is None or _post(keeper.administers, unit) is None:
        problems["unit"] = ("not_your_unit" if said else "required",)
        return None
    if unit.kind not in PLACES:
        problems["unit"] = ("no_such_place",)
        return None
    return unit


def _rights(rights: Sequence[str] | None, problems: Problems) -> tuple[Right, ...]:
    found = tuple(right for right in Right if right.value in (rights or ()))
    if not found or len(found) != len(set(rights or ())):
        problems["rights"] = ("unknown_option" if rights else "required",)
    return found


# ---- written down ----------------------------------------------------------------------------------------------------


def _write_down(
    ctx: AppContext,
    session: Session,
    actor: Actor,
    post: Appointment | None,
    kind: Kind,
    of: ApiTokenRow,
    sentence: str = "",
) -> None:
    """One row of `administration`, in the appointment that gives the right."""
    today = today_for(ctx)
    posts = people_repository.held(session, [actor.id]).get(actor.id, ()) if post is not None else ()
    own = (one for one in posts if post is not None and (one.role, one.unit) == (post.role, post.unit))
    held = next((one for one in own if one.is_current(today)), None)
    if held is None:
        raise Unseen("systems")
    administration_log.write_entry(
        session,
        Change(
            at=ctx.now(), actor=actor.id, kind=kind, unit=of.unit, account=actor.id, role=held.role,
            appointment=held.id, reason="systems", sentence=plain(sentence or of.name)[:SENTENCE_MOST],
            ends=today if kind is Kind.token_ended else of.ends, draft=of.id,
        ),
    )  # fmt: skip


def _once(ctx: AppContext, actor: Actor, token: str, what: str, said: object, change: Callable[[Session], str]) -> Done:
    """Make a change once, however often its form is sent; the directory and the form's token, or neither."""
    press = idempotency.press(ctx.vault, actor.id, token, what, said)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Done(str(before["system"]), repeated=True)
        with ctx.directory.writing() as kept:
            made = change(kept)
        idempotency.use(session, press, {"system": made}, at=ctx.now())
    return Done(made)
