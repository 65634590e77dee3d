"""Reads a scenario: from a YAML file to a `Scenario` that fits its protocol, or every fault with its line.

`read` is the way in; `check` holds a scenario against a protocol. Whether it can be played is found by playing it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from pydantic import ValidationError

from school_protocol.config import LANGUAGES
from school_protocol.engine.conditions import Condition, NameType
from school_protocol.engine.definition import START, Protocol
from school_protocol.engine.errors import DefinitionError, Fault
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.facts import pointers
from school_protocol.engine.texts import ATTACH, N_, Phrase, Text, Words, duration
from school_protocol.language import stigma
from school_protocol.protocol.check_context import (
    KINDS,
    NOT_DECLARED,
    Entries,
    Finding,
    Items,
    Node,
    Path,
    Scalar,
    Unreadable,
    answer_types,
    condition_faults,
    either,
    fact_types,
    follow,
    grow,
    placed,
    plain,
    suggestion,
)
from school_protocol.protocol.checks import texts_in
from school_protocol.protocol.reader import explain, unknown_key
from school_protocol.training.scenario import EVERYONE, Inject, Scenario, Sign, Step, Witness

# ---- limits: what is larger is refused before anything of it is looked at, or played -------------------------------
# Several times what the largest that is shipped needs; they keep reading, playing and printing within seconds.

LARGEST = 256 * 1024
"""Bytes of the file."""
WORDS = 2_000
"""Characters of one text or answer."""
ON_A_CARD = 600
"""Characters of one text of a card: it is printed large, on a quarter of a page."""
LONGEST = timedelta(days=400)
"""From the opening to the last moment: a school year, and some weeks."""
YEARS = range(2000, 2101)
CASES = 5
"""Cases of one table."""
PARTS: Mapping[str, int] = {
    "languages": 6, "versions": 10, "aims": 10, "cast": 24, "signs": 80, "injects": 60, "traps": 40, "debrief": 60,
}  # fmt: skip
STEPS = 150
"""Steps of the expected path."""
WITNESS = 20
"""Steps of one witness."""

_TOO_MANY = N_("%(found)s stand here, at most %(most)s may")
_TOO_LONG = N_("%(found)s characters stand here, at most %(most)s may")


def too_much(root: Entries) -> Iterator[Finding]:
    """What there is too much of, each with its place."""
    for part, most in PARTS.items():
        yield from _many((part,), root.nodes.get(part), most)
    yield from _many(("path", "steps"), _limits_at(root, "path", "steps"), STEPS)
    for part in ("injects", "traps"):
        for key, entry in _entries(root.nodes.get(part)):
            place: Path = (part, key, "witness", "steps")
            yield from _many(place, _limits_at(entry, "witness", "steps"), WITNESS)
    yield from _cases(root)
    yield from _long((), root, WORDS)


def _cases(root: Entries) -> Iterator[Finding]:
    steps = _limits_at(root, "path", "steps")
    named = (_limits_at(step, "case") for step in (steps.nodes if isinstance(steps, Items) else ()))
    cases = {node.text for node in named if isinstance(node, Scalar)}
    if len(cases) > CASES:
        said = Phrase(N_("%(found)s cases are named, at most %(most)s may be"), found=len(cases), most=CASES)
        yield Finding(("path", "steps"), said)


def _many(path: Path, node: Node | None, most: int) -> Iterator[Finding]:
    if isinstance(node, Items | Entries) and len(node.nodes) > most:
        yield Finding(path, Phrase(_TOO_MANY, found=len(node.nodes), most=most))


def _long(path: Path, node: Node, most: int) -> Iterator[Finding]:
    if isinstance(node, Scalar):
        if len(node.text) > most:
            yield Finding(path, Phrase(_TOO_LONG, found=len(node.text), most=most))
    elif isinstance(node, Items):
        for place, one in enumerate(node.nodes):
            yield from _long((*path, place), one, most)
    else:
        for key, one in node.nodes.items():
            yield from _long((*path, key), one, ON_A_CARD if path[:1] == ("cast",) and len(path) >= 2 else most)


def _entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    if isinstance(node, Entries):
        yield from node.nodes.items()


def _limits_at(node: Node | None, *path: str) -> Node | None:
    for step in path:
        node = node.nodes.get(step) if isinstance(node, Entries) else None
    return node


# ---- checks: does it hang together, does it fit its protocol -------------------------------------------------------

_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MARKUP = re.compile(r"<[/!?]?[a-zA-Z][^<>]{0,40}>?")
_NO_MARKUP = N_("markup such as %(found)s stands in no text: it is shown as it is written")
_SIGN = N_("sign")
_CARD = N_("card")
_MARK = N_("mark")
_TOO_LATE = N_("a scenario lasts %(days)s days at most, from its beginning on")
_FILE_REASON = N_("reason against a file")


def check_scenario(scenario: Scenario, protocol: Protocol) -> list[Finding]:
    """Every fault of what a scenario says, and of how it fits this version of its protocol."""
    found = _Check(scenario, protocol)
    found.words()
    found.cast()
    found.opening()
    found.path()
    found.signs()
    found.injects()
    found.traps()
    found.debrief()
    return found.findings


class _Check:
    def __init__(self, scenario: Scenario, protocol: Protocol) -> None:
        self.scenario, self.protocol = scenario, protocol
        self.findings: list[Finding] = []
        self.facts = fact_types(protocol)
        self.begun = self.moment((), scenario.opening.begins, said=False)
        self.marks = [step.mark for step in scenario.path.steps if step.mark is not None]

    def say(self, path: Path, text: str, /, **args: Words) -> None:
        self.findings.append(Finding(path, Phrase(text, **args)))

    def refer(self, path: Path, name: str, kinds: Iterable[str], known: Iterable[str]) -> None:
        """`name` must be among `known`, which are `kinds` in the words of the format."""
        known = list(known)
        if name not in known:
            what = either(Phrase(kind) for kind in kinds)
            self.say(path, NOT_DECLARED, what=what, name=name, like=suggestion(name, known))

    def part(self, path: Path, name: str, *parts: str) -> bool:
        """`name` must be a key or code in one of these parts of the protocol."""
        keys = {part: getattr(self.protocol, part) for part in parts}
        if any(self.protocol.resolve(part, name) in entries for part, entries in keys.items()):
            return True
        self.refer(path, name, (KINDS[part] for part in parts), (key for entries in keys.values() for key in entries))
        return False

    # ---- words ---------------------------------------------------------------------------------------------------

    def words(self) -> None:
        scenario = self.scenario
        if not _KEY.fullmatch(scenario.scenario):
            no_name = N_('"%(name)s" is not a name: small letters, digits and hyphens')
            self.say(("scenario",), no_name, name=scenario.scenario)
        missing = [code for code in LANGUAGES if code not in scenario.languages]
        if missing:
            self.say(("languages",), N_("languages must hold %(missing)s"), missing=", ".join(missing))
        for path, text in texts_in(scenario, ()):
            self.text(path, text)
        for part in ("cast", "signs", "injects", "traps"):
            for key in getattr(scenario, part):
                if not _IDENTIFIER.fullmatch(key):
                    no_name = N_('"%(key)s" is not a name: it begins with a-z, then a-z, 0-9 and _')
                    self.say((part, key), no_name, key=key)
        if self.protocol.version not in scenario.versions or self.protocol.protocol != scenario.protocol:
            self.say(("protocol",), N_("it is for another protocol, or another version"))

    def text(self, path: Path, text: Text) -> None:
        """In every language of the scenario, without markup, and judging nobody."""
        for code in self.scenario.languages:
            if code not in text.root:
                self.say(path, N_('missing language "%(code)s"'), code=code)
        for code, said in text.root.items():
            for word in stigma(code, said):
                self.say((*path, code), N_('"%(word)s" judges a pupil: say what was done'), word=word)
            self.plain((*path, code), said)

    def plain(self, path: Path, said: str) -> None:
        """No markup: nothing that is shown of a scenario is anything but words."""
        found = _MARKUP.search(said)
        if found:
            self.say(path, _NO_MARKUP, found=found[0])

    # ---- people --------------------------------------------------------------------------------------------------

    def cast(self) -> None:
        for key, card in self.scenario.cast.items():
            path = ("cast", key)
            if (card.role is None) == (card.slot is None):
                self.say(path, N_("somebody plays a role or seat, or a person of the case: one of `role` and `slot`"))
            if card.role is not None:
                self.part((*path, "role"), card.role, "roles", "seats")
            if card.slot is not None:
                self.part((*path, "slot"), card.slot, "slots")

    def actor(self, path: Path, name: str) -> None:
        self.part(path, name.partition("/")[0], "roles")

    # ---- steps ---------------------------------------------------------------------------------------------------

    def opening(self) -> None:
        opening = self.scenario.opening
        self.moment(("opening", "begins"), opening.begins)
        self.actor(("opening", "as"), opening.as_)
        if self.part(("opening", "do"), opening.do, "acts"):
            act = self.protocol.acts[self.protocol.resolve("acts", opening.do)]
            if START not in act.in_:
                self.say(("opening", "do"), N_('act "%(name)s" opens no case'), name=opening.do)
                return
            self.answers(("opening", "answers"), opening.do, opening.answers)

    def path(self) -> None:
        path = self.scenario.path
        for number, mark in enumerate(self.marks):
            if mark in self.marks[:number]:
                place = [index for index, step in enumerate(path.steps) if step.mark == mark][1]
                self.say(("path", "steps", place, "mark"), N_('mark "%(name)s" stands there twice'), name=mark)
        for case, state in path.ends_by_case.items():
            self.part(("path", "ends", *([case] if isinstance(path.ends, Mapping) else [])), state, "states")
        begun = self.begun
        clock: dict[str | None, datetime | None] = {None: begun}
        clock |= self.steps(("path", "steps"), path.steps, begun)
        for part, key, witness in self.scenario.witnesses():
            self.witness((part, key, "witness"), witness, clock)

    def witness(self, path: Path, witness: Witness, clock: Mapping[str | None, datetime | None]) -> None:
        if witness.after is not None:
            self.refer((*path, "after"), witness.after, [_MARK], self.marks)
        self.steps((*path, "steps"), witness.steps, clock.get(witness.after))

    def steps(self, path: Path, steps: Iterable[Step], now: datetime | None) -> dict[str | None, datetime | None]:
        """Each step; answers with the time by the clock at each mark."""
        marked: dict[str | None, datetime | None] = {}
        for number, step in enumerate(steps):
            here = (*path, number)
            now = self.clock(here, step, now)
            self.step(here, step)
            if step.mark is not None:
                marked[step.mark] = now
        return marked

    def clock(self, path: Path, step: Step, now: datetime | None) -> datetime | None:
        """The time by the clock at this step; it is never turned back."""
        wait = self.wait((*path, "advance"), step.advance)
        now = self.within((*path, "advance"), now + wait, now) if now is not None else None
        if step.at is None:
            return now
        at = self.moment((*path, "at"), step.at)
        at = self.within((*path, "at"), at, now) if at is not None else None
        if at is None or now is None or at >= now:
            return at or now
        before = f"{now:%Y-%m-%dT%H:%M}"
        self.say((*path, "at"), N_("the clock is turned back: it stood at %(moment)s"), moment=before)
        return now

    def step(self, path: Path, step: Step) -> None:
        does = [word for word in (step.do, step.attach) if word is not None]
        if len(does) > 1 or (does and step.as_ is None) or not (does or step.at or step.advance):
            self.say(path, N_("a step turns the clock, or says who does something: `as` with `do` or `attach`"))
        if step.as_ is not None:
            self.actor((*path, "as"), step.as_)
        if step.written_by is not None:
            self.actor((*path, "written_by"), step.written_by)
        if step.written_at is not None:
            self.moment((*path, "written_at"), step.written_at)
        if step.attach is not None:
            self.standing((*path, "attach"), step.attach)
        for need in step.depart:
            self.part((*path, "depart", need), need, "needs")
        if step.do is not None and self.part((*path, "do"), step.do, "acts", "moves"):
            self.answers((*path, "answers"), step.do, step.answers)

    def answers(self, path: Path, name: str, answers: Mapping[str, object]) -> None:
        act = self.protocol.acts.get(self.protocol.resolve("acts", name))
        if act is None:
            if answers:
                self.say(path, N_("a move takes no answers"))
            return
        form = self.protocol.forms[act.form]
        for key, value in answers.items():
            if key not in form.by_key:
                like = suggestion(key, form.by_key)
                text = N_('form "%(form)s" has no field "%(name)s"%(like)s')
                self.say((*path, key), text, form=form.key, name=key, like=like)
            for place, word in _typed(value, (*path, key)):
                self.standing(place, word)
                self.plain(place, word)

    def standing(self, path: Path, word: str) -> None:
        """`@role` and `^act` in an answer."""
        if word.startswith("@"):
            self.actor(path, word[1:])
        elif word.startswith("^"):
            self.part(path, word[1:], "acts")

    # ---- time ----------------------------------------------------------------------------------------------------

    def moment(self, path: Path, written: str, *, said: bool = True) -> datetime | None:
        try:
            found = datetime.fromisoformat(written)
        except ValueError:
            found = None
        if found is not None and found.tzinfo is None and found.year in YEARS:
            return found
        if said and found is not None and found.year not in YEARS:
            self.say(path, N_("a year is one from %(first)s to %(last)s"), first=YEARS[0], last=YEARS[-1])
        elif said:
            self.say(path, N_("`%(moment)s` is not a moment without a zone, such as %(example)s"), moment=written,
                     example="2026-11-25T10:00")  # fmt: skip
        return None

    def wait(self, path: Path, written: str | None) -> timedelta:
        found = duration(written) if written is not None else timedelta()
        if found is None:
            text = N_("`%(duration)s` is not a duration, such as %(example)s")
            self.say(path, text, duration=str(written), example="1d4h")
        elif found > LONGEST:
            self.say(path, _TOO_LATE, days=LONGEST.days)
            return timedelta()
        return found or timedelta()

    def within(self, path: Path, at: datetime, before: datetime | None) -> datetime | None:
        """That moment, if a scenario may last until then; else that is said, and the clock stays."""
        if self.begun is None or at - self.begun <= LONGEST:
            return at
        self.say(path, _TOO_LATE, days=LONGEST.days)
        return before

    # ---- what is seen of a table ---------------------------------------------------------------------------------

    def signs(self) -> None:
        are_known = self.scenario.names_read <= self.facts.keys() | self.scenario.signs.keys()
        for key, sign in self.scenario.signs.items():
            path = ("signs", key)
            if key in self.facts:
                self.say(path, N_('"%(name)s" is a fact of the protocol already'), name=key)
            elif key not in self.scenario.names_read and are_known:
                self.say(path, N_("declared but never read"))
            self.sign(path, sign)

    def sign(self, path: Path, sign: Sign) -> None:
        if len(sign.kinds) != 1:
            self.say(path, N_("a sign is one of `act`, `move`, `refused`, `missed` and `danger`"))
        act = self.protocol.acts.get(sign.act or "")
        if sign.where is not None and act is not None:
            form = self.protocol.forms[act.form]
            what = Phrase(N_('form "%(form)s": field'), form=form.key)
            self.condition((*path, "where"), sign.where, answer_types(self.protocol, form), what)
        elif sign.where is not None and sign.act is None:
            self.say((*path, "where"), N_("only a sign of an act has a condition over its answers"))
        if sign.need is not None and sign.refused is None:
            self.say((*path, "need"), N_("only a sign of a refusal says which need"))
        elif sign.need is not None and sign.refused == ATTACH:
            self.refer((*path, "need"), sign.need, [_FILE_REASON], Refusal)
        else:
            self.key((*path, "need"), sign.need, "needs")
        self.key((*path, "act"), sign.act, "acts")
        self.key((*path, "move"), sign.move, "moves")
        self.key((*path, "danger"), sign.danger, "dangers")
        self.key((*path, "missed"), sign.missed, "deadlines", "duties")
        self.key((*path, "refused"), None if sign.refused == ATTACH else sign.refused, "acts", "moves")

    def key(self, path: Path, name: str | None, *parts: str) -> None:
        """A key of the protocol; a code, which papers use, is none."""
        if name is not None:
            known = [key for part in parts for key in getattr(self.protocol, part)]
            self.refer(path, name, (KINDS[part] for part in parts), known)

    def condition(self, path: Path, condition: Condition, types: Mapping[str, NameType], what: str) -> None:
        self.findings += (Finding(path, fault) for fault in condition_faults(condition, types, what))

    def over_table(self, path: Path, condition: Condition) -> None:
        types = {**self.facts, **dict.fromkeys(self.scenario.signs, NameType("bool"))}
        self.condition(path, condition, types, either([Phrase(_SIGN), Phrase(KINDS["facts"])]))
        for name in sorted(condition.names & self.facts.keys()):
            if pointers(self.protocol, [name]):
                text = N_('fact "%(name)s" is about what the answers of an act point at: only a need can read it')
                self.say(path, text, name=name)

    # ---- what comes, where it may go wrong, what is said afterwards -------------------------------------------------

    def injects(self) -> None:
        for key, inject in self.scenario.injects.items():
            self.inject(("injects", key), inject)

    def inject(self, path: Path, inject: Inject) -> None:
        if inject.at is None and inject.after is None and inject.when is None:
            self.say(path, N_("nothing makes it come: it needs `at`, `after` or `when`"))
        self.wait((*path, "at"), inject.at)
        self.wait((*path, "delay"), inject.delay)
        self.key((*path, "after"), inject.after, "acts", "moves")
        if inject.when is not None:
            self.over_table((*path, "when"), inject.when)
        if inject.from_ is not None:
            self.refer((*path, "from"), inject.from_, [_CARD], self.scenario.cast)
        for number, name in enumerate(inject.to):
            self.refer((*path, "to", number), name, [_CARD], (*self.scenario.cast, EVERYONE))

    def traps(self) -> None:
        for key, trap in self.scenario.traps.items():
            self.over_table(("traps", key, "when"), trap.when)

    def debrief(self) -> None:
        for key in self.scenario.debrief:
            self.key(("debrief", key), key, "deadlines", "duties", "acts", "moves")


def _typed(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of an answer, with its place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _typed(item, (*path, number))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _typed(item, (*path, str(key)))


# ---- from bytes to a `Scenario`; and from a finding to its line ----------------------------------------------------

_LONGEST = 400
MOST_FAULTS = 200
"""Of a file that is too large in many places: nobody reads more."""
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""What a protocol is called: it names a folder, and never leads out of one."""


