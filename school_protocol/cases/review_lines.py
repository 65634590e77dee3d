"""A case’s line in a list; its review, and remarks on its copies, as one reader sees them; nothing of a side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from school_protocol.cases import index_repository
from school_protocol.cases.loading import Loaded, index_row
from school_protocol.cases.view_models import CaseLine, DutyLine, EventView, RemarkLine, ReviewLine, tone_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.actors import role_for
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_words import said
from school_protocol.engine.deadlines import Due
from school_protocol.engine.definition import Act, ActKind, Deadline, Protocol, ScopeKind
from school_protocol.engine.definition_parts import Review
from school_protocol.engine.events import (
    DocumentIssued,
    Event,
    EventKind,
    Recorded,
    Remark,
    RemarksAttached,
    RemarkSettled,
    ReviewAsked,
    ReviewEnded,
    StepTaken,
)
from school_protocol.engine.intents import Choice
from school_protocol.engine.next_steps import SENT_BACK, TEAM, rank_of
from school_protocol.engine.review_state import (
    WAITING,
    ReviewNow,
    ReviewState,
    may_end,
    may_send,
    review_now,
    turns,
    waits_for,
)
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Unit

if TYPE_CHECKING:
    from school_protocol.cases.case_reader import CaseReader
    from school_protocol.cases.case_view import Seeing

_NO_FORM = (ActKind.sign, ActKind.raise_danger)
"""What is tapped or signed: nobody misses a form of it."""


def attached_detail(reader: CaseReader, event: RemarksAttached) -> dict[str, Any]:
    """What the chronology tells of remarks: on which copy, each of them, and who wrote them on paper."""
    paper = event.paper
    return {
        "document": event.document,
        "copy": event.copy,
        "awaited": sum(one.awaits for one in event.remarks),
        "remarks": [_told(reader, event, one) for one in event.remarks],
        "paper": {"name": reader.name(paper.by), "role": paper.role, "at": paper.at.isoformat()} if paper else None,
    }


def _told(reader: CaseReader, event: RemarksAttached, remark: Remark) -> dict[str, Any]:
    loaded, is_hidden = reader.loaded, not reader.reads_place(remark)
    missing, question = (None, None) if is_hidden else (_missing(loaded, event.seq, remark), _part(loaded, remark))
    place: dict[str, Any] = {"missing": missing} if missing else {"missing": {}} if is_hidden and remark.act else {}
    place |= {"question": dict(question.root)} if question else {}
    return {
        **place,
        "kind": remark.kind.value,
        "section": remark.section,
        "entry": remark.entry,
        "awaits": remark.awaits,
        "text": "" if is_hidden else reader.words_of(event, remark.text),
        "is_hidden": is_hidden,
    }


def settled_detail(reader: CaseReader, event: RemarkSettled) -> dict[str, Any]:
    """What the chronology tells of a remark that was dealt with: which one, and how."""
    settled = (event.attached, event.remark)
    found = next((one.remark for one in reader.case.remarks if (one.seq, one.place) == settled), None)
    sentence = reader.words_of(event, event.sentence) if found is None or reader.reads_place(found) else ""
    return {"attached": event.attached, "remark": event.remark, "sentence": sentence}


def remark_lines(reader: CaseReader) -> tuple[RemarkLine, ...]:
    """Every remark of the case, in the order in which they came; those that were dealt with among them."""
    loaded = reader.loaded
    if loaded.metadata_only:
        return ()
    by_seq: dict[int, Event] = {event.seq: event for event in loaded.events}
    found = []
    for one in loaded.case.remarks:
        came, settled = by_seq[one.seq], by_seq.get(one.settled_seq or 0)
        assert isinstance(came, RemarksAttached)
        paper, is_hidden = came.paper, not reader.reads_place(one.remark)
        missing = None if is_hidden else _missing(loaded, one.seq, one.remark)
        on = None if is_hidden and one.remark.act else _on(loaded, by_seq.get(one.remark.entry))
        line = RemarkLine(
            seq=one.seq,
            place=one.place,
            document=one.document,
            copy=one.copy,
            kind=one.remark.kind.value,
            section=one.remark.section,
            entry=one.remark.entry,
            awaits=one.remark.awaits,
            text="" if is_hidden else reader.words_of(came, one.remark.text),
            by=reader.name(paper.by if paper else came.actor),
            role=paper.role if paper else came.role,
            at=paper.at if paper else came.at,
            settled_at=settled.at if settled else None,
            settled_by=reader.name(settled.actor) if settled else "",
            sentence="" if is_hidden else _sentence(reader, settled),
            on=missing.title if missing else on,
            on_record=isinstance(by_seq.get(one.remark.entry), Recorded) and not is_hidden,
            is_hidden=is_hidden,
            field=one.remark.field,
            act="" if is_hidden else one.remark.act,
            part=None if is_hidden else _part(loaded, one.remark),
            at_entry=one.remark.entry or _copy_entry(loaded, one.document, one.copy),
        )
        found.append(line)
    return tuple(found)


def about_record(lines: Iterable[RemarkLine], record: Record) -> tuple[RemarkLine, ...]:
    """What is remarked on that record, or was when its form was missing."""
    return tuple(one for one in lines if one.entry == record.seq or (one.act == record.act and one.seq < record.seq))


def missing_forms(
    protocol: Protocol, duties: Iterable[DutyLine], counts: Iterable[Due], choices: Iterable[Choice]
) -> tuple[Act, ...]:
    """The acts that the protocol asks for now and whose form nobody has written.

    They are what a duty is met by, what ends a count, and what the next steps need.
    """
    visa = protocol.review.visa if protocol.review else ""
    asked = [act for line in duties if line.state == "due" for act in line.duty.met_by]
    counted = [one.act for due in counts if due.is_open for one in protocol.deadlines[due.deadline].met_by]
    asked += [act for act in counted if act]
    ways = [one for one in choices if one.kind == "move" and not protocol.moves[one.key].backwards]
    asked += [act for way in ways for reason in way.reasons for act in reason.acts]
    known = (protocol.acts[act] for act in dict.fromkeys(asked) if act in protocol.acts and act != visa)
    return tuple(act for act in known if act.kind not in _NO_FORM)


def _copy_entry(loaded: Loaded, document: str, copy: int) -> int:
    """The entry by which that copy was handed out; 0 on screen."""
    return next((one.seq for one in loaded.case.documents if (one.document, one.copy) == (document, copy)), 0)


def _missing(loaded: Loaded, seq: int, remark: Remark) -> Act | None:
    """The act whose form nobody had written."""
    return loaded.case.protocol_at(seq, loaded.protocol).acts.get(remark.act)


def _part(loaded: Loaded, remark: Remark) -> Text | None:
    """The question that a remark is on, in the words under which the entry was written."""
    record = loaded.case.written(remark.entry) if remark.field else None
    if record is None:
        return None
    for seq in (max((record.seq, *record.corrections)), record.seq):
        form = loaded.case.protocol_at(seq, loaded.protocol).form_of(record.act)
        if remark.field in form.by_key:
            return form.by_key[remark.field].label
    return None


def _on(loaded: Loaded, event: Event | None) -> Text | None:
    """The title of what a remark on an entry is on."""
    if event is None:
        return None
    protocol = loaded.case.protocol_at(event.seq, loaded.protocol)
    match event:
        case Recorded():
            return protocol.acts[event.act].title
        case StepTaken():
            return protocol.moves[event.move].title
        case DocumentIssued() if event.document in protocol.documents:
            return protocol.documents[event.document].title
    return None


def _sentence(reader: CaseReader, settled: Event | None) -> str:
    return reader.words_of(settled, settled.sentence) if isinstance(settled, RemarkSettled) else ""


def without_words(event: EventView) -> EventView:
    """The same line of the chronology for a copy in which remarks are not printed: that there were some, no more."""
    detail = dict(event.detail)
    if event.kind == EventKind.remarks_attached.name:
        detail["remarks"] = [{**one, "text": ""} for one in detail["remarks"]]
    elif event.kind == EventKind.remark_settled.name:
        detail["sentence"] = ""
    return replace(event, detail=detail)


# ---- where the review of a case stands -----------------------------------------------------------------------------

_BY_VISA = (ReviewState.visaed, ReviewState.sent_back)


def review_line(seeing: Seeing) -> ReviewLine | None:
    """None where the protocol of the case knows of no review, or it is not for this reader."""
    loaded = seeing.loaded
    review = loaded.protocol.review
    if review is None or loaded.metadata_only:
        return None
    now = _now(seeing)
    visa = next((one for one in seeing.choices if one.kind == "act" and one.key == review.visa), None)
    is_acting = loaded.door is None
    waits = now is not None and now.state in WAITING
    may_visa = is_acting and waits and visa is not None and visa.is_open
    reviews = is_acting and role_for(loaded.protocol, review.by, loaded.roles) is not None
    sends = is_acting and role_for(loaded.protocol, review.asked_by, loaded.roles) is not None
    return ReviewLine(
        state=now.state.value if now else "",
        since=now.since if now else None,
        due_at=now.due_at if now else None,
        by=seeing.name(now.by) if now else "",
        role=now.role if now else "",
        asked=now.asked if now else False,
        open_observations=now.open_observations if now else 0,
        words=_words(seeing, review, now),
        sends=sends,
        may_ask=sends and may_send(loaded.protocol, loaded.case),
        may_observe=reviews,
        may_end=reviews and ending_role(loaded) is not None,
        visa=loaded.protocol.acts[review.visa] if may_visa else None,
        may_refuse=may_visa and review.refusal is not None,
    )


def ending_role(loaded: Loaded) -> str | None:
    """The role in which this person may say that the case was examined; None: no review waits for them to end it."""
    if not may_end(loaded.protocol, loaded.case):
        return None
    asked = waits_for(loaded.protocol, loaded.case, turns(loaded.protocol, loaded.case))
    if loaded.case.restricted_seq is not None and loaded.protocol.review is not None:
        asked = loaded.protocol.review.by  # whoever observed may read it no more
    return role_for(loaded.protocol, asked, loaded.roles)


def _now(seeing: Seeing) -> ReviewNow | None:
    protocol, case = seeing.protocol, seeing.case
    counted = {key for key, one in protocol.deadlines.items() if any(start.review for start in one.start)}
    running = (count for count in seeing.counts if count.is_open and count.deadline in counted)
    return review_now(protocol, case, {count.start_seq: count.due_at for count in running})


def _words(seeing: Seeing, review: Review, now: ReviewNow | None) -> str:
    """What was said with it: as it was sent or ended, or the reasons for sending it back."""
    found = turns(seeing.protocol, seeing.case) if now else ()
    match found[-1].event if found else None:
        case ReviewAsked() | ReviewEnded() as event:
            return seeing.words_of(event, event.sentence)
        case StepTaken() as step:
            return seeing.words_of(step, step.reason)
        case Recorded() as recorded if now and now.state in _BY_VISA:
            record = seeing.case.record(recorded.seq)
            back = _sent_back_by(seeing, review, recorded)
            if back is not None:
                return seeing.words_of(back, back.reason)
            shown = seeing.record(record).answers if record else {}
            said = shown.get(review.refusal.reason) if review.refusal else None
            return said if isinstance(said, str) else ""
    return ""


def _sent_back_by(seeing: Seeing, review: Review, refused: Recorded) -> StepTaken | None:
    """The step that went back with a refused visa: its reasons are the same, and are for everybody who reads steps."""
    after = (event for event in seeing.case.events if event.seq == refused.seq + 1)
    step = next((event for event in after if isinstance(event, StepTaken)), None)
    return step if step and review.refusal and step.move in review.refusal.moves else None


# One case as a list says it to one person: out of its index row alone, nothing nominal.


def own_line(ctx: AppContext, loaded: Loaded) -> CaseLine | None:
    """A case as lists say it to this person now; None where they only read it, by an emergency opening."""
    if loaded.door is not None:
        return None
    row = index_row(loaded.case_id, loaded.protocol, loaded.case, loaded.facts, loaded.around)
    line = case_line(ctx, loaded.actor, row, loaded.around.unit)
    return as_metadata(line, loaded.actor) if loaded.metadata_only else line


def case_line(ctx: AppContext, actor: Actor, row: index_repository.IndexRow, unit: Unit) -> CaseLine:
    """A row of the index as a list shows it to this person: nothing nominal, not even the kind of facts."""
    protocol = ctx.library.protocol(row.protocol, row.version)
    grid = next(iter(protocol.grids.values()), None)
    stages = list(protocol.stages)
    act = protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
    due = protocol.deadlines.get(row.next_due_key or "")
    line = CaseLine(
        protocol=protocol,
        number=row.number,
        word=said(row.word),
        state=protocol.states[row.state],
        stage=protocol.stages[row.stage],
        stage_place=stages.index(row.stage) + 1,
        stage_count=len(stages),
        level=grid.levels.get(row.level or 0) if grid else None,
        due=due,
        due_at=row.next_due_at,
        tone="ended" if row.ended else tone_of(row.next_due_at, ctx.now()),
        raised=row.raised,
        urgent=row.urgent,
        restricted=row.restricted,
        unit=unit,
        opened_at=row.opened_at,
        next=_next_title(protocol, row),
        to_sign=row.next_kind == "sign",
        sent_back=row.next_kind == SENT_BACK,
        is_due=_is_due(protocol, row),
        since=row.waiting_since,
        by_day=due is None and row.next_due_at is not None,
        numbers=act is not None and act.kind is ActKind.refer and row.raised > 0,
    )
    return _for_whom(ctx, actor, row, line)


def _next_title(protocol: Protocol, row: index_repository.IndexRow) -> Text | None:
    """What is next, as something to do: a one-tap act's title says that it was done, its duty's that it is to be."""
    act = protocol.acts.get(row.next_key or "") if row.next_kind == "act" else None
    if act is not None and act.quick:
        duty = next((duty for duty in protocol.duties.values() if act.key in duty.met_by), None)
        return duty.title if duty is not None else act.title
    parts = {"act": protocol.acts, "sign": protocol.acts, "move": protocol.moves, "due": protocol.deadlines,
             SENT_BACK: protocol.states}  # fmt: skip
    found = parts.get(row.next_kind or "", {}).get(row.next_key or "")
    return found.title if found is not None else None


def _is_due(protocol: Protocol, row: index_repository.IndexRow) -> bool:
    """Whether what is next is what falls due first."""
    due = protocol.deadlines.get(row.next_due_key or "")
    if due is None or row.next_kind == "due":
        return row.next_key == row.next_due_key
    if row.next_kind == "move":
        return due.key in protocol.moves[row.next_key or ""].meets
    return row.next_kind == "act" and any(source.act == row.next_key for source in due.met_by)


def _for_whom(ctx: AppContext, actor: Actor, row: index_repository.IndexRow, line: CaseLine) -> CaseLine:
    own = names_of(ctx, actor, row, line.unit)
    alone = next((one for one in row.asked if one.role in own), None)
    if alone is not None and (row.waiting_for.isdisjoint(own) or row.next_key == alone.act):
        act, need = line.protocol.acts[alone.act], line.protocol.needs[alone.need]
        is_due = line.is_due and row.next_key == act.key
        told = replace(line, next=act.title, need=need, whom="me", since=alone.since, is_due=is_due)
        return replace(told, to_sign=False, sent_back=False, unanswered=bool(row.waits_on_authority))
    if row.waits_on_authority is None or row.next_key is None:
        return line
    line = replace(line, with_family=bool(row.waits_on_family), unanswered=row.waits_on_authority)
    if row.waits_on_authority and _waits_outside(ctx, row, line.protocol):
        return replace(line, whom="authority")
    if row.waiting_for & own:
        return replace(line, whom="me")
    shown = sorted(name for name in row.waiting_for if _may_be_shown(line.protocol, name))
    shown = [name for name in shown if name in line.protocol.seats] or shown
    is_team = len(shown) > 1 and all(rank_of(line.protocol, name) == TEAM for name in shown)
    return replace(line, whom="team" if is_team else "roles" if shown else "nobody", roles=tuple(shown))


def _waits_outside(ctx: AppContext, row: index_repository.IndexRow, protocol: Protocol) -> bool:
    """Whether what is next is an answer from outside that is not late."""
    is_answer = any(act.key == row.next_key for act in protocol.acts_of(ActKind.answer_referral))
    return is_answer and not (row.next_due_at and row.next_due_at < ctx.now())


def names_of(ctx: AppContext, actor: Actor, row: index_repository.IndexRow, unit: Unit) -> set[str]:
    """The roles and seats that this person has in a case."""
    today = today_for(ctx)
    seats = {seat.seat for seat in row.seats if seat.account == actor.id and seat.is_held(today)}
    return {*seats, *actor.roles_in((unit.id, *unit.parents))}


def _may_be_shown(protocol: Protocol, name: str) -> bool:
    """Whether a list says that a case waits for this role: those whom every case knows, no specialist."""
    seat = protocol.seats.get(name)
    role = protocol.roles.get((seat.acts_as or "") if seat else name)
    if role is None:
        return seat is not None
    return not role.side_bound and role.sees not in (ScopeKind.none, ScopeKind.receipt, ScopeKind.metadata)


def as_metadata(line: CaseLine, actor: Actor) -> CaseLine:
    """The same, to whoever knows of the case by its metadata alone."""
    own = line.due is not None and is_written_for(line.protocol, line.due, actor)
    return replace(
        line, level=None, raised=0, urgent=False, metadata_only=True, next=None, need=None, whom="", since=None,
        call=None, numbers=False, is_due=False, review="", observations=0, to_answer=0, due=line.due if own else None,
        due_at=line.due_at if own else None,
        tone=line.tone if own or line.tone == "ended" else "later",
    )  # fmt: skip


def is_written_for(protocol: Protocol, deadline: Deadline, actor: Actor) -> bool:
    """Whether what meets a deadline is written in forms that one of this person's roles is named to read."""
    held = [appointment.role for appointment in actor.appointments]
    forms = [protocol.form_of(protocol.acts[source.act]) for source in deadline.met_by if source.act]
    return bool(forms) and all(form.readers and role_for(protocol, form.readers, held) is not None for form in forms)
