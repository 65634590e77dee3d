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

from may.matrix import Matrix
from may.world import COMING, FORMER
from school_protocol.domain import acting, policy
from school_protocol.domain.policy import Permission
from school_protocol.services import desk, first_minutes, loading, receipts, showing
from school_protocol.services.api import reading as api_reading
from school_protocol.services.api import sight as api_sight
from school_protocol.services.api import tokens as api_tokens
from school_protocol.services.evidence.at_hand import AtHand
from school_protocol.services.going_live import signing as going_signing
from school_protocol.services.identity import administering
from school_protocol.services.papers import bulk, bulk_files, remarks, revoking
from school_protocol.services.protocols import publishing
from school_protocol.services.referrals import seeing
from school_protocol.services.retention import holds, rights
from school_protocol.services.review import asking as reviewing
from school_protocol.services.review import conforming, queueing, refusing
from school_protocol.services.review import lines as review_lines
from school_protocol.services.seeing import Seeing
from school_protocol.services.sharing import answering, contributions
from school_protocol.services.sight import asking, breaking, lifting, who_sees
from school_protocol.services.teams import leaving, orphans, team
from school_protocol.services.visits import reach, roster, visiting
from school_protocol.storage import bulk as bulk_rows
from school_protocol.storage import directory, index, seats, sight
from school_protocol.storage.api import tokens as stored_tokens
from school_protocol.storage.referrals import register
from school_protocol.storage.review import queue
from school_protocol.storage.sharing import requests
from school_protocol.storage.visits import visits as stored_visits
from school_protocol.web import access

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
    for endpoint, permission in access.PERMISSIONS.items():
        other = Permission.signed_in if permission is Permission.anyone else Permission.anyone
        yield Fault(f"{endpoint} asks {other}", _cell(endpoint, other), _of_door(endpoint))
        yield Fault(f"{endpoint} is not in the table", _cell(endpoint, None), _of_door(endpoint))


def _cell(endpoint: str, permission: Permission | None) -> Callable[[], Any]:
    @contextmanager
    def planted() -> Iterator[None]:
        table = cast("MutableMapping[str, Permission]", access.PERMISSIONS)
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
# services ask again (`receipts.record_from_receipt`, `breaking.break_door`, `publishing.check_may`, behind
# `desk.may_report`), and what whoever reads signs is refused for want of a role (`AtHand.is_readable`,
# `rights.asks`), or because no file is there (`piece_at`). Nor what is asked twice on the way to an answer: whose the
# seat is by which something is answered (`requests._open_to`, behind `answering._known`), and at whose team
# somebody looks, by what post they visit it, and whose nights they keep (`reach.may_see_visits`, `reach.may_visit`,
# `roster.may_keep`, before each page); and what the index says of a case that a token reads (`reading._find`, before
# `reading._load`, by its events).

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
    before = plain.__code__
    plain.__code__ = made[plain.__name__].__code__
    _forget()
    try:
        yield
    finally:
        plain.__code__ = before
        _forget()


def _forget() -> None:
    """Statements that were written before are written anew."""
    for one in (*vars(index).values(), *vars(directory).values()):
        if hasattr(one, "cache_clear"):
            one.cache_clear()


