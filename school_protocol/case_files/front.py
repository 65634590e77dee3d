"""Page one of a case file: what is asked of its reader, five lines, one question a row, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from markupsafe import Markup

from school_protocol.case_files.content import Asked
from school_protocol.case_files.telling import Told
from school_protocol.cases.story_lines import Saying, StoryWords, short_day, sign_of, told
from school_protocol.cases.view_models import DangerLine, EventView, ReferralLine
from school_protocol.engine.actors import in_team
from school_protocol.engine.definition import ActKind
from school_protocol.engine.story import PointAnswer
from school_protocol.language import ZONE
from school_protocol.pdf.rendering import BASE

MOST_TOLD, MOST_SERVICES, MOST_DANGERS, MOST_REFUSED = 6, 3, 2, 3
"""How many of each stand on page one; the rest stands further on."""
_LONG = 30
"""Lines of a chronology beyond which a file has more than four pages."""
_HEIGHT, _TOP, _MOST = 22.0, 4.2, 10
"""Of the chart of safety felt: millimetres of its line, of the numbers above it, and the highest number."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question of page one and its answer."""

    label: Markup
    said: Markup


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was refused or observed, by whom and when, and what was answered."""

    what: Markup
    by: Markup
    answer: Markup
    tone: str
    state: Markup


@dataclass(frozen=True, slots=True)
class Felt:
    """One number of the chart, and its day; how far down it stands is said by its class in the sheet of styles."""

    day: Markup
    value: int


class Front(Told):
    """What page one says of the view."""

    FELT = f"{BASE}felt.svg"

    # ---- what is asked ---------------------------------------------------------------------------------------

    @property
    def asked_of(self) -> Asked:
        return self.view.asked or Asked()

    def heading(self) -> Markup:
        """The title: what is asked, not the kind of paper."""
        _, asked = self.w._, self.asked_of
        said = {
            "visa": _("Your visa"),
            "review": _("Your examination of this case"),
            "observed": _("Your observations wait for the team"),
            "answer": _("For your answer"),
            "read": _("For your information"),
            "ended": _("For your information: the case has ended"),
        }
        if asked.kind in said:
            return self.line(said[asked.kind])
        return self.line(_("What the team is to do next"))

    def request(self) -> Markup:
        """What is asked, as one or two sentences."""
        w, asked = self.w, self.asked_of
        match asked.kind:
            case "visa":
                state = self.text(self.protocol.states[asked.key].title)
                return self.said(w._("Do you agree (%(state)s)? If not, say what is missing."), state=state)
            case "review":
                return self.line(w._("Say what is missing, or that nothing more is asked."))
            case "observed":
                return self.line(w._("Nothing is asked of you until the team has answered."))
            case "answer":
                return (
                    self.text(self._asks)
                    if self._asks
                    else self.line(w._("Please confirm receipt, and say what you decide."))
                )
            case "read" | "ended":
                return self.line(w._("Nothing is asked of you."))
        parts = {"act": "acts", "sign": "acts", "move": "moves", "due": "deadlines", "sent_back": "states"}
        found = getattr(self.protocol, parts[asked.kind]).get(asked.key)
        title = self.text(found.title) if found is not None else self.line(asked.key)
        if asked.kind == "sign":
            return self.said(w._("To be signed: %(what)s"), what=title)
        if asked.kind == "sent_back":
            return self.said(w._("Refused, and waiting for your answer: %(what)s"), what=title)
        return title

    @property
    def _asks(self) -> Any:
        """What the definition's letters to services ask of them first."""
        letters = (one for one in self.protocol.documents.values() if one.kind == "letter" and one.per == "referral")
        return next((one.asks for one in letters if one.asks), None)

    def asked_by(self) -> Markup:
        """Who asks, since when; or who is to do it."""
        w, asked = self.w, self.asked_of
        roles = w.who(self.protocol, asked.roles)
        if asked.kind in ("visa", "review") and asked.since is not None:
            if not roles:
                return self.said(w._("Asked on %(day)s. Nothing goes on without you."), day=self.day(asked.since))
            return self.said(
                w._("Asked on %(day)s by: %(role)s. Nothing goes on without you."),
                day=self.day(asked.since), role=self.line(roles),
            )  # fmt: skip
        if asked.roles:
            return self.said(w._("By: %(role)s"), role=self.line(roles))
        state, since = self.text(self.view.head.state.title), self.when(self.view.head.entered_at)
        return self.said(w._("State: %(state)s, since %(moment)s"), state=state, moment=since)

    def by_when(self) -> tuple[Markup, Markup, Markup]:
        """What stands above the moment, the moment, and how far off it is."""
        w, due, now = self.w, self.asked_of.due_at, self.view.as_of
        if due is None:
            return self.line(w._("By when")), self.line(w._("No time limit")), Markup("")
        return self.line(w._("Before")), self.when(due), self.line(self._how_far(due, now))

    def _how_far(self, due: datetime, now: datetime) -> str:
        days = (due.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days
        if due < now and days < 0:
            return self.w.late_by(now - due)
        if days == 0:
            return self.w._("today")
        return self.w.ngettext("in one day", "in %(num)d days", days)

    # ---- five lines ------------------------------------------------------------------------------------------

    def story(self) -> list[tuple[Markup, Markup]]:
        lines: list[StoryWords] = told(self.w, self.protocol, self.view.story)
        return [(self.line(short_day(self.w, one.at)), self.line(one.text)) for one in lines]

    # ---- essentials ------------------------------------------------------------------------------------------

    @cached_property
    def saying(self) -> Saying:
        return Saying(self.w, self.protocol)

    @cached_property
    def by_point(self) -> dict[str, list[PointAnswer]]:
        found: dict[str, list[PointAnswer]] = {}
        for one in self.view.points:
            found.setdefault(one.point, []).append(one)
        return found

    def essentials(self) -> list[Row]:
        """One question a row; those that this copy leaves out are named once, at the end."""
        _ = self.w._
        rows = [
            (_("Kind of facts"), "records", self._kinds()),
            (_("Where, since when"), "records", self._places()),
            (_("Level, grounds, signatures"), "grid", self._level()),
            (_("Dangers"), "dangers", self._dangers()),
            (_("Safe now?"), "records", self._safe()),
            (_("Who was told, when"), "records", self._who_was_told()),
            (_("Services"), "referrals", self._services()),
            (_("Late"), "conformance", self._late_now()),
        ]
        stand = [Row(self.line(label), said) for label, kind, said in rows if self.profile.has(kind)]
        missing = [label for label, kind, _said in rows if not self.profile.has(kind)]
        if missing:
            stand.append(Row(self.line(_("Left out in this copy.")), self.line(" · ".join(missing))))
        return stand

    def _unknown(self) -> Markup:
        return self.line(self.w._("Not recorded so far"))

    def _last(self, point: str) -> PointAnswer | None:
        return next(iter(self.by_point.get(point, ())[-1:]), None)

    def _chosen(self, point: str) -> list[str]:
        """The latest answer to it, in words."""
        last = self._last(point)
        if last is None:
            return []
        field = self.saying.question(last.act, last.question)
        if field is None:
            return []
        return [self.w.answer(self.protocol, field, last.value, self.signs_by_id)]

    @cached_property
    def signs_by_id(self) -> dict[str, str]:
        """Page one names nobody."""
        return {person.id: person.label for person in self.view.people}

    def _kinds(self) -> Markup:
        said = self._chosen("kinds")
        return self.line(" · ".join(said)) if said else self._unknown()

    def _places(self) -> Markup:
        since = self._last("since")
        said = self._chosen("places")
        if since is not None:
            said.append(self.w._("since %(moment)s", moment=self.w.day(since.value)))
        return self.line(" · ".join(said)) if said else self._unknown()

    def _level(self) -> Markup:
        head, decision = self.view.head, self.view.decision
        if head.level is None:
            return self.line(self.w._("Not assessed"))
        grounds = [part for line in self.view.story for part in line.parts if part.what in ("grounds", "raised_by")]
        said = [Markup('<b class="lvl">{}</b>').format(self.level())]
        if reasons := self.saying.grounds(grounds):
            said.append(self.line(self.w.titles(reasons)))
        signed = [
            self._dated(self.line(self.w.role(self.protocol, one.role)), short_day(self.w, one.at))
            for one in (decision.signatures if decision else ())
        ]
        if signed:
            by = self.w._("signed by")
            roles = Markup(" · ").join(signed)
            said.append(Markup("{} {}").format(self.line(f"{by}{self.w.colon(by)}"), roles))
        elif self.view.left_out.decision:
            said.append(self.line(self.w._("signatures left out in this copy")))
        else:
            said.append(self.line(self.w._("not signed by several")))
        return Markup(" · ").join(said)

    def level(self) -> Markup:
        """The level's short name and its title; where the script is not the code's, its number, as the texts say it."""
        level = self.view.head.level
        if level is None:
            return Markup("")
        short = level.key if self.w.direction == "rtl" else level.short
        return Markup("{} · {}").format(self.line(short), self.text(level.title))

    def _dangers(self) -> Markup:
        if not self.view.dangers:
            return self.line(self.w._("No danger was raised."))
        return self._some([self._danger(one) for one in self.view.dangers], MOST_DANGERS)

    def _danger(self, danger: DangerLine) -> Markup:
        tone, words = self.danger_state(danger)
        title = self.saying.dangers([danger.danger.key])[0]
        state = Markup('<span class="state {}">{}</span>').format(tone, self.line(words))
        raised = self._dated(self.line(title), self._short(danger.raised_at))
        changed = self._dated(state, self._short(danger.changed_at)) if danger.changed_at else state
        return Markup("{}{} {}").format(raised, self._arrow, changed)

    def danger_state(self, danger: DangerLine) -> tuple[str, str]:
        return {
            "raised": ("late", self.w._("Stands, not referred yet")),
            "referred": ("today", self.w._("Referred")),
            "lifted": ("ok", self.w._("Lifted")),
        }.get(danger.state, ("plain", danger.state))

    @property
    def _arrow(self) -> str:
        return " ←" if self.w.direction == "rtl" else " →"

    def _short(self, at: datetime) -> str:
        """A day without its year, with the time; no time of a day."""
        local = at.astimezone(ZONE)
        clock = "" if (local.hour, local.minute) == (0, 0) else f" {self.w.clock(at)}"
        return f"{short_day(self.w, at)}{clock}"

    def _dated(self, said: Markup, when: str) -> Markup:
        """Something with its moment in brackets, which stands apart from signs and numbers beside it."""
        return Markup('{} (<bdi class="nowrap">{}</bdi>)').format(said, self.line(when))

    def _some(self, said: Sequence[Markup], most: int) -> Markup:
        """The first of them, and how many more there are."""
        shown = Markup(" · ").join(said[:most])
        more = len(said) - most
        if more <= 0:
            return shown
        return Markup("{} · {}").format(shown, self.line(self.w.ngettext("one more", "%(num)d more", more)))

    def _safe(self) -> Markup:
        said: list[Markup] = []
        for point in ("safe", "felt", "went"):
            last = self._last(point)
            if last is None:
                continue
            words = (
                self._chosen(point)[0] if point != "felt" else self.w._("safety felt: %(last)s of 10", last=last.value)
            )
            said.append(self._dated(self.line(words), short_day(self.w, last.at)))
        return Markup(" · ").join(said) if said else self._unknown()

    def _who_was_told(self) -> Markup:
        said = [one for answer in self.by_point.get("told", ()) for one in self._told_of(answer)]
        return self._some([*said, *self._seen_above()], MOST_TOLD) if said else self._unknown()

    def _told_of(self, answer: PointAnswer) -> Iterator[Markup]:
        field = self.saying.question(answer.act, answer.question)
        keys = answer.value if isinstance(answer.value, list | tuple) else [answer.value]
        options = {one.key for one in field.options} if field else set()
        names = [sign_of(self.protocol, key) if key not in options else self._option(answer, key) for key in keys]
        result = self._how(answer)
        for name in names:
            yield self._dated(self.line(f"{name} {result}".rstrip()), self._short(answer.at))

    def _option(self, answer: PointAnswer, key: str) -> str:
        return self.saying.options(answer.act, answer.question, [key])[0]

    def _how(self, answer: PointAnswer) -> str:
        """How it went, where that is not what a form offers first."""
        if answer.how is None:
            return ""
        question, key = answer.how
        field = self.saying.question(answer.act, question)
        is_first = field is not None and bool(field.options) and field.options[0].key == key
        return "" if is_first else f"{self.saying.options(answer.act, question, [key])[0]} "

    def _seen_above(self) -> Iterator[Markup]:
        """When somebody above the school first read it."""
        seen = (one for one in self.view.events if one.kind == "case_seen" and not in_team(self.protocol, one.role))
        first = next(seen, None)
        if first is not None:
            role = self.saying.small(self.w.role(self.protocol, first.role))
            yield self._dated(self.line(role), self._short(first.at))

    def _services(self) -> Markup:
        if not self.view.referrals:
            return self.line(self.w._("Nothing was referred."))
        waited = sorted(self.view.referrals, key=lambda one: not one.target.awaits_answer)
        return self._some([self._service(one) for one in waited], MOST_SERVICES)

    def _service(self, referral: ReferralLine) -> Markup:
        tone, words = self.referral_state(referral)
        name = self.line(self.saying.targets([referral.target.key])[0])
        sent = self._dated(name, self._short(referral.sent_at))
        if not referral.target.awaits_answer:
            return sent
        state, at = Markup('<span class="state {}">{}</span>').format(tone, self.line(words)), referral.answered_at
        return Markup("{}{} {}").format(sent, self._arrow, self._dated(state, short_day(self.w, at)) if at else state)

    def referral_state(self, referral: ReferralLine) -> tuple[str, str]:
        return {
            "open": ("today", self.w._("No answer yet")),
            "acknowledged": ("soon", self.w._("Receipt confirmed")),
            "settled": ("ok", self.w._("Settled")),
        }.get(referral.state, ("plain", referral.state))

    def _late_now(self) -> Markup:
        w = self.w
        late = [line for line in self.view.conformance.asked if line.outcome == "overdue"]
        titles = [self.text(getattr(self.protocol, one.part)[one.key].title) for one in late]
        first = (
            Markup('<span class="state late">{}</span>').format(self._some(titles, 2))
            if titles
            else Markup('<span class="state ok">{}</span>').format(self.line(w._("Nothing today")))
        )
        counts = [self.line(said) for number, tone, said in self.counts() if number and tone != "late"]
        return Markup(" · ").join([first, *counts])

    def counts(self) -> list[tuple[int, str, str]]:
        """How what was asked went, as figures: number, tone, words with the number."""
        kept, w = self.view.conformance, self.w
        departures = len(kept.departures) + len(kept.excuses) + len(kept.despite)
        in_time, late, now, waits = (kept.count(outcome) for outcome in ("kept", "late", "overdue", "open"))
        return [
            (in_time, "ok", w.ngettext("%(num)d in time", "%(num)d in time", in_time)),
            (late, "today", w.ngettext("%(num)d done late", "%(num)d done late", late)),
            (now, "late", w.ngettext("%(num)d late now", "%(num)d late now", now)),
            (waits, "soon", w.ngettext("%(num)d still open", "%(num)d still open", waits)),
            (departures, "plain", w.ngettext("%(num)d departure", "%(num)d departures", departures)),
        ]

    # ---- safety felt -----------------------------------------------------------------------------------------

    def felt_series(self) -> list[Felt]:
        """The numbers of the chart; none for fewer than two."""
        given = self.by_point.get("felt", []) if self.profile.has("follow_ups") else []
        given = given[-12:]
        if len(given) < 2:
            return []
        return [Felt(self.line(short_day(self.w, one.at)), min(max(int(one.value), 0), _MOST)) for one in given]

    def felt_title(self, series: Sequence[Felt]) -> Markup:
        first, last = series[0].value, series[-1].value
        return self.line(self.w._("Safety felt: from %(first)s to %(last)s", first=first, last=last))

    def felt_question(self) -> Markup:
        last = self._last("felt")
        field = self.saying.question(last.act, last.question) if last else None
        return self.text(field.label) if field else Markup("")

    def felt_line(self) -> bytes:
        """The line behind the numbers, a picture without text: an artifact, mirrored where the page is."""
        series = self.felt_series()
        wide, high = 100.0 * len(series), (_HEIGHT + _TOP) * 10
        points = [(100.0 * place + 50, self._down(one.value) * 10) for place, one in enumerate(series)]
        rules = "".join(
            f'<line x1="0" x2="{wide:.0f}" y1="{y * 10:.0f}" y2="{y * 10:.0f}" stroke="{colour}" stroke-width="2"/>'
            for y, colour in ((self._down(0), "#9fb0b5"), (self._down(5), "#dbe3e5"), (self._down(10), "#dbe3e5"))
        )
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        dots = "".join(f'<ellipse cx="{x:.0f}" cy="{y:.0f}" rx="7" ry="8" fill="#0b5d57"/>' for x, y in points)
        drawn = f'{rules}<polyline points="{path}" fill="none" stroke="#0b5d57" stroke-width="5"/>{dots}'
        if self.w.direction == "rtl":
            drawn = f'<g transform="translate({wide:.0f},0) scale(-1,1)">{drawn}</g>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" preserveAspectRatio="none">'
            f"{drawn}</svg>"
        ).encode()

    @staticmethod
    def _down(value: int) -> float:
        """Millimetres from the top at which a number's point stands."""
        return _TOP + 1 + (_HEIGHT - 2) * (1 - min(max(value, 0), _MOST) / _MOST)

    # ---- what became of it -----------------------------------------------------------------------------------

    def standing(self) -> list[Row]:
        """Where the case stands, what was decided, how it is to end, and what the child and the family say of it."""
        _, head = self.w._, self.view.head
        since = self.said(_("since %(moment)s"), moment=self.when(head.entered_at))
        rows = [
            Row(
                self.line(_("State")),
                Markup('<b>{}</b> <span class="aside">{}</span>').format(self.text(head.state.title), since),
            )
        ]
        for point, label in (("outcome", _("Outcome")), ("child", _("The pupil’s view")), ("family", _("The family"))):
            last = self._last(point)
            if last is not None:
                said = self._dated(self.line(self._chosen(point)[0]), short_day(self.w, last.at))
                rows.append(Row(self.line(label), said))
        if "outcome" not in self.by_point:
            rows.append(Row(self.line(_("Outcome")), self.line(_("No closing is prepared yet."))))
        return rows

    def refusals(self) -> tuple[list[Refusal], int]:
        """What was refused or observed, the latest first, as far as there is room; and how many more there are."""
        found = [*self._refused(), *self._observed()][::-1]
        return found[:MOST_REFUSED], max(0, len(found) - MOST_REFUSED)

    def tells_refusals(self) -> bool:
        """Whether every refusal would stand in this copy, so that it may say that there was none."""
        visas = self.protocol.acts_of(ActKind.visa)
        return self.profile.has("chronology") and all(self.profile.has_act(one.key) for one in visas)

    def _refused(self) -> Iterator[Refusal]:
        review = self.protocol.review
        if review is None or review.refusal is None:
            return
        events = list(self.view.events)
        for place, event in enumerate(events):
            if not self._is_refusal(event):
                continue
            after = [one for one in events[place + 1 :] if one.kind == "step_taken" and not self._is_refusal(one)]
            answer = self._answer_to(after[0]) if after else self.line(self.w._("No answer yet"))
            state = ("ok", self.w._("Answered")) if after else ("late", self.w._("Waits for the team"))
            yield Refusal(self.happened(event), self._by_whom(event), answer, state[0], self.line(state[1]))

    def _is_refusal(self, event: EventView) -> bool:
        review = self.protocol.review
        assert review is not None
        assert review.refusal is not None
        record = event.record
        if record is not None:
            is_visa = record.act.kind is ActKind.visa
            return is_visa and all(record.answers.get(key) == value for key, value in review.refusal.answers.items())
        move = event.detail.get("move")
        return event.kind == "step_taken" and getattr(move, "key", move) in review.refusal.moves

    def _answer_to(self, event: EventView) -> Markup:
        return self._dated(self.happened(event), short_day(self.w, event.occurred_at))

    def _by_whom(self, event: EventView) -> Markup:
        return self._dated(self.line(self.w.role(self.protocol, event.role)), short_day(self.w, event.occurred_at))

    def happened(self, event: EventView) -> Markup:
        raise NotImplementedError

    def _observed(self) -> Iterator[Refusal]:
        return iter(())

    @property
    def is_long(self) -> bool:
        """Whether it has so many pages that one looks for a place by its number."""
        return len(self.view.events) > _LONG
