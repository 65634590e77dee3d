"""Models of parts of a definition: forms and fields, documents, figures, evidence, reviews, public reports, teams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal

from pydantic import Field

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.conditions import Condition
from school_protocol.engine.home_piece import HomePiece
from school_protocol.engine.texts import Keys, Model, Named, Text

# ---- figures: tables, shares and waits, who reads and who issues them ----------------------------------------------

RowSource = Literal[
    "stages", "levels", "outcomes", "answers", "dangers", "danger_answers", "targets", "referral_answers"
]
"""What the rows of a table are: where open cases stand, the highest level, how cases ended, the answers to a question,
dangers and whether each was passed on or lifted, services told and whether they answered."""
UNTOLD: frozenset[RowSource] = frozenset({"stages", "outcomes"})
"""Neither counted nor told, though earlier versions ask for them: a definition proves who can have ended, so that these
rows and others tell together of few (of 103 cases 92 closed and 8 without a level: 3 are open and have one)."""


class CountedTable(Model):
    key: str = ""
    title: Text
    rows: RowSource
    act: str | None = None
    """Of `answers`: the act whose form asks."""
    field: str | None = None
    """Of `answers`: the question, one of closed choice."""
    months: bool = False
    """Read, for versions that have it: no table is told month by month any more."""


class Moment(Model):
    """The first time that one of these was recorded, or entered."""

    acts: Keys = ()
    states: Keys = ()


class Wait(Model):
    """How long it took from one moment to another, told as a median."""

    key: str = ""
    title: Text
    since: Moment | None = None
    """Without it: since the case was opened."""
    until: Moment
    unit: TimeUnit
    classes: tuple[int, ...]
    """Upper bounds, rising: of each case only its class is counted."""


class FigureRules(Model):
    begins: int = Field(ge=1, le=12)
    """The month with whose first day the school year begins."""
    reads: Keys = ()
    """Roles that read the figures of the unit in which they are held."""
    issues: Keys = ()
    """Roles that issue the figures of the unit in which they are held, and of all below it."""
    tables: Mapping[str, CountedTable] = {}
    in_time: Keys = ()
    """Deadlines of which the share of cases is told in which it was met in time."""
    waits: Mapping[str, Wait] = {}
    public: Keys = ()
    """Tables that may stand on a page for everybody."""


# How long a case is kept, and the way to its end: two notices, the days between them, a human's
# word; pure functions.

LEAST_RUNS = 7
"""On so many different days, at least, the work was looked at between one step and the next."""


# ---- the register of evidence: names of pieces, who opens a file, how content is removed ---------------------------


class Channels(Model):
    """One step of asking for removal: any of these channels will do."""

    channels: Keys
    intimate: bool = False
    """For sexual or intimate content alone."""


class Removal(Model):
    """How removal is asked for: the rows of a piece in which requests are noted, and their order."""

    rows: str
    channel: str
    asked_on: str
    reference: str
    result: str
    waits: Keys = ()
    """Results that still wait for an answer; no result waits, too."""
    removed: Keys = ()
    """Results after which nothing is left to be asked."""
    remind_days: int = Field(ge=1, le=90)
    order: tuple[Channels, ...]


class Mistake(Model):
    """What follows when something was put here that must not be kept."""

    tell: Keys
    tell_hours: int = Field(ge=1, le=72)
    ask: Keys
    """Services of which one is asked what is to become of it."""
    ask_hours: int = Field(ge=1, le=72)
    by: Keys
    """Who notes that they were asked, and has it destroyed."""


class Pieces(Model):
    act: str
    named_after: Keys = ()
    """Answers that stand in the name of a piece, after the numbers of its case and its own."""
    captured: str | None = None
    given_by: str | None = None
    online: str | None = None
    shared: str | None = None
    digest: str | None = None
    size: str | None = None
    """Filled in as a file is kept: its sha256, and its bytes; likewise which of its answers says its format."""
    format: str | None = None
    openers: Keys
    """Roles and seats that open what was made of a file, for a reason."""
    originals: Keys
    """Those that open the file itself."""
    removal: Removal
    mistake: Mistake


# ---- reviews: who reviews a case, what asks for it, which act is the visa that ends it -----------------------------


class Begins(Model):
    """A review begins by itself as a case enters one of these states."""

    entered: Keys
    when: Condition | None = None
    """Over facts, as they are after that step: only where this surely holds."""


class Refusal(Model):
    """How the visa is refused: what its form then says, where the reasons stand, and how the case goes back."""

    answers: Mapping[str, str]
    reason: str
    moves: Keys = ()
    """The first of these that is open is made with it, for the same reasons; none is: the case stays where it is."""


class Review(Model):
    by: Keys
    """Roles that review: they observe on screen, and say that they have examined a case."""
    asked_by: Keys = ()
    """Roles and seats that may send a case for review; empty: none is sent."""
    begins: tuple[Begins, ...] = ()
    visa: str
    """The act that ends a review."""
    refusal: Refusal | None = None


# ---- what is said to pupils and parents on posters, leaflets and the page of what happens afterwards ---------------


class AfterStep(Model):
    """One thing that happens after somebody has reported."""

    title: Text
    text: Text | None = None
    deadline: str | None = None
    """The deadline whose own time is printed beside it."""


class Material(Model):
    motto: Text
    """The campaign's own words, largest on the poster."""
    call: Text
    """One line to a child: what this is about."""
    promise: Text
    """The promise in one short line, as a poster can carry it."""
    adult: Text | None = None
    """Who reads where an adult of the school is part of it."""
    what: Text
    """What cyberharassment is, in a child's words."""
    do: tuple[Text, ...]
    never: tuple[Text, ...]
    family: tuple[Text, ...]
    """What parents can do."""
    after: tuple[AfterStep, ...]


