"""The yearly report of a school: who gets it, that it counts alike for all and tells of no case, what a copy leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from school_protocol.case_files.service import academy_of, trust_in
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.events import EntryRetracted
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.pdf.verification import verify
from school_protocol.statistics import yearly_report
from school_protocol.statistics import yearly_report as statistics_yearly_report
from school_protocol.statistics.models import YearlyReportRow
from school_protocol.statistics.rules import Band
from school_protocol.statistics.yearly_rules import Figures, from_data
from services.conftest import NAME, WORDS, School
from services.retaining import Keeping
from services.yearly_told import SCHOOL, YEAR, a_year, added_up, files_in, issue, text_of, told

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture(scope="module")
def whole_year(moroccan: Protocol) -> Iterator[School]:
    """A year that is over: read by tests that hand out copies and write nothing else."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield a_year(School(player, count(1)))


def handed_out(school: School) -> list[YearlyReportRow]:
    with school.ctx.directory.reading() as session:
        return list(session.scalars(select(YearlyReportRow).filter_by(unit=school.player.school)))


def counted(school: School) -> Figures:
    return yearly_report.count(school.ctx, *told(school))


# ---- what is counted ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_whoever_asks_the_same_is_counted_without_what_stands_apart(whole_year: School) -> None:
    """Of fourteen one is restricted, and the head is excluded from another."""
    assert added_up(whole_year).cases == 12
    figures = {who: issue(whole_year, who).data for who in ("head", "team_coordinator", "directorate")}
    assert len({files_in(data)["figures.json"] for data in figures.values()}) == 1


@pytest.mark.exhaustive
def test_who_lists_nine_cases_reads_fewer_than_ten(school: School) -> None:
    """Each of the ways to stand apart; the control is the same case, once nobody is excluded from it any more."""
    apart: list[dict[str, Any]] = [{"adult_concerned": "yes"}, {"must_not_read": [school.account("head")]}]
    for more in [*[{}] * 9, *apart, {}]:
        school.report(how_it_came="pupil", **more)
    exclude(school, "psychosocial")
    entry = school.last_seq()
    school.wait(days=290)
    before = added_up(school)
    assert (before.cases, counted(school).totals["cases"]) == (9, Band(0))
    assert [sum(before.tables[one].values()) for one in ("outcome", "level", "report.how_it_came")] == [9, 9, 9]
    header = {"actor": school.account("team_coordinator"), "role": "team_coordinator", "at": school.ctx.now()}
    taken_back = EntryRetracted(**header, occurred_at=school.ctx.now(), entry=entry, act="conflict")
    Keeping(school, reached=False).keep(school.number, taken_back)
    assert (added_up(school).cases, counted(school).totals["cases"]) == (10, Band(10))
    exclude(school, "head")
    assert added_up(school).cases == 9, "it stands apart now, though it did not when the year ended"


def exclude(school: School, who: str) -> None:
    school.act("team_coordinator", "conflict", account=school.account(who), reason="reporter_said")


def test_the_figures_are_those_of_the_cases(whole_year: School) -> None:
    printed = counted(whole_year)
    assert printed.totals == {
        "cases": Band(10), "dangers": Band(0), "referrals": Band(0), "follow_ups": Band(0), "departures": Band(0),
    }  # fmt: skip
    assert dict(printed.table("report.how_it_came").rows) == {  # type: ignore[union-attr]
        one: Band(0) for one in ("seen", "pupil", "parent", "colleague", "box", "emc", "police", "other", "~none")
    }
    assert printed.row("report.how_it_came", "pupil") == Band(0), "six"
    assert printed.row("outcome", "~open") == Band(10), "all twelve"
    assert printed.table("dangers").rows == (), "of six cases nothing is broken down"  # type: ignore[union-attr]


@pytest.mark.exhaustive
def test_a_case_written_after_the_end_changes_nothing(moroccan: Protocol) -> None:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        school = a_year(School(player, count(1)))
        before = counted(school)
        school.report(how_it_came="parent")
        school.act("team_member", "report_more", platforms=["whatsapp"])
        assert counted(school) == before


