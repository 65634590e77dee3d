"""Checks of forms and their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from school_protocol.definitions.book import Book
from school_protocol.definitions.names import ANSWERED, PART_OF, types_of
from school_protocol.definitions.tree import Path
from school_protocol.domain.closed_choices import CHOSEN
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.phrases import N_, Phrase

_T = FieldType
_OPTIONED = (_T.choice, _T.choices)
_TIMED = (_T.date, _T.moment)
_RANGED = (_T.integer, _T.scale, _T.text, _T.long, _T.rows, _T.persons, _T.accounts, _T.choices)
_LIMITS: Mapping[FieldType, tuple[str, ...]] = {
    **{kind: (part,) for kind, part in PART_OF.items()},
    **dict.fromkeys((_T.dangers, _T.danger_answers), ("dangers",)),
    **dict.fromkeys((_T.account, _T.accounts), ("roles", "seats")),
    _T.record: ("acts",),
}
"""What the keys under `only` may be: entries of these parts."""

_DEFAULTS: Mapping[FieldType, tuple[str, ...]] = {
    _T.tri: ANSWERED,
    **dict.fromkeys((_T.yes_no, _T.check), ("true", "false", "yes", "no")),
    _T.moment: ("now", "today"),
    _T.account: ("oneself",),
    **dict.fromkeys((_T.person, _T.persons, _T.referral, _T.hold, _T.record), ("only",)),
    **dict.fromkeys((_T.dangers, _T.covers), ("standing",)),
}
"""What a default can be where the definition has no part in it."""

_REFERRAL_STATES = ("open", "settled")
_NO_ANSWER = N_('"%(name)s" is no answer here%(like)s')
_NO_REFERRAL_STATE = N_('"%(name)s" is no state of a referral here%(like)s')
_ONLY_DATES = N_("past and future are for dates, not %(type)s")


def check_form(book: Book, form: Form) -> None:
    path = ("forms", form.key)
    book.refer_one((*path, "side"), form.side, "sides")
    book.people((*path, "readers"), form.readers)
    for field in form.fields:
        here = (*path, "fields", field.key)
        book.over_form((*here, "when"), field.when, form, field.key)
        _field(book, field, here)
        if field.for_figures:
            _for_figures(book, form, field, here)
    for number, one in enumerate(form.refuses):
        book.field((*path, "refuses", number, "at"), form, one.at)
        book.over_form((*path, "refuses", number, "when"), one.when, form)
    for number, departure in enumerate(form.departs):
        reason = book.field((*path, "departs", number, "at"), form, departure.at, _T.text, _T.long)
        if reason is not None and not reason.required:
            book.say((*path, "departs", number, "at"), N_("the reason of a departure must be required"))
        book.over_form((*path, "departs", number, "when"), departure.when, form)


def _field(book: Book, field: FormField, path: Path) -> None:
    kind = field.type
    book.refer((*path, "slots"), field.slots, "slots")
    book.refer_one((*path, "grid"), field.grid, "grids")
    for name, fits, text in (
        ("slots", kind in (_T.person, _T.persons), N_("only a field for people has slots, not %(type)s")),
        ("even_on_hold", field.is_for_people, N_("only a field for people names somebody on hold, not %(type)s")),
        ("goes_along", field.is_for_people, N_("only people go along with a case, not %(type)s")),
        (
            "to_guardians",
            not field.is_for_people and kind is not _T.rows,
            N_("a field of type %(type)s says to whom by itself"),
        ),
        ("dialled", kind is _T.text, N_("a number is a text, not a %(type)s")),
        ("grid", kind is _T.grid, N_("only a field of type grid names one, not %(type)s")),
        ("nameless", kind is _T.long, N_("only a field of type long is nameless, not %(type)s")),
        ("options", kind in _OPTIONED, N_("only choice and choices have options, not %(type)s")),
        ("past", kind in _TIMED, _ONLY_DATES),
        ("future", kind in _TIMED or field.past, _ONLY_DATES),
        ("fields", kind is _T.rows, N_("only rows have fields, not %(type)s")),
    ):
        if getattr(field, name) and not fits:
            book.say((*path, name), text, type=kind.value)
    if field.nameless and field.names:
        book.say((*path, "names"), N_("a text in which nobody may be named holds no names"))
    _options(book, field, path)
    _range(book, field, path)
    _default(book, field, path)
    _assessed(book, field, path)
    _limits(book, field, path)
    if kind is _T.rows:
        _columns(book, field, path)
    if kind is _T.grid and field.grid is None and len(book.declared.of("grids")) != 1:
        book.say(path, N_('missing key "grid": which grid it is'))


def _for_figures(book: Book, form: Form, field: FormField, path: Path) -> None:
    """What is read whole at the school alone is counted somewhere; nobody has to say it, and nothing hangs on it."""
    here = (*path, "for_figures")
    if field.type not in CHOSEN:
        book.say(here, N_("only a choice that can be counted is for figures, not %(type)s"), type=field.type.value)
    elif book.declared.is_whole("figures") and book.declared.is_whole("acts") and not _is_counted(book, form, field):
        book.say(here, N_("no table of the figures counts it"))
    if field.required:
        book.say((*path, "required"), N_("what is for figures, nobody has to answer"))
    for other in form.fields:
        if other.when is not None and field.key in other.when.names:
            text = N_('field "%(name)s" is for figures: no other question hangs on it')
            book.say(("forms", form.key, "fields", other.key, "when"), text, name=field.key)


def _is_counted(book: Book, form: Form, field: FormField) -> bool:
    tables = book.protocol.figures.tables.values() if book.protocol.figures else ()
    return any(one.field == field.key and book.form_of(one.act) is form for one in tables)


def _options(book: Book, field: FormField, path: Path) -> None:
    if field.type in _OPTIONED and not field.options and book.declared.is_whole(*_entry(path)):
        book.say(path, N_("a %(type)s needs options"), type=field.type.value)
    possible: Iterable[str] = (option.key for option in field.options)
    if field.type is _T.tri:
        possible = ANSWERED
    elif field.type in (_T.danger, _T.dangers, _T.covers):
        possible = book.declared.of("dangers")
    elif field.type in (_T.yes_no, _T.check):
        possible = ("true", "false")
    among(book, (*path, "forbids_files"), field.forbids_files, possible, _NO_ANSWER)


def _range(book: Book, field: FormField, path: Path) -> None:
    for name in ("least", "most"):
        value = getattr(field, name)
        if value is not None and field.type not in _RANGED:
            book.say((*path, name), N_("a field of type %(type)s has no %(name)s"), type=field.type.value, name=name)
        elif value is not None and not 0 <= value <= 10**9:
            book.say((*path, name), N_("%(value)s is out of reach: 0 to 1000000000"), value=value)
    if field.least is not None and field.most is not None and field.least > field.most:
        book.say(
            (*path, "most"), N_("most (%(most)s) is less than least (%(least)s)"), most=field.most, least=field.least
        )
    if field.past and field.future:
        book.say((*path, "future"), N_("nothing is in the past and in the future"))


def _assessed(book: Book, field: FormField, path: Path) -> None:
    if not field.assessed:
        return
    levels = {str(level) for grid in book.protocol.grids.values() for level in grid.levels}
    if book.protocol.assessment is None:
        book.say((*path, "assessed"), N_("nothing is assessed here: there is no assessment"))
    elif field.type is not _T.choice or {option.key for option in field.options} != levels:
        book.say((*path, "assessed"), N_("the level that the grid gives is a choice between its levels"))
    elif field.default is not None:
        book.say((*path, "default"), N_("the level that the grid gives needs no default"))


def _default(book: Book, field: FormField, path: Path) -> None:
    if field.default is None:
        return
    possible = _defaults(book, field, field.default)
    if possible is None:
        book.say((*path, "default"), N_("a field of type %(type)s has no default"), type=field.type.value)
    else:
        among(book, (*path, "default"), [field.default], possible, _NO_ANSWER)


def _defaults(book: Book, field: FormField, default: str) -> Iterable[str] | None:
    """What a default of this field can be; None where it can have none."""
    kind = field.type
    if kind in _DEFAULTS:
        return _DEFAULTS[kind]
    if kind in _OPTIONED:
        return [option.key for option in field.options]
    if kind is _T.date:
        return ("today", "planned", "next") if book.protocol.follow_up else ("today",)
    if kind in (_T.integer, _T.scale):
        return (default,) if default.isdecimal() else ()
    if kind not in PART_OF:
        return None
    entries = book.declared.of(PART_OF[kind])
    return ("only", *entries) if kind in (_T.danger, _T.seat) else entries


def _limits(book: Book, field: FormField, path: Path) -> None:
    if not field.only:
        return
    if field.type is _T.referral:
        among(book, (*path, "only"), field.only, _REFERRAL_STATES, _NO_REFERRAL_STATE)
    elif field.type in _LIMITS:
        book.refer((*path, "only"), field.only, *_LIMITS[field.type])
    else:
        book.say((*path, "only"), N_("a field of type %(type)s is not limited by `only`"), type=field.type.value)


def _columns(book: Book, field: FormField, path: Path) -> None:
    if not field.fields and book.declared.is_whole(*_entry(path)):
        book.say(path, N_("rows need fields"))
    types = types_of(book.protocol, field.fields)
    for column in field.fields:
        here = (*path, "fields", column.key)
        if column.type in (_T.rows, _T.grid, _T.danger_answers, _T.signature):
            book.say((*here, "type"), N_("a column of rows cannot be %(type)s"), type=column.type.value)
        if column.for_figures:
            book.say((*here, "for_figures"), N_("no table of the figures counts a column"))
        book.over_names((*here, "when"), column.when, types, Phrase(N_("column")))
        _field(book, column, here)


def among(book: Book, path: Path, names: Iterable[str], possible: Iterable[str], text: str) -> None:
    """Each of `names` must be possible; `text` is what is said of one that is not."""
    known = list(possible)
    for number, name in enumerate(names):
        if name not in known and (known or book.declared.is_whole(*_entry(path))):
            book.say((*path, number), text, name=name, like=book.like(name, known))


def _entry(path: Path) -> tuple[str, ...]:
    return tuple(str(step) for step in path[:2])
