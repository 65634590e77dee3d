"""Forms made from a definition: a question per field, shown, read back and refilled without losing a typed letter.

Nothing is judged here: what was typed goes to the service as plain answers, and what the engine says of it comes back
with `show_problems`. A question keeps the raw text (`typed`), so that the page can always be shown again as it was.

The shape on the wire: `a-<field>`; `a-<field>-<line>-<column>` in rows; `a-<field>-<item>` in grids;
`a-<field>-new-<line>-<part>` for people named for the first time. A corrected entry's own answers stand under `c-`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, PasswordField, TextAreaField

from school_protocol.cases.presenters import PATHS, PaperFold, fold_for, whom_question
from school_protocol.cases.view_models import (
    AccountLine,
    ActView,
    Choices,
    HoldLine,
    MoveView,
    PersonLine,
    RecordView,
    ReferralLine,
)
from school_protocol.context import AppContext
from school_protocol.engine.case_parts import CHOSEN
from school_protocol.engine.definition import ActKind, Need, Protocol
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.language import ZONE, Wording
from school_protocol.protocol.printed_pages import in_words
from school_protocol.storage import idempotency
from school_protocol.ui import sessions
from school_protocol.ui.fields import (
    NEW,
    PERSON_PARTS,
    Column,
    Day,
    Line,
    Matrix,
    Moment,
    Offered,
    OneOf,
    People,
    Posted,
    Question,
    Rows,
    Scale,
    Several,
    Tick,
    Words,
    local_moment,
    whole_number,
)
from school_protocol.ui.rendering import fold_name

PREFIX = "a-"
CORRECTED = "c-"
BLANK_LINES = 2
SCALE_MOST = 12
_PLAIN: Mapping[FieldType, Callable[..., Any]] = {
    FieldType.long: Words,
    FieldType.date: Day,
    FieldType.moment: Moment,
    FieldType.check: Tick,
}
"""Questions that nothing of the definition or the case has to be offered for."""
_YES_NO = {"yes": True, "no": False}


class Problem(NamedTuple):
    """What is wrong, for the summary: where to go, which question, which code."""

    id: str
    label: str
    code: str


# ---- the form ----------------------------------------------------------------------------------------------------


class OwnForm(FlaskForm):  # type: ignore[misc]
    """A form that reads what it is handed, and never the request's body by itself (JSON included)."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def wrap_formdata(self, form: Any, formdata: Any) -> Posted | None:
            return formdata if isinstance(formdata, MultiDict) else None

    token = HiddenField()
    """Good for one recording: pressing twice records once."""
    expected = HiddenField()
    """Number of the case's latest event when the form was shown."""
    problems: tuple[Problem, ...] = ()
    looked: tuple[str, ...] = ()
    """Names in its words about which a page has asked already."""

    def expected_seq(self) -> int:
        """Garbage counts as nothing seen: the case has moved on since."""
        text = self.expected.data or ""
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0

    def sent_token(self) -> str:
        return str(self.token.data or secrets.token_urlsafe(24))[:200]


class AnswerForm(OwnForm):
    """The form of one act."""

    view: ActView
    w: Wording
    password = PasswordField()
    questions: list[Question]
    unit: Question | None = None
    paper: PaperFold | None = None
    """Where what was written on paper may be typed in."""
    whom: Question | None = None
    """For a referral: to which contact of the directory it goes."""

    def spoken(self, code: str) -> str:
        """The code of a problem, with the roles that it names in words."""
        return self.w.spoken(self.view.protocol, code)

    @property
    def by_key(self) -> dict[str, Question]:
        return {question.spec.key: question for question in self.questions}

    prefix: str = PREFIX

    @property
    def groups(self) -> Iterator[tuple[str, str, list[Question]]]:
        """Questions in the order asked; those that hang on the same condition together, its words and its class."""
        for source, found in groupby(self.questions, key=lambda one: one.spec.when.source if one.spec.when else ""):
            group = list(found)
            when = group[0].spec.when
            words = in_words(when, self.view.protocol, self.view.form, group[0].w) if source and when else ""
            name = fold_name(self.view.form, when, self.prefix) if source and when else ""
            yield words, name, group

    @property
    def asks_target(self) -> bool:
        return any(question.spec.type is FieldType.target for question in self.questions)

    def chosen_contact(self) -> str:
        """To which contact of the directory it goes; empty: that is not said."""
        return str(self.whom.value) if self.whom is not None else ""

    def chosen_unit(self) -> str | None:
        """Before the case exists: where it is filed."""
        return str(self.unit.value) if self.unit is not None else None

    @property
    def is_wide(self) -> bool:
        """Whether a table or a grid asks for more room than lines do."""
        return any(question.kind in ("matrix", "rows") for question in self.questions)

    @property
    def can_grow(self) -> bool:
        return any(getattr(question, "can_grow", False) for question in self.questions)


