"""PDF pages of a workshop: the debrief of a table and of all side by side, and the kit for a room without a network.

Every page says that it is an exercise, in both languages of the schools, whatever the reader's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.content import Answered
from school_protocol.case_files.presenters import refusal_message
from school_protocol.engine.case_summary import AskedLine
from school_protocol.engine.definition import Duty, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.evidence_pieces import Refusal
from school_protocol.engine.intents import Reason
from school_protocol.engine.texts import ATTACH, N_, Text
from school_protocol.language import ZONE, Wording
from school_protocol.pdf import bidi
from school_protocol.pdf.rendering import render, template
from school_protocol.protocol.printed_pages import blank_forms
from school_protocol.training.findings import Debrief
from school_protocol.training.presenters import debrief_told, spread_told
from school_protocol.training.scenario import EVERYONE, Card, Inject, Scenario
from school_protocol.training.scenario_presenters import Conditions, DebriefPage, QuestionLine, lasting

MARK = ("FORMATION", "تدريب")
"""What stands across every page."""


@dataclass(frozen=True, slots=True)
class TableDebrief:
    """What a table takes home: `table` is what it is called, `names` accounts by what they are called there."""

    table: str
    debrief: Debrief
    as_of: datetime
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainerDebrief:
    """All tables by their names, in order; one at least. `empty`: the names of those where nobody sat."""

    tables: Mapping[str, Debrief]
    as_of: datetime
    workshop: str = ""
    empty: Sequence[str] = ()


def table_debrief(view: TableDebrief, wording: Wording) -> bytes:
    """The PDF/A-3a. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    title = f"{wording._('Debrief')} · {view.table}"
    return _made(table_debrief_html(view, wording), title, view.as_of, wording)


def trainer_debrief(view: TrainerDebrief, wording: Wording) -> bytes:
    """The PDF/A-3a, wide. The same view gives the same bytes. Raises AddressRefused, DocumentsUnavailable."""
    title = f"{wording._('Debrief of all tables')} · {view.workshop}".removesuffix(" · ")
    return _made(trainer_debrief_html(view, wording), title, view.as_of, wording, is_wide=True)


def table_debrief_html(view: TableDebrief, wording: Wording) -> str:
    """The pages that a table's PDF is made of."""
    lines = debrief_told(view.debrief, wording, view.names)
    return template("debrief.html").render(view=view, told=lines, **_words(wording))


def trainer_debrief_html(view: TrainerDebrief, wording: Wording) -> str:
    """The pages that the trainer's PDF is made of."""
    lines = {name: debrief_told(one, wording) for name, one in view.tables.items()}
    return template("debrief_tables.html").render(
        view=view, tables=lines, first=next(iter(lines.values())), sections=spread_told(view.tables, wording),
        questions=tuple(_together(lines)), **_words(wording),
    )  # fmt: skip


def _words(wording: Wording) -> dict[str, Any]:
    def line(value: object) -> Markup:
        return bidi.isolated(str(value), wording.direction)

    return {
        "w": wording, "_": wording.gettext, "ngettext": wording.ngettext, "line": line, "code": bidi.code,
        "mark": line(" · ".join(MARK)),
    }  # fmt: skip


def _together(lines: Mapping[str, DebriefPage]) -> Iterator[tuple[QuestionLine, tuple[str, ...]]]:
    """Each question once, with the tables that it is for."""
    asked: dict[str, QuestionLine] = {}
    tables: dict[str, list[str]] = {}
    for name, one in lines.items():
        for question in one.questions:
            asked.setdefault(question.says, question)
            tables.setdefault(question.says, []).append(name)
    for says, question in asked.items():
        yield question, tuple(dict.fromkeys(tables[says]))


