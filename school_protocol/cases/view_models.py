"""What may be shown of a case: frozen, already limited to what one reader may see, in no language yet.

Pages and papers are made of the same lines. Texts of the definition travel as its own objects (`State`, `Act`,
`Need` ...); `wording` speaks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from school_protocol.engine.act_checks import raises_danger
from school_protocol.engine.definition import (
    Act,
    Caution,
    Danger,
    Deadline,
    Duty,
    Level,
    Move,
    Need,
    Protocol,
    Seat,
    Slot,
    Stage,
    State,
    Target,
)
from school_protocol.engine.definition_parts import FieldType, Form, Option
from school_protocol.engine.intents import Reason
from school_protocol.engine.story import StoryLine
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Unit
from school_protocol.language import ZONE
from school_protocol.people.contacts import ContactLine


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person of the case: `label` is slot code and number (EV1); `name` is None where it isn't for this reader."""

    id: str
    slot: Slot
    label: str
    name: str | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


@dataclass(frozen=True, slots=True)
class SignatureLine:
    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaperLine:
    """Who wrote an entry on paper before it was typed in, in which role, when."""

    name: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordView:
    """One recorded act. `answers` holds only what this reader may read; `hidden` says why something is missing."""

    seq: int
    event: str
    """Name of the event kind, in snake_case: the partial's name."""
    act: Act
    form: Form
    answers: Mapping[str, Any]
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    signatures: tuple[SignatureLine, ...] = ()
    signatures_wanted: int = 0
    is_effective: bool = True
    hidden: str | None = None
    """`side`: the whole record is for another side; `words`: the words are; `copy`: other answers are; `destroyed`."""
    derived: Mapping[str, Any] = field(default_factory=dict)
    corrections: tuple[int, ...] = ()
    first: Mapping[str, Any] | None = None
    """Where it was corrected: the answers as they were first written, as far as this reader may read them."""
    first_whom: Mapping[str, str] = field(default_factory=dict)
    """Of a referral that was corrected: the service that it named first."""
    taken_back: datetime | None = None
    """When its writer took it back: nothing rests on it any more."""
    undo_until: datetime | None = None
    """Until when this reader, who wrote it, may take it back."""
    protocol: Protocol | None = None
    """The version of the protocol that it was written under."""
    paper: PaperLine | None = None
    """Where it stood on paper first; `actor` and `role` are then of whoever typed it in."""
    left_out: tuple[str, ...] = ()
    """In a copy: the questions (`field`, `rows.column`) whose answers are left out; none where that would tell."""
    remarks: tuple[RemarkLine, ...] = ()
    """What those who oversee have observed on it, on its own page."""

    @property
    def raises_danger(self) -> bool:
        return raises_danger(self.act.kind, self.derived)

    @property
    def author(self) -> str:
        return self.paper.name if self.paper else self.actor

    @property
    def author_role(self) -> str:
        return self.paper.role if self.paper else self.role

    @property
    def written_at(self) -> datetime:
        return self.paper.at if self.paper else self.at


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the chronology. `record` for acts; `detail` for the rest, as the partial of its kind reads it."""

    seq: int
    kind: str
    """Name of the event kind, in snake_case: the partial's name."""
    actor: str
    role: str
    at: datetime
    occurred_at: datetime
    record: RecordView | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[RemarkLine, ...] = ()
    """What those who oversee have observed on it, on pages."""
    settled: RemarkLine | None = None
    """The remark that it says was dealt with, on pages."""


@dataclass(frozen=True, slots=True)
class DueLine:
    """`tone`: late, today, soon, later; `subject` is a danger, a person's label or a referral number, for display.

    Of a planned follow-up there is no deadline: it is due as its day ends. What is to be asked again has no moment.
    """

    deadline: Deadline | None
    subject: str
    due_at: datetime | None
    tone: str
    acts: tuple[Act, ...] = ()
    """Open acts that would do it."""
    is_others: bool = False
    """None of this reader's roles may do it."""


@dataclass(frozen=True, slots=True)
class DutyLine:
    duty: Duty
    state: str
    tone: str
    due_at: datetime | None = None
    done_at: datetime | None = None
    acts: tuple[Act, ...] = ()
    """Open acts that would do it."""
    subject: str = ""
    is_others: bool = False
    """It is for none of this reader's roles."""


