"""Nobody at the directorate may take part in a restricted case: the academy reads it, is told, and names who acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.handing_over import leave
from school_protocol.cases.intake import open_case, see_opening
from school_protocol.cases.loading import reindex
from school_protocol.cases.showing import see_act, see_case
from school_protocol.cases.story_player import throwaway
from school_protocol.context import AppContext
from school_protocol.engine.definition import Protocol, ScopeKind
from school_protocol.engine.definition_parts import Form
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.mail import Post
from school_protocol.privacy.access_report import see_sight
from school_protocol.protocol.reader import read_file
from school_protocol.reports.escalation import rise
from school_protocol.storage.engines import Session
from school_protocol.supervision import review
from school_protocol.supervision.review import look_again
from services.conftest import School
from services.reviewing import kinds
from services.telling_school import Told
from services.test_notices import Recorder, Watched


@pytest.fixture
def watched(moroccan: Protocol) -> Iterator[Watched]:
    """A school, an academy, and nobody at the directorate."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        found = Watched(School(player, count(1)), Recorder(), Recorder())
        yield found.known("reporter", "team_member", "team_coordinator", "head", "academy")


def test_a_report_about_an_adult_reaches_the_academy_where_nobody_oversees(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert school.seen_by("academy").head.pseudonymised
    assert "head" in kinds(school, "academy")
    assert "academy" in {who.rstrip("!") for who in watched.sweep().told()}
    for who in ("head", "team_coordinator", "team_member"):
        with pytest.raises(Unseen):
            school.seen_by(who)


def test_it_names_who_acts_for_the_directorate_and_leaves_the_case_to_them(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    deputy = school.account("team_member/2")
    school.act("academy", "name_seat", seat="acting_directorate", account=deputy)
    assert school.seen_by("team_member/2").head.number == school.number
    with pytest.raises(Unseen):
        school.seen_by("academy")
    assert kinds(school, "academy") == ()


def test_whoever_oversees_comes_first(watched: Watched) -> None:
    """The control: with somebody at the directorate, the academy reads no restricted case, nor is told of it."""
    school = watched.known("directorate").school
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert {who.rstrip("!") for who in watched.sweep().told()} == {"directorate"}
    assert "head" in kinds(school, "directorate")
    with pytest.raises(Unseen):
        school.seen_by("academy")
    assert kinds(school, "academy") == ()


def test_where_the_last_one_stands_aside_it_goes_up_and_comes_back(watched: Watched) -> None:
    school = watched.known("directorate").school
    school.report(who="reporter", adult_concerned="yes")
    school.act("directorate", "conflict", account=school.account("directorate"), reason="declares")
    assert "head" in kinds(school, "academy")
    colleague = watched.known("directorate/2").school.person("directorate/2")
    with school.ctx.realm.writing() as session:
        reindex(school.ctx, session, watched.case_id)
    assert see_case(school.ctx, colleague, school.number).head.number == school.number
    with pytest.raises(Unseen):
        school.seen_by("academy")


def test_whoever_comes_to_oversee_takes_the_case_at_once(watched: Watched) -> None:
    """Offices change without any event of a case: the academy opens it no more, whatever its index row says still."""
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    assert school.seen_by("academy")
    watched.known("directorate")
    with pytest.raises(Unseen):
        school.seen_by("academy")
    look_again(school.ctx)
    assert kinds(school, "academy") == ()
    assert "head" in kinds(school, "directorate")


def test_when_a_seat_ends_the_academy_has_the_case_again(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    until = (school.ctx.now() + timedelta(days=3)).date().isoformat()
    deputy = school.account("team_member/2")
    school.act("academy", "name_seat", seat="acting_directorate", account=deputy, until=until)
    school.wait(days=4)
    with pytest.raises(Unseen):
        school.seen_by("team_member/2")
    look_again(school.ctx)
    assert school.seen_by("academy").head.number == school.number
    assert "head" in kinds(school, "academy")


def test_it_is_told_though_nobody_is_in_danger(watched: Watched) -> None:
    watched.school.report(who="reporter", adult_concerned="yes", danger_now="no")
    watched.sweep()
    told = watched.told() or watched.swept(days=1)
    assert "academy" in {who.rstrip("!") for who in told}


def test_the_page_of_who_sees_a_case_says_why(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    lines = {one.account: one for one in see_sight(school.ctx, school.person("academy"), school.number).lines}
    assert [why.kind for why in lines[school.account("academy")].why] == ["stands_in"]


def test_whoever_left_the_academy_reads_nothing(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    gone = replace(school.person("academy"), appointments=())
    with pytest.raises(Unseen):
        see_case(school.ctx, gone, school.number)


@pytest.mark.exhaustive(but=("yes",))
@pytest.mark.parametrize("danger", ["yes", "no"])
def test_whoever_was_invited_to_oversee_and_never_came_in_counts_as_nobody(watched: Watched, danger: str) -> None:
    """They are told where they have an address, and so is whoever can read it."""
    school, awaited = watched.school, invited(watched)
    school.report(who="reporter", adult_concerned="yes", danger_now=danger)
    assert school.seen_by("academy")
    assert "head" in kinds(school, "academy")
    watched.sweep()
    told = watched.told() or watched.swept(days=1)
    assert {who.rstrip("!") for who in told} == {"academy", "invited"}
    enters(school, awaited)
    with pytest.raises(Unseen):
        school.seen_by("academy")
    look_again(school.ctx)
    assert kinds(school, "academy") == ()


def test_a_public_report_goes_further_up_where_whoever_oversees_never_came_in(watched: Watched) -> None:
    told = Told(watched.school)
    invited(watched)
    told.send(adult_concerned="yes", danger_now="yes")
    rise(watched.school.ctx, Post(watched.mail, None))
    assert "academy" in {who.rstrip("!") for who in watched.told()}


def test_no_seat_goes_to_whoever_never_came_in(watched: Watched) -> None:
    school, awaited = watched.school, invited(watched)
    school.report(who="reporter", adult_concerned="yes")
    assert refusals(school, "academy", "name_seat", seat="acting_directorate", account=awaited) == ["never_came_in"]
    assert awaited not in offered(school, "academy", "name_seat")
    deputy = school.account("team_member/2")
    assert deputy in offered(school, "academy", "name_seat")
    assert refusals(school, "academy", "name_seat", seat="acting_directorate", account=deputy) == []


def test_where_it_stands_in_the_academy_decides_who_takes_no_part(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    deputy, other = school.account("team_member/2"), school.account("team_member/3")
    school.act("academy", "conflict", account=deputy, reason="close_relative")
    assert refusals(school, "academy", "name_seat", seat="acting_directorate", account=deputy) == ["excluded"]
    school.act("academy", "name_seat", seat="acting_directorate", account=other)
    assert school.seen_by("team_member/3").head.number == school.number


def test_the_academy_decides_of_whoever_oversees_and_nobody_below_does(watched: Watched) -> None:
    school = watched.known("directorate").school
    school.report(who="reporter")
    overseer, above = school.account("directorate"), school.account("academy")
    for who in ("head", "team_coordinator"):
        for account in (overseer, above):
            assert refusals(school, who, "conflict", account=account, reason="reporter_said") == ["overseer_stays"]
            assert account not in offered(school, who, "conflict")
    assert overseer in offered(school, "academy", "conflict")
    school.act("academy", "conflict", account=overseer, reason="close_relative")
    with pytest.raises(Unseen):
        school.seen_by("directorate")
    assert school.seen_by("head")


def test_it_decides_so_whatever_else_it_holds(watched: Watched) -> None:
    """A seat, or another office for the region, is not what it acts in."""
    school = watched.known("directorate").school
    school.report(who="reporter")
    school.act("team_coordinator", "name_seat", seat="second", account=school.account("academy"))
    school.act("academy", "conflict", account=school.account("directorate"), reason="close_relative")
    with pytest.raises(Unseen):
        school.seen_by("directorate")


def test_no_report_shuts_out_from_below_who_alone_may_read_it(watched: Watched) -> None:
    school = watched.school
    academy = school.account("academy")
    with pytest.raises(Refused) as refusal:
        school.report(who="reporter", adult_concerned="yes", danger_now="yes", must_not_read=[academy])
    assert [reason.code for reason in refusal.value.reasons] == ["overseer_stays"]
    form = see_opening(school.ctx, school.person("reporter"))
    assert academy not in {one.id for one in form.choices.accounts}


@pytest.mark.parametrize("adult", ["yes", "no"])
def test_of_those_above_one_is_always_left(watched: Watched, adult: str) -> None:
    """In any case: one that the school reads may come to be restricted."""
    school = watched.known("academy/2").school
    school.report(who="reporter", adult_concerned=adult)
    school.act("academy", "conflict", account=school.account("academy/2"), reason="close_relative")
    assert refusals(school, "academy", "conflict", reason="declares") == ["nobody_left"]
    assert school.seen_by("academy").head.number == school.number


@pytest.mark.exhaustive(but=("True",))
@pytest.mark.parametrize("both", [True, False])
def test_one_is_left_of_those_above_where_a_case_joins_another(watched: Watched, both: bool) -> None:
    """One shuts out the academy, the other the directorate; joined, they would shut out both."""
    school = watched.known("directorate").school
    school.report("team_coordinator")
    other = school.number
    if both:
        school.act("academy", "conflict", account=school.account("directorate"), reason="close_relative")
    school.report("team_coordinator")
    school.act("directorate", "conflict", account=school.account("academy"), reason="close_relative")
    school.act("head", "name_joined", other=other, reason="Même élève")
    school.act("team_coordinator", "signature", record=str(school.last_seq()))
    if both:
        with pytest.raises(Refused) as refusal:
            school.move("head", "join", reason="Même élève")
        assert [reason.code for reason in refusal.value.reasons] == ["nobody_left"]
    else:
        school.move("head", "join", reason="Même élève")
    school.number = other
    assert (school.is_seen_by("academy"), school.is_seen_by("directorate")) == (both, not both)


def test_whoever_holds_a_seat_stands_aside_and_an_office_is_left(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    school.act("academy", "name_seat", seat="acting_directorate", account=school.account("team_member/2"))
    assert school.seen_by("team_member/2")
    assert refusals(school, "team_member/2", "conflict", reason="declares") == []
    assert school.seen_by("academy")


def test_a_seat_shuts_out_no_office(watched: Watched) -> None:
    """Whoever acts for the directorate in a case decides of neither the academy that named them nor a directorate."""
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    school.act("academy", "name_seat", seat="acting_directorate", account=school.account("team_member/2"))
    watched.known("directorate")
    for above in ("academy", "directorate"):
        tried = {"account": school.account(above), "reason": "close_relative"}
        assert refusals(school, "team_member/2", "conflict", **tried) == ["overseer_stays"]
        assert tried["account"] not in offered(school, "team_member/2", "conflict")
    below = school.account("team_member")
    assert refusals(school, "team_member/2", "conflict", account=below, reason="close_relative") == []


def test_a_seat_that_was_left_oversees_nothing(watched: Watched) -> None:
    """Its holder left the team, and has another post at the school: the academy has the case again."""
    school, here = watched.school, watched.school.player.school
    deputy = school.account("team_member/2")
    school.report(who="reporter", adult_concerned="yes")
    school.act("academy", "name_seat", seat="acting_directorate", account=deputy)
    with pytest.raises(Unseen):
        school.seen_by("academy")
    with school.ctx.directory.writing() as session:
        auth_repository.appoint(session, deputy, role="reporter", unit=here, starts=NOW.date())
        posts = auth_repository.posts(session, [here], since=NOW.date())
        post = next(one.id for one in posts if one.account.id == deputy and one.role == "team_member")
        code = auth_repository.unit(session, here).code
    leave(
        school.ctx, school.person("head"), code, post, last_day=NOW.date().isoformat(), reason="moved",
        sentence=None, token="away",
    )  # fmt: skip
    look_again(school.ctx)
    assert school.seen_by("academy").head.number == school.number
    assert review.unread(school.ctx) == 0


def test_nobody_below_shuts_out_who_oversees_from_a_seat(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    overseer, head = school.account("team_member/2"), school.account("team_member/3")
    school.act("academy", "name_seat", seat="acting_directorate", account=overseer)
    school.act("team_member/2", "name_seat", seat="acting_head", account=head)
    assert refusals(school, "team_member/3", "conflict", account=overseer, reason="reporter_said") == ["overseer_stays"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", ["stands aside", "is switched off"])
def test_it_is_told_of_a_case_that_comes_up_to_it_and_those_of_one_that_comes_back(watched: Watched, how: str) -> None:
    school = watched.known("directorate").school
    school.report(who="reporter", adult_concerned="yes", danger_now="yes")
    assert {who.rstrip("!") for who in [*watched.sweep().told(), *watched.swept(days=1)]} == {"directorate"}
    if how == "stands aside":
        school.act("directorate", "conflict", reason="declares")
    else:
        with school.ctx.directory.writing() as session:
            auth_repository.set_active(session, school.account("directorate"), False)
    look_again(school.ctx)
    assert watched.sweep().told() == ["academy!"]
    watched.known("academy/2")
    look_again(school.ctx)
    assert watched.sweep().told() == [], "once, whoever comes to the academy besides"
    watched.known("directorate/2")
    look_again(school.ctx)
    assert watched.sweep().told() == ["directorate/2!"]


def test_a_case_that_fails_holds_up_no_other(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    school = watched.school
    for _each in range(3):
        school.report(who="reporter", adult_concerned="yes")
    asked: list[str] = []

    def fails_first(ctx: AppContext, session: Session, case_id: str) -> object:
        asked.append(case_id)
        if len(asked) == 1:
            raise RuntimeError("planted")
        return reindex(ctx, session, case_id)

    monkeypatch.setattr(review, "reindex", fails_first)
    assert (look_again(school.ctx), len(asked)) == (2, 3)


def test_cases_that_nobody_may_read_are_counted(watched: Watched) -> None:
    school = watched.school
    school.report(who="reporter", adult_concerned="yes")
    assert review.unread(school.ctx) == 0
    with school.ctx.directory.writing() as session:
        auth_repository.set_active(session, school.account("academy"), False)
    assert review.unread(school.ctx) == 1


def test_who_sees_a_case_says_who_stands_in_and_who_never_came(watched: Watched) -> None:
    school, awaited = watched.school, invited(watched)
    school.report(who="reporter", adult_concerned="yes")

    def reasons(who: str) -> dict[str, list[str]]:
        lines = see_sight(school.ctx, school.person(who), school.number).lines
        return {one.account: [why.kind for why in one.why] for one in lines}

    assert reasons("academy") == {awaited: ["province", "awaited"], school.account("academy"): ["stands_in"]}
    watched.known("directorate")
    assert reasons("directorate") == {awaited: ["province", "awaited"], school.account("directorate"): ["province"]}


@pytest.mark.parametrize(
    ("protocol", "reporter", "above", "overseer"),
    [("fr-phare", "staff_member", "academic", "departmental"), ("fi-kiva", "adult", "authority", "provider")],
)
def test_whoever_sees_the_region_shuts_out_who_oversees_in_every_protocol(
    protocol: str, reporter: str, above: str, overseer: str
) -> None:
    path = MOROCCAN.parents[1] / protocol / "1.yaml"
    with throwaway(read_file(path), path.read_bytes(), NOW) as player:
        school = School(player, count(1))
        form = see_opening(school.ctx, school.person(reporter))
        answers = asked_of(form.form)
        school.number = open_case(school.ctx, school.person(reporter), form.act.key, answers, token="one").number
        asked = asked_of(player.protocol.form_of(player.protocol.acts["conflict"]))
        account = school.account(overseer)
        assert school.seen_by(overseer)
        assert refusals(school, above, "conflict", account=account, **asked) == []
        with pytest.raises(Unseen):
            school.seen_by(overseer)


# ---- what these share ------------------------------------------------------------------------------------------------


def invited(watched: Watched) -> str:
    """Somebody who holds the directorate's office and has an address, and chose no password yet."""
    school = watched.school
    watched.people["invited@academy.example"] = "invited"
    with school.ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username="x", names={"fr": "X"}, language="fr", created_at=NOW, email="invited@academy.example"
        )
        place = school.player.places[ScopeKind.province]
        auth_repository.appoint(session, account, role="directorate", unit=place, starts=NOW.date())
    return account


def enters(school: School, account: str) -> None:
    with school.ctx.directory.writing() as session:
        auth_repository.set_password(session, account, "chosen")


def refusals(school: School, who: str, act: str, /, **answers: str) -> list[str]:
    """Why that act is refused; nothing, and it is done, where it isn't."""
    try:
        school.act(who, act, **answers)
    except Refused as refusal:
        return [reason.code for reason in refusal.reasons]
    return []


def asked_of(form: Form) -> dict[str, str]:
    """An answer to each question that must be answered."""
    asked = (item for item in form.fields if item.required)
    return {item.key: item.options[0].key if item.options else "Un message" for item in asked}


def offered(school: School, who: str, act: str) -> set[str]:
    """Accounts that the form of that act offers."""
    return {one.id for one in see_act(school.ctx, school.person(who), school.number, act).choices.accounts}
