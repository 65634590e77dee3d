"""What goes wrong in the middle: a process that is killed, a full disk, two at once, and whoever types what is not."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.texts import duration
from school_protocol.storage.store_errors import StorageFull
from school_protocol.training import repository as training_repository
from school_protocol.training import room_store, seats, table_play, workshop_end
from school_protocol.training import routes as training_routes
from school_protocol.training import service as training_service
from school_protocol.training.findings import Kind
from school_protocol.training.models import WordRow
from school_protocol.training.room_store import Rooms, TrainingLocation, room_alone, sweep_left_over
from school_protocol.training.scenario import FAST, SILENT, STANDING
from school_protocol.web import create_app
from training.room_browsing import Hall, hall_in, rooms_there
from training.rooms_of import NOON, host_in, made, person, rooms_at, sat

MINUTE = timedelta(minutes=1)


# ---- while nobody serves it ------------------------------------------------------------------------------------------

SERVED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from training import rooms_of
from school_protocol.config import Settings
from school_protocol.training.scenario import FAST
from school_protocol.context import open_context
from school_protocol.cases.story_player import TurnableClock
from datetime import timedelta
from school_protocol.training import service
from school_protocol.training.room_store import Rooms
from school_protocol.training.room_store import TrainingLocation

clock = TurnableClock(rooms_of.NOON)
rooms = Rooms(TrainingLocation.of(open_context(Settings(data=Path({data!r})), clock)), are_served={served!r})
service.set_pace(rooms.room({id!r}), FAST)
rooms.give_signs()
clock.advance(timedelta(seconds=5))
rooms.give_signs()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.exhaustive
@pytest.mark.files
@pytest.mark.parametrize("served", [True, False])
def test_while_the_server_is_down_the_clock_stands_and_nothing_is_late(tmp_path: Path, served: bool) -> None:
    """Five seconds at sixty times our pace, a kill, five hours. The control: without a sign of life they are booked."""
    hall = hall_in(tmp_path)
    began, room = hall.room.ctx.now(), hall.id
    hall.close()
    here = Path(__file__).parents[1]
    code = SERVED.format(paths=[str(here.parent), str(here)], data=str(hall.folder), id=room, served=served)
    if not served:
        code = code.replace("rooms.give_signs()", "pass")
    done = subprocess.run([sys.executable, "-c", code], cwd=here.parent, check=False)
    assert done.returncode == -signal.SIGKILL
    hall.clock.advance(timedelta(hours=5))
    hall.open()
    trainer = hall.trainer()
    wall, played = trainer.page, hall.room.ctx.now() - began
    debrief = workshop_end.debrief_of(hall.room, 1)
    missed = [one for one in debrief.findings if one.kind is Kind.left_out]
    assert debrief.ended - began == played
    if served:
        assert timedelta(minutes=5) <= played <= timedelta(minutes=5) + 60 * SILENT
        assert missed == []
        assert 'class="late-line"' not in wall
        serving = Rooms(TrainingLocation.of(hall.host), are_served=True)
        serving.room(hall.id)
        hall.clock.advance(timedelta(seconds=5))
        assert hall.room.ctx.now() - began == played + timedelta(minutes=5), "served again, it goes on from there"
        serving.close()
    else:
        assert played == timedelta(hours=300)
        assert missed
        assert 'class="late-line"' in wall
    hall.close()


@pytest.mark.exhaustive
def test_whatever_serves_a_room_gives_signs_of_life_by_itself(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_store, "BEAT", 0.01)
    training_service.set_pace(hall.room, FAST)
    serving = create_app(hall.host).extensions[training_routes.ROOMS]
    serving.room(hall.id)
    for minutes in (1, 2, 3):
        hall.clock.advance(MINUTE)
        until = time.monotonic() + 10
        while hall.state().clock.alive_at != hall.clock.now() and time.monotonic() < until:
            time.sleep(0.01)
        assert hall.state().clock.alive_at == hall.clock.now(), minutes
    training_service.set_pace(hall.room, STANDING)
    stood = hall.state().clock
    hall.clock.advance(MINUTE)
    serving.give_signs()
    assert hall.state().clock == stood, "one that stands needs none"
    serving.close()


# ---- while it is made ------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from training import rooms_of
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.cases.story_player import TurnableClock
from school_protocol.training import repository, room_repository, service

def die(*_some, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

{module}.{name} = die
rooms_of.made(open_context(Settings(data=Path({data!r})), TurnableClock(rooms_of.NOON)), "silence", 2)
"""


