"""The teams of a region, by name: who is certified until when, what a team lacks, which has opened no case for long.

Whether a team opened a case is asked of the counters of figures: they know of no case of which somebody of the school
must not know, whoever reads, so that such a case is told neither by standing here nor by being missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.team_rules import TeamRules
from school_protocol.services.house import REALM, House
from school_protocol.services.loading import today_for
from school_protocol.services.teams.team import declared
from school_protocol.services.visits.reach import (
    Looker,
    Sight,
    looker_of,
    place_below,
    places_below,
    rules_of,
    sight_of,
    team_roles,
)
from school_protocol.storage import administration, directory, staff
from school_protocol.storage.administration import Post
from school_protocol.storage.engines import Session
from school_protocol.storage.figures import counters
from school_protocol.storage.visits import teams as kept
from school_protocol.storage.visits import visits
from school_protocol.storage.visits.teams import Place

PAGE = 25
LOOKED = 400
"""So many schools are looked through for one page, at most; the next one goes on."""
NO_TEAM, FEW, ENDING, QUIET, ALL = "team", "few", "ending", "quiet", ""
LACKS = (ALL, NO_TEAM, FEW, ENDING, QUIET)
LEVELS = ("primary", "lower", "upper")
_QUIET_MONTHS, _ENDING_DAYS = 12, 90


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the list is narrowed to, as it stands in an address."""

    lack: str = ALL
    place: str = ""
    """The code of a province, or of a school."""
    level: str = ""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """Somebody of a team, and until when their certificate is good."""

    name: str
    protocol: Protocol
    role: str
    is_trained: bool
    trained_until: date | None
    ends_soon: bool
    is_awaited: bool
    """Has no way in yet: counts as nobody."""


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A school and its team, of which only whoever can sign in counts."""

    unit: Unit
    province: Unit | None
    level: str
    members: tuple[MemberLine, ...]
    has_team: bool
    trained: int
    is_few: bool
    ending: int
    is_quiet: bool | None
    """No case opened for long; None: not for this reader, or nobody of the team was there for so long."""
    last_visit: date | None


@dataclass(frozen=True, slots=True)
class TeamsView:
    """A page of the list, with what it can be narrowed to."""

    lines: tuple[TeamLine, ...]
    wanted: Narrowed
    after: str
    is_place_known: bool
    places: tuple[Unit, ...]
    lacks: tuple[str, ...]
    rules: TeamRules | None
    quiet_months: int
    ending_days: int
    may_visit: bool


@dataclass(frozen=True, slots=True)
class AdminLine:
    """Whoever administers the accounts of a school, and of which place they do."""

    name: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class SchoolView:
    """One school's team, for whoever prepares a visit or belongs there."""

    sight: Sight
    line: TeamLine
    rules: TeamRules | None
    quiet_months: int
    ending_days: int
    administrators: tuple[AdminLine, ...]


# ---- the list ------------------------------------------------------------------------------------------------------


def see_teams(house: House, actor: Actor, wanted: Narrowed, after: str = "") -> TeamsView:
    """One page of the schools within reach, by name; raises Unseen for whoever looks at none."""
    looker = looker_of(house, actor)
    with house.directory.reading() as session:
        here, is_known = _place(session, looker, wanted.place)
        wanted = replace(
            wanted,
            place=wanted.place if here else "",
            lack=wanted.lack if wanted.lack in _lacks(house, looker) else ALL,
            level=wanted.level if wanted.level in LEVELS else "",
        )
        places = places_below(session, looker)
        page = _Page(house, looker, session, wanted, [here.id] if here else list(looker.units))
        lines, further = page.lines(_cursor(after))
    return TeamsView(
        lines=tuple(lines),
        wanted=wanted,
        after=further,
        is_place_known=is_known,
        places=places,
        lacks=_lacks(house, looker),
        rules=page.rules,
        quiet_months=page.quiet_months,
        ending_days=page.ending_days,
        may_visit=any(role.visits for _post, role in looker.posts),
    )


def see_school(house: House, actor: Actor, school: str) -> SchoolView:
    """One school's team; raises Unseen."""
    sight = sight_of(house, actor, school)
    with house.directory.reading() as session:
        units = {sight.unit.id: sight.unit}
        page = _Page(house, Looker(actor, (), units), session, Narrowed(), [sight.unit.id])
        (line,) = page.of_units([sight.unit], {sight.unit.id} if sight.sees_cases else set())
        administrators = tuple(_administrators(house, session, actor, sight.unit)) if sight.from_above else ()
    return SchoolView(sight, line, page.rules, page.quiet_months, page.ending_days, administrators)


def _place(session: Session, looker: Looker, code: str) -> tuple[Unit | None, bool]:
    """The place that was asked for, and whether it is one of this reader's; none was asked for: it is."""
    if not code:
        return None, True
    try:
        return place_below(session, looker, code), True
    except Unseen:
        return None, False


def _lacks(house: House, looker: Looker) -> tuple[str, ...]:
    """What can be asked for; of cases, only by whoever sees them."""
    sees = house.name == REALM and any(not role.visits or role.sees.value != "none" for _post, role in looker.posts)
    return tuple(one for one in LACKS if (one != QUIET or sees) and (one != FEW or rules_of(house) is not None))


