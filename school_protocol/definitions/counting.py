"""Checks of what is known and what is due: facts and their sources, needs, deadlines, duties, the grid, follow-ups."""

from __future__ import annotations

from collections.abc import Iterable

from school_protocol.definitions.acting import RECEIVERS
from school_protocol.definitions.book import Book, either
from school_protocol.definitions.names import ANSWERED, NEED, item_types
from school_protocol.definitions.tree import Path
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_, Listing, Phrase
from school_protocol.domain.protocol import ActKind, Deadline, Duty, Fact, FactType, Fold, Grid, Schedule, Source

LONGEST = 100_000
"""No figure of a deadline or a schedule is larger: beyond it dates cannot be computed."""

_T = FieldType
_TIMED = (_T.date, _T.moment)
_TRUTHS = (_T.yes_no, _T.check)
_NUMBERS = (_T.integer, _T.scale)
_PEOPLE = (_T.person, _T.persons, _T.account, _T.accounts)
_CHOSEN = (_T.choice, _T.tri, _T.danger, _T.target, _T.seat, _T.slot, _T.side, _T.duty)
_FOLDS = {
    FactType.bool: (Fold.last, Fold.ever, Fold.answered, Fold.standing),
    FactType.enum: (Fold.last,),
    FactType.int: (Fold.last,),
    FactType.count: (Fold.count, Fold.streak, Fold.distinct, Fold.signatures),
}
_DERIVED = {
    "dangers": (FactType.count, FactType.bool, FactType.int),
    "open_referrals": (FactType.count, FactType.int),
    "open_contributions": (FactType.count, FactType.int),
    "standing_holds": (FactType.count, FactType.int),
    "guardians": (FactType.enum,),
    "grid_known": (FactType.int, FactType.count),
    "assessed_level": (FactType.int,),
    "entered": (FactType.bool,),
    "content_since_entry": (FactType.bool,),
    "follow_up": (FactType.bool,),
    "deadline": (FactType.bool,),
    "fallen_due": (FactType.bool,),
    "school_known": (FactType.bool,),
    "people": (FactType.bool, FactType.count),
    "months_since": (FactType.int,),
    "days": (FactType.int,),
}
"""Sources that the engine works out by itself, each with the types it can give."""

_WAYS = ("act", "entered", "move", "danger", "hold", "report", "seen", "review", "missed_follow_up")
_OF_AN_ACT = ("field", "where", "filled", "row_filled", "covering_entry", "by", "unless_after")


def check(book: Book) -> None:
    protocol = book.protocol
    for grid in protocol.grids.values():
        _grid(book, grid)
    _assessment(book)
    for fact in protocol.facts.values():
        _fact(book, fact)
    for key, need in protocol.needs.items():
        book.over_facts(("needs", key, "when"), need.when, pointed=True)
        book.refer(("needs", key, "met_by"), need.met_by, "acts")
    for deadline in protocol.deadlines.values():
        _deadline(book, deadline)
    for duty in protocol.duties.values():
        _duty(book, duty)
    _follow_up(book)
    _ends(book)


# ---- facts ------------------------------------------------------------------------------------------------------


def _fact(book: Book, fact: Fact) -> None:
    path = ("facts", fact.key)
    kinds = ["from"] if fact.from_ else []
    kinds += [name for name in _DERIVED if getattr(fact, name)]
    if not kinds and book.declared.is_whole(*path):
        book.say(path, N_("a fact has one source: from, %(sources)s"), sources=Listing(_DERIVED))
    if len(kinds) > 1:
        book.say(path, N_("a fact has one source, not %(sources)s"), sources=Listing(kinds, "and"))
    _values(book, fact, path)
    if len(kinds) == 1 and not fact.from_:
        if fact.type not in _DERIVED[kinds[0]]:
            book.say(
                (*path, "type"),
                N_("%(source)s gives %(types)s, not %(type)s"),
                source=kinds[0],
                types=either(_DERIVED[kinds[0]]),
                type=fact.type.value,
            )
        if fact.fold is not Fold.last:
            book.say((*path, "fold"), N_("%(source)s has no fold"), source=kinds[0])
    book.refer((*path, "since", "entered"), fact.since.entered, "states")
    if fact.from_:
        _sources(book, fact, path)
    _derived(book, fact, path)


