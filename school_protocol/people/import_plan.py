"""What would become of each line of a list: new (with all that it writes, as it was read), changed (from, to),
unchanged, or refused and why. Nothing is written.

Places come first, from the top down, then people; what an earlier line makes counts for the later ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account, plain_username
from school_protocol.context import AppContext
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.people import import_repository, repository, spreadsheets
from school_protocol.people.import_repository import Line, Verdict, in_chunks
from school_protocol.people.repository import Held
from school_protocol.people.service import FIRST_DAY, NAME_MOST, Problems, check_address, check_username, day_within
from school_protocol.people.spreadsheets import ORDER, Row
from school_protocol.people.staff_list import Admin, Standing, obstacles_to, role_named, standing_of
from school_protocol.people.teams import YEAR
from school_protocol.storage.engines import Session

CHUNK = 500
_GRESA = re.compile(r"[0-9A-Z]{6}")
CODE = re.compile(r"[0-9A-Z][0-9A-Z._-]{0,39}")
_ABOVE = {"school": UnitKind.province, "province": UnitKind.region, "region": UnitKind.country}
_FAR = YEAR * 10
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


class Written(list[Any]):
    """What a new line writes, as changes from nothing."""


@dataclass
class Known:
    """What the lines before this one have made or named; bounded by how many lines a list may have."""

    units: dict[str, Unit] = field(default_factory=dict)
    """Places that the list itself makes; their ids are their codes as long as they have none."""
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    """User name → what an earlier line said of this person."""
    made: dict[str, Account] = field(default_factory=dict)
    held: dict[str, list[Held]] = field(default_factory=dict)


@dataclass
class Plan:
    """Goes through a list; `digest` is of everything it said so far."""

    ctx: AppContext
    admin: Admin
    today: date
    known: Known = field(default_factory=Known)
    said: Any = field(default_factory=hashlib.sha256)

    def lines(self, session: Session, content: bytes) -> Iterator[list[Line]]:
        """Every line, some hundreds at a time."""
        for kind in ORDER:
            wanted = (row for row in spreadsheets.rows(content) if _is_of(row, kind))
            for chunk in in_chunks(wanted, CHUNK):
                is_person = kind == "person"
                found = list(self._people(session, chunk) if is_person else self._places(session, kind, chunk))
                for line in found:
                    said = [line.line, line.verdict.value, line.kind, dict(line.cells), list(line.said)]
                    self.said.update(json.dumps(said, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace"))
                yield found

    @property
    def digest(self) -> str:
        return str(self.said.hexdigest())

    # ---- places ------------------------------------------------------------------------------------------------

    def _places(self, session: Session, kind: str, chunk: Collection[Row]) -> Iterator[Line]:
        codes = {row.cells.get(name, "").upper() for row in chunk for name in ("code", "parent")}
        found = import_repository.units_coded(session, codes)
        ids = [unit.id for unit in found.values()]
        levels, cities = repository.levels(session, ids), repository.cities(session, ids)
        for row in chunk:
            problems, changes = self._place(kind, row.cells, found, levels, cities)
            yield _line(row, spreadsheets.kind_of(row.cells) or "unknown", problems, changes)

    def _place(
        self,
        kind: str,
        cells: Mapping[str, str],
        found: Mapping[str, Unit],
        levels: Mapping[str, str],
        cities: Mapping[str, str],
    ) -> tuple[list[str], list[Any]]:
        """Problems, and what changes; Written: the place is new."""
        problems = _marks(cells)
        code, parent = cells.get("code", "").upper(), cells.get("parent", "").upper()
        if not spreadsheets.kind_of(cells):
            return [*problems, "unknown_kind"], []
        if not code:
            return [*problems, "no_code"], []
        if not (_GRESA if kind == "school" else CODE).fullmatch(code):
            problems.append("not_gresa" if kind == "school" else "not_a_code")
        if code in self.known.units:
            return [*problems, "code_twice"], []
        names = {key: cells[f"name_{key}"] for key in ("fr", "ar") if cells.get(f"name_{key}")}
        problems += [f"too_long:{NAME_MOST}" for text in names.values() if len(text) > NAME_MOST]
        problems += _level_problems(kind, cells)
        problems += (
            [f"too_long:{spreadsheets.CITY_MOST}"] if len(cells.get("city", "")) > spreadsheets.CITY_MOST else []
        )
        here, above = found.get(code), found.get(parent) or self.known.units.get(parent)
        if here is not None:
            self.known.units[code] = here
            changes = [*_names_changed(here.names, names), *_level_changed(cells, levels.get(here.id, ""))]
            changes += _city_changed(cells, cities.get(here.id, ""))
            return [*problems, *self._kept(kind, here, parent, above)], changes
        problems += self._new_place(kind, parent, above, names)
        if not problems and above is not None:
            self.known.units[code] = Unit(f"={code}", UnitKind(kind), code, names, (above.id, *above.parents))
        return problems, Written(_new_place(kind, cells, names, above))

    def _kept(self, kind: str, here: Unit, parent: str, above: Unit | None) -> Iterator[str]:
        if not self.admin.reaches(here):
            yield "not_your_unit"
        if here.kind.value != kind:
            yield "kind_stays"
        if parent and (not here.parents or above is None or above.id != here.parents[0]):
            yield "parent_stays"

    def _new_place(self, kind: str, parent: str, above: Unit | None, names: Mapping[str, str]) -> Iterator[str]:
        if not names:
            yield "no_name"
        if not parent:
            yield "no_parent"
        elif above is None:
            yield "unknown_parent"
        elif above.kind is not _ABOVE[kind]:
            yield "wrong_parent"
        elif not self.admin.reaches(above):
            yield "not_your_unit"

    # ---- people ------------------------------------------------------------------------------------------------

    def _people(self, session: Session, chunk: Collection[Row]) -> Iterator[Line]:
        names = {plain_username(row.cells.get("username", "")) for row in chunk}
        accounts = import_repository.accounts_named(session, names)
        held = repository.held(session, [one.id for one in accounts.values()])
        units = import_repository.units_coded(session, {row.cells.get("unit", "").upper() for row in chunk})
        places = auth_repository.find_units(session, {post.unit for posts in held.values() for post in posts})
        places |= {unit.id: unit for unit in self.known.units.values()}
        for row in chunk:
            person = Person(self, session, row.cells, accounts, held, units, places)
            problems, changes = person.judged()
            yield _line(row, "person", problems, changes)


@dataclass
class Person:
    """One line about somebody, against what is kept and what earlier lines said."""

    plan: Plan
    session: Session
    cells: Mapping[str, str]
    accounts: Mapping[str, Account]
    held: Mapping[str, tuple[Held, ...]]
    units: Mapping[str, Unit]
    places: Mapping[str, Unit]
    """By id, those of appointments."""
    problems: Problems = field(default_factory=dict)

    def judged(self) -> tuple[list[str], list[Any]]:
        """Problems, and what changes; Written: the account is new."""
        marks = _marks(self.cells)
        called = check_username(self.cells.get("username"), self.problems)
        found = self._read(called)
        said = marks + [code for codes in self.problems.values() for code in codes]
        if said or found is None:
            return said, []
        before = self.accounts.get(called) or self.plan.known.made.get(called)
        if self._contradicts(called):
            return ["username_twice"], []
        problems, changes = self._against(called, before, found)
        if not problems:
            self._remember(called, before, found)
        return problems, Written(_new_person(found)) if before is None else changes

    def _read(self, called: str) -> Read | None:
        """What the cells say, each checked by itself."""
        plan, cells = self.plan, self.cells
        mail, tel = check_address(cells.get("email"), cells.get("phone"), self.problems)
        today = plan.today
        starts = self._day("starts", FIRST_DAY, today + YEAR)
        ends = self._day("ends", FIRST_DAY, today + _FAR)
        until = self._day("certified_until", FIRST_DAY, today + _FAR)
        names = {key: cells[f"name_{key}"] for key in ("fr", "ar") if cells.get(f"name_{key}")}
        if any(len(text) > NAME_MOST for text in names.values()):
            self.problems["name"] = (f"too_long:{NAME_MOST}",)
        if starts and ends and ends < starts:
            self.problems["ends"] = ("ends_before_it_starts",)
        language = cells.get("language", "").casefold()
        if language and language not in plan.ctx.settings.languages:
            self.problems["language"] = ("unknown_language",)
        role, unit = self._role(), self._unit()
        if self.problems or not called:
            return None
        return Read(names, language, mail, tel, role, unit, starts, ends, until)

    def _day(self, name: str, first: date, last: date) -> date | None:
        text = spreadsheets.day_in(self.cells.get(name, ""))
        return day_within(text, name, self.problems, first, last) if text else None

    def _role(self) -> str:
        """The key of the role that the line names."""
        said = self.cells.get("role", "")
        found = role_named(self.plan.admin.roles, said) if said else ""
        if found is None:
            self.problems["role"] = ("unknown_role",)
        return found or ""

    def _unit(self) -> Unit | None:
        code = self.cells.get("unit", "").upper()
        if bool(code) != bool(self.cells.get("role")):
            self.problems.setdefault("unit", ("role_and_unit",))
            return None
        unit = self.units.get(code) or self.plan.known.units.get(code)
        if code and unit is None:
            self.problems["unit"] = ("unknown_unit",)
        elif unit is not None and not self.plan.admin.reaches(unit):
            self.problems["unit"] = ("not_your_unit",)
        return unit

    def _contradicts(self, called: str) -> bool:
        """Whether an earlier line of the list says something else of the same person, or the same role again."""
        earlier = self.plan.known.people.get(called)
        if earlier is None:
            return False
        own = ("name_fr", "name_ar", "email", "phone", "language", "certified_until")
        again = f"{self.cells.get('role', '')}@{self.cells.get('unit', '').upper()}"
        different = any(self.cells.get(name) and self.cells[name] != earlier.get(name) for name in own)
        return different or again in earlier.get("posts", "").split("\n")

    def _against(self, called: str, before: Account | None, found: Read) -> tuple[list[str], list[Any]]:
        """Against the account as it is: every obstacle, and every change."""
        plan = self.plan
        posts = tuple(plan.known.held.get(called, ())) or (self.held.get(before.id, ()) if before else ())
        if before is None:
            return self._as_new(found), []
        is_made = called in plan.known.made
        places = self._places_of(posts)
        standing = Standing.whole if is_made else standing_of(places, plan.admin, before, posts, plan.today)
        if standing is None:
            return ["works_elsewhere_unseen"], []
        changes = list(_account_changes(before, found))
        is_guess = bool(found.email or found.phone)
        if standing is Standing.part and (changes or is_guess):  # the same answer for a right guess and a wrong one
            return ["works_elsewhere"], []
        if changes and standing is Standing.own:
            return ["own_rights"], []
        if found.until and before.certified and before.trained_until and found.until < before.trained_until:
            return [f"certificate_earlier:{before.trained_until.isoformat()}"], []
        problems, more = self._appointment(before, posts, found, standing)
        return problems, [*changes, *more]

    def _places_of(self, posts: Iterable[Held]) -> Mapping[str, Unit]:
        """The places of these appointments, those of earlier lines too."""
        missing = {post.unit for post in posts} - set(self.places)
        return {**self.places, **auth_repository.find_units(self.session, missing)} if missing else self.places

    def _as_new(self, found: Read) -> list[str]:
        if not found.names:
            return ["no_name"]
        if found.unit is None:
            return ["role_and_unit"]
        return self._refused(_nobody(self.cells, found), (), found)

    def _appointment(
        self, account: Account, posts: Iterable[Held], found: Read, standing: Standing
    ) -> tuple[list[str], list[Any]]:
        if found.unit is None:
            return [], []
        now = [one for one in posts if not one.is_over(self.plan.today)]
        same = next((one for one in now if (one.role, one.unit) == (found.role, found.unit.id)), None)
        if same is None:
            problems = self._refused(account, posts, found)
            new = f"{found.role}@{found.unit.code}"
            return problems, [["appointment", "", new], *_days(found)]
        if found.starts is not None and found.starts != same.starts:
            return [f"already_since:{same.starts.isoformat()}"], []
        if found.ends is None or found.ends == same.ends:
            return [], []
        if standing is Standing.own:
            return ["own_rights"], []
        if found.ends < self.plan.today:
            return ["in_the_past"], []
        if same.ends is not None and found.ends > same.ends and not self._may_give(found):
            return ["from_above"], []
        return [], [["ends", same.ends.isoformat() if same.ends else "", found.ends.isoformat()]]

    def _may_give(self, found: Read) -> bool:
        assert found.unit is not None
        return self.plan.admin.may_give(self.plan.admin.roles[found.role][1], found.unit)

    def _refused(self, account: Account, posts: Iterable[Held], found: Read) -> list[str]:
        assert found.unit is not None
        if found.ends is not None and found.ends < self.plan.today:
            return ["in_the_past"]
        role = self.plan.admin.roles[found.role][1]
        first = found.starts or self.plan.today
        obstacles = obstacles_to(
            self.session, self.plan.admin, account, posts, role, found.unit, first, self.plan.today,
            trained_until=found.until,
        )  # fmt: skip
        return [one.code for one in obstacles]

    def _remember(self, called: str, before: Account | None, found: Read) -> None:
        known, today = self.plan.known, self.plan.today
        earlier = known.people.setdefault(called, {})
        own = ("name_fr", "name_ar", "email", "phone", "language", "certified_until")
        earlier |= {name: self.cells[name] for name in own if self.cells.get(name)}
        again = f"{self.cells.get('role', '')}@{self.cells.get('unit', '').upper()}"
        earlier["posts"] = f"{earlier.get('posts', '')}\n{again}"
        if before is None:
            known.made[called] = _nobody(self.cells, found)
        elif called in known.made and found.until:
            known.made[called] = replace(before, certified=True, trained_until=found.until)
        if found.unit is not None:
            posts = known.held.setdefault(called, list(self.held.get(before.id, ())) if before else [])
            new = Held("", "", found.role, found.unit.id, found.starts or today, found.ends, withdrawn=False)
            if not any((one.role, one.unit) == (new.role, new.unit) and not one.is_over(today) for one in posts):
                posts.append(new)


@dataclass(frozen=True, slots=True)
class Read:
    """What a line says of somebody, understood."""

    names: Mapping[str, str]
    language: str
    email: str | None
    phone: str | None
    role: str
    unit: Unit | None
    starts: date | None
    ends: date | None
    until: date | None


def _nobody(cells: Mapping[str, str], found: Read) -> Account:
    """The account that a line would make."""
    return Account(
        id=f"={plain_username(cells['username'])}", username=plain_username(cells["username"]), names=found.names,
        language=found.language, certified=found.until is not None, trained_until=found.until, active=True,
        created_at=_NEVER, email=found.email, phone=found.phone,
    )  # fmt: skip


def _new_place(
    kind: str, cells: Mapping[str, str], names: Mapping[str, str], above: Unit | None
) -> Iterator[list[str]]:
    yield ["kind", "", kind]
    yield from _level_changed(cells, "")
    if above is not None:
        yield ["parent", "", "\n".join((above.code, above.name("fr"), above.name("ar")))]
    yield from _city_changed(cells, "")
    yield from _names_changed({}, names)


def _new_person(found: Read) -> Iterator[list[str]]:
    if found.unit is not None:
        yield ["appointment", "", f"{found.role}@{found.unit.code}"]
    yield from _days(found)
    if found.until is not None:
        yield ["certified_until", "", found.until.isoformat()]
    said = (("language", found.language), ("email", found.email), ("phone", found.phone))
    yield from ([name, "", new] for name, new in said if new)
    yield from _names_changed({}, found.names)


def _days(found: Read) -> Iterator[list[str]]:
    """From when until when a new role is held, where the line says so."""
    yield from ([name, "", day.isoformat()] for name, day in (("starts", found.starts), ("ends", found.ends)) if day)


def _account_changes(before: Account, found: Read) -> Iterator[list[str]]:
    yield from _names_changed(before.names, found.names)
    for name, old, new in (
        ("language", before.language, found.language or before.language),
        ("email", before.email or "", found.email or before.email or ""),
        ("phone", before.phone or "", found.phone or before.phone or ""),
    ):
        if old != new:
            yield [name, old, new]
    old_until = before.trained_until if before.certified else None
    if found.until is not None and found.until != old_until:
        yield ["certified_until", old_until.isoformat() if old_until else "", found.until.isoformat()]


def _names_changed(before: Mapping[str, str], names: Mapping[str, str]) -> list[Any]:
    return [[f"name_{key}", before.get(key, ""), text] for key, text in names.items() if before.get(key, "") != text]


def _level_problems(kind: str, cells: Mapping[str, str]) -> Iterator[str]:
    said = cells.get("level", "")
    if said and kind != "school":
        yield "level_of_no_school"
    elif said and not spreadsheets.level_of(said):
        yield "unknown_level"


def _level_changed(cells: Mapping[str, str], before: str) -> Iterator[list[str]]:
    level = spreadsheets.level_of(cells.get("level", ""))
    if level and level != before:
        yield ["level", before, level]


def _city_changed(cells: Mapping[str, str], before: str) -> Iterator[list[str]]:
    city = cells.get("city", "")
    if city and city != before:
        yield ["city", before, city]


def _marks(cells: Mapping[str, str]) -> list[str]:
    """What no cell may be: reckoned by a spreadsheet, or endless."""
    found = []
    for name, cell in cells.items():
        is_number = name == "phone" and re.fullmatch(r"\+[\d ().-]+", cell) is not None
        if spreadsheets.is_formula(cell) and not is_number:
            found.append(f"formula:{name}")
        if len(cell) > spreadsheets.CELL_MOST:
            found.append(f"too_long:{spreadsheets.CELL_MOST}")
    return found


def _is_of(row: Row, kind: str) -> bool:
    """Lines of an unknown kind are refused with the first ones."""
    return (spreadsheets.kind_of(row.cells) or ORDER[0]) == kind


def _line(row: Row, kind: str, problems: list[str], changes: list[Any]) -> Line:
    if problems:
        return Line(row.line, Verdict.refused, kind, row.cells, list(dict.fromkeys(problems)))
    is_new = isinstance(changes, Written)
    verdict = Verdict.new if is_new else Verdict.changed if changes else Verdict.unchanged
    return Line(row.line, verdict, kind, row.cells, list(changes))
