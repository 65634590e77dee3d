"""Visits to teams: written down, put right by a new entry, what was agreed noted as done; no pupil is named here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.pseudonyms import refuse_names_in
from school_protocol.context import AppContext, declared, today_for
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.name_detection import Naming
from school_protocol.engine.visibility import Actor, Appointment, Unit
from school_protocol.people import repository as people_repository
from school_protocol.people.roster import write_down
from school_protocol.people.service import day_within
from school_protocol.people.teams import Obstacle, TeamRefused, plain
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.case_numbers import numbers_in
from school_protocol.storage.engines import Session
from school_protocol.storage.models import new_id
from school_protocol.storage.store_errors import StorageBusy
from school_protocol.supervision import repository
from school_protocol.supervision.referral_contacts import Kept, kept_once
from school_protocol.supervision.regional_teams import Looker, Sight, looker_of, place_below, places_below, sight_of
from school_protocol.supervision.repository import Action, Entry, VisitCursor

PAGE = 20
CAME_MOST, REMARKS_MOST, ACTION_MOST = 200, 4000, 200
ACTIONS_MOST = 5
BACK = timedelta(days=366)
"""A visit longer ago than this is not written down any more."""
AHEAD = timedelta(days=2 * 366)
OPEN, LATE, ALL = "open", "late", ""

Problems = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class VisitView:
    """A visit as it stands now, and every entry before."""

    visit: str
    number: int
    unit: Unit
    held_on: date
    came: str
    remarks: str
    actions: tuple[Action, ...]
    by: str
    protocol: Protocol | None
    role: str
    at: datetime
    kind: str
    earlier: tuple[VisitView, ...] = ()
    has_earlier: bool = False
    """Whether something was written before, though it may not be for this reader."""
    may_correct: bool = False

    def is_late(self, today: date) -> bool:
        """Whether something agreed was to be done before that day."""
        return any(one.done_on is None and one.by is not None and one.by < today for one in self.actions)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the list of visits is narrowed to."""

    show: str = ALL
    place: str = ""
    since: date | None = None


@dataclass(frozen=True, slots=True)
class VisitsView:
    lines: tuple[VisitView, ...]
    wanted: Narrowed
    after: str
    is_place_known: bool
    places: tuple[Unit, ...]
    """Where they are few; else a code is typed."""
    today: date


# ---- seeing --------------------------------------------------------------------------------------------------------


def see_visits(ctx: AppContext, actor: Actor, wanted: Narrowed, after: str = "") -> VisitsView:
    """Visits to the teams within reach, the latest first; raises Unseen for whoever looks at none."""
    looker, today = looker_of(ctx, actor), today_for(ctx)
    with ctx.directory.reading() as session:
        here = _place(session, looker, wanted.place)
        known = here is not None or not wanted.place
        found = repository.page_of_visits(
            session,
            [here.id] if here else list(looker.units),
            since=wanted.since,
            with_open=wanted.show == OPEN,
            late_on=today if wanted.show == LATE else None,
            after=VisitCursor.parse(after),
            limit=PAGE + 1,
        )
        lines = _views(ctx, session, actor, found[:PAGE])
        places = places_below(session, looker)
    here_wanted = replace(wanted, place=wanted.place if here else "")
    return VisitsView(lines, here_wanted, _further(found, PAGE), known, places, today)


def visits_of(
    ctx: AppContext, sight: Sight, *, after: str = "", limit: int = PAGE
) -> tuple[tuple[VisitView, ...], str]:
    """Visits to that school's team, the latest first, each with what was written before; where the next page begins."""
    with ctx.directory.reading() as session:
        found = repository.page_of_visits(session, [sight.unit.id], after=VisitCursor.parse(after), limit=limit + 1)
        lines = tuple(_whole(ctx, session, sight, one) for one in found[:limit])
    return lines, _further(found, limit)


def _further(found: Sequence[Entry], limit: int) -> str:
    last = found[limit - 1] if len(found) > limit else None
    return str(VisitCursor(last.held_on, last.visit)) if last else ""


def see_visit(ctx: AppContext, actor: Actor, school: str, visit: str) -> tuple[Sight, VisitView]:
    """One visit to that school, with all that was written of it; raises Unseen."""
    sight = sight_of(ctx, actor, school)
    with ctx.directory.reading() as session:
        return sight, _whole(ctx, session, sight, _of_school(session, sight, visit))


def _place(session: Session, looker: Looker, code: str) -> Unit | None:
    try:
        return place_below(session, looker, code) if code else None
    except Unseen:
        return None


