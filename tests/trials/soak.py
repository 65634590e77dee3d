"""Servers and a worker under a steady load: what they hold in memory stays what it is."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
from web.filled import filled

from school_protocol.auth import sign_in_repository
from school_protocol.context import AppContext, SystemClock
from school_protocol.ops.journal_checks import verify_journal
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed
from trials.nodes import Node, several

CLIENTS = 3
CASES = {Size.short: 6, Size.whole: 120}
SECONDS = {Size.short: 12.0, Size.whole: 1_200.0}
EVERY = {Size.short: 0.5, Size.whole: 5.0}
"""How often memory is looked at."""
GROWS = {Size.short: 60.0, Size.whole: 8.0}
"""So many megabytes may a server or the worker gain from the second third of the time to the last."""
LEAK = """import threading, time
def leak(kept=[]):
    while True:
        kept.append(bytes(range(256)) * 20_000)
        time.sleep(0.05)
threading.Thread(target=leak, daemon=True).start()
"""
"""A program that does this keeps up to a hundred megabytes a second."""
PATHS = (
    "/", "/search", "/cases/{number}", "/cases/{number}/chronology", "/account", "/help", "/cases/{number}/acts/note",
)  # fmt: skip


@dataclass
class Reader:
    """Somebody who goes about: pages, a search by name, now and then a note, or a case file as PDF."""

    numbers: Sequence[str]
    token: str
    head: str
    """The session of whoever may have case files."""
    nodes: Sequence[Node]
    files: bool = True
    """Whether some are made: the first one that a process makes loads what makes them."""
    answered: Counter[str] = field(default_factory=Counter)

    def go(self, ends: threading.Event) -> None:
        rng = random.Random(self.token)
        while not ends.is_set():
            number = rng.choice(self.numbers)
            step = rng.random()
            if step < 0.02 and self.files:
                self._fill(rng, f"/cases/{number}/case-file", {}, self.head)
            elif step < 0.1:
                words = "".join(rng.choices("abcdefghij ", k=400))
                self._fill(rng, f"/cases/{number}/acts/note", {"a-text": words}, self.token)
            elif step < 0.2:
                self._fill(rng, "/search", {"q": "Benali"}, self.token)
            else:
                self._ask(rng, "GET", rng.choice(PATHS).format(number=number), self.token)
            time.sleep(0.02)

    def _fill(self, rng: random.Random, path: str, typed: dict[str, str], token: str) -> None:
        page = self._ask(rng, "GET", path, token)
        if page is not None:
            form = filled(page.text, path) or filled(page.text)  # a form without an action is sent to its own page
            for name, value in typed.items():
                form.setlist(name, [value])
            self._ask(rng, "POST", path, token, [*form.items(multi=True)])

    def _ask(
        self, rng: random.Random, method: str, path: str, token: str, data: Sequence[tuple[str, str]] = ()
    ) -> requests.Response | None:
        try:
            answer = requests.request(
                method, rng.choice(self.nodes).address + path, data=data or None, cookies={"session": token},
                timeout=60, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            self.answered[type(error).__name__] += 1
            return None
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        self.answered[f"{answer.status_code} to {path}" if answer.status_code >= 400 else kind] += 1
        return answer if answer.status_code < 400 else None


@dataclass
class Held:
    """What the processes of a server or a worker hold, in megabytes, from time to time."""

    name: str
    process: int
    told: list[float] = field(default_factory=list)

    def look(self) -> None:
        with suppress(OSError):
            self.told.append(_megabytes(self.process))

    @property
    def gained(self) -> float:
        """From the second third of the time to the last."""
        third = len(self.told) // 3
        return _mean(self.told[2 * third :]) - _mean(self.told[third : 2 * third])


def _mean(told: Sequence[float]) -> float:
    return sum(told) / len(told)


def _megabytes(process: int) -> float:
    """Of it and of those that it began; what they share is counted once."""
    rolled = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
    own = next(int(line.split()[1]) for line in rolled.splitlines() if line.startswith("Pss:")) / 1024
    children = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
    return own + sum(_megabytes(int(one)) for one in children)


@contextmanager
def worker(environ: dict[str, str], folder: Path) -> Iterator[int]:
    """A worker beside the servers; the number of its process."""
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "school_protocol.cli", "worker"), env=environ, stdout=log, stderr=log
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def _read(readers: Sequence[Reader]) -> Iterator[None]:
    ends = threading.Event()
    threads = [threading.Thread(target=one.go, args=(ends,)) for one in readers]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        ends.set()
        for one in threads:
            one.join()


def _watched(held: Sequence[Held], seconds: float, every: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(every)
        for one in held:
            one.look()


def run(size: Size, folder: Path) -> Outcome:
    """A steady load, memory looked at all the while; then the same of a server that is made to leak."""
    with several(folder) as (found, nodes):
        with found.entered() as ctx:
            readers = [_reader(ctx, found, place, nodes, size) for place in range(CLIENTS)]
        environ = nodes[0].environ | {"SCHOOL_PROTOCOL_DATABASE_URL": _plain(found.settings.database)}
        with worker(environ, folder) as process, _read(readers):
            held = [Held(f"server {place + 1}", _process_of(one)) for place, one in enumerate(nodes)]
            held.append(Held("worker", process))
            _watched(held, SECONDS[size], EVERY[size])
        answered = sum((one.answered for one in readers), Counter[str]())
        wrong = [kind for kind in answered if kind not in ("text/html", "application/pdf", "")]
        faults = [f"{kind}, {answered[kind]} times" for kind in wrong]
        faults += [f"{one.name} gained {one.gained:.1f} MB" for one in held if one.gained > GROWS[size]]
        if not answered["application/pdf"] and size is Size.whole:
            faults.append("no case file was made")
        with found.entered() as ctx:
            faults += [f"the journal: {one}" for one in verify_journal(ctx)]
        leaks = _leaks(nodes[0], readers, folder, GROWS[size])
    said = ", ".join(f"{one.name} {_mean(one.told):.0f} MB {one.gained:+.1f}" for one in held)
    return Outcome(sum(answered.values()), f"answers; {said}", tuple(faults), 1, leaks)


def _leaks(node: Node, readers: Sequence[Reader], folder: Path, most: float) -> bool:
    """Whether a server that keeps what it need not is found out."""
    planted = folder / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(LEAK, "utf-8")
    node.end()
    node.environ = {**node.environ, "PYTHONPATH": str(planted)}
    node.start()
    node.wait()
    held = Held("leaking", _process_of(node))
    with _read([replace(one, nodes=[node]) for one in readers]):
        _watched([held], 6, 0.5)
    return held.gained > most


def _process_of(node: Node) -> int:
    assert node.process is not None
    return node.process.pid


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def _reader(ctx: AppContext, found: Installed, place: int, nodes: Sequence[Node], size: Size) -> Reader:
    numbers = [found.report(ctx, f"récit {place} {one}", f"reader {place} {one}") for one in range(CASES[size])]
    with ctx.directory.writing() as session:
        member, head = (
            sign_in_repository.open_web_session(session, found.actors[who].id, now=SystemClock().now())
            for who in ("team_member", "head")
        )
    return Reader(numbers, member, head, nodes, size is Size.whole)


TRIALS = (Trial("soak", "twenty minutes of load: memory stays what it is", 5_000, run),)