def _cursor(after: str) -> Place | None:
    unit, _, name = after.partition("~")
    return Place(name, unit) if unit.isascii() and unit.isalnum() else None


def _administrators(house: House, session: Session, actor: Actor, unit: Unit) -> Iterator[AdminLine]:
    known = declared(house)
    places = (unit.id, *unit.parents)
    found = directory.holders(session, places, today=today_for(house))
    units = directory.units(session, places)
    for holder in sorted(found, key=lambda one: places.index(one.unit)):
        if holder.role in known and known[holder.role][1].administers:
            yield AdminLine(holder.account.name(actor.language), units[holder.unit])


class _Page:
    """What one page needs to say what a team lacks."""

    def __init__(
        self, house: House, looker: Looker, session: Session, narrowed: Narrowed, units: Sequence[str]
    ) -> None:
        self.house, self.looker, self.session, self.narrowed = house, looker, session, narrowed
        self.today, self.rules = today_for(house), rules_of(house)
        self.quiet_months = self.rules.quiet_months if self.rules else _QUIET_MONTHS
        self.ending_days = self.rules.ending_days if self.rules else _ENDING_DAYS
        self.known, self.roles = declared(house), team_roles(house)
        month = self.today.year * 12 + self.today.month - 1 - self.quiet_months
        self.quiet_since = date(month // 12, month % 12 + 1, 1)
        lack = "long" if narrowed.lack == QUIET else narrowed.lack
        self.wanted = kept.Wanted(
            units=units, roles=self.roles, today=self.today, until=self.today + timedelta(days=self.ending_days),
            trained=self.rules.size if self.rules else 0, lack=lack, level=narrowed.level, since=self.quiet_since,
        )  # fmt: skip

    def lines(self, after: Place | None) -> tuple[list[TeamLine], str]:
        """The lines of a page, and where the next one begins."""
        found: list[TeamLine] = []
        for _round in range(LOOKED // PAGE):
            places = kept.page(self.session, self.wanted, self.looker.actor.language, after=after, limit=PAGE + 1)
            some = places[:PAGE]
            units = directory.units(self.session, [one.id for one in some])
            seeing = {one.id for one in units.values() if self.looker.sees_cases(one)}
            for place, line in zip(some, self.of_units(list(units.values()), seeing), strict=True):
                if self.narrowed.lack != QUIET or line.is_quiet:
                    found.append(line)
                after = place
                if len(found) == PAGE:
                    break
            more = after is not None and bool(some) and (after != some[-1] or len(places) > PAGE)
            if len(found) == PAGE or not more:
                break
        return found, f"{after.id}~{after.name}" if after is not None and more else ""

    def of_units(self, units: Sequence[Unit], seeing: set[str]) -> list[TeamLine]:
        """These schools as lines, in their order; `seeing`: those whose cases this reader sees."""
        ids = [unit.id for unit in units]
        posts = administration.posts(self.session, ids, since=self.today)
        provinces = directory.units(self.session, {unit.parents[0] for unit in units if unit.parents})
        levels, last = kept.levels(self.session, ids), visits.last_days(self.session, ids)
        opened = self._opened(ids) if seeing else frozenset()
        known = staff.with_way_in(self.session, {post.account.id for post in posts})
        by_unit: dict[str, list[Post]] = {}
        for post in posts:
            if post.role in self.roles and post.is_current(self.today) and post.account.active:
                by_unit.setdefault(post.unit, []).append(post)
        return [
            self._line(unit, by_unit.get(unit.id, []), known, provinces, levels, last, seeing, opened) for unit in units
        ]

    def _opened(self, ids: Sequence[str]) -> frozenset[str]:
        protocols = {one.protocol for one in self.house.library.every()}
        with self.house.realm.reading() as session:
            return counters.opened_since(session, protocols, ids, f"{self.quiet_since:%Y-%m}")

    def _line(
        self, unit: Unit, posts: Sequence[Post], known: frozenset[str], provinces: Mapping[str, Unit],
        levels: Mapping[str, str], last: Mapping[str, date], seeing: set[str], opened: frozenset[str],
    ) -> TeamLine:  # fmt: skip
        members = tuple(self._member(post, known) for post in posts)
        there = [post for post in posts if post.account.id in known]
        people = {post.account.id: post.account for post in there}
        trained = sum(one.is_trained(self.today) for one in people.values())
        is_long = any(post.starts <= self.quiet_since for post in there)
        is_told = self.house.name == REALM and unit.id in seeing and is_long
        return TeamLine(
            unit=unit,
            province=provinces.get(unit.parents[0]) if unit.parents else None,
            level=levels.get(unit.id, ""),
            members=members,
            has_team=bool(there),
            trained=trained,
            is_few=bool(there) and self.rules is not None and trained < self.rules.size,
            ending=sum(self._ends_soon(one.trained_until if one.certified else None) for one in people.values()),
            is_quiet=unit.id not in opened if is_told else None,
            last_visit=last.get(unit.id),
        )

    def _member(self, post: Post, known: frozenset[str]) -> MemberLine:
        account = post.account
        until = account.trained_until if account.certified else None
        return MemberLine(
            account.name(self.looker.actor.language), self.known[post.role][0], post.role,
            account.is_trained(self.today), until, self._ends_soon(until), account.id not in known,
        )  # fmt: skip

    def _ends_soon(self, until: date | None) -> bool:
        return until is not None and until <= self.wanted.until
