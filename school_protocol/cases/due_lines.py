"""What is due in a case, as its page says it to one reader: the duties, and all that runs and that no duty says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from school_protocol.cases.loading import Loaded
from school_protocol.cases.next_action import follow_ups
from school_protocol.cases.view_models import DueLine, DutyLine
from school_protocol.engine.deadlines import Due, DutyStatus, counts_anew, duties
from school_protocol.engine.definition import Act
from school_protocol.engine.intents import Choice
from school_protocol.language import ZONE


def tone_of(due_at: datetime | None, now: datetime) -> str:
    """How pressing a moment is: late, today, soon (three days) or later."""
    if due_at is None:
        return "later"
    if due_at < now:
        return "late"
    days = (due_at.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days
    return "today" if days == 0 else "soon" if days <= 3 else "later"


class DueLines:
    """`counts` are all of the case, `running` those that run; `about` names what they are about."""

    def __init__(
        self,
        loaded: Loaded,
        counts: tuple[Due, ...],
        running: tuple[Due, ...],
        choices: Iterable[Choice],
        about: Callable[[tuple[str, ...]], str],
    ) -> None:
        self.facts, self.protocol, self.now = loaded.facts, loaded.protocol, loaded.now
        self.counts, self.running, self.about = counts, running, about
        self.opened = {choice.key for choice in choices if choice.kind == "act" and choice.is_open}

    @cached_property
    def duties(self) -> tuple[DutyLine, ...]:
        """Every duty, as it stands."""
        return tuple(map(self._duty, self._statuses))

    @cached_property
    def _statuses(self) -> tuple[DutyStatus, ...]:
        return duties(self.facts, self.counts)

    def _duty(self, status: DutyStatus) -> DutyLine:
        duty = self.protocol.duties[status.duty]
        return DutyLine(
            duty,
            status.state,
            tone_of(status.due_at, self.now) if status.state == "due" else "ok",
            status.due_at,
            status.done_at,
            self._open_acts(duty.met_by),
            self.about(status.subjects),
        )

    def _open_acts(self, keys: Iterable[str]) -> tuple[Act, ...]:
        return tuple(self.protocol.acts[key] for key in dict.fromkeys(keys) if key in self.opened)

    @cached_property
    def others(self) -> tuple[DueLine, ...]:
        """Counts that no duty says, follow-ups (those that were not held, and the next to come), and what to chase."""
        lines = [self._count_line(due) for due in self.running if not self._is_said(due)]
        planned = follow_ups(self.facts, self.running)
        coming = [one for one in planned if one.due.due_at >= self.now]
        for one in (one for one in planned if one not in coming[1:]):
            tone = tone_of(one.due.due_at, self.now)
            lines.append(DueLine(None, "", one.due.due_at, tone, self._open_acts([one.due.key])))
        lines.sort(key=lambda line: line.due_at or self.now)
        return (*lines, *self._chased())

    def _chased(self) -> Iterator[DueLine]:
        """Referrals acknowledged and not answered, of which messages ask again by now: nothing is late by them."""
        for deadline in self.protocol.deadlines.values():
            for due in counts_anew(self.facts, deadline):
                if due.is_open and due.due_at <= self.now:
                    yield replace(self._count_line(due), due_at=None, tone="today")

    def _count_line(self, due: Due) -> DueLine:
        deadline = self.protocol.deadlines[due.deadline]
        acts = self._open_acts(source.act for source in deadline.met_by if source.act)
        return DueLine(deadline, self.about((due.subject,)), due.due_at, tone_of(due.due_at, self.now), acts)

    def _is_said(self, due: Due) -> bool:
        """Whether a duty says of this count, or of an earlier one, that it is due."""
        saying = (one for one in self._statuses if one.due_at is not None and one.due_at <= due.due_at)
        return any(one.state == "due" and due.deadline in self.protocol.duties[one.duty].deadlines for one in saying)
