"""The trainer attests who attended and passed, once a workshop has ended: names are entered then, by hand or CSV.

What is confirmed is what was shown, all of it or nothing. Whoever passed and has an account is certified from then on,
and so can be appointed to a team. What was attested is never changed: it is withdrawn, for a reason.
"""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from school_protocol.definitions.scenarios import read as read_scenario
from school_protocol.domain.errors import BadInput, DefinitionError, Unseen
from school_protocol.domain.policy import Actor, Unit
from school_protocol.domain.team_rules import TeamRules
from school_protocol.services.house import House
from school_protocol.services.loading import today_for
from school_protocol.services.papers.signing import academy_of
from school_protocol.services.teams.changing import Obstacle, TeamRefused, check_reason, plain
from school_protocol.services.teams.team import declared
from school_protocol.services.visits.reach import rules_of
from school_protocol.services.workshops import attended, running, scenarios
from school_protocol.services.workshops.attended import Judge, Judged, Typed
from school_protocol.services.workshops.rooms import SCENARIO, scenario_of
from school_protocol.storage import administration, directory, once, staff
from school_protocol.storage.administration import Change, Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.staff import Held
from school_protocol.storage.tables import new_id
from school_protocol.storage.workshops import attested, uploaded
from school_protocol.storage.workshops.attested import Attestation, Withdrawn
from school_protocol.storage.workshops.listed import Workshop
from school_protocol.wording import ZONE

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

    workshop: Workshop
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


def see_attest(house: House, actor: Actor, workshop: str) -> AttestView:
    """One's own workshop, and who was entered; raises Unseen."""
    found = running.own(house, actor, workshop)
    titles, minutes = _told(house, found)
    with house.directory.reading() as session:
        every = attested.of_workshop(session, house.vault, workshop)
        people = {one.account for one in every} | {one.attested_by for one in every}
        people |= {one.withdrawn.by for one in every if one.withdrawn}
        accounts = directory.accounts(session, {one for one in people if one})
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
        found, titles[SCENARIO_TITLE], academy(house, actor), _days(house, found)[1], minutes, _months(house, found),
        lines,
    )  # fmt: skip


def academy(house: House, actor: Actor) -> Unit:
    """The academy that appointed this trainer; raises Unseen."""
    known = declared(house)
    post = next((one for one in actor.appointments if one.role in known and known[one.role][1].trains), None)
    if post is None:
        raise Unseen("workshops")
    with house.directory.reading() as session:
        unit = directory.unit(session, post.unit)
    return academy_of(house, unit)


def _told(house: House, workshop: Workshop) -> tuple[dict[str, dict[str, str]], int]:
    """The titles of its scenario and protocol by language, and how long the scenario takes."""
    scenario = scenarios.find(workshop.scenario)
    file = scenario_of(house, workshop.id) if scenario is None or scenario.digest != workshop.digest else None
    if file is not None:
        try:
            scenario = read_scenario(file, SCENARIO)
        except DefinitionError:
            scenario = None
    shipped = scenarios.shipped_protocol(workshop.protocol, workshop.protocol_version)
    protocol = shipped[0] if shipped else None
    protocol = protocol or next((one for one in house.library.every() if one.protocol == workshop.protocol), None)
    with house.directory.reading() as session:
        brought = uploaded.with_digest(session, workshop.digest)
    title = dict(brought.title) if brought else dict(scenario.title.root) if scenario else {"fr": workshop.scenario}
    minutes = brought.minutes if brought else scenario.minutes if scenario else MINUTES[0]
    said = dict(protocol.title.root) if protocol else {"fr": workshop.protocol}
    return {SCENARIO_TITLE: title, PROTOCOL_TITLE: said}, minutes


def _months(house: House, workshop: Workshop) -> int:
    """For how long whoever passed is certified: as the protocol that was played says it, else any that is in force."""
    own = (one.teams for one in house.library.current() if one.protocol == workshop.protocol and one.teams)
    rules = next(own, None) or rules_of(house) or TeamRules(size=1)
    return rules.certificate_months


def _days(house: House, workshop: Workshop) -> tuple[date, date]:
    """Between which days it was held: from when it was set up to its end."""
    first, last = workshop.created_at, workshop.ended_at or workshop.created_at
    return first.astimezone(ZONE).date(), last.astimezone(ZONE).date()


