"""What a trainer in front of forty people stumbles on: words taken away, a slip of the hand, two presses."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from school_protocol.engine.errors import BadInput
from school_protocol.storage.store_errors import StorageBusy, StorageFull
from school_protocol.training import repository as training_repository
from school_protocol.training import room_repository, room_store, scenario_library, seats, workshop_end
from school_protocol.training import service as training_service
from school_protocol.training.models import WorkshopRow
from school_protocol.training.room_repository import State
from school_protocol.training.room_store import RoomGone
from school_protocol.training.scenario_library import checked
from school_protocol.training.service import STANDS, Wanted
from training.live_table import sat_down
from training.room_browsing import Hall, rooms_there
from training.rooms_of import person
from training.test_own_scenarios import brought, own
from training.test_same_debrief import planted, step

# ---- a page that comes again -----------------------------------------------------------------------------------------


def test_the_wall_does_not_come_again_under_the_hands_of_who_types(hall: Hall) -> None:
    """A header can't be held up by anybody: its script comes again when nobody types, or the browser without one."""
    trainer = hall.trainer()
    answer = trainer.get()
    assert "Refresh" not in answer.headers
    assert '<meta name="again" content="10">' in trainer.page
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in trainer.page
    still = trainer.get("?still=1").get_data(as_text=True)
    assert "http-equiv" not in still
    assert 'name="again"' not in still
    assert trainer.get("/projector").headers["Refresh"] == "10", "nobody types there"
    phone = hall.seated()
    assert phone.get("/room").headers["Refresh"] == "20"
    workshop_end.end_workshop(hall.host, hall.room)
    assert 'name="again"' not in trainer.get().get_data(as_text=True)
    answer = phone.get("/room")
    assert "<textarea" in phone.page
    assert "Refresh" not in answer.headers, "nor is what a participant writes after the end taken away"


def test_after_a_press_the_wall_shows_the_table_that_was_acted_on(hall: Hall) -> None:
    trainer = hall.trainer()
    sent = trainer.post("/say", {"table": "2", "text": "Bonjour"})
    assert sent.headers["Location"].endswith(f"/workshops/{hall.id}#t2")
    assert 'id="t2"' in trainer.get().get_data(as_text=True)
    assert trainer.post("/say", {"table": "0", "text": "Bonjour"}).headers["Location"].endswith(hall.id)


# ---- a slip of the hand ----------------------------------------------------------------------------------------------


def test_a_workshop_is_neither_ended_nor_purged_by_one_press(hall: Hall) -> None:
    trainer = hall.trainer()
    assert (trainer.post("/end").status_code, trainer.post("/purge").status_code) == (302, 302)
    assert rooms_there(hall) == {hall.id}
    assert hall.state().state is State.waiting
    assert hall.workshop.ended_at is None
    assert "cochez d’abord la case" in trainer.get().get_data(as_text=True)
    trainer.post("/end", {"sure": "1"})
    assert hall.state().state is State.ended


@pytest.mark.exhaustive
def test_set_up_twice_by_two_presses_it_is_one_workshop(hall: Hall) -> None:
    trainer = hall.signed_in()
    trainer.get("/workshops/new")
    before = workshops_of(hall)
    form = {"scenario": "blackmail", "tables": "2", "hints": "1"}
    first, second = (trainer.post("/workshops/new", form).headers["Location"] for _press in range(2))
    assert first == second
    assert len(workshops_of(hall)) == len(before) + 1
    other = trainer.post("/workshops/new", {**form, "tables": "3"}).headers["Location"]
    assert other != first, "another number of tables is another one"
    trainer.get("/workshops/new")
    assert trainer.post("/workshops/new", form).headers["Location"] not in (first, other), "and so is another form"
    assert rooms_there(hall) == workshops_of(hall)


@pytest.mark.exhaustive
def test_a_form_that_is_sent_again_after_the_end_makes_another(hall: Hall) -> None:
    chosen = scenario_library.offer_shipped("blackmail")

    def sent(name: str) -> WorkshopRow:
        given = (chosen.data, chosen.protocol, chosen.content, Wanted(1, True, "fr"))
        return training_service.found(hall.host, person(hall.host, name), *given, form="a")

    one = sent("formateur")
    with room_store.room_alone(hall.host, one.id) as room:
        workshop_end.end_workshop(hall.host, room)
    other = sent("formateur")
    assert (other.id != one.id, other.ended_at) == (True, None)
    assert sent("formatrice").trainer != other.trainer


def workshops_of(hall: Hall) -> set[str]:
    with hall.host.directory.reading() as session:
        return set(training_repository.standing(session))


@pytest.mark.exhaustive
def test_a_table_where_every_role_is_held_offers_the_trainer_none(hall: Hall) -> None:
    every = seats.playable(hall.room.protocol, hall.room.scenario)
    hall.seated("Bleu", *every)
    page = hall.trainer().get().get_data(as_text=True)
    assert 'id="play1"' not in page
    assert 'id="play2"' in page, "the control: nobody sits there"


