"""A case as a use case finds it: visible or not, folded, with its surroundings; and how what follows is kept."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_check_repository, index_repository, lookup_repository, repository
from school_protocol.cases.school_requests import known_to, requests_of
from school_protocol.context import AppContext, NotWired, today_for
from school_protocol.engine import act_checks, visibility
from school_protocol.engine.actors import roles_of, standing_in
from school_protocol.engine.answers import NewPerson
from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import Door, Opened, Organisation, act_values
from school_protocol.engine.case_words import WORDS, first_free
from school_protocol.engine.deadlines import Due, open_dues, read
from school_protocol.engine.decisions import urgent_move
from school_protocol.engine.definition import Move, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import (
    EntryRetracted,
    Event,
    Recorded,
    RemarksAttached,
    ReviewAsked,
    StepTaken,
    VersionChanged,
    from_entry,
    to_entry,
)
from school_protocol.engine.facts import Colleague, Facts, Surroundings
from school_protocol.engine.name_detection import Naming
from school_protocol.engine.next_steps import answers_awaited, asked_alone, follow_ups, waiting_of
from school_protocol.engine.review_state import asked_first
from school_protocol.engine.sharing_state import OPENED
from school_protocol.engine.visibility import Actor, Reader, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.storage import backups, case_numbers, chain_checks, work_queue
from school_protocol.storage.backups import ErasedUnreadable
from school_protocol.storage.engines import Session, cache_of, read_before
from school_protocol.storage.journal import Chain, Flaw
from school_protocol.storage.models import CaseRecordRow

STARTING_PLACES = 200
RECEIVING_HEAD = "receiving_head"
"""Who is told at the other school, by its head's role."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Loaded:
    """One case in a transaction: its rows' id, what it is after its events, and who looks at it."""

    case_id: str
    protocol: Protocol
    case: Case
    facts: Facts
    around: Surroundings
    actor: Actor
    roles: tuple[str, ...]
    events: tuple[Event, ...]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Slot id → identity, opened only for who may read it."""
    naming: Naming | None = None
    """For a reader of pseudonyms: takes out of texts the names that they are not to read."""
    lifting: Opened | None = None
    """Names are lifted for this reader of pseudonyms, and the page was loaded to be read alone."""
    door: Door | None = None
    """Nothing but this emergency opening lets this person read the case."""

    @property
    def now(self) -> datetime:
        return self.facts.now

    @property
    def pseudonymised(self) -> bool:
        """Whether every role that this person has here sees pseudonyms only, or that the case is there."""
        return all(sees_pseudonyms(self.protocol, role) for role in self.roles)

    @property
    def metadata_only(self) -> bool:
        """Whether this person may know of the case, and read only what is written for their role."""
        declared = [self.protocol.roles.get(role) for role in self.roles]
        return bool(declared) and all(role is not None and role.sees is ScopeKind.metadata for role in declared)


def sees_pseudonyms(protocol: Protocol, role: str) -> bool:
    """Whether that role or seat, by itself, reads signs in place of names, or knows of the case alone."""
    seat = protocol.seats.get(role)
    if seat is not None:
        return not seat.identified and (seat.acts_as is None or protocol.roles[seat.acts_as].pseudonymised)
    declared = protocol.roles[role]
    return declared.pseudonymised or declared.sees is ScopeKind.metadata


# ---- surroundings ------------------------------------------------------------------------------------------------


def surroundings(
    ctx: AppContext,
    unit_id: str,
    *,
    joinable: Iterable[str] = (),
    neighbours: bool = False,
    named: Iterable[str] = (),
    language: str = "",
) -> Surroundings:
    """Living directory data for a case of that unit; `neighbours` adds the people of the units beside it.

    `named` are codes of schools that the case names: those that the installation has are known. People are named as
    `language` writes them, else as each of them does.
    """
    with ctx.directory.reading() as session:
        unit = auth_repository.unit(session, unit_id)
        calendar = people_repository.calendar_for(session, unit)
        today = calendar.local(ctx.now()).date()
        beside = auth_repository.children(session, unit.parents[0]) if neighbours and unit.parents else ()
        places = dict.fromkeys((unit.id, *unit.parents, *(one.id for one in beside)))
        found = auth_repository.holders(session, tuple(places), today=today)
        others = auth_repository.schools_coded(session, set(named) - {unit.code})
        left = auth_repository.left_by(session, {holder.account.id for holder in found}, today=today)
    elsewhere = {one.id: one.name(language or "fr") for one in beside if one.id != unit.id}
    people: dict[str, Colleague] = {}
    for holder in found:
        known = people.get(holder.account.id)
        roles = (*known.roles, (holder.role, holder.unit)) if known else ((holder.role, holder.unit),)
        people[holder.account.id] = Colleague(
            holder.account.id,
            holder.account.name(language or holder.account.language),
            roles,
            holder.account.is_trained(today),
            elsewhere.get(roles[0][1], "") if all(place in elsewhere for _role, place in roles) else "",
            holder.has_way_in,
            frozenset(left.get(holder.account.id, ())),
        )
    return Surroundings(calendar, unit, people, frozenset(joinable), frozenset((unit.code, *others)), others)


def schools_named(protocol: Protocol, case: Case) -> set[str]:
    """Codes of schools that the case's records name."""
    found = set()
    for record in case.records:
        item = protocol.form_of(record.act).find(FieldType.school)
        if item is not None and isinstance(code := record.answers.get(item.key), str):
            found.add(code)
    return found


