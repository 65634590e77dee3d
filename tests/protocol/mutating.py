"""Mutants of a definition as it is written: one need, role, trigger, deadline, signature or move is gone, or weaker.

And rewritings that change nothing of what it means. Both are what the proof is tested with.
"""

from __future__ import annotations

import ast
import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from engine.renaming import Renamed

from protocol.editing import shuffled

Tree = dict[str, Any]
EDITED = frozenset(
    {"acts", "moves", "facts", "needs", "deadlines", "duties", "seats", "roles", "dangers", "documents"}
)  # fmt: skip
"""The parts that mutants touch; the others are shared between them."""


@dataclass(frozen=True)
class Mutant:
    """One edit of a definition. `about`: the parts that it touches, as (part, key)."""

    kind: str
    name: str
    about: tuple[tuple[str, str], ...]
    edit: Callable[[Tree], None]

    def of(self, data: Tree) -> Tree:
        """The edited definition."""
        new = {part: copy.deepcopy(body) if part in EDITED else body for part, body in data.items()}
        self.edit(new)
        return new


def listed(value: Any) -> list[Any]:
    """One item may stand alone where a list is asked."""
    return [] if value is None else value if isinstance(value, list) else [value]


def mutants(data: Tree) -> Iterator[Mutant]:
    """Every mutant of a definition, in the order of its file."""
    yield from _of_acts(data)
    yield from _of_moves(data)
    yield from _of_facts(data)
    yield from _of_needs(data)
    yield from _of_deadlines(data)
    yield from _of_people(data)


# ---- edits -----------------------------------------------------------------------------------------------------------


def _holder(data: Tree, place: tuple[str | int, ...]) -> Any:
    found: Any = data
    for step in place:
        found = found[step]
    return found


def _dropped(*place: str | int) -> Callable[[Tree], None]:
    """Without what stands there."""

    def edit(data: Tree) -> None:
        del _holder(data, place[:-1])[place[-1]]

    return edit


def _said(value: Any, *place: str | int) -> Callable[[Tree], None]:
    """With this value there."""

    def edit(data: Tree) -> None:
        _holder(data, place[:-1])[place[-1]] = value

    return edit


def _less(item: Any, *place: str | int, all_of: list[str] | None = None) -> Callable[[Tree], None]:
    """Without one item of a list; `all_of`: what a word that stands for many stands for. An empty list stays one."""

    def edit(data: Tree) -> None:
        holder = _holder(data, place[:-1])
        items = all_of if all_of is not None else listed(holder[place[-1]])
        holder[place[-1]] = [one for one in items if one != item]

    return edit


def _without(key: str, *places: tuple[str, str]) -> Callable[[Tree], None]:
    """Without a name in lists of other parts; a list that held nothing else is gone."""

    def edit(data: Tree) -> None:
        for part, name in places:
            for body in (data.get(part) or {}).values():
                kept = [one for one in listed(body.get(name)) if one not in (key, {"move": key})]
                if name in body and kept != listed(body[name]):
                    body[name] = kept
                    if not kept:
                        del body[name]

    return edit


def _both(*edits: Callable[[Tree], None]) -> Callable[[Tree], None]:
    def edit(data: Tree) -> None:
        for one in edits:
            one(data)

    return edit


# ---- acts ------------------------------------------------------------------------------------------------------------


def _of_acts(data: Tree) -> Iterator[Mutant]:
    for key, act in data["acts"].items():
        about = (("acts", key),)
        for need in listed(act.get("needs")):
            yield Mutant(
                "act need",
                f"acts.{key}: need {need} gone",
                (*about, ("needs", need)),
                _less(need, "acts", key, "needs"),
            )
        for number, rule in enumerate(act.get("needs_when", ())):
            for need in listed(rule["needs"]):
                yield Mutant(
                    "act need", f"acts.{key}: need {need} gone where {rule['when']}", (*about, ("needs", need)),
                    _dropped("acts", key, "needs_when", number),
                )  # fmt: skip
        yield from _of_who(data, "acts", key, about)
        signatures = int(act.get("signatures", 0))
        if signatures:
            yield Mutant(
                "signature", f"acts.{key}: signatures {signatures} → {signatures - 1}", about,
                _said(str(signatures - 1), "acts", key, "signatures") if signatures > 1
                else _both(_dropped("acts", key, "signatures"), _quietly("acts", key, "signed_by")),
            )  # fmt: skip
        if "effect_when" in act:
            yield Mutant("effect", f"acts.{key}: takes effect always", about, _dropped("acts", key, "effect_when"))
        if "moves" in act:
            yield Mutant("trigger", f"acts.{key}: makes no move", about, _dropped("acts", key, "moves"))
        yield from _of_openings(data, key, act)


