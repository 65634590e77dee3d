"""Play of tables: a scenario proven by a script, one table played, and what comes to tables as the clock goes on."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.cases import index_repository
from school_protocol.cases.loading import load_by_id
from school_protocol.cases.story_player import Played, Player, ScriptError, TurnableClock, branched, moment, throwaway
from school_protocol.config import LANGUAGES
from school_protocol.engine.deadlines import Due, open_dues
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Fault, SchoolProtocolError, Unseen
from school_protocol.engine.evidence_pieces import FileRefused
from school_protocol.engine.facts import Facts
from school_protocol.engine.texts import ATTACH, N_, Listing, Phrase, Translated
from school_protocol.engine.visibility import Actor
from school_protocol.language import Wording
from school_protocol.mail import Letter, Post
from school_protocol.notifications import service as notifications_service
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.protocol.check_context import Finding, Path
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.training import room_repository
from school_protocol.training.models import AttemptRow, SeatRow, TableRow
from school_protocol.training.room_repository import Glance, State
from school_protocol.training.room_store import Room
from school_protocol.training.scenario import (
    EVERYONE,
    Attempt,
    Inject,
    Scenario,
    Step,
    Table,
    Witness,
    next_moment,
    reading,
    watch,
)
from school_protocol.training.scenario_reader import check_scenario, located

# ---- one table played by a script: what was done, what came, what was missed, which traps --------------------------

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


class TooLong(SchoolProtocolError):
    """More happens in a scenario than may."""


@dataclass(slots=True)
class Bound:
    """At how many moments a table may be looked at."""

    moments: int
    met: int = 0

    def count(self) -> None:
        """One more; raises TooLong where it is one too many."""
        self.met += 1
        if self.met > self.moments:
            raise TooLong(f"more than {self.moments} moments")


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
    bound: Bound | None = None
    """How often it may be looked at, its branches counted too; None: however often."""

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
                self.player.ctx, actor, self.player.numbers.get(case, ""), int(entry or 0), _PICTURE,
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
        """See what there is to be seen of the table now. Raises TooLong once it was looked at too often."""
        if self.bound is not None:
            self.bound.count()
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
        with player.ctx.realm.reading() as session:
            return load_by_id(player.ctx, session, player.actor(self.scenario.opening.as_), found).facts

    # ---- ways apart ----------------------------------------------------------------------------------------------

    @contextmanager
    def branch(self) -> Iterator[Playing]:
        """The same table, to be played on otherwise; this one stays where it is."""
        with branched(self.player) as player:
            attempts = {case: list(tried) for case, tried in self.attempts.items()}
            yield replace(self, player=player, attempts=attempts, beats=list(self.beats), states=dict(self.states))


@contextmanager
def seated(scenario: Scenario, protocol: Protocol, content: bytes, bound: Bound | None = None) -> Iterator[Playing]:
    """A table in a throwaway realm, its clock at the beginning of the scenario."""
    begins = moment(scenario.opening.begins, "begins")
    with throwaway(protocol, content, begins, evidence_files=True) as player:
        player.watching = False
        yield Playing(scenario, player, Table(begins), bound=bound)


_UNSEEN = Phrase(N_("This role does not see the case."))
PROVING_MOST, PLAYING_MOST = 800, 600
"""Moments at which a table is looked at, for all of a scenario, path and witnesses, and for its path alone: some times
what the largest that is shipped needs. Never the time, which says how busy a machine is."""


def prove(
    scenario: Scenario, data: bytes, protocol: Protocol, content: bytes, *, bound: Bound | None = None
) -> tuple[Fault, ...]:
    """Every fault of a scenario on this version of its protocol: of what it says; else of how it goes."""
    found = check_scenario(scenario, protocol)
    return located(data, found or _Proof(scenario, protocol, bound or Bound(PROVING_MOST)).findings(content))


class _Proof:
    def __init__(self, scenario: Scenario, protocol: Protocol, bound: Bound) -> None:
        self.scenario, self.protocol, self.bound = scenario, protocol, bound
        self.found: list[Finding] = []

    def say(self, path: Path, text: str, /, **args: str | int) -> None:
        self.found.append(Finding(path, Phrase(text, **args)))

    def findings(self, content: bytes) -> list[Finding]:
        """What goes otherwise than the scenario says, as far as it may be played."""
        self.at: Path = ("opening", "do")
        try:
            with seated(self.scenario, self.protocol, content, self.bound) as playing:
                self._whole(playing)
        except TooLong:
            text = N_(
                "it has more than %(most)s moments to play: too many steps, or too much happens or falls due in it"
            )
            self.say(self.at, text, most=self.bound.moments)
        return self.found

    def _whole(self, playing: Playing) -> None:
        if not self._goes(self.at, playing.open()):
            return
        self._witnesses(playing, None)
        for number, step in enumerate(self.scenario.path.steps):
            if not self._plays(playing, ("path", "steps", number), number + 1, step):
                return
            if step.mark is not None:
                self._witnesses(playing, step.mark)
        self._ends(playing)
        self._never(playing)

    def _plays(self, playing: Playing, path: Path, number: int, step: Step) -> bool:
        self.at = path
        try:
            played = playing.step(number, step)
        except ScriptError as error:
            self.say(path, N_("this step cannot be played: %(why)s"), why=str(error))
            return False
        return played is None or self._goes((*path, "attach" if step.attach else "do"), played)

    def _goes(self, path: Path, played: Played) -> bool:
        """Whether a step went as it says; else that is found, with the engine's why."""
        if played.went_as_said:
            return True
        if played.expected_refusal:
            self.say(path, N_('"%(name)s" should be refused here, and is not'), name=played.do)
        else:
            why = Listing(_why(self.protocol, played))
            self.say(path, N_('"%(name)s" is refused here: %(why)s'), name=played.do, why=why)
        return False

    def _ends(self, playing: Playing) -> None:
        path = self.scenario.path
        for case, state in path.ends_by_case.items():
            found = playing.states.get(case)
            place = ("path", "ends") if isinstance(path.ends, str) else ("path", "ends", case)
            if found is None:
                self.say(place, N_("the expected path opens no such case"))
            elif found != self.protocol.resolve("states", state):
                text = N_('the expected path ends in "%(found)s", not in "%(state)s"')
                self.say(place, text, found=found, state=state)

    def _never(self, playing: Playing) -> None:
        """Traps that the path itself falls into; injects that nothing shows to come."""
        for beat in playing.beats:
            if beat.kind is BeatKind.trap:
                text = N_("the expected path falls into this trap: step %(step)s")
                self.say(("traps", beat.key, "when"), text, step=_stepped(playing, beat.key))
        for key, inject in self.scenario.injects.items():
            if inject.witness is None and key not in playing.table.came:
                self.say(("injects", key), N_("it never comes: not on the expected path, and no witness shows how"))

    def _witnesses(self, playing: Playing, mark: str | None) -> None:
        """Every witness that begins here."""
        for part, key, witness in self.scenario.witnesses():
            if witness.after == mark:
                with playing.branch() as branch:
                    self._witness(branch, part, key, witness)

    def _witness(self, branch: Playing, part: str, key: str, witness: Witness) -> None:
        path: Path = (part, key, "witness")
        for number, step in enumerate(witness.steps):
            if not self._plays(branch, (*path, "steps", number), number + 1, step):
                return
        if key not in (branch.table.traps if part == "traps" else branch.table.came):
            self.say(path, N_("this witness does not lead there: its condition never holds"))


