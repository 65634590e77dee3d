"""Faults put into what decides who may do and see what, one at a time: the matrix must tell each of them.

A fault changes a cell of the table of permissions, or a clause in the source of a function that decides. Only a part of
the matrix is asked for each, so that hundreds take minutes; the part names no fault, it only asks less.
"""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from authorization.matrix import Matrix
from authorization.world import COMING, FORMER
from school_protocol.api import repository as api_repository
from school_protocol.api import service as api_service
from school_protocol.api import tokens
from school_protocol.api.models import ApiTokenRow
from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import service as auth_service
from school_protocol.case_files import bulk, prepared
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files import service as case_files_service
from school_protocol.cases import (
    handing_over,
    index_repository,
    intake,
    lists,
    loading,
    lookup_repository,
    sharing,
    showing,
)
from school_protocol.cases import review_lines as review_lines
from school_protocol.cases.case_view import Seeing
from school_protocol.engine import actors, visibility
from school_protocol.engine.visibility import Permission
from school_protocol.ops import going_live
from school_protocol.people import roster, teams
from school_protocol.privacy import access_report, data_rights, emergency_access, holds
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.evidence_files import AtHand
from school_protocol.storage.engines import Store, cached
from school_protocol.supervision import (
    referral_register,
    referral_repository,
    regional_teams,
    remarks,
    review,
    visit_service,
)
from school_protocol.supervision import repository as supervision_repository
from school_protocol.ui import routing
from school_protocol.web import endpoint_guard

OPEN_THERE = "and_(CaseIndexRow.unit == clause.place, CaseIndexRow.restricted.is_(False))"
TRUE = "CaseIndexRow.case_id.is_not(None)"
"""A condition that every row of the index fulfils."""
Part = Callable[[Matrix], Iterator[str]]


class Unplantable(Exception):
    """The source has no such clause any more: the fault must be written anew."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`plant` puts it in for a while; `part` is what of the matrix is asked meanwhile."""

    name: str
    plant: Callable[[], Any]
    part: Part

    def found(self, matrix: Matrix) -> str | None:
        """The first difference that tells it; None: it survives."""
        matrix.forget()
        with self.plant():
            try:
                return next(self.part(matrix), None)
            except Exception as error:  # a page that breaks is a difference
                return f"it breaks: {type(error).__name__}"


def every() -> list[Fault]:
    """All faults, in a fixed order."""
    return [*of_the_table(), *of_the_rules()]


def by_name(name: str) -> Fault:
    """Raises KeyError: whoever names one that is no more must not go on without it."""
    return {fault.name: fault for fault in every()}[name]


# ---- cells of the table ----------------------------------------------------------------------------------------------


def of_the_table() -> Iterator[Fault]:
    """Each endpoint thrown open or closed to whoever isn't signed in, and left out of the table."""
    for endpoint, permission in routing.PERMISSIONS.items():
        other = Permission.signed_in if permission is Permission.anyone else Permission.anyone
        yield Fault(f"{endpoint} asks {other}", _cell(endpoint, other), _of_door(endpoint))
        yield Fault(f"{endpoint} is not in the table", _cell(endpoint, None), _of_door(endpoint))


def _cell(endpoint: str, permission: Permission | None) -> Callable[[], Any]:
    @contextmanager
    def planted() -> Iterator[None]:
        table = cast("MutableMapping[str, Permission]", routing.PERMISSIONS)
        before = table.pop(endpoint)
        if permission is not None:
            table[endpoint] = permission
        try:
            yield
        finally:
            table[endpoint] = before

    return planted


def _of_door(endpoint: str) -> Part:
    """What people meet at that door, then what the table says of it."""

    def part(matrix: Matrix) -> Iterator[str]:
        yield from matrix.shut_out([endpoint])
        yield from matrix.cases([endpoint], ("own",), lambda who: who in ("head", "directorate"))
        yield from matrix.schools([endpoint])
        yield from matrix.others([endpoint], ("protocol_admin", "head", "directorate", "reporter"))
        if endpoint.startswith(("bulk.", "reports.")):
            yield from matrix.own(("head", "reporter"))
        yield from matrix.knocks([endpoint])
        yield from matrix.table([endpoint])

    return part


