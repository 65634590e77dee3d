"""The register of referrals over the cases that somebody sees: to whom, when, answered or silent; nobody is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.index_repository import Beside, IndexRow
from school_protocol.cases.loading import scope_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import called
from school_protocol.engine.deadlines import chased
from school_protocol.engine.definition import Act, ActKind, Protocol, Target
from school_protocol.engine.facts import Facts
from school_protocol.engine.visibility import Actor, Reach, Scope, Unit, UnitKind
from school_protocol.language import ZONE
from school_protocol.people.models import ContactRow
from school_protocol.storage.engines import Session
from school_protocol.supervision import referral_repository
from school_protocol.supervision.referral_contacts import targets_of
from school_protocol.supervision.referral_repository import Cursor, Filter, Listed

PAGE = 25
PLACES_MOST = 60
"""So many schools or provinces are offered to choose from; beyond, a code is typed."""
WHOM_MOST = 120
"""So many contacts are offered to narrow to; beyond, those alone that stand on the page."""
WAITING, SILENT, ACKNOWLEDGED, SETTLED, ALL = "waiting", "silent", "acknowledged", "settled", "all"
SHOWN = (WAITING, SILENT, ACKNOWLEDGED, SETTLED, ALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the register is narrowed to, as it stands in an address; what can't be understood is not there."""

    show: str = WAITING
    target: str = ""
    whom: str = ""
    """An organisation, by the name that the register finds it by."""
    place: str = ""
    """The code of a school or of a province."""
    since: date | None = None


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """One line of the register: coarse facts, and the case's number."""

    case: str
    word: Mapping[str, str]
    number: int
    protocol: Protocol
    target: Target | None
    whom: str
    whom_names: Mapping[str, str]
    """The organisation that it went to, as it was called then; empty: its case doesn't say."""
    unit: Unit
    sent_at: datetime
    on_danger: bool
    awaits: bool
    acknowledged_at: datetime | None
    settled_at: datetime | None
    chase_at: datetime | None
    is_silent: bool
    """The time to ask again has come, and no answer came back; at most that it had arrived."""
    answer: str | None
    """The act by which this person notes what came back; None where it isn't theirs."""


@dataclass(frozen=True, slots=True)
class RegisterView:
    """A page of the register, with what it can be narrowed to."""

    lines: tuple[ReferralLine, ...]
    wanted: Wanted
    after: str | None
    targets: Mapping[str, Target]
    whom: Mapping[str, Mapping[str, str]]
    """Organisations to narrow to: name that finds one → its names; where they are few, and those on this page."""
    places: tuple[Unit, ...]
    """Where they are few; else a code is typed."""
    is_place_known: bool
    many_schools: bool

    @property
    def silent(self) -> int:
        return sum(line.is_silent for line in self.lines)


