"""The teams of a region, visits, team figures and the pack: who sees what, and what is never told."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from engine.telling import NOW
from pypdf import PdfReader
from rewriting import rewrite
from sqlalchemy import text

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository, sign_in_service
from school_protocol.auth.models import AccountRow, AppointmentRow
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE
from school_protocol.people.teams import TeamRefused
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.rules import Band
from school_protocol.storage import access_log, administration_log
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.case_numbers import format_number
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.supervision import regional_teams, team_statistics, visit_pack, visit_service
from school_protocol.supervision.regional_teams import ENDING, FEW, NO_TEAM, QUIET, Narrowed

from .conftest import MASSAR, NAME, WORDS, School

TODAY = NOW.astimezone(ZONE).date()


class Region:
    """The school of the stories, and around it schools without a team, with a small one, with one that ends soon."""

    def __init__(self, school: School) -> None:
        self.school, self.ctx = school, school.ctx
        for who in ("team_member", "team_member/2", "team_coordinator", "head", "directorate", "academy", "trainer"):
            school.person(who)
        with self.ctx.directory.writing() as session:
            self.own = auth_repository.unit(session, school.player.school)
            province, region = self.own.parents[:2]
            other = auth_repository.add_unit(
                session, kind=UnitKind.province, code="ZP2", names={"fr": "Autre"}, parent=region
            )
            self.ids = {self.own.code: self.own.id}
            for code, name, parent in (
                ("00001K", "Zénith", province), ("00002K", "Atlas", province), ("00003K", "Mimosa", province),
                ("00004K", "Loin", other),
            ):  # fmt: skip
                self.ids[code] = auth_repository.add_unit(
                    session, kind=UnitKind.school, code=code, names={"fr": name}, parent=parent
                )
            self.add(session, "small", "00002K", TODAY + timedelta(days=400))
            for number in range(3):
                days = 30 if number == 0 else 400
                self.add(session, f"ending{number}", "00003K", TODAY + timedelta(days=days))
            for number in range(3):
                self.add(session, f"far{number}", "00004K", TODAY - timedelta(days=1))
            rewrite(session, AccountRow, password_hash="x")

    def add(
        self, session: Any, who: str, code: str, until: date, role: str = "team_member", *,
        is_awaited: bool = False, since: date = date(2020, 1, 1),
    ) -> str:  # fmt: skip
        account = auth_repository.add_account(
            session, username=who, names={"fr": who}, language="fr", created_at=NOW, certified=True,
            trained_until=until, password_hash=None if is_awaited else "x",
        )  # fmt: skip
        auth_repository.appoint(session, account, role=role, unit=self.ids[code], starts=since)
        return account

    def line(self, code: str, who: str = "academy") -> regional_teams.TeamLine:
        lines = regional_teams.see_teams(self.ctx, self.actor(who), Narrowed()).lines
        return next(one for one in lines if one.unit.code == code)

    def actor(self, who: str) -> Actor:
        return self.school.person(who)

    def of(self, account: str) -> Actor:
        with self.ctx.directory.reading() as session:
            found = sign_in_service.actor_of(self.ctx, account, session)
        assert found is not None
        return found

    def codes(self, who: str = "directorate", **narrowed: str) -> list[str]:
        found, after = [], ""
        while True:
            view = regional_teams.see_teams(self.ctx, self.actor(who), Narrowed(**narrowed), after)
            found += [line.unit.code for line in view.lines]
            after = view.after
            if not after:
                return found

    def said(self, **changed: Any) -> dict[str, Any]:
        actions = [{"what": "Un local", "who": "Le directeur", "by": (TODAY + timedelta(days=9)).isoformat()}]
        said = {"held_on": TODAY.isoformat(), "came": "Deux", "remarks": "Vu.", "actions": actions}
        return {**said, **changed}

    def note(self, who: str = "directorate", **changed: Any) -> str:
        token = changed.pop("token", None) or self.school.token()
        code = changed.pop("code", self.own.code)
        return visit_service.record(self.ctx, self.actor(who), code, token=token, **self.said(**changed)).id

    def latest(self, who: str = "head") -> visit_service.VisitView:
        view = regional_teams.see_school(self.ctx, self.actor(who), self.own.code)
        return visit_service.visits_of(self.ctx, view.sight)[0][0]


@pytest.fixture
def region(school: School) -> Region:
    return Region(school)


# ---- the list ------------------------------------------------------------------------------------------------------


def test_schools_stand_by_name_within_ones_own_place(region: Region) -> None:
    near = ["00002K", "00003K", region.own.code, "00001K"]
    names = {code: index for index, code in enumerate(region.codes())}
    assert set(names) == set(near)
    assert names["00002K"] < names["00003K"] < names["00001K"]
    assert set(region.codes("academy")) == {*near, "00004K"}
    assert region.codes("trainer") == [region.own.code]
    assert set(region.codes("academy", place="ZP2")) == {"00004K"}
    view = regional_teams.see_teams(region.ctx, region.actor("directorate"), Narrowed(place="ZP2"))
    assert not view.is_place_known
    assert {line.unit.code for line in view.lines} == set(near), "a place that isn't one's own is left aside"


@pytest.mark.exhaustive
@pytest.mark.parametrize("page", [1, 2, 25])
def test_what_a_team_lacks_can_be_asked_for_page_by_page(
    region: Region, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(regional_teams, "PAGE", page)
    region.school.report()
    assert region.codes("academy", lack=NO_TEAM) == ["00001K"]
    assert region.codes("academy", lack=FEW) == ["00002K", "00004K"]
    assert region.codes("academy", lack=ENDING) == ["00004K", "00003K"]
    assert region.codes("academy", lack=QUIET) == ["00002K", "00004K", "00003K"]
    assert sorted(region.codes("academy")) == sorted(region.ids)


def test_people_of_another_role_closed_accounts_and_those_who_left_are_no_team(region: Region) -> None:
    with region.ctx.directory.writing() as session:
        region.add(session, "head1", "00001K", TODAY + timedelta(days=400), role="head")
        closed = region.add(session, "closed", "00001K", TODAY + timedelta(days=400))
        auth_repository.set_active(session, closed, False)
    assert region.codes(lack=NO_TEAM) == ["00001K"]
    line = next(
        one
        for one in regional_teams.see_teams(region.ctx, region.actor("academy"), Narrowed()).lines
        if one.unit.code == "00003K"
    )
    assert (line.trained, line.ending, line.is_few) == (3, 1, False)


@pytest.mark.exhaustive
def test_whoever_never_signed_in_is_shown_and_counts_as_nobody(region: Region) -> None:
    later = TODAY + timedelta(days=400)
    with region.ctx.directory.writing() as session:
        region.add(session, "invited", "00001K", later, is_awaited=True)
        region.add(session, "invited2", "00002K", later, is_awaited=True)
        invited3 = region.add(session, "invited3", "00002K", later, is_awaited=True)
    line = region.line("00001K")
    assert ([one.is_awaited for one in line.members], line.has_team, line.trained) == ([True], False, 0)
    line = region.line("00002K")
    assert (len(line.members), line.trained, line.is_few) == (3, 1, True)
    assert region.codes("academy", lack=NO_TEAM) == ["00001K"]
    assert "00002K" in region.codes("academy", lack=FEW)
    assert "00001K" not in region.codes("academy", lack=QUIET)
    with region.ctx.directory.writing() as session:
        auth_repository.set_password(session, invited3, "x")
        sign_in_repository.link(
            session, "https://id", "s", region.add(session, "known", "00002K", later, is_awaited=True), at=NOW
        )
    assert region.line("00002K").trained == 3
    assert "00002K" not in region.codes("academy", lack=FEW)


@pytest.mark.exhaustive
def test_a_team_is_long_without_a_case_only_if_somebody_was_there_for_so_long(region: Region) -> None:
    later = TODAY + timedelta(days=400)
    with region.ctx.directory.writing() as session:
        region.add(session, "new", "00001K", later, since=TODAY - timedelta(days=300))
    assert region.line("00001K").is_quiet is None
    assert "00001K" not in region.codes("academy", lack=QUIET)
    with region.ctx.directory.writing() as session:
        region.add(session, "old", "00001K", later, since=TODAY - timedelta(days=400))
    assert region.line("00001K").is_quiet
    assert "00001K" in region.codes("academy", lack=QUIET)


def is_quiet(region: Region, who: str = "directorate") -> bool | None:
    view = regional_teams.see_teams(region.ctx, region.actor(who), Narrowed())
    return next(line.is_quiet for line in view.lines if line.unit.code == region.own.code)


def test_a_restricted_case_is_told_neither_by_a_mark_nor_by_its_absence(region: Region) -> None:
    """Whoever sees it and whoever does not read the same of the school."""
    readers = ("directorate", "academy")
    assert [is_quiet(region, who) for who in readers] == [True, True]
    region.school.report(adult_concerned="yes")
    assert region.school.is_seen_by("directorate")
    assert not region.school.is_seen_by("academy")
    assert [is_quiet(region, who) for who in readers] == [True, True]
    region.school.report()
    assert [is_quiet(region, who) for who in readers] == [False, False]
    region.school.wait(days=400)
    assert [is_quiet(region, who) for who in readers] == [True, True]


@pytest.mark.exhaustive
def test_of_cases_nothing_is_told_to_whoever_sees_none(region: Region) -> None:
    assert is_quiet(region, "trainer") is None
    view = regional_teams.see_teams(region.ctx, region.actor("trainer"), Narrowed(lack=QUIET))
    assert QUIET not in view.lacks
    assert view.wanted.lack == ""
    for see in (team_statistics.see_figures, visit_pack.see_pack):
        with pytest.raises(Unseen):
            see(region.ctx, region.actor("trainer"), region.own.code)


def test_nobody_else_looks_at_teams(region: Region) -> None:
    for who in ("team_member", "psychosocial", "data_officer", "technical_admin", "reporter"):
        with pytest.raises(Unseen):
            regional_teams.see_school(region.ctx, region.actor(who), region.own.code)
    for who in ("head", "team_coordinator", "team_member"):
        with pytest.raises(Unseen):
            regional_teams.see_teams(region.ctx, region.actor(who), Narrowed())
        with pytest.raises(Unseen):
            visit_service.see_visits(region.ctx, region.actor(who), visit_service.Narrowed())
    with pytest.raises(Unseen):
        regional_teams.see_school(region.ctx, region.actor("head"), "00002K")
    with pytest.raises(Unseen):
        regional_teams.see_school(region.ctx, region.actor("directorate"), "00004K")


# ---- visits --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_visit_is_put_right_by_a_new_entry_and_nothing_is_overwritten(region: Region) -> None:
    visit = region.note("trainer")
    region.note("directorate", held_on=(TODAY - timedelta(days=3)).isoformat())
    visit_service.correct(
        region.ctx, region.actor("trainer"), region.own.code, visit, expected=1, token="c",
        **region.said(came="Trois"),
    )  # fmt: skip
    found = region.latest("trainer")
    assert (found.came, found.number, found.kind) == ("Trois", 2, "corrected")
    assert [(one.came, one.kind) for one in found.earlier] == [("Deux", "recorded")]
    with pytest.raises(TeamRefused):
        visit_service.correct(
            region.ctx, region.actor("trainer"), region.own.code, visit, expected=1, token="d", **region.said()
        )
    with region.ctx.directory.writing() as session, pytest.raises(Exception, match="append-only"):
        session.execute(text("UPDATE visit_entry SET came = 'x'"))
    with region.ctx.directory.writing() as session, pytest.raises(Exception, match="append-only"):
        session.execute(text("DELETE FROM visit_entry"))


@pytest.mark.exhaustive
def test_a_case_number_is_refused_wherever_it_is_typed(region: Region) -> None:
    number = format_number(region.school.report().number)
    arabic = number.translate({48 + digit: 0x660 + digit for digit in range(10)})
    for typed in (number, number.replace(" ", ""), number.replace(" ", "-"), arabic):
        for changed, path in (
            ({"remarks": f"Le dossier {typed}, vu"}, "remarks"), ({"came": f"Deux {typed}"}, "came"),
            ({"actions": [{**region.said()["actions"][0], "what": f"Voir {typed}"}]}, "actions.0.what"),
        ):  # fmt: skip
            with pytest.raises(BadInput) as caught:
                region.note("trainer", **changed)
            assert dict(caught.value.problems) == {path: (f"case_number:{number}",)}


def correct(region: Region, who: str, visit: str, expected: int, **changed: Any) -> None:
    visit_service.correct(
        region.ctx, region.actor(who), region.own.code, visit, expected=expected, token=region.school.token(),
        **region.said(**changed),
    )  # fmt: skip


@pytest.mark.exhaustive
def test_an_earlier_wording_is_for_its_writer_and_for_those_who_see_the_cases_from_above(region: Region) -> None:
    visit = region.note("directorate", came="Trop dit")
    correct(region, "directorate", visit, 1)
    read = {}
    for who in ("directorate", "academy", "trainer", "head", "team_coordinator"):
        found = region.latest(who)
        read[who] = (len(found.earlier), found.has_earlier)
    assert read == {
        "directorate": (1, True), "academy": (1, True), "trainer": (0, True), "head": (0, True),
        "team_coordinator": (0, True),
    }  # fmt: skip
    own = region.note("trainer")
    correct(region, "trainer", own, 1)
    seen = [
        visit_service.see_visit(region.ctx, region.actor(who), region.own.code, own)[1] for who in ("trainer", "head")
    ]
    assert [len(one.earlier) for one in seen] == [1, 0]


@pytest.mark.exhaustive
def test_only_whoever_wrote_a_visit_puts_it_right(region: Region) -> None:
    visit = region.note("trainer")
    for who in ("academy", "directorate", "trainer/2"):
        assert not region.latest(who).may_correct
        with pytest.raises(TeamRefused) as caught:
            correct(region, who, visit, 1)
        assert [one.code for one in caught.value.obstacles] == ["not_the_writer"]
    assert not region.latest("head").may_correct
    assert region.latest("trainer").may_correct


@pytest.mark.parametrize("gone", ["closed", "left"])
def test_whoever_holds_the_role_after_the_writer_puts_a_visit_right(region: Region, gone: str) -> None:
    visit, writer = region.note("trainer"), region.actor("trainer").id
    with region.ctx.directory.writing() as session:
        if gone == "closed":
            auth_repository.set_active(session, writer, False)
        else:
            rewrite(session, AppointmentRow, AppointmentRow.account == writer, ends=TODAY - timedelta(days=1))
    assert not region.latest("directorate").may_correct
    assert region.latest("trainer/2").may_correct
    correct(region, "trainer/2", visit, 1, came="Quatre")
    assert region.latest("directorate").came == "Quatre"


def test_what_was_agreed_is_noted_as_done_by_the_team_too(region: Region) -> None:
    visit, code = region.note(), region.own.code
    for who in ("team_member", "psychosocial"):
        with pytest.raises(Unseen):
            visit_service.note_done(region.ctx, region.actor(who), code, visit, 0, expected=1, token="x")
    with pytest.raises(Unseen):
        visit_service.note_done(region.ctx, region.actor("head"), code, visit, 3, expected=1, token="y")
    visit_service.note_done(region.ctx, region.actor("head"), code, visit, 0, expected=1, token="z")
    assert visit_service.note_done(region.ctx, region.actor("head"), code, visit, 0, expected=1, token="z").repeated
    found = region.latest()
    assert (found.actions[0].done_on, found.kind, found.number) == (TODAY, "done", 2)
    visit_service.correct(
        region.ctx, region.actor("directorate"), code, visit, expected=2, token="c",
        **region.said(actions=[*region.said()["actions"], {"what": "Autre", "who": "X", "by": TODAY.isoformat()}]),
    )  # fmt: skip
    assert [one.done_on for one in region.latest().actions] == [TODAY, None]


def test_a_visit_belongs_to_its_school(region: Region) -> None:
    visit = region.note(code="00002K")
    for who in ("directorate", "head"):
        with pytest.raises(Unseen):
            visit_service.see_visit(region.ctx, region.actor(who), region.own.code, visit)
    with pytest.raises(Unseen):
        region.note("trainer", code="00002K")
    with pytest.raises(Unseen):
        region.note("head")


@pytest.mark.exhaustive
def test_what_is_typed_is_judged(region: Region) -> None:
    def problems(**changed: Any) -> dict[str, tuple[str, ...]]:
        with pytest.raises(BadInput) as caught:
            region.note(**changed)
        return dict(caught.value.problems)

    assert set(problems(held_on="", came=" ", remarks="")) == {"held_on", "came", "remarks"}
    assert set(problems(held_on=(TODAY + timedelta(days=1)).isoformat())) == {"held_on"}
    assert set(problems(actions=[{"what": "x"}])) == {"actions.0.who", "actions.0.by"}
    assert set(problems(remarks="x" * 4001)) == {"remarks"}
    assert problems(actions=region.said()["actions"] * 6) == {"actions": ("too_many:5",)}
    assert problems(remarks=f"L’élève {MASSAR}") == {"remarks": (f"reaches:{MASSAR}",)}
    assert set(problems(actions=[{**region.said()["actions"][0], "who": "0661 22 33 44"}])) == {"actions.0.who"}


def test_a_press_counts_once(region: Region) -> None:
    visit = region.note(token="same")
    assert visit_service.record(
        region.ctx, region.actor("directorate"), region.own.code, token="same", **region.said()
    ) == visit_service.Kept(visit, repeated=True)
    with pytest.raises(SentBefore):
        region.note(token="same", came="Autre")
    with region.ctx.directory.reading() as session:
        rows = administration_log.changes(session, [region.own.id], limit=9, kinds=[Kind.visit_recorded])
    assert len(rows) == 1


@pytest.mark.exhaustive
def test_visits_are_found_by_place_day_and_what_is_still_to_do(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_service, "PAGE", 1)
    late = [{"what": "a", "who": "b", "by": (TODAY - timedelta(days=1)).isoformat()}]
    old = (TODAY - timedelta(days=30)).isoformat()
    first = region.note(held_on=old, actions=late)
    second = region.note(code="00002K", actions=[])
    far = region.note("academy", code="00004K")

    def listed(who: str = "directorate", **narrowed: Any) -> set[str]:
        found, after = set(), ""
        while True:
            view = visit_service.see_visits(region.ctx, region.actor(who), visit_service.Narrowed(**narrowed), after)
            found |= {line.visit for line in view.lines}
            after = view.after
            if not after:
                return found

    assert listed() == {first, second}
    assert listed("academy") == {first, second, far}
    assert listed("trainer") == {first}
    assert listed(place="00002K") == {second}
    assert listed(since=TODAY) == {second}
    assert listed(show="open") == {first}
    assert listed("academy", show="late") == {first}
    visit_service.note_done(region.ctx, region.actor("head"), region.own.code, first, 0, expected=1, token="q")
    assert listed(show="late") == set()


# ---- figures and pack ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_few_cases_are_told_to_whoever_reads_them_on_paper_by_tens_and_the_restricted_nowhere(
    region: Region,
) -> None:
    school = region.school
    for _number in range(9):
        school.report()
    for _number in range(4):
        school.report(adult_concerned="yes")
    shown = {
        who: team_statistics.see_figures(region.ctx, region.actor(who), region.own.code)
        for who in ("directorate", "academy")
    }
    assert shown["directorate"].figures == shown["academy"].figures
    assert shown["directorate"].figures.is_few
    assert shown["directorate"].figures.waits == ()
    assert [shown[who].exact.cases for who in shown] == [9, 9]
    school.report()
    found = team_statistics.see_figures(region.ctx, region.actor("directorate"), region.own.code).figures
    assert (found.cases.low, found.departures and found.departures.low) == (10, 0)
    school.wait(days=5)
    earlier = team_statistics.see_figures(region.ctx, region.actor("directorate"), region.own.code, "2025.0")
    assert earlier.figures.is_few
    for who in ("head", "team_coordinator", "trainer"):
        with pytest.raises(Unseen):
            team_statistics.see_figures(region.ctx, region.actor(who), region.own.code)


@pytest.mark.exhaustive
def test_a_teams_waits_are_medians_of_its_own_cases_and_its_shares_of_what_was_met(region: Region) -> None:
    """Thirteen of twenty safety checks within the hour, seven the day after, past the limit."""
    school = region.school
    for number in range(20):
        if number == 13:
            school.wait(days=1)
        school.report()
        school.wait(minutes=2)
        if number >= 13:
            school.wait(days=1)
        school.act("team_member", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
        if number >= 13:
            school.wait(days=-1)
    school.wait(days=3)
    found = team_statistics.see_figures(region.ctx, region.actor("directorate"), region.own.code).figures
    waits, times = {one.key: one for one in found.waits}, {one.deadline: one for one in found.times}
    assert (waits["safety"].is_told, waits["safety"].low, waits["safety"].most) == (True, None, 1)
    assert not waits["listening"].is_told
    exact = team_statistics.see_figures(region.ctx, region.actor("directorate"), region.own.code).exact
    assert [one.key for one in exact.waits] == ["safety"]
    checks = next(one for one in exact.times if one.title == times["safety_check"].title)
    assert (checks.kept, checks.whole) == (13, 20)
    assert times["safety_check"].share == (50, 75)
    assert times["plan_due"].share is None


def text_of(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def test_a_pack_counts_open_cases_and_names_none(region: Region) -> None:
    school = region.school
    first = school.report().number
    school.report(must_not_read=[school.account("team_member/2")])
    shut = school.report(adult_concerned="yes").number
    region.note(remarks="Un local fermé")
    issued = visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr", token="p")
    said = text_of(issued.data)
    for planted in (NAME, MASSAR, WORDS, first, shut, first[:4]):
        assert planted not in said
    assert "Un local fermé" in said
    plain = " ".join(said.split())
    assert "Dossiers ouverts comptés ici moins de 10" in plain
    assert "Par étape" not in plain, "of so few nothing is broken down"
    assert "en retard" not in plain
    assert (issued.copy, issued.name.endswith("-1-fr.pdf")) == (1, True)
    with pytest.raises(SentBefore):
        visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr", token="p")
    assert visit_pack.issue_pack(region.ctx, region.actor("academy"), region.own.code, "ar", token="q").copy == 2


@pytest.mark.exhaustive
def test_a_pack_of_many_cases_breaks_them_down_by_tens_and_leaves_out_what_stands_apart(region: Region) -> None:
    for _number in range(10):
        region.school.report()
    sight = visit_pack.see_pack(region.ctx, region.actor("directorate"), region.own.code).sight
    before, _found = visit_pack._gathered(region.ctx, sight)
    assert before.open_cases == Band(10)
    assert [one.number for one in before.stages] == [Band(10)]
    for _number in range(10):
        region.school.report(adult_concerned="yes")
    after, _found = visit_pack._gathered(region.ctx, sight)
    assert (after.open_cases, after.stages) == (before.open_cases, before.stages), "the others stand apart"


def test_a_pack_says_where_there_is_nothing(region: Region) -> None:
    issued = visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr")
    said = " ".join(text_of(issued.data).split())
    assert "Dossiers ouverts comptés ici aucun" in said, said[said.index("Dossiers ouverts") :][:80]


@pytest.mark.exhaustive
def test_a_pack_says_who_never_signed_in(region: Region) -> None:
    with region.ctx.directory.writing() as session:
        region.add(session, "Nouvelle", region.own.code, TODAY + timedelta(days=400), is_awaited=True)
    issued = visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr")
    said = " ".join(text_of(issued.data).split())
    assert re.search(r"(?i)nouvelle .{0,60}?Jamais connecté\(e\)", said)
    assert "Formé(e)s et à jour : 3 sur 3." in said


@pytest.mark.exhaustive
def test_no_two_packs_of_a_school_have_the_same_number(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is handed out while one is being made: it is made anew under the next number."""
    made, handed_out = list[int](), list[int]()

    def slow(_ctx: object, _reader: str, _view: object, copy: int, _language: str) -> bytes:
        made.append(copy)
        if len(made) == 1:
            other = visit_pack.issue_pack(region.ctx, region.actor("academy"), region.own.code, "fr", token="z")
            handed_out.append(other.copy)
        return b"x"

    monkeypatch.setattr(visit_pack, "_made", slow)
    mine = visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr", token="y")
    assert (handed_out, mine.copy, mine.name.endswith("-2-fr.pdf")) == ([1], 2, True)
    assert made == [1, 1, 2]


