"""The view of a folded case for one reader: what they may see of it, and what is to be minded about its people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

from school_protocol.cases import review_lines
from school_protocol.cases.case_reader import CaseReader
from school_protocol.cases.review_lines import review_line
from school_protocol.cases.view_models import (
    AccountLine,
    ActLine,
    CaseHead,
    CaseView,
    CautionLine,
    Choices,
    DangerLine,
    DueLine,
    DutyLine,
    FollowUpLine,
    HoldLine,
    MoveLine,
    MoveView,
    OtherTask,
    RailStage,
    RecordView,
    ReferralLine,
    RefusalLine,
    ReviewLine,
    SeatLine,
    WayBack,
    tone_of,
)
from school_protocol.engine.actors import held_around, leading, nameable, role_for
from school_protocol.engine.case_parts import Record, own_role
from school_protocol.engine.case_summary import standing
from school_protocol.engine.case_words import said
from school_protocol.engine.deadlines import Due, DutyStatus, counts_anew, dues, duties, open_dues
from school_protocol.engine.decisions import Decider, signable
from school_protocol.engine.definition import Act, ActKind, Deadline, Move
from school_protocol.engine.definition_parts import FieldType, Option
from school_protocol.engine.document_rules import awaited
from school_protocol.engine.errors import Unseen
from school_protocol.engine.events import StepTaken
from school_protocol.engine.facts import points_by
from school_protocol.engine.intents import Choice, Reason
from school_protocol.engine.next_steps import Waiting, act_for, follow_ups, is_again, places, waiting_list, ways_back
from school_protocol.engine.review_state import sent_back
from school_protocol.engine.story import StoryLine, StoryView, point_answers, story
from school_protocol.language import ZONE
from school_protocol.people.contacts import ContactLine


def caution_lines(seeing: Seeing) -> Iterator[CautionLine]:
    """What stands, with people's signs, as far as this reader may read the entries that say so."""
    for one in standing(seeing.protocol, seeing.case):
        if any(seeing.record(record).hidden != "side" for record in one.entries):
            yield CautionLine(one.caution, tuple(seeing.person(key) for key in one.people))


# ---- from a folded case to what one person may see of it -----------------------------------------------------------

GROUPS = ("safety", "listening", "people", "assessment", "plan", "referral", "follow_up", "closing", "team")
_ELSEWHERE = (ActKind.sign, ActKind.raise_danger, ActKind.answer_referral)
"""What has buttons of its own on the page."""
_AFTER = 1_000
"""The place of what a step or a duty calls for, and the case doesn't wait for yet."""
_LOOKED_AT = 8
"""So many of the things that a case waits for are looked at, and …"""
_OTHERS = 3
"""… so many that others have to do are shown."""
_NAMED = 2
"""So many people are told by name; more, by what they are."""


