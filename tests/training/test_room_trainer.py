"""What a trainer does with a room, and that nobody else does any of it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from school_protocol.engine.deadlines import open_dues
from school_protocol.training import room_repository, seats, table_play, workshop_end
from school_protocol.training import service as training_service
from school_protocol.training.models import WorkshopRow
from training.live_table import sat_down
from training.room_browsing import Hall, Visitor, dump, rooms_there
from training.test_same_debrief import SC3

TIMED = "imprudent"
CALLED = "father_at_gate"


def doors(hall: Hall) -> list[tuple[str, str, str]]:
    """Endpoint, method and address of each way to the trainer's pages."""
    values = {"workshop": hall.id, "table": "1", "number": "1", "language": "fr"}
    rules = [rule for rule in hall.app.url_map.iter_rules() if rule.endpoint.startswith("workshops.")]
    return [
        (rule.endpoint, method, re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule))
        for rule in rules
        if rule.arguments <= values.keys()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def state_of(hall: Hall) -> object:
    """All that a trainer can change."""
    with hall.host.directory.reading() as session:
        listed = [tuple(row) for row in session.execute(select(WorkshopRow.__table__))]
    return dump(hall.room.store), listed


# ---- whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["formatrice", "academie"])
def test_no_door_of_a_workshop_opens_to_anybody_else(hall: Hall, who: str) -> None:
    hall.seated()
    before = state_of(hall)
    other = hall.signed_in(who)
    other.get("/account")
    hidden, tried = other.page, 0
    sent = {
        "do": "next", "frozen": "1", "inject": TIMED, "table": "0", "text": "x", "role": "directorate", "sure": "1",
        "seat": hall.seats()[0].id,
    }  # fmt: skip
    for endpoint, method, path in doors(hall):
        if hall.id in path:
            other.page, tried = hidden, tried + 1
            answer = other.get(path) if method == "GET" else other.post(path, sent)
            assert answer.status_code == 404, endpoint
            assert hall.workshop.code not in answer.get_data(as_text=True)
    assert tried >= 14
    assert state_of(hall) == before
    listed = other.get("/workshops")
    assert (listed.status_code, hall.id in other.page) == ((200, False) if who == "formatrice" else (404, False))
    assert other.get("/workshops/new").status_code == (200 if who == "formatrice" else 404)


def test_the_same_doors_open_to_its_trainer(hall: Hall) -> None:
    """The control."""
    trainer = hall.signed_in()
    hall.seated()
    training_service.to_next(hall.room)
    for endpoint, method, path in doors(hall):
        if method == "GET" and (hall.id in path or endpoint in ("workshops.index", "workshops.new")):
            assert trainer.get(path).status_code in (200, 202), endpoint
    assert hall.id in trainer.get("/workshops").get_data(as_text=True)


def test_a_workshop_that_there_is_not(hall: Hall) -> None:
    trainer = hall.signed_in()
    for workshop in ("x", "a" * 26, "..", "%00", "' OR 1=1", "م" * 26):
        assert trainer.get(f"/workshops/{workshop}").status_code == 404


# ---- a new one -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "sent0",
        "sent2",
        "sent4",
        "sent6",
    )
)
@pytest.mark.parametrize(
    "sent",
    [
        {"scenario": "x"}, {"scenario": ""}, {"tables": "0"}, {"tables": "31"}, {"tables": "-1"}, {"tables": "deux"},
        {"tables": ""}, {"tables": "9" * 30}, {"tables": "1.5"}, {"scenario": "../../etc/passwd"},
    ],
)  # fmt: skip
def test_what_is_no_workshop_is_refused_in_words(hall: Hall, sent: dict[str, str]) -> None:
    trainer = hall.signed_in()
    trainer.get("/workshops/new")
    answer = trainer.post("/workshops/new", {"scenario": "silence", "tables": "2", **sent})
    assert answer.status_code == 422
    assert 'class="errors"' in answer.get_data(as_text=True)
    assert len(workshop_end.see_workshops(hall.host, None)) == 0
    assert rooms_there(hall) == {hall.id}


