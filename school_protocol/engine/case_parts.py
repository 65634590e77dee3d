"""Parts of a case: records with their signatures, lives of dangers, referrals, holds, seats, entries, people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from school_protocol.engine.answers import answer_values
from school_protocol.engine.conditions import Value
from school_protocol.engine.definition import ActKind, Protocol, Role, ScopeKind
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.errors import BadInput
from school_protocol.engine.events import Answers, Handwritten, Remark
from school_protocol.engine.texts import latin

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EVERY_GUARDIAN = "*"
_Part = TypeVar("_Part", bound="DataclassInstance")


def twins(kind: type[_Part]) -> Callable[[_Part], _Part]:
    """What makes another part of the same values: as `replace` does, at a tenth of its cost, for all that a case is."""
    parts = fields(kind)
    assert len(parts) > 1, "one value alone would not come as a tuple"
    assert all(one.init and not one.kw_only for one in parts), "each value has its place"
    values = attrgetter(*(one.name for one in parts))
    return lambda one: kind(*values(one))


@dataclass(frozen=True, slots=True)
class Signature:
    account: str
    role: str
    seq: int
    at: datetime


@dataclass(slots=True)
class Record:
    """One recorded act with what followed it: corrections, signatures, and since when its effect stands."""

    seq: int
    act: str
    kind: ActKind
    actor: str
    """Who recorded it."""
    role: str
    """In which role or seat the act was done: by whoever wrote it, where it stood on paper first."""
    at: datetime
    occurred_at: datetime
    answers: dict[str, Any]
    derived: Mapping[str, Any]
    signatures: list[Signature] = field(default_factory=list)
    effective_seq: int | None = None
    effective_at: datetime | None = None
    corrections: list[int] = field(default_factory=list)
    grants: bool = True
    """Whether the kind's effect applies (`effect_when`)."""
    retracted_at: datetime | None = None
    """When its writer took it back."""
    paper: Handwritten | None = None
    recorded_as: str = ""
    """In which role or seat it was recorded."""
    read: tuple[Protocol, Mapping[str, Value]] | None = field(default=None, repr=False, compare=False)
    """What conditions read of it, by that version, once one has; None: none has read what it says now."""

    @property
    def author(self) -> str:
        """Whose act it is: who wrote it on paper, else who recorded it."""
        return self.paper.by if self.paper else self.actor

    def signed_by(self, account: str) -> bool:
        return any(signature.account == account for signature in self.signatures)

    def say(self, answers: dict[str, Any]) -> None:
        """It says this from now on."""
        self.answers, self.read = answers, None


@dataclass(slots=True)
class DangerLife:
    """One life of a danger: raised → referred | lifted."""

    danger: str
    raised_seq: int
    raised_at: datetime
    by: str
    state: str = "raised"
    changed_seq: int = 0
    changed_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state in ("raised", "referred")

    def become(self, state: str, seq: int, at: datetime) -> None:
        self.state, self.changed_seq, self.changed_at = state, seq, at


@dataclass(slots=True)
class Referral:
    number: int
    seq: int
    target: str
    covers: tuple[str, ...]
    at: datetime
    actor: str
    role: str
    acknowledged_at: datetime | None = None
    settled_at: datetime | None = None
    awaits_answer: bool = True
    whom: Mapping[str, str] = field(default_factory=dict)
    """The organisation that it went to, as the directory called it then; empty: nobody said."""

    @property
    def is_open(self) -> bool:
        return self.awaits_answer and self.settled_at is None

    def acknowledge(self, at: datetime) -> None:
        """The first time counts."""
        self.acknowledged_at = self.acknowledged_at or at


@dataclass(slots=True)
class Hold:
    """While it stands, that guardian (or every guardian) gets nothing by any door."""

    number: int
    guardian: str
    seq: int
    at: datetime
    confirmed_seq: int | None = None
    lifted_seq: int | None = None
    lifted_at: datetime | None = None
    reviewed: list[tuple[int, datetime]] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        return self.lifted_seq is None


@dataclass(slots=True)
class RemarkMade:
    """A supervisor's remark on a copy, and, once somebody says so, that it was dealt with."""

    seq: int
    """Number of the event that it came with."""
    place: int
    """Its place there, from 1."""
    remark: Remark
    document: str
    copy: int
    settled_seq: int | None = None

    @property
    def is_open(self) -> bool:
        return self.settled_seq is None


