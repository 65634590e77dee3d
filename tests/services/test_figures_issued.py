"""Figures issued: by whom, what they tell and how, once; that they stay as they are; nothing else is kept or said."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from engine.telling import NOW
from openpyxl import load_workbook
from rewriting import rewrite
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from school_protocol.auth import permissions
from school_protocol.auth.models import UnitRow
from school_protocol.case_files.service import trust_in
from school_protocol.case_files.verify_copy import Standing, asked, checked
from school_protocol.cases import index_repository
from school_protocol.cases.intake import open_case
from school_protocol.context import AppContext
from school_protocol.engine.case_summary import CASES
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Permission, UnitKind
from school_protocol.language import Wording
from school_protocol.ops.journal_checks import verify
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.people.staff_list import fits
from school_protocol.protocol import repository as protocol_repository
from school_protocol.statistics import catalogue, counts, noise, release_files, releases, repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.counts import NotCounted
from school_protocol.statistics.models import DisclosedFigureRow, FigureKeyRow, FigureReleaseRow, State
from school_protocol.statistics.presenters import COLUMNS, figure_rows
from school_protocol.statistics.releases import Running, places, see_figures, see_public, see_public_told
from school_protocol.statistics.rules import TOTALS, Counts, Period, ReleasePeriod, tables_from_data
from school_protocol.storage import administration_log, case_keys
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.journal import Flaw
from school_protocol.storage.migrate import upgrade
from school_protocol.storage.models import DirectoryBase
from school_protocol.wiring import WIRING
from services.figures_issued import CASES_OF, PROTOCOL, QUARTER, WHOLE_YEAR, YEAR, Country, a_country
from services.yearly_told import text_of

TOTAL = (TOTALS, CASES)
SALE = {code: number for code, number in CASES_OF.items() if code.startswith("0400") and code < "04004"}


@pytest.fixture(scope="module")
def issued() -> Iterator[Country]:
    """Issued once by the academy, for tests that write nothing else."""
    with a_country() as country:
        assert country.issue("academy", "MA-04").state == State.issued
        yield country


@pytest.fixture
def country() -> Iterator[Country]:
    """One directorate's schools."""
    with a_country(SALE) as found:
        yield found


def released(country: Country) -> list[FigureReleaseRow]:
    with country.ctx.directory.reading() as session:
        return list(session.scalars(select(FigureReleaseRow).order_by(FigureReleaseRow.issued_at)))


def truly(country: Country, code: str, period: ReleasePeriod = QUARTER) -> Counts:
    return counts.counted(country.ctx, PROTOCOL, country.units[code], Period(period.months(9)), whole=True)


# ---- what is told, at each level -----------------------------------------------------------------------------------


def test_each_level_is_told_the_whole_catalogue_and_schools_nothing(issued: Country) -> None:
    (row,) = released(issued)
    tables, found = tables_from_data(row.tables), truly(issued, "MA-04")
    for code in ("MA-04", "MA-SAL", "MA-RAB"):
        told, unit = issued.told(code).unit, issued.unit(code)
        wanted = list(catalogue.cells(unit.kind, 1, tables, row.months))
        said = [
            ((table, one), month)
            for table, rows in told.told["cells"].items() for one, months in rows.items() for month in months
        ]  # fmt: skip
        assert sorted(said) == sorted(wanted)
        for cell, month in wanted:
            number = told.at(cell, month)
            assert number is not None
            assert abs(number - found.at(cell, unit.id, month)) <= noise.MOST
    assert len(wanted) == 3, "of a province the totals of a quarter alone"
    assert [one.code for one in issued.told("MA-04").children] == ["MA-RAB", "MA-SAL"]
    assert issued.lines("04001A") == ()


