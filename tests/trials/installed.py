"""An installation for trials that processes enter, are killed in, and leave: opened and left in milliseconds."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.telling import MOROCCAN, NOW, REPORT

from school_protocol.cases.intake import open_case
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, Library, open_context, open_vault
from school_protocol.engine.definition import Protocol
from school_protocol.engine.visibility import Actor
from school_protocol.protocol.reader import read
from school_protocol.storage.engines import Store, open_engine

WHO = ("team_member", "team_member/2", "team_coordinator", "head")
ABOUT = [{"slot": "targeted_pupil", "name": "Yasmine Benali", "massar": "G123456789"}]
Ack = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Installed:
    """Where it is, who is there, and its definition, read once."""

    settings: Settings
    protocol: Protocol
    actors: Mapping[str, Actor]

    @contextmanager
    def entered(self) -> Iterator[AppContext]:
        """The installation as a process finds it that starts again; its connections are given back at the end."""
        realm, directory = (Store(open_engine(self.settings.store_url(name))) for name in ("realm", "directory"))
        vault = open_vault(self.settings)
        for store in (realm, directory):
            store.under(vault)
        library = Library(directory)
        library._known[self.protocol.protocol, self.protocol.version] = self.protocol
        try:
            yield AppContext(realm, directory, vault, TurnableClock(NOW), library, self.settings)
        finally:
            realm.close()
            directory.close()

    def report(self, ctx: AppContext, words: str, token: str, who: str = "team_member") -> str:
        """A case opened by a report with these words; its number."""
        answers = {**REPORT, "what_happened": words, "about_whom": ABOUT}
        return open_case(ctx, self.actors[who], "report", answers, token=token).number


def installed(folder: Path, **settings: Any) -> Installed:
    """A new installation with one school and its people, in `folder`."""
    chosen = Settings(data=folder / "var", evidence_files=True, **settings)
    content = MOROCCAN.read_bytes()
    with closing(open_context(chosen, TurnableClock(NOW))) as ctx:
        player = prepared(ctx, ctx.clock, read(content, MOROCCAN.name), content)  # type: ignore[arg-type]
        actors = {name: player.actor(name) for name in WHO}
        return Installed(chosen, player.protocol, actors)


def moved(found: Installed, folder: Path) -> Installed:
    """The same installation, looked at in another folder."""
    return replace(found, settings=replace(found.settings, data=folder))


# ---- processes that are killed ---------------------------------------------------------------------------------------


def killed(
    work: Callable[[Ack], None], rng: random.Random, most: float, patience: float = 30.0
) -> list[dict[str, Any]]:
    """What a process acknowledged that did `work`, and was killed at a random moment after its first word.

    `most`: seconds after that word, at most. A work that ends by itself is as good.
    """
    come, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(come)
        _be_the_child(work, go)
    os.close(go)
    said = b""
    deadline = time.monotonic() + patience
    try:
        said = _first_word(come, deadline)
        time.sleep(rng.random() * most)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    while part := os.read(come, 65_536):
        said += part
    os.close(come)
    return [json.loads(line) for line in said.split(b"\n")[:-1]]


def _be_the_child(work: Callable[[Ack], None], go: int) -> None:
    def ack(told: Mapping[str, Any]) -> None:
        os.write(go, json.dumps(told).encode() + b"\n")

    status = 0
    try:
        work(ack)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        ack({"broke": traceback.format_exc(limit=-3)})
        status = 1
    finally:
        os._exit(status)


def _first_word(come: int, deadline: float) -> bytes:
    ready, _write, _wrong = select.select([come], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        raise TimeoutError("the process that is to be killed never said a word")
    return os.read(come, 65_536)


def at_once(works: Sequence[Callable[[], Any]], *, apart: bool) -> list[Any]:
    """What several works give that begin at the same moment, in threads or in processes `apart`; or what they raised.

    Processes give back what JSON can say, and the name of an error's class.
    """
    if apart:
        return _in_processes(works)
    start = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def _in_processes(works: Sequence[Callable[[], Any]]) -> list[Any]:
    moment, children = time.monotonic() + 0.05, []
    for work in works:
        come, go = os.pipe()
        child = os.fork()
        if child == 0:
            time.sleep(max(0.0, moment - time.monotonic()))
            _be_the_child(lambda ack, work=work: ack({"gave": _told(work)}), go)  # type: ignore[misc]
        os.close(go)
        children.append((child, come))
    found = []
    for child, come in children:
        said = b""
        while part := os.read(come, 65_536):
            said += part
        os.close(come)
        os.waitpid(child, 0)
        found.append(json.loads(said)["gave"])
    return found


def _told(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        return {"error": type(error).__name__}
