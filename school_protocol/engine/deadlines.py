"""Deadlines: counts opened by the events that one names, met by those that follow; and those that were excused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import chain, zip_longest

from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import EVERY_GUARDIAN, Record, Referral
from school_protocol.engine.clock import NoSchoolTime, later
from school_protocol.engine.definition import ActKind, Deadline, Duty, Protocol, Source, Step
from school_protocol.engine.definition_parts import FieldType, Form
from school_protocol.engine.events import StepTaken
from school_protocol.engine.facts import Facts, Surroundings, points_by
from school_protocol.engine.review_state import ReviewState

# ---- excused counts ------------------------------------------------------------------------------------------------
# Nobody is reminded of these any more.


def excuses_of(facts: Facts, deadline: str, start_seq: int, started_at: datetime) -> tuple[Record, ...]:
    """The excuses since a count began, where everything that it asks for was excused; else none."""
    found = [facts.excused(key) for key, duty in facts.protocol.duties.items() if deadline in duty.deadlines]
    since = tuple(one for one in found if one and one.seq > start_seq and one.occurred_at >= started_at)
    return since if len(since) == len(found) else ()


@dataclass(frozen=True, slots=True)
class Start:
    """What opened a count: about which danger, referral, guardian or date; 0 for the case as a whole."""

    subject: str
    seq: int
    at: datetime
    state: str | None = None
    by_danger: bool = False
    since_seq: int = 0
    """After which event what meets it may have been recorded; 0: after the start."""
    since_at: datetime | None = None
    """On which day at the earliest it may have happened; None: on any."""

    @property
    def since(self) -> int:
        return self.since_seq or self.seq


@dataclass(frozen=True, slots=True)
class Pause:
    """While no time ran; until None: still."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """One count of one deadline."""

    deadline: str
    subject: str
    started_at: datetime
    start_seq: int
    due_at: datetime
    state: str
    """open, met, suspended or ended."""
    met_at: datetime | None = None
    met_seq: int = 0
    pauses: tuple[Pause, ...] = ()
    steps: tuple[tuple[datetime, tuple[str, ...]], ...] = ()
    ended_at: datetime | None = None
    """When its case ended with this undone; None where it ended otherwise, or did not count then."""

    def is_late(self, now: datetime) -> bool:
        return (self.met_at or now) > self.due_at and self.state in ("open", "met")

    @property
    def was_missed(self) -> bool:
        """Whether its moment had gone by, undone, as its case ended."""
        return self.ended_at is not None and self.ended_at > self.due_at

    def was_late(self, now: datetime) -> bool:
        """Late, whatever has become of its case since."""
        return self.is_late(now) or self.was_missed

    @property
    def is_open(self) -> bool:
        return self.state == "open"


def read(protocol: Protocol, case: Case, now: datetime, around: Surroundings) -> Facts:
    """The facts of `case` at `now`."""
    return Facts(protocol, case, now, around, passed, falls_due)


def dues(facts: Facts) -> tuple[Due, ...]:
    """Every count of every deadline, open ones first by their moment."""
    found = [due for deadline in facts.protocol.deadlines.values() for due in _counts(facts, deadline)]
    return tuple(sorted(found, key=lambda due: (not due.is_open, due.due_at, due.deadline, due.subject)))


def counts_of(facts: Facts, deadline: str) -> tuple[Due, ...]:
    """Every count of one deadline."""
    return _counts(facts, facts.protocol.deadlines[deadline])


def open_dues(facts: Facts) -> tuple[Due, ...]:
    """The counts that run and that nobody has excused."""
    return tuple(due for due in dues(facts) if due.is_open and not is_excused(facts, due))


def is_excused(facts: Facts, due: Due) -> bool:
    return bool(excuses_of(facts, due.deadline, due.start_seq, due.started_at))


def excused_at(facts: Facts, due: Due) -> datetime | None:
    """When a count was excused that is told as excused: what was done in time all the same is told as done."""
    excuses = [one.occurred_at for one in excuses_of(facts, due.deadline, due.start_seq, due.started_at)]
    if not excuses or (due.state == "met" and not (due.is_late(facts.now) and max(excuses) <= due.due_at)):
        return None
    return max(excuses)


def passed(facts: Facts, deadline: str) -> bool:
    """Whether an open count of `deadline` has run out."""
    return any(due.is_open and due.due_at <= facts.now for due in _counts(facts, facts.protocol.deadlines[deadline]))


def falls_due(facts: Facts, deadline: str, subject: str | None) -> datetime | None:
    """When the latest count of `deadline`, about `subject` where one is named, falls due, met or not."""
    counts = all_counts(facts, facts.protocol.deadlines[deadline])
    latest = max(
        (count for count in counts if subject in (None, count.subject)), key=lambda count: count.start_seq, default=None
    )
    return latest.due_at if latest else None


def _counts(facts: Facts, deadline: Deadline) -> tuple[Due, ...]:
    """One count for each start; of those that run together about the same thing, the one that is due first."""
    if deadline.key not in facts.counted:
        kept: dict[tuple[str, str, datetime | None], Due] = {}
        for count in all_counts(facts, deadline):
            together = (count.subject, count.state, count.met_at)
            earlier = kept.get(together)
            if earlier is None or count.due_at < earlier.due_at:
                kept[together] = count
        facts.counted[deadline.key] = tuple(kept.values())
    return facts.counted[deadline.key]


def chased(facts: Facts) -> dict[int, datetime]:
    """When one asks about each open referral: as its own count falls due. Met without an answer, it runs anew."""
    found: dict[int, datetime] = {}
    deadlines = (one for one in facts.protocol.deadlines.values() if one.per == "referral")
    for deadline in deadlines if facts.case.referrals else ():
        for count in (one for one in chain(all_counts(facts, deadline), counts_anew(facts, deadline)) if one.is_open):
            if count.subject.isdigit():
                number = int(count.subject)
                found[number] = min(found.get(number, count.due_at), count.due_at)
    return found


def counts_anew(facts: Facts, deadline: Deadline) -> Iterator[Due]:
    """Counts about a referral that were met before anybody answered: each runs anew from there, till it is met again.

    They are no counts of the protocol: nothing is late by them. One asks again as they fall due.
    """
    if deadline.per != "referral" or deadline.repeat:
        return
    for count in (one for one in all_counts(facts, deadline) if one.state == "met"):
        met = sorted(set(_all_met(facts, deadline, Start(count.subject, count.start_seq, count.started_at))))
        for (seq, at), again in zip_longest(met, met[1:]):
            yield _due(facts, deadline, Start(count.subject, seq, at), again)


def all_counts(facts: Facts, deadline: Deadline) -> Iterator[Due]:
    """Every count of a deadline, also one that runs beside another and ends later."""
    starts = _starts(facts, deadline)
    if starts and deadline.unless is not None and deadline.unless.holds(facts):
        return
    for start in starts:
        if deadline.steps and not deadline.value and not _live_steps(facts, deadline, start):
            continue
        while True:
            met = _met(facts, deadline, start)
            yield _due(facts, deadline, start, met)
            if not deadline.repeat or met is None or _ended(facts, deadline, start):
                break
            start = Start(start.subject, met[0], met[1], start.state)


def _due(facts: Facts, deadline: Deadline, start: Start, met: tuple[int, datetime] | None) -> Due:
    pauses = tuple(_pauses(facts, deadline, start, met))
    stood_still = sum(((one.until or facts.now) - one.since for one in pauses), timedelta())
    began = start.at + stood_still
    steps = tuple((_safe(facts, began, step.after, step), step.tell) for step in _live_steps(facts, deadline, start))
    later_steps = [] if deadline.value else [at for at, _tell in steps if at > began]
    due_at = min(later_steps, default=None) or _moment(facts, began, deadline)
    is_paused = any(one.until is None for one in pauses)
    if met is not None:
        state = "met"
    elif _ended(facts, deadline, start):
        state = "ended"
    else:
        state = "suspended" if is_paused else "open"
    undone = state == "ended" and not is_paused and _ends_with_case(facts, deadline, start)
    return Due(
        deadline.key, start.subject, start.at, start.seq, due_at, state, met[1] if met else None, met[0] if met else 0,
        pauses, steps, _end_of_case(facts, start) if undone else None,
    )  # fmt: skip


def _pauses(facts: Facts, deadline: Deadline, start: Start, met: tuple[int, datetime] | None) -> Iterator[Pause]:
    """While this guardian was on hold, or what suspends the deadline was so; since the start, and until it was met."""
    if deadline.per == "guardian" and not _is_about_holds(deadline):
        holds = (one for one in facts.case.holds if one.guardian in (start.subject or EVERY_GUARDIAN, EVERY_GUARDIAN))
        found = [(hold.at, hold.lifted_at) for hold in holds]
    else:
        found = list(facts.periods(deadline.suspended_while)) if deadline.suspended_while else []
    free_from = start.at
    for since, until in sorted(found, key=lambda one: one[0]):
        since, until = max(since, free_from), until if met is None else min(until or met[1], met[1])
        if until is None or since < until:
            yield Pause(since, until)
            free_from = until or facts.now


def _live_steps(facts: Facts, deadline: Deadline, start: Start) -> list[Step]:
    kind = "danger" if start.by_danger else "report"
    steps = [step for step in deadline.steps if step.of in (None, kind)]
    return [step for step in steps if step.when is None or step.when.holds(facts)]


def _moment(facts: Facts, start: datetime, deadline: Deadline) -> datetime:
    if deadline.steps and not deadline.value:
        first = deadline.steps[0]
        return _safe(facts, start, first.after, first)
    return _safe(facts, start, deadline.value, deadline)


def _safe(facts: Facts, start: datetime, amount: int, rule: Deadline | Step) -> datetime:
    try:
        return later(facts.around.calendar, start, amount, rule.unit)
    except NoSchoolTime:
        return start + timedelta(days=max(amount, 1))


# ---- what opens a count ------------------------------------------------------------------------------------------


def _starts(facts: Facts, deadline: Deadline) -> list[Start]:
    starts: list[Start] = []
    for source in deadline.start:
        starts.extend(_starts_of(facts, deadline, source))
    starts.sort(key=lambda start: start.seq)
    if deadline.first_only:
        starts = _first_of_each_opening(facts, starts)
    else:
        starts = [replace(start, since_at=start.at) for start in starts]
    if deadline.per == "guardian":
        starts = [each for start in starts for each in _of_each(facts, start, _guardians(facts.protocol))]
    if deadline.per == "person":
        each = (each for start in starts for each in _of_each(facts, start, deadline.slots))
        starts = [_from_naming(facts, start) for start in each]
    return starts


def _guardians(protocol: Protocol) -> frozenset[str]:
    return frozenset(key for key, slot in protocol.slots.items() if slot.guardian)


def _first_of_each_opening(facts: Facts, starts: list[Start]) -> list[Start]:
    """Each is met by what was done since its opening; of the first one, whenever that was."""
    openings = facts.openings
    kept: dict[int, Start] = {}
    for start in starts:
        number = sum(1 for seq in openings if seq <= start.seq + 1)
        opened = next((one for one in facts.case.entries if number > 1 and one.seq == openings[number - 1]), None)
        since = min(opened.seq, start.seq) if opened else facts.case.entries[0].seq
        kept.setdefault(number, replace(start, since_seq=since, since_at=opened.at if opened else None))
    return list(kept.values())


def _of_each(facts: Facts, start: Start, slots: Collection[str]) -> list[Start]:
    """One count for each person in these slots where a start names none; one for the case while none is named."""
    people = [person for person in facts.case.people.values() if person.slot in slots]
    return [start] if start.subject or not people else [replace(start, subject=person.id) for person in people]


def _from_naming(facts: Facts, start: Start) -> Start:
    """A count about somebody who was named after it began runs from there."""
    person = facts.case.people.get(start.subject)
    return replace(start, at=max(start.at, person.at)) if person else start


def _starts_of(facts: Facts, deadline: Deadline, source: Source) -> Iterator[Start]:
    case = facts.case
    if source.report and case.opened_at is not None:
        yield Start("", case.entries[0].seq, case.opened_at, case.entries[0].state)
    if source.danger == "raised":
        for life in case.dangers:
            if source.stay_with_child and not facts.protocol.dangers[life.danger].stay_with_child:
                continue
            about = life.danger if deadline.per == "danger" else ""
            # What raises it may say in the same breath what was done.
            yield Start(about, life.raised_seq, life.raised_at, by_danger=True, since_seq=life.raised_seq - 1)
    if source.entered:
        for entry in case.entries:
            if entry.state in source.entered and (entry.seq > 1 or entry.source == "START"):
                yield Start("", entry.seq, entry.at, entry.state)
    if source.review == "waits":
        yield from (Start("", turn.seq, turn.event.at) for turn in facts.turns if turn.waits)
    if source.hold == "placed":
        for hold in case.holds:
            yield Start(str(hold.number), hold.seq, hold.at)
    if source.missed_follow_up:
        zone = facts.around.calendar
        for day in facts.missed:
            end = datetime.combine(day + timedelta(days=1), time(0), zone.local(facts.now).tzinfo)
            yield Start(day.isoformat(), _seq_before(facts, end), end.astimezone(UTC))
    if source.act:
        for record in case.records_of(source.act):
            if facts.matches(source, record):
                yield Start(_subject(facts, deadline, record), record.seq, facts.happened_at(record, ended=True))
        if deadline.per == "referral":
            for referral, record in _carried(facts, source.act):
                if facts.matches(source, record):
                    yield Start(str(referral.number), referral.seq, referral.at)


def _carried(facts: Facts, act: str) -> Iterator[tuple[Referral, Record]]:
    """Referrals that came along from another case, each as a record of `act` would say it."""
    declared, form = facts.protocol.acts[act], facts.protocol.form_of(act)
    target, covers = form.find(FieldType.target), form.find(FieldType.covers)
    if declared.kind is not ActKind.refer or target is None or covers is None:
        return
    for one in facts.case.referrals:
        if facts.case.record(one.seq) is None:
            answers = {target.key: one.target, covers.key: list(one.covers)}
            yield one, Record(one.seq, act, declared.kind, one.actor, one.role, one.at, one.at, answers, {})


def _seq_before(facts: Facts, moment: datetime) -> int:
    return max((record.seq for record in facts.case.records if record.at < moment), default=0)


def _subject(facts: Facts, deadline: Deadline, record: Record) -> str:
    form = facts.protocol.form_of(record.act)
    if deadline.per == "referral":
        referral = next((one for one in facts.case.referrals if one.seq == record.seq), None)
        if referral is not None:
            return str(referral.number)
        item = form.find(FieldType.referral)
        return str(record.answers.get(item.key, "")) if item else ""
    if deadline.per == "guardian":
        item = form.find(FieldType.person)
        return str(record.answers.get(item.key, "")) if item else ""
    return ""


# ---- what meets it, and what ends it -----------------------------------------------------------------------------


def _met(facts: Facts, deadline: Deadline, start: Start) -> tuple[int, datetime] | None:
    return min(_all_met(facts, deadline, start), default=None)


def _all_met(facts: Facts, deadline: Deadline, start: Start) -> Iterator[tuple[int, datetime]]:
    for source in deadline.met_by:
        yield from _meetings(facts, deadline, source, start)
    for step in facts.case.steps:
        if step.seq > start.since and deadline.key in _meets(facts, step):
            yield step.seq, step.occurred_at


def _meets(facts: Facts, step: StepTaken) -> tuple[str, ...]:
    """The deadlines that a step meets: none any more, where the version that is followed now has no such move."""
    move = facts.protocol.moves.get(step.move)
    return move.meets if move else ()


def _meetings(facts: Facts, deadline: Deadline, source: Source, start: Start) -> Iterator[tuple[int, datetime]]:
    case = facts.case
    if source.seen:
        yield from ((seq, at) for seq, at in case.seen if seq > start.since)
    if source.move:
        yield from (
            (step.seq, step.occurred_at) for step in case.steps if step.move == source.move and step.seq > start.since
        )
    if source.entered:
        yield from (
            (entry.seq, entry.at) for entry in case.entries if entry.state in source.entered and entry.seq > start.since
        )
    if source.review == "answered":
        for turn in facts.turns:
            if turn.seq > start.since and not turn.waits and turn.state is not ReviewState.over:
                yield turn.seq, turn.event.at
    if source.danger == "lifted":
        for life in case.dangers:
            if (
                life.state == "lifted"
                and life.changed_at
                and life.changed_seq > start.since
                and start.subject in ("", life.danger)
            ):
                yield life.changed_seq, life.changed_at
    if source.act:
        for record in case.records_of(source.act):
            if record.seq <= start.since or record.effective_seq is None or record.effective_at is None:
                continue  # it waits for a signature
            if facts.matches(source, record) and _about(facts, deadline, record, start):
                at = facts.happened_at(record) if record.effective_seq == record.seq else record.effective_at
                if start.since_at is None or facts.local_day(at) >= facts.local_day(start.since_at):
                    yield record.seq, at


def _about(facts: Facts, deadline: Deadline, record: Record, start: Start) -> bool:
    """Whether the record speaks of what the count is about."""
    form = facts.protocol.form_of(record.act)
    if not start.subject:
        return True
    if deadline.per == "danger":
        item = form.find(FieldType.covers) or form.find(FieldType.dangers) or form.find(FieldType.danger)
        covers = record.answers.get(item.key) if item else None
        return covers is None or start.subject in covers
    if deadline.per == "referral":
        item = form.find(FieldType.referral)
        return item is not None and str(record.answers.get(item.key)) == start.subject
    if deadline.per in ("guardian", "person") and not _is_about_holds(deadline):
        return _names(facts, form, record, start.subject)
    item = form.find(FieldType.hold)
    return item is None or str(record.answers.get(item.key)) == start.subject


def _names(facts: Facts, form: Form, record: Record, person: str) -> bool:
    """Whether a record is about that person: one that asks for nobody, or left open of whom, is about all so far."""
    one, several = form.find(FieldType.person), form.find(FieldType.persons)
    if one is not None:
        return record.answers.get(one.key) == person
    named = record.answers.get(several.key) if several is not None else ()
    return person in named if named else record.seq >= facts.case.people[person].seq


def _is_about_holds(deadline: Deadline) -> bool:
    return points_by(deadline) is FieldType.hold


def _ended(facts: Facts, deadline: Deadline, start: Start) -> bool:
    if _is_about_rights(facts, deadline):
        return False
    if _is_about_reviews(deadline):
        over = (turn for turn in facts.turns if turn.state is ReviewState.over)
        return any(turn.seq > start.seq for turn in over)
    return _end_of_case(facts, start) is not None or _is_over(facts, deadline, start)


def _ends_with_case(facts: Facts, deadline: Deadline, start: Start) -> bool:
    """Whether nothing but the end of the case ended it."""
    of_its_own = _is_about_rights(facts, deadline) or _is_about_reviews(deadline)
    return not of_its_own and not _is_over(facts, deadline, start)


def _end_of_case(facts: Facts, start: Start) -> datetime | None:
    """When the case ended first after that start."""
    return min((entry.at for entry in facts.case.entries if entry.is_end and entry.seq >= start.seq), default=None)


def _is_over(facts: Facts, deadline: Deadline, start: Start) -> bool:
    """Whether what it was about is over, while the case may go on."""
    case = facts.case
    if deadline.ends_with_state and start.state is not None:
        return any(entry.seq > start.seq and entry.source == start.state for entry in case.entries)
    if deadline.per == "danger" and start.subject:
        return any(
            life.danger == start.subject and life.raised_seq == start.seq and life.state == "lifted"
            for life in case.dangers
        )
    if _is_about_holds(deadline):
        return any(str(hold.number) == start.subject and not hold.stands for hold in case.holds)
    if deadline.per == "referral":
        return any(str(one.number) == start.subject and not one.is_open for one in case.referrals)
    if deadline.per == "follow_up":
        return all(day.isoformat() != start.subject for day in facts.missed)
    return False


def _is_about_reviews(deadline: Deadline) -> bool:
    """A review runs on until it is answered, or over."""
    return any(source.review is not None for source in deadline.start)


def _is_about_rights(facts: Facts, deadline: Deadline) -> bool:
    """A request of rights runs on, whatever becomes of the case."""
    acts = facts.protocol.acts
    return any(source.act is not None and acts[source.act].kind is ActKind.rights for source in deadline.start)


# ---- duties ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DutyStatus:
    """A duty as it stands: due (by when), done (since when), excused, suspended, or missed as its case ended."""

    duty: str
    state: str
    due_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    subjects: tuple[str, ...] = ()
    """What is due is about these, the first to fall due first."""


def duties(facts: Facts, counts: Iterable[Due]) -> tuple[DutyStatus, ...]:
    """Every duty of the definition that this case knows of, as it stands."""
    by_deadline: dict[str, list[Due]] = {}
    for count in counts:
        by_deadline.setdefault(count.deadline, []).append(count)
    return tuple(status for key in facts.protocol.duties if (status := _duty(facts, key, by_deadline)) is not None)


def _duty(facts: Facts, key: str, by_deadline: dict[str, list[Due]]) -> DutyStatus | None:
    duty = facts.protocol.duties[key]
    excuse = facts.excused(key)
    is_asked = duty.when is None or duty.when.holds(facts)
    counts = [count for deadline in duty.deadlines for count in by_deadline.get(deadline, ())]
    is_done = bool(counts) and all(one.state == "met" and excused_at(facts, one) is None for one in counts)
    is_asked_anew = excuse is not None and any(one.is_open and one.started_at > excuse.occurred_at for one in counts)
    if excuse is not None and not is_done and not is_asked_anew:
        return DutyStatus(key, "excused", None, excuse.occurred_at, excuse.author)
    if duty.deadlines:
        return _timed_duty(facts, key, counts, is_asked=is_asked)
    ran = [step for step in facts.case.steps if step.move in duty.after_move]
    if duty.after_move and not ran:
        return None
    if ran and not duty.met_by:  # the move's own notice does it
        return DutyStatus(key, "done", done_at=ran[-1].at)
    done = _done(facts, duty, ran[-1].seq if ran else facts.case.opening_seq)
    if done is not None:
        return DutyStatus(key, "done", done_at=facts.happened_at(done), done_by=done.author)
    return DutyStatus(key, "due") if is_asked and (ran or duty.when is not None) else None


def _timed_duty(facts: Facts, key: str, counts: Sequence[Due], *, is_asked: bool) -> DutyStatus | None:
    """What a duty with deadlines comes to is what their counts say: nothing is computed twice."""
    open_ones = [count for count in counts if count.is_open and is_asked]
    if open_ones:
        order = {danger: place for place, danger in enumerate(facts.protocol.dangers)}
        open_ones.sort(key=lambda count: (count.due_at, order.get(count.subject, 0)))
        about = tuple(dict.fromkeys(count.subject for count in open_ones if count.subject))
        return DutyStatus(key, "due", open_ones[0].due_at, subjects=about)
    if is_asked and any(count.state == "suspended" for count in counts):
        return DutyStatus(key, "suspended")
    met = [
        (count.met_seq, count.met_at, count.due_at)
        for count in counts
        if count.met_at is not None and _does(facts, key, count.met_seq)
    ]
    missed = [count for count in counts if count.was_missed]
    ended = max((count.ended_at for count in missed if count.ended_at), default=None)
    if ended and not any(count.met_at and count.met_at > ended for count in counts):
        about = tuple(dict.fromkeys(count.subject for count in missed if count.subject))
        return DutyStatus(key, "missed", min(count.due_at for count in missed), subjects=about)
    if not met:
        return None
    seq, at, due_at = max(met)
    return DutyStatus(key, "done", due_at, at, _author(facts, seq))


def _does(facts: Facts, duty: str, seq: int) -> bool:
    """Whether what met a count does the duty, too: versions of earlier releases lend deadlines to other duties."""
    acts, record = facts.protocol.duties[duty].met_by, facts.case.record(seq)
    return record is None or not acts or record.act in acts


def _author(facts: Facts, seq: int) -> str | None:
    record = facts.case.record(seq)
    return record.author if record else next((step.actor for step in facts.case.steps if step.seq == seq), None)


def _done(facts: Facts, duty: Duty, after: int) -> Record | None:
    """The latest record of the duty's acts since `after`, with the answer that it asks for."""
    found = [
        record
        for act in duty.met_by
        for record in facts.case.records_of(act)
        if record.seq > after and (duty.filled is None or record.answers.get(duty.filled) not in (None, "", [], {}))
    ]
    return max(found, key=lambda record: record.seq, default=None)
