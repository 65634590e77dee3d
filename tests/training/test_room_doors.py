"""Every door of a room, and of the host: a seat opens its own table alone, a session of the host's nothing there."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule

from school_protocol.storage.case_numbers import format_number
from school_protocol.training import room_repository, room_routes
from school_protocol.training import service as training_service
from training.room_browsing import Hall, Visitor
from training.rooms_of import made

EVERYTHING = (
    "team_member", "team_coordinator", "head", "psychosocial", "reporter", "directorate", "academy", "data_officer",
)  # fmt: skip
NEVER = (
    "account.", "sign_in.", "messages.", "staff.", "bulk.", "protocols.", "verifying.", "yearly.", "retention.",
    "referrals.", "contacts.", "figures.", "campaign.", "systems.", "going_live.", "api.", "visits.", "sharing.",
    "team.", "workshops.", "joining.", "laptop.", "cases.retention", "cases.rights",
)  # fmt: skip
"""What is of people, places, systems, or the host, and so of no room."""
WORDS = "Le mot que seule la table deux connaît"


def inner(hall: Hall) -> Flask:
    """The application of rooms."""
    app = hall.app.wsgi_app.training  # type: ignore[attr-defined]
    assert isinstance(app, Flask)
    return app


def address(rule: Rule, **values: str) -> str:
    """An address of that rule."""
    known = {"seq": "2", "copy": "1", "place": "0", "version": "1", "protocol": "ma-cyberharassment", **values}
    return re.sub(
        r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", lambda found: known.get(found[2], "1" if found[1] == "int" else "x"),
        rule.rule,
    )  # fmt: skip


def ways(app: Flask, **values: str) -> list[tuple[str, str, str]]:
    """Endpoint, method and address of each way in."""
    return [
        (rule.endpoint, method, address(rule, **values))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def asked(visitor: Visitor, method: str, path: str) -> int:
    return (visitor.get(path) if method == "GET" else visitor.post(path, {"a-text": "x", "text": "x"})).status_code


# ---- what a room serves ----------------------------------------------------------------------------------------------


def test_what_a_room_serves_is_of_cases_alone() -> None:
    assert [one for one in room_routes.OPEN if one.startswith(NEVER)] == []


@pytest.mark.exhaustive
def test_what_is_not_named_is_absent_in_a_room(hall: Hall) -> None:
    phone = hall.seated("Bleu", *EVERYTHING)
    phone.get("/room")
    hidden, tried, found = phone.page, 0, []
    for endpoint, method, path in ways(inner(hall), number=hall.cases()[0], workshop=hall.id, code=hall.workshop.code):
        if endpoint not in room_routes.OPEN and not endpoint.startswith("room."):
            phone.page, tried = hidden, tried + 1
            if asked(phone, method, path) != 404:
                found.append((endpoint, method, path))
    assert tried > 100
    assert found == []


def test_nobody_without_a_seat_gets_further_than_the_way_in(hall: Hall) -> None:
    stranger, found = hall.phone(), []
    stranger.get("/room/enter")
    hidden = stranger.page
    free = room_routes.WHILE_OUT | room_routes.ENTRY
    for endpoint, method, path in ways(inner(hall), number=hall.cases()[0]):
        if endpoint in (room_routes.OPEN | {"room.table", "room.change", "room.leave", "room.hand"}) - free:
            stranger.page = hidden
            answer = stranger.client.open(
                hall.base + path, method=method, data=stranger.hidden() if method == "POST" else None
            )
            if not answer.headers.get("Location", "").endswith("/room/enter"):
                found.append((endpoint, method, answer.status_code))
    assert found == []


def test_a_room_has_no_page_of_the_host_and_the_host_none_of_a_room(hall: Hall) -> None:
    trainer = hall.signed_in()
    for path in ("/room", "/room/enter", "/room/seat", f"/workshop/{'x' * 26}/room", "/workshop/", "/workshop/x"):
        assert trainer.get(path).status_code == 404, path
    phone = hall.seated()
    for path in (
        f"/workshops/{hall.id}",
        "/workshops",
        "/join",
        f"/join/{hall.workshop.code}",
        "/trainer/x",
        hall.base,
    ):
        assert phone.get(path).status_code == 404, path


def test_every_link_and_form_of_a_room_stays_in_it(hall: Hall) -> None:
    """Nothing on its pages leads to the host: a form would be sent to the real realm."""
    phone = hall.seated("Bleu", *EVERYTHING)
    training_service.to_next(hall.room)
    (number,) = hall.cases()
    paths = ["/", "/room", "/room/seat", "/reports/new", "/reports/danger", "/search", "/help", f"/cases/{number}"]
    paths += [f"/cases/{number}/{rest}" for rest in ("acts/add_note", "danger", "letters", "evidence", "chronology")]
    seen: set[str] = set()
    for path in paths:
        assert phone.get(path).status_code == 200, path
        leading = set(re.findall(r'\b(?:href|action|src)="(/[^"]*)"', phone.page))
        leading |= set(re.findall(r'name="(?:next|at)" value="(/[^"]*)"', phone.page))
        seen |= leading
        assert {one for one in leading if not one.startswith(f"{hall.base}/")} == set(), path
    assert len(seen) > 30
    leading_on = {one.partition("#")[0].removeprefix(hall.base) for one in seen if "/static/" not in one} - {"/leave"}
    sent_alone = {"/search", "/language", "/drafts/forget", "/room/hand", "/room/leave", "/folds"}
    gone = {
        one: status for one in leading_on - sent_alone if (status := phone.get(one).status_code) not in (200, 302, 405)
    }
    assert gone == {}, "nor to a page that no room serves"
    phone.get("/reports/new")
    language = phone.post("/language", {"language": "ar", "next": f"{hall.base}/reports/new"})
    assert language.headers["Location"] == f"{hall.base}/reports/new"


def test_a_report_is_written_in_the_room(hall: Hall) -> None:
    """By the form as its page gives it: to the address that stands there."""
    phone = hall.seated("Bleu", *EVERYTHING)
    training_service.to_next(hall.room)
    phone.get("/reports/new")
    action = re.search(r'<form class="card" method="post" action="([^"]+)"', phone.page)
    assert action is not None
    assert action[1] == f"{hall.base}/reports/new"


# ---- cookies ---------------------------------------------------------------------------------------------------------


def with_cookies(hall: Hall, cookies: dict[str, str], base: str = "") -> Visitor:
    visitor = Visitor(hall.app.test_client(), base)
    for name, value in cookies.items():
        visitor.client.set_cookie(name, value)
    return visitor


def test_a_seat_is_no_session_at_the_host(hall: Hall) -> None:
    cookies = hall.seated("Bleu", *EVERYTHING).cookies()
    mine = next(value for name, value in cookies.items() if name.endswith("session"))
    for carried in (cookies, {"session": mine}, {**cookies, "session": mine}):
        visitor = with_cookies(hall, carried)
        for path in ("/", "/account", "/workshops", f"/workshops/{hall.id}", "/case-files"):
            assert visitor.get(path).status_code == 302, path
            assert "/sign-in" in visitor.client.get(path).headers["Location"]


def test_a_session_of_the_hosts_is_no_seat(hall: Hall) -> None:
    token = hall.signed_in().cookies()["session"]
    for name in ("session", f"workshop-{hall.id}-session"):
        visitor = with_cookies(hall, {name: token}, hall.base)
        for path in ("/room", "/", "/reports/new", f"/cases/{hall.cases()[0]}"):
            assert visitor.get(path).headers.get("Location", "").endswith("/room/enter"), path


@pytest.mark.exhaustive
def test_one_browser_may_be_at_the_host_and_in_a_room(hall: Hall) -> None:
    """Neither sits in the other's place: whoever stands up in the room, or signs out, does so there alone."""
    trainer = hall.trainer()
    phone = Visitor(trainer.client, hall.base)
    phone.get("/room/enter")
    assert phone.post("/room/enter", {"table": "1", "name": "Bleu", "roles": ["head"]}).status_code == 302
    assert phone.get("/room").status_code == 200
    assert trainer.get().status_code == 200
    assert trainer.post("/clock", {"do": "next"}).status_code == 302
    phone.get("/room")
    assert phone.post("/room/leave").status_code == 302
    assert phone.get("/room").status_code == 302
    assert trainer.get().status_code == 200


