"""From a folded case to what one person may see of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from school_protocol.domain.acting import held_around, nameable
from school_protocol.domain.case import Case, Record
from school_protocol.domain.dues import Due, dues, open_dues
from school_protocol.domain.engine import Choice, Reason, available, role_for, signable
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import (
    EVENT_OF_ACT,
    AccessEnded,
    AccessLifted,
    CaseJoined,
    CaseOpened,
    DocumentIssued,
    DocumentRevoked,
    DoorOpened,
    DoorReviewed,
    EntryRetracted,
    ErasureResumed,
    ErasureSuspended,
    Event,
    FileHandled,
    FileOpened,
    PublicReportPlaced,
    Recorded,
    Remark,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    StepTaken,
    VersionChanged,
    kind_of,
)
from school_protocol.domain.facts import points_by
from school_protocol.domain.forms import FieldType, Form, Option
from school_protocol.domain.protocol import Act, ActKind, Deadline, Move, Protocol
from school_protocol.domain.referring import WHOM
from school_protocol.domain.remarks import awaited
from school_protocol.domain.review import sent_back
from school_protocol.domain.undoing import last_written, undoable
from school_protocol.services import remark_lines
from school_protocol.services.cautioning import caution_lines
from school_protocol.services.due_lines import DueLines, tone_of
from school_protocol.services.loading import Loaded
from school_protocol.services.masking import Masks, without_words
from school_protocol.services.review.lines import review_line
from school_protocol.services.views import (
    AccountLine,
    ActLine,
    CaseHead,
    CaseView,
    Choices,
    ChronologyPage,
    ContactLine,
    DangerLine,
    DueLine,
    DutyLine,
    EventView,
    FollowUpLine,
    HoldLine,
    MoveLine,
    MoveView,
    PaperLine,
    PersonLine,
    RailStage,
    RecordView,
    ReferralLine,
    RefusalLine,
    RemarkLine,
    ReviewLine,
    SeatLine,
    SignatureLine,
    WayBack,
)
from school_protocol.services.waiting import act_for, is_again, ways_back
from school_protocol.wording import ZONE

GROUPS = ("safety", "listening", "people", "assessment", "plan", "referral", "follow_up", "closing", "team")
PAGE = 20
_ELSEWHERE = (ActKind.sign, ActKind.raise_danger, ActKind.answer_referral, ActKind.review_hold)
"""What has buttons of its own on the page."""


def snake(name: str) -> str:
    """CaseOpened → case_opened."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Seeing:
    """One person's view of one case; asks the engine once and shows what it says."""

    def __init__(self, loaded: Loaded, names: Mapping[str, str]) -> None:
        self.loaded = loaded
        self.protocol: Protocol = loaded.protocol
        self.case: Case = loaded.case
        self.names = names
        """Account id → name."""
        self.choices: tuple[Choice, ...] = available(
            loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, loaded.facts
        )
        self.counts: tuple[Due, ...] = dues(loaded.facts)
        self.running: tuple[Due, ...] = open_dues(loaded.facts)

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

    def _taken_back(self, event: EntryRetracted) -> dict[str, Any]:
        return {"entry": event.entry, "act": self.case.protocol_at(event.seq, self.protocol).acts[event.act]}

    def entry(self, record: Record) -> RecordView:
        """One record, whole: as it holds now, and as it was first written where it was corrected."""
        shown = replace(self.record(record), remarks=remark_lines.about_record(self.remarks(), record))
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
    def masks(self) -> Masks:
        """How texts read to this reader: with signs in place of names, for a reader of pseudonyms."""
        return Masks(self.loaded)

    def name(self, account: str) -> str:
        return self.names.get(account, "—")

    def _author(self, seq: int, account: str) -> str:
        """The name of whoever wrote that entry, or of who did what is no entry."""
        record = self.case.record(seq)
        return self.name(record.author if record else account)

    # ---- events ----------------------------------------------------------------------------------------------

    def event(self, event: Event) -> EventView:
        kind = snake(kind_of(event).value)
        view = EventView(event.seq, kind, self.name(event.actor), event.role, event.at, event.occurred_at)
        match event:
            case Recorded():
                record = self.case.written(event.seq)
                return replace(view, record=self.record(record) if record else None)
            case EntryRetracted():
                return replace(view, detail=self._taken_back(event))
            case StepTaken():
                return replace(view, detail=self._step(event))
            case CaseOpened():
                marked = {"contributes": True} if event.contributes else {}
                return replace(view, detail={"number": event.number, "opened_from": event.opened_from, **marked})
            case CaseJoined():
                asked = self.case.contributes and event.other == self.case.opened_from
                reads = not self.loaded.metadata_only and (asked or not self.loaded.pseudonymised)
                dangers = () if self.loaded.metadata_only else event.dangers
                handover, marked = dict(event.handover) if reads else {}, {"contributes": True} if asked else {}
                detail = {"other": event.other, "dangers": dangers, "handover": handover, **marked}
                return replace(view, detail=detail)
            case DocumentIssued():
                detail = {"document": event.document, "profile": event.profile, "copy": event.copy}
                return replace(view, detail={**detail, "language": event.language})
            case DocumentRevoked():
                detail = {"document": event.document, "copy": event.copy}
                return replace(view, detail={**detail, "reason": self._reason(event, event.reason)})
            case RemarksAttached():
                return replace(view, detail=self._attached(event))
            case RemarkSettled():
                return replace(view, detail=self._settled(event))
            case ReviewAsked():
                move = self.case.protocol_at(event.seq, self.protocol).moves.get(event.move)
                return replace(view, detail={"move": move, "sentence": self._reason(event, event.sentence)})
            case ReviewEnded():
                return replace(view, detail={"sentence": self._reason(event, event.sentence)})
            case ErasureSuspended():
                return replace(view, detail={"until": event.until, "reason": self._reason(event, event.reason)})
            case ErasureResumed():
                return replace(view, detail={"reason": self._reason(event, event.reason)})
            case VersionChanged():
                detail = {"former": event.former, "version": event.version}
                return replace(view, detail={**detail, "reason": self._reason(event, event.reason)})
            case PublicReportPlaced():
                return replace(view, detail={"how": event.how.value, "hour": event.hour})
            case FileHandled():
                detail = {name: getattr(event, name) for name in ("piece", "sha256", "size", "format", "target")}
                return replace(view, detail={**detail, "step": event.step.value})
            case FileOpened():
                reason = "" if self.loaded.metadata_only else self.masks.by(event.actor, event.role)(event.reason)
                detail = {"piece": event.piece, "original": event.original, "purpose": event.purpose}
                return replace(view, detail={**detail, "reason": reason})
            case AccessLifted() | DoorOpened():
                return replace(view, detail={"until": event.until, "reason": self._reason(event, event.reason)})
            case AccessEnded():
                return replace(view, detail={"opened": event.opened})
            case DoorReviewed():
                said = self._reason(event, event.sentence)
                return replace(view, detail={"door": event.door, "justified": event.justified, "sentence": said})
        return view

    def _reason(self, event: Event, words: str) -> str:
        """Words that came with an event, as this reader may read them."""
        return "" if self.loaded.metadata_only else self.masks.by(event.actor, event.role)(words)

    def _step(self, step: StepTaken) -> dict[str, Any]:
        protocol = self.case.protocol_at(step.seq, self.protocol)
        places = {
            **({"taken_back": True} if step in self.case.undone else {}),
            "move": protocol.moves[step.move],
            "source": protocol.states[step.source],
            "target": protocol.states[step.target],
        }
        if self.loaded.metadata_only:
            return {**places, "reason": "", "departures": [], "level": None, "grid": {}}
        masked = self.masks.by(step.actor, step.role)
        return {
            **places,
            "reason": masked(step.reason),
            "departures": [(protocol.needs[need], masked(why)) for need, why in step.departures.items()],
            "level": step.level,
            "grid": step.grid,
        }

    def chronology(self, before: int | None = None, most: int = PAGE) -> ChronologyPage:
        events = [event for event in self.loaded.events if before is None or event.seq < before]
        shown = events[-most:]
        more = shown[0].seq if len(events) > len(shown) and shown else None
        return ChronologyPage(tuple(self._line(event) for event in reversed(shown)), more)

    def _line(self, event: Event) -> EventView:
        """One line of the chronology as pages show it: with what was observed on it, or answered by it."""
        on_it = tuple(one for one in self.remarks() if one.at_entry == event.seq)
        return replace(self.event(event), remarks=on_it, settled=self._settled_by(event))

    def _settled_by(self, event: Event) -> RemarkLine | None:
        """The remark that an entry says was dealt with."""
        if not isinstance(event, RemarkSettled):
            return None
        meant = (event.attached, event.remark)
        return next((one for one in self.remarks() if (one.seq, one.place) == meant), None)

    # ---- lines -----------------------------------------------------------------------------------------------

    def head(self) -> CaseHead:
        case, protocol = self.case, self.protocol
        grid = next(iter(protocol.grids.values()), None)
        assert case.opened_at is not None
        return CaseHead(
            protocol=protocol,
            number=case.number,
            seq=case.last_seq,
            unit=self.loaded.around.unit,
            state=protocol.states[case.state],
            stage=protocol.stage_of(case.state),
            level=grid.levels.get(case.level) if grid and not self.loaded.metadata_only else None,
            opened_at=case.opened_at,
            entered_at=case.entry.at,
            restricted=case.restricted_seq is not None,
            pseudonymised=self.loaded.pseudonymised and self.loaded.lifting is None,
            names_until=self.loaded.lifting.until if self.loaded.lifting else None,
            open_until=self.loaded.door.until if self.loaded.door else None,
            metadata_only=self.loaded.metadata_only,
            has_papers=self.has_papers() and self.loaded.door is None,
            roles=self.loaded.roles if self.loaded.door is None else (),
            cautions=tuple(caution_lines(self)),
            live_dangers=tuple(line for line in self.dangers() if line.state in ("raised", "referred")),
            labels=self.labels(),
            can_raise=self.loaded.door is None
            and any(
                choice.is_open and protocol.acts[choice.key].kind is ActKind.raise_danger
                for choice in self.choices
                if choice.kind == "act"
            ),
        )

    def has_papers(self) -> bool:
        documents = self.protocol.documents.values()
        issued_by = [profile.for_ for one in documents for profile in one.profiles.values()]
        issued_by += [one.for_ for one in documents if one.is_letter or one.kind == "bundle"]
        return any(role_for(self.protocol, roles, self.loaded.roles) is not None for roles in issued_by)

    def dangers(self) -> tuple[DangerLine, ...]:
        if self.loaded.metadata_only:
            return ()
        return tuple(
            DangerLine(
                self.protocol.dangers[life.danger],
                life.state,
                life.raised_at,
                self._author(life.raised_seq, life.by),
                life.changed_at,
            )
            for life in reversed(self.case.dangers)
        )

    def rail(self) -> tuple[RailStage, ...]:
        order = list(self.protocol.stages)
        here = self.protocol.stage_of(self.case.state).key
        lines = []
        for key in order:
            known = (entry for entry in self.case.entries if entry.state in self.protocol.states)
            entries = [entry for entry in known if self.protocol.states[entry.state].stage == key]
            states = tuple(dict.fromkeys(entry.state for entry in entries))
            state = "current" if key == here else "done" if entries else "ahead"
            lines.append(
                RailStage(
                    self.protocol.stages[key],
                    state,
                    entries[-1].at if entries else None,
                    tuple(self.protocol.states[name] for name in states),
                )
            )
        return tuple(lines)

    def moves(self) -> tuple[tuple[MoveLine, ...], tuple[MoveLine, ...]]:
        """Forward moves, and the rest."""
        forward: list[MoveLine] = []
        other: list[MoveLine] = []
        for choice in self.choices:
            if choice.kind != "move":
                continue
            move = self.protocol.moves[choice.key]
            if move.automatic:
                continue
            line = self._move_line(move, choice)
            if _role_refused(choice) and move.backwards:
                continue
            (other if move.backwards else forward).append(line)
        forward.sort(
            key=lambda line: (
                not line.is_open, _role_refused_line(line), line.is_again, line.move.reason, len(line.reasons)
            )
        )  # fmt: skip
        return tuple(forward), tuple(other)

    def ways_back(self) -> tuple[WayBack, ...]:
        """What was asked since the case ended, and waits."""
        is_open = {choice.key: choice.is_open for choice in self.choices if choice.kind == "move"}
        return tuple(
            WayBack(self.protocol.moves[key], tuple(map(self.record, records)), is_open.get(key, False))
            for key, records in ways_back(self.loaded.facts).items()
        )

    def refusal(self) -> RefusalLine | None:
        """What was refused, and waits for the team's answer."""
        found, review = sent_back(self.protocol, self.case), self.protocol.review
        if found is None or review is None or review.refusal is None:
            return None
        event = found.event
        if isinstance(event, StepTaken):
            words = self.masks.by(event.actor, event.role)(event.reason)
        else:
            record = self.case.record(event.seq)
            answers = self.record(record).answers if record is not None else {}
            words = str(answers.get(review.refusal.reason) or "")
        return RefusalLine(self.protocol.states[found.state], self.name(event.actor), event.role, event.at, words)

    def _move_line(self, move: Move, choice: Choice) -> MoveLine:
        departing = [reason for reason in choice.reasons if reason.may_depart]
        return MoveLine(
            move,
            self.protocol.states.get(move.to),
            choice.is_open,
            choice.reasons,
            may_try=bool(departing) and len(departing) == len(choice.reasons),
            is_again=is_again(self.loaded.facts, move),
        )

    def acts(self) -> tuple[tuple[str, tuple[ActLine, ...]], ...]:
        following, due = self._acts_of_next_steps(), self._acts_of_duties()
        first = act_for(self.loaded.facts, self.running, self.loaded.roles)
        grouped: dict[str, list[ActLine]] = {group: [] for group in GROUPS}
        for choice in self.choices:
            if choice.kind != "act" or not choice.is_open:
                continue
            act = self.protocol.acts[choice.key]
            is_first = act.key == first
            if act.kind in _ELSEWHERE and not is_first:
                continue
            records = self.case.records_of(act.key)
            last = records[-1].occurred_at if records else None
            for_next = is_first or act.key in following
            line = ActLine(act, len(records), last, for_next or act.key in due, for_next=for_next, is_first=is_first)
            grouped[act.group].append(line)
        return tuple((group, tuple(lines)) for group, lines in grouped.items() if lines)

    def _acts_of_next_steps(self) -> set[str]:
        """What the next steps need, but what is written already and waits for a signature.

        A step that needs a reason is none that a case waits for.
        """
        own = (choice for choice in self.choices if choice.kind == "move" and not _role_refused(choice))
        onward = [one for one in own if not (move := self.protocol.moves[one.key]).backwards and not move.reason]
        reasons = [reason for one in onward for reason in one.reasons]
        written = [self.case.record(seq) for reason in reasons for seq in reason.to_sign]
        unsigned = {record.act for record in written if record is not None}
        return {act for reason in reasons for act in reason.acts if act not in unsigned}

    def _acts_of_duties(self) -> set[str]:
        return {act.key for line in self.duties() if line.state == "due" for act in line.acts}

    def duties(self) -> tuple[DutyLine, ...]:
        return self._due.duties

    def _about(self, subjects: tuple[str, ...]) -> str:
        """Of people, all their signs; of anything else, what is due first."""
        people = [self.person(one).label for one in subjects if one in self.case.people]
        return " · ".join(people) if people else self.subject(next(iter(subjects), ""))

    def due_lines(self) -> tuple[DueLine, ...]:
        return self._due.others

    @cached_property
    def _due(self) -> DueLines:
        return DueLines(self.loaded, self.counts, self.running, self.choices, self._about)

    def subject(self, subject: str) -> str:
        """A count's subject for display: a danger's key, a person's label, a number."""
        return self.person(subject).label if subject in self.case.people else subject

    def seats(self) -> tuple[SeatLine, ...]:
        return tuple(
            SeatLine(self.protocol.seats[held.seat], self.name(held.account), held.until, held.side)
            for held in self.case.seats
        )

    def referrals(self) -> tuple[ReferralLine, ...]:
        if self.loaded.metadata_only:
            return ()
        lines = []
        for referral in self.case.referrals:
            record = self.case.record(referral.seq)
            state = "settled" if referral.settled_at else "acknowledged" if referral.acknowledged_at else "open"
            lines.append(
                ReferralLine(
                    referral.number,
                    referral.seq,
                    self.protocol.targets[referral.target],
                    referral.covers,
                    referral.at,
                    self._channel(record),
                    self._author(referral.seq, referral.actor),
                    state if referral.awaits_answer else "settled",
                    referral.settled_at or referral.acknowledged_at,
                    referral.whom,
                )
            )
        return tuple(lines)

    def _channel(self, record: Record | None) -> Option | None:
        """How a referral was sent: the answer among whose options is a letter."""
        if record is None:
            return None
        fields = self._written_under(record)[1].fields
        item = next((one for one in fields if any(option.written for option in one.options)), None)
        chosen = record.answers.get(item.key) if item else None
        return next((option for option in item.options if option.key == chosen), None) if item else None

    def holds(self) -> tuple[HoldLine, ...]:
        review = {
            due.subject: due.due_at
            for due in self.counts
            if due.is_open and points_by(self.protocol.deadlines[due.deadline]) is FieldType.hold
        }
        return tuple(
            HoldLine(
                hold.number,
                self.person(hold.guardian) if hold.guardian in self.case.people else None,
                hold.at,
                hold.confirmed_seq is not None,
                hold.stands,
                review.get(str(hold.number)),
            )
            for hold in self.case.holds
        )

    def follow_ups(self) -> tuple[FollowUpLine, ...]:
        facts = self.loaded.facts
        lines = []
        held = set()
        for planned in facts.planned():
            record = self.case.record(planned.held_seq) if planned.held_seq else None
            held.add(planned.held_seq)
            state = "held" if record else "missed" if planned.day < facts.today else "planned"
            lines.append(FollowUpLine(planned.day, state, planned.offset, self.record(record) if record else None))
        follow = self.protocol.follow_up
        for record in self.case.records_of(follow.act) if follow else ():
            if follow and record.seq not in held:
                day = record.answers.get(follow.held_on)
                moment = facts.day_of(day) if day else record.occurred_at.astimezone(ZONE).date()
                lines.append(FollowUpLine(moment, "held", None, self.record(record)))
        return tuple(sorted(lines, key=lambda line: line.day))

    def of_kind(self, *kinds: ActKind) -> tuple[RecordView, ...]:
        return tuple(self.record(record) for record in self.case.records if record.kind in kinds)

    def to_sign(self, *, as_signatory: bool = False) -> tuple[RecordView, ...]:
        loaded = self.loaded
        waiting = signable(self.protocol, self.case, loaded.actor, loaded.now, loaded.around)
        return tuple(self.record(record, as_signatory=as_signatory) for record in waiting)

    # ---- pages -----------------------------------------------------------------------------------------------

    def page(self) -> CaseView:
        if self.loaded.metadata_only:
            return self._metadata_page()
        shown = self._whole_page()
        if self.loaded.door is None:
            return shown
        return replace(shown, next_moves=(), other_moves=(), ways_back=(), acts=(), to_sign=(), just_written=None)

    def _metadata_page(self) -> CaseView:
        """That the case is there, where it stands, who wrote when; and what is written for this reader's role."""
        return CaseView(
            head=self.head(),
            rail=self.rail(),
            next_moves=(),
            other_moves=(),
            acts=self.acts(),
            duties=(),
            dues=tuple(line for line in self.due_lines() if line.deadline and self._is_for_reader(line.deadline)),
            people=(),
            seats=(),
            referrals=(),
            whom={},
            holds=self.holds(),
            evidence=(),
            notes=(),
            follow_ups=(),
            dangers=(),
            to_sign=(),
            chronology=self.chronology(),
            successor=self.case.successor,
            joined=tuple(self.case.joined),
            opened_from=self.case.opened_from,
            contributes=self.case.contributes,
        )

    def _is_for_reader(self, deadline: Deadline) -> bool:
        """Whether what meets it is written in forms that this reader may read."""
        met_by = [source.act for source in deadline.met_by if source.act]
        return bool(met_by) and all(
            self.hidden(self.protocol.form_of(self.protocol.acts[act])) is None for act in met_by
        )

    def remarks(self) -> tuple[RemarkLine, ...]:
        """Remarks on copies, those that were dealt with among them."""
        return self._remarks

    @cached_property
    def _remarks(self) -> tuple[RemarkLine, ...]:
        return remark_lines.remark_lines(self.loaded, self.masks, self.names, self.reads_place)

    def observations(self) -> int:
        """How many of them wait for an answer."""
        return len(awaited(self.case.remarks))

    def missing_forms(self) -> tuple[Act, ...]:
        """What the protocol asks for and nobody has written, less what this reader may not read."""
        asked = remark_lines.missing_forms(self.protocol, self.duties(), self.counts, self.choices)
        return tuple(act for act in asked if self.hidden(self.protocol.form_of(act)) != "side")

    def _attached(self, event: RemarksAttached) -> dict[str, Any]:
        return remark_lines.attached_detail(self.loaded, self.masks, self.names, self.reads_place, event)

    def _settled(self, event: RemarkSettled) -> dict[str, Any]:
        return remark_lines.settled_detail(self.loaded, self.masks, self.reads_place, event)

    def review(self) -> ReviewLine | None:
        """Where the review of the case stands."""
        line = review_line(self)
        return replace(line, tone=tone_of(line.due_at, self.loaded.now)) if line is not None else None

    def _whole_page(self) -> CaseView:
        forward, other = self.moves()
        review = self.review()
        return CaseView(
            head=self.head(),
            rail=self.rail(),
            next_moves=forward,
            other_moves=other,
            ways_back=self.ways_back(),
            refusal=self.refusal(),
            acts=self.acts(),
            duties=self.duties(),
            dues=self.due_lines(),
            people=self.people(),
            seats=self.seats(),
            referrals=self.referrals(),
            whom={one.number: one.whom for one in self.case.referrals if one.whom},
            holds=self.holds(),
            remarks=self.remarks(),
            review=review,
            missing_forms=self.missing_forms() if review and review.may_observe else (),
            evidence=self.of_kind(ActKind.evidence),
            notes=self.of_kind(ActKind.note),
            follow_ups=self.follow_ups(),
            dangers=self.dangers(),
            to_sign=self.to_sign(),
            chronology=self.chronology(),
            successor=self.case.successor,
            joined=tuple(self.case.joined),
            opened_from=self.case.opened_from,
            contributes=self.case.contributes,
            just_written=self.just_written(),
        )

    def move(self, key: str) -> MoveView:
        move = self.protocol.moves.get(key)
        if move is None:
            raise Unseen(key)
        target = self.protocol.states.get(move.to)
        choice = next((one for one in self.choices if one.kind == "move" and one.key == key), None)
        if choice is None:
            elsewhere = Reason("not_from_here", states=move.from_)
            return MoveView(self.head(), move, target, (elsewhere,), (), is_open=False)
        departing = tuple(reason for reason in choice.reasons if reason.may_depart)
        rest = tuple(reason for reason in choice.reasons if not reason.may_depart)
        left = self.observations() if target is not None and target.ended else 0
        return MoveView(self.head(), move, target, rest, departing, choice.is_open, left)

    def choice(self, key: str) -> Choice:
        return next(one for one in self.choices if one.kind == "act" and one.key == key)

    def act_choices(self, act: Act, contacts: tuple[ContactLine, ...] = ()) -> Choices:
        """What the references of this act's form may point at: for a signature, what waits for this person's."""
        form = self.protocol.form_of(act)
        wanted = {item.type for item in form.fields} | {column.type for item in form.fields for column in item.fields}
        records: tuple[RecordView, ...] = ()
        if FieldType.record in wanted:
            signs = act.kind is ActKind.sign
            records = (
                self.to_sign(as_signatory=True) if signs else tuple(self.record(record) for record in self.case.records)
            )
        return Choices(
            people=self.people(),
            accounts=self._named_in(act) if wanted & {FieldType.account, FieldType.accounts} else (),
            referrals=self.referrals(),
            holds=self.holds(),
            records=records,
            cases=tuple(sorted(self.loaded.around.joinable)),
            contacts=contacts,
        )

    def _named_in(self, act: Act) -> tuple[AccountLine, ...]:
        loaded = self.loaded
        open_to = nameable(
            self.protocol, act.kind, self.case, loaded.around, loaded.facts.today, loaded.actor, loaded.roles
        )
        return tuple(one for one in self.colleagues() if one.id in open_to)

    def colleagues(self) -> tuple[AccountLine, ...]:
        """Whom a question may name: those of the school before those of the schools beside."""
        today, case = self.loaded.facts.today, self.case

        def seats_of(account: str) -> tuple[str, ...]:
            return tuple(held.seat for held in case.seats_of(account, today))

        lines = [
            AccountLine(
                one.id, one.name, held_around(one, self.loaded.around), one.trained, one.elsewhere, seats_of(one.id)
            )
            for one in self.loaded.around.people.values()
            if one.id not in self.case.exclusions
        ]
        return tuple(sorted(lines, key=lambda line: bool(line.elsewhere)))


def _told_of(record: Record) -> dict[str, Any]:
    """What follows from an entry, less the answers that it corrects: they are read with their own entry."""
    return {key: value for key, value in record.derived.items() if key != "changes"}


def _role_refused(choice: Choice) -> bool:
    return any(reason.code == "not_your_role" for reason in choice.reasons)


def _role_refused_line(line: MoveLine) -> bool:
    return any(reason.code == "not_your_role" for reason in line.reasons)
