"""Figures issued: by whom, what they tell, that they stay as they are; nothing passes the gate that must not."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine.telling import NOW
from openpyxl import load_workbook
from rewriting import rewrite
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import UnitRow
from school_protocol.case_files.prepare_process import Broken, Crew, Here
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
from school_protocol.statistics import release_files, releases, repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.counts import NotCounted
from school_protocol.statistics.disclosure import auditing, suppressing
from school_protocol.statistics.disclosure import release as disclosure_release
from school_protocol.statistics.disclosure.auditing import Finding
from school_protocol.statistics.models import DisclosedFigureRow, FigureKeyRow, FigureReleaseRow, State
from school_protocol.statistics.presenters import COLUMNS, figure_rows
from school_protocol.statistics.releases import Running, places, see_changes, see_figures, see_public, see_public_told
from school_protocol.statistics.rules import TOTALS, tables_from_data
from school_protocol.storage import administration_log
from school_protocol.storage.engines import Store, open_engine
from school_protocol.storage.journal import Flaw
from school_protocol.storage.migrate import upgrade
from school_protocol.wiring import WIRING
from services.figures_issued import CASES_OF, PROTOCOL, YEAR, Country, a_country
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


# ---- what is told, at each level -----------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_level_is_told_what_was_counted_of_it(issued: Country) -> None:
    for code in ("MA-04", "MA-SAL", "MA-RAB", "04001A"):
        told = issued.told(code)
        expected = sum(number for school, number in CASES_OF.items() if code in _path(issued, school))
        assert told.unit.at(TOTAL) == expected, code
    assert issued.told("MA-04").line.unit.code == "MA-04"


def _path(country: Country, school: str) -> set[str]:
    with country.ctx.directory.reading() as session:
        unit = auth_repository.unit(session, country.units[school])
        return {school, *(one.code for one in auth_repository.find_units(session, unit.parents).values())}


@pytest.mark.exhaustive
def test_a_small_school_is_told_nothing_and_no_rest_tells_of_it(country: Country) -> None:
    """Of three schools two are told; the third has two cases: with the total told, two of them may not both be."""
    country.count_in("MA-SAL", 2)
    assert country.issue("directorate", "MA-SAL").state == State.issued
    told = country.told("MA-SAL")
    numbers = {one.code: one.at(TOTAL) for one in told.children}
    assert numbers.keys() == {"04001A", "04002B", "04003C", "MA-SAL~"}
    assert numbers["MA-SAL~"] is None
    assert told.unit.at(TOTAL) is None or list(numbers.values()).count(None) >= 2
    assert all(number is None or number >= 5 for number in numbers.values())


def test_the_country_is_issued_by_whoever_holds_the_role_there(issued: Country) -> None:
    assert [place.unit.kind for place in places(issued.ctx, issued.person("ministry"))] == [UnitKind.country]
    options = releases.see_options(issued.ctx, issued.person("ministry"), PROTOCOL, "MA")
    assert options.years == ((YEAR, None),)


def test_the_pages_can_make_somebody_who_issues_the_countrys_figures(issued: Country) -> None:
    """The academy's role can be held in a region alone; whoever keeps the protocol, at the top."""
    rules, roles = issued.player.protocol.figures, issued.player.protocol.roles
    assert rules is not None
    assert [key for key in rules.issues if fits(roles[key], issued.unit("MA"))] == ["protocol_admin"]


def test_nothing_that_is_withheld_leaves_the_sealed_counts(issued: Country) -> None:
    """What pages read has the counts that are told, and no other; the sealed row tells nothing by itself."""
    (row,) = released(issued)
    with issued.ctx.directory.reading() as session:
        sealed = repository.sealed_release(session, row.id)
        opened = repository.open_sealed(session, issued.ctx.vault, row.id, sealed)
        told = list(session.scalars(select(DisclosedFigureRow).where(DisclosedFigureRow.release == row.id)))
    release = disclosure_release.from_data(opened, tables_from_data(row.tables))
    for one in told:
        for table, rows in one.told["cells"].items():
            for key, months in rows.items():
                for month, number in months.items():
                    assert release.at((table, key), one.unit, month) == number
    kept = sum(len(months) for one in told for rows in one.told["cells"].values() for months in rows.values())
    assert kept == len(release.told)
    secret = [cell for cell, units in release.counts.cells.items() for unit in units if release.at(cell, unit) is None]
    assert secret, "some are withheld"
    assert b"home_danger" not in sealed
    assert b"04001A" not in sealed


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


