"""The rows: what is measured, against what, and the goal that PERFORMANCE.md sets for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from bench import bulk, copies, fresh, phone, serving, stepping, writing
from bench.baselines import flask_page, straightforward, trigger
from bench.measuring import PAIRS, Clock, Measured, Work, children_cpu, own_cpu, pairs, wall
from bench.outcomes import Goal, Outcome, Skipped
from bench.prepared import DEFINITION, MOVER, READER, ROOT, Prepared, add_notes, prepare
from bench.region import Region, regional
from bench.room import full_house
from bench.sizes import Sized, sized
from school_protocol.case_files import pages as case_files_pages
from school_protocol.cases import service as cases_service
from school_protocol.config import LANGUAGES
from school_protocol.engine import decisions, intents
from school_protocol.engine.case import Case, fold
from school_protocol.engine.deadlines import open_dues, read
from school_protocol.engine.errors import Refused
from school_protocol.language import Wording

LIMIT = 30_000
"""Bytes of a page on the wire, HTML and CSS, without fonts."""
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    name: str
    what: str
    against: str
    unit: str
    goal: Goal | None
    measure: Callable[[Workshop], Outcome]


@dataclass
class Workshop:
    """What rows share, made when the first of them asks for it."""

    most: int = PAIRS
    hurry: bool = False
    """A tenth of the calls, for trying things out: the ratios are rough."""
    short_cases: int | None = None
    events: int | None = None
    stack: ExitStack = field(default_factory=ExitStack)
    regions: dict[bool, dict[int, Region]] = field(default_factory=dict)
    """On a server or not: a region of each size."""
    countries: dict[bool, tuple[Sized, ...]] = field(default_factory=dict)
    """On a server or not: the same country with a thousand cases, a hundred thousand, a million."""
    job: bulk.Job | None = None
    """A thousand case files made in one job."""

    def pairs(self, figure: Work, baseline: Work, clock: Clock = own_cpu) -> Measured:
        share = 10 if self.hurry else 1
        fewer = [replace(work, times=-(-work.times // share)) for work in (figure, baseline)]
        return pairs(*fewer, clock=clock, most=self.most)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stack.close()

    @cached_property
    def ctx(self) -> Prepared:
        wanted = {"short_cases": self.short_cases, "events": self.events}
        return self.stack.enter_context(prepare(**{key: value for key, value in wanted.items() if value is not None}))

    @cached_property
    def long(self) -> Prepared:
        """An installation with one case of ten times as many events."""
        events = len(self.ctx.loaded(READER).events)
        made = self.stack.enter_context(prepare(short_cases=0, events=events))
        add_notes(made, 10 * (events - 1))
        return made

    @cached_property
    def bare_page(self) -> Callable[[], bytes]:
        return flask_page.bare_page()

    @cached_property
    def frozen_pages(self) -> dict[str, Path]:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="school-protocol-bench-"))
        return straightforward.lay_out(Path(folder))

    @cached_property
    def chromium(self) -> Any:
        """A warm page of a browser."""
        path = phone.chromium()
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError:
            raise Skipped("playwright is not installed") from None
        try:
            started = self.stack.enter_context(sync_playwright())
            browser = started.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        except Error as error:
            raise Skipped(f"chromium does not start: {str(error).splitlines()[0]}") from None
        self.stack.callback(browser.close)
        return browser.new_page()


# ---- pages -------------------------------------------------------------------------------------------------------


def _page_against_bare(shop: Workshop, work: Work, notes: str = "") -> Outcome:
    return _in(1e3, shop.pairs(work, Work(shop.bare_page, 1000)), notes)


def _in(scale: float, found: Measured, notes: str = "") -> Outcome:
    return Outcome(found.figure * scale, found.baseline * scale, found.ratio, found.ratios, notes)


def _asks(client: Any, address: str) -> Callable[[], bytes]:
    def ask() -> bytes:
        response = client.get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        data: bytes = response.data
        return data

    return ask


def list_page(shop: Workshop) -> Outcome:
    ask = _asks(shop.ctx.client(READER), "/")
    lines = ask().count(b'href="/cases/')
    return _page_against_bare(shop, Work(ask, 20), f"{lines} links to cases")


def case_page(shop: Workshop) -> Outcome:
    ask = _asks(shop.ctx.client(READER), f"/cases/{shop.ctx.number}")
    return _page_against_bare(shop, Work(ask, 10), f"{len(shop.ctx.loaded(READER).events)} events")


def long_case_page(shop: Workshop) -> Outcome:
    """The same page of a case with ten times as many events: most of those that came since are notes."""
    many, few = (_asks(one.client(READER), f"/cases/{one.number}") for one in (shop.long, shop.ctx))
    counts = [len(one.loaded(READER).events) for one in (shop.long, shop.ctx)]
    return _in(1e3, shop.pairs(Work(many, 10), Work(few, 10)), "{} and {} events".format(*counts))


def a_move(shop: Workshop) -> Outcome:
    """The use case: load, fold, decide, seal, chain, commit."""
    ctx = shop.ctx
    actor, seq = ctx.player.actor(MOVER), ctx.loaded(MOVER).case.last_seq

    def move() -> None:
        cases_service.make_move(ctx.ctx, actor, ctx.number, ctx.move, expected=seq, token="measured")

    with ctx.put_back() as back:
        return _page_against_bare(shop, Work(move, 8, back), f"{ctx.move}, after {seq} events")


def a_press(shop: Workshop) -> Outcome:
    """The same move by its form: with the session, the form token and the answer that leads back to the case."""
    ctx = shop.ctx
    client = ctx.client(MOVER)
    address = f"/cases/{ctx.number}/moves/{ctx.move}"
    form = hidden_fields(_asks(client, address)().decode())

    def press() -> None:
        response = client.post(address, data=form)
        if response.status_code != 303:
            raise RuntimeError(f"the press was answered {response.status_code}")

    with ctx.put_back() as back:
        return _page_against_bare(shop, Work(press, 8, back))


def hidden_fields(page: str) -> dict[str, str]:
    """Name and value of every hidden field of a page's forms that post to the page itself."""
    from lxml import html

    found: Mapping[str, str] = {}
    for form in html.fromstring(page).forms:
        fields = {field.name: field.value or "" for field in form.xpath(".//input[@type='hidden']")}
        if "expected" in fields:
            found = fields
    return dict(found)


