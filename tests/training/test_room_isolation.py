"""One store for all workshops, and none of the real one: every way in of every seat, and whatever looks for itself."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from sqlalchemy import event, select
from storage.server import LIVE

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import AppointmentRow, UnitRow
from school_protocol.cases import index_repository
from school_protocol.cases.loading import load_by_id
from school_protocol.cases.models import CaseDueRow, CaseIndexRow
from school_protocol.context import AppContext
from school_protocol.engine.errors import Sealed, Unseen
from school_protocol.engine.visibility import Actor
from school_protocol.notifications import repository as notifications_repository
from school_protocol.notifications.models import NoticeRow
from school_protocol.storage import work_queue
from school_protocol.storage.models import CaseRecordRow, OutboxRow
from school_protocol.training import room_app, room_repository, room_routes, seats, table_play
from school_protocol.training import service as training_service
from school_protocol.training.room_store import RoomGone
from school_protocol.training.scenario import REAL
from training.room_browsing import Hall, hall_in
from training.rooms_of import made
from training.test_room_doors import EVERYTHING, asked, inner, ways

QUICK = frozenset(
    {
        "room.table", "room.enter", "desk.index", "desk.search", "reports.new", "reports.danger", "cases.show",
        "cases.chronology", "cases.act", "cases.letters", "cases.evidence", "review.index", "help.index", "words.index",
    }
)  # fmt: skip
"""Pages of each kind; every one is asked by the walk of `--all`."""
WORDS = "Le mot que seule l’autre salle connaît"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Hall, Hall]]:
    """Two workshops of one host, on the same scenario; in the second somebody wrote words."""
    source, first, second = _prepared()
    shutil.copytree(source, tmp_path / "data")
    for databases in LIVE:
        databases.copy(source, tmp_path / "data")
    both = Hall(tmp_path / "data", first), Hall(tmp_path / "data", second)
    yield both
    for one in both:
        one.close()


@lru_cache
def _prepared() -> tuple[Path, str, str]:
    """Made once, and copied."""
    folder = Path(tempfile.mkdtemp(prefix="pair-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    hall = hall_in(folder, 1)
    other = Hall(hall.folder, made(hall.host, "blackmail", 1).id)
    for one in (hall, other):
        training_service.to_next(one.room)
    theirs = other.seated("Rouge", *EVERYTHING)
    form = f"/cases/{other.cases()[0]}/acts/add_note"
    theirs.get(form)
    assert theirs.post(form, {"a-text": WORDS}).status_code == 303
    for one in (hall, other):
        one.close()
    for databases in LIVE:
        databases.keep(hall.folder)
    return hall.folder, hall.id, other.id


@contextmanager
def watched(ctx: AppContext) -> Iterator[list[str]]:
    """What is asked of the real realm and of its directory meanwhile."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    engines = (ctx.realm.engine, ctx.directory.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield said
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def walked(hall: Hall, other: Hall, *roles: str, quick: bool = False) -> tuple[int, list[object]]:
    """Every way in there is under the prefix of rooms, by one seat, to its own room's things and to the other's.

    How many, and what was found to be wrong: where the real store was asked, or something of the other's was shown.
    `quick`: a few pages that are served, of its own room alone.
    """
    phone = hall.seated(f"Bleu {len(hall.seats())}", *roles)
    (own,), (theirs,) = hall.cases(), other.cases()
    seat, table = other.seats()[0], other.table()
    phone.get("/room")
    hidden, found, tried = phone.page, [], 0
    known = {"act": "add_note", "move": "qualify", "document": "marsad_sheet", "workshop": other.id}
    for number in (own,) if quick else (own, theirs):
        for endpoint, method, path in ways(inner(hall), **known, number=number, code=table.school):
            if endpoint in ("room.leave", "room.change", "desk.leave"):
                continue
            if quick and (method != "GET" or endpoint not in QUICK):
                continue
            phone.page, tried = hidden, tried + 1
            with watched(hall.host) as said:
                status = asked(phone, method, path)
            if said:
                found.append((endpoint, method, "the real store", said[0]))
            told = (WORDS, theirs, "Rouge", seat.account, table.school)
            shown = [one for one in told if one in phone.page and one not in path]
            if number == theirs and theirs in path and status not in (404, 405):
                found.append((endpoint, method, status))
            if shown:
                found.append((endpoint, method, shown))
    return tried, found


