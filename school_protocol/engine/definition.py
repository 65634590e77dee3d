"""The model of a definition: what a protocol file can say, in the words of docs/protocol-format.md.

Everything here is a frozen value. Keys of mappings are injected as `key`; references between parts are checked in
`definitions`, so a `Protocol` that the loader returned is coherent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.conditions import Condition, Values
from school_protocol.engine.definition_parts import (
    Document,
    FigureRules,
    Form,
    Pieces,
    Retention,
    Review,
    SignalementRules,
    StoryRules,
    TeamRules,
)
from school_protocol.engine.texts import Keys, Model, Named, Text, as_list, keyed

START = "START"
HISTORY = "history"


# ---- where a case can stand --------------------------------------------------------------------------------------


class Stage(Named):
    pass


class NextStep(Model):
    """What a case that stands in a state waits for; `when`: as long as this holds, even where nothing calls for it."""

    do: str
    """An act or a move."""
    when: Condition | None = None


def _as_next(value: object) -> object:
    items = as_list(value)
    if not isinstance(items, list | tuple):
        return items
    return [{"do": one} if isinstance(one, str) else one for one in items]


class State(Named):
    stage: str
    next: Annotated[tuple[NextStep, ...], BeforeValidator(_as_next)] = ()
    """What is told first of all that is open, in this order."""
    initial: bool = False
    team_sees: bool = False
    ended: bool = False
    successor: bool = False
    """An ended case whose later dangers belong to the case that followed it."""


# ---- who ---------------------------------------------------------------------------------------------------------


class ScopeKind(StrEnum):
    """How far a role sees: nothing, own receipts, its seats, its school, its province, its region, or no content."""

    none = "none"
    receipt = "receipt"
    assigned = "assigned"
    unit = "unit"
    province = "province"
    region = "region"
    metadata = "metadata"


class Role(Named):
    sees: ScopeKind = ScopeKind.none
    pseudonymised: bool = False
    trained: bool = False
    """Needs a current training certificate to sign or to be seated."""
    head: bool = False
    """Heads its unit: told first, and bypassed when implicated."""
    oversees: bool = False
    """Answers for the units below: opens restricted cases and names their readers."""
    side_bound: bool = False
    """Reads only the records of its seat's side."""
    publishes: bool = False
    """Publishes versions of protocols, two people together; sees no case by it."""
    administers: bool = False
    """Administers the accounts of its unit and below; sees no case by it."""
    keeps_contacts: bool = False
    """Keeps the directory of contacts of its unit and all below it: whom to call, and when it was found right."""
    visits: bool = False
    """Visits the teams of its unit and below, and writes down what was seen and agreed; sees no case by it."""
    trains: bool = False
    """Runs workshops, in which cases are played; sees no case by it."""
    second_factor: bool = False
    """Whoever holds it signs in with a second factor."""
    invites: Keys = ()
    """Roles of a school into which whoever holds this one, above it, invites people by mail; sees no more by it."""
    stand_in_by: Keys = ()
    """Roles that name who holds this one for a time, while somebody is away; empty: nobody stands in."""

    @property
    def lifts_nobody(self) -> bool:
        """Whether it is a plain role of a school's team: it heads, oversees, administers and changes nothing."""
        own = self.sees in (ScopeKind.none, ScopeKind.receipt, ScopeKind.assigned, ScopeKind.unit)
        lifts = self.head or self.oversees or self.publishes or self.administers or self.keeps_contacts or self.invites
        return own and not (lifts or self.visits or self.trains or self.second_factor)

    @property
    def keeps_restricted(self) -> bool:
        """Whether a case stays open to this role once it is restricted."""
        return self.oversees or self.sees is ScopeKind.metadata


class Seat(Named):
    acts_as: str | None = None
    signs: bool = False
    several: bool = False
    """Several people may hold it at once; else a new holder (of the same side) follows the former."""
    trained: bool = False
    exempt: Keys = ()
    """Roles whose holders sit there without a certificate, where others need one."""
    named_by: Keys = ()
    identified: bool = False
    receives: bool = False
    """Answers what another school's case asks of one's own: whoever heads that school holds it, unnamed. It opens
    nothing of the case but what is asked."""
    hint: Text | None = None

    def admits(self, roles: Iterable[str], *, trained: bool) -> bool:
        """Whether somebody who holds these roles, `trained` or not, may sit there."""
        return trained or not self.trained or not set(self.exempt).isdisjoint(roles)