def _values(book: Book, fact: Fact, path: Path) -> None:
    if fact.type is FactType.enum:
        if not fact.values and book.declared.is_whole(*_two(path)):
            book.say(path, N_("an enum needs values"))
    elif fact.type is FactType.int:
        for number, value in enumerate(fact.values):
            if not value.isdecimal():
                book.say((*path, "values", number), N_('"%(value)s" is not a whole number'), value=value)
    elif fact.values:
        book.say((*path, "values"), N_("only an enum or an int has values, not %(type)s"), type=fact.type.value)
    if len(set(fact.values)) < len(fact.values):
        book.say((*path, "values"), N_("a value is named twice"))
    if fact.initial is not None:
        _value(book, fact, fact.initial, (*path, "initial"))


def _value(book: Book, fact: Fact, value: str, path: Path) -> None:
    if fact.type is FactType.bool and value not in ("true", "false"):
        book.say(path, N_('"%(value)s" is neither true nor false'), value=value)
    elif fact.type is FactType.enum and fact.values and value not in fact.values:
        book.say(
            path,
            N_('"%(value)s" is not among the values of %(fact)s%(like)s'),
            value=value,
            fact=fact.key,
            like=book.like(value, fact.values),
        )
    elif fact.type in (FactType.int, FactType.count) and not value.removeprefix("-").isdecimal():
        book.say(path, N_('"%(value)s" is not a whole number'), value=value)


def _sources(book: Book, fact: Fact, path: Path) -> None:
    if fact.fold not in _FOLDS[fact.type]:
        possible = either(_FOLDS[fact.type])
        place = (*path, "fold") if "fold" in fact.model_fields_set else (*path, "type")
        book.say(
            place,
            N_("a fact of type %(type)s folds by %(possible)s, not %(fold)s"),
            type=fact.type.value,
            possible=possible,
            fold=fact.fold.value,
        )
    if (fact.fold is Fold.streak) != bool(fact.streak_of):
        book.say((*path, "streak_of"), N_("streak and streak_of go together: which answers count"))
    for number, source in enumerate(fact.from_):
        here = (*path, "from", number)
        form = _source(book, source, here, due=False)
        if fact.fold in _FOLDS[fact.type]:
            _feeds(book, fact, source, form, here)


def _feeds(book: Book, fact: Fact, source: Source, form: Form | None, path: Path) -> None:
    """Whether what `source` gives is what the fact folds."""
    if source.value is not None:
        _value(book, fact, source.value, (*path, "value"))
        if source.field is not None:
            book.say((*path, "value"), N_("a source takes a field or a value, not both"))
    match fact.fold:
        case Fold.answered:
            _needs_field(book, source, form, path, _T.danger_answers)
        case Fold.distinct:
            _needs_field(book, source, form, path, *_PEOPLE)
        case Fold.streak:
            field = _needs_field(book, source, form, path, *_CHOSEN)
            _covered(book, fact.streak_of, _answers(book, field), ("facts", fact.key, "streak_of"))
        case Fold.signatures:
            act = book.protocol.acts.get(source.act or "")
            if act is not None and not act.signatures:
                book.say((*path, "act"), N_("%(act)s is not signed: it has no signatures"), act=act.key)
        case Fold.standing:
            act = book.protocol.acts.get(source.act or "")
            if act is None and source.act is None:
                book.say(path, N_("standing needs an act of kind visa"))
            elif act is not None and act.kind is not ActKind.visa:
                book.say(
                    (*path, "act"),
                    N_("standing needs an act of kind visa: %(act)s is %(kind)s"),
                    act=act.key,
                    kind=act.kind.value,
                )
        case Fold.last | Fold.ever if fact.type is FactType.bool:
            book.field((*path, "field"), form, source.field, *_TRUTHS)
        case Fold.last if fact.type is FactType.enum:
            _gives_enum(book, fact, source, form, path)
        case Fold.last:
            if source.value is None:
                _needs_field(book, source, form, path, *_NUMBERS)
        case _:
            book.field((*path, "field"), form, source.field)


def _gives_enum(book: Book, fact: Fact, source: Source, form: Form | None, path: Path) -> None:
    if source.value is not None:
        return
    field = _needs_field(book, source, form, path, *_CHOSEN)
    for answer in _answers(book, field):
        if fact.values and answer not in fact.values:
            book.say(
                (*path, "field"),
                N_('answer "%(answer)s" of %(field)s is not among the values of %(fact)s'),
                answer=answer,
                field=source.field or "",
                fact=fact.key,
            )


def _needs_field(book: Book, source: Source, form: Form | None, path: Path, *types: FieldType) -> FormField | None:
    if source.field is None:
        if types in (_CHOSEN, _NUMBERS):
            book.say(path, N_("this fact needs a field or a value from its source"))
        else:
            book.say(path, N_("this fact needs a field from its source"))
        return None
    return book.field((*path, "field"), form, source.field, *types)