def scope_of(ctx: AppContext, actor: Actor) -> visibility.Scope:
    return visibility.visible(actor, ctx.library.sights(), ctx.now())


def sees_no_case(session: Session, scope: visibility.Scope, today: date) -> bool:
    """Whether this person sees cases by no role, and holds no seat in any."""
    by_role = any(clause.reach is not visibility.Reach.seat for clause in scope.clauses)
    return not by_role and not index_repository.page(session, scope, today=today, limit=1).rows


def may_find(ctx: AppContext, actor: Actor) -> bool:
    """Whether there are cases for this person to look for: by a role, or by a seat in one."""
    with ctx.realm.reading() as session:
        return not sees_no_case(session, scope_of(ctx, actor), today_for(ctx))


# ---- load --------------------------------------------------------------------------------------------------------


def load(ctx: AppContext, session: Session, actor: Actor, number: str, *, reading: bool = False) -> Loaded:
    """The case with that number, if this person may see it; raises Unseen.

    `reading`: for a page that is only read. Names stand on it while they are lifted for this person, and an emergency
    opening is enough to see it; for everything else neither of the two counts.
    """
    digits, scope = case_numbers.check_number(number) if actor.realm == ctx.name else None, scope_of(ctx, actor)
    case_id = digits and index_repository.find_id(session, scope, digits, today=today_for(ctx))
    if not case_id:
        raise Unseen(number)
    loaded = load_by_id(ctx, session, actor, case_id, reading=reading)
    # The index finds a case and grants nothing: whoever could write a row of it would read all. The events decide. And
    # what was opened by name, or by a door, opens nothing once no role reads the case.
    if not loaded.roles or not visibility.may_see(scope, place_of(loaded.facts)):
        raise Unseen(number)
    return loaded


def place_of(facts: Facts) -> visibility.Place:
    """Where the case stands for policy, by its events: what its index row says, where nobody altered that."""
    case, around = facts.case, facts.around
    return visibility.Place(
        protocol=case.protocol,
        unit=case.unit,
        province=_above(around, UnitKind.province),
        region=_above(around, UnitKind.region),
        team_sees=facts.protocol.states[case.state].team_sees,
        restricted=case.restricted_seq is not None,
        seats=frozenset(seat.account for seat in _seats(facts.protocol, case) if seat.is_held(facts.today)),
        excluded=frozenset(case.exclusions),
        readers=frozenset(_readers(facts)),
        number=case.number,
    )