# ---- public reports: their form, who reads them, how they rise, where else one is sent -----------------------------


class Becomes(Model):
    """What stands in one field of the opening act's form as a public report is opened as a case."""

    from_: Keys = Field(default=(), alias="from")
    """Answers of the public form; of several, words one under the other."""
    values: Mapping[str, str] = {}
    """For a choice: answer → option."""
    otherwise: str | None = None
    """The option where the answer is none of these."""
    received: bool = False
    """For a moment: the hour at which the report came in."""
    barred: bool = False
    """For accounts: whom the reporter does not want to read it, as far as they were recognised."""


class Rise(Model):
    """Who is told of a public report that nobody has looked at since it came."""

    tell: Keys
    after: int = Field(default=0, ge=0, le=1000)
    unit: Literal["clock_hours", "school_hours", "school_days"] = "school_hours"


class Orientation(Named):
    """Why a public report is not for the school, and who is there for it."""

    targets: Keys
    sentence: Text
    """Told to the reporter."""


class Sheet(Named):
    """What a family does about one kind of content: advice, whom it turns to, and a request that is ready to copy."""

    advice: tuple[Text, ...]
    targets: Keys
    request: Text | None = None
    """With places: `%(address)s` and the like, filled in by who copies it."""


class Promise(Model):
    """What is promised to some of those who report, in place of what everybody is."""

    when: Condition
    """Over the answers."""
    say: Text


class Voice(Model):
    """How the door speaks of whoever reads above the school, where the school reads nothing."""

    name: Text
    """Above an answer."""
    read: Text
    """It was read."""
    in_hand: Text
    """A case was opened."""
    over: Text
    """It was read, and nothing is open."""
    hours: Text
    """When they answer."""


