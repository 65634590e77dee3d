"""What was recorded by mistake is taken back: afterwards the case is as it was before, and nothing is deleted."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from engine.telling import MINUTES, MOROCCAN, NOW, SAFE, SMALL, Told, person, reported, weighed
from engine.test_every_state import around_of, placed
from filling import Unfillable, fill

from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import index_row, load_by_id, reindex
from school_protocol.cases.service import take_back
from school_protocol.cases.showing import see_chronology, see_record
from school_protocol.engine import case as folding
from school_protocol.engine.act_checks import UNDOABLE, undoable
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import dues, duties, read
from school_protocol.engine.decisions import Decider, available, decide
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import BadInput, Conflict, Refused, Unseen
from school_protocol.engine.events import DocumentIssued, EntryRetracted, Event, Recorded
from school_protocol.engine.intents import RecordAct, Undo
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read_file
from school_protocol.storage import journal

from .conftest import School

PROTOCOLS = {"moroccan": read_file(MOROCCAN), "small": read_file(SMALL)}
PLACES = [(name, state) for name, protocol in PROTOCOLS.items() for state in protocol.states]
SOON = NOW + timedelta(minutes=4)


# ---- as it was before ----------------------------------------------------------------------------------------------


def standing(protocol: Protocol, case: Case) -> Mapping[str, Any]:
    """All that later decisions read of a case; not how many events it has."""
    around = around_of(protocol)
    facts = read(protocol, case, SOON, around)
    counts = dues(facts)
    people = [person(protocol, role) for role in protocol.roles]
    return {
        "facts": dict(facts),
        "dues": counts,
        "duties": duties(facts, counts),
        "people": dict(case.people),
        "level": (case.level, case.grid),
        "planned": facts.planned,
        "next dates": facts.next_dates(),
        "available": [available(protocol, case, actor, SOON, around) for actor in people],
        "row": replace(index_row("c", protocol, case, facts, around), last_seq=0),
    }


def recorded(protocol: Protocol, case: Case) -> Iterator[tuple[Actor, list[Event]]]:
    """Each act that may be undone and is open here, recorded by the first who may: the events of the case then."""
    around = around_of(protocol)
    done = set()
    for role in protocol.roles:
        actor = person(protocol, role)
        for choice in available(protocol, case, actor, NOW, around):
            if choice.kind != "act" or not choice.is_open or choice.key in done:
                continue
            act = protocol.acts[choice.key]
            if act.kind not in UNDOABLE:
                continue
            desk = Decider(protocol, case, actor, NOW, around)
            for seed in range(3):
                try:
                    answers = fill(
                        protocol, protocol.form_of(act), random.Random(f"{act.key}{seed}"), desk.references()
                    )
                    decision = decide(protocol, case, actor, NOW, around, RecordAct(act.key, answers, True))
                except (Unfillable, Refused, BadInput):
                    continue
                done.add(choice.key)
                numbered = [event.numbered(case.last_seq + place) for place, event in enumerate(decision.events, 1)]
                yield actor, [*case.events, *numbered]


def undone(protocol: Protocol, events: list[Event], actor: Actor, seq: int) -> list[Event]:
    case, around = fold(protocol, events), around_of(protocol)
    (event,) = decide(protocol, case, actor, SOON, around, Undo(seq)).events
    return [*events, event.numbered(case.last_seq + 1)]


def changed_by(protocol: Protocol, state: str, rich: bool) -> tuple[int, set[str]]:
    """How many acts were recorded and undone in that state, and what of the case was otherwise afterwards."""
    before = placed(protocol, state, rich)
    assert before is not None
    was, tried, otherwise = standing(protocol, before), 0, set()
    for actor, events in recorded(protocol, before):
        entry = events[before.last_seq]
        assert isinstance(entry, Recorded)
        case = fold(protocol, events)
        if case.restricted_seq == entry.seq:
            with pytest.raises(Refused, match="undo_danger_restricts"):
                undone(protocol, events, actor, entry.seq)
            continue
        assert entry.seq in undoable(protocol, case, actor.id, SOON, around_of(protocol)), entry.act
        after = fold(protocol, undone(protocol, events, actor, entry.seq))
        now = standing(protocol, after)
        otherwise |= {f"{entry.act}: {name}" for name in was if was[name] != now[name]}
        assert after.written(entry.seq) is not None
        tried += 1
    return tried, otherwise


@pytest.mark.exhaustive(
    but=(
        "moroccan-report_received-rich",
        "moroccan-follow_up_active-rich",
        "moroccan-no_further_action-bare",
        "small-noted-bare",
        "small-alarmed-bare",
        "small-looking-bare",
    )
)
@pytest.mark.parametrize("rich", [False, True], ids=["bare", "rich"])
@pytest.mark.parametrize(("name", "state"), PLACES, ids=[f"{name}-{state}" for name, state in PLACES])
def test_after_an_undo_the_case_is_as_it_was_before(name: str, state: str, rich: bool) -> None:
    protocol = PROTOCOLS[name]
    tried, otherwise = changed_by(protocol, state, rich)
    assert otherwise == set()
    assert tried or protocol.states[state].ended


def _hidden(self: Any, event: EntryRetracted) -> None:
    record = self.case.record(event.entry)
    self.case.retracted[event.entry] = record
    del self.case.by_number[record.seq]
    self.case.by_act[record.act] = tuple(one for one in self.case.by_act[record.act] if one != record.seq)


def _marked(self: Any, event: EntryRetracted) -> None:
    record = self.case.record(event.entry)
    self.case.retracted[event.entry] = record
    record.retracted_at = event.at


@pytest.mark.exhaustive(
    but=(
        "small-hides the entry only",
        "small-marks the entry only",
    )
)
@pytest.mark.parametrize("planted", [_hidden, _marked], ids=["hides the entry only", "marks the entry only"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_control_an_undo_that_only_hides_is_found(name: str, planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding._Folding, "_retracted", planted)
    protocol = PROTOCOLS[name]
    found = [changed_by(protocol, state, False)[1] for state in protocol.states]
    assert any(found)


def test_folding_on_past_an_undo_is_folding_from_the_start() -> None:
    protocol = PROTOCOLS["moroccan"]
    case = placed(protocol, protocol.initial.key, False)
    assert case is not None
    for actor, events in recorded(protocol, case):
        if fold(protocol, events).restricted_seq is not None:
            continue
        whole = undone(protocol, events, actor, case.last_seq + 1)
        for cut in range(1, len(whole)):
            assert fold(protocol, whole[cut:], fold(protocol, whole[:cut])) == fold(protocol, whole)


def test_a_person_whom_only_that_entry_named_is_no_longer_counted_and_gives_their_number_to_nobody() -> None:
    told = reported(PROTOCOLS["moroccan"])
    counted = dict(told.facts)
    first = held(told, "Sami")
    assert told.case is not None
    assert first in told.case.people
    undo(told, "team_member", told.seq)
    assert first not in told.case.people
    assert dict(told.facts) == counted
    second = held(told, "Sara")
    assert (first, second) == ("guardian-1", "guardian-2")
    assert first not in told.case.people


def held(told: Told, name: str) -> str:
    """Record that a guardian, named here for the first time, was told; the number that they got."""
    act = next(act for act in told.protocol.acts.values() if act.kind is ActKind.inform)
    form = told.protocol.form_of(act)
    references = Decider(told.protocol, told.case, person(told.protocol, "head"), told.now, told.around).references()
    who = form.find(FieldType.person)
    assert who is not None
    new = {who.key: {"slot": "guardian", "name": name}}
    told.act("team_member", act.key, fill(told.protocol, form, random.Random(1), references, new))
    return str(told.case.records[-1].answers[who.key])  # type: ignore[union-attr]


# ---- who, how long, and what rests on it ---------------------------------------------------------------------------


def undo(told: Told, who: str, seq: int) -> None:
    told._keep(decide(told.protocol, told.case, person(told.protocol, who), told.now, told.around, Undo(seq)).events)


def refused(told: Told, who: str, seq: int) -> set[str]:
    with pytest.raises(Refused) as refusal:
        undo(told, who, seq)
    return {reason.code for reason in refusal.value.reasons}


@pytest.fixture
def noted(moroccan: Protocol) -> Told:
    return reported(moroccan).act("team_member", "note", text="Par erreur")


def test_only_its_writer_takes_it_back_and_once(noted: Told) -> None:
    seq = noted.seq
    assert refused(noted, "team_member/2", seq) == {"undo_not_yours"}
    assert refused(noted, "head", seq) == {"undo_not_yours"}
    undo(noted, "team_member", seq)
    assert refused(noted, "team_member", seq) == {"undone_already"}
    assert refused(noted, "team_member", 99) == {"no_such_entry"}
    assert refused(noted, "team_member", noted.seq) == {"no_such_entry"}


def test_whoever_was_excluded_since_takes_nothing_back(noted: Told) -> None:
    seq = noted.seq
    conflict = next(act for act in noted.protocol.acts.values() if act.kind is ActKind.exclude)
    noted.act("team_member", conflict.key, fill_in(noted, conflict.key, "team_member"))
    assert noted.case is not None
    assert "team_member" in noted.case.exclusions
    assert refused(noted, "team_member", seq) == {"undo_not_yours"}


def fill_in(told: Told, act: str, who: str, **given: Any) -> dict[str, Any]:
    form = told.protocol.form_of(act)
    account = form.find(FieldType.account)
    given |= {account.key: who} if account else {}
    references = Decider(told.protocol, told.case, person(told.protocol, who), told.now, told.around).references()
    return fill(told.protocol, form, random.Random(2), references, given)


def test_ten_minutes_and_not_one_second_more(noted: Told) -> None:
    seq = noted.seq
    noted.wait(minutes=10)
    assert undoable(noted.protocol, noted.case, "team_member", noted.now, noted.around)  # type: ignore[arg-type]
    noted.wait(seconds=1)
    assert refused(noted, "team_member", seq) == {"undo_over"}
    assert undoable(noted.protocol, noted.case, "team_member", noted.now, noted.around) == {}  # type: ignore[arg-type]


def test_never_where_the_definition_gives_no_minutes(noted: Told) -> None:
    noted.protocol = noted.protocol.model_copy(update={"undo_minutes": 0})
    assert refused(noted, "team_member", noted.seq) == {"undo_not_offered"}


def test_a_report_and_what_is_not_corrected_stay(moroccan: Protocol) -> None:
    told = reported(moroccan)
    assert refused(told, "team_member", told.seq) == {"undo_not_offered"}
    told.act("head", "head_visa", fill_in(told, "head_visa", "head", decision="given"))
    assert refused(told, "head", told.seq) == {"undo_not_offered"}


def test_an_entry_on_which_something_rests_stays(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE)
    checked = told.seq
    told.act("team_member", "note", text="Entre-temps")
    assert checked in undoable(moroccan, told.case, "head", told.now, told.around)  # type: ignore[arg-type]
    told.move("head", "qualify")
    assert refused(told, "head", checked) == {"undo_rested_on"}, "a step"


def test_an_entry_that_was_corrected_stays(noted: Told) -> None:
    seq = noted.seq
    answers = fill_in(noted, "correction", "team_member", record=str(seq))
    noted._take("team_member", RecordAct("correction", answers, False, {"text": "Autrement"}))
    assert refused(noted, "team_member", seq) == {"undo_rested_on"}


def test_an_entry_that_somebody_else_signed_stays(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running")
    told.act("team_member", "assessment_grid", fill_in(told, "assessment_grid", "team_member"))
    told.act("team_coordinator", "minutes", fill_in(told, "minutes", "team_coordinator"))
    seq = told.seq
    assert seq in undoable(moroccan, told.case, "team_coordinator", told.now, told.around)  # type: ignore[arg-type]
    told.act("team_member", "signature", record=str(seq))
    assert refused(told, "team_coordinator", seq) == {"undo_rested_on"}


def test_an_entry_under_a_visa_stays(moroccan: Protocol) -> None:
    told = reported(moroccan).act("team_member", "note", text="a")
    told.act("head", "head_visa", fill_in(told, "head_visa", "head", decision="given"))
    assert refused(told, "team_member", told.seq - 1) == {"undo_rested_on"}


def test_a_grid_whose_level_minutes_took_stays_and_without_one_they_wait(moroccan: Protocol) -> None:
    told = reported(moroccan).put("assessment_running")
    with pytest.raises(BadInput) as refusal:
        told.act("team_coordinator", "minutes", {**MINUTES, "level": "2"})
    assert refusal.value.problems == {"level": ("grid_first",)}
    first = weighed(told, "3").seq
    second = weighed(told).seq
    undo(told, "team_member", second)
    undo(told, "team_member", first)
    with pytest.raises(BadInput):
        told.act("team_coordinator", "minutes", {**MINUTES, "level": "2"})
    first, second = weighed(told, "3").seq, weighed(told).seq
    told.act("team_coordinator", "minutes", {**MINUTES, "level": "2"})
    agreed = told.seq
    assert refused(told, "team_member", second) == {"undo_rested_on"}
    undo(told, "team_member", first)
    undo(told, "team_coordinator", agreed)
    undo(told, "team_member", second)


def test_where_no_grid_can_be_filled_in_a_level_is_taken_without_one(moroccan: Protocol) -> None:
    """Nobody is told to do first what they cannot do."""
    grid = moroccan.acts["assessment_grid"]
    acts = {**moroccan.acts, grid.key: grid.model_copy(update={"in_": ("plan_active",)})}
    told = reported(moroccan.model_copy(update={"acts": acts})).put("assessment_running")
    told.act("team_coordinator", "minutes", {**MINUTES, "level": "2"})


def test_an_entry_under_a_summary_stays(noted: Told) -> None:
    seq = noted.seq
    summary = next(act for act in noted.protocol.acts.values() if act.kind is ActKind.summary)
    noted.act("head", summary.key, fill_in(noted, summary.key, "head"))
    assert refused(noted, "team_member", seq) == {"undo_rested_on"}
    noted.act("team_member", "note", text="Après")
    undo(noted, "team_member", noted.seq)


def test_an_entry_that_a_copy_handed_out_since_may_print_stays(noted: Told) -> None:
    seq = noted.seq
    noted._keep([copied(noted)])
    assert refused(noted, "team_member", seq) == {"undo_handed_out"}
    assert undoable(noted.protocol, noted.case, "team_member", noted.now, noted.around) == {}  # type: ignore[arg-type]
    noted.act("team_member", "note", text="Après")
    undo(noted, "team_member", noted.seq)


def copied(told: Told) -> DocumentIssued:
    return DocumentIssued(
        actor="head", role="head", at=told.now, occurred_at=told.now, document="case_file", profile="school",
        language="fr", copy=1, content_head="0", digest="0",
    )  # fmt: skip


def test_an_entry_that_named_somebody_whom_a_later_one_names_stays(moroccan: Protocol) -> None:
    told = reported(moroccan)
    held(told, "Sami")
    seq, again = told.seq, dict(told.case.records[-1].answers)  # type: ignore[union-attr]
    told.act("head", told.case.records[-1].act, again)  # type: ignore[union-attr]
    assert refused(told, "team_member", seq) == {"undo_rested_on"}
    undo(told, "head", told.seq)
    undo(told, "team_member", seq)


def test_an_entry_that_alone_let_a_later_one_be_written_stays(small: Protocol) -> None:
    """An act asked for a need; what met it can't go while the act stands."""
    act = small.acts["jot"]
    need = next(key for key, need in small.needs.items() if "weighed" in need.when.names or "weigh" in need.met_by)
    acts = {**small.acts, "jot": act.model_copy(update={"needs": (need,)})}
    protocol = small.model_copy(update={"acts": acts})
    told = Told(protocol)
    case = placed(protocol, "looking", False)
    assert case is not None
    told.events, told.case = list(case.events), case
    told.act("mediator", "weigh", fill_in(told, "weigh", "mediator")) if told.is_open("mediator", "weigh") else None
    weighed = told.seq
    told.act("mediator", "jot", fill_in(told, "jot", "mediator"))
    assert refused(told, "mediator", weighed) == {"undo_rested_on"}
    undo(told, "mediator", told.seq)
    undo(told, "mediator", weighed)