def test_a_year_that_is_not_offered_is_refused(issued: Country) -> None:
    for year in (YEAR - 1, YEAR + 1, 0):
        with pytest.raises(BadInput):
            issued.ask("rabat", "MA-RAB", year=year)


@pytest.mark.exhaustive
def test_whoever_lost_the_role_meanwhile_issues_nothing(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    job = country.ask("directorate", "MA-SAL")
    monkeypatch.setattr(releases, "actor_of", lambda *_any: None)
    assert releases.go_on(country.ctx, Here(country.ctx))
    assert (country.job(job).state, country.job(job).fault) == (State.refused, "not_allowed")
    assert released(country) == []


# ---- once, for good ------------------------------------------------------------------------------------------------


def test_pressed_twice_it_is_one_and_another_waits(country: Country) -> None:
    job = country.ask("directorate", "MA-SAL", token="same")
    assert country.ask("directorate", "MA-SAL", token="same") == job
    with pytest.raises(Running) as running:
        country.ask("directorate", "MA-SAL")
    assert running.value.job == job
    assert releases.go_on(country.ctx, Here(country.ctx))
    assert not releases.go_on(country.ctx, Here(country.ctx))
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
    assert row.counted_at == NOW <= row.issued_at


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


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_leaves_what_it_counted(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one goes on from those counts, whatever was opened meanwhile."""
    job = country.ask("directorate", "MA-SAL")

    def killed(*_any: Any) -> Any:
        raise RuntimeError("the machine went down")

    monkeypatch.setattr(suppressing, "suppress", killed)
    assert not releases.go_on(country.ctx, Here(country.ctx))
    assert country.job(job).state == State.choosing
    monkeypatch.undo()
    country.count_in("04001A", 30, seed=2)
    assert releases.go_on(country.ctx, Here(country.ctx))
    assert country.job(job).state == State.issued
    assert country.told("MA-SAL").unit.at(TOTAL) == sum(SALE.values()), "as it was counted before the machine went down"


class _Dies:
    size = 1

    def do(self, work: Callable[..., Any], *told: Any, now: Any) -> Any:
        raise Broken("ended")


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_process_apart_does_it_and_its_death_costs_nothing(country: Country) -> None:
    """Niced, with a clock that stands; it says how far it is by itself. Killed at once, the next one does it all."""
    job = country.ask("directorate", "MA-SAL")
    with Crew(country.ctx.settings, 1, seconds=0.01) as crew:
        assert not releases.go_on(country.ctx, crew)
    assert country.job(job).is_running
    with Crew(country.ctx.settings, 1, seconds=300) as crew:
        assert releases.go_on(country.ctx, crew)
    assert country.job(job).state == State.issued
    assert country.told("MA-SAL").unit.at(TOTAL) == sum(SALE.values())


def test_one_at_which_every_worker_dies_is_given_up(country: Country) -> None:
    job = country.ask("directorate", "MA-SAL")
    for _try in range(releases.TRIES):
        assert not releases.go_on(country.ctx, _Dies())
    releases.go_on(country.ctx, _Dies())
    assert (country.job(job).state, country.job(job).fault) == (State.refused, "broken")


@pytest.mark.exhaustive
def test_two_workers_are_never_at_two_at_once(country: Country) -> None:
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
    assert not releases.go_on(country.ctx, Here(country.ctx))
    assert released(country) == []
    with pytest.raises(Unseen):
        releases.stop_release(country.ctx, country.person("rabat"), job)


# ---- the gate ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_what_does_not_pass_the_gate_is_never_issued(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "audit", lambda *_any: (object.__new__(Finding),))
    job = country.issue("directorate", "MA-SAL")
    assert (job.state, job.fault) == (State.refused, "gate")
    assert released(country) == []
    with country.ctx.directory.reading() as session:
        assert statistics_repository.sealed_of(session, job.id) is None
        assert session.get(FigureKeyRow, job.id) is None, "what was counted for it opens no more"
    monkeypatch.undo()
    assert country.issue("directorate", "MA-SAL").state == State.issued


@pytest.mark.parametrize("late", [1, 2], ids=["before the gate", "after the gate"])
def test_a_release_that_came_meanwhile_is_looked_at_too(
    country: Country, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """While one is worked out, another one is issued: all begins anew beside it."""
    first = country.issue("directorate", "MA-SAL")
    beside, calls = repository.beside, iter([True] * late)

    def blind(*asked: Any) -> Any:
        return () if next(calls, False) else beside(*asked)

    country.count_in("04002B", 60, seed=7)
    monkeypatch.setattr(repository, "beside", blind)
    looked: list[int] = []
    suppress = suppressing.suppress

    def counted(counts: Any, others: Any, *more: Any) -> Any:
        looked.append(len(others))
        return suppress(counts, others, *more)

    monkeypatch.setattr(suppressing, "suppress", counted)
    assert country.issue("academy", "MA-04").state == State.issued
    assert looked == [0, 1], "the first look saw nothing of what was issued"
    assert first.id in {row.id for row in released(country)}


def test_all_that_can_be_put_together_is_looked_at_together(issued: Country) -> None:
    """A directorate beside its academy; another academy by itself, as long as the country has not issued any."""
    sale, south = issued.unit("MA-SAL").id, issued.unit("MA-07").id
    with issued.ctx.directory.reading() as session:
        (academy,) = repository.beside(session, PROTOCOL, {sale}, {"2026-10"})
        assert academy.unit == issued.unit("MA-04").id
        assert repository.beside(session, PROTOCOL, {south}, {"2026-10"}) == ()
        assert repository.beside(session, PROTOCOL, {sale}, {"2025-10"}) == ()
        assert repository.beside(session, "another", {sale}, {"2026-10"}) == ()


@pytest.mark.exhaustive
def test_too_few_cases_are_no_release() -> None:
    with a_country({"04001A": 3}) as country:
        job = country.issue("directorate", "MA-SAL")
        assert (job.state, job.fault) == (State.refused, "too_few")
        assert released(country) == []


# ---- issued again --------------------------------------------------------------------------------------------------


def test_late_cases_make_a_new_release_that_says_what_changed(country: Country) -> None:
    first = country.issue("directorate", "MA-SAL")
    again = country.issue("directorate", "MA-SAL")
    assert (again.state, again.fault) == (State.refused, "as_before")
    country.wait(days=20)
    country.count_in("04001A", 40, seed=5)
    second = country.issue("directorate", "MA-SAL")
    assert second.state == State.issued
    told = country.told("MA-SAL")
    assert (told.line.id, told.line.number, told.line.former) == (second.id, 2, first.id)
    before = country.told("MA-SAL", first.id)
    assert before.unit.at(TOTAL) == sum(SALE.values())
    assert not before.line.is_latest
    found = see_changes(country.ctx, told)
    assert found is not None
    former, changed = found
    assert former.id == first.id
    total = next(one for one in changed if one.table is None and one.row.key == CASES)
    assert (total.before, total.now) == (sum(SALE.values()), sum(SALE.values()) + 40)


@pytest.mark.exhaustive
def test_one_late_case_is_told_by_no_difference(country: Country) -> None:
    country.issue("directorate", "MA-SAL")
    before = country.told("MA-SAL")
    country.wait(days=3)
    country.count_in("04001A", 1, seed=6)
    country.issue("directorate", "MA-SAL")
    now = country.told("MA-SAL")
    for one in ("MA-SAL", "04001A"):
        earlier, later = country.told(one, before.line.id).unit, country.told(one, now.line.id).unit
        for table, rows in later.told["cells"].items():
            for row, months in rows.items():
                for month, number in months.items():
                    told = earlier.at((table, row), month)
                    assert told is None or told == number or abs(told - number) >= 5


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
    assert country.told("MA-SAL").unit.at(TOTAL) == sum(SALE.values())
    (row,) = released(country)
    with country.ctx.directory.reading() as session:
        opened = repository.open_sealed(session, country.ctx.vault, row.id, repository.sealed_release(session, row.id))
    counts = disclosure_release.from_data(opened, tables_from_data(row.tables)).counts
    assert counts.at(TOTAL, country.units["04001A"]) == SALE["04001A"]


@pytest.mark.exhaustive
def test_neither_the_house_nor_the_people_of_a_workshop_get_anywhere(country: Country, workshop: AppContext) -> None:
    here = country.person("directorate")
    trainee = replace(here, realm="workshop-1")
    for ctx, actor in ((workshop, here), (country.ctx, trainee), (workshop, trainee)):
        assert not permissions.may(ctx, actor, Permission.see_figures)
        assert places(ctx, actor) == ()
        with pytest.raises(Unseen):
            releases.ask_release(ctx, actor, PROTOCOL, "MA-SAL", YEAR, "t")
        with pytest.raises(Unseen):
            see_figures(ctx, actor, PROTOCOL, "MA-SAL")
    job = country.ask("directorate", "MA-SAL")
    with pytest.raises(NotCounted):
        releases.go_on(workshop, Here(workshop))
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
    numbers = [
        number for rows in told.unit.told["cells"].values() for months in rows.values() for number in months.values()
    ]
    assert numbers
    assert all(number % 5 == 0 for number in numbers)
    assert releases.set_public(country.ctx, mine, release, is_public=False)
    with pytest.raises(Unseen):
        see_public_told(country.ctx, release)
    with country.ctx.directory.reading() as session:
        kinds = [one.kind.value for one in administration_log.changes(session, [mine.appointments[0].unit], limit=9)]
    assert sorted(kinds) == ["figures_issued", "figures_published", "figures_withdrawn"]


# ---- taken along ---------------------------------------------------------------------------------------------------


def test_every_row_says_its_number_or_that_it_is_withheld(issued: Country) -> None:
    told = issued.told("MA-04")
    rows = list(figure_rows(told, Wording("en")))
    assert {tuple(row) for row in rows} == {COLUMNS}
    (total,) = [row for row in rows if (row["unit"], row["row"], row["month"]) == ("MA-04", CASES, None)]
    assert (total["value"], total["withheld"]) == (205, False)
    assert all((row["value"] is None) == row["withheld"] for row in rows if row["what"] == "count")
    assert {row["unit"] for row in rows} == {"MA-04", "MA-SAL", "MA-RAB"}


def test_a_list_and_a_workbook_have_what_the_page_has(issued: Country) -> None:
    person = replace(issued.person("academy"), language="ar")
    release = issued.told("MA-04").line.id
    listed = release_files.release_sheet(issued.ctx, person, PROTOCOL, "MA-04", release, "csv")
    assert listed.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(listed.data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows[0]) == len(COLUMNS)
    assert any("205" in row for row in rows)
    book = load_workbook(
        io.BytesIO(release_files.release_sheet(issued.ctx, person, PROTOCOL, "MA-04", release, "xlsx").data)
    )
    assert all(sheet.sheet_view.rightToLeft for sheet in book.worksheets)
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert 205 in [cell.value for cell in cells]
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
        rewrite(session, UnitRow, UnitRow.code == "04001A", names={"fr": "=1+1"})
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
    assert "205" in printed
    assert "04003C" not in printed, "a school stands in its directorate's report"
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
