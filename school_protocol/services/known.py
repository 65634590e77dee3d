"""What nobody has to be asked for: the answers that a form holds as it opens on a case, worked out from the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from school_protocol.domain.assessing import last_assessed
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.protocol import Act
from school_protocol.services.loading import Loaded
from school_protocol.services.seeing import Seeing

_OF_THE_DAY = ("today", "now")


def known_already(loaded: Loaded, seeing: Seeing, act: Act) -> dict[str, Any]:
    """Key of a question → its answer: what the last record said where the act carries on, and what the case tells."""
    if loaded.metadata_only:
        return {}
    known = _last_said(loaded, seeing, act)
    for item in loaded.protocol.form_of(act).fields:
        found = _OF_THE_CASE[item.default](loaded, seeing, act, item) if item.default in _OF_THE_CASE else None
        if item.assessed and (level := last_assessed(loaded.protocol, loaded.case)) is not None:
            found = str(level)
        if found is not None:
            known[item.key] = found
    return known


def _last_said(loaded: Loaded, seeing: Seeing, act: Act) -> dict[str, Any]:
    """What the last record said, where the act carries on from it and this reader may read it whole."""
    records = loaded.case.records_of(act.key) if act.carries_on else []
    record = records[-1] if records and records[-1].seq > loaded.case.opening_seq else None
    shown = seeing.record(record) if record else None
    if shown is None or shown.hidden is not None:
        return {}
    fields = shown.form.by_key
    return {key: value for key, value in shown.answers.items() if not _is_asked_anew(loaded, fields[key], value)}


def _is_asked_anew(loaded: Loaded, item: FormField, value: Any) -> bool:
    """What holds of the day it is said, a day gone by, what guardians get, what somebody's word is given for."""
    if item.default in _OF_THE_DAY or item.to_guardians or (item.type is FieldType.check and item.required):
        return True
    if item.type in (FieldType.date, FieldType.moment):
        return item.past or str(value)[:10] < loaded.facts.today.isoformat()
    slots = loaded.protocol.slots
    return item.is_for_people and not item.even_on_hold and any(slots[slot].guardian for slot in item.slots)


# ---- from the case -------------------------------------------------------------------------------------------------


def _oneself(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    return loaded.actor.id if loaded.actor.id in loaded.around.people else None


def _only(loaded: Loaded, seeing: Seeing, _act: Act, item: FormField) -> str | None:
    """The one thing that a question can point at, where there is just one."""
    case = loaded.case
    match item.type:
        case FieldType.person:
            found = [one.id for one in seeing.people() if not one.held and case.people[one.id].slot in item.slots]
        case FieldType.persons:
            found = [one.id for one in seeing.people() if one.slot.key in item.slots]
        case FieldType.referral:
            states = item.only or ("open",)
            found = [str(one.number) for one in case.referrals if ("open" if one.is_open else "settled") in states]
        case FieldType.hold:
            found = [str(hold.number) for hold in case.holds if hold.stands]
        case FieldType.record:
            found = [str(record.seq) for record in seeing.to_sign(as_signatory=True)]
        case FieldType.danger:
            found = [life.danger for life in case.live_dangers()]
        case FieldType.seat:
            found = _seats_waited_for(loaded)
        case _:
            found = []
    return found[0] if len(found) == 1 else None


def _seats_waited_for(loaded: Loaded) -> list[str]:
    """The seats that nobody holds, and that a step onwards from here needs somebody in."""
    protocol, case = loaded.protocol, loaded.case
    onwards = [move for move in protocol.moves.values() if case.state in move.from_ and not move.backwards]
    needs = [protocol.needs[need] for move in onwards for need in move.needs]
    unmet = [need for need in needs if not need.when.holds(loaded.facts)]
    read = [protocol.facts[name] for need in unmet for name in need.when.names if name in protocol.facts]
    return list(dict.fromkeys(fact.people.seat for fact in read if fact.people is not None))


def _standing(loaded: Loaded, _seeing: Seeing, _act: Act, item: FormField) -> list[str] | None:
    """The dangers that stand; of those that a referral is to cover, the ones that nobody was told of yet."""
    lives = loaded.case.live_dangers()
    if item.type is FieldType.covers:
        lives = loaded.case.live_dangers("raised") or lives
        return [life.danger for life in lives] or None
    return [life.danger for life in lives]


def _planned(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    due, _coming = loaded.facts.follow_up_dates()
    return due.isoformat() if due else None


def _next(loaded: Loaded, _seeing: Seeing, _act: Act, _item: FormField) -> str | None:
    _due, coming = loaded.facts.follow_up_dates()
    return coming.isoformat() if coming else None


_OF_THE_CASE: Mapping[str | None, Callable[[Loaded, Seeing, Act, FormField], Any]] = {
    "oneself": _oneself,
    "only": _only,
    "standing": _standing,
    "planned": _planned,
    "next": _next,
}
