"""Rooms in PostgreSQL: several processes serve one; its schemas go with it, and no others; who may make and drop."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import ProgrammingError
from storage.server import EVERYWHERE, SITE, WORKER

from school_protocol.config import Settings
from school_protocol.services.house import House, open_house
from school_protocol.services.workshops import ending, founding, placing, rooms, running, scenarios, seats
from school_protocol.services.workshops.founding import Wanted
from school_protocol.services.workshops.placing import RoomInPreparation, keep_ready
from school_protocol.services.workshops.rooms import SWEPT_AFTER, RoomGone, Rooms, sweep_left_over
from school_protocol.storage.engines import Store
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.giving_way import TablesInUse
from school_protocol.storage.migrate import NotPrepared
from school_protocol.storage.workshops import places
from school_protocol.storage.workshops import rooms as stored
from workshops.room_browsing import hall_in
from workshops.rooms_of import host_in, made, person

pytestmark = pytest.mark.skipif(not EVERYWHERE, reason="where every house lies on PostgreSQL")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[House]:
    house = host_in(tmp_path / "data")
    yield house
    house.close()


def settings_as(host: House, role: str) -> Settings:
    """The same installation, opened by another role of the database."""
    address = host.directory.engine.url.set(username=role).difference_update_query(["options"])
    return replace(host.settings, database=address.render_as_string(hide_password=False))


def opened_as(host: House, role: str) -> House:
    return open_house(settings_as(host, role), host.clock)


def schemas(host: House) -> dict[str, int]:
    """Place → how many schemas of a room are there."""
    with host.directory.reading() as session:
        found = session.scalars(text("SELECT substring(nspname FROM '^room_(.*)_[a-z]+$') FROM pg_namespace")).all()
    return {place: found.count(place) for place in found if place}


def states(host: House) -> dict[str, str]:
    with host.directory.reading() as session:
        return {place: state for place, state in session.execute(text("SELECT id, state FROM room_place"))}  # noqa: C416


def place_of(host: House, workshop: str) -> str:
    found = placing.where(host.directory, workshop)
    assert found is not None
    return found


# ---- one room, several processes -------------------------------------------------------------------------------------

SEAT = """
import sys
from pathlib import Path
from school_protocol.config import Settings
from school_protocol.services.house import SystemClock, open_house
from school_protocol.services.workshops import running, seats
from school_protocol.services.workshops.rooms import Rooms

