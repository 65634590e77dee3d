"""Somebody plays a script at a live table: seats are taken as it names people, the room's clock is turned for it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from school_protocol.cases.intake import record_from_receipt
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.service import record_act
from school_protocol.cases.story_player import Played, Player, TurnableClock
from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.evidence_pieces import FileRefused
from school_protocol.engine.visibility import Actor
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.training import room_repository, seats, table_play, workshop_end
from school_protocol.training import service as training_service
from school_protocol.training.findings import Debrief
from school_protocol.training.room_store import Room
from school_protocol.training.scenario import Scenario, Step
from school_protocol.training.scenario_library import protocols_of
from school_protocol.training.table_play import cases_of, facts_at, touched

PICTURE = table_play._PICTURE


class RoomHand(TurnableClock):
    """The room's clock, turned as a trainer turns it."""

    def __init__(self, room: Room) -> None:
        self.room = room

    def now(self) -> datetime:
        return self.room.ctx.now()

    def turn_to(self, moment: datetime) -> None:
        if moment > self.now():
            training_service.turn_to(self.room, moment)

    def advance(self, delay: timedelta) -> None:
        self.turn_to(self.now() + delay)


@dataclass(slots=True)
class Sitting(Player):
    """Whoever a script names takes a seat at the table, in that role alone."""

    room: Room = field(kw_only=True)
    number: int = field(kw_only=True)

    def _made(self, name: str, role: str) -> Actor:
        seat = seats.join(self.room, self.number, f"Place {len(self.actors) + 1}", [role], language="fr").seat
        found = seats.actor_of(self.room, seat)
        assert found is not None
        return found

    def _record(
        self, actor: Actor, case: str, act: str, answers: Mapping[str, Any], token: str, paper: OnPaper | None
    ) -> None:
        """From the page that this person has: a receipt's, or the case's. Nobody tries the other one first."""
        report = self._receipt(actor, case)
        is_reporter = all(self.protocol.roles[one.role].sees is ScopeKind.receipt for one in actor.appointments)
        if is_reporter and report is not None and paper is None:
            record_from_receipt(self.ctx, actor, report, act, answers, token=token)
        else:
            number = self.numbers.get(case, "")
            record_act(
                self.ctx, actor, number, act, answers, expected=None, token=token, proven=True, paper=paper
            )  # fmt: skip

    def attach(self, step: Step) -> None:
        """A file to the latest piece of that act; or it is refused."""
        entry = self.latest(step.case or "", (step.attach or "").removeprefix("^"))
        with suppress(FileRefused):
            attach_file(
                self.ctx, self.actor(step.as_ or ""), self.numbers[step.case or ""], int(entry or 0), PICTURE,
                is_attested=True, token=secrets.token_urlsafe(12),
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One table of a room, its case the one that it began with."""

    room: Room
    number: int
    player: Sitting

    def play(self, steps: Sequence[Step]) -> list[Played]:
        """These steps, each through the use cases that the room's pages call; how they went."""
        return [played for step in steps for played in self.step(step)]

    def step(self, step: Step) -> list[Played]:
        words = {word: said for word, said in step.script.items() if word in ("at", "advance")}
        if words:
            self.player.play([words])
        before = len(self.player.played)
        if step.attach is not None:
            self.player.attach(step)
        else:
            self.player.play([{word: said for word, said in step.script.items() if word not in ("at", "advance")}])
        touched(self.room, self.number)
        return self.player.played[before:]

    def recorded(self, step: Step) -> Step:
        """The step that was just made, as a script would have it: as whoever the room says that made it."""
        [facts] = facts_at(self.room, [self.player.case_id() or ""], self.room.ctx.now()).values()
        done = [(one.seq, one.role) for one in facts.case.records] + [(one.seq, one.role) for one in facts.case.steps]
        role = max(done)[1]
        return step.model_copy(update={"as_": role if role in self.room.protocol.roles else step.as_})

    def debrief(self) -> Debrief:
        return workshop_end.debrief_of(self.room, self.number)


def sat_down(room: Room, number: int = 1) -> LiveTable:
    """A table of a room at which nobody sits yet, to be played."""
    with room.store.reading() as session:
        table = room_repository.table(session, number)
    assert table is not None
    places = {ScopeKind.province: table.province, ScopeKind.region: table.region}
    [first] = facts_at(room, cases_of(room, table), room.ctx.now()).values()
    player = Sitting(
        room.ctx, RoomHand(room), room.protocol, table.school, places,
        room=room, number=number,
    )  # fmt: skip
    player.numbers[""], player.watching = first.case.number, False
    player.unseen[""] = set()
    return LiveTable(room, number, player)


def scripted(scenario: Scenario, steps: Sequence[Step]) -> Debrief:
    """The same steps as `scenario play` and `scenario debrief --steps` play them."""
    protocol, content = next(iter(protocols_of(scenario)))
    with table_play.seated(scenario, protocol, content) as playing:
        playing.open()
        for number, step in enumerate(steps, 1):
            playing.step(number, step)
        return workshop_end.from_playing(playing)


# ---- compared ------------------------------------------------------------------------------------------------------


def said_of(found: Debrief) -> dict[str, list[Any]]:
    """All that a debrief says, part by part, without the numbers of cases and of events, and without accounts."""
    return {
        "states": sorted(found.states.values()),
        "findings": [
            (
                one.kind.value, one.part, one.key, one.subject, one.at, one.due_at, one.done_at, one.role, one.roles,
                one.needs, one.codes, one.said, one.rule.title, one.note,
            )
            for one in found.findings
        ],
        "errors": [(one.kind.value, one.key, one.at, one.role) for one in found.errors],
        "duties": [
            (one.duty, one.verdict.value, one.roles, [found.findings[place].key for place in one.findings])
            for one in found.duties
        ],
        "measures": [(one.key, one.taken, one.units) for one in found.measures],
        "dangers": [
            (one.danger, one.at, one.happened_at, one.role, one.after, one.state, one.expected)
            for one in found.dangers
        ],
        "guardians": [(one.kind, one.at, one.person, one.slot, one.role, one.result) for one in found.guardians],
        "grids": [(one.grid, dict(one.marks), one.low, one.high, one.level) for one in found.grids],
        "questions": [(one.kind, one.part, one.key, one.times, one.role, one.needs) for one in found.questions],
        "timeline": [
            (
                one.at, one.what.value, one.part, one.key, one.subject, one.role, one.happened_at, one.target,
                one.taken_back, one.codes, tuple(reason.code for reason in one.reasons),
                tuple(found.findings[place].key for place in one.findings),
                tuple((count.deadline, count.subject, count.due_at) for count in one.begins),
            )
            for one in found.timeline
        ],
    }  # fmt: skip


def differences(one: Debrief, other: Debrief, *parts: str) -> list[str]:
    """Where two debriefs, or these parts of them, say something else; empty where they are the same."""
    first, second = said_of(one), said_of(other)
    found: list[str] = []
    for part in parts or first:
        lines = first[part]
        found += [f"{part}: only the first: {line}" for line in lines if line not in second[part]]
        found += [f"{part}: only the second: {line}" for line in second[part] if line not in lines]
        if not found and lines != second[part]:
            found.append(f"{part}: in another order")
    return found