class SignalementRules(Model):
    form: str
    """The form that anybody fills in, in the words of a child."""
    staff_form: str | None = None
    """The same questions in an adult's words, behind the address for staff."""
    act: str
    """The act by which one is opened as a case."""
    as_: str = Field(alias="as")
    """In which of the roles that may record that act it is opened, whoever presses: for what the reporter says."""
    becomes: Mapping[str, Becomes]
    """Field of that act's form → where its answer comes from."""
    alike: Keys = ()
    """Words by which two reports of a school are recognised as alike."""
    contact: Keys = ()
    """How the reporter can be reached: what they can take back."""
    not_for: str | None = None
    """Words in which the reporter says who must not read it."""
    called: Mapping[str, tuple[str, ...]] = {}
    """Role → the words by which a reporter means there whoever holds it."""
    restricted_when: Condition | None = None
    """Over the answers: who reads restricted ones, alone, reads it."""
    unsure_when: Condition | None = None
    """Over the answers of a restricted one: whoever reads it first may say that the school reads it."""
    urgent_when: Condition | None = None
    hints: tuple[str, ...] = ()
    """Phrases that speak perhaps of despair or violence: they mark a report, and decide nothing."""
    never_send: Condition | None = None
    """Over the answers: the receipt says again that an image is never sent, and what to do instead."""
    instead: Text | None = None
    """What to do instead of sending an image."""
    reads: Keys
    restricted_reads: Keys
    doors: Keys
    """Roles that make the school's address, and renew it."""
    rises: tuple[Rise, ...]
    urgent: tuple[Rise, ...] = ()
    restricted: tuple[Rise, ...]
    out_of_hours: Keys = ()
    """Roles told at once, too, of an urgent one that comes while the school is closed: those on duty."""
    numbers: Keys
    """Services that stand first on the page, for a danger."""
    orientations: Mapping[str, Orientation]
    sheets: Mapping[str, Sheet] = {}
    keeps: int = Field(ge=1, le=120)
    """Months that one without a case is kept once it was answered, sent elsewhere or closed."""
    promise: Text
    """What is promised to whoever reports, above the form."""
    promises: tuple[Promise, ...] = ()
    """What the receipt promises instead: the first that holds."""
    staff_promise: Text | None = None
    """What is promised instead behind the address for staff."""
    hours: Text
    """When the school answers."""
    above: Voice | None = None
    anonymous: Text
    """What staying without a name means."""
    material: Material | None = None
    """What posters and leaflets say, and the page of what happens afterwards."""

    def promised(self, answers: Mapping[str, Any], *, by_staff: bool) -> Text:
        """What is promised to whoever answers so; `answers` as conditions read them."""
        if by_staff and self.staff_promise:
            return self.staff_promise
        return next((one.say for one in self.promises if one.when.holds(answers)), self.promise)

    def hours_of(self, *, above: bool) -> Text | None:
        """When what came is read: by the school, or by those above it alone."""
        if not above:
            return self.hours
        return self.above.hours if self.above else None

    def steps(self, *, restricted: bool, urgent: bool) -> tuple[Rise, ...]:
        """The steps by which such a report rises while nobody looks at it."""
        if restricted:
            return self.restricted
        return self.urgent if urgent and self.urgent else self.rises


# ---- teams: how many trained people one has, when those above look more closely ------------------------------------


class TeamRules(Model):
    size: int = Field(ge=1, le=50)
    """So many trained people belong to a team."""
    quiet_months: int = Field(default=12, ge=1, le=120)
    """A team that has opened no case for so many months may need a visit."""
    ending_days: int = Field(default=90, ge=1, le=730)
    """A certificate that ends within so many days is to be renewed."""
    certificate_months: int = Field(default=24, ge=1, le=120)
    """A certificate that a workshop gives is good for so many months, counted from its day."""


# ---- the yearly report of a school: its terms, what is counted, what may have to be decided ------------------------


class Term(Model):
    """A part of the school year: the finest date that a report has."""

    ends: int = Field(ge=1, le=12)
    """The month with whose last day it is over."""
    title: Text


class Counted(Model):
    """An answer of closed choice, counted over the cases of the year."""

    act: str
    field: str
    title: Text


class Asked(Model):
    """Something that a reader may want to decide, said where the printed figures call for it."""

    about: Literal["few", "late", "open", "follow_ups", "referrals", "departures", "training"]
    deadlines: Keys = ()
    """Of `late`: those of which it speaks."""
    text: Text


class Yearly(Model):
    begins: int = Field(ge=1, le=12)
    """The month with whose first day the school year begins."""
    terms: tuple[Term, ...]
    counts: tuple[Counted, ...] = ()
    deadlines: Keys = ()
    """Those of which the share met in time is told."""
    waiting: str | None = None
    """The deadline of which the median wait is told."""
    decisions: tuple[Asked, ...] = ()


SectionKind = Literal[
    "decision", "conformance", "chronology", "people", "records", "grid", "referrals", "follow_ups", "evidence",
    "dangers", "duties", "checks", "summary", "remarks",
]  # fmt: skip


