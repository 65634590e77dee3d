"""The same button twice at once, and two people at once: exactly once, and nothing is written over in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.service import make_move, record_act
from school_protocol.context import AppContext
from school_protocol.engine.errors import Conflict
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.storage import idempotency
from school_protocol.storage.models import CaseRecordRow
from school_protocol.ui import forms as ui_forms
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed, at_once, installed
from trials.kills import PIECE, SAFE

PAIRS = {Size.short: (3, 1), Size.whole: (150, 50)}
"""Pairs of threads, and pairs of processes: so many presses, and so many edits."""
A_CASE = 20
"""So many edits are made in one case."""
PEOPLE = ("team_member", "team_member/2")


@dataclass
class Pairs:
    """Works that begin at once: in threads over one open context, or in processes that enter it each for itself."""

    found: Installed
    apart: bool

    @contextmanager
    def looking(self) -> Iterator[AppContext]:
        """The installation, to look at before and after."""
        with self.found.entered() as ctx:
            yield ctx

    def both(self, ctx: AppContext, *works: Callable[[AppContext], Any]) -> list[Any]:
        """What each gave, or the error that it was told."""
        if not self.apart:
            return at_once([lambda work=work: work(ctx) for work in works], apart=False)  # type: ignore[misc]
        ctx.close()  # a connection is never carried into another process

        def entering(work: Callable[[AppContext], Any]) -> Callable[[], Any]:
            def one() -> Any:
                with self.found.entered() as own:
                    return work(own)

            return one

        return at_once([entering(work) for work in works], apart=True)


def length(ctx: AppContext, number: str) -> int:
    """How many events a case has; without a number, how many cases there are."""
    with ctx.realm.reading() as session:
        if not number:
            return session.scalar(select(func.count()).select_from(CaseRecordRow)) or 0
        case_id = cases_repository.find_by_number(session, number)
        assert case_id is not None
        return cases_repository.last_seq(session, case_id)


# ---- pressed twice ---------------------------------------------------------------------------------------------------


def pressed_twice(pairs: Pairs, ctx: AppContext, place: int | str) -> Iterator[str]:
    """A report, a note and a move in turn, each sent twice at the same moment with one token."""
    found = pairs.found
    kind = ("report", "note", "move")[hash(place) % 3]
    number = found.report(ctx, f"récit {place}", f"for {place}") if kind != "report" else ""
    if kind == "move":
        actor = found.actors["team_member"]
        record_act(ctx, actor, number, "safety_check", SAFE, expected=None, token=f"safe {place}", proven=True)

    def press(own: AppContext) -> Any:
        if kind == "report":
            return found.report(own, f"récit {place}", f"twice {place}")
        if kind == "note":
            actor = found.actors["team_member"]
            words = {"text": f"mot {place}"}
            return record_act(own, actor, number, "note", words, expected=None, token=f"twice {place}", proven=True).seq
        return make_move(
            own, found.actors["team_coordinator"], number, "qualify", expected=None, token=f"twice {place}"
        ).seq

    before = length(ctx, number)
    first, second = pairs.both(ctx, press, press)
    after = length(ctx, number)
    if after != before + 1:
        yield f"{kind} {place}, pressed twice at once, was recorded {after - before} times"
    if first != second:
        yield f"{kind} {place}: the two presses were told {first} and {second}"


# ---- two people at once ----------------------------------------------------------------------------------------------


def edited_at_once(
    pairs: Pairs, ctx: AppContext, number: str, place: int | str, *, expects: bool = True
) -> Iterator[str]:
    """Two people who read the same state write at once: one is recorded, the other is told, and keeps their words."""
    found, before = pairs.found, length(ctx, number)
    words = [f"mot-{place}-{who}." for who in PEOPLE]

    def edit(who: str, text: str) -> Callable[[AppContext], int]:
        def write(own: AppContext) -> int:
            try:
                return record_act(
                    own, found.actors[who], number, "evidence", {**PIECE, "description": text},
                    expected=before if expects else None, token=f"edit {place} {who}", proven=True,
                ).seq  # fmt: skip
            except Conflict:  # as a page does it: a form that was turned away is kept for whoever typed it
                ui_forms.keep_draft(own, found.actors[who].id, f"/cases/{number}/{place}", {"text": text})
                raise

        return write

    given = pairs.both(ctx, *(edit(who, text) for who, text in zip(PEOPLE, words, strict=True)))
    told = [isinstance(one, Conflict) or one == {"error": "Conflict"} for one in given]
    after = length(ctx, number)
    if after != before + 1 or sum(told) != 1:
        yield f"edit {place}: {after - before} were recorded and {sum(told)} told, of two ({given})"
        return
    second = told.index(True)
    written = _latest(ctx, number, after)
    if words[1 - second] not in written or words[second] in written:
        yield f"edit {place}: what was recorded is not what was said to be"
    kept = ui_forms.find_draft(ctx, found.actors[PEOPLE[second]].id, f"/cases/{number}/{place}")
    if kept != {"text": words[second]}:
        yield f"edit {place}: the words of the one who came second are gone"


def _latest(ctx: AppContext, number: str, seq: int) -> str:
    with ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, number)
        assert case_id is not None
        return repr(cases_repository.load_events(session, ctx.vault, case_id)[seq - 1 :])


# ---- the trial -------------------------------------------------------------------------------------------------------


def run(size: Size, folder: Path) -> Outcome:
    found, faults, tried = installed(folder), list[str](), 0
    number = ""
    for apart, many in zip((False, True), PAIRS[size], strict=True):
        pairs = Pairs(found, apart)
        with pairs.looking() as ctx:
            for place in range(many):
                name = f"{place}-{'apart' if apart else 'together'}"
                if place % A_CASE == 0:
                    number = found.report(ctx, f"récit des deux {name}", f"both {name}")
                faults += pressed_twice(pairs, ctx, place * 2 + apart)
                faults += edited_at_once(pairs, ctx, number, name)
                tried += 2
    with found.entered() as ctx:
        faults += [f"case {one.case_id}: {one.flaw.value}" for one in verify_journal(ctx)]
        planted, seen = _planted(Pairs(found, False), ctx, number)
    return Outcome(tried, "pairs at once", tuple(faults), planted, seen)


def _planted(pairs: Pairs, ctx: AppContext, number: str) -> tuple[int, int]:
    """An installation that forgets which buttons were pressed, and two people who are not asked what they had read."""
    with _forgetful():
        doubled = list(pressed_twice(pairs, ctx, 30_001))
    unasked = list(edited_at_once(pairs, ctx, number, "unasked", expects=False))
    return 2, any("recorded 2 times" in one for one in doubled) + any("2 were recorded" in one for one in unasked)


@contextmanager
def _forgetful() -> Iterator[None]:
    spent, use = idempotency.spent, idempotency.use
    idempotency.spent = lambda session, press: None  # type: ignore[assignment]
    idempotency.use = lambda session, press, outcome, *, at: None  # type: ignore[assignment]
    try:
        yield
    finally:
        idempotency.spent, idempotency.use = spent, use


TRIALS = (
    Trial(
        "presses", "the same button twice at once, two people at once: exactly once, nothing lost in silence", 400, run
    ),
)
