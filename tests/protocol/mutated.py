"""The shipped definitions and the example of docs/protocol-format.md as they are written, and all their mutants."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

import yaml
from engine.telling import ROOT

from protocol.editing import written
from protocol.mutating import Mutant, Tree, mutants
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read

MOROCCAN, PHARE, KIVA = (f"{name}/1" for name in ("ma-cyberharassment", "fr-phare", "fi-kiva"))
ACCIDENTS = "accidents"
"""The example of docs/protocol-format.md: small enough for every mutant."""


def example() -> str:
    text = (ROOT / "docs" / "protocol-format.md").read_text("utf-8")
    found = re.search(r"^```yaml complete\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


DEFINITIONS = (ACCIDENTS, MOROCCAN, PHARE, KIVA)


@lru_cache
def data_of(definition: str) -> Tree:
    if definition == ACCIDENTS:
        return {**yaml.load(example(), yaml.BaseLoader), "format": 1}
    return written(ROOT / "protocol_definitions" / f"{definition}.yaml")


@lru_cache
def mutants_of(definition: str) -> Mapping[str, Mutant]:
    return {one.name: one for one in mutants(data_of(definition))}


UNREAD = re.compile(r"facts\.(\w+): declared but never read")


def understood(data: Tree) -> Protocol:
    """The checked protocol; facts that nothing reads any more are taken out. Raises DefinitionError."""
    while True:
        text = json.dumps(data, ensure_ascii=False)
        try:
            return read(text.encode(), "mutant.yaml", kernel=False)
        except DefinitionError as error:
            unread = [found[1] for fault in error.faults if (found := UNREAD.match(fault.message))]
            if not unread or len(unread) < len(error.faults):
                raise
            data = {**data, "facts": {key: fact for key, fact in data["facts"].items() if key not in unread}}
