"""What one case adds to figures: to which cells, in which month, and where."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.telling import MOROCCAN, SCHOOL, Told, reported
from school_protocol.engine.case_summary import ANSWERED, AWAITED, CASES, DANGERS, EARLIER, NONE, REFERRALS
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.protocol.reader import read
from school_protocol.statistics.rules import (
    KEPT,
    LATE,
    MORE,
    TOTALS,
    Period,
    Share,
    gathered,
    own_part,
    path_of,
    school_year,
    share_of,
    tables_of,
)


def share(told: Told) -> Share:
    return share_of(told.facts)


def rows(told: Told, table: str) -> set[str]:
    return {row for key, row in share(told).cells if key == table}


def test_a_report_adds_to_the_totals_and_to_one_row_of_each_table(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert share(told).protocol == moroccan.protocol
    assert rows(told, TOTALS) == {CASES}
    assert rows(told, "levels") == {NONE}
    assert rows(told, "channels") == {"seen"}
    assert rows(told, "kinds") == rows(told, "dangers") == rows(told, "targets") == set()


def test_all_that_any_entry_chose_counts_once(moroccan: Protocol) -> None:
    told = reported(moroccan)
    told.act("team_member", "report_more", violence_types=["blackmail", "doxing"])
    told.act("team_member", "report_more", violence_types=["doxing", "other"], platforms=["x"])
    assert rows(told, "kinds") == {"blackmail", "doxing", "other"}
    assert rows(told, "platforms") == {"x"}


def test_dangers_and_referrals_are_cases_that_have_them(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "raise_danger", which_danger="blackmail")
    assert rows(told, TOTALS) == {CASES, DANGERS}
    assert rows(told, "danger_answers") == {AWAITED}
    for _time in range(2):
        told.act(
            "head", "referral", target="police", covers=["blackmail"], channel="call", sent_at=told.now.isoformat()
        )
    assert rows(told, TOTALS) == {CASES, DANGERS, REFERRALS}
    assert rows(told, "targets") == {"police"}
    assert rows(told, "danger_answers") == {ANSWERED}
    assert rows(told, "referral_answers") == {AWAITED}


def test_an_ended_case_stands_in_its_level_and_in_how_long_it_took(moroccan: Protocol) -> None:
    told = reported(moroccan).put("closed", level=3)
    assert rows(told, "levels") == {"3"}
    assert rows(told, "wait.closure") == {"7"}


@pytest.mark.parametrize(("hours", "outcome"), [(1, {KEPT}), (3, {KEPT}), (26, {LATE})])
def test_a_deadline_counts_once_it_was_met(moroccan: Protocol, hours: int, outcome: set[str]) -> None:
    told = reported(moroccan)
    assert rows(told, "in_time.safety_check") == set()
    told.wait(hours=hours).act("team_member", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    assert rows(told, "in_time.safety_check") == outcome


def test_a_deadline_that_nobody_met_is_late_from_the_next_day_on_though_nobody_writes(moroccan: Protocol) -> None:
    told = reported(moroccan).wait(hours=8)
    assert rows(told, "in_time.safety_check") == set(), "what a case adds changes once a day, or as somebody writes"
    told.wait(hours=6)
    assert rows(told, "in_time.safety_check") == {LATE}
    before = share(told)
    told.wait(days=30)
    assert rows(told, "in_time.safety_check") == {LATE}
    assert {cell for cell in share(told).cells if not cell[0].startswith("in_time.")} <= before.cells


def test_the_end_of_a_case_wipes_no_missed_deadline_out(moroccan: Protocol) -> None:
    """One that ended in time, or before its moment came, was not late."""
    told = reported(moroccan).wait(days=3).put("no_further_action")
    assert rows(told, "in_time.safety_check") == {LATE}
    told.wait(days=30)
    assert rows(told, "in_time.safety_check") == {LATE}
    early = reported(moroccan).wait(hours=1).put("no_further_action").wait(days=30)
    assert rows(early, "in_time.safety_check") == set()


def test_a_deadline_that_runs_out_is_late_at_once_where_somebody_writes_that_day(moroccan: Protocol) -> None:
    told = reported(moroccan).wait(hours=8).act("team_member", "note", text="x")
    assert rows(told, "in_time.safety_check") == {LATE}


def test_what_a_case_adds_is_worked_out_alike_at_any_hour_of_a_day(moroccan: Protocol) -> None:
    told = reported(moroccan).wait(days=1)
    found = {share(told)}
    for _hour in range(3):
        found.add(share(told.wait(hours=4)))
    assert len(found) == 1


@pytest.mark.parametrize(("hours", "row"), [(0, "1"), (1.5, "1"), (2.5, "2"), (6, "4"), (24, "8"), (80, MORE)])
def test_a_wait_is_counted_by_its_class(moroccan: Protocol, hours: float, row: str) -> None:
    """From ten on a Wednesday, in hours in which the school is open: seven and a half a day."""
    told = reported(moroccan).wait(hours=hours)
    told.act("team_member", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    assert rows(told, "wait.safety") == {row}
    told.wait(hours=100).act("team_member", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    assert rows(told, "wait.safety") == {row}, "the first time counts"


@pytest.mark.parametrize(
    ("opened", "month"),
    [(datetime(2026, 8, 31, 22, 59, tzinfo=UTC), "2026-08"), (datetime(2026, 8, 31, 23, 0, tzinfo=UTC), "2026-09")],
)
def test_the_month_is_that_of_the_opening_where_the_school_is(moroccan: Protocol, opened: datetime, month: str) -> None:
    told = Told(moroccan, opened).act("team_member", "report", what_happened="x", danger_now="no", adult_concerned="no",
                                      how_it_came="seen")  # fmt: skip
    assert share(told).month == month
    assert share(told.wait(days=60).act("team_member", "note", text="x")).month == month


def test_a_definition_without_figures_adds_to_the_totals_alone(moroccan: Protocol) -> None:
    without = moroccan.model_copy(update={"figures": None})
    told = reported(without).act("team_member", "raise_danger", which_danger="home_danger")
    assert share(told).cells == {(TOTALS, CASES), (TOTALS, DANGERS)}


def test_age_group_and_sex_count_where_they_are_said_and_nowhere_else(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert rows(told, "ages") == rows(told, "sexes") == set()
    told.act("team_member", "report_more", target_ages=["from_13_to_17"], target_sexes=["girl", "boy"])
    assert (rows(told, "ages"), rows(told, "sexes")) == ({"from_13_to_17"}, {"girl", "boy"})
    both = {table.key: table for table in tables_of(moroccan)}
    assert [row.key for row in both["ages"].rows] == ["to_12", "from_13_to_17", "from_18"]
    assert not both["sexes"].public


# ---- where ---------------------------------------------------------------------------------------------------------


def test_it_counts_at_the_school_and_at_all_above_it(moroccan: Protocol) -> None:
    assert share(reported(moroccan)).path == ("school", "province", "region")


def test_a_case_that_is_kept_from_somebody_of_the_school_counts_above_it(moroccan: Protocol) -> None:
    restricted = reported(moroccan, adult_concerned="yes")
    assert share(restricted).path == ("province~", "province", "region")
    excluded = reported(moroccan)
    assert share(excluded).path[0] == "school"
    excluded.act("directorate", "conflict", account="head", reason="declares")
    assert share(excluded).path == ("province~", "province", "region")


def test_what_stands_above_a_school_is_a_part_of_what_it_stands_at() -> None:
    province = Unit("province", UnitKind.province, "P", {"fr": "P"}, ("region", "country"))
    assert path_of(province) == (own_part("province"), "province", "region", "country")
    assert path_of(replace(SCHOOL, parents=()), stands_apart=True) == (own_part("school"),)


# ---- tables --------------------------------------------------------------------------------------------------------


def test_a_school_year_has_twelve_months() -> None:
    months = school_year(9, 2026).months
    assert (months[0], months[3], months[4], months[-1], len(months)) == (
        "2026-09", "2026-12", "2027-01", "2027-08", 12,
    )  # fmt: skip
    assert school_year(1, 2026).months[-1] == "2026-12"


@pytest.fixture
def former(moroccan: Protocol) -> Protocol:
    """An earlier version: with a channel that is no more, of where cases stand, and without the answers to dangers."""
    text = MOROCCAN.read_text("utf-8")
    start = text.index("    danger_answers: {rows: danger_answers")
    text = text[:start] + text[start:].replace("danger_answers: {rows: danger_answers", "stages: {rows: stages", 1)
    report, rest = text[: text.index("  report_more:")], text[text.index("  report_more:") :]
    assert report.count("          seen: {") == 1
    return read((report.replace("          seen: {", "          pigeon: {") + rest).encode(), "former.yaml")


def test_what_an_earlier_version_had_stays_under_its_own_title(moroccan: Protocol, former: Protocol) -> None:
    now = {table.key: table for table in tables_of(moroccan, [former])}
    channels = {row.key: row.title for row in now["channels"].rows}
    assert "pigeon" in channels
    assert "seen" in channels
    assert channels["pigeon"] is not None
    assert EARLIER not in channels
    assert now["danger_answers"].rows[-1].key == EARLIER
    assert EARLIER not in {row.key for row in {one.key: one for one in tables_of(moroccan)}["danger_answers"].rows}


def test_where_cases_stand_is_neither_counted_nor_told(former: Protocol) -> None:
    """Earlier versions ask for it: beside the other tables it tells of few."""
    assert former.figures is not None
    assert "stages" in former.figures.tables
    assert rows(reported(former, how_it_came="pigeon"), "stages") == set()
    assert "stages" not in {table.key for table in tables_of(former)}


def test_cases_of_a_version_without_the_table_stand_in_a_row_of_their_own(moroccan: Protocol, former: Protocol) -> None:
    kept = {TOTALS: {CASES: 20, DANGERS: 9}, "danger_answers": {ANSWERED: 4, AWAITED: 2}}
    found = gathered("u", Period(("2026-11",)), tables_of(moroccan, [former]), {"u": ""}, [("2026-11", "u", kept)])
    (table,) = (one for one in found.tables if one.key == "danger_answers")
    assert found.at(("danger_answers", EARLIER), "u") == 3
    assert sum(found.at(("danger_answers", row.key), "u") for row in table.rows) == 9
