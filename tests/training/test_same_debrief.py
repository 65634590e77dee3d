"""The same steps give the same debrief, played live in a room or by `scenario play`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from school_protocol.cli.group import main
from school_protocol.training.findings import Debrief, Kind
from school_protocol.training.scenario import Scenario, Step
from school_protocol.training.scenario_library import find_scenario, shipped_scenarios
from school_protocol.training.table_play import steps_of
from training.live_table import LiveTable, differences, sat_down, scripted
from training.planting import SHIPPED
from training.room_browsing import hall_in

SCENARIOS = shipped_scenarios()
TOLD = find_scenario("blackmail")
assert TOLD is not None
SC3: Scenario = TOLD
TRAPS = {key: trap.witness for key, trap in SC3.traps.items()}


@contextmanager
def live(folder: Path, scenario: Scenario) -> Iterator[LiveTable]:
    """The first of two tables of a room; at the other one nobody does anything."""
    hall = hall_in(folder, 2, scenario.scenario)
    try:
        yield sat_down(hall.room)
    finally:
        hall.close()


def both(folder: Path, scenario: Scenario, steps: Sequence[Step]) -> tuple[Debrief, Debrief]:
    with live(folder, scenario) as table:
        table.play(steps)
        return table.debrief(), scripted(scenario, steps)


@pytest.mark.exhaustive
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.scenario)
def test_the_expected_path(tmp_path: Path, scenario: Scenario) -> None:
    with live(tmp_path, scenario) as table:
        played = table.play(scenario.path.steps)
        assert [(one.do, one.refused, one.problems) for one in played if not one.went_as_said] == []
        found = table.debrief()
    assert set(found.states.values()) == set(scenario.path.ends_by_case.values())
    assert differences(found, scripted(scenario, scenario.path.steps)) == []
    assert found.of(Kind.trap) == found.of(Kind.late) == found.of(Kind.left_out) == ()


@pytest.mark.exhaustive(but=("father_told", "head_alone_unaware"))
@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap(tmp_path: Path, trap: str) -> None:
    """As its witness falls into it: late, refused, against a need, a file where none may be."""
    found, again = both(tmp_path, SC3, steps_of(SC3, TRAPS[trap]))
    assert trap in [one.key for one in found.of(Kind.trap)]
    assert differences(found, again) == []


def step(**words: object) -> Step:
    return Step.model_validate(words)


def planted() -> list[Step]:
    """The path until the piece of evidence, with an error of each kind in it."""
    path = list(steps_of(SC3, TRAPS["picture_kept"]))[:-1]
    late = next(place for place, one in enumerate(path) if one.do == "told_by_voice")
    told = {**path[late].answers, "told_at": "2026-10-06T10:35"}
    path[late] = path[late].model_copy(update={"at": "2026-10-06T10:36", "answers": told})
    return [
        *path[:2],
        step(at="2026-10-06T09:28", **{"as": "membre_er"}, do="visa_head", answers={"decision": "given"}),
        step(at="2026-10-06T09:29", **{"as": "referent_er"}, do="t_send"),
        step(at="2026-10-06T09:30", **{"as": "directeur"}, do="add_note", answers={}),
        *path[2:late], *(one for one in path[late + 1 :] if one.at and one.at < "2026-10-06T10:36"), path[late],
        *(one for one in path[late + 1 :] if one.at and one.at >= "2026-10-06T10:36"),
        step(advance="5m", **{"as": "membre_er"}, attach="^F7"),
        step(advance="80h"),
    ]  # fmt: skip


def printed(folder: Path, scenario: Scenario, steps: Sequence[Step]) -> dict[str, Any]:
    """What `scenario debrief --steps` prints of a table that recorded these."""
    file = folder / "steps.json"
    said = [one.model_dump(by_alias=True, exclude_defaults=True, exclude={"mark"}) for one in steps]
    file.write_text(json.dumps({"steps": said}), "utf-8")
    path = next(path for path in SHIPPED if path.stem == scenario.scenario)
    result = CliRunner().invoke(main, ["scenario", "debrief", str(path), "--steps", str(file), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.exhaustive
def test_errors_of_each_kind(tmp_path: Path) -> None:
    found, again = both(tmp_path, SC3, planted())
    assert differences(found, again) == []
    lines = printed(tmp_path, SC3, planted())
    assert [(one["kind"], one["key"], one["at"], one["role"], one["needs"]) for one in lines["errors"]] == [
        (one.kind.value, one.key, one.at.isoformat(), one.role, list(one.needs)) for one in found.errors
    ]
    assert [(one["duty"], one["verdict"]) for one in lines["duties"]] == [
        (one.duty, one.verdict.value) for one in found.duties
    ]
    named = {(one.kind, one.key) for one in found.errors}
    protocol = found.protocol
    assert {
        (Kind.late, "head_told"), (Kind.wrong_role, protocol.resolve("acts", "visa_head")),
        (Kind.wrong_order, protocol.resolve("moves", "t_send")), (Kind.upload, "attach"), (Kind.trap, "picture_kept"),
        (Kind.trap, "head_alone_unaware"),
    } <= named  # fmt: skip
    assert any(kind is Kind.left_out for kind, _key in named)
    refused = [moment.key for moment in found.timeline if moment.what.value == "refused"]
    assert protocol.resolve("acts", "add_note") in refused
    assert protocol.resolve("acts", "add_note") not in {key for _kind, key in named}, "a form not filled in is no error"