def _quietly(*place: str | int) -> Callable[[Tree], None]:
    def edit(data: Tree) -> None:
        _holder(data, place[:-1]).pop(place[-1], None)

    return edit


def _of_openings(data: Tree, key: str, act: Tree) -> Iterator[Mutant]:
    """Without one state in which it is open; where it is open everywhere, what must be is watched state by state."""
    states = data["states"]
    many = {"open": [one for one in states if "ended" not in states[one]], "any": list(states)}
    written = listed(act["in"])
    meant = [state for one in written for state in many.get(one, [one])]
    promised = {one["always_possible"] for one in (data.get("properties") or {}).values() if "always_possible" in one}
    raises = act.get("kind") == "raise_danger"
    if meant != written and not raises and key not in promised:
        return
    for state in meant:
        kind = "trigger" if raises or state == "START" else "opening"
        yield Mutant(
            kind, f"acts.{key}: not open in {state}", (("acts", key), ("states", state)),
            _less(state, "acts", key, "in", all_of=meant),
        )  # fmt: skip


def _of_who(data: Tree, part: str, key: str, about: tuple[tuple[str, str], ...]) -> Iterator[Mutant]:
    for name, does in (("by", "not by"), ("signed_by", "not signed by")):
        written = listed(data[part][key].get(name))
        meant = list(data["roles"]) if written == ["everyone"] else written
        for role in meant:
            yield Mutant(
                "role", f"{part}.{key}: {does} {role}", (*about, ("roles", role)),
                _less(role, part, key, name, all_of=meant),
            )  # fmt: skip


# ---- moves -----------------------------------------------------------------------------------------------------------


def _of_moves(data: Tree) -> Iterator[Mutant]:
    for key, move in data["moves"].items():
        about = (("moves", key),)
        for need in listed(move.get("needs")):
            yield Mutant(
                "need", f"moves.{key}: need {need} gone", (*about, ("needs", need)), _less(need, "moves", key, "needs")
            )
        yield from _of_who(data, "moves", key, about)
        for number, group in enumerate(move.get("distinct", ())):
            yield Mutant(
                "signature", f"moves.{key}: {', '.join(group)} need not differ", about,
                _dropped("moves", key, "distinct", number),
            )  # fmt: skip
        if "distinct" in move and len(move["distinct"]) > 1:
            yield Mutant("signature", f"moves.{key}: nobody need differ", about, _dropped("moves", key, "distinct"))
        for carried in listed(move.get("carries")):
            yield Mutant("move", f"moves.{key}: carries no {carried}", about, _less(carried, "moves", key, "carries"))
        for state in listed(move["from"]) if len(listed(move["from"])) > 1 else ():
            kind = "trigger" if move.get("automatic") else "move"
            yield Mutant(
                kind, f"moves.{key}: not from {state}", (*about, ("states", state)), _less(state, "moves", key, "from")
            )
        if not move.get("automatic"):
            gone = _both(
                _dropped("moves", key), _without(key, ("deadlines", "met_by"), ("duties", "after_move")),
            )  # fmt: skip
            yield Mutant("move", f"moves.{key}: gone", about, gone)
            for target in _elsewhere(data, move):
                yield Mutant(
                    "move", f"moves.{key}: leads to {target}", (*about, ("states", target)),
                    _said(target, "moves", key, "to"),
                )  # fmt: skip


