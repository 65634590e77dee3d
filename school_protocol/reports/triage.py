"""What the school does with what was told: it is listed apart from cases, read, answered, and goes somewhere.

Urgent and unseen ones stand first; what is alike, or comes as a crowd within an hour, is one line. Who reads which is
`public_door.may_read`; each reading and each act is noted by account and hour, and goes with the report.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from school_protocol.auth import permissions
from school_protocol.auth import repository as auth_repository
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import Opened, colleague_lines, open_for, rehearse_for
from school_protocol.cases.loading import Loaded, keep, load, load_by_id, surroundings
from school_protocol.cases.showing import note_reading
from school_protocol.cases.view_models import ActView, Choices
from school_protocol.context import AppContext
from school_protocol.engine.actors import readers_above, stands_above
from school_protocol.engine.answers import answer_values, plain_text
from school_protocol.engine.case import Case
from school_protocol.engine.case_parts import oversees
from school_protocol.engine.decisions import available
from school_protocol.engine.definition import Act, ActKind, Protocol
from school_protocol.engine.definition_parts import Form, FormField, Orientation, SignalementRules
from school_protocol.engine.errors import BadInput, Conflict, Unseen
from school_protocol.engine.events import PublicReportPlaced, Put
from school_protocol.engine.visibility import Actor, Permission, Unit, UnitKind
from school_protocol.people.contacts import ContactLine, contact_lines
from school_protocol.reports import repository
from school_protocol.reports.escalation import rise_now
from school_protocol.reports.public_door import case_seen, check_words, current, form_of, reads, roles_at, rules_of
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import IN_A_CASE, Sent, Status, Wrong, becoming, gather, hour_of, is_never_to_send
from school_protocol.reports.service import MESSAGES_MOST
from school_protocol.storage import access_log, idempotency
from school_protocol.storage.engines import Session

SHOWN = 3000
"""So many reports are looked at for one page, at most."""
MOST = 4000
"""Letters of an answer."""
SKIMMED_MOST, WORDS_SHOWN = 100, 160
"""So many are skimmed at a time, and so many letters of each."""
LATELY = 200
"""Lines of what was dealt with lately."""
READ = "read"
SIGNALEMENT = "signalement"
"""What an access of a case says that was the reading of such a report."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: one report, or several that are alike or came as a crowd (`ids`, the first one first)."""

    ids: tuple[str, ...]
    unit: Unit
    hour: datetime
    """Of the latest; `since`: of the earliest."""
    since: datetime
    unseen: int
    urgent: bool
    hinted: bool
    restricted: bool
    to_verify: bool
    status: Status
    kind: str
    number: str | None = None
    """Of the case that it went into, where this person may see that."""
    is_proposed: bool = False
    """Somebody wants it closed as sent to annoy."""

    @property
    def id(self) -> str:
        return self.ids[0]

    @property
    def size(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class ListView:
    """What waits at the schools of this person; `settled`: what was dealt with lately. `more`: not all is shown."""

    waiting: tuple[Line, ...]
    settled: tuple[Line, ...]
    unseen: int
    more: bool
    has_sample: bool
    """This person stands above the schools, and sees some of what they closed."""


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A question of the form, and what was answered."""

    field: FormField
    value: Any


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One message; `name`: who answered for the school, for the staff alone."""

    by_reporter: bool
    hour: datetime
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class TraceLine:
    """Who read it or did what with it (`read`, `answered`, `oriented` …), by the hour."""

    name: str
    what: str
    hour: datetime


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report, read. What may be done with it: `can_settle` (it waits), `number` (it is in that case)."""

    id: str
    unit: Unit
    protocol: Protocol
    form: Form
    kind: str
    language: str
    hour: datetime
    status: Status
    outcome: str
    proposed_by: str
    """Who wants it closed as sent to annoy, which a second person decides."""
    is_own_proposal: bool
    urgent: bool
    hinted: bool
    restricted: bool
    to_verify: bool
    barred: tuple[str, ...]
    """Names of colleagues who were recognised among who must not read it: they don't."""
    answers: tuple[AnswerLine, ...]
    messages: tuple[MessageLine, ...]
    traces: tuple[TraceLine, ...]
    twins: tuple[Line, ...]
    """Others of the school that say the same."""
    orientations: tuple[Orientation, ...]
    contacts: tuple[ContactLine, ...]
    """Whom to call if there is danger."""
    number: str | None
    can_settle: bool
    can_go_over: bool
    """It was put to a case, and can be put to another one."""
    can_answer: bool
    can_release: bool
    """Whoever told was not sure whether an adult of the school is part of it, and this person may say that none is."""


# ---- the list --------------------------------------------------------------------------------------------------------


def see_list(ctx: AppContext, actor: Actor) -> ListView:
    """What came to the schools of this person, apart from cases. Raises Unseen where none is theirs to read."""
    if not permissions.may(ctx, actor, Permission.read_signalements):
        raise Unseen(SIGNALEMENT)
    units = _places(ctx, actor)
    with ctx.realm.reading() as session:
        open_ones = _readable(ctx, session, actor, units, (Status.waiting,))
        done = _readable(ctx, session, actor, units, tuple(one for one in Status if one is not Status.waiting))
        lines = _lines(session, open_ones, units)
        news = _lines(session, [one for one in done if one.waits], units, apart=True)
        settled = _settled([one for one in done if not one.waits], units)
    unseen = sum(1 for one in (*open_ones, *done) if one.waits)
    rules = current(ctx)[1]
    return ListView(
        _ordered((*news, *lines)), settled, unseen, len(open_ones) >= SHOWN,
        has_sample=any(held.role in rules.restricted_reads for held in actor.appointments),
    )  # fmt: skip


def count_unseen(ctx: AppContext, actor: Actor) -> int:
    """How many wait unseen for this person: what the desk says."""
    if not permissions.may(ctx, actor, Permission.read_signalements):
        return 0
    units = _places(ctx, actor)
    with ctx.realm.reading() as session:
        found = repository.waiting_at(session, list(units))
        return sum(1 for one in found if reads(ctx, session, actor, one, units[one.unit]))


def _places(ctx: AppContext, actor: Actor) -> dict[str, Unit]:
    """The schools in which, or above which, this person holds a role."""
    with ctx.directory.reading() as session:
        held = auth_repository.find_units(session, [one.unit for one in actor.appointments])
        found = {one.id: one for one in held.values() if one.kind is UnitKind.school}
        above = [one for one in held.values() if one.kind is not UnitKind.school]
        while above:
            beneath = auth_repository.children(session, *(one.id for one in above))
            found |= {one.id: one for one in beneath if one.kind is UnitKind.school}
            above = [one for one in beneath if one.kind is not UnitKind.school]
    return found


def _readable(
    ctx: AppContext, session: Session, actor: Actor, units: Mapping[str, Unit], statuses: Collection[Status]
) -> list[PublicHeader]:
    found = repository.of_units(session, list(units), statuses=statuses, limit=SHOWN)
    return [one for one in found if reads(ctx, session, actor, one, units[one.unit])]


def _lines(
    session: Session, headers: Iterable[PublicHeader], units: Mapping[str, Unit], *, apart: bool = False
) -> tuple[Line, ...]:
    """`apart`: none is put together with others."""
    known = {one.id: one for one in headers}
    by_school: dict[tuple[str, bool], list[PublicHeader]] = {}
    for one in known.values():
        by_school.setdefault((one.unit, one.restricted), []).append(one)
    marks = {} if apart else repository.marks_of(session, list(known))
    lines = []
    for found in by_school.values():
        sent = [
            Sent(one.id, one.hour, one.fullness, one.urgent, marks.get(one.id, frozenset()), one.hinted)
            for one in found
        ]
        together = tuple((one.id,) for one in found) if apart else gather(sent)
        lines += [_line([known[name] for name in ids], units) for ids in together]
    return _ordered(lines)


def _line(found: list[PublicHeader], units: Mapping[str, Unit]) -> Line:
    first = found[0]
    return Line(
        ids=tuple(one.id for one in found), unit=units[first.unit], hour=max(one.hour for one in found),
        since=min(one.hour for one in found), unseen=sum(1 for one in found if one.waits),
        urgent=any(one.urgent for one in found), hinted=any(one.hinted for one in found), restricted=first.restricted,
        to_verify=all(one.to_verify for one in found), status=first.status, kind=first.kind,
        is_proposed=any(one.status is Status.waiting and one.outcome for one in found),
    )  # fmt: skip


def _settled(headers: Sequence[PublicHeader], units: Mapping[str, Unit]) -> tuple[Line, ...]:
    """Each by itself; those that were closed within one hour for one reason, as one line."""
    closed: dict[tuple[object, ...], list[PublicHeader]] = {}
    for one in headers:
        together = (one.unit, one.restricted, one.settled, one.outcome) if one.status is Status.closed else (one.id,)
        closed.setdefault(together, []).append(one)
    return tuple(_line(found, units) for found in list(closed.values())[:LATELY])


def _ordered(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Unseen and urgent first, with what speaks of despair, single ones before crowds, then the latest."""
    return tuple(
        sorted(
            lines,
            key=lambda one: (
                not one.unseen,
                not (one.urgent or one.hinted),
                one.size > 1,
                -one.hour.timestamp(),
                one.id,
            ),
        )
    )


# ---- one report ------------------------------------------------------------------------------------------------------


def see_report(ctx: AppContext, actor: Actor, report: str) -> ReportView:
    """One report, opened: it is seen from now on, and that this person read it is noted. Raises Unseen."""
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        seen = _seen(session, header)
        _note(ctx, session, header, actor, READ)
        return _view(ctx, session, actor, seen, unit)


@dataclass(frozen=True, slots=True)
class Skimmed:
    """One of several at a glance: the first words of it. `is_grave`: it is never closed with others."""

    id: str
    hour: datetime
    words: str
    is_unseen: bool
    urgent: bool
    hinted: bool
    restricted: bool
    to_verify: bool
    kind: str
    is_grave: bool


def skim(ctx: AppContext, actor: Actor, ids: Collection[str]) -> tuple[Skimmed, ...]:
    """The first words of several, a hundred at most. None counts as read by it: whoever skims is noted all the same."""
    with ctx.realm.writing() as session:
        found = [_found(ctx, session, actor, one)[0] for one in list(dict.fromkeys(ids))[:SKIMMED_MOST]]
        for one in found:
            _note(ctx, session, one, actor, "skimmed")
        return tuple(_skimmed(ctx, session, one) for one in found)


def _skimmed(ctx: AppContext, session: Session, header: PublicHeader) -> Skimmed:
    answers, form = _answers(ctx, session, header)
    said = " · ".join(str(answers[field.key]) for field in form.fields if field.is_words and answers.get(field.key))
    short = said if len(said) <= WORDS_SHOWN else f"{said[: WORDS_SHOWN - 1].rstrip()}…"
    return Skimmed(
        id=header.id, hour=header.hour, words=short, is_unseen=header.waits is not None, urgent=header.urgent,
        hinted=header.hinted, restricted=header.restricted, to_verify=header.to_verify, kind=header.kind,
        is_grave=_is_grave(ctx, session, header),
    )  # fmt: skip


def _answers(ctx: AppContext, session: Session, header: PublicHeader) -> tuple[Mapping[str, Any], Form]:
    content = repository.content(session, ctx.vault, header.id)
    protocol, _rules = rules_of(ctx, header)
    return content["answers"], protocol.forms.get(content["form"]) or form_of(protocol, header.kind)


def _is_grave(ctx: AppContext, session: Session, header: PublicHeader) -> bool:
    """It speaks of a danger, perhaps of despair, of an image that is never sent, or of an adult of the school."""
    if header.urgent or header.hinted or header.restricted:
        return True
    answers, form = _answers(ctx, session, header)
    return is_never_to_send(rules_of(ctx, header)[1], form, answers)


def of_case(ctx: AppContext, actor: Actor, number: str) -> tuple[ReportView, ...]:
    """What was told from outside in a case that this person sees, each seen and noted from now on. Raises Unseen."""
    with ctx.realm.writing() as session:
        loaded = load(ctx, session, actor, number, reading=True)
        found = [
            one for one in repository.public_reports_of_case(session, loaded.case_id) if actor.id not in one.barred
        ]
        if not found or loaded.pseudonymised:
            return ()
        note_reading(ctx, session, loaded, SIGNALEMENT)
        for one in found:
            repository.note(session, one.id, account=actor.id, what=READ, hour=hour_of(ctx.now()))
        seen = [_seen(session, one) for one in found]
        return tuple(_view(ctx, session, actor, one, loaded.around.unit) for one in seen)


def referring(ctx: AppContext, actor: Actor, number: str) -> tuple[Act, ...]:
    """The acts by which this person may note in a case that a service was told, or has answered. Raises Unseen."""
    with ctx.realm.reading() as session:
        loaded = load(ctx, session, actor, number)
    choices = available(loaded.protocol, loaded.case, actor, loaded.now, loaded.around, loaded.facts)
    acts = (loaded.protocol.acts[one.key] for one in choices if one.kind == "act" and one.is_open)
    awaits = any(one.is_open for one in loaded.case.referrals)
    return tuple(one for one in acts if one.kind is ActKind.refer or (awaits and one.kind is ActKind.answer_referral))


def _found(
    ctx: AppContext, session: Session, actor: Actor, report: str, *, hold: bool = True
) -> tuple[PublicHeader, Unit]:
    """A report that this person reads: by its own rules, or because they read the case that it went into."""
    header = repository.header(session, report, hold=hold)
    with ctx.directory.reading() as people:
        unit = auth_repository.unit(people, header.unit)
    if not reads(ctx, session, actor, header, unit):
        raise Unseen(report)
    check_words(ctx, session, actor, header, unit)
    return header, unit


def _note(ctx: AppContext, session: Session, header: PublicHeader, actor: Actor, what: str) -> None:
    hour = hour_of(ctx.now())
    repository.note(session, header.id, account=actor.id, what=what, hour=hour)
    if header.case_id is not None:
        access_log.note(session, case_id=header.case_id, account=actor.id, at=ctx.now(), what=SIGNALEMENT)


def _view(ctx: AppContext, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> ReportView:
    protocol, rules = rules_of(ctx, header)
    content = repository.content(session, ctx.vault, header.id)
    form = protocol.forms.get(content["form"]) or form_of(protocol, header.kind)
    said = repository.messages(session, ctx.vault, header.id)
    traces = repository.traces(session, header.id)
    proposer = header.outcome if header.status is Status.waiting else ""
    people = {*(one.account for one in traces), *(one.by for one in said if one.by), *header.barred, proposer}
    names = _names(ctx, people - {""}, actor)
    twins = [one for one in repository.alike(session, header.id) if reads(ctx, session, actor, one, unit)]
    return ReportView(
        id=header.id, unit=unit, protocol=protocol, form=form, kind=header.kind, language=content["language"],
        hour=header.hour, status=header.status, outcome=header.outcome, proposed_by=names.get(proposer, ""),
        is_own_proposal=proposer == actor.id, urgent=header.urgent, hinted=header.hinted,
        restricted=header.restricted, to_verify=header.to_verify,
        barred=tuple(sorted(names.get(one, "") for one in header.barred)),
        answers=tuple(
            AnswerLine(field, content["answers"][field.key]) for field in form.fields if field.key in content["answers"]
        ),
        messages=tuple(MessageLine(one.by_reporter, one.hour, one.text, names.get(one.by, "")) for one in said),
        traces=tuple(TraceLine(names.get(one.account, ""), one.what, one.hour) for one in traces),
        twins=tuple(_line([one], {unit.id: unit}) for one in twins[:50]),
        orientations=tuple(rules.orientations.values()),
        contacts=tuple(line for line in contact_lines(ctx, protocol, unit.id, rules.numbers) if line.phone),
        number=case_seen(ctx, session, actor, header.case_id) if header.case_id else None,
        can_settle=header.status is Status.waiting, can_go_over=header.status is Status.linked,
        can_answer=len(said) < MESSAGES_MOST, can_release=_can_release(ctx, session, header, actor, unit),
    )  # fmt: skip


def _names(ctx: AppContext, accounts: Collection[str], actor: Actor) -> dict[str, str]:
    with ctx.directory.reading() as session:
        return {key: one.name(actor.language) for key, one in auth_repository.accounts(session, accounts).items()}


# ---- what is done with it --------------------------------------------------------------------------------------------


def answer(ctx: AppContext, actor: Actor, report: str, said: str, *, settles: bool, token: str) -> ReportView:
    """Write to the reporter, who reads it with their code; `settles`: nothing more is to be done. Raises BadInput."""
    text = plain_text(said)
    if not text:
        raise BadInput({"said": ("required",)})
    if len(text) > MOST:
        raise BadInput({"said": (f"too_long:{MOST}",)})
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        press = idempotency.press(ctx.vault, actor.id, token, "answer", report, text, settles)
        if idempotency.use(session, press, {"report": report}, at=hour_of(ctx.now())) is None:
            if len(repository.messages(session, ctx.vault, report)) >= MESSAGES_MOST:
                raise BadInput({"said": ("too_many_messages",)})
            repository.write_message(session, ctx.vault, report, text, hour=hour_of(ctx.now()), by=actor.id)
            header = _seen(session, header)
            if settles and header.status is Status.waiting:
                header = _settle(ctx, session, header, Status.answered)
            _note(ctx, session, header, actor, "answered")
        return _view(ctx, session, actor, repository.header(session, report), unit)


def orient(ctx: AppContext, actor: Actor, report: str, orientation: str) -> ReportView:
    """Not for the school: the reporter is told who can help, with what the directory knows of them today."""
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        if orientation not in rules_of(ctx, header)[1].orientations:
            raise BadInput({"orientation": ("unknown_option" if orientation else "required",)})
        if (header.status, header.outcome) != (Status.oriented, orientation):
            _waits(header)
            header = _settle(ctx, session, header, Status.oriented, orientation)
            _note(ctx, session, header, actor, "oriented")
        return _view(ctx, session, actor, header, unit)


@dataclass(frozen=True, slots=True)
class Closing:
    """How many were closed, and of how many it was proposed: a second person closes those."""

    closed: int
    proposed: int


def close(ctx: AppContext, actor: Actor, ids: Collection[str], why: str, *, together: bool = False) -> Closing:
    """Close reports sent by mistake, or to annoy, which two persons say; nothing is written of anybody.

    `together`: of several at once, those that speak of something grave stay; each of them is closed by itself.
    """
    if why not in {one.value for one in Wrong}:
        raise BadInput({"why": ("unknown_option" if why else "required",)})
    closed = proposed = 0
    with ctx.realm.writing() as session:
        for one in list(dict.fromkeys(ids))[:SHOWN]:
            header, _unit = _found(ctx, session, actor, one)
            if header.status is not Status.waiting or (together and _is_grave(ctx, session, header)):
                continue
            done = {trace.what for trace in repository.traces(session, header.id)}
            takes_two = why == Wrong.abusive or not done.isdisjoint(("proposed", "taken_up_again"))
            if header.outcome in ("", actor.id) and takes_two:
                if not header.outcome:
                    after = replace(header, outcome=actor.id, waits=hour_of(ctx.now()))
                    repository.change_public_report(session, after)
                    _note(ctx, session, after, actor, "proposed")
                proposed += 1
            else:
                _note(ctx, session, _settle(ctx, session, header, Status.closed, why), actor, "closed")
                closed += 1
    return Closing(closed, proposed)


def verify(ctx: AppContext, actor: Actor, report: str, *, is_to_verify: bool) -> ReportView:
    """Mark that what it says is to be verified still, or was."""
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        if header.to_verify != is_to_verify:
            header = replace(header, to_verify=is_to_verify)
            repository.change_public_report(session, header)
            _note(ctx, session, header, actor, "to_verify" if is_to_verify else "verified")
        return _view(ctx, session, actor, header, unit)


def release(ctx: AppContext, actor: Actor, report: str) -> None:
    """No adult of the school is part of what was told by somebody who was not sure: the school reads it from now on.

    Raises Unseen where it isn't this person's to say, Conflict where somebody dealt with it meanwhile.
    """
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        if not _can_release(ctx, session, header, actor, unit):
            raise Unseen(report)
        _waits(header)
        after = replace(header, restricted=False, waits=hour_of(ctx.now()), step=0, outcome="")
        repository.change_public_report(session, after)
        _note(ctx, session, after, actor, "released")
        rise_now(ctx, session, report)


def _can_release(ctx: AppContext, session: Session, header: PublicHeader, actor: Actor, unit: Unit) -> bool:
    """Whoever reads it above the school, of what was told by somebody who was not sure."""
    rules = rules_of(ctx, header)[1]
    if not header.restricted or rules.unsure_when is None or header.case_id is not None:
        return False
    if unit.id in {held.unit for held in actor.appointments}:
        return False
    answers, form = _answers(ctx, session, header)
    return rules.unsure_when.holds(answer_values(form.fields, answers))


def take_up_again(ctx: AppContext, actor: Actor, report: str) -> ReportView:
    """What was answered, sent elsewhere or closed waits once more: somebody saw it otherwise."""
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        if header.status is not Status.waiting:
            if header.status in IN_A_CASE:
                raise Unseen(report)
            waits = hour_of(ctx.now())
            header = replace(header, status=Status.waiting, settled=None, outcome="", waits=waits, step=0)
            repository.change_public_report(session, header)
            _note(ctx, session, header, actor, "taken_up_again")
            rise_now(ctx, session, report)
        return _view(ctx, session, actor, header, unit)


def take_up_several(ctx: AppContext, actor: Actor, ids: Collection[str]) -> int:
    """What was closed together waits once more, unread as before; how many."""
    done = 0
    with ctx.realm.writing() as session:
        for one in list(dict.fromkeys(ids))[:SHOWN]:
            header, _unit = _found(ctx, session, actor, one)
            if header.status is Status.closed:
                waits = hour_of(ctx.now())
                after = replace(header, status=Status.waiting, settled=None, outcome="", waits=waits, step=0)
                repository.change_public_report(session, after)
                _note(ctx, session, after, actor, "taken_up_again")
                done += 1
    return done


def link(ctx: AppContext, actor: Actor, report: str, number: str) -> ReportView:
    """Put it to a case that this person sees, of the same school: several reporters, one case.

    One that was put to another case by mistake goes over; one that a case was opened with stays there. Each is an
    event of the case. Raises Unseen for a case that isn't theirs, BadInput (`number`) for one of another school, and
    for one that more people read than may read this.
    """
    with ctx.realm.writing() as session:
        header, unit = _found(ctx, session, actor, report)
        try:
            loaded = load(ctx, session, actor, number)
        except Unseen:
            raise BadInput({"number": ("no_such_case",)}) from None
        if loaded.case.unit != header.unit:
            raise BadInput({"number": ("other_school",)})
        if header.restricted and loaded.case.restricted_seq is None:
            raise BadInput({"number": ("less_restricted",)})
        if header.case_id != loaded.case_id:
            if header.case_id is None:
                _waits(header)
            else:
                _take_out(ctx, session, actor, header, unit)
            _write_event(ctx, session, loaded, actor, header, unit, Put.linked)
            header = _settle(ctx, session, header, Status.linked, case_id=loaded.case_id)
            _note(ctx, session, header, actor, "linked")
        return _view(ctx, session, actor, header, unit)


def _take_out(ctx: AppContext, session: Session, actor: Actor, header: PublicHeader, unit: Unit) -> None:
    """The case that it was put to says that it went over to another one."""
    if header.status is not Status.linked or header.case_id is None:
        raise Conflict(0, 1)
    before = load(ctx, session, actor, cases_repository.opened(session, header.case_id).number)
    _write_event(ctx, session, before, actor, header, unit, Put.taken_out)


def _write_event(
    ctx: AppContext, session: Session, loaded: Loaded, actor: Actor, header: PublicHeader, unit: Unit, how: Put
) -> None:
    event = PublicReportPlaced(
        actor=actor.id, role=_reading_role(ctx, header, actor, unit), at=ctx.now(), occurred_at=ctx.now(),
        how=how, hour=header.hour.isoformat(),
    )  # fmt: skip
    keep(ctx, session, loaded, [event])


def _reading_role(ctx: AppContext, header: PublicHeader, actor: Actor, unit: Unit) -> str:
    """The role in which somebody has to do with a report: in the order in which the protocol declares them."""
    protocol, _rules = rules_of(ctx, header)
    held = roles_at(actor, unit)
    return next((role for role in protocol.roles if role in held), "")


# ---- a case out of it ------------------------------------------------------------------------------------------------


def see_opening(ctx: AppContext, actor: Actor, report: str) -> ActView:
    """The form of the act that opens a case, filled in with what was told. Raises Unseen."""
    with ctx.realm.reading() as session:
        header, unit = _found(ctx, session, actor, report, hold=False)
        _waits(header)
        content = repository.content(session, ctx.vault, report)
    protocol, rules = current(ctx)
    act = protocol.acts[rules.act]
    around = surroundings(ctx, unit.id, language=actor.language)
    filled = becoming(
        rules, protocol.form_of(act), content["answers"], received=header.hour, barred=header.barred - {actor.id}
    )
    return ActView(
        protocol=protocol, act=act, form=protocol.form_of(act), head=None,
        choices=Choices(
            accounts=colleague_lines(protocol, around, actor), contacts=contact_lines(ctx, protocol, unit.id)
        ),
        prefill=filled, units=(unit,),
    )  # fmt: skip


def rehearse_opening(ctx: AppContext, actor: Actor, report: str, answers: Mapping[str, Any]) -> None:
    """Raise what `open_as_case` would raise before it writes, and open nothing."""
    with ctx.realm.reading() as session:
        header, unit = _found(ctx, session, actor, report, hold=False)
        _waits(header)
    protocol, rules = current(ctx)
    barred = _barred_above(ctx, protocol, header, unit)
    filled = _with_barred(rules, answers, barred)
    rehearse_for(ctx, actor, protocol, rules.act, filled, place=unit, role=rules.as_, barred=barred)


def open_as_case(
    ctx: AppContext, actor: Actor, report: str, answers: Mapping[str, Any], *, token: str, said: object = None
) -> Opened:
    """Open a case out of a report, and put the report to it: one transaction. Its first moment is the report's hour.

    One that only those above the school read stays with them: a restricted report makes a restricted case, whatever
    the form says. So is whoever stands above the school and must not read it shut out of the case.
    Raises as the opening of a case does; Conflict where somebody else dealt with it meanwhile.
    """
    with ctx.realm.reading() as session:
        header, unit = _found(ctx, session, actor, report, hold=False)
    protocol, rules = current(ctx)
    barred = _barred_above(ctx, protocol, header, unit)

    def put_to(session: Session, case_id: str) -> None:
        now, _unit = _found(ctx, session, actor, report)
        if now.status is not Status.waiting:
            raise Conflict(0, 1)
        after = _settle(ctx, session, now, Status.opened, case_id=case_id)
        _write_event(ctx, session, load_by_id(ctx, session, actor, case_id), actor, now, unit, Put.opened)
        repository.note(session, report, account=actor.id, what="opened", hour=hour_of(ctx.now()))
        row = index_repository.row_of(session, case_id)
        if after.restricted and row is not None and not row.restricted:
            raise BadInput({_adult_field(rules): ("stays_restricted",)})

    return open_for(
        ctx, actor, protocol, rules.act, _with_barred(rules, answers, barred), token=token, place=unit,
        role=rules.as_, channel=header.kind, also=put_to, said=said, barred=barred,
    )  # fmt: skip


def _barred_above(ctx: AppContext, protocol: Protocol, header: PublicHeader, unit: Unit) -> frozenset[str]:
    """Whoever stands above the school and must not read the report; where nobody above would be left, those alone who
    oversee: whoever sees the region has the last word."""
    around = surroundings(ctx, unit.id)
    above = {
        one.id for one in around.people.values() if one.id in header.barred and stands_above(protocol, one, around)
    }
    if readers_above(protocol, Case(), around) <= above:
        above = {one for one in above if any(oversees(protocol, role) for role, _unit in around.people[one].roles)}
    return frozenset(above)


def _with_barred(rules: SignalementRules, answers: Mapping[str, Any], barred: frozenset[str]) -> Mapping[str, Any]:
    """The answers, with those whom nobody may leave out."""
    field = next((key for key, one in rules.becomes.items() if one.barred), None)
    if field is None or not barred:
        return answers
    given = answers.get(field) or ()
    named = [given] if isinstance(given, str) else given
    return {**answers, field: list(dict.fromkeys([*named, *sorted(barred)]))}


def _adult_field(rules: SignalementRules) -> str:
    """The field of the opening form that answers what makes a report restricted."""
    names = rules.restricted_when.names if rules.restricted_when else frozenset()
    return next((key for key, one in rules.becomes.items() if not names.isdisjoint(one.from_)), "")


# ---- what these share ------------------------------------------------------------------------------------------------


def _waits(header: PublicHeader) -> None:
    """Raise where somebody dealt with it already."""
    if header.status is not Status.waiting:
        raise Conflict(0, 1)


def _seen(session: Session, header: PublicHeader) -> PublicHeader:
    after = replace(header, waits=None)
    if after != header:
        repository.change_public_report(session, after)
    return after


def _settle(
    ctx: AppContext,
    session: Session,
    header: PublicHeader,
    status: Status,
    outcome: str = "",
    *,
    case_id: str | None = None,
) -> PublicHeader:
    hour = hour_of(ctx.now())
    after = replace(header, status=status, outcome=outcome, settled=hour, waits=None, case_id=case_id)
    repository.change_public_report(session, after)
    return after
