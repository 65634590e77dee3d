"""A case as a use case finds it: visible or not, folded, with its surroundings; and how what follows is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from school_protocol.domain import policy
from school_protocol.domain.answers import NewPerson
from school_protocol.domain.case import Case, fold
from school_protocol.domain.dues import Due, open_dues, read
from school_protocol.domain.engine import roles_of
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import (
    EntryRetracted,
    Event,
    Recorded,
    RemarksAttached,
    StepTaken,
    VersionChanged,
    from_entry,
    to_entry,
)
from school_protocol.domain.facts import Colleague, Facts, Surroundings
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.naming import Naming
from school_protocol.domain.policy import Actor, UnitKind
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.services.house import House
from school_protocol.services.waiting import answers_awaited, follow_ups, waiting_of
from school_protocol.storage import cases, directory, identities, index, outbox
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

STARTING_PLACES = 200


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

    @property
    def now(self) -> datetime:
        return self.facts.now

    @property
    def pseudonymised(self) -> bool:
        """Whether every role that this person has here sees pseudonyms only."""
        return all(sees_pseudonyms(self.protocol, role) for role in self.roles)

    @property
    def metadata_only(self) -> bool:
        """Whether this person may know of the case, and read only what is written for their role."""
        declared = [self.protocol.roles.get(role) for role in self.roles]
        return bool(declared) and all(role is not None and role.sees is ScopeKind.metadata for role in declared)


def sees_pseudonyms(protocol: Protocol, role: str) -> bool:
    """Whether that role or seat, by itself, reads signs in place of names."""
    seat = protocol.seats.get(role)
    if seat is not None:
        return not seat.identified and (seat.acts_as is None or protocol.roles[seat.acts_as].pseudonymised)
    declared = protocol.roles[role]
    return declared.pseudonymised or declared.sees is ScopeKind.metadata


# ---- surroundings ------------------------------------------------------------------------------------------------


def surroundings(
    house: House,
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
    with house.directory.reading() as session:
        unit = directory.unit(session, unit_id)
        calendar = directory.calendar_for(session, unit)
        today = calendar.local(house.now()).date()
        beside = directory.children(session, unit.parents[0]) if neighbours and unit.parents else ()
        places = dict.fromkeys((unit.id, *unit.parents, *(one.id for one in beside)))
        found = directory.holders(session, tuple(places), today=today)
        schools = directory.school_codes(session, [unit.code, *named])
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
        )
    return Surroundings(calendar, unit, people, frozenset(joinable), frozenset((unit.code, *schools)))


def schools_named(protocol: Protocol, case: Case) -> set[str]:
    """Codes of schools that the case's records name."""
    found = set()
    for record in case.records:
        item = protocol.form_of(record.act).find(FieldType.school)
        if item is not None and isinstance(code := record.answers.get(item.key), str):
            found.add(code)
    return found


def scope_of(house: House, actor: Actor) -> policy.Scope:
    return policy.visible(actor, house.library.sights())


def today_for(house: House) -> date:
    """The day as lists see it; all academies keep the same zone."""
    return house.now().astimezone(ZONE).date()


# ---- load --------------------------------------------------------------------------------------------------------


def load(house: House, session: Session, actor: Actor, number: str) -> Loaded:
    """The case with that number, if this person may see it; raises Unseen."""
    digits = cases.check_number(number)
    case_id = digits and index.find_id(session, scope_of(house, actor), digits, today=today_for(house))
    if not case_id:
        raise Unseen(number)
    return load_by_id(house, session, actor, case_id)


def load_by_id(house: House, session: Session, actor: Actor, case_id: str) -> Loaded:
    """The case with that id, for who was let through already."""
    protocol, case = folded(house, session, case_id)
    events = tuple(case.events)
    around = surroundings(house, case.unit, named=schools_named(protocol, case), language=actor.language)
    facts = read(protocol, case, house.now(), around)
    loaded = Loaded(case_id, protocol, case, facts, around, actor, (), events)
    loaded.roles = roles_of(protocol, case, actor, around, facts.today)
    if loaded.roles and not loaded.pseudonymised:
        loaded.names = names_in(house, session, case_id)
    elif loaded.roles and not loaded.metadata_only:
        loaded.naming = naming_of(protocol, names_in(house, session, case_id))
    return loaded


