"""The measurements: their baselines stand by themselves, every row is there, and what gets slower shows."""

from __future__ import annotations

import ast
import gc
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from bench import __main__ as bench
from bench import bulk, fresh, keeping, region, serving, stepping, writing
from bench.baselines import gunicorn_threads
from bench.measuring import PAIRS, Work, pairs
from bench.prepared import MOVER
from bench.rows import ROWS, Goal, Outcome, Row, Skipped, Workshop
from school_protocol import cli
from school_protocol.cases import service as cases_service
from school_protocol.cases import showing
from school_protocol.cli import serving as own_server
from school_protocol.engine import decisions
from school_protocol.storage.store_errors import StorageBusy

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / "bench" / "baselines"
SCRIPTS = sorted(BASELINES.glob("*.py"))
FROZEN = {
    "case_file.ar.html": "1ff4286814b9ecc5",
    "case_file.css": "b3cc36de7e9266fd",
    "case_file.fr.html": "145bdc5e43dbdb14",
    "fpdf_file.py": "c0405b28a81c11b5",
    "plain_text.py": "52d1f566807963ee",
    "typst_file.py": "fa1146e563ca608c",
    "flask_page.py": "d3a78602b85c5d33",
    "straightforward.py": "73bf85aa6af5d480",
    "trigger.py": "ddaa5403ee9ea788",
    "five_stages.bpmn": "7da709e3cd999c7f",
    "gunicorn_threads.py": "c37f803fbdf96f0e",
    "spiff_step.py": "6c73596ba647731d",
}
"""What each baseline was when the first ratios were taken: another one makes them incomparable."""
PAGES = sorted(path for path in BASELINES.iterdir() if path.suffix in (".html", ".css"))


@pytest.fixture(scope="module", autouse=True)
def aside() -> None:
    """What other tests left isn't looked through again before each of the many samples."""
    gc.collect()
    gc.freeze()


# ---- the baselines are frozen --------------------------------------------------------------------------------------


def imported(path: Path) -> set[str]:
    """The packages that a script names in its imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else str(node.module).split(".")[0])
    return found


@pytest.mark.exhaustive
def test_the_baselines_are_those_that_were_frozen() -> None:
    files = [path for path in BASELINES.iterdir() if path.is_file() and path.name != "__init__.py"]
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files} == FROZEN


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_baseline_imports_the_product_or_the_bench(path: Path) -> None:
    assert not imported(path) & {"school_protocol", "bench", ".", "importlib"}


@pytest.mark.exhaustive
def test_nothing_of_the_product_is_loaded_with_the_baselines() -> None:
    names = ", ".join(f"bench.baselines.{path.stem}" for path in SCRIPTS if path.stem != "__init__")
    program = f"import sys, {names}; print([name for name in sys.modules if name.startswith('school_protocol')])"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_frozen_page_asks_for_nothing_but_what_lies_beside_it(path: Path) -> None:
    text = path.read_text("utf-8")
    asked = re.findall(r"url\(([^)]*)\)|(?:href|src)=\"([^\"]*)\"", text)
    assert {one or other for one, other in asked} <= {"case_file.css", "plex-400.ttf", "plex-600.ttf"}
    assert "school_protocol" not in text


# ---- the rows ------------------------------------------------------------------------------------------------------


def made_up(name: str, outcome: Outcome | Exception, goal: Goal | None = None) -> Row:
    def measure(_shop: Workshop) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Row(name, f"what {name} is", "a peer", "ms", goal, measure)


@pytest.fixture
def rows_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts made-up rows in the place of the real ones."""

    def put(*made: Row) -> None:
        monkeypatch.setattr(bench, "ROWS", {row.name: row for row in made})

    return put


