"""How a page with an act's form goes: shown, shown again with all that was typed, with names found in it, or sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from flask import request

from school_protocol.cases import desk_routes, showing
from school_protocol.cases.pseudonyms import named_in
from school_protocol.cases.school_requests import is_school_here
from school_protocol.cases.showing import call_choice, covered_by, dialled, one_choice
from school_protocol.cases.view_models import ActView, Choices, MoveView, RecordView
from school_protocol.engine import name_detection
from school_protocol.engine.definition import Act, ActKind, Danger, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField, Option
from school_protocol.engine.name_detection import Found
from school_protocol.people.contacts import ContactLine
from school_protocol.ui import forms as ui_forms
from school_protocol.ui import sessions
from school_protocol.ui.fields import People, Posted, Question, Rows
from school_protocol.ui.forms import (
    CORRECTED,
    AnswerForm,
    MoveForm,
    OwnForm,
    answers_of,
    as_posted,
    as_sent,
    asks_for_danger,
    blank,
    form_for,
    new_token,
    show_problems,
)
from school_protocol.ui.rendering import wording

# ---- names in what was typed: the form comes back once, with a sign offered for each -------------------------------
# Nothing urgent waits for it: no danger, nothing of the first minutes, nothing held back from a guardian, no first
# report of danger. What would be refused anyway is said first; what was shown once (`looked`) is not asked about
# again.

CHOICE, LOOKED = "naming", "looked"
"""The button that was pressed: `tokens` or `written`; and what the page had shown."""
TOKENS = "tokens"
SIGNING = "signing"
"""Sent where a password had been typed when the page came back: no page keeps one."""
LOOKED_MOST = 200
SIGNS_MOST = 3
_RAISING = (FieldType.danger, FieldType.dangers)
_NEVER_WAITS = (ActKind.raise_danger, ActKind.hold)
_ABOUT_RAISED = (ActKind.lift_danger, ActKind.refer, ActKind.take_over)


class Box(NamedTuple):
    """One box of free text: where it is typed, how it is called, what stands in it, what else it may hold."""

    field: Any
    name: str
    place: str
    label: str
    text: str


class Mention(NamedTuple):
    """A box in which somebody is named: what was typed for whom, and how the text would read."""

    box: Box
    found: tuple[Found, ...]

    @property
    def place(self) -> str:
        return self.box.place

    @property
    def label(self) -> str:
        return self.box.label

    @property
    def said(self) -> list[tuple[str, str]]:
        """What was typed, and the sign for it, once each."""
        return list(dict.fromkeys((one.typed, one.token) for one in self.found))

    @property
    def after(self) -> str:
        return name_detection.with_tokens(self.box.text, self.found)

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The same for a page: signs stand apart, so that they do not say in which direction the text runs."""
        return name_detection.signs_apart(self.after)

    @property
    def marks(self) -> list[str]:
        return [f"{self.box.name}:{name_detection.fold(typed)}" for typed, _token in self.said]


class Asked(NamedTuple):
    """What the page asks about before anything is recorded."""

    mentions: tuple[Mention, ...]

    @property
    def signs(self) -> list[str]:
        return list(dict.fromkeys(token for mention in self.mentions for _typed, token in mention.said))

    @property
    def is_few(self) -> bool:
        return len(self.signs) <= SIGNS_MOST

    def of(self, name: str) -> Mention | None:
        return next((one for one in self.mentions if one.box.name == name), None)


def asked_of_act(
    view: ActView, form: AnswerForm, *changed: tuple[AnswerForm, AnswerForm], rehearse: Callable[[], object]
) -> Asked | None:
    """Whom the words of this form name, where that was not shown yet; None: they can be recorded as they stand now.

    `rehearse` raises what recording them would raise, before anything is asked. `changed` are forms of a corrected
    entry, each with what it said before: words that stay are nobody's today.
    """
    if not _may_wait(view, form):
        return None
    boxes = list(_boxes(form.questions))
    for now, before in changed:
        kept = {box.name: box.text for box in _boxes(before.questions)}
        boxes += [box for box in _boxes(now.questions) if box.text != kept.get(box.name)]
    number = view.head.number if view.head else None
    return _asked(form, boxes, number, view.protocol, _new_people(form), rehearse)


