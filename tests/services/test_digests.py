"""How often each person is told of what can wait: as they chose, nothing lost, nothing twice."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.cases.story_player import SCHOOL_WEEK, throwaway
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Sealed, Tampered
from school_protocol.language import ZONE, Wording
from school_protocol.mail import Letter, Post, Unreachable
from school_protocol.notifications import receivers
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications import service as notifications_service
from school_protocol.notifications.digests import LOOK_AGAIN, Pace
from school_protocol.notifications.models import NoticeRow
from school_protocol.notifications.receivers import choose, see_choice
from school_protocol.notifications.repository import Choice, Every
from school_protocol.notifications.service import see_waiting, sweep
from school_protocol.supervision.remarks import settle_remark
from school_protocol.supervision.review import ask_review, end_review
from services.conftest import School
from services.retaining import Keeping
from services.reviewing import observes
from services.test_notices import STAFF, Killed, Recorder, Watched

FRIDAY = 4


@pytest.fixture
def watched(moroccan: Protocol) -> Iterator[Watched]:
    """A school with one case, of which everything was told."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield Watched(School(player, count(1))).known(*STAFF).opened()


def choosing_of(watched: Watched, who: str, every: str, day: int | str = "") -> None:
    choose(watched.school.ctx, watched.school.person(who), every, str(day))


def told_on(watched: Watched, who: str, days: int, step: int = 30) -> list[str]:
    """Weekday and time of each mail to one person within so many days."""
    found = []
    for _ in range(days * 24 * 60 // step):
        found += [
            watched.now.astimezone(ZONE).strftime("%a %H:%M") for one in watched.swept(minutes=step) if one == who
        ]
    return found


# ---- when ------------------------------------------------------------------------------------------------------------


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("every", "asked", "told"),
    [
        (Every.at_once, local(25, 23), local(25, 23)),
        (Every.school_days, local(25, 10), local(26, 8, 30)),
        (Every.school_days, local(28, 10), local(30, 8, 30)),
        (Every.weekly, local(25, 10), local(27, 8, 30)),
        (Every.weekly, local(27, 8), local(27, 8, 30)),
        (Every.weekly, local(27, 9), datetime(2026, 12, 4, 7, 30, tzinfo=UTC)),
    ],
)
def test_each_choice_has_its_moment(every: Every, asked: datetime, told: datetime) -> None:
    pace = Pace(Choice(every, FRIDAY), (Calendar(opening=SCHOOL_WEEK),))
    assert pace.moment(asked) == told
    assert pace.next(asked) == told


def test_who_wants_no_message_is_looked_at_again() -> None:
    pace = Pace(Choice(Every.urgent_only), ())
    assert pace.moment(NOW) is None
    assert pace.next(NOW) == NOW + LOOK_AGAIN


def test_a_closed_day_moves_the_week_s_message_and_not_the_week() -> None:
    closed = Calendar(opening=SCHOOL_WEEK, closed=frozenset({date(2026, 11, 27)}))
    pace = Pace(Choice(Every.weekly, FRIDAY), (closed,))
    saturday = local(28, 8, 30)
    assert pace.moment(local(25, 10)) == saturday
    assert pace.moment(local(27, 10)) == saturday, "the day itself is closed: it is still to come"
    assert pace.moment(saturday) == datetime(2026, 12, 4, 7, 30, tzinfo=UTC)
    assert pace.told_since(local(30, 10)) == saturday


def test_in_holidays_the_week_s_message_leaves_in_the_morning() -> None:
    away = Calendar(opening=SCHOOL_WEEK, closed=frozenset(date(2026, 11, 23) + timedelta(n) for n in range(14)))
    assert Pace(Choice(Every.weekly, FRIDAY), (away,)).moment(local(25, 10)) == local(27, 8)


