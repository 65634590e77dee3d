"""The checks of yearly reports: terms that make a year, choices counted once, decisions that figures call for."""

from __future__ import annotations

from school_protocol.definitions.book import Book, either
from school_protocol.definitions.tree import Path
from school_protocol.domain.closed_choices import CHOSEN
from school_protocol.domain.document_rules import Document
from school_protocol.domain.phrases import N_
from school_protocol.domain.yearly_rules import Yearly

_NOT_OURS = ("profiles", "sections", "checks", "slots", "subject", "asks", "body", "remarks")
_YEAR = 12


def check(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        path = ("documents", key)
        if document.kind != "yearly":
            if document.yearly is not None:
                book.say((*path, "yearly"), N_("yearly is for a document of kind yearly"))
        elif book.declared.is_whole("documents", key):
            _report(book, path, document)


def _report(book: Book, path: Path, document: Document) -> None:
    for name in _NOT_OURS:
        if getattr(document, name):
            book.say((*path, name), N_('"%(key)s" is not for a yearly report'), key=name)
    if document.per != "school":
        text = N_("a document of kind %(kind)s is written per %(per)s")
        book.say((*path, "per"), text, kind=document.kind, per="school")
    if not document.for_:
        book.say(path, N_("nobody may issue it: name roles under for"))
    book.refer((*path, "for"), document.for_, "roles")
    if document.yearly is None:
        book.say(path, N_("a yearly report says under yearly what it counts"))
        return
    here = (*path, "yearly")
    _terms(book, here, document.yearly)
    _counts(book, here, document.yearly)
    _decisions(book, here, document.yearly)
    book.refer((*here, "deadlines"), document.yearly.deadlines, "deadlines")
    book.refer_one((*here, "waiting"), document.yearly.waiting, "deadlines")


def _terms(book: Book, path: Path, yearly: Yearly) -> None:
    """Terms follow one another, the last one to the end of the year."""
    places = [(term.ends - yearly.begins) % _YEAR for term in yearly.terms]
    if places != sorted(set(places)):
        book.say((*path, "terms"), N_("terms follow one another: each ends in a later month of the school year"))
    elif places[-1:] != [_YEAR - 1]:
        last = (yearly.begins - 2) % _YEAR + 1
        text = N_("the last term ends with the school year: in month %(month)s")
        book.say((*path, "terms"), text, month=last)


def _counts(book: Book, path: Path, yearly: Yearly) -> None:
    seen: set[tuple[str, str]] = set()
    for number, counted in enumerate(yearly.counts):
        closed_choice(book, (*path, "counts", number), counted.act, counted.field, seen)


def closed_choice(book: Book, path: Path, act: str, name: str, seen: set[tuple[str, str]]) -> None:
    """What can be counted of answers: a question of closed choice that everybody may read, once."""
    book.refer_one((*path, "act"), act, "acts")
    form = book.form_of(act)
    if form is not None and form.readers:
        text = N_('form "%(form)s" is kept for its own readers: no report counts it')
        book.say((*path, "act"), text, form=form.key)
    found = book.field((*path, "field"), form, name)
    if found is not None and found.type not in CHOSEN:
        text = N_('field "%(name)s" is %(type)s: only %(kinds)s can be counted')
        kinds = either(sorted(CHOSEN, key=str))
        book.say((*path, "field"), text, name=found.key, type=found.type.value, kinds=kinds)
    if (act, name) in seen:
        text = N_('field "%(name)s" is counted already: from two tables of it more could be worked out')
        book.say((*path, "field"), text, name=name)
    seen.add((act, name))


def _decisions(book: Book, path: Path, yearly: Yearly) -> None:
    for number, asked in enumerate(yearly.decisions):
        here = (*path, "decisions", number)
        if (asked.about == "late") != bool(asked.deadlines):
            book.say(here, N_("late goes with deadlines, and nothing else does"))
        for place, deadline in enumerate(asked.deadlines):
            if deadline not in yearly.deadlines:
                text = N_('"%(name)s" is not among the deadlines of this report')
                book.say((*here, "deadlines", place), text, name=deadline)
