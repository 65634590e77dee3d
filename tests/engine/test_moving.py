"""Whether an open case can follow another version: what it would lose the meaning of, what would be otherwise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from versions import next_version, plain

from school_protocol.engine.act_checks import against_undo
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import dues
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.events import EVENT_OF_ACT, Event, Recorded, from_entry, to_entry
from school_protocol.engine.version_change import Ground, Outcome, version_changed, weighed
from school_protocol.protocol.reader import read

from .telling import MOROCCAN, SAFE, Told, minuted, reported

DATA = plain(MOROCCAN)
Edit = Callable[[dict[str, Any]], None]
VERSIONS: dict[Edit, Protocol] = {}


def version(edit: Edit, number: int = 2) -> Protocol:
    """The next version of the Moroccan protocol with one edit, unchecked: what it says need not hang together."""
    if edit not in VERSIONS:
        data = copy.deepcopy({**DATA, "version": str(number), "format": 1})
        edit(data)
        VERSIONS[edit] = Protocol.model_validate(data)
    return VERSIONS[edit]


def told_case(told: Told) -> Case:
    assert told.case is not None
    return told.case


def grounds(told: Told, new: Protocol) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for ground in weighed(told.protocol, told_case(told), new, told.now, told.around).grounds:
        found.setdefault(ground.code, set()).add((ground.part, ground.key))
    return found


def outcome(told: Told, new: Protocol) -> Outcome:
    return weighed(told.protocol, told_case(told), new, told.now, told.around).outcome


def moved(told: Told, new: Protocol) -> Case:
    """The case after it has begun to follow `new`."""
    case = told_case(told)
    event = version_changed(case, told.protocol, new, "ministry", "protocol_admin", told.now, "Nouveau texte")
    return fold(new, [*case.events, event], earlier={told.protocol.version: told.protocol})


@pytest.fixture
def told(moroccan: Protocol) -> Told:
    """A case with a report, a safety check, a danger called about and lifted by none, and a qualified state."""
    told = reported(moroccan).act("head", "safety_check", SAFE)
    return told.move("team_coordinator", "qualify")


def nothing(data: dict[str, Any]) -> None:
    pass


def gone(*path: str) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        del holder[path[-1]]

    edit.__name__ = "without " + ".".join(path)
    return edit


def said(value: Any, *path: str) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value

    edit.__name__ = ".".join(path)
    return edit


# ---- may move ------------------------------------------------------------------------------------------------------


TITLE = {"fr": "Autrement", "ar": "بشكل آخر", "en": "Otherwise"}


@pytest.mark.parametrize(
    "edit",
    [
        nothing,
        said(TITLE, "states", "report_received", "title"),
        said(TITLE, "forms", "report", "title"),
        gone("moves", "close"),
        gone("acts", "closing"),
        said("30", "undo_minutes"),
        gone("words", "briefing"),
    ],
    ids=lambda edit: edit.__name__,
)
def test_a_case_moves_where_nothing_of_it_is_touched(told: Told, edit: Edit) -> None:
    new = version(edit)
    assert outcome(told, new) is Outcome.moves, grounds(told, new)
    case, before = moved(told, new), told_case(told)
    assert (case.version, case.state) == (2, before.state)
    assert [record.answers for record in case.records] == [record.answers for record in before.records]


# ---- must stay -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "code", "place"),
    [
        (gone("acts", "safety_check"), "gone", ("acts", "safety_check")),
        (gone("acts", "report"), "gone", ("acts", "report")),
        (gone("slots", "targeted_pupil"), "gone", ("slots", "targeted_pupil")),
        (said("note", "acts", "safety_check", "kind"), "other_kind", ("acts", "safety_check")),
        (said("text", "forms", "safety_check", "fields", "none_seen", "type"), "other_type", None),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_case_stays_where_something_of_it_is_not_known_there(
    told: Told, edit: Edit, code: str, place: tuple[str, str] | None
) -> None:
    found = grounds(told, version(edit))
    assert outcome(told, version(edit)) is Outcome.stays
    assert code in found
    assert place is None or place in found[code]


def test_a_case_stays_where_its_state_is_gone(told: Told) -> None:
    assert ("states", told.state) in grounds(told, version(gone("states", told.state)))["gone"]


def test_a_case_stays_where_a_seat_a_danger_or_a_service_in_use_is_gone(told: Told) -> None:
    told.act("head", "name_seat", seat="lead", account="team_member", reason="x")
    told.act("head", "raise_danger", which_danger="blackmail")
    danger, target = "blackmail", "police"
    told.act("head", "referral", target=target, covers=[danger], channel="call", sent_at=told.now.isoformat())
    for part, key in (("seats", "lead"), ("dangers", danger), ("targets", target)):
        assert outcome(told, version(gone(part, key))) is Outcome.stays, (part, key)
        assert (part, key) in grounds(told, version(gone(part, key)))["gone"]
    assert outcome(told, version(gone("seats", "support"))) is not Outcome.stays


def test_a_closed_case_and_an_older_version_are_no_way(told: Told) -> None:
    assert "not_newer" in grounds(told, told.protocol)
    ended = next(key for key, state in told.protocol.states.items() if state.ended)
    told.put(ended)
    assert outcome(told, version(nothing)) is Outcome.stays
    assert "closed" in grounds(told, version(nothing))


# ---- somebody decides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["none_seen", "safe_now", "who_stays"])
def test_an_answer_whose_question_is_gone_asks_for_a_decision(told: Told, field: str) -> None:
    new = version(gone("forms", told.protocol.acts["safety_check"].form, "fields", field))
    assert outcome(told, new) is Outcome.asks
    form = told.protocol.acts["safety_check"].form
    assert ("fields", f"{form}.{field}") in grounds(told, new)["answer_gone"]
    assert moved(told, new).records_of("safety_check")[-1].answers[field] == SAFE[field]


def test_an_answer_whose_option_is_gone_asks_for_a_decision(told: Told) -> None:
    form = told.protocol.acts["safety_check"].form
    new = version(gone("forms", form, "fields", "who_stays", "options", "me"))
    assert ("fields", f"{form}.who_stays") in grounds(told, new)["answer_gone"]


def test_what_holds_and_would_hold_no_more_asks_for_a_decision(told: Told) -> None:
    held = next(key for key, need in told.protocol.needs.items() if need.when.truth(told.facts) is True)
    when = told.protocol.needs[held].when.source
    new = version(said(f"not ({when})", "needs", held, "when"))
    assert grounds(told, new) == {"held_no_more": {("needs", held)}}
    assert outcome(told, new) is Outcome.asks


def test_a_running_deadline_that_would_end_otherwise_asks_for_a_decision(told: Told) -> None:
    running = next(due for due in dues(told.facts) if due.is_open and told.protocol.deadlines[due.deadline].value)
    new = version(said("77", "deadlines", running.deadline, "value"))
    assert grounds(told, new) == {"due_otherwise": {("deadlines", running.deadline)}}
    gone_with_it = version(said("level == 4 and level != 4", "deadlines", running.deadline, "unless"))
    assert outcome(told, gone_with_it) is Outcome.moves


def test_a_deadline_that_would_be_late_at_once_asks_for_a_decision(told: Told) -> None:
    new = version(
        said(
            {"value": "1", "unit": "clock_hours", "start": [{"report": "true"}], "met_by": [{"act": "closing"}],
             "title": TITLE},
            "deadlines", "at_once",
        )
    )  # fmt: skip
    assert outcome(told, new) is Outcome.moves
    told.wait(hours=2)
    assert ("deadlines", "at_once") in grounds(told, new)["late_at_once"]


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (lambda grid: grid["items"].pop(next(iter(grid["items"]))), "other_type"),
        (lambda grid: next(iter(grid["items"].values()))["anchors"].pop(), None),
        (lambda grid: next(iter(grid["items"].values())).update(weight="9"), None),
        (lambda grid: grid["levels"].update({"1": {**grid["levels"]["1"], "high": "0"}}), None),
        (lambda grid: grid.update(floors=[{**one, "when": "nature >= 0"} for one in grid["floors"]]), "level"),
    ],
    ids=["an item less", "an anchor less", "another weight", "another band", "other floors"],
)
def test_another_reading_of_the_grid_asks_for_a_decision(
    moroccan: Protocol, edit: Callable[[dict[str, Any]], Any], wanted: str | None
) -> None:
    """On this grid everything is nought: a weight, a band or an anchor that is not reached reads it as before."""
    told = minuted(reported(moroccan).put("assessment_running"))
    new = version(lambda data: edit(next(iter(data["grids"].values()))))
    found = grounds(told, new)
    assert (wanted in found) if wanted else not {"other_type", "level"} & found.keys(), found


# ---- afterwards ----------------------------------------------------------------------------------------------------


def test_what_was_decided_under_the_former_version_stays_decided(moroccan: Protocol) -> None:
    """A danger lifted by as many as were asked then is lifted, however many the new version asks."""
    told = reported(moroccan).act("head", "raise_danger", which_danger="blackmail")
    (life,) = told_case(told).dangers
    asked = version(said("true", "dangers", "blackmail", "restricts"))
    case = moved(told, asked)
    assert case.restricted_seq is None, "it was raised under a version that opened it to the school"
    assert case.dangers == [life]


def test_a_state_gone_by_and_a_step_made_once_may_be_gone(moroccan: Protocol) -> None:
    told = reported(moroccan).act("head", "safety_check", SAFE)
    first = told.state
    told.move("team_coordinator", "qualify")
    new = version(gone("states", first))
    assert outcome(told, new) is not Outcome.stays
    case = moved(told, new)
    assert [entry.state for entry in case.entries][:1] == [first]
    assert outcome(told, version(gone("moves", "qualify"))) is Outcome.moves


def test_the_event_is_kept_and_read_back(told: Told) -> None:
    event = version_changed(
        told_case(told), told.protocol, version(nothing), "ministry", "protocol_admin", told.now, "Un motif"
    )
    entry = to_entry(version(nothing), event)
    assert entry.kind == "VersionChanged"
    assert entry.words == {"reason": "Un motif"}
    assert from_entry(entry) == event
    assert from_entry(replace(entry, words=None)) == replace(event, reason="")


def test_a_former_version_that_is_not_at_hand_is_an_error(told: Told) -> None:
    event = version_changed(told_case(told), told.protocol, version(nothing), "x", "x", told.now, "x")
    with pytest.raises(LookupError):
        fold(version(nothing), [*told_case(told).events, event])


def test_folding_on_gives_what_folding_anew_gives(told: Told) -> None:
    new, earlier = version(nothing), {1: told.protocol}
    events: list[Event] = [*told_case(told).events]
    events.append(version_changed(told_case(told), told.protocol, new, "x", "x", told.now, "x"))
    whole = fold(new, events, earlier=earlier)
    for cut in range(1, len(events)):
        assert fold(new, events[cut:], fold(new, events[:cut], earlier=earlier)) == whole
    assert whole.versions == [(1, 1), (events[-1].seq, 2)]
    assert (whole.version_at(1), whole.version_at(events[-1].seq), whole.version_at(99)) == (1, 2, 2)


def test_what_waited_for_a_signature_is_weighed_anew(moroccan: Protocol) -> None:
    """Two signatures were asked and one was given: where one is enough from now on, it has its effect from now on."""
    told = minuted(reported(moroccan).put("assessment_running"))
    waiting = [record for record in told_case(told).records if record.effective_seq is None]
    assert [record.act for record in waiting] == ["minutes"]
    new = version(said("1", "acts", waiting[0].act, "signatures"))
    assert ("acts", waiting[0].act) in grounds(told, new)["signatures"]
    case = moved(told, new)
    record = case.record(waiting[0].seq)
    assert record is not None
    assert record.effective_seq == case.last_seq


def test_an_entry_of_a_former_version_is_not_taken_back(told: Told) -> None:
    told.act("head", "note", text="Une note")
    case, new = told_case(told), version(nothing)
    note = case.records[-1]
    assert against_undo(told.protocol, case, note.seq, "head", told.now, told.around) == ()
    after = moved(told, new)
    assert "undo_other_version" in against_undo(new, after, note.seq, "head", told.now, told.around)


def test_a_correction_keeps_what_the_new_form_asks_no_more(told: Told) -> None:
    form = told.protocol.acts["safety_check"].form
    new = version(gone("forms", form, "fields", "who_stays"))
    case = moved(told, new)
    checked = case.records_of("safety_check")[-1]
    changes = {"none_seen": True, "safe_now": "no"}
    correction = next(act for act in new.acts.values() if act.kind is ActKind.correct)
    field = next(item.key for item in new.form_of(correction).fields if item.type is FieldType.record)
    event = Recorded(
        seq=case.last_seq + 1, actor="head", role="head", at=told.now, occurred_at=told.now, act=correction.key,
        kind=EVENT_OF_ACT[correction.kind], answers={field: str(checked.seq)},
        derived={"corrected": "safety_check", "changes": changes},
    )  # fmt: skip
    after = fold(new, [event], case)
    assert after.records_of("safety_check")[-1].answers == {**changes, "who_stays": SAFE["who_stays"]}


def test_ground_says_whether_it_is_final() -> None:
    assert Ground("gone", "acts", "x").is_final
    assert not Ground("due_otherwise", "deadlines", "x").is_final


def test_the_versions_of_these_tests_are_real_files() -> None:
    assert read(next_version(DATA, 2), "2.yaml").version == 2
