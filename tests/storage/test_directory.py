"""What belongs to no realm: people and their roles, places, contacts, school time, published bytes."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.config import SESSION_LIFETIME
from school_protocol.engine.clock import Calendar, Hours, HoursException
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import Appointment, UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.protocol import repository as protocol_repository
from school_protocol.storage.engines import Store
from school_protocol.supervision import referral_repository
from storage.conftest import NOW

TODAY = date(2026, 11, 25)
DAY = timedelta(days=1)


@pytest.fixture
def places(directory: Store) -> dict[str, str]:
    """A country, a region, a province and two schools, by short name."""
    found: dict[str, str] = {}
    with directory.writing() as session:
        for name, kind, code, parent in (
            ("country", UnitKind.country, "MA", None),
            ("region", UnitKind.region, "R01", "country"),
            ("province", UnitKind.province, "P01", "region"),
            ("school", UnitKind.school, "01234A", "province"),
            ("other", UnitKind.school, "01235B", "province"),
        ):
            found[name] = auth_repository.add_unit(
                session, kind=kind, code=code, names={"fr": name, "ar": "م"}, parent=found.get(parent or "")
            )
    return found


def add_account(directory: Store, username: str = "membre", **values: Any) -> str:
    with directory.writing() as session:
        return auth_repository.add_account(
            session,
            username=username,
            names={"fr": "Nadia B.", "ar": "نادية ب."},
            language="ar",
            created_at=NOW,
            **values,
        )


def test_accounts_are_found_however_their_name_is_typed(directory: Store) -> None:
    made = add_account(directory, "Membre")
    with directory.reading() as session:
        found = auth_repository.account_named(session, "  MEMBRE ")
        assert found is not None
        assert (found.id, found.username, found.name("ar"), found.name("en")) == (
            made,
            "membre",
            "نادية ب.",
            "Nadia B.",
        )
        assert "hash" not in repr(found)
        assert auth_repository.account_named(session, "x") is None
        assert auth_repository.account(session, "x") is None
        assert auth_repository.accounts(session, [made, "x"]).keys() == {made}
        assert auth_repository.accounts(session, []) == {}
    with pytest.raises(IntegrityError):
        add_account(directory, "membrE")


@pytest.mark.parametrize("typed", ["\0", "mem\0bre", "\ud800", "\u202e", "م" * 500, "'; --", ""])
def test_nothing_typed_as_a_username_does_harm(directory: Store, typed: str) -> None:
    add_account(directory)
    with directory.reading() as session:
        assert auth_repository.account_named(session, typed) is None
        assert auth_repository.account(session, typed) is None
        assert auth_repository.unit_coded(session, typed) is None
        assert sign_in_repository.web_session(session, typed, now=NOW) is None


@pytest.mark.exhaustive
def test_accounts_change(directory: Store) -> None:
    made = add_account(directory)
    with directory.writing() as session:
        auth_repository.set_password(session, made, "hash")
        auth_repository.set_language(session, made, "fr")
        auth_repository.set_training(session, made, certified=True, trained_until=TODAY)
        auth_repository.set_active(session, made, False)
    with directory.reading() as session:
        found = auth_repository.account(session, made)
        assert found is not None
        assert (found.password_hash, found.language, found.active) == ("hash", "fr", False)
        assert found.is_trained(TODAY)
        assert not found.is_trained(TODAY + DAY)
    with pytest.raises(Unseen), directory.writing() as session:
        auth_repository.set_active(session, "x", True)


@pytest.mark.exhaustive
def test_an_account_says_where_messages_reach_it_and_to_nobody_by_chance(directory: Store) -> None:
    silent = add_account(directory, "silent")
    made = add_account(directory, email="membre@college.example", phone="0600000001")
    with directory.writing() as session:
        found = auth_repository.account(session, made)
        assert found is not None
        assert (found.email, found.phone) == ("membre@college.example", "0600000001")
        assert "college.example" not in repr(found)
        assert "0600000001" not in repr(found)
        assert auth_repository.without_address(session) == 1
        auth_repository.set_address(session, made, email=None, phone="0600000002")
        auth_repository.set_address(session, silent, email="silent@college.example", phone=None)
    with directory.writing() as session:
        found = auth_repository.account(session, made)
        assert found is not None
        assert (found.email, found.phone) == (None, "0600000002")
        auth_repository.set_active(session, made, False)
        assert auth_repository.without_address(session) == 0
    with pytest.raises(Unseen), directory.writing() as session:
        auth_repository.set_address(session, "x", email=None, phone=None)


@pytest.mark.exhaustive
def test_an_actor_has_the_appointments_of_today(directory: Store, places: dict[str, str]) -> None:
    made = add_account(directory, certified=True, trained_until=TODAY)
    school = places["school"]
    with directory.writing() as session:
        auth_repository.appoint(session, made, role="member", unit=school, starts=TODAY)
        auth_repository.appoint(session, made, role="head", unit=school, starts=TODAY - 9 * DAY, ends=TODAY)
        auth_repository.appoint(session, made, role="past", unit=school, starts=TODAY - 9 * DAY, ends=TODAY - DAY)
        auth_repository.appoint(session, made, role="future", unit=school, starts=TODAY + DAY)
        ended = auth_repository.appoint(session, made, role="ended", unit=school, starts=TODAY - 9 * DAY)
        auth_repository.end_appointment(session, ended, TODAY - DAY)
    with directory.reading() as session:
        found = auth_repository.actor(session, made, realm="real", today=TODAY)
        assert found is not None
        assert found.appointments == (
            Appointment("head", school, TODAY - 9 * DAY, TODAY),
            Appointment("member", school, TODAY),
        )
        assert (found.id, found.realm, found.name, found.trained, found.language) == (
            made,
            "real",
            "نادية ب.",
            True,
            "ar",
        )
        later = auth_repository.actor(session, made, realm="real", today=TODAY + DAY)
        assert later is not None
        assert not later.trained
        holders = auth_repository.holders(session, [school, places["other"]], today=TODAY)
        assert [(holder.account.id, holder.role, holder.unit) for holder in holders] == [
            (made, "head", school),
            (made, "member", school),
        ]
        assert auth_repository.actor(session, "x", realm="real", today=TODAY) is None
    with directory.writing() as session:
        auth_repository.set_active(session, made, False)
    with directory.reading() as session:
        assert auth_repository.actor(session, made, realm="real", today=TODAY) is None
        assert auth_repository.holders(session, [school], today=TODAY) == ()


@pytest.mark.exhaustive
def test_holders_say_whether_they_can_sign_in(directory: Store, places: dict[str, str]) -> None:
    """By a password, or known elsewhere; who was invited and never came can't."""
    made = {who: add_account(directory, who) for who in ("password", "known", "invited")}
    with directory.writing() as session:
        for account in made.values():
            auth_repository.appoint(session, account, role="head", unit=places["school"], starts=TODAY)
        auth_repository.set_password(session, made["password"], "hash")
        sign_in_repository.link(session, "https://one.example", "subject", made["known"], at=NOW)
    with directory.reading() as session:
        holders = auth_repository.holders(session, [places["school"]], today=TODAY)
    found = {one.account.username: one.has_way_in for one in holders}
    assert found == {"password": True, "known": True, "invited": False}