def form_for(
    view: ActView, w: Wording, posted: Posted | None = None, *, now: datetime, more: str = "", prefix: str = PREFIX
) -> AnswerForm:
    """The form of `view`'s act: blank with its defaults, or holding what `posted` says.

    `more` is the field that asked for another line.
    """
    fresh = posted is None
    shown = Posted(posted) if posted is not None else blank(view, now)
    builder = _Builder(view, w, more, fresh, takes_new=prefix != CORRECTED)
    kind = type("ActForm", (AnswerForm,), {f"{prefix}{item.key}": builder.question(item) for item in view.form.fields})
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    if not shown.get("expected"):
        shown["expected"] = str(view.head.seq if view.head else 0)
    form: AnswerForm = kind(shown)
    form.view, form.w = view, w
    form.prefix = prefix
    form.questions = [form[f"{prefix}{item.key}"] for item in view.form.fields if item.type is not FieldType.signature]
    for question in form.questions:
        question.source = builder.source(question.spec, shown)
    form.unit = builder.unit(form, shown)
    form.paper = fold_for(form, view, w, shown, now)
    form.whom = whom_question(form, view, w, shown)
    if form.paper is not None and not fresh:
        _put_back(form.paper, form.questions)
    return form


def _put_back(paper: PaperFold, questions: Iterable[Question]) -> None:
    """Moments that the page itself put there become the paper's own, where nobody has changed them."""
    for question in questions:
        moved = paper.moves(question.spec, question.answer())
        if moved is not None:
            question.process_formdata([moved])


def answers_of(form: AnswerForm) -> dict[str, Any]:
    """Plain answers by field key, in the shapes that the services take; what was not answered is absent."""
    answers = {question.spec.key: question.answer() for question in form.questions}
    return {key: value for key, value in answers.items() if value is not None}


def show_problems(form: AnswerForm, problems: Mapping[str, Iterable[str]]) -> None:
    """Put each problem beside its field, nested ones beside their part, and all of them in the summary."""
    found: list[Problem] = []
    for path, found_there in problems.items():
        codes = [form.spoken(code) for code in found_there]
        key, *rest = path.split(".")
        question = form.by_key.get(key)
        if form.paper is not None and path in PATHS:
            place, label = form.paper.take(path, codes)
        elif form.whom is not None and path == CHOSEN:
            place, label = form.whom.take([], codes)
        else:
            place, label = question.take(rest, codes) if question else ("", path)
        found.extend(Problem(place, label, code) for code in codes)
    form.problems = tuple(found)


def asks_for_danger(form: AnswerForm) -> bool:
    """Whether an answer says that there is, or may be, danger now: then the danger comes before anything else."""
    return any(
        option.urgent and option.key in question.typed
        for question in form.questions
        for option in question.spec.options
    )


# ---- values as a browser would send them -------------------------------------------------------------------------


def blank(view: ActView, now: datetime) -> Posted:
    """A form as it opens: defaults, then what the act brings with it."""
    begun = view.form.begins(now.replace(second=0, microsecond=0), now.astimezone(ZONE).date())
    return as_posted(view.form.fields, {**begun, **view.prefill})


def as_posted(fields: Iterable[FormField], answers: Mapping[str, Any], prefix: str = PREFIX) -> Posted:
    """Plain answers as a browser would send them."""
    posted = Posted()
    for item in fields:
        value = answers.get(item.key)
        if value is not None:
            for name, text in _sent(item, f"{prefix}{item.key}", value):
                posted.add(name, text)
    return posted


def _sent(item: FormField, name: str, value: Any) -> Iterator[tuple[str, str]]:
    if item.type is FieldType.rows:
        for number, row in enumerate(value):
            yield from as_posted(item.fields, row, f"{name}-{number}-").items(multi=True)
    elif item.type in (FieldType.person, FieldType.persons):
        yield from _sent_people(name, [value] if isinstance(value, str | Mapping) else value)
    elif isinstance(value, Mapping):
        yield from ((f"{name}-{key}", str(said)) for key, said in value.items() if said is not None)
    elif isinstance(value, list | tuple):
        yield from ((name, str(entry)) for entry in value)
    elif item.type is FieldType.yes_no and value in ("true", "false"):
        yield name, "yes" if value == "true" else "no"
    elif isinstance(value, bool):
        if value or item.type is FieldType.yes_no:
            yield name, "yes" if value else "no"
    else:
        yield name, local_moment(str(value)) if item.type is FieldType.moment else str(value)


