"""What a process that serves says on its standard error."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from school_protocol.cli import serve_commands


@contextmanager
def bare() -> Iterator[None]:
    """No handler at all, as in a process that has just begun."""
    root, ours = logging.getLogger(), logging.getLogger(serve_commands.OURS)
    before = root.handlers[:], root.level, ours.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:], level, own = before
        root.setLevel(level)
        ours.setLevel(own)


def test_each_record_is_one_line_of_json_that_says_when_and_from_where(capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC)
    with bare():
        serve_commands.begin()
        logging.getLogger("school_protocol.cases").info("refused: %s", 'a\n{"level": "ERROR"}\x1b[2J\u2028سر')
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logging.getLogger("elsewhere").error("broken", exc_info=True)
        logging.getLogger("elsewhere").info("left out")
    said = [json.loads(line) for line in capsys.readouterr().err.rstrip("\n").split("\n")]
    assert [(one["level"], one["from"]) for one in said] == [
        ("INFO", "school_protocol.cases"), ("ERROR", "elsewhere"),
    ]  # fmt: skip
    assert said[0]["says"].startswith('refused: a\n{"level"')
    assert "سر" in said[0]["says"]
    assert said[1]["trace"].splitlines()[0] == "ValueError"
    assert "test_each_record_is_one_line_of_json" in said[1]["trace"]
    assert "lines" not in said[1]["trace"], "the words of an error may quote what is kept"
    at = datetime.fromisoformat(said[0]["at"])
    assert at.utcoffset() is not None
    assert abs((at - before).total_seconds()) < 60
