"""What was tried and refused, told to whoever looks on: in a workshop, for the debrief. Elsewhere nobody does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from school_protocol.domain.errors import BadInput, Refused, Unseen
from school_protocol.domain.evidence import FileRefused
from school_protocol.domain.policy import Actor
from school_protocol.domain.scenario import ATTACH
from school_protocol.services.house import House

P = ParamSpec("P")
R = TypeVar("R")


def witnessed(
    use: Callable[Concatenate[House, Actor, str, str, P], R],
) -> Callable[Concatenate[House, Actor, str, str, P], R]:
    """A use case on a case (`number`) and an act or move of it, whose refusals are told."""

    @wraps(use)
    def told(house: House, actor: Actor, number: str, name: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return use(house, actor, number, name, *args, **kwargs)
        except (Refused, BadInput, Unseen) as error:
            tell(house, actor, number, name, error)
            raise

    return told


def tell(house: House, actor: Actor, number: str, name: str, error: Refused | BadInput | Unseen) -> None:
    """Tell of one refusal: its needs or codes, or the fields that were not right."""
    if house.witness is None:
        return
    why: tuple[str, ...] = ("unseen",)
    codes: tuple[str, ...] = ()
    if isinstance(error, Refused):
        why = tuple(reason.need or reason.code for reason in error.reasons)
    elif isinstance(error, BadInput):
        why = tuple(error.problems)
        codes = tuple(dict.fromkeys(code for found in error.problems.values() for code in found))
    house.witness(actor, number, name, why, codes)


def tell_file(house: House, actor: Actor, number: str, error: FileRefused | Unseen) -> None:
    """Tell of a file that was refused."""
    if house.witness is not None:
        why = error.code.value if isinstance(error, FileRefused) else "unseen"
        house.witness(actor, number, ATTACH, (why,), ())
