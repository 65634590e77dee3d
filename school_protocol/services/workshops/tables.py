"""One table of a scenario, played by a script: what was done, what came, what was missed, which traps it fell into."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from school_protocol.domain.dues import Due, open_dues
from school_protocol.domain.errors import Unseen
from school_protocol.domain.evidence import FileRefused
from school_protocol.domain.facts import Facts
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import ATTACH, Scenario, Step
from school_protocol.domain.staging import Attempt, Table, next_moment, reading, watch
from school_protocol.services.evidence.keeping import attach_file
from school_protocol.services.loading import load_by_id
from school_protocol.services.scripts import Played, Player, branched, moment, throwaway

_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f00010101001bb6ee56"
    "0000000049454e44ae426082"
)
"""A grey point as PNG: what a script attaches where it says that somebody does."""


class BeatKind(StrEnum):
    step = "step"
    inject = "inject"
    trap = "trap"
    missed = "missed"


@dataclass(frozen=True, slots=True)
class Beat:
    """One thing that happened at a table: `key` is the act or move, inject, trap or deadline."""

    at: datetime
    kind: BeatKind
    key: str
    subject: str = ""
    played: Played | None = None


@dataclass(slots=True)
class Playing:
    """A table as a script goes on: its player, what the scenario saw of it, and all that happened."""

    scenario: Scenario
    player: Player
    table: Table
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    beats: list[Beat] = field(default_factory=list)
    due: tuple[Due, ...] = ()
    """The counts that run now, by the moment at which they fall due."""
    states: dict[str, str] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.player.clock.now()

    def open(self) -> Played:
        """The opening: the act by which the case begins."""
        opening = self.scenario.opening
        step = {"at": opening.begins, "as": opening.as_, "do": opening.do, "answers": opening.answers}
        return self.step(0, Step.model_validate(step)) or Played(0, self.now, opening.as_, opening.do)

    def play(self, steps: Sequence[Step]) -> bool:
        """The opening, then these steps, until one does not go as it says; whether all did."""
        if not self.open().went_as_said:
            return False
        done = (self.step(number, step) for number, step in enumerate(steps, 1))
        return all(played is None or played.went_as_said for played in done)

    def replay(self, steps: Sequence[Step]) -> bool:
        """The opening, then all that a table did, whatever became of each step; whether it could be opened."""
        opened = self.open().went_as_said
        for number, step in enumerate(steps, 1):
            self.step(number, step)
        return opened

    def step(self, number: int, step: Step) -> Played | None:
        """Turn the clock as a step says, meet what comes meanwhile, then do what it says."""
        self._turn(step)
        played = self._attached(step) if step.attach is not None else self._done(step)
        if played is None:
            return None
        played.step = number
        case = step.case or ""
        why = (*played.refused, *played.problems)
        if why:
            self.attempts.setdefault(case, []).append(self._attempt(step, played, why))
        self.beats.append(Beat(self.now, BeatKind.step, self._key(played.do), played=played))
        self.look()
        played.state = self.states.get(case, "")
        return played

    def _attempt(self, step: Step, played: Played, why: tuple[str, ...]) -> Attempt:
        role = self.player.protocol.resolve("roles", played.actor.partition("/")[0])
        codes = tuple(code for codes in played.problems.values() for code in codes)
        actor = self.player.actor(step.as_ or "").id
        return Attempt(self._key(played.do), why, played.at, role, actor, played.reasons, codes)

    def _done(self, step: Step) -> Played | None:
        before = len(self.player.played)
        self.player.play([{word: said for word, said in step.script.items() if word not in ("at", "advance")}])
        return self.player.played[-1] if len(self.player.played) > before else None

    def _attached(self, step: Step) -> Played:
        """Put a file to the latest piece of that act; or try to."""
        actor, case = self.player.actor(step.as_ or ""), step.case or ""
        played = Played(
            0, self.now, step.as_ or "", ATTACH, expected_refusal=step.expect == "refused", events=("FileHandled",)
        )
        entry = self.player.latest(case, (step.attach or "").removeprefix("^"))
        try:
            attach_file(
                self.player.house, actor, self.player.numbers.get(case, ""), int(entry or 0), _PICTURE,
                is_attested=True, token=secrets.token_urlsafe(12),
            )  # fmt: skip
        except FileRefused as refusal:
            played.refused, played.events = (refusal.code.value,), ()
        except Unseen:
            played.refused, played.events = ("unseen",), ()
        return played

    def _key(self, name: str) -> str:
        protocol = self.player.protocol
        act = protocol.resolve("acts", name)
        return act if act in protocol.acts or name == ATTACH else protocol.resolve("moves", name)

    # ---- time ----------------------------------------------------------------------------------------------------

    def _turn(self, step: Step) -> None:
        """Turn the clock; stop at each moment at which something comes or falls due."""
        clock, before = self.player.clock, self.now
        words = {word: said for word, said in step.script.items() if word in ("at", "advance")}
        self.player.play([words] if words else [])
        until = self.now
        clock.moment = before
        while (stop := self._next(until)) is not None:
            clock.turn_to(stop)
            self.look()
        if until > clock.now():
            clock.turn_to(until)
            self.look()

    def _next(self, until: datetime) -> datetime | None:
        moments = [due.due_at for due in self.due if due.due_at > self.now]
        coming = next_moment(self.scenario, self.table, self.now)
        first = min([*moments, *([coming] if coming is not None else [])], default=None)
        return first if first is not None and first <= until else None

    def look(self) -> None:
        """See what there is to be seen of the table now."""
        before, facts = self.table, {case: self.facts_of(case) for case in self.player.numbers}
        readings = [reading(self.scenario, one, self.attempts.get(case, ())) for case, one in facts.items()]
        self.table = watch(self.scenario, before, readings, self.now)
        self.beats += (Beat(self.now, BeatKind.inject, key) for key in self.table.came if key not in before.came)
        self.beats += (Beat(self.now, BeatKind.trap, key) for key in self.table.traps if key not in before.traps)
        self.states = {case: one.case.state for case, one in facts.items()}
        counts = [due for one in facts.values() for due in open_dues(one)]
        self.beats += (
            Beat(self.now, BeatKind.missed, due.deadline, due.subject) for due in counts if due.due_at == self.now
        )
        self.due = tuple(sorted(counts, key=lambda due: (due.due_at, due.deadline, due.subject)))

    def facts_of(self, case: str) -> Facts:
        player = self.player
        found = player.case_id(case)
        assert found is not None
        with player.house.realm.reading() as session:
            return load_by_id(player.house, session, player.actor(self.scenario.opening.as_), found).facts

    # ---- ways apart ----------------------------------------------------------------------------------------------

    @contextmanager
    def branch(self) -> Iterator[Playing]:
        """The same table, to be played on otherwise; this one stays where it is."""
        with branched(self.player) as player:
            attempts = {case: list(tried) for case, tried in self.attempts.items()}
            yield replace(self, player=player, attempts=attempts, beats=list(self.beats), states=dict(self.states))


@contextmanager
def seated(scenario: Scenario, protocol: Protocol, content: bytes) -> Iterator[Playing]:
    """A table in a throwaway realm, its clock at the beginning of the scenario."""
    begins = moment(scenario.opening.begins, "begins")
    with throwaway(protocol, content, begins, evidence_files=True) as player:
        player.watching = False
        yield Playing(scenario, player, Table(begins))
