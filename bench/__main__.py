"""`./run bench`: the product's figures beside frozen baselines, measured in this run. The ratios count.

Each line: what, the figure, the baseline, their ratio (median of five alternating pairs), the goal, reached or not.
Times are processor time, where no note says otherwise. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from bench import keeping
from bench.rows import ROWS, Outcome, Row, Skipped, Workshop


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    found: list[dict[str, Any]] = []
    began = time.monotonic()
    with Workshop() as shop:
        heard = keeping.noise(shop.bare_page)
        for name in asked.row or ROWS:
            found.append(measured(shop, ROWS[name]))
            if not asked.json:
                print(line(found[-1]), flush=True)
    if asked.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    if asked.keep:
        keeping.keep(found, at=datetime.now(UTC), version=version("school-protocol"), heard=heard)
        keeping.TABLE.write_text(keeping.table(keeping.told()), "utf-8")
    print(f"{time.monotonic() - began:.0f} s; noise ± {heard:.0%}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {row.name:<10} {row.what}, against {row.against}" for row in ROWS.values())
    parser = argparse.ArgumentParser(
        "./run bench",
        description=__doc__,
        epilog=f"rows:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with the ratio of each pair")
    parser.add_argument("--keep", action="store_true", help="add it to bench/history.jsonl, write docs/bench.md anew")
    parser.add_argument("--row", action="append", choices=ROWS, metavar="NAME", help="this row alone; may be repeated")
    return parser


def measured(shop: Workshop, row: Row) -> dict[str, Any]:
    """One row's figures, or why there are none."""
    print(f"… {row.name}", file=sys.stderr, flush=True)
    said: dict[str, Any] = {"row": row.name, "what": row.what, "against": row.against}
    try:
        outcome = row.measure(shop)
    except Skipped as reason:
        return {**said, "skipped": str(reason)}
    return {**said, **_figures(row, outcome)}


def _figures(row: Row, outcome: Outcome) -> dict[str, Any]:
    return {
        "unit": row.unit,
        "figure": round(outcome.figure, 3),
        "baseline": round(outcome.baseline, 3),
        "ratio": round(outcome.ratio, 3),
        "ratios": [round(ratio, 3) for ratio in outcome.ratios],
        "goal": str(row.goal) if row.goal else None,
        "reached": row.goal.is_reached(outcome) if row.goal else None,
        "notes": outcome.notes,
    }


def line(found: dict[str, Any]) -> str:
    """One row for people."""
    head = f"{found['row']:<10} {found['what']}"
    if "skipped" in found:
        return f"{head}\n{'':<10} skipped: {found['skipped']}"
    unit = found["unit"]
    verdict = {True: "reached", False: "NOT REACHED", None: "no goal"}[found["reached"]]
    parts: Iterable[str] = (
        f"{figure(found['figure'])} {unit}",
        f"{found['against']} {figure(found['baseline'])} {unit}",
        f"ratio {figure(found['ratio'])} ×",
        f"goal {found['goal']}: {verdict}" if found["goal"] else verdict,
        *([found["notes"]] if found["notes"] else []),
    )
    return f"{head}\n{'':<10} {' · '.join(parts)}"


def figure(value: float) -> str:
    """Three figures that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
