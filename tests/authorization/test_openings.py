"""Names lifted for a time and cases opened in an emergency, as people do it: pages, messages, traces, and the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from authorization.world import NAME, PASSWORD, TOLD, World, copied
from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.copy_scope import see_case_file
from school_protocol.engine.events import AccessEnded, AccessLifted, DoorOpened, DoorReviewed
from school_protocol.mail import Letter, Post
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.service import sweep
from school_protocol.privacy import emergency_access
from school_protocol.storage import access_log
from school_protocol.storage.models import OutboxRow

WHY = "Le procureur demande le nom de l’élève avant midi"
LIFT = {"reason": WHY, "hours": "1", "password": PASSWORD}


class Mail:
    """A way out that writes down whom it reaches, and what it says."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def carry(self, to: str, letter: Letter) -> None:
        self.sent.append((to, f"{letter.subject} {letter.text}"))


@pytest.fixture
def world(first: World, tmp_path: Path) -> Iterator[World]:
    with copied(first, tmp_path) as found:
        yield found


def page(world: World, who: str, kind: str = "own", path: str = "") -> str:
    return world.browser(who).get(f"/cases/{world.cases[kind]}{path}").get_data(as_text=True)


def send(world: World, who: str, path: str, typed: Mapping[str, Any], status: int = 303) -> str:
    answer = world.browser(who).post(path, typed)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def names_of(world: World, kind: str = "own") -> str:
    return f"/cases/{world.cases[kind]}/sight/names"


def readings(world: World, kind: str, who: str) -> list[tuple[str, str]]:
    with world.ctx.realm.reading() as session:
        rows = access_log.access_of_case(session, world.ids[kind], limit=500, account=world.account(who))
    return [(row.what, row.reason) for row in rows]


def addresses(world: World, *people: str) -> None:
    with world.ctx.directory.writing() as session:
        for who in people:
            auth_repository.set_address(session, world.account(who), email=f"{mail_name(who)}@a.example", phone=None)


def mail_name(who: str) -> str:
    return re.sub(r"\W", "-", who)


def told_after(world: World, hours: int = 30) -> list[tuple[str, str]]:
    mail = Mail()
    for _hour in range(hours):
        sweep(world.ctx, Post(mail, None))
        world.player.clock.advance(timedelta(hours=1))
    return mail.sent


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_names_are_shown_for_a_time_and_every_page_says_so(world: World) -> None:
    assert NAME not in page(world, "academy", path="/people")
    send(world, "academy", names_of(world), LIFT)
    (lifted,) = [one for one in world.events("own") if isinstance(one, AccessLifted) and one.reason == WHY]
    assert lifted.actor == world.account("academy")
    shown = page(world, "academy", path="/people")
    assert NAME in shown
    assert TOLD not in shown, "names, and nothing more of what was written"
    assert ("case", f"lifting.{lifted.seq}") in readings(world, "own", "academy")
    assert f"fiche n°\u00a0{lifted.seq}" in page(world, "head", path="/sight")
    assert WHY in page(world, "head", path="/chronology"), "the head reads why"
    world.player.clock.advance(timedelta(minutes=59))
    world.browsers.clear()
    assert NAME in page(world, "academy", path="/people")
    world.player.clock.advance(timedelta(minutes=1))
    assert NAME not in page(world, "academy", path="/people"), "it is over to the minute"
    assert readings(world, "own", "academy")[0] == ("case", "")


def test_names_end_early_at_once(world: World) -> None:
    send(world, "academy", names_of(world), LIFT)
    lifted = next(one for one in reversed(world.events("own")) if isinstance(one, AccessLifted))
    assert NAME in page(world, "academy", path="/people")
    path = f"/cases/{world.cases['own']}/sight/{lifted.seq}/end"
    assert world.browser("directorate").post(path, {}).status_code == 404, "it is nobody else's to end"
    send(world, "academy", path, {})
    assert NAME not in page(world, "academy", path="/people")
    send(world, "academy", path, {})
    ended = [one for one in world.events("own") if isinstance(one, AccessEnded)]
    assert [one.opened for one in ended] == [lifted.seq], "ended once, however often it is pressed"


def test_pressed_twice_names_are_lifted_once(world: World) -> None:
    for _press in range(2):
        send(world, "academy", names_of(world), LIFT)
    assert sum(isinstance(one, AccessLifted) and one.reason == WHY for one in world.events("own")) == 1


@pytest.mark.exhaustive(but=("typed1-reason",))
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "trop court"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"hours": "5"}, "hours"),
        ({"hours": "0"}, "hours"),
        ({"hours": "٢"}, "hours"),
        ({"password": ""}, "password"),
        ({"password": "somebody else's"}, "password"),
    ],
)
def test_nothing_is_lifted_without_a_reason_a_time_and_a_password(
    world: World, typed: dict[str, str], field: str
) -> None:
    world.browser("academy")
    before = world.rows()
    answered = send(world, "academy", names_of(world), {**LIFT, **typed}, 422)
    assert f'id="{field}-problem"' in answered or f'href="#{field}"' in answered
    assert typed.get("reason", WHY)[:50] in answered.replace("&#39;", "’"), "what was typed stands there still"
    assert PASSWORD not in answered
    after = world.rows()
    assert {name for name in after if after[name] != before[name]} <= {"draft", "throttle"}
    assert NAME not in page(world, "academy")


