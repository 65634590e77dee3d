"""One case that holds an event of every kind, each field with a word of its own; and who reads which of them where.

What may be read is written by hand in planted.yaml and disclosure.yaml; nothing of it is asked of the code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from versions import read_yaml

from school_protocol.case_files import service as case_files_service
from school_protocol.cases import index_repository, loading, showing
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import keep, load
from school_protocol.cases.models import CaseSeatRow
from school_protocol.cases.service import record_act
from school_protocol.cases.showing import known_already
from school_protocol.context import AppContext
from school_protocol.engine import events as kinds
from school_protocol.engine.answers import References, clean
from school_protocol.engine.decisions import Decider
from school_protocol.engine.definition import Act, ActKind
from school_protocol.engine.definition_parts import Form, FormField
from school_protocol.engine.errors import BadInput, SchoolProtocolError, Unseen
from school_protocol.engine.events import Event, EventKind, FileStep, Handwritten, Put, Remark, RemarkKind, StepTaken
from school_protocol.engine.visibility import Actor
from school_protocol.privacy import access_report, emergency_access
from school_protocol.privacy.evidence import see_register
from school_protocol.reports import repository as reports_repository
from school_protocol.reports import triage
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import Status, Wrong
from school_protocol.storage import access_log
from school_protocol.storage.engines import Session
from school_protocol.supervision import remarks
from services.conftest import School
from services.telling_school import Told
from services.test_every_field import MARK, Filled, Written

FOLDER = Path(__file__).parent
RULES = read_yaml(FOLDER / "planted.yaml")
READ = read_yaml(FOLDER / "disclosure.yaml")
LIMITED = tuple(
    who for who, said in READ["readers"].items()
    if (said["reads"] != "names" or "side" in said) and who not in ("trainer", "protocol_admin")
)  # fmt: skip
"""Whoever reads all can be shown nothing more."""
EVENTS = kinds._SIMPLE
SIDES = {act: side for side, acts in READ["sides"].items() for act in acts}
NOTHING = ("", None, False, None)
TYPED = ("signed", "whole", "aside")
"""Rules of what somebody typed, who may have named people in it."""
HEADER = frozenset(one.name for one in fields(Event))


def told(view: Any) -> str:
    """Everything that a view holds, as one text, the definition's own words left out."""

    def flat(value: Any) -> Any:
        if isinstance(value, BaseModel):
            return ""
        if is_dataclass(value) and not isinstance(value, type):
            return [flat(getattr(value, name)) for name in value.__dataclass_fields__]
        if isinstance(value, Mapping):
            return [flat(one) for pair in value.items() for one in pair]
        if isinstance(value, list | tuple | set | frozenset):
            return [flat(one) for one in value]
        return str(value)

    return repr(flat(view))


def planted(text: str) -> set[str]:
    return set(re.findall(MARK, text))


# ---- the case --------------------------------------------------------------------------------------------------------


def worded(fields: tuple[FormField, ...], within: str = "") -> Iterator[str]:
    for item in fields:
        if item.is_words:
            yield f"{within}{item.key}"
        yield from worded(item.fields, f"{item.key}.")


class Worded(Filled):
    """Filled as far as words go, which alone bear marks; how a form travels is asked in test_every_field."""

    @cached_property
    def reasons(self) -> set[str]:
        """Marks in reasons of steps: what a visa is refused with is that of the step back, too."""
        with self.ctx.realm.reading() as session:
            events = self.load(session, self.chief).case.events
        return {mark for one in events if isinstance(one, StepTaken) for mark in planted(one.reason)}

    def wanted(self, form: Form) -> set[str]:
        return {name.partition(".")[0] for name in worded(form.fields)}

    def place(self, states: Sequence[str]) -> None:
        """The case stays where it is, if that is one of them."""
        with self.ctx.realm.reading() as session:
            row = index_repository.row_of(session, self.case_id)
        if row is None or row.state not in states:
            super().place(states)

    def record(self, actor: Actor, act: Act, raw: Mapping[str, Any], references: References) -> Written:
        cleaned = clean(self.protocol, self.protocol.form_of(act), raw, references).answers
        before = self.last_seq()
        record_act(self.ctx, actor, self.number, act.key, raw, expected=None, token=self.token(), proven=True)
        return Written(before + 1, act, cleaned)


@dataclass(frozen=True)
class Word:
    """A planted word: in which field of which event it stands, and by which rule it is read."""

    place: str
    rule: str
    side: str = ""
    only: tuple[str, ...] = ()

    @property
    def is_of_event(self) -> bool:
        """Whether somebody typed it where no form asks."""
        return self.place.partition(".")[0] in (*READ["events"], *READ["parts"]) and self.rule in TYPED