def load_by_id(ctx: AppContext, session: Session, actor: Actor, case_id: str, *, reading: bool = False) -> Loaded:
    """The case with that id, for who was let through already."""
    if not reading:
        repository.hold_beside(session, case_id)
    protocol, case = folded(ctx, session, case_id)
    events = tuple(case.events)
    around = surroundings(ctx, case.unit, named=schools_named(protocol, case), language=actor.language)
    facts = read(protocol, case, ctx.now(), around)
    loaded = Loaded(case_id, protocol, case, facts, around, actor, (), events)
    loaded.roles = roles_of(protocol, case, actor, around, facts.today)
    if reading and not loaded.roles:
        loaded.door = case.door_of(actor.id, facts.now)
        loaded.roles = roles_by_door(loaded)
    if reading and loaded.pseudonymised and not loaded.metadata_only:
        loaded.lifting = case.lifting_of(actor.id, facts.now) if loaded.roles else None
    if loaded.roles and (loaded.lifting or not loaded.pseudonymised):
        loaded.names = names_in(ctx, session, case_id)
    elif loaded.roles and not loaded.metadata_only:
        loaded.naming = naming_of(protocol, names_in(ctx, session, case_id))
    return loaded


def roles_by_door(loaded: Loaded) -> tuple[str, ...]:
    """The role in which somebody opened the case in an emergency, as long as they hold it: to read, never to act."""
    door = loaded.door
    held = loaded.actor.roles_in(loaded.around.places)
    return (door.role,) if door is not None and door.role in held else ()


def folded(ctx: AppContext, session: Session, case_id: str) -> tuple[Protocol, Case]:
    """A case as its events make it, and the version of its protocol that it follows now."""
    known, before = cache_of(session, folded), read_before(session, folded)
    if case_id not in known:
        opened = repository.opened(session, case_id)
        if case_id not in before or before[case_id][0] != repository.state(session, case_id):
            before[case_id] = _read_whole(ctx, session, opened)
        known[case_id] = before[case_id]
    found: _Read = known[case_id]
    return found[1:]


_Read = tuple[tuple[int, int], Protocol, Case]
"""A case as it was read: the `repository.state` it was in, by which version, and what its events come to."""


def _read_whole(ctx: AppContext, session: Session, opened: CaseRecordRow) -> _Read:
    entries = repository.load_events(session, ctx.vault, opened.id)
    events = [from_entry(one) for one in entries]
    changes = (event for event in reversed(events) if isinstance(event, VersionChanged))
    latest = next(changes, None)
    protocol = ctx.library.protocol(opened.protocol, latest.version if latest else opened.version)
    case = fold(protocol, events, earlier=ctx.library.earlier(opened.protocol, events))
    return (case.last_seq, sum(1 for one in entries if one.words)), protocol, case


def stood_at(ctx: AppContext, case: Case, ends: datetime, around: Surroundings) -> Facts:
    """A case as the journal had it before that moment, read by the version that it followed then."""
    events = [event for event in case.events if event.at < ends]
    latest = next((event for event in reversed(events) if isinstance(event, VersionChanged)), None)
    protocol = ctx.library.protocol(case.protocol, latest.version if latest else case.versions[0][1])
    if len(events) < len(case.events):
        case = fold(protocol, events, earlier=ctx.library.earlier(case.protocol, events))
    return read(protocol, case, ends, around)


def naming_of(protocol: Protocol, names: Mapping[str, Mapping[str, str]]) -> Naming:
    """The people of a case by their sign, ready to be looked for in a text."""
    return Naming({sign_of(protocol, slot_id): identity for slot_id, identity in names.items()})


def sign_of(protocol: Protocol, slot_id: str) -> str:
    """`targeted_pupil-1` → EV1."""
    slot, _, number = slot_id.rpartition("-")
    return f"{protocol.slots[slot].short}{number}"


