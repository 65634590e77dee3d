"""Reads scripts and stories, and plays them on a definition, step by step, through the very use cases that pages call.

A script is a list of steps: `at` or `advance` turn the clock; `as` names a role (`team_member`, `membre_er/2` for a
second person of it); `do` names an act or a move, with `answers`, `reason`, `depart`, and `written_at`, `written_by`
where it is typed in from paper; `expect: refused` where a refusal is wanted. In an answer, `@role` stands for that
person's account, `#name` for the number of a case of the script and `^act` for the latest record of that act. Whoever
acts on a case has opened its page first, as one does.

A story is a script that is kept beside a protocol, with a title and the state in which each of its cases ends.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.cases import lookup_repository, repository
from school_protocol.cases.intake import open_case, record_from_receipt
from school_protocol.cases.loading import load_by_id
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.service import make_move, record_act
from school_protocol.cases.showing import call_choice, covered_by, look_at, see_act
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine import texts
from school_protocol.engine.clock import Calendar, Hours
from school_protocol.engine.deadlines import open_dues
from school_protocol.engine.definition import START, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import BadInput, Refused, SchoolProtocolError, Unseen
from school_protocol.engine.events import Recorded, from_entry
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.language import ZONE
from school_protocol.people import repository as people_repository
from school_protocol.protocol import repository as protocol_repository
from school_protocol.storage.engines import readings_shared

SCHOOL_WEEK = {
    **{day: (Hours(time(8, 30), time(12, 30)), Hours(time(14, 30), time(18, 30))) for day in range(5)},
    5: (Hours(time(8, 30), time(12, 30)),),
}
_BY_LINK = (FieldType.referral, FieldType.hold, FieldType.record)
"""What the case's page answers by the link that leads to the form: beside the referral, the hold, the entry."""
_DANGERS = (FieldType.danger, FieldType.dangers, FieldType.covers)
_STEP = frozenset(
    {"at", "advance", "as", "do", "answers", "reason", "depart", "expect", "note", "case", "written_at", "written_by"}
)
_STORY = frozenset({"title", "ends", "steps"})
_WITHIN = {"answers": "question", "depart": "need"}
_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every scalar as the text that was written."""

Step = Mapping[str, Any]


class ScriptError(SchoolProtocolError):
    """A script cannot be read or played: a step is not understood, or did not go as it says."""


# ---- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Story:
    """A script with its title, one text or one in each language, and the state in which each of its cases ends.

    A bare list of steps has neither: its title and its ends are empty.
    """

    title: Text | str
    ends: Mapping[str, str]
    steps: tuple[Step, ...]

    def title_in(self, language: str) -> str:
        return self.title if isinstance(self.title, str) else self.title.in_language(language)


def stories_of(protocol: str) -> Iterator[tuple[str, Story]]:
    """The stories kept beside a protocol, by name; raises ScriptError where one has a fault."""
    folder = files("school_protocol.protocol_definitions") / protocol / "stories"
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml"):
            yield path.name.removesuffix(".yaml"), read_story(path.read_bytes(), path.name)


def story_of(protocol: str, name: str) -> Story:
    """One story kept beside a protocol; raises ScriptError where there is none, or it has a fault."""
    path = files("school_protocol.protocol_definitions") / protocol / "stories" / f"{name}.yaml"
    if not path.is_file():
        raise ScriptError(f"{protocol} has no story {name!r}")
    return read_story(path.read_bytes(), path.name)


def read_story(content: bytes, file: str) -> Story:
    """The story, or bare list of steps, that `content` holds; `file` is its name in messages.

    Raises ScriptError for the first fault, as FILE:LINE: message.
    """
    try:
        loader = _LOADER(content)
        root = loader.get_single_node()
        _Look(file).at_file(root)
        said = loader.construct_document(root)
    except yaml.YAMLError as error:
        mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        line = min(mark.line, content.count(b"\n")) + 1 if mark else 1
        raise ScriptError(f"{file}:{line}: not YAML: {why.splitlines()[0]}") from None
    parts = said if isinstance(said, dict) else {"steps": said}
    title, ends = parts.get("title", ""), parts.get("ends", {})
    return Story(
        title=title if isinstance(title, str) else Text(title),
        ends={"": ends} if isinstance(ends, str) else ends,
        steps=tuple(parts["steps"]),
    )


class _Look:
    """Finds what is wrong with the nodes of a script's file, and on which line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def at_file(self, root: yaml.Node | None) -> None:
        if root is None:
            raise ScriptError(f"{self.file}:1: the file is empty")
        self._twice(root, set())
        if isinstance(root, yaml.SequenceNode):
            self._steps(root)
            return
        parts = self._parts(root, _STORY, "", "a script is a list of steps, or has one under `steps`")
        if "steps" not in parts:
            raise self._fault(root, "there are no `steps`")
        self._steps(parts["steps"])
        self._texts(parts.get("title"), "`title` is one text, or one in each language")
        self._texts(parts.get("ends"), "`ends` is a state, or one for each case")

    def _steps(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._fault(node, "`steps` is a list with a step in it")
        for number, step in enumerate(node.value, 1):
            self._step(step, f"step {number}: ")

    def _step(self, node: yaml.Node, where: str) -> None:
        for word, value in self._parts(node, _STEP, where, f"{where}a step has words, such as `as` and `do`").items():
            if word not in _WITHIN and not isinstance(value, yaml.ScalarNode):
                raise self._fault(value, f"{where}`{word}` is one text")
            if word in _WITHIN and not (isinstance(value, yaml.MappingNode) or self._is_empty(value)):
                raise self._fault(value, f"{where}`{word}` has an entry for each {_WITHIN[word]}")

    def _parts(self, node: yaml.Node, known: frozenset[str], where: str, fault: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._fault(node, fault)
        for key, _value in node.value:
            if key.value not in known:
                raise self._fault(key, f"{where}unknown word {key.value!r}")
        return {key.value: value for key, value in node.value}

    def _texts(self, node: yaml.Node | None, fault: str) -> None:
        """One text, or several by their names; none of them empty."""
        found = [one for _key, one in node.value] if isinstance(node, yaml.MappingNode) else [node] if node else []
        for one in found:
            if not isinstance(one, yaml.ScalarNode) or self._is_empty(one):
                raise self._fault(one, fault)
        if node is not None and not found:
            raise self._fault(node, fault)

    def _twice(self, node: yaml.Node, seen: set[int]) -> None:
        """A word that stands twice in one place: the first would be lost."""
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            return
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for one in node.value:
                self._twice(one, seen)
            return
        words: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._fault(key, "what stands before a colon is one text")
            if key.value in words:
                raise self._fault(key, f"{key.value!r} stands there twice")
            words.add(key.value)
            self._twice(value, seen)

    @staticmethod
    def _is_empty(node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and not node.value.strip()

    def _fault(self, node: yaml.Node, said: str) -> ScriptError:
        return ScriptError(f"{self.file}:{node.start_mark.line + 1}: {said}")


# ---- playing -----------------------------------------------------------------------------------------------------


class TurnableClock:
    """A clock that stands until it is turned."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def turn_to(self, moment: datetime) -> None:
        self.moment = max(self.moment, moment)

    def advance(self, delay: timedelta) -> None:
        self.moment += delay


@dataclass(slots=True)
class Played:
    """What one step did: events or reasons, the state after it, and what is due."""

    step: int
    at: datetime
    actor: str
    do: str
    refused: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sentences: Mapping[str, Text] = field(default_factory=dict)
    """What the definition says of those of the problems that are its own."""
    events: tuple[str, ...] = ()
    state: str = ""
    level: int = 0
    dues: Mapping[str, str] = field(default_factory=dict)
    expected_refusal: bool = False
    number: str = ""
    asked: int = 0
    """Answers that the step gives and its form did not hold already as it opened."""
    known: int = 0
    """Those that it held."""
    required: int = 0
    """Of those asked, the questions that must be answered."""
    onward: tuple[str, ...] = ()
    """Moves that its form offered to make in the same press."""

    @property
    def went_as_said(self) -> bool:
        return bool(self.refused or self.problems) == self.expected_refusal


@dataclass(slots=True)
class Player:
    """Plays steps on one installation; people are made as the script names them."""

    ctx: AppContext
    clock: TurnableClock
    protocol: Protocol
    school: str
    places: Mapping[ScopeKind, str]
    actors: dict[str, Actor] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    """Name of a case in the script → its number."""
    played: list[Played] = field(default_factory=list)
    unseen: dict[str, set[str]] = field(default_factory=dict)
    """Cases of the script that nobody of the team has opened since something in them cried to be seen → who looked."""
    ids: dict[str, str] = field(default_factory=dict)
    """Number of a case → its id."""
    told: dict[str, int] = field(default_factory=dict)
    """Case of the script → number of its latest event that a step has told."""
    watching: bool = True
    """Whether the state and the dues after each step are read back."""

    def actor(self, name: str) -> Actor:
        """The person that `role`, `role/2` or a user name stands for."""
        role, _, _count = name.partition("/")
        key = self.protocol.resolve("roles", role)
        wanted = f"{key}/{_count}" if _count else key
        if wanted not in self.actors:
            if key not in self.protocol.roles:
                raise ScriptError(f"nobody is called {name!r}")
            self.actors[wanted] = self._made(wanted, key)
        return self.actors[wanted]

    def _made(self, name: str, role: str) -> Actor:
        declared = self.protocol.roles[role]
        username = f"{name}-{secrets.token_hex(3)}"
        with self.ctx.directory.writing() as session:
            account = auth_repository.add_account(
                session,
                username=username,
                names={"fr": name},
                language="fr",
                created_at=self.clock.now(),
                certified=True,
                trained_until=date(2099, 12, 31),
            )
            sign_in_repository.link(session, "script", username, account, at=self.clock.now())
            auth_repository.appoint(
                session, account, role=role, unit=self.places.get(declared.sees, self.school), starts=date(2000, 1, 1)
            )
            actor = auth_repository.actor(session, account, realm=self.ctx.name, today=self.clock.now().date())
        if actor is None:
            raise ScriptError(f"nobody is called {name!r}")
        return actor

    # ---- steps -----------------------------------------------------------------------------------------------

    def play(self, steps: Sequence[Step]) -> list[Played]:
        """Play all steps; the last of them is in the answer even where it went otherwise than it says."""
        for number, step in enumerate(steps, 1):
            unknown = set(step) - _STEP
            if unknown:
                raise ScriptError(f"step {number}: unknown word {sorted(unknown)[0]!r}")
            self._turn(step, number)
            if "do" in step:
                with readings_shared():
                    self.played.append(self._one(number, step))
        return self.played

    def _turn(self, step: Step, number: int) -> None:
        if "advance" in step:
            self.clock.advance(duration(str(step["advance"]), f"step {number}"))
        if "at" in step:
            self.clock.turn_to(moment(str(step["at"]), f"step {number}"))

    def _one(self, number: int, step: Step) -> Played:
        actor = self.actor(str(step.get("as", "")))
        case = str(step.get("case", ""))
        played = Played(
            number, self.clock.now(), str(step.get("as")), str(step["do"]),
            expected_refusal=step.get("expect") == "refused",
        )  # fmt: skip
        self._look(actor, case)
        if self.watching:
            self._weigh(played, actor, step, case)
        try:
            self._do(actor, step, case)
        except Refused as refusal:
            played.reasons = refusal.reasons
            played.refused = tuple(reason.need or reason.code for reason in refusal.reasons)
        except BadInput as bad:
            played.problems, played.sentences = bad.problems, bad.sentences
        except Unseen:
            played.refused = ("unseen",)
        self._after(played, actor, case)
        return played

    def _look(self, actor: Actor, case: str) -> None:
        """Open the case's page, where nobody of the team has yet: that is an event."""
        if case not in self.unseen or actor.id in self.unseen[case]:
            return
        before = self._seq(case)
        with suppress(Unseen):
            look_at(self.ctx, actor, self.numbers[case])
        self.unseen[case].add(actor.id)
        self.told[case] = self._seq(case)
        if self.told[case] > before:
            del self.unseen[case]

    def _weigh(self, played: Played, actor: Actor, step: Step, case: str) -> None:
        """Count the answers of this step: those that somebody gives, and those that the form held as it opened."""
        act = self.protocol.resolve("acts", str(step["do"]))
        if act not in self.protocol.acts:
            given = [step.get("reason"), *(step.get("depart") or {}).values()]
            played.asked = played.required = sum(one is not None for one in given)
            return
        fields, now = self.protocol.form_of(act).fields, self.clock.now()
        held = self.protocol.form_of(act).begins(now, now.astimezone(ZONE).date())
        with suppress(Unseen):
            view = see_act(self.ctx, actor, self.numbers.get(case, ""), act)
            held |= view.prefill
            played.onward = tuple(move.key for move in view.onward)
        answers = self._answers(step.get("answers") or {}, case)
        dangers = {item.key for item in fields if item.type in _DANGERS} & answers.keys()
        answers |= {key: self._keys(answers[key]) for key in dangers}
        parts = {key: _parts(answer) for key, answer in answers.items()}
        left = {key for key, answer in answers.items() if key in held and _same(answer, held[key])}
        left |= {item.key for item in fields if item.type in _BY_LINK} & parts.keys()
        left |= self._by_button(actor, act, answers, case) & parts.keys()
        played.known = sum(parts[key] for key in left)
        played.asked = sum(parts.values()) - played.known
        must = {item.key for item in fields if item.required and item.type is not FieldType.signature}
        played.required = len(must & parts.keys() - left)

    def _by_button(self, actor: Actor, act: str, answers: Mapping[str, Any], case: str) -> set[str]:
        """What "I called", beside a number of the first minutes, says by itself: whom, how, and about which dangers."""
        form, found = self.protocol.form_of(act), self.case_id(case)
        target, covers, how = form.find(FieldType.target), form.find(FieldType.covers), call_choice(form)
        if target is None or covers is None or how is None or found is None:
            return set()
        if not self.protocol.acts[act].first_minutes or answers.get(how[0].key) != how[1]:
            return set()
        key = self.protocol.resolve("targets", str(answers.get(target.key)))
        with self.ctx.realm.reading() as session:
            lives = load_by_id(self.ctx, session, actor, found).case.live_dangers()
        dangers = [self.protocol.dangers[life.danger] for life in lives]
        if not any(key in danger.targets for danger in dangers):
            return set()
        same = _same(answers.get(covers.key), covered_by(key, dangers))
        return {target.key, how[0].key} | ({covers.key} if same else set())

    def _keys(self, said: Any) -> Any:
        """Dangers by their keys, however the script names them."""
        if isinstance(said, list):
            return [self.protocol.resolve("dangers", str(one)) for one in said]
        return self.protocol.resolve("dangers", str(said))

    def _do(self, actor: Actor, step: Step, case: str) -> None:
        name, answers = str(step["do"]), self._answers(step.get("answers") or {}, case)
        act = self.protocol.resolve("acts", name)
        token = secrets.token_urlsafe(12)
        if act in self.protocol.acts:
            paper = self._paper(step)
            if case not in self.numbers and START in self.protocol.acts[act].in_:
                opened = open_case(self.ctx, actor, act, answers, token=token, paper=paper)
                self.numbers[case] = opened.number
                return
            self._record(actor, case, act, answers, token, paper)
            return
        make_move(
            self.ctx,
            actor,
            self.numbers.get(case, ""),
            name,
            reason=str(step.get("reason", "")),
            departures={self.protocol.resolve("needs", key): why for key, why in (step.get("depart") or {}).items()},
            expected=None,
            token=token,
        )

    def _paper(self, step: Step) -> OnPaper | None:
        """What a step says of the paper that it is typed in from."""
        if "written_at" not in step and "written_by" not in step:
            return None
        at, by = str(step.get("written_at", "")), str(step.get("written_by", ""))
        return OnPaper(moment(at, "written_at").isoformat() if at else "", self.actor(by).id if by else "")

    def _record(
        self, actor: Actor, case: str, act: str, answers: Mapping[str, Any], token: str, paper: OnPaper | None
    ) -> None:
        """From the case's page, or from the receipt of somebody who reported and may not see it."""
        number = self.numbers.get(case, "")
        try:
            record_act(self.ctx, actor, number, act, answers, expected=None, token=token, proven=True, paper=paper)
        except Unseen:
            report = self._receipt(actor, case)
            if report is None or paper is not None:
                raise
            record_from_receipt(self.ctx, actor, report, act, answers, token=token)

    def _receipt(self, actor: Actor, case: str) -> str | None:
        found = self.case_id(case)
        with self.ctx.realm.reading() as session:
            own = lookup_repository.of_reporter(session, actor.id, limit=200)
        return next((header.id for header in own if found is not None and header.case_id == found), None)

    def _answers(self, value: Any, case: str) -> Any:
        """What stands for something of the script becomes that: `@role`, `#name`, `^act`, a moment without a zone."""
        if isinstance(value, Mapping):
            return {str(key): self._answers(item, case) for key, item in value.items()}
        if isinstance(value, list):
            return [self._answers(item, case) for item in value]
        if not isinstance(value, str):
            return value
        if value.startswith("@"):
            return self.actor(value[1:]).id
        if value.startswith("#"):
            return self.numbers.get(value[1:], value)
        if value.startswith("^"):
            return self.latest(case, value[1:])
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", value):
            return moment(value, "answer").isoformat()
        return value

    def latest(self, case: str, act: str) -> str:
        """The number of the latest record of `act` in a case of the script."""
        found = self.case_id(case)
        if found is None:
            return ""
        key = self.protocol.resolve("acts", act)
        with self.ctx.realm.reading() as session:
            entries = repository.load_events(session, self.ctx.vault, found)
        records = [event for event in map(from_entry, entries) if isinstance(event, Recorded) and event.act == key]
        return str(records[-1].seq) if records else ""

    def case_id(self, case: str = "") -> str | None:
        number = self.numbers.get(case, "")
        if number not in self.ids:
            with self.ctx.realm.reading() as session:
                found = repository.find_by_number(session, number)
            if found is None:
                return None
            self.ids[number] = found
        return self.ids[number]

    def _seq(self, case: str) -> int:
        found = self.case_id(case)
        if found is None:
            return 0
        with self.ctx.realm.reading() as session:
            return repository.last_seq(session, found)

    def _after(self, played: Played, actor: Actor, case: str) -> None:
        found = self.case_id(case)
        if found is None:
            return
        with self.ctx.realm.reading() as session:
            since = repository.kinds_since(session, found, self.told.get(case, 0))
            loaded = load_by_id(self.ctx, session, actor, found) if self.watching else None
        played.events = tuple(since.values())
        self.told[case] = max(since, default=self.told.get(case, 0))
        if {"CaseOpened", "ReportReceived", "DangerRaised"} & set(played.events):
            self.unseen[case] = set()
        if loaded is None:
            return
        played.state, played.level = loaded.case.state, loaded.case.level
        played.number = loaded.case.number
        played.dues = {
            f"{due.deadline}:{due.subject}" if due.subject else due.deadline: due.due_at.isoformat()
            for due in open_dues(loaded.facts)
        }


@contextmanager
def throwaway(protocol: Protocol, content: bytes, start: datetime, *, evidence_files: bool = False) -> Iterator[Player]:
    """A player in a realm of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-") as folder:
        clock = TurnableClock(start)
        ctx = open_context(Settings(data=Path(folder), evidence_files=evidence_files), clock)
        try:
            yield prepared(ctx, clock, protocol, content)
        finally:
            ctx.close()


@contextmanager
def branched(player: Player) -> Iterator[Player]:
    """A player that goes on from where this one stands, in a copy of its realm; this one stays as it is."""
    with tempfile.TemporaryDirectory(prefix="school-protocol-") as folder:
        data = Path(folder) / "data"
        shutil.copytree(player.ctx.settings.data, data)
        clock = TurnableClock(player.clock.now())
        ctx = open_context(replace(player.ctx.settings, data=data), clock)
        try:
            yield replace(
                player, ctx=ctx, clock=clock, actors=dict(player.actors), numbers=dict(player.numbers),
                played=[], unseen={case: set(looked) for case, looked in player.unseen.items()}, ids={},
                told=dict(player.told),
            )  # fmt: skip
        finally:
            ctx.close()


def prepared(ctx: AppContext, clock: TurnableClock, protocol: Protocol, content: bytes) -> Player:
    """A player on a fresh installation: one school under one province and one region, the definition published."""
    with ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="REHEARSAL-R", names={"fr": "Académie"})
        province = auth_repository.add_unit(
            session, kind=UnitKind.province, code="REHEARSAL-P", names={"fr": "Province"}, parent=region
        )
        school = auth_repository.add_unit(
            session, kind=UnitKind.school, code="00000A", names={"fr": "École"}, parent=province
        )
        people_repository.set_calendar(session, region, Calendar(opening=SCHOOL_WEEK, timezone=ZONE.key))
        protocol_repository.publish(
            session,
            protocol=protocol.protocol,
            version=protocol.version,
            digest=protocol.digest,
            content=content,
            published_at=clock.now(),
        )
    places = {ScopeKind.province: province, ScopeKind.region: region}
    return Player(ctx, clock, protocol, school, places)


@dataclass(frozen=True, slots=True)
class Effort:
    """What a whole script asked of people: acts recorded, answers given, signatures, moves made.

    `required` are questions that must be answered; `asked` every answer that was given, each cell and grid item of it;
    `known` those that the forms held as they opened. `together` are moves that an act before them offered to make in
    its own press; `submissions` are what is left to send.
    """

    acts: int
    required: int
    asked: int
    known: int
    signatures: int
    moves: int
    together: int
    submissions: int


def effort_of(protocol: Protocol, played: Iterable[Played]) -> Effort:
    """The sum over the steps that went through; a signature is an act of its own, and its password the answer."""
    done = [one for one in played if not one.expected_refusal]
    acts = [found for one in done if (found := protocol.acts.get(protocol.resolve("acts", one.do))) is not None]
    signing = [act for act in acts if act.kind is ActKind.sign]
    offered: set[tuple[str, str]] = set()
    together = 0
    for one in done:
        made = (one.number, protocol.resolve("moves", one.do))
        together += made in offered
        offered -= {made}
        offered |= {(one.number, move) for move in one.onward}
    return Effort(
        acts=len(acts) - len(signing),
        required=sum(one.required for one in done),
        asked=sum(one.asked for one in done),
        known=sum(one.known for one in done),
        signatures=len(signing) + sum(bool(act.signatures) for act in acts),
        moves=len(done) - len(acts),
        together=together,
        submissions=len(done) - together,
    )


def _parts(value: Any) -> int:
    """How many answers one is: a table has its cells, a grid its items; a person is one, a choice of several is one."""
    if isinstance(value, Mapping):
        return 1 if "slot" in value else len(value)
    rows = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    return sum(1 if "slot" in row else len(row) for row in rows) or 1


def _same(said: Any, held: Any) -> bool:
    """Whether an answer is what stood there; a moment by its minute."""
    one, other = (value if isinstance(value, list) else [value] for value in (said, held))
    return [_plain(part) for part in one] == [_plain(part) for part in other]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return {"true": "yes", "false": "no"}.get(str(value), str(value)[:16])


def duration(text: str, where: str) -> timedelta:
    """`3d`, `2h`, `90m`, or several joined: `1d4h`."""
    found = texts.duration(text)
    if found is None:
        raise ScriptError(f"{where}: {text!r} is not a duration; write 3d, 2h or 90m")
    return found


def moment(text: str, where: str) -> datetime:
    """An ISO moment; without a zone it is Casablanca's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ScriptError(f"{where}: {text!r} is not a moment; write 2026-11-25T10:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)


def shifted(value: Any, days: timedelta, delta: timedelta) -> Any:
    """Every date and moment among a step's answers, moved along."""
    if isinstance(value, Mapping):
        return {key: shifted(item, days, delta) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, days, delta) for item in value]
    try:
        if len(value) == 10:
            return (date.fromisoformat(value) + days).isoformat()
        if len(value) == 16:
            return (datetime.fromisoformat(value) + delta).isoformat(timespec="minutes")
    except ValueError:
        pass
    return value


def as_json(played: Sequence[Played]) -> str:
    """What was played, for other programs."""
    return json.dumps(
        [
            {
                "step": one.step,
                "at": one.at.isoformat(),
                "as": one.actor,
                "do": one.do,
                "events": list(one.events),
                "refused": list(one.refused),
                "problems": {key: list(codes) for key, codes in one.problems.items()},
                "state": one.state,
                "level": one.level,
                "dues": dict(one.dues),
                "as_said": one.went_as_said,
                "asked": one.asked,
                "known": one.known,
                "required": one.required,
            }
            for one in played
        ],
        ensure_ascii=False,
        indent=2,
    )