@dataclass(frozen=True, slots=True)
class DangerLine:
    danger: Danger
    state: str
    raised_at: datetime
    by: str
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReferralLine:
    number: int
    seq: int
    target: Target
    covers: tuple[str, ...]
    sent_at: datetime
    channel: Option | None
    by: str
    state: str
    """open, acknowledged, settled."""
    answered_at: datetime | None = None
    whom: Mapping[str, str] = field(default_factory=dict)
    """The names of the organisation that it went to, where somebody said which."""


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """One remark on a copy, or (copy 0) on the case as it stood on screen.

    `section`, `entry` with `field`, and `act` (a form that is missing) say what it is on; none: the file as a whole.
    """

    seq: int
    place: int
    document: str
    copy: int
    kind: str
    section: str
    entry: int
    awaits: bool
    text: str
    by: str
    role: str
    at: datetime
    settled_at: datetime | None = None
    settled_by: str = ""
    sentence: str = ""
    on: Text | None = None
    """Title of what it is on: an act, a step, a document that was handed out."""
    on_record: bool = False
    """It is on an entry that has a page of its own, which this reader may open."""
    is_hidden: bool = False
    """It is on an entry, or a form, of a side that is not this reader's: nor are its words, nor which form it is."""
    field: str = ""
    act: str = ""
    part: Text | None = None
    """The question that it is on, in words."""
    at_entry: int = 0
    """The entry beside which it stands: the one that it is on, or that of its copy."""


@dataclass(frozen=True, slots=True)
class HoldLine:
    number: int
    guardian: PersonLine | None
    """None: every guardian."""
    since: datetime
    confirmed: bool
    stands: bool
    review_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeatLine:
    seat: Seat
    name: str
    until: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUpLine:
    """A planned or held follow-up. `state`: held, missed, planned."""

    day: date
    state: str
    offset: int | None = None
    record: RecordView | None = None


@dataclass(frozen=True, slots=True)
class RailStage:
    """`state`: done, current, ahead."""

    stage: Stage
    state: str
    entered_at: datetime | None = None
    states: tuple[State, ...] = ()
    """States of the stage that were entered, in order; the last is where the case stands if current."""


@dataclass(frozen=True, slots=True)
class CautionLine:
    """Something to mind about people of the case, by their signs; none: the entry named nobody."""

    caution: Caution
    people: tuple[PersonLine, ...]


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What every page of a case shows above its content."""

    protocol: Protocol
    number: str
    seq: int
    """Number of the latest event: the expected number of the next form."""
    unit: Unit
    state: State
    stage: Stage
    level: Level | None
    opened_at: datetime
    entered_at: datetime
    restricted: bool
    pseudonymised: bool
    roles: tuple[str, ...]
    """Titles are found in protocol.roles or protocol.seats."""
    live_dangers: tuple[DangerLine, ...] = ()
    cautions: tuple[CautionLine, ...] = ()
    can_raise: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    """Person of the case or account → how this reader sees them named."""
    metadata_only: bool = False
    has_papers: bool = True
    """Whether a copy of some document is this reader's to issue."""
    names_until: datetime | None = None
    """Until when names are lifted for this reader."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Page of the case → how much is on it, of those that this reader has."""
    open_until: datetime | None = None
    """Until when an emergency opening lets this reader read the case, and nothing else does."""
    word: Mapping[str, str] = field(default_factory=dict)
    """By which lists call it, in each language."""
    grade: str = ""
    """The class of the pupil whom it is about, where the record says it and this reader reads names."""
    chooses_word: bool = False
    """Whether this reader leads the case, and may call it otherwise."""


# ---- pages of a case, and lists ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountLine:
    id: str
    name: str
    roles: tuple[str, ...] = ()
    trained: bool = False
    elsewhere: str = ""
    """The school beside in which this person works."""
    seats: tuple[str, ...] = ()
    """Seats that they hold in this case."""


@dataclass(frozen=True, slots=True)
class MoveLine:
    """A move that leaves from here; closed ones with every reason."""

    move: Move
    target: State | None
    is_open: bool
    reasons: tuple[Reason, ...] = ()
    may_try: bool = False
    """Only needs that may be departed from stand in the way, and the role is right."""
    is_again: bool = False
    """The case was there already, and nothing that calls for it was written since."""
    place: int | None = None
    """Where it stands among what the case waits for; None: it waits for no such step."""


