"""What the program weighs is counted, and not guessed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from school_protocol.language import Wording
from tools.weight import _passed


def test_files_and_statements_are_those_that_an_answer_passes() -> None:
    engine = create_engine("sqlite://")

    def ask() -> Any:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.execute(text("SELECT 2"))
        Wording("fr").yes_no(True)
        return SimpleNamespace(status_code=200, data=b"done")

    assert _passed(ask) == (1, 2)
    assert _passed(lambda: SimpleNamespace(status_code=200, data=b"")) == (0, 0)


@pytest.mark.parametrize(("status", "said"), [(422, b"done"), (200, b"else")])
def test_the_control_an_answer_that_was_not_meant_is_not_measured(status: int, said: bytes) -> None:
    with pytest.raises(AssertionError):
        _passed(lambda: SimpleNamespace(status_code=status, data=b"done"), said)
