"""Made-up cases: the academies, schools and people in which they happen, and histories played by lot."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import second_factor, sign_in_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, reindex, schools_named
from school_protocol.cases.story_player import Player, Step, Story, moment, shifted, stories_of, throwaway
from school_protocol.context import AppContext
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.ops import demo, repository
from school_protocol.pdf.signing_keys import Validity, add_academies
from school_protocol.people import repository as people_repository
from school_protocol.people import school_time
from school_protocol.storage.engines import Session
from school_protocol.storage.vault import canonical

REGIONS, PROVINCES, SCHOOLS = 12, 82, 2_191
"""Of the country, as the roll-out reaches them."""
CASES_A_SCHOOL = 50
_KINDS = {ScopeKind.unit: UnitKind.school, ScopeKind.province: UnitKind.province, ScopeKind.region: UnitKind.region}
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class School:
    """A school, what lies above it, and who plays which part there: `role` or `role/2` → account."""

    unit: Unit
    cast: Mapping[str, str]

    @property
    def places(self) -> dict[ScopeKind, str]:
        province, region, *_above = self.unit.parents
        return {ScopeKind.unit: self.unit.id, ScopeKind.province: province, ScopeKind.region: region}


def schools(
    ctx: AppContext, protocol: Protocol, parts: Collection[str], cases: int, *, hashed: str, wanted: int | None = None
) -> list[School]:
    """As many schools as such cases need, or as are wanted, with people for these parts; made where missing."""
    count = wanted or min(SCHOOLS, max(6, cases // CASES_A_SCHOOL))
    made = Made(ctx, protocol, tuple(sorted(parts)), hashed)
    regions = [made.unit(UnitKind.region, one) for one in range(min(REGIONS, max(1, count // 3)))]
    provinces = [made.unit(UnitKind.province, one, regions) for one in range(min(PROVINCES, max(1, count // 2)))]
    _keys(ctx, [f"{_code(UnitKind.region, one)}" for one in range(len(regions))])
    found = []
    for first in range(0, count, _AT_ONCE):
        with ctx.directory.writing() as session:
            for one in range(first, min(count, first + _AT_ONCE)):
                found.append(made.school(session, one, provinces))
    return found


def _keys(ctx: AppContext, codes: Collection[str]) -> None:
    """A key of its own for each academy that has none, under the demo's root: nobody else trusts it."""
    folder, now = ctx.settings.data / demo.SIGNING, ctx.now()
    missing = {code: f"Académie d’essai {code}" for code in codes if not (folder / f"{code}.pem").exists()}
    add_academies(folder, missing, Validity(now - timedelta(days=400), now + timedelta(days=5 * 365)))


def _code(kind: UnitKind, place: int) -> str:
    if kind is UnitKind.school:
        return f"{50_000 + place:05}S"
    return f"{'ES' if kind is UnitKind.region else 'ESP'}-{place + 1:02}"


_NAMES = {
    UnitKind.region: ("Académie d’essai n° {}", "أكاديمية تجريبية رقم {}", "Made-up academy no. {}"),
    UnitKind.province: ("Direction d’essai n° {}", "مديرية تجريبية رقم {}", "Made-up directorate no. {}"),
    UnitKind.school: ("Collège d’essai n° {}", "إعدادية تجريبية رقم {}", "Made-up school no. {}"),
}
_FIRST = (
    ("Amina", "أمينة"), ("Youssef", "يوسف"), ("Khadija", "خديجة"), ("Rachid", "رشيد"), ("Naïma", "نعيمة"),
    ("Saïd", "سعيد"), ("Hanane", "حنان"), ("Mustapha", "مصطفى"), ("Latifa", "لطيفة"), ("Brahim", "إبراهيم"),
    ("Souad", "سعاد"),
)  # fmt: skip
_LAST = (
    ("El Idrissi", "الإدريسي"), ("Bennani", "بناني"), ("Chraïbi", "الشرايبي"), ("Ouazzani", "الوزاني"),
    ("Lahlou", "لحلو"), ("Amrani", "العمراني"), ("Ziani", "الزياني"), ("Tahiri", "الطاهري"), ("Skalli", "الصقلي"),
    ("Berrada", "برادة"), ("Naciri", "الناصري"), ("Filali", "الفيلالي"), ("Guessous", "كسوس"),
)  # fmt: skip


