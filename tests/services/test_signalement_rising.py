"""What nobody looks at goes up: by the protocol's steps, in school time, each told once, to whoever may read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from school_protocol.auth import repository as auth_repository
from school_protocol.engine.errors import Unseen
from school_protocol.mail import Post, Undelivered, Unreachable
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.repository import Choice, Every
from school_protocol.people import roster
from school_protocol.reports import escalation, triage
from school_protocol.reports.escalation import rise
from school_protocol.reports.models import PublicReportRow
from school_protocol.reports.service import add_answer
from services.conftest import School
from services.telling_school import HERE, Told
from services.test_notices import Recorder

STAFF = ("team_member", "team_coordinator", "head", "directorate", "directorate/2", "academy")


class Risen(Told):
    """A school that hears of what comes in."""

    def __init__(self, school: School) -> None:
        super().__init__(school)
        self.mail = Recorder()
        self.accounts = {who: school.account(who) for who in STAFF}
        self.people = {f"{who.replace('/', '-')}@school.example": who for who in STAFF}
        with self.ctx.directory.writing() as session:
            for email, who in self.people.items():
                auth_repository.set_address(session, self.accounts[who], email=email, phone=None)

    def at_once(self) -> None:
        """Everybody is told of what can wait as it comes."""
        with self.ctx.directory.writing() as session:
            for account in self.accounts.values():
                notifications_repository.keep_choice(session, account, Choice(Every.at_once), at=self.ctx.now())

    def told(self, **delay: float) -> list[str]:
        """Who gets a mail once that time has passed; urgent ones with a mark."""
        self.school.wait(**delay)
        rise(self.ctx, Post(self.mail, None))
        sent, self.mail.sent = self.mail.sent, []
        return sorted(f"{self.people[to]}{'!' if 'rgent' in letter.text else ''}" for to, letter in sent)


@pytest.fixture
def risen(school: School) -> Risen:
    found = Risen(school)
    found.at_once()
    return found


def test_an_unseen_one_goes_up_by_school_time_and_each_step_once(risen: Risen) -> None:
    risen.send()
    assert risen.told() == ["team_coordinator", "team_member"]
    assert risen.told(minutes=30) == []
    assert risen.told(hours=6) == ["head", "team_coordinator"]
    assert risen.told(hours=20) == []
    assert risen.told(days=1, hours=12) == ["directorate", "directorate/2"]
    assert risen.told(days=30) == []


@pytest.mark.exhaustive
def test_what_was_looked_at_goes_no_further(risen: Risen) -> None:
    receipt = risen.send()
    risen.told()
    triage.see_report(risen.ctx, risen.school.person("team_member"), risen.only())
    assert risen.told(days=9) == []
    add_answer(risen.ctx, risen.gate, receipt.door.code, receipt.code, "Encore", address=HERE)
    assert risen.told() == ["team_coordinator", "team_member"], "it waits anew"


@pytest.mark.exhaustive
def test_above_read_it_once_it_has_come_to_them(risen: Risen) -> None:
    risen.send()
    risen.told()
    assert triage.see_list(risen.ctx, risen.school.person("directorate")).waiting == ()
    risen.told(days=5)
    assert triage.see_report(risen.ctx, risen.school.person("directorate"), risen.only("directorate"))


def test_an_urgent_one_is_told_to_all_at_once(risen: Risen) -> None:
    risen.send(danger_now="yes")
    assert risen.told() == ["head!", "team_coordinator!", "team_member!"]
    assert risen.told(hours=3) == ["directorate!", "directorate/2!"]


def at_night(risen: Risen) -> None:
    risen.school.player.clock.turn_to(datetime(2026, 11, 25, 20, 30, tzinfo=UTC))


@pytest.mark.exhaustive
def test_out_of_school_hours_whoever_is_on_duty_is_told_too(risen: Risen) -> None:
    at_night(risen)
    roster.enter(
        risen.ctx, risen.school.person("directorate"), "", account=risen.school.account("directorate/2"),
        starts="2026-11-25T21:00", ends="2026-11-26T09:00", token=risen.school.token(),
    )  # fmt: skip
    risen.school.wait(hours=1)
    risen.send(danger_now="yes")
    assert risen.told() == ["directorate/2!", "head!", "team_coordinator!", "team_member!"]
    assert triage.see_report(risen.ctx, risen.school.person("directorate/2"), risen.only("directorate/2"))


def test_nobody_on_duty_means_everybody(risen: Risen) -> None:
    at_night(risen)
    risen.send(danger_now="yes")
    assert "directorate!" in risen.told()


@pytest.mark.exhaustive
def test_a_restricted_one_stays_above_the_school(risen: Risen) -> None:
    risen.send(adult_concerned="yes")
    assert risen.told() == ["directorate", "directorate/2"]
    assert risen.told(days=6) == ["academy"]
    assert triage.see_report(risen.ctx, risen.school.person("academy"), risen.only("academy"))


@pytest.mark.exhaustive
def test_whoever_must_not_read_it_is_not_told(risen: Risen) -> None:
    risen.send(not_for="le coordinator, s’il vous plaît")
    assert risen.told() == ["team_member"]


@pytest.mark.exhaustive
def test_many_in_an_hour_are_one_message(risen: Risen) -> None:
    for number in range(15):
        risen.send(what_happens=f"Numéro {number}")
        risen.school.wait(seconds=50)
        if number % 4 == 0:
            rise(risen.ctx, Post(risen.mail, None))
    assert risen.told() == ["team_coordinator", "team_member"]


def test_each_danger_is_told_whatever_was_told_within_the_hour(risen: Risen, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody, letters = ["head!", "team_coordinator!", "team_member!"], set[str]()
    carry = risen.mail.carry
    monkeypatch.setattr(risen.mail, "carry", lambda to, letter: (letters.add(letter.id), carry(to, letter)))
    risen.send(danger_now="yes")
    assert risen.told() == everybody
    risen.send(danger_now="yes", what_happens="Encore un autre")
    assert risen.told(minutes=5) == everybody
    assert risen.told(minutes=5) == []
    assert len(letters) == 6, "each is a message of its own: a mailbox drops what it has already"


def test_by_their_own_choice_in_the_morning(school: School) -> None:
    risen = Risen(school)
    risen.send()
    assert risen.told() == []
    assert risen.told(hours=23) == ["team_coordinator", "team_member"]


@pytest.mark.exhaustive
def test_what_was_read_meanwhile_is_not_told(school: School) -> None:
    risen = Risen(school)
    risen.send()
    assert risen.told() == []
    triage.see_report(risen.ctx, school.person("head"), risen.only())
    assert risen.told(hours=23) == []


@pytest.mark.parametrize("error", [Undelivered("no"), Unreachable("no")])
def test_what_does_not_leave_is_tried_again(risen: Risen, error: Exception) -> None:
    risen.send(danger_now="yes")
    risen.mail.down = error
    assert risen.told() == []
    risen.mail.down = None
    assert risen.told(minutes=1) == ["head!", "team_coordinator!", "team_member!"]
    assert risen.told(minutes=1) == []


@pytest.mark.exhaustive
def test_messages_say_no_more_than_that_something_waits(risen: Risen) -> None:
    risen.send(what_happens="Salma est menacée", reach="call", reach_how="0611223344")
    risen.school.wait(minutes=17)
    rise(risen.ctx, Post(risen.mail, None))
    _to, letter = risen.mail.sent[0]
    assert letter.at.minute == 0
    assert not {"Salma", "0611223344", "École", *risen.ids()} & set(f"{letter.subject} {letter.text}".split())
    assert risen.only() not in f"{letter.id} {letter.subject} {letter.text}"


def test_a_worker_that_was_away_tells_every_step_at_once(risen: Risen) -> None:
    risen.send()  # the first step is noted as it comes in, and who is told by it is told of the later ones, too
    found = risen.told(days=5)
    assert sorted(set(found)) == ["directorate", "directorate/2", "head", "team_coordinator", "team_member"]
    assert len(found) <= len(set(found)) + 1


@pytest.mark.exhaustive
def test_how_far_it_rose_tells_the_newest_from_no_other(risen: Risen) -> None:
    """The first step is in the transaction that keeps it; a worker that has not looked yet finds nothing to do."""
    for _report in range(3):
        risen.send()
        with risen.ctx.realm.reading() as session:
            steps = set(session.scalars(select(PublicReportRow.step)))
        assert len(steps) == 1
        assert steps != {0}


def test_a_school_without_a_calendar_is_not_forgotten(risen: Risen, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_arguments: object) -> None:
        raise Unseen("calendar")

    risen.send()
    monkeypatch.setattr(escalation.people_repository, "calendar_for", nothing)
    assert risen.told() != []


@pytest.mark.exhaustive
def test_one_that_nobody_at_school_may_read_goes_up_at_once(risen: Risen) -> None:
    """Everybody of the team and the head are meant by who must not read it: the next ones are told, at once."""
    risen.send(not_for="l’équipe, le référent et la directrice")
    assert risen.told() == ["directorate", "directorate/2"]
    report = risen.only("directorate")
    with pytest.raises(Unseen):
        triage.see_report(risen.ctx, risen.school.person("head"), report)
    assert triage.see_report(risen.ctx, risen.school.person("directorate"), report).answers


def test_where_one_is_left_to_read_it_stays_at_school(risen: Risen) -> None:
    risen.send(not_for="le référent et la directrice")
    assert risen.told() == ["team_member"]
