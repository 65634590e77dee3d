"""What a letter of a case may say: the places in its texts, whom it is about, and why it can't be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from school_protocol.domain.case import Case, Referral
from school_protocol.domain.document_rules import Document
from school_protocol.domain.engine import Reason, role_for
from school_protocol.domain.forms import FieldType
from school_protocol.domain.naming import Identity, is_same_person
from school_protocol.domain.protocol import ActKind, Protocol, Target

PLACES: Mapping[str, frozenset[str]] = {
    "case": frozenset({"school", "code", "province", "academy", "number", "day"}),
    "referral": frozenset(
        {"school", "code", "province", "academy", "number", "day", "target", "referral", "sent_on", "about"}
    ),
    "guardian": frozenset({"school", "code", "province", "academy", "number", "day", "guardian"}),
}
"""What may stand as `%(name)s` in the texts of a document, by what a copy is about."""

PER: Mapping[str, str] = {
    "letter": "referral", "notice": "guardian", "note": "case", "sheet": "case", "law_notice": "guardian",
}  # fmt: skip
"""What a copy of each kind is about."""

COUNTED = frozenset(
    {FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri, FieldType.date, FieldType.moment,
     FieldType.integer, FieldType.scale}
)  # fmt: skip
"""Answers that say nothing about who somebody is: all that a sheet prints."""

NEVER = frozenset({FieldType.signature, FieldType.grid, FieldType.rows, FieldType.record, FieldType.massar})
"""Answers that no letter prints."""

_PLACE = re.compile(r"%(?:\((\w*)\)s)?")


def places_in(text: str) -> Iterator[str]:
    """Names of the places of a text; an empty one for a `%` that is no place."""
    for found in _PLACE.finditer(text):
        yield found[1] or ""


def is_written_to(target: Target) -> bool:
    """Whether letters go to that service."""
    return target.asks is not None


def slots_of(protocol: Protocol, document: Document) -> tuple[str, ...]:
    """The slots whose people get a notice: those that it names, else the guardians."""
    return document.slots or tuple(key for key, slot in protocol.slots.items() if slot.guardian)


def letter_referrals(protocol: Protocol, case: Case) -> tuple[Referral, ...]:
    """The referrals of a case to which a letter can go."""
    return tuple(one for one in case.referrals if is_written_to(protocol.targets[one.target]))


def recipients(protocol: Protocol, case: Case, document: Document) -> tuple[str, ...]:
    """The people of a case who can be sent that notice, by id."""
    wanted = slots_of(protocol, document)
    return tuple(key for key, person in case.people.items() if person.slot in wanted)


def held_back(protocol: Protocol, case: Case, *people: str) -> Reason | None:
    """Why nothing goes to a guardian: information is on hold, for every guardian or for any of these people.

    `people`: all as whom that guardian stands in the case.
    """
    return _held(protocol) if any(case.is_held(person) for person in people) else None


def same_as(case: Case, identities: Mapping[str, Identity], person: str) -> list[str]:
    """All as whom somebody stands in a case, as far as their names and telephones tell."""
    return [key for key in case.people if key == person or is_same_person(identities.get(key), identities.get(person))]


def refused_target(protocol: Protocol, case: Case, target: Target, roles: tuple[str, ...]) -> Reason | None:
    """Why whoever has these roles can't write to that service now."""
    if target.letter_by and role_for(protocol, target.letter_by, roles) is None:
        return Reason("letter_not_yours", roles=target.letter_by)
    if target.to_guardians and any(hold.stands for hold in case.holds):
        return _held(protocol)
    return None


def _held(protocol: Protocol) -> Reason:
    reviewing = next(protocol.acts_of(ActKind.review_hold), None)
    return Reason("guardian_on_hold", roles=reviewing.by if reviewing else ())


def own_pupil(protocol: Protocol, case: Case, guardian: str) -> str | None:
    """The pupil whose guardian that is, where the case leaves no doubt: the only one of their side."""
    slot = protocol.slots[case.people[guardian].slot]
    same = [
        key
        for key, person in case.people.items()
        if (other := protocol.slots[person.slot]).side == slot.side
        and slot.side is not None
        and not other.guardian
        and other.key not in _guardian_slots(protocol)
    ]
    return same[0] if len(same) == 1 else None


def _guardian_slots(protocol: Protocol) -> frozenset[str]:
    """Slots that some notice goes to."""
    documents = (one for one in protocol.documents.values() if one.per == "guardian")
    return frozenset(slot for one in documents for slot in slots_of(protocol, one))
