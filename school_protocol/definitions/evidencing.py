"""The checks of the register of evidence: its fields, who opens files, and the order in which removal is asked for."""

from __future__ import annotations

from school_protocol.definitions.book import Book
from school_protocol.definitions.tree import Path
from school_protocol.domain.forms import FieldType, Form
from school_protocol.domain.phrases import N_
from school_protocol.domain.pieces_rules import Pieces, Removal
from school_protocol.domain.protocol import ActKind

HERE = ("pieces",)


def check(book: Book) -> None:
    """Only where the definition has a register, and could read it."""
    pieces = book.protocol.pieces
    if pieces is None or not book.declared.is_whole("pieces"):
        return
    book.refer_one((*HERE, "act"), pieces.act, "acts")
    act = book.protocol.acts.get(pieces.act)
    if act is not None and act.kind is not ActKind.evidence:
        book.say((*HERE, "act"), N_('act "%(name)s" registers no evidence'), name=pieces.act)
    form = book.form_of(pieces.act)
    for number, name in enumerate(pieces.named_after):
        book.field((*HERE, "named_after", number), form, name, FieldType.choice, FieldType.text)
    book.field((*HERE, "captured"), form, pieces.captured, FieldType.moment, FieldType.date)
    book.field((*HERE, "online"), form, pieces.online, FieldType.tri, FieldType.yes_no)
    book.field((*HERE, "shared"), form, pieces.shared, FieldType.rows)
    book.field((*HERE, "digest"), form, pieces.digest, FieldType.text)
    book.field((*HERE, "size"), form, pieces.size, FieldType.integer)
    book.field((*HERE, "format"), form, pieces.format, FieldType.choice)
    if form is not None and book.has_fields(form) and not any(field.forbids_files for field in form.fields):
        text = N_("no answer forbids files: a field of this form must say %(key)s")
        book.say((*HERE, "act"), text, key="forbids_files")
    book.people((*HERE, "openers"), pieces.openers)
    book.people((*HERE, "originals"), pieces.originals)
    _mistake(book, pieces)
    _removal(book, (*HERE, "removal"), form, pieces.removal)


def _mistake(book: Book, pieces: Pieces) -> None:
    here = (*HERE, "mistake")
    book.refer((*here, "tell"), pieces.mistake.tell, "roles")
    book.refer((*here, "ask"), pieces.mistake.ask, "targets")
    book.people((*here, "by"), pieces.mistake.by)


def _removal(book: Book, path: Path, form: Form | None, removal: Removal) -> None:
    rows = book.field((*path, "rows"), form, removal.rows, FieldType.rows)
    if rows is None:
        return
    columns = {column.key: column for column in rows.fields}
    wanted = {"channel": FieldType.choice, "asked_on": FieldType.date, "reference": FieldType.text,
              "result": FieldType.choice}  # fmt: skip
    for name, kind in wanted.items():
        column = columns.get(getattr(removal, name))
        if column is None or column.type is not kind:
            text = N_('"%(name)s" is no column of "%(rows)s" of type %(type)s')
            book.say((*path, name), text, name=getattr(removal, name), rows=removal.rows, type=kind.value)
            return
    results = {option.key for option in columns[removal.result].options}
    channels = {option.key for option in columns[removal.channel].options}
    for part in ("waits", "removed"):
        _among(book, (*path, part), getattr(removal, part), results)
    for number, step in enumerate(removal.order):
        _among(book, (*path, "order", number, "channels"), step.channels, channels)


def _among(book: Book, path: Path, names: tuple[str, ...], known: set[str]) -> None:
    for number, name in enumerate(names):
        if name not in known:
            text = N_('"%(name)s" is no answer here%(like)s')
            book.say((*path, number), text, name=name, like=book.like(name, known))