class Seeing(CaseReader):
    """One person's view of one case; asks the engine of what is shown, once, and shows what it says."""

    @cached_property
    def decider(self) -> Decider:
        asked = self.loaded
        return Decider(asked.protocol, asked.case, asked.actor, asked.now, asked.around, asked.facts)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        return self.decider.choices()

    @cached_property
    def counts(self) -> tuple[Due, ...]:
        return dues(self.loaded.facts)

    @cached_property
    def running(self) -> tuple[Due, ...]:
        return open_dues(self.loaded.facts)

    @cached_property
    def opened(self) -> frozenset[str]:
        return frozenset(choice.key for choice in self.choices if choice.kind == "act" and choice.is_open)

    # ---- lines -----------------------------------------------------------------------------------------------

    def head(self) -> CaseHead:
        case, protocol, loaded = self.case, self.protocol, self.loaded
        lifting, door = loaded.lifting, loaded.door
        grid = next(iter(protocol.grids.values()), None)
        assert case.opened_at is not None
        return CaseHead(
            protocol=protocol,
            number=case.number,
            word=said(case.word),
            seq=case.last_seq,
            unit=loaded.around.unit,
            state=protocol.states[case.state],
            stage=protocol.stage_of(case.state),
            level=grid.levels.get(case.level) if grid and not loaded.metadata_only else None,
            opened_at=case.opened_at,
            entered_at=case.entry.at,
            restricted=case.restricted_seq is not None,
            pseudonymised=loaded.pseudonymised and lifting is None,
            names_until=lifting.until if lifting else None,
            open_until=door.until if door else None,
            metadata_only=loaded.metadata_only,
            has_papers=door is None and self.has_papers(),
            roles=loaded.roles if door is None else (),
            cautions=tuple(caution_lines(self)),
            live_dangers=tuple(line for line in self.dangers() if line.state in ("raised", "referred")),
            labels=self.labels(),
            can_raise=door is None and self._can_raise(),
            counts=self._counts(),
            grade=self._grade(),
            chooses_word=door is None and not leading(protocol).isdisjoint(loaded.roles),
        )

    def _grade(self) -> str:
        """Of the first person whom the definition asks for, who is the one that it happens to."""
        first = next(iter(self.protocol.slots), "")
        own = (self.person(one.id).identity for one in self.case.people.values() if one.slot == first)
        return next((grade for identity in own if (grade := identity.get("grade", ""))), "")

    def _counts(self) -> dict[str, int]:
        case, loaded = self.case, self.loaded
        counts = {"chronology": len(loaded.events), "outcomes": len(case.holds)}
        if loaded.metadata_only:
            return counts
        counts["people"] = len(case.people)
        counts["outcomes"] += len(case.referrals) + len(loaded.facts.planned)
        if self.protocol.pieces is not None and loaded.door is None:
            counts["pieces"] = sum(record.kind is ActKind.evidence for record in case.records)
        return counts

    def _can_raise(self) -> bool:
        return any(self.decider.act_choice(act).is_open for act in self.protocol.acts_of(ActKind.raise_danger))

    def has_papers(self) -> bool:
        documents = self.protocol.documents.values()
        issued_by = [profile.for_ for one in documents for profile in one.profiles.values()]
        issued_by += [one.for_ for one in documents if one.is_letter]
        return any(role_for(self.protocol, roles, self.loaded.roles) is not None for roles in issued_by)

    def dangers(self) -> tuple[DangerLine, ...]:
        if self.loaded.metadata_only:
            return ()
        return tuple(
            DangerLine(
                self.protocol.dangers[life.danger],
                life.state,
                life.raised_at,
                self.author(life.raised_seq, life.by),
                life.changed_at,
            )
            for life in reversed(self.case.dangers)
        )

    def rail(self) -> tuple[RailStage, ...]:
        states = self.protocol.states
        here = self.protocol.stage_of(self.case.state).key
        known = [entry for entry in self.case.entries if entry.state in states]
        lines = []
        for key, stage in self.protocol.stages.items():
            entries = [entry for entry in known if states[entry.state].stage == key]
            entered = dict.fromkeys(entry.state for entry in entries)
            state = "current" if key == here else "done" if entries else "ahead"
            last = entries[-1].at if entries else None
            lines.append(RailStage(stage, state, last, tuple(states[name] for name in entered)))
        return tuple(lines)

    def moves(self) -> tuple[tuple[MoveLine, ...], tuple[MoveLine, ...]]:
        """Forward moves, and the rest."""
        forward: list[MoveLine] = []
        other: list[MoveLine] = []
        told = {step.do for step in self.protocol.states[self.case.state].next}
        for choice in self.choices:
            if choice.kind != "move":
                continue
            move = self.protocol.moves[choice.key]
            if move.automatic:
                continue
            line = self._move_line(move, choice)
            if _role_refused(choice) and move.backwards:
                continue
            is_next = line.place is not None and move.key in told
            (other if move.backwards and not is_next else forward).append(line)
        forward.sort(
            key=lambda line: (
                not line.is_open, _role_refused_line(line), line.is_again, line.move.reason, len(line.reasons)
            )
        )  # fmt: skip
        return tuple(forward), tuple(other)

    @cached_property
    def _places(self) -> Mapping[tuple[str | None, str | None], int]:
        return places(self.loaded.facts, self.running)

    def ways_back(self) -> tuple[WayBack, ...]:
        """What was asked since the case ended, and waits."""
        is_open = {choice.key: choice.is_open for choice in self.choices if choice.kind == "move"}
        return tuple(
            WayBack(self.protocol.moves[key], tuple(map(self.record, records)), is_open.get(key, False))
            for key, records in ways_back(self.loaded.facts).items()
        )

    def refusal(self) -> RefusalLine | None:
        """What was refused, and waits for the team's answer."""
        found, review = sent_back(self.protocol, self.case), self.protocol.review
        if found is None or review is None or review.refusal is None:
            return None
        event = found.event
        if isinstance(event, StepTaken):
            words = self.words_of(event, event.reason)
        else:
            record = self.case.record(event.seq)
            answers = self.record(record).answers if record is not None else {}
            words = str(answers.get(review.refusal.reason) or "")
        return RefusalLine(self.protocol.states[found.state], self.name(event.actor), event.role, event.at, words)

    def _move_line(self, move: Move, choice: Choice) -> MoveLine:
        departing = [reason for reason in choice.reasons if reason.may_depart]
        return MoveLine(
            move,
            self.protocol.states.get(move.to),
            choice.is_open,
            choice.reasons,
            may_try=bool(departing) and len(departing) == len(choice.reasons),
            is_again=is_again(self.loaded.facts, move),
            place=self._places.get(("move", move.key)) if choice.is_open else None,
        )

    def acts(self) -> tuple[tuple[str, tuple[ActLine, ...]], ...]:
        called_for = self._acts_of_next_steps() | self._acts_of_duties()
        first = act_for(self.loaded.facts, self.running, self.loaded.roles)
        grouped: dict[str, list[ActLine]] = {group: [] for group in GROUPS}
        for act in (self.protocol.acts[one.key] for one in self.choices if one.kind == "act" and one.is_open):
            is_first = act.key == first
            if act.kind in _ELSEWHERE and not is_first:
                continue
            records = self.case.records_of(act.key)
            last = records[-1].occurred_at if records else None
            place = -1 if is_first else self._places.get(("act", act.key), _AFTER if act.key in called_for else None)
            grouped[act.group].append(ActLine(act, len(records), last, place))
        return tuple((group, tuple(lines)) for group, lines in grouped.items() if lines)

    def _acts_of_next_steps(self) -> set[str]:
        """What the next steps need, but what is written already and waits for a signature.

        A step that needs a reason is none that a case waits for.
        """
        reasons = [reason for choice in self.choices if self._is_onward(choice) for reason in choice.reasons]
        written = [self.case.record(seq) for reason in reasons for seq in reason.to_sign]
        unsigned = {record.act for record in written if record is not None}
        return {act for reason in reasons for act in reason.acts} - unsigned

    def _is_onward(self, choice: Choice) -> bool:
        """Whether it is a step ahead, of this reader's role, which needs no reason."""
        if choice.kind != "move" or _role_refused(choice):
            return False
        move = self.protocol.moves[choice.key]
        return not move.backwards and not move.reason

    def _acts_of_duties(self) -> set[str]:
        return {act.key for line in self.duties() if line.state == "due" for act in line.acts}

    def duties(self) -> tuple[DutyLine, ...]:
        """Every duty, as it stands."""
        return tuple(map(self._duty_line, self._duties))

    @cached_property
    def _duties(self) -> tuple[DutyStatus, ...]:
        return duties(self.loaded.facts, self.counts)

    def _duty_line(self, status: DutyStatus) -> DutyLine:
        duty = self.protocol.duties[status.duty]
        return DutyLine(
            duty,
            status.state,
            tone_of(status.due_at, self.loaded.now) if status.state == "due" else "ok",
            status.due_at,
            status.done_at,
            self._open_acts(duty.met_by),
            self._about(status.subjects),
            self._is_for_others(duty.by or [role for act in duty.met_by for role in self.protocol.acts[act].by]),
        )

    def _is_for_others(self, roles: Iterable[str]) -> bool:
        named = tuple(roles)
        return bool(named) and role_for(self.protocol, named, self.loaded.roles) is None

    def _open_acts(self, keys: Iterable[str]) -> tuple[Act, ...]:
        return tuple(self.protocol.acts[key] for key in dict.fromkeys(keys) if key in self.opened)

    def _about(self, subjects: tuple[str, ...]) -> str:
        """Of people, all their signs; of anything else, what is due first."""
        people = [self.person(one).label for one in subjects if one in self.case.people]
        return " · ".join(people) if people else self.subject(next(iter(subjects), ""))

    def due_lines(self) -> tuple[DueLine, ...]:
        """Counts that no duty says, follow-ups (those that were not held, and the next to come), and what to chase."""
        now = self.loaded.now
        lines = [self._count_line(due) for due in self.running if not self._is_said(due)]
        planned = follow_ups(self.loaded.facts, self.running)
        coming = [one for one in planned if one.due_at >= now]
        for one in (one for one in planned if one not in coming[1:]):
            lines.append(DueLine(None, "", one.due_at, tone_of(one.due_at, now), self._open_acts([one.act])))
        lines.sort(key=lambda line: line.due_at or now)
        return (*lines, *self._chased())

    def _chased(self) -> Iterator[DueLine]:
        """Referrals acknowledged and not answered, of which messages ask again by now: nothing is late by them."""
        for deadline in self.protocol.deadlines.values():
            for due in counts_anew(self.loaded.facts, deadline):
                if due.is_open and due.due_at <= self.loaded.now:
                    yield replace(self._count_line(due), due_at=None, tone="today")

    def _count_line(self, due: Due) -> DueLine:
        deadline = self.protocol.deadlines[due.deadline]
        acts = self._open_acts(source.act for source in deadline.met_by if source.act)
        is_others = self._is_for_others(self._who_meets(deadline))
        tone = tone_of(due.due_at, self.loaded.now)
        return DueLine(deadline, self._about((due.subject,)), due.due_at, tone, acts, is_others)

    def _who_meets(self, deadline: Deadline) -> Iterator[str]:
        """The roles by whose acts and moves a deadline is met."""
        for source in deadline.met_by:
            if source.act is not None:
                yield from self.protocol.acts[source.act].by
            for move in self.protocol.moves.values():
                if source.move == move.key or move.to in source.entered or deadline.key in move.meets:
                    yield from move.by

    def _is_said(self, due: Due) -> bool:
        """Whether a duty says of this count, or of an earlier one, that it is due."""
        saying = (one for one in self._duties if one.due_at is not None and one.due_at <= due.due_at)
        return any(one.state == "due" and due.deadline in self.protocol.duties[one.duty].deadlines for one in saying)

    def subject(self, subject: str) -> str:
        """A count's subject for display: a danger's key, a person's label, a number."""
        return self.person(subject).label if subject in self.case.people else subject

    def seats(self) -> tuple[SeatLine, ...]:
        return tuple(
            SeatLine(self.protocol.seats[held.seat], self.name(held.account), held.until, held.side)
            for held in self.case.seats
        )

    def referrals(self) -> tuple[ReferralLine, ...]:
        if self.loaded.metadata_only:
            return ()
        lines = []
        for referral in self.case.referrals:
            record = self.case.record(referral.seq)
            state = "settled" if referral.settled_at else "acknowledged" if referral.acknowledged_at else "open"
            lines.append(
                ReferralLine(
                    referral.number,
                    referral.seq,
                    self.protocol.targets[referral.target],
                    referral.covers,
                    referral.at,
                    self._channel(record),
                    self.author(referral.seq, referral.actor),
                    state if referral.awaits_answer else "settled",
                    referral.settled_at or referral.acknowledged_at,
                    referral.whom,
                )
            )
        return tuple(lines)

    def _channel(self, record: Record | None) -> Option | None:
        """How a referral was sent: the answer among whose options is a letter."""
        if record is None:
            return None
        fields = self._written_under(record)[1].fields
        item = next((one for one in fields if any(option.written for option in one.options)), None)
        chosen = record.answers.get(item.key) if item else None
        return next((option for option in item.options if option.key == chosen), None) if item else None

    def holds(self) -> tuple[HoldLine, ...]:
        review = {
            due.subject: due.due_at
            for due in self.counts
            if due.is_open and points_by(self.protocol.deadlines[due.deadline]) is FieldType.hold
        }
        return tuple(
            HoldLine(
                hold.number,
                self.person(hold.guardian) if hold.guardian in self.case.people else None,
                hold.at,
                hold.confirmed_seq is not None,
                hold.stands,
                review.get(str(hold.number)),
            )
            for hold in self.case.holds
        )

    def follow_ups(self) -> tuple[FollowUpLine, ...]:
        facts, follow = self.loaded.facts, self.protocol.follow_up
        planned = facts.planned
        lines = []
        for one in planned:
            record = self.case.record(one.held_seq) if one.held_seq else None
            state = "held" if record else "missed" if one.day < facts.today else "planned"
            lines.append(FollowUpLine(one.day, state, one.offset, self.record(record) if record else None))
        held = {one.held_seq for one in planned}
        unplanned = [one for one in self.case.records_of(follow.act) if one.seq not in held] if follow else []
        for record in unplanned:
            day = record.answers.get(follow.held_on) if follow else None
            moment = facts.day_of(day) if day else record.occurred_at.astimezone(ZONE).date()
            lines.append(FollowUpLine(moment, "held", None, self.record(record)))
        return tuple(sorted(lines, key=lambda line: line.day))

    def of_kind(self, *kinds: ActKind) -> tuple[RecordView, ...]:
        return tuple(self.record(record) for record in self.case.records if record.kind in kinds)

    def to_sign(self, *, as_signatory: bool = False) -> tuple[RecordView, ...]:
        loaded = self.loaded
        waiting = signable(self.protocol, self.case, loaded.actor, loaded.now, loaded.around)
        return tuple(self.record(record, as_signatory=as_signatory) for record in waiting)

    # ---- pages -----------------------------------------------------------------------------------------------

    def page(self, *, tasks_alone: bool = False) -> CaseView:
        """The whole of the case for this reader, or what its list of tasks shows."""
        if self.loaded.metadata_only:
            return self._metadata_page()
        shown = self._tasks() if tasks_alone else self._whole_page()
        if self.loaded.door is None:
            return shown
        return replace(shown, next_moves=(), other_moves=(), ways_back=(), acts=(), to_sign=(), just_written=None)

    def _metadata_page(self) -> CaseView:
        """That the case is there, where it stands, who wrote when; and what is written for this reader's role."""
        return CaseView(
            head=self.head(),
            rail=self.rail(),
            acts=self.acts(),
            dues=tuple(line for line in self.due_lines() if line.deadline and self._is_for_reader(line.deadline)),
            holds=self.holds(),
            chronology=self.chronology(),
            successor=self.case.successor,
            joined=tuple(self.case.joined),
            opened_from=self.case.opened_from,
            contributes=self.case.contributes,
        )

    def _is_for_reader(self, deadline: Deadline) -> bool:
        """Whether what meets it is written in forms that this reader may read."""
        met_by = [source.act for source in deadline.met_by if source.act]
        return bool(met_by) and all(
            self.hidden(self.protocol.form_of(self.protocol.acts[act])) is None for act in met_by
        )

    def observations(self) -> int:
        """How many of them wait for an answer."""
        return len(awaited(self.case.remarks))

    def missing_forms(self) -> tuple[Act, ...]:
        """What the protocol asks for and nobody has written, less what this reader may not read."""
        asked = review_lines.missing_forms(self.protocol, self.duties(), self.counts, self.choices)
        return tuple(act for act in asked if self.hidden(self.protocol.form_of(act)) != "side")

    def review(self) -> ReviewLine | None:
        """Where the review of the case stands."""
        line = review_line(self)
        return replace(line, tone=tone_of(line.due_at, self.loaded.now)) if line is not None else None

    def _whole_page(self) -> CaseView:
        return replace(
            self._tasks(),
            people=self.people(),
            seats=self.seats(),
            referrals=self.referrals(),
            whom={one.number: one.whom for one in self.case.referrals if one.whom},
            holds=self.holds(),
            follow_ups=self.follow_ups(),
            dangers=self.dangers(),
            chronology=self.chronology(),
        )

    def _tasks(self) -> CaseView:
        forward, other = self.moves()
        review = self.review()
        return CaseView(
            head=self.head(),
            rail=self.rail(),
            next_moves=forward,
            other_moves=other,
            ways_back=self.ways_back(),
            refusal=self.refusal(),
            acts=self.acts(),
            duties=self.duties(),
            dues=self.due_lines(),
            remarks=self.remarks,
            review=review,
            missing_forms=self.missing_forms() if review and review.may_observe else (),
            to_sign=self.to_sign(),
            successor=self.case.successor,
            joined=tuple(self.case.joined),
            opened_from=self.case.opened_from,
            contributes=self.case.contributes,
            just_written=self.just_written(),
            story=self.told(),
            others=self.others(),
            awaited=tuple(line for line in self.referrals() if line.state != "settled"),
            answer=next(
                (act for act in self._open_acts(self.protocol.acts) if act.kind is ActKind.answer_referral), None
            ),
        )

    def told(self) -> tuple[StoryLine, ...]:
        """What happened, of the answers that this reader may see."""
        view = StoryView(answers=self._readable)
        return story(self.protocol, self.case, self.loaded.now, view, point_answers(self.protocol, self.case, view))

    def _readable(self, record: Record) -> Mapping[str, Any] | None:
        shown = self.record(record)
        return None if shown.hidden == "side" else shown.answers

    def others(self) -> tuple[OtherTask, ...]:
        """What others have to do, the most pressing first: nothing that this reader could do as well."""
        able = {(choice.kind, choice.key) for choice in self.choices if choice.is_open}
        able |= {("sign", record.act.key) for record in self.to_sign()}
        held = set(self.loaded.roles)
        asked = waiting_list(self.loaded.facts, self.running, _LOOKED_AT)
        theirs = (one for one in asked if one.roles and held.isdisjoint(one.roles))
        others = (one for one in theirs if (one.kind, one.key) not in able)
        return tuple(self._other(one) for one in islice(others, _OTHERS))

    def _other(self, waiting: Waiting) -> OtherTask:
        key = waiting.key or ""
        declared = self.protocol.moves[key] if waiting.kind == "move" else self.protocol.acts[key]
        due_at = min((due.due_at for due in self.running if self._is_met_by(due, waiting)), default=None)
        roles = tuple(sorted(waiting.roles))
        own = (own_role(self.protocol, role) for role in self.loaded.roles)
        is_apart = self.loaded.pseudonymised or any(role is not None and role.side_bound for role in own)
        people = () if is_apart else sorted({account for role in roles for account in self._holders(role)})
        return OtherTask(
            declared.title,
            waiting.kind == "sign",
            roles,
            tuple(self.name(account) for account in people) if len(people) <= _NAMED else (),
            waiting.since,
            due_at,
            tone_of(due_at, self.loaded.now),
        )

    def _is_met_by(self, due: Due, waiting: Waiting) -> bool:
        sources = self.protocol.deadlines[due.deadline].met_by
        return any((source.move if waiting.kind == "move" else source.act) == waiting.key for source in sources)

    def _holders(self, name: str) -> Iterator[str]:
        """Who holds that role here, or that seat in the case, and takes part."""
        case, around = self.case, self.loaded.around
        if name in self.protocol.seats:
            held = (one.account for one in case.seats if one.seat == name and one.is_held(self.loaded.facts.today))
        else:
            people = around.people.values()
            held = (one.id for one in people if any((name, place) in one.roles for place in around.places))
        yield from (account for account in held if account not in case.exclusions)

    def move(self, key: str) -> MoveView:
        move = self.protocol.moves.get(key)
        if move is None:
            raise Unseen(key)
        target = self.protocol.states.get(move.to)
        if self.case.state not in move.from_:
            elsewhere = Reason("not_from_here", states=move.from_)
            return MoveView(self.head(), move, target, (elsewhere,), (), is_open=False)
        choice = self.decider.move_choice(move)
        rest, departing = (tuple(one for one in choice.reasons if one.may_depart is may) for may in (False, True))
        left = self.observations() if target is not None and target.ended else 0
        return MoveView(self.head(), move, target, rest, departing, choice.is_open, left)

    def choice(self, key: str) -> Choice:
        return self.decider.act_choice(self.protocol.acts[key])

    def act_choices(self, act: Act, contacts: tuple[ContactLine, ...] = ()) -> Choices:
        """What the references of this act's form may point at: for a signature, what waits for this person's."""
        form = self.protocol.form_of(act)
        wanted = {item.type for item in form.fields} | {column.type for item in form.fields for column in item.fields}
        records: tuple[RecordView, ...] = ()
        if FieldType.record in wanted:
            signs = act.kind is ActKind.sign
            records = (
                self.to_sign(as_signatory=True) if signs else tuple(self.record(record) for record in self.case.records)
            )
        return Choices(
            people=self.people(),
            accounts=self._named_in(act) if wanted & {FieldType.account, FieldType.accounts} else (),
            referrals=self.referrals(),
            holds=self.holds(),
            records=records,
            cases=tuple(sorted(self.loaded.around.joinable)),
            contacts=contacts,
        )

    def _named_in(self, act: Act) -> tuple[AccountLine, ...]:
        loaded = self.loaded
        open_to = nameable(
            self.protocol, act.kind, self.case, loaded.around, loaded.facts.today, loaded.actor, loaded.roles
        )
        return tuple(one for one in self.colleagues() if one.id in open_to)

    def colleagues(self) -> tuple[AccountLine, ...]:
        """Whom a question may name: those of the school before those of the schools beside."""
        today, case = self.loaded.facts.today, self.case

        def seats_of(account: str) -> tuple[str, ...]:
            return tuple(held.seat for held in case.seats_of(account, today))

        lines = [
            AccountLine(
                one.id, one.name, held_around(one, self.loaded.around), one.trained, one.elsewhere, seats_of(one.id)
            )
            for one in self.loaded.around.people.values()
            if one.id not in self.case.exclusions
        ]
        return tuple(sorted(lines, key=lambda line: bool(line.elsewhere)))


def _role_refused(choice: Choice) -> bool:
    return any(reason.code == "not_your_role" for reason in choice.reasons)


def _role_refused_line(line: MoveLine) -> bool:
    return any(reason.code == "not_your_role" for reason in line.reasons)
