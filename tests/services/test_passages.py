"""Many cases at once: counted first, moved by the worker, stopped, killed and taken up again; no case moves twice."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from domain.telling import MOROCCAN, NOW, ROOT
from versions import next_version, plain, published

from school_protocol.config import Settings
from school_protocol.definitions import read
from school_protocol.domain.errors import BadInput, Conflict, DefinitionError, Sealed, SentBefore, Unseen
from school_protocol.domain.events import VersionChanged
from school_protocol.services.house import House, open_house
from school_protocol.services.journal import rebuild_index, verify_journal
from school_protocol.services.loading import folded
from school_protocol.services.protocols import moving, passages, publishing, tallies
from school_protocol.services.protocols.moving import move_cases, see_moving
from school_protocol.services.protocols.passages import PassageRefused, PassageView
from school_protocol.services.protocols.tallies import How
from school_protocol.services.scripts import TurnableClock, prepared
from school_protocol.storage import administration, index
from school_protocol.storage import passages as kept
from school_protocol.storage.errors import StorageBusy

from .conftest import WORDS, School
from .test_moving_versions import HARMLESS, KEY, SAFE, SHORTER, WHO, with_another_title, without_a_question

DATA = plain(MOROCCAN)


@pytest.fixture
def mixed(school: School) -> School:
    """Twelve cases: in seven the safety check was recorded, so that a shorter version needs a decision about them."""
    fill(school, 12, 7)
    return school


def fill(school: School, cases: int, checked: int) -> None:
    for number in range(cases):
        school.report()
        if number < checked:
            school.act("head", "safety_check", SAFE)


def look(school: School, old: int = 1, new: int = 2, who: str = WHO) -> str:
    found = passages.begin_look(school.house, school.person(who), KEY, old, new)
    go_on(school)
    return found


def begin(school: School, look_id: str, who: str = WHO, **more: Any) -> passages.Begun:
    asked = {"reason": "Nouvelle version", "accepts": (), "token": f"one of {who}", **more}
    return passages.begin_move(school.house, school.person(who), look_id, **asked)


def go_on(school: School) -> None:
    while passages.go_through(school.house):
        pass


def seen(school: School, passage: str) -> PassageView:
    return passages.see_passage(school.house, school.person(WHO), passage)


def numbers(view: PassageView) -> dict[str, int]:
    return {line.outcome: line.count.number for line in view.lines}


def changes_of(house: House) -> dict[str, int]:
    """Case → how often it changed its version."""
    found = {}
    with house.realm.reading() as session:
        for case_id in index.all_case_ids(session):
            events = folded(house, session, case_id)[1].events
            found[case_id] = sum(isinstance(event, VersionChanged) for event in events)
    return found


def is_whole(house: House) -> None:
    """The chains hold, and an index made anew says the same."""
    assert verify_journal(house) == []
    before = versions_of(house)
    rebuild_index(house)
    assert versions_of(house) == before


def versions_of(house: House) -> dict[str, int]:
    with house.realm.reading() as session:
        rows = [(case_id, index.row_of(session, case_id)) for case_id in index.all_case_ids(session)]
    return {case_id: row.version for case_id, row in rows if row is not None}


# ---- looked at, then moved -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_all_are_counted_first_and_nothing_moves(mixed: School) -> None:
    published(mixed.house, SHORTER)
    view = seen(mixed, look(mixed))
    assert (view.passage.state.value, view.gone, view.total) == ("done", 12, 12)
    assert numbers(view) == {"moves": 5, "asks": 7}
    (reason,) = next(line.reasons for line in view.lines if line.outcome == "asks")
    assert (reason[0], reason[1].number) == ("answer_gone", 7)
    assert view.asked == ("answer_gone",)
    assert [part.number for part in view.parts] == [7]
    assert set(changes_of(mixed.house).values()) == {0}


@pytest.mark.exhaustive
def test_what_can_follow_does_and_the_rest_is_said(mixed: School) -> None:
    published(mixed.house, SHORTER)
    begun = begin(mixed, look(mixed))
    assert numbers(seen(mixed, begun.passage)) == {}, "nothing before the worker comes"
    go_on(mixed)
    view = seen(mixed, begun.passage)
    assert numbers(view) == {"moved": 5, "asks": 7}
    assert (view.passage.state.value, view.gone, view.total) == ("done", 12, 12)
    assert Counter(changes_of(mixed.house).values()) == {0: 7, 1: 5}
    is_whole(mixed.house)


@pytest.mark.exhaustive
def test_a_decision_about_a_reason_holds_for_all_that_have_no_other(mixed: School) -> None:
    published(mixed.house, SHORTER)
    begun = begin(mixed, look(mixed), accepts=["answer_gone", "nonsense"])
    go_on(mixed)
    view = seen(mixed, begun.passage)
    assert numbers(view) == {"moved": 12}
    assert view.passage.accepts == {"answer_gone"}, "only what was asked can be decided"
    assert set(changes_of(mixed.house).values()) == {1}
    is_whole(mixed.house)


@pytest.mark.exhaustive
def test_a_case_with_a_second_reason_stays_until_somebody_decides_about_both(mixed: School) -> None:
    def otherwise(data: dict[str, Any]) -> None:
        data["deadlines"]["qualification"]["value"] = "2"

    published(mixed.house, next_version(DATA, 2, without_a_question, otherwise))
    found = look(mixed)
    assert set(seen(mixed, found).asked) == {"answer_gone", "due_otherwise"}
    begun = begin(mixed, found, accepts=["answer_gone"])
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"asks": 12}
    begun = begin(mixed, look(mixed), accepts=["answer_gone", "due_otherwise"], token="two")
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 12}


@pytest.mark.exhaustive
def test_what_must_stay_stays_whatever_is_decided(mixed: School) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["acts"]["safety_check"]["kind"] = "note"

    published(mixed.house, next_version(DATA, 2, edit))
    begun = begin(mixed, look(mixed), accepts=["other_kind"])
    go_on(mixed)
    view = seen(mixed, begun.passage)
    assert numbers(view) == {"moved": 5, "stays": 7}
    assert view.asked == ()
    assert {code for line in view.lines for code, _count in line.reasons} == {"other_kind"}


@pytest.mark.exhaustive
def test_each_event_says_who_and_why(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    begin(mixed, look(mixed), reason="  Parce  que  ")
    go_on(mixed)
    with mixed.house.realm.reading() as session:
        for case_id in index.all_case_ids(session):
            event = folded(mixed.house, session, case_id)[1].events[-1]
            assert isinstance(event, VersionChanged)
            assert (event.actor, event.role, event.reason) == (mixed.account(WHO), WHO, "Parce que")


@pytest.mark.exhaustive
@pytest.mark.files
def test_no_case_of_a_passage_is_named_anywhere(mixed: School) -> None:
    published(mixed.house, SHORTER)
    begun = begin(mixed, look(mixed), reason="Nommer Yasmine")
    go_on(mixed)
    shown = repr(seen(mixed, begun.passage).lines) + repr(seen(mixed, begun.passage).passage.tally)
    shown += repr(passages.see_recent(mixed.house, mixed.person(WHO), KEY, 1, 2))
    for hidden in (WORDS, "Yasmine", mixed.number, "who stays"):
        assert hidden not in shown
    path = mixed.house.settings.data / "realm.sqlite"
    kept_bytes = path.read_bytes() + Path(f"{path}-wal").read_bytes()
    assert begun.passage.encode() in kept_bytes
    assert b"Nommer Yasmine" not in kept_bytes, "the reason is sealed while it waits, and gone afterwards"


def test_one_case_that_cannot_be_read_keeps_no_other_back(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    with mixed.house.realm.reading() as session:
        bad = index.all_case_ids(session)[4]
    real = moving.folded

    def torn(house: House, session: Any, case_id: str) -> Any:
        if case_id == bad:
            raise Sealed("its key is gone")
        return real(house, session, case_id)

    monkeypatch.setattr(moving, "folded", torn)
    found = look(mixed)
    assert numbers(seen(mixed, found)) == {"moves": 11, "unread": 1}
    begun = begin(mixed, found)
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 11, "unread": 1}
    monkeypatch.undo()
    assert {case_id for case_id, times in changes_of(mixed.house).items() if not times} == {bad}
    is_whole(mixed.house)


@pytest.mark.exhaustive
def test_a_store_that_is_busy_is_no_fault_of_a_case(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))

    def busy(*_arguments: Any, **_more: Any) -> Any:
        raise StorageBusy("locked")

    monkeypatch.setattr(passages, "follow", busy)
    with pytest.raises(StorageBusy):
        passages.go_through(mixed.house)
    monkeypatch.undo()
    assert numbers(seen(mixed, begun.passage)) == {}
    mixed.wait(seconds=passages.LEASE.total_seconds() + 1)
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 12}


@pytest.mark.exhaustive
def test_a_passage_that_breaks_down_keeps_no_other_back(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))
    draft = uploaded(mixed, SHORTER_3)
    real = passages._task

    def breaks(house: House, passage: kept.Passage, reason: str) -> Any:
        if passage.id == begun.passage:
            raise RuntimeError("out of order")
        return real(house, passage, reason)

    monkeypatch.setattr(passages, "_task", breaks)
    go_on(mixed)
    assert counted(mixed, draft).gone == 12
    assert seen(mixed, begun.passage).gone == 0
    monkeypatch.undo()
    mixed.wait(seconds=passages.LEASE.total_seconds() + 1)
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 12}


def test_a_draft_that_cannot_be_read_any_more_is_looked_from_no_more(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(school, 2, 0)
    draft = uploaded(school, SHORTER)

    def refuses(_content: bytes) -> Any:
        raise DefinitionError("draft", ())

    monkeypatch.setattr(passages, "_drafted", refuses)
    go_on(school)
    with school.house.realm.reading() as session:
        found = kept.latest_of_draft(session, draft, base_of(school))
    assert found is not None
    assert (found.state.value, found.why) == ("stopped", "gone")


@pytest.mark.exhaustive
def test_somebody_who_writes_meanwhile_is_waited_for(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))
    real, clashes = passages.follow, itertools.count()

    def clashing(*arguments: Any) -> Any:
        if next(clashes) == 3:
            raise Conflict(1, 2)
        return real(*arguments)

    monkeypatch.setattr(passages, "follow", clashing)
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 12}
    assert set(changes_of(mixed.house).values()) == {1}


# ---- who, and how often ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["head", "team_member", "academy", "data_officer", "technical_admin"])
def test_only_who_publishes_protocols_may(mixed: School, who: str) -> None:
    published(mixed.house, HARMLESS)
    found, actor, house = look(mixed), mixed.person(who), mixed.house
    draft = uploaded(mixed, SHORTER_3)
    for asked in (
        lambda: passages.begin_look(house, actor, KEY, 1, 2),
        lambda: passages.begin_move(house, actor, found, reason="x", accepts=(), token="t"),
        lambda: passages.stop(house, actor, found),
        lambda: passages.see_passage(house, actor, found),
        lambda: passages.see_recent(house, actor, KEY, 1, 2),
        lambda: passages.begin_look_of_draft(house, actor, draft),
    ):
        with pytest.raises(Unseen):
            asked()
    assert seen(mixed, found).gone == 12, "the control"


@pytest.mark.exhaustive
def test_pressed_twice_it_is_one_passage(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    found = look(mixed)
    first = begin(mixed, found)
    assert begin(mixed, found) == passages.Begun(first.passage, repeated=True)
    with pytest.raises(SentBefore):
        begin(mixed, found, reason="Un autre")
    go_on(mixed)
    assert begin(mixed, found) == passages.Begun(first.passage, repeated=True), "also when it is done"
    assert set(changes_of(mixed.house).values()) == {1}
    assert begin(mixed, found, token="another").passage != first.passage, "the control: another form is another press"


@pytest.mark.exhaustive
def test_of_two_who_begin_the_same_one_is_told(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    found = look(mixed)
    people = (WHO, f"{WHO}/2")
    for who in people:
        mixed.person(who)

    def one(who: str) -> str:
        try:
            return begin(mixed, found, who).passage
        except PassageRefused as refused:
            return f"told of {refused.other}" if refused.code == "under_way" else refused.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(one, people))
    begun = next(each for each in outcomes if not each.startswith("told"))
    assert f"told of {begun}" in outcomes
    go_on(mixed)
    assert set(changes_of(mixed.house).values()) == {1}


@pytest.mark.exhaustive
def test_cases_of_one_protocol_move_one_way_at_a_time(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    published(mixed.house, next_version(DATA, 3, with_another_title))
    second, third = look(mixed, 1, 2), look(mixed, 1, 3)
    begun = begin(mixed, second)
    with pytest.raises(PassageRefused) as refused:
        begin(mixed, third, token="t")
    assert refused.value.other == begun.passage
    go_on(mixed)
    begin(mixed, third, token="t")
    go_on(mixed)
    assert set(versions_of(mixed.house).values()) == {2}, "no case of version 1 was left"


def test_a_look_that_is_asked_for_twice_is_one(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    first, second = (passages.begin_look(mixed.house, mixed.person(who), KEY, 1, 2) for who in (WHO, f"{WHO}/2"))
    assert first == second
    go_on(mixed)
    assert passages.begin_look(mixed.house, mixed.person(WHO), KEY, 1, 2) != first, (
        "the control: one that is done is not"
    )


@pytest.mark.exhaustive
def test_nothing_is_moved_that_was_not_looked_at(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    waiting = passages.begin_look(mixed.house, mixed.person(WHO), KEY, 1, 2)
    with pytest.raises(PassageRefused, match="not_looked"):
        begin(mixed, waiting)
    go_on(mixed)
    moved = begin(mixed, waiting).passage
    for nothing in (moved, "nothing"):
        with pytest.raises(Unseen):
            begin(mixed, nothing, token="t")
    for pair in ((2, 1), (1, 1), (1, 9)):
        with pytest.raises(Unseen):
            passages.begin_look(mixed.house, mixed.person(WHO), KEY, *pair)


def test_a_reason_is_asked_and_is_short(mixed: School) -> None:
    published(mixed.house, HARMLESS)
    found = look(mixed)
    for reason, code in (("", "required"), ("  \n", "required"), ("x" * 501, "too_long:500")):
        with pytest.raises(BadInput) as refused:
            begin(mixed, found, reason=reason)
        assert refused.value.problems == {"reason": (code,)}
    begin(mixed, found), "a refused press uses no token up"


@pytest.mark.exhaustive
def test_whoever_loses_the_right_moves_nothing_more(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    monkeypatch.setattr(passages, "SLICE", 5)
    begun = begin(mixed, look(mixed))
    passages.go_through(mixed.house)
    with mixed.house.directory.writing() as session:
        today = mixed.house.now().date()
        post = administration.post_of(session, mixed.account(WHO), {WHO}, today)
        assert post is not None
        administration.write(
            session,
            administration.Change(
                at=mixed.house.now(), actor=mixed.account("head"), kind=administration.Kind.left_at_once,
                unit=post.unit, account=post.account.id, role=post.role, reason="left", appointment=post.id,
            ),
        )  # fmt: skip
    go_on(mixed)
    with mixed.house.realm.reading() as session:
        found = kept.passage(session, begun.passage)
    assert (found.state.value, found.why) == ("stopped", "not_allowed")
    assert Counter(changes_of(mixed.house).values()) == {1: 5, 0: 7}


# ---- stopped, killed, taken up again ---------------------------------------------------------------------------------


def test_it_is_stopped_between_two_cases_and_can_be_begun_again(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    monkeypatch.setattr(passages, "SLICE", 5)
    begun = begin(mixed, look(mixed))
    assert passages.go_through(mixed.house), "something is left"
    assert (seen(mixed, begun.passage).gone, seen(mixed, begun.passage).total) == (5, 12)
    assert passages.stop(mixed.house, mixed.person(f"{WHO}/2"), begun.passage)
    assert not passages.stop(mixed.house, mixed.person(WHO), begun.passage), "stopped before"
    go_on(mixed)
    view = seen(mixed, begun.passage)
    assert (view.passage.state.value, view.passage.why, numbers(view)) == ("stopped", "asked", {"moved": 5})
    assert view.stopped_by
    assert Counter(changes_of(mixed.house).values()) == {1: 5, 0: 7}
    again = begin(mixed, look(mixed), token="two")
    go_on(mixed)
    assert numbers(seen(mixed, again.passage)) == {"moved": 7}
    assert set(changes_of(mixed.house).values()) == {1}


def test_a_stop_while_a_worker_is_at_it_holds_at_once(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))
    real, done = passages._move_next, itertools.count(1)

    def stopping(house: House, passage_id: str, task: Any) -> int:
        gone = real(house, passage_id, task)
        if next(done) == 4:
            passages.stop(house, mixed.person(WHO), passage_id)
        return gone

    monkeypatch.setattr(passages, "_move_next", stopping)
    passages.go_through(mixed.house)
    assert Counter(changes_of(mixed.house).values()) == {1: 4, 0: 8}
    assert numbers(seen(mixed, begun.passage)) == {"moved": 4}


@pytest.mark.exhaustive
def test_a_worker_that_dies_is_made_up_for(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))
    real, done = passages.follow, itertools.count(1)

    def dies(*arguments: Any) -> Any:
        found = real(*arguments)
        if next(done) == 6:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(passages, "follow", dies)
    with pytest.raises(KeyboardInterrupt):
        passages.go_through(mixed.house)
    monkeypatch.undo()
    assert Counter(changes_of(mixed.house).values()) == {1: 5, 0: 7}, "the sixth was written, and not kept"
    assert not passages.go_through(mixed.house)
    assert seen(mixed, begun.passage).gone == 5, "not before its lease is over"
    mixed.wait(seconds=passages.LEASE.total_seconds() + 1)
    go_on(mixed)
    assert numbers(seen(mixed, begun.passage)) == {"moved": 12}
    assert set(changes_of(mixed.house).values()) == {1}
    is_whole(mixed.house)


KILLED = """
import itertools, os, signal, sys
sys.path[:0] = ["tests"]
from datetime import datetime
from pathlib import Path
from school_protocol.config import Settings
from school_protocol.services.house import open_house
from school_protocol.services.protocols import passages
from school_protocol.services.scripts import TurnableClock
house = open_house(Settings(data=Path(sys.argv[1])), TurnableClock(datetime.fromisoformat(sys.argv[2])))
real, done = passages.follow, itertools.count(1)
def killed(*arguments):
    found = real(*arguments)
    if next(done) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return found