# ---- the engine --------------------------------------------------------------------------------------------------


def _against_trigger(shop: Workshop, work: Work, notes: str, share: int = 1) -> Outcome:
    found = shop.pairs(work, Work(trigger.bare_trigger(), 10_000))
    one = Measured(
        found.figure / share, found.baseline, found.ratio / share, tuple(ratio / share for ratio in found.ratios)
    )
    return _in(1e6, one, notes)


def _choices(shop: Workshop) -> tuple[intents.Choice, ...]:
    loaded = shop.ctx.loaded(MOVER)
    return decisions.available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around)


def decision_refused(shop: Workshop) -> Outcome:
    """The move that is measured, at the point of the story where most of its needs are unmet."""
    whole = shop.ctx.loaded(MOVER)
    intent = intents.MakeMove(shop.ctx.move)
    tried = [(fold(whole.protocol, whole.events[:seq]), seq) for seq in range(1, len(whole.events) + 1)]

    def unmet(case: Case) -> int:
        try:
            decisions.decide(whole.protocol, case, whole.actor, whole.now, whole.around, intent)
        except Refused as refusal:
            codes = [reason.code for reason in refusal.reasons]
            return 0 if set(codes) - {"need"} else len(codes)
        return 0

    case, seq = max(tried, key=lambda one: unmet(one[0]))
    count = unmet(case)

    def decide() -> None:
        with suppress(Refused):
            decisions.decide(whole.protocol, case, whole.actor, whole.now, whole.around, intent)
            raise RuntimeError(f"{intent.move} was not refused")

    notes = f"{intent.move} after {seq} events: {count} needs unmet"
    return _against_trigger(shop, Work(decide, 200), notes)


def decision_made(shop: Workshop) -> Outcome:
    loaded = shop.ctx.loaded(MOVER)
    intent = intents.MakeMove(shop.ctx.move)

    def decide() -> None:
        made = decisions.decide(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around, intent)
        numbered = [event.numbered(loaded.case.last_seq + place) for place, event in enumerate(made.events, 1)]
        after = fold(loaded.protocol, numbered, loaded.case.copied())
        open_dues(read(loaded.protocol, after, loaded.now, loaded.around))

    needs = len(loaded.protocol.moves[shop.ctx.move].needs)
    return _against_trigger(shop, Work(decide, 200), f"{shop.ctx.move}: {needs} needs")


def all_choices(shop: Workshop) -> Outcome:
    loaded = shop.ctx.loaded(MOVER)

    def available() -> None:
        decisions.available(loaded.protocol, loaded.case, loaded.actor, loaded.now, loaded.around)

    count = len(_choices(shop))
    return _against_trigger(shop, Work(available, 200), f"one of {count} acts and moves", count)