@dataclass(frozen=True, slots=True)
class OtherTask:
    """What somebody else has to do for the case to go on; `names` where one or two people are meant."""

    title: Text
    to_sign: bool
    roles: tuple[str, ...]
    names: tuple[str, ...]
    since: datetime | None
    due_at: datetime | None = None
    tone: str = "later"


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """A visa or a step that was refused: what was proposed, by whom it was refused, when and why."""

    proposed: State
    by: str
    role: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """A way back out of an end, and the entries that have opened it since."""

    move: Move
    records: tuple[RecordView, ...]
    is_open: bool
    """To this reader."""


@dataclass(frozen=True, slots=True)
class ActLine:
    act: Act
    times: int
    last_at: datetime | None = None
    place: int | None = None
    """Where it stands among what the case waits for: 0 is the most pressing; None: it is only possible."""


@dataclass(frozen=True, slots=True)
class ChronologyPage:
    """Events, newest first; `before` is the number to ask the next page with."""

    events: tuple[EventView, ...]
    before: int | None = None


@dataclass(frozen=True, slots=True)
class StoredDebriefLine:
    """How long a case that has ended is kept: by which sentence of its definition, until when as things are."""

    sentence: Text | None
    erase_on: date | None
    suspended: bool


@dataclass(frozen=True, slots=True)
class RightsLine:
    """Until when the request about one's data that waits is answered; None: none waits."""

    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """Where the review of a case stands (`state` empty: nobody has asked for one), and what this reader may do."""

    state: str = ""
    since: datetime | None = None
    due_at: datetime | None = None
    tone: str = "later"
    by: str = ""
    role: str = ""
    asked: bool = False
    """Somebody sent it; else a step called for it by itself."""
    open_observations: int = 0
    words: str = ""
    """With which it was sent, sent back or ended: as this reader may read them."""
    sends: bool = False
    """Whether sending it for review is this reader's, now or at another time."""
    may_ask: bool = False
    may_observe: bool = False
    may_end: bool = False
    visa: Act | None = None
    """The act that ends it, where it waits and is open to this reader."""
    may_refuse: bool = False


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """A contribution, as the case that asked for it shows it."""

    seq: int
    school: str
    """The other school's code."""
    there: Unit | None
    asked_at: datetime
    state: str
    """waits, refused, open, settled."""
    answered_at: datetime | None = None
    reason: str = ""
    """Why it was refused."""
    outcome: Option | None = None
    """What became of it."""
    number: str = ""
    """Of the other school's case, once there is something to read of it here."""
    standing: State | None = None
    level: Level | None = None
    moved_at: datetime | None = None
    is_seen: bool = False
    """Whether this reader sees the other school's case itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """The page of a case. Whoever knows of it by its metadata alone is given little of it."""

    head: CaseHead
    rail: tuple[RailStage, ...]
    acts: tuple[tuple[str, tuple[ActLine, ...]], ...]
    """By group, in the order in which a case needs them."""
    dues: tuple[DueLine, ...]
    successor: str | None
    joined: tuple[str, ...]
    opened_from: str | None
    contributes: bool
    """Whether another school leads the case from which this one was opened."""
    holds: tuple[HoldLine, ...] = ()
    chronology: ChronologyPage = ChronologyPage(())
    next_moves: tuple[MoveLine, ...] = ()
    other_moves: tuple[MoveLine, ...] = ()
    duties: tuple[DutyLine, ...] = ()
    people: tuple[PersonLine, ...] = ()
    seats: tuple[SeatLine, ...] = ()
    referrals: tuple[ReferralLine, ...] = ()
    whom: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Number of a referral → the names of the organisation that it went to, where somebody said which."""
    follow_ups: tuple[FollowUpLine, ...] = ()
    dangers: tuple[DangerLine, ...] = ()
    to_sign: tuple[RecordView, ...] = ()
    contributions: tuple[ContributionLine, ...] = ()
    """What was asked of other schools, and what became of it."""
    just_written: RecordView | None = None
    """What this reader did last in the case, where it is an entry that may be taken back."""
    remarks: tuple[RemarkLine, ...] = ()
    """Remarks on copies, those that were dealt with among them."""
    missing_forms: tuple[Act, ...] = ()
    """To whoever reviews: the forms that the protocol asks for and that nobody has written."""
    review: ReviewLine | None = None
    """None: the protocol knows of no review."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """What others show on this page, by the name under which they were asked."""
    ways_back: tuple[WayBack, ...] = ()
    """Of a case that has ended: what was asked since, and waits."""
    refusal: RefusalLine | None = None
    """What was refused, and waits for the team's answer."""
    line: CaseLine | None = None
    """What is next, as lists say it to this reader."""
    story: tuple[StoryLine, ...] = ()
    """What happened, in a few lines."""
    others: tuple[OtherTask, ...] = ()
    awaited: tuple[ReferralLine, ...] = ()
    """Services that were told, and have not answered."""
    answer: Act | None = None
    """By what this reader may write down what they answered."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the reference fields of a form may point at, as (value, label-source) pairs."""

    people: tuple[PersonLine, ...] = ()
    accounts: tuple[AccountLine, ...] = ()
    referrals: tuple[ReferralLine, ...] = ()
    holds: tuple[HoldLine, ...] = ()
    records: tuple[RecordView, ...] = ()
    cases: tuple[str, ...] = ()
    contacts: tuple[ContactLine, ...] = ()
    dangers: tuple[Danger, ...] = ()
    """For somebody who may not see the case: those that they raised themselves."""