def _elsewhere(data: Tree, move: Tree) -> Iterator[str]:
    """The state after its target in the file, and an end; from an end, where a case begins."""
    states = list(data["states"])
    ended = [key for key, state in data["states"].items() if "ended" in state and "successor" not in state]
    if move["to"] in states:
        after = states[(states.index(move["to"]) + 1) % len(states)]
        found = [after, *(ended[:1] if move["to"] not in ended else [])]
        yield from dict.fromkeys(state for state in found if state not in listed(move["from"]))
    else:
        yield ended[0]


# ---- facts and needs -------------------------------------------------------------------------------------------------


def _of_facts(data: Tree) -> Iterator[Mutant]:
    for key, fact in data["facts"].items():
        about = (("facts", key),)
        for number, source in enumerate(fact.get("from", ())):
            what = f"{source['act']}" + (f".{source['field']}" if "field" in source else "")
            yield Mutant("fact", f"facts.{key}: not from {what} ({number + 1})", about, _lost_source(key, number))
            if "where" in source:
                yield Mutant(
                    "fact", f"facts.{key}: from every {what} ({number + 1})", about,
                    _dropped("facts", key, "from", number, "where"),
                )  # fmt: skip
        if "since" in fact:
            yield Mutant("since", f"facts.{key}: since ever", about, _dropped("facts", key, "since"))


def _lost_source(key: str, number: int) -> Callable[[Tree], None]:
    """Without a source; a fact that has no other is what it is at first."""

    def edit(data: Tree) -> None:
        del data["facts"][key]["from"][number]

    return edit


def _of_needs(data: Tree) -> Iterator[Mutant]:
    for key, need in data["needs"].items():
        about = (("needs", key),)
        if "lock" in need:
            yield Mutant("lock", f"needs.{key}: lock gone", about, _dropped("needs", key, "lock"))
        for weaker in weakened(need["when"]):
            yield Mutant("condition", f"needs.{key}: {weaker}", about, _said(weaker, "needs", key, "when"))


def weakened(source: str) -> Iterator[str]:
    """The condition with one term less to meet, or with one bound moved by one."""
    tree = ast.parse(source, mode="eval").body
    found = dict.fromkeys(ast.unparse(one) for one in _weakened(tree, positive=True))
    yield from (one for one in found if one != ast.unparse(tree))


def _weakened(node: ast.expr, *, positive: bool) -> Iterator[ast.expr]:
    match node:
        case ast.BoolOp(op=op, values=parts):
            for place, part in enumerate(parts):
                for weaker in _weakened(part, positive=positive):
                    yield ast.BoolOp(op, [*parts[:place], weaker, *parts[place + 1 :]])
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            for weaker in _weakened(inner, positive=not positive):
                yield ast.UnaryOp(ast.Not(), weaker)
        case _:
            yield ast.Constant(positive)
            if isinstance(node, ast.Compare):
                yield from _moved_by_one(node, positive=positive)


def _moved_by_one(node: ast.Compare, *, positive: bool) -> Iterator[ast.expr]:
    """A comparison of a name with a number, its bound moved towards more cases (or fewer, under a `not`)."""
    [op], [right] = node.ops, node.comparators
    if not (isinstance(node.left, ast.Name) and isinstance(right, ast.Constant) and type(right.value) is int):
        return
    step = 1 if positive else -1
    number = right.value + (-step if isinstance(op, ast.GtE | ast.Gt) else step)
    if isinstance(op, ast.GtE | ast.Gt | ast.Lt | ast.LtE) and number > 0:
        yield ast.Compare(node.left, [op], [ast.Constant(number)])


# ---- time, people ----------------------------------------------------------------------------------------------------


def _of_deadlines(data: Tree) -> Iterator[Mutant]:
    for key, deadline in (data.get("deadlines") or {}).items():
        about = (("deadlines", key),)
        gone = _both(
            _dropped("deadlines", key), _without(key, ("moves", "meets"), ("duties", "deadlines")), _unchecked(key)
        )
        yield Mutant("deadline", f"deadlines.{key}: gone", about, gone)
        starts = deadline["start"]
        for number, start in enumerate(starts if len(starts) > 1 else ()):
            what = ", ".join(f"{name} {value}" for name, value in start.items())
            yield Mutant(
                "deadline",
                f"deadlines.{key}: not started by {what}",
                about,
                _dropped("deadlines", key, "start", number),
            )
        for name in ("max", "repeat"):
            if name in deadline:
                yield Mutant("deadline", f"deadlines.{key}: no {name}", about, _dropped("deadlines", key, name))
        if "value" in deadline:
            longer = str(int(deadline["value"]) * 10)
            yield Mutant(
                "deadline", f"deadlines.{key}: value {longer}", about, _said(longer, "deadlines", key, "value")
            )