def test_what_is_told_is_drawn_with_the_year_s_key_and_nothing_else(issued: Country) -> None:
    """Whoever counts again and has the key, as a store that was put back has it, tells the same numbers."""
    found = truly(issued, "MA-04")
    with issued.ctx.directory.writing() as session:
        key = repository.noise_key(session, issued.ctx.vault, YEAR)
    for code in ("MA-04", "MA-SAL"):
        unit = issued.unit(code)
        drawing = catalogue.Drawing(
            noise.edition_key(key, 1), PROTOCOL, unit.id, unit.kind, QUARTER, counts.possible(issued.ctx, PROTOCOL)
        )
        (row,) = released(issued)
        assert issued.told(code).unit.told == drawing.told(found) | {"drawn_in": row.id}


@pytest.mark.exhaustive
def test_a_quarter_without_any_case_is_told_like_any_other() -> None:
    with a_country({"04001A": 3}) as country:
        assert country.issue("rabat", "MA-RAB").state == State.issued
        told = country.told("MA-RAB").unit
        assert told.at(TOTAL) in range(noise.MOST + 1)


def test_the_country_is_issued_by_whoever_holds_the_role_there(issued: Country) -> None:
    assert [place.unit.kind for place in places(issued.ctx, issued.person("ministry"))] == [UnitKind.country]
    options = releases.see_options(issued.ctx, issued.person("ministry"), PROTOCOL, "MA")
    assert options.periods == (QUARTER,)


def test_the_pages_can_make_somebody_who_issues_the_countrys_figures(issued: Country) -> None:
    """The academy's role can be held in a region alone; whoever keeps the protocol, at the top."""
    rules, roles = issued.player.protocol.figures, issued.player.protocol.roles
    assert rules is not None
    assert [key for key in rules.issues if fits(roles[key], issued.unit("MA"))] == ["protocol_admin"]


