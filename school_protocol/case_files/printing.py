"""One case as a copy of its case file prints it: limited to the copy's profile, pages and record of one view."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files import record as case_files_record
from school_protocol.case_files.content import (
    Asked,
    Called,
    CaseFile,
    CheckLine,
    GridLine,
    HomePart,
    LeftOut,
    SummaryLine,
)
from school_protocol.case_files.copy_scope import SELF, Limits, document_of
from school_protocol.case_files.pages import case_file
from school_protocol.case_files.repository import Prepared, Sort
from school_protocol.cases import review_lines
from school_protocol.cases.case_view import Seeing
from school_protocol.cases.loading import Loaded, account_names, accounts_in, names_in
from school_protocol.cases.view_models import DutyLine, EventView, FollowUpLine, PersonLine, RecordView, SeatLine
from school_protocol.context import AppContext
from school_protocol.engine import case_summary
from school_protocol.engine.case_parts import Record
from school_protocol.engine.case_summary import (
    Conformance,
    DespiteLine,
    ExcuseLine,
    assessed_level,
    conformance,
    last_summary,
    stands,
    summary_text,
)
from school_protocol.engine.deadlines import chased, duties, open_dues
from school_protocol.engine.definition import START, ActKind, Protocol, ScopeKind
from school_protocol.engine.definition_parts import Document, FieldType, FormField, Profile, Section
from school_protocol.engine.events import CaseOpened, Event, PublicReportPlaced, Recorded, StepTaken
from school_protocol.engine.home_piece import HomePiece
from school_protocol.engine.next_steps import waiting_of
from school_protocol.engine.review_state import WAITING, turns, waits_for
from school_protocol.engine.story import StoryView, point_answers, story
from school_protocol.engine.visibility import Unit
from school_protocol.language import ZONE, Wording
from school_protocol.pdf.rendering import ink
from school_protocol.people.contacts import contact_lines
from school_protocol.storage import journal
from school_protocol.storage.engines import Session

# ---- the case, limited to the copy's profile -----------------------------------------------------------------------

_KINDS = {
    ActKind.evidence: "evidence", ActKind.follow_up: "follow_ups", ActKind.refer: "referrals",
    ActKind.answer_referral: "referrals",
}  # fmt: skip
"""Kinds of acts whose entries have a section of their own."""
_TOLD = (
    "target", "move", "reason", "document", "profile", "copy", "other", "entry", "act", "version",
    "contributes", "step", "piece", "sha256", "size", "format", "original", "purpose",
    "how", "hour", "taken_back", "until", "word",
)  # fmt: skip
"""What the chronology prints of what is no entry."""
_Line = TypeVar("_Line", ExcuseLine, DespiteLine)


def case_file_view(
    ctx: AppContext,
    loaded: Loaded,
    names: Mapping[str, str],
    limits: Limits,
    content_seq: int,
    content_head: str,
) -> CaseFile:
    """Everything that a file within these limits prints; what they leave out isn't in it at all."""
    return _Printing(ctx, loaded, names, limits).case_file(content_seq, content_head)


