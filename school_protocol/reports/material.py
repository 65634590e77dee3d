"""Printed material of public reports: poster, leaflet, sheets for a family. No report and no case is in it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import segno
from markupsafe import Markup

from school_protocol.context import AppContext
from school_protocol.engine.definition import Deadline, Protocol
from school_protocol.engine.definition_parts import Material, Sheet, SignalementRules
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import Wording
from school_protocol.pdf import bidi, rendering
from school_protocol.pdf.rendering import render, template
from school_protocol.people import repository as people_repository
from school_protocol.people.models import ContactRow
from school_protocol.publishing.handouts import Handout, languages_of
from school_protocol.reports.public_door import current, roles_at, see_doors

# ---- what poster, leaflet and orientation sheet share: who answers, the address and its picture, full pages --------

SIZES = (1.3, 1.2, 1.12, 1.06, 1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.62, 0.54, 0.46, 0.4)
"""How far the letters of a paper may be made larger or smaller, so that it keeps its pages and fills them."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Somebody who can be called or written to, as the directory has them on the day of printing."""

    names: Mapping[str, str]
    phone: str = ""
    url: str = ""
    hours: Mapping[str, Any] = field(default_factory=dict)
    """When somebody answers: `always`, or spans by weekday; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Address:
    """The whole address of a school's page: what a phone reads, and what a child types."""

    whole: str

    @property
    def before(self) -> str:
        """All that stands before the code, as one types it."""
        return self.whole.partition("://")[2].rpartition("/")[0] + "/"

    @property
    def code(self) -> str:
        return self.whole.rpartition("/")[2]

    def picture(self, title: str) -> Markup:
        """What a phone reads, as an SVG of paths; a quarter of it may be torn or scribbled over."""
        drawn = segno.make(self.whole, error="q", micro=False)
        out = io.BytesIO()
        drawn.save(
            out, kind="svg", xmldecl=False, svgns=True, nl=False, border=4, dark="#000", light="#fff", title=title,
            svgclass="qr", lineclass=None, omitsize=True,
        )  # fmt: skip
        return Markup(out.getvalue().decode())  # noqa: S704 - segno draws paths and escapes the title


class Said:
    """What the templates of these papers ask: texts in the words of one language."""

    def __init__(self, wording: Wording) -> None:
        self.w = wording

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def site(self, url: str) -> Markup:
        """An address as one types it."""
        return bidi.code(url.partition("://")[2].rstrip("/") or url)

    def text(self, text: Text | Mapping[str, str]) -> Markup:
        return self.line(self.w.text(text))

    def when(self, one: Answering) -> str:
        """At which hours somebody answers; nothing where that is not known, or too much for a line."""
        if one.hours.get("always"):
            return self.w._("day and night")
        days = {*map(str, range(5))}
        spans = one.hours.get("0", ())
        if set(one.hours) - {"holidays"} != days or any(one.hours[day] != spans for day in days):
            return ""
        said = self.w.comma.join(f"{opens}–{closes}" for opens, closes in spans)
        return f"{self.w._('Monday to Friday')}{self.w.comma}{said}"

    def known(self) -> dict[str, Any]:
        """What each of these templates is handed."""
        return {
            "w": self.w, "_": self.w.gettext, "line": self.line, "text": self.text, "when": self.when,
            "code": bidi.code, "site": self.site,
        }  # fmt: skip


def fitted(written: Callable[[float], bytes], pages: int, sizes: Iterable[float] = SIZES) -> bytes:
    """The paper with the largest letters that keep it to so many pages, else with the smallest."""
    made = b""
    for size in sizes:
        made = written(size)
        if _count(made) <= pages:
            break
    return made


def _count(data: bytes) -> int:
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        return len(pdf.pages)


@dataclass(frozen=True, slots=True)
class AfterStep:
    """One thing that happens after somebody has reported; within the definition's own time, where it has one."""

    title: Text
    text: Text | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What poster and leaflet print: the definition's sentences, the school, its address, and who can be called."""

    unit: Unit
    address: Address
    material: Material
    hours: Text
    after: tuple[AfterStep, ...]
    calls: tuple[Answering, ...]
    made_at: datetime


def _written(html: str, wording: Wording, title: Text, made_at: datetime, *told: object) -> bytes:
    """The PDF/A-3a of these pages; `told`: all that makes them other than those of another paper."""
    return render(
        html,
        title=wording.text(title),
        language=wording.html_language,
        identifier="|".join(str(part) for part in (*told, made_at)),
        moment=made_at,
        accessible=True,
    )


