"""The index finds a case and grants nothing: whoever can write a row of it, without any key, opens no case with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from domain.telling import NOW
from sqlalchemy import delete, select, update

from school_protocol.services.journal import rebuild_index
from school_protocol.services.journal.verifying import verify
from school_protocol.services.loading import scope_of, today_for
from school_protocol.storage import cases, index
from school_protocol.storage.engines import Session
from school_protocol.storage.index_tables import (
    CaseDueRow,
    CaseExclusionRow,
    CaseIndexRow,
    CaseReaderRow,
    CaseSeatRow,
)
from school_protocol.storage.journal import Flaw
from school_protocol.storage.referrals.tables import CaseReferralRow
from school_protocol.storage.tables import RealmBase
from services.conftest import School

Forge = Callable[[Session, str, str], None]


def seated(session: Session, case_id: str, account: str) -> None:
    session.merge(CaseSeatRow(case_id=case_id, account=account, seat="support", until=None))


def read_by(session: Session, case_id: str, account: str) -> None:
    session.merge(CaseReaderRow(case_id=case_id, account=account, until=None))


def everybodys(session: Session, case_id: str, _account: str) -> None:
    """As if nothing restricted it, and the whole team saw it."""
    row = update(CaseIndexRow).where(CaseIndexRow.case_id == case_id)
    session.execute(row.values(restricted=False, team_sees=True))


def forged(school: School, who: str, forge: Forge) -> bool:
    """Whether the index leads this person to the case, once that was written to it."""
    person = school.person(who)
    with school.house.realm.writing() as session:
        case_id = cases.find_by_number(session, school.number)
        assert case_id is not None
        forge(session, case_id, person.id)
    with school.house.realm.reading() as session:
        scope = scope_of(school.house, person)
        return index.find_id(session, scope, school.number, today=today_for(school.house)) is not None


@pytest.mark.parametrize("who", ["technical_admin", "trainer", "protocol_admin", "psychosocial", "reporter"])
def test_a_forged_seat_opens_nothing_and_one_of_the_journal_does(school: School, who: str) -> None:
    school.report()
    assert not school.is_seen_by(who)
    assert forged(school, who, seated)
    assert not school.is_seen_by(who)
    if who == "psychosocial":  # the control
        school.act("head", "name_seat", seat="support", account=school.account(who), side="targeted")
        assert school.is_seen_by(who)


@pytest.mark.parametrize(
    ("who", "forge"),
    [("head", everybodys), ("team_member/2", everybodys), ("academy", read_by), ("academy", everybodys)],
)
def test_what_was_taken_off_a_restricted_case_opens_it_to_nobody(school: School, who: str, forge: Forge) -> None:
    school.person("directorate")
    school.report("reporter", adult_concerned="yes")
    assert not school.is_seen_by(who)
    assert forged(school, who, forge)
    assert not school.is_seen_by(who)
    assert school.is_seen_by("directorate")


# ---- the check of the night ----------------------------------------------------------------------------------------


def _set(row: type[RealmBase], **values: object) -> Callable[[Session], object]:
    return lambda session: session.execute(update(row).values(**values))


def _drop(row: type[RealmBase]) -> Callable[[Session], object]:
    return lambda session: session.execute(delete(row))


def _seat(session: Session) -> None:
    case_id = session.scalars(select(CaseIndexRow.case_id)).one()
    session.add(CaseSeatRow(case_id=case_id, account="somebody", seat="support", until=None))


def _reader(session: Session) -> None:
    case_id = session.scalars(select(CaseIndexRow.case_id)).one()
    session.add(CaseReaderRow(case_id=case_id, account="somebody", until=None))


_LATER = update(CaseDueRow).values(due_at=NOW + timedelta(days=90))
BEHIND: dict[str, tuple[Callable[[Session], object], Flaw]] = {
    "the row is gone": (_drop(CaseIndexRow), Flaw.index_gone),
    "under another school": (_set(CaseIndexRow, unit="another"), Flaw.index_place),
    "under another directorate": (_set(CaseIndexRow, province="another"), Flaw.index_place),
    "another level": (_set(CaseIndexRow, level=1), Flaw.index_standing),
    "ended": (_set(CaseIndexRow, ended=True), Flaw.index_standing),
    "restricted no more": (_set(CaseIndexRow, restricted=False), Flaw.index_sight),
    "a seat": (_seat, Flaw.index_sight),
    "a reader": (_reader, Flaw.index_readers),
    "nobody shut out": (_drop(CaseExclusionRow), Flaw.index_exclusions),
    "a day later": (lambda session: session.execute(_LATER), Flaw.index_dues),
    "nothing due": (_drop(CaseDueRow), Flaw.index_dues),
    "settled": (
        _set(CaseReferralRow, settled_at=NOW, awaits=False, chase_at=None, order_at=index.NEVER_DUE),
        Flaw.index_referrals,
    ),
    "no referral": (_drop(CaseReferralRow), Flaw.index_referrals),
}
"""What somebody with the database, and no key, writes there."""


@pytest.fixture
def stocked(school: School) -> School:
    return stocked_case(school)


def stocked_case(school: School) -> School:
    """A case with a danger, restricted, from which somebody stepped aside, referred, with deadlines."""
    school.report()
    school.act("team_member", "raise_danger", which_danger="staff_concerned")
    school.act("directorate", "conflict", account=school.account("head"), reason="declares")
    school.act(
        "directorate", "referral", target="prosecutor", covers=["staff_concerned"], channel="call", number_called="19",
        sent_at=NOW.isoformat(),
    )  # fmt: skip
    return school


def flaws(school: School) -> list[Flaw]:
    return [one.flaw for one in verify(school.house).breaks]


@pytest.mark.parametrize("what", BEHIND)
def test_what_was_written_behind_the_program_is_told_by_the_check_of_the_night(stocked: School, what: str) -> None:
    assert flaws(stocked) == [], "the control"
    write, flaw = BEHIND[what]
    with stocked.house.realm.writing() as session:
        write(session)
    assert flaw in flaws(stocked)
    rebuild_index(stocked.house)
    assert flaws(stocked) == [], "made anew it is as it was"


def test_what_time_alone_brings_is_no_fault(stocked: School) -> None:
    for days in (1, 3, 30, 200):
        stocked.wait(days=days)
        assert flaws(stocked) == []
