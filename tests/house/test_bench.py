"""The measurements: their baselines stand by themselves, every row is there, and what gets slower shows."""

from __future__ import annotations

import ast
import gc
import hashlib
import json
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from bench import __main__ as bench
from bench import bulk, fresh, keeping, phone, region, serving, stepping, writing
from bench.baselines import gunicorn_threads
from bench.measuring import PAIRS, Measured, Work, pairs
from bench.prepared import MOVER
from bench.rows import ROWS, Goal, Outcome, Row, Skipped, Workshop
from house.operations import documented, put
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


def test_every_row_is_there() -> None:
    assert list(ROWS) == [
        "list", "case", "move", "press", "refused", "made", "available", "step", "writers", "serve",
        "file-fr", "file-ar", "print-fr", "print-ar",
        "issue-fr", "issue-ar", "fpdf2", "typst", "many", "beside", "flat", "crowd", "fresh",
        "wire-desk", "wire-case", "wire-form", "phone",
        "proof", "proof-2s", "proof-2f", "proof-60", "figures", "figures-pg", "summary", "summary-pg", "queue",
        "queue-pg", "review", "review-pg",
        "size-list", "size-queue", "size-find", "size-case", "size-list-pg", "size-queue-pg", "size-find-pg",
        "size-case-pg", "seats", "start",
    ]  # fmt: skip


def test_help_lists_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        bench.main(["--help"])
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert [row.name for row in ROWS.values() if f"\n  {row.name} " not in said] == []


def test_no_other_row_is_taken() -> None:
    with pytest.raises(SystemExit) as left:
        bench.main(["--row", "nothing"])
    assert left.value.code == 2


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
def test_each_row_says_what_it_found_and_whether_the_goal_is_reached(
    rows_of: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    rows_of(
        made_up("fast", Outcome(2, 1, 2, (2,), "a note"), Goal(2)),
        made_up("slow", Outcome(2.001, 1, 2.001), Goal(2)),
        made_up("small", Outcome(40, 1, 40), Goal(50, "µs")),
        made_up("free", Outcome(3, 1, 3)),
        made_up("both", Outcome(101, 90, 1.1), Goal(3, also=Goal(100, "ms"))),
        made_up("missing", Skipped("no such browser")),
    )
    assert bench.main([]) == 0
    fast, slow, small, free, both, missing = re.findall(r"^(.+\n +.+)$", capsys.readouterr().out, re.MULTILINE)
    assert fast.split() == (
        [
            "fast",
            "what",
            "fast",
            "is",
            "2",
            "ms",
            "·",
            "a",
            "peer",
            "1",
            "ms",
            "·",
            "ratio",
            "2",
            "×",
            "·",
            "goal",
            "≤",
            "2",
            "×:",
            "reached",
            "·",
            "a",
            "note",
        ]
    )
    assert "goal ≤ 2 ×: NOT REACHED" in slow
    assert "goal ≤ 50 µs: reached" in small
    assert free.endswith("no goal")
    assert "goal ≤ 3 ×, ≤ 100 ms: NOT REACHED" in both
    assert missing.endswith("skipped: no such browser")


@pytest.mark.exhaustive
def test_json_holds_the_same(rows_of: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    rows_of(made_up("one", Outcome(2, 1, 2, (1.9, 2, 2.1)), Goal(2)), made_up("other", Skipped("no")))
    assert bench.main(["--json", "--row", "one", "--row", "other"]) == 0
    one, other = json.loads(capsys.readouterr().out)
    assert (one["row"], one["ratio"], one["ratios"], one["reached"]) == ("one", 2, [1.9, 2, 2.1], True)
    assert other == {"row": "other", "what": "what other is", "against": "a peer", "skipped": "no"}


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


def test_noise_is_what_the_same_work_lies_from_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "pairs", lambda one, other: Measured(1, 1, 1, (0.98, 1.0, 1.07)))
    assert keeping.noise(lambda: None) == pytest.approx(0.07)


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


def test_a_ratio_is_the_median_of_pairs() -> None:
    clock = Ticks()
    found = pairs(Work(clock.work(6), 3), Work(clock.work(2), 50), clock=clock)
    assert (found.figure, found.baseline, found.ratio) == pytest.approx((6, 2, 3))
    assert found.ratios == pytest.approx((3,) * 5)


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
    """A small house, and one pair for each row."""
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
        ("case", showing, "see_case", 0.1),
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
    house = shop.house

    def events() -> int:
        return len(house.loaded(MOVER).events)

    with house.put_back() as back:
        before = events()
        note = {"text": "Rien de nouveau."}
        cases_service.record_act(
            house.house, house.player.actor(MOVER), house.number, "add_note", note, expected=None, token="t"
        )
        assert events() == before + 1
        back()
        assert events() == before


# ---- figures, month by month ---------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_line_of_the_docs_issues_a_month_and_finds_nothing_open() -> None:
    """In its short form: one academy, one month."""
    python, *words = shlex.split(put(documented("python -m bench.gate"), {" 12": " 1 --region"}))
    assert python == "python"
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True, text=True)
    [month] = json.loads(done.stdout)
    assert month["gate"]["found"] == 0
    assert month["cases"] > month["told"] > 0


