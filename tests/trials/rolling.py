"""Two versions side by side over one migration: the program before its newest migration goes on, none of it is lost."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from engine.telling import MOROCCAN
from sqlalchemy import text

from school_protocol.config import Settings
from school_protocol.ops.journal_checks import verify_journal
from school_protocol.protocol.reader import read
from school_protocol.storage.engines import open_engine
from trials import beginning
from trials.frame import Outcome, Size, Trial
from trials.installed import Installed
from trials.nodes import Addresses, Client, Node, environ_of, free_port, lost, make_tables, own_database

ROOT = Path(__file__).parents[2]
MIGRATIONS = "school_protocol/storage/migrations/*/versions/*.py"
BEGINNING = "_first"
"""How a file's name ends where the tables of a store begin anew: no earlier program can go on with it."""
CLIENTS, AT_ONCE = 3, 2
SECONDS = {Size.short: 2.0, Size.whole: 30.0}
"""How long each phase takes."""


class NoHistory(Exception):
    """The history of the program isn't here: nothing says what came before its newest migration."""


def earlier() -> str:
    """The commit that came before the newest migration. Raises NoHistory, too where none has followed a beginning."""
    migrations = [str(one.relative_to(ROOT)) for one in ROOT.glob(MIGRATIONS) if not one.stem.endswith(BEGINNING)]
    if not migrations:
        raise NoHistory
    newest = _git("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", "-1", "--", *migrations)
    return _git("rev-parse", f"{newest}^1")


def _git(*words: str) -> str:
    said = subprocess.run(("git", "-C", str(ROOT), *words), capture_output=True, text=True, check=False)
    if said.returncode:
        raise NoHistory(said.stderr)
    return said.stdout.strip()


def lay_out(commit: str, folder: Path) -> Path:
    """The program of that commit in a folder of its own, with what an installation makes of it. Raises NoHistory."""
    packed = subprocess.run(("git", "-C", str(ROOT), "archive", commit), capture_output=True, check=False)
    if packed.returncode:
        raise NoHistory(packed.stderr.decode())
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    run_there(folder, "-m", "school_protocol.pdf.fonts")
    for po in folder.glob("school_protocol/translations/*/LC_MESSAGES/*.po"):
        run_there(folder, "-m", "babel.messages.frontend", "-q", "compile", "-i", str(po), "-o", str(po)[:-2] + "mo")
    return folder


def run_there(code: Path, *words: str) -> str:
    """What that program prints; the same interpreter and libraries, other code."""
    environ = {**os.environ, "PYTHONPATH": f"{code}{os.pathsep}{code / 'tests'}"}
    said = subprocess.run((sys.executable, *words), cwd=code, env=environ, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(said.stderr[-2000:])
    return said.stdout


@dataclass(frozen=True)
class Side:
    """An installation that an earlier program made, and servers of either version over it."""

    found: Installed
    clients: Sequence[Client]
    live: list[Node]
    """Those that clients go to: what a balancer knows."""
    make: Callable[[bool], Node]
    """A server that is up: of the earlier program, or of this one."""
    at: Addresses

    def leave(self, node: Node) -> str | None:
        """No client goes there any more, it may end; what is wrong if it doesn't by itself."""
        self.live.remove(node)
        time.sleep(1)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        try:
            node.process.wait(30)
        except subprocess.TimeoutExpired:
            return "a server did not end when it was asked to"
        return None


@contextmanager
def begun(folder: Path) -> Iterator[Side]:
    """An earlier program serves, from two servers."""
    with own_database() as at, ExitStack() as closing:
        code = lay_out(earlier(), folder / "earlier")
        said = run_there(
            code, str(Path(beginning.__file__)), str(folder), at.owner, at.site, at.worker_role, str(CLIENTS)
        )
        settings = Settings(data=folder / "var", database=at.worker, evidence_files=True)
        found = Installed(settings, read(MOROCCAN.read_bytes(), MOROCCAN.name), {})
        environ, live = environ_of(settings.data, at), list[Node]()
        made = iter(range(100))

        def make(is_earlier: bool) -> Node:
            log = folder / f"{'earlier' if is_earlier else 'later'}-{next(made)}.log"
            node = Node(free_port(), environ, log, code if is_earlier else None)
            closing.callback(node.end)
            node.start()
            node.wait()
            return node

        live += [make(True) for _node in range(AT_ONCE)]
        clients = [Client(number, token, live) for number, token in json.loads(said)]
        yield Side(found, clients, live, make, at)


@contextmanager
def loaded(clients: Sequence[Client]) -> Iterator[None]:
    """They write as long as the block lasts."""
    going = threading.Event()
    threads = [threading.Thread(target=one.write, args=(lambda: not going.is_set(),)) for one in clients]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        going.set()
        for one in threads:
            one.join()


def run(size: Size, folder: Path) -> Outcome:
    """Tables brought up to date beneath servers that go on; this version beside them; then it alone."""
    seconds, faults = SECONDS[size], list[str]()
    with begun(folder) as side:
        first, second = side.live
        with loaded(side.clients):
            time.sleep(seconds)
            make_tables(replace(side.found.settings, database=side.at.owner), side.at)
            time.sleep(seconds)
            side.live.append(side.make(False))
            time.sleep(seconds)
            faults += _read_alike(side)
            faults += filter(None, [side.leave(first)])
            side.live.append(side.make(False))
            faults += filter(None, [side.leave(second)])
            time.sleep(seconds)
        faults += _is_refused(second)
        faults += [f"{why}, {count} times" for one in side.clients for why, count in one.refused.items()]
        with side.found.entered() as ctx:
            faults += lost(ctx, side.clients)
            faults += [f"the journal: {one}" for one in verify_journal(ctx)]
            liar = replace(side.clients[0], acknowledged=[*side.clients[0].acknowledged, "never sent"])
            seen_loss = bool(lost(ctx, [liar]))
        seen_break = _sees_break(side)
    told = sum(len(one.acknowledged) for one in side.clients)
    return Outcome(
        told, "notes acknowledged by two versions over one migration", tuple(faults), 2, seen_loss + seen_break
    )


def _read_alike(side: Side) -> list[str]:
    """Each version shows what the other has taken."""
    found = []
    for client in side.clients:
        words = client.acknowledged[-1]
        for node in side.live:
            way = f"{node.address}/cases/{client.number}/chronology"
            page = requests.get(way, cookies={"session": client.token}, timeout=20).text
            if words not in page:
                found.append(f"{node.log.stem} does not show {words}")
    return found


def _is_refused(node: Node) -> list[str]:
    """Once tables are newer, the earlier program doesn't start again, and says why."""
    node.start()
    assert node.process is not None
    with suppress(subprocess.TimeoutExpired):
        if node.process.wait(60) and "a later version wrote here" in node.log.read_text("utf-8"):
            return []
    return ["the earlier program began anew on tables of a later one"]


def _sees_break(side: Side) -> bool:
    """Whether a migration would be noticed that takes away what a running server needs."""
    engine = open_engine(side.at.owner)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE realm.event_words RENAME TO event_words_taken_away"))
    engine.dispose()
    client = replace(side.clients[0], patient=False)
    client.refused.clear()
    with loaded([client]):
        time.sleep(1)
    return bool(client.refused)


TRIALS = (Trial("rolling", "two versions over one migration: nothing acknowledged is lost or refused", 100, run),)
