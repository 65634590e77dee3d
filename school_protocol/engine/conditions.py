"""The closed language of conditions: names, constants, comparisons, `in`, `and`, `or`, `not`; no call, no attribute.

A name alone is a yes; of several answers, that there is one.

One parse serves the type check at load, the engine and the proof. Values not recorded are `None`; the logic has three
values, so a condition over something not recorded is never silently false: it is undecided, and `unknown` says why.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from school_protocol.engine.texts import N_, Listing, Phrase, Words, recognised

Value = bool | int | str | tuple[str, ...] | None
Truth = bool | None
Values = Mapping[str, Value]
_Eval = Callable[[Values], Truth]


LONGEST = 2000
"""Characters: what nobody could read in one go is not a condition."""


TOO_DEEP = N_("a condition is nested too deep")
UNKNOWN_NAME = N_("unknown name `%(name)s`")


class ConditionError(ValueError):
    """A condition is not in the language; `phrase` says why, in any language."""

    def __init__(self, text: str, /, **args: Words) -> None:
        self.phrase = Phrase(text, **args)
        super().__init__(self.phrase)


@dataclass(frozen=True, slots=True)
class NameType:
    """What a name may be: `kind` is bool, int, enum or multi; enums and multis list their values."""

    kind: str
    values: tuple[str, ...] = ()


_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}


class Condition:
    """A parsed condition. Equal when written alike; `source` is what was written."""

    __slots__ = ("_run", "names", "source", "tree")

    def __init__(self, source: str) -> None:
        self.source = source
        if len(source) > LONGEST:
            raise ConditionError(
                N_("a condition has at most %(most)s characters, this one %(found)s"), most=LONGEST, found=len(source)
            )
        try:
            tree = _parsed(source)
            _allow(tree, source)
            self._run = _compile(tree)
        except (RecursionError, MemoryError):
            raise ConditionError(TOO_DEEP) from None
        except SyntaxError as error:
            raise ConditionError(
                N_("condition %(condition)s cannot be read: %(why)s"), condition=repr(source), why=_misread(error)
            ) from None
        self.tree = tree
        self.names: frozenset[str] = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))

    def __repr__(self) -> str:
        return f"Condition({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def truth(self, values: Values) -> Truth:
        """True, False, or None where it hangs on something not recorded."""
        return self._run(values)

    def holds(self, values: Values) -> bool:
        """Whether it is surely true."""
        return self._run(values) is True

    def unknown(self, values: Values) -> tuple[str, ...]:
        """The names that keep it undecided, in the order of their writing."""
        if self._run(values) is not None:
            return ()
        seen = (node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return tuple(dict.fromkeys(name for name in seen if values.get(name) is None))

    def numbers(self, name: str) -> tuple[int, ...]:
        """The whole numbers that `name` is compared with, in order: where its meaning changes."""
        found: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare):
                sides = (node.left, *node.comparators)
                if any(isinstance(side, ast.Name) and side.id == name for side in sides):
                    found |= {s.value for s in sides if isinstance(s, ast.Constant) and type(s.value) is int}
        return tuple(sorted({number + step for number in found for step in (0, 1)}))

    def faults(self, types: Mapping[str, NameType]) -> list[Phrase]:
        """Every mistake of names and types, in words."""
        faults: list[Phrase] = []
        _check_truth(self.tree, types, faults)
        return faults

    def renamed(self, names: Mapping[str, str], constants: Mapping[str, str]) -> str:
        """The same condition with other names, and other enum constants."""

        class Renamer(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.AST:
                return ast.Name(names.get(node.id, node.id), ast.Load())

            def visit_Constant(self, node: ast.Constant) -> ast.AST:
                if isinstance(node.value, str):
                    return ast.Constant(constants.get(node.value, node.value))
                return node

        return ast.unparse(Renamer().visit(_parsed(self.source)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> Condition:
            if isinstance(value, Condition):
                return value
            if not isinstance(value, str):
                raise ConditionError(N_("a condition is written as text"))
            return cls(value)

        return core_schema.no_info_plain_validator_function(read)


_ONE_AT_A_TIME = threading.Lock()
"""CPython before 3.11.8 counts the depth of all trees that threads make in one place (python/cpython#113035)."""


def _parsed(source: str) -> ast.expr:
    with _ONE_AT_A_TIME:
        return ast.parse(source.strip(), mode="eval").body


def _allow(node: ast.AST, source: str) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _allow(value, source)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _allow(operand, source)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            if isinstance(op, ast.Is | ast.IsNot):
                raise ConditionError(N_("condition %(condition)s: write ==, not `is`"), condition=repr(source))
            _allow_term(left, source, sequences=False)
            _allow_term(right, source, sequences=isinstance(op, ast.In | ast.NotIn))
        case ast.Compare():
            raise ConditionError(
                N_("condition %(condition)s: one comparison at a time; join them with `and`"), condition=repr(source)
            )
        case ast.Name() | ast.Constant(value=bool()):
            return
        case _:
            raise _not_in_language(node, source)


def _allow_term(node: ast.AST, source: str, *, sequences: bool) -> None:
    match node:
        case ast.Name() | ast.Constant(value=bool() | int() | str()):
            return
        case ast.Tuple(elts=items) | ast.List(elts=items) if sequences:
            for item in items:
                if not (isinstance(item, ast.Constant) and isinstance(item.value, int | str)):
                    raise ConditionError(
                        N_("condition %(condition)s: `in` takes a list of constants"), condition=repr(source)
                    )
        case _:
            raise _not_in_language(node, source)


def _not_in_language(node: ast.AST, source: str) -> ConditionError:
    kind = type(node).__name__
    text = _NOT_IN_LANGUAGE.get(kind)
    if text is not None:
        return ConditionError(text, condition=repr(source))
    return ConditionError(
        N_("condition %(condition)s: %(kind)s is not in the language of conditions"), condition=repr(source), kind=kind
    )


_NOT_IN_LANGUAGE: Mapping[str, str] = {
    "Call": N_("condition %(condition)s: Call is not in the language of conditions"),
    "Attribute": N_("condition %(condition)s: Attribute is not in the language of conditions"),
    "Subscript": N_("condition %(condition)s: Subscript is not in the language of conditions"),
    "BinOp": N_("condition %(condition)s: BinOp is not in the language of conditions"),
    "UnaryOp": N_("condition %(condition)s: UnaryOp is not in the language of conditions"),
    "IfExp": N_("condition %(condition)s: IfExp is not in the language of conditions"),
    "Constant": N_("condition %(condition)s: Constant is not in the language of conditions"),
    "Tuple": N_("condition %(condition)s: Tuple is not in the language of conditions"),
    "List": N_("condition %(condition)s: List is not in the language of conditions"),
    "Set": N_("condition %(condition)s: Set is not in the language of conditions"),
    "BoolOp": N_("condition %(condition)s: BoolOp is not in the language of conditions"),
    "Compare": N_("condition %(condition)s: Compare is not in the language of conditions"),
}
"""What people write in conditions, by Python's name for it; anything rarer is told by that name."""


def _misread(error: SyntaxError) -> str:
    """What Python says of a text that is no condition."""
    why = recognised(error.msg, _MISREAD)
    if error.lineno is None or error.lineno == 1:
        return why
    return Phrase(N_("%(why)s (<unknown>, line %(line)s)"), why=why, line=error.lineno)


_MISREAD = (
    N_("invalid syntax"),
    N_("invalid syntax. Perhaps you forgot a comma?"),
    N_("invalid syntax. Maybe you meant '==' or ':=' instead of '='?"),
    N_("'%(mark)s' was never closed"),
    N_("unmatched '%(mark)s'"),
    N_("closing parenthesis '%(mark)s' does not match opening parenthesis '%(opening)s'"),
    N_("unterminated string literal (detected at line %(line)s)"),
    N_("unterminated triple-quoted string literal (detected at line %(line)s)"),
    N_("invalid character '%(character)s' (%(code)s)"),
    N_("invalid decimal literal"),
    N_("leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers"),
    N_("expected 'else' after 'if' expression"),
    N_("too many nested parentheses"),
    N_("unexpected indent"),
)
"""What Python's parser says most often; anything rarer stays in its own words."""


def _compile(node: ast.AST) -> _Eval:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return _conjunction([_compile(value) for value in values])
        case ast.BoolOp(op=ast.Or(), values=values):
            return _disjunction([_compile(value) for value in values])
        case ast.UnaryOp(operand=operand):
            inner = _compile(operand)

            def negation(values: Values) -> Truth:
                truth = inner(values)
                return None if truth is None else not truth

            return negation
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _comparison(left, op, right)
        case ast.Name(id=name):

            def named(values: Values) -> Truth:
                value = values.get(name)
                return None if value is None else bool(value)

            return named
        case ast.Constant(value=value):
            fixed = bool(value)
            return lambda _values: fixed
    raise _not_in_language(node, ast.unparse(node))


def _conjunction(parts: list[_Eval]) -> _Eval:
    def run(values: Values) -> Truth:
        result: Truth = True
        for part in parts:
            truth = part(values)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return run


def _disjunction(parts: list[_Eval]) -> _Eval:
    def run(values: Values) -> Truth:
        result: Truth = False
        for part in parts:
            truth = part(values)
            if truth is True:
                return True
            if truth is None:
                result = None
        return result

    return run


def _term(node: ast.expr) -> Callable[[Values], Any]:
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: values.get(name)
    constant = _constant(node)
    return lambda _values: constant


def _constant(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(cast(ast.Constant, item).value for item in node.elts)
    return cast(ast.Constant, node).value


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Eval:
    first, second = _term(left), _term(right)
    if isinstance(op, ast.Eq | ast.NotEq):
        wanted = isinstance(op, ast.Eq)

        def same(values: Values) -> Truth:
            one, other = first(values), second(values)
            return None if one is None or other is None else (one == other) is wanted

        return same
    if isinstance(op, ast.In | ast.NotIn):
        inside = isinstance(op, ast.In)

        def member(values: Values) -> Truth:
            one, many = first(values), second(values)
            return None if one is None or many is None else (one in many) is inside

        return member
    order = _ORDER[type(op)]

    def ordered(values: Values) -> Truth:
        one, other = first(values), second(values)
        return None if one is None or other is None else order(one, other)

    return ordered


def _check_truth(node: ast.AST, types: Mapping[str, NameType], faults: list[Phrase]) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _check_truth(value, types, faults)
        case ast.UnaryOp(operand=operand):
            _check_truth(operand, types, faults)
        case ast.Name(id=name):
            found = _type_of(node, types, faults)
            if found is not None and found.kind not in ("bool", "multi"):
                faults.append(
                    Phrase(
                        N_("`%(name)s` is %(kind)s, not bool: compare it with something"), name=name, kind=found.kind
                    )
                )
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            _check_comparison(left, op, right, types, faults)


def _check_comparison(
    left: ast.expr, op: ast.cmpop, right: ast.expr, types: Mapping[str, NameType], faults: list[Phrase]
) -> None:
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Name):
        found = _type_of(right, types, faults)
        if found is not None and found.kind != "multi":
            faults.append(
                Phrase(
                    N_("`%(name)s` is %(kind)s: `in` needs a list or several answers"), name=right.id, kind=found.kind
                )
            )
        elif found is not None:
            _check_constants([left], found, right.id, faults)
        return
    for name, other in ((left, right), (right, left)):
        if not isinstance(name, ast.Name):
            continue
        found = _type_of(name, types, faults)
        if found is None:
            continue
        if found.kind == "multi":
            faults.append(Phrase(N_("`%(name)s` holds several answers: write 'answer' in %(name)s"), name=name.id))
        elif type(op) in _ORDER and found.kind != "int":
            faults.append(
                Phrase(N_("`%(name)s` is %(kind)s: only whole numbers have an order"), name=name.id, kind=found.kind)
            )
        else:
            items = list(other.elts) if isinstance(other, ast.Tuple | ast.List) else [other]
            _check_constants(items, found, name.id, faults)


def _check_constants(items: Iterable[ast.expr], found: NameType, name: str, faults: list[Phrase]) -> None:
    for item in items:
        if isinstance(item, ast.Constant):
            text = _misfit(found, item.value)
            if text is not None:
                value, values = repr(item.value), Listing(found.values)
                faults.append(Phrase(text, name=name, kind=found.kind, value=value, values=values))


def _misfit(found: NameType, value: object) -> str | None:
    """What is wrong with comparing something of this type with that constant."""
    if found.kind == "int" and (isinstance(value, bool) or not isinstance(value, int)):
        return N_("`%(name)s` is int: %(value)s is not a whole number")
    if found.kind == "bool" and not isinstance(value, bool):
        return N_("`%(name)s` is bool: %(value)s is neither True nor False")
    if found.kind in ("enum", "multi"):
        if not isinstance(value, str):
            return N_("`%(name)s` is %(kind)s: %(value)s is not one of its values")
        if found.values and value not in found.values:
            return N_("`%(name)s` has no value %(value)s (it has %(values)s)")
    return None


def _type_of(node: ast.Name, types: Mapping[str, NameType], faults: list[Phrase]) -> NameType | None:
    found = types.get(node.id)
    if found is None:
        faults.append(Phrase(UNKNOWN_NAME, name=node.id))
    return found
