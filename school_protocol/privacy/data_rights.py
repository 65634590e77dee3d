"""Service of data subject requests: what waits and until when; the copy of what is kept of one person, as a PDF.

A copy for a pupil may reach a guardian: so it prints no answer that the definition keeps out of a family's copy. What
is about several people, or was said by others, is told by its number alone; holds are not told at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import signed
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, keep, load, naming_of, sign_of
from school_protocol.cases.view_models import CaseHead, PersonLine, RightsLine
from school_protocol.context import REALM, AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import Record
from school_protocol.engine.conditions import Truth
from school_protocol.engine.deadlines import dues
from school_protocol.engine.definition import Act, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.events import DocumentIssued
from school_protocol.engine.intents import Reason
from school_protocol.engine.name_detection import Naming, uncounted, with_tokens
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import Wording
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.verdicts import Copy
from school_protocol.privacy import repository
from school_protocol.privacy.holds import scope_of_limits
from school_protocol.privacy.models import AccessExportRow
from school_protocol.privacy.presenters import AccessCopy, AccessEntry, access_copy
from school_protocol.privacy.repository import APPROVED, REFUSED, WAITING, Request, lock_limits
from school_protocol.privacy.rules import access_asked, is_asked, limit_of, named_in
from school_protocol.storage import access_log, idempotency, journal
from school_protocol.storage.engines import Session

# ---- requests, and a copy let go by two people ---------------------------------------------------------------------
# Whoever answers for the school asks, the data officer agrees, by the sign of the person and the request alone,
# reading no case. A request for access brings one copy, of the person whom it names; any other brings none.

PAGE = 50
ASKED, AGREED, DECLINED = "rights.asked", "rights.agreed", "rights.declined"
"""Codes under which the accesses are kept."""
WAITS = timedelta(days=30)
OPEN = timedelta(days=10)
"""So long a copy that was agreed to can be opened."""


# ---- what waits ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request that waits: by case and school alone. `days`: how many whole days are left; below 0, it is late."""

    request: Request
    unit: Unit
    days: int
    copy_waits: bool
    is_mine: bool
    """Whether this reader answers it; who supervises is told of it alone."""


@dataclass(frozen=True, slots=True)
class RequestList:
    lines: tuple[RequestLine, ...]
    after: str | None


def see_requests(
    ctx: AppContext, actor: Actor, *, after: str | None = None, limit: int = PAGE, only_mine: bool = False
) -> RequestList:
    """The requests in what this person is told of, the first due first; or (`only_mine`) those that they answer.

    Raises Unseen.
    """
    answering = scope_of_limits(ctx, _answering(ctx, actor))
    scope = answering if only_mine else scope_of_limits(ctx, actor)
    cursor = access_log.Cursor.parse(after) if after else None
    if not scope.clauses or (after and cursor is None):
        raise Unseen("requests")
    today, now = today_for(ctx), ctx.now()
    with ctx.realm.reading() as session:
        keys = {key for protocol in ctx.library.every() for key in _deadlines(protocol)}
        found, more = repository.requests(session, scope, keys, today=today, limit=limit, after=cursor)
        ids = {one.case_id for one in found}
        waiting = repository.waiting_in(session, ids, now)
        mine = index_repository.seen_among(session, answering, ids, today=today) if answering.clauses else frozenset()
    with ctx.directory.reading() as session:
        units = auth_repository.find_units(session, {one.unit for one in found})
    lines = tuple(
        RequestLine(
            one, units[one.unit], (one.due_at - now) // timedelta(days=1), one.case_id in waiting, one.case_id in mine
        )
        for one in found
    )
    return RequestList(lines, str(more) if more else None)


def answers_requests(ctx: AppContext, actor: Actor) -> bool:
    """Whether this person holds a role that answers such requests somewhere."""
    return bool(scope_of_limits(ctx, _answering(ctx, actor)).clauses)


def _answering(ctx: AppContext, actor: Actor) -> Actor:
    """This person in the roles alone that answer such requests."""
    named = {role for protocol in ctx.library.every() for act in _rights_acts(protocol) for role in act.by}
    return replace(actor, appointments=tuple(held for held in actor.appointments if held.role in named))