def _answers(book: Book, field: FormField | None) -> tuple[str, ...]:
    """The answers that a field can give."""
    if field is None:
        return ()
    if field.type is _T.tri:
        return ANSWERED
    if field.only:
        return field.only
    parts = {
        _T.danger: book.protocol.dangers, _T.target: book.protocol.targets, _T.seat: book.protocol.seats,
        _T.slot: book.protocol.slots, _T.side: book.protocol.sides, _T.duty: book.protocol.duties,
    }  # fmt: skip
    if field.type is _T.covers:
        return (*book.protocol.dangers, NEED)
    return tuple(parts[field.type]) if field.type in parts else tuple(option.key for option in field.options)


def _covered(book: Book, names: Iterable[str], answers: tuple[str, ...], path: Path) -> None:
    for number, name in enumerate(names):
        if answers and name not in answers:
            book.say(
                (*path, number),
                N_('"%(name)s" is no answer of that field%(like)s'),
                name=name,
                like=book.like(name, answers),
            )


def _derived(book: Book, fact: Fact, path: Path) -> None:
    if fact.guardians is not None:
        here = (*path, "guardians")
        book.refer_one((*here, "act"), fact.guardians.act, "acts")
        form = book.form_of(fact.guardians.act)
        book.field((*here, "person"), form, fact.guardians.person, _T.person)
        result = book.field((*here, "result"), form, fact.guardians.result, _T.choice)
        for answer in _answers(book, result):
            if fact.values and answer not in fact.values:
                book.say(
                    (*here, "result"),
                    N_('answer "%(answer)s" is not among the values of %(fact)s'),
                    answer=answer,
                    fact=fact.key,
                )
        _value(book, fact, fact.guardians.held, (*here, "held"))
    book.refer_one((*path, "grid_known"), fact.grid_known, "acts")
    if fact.grid_known is not None:
        form = book.form_of(fact.grid_known)
        if form is not None and form.find(_T.grid) is None and book.declared.is_whole("forms", form.key):
            book.say((*path, "grid_known"), N_('form "%(form)s" has no field of type grid'), form=form.key)
    if fact.assessed_level and book.protocol.assessment is None and book.declared.is_whole("assessment"):
        book.say((*path, "assessed_level"), N_("the definition has no assessment"))
    if fact.follow_up is not None and book.protocol.follow_up is None and book.declared.is_whole("follow_up"):
        book.say((*path, "follow_up"), N_("the definition has no follow_up"))
    book.refer((*path, "entered"), fact.entered, "states")
    book.refer_one((*path, "deadline"), fact.deadline, "deadlines")
    book.refer((*path, "fallen_due"), fact.fallen_due, "deadlines")
    for number, key in enumerate(fact.fallen_due):
        deadline = book.protocol.deadlines.get(key)
        if deadline is not None and deadline.per == "follow_up":
            book.say(
                (*path, "fallen_due", number), N_("%(key)s counts per follow_up: no answer points at one"), key=key
            )
    book.refer_one((*path, "school_known"), fact.school_known, "acts")
    form = book.form_of(fact.school_known)
    if form is not None and form.find(_T.school) is None and book.declared.is_whole("forms", form.key):
        book.say((*path, "school_known"), N_('form "%(form)s" has no field of type school'), form=form.key)
    book.refer((*path, "months_since"), fact.months_since, "states")
    if fact.people is not None:
        book.refer_one((*path, "people", "seat"), fact.people.seat, "seats")
    if fact.days is not None:
        for name in ("since", "until"):
            for number, source in enumerate(getattr(fact.days, name)):
                _moment(book, source, (*path, "days", name, number))


# ---- sources ----------------------------------------------------------------------------------------------------


