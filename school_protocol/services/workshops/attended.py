"""Who came to a workshop, as it is typed or brought as CSV: read, and judged line by line; nothing is written here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from school_protocol.domain.policy import Unit
from school_protocol.services.staff import lists
from school_protocol.services.staff.lists import Unreadable
from school_protocol.storage import directory, staff, staff_imports
from school_protocol.storage.directory import Account, plain_username
from school_protocol.storage.engines import Session
from school_protocol.storage.staff import Held
from school_protocol.storage.workshops.attested import Attestation

LINES_MOST = 300
"""So many people are entered at once, at most."""
NAME_MOST = 120
USERNAME_MOST = 80
PASSED, ATTENDED, ABSENT = "passed", "attended", "absent"
RESULTS = (PASSED, ATTENDED, ABSENT)
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "nom", "nom et prénom", "prénom et nom", "nom complet", "participant", "الاسم", "الاسم الكامل",
             "الاسم والنسب", "المشارك"),
    "username": (*lists.HEADINGS["username"],),
    "attended": ("attended", "present", "présent", "présente", "présence", "a participé", "حضر", "الحضور", "حاضر"),
    "passed": ("passed", "reçu", "reçue", "validé", "réussi", "a validé", "résultat", "result", "نجح", "النجاح",
               "النتيجة", "ناجح"),
}  # fmt: skip
"""Column → how its heading may say it, in any letter case, with or without accents."""
FIELDS = tuple(HEADINGS)
_COLUMNS = lists.columns(HEADINGS, ("name",))
_YES = ("yes", "y", "oui", "o", "1", "x", "✓", "vrai", "true", "نعم", "reçu", "reçue", "validé", "réussi", "présent",
        "présente", "passed", "present", "ناجح", "حاضر")  # fmt: skip
_NO = ("no", "n", "non", "0", "-", "–", "faux", "false", "لا", "absent", "absente", "ajourné", "failed", "غائب",
       "غير ناجح")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """One person as they were typed in; `result`: one of `RESULTS`, or what was written and not understood."""

    line: int
    name: str = field(repr=False)
    username: str
    result: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of one line: its problems, or whom it certifies, by which appointment it is seen, and until when."""

    typed: Typed
    account: Account | None
    post: Held | None
    until: date | None
    problems: tuple[str, ...]

    @property
    def is_taken(self) -> bool:
        return not self.problems

    @property
    def stands_until(self) -> date | None:
        """Up to when the account is certified as it is."""
        return self.account.trained_until if self.account is not None and self.account.certified else None

    @property
    def is_longer_already(self) -> bool:
        """Whether the account is certified longer than this would make it."""
        return self.until is not None and self.stands_until is not None and self.stands_until >= self.until


def from_csv(content: bytes) -> tuple[Typed, ...]:
    """The people of a list saved as CSV. Raises Unreadable."""
    found: list[Typed] = []
    for row in lists.rows(content, _COLUMNS):
        if len(found) >= LINES_MOST:
            raise Unreadable("too_many_lines", str(LINES_MOST))
        cells = row.cells
        result = _result(cells.get("attended", ""), cells.get("passed", ""))
        found.append(Typed(row.line, cells.get("name", "")[:400], cells.get("username", "")[:200], result))
    if not found:
        raise Unreadable("empty")
    return tuple(found)


def _result(attended: str, passed: str) -> str:
    came, did = _said(attended, True), _said(passed, False)
    if came is None or did is None:
        return (attended if came is None else passed)[:80]
    if did and not came:
        return f"{attended} / {passed}"[:80]
    return PASSED if did else ATTENDED if came else ABSENT


def _said(cell: str, otherwise: bool) -> bool | None:
    """Yes or no, as a cell says it; None: neither."""
    if not cell:
        return otherwise
    if any(lists.same(cell, word) for word in _YES):
        return True
    return False if any(lists.same(cell, word) for word in _NO) else None