def _deadlines(protocol: Protocol) -> Iterator[str]:
    """The deadlines that a request of rights begins."""
    for deadline in protocol.deadlines.values():
        starts = (protocol.acts[source.act] for source in deadline.start if source.act)
        if any(act.kind is ActKind.rights for act in starts):
            yield deadline.key


# ---- one case ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportLine:
    """A copy that was asked for: of whom, by their sign; under which entry; what this person may do with it."""

    id: str
    sign: str
    entry: int
    state: str
    asked_at: datetime
    until: datetime
    may_settle: bool
    may_open: bool


@dataclass(frozen=True, slots=True)
class AccessLine:
    """A request for access under which a copy may be asked for. `sign`: of whom, where the request says so."""

    entry: int
    at: datetime
    sign: str


@dataclass(frozen=True, slots=True)
class RightsView:
    """What waits in a case. `people`: of whom this person may ask for a copy; `against`: what stands against one.

    `requests`: those that brought no copy yet.
    """

    head: CaseHead
    asks: bool
    """Whether this person asks for copies; else they agree to one."""
    asked: bool
    requests: tuple[AccessLine, ...]
    people: tuple[PersonLine, ...]
    exports: tuple[ExportLine, ...]
    act: Act | None
    """By which this person notes a request, or its answer."""
    against: tuple[Reason, ...]


