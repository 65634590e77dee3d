"""Plays a scenario to find out whether it can be played: the expected path, how each inject and trap comes about."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from school_protocol.definitions.book import Finding
from school_protocol.definitions.scenarios import check, located
from school_protocol.definitions.tree import Path
from school_protocol.domain.errors import Fault, SchoolProtocolError
from school_protocol.domain.phrases import N_, Listing, Phrase, Translated
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.scenario import Scenario, Step, Witness
from school_protocol.services.scripts import Played, ScriptError
from school_protocol.services.workshops.tables import BeatKind, Playing, seated
from school_protocol.wording import Wording

_LANGUAGES = ("fr", "ar", "en")
_UNSEEN = Phrase(N_("This role does not see the case."))
PROVING_MOST, PLAYING_MOST = 800, 600
"""Moments at which a table is looked at, for all of a scenario, path and witnesses, and for its path alone: some times
what the largest that is shipped needs. Never the time, which says how busy a machine is."""


class TooLong(SchoolProtocolError):
    """More happens in a scenario than may."""


@dataclass(slots=True)
class Bound:
    """At how many moments a table may be looked at, its branches counted too."""

    moments: int
    met: int = 0

    def count(self) -> None:
        """One more; raises TooLong where it is one too many."""
        self.met += 1
        if self.met > self.moments:
            raise TooLong(f"more than {self.moments} moments")


@dataclass(slots=True)
class Bounded(Playing):
    """A table that stops, wherever it stands, after so many moments."""

    bound: Bound = dataclasses.field(kw_only=True)

    def look(self) -> None:
        self.bound.count()
        Playing.look(self)


@contextmanager
def bounded(scenario: Scenario, protocol: Protocol, content: bytes, bound: Bound) -> Iterator[Bounded]:
    """A table in a throwaway realm, at the beginning of the scenario; playing it raises TooLong."""
    with seated(scenario, protocol, content) as playing:
        yield Bounded(**{one.name: getattr(playing, one.name) for one in dataclasses.fields(playing)}, bound=bound)


def prove(
    scenario: Scenario, data: bytes, protocol: Protocol, content: bytes, *, bound: Bound | None = None
) -> tuple[Fault, ...]:
    """Every fault of a scenario on this version of its protocol: of what it says; else of how it goes."""
    found = check(scenario, protocol)
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
            with bounded(self.scenario, self.protocol, content, self.bound) as playing:
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
    """The engine's own words, in each language of the house; codes where it has none."""
    voices = {language: Wording(language) for language in _LANGUAGES}
    for reason in played.reasons:
        yield Translated({language: w.reason(protocol, reason) for language, w in voices.items()})
    if not played.reasons:
        yield from (_UNSEEN if code == "unseen" else code for code in played.refused)
    for field, codes in played.problems.items():
        for code in codes:
            said = {language: w.problem(w.spoken(protocol, code)) for language, w in voices.items()}
            yield Phrase(N_("%(place)s: %(fault)s"), place=field, fault=Translated(said))


def steps_of(scenario: Scenario, witness: Witness | None = None) -> Sequence[Step]:
    """The expected path; or as much of it as a witness begins after, then the witness."""
    steps = scenario.path.steps
    if witness is None:
        return steps
    marks = [step.mark for step in steps]
    before = 0 if witness.after is None else marks.index(witness.after) + 1
    return (*steps[:before], *witness.steps)
