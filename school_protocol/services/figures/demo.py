"""The figures that a demo shows: issued of each school year of which there are enough cases, and of one of them again.

One of these releases is on the page for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from school_protocol.domain.closed_choices import CASES
from school_protocol.domain.figure_tables import TOTALS, school_year
from school_protocol.domain.policy import Actor
from school_protocol.services.figures import counting, issuing, seeing
from school_protocol.services.figures.seeing import Place
from school_protocol.services.house import House
from school_protocol.services.papers.apart import Here

ENOUGH = 40
"""So many cases at least are there of a school year that is asked for."""


def seed(house: House, issuer: Actor) -> None:
    """Issue what this person may, of each school year of which there is enough; the earliest is for everybody."""
    for place in seeing.places(house, issuer):
        issued = [_issue(house, issuer, place, year, "first") for year in sorted(_years(house, issuer, place))]
        if issued:
            issuing.set_public(house, issuer, issued[0], is_public=True)


def again(house: House, issuer: Actor) -> None:
    """Issue the latest of these school years once more, with what came in since."""
    for place in seeing.places(house, issuer):
        years = sorted(_years(house, issuer, place))
        if years:
            _issue(house, issuer, place, years[-1], "again")


def _years(house: House, issuer: Actor, place: Place) -> Iterator[int]:
    key, code = place.protocol.protocol, place.unit.code
    for year, _last in issuing.see_options(house, issuer, key, code).years:
        counts = counting.counted(house, key, place.unit.id, school_year(place.rules.begins, year))
        if counts.at((TOTALS, CASES), place.unit.id) >= ENOUGH:
            yield year


def _issue(house: House, issuer: Actor, place: Place, year: int, press: str) -> str:
    key, code = place.protocol.protocol, place.unit.code
    job = issuing.ask(house, issuer, key, code, year, f"demo {code} {year} {press}")
    while issuing.go_on(house, Here(house)):
        pass
    return job
