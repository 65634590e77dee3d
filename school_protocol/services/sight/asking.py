"""What is asked before anything is opened for a time: why, for how long, and the password again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from school_protocol.domain.answers import TEXT_MOST
from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import BadInput
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import ActKind, Protocol
from school_protocol.services.accounts import TooManyTries, prove_again
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded
from school_protocol.storage import outbox
from school_protocol.storage.engines import Session

REASON_LEAST = 20
"""Letters below which a reason says nothing."""
HOURS = (1, 2, 4)
"""For how long names may be lifted."""
LONGEST = timedelta(hours=max(HOURS))


@dataclass(frozen=True, slots=True)
class Asked:
    """Why something is opened, for how many hours, and the password of who opens it."""

    reason: str
    hours: int
    password: str = field(repr=False)


def checked(house: House, actor: Actor, asked: Asked, *, missing: Sequence[str] = ()) -> str:
    """The reason as it is kept. Raises BadInput for every field that is not as it must be, and for those `missing`."""
    problems: dict[str, tuple[str, ...]] = dict.fromkeys(missing, ("required",))
    said = " ".join(asked.reason.split())
    problem = reason_problem(said)
    if problem:
        problems["reason"] = (problem,)
    if asked.hours not in HOURS:
        problems["hours"] = ("required",)
    if not asked.password:
        problems["password"] = ("required",)
    elif not problems:
        problems |= _password_problem(house, actor, asked.password)
    if problems:
        raise BadInput(problems)
    return said


def _password_problem(house: House, actor: Actor, password: str) -> dict[str, tuple[str, ...]]:
    try:
        is_theirs = prove_again(house, actor, password)
    except TooManyTries as error:
        return {"password": (f"too_many_tries:{error.seconds}",)}
    return {} if is_theirs else {"password": ("wrong_password",)}


def reason_problem(said: str) -> str:
    """What is wrong with a reason or a sentence; empty: nothing."""
    if not said:
        return "required"
    if len(said) < REASON_LEAST:
        return f"too_short:{REASON_LEAST}"
    return f"too_long:{TEXT_MOST}:{len(said)}" if len(said) > TEXT_MOST else ""


def tell(
    house: House, session: Session, loaded: Loaded, roles: tuple[str, ...], *, urgent: bool, door: int = 0
) -> None:
    """Ask for a message to whoever holds these roles, without a word of what it is about.

    Where no head may be told, the sweep tells whoever acts for them. `door`: the opening that a review is due for, at
    its moment; the message goes out only if it was not reviewed.
    """
    opened = next((one for one in loaded.case.doors if one.seq == door), None)
    for role in roles:
        payload: dict[str, str | int | bool | None] = {
            "case": loaded.case_id, "to": role, "move": "", "urgent": urgent,
        }  # fmt: skip
        if opened is None:
            outbox.put(session, "notify", payload, at=house.now())
        else:
            outbox.put(session, "notify", {**payload, "door": door}, at=house.now(), due_at=opened.review_by)


def heads(protocol: Protocol) -> tuple[str, ...]:
    return tuple(role.key for role in protocol.roles.values() if role.head)


def above(protocol: Protocol) -> tuple[str, ...]:
    """The roles that answer for schools from above."""
    return tuple(role.key for role in protocol.roles.values() if role.sees in ("province", "region"))


def may_know_exclusions(protocol: Protocol, roles: tuple[str, ...]) -> bool:
    """Whether one of these roles reads who takes no part in a case: the forms that say so name their readers."""
    forms = [protocol.form_of(act) for act in protocol.acts_of(ActKind.exclude)]
    return bool(forms) and all(form.readers and role_for(protocol, form.readers, roles) is not None for form in forms)


def is_side_bound(protocol: Protocol, roles: tuple[str, ...]) -> bool:
    """Whether every role that somebody has in a case is bound to one side of it."""
    declared = [protocol.seats[role].acts_as or "" if role in protocol.seats else role for role in roles]
    known = [protocol.roles.get(role) for role in declared]
    return bool(known) and all(role is not None and role.side_bound for role in known)
