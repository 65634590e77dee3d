"""How often somebody is told of what can wait: what they see of it on their own page, and what they choose."""

from __future__ import annotations

from dataclasses import dataclass

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.receivers import REPORTER
from school_protocol.storage import directory
from school_protocol.storage import told as register
from school_protocol.storage.digests import choices
from school_protocol.storage.digests.choices import USUAL, Choice, Every

EVERY = tuple(Every)
DAYS = range(7)


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """What somebody chose, and where messages reach them."""

    every: Every
    day: int
    email: str | None


def see_choice(house: House, actor: Actor) -> ChoiceView:
    """How often this person is told now."""
    with house.directory.reading() as people:
        account = directory.account(people, actor.id)
        choice = choices.of(people, [actor.id]).get(actor.id, USUAL)
    if account is None:
        raise Unseen(actor.id)
    return ChoiceView(choice.every, choice.day, account.email)


def choose(house: House, actor: Actor, every: str, day: str) -> None:
    """Keep what this person chose; what waits for them is looked at anew. Raises BadInput.

    Of what waited while they wanted no message, what is over is told no more.

    Were this cut off between its two writings, what waits would still be looked at when its old moment comes.
    """
    if every not in EVERY:
        raise BadInput({"every": ("choose",)})
    is_weekly = every == Every.weekly
    if is_weekly and day not in map(str, DAYS):
        raise BadInput({"day": ("choose",)})
    now, choice = house.now(), Choice(Every(every), int(day) if is_weekly else 0)
    with house.directory.writing() as people:
        before = choices.of(people, [actor.id]).get(actor.id)
        if before != choice:
            choices.keep(people, actor.id, choice, at=now)
    with house.realm.writing() as session:
        if before is not None and before.every is Every.urgent_only:
            register.drop_what_is_over(session, actor.id, but=REPORTER, at=now)
        register.look_again(session, actor.id, at=now)
