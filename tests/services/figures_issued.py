"""A small country of counted cases: academies, directorates, schools; and the people who issue and read figures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from engine.telling import MOROCCAN, NOW

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import SCHOOL_WEEK, Player, throwaway
from school_protocol.context import REALM, AppContext
from school_protocol.engine.case_summary import CASES, DANGERS, REFERRALS
from school_protocol.engine.clock import Calendar
from school_protocol.engine.visibility import Actor, Unit, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.protocol.reader import read
from school_protocol.statistics import releases
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.models import FigureJobRow
from school_protocol.statistics.rules import (
    KEPT,
    LATE,
    TOTALS,
    Cell,
    ReleaseLine,
    ReleasePeriod,
    Told,
    own_part,
)

PROTOCOL = "ma-cyberharassment"
YEAR = 2026
MONTHS = ("2026-09", "2026-10", "2026-11")
QUARTER, WHOLE_YEAR = ReleasePeriod(YEAR, 1), ReleasePeriod(YEAR)
PLACES = {
    "MA": (UnitKind.country, "", "Ministère", "الوزارة"),
    "MA-04": (UnitKind.region, "MA", "Académie de Rabat-Salé-Kénitra", "أكاديمية الرباط - سلا - القنيطرة"),
    "MA-07": (UnitKind.region, "MA", "Académie de Marrakech-Safi", "أكاديمية مراكش - آسفي"),
    "MA-SAL": (UnitKind.province, "MA-04", "Direction provinciale de Salé", "المديرية الإقليمية بسلا"),
    "MA-RAB": (UnitKind.province, "MA-04", "Direction provinciale de Rabat", "المديرية الإقليمية بالرباط"),
    "MA-MAR": (UnitKind.province, "MA-07", "Direction provinciale de Marrakech", "المديرية الإقليمية بمراكش"),
    "04001A": (UnitKind.school, "MA-SAL", "Collège Ibn Rochd", "الثانوية الإعدادية ابن رشد"),
    "04002B": (UnitKind.school, "MA-SAL", "Collège Al Massira", "الثانوية الإعدادية المسيرة"),
    "04003C": (UnitKind.school, "MA-SAL", "École Al Amal", "مدرسة الأمل"),
    "04004D": (UnitKind.school, "MA-RAB", "Lycée Hassan II", "ثانوية الحسن الثاني"),
    "04005E": (UnitKind.school, "MA-RAB", "Lycée Lalla Aïcha", "ثانوية للا عائشة"),
    "07001F": (UnitKind.school, "MA-MAR", "Lycée Fatima Al Fihriya", "ثانوية فاطمة الفهرية"),
    "07002G": (UnitKind.school, "MA-MAR", "Collège Al Atlas", "إعدادية الأطلس"),
}  # fmt: skip
CASES_OF = {"04001A": 64, "04002B": 41, "04003C": 7, "04004D": 55, "04005E": 38, "07001F": 48, "07002G": 33}
POSTS = {
    "head": ("head", "04001A"), "other_head": ("head", "04003C"), "member": ("team_member", "04001A"),
    "directorate": ("directorate", "MA-SAL"), "rabat": ("directorate", "MA-RAB"), "academy": ("academy", "MA-04"),
    "south": ("academy", "MA-07"), "ministry": ("protocol_admin", "MA"), "trainer": ("trainer", "MA-04"),
}  # fmt: skip


@dataclass
class Country:
    """Who issues and reads what, and the counters that stand for cases."""

    player: Player
    units: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    tokens: Iterator[int] = field(default_factory=count)

    @property
    def ctx(self) -> AppContext:
        return self.player.ctx

    def person(self, who: str) -> Actor:
        with self.ctx.directory.reading() as session:
            found = auth_repository.actor(session, self.people[who], realm=REALM, today=self.ctx.now().date())
        assert found is not None
        return found

    def unit(self, code: str) -> Unit:
        with self.ctx.directory.reading() as session:
            return auth_repository.unit(session, self.units[code])

    def count_in(
        self, code: str, number: int, *, seed: int = 1, month: str = "", only: Mapping[str, str] | None = None
    ) -> None:
        """So many cases more of a unit: of its own, and of all above it."""
        drawn = random.Random(f"{code}{seed}")
        unit = self.unit(code)
        own = unit.id if unit.kind is UnitKind.school else own_part(unit.id)
        path = (own, *(() if unit.kind is UnitKind.school else (unit.id,)), *unit.parents)
        with self.ctx.realm.writing() as session:
            for _case in range(number):
                cells = Counter(dict.fromkeys(a_case(drawn, only or {}), 1))
                when = month or drawn.choice(MONTHS)
                changes = (
                    ((PROTOCOL, when, one), path[place + 1] if place + 1 < len(path) else "", cells)
                    for place, one in enumerate(path)
                )
                statistics_repository.change_at_commit(session, changes)

    def ask(self, who: str, code: str, period: ReleasePeriod = QUARTER, *, token: str = "", again: bool = False) -> str:
        pressed = token or f"t{next(self.tokens)}"
        return releases.ask_release(self.ctx, self.person(who), PROTOCOL, code, period, pressed, again=again)

    def issue(self, who: str, code: str, period: ReleasePeriod = QUARTER, *, again: bool = False) -> FigureJobRow:
        """Asked for, and worked out here: what became of it."""
        job = self.ask(who, code, period, again=again)
        while releases.go_on(self.ctx):
            pass
        return self.job(job)

    def job(self, job: str) -> FigureJobRow:
        with self.ctx.directory.reading() as session:
            return statistics_repository.job(session, job)

    def lines(self, code: str) -> tuple[ReleaseLine, ...]:
        """The releases that have it, the newest first."""
        return releases.releases_covering(self.ctx, self.unit(code))

    def told(self, code: str, release: str = "") -> Told:
        unit = self.unit(code)
        return releases.see_told(self.ctx, unit, release or self.lines(code)[0].id)

    def wait(self, **delay: float) -> None:
        self.player.clock.advance(timedelta(**delay))


def a_case(drawn: random.Random, only: Mapping[str, str]) -> list[Cell]:
    """What one case adds, as the definition's tables have it."""
    chosen: dict[str, str] = {
        "levels": drawn.choice(("1", "1", "2", "3")),
        "channels": drawn.choice(("pupil", "pupil", "parent", "seen")),
        "kinds": drawn.choice(("insult", "rumour", "exclusion")),
        "platforms": drawn.choice(("whatsapp", "instagram")),
        "in_time.safety_check": drawn.choice((KEPT, KEPT, KEPT, LATE)),
        "wait.listening": drawn.choice(("1", "2", "3")),
    }
    chosen |= only
    cells: list[Cell] = [(TOTALS, CASES), *chosen.items()]
    if drawn.random() < 0.3:
        cells += [(TOTALS, DANGERS), ("dangers", "home_danger"), ("danger_answers", "~answered")]
    if drawn.random() < 0.3:
        cells += [(TOTALS, REFERRALS), ("targets", "prosecutor"), ("referral_answers", "~answered")]
    return cells


