"""What changes between two versions of a protocol: every part and every attribute of the model, by its place.

The walk follows the model's own fields, so that nothing can be forgotten. What carries no meaning is no change: the
order of entries, of a form's fields and options, and of lists of keys; how a condition is spaced or quoted; version and
digest. Order is named where it decides: the values of a fact, the sources that a fact reads, the steps of a deadline,
floors, retention, languages, the sections of a paper, the pieces of a letter, sentences that are read in their order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum, StrEnum
from typing import Any

from pydantic import BaseModel

from school_protocol.engine.clock import TimeUnit
from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Act, Deadline, Fact, FollowUp, Move, Protocol, Source
from school_protocol.engine.definition_parts import Becomes, Form, FormField, Piece, Pieces, SignalementRules
from school_protocol.engine.texts import Model, Text

Path = tuple[str, ...]


class ChangeKind(StrEnum):
    added = "added"
    removed = "removed"
    changed = "changed"
    reordered = "reordered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is otherwise in the newer version. `before` and `after` are values of the model, or None."""

    path: Path
    kind: ChangeKind
    before: Any = None
    after: Any = None
    language: str = ""
    """Of a text that changed: in which language; it is the path's last step too."""
    lock: str | None = None
    """`law` or `safety`: what it touches is fixed by it."""
    is_loosening: bool = False
    """It asks for less, or gives more time, than what is fixed."""

    @property
    def place(self) -> str:
        """`moves.assign.needs`"""
        return ".".join(self.path)

    @property
    def entry(self) -> Path:
        """The entry that it belongs to: `("moves", "assign")`; or the part, where that holds no entries."""
        return self.path[:2]


def difference(before: Protocol, after: Protocol) -> tuple[Change, ...]:
    """Every change of meaning from one version to another, in the order of the model; none for what only moved."""
    return tuple(_weighed(before, after, change) for change in _models((), before, after))


# ---- the walk ----------------------------------------------------------------------------------------------------

_UNSAID: Mapping[type[BaseModel], frozenset[str]] = {Protocol: frozenset({"version", "digest"})}
"""What differs between any two versions."""

_ORDERED = frozenset(
    {(Fact, "values"), (Protocol, "languages"), (Piece, "fields"), (Piece, "people"), (Piece, "evidence"),
     (Piece, "services"), (Pieces, "named_after"), (Becomes, "from_"), (SignalementRules, "numbers")}
)  # fmt: skip
"""Lists of keys whose order decides: of a fact's values the least is taken, of languages the first is fallback; a
letter is printed in its order, a piece of evidence named in it, words are put together and numbers called in theirs."""

_UNORDERED = frozenset(
    {(Act, "needs_when"), (Act, "notify"), (Move, "notify"), (Form, "refuses"), (Form, "departs"),
     (FollowUp, "also_next"), (Deadline, "start"), (Deadline, "met_by"), (Source, "unless_after"),
     (FormField, "known")}
)  # fmt: skip
"""Lists of entries without a key whose order decides nothing."""


def _models(path: Path, before: BaseModel, after: BaseModel) -> Iterator[Change]:
    unsaid = _UNSAID.get(type(before), frozenset())
    for name, field in type(before).model_fields.items():
        if name in unsaid or name == "key":
            continue
        owner = (type(before), name)
        yield from _values((*path, field.alias or name), getattr(before, name), getattr(after, name), owner)


def _values(path: Path, before: Any, after: Any, owner: tuple[type, str]) -> Iterator[Change]:
    """The changes of one attribute, whatever its type."""
    if _is_nothing(before) and _is_nothing(after):
        return
    if isinstance(before, Text) and isinstance(after, Text):
        yield from _texts(path, before, after)
    elif isinstance(before, BaseModel) and isinstance(after, BaseModel):
        yield from _models(path, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _entries(path, before, after, owner)
    elif isinstance(before, tuple) and isinstance(after, tuple):
        yield from _lists(path, before, after, owner)
    elif not _same(before, after):
        yield _change(path, before, after)


def _change(path: Path, before: Any, after: Any) -> Change:
    if _is_nothing(before):
        return Change(path=path, kind=ChangeKind.added, after=after)
    if _is_nothing(after):
        return Change(path=path, kind=ChangeKind.removed, before=before)
    return Change(path=path, kind=ChangeKind.changed, before=before, after=after)


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not isinstance(value, Enum) and not value)


def _same(before: Any, after: Any) -> bool:
    return bool(_plain(before) == _plain(after))


def _plain(value: Any) -> Any:
    """A value in which what means the same is written alike."""
    if isinstance(value, Condition):
        return ast.dump(value.tree)
    if isinstance(value, Text):
        return dict(value.root)
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return frozenset(value) if _is_keys(value) else tuple(_plain(item) for item in value)
    return value


