"""Names in what was typed: before it is recorded the form comes back once, with a sign offered in place of each name.

Nothing urgent waits for it: no danger, nothing of the first minutes, nothing held back from a guardian, no report that
is the first to say that there may be danger now. What would be refused anyway is said first.
What was shown once (`looked`) is not asked about again; a name that was typed since is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flask import request

from school_protocol.domain import naming
from school_protocol.domain.forms import FieldType
from school_protocol.domain.naming import Found
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.services.naming import named_in
from school_protocol.services.views import ActView, MoveView
from school_protocol.web import sessions
from school_protocol.web.forms import AnswerForm, MoveForm, OwnForm, asks_for_danger
from school_protocol.web.questions import People, Question, Rows

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
        return naming.with_tokens(self.box.text, self.found)

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The same for a page: signs stand apart, so that they do not say in which direction the text runs."""
        return naming.signs_apart(self.after)

    @property
    def marks(self) -> list[str]:
        return [f"{self.box.name}:{naming.fold(typed)}" for typed, _token in self.said]


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
    found = named_in(sessions.house(), sessions.actor(), number, protocol, [box.text for box in written], people)
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
