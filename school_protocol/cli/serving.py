"""The site in one process: told to end, it takes nobody new, and ends after the answers that it has begun."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import Any

import waitress
from waitress import wasyncore
from waitress.server import BaseWSGIServer
from waitress.task import ThreadedTaskDispatcher

GRACE_SECONDS = 30
"""So long it goes on with what it has begun."""
_LOOK_SECONDS = 0.1
WATCHED = ("/alive", "/ready")
"""Each is answered by a thread of its own, however many pages are waited for."""


class WatchedApart:
    """Hands requests to the threads of pages, and those of whoever watches the site to their own."""

    def __init__(self, pages: ThreadedTaskDispatcher) -> None:
        self._pages = pages
        self._watched = {path: ThreadedTaskDispatcher() for path in WATCHED}
        for one in self._watched.values():
            one.set_thread_count(1)

    def add_task(self, channel: Any) -> None:
        path = getattr(channel.requests[0], "path", "")  # none where no path could be read
        self._watched.get(path, self._pages).add_task(channel)

    def shutdown(self) -> None:
        for one in (self._pages, *self._watched.values()):
            one.shutdown()


def serve(app: Any, **options: Any) -> None:
    """Serve until SIGTERM, and to the end of what has begun by then; or until it is interrupted, which waits less."""
    sockets: dict[int, Any] = {}
    server = waitress.create_server(app, map=sockets, **options)
    listening = [one for one in sockets.values() if isinstance(one, BaseWSGIServer)]
    dispatcher = WatchedApart(server.task_dispatcher)
    for one in listening:
        one.task_dispatcher = dispatcher
    told: list[float] = []

    def tell(*_signal: Any) -> None:
        told.append(time.monotonic() + GRACE_SECONDS)
        listening[0].pull_trigger()  # no lock, no wait: the loop wakes

    before = signal.signal(signal.SIGTERM, tell)
    try:
        with suppress(KeyboardInterrupt):
            while not told:
                wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)
            _end(sockets, listening, told[0])
    finally:
        signal.signal(signal.SIGTERM, before)
        dispatcher.shutdown()


def _end(sockets: dict[int, Any], listening: list[Any], until: float) -> None:
    wasyncore.loop(timeout=0, use_poll=True, map=sockets, count=1)  # who has come already is let in
    for one in listening:
        wasyncore.dispatcher.close(one)  # its socket alone: answers go on
    while time.monotonic() < until:
        wasyncore.loop(timeout=_LOOK_SECONDS, use_poll=True, map=sockets, count=1)
        channels = [channel for one in listening for channel in one.active_channels.values()]
        for channel in channels:
            channel.will_close |= not (channel.requests or channel.request or channel.total_outbufs_len)
        if not channels:
            return
