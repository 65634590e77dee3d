"""An onlooker at a table: notes what goes wrong from what is due before and after each step, and from what is answered.

It knows nothing of how a debrief is worked out. It never looks back: it sees the counts that run, as the table does,
before and after each step, and reads in the definition which acts and moves can meet them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from school_protocol.cases.story_player import Played, moment
from school_protocol.engine.deadlines import Due, dues, duties
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.texts import ATTACH
from school_protocol.language import ZONE
from school_protocol.training.findings import Debrief
from school_protocol.training.scenario import Step
from school_protocol.training.table_play import Playing

Error = tuple[str, str, str]
"""Its kind, what it is about, and when."""
_SOMEBODY_ELSE = {"not_your_role", "letter_not_yours", "same_person", "unseen", "not_yours_to_sign", "signed_already",
                  "seat_not_yours_to_give", "not_trained", "reads_no_case", "excluded"}  # fmt: skip
_NOT_NOW = {"not_from_here", "not_open_here", "nothing_to_sign", "closed", "grid_first", "no_such_referral",
            "no_such_hold", "follows_by_itself", "grid_rested_on"}  # fmt: skip
_BY_RULE = {"refused", "on_hold", "on_hold_which", "on_hold_new", "names", "names_somebody", "reaches"}


def errors_of(debrief: Debrief) -> Counter[Error]:
    """What a debrief names, in the onlooker's words."""
    return Counter(_named(debrief))


def _named(debrief: Debrief) -> Iterator[Error]:
    for one in debrief.errors:
        if one.part == "deadlines":
            assert one.due_at is not None
            yield one.kind.value, one.key, one.due_at.isoformat()
        elif one.part == "duties" and one.kind.value == "left_out":
            yield one.kind.value, one.key, ""
        elif one.kind.value == "departure":
            yield one.kind.value, one.needs[0], one.at.isoformat()
        else:
            yield one.kind.value, one.key, one.at.isoformat()