def names_in(ctx: AppContext, session: Session, case_id: str) -> dict[str, Mapping[str, str]]:
    known = cache_of(session, names_in)
    if case_id not in known:
        known[case_id] = {
            person.slot_id: dict(person.values) if person.values else {}
            for person in repository.load_identities(session, ctx.vault, case_id)
        }
    return dict(known[case_id])


def as_it_stood(loaded: Loaded, event: Event) -> Loaded:
    """The case just before that event, at its moment, by the version that it followed then."""
    events = tuple(one for one in loaded.events if one.seq < event.seq)
    protocol = loaded.case.protocol_at(event.seq, loaded.protocol)
    case = fold(protocol, events, earlier=loaded.case.earlier)
    facts = read(protocol, case, event.at, loaded.around)
    return replace(loaded, protocol=protocol, case=case, events=events, facts=facts)


def with_neighbours(ctx: AppContext, loaded: Loaded) -> Loaded:
    """The same case, knowing the people of the schools beside: a second signature may come from there."""
    loaded.around = surroundings(
        ctx,
        loaded.case.unit,
        joinable=loaded.around.joinable,
        neighbours=True,
        named=loaded.around.schools,
        language=loaded.actor.language,
    )
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


def with_joinable(ctx: AppContext, session: Session, loaded: Loaded) -> Loaded:
    """The same case, knowing the open cases of its school that this person sees: for joining."""
    page = index_repository.page(
        session,
        scope_of(ctx, loaded.actor).of_content(),
        today=today_for(ctx),
        limit=STARTING_PLACES,
        filter=index_repository.Filter(ended=False, unit=loaded.case.unit, protocol=loaded.protocol.protocol),
    )
    numbers = frozenset(row.number for row in page.rows) - {loaded.case.number}
    loaded.around = replace(loaded.around, joinable=numbers)
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


def with_schools(ctx: AppContext, loaded: Loaded, codes: Iterable[str]) -> Loaded:
    """The same case, knowing these schools too, as far as the installation has them."""
    with ctx.directory.reading() as session:
        found = auth_repository.schools_coded(session, set(codes) - {loaded.around.unit.code})
    around = loaded.around
    loaded.around = replace(around, schools=around.schools | set(found), named={**around.named, **found})
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


def with_organisations(ctx: AppContext, loaded: Loaded) -> Loaded:
    """The same case, knowing to which organisations of its place it may be referred."""
    with ctx.directory.reading() as session:
        found = people_repository.contacts_of(session, loaded.case.unit)
    known = tuple(
        Organisation(one.id, loaded.protocol.resolve("targets", one.target), one.names, one.phone) for one in found
    )
    loaded.around = replace(loaded.around, organisations=known)
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


# ---- keep --------------------------------------------------------------------------------------------------------


def keep(
    ctx: AppContext, session: Session, loaded: Loaded, events: Sequence[Event], people: Iterable[NewPerson] = ()
) -> Case:
    """Append events to the case as it was loaded: `keep_in`."""
    return keep_in(ctx, session, loaded.case_id, loaded.protocol, loaded.case, events, people, loaded.around)


