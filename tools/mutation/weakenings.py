"""Single weakenings: one restriction in the code that decides who reads what is taken out, so that somebody reads more.

Only what loosens is made: a guard that never stops, a condition that a filter asks no longer, a mask that hands back
what it was given, a bar that nobody stands behind; and only where what goes speaks of readers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from .calls import PRODUCT
from .mutants import Change, Mutant, changes

DECIDING = (
    "engine/visibility.py", "cases/loading.py", "cases/pseudonyms.py", "cases/case_reader.py",
    "cases/case_view.py", "cases/showing.py", "cases/review_lines.py", "privacy/emergency_access.py",
    "privacy/access_report.py", "privacy/evidence_files.py", "cases/sharing.py", "case_files/service.py",
    "case_files/copy_scope.py", "case_files/printing.py", "supervision/remarks.py", "privacy/evidence.py",
    "cases/lists.py", "api/service.py", "reports/public_door.py", "reports/triage.py",
    "cases/index_repository.py", "auth/permissions.py",
)  # fmt: skip
"""The modules that decide visibility, pseudonymisation and triage, and what is listed, printed, read by tokens."""
SPEAKS = re.compile(
    r"pseudonym|metadata|hidden|\bside|readers|readable|\breads|excluded|exclusion|barred|restricted|roles|role_for|mask"
    r"|signs|naming|admits|clause|is_named|is_for|scope|\bdoor\b(?!\.reviewed)|lifting|is_held|is_grave|is_personal|keeps|shows|tells_of"
    r"|unseen|typed|\bmay_(?!depart|visa|end)|oversees|is_words|identities|kept_back|authority_only|limited|\bbound|see_|seats"
    r"|case_seen|can_release|takes_two|realm|visible|SeatRow|ReaderRow|\bway\b|\bcurrent\b|known_of|\bhas\(|\bhas_"
    r"|profile|\bshut\b|to_guardians|is_good|asked_by|agreed_by"
)
"""Words of what is about a reader."""
RESTRICTS = re.compile(
    r"^_?(is_|has_)?(pseudonymised|metadata_only|metadata|hidden|restricted|excluded|bound|side_bound|limited|of_a_side"
    r"|kept_back|known_of_only|sees_pseudonyms|only_team_states|personal|unseen|grave|takes_two|knows_names|reads_names)$"
)
"""Names of what is true where somebody reads less."""
PERMITS = re.compile(
    r"^_?(may|can|reads(?!_names)|admits|shows|tells_of|keeps|answers|reaches|is_named|is_readable|is_held|is_for\w*"
    r"|has_words|has_reasons)(_|$)"
)
"""Names of functions that are true where somebody may read."""
SHUT = re.compile(r"(barred|excluded|exclusions|shut|left|without|unseen)$")
"""Names of those who may not."""
MASKS = re.compile(r"^(_?masked|with_tokens|signed|uncounted|without_words|as_metadata)$")
FORMS_MASKS = re.compile(r"^(_?masked|without_words|without_names|limited|_not_typed|_closed|_of_people_shown)$")
"""The same, of answers: they are given after their form."""
WRITES = re.compile(r"^_?(tell\w*|write\w*|to_review|surroundings|waiting_for|asked_to_answer|narrowing\w*)$")
"""Names of functions that show nothing: they tell others of a case, write of it, or narrow a list of what is seen."""
GATHERS = re.compile(r"^_?(knowing|masked|parts|barred_above|apart)$")
"""Names of functions whose filters find who is kept out: more of them are no weakening."""
OPENS = re.compile(r"^(names|door|lifting|roles)$")
"""What somebody is given of a case as it is loaded for them."""
TRUE = "not_(false())"
"""A condition of a query that everything fulfils."""
LEAST = frozenset({"()", "''", "[]", "{}", "None", "False", "set()", "frozenset()"})


def every() -> list[Mutant]:
    """All weakenings of the deciding modules, in a fixed order."""
    found = []
    for file in DECIDING:
        source = (Path(PRODUCT) / file).read_text()
        found += [replace(one, file=file) for one, _at in changes(source, weakened)]
    return found


def weakened(function: str, node: ast.AST) -> Iterator[Change]:
    """What of a node can be loosened, with what stands there then."""
    name = function.rpartition(".")[2]
    for changed, gone, after in () if WRITES.match(name) else _loosened(name, node):
        if SPEAKS.search(ast.unparse(gone)):
            yield changed, after


Loosened = tuple[ast.AST, ast.AST, str]
"""The node that changes, what is taken out of it, and what stands there then."""
Variant = tuple[ast.expr, ast.expr]
"""A condition, loosened, and what was taken out of it."""


def _loosened(name: str, node: ast.AST) -> Iterator[Loosened]:
    yield from _of_tests(name, node)
    yield from _of_masks(node)
    yield from _of_queries(node)


def _of_tests(name: str, node: ast.AST) -> Iterator[Loosened]:
    """Guards, answers to whether somebody may, alternatives, filters."""
    match node:
        case ast.If():
            yield from _of_guards(name, node)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            if PERMITS.match(name):
                yield from _said(value, _more(value))
            elif RESTRICTS.match(name):
                yield from _said(value, _less(value))
        case ast.IfExp(test=test, body=body, orelse=other):
            is_bar = isinstance(test, ast.Attribute) and RESTRICTS.match(test.attr)
            if _is_less(body, other) or (is_bar and not _is_less(other, body)):
                yield from _said(test, _less(test))
            elif _is_less(other, body):
                yield from _said(test, _more(test))
        case ast.comprehension(ifs=ifs) if not GATHERS.match(name):
            for one in ifs:
                yield from _said(one, _more(one))


def _of_guards(name: str, node: ast.If) -> Iterator[Loosened]:
    test = node.test
    match node.body:
        case [*_, ast.Raise() | ast.Continue() | ast.Return(value=None)]:
            yield from _said(test, _less(test))
        case [*_, ast.Return(value=ast.expr() as value)]:
            is_least = ast.unparse(value) in LEAST
            if is_least is not bool(RESTRICTS.match(name)):
                yield from _said(test, _less(test))
            elif PERMITS.match(name):
                yield from _said(test, _more(test))
        case [ast.Assign(targets=[ast.Attribute(attr=given)])] if OPENS.match(given):
            yield from _said(test, _more(test))
        case [ast.Assign(value=ast.Call() as value)] if _calls_a_mask(value):
            yield from _said(test, _less(test))
        case [ast.AugAssign(op=ast.BitOr()) | ast.Expr(value=ast.Yield())]:
            yield from _said(test, _more(test))


def _of_masks(node: ast.AST) -> Iterator[Loosened]:
    """Masks that hand back what they were given, and those who are taken out of a set."""
    match node:
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[_, answers, *_]) if (
            FORMS_MASKS.match(called)
        ):
            yield node, node, ast.unparse(answers)
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[text, *_]) if MASKS.match(called):
            yield node, node, ast.unparse(text)
        case ast.Call(func=ast.Call(func=ast.Attribute(attr="by" | "of" | "mask" | "mask_of")), args=[text]):
            yield node, ast.Name("mask"), ast.unparse(text)
        case ast.Call(func=ast.Attribute(attr="words_of"), args=[_, text]):
            yield node, ast.Name("mask"), ast.unparse(text)
        case ast.Call(func=ast.Attribute(value=scope, attr="in_school" | "of_content"), args=[]):
            yield node, node, ast.unparse(scope)
        case ast.BinOp(left=left, op=ast.Sub(), right=right) if SHUT.search(ast.unparse(right)):
            yield node, right, ast.unparse(left)


def _of_queries(node: ast.AST) -> Iterator[Loosened]:
    """Conditions that rows of the index fulfil, one fewer."""
    match node:
        case ast.Call(func=ast.Name(id="and_") | ast.Attribute(attr="where"), args=conditions):
            yield from ((one, one, TRUE) for one in conditions)
        case ast.Assign(targets=[ast.Name(id="conditions" | "narrowed")], value=ast.List(elts=conditions)):
            yield from ((one, one, TRUE) for one in conditions)
        case ast.If(test=test, body=[ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="conditions"))))]):
            yield from _said(test, _less(test))
        case ast.Return(value=ast.Compare(left=ast.Attribute()) as only) if "Row." in ast.unparse(only):
            yield only, only, TRUE
        case ast.Return(value=ast.Call(func=ast.Name(id="not_")) as only):
            yield only, only, TRUE


def _said(test: ast.expr, variants: Iterator[Variant]) -> Iterator[Loosened]:
    yield from ((test, gone, f"({ast.unparse(after)})") for after, gone in variants)


def _less(test: ast.expr) -> Iterator[Variant]:
    """What keeps somebody out: never, or for one reason fewer."""
    yield ast.Constant(False), test
    yield from _parts(test, ast.Or, _less, _more)


def _more(test: ast.expr) -> Iterator[Variant]:
    """What lets somebody in: always, or asking one thing fewer."""
    yield ast.Constant(True), test
    yield from _parts(test, ast.And, _more, _less)


def _parts(
    test: ast.expr,
    joined: type[ast.boolop],
    loosen: Callable[[ast.expr], Iterator[Variant]],
    other: Callable[[ast.expr], Iterator[Variant]],
) -> Iterator[Variant]:
    match test:
        case ast.BoolOp(op=op, values=values):
            for place, one in enumerate(values):
                rest = [*values[:place], *values[place + 1 :]]
                if isinstance(op, joined):
                    yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest), one
                for after, gone in loosen(one):
                    if not isinstance(after, ast.Constant):
                        yield ast.BoolOp(op, [*values[:place], after, *values[place + 1 :]]), gone
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            for after, gone in other(operand):
                if not isinstance(after, ast.Constant):
                    yield ast.UnaryOp(ast.Not(), after), gone


def _is_less(one: ast.expr, other: ast.expr) -> bool:
    """Whether the one is nothing, or the other with something taken out of it."""
    if ast.unparse(one) in LEAST:
        return True
    return _calls_a_mask(one) and ast.unparse(other) in ast.unparse(one)


def _calls_a_mask(one: ast.expr) -> bool:
    called = {ast.unparse(part.func).rpartition(".")[2] for part in ast.walk(one) if isinstance(part, ast.Call)}
    return any(MASKS.match(name) or FORMS_MASKS.match(name) for name in called)
