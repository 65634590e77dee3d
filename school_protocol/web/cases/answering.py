"""How a page with an act's form goes: shown with what waits for it, shown again with all that was typed, or sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from flask import request

from school_protocol.domain.protocol import Act, ActKind, FieldType, Form, Protocol
from school_protocol.services import showing
from school_protocol.services.views import ActView, Choices, RecordView
from school_protocol.web import kept, sessions
from school_protocol.web.forms import CORRECTED, AnswerForm, OwnForm, answers_of, as_posted, blank, form_for
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
        return form_for(view, wording(), as_sent(), now=now, more=request.form.get("more", "")), False
    waiting = kept.typed_before(sessions.actor().id)
    return form_for(_pointed(view, request.args), wording(), waiting, now=now), waiting is not None


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


class Quick(NamedTuple):
    """An act that one tap can record: its form as it opens, or None where something must be written first."""

    act: Act
    posted: Posted | None


def quick_forms(protocol: Protocol, acts: Iterable[Act]) -> list[Quick]:
    return [Quick(act, _as_it_opens(protocol, act)) for act in acts if act.quick]


def _as_it_opens(protocol: Protocol, act: Act) -> Posted | None:
    form = protocol.form_of(act)
    view = ActView(protocol, act, form, None, Choices())
    posted = blank(view, sessions.house().now())
    unanswered = [item for item in form.fields if item.required and item.when is None and f"a-{item.key}" not in posted]
    return None if unanswered else posted


def danger_answer(form: Form, danger: str) -> dict[str, Any]:
    """The answers of a form that raises one danger, whichever way it asks."""
    item = form.find(FieldType.danger, FieldType.dangers)
    if item is None:
        return {}
    return {item.key: [danger] if item.type is FieldType.dangers else danger}


def renewed(form: OwnForm) -> None:
    """A token of its own for words that were not recorded with the form's first one."""
    form.token.data = secrets.token_urlsafe(24)


def token_for(view: ActView, form: AnswerForm) -> str:
    """The form's token; each danger has one of its own, so that no danger is ever taken for another one's echo."""
    item = view.form.find(FieldType.danger, FieldType.dangers) if view.act.kind is ActKind.raise_danger else None
    chosen = answers_of(form).get(item.key) if item else None
    return f"{form.sent_token()[:100]}.{chosen}"[:200] if chosen else form.sent_token()


def one_for_each(choice: str) -> str:
    """The form's token, of its own for each button: going back to press another one is not pressing twice."""
    token = request.form.get("token") or secrets.token_urlsafe(24)
    return f"{token[:100]}.{choice[:60]}"
