"""Open cases follow another version: previewed, one event each, nothing of what was answered is lost."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from pypdf import PdfReader
from versions import next_version, plain, published

from school_protocol.definitions import read
from school_protocol.documents import rendering
from school_protocol.domain.case import fold
from school_protocol.domain.dues import dues, duties
from school_protocol.domain.dues import read as facts_of
from school_protocol.domain.errors import BadInput, Conflict, DefinitionError, Refused, SentBefore, Unseen
from school_protocol.domain.events import VersionChanged
from school_protocol.domain.moving import Outcome, version_changed, weighed
from school_protocol.domain.protocol import Protocol
from school_protocol.services.journal import rebuild_index, verify_journal
from school_protocol.services.loading import Loaded, folded, index_row, load_by_id
from school_protocol.services.papers import issue_case_file
from school_protocol.services.protocols import moving
from school_protocol.services.protocols.moving import (
    CaseLine,
    move_cases,
    press_move,
    see_difference,
    see_moving,
    see_moving_to,
)
from school_protocol.services.recording import record_act
from school_protocol.services.scripts import Player, throwaway
from school_protocol.services.seeing import Seeing
from school_protocol.services.showing import see_chronology, see_correction, see_record
from school_protocol.services.undoing import take_back
from school_protocol.storage import cases, index
from tests.definitions.editing import edits, written

from .conftest import WORDS, School

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


HARMLESS = next_version(DATA, 2, with_another_title)
SHORTER = next_version(DATA, 2, without_a_question)


@pytest.fixture
def checked(school: School) -> School:
    """A school with one case in which the safety check was recorded."""
    school.report()
    school.act("head", "safety_check", SAFE)
    return school


def case_id_of(school: School, number: str = "") -> str:
    with school.house.realm.reading() as session:
        return cases.find_by_number(session, number or school.number) or ""


def row(school: School, number: str = "") -> index.IndexRow:
    with school.house.realm.reading() as session:
        found = index.row_of(session, case_id_of(school, number))
    assert found is not None
    return found


def moved(school: School, numbers: list[str] | None = None, **more: Any) -> list[CaseLine]:
    more = {"reason": "Nouvelle version", **more}
    return list(move_cases(school.house, school.person(WHO), KEY, 2, numbers, **more))


def events_of(school: School, number: str = "") -> list[Any]:
    with school.house.realm.reading() as session:
        return folded(school.house, session, case_id_of(school, number))[1].events


def agrees_with_its_events(school: School) -> None:
    """The chains hold, and an index made anew says the same."""
    assert verify_journal(school.house) == []
    before = row(school)
    rebuild_index(school.house)
    assert row(school) == before


# ---- one case ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_case_moves_by_one_event_and_follows_the_new_version(checked: School) -> None:
    old, new = checked.house.library.protocol(KEY, 1), published(checked.house, HARMLESS)
    before = events_of(checked)
    assert checked.seen_by("head").head.protocol.version == 1, "a case stays on the version that it was opened under"
    (line,) = moved(checked)
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
    published(checked.house, SHORTER)
    moved(checked, [checked.number], decided=[checked.number])
    with pytest.raises(BadInput):
        checked.act("head", "safety_check", SAFE)
    checked.act("head", "safety_check", {key: value for key, value in SAFE.items() if key != "who_stays"})
    checked.move("team_coordinator", "qualify")
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
def test_answers_to_a_question_that_is_gone_stay_readable(checked: School) -> None:
    published(checked.house, SHORTER)
    preview = see_moving(checked.house, checked.person(WHO), KEY, 1, 2)
    assert [(line.outcome, line.codes) for line in preview.lines] == [(Outcome.asks, ("answer_gone",))]
    assert [line.is_moved for line in moved(checked)] == [False], "nobody has decided"
    assert [line.is_moved for line in moved(checked, decided=[checked.number])] == [True]
    seq = next(event.seq for event in events_of(checked) if getattr(event, "act", "") == "safety_check")
    head, record = see_record(checked.house, checked.person("head"), checked.number, seq)
    assert head.protocol.version == 2
    assert record.answers["who_stays"] == "me"
    assert "who_stays" in record.form.by_key
    _head, page = see_chronology(checked.house, checked.person("head"), checked.number)
    told = next(event.record for event in page.events if event.seq == seq)
    assert told is not None
    assert told.form.by_key["who_stays"].options, "with the words of its options"
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_the_case_file_prints_an_answer_whose_question_is_gone(checked: School) -> None:
    published(checked.house, SHORTER)
    moved(checked, decided=[checked.number])
    issued = issue_case_file(checked.house, checked.person("head"), checked.number, "school", "en", token="one")
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(issued.data)).pages)
    option = DATA["forms"][FORM]["fields"]["who_stays"]["options"]["me"]
    option = option.get("title", option)
    assert option["en"] in " ".join(text.split())
    assert "version 2" in text


@pytest.mark.exhaustive
def test_a_correction_under_the_new_version_keeps_what_was_answered_before(checked: School) -> None:
    published(checked.house, SHORTER)
    moved(checked, decided=[checked.number])
    seq = next(event.seq for event in events_of(checked) if getattr(event, "act", "") == "safety_check")
    act = next(key for key, one in DATA["acts"].items() if one.get("kind") == "correct")
    checked.wait(minutes=30)
    offered = see_correction(checked.house, checked.person("head"), checked.number, seq)
    assert offered is not None
    assert "who_stays" not in offered.form.by_key, "it is asked by the form of the version that is followed now"
    assert set(offered.prefill) == {"none_seen", "safe_now"}
    form = checked.house.library.protocol(KEY, 2).form_of(act)
    field = next(item.key for item in form.fields if item.type.value == "record")
    answers = {item.key: "Erreur" for item in form.fields if item.is_words and item.required}
    answers |= {item.key: item.options[0].key for item in form.fields if item.options and item.required}
    record_act(
        checked.house, checked.person("head"), checked.number, act, {**answers, field: str(seq)}, expected=None,
        token=checked.token(), proven=True, changes={"none_seen": True, "safe_now": "no"},
    )  # fmt: skip
    _head, record = see_record(checked.house, checked.person("head"), checked.number, seq)
    assert record.answers["safe_now"] == "no"
    assert record.answers["who_stays"] == "me"
    assert record.form.by_key["who_stays"].options
    agrees_with_its_events(checked)


@pytest.mark.exhaustive
def test_a_case_that_must_stay_stays_whatever_is_decided(checked: School) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["acts"]["safety_check"]["kind"] = "note"

    published(checked.house, next_version(DATA, 2, edit))
    preview = see_moving(checked.house, checked.person(WHO), KEY, 1, 2)
    assert preview.of("stays") == preview.lines
    (line,) = moved(checked, decided=[checked.number])
    assert (line.is_moved, line.codes) == (False, ("other_kind",))
    assert checked.seen_by("head").head.protocol.version == 1


def test_taking_back_does_not_cross_it(checked: School) -> None:
    done = checked.act("head", "note", text="Une note")
    published(checked.house, HARMLESS)
    moved(checked)
    with pytest.raises(Refused) as refused:
        take_back(checked.house, checked.person("head"), checked.number, done.seq, expected=None, token="t")
    assert "undo_other_version" in {reason.code for reason in refused.value.reasons}
    later = checked.act("head", "note", text="Une autre")
    take_back(checked.house, checked.person("head"), checked.number, later.seq, expected=None, token="u")
    agrees_with_its_events(checked)


def test_an_entry_taken_back_before_stays_taken_back(checked: School) -> None:
    done = checked.act("head", "note", text="Une note")
    take_back(checked.house, checked.person("head"), checked.number, done.seq, expected=None, token="t")
    published(checked.house, HARMLESS)
    moved(checked)
    _head, record = see_record(checked.house, checked.person("head"), checked.number, done.seq)
    assert record.taken_back is not None
    agrees_with_its_events(checked)


def test_a_form_opened_before_the_move_meets_a_conflict(checked: School) -> None:
    seq = checked.last_seq()
    published(checked.house, HARMLESS)
    moved(checked)
    with pytest.raises(Conflict):
        checked.act("head", "safety_check", SAFE, expected=seq)


# ---- who may, and what they see --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["head", "team_member", "academy", "data_officer", "technical_admin"])
def test_only_who_publishes_protocols_may(checked: School, who: str) -> None:
    published(checked.house, HARMLESS)
    actor = checked.person(who)
    for asked in (
        lambda: see_difference(checked.house, actor, KEY, 1, 2),
        lambda: see_moving(checked.house, actor, KEY, 1, 2),
        lambda: list(move_cases(checked.house, actor, KEY, 2, reason="x")),
        lambda: press_move(checked.house, actor, KEY, 1, 2, [checked.number], reason="x", decided=[], token="t"),
    ):
        with pytest.raises(Unseen):
            asked()
    assert not checked.is_seen_by(WHO), "and by it they see no case"


def test_the_administrator_sees_numbers_and_codes_and_nothing_else(checked: School) -> None:
    checked.act("head", "raise_danger", which_danger="blackmail")

    def edit(data: dict[str, Any]) -> None:
        without_a_question(data)
        data["dangers"]["blackmail"]["title"] = TITLE

    published(checked.house, next_version(DATA, 2, edit))
    preview = see_moving(checked.house, checked.person(WHO), KEY, 1, 2)
    shown = repr((preview.lines, preview.parts, preview.total))
    for hidden in (WORDS, "Yasmine", "blackmail", "harass_target", "who stays"):
        assert hidden not in shown
    assert {line.number for line in preview.lines} == {checked.number}


@pytest.mark.exhaustive(but=("5-4-*",))
@pytest.mark.parametrize(("cases", "checked", "told"), [(4, 4, []), (5, 4, [None]), (5, 5, [5])])
def test_of_a_few_cases_is_not_told_what_they_hold(school: School, cases: int, checked: int, told: list[Any]) -> None:
    for number in range(cases):
        school.report()
        if number < checked:
            school.act("head", "safety_check", SAFE)
    published(school.house, SHORTER)
    parts = see_moving(school.house, school.person(WHO), KEY, 1, 2).parts
    assert [part.number for part in parts] == told
    assert {part.ground.key for part in parts} <= {f"{FORM}.who_stays"}


def test_a_version_can_be_looked_at_before_it_is_published(checked: School) -> None:
    draft = read(SHORTER, "draft.yaml")
    preview = see_moving_to(checked.house, checked.person(WHO), 1, draft)
    assert [line.outcome for line in preview.lines] == [Outcome.asks]
    with pytest.raises(Unseen):
        see_moving_to(checked.house, checked.person("head"), 1, draft)


def test_a_version_that_is_not_published_is_not_found(checked: School) -> None:
    for versions in ((1, 2), (2, 1), (1, 99)):
        with pytest.raises(Unseen):
            see_difference(checked.house, checked.person(WHO), KEY, *versions)


def test_a_reason_is_asked_and_is_short(checked: School) -> None:
    published(checked.house, HARMLESS)
    for reason, code in (("", "required"), ("  \n", "required"), ("x" * 501, "too_long:500")):
        with pytest.raises(BadInput) as refused:
            moved(checked, reason=reason)
        assert refused.value.problems == {"reason": (code,)}
    assert checked.seen_by("head").head.protocol.version == 1


def test_the_difference_is_that_of_the_published_files(checked: School) -> None:
    published(checked.house, SHORTER)
    view = see_difference(checked.house, checked.person(WHO), KEY, 1, 2)
    assert f"forms.{FORM}.fields.who_stays" in [change.place for change in view.changes]
    assert {change.entry for change in view.changes if change.path[0] == "forms"} == {("forms", FORM)}
    assert view.open_cases == 1


# ---- many cases ------------------------------------------------------------------------------------------------------


@pytest.fixture
def hundred(school: School) -> School:
    for _case in range(100):
        school.report()
    return school


@pytest.mark.exhaustive
def test_a_hundred_cases_move_and_it_can_be_interrupted_and_taken_up_again(hundred: School) -> None:
    published(hundred.house, HARMLESS)
    actor = hundred.person(WHO)
    assert see_moving(hundred.house, actor, KEY, 1, 2).total == 100
    half = move_cases(hundred.house, actor, KEY, 2, reason="Nouvelle version")
    first = [next(half) for _one in range(37)]
    half.close()  # type: ignore[attr-defined]
    assert all(line.is_moved for line in first)
    assert see_moving(hundred.house, actor, KEY, 1, 2).total == 63
    rest = moved(hundred)
    assert len(rest) == 63
    assert {line.number for line in rest}.isdisjoint(line.number for line in first)
    assert see_moving(hundred.house, actor, KEY, 1, 2).total == 0
    assert moved(hundred) == []
    again = moved(hundred, [line.number for line in first[:3]])
    assert all(line.is_moved for line in again), "asked for by name, it is there already"
    changes = [event for event in events_of(hundred, first[0].number) if isinstance(event, VersionChanged)]
    assert len(changes) == 1
    agrees_with_its_events(hundred)


@pytest.mark.exhaustive
def test_a_page_of_a_preview_is_followed_by_the_next(hundred: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAGE", 30)
    published(hundred.house, HARMLESS)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = see_moving(hundred.house, hundred.person(WHO), KEY, 1, 2, after=after)
        assert page.total == 100
        seen += [line.number for line in page.lines]
        after = page.after
    assert len(seen) == len(set(seen)) == 100


@pytest.mark.exhaustive
def test_two_administrators_at_once_move_each_case_once(school: School) -> None:
    for _case in range(12):
        school.report()
    published(school.house, HARMLESS)
    people = [school.person(WHO), school.person(f"{WHO}/2")]

    def one(actor: Any) -> list[CaseLine]:
        return list(move_cases(school.house, actor, KEY, 2, reason="Nouvelle version"))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, people))
    numbers = {line.number for lines in found for line in lines}
    assert len(numbers) == 12
    for number in numbers:
        assert sum(isinstance(event, VersionChanged) for event in events_of(school, number)) == 1
    agrees_with_its_events(school)


def test_pressed_twice_it_is_done_once(checked: School) -> None:
    published(checked.house, HARMLESS)
    actor = checked.person(WHO)

    def press(**more: Any) -> moving.Moved:
        asked = {"reason": "Motif", "decided": (), "token": "one", **more}
        return press_move(checked.house, actor, KEY, 1, 2, [checked.number], **asked)

    assert press() == moving.Moved(1, 0)
    assert press() == moving.Moved(1, 0, repeated=True)
    with pytest.raises(SentBefore):
        press(reason="Un autre")
    assert sum(isinstance(event, VersionChanged) for event in events_of(checked)) == 1


def test_a_case_of_another_protocol_or_of_nobody_is_not_found(checked: School) -> None:
    published(checked.house, HARMLESS)
    for number in ("1234567890123", "nonsense"):
        with pytest.raises(Unseen):
            moved(checked, [number])


@pytest.mark.exhaustive
def test_a_case_can_follow_a_third_version_and_keeps_all_answers(checked: School) -> None:
    published(checked.house, SHORTER)
    moved(checked, decided=[checked.number])

    published(checked.house, next_version(DATA, 3, without_a_question, with_another_title))
    checked.act("head", "note", text="Sous la deuxième")
    lines = list(move_cases(checked.house, checked.person(WHO), KEY, 3, reason="Encore", decided=[checked.number]))
    assert [line.is_moved for line in lines] == [True]
    assert [version for _seq, version in _case(checked).case.versions] == [1, 2, 3]
    seq = next(event.seq for event in events_of(checked) if getattr(event, "act", "") == "safety_check")
    _head, record = see_record(checked.house, checked.person("head"), checked.number, seq)
    assert {key: record.answers.get(key) for key in SAFE} == SAFE
    agrees_with_its_events(checked)


def _case(school: School) -> Loaded:
    with school.house.realm.reading() as session:
        return load_by_id(school.house, session, school.person("head"), case_id_of(school))


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
            with player.house.realm.reading() as session:
                for case_id in index.all_case_ids(session):
                    found.append(load_by_id(player.house, session, player.actor("head"), case_id))
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