def _unchecked(key: str) -> Callable[[Tree], None]:
    """Without a name among what documents check or count."""

    def edit(data: Tree) -> None:
        for document in data["documents"].values():
            yearly = document.get("yearly", {})
            counted = [(document, "checks"), (yearly, "deadlines")]
            counted += [(asked, "deadlines") for asked in yearly.get("decisions", ())]
            for holder, name in counted:
                if key in listed(holder.get(name)):
                    holder[name] = [one for one in listed(holder[name]) if one != key]
            if yearly.get("waiting") == key:
                del yearly["waiting"]
        for step in data.get("signalement", {}).get("material", {}).get("after", ()):
            if step.get("deadline") == key:
                del step["deadline"]
        figures = data.get("figures", {})
        for name in ("in_time", "public"):
            if key in listed(figures.get(name)):
                figures[name] = [one for one in listed(figures[name]) if one != key]

    return edit


def _of_people(data: Tree) -> Iterator[Mutant]:
    for key, seat in (data.get("seats") or {}).items():
        for role in listed(seat.get("named_by")):
            yield Mutant(
                "role", f"seats.{key}: not named by {role}", (("seats", key), ("roles", role)),
                _less(role, "seats", key, "named_by"),
            )  # fmt: skip
    for key, role in data["roles"].items():
        for other in listed(role.get("stand_in_by")):
            yield Mutant(
                "role", f"roles.{key}: {other} names nobody to stand in", (("roles", key), ("roles", other)),
                _less(other, "roles", key, "stand_in_by"),
            )  # fmt: skip
    for key, danger in (data.get("dangers") or {}).items():
        if "lifted_with" in danger:
            yield Mutant(
                "signature", f"dangers.{key}: lifted without {danger['lifted_with']}", (("dangers", key),),
                _dropped("dangers", key, "lifted_with"),
            )  # fmt: skip


# ---- rewritings that keep the meaning --------------------------------------------------------------------------------


def rewritings(data: Tree, seed: int) -> Iterator[tuple[str, Tree]]:
    """The same definition, said otherwise."""
    rng = random.Random(seed)
    yield "ids renamed", yaml.load(Renamed(_text(data), seed).text, yaml.BaseLoader)
    yield "everything in another order", _in_another_order(data, rng)
    yield "needs of a move in another order", _with_needs_turned(data)
    yield "a need split in two", with_needs_split(data)
    yield "conditions turned inside out", _with_conditions(data, inside_out)
    yield "comparisons said the other way round", _with_conditions(data, turned)
    yield "a number written as a range of one", _with_conditions(data, spelt_out)


def _text(data: Tree) -> str:
    return json.dumps(data, ensure_ascii=False)


def _in_another_order(data: Tree, rng: random.Random) -> Tree:
    """Everything in whose order there is no meaning: a form’s fields have theirs, levels are numbered upwards.

    The case file stays the first document.
    """
    new: Tree = shuffled(data, rng)
    new["forms"] = {key: data["forms"][key] for key in new["forms"]}
    documents = new.get("documents") or {}
    new["documents"] = dict(sorted(documents.items(), key=lambda one: one[1].get("kind", "case_file") != "case_file"))
    for grid in (new.get("grids") or {}).values():
        grid["levels"] = dict(sorted(grid["levels"].items(), key=lambda one: int(one[0])))
    return new


def _with_needs_turned(data: Tree) -> Tree:
    new: Tree = copy.deepcopy(data)
    for move in new["moves"].values():
        if "needs" in move:
            move["needs"] = listed(move["needs"])[::-1]
    return new