def asked_of_move(view: MoveView, form: MoveForm, *, rehearse: Callable[[], object]) -> Asked | None:
    """Whom a move's reasons name, where that was not shown yet."""
    if view.reasons:
        return None
    fields = [form.reason, *(field for _need, field in form.departing.values())]
    boxes = [Box(field, field.name, field.id, "", field.data or "") for field in fields]
    return _asked(form, boxes, view.head.number, view.head.protocol, (), rehearse)


def _asked(
    form: OwnForm,
    boxes: Sequence[Box],
    number: str | None,
    protocol: Protocol,
    people: Iterable[Mapping[str, Any]],
    rehearse: Callable[[], object],
) -> Asked | None:
    looked = request.form.getlist(LOOKED)[:LOOKED_MOST]
    form.looked = tuple(looked)
    written = [box for box in boxes if box.text.strip()]
    if not written:
        return None
    found = named_in(sessions.ctx(), sessions.actor(), number, protocol, [box.text for box in written], people)
    mentions = tuple(Mention(box, named) for box, named in zip(written, found, strict=True) if named)
    marks = tuple(dict.fromkeys(mark for mention in mentions for mark in mention.marks))[:LOOKED_MOST]
    if set(marks) <= set(looked):
        if request.form.get(CHOICE) == TOKENS:
            for mention in mentions:
                _put(mention.box.field, mention.after)
        return None
    rehearse()
    form.looked = marks
    for mention in mentions:
        if isinstance(mention.box.field, Question):
            mention.box.field.mention = mention
    return Asked(mentions)


def _put(field: Any, text: str) -> None:
    if isinstance(field, Question):
        field.process_formdata([text])
    else:
        field.data = text


def _may_wait(view: ActView, form: AnswerForm) -> bool:
    """Whether it can be recorded at all, and nobody is in danger by its being looked at once more."""
    is_known = view.head is not None and bool(view.head.live_dangers)
    if view.reasons or view.act.kind in _NEVER_WAITS or request.form.get("then") == "first-minutes":
        return False
    if view.act.first_minutes if is_known else asks_for_danger(form):
        return False
    return view.act.kind in _ABOUT_RAISED or not any(_raises(question) for question in form.questions)


def _raises(question: Question) -> bool:
    if question.spec.type is FieldType.danger_answers:
        return "yes" in (question.answer() or {}).values()
    return question.spec.type in _RAISING and question.answer() is not None


def _boxes(questions: Iterable[Question], within: str = "") -> Iterator[Box]:
    for question in questions:
        if isinstance(question, Rows):
            for line in question.lines:
                yield from _boxes(line.values(), question.label.text)
        elif question.spec.may_name:
            label = question.label.text
            yield Box(
                question, question.name, question.focus_id, f"{within} · {label}" if within else label, question.value
            )


def lost_signature(view: ActView, form: AnswerForm) -> bool:
    """Whether a password was typed for this form when it was last sent, and it came back without."""
    return view.may_sign and SIGNING in request.form and not form.password.data


def _new_people(form: AnswerForm) -> Iterator[Mapping[str, Any]]:
    """Those named for the first time on this page, in the order in which they get their numbers."""
    for question in form.questions:
        parts = (
            [part for line in question.lines for part in line.values()] if isinstance(question, Rows) else [question]
        )
        for part in parts:
            if isinstance(part, People):
                yield from (block for block in part.blocks if part.is_named(block))


POINTED = (
    FieldType.referral, FieldType.hold, FieldType.record, FieldType.danger, FieldType.target, FieldType.seat,
    FieldType.duty, FieldType.person,
)  # fmt: skip
"""Questions that a link can answer ahead: `?referral=3`."""