# ---- through the services ------------------------------------------------------------------------------------------


def back(school: School, who: str, seq: int, *, expected: int | None = None, token: str = "") -> Any:
    return take_back(
        school.ctx, school.person(who), school.number, seq, expected=expected, token=token or school.token()
    )


def as_said(row: index_repository.IndexRow) -> Any:
    """What an index row says, but for its last event; its dues have no order."""
    return replace(row, last_seq=0, dues=tuple(sorted(row.dues, key=lambda due: (due.key, due.subject))))


def test_it_is_kept_chained_and_indexed_and_calls_nobody(school: School) -> None:
    school.report()
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        before = index_repository.row_of(session, case_id)
    note = school.act("team_member", "note", text="Par erreur")
    done = back(school, "team_member", note.seq)
    assert (done.seq, done.repeated) == (note.seq + 1, False)
    with school.ctx.realm.writing() as session:
        after = index_repository.row_of(session, case_id)
        assert before is not None
        assert after is not None
        assert as_said(after) == as_said(before)
        assert as_said(reindex(school.ctx, session, case_id)) == as_said(after)
        assert after.last_seq == done.seq
        assert journal.verify_all(session, school.ctx.vault) == []
        kept = load_by_id(school.ctx, session, school.person("team_member"), case_id)
    assert isinstance(kept.events[-1], EntryRetracted)
    head, record = see_record(school.ctx, school.person("team_member"), school.number, note.seq)
    assert record.answers["text"] == "Par erreur"
    assert record.taken_back is not None
    assert record.undo_until is None
    _head, page = see_chronology(school.ctx, school.person("head"), school.number)
    assert [event.kind for event in page.events][:2] == ["entry_retracted", "note_added"]
    assert head.seq == done.seq


def test_what_somebody_wrote_meanwhile_is_read_first(school: School) -> None:
    school.report()
    note = school.act("team_member", "note", text="a")
    school.act("head", "note", text="b")
    with pytest.raises(Conflict):
        back(school, "team_member", note.seq, expected=note.seq)
    assert back(school, "team_member", note.seq, expected=note.seq + 1).seq == note.seq + 2


def test_whoever_does_not_see_the_case_finds_nothing_to_take_back(school: School) -> None:
    school.report()
    note = school.act("team_member", "note", text="a")
    with pytest.raises(Unseen):
        back(school, "reporter", note.seq)
    with pytest.raises(Unseen):
        back(school, "team_member", 999)