@pytest.mark.exhaustive
def test_a_workshop_is_made_with_its_tables_and_without_hints(hall: Hall) -> None:
    trainer = hall.signed_in()
    trainer.get("/workshops/new")
    answer = trainer.post("/workshops/new", {"scenario": "silence", "tables": "3"})
    assert answer.status_code == 302
    hall.id = answer.headers["Location"].rpartition("/")[2]
    assert [hall.table(number).hints for number in (1, 2, 3)] == [False, False, False]
    assert [len(hall.cases(number)) for number in (1, 2, 3)] == [1, 1, 1]


# ---- what comes ------------------------------------------------------------------------------------------------------


def press(trainer: Visitor, path: str, **sent: str) -> None:
    trainer.get()
    assert trainer.post(path, sent).status_code == 302


@pytest.mark.exhaustive
def test_what_is_held_does_not_come_until_it_is_let(hall: Hall) -> None:
    trainer = hall.trainer()
    began = hall.room.ctx.now()
    press(trainer, "/inject", table="1", inject=TIMED, do="hold")
    training_service.turn_to(hall.room, began + timedelta(hours=2))
    assert TIMED not in hall.table(1).came
    assert hall.table(2).came[TIMED] == began + timedelta(minutes=105)
    training_service.turn_to(hall.room, began + timedelta(hours=3))
    assert TIMED not in hall.table(1).came
    press(trainer, "/inject", table="1", inject=TIMED, do="free")
    assert hall.table(1).came[TIMED] == began + timedelta(hours=3), "when it came, not when it would have"
    before = hall.table(1).came
    for do in ("hold", "free", "now"):
        press(trainer, "/inject", table="1", inject=TIMED, do=do)
        training_service.turn_to(hall.room, hall.room.ctx.now() + timedelta(minutes=1))
        assert hall.table(1).came == before, "once"


@pytest.mark.exhaustive
def test_what_nothing_called_comes_when_the_trainer_says_so_and_once(hall: Hall) -> None:
    trainer, phone = hall.trainer(), hall.seated("Bleu", "head")
    training_service.to_next(hall.room)
    moment = hall.room.ctx.now()
    press(trainer, "/inject", table="0", inject=CALLED, do="now")
    assert [hall.table(number).came[CALLED] for number in (1, 2)] == [moment, moment]
    training_service.turn_to(hall.room, moment + timedelta(minutes=1))
    press(trainer, "/inject", table="0", inject=CALLED, do="now")
    assert hall.table(1).came[CALLED] == moment
    assert hall.table(2).came[CALLED] == moment
    assert phone.get("/room").get_data(as_text=True).count("Je viens la chercher") == 1


@pytest.mark.exhaustive
def test_what_is_no_inject_or_no_table_is_absent(hall: Hall) -> None:
    trainer = hall.trainer()
    before = state_of(hall)
    for sent in ({"inject": "x"}, {"inject": ""}, {"inject": TIMED, "table": "9"}, {"inject": TIMED, "table": "x"}):
        trainer.get()
        assert trainer.post("/inject", {"table": "1", "do": "now", **sent}).status_code == 404
    for path in ("/say", "/table"):
        assert trainer.post(path, {"table": "9", "text": "x", "do": "hints"}).status_code == 404
    assert state_of(hall) == before


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("words", "said"), [("x" * 601, "600 caractères"), ("x" * 40_000, "600 caractères"), (" \0 ", "")]
)
def test_an_enormous_message_is_refused_in_words(hall: Hall, words: str, said: str) -> None:
    trainer = hall.trainer()
    press(trainer, "/say", table="0", text=words)
    assert said in trainer.get().get_data(as_text=True)
    with hall.room.store.reading() as session:
        assert room_repository.words(session, hall.room.ctx.vault, room_repository.WordKind.message) == ()


