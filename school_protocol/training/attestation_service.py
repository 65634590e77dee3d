"""Service of attestations: who attended and passed a workshop, typed or brought as CSV, judged line by line."""

from __future__ import annotations

import hashlib
import json
import random
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.repository import Account, plain_username
from school_protocol.case_files.service import academy_of
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition_parts import TeamRules
from school_protocol.engine.errors import BadInput, DefinitionError, Unseen
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import ZONE
from school_protocol.people import attestation_repository, import_repository, spreadsheets
from school_protocol.people import repository as people_repository
from school_protocol.people.attestation_repository import Attestation, Withdrawn
from school_protocol.people.repository import Held
from school_protocol.people.spreadsheets import Unreadable
from school_protocol.people.teams import Obstacle, TeamRefused, check_reason, plain
from school_protocol.storage import administration_log, idempotency
from school_protocol.storage.administration_log import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.supervision.regional_teams import rules_of
from school_protocol.training import repository, scenario_library, service
from school_protocol.training.models import WorkshopRow
from school_protocol.training.room_store import SCENARIO, scenario_of
from school_protocol.training.scenario_reader import read_scenario as read_scenario

LINES_MOST = 300
"""So many people are entered at once, at most."""
NAME_MOST = 120
USERNAME_MOST = 80
PASSED, ATTENDED, ABSENT = "passed", "attended", "absent"
RESULTS = (PASSED, ATTENDED, ABSENT)
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "nom", "nom et prénom", "prénom et nom", "nom complet", "participant", "الاسم", "الاسم الكامل",
             "الاسم والنسب", "المشارك"),
    "username": (*spreadsheets.HEADINGS["username"],),
    "attended": ("attended", "present", "présent", "présente", "présence", "a participé", "حضر", "الحضور", "حاضر"),
    "passed": ("passed", "reçu", "reçue", "validé", "réussi", "a validé", "résultat", "result", "نجح", "النجاح",
               "النتيجة", "ناجح"),
}  # fmt: skip
"""Column → how its heading may say it, in any letter case, with or without accents."""
FIELDS = tuple(HEADINGS)
_COLUMNS = spreadsheets.columns(HEADINGS, ("name",))
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
    for row in spreadsheets.rows(content, _COLUMNS):
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
    if any(spreadsheets.same(cell, word) for word in _YES):
        return True
    return False if any(spreadsheets.same(cell, word) for word in _NO) else None


def typed_lines(lines: Iterable[Mapping[str, str]]) -> tuple[Typed, ...]:
    """Lines of a form, the empty ones left out: `name`, `username`, `result` each."""
    found = []
    for place, cells in enumerate(lines, 1):
        name, username = spreadsheets.tidy(cells.get("name", "")), spreadsheets.tidy(cells.get("username", ""))
        if name or username:
            number = cells.get("line", "")
            line = int(number) if number.isdecimal() and len(number) < 7 else place
            found.append(Typed(line, name[:400], username[:200], cells.get("result", "")[:80]))
    return tuple(found[:LINES_MOST])


# ---- judging -----------------------------------------------------------------------------------------------------


def judged(
    session: Session, academy: Unit, trainer: str, before: Sequence[Attestation], lines: Sequence[Typed], until: date,
    today: date,
) -> Iterator[Judged]:  # fmt: skip
    """What becomes of each line; `before`: who was entered already, `until`: up to when whoever passed is certified."""
    called = {plain_username(one.username) for one in lines if one.username}
    accounts = import_repository.accounts_named(session, called)
    posts = members(session, academy, [one.id for one in accounts.values()], today)
    stand = [(one.name, one.account) for one in before if one.withdrawn is None]
    seen: list[tuple[str, str | None]] = []
    for one in lines:
        named = accounts.get(plain_username(one.username)) if one.username else None
        post = posts.get(named.id) if named is not None else None
        account = named if post is not None else None
        problems = [*_of_words(one), *_of_account(trainer, one, account)]
        key = (one.name, account.id if account else None)
        if any(_is_same(key, other) for other in stand):
            problems.append("attested_already")
        elif any(_is_same(key, other) for other in seen):
            problems.append("twice")
        seen.append(key)
        yield Judged(one, account, post, until if one.result == PASSED else None, tuple(problems))


def members(session: Session, academy: Unit, accounts: Sequence[str], today: date) -> dict[str, Held]:
    """Of these accounts, those that work in the academy or below: the latest appointment of each there."""
    held = people_repository.held(session, accounts)
    units = auth_repository.find_units(session, {post.unit for posts in held.values() for post in posts})
    found = {}
    for account, posts in held.items():
        within = [
            post for post in posts if not post.is_over(today) and academy.id in (post.unit, *units[post.unit].parents)
        ]
        if within:
            found[account] = max(within, key=lambda one: (one.starts, one.id))
    return found


