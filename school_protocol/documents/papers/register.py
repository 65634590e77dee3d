"""The register of evidence as a table and as data, out of the record that the pages are made of: digests, no file."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a text for a formula, full-width signs among it."""


def register_json(record: bytes) -> bytes:
    """The register's entries as the record has them."""
    return (json.dumps(_register(record), ensure_ascii=False, indent=1) + "\n").encode()


def register_csv(record: bytes) -> bytes:
    """One row a piece, one column a question that was answered; UTF-8 with its mark, so that any office reads it."""
    pieces = _register(record)
    labels = list(dict.fromkeys(one["label"] for piece in pieces for one in piece["said"]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([plain_cell(name) for name in ("piece", "entry", "at", *labels)])
    for piece in pieces:
        said = {one["label"]: one["said"] for one in piece["said"]}
        cells = [str(piece["piece"]), str(piece["entry"]), piece["at"], *(said.get(label, "") for label in labels)]
        writer.writerow([plain_cell(cell) for cell in cells])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _register(record: bytes) -> list[dict[str, Any]]:
    entries = json.loads(record)["case"]["evidence"]
    return [
        {
            "piece": one["derived"].get("piece", place),
            "entry": one["seq"],
            "at": one["occurred_at"],
            "answers": one["answers"],
            "said": one["said"],
        }
        for place, one in enumerate(entries, 1)
    ]


def plain_cell(cell: str) -> str:
    """A cell that is read as text: an apostrophe before what would be reckoned."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell
