"""Checks of what is due and what levels there are: needs, deadlines, duties, the grid, follow-ups."""

from __future__ import annotations

from school_protocol.definitions.acting import RECEIVERS
from school_protocol.definitions.book import Book
from school_protocol.definitions.fact_checks import NUMBERS, TIMED, TRUTHS, answers_of, check_fact, check_moments
from school_protocol.definitions.names import item_types
from school_protocol.definitions.tree import Path
from school_protocol.domain.forms import FieldType
from school_protocol.domain.phrases import N_, Phrase
from school_protocol.domain.protocol import ActKind, Deadline, Duty, FactType, Fold, FollowUp, Grid, Schedule

LONGEST = 100_000
"""No figure of a deadline or a schedule is larger: beyond it dates cannot be computed."""

_NO_SCHEDULE = N_("level %(level)s has no schedule")


def check(book: Book) -> None:
    protocol = book.protocol
    for grid in protocol.grids.values():
        _grid(book, grid)
    _assessment(book)
    for fact in protocol.facts.values():
        check_fact(book, fact)
    for key, need in protocol.needs.items():
        book.over_facts(("needs", key, "when"), need.when, pointed=True)
        book.refer(("needs", key, "met_by"), need.met_by, "acts")
    for deadline in protocol.deadlines.values():
        _deadline(book, deadline)
    for duty in protocol.duties.values():
        _duty(book, duty)
    _follow_up(book)
    _ends(book)


# ---- deadlines and duties ---------------------------------------------------------------------------------------


def _deadline(book: Book, deadline: Deadline) -> None:
    path = ("deadlines", deadline.key)
    check_moments(book, deadline, ("start", "met_by"), path)
    _suspended(book, deadline.suspended_while, (*path, "suspended_while"))
    book.over_facts((*path, "unless"), deadline.unless)
    book.refer((*path, "slots"), deadline.slots, "slots")
    for number, step in enumerate(deadline.steps):
        here = (*path, "steps", number)
        book.refer((*here, "tell"), step.tell, "roles", "seats", also=RECEIVERS)
        book.over_facts((*here, "when"), step.when)
        _figure(book, step.after, (*here, "after"), least=0)
    if "value" in deadline.model_fields_set:
        _figure(book, deadline.value, (*path, "value"), least=0)
    if book.declared.is_whole(*path):
        _lacking(book, deadline, path)
    by_law = deadline.lock == "law"
    if deadline.max is not None and deadline.value > deadline.max:
        text = N_("%(value)s is more than its max, %(most)s")
        if by_law:
            text = N_("%(value)s is more than its max, %(most)s, which the law fixes")
        book.say((*path, "value"), text, value=deadline.value, most=deadline.max)
    if deadline.repeat and not deadline.value:
        book.say((*path, "repeat"), N_("only a deadline with a value repeats"))


def _suspended(book: Book, fact: str | None, path: Path) -> None:
    book.refer_one(path, fact, "facts")
    told = book.protocol.facts.get(fact or "")
    if told is None:
        return
    book.facts_read.add(told.key)
    if told.type is not FactType.bool or told.fold is not Fold.last or not told.from_:
        book.say(path, N_("%(fact)s is no yes or no that records tell"), fact=told.key)


def _lacking(book: Book, deadline: Deadline, path: Path) -> None:
    """What a deadline that was read whole must say."""
    if not deadline.start:
        book.say((*path, "start"), N_("empty list: this deadline would never start"))
    if bool(deadline.slots) != (deadline.per == "person"):
        book.say((*path, "per"), N_("`slots` goes with `person`, and with nothing else"))
    if not deadline.value and not deadline.steps:
        book.say(path, N_("a deadline has a value or steps"))
    if deadline.lock == "law" and deadline.max is None:
        book.say((*path, "lock"), N_("what the law fixes needs a max"))


def _figure(book: Book, figure: int, path: Path, *, least: int) -> None:
    if not least <= figure <= LONGEST:
        book.say(path, N_("%(value)s is out of reach: %(least)s to %(most)s"), value=figure, least=least, most=LONGEST)


