"""One's own due dates in one's calendar: which, for how long, and that nothing else is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count

import icalendar
import pytest
from engine.telling import MOROCCAN, NOW
from rewriting import rewrite
from sqlalchemy import select, text

from school_protocol.auth import access_codes, own_account
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow
from school_protocol.auth.passwords import hash_password
from school_protocol.auth.service import TooManyTries
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import throwaway
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.language import ZONE, Wording
from school_protocol.notifications import digests
from school_protocol.notifications.digests import MOST, WINDOW, Moment, due_moments, read_feed, shut_feed
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind
from school_protocol.storage.models import AccessRow
from services.conftest import MASSAR, NAME, School
from services.proving import PASSWORD, People

from .test_staff import Office

ALLOWED = {
    "VCALENDAR": {"PRODID", "VERSION", "CALSCALE", "X-WR-CALNAME", "REFRESH-INTERVAL"},
    "VEVENT": {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "CLASS", "TRANSP"},
}
SEEING = ("team_member", "team_coordinator", "head", "directorate")


@pytest.fixture
def school(moroccan: Protocol) -> Iterator[School]:
    """A school with a report that nobody has examined yet."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        found = School(player, count(1))
        found.report("team_member", danger_now="unsure")
        yield found


def events(content: bytes) -> list[icalendar.Event]:
    return [one for one in icalendar.Calendar.from_ical(content).walk("VEVENT") if isinstance(one, icalendar.Event)]


HASHED = hash_password(PASSWORD)


def open_feed(ctx: AppContext, actor: Actor) -> str:
    """A new address, asked for with the password."""
    with ctx.directory.writing() as session:
        auth_repository.set_password(session, actor.id, HASHED)
    return digests.open_feed(ctx, actor, PASSWORD)


def read_by(school: School, who: str) -> list[icalendar.Event]:
    token = open_feed(school.ctx, school.person(who))
    return events(read_feed(school.ctx, token).content)


def starts(found: list[icalendar.Event]) -> list[datetime | date]:
    return [one.decoded("DTSTART") for one in found]


def row_of(school: School) -> index_repository.IndexRow:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number)
        row = index_repository.row_of(session, case_id or "")
    assert row is not None
    return row


# ---- which -----------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_what_waits_for_somebody_is_in_their_calendar_to_the_minute(school: School) -> None:
    row = row_of(school)
    assert row.dues
    waited = [who for who in SEEING if who in row.waiting_for]
    assert waited
    for who in waited:
        assert sorted(map(str, starts(read_by(school, who)))) == sorted(str(due.due_at) for due in row.dues)


@pytest.mark.exhaustive
def test_who_has_a_seat_is_shown_its_case_whomever_it_waits_for(school: School) -> None:
    school.person("team_member/2")
    school.act("head", "name_seat", seat="lead", account=school.account("team_member/2"))
    moments = due_moments(school.ctx, school.person("team_member/2"))
    assert {one.at for one in moments} >= {due.due_at for due in row_of(school).dues}


@pytest.mark.exhaustive
def test_who_takes_no_part_is_shown_nothing_from_then_on(school: School) -> None:
    token = open_feed(school.ctx, school.person("team_member"))
    assert events(read_feed(school.ctx, token).content)
    school.act("directorate", "conflict", account=school.account("team_member"), reason="declares")
    assert events(read_feed(school.ctx, token).content) == []


@pytest.mark.exhaustive
def test_who_left_is_shown_nothing_and_a_closed_account_has_no_calendar(school: School) -> None:
    account = school.account("team_member")
    token = open_feed(school.ctx, school.person("team_member"))
    yesterday = (NOW - timedelta(days=1)).date()
    with school.ctx.directory.writing() as session:
        rewrite(session, AppointmentRow, AppointmentRow.account == account, ends=yesterday)
    assert events(read_feed(school.ctx, token).content) == []
    with school.ctx.directory.writing() as session:
        auth_repository.set_active(session, account, False)
    with pytest.raises(Unseen):
        read_feed(school.ctx, token)


