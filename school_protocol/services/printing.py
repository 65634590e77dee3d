"""A case as one copy of its case file prints it, limited to the copy's profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from school_protocol.documents.model import CaseFile, CheckLine, GridLine, SummaryLine
from school_protocol.domain import scoring
from school_protocol.domain.assessing import assessed_level
from school_protocol.domain.conformance import Conformance, conformance
from school_protocol.domain.dues import duties
from school_protocol.domain.events import StepTaken
from school_protocol.domain.lines import EventView, PersonLine, RecordView
from school_protocol.domain.policy import Unit
from school_protocol.domain.protocol import ActKind, Document, Profile
from school_protocol.domain.summaries import last_summary, stands, summary_text
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded
from school_protocol.services.seeing import Seeing, without_names, without_words
from school_protocol.storage import directory


def case_file_view(
    house: House,
    loaded: Loaded,
    names: Mapping[str, str],
    profile: Profile,
    content_seq: int,
    content_head: str,
) -> CaseFile:
    """Everything that a file of this profile prints; what the profile leaves out isn't in it at all."""
    return _Printing(house, loaded, names, profile).case_file(content_seq, content_head)


class _Printing:
    def __init__(self, house: House, loaded: Loaded, names: Mapping[str, str], profile: Profile) -> None:
        self.house = house
        self.loaded = loaded
        self.profile = profile
        self.names = names
        self.seeing = Seeing(loaded, names)
        self.document: Document = next(one for one in loaded.protocol.documents.values() if profile.key in one.profiles)

    def case_file(self, content_seq: int, content_head: str) -> CaseFile:
        seeing, loaded = self.seeing, self.loaded
        grid, total, detail = self._grid()
        statuses = duties(loaded.facts, seeing.counts)
        return CaseFile(
            head=replace(seeing.head(), pseudonymised=not self.profile.identities),
            profile=self.profile.key,
            as_of=loaded.now,
            content_seq=content_seq,
            content_head=content_head,
            decision=self._decision(),
            summary=self._summary(),
            conformance=self._masked(conformance(loaded.facts, seeing.counts, statuses)),
            events=tuple(self._event(seeing.event(event)) for event in loaded.events),
            people=tuple(self._person(person) for person in seeing.people()),
            records=tuple(
                self._record(seeing.record(record))
                for record in loaded.case.records
                if any(record.act in section.acts for section in self.document.sections)
            ),
            grid=grid,
            grid_total=total,
            grid_detail=detail,
            dangers=seeing.dangers(),
            referrals=seeing.referrals(),
            follow_ups=tuple(
                replace(line, record=self._record(line.record)) if line.record else line for line in seeing.follow_ups()
            ),
            evidence=tuple(self._record(record) for record in seeing.of_kind(ActKind.evidence)),
            duties=seeing.duties(),
            seats=seeing.seats(),
            names=dict(self.names),
            rail=seeing.rail(),
            places=self._places(),
            checks=tuple(self._checks()),
        )

    # ---- limits of the profile -------------------------------------------------------------------------------

    def _person(self, person: PersonLine) -> PersonLine:
        return person if self.profile.identities else replace(person, name=None, identity={})

    def _record(self, record: RecordView) -> RecordView:
        """Words and what is for an authority alone are left out where the profile has none."""
        answers = dict(record.answers)
        written = self.loaded.case.written(record.seq)
        assert written is not None
        if not self.profile.words:
            answers = without_words(record.form, answers, self.seeing.masks.of(written))
        elif not self.profile.identities:
            answers = without_names(record.form, answers, self.seeing.masks.of(written))
        intimate = any(
            item.forbids_files and record.answers.get(item.key) in item.forbids_files for item in record.form.fields
        )
        for item in record.form.fields:
            if item.authority_only and (intimate or not self.profile.words):
                answers.pop(item.key, None)
        hidden = record.hidden or (None if self.profile.words else "words")
        return replace(record, answers=answers, hidden=hidden)

    def _masked(self, found: Conformance) -> Conformance:
        roles = {(step.move, step.at): step.role for step in self.loaded.events if isinstance(step, StepTaken)}
        departures = tuple(
            replace(line, reason=self.seeing.masks.by(line.actor, roles[line.move, line.at])(line.reason))
            for line in found.departures
        )
        return replace(found, departures=departures)

    def _event(self, event: EventView) -> EventView:
        return replace(event, record=self._record(event.record)) if event.record is not None else event

    # ---- parts -----------------------------------------------------------------------------------------------

    def _decision(self) -> RecordView | None:
        """The latest record that several people signed, where the document prints it."""
        printed = {act for section in self.document.sections for act in section.acts}
        signed = [
            record
            for record in self.loaded.case.records
            if record.act in printed
            and self.loaded.protocol.acts[record.act].group == "assessment"
            and self.loaded.protocol.acts[record.act].signatures > 1
        ]
        return self._record(self.seeing.record(signed[-1])) if signed else None

    def _summary(self) -> SummaryLine | None:
        """The latest text of the case in which nobody is named, where the copy prints one."""
        if self.profile.summary is None:
            return None
        record = last_summary(self.loaded.protocol, self.loaded.case, self.profile.summary)
        if record is None:
            return SummaryLine()
        text = self.seeing.masks.of(record)(summary_text(self.loaded.protocol, record))
        return SummaryLine(text, record.role, record.at, stands(self.loaded.case, record))

    def _grid(self) -> tuple[tuple[GridLine, ...], tuple[int, int] | None, Mapping[str, Any]]:
        rule = self.loaded.protocol.assessment
        records = self.loaded.case.records_of(rule.act) if rule else []
        if rule is None or not records:
            return (), None, {}
        answers = records[-1].answers
        item = self.loaded.protocol.form_of(rule.act).by_key[rule.field]
        grid = self.loaded.protocol.grids[item.grid or next(iter(self.loaded.protocol.grids))]
        scored = scoring.score(grid, answers.get(rule.field) or {})
        lines = tuple(
            GridLine(part.item, part.score, part.low, part.high, grid.items[part.item].weight)
            for part in scored.contributions
        )
        detail = self.loaded.case.grid or assessed_level(self.loaded.protocol, self.loaded.case, answers)[1]
        return lines, (scored.low, scored.high), detail

    def _places(self) -> tuple[Unit, ...]:
        with self.house.directory.reading() as session:
            found = directory.units(session, self.loaded.around.unit.parents)
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
                met = all(count.state != "open" and not count.is_late(facts.now) for count in counts)
                lines.append(CheckLine("deadlines", key, met if counts else None))
        return lines
