"""Replays a way that the proof found through the engine's `decide`: how often, with which levels and answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from school_protocol.engine.case import Case, fold
from school_protocol.engine.case_parts import Record, acts_as, settles
from school_protocol.engine.clock import Calendar, Hours
from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.deadlines import read
from school_protocol.engine.decisions import decide, references_of
from school_protocol.engine.definition import Act, ActKind, Fact, Fold, Protocol, ScopeKind, Source
from school_protocol.engine.definition_parts import FieldType, Form
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.events import Event
from school_protocol.engine.facts import Colleague, Facts, Surroundings
from school_protocol.engine.intents import MakeMove, Opening, RecordAct
from school_protocol.engine.sharing_state import contributions
from school_protocol.engine.visibility import Actor, Appointment, Unit, UnitKind
from school_protocol.proof.answer_space import RAISING, Given, Unfillable, constants, filled
from school_protocol.proof.effects import Deed
from school_protocol.proof.state_space import Beat

# ---- playing a way on a case of its own, in memory -----------------------------------------------------------------
# What was not told apart is filled in as somebody would; where the engine refuses, it says which needs are in the
# way.

BEGIN = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
_DAY = Hours(time(8, 30), time(12, 30)), Hours(time(14, 30), time(18, 30))
_SCHOOL = Unit("school", UnitKind.school, "01234A", {"fr": "École"}, ("province", "region", "country"))
_BESIDE = Unit("beside", UnitKind.school, "01235B", {"fr": "École voisine"}, _SCHOOL.parents)
_PLACES = {"province": "province", "region": "region"}
_REASON = "…"
OTHER_CASE = "100000000001"


_SETTLED: Mapping[ActKind, FieldType] = {
    ActKind.lift_danger: FieldType.danger,
    ActKind.answer_referral: FieldType.referral,
    ActKind.settle_contribution: FieldType.record,
    ActKind.review_hold: FieldType.hold,
}
"""Kinds of act that settle one thing after the other, each with the type of field that points at it."""


class Stopped(Exception):
    """The engine refused a step: needs that are in the way, or why else."""

    def __init__(self, needs: tuple[str, ...], why: str) -> None:
        super().__init__(why)
        self.needs = needs


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the stage: `role`, or `role/2`."""

    role: str
    number: int

    @property
    def id(self) -> str:
        return self.role if self.number == 1 else f"{self.role}/{self.number}"


Preferred = Mapping[str, Mapping[str, Any]]
"""Of acts: answers that are given wherever the form takes them."""


