"""Cases that end, are held, reopened and forgotten about, day by day: none goes early, untold or held, none stays.

What must hold is written here once more, from the rules that families are told, and not taken from the product: the
day before which nothing goes, which holds stand, who was told. The clock leaps now and then; runs are cut off anywhere.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.telling import MOROCCAN, NOW
from services.conftest import School
from services.retaining import Keeping

from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.errors import Refused, Sealed
from school_protocol.mail import Post
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.service import sweep
from school_protocol.privacy import holds, retention
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy import rules as privacy_rules
from school_protocol.privacy.rules import Step
from school_protocol.protocol.reader import read_file
from school_protocol.statistics import yearly_report
from school_protocol.statistics.yearly_rules import Counts
from school_protocol.storage import backups, journal
from trials.frame import Outcome, Size, Trial

ENDS = (("no_further_action", None), ("closed", 1), ("closed", 2), ("closed", 3), ("closed", 4), ("transferred", 2))
LONGEST = timedelta(days=60)
"""A case stays no longer than so long after its day, or after whatever held it back, if somebody confirms each day."""
AWAY = (0, 0, 1, 1, 1, 2)
"""Days on which the machine is off before it looks again."""
PAUSES = (*[1] * 10, 34, *[1] * 11, 6, *[1] * 18)
"""Days from one run to the next, from day 115 on: each step of a case that ended half a year before has its days."""
DOORS = (
    (retention, "leave"), (backups, "note"), (privacy_repository, "erase_case"), (retention, "sweep"),
    (privacy_repository, "forget_messages"), (retention, "look"), (retention, "ask_notice"),
    (privacy_repository, "keep_limit"),
)  # fmt: skip


class Cut(BaseException):
    """A kill, as it looks from inside: nothing catches it."""


def not_before(state: str, level: int | None, ended: date) -> date:
    """The first day on which such a case may go, as families are told."""
    over = date(ended.year if ended.month < 9 else ended.year + 1, 9, 1)
    match state, level:
        case "no_further_action", _:
            return _later(ended, months=6)
        case "closed", 1:
            return over.replace(year=over.year + 1)
        case "closed", 2:
            return over.replace(year=over.year + 2)
    return _later(ended, months=60)


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError(day)


@dataclass
class Life:
    """What is known of one case beside the product: when it ended, until when it was held."""

    number: str
    case_id: str
    words: str
    due: date | None = None
    held_until: date | None = None
    told_since: datetime = NOW
    back_on: date | None = None
    """Whatever held it back last ended on that day."""
    gone: bool = False


@dataclass
class Story:
    """One school through the years; `faults` are what did not hold."""

    keeping: Keeping
    rng: random.Random
    lives: list[Life] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tried: int = 0
    leaps: bool = True
    letters_wait: int = 0
    """So many days more the messages are swept."""

    right_day: date | None = None
    """The true day, while the product's clock is wrong."""

    @property
    def today(self) -> date:
        return self.right_day or self.keeping.today

    # ---- what happens ------------------------------------------------------------------------------------------

    def begin(self, state: str, level: int | None) -> Life:
        school, words = self.keeping.school, f"zqlif{len(self.lives)}x"
        school.report(what_happened=words)
        life = Life(school.number, self.keeping.case_id(), words)
        self.lives.append(life)
        self.end(life, state, level)
        return life

    def end(self, life: Life, state: str, level: int | None) -> None:
        self.keeping.step(state, level=level, number=life.number)
        life.due = life.back_on = not_before(state, level, self.today)
        life.told_since = self.keeping.school.ctx.now()

    def reopen(self, life: Life) -> None:
        self.keeping.step("listening_planned", number=life.number)
        life.due = None

    def hold(self, life: Life, days: int) -> None:
        school = self.keeping.school
        until = self.today + timedelta(days=days)
        holds.suspend(
            school.ctx, school.person("directorate"), life.number, until.isoformat(), "proceedings",
            token=school.token(),
        )  # fmt: skip
        life.held_until, life.told_since = until, school.ctx.now()
        life.back_on = max(life.due or until, until)

    def lift(self, life: Life) -> None:
        school = self.keeping.school
        holds.resume(school.ctx, school.person("directorate"), life.number, "over", token=school.token())
        life.held_until, life.told_since = self.today + timedelta(days=13), school.ctx.now()
        life.back_on = max(life.due or self.today, self.today)

    # ---- a day -------------------------------------------------------------------------------------------------

    def day(self) -> None:
        self.keeping.school.wait(days=1)
        if self.leaps and self.rng.random() < 0.02:
            self._leap()
        self._work()
        self.look()

    def _leap(self) -> None:
        """The clock is years ahead for a few runs, somebody confirms meanwhile; then it is set right."""
        clock = self.keeping.school.player.clock
        right, self.right_day = clock.moment, self.today
        clock.moment = right + timedelta(days=self.rng.choice([400, 1500, 3000]))
        for _run in range(self.rng.randint(1, 3)):
            self._work()
            clock.moment += timedelta(days=1)
        clock.moment = right
        self.look()
        self.right_day = None

    def _work(self) -> None:
        if self.rng.random() < 0.08:
            module, name = self.rng.choice(DOORS)
            with _cut_at(module, name):
                try:
                    retention.run_sweep(self.keeping.school.ctx)
                except Cut:
                    self.letters_wait = 3
                    self.look()
        report = retention.run_sweep(self.keeping.school.ctx)
        if report.first_notices + report.second_notices + report.to_confirm:
            self.letters_wait = 3
        if self.letters_wait:
            sweep(self.keeping.school.ctx, Post(self.keeping.mail, None))
            self.letters_wait -= 1
        if report.to_confirm or self.rng.random() < 0.1:
            self.keeping.agree()

    def change(self) -> None:
        """Now and then a hold, its lifting, a case reopened, one that ends again, a new one."""
        life = self.rng.choice(self.lives)
        if life.gone:
            return
        what = self.rng.random()
        if what < 0.3 and life.due is not None:
            self.hold(life, self.rng.choice([3, 40, 200, 360]))
        elif what < 0.5 and life.held_until is not None and life.held_until > self.today:
            self._try_lift(life)
        elif what < 0.7 and life.due is not None:
            self.reopen(life)
        elif life.due is None:
            self.end(life, *self.rng.choice(ENDS))

    def _try_lift(self, life: Life) -> None:
        try:
            self.lift(life)
        except Refused:
            return  # it was lifted before: its fortnight runs

    # ---- what must hold ----------------------------------------------------------------------------------------

    def look(self) -> None:
        with self.keeping.school.ctx.realm.reading() as session:
            erased = {case_id for case_id, _at in privacy_repository.erased(session)}
        for life in self.lives:
            if not life.gone and life.case_id in erased:
                life.gone = True
                self._gone(life)
            elif not life.gone and life.due is not None:
                latest = max(life.due, life.back_on or life.due, life.held_until or life.due) + LONGEST
                if self.today > latest:
                    self.faults.append(f"{life.number} is forgotten: it was to go by {latest}")
                    life.gone = True

    def _gone(self, life: Life) -> None:
        self.tried += 1
        if life.due is None:
            self.faults.append(f"{life.number} went although it was open")
        elif self.today < life.due:
            self.faults.append(f"{life.number} went on {self.today}, before {life.due}")
        if life.held_until is not None and self.today <= life.held_until:
            self.faults.append(f"{life.number} went on {self.today}, held until {life.held_until}")
        with self.keeping.school.ctx.realm.reading() as session:
            known = notifications_repository.notices_of_case(session, life.case_id)
            for letter in ("f", "s"):
                notice = re.compile(rf"move:{letter}\d-{life.case_id}-\d+")
                if not any(notice.fullmatch(one.cause) and one.at >= life.told_since for one in known):
                    self.faults.append(f"{life.number} went without its notice {letter!r}")
            for table in privacy_repository.emptied():
                if session.execute(table.select().where(table.c.case_id == life.case_id).limit(1)).first():
                    self.faults.append(f"{life.number} left rows in {table.name}")
            try:
                cases_repository.load_events(session, self.keeping.school.ctx.vault, life.case_id)
                self.faults.append(f"{life.number} can still be read")
            except Sealed:
                pass

    def whole(self) -> None:
        """At the end: chains hold, no planted word lies anywhere, and the list outside knows every case that went."""
        ctx = self.keeping.school.ctx
        with ctx.realm.reading() as session:
            self.faults += [f"{one.case_id}: {one.flaw}" for one in journal.verify_all(session, ctx.vault)]
        kept = b"".join(path.read_bytes() for path in Path(ctx.settings.data).rglob("*") if path.is_file())
        self.faults += [f"{life.words} lies in a file" for life in self.lives if life.words.encode() in kept]
        noted = {one.case_id for one in backups.read_erased(ctx.settings.data, ctx.vault)}
        for life in self.lives:
            if self.keeping.is_erased(life.number) != (life.case_id in noted):
                self.faults.append(f"{life.number} is erased and not noted, or the other way round")

    def totals(self) -> dict[int, Counts]:
        """What the yearly reports count, before anything is withheld, of each year that can be asked for."""
        ctx = self.keeping.school.ctx
        view = yearly_report.see_yearly(ctx, self.keeping.school.person("head"), "00000A")
        return {
            line.year: yearly_report.add_up(ctx, view.place, line.period).counts
            for line in view.years
            if line.period is not None and line.period.is_over
        }