def keep_in(
    ctx: AppContext,
    session: Session,
    case_id: str,
    protocol: Protocol,
    before: Case | None,
    events: Sequence[Event],
    people: Iterable[NewPerson] = (),
    around: Surroundings | None = None,
) -> Case:
    """Append events to the case as it was `before`, seal the people named with them, rewrite the index row.

    All or nothing; returns the case after them. Raises Unseen where they would open a case again whose erasure has
    begun.
    """
    if any(isinstance(event, StepTaken) and protocol.states[event.source].ended for event in events):
        _not_gone(ctx, session, case_id)
    case = before.copied() if before else Case()
    entries = repository.append(
        session, ctx.vault, case_id, case.last_seq, [to_entry(protocol, event) for event in events]
    )
    for person in people:
        repository.keep_identities(
            session,
            ctx.vault,
            case_id,
            slot_id=person.id,
            slot=person.slot,
            values=person.identity,
            marks=marks_of(person.identity),
        )
    numbered = [event.numbered(entry.seq) for event, entry in zip(events, entries, strict=True)]
    case.earlier = ctx.library.earlier(protocol.protocol, [*case.events, *numbered])
    case = fold(protocol, numbered, case)
    if any(isinstance(event, EntryRetracted) for event in numbered):
        repository.unmark(session, case_id, case.former)
    _write(ctx, session, case_id, read(protocol, case, ctx.now(), around or surroundings(ctx, case.unit)))
    return case


def first_word(ctx: AppContext, session: Session, case_id: str, unit: str, people: Iterable[NewPerson] = ()) -> str:
    """The word of a case that is being opened: none that another open case of the school has, no name of its people."""
    names = [str(one.identity.get("name", "")) for one in people]
    return first_free(words_drawn(ctx, case_id), lookup_repository.words_in_use(session, unit), names)


def words_drawn(ctx: AppContext, case_id: str, time: int = 0) -> list[str]:
    """All words in an order of the case's own, for each time that it is given one: a word doesn't tell which others are
    in use."""
    return sorted(WORDS, key=lambda word: ctx.vault.mark(case_id, f"{time} {word}"))


def _not_gone(ctx: AppContext, session: Session, case_id: str) -> None:
    if is_listed_erased(ctx, session, case_id):
        raise Unseen(case_id)


def is_listed_erased(ctx: AppContext, session: Session, case_id: str) -> bool:
    """Whether the list of erased cases names it.

    One that was touched or can't be read says no, and whoever administers is told: it keeps no child's case shut, and
    nobody from suspending an erasure.
    """
    try:
        noted = backups.read_erased(ctx.settings.data, ctx.vault)
    except ErasedUnreadable as error:
        said = "a case goes on though the list of erased cases was touched or can't be read: %s"
        _log.error(said, type(error).__name__)
        _have_told(ctx, session)
        return False
    return any(one.case_id == case_id for one in noted)


def _have_told(ctx: AppContext, session: Session) -> None:
    """Keep it as the check of the night would, once: the worker then tells whoever administers the installation.

    It stands beside the latest check and takes the place of none: the next one comes as it would have.
    """
    said, latest = f"{Chain.anchors.value}  0 {Flaw.erased_list.value}", chain_checks.latest_check(session)
    if latest is not None and latest.first_fault == said:
        return
    began = latest.started_at if latest else ctx.now() - timedelta(days=1)
    chain_checks.keep_check(session, started_at=began, finished_at=ctx.now(), events=0, faults=1, first_fault=said)


def marks_of(identity: Mapping[str, Any]) -> list[str]:
    """The names and codes by which a case is found."""
    return [mark_text(text) for text in known_by(identity).values()]


def known_by(identity: Mapping[str, Any]) -> dict[str, str]:
    """What somebody is known by wherever they go: their name and code."""
    return {key: str(identity[key]) for key in ("name", "massar") if key in identity}


def mark_text(text: str) -> str:
    """What a name or code is found by: its words in one order, however they were said."""
    return " ".join(sorted(text.split()))


def reindex(ctx: AppContext, session: Session, case_id: str) -> index_repository.IndexRow | None:
    """Write the case's index row anew from its events; whom a record named that was taken back is not found by it.

    None, and nothing is written, where the case was erased meanwhile.
    """
    repository.hold(session, case_id)
    if repository.is_destroyed(session, case_id):
        return None
    protocol, case = folded(ctx, session, case_id)
    around = surroundings(ctx, case.unit)
    repository.unmark(session, case_id, case.former)
    return _write(ctx, session, case_id, read(protocol, case, ctx.now(), around), anew=True)