def leaflet(view: Printed, wording: Wording) -> bytes:
    """The PDF/A-3a, two pages. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""

    def written(scale: float) -> bytes:
        html = leaflet_html(view, wording, scale)
        told = ("leaflet", view.address.whole, scale, wording.language, sorted(view.unit.names.items()))
        return _written(html, wording, view.material.motto, view.made_at, *told)

    return fitted(written, 2)


def leaflet_html(view: Printed, wording: Wording, scale: float = 1.0) -> str:
    """The pages that the PDF is made of."""
    picture = view.address.picture(wording._("Picture of this address, for a phone’s camera"))
    return template("leaflet.html").render(
        view=view, scale=scale, picture=picture, within=lambda one: wording.within(one.value, one.unit),
        **Said(wording).known(),
    )  # fmt: skip


# ---- the sheet for a family: what to do about one kind of content, who helps, a request ready to copy --------------

_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrientationSheet:
    """What is printed. `places` fills the request's places, such as an address; what nobody fills is a line to
    write on."""

    key: str
    title: Text
    steps: tuple[Text, ...]
    school: Mapping[str, str]
    services: tuple[Answering, ...]
    calls: tuple[Answering, ...]
    """Who is called at once in a danger."""
    request: Text | None = None
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    never: tuple[Text, ...] = ()
    made_at: datetime


def orientation_sheet(view: OrientationSheet, wording: Wording) -> bytes:
    """The PDF/A-3a, one page. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""

    def written(scale: float) -> bytes:
        html = orientation_sheet_html(view, wording, scale)
        places = sorted(view.places.items())
        told = ("orientation", view.key, scale, wording.language, sorted(view.school.items()), places)
        return _written(html, wording, view.title, view.made_at, *told)

    return fitted(written, 1)


def orientation_sheet_html(view: OrientationSheet, wording: Wording, scale: float = 1.0) -> str:
    """The page that the PDF is made of."""
    return template("orientation_sheet.html").render(
        view=view, scale=scale, request=_filled(view, wording), **Said(wording).known()
    )


def _filled(view: OrientationSheet, wording: Wording) -> list[Markup]:
    """The request, paragraph by paragraph."""
    if view.request is None:
        return []
    said = Said(wording)
    called = {
        "address": wording._("address of the page"),
        "account": wording._("name of the account"),
        "platform": wording._("application"),
        "date": wording._("day"),
    }

    def place(name: str) -> Markup:
        if view.places.get(name):
            return bidi.code(view.places[name])
        label = said.line(wording.pair(called[name], "")) if name in called else bidi.code(name)
        return Markup('<span class="blank">[{} ………………………]</span>').format(label)

    def paragraph(words: str) -> Markup:
        pieces = _PLACE.split(words)
        return Markup("").join(place(piece) if at % 2 else said.line(piece) for at, piece in enumerate(pieces))

    return [paragraph(one) for one in wording.text(view.request).split("\n") if one.strip()]


# ---- the poster of a school's address: one page, A4 or A5, read by a child who walks past it -----------------------


class Size(StrEnum):
    a4 = "A4"
    a5 = "A5"


def poster(view: Printed, wording: Wording, size: Size) -> bytes:
    """The PDF/A-3a, one page. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""

    def written(scale: float) -> bytes:
        html = poster_html(view, wording, size, scale)
        told = ("poster", view.address.whole, size, scale, wording.language, sorted(view.unit.names.items()))
        return _written(html, wording, view.material.motto, view.made_at, *told)

    return fitted(written, 1)


def poster_html(view: Printed, wording: Wording, size: Size, scale: float = 1.0) -> str:
    """The page that the PDF is made of."""
    picture = view.address.picture(wording._("Picture of this address, for a phone’s camera"))
    return template("poster.html").render(
        view=view, size=size.value, scale=scale, picture=picture, **Said(wording).known()
    )


# ---- handing it out: all of it is the definition's and the directory's ---------------------------------------------

_CALLS_MOST = 6
"""Numbers that a poster has room for."""


@dataclass(frozen=True, slots=True)
class Printable:
    """What can be printed here: sheets by key, in which languages; `missing`: what stands in the way."""

    has_poster: bool
    sheets: tuple[Sheet, ...]
    languages: tuple[str, ...]
    missing: str | None
    unverified: tuple[Answering, ...]
    """Numbers for a danger that nobody has found right yet: they are on no paper."""


def see_printable(ctx: AppContext, unit: Unit) -> Printable:
    """What can be printed for a school."""
    protocol, rules = current(ctx)
    found = [one for one in _contacts(ctx, protocol, unit, rules.numbers) if one.phone]
    return Printable(
        has_poster=rules.material is not None,
        sheets=tuple(rules.sheets.values()),
        languages=languages_of(protocol),
        missing=rendering.missing(),
        unverified=tuple(_answering(one) for one in found if one.verified_on is None),
    )


def see_poster(ctx: AppContext, actor: Actor, unit: str, kind: str, size: str, language: str, address: str) -> Handout:
    """The poster of a school's address, which stands below `address`. Raises Unseen, DocumentsUnavailable."""
    if size not in set(Size):
        raise Unseen(size)
    view, protocol = _printed(ctx, actor, unit, kind, address)
    data = poster(view, _voice(protocol, language), Size(size))
    return Handout(f"{view.unit.code}-{size}-{language}.pdf", data)