def test_a_seat_is_good_in_its_own_room_alone(hall: Hall) -> None:
    other = made(hall.host, "silence", 1)
    cookies = hall.seated("Bleu", *EVERYTHING).cookies()
    renamed = {name.replace(hall.id, other.id): value for name, value in cookies.items()}
    for carried in (cookies, renamed):
        visitor = with_cookies(hall, carried, f"/workshop/{other.id}")
        for path in ("/room", "/", "/reports/new", f"/cases/{hall.cases()[0]}"):
            assert visitor.get(path).headers.get("Location", "").endswith("/room/enter"), path
    visitor = with_cookies(hall, cookies, hall.base)
    assert visitor.get("/room").status_code == 200, "and it is where it belongs"


def test_a_form_of_the_hosts_is_none_of_a_room(hall: Hall) -> None:
    trainer, phone = hall.trainer(), hall.seated()
    stolen = trainer.hidden()["csrf_token"]
    training_service.to_next(hall.room)
    assert phone.post("/room/hand", {"raised": "1", "csrf_token": stolen}).status_code in (302, 400)
    assert hall.table().hand_at is None
    own = phone.hidden()["csrf_token"]
    assert trainer.post("/say", {"table": "0", "text": "x", "csrf_token": own}).status_code in (302, 400)
    with hall.room.store.reading() as session:
        assert room_repository.words(session, hall.room.ctx.vault, room_repository.WordKind.message) == ()
    assert phone.post("/room/hand", {"raised": "1"}).status_code == 302
    assert hall.table().hand_at is not None


