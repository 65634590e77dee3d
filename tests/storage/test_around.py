"""What stands around cases: names in slots, reports before triage, work for later, and who read what."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from school_protocol.cases import lookup_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.lookup_repository import ReportStatus
from school_protocol.cases.repository import Identity
from school_protocol.engine.errors import Unseen
from school_protocol.privacy import repository as privacy_repository
from school_protocol.storage import access_log, case_keys, work_queue
from storage.conftest import NOW, Realm

# ---- identities ----------------------------------------------------------------------------------------------------


def test_names_are_kept_replaced_and_destroyed(realm: Realm) -> None:
    case_id = realm.open_case()
    for name in ("Yasmine", "Yasmine El Amrani"):
        with realm.store.writing() as session:
            for slot_id, slot in (("P1", "targeted"), ("P2", "witness")):
                cases_repository.keep_identities(
                    session,
                    realm.vault,
                    case_id,
                    slot_id=slot_id,
                    slot=slot,
                    values={"name": name},
                    marks=[name, " - "],
                )
    with realm.store.reading() as session:
        assert cases_repository.load_identities(session, realm.vault, case_id) == (
            Identity("P1", "targeted", {"name": "Yasmine El Amrani"}),
            Identity("P2", "witness", {"name": "Yasmine El Amrani"}),
        )
    with realm.store.writing() as session:
        case_keys.destroy_object_key(session, case_id, "identity:P1")
        cases_repository.forget_identities(session, case_id, "P2")
    with realm.store.reading() as session:
        assert cases_repository.load_identities(session, realm.vault, case_id) == (Identity("P1", "targeted", None),)


# ---- reports -------------------------------------------------------------------------------------------------------


def test_a_report_waits_until_it_is_settled(realm: Realm) -> None:
    case_id, ids = realm.open_case(), []
    for minutes, unit in ((2, "s1"), (1, "s1"), (0, "s2"), (3, "s3")):
        with realm.store.writing() as session:
            received = lookup_repository.receive(
                session, realm.vault, unit=unit, received_at=NOW + timedelta(minutes=minutes), channel="staff",
                content={"text": "كلام"}, reporter="teacher",
            )  # fmt: skip
            ids.append(received)
    with realm.store.reading() as session:
        assert lookup_repository.content(session, realm.vault, ids[0]) == {"text": "كلام"}
        mine = lookup_repository.of_reporter(session, "teacher", limit=3)
        assert [header.id for header in mine] == [ids[3], ids[0], ids[1]]
    with realm.store.writing() as session:
        lookup_repository.settle_report(session, ids[0], ReportStatus.opened, case_id)
        lookup_repository.settle_report(session, ids[1], ReportStatus.answered)
    with realm.store.reading() as session:
        assert [header.id for header in lookup_repository.reports_of_case(session, case_id)] == [ids[0]]
        assert lookup_repository.header(session, ids[1]).status == ReportStatus.answered
    with realm.store.writing() as session:
        privacy_repository.drop_reports(session, [ids[0]])
    with pytest.raises(Unseen), realm.store.reading() as session:
        lookup_repository.header(session, ids[0])


@pytest.mark.parametrize("status", [ReportStatus.opened, ReportStatus.linked])
def test_a_report_says_where_it_went(realm: Realm, status: ReportStatus) -> None:
    with realm.store.writing() as session:
        report = lookup_repository.receive(
            session, realm.vault, unit="u", received_at=NOW, channel="poster", content={}
        )
    with pytest.raises(IntegrityError), realm.store.writing() as session:
        lookup_repository.settle_report(session, report, status)


# ---- outbox --------------------------------------------------------------------------------------------------------


def test_work_comes_back_until_it_is_done(realm: Realm) -> None:
    with realm.store.writing() as session:
        now = work_queue.put_message(session, "remind", {"case": "c1", "seq": 3}, at=NOW)
        later = work_queue.put_message(session, "remind", {"case": "c2"}, at=NOW, due_at=NOW + timedelta(hours=1))
    with realm.store.writing() as session:
        (message,) = work_queue.take_messages(session, NOW, limit=9, lease=timedelta(minutes=5))
        assert (message.id, message.kind, message.payload, message.attempts) == (
            now,
            "remind",
            {"case": "c1", "seq": 3},
            1,
        )
        assert work_queue.take_messages(session, NOW + timedelta(minutes=4), limit=9) == ()
    with realm.store.writing() as session:
        (again,) = work_queue.take_messages(session, NOW + timedelta(minutes=5), limit=9)
        assert again.attempts == 2
        work_queue.settle_messages(session, now, at=NOW)
        work_queue.put_off_message(session, later, NOW + timedelta(days=1))
        work_queue.put_off_message(session, now, NOW)
    with realm.store.writing() as session:
        assert [found.id for found in work_queue.take_messages(session, NOW + timedelta(days=2), limit=9)] == [later]
        work_queue.drop_done(session, NOW + timedelta(days=3))
        work_queue.settle_messages(session, now, at=NOW)


@pytest.mark.exhaustive
def test_work_of_one_kind_is_taken_alone(realm: Realm) -> None:
    with realm.store.writing() as session:
        work_queue.put_message(session, "remind", {"case": "c1"}, at=NOW)
        wanted = work_queue.put_message(session, "tell", {"case": "c1"}, at=NOW)
        assert [found.id for found in work_queue.take_messages(session, NOW, limit=9, kind="tell")] == [wanted]
        assert work_queue.take_messages(session, NOW, limit=9, kind="tell") == ()


def test_work_with_a_name_is_asked_for_once_and_goes_on_part_by_part(realm: Realm) -> None:
    with realm.store.writing() as session:
        assert work_queue.put_once(session, "day-1", "walk", {"after": ""}, at=NOW)
    with realm.store.writing() as session:
        assert not work_queue.put_once(session, "day-1", "walk", {"after": ""}, at=NOW)
        (part,) = work_queue.take_messages(session, NOW, limit=9)
        work_queue.go_on(session, part.id, {"after": "c7"}, at=NOW)
        (rest,) = work_queue.take_messages(session, NOW, limit=9)
        assert (rest.id, rest.payload, rest.attempts) == ("day-1", {"after": "c7"}, 1)
        work_queue.settle_messages(session, rest.id, at=NOW)
        work_queue.go_on(session, rest.id, {"after": "c9"}, at=NOW)
    with realm.store.writing() as session:
        assert not work_queue.put_once(session, "day-1", "walk", {"after": ""}, at=NOW)
        assert work_queue.take_messages(session, NOW + timedelta(days=9), limit=9) == ()


@pytest.mark.exhaustive
@pytest.mark.parametrize("value", ["Yasmine El Amrani", "ياسمين", "x" * 81, "a\nb"])
def test_the_outbox_takes_no_text(realm: Realm, value: str) -> None:
    with pytest.raises(ValueError, match="ids only"), realm.store.writing() as session:
        work_queue.put_message(session, "mail", {"to": value}, at=NOW)
    with pytest.raises(ValueError, match="ids only"), realm.store.writing() as session:
        work_queue.put_once(session, "x", "mail", {"to": value}, at=NOW)


# ---- access --------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_readings_are_listed_newest_first(realm: Realm) -> None:
    case_id = realm.open_case()
    for minute in range(3):
        with realm.store.writing() as session:
            access_log.note(
                session, case_id=case_id, account="a", at=NOW + timedelta(minutes=minute), what="page", reason="event:4"
            )
    with realm.store.reading() as session:
        first = access_log.access_of_case(session, case_id, limit=2)
        rest = access_log.access_of_case(session, case_id, limit=2, after=first[-1])
        assert [found.at.minute for found in (*first, *rest)] == [32, 31, 30]
        assert access_log.has_read(session, case_id, "a")
        assert not access_log.has_read(session, case_id, "b")


@pytest.mark.exhaustive
def test_a_typed_reason_is_refused(realm: Realm) -> None:
    case_id = realm.open_case()
    with pytest.raises(ValueError, match="codes only"), realm.store.writing() as session:
        access_log.note(session, case_id=case_id, account="a", at=NOW, what="page", reason="parce que Samir")
