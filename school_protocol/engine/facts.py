"""Facts: what needs, deadlines and duties may read of a case, each folded as its definition declares.

A fact nobody recorded yet is `None`: conditions over it are undecided, never silently false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Organisation, Record, acts_as, record_values
from school_protocol.engine.clock import Calendar, NoSchoolTime, RollRule, months_between, plan_dates
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import START, Deadline, Fact, FactType, Fold, FollowUp, Protocol, Since, Source
from school_protocol.engine.definition_parts import FieldType, own_day, own_moment
from school_protocol.engine.review_state import ReviewTurn, turns
from school_protocol.engine.sharing_state import contributions
from school_protocol.engine.visibility import Unit

_WHOLE_DAY = timedelta(hours=23, minutes=59)
_EARLY = 3
"""A follow-up may be held early by one part in so many of the time before it, in days."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """What the engine may know of somebody who can act: name, roles by unit, training."""

    id: str
    name: str
    roles: tuple[tuple[str, str], ...] = ()
    """(role, unit id)."""
    trained: bool = False
    elsewhere: str = ""
    """Name of the school beside, where all its roles are there."""
    has_way_in: bool = True
    """Whether they can sign in: somebody who was invited and never came reads nothing."""
    left: frozenset[str] = frozenset()
    """Numbers of cases in which they take no part any more, whatever seat they held."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Living directory data handed to the engine: never pinned to a case."""

    calendar: Calendar
    unit: Unit
    people: Mapping[str, Colleague] = field(default_factory=dict)
    joinable: frozenset[str] = frozenset()
    """Numbers of open cases of the same unit."""
    schools: frozenset[str] = frozenset()
    """Codes of schools that the installation has, the unit's own among them; empty: nobody said which."""
    named: Mapping[str, Unit] = field(default_factory=dict)
    """Code → the other schools of the installation that the case names."""
    organisations: tuple[Organisation, ...] = ()
    """Whom a referral may go to, the nearest first; looked up where one is recorded."""

    def has_school(self, code: str) -> bool:
        """Whether the installation has that school, as far as is known."""
        return not self.schools or code in self.schools

    @property
    def places(self) -> tuple[str, ...]:
        """The unit and all above it."""
        return (self.unit.id, *self.unit.parents)


@dataclass(frozen=True, slots=True)
class PlannedFollowUp:
    """One date of the schedule: days after its start, and the record that held it."""

    offset: int
    day: date
    held_seq: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A follow-up that was held: on which day, by which record, for which planned date."""

    day: date
    seq: int
    planned: date | None


Subjects = Mapping[FieldType, str]
"""What an act's answers point at, by the type of field that points."""
NOTHING: Subjects = MappingProxyType({})
_POINTS_BY = {
    "danger": FieldType.danger, "referral": FieldType.referral,
    "guardian": FieldType.person, "person": FieldType.person,
}  # fmt: skip


def points_by(deadline: Deadline) -> FieldType | None:
    """The type of field whose answer says which of its counts is meant; None where they are about the case."""
    if deadline.per == "guardian" and any(source.hold for source in deadline.start):
        return FieldType.hold
    return _POINTS_BY.get(deadline.per)


def pointers(protocol: Protocol, facts: Iterable[str]) -> frozenset[FieldType]:
    """The types of field by which an act's answers say what these facts are about; none: about the case alone."""
    waiting = {key for name in facts if name in protocol.facts for key in protocol.facts[name].fallen_due}
    found = (points_by(protocol.deadlines[key]) for key in waiting if key in protocol.deadlines)
    return frozenset(kind for kind in found if kind is not None)


class Supposing(Mapping[str, Value]):
    """The facts, some of them supposed to be something else."""

    def __init__(self, facts: Facts, supposed: Mapping[str, Value]) -> None:
        self.facts, self.supposed = facts, supposed

    def __getitem__(self, name: str) -> Value:
        return self.supposed[name] if name in self.supposed else self.facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