# ---- stopped ---------------------------------------------------------------------------------------------------------


def rows(hall: Hall) -> list[int]:
    kept = {name: lines for name, lines in dump(hall.room.ctx.realm).items() if name not in ("draft", "access")}
    return [len(lines) for lines in kept.values()]


def forms(hall: Hall) -> list[tuple[str, dict[str, str]]]:
    number = hall.cases()[0]
    case = f"/cases/{number}"
    return [
        ("/reports/new", {"a-what_happened": "Mots tapés"}), ("/reports/danger", {"danger": "missing_or_at_risk"}),
        (f"{case}/acts/add_note", {"a-text": "Mots tapés"}), (f"{case}/danger", {"danger": "missing_or_at_risk"}),
        (f"{case}/moves/t_send", {"reason": "Mots tapés"}),
    ]  # fmt: skip


@pytest.mark.exhaustive(only=("frozen",))
@pytest.mark.parametrize("state", ["frozen", "waiting", "ended"])
def test_nothing_is_recorded_in_a_room_that_stands(hall: Hall, state: str) -> None:
    phone = hall.seated("Bleu", "team_member", "team_coordinator", "head", "reporter")
    if state != "waiting":
        training_service.to_next(hall.room)
    pages = {}
    for path, _sent in forms(hall):
        phone.get(path)
        pages[path] = phone.page
    if state == "frozen":
        training_service.freeze(hall.room, True)
    if state == "ended":
        workshop_end.end_workshop(hall.host, hall.room)
    before = rows(hall)
    for path, sent in forms(hall):
        phone.page = pages[path]
        answer = phone.post(path, sent)
        assert answer.status_code == 409, path
        assert "Rien n’a été enregistré" in answer.get_data(as_text=True) or state == "ended"
    assert rows(hall) == before
    assert phone.get("/room").status_code == 200
    assert phone.post("/room/hand", {"raised": "1"}).status_code == 302, "the trainer is asked for all the same"