@pytest.mark.exhaustive
def test_an_appointment_cant_end_before_it_starts(directory: Store, places: dict[str, str]) -> None:
    made = add_account(directory)
    with pytest.raises(IntegrityError), directory.writing() as session:
        auth_repository.appoint(session, made, role="r", unit=places["school"], starts=TODAY, ends=TODAY - DAY)
    with pytest.raises(Unseen), directory.writing() as session:
        auth_repository.end_appointment(session, "x", TODAY)


@pytest.mark.exhaustive
def test_units_know_what_lies_above_them(directory: Store, places: dict[str, str]) -> None:
    with directory.reading() as session:
        school = auth_repository.unit(session, places["school"])
        assert school.parents == (places["province"], places["region"], places["country"])
        assert (school.kind, school.code, school.name("fr")) == (UnitKind.school, "01234A", "school")
        assert auth_repository.unit_coded(session, "01234A") == school
        assert auth_repository.unit_coded(session, "99999Z") is None
        assert [unit.code for unit in auth_repository.children(session, places["province"])] == ["01234A", "01235B"]
        assert [unit.code for unit in auth_repository.units_of_kind(session, UnitKind.school)] == ["01234A", "01235B"]
        with pytest.raises(Unseen):
            auth_repository.unit(session, "x")


@pytest.mark.exhaustive
def test_a_gresa_code_has_six_characters(directory: Store) -> None:
    with pytest.raises(IntegrityError), directory.writing() as session:
        auth_repository.add_unit(session, kind=UnitKind.school, code="123", names={})


