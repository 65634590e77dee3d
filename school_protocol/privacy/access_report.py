"""Who can see a case, and why; who is shut out of it; and who has read it, when, what and for what reason.

It is for anyone who sees the case. Whoever is bound to one side of it learns of nobody seated for another, and of no
reading but their own; who takes no part in it is told to those alone who read that form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.sign_in_service import actors_of
from school_protocol.cases import index_repository
from school_protocol.cases.loading import Loaded, account_names, load, sees_pseudonyms
from school_protocol.cases.showing import note_reading, seeing_of
from school_protocol.cases.view_models import CaseHead
from school_protocol.context import AppContext, today_for
from school_protocol.engine import visibility
from school_protocol.engine.actors import standing_in
from school_protocol.engine.case_parts import Door, Opened
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Clause, Place, Reach, Scope
from school_protocol.privacy.emergency_access import is_side_bound, may_know_exclusions, may_lift
from school_protocol.storage import access_log
from school_protocol.storage.engines import Session
from school_protocol.storage.models import AccessRow

PAGE = 25


@dataclass(frozen=True, slots=True)
class Why:
    """One reason for which somebody sees the case.

    `kind`: seat, school, province, region, metadata, door (an emergency), stands_in (nobody who oversees may), or
    awaited (and has never signed in). `role`: the role or seat.
    """

    kind: str
    role: str = ""
    side: str = ""
    until: datetime | str | None = None


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """Somebody who can see the case. `signs`: they read signs in place of names; `lifted`: names, until then."""

    account: str
    name: str
    why: tuple[Why, ...]
    signs: bool
    metadata: bool
    lifted: datetime | None = None
    is_self: bool = False


@dataclass(frozen=True, slots=True)
class OutLine:
    """Somebody who takes no part in the case, and the entry that says so."""

    name: str
    entry: int


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """One reading: `what` is a code, split at its dot into `kind` and `key`; `opened` is the entry it rested on."""

    name: str
    at: datetime
    kind: str
    key: str
    why: str = ""
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Readings:
    """One page of readings, newest first; `after`: where the next one begins."""

    lines: tuple[ReadingLine, ...]
    after: str | None
    own_only: bool


@dataclass(frozen=True, slots=True)
class AccessReportView:
    """The whole page. `out` is None for whoever may not know of exclusions."""

    head: CaseHead
    lines: tuple[ReaderLine, ...]
    out: tuple[OutLine, ...] | None
    readings: Readings
    may_lift: bool
    lifting: Opened | None
    doors: tuple[Door, ...]
    door: Door | None
    limited: bool


def see_sight(ctx: AppContext, actor: Actor, number: str) -> AccessReportView:
    """Who sees this case, why, and who has read it. Looking is a reading itself. Raises Unseen."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        candidates = _candidates(ctx, actor.language, _place(ctx, session, loaded))
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        note_reading(ctx, session, loaded, "sight")
        place, limited = _place(ctx, session, loaded), _is_limited(loaded)
        lines = tuple(_lines(loaded, place, candidates))
        knows = not loaded.metadata_only and may_know_exclusions(loaded.protocol, loaded.roles)
        names = account_names(ctx, loaded.case.exclusions, loaded.actor.language)
        out = tuple(OutLine(names.get(account, "—"), seq) for account, seq in loaded.case.exclusions.items())
        return AccessReportView(
            head=seeing_of(ctx, loaded).head(),
            lines=tuple(line for line in lines if not limited or line.is_self or not _has_side(loaded.protocol, line)),
            out=out if knows else None,
            readings=_readings(ctx, session, loaded, None),
            may_lift=may_lift(loaded),
            lifting=loaded.lifting,
            doors=() if limited or loaded.metadata_only else tuple(reversed(loaded.case.doors)),
            door=loaded.door,
            limited=limited,
        )


def _place(ctx: AppContext, session: Session, loaded: Loaded) -> Place:
    row = index_repository.row_of(session, loaded.case_id)
    assert row is not None
    return row.place(today_for(ctx))


