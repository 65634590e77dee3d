"""Open cases follow another version: previewed, one at a time, by an event; nothing of what was answered is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from handing import hand_out_as
from protocol.editing import edits, written
from pypdf import PdfReader
from versions import next_version, plain, published

from school_protocol.case_files.service import code_of, issue_case_file
from school_protocol.case_files.verify_copy import by_code
from school_protocol.cases import index_repository, loading
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, folded, index_row, load_by_id
from school_protocol.cases.service import record_act, take_back
from school_protocol.cases.showing import see_correction, see_record
from school_protocol.cases.story_player import Player, throwaway
from school_protocol.context import AppContext
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import dues, duties
from school_protocol.engine.deadlines import read as facts_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Conflict, DefinitionError, Sealed, SentBefore, Unseen
from school_protocol.engine.events import VersionChanged
from school_protocol.engine.version_change import Outcome, version_changed, weighed
from school_protocol.language import Wording
from school_protocol.ops.journal_checks import rebuild_index, verify_journal
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read
from school_protocol.publishing import move_case as move_case_module
from school_protocol.publishing.move_case import (
    CaseLine,
    Moved,
    OpenCases,
    list_open_cases,
    move_case,
    see_case,
    see_difference,
    see_open_cases,
)
from school_protocol.storage.engines import Session

from .conftest import School

KEY = "ma-cyberharassment"
FOLDER = Path(__file__).parents[2] / "protocol_definitions" / KEY
DATA = plain(FOLDER / "1.yaml")
WHO = "protocol_admin"
SAFE = {"none_seen": True, "safe_now": "yes", "who_stays": "me"}
FORM = DATA["acts"]["safety_check"]["form"]
TITLE = {"fr": "Autrement", "ar": "بشكل آخر", "en": "Otherwise"}


def without_a_question(data: dict[str, Any]) -> None:
    """The safety check asks no more who stays with the child, nor what hangs on that."""
    form = data["forms"][FORM]
    form["fields"] = {
        key: field for key, field in form["fields"].items() if key != "who_stays" and "who_stays" not in str(field)
    }
    form["refuses"] = [one for one in form["refuses"] if "who_stays" not in str(one)]
    for source in (one for deadline in data["deadlines"].values() for one in deadline.get("met_by", ())):
        if "who_stays" in source.get("where", ""):
            del source["where"]


def with_another_title(data: dict[str, Any]) -> None:
    data["states"]["report_received"]["title"] = TITLE


@cache
def harmless() -> bytes:
    return next_version(DATA, 2, with_another_title)


@cache
def shorter() -> bytes:
    return next_version(DATA, 2, without_a_question)


@pytest.fixture
def checked(school: School) -> School:
    """A school with one case in which the safety check was recorded."""
    school.report()
    school.act("head", "safety_check", SAFE)
    return school


def case_id_of(school: School, number: str = "") -> str:
    with school.ctx.realm.reading() as session:
        return cases_repository.find_by_number(session, number or school.number) or ""


def row(school: School, number: str = "") -> index_repository.IndexRow:
    with school.ctx.realm.reading() as session:
        found = index_repository.row_of(session, case_id_of(school, number))
    assert found is not None
    return found


def moved(school: School, number: str = "", **more: Any) -> CaseLine:
    asked = {"reason": "Nouvelle version", "accepts": (), "token": school.token(), **more}
    return move_case(school.ctx, school.person(WHO), KEY, 2, number or school.number, **asked).line


def listed(school: School, new: int = 2, **more: Any) -> OpenCases:
    return see_open_cases(school.ctx, school.person(WHO), KEY, 1, new, **more)


def events_of(school: School, number: str = "") -> list[Any]:
    with school.ctx.realm.reading() as session:
        return folded(school.ctx, session, case_id_of(school, number))[1].events


def agrees_with_its_events(school: School) -> None:
    """The chains hold, and an index made anew says the same."""
    assert verify_journal(school.ctx) == []
    before = row(school)
    rebuild_index(school.ctx)
    assert row(school) == before


# ---- one case ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_case_moves_by_one_event_and_follows_the_new_version(checked: School) -> None:
    old, new = checked.ctx.library.protocol(KEY, 1), published(checked.ctx, harmless())
    before = events_of(checked)
    assert checked.seen_by("head").head.protocol.version == 1, "a case stays on the version that it was opened under"
    line = moved(checked)
    assert (line.outcome, line.is_moved) == (Outcome.moves, True)
    *_same, event = events_of(checked)
    assert isinstance(event, VersionChanged)
    assert (event.former, event.former_digest) == (1, old.digest)
    assert (event.version, event.digest) == (2, new.digest)
    assert (event.actor, event.role, event.reason) == (checked.account(WHO), WHO, "Nouvelle version")
    assert [one for one in events_of(checked)[:-1] if one not in before and one.seq <= len(before)] == []
    page = checked.seen_by("head")
    assert page.head.protocol.version == 2
    assert page.head.state.title.root == TITLE
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
def test_what_comes_after_is_asked_by_the_new_version(checked: School) -> None:
    published(checked.ctx, shorter())
    moved(checked, accepts=["answer_gone"])
    with pytest.raises(BadInput):
        checked.act("head", "safety_check", SAFE)
    checked.act("head", "safety_check", {key: value for key, value in SAFE.items() if key != "who_stays"})
    checked.move("team_coordinator", "qualify")
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_the_case_file_prints_an_answer_whose_question_is_gone(checked: School) -> None:
    published(checked.ctx, shorter())
    moved(checked, accepts=["answer_gone"])
    issued = issue_case_file(checked.ctx, checked.person("head"), checked.number, "school", "en", token="one")
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(issued.data)).pages)
    option = DATA["forms"][FORM]["fields"]["who_stays"]["options"]["me"]
    option = option.get("title", option)
    assert option["en"] in " ".join(text.split())
    assert "version 2" in text


def test_the_code_on_a_paper_tells_it_as_the_version_it_was_made_under_called_it(
    checked: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def called_otherwise(data: dict[str, Any]) -> None:
        data["documents"]["case_file"]["title"] = TITLE

    hand_out_as(monkeypatch, lambda _view, _wording: b"pages")
    for copy_number in (1, 2):
        issue_case_file(checked.ctx, checked.person("head"), checked.number, "school", "en", token=checked.token())
        if copy_number == 1:
            published(checked.ctx, next_version(DATA, 2, called_otherwise))
            moved(checked)
    codes = [code_of(checked.ctx, case_id_of(checked), checked.number, "case_file", one) for one in (1, 2)]
    found = [by_code(checked.ctx, code, Wording("en")) for code in codes]
    assert [(one.title, one.copy) for one in found if one] == [("Case file", 1), ("Otherwise", 2)]
    monkeypatch.setattr(Case, "protocol_at", lambda *_more: SimpleNamespace(documents={}))
    gone = by_code(checked.ctx, codes[0], Wording("en"))
    assert gone is not None, "a paper of a kind that is issued no more is known all the same"
    assert (gone.title, gone.copy) == ("A document that is issued no more", 1)


@pytest.mark.exhaustive
def test_a_correction_under_the_new_version_keeps_what_was_answered_before(checked: School) -> None:
    published(checked.ctx, shorter())
    moved(checked, accepts=["answer_gone"])
    seq = next(event.seq for event in events_of(checked) if getattr(event, "act", "") == "safety_check")
    act = next(key for key, one in DATA["acts"].items() if one.get("kind") == "correct")
    checked.wait(minutes=30)
    offered = see_correction(checked.ctx, checked.person("head"), checked.number, seq)
    assert offered is not None
    assert "who_stays" not in offered.form.by_key, "it is asked by the form of the version that is followed now"
    assert set(offered.prefill) == {"none_seen", "safe_now"}
    form = checked.ctx.library.protocol(KEY, 2).form_of(act)
    field = next(item.key for item in form.fields if item.type.value == "record")
    answers = {item.key: "Erreur" for item in form.fields if item.is_words and item.required}
    answers |= {item.key: item.options[0].key for item in form.fields if item.options and item.required}
    record_act(
        checked.ctx, checked.person("head"), checked.number, act, {**answers, field: str(seq)}, expected=None,
        token=checked.token(), proven=True, changes={"none_seen": True, "safe_now": "no"},
    )  # fmt: skip
    _head, record = see_record(checked.ctx, checked.person("head"), checked.number, seq)
    assert record.answers["safe_now"] == "no"
    assert record.answers["who_stays"] == "me"
    assert record.form.by_key["who_stays"].options
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
def test_a_case_that_must_stay_stays_whatever_is_decided(checked: School) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["acts"]["safety_check"]["kind"] = "note"

    published(checked.ctx, next_version(DATA, 2, edit))
    preview = listed(checked)
    assert preview.of("stays") == preview.lines
    line = moved(checked, accepts=["other_kind"])
    assert (line.is_moved, line.codes) == (False, ("other_kind",))
    assert checked.seen_by("head").head.protocol.version == 1


@pytest.mark.exhaustive
def test_an_entry_taken_back_before_stays_taken_back(checked: School) -> None:
    done = checked.act("head", "note", text="Une note")
    take_back(checked.ctx, checked.person("head"), checked.number, done.seq, expected=None, token="t")
    published(checked.ctx, harmless())
    moved(checked)
    _head, record = see_record(checked.ctx, checked.person("head"), checked.number, done.seq)
    assert record.taken_back is not None
    agrees_with_its_events(checked)


def test_a_form_opened_before_the_move_meets_a_conflict(checked: School) -> None:
    seq = checked.last_seq()
    published(checked.ctx, harmless())
    moved(checked)
    with pytest.raises(Conflict):
        checked.act("head", "safety_check", SAFE, expected=seq)


# ---- who may, and what they see --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["head", "team_member", "academy", "data_officer", "technical_admin"])
def test_only_who_publishes_protocols_may(checked: School, who: str) -> None:
    published(checked.ctx, harmless())
    actor = checked.person(who)
    for asked in (
        lambda: see_difference(checked.ctx, actor, KEY, 1, 2),
        lambda: see_open_cases(checked.ctx, actor, KEY, 1, 2),
        lambda: list_open_cases(checked.ctx, actor, KEY, 2),
        lambda: see_case(checked.ctx, actor, KEY, 2, checked.number),
        lambda: move_case(checked.ctx, actor, KEY, 2, checked.number, reason="x", accepts=(), token="t"),
    ):
        with pytest.raises(Unseen):
            asked()
    assert not checked.is_seen_by(WHO), "and by it they see no case"


def test_a_version_that_is_not_published_is_not_found(checked: School) -> None:
    actor = checked.person(WHO)
    for versions in ((1, 2), (2, 1), (1, 99)):
        for see in (see_difference, see_open_cases):
            with pytest.raises(Unseen):
                see(checked.ctx, actor, KEY, *versions)
    for old, new in ((1, 2), (None, 2), (99, 1)):
        with pytest.raises(Unseen):
            see_case(checked.ctx, actor, KEY, new, checked.number, old=old)
        with pytest.raises(Unseen):
            move_case(checked.ctx, actor, KEY, new, checked.number, reason="x", accepts=(), token="t", old=old)
    assert see_case(checked.ctx, actor, KEY, 1, checked.number).line.codes == ("not_newer",), "the control"


def test_a_reason_is_asked_and_is_short(checked: School) -> None:
    published(checked.ctx, harmless())
    for reason, code in (("", "required"), ("  \n", "required"), ("x" * 501, "too_long:500")):
        with pytest.raises(BadInput) as refused:
            moved(checked, reason=reason)
        assert refused.value.problems == {"reason": (code,)}
    assert checked.seen_by("head").head.protocol.version == 1


# ---- the list, and one at a time -------------------------------------------------------------------------------------


def test_a_page_of_the_list_is_followed_by_the_next(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    for _case in range(5):
        school.report()
    monkeypatch.setattr(move_case_module, "PAGE", 2)
    published(school.ctx, harmless())
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = listed(school, after=after)
        assert page.total == 5
        seen += [line.number for line in page.lines]
        after = page.after
    assert len(seen) == len(set(seen)) == 5
    assert {line.number for line in list_open_cases(school.ctx, school.person(WHO), KEY, 2)} == set(seen)


def test_one_moves_and_the_others_stay_as_they_were(checked: School) -> None:
    first = checked.number
    checked.report()
    published(checked.ctx, harmless())
    assert moved(checked, first).is_moved
    assert {line.number for line in listed(checked).lines} == {checked.number}
    published(checked.ctx, next_version(DATA, 3, with_another_title))
    everywhere = list_open_cases(checked.ctx, checked.person(WHO), KEY, 3)
    assert [line.number for line in everywhere] == [checked.number, first], "of each earlier version"
    with pytest.raises(Unseen):
        see_case(checked.ctx, checked.person(WHO), KEY, 3, first, old=1)


def test_one_case_that_cannot_be_read_keeps_no_other_off_the_list(
    checked: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = case_id_of(checked)
    checked.report()
    published(checked.ctx, harmless())
    real = loading.folded

    def torn(ctx: AppContext, session: Session, case_id: str) -> Any:
        if case_id == bad:
            raise Sealed("its key is gone")
        return real(ctx, session, case_id)

    monkeypatch.setattr(move_case_module, "folded", torn)
    assert sorted(line.codes for line in listed(checked).lines) == [(), ("unread",)]


def test_somebody_who_writes_meanwhile_is_waited_for(checked: School, monkeypatch: pytest.MonkeyPatch) -> None:
    published(checked.ctx, harmless())
    real, clashes = loading.keep_in, count()

    def clashing(*arguments: Any, **more: Any) -> Any:
        if next(clashes) == 0:
            raise Conflict(1, 2)
        return real(*arguments, **more)

    monkeypatch.setattr(move_case_module, "keep_in", clashing)
    assert moved(checked).is_moved
    assert next(clashes) == 2
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
def test_two_administrators_at_once_move_a_case_once(school: School) -> None:
    numbers = []
    for _case in range(6):
        school.report()
        numbers.append(school.number)
    published(school.ctx, harmless())
    people = [school.person(WHO), school.person(f"{WHO}/2")]
    for number in numbers:

        def one(actor: Any, number: str = number) -> Moved:
            return move_case(school.ctx, actor, KEY, 2, number, reason="x", accepts=(), token=number)

        with ThreadPoolExecutor(2) as pool:
            assert all(done.line.is_moved for done in pool.map(one, people))
        assert sum(isinstance(event, VersionChanged) for event in events_of(school, number)) == 1
    agrees_with_its_events(school)


def test_pressed_twice_it_is_done_once(checked: School) -> None:
    published(checked.ctx, harmless())
    actor = checked.person(WHO)

    def press(**more: Any) -> Moved:
        asked = {"reason": "Motif", "accepts": (), "token": "one", **more}
        return move_case(checked.ctx, actor, KEY, 2, checked.number, **asked)

    with pytest.raises(BadInput):
        press(reason="")
    line = CaseLine(checked.number, Outcome.moves, (), is_moved=True)
    assert press() == Moved(line), "a refused press uses no token up"
    assert press() == Moved(line, repeated=True)
    with pytest.raises(SentBefore):
        press(reason="Un autre")
    assert sum(isinstance(event, VersionChanged) for event in events_of(checked)) == 1


@pytest.mark.exhaustive
def test_a_case_that_needs_a_decision_uses_no_token_up_without_one(checked: School) -> None:
    published(checked.ctx, shorter())
    asked = {"reason": "Motif", "token": "one"}
    assert not moved(checked, accepts=(), **asked).is_moved
    assert moved(checked, accepts=["answer_gone"], **asked).is_moved


@pytest.mark.exhaustive
def test_a_case_can_follow_a_third_version_and_keeps_all_answers(checked: School) -> None:
    published(checked.ctx, shorter())
    moved(checked, accepts=["answer_gone"])

    published(checked.ctx, next_version(DATA, 3, without_a_question, with_another_title))
    checked.act("head", "note", text="Sous la deuxième")
    done = move_case(
        checked.ctx, checked.person(WHO), KEY, 3, checked.number, reason="Encore", accepts=(), token="three"
    )
    assert done.line.is_moved
    assert [version for _seq, version in _case(checked).case.versions] == [1, 2, 3]
    seq = next(event.seq for event in events_of(checked) if getattr(event, "act", "") == "safety_check")
    _head, record = see_record(checked.ctx, checked.person("head"), checked.number, seq)
    assert {key: record.answers.get(key) for key in SAFE} == SAFE
    agrees_with_its_events(checked)


def _case(school: School) -> Loaded:
    with school.ctx.realm.reading() as session:
        return load_by_id(school.ctx, session, school.person("head"), case_id_of(school))


# ---- whatever is edited ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stories(moroccan: Protocol) -> Iterator[list[Loaded]]:
    """Every case of the stories that is still open at some moment: taken as its story ends, and half way."""
    with ExitStack() as until:
        found = []
        for name in ("sc1", "sc4", "transfer"):
            steps = yaml.load((FOLDER / "stories" / f"{name}.yaml").read_text("utf-8"), Loader=yaml.BaseLoader)["steps"]
            content = (FOLDER / "1.yaml").read_bytes()
            player: Player = until.enter_context(throwaway(moroccan, content, datetime(2026, 1, 1, tzinfo=UTC)))
            player.watching = False
            player.play(steps[: len(steps) * 2 // 3])
            with player.ctx.realm.reading() as session:
                for case_id in index_repository.all_case_ids(session):
                    found.append(load_by_id(player.ctx, session, player.actor("head"), case_id))
        yield found


@pytest.mark.exhaustive
def test_whatever_is_edited_a_case_that_moves_is_whole_afterwards(stories: list[Loaded]) -> None:
    """Random edits that the loader takes: a case that is told to move, or may by decision, can be shown and decided."""
    outcomes: list[Outcome] = []
    tried = 0
    for edit, after in edits(written(FOLDER / "1.yaml"), seed=7, wanted=400, parts=TOUCHING, texts=False):
        try:
            read(next_version({**edit.written, "format": "1"}, 2), "2.yaml")
        except DefinitionError:
            continue
        tried += 1
        new = after.model_copy(update={"version": 2, "digest": "d" * 64})
        outcomes += [_moves(loaded, new, edit.what) for loaded in stories]
        if tried == EDITS:
            break
    assert tried == EDITS
    assert Outcome.moves in outcomes
    assert len(set(outcomes)) > 1, "some of these edits touch what the cases hold"


EDITS = 15
TOUCHING = ("forms", "deadlines", "needs", "facts", "acts", "grids", "follow_up", "targets", "seats", "states", "moves")


def _moves(loaded: Loaded, new: Protocol, what: str) -> Outcome:
    old, case = loaded.protocol, loaded.case
    found = weighed(old, case, new, loaded.now, loaded.around)
    if found.outcome is Outcome.stays:
        return found.outcome
    event = version_changed(case, old, new, "x", "x", loaded.now, "x")
    after = fold(new, [*case.events, event], earlier={1: old})
    facts = facts_of(new, after, loaded.now, loaded.around)
    moved = replace(loaded, protocol=new, case=after, facts=facts, events=tuple(after.events))
    assert list(dict(facts)) == list(new.facts), what
    duties(facts, dues(facts))
    index_row("c", new, after, facts, loaded.around)
    seeing = Seeing(moved, {})
    seeing.page()
    shown = [seeing.record(record) for record in after.records]
    assert [dict(record.answers) for record in shown] == [dict(record.answers) for record in case.records], what
    for record in shown:
        unsaid = set(record.answers) - set(record.form.by_key)
        assert unsaid == set(), (what, record.act.key)
    return found.outcome


@pytest.mark.exhaustive
def test_the_control_of_the_test_above_a_version_without_the_acts_is_refused(stories: list[Loaded]) -> None:
    new = copy.copy(stories[0].protocol).model_copy(update={"version": 2, "acts": {}})
    with pytest.raises(KeyError):
        fold(new, [*stories[0].case.events])
    assert (
        weighed(stories[0].protocol, stories[0].case, new, stories[0].now, stories[0].around).outcome is Outcome.stays
    )
