"""The log of a process that serves: JSON, one line a record, the time in UTC, on the standard error."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

OURS = "school_protocol"


class Lines(logging.Formatter):
    """One line whatever a record says: line ends and controls of what it quotes stay within their quotes."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "from": record.name,
            "process": record.process,
            "says": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def begin() -> None:
    """Whatever is ours is written from INFO on, what libraries say from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(OURS).setLevel(logging.INFO)
