"""Questions that hang on another answer are folded away until it is given: conditions of a definition as a style sheet.

No script: `:has()` reads what is chosen. A browser that doesn't know it shows everything, each question with the words
of its condition. What holds an answer, or a problem, is never folded away.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence

from school_protocol.domain.conditions import Condition
from school_protocol.domain.forms import FieldType, Form
from school_protocol.domain.protocol import Protocol

PREFIXES = ("a-", "c-")
_CHOSEN = frozenset(
    {FieldType.choice, FieldType.choices, FieldType.yes_no, FieldType.tri, FieldType.check, FieldType.dangers}
)
_FILLED = (
    ".bad,[type=radio]:checked:not([value='']),[type=checkbox]:checked,"
    "input:not([type]):not(:placeholder-shown),textarea:not(:placeholder-shown),"
    "select:not([name*='-new-']) option:checked:not([value=''])"
)


def fold_name(form: Form, condition: Condition, prefix: str = "a-") -> str:
    """The class of what is asked under that condition of that form."""
    return f"if-{prefix}{hashlib.sha256(f'{form.key}|{condition.source}'.encode()).hexdigest()[:8]}"


def style_of(protocol: Protocol) -> str:
    """The style sheet of a definition: one rule a condition that answers of the same form decide."""
    rules = "".join(rule for form in protocol.forms.values() for rule in _rules(form))
    return f"@supports selector(:has(a)){{{rules}}}" if rules else ""


def _rules(form: Form) -> Iterator[str]:
    for condition in dict.fromkeys(item.when for item in form.fields if item.when is not None):
        for prefix in PREFIXES:
            met = _Selector(form, prefix).true(condition.tree)
            if met is not None:
                yield f"form:not({met}) .{fold_name(form, condition, prefix)}:not(:has({_FILLED})){{display:none}}"


class _Selector:
    """Selectors that a form matches when a condition is surely true, or surely false; None where answers can't say."""

    def __init__(self, form: Form, prefix: str) -> None:
        self.form = form
        self.prefix = prefix

    def true(self, node: ast.AST) -> str | None:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return _all(self.true(part) for part in parts)
            case ast.BoolOp(values=parts):
                return _any(self.true(part) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self.false(inner)
            case ast.Name(id=name):
                return self._several(name) or self._answered(name, ["yes"])
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
        return None

    def false(self, node: ast.AST) -> str | None:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return _any(self.false(part) for part in parts)
            case ast.BoolOp(values=parts):
                return _all(self.false(part) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self.true(inner)
            case ast.Name(id=name):
                several = self._several(name)
                return f":not({several})" if several else self._answered(name, ["yes"], not_these=True)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPPOSITE:
                return self._compared(left, _OPPOSITE[type(op)](), right)
        return None

    def _several(self, name: str) -> str | None:
        """That a question with several answers has one."""
        item = self.form.by_key.get(name)
        if item is None or item.type not in (FieldType.choices, FieldType.dangers):
            return None
        return f":has([name='{self.prefix}{name}']:checked)"

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str | None:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):  # one of several answers
            return self._answered(right.id, [left.value], lacking=isinstance(op, ast.NotIn))
        if not isinstance(left, ast.Name) or not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return None
        values = [part.value for part in ast.walk(right) if isinstance(part, ast.Constant)]
        return self._answered(left.id, values, not_these=isinstance(op, ast.NotEq | ast.NotIn))

    def _answered(
        self, name: str, values: Sequence[object], *, not_these: bool = False, lacking: bool = False
    ) -> str | None:
        item = self.form.by_key.get(name)
        if item is None or item.type not in _CHOSEN or not all(isinstance(one, str | bool) for one in values):
            return None
        said = [{True: "yes", False: "no"}.get(one, one) if isinstance(one, bool) else one for one in values]
        named, which = f"[name='{self.prefix}{name}']", ",".join(f"[value='{one}']" for one in said)
        if (item.type is FieldType.check and not_these) or lacking:
            return f":not(:has({named}:checked:is({which})))"
        if not_these:
            return f":has(:is({named},{named} option):checked:not({which},[value='']))"
        return f":has(:is({named},{named} option):checked:is({which}))"


def _all(parts: Iterable[str | None]) -> str | None:
    """Every part that can be told: with one of them false, the whole is not true."""
    return "".join(part for part in parts if part is not None) or None


def _any(parts: Iterable[str | None]) -> str | None:
    found = list(parts)
    return None if None in found else f":is({','.join(part for part in found if part is not None)})"


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
