"""How a case ends: two notices, a human's word, and nothing of it is left; and all that must hold it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository, lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import ZONE
from school_protocol.mail import Post
from school_protocol.notifications import receivers
from school_protocol.ops.journal_checks import check_on
from school_protocol.privacy import holds, retention
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.models import ErasureBarRow
from school_protocol.privacy.retention import run_sweep
from school_protocol.storage import backups, chain_checks, idempotency, journal
from school_protocol.storage.models import CaseRecordRow
from services.conftest import MASSAR, NAME, WORDS, School
from services.retaining import Keeping


@pytest.fixture
def keeping(school: School) -> Keeping:
    return Keeping(school)


def limit(keeping: Keeping, number: str = "", who: str = "head") -> holds.LimitView:
    return holds.see_limit(keeping.school.ctx, keeping.school.person(who), number or keeping.school.number)


def hold(
    keeping: Keeping, days: int = 30, who: str = "directorate", reason: str = "Une procédure est en cours."
) -> None:
    until = (keeping.today + timedelta(days=days)).isoformat()
    holds.suspend(
        keeping.school.ctx, keeping.school.person(who), keeping.school.number, until, reason,
        token=keeping.school.token(),
    )  # fmt: skip


# ---- the countdown -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "level", "due_on"),
    [
        ("no_further_action", None, date(2027, 5, 25)),  # six months
        ("closed", 1, date(2028, 9, 1)),  # the school year ends on 31 August 2027, then a year
        ("closed", 2, date(2029, 9, 1)),
        ("closed", 3, date(2031, 11, 25)),
        ("closed", 4, date(2031, 11, 25)),
        ("transferred", 2, date(2031, 11, 25)),
    ],
)
def test_each_end_has_its_limit(keeping: Keeping, state: str, level: int | None, due_on: date) -> None:
    keeping.ended(state, level)
    view = limit(keeping)
    assert view.limit is not None
    assert view.limit.due_on == view.erase_on == due_on
    assert view.limit.rule is not None


def test_an_open_case_has_none_and_reopening_stops_it(keeping: Keeping) -> None:
    keeping.school.report()
    assert limit(keeping).limit is None
    keeping.step("no_further_action")
    run_sweep(keeping.school.ctx)
    assert keeping.standing() is not None
    keeping.step("listening_planned")
    run_sweep(keeping.school.ctx)
    assert keeping.standing() is None
    assert limit(keeping).limit is None
    keeping.school.wait(days=40)
    keeping.step("no_further_action")
    found = limit(keeping).limit
    assert found is not None
    assert found.due_on == date(2027, 7, 4), "a new end starts it anew"


def test_a_case_whose_erasure_has_begun_is_not_opened_again(keeping: Keeping) -> None:
    """It is on the list outside the database already: a restore would erase it."""
    keeping.ended("no_further_action")
    ctx, case_id = keeping.school.ctx, keeping.case_id()
    backups.note(ctx.settings.data, ctx.vault, case_id, ctx.now())
    with pytest.raises(Unseen):
        keeping.step("listening_planned")


# ---- to the end ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_two_notices_then_a_word_then_nothing_is_left(keeping: Keeping) -> None:
    number, case_id = keeping.ended("no_further_action"), keeping.case_id()
    keeping.run()
    assert keeping.mail.sent == [] or all(to != "data_officer@college.example" for to, _ in keeping.mail.sent)
    before = len(keeping.mail.sent)
    keeping.leap(date(2027, 5, 24), agree=False)
    told = [to for to, letter in keeping.mail.sent[before:]]
    assert sorted(set(told)) == ["data_officer@college.example", "head@college.example"]
    assert told.count("head@college.example") == 2
    standing = keeping.standing()
    assert standing is not None
    assert standing.first is not None
    assert standing.second is not None
    assert date(2027, 3, 26) <= standing.first.on <= date(2027, 3, 30)
    assert date(2027, 5, 8) <= standing.second.on <= date(2027, 5, 11)
    for _to, letter in keeping.mail.sent:
        assert NAME not in letter.text
        assert number not in letter.text
    keeping.days(20, agree=False)
    assert not keeping.is_erased(), "nobody has confirmed it"
    assert keeping.agree() == 1
    keeping.run()
    assert keeping.is_erased(number)
    assert not keeping.is_shown(number)
    ctx = keeping.school.ctx
    with ctx.realm.reading() as session:
        assert journal.verify_all(session, ctx.vault) == []
        assert index_repository.row_of(session, case_id) is None
        assert privacy_repository.standing(session, case_id) is None
    assert [one.case_id for one in backups.read_erased(ctx.settings.data, ctx.vault)] == [case_id]
    rest = keeping.run()
    assert (rest.erased, rest.first_notices, rest.second_notices, rest.to_confirm, rest.looked) == (0, 0, 0, 0, 0)


@pytest.mark.exhaustive
def test_no_word_is_left_in_any_file(keeping: Keeping) -> None:
    """Sought as UTF-8 in what the folder holds; the same words are there in no clear before, so keys are what goes."""
    number = keeping.ended("no_further_action")
    ctx = keeping.school.ctx
    with ctx.realm.writing() as session:
        idempotency.keep_draft(
            session, ctx.vault, keeping.school.account("head"), f"/cases/{number}/acts/note", {"x": [NAME]},
            at=ctx.now(),
        )  # fmt: skip
    with ctx.realm.reading() as session:
        assert cases_repository.load_events(session, ctx.vault, keeping.case_id())
    keeping.leap(date(2027, 5, 25))
    keeping.days(2)
    assert keeping.is_erased(number)
    with ctx.realm.reading() as session:
        assert idempotency.drafts_of(session, keeping.school.account("head")) == ()
        assert lookup_repository.reports_of_case(session, keeping.case_id(number)) == ()
        for table in privacy_repository.emptied():
            rows = session.execute(table.select().where(table.c.case_id == keeping.case_id(number))).all()
            assert rows == [], table.name
    kept = b"".join(path.read_bytes() for path in Path(ctx.settings.data).rglob("*") if path.is_file())
    assert not any(word.encode() in kept for word in (NAME, MASSAR, WORDS))


@pytest.mark.exhaustive
def test_only_the_data_officer_confirms(keeping: Keeping) -> None:
    keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 30), agree=False)
    school = keeping.school
    for who in ("directorate", "academy"):
        with pytest.raises(Unseen):
            holds.agree(school.ctx, school.person(who), [school.number], token=school.token())
    token = school.token()
    person = school.person("data_officer")
    assert holds.agree(school.ctx, person, [school.number], token=token) == 1
    assert holds.agree(school.ctx, person, [school.number], token=token) == 1, "pressed twice"
    with school.ctx.realm.reading() as session:
        found_row = privacy_repository.standing(session, keeping.case_id())
    assert found_row is not None
    assert found_row.agreed_by == school.account("data_officer")


# ---- what holds it back --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_hold_keeps_it_by_whatever_door(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 26), agree=False)
    keeping.agree()
    hold(keeping, days=200)
    ctx = keeping.school.ctx
    keeping.days(30)
    assert not keeping.is_erased(number)
    with pytest.raises(DatabaseError, match="held"), ctx.realm.writing() as session:
        cases_repository.destroy_case(session, ctx.vault, keeping.case_id(), at=ctx.now(), actor="x")
    with pytest.raises(DatabaseError, match="held"), ctx.realm.writing() as session:
        privacy_repository.erase_case(session, ctx.vault, keeping.case_id(), at=ctx.now(), actor="x")
    view = limit(keeping)
    assert (view.suspended, view.reason) == (True, "Une procédure est en cours.")
    assert limit(keeping, who="data_officer").reason == "", "metadata alone"
    keeping.school.report()
    with pytest.raises(Refused, match="not_suspended"):
        _release(keeping)
    keeping.school.number = number
    _release(keeping)
    lifted = keeping.today
    keeping.days(13)
    assert not keeping.is_erased(number)
    keeping.days(40)
    assert keeping.is_erased(number)
    with ctx.realm.reading() as session:
        when = dict(privacy_repository.erased(session))[keeping.case_id(number)].date()
    assert when >= lifted + timedelta(days=28), "both notices again"


def _release(keeping: Keeping) -> None:
    holds.resume(
        keeping.school.ctx, keeping.school.person("directorate"), keeping.school.number, "Classé.",
        token=keeping.school.token(),
    )  # fmt: skip


@pytest.mark.exhaustive
def test_a_hold_ends_by_itself_and_the_case_is_not_forgotten(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 20))
    hold(keeping, days=60)
    keeping.days(60)
    assert not keeping.is_erased(number)
    keeping.days(10)
    assert keeping.is_erased(number)


@pytest.mark.parametrize(
    ("who", "days", "reason", "problem"),
    [
        ("directorate", 0, "x", {"until": ("outside",)}),
        ("directorate", 400, "x", {"until": ("outside",)}),
        ("academy", 10, "  ", {"reason": ("required",)}),
    ],
)
def test_a_hold_has_a_day_and_a_reason(
    keeping: Keeping, who: str, days: int, reason: str, problem: dict[str, tuple[str, ...]]
) -> None:
    keeping.ended("no_further_action")
    with pytest.raises(BadInput) as bad:
        hold(keeping, days=days, who=who, reason=reason)
    assert bad.value.problems == problem


@pytest.mark.exhaustive
def test_a_request_for_ones_data_keeps_it(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 20))
    keeping.school.act(
        "head", "rights_request", stage="asked", request="access", requester="La mère", identity_checked="yes"
    )
    keeping.days(30)
    assert not keeping.is_erased(number)
    keeping.school.act(
        "head", "rights_request", stage="answered", request="access", requester="La mère", identity_checked="yes",
        answer="Copie remise.",
    )  # fmt: skip
    keeping.days(40)
    assert keeping.is_erased(number)


# ---- clocks --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_clock_that_leaps_ahead_erases_nothing(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.run()
    clock, real = keeping.school.player.clock, keeping.school.ctx.now()
    for years in (1, 3, 9):
        clock.moment = real + timedelta(days=365 * years)
        for _run in range(3):
            keeping.run()
            keeping.agree()
        keeping.days(2)
    assert not keeping.is_erased(number)
    clock.moment = real + timedelta(days=1)
    keeping.run()
    found = keeping.standing(number)
    assert found is not None
    assert (found.first, found.first_asked_at) == (None, None), "what was told ahead of time counts not at all"
    keeping.leap(date(2027, 5, 24))
    assert not keeping.is_erased(number)
    keeping.days(12)
    assert keeping.is_erased(number), "nor is it forgotten"


@pytest.mark.exhaustive
def test_weeks_without_a_run_are_no_days_of_work(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.school.wait(days=400)
    keeping.days(2)
    keeping.school.wait(days=100)
    keeping.days(2)
    assert not keeping.is_erased(number)
    keeping.days(30)
    assert keeping.is_erased(number)


@pytest.mark.exhaustive
def test_silence_counts_only_where_it_is_set(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 25), agree=False)
    keeping.days(60, agree=False)
    assert not keeping.is_erased(number)
    object.__setattr__(keeping.school.ctx.settings, "erase_unanswered", True)
    keeping.days(1, agree=False)
    assert keeping.is_erased(number)
    with keeping.school.ctx.realm.reading() as session:
        assert cases_repository.graves(session, keeping.case_id(number)) == 1


@pytest.mark.exhaustive
def test_without_a_message_silence_never_counts(keeping: Keeping) -> None:
    for who in ("head", "data_officer"):
        keeping.lose(who)
    number = keeping.ended("no_further_action")
    object.__setattr__(keeping.school.ctx.settings, "erase_unanswered", True)
    keeping.leap(date(2027, 5, 25), agree=False)
    keeping.days(90, agree=False)
    assert not keeping.is_erased(number)
    assert keeping.agree() == 1, "a human reads it on the page"
    keeping.days(1)
    assert keeping.is_erased(number)


@pytest.mark.exhaustive
@pytest.mark.parametrize("why", ["not_at_all", "shut"])
def test_silence_never_counts_where_whoever_confirms_was_told_nothing(keeping: Keeping, why: str) -> None:
    """The head gets both notices; the data officer chose to get none, or has no address as the word is asked for."""
    ctx = keeping.school.ctx
    object.__setattr__(ctx.settings, "erase_unanswered", True)
    if why == "not_at_all":
        receivers.choose(ctx, keeping.school.person("data_officer"), "urgent_only", "")
    number = keeping.ended("no_further_action")
    if why == "shut":
        keeping.each_day = lambda: (found := keeping.standing(number)) and found.second and keeping.lose("data_officer")
    keeping.leap(date(2027, 5, 25), agree=False)
    keeping.days(90, agree=False)
    assert [to for to, _letter in keeping.mail.sent].count("head@college.example") == 2
    found = keeping.standing(number)
    assert found is not None
    assert found.waits is not None
    assert not keeping.is_erased(number)
    assert keeping.agree() == 1, "a human reads it on the page"
    keeping.days(1)
    assert keeping.is_erased(number)


# ---- a run that is cut off -----------------------------------------------------------------------------------------


class Cut(BaseException):
    """What a kill looks like from inside."""


@pytest.mark.exhaustive(but=("1",))
@pytest.mark.parametrize("at", range(6))
def test_a_run_that_is_cut_off_is_taken_up_again(keeping: Keeping, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    number = keeping.ended("no_further_action")
    keeping.leap(date(2027, 5, 26), agree=False)
    keeping.agree()
    doors = (
        (retention, "leave"), (backups, "note"), (privacy_repository, "erase_case"),
        (privacy_repository, "forget_messages"), (retention, "sweep"), (retention, "look"),
    )  # fmt: skip
    module, name = doors[at]
    real = getattr(module, name)

    def cut(*given: object, **more: object) -> object:
        real(*given, **more)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(module, name, cut)
        with pytest.raises(Cut):
            run_sweep(keeping.school.ctx)
    assert keeping.is_erased(number) == (name == "sweep"), "wholly, or not at all"
    keeping.run()
    assert keeping.is_erased(number)
    ctx = keeping.school.ctx
    assert len(backups.read_erased(ctx.settings.data, ctx.vault)) == 1
    with ctx.realm.reading() as session:
        assert journal.verify_all(session, ctx.vault) == []


# ---- the rest of what is stale -------------------------------------------------------------------------------------


def test_reports_that_became_nothing_end_too(keeping: Keeping) -> None:
    ctx = keeping.school.ctx
    with ctx.realm.writing() as session:
        ids = [
            lookup_repository.receive(
                session, ctx.vault, unit=keeping.school.player.school, received_at=ctx.now(), channel="web",
                content={"what": WORDS},
            )
            for _report in range(2)
        ]  # fmt: skip
        lookup_repository.settle_report(session, ids[0], lookup_repository.ReportStatus.answered)
        idempotency.keep_draft(session, ctx.vault, "somebody", "/cases/x", {"a": ["b"]}, at=ctx.now())
    keeping.days(10)
    keeping.school.player.clock.moment += timedelta(days=3000)
    keeping.run()
    keeping.school.player.clock.moment -= timedelta(days=3000)
    left = _left(keeping, ids)
    assert left == ids, "a clock that leaps takes nothing"
    keeping.school.wait(days=190)
    keeping.days(9)
    assert _left(keeping, ids) == ids[1:]
    keeping.school.wait(days=180)
    keeping.days(9)
    assert _left(keeping, ids) == []
    with ctx.realm.reading() as session:
        assert idempotency.drafts_of(session, "somebody") == ()


def _left(keeping: Keeping, ids: list[str]) -> list[str]:
    found = []
    with keeping.school.ctx.realm.reading() as session:
        for one in ids:
            try:
                found.append(lookup_repository.header(session, one).id)
            except Unseen:
                continue
    return found


def test_nothing_is_swept_before_the_days_are_known(keeping: Keeping) -> None:
    assert retention.sweep(keeping.school.ctx) == {}


def test_looking_twice_changes_nothing(keeping: Keeping) -> None:
    keeping.ended("closed", 2)
    assert retention.look(keeping.school.ctx) == (1, 0)
    assert retention.look(keeping.school.ctx) == (0, 0)


# ---- what must hold up nothing -------------------------------------------------------------------------------------


def damage(keeping: Keeping, number: str) -> None:
    """The key of that case can't be used: what a worn disk does."""
    with keeping.school.ctx.realm.writing() as session:
        wrapped = {"case": keeping.case_id(number), "zeros": bytes(60)}
        session.execute(text("UPDATE case_key SET wrapped = :zeros WHERE case_id = :case"), wrapped)


