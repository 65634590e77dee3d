"""What a screen reader meets on the main pages, in each language: kept beside this file, and read by people.

A page that changed fails here until somebody has read what changed: `KEEP_ARIA=1 ./run test --all
tests/browser/test_aria.py` writes the new ones, for `git diff` to show. Numbers of cases, and of posts, are drawn by
lot: they stand as 0000.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from school_protocol.storage.case_numbers import format_number

from .conftest import PHONE, Serve, Sit
from .inspector import LANGUAGES, OTHER, speak
from .served import Served, story

KEPT = Path(__file__).parent / "aria"
MAIN = {
    "desk": ("team_coordinator", "/"),
    "case": ("team_coordinator", "{case}"),
    "step": ("team_coordinator", "{other}/moves/assign"),
    "first-minutes": ("team_member", "{case}/first-minutes"),
    "safety-check": ("team_member", "{case}/acts/safety_check"),
}
MORE = {
    "week": ("team_coordinator", "/?view=week"),
    "report": ("reporter", "/reports/new"),
    "which-danger": ("team_member", "{case}/danger"),
    "case-without-names": ("directorate", "{case}"),
    "to-sign": ("head", "{case}/acts/signature"),
    "team": ("head", "/team"),
    "words": ("team_member", "/words"),
    "help": ("team_member", "/help"),
    "teams": ("directorate", "/teams"),
    "duty": ("directorate", "/teams/duty"),
    "systems": ("directorate", "/systems"),
    "from-schools": ("directorate", "/from-schools"),
}


@pytest.fixture(scope="module")
def ctx(serve: Serve) -> Served:
    """A case with a danger at home and a hold that waits for a second signature; one that waits for its lead."""
    served = serve("2026-10-05T09:00")
    sc1, sc3 = story("sc1"), story("sc3")
    with pytest.MonkeyPatch.context() as patch:  # words are drawn by a key, another one each time
        patch.setattr("school_protocol.cases.loading.words_drawn", lambda _ctx, _id, _time=0: ["compass", "saffron"])
        served.replay([{**step, "case": OTHER} for step in sc1[: [step["do"] for step in sc1].index("name_seat")]])
        until = [step["do"] for step in sc3].index("F3") - 1
        served.replay([step for step in sc3[:until] if step["do"] != "sign"])
    return served


@pytest.mark.exhaustive(but=("ar-main",))
@pytest.mark.parametrize("pages", [MAIN, MORE], ids=["main", "more"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_screen_reader_meets(ctx: Served, sit: Sit, language: str, pages: Mapping[str, tuple[str, str]]) -> None:
    speak(ctx, language)
    seated, changed = {}, []
    for name, (role, path) in pages.items():
        if role not in seated:
            seated[role] = sit(ctx, role, language, PHONE)
        person = seated[role]
        person.open(path.format(case=f"/cases/{ctx.number}", other=f"/cases/{ctx.player.numbers[OTHER]}"))
        now = read(ctx, person.page.locator("body").aria_snapshot())
        if os.environ.get("KEEP_ARIA"):
            (KEPT / f"{name}-{language}.yml").write_text(now, "utf-8")
        changed += differences(name, language, now)
    assert not changed, "\n".join(changed)


def read(ctx: Served, said: str) -> str:
    """The snapshot without what is drawn by lot."""
    for number in ctx.player.numbers.values():
        for shape in (number, format_number(number), format_number(number).replace(" ", "\u00a0")):
            said = said.replace(shape, "0000")
    return re.sub(r"\b[a-z0-9]{26}\b", "0000", said) + "\n"


def differences(name: str, language: str, now: str) -> list[str]:
    path = KEPT / f"{name}-{language}.yml"
    kept = path.read_text("utf-8") if path.exists() else ""
    both = (kept.splitlines(), now.splitlines())
    return list(difflib.unified_diff(*both, f"{path.name}, kept", "now", lineterm="", n=1))


@pytest.mark.exhaustive
def test_a_change_is_seen() -> None:
    kept = (KEPT / "desk-fr.yml").read_text("utf-8")
    assert differences("desk", "fr", kept) == []
    assert differences("desk", "fr", kept.replace("button", "text", 1)) != []
