"""Service of the teams of a region: who looks at which, who is certified until when, what a team lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import ABOVE
from school_protocol.auth.repository import Post
from school_protocol.context import REALM, AppContext, declared, today_for
from school_protocol.engine.definition import Protocol, Role, ScopeKind
from school_protocol.engine.definition_parts import TeamRules
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor, Appointment, Permission, Unit, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.people.repository import Place
from school_protocol.statistics import repository as statistics_repository
from school_protocol.storage.engines import Session
from school_protocol.supervision import repository

PLACES_MOST = 60
"""So many places are offered to choose from; beyond, a code is typed."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody who looks at the teams of `units` and of all below them."""

    actor: Actor
    posts: tuple[tuple[Appointment, Role], ...]
    units: Mapping[str, Unit]

    def reaches(self, unit: Unit) -> bool:
        return not {unit.id, *unit.parents}.isdisjoint(self.units)

    def sees_cases(self, unit: Unit) -> bool:
        """Whether they see the cases of that school from above."""
        return any(role.sees in ABOVE and post.unit in unit.parents for post, role in self.posts)

    def visiting(self, unit: Unit) -> Appointment | None:
        """The post by which a visit there is theirs to write down."""
        within = (unit.id, *unit.parents)
        return next((post for post, role in self.posts if role.visits and post.unit in within), None)


@dataclass(frozen=True, slots=True)
class Sight:
    """A school as this person looks at its team."""

    actor: Actor
    unit: Unit
    from_above: bool
    sees_cases: bool
    visiting: Appointment | None
    own: Appointment | None
    """The post at the school itself, of its head or coordinator."""

    @property
    def post(self) -> Appointment | None:
        """The post in which something is noted here."""
        return self.visiting or self.own


def rules_of(ctx: AppContext) -> TeamRules | None:
    """How many belong to a team, as the first definition in force that says so has it."""
    return next((one.teams for one in ctx.library.current() if one.teams is not None), None)


def team_roles(ctx: AppContext) -> tuple[str, ...]:
    """The roles that make up a team: those for which people are trained."""
    return tuple(key for key, (_protocol, role) in declared(ctx).items() if role.trained)


def looker_of(ctx: AppContext, actor: Actor) -> Looker:
    """This person as one who looks at teams from above; raises Unseen."""
    posts = _posts(ctx, actor)
    if not posts:
        raise Unseen("teams")
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, {post.unit for post, _role in posts})
    return Looker(actor, posts, units)


def sight_of(ctx: AppContext, actor: Actor, school: str) -> Sight:
    """The school with that code, as far as its team is this person's to look at; raises Unseen."""
    with ctx.directory.reading() as session:
        unit = auth_repository.unit_coded(session, school)
    if unit is None or unit.kind is not UnitKind.school:
        raise Unseen(school)
    own = next((post for post in _own(ctx, actor) if post.unit == unit.id), None)
    looker = looker_of(ctx, actor) if permissions.may(ctx, actor, Permission.see_teams) else None
    if looker is not None and looker.reaches(unit):
        return Sight(actor, unit, True, looker.sees_cases(unit), looker.visiting(unit), own)
    if own is None:
        raise Unseen(school)
    return Sight(actor, unit, False, False, None, own)


def place_below(session: Session, looker: Looker, code: str) -> Unit:
    """The unit with that code, within reach; raises Unseen."""
    unit = auth_repository.unit_coded(session, code)
    if unit is None or not looker.reaches(unit):
        raise Unseen(code)
    return unit


def places_below(session: Session, looker: Looker) -> tuple[Unit, ...]:
    """The places directly below one's own, where they are few enough to choose from."""
    below = auth_repository.children(session, *(one.id for one in looker.units.values()))
    return below if len(below) <= PLACES_MOST else ()


def _posts(ctx: AppContext, actor: Actor) -> tuple[tuple[Appointment, Role], ...]:
    known = declared(ctx)
    return tuple((post, known[post.role][1]) for post in permissions.posts_with(ctx, actor, Permission.see_teams))


def _own(ctx: AppContext, actor: Actor) -> tuple[Appointment, ...]:
    """Of a school itself: who heads it, and who carries the whole of its cases."""
    known = declared(ctx)
    held = ((post, known[post.role][1]) for post in actor.appointments if post.role in known)
    return tuple(post for post, role in held if role.head or role.sees is ScopeKind.unit)


# ---- teams by name, and which has opened no case for long ----------------------------------------------------------
# That is asked of the counters of figures: they know of no case of which somebody of the school must not know, so
# such a case is told neither by standing here nor by being missing.

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


def see_teams(ctx: AppContext, actor: Actor, wanted: Narrowed, after: str = "") -> TeamsView:
    """One page of the schools within reach, by name; raises Unseen for whoever looks at none."""
    looker = looker_of(ctx, actor)
    with ctx.directory.reading() as session:
        here, is_known = _place(session, looker, wanted.place)
        wanted = replace(
            wanted,
            place=wanted.place if here else "",
            lack=wanted.lack if wanted.lack in _lacks(ctx, looker) else ALL,
            level=wanted.level if wanted.level in LEVELS else "",
        )
        places = places_below(session, looker)
        page = _Page(ctx, looker, session, wanted, [here.id] if here else list(looker.units))
        lines, further = page.lines(_cursor(after))
    return TeamsView(
        lines=tuple(lines),
        wanted=wanted,
        after=further,
        is_place_known=is_known,
        places=places,
        lacks=_lacks(ctx, looker),
        rules=page.rules,
        quiet_months=page.quiet_months,
        ending_days=page.ending_days,
        may_visit=any(role.visits for _post, role in looker.posts),
    )


