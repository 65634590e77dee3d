"""Rows written without any key: none of the index opens a case, none of the directory lets anybody in, each is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from engine.telling import NOW
from sqlalchemy import delete, insert, select, update

from school_protocol.api.service import admit, read_record
from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.models import (
    AccountRow,
    AppointmentRow,
    OneTimeCodeRow,
    OpenIdRow,
    PasskeyRow,
    RestorationRow,
    UnitRow,
    WebSessionRow,
)
from school_protocol.auth.sign_in_service import actor_of
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import scope_of
from school_protocol.cases.models import (
    CaseDueRow,
    CaseExclusionRow,
    CaseIndexRow,
    CaseReaderRow,
    CaseReferralRow,
    CaseSeatRow,
    IdentityRow,
)
from school_protocol.cases.showing import see_case
from school_protocol.context import today_for
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.ops.journal_checks import rebuild_index, verify
from school_protocol.privacy import repository as privacy_repository
from school_protocol.privacy.models import CaseRetentionRow
from school_protocol.reports import repository as reports_repository
from school_protocol.reports.models import PublicReportRow
from school_protocol.reports.rules import Status
from school_protocol.storage.engines import Session, Store
from school_protocol.storage.journal import Flaw
from school_protocol.storage.models import ObjectKeyRow, RealmBase
from school_protocol.supervision.models import CaseReviewRow
from school_protocol.ui.routing import Right
from services.conftest import School
from services.tokening import drawn

Forge = Callable[[Session, str, str], None]


def seated(session: Session, case_id: str, account: str) -> None:
    session.merge(CaseSeatRow(case_id=case_id, account=account, seat="support", until=None))


def read_by(session: Session, case_id: str, account: str) -> None:
    session.merge(CaseReaderRow(case_id=case_id, account=account, until=None))


def everybodys(session: Session, case_id: str, _account: str) -> None:
    """As if nothing restricted it, and the whole team saw it."""
    row = update(CaseIndexRow).where(CaseIndexRow.case_id == case_id)
    session.execute(row.values(restricted=False, team_sees=True))


def without_exclusions(session: Session, case_id: str, _account: str) -> None:
    session.execute(delete(CaseExclusionRow).where(CaseExclusionRow.case_id == case_id))


def forged(school: School, who: str, forge: Forge) -> bool:
    """Whether the index leads this person to the case, once that was written to it."""
    person = school.person(who)
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number)
        assert case_id is not None
        forge(session, case_id, person.id)
    with school.ctx.realm.reading() as session:
        scope = scope_of(school.ctx, person)
        return index_repository.find_id(session, scope, school.number, today=today_for(school.ctx)) is not None


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


def test_what_was_taken_off_a_case_gives_it_to_no_token(school: School) -> None:
    _token, secret = drawn(school.player)
    by = admit(school.ctx, secret, Right.cases, "api.case")
    school.report()
    assert read_record(school.ctx, by, school.number, "fr"), "the control"
    school.report("reporter", adult_concerned="yes")
    assert forged(school, "academy", everybodys)
    with pytest.raises(Unseen):
        read_record(school.ctx, by, school.number, "fr")
    school.report()
    school.act("directorate", "conflict", reason="close_relative")
    forged(school, "academy", without_exclusions)
    with pytest.raises(Unseen):
        read_record(school.ctx, by, school.number, "fr")


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
BEHIND: dict[str, tuple[Callable[[Session], object], str]] = {
    "the row is gone": (_drop(CaseIndexRow), "case_index"),
    "under another school": (_set(CaseIndexRow, unit="another"), "case_index"),
    "under another directorate": (_set(CaseIndexRow, province="another"), "case_index"),
    "another level": (_set(CaseIndexRow, level=1), "case_index"),
    "ended": (_set(CaseIndexRow, ended=True), "case_index"),
    "restricted no more": (_set(CaseIndexRow, restricted=False), "case_index"),
    "a seat": (_seat, "case_seat"),
    "a reader": (_reader, "case_reader"),
    "nobody shut out": (_drop(CaseExclusionRow), "case_exclusion"),
    "a day later": (lambda session: session.execute(_LATER), "case_due"),
    "nothing due": (_drop(CaseDueRow), "case_due"),
    "settled": (
        _set(CaseReferralRow, settled_at=NOW, awaits=False, chase_at=None, order_at=index_repository.NEVER_DUE),
        "case_referral",
    ),
    "no referral": (_drop(CaseReferralRow), "case_referral"),
    "nothing to review": (_drop(CaseReviewRow), "case_review"),
}
"""What somebody with the database, and no key, writes there, and in which table."""


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
    return [one.flaw for one in verify(school.ctx).breaks]


def tables_of(school: School) -> set[str]:
    return {one.case_id.split()[0] for one in verify(school.ctx).breaks if one.flaw is Flaw.forged}


@pytest.mark.exhaustive(but=("settled", "under another school", "a reader", "the row is gone"))
@pytest.mark.parametrize("what", BEHIND)
def test_what_was_written_behind_the_program_is_told_by_the_check_of_the_night(stocked: School, what: str) -> None:
    assert flaws(stocked) == [], "the control"
    write, table = BEHIND[what]
    with stocked.ctx.realm.writing() as session:
        write(session)
    assert table in tables_of(stocked)
    rebuild_index(stocked.ctx)
    assert flaws(stocked) == [], "made anew it is as it was"


def test_what_time_alone_brings_is_no_fault(stocked: School) -> None:
    for days in (1, 3, 30, 200):
        stocked.wait(days=days)
        assert flaws(stocked) == []


# ---- rows of who may come in -----------------------------------------------------------------------------------------


def behind(store: Store, statement: Any, **values: Any) -> None:
    """Said to the database itself, by somebody without the keys."""
    with store.engine.begin() as connection:
        connection.execute(statement, values or None)


def sees(school: School, account: str) -> bool:
    """As the directory has this person now."""
    with school.ctx.directory.reading() as session:
        found = actor_of(school.ctx, account, session)
    try:
        return found is not None and bool(see_case(school.ctx, found, school.number))
    except Unseen:
        return False


def test_a_forged_appointment_shows_nothing_and_one_of_the_program_does(school: School) -> None:
    school.report()
    outsider, head = school.person("psychosocial"), school.person("head")
    forged_post = {"account": outsider.id, "role": "head", "unit": head.appointments[0].unit, "starts": NOW.date()}
    behind(school.ctx.directory, insert(AppointmentRow), id="forged", mac=b"x" * 32, **forged_post)
    assert not sees(school, outsider.id)
    with school.ctx.directory.reading() as session:
        held = auth_repository.holders(session, [head.appointments[0].unit], today=NOW.date())
        assert outsider.id not in {one.account.id for one in held if one.role == "head"}, "told of nothing"
    with school.ctx.directory.writing() as session:
        session.execute(delete(AppointmentRow).where(AppointmentRow.id == "forged"))
        auth_repository.appoint(session, outsider.id, role="head", unit=forged_post["unit"], starts=NOW.date())
    assert sees(school, outsider.id), "the control"


@pytest.mark.parametrize("column", ["role", "unit", "ends", "account"])
def test_an_appointment_that_was_changed_counts_no_more(school: School, column: str) -> None:
    school.report()
    head = school.account("head")
    assert sees(school, head)
    value = {"role": "directorate", "unit": school.person("academy").appointments[0].unit, "ends": NOW.date()}
    own = AppointmentRow.account == head
    behind(
        school.ctx.directory,
        update(AppointmentRow).where(own).values({column: value.get(column, school.account("academy"))}),
    )
    assert not sees(school, head)


def test_a_school_under_another_directorate_is_seen_by_nobody_above_it(school: School) -> None:
    school.report("reporter", adult_concerned="yes")
    assert school.is_seen_by("directorate")
    here = school.person("head").appointments[0].unit
    with school.ctx.directory.writing() as session:
        other = auth_repository.add_unit(session, kind=UnitKind.province, code="MA-XXX", names={"fr": "Ailleurs"})
    behind(school.ctx.directory, update(UnitRow).where(UnitRow.id == here).values(parent=other))
    assert not school.is_seen_by("directorate")


def test_whoever_writes_a_way_in_does_not_come_in_by_it(school: School) -> None:
    """A password, a session, a passkey, a code, another service's account, two people who agreed: as rows, no keys."""
    ctx, (head, academy, other) = school.ctx, map(school.account, ("head", "academy", "directorate"))
    with ctx.directory.writing() as session:
        auth_repository.set_password(session, head, "hers")
        sign_in_repository.link(session, "issuer", "hers", academy, at=NOW)
        mine = sign_in_repository.open_web_session(session, academy, now=NOW)
        restoration = sign_in_repository.ask_restoration(session, head, academy, at=NOW)
    token, later = "t" * 43, NOW + timedelta(hours=1)
    seen = {"created_at": NOW, "last_seen_at": NOW, "expires_at": later, "stage": "full", "user_agent": ""}
    digest = hashlib.sha256(token.encode()).digest()
    forged_rows: tuple[Any, ...] = (
        insert(WebSessionRow).values(token=digest, account=head, mac=b"x" * 32, **seen),
        update(WebSessionRow).where(WebSessionRow.account == academy).values(account=head),
        insert(OpenIdRow).values(issuer="issuer", subject="mine", account=head, at=NOW, mac=b"x" * 32),
        insert(PasskeyRow).values(
            id="mine", account=head, public_key=b"mine", sign_count=0, name="", created_at=NOW, mac=b"x" * 32
        ),
        insert(OneTimeCodeRow).values(
            id="mine", account=head, purpose="password", hashed=digest, made_by=head, made_at=NOW, expires_at=later,
            mac=b"x" * 32,
        ),
        update(RestorationRow).where(RestorationRow.id == restoration).values(agreed_by=other),
    )  # fmt: skip
    with ctx.directory.reading() as session:
        assert sign_in_repository.web_session(session, mine, now=NOW), "the controls"
        assert sign_in_repository.account_known_as(session, "issuer", "hers") == academy
        found = sign_in_repository.open_restoration(session, head, since=NOW)
        assert found is not None
        assert found.agreed_by is None
        known = auth_repository.account(session, head)
        assert known is not None
        assert known.password_hash == "hers"
    for statement in forged_rows:
        behind(ctx.directory, statement)
    with ctx.directory.reading() as session:
        assert sign_in_repository.web_session(session, token, now=NOW) is None
        assert sign_in_repository.web_session(session, mine, now=NOW) is None
        assert sign_in_repository.account_known_as(session, "issuer", "mine") is None
        assert sign_in_repository.passkey(session, "mine") is None
        assert sign_in_repository.passkeys(session, head) == ()
        assert sign_in_repository.find_code(session, digest, purposes=["password"], now=NOW) is None
        assert sign_in_repository.open_restoration(session, head, since=NOW) is None
    behind(ctx.directory, update(AccountRow).where(AccountRow.id == head).values(password_hash="mine"))
    with ctx.directory.reading() as session:
        known = auth_repository.account(session, head)
        assert known is not None
        assert known.password_hash is None
        assert not known.active
    assert tables_of(school) == {"account", "web_session", "openid", "passkey", "one_time_code", "restoration"}, (
        "and it is told"
    )