def _texts(path: Path, before: Text, after: Text) -> Iterator[Change]:
    for language in dict.fromkeys((*before.root, *after.root)):
        was, now = before.root.get(language), after.root.get(language)
        if was != now:
            yield replace(_change((*path, language), was, now), language=language)


def _entries(
    path: Path, before: Mapping[Any, Any], after: Mapping[Any, Any], owner: tuple[type, str]
) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        here = (*path, str(key))
        if key not in after:
            yield Change(path=here, kind=ChangeKind.removed, before=before[key])
        elif key not in before:
            yield Change(path=here, kind=ChangeKind.added, after=after[key])
        else:
            yield from _values(here, before[key], after[key], owner)


# ---- lists -------------------------------------------------------------------------------------------------------


def _lists(path: Path, before: tuple[Any, ...], after: tuple[Any, ...], owner: tuple[type, str]) -> Iterator[Change]:
    if before == after:
        return
    both = (*before, *after)
    if all(isinstance(item, Model) and getattr(item, "key", "") for item in both):
        yield from _entries(path, {item.key: item for item in before}, {item.key: item for item in after}, owner)
    elif _is_keys(both):
        yield from _keys(path, before, after, is_ordered=owner in _ORDERED)
    elif all(isinstance(item, tuple) for item in both):
        yield from _keys(path, [frozenset(item) for item in before], [frozenset(item) for item in after])
    elif all(isinstance(item, int) for item in both):
        yield Change(path=path, kind=ChangeKind.changed, before=before, after=after)
    else:
        yield from _sequences(path, before, after, owner)


def _is_keys(items: Sequence[Any]) -> bool:
    return all(isinstance(item, str) for item in items)


def _keys(path: Path, before: Sequence[Any], after: Sequence[Any], *, is_ordered: bool = False) -> Iterator[Change]:
    """Names, or sets of names: which have come and which have gone."""
    for item in before:
        if item not in after:
            yield Change(path=path, kind=ChangeKind.removed, before=item)
    for item in after:
        if item not in before:
            yield Change(path=path, kind=ChangeKind.added, after=item)
    if is_ordered and [one for one in before if one in after] != [one for one in after if one in before]:
        yield Change(path=path, kind=ChangeKind.reordered, before=tuple(before), after=tuple(after))


def _sequences(
    path: Path, before: tuple[Any, ...], after: tuple[Any, ...], owner: tuple[type, str]
) -> Iterator[Change]:
    """Entries without a key, each at its number: the equal ones are paired first, then those between them."""
    was, now = [repr(_plain(item)) for item in before], [repr(_plain(item)) for item in after]
    if sorted(was) == sorted(now):
        if was != now and owner not in _UNORDERED:
            yield Change(path=path, kind=ChangeKind.reordered, before=before, after=after)
        return
    for old, new in _paired(was, now, before, after, in_order=owner not in _UNORDERED):
        if old is None and new is not None:
            yield Change(path=(*path, str(new)), kind=ChangeKind.added, after=after[new])
        elif new is None and old is not None:
            yield Change(path=(*path, str(old)), kind=ChangeKind.removed, before=before[old])
        elif old is not None and new is not None:
            yield from _values((*path, str(old)), before[old], after[new], owner)


_Pair = tuple[int | None, int | None]


def _paired(
    was: list[str], now: list[str], before: tuple[Any, ...], after: tuple[Any, ...], *, in_order: bool
) -> Iterator[_Pair]:
    if not in_order:
        left = list(range(len(now)))
        lone = [old for old in range(len(was)) if not _taken(was[old], now, left)]
        yield from _closest(lone, left, before, after)
        return
    for tag, low, high, first, last in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _closest(list(range(low, high)), list(range(first, last)), before, after)


def _taken(wanted: str, now: list[str], left: list[int]) -> bool:
    """Whether one of those that are left is the same: it is left no more."""
    found = next((number for number in left if now[number] == wanted), None)
    if found is not None:
        left.remove(found)
    return found is not None