def see_school(ctx: AppContext, actor: Actor, school: str) -> SchoolView:
    """One school's team; raises Unseen."""
    sight = sight_of(ctx, actor, school)
    with ctx.directory.reading() as session:
        units = {sight.unit.id: sight.unit}
        page = _Page(ctx, Looker(actor, (), units), session, Narrowed(), [sight.unit.id])
        (line,) = page.of_units([sight.unit], {sight.unit.id} if sight.sees_cases else set())
        administrators = tuple(_administrators(ctx, session, actor, sight.unit)) if sight.from_above else ()
    return SchoolView(sight, line, page.rules, page.quiet_months, page.ending_days, administrators)


def _place(session: Session, looker: Looker, code: str) -> tuple[Unit | None, bool]:
    """The place that was asked for, and whether it is one of this reader's; none was asked for: it is."""
    if not code:
        return None, True
    try:
        return place_below(session, looker, code), True
    except Unseen:
        return None, False


def _lacks(ctx: AppContext, looker: Looker) -> tuple[str, ...]:
    """What can be asked for; of cases, only by whoever sees them."""
    sees = ctx.name == REALM and any(not role.visits or role.sees.value != "none" for _post, role in looker.posts)
    return tuple(one for one in LACKS if (one != QUIET or sees) and (one != FEW or rules_of(ctx) is not None))


def _cursor(after: str) -> Place | None:
    unit, _, name = after.partition("~")
    return Place(name, unit) if unit.isascii() and unit.isalnum() else None


def _administrators(ctx: AppContext, session: Session, actor: Actor, unit: Unit) -> Iterator[AdminLine]:
    known = declared(ctx)
    places = (unit.id, *unit.parents)
    found = auth_repository.holders(session, places, today=today_for(ctx))
    units = auth_repository.find_units(session, places)
    for holder in sorted(found, key=lambda one: places.index(one.unit)):
        if holder.role in known and known[holder.role][1].administers:
            yield AdminLine(holder.account.name(actor.language), units[holder.unit])


class _Page:
    """What one page needs to say what a team lacks."""

    def __init__(
        self, ctx: AppContext, looker: Looker, session: Session, narrowed: Narrowed, units: Sequence[str]
    ) -> None:
        self.ctx, self.looker, self.session, self.narrowed = ctx, looker, session, narrowed
        self.today, self.rules = today_for(ctx), rules_of(ctx)
        self.quiet_months = self.rules.quiet_months if self.rules else _QUIET_MONTHS
        self.ending_days = self.rules.ending_days if self.rules else _ENDING_DAYS
        self.known, self.roles = declared(ctx), team_roles(ctx)
        month = self.today.year * 12 + self.today.month - 1 - self.quiet_months
        self.quiet_since = date(month // 12, month % 12 + 1, 1)
        lack = "long" if narrowed.lack == QUIET else narrowed.lack
        self.wanted = people_repository.Wanted(
            units=units, roles=self.roles, today=self.today, until=self.today + timedelta(days=self.ending_days),
            trained=self.rules.size if self.rules else 0, lack=lack, level=narrowed.level, since=self.quiet_since,
        )  # fmt: skip

    def lines(self, after: Place | None) -> tuple[list[TeamLine], str]:
        """The lines of a page, and where the next one begins."""
        found: list[TeamLine] = []
        for _round in range(LOOKED // PAGE):
            places = people_repository.page_of_teams(
                self.session, self.wanted, self.looker.actor.language, after=after, limit=PAGE + 1
            )
            some = places[:PAGE]
            units = auth_repository.find_units(self.session, [one.id for one in some])
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
        posts = auth_repository.posts(self.session, ids, since=self.today)
        provinces = auth_repository.find_units(self.session, {unit.parents[0] for unit in units if unit.parents})
        levels, last = people_repository.levels(self.session, ids), repository.last_days(self.session, ids)
        opened = self._opened(ids) if seeing else frozenset()
        known = people_repository.with_way_in(self.session, {post.account.id for post in posts})
        by_unit: dict[str, list[Post]] = {}
        for post in posts:
            if post.role in self.roles and post.is_current(self.today) and post.account.active:
                by_unit.setdefault(post.unit, []).append(post)
        return [
            self._line(unit, by_unit.get(unit.id, []), known, provinces, levels, last, seeing, opened) for unit in units
        ]

    def _opened(self, ids: Sequence[str]) -> frozenset[str]:
        protocols = {one.protocol for one in self.ctx.library.every()}
        with self.ctx.realm.reading() as session:
            return statistics_repository.opened_since(session, protocols, ids, f"{self.quiet_since:%Y-%m}")

    def _line(
        self, unit: Unit, posts: Sequence[Post], known: frozenset[str], provinces: Mapping[str, Unit],
        levels: Mapping[str, str], last: Mapping[str, date], seeing: set[str], opened: frozenset[str],
    ) -> TeamLine:  # fmt: skip
        members = tuple(self._member(post, known) for post in posts)
        there = [post for post in posts if post.account.id in known]
        people = {post.account.id: post.account for post in there}
        trained = sum(one.is_trained(self.today) for one in people.values())
        is_long = any(post.starts <= self.quiet_since for post in there)
        is_told = self.ctx.name == REALM and unit.id in seeing and is_long
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
