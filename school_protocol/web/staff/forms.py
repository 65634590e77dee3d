"""The forms about people: the same questions as everywhere, judged by the services alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import date

from school_protocol.domain.forms import FormField
from school_protocol.domain.policy import Unit
from school_protocol.services.staff import changing, said
from school_protocol.services.staff.people import PersonView, RoleLine
from school_protocol.web.forms import PREFIX
from school_protocol.web.questions import Day, Line, Offered, OneOf, Posted, Question, Several
from school_protocol.web.team.forms import TeamForm
from school_protocol.wording import LANGUAGE_NAMES, Wording

PLACES_OFFERED = 30
"""So many places are offered to choose from; beyond, a code is typed."""


def _form(questions: dict[str, Question], posted: Posted) -> TeamForm:
    shown = Posted(posted)
    if not shown.get("token"):
        shown["token"] = secrets.token_urlsafe(24)
    shown.setdefault("expected", "0")
    kind = type("ActualStaffForm", (TeamForm,), {f"{PREFIX}{key}": question for key, question in questions.items()})
    form: TeamForm = kind(shown)
    form.questions = [form[f"{PREFIX}{key}"] for key in questions]
    return form


def _spec(key: str, kind: str = "text", *, required: bool = True) -> FormField:
    return FormField.model_validate({"key": key, "type": kind, "label": {"en": key}, "required": required})


def _opening(**values: str) -> Posted:
    return Posted({f"{PREFIX}{key}": value for key, value in values.items()})


# ---- questions -----------------------------------------------------------------------------------------------------


def _line(w: Wording, key: str, label: str, hint: str = "", *, required: bool = True) -> Question:
    return Line(label, spec=_spec(key, required=required), w=w, hint=hint)


def _day(w: Wording, key: str, label: str, hint: str = "", *, required: bool = True) -> Question:
    return Day(label, spec=_spec(key, "date", required=required), w=w, hint=hint)


def _reason(w: Wording, codes: Iterable[str]) -> Question:
    options = [Offered(code, said.reason(w, code)) for code in codes]
    return OneOf(w._("Why?"), options=options, spec=_spec("reason", "choice"), w=w)


def _sentence(w: Wording) -> Question:
    hint = w._("One sentence, 200 characters at most. Name no pupil and say nothing of a case: it is kept for good.")
    return _line(w, "sentence", w._("In a few words"), hint, required=False)


def _names(w: Wording) -> dict[str, Question]:
    return {
        "name_fr": _line(
            w, "name_fr", w._("Name in Latin letters"), w._("One of the two names is enough."), required=False
        ),
        "name_ar": _line(w, "name_ar", w._("Name in Arabic letters"), required=False),
    }


def _address(w: Wording, languages: Sequence[str]) -> dict[str, Question]:
    options = [Offered(key, LANGUAGE_NAMES.get(key, key)) for key in languages]
    hint = w._("Where messages reach this person. They say only that something waits.")
    return {
        "language": OneOf(w._("Language"), options=options, spec=_spec("language", "choice"), w=w),
        "email": _line(w, "email", w._("E-mail"), hint, required=False),
        "phone": _line(w, "phone", w._("Telephone"), required=False),
    }


def _post(w: Wording, roles: Sequence[RoleLine], units: Sequence[Unit]) -> dict[str, Question]:
    """A role, where, and for how long."""
    options = [Offered(one.role.key, w.text(one.role.title)) for one in roles]
    return {
        "role": OneOf(w._("Which role?"), options=options, spec=_spec("role", "choice"), w=w),
        "unit": _place(w, units),
        "starts": _day(w, "starts", w._("First day")),
        "ends": _day(w, "ends", w._("Last day"), w._("Leave it empty if no end is known."), required=False),
    }


def _place(w: Wording, units: Sequence[Unit], label: str = "") -> Question:
    if not units or len(units) > PLACES_OFFERED:
        hint = w._("The code of the school (GRESA), of the province or of the region.")
        return Line(label or w._("Where?"), spec=_spec("unit", "school"), w=w, hint=hint)
    options = [Offered(unit.code, unit.code, name=unit.name(w.language)) for unit in units]
    return OneOf(label or w._("Where?"), options=options, spec=_spec("unit", "choice"), w=w)


# ---- forms ---------------------------------------------------------------------------------------------------------


def account_form(
    w: Wording, posted: Posted | None, roles: Sequence[RoleLine], units: Sequence[Unit], languages: Sequence[str],
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
        "reason": _reason(w, changing.APPOINT_REASONS),
        "sentence": _sentence(w),
    }  # fmt: skip
    opening = _opening(
        starts=today.isoformat(),
        reason="takes_up",
        language=languages[0],
        **_only(units),
    )
    return _form(questions, posted if posted is not None else opening)


def invitation_form(
    w: Wording, posted: Posted | None, roles: Sequence[RoleLine], schools: Sequence[Unit], languages: Sequence[str],
    school: str,
) -> TeamForm:  # fmt: skip
    """Whom to invite into which team: the user name is made of the address, the password by them alone."""
    known = [Offered(key, LANGUAGE_NAMES.get(key, key)) for key in languages]
    offered = [Offered(one.role.key, w.text(one.role.title)) for one in roles]
    questions = {
        "unit": _place(w, schools, w._("Which school?")),
        "roles": Several(w._("Which roles?"), options=offered, spec=_spec("roles", "choices"), w=w),
        **_names(w),
        "email": _line(
            w, "email", w._("E-mail"), w._("Where the link is sent. It must be this person’s own address.")
        ),
        "language": OneOf(w._("Language"), options=known, spec=_spec("language", "choice"), w=w),
        "certified_until": _day(
            w, "certified_until", w._("Training certificate good until"),
            w._("If you have seen one: members of a team need it."), required=False,
        ),
    }  # fmt: skip
    chosen = {"unit": school} if school else _only(schools)
    return _form(questions, posted if posted is not None else _opening(language=languages[0], **chosen))


def _only(units: Sequence[Unit]) -> dict[str, str]:
    return {"unit": units[0].code} if len(units) == 1 else {}


def appoint_form(
    w: Wording, posted: Posted | None, roles: Sequence[RoleLine], units: Sequence[Unit], today: date
) -> TeamForm:
    questions = {
        **_post(w, roles, units),
        "reason": _reason(w, changing.APPOINT_REASONS),
        "sentence": _sentence(w),
    }
    opening = _opening(starts=today.isoformat(), **_only(units))
    return _form(questions, posted if posted is not None else opening)


def end_form(w: Wording, posted: Posted | None, today: date) -> TeamForm:
    hint = w._("Today: access ends at once. A later day: it ends by itself after that day.")
    questions = {
        "last_day": _day(w, "last_day", w._("Last day"), hint),
        "reason": _reason(w, changing.END_REASONS),
        "sentence": _sentence(w),
    }
    return _form(questions, posted if posted is not None else _opening(last_day=today.isoformat()))


def address_form(w: Wording, posted: Posted | None, view: PersonView, languages: Sequence[str]) -> TeamForm:
    opening = _opening(
        name_fr=view.names.get("fr", ""), name_ar=view.names.get("ar", ""), language=view.language, email=view.email,
        phone=view.phone,
    )  # fmt: skip
    return _form({**_names(w), **_address(w, languages)}, posted if posted is not None else opening)


def certificate_form(w: Wording, posted: Posted | None) -> TeamForm:
    questions = {
        "issued": _day(w, "issued", w._("Issued on")),
        "until": _day(w, "until", w._("Good until"), w._("As it stands on the certificate that you have before you.")),
    }
    return _form(questions, posted if posted is not None else Posted())


def close_form(w: Wording, posted: Posted | None, *, is_active: bool) -> TeamForm:
    codes = changing.CLOSE_REASONS if is_active else changing.OPEN_REASONS
    questions = {"reason": _reason(w, codes), "sentence": _sentence(w)}
    return _form(questions, posted if posted is not None else Posted())