# Not planted, since another check of the same request says no before or after it, so that no answer can differ: what
# services ask again (`intake.record_from_receipt`, `emergency_access.break_door`, `service.check_may`, behind
# `permissions.may`), and what whoever reads signs is refused for want of a role (`AtHand.is_readable`,
# `data_rights.asks`), or because no file is there (`piece_at`). Nor what is asked twice on the way to an answer: whose
# the seat is by which something is answered (`lookup_repository._waiting`, behind `sharing._known`), and at whose team
# somebody looks, by what post they visit it, and whose nights they keep (`permissions.may`, before each page);
# and what the index says of a case that a token reads (`api.service._find`, before `_load`, by its events).

# ---- clauses of rules ------------------------------------------------------------------------------------------------


@contextmanager
def edited(function: Any, old: str, new: str) -> Iterator[None]:
    """The function with another text in its source, for as long as this lasts: whoever imported it meets it, too."""
    plain = _plain(function)
    source = textwrap.dedent(inspect.getsource(plain))
    if source.count(old) < 1:
        raise Unplantable(f"{plain.__qualname__} does not say {old!r}")
    source = source.replace(old, new)
    begins = next(place for place, line in enumerate(source.splitlines()) if line.startswith("def "))
    code = compile(
        "\n".join(source.splitlines()[begins:]), f"planted {plain.__qualname__}", "exec",
        flags=__future__.annotations.compiler_flag, dont_inherit=True,
    )  # fmt: skip
    made: dict[str, Any] = dict(plain.__globals__)
    exec(code, made)
    before, caching = plain.__code__, Store.cache_at
    plain.__code__ = made[plain.__name__].__code__
    Store.cache_at = lambda _store, _mark: {}  # type: ignore[method-assign]
    _forget()
    try:
        yield
    finally:
        plain.__code__ = before
        Store.cache_at = caching  # type: ignore[method-assign]
        _forget()


_CACHING = cached(len).__code__


def _forget() -> None:
    """Statements that were written before are written anew."""
    for one in (
        value for each in (index_repository, lookup_repository, auth_repository) for value in vars(each).values()
    ):
        if hasattr(one, "cache_clear"):
            one.cache_clear()


def _plain(function: Any) -> Any:
    """The function behind a property, a method, or what it answered before."""
    if hasattr(function, "cache_clear") or getattr(function, "__code__", None) is _CACHING:
        function = function.__wrapped__
    for name in ("fget", "func", "__func__"):
        function = getattr(function, name, None) or function
    return function


def _clause(function: Any, old: str, new: str, part: Part) -> Fault:
    name = f"{_plain(function).__qualname__}: {old.strip()} → {new.strip() or 'nothing'}"
    return Fault(name, lambda: edited(function, old, new), part)


def of_the_rules() -> Iterator[Fault]:
    """Each clause of each rule, dropped or turned."""
    for part, edits in RULES:
        for function, old, new in edits:
            yield _clause(function, old, new, part)


def _lists(matrix: Matrix) -> Iterator[str]:
    """Which cases everybody sees: their pages, the desk, the search."""
    return chain(matrix.cases(["cases.show"]), matrix.lists(), matrix.pupils(), matrix.shown(), matrix.opened())


def _told(matrix: Matrix) -> Iterator[str]:
    """What the page says of sight, and what is open for a time."""
    return chain(matrix.shown(), matrix.opened(), matrix.cases(["cases.show"]), matrix.pupils())


def _words(matrix: Matrix) -> Iterator[str]:
    return chain(matrix.words(), matrix.opened())


def _own_case(*doors: str) -> Part:
    return lambda matrix: chain(matrix.cases(doors, ("own",)), matrix.parts(), matrix.opened())


def _nested(matrix: Matrix) -> Iterator[str]:
    return matrix.parts()


def _owned(matrix: Matrix) -> Iterator[str]:
    return matrix.own()


def _schools(matrix: Matrix) -> Iterator[str]:
    return chain(matrix.schools(), matrix.others(["team.index", "team.hand_over", "team.leave", "team.leave_at_once"]))


def _out_of_time(matrix: Matrix) -> Iterator[str]:
    return matrix.cases(["cases.show"], ("own", "early"), lambda who: who.startswith((FORMER, COMING)))


def _publishing(matrix: Matrix) -> Iterator[str]:
    return matrix.others(["protocols.index", "protocols.file", "protocols.upload", "protocols.draft"])


def _left(matrix: Matrix) -> Iterator[str]:
    """Whoever was made to leave at once, with a seat that is written down still."""
    return chain(
        matrix.cases(["cases.show", "cases.act"], ("own", "early"), lambda who: who.endswith("@left")),
        matrix.words(lambda who: who.endswith("@left")),
        matrix.lists(lambda who: who.endswith("@left")),
        matrix.shown(),
    )