def step_beside_spiff(shop: Workshop) -> Outcome:
    return _in(1e6, *stepping.beside_spiff(shop))


def writers(shop: Workshop) -> Outcome:
    return _in(1e3, *writing.at_once(shop))


def embedded(shop: Workshop) -> Outcome:
    return _in(1e3, *serving.embedded_beside_gunicorn(shop))


PAGES_A_SECOND = 60
"""So many list pages one core serves at least."""


def of_a_core(shop: Workshop) -> Outcome:
    used, most = serving.processor_of_a_page(shop), 1e3 / PAGES_A_SECOND
    return Outcome(used, most, used / most, notes=f"{1e3 / used:.0f} pages a second a core, by `serve` over HTTP")


# ---- the case file -----------------------------------------------------------------------------------------------


def _case_file(shop: Workshop, language: str) -> Callable[[], bytes]:
    view, voice = shop.ctx.file, Wording(language)
    return lambda: case_files_pages.case_file(view, voice, b"{}")


def _pages_of(pdf: bytes) -> int:
    from io import BytesIO

    from pypdf import PdfReader

    return len(PdfReader(BytesIO(pdf)).pages)


def case_file(language: str) -> Callable[[Workshop], Outcome]:
    def measure(shop: Workshop) -> Outcome:
        ours, page = _case_file(shop, language), shop.frozen_pages[language]
        theirs = lambda: straightforward.print_page(page)  # noqa: E731
        notes = f"{_pages_of(ours())} and {_pages_of(theirs())} pages"
        return _in(1e3, shop.pairs(Work(ours), Work(theirs)), notes)

    return measure


def case_file_beside_chromium(language: str) -> Callable[[Workshop], Outcome]:
    def measure(shop: Workshop) -> Outcome:
        ours, printed = _case_file(shop, language), _printed(shop, language)
        notes = f"{_pages_of(ours())} and {_pages_of(printed())} pages, on the wall"
        return _in(1e3, shop.pairs(Work(ours), Work(printed), wall), notes)

    return measure


def issued_beside_chromium(language: str) -> Callable[[Workshop], Outcome]:
    def measure(shop: Workshop) -> Outcome:
        printed, ctx = _printed(shop, language), shop.ctx
        with copies.issuing(ctx, language) as issue:
            found = shop.pairs(Work(issue), Work(printed), wall)
            return _in(1e3, found, copies.where_it_goes(ctx, language, _case_file(shop, language)()))

    return measure


def _printed(shop: Workshop, language: str) -> Callable[[], bytes]:
    address, browser = shop.frozen_pages[language].as_uri(), shop.chromium

    def printed() -> bytes:
        browser.goto(address)
        data: bytes = browser.pdf(prefer_css_page_size=True, print_background=True)
        return data

    return printed


def beside_fpdf2(shop: Workshop) -> Outcome:
    if not copies.has("fpdf"):
        raise Skipped("fpdf2 is not installed: pip install .[bench]")
    from bench.baselines import fpdf_file

    page, ours = shop.frozen_pages["fr"], _case_file(shop, "fr")
    text = copies.text_of(page)
    theirs = lambda: fpdf_file.set_text(text, page.parent)  # noqa: E731
    return _in(1e3, shop.pairs(Work(ours), Work(theirs)), f"{_pages_of(ours())} and {_pages_of(theirs())} pages")


def beside_typst(shop: Workshop) -> Outcome:
    if not copies.has("typst"):
        raise Skipped("typst is not installed: pip install .[bench]")
    from bench.baselines import typst_file

    page, ours = shop.frozen_pages["fr"], _case_file(shop, "fr")
    theirs = typst_file.set_text(copies.text_of(page), page.parent, page.parent)
    return _in(1e3, shop.pairs(Work(ours), Work(theirs)), f"{_pages_of(ours())} and {_pages_of(theirs())} pages")


def two_processes(shop: Workshop) -> Outcome:
    if len(os.sched_getaffinity(0)) < 2:
        raise Skipped("this machine has one core")
    found = copies.two_against_one(shop.ctx, shop.most)
    return _in(1 / copies.FILES, found, f"a file, of {copies.FILES}; load {os.getloadavg()[0]:.1f}")