def test_a_pack_that_is_overtaken_each_time_is_not_handed_out(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter(range(100))
    monkeypatch.setattr(administration_log, "count_entries", lambda *_asked: next(counts))
    monkeypatch.setattr(visit_pack, "_made", lambda *_asked: b"x")
    with pytest.raises(StorageBusy):
        visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "fr", token="y")
    monkeypatch.undo()
    with region.ctx.directory.reading() as session:
        assert administration_log.count_entries(session, region.own.id, Kind.visit_pack_issued) == 0


@pytest.mark.exhaustive
def test_every_visit_to_a_school_can_be_read(region: Region) -> None:
    written = [region.note(held_on=(TODAY - timedelta(days=days)).isoformat()) for days in range(22)]
    sight = regional_teams.see_school(region.ctx, region.actor("head"), region.own.code).sight
    first, after = visit_service.visits_of(region.ctx, sight)
    second, over = visit_service.visits_of(region.ctx, sight, after=after)
    assert (len(first), over) == (20, "")
    assert [one.visit for one in (*first, *second)] == written


def test_a_pack_is_written_down_and_noted_as_a_reading_of_each_case_that_it_counts(region: Region) -> None:
    region.school.report(adult_concerned="yes")
    shut = region.school.number
    region.school.report()
    visit_pack.issue_pack(region.ctx, region.actor("directorate"), region.own.code, "en")
    read = {}
    for number in (shut, region.school.number):
        with region.ctx.realm.reading() as session:
            found = session.execute(
                text("SELECT case_id FROM case_index WHERE number = :n"), {"n": number}
            ).scalar_one()
            read[number] = [one.what for one in access_log.access_of_case(session, found, limit=9)]
    assert visit_pack.READ in read[region.school.number]
    assert visit_pack.READ not in read[shut]
    with region.ctx.directory.reading() as session:
        assert administration_log.count_entries(session, region.own.id, Kind.visit_pack_issued) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_coordinator", "trainer", "data_officer", "team_member"])
def test_a_pack_is_for_who_sees_the_cases_from_above_and_visits(region: Region, who: str) -> None:
    with pytest.raises(Unseen):
        visit_pack.issue_pack(region.ctx, region.actor(who), region.own.code, "fr")


@pytest.mark.exhaustive
def test_who_opened_a_case_is_asked_by_way_of_an_index(region: Region) -> None:
    """Counters are many: none is read that isn't asked for."""
    with region.ctx.realm.reading() as session:
        asked = list[str]()
        execute = session.execute

        def noted(query: Any) -> Any:
            asked.append(str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})))
            return execute(query)

        session.execute = noted  # type: ignore[method-assign]
        statistics_repository.opened_since(session, ["p"], [region.own.id], "2026-01")
        if session.get_bind().dialect.name == "sqlite":
            plan = " ".join(str(row[-1]) for row in execute(text(f"EXPLAIN QUERY PLAN {asked[0]}")))
            assert "ix_figure_counter_protocol_unit_month" in plan
            assert "SCAN" not in plan