def read_scenario(data: bytes, file: str) -> Scenario:
    """The scenario that `data` holds; `file` is its name in messages. Raises DefinitionError with every fault."""
    if len(data) > LARGEST:
        said = Phrase(N_("the file is larger than %(size)s KiB"), size=LARGEST // 1024)
        raise DefinitionError(file, (Fault(1, said),))
    try:
        root, faults, _lost = grow(data)
    except Unreadable as error:
        raise DefinitionError(file, (error.fault,)) from None
    hostile = tuple(_scenario_at(root, finding.path, finding) for finding in (*too_much(root), *_astray(root)))
    if hostile:
        raise DefinitionError(file, in_order((*faults, *hostile)[:MOST_FAULTS]))
    if "digest" in root.nodes:
        faults.append(Fault(root.nodes["digest"].line, unknown_key("digest", (), (), Scenario)))
    values = {key: plain(node) for key, node in root.nodes.items() if key != "digest"}
    values |= {"format": 1} if values.get("format") == "1" else {}
    scenario = None
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError as error:
        faults += _refused(root, error)
    if faults or scenario is None:
        raise DefinitionError(file, in_order(faults))
    return scenario.model_copy(update={"digest": hashlib.sha256(data).hexdigest()})


def _astray(root: Entries) -> Iterator[Finding]:
    """A protocol whose name would lead elsewhere than to a protocol."""
    named = root.nodes.get("protocol")
    if isinstance(named, Scalar) and not named.flawed and not PLAIN_NAME.fullmatch(named.text):
        said = Phrase(N_('"%(name)s" is not a name: small letters, digits and hyphens'), name=named.text)
        yield Finding(("protocol",), said)


def located(data: bytes, findings: Iterable[Finding]) -> tuple[Fault, ...]:
    """What was found of a scenario that can be read, each with its line."""
    root, _faults, _lost = grow(data)
    return in_order(_scenario_at(root, finding.path, finding) for finding in findings)


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once, by its line."""
    return tuple(dict.fromkeys(sorted(faults, key=lambda fault: (fault.line, fault.message))))


def _scenario_at(root: Entries, path: Path, finding: Finding) -> Fault:
    nodes, walked = follow(root, path)
    shown = walked[:-1] if walked and isinstance(walked[-1], int) and isinstance(nodes[-1], Scalar) else walked
    return Fault(nodes[-1].line, placed(shown, finding.message).shortened(_LONGEST))


def _refused(root: Entries, error: ValidationError) -> list[Fault]:
    """What the model refuses, in an author's words; what is flawed already is not said again."""
    faults = []
    for details in error.errors(include_url=False):
        loc = tuple(details["loc"])
        nodes, walked = follow(root, loc)
        if any(node.flawed for node in nodes):
            continue
        if details["type"] == "too_short":
            said = placed(walked, Phrase(N_("one at least must stand here")))
        else:
            path = (*walked, *loc[-1:]) if details["type"] == "missing" else walked
            said = explain(details, loc, path, Scenario)
        faults.append(Fault(nodes[-1].line if walked else 1, said.shortened(_LONGEST)))
    return faults