class Facts(Mapping[str, Value]):
    """The facts of one case at one moment, folded when first read."""

    def __init__(
        self,
        protocol: Protocol,
        case: Case,
        now: datetime,
        around: Surroundings,
        passed: Callable[[Facts, str], bool],
        falls_due: Callable[[Facts, str, str | None], datetime | None],
    ) -> None:
        self.protocol = protocol
        self.case = case
        self.now = now
        self.around = around
        self._passed = passed
        self._falls_due = falls_due
        self._known: dict[str, Value] = {}
        self.counted: dict[str, tuple[Any, ...]] = {}
        """Deadline → its counts, once somebody asked (`deadlines`)."""

    def __getitem__(self, name: str) -> Value:
        if name not in self._known:
            self._known[name] = self._fold(self.protocol.facts[name])
        return self._known[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.protocol.facts else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.protocol.facts)

    def __len__(self) -> int:
        return len(self.protocol.facts)

    def about(self, subjects: Subjects, names: Iterable[str]) -> Mapping[str, Value]:
        """These facts, where some of `names` are about what was pointed at."""
        facts = {name: self.protocol.facts[name] for name in names if pointers(self.protocol, [name])}
        return Supposing(self, {name: self.has_fallen_due(fact, subjects) for name, fact in facts.items()})

    @cached_property
    def today(self) -> date:
        return self.around.calendar.local(self.now).date()

    @cached_property
    def turns(self) -> tuple[ReviewTurn, ...]:
        """Every state that the review of the case had."""
        return turns(self.protocol, self.case)

    @cached_property
    def level(self) -> int:
        """The level that schedule and notices run as: the case's own, or the one that its state is treated as."""
        follow = self.protocol.follow_up
        if follow is None:
            return self.case.level
        treated = follow.treat_as_in.get(self.case.state)
        return treated if treated is not None else self.case.level or follow.unassessed_as

    # ---- sources ---------------------------------------------------------------------------------------------

    def cut(self, since: Since) -> int:
        """The number of the event after which things count."""
        case, cut = self.case, 0
        for moment in since.after:
            if moment == "opening":
                cut = max(cut, case.opening_seq)
            elif moment == "entry":
                cut = max(cut, case.entry.seq if case.entries else 0)
            else:
                cut = max(cut, max((life.raised_seq for life in case.dangers if life.state != "lifted"), default=0))
        if since.entered:
            entered = case.last_entered(since.entered)
            cut = max(cut, entered.seq if entered else 0)
        return cut

    def _after(self, record: Record, since: Since, cut: int) -> bool:
        seq = record.effective_seq or record.seq
        if seq > cut:
            return True
        if not since.margin_hours:
            return False
        entered = self.case.last_entered(since.entered) if since.entered else self.case.entry
        return entered is not None and entered.at - record.occurred_at <= timedelta(hours=since.margin_hours)

    def matches(self, source: Source, record: Record) -> bool:
        """Whether an effective record feeds `source`."""
        if source.act != record.act:
            return False
        if source.by and not any(acts_as(self.protocol, record.role, role) for role in source.by):
            return False
        answers = record.answers
        if source.filled and answers.get(source.filled) in (None, "", [], {}, False):
            return False
        if source.row_filled:
            rows, _, column = source.row_filled.partition(".")
            if not any(row.get(column) not in (None, "") for row in answers.get(rows, ())):
                return False
        if source.field and source.value is None and answers.get(source.field) is None:
            return False
        if source.where is not None and not source.where.holds(record_values(self.protocol, record)):
            return False
        if source.unless_after and self._comes_after(source.unless_after, record):
            return False
        return not source.covering_entry or self._covers_entry(record)

    @cached_property
    def openings(self) -> tuple[int, ...]:
        """The numbers of the events that opened the case: its creation, and each leaving of an end."""
        return tuple(entry.seq for entry in self.case.entries if entry.source == START or entry.from_end)

    def _comes_after(self, sources: Iterable[Source], record: Record) -> bool:
        """Whether one of `sources` was recorded, and signed, before the record in the same opening."""
        opening = max((seq for seq in self.openings if seq < record.seq), default=0)
        return any(
            earlier.effective_seq is not None
            and opening < earlier.effective_seq < record.seq
            and self.matches(source, earlier)
            for source in sources
            for earlier in self.case.records_of(source.act or "")
        )

    def _covers_entry(self, record: Record) -> bool:
        form = self.protocol.form_of(record.act)
        item = form.find(FieldType.covers) or form.find(FieldType.dangers)
        covers = set(record.answers.get(item.key, ())) if item else set()
        entered = self.case.entry
        move = self.protocol.moves.get(entered.move or "")
        if move is None or not move.automatic:
            return not item or "need" in covers or bool(covers & self._raised_since(entered.seq))
        return not covers or bool(covers & self._raised_since(entered.seq - 1))

    def _raised_since(self, seq: int) -> set[str]:
        return {life.danger for life in self.case.dangers if life.raised_seq >= seq - 1}

    def matching(
        self, sources: Iterable[Source], since: Since, *, effective: bool = True
    ) -> Iterator[tuple[Record, Source]]:
        sources = tuple(sources)
        records = self.case.records_of(*(source.act for source in sources if source.act))
        cut = self.cut(since) if records else 0
        for record in records:
            if effective and record.effective_seq is None:
                continue
            if not self._after(record, since, cut):
                continue
            for source in sources:
                if self.matches(source, record):
                    yield record, source
                    break

    # ---- folds -----------------------------------------------------------------------------------------------

    def _fold(self, fact: Fact) -> Value:
        for attribute, rule in _SPECIAL:
            if getattr(fact, attribute):
                return rule(self, fact)
        return _FOLDS[fact.fold](self, fact)

    def initial(self, fact: Fact) -> Value:
        return None if fact.initial is None else self.typed(fact, fact.initial)

    @staticmethod
    def typed(fact: Fact, text: Any) -> Value:
        if fact.type is FactType.bool:
            return text if isinstance(text, bool) else str(text).lower() in ("true", "yes")
        if fact.type in (FactType.int, FactType.count):
            return int(text)
        return str(text)

    def happened_at(self, record: Record, *, ended: bool = False) -> datetime:
        """When what a record tells happened, as it says itself; of a day alone, its first moment, or its last one."""
        form = self.protocol.form_of(record.act)
        moment, day = own_moment(form, record.answers), own_day(form, record.answers)
        if moment is not None:
            return min(moment[1], record.at)
        if day is None or day >= self.local_day(record.occurred_at):
            return record.occurred_at
        return self.around.calendar.start_of(day) + (_WHOLE_DAY if ended else timedelta())

    def periods(self, name: str) -> Iterator[tuple[datetime, datetime | None]]:
        """From when to when a yes or no that records tell was yes; to None: it still is. An opening begins anew."""
        fact, since = self.protocol.facts[name], None
        told = [
            (record.seq, self.happened_at(record), source.value is None or bool(self.typed(fact, source.value)))
            for record, source in self.matching(fact.from_, Since())
        ]
        opened = [(entry.seq, entry.at, False) for entry in self.case.entries if entry.from_end]
        for _seq, at, value in sorted([*told, *opened]):
            if since is not None and not value:
                yield since, at
            since = (since or at) if value else None
        if since is not None:
            yield since, None

    def _last(self, fact: Fact) -> Value:
        value = self.initial(fact)
        for record, source in self.matching(fact.from_, fact.since):
            if source.value is not None:
                value = self.typed(fact, source.value)
            elif source.field:
                value = self.typed(fact, record.answers[source.field])
            else:
                value = True
        return value

    def _ever(self, fact: Fact) -> Value:
        value = self.initial(fact)
        for _record, source in self.matching(fact.from_, fact.since):
            value = source.value is None or self.typed(fact, source.value)
        return value

    def _count(self, fact: Fact) -> Value:
        return sum(1 for _match in self.matching(fact.from_, fact.since))

    def _streak(self, fact: Fact) -> Value:
        """How many in a row; a record whose `where` fails breaks the row."""
        streak = 0
        anyhow = [source.model_copy(update={"where": None}) for source in fact.from_]
        for record, source in self.matching(anyhow, fact.since):
            counts = any(self.matches(one, record) for one in fact.from_)
            answer = str(record.answers.get(source.field or ""))
            streak = streak + 1 if counts and answer in fact.streak_of else 0
        return streak

    def _distinct(self, fact: Fact) -> Value:
        persons: set[str] = set()
        for record, source in self.matching(fact.from_, fact.since):
            answer = record.answers.get(source.field or "") or ()
            persons = set(answer) if isinstance(answer, list | tuple) else {*persons, str(answer)}
        return len(persons - set(self.case.exclusions))

    def _signatures(self, fact: Fact) -> Value:
        last: Record | None = None
        for record, _source in self.matching(fact.from_, fact.since, effective=False):
            last = record
        return 0 if last is None else len({signature.account for signature in last.signatures})

    def _answered(self, fact: Fact) -> Value:
        wanted = {key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing}
        answered = {life.danger for life in self.case.live_dangers()}
        value: Value = self.initial(fact)
        for record, source in self.matching(fact.from_, fact.since):
            given = record.answers.get(source.field or "") or {}
            done = answered | {key for key, answer in given.items() if answer in ("yes", "no")}
            value = wanted <= done
        return value

    def _standing(self, fact: Fact) -> Value:
        return self.standing_record(fact) is not None

    def standing_record(self, fact: Fact) -> Record | None:
        """The granted record that nothing newer in the content has voided."""
        found: Record | None = None
        for record in self.case.records_of(*(source.act for source in fact.from_ if source.act)):
            if any(self.matches(source, record) for source in fact.from_):
                found = record if record.grants and record.effective_seq is not None else None
        return found if found is not None and found.seq > self.case.news_seq else None

    # ---- facts with sources of their own -----------------------------------------------------------------------

    def _dangers(self, fact: Fact) -> Value:
        assert fact.dangers is not None
        lives = self.case.live_dangers(*fact.dangers.states)
        if fact.dangers.without_shared_concern:
            lives = [life for life in lives if not self.protocol.dangers[life.danger].shared_concern]
        if fact.dangers.stay_with_child:
            lives = [life for life in lives if self.protocol.dangers[life.danger].stay_with_child]
        return bool(lives) if fact.type is FactType.bool else len(lives)

    def _open_referrals(self, fact: Fact) -> Value:
        return sum(1 for referral in self.case.referrals if referral.is_open)

    def _open_contributions(self, fact: Fact) -> Value:
        return sum(1 for one in contributions(self.protocol, self.case) if one.is_open)

    def _standing_holds(self, fact: Fact) -> Value:
        return sum(1 for hold in self.case.holds if hold.stands)

    def _guardians(self, fact: Fact) -> Value:
        rule = fact.guardians
        assert rule is not None
        cut = self.cut(fact.since)
        results: dict[str, str] = {
            person.id: str(fact.initial)
            for person in self.case.people.values()
            if self.protocol.slots[person.slot].guardian
        }
        for record in self.case.records_of(rule.act):
            who = record.answers.get(rule.person)
            if who in results and record.seq > cut:
                results[who] = str(record.answers.get(rule.result, fact.initial))
        for guardian in results:
            if self.case.is_held(guardian):
                results[guardian] = rule.held
        if not results:
            return rule.held if self.case.is_held("*") else self.initial(fact)
        return min(results.values(), key=fact.values.index)

    def _grid_known(self, fact: Fact) -> Value:
        known = self.initial(fact)
        cut = self.cut(fact.since)
        form = self.protocol.form_of(fact.grid_known or "")
        item = form.find(FieldType.grid)
        for record in self.case.records_of(fact.grid_known or ""):
            if record.seq > cut and item is not None:
                known = len(record.answers.get(item.key) or {})
        return known

    def _level(self, fact: Fact) -> Value:
        return self.case.level

    def _entered(self, fact: Fact) -> Value:
        cut = self.cut(fact.since)
        return any(entry.state in fact.entered and entry.seq > cut for entry in self.case.entries)

    def _content(self, fact: Fact) -> Value:
        return bool(self.case.entries) and self.case.news_seq > self.case.footing.seq

    def _follow_up(self, fact: Fact) -> Value:
        if fact.follow_up == "next":
            return bool(self.next_dates())
        return self._schedule_held()

    def _deadline(self, fact: Fact) -> Value:
        return self._passed(self, fact.deadline or "")

    def _fallen_due(self, fact: Fact) -> Value:
        return self.has_fallen_due(fact, NOTHING)

    def has_fallen_due(self, fact: Fact, subjects: Subjects) -> Value:
        """Whether the latest counts of the fact's deadlines have come to their moments; undecided if not pointed at."""
        moments = self.falls_due(fact, subjects)
        if moments is None:
            return None
        return all(moment <= self.now for moment in moments) if moments else self.initial(fact)

    def falls_due(self, fact: Fact, subjects: Subjects) -> tuple[datetime, ...] | None:
        """When those counts fall due; None where nothing says which of them are meant."""
        kinds = {key: points_by(self.protocol.deadlines[key]) for key in fact.fallen_due}
        if any(kind is not None and kind not in subjects for kind in kinds.values()):
            return None
        found = (self._falls_due(self, key, subjects[kind] if kind else None) for key, kind in kinds.items())
        return tuple(moment for moment in found if moment is not None)

    def _school_known(self, fact: Fact) -> Value:
        act = fact.school_known or ""
        item = self.protocol.form_of(act).find(FieldType.school)
        cut = self.cut(fact.since)
        records = [record for record in self.case.records_of(act) if record.seq > cut]
        if item is None or not records:
            return self.initial(fact)
        code = records[-1].answers.get(item.key)
        return code is not None and self.around.has_school(code)

    def _people(self, fact: Fact) -> Value:
        rule = fact.people
        assert rule is not None
        account = self.case.holder(rule.seat, self.today)
        if account is None:
            return self.initial(fact)
        colleague = self.around.people.get(account)
        return colleague is not None and (colleague.trained or not rule.trained)

    def _months(self, fact: Fact) -> Value:
        entered = self.case.last_entered(fact.months_since)
        return None if entered is None else months_between(entered.at, self.now, self.around.calendar)

    def _days(self, fact: Fact) -> Value:
        rule = fact.days
        assert rule is not None
        since, until = self._last_day(rule.since, fact), self._last_day(rule.until, fact)
        return None if since is None or until is None else (until - since).days

    def counted_since(self, name: str) -> date | None:
        """The day from which a count of days runs, where it is known."""
        fact = self.protocol.facts[name]
        return self._last_day(fact.days.since, fact) if fact.days is not None else None

    def _last_day(self, sources: Iterable[Source], fact: Fact) -> date | None:
        days = []
        for source in sources:
            if source.danger == "raised":
                days += [self.local_day(life.raised_at) for life in self.case.dangers if life.state != "lifted"]
            elif source.report and self.case.opened_at is not None:
                days.append(self.local_day(self.case.opened_at))
        for record, source in self.matching([one for one in sources if one.act], fact.since):
            answer = record.answers.get(source.field) if source.field else record.occurred_at.isoformat()
            if isinstance(answer, str):
                days.append(self.day_of(answer))
        return max(days, default=None)

    def day_of(self, answer: str) -> date:
        """The local day of an answered date or moment."""
        return date.fromisoformat(answer) if len(answer) == 10 else self.local_day(datetime.fromisoformat(answer))

    def local_day(self, moment: datetime) -> date:
        return self.around.calendar.local(moment).date()

    # ---- follow-ups ------------------------------------------------------------------------------------------

    def schedule_start(self) -> datetime | None:
        """When the follow-up schedule of the present assessment began to run."""
        follow = self.protocol.follow_up
        if follow is None:
            return None
        cut = max(self.case.opening_seq, self.case.validated_seq)
        starts = (entry.at for entry in self.case.entries if entry.state in follow.starts and entry.seq >= cut)
        return next(starts, None)

    @cached_property
    def planned(self) -> tuple[PlannedFollowUp, ...]:
        """The schedule of the level, each date with the follow-up that held it."""
        follow, start = self.protocol.follow_up, self.schedule_start()
        schedule = follow.levels.get(self.level) if follow else None
        if follow is None or start is None or schedule is None:
            return ()
        roll = RollRule(
            to_next_school_day=schedule.roll.to_next_school_day,
            at_most=schedule.roll.at_most,
            fixed_offsets=frozenset(schedule.roll.fixed),
        )
        try:
            days = plan_dates(self.around.calendar, start, schedule.days, roll=roll)
        except NoSchoolTime:
            days = tuple(self.local_day(start) + timedelta(days=offset) for offset in schedule.days)
        return _assign(schedule.days, days, self._held(follow, start))

    def _held(self, follow: FollowUp, start: datetime) -> list[Held]:
        """The follow-ups held since the day of `start`, by the day on which each was."""
        first, held = self.local_day(start), []
        asked = (item.key for item in self.protocol.form_of(follow.act).fields if item.default == "planned")
        key = next(asked, "")
        for record in self.case.records_of(follow.act):
            answer, planned = record.answers.get(follow.held_on), record.answers.get(key)
            day = self.day_of(answer) if answer else self.local_day(record.occurred_at)
            if day >= first:
                held.append(Held(day, record.seq, self.day_of(planned) if planned else None))
        return sorted(held, key=lambda one: (one.day, one.seq))

    @cached_property
    def missed(self) -> tuple[date, ...]:
        """Dates of the schedule, and those that people named, that have gone by without a follow-up."""
        follow = self.protocol.follow_up
        if follow is None:
            return ()
        days = {planned.day for planned in self.planned if planned.held_seq is None}
        days |= {day for day, record in self._naming(follow) if not self._is_held(follow, day, record)}
        return tuple(sorted(day for day in days if day < self.today))

    def held_dates(self) -> tuple[date, ...]:
        """Dates of the schedule, and those that people named last, for which a follow-up was held."""
        follow = self.protocol.follow_up
        if follow is None:
            return ()
        days = {planned.day for planned in self.planned if planned.held_seq is not None}
        days |= {day for day, record in self._naming(follow) if self._is_held(follow, day, record)}
        return tuple(sorted(days - set(self.missed)))

    def _is_held(self, follow: FollowUp, day: date, named_by: Record) -> bool:
        """Whether a follow-up was held for a date since it was named, as early as one of the schedule may be."""
        named_on = self.local_day(named_by.occurred_at)
        earliest = day - timedelta(days=max((day - named_on).days, 0) // _EARLY)
        held = self._held(follow, named_by.occurred_at)
        return any(one.seq > named_by.seq and one.day >= earliest for one in held)

    def _schedule_held(self) -> bool:
        """Every date of the schedule held, or missed with a reason; a date still to come is neither."""
        left = [planned.day for planned in self.planned if planned.held_seq is None]
        return not left or (max(left) < self.today and self.excused_after(max(left)))

    def next_dates(self) -> tuple[date, ...]:
        """Follow-ups to come: of the schedule, and those that people named."""
        follow = self.protocol.follow_up
        if follow is None:
            return ()
        days = [planned.day for planned in self.planned if planned.held_seq is None and planned.day >= self.today]
        days += [day for day in self._named_dates(follow) if day >= self.today]
        if not days and self.schedule_start() is None and self.level in follow.levels:
            first = follow.levels[self.level].days[0]
            days.append(self.today + timedelta(days=first))
        return tuple(sorted(set(days)))

    def _named_dates(self, follow: FollowUp) -> Iterator[date]:
        """The next follow-up, as each act that names one last named it."""
        yield from (day for day, _record in self._naming(follow))

    def _naming(self, follow: FollowUp) -> Iterator[tuple[date, Record]]:
        naming = [(follow.act, follow.next_on), *((one.act or "", one.field or "") for one in follow.also_next)]
        for act, key in naming:
            records = [record for record in self.case.records_of(act) if record.seq > self.case.opening_seq]
            answer = records[-1].answers.get(key) if records else None
            if isinstance(answer, str):
                yield self.day_of(answer), records[-1]

    def follow_up_dates(self) -> tuple[date | None, date | None]:
        """The date that a follow-up held today is about, and the next one after it."""
        follow = self.protocol.follow_up
        if follow is None:
            return None, None
        plan, coming = self.planned, self.next_dates()
        days = tuple(planned.day for planned in plan)
        reached = [
            one.day for number, one in enumerate(plan) if one.held_seq is None and _earliest(days, number) <= self.today
        ]
        start = self.schedule_start()
        held = {one.day for one in self._held(follow, start)} if start else set()
        come = [day for day in (*reached, *self._named_dates(follow)) if day <= self.today and day not in held]
        due = max(come or reached, default=coming[0] if coming else None)
        after = [day for day in coming if due is not None and day > max(due, self.today)]
        return due, after[0] if after else self._after_schedule(follow, due)

    def _after_schedule(self, follow: FollowUp, due: date | None) -> date | None:
        """The next one where nothing more is planned: as long after as the last ones of the schedule lie apart."""
        schedule = follow.levels.get(self.level)
        if schedule is None or due is None:
            return None
        before = schedule.days[-2] if len(schedule.days) > 1 else 0
        return max(due, self.today) + timedelta(days=schedule.days[-1] - before)

    def excused_after(self, day: date) -> bool:
        """Whether follow-ups that were not held were excused on that day or later."""
        duties = {key for key, duty in self.protocol.duties.items() if self._counts_follow_ups(duty.deadlines)}
        return any((one := self.excused(duty)) is not None and self.local_day(one.at) >= day for duty in duties)

    def _counts_follow_ups(self, deadlines: Iterable[str]) -> bool:
        return any(source.missed_follow_up for key in deadlines for source in self.protocol.deadlines[key].start)

    def excused(self, duty: str) -> Record | None:
        """The latest record that excuses `duty`, with its reason."""
        forms = {act: self.protocol.form_of(act) for act in self.case.by_act}
        asked = {act: item.key for act, form in forms.items() if (item := form.find(FieldType.duty)) is not None}
        found = [one for one in self.case.records_of(*asked) if one.answers.get(asked[one.act]) == duty]
        return next((one for one in reversed(found) if one.seq > self.case.opening_seq), None)


def _assign(offsets: Iterable[int], days: tuple[date, ...], held: Sequence[Held]) -> tuple[PlannedFollowUp, ...]:
    """Each held follow-up holds one planned date that it is not too early for: the one it names, else the latest."""
    taken: dict[int, int] = {}
    for names_one in (True, False):
        for one in held:
            if one.seq in taken.values():
                continue
            free = [number for number in range(len(days)) if number not in taken and _earliest(days, number) <= one.day]
            fitting = [number for number in free if days[number] == one.planned] if names_one else free
            if fitting:
                taken[fitting[-1]] = one.seq
    numbered = enumerate(zip(offsets, days, strict=True))
    return tuple(PlannedFollowUp(offset, day, taken.get(number)) for number, (offset, day) in numbered)


def _earliest(days: tuple[date, ...], number: int) -> date:
    """A follow-up may be held early by a third of the gap before it."""
    gap = (days[number] - days[number - 1]).days if number else _EARLY
    return days[number] - timedelta(days=gap // _EARLY)


_Rule = Callable[[Facts, Fact], Value]
_SPECIAL: tuple[tuple[str, _Rule], ...] = (
    ("dangers", Facts._dangers),
    ("open_referrals", Facts._open_referrals),
    ("open_contributions", Facts._open_contributions),
    ("standing_holds", Facts._standing_holds),
    ("guardians", Facts._guardians),
    ("grid_known", Facts._grid_known),
    ("assessed_level", Facts._level),
    ("entered", Facts._entered),
    ("content_since_entry", Facts._content),
    ("follow_up", Facts._follow_up),
    ("deadline", Facts._deadline),
    ("fallen_due", Facts._fallen_due),
    ("school_known", Facts._school_known),
    ("people", Facts._people),
    ("months_since", Facts._months),
    ("days", Facts._days),
)
_FOLDS: Mapping[Fold, _Rule] = {
    Fold.last: Facts._last,
    Fold.ever: Facts._ever,
    Fold.count: Facts._count,
    Fold.streak: Facts._streak,
    Fold.distinct: Facts._distinct,
    Fold.signatures: Facts._signatures,
    Fold.answered: Facts._answered,
    Fold.standing: Facts._standing,
}
