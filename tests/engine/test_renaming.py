"""Nothing of a protocol is written in Python: under meaningless names it behaves the same, to the last refusal."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from filling import Unfillable, fill

from engine.renaming import Renamed
from engine.telling import MOROCCAN, NOW, SCHOOL, SMALL, Told, surroundings
from school_protocol.engine.case_summary import conformance
from school_protocol.engine.deadlines import dues, duties
from school_protocol.engine.decisions import Decider, available, decide
from school_protocol.engine.definition import START, ActKind, Protocol
from school_protocol.engine.errors import BadInput, Refused
from school_protocol.engine.facts import Colleague
from school_protocol.engine.intents import Choice, MakeMove, Opening, RecordAct
from school_protocol.engine.visibility import Actor, Appointment
from school_protocol.protocol.reader import read

FILES = {"moroccan": MOROCCAN, "small": SMALL}
STEPS = 80


def staff(protocol: Protocol) -> list[Actor]:
    """Two persons for each role, named by their place alone."""
    told = Told(protocol)
    found = []
    for place, role in enumerate(protocol.roles.values()):
        unit = {"province": "province", "region": "region"}.get(role.sees.value, SCHOOL.id)
        for number in (1, 2):
            held = (Appointment(role.key, unit, NOW.date()),)
            found.append(Actor(f"person {place}.{number}", told.now.isoformat(), "x", held, trained=True))
    return found


@dataclass
class Walker:
    """Plays one random walk; what it notes is in the names of the definition that it walks on."""

    protocol: Protocol
    rng: random.Random

    def __post_init__(self) -> None:
        self.staff = staff(self.protocol)
        self.told = Told(self.protocol)
        people = {
            actor.id: Colleague(actor.id, "x", tuple((one.role, one.unit) for one in actor.appointments), True)
            for actor in self.staff
        }
        self.told.around = surroundings(self.protocol, joinable=frozenset({"9876543210987"}), people=people)

    def step(self) -> dict[str, Any]:
        """One step: mostly something that is offered, sometimes anything at all; now and then from elsewhere."""
        rng, told, protocol = self.rng, self.told, self.protocol
        actor = rng.choice(self.staff)
        if rng.random() < 0.3:
            told.wait(hours=rng.choice((1, 7, 50, 400)))
        if told.case is not None and rng.random() < 0.1:
            told.put(rng.choice(list(protocol.states)))
        offered = available(protocol, told.case, actor, told.now, told.around)
        opened = [choice for choice in offered if choice.is_open and not self._alarms(choice)]
        anything = [("act", key) for key in protocol.acts] + [("move", key) for key in protocol.moves]
        kind, key = rng.choice(anything)
        if opened and rng.random() < 0.85:
            moves = [choice for choice in opened if choice.kind == "move"]
            choice = rng.choice(moves if moves and rng.random() < 0.6 else opened)
            kind, key = choice.kind, choice.key
        note: dict[str, Any] = {
            "offered": [(one.key, one.role, [f"={reason.code}" for reason in one.reasons]) for one in offered],
            "who": actor.id, "kind": f"={kind}", "key": key,
        }  # fmt: skip
        note |= self._did(actor, kind, key)
        return note | self._stands()

    def _alarms(self, choice: Choice) -> bool:
        """Dangers are raised rarely: else every walk would stay on the urgent path."""
        return choice.kind == "act" and self.protocol.acts[choice.key].kind is ActKind.raise_danger

    def _did(self, actor: Actor, kind: str, key: str) -> dict[str, Any]:
        told, protocol, rng = self.told, self.protocol, self.rng
        intent: RecordAct | MakeMove
        if kind == "act":
            desk = Decider(protocol, told.case, actor, told.now, told.around)
            form = protocol.forms[protocol.acts[key].form]
            try:
                intent = RecordAct(key, fill(protocol, form, rng, desk.references()), True)
            except Unfillable:
                return {"nothing to point at": True}
        else:
            departing = {need: "parce que" for need in protocol.moves[key].needs if rng.random() < 0.5}
            intent = MakeMove(key, "une raison", departing)
        opening = Opening("1234567890123", SCHOOL.id) if told.case is None else None
        try:
            decision = decide(protocol, told.case, actor, told.now, told.around, intent, opening)
        except Refused as refusal:
            return {"refused": [(f"={one.code}", one.need, one.roles, one.acts, one.states, one.unknown, one.from_when,
                                 one.may_depart, one.persons) for one in refusal.reasons]}  # fmt: skip
        except BadInput as bad:
            no_other_school = all(codes == ("school_not_here",) for codes in bad.problems.values())
            return {"alone" if no_other_school else "bad": bad.problems}
        told._keep(decision.events)
        return {"events": [type(event).__name__ for event in decision.events]}

    def _stands(self) -> dict[str, Any]:
        case = self.told.case
        if case is None:
            return {}
        facts = self.told.facts
        counts = dues(facts)
        return {
            "state": case.state,
            "level": case.level,
            "grid": case.grid
            and (case.grid["low"], case.grid["high"], [f"={reason}" for reason in case.grid["reasons"]]),
            "dues": [(due.deadline, due.subject, due.due_at, f"={due.state}", due.steps) for due in counts],
            "duties": [(one.duty, f"={one.state}", one.due_at, one.subjects) for one in duties(facts, counts)],
            "conformance": [(one.key, f"={one.outcome}") for one in conformance(facts, counts, ()).asked],
            "facts": dict(facts),
            "seats": [(held.seat, held.account) for held in case.seats],
            "people": list(case.people),
            "dangers": [(life.danger, f"={life.state}") for life in case.dangers],
            "holds": [(hold.guardian, hold.stands) for hold in case.holds],
            "excluded": sorted(case.exclusions),
        }


def renamed(value: Any, names: dict[str, str]) -> Any:
    """`value` in the names of the second walk; words of the engine itself begin with `=` and stay."""
    if isinstance(value, dict):
        return {renamed(key, names) if key in names else key: renamed(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(one, names) for one in value]
    if isinstance(value, str):
        slot, dash, number = value.rpartition("-")
        if dash and number.isdigit() and slot in names:
            return f"{names[slot]}-{number}"
        parts = value.split(".")
        return ".".join(names.get(part, part) for part in parts)
    return value


LOOSE = ("dues", "duties", "conformance")


def comparable(note: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A note in the names of the second walk; what is ordered by name where moments are the same is sorted."""
    told = {key: renamed(value, names) for key, value in note.items()}
    return {key: sorted(map(repr, value)) if key in LOOSE else value for key, value in told.items()}