def _sent_people(name: str, people: Iterable[Any]) -> Iterator[tuple[str, str]]:
    number = 0
    for entry in people:
        if isinstance(entry, Mapping):
            yield from ((f"{name}-{NEW}-{number}-{part}", str(entry[part])) for part in PERSON_PARTS if entry.get(part))
            number += 1
        else:
            yield name, str(entry)


# ---- from a definition's fields to questions ---------------------------------------------------------------------


def _said_in(value: Any) -> Iterator[str]:
    """Every plain answer, however deep it stands."""
    if isinstance(value, Mapping):
        yield from (said for one in value.values() for said in _said_in(one))
    elif isinstance(value, list | tuple):
        yield from (said for one in value for said in _said_in(one))
    elif isinstance(value, str):
        yield value


class _Builder:
    """Makes the questions of one form, for one reader."""

    def __init__(self, view: ActView, w: Wording, more: str, fresh: bool, takes_new: bool) -> None:
        self.view = view
        self.w = w
        self.more = more
        self.fresh = fresh
        self.takes_new = takes_new
        """Whether people may be named here who are not in the case: no correction does."""
        self.protocol: Protocol = view.protocol
        self.choices: Choices = view.choices

    def question(self, item: FormField) -> Any:
        """The unbound question of `item`."""
        return self._make(item)

    def source(self, item: FormField, shown: Posted) -> str:
        """From where an answer was filled in, as long as it stands as it was."""
        told = self.view.told.get(item.key)
        held = as_posted([item], self.view.prefill)
        if told is None or not held or any(shown.getlist(name) != held.getlist(name) for name in held):
            return ""
        if told.entry is not None:
            entry, day = self.w.text(told.entry.act.title), self.w.day(told.entry.occurred_at)
            return self.w._("As in “%(entry)s”, %(day)s.", entry=entry, day=day)
        return {
            "seats": self.w._("From who looks after the case."),
            "turn": self.w._("Whoever comes next: not met yet, or longest ago."),
            "met": self.w._("Ticked: what the case shows already."),
        }[told.by]

    def unit(self, form: AnswerForm, posted: Posted) -> Question | None:
        """Before the case exists: where to file it, where there is a choice."""
        if len(self.view.units) < 2:
            return None
        label = self.w._("Which school?")
        spec = FormField.model_validate({"key": "unit", "type": "choice", "label": {"en": label}, "required": True})
        options = [Offered(unit.id, "", name=unit.name(self.w.language)) for unit in self.view.units]
        found: Question = OneOf(label, options=options, spec=spec, w=self.w).bind(form=form, name="unit")
        if "unit" not in posted:
            posted["unit"] = self.view.units[0].id
        found.process(posted)
        return found

    def _make(self, item: FormField) -> Any:
        asked: dict[str, Any] = {"label": self.w.text(item.label), "spec": item, "w": self.w}
        if item.type in _PLAIN:
            return _PLAIN[item.type](**asked)
        match item.type:
            case FieldType.scale if _span(item) <= SCALE_MOST:
                return Scale(options=self._numbers(item), none=self._none(item), convert=whole_number, **asked)
            case FieldType.grid | FieldType.danger_answers:
                is_grid = item.type is FieldType.grid
                items = self._grid(item) if is_grid else self._asked_again()
                return Matrix(items=items, none=self.w._("Not known") if is_grid else "", **asked)
            case FieldType.rows:
                return Rows(columns=self._columns(item), more=self._added(item), **asked)
            case FieldType.person | FieldType.persons:
                return self._make_people(item, asked)
            case FieldType.choices | FieldType.accounts | FieldType.dangers | FieldType.covers:
                return Several(options=self._offered(item), **asked)
            case FieldType.yes_no:
                return OneOf(options=self._offered(item), none=self._none(item), convert=_yes_no, **asked)
            case FieldType.case:
                return Line(suggestions=self.choices.cases, **asked)
            case _ if item.type in _OFFERS:
                return OneOf(options=self._offered(item), none=self._none(item), **asked)
        return Line(**asked)

    def _make_people(self, item: FormField, asked: dict[str, Any]) -> Any:
        takes_new = self.takes_new and (item.even_on_hold or not self._only_guardians_on_hold(item))
        return People(
            options=self._people(item),
            slots=self._slots(item),
            several=item.type is FieldType.persons,
            more=1 if self.more == item.key else 0,
            takes_new=takes_new and not item.goes_along,
            hint=self._people_hint(item),
            **asked,
        )

    def _none(self, item: FormField) -> str:
        return "" if item.required and item.when is None else self.w._("No answer")

    def _added(self, item: FormField) -> int:
        """Blank lines to add: some as the form opens, one where the button asked for it."""
        return BLANK_LINES if self.fresh else 1 if self.more == item.key else 0

    def _columns(self, item: FormField) -> Iterator[Column]:
        for column in item.fields:
            yield column.key, _cell(self._make(column))

    # ---- what is offered -----------------------------------------------------------------------------------------

    def _offered(self, item: FormField) -> list[Offered]:
        return list(_OFFERS[item.type](self, item))

    def _numbers(self, item: FormField) -> list[Offered]:
        least = item.least or 0
        return [Offered(str(number), str(number)) for number in range(least, least + _span(item))]

    def _options(self, item: FormField) -> Iterator[Offered]:
        for option in item.options:
            yield Offered(option.key, self.w.text(option.title), self.w.text(option.hint))

    def _truths(self, item: FormField) -> Iterator[Offered]:
        yield Offered("yes", self.w._("Yes"))
        yield Offered("no", self.w._("No"))
        if item.type is FieldType.tri:
            yield Offered("unknown", self.w._("Not known"))

    def _grid(self, item: FormField) -> Iterator[tuple[str, str, list[Offered]]]:
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        for key, line in grid.items.items():
            anchors = [Offered(str(mark), self.w.text(anchor)) for mark, anchor in enumerate(line.anchors)]
            yield key, self.w.text(line.title), anchors

    def _asked_again(self) -> Iterator[tuple[str, str, list[Offered]]]:
        for danger in self.protocol.dangers.values():
            if danger.ask_at_closing:
                answers = [Offered(key, self.w.yes_no(key)) for key in ("yes", "no", "unknown")]
                yield danger.key, self.w.text(danger.title), answers

    def _people(self, item: FormField) -> list[Offered]:
        named = set() if self.takes_new else set(_said_in(self.view.prefill))  # who stands in a corrected entry stays
        fitting = [line for line in self._fitting(item) if item.even_on_hold or not line.held or line.id in named]
        return [Offered(line.id, self.w.text(line.slot.title), name=_person_name(line)) for line in fitting]

    def _fitting(self, item: FormField) -> list[PersonLine]:
        return [line for line in self.choices.people if not item.slots or line.slot.key in item.slots]

    def _people_hint(self, item: FormField) -> str:
        """The question's own hint, and who is not offered because nothing is to reach them."""
        offered = {option.value for option in self._people(item)}
        held = [_person_name(line) for line in self._fitting(item) if line.id not in offered]
        hint = self.w.text(item.hint)
        if not held:
            return hint
        return " ".join(filter(None, (hint, self.w._("Not offered, on hold: %(people)s.", people=self.w.listed(held)))))

    def _only_guardians_on_hold(self, item: FormField) -> bool:
        """Whether somebody named here for the first time could only be a guardian, while a hold stands."""
        slots = [self.protocol.slots[slot] for slot in item.slots]
        stands = any(line.stands for line in self.choices.holds)
        return stands and bool(slots) and all(slot.guardian for slot in slots)

    def _slots(self, item: FormField) -> list[Offered]:
        keys = [key for key in item.slots if key in self.protocol.slots] or list(self.protocol.slots)
        return [Offered(key, self.w.text(self.protocol.slots[key].title)) for key in keys]

    def _accounts(self, item: FormField) -> Iterator[Offered]:
        for line in self.choices.accounts:
            if not item.only or {*line.roles, *line.seats} & set(item.only):
                said = (self._roles(line), self._place(line))
                yield Offered(line.id, self.w.comma.join(part for part in said if part), name=line.name)

    def _place(self, line: AccountLine) -> str:
        """Where a seat is given: from which school somebody comes, and whether their training is current."""
        if not any(item.type is FieldType.seat for item in self.view.form.fields):
            return line.elsewhere
        trained = self.w._("training current") if line.trained else ""
        return self.w.comma.join(part for part in (line.elsewhere, trained) if part)

    def _roles(self, line: AccountLine) -> str:
        return self.w.listed(self.w.role(self.protocol, role) for role in line.roles)

    def _dangers(self, item: FormField) -> Iterator[Offered]:
        live = {line.danger.key for line in self.view.head.live_dangers} if self.view.head else set()
        of_live = self.view.act.kind in (ActKind.lift_danger, ActKind.take_over) and live
        for danger in self.protocol.dangers.values():
            if (not item.only or danger.key in item.only) and (not of_live or danger.key in live):
                yield Offered(danger.key, self.w.text(danger.title))

    def _covers(self, item: FormField) -> Iterator[Offered]:
        head = self.view.head
        live = [line.danger for line in head.live_dangers] if head else self.choices.dangers
        for danger in live:
            yield Offered(danger.key, self.w.text(danger.title))
        yield Offered("need", self.w._("A need without a danger"))

    def _targets(self, item: FormField) -> Iterator[Offered]:
        stands = any(line.stands for line in self.choices.holds)
        for target in self.protocol.targets.values():
            if not (stands and target.to_guardians):
                yield Offered(target.key, self.w.text(target.title))

    def _referrals(self, item: FormField) -> Iterator[Offered]:
        for line in self.choices.referrals:
            if not item.only or line.state in item.only or (line.state == "acknowledged" and "open" in item.only):
                yield Offered(str(line.number), self._referral(line))

    def _referral(self, line: ReferralLine) -> str:
        return self.w._(
            "Referral %(number)s: %(target)s, %(day)s",
            number=line.number,
            target=self.w.text(line.target.title),
            day=self.w.day(line.sent_at),
        )

    def _holds(self, item: FormField) -> Iterator[Offered]:
        for line in self.choices.holds:
            if line.stands:
                yield Offered(str(line.number), self._hold(line), name=_person_name(line.guardian))

    def _hold(self, line: HoldLine) -> str:
        since = self.w.moment(line.since)
        if line.guardian is None:
            return self.w._("Every guardian, since %(moment)s", moment=since)
        return self.w._("%(slot)s, since %(moment)s", slot=self.w.text(line.guardian.slot.title), moment=since)

    def _records(self, item: FormField) -> Iterator[Offered]:
        for line in reversed(self.choices.records):
            if not item.only or {line.act.key, line.act.form} & set(item.only):
                yield Offered(str(line.seq), self._record(line))

    def _record(self, line: RecordView) -> str:
        return self.w._(
            "%(title)s, %(moment)s (entry %(number)s)",
            title=self.w.text(line.act.title),
            moment=self.w.moment(line.at),
            number=line.seq,
        )

    def _seats(self, item: FormField) -> Iterator[Offered]:
        for seat in self.protocol.seats.values():
            yield Offered(seat.key, self.w.text(seat.title), self.w.text(seat.hint))

    def _duties(self, item: FormField) -> Iterator[Offered]:
        for duty in self.protocol.duties.values():
            yield Offered(duty.key, self.w.text(duty.title))

    def _sides(self, item: FormField) -> Iterator[Offered]:
        for side in self.protocol.sides.values():
            yield Offered(side.key, self.w.text(side.title))