def _duty(book: Book, duty: Duty) -> None:
    path = ("duties", duty.key)
    book.refer((*path, "met_by"), duty.met_by, "acts", "moves")
    for act in duty.met_by if duty.filled else ():
        book.field((*path, "filled"), book.form_of(act), duty.filled)
    book.refer((*path, "deadlines"), duty.deadlines, "deadlines")
    book.over_facts((*path, "when"), duty.when)
    book.refer((*path, "blocks"), duty.blocks, "needs")
    book.people((*path, "by"), duty.by)
    book.refer((*path, "after_move"), duty.after_move, "moves")


# ---- the grid, the assessment, follow-ups, what happens at the end ------------------------------------------------


def _grid(book: Book, grid: Grid) -> None:
    path = ("grids", grid.key)
    is_whole = book.declared.is_whole(*path)
    for number, floor in enumerate(grid.floors):
        here = (*path, "floors", number)
        if not floor.when.names - grid.items.keys() & book.declared.of(*path, "items"):
            what = Phrase(N_('grid "%(grid)s": item'), grid=grid.key)
            book.over_names((*here, "when"), floor.when, item_types(grid), what)
        if floor.level not in grid.levels and is_whole:
            book.say((*here, "level"), N_("the grid has no level %(level)s"), level=floor.level)
    if is_whole and not grid.items:
        book.say((*path, "items"), N_("a grid has items"))
    elif is_whole and _has_sound_items(book, grid, (*path, "items")):
        _bands(book, grid, path)


def _has_sound_items(book: Book, grid: Grid, path: Path) -> bool:
    before = len(book.findings)
    wanted = len(next(iter(grid.items.values())).anchors)
    for key, item in grid.items.items():
        here, found = (*path, key, "anchors"), len(item.anchors)
        if item.weight < 1:
            book.say((*path, key, "weight"), N_("a weight is 1 at least, not %(found)s"), found=item.weight)
        if found < 2:
            book.say(here, N_("an item has two anchors at least"))
        elif found != wanted:
            book.say(here, N_("%(found)s anchors: the first item has %(wanted)s"), found=found, wanted=wanted)
    return len(book.findings) == before


def _bands(book: Book, grid: Grid, path: Path) -> None:
    """Levels from 0 to the maximum, each point in exactly one."""
    expected = 0
    before = 0
    for number, level in grid.levels.items():
        here = (*path, "levels", str(number))
        if number <= before:
            book.say(here, N_("levels are numbered upwards from 1"))
        if level.low != expected:
            text = N_("level %(number)s begins at %(low)s, not at %(expected)s: gap or overlap")
            book.say((*here, "low"), text, number=number, low=level.low, expected=expected)
        if level.high < level.low:
            text = N_("level %(number)s ends at %(high)s, before it begins")
            book.say((*here, "high"), text, number=number, high=level.high)
        expected, before = level.high + 1, number
    if expected != grid.maximum + 1:
        text = N_("the levels end at %(last)s: the grid's maximum is %(maximum)s")
        book.say((*path, "levels"), text, last=expected - 1, maximum=grid.maximum)


def _assessment(book: Book) -> None:
    assessment = book.protocol.assessment
    if assessment is None:
        return
    path = ("assessment",)
    book.refer_one((*path, "fact"), assessment.fact, "facts")
    fact = book.protocol.facts.get(assessment.fact)
    if fact is not None and not fact.assessed_level and book.declared.is_whole("facts", fact.key):
        book.say((*path, "fact"), N_('fact "%(fact)s" does not say assessed_level'), fact=fact.key)
    book.refer_one((*path, "act"), assessment.act, "acts")
    form = book.form_of(assessment.act)
    book.field((*path, "field"), form, assessment.field, FieldType.grid)
    override = book.field((*path, "override"), form, assessment.override, FieldType.choice, *NUMBERS)
    is_choice = override is not None and override.type is FieldType.choice
    for answer in answers_of(book, override) if is_choice else ():
        if not (answer.isdecimal() and book.has_level(int(answer))):
            book.say((*path, "override"), N_('answer "%(answer)s" is no level of the grid'), answer=answer)
    book.field((*path, "recurrence"), form, assessment.recurrence, *TRUTHS)
    _level(book, assessment.danger_level, (*path, "danger_level"))
    if assessment.recurrence_level:
        _level(book, assessment.recurrence_level, (*path, "recurrence_level"))
    if not 0 <= assessment.reopening_raise <= 10:
        book.say((*path, "reopening_raise"), N_("%(found)s levels: 0 to 10"), found=assessment.reopening_raise)