class Profile(Named):
    """One kind of copy: to whom it may be made out, and what of the one document it may contain."""

    reader: Literal["self", "oversight", "referral", "guardian"] = "self"
    """To whom it is made out: whoever issues it, who answers for the schools, a service told, a pupil's guardian."""
    identities: bool = False
    """Everybody is named."""
    named: Keys = ()
    """Slots whose people are named where the others are not: a guardian's copy names those of their own side alone."""
    words: bool = False
    addresses: bool = False
    """Addresses and accounts of intimate content; only a judicial service is ever given them."""
    sections: tuple[SectionKind, ...] = ()
    """The kinds of sections that it has; empty: all of the document."""
    acts: Mapping[str, Keys] = {}
    """The acts of which entries stand in it, each with the answers that it prints; empty: all."""
    watermark: bool = True
    for_: Keys = Field(default=(), alias="for")
    summary: str | None = None
    """The act whose latest nameless summary it prints; whoever could write one confirms it before a copy."""
    body: tuple[HomePiece, ...] = ()
    """Of a guardian's copy: its pages, which are not the case file's. The title of the first piece is theirs."""

    def has(self, section: str) -> bool:
        """Whether sections of that kind stand in it."""
        return not self.sections or section in self.sections

    def has_act(self, act: str) -> bool:
        """Whether entries of that act may stand in it."""
        return not self.acts or act in self.acts

    @property
    def is_personal(self) -> bool:
        """Whether its pages differ from reader to reader: never made before it is known for whom."""
        return self.reader == "guardian"

    @property
    def is_for_school(self) -> bool:
        """Whether it stays with whoever issues it, whole."""
        return self.reader == "self" and self.words


class Section(Model):
    kind: SectionKind
    title: Text
    acts: Keys = ()


class Piece(Model):
    """One piece of a letter: a paragraph, points, answers, people, evidence, numbers to call, how long things stay."""

    title: Text | None = None
    when: Condition | None = None
    """Over facts: printed only if this surely holds."""
    text: Text | None = None
    points: tuple[Text, ...] = ()
    act: str | None = None
    """The act whose latest entry (of a letter's own act: the entry of its referral) gives the answers."""
    fields: Keys = ()
    words: bool = False
    """Free text among the fields is printed, names in it under their signs: it was written to be handed on."""
    required: bool = False
    """No copy is issued before there is something to print here."""
    people: Keys = ()
    """Slots: the people of a letter; in a note or a sheet, how many they are."""
    evidence: Keys = ()
    """Fields of the register of evidence: one line for each piece, never a file."""
    services: Keys = ()
    """Targets whose numbers are printed, as the directory has them today."""
    kept: bool = False
    """How long things stay, in the definition's own sentences."""


class Remarks(Model):
    """Remarks of those who oversee, on copies that they read: who makes them, and whom they reach."""

    title: Text
    hint: Text | None = None
    """Said to whoever is about to remark."""
    for_: Keys = Field(default=(), alias="for")
    """Roles and seats that attach remarks."""
    to: Keys = ()
    """Roles and seats that are told, and that say that a remark was dealt with."""


class Document(Named):
    kind: Literal["case_file", "letter", "notice", "note", "sheet", "law_notice", "yearly"] = "case_file"
    profiles: Mapping[str, Profile] = {}
    sections: tuple[Section, ...] = ()
    checks: Keys = ()
    for_: Keys = Field(default=(), alias="for")
    """Of what is no case file: roles and seats that may issue it."""
    per: Literal["case", "referral", "guardian", "school"] = "case"
    """What one copy is about."""
    slots: Keys = ()
    """Of what is written per guardian: whose. Empty: those of the targeted pupil."""
    to: Text | None = None
    """To whom it is written, where that is neither a service nor a guardian."""
    subject: Text | None = None
    asks: Text | None = None
    """What its reader is asked first."""
    basis: str | None = None
    copies: str | None = None
    """Of a letter: by which answers of its referral’s entry it says its law, and who gets a copy."""
    body: tuple[Piece, ...] = ()
    signed: bool = True
    """Ends with a place for signature and stamp."""
    hint: Text | None = None
    """Said to whoever is about to issue it."""
    remarks: Remarks | None = None
    """Of the case file: whether remarks on its copies come back, and how."""
    yearly: Yearly | None = None
    """Of a yearly report: what it counts."""

    @property
    def is_case_file(self) -> bool:
        return self.kind == "case_file"

    @property
    def is_letter(self) -> bool:
        """Whether it is of one case, beside its file: a letter, notice, note or sheet."""
        return self.kind not in ("case_file", "yearly")