@contextmanager
def _cut_at(module: Any, name: str) -> Iterator[None]:
    real = getattr(module, name)

    def cut(*given: Any, **more: Any) -> Any:
        real(*given, **more)
        raise Cut

    with patch.object(module, name, cut):
        yield


@contextmanager
def school(folder: Path, seed: int) -> Iterator[Story]:
    """A fresh school whose story begins."""
    protocol, clock = read_file(MOROCCAN), TurnableClock(NOW)
    with closing(open_context(Settings(data=folder / f"school-{seed}"), clock)) as ctx:
        player = prepared(ctx, clock, protocol, MOROCCAN.read_bytes())
        yield Story(Keeping(School(player, count(1))), random.Random(seed))


# ---- planted -------------------------------------------------------------------------------------------------------


def _ignores_holds() -> Any:
    return patch.object(privacy_rules, "barred_until", lambda *_: None)


@contextmanager
def _forgets_a_notice() -> Iterator[None]:
    """The second one is never asked for, and taken for given."""
    real_ask, real_given = retention.ask_notice, retention.given

    def ask(session: Any, protocol: Any, found: Any, step: Step, asked_at: Any) -> None:
        if step is not Step.second_notice:
            real_ask(session, protocol, found, step, asked_at)

    def given(ctx: Any, session: Any, found: Any, today: Any) -> Any:
        if found.second is None and found.second_asked_at is not None:
            return replace(found, second=today)
        return real_given(ctx, session, found, today)

    with patch.object(retention, "ask_notice", ask), patch.object(retention, "given", given):
        yield


