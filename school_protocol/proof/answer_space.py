"""The answer space of an act: values that conditions tell apart, their combinations, and whole answers around them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any

from school_protocol.engine.answers import References, answer_values
from school_protocol.engine.case_parts import where_values
from school_protocol.engine.case_summary import score
from school_protocol.engine.conditions import Condition, Value
from school_protocol.engine.definition import Act, ActKind, Fact, FactType, Fold, Grid, Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.protocol.check_context import PART_OF

# ---- the values that matter of each fact: large ranges are cut where a condition compares them ---------------------

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
        if item.type in _ANSWERING_FIXED:
            return _ANSWERING_FIXED[item.type]
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


_ANSWERING_FIXED: Mapping[FieldType, tuple[Any, ...]] = {_T.tri: ("yes", "no", "unknown"), _T.yes_no: (True, False)}
_STANDS_FOR: Mapping[FieldType, str] = {_T.account: ACCOUNT, _T.person: PERSON, _T.persons: PERSON}


# ---- whole answers to a form around the few that decide: what a person could write, drawn by no lot ----------------

TEXT = "…"
_FILLING_FIXED: Mapping[FieldType, tuple[str, ...]] = {
    _T.yes_no: ("yes", "no"),
    _T.tri: ("yes", "no", "unknown"),
    _T.check: ("on",),
}
"""Every answer of a type that takes the same everywhere."""


class Unfillable(Exception):
    """A question that must be answered has nothing to point at."""


def filled(
    protocol: Protocol,
    form: Form,
    wanted: Mapping[str, Any],
    references: References,
    *,
    dangers: Sequence[str] = (),
    accounts: Sequence[str] = (),
    level: int | None = None,
) -> dict[str, Any]:
    """Answers that the form takes, with the wanted ones among them; `dangers` are named where it asks for dangers.

    A grid gives `level` if it can. Raises Unfillable where something required cannot be answered.
    """
    people = tuple(accounts) or tuple(sorted(references.accounts))
    filler = _Filler(protocol, references, tuple(dangers), people, level)
    for turn in range(_TURNS):
        answers = filler.form(form, wanted, turn)
        values = answer_values(form.fields, _typed(form, answers))
        if not any(one.when.holds(values) for one in form.refuses):
            return answers
    raise Unfillable(form.key)


_TURNS = 6
"""How often another answer is tried where answers contradict each other."""


class _Filler:
    def __init__(
        self,
        protocol: Protocol,
        references: References,
        dangers: tuple[str, ...],
        accounts: tuple[str, ...],
        level: int | None,
    ) -> None:
        self.protocol, self.references, self.dangers, self.accounts = protocol, references, dangers, accounts
        self.level = level

    def form(self, form: Form, wanted: Mapping[str, Any], turn: int = 0) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for item in form.fields:
            if item.type is _T.signature:
                continue
            if item.key in wanted:
                if wanted[item.key] is not ABSENT:
                    answers[item.key] = self.as_wanted(item, wanted[item.key])
            elif item.type in RAISING:
                answers |= self.of_dangers(item)
            elif item.required and self.is_asked(form, item, answers):
                answers[item.key] = self.some(item, turn)
        return answers

    def is_asked(self, form: Form, item: FormField, answers: Mapping[str, Any]) -> bool:
        return item.when is None or item.when.holds(answer_values(form.fields, _typed(form, answers)))

    def of_dangers(self, item: FormField) -> dict[str, Any]:
        if item.type is _T.danger_answers:
            asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
            said = dict.fromkeys(asked if item.required else (), "no")
            said |= {key: "yes" for key in self.dangers if key in asked}
            return {item.key: said} if said else {}
        if not self.dangers:
            return {}
        return {item.key: list(self.dangers) if item.type is _T.dangers else self.dangers[0]}

    def as_wanted(self, item: FormField, value: Any) -> Any:
        """The real thing in the place of what stands for it."""
        match item.type:
            case _T.danger_answers:
                return self._asked_again(value)
            case _T.dangers if value in (True, WORDS):
                return list(self.dangers)
            case _T.grid:
                return self.grid(item, int(value))
            case _T.rows if isinstance(value, list) and value and isinstance(value[0], str):
                return [self.row(item, value[0].partition(".")[2])]
            case _T.accounts:
                count = len(value) if isinstance(value, list) else 1
                return list(self.accounts[:count])
        if value in (True, WORDS, ACCOUNT, PERSON) and item.type not in (_T.yes_no, _T.check):
            return self.some(item)
        return value

    def _asked_again(self, value: Any) -> dict[str, str]:
        """What is answered of each danger: of all, or of all but the first."""
        asked = [key for key, danger in self.protocol.dangers.items() if danger.ask_at_closing]
        said = {key: "yes" if key in self.dangers else "no" for key in asked}
        return said if value == "all" else said | dict.fromkeys(asked[:1], "unknown")

    def row(self, item: FormField, column: str) -> dict[str, Any]:
        return {one.key: self.some(one) for one in item.fields if one.required or one.key == column}

    def grid(self, item: FormField, known: int) -> dict[str, int]:
        grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
        least = max(known, 1) if item.required else known
        plain = dict.fromkeys(list(grid.items)[:least], 1)
        if self.level is None:
            return plain
        rising = (one for count in range(least, len(grid.items) + 1) for one in _rising(grid, count))
        return next((one for one in rising if score(grid, one).high_level == self.level), plain)

    def some(self, item: FormField, turn: int = 0) -> Any:
        """Any answer that the question takes."""
        if item.type in _FILLING_FIXED:
            answers = _FILLING_FIXED[item.type]
            return answers[turn % len(answers)]
        count = max(item.least or 1, 1)
        match item.type:
            case _T.text | _T.long:
                return TEXT * max(1, -(-(item.least or 1) // len(TEXT)))
            case _T.choice:
                return self.option(item, turn)
            case _T.choices:
                return [option.key for option in self.calm(item)[:count]]
            case _T.date | _T.moment:
                begin = self.references.today if item.type is _T.date else self.references.now
                return (begin + timedelta(days=7 if item.future else 0)).isoformat()
            case _T.integer | _T.scale:
                return item.least or 0
            case _T.grid:
                grid = self.protocol.grids[item.grid or next(iter(self.protocol.grids))]
                return self.grid(item, len(grid.items))
            case _T.rows:
                return [self.row(item, "") for _number in range(count)]
            case _T.accounts:
                return list(self.accounts[:count])
            case _:
                return self.pointed(item)

    def calm(self, item: FormField) -> list[Any]:
        return [option for option in item.options if not option.to_guardians] or list(item.options)

    def option(self, item: FormField, turn: int) -> str:
        if item.assessed and self.references.level is not None:
            return str(self.references.level)
        options = self.calm(item)
        return str(options[turn % len(options)].key)

    def pointed(self, item: FormField) -> Any:
        if item.type in (_T.person, _T.persons):
            return self.person(item)
        if item.type in (_T.dangers, _T.covers):
            return list(self.dangers) or [next(iter(self.protocol.dangers))]
        found = self._there(item)
        if not found:
            raise Unfillable(item.key)
        return found[0]

    def _there(self, item: FormField) -> Sequence[Any]:
        """Everything that a question of this type can point at here."""
        references = self.references
        if item.type is _T.danger and self.dangers:
            return self.dangers
        if item.type in PART_OF:
            return list(getattr(self.protocol, PART_OF[item.type]))
        match item.type:
            case _T.account:
                return self.accounts
            case _T.referral:
                states = item.only or ("open",)
                return [number for number, state in references.referrals.items() if state in states]
            case _T.hold:
                return sorted(references.holds)
            case _T.record:
                return [seq for seq, act in references.records.items() if not item.only or act in item.only][::-1]
            case _T.case:
                return sorted(references.cases)
            case _T.school:
                return sorted(references.schools) or ["01235B"]
        return ["J123456789"]

    def person(self, item: FormField) -> Any:
        slots = item.slots or tuple(self.protocol.slots)
        known = [one for one, slot in self.references.people.items() if slot in slots]
        free = [one for one in known if one not in self.references.on_hold]
        calm = [slot for slot in slots if not self.protocol.slots[slot].guardian] or list(slots)
        one: Any = free[0] if free else {"slot": calm[0], "name": "N."}
        return [one] if item.type is _T.persons else one


def _rising(grid: Grid, count: int) -> Iterator[dict[str, int]]:
    """Answers to so many items of a grid, one point more each time."""
    scores = dict.fromkeys(list(grid.items)[:count], 0)
    yield dict(scores)
    for key in scores:
        for anchor in range(1, len(grid.items[key].anchors)):
            scores[key] = anchor
            yield dict(scores)


def _typed(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as the form reads them: a yes is a truth."""
    truths = {item.key for item in form.fields if item.type in (_T.yes_no, _T.check)}
    return {key: value in (True, "yes", "on") if key in truths else value for key, value in answers.items()}
