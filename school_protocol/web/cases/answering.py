"""How a page with an act's form goes: shown with what waits for it, shown again with all that was typed, or sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from flask import request

from school_protocol.domain.forms import FieldType, Form, FormField, Option
from school_protocol.domain.protocol import Act, ActKind, Danger, Protocol
from school_protocol.services import showing
from school_protocol.services.first_minutes import call_choice, covered_by, dialled, one_choice
from school_protocol.services.sharing.waits import is_school_here
from school_protocol.services.views import ActView, Choices, ContactLine, RecordView
from school_protocol.web import kept, sessions, words
from school_protocol.web.forms import (
    CORRECTED,
    AnswerForm,
    OwnForm,
    answers_of,
    as_posted,
    blank,
    form_for,
    show_problems,
)
from school_protocol.web.naming import LOOKED
from school_protocol.web.questions import Posted, Question
from school_protocol.web.rendering import wording

POINTED = (
    FieldType.referral, FieldType.hold, FieldType.record, FieldType.danger, FieldType.target, FieldType.seat,
    FieldType.duty, FieldType.person,
)  # fmt: skip
"""Questions that a link can answer ahead: `?referral=3`."""


def is_sent() -> bool:
    """Whether the form was sent to be recorded; a press on “add a line” only shows it again."""
    return request.method == "POST" and "more" not in request.form


def shown_form(view: ActView) -> tuple[AnswerForm, bool]:
    """The form as it stands: as typed; else as left before an interruption (True); else as it opens."""
    now = sessions.house().now()
    if request.method == "POST":
        return form_for(
            view, wording(), words.topped(view, as_sent()), now=now, more=request.form.get("more", "")
        ), False
    waiting = words.topped(view, kept.typed_before(sessions.actor().id))
    return form_for(words.begun(_pointed(view, request.args)), wording(), waiting, now=now), waiting is not None


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
    if is_school_here(sessions.house(), code):
        return False
    form.looked = (*form.looked, mark)
    show_problems(form, {question.spec.key: ("school_unknown",)})
    return True


def as_sent() -> Posted:
    """The form of this request. One that doesn't say what it had seen has seen nothing."""
    sent = Posted(request.form)
    sent["expected"] = sent.get("expected") or "0"
    return sent


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
    typed = request.form if request.method == "POST" else kept.typed_before(sessions.actor().id)
    named = typed.get("corrects", "") if typed is not None else request.args.get(FieldType.record.value, "")
    if view.head is None or question is None or chosen != named or not re.fullmatch(r"[0-9]{1,9}", chosen):
        return None
    found = showing.see_correction(sessions.house(), sessions.actor(), view.head.number, int(chosen))
    if found is None:
        return None
    question.is_fixed = True
    now, more = sessions.house().now(), request.form.get("more", "")
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
    posted = blank(view, sessions.house().now())
    unanswered = [item for item in form.fields if item.required and item.when is None and f"a-{item.key}" not in posted]
    return None if unanswered else posted


def new_token() -> str:
    return secrets.token_urlsafe(24)


def danger_answer(form: Form, danger: str) -> dict[str, Any]:
    """The answers of a form that raises one danger, whichever way it asks."""
    item = form.find(FieldType.danger, FieldType.dangers)
    if item is None:
        return {}
    return {item.key: [danger] if item.type is FieldType.dangers else danger}


def renewed(form: OwnForm) -> None:
    """A token of its own for words that were not recorded with the form's first one."""
    form.token.data = new_token()


def token_for(view: ActView, form: AnswerForm) -> str:
    """The form's token; each danger has one of its own, so that no danger is ever taken for another one's echo."""
    item = view.form.find(FieldType.danger, FieldType.dangers) if view.act.kind is ActKind.raise_danger else None
    chosen = answers_of(form).get(item.key) if item else None
    return f"{form.sent_token()[:100]}.{chosen}"[:200] if chosen else form.sent_token()


def one_for_each(choice: str) -> str:
    """The form's token, of its own for each button: going back to press another one is not pressing twice."""
    token = request.form.get("token") or new_token()
    return f"{token[:100]}.{choice[:60]}"
