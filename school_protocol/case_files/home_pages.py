"""The pages for a pupil's family: a letter of two pages in plain words, of the pieces that the definition declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time

from markupsafe import Markup

from school_protocol.case_files.content import HomePart
from school_protocol.case_files.presenters import Entries
from school_protocol.cases.story_lines import short_day, told
from school_protocol.engine.home_piece import HomePiece
from school_protocol.language import ZONE
from school_protocol.pdf import bidi


@dataclass(frozen=True, slots=True)
class Row:
    """Something and what stands beside it: a day and what happened, a place in the case and who holds it, a number."""

    label: Markup
    said: Markup


@dataclass(frozen=True, slots=True)
class HomePrinted:
    """A piece in the words of one language."""

    title: Markup
    text: tuple[Markup, ...]
    points: tuple[Markup, ...]
    lines: tuple[Row, ...]
    seats: tuple[Row, ...]
    numbers: tuple[Row, ...]
    day: Markup
    is_marked: bool


class HomePages(Entries):
    """What the template of a family's pages asks."""

    @property
    def title(self) -> str:
        """What the letter is about, in its own first words."""
        return self.w.text(self.profile.body[0].title)

    def reader(self) -> Markup:
        """The guardian to whom it goes, by their name."""
        reader = self.view.reader
        if reader is None or not reader.name or not self.may_name(reader):
            return Markup("")
        return self.line(reader.name)

    def child(self) -> Markup:
        """Of whom it tells, where the case leaves no doubt: the only pupil who stands in it."""
        pupils = [one for one in self.view.people if not one.slot.guardian and one.name and self.may_name(one)]
        return self.line(pupils[0].name) if len(pupils) == 1 else Markup("")

    def pieces(self) -> Iterator[HomePrinted]:
        """Those that stand in it, in their order."""
        for part in self.view.home:
            yield self._piece(self.profile.body[part.place], part)

    def _piece(self, piece: HomePiece, part: HomePart) -> HomePrinted:
        paragraphs = self.w.text(piece.text).split("\n") if piece.text is not None else []
        return HomePrinted(
            title=self.text(piece.title) if piece.title is not None else Markup(""),
            text=tuple(self.line(one) for one in paragraphs if one.strip()),
            points=(*map(self.text, piece.points), *self._said(piece, part)),
            lines=tuple(self._story()) if piece.story else (),
            seats=tuple(self._seats()) if piece.seats else (),
            numbers=tuple(Row(self.text(one.name), bidi.code(one.phone)) for one in part.called),
            day=self._next_day() if piece.next_day else Markup(""),
            is_marked=piece.marked,
        )

    def _story(self) -> Iterator[Row]:
        names = {one.id: self._called(one.slot.guardian, one.name) for one in self.view.people}
        for one in told(self.w, self.protocol, self.view.story, names):
            yield Row(self.line(short_day(self.w, one.at)), self.line(one.text))

    def _called(self, is_guardian: bool, name: str | None) -> str:
        return (name or "") if is_guardian else self.w._("your child")

    def _said(self, piece: HomePiece, part: HomePart) -> Iterator[Markup]:
        """The answer, each of its choices by itself."""
        record = next((one for one in self.view.records if one.seq == part.entry), None)
        field = record.form.by_key.get(piece.field or "") if record is not None else None
        if record is None or field is None or not self.may_print(field):
            return
        value = record.answers.get(field.key)
        for one in [[key] for key in value] if isinstance(value, list | tuple) else [value]:
            yield self.answer(field, one)

    def _seats(self) -> Iterator[Row]:
        for held in self.view.seats:
            yield Row(self.text(held.seat.title), self.line(held.name))

    def _next_day(self) -> Markup:
        """The day of the next follow-up; where there is none, whether one is still to come."""
        days = [one.day for one in self.view.follow_ups if one.state == "planned"]
        if self.view.head.state.ended:
            return self.line(self.w._("No meeting is planned: the follow-up is over."))
        if not days:
            return self.line(self.w._("Not fixed yet. We will tell you."))
        return self.when(datetime.combine(min(days), time(0), ZONE))
