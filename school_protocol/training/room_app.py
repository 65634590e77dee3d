"""Rooms of workshops have an application of their own, under /workshop/<id>, over their own store and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.training.room_store import Room, RoomGone, Rooms

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/workshop/"
IDS = 26
"""Letters of a workshop's id."""


BUSY = "school_protocol.busy"
"""What a request says whose room can't be opened now, for the host to answer."""
ROOM = "school_protocol.room"
"""Where a request says in which room it is."""


def init_app(app: Flask) -> None:
    """The host answers for rooms that can't be opened now."""

    @app.before_request
    def refuse_busy() -> None:
        if request.environ.get(BUSY):
            raise StorageBusy("the room can't be opened now")


def room_asked() -> Room:
    """The room of this request."""
    return cast(Room, request.environ[ROOM])


class TrainingApp(Flask):
    """The application of all rooms: what it signs is good in one room alone."""

    rooms: Rooms

    @property
    def secret_key(self) -> bytes:  # type: ignore[override]
        return room_asked().ctx.vault.chain("web-visit-v1", b"")

    def handle_user_exception(self, error: Exception) -> ResponseReturnValue:
        """What was under way as a room was destroyed fails as it may: whoever asks is told to come again."""
        if not isinstance(error, HTTPException | SchoolProtocolError):
            try:
                self.rooms.room(room_asked().id)
            except RoomGone:
                error = StorageBusy("this room is being destroyed")
        return super().handle_user_exception(error)


class Mounted:
    """The host's application, and beside it that of rooms; an address of no room is the host's to answer."""

    def __init__(
        self, host: Callable[..., Iterable[bytes]], rooms: Rooms, make: Callable[[Rooms], TrainingApp]
    ) -> None:
        self.host = host
        self.rooms = rooms
        self._make = make
        self._made: TrainingApp | None = None
        self._lock = Lock()

    @property
    def training(self) -> TrainingApp:
        """The application of rooms, made as it is asked for first."""
        with self._lock:
            self._made = self._made or self._make(self.rooms)
            return self._made

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self.host(environ, start_response)
        workshop, _, rest = path.removeprefix(PREFIX).partition("/")
        try:
            room = self._room(workshop)
        except StorageBusy:
            return self.host({**environ, BUSY: True}, start_response)
        if room is None:
            return self.host(environ, start_response)
        own: dict[str, Any] = {**environ, ROOM: room}
        own["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PREFIX + workshop
        own["PATH_INFO"] = f"/{rest}"
        return self.training.wsgi_app(own, start_response)

    def _room(self, workshop: str) -> Room | None:
        if len(workshop) != IDS or not workshop.isalnum():
            return None
        try:
            return self.rooms.room(workshop)
        except RoomGone:
            return None
