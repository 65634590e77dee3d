"""What a scenario watches for, in words: its conditions over what a table did, and how long something lasts."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from datetime import timedelta

from babel.lists import format_list

from school_protocol.documents.evidence_said import refusal_said
from school_protocol.domain.conditions import Condition
from school_protocol.domain.evidence import Refusal
from school_protocol.domain.forms import Form
from school_protocol.domain.protocol import Fact, Protocol
from school_protocol.domain.scenario import ATTACH, Scenario, Sign, duration
from school_protocol.wording import N_, Wording


def lasting(w: Wording, written: str) -> str:
    """`1d4h` as one says it: 1 day and 4 hours."""
    minutes = int((duration(written) or timedelta()).total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = (
        w.ngettext("%(num)d day", "%(num)d days", days) if days else "",
        w.ngettext("%(num)d hour", "%(num)d hours", hours) if hours else "",
        w.ngettext("%(num)d minute", "%(num)d minutes", rest) if rest or not minutes else "",
    )
    return w.listed(one for one in said if one)


_ADDED = {
    "judicial": N_("the service is one of justice"),
    "external": N_("the service is outside the school"),
    "on_danger": N_("it is about a danger"),
    "about_self": N_("it is about whoever writes it"),
}
"""What conditions over answers may read besides the questions of a form; the role in which it was done is the other."""


class Conditions:
    """Says conditions of one scenario on its protocol."""

    def __init__(self, scenario: Scenario, protocol: Protocol, w: Wording) -> None:
        self.scenario, self.protocol, self.w = scenario, protocol, w

    def say(self, condition: Condition) -> str:
        """A condition over signs and facts."""
        return _Speaker(self.w, self._named, self._answered).say(condition.tree)

    def named(self, key: str) -> str:
        """An act or a move, in the definition's words."""
        if key == ATTACH:
            return self.w._("putting a file to a piece of evidence")
        found = self.protocol.acts.get(key) or self.protocol.moves[key]
        return self.w.text(found.title)

    # ---- names ---------------------------------------------------------------------------------------------------

    def _named(self, name: str) -> tuple[str, bool]:
        """What a name stands for, and whether that is a whole sentence."""
        sign = self.scenario.signs.get(name)
        if sign is not None:
            return self._sign(sign), True
        return self.w.text(self.protocol.facts[name].label), False

    def _sign(self, sign: Sign) -> str:
        said = self._seen(sign)
        if sign.times > 1:
            return self.w._("%(what)s, %(times)s times at least", what=said, times=sign.times)
        return said

    def _seen(self, sign: Sign) -> str:
        w, protocol = self.w, self.protocol
        if sign.act is not None:
            said = w._("“%(name)s” is recorded", name=self.named(sign.act))
            if sign.where is None:
                return said
            return w._("%(what)s, and %(condition)s", what=said, condition=self._where(sign.act, sign.where))
        if sign.move is not None:
            return w._("the step “%(name)s” is taken", name=self.named(sign.move))
        if sign.danger is not None:
            return w._("the danger “%(name)s” is raised", name=w.text(protocol.dangers[sign.danger].title))
        if sign.missed is not None:
            found = protocol.deadlines.get(sign.missed) or protocol.duties[sign.missed]
            return w._("the time for “%(name)s” runs out", name=w.text(found.title))
        return self._refused(sign)

    def _refused(self, sign: Sign) -> str:
        w, name = self.w, self.named(sign.refused or "")
        if sign.need is None:
            return w._("“%(name)s” is tried, and refused", name=name)
        why = w.text(self.protocol.needs[sign.need].sentence) if sign.refused != ATTACH else self._file(sign.need)
        return w._("“%(name)s” is tried, and refused (%(why)s)", name=name, why=why.rstrip("."))

    def _file(self, code: str) -> str:
        return refusal_said(self.w, Refusal(code))

    def _where(self, act: str, condition: Condition) -> str:
        form = self.protocol.form_of(act)

        def named(name: str) -> tuple[str, bool]:
            found = form.by_key.get(name)
            if found is not None:
                return self.w.text(found.label), False
            return self.w._(_ADDED.get(name, "Role")), name in _ADDED

        return _Speaker(self.w, named, lambda name, value: self._option(form, name, value)).say(condition.tree)

    # ---- answers -------------------------------------------------------------------------------------------------

    def _option(self, form: Form, name: str, value: object) -> str:
        found = form.by_key.get(name)
        if found is None:
            return self.w.role(self.protocol, str(value))
        many = found.type.value in ("choices", "dangers", "covers")
        return self.w.answer(self.protocol, found, [value] if many else value, {}) or str(value)

    def _answered(self, name: str, value: object) -> str:
        """A value of a fact, as the question says it from which the fact is read."""
        fact: Fact | None = self.protocol.facts.get(name)
        for source in fact.from_ if fact is not None else ():
            if source.act is not None and source.field is not None:
                form = self.protocol.form_of(source.act)
                options = form.by_key[source.field].options if source.field in form.by_key else ()
                if any(option.key == value for option in options):
                    return self._option(form, source.field, value)
        return self.w.yes_no(value) if isinstance(value, bool) or value in ("yes", "no", "unknown") else str(value)


