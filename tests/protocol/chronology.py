"""The deadlines of the Moroccan protocol as somebody with the chronology and a pencil would note them.

Written apart from `engine/deadlines.py`: it walks from line to line, opens and strikes out, and knows the protocol's
rules by heart, not from its file. Only folded parts of a case (its lines, people, dangers, holds) are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from school_protocol.engine.case import Case
from school_protocol.engine.deadlines import all_counts
from school_protocol.engine.facts import Facts

PLACE = ZoneInfo("Africa/Casablanca")
ENDS = {"closed", "no_further_action", "transferred", "joined"}
OUTSIDE = {"rescue", "police", "e_blagh", "prosecutor", "child_line", "emc", "take_it_down", "child_protection"}
OF_JUSTICE = {"police", "e_blagh", "prosecutor"}
READ = (
    "safety_check", "qualification", "first_listening", "evidence_kept", "guardians_informed", "others_listened",
    "head_told", "written_referral", "accompanied", "contact_again", "plan_review", "shared_concern_days",
    "hold_review",
)  # fmt: skip


@dataclass
class Line:
    """One line of the chronology."""

    seq: int
    at: datetime
    what: str
    """`entered`, `raised`, `moved`, or the act."""
    key: str = ""
    said: dict[str, Any] | None = None
    day: date | None = None
    """On which day it happened."""
    counts_at: datetime | None = None
    """When it took effect; None: it waits for a signature."""
    role: str = ""
    from_end: bool = False


Noted = tuple[str, str, int, str, datetime | None]
"""Deadline, whom or what it is about, the line that opened it, how it stands, when it was met."""


def day_of(moment: datetime) -> date:
    return moment.astimezone(PLACE).date()


OWN_MOMENT = {
    "report": "occurred_at", "referral": "sent_at", "referral_answer": "answered_at", "raise_danger": "seen_at",
    "told_by_voice": "told_at", "taken_over": "taken_at", "inform_guardian": "told_at",
}  # fmt: skip
OWN_DAY = {
    "listening_target": "held_on", "listening_witness": "held_on", "interview_concerned": "held_on",
    "minutes": "held_on", "follow_up": "held_on", "shared_concern_start": "starts_on",
    "shared_concern_meeting": "held_on",
}  # fmt: skip


def lines_of(case: Case) -> list[Line]:
    found = [
        Line(one.seq, one.at, "entered", one.state, from_end=one.source in ENDS or one.source == "START")
        for one in case.entries
    ]
    for life in case.dangers:
        found.append(Line(life.raised_seq, life.raised_at, "raised", life.danger))
    for step in case.steps:
        found.append(Line(step.seq, step.occurred_at, "moved", step.move))
    for record in case.records:
        said = record.answers
        at = record.occurred_at
        if said.get(OWN_MOMENT.get(record.act, "")):
            at = min(datetime.fromisoformat(said[OWN_MOMENT[record.act]]), record.at)
        elif said.get(OWN_DAY.get(record.act, "")):
            held = date.fromisoformat(said[OWN_DAY[record.act]])
            if held < day_of(record.occurred_at):
                at = datetime(held.year, held.month, held.day, tzinfo=PLACE).astimezone(record.at.tzinfo)
        late = record.effective_seq is not None and record.effective_seq != record.seq
        effect = None if record.effective_seq is None else record.effective_at if late else at
        found.append(Line(record.seq, at, record.act, "", said, day_of(at), effect, record.role))
    return sorted(found, key=lambda one: (one.seq, one.what != "moved"))


class Pencil:
    """`company`: dangers in which nobody leaves the child alone."""

    def __init__(self, case: Case, company: Collection[str]) -> None:
        self.case, self.lines, self.company_needed = case, lines_of(case), company

    def noted(self) -> Iterator[Noted]:
        once = ("report_qualified",)
        yield from self.each("safety_check", [self.lines[0]], self.acts("safety_check"))
        yield from self.each("qualification", self.entering("report_received"), self.qualified)
        yield from self.first("first_listening", once, self.view("listening_target"))
        yield from self.first("evidence_kept", once, self.acts("evidence"))
        yield from self.of_each("guardians_informed", {"guardian"}, self.told)
        yield from self.of_each("others_listened", {"witness", "pupil_concerned"}, self.heard)
        for danger in (one for one in self.lines if one.what == "raised"):
            over = self.lifted(danger)
            yield self.one("head_told", danger.key, danger, self.acts("told_by_voice"), over)
            yield self.one("written_referral", danger.key, danger, self.letter(danger.key), over)
            if danger.key in self.company_needed:
                yield self.one("accompanied", "", danger, self.company, None, same=True)
        yield from self.offences()
        yield from self.again("contact_again", "external_handling", self.acts("referral_answer"))
        yield from self.again("plan_review", "plan_active", self.acts("support_plan"), moves={"reassess"})
        starts = [one for one in self.lines if one.what == "shared_concern_start" and one.counts_at]
        yield from self.each("shared_concern_days", starts, self.shared_concern_ended)
        yield from self.holds()

    # ---- what strikes a line out ---------------------------------------------------------------------------------

    def acts(self, *keys: str) -> Callable[[Line], bool]:
        return lambda one: one.what in keys

    def view(self, act: str) -> Callable[[Line], bool]:
        return lambda one: one.what == act and (one.said or {}).get("child_view") in ("given", "declined")

    def qualified(self, one: Line) -> bool:
        by_move = one.what == "moved" and one.key in ("qualify", "dismiss", "join")
        return by_move or (one.what == "entered" and one.key == "escalation_to_send")

    def shared_concern_ended(self, one: Line) -> bool:
        return one.what == "shared_concern_stop" or (one.what == "moved" and one.key == "reassess")

    def told(self, one: Line, who: str) -> bool:
        said = one.said or {}
        return one.what == "inform_guardian" and said.get("who") == who and said.get("result") in ("told", "refused")

    def heard(self, one: Line, who: str) -> bool:
        said = one.said or {}
        if one.what == "others_not_heard":
            named = said.get("who") or ()
            return who in named if named else not who or one.seq >= self.case.people[who].seq
        if one.what == "listening_witness" and said.get("child_view") == "unreachable":
            return False
        if one.what == "interview_concerned" and said.get("mode") == "forbidden":
            return False
        return one.what in ("listening_witness", "interview_concerned") and (not who or said.get("heard") == who)

    def letter(self, danger: str) -> Callable[[Line], bool]:
        def is_it(one: Line) -> bool:
            said = one.said or {}
            outside = (
                one.what == "referral" and said.get("target") in OUTSIDE and said.get("channel") in ("letter", "web")
            )
            by_whom = one.role in ("head", "directorate", "acting_head", "acting_directorate")
            return outside and by_whom and (not danger or danger in said.get("covers", ()))

        return is_it

    def company(self, one: Line) -> bool:
        stays = one.what == "safety_check" and (one.said or {}).get("who_stays") not in ("not_here", None)
        return stays or one.what == "taken_over"

    # ---- one deadline --------------------------------------------------------------------------------------------

    def entering(self, *states: str) -> list[Line]:
        return [one for one in self.lines if one.what == "entered" and one.key in states]

    def ended_after(self, start: Line) -> bool:
        return any(one.what == "entered" and one.key in ENDS and one.seq >= start.seq for one in self.lines)

    def lifted(self, danger: Line) -> bool:
        lives = [one for one in self.case.dangers if one.raised_seq == danger.seq and one.danger == danger.key]
        return lives[0].state == "lifted"

    def struck(
        self, start: Line, by: Callable[[Line], bool], after: int | None = None, since: date | None = None
    ) -> Line | None:
        """The first line that strikes it out, later and not of an earlier day."""
        for one in self.lines:
            if one.seq <= (start.seq if after is None else after) or not by(one):
                continue
            is_act = one.said is not None
            if is_act and one.counts_at is None:
                continue
            if is_act and since is not None and day_of(one.counts_at or one.at) < since:
                continue
            return one
        return None

    def one(
        self, key: str, about: str, start: Line, by: Callable[[Line], bool], over: bool | None, *, same: bool = False
    ) -> Noted:
        met = self.struck(start, by, start.seq - 1 if same or start.what == "raised" else None, day_of(start.at))
        return self.told_so(key, about, start, met, bool(over))

    def told_so(self, key: str, about: str, start: Line, met: Line | None, over: bool) -> Noted:
        if met is not None:
            return key, about, start.seq, "met", met.counts_at or met.at
        return key, about, start.seq, "ended" if over or self.ended_after(start) else "open", None

    def each(self, key: str, starts: list[Line], by: Callable[[Line], bool]) -> Iterator[Noted]:
        for start in starts:
            yield self.told_so(key, "", start, self.struck(start, by, None, day_of(start.at)), False)

    def openings(self) -> list[Line]:
        return [one for one in self.lines if one.what == "entered" and one.from_end]

    def firsts(self, states: tuple[str, ...]) -> Iterator[tuple[Line, int, date | None]]:
        """The first start of each opening, and since when what was done counts."""
        openings = self.openings()
        seen: set[int] = set()
        for one in self.lines:
            if not (one.what == "raised" or (one.what == "entered" and one.key in states)):
                continue
            number = sum(1 for opened in openings if opened.seq <= one.seq + 1)
            if number not in seen:
                seen.add(number)
                if number > 1:
                    opened = openings[number - 1]
                    yield one, min(opened.seq, one.seq), day_of(opened.at)
                else:
                    yield one, self.case.entries[0].seq, None

    def first(self, key: str, states: tuple[str, ...], by: Callable[[Line], bool]) -> Iterator[Noted]:
        for start, after, since in self.firsts(states):
            yield self.told_so(key, "", start, self.struck(start, by, after, since), False)

    def of_each(self, key: str, slots: set[str], by: Callable[[Line, str], bool]) -> Iterator[Noted]:
        people = [one.id for one in self.case.people.values() if one.slot in slots]
        for start, after, since in self.firsts(("report_qualified",)):
            for who in people or [""]:
                rule = (lambda one, who=who: by(one, who)) if people or key == "others_listened" else self.any_guardian
                yield self.told_so(key, who, start, self.struck(start, rule, after, since), False)

    def any_guardian(self, one: Line) -> bool:
        return one.what == "inform_guardian" and (one.said or {}).get("result") in ("told", "refused")

    def again(
        self, key: str, state: str, by: Callable[[Line], bool], moves: frozenset[str] | set[str] = frozenset()
    ) -> Iterator[Noted]:
        """Each stay in a state; met, it begins anew."""

        def rule(one: Line) -> bool:
            return by(one) or (one.what == "moved" and one.key in moves)

        for start in self.entering(state):
            left = any(
                one.what == "entered" and one.seq > start.seq and self.source(one) == state for one in self.lines
            )
            begun = start
            while True:
                met = self.struck(begun, rule, None, day_of(begun.at))
                yield self.told_so(key, "", begun, met, left)
                if met is None or left or self.ended_after(begun):
                    break
                begun = Line(met.seq, met.counts_at or met.at, "again")

    def source(self, line: Line) -> str:
        return next(one.source for one in self.case.entries if one.seq == line.seq and one.state == line.key)

    def offences(self) -> Iterator[Noted]:
        """Minutes that say yes, unless justice was told before them in this opening."""
        for start in self.lines:
            if start.what != "minutes" or (start.said or {}).get("offence_question") != "yes":
                continue
            opened = max((one.seq for one in self.openings() if one.seq < start.seq), default=0)
            before = [
                one for one in self.case.records
                if one.act == "referral" and one.answers.get("target") in OF_JUSTICE
                and one.effective_seq is not None and opened < one.effective_seq < start.seq
            ]  # fmt: skip
            if not before:
                yield self.told_so(
                    "written_referral", "", start, self.struck(start, self.letter(""), None, start.day), False
                )

    def reviewed(self, one: Line, number: str) -> bool:
        return one.what == "hold_review" and (one.said or {}).get("hold") == number

    def holds(self) -> Iterator[Noted]:
        for hold in self.case.holds:
            begun = Line(hold.seq, hold.at, "hold")
            about = partial(self.reviewed, number=str(hold.number))
            while True:
                met = self.struck(begun, about, None, day_of(begun.at))
                yield self.told_so("hold_review", str(hold.number), begun, met, not hold.stands)
                if met is None or not hold.stands or self.ended_after(begun):
                    break
                begun = Line(met.seq, met.counts_at or met.at, "again")


def computed(facts: Facts) -> set[Noted]:
    """What the product says of the same deadlines."""
    counts = (count for key in READ for count in all_counts(facts, facts.protocol.deadlines[key]))
    return {
        (one.deadline, one.subject, one.start_seq, "open" if one.state == "suspended" else one.state, one.met_at)
        for one in counts
    }


def contradictions(facts: Facts) -> set[Noted]:
    company = {key for key, one in facts.protocol.dangers.items() if one.stay_with_child}
    return set(Pencil(facts.case, company).noted()) ^ computed(facts)
