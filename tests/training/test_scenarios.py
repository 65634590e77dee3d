"""Scenarios played: those that are shipped, and one that nobody has seen, by the real engine and its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from school_protocol.engine.definition import Protocol
from school_protocol.language import stigma
from school_protocol.protocol.reader import read_file
from school_protocol.training.scenario import Step
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import Beat, BeatKind, Playing, prove, seated, steps_of

pytestmark = pytest.mark.files  # scenarios are proven on copies of SQLite files, wherever rooms lie

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "protocol_definitions" / "scenarios").glob("*.yaml"))
SMALL = ROOT / "tests" / "protocol" / "small.yaml"
FOUND = Path(__file__).with_name("found_phone.yaml")


def played(witness: str = "") -> Playing:
    """The synthetic scenario, or one of its witnesses, played to the end."""
    scenario = read_scenario(FOUND.read_bytes(), FOUND.name)
    chosen = next((one for _part, key, one in scenario.witnesses() if key == witness), None)
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        assert playing.play(steps_of(scenario, chosen))
    return playing


def of_kind(playing: Playing, kind: BeatKind) -> list[Beat]:
    return [beat for beat in playing.beats if beat.kind is kind]


def test_the_four_are_shipped() -> None:
    assert [path.stem for path in SHIPPED] == ["blackmail", "class-group", "online-game", "silence"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_goes_as_it_says(path: Path, moroccan: Protocol) -> None:
    data = path.read_bytes()
    scenario = read_scenario(data, path.name)
    assert scenario.scenario == path.stem
    assert len(scenario.cast) >= 5
    assert len(scenario.injects) >= 5
    assert len(scenario.traps) >= 4
    content = (ROOT / "protocol_definitions" / scenario.protocol / "1.yaml").read_bytes()
    assert prove(scenario, data, moroccan, content) == ()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_word_of_a_scenario_judges_a_pupil(path: Path) -> None:
    said = list(texts(yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)))
    assert len(said) > 400
    assert not [(text, language) for text in said for language in ("fr", "ar", "en") if stigma(language, text)]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


def test_what_comes_is_told_between_the_steps_at_its_own_time() -> None:
    playing = played()
    told = [(f"{beat.at:%H:%M}", beat.kind.value, beat.key) for beat in playing.beats]
    assert told == [
        ("08:00", "step", "write_slip"),
        ("09:00", "step", "meet"),
        ("09:20", "step", "tell_home"),
        ("09:25", "step", "give_chair"),
        ("09:30", "inject", "message"),
        ("10:00", "inject", "mother_calls"),
        ("10:30", "step", "start_looking"),
    ]
    assert playing.states == {"": "looking"}


def test_a_missed_deadline_is_told_when_it_runs_out() -> None:
    playing = played("rumour")
    missed = [(f"{beat.at:%d %H:%M}", beat.key) for beat in of_kind(playing, BeatKind.missed)]
    assert ("26 17:30", "first_talk") in missed
    assert [beat.at for beat in of_kind(playing, BeatKind.inject) if beat.key == "rumour"] == [
        beat.at for beat in of_kind(playing, BeatKind.missed) if beat.key == "first_talk"
    ]


@pytest.mark.parametrize("trap", ["home_first", "alone"])
def test_a_table_falls_into_a_trap_and_no_other(trap: str) -> None:
    assert [beat.key for beat in of_kind(played(trap), BeatKind.trap)] == [trap]


@pytest.mark.parametrize(
    ("who", "how", "times", "falls"),
    [
        (["warden"], "informed", 1, True),
        (["principal"], "informed", 1, False),
        (["warden"], "absent", 1, False),
        (["warden"], "informed", 2, False),
        (["warden", "warden"], "informed", 2, True),
    ],
)
def test_a_sign_counts_only_what_it_says(who: list[str], how: str, times: int, falls: bool) -> None:
    text = FOUND.read_text("utf-8").replace("role == 'warden'\"}", f"role == 'warden'\", times: {times}}}")
    scenario = read_scenario(text.encode(), FOUND.name)
    assert scenario.signs["told"].times == times
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        playing.open()
        for number, one in enumerate(who, 1):
            person = {"slot": "family", "name": "Samia"} if number == 1 else "family-1"
            step = {"advance": "5m", "as": one, "do": "tell_home", "answers": {"who": person, "how": how}}
            told = playing.step(number, Step.model_validate(step))
            assert told is not None
            assert told.went_as_said
    assert ("home_first" in playing.table.traps) is falls


@pytest.mark.parametrize(("intimate", "who", "refused"), [("no", "membre_er", ()), ("yes", "membre_er", ("intimate",)),
                                                          ("no", "declarant/2", ("unseen",))])  # fmt: skip
def test_a_file_is_put_to_a_piece_or_is_seen_to_be_tried(
    moroccan: Protocol, intimate: str, who: str, refused: tuple[str, ...]
) -> None:
    path = ROOT / "protocol_definitions" / "scenarios" / "class-group.yaml"
    scenario = read_scenario(path.read_bytes(), path.name)
    content = (ROOT / "protocol_definitions" / scenario.protocol / "1.yaml").read_bytes()
    answers = {"kind": "oral_account", "sexual_or_intimate": intimate, "description": "Décrit."}
    register = Step.model_validate({"advance": "1h", "as": "referent_er", "do": "F7", "answers": answers})
    attach = Step.model_validate({"advance": "5m", "as": who, "attach": "^F7", "expect": None})
    with seated(scenario, moroccan, content) as playing:
        playing.open()
        playing.step(1, register)
        tried = playing.step(2, attach)
    assert tried is not None
    assert (tried.refused, tried.events) == (refused, () if refused else ("FileHandled",))
    assert [one.why for one in playing.attempts.get("", ())] == ([refused] if refused else [])


def test_a_branch_leaves_its_table_where_it_is() -> None:
    scenario = read_scenario(FOUND.read_bytes(), FOUND.name)
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        playing.open()
        before, now = len(playing.beats), playing.now
        with playing.branch() as branch:
            for number, step in enumerate(scenario.traps["home_first"].witness.steps, 1):
                branch.step(number, step)
            assert set(branch.table.traps) == {"home_first"}
            assert branch.states == {"": "noted"}
        assert (len(playing.beats), playing.now) == (before, now)
        assert playing.table.traps == {}
        assert playing.step(1, scenario.path.steps[0]) is not None
        assert playing.table.traps == {}