def shown_form(view: ActView) -> tuple[AnswerForm, bool]:
    """The form as it stands: as typed; else as left before an interruption (True); else as it opens."""
    now = sessions.ctx().now()
    if request.method == "POST":
        return form_for(
            view, wording(), desk_routes.topped(view, as_sent()), now=now, more=request.form.get("more", "")
        ), False
    waiting = desk_routes.topped(view, ui_forms.typed_before(sessions.actor().id))
    return form_for(desk_routes.begun(_pointed(view, request.args)), wording(), waiting, now=now), waiting is not None


def asks_about_school(view: ActView, form: AnswerForm, *, rehearse: Callable[[], object]) -> bool:
    """Whether a case is to go to a school that nobody knows here, which was not said yet: it is said beside its field.

    `rehearse` raises what recording would raise, before anything is asked.
    """
    if view.act.kind is not ActKind.ask_transfer or view.reasons:
        return False
    question = next((one for one in form.questions if one.spec.type is FieldType.school), None)
    code = str(question.answer() or "").strip().upper() if question is not None else ""
    mark = f"school:{code}"
    if question is None or not code or mark in request.form.getlist(LOOKED):
        return False
    rehearse()
    if is_school_here(sessions.ctx(), code):
        return False
    form.looked = (*form.looked, mark)
    show_problems(form, {question.spec.key: ("school_unknown",)})
    return True


def _pointed(view: ActView, wanted: Mapping[str, str]) -> ActView:
    ahead = {
        item.key: wanted[item.type.value]
        for item in view.form.fields
        if item.type in POINTED and item.type.value in wanted
    }
    return replace(view, prefill={**view.prefill, **ahead}) if ahead else view


def pointed_record(view: ActView, form: AnswerForm) -> RecordView | None:
    """The entry that the form is about, where one is chosen: whoever signs sees what is signed."""
    if view.signs is not None:
        return view.signs
    question = _about(form)
    chosen = question.answer() if question else None
    return next((record for record in view.choices.records if str(record.seq) == chosen), None)


def _about(form: AnswerForm) -> Question | None:
    """The question that names the entry a form is about."""
    return next((one for one in form.questions if one.spec.type is FieldType.record), None)


class Correction(NamedTuple):
    """The corrected entry's own form, filled in with what it says now, and what it said when it was shown."""

    seq: int
    form: AnswerForm
    before: AnswerForm

    def changes(self) -> dict[str, Any] | None:
        """The whole answers as they should be; None where nothing was changed: a correction in words alone."""
        answers = answers_of(self.form)
        return None if answers == answers_of(self.before) else answers


def correction_for(view: ActView, form: AnswerForm) -> Correction | None:
    """For a correction that came by an entry's link: that entry's form; None where it isn't this reader's to change."""
    question = _about(form)
    chosen = str(question.answer() or "") if question and view.act.kind is ActKind.correct else ""
    typed = request.form if request.method == "POST" else ui_forms.typed_before(sessions.actor().id)
    named = typed.get("corrects", "") if typed is not None else request.args.get(FieldType.record.value, "")
    if view.head is None or question is None or chosen != named or not re.fullmatch(r"[0-9]{1,9}", chosen):
        return None
    found = showing.see_correction(sessions.ctx(), sessions.actor(), view.head.number, int(chosen))
    if found is None:
        return None
    question.is_fixed = True
    now, more = sessions.ctx().now(), request.form.get("more", "")
    said = as_posted(found.form.fields, found.prefill, CORRECTED)
    before = form_for(found, wording(), said, now=now, prefix=CORRECTED)
    shown = form_for(found, wording(), typed if typed is not None else said, now=now, more=more, prefix=CORRECTED)
    return Correction(int(chosen), shown, before)