def _write(
    ctx: AppContext, session: Session, case_id: str, facts: Facts, *, anew: bool = False
) -> index_repository.IndexRow:
    """The index row, and all that packages keep of a case: beside its row, or once that is written."""
    row = index_row(case_id, facts.protocol, facts.case, facts, facts.around)
    _tell_who_stands_in(ctx, session, row, facts)
    _tell_who_alone_can(ctx, session, row)
    index_repository.write(session, row, _beside(ctx, session, row, facts), anew=anew)
    for follow in ctx.wiring.following:
        follow(ctx, session, case_id, facts)
    return row


def _tell_who_alone_can(ctx: AppContext, session: Session, row: index_repository.IndexRow) -> None:
    """Whoever alone can meet what the next step needs is told as it comes to wait for them."""
    before = index_repository.asked_of(session, row.case_id) if row.asked else ()
    known = {(one.role, one.act, one.need) for one in before}
    for one in row.asked:
        if (one.role, one.act, one.need) not in known:
            _ask_to_tell(ctx, session, row.case_id, one.role, one.act)


def _tell_who_stands_in(ctx: AppContext, session: Session, row: index_repository.IndexRow, facts: Facts) -> None:
    """Where a restricted case comes up to those who stand in for those who oversee, they are told; and these, where it
    comes back to them. Of one that is opened, or restricted now, its deadlines and the step tell."""
    before = index_repository.row_of(session, row.case_id) if row.restricted and not row.ended else None
    if before is None or not before.restricted:
        return
    protocol, standing = facts.protocol, standing_in(facts.protocol, facts.case, facts.around, facts.today)
    stood_in = any(one.until is None for one in before.readers)
    if bool(standing) is stood_in:
        return
    told = [role for _account, role in standing] or [role.key for role in protocol.roles.values() if role.oversees]
    urgent = row.urgent or any(protocol.deadlines[due.key].urgent for due in row.dues)
    for role in dict.fromkeys(told):
        _ask_to_tell(ctx, session, row.case_id, role, "stands_in", urgent=urgent)


def _beside(
    ctx: AppContext, session: Session, row: index_repository.IndexRow, facts: Facts
) -> list[index_repository.Beside]:
    """What the case asks of other schools, and what packages say. Raises NotWired unless each table is said once."""
    asked = requests_of(ctx, facts.protocol, facts.case, facts.around)
    found = [*lookup_repository.rows_of(row.case_id, asked, known_to(ctx, session, facts.protocol, facts.case))]
    for project in ctx.wiring.projections:
        found += project(ctx, session, row, facts)
    said = sorted(table.__tablename__ for table, _rows in found)
    if said != index_check_repository.beside():
        raise NotWired(
            f"beside an index row stand {', '.join(index_check_repository.beside())}; said were {', '.join(said)}"
        )
    return found


def index_row(
    case_id: str, protocol: Protocol, case: Case, facts: Facts, around: Surroundings
) -> index_repository.IndexRow:
    """What may be known of a case outside its seal."""
    state = protocol.states[case.state]
    running = open_dues(facts)
    planned = tuple(
        index_repository.Due(one.act, one.due_at, one.day.isoformat()) for one in follow_ups(facts, running)
    )
    moments = [(due.due_at, due.deadline) for due in running] + [(due.due_at, due.key) for due in planned]
    next_due_at, next_due_key = min(moments, default=(None, None))
    waiting = waiting_of(facts, running)
    raised = len(case.live_dangers("raised"))
    assert case.opened_at is not None
    return index_repository.IndexRow(
        case_id=case_id,
        number=case.number,
        protocol=case.protocol,
        version=case.version,
        unit=case.unit,
        province=_above(around, UnitKind.province),
        region=_above(around, UnitKind.region),
        word=case.word,
        state=case.state,
        stage=state.stage,
        level=case.level or None,
        team_sees=state.team_sees,
        restricted=case.restricted_seq is not None,
        ended=state.ended,
        raised=raised,
        next_due_at=next_due_at,
        next_due_key=next_due_key,
        urgent=raised > 0 or _first_minutes_run(protocol, case, running),
        next_key=waiting.key,
        next_kind=waiting.kind,
        waiting_since=waiting.since,
        waits_on_authority=answers_awaited(facts),
        waits_on_family=waiting.on_family,
        opened_at=case.opened_at,
        moved_at=case.entry.at,
        last_seq=case.last_seq,
        waiting_for=waiting.roles,
        asked=asked_alone(facts, running),
        seats=tuple(_seats(protocol, case)),
        exclusions=frozenset(case.exclusions),
        readers=frozenset(_readers(facts)),
        dues=tuple(_due(protocol, due) for due in _once_each(running)),
        planned=planned,
        figures={
            key: value
            for key, fact in protocol.facts.items()
            if fact.figure and isinstance(value := facts[key], str | int | bool)
        }
        | {f"{index_repository.DEPARTED}{need}": True for step in case.steps for need in step.departures},
    )


