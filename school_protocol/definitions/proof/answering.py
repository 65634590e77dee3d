"""The ways to answer an act that conditions tell apart: one combination of its decisive answers stands for many."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from school_protocol.definitions.proof.domains import turning_points
from school_protocol.domain.conditions import Condition, Value
from school_protocol.domain.forms import FieldType, FormField
from school_protocol.domain.protocol import Act, ActKind, Protocol
from school_protocol.domain.weighing import where_values

_T = FieldType
MOST = 4096
"""Combinations of one act's answers that are told apart at most."""
DERIVED = {"external": _T.target, "judicial": _T.target, "on_danger": _T.covers, "about_self": _T.account}
RAISING = (_T.danger, _T.dangers, _T.danger_answers)
SETTLING = (ActKind.lift_danger, ActKind.refer, ActKind.take_over)


class TooMany(Exception):
    """More combinations than the limit allows: nothing is proven."""


class Absent:
    """An answer that is not given."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()
ACCOUNT, PERSON, WORDS = "account", "person", "words"
"""Stand for somebody, somebody of the case, some words: the story's player puts real ones in their place."""


@dataclass(frozen=True)
class Given:
    """One way to answer an act: its decisive answers, and what conditions read of them."""

    act: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    role: str = ""
    """Where it matters in which role."""
    raises: bool = False
    """Whether the answers name a danger."""

    def has(self, key: str) -> bool:
        """Whether that field is answered with something."""
        return self.answers.get(key, ABSENT) not in (ABSENT, None, "", [], {}, False)


def constants(condition: Condition, name: str) -> set[str]:
    """The texts that `name` is compared with."""
    found: set[str] = set()
    for node in ast.walk(condition.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Name) and side.id == name for side in sides):
                parts = [part for side in sides for part in ast.walk(side) if isinstance(part, ast.Constant)]
                found |= {part.value for part in parts if isinstance(part.value, str)}
    return found


def answerings(
    protocol: Protocol,
    act: Act,
    conditions: Iterable[Condition],
    direct: Iterable[str] = (),
    also: Mapping[str, tuple[Any, ...]] | None = None,
    *,
    roles: bool = False,
) -> tuple[Given, ...]:
    """Every way to answer `act` that these conditions, or a fact that takes a field's answer, tell apart.

    `direct` are fields of which every answer matters; `also` gives the answers of a field outright. Raises TooMany.
    """
    return tuple(_Answering(protocol, act, tuple(conditions), frozenset(direct), also or {}).all(roles=roles))


