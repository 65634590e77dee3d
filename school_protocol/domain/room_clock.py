"""The clock of a workshop: it stands, runs as ours does, or sixty times as fast, and never turns back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_protocol.domain.errors import BadInput

STANDING, REAL, FAST = 0, 1, 60
PACES = (STANDING, REAL, FAST)


@dataclass(frozen=True, slots=True)
class RoomClock:
    """`moment` is what the workshop's clock showed at `since`, by ours; since then it goes at `pace`.

    `held_until`, by ours too: until then somebody writes, and the fast clock stands. Frozen, it stands at any pace.
    """

    moment: datetime
    since: datetime
    pace: int = STANDING
    held_until: datetime | None = None
    frozen: bool = False

    def at(self, real: datetime) -> datetime:
        """What it shows at that moment of ours."""
        if self.frozen or self.pace == STANDING:
            return self.moment
        start = self.since
        if self.pace == FAST and self.held_until is not None:
            start = max(start, self.held_until)
        return self.moment + max(real - start, timedelta()) * self.pace

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

    def _settled(self, real: datetime) -> RoomClock:
        """The same clock, told from now: what it showed until now it showed. Ours may have been set back meanwhile."""
        return replace(self, moment=self.at(real), since=real)
