"""Several servers over one PostgreSQL, one killed every few seconds under load: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
from sqlalchemy import make_url, text
from storage.server import served
from web.filled import filled

from school_protocol.auth import sign_in_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.config import Settings
from school_protocol.context import AppContext, SystemClock
from school_protocol.ops.databases import prepare
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.ops.worker import prepare_queue
from school_protocol.storage.engines import open_engine
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed, installed

NODES, CLIENTS = 3, 4
SECONDS = {Size.short: (14.0, 5.0), Size.whole: (300.0, 10.0)}
"""For how long, and how often one is killed."""
TURNED_SECONDS = {Size.short: 6.0, Size.whole: 20.0}
"""For how long one is asked without a second try while its processes are replaced."""
PATIENCE = 60.0


@dataclass
class Node:
    """A server of two processes: it is started, killed, started again at the same address."""

    port: int
    environ: dict[str, str]
    log: Path
    code: Path | None = None
    """Where the program lies that it runs, if not here."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = (
            sys.executable, "-m", "school_protocol.cli", "serve", "--port", str(self.port), "--processes", "2",
            "--no-worker",
        )  # fmt: skip
        environ = self.environ if self.code is None else {**self.environ, "PYTHONPATH": str(self.code)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environ, cwd=self.code, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(requests.RequestException):
                if requests.get(f"{self.address}/ready", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"it does not come up: {self.log.read_text('utf-8')[-2000:]}")

    def kill(self, *, all_of_it: bool) -> None:
        """Its processes with the one above them, or one of them alone, which that one replaces."""
        assert self.process is not None
        if all_of_it:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.start()
        else:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                os.kill(int(children[0]), signal.SIGKILL)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def before(moment: float) -> Callable[[], bool]:
    """Whether that moment of the monotonic clock is yet to come."""
    return lambda: time.monotonic() < moment


@dataclass
class Client:
    """Somebody at a browser: each note is sent until it is acknowledged, by whichever server answers."""

    number: str
    token: str
    nodes: Sequence[Node]
    patient: bool = True
    phase: str = "killed"
    acknowledged: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def write(self, goes_on: Callable[[], bool]) -> None:
        rng, count = random.Random(self.number), 0
        while goes_on():
            count += 1
            words = f"mot-{self.phase}-{self.number}-{count}."
            path = f"/cases/{self.number}/acts/note"
            page = self._ask(rng, "GET", path)
            if page is None:
                continue
            form = filled(page.text, path)
            form.setlist("a-text", [words])
            self.sent.append(words)
            asked = time.monotonic()
            while True:
                answer = self._ask(rng, "POST", path, [*form.items(multi=True)])
                if answer is not None and answer.status_code in (302, 303):
                    self.acknowledged.append(words)
                    break
                if answer is not None and answer.status_code < 500:
                    self.refused[f"answered {answer.status_code}"] += 1
                    break
                if not self.patient or (not goes_on() and time.monotonic() > asked + PATIENCE):
                    break

    def _ask(
        self, rng: random.Random, method: str, path: str, data: Sequence[tuple[str, str]] = ()
    ) -> requests.Response | None:
        node = rng.choice(self.nodes)
        try:
            answer = requests.request(
                method, node.address + path, data=data or None, cookies={"session": self.token}, timeout=20,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            self.refused[type(error).__name__] += 1
            time.sleep(0.05)
            return None
        if answer.status_code >= 500:
            self.refused[f"answered {answer.status_code}"] += 1
            time.sleep(0.05)
            return answer if method == "POST" else None
        return answer


@dataclass(frozen=True)
class Addresses:
    """A database of its own: how whoever owns it, serves pages from it, and works on it comes to it."""

    owner: str
    site: str
    worker: str

    @property
    def worker_role(self) -> str:
        return make_url(self.worker).username or ""


@contextmanager
def own_database() -> Iterator[Addresses]:
    """A database on a server of its own, and two roles that own nothing in it."""
    with served() as address:
        name, owner = uuid.uuid4().hex[:10], open_engine(address)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE nodes_{name}"))
            for role in ("site", "work"):
                connection.execute(text(f"CREATE ROLE {role}_{name} LOGIN"))
        owner.dispose()
        url = make_url(address).set(database=f"nodes_{name}")
        yield Addresses(
            *(
                one.render_as_string(hide_password=False)
                for one in (url, url.set(username=f"site_{name}"), url.set(username=f"work_{name}"))
            )
        )


def make_tables(settings: Settings, at: Addresses) -> None:
    """Tables, the wall, what each role may: made, or brought up to date."""
    prepare(replace(settings, database=at.site), at.owner, [at.worker_role], make_queue=prepare_queue)


def environ_of(data: Path, at: Addresses) -> dict[str, str]:
    """What a server of pages is told."""
    return {
        **os.environ, "SCHOOL_PROTOCOL_DATA": str(data),
        "SCHOOL_PROTOCOL_DATABASE_URL": at.site.replace("postgresql+psycopg", "postgresql"),
    }  # fmt: skip


@contextmanager
def several(folder: Path) -> Iterator[tuple[Installed, list[Node]]]:
    """An installation in PostgreSQL, and servers over it that see what sessions may, and nothing besides."""
    with own_database() as at, ExitStack() as closing:
        found = installed(folder, database=at.owner)
        make_tables(found.settings, at)
        environ = environ_of(found.settings.data, at)
        nodes = [Node(free_port(), environ, folder / f"node-{place}.log") for place in range(NODES)]
        for node in nodes:
            closing.callback(node.end)
            node.start()
        for node in nodes:
            node.wait()
        yield replace(found, settings=replace(found.settings, database=at.worker)), nodes


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def run(size: Size, folder: Path) -> Outcome:
    """Kills under load, then processes replaced under load without a second try; the journal, and every note."""
    with several(folder) as (found, nodes):
        with found.entered() as ctx:
            clients = [_client(ctx, found, place, nodes) for place in range(CLIENTS)]
        seconds, every = SECONDS[size]
        kills = _under_load(clients, nodes, seconds, every)
        for node in nodes:
            node.wait()
        turned = [replace(one, nodes=nodes[:1], patient=False, phase="replaced", refused=Counter()) for one in clients]
        turns = _replaced(turned, nodes[0], TURNED_SECONDS[size])
        faults = [
            f"while processes were replaced: {why}, {count} times"
            for one in turned
            for why, count in one.refused.items()
        ]
        with found.entered() as ctx:
            faults += lost(ctx, clients)
            faults += [f"the journal: {one}" for one in verify_journal(ctx)]
            liar = replace(clients[0], acknowledged=[*clients[0].acknowledged, "never sent"])
            seen = bool(lost(ctx, [liar])) and not lost(ctx, [clients[0]])
        cut = Client(clients[0].number, clients[0].token, nodes[:1], patient=False)
        nodes[0].end()
        cut.write(before(time.monotonic() + 1))
        seen_cut = bool(cut.refused)
    if kills == 0 or turns == 0:
        faults.append("nothing was killed, or replaced")
    acknowledged = sum(len(one.acknowledged) for one in clients)
    return Outcome(
        acknowledged,
        f"notes acknowledged under {kills} kills and {turns} replacements",
        tuple(faults),
        2,
        seen + seen_cut,
    )


def _client(ctx: AppContext, found: Installed, place: int, nodes: Sequence[Node]) -> Client:
    number = found.report(ctx, f"récit {place}", f"client {place}")
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, found.actors["team_member"].id, now=SystemClock().now())
    return Client(number, token, nodes)


def _under_load(clients: Sequence[Client], nodes: Sequence[Node], seconds: float, every: float) -> int:
    rng, kills, until = random.Random(seconds), 0, time.monotonic() + seconds
    threads = [threading.Thread(target=one.write, args=(before(until),)) for one in clients]
    for one in threads:
        one.start()
    while time.monotonic() + every < until:
        time.sleep(every)
        rng.choice(nodes).kill(all_of_it=kills % 2 == 0)
        kills += 1
    for one in threads:
        one.join()
    return kills


def _replaced(clients: Sequence[Client], node: Node, seconds: float) -> int:
    """What an upgrade does: each process ends after its answers, others with the code that lies there take over."""
    until, turns = time.monotonic() + seconds, 0
    threads = [threading.Thread(target=one.write, args=(before(until),)) for one in clients]
    for one in threads:
        one.start()
    assert node.process is not None
    while time.monotonic() + 5 < until:
        os.kill(node.process.pid, signal.SIGHUP)
        turns += 1
        time.sleep(5)
    for one in threads:
        one.join()
    return turns


def lost(ctx: AppContext, clients: Sequence[Client]) -> list[str]:
    found = []
    for one in clients:
        with ctx.realm.reading() as session:
            case_id = cases_repository.find_by_number(session, one.number)
            assert case_id is not None
            entries = cases_repository.load_events(session, ctx.vault, case_id)
        written = Counter(word for entry in entries for word in (entry.words or {}).values())
        found += [
            f"{words} was acknowledged, and is there {written[words]} times"
            for words in one.acknowledged
            if written[words] != 1
        ]
        found += [
            f"{words} is there {count} times" for words, count in written.items() if words in one.sent and count > 1
        ]
    return found


TRIALS = (Trial("nodes", "servers killed and replaced under load: nothing acknowledged is lost", 1_000, run),)