# ---- rows that are tried in a hurry --------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_step_says_what_each_of_the_two_does(shop: Workshop) -> None:
    outcome = ROWS["step"].measure(shop)
    assert outcome.figure > 0
    assert "one event written (3" in outcome.notes
    assert "the whole workflow written (8" in outcome.notes


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
    ours = stepping.five_stages(shop.house.loaded(MOVER))
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
def test_writers_at_once_keep_as_the_product_does_beside_hastier_ones(shop: Workshop) -> None:
    outcome = ROWS["writers"].measure(shop)
    assert outcome.figure > 0
    assert " against NORMAL; 6 and 6 moves, 3 at once, no error; " in outcome.notes


@pytest.mark.exhaustive
@pytest.mark.usefixtures("few_writers")
def test_a_writer_who_is_turned_away_fails_the_row(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: Any, **_named: Any) -> None:
        raise StorageBusy("database is locked")

    monkeypatch.setattr(writing.cases_service, "make_move", away)
    with pytest.raises(RuntimeError, match=r"^12 of 12 moves failed: .*database is locked"):
        ROWS["writers"].measure(shop)


@pytest.fixture
def odd_page() -> Iterator[int]:
    """A server whose pages hold no case; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"nothing")

        def log_message(self, *_said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.exhaustive
def test_a_page_that_is_not_the_list_is_no_answer(odd_page: int) -> None:
    with pytest.raises(RuntimeError, match="answers were no good"):
        serving.Crowd(odd_page, "", 1)()


@pytest.mark.exhaustive
def test_both_servers_have_as_many_threads_over_the_same_site(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(shop.house.folder))
    monkeypatch.setattr(own_server, "serve", served := Mock())
    said = CliRunner().invoke(cli.main, [*serving.EMBEDDED[2:-1], "5000"])
    assert said.exit_code == 0, said.output
    assert served.call_args.kwargs["threads"] == gunicorn_threads.threads
    cookie = serving.signed_in(shop.house)
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
def test_the_queue_of_reviews_answers_with_each_kind_of_wait(shop: Workshop) -> None:
    sizes = region.regions(shop, server=False)
    assert sizes[max(sizes)].review()


@pytest.mark.exhaustive
def test_files_are_fresh_again_only_once_they_were_made(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "make_ahead_once", lambda _house: False)
    monkeypatch.setattr(fresh, "issue_case_file", lambda *_asked: None)
    with pytest.raises(RuntimeError, match="nothing is left to be made"):
        ROWS["fresh"].measure(shop)


def test_memory_is_the_most_of_a_span_of_files() -> None:
    job = bulk.Job(files=90, hands=1, held=[(0, 50.0), (20, 100.0), (40, 101.0), (50, 300.0), (70, 90.0), (90, 120.0)])
    assert (job.most(15, 45), job.most(60, 90)) == (101, 120)


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


def test_what_counts_and_misses_something_is_named() -> None:
    def of(score: float, **audits: float | None) -> dict[str, Any]:
        return {"score": score, "auditRefs": [{"id": name, "weight": int(name != "hint")} for name in audits]}

    audits: dict[str, dict[str, float | None]] = {
        "performance": {"fast": 1, "hint": 0}, "accessibility": {"contrast": 0}, "best-practices": {"manual": None},
    }  # fmt: skip
    report = {
        "categories": {name: of(0.93, **found) for name, found in audits.items()},
        "audits": {name: {"score": score} for found in audits.values() for name, score in found.items()},
    }
    assert phone.score_of(report, "accessibility") == 93
    assert phone.short_of(report) == ["contrast"]