def _plain(function: Any) -> Any:
    """The function behind a property, a method, or what it answered before."""
    if hasattr(function, "cache_clear"):
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
        (policy.may_see, "is_named(scope, place) or bool(ways_in(scope, place))", "True"),
        (policy.may_see, "is_named(scope, place) or bool(ways_in(scope, place))", "False"),
        (policy.is_named, "return named and not is_excluded(scope, place)", "return True"),
        (policy.is_named, "return named and not is_excluded(scope, place)", "return False"),
        (policy.is_named, " and _answers(scope, place)", ""),
        (policy.ways_in, "if is_excluded(scope, place)", "if False"),
        (policy.ways_in, "if _admits(clause, scope.account, place)", ""),
        (policy.is_excluded, "scope.account in place.excluded", "False"),
        (policy._admits, "clause.protocol != place.protocol or ", ""),
        (policy._admits, "place.restricted and not clause.sees_restricted", "False"),
        (policy._admits, "not clause.sees_restricted", "True"),
        (policy._admits, "clause.only_team_states and not place.team_sees", "False"),
        (policy._admits, "account in place.seats", "True"),
        (policy._admits, "account in place.seats", "False"),
        (policy._admits, "return clause.place == place.unit\n", "return True\n"),
        (policy._admits, "return clause.place == place.unit\n", "return False\n"),
        (policy._admits, "return clause.place == place.province", "return False"),
        (policy._admits, "return clause.place == place.region", "return False"),
        (policy._admits, "clause.place in (place.province, place.region)", "False"),
        (policy._admits, "(clause.place == place.unit and not place.restricted)", "False"),
        (policy._admits, " and not place.restricted)", ")"),
        (policy.Reader.admits, "self.account != scope.account", "False"),
        (policy.Reader.admits, "scope.now is not None and scope.now < self.until", "True"),
        (policy.Reader.admits, "scope.now < self.until", "scope.now > self.until"),
        (policy.may_break, "not is_excluded(scope, place) and ", ""),
        (policy.may_break, "not may_see(scope, place) and ", ""),
        (policy.may_break, "any(chain)", "True"),
        (policy.may_break, "any(chain)", "False"),
        (policy.chain, "sight.protocol == place.protocol and ", ""),
        (policy.chain, " and is_in_chain(sight)", " and sight.sees != 'none'"),
        (policy.chain, "if one.role in actor.roles_in([above[_CHAIN[one.sees]]])", ""),
        (policy.Actor.roles_in, "if held.unit in wanted", ""),
        (breaking.opening, "if policy.may_see(scope, place):", "if False:"),
        (breaking.opening, "if policy.may_break(scope, place, chain):", "if chain:"),
        (breaking._answers_for_schools, "return any", "return True or any"),
        (breaking.reviews_waiting, "replace(scope_of(house, actor), now=None)", "scope_of(house, actor)"),
        (sight.waiting, ", where_visible(scope.of_content(), today))", ")"),
        (sight.waiting, "DoorReviewRow.account != scope.account, ", ""),
        (who_sees.see_sight, "if not limited or _is_for_limited(loaded, line)", "if False"),
        (who_sees.see_sight, "if knows else None", ""),
        (who_sees._lines, "if clauses or named:", "if True:"),
        (who_sees._readings, "loaded.actor.id if own else None", "None"),
        (who_sees._is_limited, "return is_side_bound", "return not is_side_bound"),
        (asking.may_know_exclusions, "return bool(forms) and all", "return True or all"),
        (asking.is_side_bound, "return bool(known) and all", "return False and all"),
    )),
    # what a role makes of a place
    (_lists, (
        (policy.visible, "if actor.appointments:", "if False:"),
        (policy.visible, "if actor.appointments:", "if True:"),
        (policy.visible, "clauses.extend(_clauses(sight, held))", "pass"),
        (policy._clauses, "only_team_states=True", "only_team_states=False"),
        (policy._clauses, "yield Clause(sight.protocol, Reach.unit, held.unit, role=sight.role)", "return"),
        (policy._clauses, "Reach.province, held.unit, sees_restricted=sight.oversees", "Reach.province, held.unit"),
        (policy._clauses, "Reach.region, held.unit, sees_restricted=sight.oversees",
         "Reach.region, held.unit, sees_restricted=True"),
        (policy._clauses, "Reach.province, held.unit", "Reach.region, held.unit"),
        (policy._clauses, "sees_restricted=True, metadata=True", "metadata=True"),
        (policy._clauses, "metadata=True", "metadata=False"),
    )),
    # the scope as a WHERE
    (_lists, (
        (index._visible, "_not_excluded(scope.account), ", ""),
        (index._visible, "or_(*_ways(scope, today))", TRUE),
        (index._visible, "or_(*_ways(scope, today))", "and_(*_ways(scope, today))"),
        (index._not_excluded, "return not_(excluded.correlate(CaseIndexRow))", f"return {TRUE}"),
        (index._not_excluded, ", CaseExclusionRow.account == account", ""),
        (index._not_excluded, "CaseExclusionRow.case_id == CaseIndexRow.case_id, ", ""),
        (index._admitted, "CaseIndexRow.protocol == clause.protocol, ", ""),
        (index._admitted, "if not clause.sees_restricted", "if False"),
        (index._admitted, "if not clause.sees_restricted", "if True"),
        (index._admitted, "if clause.only_team_states", "if False"),
        (index._admitted, "if clause.only_team_states", "if True"),
        (index._admitted, "return and_(*conditions)", "return or_(*conditions)"),
        (index._reached, "return CaseIndexRow.unit == clause.place", f"return {TRUE}"),
        (index._reached, "return CaseIndexRow.province == clause.place", f"return {TRUE}"),
        (index._reached, "return CaseIndexRow.region == clause.place", f"return {TRUE}"),
        (index._reached, "seated = CaseIndexRow.case_id.in_(_seated(account, today))", f"seated = {TRUE}"),
        (index._reached, "CaseIndexRow.case_id.in_(_seated(account, today))", "false()"),
        (index._reached, "and_(CaseIndexRow.unit == clause.place, CaseIndexRow.restricted.is_(False))", TRUE),
        (index._reached, "and_(CaseIndexRow.unit == clause.place, CaseIndexRow.restricted.is_(False))", "false()"),
        (index._reached, ", CaseIndexRow.restricted.is_(False)", ""),
        (index._seated, "CaseSeatRow.account == account, ", ""),
        (index._ways, "*_named(scope), ", f"{TRUE}, "),
        (index._ways, "*_opened(scope), ", ""),
        (index._named, "CaseReaderRow.account == scope.account, ", ""),
        (index._named, ", CaseReaderRow.until.is_(None)", ""),
        (index._opened, "CaseReaderRow.account == scope.account, ", ""),
        (index._opened, ", CaseReaderRow.until > scope.now", ""),
        (index._opened, ", or_(*above)", ""),
        (index._opened, "CaseReaderRow.until > scope.now", "CaseReaderRow.until < scope.now"),
        (index._places, "narrowed = [_not_excluded(scope.account), ", "narrowed = ["),
        (index._places, "for way in _ways(scope, today)", f"for way in [{TRUE}]"),
        (index._one, ", where_visible(scope, today)", ""),
        (index.by_mark, "where_visible(scope, today), ", ""),
        (index.by_mark, ", CaseIndexRow.case_id.in_(marked)", ""),
        (desk.find_by_pupil, "scope_of(house, actor).in_school()", "scope_of(house, actor)"),
        (desk.find_by_pupil, "scope_of(house, actor).in_school()", "scope_of(house, actor).of_content()"),
        (loading.scope_of, "house.now()", "None"),
    )),
    # whose role it is, on which day
    (_out_of_time, (
        (directory._appointments, '*_current(bindparam("today", type_=Date()))', "_POSTS.id.is_not(None)"),
        (directory._current, "return _POSTS.starts <= today, in_time,", "return in_time,"),
        (directory._current, "<= today, in_time,", "<= today,"),
    )),
    # loading
    (_told, (
        (loading.load, "if not loaded.roles or not policy", "if not policy"),
        (loading.load, "reading=reading", "reading=False"),
        (loading.load, "reading=reading", "reading=True"),
        (loading.load_by_id, "if reading and not loaded.roles:", "if False:"),
        (loading.load_by_id, "if reading and loaded.pseudonymised and not loaded.metadata_only:", "if False:"),
        (loading.load_by_id, "if reading and loaded.pseudonymised", "if loaded.pseudonymised"),
        (loading.load_by_id, "(loaded.lifting or not loaded.pseudonymised)", "True"),
        (loading.load_by_id, "(loaded.lifting or not loaded.pseudonymised)", "not loaded.pseudonymised"),
        (lifting.may_lift, "loaded.door is None and ", ""),
    )),
    (_words, (
        (loading.Loaded.pseudonymised, "return all(", "return False and all("),
        (loading.sees_pseudonyms, "declared.pseudonymised or ", ""),
        (acting.roles_of, "if case.restricted_seq is not None", "if False"),
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
        (first_minutes.see_danger, "if loaded.metadata_only:", "if False:"),
    )),
    (_own_case("cases.copies", "cases.revoke"), (
        (revoking.see_copies, "if not may_see_copies(loaded):", "if False:"),
        (revoking.may_see_copies, "if _of_the_house(loaded):", "if True:"),
        (revoking._issued, "(one.document, one.copy) == (document, copy)", "True"),
        (revoking._of_the_house, "(role.head or role.oversees)", "True"),
    )),
    (_own_case("cases.remarks", "cases.remark", "cases.settle_remark", "cases.review_sheet"), (
        (remarks._meant, "if found not in readable(loaded, document):", "if False:"),
    )),
    (_own_case("cases.names", "cases.end_opened", "cases.door"), (
        (lifting._check, "if not may_lift(loaded):", "if False:"),
        (lifting.may_lift, "loaded.pseudonymised and ", ""),
        (lifting.may_lift, "and not loaded.metadata_only", ""),
        (lifting.end, "if one.account == actor.id", ""),
        (lifting.end, "if one.seq == opened", ""),
        (breaking._door, "if one.seq == seq", ""),
        (breaking._door, " or loaded.metadata_only", ""),
        (breaking.review, "if role is None:", "if False:"),
        (breaking.reviewing_role, "reviewers(loaded.protocol)", "loaded.roles"),
        (breaking.reviewing_role, "reviewers(loaded.protocol)", "()"),
    )),
    (_nested, (
        (showing.see_record, "loaded.case.written(seq)", "loaded.case.records[0]"),
    )),
    (_own_case("cases.open_file", "cases.evidence_file", "cases.removal"), (
        (AtHand.opening_role, "self.rules.originals if original else ", ""),
        (AtHand._role, "role_for(self.loaded.protocol, allowed, self.loaded.roles)", "'head'"),
    )),
    (_own_case("cases.rights", "cases.retention"), (
        (rights.agrees, "keeping or _roles(loaded.protocol, metadata=False)", "loaded.roles"),
        (holds._role, "if supervises(role)", ""),
    )),
    (lambda matrix: matrix.registers(), (
        (register.page, "where_visible(scope, today), ", ""),
        (register._places, "yield _Row.province == clause.place", "yield from ()"),
        (register._ways, "for clause in scope.clauses:", "for clause in ():"),
        (seeing._scope, ".of_content()", ""),
        (policy.Scope.of_content, "if not clause.metadata", ""),
        (seeing.may_see_register, "clause.reach is not Reach.seat", "True"),
    )),
    (lambda matrix: matrix.knocks(["referrals.index"]), (
        (seeing.may_see_register, "return any", "return True or any"),
    )),
    (lambda matrix: matrix.queues(), (
        (queue._legs, "in_sight, ", ""),
        (queue._legs, "and_(CaseReviewRow.role == role, place == unit)", "and_(CaseReviewRow.role == role)"),
        (queue._is_told, "row.shown_from <= asker.now", "row.shown_from > asker.now"),
        (queueing.may_review, "and not held.isdisjoint(one.review.by)", ""),
    )),
    (_own_case("review.conformance"), (
        (conforming.see_conformance, "if loaded.metadata_only:", "if False:"),
    )),
    (_own_case("review.observe", "review.send", "review.end", "review.refuse"), (
        (review_lines.review_line, "is_acting and role_for(loaded.protocol, review.by,", "True or (review.by,"),
        (reviewing.reviewing_role, "if role is None:", "if False:"),
        (reviewing.ask, "if role is None:", "if False:"),
        (refusing.see_refusal, "if not choice.is_open:", "if False:"),
        (refusing._decided, "if not any(", "if False and any("),
    )),
    (lambda matrix: matrix.knocks(["desk.search", "protocols.index", "staff.index", "team.index", "reports.new"]), (
        (access._knock, "if knocks is not None and not knocks(sessions.house(), actor):", "if False:"),
        (desk.sees_no_case, "return not by_role and", "return False and"),
    )),
    # what is somebody's own
    (_owned, (
        (receipts.receipt_line, "header.reporter != actor.id or ", ""),
        (bulk._own, "if found.account != actor.id:", "if False:"),
    )),
    # places, and who publishes
    (_schools, (
        (team.place_of, "raise Unseen(school)", "return places(house, actor)[0]"),
    )),
    (_publishing, (
        (publishing.may_publish, "return ", "return True or "),
    )),
    (lambda matrix: matrix.others(["cases.emergency"]), (
        (breaking.may_try, "return any", "return True or any"),
        (breaking.may_try, "sight.role in held and ", ""),
        (breaking.may_try, " and policy.is_in_chain(sight)", ""),
    )),
    # emergencies, as they are asked for by their form
    (lambda matrix: matrix.emergencies(), (
        (breaking.opening, "if policy.may_see(scope, place):", "if None:"),
        (breaking.opening, "if policy.may_break(scope, place, chain):", "if True and chain:"),
        (breaking.opening, "chain = policy.chain(actor, house.library.sights(), place)", "chain = ('directorate',)"),
    )),
    # who left at once, or whose appointment was withdrawn
    (_left, (
        (directory._current, ", not_withdrawn()", ""),
        (directory.not_withdrawn, "changes.appointment == _POSTS.id, ", "false(), "),
        (policy._admits, " and place.number not in clause.without", ""),
        (policy.visible, "without=actor.left", ""),
        (index._reached, "if clause.without else seated", "if False else seated"),
        (index._seated, ", current)", ")"),
        (index.Seat.is_held, "today <= self.until", "True"),
        (acting.roles_of, " if role in protocol.roles]", "]"),
        (acting.roles_of, "case.number in actor.left or ", ""),
        (acting.roles_of, "shut = case.number in actor.left or not actor.appointments", "shut = False"),
    )),
    # copies of many cases, a leaver's seats, cases that nobody carries
    (_many, (
        (bulk_rows.choose, "where_visible(scope, today), ", ""),
        (bulk_rows.counts, "query = _among(query, seen)", "pass"),
        (bulk_rows.cases_of, ", seen)", ", None)"),
        (bulk_rows._among, ".where(where_visible(seen.scope, seen.today))", ""),
        (bulk_rows._among, ", same)", ", CaseIndexRow.case_id.is_not(None))"),
        (bulk_rows._among, "if seen is None:", "if True:"),
        (bulk.see_job, "bulk.counts(session, job_id, seen)", "bulk.counts(session, job_id)"),
        (bulk.see_job, ", seen=seen", ""),
        (bulk_files._batches, ", seen=seen", ""),
        (seats.open_cases, "if scope is not None:", "if False:"),
        (seats.open_cases, "where.append(where_visible(scope, today))", "pass"),
        (seats.open_cases, ", CaseIndexRow.unit.in_(units)]", "]"),
        (seats.open_cases, "CaseSeatRow.account.in_(held_by), ", ""),
        (seats.open_cases, "if held_by is not None:", "if False:"),
        (seats._is_held, "CaseSeatRow.until >= today", "CaseSeatRow.until < today"),
        (leaving._held, "scope = scope_of(house, actor).of_content()", "scope = None"),
        (orphans._of_units, "scope_of(house, actor).of_content()", "None"),
        (orphans.see_overseen, "if place.oversees", "if True"),
    )),
    # ways in, printed for others
    (_codes, (
        (administering.helped, "or found.id == by.id ", ""),
        (administering.helped, "if not all(_administers(by, roles, post, units[post.unit]) for post in posts):",
         "if False:"),
        (administering._administers, "held.unit in (unit.id, *unit.parents)", "True"),
        (administering._administers, "held.unit == unit.id and ", ""),
        (administering._administers, "own.oversees and held.unit in unit.parents", "own.oversees"),
        (administering.refuse_if_apart, "if not apart:", "if True:"),
        (administering.refuse_if_apart, "account in one.seated or read & one.places", "False"),
        (seats.excluded_from, ".where(CaseExclusionRow.account == account)", ""),
    )),
    # what other systems read, by token
    (_by_token, (
        (index.by_number, "where_visible(scope, today),", ""),
        (index.by_number, "*(_not_excluded(account) for account in sorted(apart)),", ""),
        (api_sight._clauses, "unit.id, role=role.key", "unit.id, sees_restricted=True"),
        (api_sight._clauses, "PLACES[unit.kind][1], unit.id", "Reach.region, (*unit.parents, unit.id)[0]"),
        (api_sight.overseeing, "if copy_for(protocol, role.key) is not None", "if False"),
        (api_reading._good, "token is None or not token.is_good(today_for(house))", "token is None"),
        (api_reading.admit, "has_right = right in token.rights", "has_right = True"),
        (api_reading.admit, "if not has_right:\n        raise", "if False:\n        raise"),
        (api_reading._apart, "if one.role in roles", "if False"),
        (api_reading.admit, "_answered_for(house, session, token)", "pass"),
        (api_reading._answered_for, 'raise UnknownToken("token")', "return"),
        (api_reading._answered_for, " and one.role in asking", ""),
        (api_reading._answered_for, " and one.role in agreeing", ""),
        (api_reading._answered_for, "one.account.id == token.asked_by and ", ""),
        (api_reading._answered_for, "one.account.id == token.agreed_by and ", ""),
        (api_reading._answered_for, "if one.account.id == token.asked_by", "if False"),
        (api_reading._answered_for, "if one.account.id == token.agreed_by", "if False"),
        (api_reading._answered_for, "[unit.id, *unit.parents]", "[unit.id]"),
        (stored_tokens.Token.is_good, "self.ended_at is None and ", ""),
        (stored_tokens.Token.is_good, " and day <= self.ends", ""),
        (stored_tokens.hashed_as, ".where(ApiTokenRow.hashed == _kept(hashed))", ""),
    )),
    (_going_live, (
        (going_signing._post, " and known[one.role][1].administers", ""),
        (going_signing._post, " if one.unit in tops", ""),
    )),
    (_systems, (
        (api_tokens._keeper, " and known[one.role][1].administers", ""),
        (api_tokens._keeper, "if one.role in over", ""),
    )),
    # what a case asks of other schools, and what they tell
    (_shared, (
        (requests._open_to, "_Row.place == unit, ", ""),
        (requests._open_to, ", _Row.role == role)", ")"),
        (requests._open_to, "or_(*held), ", ""),
        (requests._open_to, "or_(*held), ", "and_(*held), "),
        (requests._open_to, "_Row.place == asker.account, ", "_Row.place == '', "),
        (requests._open_to, ", _Row.shown_from <= asker.now", ""),
        (requests._open_to, ", not_(shut.correlate(_Row))", ""),
        (requests._open_to, ", CaseExclusionRow.account == asker.account", ""),
        (requests._open_to, "CaseExclusionRow.case_id == _Row.case_id, ", ""),
        (requests.waiting, "query.where(CaseIndexRow.number == number)", "query"),
        (requests.waiting, "query.where(_Row.seq == seq)", "query"),
        (answering.may_answer, "return _has_office(house, actor) or bool", "return True or bool"),
        (answering.may_answer, " or bool(waiting_for(house, actor))", ""),
        (answering._may_answer, "role in act.by or ", ""),
        (answering._may_answer, " or (heads and not seats.isdisjoint(act.by))", ""),
        (answering._may_answer, "(heads and ", "("),
        (answering._known, "if held or ", "if True or "),
        (answering._known, " or _is_named(load_by_id(house, session, actor, one.case_id), one.seq)", ""),
        (contributions.lines_of, "loaded.metadata_only or ", ""),
        (contributions.lines_of, " or not _reads_all_sides(loaded)", ""),
        (contributions._line, "row is None or row.restricted or ", "row is None or "),
        (contributions._line, " or loaded.actor.id in row.exclusions", ""),
        (contributions._reads_all_sides, "return all(", "return False and all("),
        (contributions.see_contribution, "load(house, session, actor, number, reading=True)",
         "load_by_id(house, session, actor, cases.find_by_number(session, number) or '')"),
    )),
    # teams, visits to them, nights on duty
    (_visits, (
        (reach.may_look, "return bool", "return True or bool"),
        (reach.may_see_visits, " or bool(_own(house, actor))", ""),
        (reach._posts, " if role.visits or role.sees in _ABOVE)", ")"),
        (reach._posts, "role.visits or ", ""),
        (reach._own, " if role.head or role.sees is ScopeKind.unit)", ")"),
        (reach._own, " or role.sees is ScopeKind.unit", ""),
        (reach.Looker.reaches, "return not", "return True or not"),
        (reach.Looker.reaches, "*unit.parents", ""),
        (reach.Looker.sees_cases, "return any", "return True or any"),
        (reach.Looker.visiting, "if role.visits and post.unit in within", "if False"),
        (reach.sight_of, " or unit.kind is not UnitKind.school", ""),
        (reach.sight_of, "if post.unit == unit.id", "if True"),
        (reach.sight_of, " and looker.reaches(unit)", ""),
        (reach.sight_of, "if own is None:", "if False:"),
        (reach.place_below, " or not looker.reaches(unit)", ""),
        (visiting._of_school, "if found.unit != sight.unit.id:", "if False:"),
        (stored_visits.page, "VisitEntryRow.unit.in_(staff.below(units))", "VisitEntryRow.unit.is_not(None)"),
        (roster._posts, " and known[one.role][1].sees in _ABOVE", ""),
        (roster._place, 'if code in ("", units[post.unit].code):', "if True:"),
        (roster.withdraw, "if found.unit != unit.id:", "if False:"),
    )),
    # what falls to a reporter, by the report alone
    (_owned, (
        (receipts.see_receipt_act, "header.reporter != actor.id or ", ""),
        (receipts.see_receipt_act, "if declared is None:", "if False:"),
        (receipts._own_dangers, "if life.by == loaded.actor.id", ""),
    )),
)  # fmt: skip