def _of_school(session: Session, sight: Sight, visit: str) -> Entry:
    found = repository.latest_visit(session, visit)
    if found.unit != sight.unit.id:
        raise Unseen(visit)
    return found


def _whole(ctx: AppContext, session: Session, sight: Sight, entry: Entry) -> VisitView:
    """The visit; what was written before is for whoever wrote it, and for those who see the school's cases from above.

    A wording may have been put right because it said too much.
    """
    earlier = repository.history(session, entry.visit)[:-1]
    *before, now = _views(ctx, session, sight.actor, [*earlier, entry])
    first = earlier[0] if earlier else entry
    reads = sight.sees_cases or first.actor == sight.actor.id
    return replace(
        now, earlier=tuple(before) if reads else (), has_earlier=bool(before),
        may_correct=_may_correct(ctx, session, sight, first),
    )  # fmt: skip


def _may_correct(ctx: AppContext, session: Session, sight: Sight, first: Entry) -> bool:
    """Whoever wrote the visit; once they work there no more, whoever holds that role in the same place."""
    if sight.visiting is None or first.actor == sight.actor.id:
        return sight.visiting is not None
    today, places = today_for(ctx), {sight.unit.id, *sight.unit.parents}
    held = people_repository.held(session, [first.actor]).get(first.actor, ())
    posts = [one for one in held if one.role == first.role and one.unit in places]
    writer = auth_repository.account(session, first.actor)
    if writer is not None and writer.active and any(one.is_current(today) for one in posts):
        return False
    within = {one.unit for one in posts}
    return any(one.role == first.role and one.unit in within for one in sight.actor.appointments)


def _views(ctx: AppContext, session: Session, actor: Actor, found: Sequence[Entry]) -> tuple[VisitView, ...]:
    known = declared(ctx)
    units = auth_repository.find_units(session, {one.unit for one in found})
    people = auth_repository.accounts(session, {one.actor for one in found})
    return tuple(
        VisitView(
            visit=one.visit,
            number=one.number,
            unit=units[one.unit],
            held_on=one.held_on,
            came=one.came,
            remarks=one.remarks,
            actions=one.actions,
            by=people[one.actor].name(actor.language),
            protocol=known[one.role][0] if one.role in known else None,
            role=one.role,
            at=one.at,
            kind=one.kind,
        )
        for one in found
    )


# ---- writing -------------------------------------------------------------------------------------------------------


def record(ctx: AppContext, actor: Actor, school: str, *, token: str, **said: Any) -> Kept:
    """A visit that was made; raises Unseen, BadInput."""
    sight = sight_of(ctx, actor, school)
    post = _visiting(sight)

    def write(session: Session) -> str:
        day, came, remarks, actions = _checked(ctx, said, ())
        entry = Entry(
            visit=new_id(), number=1, kind="recorded", unit=sight.unit.id, held_on=day, came=came, remarks=remarks,
            actions=actions, actor=actor.id, role=post.role, at=ctx.now(),
        )  # fmt: skip
        _keep(ctx, session, actor, post, entry, Kind.visit_recorded)
        return entry.visit

    return kept_once(ctx, actor, token, ["visit", school, _plainly(said)], "visit", write)


def correct(ctx: AppContext, actor: Actor, school: str, visit: str, *, expected: int, token: str, **said: Any) -> Kept:
    """The visit as it should have been written: a new entry; what was written stays to be read.

    Raises Unseen, BadInput, and TeamRefused where it isn't this person's to put right, or where something was written
    since it was shown.
    """
    sight = sight_of(ctx, actor, school)
    post = _visiting(sight)

    def write(session: Session) -> str:
        first = repository.history(session, _of_school(session, sight, visit).visit)[0]
        if not _may_correct(ctx, session, sight, first):
            raise TeamRefused(Obstacle("not_the_writer"))
        before = _expected(session, sight, visit, expected)
        day, came, remarks, actions = _checked(ctx, said, before.actions)
        entry = replace(
            before, number=before.number + 1, kind="corrected", held_on=day, came=came, remarks=remarks,
            actions=actions, actor=actor.id, role=post.role, at=ctx.now(),
        )  # fmt: skip
        _keep(ctx, session, actor, post, entry, Kind.visit_corrected)
        return visit

    return kept_once(ctx, actor, token, ["visit-correct", visit, expected, _plainly(said)], "visit", write)


