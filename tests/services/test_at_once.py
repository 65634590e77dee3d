"""Several at one case in the same moment: each is shown it, and nothing is written down twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from trials.installed import at_once

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import load
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import see_case
from school_protocol.cases.view_models import CaseView
from school_protocol.storage.engines import Session, readings_shared
from services.conftest import School


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> threading.Barrier:
    """Two who open a case have both read it before either goes on, where the store lets them."""
    gate = threading.Barrier(2)

    def read(*what: Any, **how: Any) -> Any:
        found = load(*what, **how)
        with suppress(threading.BrokenBarrierError):
            gate.wait(timeout=0.5)
        return found

    monkeypatch.setattr("school_protocol.cases.showing.load", read)
    return gate


def seen(school: School) -> int:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number)
        assert case_id is not None
        return sum(
            entry.kind == "CaseSeen" for entry in cases_repository.load_events(session, school.ctx.vault, case_id)
        )


def opening(school: School, who: str) -> Callable[[], CaseView]:
    actor = school.person(who)
    return lambda: see_case(school.ctx, actor, school.number)


def test_two_of_the_team_open_a_case_at_once(school: School, meeting: threading.Barrier) -> None:
    school.report()
    works = [opening(school, who) for who in ("head", "team_member/2")]
    found = at_once(works, apart=False)
    assert [type(one) for one in found] == [CaseView, CaseView], found
    assert seen(school) == 1


@pytest.mark.exhaustive
def test_one_opens_a_case_in_which_another_writes(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.report()
    member, head, done = school.person("team_member"), school.person("head"), list[Any]()

    def write() -> None:
        done.append(record_act(school.ctx, member, school.number, "note", {"text": "mot"}, expected=None, token="one"))

    writer = threading.Thread(target=write)

    def read(*what: Any, **how: Any) -> Any:
        found = load(*what, **how)
        writer.start()
        writer.join(timeout=0.7)
        return found

    monkeypatch.setattr("school_protocol.cases.showing.load", read)
    assert isinstance(see_case(school.ctx, head, school.number), CaseView)
    writer.join(timeout=10)
    assert len(done) == 1
    assert seen(school) == 1


def notes(school: School, session: Session) -> list[object]:
    """What the notes of the case say as that session reads them; of destroyed words nothing is left."""
    case = load(school.ctx, session, school.person("head"), school.number).case
    return [record.answers.get("text") for record in case.records_of("note")]


def elsewhere(work: Callable[[], object]) -> None:
    """As another request does it, while this one goes on."""
    with ThreadPoolExecutor(1) as other:
        other.submit(work).result()


def destroy_first_note(school: School) -> None:
    with school.ctx.realm.writing() as session:
        case = load(school.ctx, session, school.person("head"), school.number)
        seq = case.case.records_of("note")[0].seq
        cases_repository.destroy_words(session, school.ctx.vault, case.case_id, seq, at=school.ctx.now(), actor="x")


@pytest.mark.parametrize("proves", [True, False], ids=["", "control"])
def test_who_writes_goes_on_from_what_the_page_read_unless_it_changed(
    school: School, monkeypatch: pytest.MonkeyPatch, *, proves: bool
) -> None:
    school.report()
    school.act("head", "note", {"text": "un"})
    opened, real = [], cases_repository.load_events
    monkeypatch.setattr(cases_repository, "load_events", lambda *what: opened.append(what) or real(*what))
    with readings_shared():
        with school.ctx.realm.reading() as session:
            assert notes(school, session) == ["un"]
        with school.ctx.realm.writing() as session:
            assert (notes(school, session), len(opened)) == (["un"], 1), "it is opened once"
            if not proves:
                case_id = load(school.ctx, session, school.person("head"), school.number).case_id
                as_read = cases_repository.state(session, case_id)
                monkeypatch.setattr(cases_repository, "state", lambda *_what: as_read)
        elsewhere(lambda: school.act("team_member", "note", {"text": "deux"}))
        with school.ctx.realm.writing() as session:
            assert notes(school, session) == (["un", "deux"] if proves else ["un"])
        elsewhere(lambda: destroy_first_note(school))
        with school.ctx.realm.writing() as session:
            assert notes(school, session) == ([None, "deux"] if proves else ["un"])
