"""Checks of a definition's facts, needs, deadlines, duties, levels, grid and follow-ups."""

from __future__ import annotations

from collections.abc import Iterable

from school_protocol.engine.definition import (
    ActKind,
    Deadline,
    Duty,
    Fact,
    FactType,
    Fold,
    FollowUp,
    Grid,
    GuardianFact,
    Schedule,
    Source,
)
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.texts import N_, Listing, Phrase
from school_protocol.protocol.check_context import ANSWERED, NEED, PART_OF, Book, Path, either, item_types
from school_protocol.protocol.form_checks import RECEIVERS

# ---- facts and their sources ---------------------------------------------------------------------------------------

_T = FieldType
TIMED = (_T.date, _T.moment)
TRUTHS = (_T.yes_no, _T.check)
NUMBERS = (_T.integer, _T.scale)
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


def check_fact(book: Book, fact: Fact) -> None:
    path = ("facts", fact.key)
    derived = [name for name in _DERIVED if getattr(fact, name)]
    kinds = ["from", *derived] if fact.from_ else derived
    if not kinds and book.declared.is_whole(*path):
        book.say(path, N_("a fact has one source: from, %(sources)s"), sources=Listing(_DERIVED))
    if len(kinds) > 1:
        book.say(path, N_("a fact has one source, not %(sources)s"), sources=Listing(kinds, "and"))
    _values(book, fact, path)
    book.refer((*path, "since", "entered"), fact.since.entered, "states")
    if fact.from_:
        _sources(book, fact, path)
    elif len(derived) == 1:
        _gives(book, fact, derived[0], path)
    _derived(book, fact, path)


def _gives(book: Book, fact: Fact, source: str, path: Path) -> None:
    """Whether a source that the engine works out gives what the fact is."""
    types = _DERIVED[source]
    if fact.type not in types:
        text = N_("%(source)s gives %(types)s, not %(type)s")
        book.say((*path, "type"), text, source=source, types=either(types), type=fact.type.value)
    if fact.fold is not Fold.last:
        book.say((*path, "fold"), N_("%(source)s has no fold"), source=source)


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
        text = N_('"%(value)s" is not among the values of %(fact)s%(like)s')
        book.say(path, text, value=value, fact=fact.key, like=book.like(value, fact.values))
    elif fact.type in (FactType.int, FactType.count) and not value.removeprefix("-").isdecimal():
        book.say(path, N_('"%(value)s" is not a whole number'), value=value)


def _sources(book: Book, fact: Fact, path: Path) -> None:
    if fact.fold not in _FOLDS[fact.type]:
        possible = either(_FOLDS[fact.type])
        place = (*path, "fold") if "fold" in fact.model_fields_set else (*path, "type")
        text = N_("a fact of type %(type)s folds by %(possible)s, not %(fold)s")
        book.say(place, text, type=fact.type.value, possible=possible, fold=fact.fold.value)
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
            _covered(book, fact.streak_of, answers_of(book, field), ("facts", fact.key, "streak_of"))
        case Fold.signatures | Fold.standing:
            _is_signed(book, fact, source, path)
        case Fold.last | Fold.ever if fact.type is FactType.bool:
            book.field((*path, "field"), form, source.field, *TRUTHS)
        case Fold.last if source.value is None:
            _gives_value(book, fact, source, form, path)
        case Fold.count:
            book.field((*path, "field"), form, source.field)


def _is_signed(book: Book, fact: Fact, source: Source, path: Path) -> None:
    """Whether the act of a fact that counts signatures or visas is signed, or a visa."""
    act = book.protocol.acts.get(source.act or "")
    here = (*path, "act")
    if fact.fold is Fold.signatures:
        if act is not None and not act.signatures:
            book.say(here, N_("%(act)s is not signed: it has no signatures"), act=act.key)
    elif source.act is None:
        book.say(path, N_("standing needs an act of kind visa"))
    elif act is not None and act.kind is not ActKind.visa:
        text = N_("standing needs an act of kind visa: %(act)s is %(kind)s")
        book.say(here, text, act=act.key, kind=act.kind.value)


def _gives_value(book: Book, fact: Fact, source: Source, form: Form | None, path: Path) -> None:
    if fact.type is not FactType.enum:
        _needs_field(book, source, form, path, *NUMBERS)
        return
    field = _needs_field(book, source, form, path, *_CHOSEN)
    for answer in _strange(book, fact, field):
        text = N_('answer "%(answer)s" of %(field)s is not among the values of %(fact)s')
        book.say((*path, "field"), text, answer=answer, field=source.field or "", fact=fact.key)


def _strange(book: Book, fact: Fact, field: FormField | None) -> list[str]:
    """The answers of a field that are no values of the fact that it feeds."""
    return [answer for answer in answers_of(book, field) if fact.values and answer not in fact.values]


def _needs_field(book: Book, source: Source, form: Form | None, path: Path, *types: FieldType) -> FormField | None:
    if source.field is None:
        if types in (_CHOSEN, NUMBERS):
            book.say(path, N_("this fact needs a field or a value from its source"))
        else:
            book.say(path, N_("this fact needs a field from its source"))
        return None
    return book.field((*path, "field"), form, source.field, *types)