passages.follow = killed
passages.go_through(house)
"""


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_process_that_is_killed_is_taken_up_by_the_next(tmp_path: Path) -> None:
    """Killed twice, each time while a case is being written: each case has one event in the end, and is counted."""
    clock = TurnableClock(NOW)
    house = open_house(Settings(data=tmp_path / "data"), clock)
    school = School(
        prepared(house, clock, read(MOROCCAN.read_bytes(), "1.yaml"), MOROCCAN.read_bytes()), itertools.count()
    )
    fill(school, 10, 0)
    published(house, HARMLESS)
    begun = begin(school, look(school))
    for deadly, moved in ((4, 3), (3, 5)):
        arguments = [str(tmp_path / "data"), clock.now().isoformat(), str(deadly)]
        command = [sys.executable, "-c", KILLED, *arguments]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ}, check=False, capture_output=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert Counter(changes_of(house).values())[1] == moved
        assert seen(school, begun.passage).gone == moved
        clock.advance(passages.LEASE + timedelta(seconds=1))
    go_on(school)
    assert numbers(seen(school, begun.passage)) == {"moved": 10}
    assert set(changes_of(house).values()) == {1}
    is_whole(house)
    house.close()


@pytest.mark.exhaustive
def test_several_workers_and_a_page_move_each_case_once(mixed: School) -> None:
    """Leases set aside: even workers that don't know of each other count each case once."""
    published(mixed.house, HARMLESS)
    begun = begin(mixed, look(mixed))
    with mixed.house.realm.reading() as session:
        passage = kept.passage(session, begun.passage)
    task = passages._task(mixed.house, passage, "Nouvelle version")
    actor = mixed.person(WHO)

    def worker(_number: int) -> int:
        gone = 0
        while passages._move(mixed.house, begun.passage, task):
            gone += 1
        return gone

    with ThreadPoolExecutor(4) as pool:
        page = pool.submit(lambda: list(move_cases(mixed.house, actor, KEY, 2, reason="Page")))
        gone = list(pool.map(worker, range(3)))
        page.result()
    assert set(changes_of(mixed.house).values()) == {1}
    assert seen(mixed, begun.passage).gone == sum(gone) <= 12
    is_whole(mixed.house)