def _readers(facts: Facts) -> Iterator[Reader]:
    """Whoever opened the case in an emergency; and whoever stands in for those who oversee, till one of them may."""
    yield from (Reader(door.account, door.until) for door in facts.case.doors if door.ended_at is None)
    for account, _role in standing_in(facts.protocol, facts.case, facts.around, facts.today):
        yield Reader(account)


def _first_minutes_run(protocol: Protocol, case: Case, running: Iterable[Due]) -> bool:
    """Whether a danger stands, and something runs that only acts of the first minutes can meet."""
    if not case.live_dangers():
        return False
    meeting = (protocol.deadlines[due.deadline].met_by for due in running)
    first = {key for key, act in protocol.acts.items() if act.first_minutes}
    return any(met_by and all(source.act in first for source in met_by) for met_by in meeting)


def _above(around: Surroundings, kind: UnitKind) -> str:
    if around.unit.kind is kind:
        return around.unit.id
    order = [UnitKind.province, UnitKind.region, UnitKind.country]
    place = order.index(kind)
    offset = {UnitKind.school: 0, UnitKind.province: 1, UnitKind.region: 2}.get(around.unit.kind, 3)
    parents: Sequence[str] = around.unit.parents
    return parents[place - offset] if 0 <= place - offset < len(parents) else ""


def _seats(protocol: Protocol, case: Case) -> Iterator[index_repository.IndexSeat]:
    """The seats by which a case is seen: whoever only answers for another school sees nothing of it."""
    for held in (one for one in case.seats if not protocol.seats[one.seat].receives):
        yield index_repository.IndexSeat(
            held.account, held.seat, date.fromisoformat(held.until) if held.until else None
        )


def _once_each(running: Iterable[Due]) -> Iterator[Due]:
    seen: set[tuple[str, str]] = set()
    for due in running:
        if (due.deadline, due.subject) not in seen:
            seen.add((due.deadline, due.subject))
            yield due


def _due(protocol: Protocol, due: Due) -> index_repository.Due:
    return index_repository.Due(due.deadline, due.due_at, due.subject, protocol.deadlines[due.deadline].urgent)


def notify(
    ctx: AppContext,
    session: Session,
    protocol: Protocol,
    case: Case,
    case_id: str,
    events: Iterable[Event],
    around: Surroundings,
) -> None:
    """Ask in the same transaction for the messages that the moves made call for: ids only, no content."""
    facts, events = read(protocol, case, ctx.now(), around), tuple(events)
    moved = {event.move for event in events if isinstance(event, StepTaken)}
    for event in events:
        if isinstance(event, ReviewAsked):
            tell(ctx, session, case_id, asked_first(protocol))
        if isinstance(event, EntryRetracted) and calls_off(case, event):
            _ask_to_tell(ctx, session, case_id, "", "taken_back", urgent=True, entry=event.entry)
        if isinstance(event, Recorded):
            _notify_of_act(ctx, session, protocol, case_id, event)
        move = _move_told(protocol, event, moved)
        if move is None:
            continue
        for notice in move.notify:
            if notice.when is None or notice.when.holds(facts):
                _ask_to_tell(ctx, session, case_id, notice.to, move.key, urgent=notice.urgent)