def _level(book: Book, level: int, path: Path) -> None:
    if not book.has_level(level):
        book.say(path, N_("no grid has a level %(level)s"), level=level)


def _follow_up(book: Book) -> None:
    follow_up = book.protocol.follow_up
    if follow_up is None:
        return
    path = ("follow_up",)
    book.refer_one((*path, "act"), follow_up.act, "acts")
    act = book.protocol.acts.get(follow_up.act)
    if act is not None and act.kind is not ActKind.follow_up:
        book.say((*path, "act"), N_("%(act)s is of kind %(kind)s, not follow_up"), act=act.key, kind=act.kind.value)
    form = book.form_of(follow_up.act)
    for name in ("held_on", "next_on"):
        book.field((*path, name), form, getattr(follow_up, name), *TIMED)
    check_moments(book, follow_up, ("also_next",), path)
    for number, source in enumerate(follow_up.also_next):
        if source.act is not None and source.field is None:
            book.say((*path, "also_next", number), N_("name the field that says when the next follow-up is"))
    book.refer((*path, "starts"), follow_up.starts, "states")
    for state in follow_up.treat_as_in:
        book.refer_one((*path, "treat_as_in", state), state, "states")
    if book.declared.is_whole("grids") and book.declared.is_whole("follow_up"):
        _scheduled(book, follow_up)
    for level, schedule in follow_up.levels.items():
        _schedule(book, schedule, (*path, "levels", str(level)))


def _scheduled(book: Book, follow_up: FollowUp) -> None:
    """Each level of the grid has a schedule, and nothing else has."""
    path, levels = ("follow_up",), book.levels()
    for level in sorted(levels - follow_up.levels.keys()):
        book.say((*path, "levels"), _NO_SCHEDULE, level=level)
    if follow_up.unassessed_as not in follow_up.levels:
        book.say((*path, "unassessed_as"), _NO_SCHEDULE, level=follow_up.unassessed_as)
    for state, level in follow_up.treat_as_in.items():
        if level not in follow_up.levels:
            book.say((*path, "treat_as_in", state), _NO_SCHEDULE, level=level)
    for level in follow_up.levels.keys() - levels if levels else ():
        book.say((*path, "levels", str(level)), N_("no grid has a level %(level)s"), level=level)


def _schedule(book: Book, schedule: Schedule, path: Path) -> None:
    days = schedule.days
    if list(days) != sorted(set(days)):
        book.say((*path, "days"), N_("days of a schedule go upwards"))
    for number, day in enumerate(days):
        _figure(book, day, (*path, "days", number), least=0)
    for number, day in enumerate(schedule.roll.fixed):
        if day not in days:
            book.say((*path, "roll", "fixed", number), N_("day %(day)s is not in the schedule"), day=day)


def _ends(book: Book) -> None:
    """What reads the report, and how long things are kept."""
    protocol = book.protocol
    condition = protocol.restricted_when
    if condition is not None:
        report = next(protocol.acts_of(ActKind.report), None)
        book.over_answers(("restricted_when",), condition, book.form_of(report.key) if report else None)
        for form in (book.form_of(act.key) for act in protocol.acts_of(ActKind.contribute)):
            if form is not None and condition.names <= {*form.by_key, "role"}:
                book.over_answers(("restricted_when",), condition, form)
    for number, rule in enumerate(protocol.retention):
        here = ("retention", number)
        book.over_facts((*here, "when"), rule.when)
        book.refer((*here, "states"), rule.states, "states")
        if not 1 <= rule.months <= 1200:
            book.say((*here, "months"), N_("%(months)s months: 1 to 1200"), months=rule.months)
