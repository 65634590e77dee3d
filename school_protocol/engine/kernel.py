"""What no definition can switch off: a child's safety that the engine keeps, whatever a file says.

Each of `LINES` says why it is there, and where a definition asks for the contrary: `definitions check` refuses it
there. `kept` is a definition as the engine follows it: in a version published before a line stood, it holds all the
same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from math import prod
from typing import Any

from school_protocol.engine.case_parts import acts_as, is_above, own_role
from school_protocol.engine.conditions import LONGEST, Condition, Value, Values
from school_protocol.engine.definition import START, Act, ActKind, Move, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.texts import N_, Listing, Phrase, Words

NAMES_ON_HOLD = {
    ActKind.hold: (FieldType.person,), ActKind.add_person: (FieldType.persons,), ActKind.refer: (FieldType.persons,),
}  # fmt: skip
"""Kinds that may name somebody whose information is on hold, each in one field: they say something of them, and
nothing to them."""
ENDS_PROTECTION = (ActKind.lift_danger, ActKind.review_hold)
GOES_ALONG = ("holds", "exclusions")
_ABOVE = (ScopeKind.province, ScopeKind.region)
_POWERS = ("head", "oversees", "publishes", "administers", "keeps_contacts", "visits", "trains")
_MOST = 20_000
"""Ways to answer a report, beyond which it isn't asked whether any opens the case to those who oversee alone."""

_NAMED = N_("only these kinds may name somebody whose information is on hold, not %(kind)s: %(kinds)s")
_GUARDIANS = N_('what goes to "%(slot)s" can be held back: guardian must be true')
_WHOM = N_("a hold is on guardians: slots must say which")
_ALONG = N_("holds and exclusions go along with a case: carries must hold %(missing)s")
_TWO = N_("a protection ends by two people: signatures must be 2 or more")
_CLOSES = N_("nobody ends a case alone: distinct must hold a pair with mover, as [proposer, mover]")
_OUT = N_("who steps aside, or is shut out from above, is out at once: effect_when must hold of %(names)s")
_ALWAYS = N_("stepping aside waits for nothing and nobody: %(key)s must be left out, or any")
_POWER = N_("who sees only what they reported has no other power: %(power)s must be left out")
_APPROVES = N_("who sees only what they reported ends no case and approves nothing: %(roles)s must be left out")
_REPORTS = N_("somebody must be able to report who sees only that: the role of one of them must see receipt")
_NAMES = N_("above the school there are signs in place of names: %(key)s must be %(value)s")
_RESTRICTED = N_("a report about somebody of the school must be able to open to those who oversee alone")


@dataclass(frozen=True, slots=True)
class Contrary:
    """Where a definition asks for the contrary of a line, and what stands there in its place."""

    path: tuple[str, ...]
    said: Phrase
    instead: Mapping[str, Any] | None
    """Of the part at the first two names of `path`, or of the whole; None: nothing can stand there."""


def contrary(protocol: Protocol) -> Iterator[Contrary]:
    """Every place where the definition asks for the contrary of a line."""
    for line in LINES:
        yield from line(protocol)


def kept(protocol: Protocol) -> Protocol:
    """The definition as the engine follows it; itself, where it asks for nothing contrary."""
    for _round in LINES:  # what one line puts right may be another's to see
        changed = _put_right(protocol)
        if not changed:
            break
        protocol = protocol.model_copy(update=changed)
    return protocol


def _put_right(protocol: Protocol) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for one in contrary(protocol):
        if one.instead is None:
            continue
        if len(one.path) == 1:
            changed |= {key: value for key, value in one.instead.items() if getattr(protocol, key) != value}
            continue
        part, key = one.path[:2]
        named = changed.setdefault(part, dict(getattr(protocol, part)))
        fields = one.instead.get("fields")
        named[key] = named[key].with_fields(fields) if fields else named[key].model_copy(update=one.instead)
    return changed


def restricts(protocol: Protocol, values: Values, slots: Iterable[str]) -> bool:
    """Whether a report with these answers, which names people in these places, opens to those who oversee alone.

    Where a version says of none that it does, one that names somebody of the school does.
    """
    if protocol.restricted_when is None:
        return any(protocol.slots[slot].staff for slot in slots)
    return protocol.restricted_when.holds(values)


def _at(*path: str, say: str, instead: Mapping[str, Any] | None = None, **args: Words) -> Contrary:
    return Contrary(path, Phrase(say, **args), instead)


# ---- what protects somebody ----------------------------------------------------------------------------------------


def _said_of_them(protocol: Protocol) -> Iterator[Contrary]:
    """A guardian on hold may be the danger: nothing that goes to them may name them."""
    for act in protocol.acts.values():
        form, kinds = protocol.form_of(act), Listing([kind.value for kind in NAMES_ON_HOLD])
        own = form.find(*NAMES_ON_HOLD[act.kind]) if act.kind in NAMES_ON_HOLD else None
        instead = {"fields": tuple(_not_on_hold(form.fields, own))}
        for path in _even_on_hold(form.fields, own, ("forms", form.key, "fields")):
            yield _at(*path, say=_NAMED, instead=instead, kind=act.kind.value, kinds=kinds)


