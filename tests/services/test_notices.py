"""Who is told that something waits, when, by which way, and in which words; and who never is."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
import yaml
from engine.telling import MOROCCAN, NOW

from school_protocol.auth import repository as auth_repository
from school_protocol.cases import lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import raise_from_receipt
from school_protocol.cases.story_player import SCHOOL_WEEK, throwaway
from school_protocol.engine.clock import Calendar
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import ZONE
from school_protocol.mail import Letter, Post, Undelivered, Unreachable
from school_protocol.notifications import service as notifications_service
from school_protocol.notifications.digests import next_digest
from school_protocol.notifications.receivers import keep_address
from school_protocol.notifications.service import sweep, told_of
from school_protocol.people import repository as people_repository
from school_protocol.people import service as people_service
from school_protocol.storage import administration_log, work_queue
from school_protocol.storage.administration_log import Kind
from services.conftest import NAME, School

from .test_staff import Office
from .test_staff_lists import Clerk

DESK = "https://desk.example"
EVENING = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)  # 22:30 in Casablanca
STAFF = ("reporter", "team_member", "team_member/2", "team_coordinator", "head", "directorate", "academy")


@dataclass
class Recorder:
    """A way out that writes down what it is given; it breaks as it is told to."""

    sent: list[tuple[str, Letter]] = field(default_factory=list)
    broken: dict[str, BaseException] = field(default_factory=dict)
    down: BaseException | None = None
    tried: int = 0

    def carry(self, to: str, letter: Letter) -> None:
        self.tried += 1
        if error := self.down or self.broken.get(to):
            raise error
        self.sent.append((to, letter))


@dataclass
class Watched:
    """A school whose messages are written down, and what they say since one last asked."""

    school: School
    mail: Recorder = field(default_factory=Recorder)
    sms: Recorder = field(default_factory=Recorder)
    people: dict[str, str] = field(default_factory=dict)
    """Mail address or phone → who."""

    @property
    def now(self) -> datetime:
        return self.school.ctx.now()

    def known(self, *names: str, language: str = "fr") -> Watched:
        """People with a mail address and a phone."""
        for who in names:
            account, place = self.school.account(who), len(self.people) // 2 + 1
            email, phone = f"{who.replace('/', '-')}@college.example", f"06{place:08}"
            self.people |= {email: who, phone: who}
            with self.school.ctx.directory.writing() as session:
                auth_repository.set_address(session, account, email=email, phone=phone)
                auth_repository.set_language(session, account, language)
        return self

    def address(self, who: str, email: str | None, phone: str | None = None) -> None:
        with self.school.ctx.directory.writing() as session:
            auth_repository.set_address(session, self.school.account(who), email=email, phone=phone)

    def username(self, who: str) -> str:
        with self.school.ctx.directory.reading() as session:
            found = auth_repository.account(session, self.school.account(who))
        assert found is not None
        return found.username

    def sweep(self) -> Watched:
        sweep(self.school.ctx, Post(self.mail, self.sms))
        return self

    def told(self, recorder: Recorder | None = None) -> list[str]:
        """Who got a mail (or another message) since one last asked; the urgent ones with a mark."""
        recorder = recorder or self.mail
        sent, recorder.sent = recorder.sent, []
        return sorted(f"{self.people[to]}{'!' if _is_urgent(letter) else ''}" for to, letter in sent)

    def swept(self, **delay: float) -> list[str]:
        """Who gets a mail once that time has passed."""
        self.school.wait(**delay)
        return self.sweep().told()

    def ask(self, to: str, *, urgent: bool = False) -> None:
        """A move asks that these be told."""
        with self.school.ctx.realm.writing() as session:
            payload = {"case": self.case_id, "to": to, "move": "m", "urgent": urgent}
            work_queue.put_message(session, "notify", payload, at=self.now)

    @property
    def case_id(self) -> str:
        with self.school.ctx.realm.reading() as session:
            found = cases_repository.find_by_number(session, self.school.number)
        assert found is not None
        return found

    def lines(self) -> set[tuple[str, str, str]]:
        with self.school.ctx.realm.reading() as session:
            return {(line.role, line.channel, line.state) for line in told_of(session, self.case_id)}

    def opened(self, who: str = "team_member", **answers: Any) -> Watched:
        """A case that somebody of the team has seen and whose opening has been told: nothing more is to be told."""
        self.school.report(who, **{"danger_now": "unsure", **answers})
        self.school.seen_by("directorate")
        self.sweep()
        self.mail.sent, self.sms.sent = [], []
        return self

    def close_days(self, *days: date) -> None:
        """The school is closed on these days."""
        with self.school.ctx.directory.writing() as session:
            region = auth_repository.units_of_kind(session, UnitKind.region)[0]
            people_repository.set_calendar(session, region.id, Calendar(opening=SCHOOL_WEEK, closed=frozenset(days)))


def _is_urgent(letter: Letter) -> bool:
    return bool(re.search(r"urgent|استعجالي", letter.text, re.IGNORECASE))


@pytest.fixture
def watch(moroccan: Protocol) -> Iterator[Callable[..., Watched]]:
    """Makes a watched school as of a moment."""
    made = []

    def make(start: datetime = NOW, **settings: Any) -> Watched:
        manager = throwaway(moroccan, MOROCCAN.read_bytes(), start)
        player = manager.__enter__()
        made.append(manager)
        given = {"address": DESK, "sms_hook": "https://hook.example", **settings}
        player.ctx = replace(player.ctx, settings=replace(player.ctx.settings, **given))
        return Watched(School(player, count(1)))

    yield make
    for manager in made:
        manager.__exit__(None, None, None)


@pytest.fixture
def watched(watch: Callable[..., Watched]) -> Watched:
    return watch().known(*STAFF)


# ---- at once, or gathered ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_an_urgent_notice_leaves_at_once_by_mail_and_as_a_short_message(watched: Watched) -> None:
    watched.school.report(danger_now="unsure")
    watched.sweep()
    team = ["team_coordinator!", "team_member!", "team_member/2!"]
    assert watched.told() == team
    assert watched.told(watched.sms) == team
    assert watched.swept(minutes=1) == []
    assert watched.told(watched.sms) == []


@pytest.mark.exhaustive
def test_nobody_gets_a_second_gathered_message_on_the_same_day(watched: Watched) -> None:
    watched.opened()
    watched.ask("head")
    watched.sweep()
    watched.mail.down = Unreachable("no server")
    assert watched.swept(hours=23) == []
    watched.ask("head")
    watched.mail.down = None
    assert watched.swept(hours=8) == ["head"]


def test_digests_wait_for_the_opening_but_not_for_term() -> None:
    friday = datetime(2026, 11, 27, 19, 0, tzinfo=UTC)
    open_on = Calendar(opening=SCHOOL_WEEK)
    holidays = Calendar(opening=SCHOOL_WEEK, closed=frozenset(date(2026, 11, 28) + timedelta(n) for n in range(14)))

    def at(calendar: Calendar | None, now: datetime) -> str:
        return next_digest(calendar, now).astimezone(ZONE).strftime("%d %H:%M")

    assert at(open_on, friday) == "28 08:30"
    assert at(open_on, friday + timedelta(days=1)) == "30 08:30"
    assert at(holidays, friday) == "28 08:00"
    assert at(holidays, friday + timedelta(hours=6)) == "28 08:00"
    assert at(holidays, friday + timedelta(days=12)) == "12 08:30"
    assert at(None, friday) == "28 08:00"


# ---- who, and who never is -----------------------------------------------------------------------------------------


def test_who_is_excluded_or_has_left_gets_nothing(watched: Watched) -> None:
    school = watched.known("team_member/3").school
    with school.ctx.directory.writing() as session:
        auth_repository.set_active(session, school.account("team_member/3"), False)
    school.report(must_not_read=[school.account("team_member/2")], danger_now="unsure")
    assert watched.sweep().told() == ["team_coordinator!", "team_member!"]
    assert watched.told(watched.sms) == ["team_coordinator!", "team_member!"]


@pytest.mark.exhaustive
def test_a_case_about_an_adult_reaches_nobody_of_the_school(watched: Watched) -> None:
    watched.school.report(adult_concerned="yes")
    for to in ("team_member", "team_coordinator", "head", "academy", "lead"):
        watched.ask(to, urgent=True)
        watched.ask(to)
    assert watched.sweep().told() == ["directorate!"]
    assert watched.told(watched.sms) == ["directorate!"]
    assert watched.swept(days=1) == ["directorate"]


@pytest.mark.exhaustive
def test_a_reader_whom_the_directorate_named_is_told(watched: Watched) -> None:
    watched.school.report(adult_concerned="yes", danger_now="unsure")
    watched.school.act("directorate", "name_seat", seat="lead", account=watched.school.account("team_member"))
    watched.ask("team_member", urgent=True)
    watched.ask("lead", urgent=True)
    assert watched.sweep().told() == ["directorate!", "team_member!"]


@pytest.mark.exhaustive
def test_an_implicated_head_is_passed_by_for_who_acts_or_oversees(watched: Watched) -> None:
    school = watched.school
    watched.opened(must_not_read=[school.account("head")])
    watched.ask("head", urgent=True)
    assert watched.sweep().told() == ["directorate!"]
    school.act("directorate", "name_seat", seat="acting_head", account=school.account("team_member/2"))
    watched.ask("head", urgent=True)
    assert watched.sweep().told() == ["team_member/2!"]
    assert ("acting_head", "mail", "delivered") in watched.lines()
    assert not [line for line in watched.lines() if line[0] == "head"]


def neighbouring(watched: Watched, code: str) -> str:
    """The head of another school of the province, reached at `next@b.example`."""
    with watched.school.ctx.directory.writing() as session:
        province = auth_repository.units_of_kind(session, UnitKind.province)[0]
        unit = auth_repository.add_unit(session, kind=UnitKind.school, code=code, names={"fr": "B"}, parent=province.id)
        head = auth_repository.add_account(
            session, username="next", names={"fr": "B"}, language="ar", created_at=NOW, email="next@b.example"
        )
        auth_repository.appoint(session, head, role="head", unit=unit, starts=date(2020, 1, 1))
    watched.people["next@b.example"] = "next"
    return head


@pytest.mark.exhaustive
def test_the_head_of_another_school_and_roles_that_see_nothing_get_nothing(watched: Watched) -> None:
    neighbouring(watched, "00001B")
    watched.known("trainer").opened()
    watched.ask("head", urgent=True)
    watched.ask("trainer")
    assert watched.sweep().told() == ["head!"]
    assert watched.swept(days=1) == []


@pytest.mark.exhaustive(but=("False",))
@pytest.mark.parametrize("is_excluded", [False, True])
def test_a_reporter_is_thanked_without_seeing_the_case_unless_excluded(watched: Watched, is_excluded: bool) -> None:
    watched.opened(who="reporter")
    assert not watched.school.is_seen_by("reporter")
    if is_excluded:
        watched.school.act("directorate", "conflict", account=watched.school.account("reporter"), reason="declares")
    watched.ask("declarant")
    watched.sweep()
    assert watched.swept(days=1) == ([] if is_excluded else ["reporter"])
    assert (("declarant", "mail", "delivered") in watched.lines()) is not is_excluded


@pytest.mark.exhaustive
def test_guardians_get_no_message(watched: Watched) -> None:
    watched.opened()
    watched.ask("guardians", urgent=True)
    watched.ask("guardians")
    watched.sweep()
    assert "guardians" not in {line[0] for line in watched.lines()}
    assert watched.told() == ["directorate!"], "nobody is reached, so who oversees is told"
    assert watched.swept(days=1) == []


def test_the_head_who_receives_a_case_is_told_of_the_one_that_goes_on(watched: Watched) -> None:
    school = watched.school
    neighbouring(watched, "04131R")
    watched.opened()
    school.act("head", "safety_check", none_seen=True, safe_now="yes", who_stays="me")
    school.act("head", "transfer", receiving_school="04131R", summary="x", measures="y", agreement=["pupil"])
    school.wait(hours=23)
    school.act("directorate", "accept_transfer", answer="accepted")
    school.move("head", "transfer", reason="z")
    watched.sweep()
    told = [who for who in watched.swept(days=1) if not who.endswith("!")]
    assert told == ["directorate", "head", "next"], "the head who asked is told the answer"


# ---- the words -----------------------------------------------------------------------------------------------------


def test_each_reads_their_own_language(watched: Watched) -> None:
    watched.known("team_member/2", language="ar").known("team_coordinator", language="zgh")
    watched.school.report(danger_now="unsure")
    watched.sweep()
    said = {watched.people[to]: letter.text.splitlines()[0] for to, letter in watched.mail.sent}
    french = "Urgent\u00a0: ouvrez l’application maintenant, ou appelez l’établissement."
    assert said == {
        "team_member": french,
        "team_member/2": "استعجالي: المرجو فتح التطبيق الآن، أو الاتصال بالمؤسسة.",
        "team_coordinator": french,
    }
    assert {letter.text for _to, letter in watched.sms.sent} == {f"{one}\n{DESK}" for one in said.values()}


@pytest.mark.exhaustive
def test_thanks_and_what_waits_are_one_message(watched: Watched) -> None:
    watched.opened(who="team_coordinator")
    watched.ask("declarant")
    watched.ask("team_coordinator")
    watched.sweep()
    assert watched.swept(hours=23) == ["team_coordinator"]


# ---- steps of a deadline -------------------------------------------------------------------------------------------


def raised_at_night(watched: Watched) -> Watched:
    """A danger raised at 22:30, before a closed day, that nobody of the team sees."""
    watched.close_days(date(2026, 11, 26), date(2026, 11, 27))
    watched.school.report("reporter", danger_now="unsure")
    with watched.school.ctx.realm.reading() as session:
        (report,) = lookup_repository.of_reporter(session, watched.school.account("reporter"), limit=2)
    raise_from_receipt(
        watched.school.ctx, watched.school.person("reporter"), report.id, "blackmail", token=watched.school.token()
    )
    return watched


@pytest.mark.exhaustive
def test_a_danger_that_nobody_sees_climbs_through_the_night_and_a_holiday(watch: Callable[..., Watched]) -> None:
    watched = raised_at_night(watch(EVENING).known(*STAFF))
    everybody = ["directorate!", "head!", "team_coordinator!", "team_member!", "team_member/2!"]
    team = everybody[2:]
    assert watched.sweep().told() == everybody
    assert watched.told(watched.sms) == everybody
    assert watched.swept(hours=1, minutes=59) == []
    assert watched.swept(minutes=1) == team, "0:30 at night"
    assert watched.swept(hours=1, minutes=59) == []
    assert watched.swept(minutes=1) == ["head!"], "2:30 at night"
    assert watched.swept(hours=7, minutes=59) == []
    assert watched.swept(minutes=1) == ["directorate!"], "10:30, a holiday"
    assert [watched.swept(hours=12) for _ in range(8)] == [[]] * 8


@pytest.mark.exhaustive
def test_what_was_seen_climbs_no_further(watch: Callable[..., Watched]) -> None:
    watched = raised_at_night(watch(EVENING).known(*STAFF))
    watched.sweep()
    watched.told()
    watched.swept(hours=2)
    watched.school.seen_by("team_member")
    assert [watched.swept(hours=4) for _ in range(6)] == [[]] * 6


@pytest.mark.exhaustive
def test_a_sweep_that_comes_late_tells_each_person_once(watch: Callable[..., Watched]) -> None:
    watched = raised_at_night(watch(EVENING).known(*STAFF))
    everybody = ["directorate!", "head!", "team_coordinator!", "team_member!", "team_member/2!"]
    assert watched.swept(hours=13) == everybody
    assert watched.swept(hours=13) == []


@pytest.mark.exhaustive
def test_a_plain_report_that_nobody_sees_is_told_after_a_school_day(watched: Watched) -> None:
    watched.school.report("reporter", danger_now="no")
    watched.sweep()
    watched.told()
    assert set(watched.swept(hours=31)) == {"team_coordinator", "team_member", "team_member/2"}, "in the morning's post"
    assert watched.swept(hours=2) == ["head!", "team_coordinator!"]


def test_each_danger_tells_also_the_same_again_within_minutes(watched: Watched) -> None:
    """Whoever raised it is not who is told; one who had a message a minute ago gets another."""
    watched.school.report("reporter", danger_now="no")
    watched.sweep()
    watched.told()
    told = []
    for danger in ("blackmail", "assault", "blackmail"):
        watched.school.act("team_member", "raise_danger", which_danger=danger)
        told.append(set(watched.swept(minutes=2)))
    assert {"head!", "directorate!"} <= told[0]
    assert told[0] <= told[1]
    assert {"head!", "directorate!"} <= told[2]


def followed_up(watch: Callable[..., Watched]) -> Watched:
    """A case in its follow-up, nothing of which is held."""
    watched = watch(datetime(2026, 10, 1, tzinfo=UTC))
    player = watched.school.player
    text = (MOROCCAN.parent / "stories" / "sc4.yaml").read_text("utf-8")
    steps = [step for step in yaml.load(text, Loader=yaml.BaseLoader)["steps"] if step.get("case") == "suivi"]
    last = next(place for place, step in enumerate(steps) if step["do"] == "t_follow")
    played = player.play(steps[: last + 1])
    assert all(one.went_as_said for one in played), [one for one in played if not one.went_as_said]
    watched.school.number = player.numbers["suivi"]
    watched.known("team_member", "team_coordinator", "head", "directorate")
    for _ in range(4):
        watched.swept(days=1)
    watched.told()
    return watched


@pytest.mark.exhaustive
def test_a_missed_follow_up_is_told_after_three_and_after_seven_school_days(watch: Callable[..., Watched]) -> None:
    watched = followed_up(watch)
    days: dict[date, list[str]] = {}
    for _ in range(4 * 30):
        if who := watched.swept(hours=6):
            days[watched.now.astimezone(ZONE).date()] = who
    first, second, *_rest = sorted(days)
    assert days[first] == ["head", "team_coordinator"]
    assert days[second] == ["directorate"]
    assert (second - first).days in (4, 5), "four school days later"


# ---- nobody to reach -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_where_nobody_can_be_reached_the_next_are_told_at_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.address("head", None)
    watched.opened()
    watched.ask("head", urgent=True)
    with caplog.at_level(logging.WARNING):
        assert watched.sweep().told() == ["directorate!"]
    assert watched.lines() >= {("head", "none", "no_address"), ("directorate", "mail", "delivered")}
    said = caplog.text
    assert "urgent" in said
    assert watched.school.number not in said
    assert watched.case_id not in said
    assert "@" not in said


@pytest.mark.exhaustive
def test_a_step_without_anybody_to_reach_goes_on_to_the_next_step(watch: Callable[..., Watched]) -> None:
    watched = watch(EVENING).known("reporter", "head", "directorate")
    watched.school.person("team_member")
    watched.school.report("reporter", danger_now="yes")
    watched.sweep()
    watched.told()
    assert watched.swept(hours=2) == ["head!"], "the team has no address: its step is the head's already"
    watched.address("head", None)
    assert watched.swept(hours=2) == ["directorate!"]


@pytest.mark.exhaustive
def test_a_phone_alone_reaches_where_a_hook_is_set(watch: Callable[..., Watched]) -> None:
    for hook, line in (("https://hook.example", "sms"), ("", "none")):
        watched = watch(sms_hook=hook).known(*STAFF).opened()
        watched.address("head", None, "0600000099")
        watched.people["0600000099"] = "head"
        watched.ask("head", urgent=True)
        watched.sweep()
        assert ("head!" in watched.told(watched.sms)) is bool(hook)
        assert [channel for role, channel, _state in watched.lines() if role == "head"] == [line]


# ---- nothing is lost, nothing is sent twice ------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_mail_server_that_is_down_puts_off_longer_each_time_and_loses_nothing(watched: Watched) -> None:
    watched.opened()
    watched.mail.down = Unreachable("ConnectionRefusedError")
    watched.ask("head", urgent=True)
    watched.sweep()
    assert watched.told(watched.sms) == ["head!"], "the other way is open"
    moments = [0]
    for minute in range(1, 60):
        before = watched.mail.tried
        watched.swept(minutes=1)
        if watched.mail.tried > before:
            moments.append(minute)
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert gaps[:4] == [1, 2, 4, 8]
    assert watched.lines() >= {("head", "mail", "waiting")}
    watched.mail.down = None
    assert watched.swept(minutes=15) == ["head!"]
    assert watched.lines() >= {("head", "mail", "delivered")}


@pytest.mark.exhaustive(but=("error0",))
@pytest.mark.parametrize("error", [Undelivered("550"), RuntimeError("boom"), UnicodeError("odd")])
def test_one_who_cannot_be_reached_does_not_hold_up_the_others(watched: Watched, error: Exception) -> None:
    watched.mail.broken["team_member@college.example"] = error
    watched.school.report(danger_now="unsure")
    assert watched.sweep().told() == ["team_coordinator!", "team_member/2!"]
    watched.mail.broken.clear()
    assert watched.swept(minutes=1) == ["team_member!"]


def test_a_server_that_is_down_is_asked_once_a_sweep(watched: Watched) -> None:
    watched.school.report(danger_now="unsure")
    watched.mail.down = Unreachable("down")
    watched.sweep()
    assert watched.mail.tried == 1


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("place", ["_spread_one", "_climb_one", "_deliver_one"])
def test_a_worker_that_is_killed_loses_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    watched.school.report(danger_now="unsure")
    with monkeypatch.context() as patch:
        patch.setattr(notifications_service, place, _dies)
        with pytest.raises(Killed):
            watched.sweep()
    later = [who for _minute in range(6) for who in watched.swept(minutes=1)]
    assert sorted(later) == ["team_coordinator!", "team_member!", "team_member/2!"]


def _dies(*_arguments: object) -> None:
    raise Killed


@pytest.mark.exhaustive
def test_who_is_excluded_while_a_message_waits_does_not_get_it(watched: Watched) -> None:
    watched.opened()
    watched.ask("head")
    watched.sweep()
    watched.school.act("directorate", "conflict", account=watched.school.account("head"), reason="declares")
    assert watched.swept(days=1) == []
    assert watched.swept(days=1) == ["directorate"], "who oversees is told in the head's place"
    assert "head" not in {line[0] for line in watched.lines()}


@pytest.mark.exhaustive
def test_an_account_that_lost_its_address_is_written_down(watched: Watched) -> None:
    watched.opened()
    watched.ask("head")
    watched.sweep()
    watched.address("head", None)
    assert watched.swept(days=1) == []
    assert ("head", "mail", "no_address") in watched.lines()


def test_a_case_that_cannot_be_opened_holds_up_no_other(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = []
    for _ in range(2):
        watched.school.report("reporter", danger_now="yes")
        ids.append(watched.case_id)
    former = notifications_service._climb_one

    def climb(ctx: Any, case_id: str) -> None:
        if case_id == min(ids):
            raise RuntimeError(NAME)
        former(ctx, case_id)

    monkeypatch.setattr(notifications_service, "_climb_one", climb)
    watched.swept(hours=2)
    with watched.school.ctx.realm.reading() as session:
        climbed = [
            any(cause.startswith("due:") for cause in notifications_service.repository.causes(session, one))
            for one in ids
        ]
    assert climbed == [one != min(ids) for one in ids]
    assert "RuntimeError" in caplog.text
    assert NAME not in caplog.text


# ---- what pages and commands ask -----------------------------------------------------------------------------------


def test_addresses_are_kept_taken_away_and_refused(watched: Watched) -> None:
    ctx = watched.school.ctx
    with ctx.directory.reading() as session:
        head = auth_repository.account(session, watched.school.account("head"))
    assert head is not None
    kept = keep_address(ctx, head.username, email=" tete@college.example ", phone="+212 6 00-00.00 (01)")
    assert (kept.email, kept.phone) == ("tete@college.example", "+212600000001")
    assert keep_address(ctx, head.username).email == "tete@college.example"
    assert keep_address(ctx, head.username, email="").email is None
    with pytest.raises(Unseen):
        keep_address(ctx, "nobody", email="a@b.example")
    for wrong in ("a", "a@b", "a@b.example\nBcc: c@d.example", "a b@c.example", "é@c.example", "a@b.example, c@d.e"):
        with pytest.raises(BadInput) as refused:
            keep_address(ctx, head.username, email=wrong, phone="12")
        assert set(refused.value.problems) == {"email", "phone"}


@pytest.mark.exhaustive
def test_an_address_that_comes_late_still_brings_what_is_urgent(watched: Watched) -> None:
    """Nobody could be told when it mattered; an address given the day after next brings nothing old any more."""
    for who in ("team_coordinator", "team_member"):
        watched.address(who, None)
    watched.school.report("reporter", danger_now="yes")
    watched.sweep()
    watched.told()
    username = watched.username("team_member")
    keep_address(watched.school.ctx, username, email="late@college.example")
    watched.people["late@college.example"] = "late"
    assert "late!" in watched.sweep().told()
    assert "late!" not in watched.sweep().told()
    watched.school.seen_by("team_member")
    watched.school.wait(days=3)
    keep_address(watched.school.ctx, watched.username("team_coordinator"), email="later@college.example")
    watched.people["later@college.example"] = "later"
    assert "later!" not in watched.sweep().told()


@pytest.mark.exhaustive(but=("meanwhile-list",))
@pytest.mark.parametrize("door", ["page", "list", "command"])
@pytest.mark.parametrize("lost", ["before", "meanwhile"])
def test_by_whatever_door_an_address_comes_it_brings_what_is_urgent(watched: Watched, door: str, lost: str) -> None:
    """Also where the address was taken away as the message waited."""
    office = Office(watched.school)
    ctx, account, name = office.ctx, watched.school.account("team_member"), watched.username("team_member")
    if lost == "before":
        watched.address("team_member", None)
    watched.school.report("reporter", danger_now="yes")
    sweep(ctx, Post(None, None))
    watched.address("team_member", None)
    watched.sweep().told()
    if door == "page":
        people_service.change_account(
            ctx, office.actor("chief"), account, name_fr="Late", name_ar=None, language="fr",
            email="late@college.example", phone=None, token="late",
        )  # fmt: skip
    elif door == "list":
        Clerk(office).apply(f"personne;;;Late;;{name};membre_er;00000A;;;late@college.example;;")
    else:
        keep_address(ctx, name, email="late@college.example")
    watched.people["late@college.example"] = "late"
    assert "late!" in watched.sweep().told()
    assert "late!" not in watched.sweep().told()
    with ctx.directory.reading() as session:
        rows = administration_log.about(session, account, kinds=[Kind.address_changed], limit=9)
    assert [row.reason for row in rows] == [{"page": "correction", "list": "list", "command": "by_command"}[door]]
