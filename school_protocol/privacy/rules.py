"""How long a case is kept, and the way to its end: two notices, the days between them, a human's word; pure functions.

Days are local dates. A clock that is wrong must erase nothing, so days by the calendar alone never suffice: the days on
which the work was really looked at are counted as well (`run`, numbered from 1).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import Record
from school_protocol.engine.deadlines import all_counts
from school_protocol.engine.definition import ActKind, Protocol, Role, ScopeKind
from school_protocol.engine.definition_parts import LEAST_RUNS, FieldType, Retention
from school_protocol.engine.events import ErasureSuspended
from school_protocol.engine.facts import Facts
from school_protocol.statistics import yearly_rules

FIRST_NOTICE = timedelta(days=60)
SECOND_NOTICE = timedelta(days=17)
"""So long before the day of erasure each notice is asked for; it may be on its way for a day or two."""
REST = timedelta(days=14)
"""So long, at least, lies between a notice that was given and the next step."""
AFTER_HOLD = timedelta(days=14)
"""Once a hold is lifted, nothing is erased for so long."""
HOLD_MOST = timedelta(days=366)
UNANSWERED = timedelta(days=30)
"""Where an installation asks for it: so long a list waits for its confirmation before it is taken as confirmed."""
UNANSWERED_RUNS = 20
ACCESS = "access"
"""The choice, in the form of a request, by which a copy of what is kept is asked for: no other one lets a copy go."""
SCHOOL_YEAR_BEGINS = 9
"""The month in which a school year begins, where the definition has no yearly report that says it."""


# ---- the limit -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """When a case that has ended may be erased, and by which rule of its definition.

    `due_on` is the first day on which it may be; None where no rule of the definition is about it. `cycle` is the
    number of the event from which notices count: a new end, a hold or its lifting make earlier ones worth nothing.
    """

    rule: Retention | None
    ended_at: datetime
    due_on: date | None
    cycle: int
    barred_until: datetime | None = None
    """Until then nothing is erased: a hold stands, or was lifted lately."""
    asked: bool = False
    """Somebody asked for what is kept of them, and waits for the answer."""

    @property
    def opens_on(self) -> date | None:
        """The first day on which it may be erased, what bars it included."""
        if self.due_on is None or self.barred_until is None:
            return self.due_on
        return max(self.due_on, self.barred_until.date())


def limit_of(facts: Facts) -> Limit | None:
    """The limit of a case as it is now; None while it has not ended."""
    case, protocol = facts.case, facts.protocol
    if not protocol.states[case.state].ended:
        return None
    zone = ZoneInfo(facts.around.calendar.timezone)
    footing = case.footing
    of_state = (one for one in protocol.retention if not one.states or case.state in one.states)
    rule = next((one for one in of_state if one.when is None or one.when.holds(facts)), None)
    return Limit(
        rule=rule,
        ended_at=footing.at,
        due_on=due_on(protocol, rule, footing.at.astimezone(zone).date()) if rule else None,
        cycle=max(case.entry.seq, case.erasure.seq if case.erasure else 0),
        barred_until=barred_until(case, zone),
        asked=is_asked(facts),
    )


def due_on(protocol: Protocol, rule: Retention, ended_on: date) -> date:
    """The first day on which a case that ended on that day may be erased."""
    start = school_year_over(protocol, ended_on) if rule.after == "school_year" else ended_on
    return _months_later(start, rule.months)


def school_year_over(protocol: Protocol, day: date) -> date:
    """The first day after the school year in which `day` lies."""
    rules = next((one.yearly for one in protocol.documents.values() if one.yearly is not None), None)
    begins = rules.begins if rules else SCHOOL_YEAR_BEGINS
    year = day.year if day.month >= begins else day.year - 1
    return max(yearly_rules.ends_on(rules, year), day) if rules else date(year + 1, begins, 1)


def _months_later(day: date, months: int) -> date:
    """The same day so many months on, or the last one of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def barred_until(case: Case, zone: ZoneInfo) -> datetime | None:
    """The first moment at which no hold stands any more, and none was lifted too lately; None: no word of any."""
    word = case.erasure
    if word is None:
        return None
    if isinstance(word, ErasureSuspended):
        day_after = date.fromisoformat(word.until) + timedelta(days=1)
        return datetime.combine(day_after, time(0), zone).astimezone(UTC)
    return word.at + AFTER_HOLD