def _stepped(playing: Playing, trap: str) -> int:
    """The step of the path at which a trap was fallen into; 0 is the opening."""
    number = 0
    for beat in playing.beats:
        if beat.played is not None:
            number = beat.played.step
        if beat.kind is BeatKind.trap and beat.key == trap:
            break
    return number


def _why(protocol: Protocol, played: Played) -> Iterator[str]:
    """The engine's own words, in each language of the installation; codes where it has none."""
    voices = {language: Wording(language) for language in LANGUAGES}
    for reason in played.reasons:
        yield Translated({language: w.reason(protocol, reason) for language, w in voices.items()})
    if not played.reasons:
        yield from (_UNSEEN if code == "unseen" else code for code in played.refused)
    for key, codes in played.problems.items():
        for code in codes:
            said = {language: w.problem(w.spoken(protocol, code)) for language, w in voices.items()}
            yield Phrase(N_("%(place)s: %(fault)s"), place=key, fault=Translated(said))


def steps_of(scenario: Scenario, witness: Witness | None = None) -> Sequence[Step]:
    """The expected path; or as much of it as a witness begins after, then the witness."""
    steps = scenario.path.steps
    if witness is None:
        return steps
    marks = [step.mark for step in steps]
    before = 0 if witness.after is None else marks.index(witness.after) + 1
    return (*steps[:before], *witness.steps)


