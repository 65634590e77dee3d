"""The figures that a demo shows: an academy has issued those of each school year of which it has enough cases."""

from __future__ import annotations

from school_protocol.domain.policy import Actor
from school_protocol.services.figures import issuing, seeing
from school_protocol.services.house import House
from school_protocol.services.papers.apart import Here


def seed(house: House, issuer: Actor) -> None:
    """Ask for all that this person may issue, and work it out."""
    for place in seeing.places(house, issuer):
        key, code = place.protocol.protocol, place.unit.code
        for year, _last in issuing.see_options(house, issuer, key, code).years:
            issuing.ask(house, issuer, key, code, year, f"demo {code} {year}")
            while issuing.go_on(house, Here(house)):
                pass