_OFFERS: Mapping[FieldType, Callable[[_Builder, FormField], Iterable[Offered]]] = {
    FieldType.choice: _Builder._options,
    FieldType.choices: _Builder._options,
    FieldType.yes_no: _Builder._truths,
    FieldType.tri: _Builder._truths,
    FieldType.account: _Builder._accounts,
    FieldType.accounts: _Builder._accounts,
    FieldType.danger: _Builder._dangers,
    FieldType.dangers: _Builder._dangers,
    FieldType.covers: _Builder._covers,
    FieldType.target: _Builder._targets,
    FieldType.referral: _Builder._referrals,
    FieldType.hold: _Builder._holds,
    FieldType.record: _Builder._records,
    FieldType.seat: _Builder._seats,
    FieldType.slot: _Builder._slots,
    FieldType.side: _Builder._sides,
    FieldType.duty: _Builder._duties,
}


def _cell(unbound: Any) -> Callable[[Question, str], Question]:
    def make(rows: Question, name: str) -> Question:
        cell: Question = unbound.bind(form=None, name=f"{rows.name}-{name}", _meta=rows.meta)
        return cell

    return make


def _span(item: FormField) -> int:
    return (item.most if item.most is not None else 10) - (item.least or 0) + 1


def _yes_no(value: str) -> Any:
    return _YES_NO.get(value, value)


