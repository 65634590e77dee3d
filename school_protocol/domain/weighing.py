"""What a record counts for: whether it is signed, as whom it was written, and what a condition reads of it."""

from __future__ import annotations

from collections.abc import Iterable

from school_protocol.domain.answers import answer_values
from school_protocol.domain.conditions import Value
from school_protocol.domain.events import Answers
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.parts import Record
from school_protocol.domain.protocol import ActKind, Protocol, Role, ScopeKind


def settles(protocol: Protocol, danger: str, target: str) -> bool:
    """Whether a referral to `target` counts for `danger`: one of its targets, of the kind that it asks for."""
    declared, named = protocol.dangers[danger], protocol.targets[target]
    wanted = declared.settled_by
    if "judicial" in wanted and named.judicial:
        return True
    if target not in declared.targets:
        return False
    return "named" in wanted or ("external" in wanted and named.external)


def is_signed(protocol: Protocol, record: Record) -> bool:
    """Whether the record has the signatures that its act, and the danger it lifts, ask for."""
    act = protocol.acts[record.act]
    accounts = {signature.account for signature in record.signatures}
    if len(accounts) < act.signatures:
        return False
    if act.kind is ActKind.lift_danger:
        item = protocol.form_of(act).find(FieldType.danger)
        danger = protocol.dangers.get(record.answers.get(item.key, "")) if item else None
        if danger is not None and danger.lifted_with is not None:
            return any(acts_as(protocol, signature.role, danger.lifted_with) for signature in record.signatures)
    return True


def acts_as(protocol: Protocol, held: str, role: str) -> bool:
    """Whether a role or seat stands for `role`."""
    seat = protocol.seats.get(held)
    return held == role or (seat is not None and seat.acts_as == role)


def own_role(protocol: Protocol, name: str) -> Role | None:
    """The role of that name, or as which a seat of that name acts; None: the seat acts as none."""
    seat = protocol.seats.get(name)
    return protocol.roles.get((seat.acts_as or "") if seat else name)


def oversees(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat answers for the schools of a directorate."""
    role = own_role(protocol, name)
    return role is not None and role.oversees


def is_above(protocol: Protocol, name: str) -> bool:
    """Whether whoever holds that role or seat oversees schools, or sees the region of those who do."""
    role = own_role(protocol, name)
    return role is not None and (role.oversees or role.sees is ScopeKind.region)


def where_values(protocol: Protocol, fields: Iterable[FormField], answers: Answers, role: str) -> dict[str, Value]:
    """What `where` and `effect_when` read: answers, the target's flags, whether covers hold a danger, the role."""
    fields = tuple(fields)
    values = answer_values(fields, answers)
    values["role"] = role
    for item in fields:
        if item.type is FieldType.target:
            target = protocol.targets.get(answers.get(item.key, ""))
            values["external"] = bool(target and target.external)
            values["judicial"] = bool(target and target.judicial)
        elif item.type is FieldType.covers:
            values["on_danger"] = any(entry in protocol.dangers for entry in answers.get(item.key, ()))
    return values


def record_values(protocol: Protocol, record: Record) -> dict[str, Value]:
    """What a condition over one record reads."""
    return act_values(protocol, record.act, record.answers, record.role, record.author)


def act_values(protocol: Protocol, act: str, answers: Answers, role: str, actor: str) -> dict[str, Value]:
    """What a condition over an act's answers reads: `where_values`, and whether they name their own author."""
    form = protocol.form_of(act)
    item = form.find(FieldType.account)
    account = answers.get(item.key) if item else None
    values = where_values(protocol, form.fields, answers, role)
    return {**values, "about_self": account is None or account == actor}