@pytest.mark.exhaustive
def test_who_reads_no_words_learns_no_moments_of_them(school: School) -> None:
    """A data officer knows of the case; its dates are those of acts that others write."""
    officer = school.person("data_officer")
    assert row_of(school).dues
    school.act("head", "name_seat", seat="lead", account=school.account("team_member"))
    assert due_moments(school.ctx, officer) == ()


def test_who_sees_no_case_gets_no_address(school: School) -> None:
    for who in ("reporter", "trainer"):
        with pytest.raises(Unseen):
            open_feed(school.ctx, school.person(who))


def test_a_planned_follow_up_is_a_day(school: School) -> None:
    due = index_repository.Due("follow_up", datetime(2027, 2, 10, 22, 59, 59, tzinfo=UTC), "2027-02-10")
    moment = digests._moment(school.ctx, school.person("head"), "c" * 26, due, planned=True)
    assert moment.day == date(2027, 2, 10)
    (event,) = events(digests._written(Wording("fr"), (moment,), NOW))
    assert event.decoded("DTSTART") == date(2027, 2, 10)
    assert event["DTSTART"].params["VALUE"] == "DATE"


# ---- what is said, and what never is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "summary"),
    [
        ("fr", "Protocole École\u00a0: quelque chose est à faire"),
        ("ar", "بروتوكول المدرسة: هناك ما يجب إنجازه"),
        ("en", "School protocol: something is due"),
    ],
)
def test_a_moment_and_one_sentence_are_all_that_is_said(school: School, language: str, summary: str) -> None:
    account = school.account("team_member")
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
    token = open_feed(school.ctx, school.person("team_member"))
    content = read_feed(school.ctx, token).content
    for part in icalendar.Calendar.from_ical(content).walk():
        assert set(part) <= ALLOWED[part.name or ""], part.name
    found = events(content)
    assert found
    assert {str(one["SUMMARY"]) for one in found} == {summary}
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or "-"
    unfolded = content.replace(b"\r\n ", b"").decode()
    for secret in (school.number, case_id, NAME, MASSAR, school.account("team_member"), token):
        assert secret not in unfolded


def test_moments_are_right_as_the_country_changes_its_hour() -> None:
    """In Ramadan Casablanca is at UTC, else at UTC+1: what is due at 18:30 is due at 18:30."""
    for day in (date(2027, 2, 4), date(2027, 2, 20), date(2027, 3, 20)):
        at = datetime(day.year, day.month, day.day, 18, 30, tzinfo=ZONE).astimezone(UTC)
        (event,) = events(digests._written(Wording("ar"), (Moment(at, "u"),), NOW))
        found = event.decoded("DTSTART")
        assert isinstance(found, datetime)
        assert found.astimezone(ZONE).strftime("%H:%M") == "18:30"


@pytest.mark.exhaustive
def test_the_same_thing_keeps_its_name_for_one_reader_and_has_another_for_each(school: School) -> None:
    def uids(who: str) -> set[str]:
        return {one.uid for one in due_moments(school.ctx, school.person(who))}

    first = uids("team_member")
    assert first
    assert uids("team_member") == first
    assert uids("team_member/2")
    assert not first & uids("team_member/2")
    tokens = [open_feed(school.ctx, school.person("team_member")) for _ in range(2)]
    assert {str(one["UID"]).partition("@")[0] for one in events(read_feed(school.ctx, tokens[-1]).content)} == first


# ---- the address -----------------------------------------------------------------------------------------------------


def test_an_address_is_good_until_another_is_made_or_it_is_taken_away(school: School) -> None:
    head = school.person("head")
    old = open_feed(school.ctx, head)
    new = open_feed(school.ctx, head)
    with pytest.raises(Unseen):
        read_feed(school.ctx, old)
    read_feed(school.ctx, new)
    shut_feed(school.ctx, head)
    for token in (old, new, "", "x" * 5000, "\udcff"):
        with pytest.raises(Unseen):
            read_feed(school.ctx, token)
    with school.ctx.directory.reading() as session:
        unit = head.appointments[0].unit
        log = administration_log.changes(session, [unit], limit=10, kinds=administration_log.OF_IDENTITY)
    kinds = [one[1].kind if isinstance(one, tuple) else one.kind for one in log]
    assert sorted(kinds) == [Kind.calendar_opened, Kind.calendar_opened, Kind.calendar_shut]