class Stage:
    """One case, its people and its clock. `beats` tell what was done so far.

    A grid that is filled in gives `level`; whoever holds a role of `favoured` acts wherever it may.
    """

    def __init__(
        self,
        protocol: Protocol,
        level: int | None = None,
        preferred: Preferred | None = None,
        favoured: Collection[str] = (),
        persons: int = 2,
    ) -> None:
        self.protocol, self.level = protocol, level
        self.preferred, self.favoured = preferred or {}, favoured
        self.refused: tuple[str, ...] = ()
        """The needs that stopped the way in the end."""
        self.now = BEGIN
        self.persons = tuple(Person(role, number) for role in protocol.roles for number in range(1, persons + 1))
        places = {person.id: _place(protocol, person.role) for person in self.persons}
        people = {
            person.id: Colleague(person.id, person.id, ((person.role, places[person.id]),), trained=True)
            for person in self.persons
        }
        calendar = Calendar(opening=dict.fromkeys(range(5), _DAY))
        beside = {_BESIDE.code: _BESIDE}
        self.around = Surroundings(calendar, _SCHOOL, people, frozenset({OTHER_CASE}), named=beside)
        self.case: Case | None = None
        self.beats: list[Beat] = []

    # ---- who ---------------------------------------------------------------------------------------------------

    def actor(self, person: Person) -> Actor:
        place = _place(self.protocol, person.role)
        held = (Appointment(person.role, place, date(2020, 1, 1)),)
        return Actor(person.id, "proof", person.id, held, trained=True)

    def in_roles(self, roles: Iterable[str]) -> Iterator[Person]:
        """Whoever holds one of these roles, or a seat that stands for it, those with a role of their own first."""
        wanted = tuple(roles)
        every = "everyone" in wanted
        able = [person for person in self.persons if every or person.role in wanted]
        yield from sorted(able, key=self._distance)
        for held in self.case.seats if self.case else ():
            if any(acts_as(self.protocol, held.seat, role) for role in wanted):
                yield from (person for person in self.persons if person.id == held.account)

    def _distance(self, person: Person) -> int:
        """How far somebody is from the case: whoever is favoured comes first, then those who see it as it stands."""
        if person.role in self.favoured:
            return -1
        sees = self.protocol.roles[person.role].sees
        if self.case is None:
            return 0
        if sees is ScopeKind.assigned:
            seated = any(held.account == person.id for held in self.case.seats)
            return 0 if seated or self.protocol.states[self.case.state].team_sees else 2
        return {ScopeKind.unit: 0, ScopeKind.receipt: 1}.get(sees, 1 if sees is not ScopeKind.none else 3)

    # ---- steps -------------------------------------------------------------------------------------------------

    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)
        self.beats.append(Beat(kind="clock", days=days))

    def move(self, key: str) -> None:
        """Make a move, with departures from every need that can be gone on without. Raises Stopped."""
        move = self.protocol.moves[key]
        needs = [need for need in move.needs if self.protocol.needs[need].lock is None]
        refusals: list[Refused] = []
        for person in self.in_roles(move.by):
            unmet = tuple(need for need in needs if not self.holds(need))
            intent = MakeMove(key, _REASON if move.reason else "", dict.fromkeys(unmet, _REASON))
            try:
                self._decide(person, intent)
            except Refused as refusal:
                refusals.append(refusal)
                continue
            self.beats.append(Beat(person.role, key, "move", departs=unmet, person=person.number))
            return
        raise self.stopped(*_why(refusals, f"nobody can make the move {key}"))

    def act(self, deed: Deed, raises: bool = False) -> None:
        """Make an act in the way that `deed` says, with its signatures. Raises Stopped."""
        act = self.protocol.acts[deed.given.act]
        for answers in self._ways(act, deed, raises):
            record = self._record(act, answers, deed)
            if deed.signed and act.signatures:
                self._sign(act, record)

    def _ways(self, act: Act, deed: Deed, raises: bool) -> Iterator[Mapping[str, Any]]:
        """The decisive answers: once, or for each thing that there is to settle."""
        wanted = {key: value for key, value in deed.given.answers.items() if value is not None}
        if self.case is not None and deed.thorough and act.kind is ActKind.refer:
            yield from self._referrals(act, wanted, deed)
        elif self.case is not None and deed.thorough and act.kind in _SETTLED:
            item = self.protocol.form_of(act).find(_SETTLED[act.kind])
            for one in self._left(self.case, act.kind):
                yield wanted | ({item.key: one} if item else {})
        else:
            yield self._meant(act, wanted, deed)

    def _left(self, case: Case, kind: ActKind) -> list[str]:
        """What is left in a case that acts of this kind settle, each as an answer names it."""
        if kind is ActKind.lift_danger:
            return [life.danger for life in case.live_dangers()]
        if kind is ActKind.answer_referral:
            return [str(referral.number) for referral in case.referrals if referral.is_open]
        if kind is ActKind.settle_contribution:
            return [str(asked.record.seq) for asked in contributions(self.protocol, case) if asked.is_open]
        return [str(hold.number) for hold in case.holds if hold.stands]

    def _meant(self, act: Act, wanted: Mapping[str, Any], deed: Deed) -> Mapping[str, Any]:
        """Covers that are about what the state was entered for, where they must be."""
        item = self.protocol.form_of(act).find(FieldType.covers, FieldType.dangers)
        if item is None or self.case is None or act.kind not in (ActKind.refer, ActKind.take_over):
            return wanted
        live = [life.danger for life in self.case.live_dangers("raised")]
        if item.type is FieldType.covers and (deed.covers_entry is not False):
            return {**wanted, item.key: live or ["need"]}
        return {**wanted, item.key: live} if live else wanted

    def _referrals(self, act: Act, wanted: Mapping[str, Any], deed: Deed) -> Iterator[Mapping[str, Any]]:
        assert self.case is not None
        form = self.protocol.form_of(act)
        target, covers = form.find(FieldType.target), form.find(FieldType.covers)
        live = [life.danger for life in self.case.live_dangers("raised")]
        for danger in live:
            to = next((key for key in self.protocol.targets if settles(self.protocol, danger, key)), None)
            if target is not None and to is not None:
                yield {**wanted, target.key: to, **({covers.key: [danger]} if covers else {})}
        if not live:
            yield {**wanted, **({covers.key: ["need"]} if covers else {})}
        elif target is None or target.key in wanted:
            yield self._meant(act, wanted, deed)

    def _record(self, act: Act, wanted: Mapping[str, Any], deed: Deed) -> Record | None:
        form, role = self.protocol.form_of(act), deed.given.role
        self._seat(role, act)
        refusals: list[Refused] = []
        problems = ""
        spare = self._spare(form)
        for person in self.in_roles([role] if role else act.by):
            actor = self.actor(person)
            references = references_of(self.protocol, self.case, actor, self.now, self.around)
            if references.awaits_grid and any(item.assessed for item in form.fields):
                self._fill_in_grid()
                references = references_of(self.protocol, self.case, actor, self.now, self.around)
            others = [one.id for one in self.persons if one.id != person.id]
            trained = sorted(others, key=lambda one: not self.protocol.roles[one.partition("/")[0]].trained)
            try:
                answers = filled(
                    self.protocol, form, {**wanted, **self.preferred.get(act.key, {})}, references,
                    dangers=spare[:1] if deed.given.raises else self._raised(act), accounts=trained, level=self.level,
                )  # fmt: skip
                self._decide(person, RecordAct(act.key, answers, signed=True))
            except Refused as refusal:
                refusals.append(refusal)
                continue
            except BadInput as bad:
                problems = f"{act.key}: {dict(bad.problems)}"
                continue
            except Unfillable as unfillable:
                problems = f"{act.key}: nothing to point at for {unfillable}"
                continue
            self.beats.append(Beat(person.role, act.key, "act", self._told(act, answers), person=person.number))
            assert self.case is not None
            return self.case.records[-1] if self.case.records else None
        raise self.stopped(*_why(refusals, problems or f"nobody can make the act {act.key}"))

    def _told(self, act: Act, answers: Mapping[str, Any]) -> dict[str, Any]:
        """The answers as a script says them: a colleague by `@role`."""
        fields = self.protocol.form_of(act).by_key
        people = (FieldType.account, FieldType.accounts)
        told = {}
        for key, value in answers.items():
            if key in fields and fields[key].type in people:
                told[key] = [f"@{one}" for one in value] if isinstance(value, list) else f"@{value}"
            else:
                told[key] = value
        return told

    def _seat(self, role: str, act: Act) -> None:
        """Somebody is given the seat in which alone the act can be made, where nobody holds it."""
        wanted = [role] if role else list(act.by)
        if self.case is None or any(True for _person in self.in_roles(wanted)):
            return
        for giving in self.protocol.acts_of(ActKind.seat):
            form = self.protocol.form_of(giving)
            seat, account = form.find(FieldType.seat), form.find(FieldType.account)
            for key in [key for key in self.protocol.seats if any(acts_as(self.protocol, key, one) for one in wanted)]:
                if seat is None or account is None:
                    return
                given = Given(giving.key, {seat.key: key})
                self._record(giving, given.answers, Deed(given, signed=True, grants=True))
                return

    def _fill_in_grid(self) -> None:
        """The grid, where the level of what comes next is the grid's."""
        rule = self.protocol.assessment
        if rule is not None:
            grid = self.protocol.acts[rule.act]
            self._record(grid, {}, Deed(Given(grid.key), signed=True, grants=True))

    def _spare(self, form: Form) -> list[str]:
        """Dangers that are not live, and that this form can name."""
        dangers = self.protocol.dangers
        asks_all = all(item.type is FieldType.danger_answers for item in form.fields if item.type in RAISING)
        nameable = [key for key, danger in dangers.items() if danger.ask_at_closing or not asks_all]
        return [key for key in nameable if self.case is None or not self.case.is_live(key)]

    def _raised(self, act: Act) -> Sequence[str]:
        if self.case is None or act.kind not in (ActKind.lift_danger, ActKind.refer, ActKind.take_over):
            return ()
        live = self.case.live_dangers() if act.kind is ActKind.lift_danger else self.case.live_dangers("raised")
        return tuple(life.danger for life in live)

    def _sign(self, act: Act, record: Record | None) -> None:
        """The signatures that are missing, each by somebody else."""
        assert self.case is not None
        for person in (*self.in_roles(act.signed_by or act.by), *self.persons):
            current = self.case.record(record.seq) if record else None
            if current is None or current.effective_seq is not None:
                return
            self._sign_as(person, act, current)
        current = self.case.record(record.seq) if record else None
        if current is None or current.effective_seq is None:
            raise self.stopped((), f"{act.key} is not signed by enough people")

    def _sign_as(self, person: Person, act: Act, record: Record) -> None:
        for signing in self.protocol.acts_of(ActKind.sign):
            item = self.protocol.form_of(signing).find(FieldType.record)
            if item is None or record.signed_by(person.id):
                continue
            try:
                self._decide(person, RecordAct(signing.key, {item.key: str(record.seq)}, signed=True))
            except (Refused, BadInput):
                continue
            answers = {item.key: f"^{act.key}"}
            self.beats.append(Beat(person.role, signing.key, "act", answers, person=person.number))
            break

    def stopped(self, needs: tuple[str, ...], why: str = "") -> Stopped:
        """What to raise where the way cannot be gone on."""
        self.refused = needs
        return Stopped(needs, why or f"unmet: {', '.join(needs)}")

    # ---- the engine --------------------------------------------------------------------------------------------

    def _decide(self, person: Person, intent: RecordAct | MakeMove) -> None:
        opening = Opening("100000000000", _SCHOOL.id) if self.case is None else None
        decision = decide(self.protocol, self.case, self.actor(person), self.now, self.around, intent, opening)
        self._keep(decision.events)

    def _keep(self, events: Iterable[Event]) -> None:
        last = self.case.last_seq if self.case else 0
        numbered = [event.numbered(last + place) for place, event in enumerate(events, 1)]
        self.case = fold(self.protocol, numbered, self.case)
        self.now += timedelta(minutes=5)

    def facts(self) -> Facts:
        assert self.case is not None
        return read(self.protocol, self.case, self.now, self.around)

    def holds(self, need: str) -> bool:
        return self.case is not None and self.protocol.needs[need].when.holds(self.facts())

    @property
    def state(self) -> str:
        return self.case.state if self.case else ""


