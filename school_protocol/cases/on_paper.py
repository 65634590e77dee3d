"""What was written on paper first: who may have written it, and what a page or a command says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.view_models import AccountLine
from school_protocol.context import AppContext
from school_protocol.engine.actors import AT, BY, may_be_typed, role_for
from school_protocol.engine.case import Case
from school_protocol.engine.definition import Act, Protocol
from school_protocol.engine.errors import BadInput
from school_protocol.engine.facts import Colleague, Surroundings
from school_protocol.engine.intents import Paper
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What somebody says of a paper form: when it was written (ISO; without a zone, the schools' own), by whom."""

    at: str
    by: str = ""
    """Account id; empty: whoever types it in."""

    def is_by(self, actor: Actor) -> bool:
        return self.by in ("", actor.id)


def paper_of(ctx: AppContext, actor: Actor, said: OnPaper | None) -> Paper | None:
    """The paper form, and its writer as they stood on that day. Raises BadInput where moment or person are unknown."""
    if said is None:
        return None
    written_at = _moment(said.at)
    day = min(written_at, ctx.now()).astimezone(ZONE).date()
    with ctx.directory.reading() as session:
        writer = auth_repository.actor(session, said.by or actor.id, realm=actor.realm, today=day)
    if writer is None:
        raise BadInput({BY: ("no_such_colleague",)})
    return Paper(written_at, writer)


def _moment(text: str) -> datetime:
    if not text.strip():
        raise BadInput({AT: ("required",)})
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput({AT: ("not_a_moment",)}) from None


def writers(
    protocol: Protocol, act: Act, case: Case | None, around: Surroundings, actor: Actor
) -> tuple[AccountLine, ...] | None:
    """Colleagues whose act it may have been; None where nothing is typed in from paper by this act."""
    if not may_be_typed(act):
        return None
    return tuple(
        AccountLine(one.id, one.name, tuple(role for role, _unit in one.roles), one.trained, one.elsewhere)
        for one in around.people.values()
        if one.id != actor.id and role_for(protocol, act.by, _held(protocol, act, case, around, one)) is not None
    )


def _held(protocol: Protocol, act: Act, case: Case | None, around: Surroundings, one: Colleague) -> Iterable[str]:
    """Roles and seats in which a colleague may have done it, as far as is known today."""
    roles = [role for role, unit in one.roles if unit in around.places and role in protocol.roles]
    if case is None:
        return roles
    if one.id in case.exclusions:
        return ()
    if case.restricted_seq is not None and not act.first_minutes:
        roles = [role for role in roles if protocol.roles[role].keeps_restricted]
    seats = [held.seat for held in case.seats if held.account == one.id]
    return (*seats, *roles)