def see_rights(ctx: AppContext, actor: Actor, number: str) -> RightsView:
    """What people asked about themselves in that case. Raises Unseen for whoever answers no such request."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
        asking, agreeing = asks(loaded), agrees(loaded)
        if asking is None and agreeing is None:
            raise Unseen(number)
        seeing = Seeing(loaded, {})
        found = repository.exports_of_case(session, loaded.case_id, ctx.now())
        free = _free(ctx, session, loaded)
        stands = against(loaded, agreeing or _agreeing_role(loaded))
        return RightsView(
            head=seeing.head(),
            asks=asking is not None,
            asked=is_asked(loaded.facts),
            requests=tuple(_access_line(loaded, one) for one in free),
            people=seeing.people() if asking is not None else (),
            exports=tuple(_line(loaded, one, asking, agreeing) for one in found),
            act=_act_of(loaded),
            against=stands or (() if free else (Reason("copy_asked"),)),
        )


def right_line_of(_ctx: AppContext, _session: Session, loaded: Loaded) -> RightsLine | None:
    """What waits in a case that is open before somebody; None for whoever answers no such request."""
    if asks(loaded) is None and agrees(loaded) is None:
        return None
    keys = set(_deadlines(loaded.protocol))
    waiting = [one.due_at for one in dues(loaded.facts) if one.is_open and one.deadline in keys]
    return RightsLine(min(waiting, default=None))


def _free(ctx: AppContext, session: Session, loaded: Loaded) -> tuple[Record, ...]:
    """The requests for access that wait, and brought no copy yet."""
    found = access_asked(loaded.facts)
    return tuple(one for one in found if not repository.exports_under(session, loaded.case_id, one.seq, ctx.now()))


def _access_line(loaded: Loaded, record: Record) -> AccessLine:
    named = named_in(loaded.facts, record)
    return AccessLine(record.seq, record.at, sign_of(loaded.protocol, named) if named else "")


def _line(loaded: Loaded, one: AccessExportRow, asking: str | None, agreeing: str | None) -> ExportLine:
    return ExportLine(
        one.id,
        sign_of(loaded.protocol, one.person),
        one.seq,
        one.state,
        one.asked_at,
        one.until,
        may_settle=agreeing is not None and one.state == WAITING and one.asked_by != loaded.actor.id,
        may_open=asking is not None and one.state == APPROVED,
    )


def _rights_acts(protocol: Protocol) -> tuple[Act, ...]:
    return tuple(act for act in protocol.acts.values() if act.kind is ActKind.rights)


def _act_of(loaded: Loaded) -> Act | None:
    acts = _rights_acts(loaded.protocol)
    return next((act for act in acts if role_for(loaded.protocol, act.by, loaded.roles) is not None), None)


def asks(loaded: Loaded) -> str | None:
    """The role in which this person asks for copies and opens them: it answers requests, and reads the case."""
    if loaded.metadata_only or loaded.pseudonymised:
        return None
    return role_for(loaded.protocol, _roles(loaded.protocol, metadata=False), loaded.roles)


def agrees(loaded: Loaded) -> str | None:
    """The role in which this person lets a copy go: it answers requests, and reads no case; or, where the definition
    has no such role, any that answers them."""
    keeping = _roles(loaded.protocol, metadata=True)
    return role_for(loaded.protocol, keeping or _roles(loaded.protocol, metadata=False), loaded.roles)


def _agreeing_role(loaded: Loaded) -> str | None:
    keeping = _roles(loaded.protocol, metadata=True)
    return next(iter(keeping or _roles(loaded.protocol, metadata=False)), None)


def _roles(protocol: Protocol, *, metadata: bool) -> tuple[str, ...]:
    named = dict.fromkeys(role for act in _rights_acts(protocol) for role in act.by)
    known = (protocol.roles[key] for key in named if key in protocol.roles)
    return tuple(role.key for role in known if (role.sees is ScopeKind.metadata) is metadata)


def against(loaded: Loaded, role: str | None, entry: int | None = None) -> tuple[Reason, ...]:
    """Why no copy may go now: nobody asked for access, or a guardian's information is on hold and not all have agreed.

    `entry`: the request under which it goes, which must wait still. While a hold stands, whatever the definition asks
    of an answer by that role must be met; where it asks nothing, no copy goes.
    """
    waiting = {one.seq for one in access_asked(loaded.facts)}
    if not waiting or (entry is not None and entry not in waiting):
        return (Reason("nothing_asked"),)
    if not any(hold.stands for hold in loaded.case.holds):
        return ()
    asked = tuple(dict.fromkeys(_needs(loaded.protocol, role)))
    unmet = [key for key in asked if not loaded.protocol.needs[key].when.holds(loaded.facts)]
    if not asked:
        return (Reason("guardian_on_hold"),)
    return (Reason("guardian_on_hold"),) if unmet else ()


def _needs(protocol: Protocol, role: str | None) -> Iterator[str]:
    """What an answer by that role may call for, whatever it says."""
    for act in _rights_acts(protocol):
        yield from act.needs
        for rule in act.needs_when:
            truth: Truth = rule.when.truth({"role": role or ""})
            if truth is not False:
                yield from rule.needs


# ---- asking, agreeing ----------------------------------------------------------------------------------------------


def ask_right(ctx: AppContext, actor: Actor, number: str, person: str, *, token: str, entry: int = 0) -> str:
    """Ask for a copy of what is kept of that person of the case, under the request that is that entry; returns its id.

    Pressed twice, it is asked once. `entry` 0: the only request that brought no copy yet. Raises Unseen, Refused while
    nobody asked for access, where the request names somebody else or brought its copy, or a hold stands against it.
    """
    press = idempotency.press(ctx.vault, actor.id, token, number, "export", person, entry)
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        if asks(loaded) is None or person not in loaded.case.people:
            raise Unseen(number)
        if (before := idempotency.spent(session, press)) is not None:
            return str(before["export"])
        lock_limits(session, loaded.case_id)
        _refuse(against(loaded, _agreeing_role(loaded)))
        request, now = _request(ctx, session, loaded, entry), ctx.now()
        if named_in(loaded.facts, request) not in (None, person):
            _refuse((Reason("asked_of_another"),))
        found = repository.ask_export(
            session, loaded.case_id, person, actor.id, at=now, until=now + WAITS, seq=request.seq
        )
        _note(session, loaded, request.seq, ASKED, now)
        idempotency.use(session, press, {"export": found}, at=now)
        return found


def _request(ctx: AppContext, session: Session, loaded: Loaded, entry: int) -> Record:
    """The request for access that brings the copy. Raises Unseen, Refused."""
    free = _free(ctx, session, loaded)
    if not entry and len(free) > 1:
        raise Refused((Reason("which_request"),))
    found = next((one for one in free if entry in (0, one.seq)), None)
    if found is not None:
        return found
    if entry and entry not in {one.seq for one in access_asked(loaded.facts)}:
        raise Unseen(str(entry))
    raise Refused((Reason("copy_asked"),))


def _note(session: Session, loaded: Loaded, entry: int, what: str, now: datetime) -> None:
    """The access, and under which request it was."""
    access_log.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=now, what=what, reason=str(entry))


def settle_right(ctx: AppContext, actor: Actor, number: str, export_id: str, *, agreed: bool) -> None:
    """Let that copy go, or not. Raises Unseen where it is not for this person, or was decided; Refused as `ask`."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number)
        role, now = agrees(loaded), ctx.now()
        found = repository.find_export(session, loaded.case_id, export_id, now)
        if role is None or found.asked_by == actor.id:
            raise Unseen(export_id)
        if agreed:
            _refuse(against(loaded, role, found.seq))
        repository.settle_export(
            session, export_id, APPROVED if agreed else REFUSED, actor.id, at=now, until=now + OPEN
        )
        _note(session, loaded, found.seq, AGREED if agreed else DECLINED, now)


