"""Where made-up cases happen: academies, directorates, schools and people of their own, beside the demo's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from school_protocol.documents.sealing.authority import Validity, add_academies
from school_protocol.domain.policy import Unit, UnitKind
from school_protocol.domain.protocol import Protocol, ScopeKind
from school_protocol.services import demo, school_time
from school_protocol.services.house import House
from school_protocol.services.identity import factors
from school_protocol.storage import directory, proving
from school_protocol.storage.engines import Session
from school_protocol.wording import ZONE

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
    house: House, protocol: Protocol, parts: Collection[str], cases: int, *, hashed: str, wanted: int | None = None
) -> list[School]:
    """As many schools as such cases need, or as are wanted, with people for these parts; made where missing."""
    count = wanted or min(SCHOOLS, max(6, cases // CASES_A_SCHOOL))
    made = Made(house, protocol, tuple(sorted(parts)), hashed)
    regions = [made.unit(UnitKind.region, one) for one in range(min(REGIONS, max(1, count // 3)))]
    provinces = [made.unit(UnitKind.province, one, regions) for one in range(min(PROVINCES, max(1, count // 2)))]
    _keys(house, [f"{_code(UnitKind.region, one)}" for one in range(len(regions))])
    found = []
    for first in range(0, count, _AT_ONCE):
        with house.directory.writing() as session:
            for one in range(first, min(count, first + _AT_ONCE)):
                found.append(made.school(session, one, provinces))
    return found


def _keys(house: House, codes: Collection[str]) -> None:
    """A key of its own for each academy that has none, under the demo's root: nobody else trusts it."""
    folder, now = house.settings.data / demo.SIGNING, house.now()
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

    house: House
    protocol: Protocol
    parts: tuple[str, ...]
    hashed: str
    people: int = 0
    casts: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.house.now()

    def unit(self, kind: UnitKind, place: int, above: list[str] | None = None) -> str:
        """The region or province of that place in the row, with whoever works there."""
        with self.house.directory.writing() as session:
            unit = self._unit(session, kind, place, above)
            self._cast(session, unit)
            return unit.id

    def school(self, session: Session, place: int, provinces: list[str]) -> School:
        return self.cast(session, self._unit(session, UnitKind.school, place, provinces))

    def cast(self, session: Session, unit: Unit) -> School:
        """That school, with whoever works there and above it."""
        own = self._cast(session, unit)
        above = directory.units(session, unit.parents[:2]).values()
        return School(
            unit, own | {name: account for one in above for name, account in self._cast(session, one).items()}
        )

    def _unit(self, session: Session, kind: UnitKind, place: int, above: list[str] | None) -> Unit:
        code = _code(kind, place)
        if (standing := directory.unit_coded(session, code)) is not None:
            return standing
        if above is None:
            country = directory.unit_coded(session, demo.COUNTRY.code)
            parent = country.id if country else None
        else:
            parent = above[place % len(above)]
        names = dict(zip(("fr", "ar", "en"), (name.format(place + 1) for name in _NAMES[kind]), strict=True))
        unit = directory.add_unit(session, kind=kind, code=code, names=names, parent=parent)
        if kind is UnitKind.region:
            directory.set_calendar(session, unit, school_time.usual())
        return directory.unit(session, unit)

    def _cast(self, session: Session, unit: Unit) -> dict[str, str]:
        """Who plays which of the parts in this unit; every role that works in such a unit has somebody there."""
        if unit.id in self.casts:
            return self.casts[unit.id]
        wanted = {role.key for role in self.protocol.roles.values()} | set(self.parts)
        parts = sorted(part for part in wanted if self._works_in(part, unit.kind))
        usernames = {part: f"{unit.code.lower()}-{part.replace('_', '-').replace('/', '-')}" for part in parts}
        found = self.casts[unit.id] = {}
        for part, username in usernames.items():
            account = directory.account_named(session, username)
            found[part] = account.id if account else self._somebody(session, username, part.partition("/")[0], unit)
        return found

    def _works_in(self, part: str, kind: UnitKind) -> bool:
        role = self.protocol.roles[part.partition("/")[0]]
        return _KINDS.get(role.sees, UnitKind.school) is kind

    def _somebody(self, session: Session, username: str, role: str, unit: Unit) -> str:
        since, today = self.now - timedelta(days=1500), self.now.astimezone(ZONE).date()
        self.people += 1
        account = directory.add_account(
            session,
            username=username,
            names=name_of(self.people),
            language="ar" if self.people % 3 == 0 else "fr",
            created_at=since,
            password_hash=self.hashed,
            certified=True,
            trained_until=date(today.year + 2, 8, 31),
        )
        directory.appoint(session, account, role=role, unit=unit.id, starts=since.date())
        if self.protocol.roles[role].second_factor:
            proving.keep_seed(session, self.house.vault, account, factors.draw_seed(), step=0, at=since)
        return account
