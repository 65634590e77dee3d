"""One piece of the pages that a pupil's family gets instead of a case file, as a definition declares it."""

from __future__ import annotations

from typing import Any

from school_protocol.engine.conditions import Condition
from school_protocol.engine.texts import Keys, Model, Text


class HomePiece(Model):
    """A paragraph, points, the story, an answer, who looks after the case, numbers to call, or the next day."""

    title: Text | None = None
    when: Condition | None = None
    """Over facts: printed only if this surely holds."""
    text: Text | None = None
    """Alone, or with what else the piece prints."""
    points: tuple[Text, ...] = ()
    story: bool = False
    """The lines that tell the case, as far as its reader may have them."""
    act: str | None = None
    """The act whose latest entry that stands in this copy gives the answer."""
    field: str | None = None
    """The question of its form; the piece's own text says what the answer is."""
    seats: bool = False
    """Who looks after the case."""
    services: Keys = ()
    """Targets whose numbers are printed, as the directory has them today."""
    next_day: bool = False
    """The day of the next follow-up, or that none is fixed."""
    marked: bool = False
    """It stands out on the page."""

    @property
    def printed(self) -> tuple[Any, ...]:
        """What it can print, of which it is one thing at most."""
        return (self.points, self.story, self.act, self.seats, self.services, self.next_day)
