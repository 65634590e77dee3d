"""What one person may read of a case: records, people and events, with signs, or left out, as their rights say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from school_protocol.cases import review_lines
from school_protocol.cases.loading import Loaded
from school_protocol.cases.pseudonyms import Pseudonymiser, without_words
from school_protocol.cases.view_models import (
    ChronologyPage,
    EventView,
    PaperLine,
    PersonLine,
    RecordView,
    RemarkLine,
    SignatureLine,
)
from school_protocol.engine import events
from school_protocol.engine.act_checks import last_written, undoable
from school_protocol.engine.actors import role_for
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import WHOM, Record
from school_protocol.engine.case_words import said
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Form
from school_protocol.engine.events import EVENT_OF_ACT, Event, Recorded, Remark, RemarkSettled, kind_of

# ---- what is told of an event besides who, when and in which role --------------------------------------------------


_PLAIN: Mapping[type[Event], tuple[str, ...]] = {
    events.DocumentIssued: ("document", "profile", "copy", "language"),
    events.DocumentRevoked: ("document", "copy", "reason"),
    events.ReviewEnded: ("sentence",),
    events.ErasureSuspended: ("until", "reason"),
    events.AccessLifted: ("until", "reason"),
    events.DoorOpened: ("until", "reason"),
    events.ErasureResumed: ("reason",),
    events.VersionChanged: ("former", "version", "reason"),
    events.FileOpened: ("piece", "original", "purpose", "reason"),
    events.AccessEnded: ("opened",),
    events.DoorReviewed: ("door", "justified", "sentence"),
}
"""What is told as the event says it; its words as this reader may read them."""
_WORDS = ("reason", "sentence")


def detail_of(event: Event, reader: CaseReader) -> dict[str, Any]:
    """The detail of an event for one reader; nothing of a kind that has none."""
    if (worked_out := _WORKED_OUT.get(type(event))) is not None:
        return worked_out(event, reader)
    said = {name: getattr(event, name) for name in _PLAIN.get(type(event), ())}
    return {name: reader.words_of(event, value) if name in _WORDS else value for name, value in said.items()}


def _entry_retracted(event: events.EntryRetracted, reader: CaseReader) -> dict[str, Any]:
    return {"entry": event.entry, "act": reader.protocol_at(event).acts[event.act]}


def _step_taken(event: events.StepTaken, reader: CaseReader) -> dict[str, Any]:
    protocol, is_read = reader.protocol_at(event), not reader.loaded.metadata_only
    marked = {"taken_back": True} if event in reader.case.undone else {}
    departures = event.departures.items() if is_read else ()
    return {
        **marked,
        "move": protocol.moves[event.move],
        "source": protocol.states[event.source],
        "target": protocol.states[event.target],
        "reason": reader.words_of(event, event.reason),
        "departures": [(protocol.needs[need], reader.words_of(event, why)) for need, why in departures],
        "level": event.level if is_read else None,
        "grid": event.grid if is_read else {},
    }


def _case_opened(event: events.CaseOpened, _reader: CaseReader) -> dict[str, Any]:
    marked = {"contributes": True} if event.contributes else {}
    return {"number": event.number, "opened_from": event.opened_from, **marked}


def _case_joined(event: events.CaseJoined, reader: CaseReader) -> dict[str, Any]:
    loaded = reader.loaded
    asked = reader.case.contributes and event.other == reader.case.opened_from
    reads = not loaded.metadata_only and (asked or not loaded.pseudonymised)
    return {
        "other": event.other,
        "dangers": () if loaded.metadata_only else event.dangers,
        "handover": dict(event.handover) if reads else {},
        **({"contributes": True} if asked else {}),
    }


def _review_asked(event: events.ReviewAsked, reader: CaseReader) -> dict[str, Any]:
    move = reader.protocol_at(event).moves.get(event.move)
    return {"move": move, "sentence": reader.words_of(event, event.sentence)}


def _file_handled(event: events.FileHandled, _reader: CaseReader) -> dict[str, Any]:
    detail = {name: getattr(event, name) for name in ("piece", "sha256", "size", "format", "target")}
    return {**detail, "step": event.step.value}


_WORKED_OUT: Mapping[type[Event], Callable[[Any, CaseReader], dict[str, Any]]] = {
    events.EntryRetracted: _entry_retracted,
    events.StepTaken: _step_taken,
    events.CaseOpened: _case_opened,
    events.CaseJoined: _case_joined,
    events.RemarksAttached: lambda event, reader: review_lines.attached_detail(reader, event),
    events.RemarkSettled: lambda event, reader: review_lines.settled_detail(reader, event),
    events.ReviewAsked: _review_asked,
    events.PublicReportPlaced: lambda event, _reader: {"how": event.how.value, "hour": event.hour},
    events.FileHandled: _file_handled,
    events.WordChosen: lambda event, _reader: {"word": said(event.word)},
}


PAGE = 20


def snake(name: str) -> str:
    """CaseOpened → case_opened."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class CaseReader:
    """What one person may read of one case: its records, people, names, events and remarks."""

    def __init__(self, loaded: Loaded, names: Mapping[str, str]) -> None:
        self.loaded = loaded
        self.protocol: Protocol = loaded.protocol
        self.case: Case = loaded.case
        self.names = names
        """Account id → name."""

    # ---- what may be read ------------------------------------------------------------------------------------

    def hidden(self, form: Form) -> str | None:
        """Why a record of this form is not, or not wholly, for this reader."""
        if form.readers and role_for(self.protocol, form.readers, self.loaded.roles) is None:
            return "side"
        if self.loaded.metadata_only:
            return None if form.readers else "side"
        if form.side is not None and not self.reads_side(form.side):
            return "side"
        return "words" if self.loaded.pseudonymised else None

    def reads_side(self, side: str) -> bool:
        """Whoever is seated for one side never reads the other's, whatever else they are."""
        held = self.case.seats_of(self.loaded.actor.id, self.loaded.facts.today)
        bound = [seat for seat in held if seat.side is not None]
        if bound:
            return any(seat.side == side for seat in bound)
        return any(not self._is_bound(role) for role in self.loaded.roles)

    def _is_bound(self, role: str) -> bool:
        seat = self.protocol.seats.get(role)
        declared = self.protocol.roles.get((seat.acts_as or "") if seat else role)
        return bool(declared and declared.side_bound)

    def reads_place(self, remark: Remark) -> bool:
        """Whether what is said of that place is for this reader: all but what is on a form of another side."""
        record = self.case.written(remark.entry)
        forms = [] if record is None else [self._written_under(record)[1]]
        if remark.act:
            act = self.protocol.resolve("acts", remark.act)
            if act not in self.protocol.acts:
                return self.reads_side("")
            forms.append(self.protocol.form_of(act))
        return all(self.hidden(form) != "side" for form in forms)

    def person(self, person_id: str) -> PersonLine:
        person = self.case.people.get(person_id) or self.case.former[person_id]
        slot = self.protocol.slots[person.slot]
        number = person_id.rpartition("-")[2]
        identity = self.loaded.names.get(person_id, {})
        return PersonLine(
            person_id,
            slot,
            f"{slot.short}{number}",
            identity.get("name"),
            {key: value for key, value in identity.items() if key != "name"},
            slot.guardian and self.case.is_held(person_id),
        )

    def people(self) -> tuple[PersonLine, ...]:
        """Everybody in the case, in the order of the definition's slots."""
        if self.loaded.metadata_only:
            return ()
        slots = list(self.protocol.slots)
        ids = sorted(self.case.people, key=lambda key: (slots.index(self.case.people[key].slot), len(key), key))
        return tuple(self.person(key) for key in ids)

    def labels(self) -> dict[str, str]:
        """How answers name people and colleagues for this reader."""
        lines = [self.person(key) for key in {**self.case.former, **self.case.people}]
        labels = {line.id: f"{line.label} · {line.name}" if line.name else line.label for line in lines}
        return {**self.names, **labels}

    def record(self, record: Record, *, as_signatory: bool = False) -> RecordView:
        """One record as this person may read it; whoever is to sign it reads all that they sign."""
        protocol, form = self._written_under(record)
        act = protocol.acts[record.act]
        hidden = None if as_signatory else self.hidden(form)
        answers = {} if hidden == "side" else dict(record.answers)
        if hidden == "words":
            answers = without_words(form, answers, self.masks.of(record))
        return RecordView(
            seq=record.seq,
            event=snake(EVENT_OF_ACT[record.kind].value),
            act=act,
            form=form,
            answers=answers,
            actor=self.name(record.actor),
            role=record.recorded_as,
            at=record.at,
            occurred_at=record.occurred_at,
            signatures=tuple(SignatureLine(self.name(one.account), one.role, one.at) for one in record.signatures),
            signatures_wanted=act.signatures,
            is_effective=record.effective_seq is not None,
            hidden=hidden,
            derived={} if hidden == "side" else _told_of(record),
            corrections=tuple(record.corrections),
            taken_back=record.retracted_at,
            undo_until=self.undoable.get(record.seq),
            protocol=protocol,
            paper=PaperLine(self.name(record.paper.by), record.paper.role, record.paper.at) if record.paper else None,
        )

    def _written_under(self, record: Record) -> tuple[Protocol, Form]:
        """The version under which a record got its answers, and its form there.

        Where that is the version of a later correction, the form ends with what only the first one asked and was told.
        """
        first = self.case.protocol_at(record.seq, self.protocol)
        protocol = self.case.protocol_at(max((record.seq, *record.corrections)), self.protocol)
        form, former = protocol.form_of(record.act), first.form_of(record.act)
        gone = tuple(one for one in former.fields if one.key not in form.by_key and one.key in record.answers)
        return protocol, form.with_fields((*form.fields, *gone)) if gone else form

    @cached_property
    def undoable(self) -> Mapping[int, datetime]:
        """The entries that this reader may take back now, each with until when."""
        own = self.loaded.actor.id if self.loaded.roles else ""
        return undoable(self.protocol, self.case, own, self.loaded.now, self.loaded.around)

    def just_written(self) -> RecordView | None:
        """What the reader did last here, if it may be taken back: never something older beneath what may not."""
        record = last_written(self.protocol, self.case, self.loaded.actor.id)
        return self.record(record) if record is not None and record.seq in self.undoable else None

    def entry(self, record: Record) -> RecordView:
        """One record, whole: as it holds now, and as it was first written where it was corrected."""
        shown = replace(self.record(record), remarks=review_lines.about_record(self.remarks, record))
        written = next((event for event in self.loaded.events if event.seq == record.seq), None)
        if not record.corrections or shown.hidden == "side" or not isinstance(written, Recorded):
            return shown
        first = dict(written.answers)
        shown = replace(shown, first_whom=written.derived.get(WHOM, {}))
        if first == dict(record.answers) and shown.first_whom == record.derived.get(WHOM, {}):
            return shown
        masked = self.masks.by(written.actor, written.role)
        return replace(shown, first=without_words(shown.form, first, masked) if shown.hidden else first)

    @cached_property
    def masks(self) -> Pseudonymiser:
        """How texts read to this reader: with signs in place of names, for a reader of pseudonyms."""
        return Pseudonymiser(self.loaded)

    def name(self, account: str) -> str:
        return self.names.get(account, "—")

    def author(self, seq: int, account: str) -> str:
        """The name of whoever wrote that entry, or of who did what is no entry."""
        record = self.case.record(seq)
        return self.name(record.author if record else account)

    # ---- events ----------------------------------------------------------------------------------------------

    def event(self, event: Event) -> EventView:
        kind = snake(kind_of(event).value)
        view = EventView(event.seq, kind, self.name(event.actor), event.role, event.at, event.occurred_at)
        if not isinstance(event, Recorded):
            return replace(view, detail=detail_of(event, self))
        record = self.case.written(event.seq)
        return replace(view, record=self.record(record) if record else None)

    def protocol_at(self, event: Event) -> Protocol:
        """The version of the protocol that the case stood on then."""
        return self.case.protocol_at(event.seq, self.protocol)

    def words_of(self, event: Event, words: str) -> str:
        """Words that came with an event, as this reader may read them."""
        return "" if self.loaded.metadata_only else self.masks.by(event.actor, event.role)(words)

    def chronology(self, before: int | None = None, most: int = PAGE) -> ChronologyPage:
        events = [event for event in self.loaded.events if before is None or event.seq < before]
        shown = events[-most:]
        more = shown[0].seq if len(events) > len(shown) and shown else None
        return ChronologyPage(tuple(self._line(event) for event in reversed(shown)), more)

    def _line(self, event: Event) -> EventView:
        """One line of the chronology as pages show it: with what was observed on it, or answered by it."""
        on_it = tuple(one for one in self.remarks if one.at_entry == event.seq)
        return replace(self.event(event), remarks=on_it, settled=self._settled_by(event))

    def _settled_by(self, event: Event) -> RemarkLine | None:
        """The remark that an entry says was dealt with."""
        if not isinstance(event, RemarkSettled):
            return None
        meant = (event.attached, event.remark)
        return next((one for one in self.remarks if (one.seq, one.place) == meant), None)

    @cached_property
    def remarks(self) -> tuple[RemarkLine, ...]:
        """Remarks on copies, those that were dealt with among them."""
        return review_lines.remark_lines(self)


def _told_of(record: Record) -> dict[str, Any]:
    """What follows from an entry, less the answers that it corrects: they are read with their own entry."""
    return {key: value for key, value in record.derived.items() if key != "changes"}
