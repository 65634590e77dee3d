"""What was told without an account is an event of the case that it goes into: that something was told, within which
hour; never what, never by whom, and to no family."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader

from school_protocol.case_files.copy_scope import Limits
from school_protocol.case_files.printing import case_file_view
from school_protocol.case_files.record import decoded
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.loading import load
from school_protocol.engine.case import is_reading
from school_protocol.engine.errors import BadInput, Conflict
from school_protocol.engine.events import PublicReportPlaced, Put, from_entry, to_entry
from school_protocol.pdf import rendering
from school_protocol.reports import triage
from school_protocol.reports.rules import Status, hour_of
from school_protocol.storage import journal
from services.conftest import School
from services.telling_school import Told


@pytest.fixture
def told(school: School) -> Told:
    return Told(school)


def puts(told: Told, number: str, who: str = "head") -> list[PublicReportPlaced]:
    with told.ctx.realm.reading() as session:
        events = load(told.ctx, session, told.school.person(who), number).events
    return [one for one in events if isinstance(one, PublicReportPlaced)]


def opened_with(told: Told, who: str = "team_member") -> Any:
    told.send()
    report, person = told.only(), told.school.person(who)
    filled = triage.see_opening(told.ctx, person, report).prefill
    return triage.open_as_case(told.ctx, person, report, filled, token=told.school.token()), report


def test_the_case_that_opens_with_one_says_so_and_by_whom(told: Told) -> None:
    came = hour_of(told.ctx.now())
    told.school.wait(minutes=35)
    opened, _report = opened_with(told)
    (event,) = puts(told, opened.number)
    assert (event.how, event.hour) == (Put.opened, came.isoformat())
    assert (event.actor, event.role) == (told.school.account("team_member"), "team_member")


@pytest.mark.exhaustive
def test_one_that_is_put_to_a_case_is_an_event_that_holds_nothing_of_it(told: Told) -> None:
    number = told.school.report("team_member").number
    told.send(what_happens="Sur un faux compte", reach_how="0611223344")
    report, lead = told.only(), told.school.person("team_coordinator")
    triage.link(told.ctx, lead, report, number)
    triage.link(told.ctx, lead, report, number)
    (event,) = puts(told, number)
    assert event.how is Put.linked
    assert not is_reading(event), "papers say it"
    with told.ctx.realm.reading() as session:
        protocol = load(told.ctx, session, lead, number).protocol
    entry = to_entry(protocol, event)
    assert (set(entry.body), entry.words) == ({"how", "hour"}, {})
    assert from_entry(entry) == event
    told.school.number = number
    kinds = [line.kind for line in told.school.seen_by("head").chronology.events]
    assert kinds.count("public_report_placed") == 1
    assert report not in str(entry)


@pytest.mark.exhaustive
def test_the_chain_holds_with_it(told: Told) -> None:
    number = told.school.report("team_member").number
    told.send()
    triage.link(told.ctx, told.school.person("head"), told.only(), number)
    with told.ctx.realm.reading() as session:
        loaded = load(told.ctx, session, told.school.person("head"), number)
        assert journal.verify_case(session, told.ctx.vault, loaded.case_id) == []


def test_one_that_was_put_to_the_wrong_case_goes_over_and_both_say_so(told: Told) -> None:
    wrong, right = told.school.report("team_member").number, told.school.report("team_coordinator").number
    told.send()
    report, head = told.only(), told.school.person("head")
    assert triage.link(told.ctx, head, report, wrong).can_go_over
    after = triage.link(told.ctx, head, report, right)
    assert (after.number, after.status) == (right, Status.linked)
    assert [one.how for one in puts(told, wrong)] == [Put.linked, Put.taken_out]
    assert [one.how for one in puts(told, right)] == [Put.linked]
    assert triage.of_case(told.ctx, head, wrong) == ()


def test_what_a_case_was_opened_with_stays_in_it(told: Told) -> None:
    opened, report = opened_with(told)
    other = told.school.report("team_member").number
    with pytest.raises(Conflict):
        triage.link(told.ctx, told.school.person("head"), report, other)
    assert [one.how for one in puts(told, opened.number)] == [Put.opened]
    assert puts(told, other) == []


def test_what_could_not_be_put_there_is_no_event(told: Told) -> None:
    number = told.school.report("team_member").number
    told.send(adult_concerned="yes")
    with pytest.raises(BadInput):
        triage.link(told.ctx, told.school.person("directorate"), told.only("directorate"), number)
    assert puts(told, number) == []


@pytest.mark.exhaustive
@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
@pytest.mark.parametrize(("language", "said"), [("fr", "signalement sans compte"), ("ar", "تبليغ دون حساب")])
def test_the_file_says_that_something_was_told_and_not_what(told: Told, language: str, said: str) -> None:
    opened, report = opened_with(told)
    for who, profile in (("head", "school"), ("directorate", "supervisor")):
        data = issue_case_file(told.ctx, told.school.person(who), opened.number, profile, language).data
        reader = PdfReader(io.BytesIO(data))
        text = " ".join("".join(page.extract_text() for page in reader.pages).split())
        assert said in text, profile
        record = reader.attachments["record.json"][0]
        assert report not in record.decode()
        shown = [one for one in decoded(record)["case"]["events"] if one["kind"] == "public_report_placed"]
        assert [sorted(one["detail"]) for one in shown] == [["hour", "how"]]


@pytest.mark.exhaustive
def test_the_reference_and_answer_of_emc_stand_in_a_case_without_any_request_for_removal(told: Told) -> None:
    opened, _report = opened_with(told)
    school, head = told.school, told.school.person("head")
    school.number = opened.number
    assert [act.key for act in triage.referring(told.ctx, head, opened.number)] == ["referral"], "nothing is awaited"
    school.act(
        "head", "referral", target="emc", covers=["need"], channel="web", sent_at=told.ctx.now().isoformat(),
        summary="Un faux compte", reference="EMC-2026-118",
    )  # fmt: skip
    keys = [act.key for act in triage.referring(told.ctx, head, opened.number)]
    assert sorted(keys) == ["referral", "referral_answer"]
    school.act(
        "head", "referral_answer", referral=1, outcome="answered", answered_at=told.ctx.now().isoformat(),
        reference="EMC-R-7", instruction="Le compte est signalé à la plateforme",
    )  # fmt: skip
    seen = school.seen_by("head")
    answers = [line.record.answers for line in seen.chronology.events if line.record is not None]
    assert {one["reference"] for one in answers if "reference" in one} == {"EMC-2026-118", "EMC-R-7"}
    (line,) = seen.referrals
    assert (line.target.key, line.answered_at is not None) == ("emc", True)
    assert not [one for one in answers if one.get("takedowns")]


def test_whoever_may_note_no_referral_is_led_to_none(told: Told) -> None:
    opened, _report = opened_with(told)
    assert triage.referring(told.ctx, told.school.person("academy"), opened.number) == ()


def test_no_family_learns_that_somebody_told(told: Told) -> None:
    """Nor that anything else was written: a family's pages tell the case by their own pieces."""
    school, head = told.school, told.school.person("head")
    school.report("team_member")
    school.act("team_member", "add_person", persons=[{"slot": "guardian", "name": "Rachid"}])
    told.send()
    triage.link(told.ctx, head, told.only(), school.number)
    with told.ctx.realm.reading() as session:
        loaded = load(told.ctx, session, head, school.number)
    profiles = loaded.protocol.documents["case_file"].profiles
    shown = {}
    for name in ("family", "school"):
        profile = profiles[name].model_copy(update={"acts": {}})
        view = case_file_view(told.ctx, loaded, {}, Limits(loaded, profile, {}, about="guardian-1"), 0, "")
        shown[name] = [event.kind for event in view.events]
    assert "public_report_placed" in shown["school"]
    assert shown["family"] == []
