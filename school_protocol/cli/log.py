"""The log of a process that serves: a line a record, on the standard error, as JSON or for eyes; of nobody a word.

What an exception says may quote what is kept, and what a library says, what it was given: of the first its kind and
where it came from are told, of the second the words as they stand in its source.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from school_protocol.context import REQUEST

OURS = "school_protocol"


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    """What is told of a record."""
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "from": record.name,
        "process": record.process,
        "says": _says(record),
    }
    if asked := REQUEST.get():
        line["request"] = asked
    line |= getattr(record, "told", {}) if _is_ours(record) else {}
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        line["trace"] = "\n".join(_trace(record.exc_info[1]))
    return line


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _says(record: logging.LogRecord) -> str:
    """Our own words, filled in; a library's as it wrote them, and where it filled them in itself, from where alone."""
    if _is_ours(record):
        return record.getMessage()
    return str(record.msg) if record.args else f"at {Path(record.pathname).name}:{record.lineno}"


def _trace(error: BaseException) -> Iterator[str]:
    """The kinds of an error and of those before it, each with the places that it came through, without its words."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield type(found).__name__
        yield from _places(found.__traceback__)
        if isinstance(found, BaseExceptionGroup):
            for one in found.exceptions:
                yield from _trace(one)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(trace):
        yield f"  {Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


class Lines(logging.Formatter):
    """One line of JSON whatever a record says: line ends and controls of what it quotes stay within their quotes."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(line_of(record), ensure_ascii=False)


class Plain(logging.Formatter):
    """The same for eyes, on one line too; the places of a trace come behind it, joined by arrows."""

    def format(self, record: logging.LogRecord) -> str:
        line = line_of(record)
        head = (line.pop("at"), line.pop("level"), line.pop("from"), _on_one_line(line.pop("says")))
        return " ".join((*head, *(f"{name}={_on_one_line(str(value))}" for name, value in line.items())))


def _on_one_line(said: str) -> str:
    joined = said.replace("\n  ", " < ")
    return joined if joined.isprintable() else json.dumps(joined, ensure_ascii=True)


FORMS = {"json": Lines, "text": Plain}


def begin(form: str = "json") -> None:
    """Whatever is ours is written from INFO on, what libraries say from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMS[form]())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(OURS).setLevel(logging.INFO)