# ---- as the clock goes on: what comes to tables, what falls due, where they go wrong -------------------------------

_LOOKER = "looker"
_STOPS_MOST = 500
"""So many moments are looked at one by one when the clock was moved far; the rest at its end."""
_log = logging.getLogger(__name__)


class Nowhere:
    """A way out that leads nowhere: in a workshop whoever would be told is told on the page, and no mail is sent."""

    def carry(self, to: str, letter: Letter) -> None:
        _log.debug("a message of a workshop was not sent")


def look(room: Room) -> bool:
    """See what came to the tables by now; whether anything was to be looked at.

    Cheap where nothing is: one row a table. Several may look at once; each moment is written down by one of them.
    """
    real = room.real.now()
    with room.store.reading() as session:
        state = room_repository.state(session)
        now = state.clock.at(real)
        waits = any(_is_due(one, now) for one in room_repository.tables(session))
    if state.state is not State.begun or not waits:
        return False
    with suppress(StorageBusy), room.writing() as session:
        now = room_repository.state(session).clock.at(real)
        _look(room, session, now)
    _sweep(room, now)
    return True


def _look(room: Room, session: Session, now: datetime) -> None:
    """What came to the tables by then, written down."""
    cases = _cases_by_school(room)
    for table in room_repository.tables(session):
        if _is_due(table, now):
            _see(room, session, table, cases.get(table.school, ()), now)


def _sweep(room: Room, now: datetime) -> None:
    notifications_service.sweep(room.at(now).ctx, Post(Nowhere(), Nowhere()))


def is_due(seen: Glance, real: datetime) -> bool:
    """Whether there is something to look at, as far as was seen."""
    if seen.state.state is not State.begun:
        return False
    return seen.is_stale or (seen.next_look is not None and seen.next_look <= seen.state.clock.at(real))


def _is_due(table: TableRow, now: datetime) -> bool:
    return table.is_stale or (table.next_at is not None and table.next_at <= now)


def _cases_by_school(room: Room) -> Mapping[str, Sequence[str]]:
    """School → the ids of its cases, the oldest first."""
    found: dict[str, list[str]] = {}
    with room.ctx.realm.reading() as session:
        rows = index_repository.listed(session, index_repository.all_case_ids(session))
    for row in sorted(rows, key=lambda row: (row.opened_at, row.number)):
        found.setdefault(row.unit, []).append(row.case_id)
    return found


def _see(room: Room, session: Session, table: TableRow, cases: Sequence[str], now: datetime) -> None:
    """The table after every moment until now at which something came or fell due."""
    attempts = by_case(room_repository.attempts(session, table.number))
    stops = 0
    while True:
        stop = table.next_at if table.next_at is not None and table.next_at <= now else None
        at = min(stop, now) if stop is not None and stops < _STOPS_MOST else now
        _see_at(room, table, cases, attempts, at)
        stops += 1
        if at == now and (table.next_at is None or table.next_at > now):
            table.is_stale = False
            return