class StoryRules(Model):
    """Which answers tell a case in a few lines: act → its question, for each thing that is told."""

    way: Mapping[str, str] = {}
    """How the school learned of it."""
    kinds: Mapping[str, str] = {}
    places: Mapping[str, str] = {}
    since: Mapping[str, str] = {}
    heard: Mapping[str, str] = {}
    safe: Mapping[str, str] = {}
    told: Mapping[str, str] = {}
    """Who was told: people of the case, or roles."""
    plan: Mapping[str, str] = {}
    felt: Mapping[str, str] = {}
    """How safe the pupil feels, as a number."""
    went: Mapping[str, str] = {}
    outcome: Mapping[str, str] = {}
    child: Mapping[str, str] = {}
    """What the pupil says of how it ends; likewise the family."""
    family: Mapping[str, str] = {}

    @cached_property
    def points(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Act → what it tells, each with the question."""
        found: dict[str, list[tuple[str, str]]] = {}
        for point in StoryRules.model_fields:
            for act, question in getattr(self, point).items():
                found.setdefault(act, []).append((point, question))
        return {act: tuple(told) for act, told in found.items()}


class Retention(Model):
    when: Condition | None = None
    states: Keys = ()
    sentence: Text
    months: int
    after: Literal["end", "school_year"] = "end"
    """From when the months count: from the day of the end, or from the end of the school year in which it lies."""


# The model of a definition's forms: their fields, of which type, and when each is asked.


class FieldType(StrEnum):
    text = "text"
    long = "long"
    choice = "choice"
    choices = "choices"
    yes_no = "yes_no"
    tri = "tri"
    date = "date"
    moment = "moment"
    integer = "integer"
    scale = "scale"
    check = "check"
    """A box that must be ticked where required: an attestation."""
    person = "person"
    """One person of the case, by slot."""
    persons = "persons"
    """Several people of the case; new ones can be added on the spot."""
    account = "account"
    """A colleague who holds an account."""
    accounts = "accounts"
    grid = "grid"
    rows = "rows"
    danger = "danger"
    dangers = "dangers"
    danger_answers = "danger_answers"
    target = "target"
    covers = "covers"
    referral = "referral"
    hold = "hold"
    record = "record"
    seat = "seat"
    slot = "slot"
    side = "side"
    duty = "duty"
    case = "case"
    school = "school"
    massar = "massar"
    signature = "signature"


_FROM_CASE = (
    FieldType.account, FieldType.accounts, FieldType.person, FieldType.persons, FieldType.dangers, FieldType.covers,
    FieldType.referral, FieldType.hold, FieldType.record,
)  # fmt: skip


class Option(Model):
    key: str
    title: Text
    in_short: Text | None = None
    """As a line says it that tells the case, where the title is said by whoever answers."""
    hint: Text | None = None
    urgent: bool = False
    """Leads at once to the choice of dangers, whatever else is asked."""
    written: bool = False
    """A letter: to a target with `letter_by`, only those may send one."""
    calls: bool = False
    """A call by telephone: in the first minutes a number's own button records the referral with this answer."""
    to_guardians: bool = False
    """Told to, handed to or asked of guardians: while one is on hold, the form must name others."""
    met: Keys = ()
    """Of several: ticked as the form opens, where all these needs hold."""


class Known(Model):
    """Where the record has the answer already: the latest entry of an act, filled in as the form opens."""

    act: str
    field: str


class FormField(Model):
    key: str = ""
    type: FieldType
    label: Text
    hint: Text | None = None
    required: bool = False
    options: tuple[Option, ...] = ()
    when: Condition | None = None
    """Asked only if this holds of the other answers of the same form."""
    least: int | None = None
    most: int | None = None
    past: bool = False
    """Refused in the future."""
    future: bool = False
    """Refused in the past."""
    default: str | None = None
    """An option's key; `now` or `today` for a moment or a date; others are read from the case."""
    known: tuple[Known, ...] = ()
    """Filled in with what the latest of these entries says."""
    dialled: bool = False
    """A call's own number: in the first minutes it takes the number whose button was pressed."""
    assessed: bool = False
    """The level that the grid gives: filled in, and no other is taken."""
    slots: Keys = ()
    fields: tuple[FormField, ...] = ()
    grid: str | None = None
    only: Keys = ()
    """Limits a reference: states of a referral, acts of a record, roles of an account, dangers."""
    authority_only: bool = False
    """Shown in the authority's copy alone where content is intimate."""
    forbids_files: Keys = ()
    """With one of these answers no file may ever be kept."""
    to_guardians: bool = False
    """Told to, handed to or asked of guardians: while one is on hold, the form must name others."""
    even_on_hold: bool = False
    """For people: said of them, never to them, so that a guardian on hold can be named."""
    goes_along: bool = False
    """For people of the case, where a transfer is asked for: once it is handed over, the case there knows them."""
    signed: bool = False
    told: bool = False
    """Its answer tells an entry in one line of the chronology, beside what the entry is about."""
    names: bool = False
    """Free text in which names are likely: hidden with the words."""
    nameless: bool = False
    """Words written for readers of pseudonyms: they see them, and nobody of the case may be named in them."""
    for_figures: bool = False
    """Counted in figures; read in an entry by whoever reads it whole at the school itself, and by nobody else."""

    @property
    def is_known_from_case(self) -> bool:
        """Whether its default is read from the case."""
        pointing = self.type in (FieldType.danger, FieldType.seat) and self.default == "only"
        return pointing or self.type in _FROM_CASE or (self.type is FieldType.date and self.default != "today")

    @property
    def is_words(self) -> bool:
        """Somebody's own words: sealed under a key of their own, absent from pseudonymised copies."""
        return self.type in (FieldType.text, FieldType.long)

    @property
    def is_for_people(self) -> bool:
        return self.type in (FieldType.person, FieldType.persons)

    @property
    def may_name(self) -> bool:
        """Words in which somebody may be named or quoted: kept from a reader of pseudonyms. A reference is not."""
        return not self.nameless and (self.type is FieldType.long or (self.is_words and self.names))


class Contradiction(Model):
    """Answers of one form that cannot both be true."""

    at: str
    """The field beside which it is said."""
    when: Condition
    sentence: Text


class Departure(Model):
    """Answers of one form by which somebody did what it warns against: recorded, and shown for ever."""

    at: str
    """The field in which the reason is given."""
    when: Condition
    sentence: Text


class Form(Named):
    intro: Text | None = None
    editable: bool = False
    """What is said above its first question can be changed in a form."""
    side: str | None = None
    readers: Keys = ()
    """Roles that read it; empty: whoever sees the case."""
    fields: tuple[FormField, ...] = ()
    refuses: tuple[Contradiction, ...] = ()
    departs: tuple[Departure, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, FormField]:
        return {field.key: field for field in self.fields}

    @cached_property
    def first_of(self) -> Mapping[FieldType, tuple[int, FormField]]:
        """The first field of each type, after its place."""
        return {field.type: (place, field) for place, field in reversed(tuple(enumerate(self.fields)))}

    def find(self, *types: FieldType) -> FormField | None:
        """The first field of one of these types."""
        found = [self.first_of[one] for one in types if one in self.first_of]
        return min(found, key=itemgetter(0))[1] if found else None

    @cached_property
    def of_now(self) -> tuple[str, ...]:
        """The moments that offer now."""
        return tuple(item.key for item in self.fields if item.type is FieldType.moment and item.default == "now")

    @cached_property
    def of_today(self) -> tuple[str, ...]:
        """The dates that offer today."""
        return tuple(item.key for item in self.fields if item.type is FieldType.date and item.default == "today")

    def with_fields(self, fields: Iterable[FormField]) -> Form:
        """The same form with these fields, unchecked. A model's own copy would go on finding the former ones by key."""
        said = {name: getattr(self, name) for name in Form.model_fields}
        return Form.model_construct(**{**said, "fields": tuple(fields)})

    def told_on(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """What of these answers goes to anybody who does not read the entry whole at the school itself."""
        kept = (key for key in answers if key not in self.by_key or not self.by_key[key].for_figures)
        return {key: answers[key] for key in kept}

    def begins(self, now: datetime, today: date) -> dict[str, Any]:
        """The answers that stand there as the form opens, whatever the case."""
        said: dict[str, Any] = {}
        for field in self.fields:
            if field.default == "now" and field.type is FieldType.moment:
                said[field.key] = now.isoformat()
            elif field.default == "today" and field.type is FieldType.date:
                said[field.key] = today.isoformat()
            elif field.default is not None and not field.is_known_from_case:
                said[field.key] = field.default
        return said


def own_moment(form: Form, answers: Mapping[str, Any]) -> tuple[str, datetime] | None:
    """The form's first moment that offers now, and its answer: when it happened."""
    given = (key for key in form.of_now if key in answers)
    return next(((key, datetime.fromisoformat(answers[key])) for key in given), None)


def own_day(form: Form, answers: Mapping[str, Any]) -> date | None:
    """The answer to the form's first date that offers today: on which day it happened."""
    return next((date.fromisoformat(answers[key]) for key in form.of_today if answers.get(key)), None)
