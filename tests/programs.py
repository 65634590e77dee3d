"""Programs of others that tests call: beside the tests' own Python, where a package brought them, else on the path."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

BESIDE = Path(sys.executable).parent
ABSENT = "is not here"
"""How the reason ends for which a test is passed over that lacks a program."""


_ABSENT = re.compile(r"(is not|isn't|are not) here$")


def where_is(name: str) -> str:
    """Where it lies; empty where it doesn't."""
    folders = (str(BESIDE), os.environ.get("PATH", ""), "/usr/sbin")
    return shutil.which(name, path=os.pathsep.join(folders)) or ""


def needs(name: str) -> pytest.MarkDecorator:
    """Without that program the test is passed over, which `./run check` says at its end."""
    return pytest.mark.skipif(not where_is(name), reason=f"{name} {ABSENT}")


def lacking(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Tests that were passed over because something is not here, each with what."""
    said = ((one.nodeid, str(one.longrepr[2])) for one in reports if isinstance(one.longrepr, tuple))
    return [f"{test}: {reason.removeprefix('Skipped: ')}" for test, reason in said if _ABSENT.search(reason)]
