"""Who goes along when a case is handed over: known at the other school once it has accepted, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from school_protocol.cases import repository as cases_repository
from school_protocol.cases import sharing
from school_protocol.cases.lists import find_by_pupil
from school_protocol.cases.sharing import Along
from school_protocol.cases.showing import see_act, see_case
from school_protocol.cases.view_models import CaseView
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import access_log
from services.conftest import NAME, School
from services.sharing_region import ABROAD, FAR, NEAR, Region

CODE = "G139482706"
OTHER, OTHER_CODE = "Anas Zqbennani", "G130000001"
GUARDIAN = "Mme Zqtazi"
SUMMARY = f"{NAME} et {OTHER} sont dans le même groupe. [EC1] et [RL1] le savent."
PEOPLE = [
    {"slot": "targeted_pupil", "name": NAME, "massar": CODE, "grade": "2BAC-3", "phone": "0600000001"},
    {"slot": "pupil_concerned", "name": OTHER, "massar": OTHER_CODE},
    {"slot": "guardian", "name": GUARDIAN},
]


@pytest.fixture
def region(school: School) -> Region:
    found = Region(school)
    school.report(about_whom=PEOPLE[:1])
    school.act("team_coordinator", "add_person", persons=PEOPLE[1:])
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    return found


def ask(region: Region, code: str, **more: Any) -> int:
    said = {"receiving_school": code, "summary": SUMMARY, "measures": "Un adulte référent.", **more}
    return region.school.act("head", "transfer", said).seq


def answer(region: Region, code: str, answered: str = "accepted", **more: Any) -> None:
    (line,) = region.waits_for(f"head {code}")
    region.answer(f"head {code}", region.school.number, line.seq, answer=answered, **more)


def handed_over(region: Region, code: str, **more: Any) -> str:
    """The number of the case at the other school."""
    ask(region, code, **more)
    answer(region, code)
    region.school.move("head", "transfer", reason="La famille déménage")
    return region.school.seen_by("head").successor or ""


def seen(region: Region, who: str, number: str) -> CaseView:
    return see_case(region.school.ctx, region.person(who), number)


def kept(region: Region, number: str) -> dict[str, Mapping[str, Any] | None]:
    """Who is sealed in that case, opened with its own key."""
    ctx = region.school.ctx
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number) or ""
        return {one.slot_id: one.values for one in cases_repository.load_identities(session, ctx.vault, case_id)}


def told(view: CaseView) -> dict[str, str]:
    (said,) = [one.detail["handover"] for one in view.chronology.events if one.kind == "case_joined"]
    return dict(said)


# ---- who goes along ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("code", [NEAR, FAR, ABROAD])
def test_the_pupil_who_changes_school_is_known_there_by_name_and_code_and_nobody_else(
    region: Region, code: str
) -> None:
    number = handed_over(region, code, pupils=["targeted_pupil-1"])
    assert kept(region, number) == {"targeted_pupil-1": {"name": NAME, "massar": CODE}}
    there = seen(region, f"head {code}", number)
    assert [(one.label, one.name) for one in there.people] == [("EV1", NAME)]
    words = told(there)["summary"]
    assert words == "[EV1] et EC1 sont dans le même groupe. EC1 et RL1 le savent."
    for name in (OTHER, OTHER_CODE, GUARDIAN, "2BAC-3", "0600000001"):
        assert name not in repr(there)
    assert find_by_pupil(region.school.ctx, region.person(f"head {code}"), NAME), "found by name at their new school"


@pytest.mark.exhaustive
def test_only_those_whom_the_request_says_and_under_the_numbers_that_they_have_there(region: Region) -> None:
    region.school.act("team_coordinator", "add_person", persons=[{"slot": "targeted_pupil", "name": "Rim Zqalaoui"}])
    number = handed_over(
        region, FAR, pupils=["targeted_pupil-2", "pupil_concerned-1"],
        summary=f"Rim Zqalaoui, puis {NAME}, [EV2] et [EC1].",
    )  # fmt: skip
    assert kept(region, number) == {
        "targeted_pupil-1": {"name": "Rim Zqalaoui"}, "pupil_concerned-1": {"name": OTHER, "massar": OTHER_CODE},
    }  # fmt: skip
    assert told(seen(region, f"head {FAR}", number))["summary"] == "[EV1], puis EV, [EV1] et [EC1].", (
        "whoever stays has no sign that somebody else has there"
    )


def test_a_guardian_or_somebody_of_another_case_goes_along_with_nobody(region: Region) -> None:
    for wrong in ("guardian-1", "targeted_pupil-9"):
        with pytest.raises(BadInput) as caught:
            ask(region, FAR, pupils=[wrong])
        assert list(caught.value.problems) == ["pupils"]


def test_the_form_guesses_a_pupil_only_where_the_case_is_about_one_alone(region: Region) -> None:
    """With the targeted pupil there is one who is concerned: whoever moves, the other's name must not go along."""
    ctx, head, school = region.school.ctx, region.person("head"), region.school
    assert "pupils" not in see_act(ctx, head, school.number, "transfer").prefill
    school.report(about_whom=[{"slot": "targeted_pupil", "name": NAME, "massar": CODE}])
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    assert see_act(ctx, head, school.number, "transfer").prefill["pupils"] == "targeted_pupil-1"


