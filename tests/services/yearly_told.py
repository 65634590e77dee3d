"""A school's year of real cases: opened by people, some restricted, some from which the head is excluded."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pikepdf
from pypdf import PdfReader

from school_protocol.case_files.service import Issued
from school_protocol.statistics.yearly_report import Place, add_up, issue_yearly, see_yearly
from school_protocol.statistics.yearly_rules import Counts, Period
from services.conftest import School

SCHOOL = "00000A"
YEAR = 2026
CAME = ("pupil",) * 8 + ("parent",) * 5 + ("seen",)
"""How each case became known."""


def a_year(school: School, *, over: bool = True) -> School:
    """Fourteen cases; of eight it is known where it happens, in six a danger is raised. Then the year ends."""
    for number, came in enumerate(CAME):
        more: dict[str, Any] = {}
        if number == 3:
            more["must_not_read"] = [school.account("head")]
        if number == 5:
            more["adult_concerned"] = "yes"
        school.report(how_it_came=came, **more)
        if number != 5 and number < 9:
            places = ["whatsapp", "instagram"] if number < 2 else ["whatsapp"]
            school.act("team_member", "report_more", platforms=places, out_of_school="no")
        if number >= 8:
            school.act("team_member", "raise_danger", which_danger="home_danger")
    if over:
        school.wait(days=290)
    return school


def told(school: School) -> tuple[Place, Period]:
    """Of which school and time the report of that year speaks now."""
    options = see_yearly(school.ctx, school.person("head"), SCHOOL)
    line = next(one for one in options.years if one.year == YEAR)
    assert line.period
    return options.place, line.period


def added_up(school: School) -> Counts:
    """What is counted for it, before anything is withheld."""
    return add_up(school.ctx, *told(school)).counts


def issue(school: School, who: str = "head", language: str = "fr", *, token: str = "", year: int = YEAR) -> Issued:
    return issue_yearly(school.ctx, school.person(who), SCHOOL, year, language, token=token or school.token())


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages).replace(
        "\xa0", " "
    )


def files_in(pdf: bytes) -> dict[str, bytes]:
    with pikepdf.open(BytesIO(pdf)) as document:
        return {name: one.get_file().read_bytes() for name, one in document.attachments.items()}