class Side(Named):
    pass


class Slot(Named):
    """A place that a person has in a case (never a label on a person)."""

    side: str | None = None
    guardian: bool = False
    staff: bool = False
    protected: bool = False
    several: bool = True


# ---- acts and moves ----------------------------------------------------------------------------------------------


class ActKind(Enum):
    """What recording an act does besides being recorded; its form's field types say to whom or what."""

    record = "record"
    report = "report"
    raise_danger = "raise_danger"
    lift_danger = "lift_danger"
    refer = "refer"
    answer_referral = "answer_referral"
    take_over = "take_over"
    inform = "inform"
    hold = "hold"
    review_hold = "review_hold"
    visa = "visa"
    sign = "sign"
    seat = "seat"
    exclude = "exclude"
    add_person = "add_person"
    note = "note"
    correct = "correct"
    evidence = "evidence"
    grid = "grid"
    follow_up = "follow_up"
    join = "join"
    ask_transfer = "ask_transfer"
    accept_transfer = "accept_transfer"
    contribute = "contribute"
    answer_contribution = "answer_contribution"
    settle_contribution = "settle_contribution"
    tell_school = "tell_school"
    excuse = "excuse"
    rights = "rights"
    summary = "summary"


NEUTRAL_KINDS = frozenset(
    {
        ActKind.visa, ActKind.sign, ActKind.seat, ActKind.note, ActKind.exclude, ActKind.rights, ActKind.excuse,
        ActKind.summary,
    }
)  # fmt: skip
"""Kinds that add nothing to the content: they void no visa and are not news."""


CORRECTABLE = frozenset(
    {ActKind.record, ActKind.report, ActKind.inform, ActKind.evidence, ActKind.grid, ActKind.follow_up, ActKind.note}
)
"""Kinds whose answers can be corrected for later decisions; what else was done is answered by a new act."""


class Notify(Model):
    to: str
    """A role, a seat, `declarant`, `guardians` or `receiving_head`."""
    when: Condition | None = None
    urgent: bool = False


def _as_notify(value: object) -> object:
    if not isinstance(value, list):
        value = [value]
    return [{"to": item} if isinstance(item, str) else item for item in value]


class NeedsWhen(Model):
    """Needs that some answers of an act call for, and others do not."""

    when: Condition
    needs: Keys


class Act(Named):
    kind: ActKind = ActKind.record
    form: str
    in_: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(alias="in")
    """States, or `open` (not ended), `any`, `START` (before the case)."""
    by: Keys
    """Roles and seats; `everyone` is any role of the definition."""
    needs: Keys = ()
    needs_when: tuple[NeedsWhen, ...] = ()
    signatures: int = 0
    signed_by: Keys = ()
    """Roles and seats that may sign it; empty: whoever may record it."""
    danger_signature: str | None = None
    """For a lifting: the role of which one signature must be, where the danger says so."""
    effect_when: Condition | None = None
    """The kind's effect (grants, settles, lifts) happens only if this holds of the answers."""
    moves: str | None = None
    """The move that follows at once."""
    notify: Annotated[tuple[Notify, ...], BeforeValidator(_as_notify)] = ()
    opens: str | None = None
    """For a contribution: the state in which the other school's own case opens."""
    group: Literal["safety", "people", "listening", "assessment", "plan", "referral", "follow_up", "closing", "team"]
    first_minutes: bool = False
    """Stays open to whoever stands beside the child when the case is restricted."""
    quick: bool = False
    """One tap: its form can be sent as it opens."""
    carries_on: bool = False
    """Its form opens with what the last one said: recorded again, it is brought up to date."""
    hint: Text | None = None

    def needs_of(self, values: Values) -> tuple[str, ...]:
        """The needs that answers with these values call for, besides those that the act always has."""
        asked = (need for rule in self.needs_when if rule.when.holds(values) for need in rule.needs)
        return tuple(dict.fromkeys(asked))