def page_beside_typesetting(shop: Workshop) -> Outcome:
    if len(os.sched_getaffinity(0)) < 2:
        raise Skipped("this machine has one core")
    ask = _asks(shop.ctx.client(READER), f"/cases/{shop.ctx.number}")
    found = copies.page_beside(shop.ctx, ask, shop.most)
    ratios = tuple(beside / alone for beside, alone in found)
    middle = [median(one[at] for one in found) * 1e3 for at in (0, 1)]
    return Outcome(middle[0], middle[1], median(ratios), ratios, f"the 95th of 100; {os.getloadavg()[0]:.1f} others")


# ---- on the wire -------------------------------------------------------------------------------------------------


def _weigh(shop: Workshop, role: str, addresses: list[str]) -> Outcome:
    """The heaviest address in any language, with the style sheet: a median, for the bytes are padded by lot."""
    found: dict[str, int] = {}
    client = shop.ctx.client(role)
    for language in LANGUAGES:
        with _reading(shop, role, language):
            for address in addresses:
                found[f"{address} in {language}"] = _bytes(client, address)
            heaviest = max((one for one in found if one.endswith(language)), key=lambda one: found[one])
            again = [_bytes(client, heaviest.partition(" ")[0]) for _ in range(shop.most)]
            found[heaviest] = int(median(again))
    sheet = sum(_bytes(client, address) for address in _style_sheets(client, addresses[0]))
    name = max(found, key=lambda one: found[one])
    total = found[name] + sheet
    where = name.replace(shop.ctx.number, "…")
    return Outcome(total / 1000, LIMIT / 1000, total / LIMIT, (), f"{where}; {sheet} bytes of it CSS")


@contextmanager
def _reading(shop: Workshop, role: str, language: str) -> Iterator[None]:
    """Somebody reads in that language for a while."""
    from school_protocol.auth.sign_in_service import choose_language

    ctx, actor = shop.ctx.ctx, shop.ctx.player.actor(role)
    choose_language(ctx, actor, language)
    try:
        yield
    finally:
        choose_language(ctx, actor, actor.language)


def _bytes(client: Any, address: str) -> int:
    response = client.get(address, headers={"Accept-Encoding": "gzip"})
    if response.status_code != 200 or response.headers.get("Content-Encoding") != "gzip":
        raise RuntimeError(f"{address} answered {response.status_code}, {response.headers.get('Content-Encoding')}")
    return len(response.data)


def _style_sheets(client: Any, address: str) -> list[str]:
    from lxml import html

    found = html.fromstring(client.get(address).text).xpath("//link[@rel='stylesheet']/@href")
    if not found:
        raise RuntimeError(f"{address} has no style sheet")
    return [str(one) for one in found]


def wire_desk(shop: Workshop) -> Outcome:
    return _weigh(shop, READER, ["/"])


def wire_case(shop: Workshop) -> Outcome:
    return _weigh(shop, READER, [f"/cases/{shop.ctx.number}"])


def wire_form(shop: Workshop) -> Outcome:
    acts = shop.ctx.open_acts(MOVER)
    return _weigh(shop, MOVER, [f"/cases/{shop.ctx.number}/acts/{act}" for act in acts])


# ---- start -------------------------------------------------------------------------------------------------------


def full_rooms(shop: Workshop) -> Outcome:
    return full_house(shop.hurry)


def start(shop: Workshop) -> Outcome:
    ours = Work(_runs("import sys; from school_protocol.cli import main; sys.exit(main())", "--help"))
    return _in(1e3, shop.pairs(ours, Work(_runs("import flask")), children_cpu))


WEB = """
import gc, sys
from pathlib import Path

from school_protocol.cli import group
gc.set_threshold(*group.LOADING)
from bench.measuring import megabytes
from school_protocol.config import Settings
from school_protocol.context import SystemClock, open_context
from school_protocol.ops.worker import queue_of
from school_protocol.web import create_app

ctx = open_context(Settings(data=Path(sys.argv[1])), SystemClock())
create_app(ctx, ring=queue_of(ctx).ring)
print(f"{megabytes('self'):.0f} MiB")
"""
"""The application as `serve` makes it, and what the process holds then."""


def start_web(shop: Workshop) -> Outcome:
    ours = _runs(WEB, str(shop.ctx.folder))
    bare = Work(_runs("import flask, flask_sqlalchemy, wtforms, flask_login"))
    return _in(1e3, shop.pairs(Work(ours), bare, children_cpu), ours().stdout.decode().strip())


def _runs(program: str, *arguments: str) -> Callable[[], subprocess.CompletedProcess[bytes]]:
    command = [sys.executable, "-c", program, *arguments]
    return lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