# ---- what can't be written now ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [StorageBusy, StorageFull])
def test_nothing_is_destroyed_while_its_debrief_cannot_be_kept(
    hall: Hall, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is busy, or a full disk, is no reason to lose what would be kept."""

    def busy(*_some: object) -> None:
        raise kind("not now")

    with monkeypatch.context() as patched:
        patched.setattr(workshop_end, "end_workshop", busy)
        with pytest.raises(kind):
            workshop_end.purge(hall.host, hall.id)
        hall.clock.advance(STANDS + timedelta(minutes=1))
        assert workshop_end.purge_due(hall.host) == 0
    assert rooms_there(hall) == {hall.id}
    assert hall.workshop.purged_at is None
    assert workshop_end.purge_due(hall.host) == 1
    assert rooms_there(hall) == set()
    assert workshop_end.has_kept(hall.host, hall.id)


@pytest.mark.exhaustive
@pytest.mark.files
def test_a_scenario_that_holds_no_more_is_said_and_breaks_no_page(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules change with the program: what was taken before may not be readable any more."""
    from school_protocol.engine.errors import DefinitionError
    from school_protocol.training.scenario_reader import read_scenario

    trainer = hall.signed_in()
    page = brought(hall, trainer, own().encode())
    assert trainer.get(page).status_code == 200

    def stricter(content: bytes, file: str) -> object:
        if b"our-own" in content:
            raise DefinitionError(file, ())
        return read_scenario(content, file)

    monkeypatch.setattr(scenario_library, "read_scenario", stricter)
    answer = trainer.get(page)
    assert answer.status_code == 200
    assert "règles d’aujourd’hui" in answer.get_data(as_text=True)
    refused = trainer.post("/workshops/new", {"scenario": f"own.{page.rpartition('/')[2]}", "tables": "1"})
    assert refused.status_code == 422
    monkeypatch.undo()
    assert checked(hall.host, own().encode(), "x.yaml"), "the control: the file itself holds"


# ---- one page, one moment --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_page_is_made_at_one_moment_and_the_next_one_later(hall: Hall) -> None:
    """At sixty times as fast each reading of the clock would be another minute."""
    training_service.set_pace(hall.room, 60)
    phone = hall.seated()
    hall.clock.advance(timedelta(seconds=7))
    with hall.room.store.reading() as session:
        moment = room_repository.state(session).clock.at(hall.room.real.now())
    assert (
        room_repository.clock_of(hall.room.store, hall.room.key).at(hall.room.real.now())
        == moment
        == hall.room.ctx.now()
    )
    phone.get("/room")
    said = re.findall(r'class="band-where".*?<time datetime="([^"]+)"', phone.page, re.DOTALL)
    assert said == [moment.isoformat()]
    hall.clock.advance(timedelta(seconds=1))
    phone.get("/room")
    assert moment.isoformat() not in phone.page


def test_a_phone_that_was_signed_out_or_left_has_no_seat(hall: Hall) -> None:
    """Of what is read at once for each page: the seat is that of this very phone, or none."""
    first, second = hall.seated("Bleu"), hall.seated("Vert", table=2)
    training_service.say(hall.room, 2, "Bonjour")
    token = second.cookies()[f"workshop-{hall.id}-session"]
    seen = seats.glance(hall.room, token)
    assert seen.seat is not None
    assert seen.table is not None
    assert (seen.seat.name, seen.table.number, seen.words) == ("Vert", 2, 1)
    assert seats.glance(hall.room, first.cookies()[f"workshop-{hall.id}-session"]).words == 0
    seats.free_phone(hall.room, seen.seat.id)
    for nobody in (token, "", "x" * 40):
        none = seats.glance(hall.room, nobody)
        assert (none.seat, none.table, none.words) == (None, None, 0), nobody
    assert second.get("/room").status_code == 302
    with pytest.raises(BadInput):
        seats.join(hall.room, 9, "Gris", ["head"], language="fr")
    workshop_end.end_workshop(hall.host, hall.room)
    with pytest.raises(RoomGone):
        seats.join(hall.room, 1, "Gris", ["head"], language="fr")


# ---- what a wall says is overdue -------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize(("language", "said"), [("fr", "7 oct. 2026"), ("ar", "7 أكتوبر 2026")])
def test_the_wall_says_what_is_overdue_as_the_debrief_does(hall: Hall, language: str, said: str) -> None:
    """A follow-up by its day, a referral by its number: never a key or a date as it is kept."""
    table = sat_down(hall.room)
    table.play([*planted(), step(at="2026-10-20T09:00")])
    trainer = hall.trainer()
    trainer.client.post("/language", data={**trainer.hidden(), "language": language})
    page = trainer.get().get_data(as_text=True)
    missed = " ".join(re.findall(r'class="late-line">(.*?)</p>', page, re.DOTALL))
    assert said in missed
    kept = [str(due[1]) for case in hall.table(1).cases for due in case["dues"] if due[1]]
    assert "2026-10-07" in kept, "the control: it is kept so"
    assert "2026-10-07" not in page
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", re.sub(r'datetime="[^"]*"', "", page)) is None