@pytest.mark.exhaustive
def test_what_was_typed_while_it_stood_is_there_afterwards(hall: Hall) -> None:
    phone = hall.seated("Bleu", "team_member", "team_coordinator", "head", "reporter")
    training_service.to_next(hall.room)
    form = f"/cases/{hall.cases()[0]}/acts/add_note"
    phone.get(form)
    training_service.freeze(hall.room, True)
    answer = phone.post(form, {"a-text": "Mots tapés pendant l’arrêt"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert f'href="{hall.base}{form}"' in page
    training_service.freeze(hall.room, False)
    assert "Mots tapés pendant l’arrêt" in phone.get(form).get_data(as_text=True)
    assert phone.post(form, {"a-text": "Mots tapés pendant l’arrêt"}).status_code == 303
    assert "Mots tapés pendant l’arrêt" not in phone.get(form).get_data(as_text=True)


# ---- hints, hands ----------------------------------------------------------------------------------------------------


LISTS = ("/", "/?filter=mine", "/?filter=late", "/?filter=today", "/?filter=ended", "/?view=week", "/review")
OF_A_CASE = (
    "", "/chronology", "/first-minutes", "/case-file", "/letters", "/remarks", "/sight", "/danger", "/evidence",
    "/copies", "/review", "/acts/add_note",
)  # fmt: skip
EVERY_ROLE = ("team_member", "team_coordinator", "head", "directorate", "academy", "data_officer")


def words_of(answer: TestResponse) -> str:
    return " ".join(re.sub("<[^>]+>", " ", unescape(answer.get_data(as_text=True))).split())


@pytest.mark.exhaustive
def test_without_hints_no_page_of_a_table_nor_the_projector_says_what_is_due(hall: Hall) -> None:
    """Two tables at the same place, three hours on; only the first is without hints."""
    trainer = hall.trainer()
    phones = {table: hall.seated("Bleu", *EVERY_ROLE, table=table) for table in (1, 2)}
    training_service.turn_to(hall.room, hall.room.ctx.now() + timedelta(hours=3))
    press(trainer, "/table", table="1", do="quiet")
    facts = table_play.facts_at(hall.room, table_play.cases_of(hall.room, hall.table(1)), hall.room.ctx.now())
    (open_now,) = (open_dues(one) for one in facts.values())
    titles = {hall.room.protocol.deadlines[one.deadline].title.root["fr"] for one in open_now}
    signs = {*titles, "retard", "Pour vous", "dépassée", "Pour aujourd’hui"}
    told: dict[int, set[tuple[str, str]]] = {1: set(), 2: set()}
    for table, phone in phones.items():
        number = hall.cases(table)[0]
        for path in (*LISTS, *(f"/cases/{number}{rest}" for rest in OF_A_CASE)):
            page = words_of(phone.get(path, follow_redirects=True))
            told[table] |= {(path.replace(number, "N"), sign) for sign in signs if sign in page}
    assert told[1] == set()
    assert {path for path, _sign in told[2]} >= {*LISTS} - {"/?filter=ended", "/review"} | {"/cases/N"}, "the control"
    projected = words_of(trainer.get("/projector"))
    first, second = projected.split("Table 1")[1].split("Table 2")
    assert not any(sign in first for sign in signs)
    assert "Prochaine échéance" not in first
    assert "Prochaine échéance" in second
    assert "dépassée" in second
    assert words_of(trainer.get()).count("Prochaine échéance") == 2, "the trainer alone sees both"
    for table, is_told in ((1, False), (2, True)):
        lead = hall.seated("Rouge", "team_coordinator", table=table)
        seats.leave(hall.room, next(one for one in hall.seats() if one.name == "Bleu" and one.table == table))
        assert ("désignez qui les reprend" in words_of(lead.get("/"))) is is_told, table
    number, phone = hall.cases(1)[0], hall.seated("Vert", "team_member")
    phone.get("/")
    shut = phone.post(f"/cases/{number}/case-file", {})
    assert shut.status_code == 403, "it says how the protocol was kept"
    assert "il n’en est pas fait à cette table" in words_of(shut)
    workshop_end.end_workshop(hall.host, hall.room)
    assert words_of(trainer.get("/projector")).count("Prochaine échéance") == 2


def reasons_in(page: str) -> bool:
    return 'class="reasons"' in page


OFF = "Ce n’est pas possible maintenant."


@pytest.mark.exhaustive
def test_without_hints_a_refused_try_says_so_in_a_sentence_and_not_why(hall: Hall) -> None:
    """The act and the move can be tried; each refusal is written down for the debrief all the same."""
    trainer = hall.trainer()
    phones = {
        1: hall.seated("Bleu", "team_member", "team_coordinator"),
        2: hall.seated("Vert", "team_member", "team_coordinator", table=2),
    }
    training_service.to_next(hall.room)
    press(trainer, "/table", table="1", do="quiet")
    for table, told in ((1, False), (2, True)):
        case, phone = f"/cases/{hall.cases(table)[0]}", phones[table]
        before = phone.get(f"{case}/moves/begin_assessment").get_data(as_text=True)
        assert reasons_in(before) is told
        assert ("<textarea" in before) is not told, "with hints nothing that is shut is offered; without, it is tried"
        answer = phone.post(f"{case}/moves/begin_assessment", {"reason": ""})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 409
        assert (reasons_in(page), OFF in page) == (told, not told)
        with hall.room.store.reading() as session:
            assert [one.name for one in room_repository.attempts(session, table)] == ["begin_assessment"]


@pytest.mark.exhaustive
def test_without_hints_one_may_still_go_on_without_a_need_once_it_was_refused(hall: Hall) -> None:
    trainer, phone = hall.trainer(), hall.seated("Bleu", "team_coordinator")
    training_service.to_next(hall.room)
    sat_down(hall.room).play(SC3.path.steps[:14])
    move, missing = f"/cases/{hall.cases()[0]}/moves/record_external_handling", "without-acknowledged"
    sentence = hall.room.protocol.needs["acknowledged"].sentence.in_language("fr")
    shown = unescape(phone.get(move).get_data(as_text=True))
    assert missing in shown
    assert sentence in shown, "the control: with hints it is said what is missing"
    press(trainer, "/table", table="1", do="quiet")
    before = unescape(phone.get(move).get_data(as_text=True))
    assert missing not in before
    assert sentence not in before
    refused = phone.post(move, {"reason": ""})
    phone.page = unescape(refused.get_data(as_text=True))
    assert refused.status_code in (409, 422)
    assert missing in phone.page
    assert sentence not in phone.page
    assert phone.post(move, {"reason": "", missing: "Décidé à table."}).status_code == 303


def test_without_hints_what_says_what_is_missing_is_shut_until_the_end(hall: Hall) -> None:
    trainer = hall.trainer()
    phones = {1: hall.seated("Bleu", "head"), 2: hall.seated("Vert", "head", table=2)}
    training_service.to_next(hall.room)
    press(trainer, "/table", table="1", do="quiet")
    pages = {table: f"/cases/{hall.cases(table)[0]}" for table in (1, 2)}
    for table, status in ((1, 403), (2, 200)):
        answer = phones[table].get(f"{pages[table]}/conformance")
        assert answer.status_code == status
        assert ("Pas pendant l’exercice" in unescape(answer.get_data(as_text=True))) is (status == 403)
        linked = f"{pages[table]}/conformance" in phones[table].get(f"{pages[table]}/outcomes").get_data(as_text=True)
        assert linked is (status == 200)
    assert phones[1].get("/help").status_code == 200, "the protocol itself may always be looked up"
    press(trainer, "/table", table="1", do="hints")
    assert phones[1].get(f"{pages[1]}/conformance").status_code == 200
    press(trainer, "/table", table="1", do="quiet")
    press(trainer, "/end", sure="1")
    assert phones[1].get(f"{pages[1]}/conformance").status_code == 200


def test_a_hand_is_seen_and_taken_down(hall: Hall) -> None:
    trainer, phone = hall.trainer(), hall.seated("Bleu", table=2)
    assert "Main levée" not in trainer.page
    assert phone.post("/room/hand", {"raised": "1"}).status_code == 302
    assert "Main levée" in trainer.get().get_data(as_text=True)
    assert [hall.table(number).hand_at is not None for number in (1, 2)] == [False, True]
    press(trainer, "/table", table="2", do="hand")
    assert hall.table(2).hand_at is None
    assert hall.table(2).hints, "the hints stay as they were"


# ---- the trainer plays -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_trainer_plays_a_role_that_nobody_holds(hall: Hall) -> None:
    trainer = hall.trainer()
    answer = trainer.post("/play", {"table": "2", "role": "directorate"})
    assert answer.headers["Location"] == f"{hall.base}/room"
    inside = Visitor(trainer.client, hall.base)
    assert inside.get("/room").status_code == 200
    assert inside.get(f"/cases/{hall.cases(2)[0]}").status_code == 200
    assert inside.get(f"/cases/{hall.cases(1)[0]}").status_code == 404
    (seat,) = hall.seats()
    assert (seat.is_trainer, seat.table, seat.roles) == (True, 2, ["directorate"])
    assert trainer.get().status_code == 200, "and is the trainer still"
    press(trainer, "/play", table="2", role="directorate")
    assert len(hall.seats()) == 1, "the same seat again"
    press(trainer, "/play", table="2", role="academy")
    assert len({one.name for one in hall.seats()}) == 2


def test_the_trainer_cannot_play_a_role_that_somebody_holds(hall: Hall) -> None:
    hall.seated("Bleu", "head")
    trainer = hall.trainer()
    refused = trainer.post("/play", {"table": "1", "role": "head"}).headers["Location"]
    assert refused == f"/workshops/{hall.id}#t1"
    assert "tient déjà ce rôle" in trainer.get().get_data(as_text=True)
    assert [one.is_trainer for one in hall.seats()] == [False]
    assert trainer.post("/play", {"table": "2", "role": "head"}).headers["Location"] == f"{hall.base}/room"
    inside = Visitor(trainer.client, hall.base)
    inside.get("/room/seat")
    answer = inside.post("/room/seat", {"table": "1", "roles": ["head"]})
    assert answer.status_code == 422, "nor by changing seats"
    assert "tient déjà ce rôle" in answer.get_data(as_text=True)


@pytest.mark.parametrize("sent", [{"role": "x"}, {"role": "trainer"}, {"role": ""}, {"table": "9"}, {"table": "0"}])
def test_the_trainer_plays_what_there_is(hall: Hall, sent: dict[str, str]) -> None:
    press(hall.trainer(), "/play", **{"table": "1", "role": "head", **sent})
    assert hall.seats() == []


def test_a_seat_that_was_left_does_not_stand_in_the_way_of_the_next(hall: Hall) -> None:
    room = hall.room
    first = seats.play(room, 1, "head", name="Formateur", language="fr")
    seats.play(room, 1, "directorate", name="Formateur", language="fr")
    seats.leave(room, first.seat)
    third = seats.play(room, 1, "academy", name="Formateur", language="fr")
    assert sorted(one.name for one in hall.seats()) == ["Formateur 1", "Formateur 2"]
    assert third.seat.name == "Formateur 1"


# ---- two tabs, and back ----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_two_tabs_of_the_trainers_do_not_undo_each_other(hall: Hall) -> None:
    """One holds an inject at table one, the other switches hints off; then each presses from its own old page."""
    first, second = hall.trainer(), hall.trainer()
    assert first.post("/inject", {"table": "1", "inject": TIMED, "do": "hold"}).status_code == 302
    assert second.post("/table", {"table": "1", "do": "quiet"}).status_code == 302
    assert first.post("/say", {"table": "1", "text": "Un"}).status_code == 302
    assert second.post("/clock", {"do": "real"}).status_code == 302
    table = hall.table(1)
    assert (table.held, table.hints) == ([TIMED], False)
    assert first.post("/freeze", {"frozen": "1"}).status_code == 302
    assert second.post("/freeze", {"frozen": "1"}).status_code == 302
    assert hall.state().clock.frozen, "a button says what it does, and no more"


@pytest.mark.exhaustive
def test_a_button_from_before_the_end_changes_nothing_after_it(hall: Hall) -> None:
    trainer = hall.trainer()
    old = trainer.page
    press(trainer, "/end", sure="1")
    kept, before = hall.workshop, (hall.table(1).came, hall.table(1).held, hall.state().clock)
    for path, sent in (
        ("/inject", {"table": "1", "inject": TIMED, "do": "now"}),
        ("/inject", {"table": "1", "inject": TIMED, "do": "hold"}),
        ("/clock", {"do": "fast"}), ("/clock", {"do": "next"}), ("/freeze", {"frozen": "1"}),
        ("/play", {"table": "1", "role": "head"}), ("/end", {"sure": "1"}),
    ):  # fmt: skip
        trainer.page = old
        assert trainer.post(path, sent).status_code in (302, 404), path
        if path in ("/clock", "/freeze"):
            assert "Cet atelier est terminé" in trainer.get().get_data(as_text=True)
    assert (hall.table(1).came, hall.table(1).held, hall.state().clock) == before
    assert (hall.workshop.ended_at, hall.workshop.kept) == (kept.ended_at, kept.kept)
    assert hall.seats() == []