def _names_swapped(school: School) -> None:
    rows = select(IdentityRow.slot_id, IdentityRow.sealed).order_by(IdentityRow.slot_id)
    with school.ctx.realm.engine.begin() as connection:
        (one, of_one), (other, of_other) = connection.execute(rows).all()
        for slot, sealed in ((one, of_other), (other, of_one)):
            connection.execute(update(IdentityRow).where(IdentityRow.slot_id == slot).values(sealed=sealed))


def _report_kept(school: School) -> None:
    header = reports_repository.PublicHeader(
        id="r" * 26, unit="school", kind="public", protocol="p", version=1, hour=NOW, status=Status.waiting, outcome="",
        settled=None, restricted=False, urgent=False, to_verify=True, waits=NOW, step=0, fullness=0,
        barred=frozenset({school.account("head")}), case_id=None,
    )  # fmt: skip
    with school.ctx.realm.writing() as session:
        reports_repository.keep_public_report(session, school.ctx.vault, header, {}, code_hash=b"c" * 32, marks=())


def _ended(school: School) -> None:
    with school.ctx.realm.writing() as session:
        case_id = session.scalars(select(CaseIndexRow.case_id)).one()
        privacy_repository.keep_limit(
            session, privacy_repository.Standing(case_id=case_id, seq=1, cycle=1, due_on=NOW.date())
        )


