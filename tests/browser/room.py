"""A host with a trainer behind an address, and those who play in a room of theirs: each at a browser of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import BrowserContext, Locator, Page, expect
from training.live_table import LiveTable, sat_down
from training.rooms_of import host_in, person

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import TurnableClock
from school_protocol.context import AppContext
from school_protocol.training import room_repository, seats
from school_protocol.training import routes as training_routes
from school_protocol.training.room_store import Room, Rooms
from school_protocol.training.scenario import Step
from school_protocol.web import create_app

from .person import Person
from .served import Served, _hashed, behind_an_address

AXE = Axe()
Wsgi = Callable[..., Iterable[bytes]]


@dataclass
class Hosted:
    """The host behind its address; its clock is the real one, and is turned by hand."""

    url: str
    ctx: AppContext
    clock: TurnableClock
    app: Flask
    hurried: set[str] = field(default_factory=set)
    """Addresses of pages that asked to be loaded again by themselves."""

    def room(self, workshop: str) -> Room:
        found: Rooms = self.app.extensions[training_routes.ROOMS]
        return found.room(workshop)


def unhurried(app: Wsgi, hurried: set[str]) -> Wsgi:
    """The same pages, none loading itself again while somebody looks at it: a click is never lost to that."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [one for one in headers if one[0].lower() != "refresh"]
            if len(kept) < len(headers):
                hurried.add(environ["PATH_INFO"])
            return start_response(status, kept, *more)

        return app(environ, start)

    return serve


@contextmanager
def hosting(folder: Path) -> Iterator[Hosted]:
    """A host with an academy and its trainer (`formateur`), served."""
    ctx = host_in(folder)
    clock = ctx.clock
    assert isinstance(clock, TurnableClock)
    with ctx.directory.writing() as session:
        auth_repository.set_password(session, person(ctx).id, _hashed())
    app, hurried = create_app(ctx), set[str]()
    app.extensions[
        training_routes.ROOMS
    ].are_served = False  # the clock is turned by hand: what it leaps over is no silence
    try:
        with behind_an_address(unhurried(app, hurried)) as url:
            yield Hosted(url, ctx, clock, app, hurried)
    finally:
        app.extensions[training_routes.ROOMS].close()
        ctx.close()


def spoilt(page: Page, name: str) -> list[tuple[str, str, str]]:
    """What axe says of the page that is shown."""
    found = AXE.run(page).response["violations"]
    return [(name, one["id"], node["html"][:160]) for one in found for node in one["nodes"][:2]]


def downloaded(page: Page, link: Locator) -> bytes:
    """The file behind a link."""
    with page.expect_download() as got:
        link.click()
    return Path(got.value.path()).read_bytes()


class Trainer(Person):
    """The trainer, in front of the wall of one workshop."""

    workshop = ""

    @classmethod
    def at(cls, host: Hosted, context: BrowserContext) -> Trainer:
        served = Served(host.url, host.ctx, host.clock, None, host.app, {"trainer": "formateur"})  # type: ignore[arg-type]
        return cls(served, context.new_page(), "trainer")

    def sets_up(self, scenario: str, tables: int) -> str:
        """From the desk to a new workshop of that title; the code that stands on its wall."""
        self.open("/workshops")
        self.tap(self.page.locator('main a[href="/workshops/new"]').first)
        self.page.get_by_role("radio", name=scenario).check()
        self.page.get_by_label(self._("How many tables?")).fill(str(tables))
        self.press(self._("Set up the tables"))
        self.workshop = self.page.url.rpartition("/")[2]
        return self.page.locator(".code-big").inner_text()

    def wall(self, page: str = "") -> None:
        self.open(f"/workshops/{self.workshop}{page}")

    def turns_to(self, moment: str) -> None:
        """The room's clock, to that moment of the story."""
        self.wall()
        box = self.page.locator("#moment")
        self.unfold(box)
        box.fill(moment)
        self.press(self._("Move on"))

    def clicks(self, name: str) -> None:
        """A button of the clock's."""
        self.wall()
        self.tap(self.page.locator(".wall-clock").get_by_role("button", name=self._(name), exact=True))

    def table(self, number: int) -> Locator:
        return self.page.locator(f"[aria-labelledby=t{number}]")

    def tells(self, number: int, words: str) -> None:
        self.wall()
        self.table(number).get_by_label(self._("Tell this table")).fill(words)
        self.tap(self.table(number).get_by_role("button", name=self._("Send"), exact=True))

    def time(self) -> str:
        """What the room's clock shows on the wall."""
        self.wall()
        return self.page.locator(".big-time time").get_attribute("datetime") or ""

    def sits_down(self, host: Hosted, live: LiveTable, role: str) -> Participant:
        """The trainer plays a role that nobody holds at a table: in another window of the same browser."""
        window = Trainer(self.served, self.page.context.new_page(), self.role, self.language)
        window.workshop = self.workshop
        window.wall()
        choice = window.table(live.number).locator("select")
        window.unfold(choice)
        choice.select_option(role)
        window.tap(window.table(live.number).get_by_role("button", name=self._("Sit down there")))
        return Participant.there(host, live, window.page, role, self.language)