def _of_words(one: Typed) -> Iterator[str]:
    if not one.name:
        yield "no_name"
    elif len(one.name) > NAME_MOST:
        yield f"too_long:{NAME_MOST}"
    if spreadsheets.is_formula(one.name) or spreadsheets.is_formula(one.username):
        yield "formula"
    if one.result not in RESULTS:
        yield "unknown_result"


def _of_account(trainer: str, one: Typed, account: Account | None) -> Iterator[str]:
    if not one.username:
        return
    if account is None:
        yield "not_of_the_academy"
    elif account.id == trainer:
        yield "own"
    elif not account.active:
        yield "closed"


def _is_same(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    """The same account; or the same name, unless two accounts tell them apart."""
    if one[1] is not None and other[1] is not None:
        return one[1] == other[1]
    return bool(one[0]) and spreadsheets.same(one[0], other[0])


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


# ---- entering them, once a workshop has ended ----------------------------------------------------------------------
# What is confirmed is what was shown, all of it or nothing. Whoever passed and has an account is certified from then
# on. What was attested is never changed: it is withdrawn, for a reason.

WITHDRAW_REASONS = ("correction", "not_passed", "other")
MINUTES = (10, 2400)
"""Between how many minutes a workshop lasts."""
SCENARIO_TITLE, PROTOCOL_TITLE = "scenario", "protocol"
_PASSED = "workshop"
"""The reason under which a certificate that a workshop gives is written down."""


@dataclass(frozen=True, slots=True)
class AttestLine:
    """Somebody who was entered. `username`: of the account that they are linked to."""

    attestation: Attestation
    username: str
    by: str
    withdrawn_by: str


@dataclass(frozen=True, slots=True)
class AttestView:
    """A workshop as its trainer attests it. `day` and `minutes`: what stands in the form to begin with."""

    workshop: WorkshopRow
    title: dict[str, str]
    academy: Unit
    day: date
    minutes: int
    months: int
    lines: tuple[AttestLine, ...]

    @property
    def is_open(self) -> bool:
        """Whether somebody can be entered: it has ended."""
        return self.workshop.ended_at is not None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of each line; `digest` binds what is confirmed to what was shown."""

    held_on: date
    minutes: int
    lines: tuple[Judged, ...]
    digest: str

    @property
    def taken(self) -> tuple[Judged, ...]:
        return tuple(one for one in self.lines if one.is_taken)

    @property
    def is_whole(self) -> bool:
        """Whether every line can be entered; else none is."""
        return len(self.taken) == len(self.lines)


@dataclass(frozen=True, slots=True)
class Attested:
    """What a press entered; `repeated` where an earlier press had done it."""

    entered: int
    repeated: bool = False


# ---- seeing ------------------------------------------------------------------------------------------------------


def see_attest(ctx: AppContext, actor: Actor, workshop: str) -> AttestView:
    """One's own workshop, and who was entered; raises Unseen."""
    found = service.own(ctx, actor, workshop)
    titles, minutes = _told(ctx, found)
    with ctx.directory.reading() as session:
        every = attestation_repository.of_workshop(session, ctx.vault, workshop)
        people = {one.account for one in every} | {one.attested_by for one in every}
        people |= {one.withdrawn.by for one in every if one.withdrawn}
        accounts = auth_repository.accounts(session, {one for one in people if one})
    names = {key: one.name(actor.language) for key, one in accounts.items()}
    lines = tuple(
        AttestLine(
            one,
            accounts[one.account].username if one.account in accounts else "",
            names.get(one.attested_by, "—"),
            names.get(one.withdrawn.by, "—") if one.withdrawn else "",
        )
        for one in every
    )
    return AttestView(
        found, titles[SCENARIO_TITLE], academy(ctx, actor), _days(ctx, found)[1], minutes, _months(ctx, found),
        lines,
    )  # fmt: skip


def academy(ctx: AppContext, actor: Actor) -> Unit:
    """The academy that appointed this trainer; raises Unseen."""
    known = declared(ctx)
    post = next((one for one in actor.appointments if one.role in known and known[one.role][1].trains), None)
    if post is None:
        raise Unseen("workshops")
    with ctx.directory.reading() as session:
        unit = auth_repository.unit(session, post.unit)
    return academy_of(ctx, unit)


def _told(ctx: AppContext, workshop: WorkshopRow) -> tuple[dict[str, dict[str, str]], int]:
    """The titles of its scenario and protocol by language, and how long the scenario takes."""
    scenario = scenario_library.find_scenario(workshop.scenario)
    file = scenario_of(ctx, workshop.id) if scenario is None or scenario.digest != workshop.digest else None
    if file is not None:
        try:
            scenario = read_scenario(file, SCENARIO)
        except DefinitionError:
            scenario = None
    shipped = scenario_library.shipped_protocol(workshop.protocol, workshop.protocol_version)
    protocol = shipped[0] if shipped else None
    protocol = protocol or next((one for one in ctx.library.every() if one.protocol == workshop.protocol), None)
    with ctx.directory.reading() as session:
        brought = repository.with_digest(session, workshop.digest)
    title = dict(brought.title) if brought else dict(scenario.title.root) if scenario else {"fr": workshop.scenario}
    minutes = brought.minutes if brought else scenario.minutes if scenario else MINUTES[0]
    said = dict(protocol.title.root) if protocol else {"fr": workshop.protocol}
    return {SCENARIO_TITLE: title, PROTOCOL_TITLE: said}, minutes


def _months(ctx: AppContext, workshop: WorkshopRow) -> int:
    """For how long whoever passed is certified: as the protocol that was played says it, else any that is in force."""
    own = (one.teams for one in ctx.library.current() if one.protocol == workshop.protocol and one.teams)
    rules = next(own, None) or rules_of(ctx) or TeamRules(size=1)
    return rules.certificate_months


def _days(ctx: AppContext, workshop: WorkshopRow) -> tuple[date, date]:
    """Between which days it was held: from when it was set up to its end."""
    first, last = workshop.created_at, workshop.ended_at or workshop.created_at
    return first.astimezone(ZONE).date(), last.astimezone(ZONE).date()


def months_after(day: date, months: int) -> date:
    """The same day so many months on; the last of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# ---- looking first -----------------------------------------------------------------------------------------------


def preview(
    ctx: AppContext, actor: Actor, workshop: str, lines: Sequence[Typed], held_on: str, minutes: str
) -> Preview:
    """What would become of these lines; raises Unseen, BadInput, TeamRefused while it has not ended."""
    found = _ended(ctx, actor, workshop)
    day, lasted = _when(ctx, found, held_on, minutes)
    if not lines:
        raise BadInput({"lines": ("required",)})
    with ctx.directory.reading() as session:
        return _preview(session, ctx, actor, found, lines, day, lasted)


def _preview(
    session: Session,
    ctx: AppContext,
    actor: Actor,
    workshop: WorkshopRow,
    lines: Sequence[Typed],
    day: date,
    minutes: int,
) -> Preview:
    before = attestation_repository.of_workshop(session, ctx.vault, workshop.id)
    until = months_after(day, _months(ctx, workshop))
    found = tuple(judged(session, academy(ctx, actor), actor.id, before, lines, until, today_for(ctx)))
    return Preview(day, minutes, found, digest(day, minutes, found))


def _ended(ctx: AppContext, actor: Actor, workshop: str) -> WorkshopRow:
    found = service.own(ctx, actor, workshop)
    if found.ended_at is None:
        raise TeamRefused(Obstacle("not_ended"))
    return found


def _when(ctx: AppContext, workshop: WorkshopRow, held_on: str, minutes: str) -> tuple[date, int]:
    problems: dict[str, tuple[str, ...]] = {}
    first, last = _days(ctx, workshop)
    day = last
    try:
        day = date.fromisoformat(held_on.strip())
    except ValueError:
        problems["held_on"] = ("not_a_date",)
    if not problems and not first <= day <= last:
        problems["held_on"] = (f"day_between:{first.isoformat()}:{last.isoformat()}",)
    lasted = int(minutes) if minutes.isascii() and minutes.isdecimal() and len(minutes) < 6 else 0
    if not MINUTES[0] <= lasted <= MINUTES[1]:
        problems["minutes"] = ("out_of_range",)
    if problems:
        raise BadInput(problems)
    return day, lasted


# ---- attesting ---------------------------------------------------------------------------------------------------


def attest(
    ctx: AppContext, actor: Actor, workshop: str, lines: Sequence[Typed], held_on: str, minutes: str, digest: str,
    *, token: str,
) -> Attested:  # fmt: skip
    """Enter what the preview with that digest showed: every line of it, or none. Pressed twice, done once.

    Raises Unseen, BadInput, SentBefore; TeamRefused where it would be judged otherwise by now, or a line is refused.
    """
    found = _ended(ctx, actor, workshop)
    day, lasted = _when(ctx, found, held_on, minutes)

    def change(session: Session) -> int:
        shown = _preview(session, ctx, actor, found, lines, day, lasted)
        if shown.digest != digest:
            raise TeamRefused(Obstacle("changed_meanwhile"))
        if not shown.is_whole or not shown.lines:
            raise TeamRefused(Obstacle("lines_refused"))
        _write(session, ctx, actor, found, shown)
        return len(shown.taken)

    return _once(ctx, actor, token, ["attest", workshop, digest], change)


def _once(ctx: AppContext, actor: Actor, token: str, said: Sequence[str], change: Callable[[Session], int]) -> Attested:
    """Make a change once, however often its form is sent; the directory and the form's token, or neither."""
    press = idempotency.press(ctx.vault, actor.id, token, *said)
    with ctx.realm.writing() as session:
        if (before := idempotency.spent(session, press)) is not None:
            return Attested(int(before["entered"]), repeated=True)
        with ctx.directory.writing() as kept:
            entered = change(kept)
        idempotency.use(session, press, {"entered": entered}, at=ctx.now())
    return Attested(entered)


def _write(session: Session, ctx: AppContext, actor: Actor, workshop: WorkshopRow, shown: Preview) -> None:
    titles, _minutes = _told(ctx, workshop)
    region, rng = academy(ctx, actor), random.SystemRandom()
    log = []
    before = len(attestation_repository.of_workshop(session, ctx.vault, workshop.id))
    for place, one in enumerate(shown.taken, before + 1):
        new = Attestation(
            id=new_id(), number=attestation_repository.free_number(session, rng), workshop=workshop.id, place=place,
            academy=region.id, scenario=workshop.scenario, titles=titles, protocol=workshop.protocol,
            protocol_version=workshop.protocol_version, held_on=shown.held_on, minutes=shown.minutes,
            account=one.account.id if one.account else None, attended=one.typed.result != ABSENT,
            passed=one.until is not None, valid_until=one.until, attested_by=actor.id, attested_at=ctx.now(),
            stood_until=one.stands_until, name=one.typed.name,
        )  # fmt: skip
        if one.account is not None and one.post is not None and one.until is not None:
            certificate = attestation_repository.certify(session, new, stands_until=one.stands_until)
            new = replace(new, certificate=certificate)
            log.append(_row(ctx, actor, Kind.certificate_seen, new, one.post, _PASSED))
        attestation_repository.add(session, ctx.vault, new)
    administration_log.write_all(session, log)


def _row(
    ctx: AppContext, actor: Actor, kind: Kind, one: Attestation, post: Held, reason: str, sentence: str = ""
) -> Change:
    assert one.account is not None
    return Change(
        at=ctx.now(), actor=actor.id, kind=kind, unit=post.unit, account=one.account, role=post.role,
        appointment=post.id, reason=reason, sentence=sentence, starts=one.held_on, ends=one.valid_until,
    )  # fmt: skip


# ---- withdrawing -------------------------------------------------------------------------------------------------


def own(ctx: AppContext, actor: Actor, workshop: str, attestation: str) -> Attestation:
    """An attestation of one's own workshop; raises Unseen."""
    service.own(ctx, actor, workshop)
    with ctx.directory.reading() as session:
        found = attestation_repository.find(session, ctx.vault, attestation)
    if found is None or found.workshop != workshop:
        raise Unseen(attestation)
    return found


def withdraw(
    ctx: AppContext, actor: Actor, workshop: str, attestation: str, *, reason: str, sentence: str, token: str
) -> Attested:
    """It counts no more, and who was certified by it alone is not certified; raises Unseen, BadInput, TeamRefused."""
    own(ctx, actor, workshop, attestation)

    def change(session: Session) -> int:
        problems: dict[str, tuple[str, ...]] = {}
        check_reason(reason, sentence, WITHDRAW_REASONS, problems)
        if problems:
            raise BadInput(problems)
        one = attestation_repository.find(session, ctx.vault, attestation)
        if one is None or one.withdrawn is not None:
            raise TeamRefused(Obstacle("withdrawn_already"))
        gone = Withdrawn(ctx.now(), actor.id, reason, plain(sentence))
        attestation_repository.withdraw(session, one.id, gone)
        if one.account is not None and one.certificate is not None:
            attestation_repository.decertify(session, one)
            post = _where(session, ctx, one)
            log = [_row(ctx, actor, Kind.certificate_withdrawn, one, post, reason, gone.sentence)] if post else []
            administration_log.write_all(session, log)
        return 1

    return _once(ctx, actor, token, ["withdraw-attestation", attestation, reason, sentence], change)


def _where(session: Session, ctx: AppContext, one: Attestation) -> Held | None:
    """In which appointment its withdrawal is written down: the account's latest, else any that it had."""
    assert one.account is not None
    region = auth_repository.unit(session, one.academy)
    within = members(session, region, [one.account], today_for(ctx))
    held = people_repository.held(session, [one.account]).get(one.account, ())
    return within.get(one.account) or next(reversed(held), None)
