"""Case files made ahead: once a case is quiet, for whoever asked lately; nothing for whom it is not any more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from handing import hand_out_as
from sqlalchemy import func, select

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files import prepared, printing
from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.models import PaperLookRow, PreparedPaperRow
from school_protocol.case_files.prepare_process import Broken, Here
from school_protocol.case_files.prepared import Look, Outcome, go_through, make_ahead, ready
from school_protocol.case_files.repository import Wanted
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from services.conftest import School

PROFILE = "school"


@pytest.fixture
def set_pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pages are a word; what was typeset is noted."""
    made: list[str] = []

    def pages(view: CaseFile, wording: Wording) -> bytes:
        made.append(f"{view.head.number}/{view.profile}/{wording.language}/{view.content_seq}")
        return b"%PDF " + made[-1].encode()

    hand_out_as(monkeypatch, pages)
    return made


@pytest.fixture
def asked(school: School, set_pages: list[str]) -> School:
    """The head asked for a copy; then somebody wrote, and the case has been quiet since."""
    school.report()
    issued(school)
    moved(school)
    set_pages.clear()
    return school


def issued(school: School, who: str = "head", profile: str = PROFILE) -> bytes:
    return issue_case_file(school.ctx, school.person(who), school.number, profile, "fr").data


def moved(school: School, who: str = "team_member") -> None:
    school.act(who, "add_note", text="Rien de nouveau.")
    school.wait(seconds=30)


def swept(school: School, make: Callable[[Wanted], Look] | None = None) -> list[str]:
    """What the sweep comes to, each look in its turn."""
    came: list[str] = []

    def noted(one: Wanted) -> Look:
        look = (make or (lambda one: make_ahead(school.ctx, one)))(one)
        came.append(look.outcome.value)
        return look

    go_through(school.ctx, noted)
    return came


def kept(school: School) -> int:
    with school.ctx.realm.reading() as session:
        return session.scalar(select(func.count()).select_from(PreparedPaperRow)) or 0


@pytest.mark.exhaustive
def test_what_was_asked_for_lately_is_made_once_the_case_is_quiet(asked: School, set_pages: list[str]) -> None:
    assert swept(asked) == ["made"]
    assert len(set_pages) == 1
    assert ready(asked.ctx, asked.person("head"), asked.number) == {(PROFILE, "fr")}
    assert issued(asked) == b"%PDF " + set_pages[0].encode()
    assert len(set_pages) == 1, "nothing was typeset while the head waited"


@pytest.mark.exhaustive
def test_without_it_the_head_waits(asked: School, set_pages: list[str]) -> None:
    """The control of the test above."""
    assert ready(asked.ctx, asked.person("head"), asked.number) == frozenset()
    issued(asked)
    assert len(set_pages) == 1


def test_while_somebody_writes_nothing_is_made(asked: School, set_pages: list[str]) -> None:
    asked.act("team_member", "add_note", text="Encore.")
    assert swept(asked) == []
    asked.wait(seconds=21)
    assert swept(asked) == ["made"]


def test_how_long_it_must_be_quiet_is_a_setting(asked: School) -> None:
    ctx = asked.ctx
    asked.player.ctx = replace(ctx, settings=replace(ctx.settings, quiet=timedelta(minutes=2)))
    assert swept(asked) == []
    asked.wait(seconds=95)
    assert swept(asked) == ["made"]


@pytest.mark.exhaustive
def test_what_is_there_is_not_looked_at_again_before_it_is_due(asked: School, set_pages: list[str]) -> None:
    assert [swept(asked), swept(asked)] == [["made"], []]
    asked.wait(days=1)
    assert swept(asked) == ["made"], "a day begun makes it untrue"
    moved(asked)
    assert swept(asked) == ["made"]
    assert [line.rpartition("/")[2] for line in set_pages] == ["4", "4", "5"]


@pytest.mark.exhaustive
def test_a_copy_handed_out_makes_nothing_untrue(asked: School, set_pages: list[str]) -> None:
    swept(asked)
    issued(asked)
    asked.wait(seconds=30)
    assert swept(asked) == ["ready"]
    assert len(set_pages) == 1


@pytest.mark.exhaustive
def test_what_nobody_asked_for_in_a_month_is_not_made(asked: School) -> None:
    asked.wait(days=31)
    moved(asked)
    assert swept(asked) == []


@pytest.mark.exhaustive
def test_what_somebody_writes_meanwhile_drops_it(asked: School) -> None:
    """A file of an earlier content is never kept."""

    def interrupted(one: Wanted) -> Look:
        before = printing.draft

        def slow(*arguments: Any) -> Any:
            found = before(*arguments)
            return _Slow(found, lambda: asked.act("team_member", "add_note", text="Entre-temps."))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "draft", slow)
            return make_ahead(asked.ctx, one)

    before = kept(asked)
    assert swept(asked, interrupted) == ["moved"]
    assert kept(asked) == before
    asked.wait(seconds=30)
    assert swept(asked) == ["made"]


class _Slow:
    """A draft whose typesetting takes so long that something happens meanwhile."""

    def __init__(self, draft: Any, meanwhile: Callable[[], object]) -> None:
        self.draft, self.meanwhile = draft, meanwhile

    def made(self) -> Any:
        self.meanwhile()
        return self.draft.made()


