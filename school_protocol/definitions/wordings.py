"""The checks of cautions and of words that are ready: whom they are for, where they are shown, what they fill in."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.domain.forms import FieldType
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import Caution, Words


def check(book: Book) -> None:
    for caution in book.protocol.cautions.values():
        _caution(book, caution)
    for words in book.protocol.words.values():
        _words(book, words)
    if book.declared.is_whole("words"):
        addressed = {words.for_ for words in book.protocol.words.values()}
        for key in book.protocol.audiences.keys() - addressed:
            book.say(("audiences", key), N_("no words are for it"))


def _caution(book: Book, caution: Caution) -> None:
    path = ("cautions", caution.key)
    book.refer_one((*path, "act"), caution.act, "acts")
    book.refer((*path, "acts"), caution.acts, "acts")
    form = book.form_of(caution.act)
    book.field((*path, "person"), form, caution.person, FieldType.person)
    if form is not None:
        book.over_form((*path, "when"), caution.when, form)
    for name in caution.unasked:
        where, _, key = name.partition(".")
        book.refer_one((*path, "unasked"), where, "forms")
        asked = book.field((*path, "unasked"), book.protocol.forms.get(where), key)
        if asked is not None and asked.required:
            book.say(
                (*path, "unasked"), N_("a question that must be answered can’t be left out: %(field)s"), field=name
            )


def _words(book: Book, words: Words) -> None:
    path = ("words", words.key)
    book.refer_one((*path, "for"), words.for_, "audiences")
    book.refer((*path, "acts"), words.acts, "acts")
    book.refer((*path, "dangers"), words.dangers, "dangers")
    if not (words.say or words.never or words.text or words.fills):
        book.say(path, N_("nothing is said here: write say and never, a text, or fills"))
    if words.text and (words.say or words.never):
        book.say((*path, "text"), N_("words are lists to say and never to say, or one text: not both"))
    if words.fills and not words.acts:
        book.say((*path, "fills"), N_("fills goes with acts"))
    for act in words.acts:
        for name in words.fills:
            book.field((*path, "fills", name), book.form_of(act), name, FieldType.text, FieldType.long)
