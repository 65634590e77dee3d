"""Lines of a list, written: places, accounts, appointments, certificates, and the rows that say who did it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from school_protocol.domain.policy import Unit
from school_protocol.services.addresses import plain_phone
from school_protocol.services.house import House
from school_protocol.services.identity.factors import end_if_unproven
from school_protocol.services.staff import lists
from school_protocol.services.staff.addresses import keep_account
from school_protocol.services.staff.reach import Admin, role_named, row_of, through
from school_protocol.storage import administration, directory, staff, staff_imports
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.directory import Account, plain_username
from school_protocol.storage.engines import Session
from school_protocol.storage.staff import Certificate, Held
from school_protocol.storage.staff_imports import Line, Verdict
from school_protocol.storage.tables import new_id
from school_protocol.storage.visits import teams as schools

REASON = "list"
_OWN = ("name_fr", "name_ar", "language", "email", "phone")


@dataclass
class Writer:
    """Writes lines in the order in which they were judged; nothing they were judged by has changed since."""

    session: Session
    house: House
    admin: Admin
    today: date
    made: dict[str, Account] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    """Accounts that are reached elsewhere from now on."""

    def write(self, kind: str, lines: Sequence[Line]) -> dict[int, str]:
        """Some lines of one kind; returns which line made which account."""
        return self._people(lines) if kind == "person" else self._places(kind, lines)

    # ---- places ------------------------------------------------------------------------------------------------

    def _places(self, kind: str, lines: Sequence[Line]) -> dict[int, str]:
        codes = {line.cells.get(name, "").upper() for line in lines for name in ("code", "parent")}
        known = staff_imports.units_coded(self.session, codes)
        new, log, levels, cities = [], [], {}, {}
        for line in lines:
            code, level = line.cells["code"].upper(), lists.level_of(line.cells.get("level", ""))
            names, city = _names(line), line.cells.get("city", "")
            if line.verdict is Verdict.new:
                above = known[line.cells["parent"].upper()]
                unit = {"id": new_id(), "kind": kind, "code": code, "names": names, "parent": above.id}
                new.append(unit)
                levels[str(unit["id"])], cities[str(unit["id"])] = level, city
                log.append(self._of_place(Kind.unit_created, str(unit["id"]), above))
            else:
                here = known[code]
                levels[here.id], cities[here.id] = level, city
                staff.rename_unit(self.session, here.id, {**here.names, **names})
                log.append(self._of_place(Kind.unit_changed, here.id, here))
        staff_imports.add_units(self.session, new)
        for place, level in levels.items():
            if level:
                schools.set_level(self.session, place, level)
            if cities[place]:
                staff.set_city(self.session, place, cities[place])
        administration.write_all(self.session, log)
        return {}

    def _of_place(self, kind: Kind, unit: str, within: Unit) -> Change:
        """About a place: by whom, in the appointment that gives the right."""
        post = next(one for one in self.admin.posts if one.unit in (within.id, *within.parents))
        return Change(
            at=self.house.now(), actor=self.admin.actor.id, kind=kind, unit=unit, account=self.admin.actor.id,
            role=post.role, reason=REASON,
            appointment=row_of(self.session, self.admin.actor, post, self.today),
        )  # fmt: skip

    # ---- people ------------------------------------------------------------------------------------------------

    def _people(self, lines: Sequence[Line]) -> dict[int, str]:
        called = {plain_username(line.cells["username"]) for line in lines}
        accounts = {**staff_imports.accounts_named(self.session, called)}
        held = staff.held(self.session, [one.id for one in accounts.values()])
        units = staff_imports.units_coded(self.session, {line.cells.get("unit", "").upper() for line in lines})
        made = self._accounts(lines, accounts)
        posts, log, seen = [], [], []
        for line in lines:
            account = accounts[plain_username(line.cells["username"])]
            kinds: tuple[Kind, ...] = ()
            if line.verdict is Verdict.changed:
                accounts[account.username], kinds = self._change(account, line)
            post = self._post(account, line, held.get(account.id, ()), units)
            if post is not None and post.pop("new"):
                posts.append(post)
            log += self._said(account, line, post, held.get(account.id, ()), kinds)
            if line.verdict is Verdict.new or _says(line, "certified_until"):
                seen += self._certificate(account, line)
        staff_imports.add_appointments(self.session, posts)
        staff.keep_certificates(self.session, seen)
        administration.write_all(self.session, log)
        return made

    def _accounts(self, lines: Sequence[Line], accounts: dict[str, Account]) -> dict[int, str]:
        """The new accounts; `accounts` knows them from now on."""
        new, made = [], {}
        for line in lines:
            called = plain_username(line.cells["username"])
            if line.verdict is not Verdict.new or called in accounts:
                continue
            found = Account(
                id=new_id(), username=called, names=_names(line), language=self._language(line), certified=False,
                trained_until=None, active=True, created_at=self.house.now(), email=line.cells.get("email") or None,
                phone=plain_phone(line.cells.get("phone", "")) or None,
            )  # fmt: skip
            columns = ("id", "username", "names", "language", "created_at", "email", "phone")
            new.append({name: getattr(found, name) for name in columns})
            accounts[called], made[line.line] = found, found.id
        staff_imports.add_accounts(self.session, new)
        return made

    def _language(self, line: Line) -> str:
        return line.cells.get("language", "").casefold() or self.house.settings.default_language

    def _change(self, account: Account, line: Line) -> tuple[Account, tuple[Kind, ...]]:
        """What the line changes of the account itself, as its preview said: as it is now, and what is written down."""
        own = {name: new for name, _old, new in line.said if name in _OWN}
        names = {**account.names, **{name[-2:]: text for name, text in own.items() if name.startswith("name_")}}
        language, email, phone = (own.get(name, getattr(account, name)) for name in ("language", "email", "phone"))
        kinds = keep_account(
            self.session, self.house, account, names=names, language=language, email=email, phone=phone
        )
        if Kind.address_changed in kinds:
            self.moved.append(account.id)
        return replace(account, names=names, language=language, email=email, phone=phone), kinds

    def _post(
        self, account: Account, line: Line, held: Iterable[Held], units: dict[str, Unit]
    ) -> dict[str, Any] | None:
        """The appointment that the line gives (new) or ends; None where it does neither."""
        if not line.cells.get("role"):
            return None
        unit, role = units[line.cells["unit"].upper()], role_named(self.admin.roles, line.cells["role"])
        assert role is not None  # the line was judged already
        ends = _day(line, "ends")
        if line.verdict is Verdict.new or _says(line, "appointment"):
            if self.admin.roles[role][1].second_factor:  # asked here: thousands of lines give roles that ask for none
                end_if_unproven(self.session, self.house, account.id, role)
            return {
                "new": True, "id": new_id(), "account": account.id, "role": role, "unit": unit.id,
                "starts": _day(line, "starts") or self.today, "ends": ends,
            }  # fmt: skip
        if not _says(line, "ends"):
            return None
        post = next(one for one in held if (one.role, one.unit) == (role, unit.id) and not one.is_over(self.today))
        assert ends is not None
        directory.end_appointment(self.session, post.id, ends)
        return {"new": False, "id": post.id, "role": role, "unit": unit.id, "starts": None, "ends": ends}

    def _certificate(self, account: Account, line: Line) -> list[Certificate]:
        until = _day(line, "certified_until")
        known = account.trained_until if account.certified else None
        if until is None or until == known:
            return []
        return [Certificate(account.id, None, until, self.admin.actor.id, self.house.now())]

    def _said(
        self,
        account: Account,
        line: Line,
        post: dict[str, Any] | None,
        held: Iterable[Held],
        changed: tuple[Kind, ...],
    ) -> list[Change]:
        """The rows that stay: account, appointment, certificate; `changed`: of the account itself."""
        at = post or self._latest(held)
        if at is None:
            return []
        kinds = [*changed]
        if line.verdict is Verdict.new:
            kinds.append(Kind.account_created)
        if post is not None:
            is_new = line.verdict is Verdict.new or _says(line, "appointment")
            kinds.append(Kind.appointed if is_new else Kind.appointment_ends)
        if _day(line, "certified_until") and (line.verdict is Verdict.new or _says(line, "certified_until")):
            kinds.append(Kind.certificate_seen)
        return [self._row(kind, account, at, line) for kind in kinds]

    def _row(self, kind: Kind, account: Account, at: dict[str, Any], line: Line) -> Change:
        ends = _day(line, "certified_until") if kind is Kind.certificate_seen else at.get("ends")
        of_post = kind in (Kind.appointed, Kind.appointment_ends)
        return Change(
            at=self.house.now(), actor=self.admin.actor.id, kind=kind, unit=at["unit"], account=account.id,
            role=at["role"], appointment=at["id"], reason=REASON, starts=at.get("starts") if of_post else None,
            ends=ends if of_post or kind is Kind.certificate_seen else None,
        )  # fmt: skip

    def _latest(self, held: Iterable[Held]) -> dict[str, Any] | None:
        """The latest appointment within the reach: what concerns the account as a whole is written there."""
        units = directory.units(self.session, {post.unit for post in held})
        within = [post for post in held if self.admin.reaches(units[post.unit])]
        if not within:
            return None
        post = max(within, key=lambda one: (not one.is_over(self.today), one.starts, one.id))
        through(self.session, self.admin, post.unit)
        return {"id": post.id, "unit": post.unit, "role": post.role}


def _says(line: Line, name: str) -> bool:
    return line.verdict is Verdict.changed and any(said[0] == name for said in line.said)


def _names(line: Line) -> dict[str, str]:
    return {key: line.cells[f"name_{key}"] for key in ("fr", "ar") if line.cells.get(f"name_{key}")}


def _day(line: Line, name: str) -> date | None:
    text = lists.day_in(line.cells.get(name, ""))
    return date.fromisoformat(text) if text else None
