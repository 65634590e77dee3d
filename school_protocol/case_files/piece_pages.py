"""PDF pages of the index of pieces, of pictures of evidence and of their register; all bound as one, each numbered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from school_protocol.case_files.letter_pages import paper
from school_protocol.case_files.pages import Pages
from school_protocol.case_files.pieces import Letter, Picture, Pieces
from school_protocol.case_files.presenters import format_said
from school_protocol.case_files.repository import Prepared
from school_protocol.cases.view_models import RecordView
from school_protocol.engine.case_parts import FileLife
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.evidence_pieces import Format
from school_protocol.language import Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.pictures import MEDIA_TYPE
from school_protocol.pdf.rendering import BASE, render, template

_NOTHING = Markup("–")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence as index and register have it. `piece`: its number among the pieces, where it is printed."""

    number: int
    what: Markup
    on: Markup
    by: Markup
    digest: str
    file: FileLife | None
    picture: Picture | None = None
    piece: int = 0

    @property
    def address(self) -> str:
        """Where the page finds its picture."""
        return f"{BASE}piece-{self.number}.jpg"


@dataclass(frozen=True, slots=True)
class Row:
    """A piece in the index: where it begins and ends among all pages."""

    number: int
    what: Markup
    on: Markup
    by: Markup
    first: int
    last: int
    digest: str = ""


def bind(pieces: Pieces, file: Prepared, wording: Wording) -> bytes:
    """Index, case file, letters, pictures and register as one PDF/A-3a, the case file's record inside.

    The same pieces, the same bytes. Raises AddressRefused, DocumentsUnavailable.
    """
    from school_protocol.pdf.embedding import bound, extent  # loads pikepdf, once

    lines = PieceLines(pieces, file.as_of, wording)
    letters = [paper(one.view, Wording(one.issued.language)) for one in pieces.letters]
    behind = [*letters, lines.made("evidence.html", evidence=lines.evidence)]
    own, (pages, starts) = [extent(one)[0] for one in (file.data, *letters)], extent(behind[-1])
    lengths = [*own, *(after - first for first, after in zip(starts, (*starts[1:], pages), strict=True))]
    length, found = 0, 1
    while found != length:  # the index says where each piece begins, which its own length decides
        length = found
        index = lines.made("index.html", rows=lines.index(lengths, length), apart=lines.apart())
        found = extent(index)[0]
    drawn = lines.made("piece_numbers.html", numbers=lines.numbers(lengths, length), accessible=False)
    return bound(file.data, index, behind, drawn)