def test_pages_of_a_room_never_ask_the_real_store(pair: tuple[Hall, Hall]) -> None:
    tried, found = walked(*pair, "team_member", quick=True)
    assert tried >= len(QUICK)
    assert found == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("roles", [EVERYTHING, *((one,) for one in EVERYTHING)], ids=lambda one: "+".join(one)[:24])
def test_no_way_in_of_a_room_asks_the_real_store_or_shows_another_rooms(
    pair: tuple[Hall, Hall], roles: tuple[str, ...]
) -> None:  # fmt: skip
    tried, found = walked(*pair, *roles)
    assert tried > 300
    assert found == []


def test_the_walk_finds_a_room_that_is_served_from_the_real_store(
    pair: tuple[Hall, Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: one thing of the installation's is handed in."""
    hall, _other = pair
    real = replace(hall.room, ctx=replace(hall.room.ctx, realm=hall.host.realm))
    phone = hall.seated("Bleu", "team_member")
    for planted in (False, True):
        with monkeypatch.context() as patched, watched(hall.host) as said:
            if planted:
                patched.setattr(room_app, "room_asked", lambda: real)
            phone.get("/")
        assert bool(said) is planted


def test_the_walk_finds_a_room_that_shows_anothers(pair: tuple[Hall, Hall], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a seat of one room is taken for one of the other."""
    hall, other = pair
    theirs = other.seats()[0]
    monkeypatch.setattr(room_routes, "actor", lambda: seats.actor_of(other.room, theirs))
    monkeypatch.setattr(room_routes.room_app, "room_asked", lambda: other.room)
    phone = other.seated("Vert", "team_member")
    phone.base = hall.base
    assert phone.get(f"/cases/{other.cases()[0]}").status_code == 200
    assert WORDS in phone.page or WORDS in phone.get(f"/cases/{other.cases()[0]}/chronology").get_data(as_text=True)


def test_nothing_real_is_known_to_the_application_of_rooms(pair: tuple[Hall, Hall]) -> None:
    """Neither its installation, nor what it finds rooms by, holds a store or a key of the host's."""
    hall, _other = pair
    app, real = inner(hall), {id(hall.host), id(hall.host.realm), id(hall.host.directory), id(hall.host.vault)}
    seen, left = set[int](), [*app.extensions.values(), app.config, hall.rooms, hall.room]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | str | bytes):
            continue
        seen.add(id(one))
        assert id(one) not in real, one
        slots = (getattr(one, name, None) for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ()))
        if type(one).__module__.startswith("school_protocol."):
            left += [*getattr(one, "__dict__", {}).values(), *slots]
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list | tuple | set):
            left += one
        elif callable(one) and getattr(one, "__closure__", None):
            left += [cell.cell_contents for cell in one.__closure__]
    assert id(hall.room.ctx.realm) in seen, "the control: what it does know is found"


# ---- what looks for itself -------------------------------------------------------------------------------------------

NARROWED = (CaseRecordRow.unit, CaseIndexRow.unit, CaseDueRow.case_id, NoticeRow.case_id, OutboxRow.id)


def test_a_session_of_a_room_sees_its_own_rows_alone(pair: tuple[Hall, Hall]) -> None:
    """The control: there are more, as a session of none sees."""
    hall, other = pair
    for column in NARROWED:
        found = {}
        for one in (hall, other):
            with one.room.ctx.realm.reading() as session:
                found[one] = sorted(session.scalars(select(column)))
                inner_ones = select(column).subquery()
                assert sorted(session.scalars(select(inner_ones.c[0]))) == found[one], "in what is asked within, too"
        with hall.rooms.training.stores.realm.reading() as session:
            every = sorted(session.scalars(select(column)))
        assert sorted(found[hall] + found[other]) == every, column
        assert all(found.values()), column


