"""Checks of the properties that a definition declares of itself: each says one thing, of states that exist."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.domain.phrases import N_, Listing
from school_protocol.domain.protocol import Property

_KINDS = ("never", "always_possible", "leads_to")


def check(book: Book) -> None:
    for key, one in book.protocol.properties.items():
        _property(book, key, one)


def _property(book: Book, key: str, one: Property) -> None:
    path = ("properties", key)
    said = [kind for kind in _KINDS if getattr(one, kind)]
    if len(said) != 1 and book.declared.is_whole(*path):
        if said:
            text = N_("a property says one of %(kinds)s, not %(said)s")
            book.say(path, text, kinds=Listing(_KINDS), said=Listing(said, "and"))
        else:
            book.say(path, N_("a property says one of %(kinds)s"), kinds=Listing(_KINDS))
    book.over_facts((*path, "never"), one.never)
    book.refer_one((*path, "always_possible"), one.always_possible, "acts", "moves")
    book.refer((*path, "leads_to"), one.leads_to, "states")
    book.refer((*path, "in"), one.in_, "states", also=("open",))
    book.refer((*path, "entering"), one.entering, "states")
    if one.entering and one.never is None and book.declared.is_whole(*path):
        book.say((*path, "entering"), N_("only `never` looks at moves: the others look at where a case stands (`in`)"))
    if one.entering and one.in_:
        book.say((*path, "in"), N_("`in` or `entering`: where the case stands, or as it is entered"))