@pytest.mark.exhaustive
@pytest.mark.files
def test_its_token_is_kept_nowhere(school: School) -> None:
    token = open_feed(school.ctx, school.person("head"))
    for store in (school.ctx.directory, school.ctx.realm):
        with store.reading() as session:
            names = session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
            for name in names:
                for row in session.execute(text(f'SELECT * FROM "{name}"')):
                    assert token not in repr(tuple(row)), name


@pytest.mark.exhaustive
def test_it_can_be_read_so_often_and_again_later(school: School) -> None:
    token = open_feed(school.ctx, school.person("head"))
    other = open_feed(school.ctx, school.person("team_member"))
    for _ in range(MOST):
        read_feed(school.ctx, token)
    with pytest.raises(TooManyTries):
        read_feed(school.ctx, token)
    read_feed(school.ctx, other)
    school.wait(seconds=WINDOW.total_seconds())
    read_feed(school.ctx, token)


@pytest.mark.exhaustive
def test_its_owner_sees_when_it_was_last_read(school: School) -> None:
    head = school.person("head")
    assert digests.see_feed(school.ctx, head) is None
    token = open_feed(school.ctx, head)
    feed = digests.see_feed(school.ctx, head)
    assert feed is not None
    assert feed.read_at is None
    school.wait(hours=2)
    read_feed(school.ctx, token)
    feed = digests.see_feed(school.ctx, head)
    assert feed is not None
    assert feed.read_at == school.ctx.now()


@pytest.mark.exhaustive
def test_reading_it_is_no_access_to_a_case(school: School) -> None:
    token = open_feed(school.ctx, school.person("head"))

    def accesses() -> int:
        with school.ctx.realm.reading() as session:
            return len(session.scalars(select(AccessRow)).all())

    before = accesses()
    read_feed(school.ctx, token)
    assert accesses() == before


# ---- what ends access ends it ----------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "everywhere",
        "code",
    )
)
@pytest.mark.parametrize("door", ["everywhere", "password", "code", "factor", "closed"])
def test_what_ends_every_session_ends_the_address(school: School, door: str) -> None:
    people, ctx, head = People(school.player), school.ctx, school.person("head")
    office = Office(school)
    token, by = open_feed(ctx, head), head.id
    assert read_feed(ctx, token)
    if door == "everywhere":
        own_account.end_everywhere(ctx, head)
    elif door == "password":
        own_account.change_password(ctx, head, PASSWORD, "un autre cartable sous la table")
    elif door == "code":
        slip = access_codes.new_password_slip(ctx, office.actor("chief"), head.id, ctx.now())
        assert access_codes.set_password_by_code(ctx, people.username("head"), slip.code, "un autre cartable bleu")
    elif door == "factor":
        people.give_phone("head")
        access_codes.ask_restoring(ctx, office.actor("chief"), head.id)
        slip = access_codes.agree(ctx, school.person("directorate"), head.id)
        half = people.enter("head")
        assert half
        assert access_codes.restore(ctx, half, slip.code)
    else:
        by = office.ids["chief"]
        office.close("chief", "head")
        with ctx.directory.writing() as session:
            auth_repository.set_active(session, head.id, True)
    assert digests.see_feed(ctx, head) is None
    with pytest.raises(Unseen):
        read_feed(ctx, token)
    with ctx.directory.reading() as session:
        (row,) = administration_log.about(session, head.id, kinds=[Kind.calendar_shut], limit=9)
    assert row.actor == by


def test_an_unknown_address_waits_for_nobody_who_writes(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    token = open_feed(school.ctx, school.person("head"))
    wrote, writing = [], type(school.ctx.directory).writing

    def noted(store: object) -> object:
        wrote.append(store)
        return writing(store)  # type: ignore[arg-type]

    monkeypatch.setattr(type(school.ctx.directory), "writing", noted)
    for unknown in ("x", token[:-1], token + "a", "\ud800"):
        with pytest.raises(Unseen):
            read_feed(school.ctx, unknown)
    assert wrote == []
    assert read_feed(school.ctx, token)
    assert len(wrote) == 1