# ---- one table, and the next -----------------------------------------------------------------------------------------


@pytest.fixture
def told(hall: Hall) -> Hall:
    """At table two somebody wrote words, and has all roles, as somebody at table one has."""
    training_service.to_next(hall.room)
    second = hall.seated("Rouge", *EVERYTHING, table=2)
    (number,) = hall.cases(2)
    form = f"/cases/{number}/acts/add_note"
    assert second.get(form).status_code == 200
    assert second.post(form, {"a-text": WORDS}).status_code == 303
    assert WORDS in second.get(f"/cases/{number}/chronology").get_data(as_text=True) + second.get(
        f"/cases/{number}"
    ).get_data(as_text=True)
    return hall


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "roles", [EVERYTHING, *((role,) for role in EVERYTHING)], ids=lambda roles: "+".join(roles)[:24]
)
def test_no_door_opens_a_case_of_the_next_table(told: Hall, roles: tuple[str, ...]) -> None:
    phone = told.seated("Bleu", *roles)
    (own,), (theirs,) = told.cases(1), told.cases(2)
    phone.get("/room")
    hidden, found, tried = phone.page, [], 0
    for endpoint, method, path in ways(
        inner(told), number=theirs, act="add_note", move="qualify", document="marsad_sheet"
    ):
        if endpoint in room_routes.OPEN and theirs in path:
            phone.page, tried = hidden, tried + 1
            answer = asked(phone, method, path)
            if answer != 404 or theirs in phone.page or WORDS in phone.page:
                found.append((endpoint, method, answer))
    assert tried > 25
    assert found == []
    for path in ("/", "/?filter=late", "/?view=week", "/search", "/review", "/help", "/room", "/reports/new"):
        phone.get(path)
        assert theirs not in phone.page, path
        assert format_number(theirs) not in phone.page, path
        assert WORDS not in phone.page, path
    for typed in (theirs, format_number(theirs), "Salma", "سلمى"):
        phone.get("/search")
        answer = phone.post("/search", {"q": typed})
        assert theirs not in answer.headers.get("Location", ""), typed
        assert theirs not in answer.get_data(as_text=True).replace(f'value="{theirs}"', ""), typed
    assert "Rouge" not in phone.get("/room").get_data(as_text=True)
    if "team_coordinator" in roles:
        assert phone.get(f"/cases/{own}").status_code == 200, "as the own one is open"


@pytest.mark.exhaustive
def test_who_oversees_one_table_oversees_no_other(told: Hall) -> None:
    for role in ("directorate", "academy"):
        phone = told.seated(f"Bleu {role[:3]}", role)
        page = phone.get("/").get_data(as_text=True)
        assert told.cases(1)[0] in page, role
        assert told.cases(2)[0] not in page, role


@pytest.mark.exhaustive
def test_what_the_trainer_says_to_a_table_is_said_to_it_alone(told: Hall) -> None:
    training_service.say(told.room, 2, "À la table deux seulement")
    training_service.let_in(told.room, 2, "father_at_gate")
    first, second = told.seated("Bleu", "head"), told.seated("Vert", "head", table=2)
    for words in ("À la table deux seulement", "Je viens la chercher"):
        assert words not in first.page
        assert words in second.page