def _person_name(line: PersonLine | None) -> str:
    if line is None:
        return ""
    return f"{line.label} · {line.name}" if line.name else line.label


# ---- moves -------------------------------------------------------------------------------------------------------


class MoveForm(OwnForm):
    """A move's reason, and a reason for each need that is gone on without."""

    reason = TextAreaField()
    departing: Mapping[str, tuple[Need, Any]]

    def departures(self) -> dict[str, str]:
        """Need → reason, where one was written."""
        written = {need: (field.data or "").strip() for need, (_, field) in self.departing.items()}
        return {need: text for need, text in written.items() if text}


def move_form(view: MoveView, posted: Posted | None = None) -> MoveForm:
    """The form that confirms `view`'s move."""
    protocol = view.head.protocol
    needs = [protocol.needs[reason.need] for reason in view.departures if reason.need]
    kind = type("ActualMoveForm", (MoveForm,), {f"without-{need.key}": TextAreaField() for need in needs})
    shown = Posted(posted or {})
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    if not shown.get("expected"):
        shown["expected"] = str(view.head.seq)
    form: MoveForm = kind(shown)
    form.departing = {need.key: (need, form[f"without-{need.key}"]) for need in needs}
    return form


# Forms as they are posted: what could not be recorded yet is kept as a sealed draft for the same
# person alone.


