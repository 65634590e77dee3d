"""Mutants of product code: one expression or statement of one function changed, drawn with a seed."""

from __future__ import annotations

import ast
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .calls import PRODUCT

OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv,
}  # fmt: skip
NOT_MUTATED = ("storage/migrations/",)
"""Files that run once and never again; their data tests are of their own kind."""

Change = tuple[ast.AST, str]
"""A node, and what stands in its place."""
Made = Callable[[str, ast.AST], Iterator[Change]]
"""What can be changed of a node, in the function of that name."""


@dataclass(frozen=True)
class Mutant:
    """`before`, as it stands for the `nth` time in that function of that file, replaced by `after`."""

    file: str
    function: str
    nth: int
    before: str
    after: str

    @property
    def id(self) -> str:
        return f"{self.file}:{self.function}#{self.nth} {self.before!r} → {self.after!r}"

    def applied(self, source: str, made: Made | None = None) -> str:
        """That file with the change. Raises LookupError where the function no longer holds it."""
        for one, (begin, end) in changes(source, made or _mutated):
            if (one.function, one.nth, one.before, one.after) == (self.function, self.nth, self.before, self.after):
                return source[:begin] + self.after + source[end:]
        raise LookupError(f"no longer there: {self.id}")

    def as_data(self) -> dict[str, object]:
        return asdict(self)


def draw(count: int, seed: int, but: frozenset[Mutant] = frozenset()) -> list[Mutant]:
    """That many mutants: each top-level package by its lines, within it whatever can change is as likely."""
    rng = random.Random(seed)
    pools: dict[str, list[Mutant]] = {}
    for path in sorted(Path(PRODUCT).rglob("*.py")):
        file = str(path.relative_to(PRODUCT))
        if not file.startswith(NOT_MUTATED):
            found = [replace(one, file=file) for one, _at in changes(path.read_text(), _mutated)]
            pools.setdefault(file.split("/")[0], []).extend(sorted({*found} - but, key=lambda one: one.id))
    lines = {name: _lines_of(name) for name in pools}
    drawn: list[Mutant] = []
    while len(drawn) < count and any(pools.values()):
        pool = pools[rng.choices(list(lines), list(lines.values()))[0]]
        if pool:
            drawn.append(pool.pop(rng.randrange(len(pool))))
    return drawn


def _lines_of(name: str) -> int:
    place = Path(PRODUCT) / name
    return sum(len(path.read_text().splitlines()) for path in ([place] if place.is_file() else place.rglob("*.py")))


def changes(source: str, made: Made) -> Iterator[tuple[Mutant, tuple[int, int]]]:
    """Every change that is made of a source, with where its text begins and ends; the file is left open."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    text = source.encode()

    def place(node: ast.AST) -> tuple[int, int]:
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        return len(text[:begin].decode()), len(text[:end].decode())

    for name, function in _functions(tree):
        seen: Counter[tuple[str, str]] = Counter()
        for node, after in _within(function, name, made):
            begin, end = place(node)
            before = source[begin:end]
            if before != after:
                seen[before, after] += 1
                yield Mutant("", name, seen[before, after], before, after), (begin, end)


def _functions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{above}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{above}{node.name}.")


def _within(function: ast.FunctionDef, name: str, made: Made) -> Iterator[Change]:
    """What of a function's body can change, with what stands there then; nothing inside annotations and f-strings."""
    waiting: list[ast.AST] = [*reversed(function.body)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.Assert):
            continue
        yield from made(name, node)
        waiting += reversed([*ast.iter_child_nodes(node)])


def _mutated(_function: str, node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right) if type(op) in OPPOSITE:
            yield node, f"({ast.unparse(ast.Compare(left, [OPPOSITE[type(op)]()], right))})"
        case ast.BoolOp(op=op, values=values):
            yield node, f"({ast.unparse(ast.BoolOp(OPPOSITE[type(op)](), values))})"
        case ast.BinOp(left=left, op=op, right=end) if type(op) in OPPOSITE and not (_is_text(left) or _is_text(end)):
            yield node, f"({ast.unparse(ast.BinOp(left, OPPOSITE[type(op)](), end))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, f"bool({ast.unparse(operand)})"
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value)):
            yield node, str(value + 1)
        case ast.IfExp(test=test, body=body, orelse=other):
            yield node, f"({ast.unparse(ast.IfExp(test, other, body))})"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "return None"
        case ast.Expr(value=ast.Call()):
            yield node, "pass"
        case _:
            return


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