@pytest.mark.exhaustive
def test_papers_and_forms_keep_the_signs(world: World) -> None:
    send(world, "academy", names_of(world), LIFT)
    for path in ("/acts/note", "/case-file", "/remarks", "/copies"):
        assert NAME not in page(world, "academy", path=path), path
    options = see_case_file(world.ctx, world.actor("academy"), world.cases["own"])
    assert options.head.pseudonymised


@pytest.mark.exhaustive
def test_the_head_is_told_and_nothing_is_said(world: World) -> None:
    addresses(world, "head", "head/2", "team_member", "academy", "directorate")
    send(world, "academy", names_of(world), LIFT)
    with world.ctx.realm.reading() as session:
        asked = [dict(row.payload) for row in session.scalars(select(OutboxRow)) if row.payload.get("move") == ""]
    assert [one["to"] for one in asked] == ["head"]
    assert all(WHY not in str(value) and NAME not in str(value) for one in asked for value in one.values())
    before = world.ctx.now()
    told_after(world)
    with world.ctx.realm.reading() as session:
        notices = notifications_repository.notices_of_case(session, world.ids["own"])
    heads = {one.account for one in notices if one.cause.startswith("move:") and one.at >= before}
    assert {world.account("head"), world.account("head/2")} <= heads


@pytest.mark.exhaustive
def test_an_excluded_head_is_not_told_but_who_acts_for_them(world: World) -> None:
    world.act("own", "directorate", "conflict", account=world.account("head"), reason="close_relative")
    world.act("own", "directorate", "conflict", account=world.account("head/2"), reason="close_relative")
    addresses(world, "head", "head/2", "directorate", "directorate/2")
    send(world, "academy", names_of(world), LIFT)
    told_after(world)
    with world.ctx.realm.reading() as session:
        notices = [
            one
            for one in notifications_repository.notices_of_case(session, world.ids["own"])
            if one.at >= world.player.clock.moment
        ]
        everybody = {one.account for one in notifications_repository.notices_of_case(session, world.ids["own"])}
    assert not notices
    assert {world.account("head"), world.account("head/2")}.isdisjoint(
        one.account for one in _since_lifting(world, "own")
    )
    assert {world.account("directorate"), world.account("directorate/2")} & everybody


def _since_lifting(world: World, kind: str) -> list[Any]:
    lifted = next(one for one in reversed(world.events(kind)) if isinstance(one, AccessLifted))
    with world.ctx.realm.reading() as session:
        return [
            one for one in notifications_repository.notices_of_case(session, world.ids[kind]) if one.at >= lifted.at
        ]


# ---- emergencies -----------------------------------------------------------------------------------------------------


def break_in(world: World, who: str = "academy", kind: str = "restricted", status: int = 303, **typed: str) -> str:
    sent = {"number": world.cases[kind], "reason": WHY, "password": PASSWORD, **typed}
    return send(world, who, "/cases/emergency", sent, status)


@pytest.mark.exhaustive
def test_a_closed_case_opens_to_be_read_for_four_hours(world: World) -> None:
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 404
    break_in(world)
    (door,) = [one for one in world.events("restricted") if isinstance(one, DoorOpened)]
    shown = page(world, "academy", "restricted")
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 200
    assert NAME not in shown, "a reader of pseudonyms stays one"
    assert ("case", f"door.{door.seq}") in readings(world, "restricted", "academy")
    for path in ("/acts/note", "/danger", "/case-file", "/copies", "/remarks", "/moves/qualify"):
        assert world.browser("academy").get(f"/cases/{world.cases['restricted']}{path}").status_code == 404, path
    world.player.clock.advance(timedelta(hours=4))
    world.browsers.clear()
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 404
    assert world.cases["restricted"] not in world.browser("academy").get("/").get_data(as_text=True)


