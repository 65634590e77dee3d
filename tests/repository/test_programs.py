"""Programs of others that tests call: a check asks for each, and says which tests were passed over without it."""

from __future__ import annotations

import re
from pathlib import Path

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