def _move_told(protocol: Protocol, event: Event, moved: Collection[str]) -> Move | None:
    """The move of whose notices somebody is told: the one that was made, and of each danger the urgent one."""
    if isinstance(event, StepTaken):
        return protocol.moves[event.move]
    move = urgent_move(protocol) if raises_danger(protocol, event) else None
    return move if move is not None and move.key not in moved else None


def raises_danger(protocol: Protocol, event: Event) -> bool:
    """Whether it raises one: also one more, or the same again, where the case is on its way already."""
    return isinstance(event, Recorded) and act_checks.raises_danger(protocol.acts[event.act].kind, event.derived)


def calls_off(case: Case, event: Event) -> bool:
    """Whether it takes back an entry that raised a danger: everybody who was told of it is told so."""
    record = case.written(event.entry) if isinstance(event, EntryRetracted) else None
    return record is not None and act_checks.raises_danger(record.kind, record.derived)


def _notify_of_act(ctx: AppContext, session: Session, protocol: Protocol, case_id: str, event: Recorded) -> None:
    """Whom the act itself tells: another school's side of what waits for it, its head of a case that opened there."""
    opened = event.derived.get(OPENED)
    values = act_values(protocol, event.act, event.answers, event.role, event.actor)
    for notice in protocol.acts[event.act].notify:
        is_asked = notice.to in protocol.seats and protocol.seats[notice.to].receives
        if (is_asked and opened) or (notice.to == RECEIVING_HEAD and not opened):
            continue
        if notice.when is None or notice.when.holds(values):
            _ask_to_tell(ctx, session, case_id, notice.to, event.act, urgent=notice.urgent, opened=opened or "")


def tell(ctx: AppContext, session: Session, case_id: str, roles: Iterable[str]) -> None:
    """Ask for a message, without content, to whoever holds these roles or seats."""
    for role in roles:
        _ask_to_tell(ctx, session, case_id, role, "review", review=True)


def _ask_to_tell(
    ctx: AppContext, session: Session, case_id: str, to: str, move: str, *, urgent: bool = False, **more: str | int
) -> None:
    payload: work_queue.Payload = {"case": case_id, "to": to, "move": move, "urgent": urgent, **more}
    work_queue.put_message(session, "notify", payload, at=ctx.now())


def accounts_in(loaded: Loaded) -> set[str]:
    """Every account that pages and papers of this case may have to name, those that answers point at among them."""
    found = {event.actor for event in loaded.events} | {held.account for held in loaded.case.seats}
    written = (event for event in loaded.events if isinstance(event, Recorded | RemarksAttached))
    found |= {event.paper.by for event in written if event.paper}
    found |= set(loaded.around.people)
    for record in (*loaded.case.records, *loaded.case.retracted.values()):
        protocol = loaded.case.protocol_at(record.seq, loaded.protocol)
        found |= set(_pointed_at(protocol.form_of(record.act).fields, record.answers))
    return found


def _pointed_at(fields: Iterable[FormField], answers: Mapping[str, Any]) -> Iterator[str]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for row in value or ():
                yield from _pointed_at(item.fields, row)
        elif item.type in (FieldType.account, FieldType.accounts) and value:
            yield from [value] if isinstance(value, str) else value


def account_names(ctx: AppContext, ids: Iterable[str], language: str) -> dict[str, str]:
    """Names of accounts as that language writes them, for showing who did what."""
    with ctx.directory.reading() as session:
        found = auth_repository.accounts(session, tuple(set(ids)))
    return {key: account.name(language) for key, account in found.items()}
