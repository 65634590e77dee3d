"""One whole walk on PostgreSQL, through services and through pages; `./run check --all` asks all of storage there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from engine.telling import ROOT
from storage.server import EVERYWHERE

PAGES = "tests/web/whole/test_whole_protocol.py::test"
WALKS = (
    "tests/journeys/test_stories.py::test_a_story_plays_exactly_as_it_says[ma-cyberharassment/sc1]",
    f"{PAGES}_the_first_minutes_are_on_the_receipt",
    f"{PAGES}_the_number_that_was_called_is_noted_and_no_other_of_the_same_service",
    f"{PAGES}_a_corrected_entry_is_read_from_then_on",
    f"{PAGES}_the_page_tells_acts_in_the_order_of_what_the_case_waits_for",
)


@pytest.mark.skipif(EVERYWHERE, reason="every installation lies there already")
def test_a_whole_case_is_walked_on_postgresql() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--all", *WALKS],
        cwd=ROOT, env={**os.environ, "SCHOOL_PROTOCOL_TEST_STORES": "postgresql"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout[-4000:]
    assert int(re.findall(r"(\d+) passed", ran.stdout)[-1]) == len(WALKS)
    assert "skipped" not in ran.stdout
