"""Service of cases over several schools: joins, hand-overs, what others ask, its answer, and contributions.

Whoever answers sees what they are asked, and nothing else of the case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, lookup_repository, repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import (
    Loaded,
    account_names,
    first_word,
    folded,
    keep,
    keep_in,
    known_by,
    load,
    load_by_id,
    names_in,
    naming_of,
    notify,
    scope_of,
    sign_of,
)
from school_protocol.cases.pseudonyms import without_names
from school_protocol.cases.school_requests import asker
from school_protocol.cases.view_models import ActView, CaseHead, Choices, ContributionLine, RecordView, tone_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.act_checks import Asking
from school_protocol.engine.actors import readers_above
from school_protocol.engine.answers import NewPerson
from school_protocol.engine.case import fold
from school_protocol.engine.case_parts import WHOM, Record
from school_protocol.engine.decisions import available, urgent_steps
from school_protocol.engine.definition import ActKind, Level, Move, Protocol, Slot
from school_protocol.engine.definition_parts import FieldType, Form, FormField, Option
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import CaseJoined, CaseOpened, Event, Recorded
from school_protocol.engine.intents import Reason
from school_protocol.engine.sharing_state import (
    OPENED,
    Asked,
    answering_act,
    answers_for,
    contributions,
    receiving_seats,
    restricts,
    waiting,
)
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.storage import access_log, case_numbers
from school_protocol.storage.engines import Session

_SIGN = re.compile(r"\[(\w+)\]")

# ---- joins and hand-overs: what goes along with a case --------------------------------------------------------------


def carry(ctx: AppContext, session: Session, loaded: Loaded, move: Move) -> None:
    """Give the case that this one joins what the move says it carries.

    Raises Refused where nobody above the school could read it any more, with those whom the two shut out.
    """
    other = loaded.case.successor
    other_id = repository.find_by_number(session, other or "")
    if other is None or other_id is None:
        return
    target = load_by_id(ctx, session, loaded.actor, other_id)
    joined = _joined_event(ctx, loaded, move.carries)
    readers = readers_above(target.protocol, target.case, target.around)
    if readers and readers <= set(joined.exclusions):
        raise Refused((Reason("nobody_left"),))
    case = keep(ctx, session, target, [joined])
    steps = urgent_steps(target.protocol, case, loaded.actor, ctx.now(), target.around, joined.role)
    if steps:
        after = keep_in(ctx, session, other_id, target.protocol, case, steps, around=target.around)
        notify(ctx, session, target.protocol, case, other_id, after.events[len(case.events) :], target.around)


def _joined_event(
    ctx: AppContext,
    loaded: Loaded,
    carries: Sequence[str],
    handover: Mapping[str, str] | None = None,
    people: Iterable[NewPerson] = (),
) -> CaseJoined:
    case = loaded.case
    return CaseJoined(
        actor=loaded.actor.id,
        role=loaded.roles[0] if loaded.roles else "",
        at=ctx.now(),
        occurred_at=ctx.now(),
        other=case.number,
        dangers=tuple(life.danger for life in case.live_dangers("raised")) if "dangers" in carries else (),
        holds=tuple(hold.guardian for hold in case.holds if hold.stands) if "holds" in carries else (),
        exclusions=tuple(case.exclusions) if "exclusions" in carries else (),
        referrals=tuple(
            {"target": one.target, "covers": list(one.covers), "at": one.at.isoformat()}
            | ({WHOM: dict(one.whom)} if one.whom else {})
            for one in case.referrals
            if one.is_open
        )
        if "referrals" in carries
        else (),
        handover=handover or {},
        people={one.id: one.slot for one in people},
    )


def hand_over(ctx: AppContext, session: Session, loaded: Loaded, move: Move, case_id: str, number: str) -> None:
    """Open the receiving school's case with the minimal hand-over: holds, exclusions and open referrals go along.

    Of people, those whom the request says: their slot, name and code, sealed under the key of their new case.
    """
    asked = next((one for one in reversed(loaded.case.records) if one.kind is ActKind.ask_transfer), None)
    unit = _receiving_unit(ctx, loaded, asked)
    answers = asked.answers if asked else {}
    fields = loaded.protocol.form_of(asked.act).fields if asked else ()
    along = Along(loaded.protocol, names_in(ctx, session, loaded.case_id), _going(loaded, fields, answers))
    said = {item.key: str(answers[item.key]) for item in fields if item.is_words and item.key in answers}
    words, people = {key: along.told(text) for key, text in said.items()}, along.people
    joined = _joined_event(ctx, loaded, move.carries or ("holds", "exclusions", "referrals"), words, people)
    lead = loaded.case.opened_from if loaded.case.contributes else None
    if people:
        access_log.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=ctx.now(), what="handed_over")
    open_elsewhere(ctx, session, loaded, unit, move.opens, case_id, number, joined, contributes_to=lead, people=people)


def _going(loaded: Loaded, fields: Iterable[FormField], answers: Mapping[str, Any]) -> tuple[str, ...]:
    """The people of the case who go along, as the request says."""
    said = (answers.get(item.key) for item in fields if item.goes_along)
    ids = (one for value in said if value for one in ([value] if isinstance(value, str) else value))
    return tuple(dict.fromkeys(one for one in ids if one in loaded.case.people))


@dataclass(frozen=True, slots=True)
class Along:
    """What another school's case is told of the people of this one: `going` are known there, of others nothing is."""

    protocol: Protocol
    names: Mapping[str, Mapping[str, str]]
    going: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, str]:
        """Their number here → the one that they have there."""
        counts: Counter[str] = Counter()
        found = {}
        for one in self.going:
            slot = one.rpartition("-")[0]
            counts[slot] += 1
            found[one] = f"{slot}-{counts[slot]}"
        return found

    @property
    def people(self) -> tuple[NewPerson, ...]:
        """They, with what they are known by: name and code."""
        return tuple(
            NewPerson(there, there.rpartition("-")[0], known_by(self.names.get(here, {})))
            for here, there in self.numbers.items()
        )

    def told(self, text: str) -> str:
        """A text with signs in place of names: theirs as they are there; those of others point at nobody."""
        signs = {sign_of(self.protocol, here): sign_of(self.protocol, there) for here, there in self.numbers.items()}
        taken = set(signs.values())

        def said(found: re.Match[str]) -> str:
            if (sign := found[1]) in signs:
                return f"[{signs[sign]}]"
            return sign.rstrip("0123456789") if sign in taken else sign

        return _SIGN.sub(said, naming_of(self.protocol, self.names).signed(text))


