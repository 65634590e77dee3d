"""A case is a list of events: `fold` makes of them what the case is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, TypeVar

from school_protocol.engine import kernel
from school_protocol.engine.case_parts import EVERY_GUARDIAN as EVERY_GUARDIAN
from school_protocol.engine.case_parts import (
    WHOM,
    act_values,
    is_above,
    is_signed,
    oversees,
    settles,
    twins,
    where_values,
)
from school_protocol.engine.case_parts import Before as Before
from school_protocol.engine.case_parts import DangerLife as DangerLife
from school_protocol.engine.case_parts import Door as Door
from school_protocol.engine.case_parts import FileLife as FileLife
from school_protocol.engine.case_parts import Hold as Hold
from school_protocol.engine.case_parts import Opened as Opened
from school_protocol.engine.case_parts import Person as Person
from school_protocol.engine.case_parts import Record as Record
from school_protocol.engine.case_parts import Referral as Referral
from school_protocol.engine.case_parts import RemarkMade as RemarkMade
from school_protocol.engine.case_parts import SeatHeld as SeatHeld
from school_protocol.engine.case_parts import Signature as Signature
from school_protocol.engine.case_parts import StateEntry as StateEntry
from school_protocol.engine.case_words import word_of_number
from school_protocol.engine.definition import HISTORY, NEUTRAL_KINDS, START, Act, ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.events import (
    READING_KINDS,
    AccessEnded,
    AccessLifted,
    CaseJoined,
    CaseOpened,
    CaseSeen,
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
    FileStep,
    Recorded,
    RemarksAttached,
    RemarkSettled,
    StepTaken,
    VersionChanged,
    WordChosen,
)


@dataclass(slots=True)
class Case:
    """What a case is after its events. Read it; only `fold` and its parts write."""

    number: str = ""
    word: str = ""
    """By which lists call it, of `case_words`."""
    unit: str = ""
    protocol: str = ""
    version: int = 0
    opened_at: datetime | None = None
    opened_by: str = ""
    reporter_role: str = ""
    state: str = START
    entries: list[StateEntry] = field(default_factory=list)
    opening_seq: int = 0
    opening_at: datetime | None = None
    before: Before | None = None
    by_number: dict[int, Record] = field(default_factory=dict)
    """The records, in the order of their numbers."""
    by_act: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Act → the numbers of its records."""
    dangers: list[DangerLife] = field(default_factory=list)
    referrals: list[Referral] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    seats: list[SeatHeld] = field(default_factory=list)
    exclusions: dict[str, int] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    steps: list[StepTaken] = field(default_factory=list)
    documents: list[DocumentIssued] = field(default_factory=list)
    revoked: dict[tuple[str, int], DocumentRevoked] = field(default_factory=dict)
    """Document and copy → how it was taken back."""
    remarks: list[RemarkMade] = field(default_factory=list)
    """What those who oversee have remarked on copies."""
    liftings: list[Opened] = field(default_factory=list)
    """Names lifted for a reader of pseudonyms."""
    files: dict[str, FileLife] = field(default_factory=dict)
    """Files of the register of evidence, by id."""
    doors: list[Door] = field(default_factory=list)
    """Emergency openings."""
    erasure: ErasureSuspended | ErasureResumed | None = None
    """The latest word on whether the case may be erased once its time has come."""
    base_level: int = 0
    validated_seq: int = 0
    former_level: int = 0
    grid: Mapping[str, Any] = field(default_factory=dict)
    restricted_seq: int | None = None
    seen: list[tuple[int, datetime]] = field(default_factory=list)
    last_seq: int = 0
    last_at: datetime | None = None
    content_seq: int = 0
    """The latest event that is neither an issuing nor a reading."""
    written_seq: int = 0
    """The same, another word for the case apart: nothing that somebody writes rests on it."""
    news_seq: int = 0
    """The latest event that adds content: voids visas, is news since an entry."""
    pieces: int = 0
    joined: list[str] = field(default_factory=list)
    opened_from: str | None = None
    contributes: bool = False
    successor: str | None = None
    retracted: dict[int, Record] = field(default_factory=dict)
    """Records that their writers took back, to be read and for nothing else."""
    undone: list[StepTaken] = field(default_factory=list)
    """Steps that followed by themselves from such a record, taken back with it."""
    former: dict[str, Person] = field(default_factory=dict)
    """People whom only such records named: their numbers are not given again."""
    events: list[Event] = field(default_factory=list, repr=False)
    """What it was folded from."""
    versions: list[tuple[int, int]] = field(default_factory=list)
    """The versions of its protocol that it has followed: from which event on, which."""
    earlier: Mapping[int, Protocol] = field(default_factory=dict, repr=False, compare=False)
    """The versions that it follows no more, as they were handed to `fold`."""

    @property
    def records(self) -> list[Record]:
        return list(self.by_number.values())

    @property
    def entry(self) -> StateEntry:
        return self.entries[-1]

    @property
    def footing(self) -> StateEntry:
        """The entry by which the case stands where it is; coming back after a false alarm is not a new one."""
        own = (entry for entry in reversed(self.entries) if entry.state == self.state and not entry.is_return)
        return next(own, self.entry)

    @property
    def level(self) -> int:
        """0 = not assessed, and 0 again while a danger raised since the last assessment stands."""
        newer = any(life.is_live and life.raised_seq > self.validated_seq for life in self.dangers)
        return 0 if newer else self.base_level

    def version_at(self, seq: int) -> int:
        """The version that the case followed as that event was written."""
        return next((version for since, version in reversed(self.versions) if since <= seq), self.version)

    def protocol_at(self, seq: int, current: Protocol) -> Protocol:
        """That version: one of the `earlier` ones, else the `current` one."""
        return self.earlier.get(self.version_at(seq), current)

    def copied(self) -> Case:
        """A case that can be folded on without touching this one: of a record, `fold` changes a copy."""
        case = _case_like(self)
        for name in _GATHERED:
            setattr(case, name, getattr(self, name).copy())
        case.dangers = list(map(_danger_like, self.dangers))
        case.referrals = list(map(_referral_like, self.referrals))
        case.holds = [replace(hold, reviewed=list(hold.reviewed)) for hold in self.holds]
        case.remarks = list(map(_remark_like, self.remarks))
        case.liftings = [replace(one) for one in self.liftings]
        case.doors = [replace(one) for one in self.doors]
        case.files = {key: replace(one, asked=list(one.asked)) for key, one in self.files.items()}
        return case

    def live_dangers(self, *states: str) -> list[DangerLife]:
        return [life for life in self.dangers if life.state in (states or ("raised", "referred"))]

    def is_live(self, danger: str) -> bool:
        return any(life.danger == danger and life.is_live for life in self.dangers)

    def record(self, seq: int) -> Record | None:
        return self.by_number.get(seq)

    def written(self, seq: int) -> Record | None:
        """The record of that number, taken back or not."""
        return self.record(seq) or self.retracted.get(seq)

    def records_of(self, *acts: str) -> list[Record]:
        """The records of these acts, in the order of their numbers."""
        numbers = [number for act in dict.fromkeys(acts) for number in self.by_act.get(act, ())]
        return [self.by_number[number] for number in (numbers if len(acts) == 1 else sorted(numbers))]

    def last_entered(self, states: Iterable[str]) -> StateEntry | None:
        """The latest entry of any of these states; coming back after a false alarm is none."""
        wanted = set(states)
        entered = (entry for entry in reversed(self.entries) if entry.state in wanted and not entry.is_return)
        return next(entered, None)

    def seats_of(self, account: str, day: date) -> list[SeatHeld]:
        return [held for held in self.seats if held.account == account and held.is_held(day)]

    def holder(self, seat: str, day: date) -> str | None:
        return next((held.account for held in reversed(self.seats) if held.seat == seat and held.is_held(day)), None)

    def lifting_of(self, account: str, now: datetime) -> Opened | None:
        """The lifting of names that stands for this person at that moment."""
        return next((one for one in self.liftings if one.account == account and one.stands(now)), None)

    def door_of(self, account: str, now: datetime) -> Door | None:
        """The emergency opening that stands for this person at that moment."""
        return next((one for one in self.doors if one.account == account and one.stands(now)), None)

    def is_held(self, guardian: str) -> bool:
        return any(hold.stands and hold.guardian in (guardian, EVERY_GUARDIAN) for hold in self.holds)


