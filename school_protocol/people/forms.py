"""Forms about people and teams: the same questions as everywhere, judged by the services alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from school_protocol.engine.definition import Protocol, Role
from school_protocol.engine.definition_parts import FormField
from school_protocol.engine.visibility import Unit
from school_protocol.language import Wording, language_name
from school_protocol.people import presenters, service, stand_ins, teams
from school_protocol.people.staff_list import PersonView
from school_protocol.people.stand_ins import CandidateLine, PlaceLine, StandInView
from school_protocol.ui.fields import Day, Line, Offered, OneOf, Posted, Question, Several
from school_protocol.ui.forms import PREFIX, AnswerForm

RoleChoice = Sequence[tuple[Protocol, Role]]
"""Roles that can be given, each with the definition that has it."""


# ---- the forms of a team's pages -----------------------------------------------------------------------------------


class TeamForm(AnswerForm):
    """A form of the team: its questions stand in the page's own words."""

    def spoken(self, code: str) -> str:
        """As it is: no definition has a part in it."""
        return code


def team_form(
    questions: dict[str, Question],
    posted: Posted | None,
    opening: Mapping[str, str] | None = None,
    *,
    expected: int = 0,
) -> TeamForm:
    """These questions as they were typed; not typed yet, as they open. `expected`: what the page has seen of it."""
    shown = Posted(posted if posted is not None else _named(opening or {}))
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", str(expected))
    kind = type("ActualTeamForm", (TeamForm,), {f"{PREFIX}{key}": question for key, question in questions.items()})
    form: TeamForm = kind(shown)
    form.questions = [form[f"{PREFIX}{key}"] for key in questions]
    return form


