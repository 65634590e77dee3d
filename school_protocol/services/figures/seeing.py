"""Figures that were issued, as those read them who may: by unit, release by release; never what is withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from school_protocol.domain.errors import Unseen
from school_protocol.domain.figure_releases import Changed, ReleaseLine, Told, UnitTold, changes, tables_from_data
from school_protocol.domain.figure_rules import FigureRules
from school_protocol.domain.figure_tables import own_part, unit_of
from school_protocol.domain.policy import Actor, Unit, UnitKind
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import REALM, House
from school_protocol.services.loading import account_names
from school_protocol.storage import directory
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import releases
from school_protocol.storage.figures.releases import Issued, ToldOf

__all__ = ["Place", "ReleaseLine", "Told", "UnitTold", "may_see", "places", "releases_covering", "see_told"]


@dataclass(frozen=True, slots=True)
class Place:
    """A unit whose figures this person reads, of one protocol, in a role; `may_issue`: and issues."""

    unit: Unit
    protocol: Protocol
    role: str
    may_issue: bool

    @property
    def rules(self) -> FigureRules:
        assert self.protocol.figures is not None
        return self.protocol.figures


# ---- who reads them ------------------------------------------------------------------------------------------------


def may_see(house: House, actor: Actor) -> bool:
    """Whether this person reads or issues figures of any unit. Figures are of the real realm alone."""
    return any(True for _one in _held(house, actor)) and house.name == REALM == actor.realm


def places(house: House, actor: Actor) -> tuple[Place, ...]:
    """The units in which this person reads or issues figures, the widest first."""
    if not may_see(house, actor):
        return ()
    found: dict[tuple[str, str], Place] = {}
    held = list(_held(house, actor))
    with house.directory.reading() as session:
        units = directory.units(session, sorted({unit for _protocol, unit, _role, _issues in held}))
    for protocol, unit, role, issues in held:
        may_issue = issues and units[unit].kind is not UnitKind.school
        key = (protocol.protocol, unit)
        if key not in found or (may_issue and not found[key].may_issue):
            found[key] = Place(units[unit], protocol, role, may_issue)
    return tuple(sorted(found.values(), key=lambda one: (len(one.unit.parents), one.unit.code, one.protocol.protocol)))


def place_of(house: House, actor: Actor, protocol: str, code: str) -> Place:
    """That unit, for whoever reads its figures or those of one above it. Raises Unseen."""
    with house.directory.reading() as session:
        unit = directory.unit_coded(session, code)
    own = [one for one in places(house, actor) if one.protocol.protocol == protocol]
    if unit is None:
        raise Unseen(code)
    for place in own:
        if place.unit.id == unit.id:
            return place
    above = next((place for place in own if place.unit.id in unit.parents), None)
    if above is None:
        raise Unseen(code)
    return Place(unit, above.protocol, above.role, may_issue=False)


def _held(house: House, actor: Actor) -> Iterator[tuple[Protocol, str, str, bool]]:
    for protocol in house.library.current():
        rules = protocol.figures
        for held in actor.appointments if rules is not None else ():
            assert rules is not None
            if held.role in (*rules.reads, *rules.issues):
                yield protocol, held.unit, held.role, held.role in rules.issues


# ---- releases ------------------------------------------------------------------------------------------------------


def releases_covering(house: House, unit: Unit, protocol: str = "") -> tuple[ReleaseLine, ...]:
    """The releases that have this unit, the newest first."""
    with house.directory.reading() as session:
        found = [one for one in releases.covering(session, unit.id) if protocol in ("", one.protocol)]
        return _lines(session, found)


def release_of(house: House, unit: Unit, release_id: str) -> ReleaseLine:
    """One of those. Raises Unseen."""
    found = next((one for one in releases_covering(house, unit) if one.id == release_id), None)
    if found is None:
        raise Unseen(release_id)
    return found


def see_told(house: House, unit: Unit, release_id: str) -> Told:
    """What a release tells of a unit and of those right below it. Raises Unseen."""
    with house.directory.reading() as session:
        return _told(session, releases.release(session, release_id), unit)


def see_changes(house: House, told: Told) -> tuple[ReleaseLine, tuple[Changed, ...]] | None:
    """The release that this one follows, and what it told otherwise of this unit; None: it is the first one."""
    if not told.line.former:
        return None
    with house.directory.reading() as session:
        former = releases.release(session, told.line.former)
        if releases.told(session, former.id, told.unit.unit.id) is None:
            return None
        before = _told(session, former, told.unit.unit)
    return before.line, changes(before, told)


@dataclass(frozen=True, slots=True)
class FiguresView:
    """A unit's page: the releases that have it, the one that is shown, what it tells otherwise than the one before."""

    place: Place
    lines: tuple[ReleaseLine, ...]
    told: Told | None
    former: ReleaseLine | None
    changed: tuple[Changed, ...]
    by: str
    """Who issued what is shown."""
    above: Unit | None
    """The unit right above, where this person reads its figures too."""

    @property
    def has_years(self) -> bool:
        """Whether more than one school year can be read."""
        return len({line.year for line in self.lines}) > 1