def is_suspended(case: Case, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a hold stands now."""
    until = barred_until(case, zone)
    return isinstance(case.erasure, ErasureSuspended) and until is not None and now < until


def is_asked(facts: Facts) -> bool:
    """Whether a request about somebody's own data is still without its answer."""
    return bool(_asking(facts))


def access_asked(facts: Facts) -> tuple[Record, ...]:
    """The entries by which somebody asked for what is kept of them, and that wait for the answer still, in order."""
    case, waiting = facts.case, _asking(facts)
    return tuple(one for one in case.records if one.seq in waiting and _asks_for_access(facts, one))


def named_in(facts: Facts, record: Record) -> str | None:
    """The person of the case whom such an entry names; None where its form names none."""
    form = facts.case.protocol_at(record.seq, facts.protocol).form_of(record.act)
    item = form.find(FieldType.person)
    named = record.answers.get(item.key) if item else None
    return str(named) if named else None


def _asks_for_access(facts: Facts, record: Record) -> bool:
    form = facts.case.protocol_at(record.seq, facts.protocol).form_of(record.act)
    asked = (item.key for item in form.fields if item.type in (FieldType.choice, FieldType.choices))
    answers = [record.answers.get(key) for key in asked]
    return any(ACCESS in ((one,) if isinstance(one, str) else one or ()) for one in answers)


def _asking(facts: Facts) -> frozenset[int]:
    """Numbers of the requests that have no answer yet, also of those that run beside an earlier one."""
    acts = facts.protocol.acts
    counts = (
        due
        for deadline in facts.protocol.deadlines.values()
        if any(source.act and acts[source.act].kind is ActKind.rights for source in deadline.start)
        for due in all_counts(facts, deadline)
    )
    return frozenset(due.start_seq for due in counts if due.is_open)


def supervises(role: Role) -> bool:
    """Whether that role answers for several schools, and reads their cases."""
    return role.oversees or role.sees in (ScopeKind.province, ScopeKind.region)


# ---- the way -------------------------------------------------------------------------------------------------------


class Step(StrEnum):
    """What comes next for a case whose time runs out."""

    wait = "wait"
    first_notice = "first_notice"
    second_notice = "second_notice"
    confirm = "confirm"
    erase = "erase"


@dataclass(frozen=True, slots=True)
class Given:
    """A step that was really made: on which day, and how many days of work that was."""

    on: date
    run: int


def next_step(
    limit: Limit, first: Given | None, second: Given | None, agreed: bool, today: Given, now: datetime
) -> Step:
    """What is to be done today; nothing is ever skipped, whatever the clock says."""
    opens_on = limit.opens_on
    if opens_on is None or limit.asked:
        return Step.wait
    if first is None:
        return Step.first_notice if today.on >= opens_on - FIRST_NOTICE else Step.wait
    if second is None:
        may = today.on >= opens_on - SECOND_NOTICE and _is_past(first, today)
        return Step.second_notice if may else Step.wait
    is_barred = limit.barred_until is not None and now < limit.barred_until
    if is_barred or today.on < opens_on or not _is_past(second, today):
        return Step.wait
    return Step.erase if agreed else Step.confirm


def _is_past(given: Given, today: Given) -> bool:
    return today.on >= given.on + REST and today.run - given.run >= LEAST_RUNS


def earliest(limit: Limit, first: Given | None, second: Given | None, today: date) -> date | None:
    """The first day on which the case can be erased, as things stand; None: no rule says it is."""
    opens_on = limit.opens_on
    if opens_on is None:
        return None
    if second is not None:
        return max(opens_on, second.on + REST)
    begun = max(first.on, today - REST) if first is not None else today
    return max(opens_on, begun + 2 * REST)


def is_unanswered(waits_since: Given | None, today: Given) -> bool:
    """Whether a case has waited for its confirmation for so long that silence counts, where silence may count."""
    if waits_since is None:
        return False
    return today.on >= waits_since.on + UNANSWERED and today.run - waits_since.run >= UNANSWERED_RUNS
