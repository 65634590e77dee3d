"""The public door of a school: addresses for reports, form tokens, rate limits, a question that slows machines.

The question is in words: no picture, no script, read aloud like any sentence.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import posts_with, takes_reports
from school_protocol.auth.service import place_of
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import load, scope_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.answers import plain_text
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Form, SignalementRules
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.texts import N_, latin
from school_protocol.engine.visibility import Actor, Permission, Scope, Unit, UnitKind
from school_protocol.language import Wording, printed_languages
from school_protocol.reports import repository
from school_protocol.reports.models import ReportAddressRow
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import DRAWN, Status, hour_of, is_sampled, told_by, with_check
from school_protocol.storage.engines import Session

LARGEST = 9
WORDS = (
    N_("one"), N_("two"), N_("three"), N_("four"), N_("five"), N_("six"), N_("seven"), N_("eight"), N_("nine"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Challenge:
    """How much are two small numbers together?"""

    one: int
    other: int

    def question(self, w: Wording) -> str:
        """The sentence, in the reader's language."""
        one, other = w._(WORDS[self.one - 1]), w._(WORDS[self.other - 1])
        return w._("How much are %(one)s and %(other)s together? Answer with a figure.", one=one, other=other)

    @property
    def answer(self) -> int:
        return self.one + self.other


def draw_challenge() -> Challenge:
    """A question whose answer is one of the figures to nine."""
    answer = 2 + secrets.randbelow(LARGEST - 1)
    one = 1 + secrets.randbelow(answer - 1)
    return Challenge(one, answer - one)


def challenge_mark(ctx: AppContext, nonce: str, answer: int) -> str:
    """What a token carries of the right answer: it says nothing to whoever reads it."""
    return ctx.vault.chain("signalement-challenge-v1", f"{nonce}|{answer}".encode()).hex()[:32]


def is_solved(ctx: AppContext, nonce: str, marked: str, typed: str) -> bool:
    """Whether what was typed, a figure or its word in any language of the pages, is the answer."""
    given = number_of(typed)
    return given is not None and secrets.compare_digest(challenge_mark(ctx, nonce, given), marked)


def number_of(typed: str) -> int | None:
    """The number that was typed."""
    text = latin(plain_text(typed)).strip(" .،,").casefold()
    if text.isascii() and text.isdecimal() and len(text) <= 2:
        return int(text)
    for language in printed_languages():
        w = Wording(language)
        for number, word in enumerate(WORDS, 1):
            if text == w._(word).casefold():
                return number
    return None


# ---- which protocol takes public reports, and who reads which ------------------------------------------------------

PUBLIC, STAFF = "public", "staff"
"""Kinds of doors: for whoever wants to tell, and for the staff of the school."""


def current(ctx: AppContext) -> tuple[Protocol, SignalementRules]:
    """The first current protocol that takes public reports; raises Unseen, in a workshop always."""
    protocol = takes_reports(ctx)
    if protocol is None or protocol.signalement is None:
        raise Unseen("signalement")
    return protocol, protocol.signalement


def rules_of(ctx: AppContext, header: PublicHeader) -> tuple[Protocol, SignalementRules]:
    """The version under which a report came."""
    protocol = ctx.library.protocol(header.protocol, header.version)
    assert protocol.signalement is not None
    return protocol, protocol.signalement


def form_of(protocol: Protocol, kind: str) -> Form:
    """The form behind a door of that kind."""
    rules = protocol.signalement
    assert rules is not None
    return protocol.forms[rules.staff_form if kind == STAFF and rules.staff_form else rules.form]


def roles_at(actor: Actor, unit: Unit) -> frozenset[str]:
    """The roles that somebody holds in a school or above it."""
    return frozenset(actor.roles_in((unit.id, *unit.parents)))