settings, workshop, name = Settings(data=Path(sys.argv[1]), database=sys.argv[2]), sys.argv[3], sys.argv[4]
found = Rooms(open_house(settings, SystemClock()))
room = found.room(workshop)
seats.join(room, 1, name, ["team_member"], language="fr")
running.say(room, 1, f"Bonjour de {name}")
print("sat", flush=True)
sys.stdin.read()
"""


def in_process(host: House, workshop: str, name: str) -> subprocess.Popen[str]:
    said = [str(host.settings.data), settings_as(host, SITE).database, workshop, name]
    return subprocess.Popen(
        [sys.executable, "-c", SEAT, *said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def names(rooms_open: Rooms, workshop: str) -> set[str]:
    with rooms_open.room(workshop).store.reading() as session:
        return {seat.name for seat in stored.seats(session)}


def test_what_a_seat_writes_in_one_process_is_seen_in_another(host: House) -> None:
    """Both by the role that serves pages, which owns nothing; words are opened by the same keys."""
    workshop, other = made(host, "silence", 1), made(host, "silence", 1)
    here = Rooms(opened_as(host, SITE))
    first, second = (in_process(host, workshop.id, name) for name in ("Bleu", "Vert"))
    for process in (first, second):
        assert process.stdout is not None
        assert process.stdout.readline() == "sat\n"
        process.communicate("")
        assert process.returncode == 0
    assert names(here, workshop.id) == {"Bleu", "Vert"}
    assert names(here, other.id) == set(), "nor in the room beside it"
    room = here.room(workshop.id)
    with room.store.reading() as session:
        words = stored.words(session, room.house.vault, stored.WordKind.message)
    assert {one.text for one in words} == {"Bonjour de Bleu", "Bonjour de Vert"}
    here.close()
    here.host.close()


def test_a_room_that_one_process_destroys_is_gone_in_another(host: House) -> None:
    workshop = made(host, "silence", 1)
    here, there = Rooms(host), Rooms(host)
    kept = there.room(workshop.id)
    assert there.room(workshop.id) is kept, "the control: it stays open"
    ending.purge(host, here, workshop.id)
    with pytest.raises(RoomGone):
        there.room(workshop.id)
    with pytest.raises(StorageBusy):
        kept.state()
    here.close()
    there.close()


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_a_room_that_is_destroyed_takes_its_schemas_and_no_others(host: House) -> None:
    gone, beside = made(host, "silence", 1), made(host, "silence", 1)
    place, other = place_of(host, gone.id), place_of(host, beside.id)
    folder = placing.folder_of(host.settings, place)
    folder.mkdir(parents=True)
    assert schemas(host) == {place: 3, other: 3}
    ending.purge(host, None, gone.id)
    assert schemas(host) == {other: 3}
    assert states(host) == {other: "stands"}
    assert not folder.exists()
    with host.directory.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM room_key")) == 1
        assert session.scalar(text("SELECT count(*) FROM unit")), "the host's own stay"
    assert Rooms(host).room(beside.id).state()


def test_a_worker_killed_while_it_destroys_goes_on(host: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key is gone at once; what is left is dropped by whoever comes next."""
    workshop = made(host, "silence", 1)
    place = place_of(host, workshop.id)

    def die(*_some: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(places, "drop", die)
        with pytest.raises(KeyboardInterrupt):
            ending.purge(host, None, workshop.id)
    assert schemas(host)[place] == 3, "the control: it was cut off before"
    assert states(host)[place] == "going"
    with host.directory.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM room_key")) == 0
    keep_ready(host, 0)
    assert place not in schemas(host)
    assert place not in states(host)


def test_a_room_in_which_somebody_is_is_dropped_later(host: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_DROP_SECONDS", 0.2)
    workshop = made(host, "silence", 1)
    place = place_of(host, workshop.id)
    there = Rooms(host)
    with there.room(workshop.id).store.reading() as session:
        assert stored.state(session)
        running.purge(host, None, workshop.id)
        assert states(host)[place] == "going"
    keep_ready(host, 0)
    assert place not in schemas(host)
    there.close()


# ---- cut off while it is made ----------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from workshops import rooms_of
from school_protocol.config import Settings
from school_protocol.services.house import open_house
from school_protocol.services.scripts import TurnableClock
from school_protocol.services.workshops import founding, placing
from school_protocol.storage.workshops import places

def die(*_some, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

{module}.{name} = die
host = open_house(Settings(data=Path({data!r}), database={database!r}), TurnableClock(rooms_of.NOON))
if {fresh}:
    placing.keep_ready(host, 3)
rooms_of.made(host, "silence", 1)
"""


@pytest.mark.parametrize(
    ("module", "name", "fresh"),
    [("founding", "_open", False), ("founding.listed", "add", False), ("places", "bring_up", True)],
)
def test_a_process_killed_while_it_makes_a_room_leaves_nothing_that_is_not_swept(
    host: House, module: str, name: str, fresh: bool
) -> None:
    here = Path(__file__).parents[1]
    owner = host.directory.engine.url.difference_update_query(["options"]).render_as_string(hide_password=False)
    code = KILLED.format(
        paths=[str(here.parent), str(here)], module=module, name=name, data=str(host.settings.data), database=owner,
        fresh=fresh,
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=here.parent, check=False)
    assert done.returncode == -signal.SIGKILL
    left = [place for place, state in states(host).items() if state in ("making", "filling")]
    assert len(left) == 1
    assert schemas(host)[left[0]] == 3, "the control: something lay there"
    assert ending.see_workshops(host, person(host)) == ()
    assert sweep_left_over(host, after=SWEPT_AFTER) == 0, "somebody might be making it now"
    assert sweep_left_over(host) == 1
    assert left[0] not in schemas(host)
    assert left[0] not in states(host)


def test_schemas_of_a_room_that_no_row_tells_of_are_swept(host: House) -> None:
    """As after a restore to before it was made; what is not called so stays."""
    unknown = "a" * 26
    with host.directory.engine.begin() as connection:
        for name in (f"room_{unknown}_room", "room_elsewhere", "rooms"):
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    sweep_left_over(host)
    with host.directory.reading() as session:
        found = session.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'room%'")).all()
    assert f"room_{unknown}_room" not in found
    assert {"room_elsewhere", "rooms"} <= set(found)


def test_a_press_that_was_sent_twice_is_one_room(host: House) -> None:
    with ThreadPoolExecutor(2) as pool:
        wanted = [pool.submit(pressed, host) for _press in range(2)]
    assert len({one.result() for one in wanted}) == 1
    assert sorted(states(host).values()) == ["stands"]


def pressed(host: House) -> str:
    told = scenarios.find("silence")
    assert told is not None
    protocol, content = next(iter(scenarios.protocols_of(told)))
    data, wanted = scenarios.content_of("silence"), Wanted(1, True, "fr")
    return founding.found(host, person(host), data, protocol, content, wanted, form="one form").id


# ---- who may ---------------------------------------------------------------------------------------------------------


def refused(host: House, role: str, statement: str) -> bool:
    engine = create_engine(settings_as(host, role).database)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET search_path TO directory")
            connection.exec_driver_sql(statement)
            connection.rollback()
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        return True
    finally:
        engine.dispose()
    return False


def test_the_role_that_serves_pages_makes_and_drops_no_schema(host: House) -> None:
    """The control of each: the owner may. The worker may through the owner's functions, of rooms alone."""
    workshop = made(host, "silence", 1)
    place = place_of(host, workshop.id)
    name, owner = f"room_{place}_room", host.directory.engine.url.username or ""
    for statement in (
        "CREATE SCHEMA somewhere", f"DROP SCHEMA {name} CASCADE", f"CREATE TABLE {name}.mine (id int)",
        f"DROP TABLE {name}.room_word", f"ALTER TABLE room_{place}_realm.event DISABLE TRIGGER USER",
    ):  # fmt: skip
        assert refused(host, SITE, statement), statement
        assert not refused(host, owner, statement), statement
    for statement in (f"SELECT room_make('{place}')", f"SELECT room_drop('{place}')"):
        assert refused(host, SITE, statement)
    for statement in (
        "CREATE SCHEMA somewhere", "DROP SCHEMA realm CASCADE", f"DROP SCHEMA {name} CASCADE",
        f"SELECT room_drop('{place}')", f"SELECT room_make('{place}')", "SELECT room_make('x; DROP SCHEMA realm')",
        "SELECT room_drop('../realm')", f"SELECT room_make('{'b' * 26}')",
    ):  # fmt: skip
        assert refused(host, WORKER, statement), statement


def test_the_worker_makes_rooms_and_the_site_fills_them(host: House) -> None:
    """As an installation runs: none waits, the page says so; the worker makes some; the site destroys, it drops."""
    site, worker = opened_as(host, SITE), opened_as(host, WORKER)
    while places.take(host.directory, at=host.now()):
        pass
    with pytest.raises(RoomInPreparation):
        made(site, "silence", 1)
    assert keep_ready(site) == 0
    assert keep_ready(worker, 2) == 2
    assert keep_ready(worker, 2) == 0, "no more than shall wait"
    workshop = made(site, "silence", 1)
    place = place_of(host, workshop.id)
    open_rooms = Rooms(site)
    seats.join(open_rooms.room(workshop.id), 1, "Bleu", ["team_member"], language="fr")
    running.to_next(open_rooms.room(workshop.id))
    ending.purge(site, open_rooms, workshop.id)
    assert schemas(host)[place] == 3, "the site can't"
    with pytest.raises(RoomGone):
        open_rooms.room(workshop.id)
    keep_ready(worker, 2)
    assert place not in schemas(host)
    open_rooms.close()
    site.close()
    worker.close()


# ---- connections -----------------------------------------------------------------------------------------------------


def connections(host: House) -> int:
    with host.directory.reading() as session:
        found = session.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = :role"),
            {"role": SITE},
        )
    return int(found or 0)


def test_many_rooms_take_few_connections(host: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rooms, each asked by several at once, as two processes do: no more than all rooms together may have."""
    monkeypatch.setattr(rooms, "OPEN_AT_ONCE", 40)
    workshops = [made(host, "silence", 1).id for _room in range(10)]
    sites = [Rooms(opened_as(host, SITE)) for _process in range(2)]
    before = connections(host)

    def ask(site: Rooms, workshop: str) -> int:
        room = site.room(workshop)
        with room.store.reading(), room.house.realm.reading() as realm, room.house.directory.reading() as directory:
            assert realm.scalar(text("SELECT count(*) FROM case_record")) == 1
            assert directory.scalar(text("SELECT count(*) FROM unit")) == 3
            assert room.state()
        return connections(host)

    with ThreadPoolExecutor(32) as pool:
        asked = [pool.submit(ask, site, workshop) for workshop in workshops * 8 for site in sites]
        most = max(one.result() for one in asked)
    for_all = len(places.PARTS) * places.MOST
    hosts = sum(site.host.directory.engine.pool.checkedin() for site in sites)  # type: ignore[attr-defined]
    assert most > before, "the control: they are counted"
    assert most - before <= len(sites) * for_all + hosts
    assert connections(host) - before <= len(sites) * len(places.PARTS) * places.KEPT + hosts
    for site in sites:
        site.close()
        site.host.close()


def test_nobody_holds_more_of_a_part_than_the_gate_counts_with(tmp_path: Path) -> None:
    """Else as many at once as it lets in could wait for one another. The control: two are held at once."""
    hall = hall_in(tmp_path)
    stores = hall.rooms._stores
    assert stores is not None
    held: Counter[tuple[int, str]] = Counter()
    most: Counter[str] = Counter()
    together = [0]

    def taken(part: str, by: int) -> None:
        held[threading.get_ident(), part] += by
        most[part] = max(most[part], held[threading.get_ident(), part])
        together[0] = max(together[0], sum(held.values()))

    for part, engine in stores._shared.items():
        event.listen(engine, "checkout", lambda *_some, part=part: taken(part, 1))
        event.listen(engine, "checkin", lambda *_some, part=part: taken(part, -1))
    phone = hall.seated("Bleu", "team_member", "head")
    running.set_pace(hall.room, 60)
    hall.clock.advance(timedelta(minutes=30))
    trainer = hall.trainer()
    (number, *_more) = hall.cases()
    form = f"/cases/{number}/acts/add_note"
    for path in ("/room", "/", f"/cases/{number}", f"/cases/{number}/chronology"):
        assert phone.get(path).status_code == 200, path
    phone.get(form)
    phone.post(form, {"a-text": "x"})
    assert trainer.get().status_code == 200
    trainer.post("/end", {"sure": "1"})
    hall.close()
    assert together[0] > 1
    assert max(most.values()) == 2, most


def test_a_room_that_cannot_be_opened_now_is_answered_in_words(tmp_path: Path) -> None:
    """As one of an earlier version before the worker came to it."""
    hall = hall_in(tmp_path)
    phone = hall.phone()
    assert phone.get("/room/enter").status_code == 200, "the control"
    hall.rooms.forget(hall.id)

    def old(*_some: object) -> None:
        raise NotPrepared("an earlier version")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rooms, "house_in", old)
        assert phone.get("/room/enter").status_code == 503
        assert 'lang="fr"' in phone.page
    assert phone.get("/room/enter").status_code == 200
    hall.close()


def test_the_page_says_that_a_room_is_being_prepared(tmp_path: Path) -> None:
    """Pages are served by a role that makes none; what was chosen stays."""
    hall = hall_in(tmp_path)
    while places.take(hall.host.directory, at=hall.host.now()):
        pass
    trainer = hall.signed_in()
    trainer.get("/workshops/new")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(places, "may_make", lambda _directory: False)
        answer = trainer.post("/workshops/new", {"scenario": "silence", "tables": "2"})
    assert answer.status_code == 503
    page = answer.get_data(as_text=True)
    assert "La salle se prépare." in page
    assert 'value="silence" checked' in page
    keep_ready(hall.host, 1)
    trainer.get("/workshops/new")
    assert trainer.post("/workshops/new", {"scenario": "silence", "tables": "2"}).status_code == 302
    hall.close()


# ---- brought up to date ----------------------------------------------------------------------------------------------


def test_one_room_in_use_holds_up_no_other(host: House, monkeypatch: pytest.MonkeyPatch) -> None:
    held, other = (place_of(host, made(host, "silence", 1).id) for _ in range(2))
    with host.directory.writing() as session:
        session.execute(text("UPDATE room_place SET revisions = 'of before' WHERE state = 'stands'"))

    def brought_up(directory: Store, stores: places.RoomStores, place: str) -> None:
        if place == held:
            raise TablesInUse("somebody holds it")
        bring_up(directory, stores, place)

    bring_up, stores = places.bring_up, places.RoomStores(host.directory)
    with monkeypatch.context() as in_use:
        in_use.setattr(places, "bring_up", brought_up)
        with pytest.raises(TablesInUse):
            places.bring_up_own(host.directory, stores)
        assert {place for place in (held, other) if revision_of(host, place) == places.current()} == {other}
        keep_ready(host)
        assert "free" in states(host).values(), "empty ones are made all the same"
    assert places.bring_up_own(host.directory, stores) == 1
    assert revision_of(host, held) == places.current()
    stores.close()


def revision_of(host: House, place: str) -> str:
    with host.directory.reading() as session:
        return str(session.scalar(text("SELECT revisions FROM room_place WHERE id = :id"), {"id": place}))
