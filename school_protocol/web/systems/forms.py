"""The form by which a token is asked for: the same questions as everywhere, judged by the service alone."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, timedelta

from school_protocol.domain.forms import FormField
from school_protocol.domain.policy import Unit
from school_protocol.storage.api.tokens import Right
from school_protocol.web.forms import PREFIX
from school_protocol.web.questions import Day, Line, Offered, OneOf, Posted, Question, Several
from school_protocol.web.systems import said
from school_protocol.web.team.forms import TeamForm
from school_protocol.wording import Wording

USUAL = timedelta(days=180)


def token_form(w: Wording, posted: Posted | None, units: Sequence[Unit], today: date) -> TeamForm:
    """What other system, of which place, what it reads, until when, what for."""
    rights = [Offered(right.value, said.right(w, right.value)) for right in Right]
    questions: dict[str, Question] = {
        "name": Line(
            w._("Which system?"), spec=_spec("name"), w=w, hint=w._("As those who read this page call it. Name nobody.")
        ),
        "unit": _place(w, units),
        "rights": Several(w._("What may it read?"), options=rights, spec=_spec("rights", "choices"), w=w),
        "ends": Day(
            w._("Until which day?"), spec=_spec("ends", "date"), w=w,
            hint=w._("A year ahead at most: then it is asked for anew."),
        ),
        "purpose": Line(
            w._("What for?"), spec=_spec("purpose"), w=w,
            hint=w._(
                "One sentence, 200 characters at most, for whoever agrees. Say nothing of a case: it is kept for good."
            ),
        ),
    }  # fmt: skip
    opening = Posted({f"{PREFIX}ends": (today + USUAL).isoformat()})
    if len(units) == 1:
        opening[f"{PREFIX}unit"] = units[0].code
    shown = Posted(posted if posted is not None else opening)
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", "0")
    kind = type("ActualTokenForm", (TeamForm,), {f"{PREFIX}{key}": question for key, question in questions.items()})
    form: TeamForm = kind(shown)
    form.questions = [form[f"{PREFIX}{key}"] for key in questions]
    return form


def _place(w: Wording, units: Sequence[Unit]) -> Question:
    if not units:
        hint = w._("The code of the province or of the region.")
        return Line(w._("Of which place?"), spec=_spec("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(w._("Of which place?"), options=options, spec=_spec("unit", "choice"), w=w)


def _spec(key: str, kind: str = "text") -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": {"en": key}, "required": True})