@pytest.mark.parametrize("day", range(7))
def test_every_week_has_one_moment_whatever_is_closed(day: int) -> None:
    """A year of hours, with random closed days: moments are a week apart, give or take the days that were closed."""
    rng = random.Random(day)
    closed = frozenset(date(2026, 9, 1) + timedelta(n) for n in range(365) if rng.random() < 0.3)
    pace = Pace(Choice(Every.weekly, day), (Calendar(opening=SCHOOL_WEEK, closed=closed),))
    moments: dict[datetime, None] = {}
    now = datetime(2026, 9, 1, tzinfo=UTC)
    for _ in range(365 * 4):
        at = pace.moment(now)
        assert at is not None
        assert at > now
        moments[at] = None
        since = pace.told_since(now)
        assert since is not None
        assert since <= now
        now += timedelta(hours=6)
    apart = [(later - sooner).days for sooner, later in zip(moments, [*moments][1:], strict=False)]
    assert all(3 <= days <= 11 for days in apart), apart
    assert 51 <= len(moments) <= 54


# ---- as each chose ---------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_is_told_as_often_as_they_chose(watched: Watched) -> None:
    choosing_of(watched, "head", "at_once")
    choosing_of(watched, "team_coordinator", "weekly", FRIDAY)
    choosing_of(watched, "directorate", "urgent_only")
    for to in ("head", "team_coordinator", "directorate", "team_member"):
        watched.ask(to)
    assert watched.sweep().told() == ["head"]
    watched.school.wait(minutes=7)
    watched.ask("head")
    assert watched.sweep().told() == ["head"], "each time"
    assert watched.swept(hours=22, minutes=23) == ["team_member", "team_member/2"], "Thursday, 8:30"
    assert watched.swept(hours=23, minutes=59) == []
    assert watched.swept(minutes=1) == ["team_coordinator"], "Friday, 8:30"
    assert [watched.swept(days=1) for _ in range(9)] == [[]] * 9


@pytest.mark.exhaustive(but=("True",))
@pytest.mark.parametrize("is_ended", [True, False])
def test_a_review_that_is_over_by_then_is_told_of_to_nobody(watched: Watched, is_ended: bool) -> None:
    choosing_of(watched, "directorate", "weekly", FRIDAY)
    school = watched.school
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    assert watched.sweep().told() == []
    school.wait(hours=1)
    if is_ended:
        directorate = school.person("directorate")
        end_review(school.ctx, directorate, school.number, expected=school.last_seq(), token=school.token())
    told = [who for _ in range(9) for who in watched.swept(days=1)]
    late = ["academy", "directorate"]
    assert told == ([] if is_ended else ["directorate", *late]), "asked on a Friday; late by the next"
    states = {line[2] for line in watched.lines() if line[0] == "directorate"}
    assert states == (set() if is_ended else {"delivered"})


@pytest.mark.exhaustive
@pytest.mark.parametrize("is_ended", [True, False])
def test_a_review_that_waits_for_another_role_alone_is_told_of_to_nobody_else(watched: Watched, is_ended: bool) -> None:
    """The directorate has examined it; the academy has still to read an answer."""
    choosing_of(watched, "directorate", "weekly", FRIDAY)
    school = watched.school
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    seq = observes(school, who="academy").seq
    settle_remark(school.ctx, school.person("head"), school.number, seq, 1, "Dit le 12.", token=school.token())
    if is_ended:
        directorate = school.person("directorate")
        end_review(school.ctx, directorate, school.number, expected=school.last_seq(), token=school.token())
    assert ("directorate" in [who for _ in range(3) for who in watched.swept(days=1)]) is not is_ended


