"""Service of the API: what a token reads of figures and, by signs, of cases; each reading is noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from school_protocol.api import repository
from school_protocol.api.models import ApiTokenRow
from school_protocol.api.tokens import (
    PLACES,
    TOKEN_LONGEST,
    actor_for,
    copy_for,
    hashed,
    overseeing,
    overseers,
    scope_for,
)
from school_protocol.auth import permissions, sign_in_repository
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.service import stop_guessing
from school_protocol.case_files import record as case_files_record
from school_protocol.case_files.copy_scope import Limits
from school_protocol.case_files.printing import case_file_view, versions_of
from school_protocol.cases import index_repository
from school_protocol.cases.loading import Loaded, load_by_id, names_in, place_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine import visibility
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.engine.errors import SchoolProtocolError, Unseen
from school_protocol.engine.visibility import Actor, Permission, Scope, Unit, UnitKind
from school_protocol.language import Wording
from school_protocol.statistics import releases
from school_protocol.statistics.rules import ReleaseLine, Told
from school_protocol.storage import access_log, case_numbers, journal
from school_protocol.storage.engines import Session
from school_protocol.ui.routing import Right

# ---- cases by signs ------------------------------------------------------------------------------------------------
# As whoever oversees that place reads them, and less.

WINDOW, MOST = timedelta(minutes=15), 600
"""So often something is read by one token in so long."""
READ = "api"
"""Under which code the accesses to cases are kept."""


class UnknownToken(SchoolProtocolError):
    """No such token is good now: absent, mistyped, over and ended are one answer."""


class RightLacking(SchoolProtocolError):
    """The token is good, for something else."""

    def __init__(self, right: Right) -> None:
        self.right = right
        super().__init__(right.value)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Another system that has proven its token: for which place, and under which account it is written down."""

    token: ApiTokenRow
    unit: Unit

    @property
    def account(self) -> str:
        assert self.token.account is not None, "a token that is good was drawn"
        return self.token.account


def admit(ctx: AppContext, secret: str, right: Right, what: str, subject: str = "") -> Bearer:
    """Whose token this is, and that it is about to read something: written down before anything is read.

    Raises UnknownToken, RightLacking, TooManyTries.
    """
    if not secret or len(secret) > TOKEN_LONGEST:
        raise UnknownToken("token")
    with ctx.directory.reading() as session:  # whoever only guesses holds up nobody who writes
        known = _good(ctx, repository.hashed_as(session, hashed(ctx, secret)))
    with ctx.directory.writing() as session:
        token = _good(ctx, repository.held(session, known.id))
        _answered_for(ctx, session, token)
        counted = f"api|{token.id}"
        stop_guessing(session, ctx, counted, MOST, WINDOW)
        sign_in_repository.note_attempt(session, counted, at=ctx.now())
        has_right = right in token.granted
        if has_right:
            repository.note_read(session, token.id, what, subject, at=ctx.now())
        unit = auth_repository.unit(session, token.unit)
    if not has_right:
        raise RightLacking(right)
    return Bearer(token, unit)


def _good(ctx: AppContext, token: ApiTokenRow | None) -> ApiTokenRow:
    if token is None or not token.is_good(today_for(ctx)):
        raise UnknownToken("token")
    return token


def _answered_for(ctx: AppContext, session: Session, token: ApiTokenRow) -> None:
    """One of the two who made it still holds the post by which they did; raises UnknownToken."""
    unit = auth_repository.unit(session, token.unit)
    holders = auth_repository.holders(session, [unit.id, *unit.parents], today=today_for(ctx))
    asking, agreeing = permissions.roles_with(ctx, Permission.administer), overseers(ctx)
    for one in holders:
        if one.account.id == token.asked_by and one.role in asking:
            return
        if one.account.id == token.agreed_by and one.role in agreeing:
            return
    raise UnknownToken("token")


# ---- cases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CasePage:
    """Rows of the index by number, with what says them in words; `after`: where the next page begins."""

    rows: tuple[index_repository.IndexRow, ...]
    units: Mapping[str, Unit]
    protocols: Mapping[tuple[str, int], Protocol]
    changed: Mapping[str, datetime]
    """By case: when something was last written to it."""
    after: str


def read_cases(
    ctx: AppContext, bearer: Bearer, narrowed: index_repository.Filter, *, school: str = "", limit: int, after: str = ""
) -> CasePage:
    """A page of the cases that this token sees, in the order of their numbers; `school`: those of that code alone."""
    scope = _scope(ctx, bearer)
    if school:
        unit = _school(ctx, school)
        if unit is None:
            return CasePage((), {}, {}, {}, "")
        narrowed = replace(narrowed, unit=unit)
    with ctx.realm.reading() as session:
        found = index_repository.by_number(
            session, scope, today=today_for(ctx), limit=limit + 1, filter=narrowed, after=after,
            apart=_apart(ctx, bearer),
        )  # fmt: skip
        rows = found[:limit]
        changed = index_repository.changed_at(session, [row.case_id for row in rows])
    with ctx.directory.reading() as people:
        units = auth_repository.find_units(people, {row.unit for row in rows})
    followed = {(row.protocol, row.version) for row in rows}
    return CasePage(
        rows, units, {one: ctx.library.protocol(*one) for one in followed}, changed,
        rows[-1].number if len(found) > limit else "",
    )  # fmt: skip


def _school(ctx: AppContext, code: str) -> str | None:
    with ctx.directory.reading() as session:
        found = auth_repository.unit_coded(session, code.strip().upper())
    return found.id if found is not None and found.kind is UnitKind.school else None


def _scope(ctx: AppContext, bearer: Bearer) -> Scope:
    return scope_for(bearer.account, bearer.unit, ctx.library.every())


