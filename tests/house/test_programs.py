"""Programs of others that tests call: a check asks for each, and says which tests were passed over without it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from programs import lacking, needs

ROOT = Path(__file__).parents[2]
TESTS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")}
WITH_SYSTEMD = {"systemctl", "systemd-run"}
ON_EVERY_MACHINE = {"useradd"}


def wanted(texts: dict[str, str]) -> set[str]:
    """Every program that some test needs."""
    return {name for text in texts.values() for name in re.findall(r'^@needs\("([\w-]+)"\)$', text, re.MULTILINE)}


def unasked(names: set[str]) -> set[str]:
    """Those that neither apt nor pip is asked for."""
    [asked] = re.findall(r"^programs=\((.*)\)$", (ROOT / "run").read_text("utf-8"), re.MULTILINE)
    brought = re.findall(r"^    ([\w-]+)-bin>=", (ROOT / "setup.cfg").read_text("utf-8"), re.MULTILINE)
    by_apt = {one.partition(":")[0] for one in asked.split()}
    return names - by_apt - set(brought) - WITH_SYSTEMD - ON_EVERY_MACHINE


def test_each_program_that_a_test_needs_is_asked_for() -> None:
    assert {"nginx", "caddy", "litestream", "systemd-analyze", "curl", "pdfsig", "pdfinfo"} <= wanted(TESTS)
    assert unasked(wanted(TESTS)) - {"pdfinfo", "pdftotext"} == set(), "both come with pdfsig"
    assert unasked({"nginx", "haproxy"}) == {"haproxy"}, "the control"


def test_no_test_is_passed_over_in_another_way() -> None:
    def own_ways(texts: dict[str, str]) -> list[str]:
        return [name for name, text in texts.items() if re.search(r"skipif\([^\n]*\bwhich\(", text)]

    assert own_ways(TESTS) == []
    planted = '@pytest.mark.skipif(not shutil.WHICH("x"), reason="")'.replace("WHICH", "which")
    assert own_ways({"planted": planted}) == ["planted"], "the control"


def test_who_lacks_a_program_is_named() -> None:
    def report(test: str, reason: Any) -> Any:
        return SimpleNamespace(nodeid=test, longrepr=reason)

    said = needs("no-such-program").kwargs["reason"]
    reports = [
        report("a.py::test_one", ("a.py", 3, f"Skipped: {said}")),
        report("a.py::test_two", ("a.py", 9, "Skipped: both places are named here")),
        report("a.py::test_three", None),
    ]
    assert lacking(reports) == ["a.py::test_one: no-such-program is not here"]


@pytest.mark.exhaustive
def test_the_option_is_known_where_no_test_is_named(tmp_path: Path) -> None:
    """As a check gives it: in a word of its own the file would be taken for where the tests are."""
    [said] = re.findall(r"\$\{passed_over:\+(--[\w-]+[= ])", (ROOT / "run").read_text("utf-8"))

    def asked(*words: str) -> int:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words, "--markers"]
        return subprocess.run(command, cwd=ROOT, capture_output=True).returncode

    assert asked(f"{said}{tmp_path / 'here'}") == 0
    assert asked("--passed-over", str(tmp_path)) == 4, "the control"


@pytest.mark.parametrize("name", ["sh"])
def test_one_that_is_here_is_no_reason(name: str) -> None:
    assert needs(name).args == (False,)