def may_read(rules: SignalementRules, header: PublicHeader, actor: Actor, unit: Unit) -> bool:
    """Whether a report is this person's to read: by a role that reads it, or to which it has risen unseen; those above
    see some of what a school closed."""
    if actor.id in header.barred:
        return False
    steps = rules.steps(restricted=header.restricted, urgent=header.urgent)
    reading = set(rules.restricted_reads if header.restricted else rules.reads) | told_by(steps, header.step)
    if header.status is Status.closed and is_sampled(header.id, header.outcome):
        reading |= set(rules.restricted_reads)
    if header.urgent and not header.restricted and header.step > 0:
        reading |= set(rules.out_of_hours)
    return not reading.isdisjoint(roles_at(actor, unit))


def reads(ctx: AppContext, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> bool:
    """Whether a report is this person's to read.

    Once it is in a case: by its own rules still, for whoever sees that case; else as a part of the case, which neither
    those above the school nor those who know of the case alone read. Whether they read its words, the case's events
    say: `check_words`.
    """
    if actor.realm != ctx.name:
        return False
    is_own = may_read(rules_of(ctx, header)[1], header, actor, unit)
    if header.case_id is None or actor.id in header.barred:
        return is_own
    scope = scope_of(ctx, actor)
    return _number_seen(ctx, session, scope if is_own else scope.in_school(), header.case_id) is not None


def check_words(ctx: AppContext, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> None:
    """Raise Unseen where a report is in a case that this person doesn't see, or not with its names and words."""
    if header.case_id is None:
        return
    loaded = load(ctx, session, actor, cases_repository.opened(session, header.case_id).number, reading=True)
    if loaded.pseudonymised and not may_read(rules_of(ctx, header)[1], header, actor, unit):
        raise Unseen(header.id)


def case_seen(ctx: AppContext, session: Session, actor: Actor, case_id: str) -> str | None:
    """The number of a case, if this person sees it."""
    return _number_seen(ctx, session, scope_of(ctx, actor), case_id)


def _number_seen(ctx: AppContext, session: Session, scope: Scope, case_id: str) -> str | None:
    number = cases_repository.opened(session, case_id).number
    return number if index_repository.find_id(session, scope, number, today=today_for(ctx)) else None


# ---- a school's addresses: four syllables without a meaning, renewed where one is abused ---------------------------
# One of each kind stands at a time: `public` for pupils, parents and witnesses, `staff` for the adults of the school.

KINDS = (PUBLIC, STAFF)


@dataclass(frozen=True, slots=True)
class Door:
    """A school's address. `is_ended`: it was renewed since and takes no report; whoever has a code still comes back."""

    code: str
    unit: Unit
    kind: str
    made_at: datetime
    is_ended: bool


@dataclass(frozen=True, slots=True)
class DoorsView:
    """The addresses of one school, for whoever makes and renews them; `ended`: how many there were before."""

    unit: Unit
    public: Door | None
    staff: Door | None
    ended: int
    others: tuple[Unit, ...]
    """Other schools whose addresses are this person's, too."""


def door_of(ctx: AppContext, code: str) -> Door:
    """The address with that code, ended or not; raises Unseen for one that never was, or where none is offered."""
    current(ctx)
    plain = repository.plain(code)
    with ctx.directory.reading() as session:
        found = repository.door(session, plain) if plain else None
        if found is None:
            raise Unseen(code)
        return _door(found, auth_repository.unit(session, found.unit))


def see_doors(ctx: AppContext, actor: Actor, unit: str | None = None) -> DoorsView:
    """The addresses of a school (by id or code; the first of this person's, where none is named). Raises Unseen."""
    with ctx.directory.reading() as session:
        mine = _schools(ctx, session, actor)
        place = next((one for one in mine if unit is None or unit in (one.id, one.code)), None)
        if place is None:
            place = _below(ctx, session, actor, unit)
        found = repository.of_unit(session, place.id)
    standing = {one.kind: _door(one, place) for one in found if one.ended_at is None}
    ended = sum(1 for one in found if one.ended_at is not None)
    others = tuple(one for one in mine if one.id != place.id)
    return DoorsView(place, standing.get(PUBLIC), standing.get(STAFF), ended, others)


def renew(ctx: AppContext, actor: Actor, unit: str, kind: str, *, former: str = "") -> Door:
    """A new address of a kind; the one that stood leads nowhere from now on. `former`: the one that the page showed.

    Where another stands by now (somebody renewed it meanwhile, or this is the second press), that one stays.
    """
    if kind not in KINDS:
        raise Unseen(kind)
    with ctx.directory.writing() as session:
        place = _below(ctx, session, actor, unit)
        auth_repository.hold_unit(session, place.id)
        every = repository.of_unit(session, place.id)
        standing = next((one for one in every if one.kind == kind and one.ended_at is None), None)
        if standing is not None and standing.code != former:
            return _door(standing, place)
        made = repository.make_address(session, unit=place.id, kind=kind, by=actor.id, at=ctx.now())
        return _door(made, place)


def close_address(ctx: AppContext, actor: Actor, unit: str, code: str) -> None:
    """End an address without another in its place."""
    with ctx.directory.writing() as session:
        place = _below(ctx, session, actor, unit)
        found = repository.door(session, code)
        if found is None or found.unit != place.id:
            raise Unseen(code)
        repository.end_address(session, code, by=actor.id, at=ctx.now())


def _schools(ctx: AppContext, session: Session, actor: Actor) -> tuple[Unit, ...]:
    """The schools in which this person holds such a role itself."""
    held = [one.unit for one in posts_with(ctx, actor, Permission.keep_doors)]
    found = auth_repository.find_units(session, held)
    return tuple(one for one in found.values() if one.kind is UnitKind.school)


def _below(ctx: AppContext, session: Session, actor: Actor, unit: str | None) -> Unit:
    """That school, if this person holds such a role there or above it; raises Unseen."""
    _protocol, rules = current(ctx)
    found = None
    if unit is not None:
        found = auth_repository.find_units(session, [unit]).get(unit) or auth_repository.unit_coded(session, unit)
    if found is None or found.kind is not UnitKind.school or roles_at(actor, found).isdisjoint(rules.doors):
        raise Unseen(unit or "school")
    return found


def _door(kept: ReportAddressRow, unit: Unit) -> Door:
    return Door(kept.code, unit, kept.kind, kept.made_at, kept.ended_at is not None)


# ---- limits: how much comes from where, counted by a key that lives in memory for an hour --------------------------
# Not in the database, where counts would lie in logs and copies beside that key: of several processes each has a
# share. Nobody is shut out: beyond some number a question is asked; only what no school could send in an hour is
# refused.

ASKED_SCHOOL, ASKED_PLACE = 20, 3
"""Reports in an hour, to a school and from one place, beyond which a question is asked."""
MOST_SCHOOL, MOST_PLACE = 5000, 1000
"""Beyond these nothing is taken until the hour is over."""
TRIES_PLACE, TRIES_SCHOOL = 20, 300
"""Wrong codes in an hour: from one place no further one is read; at a school a question is asked."""


class TooMany(SchoolProtocolError):
    """Too much came within this hour: come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(str(seconds))


class Gate:
    """What this process counts within an hour: one for all its requests. Nothing of it is written anywhere.

    `processes`: how many count beside one another, so that each lets through a share.
    """

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self._lock = Lock()
        self._hour: datetime | None = None
        self._key = b""
        self._counts: Counter[bytes] = Counter()

    def add(self, what: str, subject: str, now: datetime) -> int:
        """One more of `what`; how many it is within this hour."""
        with self._lock:
            name = self._name(what, subject, now)
            self._counts[name] += 1
            return self._counts[name]

    def count(self, what: str, subject: str, now: datetime) -> int:
        """How many there were within this hour."""
        with self._lock:
            return self._counts[self._name(what, subject, now)]

    def share_of(self, most: int) -> int:
        """What this process lets through of what all of them may: one at least."""
        return max(most // self.processes, 1)

    def _name(self, what: str, subject: str, now: datetime) -> bytes:
        hour = hour_of(now)
        if hour != self._hour:
            self._hour, self._key = hour, secrets.token_bytes(32)
            self._counts = Counter()
        return hmac.digest(self._key, f"{what}\0{subject}".encode(), hashlib.sha256)


SENT, WRONG = "sent", "wrong"


def is_asked(gate: Gate, *, school: str, address: str, came: int, now: datetime) -> bool:
    """Whether a question stands before the next report; `came`: how many the school got this hour."""
    return came >= ASKED_SCHOOL or gate.count(SENT, f"place {place_of(address)}", now) >= gate.share_of(ASKED_PLACE)


def note_sent(gate: Gate, *, school: str, address: str, came: int, now: datetime) -> None:
    """One more report; raises TooMany where no school could send so many."""
    if came >= MOST_SCHOOL or gate.count(SENT, f"place {place_of(address)}", now) >= gate.share_of(MOST_PLACE):
        raise TooMany(_left(now))
    gate.add(SENT, f"place {place_of(address)}", now)


def check_tries(gate: Gate, *, address: str, now: datetime) -> None:
    """Raise TooMany where too many wrong codes came from one place."""
    if gate.count(WRONG, f"place {place_of(address)}", now) >= gate.share_of(TRIES_PLACE):
        raise TooMany(_left(now))


def is_guessed(gate: Gate, *, school: str, now: datetime) -> bool:
    """Whether so many wrong codes came to a school that a question stands before the next one."""
    return gate.count(WRONG, f"school {school}", now) >= gate.share_of(TRIES_SCHOOL)


def note_wrong(gate: Gate, *, school: str, address: str, now: datetime) -> None:
    """One more code that leads nowhere."""
    gate.add(WRONG, f"place {place_of(address)}", now)
    gate.add(WRONG, f"school {school}", now)


def _left(now: datetime) -> int:
    return 3600 - int((now - hour_of(now)).total_seconds())


# ---- form tokens in place of a session: signed, with its hour, a nonce, and a question's mark ----------------------
# Out of the nonce come the report's id and its code, by keyed hashes: the same form sent twice is one report with one
# receipt, and no row is kept for a token.

GOOD_FOR = timedelta(hours=24)
"""So long a page may lie open before it is sent."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Token:
    """One opened form of one door. `asked`: the mark of the right answer, where a question stands in it."""

    door: str
    hour: datetime
    nonce: str
    asked: str = ""

    def is_good(self, now: datetime) -> bool:
        return self.hour <= hour_of(now) and now - self.hour < GOOD_FOR


def draw_token(ctx: AppContext, door: str, *, asked: Challenge | None) -> Token:
    """A new one, of this hour."""
    nonce = secrets.token_hex(16)
    mark = challenge_mark(ctx, nonce, asked.answer) if asked else ""
    return Token(door, hour_of(ctx.now()), nonce, mark)


def written(ctx: AppContext, token: Token) -> str:
    """As it stands in the form."""
    body = json.dumps([token.door, int(token.hour.timestamp()) // 3600, token.nonce, token.asked]).encode()
    return f"{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{_signature(ctx, body)}"


def read_token(ctx: AppContext, text: str, door: str) -> Token | None:
    """The token that a form of this door brought back; None where it is none of ours, or of another door."""
    body, _, signature = text.partition(".")
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        return None
    if not hmac.compare_digest(_signature(ctx, data), signature):
        return None
    found, hours, nonce, asked = json.loads(data)
    if found != door:
        return None
    return Token(found, hour_of(_EPOCH + timedelta(hours=hours)), nonce, asked)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _signature(ctx: AppContext, body: bytes) -> str:
    return ctx.vault.chain("signalement-token-v1", body).hex()


def report_id(ctx: AppContext, token: Token) -> str:
    """The id of the report that this form becomes."""
    name = ctx.vault.chain("signalement-id-v1", token.nonce.encode())
    return base64.b32encode(name[:16]).decode().rstrip("=").lower()


def code_of(ctx: AppContext, token: Token) -> str:
    """The code with which its reporter comes back."""
    name = ctx.vault.chain("signalement-code-v1", token.nonce.encode())
    return with_check(f"{int.from_bytes(name, 'big') % 10**DRAWN:0{DRAWN}d}")


def code_hash(ctx: AppContext, unit: str, code: str) -> bytes:
    """By what a code is found again, at its school alone."""
    return ctx.vault.chain("signalement-back-v1", f"{unit}|{code}".encode())
