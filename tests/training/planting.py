"""Tables made up: the path of a shipped scenario with errors planted in it by chance, and how that is debriefed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from school_protocol.engine.actors import TYPED_IN
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.facts import Facts
from school_protocol.protocol.reader import read_file
from school_protocol.training.debrief import debrief
from school_protocol.training.findings import Kind
from school_protocol.training.scenario import Attempt, Scenario, Step, Table
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import Playing, seated
from training.onlooking import Error, Onlooker, errors_of

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "protocol_definitions" / "scenarios").glob("*.yaml"))


@dataclass(frozen=True, slots=True)
class Made:
    """A table that was played: what a debrief is worked out of, what was planted, and what the onlooker noted."""

    name: str
    protocol: Protocol
    scenario: Scenario
    table: Table
    cases: Mapping[str, Facts]
    attempts: Mapping[str, Sequence[Attempt]]
    ended: datetime
    planted: tuple[tuple[str, str], ...]
    """Kinds and keys that must be among what is named."""
    noted: Counter[Error]

    def faults(self) -> list[str]:
        """How the debrief differs from what the onlooker noted, and what was planted and is not named."""
        found = debrief(self.protocol, self.scenario, self.table, self.cases, self.attempts, self.ended)
        named = errors_of(found)
        wrong = [f"{self.name}: not named: {one}" for one in self.noted - named]
        wrong += [f"{self.name}: named, and never was: {one}" for one in named - self.noted]
        kinds = {(kind, key) for kind, key, _at in named} | {("ran_out", key) for _kind, key, _at in named}
        kinds |= {("ran_out", one.key) for one in found.of(Kind.written_late)}
        wrong += [f"{self.name}: planted, and not named: {one}" for one in self.planted if one not in kinds]
        return wrong


@dataclass(slots=True)
class Plot:
    """A table on which errors are planted, one after the other, as it goes on along the path."""

    looker: Onlooker
    rng: random.Random
    steps: list[Step]
    place: int
    planted: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def playing(self) -> Playing:
        return self.looker.playing

    @property
    def protocol(self) -> Protocol:
        return self.looker.protocol

    @property
    def next(self) -> Step | None:
        return self.steps[self.place] if self.place < len(self.steps) else None

    def go(self, number: int) -> None:
        """So many steps of the path as they are."""
        for _one in range(number):
            if self.next is not None:
                self.looker.step(self.next)
                self.place += 1

    def plant(self, kind: str) -> None:
        if _PLANTS[kind](self):
            self.said.append(kind)

    # ---- errors --------------------------------------------------------------------------------------------------

    def skip(self) -> bool:
        """The next act is left out."""
        if self.next is None or self.next.do is None:
            return False
        self.place += 1
        return True

    def delay(self) -> bool:
        """Nothing happens until something that runs has run out."""
        ahead = [due for due in self.playing.due if due.due_at > self.playing.now and due.due_at > due.started_at]
        ahead = [due for due in ahead if due.due_at - self.playing.now < timedelta(days=12)]
        if not ahead:
            return False
        due = self.rng.choice(ahead[:3])
        self.looker.turn(due.due_at + timedelta(minutes=self.rng.choice((1, 20, 200))))
        if any((one.deadline, one.start_seq) == (due.deadline, due.start_seq) for one in self.playing.due):
            still = next(one for one in self.playing.due if one.deadline == due.deadline)
            if still.due_at == due.due_at:
                self.planted.append(("ran_out", due.deadline))
        return True

    def wrong_role(self) -> bool:
        """Somebody tries what comes next, and it is not theirs."""
        step = self.next
        if step is None or step.do is None or step.depart or step.written_by:
            return False
        key = self.looker._resolved(step.do)
        by = self.protocol.acts[key].by if key in self.protocol.acts else self.protocol.moves[key].by
        others = [role for role in self.protocol.roles if role not in by and "everyone" not in by]
        if not others:
            return False
        tried = step.model_copy(update={"as_": f"{self.rng.choice(others)}/9", "expect": "refused", "mark": None})
        played = self.looker.step(tried)
        if played is not None and played.refused:
            self.planted.append(("wrong_role", key))
        return True

    def wrong_order(self) -> bool:
        """A move that comes later is tried now."""
        for step in self.steps[self.place + 1 :]:
            key = self.looker._resolved(step.do) if step.do else ""
            if key in self.protocol.moves and step.expect is None and not step.depart:
                played = self.looker.step(step.model_copy(update={"at": None, "advance": "1m", "mark": None}))
                if played is not None and played.refused:
                    self.planted.append(("wrong_order", key))
                return True
        return False

    def depart(self) -> bool:
        """A later move is tried, then made without what is wanting, where the protocol lets that be."""
        for step in self.steps[self.place + 1 :]:
            key = self.looker._resolved(step.do) if step.do else ""
            state = self.playing.states.get("", "")
            if key not in self.protocol.moves or state not in self.protocol.moves[key].from_:
                continue
            now = step.model_copy(update={"at": None, "advance": "1m", "mark": None, "expect": None})
            played = self.looker.step(now)
            if played is None or not played.reasons:
                return True
            needs = [reason.need for reason in played.reasons if reason.need is not None]
            if needs and all(reason.may_depart for reason in played.reasons):
                reasons = dict.fromkeys(needs, "It could not wait.")
                again = self.looker.step(now.model_copy(update={"depart": reasons, "reason": "It could not wait."}))
                if again is not None and not again.refused:
                    self.planted += [("departure", need) for need in needs]
            return True
        return False

    def upload(self) -> bool:
        """A file for the latest piece of evidence."""
        act = next(iter(self.protocol.acts_of(ActKind.evidence)))
        if not self.playing.player.latest("", act.key):
            return False
        step = Step.model_validate({"advance": "2m", "as": self.rng.choice(act.by), "attach": f"^{act.key}"})
        played = self.looker.step(step)
        if played is not None and set(played.refused) & {"intimate", "danger", "not_said"}:
            self.planted.append(("upload", "attach"))
        return True

    def other_role(self) -> bool:
        """The next act is done by a role that the act admits, and its duty does not name."""
        step = self.next
        key = self.looker._resolved(step.do) if step is not None and step.do else ""
        act = self.protocol.acts.get(key)
        if step is None or act is None or step.depart:
            return False
        named = {role for duty in self.protocol.duties.values() if key in duty.met_by for role in duty.by}
        others = [role for role in act.by if named and role not in named and role in self.protocol.roles]
        if not others:
            return False
        self.looker.step(step.model_copy(update={"as_": self.rng.choice(others), "mark": None}))
        self.place += 1
        return True

    def paper(self) -> bool:
        """The next act stood on paper, and is typed in once something has run out."""
        step = self.next
        key = self.looker._resolved(step.do) if step is not None and step.do else ""
        act = self.protocol.acts.get(key)
        if step is None or act is None or act.kind not in TYPED_IN or not self.playing.due:
            return False
        self.looker.step(Step(at=step.at, advance=step.advance))
        written = f"{self.playing.now.isoformat()}"
        due = self.playing.due[0]
        if due.due_at > self.playing.now and due.due_at - self.playing.now < timedelta(days=12):
            self.looker.turn(due.due_at + timedelta(minutes=15))
        late = {"at": None, "advance": "1m", "written_at": written, "written_by": step.as_, "mark": None}
        self.looker.step(step.model_copy(update=late))
        self.place += 1
        return True


_PLANTS: Mapping[str, Callable[[Plot], bool]] = {
    "skip": Plot.skip, "delay": Plot.delay, "wrong_role": Plot.wrong_role, "wrong_order": Plot.wrong_order,
    "depart": Plot.depart, "upload": Plot.upload, "other_role": Plot.other_role, "paper": Plot.paper,
}  # fmt: skip


def walked(path: Path, seed: int, tables: int, *, to_the_end: int = 0, plain: bool = False) -> Iterator[Made]:
    """Tables of one scenario, each branching off its path somewhere; so many of them go on to the end.

    `plain`: first the path itself, without those of its steps that expect to be refused.
    """
    rng = random.Random(seed)
    scenario = read_scenario(path.read_bytes(), path.name)
    file = ROOT / "protocol_definitions" / scenario.protocol / f"{scenario.versions[0]}.yaml"
    protocol, content = read_file(file), file.read_bytes()
    steps = [step for step in scenario.path.steps if step.expect is None]
    places = sorted(rng.randrange(len(steps)) for _table in range(tables))
    ends = set(rng.sample(range(tables), min(to_the_end, tables)))
    with seated(scenario, protocol, content) as playing:
        looker = Onlooker(playing)
        looker.open()
        for place, step in enumerate([*steps, None]):
            for number, wanted in enumerate(places):
                if wanted == place:
                    with playing.branch() as branch:
                        yield _planted(
                            f"{path.stem} {seed}.{number}", looker.copied(branch), rng, steps, place, number in ends
                        )
            if step is not None:
                looker.step(step)
        if plain:
            yield _made(f"{path.stem} {seed}", looker, ())


def _planted(name: str, looker: Onlooker, rng: random.Random, steps: list[Step], place: int, to_the_end: bool) -> Made:
    plot = Plot(looker, rng, steps, place)
    for _error in range(rng.choice((1, 2, 3))):
        plot.plant(rng.choice(list(_PLANTS)))
        plot.go(rng.choice((0, 1, 2, 3)))
    plot.go(len(steps) if to_the_end else rng.choice((0, 2)))
    return _made(f"{name} {'+'.join(plot.said)}", looker, tuple(plot.planted))


def _made(name: str, looker: Onlooker, planted: tuple[tuple[str, str], ...]) -> Made:
    playing = looker.playing
    cases = {case: playing.facts_of(case) for case in playing.player.numbers}
    attempts = {case: tuple(tried) for case, tried in playing.attempts.items()}
    return Made(
        name, playing.player.protocol, playing.scenario, playing.table, cases, attempts, playing.now, planted,
        looker.end(),
    )  # fmt: skip