def see_register(ctx: AppContext, actor: Actor, wanted: Wanted, after: str = "") -> RegisterView:
    """One page: what has been silent for longest first; of answered ones and of all, the latest first."""
    scope, today = _scope(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        overseen = auth_repository.find_units(
            session, sorted({one.place for one in scope.clauses if one.reach is not Reach.seat})
        )
        place = auth_repository.unit_coded(session, wanted.place) if wanted.place else None
        below = auth_repository.children(session, *overseen)
        above = {parent for unit in overseen.values() for parent in unit.parents}
        serving = referral_repository.kept_contact(session, list(overseen), above=above)
    known = place is not None and not {place.id, *place.parents}.isdisjoint(overseen)
    if not known:
        wanted, place = replace(wanted, place=""), None
    targets = targets_of(ctx)
    wanted = replace(wanted, target=wanted.target if wanted.target in targets else "")
    with ctx.realm.reading() as session:
        page = referral_repository.page_of_referrals(
            session, scope, today=today, limit=PAGE, filter=_filter(ctx, wanted, place), after=Cursor.parse(after)
        )
    lines = _lines(ctx, actor, page.lines)
    return RegisterView(
        lines=lines,
        wanted=wanted,
        after=str(page.after) if page.after else None,
        targets=targets,
        whom=_organisations(serving, lines, wanted),
        places=tuple(below) if len(below) <= PLACES_MOST else (),
        is_place_known=known,
        many_schools=any(unit.kind is not UnitKind.school for unit in overseen.values()) or len(overseen) > 1,
    )


def _organisations(
    serving: Sequence[ContactRow], lines: Iterable[ReferralLine], wanted: Wanted
) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    found |= {called(one.names): one.names for one in serving} if len(serving) <= WHOM_MOST else {}
    found |= {line.whom: line.whom_names for line in lines if line.whom}
    if wanted.whom:
        found.setdefault(wanted.whom, {"fr": wanted.whom})
    return dict(sorted((name, names) for name, names in found.items() if name))


def _scope(ctx: AppContext, actor: Actor) -> Scope:
    return scope_of(ctx, actor).of_content()


def _filter(ctx: AppContext, wanted: Wanted, place: Unit | None) -> Filter:
    since = datetime.combine(wanted.since, time(0), ZONE).astimezone(UTC) if wanted.since else None
    found = Filter(
        targets=frozenset(_former(ctx, wanted.target)) if wanted.target else None,
        whom=wanted.whom or None,
        place=place.id if place and place.kind in (UnitKind.school, UnitKind.province) else None,
        since=since,
    )
    match wanted.show:
        case "silent":
            return replace(found, silent_at=ctx.now())
        case "acknowledged":
            return replace(found, awaits=True, acknowledged=True)
        case "settled":
            return replace(found, settled=True, newest_first=True)
        case "all":
            return replace(found, newest_first=True)
        case _:
            return replace(found, awaits=True)


def _former(ctx: AppContext, target: str) -> Iterator[str]:
    """Every name that a target has, or had in a version that cases still follow."""
    for protocol in ctx.library.every():
        for key in protocol.targets:
            if target in (key, protocol.resolve("targets", key)):
                yield key
    yield target


def _lines(ctx: AppContext, actor: Actor, rows: Sequence[Listed]) -> tuple[ReferralLine, ...]:
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, [row.unit for row in rows])
    return tuple(_line(ctx, actor, row, units[row.unit]) for row in rows)


def _line(ctx: AppContext, actor: Actor, row: Listed, unit: Unit) -> ReferralLine:
    protocol, one = ctx.library.protocol(row.protocol, row.version), row.referral
    return ReferralLine(
        case=row.case,
        word=row.word,
        number=one.number,
        protocol=protocol,
        target=protocol.targets.get(protocol.resolve("targets", one.target)),
        whom=one.whom,
        whom_names=one.whom_names,
        unit=unit,
        sent_at=one.sent_at,
        on_danger=one.on_danger,
        awaits=one.awaits,
        acknowledged_at=one.acknowledged_at,
        settled_at=one.settled_at,
        chase_at=one.chase_at,
        is_silent=one.chase_at is not None and one.chase_at <= ctx.now(),
        answer=_answer(protocol, actor, row, unit) if one.awaits else None,
    )


def _answer(protocol: Protocol, actor: Actor, row: Listed, unit: Unit) -> str | None:
    """The first act that notes an answer, open where the case stands, to a role or seat of this person."""
    held = (*row.seats, *actor.roles_in((unit.id, *unit.parents)))
    acts = protocol.acts_of(ActKind.answer_referral)
    return next((act.key for act in acts if _is_open(protocol, act, row) and role_for(protocol, act.by, held)), None)


def _is_open(protocol: Protocol, act: Act, row: Listed) -> bool:
    in_progress = "open" in act.in_ and not protocol.states[row.state].ended
    return row.state in act.in_ or "any" in act.in_ or in_progress


# ---- written with the index row of a case --------------------------------------------------------------------------


def beside(_ctx: AppContext, _session: Session, row: IndexRow, facts: Facts) -> tuple[Beside]:
    """Whom the case was referred to."""
    return (referral_repository.rows_of(row, referrals_of(row, facts)),)


def referrals_of(row: IndexRow, facts: Facts) -> Iterator[referral_repository.CaseReferral]:
    """Each referral, and when it is chased."""
    moments = chased(facts)
    for one in facts.case.referrals:
        awaits = one.is_open and not row.ended
        yield referral_repository.CaseReferral(
            number=one.number,
            target=one.target,
            sent_at=one.at,
            on_danger=any(key in facts.protocol.dangers for key in one.covers),
            awaits=awaits,
            acknowledged_at=one.acknowledged_at,
            settled_at=one.settled_at,
            chase_at=moments.get(one.number) if awaits else None,
            whom=called(one.whom),
            whom_names=one.whom,
        )