class Tap(NamedTuple):
    """What one tap sends: an act's form as it opens, with one answer of its only choice where it has one."""

    act: Act
    posted: Posted
    token: str
    option: Option | None = None
    noted: datetime | None = None


class Quick(NamedTuple):
    """A quick act: what its taps send; none where something must be written first."""

    act: Act
    form: Form
    taps: list[Tap]


def quick_acts(protocol: Protocol, acts: Iterable[Act], noted: Mapping[tuple[str, str], datetime]) -> list[Quick]:
    return [Quick(act, protocol.form_of(act), list(_taps(protocol, act, noted))) for act in acts if act.quick]


def _taps(protocol: Protocol, act: Act, noted: Mapping[tuple[str, str], datetime]) -> Iterator[Tap]:
    item = one_choice(protocol.form_of(act))
    if item is None:
        posted = _as_it_opens(protocol, act)
        if posted is not None:
            yield Tap(act, posted, new_token(), None, noted.get((act.key, "")))
        return
    for option in item.options:
        if _asks_on(protocol.form_of(act), item, option):
            continue
        chosen: Any = [option.key] if item.type is FieldType.choices else option.key
        posted = _as_it_opens(protocol, act, {item.key: chosen})
        if posted is not None:
            yield Tap(act, posted, new_token(), option, noted.get((act.key, option.key)))


def _asks_on(form: Form, item: FormField, option: Option) -> bool:
    """Whether another question hangs on this answer: then one tap doesn't say it all, and the form is opened."""
    values: Mapping[str, Any] = {item.key: (option.key,) if item.type is FieldType.choices else option.key}
    return any(other.when is not None and other.when.holds(values) for other in form.fields)


def call_taps(
    protocol: Protocol,
    act: Act | None,
    contacts: Iterable[ContactLine],
    dangers: Iterable[Danger],
    called: Mapping[str, datetime],
) -> dict[str, Tap]:
    """Number → what “I called” beside it records: a referral by telephone, now, about those dangers."""
    form = protocol.form_of(act) if act else None
    target, covers = (form.find(FieldType.target), form.find(FieldType.covers)) if form else (None, None)
    how, number = (call_choice(form), dialled(form)) if form else (None, None)
    if act is None or target is None or covers is None or how is None:
        return {}
    every, taps = list(dangers), {}
    for line in contacts:
        if line.phone is None or line.target is None or line.phone in taps:
            continue
        key = line.target.key
        said = {target.key: key, covers.key: covered_by(key, every), how[0].key: how[1]}
        said |= {number.key: line.phone} if number else {}
        posted = _as_it_opens(protocol, act, said)
        if posted is not None:
            taps[line.phone] = Tap(act, posted, new_token(), None, called.get(line.phone, called.get(key)))
    return taps


def _as_it_opens(protocol: Protocol, act: Act, said: Mapping[str, Any] | None = None) -> Posted | None:
    """The form as it opens, some of it answered; None where something that must be answered is not."""
    form = protocol.form_of(act)
    view = ActView(protocol, act, form, None, Choices(), prefill=dict(said or {}))
    posted = blank(view, sessions.ctx().now())
    unanswered = [item for item in form.fields if item.required and item.when is None and f"a-{item.key}" not in posted]
    return None if unanswered else posted


def danger_answer(form: Form, danger: str) -> dict[str, Any]:
    """The answers of a form that raises one danger, whichever way it asks."""
    item = form.find(FieldType.danger, FieldType.dangers)
    if item is None:
        return {}
    return {item.key: [danger] if item.type is FieldType.dangers else danger}


def token_for(view: ActView, form: AnswerForm) -> str:
    """The form's token; each danger has one of its own, so that no danger is ever taken for another one's echo."""
    item = view.form.find(FieldType.danger, FieldType.dangers) if view.act.kind is ActKind.raise_danger else None
    chosen = answers_of(form).get(item.key) if item else None
    return f"{form.sent_token()[:100]}.{chosen}"[:200] if chosen else form.sent_token()