def open_elsewhere(
    ctx: AppContext,
    session: Session,
    loaded: Loaded,
    unit: str,
    state: str | None,
    case_id: str,
    number: str,
    joined: CaseJoined,
    *,
    contributes_to: str | None = None,
    restricted: bool = False,
    people: Sequence[NewPerson] = (),
) -> tuple[Event, ...]:
    """Open a case of its own at another school, with what this one hands over to it.

    `contributes_to`: the number of the case that another school leads, where this is a contribution to it.
    """
    opened = CaseOpened(
        actor=loaded.actor.id,
        role=joined.role,
        at=ctx.now(),
        occurred_at=ctx.now(),
        protocol=loaded.protocol.protocol,
        version=loaded.protocol.version,
        digest=loaded.protocol.digest,
        number=number,
        unit=unit,
        state=state or loaded.protocol.initial.key,
        opened_from=contributes_to or loaded.case.number,
        contributes=contributes_to is not None,
        restricted=restricted,
        word=first_word(ctx, session, case_id, unit, people),
    )
    repository.open_case(
        session,
        ctx.vault,
        case_id=case_id,
        number=number,
        protocol=opened.protocol,
        version=opened.version,
        digest=opened.digest,
        unit=unit,
        opened_at=ctx.now(),
    )
    return tuple(keep_in(ctx, session, case_id, loaded.protocol, None, [opened, joined], people).events)