def _place(protocol: Protocol, role: str) -> str:
    return _PLACES.get(protocol.roles[role].sees.value, _SCHOOL.id)


def _why(refusals: Sequence[Refused], otherwise: str) -> tuple[tuple[str, ...], str]:
    """The fewest needs that one person met with; a refusal for another reason says so."""
    of_needs = [
        tuple(reason.need for reason in one.reasons if reason.need is not None)
        for one in refusals
        if all(reason.need is not None for reason in one.reasons)
    ]
    if of_needs:
        return min(of_needs, key=len), ""
    codes = sorted({reason.code for one in refusals for reason in one.reasons})
    return (), f"{otherwise}: {', '.join(codes)}" if codes else otherwise


_MOST = 12
"""Stages on which one way is played besides, for what was refused."""


def attempts(protocol: Protocol, wanted: Condition | None = None, favoured: Collection[str] = ()) -> Iterator[Stage]:
    """Stages to play one way on, until it arrives: what a need refused on one is answered otherwise on the next.

    `wanted`: what should hold in the end; answers that may lead to it are tried first. Whoever is `favoured` acts
    wherever it may.
    """
    levels = sorted({level for grid in protocol.grids.values() for level in grid.levels})
    hopeful = list(_answers_for(protocol, wanted)) if wanted is not None else []
    waiting: list[tuple[int | None, Preferred]] = [
        (level, preferred) for preferred in (*hopeful, {}) for level in (None, *levels)
    ]
    most = len(waiting) + _MOST
    for level, preferred in waiting:
        stage = Stage(protocol, level, preferred, favoured)
        yield stage
        for more in (one for need in stage.refused for one in _answers_for(protocol, protocol.needs[need].when)):
            joined = {act: {**preferred.get(act, {}), **more.get(act, {})} for act in {**preferred, **more}}
            if len(waiting) < most and (level, joined) not in waiting:
                waiting.append((level, joined))