def _named(values: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{key}": value for key, value in values.items()}


def spec_of(key: str, kind: str = "text", *, required: bool = True) -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": {"en": key}, "required": required})


# ---- questions ---------------------------------------------------------------------------------------------------


def _reason(w: Wording, codes: Iterable[str]) -> Question:
    options = [Offered(code, presenters.reason(w, code)) for code in codes]
    return OneOf(w._("Why?"), options=options, spec=spec_of("reason", "choice"), w=w)


def _sentence(w: Wording) -> Question:
    hint = w._("One sentence, 200 characters at most. Name no pupil and say nothing of a case: it is kept for good.")
    return _line(w, "sentence", w._("In a few words"), hint, required=False)


def _line(w: Wording, key: str, label: str, hint: str = "", *, required: bool = True) -> Question:
    return Line(label, spec=spec_of(key, required=required), w=w, hint=hint)


def _day(w: Wording, key: str, label: str, hint: str = "", *, required: bool = True) -> Question:
    return Day(label, spec=spec_of(key, "date", required=required), w=w, hint=hint)


# ---- forms -------------------------------------------------------------------------------------------------------


def stand_in_form(view: StandInView, w: Wording, posted: Posted | None, today: date) -> TeamForm:
    questions = {
        "place": OneOf(
            w._("Which role?"),
            options=[_role_offered(w, line) for line in view.places],
            spec=spec_of("place", "choice"),
            w=w,
        ),
        "account": OneOf(
            w._("Who stands in?"),
            options=[_candidate(w, line) for line in view.candidates],
            spec=spec_of("account", "account"),
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
        "reason": _reason(w, stand_ins.AWAY_REASONS),
        "sentence": _sentence(w),
    }
    chosen = {"place": view.places[0].value} if len(view.places) == 1 else {}
    return team_form(questions, posted, {"starts": today.isoformat(), **chosen})


def _role_offered(w: Wording, line: PlaceLine) -> Offered:
    title = w.role(line.protocol, line.role)
    return Offered(line.value, title, name=line.name) if line.name else Offered(line.value, title, w._("Nobody now"))


def _candidate(w: Wording, line: CandidateLine) -> Offered:
    trained = (
        w._("certified until %(day)s", day=w.day(line.trained_until)) if line.trained_until else w._("not certified")
    )
    place = line.elsewhere.name(w.language) if line.elsewhere else ""
    return Offered(line.id, w.comma.join(part for part in (place, trained) if part), name=line.name)


def ending_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {"reason": _reason(w, stand_ins.BACK_REASONS), "sentence": _sentence(w)}
    return team_form(questions, posted)


def leaving_form(w: Wording, posted: Posted | None, today: date) -> TeamForm:
    hint = w._("Today: access ends at once. A later day: it ends by itself after that day.")
    questions = {
        "last_day": _day(w, "last_day", w._("Last day"), hint),
        "reason": _reason(w, teams.LEAVING_REASONS),
        "sentence": _sentence(w),
    }
    return team_form(questions, posted, {"last_day": today.isoformat()})


def at_once_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {"reason": _reason(w, teams.AT_ONCE_REASONS), "sentence": _sentence(w)}
    return team_form(questions, posted)


PLACES_OFFERED = 30
"""So many places are offered to choose from; beyond, a code is typed."""


# ---- questions about people ----------------------------------------------------------------------------------------


def _names(w: Wording) -> dict[str, Question]:
    return {
        "name_fr": _line(
            w, "name_fr", w._("Name in Latin letters"), w._("One of the two names is enough."), required=False
        ),
        "name_ar": _line(w, "name_ar", w._("Name in Arabic letters"), required=False),
    }


def _address(w: Wording, languages: Sequence[str]) -> dict[str, Question]:
    hint = w._("Where messages reach this person. They say only that something waits.")
    return {
        "language": _language(w, languages),
        "email": _line(w, "email", w._("E-mail"), hint, required=False),
        "phone": _line(w, "phone", w._("Telephone"), required=False),
    }


def _language(w: Wording, languages: Sequence[str]) -> Question:
    options = [Offered(key, language_name(key)) for key in languages]
    return OneOf(w._("Language"), options=options, spec=spec_of("language", "choice"), w=w)


def _post(w: Wording, roles: RoleChoice, units: Sequence[Unit]) -> dict[str, Question]:
    """A role, where, and for how long."""
    options = [Offered(role.key, w.text(role.title)) for _protocol, role in roles]
    return {
        "role": OneOf(w._("Which role?"), options=options, spec=spec_of("role", "choice"), w=w),
        "unit": _place(w, units),
        "starts": _day(w, "starts", w._("First day")),
        "ends": _day(w, "ends", w._("Last day"), w._("Leave it empty if no end is known."), required=False),
    }


def _place(w: Wording, units: Sequence[Unit], label: str = "") -> Question:
    if not units or len(units) > PLACES_OFFERED:
        hint = w._("The code of the school (GRESA), of the province or of the region.")
        return Line(label or w._("Where?"), spec=spec_of("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(label or w._("Where?"), options=options, spec=spec_of("unit", "choice"), w=w)


# ---- forms ---------------------------------------------------------------------------------------------------------


def account_form(
    w: Wording, posted: Posted | None, roles: RoleChoice, units: Sequence[Unit], languages: Sequence[str],
    today: date,
) -> TeamForm:  # fmt: skip
    hint = w._("Latin letters, digits, dots and hyphens: what this person types to sign in.")
    questions = {
        "username": _line(w, "username", w._("User name"), hint),
        **_names(w),
        **_address(w, languages),
        **_post(w, roles, units),
        "certified_until": _day(
            w, "certified_until", w._("Training certificate good until"),
            w._("If you have seen one. Some roles can’t be given without."), required=False,
        ),
        "reason": _reason(w, service.APPOINT_REASONS),
        "sentence": _sentence(w),
    }  # fmt: skip
    opening = {"starts": today.isoformat(), "reason": "takes_up", "language": languages[0]}
    return team_form(questions, posted, {**opening, **_only(units)})


def invitation_form(
    w: Wording, posted: Posted | None, roles: RoleChoice, schools: Sequence[Unit], languages: Sequence[str],
    school: str,
) -> TeamForm:  # fmt: skip
    """Whom to invite into which team: the user name is made of the address, the password by them alone."""
    offered = [Offered(role.key, w.text(role.title)) for _protocol, role in roles]
    questions = {
        "unit": _place(w, schools, w._("Which school?")),
        "roles": Several(w._("Which roles?"), options=offered, spec=spec_of("roles", "choices"), w=w),
        **_names(w),
        "email": _line(
            w, "email", w._("E-mail"), w._("Where the link is sent. It must be this person’s own address.")
        ),
        "language": _language(w, languages),
        "certified_until": _day(
            w, "certified_until", w._("Training certificate good until"),
            w._("If you have seen one: members of a team need it."), required=False,
        ),
    }  # fmt: skip
    chosen = {"unit": school} if school else _only(schools)
    return team_form(questions, posted, {"language": languages[0], **chosen})


def _only(units: Sequence[Unit]) -> dict[str, str]:
    return {"unit": units[0].code} if len(units) == 1 else {}


def appoint_form(w: Wording, posted: Posted | None, roles: RoleChoice, units: Sequence[Unit], today: date) -> TeamForm:
    questions = {
        **_post(w, roles, units),
        "reason": _reason(w, service.APPOINT_REASONS),
        "sentence": _sentence(w),
    }
    return team_form(questions, posted, {"starts": today.isoformat(), **_only(units)})


def end_form(w: Wording, posted: Posted | None, today: date) -> TeamForm:
    hint = w._("Today: access ends at once. A later day: it ends by itself after that day.")
    questions = {
        "last_day": _day(w, "last_day", w._("Last day"), hint),
        "reason": _reason(w, service.END_REASONS),
        "sentence": _sentence(w),
    }
    return team_form(questions, posted, {"last_day": today.isoformat()})


def address_form(w: Wording, posted: Posted | None, view: PersonView, languages: Sequence[str]) -> TeamForm:
    names = {"name_fr": view.names.get("fr", ""), "name_ar": view.names.get("ar", "")}
    opening = {**names, "language": view.language, "email": view.email, "phone": view.phone}
    return team_form({**_names(w), **_address(w, languages)}, posted, opening)


def certificate_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {
        "issued": _day(w, "issued", w._("Issued on")),
        "until": _day(w, "until", w._("Good until"), w._("As it stands on the certificate that you have before you.")),
    }
    return team_form(questions, posted)


def close_form(w: Wording, posted: Posted | None, *, is_active: bool) -> TeamForm:
    codes = service.CLOSE_REASONS if is_active else service.OPEN_REASONS
    questions = {"reason": _reason(w, codes), "sentence": _sentence(w)}
    return team_form(questions, posted)
