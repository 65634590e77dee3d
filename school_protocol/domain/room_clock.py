"""The clock of a workshop: it stands, runs as ours does, or sixty times as fast, and never turns back.

It runs while the room is served: from its last sign of life on it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_protocol.domain.errors import BadInput

STANDING, REAL, FAST = 0, 1, 60
PACES = (STANDING, REAL, FAST)
SILENT = timedelta(seconds=10)
"""So long after its last sign of life a room still counts as served."""


@dataclass(frozen=True, slots=True)
class RoomClock:
    """`moment` is what the workshop's clock showed at `since`, by ours; since then it goes at `pace`.

    `held_until`, by ours too: until then somebody writes, and the fast clock stands. Frozen, it stands at any pace.
    `alive_at`, by ours: the room's last sign of life; None: none was ever given, and none is waited for.
    """

    moment: datetime
    since: datetime
    pace: int = STANDING
    held_until: datetime | None = None
    frozen: bool = False
    alive_at: datetime | None = None

    def at(self, real: datetime) -> datetime:
        """What it shows at that moment of ours."""
        if self.frozen or self.pace == STANDING:
            return self.moment
        start = self.since
        if self.pace == FAST and self.held_until is not None:
            start = max(start, self.held_until)
        until = real if self.alive_at is None else min(real, self.alive_at + SILENT)
        return self.moment + max(until - start, timedelta()) * self.pace

    def is_held(self, real: datetime) -> bool:
        """Whether it would run fast, and stands because somebody writes."""
        return self.pace == FAST and not self.frozen and self.held_until is not None and real < self.held_until

    def paced(self, pace: int, real: datetime) -> RoomClock:
        """The same clock, at another pace from now on. Raises BadInput for one that there is not."""
        if pace not in PACES:
            raise BadInput({"pace": ("not_a_choice",)})
        return replace(self._settled(real), pace=pace)

    def held(self, until: datetime | None, real: datetime) -> RoomClock:
        """Somebody writes, and is waited for until then; None: nobody does."""
        return replace(self._settled(real), held_until=until)

    def freeze(self, frozen: bool, real: datetime) -> RoomClock:
        return replace(self._settled(real), frozen=frozen)

    def turned_to(self, moment: datetime, real: datetime) -> RoomClock:
        """Moved on to that moment. Raises BadInput where that would be back."""
        if moment < self.at(real):
            raise BadInput({"moment": ("turned_back",)})
        return replace(self._settled(real), moment=moment)

    def alive(self, real: datetime) -> RoomClock:
        """The room gives a sign of life; after a silence the clock goes on from where it stood."""
        before = self.alive_at or real
        return self._settled(real) if real > before + SILENT else replace(self, alive_at=max(before, real))

    def _settled(self, real: datetime) -> RoomClock:
        """The same clock, told from now: what it showed until now it showed. Ours may have been set back meanwhile."""
        return replace(self, moment=self.at(real), since=real, alive_at=real if self.alive_at is not None else None)