def test_true_counts_are_kept_with_nothing_that_is_told_and_said_by_nothing(
    country: Country, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A total that no other number is like; its noise is not 0."""
    caplog.set_level("DEBUG")
    monkeypatch.setattr(noise, "told", lambda _key, _address, count: count + 1)
    country.count_in("04001A", 7_333 - sum(SALE.values()))
    country.issue("directorate", "MA-SAL")
    person, ctx = country.person("directorate"), country.ctx
    (row,) = released(country)
    told = country.told("MA-SAL").unit
    assert told.at(TOTAL) == 7_334
    with ctx.directory.engine.connect() as connection:
        kept = [str(connection.execute(select(table)).all()) for table in DirectoryBase.metadata.sorted_tables]
    sheets = [
        release_files.release_sheet(ctx, person, PROTOCOL, "MA-SAL", row.id, kind).data for kind in ("csv", "xlsx")
    ]
    with ZipFile(io.BytesIO(sheets[1])) as book:
        said = [sheets[0].decode(), *(book.read(name).decode() for name in book.namelist())]
    for text_of_it in (*kept, *said, caplog.text):
        assert "7333" not in text_of_it
    assert any("7334" in one for one in kept)
    assert any("7334" in one for one in said)
    with ctx.directory.reading() as session:
        assert session.scalar(select(FigureReleaseRow.sealed)) == b""


# ---- who -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("head", {"04001A"}), ("other_head", {"04003C"}), ("member", set()), ("trainer", set()),
        ("directorate", {"MA-SAL", "04001A", "04003C"}), ("rabat", {"MA-RAB", "04004D"}),
        ("academy", {"MA-04", "MA-SAL", "MA-RAB", "04001A", "04003C", "04004D"}), ("south", {"MA-07", "MA-MAR"}),
    ],
)  # fmt: skip
def test_who_reads_which_place(issued: Country, who: str, sees: set[str]) -> None:
    asked = ("MA", "MA-04", "MA-07", "MA-SAL", "MA-RAB", "MA-MAR", "04001A", "04003C", "04004D")
    found = set()
    for code in asked:
        try:
            see_figures(issued.ctx, issued.person(who), PROTOCOL, code)
            found.add(code)
        except Unseen:
            continue
    assert found == sees
    assert permissions.may(issued.ctx, issued.person(who), Permission.see_figures) is bool(sees)


@pytest.mark.parametrize(
    ("who", "code"), [("head", "04001A"), ("directorate", "MA-RAB"), ("directorate", "04001A"), ("academy", "MA-SAL"),
                      ("trainer", "MA-04"), ("south", "MA-04")],
)  # fmt: skip
def test_nobody_issues_but_for_the_place_of_their_role(issued: Country, who: str, code: str) -> None:
    with pytest.raises(Unseen):
        issued.ask(who, code)


def test_what_is_not_over_or_was_not_counted_is_not_offered(issued: Country) -> None:
    options = releases.see_options(issued.ctx, issued.person("ministry"), PROTOCOL, "MA")
    assert options.periods == (QUARTER,), "the second quarter and the year run"
    for period in (WHOLE_YEAR, ReleasePeriod(YEAR, 2), ReleasePeriod(YEAR - 1), ReleasePeriod(0)):
        with pytest.raises(BadInput):
            issued.ask("ministry", "MA", period)


@pytest.mark.exhaustive
def test_a_quarter_is_over_with_its_last_day() -> None:
    with a_country(SALE, days=5) as country:
        country.wait(hours=13)
        assert country.ctx.now().date().isoformat() == "2026-11-30"
        with pytest.raises(BadInput):
            country.ask("directorate", "MA-SAL")
        country.wait(days=1)
        assert country.issue("directorate", "MA-SAL").state == State.issued


@pytest.mark.exhaustive
def test_whoever_lost_the_role_meanwhile_issues_nothing(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    job = country.ask("directorate", "MA-SAL")
    monkeypatch.setattr(releases, "actor_of", lambda *_any: None)
    assert releases.go_on(country.ctx)
    assert (country.job(job).state, country.job(job).fault) == (State.refused, "not_allowed")
    assert released(country) == []


# ---- once, for good ------------------------------------------------------------------------------------------------


def test_pressed_twice_it_is_one_and_another_waits(country: Country) -> None:
    job = country.ask("directorate", "MA-SAL", token="same")
    assert country.ask("directorate", "MA-SAL", token="same") == job
    with pytest.raises(Running) as running:
        country.ask("directorate", "MA-SAL")
    assert running.value.job == job
    assert releases.go_on(country.ctx)
    assert not releases.go_on(country.ctx)
    assert [row.id for row in released(country)] == [job]


@pytest.mark.exhaustive
def test_it_is_written_down_who_issued_it_when_and_by_which_definition(country: Country) -> None:
    country.issue("directorate", "MA-SAL")
    (row,) = released(country)
    with country.ctx.directory.reading() as session:
        (change,) = administration_log.changes(
            session, [row.unit], limit=5, kinds=[administration_log.Kind.figures_issued]
        )
        definition = protocol_repository.definition(session, PROTOCOL, 1)
    assert (change.actor, change.draft, change.role) == (country.people["directorate"], row.id, "directorate")
    assert (row.definition, row.edition, row.months[-1]) == (definition.digest, 1, "2026-11")
    assert row.counted_at == country.ctx.now() == row.issued_at
    assert (row.quarter, row.drawing, row.former) == (1, 1, None)


@pytest.mark.parametrize("table", ["figure_release", "figure_told"])
def test_the_database_refuses_to_change_what_was_issued(issued: Country, table: str) -> None:
    model: Any = {"figure_release": FigureReleaseRow, "figure_told": DisclosedFigureRow}[table]
    for statement in (update(model).values(unit="x"), delete(model)):
        with pytest.raises(DatabaseError, match="append-only"), issued.ctx.directory.writing() as session:
            session.execute(statement)
    if issued.ctx.directory.engine.dialect.name == "postgresql":
        return  # it has no REPLACE
    with pytest.raises(DatabaseError, match="append-only"), issued.ctx.directory.writing() as session:
        session.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"))


def test_figures_that_were_edited_or_taken_away_from_outside_are_told_by_the_check_of_the_night(
    country: Country,
) -> None:
    job = country.issue("directorate", "MA-SAL").id

    def told(*statements: Any) -> set[tuple[str, Flaw]]:
        with country.ctx.directory.engine.begin() as behind:
            for statement in statements:
                behind.execute(statement)
        return {(each.case_id, each.flaw) for each in verify(country.ctx).breaks}

    assert told() == set(), "the control"
    guards = ("figure_release_no_update", "figure_release_no_delete", "figure_told_no_delete")
    edited = update(FigureReleaseRow).values(edition=7)
    assert told(*(text(f"DROP TRIGGER {one}") for one in guards), edited) == {(f"figure_release {job}", Flaw.forged)}
    gone = (delete(row) for row in (DisclosedFigureRow, FigureKeyRow, FigureReleaseRow))
    assert told(*gone) == {(f"figure_release {job}", Flaw.gone)}


def test_a_worker_that_is_killed_leaves_nothing_and_the_next_one_does_it_all(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = country.ask("directorate", "MA-SAL")

    def killed(*_any: Any, **_more: Any) -> Any:
        raise RuntimeError("the machine went down")

    monkeypatch.setattr(repository, "write_release", killed)
    with pytest.raises(RuntimeError):
        releases.go_on(country.ctx)
    assert country.job(job).is_running
    assert not releases.go_on(country.ctx), "its lease runs"
    monkeypatch.undo()
    country.wait(seconds=2 * statistics_repository.LEASE.total_seconds())
    assert releases.go_on(country.ctx)
    assert country.job(job).state == State.issued


def test_one_at_which_every_worker_dies_is_given_up(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    job = country.ask("directorate", "MA-SAL")
    monkeypatch.setattr(releases, "work", lambda *_any: None)
    for _try in range(releases.TRIES + 1):
        assert releases.go_on(country.ctx)
        country.wait(seconds=2 * statistics_repository.LEASE.total_seconds())
    assert (country.job(job).state, country.job(job).fault) == (State.refused, "broken")


@pytest.mark.exhaustive
def test_one_is_worked_on_at_a_time_everywhere(country: Country) -> None:
    country.ask("directorate", "MA-SAL")
    country.ask("academy", "MA-04")
    with country.ctx.directory.writing() as session:
        assert statistics_repository.take_next(session, now=country.ctx.now()) is not None
        assert statistics_repository.take_next(session, now=country.ctx.now()) is None
        later = statistics_repository.take_next(session, now=country.ctx.now() + 2 * statistics_repository.LEASE)
    assert later is not None, "whoever said nothing for so long is taken for dead"


def test_one_that_is_stopped_issues_nothing(country: Country) -> None:
    job = country.ask("directorate", "MA-SAL")
    assert releases.stop_release(country.ctx, country.person("directorate"), job)
    assert not releases.stop_release(country.ctx, country.person("directorate"), job)
    assert not releases.go_on(country.ctx)
    assert released(country) == []
    with pytest.raises(Unseen):
        releases.stop_release(country.ctx, country.person("rabat"), job)


# ---- told once -----------------------------------------------------------------------------------------------------


def test_what_was_told_is_not_told_again(country: Country) -> None:
    country.issue("directorate", "MA-SAL")
    country.count_in("04001A", 1, seed=6)
    with pytest.raises(BadInput):
        country.ask("directorate", "MA-SAL")
    assert len(released(country)) == 1


def test_whoever_issues_above_repeats_what_was_told_below(country: Country) -> None:
    """However many cases came in since; and what was told above is told below, too."""
    country.issue("directorate", "MA-SAL")
    before = country.told("MA-SAL").unit.told
    country.wait(minutes=1)
    country.count_in("04002B", 60, seed=7)
    academy = country.issue("academy", "MA-04")
    assert country.told("MA-SAL", academy.id).unit.told == before
    (child,) = [one for one in country.told("MA-04").children if one.code == "MA-SAL"]
    assert child.told == before
    with pytest.raises(BadInput):
        country.ask("rabat", "MA-RAB")
    assert country.told("MA-RAB").line.id == academy.id


@pytest.mark.exhaustive
def test_of_two_who_asked_at_once_the_second_tells_nothing_anew(country: Country) -> None:
    mine = country.ask("rabat", "MA-RAB")
    country.wait(minutes=1)
    theirs = country.ask("academy", "MA-04")
    while releases.go_on(country.ctx):
        pass
    assert [country.job(job).state for job in (mine, theirs)] == [State.issued, State.issued]
    assert country.told("MA-RAB", mine).unit.told == country.told("MA-RAB", theirs).unit.told


def test_what_was_asked_for_before_somebody_above_told_it_is_refused(country: Country) -> None:
    first = country.ask("academy", "MA-04")
    country.wait(minutes=1)
    late = country.ask("rabat", "MA-RAB")
    while releases.go_on(country.ctx):
        pass
    assert country.job(first).state == State.issued
    assert (country.job(late).state, country.job(late).fault) == (State.refused, "as_before")


def test_a_wrong_release_is_withdrawn_and_drawn_anew_once(country: Country) -> None:
    first = country.issue("academy", "MA-04")
    releases.set_public(country.ctx, country.person("academy"), first.id, is_public=True)
    country.wait(days=20)
    country.count_in("04001A", 1, seed=5)
    assert see_figures(country.ctx, country.person("academy"), PROTOCOL, "MA-04").may_redraw
    second = country.issue("academy", "MA-04", again=True)
    assert second.state == State.issued
    told, before = country.told("MA-04"), country.told("MA-04", first.id)
    assert (told.line.id, told.line.number, told.line.drawing, told.line.former) == (second.id, 2, 2, first.id)
    assert (before.line.is_latest, before.line.is_public, told.line.is_public) == (False, False, False)
    with pytest.raises(Unseen):
        releases.set_public(country.ctx, country.person("academy"), first.id, is_public=True)
    numbers = [
        [one.unit.at(cell, month) for cell, month in catalogue.cells(UnitKind.region, 1, told.tables, told.line.months)]
        for one in (before, told)
    ]
    moved = sum(one != other for one, other in zip(*numbers, strict=True))
    assert moved > len(numbers[0]) / 3, "all are drawn anew, not only that in which a case came in"
    assert country.told("MA-SAL").unit.told["drawn_in"] == second.id
    assert not see_figures(country.ctx, country.person("academy"), PROTOCOL, "MA-04").may_redraw
    for again in (True, False):
        with pytest.raises(BadInput):
            country.ask("academy", "MA-04", again=again)


@pytest.mark.exhaustive
def test_nobody_draws_anew_what_another_one_issued(country: Country) -> None:
    country.issue("directorate", "MA-SAL")
    for who, code in (("academy", "MA-04"), ("rabat", "MA-RAB")):
        with pytest.raises(BadInput):
            country.ask(who, code, again=True)
    country.wait(minutes=1)
    country.issue("academy", "MA-04")
    assert not see_figures(country.ctx, country.person("directorate"), PROTOCOL, "MA-SAL").may_redraw
    country.wait(minutes=1)
    third = country.issue("academy", "MA-04", again=True)
    assert third.state == State.issued
    told = country.told("MA-SAL", third.id).unit.told
    assert told["drawn_in"] != third.id, "the directorate’s own stands, and is repeated"
    country.wait(minutes=1)
    mine = country.lines("MA-SAL")[-1].id
    assert see_figures(country.ctx, country.person("directorate"), PROTOCOL, "MA-SAL", mine).may_redraw
    again = country.issue("directorate", "MA-SAL", again=True)
    assert country.told("MA-SAL").unit.told["drawn_in"] == again.id
    assert country.told("MA-SAL", third.id).unit.told == told, "what was told above stays as it was"


@pytest.mark.files
def test_a_release_of_before_noise_is_read_by_no_way(country: Country) -> None:
    """Its exact numbers, beside those that bear noise, would undo it."""
    first = country.issue("academy", "MA-04").id
    with country.ctx.directory.engine.begin() as behind:
        behind.execute(text("DROP TRIGGER figure_release_no_update"))
        behind.execute(update(FigureReleaseRow).values(quarter=None, drawing=None))
    academy = country.person("academy")
    for ask in (
        lambda: releases.see_told(country.ctx, country.unit("MA-04"), first),
        lambda: see_figures(country.ctx, academy, PROTOCOL, "MA-04", first),
        lambda: release_files.release_sheet(country.ctx, academy, PROTOCOL, "MA-04", first, "csv"),
        lambda: releases.set_public(country.ctx, academy, first, is_public=True),
    ):
        with pytest.raises(Unseen):
            ask()
    assert country.lines("MA-04") == ()
    assert country.issue("academy", "MA-04").state == State.issued


# ---- the key -------------------------------------------------------------------------------------------------------


@pytest.fixture
def over() -> Iterator[Country]:
    """A directorate's schools, in a school year that is over."""
    with a_country(SALE, days=300) as found:
        yield found


def keys(country: Country) -> list[str]:
    with country.ctx.directory.reading() as session:
        return list(session.scalars(select(FigureKeyRow.release)))


def test_the_key_goes_with_the_release_of_the_year(over: Country) -> None:
    assert over.issue("directorate", "MA-SAL").state == State.issued
    assert keys(over) == [str(YEAR)]
    over.wait(minutes=1)
    over.issue("directorate", "MA-SAL", WHOLE_YEAR)
    assert keys(over) == []
    for period, again in ((ReleasePeriod(YEAR, 2), False), (WHOLE_YEAR, True)):
        over.wait(minutes=1)
        assert over.issue("directorate", "MA-SAL", period, again=again).state == State.issued
        assert keys(over) == [], "what is drawn later is drawn with another one, which goes at once"


def test_a_year_has_a_key_of_its_own_sealed_as_others_are(over: Country) -> None:
    with over.ctx.directory.writing() as session:
        one, other = (repository.noise_key(session, over.ctx.vault, year) for year in (YEAR, YEAR - 1))
        assert one != other
        assert len(one) == 32
        assert repository.noise_key(session, over.ctx.vault, YEAR) == one
        assert session.get_one(FigureKeyRow, str(YEAR)).wrapped.find(one) == -1
    assert case_keys.rotate(over.ctx.directory, over.ctx.vault) == 2
    with over.ctx.directory.writing() as session:
        assert repository.noise_key(session, over.ctx.vault, YEAR) == one


# ---- workshops -----------------------------------------------------------------------------------------------------


@pytest.fixture
def workshop(country: Country, tmp_path: Path) -> Iterator[AppContext]:
    """Another realm of the same installation, with the same directory and keys, and a case in it."""
    store = Store(open_engine(f"sqlite:///{tmp_path / 'workshop.sqlite'}"))
    upgrade(store.engine, "realm", WIRING.tables)
    ctx = replace(country.ctx, realm=store, name="workshop-1")
    filled = {"what_happened": "x", "danger_now": "no", "adult_concerned": "no", "how_it_came": "seen"}
    open_case(ctx, replace(country.person("member"), realm="workshop-1"), "report", filled, token="w")
    yield ctx
    store.close()


@pytest.mark.exhaustive
def test_a_case_of_a_workshop_is_in_no_release(country: Country, workshop: AppContext) -> None:
    with workshop.realm.reading() as session:
        assert len(index_repository.all_case_ids(session)) == 1
    assert country.issue("directorate", "MA-SAL").state == State.issued
    assert truly(country, "MA-SAL").at(TOTAL, country.units["MA-SAL"]) == sum(SALE.values())


@pytest.mark.exhaustive
def test_neither_the_house_nor_the_people_of_a_workshop_get_anywhere(country: Country, workshop: AppContext) -> None:
    here = country.person("directorate")
    trainee = replace(here, realm="workshop-1")
    for ctx, actor in ((workshop, here), (country.ctx, trainee), (workshop, trainee)):
        assert not permissions.may(ctx, actor, Permission.see_figures)
        assert places(ctx, actor) == ()
        with pytest.raises(Unseen):
            releases.ask_release(ctx, actor, PROTOCOL, "MA-SAL", QUARTER, "t")
        with pytest.raises(Unseen):
            see_figures(ctx, actor, PROTOCOL, "MA-SAL")
    job = country.ask("directorate", "MA-SAL")
    with pytest.raises(NotCounted):
        releases.go_on(workshop)
    with pytest.raises(NotCounted):
        releases.work(workshop, job)
    assert country.job(job).state == State.counting
    assert released(country) == []


# ---- for everybody -------------------------------------------------------------------------------------------------


def test_only_what_whoever_issued_it_puts_there_is_for_everybody(country: Country) -> None:
    release = country.issue("directorate", "MA-SAL").id
    assert see_public(country.ctx) == ()
    with pytest.raises(Unseen):
        see_public_told(country.ctx, release)
    for who in ("head", "rabat", "academy"):
        with pytest.raises(Unseen):
            releases.set_public(country.ctx, country.person(who), release, is_public=True)
    mine = country.person("directorate")
    assert releases.set_public(country.ctx, mine, release, is_public=True)
    assert not releases.set_public(country.ctx, mine, release, is_public=True)
    told = see_public_told(country.ctx, release)
    assert told.children == ()
    assert {table.key for table in told.tables} <= {"levels", "kinds", "channels", "platforms",
                                                    "in_time.safety_check", "in_time.first_listening"}  # fmt: skip
    assert set(told.unit.told["cells"]) <= {TOTALS, "levels", "kinds", "channels", "platforms"}
    assert told.unit.at(TOTAL) == country.told("MA-SAL").unit.at(TOTAL), "one number, wherever it is told"
    assert releases.set_public(country.ctx, mine, release, is_public=False)
    with pytest.raises(Unseen):
        see_public_told(country.ctx, release)
    with country.ctx.directory.reading() as session:
        kinds = [one.kind.value for one in administration_log.changes(session, [mine.appointments[0].unit], limit=9)]
    assert sorted(kinds) == ["figures_issued", "figures_published", "figures_withdrawn"]


# ---- taken along ---------------------------------------------------------------------------------------------------


def test_every_row_says_what_is_told(issued: Country) -> None:
    told = issued.told("MA-04")
    rows = list(figure_rows(told, Wording("en")))
    assert {tuple(row) for row in rows} == {COLUMNS}
    (total,) = [row for row in rows if (row["unit"], row["row"], row["month"]) == ("MA-04", CASES, None)]
    assert total["value"] == told.unit.at(TOTAL)
    assert all(row["value"] is not None for row in rows if row["what"] == "count")
    shares = [row for row in rows if row["what"] == "share"]
    assert shares
    assert all(row["value"] <= row["about"] <= row["upper"] for row in shares)
    assert {row["unit"] for row in rows} == {"MA-04", "MA-SAL", "MA-RAB"}
    assert {row["month"] for row in rows} == {None, *told.line.months}


def test_a_list_and_a_workbook_have_what_the_page_has(issued: Country) -> None:
    person = replace(issued.person("academy"), language="ar")
    release = issued.told("MA-04").line.id
    listed = release_files.release_sheet(issued.ctx, person, PROTOCOL, "MA-04", release, "csv")
    assert listed.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(listed.data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows[0]) == len(COLUMNS)
    total = str(issued.told("MA-04").unit.at(TOTAL))
    assert any(total in row for row in rows)
    book = load_workbook(
        io.BytesIO(release_files.release_sheet(issued.ctx, person, PROTOCOL, "MA-04", release, "xlsx").data)
    )
    assert all(sheet.sheet_view.rightToLeft for sheet in book.worksheets)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert int(total) in [cell.value for cell in cells]
    assert all(cell.data_type != "f" for cell in cells)
    french = release_files.release_sheet(issued.ctx, issued.person("academy"), PROTOCOL, "MA-04", release, "xlsx")
    assert not load_workbook(io.BytesIO(french.data)).worksheets[0].sheet_view.rightToLeft
    with pytest.raises(Unseen):
        release_files.release_sheet(issued.ctx, person, PROTOCOL, "MA-04", release, "exe")
    with pytest.raises(Unseen):
        release_files.release_sheet(issued.ctx, issued.person("head"), PROTOCOL, "MA-04", release, "csv")


def test_nothing_in_a_sheet_is_reckoned(country: Country) -> None:
    """A place whose name begins as a formula does."""
    with country.ctx.directory.writing() as session:
        rewrite(session, UnitRow, UnitRow.code == "MA-SAL", names={"fr": "=1+1"})
    release = country.issue("directorate", "MA-SAL").id
    mine = country.person("directorate")
    listed = release_files.release_sheet(country.ctx, mine, PROTOCOL, "MA-SAL", release, "csv").data.decode("utf-8-sig")
    assert "'=1+1" in listed
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(listed)) for cell in row)
    book = load_workbook(
        io.BytesIO(release_files.release_sheet(country.ctx, mine, PROTOCOL, "MA-SAL", release, "xlsx").data)
    )
    values = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in values if cell.data_type == "f" or str(cell.value).startswith("=")]


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_report_prints_what_is_told(issued: Country, language: str) -> None:
    release, person = issued.told("MA-04").line.id, issued.person("academy")
    token = f"report {language} {random.random()}"
    made = release_files.issue_report(issued.ctx, person, PROTOCOL, "MA-04", release, language, token=token)
    printed = text_of(made.data)
    assert str(issued.told("MA-04").unit.at(TOTAL)) in printed
    assert "3221225473" in printed, "the whole table of noise"
    assert "04003C" not in printed, "of a school nothing is told"
    with pytest.raises(SentBefore):
        release_files.issue_report(issued.ctx, person, PROTOCOL, "MA-04", release, language, token=token)
    with issued.ctx.directory.reading() as session:
        kept = repository.release_copies(session, release, issued.unit("MA-04").id)
    assert made.copy == kept


@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_the_academy_signs_it_and_its_house_knows_it_again(country: Country) -> None:
    """A country has no key of its own: its report goes unsigned, and is handed out all the same."""
    release, mine, ctx = country.issue("directorate", "MA-SAL").id, country.person("directorate"), country.ctx
    forever, folder = timedelta(days=3650), ctx.settings.data / "signing"
    make_authority(folder, "Root", {"MA-04": "Academy"}, Validity(NOW - forever, NOW + forever))
    made = release_files.issue_report(ctx, mine, PROTOCOL, "MA-SAL", release, "fr", token="signed")
    found = asked(ctx, checked(made.data, trust_in(folder), ctx.now()))
    assert found.verdict.signer is not None
    assert found.verdict.signer.name == "Academy"
    assert found.standing is Standing.genuine
    other = release_files.issue_report(ctx, mine, PROTOCOL, "MA-SAL", release, "ar", token="again")
    assert (made.copy, other.copy) == (1, 2)
    assert release_files._signed(ctx, country.unit("MA"), b"pages", Wording("fr")) == b"pages"