@pytest.mark.exhaustive
def test_the_nearest_contacts_come_first(directory: Store, places: dict[str, str]) -> None:
    with directory.writing() as session:
        for name, unit in (
            ("national", None),
            ("provincial", "province"),
            ("second", "school"),
            ("elsewhere", "other"),
        ):
            contact = people_repository.add_contact(
                session,
                target="police",
                names={"fr": name},
                unit=places[unit] if unit else None,
                phone="19",
                position=1,
            )
        gone = people_repository.add_contact(session, target="police", names={"fr": "gone"}, unit=places["school"])
        referral_repository.retire(session, gone, at=NOW)
        people_repository.add_contact(
            session, target="police", names={"fr": "first"}, unit=places["school"], position=0
        )
        people_repository.verify_contact(session, contact, on=TODAY, by="me")
    with directory.reading() as session:
        found = people_repository.contacts_of(session, places["school"])
        assert [contact.names["fr"] for contact in found] == ["first", "second", "provincial", "national"]
        (elsewhere, *_) = people_repository.contacts_of(session, places["other"])
        assert (elsewhere.verified_on, elsewhere.verified_by) == (TODAY, "me")
    with pytest.raises(Unseen), directory.writing() as session:
        people_repository.verify_contact(session, "x", on=TODAY, by="me")


def test_a_calendar_comes_back_and_holds_below(directory: Store, places: dict[str, str]) -> None:
    calendar = Calendar(
        opening={0: (Hours(time(8, 30), time(12)), Hours(time(14, 30), time(18))), 5: (Hours(time(8, 30), time(12)),)},
        exceptions=(HoursException(TODAY, TODAY + 9 * DAY, {0: (Hours(time(9), time(14, 30)),)}),),
        closed=frozenset({TODAY + DAY, TODAY}),
    )
    with pytest.raises(Unseen), directory.reading() as session:
        people_repository.calendar_of(session, places["school"])
    for kept in (Calendar(opening={}), calendar):
        with directory.writing() as session:
            people_repository.set_calendar(session, places["region"], kept)
    with directory.reading() as session:
        assert people_repository.calendar_of(session, places["school"]) == calendar
    with directory.writing() as session:
        people_repository.set_calendar(session, places["school"], Calendar(opening={}))
        assert people_repository.calendar_of(session, places["school"]) == Calendar(opening={})
        assert people_repository.calendar_of(session, places["other"]) == calendar


# ---- definitions ---------------------------------------------------------------------------------------------------


def publish(directory: Store, version: int, *, current: bool = True, content: bytes = b"a: 1\r\n") -> None:
    with directory.writing() as session:
        protocol_repository.publish(
            session,
            protocol="p",
            version=version,
            digest=f"{version:064}",
            content=content,
            published_at=NOW,
            current=current,
        )


@pytest.mark.exhaustive
def test_published_bytes_come_back_as_they_were(directory: Store) -> None:
    publish(directory, 1)
    publish(directory, 2)
    publish(directory, 3, current=False)
    with directory.reading() as session:
        assert protocol_repository.definition(session, "p", 1).content == b"a: 1\r\n"
        assert [found.version for found in protocol_repository.current_definitions(session)] == [2]
        assert [version for _, version, _ in protocol_repository.definition_versions(session)] == [1, 2, 3]
        with pytest.raises(Unseen):
            protocol_repository.definition(session, "p", 4)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE definition SET version = 5",
        "UPDATE definition SET digest = protocol",
        "UPDATE definition SET published_at = '2020-01-01 00:00:00+00'",
        "DELETE FROM definition",
    ],
)
def test_published_definitions_never_change(directory: Store, statement: str) -> None:
    publish(directory, 1)
    with pytest.raises(IntegrityError, match="never changes"), directory.writing() as session:
        session.execute(text(statement))
    with pytest.raises(IntegrityError):
        publish(directory, 1, current=False, content=b"other")


