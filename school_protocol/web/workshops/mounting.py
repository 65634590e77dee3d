"""Each workshop has an application of its own, under /workshop/<id>: its cookies and keys are good there alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from school_protocol.domain.errors import Unseen
from school_protocol.services.workshops.rooms import OPEN_AT_ONCE, Room, RoomGone, Rooms
from school_protocol.storage.errors import StorageBusy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/workshop/"
IDS = 26
"""Letters of a workshop's id."""


BUSY = "school_protocol.busy"
"""What a request says whose room can't be opened now, for the host to answer."""


def init_app(app: Flask) -> None:
    """The host answers for rooms that can't be opened now."""

    @app.before_request
    def refuse_busy() -> None:
        if request.environ.get(BUSY):
            raise StorageBusy("the room can't be opened now")


class Mounted:
    """The host's application, and beside it one for each room; an address of no room is the host's to answer."""

    def __init__(self, host: Callable[..., Iterable[bytes]], rooms: Rooms, make: Callable[[Room], Flask]) -> None:
        self.host = host
        self.rooms = rooms
        self.make = make
        self._made: dict[str, tuple[Room, Flask]] = {}
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self.host(environ, start_response)
        workshop, _, rest = path.removeprefix(PREFIX).partition("/")
        try:
            app = self.app(workshop)
        except StorageBusy:
            return self.host({**environ, BUSY: True}, start_response)
        if app is None:
            return self.host(environ, start_response)
        own: dict[str, Any] = dict(environ)
        own["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIX + workshop
        own["PATH_INFO"] = f"/{rest}"
        return app.wsgi_app(own, start_response)

    def app(self, workshop: str) -> Flask | None:
        """The application of a room; None where there is no such room any more."""
        if len(workshop) != IDS or not workshop.isalnum():
            return None
        try:
            room = self.rooms.room(workshop)
        except (Unseen, RoomGone):
            return None
        with self._lock:
            made = self._made.pop(workshop, None)
            if made is None or made[0] is not room:
                made = (room, self.make(room))
            self._made[workshop] = made
            while len(self._made) > OPEN_AT_ONCE:
                self._made.pop(next(iter(self._made)))
        return made[1]