class _Printing:
    def __init__(self, ctx: AppContext, loaded: Loaded, names: Mapping[str, str], limits: Limits) -> None:
        self.ctx = ctx
        self.loaded = loaded
        self.limits = limits
        self.profile = limits.profile
        self.seeing = Seeing(loaded, limits.accounts(names))
        self.document: Document = next(
            one for one in loaded.protocol.documents.values() if self.profile.key in one.profiles
        )
        has, acts = self.profile.has, loaded.protocol.acts.values()
        in_sections = {act for one in self.document.sections if has(one.kind) for act in one.acts}
        of_kinds = {act.key for act in acts if act.kind in _KINDS and has(_KINDS[act.kind])}
        self.told_whole = in_sections | of_kinds
        """Acts whose entries stand in a section: the chronology tells what they found; of others, what it is about."""
        self.shown: list[RecordView] = []
        """Every entry as it stands in the copy, for whom its answers point at."""
        self.numbers: list[int] = []
        """Numbers that are not in the chronology."""

    def case_file(self, content_seq: int, content_head: str) -> CaseFile:
        seeing, loaded, has = self.seeing, self.loaded, self.profile.has
        grid, total, detail = self._grid() if has("grid") else ((), None, {})
        statuses = duties(loaded.facts, seeing.counts)
        asked = conformance(loaded.facts, seeing.counts, statuses) if has("conformance") else Conformance((), ())
        decision, found = self._decision()
        within = dict(self._within())
        parts: dict[str, Any] = {
            "decision": decision,
            "summary": self._summary(),
            "conformance": self._masked(asked),
            "records": tuple(self._records(self._in_sections())),
            **self._home(),
            "evidence": tuple(self._records(self._of_kind("evidence"))),
            "follow_ups": tuple(self._follow_ups()) if has("follow_ups") else (),
            "events": tuple(self._events()),
        }
        head = seeing.head()
        return CaseFile(
            head=replace(
                head,
                pseudonymised=not self.profile.identities,
                level=head.level if has("grid") else None,
                live_dangers=head.live_dangers if has("dangers") else (),
            ),
            profile=self.profile.key,
            as_of=loaded.now,
            content_seq=content_seq,
            content_head=content_head,
            people=tuple(map(self._person, self._people())) if has("people") else (),
            grid=grid,
            grid_total=total,
            grid_detail=detail,
            dangers=seeing.dangers() if has("dangers") else (),
            referrals=seeing.referrals() if has("referrals") else (),
            duties=tuple(self._duties()) if has("duties") else (),
            seats=tuple(self._seats()) if has("people") else (),
            names=self._accounts(parts["conformance"]),
            rail=seeing.rail(),
            places=self._places(),
            checks=tuple(self._checks()) if has("checks") else (),
            reader=self._reader(),
            left_out=self._left_out(within, is_decided=found and decision is None),
            asked=self._asked(),
            **self._story(),
            **parts,
        )

    # ---- page one --------------------------------------------------------------------------------------------

    def _story(self) -> dict[str, Any]:
        """The five lines, and the answers that tell the case: choices, signs and days that this copy may have."""
        protocol, case, has = self.loaded.protocol, self.loaded.case, self.profile.has
        view = StoryView(
            self._choices, self.limits.shows, dangers=has("dangers"), referrals=has("referrals"), level=has("grid")
        )
        points = point_answers(protocol, case, view)
        return {"points": points, "story": story(protocol, case, self.loaded.now, view, points)}

    def _choices(self, record: Record) -> Mapping[str, Any] | None:
        if not self._keeps(record):
            return None
        form = self.loaded.case.protocol_at(record.seq, self.loaded.protocol).form_of(record.act)
        return None if self.seeing.hidden(form) == "side" else self.limits.choices(record, form)

    def _asked(self) -> Asked:
        """What is asked of whom this copy is for, whoever they are."""
        state = self.loaded.protocol.states[self.loaded.case.state]
        match self.profile.reader:
            case "oversight":
                found = self._asked_of_overseers()
            case "referral":
                found = self._asked_of_service()
            case "guardian":
                found = None
            case _:
                found = None if state.ended else self._asked_of_team()
        return found or Asked("ended" if state.ended else "read")

    def _asked_of_service(self) -> Asked | None:
        """For its own referral alone; for any, where nobody is said to whom the copy goes."""
        number = self.limits.about.removeprefix("referral-")
        waiting = [one.number for one in self.loaded.case.referrals if one.is_open and number in ("", str(one.number))]
        asked_at = chased(self.loaded.facts)
        due_at = min((asked_at[one] for one in waiting if one in asked_at), default=None)
        return Asked("answer", due_at=due_at) if waiting else None

    def _asked_of_overseers(self) -> Asked | None:
        review, rules = self.seeing.review(), self.loaded.protocol.review
        if review is None or rules is None:
            return None
        if review.open_observations:
            return Asked("observed", since=review.since)
        if review.state not in WAITING or not self._waits_for_reader():
            return None
        begins = {state for one in rules.begins for state in one.entered}
        kind = "visa" if self.loaded.case.state in begins else "review"
        key = self.loaded.case.state if kind == "visa" else ""
        return Asked(kind, key, review.due_at, (review.role,) if review.role else (), review.since)

    def _waits_for_reader(self) -> bool:
        """Whether the review waits for the unit that the copy is for; of a restricted case, for whoever reads it."""
        about, case, protocol = self.limits.about, self.loaded.case, self.loaded.protocol
        if about in ("", SELF) or case.restricted_seq is not None:
            return True
        storeys = (ScopeKind.province, ScopeKind.region)
        units = dict(zip(storeys, self.loaded.around.unit.parents, strict=False))
        return about in {
            units.get(protocol.roles[role].sees) for role in waits_for(protocol, case, turns(protocol, case))
        }

    def _asked_of_team(self) -> Asked | None:
        waiting = waiting_of(self.loaded.facts, self.seeing.running)
        if waiting.kind is None or waiting.key is None:
            return None
        deadlines = self.loaded.protocol.deadlines
        met = [
            count.due_at
            for count in self.seeing.running
            if count.deadline == waiting.key or any(one.act == waiting.key for one in deadlines[count.deadline].met_by)
        ]
        roles = tuple(sorted(waiting.roles))
        return Asked(waiting.kind, waiting.key, min(met, default=None), roles, waiting.since)

    # ---- the pages for a family ------------------------------------------------------------------------------

    def _home(self) -> dict[str, Any]:
        """The pieces of its body that stand there, and the entries of which they print answers, no other answer."""
        if not self.profile.body:
            return {}
        parts: list[HomePart] = []
        records: dict[int, RecordView] = {}
        for place, piece in enumerate(self.profile.body):
            if piece.when is not None and piece.when.truth(self.loaded.facts) is not True:
                continue
            record = self._entry_of(piece) if piece.act else None
            numbers = called(self.ctx, self.loaded.protocol, self.loaded.case.unit, piece.services)
            if (piece.act and record is None) or (piece.services and not (numbers or piece.text)):
                continue
            parts.append(HomePart(place, record.seq if record is not None else 0, numbers))
            if record is not None:
                former = records.get(record.seq, record)
                records[record.seq] = replace(record, answers={**former.answers, **record.answers})
        return {"home": tuple(parts), "records": tuple(records.values())}

    def _entry_of(self, piece: HomePiece) -> RecordView | None:
        """The latest entry of its act that is in force and may stand there, with the answer that the piece prints."""
        found = [
            one
            for one in self.loaded.case.records_of(piece.act or "")
            if one.effective_seq is not None and self._keeps(one)
        ]
        if not found:
            return None
        shown, key = self._record(found[-1]), piece.field or ""
        value = shown.answers.get(key)
        return replace(shown, answers={key: value}) if value not in (None, "", [], ()) else None

    # ---- what is left out ------------------------------------------------------------------------------------

    def _within(self) -> Iterator[tuple[str, int]]:
        """Sections that stand there without some of their entries."""
        for place, section in enumerate(self.document.sections):
            lacking = [one for one in self._of_section(section) if not self._keeps(one)]
            if not lacking:
                continue
            self.limits.dropped.entries.update(one.seq for one in lacking)
            if self.profile.has(section.kind):
                yield str(place), len(lacking)

    def _left_out(self, within: Mapping[str, int], *, is_decided: bool) -> LeftOut:
        """Nothing is told of it to a family, nor counted."""
        dropped = self.limits.dropped
        if self.limits.is_personal:
            return LeftOut()
        return LeftOut(
            names=self.limits.unnamed(),
            words=len(dropped.words),
            answers=len(dropped.answers - dropped.words),
            addresses=len(dropped.addresses),
            entries=len(dropped.entries),
            sides=len(dropped.sides),
            sections=tuple(
                place
                for place, section in enumerate(self.document.sections)
                if not self.profile.has(section.kind) and section.kind != "summary"
            ),
            decision=is_decided,
            within=dict(within),
            numbers=tuple(_runs(self.numbers)),
        )

    def _keeps(self, record: Record) -> bool:
        form = self.loaded.case.protocol_at(record.seq, self.loaded.protocol).form_of(record.act)
        return self.limits.keeps(record.act, record.answers, form)

    # ---- entries ---------------------------------------------------------------------------------------------

    def _in_sections(self) -> list[Record]:
        acts = {act for section in self.document.sections for act in section.acts}
        return [record for record in self.loaded.case.records if record.act in acts and self.profile.has("records")]

    def _of_kind(self, kind: str) -> list[Record]:
        """Entries that stand in the section of that kind."""
        if not self.profile.has(kind):
            return []
        return [record for record in self.loaded.case.records if _KINDS.get(record.kind) == kind]

    def _of_section(self, section: Section) -> list[Record]:
        if section.kind == "records":
            return [record for record in self.loaded.case.records if record.act in section.acts]
        return [record for record in self.loaded.case.records if _KINDS.get(record.kind) == section.kind]

    def _records(self, records: Iterable[Record]) -> Iterator[RecordView]:
        return (self._record(record) for record in records if self._keeps(record))

    def _record(self, record: Record) -> RecordView:
        shown = self.limits.record(self.seeing.record(record), record, self.seeing.masks)
        self.shown.append(shown)
        return shown

    def _follow_ups(self) -> Iterator[FollowUpLine]:
        for line in self.seeing.follow_ups():
            record = self.loaded.case.record(line.record.seq) if line.record else None
            kept = record is not None and self._keeps(record)
            if self.limits.is_personal and record is not None and not kept:
                continue  # held with somebody else
            is_told = record is not None and kept and not self.limits.is_personal
            yield replace(line, record=self._record(record) if record is not None and is_told else None)

    def _decision(self) -> tuple[RecordView | None, bool]:
        """The latest record that several people signed, where the document prints it; and whether there is any."""
        printed = {act for section in self.document.sections for act in section.acts}
        signed = [
            record
            for record in self.loaded.case.records
            if record.act in printed
            and self.loaded.protocol.acts[record.act].group == "assessment"
            and self.loaded.protocol.acts[record.act].signatures > 1
        ]
        kept = signed and self.profile.has("decision") and self._keeps(signed[-1])
        return (self._record(signed[-1]) if kept else None), bool(signed)

    # ---- the chronology --------------------------------------------------------------------------------------

    def _events(self) -> Iterator[EventView]:
        for event in self.loaded.events:
            view = self._event(event) if self.profile.has("chronology") else None
            if view is not None:
                yield view
            else:
                self.numbers.append(event.seq)

    def _event(self, event: Event) -> EventView | None:
        """One line; None where it is not for this copy's reader."""
        view = self.seeing.event(event)
        if isinstance(event, Recorded):
            return self._entry(view)
        if self.profile.acts and not isinstance(event, CaseOpened | StepTaken):
            return None
        if isinstance(event, PublicReportPlaced) and self.limits.is_personal:
            return None  # a family learns of no other reporter
        if view.kind.startswith("remark"):
            return view if self.profile.has("remarks") else review_lines.without_words(view)
        told = {key: value for key, value in view.detail.items() if key in _TOLD}
        detail = {key: value for key, value in told.items() if key != "other" or value not in self.limits.unseen}
        return self._by(replace(view, detail=self._reasoned(event, detail)), event)

    def _entry(self, view: EventView) -> EventView | None:
        record = self.loaded.case.written(view.seq)
        if record is None or view.record is None or not self._keeps(record):
            return None
        if self.profile.acts and record.retracted_at is not None:
            return None
        noted = self.limits.dropped
        is_printed = _KINDS.get(record.kind) == "referrals" and self.profile.has("referrals")
        if is_printed and record.retracted_at is None:  # its table prints it from here
            shown = self._record(record)
        else:  # a line that says what it is about leaves nothing out that it would say
            self.limits.dropped = type(noted)()
            limited = self.limits.record(view.record, record, self.seeing.masks)
            is_whole = record.act in self.told_whole and record.retracted_at is None
            shown = self.limits.told(limited, whole=is_whole)
            self.limits.dropped = noted
            self.shown.append(shown)
        return replace(view, record=shown, actor=self.limits.name(view.actor))

    def _reasoned(self, event: Event, detail: dict[str, Any]) -> dict[str, Any]:
        """What somebody wrote as a reason, where their own words may stand there."""
        reason = getattr(event, "reason", "")
        if not reason:
            return detail
        if self.profile.acts or not (self._has_reasons if isinstance(event, StepTaken) else self._has_words):
            self.limits.dropped.words.add(event.seq)
            return {**detail, "reason": "", "reason_left_out": True}
        return {**detail, "reason": self.limits.mask(self.seeing.masks, event.actor, event.role)(reason)}

    @property
    def _has_words(self) -> bool:
        return self.profile.words and not self.loaded.pseudonymised

    @property
    def _has_reasons(self) -> bool:
        """Whether reasons of steps and departures stand there: whoever oversees answers for them, and reads signs."""
        return self._has_words or self.profile.reader == "oversight"

    def _by(self, view: EventView, event: Event) -> EventView:
        """Who did it: not who reported, where the reader is not to know."""
        is_opening = isinstance(event, CaseOpened) or (isinstance(event, StepTaken) and event.source == START)
        if self.limits.is_personal and (is_opening or event.actor == self.loaded.case.opened_by):
            return replace(view, actor="", role="")
        return replace(view, actor=self.limits.name(view.actor))

    def _masked(self, found: Conformance) -> Conformance:
        roles = {(step.move, step.at): step for step in self.loaded.events if isinstance(step, StepTaken)}
        lines = []
        for line in found.departures:
            step = roles[line.move, line.at]
            if self._has_reasons:
                masked = self.limits.mask(self.seeing.masks, line.actor, step.role)
                lines.append(replace(line, reason=masked(line.reason)))
            else:
                self.limits.dropped.words.add(step.seq)
                lines.append(replace(line, reason=""))
        asked = tuple(line for line in found.asked if self.limits.tells_of(line.subject))
        excuses, despite = tuple(self._as_read(found.excuses)), tuple(self._as_read(found.despite))
        return replace(found, asked=asked, departures=tuple(lines), excuses=excuses, despite=despite)

    def _as_read(self, lines: Iterable[_Line]) -> Iterator[_Line]:
        """Those of entries that this copy keeps, each with its reason as the reader reads it."""
        for line in lines:
            record = self.loaded.case.record(line.seq)
            if record is None or not self._keeps(record):
                continue
            if self._has_reasons:
                yield replace(line, reason=self.limits.mask_of(self.seeing.masks, record)(line.reason))
            else:
                self.limits.dropped.words.add(line.seq)
                yield replace(line, reason="")

    # ---- people ----------------------------------------------------------------------------------------------

    def _people(self) -> Iterator[PersonLine]:
        return (one for one in self.seeing.people() if self.limits.shows(one.id))

    def _duties(self) -> Iterator[DutyLine]:
        """Those about nobody in particular, or about somebody who stands in it, whom alone they tell."""
        statuses = duties(self.loaded.facts, self.seeing.counts)
        for status, line in zip(statuses, self.seeing.duties(), strict=True):
            told = tuple(filter(self.limits.tells_of, status.subjects))
            if told == status.subjects:
                yield line
            elif told:
                yield replace(line, subject=self.seeing.subject(told[0]))

    def _person(self, person: PersonLine) -> PersonLine:
        return replace(person, held=False) if self.limits.is_personal else person

    def _reader(self) -> PersonLine | None:
        return self._person(self.seeing.person(self.limits.guardian)) if self.limits.guardian else None

    def _seats(self) -> Iterator[SeatLine]:
        """Who looks after the case; to a family not who looks after another side."""
        seats = self.seeing.seats()
        return (one for one in seats if not self.limits.is_personal or one.side in (None, self.limits.side))

    def _accounts(self, found: Conformance) -> dict[str, str]:
        """Names of the colleagues whom something in it points at; of all others it says nothing."""
        pointed = {line.actor for line in found.departures} | {line.actor for line in found.excuses}
        pointed |= {line.actor for line in found.despite}
        for record in self.shown:
            pointed.update(_accounts_in(record.form.fields, record.answers))
        return {key: name for key, name in self.seeing.names.items() if key in pointed}

    # ---- parts -----------------------------------------------------------------------------------------------

    def _summary(self) -> SummaryLine | None:
        """The latest text of the case in which nobody is named, where the copy prints one."""
        if self.profile.summary is None:
            return None
        record = last_summary(self.loaded.protocol, self.loaded.case, self.profile.summary)
        if record is None:
            return SummaryLine()
        text = self.limits.mask_of(self.seeing.masks, record)(summary_text(self.loaded.protocol, record))
        return SummaryLine(text, record.role, record.at, stands(self.loaded.case, record))

    def _grid(self) -> tuple[tuple[GridLine, ...], tuple[int, int] | None, Mapping[str, Any]]:
        rule = self.loaded.protocol.assessment
        records = self.loaded.case.records_of(rule.act) if rule else []
        if rule is None or not records:
            return (), None, {}
        answers = records[-1].answers
        item = self.loaded.protocol.form_of(rule.act).by_key[rule.field]
        grid = self.loaded.protocol.grids[item.grid or next(iter(self.loaded.protocol.grids))]
        scored = case_summary.score(grid, answers.get(rule.field) or {})
        lines = tuple(
            GridLine(part.item, part.score, part.low, part.high, grid.items[part.item].weight)
            for part in scored.contributions
        )
        detail = self.loaded.case.grid or assessed_level(self.loaded.protocol, self.loaded.case, answers)[1]
        return lines, (scored.low, scored.high), detail

    def _places(self) -> tuple[Unit, ...]:
        with self.ctx.directory.reading() as session:
            found = auth_repository.find_units(session, self.loaded.around.unit.parents)
        return tuple(found.values())

    def _checks(self) -> list[CheckLine]:
        facts, protocol = self.loaded.facts, self.loaded.protocol
        lines = []
        for key in self.document.checks:
            if key in protocol.needs:
                lines.append(CheckLine("needs", key, protocol.needs[key].when.truth(facts) is True))
            elif key in protocol.duties:
                status = next((line for line in self.seeing.duties() if line.duty.key == key), None)
                lines.append(CheckLine("duties", key, status.state == "done" if status else None))
            elif key in protocol.deadlines:
                counts = [count for count in self.seeing.counts if count.deadline == key]
                met = all(count.state != "open" and not count.was_late(facts.now) for count in counts)
                lines.append(CheckLine("deadlines", key, met if counts else None))
        return lines