# ---- signed in -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_session_lives_while_it_is_used(directory: Store) -> None:
    account = add_account(directory)
    with directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=NOW, user_agent="Mozilla\n" + "x" * 200)
    minute = timedelta(minutes=1)
    with directory.reading() as session:
        found = sign_in_repository.web_session(session, token, now=NOW + 29 * minute)
        assert found is not None
        assert (found.account, len(found.user_agent)) == (account, 120)
        assert sign_in_repository.is_worth_touching(found, NOW + minute)
        assert not sign_in_repository.is_worth_touching(found, NOW + timedelta(seconds=59))
        assert sign_in_repository.web_session(session, token, now=NOW + 30 * minute) is None
        assert sign_in_repository.web_session(session, token + "x", now=NOW) is None
    with directory.writing() as session:
        sign_in_repository.touch_web_session(session, token, now=NOW + 20 * minute)
        sign_in_repository.touch_web_session(session, "no such token", now=NOW)
    with directory.reading() as session:
        assert sign_in_repository.web_session(session, token, now=NOW + 45 * minute) is not None
        assert sign_in_repository.web_session(session, token, now=NOW - 2 * minute) is None, "from the future"


@pytest.mark.exhaustive
def test_a_session_ends_for_good(directory: Store) -> None:
    account = add_account(directory)
    with directory.writing() as session:
        tokens = [sign_in_repository.open_web_session(session, account, now=NOW) for _ in range(4)]
        late = NOW + SESSION_LIFETIME
        sign_in_repository.touch_web_session(session, tokens[0], now=late - timedelta(minutes=1))
        assert sign_in_repository.web_session(session, tokens[0], now=late) is None
        sign_in_repository.close_web_session(session, tokens[1])
        assert sign_in_repository.web_session(session, tokens[1], now=NOW) is None
        auth_repository.set_active(session, account, False)
        assert sign_in_repository.web_session(session, tokens[2], now=NOW) is None
        auth_repository.set_active(session, account, True)
        assert sign_in_repository.web_session(session, tokens[2], now=NOW) is not None
        sign_in_repository.close_web_sessions(session, account)
        assert sign_in_repository.web_session(session, tokens[2], now=NOW) is None
        sign_in_repository.drop_web_sessions(session, late)


@pytest.mark.exhaustive
def test_attempts_are_counted_and_forgotten(directory: Store) -> None:
    with directory.writing() as session:
        for seconds in (0, 10, 20):
            sign_in_repository.note_attempt(session, "membre", at=NOW + timedelta(seconds=seconds))
        sign_in_repository.note_attempt(session, "other", at=NOW)
        assert sign_in_repository.attempts_since(session, "membre", NOW + timedelta(seconds=10)) == 2
        sign_in_repository.forget_attempts(session, "membre")
        assert sign_in_repository.attempts_since(session, "membre", NOW) == 0
        assert sign_in_repository.attempts_since(session, "other", NOW) == 1
        sign_in_repository.drop_attempts(session, NOW + timedelta(seconds=1))
        assert sign_in_repository.attempts_since(session, "other", NOW) == 0


@pytest.mark.exhaustive
def test_many_people_at_once_are_who_each_of_them_is_alone(directory: Store) -> None:
    """In as many queries as for two of them: with who was away, who left a case, and whose appointment is over."""
    with directory.writing() as session:
        unit = auth_repository.add_unit(session, kind=UnitKind.school, code="00000Z", names={"fr": "École"})
        ids = [
            auth_repository.add_account(
                session, username=f"many{place}", names={"fr": "P"}, language="fr", created_at=NOW
            )
            for place in range(40)
        ]
        for place, one in enumerate(ids):
            ends = date(2026, 1, 31) if place % 3 == 0 else None
            auth_repository.appoint(session, one, role="head", unit=unit, starts=date(2026, 1, 1), ends=ends)
            auth_repository.appoint(session, one, role="member", unit=unit, starts=date(2026, 1, 2 + place % 9))
        auth_repository.set_active(session, ids[5], False)
    today, asked = NOW.date(), list[str]()
    event.listen(directory.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def queries(some: list[str]) -> int:
        asked.clear()
        with directory.reading() as session:
            auth_repository.actors(session, auth_repository.accounts(session, some), realm="main", today=today)
        return sum("SELECT" in one for one in asked)

    assert queries(ids) == queries(ids[:2])
    with directory.reading() as session:
        found = auth_repository.actors(session, auth_repository.accounts(session, ids), realm="main", today=today)
        alone = [auth_repository.actor(session, one, realm="main", today=today) for one in ids]
    assert {one.id: one for one in found} == {one.id: one for one in alone if one is not None}
    assert len(found) == 39
    assert {len(one.appointments) for one in found} == {1, 2}