def _source(book: Book, source: Source, path: Path, *, due: bool) -> Form | None:
    """Check the references of a source; the form of its act. `due`: it starts or meets a deadline."""
    ways = [name for name in _WAYS if getattr(source, name)]
    if not ways and book.declared.is_whole(*_two(path)):
        book.say(path, N_("a source names one of %(ways)s"), ways=Listing(_WAYS))
    if len(ways) > 1:
        book.say(path, N_("a source names one thing, not %(ways)s"), ways=Listing(ways, "and"))
    if "act" not in ways:
        for name in _OF_AN_ACT:
            if getattr(source, name):
                book.say((*path, name), N_("%(name)s goes with an act"), name=name)
    for name in ("seen", "review", "missed_follow_up"):
        if getattr(source, name) and not due:
            book.say((*path, name), N_("%(name)s starts or meets a deadline: it feeds no fact"), name=name)
    for number, earlier in enumerate(source.unless_after):
        here = (*path, "unless_after", number)
        _source(book, earlier, here, due=True)
        if any(getattr(earlier, name) for name in _WAYS if name != "act"):
            book.say(here, N_("unless_after takes acts alone"))
    book.refer_one((*path, "act"), source.act, "acts")
    book.refer((*path, "entered"), source.entered, "states")
    book.refer_one((*path, "move"), source.move, "moves")
    book.people((*path, "by"), source.by)
    form = book.form_of(source.act)
    book.over_answers((*path, "where"), source.where, form)
    book.field((*path, "filled"), form, source.filled)
    if source.row_filled is not None and form is not None:
        rows, _, column = source.row_filled.partition(".")
        found = book.field((*path, "row_filled"), form, rows, _T.rows)
        columns = [item.key for item in found.fields] if found else []
        if found and column not in columns and book.declared.is_whole("forms", form.key):
            book.say(
                (*path, "row_filled"),
                N_('"%(found)s": write rows.column%(like)s'),
                found=source.row_filled,
                like=book.like(column, columns),
            )
    return form


def _moment(book: Book, source: Source, path: Path) -> None:
    """A source that gives a moment: when it happened, or the date that a field says."""
    form = _source(book, source, path, due=True)
    book.field((*path, "field"), form, source.field, *_TIMED)
    if source.value is not None:
        book.say((*path, "value"), N_("a moment takes no value"))


# ---- deadlines and duties ---------------------------------------------------------------------------------------


def _deadline(book: Book, deadline: Deadline) -> None:
    path = ("deadlines", deadline.key)
    for name in ("start", "met_by"):
        for number, source in enumerate(getattr(deadline, name)):
            _moment(book, source, (*path, name, number))
    if not deadline.start and book.declared.is_whole(*path):
        book.say((*path, "start"), N_("empty list: this deadline would never start"))
    book.refer_one((*path, "suspended_while"), deadline.suspended_while, "facts")
    told = book.protocol.facts.get(deadline.suspended_while or "")
    book.facts_read |= {told.key} if told is not None else set()
    if told is not None and not (told.type is FactType.bool and told.fold is Fold.last and told.from_):
        book.say((*path, "suspended_while"), N_("%(fact)s is no yes or no that records tell"), fact=told.key)
    book.over_facts((*path, "unless"), deadline.unless)
    book.refer((*path, "slots"), deadline.slots, "slots")
    if bool(deadline.slots) != (deadline.per == "person") and book.declared.is_whole(*path):
        book.say((*path, "per"), N_("`slots` goes with `person`, and with nothing else"))
    for number, step in enumerate(deadline.steps):
        here = (*path, "steps", number)
        book.refer((*here, "tell"), step.tell, "roles", "seats", also=RECEIVERS)
        book.over_facts((*here, "when"), step.when)
        _figure(book, step.after, (*here, "after"), least=0)
    if "value" in deadline.model_fields_set:
        _figure(book, deadline.value, (*path, "value"), least=0)
    if not deadline.value and not deadline.steps and book.declared.is_whole(*path):
        book.say(path, N_("a deadline has a value or steps"))
    if deadline.max is not None and deadline.value > deadline.max:
        text = N_("%(value)s is more than its max, %(most)s")
        if deadline.lock == "law":
            text = N_("%(value)s is more than its max, %(most)s, which the law fixes")
        book.say((*path, "value"), text, value=deadline.value, most=deadline.max)
    if deadline.lock == "law" and deadline.max is None and book.declared.is_whole(*path):
        book.say((*path, "lock"), N_("what the law fixes needs a max"))
    if deadline.repeat and not deadline.value:
        book.say((*path, "repeat"), N_("only a deadline with a value repeats"))


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
    for number, floor in enumerate(grid.floors):
        here = (*path, "floors", number)
        if not floor.when.names - grid.items.keys() & book.declared.of(*path, "items"):
            book.over_names(
                (*here, "when"), floor.when, item_types(grid), Phrase(N_('grid "%(grid)s": item'), grid=grid.key)
            )
        if floor.level not in grid.levels and book.declared.is_whole(*path):
            book.say((*here, "level"), N_("the grid has no level %(level)s"), level=floor.level)
    if not book.declared.is_whole(*path):
        return
    if not grid.items:
        book.say((*path, "items"), N_("a grid has items"))
        return
    wanted = len(next(iter(grid.items.values())).anchors)
    is_sound = True
    for key, item in grid.items.items():
        if item.weight < 1:
            book.say((*path, "items", key, "weight"), N_("a weight is 1 at least, not %(found)s"), found=item.weight)
            is_sound = False
        if len(item.anchors) < 2:
            book.say((*path, "items", key, "anchors"), N_("an item has two anchors at least"))
            is_sound = False
        elif len(item.anchors) != wanted:
            book.say(
                (*path, "items", key, "anchors"),
                N_("%(found)s anchors: the first item has %(wanted)s"),
                found=len(item.anchors),
                wanted=wanted,
            )
            is_sound = False
    if is_sound:
        _bands(book, grid, path)