class Sets(Model):
    level: int | None = None
    assess: bool = False


class Move(Named):
    from_: Keys = Field(alias="from")
    to: str
    by: Keys
    needs: Keys = ()
    reason: bool = False
    distinct: tuple[tuple[str, ...], ...] = ()
    """Sets of persons who must differ: `mover`, `proposer` (who entered the present state), or acts (their author)."""
    meets: Keys = ()
    notify: Annotated[tuple[Notify, ...], BeforeValidator(_as_notify)] = ()
    sets: Sets = Sets()
    carries: Keys = ()
    opens: str | None = None
    """State in which the receiving school's case opens, where the move hands the case over."""
    automatic: bool = False
    """Made by an act (raising a danger), never by a button."""
    backwards: bool = False
    """Goes back, sideways or refuses: never offered as the next step."""
    hint: Text | None = None

    @property
    def may_go_along(self) -> bool:
        """Whether the act that meets its last need may make it in the same press: it goes ahead, wants no reason and no
        second pair of eyes, and touches no other case."""
        return not (self.automatic or self.backwards or self.reason or self.distinct or self.carries or self.opens)


# ---- facts and needs ---------------------------------------------------------------------------------------------


class FactType(Enum):
    bool = "bool"
    enum = "enum"
    int = "int"
    count = "count"


class Source(Model):
    """Which events feed a fact or start and meet a deadline."""

    act: str | None = None
    field: str | None = None
    where: Condition | None = None
    """Over the act's answers; a target adds `external`, `judicial`; covers add `on_danger`; `role` is who acted."""
    value: str | None = None
    """Taken instead of a field's answer."""
    filled: str | None = None
    row_filled: str | None = None
    """`field.column`: some row has this column filled."""
    covering_entry: bool = False
    """Only referrals and take-overs that cover what the present state was entered for."""
    unless_after: tuple[Source, ...] = ()
    """Not where one of these was recorded before it, in the same opening of the case."""
    by: Keys = ()
    entered: Keys = ()
    move: str | None = None
    danger: Literal["raised", "lifted"] | None = None
    stay_with_child: bool = False
    """Only dangers in which somebody stays with the child."""
    hold: Literal["placed"] | None = None
    report: bool = False
    seen: bool = False
    """Met when somebody of the team opens the case."""
    review: Literal["waits", "answered"] | None = None
    """A review waits for whoever reviews; they have answered: observed, given or refused the visa, or examined it."""
    missed_follow_up: bool = False


class Since(Model):
    """The latest of these moments; what was recorded before it does not count."""

    after: Annotated[tuple[Literal["opening", "danger", "entry"], ...], BeforeValidator(as_list)] = ()
    entered: Keys = ()
    margin_hours: int = 0


def _as_since(value: object) -> object:
    return {"after": [value]} if isinstance(value, str) else value


class DangerFact(Model):
    states: Annotated[tuple[Literal["raised", "referred", "lifted"], ...], BeforeValidator(as_list)]
    without_shared_concern: bool = False
    stay_with_child: bool = False


class GuardianFact(Model):
    act: str
    person: str
    result: str
    held: str
    """The value while a hold stands."""


class PeopleFact(Model):
    seat: str
    trained: bool = True


class DaysFact(Model):
    since: tuple[Source, ...]
    until: tuple[Source, ...]


class Fold(Enum):
    last = "last"
    ever = "ever"
    count = "count"
    streak = "streak"
    distinct = "distinct"
    signatures = "signatures"
    answered = "answered"
    standing = "standing"


