"""The checks of letters, notices, notes and sheets: who gets what, and that nothing stands there that may not."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.definitions.names import suggestion
from school_protocol.definitions.tree import Path
from school_protocol.domain.document_rules import Document, Piece
from school_protocol.domain.forms import FieldType, Form, FormField
from school_protocol.domain.letters import COUNTED, NEVER, PER, PLACES, places_in
from school_protocol.domain.phrases import N_
from school_protocol.domain.protocol import ActKind
from school_protocol.domain.texts import Text

_WORDED = ("letter", "note")
"""Kinds that may print free text which was written for their reader."""
_ANSWERED = ("letter", "notice", "note", "sheet")
_OF_CASE_FILE = ("profiles", "sections", "checks")
_LONE = {"sign": "%", "place": "%(name)s"}
_OF_LETTERS = ("for_", "slots", "to", "subject", "asks", "body", "hint")


def check(book: Book) -> None:
    for key, document in book.protocol.documents.items():
        if document.is_case_file:
            _not_of_a_case_file(book, ("documents", key), document)
        elif document.is_letter and book.declared.is_whole("documents", key):
            _letter(book, ("documents", key), document)
    _targets(book)
    _letterhead(book)
    first = next(iter(book.protocol.documents.values()), None)
    if first is not None and not first.is_case_file:
        book.say(("documents", first.key, "kind"), N_("the first document is the case file"))


def _not_of_a_case_file(book: Book, path: Path, document: Document) -> None:
    for name in _OF_LETTERS:
        if getattr(document, name):
            key = name.rstrip("_")
            book.say((*path, key), N_('"%(key)s" is for letters, notices, notes and sheets'), key=key)


def _letter(book: Book, path: Path, document: Document) -> None:
    for name in _OF_CASE_FILE:
        if getattr(document, name):
            book.say((*path, name), N_('"%(key)s" is for the case file alone'), key=name)
    if document.per != PER[document.kind]:
        text = N_("a document of kind %(kind)s is written per %(per)s")
        book.say((*path, "per"), text, kind=document.kind, per=PER[document.kind])
    if not document.for_:
        book.say(path, N_("nobody may issue it: name roles or seats under for"))
    if not document.body:
        book.say(path, N_("nothing stands in it: write its body"))
    book.people((*path, "for"), document.for_)
    book.refer((*path, "slots"), document.slots, "slots")
    if document.slots and document.per != "guardian":
        book.say((*path, "slots"), N_("slots are for what is written per guardian"))
    for name in ("to", "subject", "asks"):
        _text(book, (*path, name), getattr(document, name), PLACES[document.per])
    for number, piece in enumerate(document.body):
        _piece(book, (*path, "body", number), document, piece)


def _text(book: Book, path: Path, text: Text | None, places: frozenset[str]) -> None:
    for language, said in text.root.items() if text else ():
        for name in places_in(said):
            if not name:
                book.say((*path, language), N_('"%(sign)s" opens no place here: write %(place)s, or the word'), **_LONE)
            elif name not in places:
                text_ = N_('"%(name)s" is no place of this text%(like)s')
                book.say((*path, language), text_, name=name, like=suggestion(name, places))


def _piece(book: Book, path: Path, document: Document, piece: Piece) -> None:
    places = PLACES[document.per]
    _text(book, (*path, "title"), piece.title, places)
    _text(book, (*path, "text"), piece.text, places)
    for number, point in enumerate(piece.points):
        _text(book, (*path, "points", number), point, places)
    book.over_facts((*path, "when"), piece.when)
    printed = (piece.text, piece.points, piece.act, piece.people, piece.evidence, piece.services, piece.kept)
    if sum(map(bool, printed)) != 1:
        text = N_("a piece is one thing: text, points, act with fields, people, evidence, services or kept")
        book.say(path, text)
    book.refer_one((*path, "act"), piece.act, "acts")
    book.refer((*path, "people"), piece.people, "slots")
    book.refer((*path, "services"), piece.services, "targets")
    if piece.people and document.kind in ("notice", "law_notice"):
        book.say((*path, "people"), N_("a notice lists nobody: who else is in the case is not for its reader"))
    _answers(book, path, document, piece)
    _evidence(book, path, document, piece)


def _answers(book: Book, path: Path, document: Document, piece: Piece) -> None:
    if piece.act is None:
        if piece.fields or piece.words or (piece.required and not piece.evidence):
            book.say(path, N_("fields, words and required go with an act"))
        return
    if document.kind not in _ANSWERED:
        book.say((*path, "act"), N_("a document of kind %(kind)s prints no answers"), kind=document.kind)
    if not piece.fields:
        book.say(path, N_("an act is printed by its fields: name them"))
    form = book.form_of(piece.act)
    if form is None:
        return
    _readers(book, (*path, "act"), document, form)
    if piece.words and document.kind not in _WORDED:
        book.say((*path, "words"), N_("a document of kind %(kind)s prints nobody’s words"), kind=document.kind)
    for number, name in enumerate(piece.fields):
        here = (*path, "fields", number)
        field = book.field(here, form, name)
        if field is not None:
            _field(book, here, document, piece, field)


def _readers(book: Book, path: Path, document: Document, form: Form) -> None:
    """What is kept for some readers, or was heard on one side, goes to nobody outside; figures of it may."""
    if form.readers:
        book.say(path, N_('form "%(form)s" is kept for its own readers: no letter prints it'), form=form.key)
    elif form.side is not None and document.kind != "sheet":
        book.say(path, N_('form "%(form)s" is of one side: only a sheet counts its answers'), form=form.key)


def _field(book: Book, path: Path, document: Document, piece: Piece, field: FormField) -> None:
    if field.type in NEVER:
        book.say(path, N_('field "%(name)s" is %(type)s: no letter prints it'), name=field.key, type=field.type.value)
    elif field.authority_only:
        book.say(path, N_('field "%(name)s" is for an authority alone: it goes under evidence'), name=field.key)
    elif field.for_figures:
        book.say(path, N_('field "%(name)s" is for figures: the school’s own copy alone prints it'), name=field.key)
    elif field.is_words and not field.nameless and document.kind == "sheet":
        book.say(path, N_('field "%(name)s" is free text: a sheet prints none'), name=field.key)
    elif field.may_name and not piece.words:
        book.say(path, N_('field "%(name)s" is somebody’s words: they stand there only with words'), name=field.key)
    elif document.kind == "sheet" and field.type not in COUNTED:
        text = N_('field "%(name)s" is %(type)s: a sheet prints what can be counted')
        book.say(path, text, name=field.key, type=field.type.value)


def _evidence(book: Book, path: Path, document: Document, piece: Piece) -> None:
    if not piece.evidence:
        return
    if document.kind != "letter":
        book.say((*path, "evidence"), N_("only a letter lists evidence"))
    forms = [book.protocol.forms.get(act.form) for act in book.protocol.acts_of(ActKind.evidence)]
    form = next((one for one in forms if one is not None), None)
    if form is None:
        if book.declared.is_whole("acts") and book.declared.is_whole("forms"):
            book.say((*path, "evidence"), N_("no act registers evidence"))
        return
    for number, name in enumerate(piece.evidence):
        here = (*path, "evidence", number)
        field = book.field(here, form, name)
        if field is not None and (
            field.type in (*NEVER, FieldType.long) or (field.may_name and not field.authority_only)
        ):
            text = N_('field "%(name)s" is somebody’s words: a list of evidence has none')
            book.say(here, text, name=name)


def _targets(book: Book) -> None:
    letters = any(document.kind == "letter" for document in book.protocol.documents.values())
    for key, target in book.protocol.targets.items():
        for name in ("asks", "legal_basis"):
            _text(book, ("targets", key, name), getattr(target, name), frozenset())
        if target.asks and target.to_guardians:
            book.say(("targets", key, "asks"), N_("to guardians a notice is written, per guardian: no letter"))
        elif target.asks and not letters and book.declared.is_whole("documents"):
            book.say(("targets", key, "asks"), N_("no document of kind letter is there to print it"))
        if target.legal_basis and not target.asks:
            book.say(("targets", key, "legal_basis"), N_("legal_basis goes with asks: without it there is no letter"))


def _letterhead(book: Book) -> None:
    for number, line in enumerate(book.protocol.letterhead):
        _text(book, ("letterhead", number), line, frozenset())
