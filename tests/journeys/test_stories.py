"""The scenarios of the field, from report to closure: each step goes as the story says, by the real protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from protocol.chronology import contradictions

from school_protocol.cases.loading import Loaded, load_by_id
from school_protocol.cases.story_player import Played, Player, Story, read_story, throwaway
from school_protocol.engine.case_summary import Conformance, conformance
from school_protocol.engine.deadlines import dues, duties
from school_protocol.engine.definition import Protocol
from school_protocol.protocol.reader import read_file
from school_protocol.storage import journal

ROOT = Path(__file__).parents[2] / "protocol_definitions"
MOROCCAN = "ma-cyberharassment"
DEFINITION = (ROOT / MOROCCAN / "1.yaml").read_bytes()
STORIES = sorted(str(path.parents[1].name) + "/" + path.stem for path in ROOT.glob("*/stories/*.yaml"))
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMED = ("name", "massar", "phone")
CLEAR = "PLANTED-IN-CLEAR-4711"


def place(name: str) -> Path:
    """Where the protocol of a story is: `fi-kiva/talks`; `sc1` is one of the Moroccan protocol."""
    return ROOT / (name.rpartition("/")[0] or MOROCCAN)


def story(name: str) -> Story:
    told = place(name) / "stories" / f"{name.rpartition('/')[2]}.yaml"
    return read_story(told.read_bytes(), name)


class Stage:
    """Plays each story once, in a realm of its own, and keeps it for the tests of this file."""

    def __init__(self, moroccan: Protocol, until: ExitStack) -> None:
        self.protocols = {MOROCCAN: moroccan}
        self.until = until
        self.played: dict[str, tuple[Player, list[Played]]] = {}

    def __call__(self, name: str) -> tuple[Player, list[Played]]:
        name = name.removeprefix(f"{MOROCCAN}/")
        if name not in self.played:
            folder = place(name)
            protocol = self.protocols.setdefault(folder.name, read_file(folder / "1.yaml"))
            content = (folder / "1.yaml").read_bytes()
            player = self.until.enter_context(throwaway(protocol, content, START))
            self.played[name] = (player, player.play(story(name).steps))
        return self.played[name]


@pytest.fixture(scope="module")
def told(moroccan: Protocol) -> Iterator[Stage]:
    with ExitStack() as until:
        yield Stage(moroccan, until)


def loaded(player: Player, case: str) -> Loaded:
    found = player.case_id(case)
    assert found is not None
    head = next(key for key, role in player.protocol.roles.items() if role.head)
    with player.ctx.realm.reading() as session:
        return load_by_id(player.ctx, session, player.actor(head), found)


def asked(player: Player, case: str = "") -> Conformance:
    facts = loaded(player, case).facts
    counts = dues(facts)
    return conformance(facts, counts, duties(facts, counts))


def test_every_scenario_is_told() -> None:
    told = {"sc1", "sc3", "sc4", "sc6", "transfer", "joining", "reopening", "staff_concerned"}
    assert {f"{MOROCCAN}/{name}" for name in told} <= set(STORIES)
    for protocol in ROOT.glob("*/1.yaml"):
        assert len([name for name in STORIES if place(name) == protocol.parent]) >= 2


@pytest.mark.parametrize("name", [name for name in STORIES if place(name).name != MOROCCAN])
def test_a_story_of_another_protocol_tells_what_it_refuses(name: str) -> None:
    refused = [step for step in story(name).steps if step.get("expect") == "refused"]
    assert len(refused) >= 3


@pytest.mark.exhaustive(but=("fi-kiva/screened_out", "fr-phare/autre_reponse", "*/sc6"))
@pytest.mark.parametrize("name", STORIES)
def test_a_story_plays_exactly_as_it_says(told: Stage, name: str) -> None:
    player, played = told(name)
    astray = [(one.step, one.do, one.refused, one.problems) for one in played if not one.went_as_said]
    assert not astray
    assert len(played) == len(story(name).steps)
    ends = {case: loaded(player, case).case.state for case in player.numbers}
    assert ends == dict(story(name).ends)
    with player.ctx.realm.reading() as session:
        assert journal.verify_all(session, player.ctx.vault) == []


@pytest.mark.exhaustive(but=("fi-kiva/screened_out", "*/staff_concerned"))
@pytest.mark.parametrize("name", STORIES)
def test_the_files_hold_no_name_and_no_word(told: Stage, name: str) -> None:
    definition = (place(name) / "1.yaml").read_bytes()
    typed = [text for text in typed_in(story(name)) if text.encode() not in definition]
    assert len(typed) > 5
    player, _played = told(name)
    files = [path for path in player.ctx.settings.data.rglob("*") if path.is_file()]
    assert sum(path.name.startswith("realm.sqlite") for path in files) >= 1
    raw = {path: path.read_bytes() for path in files}
    found = [(text, path.name) for text in typed for path, data in raw.items() if is_in(text, data)]
    assert found == []
    plant(player)
    assert any(is_in(CLEAR, path.read_bytes()) for path in player.ctx.settings.data.rglob("realm.sqlite*"))


def plant(player: Player) -> None:
    """The control: what is kept in clear is found by the same look at the files."""
    with player.ctx.realm.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE planted (words TEXT)")
        connection.exec_driver_sql("INSERT INTO planted VALUES (?)", (CLEAR,))
        connection.exec_driver_sql("COMMIT")


def is_in(text: str, data: bytes) -> bool:
    escaped = text.encode("ascii", "backslashreplace")
    return any(form in data for form in (text.encode(), text.encode("utf-16-le"), escaped))


def typed_in(told_story: Story) -> Iterator[str]:
    """Every name, and a few words in a row of every sentence that somebody typed."""
    for step in told_story.steps:
        yield from _typed(step.get("answers") or {})
        yield from _words(step.get("reason", ""))
        yield from (piece for why in (step.get("depart") or {}).values() for piece in _words(why))


def _typed(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _typed(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _typed(item, key)
    elif key in NAMED:
        yield value
        yield from (part for part in value.split() if len(part) > 5)
    else:
        yield from _words(value)


def _words(text: str) -> Iterator[str]:
    """The first four words of each line that has so many."""
    for line in text.splitlines():
        words = re.split(r"\s+", line.strip())
        if len(words) >= 4:
            yield " ".join(words[:4])


# ---- what each scenario is about ---------------------------------------------------------------------------------


def reasons(played: Sequence[Played], do: str) -> list[tuple[str, ...]]:
    return [one.refused for one in played if one.do == do and one.refused]


@pytest.mark.exhaustive(but=("*/sc6", "*/reopening", "*/staff_concerned"))
@pytest.mark.parametrize("name", [name for name in STORIES if place(name).name == MOROCCAN])
def test_deadlines_are_as_a_reading_by_hand_notes_them(told: Stage, name: str) -> None:
    player, _played = told(name)
    assert [found for case in player.numbers if (found := contradictions(loaded(player, case).facts))] == []


def test_sc1_is_kept_in_time_and_closes_only_after_thirty_days(told: Stage) -> None:
    player, played = told("sc1")
    assert reasons(played, "t_prop_close") == [("stable_long",)]
    found = asked(player)
    assert found.count("overdue") == 0
    assert found.count("late") == 0
    assert found.departures == ()
    assert loaded(player, "").case.level == 2
    assert loaded(player, "").case.grid["low"] == 18


@pytest.mark.exhaustive
def test_sc1_has_nothing_overdue_on_the_way(moroccan: Protocol) -> None:
    with throwaway(moroccan, DEFINITION, START) as player:
        for step in story("sc1").steps:
            player.play([step])
            assert asked(player).count("overdue") == 0, step


@pytest.mark.exhaustive
def test_sc3_holds_the_father_back_and_needs_the_directorate(told: Stage) -> None:
    player, played = told("sc3")
    case = loaded(player, "").case
    assert case.grid["low"] == 24
    assert case.grid["from_grid"] == 3
    assert case.level == 4
    assert not any(hold.stands for hold in case.holds)
    assert [life.danger for life in case.dangers if life.state == "lifted"] == ["missing_or_at_risk"]
    assert reasons(played, "t_prop_close") == [("schedule_held",)]
    assert reasons(played, "t_close") == [("visa_directorate_if_n3",)]
    assert reasons(played, "mpp_start") == [("shared_concern_eligible",)]


@pytest.mark.exhaustive
def test_sc4_takes_the_light_path_after_a_danger_lifted_by_two(told: Stage) -> None:
    player, played = told("sc4")
    assert reasons(played, "t_lift") == [("lifted",)]
    assert reasons(played, "t_minor")[0] == ("minor",)
    case = loaded(player, "").case
    assert [life.state for life in case.dangers] == ["lifted"]
    lifting = case.records_of("lift_danger")[0]
    assert len({signature.account for signature in lifting.signatures}) == 2
    assert case.level == loaded(player, "suivi").case.level == 1


@pytest.mark.exhaustive
def test_sc6_waits_ninety_days_and_the_directorate(told: Stage) -> None:
    player, played = told("sc6")
    last = loaded(player, "")
    assert last.case.grid["low"] == 34
    assert last.case.level == 4
    assert all(planned.held_seq for planned in last.facts.planned)
    assert asked(player).count("overdue") == 0
    assert asked(player).count("late") == 0
    assert reasons(played, "t_close") == [("visa_directorate_if_n3",)]


def test_a_reopened_case_is_never_below_its_former_level_and_one_more(told: Stage) -> None:
    player, played = told("reopening")
    case = loaded(player, "").case
    assert case.grid["from_grid"] == 1
    assert case.level == 2
    assert ("heard_or_offered",) in reasons(played, "t_validate")


def test_an_excluded_head_finds_nothing(told: Stage) -> None:
    player, played = told("staff_concerned")
    assert {one.refused for one in played if one.actor == "directeur"} == {("unseen",)}
    case = loaded(player, "").case
    assert player.actor("head").id in case.exclusions
    acting = [held.account for held in case.seats if held.seat == "acting_head"]
    assert acting == [player.actor("directorate/2").id]