# ---- for whom nothing is made --------------------------------------------------------------------------------------


def role_ends(school: School, who: str) -> None:
    actor = school.person(who)
    with school.ctx.directory.writing() as session:
        for held in _appointments(session, actor):
            auth_repository.end_appointment(session, held, school.ctx.now().date() - timedelta(days=1))


def _appointments(session: Any, actor: Actor) -> list[str]:
    from school_protocol.auth.models import AppointmentRow

    return list(session.scalars(select(AppointmentRow.id).where(AppointmentRow.account == actor.id)))


def excluded(school: School) -> None:
    school.act("team_coordinator", "exclude", person=school.account("head"), reason="conflict_of_interest")


def erased(school: School) -> None:
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        cases_repository.destroy_case(session, school.ctx.vault, case_id, at=school.ctx.now(), actor="x")


@pytest.mark.parametrize("why", ["role", "inactive"])
def test_for_whom_it_is_not_any_more_nothing_is_made(asked: School, set_pages: list[str], why: str) -> None:
    if why == "role":
        role_ends(asked, "head")
    else:
        with asked.ctx.directory.writing() as session:
            auth_repository.set_active(session, asked.account("head"), False)
    assert swept(asked) == ["nothing"]
    assert swept(asked) == [], "nor looked at again the same day"
    assert set_pages == []


def test_who_is_excluded_gets_nothing(asked: School, set_pages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_is_open_to", lambda *_any: False)
    assert swept(asked) == ["nothing"]
    assert set_pages == []


@pytest.mark.exhaustive
def test_of_an_erased_case_nothing_is_made_nor_kept(asked: School, set_pages: list[str]) -> None:
    swept(asked)
    erased(asked)
    assert kept(asked) == 0
    asked.wait(days=1)
    assert swept(asked) == []


def test_a_case_erased_meanwhile_keeps_nothing(asked: School) -> None:
    def interrupted(one: Wanted) -> Look:
        before = printing.draft
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "draft", lambda *told: _Slow(before(*told), lambda: erased(asked)))
            return make_ahead(asked.ctx, one)

    assert swept(asked, interrupted) == ["moved"]
    assert kept(asked) == 0


@pytest.mark.exhaustive
def test_of_a_case_that_has_ended_nothing_is_made(asked: School, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import update

    from school_protocol.cases.models import CaseIndexRow

    with asked.ctx.realm.writing() as session:
        session.execute(update(CaseIndexRow).values(ended=True))
    assert swept(asked) == []


# ---- what fails ----------------------------------------------------------------------------------------------------


def test_one_that_fails_keeps_no_other_back_and_is_not_begun_endlessly(
    asked: School, set_pages: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    first = asked.number
    asked.report()
    issued(asked)
    moved(asked)
    hands = Here(asked.ctx)
    begun: list[str] = []

    def fails_for_the_first(one: Wanted) -> Look:
        begun.append(one.case_id)
        with asked.ctx.realm.reading() as session:
            is_first = cases_repository.opened(session, one.case_id).number == first
        if is_first:
            return hands.do(_fails, one, now=asked.ctx.now())
        return hands.do(make_ahead, one, now=asked.ctx.now())

    with caplog.at_level(logging.WARNING):
        for _minute in range(120):
            go_through(asked.ctx, fails_for_the_first)
            asked.wait(seconds=60)
    assert len(begun) == 4, "three times the one that fails, once the other"
    assert kept(asked) == 2
    assert caplog.messages.count("a case file could not be made ahead (ZeroDivisionError)") == 3
    assert first not in caplog.text
    asked.number = first
    moved(asked)
    assert swept(asked) == ["made"], "once the case moves it is begun anew"


def _fails(_ctx: Any, _one: Wanted) -> Look:
    raise ZeroDivisionError("secret words of a case")


@pytest.mark.exhaustive
def test_whoever_is_gone_in_the_middle_is_made_up_for(asked: School) -> None:
    def gone(_one: Wanted) -> Look:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_through(asked.ctx, gone)
    assert swept(asked) == [], "as long as somebody may be at it"
    asked.wait(minutes=6)
    assert swept(asked) == ["made"]


@pytest.mark.exhaustive
def test_two_workers_look_at_a_file_once(asked: School) -> None:
    inner: list[list[str]] = []

    def slow(one: Wanted) -> Look:
        inner.append(swept(asked))
        return make_ahead(asked.ctx, one)

    assert swept(asked, slow) == ["made"]
    assert inner == [[]]


@pytest.mark.exhaustive
def test_words_destroyed_are_made_up_for_and_the_look_forgotten(asked: School) -> None:
    swept(asked)
    with asked.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, asked.number) or ""
        cases_repository.forget_what_was_made(session, case_id)
        assert session.scalar(select(func.count()).select_from(PaperLookRow)) == 0
    assert swept(asked) == ["made"]


def test_the_outcomes_are_told_apart() -> None:
    assert {one.value for one in Outcome} == {"made", "ready", "moved", "nothing"}
    assert issubclass(Broken, Exception)