FORGED: dict[str, tuple[Callable[[School], None], Callable[[School], None], Flaw, str]] = {
    "names swapped": (lambda _school: None, _names_swapped, Flaw.identities, ""),
    "a name's key": (
        lambda _school: None,
        lambda school: behind(school.ctx.realm, delete(ObjectKeyRow).where(ObjectKeyRow.object_id.like("identity%"))),
        Flaw.identities,
        "",
    ),
    "who may not read a report": (
        _report_kept,
        lambda school: behind(school.ctx.realm, update(PublicReportRow).values(barred=[])),
        Flaw.forged,
        "public_report",
    ),
    "a report": (
        _report_kept,
        lambda school: behind(school.ctx.realm, delete(PublicReportRow)),
        Flaw.gone,
        "public_report school",
    ),
    "when it may be erased": (
        _ended,
        lambda school: behind(school.ctx.realm, update(CaseRetentionRow).values(erase_on=NOW.date())),
        Flaw.forged,
        "case_retention",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_else_was_written_behind_the_program_is_told_by_kind_and_place(school: School, what: str) -> None:
    prepare, write, flaw, where = FORGED[what]
    school.report()
    prepare(school)
    assert flaws(school) == [], "the control"
    write(school)
    told = [one.case_id for one in verify(school.ctx).breaks if one.flaw is flaw]
    assert len(told) == 1
    assert told[0].startswith(where)