@dataclass(slots=True)
class Opened:
    """Names, or a case that was closed to its reader, opened to one person for a time."""

    seq: int
    account: str
    role: str
    at: datetime
    until: datetime
    ended_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it is neither over nor ended."""
        return self.ended_at is None and now < self.until

    @property
    def over_at(self) -> datetime:
        return self.until if self.ended_at is None else min(self.until, self.ended_at)


@dataclass(slots=True)
class Door(Opened):
    """A case opened in an emergency; somebody else reviews it by a moment."""

    review_by: datetime = field(kw_only=True)
    reviewed_seq: int | None = None
    justified: bool | None = None


@dataclass(slots=True)
class FileLife:
    """A file of a piece of evidence: kept, perhaps shut for good, and destroyed."""

    id: str
    entry: int
    piece: int
    sha256: str
    size: int
    format: str
    kept_at: datetime
    by: str
    shut_at: datetime | None = None
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    """Services that were asked what is to become of it."""
    destroyed_at: datetime | None = None
    opened: int = 0

    @property
    def is_there(self) -> bool:
        return self.destroyed_at is None


@dataclass(slots=True)
class SeatHeld:
    seat: str
    account: str
    seq: int
    side: str | None = None
    until: str | None = None
    """Its last day, as an ISO date; None: until further notice."""
    by_overseer: bool = False

    def is_held(self, day: date) -> bool:
        return self.until is None or day.isoformat() <= self.until


@dataclass(frozen=True, slots=True)
class StateEntry:
    state: str
    source: str
    seq: int
    at: datetime
    actor: str
    move: str | None
    is_return: bool = False
    """A way back to where the case was: what was proposed or entered there before still counts."""
    is_end: bool = False
    from_end: bool = False
    """Whether the case had ended there, or where it came from, by the version that it followed then."""


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    slot: str
    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Before:
    """What the urgent path interrupted, for the way back."""

    state: str
    entered_seq: int
    opening_seq: int
    opening_at: datetime
    base_level: int
    validated_seq: int
    former_level: int


# ---- to which organisation a referral goes -------------------------------------------------------------------------
# Chosen, or known by the number that was called; kept as a value.

WHOM = "whom"
"""Under it a recorded referral holds the names of its organisation, as the directory said them then."""
CHOSEN = "contact"
"""The path of what is wrong with the one that was chosen."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A contact of the directory as a referral may go to it: a service, never a person."""

    id: str
    target: str
    names: Mapping[str, str]
    phone: str = ""


def whom(form: Form, answers: Mapping[str, Any], chosen: str, known: Iterable[Organisation]) -> Mapping[str, str]:
    """The names of the organisation; none where nobody said which. Raises BadInput where another service was chosen."""
    item = form.find(FieldType.target)
    target = answers.get(item.key) if item is not None else None
    fitting = [one for one in known if one.target == target]
    if chosen:
        found = next((one for one in fitting if one.id == chosen), None)
        if found is None:
            raise BadInput({CHOSEN: ("not_of_this_service",)})
        return found.names
    numbers = set(_called(form, answers))
    found = next((one for one in fitting if _digits(one.phone) in numbers), None)
    return found.names if found is not None else {}


def called(names: Mapping[str, str]) -> str:
    """The one name by which an organisation is found in the register, whoever looks; empty: none."""
    return next((names[key] for key in ("fr", "ar", "en") if names.get(key)), "")


def _called(form: Form, answers: Mapping[str, Any]) -> Iterator[str]:
    for item in form.fields:
        if item.dialled and (digits := _digits(str(answers.get(item.key) or ""))):
            yield digits


def _digits(phone: str) -> str:
    """A number as it is compared: its digits alone, a national and an international one alike."""
    digits = "".join(each for each in latin(phone) if each.isascii() and each.isdigit())
    return re.sub(r"^(?:00)?212(?=\d{9}$)", "0", digits)


# ---- what a record counts for: whether it is signed, as whom it was written, what a condition reads of it ----------


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


def record_values(protocol: Protocol, record: Record) -> Mapping[str, Value]:
    """What a condition over one record reads."""
    if record.read is None or record.read[0] is not protocol:
        record.read = protocol, act_values(protocol, record.act, record.answers, record.role, record.author)
    return record.read[1]


def act_values(protocol: Protocol, act: str, answers: Answers, role: str, actor: str) -> dict[str, Value]:
    """What a condition over an act's answers reads: `where_values`, and whether they name their own author."""
    form = protocol.form_of(act)
    item = form.find(FieldType.account)
    account = answers.get(item.key) if item else None
    values = where_values(protocol, form.fields, answers, role)
    return {**values, "about_self": account is None or account == actor}
