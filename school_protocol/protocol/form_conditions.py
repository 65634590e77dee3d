"""The condition under which a question is asked, in words: “Only if “Kind” is: Money.”"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from babel.lists import format_list

from school_protocol.engine.conditions import Condition
from school_protocol.engine.definition import Protocol
from school_protocol.engine.form_model import Form, FormField
from school_protocol.language import Wording


def in_words(condition: Condition, protocol: Protocol, form: Form, w: Wording) -> str:
    """The condition as a sentence, over the questions of `form` and the answers that they offer."""
    return w._("Only if %(condition)s", condition=_Speaker(protocol, form, w).say(condition.tree))


class _Speaker:
    def __init__(self, protocol: Protocol, form: Form, w: Wording) -> None:
        self.protocol = protocol
        self.form = form
        self.w = w

    def say(self, node: ast.AST) -> str:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return self.w.listed(self.say(part) for part in parts)
            case ast.BoolOp(values=parts):
                return self._or(self.say(part) for part in parts)
            case ast.UnaryOp(operand=ast.Name(id=name)):
                return self._is(name, self.w._("No"))
            case ast.UnaryOp(operand=inner):
                return self.w._("it is not so that %(condition)s", condition=self.say(inner))
            case ast.Name(id=name):
                return self._is(name, self.w._("Yes"))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
        return self.w._("your other answers ask for it")

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
            words = _INCLUDES if isinstance(op, ast.In) else _LACKS
            return words(self.w, self._question(right.id), self._answer(right.id, left.value))
        if not isinstance(left, ast.Name):
            return self.w._("your other answers ask for it")
        values = [entry.value for entry in ast.walk(right) if isinstance(entry, ast.Constant)]
        answers = self._or(self._answer(left.id, value) for value in values)
        speak = _COMPARISONS.get(type(op))
        if speak is None:
            return self.w._("your other answers ask for it")
        return speak(self.w, self._question(left.id), answers)

    def _is(self, name: str, answer: str) -> str:
        return _COMPARISONS[ast.Eq](self.w, self._question(name), answer)

    def _or(self, parts: Iterable[str]) -> str:
        return format_list(list(parts), style="or", locale=self.w.locale)

    def _question(self, name: str) -> str:
        found = self.form.by_key.get(name)
        return self.w.text(found.label) if found else name

    def _answer(self, name: str, value: Any) -> str:
        found: FormField | None = self.form.by_key.get(name)
        if found is None:
            return str(value)
        said = self.w.answer(self.protocol, found, value if not _is_many(found, value) else [value], {})
        return said or str(value)


def _is_many(item: FormField, value: Any) -> bool:
    return isinstance(value, str) and item.type.value in ("choices", "dangers", "covers", "accounts", "persons")


_Sentence = Callable[[Wording, str, str], str]
_INCLUDES: _Sentence = lambda w, q, a: w._("“%(question)s” includes: %(answer)s", question=q, answer=a)  # noqa: E731
_LACKS: _Sentence = lambda w, q, a: w._("“%(question)s” does not include: %(answer)s", question=q, answer=a)  # noqa: E731
_COMPARISONS: dict[type[ast.cmpop], _Sentence] = {
    ast.Eq: lambda w, q, a: w._("“%(question)s” is: %(answer)s", question=q, answer=a),
    ast.NotEq: lambda w, q, a: w._("“%(question)s” is not: %(answer)s", question=q, answer=a),
    ast.In: lambda w, q, a: w._("“%(question)s” is: %(answer)s", question=q, answer=a),
    ast.NotIn: lambda w, q, a: w._("“%(question)s” is not: %(answer)s", question=q, answer=a),
    ast.Lt: lambda w, q, a: w._("“%(question)s” is less than %(answer)s", question=q, answer=a),
    ast.LtE: lambda w, q, a: w._("“%(question)s” is at most %(answer)s", question=q, answer=a),
    ast.Gt: lambda w, q, a: w._("“%(question)s” is more than %(answer)s", question=q, answer=a),
    ast.GtE: lambda w, q, a: w._("“%(question)s” is at least %(answer)s", question=q, answer=a),
}
