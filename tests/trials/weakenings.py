"""Single weakenings of what decides who reads what: each is told by a matrix of the quick suite, or by a test of it.

As a plugin of pytest (`-p trials.weakenings`) it runs the tests with one of them, named by the environment.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from authorization import planted as rights
from authorization.matrix import Matrix as Rights
from authorization.world import opened, untypeset
from engine import test_policy
from engine.telling import MOROCCAN, NOW
from services import test_planted_words as copies
from services.conftest import School
from services.disclosure import LIMITED, Disclosed, Matrix, Reports
from versions import read_yaml

from school_protocol.cases.story_player import Player, throwaway
from school_protocol.protocol.reader import read
from tools.mutation.calls import PRODUCT, ROOT
from tools.mutation.mutants import Mutant
from tools.mutation.weakenings import every, weakened
from trials.frame import Outcome, Size, Trial

KNOWN = read_yaml(Path(__file__).with_name("weakenings.yaml"))
NAMED = "SCHOOL_PROTOCOL_WEAKENED"
"""The environment variable with the weakening that a process of tests runs under."""
EVERY_TENTH = 10


def run(size: Size, folder: Path) -> Outcome:
    """A weakening that nothing tells is a fault, and so is what is written down of one that is no more."""
    found = every()
    elsewhere, same = ({one for ids in KNOWN[part].values() for one in ids} for part in ("elsewhere", "same"))
    gone = (elsewhere | same) - {one.id for one in found}
    faults = [f"there is no such weakening any more: {one}" for one in sorted(gone)]
    faults += [f"no module is named so any more: {one}" for one in astray()]
    asked = [one for one in found if one.id not in same]
    asked = asked if size is Size.whole else [one for one in asked if one.id not in elsewhere][::EVERY_TENTH]
    with ExitStack() as contexts:
        matrices = Matrices(contexts, folder)
        faults += [f"nothing tells: {one.id}" for one in asked if told_by(one, matrices) is None]
        planted = told_by(OPEN_TO_ALL, matrices) is not None
        planted += told_by(replace(OPEN_TO_ALL, after=OPEN_TO_ALL.before), matrices) is None
    return Outcome(len(asked), "weakenings", tuple(faults), 2, planted)


def astray() -> list[str]:
    """What `asked` names that begins the name of no file of the product."""
    files = [str(one.relative_to(PRODUCT)) for one in Path(PRODUCT).rglob("*.py")]
    return [one for named in KNOWN["asked"].values() for one in named if not any(f.startswith(one) for f in files)]


OPEN_TO_ALL = Mutant(
    "cases/case_reader.py", "CaseReader.words_of", 1, "self.masks.by(event.actor, event.role)(words)", "words"
)
"""Planted: it must be told; and the same with nothing changed must not be."""


def told_by(one: Mutant, matrices: Matrices) -> str | None:
    """What tells it first: a difference of a matrix, or the test that is known to."""
    test = next((test for test, ids in KNOWN["elsewhere"].items() if one.id in ids), None)
    if test is not None:
        return test if fails(test, one) else None
    names = [name for name, files in KNOWN["asked"].items() if one.file.startswith(tuple(files))]
    for name in names:
        with weakening(one):
            difference = matrices.difference(name)
        if difference is not None:
            matrices.mend(name)
            return f"{name}: {difference}"
    return None


class Matrices:
    """The matrices of the quick suite, each with its installation."""

    def __init__(self, contexts: ExitStack, folder: Path) -> None:
        self.lent = contexts.enter_context(ExitStack())
        self.case = Disclosed(self._ctx(contexts))
        self.case.write_everything()
        self.packed = copies.Packed(School(self._ctx(contexts), count(1)))
        self.reports = Reports(self._ctx(self.lent))
        contexts.enter_context(untypeset())
        self.world = contexts.enter_context(opened(folder))  # now: made under a weakening, it would be another

    @staticmethod
    def _ctx(contexts: ExitStack) -> Player:
        content = MOROCCAN.read_bytes()
        return contexts.enter_context(throwaway(read(content, "1.yaml"), content, NOW))

    def difference(self, name: str) -> str | None:
        """The first one. A page that breaks is a difference."""
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            asked = getattr(self, f"in_{name}", None) or getattr(Rights(self.world, brief=True), name)
            return next(asked(), None)
        except Exception as error:
            return f"it breaks: {type(error).__name__}"
        finally:
            logging.disable(before)

    def mend(self, name: str) -> None:
        """Under a weakening something may have been done to reports: the next one finds others."""
        if name == "reports":
            self.lent.close()
            self.reports = Reports(self._ctx(self.lent))

    def in_pages(self) -> Iterator[str]:
        return Matrix(self.case).differences(*LIMITED)

    def in_reports(self) -> Iterator[str]:
        return self.reports.differences()

    def in_copies(self) -> Iterator[str]:
        yield from copies.sections_astray(self.case)
        yield from copies.family_astray(self.case)
        yield from copies.named_since(self.case)
        yield from copies.addresses_astray(self.case)
        yield from copies.kept_together(self.packed)
        for profile in copies.PROFILES:
            yield from (f"{profile}: {one}" for one in copies.astray(self.case, profile, "fr"))
            yield from (f"{profile}, read by signs: {one}" for one in copies.read_by_signs(self.case, profile))
            with copies.colleagues_named(self.packed):
                yield from (f"{profile}: {one}" for one in copies.named_astray(self.packed, profile, "fr"))
        yield from (f"by a token: {one}" for one in copies.planted(copies.by_token(self.case, "fr")))

    def in_policy(self) -> Iterator[str]:
        """The tests of the policy, called one after the other."""
        for who, changes, expected in test_policy.TABLE:
            if test_policy.sees(self.case.protocol, who, **changes) is not expected:
                yield f"{who}, {changes}"
        for name in ("what_is_open_for_a_time_is_over_to_the_moment", "parts_of_a_scope_hold_what_they_say",
                     "a_seat_opens_nothing_to_whoever_was_made_to_leave", "who_may_open_in_an_emergency"):  # fmt: skip
            try:
                getattr(test_policy, f"test_{name}")(self.case.protocol)
            except AssertionError:
                yield name.replace("_", " ")


# ---- one weakening, in this process or in one of tests ---------------------------------------------------------------


@contextmanager
def weakening(one: Mutant) -> Iterator[None]:
    """The function as the weakening has it, for whoever imported it, too."""
    module = importlib.import_module(f"school_protocol.{one.file.removesuffix('.py').replace('/', '.')}")
    held: Any = module
    for name in one.function.split("."):
        held = vars(held)[name]
    function = rights._plain(held)
    source = Path(PRODUCT, one.file).read_text("utf-8")
    source = source if one.after == one.before else one.applied(source, weakened)
    code = _within(compile(source, f"weakened {one.file}", "exec"), one.function)
    before, function.__code__ = function.__code__, code
    rights._forget()
    try:
        yield
    finally:
        function.__code__ = before
        rights._forget()


def _within(code: CodeType, name: str) -> CodeType:
    waiting = [code]
    while waiting:
        found = waiting.pop()
        if found.co_qualname == name:
            return found
        waiting += [one for one in found.co_consts if isinstance(one, CodeType)]
    raise LookupError(name)


def fails(test: str, one: Mutant) -> bool:
    """Whether that test fails under it."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-p",
               "trials.weakenings", *test.split()]  # fmt: skip
    environment = {
        **os.environ,
        NAMED: json.dumps(one.as_data()),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if said.returncode not in (0, 1):
        raise RuntimeError(f"{test}: {said.stdout[-500:]}{said.stderr[-500:]}")
    return said.returncode == 1


def pytest_configure(config: pytest.Config) -> None:
    """A process of tests that was begun for a weakening runs under it."""
    if NAMED in os.environ:
        holding = ExitStack()
        holding.enter_context(weakening(Mutant(**json.loads(os.environ[NAMED]))))
        config.add_cleanup(holding.close)


TRIALS = (Trial("weakenings", "each weakening of what decides who reads what is told by the quick suite", 300, run),)
