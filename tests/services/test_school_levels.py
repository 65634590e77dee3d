"""Lists of schools say of which level each is; teams are then found by it."""

from __future__ import annotations

import pytest

from school_protocol.auth import repository as auth_repository
from school_protocol.language import Wording
from school_protocol.people import presenters as people_presenters
from school_protocol.people import repository
from school_protocol.people import repository as people_repository
from school_protocol.people.teams import TeamRefused

from .test_staff import Office
from .test_staff import office as office
from .test_staff_lists import Clerk

HEAD = "type;code gresa;rattachement;nom;cycle"


@pytest.fixture
def clerk(office: Office) -> Clerk:
    return Clerk(office)


def brought(clerk: Clerk, *lines: str) -> str:
    return clerk.bring("\r\n".join((HEAD, *lines)) + "\r\n")


def levels(clerk: Clerk, *codes: str) -> list[str]:
    with clerk.ctx.directory.reading() as session:
        units = [auth_repository.unit_coded(session, code) for code in codes]
        found = people_repository.levels(session, [unit.id for unit in units if unit])
        return [found.get(unit.id, "") if unit else "?" for unit in units]


@pytest.mark.parametrize(
    ("said", "level"),
    [("Primaire", "primary"), ("COLLÉGIAL", "lower"), ("Qualifiant", "upper"), ("الثانوي الإعدادي", "lower"), ("", "")],
)
def test_a_school_comes_with_its_place_and_level(clerk: Clerk, said: str, level: str) -> None:
    clerk.confirm(brought(clerk, f"école;01234C;REHEARSAL-P;Al Amal;{said}"))
    assert levels(clerk, "01234C") == [level]


def test_a_school_that_is_there_changes_its_level_and_says_from_what_to_what(clerk: Clerk) -> None:
    clerk.confirm(brought(clerk, "école;01234C;REHEARSAL-P;Al Amal;primaire"))
    batch = brought(clerk, "école;01234C;;;collège", "école;00000A;;;lycée")
    assert [verdict for verdict, _said in clerk.said(batch)] == ["changed", "changed"]
    assert [list(line.said) for line in clerk.see(batch).lines] == [
        [["level", "primary", "lower"]], [["level", "", "upper"]],
    ]  # fmt: skip
    clerk.confirm(batch)
    assert levels(clerk, "01234C", "00000A") == ["lower", "upper"]
    again = brought(clerk, "école;01234C;;;collège", "école;00000A;;;")
    assert [verdict for verdict, _said in clerk.said(again)] == ["unchanged", "unchanged"]


def test_a_level_that_is_not_known_or_is_no_schools_is_refused_and_the_whole_list_with_it(clerk: Clerk) -> None:
    batch = brought(
        clerk,
        "école;01234C;REHEARSAL-P;Al Amal;primaire",
        "école;01235C;REHEARSAL-P;Autre;maternelle",
        "province;ZP9;REHEARSAL-R;Province;primaire",
    )
    said = {line.cells["code"]: (line.verdict.value, tuple(line.said)) for line in clerk.see(batch).lines}
    made = (
        ["kind", "", "school"], ["level", "", "primary"], ["parent", "", "REHEARSAL-P\nProvince\nProvince"],
        ["name_fr", "", "Al Amal"],
    )  # fmt: skip
    assert said == {
        "01234C": ("new", made),
        "01235C": ("refused", ("unknown_level",)),
        "ZP9": ("refused", ("level_of_no_school",)),
    }
    with pytest.raises(TeamRefused):
        clerk.confirm(batch)
    assert levels(clerk, "01234C", "01235C", "ZP9") == ["?", "?", "?"]
    mended = ("école;01234C;REHEARSAL-P;Al Amal;primaire", "école;01235C;REHEARSAL-P;Autre;collège")
    clerk.confirm(brought(clerk, *mended))
    assert levels(clerk, "01234C", "01235C") == ["primary", "lower"]


def test_a_school_comes_with_its_town_which_changes_from_what_to_what(clerk: Clerk) -> None:
    head = "type;code gresa;rattachement;nom;commune"
    clerk.confirm(clerk.bring(f"{head}\r\nécole;01234C;REHEARSAL-P;Al Amal;Salé\r\n"))
    with clerk.ctx.directory.reading() as session:
        unit = auth_repository.unit_coded(session, "01234C")
        assert unit is not None
        assert repository.city_of(session, unit.id) == "Salé"
    batch = clerk.bring(f"{head}\r\nécole;01234C;;;Bouknadel\r\nécole;00000A;;;\r\n")
    assert [list(line.said) for line in clerk.see(batch).lines] == [[["city", "Salé", "Bouknadel"]], []]
    clerk.confirm(batch)
    with clerk.ctx.directory.reading() as session:
        assert repository.city_of(session, unit.id) == "Bouknadel"
    long = clerk.bring(f"{head}\r\nécole;01234C;;;{'x' * 61}\r\n")
    assert clerk.said(long) == [("refused", ("too_long:60",))]


def test_what_changes_is_said_in_words(clerk: Clerk) -> None:
    line = clerk.see(brought(clerk, "école;00000A;;;lycée")).lines[0]
    for language, words in (("fr", "Lycée"), ("ar", "ثانوية تأهيلية"), ("en", "Upper secondary school")):
        assert words in " ".join(people_presenters.line(Wording(language), {}, line))
