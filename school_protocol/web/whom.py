"""To which service exactly? The contacts that serve a school, offered beside the question of whom to refer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.protocol import ActKind
from school_protocol.services.views import ActView, ContactLine
from school_protocol.web.questions import Offered, OneOf, Posted, Question
from school_protocol.wording import Wording

NAME = "whom"


class Whom(OneOf):
    """A list, however few."""

    is_list = True


def whom_question(form: Any, view: ActView, w: Wording, posted: Posted) -> Question | None:
    """The question of a referral's form; None where the directory knows nobody, or another act is recorded."""
    stands = any(line.stands for line in view.choices.holds)
    lines = [one for one in view.choices.contacts if one.target and one.id and not (stands and one.target.to_guardians)]
    if view.act.kind is not ActKind.refer or view.head is None or not lines:
        return None
    hint = w._("As the academy’s directory names it, those of your town first. Leave it empty if it isn’t there.")
    none = w._("Not said")
    if view.whom:
        none = w._("As it stands: %(service)s", service=w.text(view.whom))
    spec = FormField.model_validate({"key": NAME, "type": FieldType.choice.value, "label": {"en": NAME}})
    found: Question = Whom(
        w._("Which service exactly?"), options=list(_offered(view, w, lines)), none=none, spec=spec, w=w, hint=hint,
    ).bind(form=form, name=NAME)  # fmt: skip
    found.process(posted)
    return found


def _offered(view: ActView, w: Wording, lines: list[ContactLine]) -> Iterator[Offered]:
    for target in view.protocol.targets.values():
        for one in lines:
            if one.target is not None and one.target.key == target.key:
                yield Offered(one.id, w.text(target.title), name=called(w, one))


def called(w: Wording, one: ContactLine) -> str:
    """A contact's name, with its town where the name doesn't say it."""
    name, city = w.text(one.name), w.text(one.city) if one.city else ""
    return name if not city or city.casefold() in name.casefold() else f"{name} ({city})"
