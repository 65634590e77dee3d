"""The debrief: each planted error named and nothing else; the same without a scenario's words; passed or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import Text
from school_protocol.language import ZONE, Wording
from school_protocol.protocol.reader import read_file
from school_protocol.training import workshop_end
from school_protocol.training.case_timeline import Verdict
from school_protocol.training.debrief import debrief
from school_protocol.training.findings import Debrief, Kind, What, compare
from school_protocol.training.presenters import debrief_told, spread_told
from school_protocol.training.scenario import Attempt, Scenario, Step
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import Playing, seated
from training.planting import ROOT, SHIPPED, walked

FOUND = Path(__file__).with_name("found_phone.yaml")
SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"


@contextmanager
def at_table() -> Iterator[tuple[Playing, Callable[..., Any]]]:
    """A table of the synthetic scenario, opened and seen; `do` makes a step of these words."""
    scenario = read_scenario(FOUND.read_bytes(), FOUND.name)
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        playing.open()
        number = iter(range(1, 99))

        def do(who: str, what: str = "", at: str = "", **words: Any) -> Any:
            step = {"as": who, "do": what or None, "at": f"2026-11-{at}" if at else None, **words}
            return playing.step(next(number), Step.model_validate(step))

        do("warden", "jot", "23T09:05", answers={"words": "Seen."})
        yield playing, do


TALK = {"with": "owner-1", "heard": "yes", "own_words": "In the yard."}
HOME = {"who": {"slot": "family", "name": "Samia"}, "how": "informed"}


def named(found: Debrief) -> list[tuple[str, str]]:
    return [(one.kind.value, one.key) for one in found.errors]


def local(moment: datetime | None) -> str:
    assert moment is not None
    return f"{moment.astimezone(ZONE):%d %H:%M}"


# ---- planted errors --------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_was_planted_is_named_and_nothing_else(path: Path) -> None:
    """A few of each scenario here; the whole trial plays many more."""
    made = list(walked(path, 11, 3))
    assert len(made) == 3
    assert [fault for one in made for fault in one.faults()] == []


def test_done_late_left_out_and_still_to_do_are_told_apart() -> None:
    with at_table() as (playing, do):
        do("warden", "meet", "27T09:10", answers=TALK)
        late = workshop_end.from_playing(playing)
    [talk] = late.of(Kind.late)
    assert (talk.key, local(talk.due_at), local(talk.done_at), talk.role) == (
        "first_talk",
        "26 18:30",
        "27 09:10",
        "warden",
    )
    with at_table() as (playing, do):
        do("warden", at="27T09:10")
        over = workshop_end.from_playing(playing)
    assert [one.key for one in over.of(Kind.left_out)] == ["first_talk"]
    with at_table() as (playing, do):
        before = workshop_end.from_playing(playing)
    assert named(before) == []
    assert "first_talk" in [one.key for one in before.of(Kind.open)]


def test_refusals_say_whose_it_is_and_what_comes_before() -> None:
    with at_table() as (playing, do):
        do("mediator", "tell_home", "23T10:00", answers=HOME)
        do("warden", "start_looking", "23T10:05")
        found = workshop_end.from_playing(playing)
    role, order, trap = found.errors
    assert (role.kind, role.key, role.role, role.roles) == (
        Kind.wrong_role,
        "tell_home",
        "mediator",
        ("warden", "principal"),
    )
    assert (order.kind, order.key, set(order.needs)) == (
        Kind.wrong_order,
        "start_looking",
        {"keeper_trained"},
    )
    assert (trap.kind, trap.key) == (Kind.trap, "alone")
    need = found.protocol.needs[order.needs[0]]
    assert order.rule.title == (need.title or need.sentence)


def test_a_form_that_is_not_filled_in_is_no_error() -> None:
    with at_table() as (playing, do):
        told = do("warden", "meet", "23T10:00", answers={"with": "owner-1"})
        found = workshop_end.from_playing(playing)
    assert told.problems
    assert named(found) == []
    assert [moment.what for moment in found.timeline if moment.key == "meet"] == [What.refused]


def test_needs_and_codes_alone_are_enough_of_an_attempt() -> None:
    """What a live table keeps of a refusal."""
    with at_table() as (playing, _do):
        facts = playing.facts_of("")
        tried = [
            Attempt("start_looking", ("talked",), playing.now, "warden"),
            Attempt("tell_home", ("not_your_role",), playing.now, "mediator"),
            Attempt("meet", ("with", "heard"), playing.now, "warden"),
            Attempt("attach", ("intimate",), playing.now, "warden"),
        ]
        found = debrief(facts.protocol, None, playing.table, {"": facts}, {"": tried}, playing.now)
    assert named(found) == [("upload", "attach"), ("wrong_role", "tell_home"), ("wrong_order", "start_looking")]
    assert found.errors[1].roles == ("warden", "principal")
    assert found.errors[2].needs == ("talked",)


def test_what_stood_on_paper_in_time_is_not_late() -> None:
    with at_table() as (playing, do):
        do("warden", "meet", "27T09:10", answers=TALK, written_at="2026-11-24T10:00", written_by="warden")
        found = workshop_end.from_playing(playing)
    assert named(found) == []
    assert {one.key for one in found.of(Kind.written_late)} == {"first_talk"}
    assert [one.key for one in found.of(Kind.on_paper)] == ["meet"]


@pytest.mark.exhaustive
def test_a_missed_follow_up_that_was_held_in_time_on_paper_is_not_late(moroccan: Protocol) -> None:
    """It is asked no more once it is held: what became of it is only seen as it goes."""
    path = SHIPPED[1]
    scenario = read_scenario(path.read_bytes(), path.name)
    content = (ROOT / "protocol_definitions" / scenario.protocol / "1.yaml").read_bytes()
    held = followed_by(moroccan)
    with seated(scenario, moroccan, content) as playing:
        playing.open()
        number = 0
        for number, step in enumerate(scenario.path.steps, 1):
            playing.step(number, step)
            if step.do == held:
                break
        again = {**step.answers, "planned_on": "2026-10-19", "held_on": "2026-10-19", "next_on": "2026-10-30"}
        typed = {"at": "2026-10-22T09:00", "written_at": "2026-10-19T11:00", "written_by": step.as_, "answers": again}
        told = playing.step(number + 1, step.model_copy(update=typed))
        found = workshop_end.from_playing(playing)
    assert told is not None
    assert not told.problems
    missed = [one for one in found.findings if one.part == "deadlines" and one.rule.title == title_of_missed(moroccan)]
    assert [(one.kind, local(one.due_at), local(one.done_at)) for one in missed] == [
        (Kind.written_late, "20 18:30", "19 11:00")
    ]


def followed_by(protocol: Protocol) -> str:
    """The act by which a follow-up is noted, as scripts call it."""
    assert protocol.follow_up is not None
    return protocol.acts[protocol.follow_up.act].code


def title_of_missed(protocol: Protocol) -> Text:
    [found] = [one for one in protocol.deadlines.values() if any(source.missed_follow_up for source in one.start)]
    return found.title


# ---- verdicts, line of time ------------------------------------------------------------------------------------------


LETTER = {"to": "gendarmes", "about": ["blade"], "words": "A blade."}


@pytest.mark.parametrize(
    ("posted_at", "verdict"), [("24T09:00", Verdict.passed), ("25T09:00", Verdict.failed), ("", Verdict.open)]
)
def test_a_duty_is_passed_or_failed_and_never_a_mark(posted_at: str, verdict: Verdict) -> None:
    with at_table() as (playing, do):
        do("warden", "ring", "23T10:00", answers={"which": "blade"})
        if posted_at:
            do("principal", "post", posted_at, answers=LETTER)
        found = workshop_end.from_playing(playing)
    verdicts = {one.duty: one.verdict for one in found.duties}
    assert set(verdicts) == set(found.protocol.duties)
    assert verdicts["write_letter"] is verdict
    assert verdicts["tell_family"] is Verdict.not_asked
    assert [one.danger for one in found.dangers] == ["blade"]
    assert [one.name for one in fields(Debrief) if one.type in ("int", "float")] == [], "nothing is added up"


def test_a_duty_done_by_somebody_it_does_not_name_is_named() -> None:
    with at_table() as (playing, do):
        do("warden", "meet", "23T10:00", answers=TALK)
        do("warden", "give_chair", "23T10:05", answers={"seat": "keeper", "who": "@mediator"})
        do("warden", "start_looking", "23T10:10")
        do("principal", "tell_home", "23T10:20", answers=HOME)
        found = workshop_end.from_playing(playing)
    assert named(found) == [("other_role", "tell_family")]
    assert (found.errors[0].role, found.errors[0].roles) == ("principal", ("warden",))


def test_the_line_of_time_is_in_order_and_says_how_the_case_stood() -> None:
    with at_table() as (playing, do):
        do("warden", "meet", "23T10:00", answers=TALK)
        do("warden", at="23T11:00")
        found = workshop_end.from_playing(playing)
    times = [moment.at for moment in found.timeline]
    assert times == sorted(times)
    lines = debrief_told(found, Wording("en"))
    assert [one.number for one in lines.moments] == [*range(1, len(times) + 1)]
    before, after = (one.stand for one in lines.moments if one.says in ("Write a slip", "Meet"))
    assert before is not None
    assert after is not None
    first = found.protocol.deadlines["first_talk"].title.in_language("en")
    assert first in [what for what, _when, _late in before.due]
    assert first not in [what for what, _when, _late in after.due]


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", SHIPPED[:1], ids=lambda path: path.stem)
def test_words_of_a_scenario_only_annotate(path: Path) -> None:
    made = next(walked(path, 5, 1))
    bare = made.scenario.model_copy(
        update={"debrief": {}, "traps": {key: _bare(trap) for key, trap in made.scenario.traps.items()}}
    )
    whole, plain, none = (_of(made, scenario) for scenario in (made.scenario, bare, None))
    assert any(one.note for one in whole.findings)
    assert not any(one.note for one in (*plain.findings, *plain.questions, *plain.duties))
    assert _without_words(plain) == _without_words(whole)
    assert [one for one in _without_words(none) if one[0] != "trap"] == [
        one for one in _without_words(whole) if one[0] != "trap"
    ]
    assert [(one.duty, one.verdict) for one in none.duties] == [(one.duty, one.verdict) for one in whole.duties]
    assert all(one.rule.title.in_language("fr") for one in none.findings)


def _bare(trap: Any) -> Any:
    return trap.model_copy(update={"reason": None, "rule": None})


def _of(made: Any, scenario: Scenario | None) -> Debrief:
    return debrief(made.protocol, scenario, made.table, made.cases, made.attempts, made.ended)


def _without_words(found: Debrief) -> list[tuple[Any, ...]]:
    return [(one.kind.value, one.key, one.at, one.due_at, one.done_at, one.role, one.needs) for one in found.findings]


# ---- side by side ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_tables_stand_side_by_side_with_the_spread_and_no_average() -> None:
    tables: dict[str, Debrief] = {}
    for name, rung, posted, scales in (
        ("A", "23T10:30", "24T09:00", {"price": 2, "times": 0, "temper": 1, "trace": 0}),
        ("B", "23T10:45", "25T09:00", {"price": 0, "times": 0, "temper": 1}),
    ):
        with at_table() as (playing, do):
            do("warden", "meet", "23T10:00", answers=TALK)
            do("warden", "give_chair", "23T10:05", answers={"seat": "keeper", "who": "@mediator"})
            do("warden", "start_looking", "23T10:10")
            do("warden", "weigh", "23T10:15", answers={"marks": scales})
            do("warden", "ring", rung, answers={"which": "blade"})
            do("principal", "post", posted, answers=LETTER)
            tables[name] = workshop_end.from_playing(playing)
    spread = compare(tables)
    assert spread.tables == ("A", "B")
    rows = {(row.part, row.key): row for row in spread.rows}
    price, trace, duty = rows["items", "price"], rows["items", "trace"], rows["duties", "write_letter"]
    assert (price.values, price.spread, price.distinct) == ((2, 0), 2, 2)
    assert (trace.values, trace.spread, trace.distinct) == ((0, None), None, 1)
    assert (duty.values, duty.spread) == ((Verdict.passed, Verdict.failed), None)
    rung_after = rows["dangers", "blade"]
    assert rung_after.spread == timedelta(minutes=15)
    assert rows["traps", "alone"].values == (False, False)
    assert compare({}).rows == ()
    told = spread_told(tables, Wording("en"))
    assert next(title for title, _rows in told) == "The grid, table by table"
    assert spread_told({}, Wording("en")) == ()