class Fact(Model):
    key: str = ""
    code: str = ""
    label: Text
    type: FactType
    values: tuple[str, ...] = ()
    initial: str | None = None
    from_: tuple[Source, ...] = Field(default=(), alias="from")
    fold: Fold = Fold.last
    streak_of: Keys = ()
    since: Annotated[Since, BeforeValidator(_as_since)] = Since()
    dangers: DangerFact | None = None
    open_referrals: bool = False
    open_contributions: bool = False
    """How many contributions of other schools are asked for and not settled."""
    standing_holds: bool = False
    """How many holds stand, each from its first signature on."""
    guardians: GuardianFact | None = None
    grid_known: str | None = None
    """The grid act whose answered items are counted."""
    assessed_level: bool = False
    entered: Keys = ()
    content_since_entry: bool = False
    follow_up: Literal["next", "held"] | None = None
    deadline: str | None = None
    fallen_due: Keys = ()
    """Deadlines whose latest count has come to its moment, met or not: about what an act's answers point at, if any."""
    school_known: str | None = None
    """The act whose latest record names a school of the installation."""
    people: PeopleFact | None = None
    months_since: Keys = ()
    days: DaysFact | None = None
    figure: bool = False
    """Coarse enough to be counted for the academy."""


class Need(Model):
    key: str = ""
    code: str = ""
    when: Condition
    title: Text | None = None
    """What it is that holds, short and positive: its name among a document's checks."""
    sentence: Text
    """What is missing, said to the person who meets it."""
    met_by: Keys = ()
    """Acts that meet it; their roles are who can."""
    lock: Literal["law", "safety"] | None = None
    provenance: str = ""


class Property(Model):
    """What must hold of every case, whatever happens: proven before a version is published."""

    key: str = ""
    never: Condition | None = None
    """Over facts: never surely or possibly so where the case stands (`in`), or as a move enters `entering`."""
    always_possible: str | None = None
    """An act or a move that can be made, or be made ready by acts, in every case that stands in `in`."""
    leads_to: Keys = ()
    """States of which one can be reached from every case that stands in `in`."""
    in_: Keys = Field(default=(), alias="in")
    """States, or `open` (not ended); empty: all of these."""
    entering: Keys = ()
    sentence: Text


# ---- time --------------------------------------------------------------------------------------------------------


class Step(Model):
    after: int
    unit: TimeUnit
    tell: Keys
    when: Condition | None = None
    of: Literal["report", "danger"] | None = None
    """Only for counts that a report, or a danger, has started."""


class Deadline(Named):
    value: int = 0
    unit: TimeUnit = TimeUnit.clock_hours
    steps: tuple[Step, ...] = ()
    start: tuple[Source, ...]
    met_by: tuple[Source, ...] = ()
    per: Literal["danger", "referral", "guardian", "person", "entry", "start", "follow_up"] = "start"
    slots: Keys = ()
    """Whom one counted per `person` is about; each from when they are named."""
    first_only: bool = False
    """Only the first start since each opening of the case counts, and is met by what was done since then."""
    ends_with_state: bool = False
    suspended_while: str | None = None
    """A yes or no that records tell: while it is yes, no time runs."""
    unless: Condition | None = None
    repeat: bool = False
    max: int | None = None
    lock: Literal["law", "safety"] | None = None
    urgent: bool = False
    basis: Text | None = None
    """What its figure rests on: an article, another country's rule."""
    editable: bool = False
    """Its figures can be changed in a form; what the law or safety locks never is."""


class Duty(Named):
    met_by: Keys = ()
    filled: str | None = None
    """An answer without which no such act meets it."""
    deadlines: Keys = ()
    when: Condition | None = None
    suspended_while: Condition | None = None
    """Read of versions of earlier releases, and for nothing: the counts of its deadlines say it."""
    blocks: Keys = ()
    by: Keys = ()
    after_move: Keys = ()
    hint: Text | None = None


class Roll(Model):
    to_next_school_day: bool = False
    at_most: int | None = None
    fixed: tuple[int, ...] = ()


class Schedule(Model):
    days: tuple[int, ...]
    roll: Roll = Roll()
    editable: bool = False
    """Its days can be changed in a form; those that are `fixed` stay."""


class FollowUp(Model):
    act: str
    held_on: str
    next_on: str
    also_next: tuple[Source, ...] = ()
    """Other acts whose answer names the next follow-up."""
    starts: Keys
    """States whose entry starts the schedule."""
    levels: Mapping[int, Schedule]
    unassessed_as: int
    treat_as_in: Mapping[str, int] = {}
    """States in which schedule and notices run as for this level, whatever the level."""


