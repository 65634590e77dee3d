"""A pytest plugin that notes which functions of the product each test calls (`-p tools.mutation.reach`)."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from .calls import FOLDER, reach


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.getoption("numprocesses", None) in (None, 0):
        Path(os.environ[FOLDER]).mkdir(parents=True, exist_ok=True)
        reach.begin()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> Generator[None, object, object]:
    """What a fixture shared by several tests calls counts for each of them."""
    if fixturedef.scope == "function":
        return (yield)
    before = reach.take()
    try:
        return (yield)
    finally:
        own = reach.take()
        reach.shared.setdefault(id(fixturedef), set()).update(own)
        reach.called = before | own


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    reach.take()
    reach.outcome = "passed"
    began = time.perf_counter()
    try:
        return (yield)
    finally:
        called = reach.take()
        for found in item._fixtureinfo.name2fixturedefs.values():
            for one in found:
                called |= reach.shared.get(id(one), set())
        reach.note(item.nodeid, time.perf_counter() - began, reach.outcome, called)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.outcome != "passed":
        reach.outcome = report.outcome


def pytest_sessionfinish() -> None:
    if reach.rows:
        reach.write()