@pytest.mark.exhaustive
def test_it_can_be_closed_early_and_an_exclusion_closes_it_at_once(world: World) -> None:
    break_in(world)
    door = next(one for one in world.events("restricted") if isinstance(one, DoorOpened))
    send(world, "academy", f"/cases/{world.cases['restricted']}/sight/{door.seq}/end", {})
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 404
    world.player.clock.advance(timedelta(minutes=20))
    world.browsers.clear()
    break_in(world)
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 200
    who = world.account("academy")
    world.act("restricted", "directorate", "conflict", account=who, reason="close_relative")
    assert world.browser("academy").get(f"/cases/{world.cases['restricted']}").status_code == 404


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        ("academy", "other_region"),
        ("academy", "excluded"),
        ("directorate", "other_province"),
        ("directorate", "excluded"),
    ],
)
def test_what_may_not_be_opened_answers_as_what_nobody_has(world: World, who: str, kind: str) -> None:
    world.browser(who)
    before = world.rows()
    here = break_in(world, who, kind, 404).replace(world.cases[kind], "N")
    nobody = break_in(world, who, kind, 404, number=world.absent).replace(world.absent, "N")
    assert plain(here) == plain(nobody)
    after = world.rows()
    assert {name for name in after if after[name] != before[name]} <= {"draft", "throttle"}


def plain(answer: str) -> str:
    return re.sub(r'name="(csrf_token|shown_to|token)" value="[^"]*"', "", answer)


@pytest.mark.parametrize("who", ["head", "team_coordinator", "data_officer", "technical_admin", "reporter"])
def test_who_oversees_nothing_has_no_such_door(world: World, who: str) -> None:
    break_in(world, who, status=404)
    assert world.browser(who).get("/cases/emergency").status_code == 404
    assert "/cases/emergency" not in world.browser(who).get("/").get_data(as_text=True)


@pytest.mark.exhaustive
def test_trying_numbers_gets_slow(world: World) -> None:
    for _try in range(emergency_access.TRIES):
        break_in(world, kind="other_region", status=404)
    break_in(world, status=429)
    assert not [one for one in world.events("restricted") if isinstance(one, DoorOpened)]


def test_a_second_person_reviews_it_and_nobody_else(world: World) -> None:
    break_in(world)
    door = next(one for one in world.events("restricted") if isinstance(one, DoorOpened))
    path = f"/cases/{world.cases['restricted']}/sight/doors/{door.seq}"
    verdict = {"justified": "no", "sentence": "La direction répondait au téléphone ce matin-là"}
    assert path in world.browser("directorate").get("/").get_data(as_text=True), "it waits on the desk"
    assert path not in world.browser("academy").get("/").get_data(as_text=True)
    assert world.browser("academy").post(path, verdict).status_code == 404, "nobody reviews what they opened"
    assert world.browser("head").post(path, verdict).status_code == 404
    send(world, "directorate", path, {**verdict, "justified": ""}, 422)
    send(world, "directorate", path, {**verdict, "sentence": "non"}, 422)
    for _press in range(2):
        send(world, "directorate", path, verdict)
    (said,) = [one for one in world.events("restricted") if isinstance(one, DoorReviewed)]
    assert (said.door, said.justified, said.sentence) == (door.seq, False, verdict["sentence"])
    assert path not in world.browser("directorate").get("/").get_data(as_text=True)


def test_an_opening_lets_nobody_review_or_lift_and_once_it_is_closed_lists_tell_of_none(world: World) -> None:
    for who in ("academy", "academy/2"):
        break_in(world, who)
    first, own = (one.seq for one in world.events("restricted") if isinstance(one, DoorOpened))
    assert 'name="sentence"' in page(world, "directorate", "restricted", f"/sight/doors/{first}")
    other = page(world, "academy/2", "restricted", f"/sight/doors/{first}")
    assert WHY in other
    assert 'name="sentence"' not in other
    assert world.browser("academy/2").get(names_of(world, "restricted")).status_code == 404, "nor lifts names"
    number = world.cases["restricted"]
    assert number in world.browser("academy/2").get("/").get_data(as_text=True)
    send(world, "academy/2", f"/cases/{number}/sight/{own}/end", {})
    assert number not in world.browser("academy/2").get("/").get_data(as_text=True)


@pytest.mark.exhaustive(but=("True",))
@pytest.mark.parametrize("reviewed", [False, True])
def test_an_opening_is_told_at_once_and_again_if_nobody_reviews_it(world: World, reviewed: bool) -> None:
    addresses(world, "directorate", "head", "team_member")
    break_in(world)
    door = next(one for one in world.events("restricted") if isinstance(one, DoorOpened))
    at_once = told_after(world, 1)
    assert {to for to, _said in at_once} == {"directorate@a.example"}, "the head is concerned: not told"
    assert all(NAME not in said and WHY not in said for _to, said in at_once)
    if reviewed:
        world.browsers.clear()
        path = f"/cases/{world.cases['restricted']}/sight/doors/{door.seq}"
        send(world, "directorate", path, {"justified": "yes", "sentence": "Personne ne répondait, en effet"})
    with world.ctx.realm.reading() as session:
        first = len(notifications_repository.notices_of_case(session, world.ids["restricted"]))
    told_after(world, 26)
    with world.ctx.realm.reading() as session:
        later = [
            one
            for one in notifications_repository.notices_of_case(session, world.ids["restricted"])[first:]
            if one.urgent
        ]
    assert bool([one for one in later if one.account == world.account("directorate")]) is not reviewed