def _many(matrix: Matrix) -> Iterator[str]:
    return matrix.many()


def _codes(matrix: Matrix) -> Iterator[str]:
    return matrix.schools(["account.other", "staff.unit_slips", "staff.person"])


def _by_token(matrix: Matrix) -> Iterator[str]:
    return matrix.systems()


def _going_live(matrix: Matrix) -> Iterator[str]:
    return matrix.knocks(["going_live.index"])


def _systems(matrix: Matrix) -> Iterator[str]:
    doors = ("systems.index", "systems.new", "systems.system")
    return chain(matrix.knocks(doors), matrix.others(doors))


def _shared(matrix: Matrix) -> Iterator[str]:
    """Cases over several schools; only read, since whoever read a request under a fault is known to have read it."""
    return chain(matrix.others(["sharing.index"]), matrix.asked_of_others(["get"]))


def _visits(matrix: Matrix) -> Iterator[str]:
    """Teams, visits to them, and who is on duty."""
    doors = [door for door in matrix.spec.asks if door.startswith("visits.")]
    return chain(matrix.knocks(doors), matrix.schools(doors), matrix.others(doors), matrix.own(), matrix.visited())


Edits = Iterable[tuple[Any, str, str]]
RULES: tuple[tuple[Part, Edits], ...] = (
    # policy, clause by clause
    (_told, (
        (visibility.may_see, "is_named(scope, place) or bool(ways_in(scope, place))", "True"),
        (visibility.may_see, "is_named(scope, place) or bool(ways_in(scope, place))", "False"),
        (visibility.is_named, "return named and not is_excluded(scope, place)", "return True"),
        (visibility.is_named, "return named and not is_excluded(scope, place)", "return False"),
        (visibility.is_named, " and _answers(scope, place)", ""),
        (visibility.ways_in, "if is_excluded(scope, place)", "if False"),
        (visibility.ways_in, "if _admits(clause, scope.account, place)", ""),
        (visibility.is_excluded, "scope.account in place.excluded", "False"),
        (visibility._admits, "clause.protocol != place.protocol or ", ""),
        (visibility._admits, "place.restricted and not clause.sees_restricted", "False"),
        (visibility._admits, "not clause.sees_restricted", "True"),
        (visibility._admits, "clause.only_team_states and not place.team_sees", "False"),
        (visibility._admits, "account in place.seats", "True"),
        (visibility._admits, "account in place.seats", "False"),
        (visibility._admits, "return clause.place == place.unit\n", "return True\n"),
        (visibility._admits, "return clause.place == place.unit\n", "return False\n"),
        (visibility._admits, "return clause.place == place.province", "return False"),
        (visibility._admits, "return clause.place == place.region", "return False"),
        (visibility._admits, "clause.place in (place.province, place.region)", "False"),
        (visibility._admits, "(clause.place == place.unit and not place.restricted)", "False"),
        (visibility._admits, " and not place.restricted)", ")"),
        (visibility.Reader.admits, "self.account != scope.account", "False"),
        (visibility.Reader.admits, "scope.now is not None and scope.now < self.until", "True"),
        (visibility.Reader.admits, "scope.now < self.until", "scope.now > self.until"),
        (visibility.may_break, "not is_excluded(scope, place) and ", ""),
        (visibility.may_break, "not may_see(scope, place) and ", ""),
        (visibility.may_break, "any(chain)", "True"),
        (visibility.may_break, "any(chain)", "False"),
        (visibility.chain, "sight.protocol == place.protocol and ", ""),
        (visibility.chain, " and is_in_chain(sight)", " and sight.sees != 'none'"),
        (visibility.chain, "if one.role in actor.roles_in([above[_CHAIN[one.sees]]])", ""),
        (visibility.Actor.roles_in, "if held.unit in wanted", ""),
        (emergency_access.opening, "if visibility.may_see(scope, place):", "if False:"),
        (emergency_access.opening, "if visibility.may_break(scope, place, chain):", "if chain:"),
        (emergency_access._answers_for_schools, "return any", "return True or any"),
        (emergency_access.reviews_waiting, "replace(scope_of(ctx, actor), now=None)", "scope_of(ctx, actor)"),
        (privacy_repository.waiting_reviews, ", where_visible(scope.of_content(), today))", ")"),
        (privacy_repository.waiting_reviews, "DoorReviewRow.account != scope.account, ", ""),
        (access_report.see_sight, "if not limited or line.is_self or not _has_side(loaded.protocol, line)", "if False"),
        (access_report.see_sight, "if knows else None", ""),
        (access_report._lines, "if clauses or named:", "if True:"),
        (access_report._readings, "loaded.actor.id if own else None", "None"),
        (access_report._is_limited, "return is_side_bound", "return not is_side_bound"),
        (emergency_access.may_know_exclusions, "return bool(forms) and all", "return True or all"),
        (emergency_access.is_side_bound, "return bool(known) and all", "return False and all"),
    )),
    # what a role makes of a place
    (_lists, (
        (visibility.visible, "if actor.appointments:", "if False:"),
        (visibility.visible, "if actor.appointments:", "if True:"),
        (visibility.visible, "clauses.extend(_clauses(sight, held))", "pass"),
        (visibility._clauses, "only_team_states=True", "only_team_states=False"),
        (visibility._clauses, "yield Clause(sight.protocol, Reach.unit, held.unit, role=sight.role)", "return"),
        (visibility._clauses, "Reach.province, held.unit, sees_restricted=sight.oversees", "Reach.province, held.unit"),
        (visibility._clauses, "Reach.region, held.unit, sees_restricted=sight.oversees",
         "Reach.region, held.unit, sees_restricted=True"),
        (visibility._clauses, "Reach.province, held.unit", "Reach.region, held.unit"),
        (visibility._clauses, "sees_restricted=True, metadata=True", "metadata=True"),
        (visibility._clauses, "metadata=True", "metadata=False"),
    )),
    # the scope as a WHERE
    (_lists, (
        (index_repository._visible, "_not_excluded(scope.account), ", ""),
        (index_repository._visible, "or_(*_ways(scope, today))", TRUE),
        (index_repository._visible, "or_(*_ways(scope, today))", "and_(*_ways(scope, today))"),
        (index_repository._not_excluded, "return not_(excluded.correlate(CaseIndexRow))", f"return {TRUE}"),
        (index_repository._not_excluded, ", CaseExclusionRow.account == account", ""),
        (index_repository._not_excluded, "CaseExclusionRow.case_id == CaseIndexRow.case_id, ", ""),
        (index_repository._admitted, "CaseIndexRow.protocol == clause.protocol, ", ""),
        (index_repository._admitted, "if not clause.sees_restricted", "if False"),
        (index_repository._admitted, "if not clause.sees_restricted", "if True"),
        (index_repository._admitted, "if clause.only_team_states", "if False"),
        (index_repository._admitted, "if clause.only_team_states", "if True"),
        (index_repository._admitted, "return and_(*conditions)", "return or_(*conditions)"),
        (index_repository._reached, "return CaseIndexRow.unit == clause.place", f"return {TRUE}"),
        (index_repository._reached, "return CaseIndexRow.province == clause.place", f"return {TRUE}"),
        (index_repository._reached, "return CaseIndexRow.region == clause.place", f"return {TRUE}"),
        (index_repository._reached, "seated = CaseIndexRow.case_id.in_(_seated(account, today))", f"seated = {TRUE}"),
        (index_repository._reached, "CaseIndexRow.case_id.in_(_seated(account, today))", "false()"),
        (index_repository._reached, OPEN_THERE, TRUE),
        (index_repository._reached, OPEN_THERE, "false()"),
        (index_repository._reached, ", CaseIndexRow.restricted.is_(False)", ""),
        (index_repository._seated, "CaseSeatRow.account == account, ", ""),
        (index_repository._ways, "*_named(scope), ", f"{TRUE}, "),
        (index_repository._ways, "*_opened(scope), ", ""),
        (index_repository._named, "CaseReaderRow.account == scope.account, ", ""),
        (index_repository._named, ", CaseReaderRow.until.is_(None)", ""),
        (index_repository._opened, "CaseReaderRow.account == scope.account, ", ""),
        (index_repository._opened, ", CaseReaderRow.until > scope.now", ""),
        (index_repository._opened, ", or_(*above)", ""),
        (index_repository._opened, "CaseReaderRow.until > scope.now", "CaseReaderRow.until < scope.now"),
        (index_repository._places, "narrowed = [_not_excluded(scope.account), ", "narrowed = ["),
        (index_repository._places, "for way in _ways(scope, today)", f"for way in [{TRUE}]"),
        (index_repository._one, ", where_visible(scope, today)", ""),
        (index_repository.by_mark, "where_visible(scope, today), ", ""),
        (index_repository.by_mark, ", CaseIndexRow.case_id.in_(marked)", ""),
        (lists.find_by_pupil, "scope_of(ctx, actor).in_school()", "scope_of(ctx, actor)"),
        (lists.find_by_pupil, "scope_of(ctx, actor).in_school()", "scope_of(ctx, actor).of_content()"),
        (loading.scope_of, "ctx.now()", "None"),
    )),
    # whose role it is, on which day
    (_out_of_time, (
        (auth_repository._appointments, '*_current(bindparam("today", type_=Date()))', "_POSTS.id.is_not(None)"),
        (auth_repository._current, "return _POSTS.starts <= today, in_time,", "return in_time,"),
        (auth_repository._current, "<= today, in_time,", "<= today,"),
    )),
    # loading
    (_told, (
        (loading.load, "if not loaded.roles or not visibility", "if not visibility"),
        (loading.load, "reading=reading", "reading=False"),
        (loading.load, "reading=reading", "reading=True"),
        (loading.load_by_id, "if reading and not loaded.roles:", "if False:"),
        (loading.load_by_id, "if reading and loaded.pseudonymised and not loaded.metadata_only:", "if False:"),
        (loading.load_by_id, "if reading and loaded.pseudonymised", "if loaded.pseudonymised"),
        (loading.load_by_id, "(loaded.lifting or not loaded.pseudonymised)", "True"),
        (loading.load_by_id, "(loaded.lifting or not loaded.pseudonymised)", "not loaded.pseudonymised"),
        (emergency_access.may_lift, "loaded.door is None and ", ""),
    )),
    (_words, (
        (loading.Loaded.pseudonymised, "return all(", "return False and all("),
        (loading.sees_pseudonyms, "declared.pseudonymised or ", ""),
        (actors.roles_of, "if case.restricted_seq is not None", "if False"),
        (Seeing.hidden, "self.loaded.pseudonymised else None", "False else None"),
        (Seeing.hidden, "if form.side is not None and not self.reads_side(form.side):", "if False:"),
        (Seeing.hidden, 'return None if form.readers else "side"', "return None"),
        (Seeing.reads_side, "any(seat.side == side for seat in bound)", "True"),
        (Seeing.reads_side, "if bound:", "if False:"),
        (Seeing._is_bound, "return bool(declared and declared.side_bound)", "return True"),
        (Seeing.record, 'if hidden == "words":', "if False:"),
        (Seeing.person, 'identity.get("name")', "None"),
    )),
    # doors of one case
    (_own_case("cases.act", "cases.move", "cases.danger", "cases.first_minutes"), (
        (loading.Loaded.metadata_only, "return bool(declared) and all", "return False and all"),
        (showing.see_act, "if loaded.metadata_only and not choice.is_open:", "if False:"),
        (showing.see_act, "if loaded.metadata_only and not choice.is_open:", "if loaded.metadata_only:"),
        (showing.see_move, "if loaded.metadata_only:", "if False:"),
        (showing.see_danger, "if loaded.metadata_only:", "if False:"),
    )),
    (_own_case("cases.copies", "cases.revoke"), (
        (case_files_service.see_copies, "if not may_see_copies(loaded):", "if False:"),
        (case_files_service.may_see_copies, "if _of_context(loaded):", "if True:"),
        (case_files_service.revoke, "(one.document, one.copy) == (document, copy)", "True"),
        (case_files_service._of_context, "(role.head or role.oversees)", "True"),
    )),
    (_own_case("cases.remarks", "cases.remark", "cases.settle_remark", "cases.review_sheet"), (
        (remarks._meant, "if found not in readable(loaded, document):", "if False:"),
    )),
    (_own_case("cases.names", "cases.end_opened", "cases.door"), (
        (emergency_access._check, "if not may_lift(loaded):", "if False:"),
        (emergency_access.may_lift, "loaded.pseudonymised and ", ""),
        (emergency_access.may_lift, "and not loaded.metadata_only", ""),
        (emergency_access.end_access, "if one.account == actor.id", ""),
        (emergency_access.end_access, "if one.seq == opened", ""),
        (emergency_access._door, "if one.seq == seq", ""),
        (emergency_access._door, " or loaded.metadata_only", ""),
        (emergency_access.review, "if role is None:", "if False:"),
        (emergency_access.reviewing_role, "reviewers(loaded.protocol)", "loaded.roles"),
        (emergency_access.reviewing_role, "reviewers(loaded.protocol)", "()"),
    )),
    (_nested, (
        (showing.see_record, "loaded.case.written(seq)", "loaded.case.records[0]"),
    )),
    (_own_case("cases.open_file", "cases.evidence_file", "cases.removal"), (
        (AtHand.opening_role, "self.rules.originals if original else ", ""),
        (AtHand._role, "role_for(self.loaded.protocol, allowed, self.loaded.roles)", "'head'"),
    )),
    (_own_case("cases.rights", "cases.retention"), (
        (data_rights.agrees, "keeping or _roles(loaded.protocol, metadata=False)", "loaded.roles"),
        (holds._role, "if supervises(role)", ""),
    )),
    (lambda matrix: matrix.registers(), (
        (referral_repository.page_of_referrals, "where_visible(scope, today), ", ""),
        (referral_repository._places, "yield _Row.province == clause.place", "yield from ()"),
        (referral_repository._ways, "for clause in scope.clauses:", "for clause in ():"),
        (referral_register._scope, ".of_content()", ""),
        (visibility.Scope.of_content, "if not clause.metadata", ""),
        (permissions.may, "clause.reach is not Reach.seat", "True"),
    )),
    (lambda matrix: matrix.knocks(["referrals.index"]), (
        (permissions.may, "return any", "return True or any"),
    )),
    (lambda matrix: matrix.queues(), (
        (supervision_repository._legs, "in_sight, ", ""),
        (supervision_repository._legs, "and_(CaseReviewRow.role == role, place == unit)",
         "and_(CaseReviewRow.role == role)"),
        (supervision_repository._is_told, "row.shown_from <= asker.now", "row.shown_from > asker.now"),
        (permissions.posts_with, " if held.role in roles", ""),
    )),
    (_own_case("review.conformance"), (
        (review.see_conformance, "if loaded.metadata_only:", "if False:"),
    )),
    (_own_case("review.observe", "review.send", "review.end", "review.refuse"), (
        (review_lines.review_line, "is_acting and role_for(loaded.protocol, review.by,", "True or (review.by,"),
        (review.reviewing_role, "if role is None:", "if False:"),
        (review.ask_review, "if role is None:", "if False:"),
        (review.see_refusal, "if not choice.is_open:", "if False:"),
        (review._decided, "if not any(", "if False and any("),
    )),
    (lambda matrix: matrix.knocks(["desk.search", "protocols.index", "staff.index", "team.index", "reports.new"]), (
        (endpoint_guard._knock, "if not is_granted(actor, permission):", "if False:"),
        (loading.sees_no_case, "return not by_role and", "return False and"),
    )),
    # what is somebody's own
    (_owned, (
        (intake.receipt_line, "header.reporter != actor.id or ", ""),
        (bulk._own, "if found.account != actor.id:", "if False:"),
    )),
    # places, and who publishes
    (_schools, (
        (teams.place_of, "raise Unseen(school)", "return places(ctx, actor)[0]"),
    )),
    (_publishing, (
        (permissions.may, "return is_of_realm and ", "return True or "),
    )),
    (lambda matrix: matrix.others(["cases.emergency"]), (
        (emergency_access.may_try, "return any", "return True or any"),
        (emergency_access.may_try, "sight.role in held and ", ""),
        (emergency_access.may_try, " and visibility.is_in_chain(sight)", ""),
    )),
    # emergencies, as they are asked for by their form
    (lambda matrix: matrix.emergencies(), (
        (emergency_access.opening, "if visibility.may_see(scope, place):", "if None:"),
        (emergency_access.opening, "if visibility.may_break(scope, place, chain):", "if True and chain:"),
        (emergency_access.opening, "chain = visibility.chain(actor, ctx.library.sights(), place)",
         "chain = ('directorate',)"),
    )),
    # who left at once, or whose appointment was withdrawn
    (_left, (
        (auth_repository._current, ", not_withdrawn()", ""),
        (auth_repository.not_withdrawn, "changes.appointment == _POSTS.id, ", "false(), "),
        (visibility._admits, " and place.number not in clause.without", ""),
        (visibility.visible, "without=actor.left", ""),
        (index_repository._reached, "if clause.without else seated", "if False else seated"),
        (index_repository._seated, ", current)", ")"),
        (index_repository.IndexSeat.is_held, "today <= self.until", "True"),
        (actors.roles_of, " if role in protocol.roles]", "]"),
        (actors.roles_of, "case.number in actor.left or ", ""),
        (actors.roles_of, "shut = case.number in actor.left or not actor.appointments", "shut = False"),
    )),
    # copies of many cases, a leaver's seats, cases that nobody carries
    (_many, (
        (case_files_repository.choose, "where_visible(scope, today), ", ""),
        (case_files_repository.counts, "query = _among(query, seen)", "pass"),
        (case_files_repository.cases_of, ", seen)", ", None)"),
        (case_files_repository._among, ".where(where_visible(seen.scope, seen.today))", ""),
        (case_files_repository._among, ", same)", ", CaseIndexRow.case_id.is_not(None))"),
        (case_files_repository._among, "if seen is None:", "if True:"),
        (bulk.see_job, "repository.counts(session, job_id, seen)", "repository.counts(session, job_id)"),
        (bulk.see_job, ", seen=seen", ""),
        (prepared._batches, ", seen=seen", ""),
        (lookup_repository._open_cases, "if scope is not None:", "if False:"),
        (lookup_repository._open_cases, "where.append(where_visible(scope, today))", "pass"),
        (lookup_repository._open_cases, ", CaseIndexRow.unit.in_(units)]", "]"),
        (lookup_repository._open_cases, "CaseSeatRow.account.in_(held_by), ", ""),
        (lookup_repository._open_cases, "if held_by is not None:", "if False:"),
        (lookup_repository._is_held, "CaseSeatRow.until >= today", "CaseSeatRow.until < today"),
        (handing_over._held, "scope = scope_of(ctx, actor).of_content()", "scope = None"),
        (handing_over._of_units, "scope_of(ctx, actor).of_content()", "None"),
        (handing_over.see_overseen, "if place.oversees", "if True"),
    )),
    # ways in, printed for others
    (_codes, (
        (auth_service.helped, "or found.id == by.id ", ""),
        (auth_service.helped, "if not all(_administers(by, roles, post, units[post.unit]) for post in posts):",
         "if False:"),
        (auth_service._administers, "held.unit in (unit.id, *unit.parents)", "True"),
        (auth_service._administers, "held.unit == unit.id and ", ""),
        (auth_service._administers, "own.oversees and held.unit in unit.parents", "own.oversees"),
        (auth_service.refuse_if_apart, "if not apart:", "if True:"),
        (auth_service.refuse_if_apart, "account in one.seated or read & one.places", "False"),
        (lookup_repository.excluded_from, ".where(CaseExclusionRow.account == account)", ""),
    )),
    # what other systems read, by token
    (_by_token, (
        (index_repository.by_number, "where_visible(scope, today),", ""),
        (index_repository.by_number, "*(_not_excluded(account) for account in sorted(apart)),", ""),
        (tokens._clauses, "unit.id, role=role.key", "unit.id, sees_restricted=True"),
        (tokens._clauses, "PLACES[unit.kind][1], unit.id", "Reach.region, (*unit.parents, unit.id)[0]"),
        (tokens.overseeing, "if copy_for(protocol, role.key) is not None", "if False"),
        (api_service._good, "token is None or not token.is_good(today_for(ctx))", "token is None"),
        (api_service.admit, "has_right = right in token.granted", "has_right = True"),
        (api_service.admit, "if not has_right:\n        raise", "if False:\n        raise"),
        (api_service._apart, "if one.role in roles", "if False"),
        (api_service.admit, "_answered_for(ctx, session, token)", "pass"),
        (api_service._answered_for, 'raise UnknownToken("token")', "return"),
        (api_service._answered_for, " and one.role in asking", ""),
        (api_service._answered_for, " and one.role in agreeing", ""),
        (api_service._answered_for, "one.account.id == token.asked_by and ", ""),
        (api_service._answered_for, "one.account.id == token.agreed_by and ", ""),
        (api_service._answered_for, "if one.account.id == token.asked_by", "if False"),
        (api_service._answered_for, "if one.account.id == token.agreed_by", "if False"),
        (api_service._answered_for, "[unit.id, *unit.parents]", "[unit.id]"),
        (ApiTokenRow.is_good, "self.ended_at is None and ", ""),
        (ApiTokenRow.is_good, " and day <= self.ends", ""),
        (api_repository.hashed_as, ".where(ApiTokenRow.hashed == _kept(hashed))", ""),
    )),
    (_going_live, (
        (going_live._post, "permissions.posts_with(ctx, actor, Permission.administer)", "actor.appointments"),
        (going_live._post, " if one.unit in tops", ""),
    )),
    (_systems, (
        (tokens._keeper, "permissions.posts_with(ctx, actor, Permission.administer)", "actor.appointments"),
        (tokens._keeper, "if one.role in over", ""),
    )),
    # what a case asks of other schools, and what they tell
    (_shared, (
        (lookup_repository._waiting, "_Row.place == unit, ", ""),
        (lookup_repository._waiting, ", _Row.role == role)", ")"),
        (lookup_repository._waiting, "or_(*held), ", ""),
        (lookup_repository._waiting, "or_(*held), ", "and_(*held), "),
        (lookup_repository._waiting, "_Row.place == account, ", "_Row.place == '', "),
        (lookup_repository._waiting, ', _Row.shown_from <= bindparam("now")', ""),
        (lookup_repository._waiting, ", not_(shut.correlate(_Row))", ""),
        (lookup_repository._waiting, ", CaseExclusionRow.account == account", ""),
        (lookup_repository._waiting, "CaseExclusionRow.case_id == _Row.case_id, ", ""),
        (lookup_repository._waiting, 'query.where(CaseIndexRow.number == bindparam("number"))', "query"),
        (lookup_repository._waiting, 'query.where(_Row.seq == bindparam("seq"))', "query"),
        (sharing.may_answer, "return _has_office(ctx, actor) or bool", "return True or bool"),
        (sharing.may_answer, " or bool(waiting_for(ctx, actor))", ""),
        (sharing._may_answer, "role in act.by or ", ""),
        (sharing._may_answer, " or (heads and not seats.isdisjoint(act.by))", ""),
        (sharing._may_answer, "(heads and ", "("),
        (sharing._known, "if held or ", "if True or "),
        (sharing._known, " or _is_named(load_by_id(ctx, session, actor, one.case_id), one.seq)", ""),
        (sharing.lines_of, "loaded.metadata_only or ", ""),
        (sharing.lines_of, " or not _reads_all_sides(loaded)", ""),
        (sharing._contributions_line, "row is None or row.restricted or ", "row is None or "),
        (sharing._contributions_line, " or loaded.actor.id in row.exclusions", ""),
        (sharing._reads_all_sides, "return all(", "return False and all("),
        (sharing.see_contribution, "load(ctx, session, actor, number, reading=True)",
         "load_by_id(ctx, session, actor, cases.find_by_number(session, number) or '')"),
    )),
    # teams, visits to them, nights on duty
    (_visits, (
        (permissions.posts_with, "in roles", "not in (roles & set())"),
        (permissions.roles_with, "BY_ROLE[asked]",
         "BY_ROLE[Permission.keep_roster if asked is Permission.see_teams else asked]"),
        (permissions.roles_with, "BY_ROLE[asked]",
         "BY_ROLE[Permission.see_teams if asked is Permission.see_visits else asked]"),
        (regional_teams._own, " if role.head or role.sees is ScopeKind.unit)", ")"),
        (regional_teams._own, " or role.sees is ScopeKind.unit", ""),
        (regional_teams.Looker.reaches, "return not", "return True or not"),
        (regional_teams.Looker.reaches, "*unit.parents", ""),
        (regional_teams.Looker.sees_cases, "return any", "return True or any"),
        (regional_teams.Looker.visiting, "if role.visits and post.unit in within", "if False"),
        (regional_teams.sight_of, " or unit.kind is not UnitKind.school", ""),
        (regional_teams.sight_of, "if post.unit == unit.id", "if True"),
        (regional_teams.sight_of, " and looker.reaches(unit)", ""),
        (regional_teams.sight_of, "if own is None:", "if False:"),
        (regional_teams.place_below, " or not looker.reaches(unit)", ""),
        (visit_service._of_school, "if found.unit != sight.unit.id:", "if False:"),
        (supervision_repository.page_of_visits, "VisitEntryRow.unit.in_(people_repository.below(units))",
         "VisitEntryRow.unit.is_not(None)"),
        (permissions.roles_with, " if BY_ROLE[asked](*known)", ""),
        (roster._place, 'if code in ("", units[post.unit].code):', "if True:"),
        (roster.withdraw, "if found.unit != unit.id:", "if False:"),
    )),
    # what falls to a reporter, by the report alone
    (_owned, (
        (intake.see_receipt_act, "header.reporter != actor.id or ", ""),
        (intake.see_receipt_act, "if declared is None:", "if False:"),
        (intake._own_dangers, "if life.by == loaded.actor.id", ""),
    )),
)  # fmt: skip
