"""`./run trials`: every trial, with its count, what did not hold, and the planted faults that it found."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trials.frame import Outcome, Size, Trial, every

FAULTS_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where a trial does not hold, tries less than its goal, or misses a fault planted for it."""
    known = every()
    parser = argparse.ArgumentParser("./run trials", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*known, []], metavar="NAME", help=", ".join(known))
    parser.add_argument("--short", action="store_true", help="the form that the tests run")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    size = Size.short if asked.short else Size.whole
    said = [_tried(known[name], size, asked.json) for name in asked.name or known]
    if asked.json:
        print(json.dumps(said, ensure_ascii=False, indent=2))
    return 0 if all(one["holds"] for one in said) else 1


def _tried(trial: Trial, size: Size, is_quiet: bool) -> dict[str, Any]:
    print(f"… {trial.name}", file=sys.stderr, flush=True)
    began = time.monotonic()
    with TemporaryDirectory(prefix="trial-") as folder:
        outcome = trial.run(size, Path(folder))
    took = time.monotonic() - began
    is_enough = size is Size.short or outcome.tried >= trial.goal
    if not is_quiet:
        print("\n".join(_lines(trial, outcome, is_enough, took)), flush=True)
    return {"trial": trial.name, "seconds": round(took, 1), **asdict(outcome), "holds": outcome.holds and is_enough}


def _lines(trial: Trial, outcome: Outcome, is_enough: bool, took: float) -> list[str]:
    verdict = "holds" if outcome.holds and is_enough else "DOES NOT HOLD"
    lines = [
        f"{trial.name:<14} {outcome.tried:>6} {outcome.unit}, {len(outcome.faults)} faults; "
        f"planted {outcome.planted}, found {outcome.found}; {took:.0f} s: {verdict}  ({trial.what})"
    ]
    if not is_enough:
        lines.append(f"    fewer than {trial.goal} were tried")
    lines += [f"    {fault}" for fault in outcome.faults[:FAULTS_SHOWN]]
    return lines


if __name__ == "__main__":
    sys.exit(main())
