"""Which cases of a job its person is told of, and whose eyes a copy was made for: nobody else gets it.

Not even the same person in another role.
"""

from __future__ import annotations

from school_protocol.domain.engine import roles_of
from school_protocol.domain.events import DocumentIssued
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, as_it_stood, scope_of, today_for
from school_protocol.services.papers.choosing import document_of, profiles_of
from school_protocol.services.papers.making import eyes_of
from school_protocol.storage.bulk import Seen


def seen_now(house: House, actor: Actor) -> Seen:
    """The cases that are told of: those whose content this person sees now."""
    return Seen(scope_of(house, actor).of_content(), today_for(house))


def sight_now(loaded: Loaded, profile: str, copy: int) -> str:
    """For whose eyes that copy would be made now (a digest); empty where this person may not hand it out."""
    issued = _issued(loaded, copy)
    chosen = next((one for one in profiles_of(loaded) if one.key == profile), None)
    if issued is None or chosen is None:
        return ""
    return eyes_of(loaded, chosen, issued.about)


def sight_then(loaded: Loaded, profile: str, copy: int) -> str:
    """For whose eyes it was made; empty where that was for another role than this person holds by now."""
    issued = _issued(loaded, copy)
    if issued is None:
        return ""
    then = as_it_stood(loaded, issued)
    then.roles = roles_of(then.protocol, then.case, then.actor, then.around, then.facts.today)
    chosen = next((one for one in profiles_of(then) if one.key == profile), None)
    if chosen is None or issued.role != then.roles[0]:
        return ""
    return eyes_of(then, chosen, issued.about)


def _issued(loaded: Loaded, copy: int) -> DocumentIssued | None:
    document = document_of(loaded).key
    return next((one for one in loaded.case.documents if (one.document, one.copy) == (document, copy)), None)