def see_figures(house: House, actor: Actor, protocol: str, code: str, release: str = "") -> FiguresView:
    """The latest release that has a unit, or that one. Raises Unseen."""
    place = place_of(house, actor, protocol, code)
    lines = releases_covering(house, place.unit, protocol)
    shown = next((one for one in lines if one.id == release), None) if release else next(iter(lines), None)
    if release and shown is None:
        raise Unseen(release)
    told = see_told(house, place.unit, shown.id) if shown else None
    before = see_changes(house, told) if told else None
    names = account_names(house, [shown.by], actor.language) if shown else {}
    return FiguresView(
        place=place,
        lines=lines,
        told=told,
        former=before[0] if before else None,
        changed=before[1] if before else (),
        by=names.get(shown.by, "—") if shown else "",
        above=_above(house, actor, place),
    )


MOST_YEARS = 6
"""From the latest school year of which something was issued back."""


@dataclass(frozen=True, slots=True)
class YearsView:
    """What the latest release of each school year tells of a unit, the earliest year first; of MOST_YEARS at most."""

    place: Place
    told: tuple[Told, ...]


def see_years(house: House, actor: Actor, protocol: str, code: str) -> YearsView:
    """School years side by side, as they were issued; a place above may have issued some. Raises Unseen."""
    place = place_of(house, actor, protocol, code)
    latest: dict[int, ReleaseLine] = {}
    for line in releases_covering(house, place.unit, protocol):
        latest.setdefault(line.year, line)
    years = [year for year in sorted(latest) if year > max(latest) - MOST_YEARS]
    return YearsView(place, tuple(see_told(house, place.unit, latest[year].id) for year in years))


def _above(house: House, actor: Actor, place: Place) -> Unit | None:
    reads = {one.unit.id for one in places(house, actor) if one.protocol.protocol == place.protocol.protocol}
    if not place.unit.parents or reads.isdisjoint(place.unit.parents):
        return None
    with house.directory.reading() as session:
        return directory.unit(session, place.unit.parents[0])


def see_public(house: House) -> tuple[ReleaseLine, ...]:
    """The releases that are on the page for everybody, the newest first."""
    with house.directory.reading() as session:
        return _lines(session, releases.public(session))


def has_public(house: House) -> bool:
    """Whether anything is on the page for everybody."""
    with house.directory.reading() as session:
        return bool(releases.public_ids(session))


def see_public_told(house: House, release_id: str) -> Told:
    """What everybody is told of a release: of its own unit alone. Raises Unseen."""
    with house.directory.reading() as session:
        if release_id not in releases.public_ids(session):
            raise Unseen(release_id)
        issued = releases.release(session, release_id)
        return _told(session, issued, directory.unit(session, issued.unit)).for_everybody()


def _told(session: Session, issued: Issued, unit: Unit) -> Told:
    own = releases.told(session, issued.id, unit.id)
    if own is None:
        raise Unseen(issued.id)
    below = releases.told_below(session, issued.id, unit.id)
    units = directory.units(session, sorted({unit_of(one.unit) for one in below}))
    (line,) = _lines(session, [issued])
    children = sorted((_unit_told(one, units[unit_of(one.unit)]) for one in below), key=lambda one: one.code)
    return Told(line, tables_from_data(issued.tables), _unit_told(own, unit), tuple(children))


def _unit_told(told: ToldOf, unit: Unit) -> UnitTold:
    return UnitTold(unit, told.unit == own_part(unit.id), told.told)


def _lines(session: Session, found: Sequence[Issued]) -> tuple[ReleaseLine, ...]:
    units = directory.units(session, sorted({one.unit for one in found}))
    public = releases.public_ids(session)
    return tuple(
        ReleaseLine(
            id=one.id,
            protocol=one.protocol,
            version=one.version,
            definition=one.definition,
            unit=units[one.unit],
            number=one.edition,
            year=one.year,
            months=one.months,
            counted_at=one.counted_at,
            issued_at=one.issued_at,
            by=one.actor,
            role=one.role,
            former=one.former or "",
            is_latest=_is_latest(session, one),
            is_public=one.id in public,
        )
        for one in found
    )


def _is_latest(session: Session, issued: Issued) -> bool:
    return releases.latest_id(session, issued.protocol, issued.unit, issued.year) == issued.id
