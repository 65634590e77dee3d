"""Names lifted for a reader of pseudonyms: for a reason, for hours, told to the head; it ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from school_protocol.domain.case import Opened
from school_protocol.domain.errors import SchoolProtocolError, Unseen
from school_protocol.domain.events import AccessEnded, AccessLifted
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, keep, load
from school_protocol.services.showing import seeing_of
from school_protocol.services.sight.asking import Asked, checked, heads, tell
from school_protocol.services.views import CaseHead
from school_protocol.storage import access


class OpenBefore(SchoolProtocolError):
    """It is open for this person already: nothing more is written."""


@dataclass(frozen=True, slots=True)
class NamesView:
    """The page on which names are lifted: `standing` is what stands for this reader."""

    head: CaseHead
    standing: Opened | None


def see_names(house: House, actor: Actor, number: str) -> NamesView:
    """What may be lifted here. Raises Unseen for whoever reads names anyway, or nothing but metadata."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number, reading=True)
        _check(loaded)
        return NamesView(seeing_of(house, loaded).head(), loaded.lifting)


def lift(house: House, actor: Actor, number: str, asked: Asked) -> AccessLifted:
    """Names stand beside signs on the pages of this case, for this person, until the time is over.

    Raises Unseen, BadInput by field, OpenBefore.
    """
    see_names(house, actor, number)
    said = checked(house, actor, asked)
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number, reading=True)
        _check(loaded)
        if loaded.lifting is not None:
            raise OpenBefore(number)
        until = loaded.now + timedelta(hours=asked.hours)
        event = AccessLifted(
            actor=actor.id, role=loaded.roles[0], at=loaded.now, occurred_at=loaded.now, until=until.isoformat(),
            reason=said,
        )  # fmt: skip
        (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        tell(house, session, loaded, heads(loaded.protocol), urgent=False)
        reason = f"lifting.{kept.seq}"
        access.note(
            session, case_id=loaded.case_id, account=actor.id, at=loaded.now, what="names.lifted", reason=reason
        )
        assert isinstance(kept, AccessLifted)
        return kept


def end(house: House, actor: Actor, number: str, opened: int) -> bool:
    """Close what this person opened under that number, names or the case itself; False where it was over already.

    Raises Unseen where it is not theirs.
    """
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number, reading=True)
        own = [one for one in (*loaded.case.liftings, *loaded.case.doors) if one.account == actor.id]
        found = next((one for one in own if one.seq == opened), None)
        if found is None:
            raise Unseen(f"{number}/{opened}")
        if not found.stands(loaded.now):
            return False
        event = AccessEnded(actor=actor.id, role=found.role, at=loaded.now, occurred_at=loaded.now, opened=found.seq)
        keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        return True


def _check(loaded: Loaded) -> None:
    """Only whoever reads this case by signs."""
    if not may_lift(loaded):
        raise Unseen(loaded.case.number)


def may_lift(loaded: Loaded) -> bool:
    """Whether names may be lifted for this reader: an emergency opening reads pages, and lifts nothing."""
    return loaded.door is None and loaded.pseudonymised and not loaded.metadata_only