def test_a_case_that_cannot_be_read_holds_up_no_other(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where as many as are looked at once can't be read."""
    monkeypatch.setattr(retention, "BATCH", 2)
    bad = [keeping.ended("no_further_action") for _case in range(3)]
    for number in bad:
        damage(keeping, number)
    good = [keeping.ended("no_further_action")]
    report = run_sweep(keeping.school.ctx)
    assert (report.looked, report.failed) == (4, 3)
    assert all(keeping.standing(number) for number in good)
    assert not any(keeping.standing(number) for number in bad)


def test_a_dry_run_counts_what_cannot_be_read(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    run_sweep(keeping.school.ctx)
    keeping.school.wait(days=170)
    damage(keeping, number)
    assert run_sweep(keeping.school.ctx, dry_run=True).failed == 1


@pytest.mark.exhaustive
def test_a_notice_asked_for_across_midnight_is_found_again(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    number = keeping.ended("no_further_action")
    keeping.run()
    keeping.school.wait(days=130)
    clock, ask = keeping.school.player.clock, retention.ask_notice

    def slow(*given: Any) -> None:
        clock.advance(timedelta(seconds=2))
        ask(*given)

    monkeypatch.setattr(retention, "ask_notice", slow)
    while (found := keeping.standing(number)) is None or found.first_asked_at is None:
        midnight = (clock.moment.astimezone(ZONE) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
        clock.advance(midnight - timedelta(seconds=1) - clock.moment)
        keeping.run()
    monkeypatch.undo()
    assert clock.moment > midnight, "midnight lies between"
    keeping.days(3)
    found = keeping.standing(number)
    assert found is not None
    assert found.first is not None


# ---- the list of erased cases was touched ----------------------------------------------------------------------------


def touched(keeping: Keeping) -> None:
    ctx = keeping.school.ctx
    backups.note(ctx.settings.data, ctx.vault, "y" * 26, ctx.now())
    path = ctx.settings.data / backups.FILE
    path.write_bytes(path.read_bytes().replace(b"yyyy", b"zzzz", 1))


@pytest.mark.exhaustive
def test_a_list_that_was_touched_keeps_no_case_shut_and_is_told(keeping: Keeping) -> None:
    """A child's case is opened again; who keeps the installation is told once; the job stops, and erases nothing."""
    ctx = keeping.school.ctx
    for _case in range(2):
        keeping.ended("no_further_action")
    assert check_on(ctx, Post(keeping.mail, None)) is not None, "the check of this night, before"
    keeping.mail.sent.clear()
    keeping.school.wait(hours=1)
    person = keeping.school.person("technical_admin").id
    with ctx.directory.writing() as session:
        auth_repository.set_address(session, person, email="technique@academie.example", phone=None)
    touched(keeping)
    for number in _numbers(keeping):
        keeping.step("listening_planned", number=number)
    keeping.school.wait(hours=1)
    for _ring in range(2):
        check_on(ctx, Post(keeping.mail, None))
    ((to, letter),) = keeping.mail.sent
    assert to == "technique@academie.example"
    assert not any(number in letter.text for number in _numbers(keeping))
    keeping.ended("no_further_action")
    with pytest.raises(backups.ErasedUnreadable):
        run_sweep(ctx)
    assert keeping.standing() is None
    keeping.school.wait(days=1)
    assert check_on(ctx, Post(keeping.mail, None)) is not None, "the check of the next night comes as it would have"


def _numbers(keeping: Keeping) -> list[str]:
    with keeping.school.ctx.realm.reading() as session:
        return list(session.scalars(select(CaseRecordRow.number).order_by(CaseRecordRow.number)))


def test_a_list_that_cannot_be_read_keeps_no_case_shut_and_no_erasure_from_being_suspended(keeping: Keeping) -> None:
    number = keeping.ended("no_further_action")
    (keeping.school.ctx.settings.data / backups.FILE).mkdir(parents=True)
    until = (keeping.today + timedelta(days=90)).isoformat()
    holds.suspend(keeping.school.ctx, keeping.school.person("directorate"), number, until, "Une plainte", token="held")
    assert holds.see_limit(keeping.school.ctx, keeping.school.person("directorate"), number).suspended
    keeping.step("listening_planned", number=number)
    with pytest.raises(backups.ErasedUnreadable):
        run_sweep(keeping.school.ctx)


def test_what_was_suspended_as_the_list_could_not_be_read_is_told_and_named_by_the_next_run(
    keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    """A run had been cut off as it erased that case; nobody can know before the list can be read again."""
    ctx, number = keeping.school.ctx, keeping.ended("no_further_action")
    backups.note(ctx.settings.data, ctx.vault, keeping.case_id(number), ctx.now())
    path = ctx.settings.data / backups.FILE
    whole = path.read_bytes()
    path.write_bytes(b"{" + whole)
    until = (keeping.today + timedelta(days=90)).isoformat()
    holds.suspend(ctx, keeping.school.person("directorate"), number, until, "Une plainte", token="held")
    with ctx.realm.reading() as session:
        latest = chain_checks.latest_check(session)
    assert latest is not None, "whoever administers is told"
    assert "erased" in latest.first_fault
    path.write_bytes(whole)
    report = run_sweep(ctx)
    assert (report.kept_though_listed, report.failed) == (1, 0)
    assert keeping.case_id(number) in caplog.text
    assert not keeping.is_erased(number)


def test_a_case_that_is_listed_and_goes_with_the_next_run_is_not_named(keeping: Keeping) -> None:
    ctx, number = keeping.school.ctx, keeping.ended("no_further_action")
    keeping.ended("no_further_action")
    assert run_sweep(ctx).kept_though_listed == 0
    with ctx.realm.writing() as session:
        privacy_repository.bar(session, keeping.case_id(number), None)
    backups.note(ctx.settings.data, ctx.vault, keeping.case_id(number), ctx.now())
    assert run_sweep(ctx).kept_though_listed == 0


# ---- the list that is behind; an act that stands ---------------------------------------------------------------------


def test_a_list_is_behind_in_its_own_places_alone(keeping: Keeping) -> None:
    ctx, head = keeping.school.ctx, keeping.school.person("head")
    keeping.ended("no_further_action")
    with ctx.directory.writing() as session:
        here = auth_repository.unit(session, head.appointments[0].unit)
        there = auth_repository.add_unit(
            session, kind=UnitKind.school, code="99999Z", names={"fr": "Ailleurs"}, parent=here.parents[0]
        )
    elsewhere = replace(head, appointments=(replace(head.appointments[0], unit=there),))
    assert holds.see_list(ctx, head).is_behind
    assert not holds.see_list(ctx, head, only_waiting=True).is_behind, "none waits for a confirmation"
    assert not holds.see_list(ctx, elsewhere).is_behind, "it isn't theirs"
    keeping.run()
    assert not holds.see_list(ctx, head).is_behind


def test_no_act_is_lost_where_its_time_limit_cannot_be_written(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A child's case: what was said stands, and the run of the hour makes up for the rest."""
    number = keeping.ended("no_further_action")
    keeping.run()
    before, ctx = keeping.school.last_seq(), keeping.school.ctx

    def fails(_ctx: object, session: Session, case_id: str) -> None:
        privacy_repository.bar(session, case_id, ctx.now())
        raise RuntimeError("what is sealed")

    with monkeypatch.context() as patched:
        patched.setattr(retention, "write_limit", fails)
        answers = {"stage": "asked", "request": "access", "requester": "La mère", "identity_checked": "yes"}
        keeping.school.act("head", "rights_request", answers)
    assert keeping.school.last_seq() > before
    assert "RuntimeError" in caplog.text
    assert "sealed" not in caplog.text
    with ctx.realm.reading() as session:
        assert session.scalars(select(ErasureBarRow)).all() == [], "nor half of it"
    found = keeping.standing(number)
    assert found is not None
    assert not found.asked
    keeping.run()
    found = keeping.standing(number)
    assert found is not None
    assert found.asked
