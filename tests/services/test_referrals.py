"""The register of referrals: written with each event, made anew the same, silent when its time has come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW, SAFE
from sqlalchemy import text

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, loading, showing
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import reindex
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.case import Case
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.visibility import Permission, UnitKind
from school_protocol.language import Wording
from school_protocol.people import repository as people_repository
from school_protocol.supervision import referral_register, referral_repository
from school_protocol.supervision.referral_register import (
    ReferralLine,
    RegisterView,
    Wanted,
    see_register,
)
from school_protocol.supervision.referral_repository import CaseReferral

from .conftest import NAME, WORDS, School
from .test_desk import sealed
from .test_notices import Recorder, Watched

SEEING = ("team_member", "team_coordinator", "head", "directorate", "academy")


@pytest.fixture
def referred(school: School) -> School:
    """The police was told of a danger by the head, and child protection of a need without one."""
    for who in SEEING:
        school.person(who)
    school.report()
    school.act("team_member", "safety_check", SAFE)
    school.act("team_member", "raise_danger", which_danger="blackmail")
    refer(school, "police", ["blackmail"])
    refer(school, "child_protection", ["need"])
    refer(school, "directorate", ["blackmail"])
    return school


def refer(school: School, target: str, covers: list[str], who: str = "head") -> None:
    school.act(
        who, "referral", target=target, covers=covers, channel="letter", sent_at=school.ctx.now().isoformat(),
        summary=WORDS,
    )  # fmt: skip


def answer(school: School, referral: int, outcome: str = "acknowledged", who: str = "head", **more: Any) -> None:
    school.act(
        who, "referral_answer", referral=referral, outcome=outcome, answered_at=school.ctx.now().isoformat(), **more
    )


def case_id(school: School) -> str:
    with school.ctx.realm.reading() as session:
        return cases_repository.find_by_number(session, school.number) or ""


def written(school: School) -> tuple[CaseReferral, ...]:
    with school.ctx.realm.reading() as session:
        return referral_repository.referrals_of_case(session, case_id(school))


def seen(school: School, who: str = "directorate", after: str = "", **wanted: Any) -> RegisterView:
    return see_register(school.ctx, school.person(who), Wanted(**wanted), after)


def lines(school: School, who: str = "directorate", **wanted: Any) -> list[tuple[int, str, bool]]:
    return [(one.number, key_of(one), one.is_silent) for one in seen(school, who, **wanted).lines]


def key_of(line: ReferralLine) -> str:
    assert line.target is not None
    return line.target.key


# ---- rows ----------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_event_writes_the_rows_and_a_rebuild_makes_the_same(referred: School) -> None:
    def as_rebuilt() -> tuple[CaseReferral, ...]:
        before = written(referred)
        with referred.ctx.realm.writing() as session:
            index_repository.remove(session, case_id(referred))
        assert written(referred) == ()
        with referred.ctx.realm.writing() as session:
            reindex(referred.ctx, session, case_id(referred))
        assert written(referred) == before
        return before

    police, protection, told = as_rebuilt()
    assert (police.target, police.on_danger, police.awaits) == ("police", True, True)
    assert police.chase_at == NOW + timedelta(hours=72)
    assert (protection.on_danger, protection.awaits) == (False, True)
    assert protection.chase_at is not None
    assert protection.chase_at > NOW + timedelta(days=6), "five days of school"
    assert (told.awaits, told.chase_at) == (False, None), "the directorate is told, nothing is awaited of it"
    referred.wait(hours=1)
    answer(referred, 1)
    police, protection, _told = as_rebuilt()
    assert (police.acknowledged_at, police.settled_at, police.awaits, police.chase_at) == (
        NOW + timedelta(hours=1), None, True, NOW + timedelta(hours=73),
    )  # fmt: skip
    answer(referred, 1, "answered")
    police, *_others = as_rebuilt()
    assert (police.settled_at, police.awaits) == (NOW + timedelta(hours=1), False)
    assert protection.awaits


def test_a_case_that_has_ended_awaits_no_answer(referred: School) -> None:
    """What had not been answered when a case was handed over is awaited where it went."""
    with referred.ctx.realm.reading() as session:
        protocol, case = loading.folded(referred.ctx, session, case_id(referred))
        row = index_repository.row_of(session, case_id(referred))
    facts = read(protocol, case, referred.ctx.now(), loading.surroundings(referred.ctx, case.unit))
    assert row is not None
    assert [one.awaits for one in referral_register.referrals_of(row, facts)] == [True, True, False]
    ended = list(referral_register.referrals_of(replace(row, ended=True), facts))
    assert [(one.awaits, one.chase_at) for one in ended] == [(False, None)] * 3


# ---- the list ------------------------------------------------------------------------------------------------------


def test_it_opens_no_case_and_names_nobody(referred: School, monkeypatch: pytest.MonkeyPatch) -> None:
    with sealed(monkeypatch):
        view = seen(referred)
    said = repr(view).replace(repr(referred.ctx.library.current()[0]), "")
    assert view.lines
    for word in (NAME, WORDS, "blackmail", referred.account("head")):
        assert word not in said


@pytest.mark.exhaustive
def test_what_is_silent_comes_first_and_an_answer_takes_it_away(referred: School) -> None:
    assert lines(referred) == [(1, "police", False), (2, "child_protection", False)]
    assert lines(referred, show="silent") == []
    referred.wait(hours=71, minutes=59)
    assert lines(referred, show="silent") == []
    referred.wait(minutes=1)
    assert lines(referred) == [(1, "police", True), (2, "child_protection", False)]
    assert seen(referred).silent == 1
    referred.wait(days=5)
    assert lines(referred, show="silent") == [(1, "police", True), (2, "child_protection", True)]
    answer(referred, 1)
    assert lines(referred, show="silent") == [(2, "child_protection", True)]
    assert lines(referred, show="acknowledged") == [(1, "police", False)]
    answer(referred, 1, "answered")
    assert lines(referred, show="settled") == [(1, "police", False)]
    assert [number for number, *_ in lines(referred, show="all")] == [3, 2, 1]


@pytest.mark.exhaustive
def test_what_was_acknowledged_and_not_answered_comes_back(referred: School) -> None:
    """After as long as silence takes, from the acknowledgement: 72 hours about a danger, else five days of school."""
    answer(referred, 1)
    answer(referred, 2)
    assert lines(referred, show="silent") == []
    referred.wait(hours=71, minutes=59)
    assert lines(referred, show="silent") == []
    referred.wait(minutes=1)
    assert lines(referred) == [(1, "police", True), (2, "child_protection", False)]
    referred.wait(days=5)
    police, protection = seen(referred).lines
    assert (police.is_silent, protection.is_silent) == (True, True)
    assert (police.acknowledged_at, police.chase_at) == (NOW, NOW + timedelta(hours=72))
    assert seen(referred).silent == 2
    answer(referred, 1)
    assert lines(referred, show="silent") == [(2, "child_protection", True)], "told once more that it had arrived"
    referred.wait(hours=72)
    assert [number for number, *_ in lines(referred, show="silent")] == [2, 1]
    answer(referred, 1, "answered")
    assert lines(referred, show="silent") == [(2, "child_protection", True)]


@pytest.mark.exhaustive
def test_one_that_is_silent_while_another_service_took_over_comes_back(referred: School) -> None:
    """The step meets the counts of every referral: the one that nobody acknowledged is asked about all the same."""
    referred.move("head", "mark_sent")
    answer(referred, 1)
    referred.wait(hours=1)
    referred.move("head", "record_external_handling")
    _police, protection, _told = written(referred)
    assert protection.acknowledged_at is None
    assert protection.chase_at is not None
    assert protection.chase_at > referred.ctx.now() + timedelta(days=6)


@pytest.mark.exhaustive
def test_filters_narrow_it_down(referred: School) -> None:
    assert lines(referred, target="child_protection") == [(2, "child_protection", False)]
    assert [number for number, *_ in lines(referred, target="no such", show="all")] == [3, 2, 1]
    code = "00000A"
    assert len(lines(referred, place=code)) == 2
    view = seen(referred, place="99999Z")
    assert (view.is_place_known, view.wanted.place, len(view.lines)) == (False, "", 2)
    assert lines(referred, since=NOW.date()) == lines(referred)
    assert lines(referred, since=NOW.date() + timedelta(days=1)) == []


@pytest.mark.exhaustive
def test_pages_follow_one_another(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referral_register, "PAGE", 2)
    for who in SEEING:
        school.person(who)
    numbers = []
    for _case in range(3):
        school.report()
        numbers.append(school.number)
        school.act("team_member", "raise_danger", which_danger="blackmail")
        refer(school, "police", ["blackmail"])
        school.wait(minutes=1)
    first = seen(school)
    second = seen(school, after=first.after or "")
    assert [one.case for one in (*first.lines, *second.lines)] == numbers
    assert second.after is None


@pytest.mark.exhaustive
def test_whom_the_register_is_for(referred: School) -> None:
    for who in (*SEEING, "psychosocial", "data_officer", "trainer", "protocol_admin", "technical_admin", "reporter"):
        assert permissions.may(referred.ctx, referred.person(who), Permission.see_referrals) == (who in SEEING), who
    assert [len(lines(referred, who)) for who in ("head", "team_coordinator", "directorate", "academy")] == [2, 2, 2, 2]


@pytest.mark.exhaustive
def test_who_is_excluded_sees_no_line_of_it(referred: School) -> None:
    referred.act("directorate", "conflict", account=referred.account("team_coordinator"), reason="declares")
    assert lines(referred, "team_coordinator") == []
    assert len(lines(referred, "head")) == 2


@pytest.mark.exhaustive
def test_the_act_of_answering_is_offered_to_those_who_may_make_it(referred: School) -> None:
    for who in ("head", "team_coordinator", "directorate"):
        assert {one.answer for one in seen(referred, who).lines} == {"referral_answer"}, who
    assert {one.answer for one in seen(referred, "academy").lines} == {None}
    assert [one.answer for one in seen(referred, show="all").lines] == [None, "referral_answer", "referral_answer"]


# ---- reminders -----------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(moroccan: Protocol) -> Any:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        found = Watched(School(player, count(1)), Recorder(), Recorder())
        found.known("team_member", "team_coordinator", "head", "directorate", "academy")
        yield found


def told_of_chases(watched: Watched) -> list[str]:
    with watched.school.ctx.realm.reading() as session:
        rows = session.execute(text("SELECT cause, role FROM notice WHERE cause LIKE '%chase%'")).all()
    return sorted({row[1] for row in rows})


def chases(watched: Watched) -> int:
    with watched.school.ctx.realm.reading() as session:
        return session.execute(text("SELECT count(*) FROM notice WHERE cause LIKE '%chase%'")).scalar_one()


@pytest.mark.exhaustive
def test_a_silent_danger_is_told_to_the_team_after_72_hours_then_to_the_directorate(watched: Watched) -> None:
    school = watched.school
    school.report()
    school.act("team_member", "raise_danger", which_danger="blackmail")
    refer(school, "police", ["blackmail"])
    watched.swept(hours=71)
    assert told_of_chases(watched) == []
    watched.swept(hours=1, minutes=1)
    assert told_of_chases(watched) == ["head", "team_coordinator"]
    watched.swept(hours=24)
    assert told_of_chases(watched) == ["directorate", "head", "team_coordinator"]


@pytest.fixture
def told_of_a_danger(watched: Watched) -> Watched:
    """The police was told of a danger, an hour before silence begins."""
    watched.school.report()
    watched.school.act("team_member", "raise_danger", which_danger="blackmail")
    refer(watched.school, "police", ["blackmail"])
    watched.swept(hours=71)
    return watched


@pytest.mark.exhaustive
def test_an_answer_in_time_is_reminded_of_nowhere(told_of_a_danger: Watched) -> None:
    answer(told_of_a_danger.school, 1, "answered")
    for _day in range(9):
        told_of_a_danger.swept(days=1)
    assert told_of_chases(told_of_a_danger) == []


@pytest.mark.exhaustive
def test_who_acknowledged_and_never_answered_is_reminded_of_anew(told_of_a_danger: Watched) -> None:
    """As long as silence takes after each acknowledgement, then those above, once; an answer ends it."""
    watched = told_of_a_danger
    answer(watched.school, 1)
    watched.swept(hours=71, minutes=59)
    assert told_of_chases(watched) == []
    watched.swept(minutes=2)
    assert told_of_chases(watched) == ["head", "team_coordinator"]
    watched.swept(hours=24)
    assert told_of_chases(watched) == ["directorate", "head", "team_coordinator"]
    told = chases(watched)
    for _day in range(9):
        watched.swept(days=1)
    assert chases(watched) == told, "each once"
    answer(watched.school, 1)
    watched.swept(hours=73)
    assert chases(watched) == told + 2, "acknowledged once more, and silent again"
    answer(watched.school, 1, "answered")
    for _day in range(9):
        watched.swept(days=1)
    assert chases(watched) == told + 2


@pytest.mark.exhaustive
def test_without_a_danger_five_days_of_school_go_by_first(watched: Watched) -> None:
    school = watched.school
    school.report()
    refer(school, "child_protection", ["need"])
    watched.swept(days=6)
    assert told_of_chases(watched) == []
    watched.swept(days=1, minutes=1)
    assert told_of_chases(watched) == ["head", "team_coordinator"]
    watched.swept(days=3)
    assert told_of_chases(watched) == ["directorate", "head", "team_coordinator"]


# ---- to which organisation -----------------------------------------------------------------------------------------

CELL = {"fr": "Cellule du tribunal de Salé", "ar": "خلية محكمة سلا"}


def organisation(school: School, target: str = "prosecutor", names: dict[str, str] | None = None, **more: Any) -> str:
    with school.ctx.directory.writing() as session:
        return people_repository.add_contact(session, target=target, names=CELL if names is None else names, **more)


def refer_to(school: School, contact: str = "", target: str = "prosecutor", **answers: Any) -> None:
    said = {"channel": "letter", "summary": WORDS, **answers}
    record_act(
        school.ctx, school.person("head"), school.number, "referral",
        {"target": target, "covers": ["blackmail"], "sent_at": school.ctx.now().isoformat(), **said},
        expected=None, token=school.token(), proven=True, contact=contact,
    )  # fmt: skip


def whom(school: School, who: str = "directorate", **wanted: Any) -> list[str]:
    return [one.whom for one in seen(school, who, show="all", **wanted).lines]


@pytest.mark.exhaustive
def test_the_register_says_to_which_organisation_and_is_narrowed_by_it(referred: School) -> None:
    chosen = organisation(referred)
    assert whom(referred) == ["", "", ""], "the control: nobody said which"
    refer_to(referred, chosen)
    assert sorted(whom(referred)) == ["", "", "", CELL["fr"]]
    for who in SEEING:
        assert whom(referred, who, whom=CELL["fr"]) == [CELL["fr"]]
        assert whom(referred, who, whom="Somebody else") == []
    view = seen(referred)
    assert dict(view.whom[CELL["fr"]]) == CELL
    assert whom(referred, target="police", whom=CELL["fr"]) == []


@pytest.mark.exhaustive(but=("0537 88 00 11-05 37 88 00 11-True",))
@pytest.mark.parametrize(
    ("kept", "dialled", "is_known"),
    [
        ("0537 88 00 11", "05 37 88 00 11", True), ("+212 5 37 88 00 11", "0537880011", True),
        ("0537880011", "00212537880011", True), ("19", "١٩", True), ("0537880011", "0537880012", False),
        ("", "0537880011", False),
    ],
)  # fmt: skip
def test_the_number_that_was_called_says_which(referred: School, kept: str, dialled: str, is_known: bool) -> None:
    organisation(referred, phone=kept)
    organisation(referred, "police", {"fr": "Police"}, phone=kept)
    refer_to(referred, channel="call", number_called=dialled, summary=None)
    assert whom(referred, target="prosecutor") == [CELL["fr"] if is_known else ""]


@pytest.mark.exhaustive
def test_one_that_is_not_of_this_service_or_place_is_refused(referred: School) -> None:
    with referred.ctx.directory.writing() as session:
        far = auth_repository.add_unit(session, kind=UnitKind.country, code="FAR", names={"fr": "Far"})
    refusable = (
        organisation(referred, "police", {"fr": "Police"}), organisation(referred, unit=far), "nobody", "x" * 400,
    )  # fmt: skip
    for contact in refusable:
        with pytest.raises(BadInput) as caught:
            refer_to(referred, contact)
        assert dict(caught.value.problems) == {"contact": ("not_of_this_service",)}
    assert len(written(referred)) == 3


@pytest.mark.exhaustive
def test_what_was_written_stays_whatever_becomes_of_the_contact_and_is_rebuilt(referred: School) -> None:
    chosen = organisation(referred)
    refer_to(referred, chosen)
    with referred.ctx.directory.writing() as session:
        referral_repository.correct(
            session, chosen, names={"fr": "Another name"}, city={}, phone="19", url="", hours={}, verified_on=None,
            verified_by=None,
        )  # fmt: skip
        referral_repository.retire(session, chosen, at=referred.ctx.now())
    before = written(referred)
    with referred.ctx.realm.writing() as session:
        reindex(referred.ctx, session, case_id(referred))
    assert written(referred) == before
    assert [one.whom for one in before][-1] == CELL["fr"]
    assert dict(referred.seen_by("head").whom) == {4: CELL}


def correct(school: School, contact: str, record: int, who: str = "head", **more: Any) -> None:
    answers = {"record": str(record), "what_changes": "L’organisme.", "reason": "Mal choisi.", **more}
    record_act(
        school.ctx, school.person(who), school.number, "correction", answers, expected=None, token=school.token(),
        proven=True, contact=contact,
    )  # fmt: skip


def loaded(school: School) -> Case:
    with school.ctx.realm.reading() as session:
        return loading.load(school.ctx, session, school.person("head"), school.number).case


def last(school: School) -> int:
    return loaded(school).referrals[-1].seq


def test_the_organisation_is_put_right_later_and_what_was_said_first_stays(referred: School) -> None:
    wrong, right = organisation(referred, names={"fr": "Another cell"}), organisation(referred)
    refer_to(referred, wrong)
    assert dict(referred.seen_by("head").whom) == {4: {"fr": "Another cell"}}
    correct(referred, right, last(referred))
    assert dict(referred.seen_by("head").whom) == {4: CELL}
    assert whom(referred, target="prosecutor") == [CELL["fr"]]
    before = written(referred)
    with referred.ctx.realm.writing() as session:
        reindex(referred.ctx, session, case_id(referred))
    assert written(referred) == before
    entry = showing.see_record(referred.ctx, referred.person("head"), referred.number, last(referred))[1]
    assert (dict(entry.derived["whom"]), dict(entry.first_whom)) == (CELL, {"fr": "Another cell"})
    assert entry.first == entry.answers
    said = [one.derived["whom"] for one in loaded(referred).events if getattr(one, "derived", {}).get("whom")]
    assert [dict(one) for one in said] == [{"fr": "Another cell"}, CELL]


@pytest.mark.exhaustive
def test_only_of_a_referral_and_only_to_the_same_kind_of_service(referred: School) -> None:
    chosen, police = organisation(referred), organisation(referred, "police", {"fr": "Police"})
    refer_to(referred, chosen)
    with pytest.raises(BadInput) as caught:
        correct(referred, police, last(referred))
    assert dict(caught.value.problems) == {"changes.contact": ("not_of_this_service",)}
    with pytest.raises(Refused) as refused:
        correct(referred, chosen, loaded(referred).records[0].seq, who="team_member")
    assert [one.code for one in refused.value.reasons] == ["not_correctable"]
    assert dict(referred.seen_by("head").whom) == {4: CELL}


# ---- an answer comes after what it answers ---------------------------------------------------------------------------


def test_no_answer_is_dated_before_its_referral_was_sent(referred: School) -> None:
    referred.wait(days=3)
    with pytest.raises(BadInput) as raised:
        referred.act(
            "head", "referral_answer", referral=1, outcome="answered", answered_at=(NOW - timedelta(days=3)).isoformat()
        )
    ((key, (code,)),) = raised.value.problems.items()
    assert key == "answered_at"
    said = Wording("en").problem(code)
    assert "22 Nov 2026" in said
    assert "25 Nov 2026" in said
    with pytest.raises(BadInput):
        referred.act(
            "head", "referral_answer", referral=1, outcome="answered",
            answered_at=(NOW - timedelta(minutes=1)).isoformat(),
        )  # fmt: skip
    minute = NOW.replace(second=0, microsecond=0).isoformat()
    referred.act("head", "referral_answer", referral=1, outcome="acknowledged", answered_at=minute)
    referred.act("head", "referral_answer", referral=1, outcome="answered")
