"""Cases that have ended, by the short way: the end is an event that is written straight away; and days of work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, keep_in
from school_protocol.context import today_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import Event, StepTaken
from school_protocol.mail import Letter, Post
from school_protocol.notifications.service import sweep
from school_protocol.privacy import holds
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.repository import Standing
from school_protocol.privacy.retention import Report, run_sweep
from services.conftest import School


@dataclass
class Recorder:
    """A way out that writes down whom it reaches, and with what."""

    sent: list[tuple[str, Letter]] = field(default_factory=list)

    def carry(self, to: str, letter: Letter) -> None:
        self.sent.append((to, letter))


@dataclass
class Keeping:
    """A school with a head and a data officer who can be reached, whose time limits are looked at each day."""

    school: School
    mail: Recorder = field(default_factory=Recorder)
    reports: list[Report] = field(default_factory=list)
    each_day: Callable[[], None] = lambda: None

    reached: bool = True

    def __post_init__(self) -> None:
        for who in ("head", "data_officer") if self.reached else ():
            self.reach(who)

    @property
    def today(self) -> date:
        return today_for(self.school.ctx)

    def reach(self, who: str) -> None:
        account = self.school.account(who)
        with self.school.ctx.directory.writing() as session:
            auth_repository.set_address(session, account, email=f"{who}@college.example", phone=None)

    def lose(self, who: str) -> None:
        """No message reaches that person any more."""
        account = self.school.account(who)
        with self.school.ctx.directory.writing() as session:
            auth_repository.set_address(session, account, email=None, phone=None)

    def case_id(self, number: str = "") -> str:
        with self.school.ctx.realm.reading() as session:
            found = cases_repository.find_by_number(session, number or self.school.number)
        assert found is not None
        return found

    def keep(self, number: str, event: Event) -> None:
        ctx = self.school.ctx
        with ctx.realm.writing() as session:
            protocol, case = folded(ctx, session, self.case_id(number))
            keep_in(ctx, session, self.case_id(number), protocol, case, [event])

    def step(self, target: str, *, level: int | None = None, number: str = "") -> None:
        """The case goes to that state, as if a move of the definition had led there."""
        ctx, number = self.school.ctx, number or self.school.number
        with ctx.realm.reading() as session:
            protocol, case = folded(ctx, session, self.case_id(number))
        move = move_to(protocol, target)
        actor = self.school.account("head")
        header = {"actor": actor, "role": "head", "at": ctx.now(), "occurred_at": ctx.now()}
        self.keep(number, StepTaken(**header, move=move, source=case.state, target=target, level=level))  # type: ignore[arg-type]

    def ended(self, state: str, level: int | None = None) -> str:
        """A new case that has just ended there; returns its number."""
        self.school.report()
        self.step(state, level=level)
        return self.school.number

    def standing(self, number: str = "") -> Standing | None:
        with self.school.ctx.realm.reading() as session:
            return privacy_repository.standing(session, self.case_id(number))

    def run(self) -> Report:
        """One run, and what messages it asked for go out."""
        self.reports.append(run_sweep(self.school.ctx))
        sweep(self.school.ctx, Post(self.mail, None))
        return self.reports[-1]

    def days(self, count: int, *, agree: bool = True) -> None:
        """So many days on, with a run on each; whatever waits is confirmed at once."""
        for _day in range(count):
            self.school.wait(days=1)
            self.each_day()
            self.run()
            if agree:
                self.agree()

    def leap(self, to: date, *, agree: bool = True) -> None:
        """Days go by without a run, until two months before that day; from then on one a day, to the day itself."""
        far = (to - self.today).days - 70
        if far > 0:
            self.school.wait(days=far)
        self.days((to - self.today).days, agree=agree)

    def agree(self, who: str = "data_officer") -> int:
        person = self.school.person(who)
        waiting = [line.number for line in holds.see_list(self.school.ctx, person).lines if line.waits]
        return holds.agree(self.school.ctx, person, waiting, token=self.school.token()) if waiting else 0

    def is_erased(self, number: str = "") -> bool:
        with self.school.ctx.realm.reading() as session:
            return cases_repository.is_destroyed(session, self.case_id(number))

    def is_shown(self, number: str, who: str = "head") -> bool:
        from school_protocol.cases.showing import see_case

        try:
            see_case(self.school.ctx, self.school.person(who), number)
        except Unseen:
            return False
        return True


def move_to(protocol: Protocol, target: str) -> str:
    """A move of the definition that leads there."""
    return next(key for key, move in protocol.moves.items() if move.to == target)
