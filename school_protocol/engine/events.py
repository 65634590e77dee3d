"""What happened in a case: past-tense events, frozen, numbered from 1, never changed.

An event has a clear header (who, as what, when) and a sealed body. The body is kept in two parts, so that words can be
destroyed without touching what decisions rest on: `body` (structured answers, references, values that were read) and
`words` (free text, by dotted path). `Entry` is that kept form; the classes below are what the rules speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import FieldType, Form

Answers = Mapping[str, Any]


class EventKind(StrEnum):
    """Names in the past tense; each has one partial in the chronology."""

    case_opened = "CaseOpened"
    step_taken = "StepTaken"
    case_seen = "CaseSeen"
    word_chosen = "WordChosen"
    case_joined = "CaseJoined"
    public_report_placed = "PublicReportPlaced"
    entry_retracted = "EntryRetracted"
    version_changed = "VersionChanged"
    document_issued = "DocumentIssued"
    document_revoked = "DocumentRevoked"
    remarks_attached = "RemarksAttached"
    remark_settled = "RemarkSettled"
    review_asked = "ReviewAsked"
    review_ended = "ReviewEnded"
    access_lifted = "AccessLifted"
    access_ended = "AccessEnded"
    door_opened = "DoorOpened"
    door_reviewed = "DoorReviewed"
    erasure_suspended = "ErasureSuspended"
    erasure_resumed = "ErasureResumed"
    file_handled = "FileHandled"
    file_opened = "FileOpened"
    form_recorded = "FormRecorded"
    report_received = "ReportReceived"
    danger_raised = "DangerRaised"
    danger_lifted = "DangerLifted"
    referral_sent = "ReferralSent"
    referral_answered = "ReferralAnswered"
    child_taken_over = "ChildTakenOver"
    guardian_informed = "GuardianInformed"
    hold_placed = "HoldPlaced"
    hold_reviewed = "HoldReviewed"
    visa_given = "VisaGiven"
    record_signed = "RecordSigned"
    seat_named = "SeatNamed"
    person_excluded = "PersonExcluded"
    person_added = "PersonAdded"
    note_added = "NoteAdded"
    correction_made = "CorrectionMade"
    evidence_registered = "EvidenceRegistered"
    grid_scored = "GridScored"
    follow_up_held = "FollowUpHeld"
    joining_named = "JoiningNamed"
    transfer_asked = "TransferAsked"
    transfer_accepted = "TransferAccepted"
    contribution_asked = "ContributionAsked"
    contribution_answered = "ContributionAnswered"
    contribution_settled = "ContributionSettled"
    school_told = "SchoolTold"
    duty_excused = "DutyExcused"
    rights_requested = "RightsRequested"
    summary_confirmed = "SummaryConfirmed"


EVENT_OF_ACT: Mapping[ActKind, EventKind] = {
    ActKind.record: EventKind.form_recorded,
    ActKind.report: EventKind.report_received,
    ActKind.raise_danger: EventKind.danger_raised,
    ActKind.lift_danger: EventKind.danger_lifted,
    ActKind.refer: EventKind.referral_sent,
    ActKind.answer_referral: EventKind.referral_answered,
    ActKind.take_over: EventKind.child_taken_over,
    ActKind.inform: EventKind.guardian_informed,
    ActKind.hold: EventKind.hold_placed,
    ActKind.review_hold: EventKind.hold_reviewed,
    ActKind.visa: EventKind.visa_given,
    ActKind.sign: EventKind.record_signed,
    ActKind.seat: EventKind.seat_named,
    ActKind.exclude: EventKind.person_excluded,
    ActKind.add_person: EventKind.person_added,
    ActKind.note: EventKind.note_added,
    ActKind.correct: EventKind.correction_made,
    ActKind.evidence: EventKind.evidence_registered,
    ActKind.grid: EventKind.grid_scored,
    ActKind.follow_up: EventKind.follow_up_held,
    ActKind.join: EventKind.joining_named,
    ActKind.ask_transfer: EventKind.transfer_asked,
    ActKind.accept_transfer: EventKind.transfer_accepted,
    ActKind.contribute: EventKind.contribution_asked,
    ActKind.answer_contribution: EventKind.contribution_answered,
    ActKind.settle_contribution: EventKind.contribution_settled,
    ActKind.tell_school: EventKind.school_told,
    ActKind.excuse: EventKind.duty_excused,
    ActKind.rights: EventKind.rights_requested,
    ActKind.summary: EventKind.summary_confirmed,
}

READING_KINDS = frozenset(
    {
        EventKind.document_issued,
        EventKind.document_revoked,
        EventKind.case_seen,
        EventKind.access_lifted,
        EventKind.access_ended,
        EventKind.door_opened,
        EventKind.door_reviewed,
        EventKind.file_opened,
    }
)
"""Issuing, taking back what was issued, and reading in any way: they move the chain, not the content head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event as it is kept. `words` is None where they were destroyed; `seq` is 0 until it is appended."""

    seq: int = 0
    kind: str
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    body: Mapping[str, Any]
    words: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Header common to all: account id, role or seat acted as, recorded-at and occurred-at in UTC."""

    seq: int = 0
    actor: str
    role: str
    at: datetime
    occurred_at: datetime

    def numbered(self, seq: int) -> Event:
        return replace(self, seq=seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened(Event):
    protocol: str
    version: int
    digest: str
    number: str
    unit: str
    state: str
    report: str | None = None
    opened_from: str | None = None
    """Number of the case that this one continues (transfer, split), or contributes to."""
    contributes: bool = False
    """Whether another school leads the case to which this one contributes what it knows of its own pupils."""
    restricted: bool = False
    """Whether it opens to those who oversee, alone."""
    word: str = ""
    """By which lists call it, of `case_words`; cases of before words were given have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handwritten:
    """That an act stood on paper before somebody typed it in: who wrote it, in which role or seat, when."""

    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Event):
    """An act was recorded: its answers, and what the engine derived from them.

    The header says who recorded it. Where it was written on paper first, `paper` says whose act it is.
    """

    act: str
    kind: EventKind
    answers: Answers
    destroyed: bool = False
    """Its words were destroyed; the structured answers stand."""
    derived: Mapping[str, Any] = field(default_factory=dict)
    """Dangers newly raised, numbers given (referral, piece, hold), persons added, digest signed."""
    paper: Handwritten | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken(Event):
    move: str
    source: str
    target: str
    reason: str = ""
    departures: Mapping[str, str] = field(default_factory=dict)
    """Need → reason for going on without it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The facts that the needs read, as they were."""
    level: int | None = None
    grid: Mapping[str, Any] = field(default_factory=dict)
    successor: str | None = None
    """Number of the case that goes on in this one's place, where the move opens one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSeen(Event):
    """Somebody who answers for it opened the case for the first time since it, or a danger in it, came in; by `role`,
    the team itself, or somebody above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordChosen(Event):
    """Whoever leads the case has lists call it by another word of `case_words`."""

    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseJoined(Event):
    """Another case about the same pupil was joined to this one: what it carries over."""

    other: str
    dangers: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    referrals: tuple[Mapping[str, Any], ...] = ()
    handover: Mapping[str, str] = field(default_factory=dict)
    """What the other case hands over in words, by field."""
    people: Mapping[str, str] = field(default_factory=dict)
    """Who goes along, under the numbers that they have here → their slots; who they are is sealed apart."""


class Put(StrEnum):
    """What became of a public report in a case."""

    opened = "opened"
    linked = "linked"
    taken_out = "taken_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicReportPlaced(Event):
    """Somebody of the staff put to the case what was told without an account, or took it out again.

    It says that something was told, and within which hour: nothing of what, and nothing of by whom.
    """

    how: Put
    hour: str
    """The hour within which it came, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRetracted(Event):
    """Whoever recorded an act took it back within minutes: it stays to be read, and nothing rests on it any more."""

    entry: int
    act: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChanged(Event):
    """From here on the case follows another version of its protocol; what was written before stays as it was."""

    former: int
    former_digest: str
    version: int
    digest: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentIssued(Event):
    document: str
    profile: str
    language: str
    copy: int
    content_head: str
    digest: str
    """sha256 of the file, hex."""
    reader: str = ""
    """Whom it was made out to, in the words that stand on it."""
    at_seq: int = 0
    """Number of the latest event that its pages and its record know of; 0: all before it."""
    as_of: str = ""
    """The moment of which its pages speak, ISO 8601; empty: the moment of issuing."""
    about: str = ""
    """Of a case file, for whom it was made: `self`, a unit's id, `referral-2`, a person of the case."""
    parts: tuple[str, ...] = ()
    """sha256 of each PDF in it, hex, where it is an archive of several."""
    request: int = 0
    """The entry by which somebody asked for this copy of what is kept of them; 0: none."""
    dispatch: str = ""
    """Of a letter that leaves: its number in the register of outgoing letters, `12/2026`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRevoked(Event):
    """A copy that was handed out is to be relied on no longer; verification says so."""

    document: str
    copy: int
    reason: str


class RemarkKind(StrEnum):
    """What a remark asks for."""

    question = "question"
    complete = "complete"
    correct = "correct"
    information = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One remark: on the file as a whole, a section of it, an entry or one answer of it, a form that is missing."""

    kind: RemarkKind
    text: str
    """Empty: its words were destroyed."""
    awaits: bool = False
    """Whether it must be answered."""
    section: str = ""
    entry: int = 0
    field: str = ""
    """The question of the entry's form that it is on."""
    act: str = ""
    """The act that the protocol asks for and that nobody has written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarksAttached(Event):
    """Somebody who oversees has read a copy, or (copy 0) the case on screen, and this is what they remark.

    The header says who attached them. Where they were written on paper first, `paper` says by whom, and when.
    """

    document: str
    copy: int
    digest: str
    """sha256 of the copy that was read, hex."""
    content_head: str
    """The content that this copy speaks of."""
    remarks: tuple[Remark, ...]
    paper: Handwritten | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkSettled(Event):
    """A remark was dealt with, and, if somebody said so, how."""

    attached: int
    """Number of the event that it came with."""
    remark: int
    """Its place there, from 1."""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAsked(Event):
    """The case waits for those who review it: somebody sent it to them, or a step called for it by itself."""

    move: str = ""
    """The step that called for it; empty: somebody sent it."""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEnded(Event):
    """Whoever reviews has examined the case, and asks for nothing more."""

    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureSuspended(Event):
    """What the case holds is not erased before that day is over, whatever its time limit: proceedings run, say."""

    until: str
    """ISO day, included."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureResumed(Event):
    """Nothing stands any more against erasing the case once its time has come."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLifted(Event):
    """A reader of pseudonyms reads names for a time, for a reason that they gave."""

    until: str
    """The moment at which it ends by itself, ISO 8601."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEnded(Event):
    """What was opened for a time (names, or the case itself) is closed before its time."""

    opened: int
    """Number of the event that opened it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorOpened(Event):
    """Somebody of the chain of oversight, to whom the case was closed, opened it in an emergency, to read it."""

    until: str
    review_by: str
    """By when somebody else says whether that was justified, ISO 8601."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorReviewed(Event):
    """A second person has said whether an emergency opening was justified."""

    door: int
    """Number of the event that opened it."""
    justified: bool
    sentence: str = ""


class FileStep(StrEnum):
    """What becomes of a file of the register."""

    kept = "kept"
    shut = "shut"
    asked = "asked"
    destroyed = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHandled(Event):
    """A file of a piece of evidence was received, shut for good, asked about, or destroyed; of its content nothing."""

    file: str
    """Its id."""
    entry: int
    """Number of the event that registered the piece."""
    piece: int
    """The piece's number in the register."""
    step: FileStep
    sha256: str = ""
    """Of what was received, hex; said as it is kept, and of what was destroyed no more."""
    size: int = 0
    """Bytes received."""
    format: str = ""
    target: str = ""
    """The service that was asked what is to become of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpened(Event):
    """Somebody was given what was made of a file, or the file itself (`original`), for a reason."""

    file: str
    entry: int
    piece: int
    original: bool
    purpose: str
    reason: str = ""


def split_words(form: Form, answers: Answers) -> tuple[dict[str, Any], dict[str, str]]:
    """Structured answers and, by dotted path, the words taken out of them."""
    body: dict[str, Any] = {}
    words: dict[str, str] = {}
    for key, value in answers.items():
        found = form.by_key.get(key)
        if found is not None and found.is_words and isinstance(value, str):
            words[key] = value
        elif found is not None and found.type is FieldType.rows and isinstance(value, list | tuple):
            texts = {column.key for column in found.fields if column.is_words}
            rows = []
            for number, row in enumerate(value):
                rows.append({name: cell for name, cell in row.items() if name not in texts})
                words.update(
                    {f"{key}.{number}.{name}": cell for name, cell in row.items() if name in texts and cell is not None}
                )
            body[key] = rows
        else:
            body[key] = value
    return body, words


def join_words(body: Answers, words: Mapping[str, str] | None) -> dict[str, Any]:
    """The answers whole again; where words were destroyed they are simply absent."""
    answers: dict[str, Any] = {
        key: [dict(row) if isinstance(row, Mapping) else row for row in value] if isinstance(value, list) else value
        for key, value in body.items()
    }
    for path, text in (words or {}).items():
        key, _, rest = path.partition(".")
        if not rest:
            answers[key] = text
            continue
        number, _, column = rest.partition(".")
        answers[key][int(number)][column] = text
    return answers


# ---- as kept -----------------------------------------------------------------------------------------------------

_SIMPLE: Mapping[EventKind, type[Event]] = {
    EventKind.case_opened: CaseOpened,
    EventKind.case_seen: CaseSeen,
    EventKind.word_chosen: WordChosen,
    EventKind.case_joined: CaseJoined,
    EventKind.public_report_placed: PublicReportPlaced,
    EventKind.entry_retracted: EntryRetracted,
    EventKind.version_changed: VersionChanged,
    EventKind.step_taken: StepTaken,
    EventKind.document_issued: DocumentIssued,
    EventKind.document_revoked: DocumentRevoked,
    EventKind.remarks_attached: RemarksAttached,
    EventKind.remark_settled: RemarkSettled,
    EventKind.review_asked: ReviewAsked,
    EventKind.review_ended: ReviewEnded,
    EventKind.access_lifted: AccessLifted,
    EventKind.access_ended: AccessEnded,
    EventKind.door_opened: DoorOpened,
    EventKind.door_reviewed: DoorReviewed,
    EventKind.erasure_suspended: ErasureSuspended,
    EventKind.erasure_resumed: ErasureResumed,
    EventKind.file_handled: FileHandled,
    EventKind.file_opened: FileOpened,
}
_KIND_OF: Mapping[type[Event], EventKind] = {cls: kind for kind, cls in _SIMPLE.items()}
_REASONED = frozenset(
    {
        EventKind.version_changed, EventKind.document_revoked, EventKind.erasure_suspended, EventKind.erasure_resumed,
        EventKind.access_lifted, EventKind.door_opened, EventKind.file_opened,
    }
)  # fmt: skip
_WITH_REASON = (VersionChanged, DocumentRevoked, ErasureSuspended, ErasureResumed, AccessLifted, DoorOpened, FileOpened)
_SAID = frozenset({EventKind.remark_settled, EventKind.door_reviewed, EventKind.review_asked, EventKind.review_ended})
_WITH_SENTENCE = (RemarkSettled, DoorReviewed, ReviewAsked, ReviewEnded)
_CHANGED = "~changes"
_HEADER = frozenset({"seq", "actor", "role", "at", "occurred_at"})


def kind_of(event: Event) -> EventKind:
    return event.kind if isinstance(event, Recorded) else _KIND_OF[type(event)]


def to_entry(protocol: Protocol, event: Event) -> Entry:
    """`event` as it is kept: words taken out of the body."""
    if isinstance(event, Recorded):
        body, words = split_words(protocol.form_of(event.act), event.answers)
        derived = dict(event.derived)
        if "changes" in derived:
            derived["changes"], changed = split_words(protocol.form_of(derived["corrected"]), derived["changes"])
            words |= {f"{_CHANGED}.{path}": text for path, text in changed.items()}
        body = {"act": event.act, "answers": body, "derived": derived}
        if event.paper is not None:
            body["paper"] = _as_kept(event.paper)
    else:
        body = {item.name: getattr(event, item.name) for item in fields(event) if item.name not in _HEADER}
        words = {}
        if isinstance(event, StepTaken):
            words = {"reason": body.pop("reason")} if event.reason else {}
            words |= {f"departures.{need}": why for need, why in event.departures.items()}
            body["departures"] = sorted(event.departures)
        elif isinstance(event, _WITH_REASON):
            words = {"reason": body.pop("reason")} if event.reason else {}
        elif isinstance(event, CaseJoined):
            words = {f"handover.{key}": text for key, text in body.pop("handover").items()}
        elif isinstance(event, RemarksAttached):
            words = {f"remarks.{place}": remark.text for place, remark in enumerate(event.remarks)}
            body["remarks"] = [_without_text(remark) for remark in event.remarks]
            body["paper"] = _as_kept(event.paper) if event.paper is not None else None
        elif isinstance(event, _WITH_SENTENCE):
            words = {"sentence": body.pop("sentence")} if event.sentence else {}
    return Entry(
        seq=event.seq,
        kind=kind_of(event).value,
        actor=event.actor,
        role=event.role,
        at=event.at,
        occurred_at=event.occurred_at,
        body=body,
        words=words,
    )


def from_entry(entry: Entry) -> Event:
    """The event that an entry keeps. Words that were destroyed are absent, what decisions rest on is not."""
    kind = EventKind(entry.kind)
    header: dict[str, Any] = {
        "seq": entry.seq,
        "actor": entry.actor,
        "role": entry.role,
        "at": entry.at,
        "occurred_at": entry.occurred_at,
    }
    body, words = dict(entry.body), entry.words or {}
    if kind not in _SIMPLE:
        derived = dict(body["derived"])
        changed = {path.removeprefix(f"{_CHANGED}."): text for path, text in words.items() if path.startswith(_CHANGED)}
        if "changes" in derived:
            derived["changes"] = join_words(derived["changes"], changed)
        own = {path: text for path, text in words.items() if not path.startswith(_CHANGED)}
        return Recorded(
            **header,
            kind=kind,
            act=body["act"],
            answers=join_words(body["answers"], own),
            derived=derived,
            destroyed=entry.words is None,
            paper=_handwritten(body.get("paper")),
        )
    if kind is EventKind.step_taken:
        body.pop("dues", None)  # steps told what fell due after them, once; it is worked out where it is read
        body["reason"] = words.get("reason", "")
        body["departures"] = {need: words.get(f"departures.{need}", "") for need in body["departures"]}
    elif kind in _REASONED:
        body["reason"] = words.get("reason", "")
    elif kind is EventKind.public_report_placed:
        body["how"] = Put(body["how"])
    elif kind is EventKind.file_handled:
        body["step"] = FileStep(body["step"])
    elif kind is EventKind.document_issued:
        body["parts"] = tuple(body.get("parts", ()))
    elif kind is EventKind.case_joined:
        body["handover"] = {key.partition(".")[2]: text for key, text in words.items()}
        for name in ("dangers", "holds", "exclusions", "referrals"):
            body[name] = tuple(body[name])
    elif kind is EventKind.remarks_attached:
        body["remarks"] = tuple(
            Remark(**{**kept, "kind": RemarkKind(kept["kind"])}, text=words.get(f"remarks.{place}", ""))
            for place, kept in enumerate(body["remarks"])
        )
        body["paper"] = _handwritten(body["paper"])
    elif kind in _SAID:
        body["sentence"] = words.get("sentence", "")
    return _SIMPLE[kind](**header, **body)


def _without_text(remark: Remark) -> dict[str, Any]:
    place = {"field": remark.field, "act": remark.act}
    return {
        "kind": remark.kind.value, "awaits": remark.awaits, "section": remark.section, "entry": remark.entry,
        **{name: value for name, value in place.items() if value},
    }  # fmt: skip


def _as_kept(paper: Handwritten) -> dict[str, str]:
    return {"by": paper.by, "role": paper.role, "at": paper.at.isoformat()}


def _handwritten(kept: Mapping[str, str] | None) -> Handwritten | None:
    if kept is None:
        return None
    return Handwritten(by=kept["by"], role=kept["role"], at=datetime.fromisoformat(kept["at"]))