def _receiving_unit(ctx: AppContext, loaded: Loaded, asked: Record | None) -> str:
    """The receiving school where it is one of ours; else the directorate above keeps the case."""
    item = loaded.protocol.form_of(asked.act).find(FieldType.school) if asked else None
    code = asked.answers.get(item.key) if asked and item else None
    with ctx.directory.reading() as session:
        found = auth_repository.unit_coded(session, code) if code else None
    return found.id if found is not None else next(iter(loaded.around.unit.parents), loaded.case.unit)


# ---- the other school's own case, opened for a contribution: it is handed what it is asked -------------------------


def open_contribution(ctx: AppContext, session: Session, loaded: Loaded, events: Sequence[Event], case_id: str) -> None:
    """Open the case that what was just recorded opens at another school, under the key prepared for it, if any."""
    recorded = next((one for one in events if isinstance(one, Recorded) and OPENED in one.derived), None)
    if recorded is None:
        return
    number = str(recorded.derived[OPENED])
    asked = _opening(loaded, events, number)
    with ctx.directory.reading() as people:
        there = auth_repository.schools_coded(people, {asked.school})[asked.school]
    act = loaded.protocol.acts[asked.record.act]
    joined = CaseJoined(
        actor=recorded.actor,
        role=recorded.role,
        at=ctx.now(),
        occurred_at=ctx.now(),
        other=loaded.case.number,
        exclusions=tuple(loaded.case.exclusions),
        handover=_words(loaded, asked, Along(loaded.protocol, names_in(ctx, session, loaded.case_id))),
    )
    open_elsewhere(
        ctx,
        session,
        loaded,
        there.id,
        act.opens,
        case_id,
        number,
        joined,
        contributes_to=loaded.case.number,
        restricted=restricts(loaded.protocol, asked.record),
    )


def _opening(loaded: Loaded, events: Sequence[Event], number: str) -> Asked:
    case = fold(loaded.protocol, [*loaded.events, *events], earlier=loaded.case.earlier)
    return next(one for one in contributions(loaded.protocol, case) if one.opened == number)


def _words(loaded: Loaded, asked: Asked, along: Along) -> dict[str, str]:
    fields = loaded.protocol.form_of(asked.record.act).fields
    said = {item.key: asked.record.answers.get(item.key) for item in fields if item.is_words}
    return {key: along.told(str(text)) for key, text in said.items() if text}


# ---- views: frozen, nothing but what their reader may know ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Something that another school asks, in a list."""

    number: str
    seq: int
    is_transfer: bool
    home: Unit
    """The school that asks."""
    there: Unit
    """The school of which it is asked; where it is none of this installation, the one that asks."""
    asked_at: datetime
    due_at: datetime | None
    tone: str

    @property
    def is_unknown(self) -> bool:
        """Whether no school of this installation is asked: whoever reads this decides in its place."""
        return self.there.id == self.home.id


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request, with the form that answers it; of the case nothing but what was written for this."""

    line: RequestLine
    asked: RecordView
    labels: Mapping[str, str]
    """Person of the case → sign."""
    act: ActView
    fixed: Mapping[str, str] = field(default_factory=dict)
    """What the answer points at."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry of the other school's case in its closed answers alone; none: only that it was written."""

    record: RecordView
    closed: bool


@dataclass(frozen=True, slots=True)
class ContributionView:
    """What the other school's case tells: where it stands, signs, closed answers; no name and no words."""

    head: CaseHead
    line: ContributionLine
    people: tuple[tuple[str, Slot], ...]
    told: tuple[Told, ...]


MOST = 100
"""So many requests are shown; answered, they make place for more."""


def may_answer(ctx: AppContext, actor: Actor) -> bool:
    """Whether one of this person's offices could ever answer another school, or something waits for them by name."""
    return _has_office(ctx, actor) or bool(waiting_for(ctx, actor))


def _has_office(ctx: AppContext, actor: Actor) -> bool:
    return any(_may_answer(protocol, held.role) for protocol in ctx.library.every() for held in actor.appointments)


def _may_answer(protocol: Protocol, role: str) -> bool:
    asking = {act.kind for act in protocol.acts.values()} & {ActKind.ask_transfer, ActKind.contribute}
    acts = [act for kind in asking if (act := answering_act(protocol, kind)) is not None]
    heads = role in protocol.roles and protocol.roles[role].head
    seats = set(receiving_seats(protocol))
    return any(role in act.by or (heads and not seats.isdisjoint(act.by)) for act in acts)