def test_units_and_posts_of_another_room_are_absent(pair: tuple[Hall, Hall]) -> None:
    hall, other = pair
    theirs = other.table()
    with other.room.ctx.directory.reading() as session:
        code = auth_repository.unit(session, theirs.school).code
        assert auth_repository.unit_coded(session, code), "the control"
    with hall.room.ctx.directory.reading() as session:
        assert auth_repository.unit_coded(session, code) is None
        assert auth_repository.schools_coded(session, [code]) == {}
        assert session.get(UnitRow, theirs.school) is None
        assert auth_repository.holders(session, [theirs.school], today=hall.room.ctx.now().date()) == ()
        assert len(session.scalars(select(AppointmentRow)).all()) > 0


def test_a_case_of_another_room_opens_with_no_key_of_this_one(pair: tuple[Hall, Hall]) -> None:
    """Were it ever found: a second wall behind the first."""
    hall, other = pair
    (theirs,) = table_play.cases_of(other.room, other.table())
    looker = Actor("looker", hall.room.ctx.name, "", ())
    with hall.room.ctx.realm.reading() as session, pytest.raises(Unseen):
        load_by_id(hall.room.ctx, session, looker, theirs)
    bare = hall.rooms.training.stores
    open_to_all = replace(hall.room.ctx, realm=bare.realm, directory=bare.directory)
    with open_to_all.realm.reading() as session, pytest.raises(Sealed):
        load_by_id(open_to_all, session, looker, theirs)
    open_with_theirs = replace(open_to_all, vault=other.room.ctx.vault)
    with open_with_theirs.realm.reading() as session:
        assert load_by_id(open_with_theirs, session, looker, theirs).case_id == theirs, "the control"


def test_one_rooms_clock_moves_nothing_in_another(pair: tuple[Hall, Hall]) -> None:
    """A month on in one: what falls due there is told there, by its time, and the other has not moved."""
    hall, other = pair
    before = at_rest(other)
    training_service.turn_to(hall.room, hall.room.ctx.now() + timedelta(days=30))
    training_service.set_pace(hall.room, REAL)
    assert hall.room.ctx.now() - other.room.ctx.now() > timedelta(days=29)
    assert at_rest(other) == before
    assert len(at_rest(hall)[0]) > len(before[0]), "the control: there much was told"
    table_play.look(other.room)
    assert at_rest(other) == before
    training_service.turn_to(other.room, other.room.ctx.now() + timedelta(days=30))
    assert len(at_rest(other)[0]) > len(before[0]), "and as it comes there, it is told there"


def at_rest(hall: Hall) -> tuple[list[str], list[str], object]:
    """Of a room: who was told of what, what waits to be done, what came to its table."""
    with hall.room.ctx.realm.reading() as session:
        (case_id,) = index_repository.all_case_ids(session)
        causes = [
            f"{one.cause} {one.role} {one.state}" for one in notifications_repository.notices_of_case(session, case_id)
        ]
        waits = [one.id for one in work_queue.undone(session, "notify")]
        assert set(notifications_repository.open_cases(session, after="", limit=9)) <= {case_id}
    return causes, waits, hall.table().came


def test_a_room_that_is_no_workshops_yet_is_served_to_nobody(pair: tuple[Hall, Hall]) -> None:
    hall, other = pair
    with hall.rooms.training.stores.room.writing() as session:
        room_repository.settle(session, other.room.key, None)
    with pytest.raises(RoomGone):
        hall.rooms.room(other.id)
    assert hall.app.test_client().get(f"/workshop/{other.id}/room/enter").status_code == 404
    assert room_repository.units_of(hall.rooms.training.stores.room, hall.room.key)
