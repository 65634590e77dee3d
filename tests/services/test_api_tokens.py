"""A token is two people's act, shown once, kept as a keyed hash, and ended at once; each step is written down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from engine.telling import NOW
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from school_protocol.api import service as api_service
from school_protocol.api import tokens
from school_protocol.api.models import ApiReadRow, ApiTokenRow
from school_protocol.api.service import UnknownToken, admit
from school_protocol.api.tokens import actor_for, scope_for
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.service import TooManyTries
from school_protocol.auth.sign_in_service import sign_in
from school_protocol.context import REALM
from school_protocol.engine.errors import BadInput, SentBefore, Unseen
from school_protocol.engine.visibility import Actor, UnitKind
from school_protocol.people import service as people_service
from school_protocol.people.teams import TeamRefused
from school_protocol.storage import administration_log
from school_protocol.storage.administration_log import Kind
from school_protocol.ui.routing import Right
from services.conftest import School
from services.tokening import BOTH, above, administrator, ask, drawn


def province(school: School) -> str:
    return above(school.player, UnitKind.province).code


def refused(change: Callable[[], object]) -> str:
    with pytest.raises(TeamRefused) as caught:
        change()
    return caught.value.obstacles[0].code


def kinds(school: School, token: str) -> list[tuple[str, str]]:
    with school.ctx.directory.reading() as session:
        return [(row.kind.value, row.actor) for row in administration_log.of_draft(session, token)]


@pytest.mark.exhaustive
def test_two_people_make_one_and_each_step_is_written_down(school: School) -> None:
    chief, over = administrator(school.player), school.person("directorate")
    token = ask(school.ctx, chief, province(school))
    assert [line.standing for line in tokens.see_tokens(school.ctx, chief).lines] == ["asked"]
    tokens.agree(school.ctx, over, token)
    secret = tokens.draw_token(school.ctx, chief, token)
    assert tokens.see_token(school.ctx, over, token).line.standing == "good"
    tokens.end_token(school.ctx, over, token)
    steps = {"token_asked": chief, "token_agreed": over, "token_drawn": chief, "token_ended": over}
    assert kinds(school, token) == [(kind, who.id) for kind, who in steps.items()]
    with pytest.raises(UnknownToken):
        admit(school.ctx, secret, Right.cases, "api.cases")
    assert tokens.see_tokens(school.ctx, chief).lines == ()
    assert [line.standing for line in tokens.see_tokens(school.ctx, chief, are_over=True).lines] == ["ended"]


@pytest.mark.exhaustive
def test_the_secret_is_kept_nowhere(school: School, tmp_path: Path) -> None:
    _token, secret = drawn(school.player)
    for path in school.ctx.settings.data.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert secret.encode() not in data, path
        assert secret.removeprefix(tokens.PREFIX).encode() not in data, path


@pytest.mark.exhaustive
def test_whoever_administers_accounts_gives_no_case_away_alone(school: School) -> None:
    chief, other = administrator(school.player), administrator(school.player, "other")
    token = ask(school.ctx, chief, province(school))
    for who in (chief, other):
        with pytest.raises(Unseen):
            tokens.agree(school.ctx, who, token)
        assert not tokens.see_token(school.ctx, who, token).may_agree
    assert refused(lambda: tokens.draw_token(school.ctx, chief, token)) == "token_asked"
    assert tokens.see_token(school.ctx, school.person("directorate"), token).may_agree


@pytest.mark.exhaustive
def test_whoever_oversees_asks_for_none_and_draws_none(school: School) -> None:
    over = school.person("directorate")
    with pytest.raises(Unseen):
        ask(school.ctx, over, province(school))
    token = ask(school.ctx, administrator(school.player), province(school))
    tokens.agree(school.ctx, over, token)
    for who in (over, administrator(school.player, "other")):
        with pytest.raises(Unseen):
            tokens.draw_token(school.ctx, who, token)


@pytest.mark.exhaustive
def test_two_accounts_of_one_hand_are_no_two_people(school: School) -> None:
    chief = administrator(school.player)
    people_service.create(
        school.ctx, chief, username="puppet", name_fr="P", name_ar=None, language="fr", email=None, phone=None,
        role="directorate", unit=province(school), starts=NOW.date().isoformat(), ends=None, certified_until=None,
        reason="takes_up", sentence=None, token="made",
    )  # fmt: skip
    with school.ctx.directory.reading() as session:
        account = auth_repository.account_named(session, "puppet")
        assert account is not None
        puppet = auth_repository.actor(session, account.id, realm=REALM, today=NOW.date())
    assert puppet is not None
    token = ask(school.ctx, chief, province(school))
    assert refused(lambda: tokens.agree(school.ctx, puppet, token)) == "one_hand"


@pytest.mark.parametrize("who", ["head", "team_coordinator", "team_member", "data_officer", "psychosocial"])
def test_nobody_else_knows_of_tokens(school: School, who: str) -> None:
    token, _secret = drawn(school.player)
    actor = school.person(who)
    assert not tokens.may_see_tokens(school.ctx, actor)
    for step in (tokens.see_token, tokens.agree, tokens.draw_token, tokens.end_token):
        with pytest.raises(Unseen):
            step(school.ctx, actor, token)
    with pytest.raises(Unseen):
        tokens.see_tokens(school.ctx, actor)


def test_tokens_of_another_place_are_not_there(school: School) -> None:
    token, _secret = drawn(school.player, "academy", UnitKind.region)
    over = school.person("directorate")
    assert tokens.see_tokens(school.ctx, over).lines == ()
    for step in (tokens.see_token, tokens.agree, tokens.end_token):
        with pytest.raises(Unseen):
            step(school.ctx, over, token)


def test_a_region_agrees_to_a_token_of_its_province(school: School) -> None:
    token = ask(school.ctx, administrator(school.player), province(school))
    tokens.agree(school.ctx, school.person("academy"), token)
    assert tokens.see_token(school.ctx, administrator(school.player), token).may_draw


def test_it_is_drawn_once(school: School) -> None:
    chief = administrator(school.player)
    token = ask(school.ctx, chief, province(school))
    tokens.agree(school.ctx, school.person("directorate"), token)

    def draw(_turn: int) -> str:
        try:
            return tokens.draw_token(school.ctx, chief, token)
        except TeamRefused as error:
            return error.obstacles[0].code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(draw, range(4)))
    assert sorted(one.startswith(tokens.PREFIX) for one in found) == [False, False, False, True]
    assert found.count("token_drawn") == 3


@pytest.mark.exhaustive
def test_what_nobody_goes_on_with_lapses(school: School) -> None:
    chief, over = administrator(school.player), school.person("directorate")
    first, second = (ask(school.ctx, chief, province(school)) for _one in range(2))
    tokens.agree(school.ctx, over, second)
    school.wait(days=8)
    assert refused(lambda: tokens.agree(school.ctx, over, first)) == "token_lapsed"
    assert refused(lambda: tokens.draw_token(school.ctx, chief, second)) == "token_lapsed"


def test_a_form_sent_twice_asks_once(school: School) -> None:
    chief = administrator(school.player)
    said = {
        "name": "Pilotage", "unit": province(school), "rights": list(BOTH), "ends": "2027-01-31", "purpose": "x",
        "token": "same",
    }  # fmt: skip
    first = tokens.ask_token(school.ctx, chief, **said)  # type: ignore[arg-type]
    again = tokens.ask_token(school.ctx, chief, **said)  # type: ignore[arg-type]
    assert (first.token, False, True) == (again.token, first.repeated, again.repeated)
    with pytest.raises(SentBefore):
        tokens.ask_token(school.ctx, chief, **{**said, "ends": "2027-02-01"})  # type: ignore[arg-type]
    assert len(tokens.see_tokens(school.ctx, chief).lines) == 1


@pytest.mark.exhaustive(
    but=(
        "name-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-too_long:80",
        "rights-value7-required",
        "rights-value8-unknown_option",
        "unit-NOWHERE-not_your_unit",
    )
)
@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("name", " ", "required"),
        ("name", "x" * 81, "too_long:80"),
        ("purpose", "", "required"),
        ("purpose", "x" * 201, "too_long:200"),
        ("unit", "", "required"),
        ("unit", "00000A", "no_such_place"),
        ("unit", "NOWHERE", "not_your_unit"),
        ("rights", [], "required"),
        ("rights", ["cases:write"], "unknown_option"),
        ("rights", ["cases:read", "cases:write"], "unknown_option"),
        ("ends", "", "required"),
        ("ends", "2026-11-24", "day_between:2026-11-25:2027-11-26"),
        ("ends", "2027-11-27", "day_between:2026-11-25:2027-11-26"),
    ],
)
def test_what_is_asked_wrongly_is_said(school: School, key: str, value: object, code: str) -> None:
    said = {"name": "P", "unit": province(school), "rights": list(BOTH), "ends": "2027-01-31", "purpose": "x"}
    with pytest.raises(BadInput) as caught:
        tokens.ask_token(school.ctx, administrator(school.player), **{**said, key: value}, token="t")  # type: ignore[arg-type]
    assert caught.value.problems == {key: (code,)}


@pytest.mark.exhaustive
def test_whoever_administers_elsewhere_asks_for_nothing_here(school: School) -> None:
    with school.ctx.directory.writing() as session:
        region = auth_repository.add_unit(session, kind=UnitKind.region, code="R9", names={"fr": "Ailleurs"})
    with pytest.raises(BadInput) as caught:
        ask(school.ctx, administrator(school.player, "elsewhere", region), province(school))
    assert caught.value.problems == {"unit": ("not_your_unit",)}


# ---- what it is good for -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_it_is_good_to_the_end_of_its_last_day(school: School) -> None:
    chief = administrator(school.player)
    token = ask(school.ctx, chief, province(school), days=2)
    tokens.agree(school.ctx, school.person("directorate"), token)
    secret = tokens.draw_token(school.ctx, chief, token)
    school.wait(days=2)
    assert admit(school.ctx, secret, Right.cases, "api.cases").token.id == token
    school.wait(days=1)
    with pytest.raises(UnknownToken):
        admit(school.ctx, secret, Right.cases, "api.cases")
    assert tokens.see_token(school.ctx, chief, token).line.standing == "over"


@pytest.mark.parametrize("secret", ["", "sp_", "x" * 500, "sp_\0", "sp_ع", "Bearer"])
def test_what_is_no_token_is_one_answer(school: School, secret: str) -> None:
    drawn(school.player)
    with pytest.raises(UnknownToken):
        admit(school.ctx, secret, Right.cases, "api.cases")


@pytest.mark.exhaustive
def test_too_many_readings_wait_each_token_for_itself(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_service, "MOST", 3)
    _token, secret = drawn(school.player)
    _other, second = drawn(school.player)
    for _turn in range(3):
        admit(school.ctx, secret, Right.cases, "api.cases")
    with pytest.raises(TooManyTries) as caught:
        admit(school.ctx, secret, Right.cases, "api.cases")
    assert caught.value.seconds == api_service.WINDOW.total_seconds() + 1
    admit(school.ctx, second, Right.cases, "api.cases")
    school.wait(minutes=16)
    admit(school.ctx, secret, Right.cases, "api.cases")


@pytest.mark.exhaustive
def test_each_reading_is_written_down_and_stays(school: School) -> None:
    token, secret = drawn(school.player)
    admit(school.ctx, secret, Right.cases, "api.cases")
    school.wait(minutes=1)
    admit(school.ctx, secret, Right.cases, "api.case", "1234567890123")
    over = tokens.see_token(school.ctx, school.person("directorate"), token)
    assert [each[1:] for each in over.reads] == [("api.case", "1234567890123"), ("api.cases", "")]
    chief = tokens.see_token(school.ctx, administrator(school.player), token)
    assert [each[1:] for each in chief.reads] == [("api.case", ""), ("api.cases", "")]
    assert chief.lately == 2
    assert chief.line.token.read_at == school.ctx.now()
    for change in (delete(ApiReadRow), update(ApiReadRow).values(what="nothing")):
        with school.ctx.directory.writing() as session, pytest.raises(IntegrityError, match="append-only"):
            session.execute(change)


@pytest.mark.exhaustive
def test_nobody_signs_in_by_its_account(school: School) -> None:
    token, secret = drawn(school.player)
    with school.ctx.directory.reading() as session:
        row = session.get_one(ApiTokenRow, token)
        account = auth_repository.account(session, row.account or "")
        assert account is not None
        assert auth_repository.actor(session, account.id, realm=REALM, today=NOW.date()) is None
    assert not account.active
    assert sign_in(school.ctx, account.username, secret) is None


def test_kinds_of_systems_are_in_no_team_and_no_identity() -> None:
    assert {kind for kind in Kind if kind.value.startswith("token_")} == administration_log.OF_SYSTEMS
    others = administration_log.OF_PEOPLE | administration_log.OF_IDENTITY | administration_log.OF_STAFF
    assert not administration_log.OF_SYSTEMS & others


def test_an_actor_of_a_token_holds_roles_of_its_place_alone(school: School) -> None:
    unit = above(school.player, UnitKind.province)
    actor: Actor = actor_for("a", REALM, unit, [school.player.protocol], "fr")
    assert [(held.role, held.unit) for held in actor.appointments] == [("directorate", unit.id)]
    assert all(held.starts <= date(2020, 1, 1) for held in actor.appointments)
    clauses = scope_for("a", unit, [school.player.protocol]).clauses
    assert [(one.reach, one.place, one.sees_restricted) for one in clauses] == [("province", unit.id, False)]