class Participant(Person):
    """Somebody in a seat of a room. What a form is signed with is the seat's own number."""

    pin = ""

    @classmethod
    def there(cls, host: Hosted, live: LiveTable, page: Page, role: str, language: str) -> Participant:
        """Whoever looks at their table's page; from now on a script's person of that role is this one."""
        url = f"{host.url}/workshop/{live.room.id}"
        expect(page).to_have_url(f"{url}/room")
        made = cls(Served(url, live.room.ctx, host.clock, live.player, host.app), page, role, language)
        made.pin = page.locator(".pin").inner_text().replace(" ", "")
        with live.room.store.reading() as session:
            seat = next(one for one in room_repository.seats(session, live.number) if one.pin == made.pin)
        actor = seats.actor_of(live.room, seat)
        assert actor is not None
        live.player.actors[role] = actor
        return made

    def sign_if_asked(self) -> None:
        password = self.page.locator("main #password")
        if password.count():
            password.fill(self.pin)

    def table(self) -> Locator:
        """What came, on the page of one's table."""
        self.open("/room")
        return self.page.locator("[aria-labelledby=came]")

    def does(self, live: LiveTable, step: Step) -> Step:
        """A step of a script, by clicking; the same as a script would have it afterwards."""
        self.do(step.script)
        return live.recorded(step)

    def tries(self, path: str, **answers: str) -> int:
        """Send a form that the page does not offer; what the room answers."""
        token = self.page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
        sent = self.page.request.post(f"{self.served.url}{path}", form={"csrf_token": token, **answers})
        return sent.status


def comes_in(
    host: Hosted, code: str, context: BrowserContext, live: LiveTable, name: str, roles: tuple[str, ...],
    language: str, looks: Callable[[Page, str], None] | None = None,
) -> Participant:  # fmt: skip
    """A phone joins by the code and sits down; `looks` is shown each page on the way."""
    page = context.new_page()
    guest = Person(Served(host.url, host.ctx, host.clock, live.player, host.app), page, roles[0], language)
    look = looks or (lambda page, name: None)
    guest.open("/join")
    look(page, "join")
    guest.say(guest._("Code"), code.lower())
    guest.press(guest._("Join"))
    look(page, "enter")
    guest.page.get_by_label(guest._("Table %(number)s", number=live.number)).check()
    guest.page.get_by_label(guest._("A name for your seat")).fill(name)
    for role in roles:
        box = page.locator(f"input[name=roles][value={role}]")
        guest.unfold(box)
        box.check()
    guest.press(guest._("Sit down"))
    look(page, "table")
    assert guest.wide == []
    return Participant.there(host, live, page, roles[0], language)


def tables_of(room: Room, number: int) -> list[LiveTable]:
    return [sat_down(room, one) for one in range(1, number + 1)]
