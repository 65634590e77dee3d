"""How a page with an act's form goes: shown with what waits for it, shown again with all that was typed, or sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from flask import request

from school_protocol.domain.protocol import Act, FieldType, Form
from school_protocol.services.views import ActView, CaseHead, Choices, DangerPage, RecordView
from school_protocol.web import kept, sessions
from school_protocol.web.forms import AnswerForm, blank, form_for
from school_protocol.web.questions import Posted
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
        return form_for(view, wording(), request.form, now=now, more=request.form.get("more", "")), False
    waiting = kept.typed_before(sessions.actor().id)
    return form_for(_pointed(view, request.args), wording(), waiting, now=now), waiting is not None


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
    question = next((one for one in form.questions if one.spec.type is FieldType.record), None)
    chosen = question.answer() if question else None
    return next((record for record in view.choices.records if str(record.seq) == chosen), None)


class Quick(NamedTuple):
    """An act that one tap can record: its form as it opens, or None where something must be written first."""

    act: Act
    posted: Posted | None


def quick_forms(page: DangerPage) -> list[Quick]:
    return [Quick(act, _as_it_opens(page.head, act)) for act in page.quick_acts]


def _as_it_opens(head: CaseHead, act: Act) -> Posted | None:
    form = head.protocol.form_of(act)
    view = ActView(head.protocol, act, form, head, Choices())
    posted = blank(view, sessions.house().now())
    unanswered = [item for item in form.fields if item.required and item.when is None and f"a-{item.key}" not in posted]
    return None if unanswered else posted


def danger_answer(form: Form, danger: str) -> dict[str, Any]:
    """The answers of a form that raises one danger, whichever way it asks."""
    item = form.find(FieldType.danger, FieldType.dangers)
    if item is None:
        return {}
    return {item.key: [danger] if item.type is FieldType.dangers else danger}


def one_for_each(choice: str) -> str:
    """The form's token, of its own for each button: going back to press another one is not pressing twice."""
    token = request.form.get("token") or secrets.token_urlsafe(24)
    return f"{token[:100]}.{choice[:60]}"