_GATHERED = (
    "by_number", "by_act", "entries", "seats", "exclusions", "people", "steps", "documents", "revoked",
    "seen", "joined", "retracted", "undone", "former", "events", "versions",
)  # fmt: skip
"""Lists and dicts of what never changes itself, or is put in its place anew."""
_case_like, _record_like = twins(Case), twins(Record)
_danger_like, _referral_like, _remark_like = twins(DangerLife), twins(Referral), twins(RemarkMade)


def _record_apart(record: Record) -> Record:
    found = _record_like(record)
    found.signatures, found.corrections = found.signatures.copy(), found.corrections.copy()
    return found


def fold(
    protocol: Protocol,
    events: Iterable[Event],
    onto: Case | None = None,
    *,
    earlier: Mapping[int, Protocol] = MappingProxyType({}),
) -> Case:
    """The case after `events`, in the order of their numbers; `onto` continues a case folded before.

    `protocol` is the version that it follows at the end; each event is read by the version that it was written under,
    those before a change of version by one of the `earlier` ones.
    """
    case = onto or Case(earlier=earlier)
    folding = _Folding(protocol, case)
    for event in events:
        folding.take(event)
    return case


class _Folding:
    def __init__(self, protocol: Protocol, case: Case, retracted: Iterable[int] = ()) -> None:
        self.latest = protocol
        self.case = case
        self.began, self.apart = case.last_seq, set[int]()
        """After which event what is folded is this fold's own; numbers of earlier records that it has copied."""
        self.retracted = {*case.retracted, *retracted}
        """Numbers of the records that are taken back, now or later: they have no effect."""
        self._follow(case.version)

    def _follow(self, version: int) -> None:
        """Read what comes by that version."""
        self.protocol = self.case.earlier.get(version, self.latest)
        moves = self.protocol.moves.values()
        self.interruptions = {state for move in moves if move.to == HISTORY for state in move.from_}
        """States that a case comes back from to where it was."""

    def take(self, event: Event) -> None:
        case = self.case
        case.events.append(event)
        case.last_seq, case.last_at = event.seq, event.at
        match event:
            case CaseOpened():
                self._opened(event)
            case Recorded() if event.seq in self.retracted:
                self._left_out(event)
            case Recorded():
                self._recorded(event)
            case EntryRetracted():
                self._retracted(event)
            case VersionChanged():
                self._version_changed(event)
            case StepTaken() if self._went_along(event):
                case.undone.append(event)
            case StepTaken():
                self._stepped(event)
            case CaseSeen():
                case.seen.append((event.seq, event.at))
            case WordChosen():
                case.word = event.word
            case CaseJoined():
                self._joined(event)
            case DocumentIssued():
                case.documents.append(event)
            case DocumentRevoked():
                case.revoked[event.document, event.copy] = event
            case RemarksAttached():
                case.remarks.extend(
                    RemarkMade(event.seq, place, remark, event.document, event.copy)
                    for place, remark in enumerate(event.remarks, 1)
                )
            case RemarkSettled():
                self._dealt_with(event)
            case AccessLifted() | DoorOpened() | AccessEnded() | DoorReviewed():
                self._sight_changed(event)
            case ErasureSuspended() | ErasureResumed():
                case.erasure = event
            case FileHandled():
                self._file(event)
            case FileOpened():
                case.files[event.file].opened += 1
        if not is_reading(event):
            case.content_seq = event.seq
            case.written_seq = case.written_seq if isinstance(event, WordChosen) else event.seq

    def _sight_changed(self, event: AccessLifted | DoorOpened | AccessEnded | DoorReviewed) -> None:
        case = self.case
        match event:
            case AccessLifted():
                until = datetime.fromisoformat(event.until)
                case.liftings.append(Opened(event.seq, event.actor, event.role, event.at, until))
            case DoorOpened():
                until, review_by = (datetime.fromisoformat(one) for one in (event.until, event.review_by))
                case.doors.append(Door(event.seq, event.actor, event.role, event.at, until, review_by=review_by))
            case AccessEnded():
                for opened in (*case.liftings, *case.doors):
                    if opened.seq == event.opened and opened.ended_at is None:
                        opened.ended_at = event.at
            case DoorReviewed():
                for door in case.doors:
                    if door.seq == event.door and door.reviewed_seq is None:
                        door.reviewed_seq, door.justified = event.seq, event.justified

    def _file(self, event: FileHandled) -> None:
        if event.step is FileStep.kept:
            self.case.files[event.file] = FileLife(
                event.file, event.entry, event.piece, event.sha256, event.size, event.format, event.at, event.actor
            )
            self._fill_in(event)
            return
        life = self.case.files[event.file]
        match event.step:
            case FileStep.shut:
                life.shut_at = life.shut_at or event.at
            case FileStep.asked:
                life.asked.append((event.target, event.at))
            case FileStep.destroyed:
                life.destroyed_at = life.destroyed_at or event.at

    def _fill_in(self, event: FileHandled) -> None:
        """The piece says of its file what was worked out as it was received, so that registers print it."""
        record, pieces = self.case.record(event.entry), self.protocol.pieces
        if record is None or pieces is None:
            return
        said = {pieces.digest: event.sha256, pieces.size: event.size, pieces.format: event.format}
        fields, known = self.protocol.form_of(record.act).by_key, dict[str, Any]()
        for key, value in said.items():
            field = fields.get(key or "")
            if field is not None and (not field.options or value in {option.key for option in field.options}):
                known[field.key] = value
        self._to_change(record).say({**record.answers, **known})

    def _opened(self, event: CaseOpened) -> None:
        case = self.case
        case.number, case.unit = event.number, event.unit
        case.word = event.word or word_of_number(event.number)
        case.protocol, case.version = event.protocol, event.version
        case.opened_at, case.opened_by, case.reporter_role = event.occurred_at, event.actor, event.role
        case.opened_from, case.contributes = event.opened_from, event.contributes
        case.opening_seq, case.opening_at = event.seq, event.occurred_at
        case.news_seq = event.seq
        case.versions.append((event.seq, event.version))
        self._follow(event.version)
        self._enter(event, event.state, START, None)
        if event.restricted:
            self._restrict(event.seq)

    def _version_changed(self, event: VersionChanged) -> None:
        """What was decided stays decided; what still waits for a signature is weighed by the new version."""
        case = self.case
        if event.former not in case.earlier:
            raise LookupError(f"version {event.former} is needed to read what was written under it")
        case.version = event.version
        case.versions.append((event.seq, event.version))
        self._follow(event.version)
        for record in case.records:
            if record.effective_seq is None:
                self._settle(self._to_change(record), event)

    def _enter(self, event: Event, state: str, source: str, move: str | None) -> None:
        self.case.state = state
        states = self.protocol.states
        is_return = move is not None and self.protocol.moves[move].to == HISTORY
        from_end = source != START and states[source].ended
        self.case.entries.append(
            StateEntry(
                state, source, event.seq, event.occurred_at, event.actor, move, is_return, states[state].ended, from_end
            )
        )

    # ---- moves -----------------------------------------------------------------------------------------------

    def _stepped(self, event: StepTaken) -> None:
        case, protocol = self.case, self.protocol
        move = protocol.moves[event.move]
        leaves_an_end = protocol.states[event.source].ended
        case.steps.append(event)
        case.successor = event.successor or case.successor
        case.news_seq = event.seq
        if event.target in self.interruptions and event.source not in self.interruptions:
            case.before = self._snapshot(event)
        if move.to == HISTORY and case.before is not None:
            self._restore(case.before)
        elif leaves_an_end:
            case.former_level = max(case.former_level, case.base_level)
            case.base_level, case.validated_seq = 0, 0
            case.opening_seq, case.opening_at = event.seq, event.occurred_at
        if event.level is not None:
            case.base_level, case.validated_seq, case.grid = event.level, event.seq, event.grid
        self._enter(event, event.target, event.source, event.move)

    def _snapshot(self, event: StepTaken) -> Before:
        case = self.case
        assert case.opening_at is not None
        return Before(
            event.source, case.entry.seq, case.opening_seq, case.opening_at, case.base_level, case.validated_seq,
            case.former_level,
        )  # fmt: skip

    def _restore(self, before: Before) -> None:
        case = self.case
        case.opening_seq, case.opening_at = before.opening_seq, before.opening_at
        case.base_level, case.validated_seq, case.former_level = (
            before.base_level, before.validated_seq, before.former_level,
        )  # fmt: skip
        case.before = None

    # ---- acts ------------------------------------------------------------------------------------------------

    def _record(self, event: Recorded, act: Act) -> Record:
        role = event.paper.role if event.paper else event.role
        record = Record(
            event.seq, act.key, act.kind, event.actor, role, event.at, event.occurred_at, dict(event.answers),
            event.derived, paper=event.paper, recorded_as=event.role,
        )  # fmt: skip
        self._weigh(record)
        return record

    def _to_change(self, record: Record) -> Record:
        """The record as this fold may change it: a copy in its place where another case may hold the record, too."""
        if record.seq > self.began or record.seq in self.apart:
            return self.case.by_number[record.seq]
        self.apart.add(record.seq)
        own = self.case.by_number[record.seq] = _record_apart(record)
        return own

    def _recorded(self, event: Recorded) -> None:
        act = self.protocol.acts[event.act]
        record = self._record(event, act)
        self.case.by_number[record.seq] = record
        self.case.by_act[act.key] = (*self.case.by_act.get(act.key, ()), record.seq)
        if act.kind not in NEUTRAL_KINDS:
            self.case.news_seq = event.seq
        for number, slot in dict(event.derived.get("people", {})).items():
            self.case.people[number] = Person(number, slot, event.seq, event.occurred_at)
        for danger in event.derived.get("raised", ()):
            self._raise(danger, event)
        if act.kind is ActKind.report:
            self._report(record, act)
        if event.derived.get("signed"):
            record.signatures.append(Signature(event.actor, event.role, event.seq, event.at))
        self._signs(act, record, event)
        self._at_once(record, event)
        self._settle(record, event)

    def _went_along(self, event: StepTaken) -> bool:
        """Whether it followed by itself from a record that was taken back."""
        return event.seq - 1 in self.retracted and self.protocol.moves[event.move].automatic

    def _left_out(self, event: Recorded) -> None:
        """A record that its writer took back: it is there to be read. Numbers that it gave are not given again."""
        record = self._record(event, self.protocol.acts[event.act])
        record.effective_seq, record.effective_at = event.seq, event.at
        if event.derived.get("signed"):
            record.signatures.append(Signature(event.actor, event.role, event.seq, event.at))
        self.case.retracted[event.seq] = record
        for number, slot in dict(event.derived.get("people", {})).items():
            self.case.former[number] = Person(number, slot, event.seq, event.occurred_at)
        self.case.pieces = max(self.case.pieces, int(event.derived.get("piece", 0)))

    def _retracted(self, event: EntryRetracted) -> None:
        """Fold anew as though the record had never had an effect: whatever it touched is as it was."""
        case = self.case
        if event.entry not in self.retracted:
            self.retracted.add(event.entry)
            again = _Folding(self.latest, Case(earlier=case.earlier), self.retracted)
            for earlier in case.events:
                again.take(earlier)
            for item in fields(Case):
                setattr(case, item.name, getattr(again.case, item.name))
        if event.entry in case.retracted:
            case.retracted[event.entry].retracted_at = event.at

    def _dealt_with(self, event: RemarkSettled) -> None:
        for made in self.case.remarks:
            if (made.seq, made.place) == (event.attached, event.remark) and made.is_open:
                made.settled_seq = event.seq

    def _weigh(self, record: Record) -> None:
        """Whether the record's answers let its kind's effect happen; of one from paper, whoever of the two acts."""
        act = self.protocol.acts[record.act]
        if act.effect_when is None:
            return
        asked = dict.fromkeys((record.role, record.recorded_as))
        record.grants = all(
            act.effect_when.holds(act_values(self.protocol, record.act, record.answers, role, record.author))
            for role in asked
        )

    def _at_once(self, record: Record, event: Event) -> None:
        """What doesn't wait for a second signature, or happens where the effect was not granted."""
        if record.kind is ActKind.hold:
            self._place_hold(record, None)
        elif record.kind is ActKind.answer_referral and not record.grants:
            self._acknowledge(record)

    def _report(self, record: Record, act: Act) -> None:
        form = self.protocol.form_of(act)
        values = where_values(self.protocol, form.fields, record.answers, record.role)
        if kernel.restricts(self.protocol, values, record.derived.get("people", {}).values()):
            self._restrict(record.seq)
        for item in form.fields:
            if item.type is FieldType.accounts:
                for account in record.answers.get(item.key, ()):
                    self._exclude(account, record.seq)

    def _signs(self, act: Act, record: Record, event: Recorded) -> None:
        if act.kind is ActKind.sign:
            target = self._pointed(record, FieldType.record)
            signed = self.case.record(int(target)) if target else None
            if signed is not None and not signed.signed_by(event.actor):
                signed = self._to_change(signed)
                signed.signatures.append(Signature(event.actor, event.role, event.seq, event.at))
                self._settle(signed, event)
        elif act.kind is ActKind.correct:
            self._correct(record)

    def _correct(self, record: Record) -> None:
        target = self._pointed(record, FieldType.record)
        corrected = self.case.record(int(target)) if target else None
        if corrected is None:
            return
        corrected = self._to_change(corrected)
        corrected.corrections.append(record.seq)
        if record.derived.get(WHOM):
            corrected.derived = {**corrected.derived, WHOM: record.derived[WHOM]}
            for referral in self.case.referrals:
                if referral.seq == corrected.seq:
                    referral.whom = dict(record.derived[WHOM])
        changes = record.derived.get("changes")
        if changes:
            form = self.protocol.form_of(corrected.act)
            unasked = {key: value for key, value in corrected.answers.items() if key not in form.by_key}
            corrected.say({**unasked, **changes})
            if "score" in record.derived:
                corrected.derived = {**corrected.derived, "score": record.derived["score"]}
            self._weigh(corrected)
            if self.protocol.acts[corrected.act].signatures:
                corrected.signatures.clear()
                corrected.effective_seq = corrected.effective_at = None

    def _settle(self, record: Record, event: Event) -> None:
        """Give the record its effect once nothing is missing for it."""
        if record.effective_seq is not None or not is_signed(self.protocol, record):
            return
        record.effective_seq, record.effective_at = event.seq, event.at
        if record.kind not in NEUTRAL_KINDS:
            self.case.news_seq = max(self.case.news_seq, event.seq)
        if record.grants:
            _EFFECTS.get(record.kind, _nothing)(self, record, event)
        elif record.kind is ActKind.review_hold:
            self._keep(record, event)

    def _pointed(self, record: Record, *types: FieldType) -> Any:
        item = self.protocol.form_of(record.act).find(*types)
        return None if item is None else record.answers.get(item.key)

    def _raise(self, danger: str, event: Event) -> None:
        if any(life.danger == danger for life in self.case.live_dangers("raised")):
            return
        self.case.dangers.append(DangerLife(danger, event.seq, event.occurred_at, event.actor))
        declared = self.protocol.dangers[danger]
        if declared.holds_guardians and not any(
            hold.stands and hold.guardian == EVERY_GUARDIAN for hold in self.case.holds
        ):
            self.case.holds.append(Hold(len(self.case.holds) + 1, EVERY_GUARDIAN, event.seq, event.occurred_at))
        if declared.restricts:
            self._restrict(event.seq)

    def _restrict(self, seq: int) -> None:
        if self.case.restricted_seq is None:
            self.case.restricted_seq = seq
            self.case.seats = [held for held in self.case.seats if held.by_overseer]

    def _exclude(self, account: str, seq: int) -> None:
        case = self.case
        case.exclusions.setdefault(account, seq)
        case.seats = [held for held in case.seats if held.account != account]
        for one in case.records:
            if one.signed_by(account):
                record = self._to_change(one)
                record.signatures = [each for each in record.signatures if each.account != account]
                if not is_signed(self.protocol, record) and record.kind is not ActKind.lift_danger:
                    if record.effective_seq is not None:  # what no longer counts is news: visas rested on it
                        case.news_seq = max(case.news_seq, seq)
                    record.effective_seq = record.effective_at = None
            if one.kind is ActKind.visa and one.actor == account:
                self._to_change(one).grants = False

    # ---- effects of kinds ------------------------------------------------------------------------------------

    def lift(self, record: Record, event: Event) -> None:
        danger = self._pointed(record, FieldType.danger)
        for life in self.case.dangers:
            if life.danger == danger and life.is_live:
                life.become("lifted", event.seq, event.at)

    def refer(self, record: Record, event: Event) -> None:
        target = self._pointed(record, FieldType.target)
        covers = tuple(self._pointed(record, FieldType.covers) or ())
        declared = self.protocol.targets[target]
        self.case.referrals.append(
            Referral(
                len(self.case.referrals) + 1, record.seq, target, covers, record.occurred_at, record.actor, record.role,
                awaits_answer=declared.awaits_answer, whom=dict(record.derived.get(WHOM) or {}),
            )
        )  # fmt: skip
        for life in self.case.live_dangers("raised"):
            if life.danger in covers and settles(self.protocol, life.danger, target):
                life.become("referred", event.seq, event.at)

    def take_over(self, record: Record, event: Event) -> None:
        covers = self._pointed(record, FieldType.covers) or self._pointed(record, FieldType.dangers)
        guardian = self._pointed(record, FieldType.person)
        if guardian is not None and self.case.is_held(guardian):
            return
        for life in self.case.live_dangers("raised"):
            named = covers is None or life.danger in covers
            if named and self.protocol.dangers[life.danger].taken_over_settles:
                life.become("referred", event.seq, event.at)

    def answer(self, record: Record, event: Event) -> None:
        for referral in _of_number(self.case.referrals, self._pointed(record, FieldType.referral)):
            referral.acknowledge(record.occurred_at)
            referral.settled_at = record.occurred_at

    def _acknowledge(self, record: Record) -> None:
        for referral in _of_number(self.case.referrals, self._pointed(record, FieldType.referral)):
            referral.acknowledge(record.occurred_at)

    def hold(self, record: Record, event: Event) -> None:
        self._place_hold(record, event.seq)

    def _place_hold(self, record: Record, confirmed: int | None) -> None:
        guardian = self._pointed(record, FieldType.person) or EVERY_GUARDIAN
        standing = next((one for one in self.case.holds if one.stands and one.guardian == guardian), None)
        if standing is None:
            standing = Hold(len(self.case.holds) + 1, guardian, record.seq, record.occurred_at)
            self.case.holds.append(standing)
        if confirmed is not None:
            standing.confirmed_seq = confirmed

    def review(self, record: Record, event: Event) -> None:
        for hold in _of_number(self.case.holds, self._pointed(record, FieldType.hold)):
            hold.lifted_seq, hold.lifted_at = event.seq, event.at

    def _keep(self, record: Record, event: Event) -> None:
        for hold in _of_number(self.case.holds, self._pointed(record, FieldType.hold)):
            hold.reviewed.append((event.seq, event.at))
            hold.confirmed_seq = hold.confirmed_seq or event.seq

    def seat(self, record: Record, event: Event) -> None:
        seat = self._pointed(record, FieldType.seat)
        account = self._pointed(record, FieldType.account)
        side = self._pointed(record, FieldType.side)
        until = self._pointed(record, FieldType.date)
        is_restricted = self.case.restricted_seq is not None
        overseer = (is_above if is_restricted else oversees)(self.protocol, record.role)
        if is_restricted and not overseer:
            return
        new = SeatHeld(seat, account, record.seq, side, until, overseer)
        self.case.seats = [*(held for held in self.case.seats if not self._gives_way(held, new)), new]

    def _gives_way(self, held: SeatHeld, new: SeatHeld) -> bool:
        """Whether a seat ends as the new one is given: the same person's, or one that one person (a side) holds."""
        alone = not self.protocol.seats[new.seat].several and held.side == new.side
        return held.seat == new.seat and (alone or held.account == new.account)

    def exclude(self, record: Record, event: Event) -> None:
        account = self._pointed(record, FieldType.account) or record.actor
        self._exclude(account, event.seq)

    def evidence(self, record: Record, event: Event) -> None:
        self.case.pieces += 1

    def name_joined(self, record: Record, event: Event) -> None:
        self.case.successor = self._pointed(record, FieldType.case)

    def _joined(self, event: CaseJoined) -> None:
        case = self.case
        case.joined.append(event.other)
        case.news_seq = event.seq
        case.people |= {
            number: Person(number, slot, event.seq, event.occurred_at) for number, slot in event.people.items()
        }
        for danger in event.dangers:
            self._raise(danger, event)
        if event.holds and not case.is_held(EVERY_GUARDIAN):  # numbers of people are each case's own
            case.holds.append(Hold(len(case.holds) + 1, EVERY_GUARDIAN, event.seq, event.occurred_at))
        for account in event.exclusions:
            self._exclude(account, event.seq)
        for carried in event.referrals:
            case.referrals.append(
                Referral(
                    len(case.referrals) + 1, event.seq, carried["target"], tuple(carried["covers"]),
                    datetime.fromisoformat(carried["at"]), event.actor, event.role,
                    whom=dict(carried.get(WHOM) or {}),
                )
            )  # fmt: skip


_Counted = TypeVar("_Counted", Referral, Hold)


def _of_number(those: Iterable[_Counted], number: object) -> Iterator[_Counted]:
    """The one of them with that number, as a form names it; none where it names none."""
    return (one for one in those if str(one.number) == str(number))


def _nothing(folding: _Folding, record: Record, event: Event) -> None:
    return None


_EFFECTS: Mapping[ActKind, Any] = {
    ActKind.lift_danger: _Folding.lift,
    ActKind.refer: _Folding.refer,
    ActKind.take_over: _Folding.take_over,
    ActKind.answer_referral: _Folding.answer,
    ActKind.hold: _Folding.hold,
    ActKind.review_hold: _Folding.review,
    ActKind.seat: _Folding.seat,
    ActKind.exclude: _Folding.exclude,
    ActKind.evidence: _Folding.evidence,
    ActKind.join: _Folding.name_joined,
}


def is_reading(event: Event) -> bool:
    return isinstance(event, _READINGS)


_READINGS = (
    CaseSeen, DocumentIssued, DocumentRevoked, AccessLifted, AccessEnded, DoorOpened, DoorReviewed, FileOpened,
)  # fmt: skip
assert {kind.value for kind in READING_KINDS} == {kind.__name__ for kind in _READINGS}
