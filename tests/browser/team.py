"""The people of one story, each at their own desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import expect

from school_protocol.engine.definition_parts import FormField

from .person import Person
from .served import Served, Step

expect.set_options(timeout=30_000)


class Team:
    """`team[role]` is that person, seated when first needed; the clock is turned as the story goes."""

    def __init__(self, ctx: Served, steps: Sequence[Step], seat: Callable[[str], Person]) -> None:
        self.ctx = ctx
        self.steps = steps
        self.seat = seat
        self.seated: dict[str, Person] = {}

    def __getitem__(self, role: str) -> Person:
        name, _, count = role.partition("/")
        key = "/".join(filter(None, (self.ctx.protocol.resolve("roles", name), count)))
        if key not in self.seated:
            self.seated[key] = self.seat(key)
        return self.seated[key]

    def at(self, do: str, count: int = 1) -> int:
        """Where the story does `do` for the `count`-th time."""
        return [place for place, step in enumerate(self.steps) if step["do"] == do][count - 1]

    def told(self, do: str, count: int = 1) -> Any:
        """What is answered there."""
        return self.steps[self.at(do, count)]["answers"]

    def begin(self, do: str, count: int = 1) -> Person:
        """Turn the clock to that step, and hand over to whoever does it, at the case's page."""
        step = self.steps[self.at(do, count)]
        self.ctx.turn_to(step["at"])
        person = self[step["as"]]
        person.open_case()
        return person

    def follow(self, first: int, until: int | None = None) -> None:
        """Do the steps from `first` up to `until` (not included) as they stand in the story, in the browser."""
        for step in self.steps[first:until]:
            self.ctx.turn_to(step["at"])
            self[step["as"]].do(step)

    def field(self, act: str, key: str) -> FormField:
        protocol = self.ctx.protocol
        form = protocol.form_of(protocol.acts[protocol.resolve("acts", act)])
        return next(item for item in form.fields if item.key == key)

    def wide(self) -> list[tuple[str, int]]:
        """Every page that somebody visited and that scrolls sideways."""
        return [found for person in self.seated.values() for found in person.wide]