def _apart(ctx: AppContext, bearer: Bearer) -> frozenset[str]:
    """Who made the token, and whoever oversees that place now: where one takes no part, that system reads nothing."""
    kinds = {bearer.unit.kind, *PLACES}
    roles = {role.key for one in ctx.library.every() for kind in kinds for role in overseeing(one, kind)}
    with ctx.directory.reading() as session:
        holders = auth_repository.holders(session, [bearer.unit.id, *bearer.unit.parents], today=today_for(ctx))
    made = {one for one in (bearer.token.asked_by, bearer.token.agreed_by) if one}
    return frozenset(one.account.id for one in holders if one.role in roles) | made


# ---- one case --------------------------------------------------------------------------------------------------------


def read_record(ctx: AppContext, bearer: Bearer, number: str, language: str) -> bytes:
    """The record of one case, under signs and without anything that somebody typed in free text; raises Unseen.

    It is what the copy for whoever oversees carries, less colleagues' names, summaries, remarks, reasons, references.
    """
    digits = case_numbers.check_number(number)
    with ctx.realm.reading() as session:
        loaded = _load(ctx, session, bearer, digits, language)
        made = _record(ctx, session, loaded, _unseen(ctx, session, bearer, loaded), language)
    with ctx.realm.writing() as session:
        if _find(ctx, session, bearer, digits) != loaded.case_id:
            raise Unseen(number)  # it was restricted, or erased, meanwhile
        access_log.note(session, case_id=loaded.case_id, account=bearer.account, at=ctx.now(), what=READ)
    return made


def _find(ctx: AppContext, session: Session, bearer: Bearer, digits: str | None) -> str | None:
    found = index_repository.find_id(session, _scope(ctx, bearer), digits, today=today_for(ctx)) if digits else None
    rows = index_repository.listed(session, [found]) if found else ()
    if not rows or _apart(ctx, bearer) & rows[0].exclusions:
        return None
    return found


def _load(ctx: AppContext, session: Session, bearer: Bearer, digits: str | None, language: str) -> Loaded:
    case_id = _find(ctx, session, bearer, digits)
    if case_id is None:
        raise Unseen(digits or "")
    actor = _actor(ctx, bearer, language)
    loaded = load_by_id(ctx, session, actor, case_id)
    # As in `loading.load`: the index finds a case and grants nothing; the events decide.
    is_seen = visibility.may_see(_scope(ctx, bearer), place_of(loaded.facts))
    if not is_seen or _apart(ctx, bearer) & loaded.case.exclusions.keys():
        raise Unseen(loaded.case.number)
    if not loaded.pseudonymised or loaded.metadata_only:
        raise Unseen(loaded.case.number)
    return loaded


def _actor(ctx: AppContext, bearer: Bearer, language: str) -> Actor:
    return actor_for(bearer.account, ctx.name, bearer.unit, ctx.library.every(), language)


def _unseen(ctx: AppContext, session: Session, bearer: Bearer, loaded: Loaded) -> frozenset[str]:
    """The other cases that this one names, as far as they are not there for this token."""
    named = {str(one) for one in (loaded.case.opened_from, *loaded.case.joined) if one}
    for record in (*loaded.case.records, *loaded.case.retracted.values()):
        fields = loaded.case.protocol_at(record.seq, loaded.protocol).form_of(record.act).fields
        named |= {str(record.answers.get(item.key) or "") for item in fields if item.type is FieldType.case}
    return frozenset(one for one in named if one and _find(ctx, session, bearer, one) is None)


def _record(ctx: AppContext, session: Session, loaded: Loaded, unseen: frozenset[str], language: str) -> bytes:
    profile = next(filter(None, (copy_for(loaded.protocol, role) for role in loaded.roles)), None)
    head = journal.content_head(session, loaded.case_id)
    if profile is None or head is None:
        raise Unseen(loaded.case.number)
    limits = Limits(loaded, profile, names_in(ctx, session, loaded.case_id), unseen=unseen, typed=False)
    loaded.names, loaded.naming = limits.names(), limits.naming()
    view = case_file_view(ctx, loaded, {}, limits, head.seq, head.hash)
    versions = versions_of(loaded)
    offered = language if language in loaded.protocol.languages else loaded.protocol.languages[0]
    return case_files_record.encoded(case_files_record.bare_record_of(view, versions, Wording(offered)))


def read_definition(ctx: AppContext, digest: str) -> bytes:
    """The file of a protocol's version by its digest, as records and figures name it; raises Unseen."""
    found = next((one for one in ctx.library.every() if one.digest == digest), None)
    if found is None:
        raise Unseen(digest)
    return ctx.library.source(found).encode()


def read_releases(
    ctx: AppContext, bearer: Bearer, *, limit: int, after: str = ""
) -> tuple[tuple[ReleaseLine, ...], str]:
    """A page of the releases that tell of the token's place, newest first, and the last one where more follow.

    Raises Unseen where `after` is none of them.
    """
    found = releases.releases_covering(ctx, bearer.unit)
    if after:
        places = [place for place, one in enumerate(found) if one.id == after]
        if not places:
            raise Unseen(after)
        found = found[places[0] + 1 :]
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


def read_figures(ctx: AppContext, bearer: Bearer, release: str, code: str = "") -> Told:
    """What a release tells of the token's place, or of one below it; raises Unseen."""
    return releases.see_told(ctx, _place(ctx, bearer.unit, code), release)


def _place(ctx: AppContext, unit: Unit, code: str) -> Unit:
    if not code:
        return unit
    with ctx.directory.reading() as session:
        found = auth_repository.unit_coded(session, code.upper())
    if found is None or unit.id not in (found.id, *found.parents):
        raise Unseen(code)
    return found
