"""From a release to what each of its units is told: all that leaves the sealed counts."""

from __future__ import annotations

from typing import Any

from school_protocol.figures import Key, Release, Said
from school_protocol.storage.figures.releases import ToldOf


def told_by_unit(release: Release) -> tuple[ToldOf, ...]:
    """What is told of every unit of the tree, those of which nothing is told among them.

    `former`: the counts that it repeats as an earlier release told them.
    """
    above = release.counts.above
    told: dict[str, dict[str, Any]] = {unit: {"cells": {}, "shares": {}, "medians": {}, "former": []} for unit in above}
    former = [key for key in release.former if isinstance(key, Key)]
    for unit, month, cell in sorted({*release.told, *former}):
        number = release.at(cell, unit, month)
        if number is not None:
            told[unit]["cells"].setdefault(cell[0], {}).setdefault(cell[1], {})[month] = number
    for unit, month, cell in sorted(former):
        told[unit]["former"].append([*cell, month])
    for said in sorted({*release.spoken, *(key for key in release.former if isinstance(key, Said))}):
        value = release.said(said)
        if value is not None:
            kind = "shares" if isinstance(value, tuple) else "medians"
            kept = list(value) if isinstance(value, tuple) else value
            told[said.unit][kind].setdefault(said.table, {})[said.month] = kept
    return tuple(ToldOf(unit, above[unit], found) for unit, found in told.items())
