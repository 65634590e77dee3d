"""What belongs to one copy alone, and is known only when it is issued: copy.json."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import rfc8785

from school_protocol.documents.sealing.errors import CopyUnreadable

RECORD, COPY = "record.json", "copy.json"
"""Names of the two attached files: what the pages show, and what this copy adds."""

FIGURES = "figures.json"
"""Beside copy.json in a yearly report, which has no record: its figures, as its pages print them."""

RECORD_MOST, COPY_MOST = 32 * 1024 * 1024, 64 * 1024
"""Bytes of each, unpacked."""

FORMAT, VERSION = "school-protocol/copy", 1

_DIGEST = re.compile(r"[0-9a-f]{64}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a document. `journal_head`: hash of the chain at `journal_number`, as the pages print it.

    `record_digest`: SHA-256 of record.json in hexadecimal figures; empty where the document carries no record.
    """

    number: int
    reader: str
    moment: datetime
    journal_head: str
    journal_number: int
    record_digest: str = ""

    def as_json(self) -> bytes:
        """copy.json, canonical (RFC 8785): the same copy, the same bytes."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "number": self.number,
                "reader": self.reader,
                "moment": f"{self.moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "journal": {"head": self.journal_head, "number": self.journal_number},
                "record": {"name": RECORD, "sha256": self.record_digest} if self.record_digest else None,
            }
        )


def read_copy(data: bytes) -> Copy:
    """What `Copy.as_json` wrote. Raises CopyUnreadable."""
    try:
        told = json.loads(data)
        if (told["format"], told["version"]) != (FORMAT, VERSION):
            raise CopyUnreadable(f"format {told['format']!r}, version {told['version']!r}")
        return _copy(told)
    except CopyUnreadable:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as problem:
        raise CopyUnreadable(type(problem).__name__) from None


def _copy(told: Any) -> Copy:
    record, journal = told["record"], told["journal"]
    return Copy(
        number=_of(int, told["number"]),
        reader=_of(str, told["reader"]),
        moment=datetime.strptime(told["moment"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        journal_head=_of(str, journal["head"]),
        journal_number=_of(int, journal["number"]),
        record_digest="" if record is None else _digest(record),
    )


def _of(kind: type[_T], value: Any) -> _T:
    if type(value) is not kind:
        raise CopyUnreadable(f"not of type {kind.__name__}")
    return value


def _digest(record: Any) -> str:
    digest = _of(str, record["sha256"])
    if record["name"] != RECORD or not _DIGEST.fullmatch(digest):
        raise CopyUnreadable("record")
    return digest