def see_leaflet(ctx: AppContext, actor: Actor, unit: str, kind: str, language: str, address: str) -> Handout:
    """The leaflet of a school. Raises Unseen, DocumentsUnavailable."""
    view, protocol = _printed(ctx, actor, unit, kind, address)
    return Handout(f"{view.unit.code}-{language}.pdf", leaflet(view, _voice(protocol, language)))


def _printed(ctx: AppContext, actor: Actor, unit: str, kind: str, address: str) -> tuple[Printed, Protocol]:
    """What is printed of a school's address of that kind, and of which definition. Raises Unseen."""
    doors = see_doors(ctx, actor, unit)
    door = next((one for one in (doors.public, doors.staff) if one is not None and one.kind == kind), None)
    if door is None:
        raise Unseen(kind)
    protocol, rules = current(ctx)
    if rules.material is None:
        raise Unseen("material")
    view = Printed(
        unit=door.unit,
        address=Address(f"{address}{door.code}"),
        material=rules.material,
        hours=rules.hours,
        after=after(protocol, rules.material),
        calls=_calls(ctx, protocol, rules, door.unit),
        made_at=ctx.now(),
    )
    return view, protocol


def see_sheet(ctx: AppContext, actor: Actor, unit: Unit, key: str, language: str) -> Handout:
    """What a family does about one kind of content, for whoever reads reports. Raises Unseen, DocumentsUnavailable."""
    protocol, rules = current(ctx)
    if key not in rules.sheets or roles_at(actor, unit).isdisjoint({*rules.reads, *rules.restricted_reads}):
        raise Unseen(key)
    sheet = rules.sheets[key]
    view = OrientationSheet(
        key=key,
        title=sheet.title,
        steps=sheet.advice,
        school=unit.names,
        services=tuple(_answering(one) for one in _contacts(ctx, protocol, unit, sheet.targets)),
        calls=_calls(ctx, protocol, rules, unit),
        request=sheet.request,
        made_at=ctx.now(),
    )
    return Handout(f"{key}-{language}.pdf", orientation_sheet(view, _voice(protocol, language)))


def after(protocol: Protocol, material: Material) -> tuple[AfterStep, ...]:
    """What happens after somebody has reported, each step with the deadline that the protocol sets for it."""
    return tuple(
        AfterStep(step.title, step.text, protocol.deadlines[step.deadline] if step.deadline else None)
        for step in material.after
    )


def _voice(protocol: Protocol, language: str) -> Wording:
    if language not in languages_of(protocol):
        raise Unseen(language)
    return Wording(language)


def _calls(ctx: AppContext, protocol: Protocol, rules: SignalementRules, unit: Unit) -> tuple[Answering, ...]:
    """Who is called in a danger: numbers that were found right, and that answer at any hour as far as is known."""
    found = [
        one
        for one in _contacts(ctx, protocol, unit, rules.numbers)
        if one.phone and one.verified_on is not None and (not one.hours or one.hours.get("always"))
    ]
    return tuple(_answering(one) for one in found[:_CALLS_MOST])


def _contacts(ctx: AppContext, protocol: Protocol, unit: Unit, targets: Iterable[str]) -> list[ContactRow]:
    """Contacts that serve a school, in the order of the targets; what is printed does not hang on the hour."""
    order = {key: place for place, key in enumerate(targets)}
    with ctx.directory.reading() as session:
        found = people_repository.contacts_of(session, unit.id)
    known = [(protocol.resolve("targets", one.target), one) for one in found]
    wanted = [(order[key], one) for key, one in known if key in order]
    return [one for _place, one in sorted(wanted, key=lambda pair: pair[0])]


def _answering(one: ContactRow) -> Answering:
    return Answering(one.names, phone=one.phone, url=one.url, hours=one.hours)
