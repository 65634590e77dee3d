"""The values that matter of each fact: large ranges are cut where a condition compares them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from school_protocol.domain.conditions import Condition, Value
from school_protocol.domain.protocol import Fact, FactType, Fold

_COUNTED = (Fold.count, Fold.streak, Fold.distinct, Fold.signatures)
_KNOWN_FOLDS = (*_COUNTED, Fold.standing)
_KNOWN_KINDS = (
    "dangers", "open_referrals", "open_contributions", "standing_holds", "assessed_level", "entered",
    "content_since_entry", "follow_up", "deadline",
)  # fmt: skip


def is_always_known(fact: Fact) -> bool:
    """Whether the fact has a value as soon as a case is opened, whatever its `initial` says."""
    return any(getattr(fact, name) for name in _KNOWN_KINDS) or (bool(fact.from_) and fact.fold in _KNOWN_FOLDS)


@dataclass(frozen=True, slots=True)
class Domain:
    """The values told apart of one fact, in order; a number stands for all from it up to the next."""

    values: tuple[Value, ...]

    @property
    def whole(self) -> int:
        """The mask of every value."""
        return (1 << len(self.values)) - 1

    def mask(self, values: Iterable[Value]) -> int:
        """The mask of these values, each as the class that it lies in."""
        found = 0
        for value in values:
            found |= 1 << self.index(value)
        return found

    def index(self, value: Value) -> int:
        """The class that a value lies in. Raises ValueError where it lies in none."""
        if isinstance(value, int) and not isinstance(value, bool):
            below = [place for place, one in enumerate(self.values) if type(one) is int and one <= value]
            if below:
                return below[-1]
        for place, one in enumerate(self.values):
            if one == value and type(one) is type(value):
                return place
        raise ValueError(f"{value!r} is none of {self.values!r}")

    def members(self, mask: int) -> tuple[Value, ...]:
        return tuple(value for place, value in enumerate(self.values) if mask >> place & 1)

    def more(self, place: int) -> int:
        """The class after one more, of a count that stops at its last class."""
        return min(place + 1, len(self.values) - 1)

    def at_most(self, place: int) -> int:
        """The mask of a class and all below it."""
        return (1 << (place + 1)) - 1


def turning_points(condition: Condition, name: str) -> set[int]:
    """The numbers at which the meaning of `name` changes in a condition: each begins a class."""
    found: set[int] = set()
    for node in ast.walk(condition.tree):
        if isinstance(node, ast.Compare):
            found |= _points(node, name)
    return found


def _points(node: ast.Compare, name: str) -> set[int]:
    left, op, right = node.left, node.ops[0], node.comparators[0]
    turned = isinstance(right, ast.Name) and right.id == name
    if not turned and not (isinstance(left, ast.Name) and left.id == name):
        return set()
    numbers = _numbers(left if turned else right)
    if isinstance(op, (ast.LtE, ast.Gt) if turned else (ast.GtE, ast.Lt)):
        return numbers
    after = {number + 1 for number in numbers}
    return after if isinstance(op, (ast.Lt, ast.GtE) if turned else (ast.Gt, ast.LtE)) else numbers | after


def _numbers(node: ast.expr) -> set[int]:
    """The whole numbers that stand on one side of a comparison."""
    items = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    return {item.value for item in items if isinstance(item, ast.Constant) and type(item.value) is int}


def domain_of(fact: Fact, conditions: Iterable[Condition], least: int = 0) -> Domain:
    """The values of a fact that these conditions tell apart; `least` classes of a count are kept at least."""
    known = is_always_known(fact)
    unrecorded: tuple[Value, ...] = (None,) if fact.initial is None and not known else ()
    if fact.type is FactType.bool:
        return Domain((*unrecorded, False, True))
    if fact.type is FactType.enum:
        return Domain((*unrecorded, *fact.values))
    points = {number for one in conditions for number in turning_points(one, fact.key) if number > 0}
    if fact.values:
        values = sorted({int(value) for value in fact.values} | ({0} if known else set()))
        return Domain((*unrecorded, *values))
    if fact.type is FactType.count or fact.fold in _COUNTED:
        return Domain((*unrecorded, *range(max(max(points, default=1), least) + 1)))
    return Domain((*unrecorded, *sorted({0, *points})))