def _answers_for(protocol: Protocol, condition: Condition) -> Iterator[Preferred]:
    """Answers to earlier acts that may make a condition hold."""
    for name in sorted(condition.names):
        fact = protocol.facts[name]
        for source in fact.from_:
            if source.act:
                yield from ({source.act: given} for given in _feeding(protocol, fact, source, source.act, condition))


def _feeding(
    protocol: Protocol, fact: Fact, source: Source, act: str, condition: Condition
) -> Iterator[Mapping[str, Any]]:
    """Answers to one act that give the fact a value of which the condition may hold."""
    values = _values(fact, source)
    if not any(condition.truth({fact.key: value}) is not False for value in values):
        return
    fields = protocol.form_of(act).by_key
    if source.field and source.value is None and source.field in fields:
        good = [value for value in values if condition.truth({fact.key: value}) is not False]
        yield from ({source.field: _written(value)} for value in good)
    if source.where is None:
        return
    for name in sorted(source.where.names & fields.keys()):
        named: list[Value] = [*sorted(constants(source.where, name)), True, False]
        yield from ({name: _written(value)} for value in named if source.where.truth({name: value}) is True)


def _values(fact: Fact, source: Source) -> tuple[Value, ...]:
    """What this source may make of the fact."""
    if source.value is not None:
        return (Facts.typed(fact, source.value),)
    if fact.fold is Fold.ever:
        return (True,)
    if source.field:
        return tuple(Facts.typed(fact, value) for value in fact.values) or (True, False)
    return (True,)


def _written(value: Value) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
