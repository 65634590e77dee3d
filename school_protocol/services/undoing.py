"""Taking back what one has just recorded by mistake: an event of its own, nothing is deleted."""

from __future__ import annotations

from school_protocol.domain.engine import Undo, decide
from school_protocol.domain.errors import Conflict, Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import load
from school_protocol.services.recording import Done, keep_decision, repeated
from school_protocol.storage import once


def take_back(house: House, actor: Actor, number: str, seq: int, *, expected: int | None, token: str) -> Done:
    """Take back one's own entry, within the minutes that the definition gives; pressed twice, it is done once."""
    press = once.press(house.vault, actor.id, token, number, "undo", seq)
    with house.realm.writing(together=True) as session:
        if (before := once.spent(session, press)) is not None:
            return repeated(before)
        loaded = load(house, session, actor, number)
        if loaded.metadata_only or loaded.case.written(seq) is None:
            raise Unseen(f"{number}/{seq}")
        decision = decide(loaded.protocol, loaded.case, actor, house.now(), loaded.around, Undo(seq))
        if expected is not None and expected < loaded.case.content_seq:
            raise Conflict(expected, loaded.case.content_seq)
        return keep_decision(house, session, loaded, decision, press)