class _Speaker:
    """Walks a condition; `named` and `answered` say what its names and constants stand for."""

    def __init__(
        self, w: Wording, named: Callable[[str], tuple[str, bool]], answered: Callable[[str, object], str]
    ) -> None:
        self.w, self.named, self.answered = w, named, answered

    def say(self, node: ast.AST) -> str:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return self.w.listed(self._within(part, ast.Or) for part in parts)
            case ast.BoolOp(values=parts):
                return self._or(self.say(part) for part in parts)
            case ast.UnaryOp(operand=ast.Name(id=name)):
                said, is_whole = self.named(name)
                return self._not(said) if is_whole else self._is(said, self.w.yes_no(False))
            case ast.UnaryOp(operand=inner):
                return self._not(self.say(inner))
            case ast.Name(id=name):
                said, is_whole = self.named(name)
                return said if is_whole else self._is(said, self.w.yes_no(True))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
        return ast.unparse(node)

    def _within(self, node: ast.AST, apart: type[ast.boolop]) -> str:
        said = self.say(node)
        return f"({said})" if isinstance(node, ast.BoolOp) and isinstance(node.op, apart) else said

    def _compared(self, left: ast.AST, op: ast.cmpop, right: ast.AST) -> str:
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
            question, answer = self.named(right.id)[0], self.answered(right.id, left.value)
            if isinstance(op, ast.In):
                return self.w._("“%(question)s” includes: %(answer)s", question=question, answer=answer)
            return self.w._("“%(question)s” does not include: %(answer)s", question=question, answer=answer)
        if isinstance(left, ast.Name) and type(op) in _COMPARED:
            values = [entry.value for entry in ast.walk(right) if isinstance(entry, ast.Constant)]
            answer = self._or(self.answered(left.id, value) for value in values)
            return self.w._(_COMPARED[type(op)], question=self.named(left.id)[0], answer=answer)
        return f"{self.say(left)} {ast.unparse(right)}"

    def _is(self, question: str, answer: str) -> str:
        return self.w._(_COMPARED[ast.Eq], question=question, answer=answer)

    def _not(self, said: str) -> str:
        return self.w._("it is not so that %(condition)s", condition=said)

    def _or(self, parts: Iterable[str]) -> str:
        return str(format_list(list(parts), style="or", locale=self.w.locale))


_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "“%(question)s” is: %(answer)s",
    ast.NotEq: "“%(question)s” is not: %(answer)s",
    ast.In: "“%(question)s” is: %(answer)s",
    ast.NotIn: "“%(question)s” is not: %(answer)s",
    ast.Lt: "“%(question)s” is less than %(answer)s",
    ast.LtE: "“%(question)s” is at most %(answer)s",
    ast.Gt: "“%(question)s” is more than %(answer)s",
    ast.GtE: "“%(question)s” is at least %(answer)s",
}
