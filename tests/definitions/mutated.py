"""The shipped definitions and the example of docs/protocol-format.md as they are written, and all their mutants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import yaml
from domain.telling import ROOT

from tests.definitions.editing import written
from tests.definitions.mutating import Mutant, Tree, mutants

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