def name_of(place: int) -> dict[str, str]:
    """The name of somebody made up, as French and Arabic write it."""
    first, last = _FIRST[place % len(_FIRST)], _LAST[place // len(_FIRST) % len(_LAST)]
    return {"fr": f"{first[0]} {last[0]}", "ar": f"{first[1]} {last[1]}"}


@dataclass(slots=True)
class Made:
    """Makes units and people that are not there yet, and finds those that are."""

    ctx: AppContext
    protocol: Protocol
    parts: tuple[str, ...]
    hashed: str
    people: int = 0
    casts: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.ctx.now()

    def unit(self, kind: UnitKind, place: int, above: list[str] | None = None) -> str:
        """The region or province of that place in the row, with whoever works there."""
        with self.ctx.directory.writing() as session:
            unit = self._unit(session, kind, place, above)
            self._cast(session, unit)
            return unit.id

    def school(self, session: Session, place: int, provinces: list[str]) -> School:
        return self.cast(session, self._unit(session, UnitKind.school, place, provinces))

    def cast(self, session: Session, unit: Unit) -> School:
        """That school, with whoever works there and above it."""
        own = self._cast(session, unit)
        above = auth_repository.find_units(session, unit.parents[:2]).values()
        return School(
            unit, own | {name: account for one in above for name, account in self._cast(session, one).items()}
        )

    def _unit(self, session: Session, kind: UnitKind, place: int, above: list[str] | None) -> Unit:
        code = _code(kind, place)
        if (standing := auth_repository.unit_coded(session, code)) is not None:
            return standing
        if above is None:
            country = auth_repository.unit_coded(session, demo.COUNTRY.code)
            parent = country.id if country else None
        else:
            parent = above[place % len(above)]
        names = dict(zip(("fr", "ar", "en"), (name.format(place + 1) for name in _NAMES[kind]), strict=True))
        unit = auth_repository.add_unit(session, kind=kind, code=code, names=names, parent=parent)
        if kind is UnitKind.region:
            people_repository.set_calendar(session, unit, school_time.usual())
        return auth_repository.unit(session, unit)

    def _cast(self, session: Session, unit: Unit) -> dict[str, str]:
        """Who plays which of the parts in this unit; every role that works in such a unit has somebody there."""
        if unit.id in self.casts:
            return self.casts[unit.id]
        wanted = {role.key for role in self.protocol.roles.values()} | set(self.parts)
        parts = sorted(part for part in wanted if self._works_in(part, unit.kind))
        usernames = {part: f"{unit.code.lower()}-{part.replace('_', '-').replace('/', '-')}" for part in parts}
        found = self.casts[unit.id] = {}
        for part, username in usernames.items():
            account = auth_repository.account_named(session, username)
            found[part] = account.id if account else self._somebody(session, username, part.partition("/")[0], unit)
        return found

    def _works_in(self, part: str, kind: UnitKind) -> bool:
        role = self.protocol.roles[part.partition("/")[0]]
        return _KINDS.get(role.sees, UnitKind.school) is kind

    def _somebody(self, session: Session, username: str, role: str, unit: Unit) -> str:
        since, today = self.now - timedelta(days=1500), self.now.astimezone(ZONE).date()
        self.people += 1
        account = auth_repository.add_account(
            session,
            username=username,
            names=name_of(self.people),
            language="ar" if self.people % 3 == 0 else "fr",
            created_at=since,
            password_hash=self.hashed,
            certified=True,
            trained_until=date(today.year + 2, 8, 31),
        )
        auth_repository.appoint(session, account, role=role, unit=unit.id, starts=since.date())
        if self.protocol.roles[role].second_factor:
            sign_in_repository.keep_seed(session, self.ctx.vault, account, second_factor.draw_seed(), step=0, at=since)
        return account


# ---- histories: stories of a definition, played through the services -----------------------------------------------

WEEKS = 150
"""How far back whole stories may lie: three school years."""
LATELY = 3
"""In how many weeks before now a case under way had its latest step."""
UNDER_WAY = 1 / 4
"""Of the stories played, those that are cut off on the way."""
TRIES = 20
"""How often another moment is drawn where a story doesn't go, at one, as it says."""


class NoHistory(SchoolProtocolError):
    """The definition has no story that can be played."""


@dataclass(frozen=True, slots=True)
class Played:
    """A history, and whom its ids stand for: places by kind, people by what scripts call them."""

    history: repository.History
    places: Mapping[ScopeKind, str]
    cast: Mapping[str, str]
    """`role` or `role/2` → account."""


Draw = Callable[[], tuple[Sequence[Step], int]]
"""The steps of a story, and how many weeks ago its last step was, drawn anew each time."""


def played(
    protocol: Protocol,
    content: bytes,
    calendar: Calendar,
    draws: Sequence[Draw],
    *,
    now: datetime,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Played]:
    """What these plays come to, each tried again at other moments where its story doesn't go as it says.

    One that goes at none is left. Raises NoHistory where no case of all ends.
    """
    found: list[Played] = []
    with throwaway(protocol, content, now) as player:
        with player.ctx.directory.writing() as session:
            people_repository.set_calendar(session, player.places[ScopeKind.region], calendar)
        for place, draw in enumerate(draws, 1):
            anew = partial(replace, player, numbers={}, played=[], unseen={}, ids={})
            tries = (_play(anew(), *draw(), now) for _try in range(TRIES))
            found += next(filter(None, tries), [])
            progress(place, len(draws))
    if not any(one.history.ended for one in found):
        raise NoHistory(f"{protocol.protocol} has no story whose cases end")
    return found


def whole_or_cut(protocol: Protocol, plays: int, rng: random.Random) -> list[Draw]:
    """So many plays of the definition's stories, each story in its turn, whole or cut off on the way."""
    stories = [story for _name, story in stories_of(protocol.protocol)]
    return [partial(_drawn, stories[place % len(stories)], rng) for place in range(plays if stories else 0)]


def _drawn(story: Story, rng: random.Random) -> tuple[Sequence[Step], int]:
    if rng.random() < UNDER_WAY:
        return story.steps[: rng.randrange(2, len(story.steps))], rng.randrange(LATELY)
    return story.steps, rng.randrange(WEEKS)


def whole(protocol: Protocol, plan: Sequence[tuple[str, range]], rng: random.Random) -> list[Draw]:
    """These stories played whole, the last step of each so many weeks ago."""
    stories = dict(stories_of(protocol.protocol))
    return [partial(_whole, stories[name], weeks, rng) for name, weeks in plan]


def _whole(story: Story, weeks: range, rng: random.Random) -> tuple[Sequence[Step], int]:
    return story.steps, rng.choice(weeks)


def named(one: Played) -> frozenset[str]:
    """The parts whose people its history names."""
    history = one.history
    told = [f"{history.index}", *(f"{said.header} {said.content}" for said in history.reports)]
    told += [f"{entry.actor} {canonical(entry.body).decode('utf-8', 'replace')}" for entry in history.entries]
    return frozenset(part for part, account in one.cast.items() if any(account in text for text in told))


def _play(player: Player, steps: Sequence[Step], weeks: int, now: datetime) -> list[Played]:
    """The cases of a story as they stand now; none where it doesn't go as it says so many weeks ago."""
    steps = _moved(steps, weeks, now)
    player.watching, player.clock.moment = False, moment(str(steps[0]["at"]), "at")
    found: list[Played] = []
    for step in steps:
        player.play([step])
        if not player.played[-1].went_as_said:
            return []
        name = str(step.get("case", ""))
        if _has_just_ended(player, name):
            at = player.clock.moment
            found += _as_they_stand(player, [name], now)
            player.clock.moment = at
    whole = {one.history.opened.number: len(one.history.entries) for one in found}
    left = [name for name, number in player.numbers.items() if whole.get(number) != _seq(player, name)]
    return [*found, *_as_they_stand(player, left, now)]


def _moved(steps: Sequence[Step], weeks: int, now: datetime) -> list[dict[str, object]]:
    """The steps so many weeks back, the last of them before now: whole weeks, so that days of the week stay."""
    told = [datetime.fromisoformat(str(step["at"])) for step in steps]
    latest = now.astimezone(ZONE).replace(tzinfo=None) - timedelta(hours=1)
    delta = timedelta(weeks=(latest - told[-1]) // timedelta(weeks=1) - weeks)
    return [
        {**shifted(step, delta, delta), "at": (at + delta).isoformat(timespec="minutes")}
        for step, at in zip(steps, told, strict=True)
    ]


def _has_just_ended(player: Player, name: str) -> bool:
    if "StepTaken" not in player.played[-1].events:
        return False
    case_id = player.case_id(name)
    with player.ctx.realm.reading() as session:
        row = index_repository.row_of(session, case_id) if case_id else None
    return row is not None and row.ended


def _seq(player: Player, name: str) -> int:
    case_id = player.case_id(name)
    with player.ctx.realm.reading() as session:
        return cases_repository.last_seq(session, case_id) if case_id else 0


def _as_they_stand(player: Player, names: Iterable[str], now: datetime) -> Iterator[Played]:
    """These cases as lists show them now, but those that name another case or another school: it would not be there."""
    cast = {name: actor.id for name, actor in player.actors.items()}
    places = {**player.places, ScopeKind.unit: player.school}
    ctx, numbers = player.ctx, set(player.numbers.values())
    player.clock.moment = now
    for name in names:
        case_id, number = player.case_id(name), player.numbers[name]
        if case_id is None:
            continue
        with ctx.realm.writing() as session:
            reindex(ctx, session, case_id)
            history = repository.read_sample(session, ctx.vault, case_id)
            names_schools = schools_named(*folded(ctx, session, case_id))
        if not names_schools and not _names(history, numbers - {number}):
            yield Played(history, places, cast)


def _names(history: repository.History, others: set[str]) -> bool:
    told = b"".join(canonical(entry.body) for entry in history.entries)
    return any(number.encode() in told for number in others)
