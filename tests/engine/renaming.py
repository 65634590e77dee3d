"""Renames every identifier of a definition at random: the same protocol under names that mean nothing.

One map for all parts (a name that stands for a role and for a target becomes the same new name in both). What the
format itself says (`open`, `everyone`, `yes` of a yes/no/unknown, the number of a level) is no identifier and stays.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
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
KEYED = frozenset(
    {
        *PARTS, "items", "profiles", "options", "fields", "values", "answers", "fills", "becomes", "called",
        "treat_as_in", "orientations", "sheets", "tables", "waits",
    }
)  # fmt: skip
"""Mappings whose keys are identifiers, by the name under which they stand."""
CONDITIONS = frozenset(
    {
        "when", "where", "never", "unless", "effect_when", "restricted_when", "unsure_when", "urgent_when",
        "never_send",
    }
)  # fmt: skip
NAMED = frozenset(
    {
        "act", "acts", "acts_as", "after_move", "alike", "always_possible", "answers", "as", "ask", "asked_by",
        "asked_on", "at", "basis", "blocks", "by", "captured", "channel", "channels", "checks", "contact", "copies",
        "danger_signature", "dangers", "deadline", "deadlines", "default", "digest", "distinct", "do", "doors",
        "entered", "entering", "evidence", "exempt", "fact", "fallen_due", "field", "fields", "filled", "for",
        "forbids_files", "form", "format", "from", "given_by", "grid", "grid_known", "held", "held_on", "in", "in_time",
        "initial", "invites", "issues", "leads_to", "letter_by", "lifted_with", "meets", "met", "met_by",
        "months_since", "move", "moves", "named", "named_after", "named_by", "needs", "next", "next_on", "not_for",
        "numbers", "online", "only", "openers", "opens", "originals", "otherwise", "out_of_hours", "override", "people",
        "person", "public", "readers", "reads", "reason", "recurrence", "reference", "removed", "restricted_reads",
        "result", "school_known", "seat", "services", "shared", "side", "signed_by", "size", "slots", "staff_form",
        "stage", "stand_in_by", "starts", "states", "streak_of", "summary", "suspended_while", "targets", "tell", "to",
        "value", "values", "visa", "waiting", "waits",
    }
)  # fmt: skip
"""What holds identifiers, one or several, wherever it stands."""
PATHS = frozenset({"row_filled", "unasked"})
RECEIVERS = ("declarant", "guardians", "receiving_head")
Tree = dict[str, Any]


class Renamed:
    """`text` is the new file; `names` maps every old identifier to its new one."""

    def __init__(self, source: str, seed: int) -> None:
        tree = yaml.load(source, yaml.BaseLoader)
        self.rng = random.Random(seed)
        self.names: dict[str, str] = {}
        for name in dict.fromkeys(_identifiers(tree)):
            if name not in FORMAT and not name.isdigit():
                letters = "".join(self.rng.choice("bcdfghjklmnpqrstvwz") for _letter in range(7))
                self.names[name] = f"{letters}{len(self.names)}"
        renamed = {key: self._value(tree, key, value) for key, value in tree.items()}
        self.text = yaml.safe_dump({**renamed, "protocol": "renamed"}, allow_unicode=True, sort_keys=False, width=10**6)

    def name(self, old: str) -> str:
        return self.names.get(old, old)

    def _value(self, holder: Tree, key: str, value: Any) -> Any:
        """What stands under `key` in `holder`."""
        if key == "notify":
            return self._notified(value)
        if key == "story" and isinstance(value, dict):
            return {line: self._value(value, "acts", told) for line, told in value.items()}
        if key in CONDITIONS and isinstance(value, str):
            return Condition(value).renamed(self.names, self.names)
        if _is_of_the_format(holder, key, value):
            return value
        if isinstance(value, dict) and key in KEYED:
            return {self.name(name): self._value(value, _within(key, one), one) for name, one in value.items()}
        if isinstance(value, dict):
            return {name: self._value(value, name, one) for name, one in self._coded(value).items()}
        if isinstance(value, list):
            return [self._value(holder, key, one) for one in value]
        if key in PATHS:
            return ".".join(map(self.name, value.split(".")))
        return self.name(value) if key in NAMED or (key == "rows" and "channel" in holder) else value

    def _coded(self, tree: Tree) -> Tree:
        """Codes are other names: dropped, or renamed too."""
        if "code" in tree and self.rng.random() < 0.5:
            return {key: value for key, value in tree.items() if key != "code"}
        return {**tree, "code": f"c{self.rng.randrange(10**9)}"} if "code" in tree else tree

    def _notified(self, value: Any) -> Any:
        def receiver(name: str) -> str:
            return name if name in RECEIVERS else self.name(name)

        notices = value if isinstance(value, list) else [value]
        return [
            receiver(one)
            if isinstance(one, str)
            else {key: receiver(said) if key == "to" else self._value(one, key, said) for key, said in one.items()}
            for one in notices
        ]


def _within(key: str, value: Any) -> str:
    """What stands in a mapping from identifiers is a body, but where it leads to identifiers: fields of an act."""
    return key if key in ("acts", "answers", "values") and not isinstance(value, dict) else ""


def _is_of_the_format(holder: Tree, key: str, value: Any) -> bool:
    """States of a referral, of a danger that a fact counts; words that people are called by."""
    if key == "only":
        return bool(holder.get("type") == "referral")
    if key == "dangers":
        return isinstance(value, dict) and "states" in value
    return False


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