def keep_draft(ctx: AppContext, account: str, key: str, answers: Mapping[str, Any]) -> None:
    """Keep what this person typed at `key`, in place of an earlier draft there."""
    with ctx.realm.writing(together=True) as session:
        idempotency.keep_draft(session, ctx.vault, account, key[:200], answers, at=ctx.now())


def find_draft(ctx: AppContext, account: str, key: str) -> dict[str, Any] | None:
    """What this person had typed at `key`."""
    with ctx.realm.reading() as session:
        found = idempotency.draft(session, ctx.vault, account, key[:200])
    return dict(found.answers) if found else None


def drop_draft(ctx: AppContext, account: str, key: str) -> None:
    """Forget it: it is recorded now."""
    with ctx.realm.writing(together=True) as session:
        idempotency.drop_draft(session, account, key[:200])


# ---- a form as it was sent, and its token --------------------------------------------------------------------------


def is_sent() -> bool:
    """Whether the form was sent to be recorded; a press on “add a line” only shows it again."""
    return request.method == "POST" and "more" not in request.form


def as_sent() -> Posted:
    """The form of this request. One that doesn't say what it had seen has seen nothing."""
    sent = Posted(request.form)
    sent["expected"] = sent.get("expected") or "0"
    return sent


def new_token() -> str:
    return secrets.token_urlsafe(24)


def renewed(form: OwnForm) -> None:
    """A token of its own for words that were not recorded with the form's first one."""
    form.token.data = new_token()


def one_for_each(choice: str) -> str:
    """The form's token, of its own for each button: going back to press another one is not pressing twice."""
    token = request.form.get("token") or new_token()
    return f"{token[:100]}.{choice[:60]}"


# ---- keeping and showing again -------------------------------------------------------------------------------------
# A page with a form asks `typed_before()` when it is shown, and calls `forget()` once the form was taken.


class DraftForOwner(CSRFError):  # type: ignore[misc]
    """A form shown to somebody else than who sends it: nothing is recorded, its words wait for its owner."""


NEVER_KEPT = frozenset({"csrf_token", sessions.OWNER, "password", "token", "expected"})


def as_typed() -> dict[str, list[str]]:
    """The form of this request as it was typed and chosen, without what the page itself put there."""
    return {key: values for key, values in request.form.lists() if key not in NEVER_KEPT}


def keep() -> str | None:
    """Keep the form of this request for the account that it was shown to, and say which; None if nothing was kept.

    Somebody else may be signed in on this browser by now: what was typed is not theirs to read.
    """
    typed = {key: values for key, values in as_typed().items() if any(values)}
    owner = sessions.owner_of_form()
    if owner is None or not typed or request.blueprint in (None, "sign_in", "account", "desk"):
        return None
    keep_draft(sessions.ctx(), owner, request.path, typed)
    return owner


def typed_before(account: str) -> MultiDict[str, str] | None:
    """What this person typed into the form at this address before it was interrupted, as a form's own values."""
    found = find_draft(sessions.ctx(), account, request.path)
    if not found:
        return None
    return MultiDict((key, value) for key, values in found.items() for value in values)


def forget(account: str, path: str | None = None) -> None:
    """The form at this address (or at `path`) was taken, or isn't wanted any more: nothing has to wait."""
    drop_draft(sessions.ctx(), account, path or request.path)