def called(ctx: AppContext, protocol: Protocol, unit: str, targets: Sequence[str]) -> tuple[Called, ...]:
    """One number of each of these services, as the directory has them for that school."""
    found: dict[str, Called] = {}
    for line in contact_lines(ctx, protocol, unit, targets) if targets else ():
        if line.phone and line.target is not None:
            name: Mapping[str, str] = line.name or line.target.title.root
            found.setdefault(line.target.key, Called(name, line.phone))
    return tuple(found.values())


def _accounts_in(fields: Iterable[FormField], answers: Mapping[str, Any]) -> Iterator[str]:
    for item in fields:
        value = answers.get(item.key)
        if item.type is FieldType.rows:
            for row in value or ():
                yield from _accounts_in(item.fields, row)
        elif item.type in (FieldType.account, FieldType.accounts) and value:
            yield from [value] if isinstance(value, str) else value


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Numbers in order, as runs from first to last."""
    first = last = 0
    for number in numbers:
        if number != last + 1 or not first:
            if first:
                yield first, last
            first = number
        last = number
    if first:
        yield first, last


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file is made of: the view, its record, and until when both are true."""

    view: CaseFile
    record: bytes
    until: datetime
    content: journal.Head
    at_seq: int
    """Number of the latest event that it knows of."""
    language: str

    @property
    def as_of(self) -> datetime:
        return self.view.as_of

    def made(self) -> Prepared:
        """Typeset it: takes seconds, so nobody waits for it in a transaction."""
        data = case_file(self.view, Wording(self.language), self.record)
        return Prepared(self.content.seq, self.at_seq, self.as_of, self.until, data)


