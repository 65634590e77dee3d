"""What is read by a token: the cases of its place under signs, none restricted, no name, nobody's own words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from engine.telling import SAFE
from rewriting import rewrite
from sqlalchemy import select

from school_protocol.api import repository as api_repository
from school_protocol.api import service as api_service
from school_protocol.api import tokens
from school_protocol.api.service import Bearer, UnknownToken, admit, read_cases, read_record
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AccountRow, AppointmentRow
from school_protocol.case_files.record import bare_schema
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.index_repository import EVERYTHING
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.people import repository as people_repository
from school_protocol.privacy.access_report import see_sight
from school_protocol.storage import access_log
from school_protocol.ui.routing import Right
from services.conftest import MASSAR, NAME, WORDS, School
from services.tokening import drawn


def bearer(school: School, who: str = "directorate", kind: UnitKind = UnitKind.province) -> Bearer:
    _token, secret = drawn(school.player, who, kind)
    return admit(school.ctx, secret, Right.cases, "api.cases")


def numbers(ctx: AppContext, by: Bearer) -> list[str]:
    page = read_cases(ctx, by, EVERYTHING, limit=50)
    return [row.number for row in page.rows]


def record(school: School, by: Bearer, language: str = "fr") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read_record(school.ctx, by, school.number, language))
    return found


def rewrite_row(school: School, **changes: Any) -> None:
    """As the index says it once a case is restricted, or somebody takes no part."""
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        row = index_repository.row_of(session, case_id)
        assert row is not None
        index_repository.write(session, replace(row, **changes))


def restrict(school: School) -> None:
    rewrite_row(school, restricted=True)


# ---- which cases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "kind"), [("directorate", UnitKind.province), ("academy", UnitKind.region)])
def test_the_cases_of_its_place_are_listed_and_read(school: School, who: str, kind: UnitKind) -> None:
    school.report()
    by = bearer(school, who, kind)
    assert numbers(school.ctx, by) == [school.number]
    assert record(school, by)["case"]["head"]["number"] == school.number


def test_a_restricted_case_is_not_there(school: School) -> None:
    """Though whoever oversees in person keeps it."""
    school.report()
    by = bearer(school)
    assert school.is_seen_by("directorate")
    restrict(school)
    assert school.is_seen_by("directorate")
    assert numbers(school.ctx, by) == []
    with pytest.raises(Unseen):
        record(school, by)


def test_a_case_of_another_place_is_as_one_that_nobody_has(school: School) -> None:
    school.report()
    with school.ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R9", names={"fr": "Ailleurs"})
        elsewhere = auth_repository.unit(session, region)
    by = bearer(school)
    foreign = Bearer(by.token, elsewhere)
    assert numbers(school.ctx, foreign) == []
    told = []
    for number in (school.number, "1234567890128", "12", "x" * 500, "\0"):
        with pytest.raises(Unseen) as caught:
            read_record(school.ctx, foreign, number, "fr")
        told.append(type(caught.value))
    assert set(told) == {Unseen}


def validated(found: Any) -> None:
    from jsonschema import Draft202012Validator  # a second to load: for those who ask

    Draft202012Validator(bare_schema()).validate(found)


# ---- what of a case ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_a_record_is_what_its_schema_says(school: School, language: str) -> None:
    school.report()
    found = record(school, bearer(school), language)
    validated(found)
    assert found["language"] == language
    assert found["case"]["summary"] is None
    assert found["case"]["names"] == {}


def test_no_pupil_and_no_colleague_is_named(school: School) -> None:
    for who in ("team_member", "head", "team_coordinator", "directorate"):
        account = school.account(who)
        with school.ctx.directory.writing() as session:
            people_repository.change_account(
                session, account, names={"fr": f"zqnamed {who}"}, language="fr", email=None, phone=None
            )
    school.report()
    school.act("head", "safety_check", dict(SAFE))
    by = bearer(school)
    told = json.dumps(record(school, by)["case"], ensure_ascii=False)
    for word in (NAME, MASSAR, WORDS, "Omar", "zqnamed"):
        assert word not in told
    assert '"EV1"' in told


def test_a_copy_with_words_or_names_is_for_no_token(moroccan: Protocol) -> None:
    found = tokens.copy_for(moroccan, "directorate")
    assert found is not None
    assert (found.identities, found.words, found.summary, found.named) == (False, False, None, ())
    assert found.reader == "self", "reasons of steps stand in what is for who oversees"
    assert not {"summary", "remarks"} & set(found.sections)
    for role in ("trainer", "psychosocial", "data_officer"):
        assert tokens.copy_for(moroccan, role) is None
    assert [role.key for role in tokens.overseeing(moroccan, UnitKind.province)] == ["directorate"]
    assert [role.key for role in tokens.overseeing(moroccan, UnitKind.region)] == ["academy"]
    assert tokens.overseeing(moroccan, UnitKind.school) == ()


# ---- written down --------------------------------------------------------------------------------------------------


def test_a_reading_stands_where_everybody_sees_who_has_read(school: School) -> None:
    school.report()
    by = bearer(school)
    record(school, by)
    lines = see_sight(school.ctx, school.person("head"), school.number).readings.lines
    assert ("Pilotage", "api") in {(one.name, one.kind) for one in lines}


def test_a_reading_that_failed_is_no_access(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that is restricted while its record is made is not handed out."""
    school.report()
    by = bearer(school)
    made = api_service._record

    def slow(*args: Any) -> bytes:
        found = made(*args)
        restrict(school)
        return found

    monkeypatch.setattr(api_service, "_record", slow)
    with pytest.raises(Unseen):
        record(school, by)
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        assert [one.what for one in access_log.access_of_case(session, case_id, limit=9, account=by.account)] == []