@pytest.mark.exhaustive(but=("fault0",))
@pytest.mark.parametrize("fault", [Sealed("broken"), Tampered("broken")])
def test_a_case_that_can_not_be_read_holds_back_no_message(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    choosing_of(watched, "directorate", "weekly", FRIDAY)
    school = watched.school
    ask_review(school.ctx, school.person("head"), school.number, token=school.token())
    watched.sweep()

    def broken(*_arguments: object) -> None:
        raise fault

    monkeypatch.setattr(notifications_service, "_facts", broken)
    assert [who for _ in range(9) for who in watched.swept(days=1)] == ["directorate"]


@pytest.mark.exhaustive(but=("False-acknowledged",))
@pytest.mark.parametrize(
    ("is_asked_again", "outcome"), [(False, "acknowledged"), (False, ""), (True, "acknowledged"), (True, "answered")]
)
def test_a_count_that_was_met_by_then_is_told_of_to_nobody(
    watched: Watched, is_asked_again: bool, outcome: str
) -> None:
    """A service is to be asked again, or once more; it writes before the week's message leaves."""
    school = watched.school

    def now() -> str:
        return school.ctx.now().isoformat()

    school.act(
        "head", "referral", target="child_protection", covers=["need"], channel="letter", summary="Un besoin.",
        sent_at=now(),
    )  # fmt: skip
    if is_asked_again:
        school.act("head", "referral_answer", referral=1, outcome="acknowledged", answered_at=now())
    watched.swept(days=6)
    choosing_of(watched, "team_coordinator", "weekly", FRIDAY)
    watched.swept(days=1, minutes=1)
    if outcome:
        school.act("head", "referral_answer", referral=1, outcome=outcome, answered_at=now())
    told = [who for _ in range(4) for who in watched.swept(days=1)]
    chased = [
        one.state
        for one in notices_of(school, watched.case_id)
        if one.role == "team_coordinator" and one.cause.startswith("due:referral_chase")
    ]
    assert chased == [notifications_repository.State.withheld if outcome else notifications_repository.State.delivered]
    assert outcome or "team_coordinator" in told


def notices_of(school: School, case_id: str) -> list[NoticeRow]:
    with school.ctx.realm.reading() as session:
        return list(notifications_repository.notices_of_case(session, case_id))


@pytest.mark.exhaustive
def test_once_a_week_is_once_a_week(watched: Watched) -> None:
    choosing_of(watched, "head", "weekly", FRIDAY)
    for _ in range(14):
        watched.ask("head")
        watched.swept(hours=12)
    watched.school.wait(hours=-1)
    assert set(told_on(watched, "head", 14)) <= {"Fri 08:30"}
    watched.ask("head")
    assert told_on(watched, "head", 8) == ["Fri 08:30"]


@pytest.mark.parametrize("every", ["at_once", "school_days", "weekly", "urgent_only"])
def test_what_is_urgent_leaves_at_once_whatever_was_chosen(watched: Watched, every: str) -> None:
    for who in STAFF:
        choosing_of(watched, who, every, 0)
    watched.ask("head", urgent=True)
    assert watched.sweep().told() == ["head!"]


def test_a_reporter_who_wants_no_message_is_not_thanked_by_one(watched: Watched) -> None:
    watched.opened(who="reporter")
    choosing_of(watched, "reporter", "urgent_only")
    watched.ask("declarant")
    assert [watched.swept(days=1) for _ in range(9)] == [[]] * 9
    choosing_of(watched, "reporter", "at_once")
    assert watched.sweep().told() == ["reporter"]


def test_only_what_is_offered_can_be_chosen(watched: Watched) -> None:
    for every, day, field_ in (
        ("never", "1", "every"),
        ("", "", "every"),
        ("weekly", "7", "day"),
        ("weekly", "", "day"),
    ):
        with pytest.raises(BadInput) as refused:
            choosing_of(watched, "head", every, day)
        assert set(refused.value.problems) == {field_}
    view = see_choice(watched.school.ctx, watched.school.person("head"))
    assert (view.every, view.email) == (Every.school_days, "head@college.example")
    choosing_of(watched, "head", "weekly", 2)
    view = see_choice(watched.school.ctx, watched.school.person("head"))
    assert (view.every, view.day) == (Every.weekly, 2)


# ---- the number ------------------------------------------------------------------------------------------------------


WORDS = {
    "fr": {1: "Une chose vous attend", 2: "2 choses vous attendent", 11: "11 choses vous attendent"},
    "ar": {1: "أمر واحد ينتظرك", 2: "أمران ينتظرانك", 3: "3 أمور تنتظرك", 11: "11 أمرا ينتظرك"},
    "en": {1: "One thing waits for you", 2: "2 things wait for you", 11: "11 things wait for you"},
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", WORDS)
def test_a_message_says_how_many_things_wait(watched: Watched, language: str) -> None:
    """As many as cases: two notices of one case are one thing."""
    watched.known(*STAFF, language=language)
    for number in (1, 2, 3):
        choosing_of(watched, "directorate", "urgent_only")
        for _case in range(number):
            watched.opened()
            watched.ask("directorate")
            watched.ask("directorate")
        assert watched.sweep().told() == []
        choosing_of(watched, "directorate", "at_once")
        watched.sweep()
        ((_to, letter),) = watched.mail.sent
        watched.told()
        said = WORDS[language].get(number, f"{number}")
        assert letter.text.startswith(said), letter.text
        assert set(re.findall(r"\d+", letter.subject + letter.text)) <= {str(number)}


@pytest.mark.parametrize("language", WORDS)
def test_the_number_is_said_as_each_language_counts(language: str) -> None:
    for number, words in WORDS[language].items():
        assert notifications_service.how_many(Wording(language), number).startswith(words)


# ---- nothing is lost, nothing is sent twice --------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_who_chose_no_message_is_counted_apart_and_not_told_of_what_is_over(watched: Watched) -> None:
    """A case that ended meanwhile asks nothing of anybody; what was asked for at its end, or after, is still told."""
    ctx = watched.school.ctx
    choosing_of(watched, "head", "urgent_only")
    watched.school.wait(minutes=5)
    watched.ask("head")
    watched.sweep()
    watched.school.wait(minutes=5)
    assert (see_waiting(ctx).mail, see_waiting(ctx).unwanted) == (0, 1)
    Keeping(watched.school, reached=False).step("no_further_action")
    choosing_of(watched, "head", "at_once")
    assert told_on(watched, "head", 2) == []
    assert (see_waiting(ctx).mail, see_waiting(ctx).unwanted) == (0, 0)
    choosing_of(watched, "head", "urgent_only")
    watched.school.wait(minutes=5)
    watched.ask("head")
    watched.sweep()
    choosing_of(watched, "head", "at_once")
    assert len(told_on(watched, "head", 2)) == 1


def _states(watched: Watched, who: str) -> dict[str, int]:
    found: dict[str, int] = {}
    account = watched.school.account(who)
    with watched.school.ctx.realm.reading() as session:
        for one in notifications_repository.notices_of_case(session, watched.case_id):
            if one.account == account and not one.urgent:
                found[one.state] = found.get(one.state, 0) + 1
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(4))
def test_however_often_somebody_changes_their_mind_nothing_is_lost_or_told_twice(watched: Watched, seed: int) -> None:
    rng = random.Random(seed)
    asked = 0
    for _ in range(60):
        if rng.random() < 0.6:
            watched.ask("head")
            asked += 1
        if rng.random() < 0.3:
            choosing_of(watched, "head", rng.choice([*Every]), rng.randrange(7))
        if rng.random() < 0.1:
            watched.mail.down = None if watched.mail.down else Unreachable("no server")
        watched.school.wait(hours=rng.choice([0, 1, 5, 13, 30]))
        watched.sweep()
    watched.mail.down = None
    choosing_of(watched, "head", "at_once")
    for _ in range(3):
        watched.school.wait(hours=5)
        watched.sweep()
    assert _states(watched, "head") == {"delivered": asked}
    ids = [letter.id for _to, letter in watched.mail.sent]
    assert len(ids) == len(set(ids))


def test_a_choice_that_is_cut_off_half_way_loses_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    choosing_of(watched, "head", "urgent_only")
    watched.ask("head")
    watched.sweep()

    def dies(*_arguments: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(receivers.repository, "look_again", dies)
        with pytest.raises(Killed):
            choosing_of(watched, "head", "at_once")
    assert see_choice(watched.school.ctx, watched.school.person("head")).every is Every.at_once
    assert [who for _ in range(8) for who in watched.swept(days=1)] == ["head"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("every", ["at_once", "school_days", "weekly"])
def test_a_message_repeated_after_a_kill_is_known_as_the_same(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, every: str
) -> None:
    """The worker is killed after the server took the mail and before that was kept; meanwhile more joins it."""
    choosing_of(watched, "head", every, 3)
    for _ in range(5):
        watched.ask("head")
    if every != "at_once":
        watched.sweep()
        watched.school.wait(hours=22, minutes=30)  # Thursday, 8:30

    def dies(*arguments: object) -> None:
        if arguments[1]:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(notifications_service, "_settle", dies)
        with pytest.raises(Killed):
            watched.sweep()
    for _ in range(20):
        watched.ask("head")
    watched.school.wait(minutes=6)
    watched.sweep()
    sent = [letter.id for to, letter in watched.mail.sent if watched.people[to] == "head"]
    assert len(sent) == 2, "it can't be known whether the first one left"
    assert len(set(sent)) == 1, "so whoever gets both can know it"
    assert _states(watched, "head")["delivered"] == (25 if every == "at_once" else 5)


@dataclass
class Slow(Recorder):
    """A mail server that takes its time, in which something else happens."""

    meanwhile: list[object] = field(default_factory=list)

    def carry(self, to: str, letter: Letter) -> None:
        while self.meanwhile:
            self.meanwhile.pop()()  # type: ignore[operator]
        super().carry(to, letter)


def test_a_choice_made_while_a_message_is_being_sent_sends_no_second_one(watched: Watched) -> None:
    choosing_of(watched, "head", "at_once")
    watched.ask("head")
    ctx = watched.school.ctx

    def change_and_sweep() -> None:
        choosing_of(watched, "head", "weekly", FRIDAY)
        choosing_of(watched, "head", "at_once")
        sweep(ctx, Post(watched.mail))

    slow = Slow(meanwhile=[change_and_sweep])
    sweep(ctx, Post(slow))
    assert [watched.people[to] for to, _letter in slow.sent] == ["head"]
    assert watched.told() == []
    assert watched.swept(minutes=10) == []


@pytest.mark.parametrize("place", ["_plan_for_move", "_put_off"])
def test_whoever_chooses_while_a_message_is_planned_or_put_off_is_told_as_they_chose(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Another worker has what waits in hand at that moment, and writes what it read before."""
    former = getattr(notifications_service, place)
    if place == "_put_off":
        choosing_of(watched, "head", "weekly", FRIDAY)
        watched.ask("head")
        watched.sweep()
        choosing_of(watched, "head", "at_once")
        choosing_of(watched, "head", "weekly", FRIDAY)
    else:
        watched.ask("head")
    chosen: list[object] = []

    def chooses(*given: object, **more: object) -> object:
        done = former(*given, **more) if place == "_plan_for_move" else None
        if not chosen:
            chosen.append(given)
            choosing_of(watched, "head", "at_once")
        return done or former(*given, **more)

    monkeypatch.setattr(notifications_service, place, chooses)
    watched.sweep()
    assert chosen, "it was in hand"
    assert "head" in [*watched.told(), *watched.swept(minutes=6)]


@pytest.mark.exhaustive
def test_workers_at_once_and_a_changing_mind_tell_each_thing_once(watched: Watched) -> None:
    for _ in range(12):
        watched.ask("head")
        watched.ask("team_member")
    start = threading.Barrier(4)

    def worker(place: int) -> None:
        start.wait()
        for _ in range(3):
            if place == 0:
                choosing_of(watched, "head", "at_once")
                choosing_of(watched, "team_member", "at_once")
            sweep(watched.school.ctx, Post(watched.mail))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    watched.sweep()
    watched.swept(minutes=6)
    assert _states(watched, "head") == {"delivered": 12}
    assert _states(watched, "team_member") == {"delivered": 12}
    ids = [letter.id for _to, letter in watched.mail.sent]
    assert len(ids) == len(set(ids))