def with_needs_split(data: Tree) -> Tree:
    """Each need that says `A and B` as two needs, asked for wherever it was."""
    new: Tree = copy.deepcopy(data)
    split: dict[str, list[str]] = {}
    for key, need in data["needs"].items():
        tree = ast.parse(need["when"], mode="eval").body
        if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
            del new["needs"][key]
            split[key] = [f"{key}_{number}" for number in range(1, len(tree.values) + 1)]
            for name, part in zip(split[key], tree.values, strict=True):
                uncoded = {inner: value for inner, value in need.items() if inner != "code"}
                new["needs"][name] = {**uncoded, "when": ast.unparse(part)}
    bodies = [
        *((move, "needs") for move in new["moves"].values()),
        *((act, "needs") for act in new["acts"].values()),
        *((rule, "needs") for act in new["acts"].values() for rule in act.get("needs_when", ())),
        *((duty, "blocks") for duty in (new.get("duties") or {}).values()),
        *((document, "checks") for document in new["documents"].values()),
    ]
    for body, name in bodies:
        if name in body:
            body[name] = [one for old in listed(body[name]) for one in split.get(old, [old])]
    return new


def _with_conditions(data: Tree, rewritten: Callable[[str], str]) -> Tree:
    """With the conditions of needs, properties, acts, facts and deadlines said otherwise."""
    new: Tree = copy.deepcopy(data)
    bodies = [
        *((need, "when") for need in new["needs"].values()),
        *((one, "never") for one in (new.get("properties") or {}).values()),
        *((act, "effect_when") for act in new["acts"].values()),
        *((rule, "when") for act in new["acts"].values() for rule in act.get("needs_when", ())),
        *((source, "where") for fact in new["facts"].values() for source in fact.get("from", ())),
        *((deadline, "unless") for deadline in (new.get("deadlines") or {}).values()),
    ]
    for body, name in bodies:
        if name in body:
            body[name] = rewritten(body[name])
    return new


def inside_out(source: str) -> str:
    """By De Morgan: `A and B` as `not (not A or not B)`, `==` as `not … != …`."""
    return ast.unparse(_inside_out(ast.parse(source, mode="eval").body))


def _inside_out(node: ast.expr) -> ast.expr:
    def not_(one: ast.expr) -> ast.expr:
        return ast.UnaryOp(ast.Not(), one)

    match node:
        case ast.BoolOp(op=op, values=parts):
            other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            return not_(ast.BoolOp(other, [not_(_inside_out(part)) for part in parts]))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not_(_inside_out(inner))
        case ast.Compare(left=left, ops=[op], comparators=comparators):
            return not_(ast.Compare(left, [_NEGATED[type(op)]()], comparators))
    return node


_NEGATED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq, ast.NotEq: ast.NotEq, ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE,
}  # fmt: skip


def turned(source: str) -> str:
    """`3 <= level` for `level >= 3`; what is joined by `and` or `or` in the opposite order."""

    class Turner(ast.NodeTransformer):
        def visit_Compare(self, node: ast.Compare) -> ast.expr:
            [op], [right] = node.ops, node.comparators
            if type(op) not in _TURNED:
                return node
            return ast.Compare(right, [_TURNED[type(op)]()], [node.left])

        def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
            self.generic_visit(node)
            return ast.BoolOp(node.op, node.values[::-1])

    return ast.unparse(Turner().visit(ast.parse(source, mode="eval").body))


def spelt_out(source: str) -> str:
    """`x == 'a' or x == 'b'` for `x in ('a', 'b')`; `n > 0` as `n >= 1`."""

    class Speller(ast.NodeTransformer):
        def visit_Compare(self, node: ast.Compare) -> ast.expr:
            [op], [right] = node.ops, node.comparators
            if isinstance(op, ast.In) and isinstance(node.left, ast.Name) and isinstance(right, ast.Tuple):
                return ast.BoolOp(ast.Or(), [ast.Compare(node.left, [ast.Eq()], [one]) for one in right.elts])
            if isinstance(right, ast.Constant) and type(right.value) is int and isinstance(op, ast.Gt | ast.LtE):
                other: ast.cmpop = ast.GtE() if isinstance(op, ast.Gt) else ast.Lt()
                return ast.Compare(node.left, [other], [ast.Constant(right.value + 1)])
            return node

    found = Speller().visit(ast.parse(source, mode="eval").body)
    return ast.unparse(found)
