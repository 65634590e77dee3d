"""The checks of bundles: who issues one, and that there is a copy of the case file to put into it."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.definitions.tree import Path
from school_protocol.domain.document_rules import Document
from school_protocol.domain.phrases import N_

_NOT_OURS = ("profiles", "sections", "checks", "slots", "to", "subject", "asks", "body", "remarks", "yearly")


def check(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        if document.kind == "bundle" and book.declared.is_whole("documents", key):
            _bundle(book, ("documents", key), document)


def _bundle(book: Book, path: Path, document: Document) -> None:
    for name in _NOT_OURS:
        if getattr(document, name):
            book.say((*path, name), N_('"%(key)s" is not for a bundle'), key=name)
    if document.per != "referral":
        text = N_("a document of kind %(kind)s is written per %(per)s")
        book.say((*path, "per"), text, kind=document.kind, per="referral")
    if not document.for_:
        book.say(path, N_("nobody may issue it: name roles or seats under for"))
    book.people((*path, "for"), document.for_)
    first = next(iter(book.protocol.documents.values()))
    if first.is_case_file and not any(one.reader == "referral" for one in first.profiles.values()):
        book.say(path, N_("no copy of the case file is for a service told: there is nothing to put into a bundle"))