# ---- the proof ---------------------------------------------------------------------------------------------------

SECONDS, MEMORY = 20, 1024
"""What a proof may take at most: seconds of processor time, MiB."""
MADE = (20, 15, 13)
"""States, facts and dangers of the protocol made to see how the cost grows."""


def _proven(*arguments: object) -> dict[str, float]:
    """A proof in a process of its own."""
    command = [sys.executable, "-m", "bench.synthetic", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _notes(figures: Mapping[str, float]) -> str:
    found = f"{figures['combinations']:.0f} combinations, {figures['seconds']:.2f} s, {figures['peak']:.0f} MiB"
    return f"{found}, {figures['faults']:.0f} faults" if figures["faults"] else found


def proof(_shop: Workshop) -> Outcome:
    figures = _proven(DEFINITION)
    return Outcome(figures["seconds"], SECONDS, figures["seconds"] / SECONDS, (), _notes(figures))


def proof_of(states: int, facts: int, dangers: int) -> Callable[[Workshop], Outcome]:
    """A protocol made so, beside the smaller one."""

    def measure(shop: Workshop) -> Outcome:
        taken = [(_proven(states, facts, dangers), _proven(*MADE)) for _turn in range(shop.most)]
        ratios = tuple(large["seconds"] / small["seconds"] for large, small in taken)
        large, small = taken[-1]
        middle = [median(one[at]["seconds"] for one in taken) for at in (0, 1)]
        notes = f"{_notes(large)}; {_notes(small)}"
        return Outcome(middle[0], middle[1], median(ratios), ratios, notes)

    return measure


def proof_memory(_shop: Workshop) -> Outcome:
    figures = _proven(60, 30, 13)
    return Outcome(figures["peak"], MEMORY, figures["peak"] / MEMORY, (), _notes(figures))


# ---- all of them -------------------------------------------------------------------------------------------------

BARE_PAGE = "bare Flask page"
TRIGGER = "bare pytransitions trigger"
WEASYPRINT = "WeasyPrint, straightforward"
CHROMIUM = "chromium’s warm print"
THOUSAND = "1,000 cases"
SPIFF = "SpiffWorkflow, complete and serialise"
HASTY = "synchronous = NORMAL"
THREADS = "gunicorn, gthread"
FEWER = "10,000 cases"
AT_ONCE = Goal(3, also=Goal(100, "ms"))
SPOTLESS = Goal(0, "points")
SUMMED = Goal(3, also=Goal(5, "ms"))

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        Row("list", "list page of 25 cases", BARE_PAGE, "ms", Goal(25), list_page),
        Row("case", "case page with 41 events unsealed", BARE_PAGE, "ms", Goal(60), case_page),
        Row("events-400", "case page with 400 events", "with 41", "ms", Goal(1.15), long_case_page),
        Row("move", "a move: load, fold, decide, seal, chain, commit", BARE_PAGE, "ms", Goal(50), a_move),
        Row("press", "the same move by its form", BARE_PAGE, "ms", None, a_press),
        Row("refused", "a move refused, every need explained", TRIGGER, "µs", Goal(50, "µs"), decision_refused),
        Row("made", "a move decided, with the due dates that follow", TRIGGER, "µs", Goal(50, "µs"), decision_made),
        Row("available", "each of all acts and moves, explained", TRIGGER, "µs", Goal(50, "µs"), all_choices),
        Row("step", "a step decided, taken into the case, written", SPIFF, "µs", Goal(0.05), step_beside_spiff),
        Row("writers", "a move, 32 people at once on SQLite, FULL", HASTY, "ms", Goal(1.25), writers),
        Row("serve", "list page by `serve`, over HTTP", THREADS, "ms", Goal(1.1), embedded),
        Row("core", "processor time of a list page by `serve`", "60 a second a core", "ms", Goal(1), of_a_core),
        Row("file-fr", "case file in French", WEASYPRINT, "ms", Goal(0.5), case_file("fr")),
        Row("file-ar", "case file in Arabic", WEASYPRINT, "ms", Goal(0.5), case_file("ar")),
        Row("print-fr", "case file in French", CHROMIUM, "ms", None, case_file_beside_chromium("fr")),
        Row("print-ar", "case file in Arabic", CHROMIUM, "ms", None, case_file_beside_chromium("ar")),
        Row("issue-fr", "a signed copy, pages made ahead, fr", CHROMIUM, "ms", Goal(0.5), issued_beside_chromium("fr")),
        Row("issue-ar", "a signed copy, pages made ahead, ar", CHROMIUM, "ms", Goal(0.5), issued_beside_chromium("ar")),
        Row("fpdf2", "case file in French", "fpdf2, the same text", "ms", Goal(1), beside_fpdf2),
        Row("typst", "case file in French", "typst, the same text", "ms", None, beside_typst),
        Row("many", "case files by two processes", "by one", "s", Goal(0.6), two_processes),
        Row("beside", "case page while one is typeset", "while none is", "ms", Goal(1.2), page_beside_typesetting),
        Row("flat", "memory at the last of 1,000 case files", "about the 30th", "MiB", Goal(1.1), bulk.memory),
        Row("crowd", "case page while 1,000 files are made", "while none is", "ms", Goal(1.2), bulk.page),
        Row("fresh", "a file of 40 made ahead anew, on one core", "limit", "s", Goal(1), fresh.fresh_again),
        Row("wire-desk", "desk on the wire, HTML and CSS", "limit", "KB", Goal(1), wire_desk),
        Row("wire-case", "case page on the wire", "limit", "KB", Goal(1), wire_case),
        Row("wire-form", "largest form on the wire", "limit", "KB", Goal(1), wire_form),
        Row("phone", "Lighthouse: points short, desk, phone, ar", "100 in each", "points", SPOTLESS, phone.points),
        Row("proof", "the shipped definition proven", "limit", "s", Goal(1), proof),
        Row("proof-2s", "a made protocol proven, 40 states", "20 states", "s", None, proof_of(40, 15, 13)),
        Row("proof-2f", "a made protocol proven, 30 facts", "15 facts", "s", None, proof_of(20, 30, 13)),
        Row("proof-60", "memory: 60 states, 30 facts, 13 dangers", "limit", "MiB", Goal(1), proof_memory),
        Row("figures", "tables of a region, 1,000,000 cases", FEWER, "ms", AT_ONCE, regional(Region.tables)),
        Row("figures-pg", "the same on PostgreSQL", FEWER, "ms", AT_ONCE, regional(Region.tables, server=True)),
        Row("summary", "of these tables the reading alone", FEWER, "ms", SUMMED, regional(Region.summary, often=5)),
        Row(
            "summary-pg",
            "the same on PostgreSQL",
            FEWER,
            "ms",
            SUMMED,
            regional(Region.summary, server=True, often=5),
        ),
        Row("queue", "open cases of a region, 1,000,000 cases", FEWER, "ms", AT_ONCE, regional(Region.queue)),
        Row("queue-pg", "the same on PostgreSQL", FEWER, "ms", AT_ONCE, regional(Region.queue, server=True)),
        Row("review", "what waits for review, 1,000,000 cases", FEWER, "ms", AT_ONCE, regional(Region.review)),
        Row("review-pg", "the same on PostgreSQL", FEWER, "ms", AT_ONCE, regional(Region.review, server=True)),
        Row("size-list", "a school’s list, 1,000,000 cases", THOUSAND, "ms", Goal(1.2), sized(Sized.list)),
        Row("size-queue", "the desk of an academy, the same", THOUSAND, "ms", Goal(1.2), sized(Sized.queue)),
        Row("size-find", "search by a pupil’s name, the same", THOUSAND, "ms", Goal(1.2), sized(Sized.search)),
        Row("size-case", "a case’s page, the same", THOUSAND, "ms", Goal(1.2), sized(Sized.case)),
        Row(
            "size-list-pg", "a school’s list, on PostgreSQL", THOUSAND, "ms", Goal(1.2), sized(Sized.list, server=True)
        ),
        Row(
            "size-queue-pg", "the desk of an academy, there", THOUSAND, "ms", Goal(1.2), sized(Sized.queue, server=True)
        ),
        Row(
            "size-find-pg",
            "search by a pupil’s name, there",
            THOUSAND,
            "ms",
            Goal(1.2),
            sized(Sized.search, server=True),
        ),
        Row("size-case-pg", "a case’s page, there", THOUSAND, "ms", Goal(1.2), sized(Sized.case, server=True)),
        Row("seats", "10 rooms, 240 seats: 95th of 100 answers", "a bare page", "ms", None, full_rooms),
        Row("start", "school-protocol --help", "python -c 'import flask'", "ms", Goal(2), start),
        Row("start-web", "the web application, made anew", "its libraries imported", "ms", Goal(900, "ms"), start_web),
    )
}