# ---- assessment and dangers --------------------------------------------------------------------------------------


class GridItem(Named):
    weight: int = 1
    anchors: tuple[Text, ...]


class Level(Named):
    low: int
    high: int
    editable: bool = False
    """Its bounds can be changed in a form, where the neighbouring level's can, too."""


class Floor(Model):
    when: Condition
    level: int
    sentence: Text


class Grid(Named):
    notice: Text
    items: Mapping[str, GridItem]
    levels: Mapping[int, Level]
    floors: tuple[Floor, ...] = ()

    @cached_property
    def maximum(self) -> int:
        return sum(item.weight * (len(item.anchors) - 1) for item in self.items.values())


class Assessment(Model):
    fact: str
    act: str
    field: str
    override: str | None = None
    """Field of the same form: a level chosen instead, reasoned."""
    void_with_danger: bool = True
    danger_level: int
    reopening_raise: int = 1
    recurrence: str | None = None
    """A yes/no field: the same school saw this before, within the year."""
    recurrence_level: int = 0


class DangerGroup(StrEnum):
    """Where whoever stands beside the child looks for a danger, in this order."""

    life = "life"
    online = "online"
    adult = "adult"
    home = "home"
    pressure = "pressure"


class Danger(Named):
    group: DangerGroup | None = None
    in_short: Text | None = None
    """Five words at most, for the button that raises it; its title says the whole."""
    first_acts: tuple[Text, ...]
    never: tuple[Text, ...] = ()
    targets: Keys
    settled_by: Annotated[tuple[Literal["external", "judicial", "named"], ...], BeforeValidator(as_list)] = (
        "external",
    )
    """A referral to: any external target of its list, a judicial one, or any named target."""
    taken_over_settles: bool = False
    shared_concern: bool = False
    no_files: bool = False
    holds_guardians: bool = False
    restricts: bool = False
    lifted_with: str | None = None
    ask_at_closing: bool = False
    stay_with_child: bool = False


class Target(Named):
    external: bool = False
    judicial: bool = False
    awaits_answer: bool = True
    in_short: Text | None = None
    identified: bool = False
    """Receives identities."""
    to_guardians: bool = False
    """The guardians themselves: none is called there while one of them is on hold."""
    letter_by: Keys = ()
    asks: Text | None = None
    """What this service is asked to do: the first thing that its letter says. Without it no letter is written to it."""
    legal_basis: Text | None = None
    """On what a letter to it rests."""


class Caution(Named):
    """What an answer about a person asks to mind from then on: said on the case's page and above the forms of acts."""

    act: str
    person: str
    """The field of its form that says who."""
    when: Condition
    """Over the answers of that form."""
    acts: Keys = ()
    """Acts above whose forms it is said, too."""
    unasked: Keys = ()
    """Questions, `form.field`, that are not put while it stands about everybody in the person's place."""
    text: Text


# ---- words that are ready ----------------------------------------------------------------------------------------


class Said(Text):
    """Words as they are spoken: in every language of the definition, and in those that are `spoken` besides."""


class Spoken(Named):
    """A language in which words may be said besides those of the definition; its key is the language's code."""

    direction: Literal["ltr", "rtl"] = "ltr"


class Audience(Named):
    """Whom words are for."""


class Words(Named):
    """What to say and what never to say, or a text that is ready to be read out, sent or filled in."""

    for_: str = Field(alias="for")
    hint: Text | None = None
    """Said to whoever is about to use them."""
    say: tuple[Said, ...] = ()
    never: tuple[Said, ...] = ()
    text: Said | None = None
    fills: Mapping[str, Text] = {}
    """Free text of the acts' forms → what to begin with, where nothing is typed yet."""
    acts: Keys = ()
    """Acts above whose forms they are shown."""
    dangers: Keys = ()
    """Dangers in whose first minutes they are shown."""
    first_minutes: bool = False
    """Shown in the first minutes of every danger."""
    editable: bool = False
    """Its texts can be changed in a form."""