def _even_on_hold(
    fields: Iterable[FormField], own: FormField | None, path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for item in fields:
        if item.even_on_hold and item is not own:
            yield (*path, item.key, "even_on_hold")
        yield from _even_on_hold(item.fields, own, (*path, item.key, "fields"))


def _not_on_hold(fields: Iterable[FormField], own: FormField | None) -> Iterator[FormField]:
    for item in fields:
        changed = {"even_on_hold": item.even_on_hold and item is own, "fields": tuple(_not_on_hold(item.fields, own))}
        yield item.model_copy(update=changed)


def _held_are_guardians(protocol: Protocol) -> Iterator[Contrary]:
    """A hold on somebody whom the engine takes for no guardian would hold nothing back."""
    for act in protocol.acts_of(ActKind.hold):
        form = protocol.form_of(act)
        item = form.find(FieldType.person)
        if item is not None and not item.slots:
            yield _at("forms", form.key, "fields", item.key, "slots", say=_WHOM)
        for key in item.slots if item else ():
            if not protocol.slots[key].guardian:
                yield _at("slots", key, "guardian", say=_GUARDIANS, instead={"guardian": True}, slot=key)


def _go_along(protocol: Protocol) -> Iterator[Contrary]:
    """Whom a case keeps out, the one that it goes on in keeps out."""
    for move in protocol.moves.values():
        left = tuple(one for one in GOES_ALONG if one not in move.carries)
        if left and (move.opens or move.carries or _goes_on(protocol, move)):
            carries = (*move.carries, *left) if move.carries else (*GOES_ALONG, "referrals")
            instead = {"carries": carries}
            yield _at("moves", move.key, "carries", say=_ALONG, instead=instead, missing=Listing(left, "and"))


def _goes_on(protocol: Protocol, move: Move) -> bool:
    """Whether the case goes on in another: one that it joins, or another school's."""
    kinds = {
        protocol.acts[act].kind for need in move.needs for act in protocol.needs[need].met_by if act in protocol.acts
    }
    return bool(kinds & {ActKind.join, ActKind.accept_transfer})


def _two_persons(protocol: Protocol) -> Iterator[Contrary]:
    """One person can be wrong, or afraid."""
    for act in protocol.acts.values():
        if act.kind in ENDS_PROTECTION and act.signatures < 2:
            yield _at("acts", act.key, "signatures", say=_TWO, instead={"signatures": 2})


def _out_at_once(protocol: Protocol) -> Iterator[Contrary]:
    """Whoever is part of what happened reads and gets nothing from the moment that it is declared."""
    for act in protocol.acts_of(ActKind.exclude):
        for name, wanted in (("signatures", 0), ("needs", ()), ("needs_when", ()), ("in_", ("any",))):
            if getattr(act, name) != wanted:
                path = ("acts", act.key, name.rstrip("_"))
                yield _at(*path, say=_ALWAYS, instead={name: wanted}, key=path[-1])
        if act.effect_when is None:
            continue
        above = [key for key in _able(protocol, act) if is_above(protocol, key)]
        left = [] if _always(protocol, act, act.effect_when, {"about_self": True}) else ["about_self"]
        left += [key for key in above if not _always(protocol, act, act.effect_when, {"role": key})]
        if left:
            source = " or ".join([f"({act.effect_when.source})", "about_self", *(f"role == {key!r}" for key in above)])
            instead = {"effect_when": Condition(source) if len(source) <= LONGEST else None}
            yield _at("acts", act.key, "effect_when", say=_OUT, instead=instead, names=Listing(left, "and"))


# ---- who ends, approves, sees --------------------------------------------------------------------------------------


def _another_closes(protocol: Protocol) -> Iterator[Contrary]:
    """Whoever did the work does not say alone that it is done."""
    for move in protocol.moves.values():
        if _ends(protocol, move) and not any(_is_pair(protocol, move, group) for group in move.distinct):
            instead = {"distinct": (*move.distinct, ("proposer", "mover"))}
            yield _at("moves", move.key, "distinct", say=_CLOSES, instead=instead)


def _ends(protocol: Protocol, move: Move) -> bool:
    """Whether the move ends a case that was opened before, for good: not one that goes on in another."""
    target = protocol.states.get(move.to)
    return target is not None and target.ended and not _goes_on(protocol, move) and set(move.from_) != {START}


def _is_pair(protocol: Protocol, move: Move, group: Iterable[str]) -> bool:
    """Whether the mover differs from somebody who surely did something: proposed it, or what the move needs."""
    done = {act for need in move.needs for act in protocol.needs[need].met_by}
    return "mover" in group and any(name == "proposer" or name in done for name in group)


def _only_report(protocol: Protocol) -> Iterator[Contrary]:
    """Everybody of a school may report: by that nobody ends a case or approves anything."""
    reporters = {key for key, role in protocol.roles.items() if role.sees is ScopeKind.receipt}
    for key in sorted(reporters):
        for power in _POWERS:
            if getattr(protocol.roles[key], power):
                yield _at("roles", key, power, say=_POWER, instead=dict.fromkeys(_POWERS, False), power=power)
    approving = (*ENDS_PROTECTION, ActKind.visa)
    places: list[tuple[str, Act | Move, str]] = [
        *(("moves", move, "by") for move in protocol.moves.values() if _ends(protocol, move)),
        *(
            ("acts", act, name)
            for name in ("by", "signed_by")
            for act in protocol.acts.values()
            if act.kind in approving
        ),
    ]
    for part, one, name in places:
        allowed: tuple[str, ...] = getattr(one, name)
        taken = [key for key in allowed if key in reporters or (reporters and key == "everyone")]
        if taken:
            every = (*protocol.roles, *protocol.seats) if "everyone" in allowed else allowed
            instead = {name: tuple(key for key in every if key not in reporters)}
            yield _at(part, one.key, name, say=_APPROVES, instead=instead, roles=Listing(taken, "and"))


def _somebody_only_reports(protocol: Protocol) -> Iterator[Contrary]:
    """Else whoever may report, and that is everybody, would see the school's cases."""
    for act in (act for act in protocol.acts_of(ActKind.report) if START in act.in_):
        able = [protocol.roles[key] for key in protocol.roles if key in act.by or "everyone" in act.by]
        if any(role.sees is ScopeKind.receipt for role in able):
            continue
        yield _at("acts", act.key, "by", say=_REPORTS)
        seated = {seat.acts_as for seat in protocol.seats.values()}
        for role in able:
            if role.key not in seated and not (role.trained or role.head or role.oversees):
                yield _at("roles", role.key, "sees", say=_REPORTS, instead={"sees": ScopeKind.receipt})


def _pseudonyms_above(protocol: Protocol) -> Iterator[Contrary]:
    """To look after a school's work from above nobody needs a pupil's name."""
    for key, role in protocol.roles.items():
        if role.sees in _ABOVE and not role.pseudonymised:
            path = ("roles", key, "pseudonymised")
            yield _at(*path, say=_NAMES, instead={"pseudonymised": True}, key="pseudonymised", value="true")
    for key, seat in protocol.seats.items():
        above = own_role(protocol, key)
        if seat.identified and above is not None and above.sees in _ABOVE:
            path = ("seats", key, "identified")
            yield _at(*path, say=_NAMES, instead={"identified": False}, key="identified", value="false")


def _restricted_opening(protocol: Protocol) -> Iterator[Contrary]:
    """A report about somebody of the school must not be read by them."""
    condition, reports = protocol.restricted_when, protocol.acts_of(ActKind.report)
    if not any(role.oversees for role in protocol.roles.values()):
        return  # nobody it could open to
    if condition is None or not any(_may_hold(protocol, act, condition) for act in reports):
        yield _at("restricted_when", say=_RESTRICTED, instead={"restricted_when": None})


def _able(protocol: Protocol, act: Act) -> Iterator[str]:
    """Roles and seats that may record the act, seats also as the role as which they act."""
    for key in (*protocol.roles, *protocol.seats):
        if "everyone" in act.by or any(acts_as(protocol, key, wanted) for wanted in act.by):
            yield key


def _may_hold(protocol: Protocol, act: Act, condition: Condition) -> bool:
    """Whether some answers to the act's questions make it hold."""
    every = _answers(protocol, act, condition, {})
    return every is None or any(condition.holds(values) for values in every)


def _always(protocol: Protocol, act: Act, condition: Condition, given: Values) -> bool:
    """Whether it holds with what is given, whatever else is answered."""
    every = _answers(protocol, act, condition, given)
    return condition.holds(given) if every is None else all(condition.holds(values) for values in every)


def _answers(protocol: Protocol, act: Act, condition: Condition, given: Values) -> Iterator[Values] | None:
    """What the condition may read of the act; None where there are too many ways."""
    fields = protocol.form_of(act).by_key
    ways = {name: _ways(protocol, act, fields.get(name), name, condition) for name in condition.names - given.keys()}
    if prod(len(values) for values in ways.values()) > _MOST:
        return None
    return ({**dict(zip(ways, values, strict=True)), **given} for values in product(*ways.values()))


def _ways(protocol: Protocol, act: Act, item: FormField | None, name: str, condition: Condition) -> tuple[Value, ...]:
    if name == "role":
        return tuple(_able(protocol, act))
    if item is None:
        return (True, False)
    keys = tuple(option.key for option in item.options)
    match item.type:
        case FieldType.choice:
            return (*keys, None)
        case FieldType.choices:
            return (*(chosen for count in range(min(len(keys), 4)) for chosen in combinations(keys, count + 1)), keys)
        case FieldType.integer | FieldType.scale:
            return (*condition.numbers(item.key), None)
        case FieldType.tri:
            return ("yes", "no", "unknown", None)
        case _:
            return (True, False, None)


LINES = (
    _said_of_them, _held_are_guardians, _go_along, _two_persons, _out_at_once,
    _another_closes, _only_report, _somebody_only_reports, _pseudonyms_above, _restricted_opening,
)  # fmt: skip
