"""Checks of what is known: facts and their sources."""

from __future__ import annotations

from collections.abc import Iterable

from school_protocol.definitions.book import Book, either
from school_protocol.definitions.names import ANSWERED, NEED, PART_OF
from school_protocol.definitions.tree import Path
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_, Listing
from school_protocol.domain.protocol import ActKind, Fact, FactType, Fold, GuardianFact, Source

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