@contextmanager
def a_country(cases: Mapping[str, int] = CASES_OF, *, days: int = 10) -> Iterator[Country]:
    """The country, gone afterwards; so many days on its first quarter is over."""
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, "m"), content, NOW) as player:
        country = Country(player)
        furnish(country)
        for code, number in cases.items():
            country.count_in(code, number)
        country.wait(days=days)
        yield country


def furnish(country: Country, *, password_hash: str = "", since: datetime = NOW) -> None:
    """Its places and people."""
    with country.ctx.directory.writing() as session:
        for code, (kind, parent, french, arabic) in PLACES.items():
            names = {"fr": french, "ar": arabic}
            country.units[code] = auth_repository.add_unit(
                session, kind=kind, code=code, names=names, parent=country.units.get(parent)
            )
        people_repository.set_calendar(session, country.units["MA"], Calendar(opening=SCHOOL_WEEK))
        for who, (role, code) in POSTS.items():
            found = auth_repository.add_account(
                session, username=f"figures_{who}", names={"fr": who.capitalize()}, language="fr", created_at=since,
                password_hash=password_hash,
            )  # fmt: skip
            starts = since.date() - timedelta(days=300)
            auth_repository.appoint(session, found, role=role, unit=country.units[code], starts=starts)
            country.people[who] = found
