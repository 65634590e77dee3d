"""What is printed for pupils and parents: the poster and the leaflet of a school's address, sheets for families.

All of it is the definition's and the directory's: no report and no case is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from school_protocol.documents import rendering
from school_protocol.documents.papers.leaflet import AfterStep, Leaflet, leaflet
from school_protocol.documents.papers.orientation_sheet import OrientationSheet, orientation_sheet
from school_protocol.documents.papers.poster import Poster, Size, poster
from school_protocol.documents.papers.telling import Address, Answering
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.signalement_material import Material
from school_protocol.domain.signalement_rules import Sheet, SignalementRules
from school_protocol.services.handed_out import Handout, languages_of
from school_protocol.services.house import House
from school_protocol.services.signalement.doors import Door, see_doors
from school_protocol.services.signalement.known import current, roles_at
from school_protocol.storage import directory
from school_protocol.wording import Wording

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


def see_printable(house: House, unit: Unit) -> Printable:
    """What can be printed for a school."""
    protocol, rules = current(house)
    found = [one for one in _contacts(house, protocol, unit, rules.numbers) if one.phone]
    return Printable(
        has_poster=rules.material is not None,
        sheets=tuple(rules.sheets.values()),
        languages=languages_of(protocol),
        missing=rendering.missing(),
        unverified=tuple(_answering(one) for one in found if one.verified_on is None),
    )


def see_poster(house: House, actor: Actor, unit: str, kind: str, size: str, language: str, address: str) -> Handout:
    """The poster of a school's address, which stands below `address`. Raises Unseen, DocumentsUnavailable."""
    door = _standing(house, actor, unit, kind)
    protocol, rules, material = _material(house)
    if size not in set(Size):
        raise Unseen(size)
    view = Poster(
        school=door.unit.names,
        address=Address(f"{address}{door.code}"),
        motto=material.motto,
        call=material.call,
        promise=material.promise,
        adult=material.adult,
        hours=rules.hours,
        calls=_calls(house, protocol, rules, door.unit),
        made_at=house.now(),
    )
    data = poster(view, _voice(protocol, language), Size(size))
    return Handout(f"{door.unit.code}-{size}-{language}.pdf", data)


def see_leaflet(house: House, actor: Actor, unit: str, kind: str, language: str, address: str) -> Handout:
    """The leaflet of a school. Raises Unseen, DocumentsUnavailable."""
    door = _standing(house, actor, unit, kind)
    protocol, rules, material = _material(house)
    view = Leaflet(
        school=door.unit.names,
        address=Address(f"{address}{door.code}"),
        motto=material.motto,
        call=material.call,
        promise=material.promise,
        adult=material.adult,
        hours=rules.hours,
        what=material.what,
        do=material.do,
        never=material.never,
        family=material.family,
        after=after(protocol, material),
        calls=_calls(house, protocol, rules, door.unit),
        made_at=house.now(),
    )
    return Handout(f"{door.unit.code}-{language}.pdf", leaflet(view, _voice(protocol, language)))


def see_sheet(house: House, actor: Actor, unit: Unit, key: str, language: str) -> Handout:
    """What a family does about one kind of content, for whoever reads reports. Raises Unseen, DocumentsUnavailable."""
    protocol, rules = current(house)
    if key not in rules.sheets or roles_at(actor, unit).isdisjoint({*rules.reads, *rules.restricted_reads}):
        raise Unseen(key)
    sheet = rules.sheets[key]
    view = OrientationSheet(
        key=key,
        title=sheet.title,
        steps=sheet.advice,
        school=unit.names,
        services=tuple(_answering(one) for one in _contacts(house, protocol, unit, sheet.targets)),
        calls=_calls(house, protocol, rules, unit),
        request=sheet.request,
        made_at=house.now(),
    )
    return Handout(f"{key}-{language}.pdf", orientation_sheet(view, _voice(protocol, language)))


def after(protocol: Protocol, material: Material) -> tuple[AfterStep, ...]:
    """What happens after somebody has reported, each step with the deadline that the protocol sets for it."""
    return tuple(
        AfterStep(step.title, step.text, protocol.deadlines[step.deadline] if step.deadline else None)
        for step in material.after
    )


def _standing(house: House, actor: Actor, unit: str, kind: str) -> Door:
    doors = see_doors(house, actor, unit)
    found = next((one for one in (doors.public, doors.staff) if one is not None and one.kind == kind), None)
    if found is None:
        raise Unseen(kind)
    return found


def _material(house: House) -> tuple[Protocol, SignalementRules, Material]:
    protocol, rules = current(house)
    if rules.material is None:
        raise Unseen("material")
    return protocol, rules, rules.material


def _voice(protocol: Protocol, language: str) -> Wording:
    if language not in languages_of(protocol):
        raise Unseen(language)
    return Wording(language)


def _calls(house: House, protocol: Protocol, rules: SignalementRules, unit: Unit) -> tuple[Answering, ...]:
    """Who is called in a danger: numbers that were found right, and that answer at any hour as far as is known."""
    found = [
        one
        for one in _contacts(house, protocol, unit, rules.numbers)
        if one.phone and one.verified_on is not None and (not one.hours or one.hours.get("always"))
    ]
    return tuple(_answering(one) for one in found[:_CALLS_MOST])


def _contacts(house: House, protocol: Protocol, unit: Unit, targets: Iterable[str]) -> list[directory.Contact]:
    """Contacts that serve a school, in the order of the targets; what is printed does not hang on the hour."""
    order = {key: place for place, key in enumerate(targets)}
    with house.directory.reading() as session:
        found = directory.contacts(session, unit.id)
    known = [(protocol.resolve("targets", one.target), one) for one in found]
    wanted = [(order[key], one) for key, one in known if key in order]
    return [one for _place, one in sorted(wanted, key=lambda pair: pair[0])]


def _answering(one: directory.Contact) -> Answering:
    return Answering(one.names, phone=one.phone, url=one.url, hours=one.hours)