@pytest.mark.parametrize("who", ["asked", "agreed", "above", "beside"])
def test_where_one_who_made_the_token_or_oversees_takes_no_part_it_reads_nothing(school: School, who: str) -> None:
    school.report()
    by = bearer(school, "directorate" if who in ("asked", "above") else "academy/2")
    region = bearer(school, "academy", UnitKind.region)
    apart = {
        "asked": by.token.asked_by, "agreed": by.token.agreed_by, "above": school.account("academy"),
        "beside": school.account("directorate"),
    }[who]  # fmt: skip
    assert apart is not None
    if who == "agreed":
        with school.ctx.directory.writing() as session:
            auth_repository.set_active(session, apart, False)  # who has left is bound by it as before
    assert numbers(school.ctx, by) == [school.number]
    rewrite_row(school, exclusions=frozenset({apart}))
    assert numbers(school.ctx, by) == []
    with pytest.raises(Unseen):
        record(school, by)
    if who == "beside":
        assert numbers(school.ctx, region) == [school.number], "who oversees the province binds no token above it"
        record(school, region)


def test_a_token_reads_on_while_one_of_the_two_who_made_it_is_at_their_post(school: School) -> None:
    token, secret = drawn(school.player)
    ctx = school.ctx
    with ctx.directory.reading() as session:
        kept = api_repository.token(session, token)
    assert kept is not None
    assert kept.agreed_by is not None
    for gone, is_good in (((), True), ((kept.asked_by,), True), ((kept.agreed_by,), True)):
        set_active(ctx, gone)
        assert bool(admit(ctx, secret, Right.cases, "api.cases")) is is_good
    set_active(ctx, (kept.asked_by, kept.agreed_by))
    with pytest.raises(UnknownToken):
        admit(ctx, secret, Right.cases, "api.cases")
    set_active(ctx, ())
    elsewhere = {kept.asked_by: "directorate", kept.agreed_by: "trainer"}  # there still, in another post
    with ctx.directory.writing() as session:
        for account, role in elsewhere.items():
            rewrite(session, AppointmentRow, AppointmentRow.account == account, role=role)
    with pytest.raises(UnknownToken):
        admit(ctx, secret, Right.cases, "api.cases")


def set_active(ctx: AppContext, gone: Iterable[str]) -> None:
    """Everybody is there but these."""
    with ctx.directory.writing() as session:
        people = select(AccountRow.id).join(AppointmentRow, AppointmentRow.account == AccountRow.id)
        for account in session.scalars(people.distinct()).all():
            auth_repository.set_active(session, account, account not in gone)


def test_an_unknown_token_waits_for_nobody_who_writes(school: School) -> None:
    done, head = threading.Event(), school.account("head")

    def guess() -> None:
        with pytest.raises(UnknownToken):
            admit(school.ctx, "sp_guessed", Right.cases, "api.cases")
        done.set()

    thread = threading.Thread(target=guess)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, head, "fr")
        thread.start()
        answered = done.wait(3)
    thread.join()
    assert answered


def test_the_number_of_a_case_that_is_not_there_stands_in_no_record(school: School) -> None:
    school.report()
    other = school.number
    school.report()
    school.act("head", "name_joined", other=other, reason="Même élève")
    kept, by = school.number, bearer(school)
    assert other in json.dumps(record(school, by)["case"])
    school.number = other
    restrict(school)
    school.number = kept
    told = record(school, by)
    assert other not in json.dumps(told["case"])
    assert any("other" in one["left_out"] for one in told["case"]["records"])
    validated(told)


def test_nor_does_it_where_that_case_was_joined_to_this_one(school: School) -> None:
    school.report()
    other = school.number
    school.report()
    kept, by = school.number, bearer(school)
    school.number = other
    school.act("head", "name_joined", other=kept, reason="Même élève")
    school.act("team_coordinator", "signature", record=str(school.last_seq()))
    school.move("head", "join", reason="Même élève")
    school.number = kept
    assert other in json.dumps(record(school, by)["case"])
    school.number = other
    restrict(school)
    school.number = kept
    told = record(school, by)
    assert other not in json.dumps(told["case"])
    validated(told)