def _made(html: str, title: str, moment: datetime, wording: Wording, *, is_wide: bool = False) -> bytes:
    from school_protocol.pdf.embedding import stamped  # loads pikepdf, once

    pages = render(
        html, title=title, language=wording.html_language, identifier=f"debrief|{title}|{moment.isoformat()}",
        moment=moment, accessible=True,
    )  # fmt: skip
    drawn = render(
        template("debrief_mark.html").render(mark=MARK, wide=is_wide), title=MARK[0], language="fr",
        identifier=f"debrief-mark|{is_wide}", moment=moment,
    )  # fmt: skip
    return stamped(pages, drawn)


# ---- the kit: one scenario in one language; nothing is decided here ------------------------------------------------

TABLES = 4
"""Tables of a workshop: as many columns to compare them."""
ANSWERS = 5
"""Answers of one act that the trainer's sheet tells."""
RULES = 3
"""Lines to write on, under a question."""
SHORT, LONG = 290, 600
"""Letters of a card: up to which it is set large, and beyond which small."""

_LEVELS = {
    "discovery": N_("a first workshop"),
    "practice": N_("the protocol is known"),
    "mastery": N_("urgent, several doors at once"),
}
_KINDS = {
    "pupil_message": N_("A pupil speaks or writes"),
    "parent_call": N_("A family rings or comes"),
    "colleague_advice": N_("A colleague gives advice"),
    "screenshot": N_("Content, described"),
    "news": N_("Something happens"),
}
_QUESTIONS = (
    N_("What did you notice first, and what did you do with it?"),
    N_("When did you hesitate, and what helped you to decide?"),
    N_("What was said to the pupils and to their families, and in which words?"),
    N_("Whom would you call in your own school, and what would be different there?"),
    N_("What does the team do otherwise from tomorrow on?"),
)
_STATEMENTS = (
    N_("This story is like what happens in schools."),
    N_("I know better what to do first."),
    N_("I could speak, stay silent or leave as I wished."),
    N_("The forms and the cards were easy to use."),
)


@dataclass(frozen=True, slots=True)
class PlayedCard:
    """One card of the cast, with what the protocol says of the role or seat."""

    key: str
    card: Card
    hint: Text | None = None
    duties: tuple[Duty, ...] = ()