def _closest(old: list[int], new: list[int], before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[_Pair]:
    """Each old entry with the new one that says most of the same; what is left over has gone, or has come."""
    left = list(new)
    for number in old:
        likeness = {other: _likeness(before[number], after[other]) for other in left}
        best = max(left, key=lambda other: likeness[other], default=None)
        if best is None or not likeness[best]:
            yield number, None
        else:
            left.remove(best)
            yield number, best
    yield from ((None, number) for number in left)


def _likeness(before: Any, after: Any) -> float:
    """How much two entries have in common: of a text its letters, of an entry what it says beyond the defaults."""
    if isinstance(before, Text) and isinstance(after, Text):
        pairs = ((text, after.root.get(language, "")) for language, text in before.root.items())
        return max((SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs), default=0) or 0.01
    if type(before) is not type(after) or not isinstance(before, BaseModel):
        return 0.01
    said = before.model_fields_set | after.model_fields_set
    return sum(_same(getattr(before, name), getattr(after, name)) for name in said) + 0.01


# ---- what is fixed -----------------------------------------------------------------------------------------------

_LENGTH = (TimeUnit.clock_hours, TimeUnit.school_hours, TimeUnit.calendar_days, TimeUnit.school_days)
"""Units of time, from the shortest to the longest."""


def _weighed(before: Protocol, after: Protocol, change: Change) -> Change:
    """The change with what fixes the thing that it touches, and whether it loosens it."""
    for rule in (_of_deadline, _of_need, _of_needs_asked, _of_fact):
        found = rule(before, after, change)
        if found is not None:
            lock, loosens = found
            return replace(change, lock=lock, is_loosening=loosens)
    return change


_Weight = tuple[str, bool] | None


def _of_deadline(before: Protocol, after: Protocol, change: Change) -> _Weight:
    was = before.deadlines.get(change.path[1]) if change.path[0] == "deadlines" and len(change.path) > 1 else None
    if was is None or was.lock is None:
        return None
    now = after.deadlines.get(was.key)
    if now is None:
        return was.lock, True
    return was.lock, _loosens_deadline(was, now, change)


def _loosens_deadline(was: Deadline, now: Deadline, change: Change) -> bool:
    attribute, kind = change.path[2], change.kind
    match attribute:
        case "title" | "code" | "provenance" | "basis":
            return False
        case "urgent" | "repeat":
            return not getattr(now, attribute)
        case "lock":
            return now.lock is None or was.lock == "law"
        case "value":
            return now.value > (was.max if was.max is not None and was.unit is now.unit else was.value)
        case "unit":
            return _LENGTH.index(now.unit) > _LENGTH.index(was.unit) or now.value > was.value
        case "max":
            return now.max is None or (was.max is not None and now.max > was.max)
        case "start" | "met_by":
            tightens = ChangeKind.added if attribute == "start" else ChangeKind.removed
            return kind is not tightens or len(change.path) != 4
        case "suspended_while" | "unless":
            return kind is not ChangeKind.removed
        case "ends_with_state" | "first_only":
            return bool(change.after)
    return True


def _of_need(before: Protocol, after: Protocol, change: Change) -> _Weight:
    was = before.needs.get(change.path[1]) if change.path[0] == "needs" and len(change.path) > 1 else None
    if was is None or was.lock is None:
        return None
    now = after.needs.get(was.key)
    if now is None:
        return was.lock, True
    if change.path[2] == "lock":
        return was.lock, now.lock is None or was.lock == "law"
    return was.lock, change.path[2] == "when" and not _asks_as_much(was.when, now.when)


def _asks_as_much(was: Condition, now: Condition) -> bool:
    """Whether the newer condition asks for all that the older one asks for, and more beside it."""
    return set(_parts(was.tree)) <= set(_parts(now.tree))


def _parts(tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        for value in tree.values:
            yield from _parts(value)
    else:
        yield ast.dump(tree)


def _of_needs_asked(before: Protocol, after: Protocol, change: Change) -> _Weight:
    """A locked need that a move or an act asks for no more; or the move or act that asked for it, otherwise offered."""
    asks = "needs" in change.path[2:] or "needs_when" in change.path[2:3]
    if change.path[0] not in ("moves", "acts") or not asks:
        return None
    for name in _no_longer_asked(before, change):
        need = before.needs.get(name)
        if need is not None and need.lock is not None:
            return need.lock, True
    return None


def _no_longer_asked(before: Protocol, change: Change) -> frozenset[str]:
    """The needs that are asked for less often, or no more."""
    if change.path[2] == "needs_when" and isinstance(change.before, Condition) and isinstance(change.after, Condition):
        rule = before.acts[change.path[1]].needs_when[int(change.path[3])]
        return frozenset() if _asks_as_much(change.after, change.before) else frozenset(rule.needs)
    return _needs_of(change.before) - _needs_of(change.after)


def _needs_of(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(getattr(value, "needs", ()))


def _of_fact(before: Protocol, after: Protocol, change: Change) -> _Weight:
    """What a locked need reads is counted otherwise: only the proof can say whether that loosens it."""
    if change.path[0] != "facts" or len(change.path) < 2 or change.path[2:3] in (("label",), ("figure",), ("code",)):
        return None
    locks = [need.lock for need in before.needs.values() if need.lock and change.path[1] in need.when.names]
    return (sorted(locks)[0], False) if locks else None