def draft(ctx: AppContext, session: Session, loaded: Loaded, profile: Profile, language: str, about: str = "") -> Draft:
    """What a file of this case for these readers is made of, as the person who has it loaded may see it.

    `about` is for whom it is (`Reader.about`): without it, for any reader of the profile to whom all of it may go.
    """
    head = journal.content_head(session, loaded.case_id)
    assert head is not None
    limits = Limits(loaded, profile, names_in(ctx, session, loaded.case_id), about)
    loaded.names, loaded.naming = limits.names(), limits.naming()
    accounts = account_names(ctx, {*accounts_in(loaded), loaded.actor.id}, language)
    view = case_file_view(ctx, loaded, accounts, limits, head.seq, head.hash)
    versions = versions_of(loaded)
    record = case_files_record.record_of(view, versions, sources_of(ctx, versions), Wording(language))
    return Draft(view, case_files_record.encoded(record), true_until(loaded), head, loaded.case.last_seq, language)


def versions_of(loaded: Loaded) -> Mapping[int, Protocol]:
    """The versions that the case was handled by."""
    return {**loaded.case.earlier, loaded.protocol.version: loaded.protocol}


def sources_of(ctx: AppContext, versions: Mapping[int, Protocol]) -> Mapping[int, str]:
    return {number: ctx.library.source(protocol) for number, protocol in versions.items()}


