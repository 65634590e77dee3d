"""Forms of contacts, visits and the duty roster: the same questions as everywhere, judged by the services alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from school_protocol.engine.definition import Target
from school_protocol.engine.definition_parts import FormField
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording
from school_protocol.people.forms import TeamForm, spec_of, team_form
from school_protocol.supervision.referral_contacts import HOURS, ContactView, spans_of
from school_protocol.supervision.visit_service import ACTIONS_MOST, VisitView
from school_protocol.ui.fields import Day, Line, Moment, Offered, OneOf, Posted, Question, Rows, Words
from school_protocol.ui.forms import PREFIX


def contact_form(
    w: Wording,
    posted: Posted | None,
    *,
    view: ContactView | None = None,
    targets: Mapping[str, Target] | None = None,
    units: Sequence[Unit] = (),
    may_be_country: bool = False,
) -> TeamForm:
    """For a new contact where targets are given; else to put `view` right."""
    questions: dict[str, Question] = {}
    if targets is not None:
        offered = [Offered(key, w.text(target.title)) for key, target in targets.items()]
        questions["target"] = _one(w, "target", w._("For which service?"), offered)
        questions["unit"] = _place(w, units, may_be_country)
    hint = w._("What a team reads on the button: the service and its town. One of the names is enough.")
    questions |= {
        "name_fr": _line(w, "name_fr", w._("Name in Latin letters"), hint),
        "name_ar": _line(w, "name_ar", w._("Name in Arabic letters")),
        "city_fr": _line(
            w, "city_fr", w._("Town or commune, in Latin letters"),
            w._("Schools of that town find it first. Leave it empty if it serves no town more than another."),
        ),
        "city_ar": _line(w, "city_ar", w._("Town or commune, in Arabic letters")),
        "phone": _line(w, "phone", w._("Telephone"), w._("As it is dialled: 19, 2511, 0537 00 00 00, +212 …")),
        "url": _line(w, "url", w._("Address of its page"), w._("If it is reached by internet.")),
        "hours": _one(w, "hours", w._("When does somebody answer?"), _hours(w, view)),
        "opens": _line(w, "opens", w._("From (Monday to Friday)"), w._("Only for “Monday to Friday”.")),
        "closes": _line(w, "closes", w._("Until (Monday to Friday)")),
        "verified": _one(
            w, "verified", w._("Was it found right today?"),
            [
                Offered("today", w._("Yes: somebody called, or opened the page, and it is right")),
                Offered("no", w._("Not today")),
            ],
        ),
    }  # fmt: skip
    seen = view.revision if view else 0
    return team_form(questions, posted if posted is not None else _contact_opening(view), expected=seen)


def _contact_opening(view: ContactView | None) -> Posted:
    values = {"hours": "unknown", "verified": "no"}
    if view is not None:
        values["hours"], values["opens"], values["closes"] = spans_of(view.hours)
        values |= {"phone": view.phone, "url": view.url}
        values |= {f"name_{key}": view.names.get(key, "") for key in ("fr", "ar")}
        values |= {f"city_{key}": view.city.get(key, "") for key in ("fr", "ar")}
    return Posted({f"{PREFIX}{key}": value for key, value in values.items()})


def _hours(w: Wording, view: ContactView | None) -> list[Offered]:
    words = {
        "unknown": w._("Not known"),
        "always": w._("Day and night"),
        "weekdays": w._("Monday to Friday, except on public holidays"),
        "weekdays_and_holidays": w._("Monday to Friday, on public holidays too"),
        "as_before": w._("As it stands now"),
    }
    kept = view is not None and spans_of(view.hours)[0] == "as_before"
    return [Offered(key, words[key]) for key in HOURS if key != "as_before" or kept]


def _place(w: Wording, units: Sequence[Unit], may_be_country: bool) -> Question:
    hint = w._("The code of the region, of the province or of the school that it serves.")
    if may_be_country:
        hint = w._("The code of the region, province or school that it serves; the country’s for the whole country.")
    if not units:
        return Line(w._("Which place does it serve?"), spec=spec_of("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(w._("Which place does it serve?"), options=options, spec=spec_of("unit", "choice"), w=w)


def _line(w: Wording, key: str, label: str, hint: str = "") -> Question:
    return Line(label, spec=spec_of(key, "text", required=False), w=w, hint=hint)


def _one(w: Wording, key: str, label: str, options: Sequence[Offered]) -> Question:
    return OneOf(label, options=list(options), spec=spec_of(key, "choice"), w=w)


# ---- visits and the duty roster ------------------------------------------------------------------------------------


def visit_form(w: Wording, posted: Posted | None, today: date, view: VisitView | None = None) -> TeamForm:
    """For a visit that was made; or to put `view` right."""
    columns = (
        ("what", _column(w, Line, "what", "text", w._("What is to be done?"))),
        ("who", _column(w, Line, "who", "text", w._("By whom?"))),
        ("by", _column(w, Day, "by", "date", w._("Until when?"))),
    )
    names = w._("Name no pupil and no family, and tell of no case: write of the team and its work.")
    questions = {
        "held_on": Day(w._("Day of the visit"), spec=spec_of("held_on", "date"), w=w),
        "came": Line(
            w._("Who came?"), spec=spec_of("came", "text"), w=w, hint=w._("Names and functions of the visitors.")
        ),
        "remarks": Words(w._("What was seen and talked over"), spec=spec_of("remarks", "long"), w=w, hint=names),
        "actions": Rows(
            w._("What was agreed"), columns=columns, spec=_rows(), w=w,
            hint=w._("One line each; a line that stays empty counts for nothing."),
        ),
    }  # fmt: skip
    seen = view.number if view else 0
    return team_form(questions, posted if posted is not None else _visit_opening(today, view), expected=seen)


def duty_form(w: Wording, posted: Posted | None, candidates: Sequence[tuple[str, str]]) -> TeamForm:
    """For a turn of duty."""
    options = [Offered(account, "", name=name) for account, name in candidates]
    hint = w._("In school hours nothing changes: a turn can run on through them.")
    questions = {
        "account": OneOf(w._("Who is on duty?"), options=options, spec=spec_of("account", "account"), w=w),
        "starts": Moment(w._("From"), spec=spec_of("starts", "moment"), w=w),
        "ends": Moment(w._("Until"), spec=spec_of("ends", "moment"), w=w, hint=hint),
    }
    return team_form(questions, posted)


def _visit_opening(today: date, view: VisitView | None) -> Posted:
    values = {"held_on": today.isoformat()}
    if view is not None:
        values = {"held_on": view.held_on.isoformat(), "came": view.came, "remarks": view.remarks}
        for number, one in enumerate(view.actions):
            values |= {f"actions-{number}-what": one.what, f"actions-{number}-who": one.who}
            values[f"actions-{number}-by"] = one.by.isoformat() if one.by else ""
    return Posted({f"{PREFIX}{key}": value for key, value in values.items()})


def _column(w: Wording, kind: type[Question], key: str, of: str, label: str) -> Callable[[Question, str], Question]:
    spec = spec_of(key, of, required=False)
    return lambda question, name: question._part(kind, name, label, spec=spec, hint="")


def _rows() -> FormField:
    columns = {"what": {"type": "text", "label": {"en": "what"}}}
    return FormField.model_validate(
        {
            "key": "actions", "type": "rows", "label": {"en": "actions"}, "least": ACTIONS_MOST, "most": ACTIONS_MOST,
            "fields": [{"key": key, **value} for key, value in columns.items()],
        }
    )  # fmt: skip