def _bands(book: Book, grid: Grid, path: Path) -> None:
    """Levels from 0 to the maximum, each point in exactly one."""
    expected = 0
    before = 0
    for number, level in grid.levels.items():
        here = (*path, "levels", str(number))
        if number <= before:
            book.say(here, N_("levels are numbered upwards from 1"))
        if level.low != expected:
            book.say(
                (*here, "low"),
                N_("level %(number)s begins at %(low)s, not at %(expected)s: gap or overlap"),
                number=number,
                low=level.low,
                expected=expected,
            )
        if level.high < level.low:
            book.say(
                (*here, "high"),
                N_("level %(number)s ends at %(high)s, before it begins"),
                number=number,
                high=level.high,
            )
        expected, before = level.high + 1, number
    if expected != grid.maximum + 1:
        book.say(
            (*path, "levels"),
            N_("the levels end at %(last)s: the grid's maximum is %(maximum)s"),
            last=expected - 1,
            maximum=grid.maximum,
        )


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
    book.field((*path, "field"), form, assessment.field, _T.grid)
    override = book.field((*path, "override"), form, assessment.override, _T.choice, *_NUMBERS)
    for answer in _answers(book, override) if override and override.type is _T.choice else ():
        if not (answer.isdecimal() and book.has_level(int(answer))):
            book.say((*path, "override"), N_('answer "%(answer)s" is no level of the grid'), answer=answer)
    book.field((*path, "recurrence"), form, assessment.recurrence, *_TRUTHS)
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
        book.field((*path, name), form, getattr(follow_up, name), *_TIMED)
    for number, source in enumerate(follow_up.also_next):
        here = (*path, "also_next", number)
        _moment(book, source, here)
        if source.act is not None and source.field is None:
            book.say(here, N_("name the field that says when the next follow-up is"))
    book.refer((*path, "starts"), follow_up.starts, "states")
    levels = book.levels()
    if book.declared.is_whole("grids") and book.declared.is_whole("follow_up"):
        for level in sorted(levels - follow_up.levels.keys()):
            book.say((*path, "levels"), N_("level %(level)s has no schedule"), level=level)
        for level in follow_up.levels.keys() - levels if levels else ():
            book.say((*path, "levels", str(level)), N_("no grid has a level %(level)s"), level=level)
        if follow_up.unassessed_as not in follow_up.levels:
            book.say((*path, "unassessed_as"), N_("level %(level)s has no schedule"), level=follow_up.unassessed_as)
        for state, level in follow_up.treat_as_in.items():
            if level not in follow_up.levels:
                book.say((*path, "treat_as_in", state), N_("level %(level)s has no schedule"), level=level)
    for state in follow_up.treat_as_in:
        book.refer_one((*path, "treat_as_in", state), state, "states")
    for level, schedule in follow_up.levels.items():
        _schedule(book, schedule, (*path, "levels", str(level)))


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
    if protocol.restricted_when is not None:
        report = next(protocol.acts_of(ActKind.report), None)
        book.over_answers(("restricted_when",), protocol.restricted_when, book.form_of(report.key) if report else None)
        for form in (book.form_of(act.key) for act in protocol.acts_of(ActKind.contribute)):
            if form is not None and protocol.restricted_when.names <= {*form.by_key, "role"}:
                book.over_answers(("restricted_when",), protocol.restricted_when, form)
    for number, rule in enumerate(protocol.retention):
        here = ("retention", number)
        book.over_facts((*here, "when"), rule.when)
        book.refer((*here, "states"), rule.states, "states")
        if not 1 <= rule.months <= 1200:
            book.say((*here, "months"), N_("%(months)s months: 1 to 1200"), months=rule.months)


def _two(path: Path) -> tuple[str, ...]:
    return tuple(str(step) for step in path[:2])