class Told(NamedTuple):
    """Where an answer comes from that a form holds as it opens: an `entry`, the `seats`, whose `turn` it is, `met`."""

    by: str
    entry: RecordView | None = None


@dataclass(frozen=True, slots=True)
class ActView:
    """One act's form, ready to be filled in; `head` is None before the case exists."""

    protocol: Protocol
    act: Act
    form: Form
    head: CaseHead | None
    choices: Choices
    reasons: tuple[Reason, ...] = ()
    asks_signature: bool = False
    assessed: Level | None = None
    """What the grid gives as it is filled in now, for an act that decides about it."""

    @property
    def may_sign(self) -> bool:
        """Whether whoever records it may sign it, asked or not."""
        return self.asks_signature or self.form.find(FieldType.signature) is not None

    signs: RecordView | None = None
    """For a signature: what is signed."""
    prefill: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    """Before the case exists: where the reporter may file it."""
    writers: tuple[AccountLine, ...] | None = None
    """Colleagues who may have written it on paper first; None where it is not typed in from paper."""
    remarks: tuple[RemarkLine, ...] = ()
    """What those who oversee said while this form was missing."""
    whom: Mapping[str, str] = field(default_factory=dict)
    """Of a referral that is corrected: the service that it names now."""
    observations: int = 0
    """Of the act that ends a review: those that still wait for an answer."""
    onward: tuple[Move, ...] = ()
    """Steps that may be made in the same press, if the answers open them."""


@dataclass(frozen=True, slots=True)
class MoveView:
    head: CaseHead
    move: Move
    target: State | None
    reasons: tuple[Reason, ...]
    """All that stand in the way, departures aside."""
    departures: tuple[Reason, ...]
    """Needs that may be gone on without, each with a reason to be written."""
    is_open: bool
    observations: int = 0
    """Of a move that ends the case: those that still wait for an answer."""


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """That a role was told, or is to be: when it went out or was asked for, how, and what became of it."""

    role: str
    at: datetime
    channel: str
    state: str
    """waiting, delivered or no_address."""