def waiting_for(ctx: AppContext, actor: Actor) -> tuple[RequestLine, ...]:
    """What waits for this person's answer, the oldest first; nothing nominal."""
    if actor.realm != ctx.name:
        return ()
    with ctx.realm.reading() as session:
        found = tuple(
            _known(ctx, session, actor, lookup_repository.waiting_requests(session, asker(ctx, actor), limit=MOST))
        )
    return _lines(ctx, found) if found else ()


def is_asked(ctx: AppContext, session: Session, actor: Actor, number: str) -> bool:
    """Whether something of that case waits for this person's answer."""
    return any(
        _known(ctx, session, actor, lookup_repository.waiting_requests(session, asker(ctx, actor), number=number))
    )


def _known(
    ctx: AppContext, session: Session, actor: Actor, found: Iterable[lookup_repository.Waiting]
) -> Iterator[lookup_repository.Waiting]:
    """Those that still wait for this person: who was named, only as long as they hold the seat and an office there."""
    by_office = replace(asker(ctx, actor), seats=())
    for one in found:
        held = lookup_repository.waiting_requests(session, by_office, number=one.number, seq=one.seq)
        if held or _is_named(load_by_id(ctx, session, actor, one.case_id), one.seq):
            yield one


def _is_named(loaded: Loaded, seq: int) -> bool:
    asking = Asking(loaded.protocol, loaded.case, loaded.actor, loaded.roles, loaded.around)
    asked = next((one for one in waiting(loaded.protocol, loaded.case) if one.record.seq == seq), None)
    act = answering_act(loaded.protocol, asked.kind) if asked is not None else None
    return asked is not None and act is not None and answers_for(loaded.protocol, act, asking.roles_for(asked))


def read_before(ctx: AppContext, actor: Actor, number: str, seq: int) -> bool:
    """Whether this person once read that request, which waits for them no more."""
    digits = case_numbers.check_number(number) if actor.realm == ctx.name else None
    with ctx.realm.reading() as session:
        case_id = repository.find_by_number(session, digits) if digits else None
        return case_id is not None and access_log.has_read(session, case_id, actor.id, what=f"request.{seq}")


def _lines(ctx: AppContext, found: tuple[lookup_repository.Waiting, ...]) -> tuple[RequestLine, ...]:
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, [unit for one in found for unit in (one.home, one.unit)])
    return tuple(_answering_line(ctx, one, units[one.home], units[one.unit]) for one in found)


def _answering_line(ctx: AppContext, one: lookup_repository.Waiting, home: Unit, there: Unit) -> RequestLine:
    is_transfer = one.kind == ActKind.ask_transfer.value
    tone = tone_of(one.due_at, ctx.now())
    return RequestLine(one.number, one.seq, is_transfer, home, there, one.asked_at, one.due_at, tone)


def load_asked(ctx: AppContext, session: Session, actor: Actor, number: str, act: str) -> Loaded:
    """A case of which this person sees nothing but what it asks of them, to be answered by that act. Raises Unseen."""
    for one in _asked(ctx, session, actor, number):
        loaded = load_by_id(ctx, session, actor, one.case_id)
        answer = answering_act(loaded.protocol, ActKind(one.kind))
        if answer is not None and answer.key == loaded.protocol.resolve("acts", act):
            return loaded
    raise Unseen(number)


def _asked(
    ctx: AppContext, session: Session, actor: Actor, number: str, seq: int | None = None
) -> tuple[lookup_repository.Waiting, ...]:
    digits = case_numbers.check_number(number) if actor.realm == ctx.name else None
    if not digits:
        return ()
    return tuple(
        _known(
            ctx,
            session,
            actor,
            lookup_repository.waiting_requests(session, asker(ctx, actor), number=digits, seq=seq),
        )
    )