def folded(house: House, session: Session, case_id: str) -> tuple[Protocol, Case]:
    """A case as its events make it, and the version of its protocol that it follows now."""
    opened = cases.opened(session, case_id)
    events = [from_entry(entry) for entry in cases.load(session, house.vault, case_id)]
    changes = (event for event in reversed(events) if isinstance(event, VersionChanged))
    latest = next(changes, None)
    protocol = house.library.protocol(opened.protocol, latest.version if latest else opened.version)
    return protocol, fold(protocol, events, earlier=house.library.earlier(opened.protocol, events))


def naming_of(protocol: Protocol, names: Mapping[str, Mapping[str, str]]) -> Naming:
    """The people of a case by their sign, ready to be looked for in a text."""
    return Naming({sign_of(protocol, slot_id): identity for slot_id, identity in names.items()})


def sign_of(protocol: Protocol, slot_id: str) -> str:
    """`targeted_pupil-1` → EV1."""
    slot, _, number = slot_id.rpartition("-")
    return f"{protocol.slots[slot].short}{number}"


def names_in(house: House, session: Session, case_id: str) -> dict[str, Mapping[str, str]]:
    return {
        person.slot_id: dict(person.values) if person.values else {}
        for person in identities.load(session, house.vault, case_id)
    }


def as_it_stood(loaded: Loaded, event: Event) -> Loaded:
    """The case just before that event, at its moment, by the version that it followed then."""
    events = tuple(one for one in loaded.events if one.seq < event.seq)
    protocol = loaded.case.protocol_at(event.seq, loaded.protocol)
    case = fold(protocol, events, earlier=loaded.case.earlier)
    facts = read(protocol, case, event.at, loaded.around)
    return replace(loaded, protocol=protocol, case=case, events=events, facts=facts)


def with_neighbours(house: House, loaded: Loaded) -> Loaded:
    """The same case, knowing the people of the schools beside: a second signature may come from there."""
    loaded.around = surroundings(
        house,
        loaded.case.unit,
        joinable=loaded.around.joinable,
        neighbours=True,
        named=loaded.around.schools,
        language=loaded.actor.language,
    )
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


def with_joinable(house: House, session: Session, loaded: Loaded) -> Loaded:
    """The same case, knowing the open cases of its school that this person sees: for joining."""
    page = index.page(
        session,
        scope_of(house, loaded.actor).of_content(),
        today=today_for(house),
        limit=STARTING_PLACES,
        filter=index.Filter(ended=False, unit=loaded.case.unit, protocol=loaded.protocol.protocol),
    )
    numbers = frozenset(row.number for row in page.rows) - {loaded.case.number}
    loaded.around = Surroundings(
        loaded.around.calendar, loaded.around.unit, loaded.around.people, numbers, loaded.around.schools
    )
    loaded.facts = read(loaded.protocol, loaded.case, loaded.now, loaded.around)
    return loaded


# ---- keep --------------------------------------------------------------------------------------------------------


def keep(
    house: House,
    session: Session,
    case_id: str,
    protocol: Protocol,
    before: Sequence[Event],
    events: Sequence[Event],
    people: Iterable[NewPerson] = (),
    around: Surroundings | None = None,
) -> tuple[Event, ...]:
    """Append events after those `before`, seal the people named with them, rewrite the index row; all or nothing."""
    expected = before[-1].seq if before else 0
    entries = cases.append(session, house.vault, case_id, expected, [to_entry(protocol, event) for event in events])
    for person in people:
        identities.keep(
            session,
            house.vault,
            case_id,
            slot_id=person.id,
            slot=person.slot,
            values=person.identity,
            marks=[mark_text(person.identity[key]) for key in ("name", "massar") if key in person.identity],
        )
    numbered = tuple(event.numbered(entry.seq) for event, entry in zip(events, entries, strict=True))
    whole = [*before, *numbered]
    case = fold(protocol, whole, earlier=house.library.earlier(protocol.protocol, whole))
    if any(isinstance(event, EntryRetracted) for event in numbered):
        identities.unmark(session, case_id, case.former)
    index.write(session, _row(house, case_id, protocol, case, around))
    return numbered