def typed_lines(lines: Iterable[Mapping[str, str]]) -> tuple[Typed, ...]:
    """Lines of a form, the empty ones left out: `name`, `username`, `result` each."""
    found = []
    for place, cells in enumerate(lines, 1):
        name, username = lists.tidy(cells.get("name", "")), lists.tidy(cells.get("username", ""))
        if name or username:
            number = cells.get("line", "")
            line = int(number) if number.isdecimal() and len(number) < 7 else place
            found.append(Typed(line, name[:400], username[:200], cells.get("result", "")[:80]))
    return tuple(found[:LINES_MOST])


# ---- judging -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judge:
    """What the lines are judged by: of which workshop and academy, by whom, and until when it certifies."""

    academy: Unit
    trainer: str
    until: date
    before: Sequence[Attestation]
    """Who was entered already."""


def judged(session: Session, of: Judge, lines: Sequence[Typed], today: date) -> tuple[Judged, ...]:
    """What becomes of each line."""
    called = {plain_username(one.username) for one in lines if one.username}
    accounts = staff_imports.accounts_named(session, called)
    posts = members(session, of.academy, [one.id for one in accounts.values()], today)
    return tuple(_judged(of, lines, accounts, posts))


def members(session: Session, academy: Unit, accounts: Sequence[str], today: date) -> dict[str, Held]:
    """Of these accounts, those that work in the academy or below: the latest appointment of each there."""
    held = staff.held(session, accounts)
    units = directory.units(session, {post.unit for posts in held.values() for post in posts})
    found = {}
    for account, posts in held.items():
        within = [
            post for post in posts if not post.is_over(today) and academy.id in (post.unit, *units[post.unit].parents)
        ]
        if within:
            found[account] = max(within, key=lambda one: (one.starts, one.id))
    return found


def _judged(
    of: Judge, lines: Sequence[Typed], accounts: Mapping[str, Account], posts: Mapping[str, Held]
) -> Iterator[Judged]:
    stand = [(one.name, one.account) for one in of.before if one.withdrawn is None]
    seen: list[tuple[str, str | None]] = []
    for one in lines:
        named = accounts.get(plain_username(one.username)) if one.username else None
        post = posts.get(named.id) if named is not None else None
        account = named if post is not None else None
        problems = [*_of_words(one), *_of_account(of, one, account)]
        key = (one.name, account.id if account else None)
        if any(_is_same(key, other) for other in stand):
            problems.append("attested_already")
        elif any(_is_same(key, other) for other in seen):
            problems.append("twice")
        seen.append(key)
        until = of.until if one.result == PASSED else None
        yield Judged(one, account, post, until, tuple(problems))


def _of_words(one: Typed) -> Iterator[str]:
    if not one.name:
        yield "no_name"
    elif len(one.name) > NAME_MOST:
        yield f"too_long:{NAME_MOST}"
    if lists.is_formula(one.name) or lists.is_formula(one.username):
        yield "formula"
    if one.result not in RESULTS:
        yield "unknown_result"


def _of_account(of: Judge, one: Typed, account: Account | None) -> Iterator[str]:
    if not one.username:
        return
    if account is None:
        yield "not_of_the_academy"
    elif account.id == of.trainer:
        yield "own"
    elif not account.active:
        yield "closed"


def _is_same(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    """The same account; or the same name, unless two accounts tell them apart."""
    if one[1] is not None and other[1] is not None:
        return one[1] == other[1]
    return bool(one[0]) and lists.same(one[0], other[0])


def digest(held_on: date, minutes: int, lines: Iterable[Judged]) -> str:
    """What a preview showed, in 64 figures: the same lines, judged alike, give the same."""
    said = [
        [
            one.typed.line, one.typed.name, one.typed.username, one.typed.result,
            one.account.id if one.account else None, one.until.isoformat() if one.until else None, list(one.problems),
        ]
        for one in lines
    ]  # fmt: skip
    return hashlib.sha256(json.dumps([held_on.isoformat(), minutes, said]).encode()).hexdigest()