def _see_at(
    room: Room, table: TableRow, cases: Sequence[str], attempts: Mapping[str, Sequence[Attempt]], at: datetime
) -> None:
    """What is to be seen of a table at one moment."""
    facts = facts_at(room, cases, at)
    readings = [reading(room.scenario, one, attempts.get(one.case.number, ())) for one in facts.values()]
    before = staged(room, table)
    after = watch(room.scenario, before, readings, at)
    came, coming = dict(after.came), dict(after.coming)
    for key in set(table.held) & (came.keys() - before.came.keys()):
        coming[key] = came.pop(key)
    ahead = [due.due_at for one in facts.values() for due in open_dues(one) if due.due_at > at]
    free = replace(after, came=came, coming={key: when for key, when in coming.items() if key not in table.held})
    comes = next_moment(room.scenario, free, at)
    table.came, table.coming, table.traps = came, coming, dict(after.traps)
    table.cases = [_said(one, at) for one in facts.values()]
    table.next_at = min([*ahead, *([comes] if comes is not None else [])], default=None)


def room_begun(room: Room) -> datetime:
    """The scenario's first moment."""
    return moment(room.scenario.opening.begins, "begins")


def staged(room: Room, table: TableRow) -> Table:
    """A table as a scenario sees it."""
    return Table(room_begun(room), table.came, table.coming, table.traps)


def by_case(tried: Iterable[AttemptRow]) -> dict[str, list[Attempt]]:
    """What was refused, by the number of the case."""
    found: dict[str, list[Attempt]] = {}
    for one in tried:
        attempt = Attempt(one.name, tuple(one.why), one.at, one.role, one.account, problems=tuple(one.codes))
        found.setdefault(one.case_number, []).append(attempt)
    return found


def facts_at(room: Room, cases: Sequence[str], at: datetime) -> dict[str, Facts]:
    """Case id → what conditions read of it at that moment of the workshop's clock."""
    ctx, looker = replace(room.ctx, clock=TurnableClock(at)), Actor(_LOOKER, room.ctx.name, "", ())
    found: dict[str, Facts] = {}
    with ctx.realm.reading() as session:
        for case_id in cases:
            with suppress(Unseen):
                found[case_id] = load_by_id(ctx, session, looker, case_id).facts
    return found


def cases_of(room: Room, table: TableRow) -> Sequence[str]:
    """The ids of a table's cases."""
    return _cases_by_school(room).get(table.school, ())


def _said(facts: Facts, at: datetime) -> dict[str, Any]:
    """Where a case stands, as the wall shows it: keys and moments, no word that somebody typed."""
    case = facts.case
    done = [(one.seq, one.act, one.at) for one in case.records] + [(one.seq, one.move, one.at) for one in case.steps]
    _seq, last, last_at = max(done, default=(0, None, None))
    dues = sorted(open_dues(facts), key=lambda due: due.due_at)
    return {
        "number": case.number,
        "word": case.word,
        "state": case.state,
        "level": case.level,
        "last": last,
        "last_at": last_at.isoformat() if last_at is not None else None,
        "dues": [[due.deadline, due.subject, due.due_at.isoformat()] for due in dues],
    }


def is_for(inject: Inject, roles: Iterable[str], room: Room) -> bool:
    """Whether an inject comes to somebody in these roles: to their card, or to everyone."""
    mine = set(roles)
    cast = room.scenario.cast
    return EVERYONE in inject.to or any(cast[key].role in mine for key in inject.to if key in cast)


def touched(room: Room, table: int, writer: SeatRow | None = None) -> None:
    """Something was done at a table: it is looked at now. `writer`: whoever did it has that form open no more."""
    real = room.real.now()
    with room.writing() as session:
        if writer is not None:
            write_no_more(session, writer.id, real)
        room_repository.go_stale(session, table)
        state = room_repository.state(session)
        now = state.clock.at(real)
        if state.state is State.begun:
            with suppress(StorageBusy):
                _look(room, session, now)
    if state.state is State.begun:
        _sweep(room, now)


def write_no_more(session: Session, seat_id: str, real: datetime) -> None:
    """That seat has no form open: the clock waits for those alone who have one."""
    seat = room_repository.seat(session, seat_id)
    if seat is not None and seat.left_at is None and seat.writing is not None:
        seat.stop_writing()
        seat.seen_at = real
        hold_clock(session, real)


def hold_clock(session: Session, real: datetime) -> None:
    """The fast clock waits for whoever has a form open now."""
    clock = room_repository.state(session).clock
    room_repository.change(session, clock=clock.held(room_repository.writing_until(session, real), real))
