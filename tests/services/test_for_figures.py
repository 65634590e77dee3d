"""Answers that are for figures: read at the school itself and counted, and let out by none of the ways out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.printing import Draft, draft
from school_protocol.cases import sharing
from school_protocol.cases.loading import load
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import see_record
from school_protocol.cases.story_player import throwaway
from school_protocol.cases.view_models import RecordView
from school_protocol.engine.definition_parts import Form
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import Wording
from school_protocol.protocol.reader import read
from services import lettering
from services.conftest import School
from services.sharing_region import NEAR, Region
from services.test_api_reading import bearer, record
from services.test_figures import counted, place
from services.test_sharing import leading, opened

SAID = {"target_ages": ["from_13_to_17"], "target_sexes": ["girl"]}
PRINTED = ("13 à 17 ans", "Une fille")
BESIDE = {"platforms": ["whatsapp"]}
"""An ordinary question of the same form."""


@pytest.fixture(scope="module")
def noted() -> Iterator[School]:
    """A case in which somebody said it, and one service was told of it."""
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, str(MOROCCAN)), content, NOW) as player:
        school = School(player, count(1))
        school.report(about_whom=lettering.PEOPLE)
        school.act("team_member", "add_person", persons=lettering.GUARDIANS)
        school.act("team_member", "report_more", {**BESIDE, **SAID})
        lettering.refer(school, "prosecutor")
        yield school


def entry(school: School) -> int:
    with school.ctx.realm.reading() as session:
        case = load(school.ctx, session, school.person("head"), school.number).case
    return case.records_of("report_more")[0].seq


def read_by(school: School, who: str) -> dict[str, Any]:
    return dict(seen(school, who).answers)


def seen(school: School, who: str) -> RecordView:
    return see_record(school.ctx, school.person(who), school.number, entry(school))[1]


def lets_everything_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: no answer is for figures alone."""
    monkeypatch.setattr(Form, "told_on", lambda _form, answers: dict(answers))


# ---- at the school -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("team_member",))
@pytest.mark.parametrize("who", ["team_member", "team_coordinator", "head"])
def test_the_school_reads_them(noted: School, who: str) -> None:
    assert read_by(noted, who) == {**BESIDE, **SAID}


def test_figures_count_them(noted: School) -> None:
    found, here = counted(noted.ctx, UnitKind.school), place(noted.ctx, UnitKind.school)
    cells = (("ages", "from_13_to_17"), ("sexes", "girl"), ("ages", "to_12"), ("sexes", "boy"))
    assert [found.at(cell, here) for cell in cells] == [1, 1, 0, 0]


# ---- the ways out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["directorate", "academy"])
def test_a_reader_of_signs_reads_the_rest(noted: School, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_by(noted, who) == BESIDE
    lets_everything_out(monkeypatch)
    assert read_by(noted, who) == {**BESIDE, **SAID}


def test_neither_as_it_was_first_written_nor_as_it_was_corrected(school: School) -> None:
    school.report()
    school.act("team_member", "report_more", {**BESIDE, **SAID})
    record_act(
        school.ctx, school.person("team_member"), school.number, "correction",
        {"record": str(entry(school)), "what_changes": "x", "reason": "y"}, expected=None, token=school.token(),
        proven=True, changes={**BESIDE, **SAID, "target_sexes": ["boy"]},
    )  # fmt: skip
    own, shown = seen(school, "head"), seen(school, "directorate")
    assert (dict(own.answers)["target_sexes"], dict(own.first or {})["target_sexes"]) == (["boy"], ["girl"])
    assert (dict(shown.answers), dict(shown.first or {})) == (BESIDE, BESIDE)


def test_another_system_is_given_the_rest(noted: School, monkeypatch: pytest.MonkeyPatch) -> None:
    by = bearer(noted)
    told = json.dumps(record(noted, by)["case"])
    assert "whatsapp" in told
    assert "from_13_to_17" not in told
    lets_everything_out(monkeypatch)
    assert "from_13_to_17" in json.dumps(record(noted, by)["case"])


def test_the_school_that_leads_reads_the_rest_of_a_contribution(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = Region(school)
    seq = leading(region, NEAR)
    record_act(
        school.ctx, region.person(f"team_coordinator {NEAR}"), opened(region, seq), "report_more",
        {**BESIDE, **SAID}, expected=None, token=school.token(), proven=True,
    )  # fmt: skip

    def told() -> dict[str, Any]:
        view = sharing.see_contribution(school.ctx, region.person("head"), school.number, seq)
        return next(dict(one.record.answers) for one in view.told if one.record.act.key == "report_more")

    assert told() == BESIDE
    lets_everything_out(monkeypatch)
    assert told() == {**BESIDE, **SAID}


COPIES = {"supervisor": "", "authority": "referral-1", "family": "guardian-1"}
"""Profile → for whom."""


def copy(school: School, profile: str) -> Draft:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
        [chosen] = [one.profiles[profile] for one in loaded.protocol.documents.values() if profile in one.profiles]
        if chosen.acts:  # as though the definition listed them, which its checks refuse
            listed = (*chosen.acts["report_more"], *SAID)
            chosen = chosen.model_copy(update={"acts": {**chosen.acts, "report_more": listed}})
        return draft(school.ctx, session, loaded, chosen, "fr", COPIES.get(profile, ""))


def answers_in(made: Draft) -> dict[str, Any]:
    return next(dict(one.answers) for one in made.view.records if one.act.key == "report_more")


def test_a_familys_pages_hold_none(noted: School) -> None:
    made = copy(noted, "family")
    page, kept = case_file_html(made.view, Wording("fr")), json.dumps(json.loads(made.record)["case"])
    assert [one.act.key for one in made.view.records if one.act.key == "report_more"] == []
    assert not any(one in page for one in PRINTED)
    assert "from_13_to_17" not in kept


@pytest.mark.parametrize("profile", [one for one in COPIES if one != "family"])
def test_a_copy_for_anybody_else_holds_the_rest(noted: School, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = copy(noted, profile)
    page, kept = case_file_html(made.view, Wording("fr")), json.loads(made.record)["case"]
    assert answers_in(made) == BESIDE
    assert "WhatsApp" in page
    assert not any(one in page for one in PRINTED)
    assert "whatsapp" in json.dumps(kept)
    assert "from_13_to_17" not in json.dumps(kept)
    lets_everything_out(monkeypatch)
    assert answers_in(copy(noted, profile)) == {**BESIDE, **SAID}


def test_the_schools_own_copy_holds_them(noted: School) -> None:
    made = copy(noted, "school")
    assert answers_in(made) == {**BESIDE, **SAID}
    page = case_file_html(made.view, Wording("fr"))
    assert all(one in page for one in PRINTED)


@pytest.mark.parametrize("profile", ["supervisor", "authority"])
def test_pages_print_none_though_the_view_held_them(noted: School, profile: str) -> None:
    """The second lock."""
    view = copy(noted, profile).view
    whole = tuple(
        replace(one, answers={**one.answers, **SAID}) if one.act.key == "report_more" else one for one in view.records
    )
    page = case_file_html(replace(view, records=whole), Wording("fr"))
    assert "WhatsApp" in page
    assert not any(one in page for one in PRINTED)