def see_request(ctx: AppContext, actor: Actor, number: str, seq: int) -> RequestView:
    """One request with its form; reading it is recorded. Raises Unseen where it doesn't wait for this person."""
    with ctx.realm.writing() as session:
        found = _asked(ctx, session, actor, number, seq)
        loaded = load_by_id(ctx, session, actor, found[0].case_id) if found else None
        record = loaded.case.record(seq) if loaded is not None else None
        if loaded is None or record is None:
            raise Unseen(number)
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=f"request.{seq}")
        return RequestView(
            line=_lines(ctx, found)[0],
            asked=_as_asked(ctx, session, loaded, record),
            labels={person: sign_of(loaded.protocol, person) for person in loaded.case.people},
            act=_act_view(loaded, ActKind(found[0].kind)),
            fixed=_fixed(loaded.protocol, ActKind(found[0].kind), seq),
        )


def _as_asked(ctx: AppContext, session: Session, loaded: Loaded, record: Record) -> RecordView:
    """The request as it was written, with signs in place of the names of the case's people."""
    names = account_names(ctx, [record.actor, record.author], loaded.actor.language)
    shown = Seeing(loaded, names).record(record, as_signatory=True)
    naming = naming_of(loaded.protocol, names_in(ctx, session, loaded.case_id))
    return replace(shown, answers=without_names(shown.form, shown.answers, naming.signed))


def _act_view(loaded: Loaded, kind: ActKind) -> ActView:
    act = answering_act(loaded.protocol, kind)
    if act is None:
        raise Unseen(loaded.case.number)
    choices = available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, loaded.facts)
    reasons = next(one.reasons for one in choices if one.kind == "act" and one.key == act.key)
    form = _without_pointer(loaded.protocol.form_of(act))
    return ActView(loaded.protocol, act, form, None, Choices(), reasons, prefill={})


def _without_pointer(form: Form) -> Form:
    """The form without the question which request it answers: the page is about one."""
    said = {name: getattr(form, name) for name in type(form).model_fields}
    return Form(**{**said, "fields": tuple(one for one in form.fields if one.type is not FieldType.record)})


def _fixed(protocol: Protocol, kind: ActKind, seq: int) -> dict[str, str]:
    act = answering_act(protocol, kind)
    item = protocol.form_of(act).find(FieldType.record) if act is not None else None
    return {item.key: str(seq)} if item is not None else {}


# ---- contributions as the case that asked for them shows them ------------------------------------------------------
# No name and no words of theirs.

CLOSED = frozenset(
    {
        FieldType.choice, FieldType.choices, FieldType.tri, FieldType.yes_no, FieldType.danger, FieldType.dangers,
        FieldType.danger_answers, FieldType.target,
    }
)  # fmt: skip
"""Questions whose answers are all foreseen: they name nobody."""
_TOLD = frozenset(
    {
        ActKind.report, ActKind.record, ActKind.raise_danger, ActKind.lift_danger, ActKind.take_over, ActKind.refer,
        ActKind.answer_referral, ActKind.evidence, ActKind.grid, ActKind.follow_up,
    }
)  # fmt: skip
"""What the assessment needs; nothing of the adults there, of what a family is told, or of how the case is decided."""


def lines_of(ctx: AppContext, session: Session, loaded: Loaded) -> tuple[ContributionLine, ...]:
    """Every contribution that the case asks for; none for whoever reads one side, or metadata alone."""
    asked = contributions(loaded.protocol, loaded.case)
    if not asked or loaded.metadata_only or not _reads_all_sides(loaded):
        return ()
    with ctx.directory.reading() as people:
        units = auth_repository.schools_coded(people, {one.school for one in asked})
    return tuple(_contributions_line(ctx, session, loaded, one, units.get(one.school)) for one in asked)