class Protocol(Model):
    """One version of one protocol. `digest` is the sha256 of the file's bytes, in hex."""

    format: Literal[1]
    protocol: str
    version: int
    code: str = ""
    digest: str = ""
    languages: tuple[str, ...]
    title: Text
    notice: Text
    working: bool = False
    sources: Mapping[str, Text] = {}
    stages: Mapping[str, Stage]
    states: Mapping[str, State]
    roles: Mapping[str, Role]
    seats: Mapping[str, Seat] = {}
    sides: Mapping[str, Side] = {}
    slots: Mapping[str, Slot]
    forms: Mapping[str, Form]
    acts: Mapping[str, Act]
    moves: Mapping[str, Move]
    facts: Mapping[str, Fact]
    needs: Mapping[str, Need]
    properties: Mapping[str, Property] = {}
    deadlines: Mapping[str, Deadline] = {}
    duties: Mapping[str, Duty] = {}
    grids: Mapping[str, Grid] = {}
    assessment: Assessment | None = None
    follow_up: FollowUp | None = None
    dangers: Mapping[str, Danger] = {}
    targets: Mapping[str, Target] = {}
    cautions: Mapping[str, Caution] = {}
    spoken: Mapping[str, Spoken] = {}
    audiences: Mapping[str, Audience] = {}
    words: Mapping[str, Words] = {}
    letterhead: tuple[Text, ...] = ()
    """Lines above those of academy, directorate and school at the head of a letter."""
    documents: Mapping[str, Document]
    restricted_when: Condition | None = None
    """Over the report's answers: the case opens to those who oversee, alone."""
    restricted_hint: Text | None = None
    retention: tuple[Retention, ...] = ()
    pieces: Pieces | None = None
    """The register of evidence: names of pieces, their files, removal."""
    figures: FigureRules | None = None
    """The academy's figures: their tables, who reads and who issues them."""
    teams: TeamRules | None = None
    """How many trained people a team has, and when those above look more closely."""
    review: Review | None = None
    """How those above the school review a case."""
    signalement: SignalementRules | None = None
    """How anybody tells the school: the public form, who reads it, how it rises."""
    story: StoryRules | None = None
    """Which answers tell a case in a few lines."""
    undo_minutes: int = Field(default=0, ge=0, le=60)
    """How long whoever recorded something by mistake may take it back; 0: never."""

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        return keyed(data)

    def __repr__(self) -> str:
        return f"Protocol({self.protocol!r}, {self.version})"

    @cached_property
    def initial(self) -> State:
        return next(state for state in self.states.values() if state.initial)

    @cached_property
    def codes(self) -> Mapping[str, Mapping[str, str]]:
        """Part name → code → key, for scripts that speak in codes."""
        return {
            part: {item.code: key for key, item in getattr(self, part).items() if item.code}
            for part in ("states", "acts", "moves", "roles", "seats", "dangers", "targets", "forms", "needs", "slots")
        }

    def resolve(self, part: str, name: str) -> str:
        """The key that `name` stands for, being a key or a code of `part`; else `name` as it is."""
        return name if name in getattr(self, part) else self.codes[part].get(name, name)

    def form_of(self, act: Act | str) -> Form:
        return self.forms[self.acts[act].form if isinstance(act, str) else act.form]

    def acts_of(self, kind: ActKind) -> Iterator[Act]:
        return (act for act in self.acts.values() if act.kind is kind)

    def stage_of(self, state: str) -> Stage:
        return self.stages[self.states[state].stage]

    def words_for(self, act: str) -> tuple[Words, ...]:
        """The words that are ready for this act."""
        return tuple(words for words in self.words.values() if act in words.acts)

    def words_of_first_minutes(self, dangers: Iterable[str]) -> tuple[Words, ...]:
        """The words for whoever stands beside the child: those of these dangers, then those of any."""
        raised = set(dangers)
        own = [words for words in self.words.values() if raised.intersection(words.dangers)]
        return (*own, *(words for words in self.words.values() if words.first_minutes and words not in own))