class _Answering:
    def __init__(
        self,
        protocol: Protocol,
        act: Act,
        conditions: tuple[Condition, ...],
        direct: frozenset[str],
        also: Mapping[str, tuple[Any, ...]],
    ) -> None:
        self.protocol, self.act, self.direct, self.also = protocol, act, direct, also
        self.form = protocol.form_of(act)
        names = {name for one in conditions for name in one.names} | direct | also.keys()
        self.derived = names & DERIVED.keys()
        self.reads_role = "role" in names
        implying = (self.form.find(DERIVED[name]) for name in self.derived - {"about_self"})
        keys = {key for key in names if key in self.form.by_key} | {item.key for item in implying if item is not None}
        asked = [when for key in keys if (when := self.form.by_key[key].when) is not None]
        refusing = [one.when for one in self.form.refuses]
        for one in [*asked, *refusing]:
            if not keys.isdisjoint(one.names):
                keys |= one.names & self.form.by_key.keys()
        self.fields = [item for item in self.form.fields if item.key in keys]
        self.conditions = (*conditions, *asked, *refusing)

    def all(self, *, roles: bool) -> Iterator[Given]:
        choices = [self.choices(item) for item in self.fields]
        size = 1
        for one in choices:
            size *= len(one)
        held = self.roles() if self.reads_role or roles else ("",)
        selves = (True, False) if "about_self" in self.derived else (True,)
        if size * len(held) * len(selves) > MOST:
            raise TooMany(f"{self.act.key}: {size * len(held)} ways to answer")
        raising = self.raising()
        for picked in product(*choices):
            answers = {item.key: value for item, value in zip(self.fields, picked, strict=True)}
            plain = {key: value for key, value in answers.items() if value is not ABSENT}
            for role, itself in product(held, selves):
                values = self.read(plain, role, itself=itself)
                if self.is_sound(answers, values):
                    for raises in self.raised(answers, raising):
                        yield Given(self.act.key, answers, values, role, raises)

    def read(self, plain: Mapping[str, Any], role: str, *, itself: bool) -> dict[str, Value]:
        """What conditions read of these answers; what is not told apart is left out."""
        values = where_values(self.protocol, self.form.fields, _read(self.form.by_key, plain), role)
        values["about_self"] = itself
        unknown = DERIVED.keys() - self.derived
        return {key: value for key, value in values.items() if key not in unknown and (role or key != "role")}

    def roles(self) -> tuple[str, ...]:
        named = [*self.protocol.roles, *self.protocol.seats] if "everyone" in self.act.by else list(self.act.by)
        seats = [key for key, seat in self.protocol.seats.items() if seat.acts_as in self.act.by]
        return tuple(dict.fromkeys([*named, *seats]))

    def raising(self) -> tuple[FormField, ...]:
        if self.act.kind in SETTLING:
            return ()
        return tuple(item for item in self.form.fields if item.type in RAISING)

    def raised(self, answers: Mapping[str, Any], raising: tuple[FormField, ...]) -> tuple[bool, ...]:
        """Whether a danger is named: always, never, or either."""
        if not raising:
            return (False,)
        always = self.act.kind is ActKind.raise_danger
        if always and any(one.required and one.when is None and one.type is not _T.danger_answers for one in raising):
            return (True,)
        return (False, True)

    def is_sound(self, answers: Mapping[str, Any], values: Mapping[str, Value]) -> bool:
        """Whether the form takes these answers, as far as they go."""
        known = {item.key for item in self.fields}
        for item in self.fields:
            asked = True if item.when is None else item.when.truth(values) if item.when.names <= known else None
            given = answers[item.key] is not ABSENT
            if asked is False and given:
                return False
            if asked is True and item.required and not given and item.type not in (_T.signature, *RAISING):
                return False
        return not any(one.when.names <= known and one.when.holds(values) for one in self.form.refuses)

    # ---- the answers of one field ----------------------------------------------------------------------------

    def choices(self, item: FormField) -> tuple[Any, ...]:
        given = self.also[item.key] if item.key in self.also else tuple(self.values(item))
        may_stay = not item.required or item.when is not None
        return (*given, ABSENT) if may_stay and ABSENT not in given else given

    def values(self, item: FormField) -> Iterable[Any]:
        if item.type in _FIXED:
            return _FIXED[item.type]
        named = {text for one in self.conditions for text in constants(one, item.key)}
        match item.type:
            case _T.choice:
                return self.some([option.key for option in item.options], named, item)
            case _T.check:
                return (True,) if item.required else (True, False)
            case _T.choices:
                return _lists([option.key for option in item.options], named, whole=item.key in self.direct)
            case _T.dangers | _T.covers:
                keys = [*self.protocol.dangers, *(("need",) if item.type is _T.covers else ())]
                return _lists(keys, named | {"need"} & set(keys), whole=False)
            case _T.danger:
                return self.some(list(self.protocol.dangers), named, item)
            case _T.target:
                return tuple(self.targets(named))
            case _T.seat:
                return self.some(list(self.protocol.seats), named, item)
            case _T.integer | _T.scale:
                return tuple(self.numbers(item))
            case _:
                return (_STANDS_FOR.get(item.type, WORDS),)

    def some(self, keys: list[str], named: set[str], item: FormField) -> tuple[str, ...]:
        """The keys that conditions name, and one that stands for the rest; all, where each matters."""
        if item.key in self.direct:
            return tuple(keys)
        rest = [key for key in keys if key not in named]
        return (*(key for key in keys if key in named), *rest[:1])

    def targets(self, named: set[str]) -> Iterator[str]:
        """One target of each kind that is told apart."""
        seen = set()
        for key, target in self.protocol.targets.items():
            kind = (target.external, target.judicial, target.awaits_answer, key if key in named else "")
            if kind not in seen:
                seen.add(kind)
                yield key

    def numbers(self, item: FormField) -> Iterator[int]:
        least = item.least if item.least is not None else 0
        most = item.most if item.most is not None else (10 if item.type is _T.scale else 10**9)
        points = {number for one in self.conditions for number in turning_points(one, item.key)}
        return (number for number in sorted({least, *points}) if least <= number <= most)


def _lists(keys: list[str], named: set[str], *, whole: bool) -> tuple[list[str], ...]:
    """Nothing, each answer that is named, one of the rest, all of them."""
    wanted = keys if whole else [key for key in keys if key in named]
    rest = [key for key in keys if key not in wanted][:1]
    found = [[key] for key in (*wanted, *rest)]
    return tuple([*found, list(keys)] if len(found) > 1 else found)


def _read(fields: Mapping[str, FormField], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as conditions read them: words that only stand for somebody's are left out."""
    return {
        key: value
        for key, value in plain.items()
        if key in fields and not (value is WORDS and fields[key].type in _STANDS_FOR)
    }


_FIXED: Mapping[FieldType, tuple[Any, ...]] = {_T.tri: ("yes", "no", "unknown"), _T.yes_no: (True, False)}
_STANDS_FOR: Mapping[FieldType, str] = {_T.account: ACCOUNT, _T.person: PERSON, _T.persons: PERSON}
