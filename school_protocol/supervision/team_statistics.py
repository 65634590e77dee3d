"""The figures of one school's team, for whoever sees the school's cases from above: asked for one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import folded, scope_of, surroundings
from school_protocol.context import AppContext, today_for
from school_protocol.engine.deadlines import read
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Term
from school_protocol.engine.errors import Unseen
from school_protocol.engine.facts import Facts
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import ZONE
from school_protocol.people import attestation_repository
from school_protocol.people import repository as people_repository
from school_protocol.statistics import repository as statistics_repository
from school_protocol.statistics.rules import Band, banded, share
from school_protocol.supervision.regional_teams import Sight, sight_of, team_roles
from school_protocol.supervision.team_rules import ExactFigures, Span, TeamFigures, TeamTally, exact, spans, told
from school_protocol.training import repository as training_repository

YEARS_BACK = 2
AT_ONCE = 50
"""So many cases are read in one transaction."""


@dataclass(frozen=True, slots=True)
class GridLine:
    """Of one grid, over workshops: about how many tables, and the share that came to what most of theirs came to."""

    title: Text
    tables: Band
    share: tuple[int, int] | None
    """None: too few to tell."""


@dataclass(frozen=True, slots=True)
class TeamWorkshops:
    """Workshops that somebody of a team attended. Who sat at which table is known to nobody: it says of no person."""

    span: Span
    count: int
    grids: tuple[GridLine, ...]


@dataclass(frozen=True, slots=True)
class TeamFiguresView:
    """The figures of one protocol, over one time, of one team."""

    sight: Sight
    protocol: Protocol
    span: Span
    spans: tuple[Span, ...]
    """The times that can be asked for, the latest year first."""
    figures: TeamFigures
    exact: ExactFigures
    """For this person's page alone: they may read every case that is counted."""
    workshops: TeamWorkshops
    counted_at: datetime
    is_time_known: bool = True
    """Whether the time that was asked for can be told; else the running year is shown."""


def see_figures(ctx: AppContext, actor: Actor, school: str, key: str = "") -> TeamFiguresView:
    """The figures of that school's team over a year or a term; the year that runs where none is named.

    Raises Unseen for whoever does not see the school's cases from above, or where no definition tells figures.
    """
    sight = sight_of(ctx, actor, school)
    if not sight.sees_cases:
        raise Unseen(school)
    return figures_of(ctx, sight, key)


def figures_of(ctx: AppContext, sight: Sight, key: str = "") -> TeamFiguresView:
    """The same, for whoever was let through."""
    protocol = next((one for one in ctx.library.current() if one.figures is not None), None)
    if protocol is None:
        raise Unseen(sight.unit.code)
    offered = spans_of(ctx, protocol, sight.unit)
    span = next((one for one in offered if one.key == key), offered[0])
    tally, played = _counted(ctx, sight, protocol, span), workshops_of(ctx, protocol, sight.unit, span)
    is_known = not key or span.key == key
    return TeamFiguresView(sight, protocol, span, offered, told(tally), exact(tally), played, ctx.now(), is_known)


def spans_of(ctx: AppContext, protocol: Protocol, unit: Unit) -> tuple[Span, ...]:
    """The school year that runs and those before it, each with its terms that have begun."""
    assert protocol.figures is not None
    with ctx.directory.reading() as session:
        timezone = people_repository.calendar_for(session, unit).timezone
    begins, today = protocol.figures.begins, today_for(ctx)
    running = today.year if today.month >= begins else today.year - 1
    terms = _terms(protocol)
    years = range(running, running - YEARS_BACK - 1, -1)
    return tuple(one for year in years for one in spans(begins, terms, year, timezone) if one.starts <= ctx.now())


def _terms(protocol: Protocol) -> tuple[Term, ...]:
    """The terms of the yearly report, where its year is the one of figures."""
    found = (one.yearly for one in protocol.documents.values() if one.yearly is not None)
    yearly_rules = next(found, None)
    same = yearly_rules is not None and protocol.figures is not None and yearly_rules.begins == protocol.figures.begins
    return yearly_rules.terms if same and yearly_rules is not None else ()


def _counted(ctx: AppContext, sight: Sight, protocol: Protocol, span: Span) -> TeamTally:
    assert protocol.figures is not None
    tally = TeamTally(protocol, protocol.figures)
    for facts in _cases(ctx, sight, protocol, span):
        tally.take(facts)
    return tally


def _cases(ctx: AppContext, sight: Sight, protocol: Protocol, span: Span) -> Iterator[Facts]:
    """One case after the other as it stands now, of those that this person sees; nobody's name is opened."""
    around, scope = surroundings(ctx, sight.unit.id), scope_of(ctx, sight.actor)
    with ctx.realm.reading() as session:
        every = statistics_repository.case_ids(session, sight.unit.id, protocol.protocol, span.starts, span.ends)
    for first in range(0, len(every), AT_ONCE):
        with ctx.realm.reading() as session:
            some = every[first : first + AT_ONCE]
            seen = index_repository.seen_among(session, scope, some, today=today_for(ctx))
            for case_id in some:
                if case_id in seen and not cases_repository.is_destroyed(session, case_id):
                    followed, case = folded(ctx, session, case_id)
                    yield read(followed, case, ctx.now(), around)


# ---- workshops -----------------------------------------------------------------------------------------------------


def see_workshops(ctx: AppContext, sight: Sight) -> TeamWorkshops | None:
    """Those of the school year that runs, for whoever looks at the team or belongs to it.

    None where nothing says when a year begins: no definition, or no calendar of the school.
    """
    protocol = next((one for one in ctx.library.current() if one.figures is not None), None)
    if protocol is None:
        return None
    try:
        span = spans_of(ctx, protocol, sight.unit)[0]
    except Unseen:
        return None
    return workshops_of(ctx, protocol, sight.unit, span)


def workshops_of(ctx: AppContext, protocol: Protocol, unit: Unit, span: Span) -> TeamWorkshops:
    """Workshops on that protocol which were attested, over that time, to whoever was of the team on their day."""
    first, until = (at.astimezone(ZONE).date() for at in (span.starts, span.ends))
    roles = frozenset(team_roles(ctx))
    with ctx.directory.reading() as session:
        posts = [one for one in auth_repository.posts(session, [unit.id], since=first) if one.role in roles]
        came = attestation_repository.attended_by(session, {one.account.id for one in posts}, first, until)
        ids = {
            workshop
            for account, workshop, day in came
            if any(one.account.id == account and one.is_current(day) for one in posts)
        }
        found = training_repository.counts_of(session, ids, protocol.protocol)
    return TeamWorkshops(span, len(found), tuple(_agreed(protocol, found)))


def _agreed(protocol: Protocol, found: Sequence[Mapping[str, Any]]) -> Iterator[GridLine]:
    """Each grid over all of them; a table that played alone agrees with nobody, and is left out."""
    for key, grid in protocol.grids.items():
        kept = [one.get("grids", {}).get(key, {}) for one in found]
        beside = [one for one in kept if one.get("tables", 0) > 1]
        tables, agree = (sum(one[part] for one in beside) for part in ("tables", "agree"))
        if tables:
            yield GridLine(grid.title, banded(tables), share(agree, tables))
