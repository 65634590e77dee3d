"""To which organisation a referral goes: chosen, or known by the number that was called; kept as a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from school_protocol.domain.errors import BadInput
from school_protocol.domain.forms import FieldType, Form
from school_protocol.domain.numerals import latin

WHOM = "whom"
"""Under it a recorded referral holds the names of its organisation, as the directory said them then."""
CHOSEN = "contact"
"""The path of what is wrong with the one that was chosen."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A contact of the directory as a referral may go to it: a service, never a person."""

    id: str
    target: str
    names: Mapping[str, str]
    phone: str = ""


def whom(form: Form, answers: Mapping[str, Any], chosen: str, known: Iterable[Organisation]) -> Mapping[str, str]:
    """The names of the organisation; none where nobody said which. Raises BadInput where another service was chosen."""
    item = form.find(FieldType.target)
    target = answers.get(item.key) if item is not None else None
    fitting = [one for one in known if one.target == target]
    if chosen:
        found = next((one for one in fitting if one.id == chosen), None)
        if found is None:
            raise BadInput({CHOSEN: ("not_of_this_service",)})
        return found.names
    numbers = set(_called(form, answers))
    found = next((one for one in fitting if _digits(one.phone) in numbers), None)
    return found.names if found is not None else {}


def called(names: Mapping[str, str]) -> str:
    """The one name by which an organisation is found in the register, whoever looks; empty: none."""
    return next((names[key] for key in ("fr", "ar", "en") if names.get(key)), "")


def _called(form: Form, answers: Mapping[str, Any]) -> Iterator[str]:
    for field in form.fields:
        if field.dialled and (digits := _digits(str(answers.get(field.key) or ""))):
            yield digits


def _digits(phone: str) -> str:
    """A number as it is compared: its digits alone, a national and an international one alike."""
    digits = "".join(each for each in latin(phone) if each.isascii() and each.isdigit())
    return re.sub(r"^(?:00)?212(?=\d{9}$)", "0", digits)