def mark_text(text: str) -> str:
    """What a name or code is found by: its words in one order, however they were said."""
    return " ".join(sorted(text.split()))


def reindex(house: House, session: Session, case_id: str) -> index.IndexRow:
    """Write the case's index row anew from its events; whom a record named that was taken back is not found by it."""
    protocol, case = folded(house, session, case_id)
    row = _row(house, case_id, protocol, case, None)
    identities.unmark(session, case_id, case.former)
    index.write(session, row)
    return row


def _row(house: House, case_id: str, protocol: Protocol, case: Case, around: Surroundings | None) -> index.IndexRow:
    around = around or surroundings(house, case.unit)
    return index_row(case_id, protocol, case, read(protocol, case, house.now(), around), around)


def index_row(case_id: str, protocol: Protocol, case: Case, facts: Facts, around: Surroundings) -> index.IndexRow:
    """What may be known of a case outside its seal."""
    state = protocol.states[case.state]
    running, planned = open_dues(facts), tuple(one.due for one in follow_ups(facts))
    moments = [(due.due_at, due.deadline) for due in running] + [(due.due_at, due.key) for due in planned]
    next_due_at, next_due_key = min(moments, default=(None, None))
    waiting = waiting_of(facts, running)
    raised = len(case.live_dangers("raised"))
    assert case.opened_at is not None
    return index.IndexRow(
        case_id=case_id,
        number=case.number,
        protocol=case.protocol,
        version=case.version,
        unit=case.unit,
        province=_above(around, UnitKind.province),
        region=_above(around, UnitKind.region),
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
        seats=tuple(_seats(case)),
        exclusions=frozenset(case.exclusions),
        dues=tuple(_due(protocol, due) for due in _once_each(running)),
        planned=planned,
        figures={
            key: value
            for key, fact in protocol.facts.items()
            if fact.figure and isinstance(value := facts[key], str | int | bool)
        },
    )


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


def _seats(case: Case) -> Iterator[index.Seat]:
    for held in case.seats:
        yield index.Seat(held.account, held.seat, date.fromisoformat(held.until) if held.until else None)


def _once_each(running: Iterable[Due]) -> Iterator[Due]:
    seen: set[tuple[str, str]] = set()
    for due in running:
        if (due.deadline, due.subject) not in seen:
            seen.add((due.deadline, due.subject))
            yield due


def _due(protocol: Protocol, due: Due) -> index.Due:
    return index.Due(due.deadline, due.due_at, due.subject, protocol.deadlines[due.deadline].urgent)


def notify(
    house: House,
    session: Session,
    protocol: Protocol,
    case: Case,
    case_id: str,
    events: Iterable[Event],
    around: Surroundings,
) -> None:
    """Ask in the same transaction for the messages that the moves made call for: ids only, no content."""
    facts = read(protocol, case, house.now(), around)
    for event in events:
        if not isinstance(event, StepTaken):
            continue
        move = protocol.moves[event.move]
        for notice in move.notify:
            if notice.when is None or notice.when.holds(facts):
                outbox.put(
                    session,
                    "notify",
                    {"case": case_id, "to": notice.to, "move": move.key, "urgent": notice.urgent},
                    at=house.now(),
                )


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


def account_names(house: House, ids: Iterable[str], language: str) -> dict[str, str]:
    """Names of accounts as that language writes them, for showing who did what."""
    with house.directory.reading() as session:
        found = directory.accounts(session, tuple(set(ids)))
    return {key: account.name(language) for key, account in found.items()}