@pytest.mark.exhaustive
def test_the_first_copy_settles_the_figures(moroccan: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        school = a_year(School(player, count(1)))
        first = files_in(issue(school).data)["figures.json"]
        with school.ctx.realm.writing() as session:
            case_id = cases_repository.find_by_number(session, school.number) or ""
            cases_repository.destroy_case(session, school.ctx.vault, case_id, at=school.ctx.now(), actor="x")
        monkeypatch.setattr(yearly_report, "count", lambda *_: pytest.fail("counted once more"))
        assert files_in(issue(school).data)["figures.json"] == first


# ---- what stands on it --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_no_name_word_number_or_account_stands_anywhere(whole_year: School, language: str) -> None:
    issued = issue(whole_year, "directorate", language)
    seen = text_of(issued.data) + "".join(data.decode() for data in files_in(issued.data).values())
    for planted in (NAME, *NAME.split(), "Omar", WORDS, whole_year.number, "team_member", "team_coordinator"):
        assert planted not in seen, planted
    assert "directorate" in seen, "but whom the copy is for"


def test_the_figures_inside_are_the_ones_that_were_written_down(whole_year: School) -> None:
    issued = issue(whole_year)
    row = next(one for one in handed_out(whole_year) if one.copy == issued.copy)
    inside = json.loads(files_in(issued.data)["figures.json"])
    assert from_data(inside) == from_data(row.figures)
    assert (inside["school"], inside["year"], inside["until"], inside["is_over"]) == (SCHOOL, YEAR, "2027-08-31", True)
    assert set(files_in(issued.data)) == {"figures.json", "copy.json"}


@pytest.mark.exhaustive
def test_a_made_up_world_says_so_and_is_kept_apart(whole_year: School) -> None:
    real = issue(whole_year)
    learner = replace(whole_year.person("head"), realm="exercise")
    copy = yearly_report.issue_yearly(whole_year.ctx, learner, SCHOOL, YEAR, "fr", token=whole_year.token())
    assert "FORMATION" in text_of(copy.data)
    assert "FORMATION" not in text_of(real.data)
    assert copy.copy == 1


# ---- who gets it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["team_member", "reporter", "psychosocial", "data_officer", "academy"])
def test_others_find_nothing(whole_year: School, who: str) -> None:
    with pytest.raises(Unseen):
        issue(whole_year, who)
    assert not yearly_report.has_reports(whole_year.ctx, whole_year.person(who))


def test_nobody_gets_that_of_another_school(whole_year: School) -> None:
    with pytest.raises(Unseen):
        yearly_report.issue_yearly(whole_year.ctx, whole_year.person("head"), "99999Z", YEAR, "fr")


# ---- which year ---------------------------------------------------------------------------------------------------


def test_a_year_whose_first_term_is_not_over_has_no_report(school: School) -> None:
    with pytest.raises(Refused) as refused:
        issue(school)
    assert [one.code for one in refused.value.reasons] == ["no_term_over"]
    assert handed_out(school) == []


@pytest.mark.exhaustive
def test_a_year_under_way_is_told_up_to_its_last_term(school: School) -> None:
    a_year(school, over=False)
    school.wait(days=70)
    issued = issue(school)
    inside = json.loads(files_in(issued.data)["figures.json"])
    assert (inside["until"], inside["is_over"], inside["tables"]) == ("2027-01-31", False, [])
    assert inside["totals"]["cases"] == {"from": 10, "to": 19}
    assert "jusqu’à la fin de « Premier semestre »" in text_of(issued.data)


@pytest.mark.parametrize("year", [0, 1900, YEAR - 7, YEAR + 2, 99999])
def test_a_year_that_is_not_offered_is_said(whole_year: School, year: int) -> None:
    with pytest.raises(BadInput) as bad:
        issue(whole_year, year=year)
    assert bad.value.problems == {"year": ("unknown_option",)}


@pytest.mark.exhaustive
def test_a_year_without_a_case_and_one_with_one_are_told_alike(school: School) -> None:
    school.report()
    school.wait(days=290)
    told = [json.loads(files_in(issue(school, year=year).data)["figures.json"]) for year in (YEAR, YEAR - 1)]
    assert [{**one, "year": 0, "until": ""} for one in told[:1]] == [
        {**one, "year": 0, "until": ""} for one in told[1:]
    ]
    assert told[0]["totals"]["cases"] == {"from": 0, "to": 9}


# ---- what stays of a copy ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_copy_is_numbered_and_written_down_with_its_digest(whole_year: School) -> None:
    first, second = issue(whole_year, "directorate", "ar"), issue(whole_year, "head")
    assert second.copy == first.copy + 1
    rows = {one.copy: one for one in handed_out(whole_year) if one.realm == "main"}
    row = rows[first.copy]
    assert (row.digest, row.language, row.role) == (hashlib.sha256(first.data).hexdigest(), "ar", "directorate")
    assert row.actor == whole_year.account("directorate")
    assert json.loads(files_in(first.data)["copy.json"])["number"] == first.copy


@pytest.mark.exhaustive
def test_pressed_twice_one_copy_is_handed_out(whole_year: School) -> None:
    issued = issue(whole_year, token="pressed")
    before = len(handed_out(whole_year))
    with pytest.raises(SentBefore) as again:
        issue(whole_year, token="pressed")
    assert again.value.outcome == {"copy": issued.copy}
    assert len(handed_out(whole_year)) == before


@pytest.mark.exhaustive
def test_a_number_that_was_given_meanwhile_is_not_given_twice(
    whole_year: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, taken = statistics_yearly_report.yearly_paper, list[int]()

    def slow(*asked: Any) -> bytes:
        if not taken:
            taken.append(0)
            taken.append(issue(whole_year).copy)
        return made(*asked)

    monkeypatch.setattr(yearly_report, "yearly_paper", slow)
    assert issue(whole_year).copy == taken[1] + 1


def test_what_was_written_down_stays(whole_year: School) -> None:
    issue(whole_year)
    for change in (update(YearlyReportRow).values(reader="x"), delete(YearlyReportRow)):
        with pytest.raises(DatabaseError, match="append-only"), whole_year.ctx.directory.writing() as session:
            session.execute(change)


@pytest.mark.exhaustive
def test_it_is_signed_by_the_academy_and_sound(whole_year: School) -> None:
    ctx, now = whole_year.ctx, whole_year.ctx.now()
    place = yearly_report.place_of(ctx, whole_year.person("head"), SCHOOL)
    forever = timedelta(days=3650)
    folder = ctx.settings.data / "signing"
    make_authority(
        folder, "Root", {academy_of(ctx, place.unit).code: "Academy"}, Validity(now - forever, now + forever)
    )
    try:
        data = issue(whole_year).data
        verdict = verify(data, trust_in(folder), now)
        assert verdict.findings == ()
        assert verdict.is_sound
        assert verdict.signer is not None
        assert verdict.signer.name == "Academy"
        flipped = bytearray(data)
        flipped[len(data) // 3] ^= 1
        assert not verify(bytes(flipped), trust_in(folder), now).is_sound
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
