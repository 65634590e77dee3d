"""The forms of a team's pages: the same questions as everywhere, judged by the service alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date

from school_protocol.domain.forms import FormField
from school_protocol.services.teams import leaving, stand_ins
from school_protocol.services.teams.stand_ins import CandidateLine, PlaceLine, StandInView
from school_protocol.web.forms import PREFIX, AnswerForm
from school_protocol.web.questions import Day, Line, Offered, OneOf, Posted, Question
from school_protocol.web.team import sayings
from school_protocol.wording import Wording


class TeamForm(AnswerForm):
    """A form of the team: its questions stand in the page's own words."""

    def spoken(self, code: str) -> str:
        """As it is: no definition has a part in it."""
        return code


def _form(questions: dict[str, Question], posted: Posted) -> TeamForm:
    shown = Posted(posted)
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", "0")
    kind = type("ActualTeamForm", (TeamForm,), {f"{PREFIX}{key}": question for key, question in questions.items()})
    form: TeamForm = kind(shown)
    form.questions = [form[f"{PREFIX}{key}"] for key in questions]
    return form


def _spec(key: str, kind: str, *, required: bool = True) -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": {"en": key}, "required": required})


def _opening(**values: str) -> Posted:
    return Posted({f"{PREFIX}{key}": value for key, value in values.items()})


# ---- questions ---------------------------------------------------------------------------------------------------


def _reason(w: Wording, codes: Iterable[str], label: str) -> Question:
    said = sayings.reasons(w)
    options = [Offered(code, said[code]) for code in codes]
    return OneOf(label, options=options, spec=_spec("reason", "choice"), w=w)


def _sentence(w: Wording) -> Question:
    hint = w._("One sentence, 200 characters at most. Name no pupil and say nothing of a case: it is kept for good.")
    return Line(w._("In a few words"), spec=_spec("sentence", "text", required=False), w=w, hint=hint)


def _day(w: Wording, key: str, label: str, hint: str = "") -> Question:
    return Day(label, spec=_spec(key, "date"), w=w, hint=hint)


# ---- forms -------------------------------------------------------------------------------------------------------


def stand_in_form(view: StandInView, w: Wording, posted: Posted | None, today: date) -> TeamForm:
    questions = {
        "place": OneOf(
            w._("Which role?"),
            options=[_place(w, line) for line in view.places],
            spec=_spec("place", "choice"),
            w=w,
        ),
        "account": OneOf(
            w._("Who stands in?"),
            options=[_candidate(w, line) for line in view.candidates],
            spec=_spec("account", "account"),
            w=w,
            hint=w._("Somebody else than you. For a role of the team: with a current training certificate."),
        ),
        "starts": _day(w, "starts", w._("From")),
        "ends": _day(
            w,
            "ends",
            w._("Last day"),
            w._("It ends by itself after this day: at most 90 days, to be renewed if needed."),
        ),
        "reason": _reason(w, stand_ins.AWAY_REASONS, w._("Why?")),
        "sentence": _sentence(w),
    }
    chosen = {"place": view.places[0].value} if len(view.places) == 1 else {}
    return _form(questions, posted if posted is not None else _opening(starts=today.isoformat(), **chosen))


def _place(w: Wording, line: PlaceLine) -> Offered:
    title = w.role(line.protocol, line.role)
    return Offered(line.value, title, name=line.name) if line.name else Offered(line.value, title, w._("Nobody now"))


def _candidate(w: Wording, line: CandidateLine) -> Offered:
    trained = (
        w._("certified until %(day)s", day=w.day(line.trained_until)) if line.trained_until else w._("not certified")
    )
    place = line.elsewhere.name(w.language) if line.elsewhere else ""
    return Offered(line.id, w.comma.join(part for part in (place, trained) if part), name=line.name)


def ending_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {"reason": _reason(w, stand_ins.BACK_REASONS, w._("Why?")), "sentence": _sentence(w)}
    return _form(questions, posted if posted is not None else Posted())


def leaving_form(w: Wording, posted: Posted | None, today: date) -> TeamForm:
    hint = w._("Today: access ends at once. A later day: it ends by itself after that day.")
    questions = {
        "last_day": _day(w, "last_day", w._("Last day"), hint),
        "reason": _reason(w, leaving.LEAVING_REASONS, w._("Why?")),
        "sentence": _sentence(w),
    }
    return _form(questions, posted if posted is not None else _opening(last_day=today.isoformat()))


def at_once_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {"reason": _reason(w, leaving.AT_ONCE_REASONS, w._("Why?")), "sentence": _sentence(w)}
    return _form(questions, posted if posted is not None else Posted())