def opened(
    ctx: AppContext, session: Session, actor: Actor, number: str, export_id: str
) -> tuple[Loaded, AccessExportRow]:
    """The case and the copy that may be opened now, by this person. Raises Unseen, Refused."""
    loaded = load(ctx, session, actor, number)
    found = repository.find_export(session, loaded.case_id, export_id, ctx.now())
    if asks(loaded) is None or found.state != APPROVED or found.person not in loaded.case.people:
        raise Unseen(export_id)
    _refuse(against(loaded, _agreeing_role(loaded), found.seq))
    return loaded, found


def _refuse(reasons: tuple[Reason, ...]) -> None:
    if reasons:
        raise Refused(tuple(replace(one) for one in reasons))


DOCUMENT = "access_copy"
"""The key under which such copies are numbered and written down."""
NOTE = "rights.opened"
_PEOPLE = (FieldType.person, FieldType.persons)
_COLLEAGUES = (FieldType.account, FieldType.accounts)
_UNTOLD = frozenset({ActKind.hold, ActKind.review_hold, ActKind.exclude, ActKind.seat})
"""Acts of which not even that they are there is told."""


@dataclass(frozen=True, slots=True)
class Opened:
    name: str
    data: bytes
    copy: int


def open_copy(ctx: AppContext, actor: Actor, number: str, export_id: str, language: str) -> Opened:
    """One copy, numbered, signed and written down in the case. Raises Unseen, Refused, SealingError."""
    wording = Wording(language)
    with ctx.realm.reading() as session:
        loaded, found = opened(ctx, session, actor, number, export_id)
        if language not in loaded.protocol.languages or language not in ctx.settings.languages:
            raise Unseen(language)
        view = about(loaded, found.person, wording)
        copy = cases_repository.case_copies(session, loaded.case_id, DOCUMENT) + 1
        head = journal.content_head(session, loaded.case_id)
    assert head is not None
    reader = account_names(ctx, [actor.id], language).get(actor.id, "—")
    line = Copy(copy, reader, ctx.now(), head.hash, head.seq)
    watermark = "" if actor.realm == REALM else wording._("TRAINING")
    about_it = wording._("What belongs to this copy alone")
    data = assembled(access_copy(view, wording), overlay(line, wording, watermark), line, about_it, has_record=False)
    data = signed(ctx, loaded.around.unit, data, ctx.now(), wording)
    with ctx.realm.writing() as session:
        loaded, found = opened(ctx, session, actor, number, export_id)
        if cases_repository.next_copy(session, loaded.case_id, DOCUMENT) != copy:
            raise Unseen("another copy was opened at the same time")
        role = asks(loaded)
        assert role is not None
        event = DocumentIssued(
            actor=actor.id, role=role, at=loaded.now, occurred_at=loaded.now, document=DOCUMENT, profile="",
            language=language, copy=copy, content_head=head.hash, digest=hashlib.sha256(data).hexdigest(),
            reader=view.sign, at_seq=head.seq, about=found.person, request=found.seq,
        )  # fmt: skip
        keep(ctx, session, loaded, [event])
        access_log.note(session, case_id=loaded.case_id, account=actor.id, at=ctx.now(), what=NOTE)
    return Opened(f"{number}-{view.sign}-{copy}-{language}.pdf", data, copy)


# ---- what is told --------------------------------------------------------------------------------------------------