@pytest.mark.exhaustive
def test_a_slice_leaves_room_for_others(mixed: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(mixed.house, HARMLESS)
    published(mixed.house, next_version(DATA, 3, with_another_title))
    monkeypatch.setattr(passages, "SLICE", 5)
    monkeypatch.setattr(passages, "STEP", 5)
    begun = begin(mixed, look(mixed))
    other = passages.begin_look(mixed.house, mixed.person(WHO), KEY, 1, 3)
    assert passages.go_through(mixed.house)
    assert [seen(mixed, one).gone for one in (begun.passage, other)] == [5, 5]
    go_on(mixed)
    assert seen(mixed, begun.passage).gone == 12
    assert seen(mixed, other).gone < 12, "what has moved meanwhile is not of version 1 any more"


# ---- before a draft is published -------------------------------------------------------------------------------------

SHORTER_3 = next_version(DATA, 3, without_a_question)


def uploaded(school: School, content: bytes, who: str = WHO) -> str:
    return publishing.upload(school.house, school.person(who), content, "next.yaml")


def preview(school: School, draft: str) -> passages.DraftPreview | None:
    view = publishing.see_draft(school.house, school.person(WHO), draft)
    return passages.see_preview(school.house, school.person(WHO), view.draft)


def base_of(school: School) -> str:
    return school.house.library.current()[0].digest


def counted(school: School, draft: str) -> passages.DraftPreview:
    found = preview(school, draft)
    assert found is not None
    assert found.counted_at is not None
    return found


def told(found: passages.DraftPreview) -> dict[int, dict[str, tuple[str, int]]]:
    return {
        line.version: {each.outcome: (each.count.how.value, each.count.number) for each in line.lines}
        for line in found.versions
    }


@pytest.mark.exhaustive
def test_a_draft_is_looked_from_without_being_asked(school: School) -> None:
    fill(school, 16, 7)
    draft = uploaded(school, SHORTER)
    waiting = preview(school, draft)
    assert waiting is not None
    assert waiting.counted_at is None
    go_on(school)
    found = counted(school, draft)
    assert told(found) == {1: {"moves": ("exact", 9), "asks": ("exact", 7)}}
    assert found.versions[0].lines[1].reasons == (("answer_gone", tallies.Count(7)),)
    assert [ground.part for ground in found.parts] == ["fields"]
    assert set(changes_of(school.house).values()) == {0}
    assert list(school.house.library.every()) == [school.house.library.protocol(KEY, 1)], "nothing was published"


@pytest.mark.exhaustive
def test_cases_in_several_versions_have_a_line_each(school: School) -> None:
    """The draft is made from version 1; cases stand in two."""
    fill(school, 9, 0)
    published(school.house, HARMLESS)
    fill(school, 6, 6)
    draft = uploaded(school, SHORTER_3)
    go_on(school)
    found = counted(school, draft)
    assert [(line.version, line.total) for line in found.versions] == [(1, 9), (2, 6)]
    assert told(found) == {1: {"moves": ("exact", 9)}, 2: {"asks": ("exact", 6)}}
    assert (found.gone, found.total) == (15, 15)


def test_a_draft_with_faults_shows_nothing(school: School) -> None:
    fill(school, 6, 0)
    draft = uploaded(school, SHORTER.replace(b"format:", b"fromat:"))
    go_on(school)
    assert preview(school, draft) is None
    with school.house.realm.reading() as session:
        assert kept.latest_of_draft(session, draft, base_of(school)) is None
    with pytest.raises(PassageRefused, match="settled"):
        passages.begin_look_of_draft(school.house, school.person(WHO), draft)


@pytest.mark.exhaustive
def test_without_open_cases_it_says_so(school: School) -> None:
    draft = uploaded(school, SHORTER)
    go_on(school)
    assert counted(school, draft).versions == ()


def test_a_draft_that_is_withdrawn_meanwhile_is_looked_from_no_more(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(school, 6, 0)
    monkeypatch.setattr(passages, "SLICE", 2)
    monkeypatch.setattr(passages, "STEP", 2)
    draft = uploaded(school, SHORTER)
    assert passages.go_through(school.house)
    running = preview(school, draft)
    assert running is not None
    assert (running.gone, running.total, running.counted_at) == (2, 6, None)
    publishing.withdraw(school.house, school.person(WHO), draft)
    go_on(school)
    assert preview(school, draft) is None
    with school.house.realm.reading() as session:
        found = kept.latest_of_draft(session, draft, base_of(school))
    assert found is not None
    assert (found.state.value, found.why) == ("stopped", "gone")


@pytest.mark.exhaustive
def test_a_draft_that_is_compared_anew_is_looked_from_anew(school: School) -> None:
    fill(school, 6, 0)
    draft = uploaded(school, SHORTER_3)
    go_on(school)
    published(school.house, HARMLESS)
    fill(school, 5, 0)
    assert told(counted(school, draft)) == {1: {"moves": ("exact", 6)}}, "as it was looked at"
    publishing.look_again(school.house, school.person(WHO), draft)
    assert preview(school, draft) == passages.DraftPreview(0, 0, None), "the former count is not shown any more"
    go_on(school)
    assert told(counted(school, draft)) == {1: {"moves": ("exact", 6)}, 2: {"moves": ("exact", 5)}}


@pytest.mark.exhaustive
def test_it_is_counted_again_where_somebody_asks(school: School) -> None:
    fill(school, 6, 0)
    draft = uploaded(school, SHORTER)
    go_on(school)
    fill(school, 3, 0)
    assert counted(school, draft).total == 6
    school.wait(minutes=1)
    passages.begin_look_of_draft(school.house, school.person(f"{WHO}/2"), draft)
    with pytest.raises(PassageRefused, match="counting"):
        passages.begin_look_of_draft(school.house, school.person(WHO), draft)
    go_on(school)
    assert counted(school, draft).total == 9


def test_what_a_draft_counts_is_on_no_page_of_versions(school: School) -> None:
    """Those pages tell every number."""
    fill(school, 3, 1)
    draft = uploaded(school, SHORTER)
    go_on(school)
    with school.house.realm.reading() as session:
        found = kept.latest_of_draft(session, draft, base_of(school))
    assert found is not None
    for asked in (
        lambda: seen(school, found.id),
        lambda: passages.stop(school.house, school.person(WHO), found.id),
        lambda: begin(school, found.id),
    ):
        with pytest.raises(Unseen):
            asked()


@pytest.mark.exhaustive
def test_of_a_draft_no_small_number_is_told(school: School) -> None:
    fill(school, 14, 3)
    draft = uploaded(school, SHORTER)
    go_on(school)
    found = counted(school, draft)
    assert told(found) == {1: {"moves": ("least", 10), "asks": ("few", 0)}}
    assert found.versions[0].lines[1].reasons == (("answer_gone", tallies.SOME),)
    shown = repr(found)
    for hidden in (WORDS, "Yasmine", school.number):
        assert hidden not in shown


def test_of_a_few_cases_no_number_is_told(school: School) -> None:
    fill(school, 4, 1)
    draft = uploaded(school, SHORTER)
    go_on(school)
    found = counted(school, draft)
    assert told(found) == {1: {"moves": ("some", 0), "asks": ("some", 0)}}
    assert found.parts == ()


@pytest.mark.exhaustive
def test_after_publishing_the_page_leads_to_the_cases(school: School) -> None:
    fill(school, 2, 0)
    draft = uploaded(school, SHORTER)
    view = publishing.see_draft(school.house, school.person(WHO), draft)
    assert passages.see_left(school.house, school.person(WHO), view.draft) == ()
    publishing.work_out(school.house, lambda _content, _before: REPORT)
    publishing.propose(school.house, school.person(WHO), draft)
    publishing.agree(school.house, school.person(f"{WHO}/2"), draft, read(SHORTER, "x").digest)
    view = publishing.see_draft(school.house, school.person(WHO), draft)
    assert passages.see_left(school.house, school.person(WHO), view.draft) == ((1, 2),)
    assert see_moving(school.house, school.person(WHO), KEY, 1, 2).total == 2


REPORT = json.loads('{"proof": {"results": [], "combinations": 0, "seconds": 0.0}, "stories": []}')


# ---- what numbers tell -----------------------------------------------------------------------------------------------


def possible(most: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way in which up to `most` things fall into so many parts."""
    return (one for one in itertools.product(range(most + 1), repeat=parts) if 0 < sum(one) <= most)


def worked_out(groups: dict[Any, list[dict[str, int]]]) -> list[tuple[Any, str]]:
    """Numbers from 1 to 4 that are the only ones that fit what is told."""
    found = []
    for said, fitting in groups.items():
        for key in fitting[0]:
            values = {one.get(key, 0) for one in fitting}
            if len(values) == 1 and 0 < min(values) < moving.FEWEST:
                found.append((said, key))
    return found


def said_of(counts: tallies.Told) -> tuple[Any, ...]:
    return tuple(sorted((key, count.how.value, count.number) for key, count in counts.items()))


LEAST = 9
"""Of fewer cases than these, all told, how many there are says too much already, whatever is told of them."""


@pytest.mark.parametrize("say", [tallies.blurred, tallies.exactly], ids=["blurred", "control"])
def test_no_small_number_can_be_worked_out(say: Any) -> None:
    """How many cases there are is told, and what becomes of them."""
    groups: dict[Any, list[dict[str, int]]] = defaultdict(list)
    for numbers in possible(24, 3):
        counts = {key: number for key, number in zip("abc", numbers, strict=True) if number}
        groups[sum(numbers), said_of(say(counts))].append(counts)
    found = [one for one in worked_out(groups) if one[0][0] >= LEAST]
    assert bool(found) == (say is tallies.exactly), found[:3]


@pytest.mark.parametrize("blurs", [True, False], ids=["blurred", "control"])
def test_no_small_number_of_a_reason_can_be_worked_out(blurs: bool) -> None:
    """Some cases can follow; the others need a decision for one of two reasons, or for both."""
    groups: dict[Any, list[dict[str, int]]] = defaultdict(list)
    for can, one, other, both in possible(16, 4):
        reasons = {"one": one + both, "other": other + both}
        asks = one + other + both
        outcomes = {key: number for key, number in (("can", can), ("asks", asks)) if number}
        if not all(reasons.values()):
            continue
        counts = tallies.blurred(outcomes) if blurs else tallies.exactly(outcomes)
        told = said_of(counts), said_of(tallies._why(reasons, counts["asks"], blurs=blurs))
        groups[can + asks, told].append({**outcomes, **reasons})
    found = [one for one in worked_out(groups) if one[0][0] >= LEAST]
    assert bool(found) != blurs, found[:3]


def test_what_is_told_is_true() -> None:
    hows = Counter[How]()
    for numbers in possible(24, 3):
        counts = {key: number for key, number in zip("abc", numbers, strict=True) if number}
        for key, count in tallies.blurred(counts).items():
            hows[count.how] += 1
            assert count.how is not How.exact or count.number == counts[key] >= moving.FEWEST
            assert count.how is not How.least or moving.FEWEST <= count.number <= counts[key]
            assert count.how is not How.few or counts[key] < moving.FEWEST
    assert set(hows) == set(How)
