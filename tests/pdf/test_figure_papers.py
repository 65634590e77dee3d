"""The pages of a release of figures and of a pack for a visit: tables that software can follow, bars that mirror."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf.rendering import render
from school_protocol.statistics.noise import TABLE
from school_protocol.statistics.release_files import (
    ABSENT,
    FigureReport,
    YearLines,
    YearsReport,
    figure_report,
    report_html,
    years_report,
    years_report_html,
)
from school_protocol.statistics.rules import (
    TOTALS,
    Band,
    FigureTable,
    ReleaseLine,
    ReleasePeriod,
    Told,
    UnitFigures,
    school_year,
    tables_of,
)
from school_protocol.supervision.regional_teams import MemberLine
from school_protocol.supervision.repository import Action
from school_protocol.supervision.team_rules import Span, TeamFigures, TimeLine, WaitLine
from school_protocol.supervision.team_statistics import GridLine, TeamWorkshops
from school_protocol.supervision.visit_pack import Counted, VisitPack, visit_pack, visit_pack_html
from school_protocol.supervision.visit_service import VisitView

from . import tags
from .archive import not_accessible, not_archival, not_sound
from .printed import pages, squeezed
from .test_papers import ABOVE, SCHOOL

LANGUAGES = ("fr", "ar", "en")
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
MONTHS = ReleasePeriod(2025, 1).months(9)
GREEN = (0x0B / 255, 0x5D / 255, 0x57 / 255)
TALL = 2.4 * 72 / 25.4
"""In which bars are painted, and how tall they are, in points."""
WIDE = 595
"""A page, in points."""


def told_of(tables: Sequence[FigureTable], most: int) -> dict[str, Any]:
    """Everything that a release tells: the rows' counts go down, and a last wait is of too few."""
    cells: dict[str, dict[str, dict[str, int]]] = {
        TOTALS: {one: {"": number} for one, number in ((CASES, most), (DANGERS, most // 4), (REFERRALS, most // 5))}
    }
    cells[TOTALS][CASES] |= {month: 30 - place for place, month in enumerate(MONTHS)}
    for table in (one for one in tables if one.kind == "rows"):
        cells[table.key] = {row.key: {"": max(most // 2 - 20 * place, 0)} for place, row in enumerate(table.rows)}
    times = [one for one in tables if one.kind == "times"]
    return {
        "cells": cells,
        "shares": {one.key: {"": [60, 50, 75]} for one in tables if one.kind == "share"},
        "medians": {one.key: {"": one.rows[1].key} for one in times[:-1]},
    }


def release(moroccan: Protocol) -> FigureReport:
    """An academy with a province below it."""
    tables = tables_of(moroccan)
    line = ReleaseLine(
        id="r1", protocol=moroccan.protocol, version=1, definition="0" * 64, unit=ABOVE[1], number=2,
        period=ReleasePeriod(2025, 1), drawing=1, months=MONTHS, counted_at=NOW, issued_at=NOW, by="a", role="academy",
        former="", is_latest=True, is_public=False,
    )  # fmt: skip
    own, child = UnitFigures(ABOVE[1], told_of(tables, 240)), UnitFigures(ABOVE[0], told_of(tables, 90))
    return FigureReport(Told(line, tables, own, (child,)), moroccan, (ABOVE[2],), "Nadia B.")


def years(moroccan: Protocol, count: int = 2) -> YearsReport:
    """That academy in so many school years; the first one had no table of levels."""
    told = release(moroccan).told
    each = [
        replace(
            told,
            line=replace(told.line, id=f"r{year}", period=ReleasePeriod(year), months=school_year(9, year).months),
        )
        for year in range(2026 - count, 2026)
    ]
    cells = {table: rows for table, rows in told.unit.told["cells"].items() if table != "levels"}
    unit = replace(told.unit, told={**told.unit.told, "cells": cells})
    each[0] = replace(each[0], unit=unit, tables=tuple(one for one in told.tables if one.key != "levels"))
    return YearsReport(tuple(each), moroccan, (ABOVE[2],))


def pack(moroccan: Protocol, cases: int) -> VisitPack:
    """A school with so many open cases, in tens, and a last visit; with none, one of which nothing is known."""
    rules = moroccan.figures
    assert rules is not None
    stage = next(iter(moroccan.stages.values())).title
    grid = next(iter(moroccan.grids.values())).levels
    waits = tuple(WaitLine(key, one.title, one.unit, True, None, 2) for key, one in rules.waits.items())
    times = tuple(TimeLine(key, moroccan.deadlines[key].title, (50, 75)) for key in rules.in_time)
    figures = TeamFigures(Band(20), Band(0), Band(10), Band(0), waits, times, (75, 100))
    figures = figures if cases else TeamFigures(Band(0))
    agreed = Action("Afficher le code", "M. Alami", date(2026, 12, 1))
    visit = VisitView(
        visit="v1", number=1, unit=SCHOOL, held_on=date(2026, 10, 1), came="Nadia B.", by="Nadia B.",
        remarks="Un local fermé.\nقاعة مغلقة.", actions=(agreed,), protocol=moroccan, role="academy", at=NOW,
        kind="recorded",
    )  # fmt: skip
    span, grid_title = Span(2026, 0, None, NOW, NOW), next(iter(moroccan.grids.values())).title
    played = TeamWorkshops(span, 2, (GridLine(grid_title, Band(10), (50, 100)),))
    member = next(key for key, role in moroccan.roles.items() if role.trained)
    return VisitPack(
        protocol=moroccan,
        unit=SCHOOL,
        places=ABOVE,
        as_of=NOW,
        members=(MemberLine("Salma B.", moroccan, member, True, date(2027, 1, 1), False, False),) if cases else (),
        trained=1,
        wanted=3,
        open_cases=Band(cases) if cases else None,
        stages=(Counted(stage, Band(cases)),) if cases else (),
        levels=(Counted(next(iter(grid.values())).title, Band(0)), Counted(None, Band(cases))) if cases else (),
        late=(Counted(next(iter(moroccan.deadlines.values())).title, Band(0)),) if cases else (),
        observations=Band(0) if cases else None,
        silent=None,
        span=span,
        figures=figures,
        played=played if cases else TeamWorkshops(span, 0, ()),
        visit=visit if cases else None,
    )  # fmt: skip


def papers(moroccan: Protocol, language: str) -> dict[str, tuple[bytes, str]]:
    """Each paper, and the page of which it is made."""
    w, told = Wording(language), release(moroccan)
    side_by_side = years(moroccan)
    return {
        "figures": (figure_report(told, w), report_html(told, w)),
        "years": (years_report(side_by_side, w), years_report_html(side_by_side, w)),
        "pack": (visit_pack(pack(moroccan, 20), w), visit_pack_html(pack(moroccan, 20), w)),
        "bare pack": (visit_pack(pack(moroccan, 0), w), visit_pack_html(pack(moroccan, 0), w)),
    }


# ---- what software can follow --------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_papers_are_tagged_as_their_pages_say_archival_and_accessible(
    moroccan: Protocol, tmp_path: Path, language: str
) -> None:
    for name, (data, html) in papers(moroccan, language).items():
        assert {one: faults for one, faults in tags.faults(data, html).items() if faults} == {}, name
        assert "%(" not in html
        assert not_archival(data, tmp_path) == set(), name
        assert not_accessible(data, tmp_path) == set(), name
        assert not_sound(data) == [], name


@pytest.mark.exhaustive(but=("pack",))
@pytest.mark.parametrize("name", ["figures", "years", "pack"])
def test_a_table_without_header_cells_would_be_found(moroccan: Protocol, name: str) -> None:
    """The planted control: the same page, its row headers made into data."""
    _data, html = papers(moroccan, "fr")[name]
    bare = re.sub(r'<th scope="(?:row|col)"([^>]*)>(.*?)</th>', r"<td\1>\2</td>", html)
    assert bare != html
    made = render(bare, title="t", language="fr-FR", identifier="x", moment=NOW, accessible=True)
    assert tags.faults(made, bare)["tables"]


# ---- what stands on them -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_report_says_whose_figures_they_are_and_what_they_bear(moroccan: Protocol) -> None:
    said = "".join(pages(figure_report(release(moroccan), Wording("fr"))))
    for wanted in ("Académie de Rabat", "2025–2026, premier trimestre", "Nadia B.", "Direction provinciale de Salé",
                   "240", "environ 60 % (50 % à 75 %)", "95 sur 100 s’écartent de 4 au plus", "septembre 2025",
                   "Communiqué à partir de 20 dossiers : Jusqu’à la fin du dossier"):  # fmt: skip
        assert squeezed(wanted) in said, wanted


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_ends_with_the_method_and_its_whole_table_on_two_pages(moroccan: Protocol, language: str) -> None:
    every = pages(figure_report(release(moroccan), Wording(language)))
    first = next(place for place, page in enumerate(every) if "HMAC-SHA256" in page)
    assert len(every) - first <= 2
    last = "".join(every[first:])
    for row in TABLE:
        assert all(str(chance) in last for chance in row)


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_years_on_paper_are_the_lines_of_the_page(moroccan: Protocol, language: str) -> None:
    """Row by row, six years of them: what each year tells stands there in the order of the years."""
    view, w = years(moroccan, 6), Wording(language)
    html = re.sub(r"</?(?:bdi|span)[^>]*>", "", years_report_html(view, w))
    found = re.findall(r'<tr><th scope="row">([^<]*)</th>((?:<td>[^<]*</td>)+)</tr>', html)
    told = [(row, list(said)) for table in YearLines(view.told, w).tables() for row, said in table.rows]
    assert [(unescape(row), re.findall(r"<td>([^<]*)</td>", said)) for row, said in found[6:]] == told
    assert any(said[-1] == ABSENT != said[0] for _row, said in told)
    assert re.findall(r'<th scope="col">(\d+–\d+)</th>', html)[:6] == [
        f"{year}–{year + 1}" for year in range(2025, 2019, -1)
    ]


def small_pack(moroccan: Protocol, *, is_awaited: bool = False) -> VisitPack:
    """A team of four with few cases, and a visit at which two things were agreed: as most schools are."""
    view = pack(moroccan, 20)
    assert view.visit is not None
    members = tuple(replace(view.members[0], name=f"Nadia El Fassi {number}") for number in range(4))
    return replace(
        view, members=(replace(members[0], is_awaited=is_awaited), *members[1:]), stages=(), levels=(), late=None,
        open_cases=Band(0), figures=TeamFigures(Band(0)), played=TeamWorkshops(view.span, 0, ()),
        visit=replace(view.visit, actions=view.visit.actions * 2),
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pack_of_a_small_team_is_a_page_and_one_for_notes(moroccan: Protocol, language: str) -> None:
    w = Wording(language)
    first, notes = pages(visit_pack(small_pack(moroccan), w))
    if language != "ar":  # what is read out of a page runs there from left to right
        words = squeezed(
            w._(
                "Figures over a time go by tens, and shares in steps, so that nobody is recognised. "
                "They rank nobody: few cases are no merit."
            )
        )
        assert words[:30] not in first
        assert words[:30] in notes


def test_a_pack_says_who_has_not_signed_in_and_how_many_follow_ups_were_held(moroccan: Protocol) -> None:
    w = Wording("fr")
    assert squeezed(w._("Not signed in yet")) in pages(visit_pack(small_pack(moroccan, is_awaited=True), w))[0]
    assert squeezed(w._("Not signed in yet")) not in pages(visit_pack(small_pack(moroccan), w))[0]
    said = "".join(pages(visit_pack(pack(moroccan, 20), w)))
    assert squeezed(f"{w._('follow-ups held, of those due so far')}75 % à 100 %") in said


def test_a_pack_says_where_nothing_is_known(moroccan: Protocol) -> None:
    said = "".join(pages(visit_pack(pack(moroccan, 0), Wording("fr"))))
    for wanted in ("Dossiers ouverts comptés ici", "aucun", "n’a pas d’équipe"):
        assert squeezed(wanted) in said, wanted
    assert squeezed("Par étape") not in said


# ---- bars ----------------------------------------------------------------------------------------------------------


def bars(data: bytes) -> list[tuple[float, float]]:
    """Of every bar that is painted, from where to where it lies on its page, in points from the left."""
    found: list[tuple[float, float]] = []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            found += _painted(page)
    return found


def _painted(page: Any) -> list[tuple[float, float]]:
    at, fill = (1.0, 0.0), tuple[float, ...]()
    stack: list[Any] = []
    waiting: list[tuple[float, float]] = []
    found: list[tuple[float, float]] = []
    for one in pikepdf.parse_content_stream(page):
        operands, operator = one.operands, one.operator
        match str(operator):
            case "q":
                stack.append((at, fill))
            case "Q":
                at, fill = stack.pop()
            case "cm":
                scale, move = float(operands[0]), float(operands[4])
                at = (at[0] * scale, at[1] + at[0] * move)
            case "rg":
                fill = tuple(float(one) for one in operands)
            case "re":
                left, _top, width, height = (float(one) for one in operands)
                if abs(abs(at[0] * height) - TALL) < 0.5:
                    waiting.append((at[1] + at[0] * left, at[1] + at[0] * (left + width)))
            case "f" | "f*":
                if len(fill) == 3 and all(abs(part - wanted) < 0.01 for part, wanted in zip(fill, GREEN, strict=True)):
                    found += waiting
                waiting = []
            case "n" | "S" | "W":
                waiting = waiting if str(operator) == "W" else []
    return found


@pytest.mark.exhaustive
def test_bars_are_as_long_as_their_figures_and_mirror_in_arabic(moroccan: Protocol) -> None:
    told = {language: bars(figure_report(release(moroccan), Wording(language))) for language in ("fr", "ar")}
    assert len(told["fr"]) == len(told["ar"]) > 20
    lengths = {language: [round(right - left, 1) for left, right in found] for language, found in told.items()}
    assert lengths["fr"] == lengths["ar"]
    assert len(set(lengths["fr"])) > 3
    starts = {round(left) for left, _right in told["fr"]}
    ends = {round(right) for _left, right in told["ar"]}
    assert len(starts) == len(ends) == 1, "each begins where its line begins"
    assert len({round(left) for left, _right in told["ar"]}) > 3
    assert abs(min(starts) + max(ends) - WIDE) < 2, (
        "as far from the right of a page in Arabic as from its left in French"
    )
