"""Renames every identifier of a definition at random: the same protocol under names that mean nothing.

One map for all parts (a name that stands for a role and for a target becomes the same new name in both). What the
format itself says (`open`, `everyone`, `yes` of a yes/no/unknown, the number of a level) is no identifier and stays.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from school_protocol.engine.conditions import Condition

FORMAT = frozenset(
    {
        "yes", "no", "unknown", "true", "false", "need", "open", "any", "START", "everyone", "history", "mover",
        "proposer", "external", "judicial", "on_danger", "role", "about_self", "now", "today",
    }
)  # fmt: skip
PARTS = (
    "stages", "states", "roles", "seats", "sides", "slots", "forms", "acts", "moves", "facts", "needs", "properties",
    "deadlines", "duties", "grids", "cautions", "dangers", "targets", "documents", "audiences", "words",
)  # fmt: skip
Tree = dict[str, Any]


class Renamed:
    """`text` is the new file; `names` maps every old identifier to its new one."""

    def __init__(self, source: str, seed: int) -> None:
        tree = yaml.load(source, yaml.BaseLoader)
        rng = random.Random(seed)
        self.names: dict[str, str] = {}
        for name in dict.fromkeys(_identifiers(tree)):
            if name not in FORMAT and not name.isdigit():
                letters = "".join(rng.choice("bcdfghjklmnpqrstvwz") for _letter in range(7))
                self.names[name] = f"{letters}{len(self.names)}"
        self.rng = rng
        renamed = self._definition(tree)
        self.text = yaml.safe_dump(renamed, allow_unicode=True, sort_keys=False, width=10**6)

    def name(self, old: str) -> str:
        return self.names.get(old, old)

    # ---- small parts -----------------------------------------------------------------------------------------

    def _names(self, value: Any) -> Any:
        return [self._names(one) for one in value] if isinstance(value, list) else self.name(value)

    def _condition(self, value: Any) -> Any:
        return Condition(value).renamed(self.names, self.names)

    def _each(self, tree: Tree, rules: Mapping[str, Callable[[Any], Any]]) -> Tree:
        return {key: rules[key](value) if key in rules else value for key, value in tree.items()}

    def _keyed(self, tree: Tree, rule: Callable[[Tree], Tree]) -> Tree:
        return {self.name(key): rule(value) for key, value in tree.items()}

    def _plain(self, *names: str, conditions: tuple[str, ...] = ()) -> Callable[[Tree], Tree]:
        rules: dict[str, Callable[[Any], Any]] = dict.fromkeys(names, self._names)
        rules |= dict.fromkeys(conditions, self._condition)
        return lambda tree: self._coded(self._each(tree, rules))

    def _coded(self, tree: Tree) -> Tree:
        """Codes are other names: dropped, or renamed too."""
        if "code" in tree and self.rng.random() < 0.5:
            return {key: value for key, value in tree.items() if key != "code"}
        if "code" in tree:
            return {**tree, "code": f"c{self.rng.randrange(10**9)}"}
        return tree

    # ---- the whole -------------------------------------------------------------------------------------------

    def _definition(self, tree: Tree) -> Tree:
        plain = self._plain
        rules: dict[str, Callable[[Tree], Tree]] = {
            "stages": plain(),
            "states": plain("stage"),
            "roles": plain("stand_in_by", "invites"),
            "seats": plain("acts_as", "named_by", "exempt"),
            "sides": plain(),
            "slots": plain("side"),
            "forms": self._form,
            "acts": self._act,
            "moves": self._move,
            "facts": self._fact,
            "needs": plain("met_by", conditions=("when",)),
            "properties": plain("always_possible", "leads_to", "in", "entering", conditions=("never",)),
            "deadlines": self._deadline,
            "duties": plain("met_by", "filled", "deadlines", "blocks", "by", "after_move", conditions=("when",)),
            "grids": self._grid,
            "cautions": self._caution,
            "dangers": plain("targets", "lifted_with"),
            "targets": plain("letter_by"),
            "documents": self._document,
            "audiences": plain(),
            "words": self._ready,
        }  # fmt: skip
        new: Tree = {}
        for key, value in tree.items():
            if key in rules:
                new[key] = self._keyed(value, rules[key])
            elif key == "assessment":
                new[key] = self._each(
                    value, dict.fromkeys(("fact", "act", "field", "override", "recurrence"), self._names)
                )
            elif key == "follow_up":
                new[key] = self._follow_up(value)
            elif key == "restricted_when":
                new[key] = self._condition(value)
            elif key == "figures":
                new[key] = self._figures(value)
            elif key == "pieces":
                new[key] = self._pieces(value)
            elif key == "review":
                new[key] = self._review(value)
            elif key == "signalement":
                new[key] = self._signalement(value)
            elif key == "retention":
                new[key] = [plain("states", conditions=("when",))(rule) for rule in value]
            else:
                new[key] = value
        return {**new, "protocol": "renamed"}

    def _figures(self, figures: Tree) -> Tree:
        moments = self._plain("acts", "states")
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("reads", "issues", "in_time", "public"), self._names),
            "tables": lambda tables: self._keyed(tables, self._plain("act", "field")),
            "waits": lambda waits: self._keyed(
                waits, lambda one: self._each(one, {"since": moments, "until": moments})
            ),
        }
        return self._each(figures, rules)

    def _pieces(self, pieces: Tree) -> Tree:
        names = (
            "act", "named_after", "captured", "online", "shared", "digest", "size", "format", "openers", "originals",
        )  # fmt: skip
        rows = ("rows", "channel", "asked_on", "reference", "result", "waits", "removed")
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(names, self._names),
            "removal": lambda removal: self._each(
                removal,
                {
                    **dict.fromkeys(rows, self._names),
                    "order": lambda steps: [self._each(one, {"channels": self._names}) for one in steps],
                },
            ),
            "mistake": lambda mistake: self._each(mistake, dict.fromkeys(("tell", "ask", "by"), self._names)),
        }
        return self._each(pieces, rules)

    def _review(self, review: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("by", "asked_by", "visa"), self._names),
            "begins": lambda begins: [self._plain("entered", conditions=("when",))(one) for one in begins],
            "refusal": lambda refusal: self._each(
                refusal,
                {
                    **dict.fromkeys(("reason", "moves"), self._names),
                    "answers": lambda answers: {self.name(key): self.name(value) for key, value in answers.items()},
                },
            ),
        }
        return self._each(review, rules)

    def _signalement(self, public: Tree) -> Tree:
        names = (
            "form", "staff_form", "act", "as", "alike", "contact", "not_for", "reads", "restricted_reads", "doors",
            "out_of_hours", "numbers",
        )  # fmt: skip
        steps = self._plain("tell")
        turned: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("from", "otherwise"), self._names),
            "values": lambda values: {self.name(key): self.name(value) for key, value in values.items()},
        }
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(names, self._names),
            **dict.fromkeys(("restricted_when", "unsure_when", "urgent_when", "never_send"), self._condition),
            **dict.fromkeys(("rises", "urgent", "restricted"), lambda listed: [steps(one) for one in listed]),
            **dict.fromkeys(("orientations", "sheets"), lambda named: self._keyed(named, self._plain("targets"))),
            "promises": lambda listed: [self._each(one, {"when": self._condition}) for one in listed],
            "called": lambda called: {self.name(key): words for key, words in called.items()},
            "becomes": lambda becomes: {self.name(key): self._each(one, turned) for key, one in becomes.items()},
            "material": lambda material: {
                **material, "after": [self._plain("deadline")(one) for one in material["after"]],
            },
        }  # fmt: skip
        return self._each(public, rules)

    def _form(self, form: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            "side": self._names,
            "readers": self._names,
            "fields": lambda fields: self._keyed(fields, self._field),
            **dict.fromkeys(
                ("refuses", "departs"),
                lambda said: [self._each(one, {"at": self._names, "when": self._condition}) for one in said],
            ),
        }
        return self._coded(self._each(form, rules))

    def _field(self, item: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("default", "slots", "grid", "forbids_files", "only"), self._names),
            "when": self._condition,
            "options": lambda options: {self.name(key): body for key, body in options.items()},
            "fields": lambda fields: self._keyed(fields, self._field),
        }
        if item["type"] == "referral":
            del rules["only"]  # states of a referral, which are the format's
        return self._each(item, rules)

    def _act(self, act: Tree) -> Tree:
        names = ("form", "in", "by", "needs", "signed_by", "danger_signature", "moves", "opens")
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(names, self._names),
            "effect_when": self._condition,
            "notify": self._notify,
            "needs_when": lambda asked: [
                self._each(rule, {"when": self._condition, "needs": self._names}) for rule in asked
            ],
        }
        return self._coded(self._each(act, rules))

    def _move(self, move: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("from", "to", "by", "needs", "distinct", "meets", "opens"), self._names),
            "notify": self._notify,
        }
        return self._coded(self._each(move, rules))

    def _notify(self, value: Any) -> Any:
        notices = value if isinstance(value, list) else [value]
        return [
            self._receiver(one)
            if isinstance(one, str)
            else self._each(one, {"to": self._receiver, "when": self._condition})
            for one in notices
        ]

    def _receiver(self, name: str) -> str:
        return name if name in ("declarant", "guardians", "receiving_head") else self.name(name)

    def _source(self, source: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("act", "field", "value", "filled", "by", "entered", "move"), self._names),
            "where": self._condition,
            "unless_after": self._sources,
            "row_filled": lambda path: ".".join(self.name(part) for part in path.split(".")),
        }
        return self._each(source, rules)

    def _sources(self, sources: list[Tree]) -> list[Tree]:
        return [self._source(source) for source in sources]

    def _fact(self, fact: Tree) -> Tree:
        names = (
            "values", "initial", "streak_of", "grid_known", "entered", "deadline", "fallen_due", "school_known",
            "months_since",
        )  # fmt: skip
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(names, self._names),
            "from": self._sources,
            "since": lambda since: self._each(since, {"entered": self._names}) if isinstance(since, dict) else since,
            "guardians": lambda rule: {key: self.name(value) for key, value in rule.items()},
            "people": lambda rule: self._each(rule, {"seat": self._names}),
            "days": lambda rule: {key: self._sources(value) for key, value in rule.items()},
        }
        return self._coded(self._each(fact, rules))

    def _deadline(self, deadline: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("start", "met_by"), self._sources),
            **dict.fromkeys(("suspended_while", "slots"), self._names),
            "unless": self._condition,
            "steps": lambda steps: [self._each(one, {"tell": self._names, "when": self._condition}) for one in steps],
        }
        return self._coded(self._each(deadline, rules))

    def _caution(self, caution: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("act", "person", "acts"), self._names),
            "when": self._condition,
            "unasked": lambda paths: [".".join(map(self.name, path.split("."))) for path in paths],
        }
        return self._coded(self._each(caution, rules))

    def _grid(self, grid: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            "items": lambda items: self._keyed(items, self._coded),
            "levels": lambda levels: {key: self._coded(level) for key, level in levels.items()},
            "floors": lambda floors: [self._each(floor, {"when": self._condition}) for floor in floors],
        }
        return self._coded(self._each(grid, rules))

    def _follow_up(self, rule: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("act", "held_on", "next_on", "starts"), self._names),
            "also_next": self._sources,
            "treat_as_in": lambda states: {self.name(key): level for key, level in states.items()},
        }
        return self._each(rule, rules)

    def _document(self, document: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            "profiles": lambda profiles: self._keyed(profiles, self._profile),
            "sections": lambda sections: [self._each(one, {"acts": self._names}) for one in sections],
            **dict.fromkeys(("checks", "for", "slots"), self._names),
            "body": lambda pieces: [self._piece(one) for one in pieces],
            "remarks": self._plain("for", "to"),
            "yearly": self._yearly,
        }
        return self._each(document, rules)

    def _profile(self, profile: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("for", "summary", "named"), self._names),
            "acts": lambda acts: {self.name(act): self._names(fields) for act, fields in acts.items()},
        }
        return self._each(profile, rules)

    def _yearly(self, yearly: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            "counts": lambda counts: [self._each(one, dict.fromkeys(("act", "field"), self._names)) for one in counts],
            "decisions": lambda asked: [self._each(one, {"deadlines": self._names}) for one in asked],
            **dict.fromkeys(("deadlines", "waiting"), self._names),
        }
        return self._each(yearly, rules)

    def _piece(self, piece: Tree) -> Tree:
        names = ("act", "fields", "people", "services", "evidence")
        return self._each(piece, {**dict.fromkeys(names, self._names), "when": self._condition})

    def _ready(self, words: Tree) -> Tree:
        rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(("for", "acts", "dangers"), self._names),
            "fills": lambda fields: {self.name(key): text for key, text in fields.items()},
        }
        return self._coded(self._each(words, rules))


def _identifiers(tree: Tree) -> Iterator[str]:
    for part in PARTS:
        for key, body in tree.get(part, {}).items():
            yield key
            for inner in ("items", "profiles"):
                yield from body.get(inner, {})
            yield from body.get("values", ())
    for form in tree["forms"].values():
        yield from _of_fields(form["fields"])


def _of_fields(fields: Tree) -> Iterator[str]:
    for key, item in fields.items():
        yield key
        yield from item.get("options", {})
        yield from _of_fields(item.get("fields", {}))