@pytest.mark.exhaustive
def test_what_is_kept_is_the_latest_of_each_row_beside_the_one_before(
    rows_of: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, page = tmp_path / "history.jsonl", tmp_path / "bench.md"
    monkeypatch.setattr(keeping, "TABLE", page)
    monkeypatch.setattr(bench.keeping, "keep", partial(keeping.keep, history=history))
    monkeypatch.setattr(bench.keeping, "told", partial(keeping.told, history))
    rows_of(made_up("one", Outcome(2, 1, 2), Goal(1.5)), made_up("gone", Skipped("no")))
    assert bench.main(["--keep"]) == 0
    rows_of(made_up("one", Outcome(3, 1, 1.25, (1.25,) * PAIRS), Goal(1.5)))
    assert bench.main(["--keep"]) == 0
    assert [json.loads(line)["ratio"] for line in history.read_text("utf-8").splitlines()] == [2, 1.25]
    [row] = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert "| 1.25 | 2 | ≤ 1.5 ×: reached | ± " in row
    assert "| 1.25 (of 1) |" in keeping.table([{**keeping.told()[-1], "ratios": []}])
    assert bench.main([]) == 0
    assert len(history.read_text("utf-8").splitlines()) == 2, "kept only where it is asked for"


# ---- what gets slower shows ----------------------------------------------------------------------------------------


class Ticks:
    """A clock that only work turns."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def work(self, seconds: float) -> Callable[[], None]:
        def spend() -> None:
            self.seconds += seconds

        return spend

    def __call__(self) -> float:
        return self.seconds


def test_what_is_put_back_is_not_timed() -> None:
    clock = Ticks()
    put_back: list[int] = []

    def back() -> None:
        clock.seconds += 100
        put_back.append(1)

    found = pairs(Work(clock.work(6), 3, back), Work(clock.work(2)), clock=clock)
    assert found.ratio == pytest.approx(3)
    assert len(put_back) == 1 + 3 * PAIRS


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    """A small installation, and one pair for each row."""
    with Workshop(most=1, hurry=True, short_cases=1, events=4) as shop:
        yield shop


def slowed(call: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def slow(*arguments: Any, **named: Any) -> Any:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        return call(*arguments, **named)

    return slow


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("row", "room", "name", "seconds"),
    [
        ("case", showing, "see_tasks", 0.1),
        ("available", decisions, "available", 0.003),
        ("step", decisions, "decide", 0.003),
    ],
)
def test_a_planted_slow_function_shows_as_a_larger_ratio(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, row: str, room: Any, name: str, seconds: float
) -> None:
    before = ROWS[row].measure(shop)
    monkeypatch.setattr(room, name, slowed(getattr(room, name), seconds))
    after = ROWS[row].measure(shop)
    assert after.ratio > 2 * before.ratio > 0


def test_what_was_written_is_put_back(shop: Workshop) -> None:
    ctx = shop.ctx

    def events() -> int:
        return len(ctx.loaded(MOVER).events)

    with ctx.put_back() as back:
        before = events()
        note = {"text": "Rien de nouveau."}
        cases_service.record_act(
            ctx.ctx, ctx.player.actor(MOVER), ctx.number, "add_note", note, expected=None, token="t"
        )
        assert events() == before + 1
        back()
        assert events() == before


# ---- rows that are tried in a hurry --------------------------------------------------------------------------------


def test_the_step_of_the_frozen_process_is_the_third_of_five() -> None:
    from bench.baselines import spiff_step  # only here: it takes a while to be read

    once, back = spiff_step.step()
    texts = [json.loads(once())]
    back()
    texts.append(json.loads(once()))
    for text in texts:
        state = {task["task_spec"]: task["state"] for task in text["tasks"].values()}
        done = max(state.values())
        assert [state[name] == done for name in ("report", "protect", "listen", "decide")] == [True, True, True, False]


def test_our_step_leaves_the_same_stage_and_writes_what_is_kept(shop: Workshop) -> None:
    ours = stepping.five_stages(shop.ctx.loaded(MOVER))
    written = []
    for step in (ours.once, ours.folded_anew):
        assert ours.case.state == "listen"
        written.append(step())
        ours.back()
    assert written[0] == written[1]
    event = json.loads(written[0])
    assert (event["kind"], event["seq"], event["body"]["target"]) == ("StepTaken", len(ours.events) + 1, "decide")


@pytest.fixture
def few_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WRITERS", 3)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("few_writers")
def test_a_writer_who_is_turned_away_fails_the_row(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: Any, **_named: Any) -> None:
        raise StorageBusy("database is locked")

    monkeypatch.setattr(writing.cases_service, "make_move", away)
    with pytest.raises(RuntimeError, match=r"^12 of 12 moves failed: .*database is locked"):
        ROWS["writers"].measure(shop)


@pytest.mark.exhaustive
def test_both_servers_have_as_many_threads_over_the_same_site(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(shop.ctx.folder))
    monkeypatch.setattr(own_server, "serve", served := Mock())
    said = CliRunner().invoke(cli.main, [*serving.EMBEDDED[2:-1], "5000"])
    assert said.exit_code == 0, said.output
    assert served.call_args.kwargs["threads"] == gunicorn_threads.threads
    cookie = serving.signed_in(shop.ctx)
    for app in (served.call_args.args[0], serving.site()):
        assert b'href="/cases/' in Client(app, use_cookies=False).get("/", headers={"Cookie": cookie}).data


@pytest.mark.exhaustive
def test_a_summary_that_holds_nothing_is_not_measured(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = ROWS["summary"].measure(shop)
    assert 0 < outcome.figure < ROWS["figures"].measure(shop).figure, "a part of it"
    monkeypatch.setattr(region.statistics_repository, "below", lambda *_any: [])
    with pytest.raises(RuntimeError, match="0 counters"):
        ROWS["summary"].measure(shop)


# ---- files made ahead, and many ------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_files_are_fresh_again_only_once_they_were_made(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "make_ahead_once", lambda _ctx: False)
    monkeypatch.setattr(fresh, "issue_case_file", lambda *_asked: None)
    with pytest.raises(RuntimeError, match="nothing is left to be made"):
        ROWS["fresh"].measure(shop)


def test_a_process_that_grows_shows(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = bulk.Job(files=90, hands=1, made=90, seconds=9, held=[(30, 100.0), (89, 111.0)], alone=[1], beside=[1.3])
    monkeypatch.setattr(shop, "job", grown)
    goals = {name: ROWS[name].goal for name in ("flat", "crowd")}
    assert [goal.is_reached(ROWS[name].measure(shop)) for name, goal in goals.items() if goal] == [False, False]
    grown.held, grown.beside = [(30, 100.0), (89, 109.0)], [1.1]
    assert [goal.is_reached(ROWS[name].measure(shop)) for name, goal in goals.items() if goal] == [True, True]


# ---- Lighthouse ----------------------------------------------------------------------------------------------------


def test_without_lighthouse_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, shop: Workshop) -> None:
    monkeypatch.delenv("SCHOOL_PROTOCOL_LIGHTHOUSE", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Skipped, match="npm install -g lighthouse"):
        ROWS["phone"].measure(shop)