def about(loaded: Loaded, person: str, wording: Wording) -> AccessCopy:
    """What is kept of that person, for them to read: nobody else is named."""
    slot = loaded.protocol.slots[loaded.case.people[person].slot]
    limit, entries = limit_of(loaded.facts), list(_entries(loaded, person, wording))
    return AccessCopy(
        number=loaded.case.number,
        unit=loaded.around.unit,
        protocol=loaded.protocol,
        sign=sign_of(loaded.protocol, person),
        slot=slot,
        identity=dict(loaded.names.get(person, {})),
        kept=limit.rule.sentence if limit and limit.rule else None,
        until=limit.due_on if limit else None,
        as_of=loaded.now,
        entries=tuple(one for one in entries if one is not None),
        others=entries.count(None),
        copies=tuple(
            (loaded.protocol.documents[one.document].title, one.at)
            for one in loaded.case.documents
            if one.document in loaded.protocol.documents and one.about == person
        ),
    )


def _entries(loaded: Loaded, person: str, wording: Wording) -> Iterator[AccessEntry | None]:
    """The entries about this person alone, as far as a family's copy may tell them; None stands for any other."""
    naming = naming_of(loaded.protocol, loaded.names).without({sign_of(loaded.protocol, person)})
    seeing, told = Seeing(loaded, {}), _told(loaded.protocol)
    for record in loaded.case.records:
        pointed = _pointed(loaded, record)
        if record.kind in _UNTOLD or not (person in pointed or _is_alone_on_side(loaded, record, person)):
            continue
        shown = seeing.record(record)
        if shown.hidden is not None or record.act not in told or pointed - {person}:
            yield None
            continue
        fields = [item for item in shown.form.fields if item.key in told[record.act]]
        lines = tuple(_lines(loaded, fields, shown.answers, person, naming, wording))
        yield AccessEntry(record.seq, shown.act, record.occurred_at, lines)


def _told(protocol: Protocol) -> Mapping[str, frozenset[str]]:
    """Act → the answers that every copy for a family may print."""
    profiles = [one for document in protocol.documents.values() for one in document.profiles.values()]
    personal = [one.acts for one in profiles if one.is_personal and one.acts]
    acts = [act for act in (personal[0] if personal else ()) if all(act in one for one in personal)]
    return {act: frozenset.intersection(*(frozenset(one[act]) for one in personal)) for act in acts}


def _is_alone_on_side(loaded: Loaded, record: Record, person: str) -> bool:
    """An entry of this person's side, where nobody else stands in their slot."""
    people = loaded.case.people
    slot = loaded.protocol.slots[people[person].slot]
    side = loaded.protocol.form_of(record.act).side
    beside = [key for key, one in people.items() if one.slot == slot.key]
    return side is not None and side == slot.side and not slot.guardian and beside == [person]


def _pointed(loaded: Loaded, record: Record) -> set[str]:
    """The people of the case at whom an entry points, and those whom it named first."""
    form = loaded.case.protocol_at(record.seq, loaded.protocol).form_of(record.act)
    return {*_values(form.fields, record.answers), *dict(record.derived.get("people", {}))}


def _values(fields: Iterable[FormField], answers: Mapping[str, Any]) -> Iterator[str]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for row in value or ():
                yield from _values(item.fields, row)
        elif item.type in _PEOPLE and value:
            yield from [value] if isinstance(value, str) else value


def _lines(
    loaded: Loaded,
    fields: Iterable[FormField],
    answers: Mapping[str, Any],
    person: str,
    naming: Naming,
    wording: Wording,
) -> Iterator[tuple[str, str]]:
    """What was answered, question by question, in the reader's language."""
    names = {key: sign_of(loaded.protocol, key) for key in loaded.case.people}
    own = names.pop(person)
    others = set(names.values())
    names[person] = str(loaded.names.get(person, {}).get("name") or own)
    for item in fields:
        value = answers.get(item.key)
        if value in (None, "", []) or item.authority_only or item.type is FieldType.rows:
            continue
        label = wording.text(item.label)
        if item.type in _COLLEAGUES:
            yield label, wording._("somebody of the school")
        elif item.is_words and isinstance(value, str):
            yield label, uncounted(with_tokens(value, naming.find_all(value)), others)
        else:
            yield label, wording.answer(loaded.protocol, item, value, names)
