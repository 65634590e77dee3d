"""A full installation of workshops: ten rooms, 240 seats, served by one process on a loopback while it is asked."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from bench.outcomes import Outcome
from school_protocol.config import Settings
from school_protocol.context import SystemClock
from school_protocol.engine.definition import ActKind
from school_protocol.training import room_store, scenario_library, seats
from school_protocol.training import service as training_service
from school_protocol.training.room_store import room_alone
from school_protocol.training.service import Wanted

ROOMS, TABLES, EACH = 10, 4, 6
SECONDS = 300.0
CYCLE = 20.0
"""Seconds between two askings of one phone: how often its page refreshes by itself."""
SCENARIO = "blackmail"
BARE = "from flask import Flask; import waitress, sys; app = Flask('bare'); " \
    "app.add_url_rule('/', view_func=lambda: '<!doctype html><p>Nothing here.'); " \
    "waitress.serve(app, host='127.0.0.1', port=int(sys.argv[1]), threads=16)"  # fmt: skip


@dataclass
class Told:
    """How long each answer took, and which were no good."""

    page: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    written: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Phone:
    """One seat: its room, the cookie that it holds."""

    room: str
    token: str
    act: str

    @property
    def cookie(self) -> str:
        return f"workshop-{self.room}-session={self.token}"


class Browser:
    """A phone's browser: cookies kept, one address after the other."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port = port
        self.jar = dict(part.split("=", 1) for part in cookie.split("; ") if part)

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, float]:
        """Status, page, and how long it took; a redirect is not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        head = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())}
        began = time.perf_counter()
        if form is None:
            connection.request("GET", path, headers=head)
        else:
            head |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
            connection.request("POST", path, urlencode(form), head)
        answer = connection.getresponse()
        page = answer.read().decode("utf-8", "replace")
        taken = time.perf_counter() - began
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.jar[key] = rest.partition(";")[0]
        connection.close()
        return answer.status, page, taken


def full_house(hurry: bool) -> Outcome:
    """The 95th of 100 answers to a seat, against the same of a bare page that the same phones ask for meanwhile."""
    seconds = SECONDS / 10 if hurry else SECONDS
    with tempfile.TemporaryDirectory(prefix="school-protocol-bench-") as folder:
        phones = _seated(Path(folder))
        with _served(Path(folder)) as (port, bare_port):
            told = _played(phones, port, bare_port, seconds)
    if told.faults:
        raise RuntimeError(f"{len(told.faults)} answers were no good: {sorted(set(told.faults))[:5]}")
    page, bare = _late(told.page), _late(told.bare)
    notes = f"{len(phones)} seats, {seconds:.0f} s, {len(told.page)} answers, {told.written} notes written, no error"
    return Outcome(page * 1e3, bare * 1e3, page / bare, notes=notes)


def _late(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _seated(folder: Path) -> list[Phone]:
    """Ten rooms of four tables of six, their clocks running as ours."""
    ctx = room_store.open_laptop(Settings(data=folder), SystemClock())
    told = scenario_library.find_scenario(SCENARIO)
    assert told is not None
    protocol, content = next(iter(scenario_library.protocols_of(told)))
    (act,) = protocol.acts_of(ActKind.note)
    phones = []
    for _room in range(ROOMS):
        made = training_service.found(
            ctx, None, scenario_library.content_of(SCENARIO), protocol, content, Wanted(TABLES, True, "fr")
        )
        with room_alone(ctx, made.id) as room:
            training_service.set_pace(room, 1)
            for seat in range(TABLES * EACH):
                role = act.by[seat % len(act.by)]
                sat = seats.join(room, seat % TABLES + 1, f"Place {seat}", [role], language="fr")
                phones.append(Phone(made.id, sat.token, act.key))
    ctx.close()
    return phones


@contextmanager
def _served(folder: Path) -> Iterator[tuple[int, int]]:
    """The rooms, and a bare page, each served by a process of its own."""
    ports = [free_port(), free_port()]
    environ = os.environ | {"SCHOOL_PROTOCOL_DATA": str(folder)}
    line = [sys.executable, "-m", "school_protocol.cli", "serve", "--workshop", "--host", "localhost"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    own = subprocess.Popen([*line, "--port", str(ports[0])], env=environ, **quiet)  # type: ignore[call-overload]
    bare = subprocess.Popen([sys.executable, "-c", BARE, str(ports[1])], **quiet)  # type: ignore[call-overload]
    try:
        for port in ports:
            await_port(port)
        yield ports[0], ports[1]
    finally:
        for one in (own, bare):
            one.terminate()
            one.wait(20)


def free_port() -> int:
    """A port of the loopback at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def await_port(port: int) -> None:
    """Until somebody listens there."""
    for _try in range(240):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.25)
    raise RuntimeError("nothing was served")


def _played(phones: list[Phone], port: int, bare_port: int, seconds: float) -> Told:
    told, until = Told(), time.monotonic() + seconds
    threads = [threading.Thread(target=_play, args=(phone, port, bare_port, until, told)) for phone in phones]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return told


def _play(phone: Phone, port: int, bare_port: int, until: float, told: Told) -> None:
    """Look at one's table, at the cases, now and then write a note; then wait."""
    luck = random.Random(phone.token)
    browser, bare = Browser(port, phone.cookie), Browser(bare_port)
    base = f"/workshop/{phone.room}"
    time.sleep(luck.random() * min(CYCLE, (until - time.monotonic()) / 2))
    turn = 0
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            _once(phone, browser, bare, base, told, writes=turn % 3 == 1)
        except OSError as error:
            with told.lock:
                told.faults.append(type(error).__name__)
        turn += 1
        time.sleep(max(0.0, min(until, began + CYCLE) - time.monotonic()))


def _once(phone: Phone, browser: Browser, bare: Browser, base: str, told: Told, *, writes: bool) -> None:
    _note(told, browser.ask(f"{base}/room"), "table")
    with told.lock:
        told.bare.append(bare.ask("/")[2])
    page = _note(told, browser.ask(f"{base}/"), "desk")
    case = re.search(rf"{base}/cases/\d+", page)
    if not writes or case is None:
        return
    _note(told, browser.ask(case[0]), "case")
    form = _note(told, browser.ask(f"{case[0]}/acts/{phone.act}"), "form")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    words = re.search(r'<textarea[^>]* name="([^"]+)"', form)
    sent = {name: unescape(value) for name, value in hidden.items()}
    sent[words[1] if words else ""] = f"Noté à la place {phone.token[:4]}"
    status, _page, taken = browser.ask(f"{case[0]}/acts/{phone.act}", sent)
    with told.lock:
        told.page.append(taken)
        told.written += status == 303
        if status not in (303, 409):
            told.faults.append(f"note {status}")


def _note(told: Told, answer: tuple[int, str, float], what: str) -> str:
    status, page, taken = answer
    with told.lock:
        told.page.append(taken)
        if status != 200:
            told.faults.append(f"{what} {status}")
    return page