@pytest.mark.exhaustive(
    but=(
        "small-0",
        "small-1",
    )
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FILES)
def test_a_renamed_definition_behaves_the_same(name: str, seed: int) -> None:
    source = FILES[name].read_text()
    other = Renamed(source, seed)
    first = Walker(read(source.encode(), name), random.Random(seed))
    second = Walker(read(other.text.encode(), f"{name}, renamed"), random.Random(seed))
    reached, happened = set(), set()
    for number in range(STEPS):
        one, two = first.step(), second.step()
        expected, found = comparable(one, other.names), comparable(two, {})
        assert found == expected, f"step {number}: {one['who']} {one['key']}"
        reached.add(one.get("state"))
        happened.update(key for key in ("events", "refused", "bad") if key in one)
    assert len(reached) >= 3, "the walk went somewhere"
    assert happened == {"events", "refused"}, "legal and illegal steps, and no form that was filled in wrongly"


@pytest.mark.exhaustive(but=("small",))
@pytest.mark.parametrize("name", FILES)
def test_every_identifier_is_renamed(name: str) -> None:
    source = FILES[name].read_text()
    old, other = read(source.encode(), name), Renamed(source, 7)
    new = read(other.text.encode(), "renamed")
    for part in (
        "stages", "states", "roles", "seats", "sides", "slots", "forms", "acts", "moves", "facts", "needs", "deadlines",
        "duties", "grids", "dangers", "targets", "documents", "audiences", "words",
    ):  # fmt: skip
        kept = set(getattr(old, part)) & set(getattr(new, part))
        assert not kept, f"{part} kept {kept}"
        assert len(getattr(old, part)) == len(getattr(new, part))
    fields = {field.key for form in old.forms.values() for field in form.fields}
    assert not fields & {field.key for form in new.forms.values() for field in form.fields}
    assert START not in other.names
