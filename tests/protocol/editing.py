"""Single edits of a definition as it is written, drawn from a seed; and the same definition in another order."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import KEYED

Place = tuple[str | int, ...]
UNMEANT = frozenset({"format", "version"})
ORDERED = frozenset({"values", "languages", "days", "fixed", "anchors", "first_acts", "never", "say", "from", "steps",
                     "sections", "floors", "retention", "since", "until", "letterhead", "body", "points", "fields",
                     "people", "evidence", "services", "terms", "counts", "decisions", "order",
                     "named_after", "classes", "numbers", "rises", "urgent", "restricted", "advice", "do", "family",
                     "after", "promises", "next"})  # fmt: skip
"""Lists in whose order there is a meaning, by their key."""


@dataclass(frozen=True)
class Edit:
    what: str
    place: Place
    written: Any

    @property
    def named(self) -> tuple[str, ...]:
        """Its place as a difference names it: options hold a title, and lists are named as a whole."""
        steps = list(self.place)
        if "options" in steps[-3:-2] and steps[-1] in ("fr", "ar", "en"):  # of a field, or of a table's column
            steps.insert(-1, "title")
        until = next((number for number, step in enumerate(steps) if isinstance(step, int)), len(steps))
        return tuple(str(step) for step in steps[:until])


def written(path: Path) -> dict[str, Any]:
    """A definition's plain text values, as they stand in the file."""
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    data: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=loader)
    return {**data, "format": 1}


def understood(data: dict[str, Any]) -> Protocol | None:
    """The model of it, unchecked; None where it can't be understood."""
    try:
        return Protocol.model_validate(copy.deepcopy(data))
    except ValidationError:
        return None


ROOT = Path(__file__).parents[2]


@cache
def moroccan() -> dict[str, Any]:
    """The Moroccan protocol as it is written."""
    return written(ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml")


@cache
def before() -> Protocol:
    """The same, read."""
    found = understood(moroccan())
    assert found is not None
    return found


@cache
def hundred() -> tuple[tuple[Edit, Protocol], ...]:
    """A hundred edits of it, each with what it becomes: hundreds of megabytes, so whoever asks clears it."""
    return tuple(edits(moroccan(), seed=20261125, wanted=100))


def edits(
    data: dict[str, Any], seed: int, wanted: int, parts: Iterable[str] = (), *, texts: bool = True
) -> Iterator[tuple[Edit, Protocol]]:
    """Edits that can be understood and that the model itself sees; one of the `parts` (all) as likely as another."""
    rng, made = random.Random(seed), 0
    before = Protocol.model_validate(copy.deepcopy(data)).model_dump()
    places: dict[str, list[Place]] = {}
    for place in _places(data, ()):
        if not texts and {"fr", "ar", "en", "title", "label", "hint", "sentence", "code", "provenance"} & set(place):
            continue
        places.setdefault(str(place[0]), []).append(place)
    parts = sorted(parts or places.keys() - UNMEANT)
    while made < wanted:
        place = rng.choice(places[rng.choice(parts)])
        edit = _edited(data, place, rng)
        after = understood(edit.written) if edit else None
        if edit is not None and after is not None and after.model_dump() != before:
            made += 1
            yield edit, after


def _places(node: Any, at: Place) -> Iterator[Place]:
    if at:
        yield at
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from _places(inner, (*at, key))
    elif isinstance(node, list):
        for number, inner in enumerate(node):
            yield from _places(inner, (*at, number))


def _edited(data: dict[str, Any], place: Place, rng: random.Random) -> Edit | None:
    """One edit at that place: a scalar said otherwise, an entry or item taken out, or one more put beside it."""
    new = copy.deepcopy(data)
    holder = new
    for step in place[:-1]:
        holder = holder[step]
    old, last = holder[place[-1]], place[-1]
    doing = rng.choice(("say", "say", "take", "add"))
    if doing == "say" and isinstance(old, str):
        holder[last] = _otherwise(old, place, rng)
        return Edit(f"say {old!r} as {holder[last]!r}", place, new)
    if doing == "take":
        del holder[last]
        return Edit(f"take {old!r} out", place, new)
    if doing == "add" and isinstance(holder, list):
        holder.insert(rng.randint(0, len(holder)), _another(old))
        return Edit(f"add one more beside {old!r}", place, new)
    if doing == "add" and (place[-2:-1] == ("fields",) or (len(place) == 2 and place[0] in KEYED)):
        holder["one_more"] = copy.deepcopy(old)
        return Edit(f"add one more beside {last}", (*place[:-1], "one_more"), new)
    return None


def _otherwise(old: str, place: Place, rng: random.Random) -> str:
    if old in ("true", "false"):
        return "false" if old == "true" else "true"
    if old.lstrip("-").isdigit():
        return str(int(old) + rng.choice((1, 2, 7)))
    if place[-1] in ("when", "where", "unless", "suspended_while", "effect_when", "restricted_when"):
        return f"not ({old})"
    if place[-1] in ("kind", "type", "unit", "group", "lock", "sees", "fold", "per"):
        return rng.choice(
            ("record", "note", "text", "long", "school_days", "team", "law", "safety", "unit", "ever", "entry")
        )
    return f"{old} autrement" if place[-1] in ("fr", "ar", "en") else f"{old}_x"


def _another(item: Any) -> Any:
    if isinstance(item, str):
        return str(int(item) + 100) if item.isdigit() else f"{item}_more"
    if isinstance(item, list):
        return [*item, "one_more"]
    if "fr" in item:
        return {language: f"{text} (plus)" for language, text in item.items()}
    return {key: _another(value) if isinstance(value, str) and key in ("act", "to", "level") else value
            for key, value in item.items()}  # fmt: skip


def shuffled(data: Any, rng: random.Random, key: str = "") -> Any:
    """The same, with everything in another order in whose order there is no meaning."""
    if isinstance(data, dict):
        keys = list(data)
        rng.shuffle(keys)
        return {name: shuffled(data[name], rng, name) for name in keys}
    if isinstance(data, list):
        items = [shuffled(item, rng, key) for item in data]
        if key not in ORDERED or (key == "never" and all(isinstance(item, str) for item in items)):
            rng.shuffle(items)
        return items
    return data