class Disclosed(Worded):
    """The case, with an event of every kind that is no act, and readers of every kind."""

    def __init__(self, player: Any) -> None:
        super().__init__(player)
        self.happened: list[Event] = []
        self.readers: dict[str, Actor] = {}

    def write_everything(self) -> None:
        super().write_everything()
        self._register_intimate()
        self._correct()
        self._seat_readers()
        before = self.last_seq()
        for kind in EVENTS:
            if kind is not EventKind.case_opened:
                self.happened.append(self._made(kind, before + 1 + len(self.happened)))
        lifted, door = EventKind.access_lifted, EventKind.door_opened
        for who, kind in (("academy, names lifted", lifted), ("data_officer", lifted), ("academy", door)):
            self.happened.append(self._opened_by(who, kind, before + 1 + len(self.happened)))
        with self.ctx.realm.writing() as session:
            loaded = load(self.ctx, session, self.player.actor("head"), self.number)
            new = [replace(one, seq=0) for one in self.happened]
            kept = keep(self.ctx, session, loaded, new).events[loaded.case.last_seq :]
        assert kept == self.happened
        self._forge()

    def _register_intimate(self) -> None:
        """A piece whose address and account are an authority's alone."""
        (registering,) = self.protocol.acts_of(ActKind.evidence)
        intimate = {"kind": "screenshot", "sexual_or_intimate": "doubt", "platform": "whatsapp"}
        wanted = {"url", "handle"}
        while wanted:
            one = self.try_once(registering, wanted, intimate)
            assert one is not None
            wanted -= set(one.cleaned)
            self.written.append(one)

    def _correct(self) -> None:
        """Two entries are corrected: their first words stand beside the new ones; names stand in references, too."""
        heard = next(one for one in self.written if one.act.key == "others_not_heard")
        piece = next(one for one in self.written if one.cleaned.get("takedowns"))
        rows = [{**row, "reference": self.words()} for row in piece.cleaned["takedowns"]]
        for one, changed in ((heard, {"words": self.words()}), (piece, {"takedowns": rows, "sha256": self.words()})):
            said = {"record": str(one.seq), "what_changes": self.words(), "reason": self.words()}
            self._record(self.player.actor("head"), "correction", said, changes={**one.cleaned, **changed})

    def _seat_readers(self) -> None:
        for who, said in READ["readers"].items():
            actor = self.player.actor(said.get("as", who))
            self.readers[who] = replace(actor, realm=said.get("realm", actor.realm))
        for who, said in READ["readers"].items():
            if "seat" in said:
                until = {"until": self.ctx.now().date().isoformat()} if said.get("for a day") else {}
                answers = {"account": self.readers[who].id, "seat": said["seat"], **said.get("answers", {}), **until}
                self._record(self.player.actor(said.get("named by", "head")), "name_seat", answers)
            if said["reads"] == "nothing, for they step aside":
                self._record(self.readers[who], "conflict", {"reason": "close_relative"})
        self.player.clock.advance(timedelta(days=1))

    def _record(self, actor: Actor, act: str, answers: Mapping[str, Any], **more: Any) -> None:
        record_act(
            self.ctx, actor, self.number, act, answers, expected=None, token=self.token(), proven=True, **more
        )  # fmt: skip

    # ---- what no form writes ---------------------------------------------------------------------------------

    @cached_property
    def name(self) -> str:
        """Somebody of the case, who is named in every reason."""
        return self.names["targeted_pupil-1"]

    @cached_property
    def names(self) -> Mapping[str, str]:
        with self.ctx.realm.reading() as session:
            found = load(self.ctx, session, self.player.actor("head"), self.number).names
        return {key: one["name"] for key, one in found.items() if one.get("name")}

    def words(self, rule: str = "signed") -> str:
        """What somebody types bears a word of its own, and a name; a code bears neither."""
        number = next(self.marks)
        return f"zq{number:04}x {self.name}" if rule in TYPED else f"code{number}"

    def _made(self, kind: EventKind, seq: int) -> Event:
        cls, now = EVENTS[kind], self.ctx.now()
        values = {one.name: self._value(kind, one.name) for one in fields(cls) if one.name not in HEADER}
        return cls(seq=seq, actor=self.player.actor("head").id, role="head", at=now, occurred_at=now, **values)

    def _opened_by(self, who: str, kind: EventKind, seq: int) -> Event:
        """Names are lifted, also for one who only knows of the case; an emergency that nobody has reviewed is open."""
        made, reason = self._made(kind, seq), f"zq{next(self.marks):04}x"
        return replace(made, actor=self.readers[who].id, role="academy", reason=reason)

    def _forge(self) -> None:
        """Rows of the index seat somebody whose seat is over, and who answers for another school; they stand until the
        index is written anew."""
        for who in ("directorate", "head"):  # that they have seen it is written down
            showing.see_case(self.ctx, self.readers[who], self.number)
        with self.ctx.realm.writing() as session:
            for who in ("whoever forged a seat", "whoever answers for another school"):
                session.merge(
                    CaseSeatRow(case_id=self.case_id, account=self.readers[who].id, seat="member", until=None)
                )

    def _value(self, kind: EventKind, field: str) -> Any:
        """Of a field that must point at something, what it points at; of any other, words of its own."""
        found = self._pointers.get((kind, field), self._pointers.get(field))
        return found() if found is not None else self.words(READ["events"][kind.value][field])

    @cached_property
    def _pointers(self) -> Mapping[Any, Callable[[], Any]]:
        later = self.ctx.now() + timedelta(days=1)
        states = {key for key, one in self.protocol.states.items() if not one.ended}
        own = {key for key in states if not self.protocol.states[key].team_sees}
        move = next(one for one in self.protocol.moves.values() if one.to in own and set(one.from_) <= states)
        need, danger = next(iter(self.protocol.needs)), next(iter(self.protocol.dangers))
        pieces = [one for one in self.written if one.act.kind is ActKind.evidence]
        entry = next(one.seq for one in pieces if "sha256" not in one.cleaned)  # the file's own takes its place
        note = next(one for one in self.written if one.act.kind is ActKind.note)
        heard = next(one for one in self.written if one.act.key == "listening_target")
        writer = Handwritten(by=self.player.actor("head/2").id, role="head", at=self.ctx.now())

        def remark(**place: Any) -> Remark:
            return Remark(kind=RemarkKind.question, text=self.words(), awaits=True, **place)

        def last(cls: type[Event]) -> int:
            return max((one.seq for one in self.happened if isinstance(one, cls)), default=0)

        pointers: dict[Any, Callable[[], Any]] = {
            "move": lambda: move.key,
            "source": lambda: move.from_[0],
            "target": lambda: move.to,
            "departures": lambda: {need: self.words()},
            "values": lambda: {need: self.words()},
            "level": lambda: 2,
            "grid": lambda: {"grid": self.words("team")},
            "successor": lambda: None,
            "other": lambda: self.other,
            "dangers": lambda: (danger,),
            "holds": tuple,
            "exclusions": tuple,
            "referrals": tuple,
            "handover": lambda: {"summary": self.words()},
            "people": dict,
            "how": lambda: Put.linked,
            "hour": lambda: "2031-03-04T05:00:00+00:00",
            "entry": lambda: entry,
            (EventKind.entry_retracted, "entry"): lambda: note.seq,
            "act": lambda: note.act.key,
            "former": lambda: self.protocol.version,
            "version": lambda: self.protocol.version,
            "document": lambda: "case_file",
            "profile": lambda: "supervisor",
            "language": lambda: "fr",
            "purpose": lambda: "other",
            "copy": lambda: 1,
            "at_seq": lambda: 1,
            "as_of": str,
            "about": str,
            "parts": tuple,
            "request": int,
            "remarks": lambda: (
                remark(section="people", entry=entry),
                remark(entry=heard.seq, field="wishes"),
                remark(act="interview_concerned"),
                remark(act="no_longer_there"),
            ),
            "paper": lambda: writer,
            "attached": lambda: last(kinds.RemarksAttached),
            "remark": lambda: 2,
            (EventKind.erasure_suspended, "until"): lambda: later.date().isoformat(),
            "until": lambda: later.isoformat(),
            "review_by": lambda: later.isoformat(),
            "opened": lambda: last(kinds.AccessLifted),
            "door": lambda: last(kinds.DoorOpened),
            "justified": lambda: True,
            "piece": lambda: 1,
            "step": lambda: FileStep.kept,
            "digest": lambda: "d" * 64,
            "content_head": lambda: "c" * 64,
            "size": lambda: 31_415,
            (EventKind.file_opened, "file"): lambda: next(
                one.file for one in self.happened if isinstance(one, kinds.FileHandled)
            ),
            "original": lambda: True,
            "format": lambda: "png",
            (EventKind.file_handled, "target"): lambda: next(iter(self.protocol.targets)),
        }
        return pointers

    # ---- what may be read ------------------------------------------------------------------------------------

    @cached_property
    def planted(self) -> Mapping[str, Word]:
        """Each word of the case."""
        found: dict[str, Word] = {}
        with self.ctx.realm.reading() as session:
            events = load(self.ctx, session, self.player.actor("head"), self.number).events
        for event in events:
            if isinstance(event, kinds.Recorded):
                corrected = event.derived.get("corrected", "")
                for act, answers in ((event.act, event.answers), (corrected, event.derived.get("changes", {}))):
                    form = self.protocol.form_of(act) if act else None
                    for mark, field in marks(form.fields, answers) if form else ():
                        only = tuple(READ["only"].get(act, ()))
                        is_nameless = RULES["fields"][act][field] in READ["nameless"]
                        rule = "signed" if is_nameless and field not in READ["copies alone"].get(act, ()) else "whole"
                        found[mark] = Word(f"{act}.{field}", rule, SIDES.get(act, ""), only)
                continue
            kind = kinds.kind_of(event).value
            for one in fields(event):
                if one.name not in HEADER:
                    found |= dict(self._marked(kind, one.name, getattr(event, one.name)))
        return found

    def _marked(self, kind: str, field: str, value: Any) -> Iterator[tuple[str, Word]]:
        if isinstance(value, tuple):
            for one in (one for one in value if isinstance(one, Remark)):
                about = one.act or next((record.act.key for record in self.written if record.seq == one.entry), "")
                yield from self._words_in("Remark", "text", one.text, READ["remarks on"].get(about, ""))
            return
        yield from self._words_in(kind, field, value, "targeted" if kind == "RemarkSettled" else "")

    def _words_in(self, kind: str, field: str, value: Any, side: str) -> Iterator[tuple[str, Word]]:
        rule = {**READ["events"], **READ["parts"]}[kind][field]
        yield from ((mark, Word(f"{kind}.{field}", rule, side)) for mark in planted(told(value)))