@dataclass(frozen=True, slots=True)
class DangerPage:
    """The urgent page: first acts and numbers, before any form."""

    head: CaseHead
    dangers: tuple[DangerLine, ...]
    contacts: tuple[ContactLine, ...]
    voices: tuple[CallLine, ...]
    """Whom to tell by voice."""
    leaders: tuple[CallLine, ...]
    """Whoever leads the case or the team, under their own number."""
    quick_acts: tuple[Act, ...]
    then_acts: tuple[Act, ...]
    call_act: Act | None = None
    """The act that a call to a number records, where it is open."""
    noted: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Act, and answer of its one choice ("" where it has none) → when it was last noted in these minutes."""
    called: Mapping[str, datetime] = field(default_factory=dict)
    """Number → when it was last called about a danger that stands; a target, where no number was noted."""
    holds: tuple[HoldLine, ...] = ()
    """Holds on guardians that stand and are not confirmed by two yet."""
    may_review: bool = False
    """Whether this reader may confirm them."""
    just_written: RecordView | None = None
    """What this reader did last here, as long as it may be taken back."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """What others show on this page."""


@dataclass(frozen=True, slots=True)
class CallLine:
    """Somebody of the staff to call: which role, under which number; "": none is known."""

    role: str
    phone: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list: nothing nominal, not even the kind of facts."""

    protocol: Protocol
    number: str
    word: Mapping[str, str]
    state: State
    stage: Stage
    stage_place: int
    stage_count: int
    level: Level | None
    due: Deadline | None
    due_at: datetime | None
    tone: str
    """late, today, soon, later, ended."""
    raised: int
    urgent: bool
    """A danger is raised, or something of its first minutes is still to be written down."""
    restricted: bool
    unit: Unit
    opened_at: datetime
    metadata_only: bool = False
    next: Text | None = None
    """Title of the act, move or deadline that it waits for."""
    to_sign: bool = False
    """What is next is there already, and waits for a signature."""
    sent_back: bool = False
    """What is next, a state of the case, was proposed and refused, and waits for an answer."""
    need: Need | None = None
    """What is still missing, and this person alone can meet."""
    is_due: bool = False
    """What is next is what falls due: its title need not be said twice."""
    whom: str = ""
    """me, authority, roles, team or nobody; empty where it isn't known."""
    roles: tuple[str, ...] = ()
    with_family: bool = False
    unanswered: bool = False
    """An authority was told and hasn't answered: which one is not said in a list."""
    since: datetime | None = None
    by_day: bool = False
    """What falls due is a planned follow-up: its day counts, not its hour."""
    call: CallLine | None = None
    numbers: bool = False
    """Services are to be called: their numbers are on the page of the danger, not in a list."""
    review: str = ""
    """Where its review stands; empty: there is none."""
    observations: int = 0
    """Those that the team has still to answer."""
    to_answer: int = 0
    """How many of them this person may answer."""


@dataclass(frozen=True, slots=True)
class DeskView:
    lines: tuple[CaseLine, ...]
    filter: str
    after: str | None
    """Cursor of the next page."""
    units: tuple[Unit, ...]
    receipts: tuple[ReceiptLine, ...] = ()
    can_report: bool = False
    late: int = 0
    today: int = 0
    receipts_only: bool = False
    """This person reports, and sees no case at all."""
    many_schools: bool = False


@dataclass(frozen=True, slots=True)
class WeekDue:
    """One thing that falls due: its title, the case's word and number, nothing else of the case."""

    number: str
    word: Mapping[str, str]
    title: Text
    due_at: datetime | None
    tone: str
    unit: Unit
    by_day: bool = False


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day, what falls due on it, and why there is no school, where there is none."""

    day: date
    dues: tuple[WeekDue, ...]
    closed: bool = False
    holiday: str = ""
    """Name of a public holiday."""


@dataclass(frozen=True, slots=True)
class WeekView:
    """The seven days from today; raised dangers stand first, then what is late."""

    dangers: tuple[WeekDue, ...]
    """One for each case in which a danger is raised: what is next there."""
    late: tuple[WeekDue, ...]
    days: tuple[WeekDay, ...]
    after: str | None
    """Cursor of the next page: more cases than one page holds have something due."""
    units: tuple[Unit, ...]
    many_schools: bool = False
    can_report: bool = False
    receipts_only: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A reporter's own receipt: that it came in, and whether it is being looked after; nothing of the case."""

    report: str
    received_at: datetime
    state: str
    """received, in_hand, ended."""
    unit: Unit
    protocol: Protocol
    can_raise: bool = True
    restricted: bool = False
    """Only those who oversee read it: the definition's hint says so."""
    dangers: tuple[Danger, ...] = ()
    contacts: tuple[ContactLine, ...] = ()
    voices: tuple[CallLine, ...] = ()
    """Whom to tell by voice, once the reporter has raised a danger."""
    acts: tuple[Act, ...] = ()
    """Of the first minutes, once the reporter has raised a danger: others are not told that there is one."""
    raised: tuple[Danger, ...] = ()
    """The dangers that this reporter raised, and what this reporter noted since."""
    noted: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    called: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Somebody wrote first: what is new since the form was opened, beside what this person typed."""

    head: CaseHead
    since: tuple[EventView, ...]
    act: Act | None = None
    move: Move | None = None


def tone_of(due_at: datetime | None, now: datetime) -> str:
    """How pressing a moment is: late, today, soon (three days) or later."""
    if due_at is None:
        return "later"
    if due_at < now:
        return "late"
    days = (due_at.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days
    return "today" if days == 0 else "soon" if days <= 3 else "later"
