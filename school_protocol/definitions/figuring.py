"""The checks of figures: who reads and issues them, what each table counts, classes that rise, what may be public."""

from __future__ import annotations

from collections import Counter

from school_protocol.definitions.book import Book
from school_protocol.definitions.reporting import closed_choice
from school_protocol.definitions.tree import Path
from school_protocol.domain.closed_choices import levels_of
from school_protocol.domain.figure_rules import CountedTable, FigureRules, Moment, Wait
from school_protocol.domain.phrases import N_

HERE = ("figures",)
_CLASSES = 12
"""More classes than these say more of a case than a median needs."""


def check(book: Book) -> None:
    """Only where the definition tells figures, and they could be read."""
    figures = book.protocol.figures
    if figures is None or not book.declared.is_whole("figures"):
        return
    _people(book, figures)
    _once(book, figures)
    seen: set[tuple[str, str]] = set()
    for key, counted in figures.tables.items():
        _table(book, (*HERE, "tables", key), counted, seen)
    book.refer((*HERE, "in_time"), figures.in_time, "deadlines")
    for key, wait in figures.waits.items():
        _wait(book, (*HERE, "waits", key), wait)
    _names(book, figures)


def _people(book: Book, figures: FigureRules) -> None:
    book.refer((*HERE, "reads"), figures.reads, "roles")
    book.refer((*HERE, "issues"), figures.issues, "roles")
    if not figures.reads:
        book.say(HERE, N_("nobody reads the figures: name roles under reads"))
    for number, role in enumerate(figures.issues):
        if role not in figures.reads:
            text = N_('"%(name)s" does not read what it issues: name it under reads, too')
            book.say((*HERE, "issues", number), text, name=role)


def _once(book: Book, figures: FigureRules) -> None:
    seen: set[str] = set()
    for key, counted in figures.tables.items():
        if counted.rows in seen and counted.rows != "answers":
            text = N_('"%(name)s" are counted twice: from two tables of them more could be worked out')
            book.say((*HERE, "tables", key, "rows"), text, name=counted.rows)
        seen.add(counted.rows)


def _table(book: Book, path: Path, counted: CountedTable, seen: set[tuple[str, str]]) -> None:
    if (counted.rows == "answers") != bool(counted.act and counted.field) or bool(counted.act) != bool(counted.field):
        book.say(path, N_("answers go with an act and a field, and nothing else does"))
    elif counted.act and counted.field:
        closed_choice(book, path, counted.act, counted.field, seen)
    elif counted.rows == "levels" and book.is_sound("assessment", "grids") and not levels_of(book.protocol):
        book.say((*path, "rows"), N_("nothing is assessed here: there are no levels"))


def _wait(book: Book, path: Path, wait: Wait) -> None:
    for name, moment in (("since", wait.since), ("until", wait.until)):
        if moment is not None:
            _moment(book, (*path, name), moment)
    if list(wait.classes) != sorted(set(wait.classes)) or min(wait.classes, default=-1) < 0:
        book.say((*path, "classes"), N_("classes are upper bounds from 0 on, each above the one before"))
    elif len(wait.classes) > _CLASSES:
        book.say((*path, "classes"), N_("at most %(most)s classes"), most=_CLASSES)


def _moment(book: Book, path: Path, moment: Moment) -> None:
    book.refer((*path, "acts"), moment.acts, "acts")
    book.refer((*path, "states"), moment.states, "states")
    if not moment.acts and not moment.states:
        book.say(path, N_("a moment names acts, states, or both"))


def _names(book: Book, figures: FigureRules) -> None:
    """Tables, waits and deadlines are named alike where they are made public."""
    names = Counter((*figures.tables, *figures.waits, *figures.in_time))
    for name, number in names.items():
        if number > 1:
            book.say(HERE, N_('"%(name)s" names two of the tables, waits and deadlines'), name=name)
    for number, name in enumerate(figures.public):
        if name not in names:
            text = N_('"%(name)s" is no table, wait or deadline of these figures%(like)s')
            book.say((*HERE, "public", number), text, name=name, like=book.like(name, names))