class PieceLines(Pages):
    """What the templates ask: the pieces in the words of one language."""

    def __init__(self, pieces: Pieces, as_of: datetime, wording: Wording) -> None:
        super().__init__(pieces.view, wording)
        self.pieces = pieces
        self.file_as_of = as_of
        self.evidence = tuple(self._evidence())

    def made(self, name: str, *, accessible: bool = True, **more: object) -> bytes:
        """The pages of that template. Raises AddressRefused, DocumentsUnavailable."""
        pictures = {
            one.address: (MEDIA_TYPE, one.picture.data)
            for one in self.evidence
            if name == "evidence.html" and one.picture is not None and one.picture.data is not None
        }
        w, view = self.w, self.view
        html = template(name).render(
            view=view, pages=self, pieces=self.pieces, w=w, _=w.gettext, ngettext=w.ngettext, line=self.line,
            said=self.said, text=self.text, when=self.when, code=bidi.code, **more,
        )  # fmt: skip
        told = (name, view.head.number, view.content_head, self.pieces.copy, w.language, self.pieces.at)
        return render(
            html, title=self.title, language=w.html_language, identifier="|".join(map(str, told)),
            moment=self.pieces.at, pictures=pictures, accessible=accessible,
        )  # fmt: skip

    # ---- the index -------------------------------------------------------------------------------------------

    def index(self, lengths: Sequence[int], start: int) -> list[Row]:
        """Each piece with its pages, which come after `start` pages of index."""
        rows: list[Row] = []
        first = start + 1
        for number, ((what, on, by, digest), length) in enumerate(zip(self._named(), lengths, strict=True), 1):
            rows.append(Row(number, what, on, by, first, first + length - 1, digest))
            first += length
        return rows

    def _named(self) -> Iterator[tuple[Markup, Markup, Markup, str]]:
        """What each piece is, of when, by whom it was given, and the digest of its file."""
        pieces, _ = self.pieces, self.w._
        issuer = self.by(pieces.issuer, pieces.role)
        what = Markup("{} · {}").format(self.text(self.view.document.title), self.text(self.profile.title))
        yield what, self.when(self.file_as_of), issuer, ""
        for one in pieces.letters:
            yield self._letter(one), self.when(one.issued.at), self.by(one.view.issuer, one.view.role), ""
        for shown in self.evidence:
            if shown.piece:
                yield self.titled(shown), shown.on, shown.by, shown.digest
        yield self.line(_("Register of evidence, by digest")), self.when(pieces.at), issuer, ""

    def _letter(self, letter: Letter) -> Markup:
        copy = self.line(self.w._("Copy %(number)s", number=letter.issued.copy))
        return Markup("{} · {}").format(self.text(letter.view.document.title), copy)

    def numbers(self, lengths: Sequence[int], start: int) -> list[tuple[Markup, Markup]]:
        """What stands at the top of each page: which piece it is of, and which page of the whole."""
        _, total = self.w._, start + sum(lengths)
        of = [_("Index of pieces")] * start
        for number, length in enumerate(lengths, 1):
            of += [_("Piece %(number)s of %(total)s", number=number, total=len(lengths))] * length
        return [
            (self.line(one), self.line(_("whole: page %(page)s of %(total)s", page=page, total=total)))
            for page, one in enumerate(of, 1)
        ]

    # ---- evidence --------------------------------------------------------------------------------------------

    def _evidence(self) -> Iterator[Evidence]:
        piece = 1 + len(self.pieces.letters)
        for place, record in enumerate(self.view.evidence, 1):
            picture = self.pieces.pictures.get(record.seq)
            is_printed = picture is not None and picture.data is not None
            piece += is_printed
            declared = self.protocol.pieces
            life = self.pieces.files.get(record.seq)
            digest = life.sha256 if life else str(record.answers.get(declared.digest or "") or "") if declared else ""
            yield Evidence(
                number=int(record.derived.get("piece", place)),
                what=self._what(record),
                on=self._answer(record, declared.captured if declared else None) or self.when(record.occurred_at),
                by=self._answer(record, declared.given_by if declared else None) or _NOTHING,
                digest=digest,
                file=life,
                picture=picture,
                piece=piece if is_printed else 0,
            )

    def _what(self, record: RecordView) -> Markup:
        """The first of its choices, and what it is named after."""
        first = next((one.key for one in record.form.fields if one.type is FieldType.choice), None)
        named = self.protocol.pieces.named_after if self.protocol.pieces else ()
        answers = (self._answer(record, key) for key in dict.fromkeys((first, *named)))
        return Markup(" · ").join(one for one in answers if one) or self.text(record.form.title)

    def _answer(self, record: RecordView, key: str | None) -> Markup | None:
        field = record.form.by_key.get(key or "")
        value = record.answers.get(key or "")
        if field is None or value in (None, "", [], ()) or not self.may_print(field):
            return None
        return self.answer(field, value)

    def titled(self, one: Evidence) -> Markup:
        return Markup("{} · {}").format(self.line(self.w._("Evidence no. %(number)s", number=one.number)), one.what)

    def apart(self) -> list[Evidence]:
        """What is kept apart: pieces that have no page here."""
        return [one for one in self.evidence if not one.piece]

    def where(self, one: Evidence) -> Markup:
        """Where it is, whoever holds this."""
        _ = self.w._
        if one.piece:
            return self.line(_("Printed: piece %(number)s", number=one.piece))
        if one.file is None:
            return self.line(_("No file at the school"))
        if one.file.shut_at is not None:
            return self.line(_("Locked: opened by nobody"))
        if one.picture is not None and one.picture.is_lost:
            return self.line(_("Not printed: the file is missing, or no longer what was received"))
        return self.line(_("Kept apart, sealed: to be handed over on request"))

    def size(self, one: Evidence) -> Markup:
        """Format and bytes of the file that is kept."""
        if one.file is None:
            return _NOTHING
        said = self.w._(
            "%(format)s, %(size)s bytes", format=format_said(self.w, Format(one.file.format)), size=one.file.size
        )
        return self.line(said)
