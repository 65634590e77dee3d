"""What was measured is kept: a line a row and run in `bench/history.jsonl`, and the latest of each as docs/bench.md."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.measuring import PAIRS, Work, pairs
from bench.prepared import ROOT

HISTORY = ROOT / "bench" / "history.jsonl"
TABLE = ROOT / "docs" / "bench.md"
KEPT = ("row", "what", "against", "unit", "figure", "baseline", "ratio", "ratios", "goal", "reached", "notes")

Line = Mapping[str, Any]


def noise(call: Any) -> float:
    """How far the ratios of the same work to itself lie from 1, at most: what a ratio here can't tell apart."""
    found = pairs(Work(call, 1000), Work(call, 1000))
    return max(abs(ratio - 1) for ratio in found.ratios)


def keep(found: Iterable[Line], *, at: datetime, version: str, heard: float, history: Path = HISTORY) -> None:
    """Add these rows to the history; what was skipped is not kept."""
    run = {
        "at": at.isoformat(timespec="minutes"), "version": version, "noise": round(heard, 3),
        "cores": len(os.sched_getaffinity(0)), "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    with history.open("a", encoding="utf-8") as file:
        for one in found:
            if "skipped" not in one:
                file.write(json.dumps({**run, **{key: one[key] for key in KEPT}}, ensure_ascii=False) + "\n")


def told(history: Path = HISTORY) -> list[Line]:
    """All that is kept, the oldest first."""
    if not history.exists():
        return []
    return [json.loads(line) for line in history.read_text("utf-8").splitlines() if line.strip()]


def table(lines: Sequence[Line]) -> str:
    """The latest of each row, with the ratio of the run before it, as a page of the documentation."""
    latest: dict[str, list[Line]] = {}
    for line in lines:
        latest.setdefault(line["row"], []).append(line)
    rows = [_row(found[-1], found[-2] if len(found) > 1 else None) for found in latest.values()]
    return "\n".join([*_HEAD, *rows, ""])


_HEAD = (
    "# What was measured",
    "",
    "Written by `./run bench --keep` out of `bench/history.jsonl`. A ratio is the median of five pairs in one run,",
    "figure and baseline in turns (of how many, where of others); times are processor time where no note says",
    "otherwise. *Noise*: how far the same work lay from itself in that run; a ratio tells nothing finer. *Before*:",
    "the ratio of the run before. Times of two runs can't be compared, ratios can.",
    "",
    "| row | what | figure | against | ratio | before | goal | noise | on | notes |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


def _of_how_many(pairs: int) -> str:
    return "" if pairs == PAIRS else f" (of {max(pairs, 1)})"


def _row(line: Line, before: Line | None) -> str:
    goal = f"{line['goal']}: {'reached' if line['reached'] else '**not reached**'}" if line["goal"] else "–"
    cells = (
        f"`{line['row']}`",
        line["what"],
        f"{_short(line['figure'])} {line['unit']}",
        f"{line['against']}: {_short(line['baseline'])} {line['unit']}",
        _short(line["ratio"]) + _of_how_many(len(line["ratios"])),
        _short(before["ratio"]) if before else "–",
        goal,
        f"± {line['noise']:.0%}",
        f"{line['at'][:10]}, {line['version']}, {line['cores']} cores, load {line['load']}",
        line["notes"],
    )
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
