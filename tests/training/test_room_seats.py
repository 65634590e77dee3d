"""Sitting down: names, roles, other tables, other phones; and codes that are wrong, right, or of what has ended."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from school_protocol.engine.definition import ScopeKind
from school_protocol.engine.errors import BadInput
from school_protocol.training import room_repository, seats, workshop_end
from school_protocol.training import service as training_service
from school_protocol.training.room_app import PREFIX
from school_protocol.training.room_store import Rooms, TrainingLocation
from school_protocol.training.scenario import REAL
from school_protocol.training.seats import SEATS_MOST, Sat
from school_protocol.training.service import CODE
from school_protocol.training.table_play import cases_of, facts_at
from training.kits import SHIPPED
from training.room_browsing import Hall, Visitor, hall_in
from training.test_room_broken import at_once

MINUTE = timedelta(minutes=1)


def sit(hall: Hall, **sent: object) -> tuple[int, str]:
    """What the way in answers."""
    phone = hall.phone()
    phone.get("/room/enter")
    answer = phone.post("/room/enter", {"table": "1", "name": "Bleu", "roles": ["team_member"], **sent})
    return answer.status_code, answer.get_data(as_text=True)


# ---- the code --------------------------------------------------------------------------------------------------------


def at_join(hall: Hall, code: str, address: str = "10.0.0.7") -> tuple[int, str]:
    visitor = Visitor(hall.app.test_client())
    where = {"environ_overrides": {"REMOTE_ADDR": address}}
    visitor.get("/join", **where)
    answer = visitor.post("/join", {"code": code}, **where)
    return answer.status_code, answer.headers.get("Location", "") or answer.get_data(as_text=True)


@pytest.mark.exhaustive
def test_the_code_leads_in_however_it_is_typed(hall: Hall) -> None:
    code, way_in = hall.workshop.code, f"{PREFIX}{hall.id}/room/enter"
    assert len(code) == CODE
    for typed in (code, code.lower(), f" {code[:3]} {code[3:]} ", f"{code[:3]}-{code[3:].lower()}"):
        assert at_join(hall, typed) == (302, way_in)
    answer = hall.app.test_client().get(f"/join/{code}")
    assert (answer.status_code, answer.headers["Location"]) == (302, way_in)


@pytest.mark.parametrize("code", ["ZZZZZZ", "AAA", "<script>", "x" * 500, "ب" * 6, "' OR 1=1 --", "\x00\x00"])
def test_a_wrong_code_is_refused_in_words(hall: Hall, code: str) -> None:
    status, page = at_join(hall, code)
    assert status == 422
    assert "Aucun atelier" in page or "Écrivez le code" in page
    assert "<script>" not in page


def test_wrong_codes_get_slow_and_right_ones_never_do(hall: Hall) -> None:
    """A link counts as a code that was typed."""
    client, right = hall.app.test_client(), f"/join/{hall.workshop.code}"
    assert [client.get(right).status_code for _phone in range(40)] == [302] * 40
    statuses = [client.get("/join/ZZZZZZ").status_code for _try in range(35)]
    assert (statuses[:30], statuses[-1]) == ([422] * 30, 429)
    assert at_join(hall, "ZZZZZZ", "127.0.0.1")[0] == 429
    assert at_join(hall, "ZZZZZZ", "10.0.0.8")[0] == 422, "elsewhere they do not"
    hall.clock.advance(20 * MINUTE)
    assert client.get("/join/ZZZZZZ").status_code == 422


@pytest.mark.exhaustive
def test_the_code_of_a_workshop_that_has_ended_is_said(hall: Hall) -> None:
    code = hall.workshop.code
    workshop_end.end_workshop(hall.host, hall.room)
    assert training_service.find_joinable(hall.host, code, address="10.0.0.7").why == "ended"
    status, page = at_join(hall, code)
    assert status == 422
    assert "Cet atelier est terminé" in page
    assert "Cet atelier est terminé" in hall.phone().get("/room/enter").get_data(as_text=True)
    assert sit(hall)[0] == 410
    workshop_end.purge(hall.host, hall.id)
    assert "Cet atelier est terminé" in at_join(hall, code)[1]
    assert sit(hall)[0] == 404


# ---- names and roles -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(but=("connard*",))
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("<script>alert(1)", "Seulement des lettres"), ("   ", "Écrivez un nom"), ("x" * 50_000, "24 lettres au plus"),
        ("connard", "peut blesser"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_taken_is_said_why(hall: Hall, name: str, words: str) -> None:
    status, page = sit(hall, name=name)
    assert status == 422
    assert words in page
    assert "<script>" not in page
    assert hall.seats() == []


@pytest.mark.exhaustive
def test_a_name_is_taken_once_at_a_table(hall: Hall) -> None:
    hall.seated("Bleu")
    status, page = sit(hall, name="  bLEU ")
    assert status == 422
    assert "porte déjà ce nom" in page
    assert sit(hall, name="Bleu", table="2")[0] == 302


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "sent",
    [
        {"roles": []}, {"roles": ["trainer"]}, {"roles": ["protocol_admin"]}, {"roles": ["x"]}, {"table": ""},
        {"roles": ["team_member", "technical_admin"]}, {"table": "3"}, {"table": "0"}, {"table": "-1"}, {"table": "x"},
        {"table": "9" * 30},
    ],
)  # fmt: skip
def test_there_is_a_table_and_a_role_of_it(hall: Hall, sent: dict[str, object]) -> None:
    assert sit(hall, **sent)[0] == 422
    assert hall.seats() == []


@pytest.mark.exhaustive
def test_a_table_is_full_and_the_next_one_is_not(hall: Hall) -> None:
    for number in range(SEATS_MOST):
        seats.join(hall.room, 1, f"Chaise {number}", ["team_member"], language="fr")
    status, page = sit(hall, name="Bleu")
    assert status == 422
    assert "Cette table est complète" in page
    sat = seats.join(hall.room, 2, "Bleu", ["team_member"], language="fr")
    with pytest.raises(BadInput) as refused:
        seats.change_seat(hall.room, sat.seat, 1, ["team_member"])
    assert refused.value.problems == {"table": ("full",)}
    seats.leave(hall.room, next(one for one in hall.seats() if one.table == 1))
    assert sit(hall, name="Vert")[0] == 302
    assert seats.play(hall.room, 1, "head", name="Formateur", language="fr").seat.is_trainer


# ---- another table, another phone ------------------------------------------------------------------------------------


def pages_of(number: str) -> list[str]:
    return [f"/cases/{number}{path}" for path in ("", "/chronology", "/letters", "/evidence", "/case-file", "/sight")]


@pytest.mark.exhaustive
def test_whoever_changes_tables_holds_nothing_at_the_former_one(hall: Hall) -> None:
    phone = hall.seated("Bleu", "team_member", "team_coordinator", "head", "directorate")
    training_service.to_next(hall.room)
    (old,), (new,) = hall.cases(1), hall.cases(2)
    (seat,) = hall.seats()
    form = f"/cases/{old}/acts/name_seat"
    assert phone.get(form).status_code == 200
    named = {"a-seat": "lead", "a-account": seat.account, "a-reason": "première"}
    assert phone.post(form, named).status_code == 303
    assert {phone.get(path).status_code for path in pages_of(old)} == {200}
    phone.get("/room/seat")
    assert phone.post("/room/seat", {"table": "2", "roles": ["team_member"]}).status_code == 302
    assert [path for path in pages_of(old) if phone.get(path).status_code != 404] == []
    phone.get("/room")
    assert phone.post(f"/cases/{old}/acts/add_note", {"a-text": "x"}).status_code == 404
    assert old not in phone.get("/").get_data(as_text=True)
    assert phone.get(f"/cases/{new}").status_code == 200
    actor = seats.actor_of(hall.room, hall.seats()[0])
    assert actor is not None
    assert [held.role for held in actor.appointments] == ["team_member"]


def test_what_one_reported_stays_with_the_table_where_one_reported(hall: Hall) -> None:
    """Nor does one's own receipt open any more, from which a danger could be raised in the former table's case."""
    training_service.to_next(hall.room)
    phone = hall.seated("Bleu", "reporter")
    form = "/reports/danger"
    assert phone.get(form).status_code == 200
    answer = phone.post(form, {"danger": "missing_or_at_risk"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    receipt = answer.headers["Location"].removeprefix(hall.base)
    assert phone.get(receipt).status_code == 200
    phone.get("/room/seat")
    assert phone.post("/room/seat", {"table": "2", "roles": ["reporter"]}).status_code == 302
    assert phone.get(receipt).status_code == 404
    assert len(hall.cases(1)) == 2
    assert len(hall.cases(2)) == 1


def test_other_roles_at_the_same_table_take_the_place_of_the_former(hall: Hall) -> None:
    phone = hall.seated("Bleu", "head")
    phone.get("/room/seat")
    assert phone.post("/room/seat", {"table": "1", "roles": ["reporter"]}).status_code == 302
    (number,) = hall.cases()
    assert [path for path in pages_of(number) if phone.get(path).status_code != 404] == []


def test_whoever_stands_up_opens_nothing_and_leaves_the_name(hall: Hall) -> None:
    phone = hall.seated("Bleu")
    cookies = phone.cookies()
    assert phone.post("/room/leave").status_code == 302
    former = hall.phone()
    for name, value in cookies.items():
        former.client.set_cookie(name, value)
    for path in ("/room", "/", *pages_of(hall.cases()[0])):
        assert former.get(path).headers.get("Location", "").endswith("/room/enter"), path
    assert sit(hall, name="Bleu")[0] == 302


def back(hall: Hall, pin: str, name: str = "Bleu", table: str = "1") -> tuple[Visitor, int]:
    phone = hall.phone()
    phone.get("/room/enter")
    return phone, phone.post("/room/back", {"table": table, "name": name, "pin": pin}).status_code


def test_a_lost_phone_is_replaced_by_another_with_the_number(hall: Hall) -> None:
    lost = hall.seated("Bleu", "head")
    pin = hall.pin("Bleu")
    shown = re.search(r'class="pin">.*?>([\d ]+)<', lost.page)
    assert shown is not None
    assert shown[1].replace(" ", "") == pin
    phone, status = back(hall, f" {pin[:3]} {pin[3:]} ", "  bleu")
    assert status == 302
    assert phone.get("/room").status_code == 200
    assert len(hall.seats()) == 1
    (number,) = hall.cases()
    assert phone.get(f"/cases/{number}").status_code == 200
    for path in ("/room", "/", f"/cases/{number}"):
        assert lost.get(path).headers.get("Location", "").endswith("/room/enter"), "the former phone opens nothing"


def test_the_number_may_be_typed_in_arabic_figures(hall: Hall) -> None:
    hall.seated("Bleu")
    assert back(hall, hall.pin("Bleu").translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))[1] == 302


@pytest.mark.exhaustive(but=("wrong3",))
@pytest.mark.parametrize("wrong", [{"pin": "0"}, {"name": "Rouge"}, {"table": "2"}, {"pin": ""}, {"pin": "٣" * 40}])
def test_a_number_is_of_one_seat(hall: Hall, wrong: dict[str, str]) -> None:
    phone = hall.seated("Bleu")
    hall.seated("Rouge", table=2)
    sent = {"pin": hall.pin("Bleu"), **wrong}
    assert back(hall, **sent)[1] == 422
    assert phone.get("/room").status_code == 200


@pytest.mark.exhaustive
def test_guessing_a_number_gets_slow(hall: Hall) -> None:
    hall.seated("Bleu")
    hall.seated("Rouge")
    wrong = "000000" if hall.pin("Bleu") != "000000" else "000001"
    assert [back(hall, wrong)[1] for _try in range(5)] == [422] * 5
    _phone, status = back(hall, hall.pin("Bleu"))
    assert status == 422, "even the right one, for a minute"
    assert back(hall, hall.pin("Rouge"), "Rouge")[1] == 302, "others are not held up"
    hall.clock.advance(MINUTE)
    assert back(hall, hall.pin("Bleu"))[1] == 302


@pytest.mark.exhaustive
def test_what_is_guessed_at_leaves_nothing_behind(hall: Hall) -> None:
    for number in range(50):
        back(hall, "1", f"Nom {number}")
    assert remembered(hall) == 50, "the control"
    hall.clock.advance(2 * MINUTE)
    back(hall, "1")
    assert remembered(hall) == 1
    hall.seated("Bleu")
    hall.clock.advance(2 * MINUTE)
    assert back(hall, hall.pin("Bleu"))[1] == 302
    assert remembered(hall) == 0, "a right one is no guess"


def remembered(hall: Hall) -> int:
    with hall.room.store.reading() as session:
        return room_repository.count_tries(session)


def test_two_processes_count_the_same_guesses(hall: Hall) -> None:
    """Each has the room open by itself, as two servers of one folder do."""
    hall.seated("Bleu")
    pin = hall.pin("Bleu")
    wrong = "000000" if pin != "000000" else "000001"
    other = Rooms(TrainingLocation.of(hall.host))
    pair = (hall.room, other.room(hall.id))
    assert pair[0] is not pair[1]
    said = []
    for number in range(5):
        with pytest.raises(BadInput) as refused:
            seats.come_back(pair[number % 2], 1, "Bleu", wrong)
        said.append(refused.value.problems["pin"])
    assert said == [("wrong",)] * 5
    for room in pair:
        with pytest.raises(BadInput) as refused:
            seats.come_back(room, 1, "Bleu", pin)
        assert refused.value.problems["pin"] == ("wait",)
    hall.clock.advance(MINUTE)
    assert seats.come_back(pair[1], 1, "Bleu", pin).seat.name == "Bleu"
    other.close()


@pytest.mark.exhaustive
def test_guesses_at_once_are_counted_before_they_are_judged(hall: Hall) -> None:
    hall.seated("Bleu")
    wrong = "000000" if hall.pin("Bleu") != "000000" else "000001"
    raised = at_once(*[lambda: seats.come_back(hall.room, 1, "Bleu", wrong)] * 12)
    said = [error.problems["pin"][0] for error in raised if isinstance(error, BadInput)]
    assert sorted(said) == ["wait"] * 7 + ["wrong"] * 5


def test_the_trainer_signs_a_lost_phone_out(hall: Hall) -> None:
    lost, trainer = hall.seated("Bleu"), hall.trainer()
    assert trainer.post("/phone", {"seat": hall.seats()[0].id}).status_code == 302
    assert lost.get("/room").headers["Location"].endswith("/room/enter")
    assert back(hall, hall.pin("Bleu"))[1] == 302
    assert trainer.post("/phone", {"seat": "x"}).status_code == 404


# ---- pressed twice ---------------------------------------------------------------------------------------------------


def test_a_form_sent_twice_is_one_seat(hall: Hall) -> None:
    """A thumb presses twice: the browser sends the same form before it has the answer."""
    first = hall.phone()
    first.get("/room/enter")
    cookies = first.cookies()
    second = hall.phone()
    for name, value in cookies.items():
        second.client.set_cookie(name, value)
    second.page = first.page
    sent = {"table": "1", "name": "Bleu", "roles": ["head"]}
    assert [one.post("/room/enter", sent).status_code for one in (first, second)] == [302, 302]
    assert len(hall.seats()) == 1
    assert [one.get("/room").status_code for one in (first, second)] == [200, 200]


def test_twice_at_once_is_one_seat_too(hall: Hall) -> None:
    room, found = hall.room, list[Sat]()

    def join() -> None:
        found.append(seats.join(room, 1, "Bleu", ["head"], language="fr", form="a form of one browser"))

    assert at_once(*[join] * 6) == []
    assert len(hall.seats()) == 1
    assert {one.token for one in found} == {found[0].token}
    assert len(found) == 6


def test_the_same_form_in_another_browser_is_another_seat(hall: Hall) -> None:
    first, second = hall.phone(), hall.phone()
    first.get("/room/enter")
    second.get("/room/enter")
    token = first.hidden()["token"]
    assert first.post("/room/enter", {"table": "1", "name": "Bleu", "roles": ["head"]}).status_code == 302
    answer = second.post("/room/enter", {"table": "1", "name": "Bleu", "roles": ["head"], "token": token})
    assert answer.status_code == 422
    assert "porte déjà ce nom" in answer.get_data(as_text=True)


def test_a_form_from_before_one_sat_is_refused_and_does_nothing(hall: Hall) -> None:
    phone = hall.phone()
    phone.get("/room/enter")
    sent = {**phone.hidden(), "table": "1", "name": "Bleu", "roles": ["head"]}
    assert phone.client.post(f"{hall.base}/room/enter", data=sent).status_code == 302
    answer = phone.client.post(f"{hall.base}/room/enter", data={**sent, "name": "Rouge"})
    assert answer.status_code in (302, 400)
    assert [one.name for one in hall.seats()] == ["Bleu"]


@pytest.mark.exhaustive
def test_forty_sit_down_at_once(hall: Hall) -> None:
    """Over two tables of twelve: as many as there are places, nobody twice, no error but a full table."""
    room = hall.room

    def join(number: int) -> object:
        return seats.join(room, 1 + number % 2, f"Chaise {number}", ["team_member"], language="ar")

    raised = at_once(*[partial(join, number) for number in range(40)])
    assert [error.problems for error in raised if isinstance(error, BadInput)] == [{"table": ("full",)}] * 16
    with room.store.reading() as session:
        assert [len(room_repository.seats(session, table)) for table in (1, 2)] == [SEATS_MOST, SEATS_MOST]


def test_the_first_in_the_role_that_began_holds_what_was_begun_and_nobody_else_does(hall: Hall) -> None:
    with hall.room.store.reading() as session:
        table = room_repository.table(session, 1)
    assert table is not None
    [facts] = facts_at(hall.room, cases_of(hall.room, table), hall.room.ctx.now()).values()
    head = seats.join(hall.room, 1, "Vert", ["head"], language="fr").seat
    first = seats.join(hall.room, 1, "Bleu", ["team_member"], language="fr").seat
    second = seats.join(hall.room, 1, "Rouge", ["team_member"], language="fr").seat
    assert first.account == facts.case.opened_by
    assert len({head.account, first.account, second.account}) == 3
    actor = seats.actor_of(hall.room, first)
    assert actor is not None
    assert [held.role for held in actor.appointments] == ["team_member"]
    assert actor.name == "Bleu"


# ---- alone at a table ------------------------------------------------------------------------------------------------

TOLD = "Vous ne voyez aucun dossier avant d’y être nommé(e)"


@pytest.mark.exhaustive
@pytest.mark.parametrize("scenario", SHIPPED)
def test_whoever_sits_alone_sees_the_case_or_is_told_who_can_name_them(tmp_path: Path, scenario: str) -> None:
    """Each role that can be held, in each scenario that is shipped; a reporter sees what they report."""
    hall = hall_in(tmp_path, 1, scenario)
    training_service.set_pace(hall.room, REAL)
    (number,) = hall.cases()
    for role in seats.playable(hall.room.protocol, hall.room.scenario):
        phone = hall.seated("Bleu", role)
        table = unescape(phone.get("/room").get_data(as_text=True))
        if hall.room.protocol.roles[role].sees is ScopeKind.receipt:
            assert phone.get("/reports/new").status_code == 200
            assert TOLD not in table
        elif phone.get(f"/cases/{number}").status_code == 200:
            assert TOLD not in table, role
        else:
            assert TOLD in table, f"{role} sees nothing, and is not told why"
            assert "personne à cette table ne tient encore un tel rôle" in table
        phone.get("/room")
        assert phone.post("/room/leave").status_code == 302
    hall.close()


def test_whoever_is_named_sees_the_case_and_is_told_no_more(tmp_path: Path) -> None:
    hall = hall_in(tmp_path, 1, "silence")
    training_service.set_pace(hall.room, REAL)
    hall.clock.advance(timedelta(minutes=5))
    phone = hall.seated("Bleu", "psychosocial")
    (number,) = hall.cases()
    assert TOLD in unescape(phone.get("/room").get_data(as_text=True))
    namer = hall.seated("Rouge", "team_coordinator")
    table = unescape(phone.get("/room").get_data(as_text=True))
    assert "Qui peut vous nommer" in table
    assert "personne à cette table" not in table
    account = next(seat.account for seat in hall.seats() if seat.name == "Bleu")
    act = f"/cases/{number}/acts/name_seat"
    namer.get(act)
    sent = {"a-seat": "support", "a-account": account, "a-side": "targeted", "a-reason": "Accompagner le retour."}
    answer = namer.post(act, sent)
    assert answer.status_code == 303, unescape(answer.get_data(as_text=True))
    assert TOLD not in unescape(phone.get("/room").get_data(as_text=True))
    assert phone.get(f"/cases/{number}").status_code == 200
    hall.close()