@dataclass(slots=True)
class Onlooker:
    """Plays steps at a table and notes what it sees. `copied` goes on beside a branch of the table."""

    playing: Playing
    seen: Counter[Error] = field(default_factory=Counter)
    number: int = 0

    @property
    def protocol(self) -> Protocol:
        return self.playing.player.protocol

    def copied(self, playing: Playing) -> Onlooker:
        return replace(self, playing=playing, seen=Counter(self.seen))

    def open(self) -> None:
        self.playing.open()

    def turn(self, at: datetime) -> None:
        """Only time goes by."""
        self.number += 1
        self._turned(Step(at=_written(at)))

    def step(self, step: Step) -> Played | None:
        """One step, the clock first; what it closes or is refused is noted. None: only time went by."""
        self.number += 1
        self._turned(Step(at=step.at, advance=step.advance))
        if step.do is None and step.attach is None:
            return None
        before = {_key(due): due for due in self.playing.due}
        played = self.playing.step(self.number, step.model_copy(update={"at": None, "advance": None}))
        after = {(due.deadline, due.start_seq) for due in self.playing.due} | {_key(due) for due in self.playing.due}
        assert played is not None
        key = step.do and self._resolved(step.do)
        is_refused = bool(played.refused or played.problems)
        closed = [due for due in before.values() if _key(due) not in after and not self._goes_on(due, after)]
        for due in closed:
            self._closed(due, None if is_refused else key, step)
        if is_refused:
            self._refused(played, key or ATTACH)
        elif key is not None:
            self._other_role(step, key, closed)
            self._departed(step, key)
        return played

    def _turned(self, step: Step) -> None:
        if step.at or step.advance:
            traps = set(self.playing.table.traps)
            self.playing.step(self.number, step)
            assert traps <= set(self.playing.table.traps)
        else:
            self.playing.look()

    def end(self) -> Counter[Error]:
        """Everything noted, with what is left over now."""
        now = self.playing.now
        found = Counter(self.seen)
        for due in self.playing.due:
            if due.due_at < now and due.due_at > due.started_at:
                found["left_out", due.deadline, due.due_at.isoformat()] += 1
        for key, at in self.playing.table.traps.items():
            found["trap", key, at.isoformat()] += 1
        for name in self.playing.player.numbers:
            facts = self.playing.facts_of(name)
            if self.protocol.states[facts.case.state].ended:
                for status in duties(facts, dues(facts)):
                    if status.state == "due" and status.due_at is None:
                        found["left_out", status.duty, ""] += 1
        return found

    # ---- what a step comes to ------------------------------------------------------------------------------------

    def _resolved(self, name: str) -> str:
        act = self.protocol.resolve("acts", name)
        return act if act in self.protocol.acts else self.protocol.resolve("moves", name)

    @staticmethod
    def _goes_on(due: Due, after: set[tuple[object, ...]]) -> bool:
        """As a count about a guardian who was named meanwhile."""
        return due.subject == "" and (due.deadline, due.start_seq) in after

    def _closed(self, due: Due, key: str | None, step: Step) -> None:
        if due.due_at <= due.started_at or due.due_at >= self.playing.now:
            return
        if not self._meets(due, key):
            self.seen["left_out", due.deadline, due.due_at.isoformat()] += 1
        elif self._is_met_by_sight(due) or self._happened(key, step) > due.due_at:
            self.seen["late", due.deadline, due.due_at.isoformat()] += 1

    def _is_met_by_sight(self, due: Due) -> bool:
        return any(source.seen or source.review for source in self.protocol.deadlines[due.deadline].met_by)

    def _meets(self, due: Due, key: str | None) -> bool:
        """Whether such a step can meet that deadline: by its act, its move, a state it enters, or by being seen."""
        deadline = self.protocol.deadlines[due.deadline]
        if self._is_met_by_sight(due):
            return True
        if key is None:
            return False
        move = self.protocol.moves.get(key) or self.protocol.moves.get(self.protocol.acts[key].moves or "")
        entered = {state for source in deadline.met_by for state in source.entered}
        by_acts = {source.act for source in deadline.met_by}
        by_moves = {source.move for source in deadline.met_by}
        if key in by_acts | by_moves or (move is not None and (due.deadline in move.meets or move.to in entered)):
            return True
        is_only_left = deadline.ends_with_state and not deadline.met_by
        return is_only_left and not any(due.deadline in one.meets for one in self.protocol.moves.values())

    def _happened(self, key: str | None, step: Step) -> datetime:
        """When it happened, as the step itself says."""
        now = self.playing.now
        if key is None or key not in self.protocol.acts:
            return now
        written = moment(step.written_at, "written_at") if step.written_at else now
        for item in self.protocol.form_of(key).fields:
            if item.type is FieldType.moment and item.default == "now" and item.key in step.answers:
                return min(written, moment(str(step.answers[item.key]), item.key))
        return written

    def _refused(self, played: Played, key: str) -> None:
        codes = {code.partition(":")[0] for found in played.problems.values() for code in found}
        said = codes if played.problems else set(played.refused)
        kinds = {
            "wrong_role": bool(said & _SOMEBODY_ELSE),
            "wrong_order": bool(said & (_NOT_NOW | self.protocol.needs.keys())),
            "upload": key == ATTACH and bool(said & {"intimate", "danger", "not_said"}),
            "against_rule": bool(said & _BY_RULE),
        }
        for kind, is_so in kinds.items():
            if is_so:
                self.seen[kind, key, played.at.isoformat()] += 1

    def _other_role(self, step: Step, key: str, closed: list[Due]) -> None:
        role = self.protocol.resolve("roles", (step.as_ or "").partition("/")[0])
        for name, duty in self.protocol.duties.items():
            if key in duty.met_by and duty.by and role not in duty.by:
                for due in closed:
                    if due.deadline in duty.deadlines and self._meets(due, key):
                        self.seen["other_role", name, self.playing.now.isoformat()] += 1

    def _departed(self, step: Step, key: str) -> None:
        for need in step.depart:
            resolved = self.protocol.resolve("needs", need)
            if resolved in self.protocol.moves[key].needs:
                self.seen["departure", resolved, self.playing.now.isoformat()] += 1


def _key(due: Due) -> tuple[object, ...]:
    return due.deadline, due.subject, due.start_seq


def _written(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"