def months_after(day: date, months: int) -> date:
    """The same day so many months on; the last of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


# ---- looking first -----------------------------------------------------------------------------------------------


def preview(house: House, actor: Actor, workshop: str, lines: Sequence[Typed], held_on: str, minutes: str) -> Preview:
    """What would become of these lines; raises Unseen, BadInput, TeamRefused while it has not ended."""
    found = _ended(house, actor, workshop)
    day, lasted = _when(house, found, held_on, minutes)
    if not lines:
        raise BadInput({"lines": ("required",)})
    with house.directory.reading() as session:
        return _preview(session, house, actor, found, lines, day, lasted)


def _preview(
    session: Session, house: House, actor: Actor, workshop: Workshop, lines: Sequence[Typed], day: date, minutes: int
) -> Preview:
    before = attested.of_workshop(session, house.vault, workshop.id)
    until = months_after(day, _months(house, workshop))
    judge = Judge(academy(house, actor), actor.id, until, before)
    found = attended.judged(session, judge, lines, today_for(house))
    return Preview(day, minutes, found, attended.digest(day, minutes, found))


def _ended(house: House, actor: Actor, workshop: str) -> Workshop:
    found = running.own(house, actor, workshop)
    if found.ended_at is None:
        raise TeamRefused(Obstacle("not_ended"))
    return found


def _when(house: House, workshop: Workshop, held_on: str, minutes: str) -> tuple[date, int]:
    problems: dict[str, tuple[str, ...]] = {}
    first, last = _days(house, workshop)
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
    house: House, actor: Actor, workshop: str, lines: Sequence[Typed], held_on: str, minutes: str, digest: str,
    *, token: str,
) -> Attested:  # fmt: skip
    """Enter what the preview with that digest showed: every line of it, or none. Pressed twice, done once.

    Raises Unseen, BadInput, SentBefore; TeamRefused where it would be judged otherwise by now, or a line is refused.
    """
    found = _ended(house, actor, workshop)
    day, lasted = _when(house, found, held_on, minutes)

    def change(session: Session) -> int:
        shown = _preview(session, house, actor, found, lines, day, lasted)
        if shown.digest != digest:
            raise TeamRefused(Obstacle("changed_meanwhile"))
        if not shown.is_whole or not shown.lines:
            raise TeamRefused(Obstacle("lines_refused"))
        _write(session, house, actor, found, shown)
        return len(shown.taken)

    return _once(house, actor, token, ["attest", workshop, digest], change)


def _once(house: House, actor: Actor, token: str, said: Sequence[str], change: Callable[[Session], int]) -> Attested:
    """Make a change once, however often its form is sent; the directory and the form's token, or neither."""
    press = once.press(house.vault, actor.id, token, *said)
    with house.realm.writing() as session:
        if (before := once.spent(session, press)) is not None:
            return Attested(int(before["entered"]), repeated=True)
        with house.directory.writing() as kept:
            entered = change(kept)
        once.use(session, press, {"entered": entered}, at=house.now())
    return Attested(entered)


def _write(session: Session, house: House, actor: Actor, workshop: Workshop, shown: Preview) -> None:
    titles, _minutes = _told(house, workshop)
    region, rng = academy(house, actor), random.SystemRandom()
    log = []
    before = len(attested.of_workshop(session, house.vault, workshop.id))
    for place, one in enumerate(shown.taken, before + 1):
        new = Attestation(
            id=new_id(), number=attested.free_number(session, rng), workshop=workshop.id, place=place,
            academy=region.id, scenario=workshop.scenario, titles=titles, protocol=workshop.protocol,
            protocol_version=workshop.protocol_version, held_on=shown.held_on, minutes=shown.minutes,
            account=one.account.id if one.account else None, attended=one.typed.result != attended.ABSENT,
            passed=one.until is not None, valid_until=one.until, attested_by=actor.id, attested_at=house.now(),
            stood_until=one.stands_until, name=one.typed.name,
        )  # fmt: skip
        if one.account is not None and one.post is not None and one.until is not None:
            certificate = attested.certify(session, new, stands_until=one.stands_until)
            new = replace(new, certificate=certificate)
            log.append(_row(house, actor, Kind.certificate_seen, new, one.post, _PASSED))
        attested.add(session, house.vault, new)
    administration.write_all(session, log)


def _row(
    house: House, actor: Actor, kind: Kind, one: Attestation, post: Held, reason: str, sentence: str = ""
) -> Change:
    assert one.account is not None
    return Change(
        at=house.now(), actor=actor.id, kind=kind, unit=post.unit, account=one.account, role=post.role,
        appointment=post.id, reason=reason, sentence=sentence, starts=one.held_on, ends=one.valid_until,
    )  # fmt: skip


# ---- withdrawing -------------------------------------------------------------------------------------------------


def own(house: House, actor: Actor, workshop: str, attestation: str) -> Attestation:
    """An attestation of one's own workshop; raises Unseen."""
    running.own(house, actor, workshop)
    with house.directory.reading() as session:
        found = attested.find(session, house.vault, attestation)
    if found is None or found.workshop != workshop:
        raise Unseen(attestation)
    return found


def withdraw(
    house: House, actor: Actor, workshop: str, attestation: str, *, reason: str, sentence: str, token: str
) -> Attested:
    """It counts no more, and who was certified by it alone is not certified; raises Unseen, BadInput, TeamRefused."""
    own(house, actor, workshop, attestation)

    def change(session: Session) -> int:
        problems: dict[str, tuple[str, ...]] = {}
        check_reason(reason, sentence, WITHDRAW_REASONS, problems)
        if problems:
            raise BadInput(problems)
        one = attested.find(session, house.vault, attestation)
        if one is None or one.withdrawn is not None:
            raise TeamRefused(Obstacle("withdrawn_already"))
        gone = Withdrawn(house.now(), actor.id, reason, plain(sentence))
        attested.withdraw(session, one.id, gone)
        if one.account is not None and one.certificate is not None:
            attested.decertify(session, one)
            post = _where(session, house, one)
            log = [_row(house, actor, Kind.certificate_withdrawn, one, post, reason, gone.sentence)] if post else []
            administration.write_all(session, log)
        return 1

    return _once(house, actor, token, ["withdraw-attestation", attestation, reason, sentence], change)


def _where(session: Session, house: House, one: Attestation) -> Held | None:
    """In which appointment its withdrawal is written down: the account's latest, else any that it had."""
    assert one.account is not None
    region = directory.unit(session, one.academy)
    within = attended.members(session, region, [one.account], today_for(house))
    held = staff.held(session, [one.account]).get(one.account, ())
    return within.get(one.account) or next(reversed(held), None)