@pytest.mark.exhaustive
@pytest.mark.files
@pytest.mark.parametrize(
    ("module", "name"),
    [("service", "_open"), ("service", "units_of"), ("room_repository", "settle"), ("repository", "add_workshop")],
)
def test_a_process_killed_while_it_makes_a_room_leaves_no_half_one(tmp_path: Path, module: str, name: str) -> None:
    """It is on no list, opens to nobody, and what lies there is swept."""
    data = tmp_path / "data"
    host_in(data).close()
    here = Path(__file__).parents[1]
    code = KILLED.format(paths=[str(here.parent), str(here)], module=module, name=name, data=str(data))
    done = subprocess.run([sys.executable, "-c", code], cwd=here.parent, check=False)
    assert done.returncode == -signal.SIGKILL
    host = open_context(Settings(data=data), TurnableClock(NOON))
    assert len(rooms_at(host)) == 1, "the control: something lay there"
    assert workshop_end.see_workshops(host, person(host)) == ()
    assert sweep_left_over(host, after=timedelta(days=9999)) == 0
    assert sweep_left_over(host) == 1
    assert rooms_at(host) == set()
    workshop = made(host, "silence", 1)
    with room_alone(host, workshop.id) as room:
        assert room.state()
    host.close()


@pytest.mark.exhaustive(but=("_open",))
@pytest.mark.files
@pytest.mark.parametrize("at", ["_open", "_fill", "_settled", "_free_code"])
def test_a_full_disk_while_it_is_made_leaves_nothing(tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_in(tmp_path)

    def full(*_some: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(training_service, at, full)
        with pytest.raises((OSError, StorageFull), match="No space left"):
            made(host, "silence", 2)
    assert rooms_at(host) == set()
    with host.directory.reading() as session:
        assert training_repository.standing(session) == ()
    assert made(host, "silence", 1).tables == 1
    host.close()


# ---- two at once -----------------------------------------------------------------------------------------------------


def at_once(*calls: object) -> list[BaseException]:
    """All of them at the same moment; what they raised."""
    raised: list[BaseException] = []
    gate = threading.Barrier(len(calls))

    def run(call: object) -> None:
        gate.wait()
        try:
            call()  # type: ignore[operator]
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return raised


def test_the_clock_changed_by_two_at_once_never_turns_back(hall: Hall) -> None:
    room = hall.room
    training_service.set_pace(room, 60)
    hall.clock.advance(MINUTE)
    shown = room.ctx.now()
    seat = seats.join(room, 1, "Bleu", ["head"], language="fr").seat
    raised = at_once(
        lambda: training_service.set_pace(room, 1), lambda: training_service.set_pace(room, 60),
        lambda: training_service.freeze(room, True), lambda: training_service.freeze(room, False),
        lambda: training_service.go_on(room), lambda: training_service.writes(room, seat, "/x"),
        lambda: training_service.to_next(room), lambda: table_play.look(room),
    )  # fmt: skip
    assert raised == []
    assert room.ctx.now() >= shown
    assert hall.state().clock.moment >= shown


def test_two_presses_of_the_next_event_pass_nothing_by(hall: Hall) -> None:
    """Each moves on to one moment: what lies between has come."""
    room = hall.room
    assert (
        at_once(
            lambda: training_service.to_next(room),
            lambda: training_service.to_next(room),
            lambda: training_service.to_next(room),
        )
        == []
    )
    table_play.look(room)
    came = hall.table().came
    assert {key: at for key, at in came.items() if at > room.ctx.now()} == {}
    begun, now = table_play.room_begun(room), room.ctx.now()
    due = {key for key, one in room.scenario.injects.items() if one.at and begun + _wait(one.at) <= now}
    assert due <= set(came)


def _wait(said: str) -> timedelta:
    found = duration(said)
    assert found is not None
    return found


def test_a_room_destroyed_while_others_look_stays_destroyed(hall: Hall) -> None:
    phone = hall.seated()

    def look() -> None:
        for _page in range(5):
            phone.client.get(f"{hall.base}/room")

    assert at_once(look, lambda: workshop_end.purge(hall.host, hall.id)) == []
    assert phone.get("/room").status_code == 404
    sweep_left_over(hall.host)
    assert rooms_there(hall) == set()


@pytest.mark.exhaustive
def test_more_rooms_than_one_process_keeps_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = hall_in(tmp_path, 1)
    monkeypatch.setattr(room_store, "OPEN_AT_ONCE", 2)
    others = [made(hall.host, "silence", 1).id for _room in range(2)]
    phone = hall.seated()
    for workshop in [*others, hall.id, *others]:
        hall.rooms.room(workshop).state()
        assert len(hall.rooms._open) <= 2
    assert phone.get("/room").status_code == 200
    hall.close()


# ---- what people type ------------------------------------------------------------------------------------------------

ODD = ("x" * 300, "<script>", "م" * 90, "%00", "acts", "name'--", "2" * 80, "😀", "a%2Fb", "add_note%0d%0ax")


@pytest.mark.exhaustive
def test_what_is_typed_into_addresses_breaks_no_debrief(hall: Hall) -> None:
    """Refusals are written down for the debrief, whatever was asked for."""
    phone = hall.seated("Bleu", "team_member", "head")
    sat(hall.room, 2)
    training_service.to_next(hall.room)
    (number,) = hall.cases()
    phone.get("/room")
    hidden = phone.page
    for odd in ODD:
        for path in (f"/cases/{number}/acts/{odd}", f"/cases/{number}/moves/{odd}", f"/cases/{odd}/acts/add_note"):
            phone.page = hidden
            assert phone.post(path, {"a-text": odd}).status_code in (400, 404, 405, 409, 422), path
            assert phone.get(path).status_code in (400, 404, 405), path
    assert hall.trainer().get().status_code == 200
    assert set(workshop_end.debriefs_of(hall.room)) == {"1", "2"}
    workshop_end.end_workshop(hall.host, hall.room)
    kept = hall.workshop.kept
    assert kept is not None
    assert "<script>" not in str(kept)


def test_a_latin_handle_in_arabic_stands_by_itself(hall: Hall) -> None:
    """A message in Arabic with a name in Latin letters: each reads in its own direction."""
    phone, trainer = hall.seated("أزرق Bleu 2"), hall.trainer()
    assert trainer.post("/say", {"table": "0", "text": "الحساب هو @salma_2010 على Instagram."}).status_code == 302
    phone.get("/room")
    phone.post("/language", {"language": "ar", "next": f"{hall.base}/room"})
    page = phone.get("/room").get_data(as_text=True)
    assert '<html lang="ar-MA" dir="rtl">' in page
    assert "<bdi>الحساب هو @salma_2010 على Instagram.</bdi>" in page
    assert "<bdi>أزرق Bleu 2</bdi>" in page
    assert f'<bdi dir="ltr">{hall.pin("أزرق Bleu 2")[:3]}' in page


def test_feedback_is_kept_by_the_day_and_by_nobody(hall: Hall) -> None:
    phone = hall.seated()
    workshop_end.end_workshop(hall.host, hall.room)
    phone.get("/room")
    assert phone.post("/room/feedback", {"text": "Trop court"}).status_code == 302
    for words in ("", "x" * 601):
        phone.get("/room")
        assert phone.post("/room/feedback", {"text": words}).status_code == 302
    with hall.room.store.reading() as session:
        (row,) = session.scalars(select(WordRow))
        assert (row.kind, row.at_table, row.at.hour, row.at.minute, row.at.second) == ("feedback", 0, 0, 0, 0)
        assert b"Trop court" not in row.wrapped