def see_readings(ctx: AppContext, actor: Actor, number: str, after: str | None = None) -> tuple[CaseHead, Readings]:
    """A further page of readings. Raises Unseen."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        note_reading(ctx, session, loaded, "sight")
        return seeing_of(ctx, loaded).head(), _readings(ctx, session, loaded, _cursor(after))


# ---- who sees it -------------------------------------------------------------------------------------------------


def _lines(loaded: Loaded, place: Place, candidates: Iterable[tuple[Actor, Scope]]) -> Iterator[ReaderLine]:
    """Everybody whom policy lets in, asked one by one: what pages do is what this page says.

    Whoever stood in for those who oversee is named in the index row till it is written anew, and reads no more.
    """
    standing = dict(standing_in(loaded.protocol, loaded.case, loaded.around, loaded.facts.today))
    for actor, scope in candidates:
        clauses = visibility.ways_in(scope, place)
        named = tuple(_by_name(loaded, actor, standing)) if visibility.is_named(scope, place) else ()
        if clauses or named:
            yield _line(loaded, actor, clauses, named)


def _candidates(ctx: AppContext, language: str, place: Place) -> list[tuple[Actor, Scope]]:
    """Whoever could see it: holders of a role in its school or above, whoever is seated, whoever it is open to.

    Worked out before the right to write is taken, in some queries, however many they are.
    """
    today = today_for(ctx)
    units = tuple(one for one in (place.unit, place.province, place.region) if one)
    with ctx.directory.reading() as people:
        held = {one.account.id for one in auth_repository.holders(people, units, today=today)}
        ids = held | place.seats | {reader.account for reader in place.readers}
        known = auth_repository.accounts(people, ids)
        actors = actors_of(ctx, known, people)
    sights, now = ctx.library.sights(), ctx.now()
    names = {one.id: one.name(language) for one in known.values()}
    return [(one, visibility.visible(one, sights, now)) for one in sorted(actors, key=lambda one: names[one.id])]


def _line(loaded: Loaded, actor: Actor, clauses: tuple[Clause, ...], named: tuple[Why, ...]) -> ReaderLine:
    known = loaded.around.people.get(actor.id)
    awaited = (Why("awaited"),) if known is not None and not known.has_way_in else ()
    why = tuple(dict.fromkeys((*_reasons(loaded, actor, clauses), *named, *awaited)))
    roles = [one.role for one in why if one.role]
    lifting = loaded.case.lifting_of(actor.id, loaded.now)
    return ReaderLine(
        account=actor.id,
        name=known.name if known else actor.name,
        why=why,
        signs=all(sees_pseudonyms(loaded.protocol, role) for role in roles),
        metadata=all(one.kind in ("metadata", "awaited") for one in why),
        lifted=lifting.until if lifting is not None else None,
        is_self=actor.id == loaded.actor.id,
    )


def _reasons(loaded: Loaded, actor: Actor, clauses: Iterable[Clause]) -> Iterator[Why]:
    kinds = {Reach.unit: "school", Reach.province: "province", Reach.region: "region"}
    for clause in clauses:
        if clause.metadata:
            yield Why("metadata", clause.role)
        elif clause.reach is Reach.seat:
            for held in loaded.case.seats_of(actor.id, loaded.facts.today):
                yield Why("seat", held.seat, held.side or "", held.until)
        else:
            yield Why(kinds[clause.reach], clause.role)


def _by_name(loaded: Loaded, actor: Actor, standing: Mapping[str, str]) -> Iterator[Why]:
    if (door := loaded.case.door_of(actor.id, loaded.now)) is not None:
        yield Why("door", door.role, until=door.until)
    if actor.id in standing:
        yield Why("stands_in", standing[actor.id])


def _has_side(protocol: Protocol, line: ReaderLine) -> bool:
    """Whether somebody is bound to a side: whoever is bound to one learns of nobody else who is."""
    seats = [why for why in line.why if why.kind == "seat"]
    return any(bool(why.side) or is_side_bound(protocol, (why.role,)) for why in seats)


def _is_limited(loaded: Loaded) -> bool:
    return is_side_bound(loaded.protocol, loaded.roles)


# ---- who has read it ---------------------------------------------------------------------------------------------


def _readings(ctx: AppContext, session: Session, loaded: Loaded, after: access_log.Cursor | None) -> Readings:
    own = _is_limited(loaded)
    rows = access_log.access_of_case(
        session, loaded.case_id, limit=PAGE + 1, after=after, account=loaded.actor.id if own else None
    )
    shown = rows[:PAGE]
    names = account_names(ctx, {row.account for row in shown}, loaded.actor.language)
    lines = tuple(_reading(row, names.get(row.account, "—")) for row in shown)
    return Readings(lines, str(access_log.Cursor(shown[-1].at, shown[-1].id)) if len(rows) > PAGE else None, own)


def _reading(row: AccessRow, name: str) -> ReadingLine:
    kind, _, key = row.what.partition(".")
    why, _, opened = row.reason.partition(".")
    return ReadingLine(name, row.at, kind, key, why, int(opened) if opened.isdecimal() else 0)


def _cursor(text: str | None) -> access_log.Cursor | None:
    """Where a page begins. Raises Unseen where an address says what is no place."""
    found = access_log.Cursor.parse(text) if text else None
    if text and found is None:
        raise Unseen(text)
    return found
