"""PDF pages of letters, notices, notes and sheets of a case, and of the register of evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.content import Answered, Exhibit, Paper, Printed
from school_protocol.cases.view_models import PersonLine
from school_protocol.engine import name_detection
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import render, template

# ---- one paper laid out in one language; nothing is decided here ---------------------------------------------------

_PLACE = re.compile(r"%\((\w+)\)s")
_CODE = re.compile(r"[0-9a-f]{32,}")
"""A digest: printed as a code."""


def paper(view: Paper, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    copy = (view.number, view.content_head, view.document.key, view.about, wording.language, view.issuer, view.as_of)
    return render(
        paper_html(view, wording),
        title=Lines(view, wording).title,
        language=wording.html_language,
        identifier="|".join(str(part) for part in copy),
        moment=view.as_of,
        accessible=True,
    )


def paper_html(view: Paper, wording: Wording) -> str:
    """The page that the PDF is made of."""
    lines = Lines(view, wording)
    return template("paper.html").render(
        view=view, lines=lines, w=wording, _=wording.gettext, ngettext=wording.ngettext,
        line=lines.line, said=lines.said, text=lines.text, filled=lines.filled, day=lines.day, code=bidi.code,
    )  # fmt: skip


class Lines:
    """What the template asks: the paper's parts in the words of one language."""

    def __init__(self, view: Paper, wording: Wording) -> None:
        self.view = view
        self.w = wording
        self.places: Mapping[str, Markup] = self._places()

    @property
    def title(self) -> str:
        return f"{self.w.text(self.view.document.title)} {self.view.number}"

    # ---- saying things ---------------------------------------------------------------------------------------

    def line(self, value: object) -> Markup:
        """A text of any origin within a line of this language."""
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        """A text of the definition or the directory."""
        return self.line(self.w.text(text))

    def said(self, message: str, **parts: Markup) -> Markup:
        """A translated message whose `%(name)s` places are filled with markup."""
        return self._in_places(message, parts)

    def filled(self, text: Text) -> Markup:
        """A text of the document with what stands in its places."""
        return self._in_places(self.w.text(text), self.places)

    def _in_places(self, message: str, parts: Mapping[str, Markup]) -> Markup:
        pieces = _PLACE.split(message)
        return Markup("").join(parts[piece] if at % 2 else self.line(piece) for at, piece in enumerate(pieces))

    def paragraphs(self, text: Text) -> list[Markup]:
        """A text of the document, paragraph by paragraph."""
        return [self._in_places(one, self.places) for one in self.w.text(text).split("\n") if one.strip()]

    def day(self, value: date | datetime | str) -> Markup:
        if isinstance(value, datetime):
            value = value.astimezone(ZONE).date()
        return Markup('<span class="nowrap">{}</span>').format(self.line(self.w.day(value)))

    def _places(self) -> dict[str, Markup]:
        view = self.view
        person = view.recipient.person
        return {
            "school": self.text(view.unit.names),
            "code": bidi.code(view.unit.code),
            "province": self._unit(UnitKind.province),
            "academy": self._unit(UnitKind.region),
            "number": bidi.code(view.number),
            "day": self.day(view.as_of),
            "target": self.text(view.recipient.target.title) if view.recipient.target else Markup(""),
            "referral": self.line(view.referral),
            "sent_on": self.day(view.sent_at) if view.sent_at else Markup(""),
            "about": self.about(),
            "guardian": self.line(self.named(person)) if person else Markup(""),
        }

    def _unit(self, kind: UnitKind) -> Markup:
        found = next((one for one in self.view.places if one.kind is kind), None)
        return self.text(found.names) if found else Markup("–")

    # ---- the head --------------------------------------------------------------------------------------------

    def letterhead(self) -> Iterator[Markup]:
        """Kingdom and ministry as the definition writes them; then academy, directorate and school."""
        declared = self.view.protocol.letterhead
        yield from (self.text(line) for line in declared)
        above = [one for one in reversed(self.view.places) if not (declared and one.kind is UnitKind.country)]
        yield from (self.text(one.names) for one in above)

    def recipient(self) -> Markup:
        found = self.view.recipient
        if found.target is not None:
            return self.text(found.target.title)
        if found.person is not None:
            return self.line(self.named(found.person))
        return self.text(found.named)

    def recipient_place(self) -> list[Markup]:
        """Under a guardian's name: whose guardian that is; under a service's: which organisation, in which town."""
        found = self.view.recipient
        if found.person is not None:
            return [self.text(found.person.slot.title)]
        whom, city = self.w.text(found.whom), self.w.text(found.city)
        return [self.line(one) for one in (whom, "" if city in whom else city) if one]

    def named(self, person: PersonLine) -> str:
        """Name, else sign."""
        return person.name or person.label

    def about(self) -> Markup:
        """What a referral is about."""
        dangers = self.view.protocol.dangers
        said = [self.w.text(dangers[key].title) for key in self.view.covers if key in dangers]
        return self.line(self.w.titles(said)) if said else self.line(self.w._("a need without a danger"))

    def role(self) -> Markup:
        return self.line(self.w.role(self.view.protocol, self.view.role))

    # ---- the body --------------------------------------------------------------------------------------------

    def label(self, field: FormField) -> Markup:
        return self.text(field.label)

    def answer(self, answered: Answered) -> Markup:
        field, value = answered.field, answered.value
        if field.type is FieldType.moment:
            local = datetime.fromisoformat(str(value))
            return Markup('{} <span class="clock">{}</span>').format(self.day(local), self.line(self.w.clock(local)))
        if field.type is FieldType.date:
            return self.day(str(value))
        if field.type is FieldType.long:
            return bidi.paragraphs(self._labelled(str(value)), self.w.direction, self.w.language)
        if self._is_code(answered):
            return bidi.code(value)
        said = self._labelled(self.w.answer(self.view.protocol, field, value, self.view.names))
        return bidi.quoted(said, self.w.direction) if field.type is FieldType.text else self.line(said)

    def is_long(self, answered: Answered) -> bool:
        return answered.field.type is FieldType.long

    def exhibit(self, one: Exhibit) -> Markup:
        """What is known of a piece, in a row of answers; its digest, addresses and accounts below."""
        short = [answered for answered in one.answers if not self._is_below(answered)]
        return Markup(" · ").join(self.answer(answered) for answered in short)

    def codes(self, one: Exhibit) -> list[tuple[Markup, Markup]]:
        return [(self.label(each.field), self.answer(each)) for each in one.answers if self._is_below(each)]

    def _is_below(self, answered: Answered) -> bool:
        return answered.field.authority_only or self._is_code(answered)

    def _is_code(self, answered: Answered) -> bool:
        return isinstance(answered.value, str) and _CODE.fullmatch(answered.value) is not None

    def pieces(self) -> list[Printed]:
        """The parts of the letter itself."""
        return [piece for piece in self.view.body if not piece.exhibits]

    def annexes(self) -> list[Printed]:
        """What comes after the signature, however long it is: registers."""
        return [piece for piece in self.view.body if piece.exhibits]

    def _labelled(self, text: str) -> str:
        return "".join(piece for piece, _is_sign in name_detection.shown(text, self.view.signs))

    def grade(self, person: PersonLine) -> Markup:
        return self.line(person.identity.get("grade", "")) if person.name else Markup("")

    def left_out(self) -> list[Markup]:
        """What it does not say, and why, in words."""
        w = self.w
        said = {
            "names": w._(
                "People stand under the signs that they have in the case: their names are not part of this paper."
            ),
            "issuer": w._("Names and accounts are not part of this copy: whoever issues it does not read them."),
            "words": w._("What was said by pupils, families and witnesses is not part of this paper."),
            "addresses": w._("Addresses of contents and names of accounts go to the judicial authority alone."),
            "files": w._(
                "No image or file is attached: digests alone, so that what is handed over elsewhere can be compared."
            ),
            "pupils": w._("No pupil is named on this paper."),
            "others": w._("What concerns other pupils and their families is not part of this paper."),
        }
        return [self.line(said[code]) for code in self.view.left_out]

    def page_count(self) -> Markup:
        """Page x of y: the typesetter counts."""
        page, pages = Markup('<bdi dir="ltr" class="page"></bdi>'), Markup('<bdi dir="ltr" class="pages"></bdi>')
        return self.said(self.w._("Page %(page)s of %(pages)s"), page=page, pages=pages)