def true_until(loaded: Loaded) -> datetime:
    """When something would read otherwise though nobody wrote: the next time limit, or the next day."""
    local = loaded.now.astimezone(ZONE)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    coming = [count.due_at for count in open_dues(loaded.facts) if count.due_at > loaded.now]
    return min([midnight, *coming])


def sort_of(loaded: Loaded, profile: Profile, language: str, about: str = "") -> Sort:
    """Whose eyes it is made for, and what makes its pages."""
    told = "|".join([eyes_of(loaded, profile, about), str(case_files_record.LAYOUT), ink(language)])
    return Sort(document_of(loaded).key, profile.key, language, hashlib.sha256(told.encode()).hexdigest())


def eyes_of(loaded: Loaded, profile: Profile, about: str = "") -> str:
    """A digest: the same roles and seats here see the same, unless it depends on for whom it is made."""
    sight = Limits(loaded, profile, {}, about).sight
    seats = sorted(
        f"{seat.seat}:{seat.side or ''}" for seat in loaded.case.seats_of(loaded.actor.id, loaded.facts.today)
    )
    if profile.is_personal:  # whoever issues it is named to a family
        seats = [*seats, loaded.actor.id]
    told = "|".join([*sorted(set(loaded.roles)), *seats, loaded.protocol.digest, sight])
    return hashlib.sha256(told.encode()).hexdigest()