# ---- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [NEAR, FAR, ABROAD])
def test_before_acceptance_nobody_there_reads_a_name_nor_after_a_refusal(region: Region, code: str) -> None:
    seq = ask(region, code, pupils=["targeted_pupil-1"])
    ctx, head, number = region.school.ctx, region.person(f"head {code}"), region.school.number
    view = sharing.see_request(ctx, head, number, seq)
    assert view.asked.answers["pupils"] == ["targeted_pupil-1"]
    assert view.labels["targeted_pupil-1"] == "EV1"
    for name in (NAME, CODE, OTHER, GUARDIAN):
        assert name not in repr(view)
    with pytest.raises(Refused):
        region.school.move("head", "transfer", reason="Sans attendre")
    answer(region, code, "refused", reason="La classe est pleine.")
    with pytest.raises(Refused):
        region.school.move("head", "transfer", reason="Malgré le refus")
    assert region.school.seen_by("head").successor is None
    assert find_by_pupil(ctx, head, NAME) == ()


def test_accepting_alone_opens_no_name(region: Region) -> None:
    ask(region, FAR, pupils=["targeted_pupil-1"])
    answer(region, FAR)
    assert find_by_pupil(region.school.ctx, region.person(f"head {FAR}"), NAME) == ()


# ---- whose it is then ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_what_was_handed_over_outlives_the_case_that_it_came_from(region: Region) -> None:
    number = handed_over(region, ABROAD, pupils=["targeted_pupil-1"])
    ctx = region.school.ctx
    with ctx.realm.writing() as session:
        sent = cases_repository.find_by_number(session, region.school.number) or ""
        privacy_repository.erase_case(session, ctx.vault, sent, at=ctx.now(), actor=region.person("head").id)
    assert kept(region, number) == {"targeted_pupil-1": {"name": NAME, "massar": CODE}}
    there = seen(region, f"head {ABROAD}", number)
    assert [one.name for one in there.people] == [NAME]
    assert "[EV1]" in told(there)["summary"]


@pytest.mark.exhaustive
def test_that_a_name_was_handed_over_is_written_down_in_the_case_that_it_left(region: Region) -> None:
    def noted() -> list[str]:
        ctx = region.school.ctx
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, region.school.number) or ""
            return [
                one.what for one in access_log.access_of_case(session, case_id, limit=500) if one.what == "handed_over"
            ]

    assert noted() == []
    handed_over(region, FAR, pupils=["targeted_pupil-1"])
    assert noted() == ["handed_over"]


# ---- the words -----------------------------------------------------------------------------------------------------


def test_signs_and_names_in_words_for_another_case(region: Region) -> None:
    protocol = region.school.player.protocol
    names = {"targeted_pupil-1": {"name": NAME}, "targeted_pupil-2": {"name": OTHER}}
    along = Along(protocol, names, ("targeted_pupil-2",))
    assert along.told(f"{NAME}, {OTHER}, [EV1], [EV2], [EV7]") == "EV, [EV1], EV, [EV1], EV7"
    nobody = Along(protocol, names)
    assert nobody.told(f"{NAME} [EV2]") == "EV1 EV2"
    assert nobody.people == ()
