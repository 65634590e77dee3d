"""The forms of visits and of the duty roster: the same questions as everywhere, judged by the service alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date

from school_protocol.domain.forms import FormField
from school_protocol.services.visits.roster import CandidateLine
from school_protocol.services.visits.visiting import ACTIONS_MOST, VisitView
from school_protocol.web.forms import PREFIX
from school_protocol.web.questions import Day, Line, Moment, Offered, OneOf, Posted, Question, Rows, Words
from school_protocol.web.team.forms import TeamForm
from school_protocol.wording import Wording


def visit_form(w: Wording, posted: Posted | None, today: date, view: VisitView | None = None) -> TeamForm:
    """For a visit that was made; or to put `view` right."""
    columns = (
        ("what", _column(w, Line, "what", "text", w._("What is to be done?"))),
        ("who", _column(w, Line, "who", "text", w._("By whom?"))),
        ("by", _column(w, Day, "by", "date", w._("Until when?"))),
    )
    names = w._("Name no pupil and no family, and tell of no case: write of the team and its work.")
    questions = {
        "held_on": Day(w._("Day of the visit"), spec=_spec("held_on", "date"), w=w),
        "came": Line(
            w._("Who came?"), spec=_spec("came", "text"), w=w, hint=w._("Names and functions of the visitors.")
        ),
        "remarks": Words(w._("What was seen and talked over"), spec=_spec("remarks", "long"), w=w, hint=names),
        "actions": Rows(
            w._("What was agreed"), columns=columns, spec=_rows(), w=w,
            hint=w._("One line each; a line that stays empty counts for nothing."),
        ),
    }  # fmt: skip
    return _form(questions, posted if posted is not None else _opening(today, view), view.number if view else 0)


def duty_form(w: Wording, posted: Posted | None, candidates: Sequence[CandidateLine]) -> TeamForm:
    """For a turn of duty."""
    options = [Offered(one.id, "", name=one.name) for one in candidates]
    hint = w._("In school hours nothing changes: a turn can run on through them.")
    questions = {
        "account": OneOf(w._("Who is on duty?"), options=options, spec=_spec("account", "account"), w=w),
        "starts": Moment(w._("From"), spec=_spec("starts", "moment"), w=w),
        "ends": Moment(w._("Until"), spec=_spec("ends", "moment"), w=w, hint=hint),
    }
    return _form(questions, posted if posted is not None else Posted(), 0)


def _form(questions: dict[str, Question], posted: Posted, number: int) -> TeamForm:
    shown = Posted(posted)
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", str(number))
    kind = type("ActualVisitForm", (TeamForm,), {f"{PREFIX}{key}": question for key, question in questions.items()})
    form: TeamForm = kind(shown)
    form.questions = [form[f"{PREFIX}{key}"] for key in questions]
    return form


def _opening(today: date, view: VisitView | None) -> Posted:
    values = {"held_on": today.isoformat()}
    if view is not None:
        values = {"held_on": view.held_on.isoformat(), "came": view.came, "remarks": view.remarks}
        for number, one in enumerate(view.actions):
            values |= {f"actions-{number}-what": one.what, f"actions-{number}-who": one.who}
            values[f"actions-{number}-by"] = one.by.isoformat() if one.by else ""
    return Posted({f"{PREFIX}{key}": value for key, value in values.items()})


def _column(w: Wording, kind: type[Question], key: str, of: str, label: str) -> Callable[[Question, str], Question]:
    spec = _spec(key, of, required=False)
    return lambda question, name: question._part(kind, name, label, spec=spec, hint="")


def _spec(key: str, kind: str, *, required: bool = True) -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": {"en": key}, "required": required})


def _rows() -> FormField:
    columns = {"what": {"type": "text", "label": {"en": "what"}}}
    return FormField.model_validate(
        {
            "key": "actions", "type": "rows", "label": {"en": "actions"}, "least": ACTIONS_MOST, "most": ACTIONS_MOST,
            "fields": [{"key": key, **value} for key, value in columns.items()],
        }
    )  # fmt: skip
