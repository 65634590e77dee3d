"""The pages of a pack for a visit: one school in one language; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from markupsafe import Markup

from school_protocol.documents import bidi
from school_protocol.documents.rendering import render, template
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.team_figures import Span, TeamFigures, WaitLine
from school_protocol.domain.texts import Text
from school_protocol.domain.withholding import Band
from school_protocol.wording import ZONE, Wording

NOTES = 24
"""Lines to write on."""


@dataclass(frozen=True, slots=True)
class Counted:
    """About how many cases of something; without a title: not assessed yet."""

    title: Text | None
    number: Band


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed at the last visit."""

    what: str
    who: str
    by: date | None
    done_on: date | None


@dataclass(frozen=True, slots=True)
class LastVisit:
    held_on: date
    came: str
    remarks: str
    actions: tuple[Agreed, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the team; `trained_until` None: no certificate is known; `is_awaited`: has not signed in yet."""

    name: str
    protocol: Protocol
    role: str
    trained_until: date | None
    is_trained: bool
    is_awaited: bool = False


@dataclass(frozen=True, slots=True)
class GridPlayed:
    """Of one grid, over workshops: about how many tables, and the share that came to what most beside them came to."""

    title: Text
    tables: Band
    share: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Played:
    """Workshops that somebody of the team attended over the time of the figures."""

    workshops: int
    grids: tuple[GridPlayed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPack:
    """Everything that a pack prints. `wanted`: how many trained people a team has; 0: nothing says it.

    Cases are counted by tens, None for none: of fewer nothing is broken down by stage, level or what is late.
    """

    protocol: Protocol
    unit: Unit
    places: tuple[Unit, ...]
    as_of: datetime
    members: tuple[Member, ...]
    trained: int
    wanted: int
    open_cases: Band | None
    stages: tuple[Counted, ...]
    levels: tuple[Counted, ...]
    late: tuple[Counted, ...] | None
    observations: Band | None
    silent: Band | None
    span: Span
    figures: TeamFigures
    played: Played
    visit: LastVisit | None


def visit_pack(view: VisitPack, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    lines = Lines(view, wording)
    return render(
        visit_pack_html(view, wording),
        title=lines.title,
        language=wording.html_language,
        identifier="|".join(("visit-pack", view.unit.code, view.as_of.isoformat(), wording.language)),
        moment=view.as_of,
        accessible=True,
    )


def visit_pack_html(view: VisitPack, wording: Wording) -> str:
    """The pages that the PDF is made of."""
    lines = Lines(view, wording)
    return template("visit_pack.html").render(
        view=view, lines=lines, w=wording, _=wording.gettext, ngettext=wording.ngettext, line=lines.line,
        text=lines.text, day=lines.day, code=bidi.code, notes=NOTES,
        paragraphs=lambda text: bidi.paragraphs(text, wording.direction, wording.language),
    )  # fmt: skip


class Lines:
    """What the template asks: the pack's parts in the words of one language."""

    def __init__(self, view: VisitPack, wording: Wording) -> None:
        self.view, self.w = view, wording

    @property
    def title(self) -> str:
        return f"{self.w._('Visit pack')} {self.view.unit.code}"

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        return self.line(self.w.text(text))

    def day(self, value: date | datetime) -> Markup:
        found = value.astimezone(ZONE).date() if isinstance(value, datetime) else value
        return Markup('<span class="nowrap">{}</span>').format(self.line(self.w.day(found)))

    def above(self) -> Iterator[Markup]:
        """The places above the school, from the top."""
        declared = self.view.protocol.letterhead
        yield from (self.text(line) for line in declared)
        yield from (self.text(one.names) for one in reversed(self.view.places) if not declared or one.parents)

    def member(self, one: Member) -> Markup:
        if one.is_awaited:
            return self.line(self.w._("Not signed in yet"))
        if one.trained_until is None:
            return self.line(self.w._("Not certified"))
        message = self.w._("Certified until %(day)s") if one.is_trained else self.w._("Certificate ended on %(day)s")
        return self.line(message % {"day": self.w.day(one.trained_until)})

    def counted(self, one: Counted) -> Markup:
        return self.text(one.title) if one.title is not None else self.line(self.w._("Not assessed yet"))

    def period(self) -> str:
        return period_said(self.w, self.view.span)

    def band(self, band: Band | None) -> Markup:
        return self.line(band_said(self.w, band) if band else self.w._("none"))

    def wait(self, one: WaitLine) -> Markup:
        return self.line(wait_said(self.w, one))

    def share(self, found: tuple[int, int] | None) -> Markup:
        return self.line(share_said(self.w, found))


# ---- figures of a team in words, for pages too ---------------------------------------------------------------------


def period_said(w: Wording, span: Span) -> str:
    """A school year, or one of its terms."""
    year = f"{span.year}–{span.year + 1}"
    return f"{w.text(span.title)} · {year}" if span.title else year


def band_said(w: Wording, band: Band) -> str:
    """A count by its ten."""
    if not band.low:
        return w._("fewer than %(number)s", number=band.high + 1)
    return w._("%(low)s to %(high)s", low=band.low, high=band.high)


def share_said(w: Wording, found: tuple[int, int] | None) -> str:
    """Between which percentages something lies."""
    if found is None:
        return w._("too few to tell")
    return w._("%(low)s to %(high)s", low=w.percent(found[0]), high=w.percent(found[1]))


def wait_said(w: Wording, one: WaitLine) -> str:
    """Within what time half of the cases came so far."""
    if not one.is_told:
        return w._("too few to tell")
    if one.most is None:
        return w._("%(time)s: not reached", time=w.within(one.low or 0, one.unit))
    return w.within(one.most, one.unit) if one.most else w._("on the same day")
