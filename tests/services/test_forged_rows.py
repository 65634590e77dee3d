"""The index finds a case and grants nothing: whoever can write a row of it, without any key, opens no case with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from school_protocol.services.loading import scope_of, today_for
from school_protocol.storage import cases, index
from school_protocol.storage.engines import Session
from school_protocol.storage.index_tables import CaseIndexRow, CaseReaderRow, CaseSeatRow
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
