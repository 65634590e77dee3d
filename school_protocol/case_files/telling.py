"""What a case file tells of entries in a line each: the chronology by stages, follow-ups and services as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.presenters import Entries
from school_protocol.cases.story_lines import Saying, short_day
from school_protocol.cases.view_models import EventView, FollowUpLine, RecordView, ReferralLine
from school_protocol.engine.definition import ActKind, Stage
from school_protocol.engine.definition_parts import FieldType, FormField
from school_protocol.engine.story import POINTERS, telling
from school_protocol.language import ZONE

_WORDS = 120
"""Letters of somebody's words that stand on two lines."""
_NUMBERED = (FieldType.record, FieldType.referral)


@dataclass(frozen=True, slots=True)
class ChronologyRow:
    """A line of the chronology, a run of numbers that are left out, or the head of a stage."""

    stage: Stage | None = None
    event: EventView | None = None
    run: tuple[int, int] = (0, 0)
    is_correction: bool = False
    """It corrects or takes back, or was taken back itself."""
    late: Markup | None = None
    when: Markup | None = None


class Told(Entries):
    """The view's entries, each in a line."""

    # ---- the chronology --------------------------------------------------------------------------------------

    def chronology(self) -> Iterator[ChronologyRow]:
        """Its lines in order, the runs of numbers that are left out in their place, under the stages of the case."""
        gaps = [(first, None, last) for first, last in self.view.left_out.numbers]
        lines = [(event.seq, event, event.seq) for event in self.view.events]
        here: Stage | None = None
        year = 0
        for first, event, last in sorted([*gaps, *lines], key=lambda row: row[0]):
            stage = self._stage(event)
            if stage is not None and stage is not here:
                yield ChronologyRow(stage=stage)
                here = stage
            is_correction = event is not None and self._is_correction(event)
            late = self._late(event) if event is not None and event.record is not None else None
            when = self._moment(event.occurred_at, year) if event is not None else None
            year = event.occurred_at.astimezone(ZONE).year if event is not None else year
            yield ChronologyRow(None, event, (first, last), is_correction, late, when)

    def _moment(self, at: datetime, year: int) -> Markup:
        """Day and time on one line; the year where it is another than on the line before."""
        local = at.astimezone(ZONE)
        if local.year != year:
            return self.when(at)
        day = Markup('<span class="nowrap">{}</span>').format(self.line(short_day(self.w, at)))
        if local.time() == time(0):
            return day
        return Markup('{} <span class="clock">{}</span>').format(day, self.line(self.w.clock(at)))

    def _stage(self, event: EventView | None) -> Stage | None:
        """The stage that the case enters with an event."""
        if event is None:
            return None
        if event.kind == "case_opened":
            return self.protocol.stage_of(self.protocol.initial.key)
        state = event.detail.get("target") if event.kind == "step_taken" else None
        if isinstance(state, str):
            return self.protocol.stage_of(state) if state in self.protocol.states else None
        return self.protocol.stages.get(state.stage) if state is not None else None

    def _is_correction(self, event: EventView) -> bool:
        record = event.record
        if record is None:
            return event.kind == "entry_retracted"
        return record.act.kind is ActKind.correct or record.taken_back is not None

    def _late(self, event: EventView) -> Markup | None:
        """By how much this entry came after what it was due by."""
        assert event.record is not None
        for line in self.view.conformance.asked:
            if line.outcome != "late" or line.part != "deadlines" or line.due_at is None or line.done_at is None:
                continue
            sources = self.protocol.deadlines[line.key].met_by
            if line.done_at == event.occurred_at and any(one.act == event.record.act.key for one in sources):
                return self.line(self.w.late_by(line.done_at - line.due_at))
        return None

    def first_acts(self) -> frozenset[int]:
        """Numbers of the lines on which somebody first acts in a role: their name is said there, not on every line."""
        firsts: dict[tuple[str, str], int] = {}
        for event in self.view.events:
            if event.record is None or event.record.paper is None:
                firsts.setdefault((event.actor, event.role), event.seq)
        return frozenset(firsts.values())

    # ---- one entry -------------------------------------------------------------------------------------------

    def told(self, record: RecordView) -> Markup:
        """What an entry is, then what was found or decided."""
        said = self.found(record)
        if record.taken_back is not None:
            said = [
                self.line(self.w._("Taken back by its writer at %(time)s", time=self.w.clock(record.taken_back))),
                *said,
            ]
        if record.corrections:
            numbers = self.w.listed(map(str, record.corrections))
            said.append(self.line(self.w._("corrected by entry %(number)s", number=numbers)))
        title = self.text(record.form.title)
        return (
            Markup("<b>{}</b> {}").format(title, Markup(" · ").join(said))
            if said
            else Markup("<b>{}</b>").format(title)
        )

    def found(self, record: RecordView, without: tuple[str, ...] = ()) -> list[Markup]:
        """The answers that tell an entry, each as it is said in a line."""
        fields = [field for field in telling(record.form, whole=True) if field.key not in without]
        return [self.brief(record, field, value) for field, value in self._answered(record, fields)]

    def brief(self, record: RecordView, field: FormField, value: Any) -> Markup:
        """An answer in a line: without its question where it says what it is."""
        saying = Saying(self.w, self.protocol)
        if field.type in POINTERS:
            return self.answer(field, value)
        if field.type in _NUMBERED:
            return self.line(self.w._("no. %(number)s", number=value))
        if self.is_felt(record, field):
            return self.line(self.w._("safety felt: %(last)s of 10", last=value))
        if field.is_words:
            return self._in_two_lines(str(value))
        shorts = {option.key: option.in_short for option in field.options if option.in_short}
        if isinstance(value, str) and value in shorts:
            return self.line(self.w.text(shorts[value]))
        label, answer = self.w.text(field.label), self.answer(field, value)
        joined = self.line(f"{saying.small(label)}{self.w.colon(label)}")
        return Markup('<span class="asked">{}</span> {}').format(joined, answer)

    def is_felt(self, record: RecordView, field: FormField) -> bool:
        """Whether this answer says how safe the pupil feels."""
        story = self.protocol.story
        return story is not None and story.felt.get(record.act.key) == field.key

    def _in_two_lines(self, words: str) -> Markup:
        said = " ".join(self.labelled(words).split())
        if len(said) > _WORDS:
            said = f"{said[:_WORDS].rpartition(' ')[0]} …"
        return Markup('<span class="words">{}</span>').format(self.quoted(said))

    # ---- follow-ups and services -----------------------------------------------------------------------------

    def felt(self, line: FollowUpLine) -> Markup | None:
        """How safe the pupil felt at a follow-up, as a number."""
        record = line.record
        felt = self.protocol.story.felt.get(record.act.key) if record and self.protocol.story else None
        value = record.answers.get(felt or "") if record else None
        return self.line(value) if value is not None else None

    def found_at(self, line: FollowUpLine) -> Markup:
        """What a follow-up found, but how safe the pupil felt: that has a column of its own."""
        if line.record is None:
            return Markup("")
        story = self.protocol.story
        felt = story.felt.get(line.record.act.key, "") if story else ""
        return Markup(" · ").join(self.found(line.record, (felt,)))

    def sent(self, referral: ReferralLine) -> list[Markup]:
        """What was sent to a service, but to which and about what: that has columns of its own."""
        record = self.record_number(referral.seq)
        about = {field.key for field in record.form.fields if field.type in POINTERS} if record else set()
        return self.found(record, tuple(about)) if record else []

    def answered(self, referral: ReferralLine) -> list[tuple[RecordView, Markup]]:
        """Each answer to it, with what it says."""
        return [(reply, Markup(" · ").join(self.found(reply, self._own(reply)))) for reply in self.replies(referral)]

    @staticmethod
    def _own(reply: RecordView) -> tuple[str, ...]:
        field = reply.form.find(FieldType.referral)
        return (field.key,) if field is not None else ()
