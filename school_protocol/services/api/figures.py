"""Figures by token: the releases that tell of its place, read through the one door of issued figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from school_protocol.documents.papers.figure_lines import figure_rows, figures_csv
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Unit
from school_protocol.services.api.reading import Bearer
from school_protocol.services.figures import seeing
from school_protocol.services.figures.seeing import ReleaseLine, Told
from school_protocol.services.house import House
from school_protocol.storage import directory
from school_protocol.wording import Wording

__all__ = ["ReleaseLine", "Told", "csv_of", "read_figures", "read_releases", "rows_of"]


def read_releases(house: House, bearer: Bearer, *, limit: int, after: str = "") -> tuple[tuple[ReleaseLine, ...], str]:
    """A page of the releases that tell of the token's place, newest first, and the last one where more follow.

    Raises Unseen where `after` is none of them.
    """
    found = seeing.releases_covering(house, bearer.unit)
    if after:
        places = [place for place, one in enumerate(found) if one.id == after]
        if not places:
            raise Unseen(after)
        found = found[places[0] + 1 :]
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


def read_figures(house: House, bearer: Bearer, release: str, code: str = "") -> Told:
    """What a release tells of the token's place, or of one below it; raises Unseen."""
    return seeing.see_told(house, _place(house, bearer.unit, code), release)


def rows_of(told: Told, wording: Wording) -> Iterator[Mapping[str, str | int | bool | None]]:
    """Every figure that is told, flat."""
    return figure_rows(told, wording)


def csv_of(told: Told, wording: Wording) -> bytes:
    """The same as a CSV file."""
    return figures_csv(told, wording)


def _place(house: House, unit: Unit, code: str) -> Unit:
    if not code:
        return unit
    with house.directory.reading() as session:
        found = directory.unit_coded(session, code.upper())
    if found is None or unit.id not in (found.id, *found.parents):
        raise Unseen(code)
    return found