def see_contribution(ctx: AppContext, actor: Actor, number: str, seq: int) -> ContributionView:
    """What one contribution tells the school that leads; read in both cases, and recorded in both."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        line = next((one for one in lines_of(ctx, session, loaded) if one.seq == seq), None)
        case_id = repository.find_by_number(session, line.number) if line is not None else None
        if line is None or case_id is None:
            raise Unseen(number)
        other = load_by_id(ctx, session, actor, case_id)
        for read in (loaded.case_id, case_id):
            access_log.note(session, case_id=read, account=actor.id, at=ctx.now(), what=f"contribution.{seq}")
        return ContributionView(Seeing(loaded, {}).head(), line, tuple(_people(other)), tuple(_told(other)))


def _contributions_line(
    ctx: AppContext, session: Session, loaded: Loaded, asked: Asked, there: Unit | None
) -> ContributionLine:
    state = "refused" if asked.is_refused else "settled" if asked.settled else "open" if asked.opened else "waits"
    line = ContributionLine(
        seq=asked.record.seq,
        school=asked.school,
        there=there,
        asked_at=asked.record.at,
        state=state,
        answered_at=asked.answer.at if asked.answer else None,
        reason=_reason(ctx, session, loaded, asked),
        outcome=_outcome(loaded.protocol, asked),
    )
    case_id = repository.find_by_number(session, asked.opened) if asked.opened else None
    row = _where_it_goes_on(ctx, session, loaded.case.number, case_id) if case_id is not None else None
    if row is None or row.restricted or loaded.actor.id in row.exclusions:
        return line
    protocol = ctx.library.protocol(row.protocol, row.version)
    seen = index_repository.seen_among(session, scope_of(ctx, loaded.actor), [row.case_id], today=today_for(ctx))
    return replace(
        line,
        number=row.number,
        standing=protocol.states[row.state],
        level=_level(protocol, row.level),
        moved_at=row.moved_at,
        is_seen=row.case_id in seen,
    )


def _where_it_goes_on(ctx: AppContext, session: Session, lead: str, case_id: str) -> index_repository.IndexRow | None:
    """The contributing case, or that at the school to which it was handed over; None past one that is restricted."""
    row = index_repository.row_of(session, case_id)
    while row is not None and not row.restricted:
        protocol, case = folded(ctx, session, row.case_id)
        following = repository.find_by_number(session, case.successor or "")
        if following is None or not protocol.states[case.state].successor:
            break
        further = index_repository.row_of(session, following)
        if further is None:
            return None
        _protocol, next_ = folded(ctx, session, following)
        if not next_.contributes or next_.opened_from != lead:
            break
        row = further
    return row


def _reads_all_sides(loaded: Loaded) -> bool:
    seeing = Seeing(loaded, {})
    return all(seeing.reads_side(side) for side in loaded.protocol.sides)


def _reason(ctx: AppContext, session: Session, loaded: Loaded, asked: Asked) -> str:
    """Why it was refused, with signs in place of the names of the case's people."""
    if asked.answer is None or not asked.is_refused:
        return ""
    fields, answers = loaded.protocol.form_of(asked.answer.act).fields, asked.answer.answers
    said = next((str(answers[one.key]) for one in fields if one.nameless and one.key in answers), "")
    return naming_of(loaded.protocol, names_in(ctx, session, loaded.case_id)).signed(said) if said else ""


def _outcome(protocol: Protocol, asked: Asked) -> Option | None:
    item = protocol.form_of(asked.settled.act).find(FieldType.choice) if asked.settled else None
    chosen = asked.settled.answers.get(item.key) if asked.settled and item else None
    return next((one for one in item.options if one.key == chosen), None) if item else None


def _level(protocol: Protocol, level: int | None) -> Level | None:
    return next((grid.levels[level] for grid in protocol.grids.values() if level and level in grid.levels), None)


def _people(other: Loaded) -> Iterator[tuple[str, Slot]]:
    for person in other.case.people.values():
        yield sign_of(other.protocol, person.id), other.protocol.slots[person.slot]


def _told(other: Loaded) -> Iterator[Told]:
    """Its entries, the oldest first: of what was heard, and of what has readers of its own, only that it is there."""
    seeing = Seeing(other, {})
    for record in other.case.records:
        if record.kind not in _TOLD or record.effective_seq is None:
            continue
        shown = seeing.record(record, as_signatory=True)
        open_ = shown.form.side is None and not shown.form.readers
        answers = _closed(shown.form, shown.answers) if open_ else {}
        yield Told(replace(shown, answers=answers, actor="", derived={}), open_)


def _closed(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    told = form.told_on(answers)
    return {item.key: told[item.key] for item in form.fields if item.type in CLOSED and item.key in told}