def note_done(
    ctx: AppContext, actor: Actor, school: str, visit: str, action: int, *, expected: int, token: str
) -> Kept:
    """Something that was agreed is done, says whoever visits or the team's own head or coordinator."""
    sight = sight_of(ctx, actor, school)
    post = sight.post
    if post is None:
        raise Unseen(visit)

    def write(session: Session) -> str:
        before = _expected(session, sight, visit, expected)
        if not 0 <= action < len(before.actions):
            raise Unseen(visit)
        if before.actions[action].done_on is not None:
            return visit
        actions = list(before.actions)
        actions[action] = replace(actions[action], done_on=today_for(ctx))
        entry = replace(
            before, number=before.number + 1, kind="done", actions=tuple(actions), actor=actor.id, role=post.role,
            at=ctx.now(),
        )  # fmt: skip
        _keep(ctx, session, actor, post, entry, Kind.visit_action_done)
        return visit

    return kept_once(ctx, actor, token, ["visit-done", visit, action, expected], "visit", write)


def _visiting(sight: Sight) -> Appointment:
    if sight.visiting is None:
        raise Unseen(sight.unit.code)
    return sight.visiting


def _expected(session: Session, sight: Sight, visit: str, expected: int) -> Entry:
    found = _of_school(session, sight, visit)
    if found.number != expected:
        raise TeamRefused(Obstacle("changed_meanwhile"))
    return found


def _keep(ctx: AppContext, session: Session, actor: Actor, post: Appointment, entry: Entry, kind: Kind) -> None:
    if not repository.write_visit(session, entry):
        raise StorageBusy(f"{entry.visit}: written to by somebody else meanwhile")
    write_down(ctx, session, actor, post, kind, entry.unit, entry.held_on.isoformat())


# ---- what was typed ------------------------------------------------------------------------------------------------


def _plainly(said: Mapping[str, Any]) -> list[list[str]]:
    return [[key, repr(said[key] or "")] for key in sorted(said)]


def _checked(
    ctx: AppContext, said: Mapping[str, Any], before: Iterable[Action]
) -> tuple[date, str, str, tuple[Action, ...]]:
    """What was typed as it is kept; an action whose words stay is still done where it was.

    Pupils' codes, telephones, addresses and case numbers are refused; no name is looked for: there is no search over
    persons.
    """
    problems: Problems = {}
    today = today_for(ctx)
    held_on = day_within(said.get("held_on"), "held_on", problems, today - BACK, today)
    came, remarks = plain(said.get("came")), _text(said.get("remarks"))
    if not came:
        problems["came"] = ("required",)
    if len(came) > CAME_MOST:
        problems["came"] = (f"too_long:{CAME_MOST}",)
    if not remarks:
        problems["remarks"] = ("required",)
    if len(remarks) > REMARKS_MOST:
        problems["remarks"] = (f"too_long:{REMARKS_MOST}",)
    done = {one.what: one.done_on for one in before if one.done_on}
    actions = []
    for number, row in enumerate(said.get("actions") or ()):
        actions.append(_action(row, f"actions.{number}", (held_on or today), today, done, problems))
    if len(actions) > ACTIONS_MOST:
        problems["actions"] = (f"too_many:{ACTIONS_MOST}",)
    if problems or held_on is None:
        raise BadInput(problems)
    texts = {"came": came, "remarks": remarks}
    for number, one in enumerate(actions):
        texts |= {f"actions.{number}.what": one.what, f"actions.{number}.who": one.who}
    refuse_names_in(Naming({}), texts, tells=False)
    refuse_numbers_in(texts)
    return held_on, came, remarks, tuple(actions)


def refuse_numbers_in(texts: Mapping[str, str]) -> None:
    """Raises BadInput, by path, where one of these texts holds the number of a case."""
    found = {path: numbers_in(text) for path, text in texts.items()}
    problems = {path: tuple(f"case_number:{one}" for one in all_) for path, all_ in found.items() if all_}
    if problems:
        raise BadInput(problems)


def _action(
    row: Mapping[str, Any], path: str, first: date, today: date, done: Mapping[str, date | None], problems: Problems
) -> Action:
    what, who = plain(row.get("what")), plain(row.get("who"))
    for key, text in (("what", what), ("who", who)):
        if not text:
            problems[f"{path}.{key}"] = ("required",)
        elif len(text) > ACTION_MOST:
            problems[f"{path}.{key}"] = (f"too_long:{ACTION_MOST}",)
    by = day_within(row.get("by"), f"{path}.by", problems, first, today + AHEAD)
    return Action(what, who, by, done.get(what))


def _text(said: Any) -> str:
    """Lines without what no screen shows."""
    lines = str(said or "").replace("\r\n", "\n").split("\n")
    return "\n".join("".join(each for each in line if each.isprintable()).rstrip() for line in lines).strip()