def marks(fields: tuple[FormField, ...], answers: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Each planted mark with the field that it stands in."""
    for item in fields:
        value = answers.get(item.key)
        if value and item.is_words:
            yield from ((mark, f"{within}{item.key}") for mark in re.findall(MARK, value))
        for row in value if value and item.fields else ():
            yield from marks(item.fields, row, f"{item.key}.")


@contextmanager
def remembering() -> Iterator[None]:
    """Meanwhile a case is folded once until something is written in it, and once it is asked what somebody may do.

    Nor is any reading noted: of some hundred a matrix each would wait for the disk.
    """
    folded = loading.folded
    cases_folded: dict[tuple[str, int], Any] = {}
    choices: dict[tuple[str, int], Any] = {}
    asking = Decider.choices

    def once(ctx: AppContext, session: Session, case_id: str) -> Any:
        key = (case_id, cases_repository.last_seq(session, case_id))
        if key not in cases_folded:
            cases_folded[key] = folded(ctx, session, case_id)
        return cases_folded[key]

    def asked_once(desk: Decider) -> Any:
        key = (desk.actor.id, desk.case.last_seq)
        if key not in choices:
            choices[key] = asking(desk)
        return choices[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "folded", once)
        patched.setattr(access_log, "note", lambda *_session, **_reading: None)
        patched.setattr(Decider, "choices", asked_once)
        yield


class Matrix:
    """What each reader is shown, against what they may read."""

    def __init__(self, case: Disclosed) -> None:
        self.case = case
        self.ctx = case.ctx
        self.compared = 0

    def differences(self, *readers: str) -> Iterator[str]:
        with remembering():
            for who in readers or READ["readers"]:
                yield from (f"{who}: {found}" for found in self._of(who))

    def _of(self, who: str) -> Iterator[str]:
        seeing = None if READ["readers"][who]["reads"].startswith("nothing") else self._seeing(self.case.readers[who])
        shown = {page: told(view) for page, view in self._pages(who, seeing)}
        yield from self._doors(who, shown)
        if seeing is not None:
            yield from self._lines(who, seeing)
            yield from self._entries_apart(who, seeing)
            yield from self._sight(who)
            yield from self._words(who, shown)
            yield from self._names(who, shown)

    # ---- pages -------------------------------------------------------------------------------------------------

    def _pages(self, who: str, seeing: Seeing | None) -> Iterator[tuple[str, Any]]:
        """Each kind of page, as far as it opens to this reader."""
        ctx, actor, number = self.ctx, self.case.readers[who], self.case.number
        doors: dict[str, Callable[[], Any]] = {
            "case": lambda: showing.see_case(ctx, actor, number),
            "chronology": lambda: list(self._chronology(actor, seeing)),
            "entries": lambda: list(self._entries(actor, seeing)),
            "sight": lambda: access_report.see_sight(ctx, actor, number),
            "danger": lambda: showing.see_danger(ctx, actor, number),
            "moves": lambda: showing.see_move(ctx, actor, number, "close"),
            "register": lambda: see_register(ctx, actor, number),
            "copies": lambda: case_files_service.see_copies(ctx, actor, number),
            "remarks": lambda: remarks.see_remarks(ctx, actor, number),
            "doors": lambda: [emergency_access.see_door(ctx, actor, number, one) for one in self._openings],
            "news": lambda: showing.what_is_new(ctx, actor, number, 0),
            "correction": lambda: self._correcting(actor),
            "names": lambda: emergency_access.see_names(ctx, actor, number),
            "plan": lambda: showing.see_act(ctx, actor, number, "support_plan").prefill,
        }
        for name, open_ in doors.items():
            with suppress(Unseen):
                yield name, open_()

    def _correcting(self, actor: Actor) -> Any:
        (heard, *_more) = (one.seq for one in self.case.written if one.act.key == "listening_target")
        found = showing.see_correction(self.ctx, actor, self.case.number, heard)
        if found is None:
            raise Unseen(actor.id)
        return found.prefill

    @cached_property
    def _openings(self) -> list[int]:
        return [one.seq for one in self.case.happened if isinstance(one, kinds.DoorOpened)]

    def _chronology(self, actor: Actor, seeing: Seeing | None) -> Iterator[Any]:
        """The first page by the use case itself, as one entry of each reader is."""
        yield showing.see_chronology(self.ctx, actor, self.case.number)
        yield seeing.chronology(most=1000) if seeing else ()

    def _seeing(self, actor: Actor) -> Seeing:
        with self.ctx.realm.reading() as session:
            return showing.seeing_of(self.ctx, load(self.ctx, session, actor, self.case.number, reading=True))

    def _entries(self, actor: Actor, seeing: Seeing | None) -> Iterator[Any]:
        yield showing.see_record(self.ctx, actor, self.case.number, self.case.written[0].seq)
        for record in (*seeing.case.records, *seeing.case.retracted.values()) if seeing else ():
            yield seeing.entry(record)

    def _doors(self, who: str, shown: Mapping[str, str]) -> Iterator[str]:
        for door, readers in READ["doors"].items():
            self.compared += 1
            if (door in shown) is not (who in readers):
                yield f"the page {door} {'opens' if door in shown else 'stays shut'}"

    # ---- lines of events -----------------------------------------------------------------------------------------

    def _lines(self, who: str, seeing: Seeing) -> Iterator[str]:
        reads = READ["readers"][who]["reads"]
        for event in seeing.loaded.events:
            if isinstance(event, kinds.Recorded):
                continue
            kind = kinds.kind_of(event).value
            detail = seeing.event(event).detail
            for one in fields(event):
                is_of_side = kind == "RemarkSettled" and READ["readers"][who].get("side", "targeted") != "targeted"
                if one.name not in HEADER and self._is_said(getattr(event, one.name)):
                    self.compared += 1
                    may = self._may(READ["events"][kind][one.name], reads)
                    may = may and not (is_of_side and one.name == "sentence")
                    if bool(self._is_said(detail.get(one.name))) is not may:
                        yield f"{kind}.{one.name} {'stays away' if may else 'is told'}"

    def _entries_apart(self, who: str, seeing: Seeing) -> Iterator[str]:
        """Nothing is told of an entry that is not for this reader; nor, where the case is only known of, of people."""
        for record in seeing.case.records:
            shown, word = seeing.record(record), Word(record.act, "whole", SIDES.get(record.act, ""))
            only = tuple(READ["only"].get(record.act, ()))
            is_apart = not self._reads_at_all(who, replace(word, only=only))
            if is_apart and (shown.answers or shown.derived):
                yield f"something of {record.act} is told"
        for line, remarked in zip(seeing.remarks, seeing.case.remarks, strict=False):
            about = remarked.remark.act or next(iter(self._acts_at(remarked.remark.entry)), "")
            side = READ["remarks on"].get(about, "")
            is_apart = not self._reads_at_all(who, Word("Remark.text", "signed", side))
            if is_apart and (line.act, line.part, line.on_record, line.on if remarked.remark.act else None) != NOTHING:
                yield f"what a remark on {about} is on is told"
        if READ["readers"][who]["reads"] == "that it is there":
            page = seeing.page()
            form = showing.see_act(self.ctx, self.case.readers[who], self.case.number, "rights_request")
            if {line.deadline.key for line in page.dues if line.deadline} - set(READ["due where it is only known of"]):
                yield "what is due stands on case"
            if any(known_already(seeing.loaded, seeing, act) for act in seeing.protocol.acts.values()):
                yield "what the case tells of a form is told"
            for name, view in (("case", page), ("head", page.head), ("form", form.choices), ("act", form)):
                for part in READ["not where it is only known of"][name]:
                    if getattr(view, part):
                        yield f"{part} stand on {name}"

    def _acts_at(self, entry: int) -> Iterator[str]:
        return (one.act.key for one in self.case.written if one.seq == entry)

    def _sight(self, who: str) -> Iterator[str]:
        """What the pages say of who sees the case, and what each may do about it."""
        asked = self.ctx, self.case.readers[who], self.case.number
        view, page, rules = access_report.see_sight(*asked), showing.see_case(*asked), READ["sight"]
        pieces = see_register(*asked).pieces if who in READ["doors"]["register"] else ()
        found = {
            "who takes no part": view.out is not None,
            "emergencies": bool(view.doors),
            "others of a side": any(why.side for line in view.lines if not line.is_self for why in line.why),
            "who read it": not view.readings.own_only,
            "lifting of names": view.may_lift,
            "an emergency to be reviewed": self._reviews(who),
            "contributions": bool(page.contributions),
            "what is done with a piece": any(one.removal or one.may_shut for one in pieces),
        }
        yield from (f"{what} on sight: {told}" for what, told in found.items() if told is not (who in rules[what]))

    def _reviews(self, who: str) -> bool:
        try:
            return emergency_access.see_door(
                self.ctx, self.case.readers[who], self.case.number, self._openings[-1]
            ).may_review
        except Unseen:
            return False

    @staticmethod
    def _is_said(value: Any) -> bool:
        return value not in ("", None, (), [], {}, 0)

    @staticmethod
    def _may(rule: str, reads: str) -> bool:
        return reads in READ["rules"][rule]

    # ---- words, and names in them --------------------------------------------------------------------------------

    def _words(self, who: str, shown: Mapping[str, str]) -> Iterator[str]:
        may = {mark for mark, word in self.case.planted.items() if self._reads(who, word)}
        seen: set[str] = set()
        for page, view in shown.items():
            found = planted(view)
            self.compared += len(self.case.planted)
            seen |= found
            yield from (f"{self.case.planted[one].place} is read on {page}" for one in sorted(found - may))
        yield from sorted({f"{self.case.planted[one].place} is nowhere" for one in may - seen})

    def _reads(self, who: str, word: Word) -> bool:
        reader = READ["readers"][who]
        if word.rule == "aside":
            return who in READ["doors"]["copies"]
        if not self._reads_at_all(who, word):
            return False
        return bool(word.only) if reader["reads"] == "that it is there" else self._may(word.rule, reader["reads"])

    def _reads_at_all(self, who: str, word: Word) -> bool:
        """Whether an entry is for this reader, be it without its words."""
        reader = READ["readers"][who]
        if word.only and not set(word.only) & set(reader.get("roles", [who])):
            return False
        if reader["reads"] == "that it is there":
            return bool(word.only)
        return not word.side or reader.get("side", word.side) == word.side

    def _names(self, who: str, shown: Mapping[str, str]) -> Iterator[str]:
        """Names of the people of the case: nowhere, for whoever reads signs."""
        reads = READ["readers"][who]
        for page, view in shown.items():
            found = {name for name in self.case.names.values() if name in view}
            self.compared += 1
            if found and reads["reads"] != "names" and page not in reads.get("named on", ()):
                yield f"names stand on {page}: {sorted(found)}"
        if reads["reads"] == "names" and self.case.name not in shown["case"]:
            yield "no name stands on the case's page"


# ---- what was told without an account --------------------------------------------------------------------------------


class Reports:
    """Public reports of every standing, each with a word of its own, and who reads which."""

    def __init__(self, player: Any) -> None:
        self.school = School(player, count(1))
        self.ctx, self.told = player.ctx, Told(self.school)
        self.compared = 0
        for role in player.protocol.roles:
            self.school.person(role)
        self.ids: dict[str, str] = {}
        self.marks: dict[str, str] = {}
        self.cases: dict[str, str] = {}
        self._turn = count()
        for name, said in READ["reports"].items():
            self._send(name, said)

    def _send(self, name: str, said: Mapping[str, Any]) -> None:
        self.marks[name] = self.marks[said["same as"]] if "same as" in said else f"zq{9000 + len(self.ids)}x"
        mark = self.marks[name]
        words = (
            f"{mark} {' '.join(f'{letter}{_letters(mark)}' for letter in 'abcdefgh')} {said.get('words', '')}".strip()
        )
        before = {one.id for one in self._all()}
        self.told.send(what_happens=words, **said.get("answers", {}))
        (self.ids[name],) = {one.id for one in self._all()} - before
        self._settle(name, said)

    def _all(self) -> tuple[PublicHeader, ...]:
        with self.ctx.realm.reading() as session:
            return reports_repository.of_units(session, [self.school.player.school], statuses=tuple(Status), limit=100)

    def _settle(self, name: str, said: Mapping[str, Any]) -> None:
        ctx, report, token = self.ctx, self.ids[name], f"{name} "
        who = self.school.person(said.get("by", "head"))
        match said.get("then"):
            case "answered":
                triage.answer(ctx, who, report, "Merci", settles=True, token=token)
            case "oriented":
                orientation = next(iter(triage.see_report(ctx, who, report).orientations))
                triage.orient(ctx, who, report, orientation.key)
            case "closed":
                triage.close(ctx, who, [report], Wrong.abusive)
                triage.close(ctx, self.school.person("team_coordinator"), [report], Wrong.abusive)
            case "opened":
                given = {**triage.see_opening(ctx, who, report).prefill, "danger_now": "no", **said.get("as", {})}
                self.cases[name] = triage.open_as_case(ctx, who, report, given, token=token).number
            case "linked":
                self.cases[name] = self.school.report("team_member").number
                triage.link(ctx, who, report, self.cases[name])
        for one in said.get("second", ()):
            self.school.number = self.cases[name]
            self.school.act("head", "name_seat", seat="second", account=self.school.account(one))
        for one in said.get("step aside", ()):
            self.school.number = self.cases[name]
            self.school.act(one, "conflict", reason="close_relative")

    def readers(self) -> dict[str, Actor]:
        """Everybody by role, somebody in an office of another school, and in another store."""
        protocol, head = self.school.player.protocol, self.school.person("head")
        elsewhere = replace(head, appointments=tuple(replace(one, unit="another") for one in head.appointments))
        return {
            **{role: self.school.person(role) for role in protocol.roles},
            "second signatory": self.school.person("directorate/2"),
            "head elsewhere": replace(elsewhere, id="elsewhere"),
            "head in another store": replace(head, realm="another"),
        }

    def differences(self) -> Iterator[str]:
        for who, actor in self.readers().items():
            reads = {name for name, said in READ["reports"].items() if who in said["read by"]}
            yield from (f"{who}: {found}" for found in self._of(actor, who, reads))

    def _of(self, actor: Actor, who: str, reads: set[str]) -> Iterator[str]:
        listed = set(self._listed(actor))
        if self._may_list(actor) is not (who in READ["lists"]):
            yield "the list"
        if triage.count_unseen(self.ctx, actor) != sum(1 for name in reads if self._header(name).waits):
            yield "not as many are counted as wait unseen"
        for name, report in self.ids.items():
            self.compared += 1
            may = name in reads
            if (report in listed) is not (may or who in READ["reports"][name].get("listed to", ())):
                yield f"{name} {'stands on' if report in listed else 'is missing from'} the list"
            for door, open_ in self._doors(actor, report).items():
                try:
                    view = open_()
                except Unseen:
                    view = None
                if (view is not None) is not may:
                    yield f"{name} {'opens' if view is not None else 'stays shut'} by {door}"
                elif view is not None and (self.marks[name] in told(view)) is not may:
                    yield f"{name} is read without its words by {door}"
                yield from self._apart(who, name, view) if door == "see_report" and view is not None else ()
                yield from self._at_a_glance(actor, who, name, view[0]) if door == "skim" and view is not None else ()
            yield from self._in_case(actor, who, name) if name in self.cases else ()
            yield from () if may else self._acts(actor, name)

    def _header(self, name: str) -> PublicHeader:
        with self.ctx.realm.reading() as session:
            return reports_repository.header(session, self.ids[name], hold=False)

    def _may_list(self, actor: Actor) -> bool:
        try:
            triage.see_list(self.ctx, actor)
        except Unseen:
            return False
        return True

    def _listed(self, actor: Actor) -> Iterator[str]:
        with suppress(Unseen):
            view = triage.see_list(self.ctx, actor)
            yield from (one for line in (*view.waiting, *view.settled) for one in line.ids)

    def _doors(self, actor: Actor, report: str) -> dict[str, Callable[[], Any]]:
        if report == self.ids["waits, and nobody reads it"]:
            return {}
        return {
            "see_report": lambda: triage.see_report(self.ctx, actor, report),
            "skim": lambda: triage.skim(self.ctx, actor, [report]),
        }

    def _apart(self, who: str, name: str, view: triage.ReportView) -> Iterator[str]:
        """What stands beside it: others that say the same, and whether this reader may give it to the school."""
        twins = {one for one, said in READ["reports"].items() if self.marks[one] == self.marks[name] and one != name}
        may = {self.ids[one] for one in twins if who in READ["reports"][one]["read by"]}
        if {one for line in view.twins for one in line.ids} != may:
            yield f"{name}: others that say the same are not {sorted(may)}"
        if view.can_release is not (who in READ["reports"][name].get("released by", ())):
            yield f"{name}: whether it can be given to the school"

    def _at_a_glance(self, actor: Actor, who: str, name: str, view: triage.Skimmed) -> Iterator[str]:
        """Its words alone; what is grave, or waits no more, is closed by nobody together with others."""
        said = READ["reports"][name]
        if not view.words.startswith(self.marks[name]) or "·" in view.words:
            yield f"{name}: more than its words are skimmed"
        if view.is_grave is not ("answers" in said):
            yield f"{name}: whether it is grave"
        if "answers" in said or "then" in said:
            done = triage.close(self.ctx, actor, [self.ids[name]], Wrong.mistaken, together=True)
            if done != triage.Closing(0, 0):
                yield f"{name} is closed together with others"
        if said.get("answers", {}).get("adult_concerned") and "then" not in said:
            yield from self._stays_restricted(actor, name)
        if who not in said.get("released by", ()):
            with suppress(Unseen):
                triage.release(self.ctx, actor, self.ids[name])
                yield f"{name} is given to the school"

    def _stays_restricted(self, actor: Actor, name: str) -> Iterator[str]:
        """What is for those above alone goes into no case that the school reads, nor opens one."""
        ctx, report = self.ctx, self.ids[name]
        opening = {**triage.see_opening(ctx, actor, report).prefill, "danger_now": "no", "adult_concerned": "no"}
        with suppress(BadInput):
            triage.link(ctx, actor, report, self.cases["in a case"])
            yield f"{name} is put to a case of the school"
        with suppress(BadInput):
            triage.open_as_case(ctx, actor, report, opening, token=f"{actor.id} {report} restricted")
            yield f"{name} opens a case of the school"

    def _in_case(self, actor: Actor, who: str, name: str) -> Iterator[str]:
        try:
            found = told(triage.of_case(self.ctx, actor, self.cases[name]))
        except Unseen:
            found = ""
        may = who in READ["reports"][name].get("read in the case by", READ["reports"][name]["read by"])
        if (self.marks[name] in found) is not may:
            yield f"{name} is {'not ' if may else ''}read in its case"

    def _acts(self, actor: Actor, name: str) -> Iterator[str]:
        """Whoever does not read it does nothing with it: one act each in turn."""
        ctx, report, given = self.ctx, self.ids[name], {"what_happened": "x"}
        before = self._header(name)
        acts: dict[str, Callable[[], Any]] = {
            "answer": lambda: triage.answer(ctx, actor, report, "x", settles=True, token=f"{actor.id} {report}"),
            "orient": lambda: triage.orient(ctx, actor, report, next(iter(self._orientations))),
            "close": lambda: triage.close(ctx, actor, [report], Wrong.mistaken),
            "verify": lambda: triage.verify(ctx, actor, report, is_to_verify=not before.to_verify),
            "release": lambda: triage.release(ctx, actor, report),
            "take up again": lambda: triage.take_up_again(ctx, actor, report),
            "take several up again": lambda: triage.take_up_several(ctx, actor, [report]),
            "link": lambda: triage.link(ctx, actor, report, self.school.number),
            "see opening": lambda: triage.see_opening(ctx, actor, report),
            "rehearse opening": lambda: triage.rehearse_opening(ctx, actor, report, given),
            "open": lambda: triage.open_as_case(ctx, actor, report, given, token=f"{actor.id} {report} open"),
        }
        act = next(self._turn) % len(acts)
        name = f"{name}: {list(acts)[act]}"
        try:
            list(acts.values())[act]()
        except Unseen:
            return
        except SchoolProtocolError as error:
            yield f"{name} answers {type(error).__name__}"
        else:
            yield f"{name} is done"

    @cached_property
    def _orientations(self) -> Mapping[str, Any]:
        rules = self.school.player.protocol.signalement
        assert rules is not None
        return rules.orientations


def _letters(mark: str) -> str:
    """What is told must not sound alike, and figures count for nothing there."""
    return "".join(chr(ord("a") + int(one)) for one in mark if one.isdigit())
