"""The checks of remarks on copies of the case file: who makes them, who hears of them, and where they are printed."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.definitions.tree import Path
from school_protocol.domain.document_rules import Document, Remarks
from school_protocol.domain.phrases import N_
from school_protocol.domain.weighing import acts_as


def check(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        path = ("documents", key)
        if document.remarks is None:
            _printed_for_nothing(book, path, document)
        elif not document.is_case_file:
            book.say((*path, "remarks"), N_('"%(key)s" is for the case file alone'), key="remarks")
        elif book.declared.is_whole("documents", key):
            _remarks(book, path, document, document.remarks)


def _printed_for_nothing(book: Book, path: Path, document: Document) -> None:
    for number, section in enumerate(document.sections):
        if section.kind == "remarks" and book.declared.is_whole("documents", document.key):
            book.say((*path, "sections", number), N_("nobody remarks on this document: say under remarks who does"))


def _remarks(book: Book, path: Path, document: Document, remarks: Remarks) -> None:
    here = (*path, "remarks")
    book.people((*here, "for"), remarks.for_)
    book.people((*here, "to"), remarks.to)
    if not remarks.for_:
        book.say(here, N_("nobody may attach remarks: name roles or seats under for"))
    elif not any(_reads(book, document, name) for name in remarks.for_):
        book.say((*here, "for"), N_("no copy is made for them: who remarks on a file reads one of its copies"))
    if not remarks.to:
        book.say(here, N_("nobody hears of remarks: name roles or seats under to"))


def _reads(book: Book, document: Document, name: str) -> bool:
    """Whether some copy is made for that role; for a name that nobody knows there is a fault already."""
    if name not in book.protocol.roles and name not in book.protocol.seats:
        return True
    wanted = {role for profile in document.profiles.values() for role in profile.for_}
    return any(acts_as(book.protocol, name, role) for role in wanted)