def _hurries() -> Any:
    return patch.object(privacy_rules, "_months_later", lambda day, months: day + timedelta(days=90))


def _forgets() -> Any:
    return patch.object(retention, "_go_on", lambda *_: Step.wait)


def _leaves_nothing() -> Any:
    return patch.object(retention, "leave", lambda *_: None)


COUNTS = "counts otherwise"
PLANTED = {
    "ignores holds": (_ignores_holds, "held until"),
    "forgets a notice": (_forgets_a_notice, "without its notice"),
    "hurries": (_hurries, "before"),
    "forgets": (_forgets, "forgotten"),
    "leaves nothing": (_leaves_nothing, COUNTS),
}


def _planted(story: Story, fault: Any, wanted: str) -> bool:
    """Whether the same looks see a product with that fault: one case, half a year, its last two months day by day."""
    story.faults, story.lives, story.leaps = [], [], False
    life = story.begin(*(("closed", 1) if wanted == COUNTS else ("no_further_action", None)))
    assert life.due is not None
    story.keeping.school.wait(days=24 if wanted == "before" else (life.due - story.today).days - 66)
    before = story.totals() if wanted == COUNTS else {}
    with fault():
        if wanted == "held until":
            story.hold(life, 110)
        for pause in (*PAUSES, *([1] * 60 if wanted == "forgotten" else ())):
            story.keeping.school.wait(days=pause)
            retention.run_sweep(story.keeping.school.ctx)
            sweep(story.keeping.school.ctx, Post(story.keeping.mail, None))
            story.keeping.agree()
            story.look()
            if story.faults or (life.gone and before):
                break
    if before:
        _compare(story, before)
    return any(wanted in one for one in story.faults)


def _compare(story: Story, before: dict[int, Any]) -> None:
    for year, counts in story.totals().items():
        if year in before and counts != before[year]:
            story.faults.append(f"the report of {year} counts otherwise than before")


def run(size: Size, folder: Path) -> Outcome:
    """Six years of a school; or, in short, the last weeks of two cases."""
    is_whole = size is Size.whole
    with school(folder, 1) as story:
        totals = _years(story) if is_whole else _weeks(story)
        story.whole()
        _compare(story, totals)
        faults, tried = tuple(story.faults), story.tried
        wanted = list(PLANTED.values()) if is_whole else list(PLANTED.values())[:2]
        if not is_whole:
            found = sum(_planted(story, fault, says) for fault, says in wanted)
    if is_whole:
        with school(folder, 2) as other:
            found = sum(_planted(other, fault, says) for fault, says in wanted)
    return Outcome(tried, "cases erased", faults, planted=len(wanted), found=found)


def _weeks(story: Story) -> dict[int, Any]:
    story.leaps = False
    for _case in range(2):
        story.begin("no_further_action", None)
    story.keeping.school.wait(days=115)
    for pause in PAUSES:
        story.keeping.school.wait(days=pause - 1)
        story.day()
    return {}


def _years(story: Story) -> dict[int, Any]:
    """Cases come in the first two years; all else goes on for six."""
    totals = dict[int, Any]()
    begun, year = story.today, 1
    while (passed := (story.today - begun).days) < 6 * 365:
        if passed < 730 and len(story.lives) * 9 <= passed:
            story.begin(*ENDS[len(story.lives) % len(ENDS)])
        if story.rng.random() < 0.12:
            story.change()
        story.keeping.school.wait(days=story.rng.choice(AWAY))
        story.day()
        if passed > year * 365 - 60:
            year += 1
            _compare(story, totals)
            totals = {**story.totals(), **totals}
    return totals


TRIALS = (
    Trial(
        "erasure",
        "cases erased: none early, held, or untold; none forgotten; figures as before; nothing left",
        40,
        run,
    ),
)