@dataclass(frozen=True, slots=True)
class FallsDue:
    """A count that has begun: its deadline, what it is about, and its moment."""

    deadline: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing on the trainer's clock: an act or move of the expected path, an inject, a deadline that is missed."""

    at: datetime
    kind: str
    """`step`, `inject` or `missed`."""
    key: str
    number: int = 0
    """Of a step: its place on the path; 0 is the opening."""
    role: str = ""
    person: str = ""
    """The second person of a role: 2."""
    attaches: str = ""
    """The act to whose latest piece a file is put."""
    answers: tuple[Answered, ...] = ()
    scored: Scored | None = None
    refused: tuple[Reason, ...] = ()
    codes: tuple[str, ...] = ()
    """Of a refusal without reasons: what said no."""
    due: tuple[FallsDue, ...] = ()
    state: str = ""
    """Where the case stands now, if that is another place than before."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a grid was filled in with: a mark for each question; points and levels from least to most, as some marks
    may be missing."""

    marks: Mapping[str, int]
    low: int
    high: int
    low_level: int
    high_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Everything that a kit prints: the scenario, its protocol, and how the expected path went."""

    scenario: Scenario
    protocol: Protocol
    begins: datetime
    ends: datetime
    cards: tuple[PlayedCard, ...]
    moments: tuple[Moment, ...]
    came: Mapping[str, datetime]
    """When each inject came on the path."""
    asked: tuple[AskedLine, ...]
    """What the protocol asked on the path."""
    forms: tuple[str, ...]
    """Forms that the path uses."""
    scores: Mapping[str, Scored]
    """Grids that the path fills in, by key, as they stand at last."""
    people: Mapping[str, str]
    """People of the case, by id, as the trainer reads them."""
    accounts: Mapping[str, str]
    """Accounts, by id: the role that each plays."""
    made_at: datetime

    @property
    def injects(self) -> tuple[tuple[int, str, Inject], ...]:
        """Each with its number: first those that come on the path, by their moments."""
        found = self.scenario.injects
        order = sorted(found, key=lambda key: (key not in self.came, self.came.get(key, self.ends)))
        return tuple((number, key, found[key]) for number, key in enumerate(order, 1))


def kit(view: Kit, wording: Wording) -> bytes:
    """The PDF/A-3a, its blank forms behind it, the training mark on every page. The same view gives the same bytes.

    Raises AddressRefused, DocumentsUnavailable.
    """
    from school_protocol.pdf.embedding import joined, stamped  # loads pikepdf, once

    lines = Lines(view, wording)
    scenario, protocol = view.scenario, view.protocol
    whole = render(
        kit_html(view, wording),
        title=lines.title,
        language=wording.html_language,
        identifier=f"kit|{scenario.digest}|{protocol.digest}|{wording.language}",
        moment=view.made_at,
        accessible=True,
    )
    forms = [protocol.forms[key] for key in view.forms]
    if forms:
        whole = joined(whole, blank_forms(protocol, forms, wording, view.made_at))
    return stamped(whole, _mark(wording, view.made_at))


def kit_html(view: Kit, wording: Wording) -> str:
    """The pages before the blank forms."""
    lines = Lines(view, wording)
    return template("kit.html").render(
        view=view, scenario=view.scenario, protocol=view.protocol, lines=lines, w=wording, _=wording.gettext,
        ngettext=wording.ngettext, line=lines.line, text=lines.text, code=bidi.code, tables=range(1, TABLES + 1),
        rules=range(RULES), questions=[wording._(one) for one in _QUESTIONS],
        statements=[wording._(one) for one in _STATEMENTS],
    )  # fmt: skip


def _mark(wording: Wording, moment: datetime) -> bytes:
    """The page that is laid over every other: TRAINING, in this language and in the other one of the country."""
    beside = "fr" if wording.language == "ar" else "ar"
    words = [Wording(language).gettext("TRAINING") for language in (wording.language, beside)]
    html = template("training_mark.html").render(
        w=wording, words=[bidi.isolated(word, wording.direction) for word in words]
    )
    return render(html, title=" ".join(words), language=wording.html_language, identifier="training", moment=moment)


class Lines:
    """What the template asks: the kit's parts in the words of one language."""

    def __init__(self, view: Kit, wording: Wording) -> None:
        self.view, self.w = view, wording
        self.conditions = Conditions(view.scenario, view.protocol, wording)
        roles = {account: wording.role(view.protocol, role) for account, role in view.accounts.items()}
        self.names = {**view.people, **roles}
        self.numbers = {key: number for number, key, _inject in view.injects}

    @property
    def title(self) -> str:
        return f"{self.w._('Workshop kit')} – {self.w.text(self.view.scenario.title)}"

    def line(self, value: object) -> Markup:
        return bidi.isolated(str(value), self.w.direction)

    def text(self, text: Any) -> Markup:
        return self.line(self.w.text(text))

    def paragraphs(self, text: Text) -> Iterator[Markup]:
        return (self.line(one) for one in self.w.text(text).split("\n") if one.strip())

    # ---- the cover -------------------------------------------------------------------------------------------

    def level(self) -> Markup:
        return self.line(self.w._(_LEVELS[self.view.scenario.level]))

    def order(self) -> Iterator[tuple[int, Markup]]:
        """A running order: minutes, and what is done. The scenario's own are for reading and playing."""
        w, minutes = self.w, self.view.scenario.minutes
        reading = max(2, min(15, minutes // 6))
        debrief = max(10, min(45, round(minutes / 15) * 5))
        yield 5, self.line(w._("Welcome. The wellbeing notice is read out, and how to leave."))
        yield reading, self.line(w._("The story is read out; each takes a card and reads it in silence."))
        yield (
            minutes - reading,
            self.line(
                w._("The tables play. The trainer goes by the clock sheet, turns the clock and hands out slips.")
            ),
        )
        yield debrief, self.line(w._("Debrief: first how it was, then what the sheet asks, then the questions."))
        yield 5, self.line(w._("Feedback slips, into a box. Cards, slips and forms are gathered, and destroyed."))

    def materials(self) -> Iterator[Markup]:
        w, view = self.w, self.view
        cards, slips, forms = len(view.cards), len(view.scenario.injects), len(view.forms)
        said = (
            w.ngettext("%(num)d role card for each table", "%(num)d role cards for each table", cards),
            w.ngettext("%(num)d slip for each table", "%(num)d slips for each table", slips),
            w.ngettext(
                "%(num)d blank form for each table, at the end of this file",
                "%(num)d blank forms for each table, at the end of this file",
                forms,
            ),
            w._("one debrief sheet for each table, one feedback slip for each participant"),
            w._("for the trainer: the clock sheet, and a clock or a board on which all see the time of the story"),
            w._("scissors, pens, a box for the feedback; print cards and slips on one side only"),
        )
        return (self.line(one) for one in said)

    # ---- time ------------------------------------------------------------------------------------------------

    def since(self, at: datetime) -> Markup:
        """How far the story has come: T+hours:minutes on its first day, then its day."""
        begins = self.view.begins
        minutes = int((at - begins).total_seconds()) // 60
        if minutes < 24 * 60:
            return bidi.code(f"T+{minutes // 60}:{minutes % 60:02}")
        days = (at.astimezone(ZONE).date() - begins.astimezone(ZONE).date()).days
        return self.line(self.w._("Day %(number)s", number=days))

    def clock(self, at: datetime) -> Markup:
        day = self.line(self.w.dated(at.astimezone(ZONE).date(), "EEE d MMM"))
        clock = bidi.code(self.w.clock(at))
        return Markup('<span class="nowrap">{}</span> <span class="nowrap">{}</span>').format(day, clock)

    # ---- the cast, and what comes ----------------------------------------------------------------------------

    def role(self, card: Card) -> Markup:
        """In the protocol's own words, what this card is."""
        protocol = self.view.protocol
        if card.role is not None:
            named = [(part, protocol.resolve(part, card.role)) for part in ("seats", "roles")]
            return self.text(
                next(getattr(protocol, part)[name].title for part, name in named if name in getattr(protocol, part))
            )
        return self.text(protocol.slots[protocol.resolve("slots", card.slot or "")].title)

    def size(self, one: PlayedCard) -> str:
        """How large its words are set: as large as a quarter of a page lets them be."""
        letters = sum(len(self.w.text(text)) for text in (one.card.name, one.card.knows, one.card.goal))
        return "short" if letters <= SHORT else "long" if letters > LONG else ""

    def duties(self, one: PlayedCard) -> Markup:
        return self.line(" · ".join(self.w.text(duty.title) for duty in one.duties))

    def kind(self, inject: Inject) -> Markup:
        return self.line(self.w._(_KINDS[inject.kind]))

    def number(self, key: str) -> Markup:
        return bidi.code(f"I-{self.numbers[key]}")

    def from_(self, inject: Inject) -> Markup | None:
        return self.text(self.view.scenario.cast[inject.from_].name) if inject.from_ else None

    def to(self, inject: Inject) -> Markup:
        cast = self.view.scenario.cast
        if EVERYONE in inject.to:
            return self.line(self.w._("everyone"))
        return self.line(self.w.series(self.w.text(cast[key].name) for key in inject.to))

    def called(self, inject: Inject) -> Markup:
        """What makes it come, in words."""
        w, said = self.w, []
        if inject.at:
            said.append(w._("not before %(time)s since the beginning", time=lasting(w, inject.at)))
        if inject.after:
            said.append(w._("after “%(name)s”", name=self.conditions.named(inject.after)))
        if inject.when is not None:
            said.append(w._("if %(condition)s", condition=self.conditions.say(inject.when)))
        if inject.delay:
            said.append(w._("%(time)s later", time=lasting(w, inject.delay)))
        return self.line(w.comma.join(said))

    def noticed(self, when: Any) -> Markup:
        return self.line(self.conditions.say(when))

    # ---- the clock sheet -------------------------------------------------------------------------------------

    def who(self, moment: Moment) -> Markup:
        role = self.line(self.w.role(self.view.protocol, moment.role))
        return Markup("{} {}").format(role, bidi.code(f"({moment.person})")) if moment.person else role

    def what(self, moment: Moment) -> Markup:
        protocol = self.view.protocol
        if moment.key == ATTACH:
            act = self.w.text(protocol.acts[moment.attaches].title)
            return self.line(self.w._("A file is put to “%(name)s”", name=act))
        found = protocol.acts.get(moment.key)
        if found is not None:
            code = protocol.form_of(found).code
            return Markup("{} {}").format(bidi.code(code), self.text(found.title)) if code else self.text(found.title)
        return Markup('<span class="move">{}</span>').format(self.text(protocol.moves[moment.key].title))

    def answers(self, moment: Moment) -> Iterator[tuple[Markup, Markup]]:
        w, protocol = self.w, self.view.protocol
        for one in moment.answers:
            if one.field.type is FieldType.grid:
                continue
            said = w.answer(protocol, one.field, one.value, self.names)
            yield self.text(one.field.label), self.line(said)
        if moment.scored is not None:
            yield self.line(w._("Points")), self.points(moment.scored)
            yield self.line(w._("Level")), self.level_of(moment.scored)

    def points(self, scored: Scored) -> Markup:
        return bidi.code(f"{scored.low}" if scored.low == scored.high else f"{scored.low}–{scored.high}")

    def level_of(self, scored: Scored) -> Markup:
        levels = {key: level for grid in self.view.protocol.grids.values() for key, level in grid.levels.items()}
        found = dict.fromkeys((scored.low_level, scored.high_level))
        return self.line(self.w.titles(self.w.text(levels[one].title) for one in found if one in levels))

    def refused(self, moment: Moment) -> Iterator[Markup]:
        """Why the protocol says no here, where the path tries what it may not."""
        said = [self.w.reason(self.view.protocol, reason) for reason in moment.refused]
        if not said:
            known = {one.value: one for one in Refusal}
            said = [
                refusal_message(self.w, known[code]) if code in known else self.w.problem(code) for code in moment.codes
            ]
        return (self.line(one) for one in dict.fromkeys(said))

    def due(self, one: FallsDue) -> Markup:
        """What falls due, before its moment."""
        return self.line(self.w.pair(self._counted("deadlines", one.deadline, one.subject), ""))

    def counted(self, one: FallsDue) -> Markup:
        return self.line(self._counted("deadlines", one.deadline, one.subject))

    def asked(self, one: AskedLine) -> Markup:
        return self.line(self._counted(one.part, one.key, one.subject))

    def _counted(self, part: str, key: str, subject: str) -> str:
        title, about = self.w.text(getattr(self.view.protocol, part)[key].title), self._subject(subject)
        return f"{title} · {about}" if about else title

    def _subject(self, subject: str) -> str:
        dangers = self.view.protocol.dangers
        if subject in dangers:
            return self.w.text(dangers[subject].title)
        if subject in self.names:
            return self.names[subject]
        if subject.isdigit():
            return self.w._("no. %(number)s", number=subject) if subject != "0" else ""
        try:
            return self.w.day(subject)
        except ValueError:
            return ""

    def state(self, key: str) -> Markup:
        state = self.view.protocol.states[key]
        return (
            Markup("{} {}").format(bidi.code(state.code), self.text(state.title))
            if state.code
            else self.text(state.title)
        )

    # ---- the debrief -----------------------------------------------------------------------------------------

    def note(self, key: str) -> Markup:
        """The deadline, duty, act or move that words of the debrief are about."""
        protocol = self.view.protocol
        part = next(part for part in ("deadlines", "duties", "acts", "moves") if key in getattr(protocol, part))
        return self.text(getattr(protocol, part)[key].title)

    def grids(self) -> Iterator[tuple[Grid, Scored]]:
        for key, scored in self.view.scores.items():
            yield self.view.protocol.grids[key], scored