def answers_of(book: Book, field: FormField | None) -> tuple[str, ...]:
    """The answers that a field can give."""
    if field is None:
        return ()
    if field.type is _T.tri:
        return ANSWERED
    if field.only:
        return field.only
    if field.type is _T.covers:
        return (*book.protocol.dangers, NEED)
    if field.type in PART_OF:
        return tuple(getattr(book.protocol, PART_OF[field.type]))
    return tuple(option.key for option in field.options)


def _covered(book: Book, names: Iterable[str], answers: tuple[str, ...], path: Path) -> None:
    for number, name in enumerate(names):
        if answers and name not in answers:
            text = N_('"%(name)s" is no answer of that field%(like)s')
            book.say((*path, number), text, name=name, like=book.like(name, answers))


def _derived(book: Book, fact: Fact, path: Path) -> None:
    if fact.guardians is not None:
        _guardians(book, fact, fact.guardians, (*path, "guardians"))
    book.refer((*path, "entered"), fact.entered, "states")
    book.refer_one((*path, "deadline"), fact.deadline, "deadlines")
    book.refer((*path, "fallen_due"), fact.fallen_due, "deadlines")
    book.refer((*path, "months_since"), fact.months_since, "states")
    _has_field(book, fact.grid_known, _T.grid, N_('form "%(form)s" has no field of type grid'), (*path, "grid_known"))
    text = N_('form "%(form)s" has no field of type school')
    _has_field(book, fact.school_known, _T.school, text, (*path, "school_known"))
    if fact.assessed_level and book.protocol.assessment is None and book.declared.is_whole("assessment"):
        book.say((*path, "assessed_level"), N_("the definition has no assessment"))
    if fact.follow_up is not None and book.protocol.follow_up is None and book.declared.is_whole("follow_up"):
        book.say((*path, "follow_up"), N_("the definition has no follow_up"))
    for number, key in enumerate(fact.fallen_due):
        deadline = book.protocol.deadlines.get(key)
        if deadline is not None and deadline.per == "follow_up":
            text = N_("%(key)s counts per follow_up: no answer points at one")
            book.say((*path, "fallen_due", number), text, key=key)
    if fact.people is not None:
        book.refer_one((*path, "people", "seat"), fact.people.seat, "seats")
    if fact.days is not None:
        check_moments(book, fact.days, ("since", "until"), (*path, "days"))


def _guardians(book: Book, fact: Fact, guardians: GuardianFact, path: Path) -> None:
    book.refer_one((*path, "act"), guardians.act, "acts")
    form = book.form_of(guardians.act)
    book.field((*path, "person"), form, guardians.person, _T.person)
    result = book.field((*path, "result"), form, guardians.result, _T.choice)
    for answer in _strange(book, fact, result):
        text = N_('answer "%(answer)s" is not among the values of %(fact)s')
        book.say((*path, "result"), text, answer=answer, fact=fact.key)
    _value(book, fact, guardians.held, (*path, "held"))


def _has_field(book: Book, act: str | None, kind: FieldType, text: str, path: Path) -> None:
    """The form of the act, which exists, has a field of this type; `text` is what is said where it has none."""
    book.refer_one(path, act, "acts")
    form = book.form_of(act)
    if form is not None and form.find(kind) is None and book.declared.is_whole("forms", form.key):
        book.say(path, text, form=form.key)


# ---- sources ----------------------------------------------------------------------------------------------------


def _source(book: Book, source: Source, path: Path, *, due: bool) -> Form | None:
    """Check the references of a source; the form of its act. `due`: it starts or meets a deadline."""
    _ways(book, source, path, due=due)
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
        _row_filled(book, source.row_filled, form, (*path, "row_filled"))
    return form


def _ways(book: Book, source: Source, path: Path, *, due: bool) -> None:
    """A source names one thing, and says of it only what can be said of that."""
    ways = [name for name in _WAYS if getattr(source, name)]
    if not ways and book.declared.is_whole(*_two(path)):
        book.say(path, N_("a source names one of %(ways)s"), ways=Listing(_WAYS))
    if len(ways) > 1:
        book.say(path, N_("a source names one thing, not %(ways)s"), ways=Listing(ways, "and"))
    for name in () if "act" in ways else _OF_AN_ACT:
        if getattr(source, name):
            book.say((*path, name), N_("%(name)s goes with an act"), name=name)
    for name in () if due else ("seen", "review", "missed_follow_up"):
        if getattr(source, name):
            book.say((*path, name), N_("%(name)s starts or meets a deadline: it feeds no fact"), name=name)


def _row_filled(book: Book, said: str, form: Form, path: Path) -> None:
    rows, _, column = said.partition(".")
    found = book.field(path, form, rows, _T.rows)
    columns = [item.key for item in found.fields] if found else []
    if found and column not in columns and book.declared.is_whole("forms", form.key):
        book.say(path, N_('"%(found)s": write rows.column%(like)s'), found=said, like=book.like(column, columns))


def check_moments(book: Book, holder: object, names: tuple[str, ...], path: Path) -> None:
    """Sources under `names` of `holder`, each of which gives a moment: when it happened, or the date of a field."""
    for name in names:
        for number, source in enumerate(getattr(holder, name)):
            here = (*path, name, number)
            form = _source(book, source, here, due=True)
            book.field((*here, "field"), form, source.field, *TIMED)
            if source.value is not None:
                book.say((*here, "value"), N_("a moment takes no value"))


def _two(path: Path) -> tuple[str, ...]:
    return tuple(str(step) for step in path[:2])


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
