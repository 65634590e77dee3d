"""Two people tell a school within one hour: from all that is written anywhere, nobody learns when, from where, or in
which order. What is looked for is planted, too, so that the look is known to find it."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from school_protocol.mail import Post
from school_protocol.reports import repository as reports_repository
from school_protocol.reports import triage
from school_protocol.reports.escalation import mix_lately, rise
from school_protocol.reports.service import add_answer
from school_protocol.storage import work_queue
from services.conftest import School
from services.telling_school import Told
from services.test_notices import Recorder

FIRST = datetime(2026, 11, 25, 10, 17, 23, 456789, tzinfo=UTC)
SECOND = datetime(2026, 11, 25, 10, 41, 9, 123457, tzinfo=UTC)
PLACES = ("198.51.100.17", "2001:db8:77::1")


@pytest.fixture
def told(school: School, caplog: pytest.LogCaptureFixture) -> Told:
    """Two reports; the second one's writer adds something; the worker has looked, and an hour is over."""
    caplog.set_level(logging.DEBUG)
    found, clock = Told(school), school.player.clock
    people = [school.account(who) for who in ("team_member", "head", "team_coordinator", "directorate")]
    found.door()
    mail = Recorder()
    for moment, place in zip((FIRST, SECOND), PLACES, strict=True):
        clock.turn_to(moment)
        receipt = found.send(address=place, what_happens=f"depuis {place.replace('.', ' ').replace(':', ' ')}")
        rise(found.ctx, Post(mail, mail))
    add_answer(found.ctx, found.gate, receipt.door.code, receipt.code, "Encore", address=PLACES[1])
    clock.turn_to(datetime(2026, 11, 25, 11, 2, tzinfo=UTC))
    mix_lately(found.ctx)
    assert people
    return found


def moments() -> Iterator[bytes]:
    """How the two times could be written: text, seconds, microseconds; by the clock of Casablanca, too."""
    for moment in (FIRST, SECOND):
        yield f"{moment:%H:%M:%S}".encode()
        yield f"{moment.replace(hour=11):%H:%M:%S}".encode()
        yield f"{moment.microsecond:06d}".encode()
        yield str(int(moment.timestamp())).encode()
        yield int(moment.timestamp()).to_bytes(4, "big")


def everything(told: Told, caplog: pytest.LogCaptureFixture) -> bytes:
    """Every byte of every file of the installation, and of what was logged."""
    folder = told.ctx.settings.data
    files = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return files + "\n".join(record.getMessage() for record in caplog.records).encode()


def traces_of(data: bytes) -> list[bytes]:
    return [one for one in (*moments(), *(place.encode() for place in PLACES)) if one in data]


@pytest.mark.files
def test_neither_time_nor_place_stands_anywhere(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    assert traces_of(everything(told, caplog)) == []
    with told.ctx.realm.writing() as session:
        work_queue.put_message(session, "planted", {"id": "x"}, at=SECOND)
    logging.getLogger("school_protocol.planted").info("came from %s", PLACES[0])
    found = traces_of(everything(told, caplog))
    assert {f"{SECOND:%H:%M:%S}".encode(), PLACES[0].encode()} <= set(found)


@pytest.mark.files
def test_no_row_outside_theirs_speaks_of_them(told: Told) -> None:
    """Not the outbox, not a used token, not an access, not a queue: ids stand in their own tables alone."""
    ids = told.ids()
    assert len(ids) == 2
    found = set()
    with closing(sqlite3.connect(str(told.ctx.realm.engine.url.database))) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            found |= {table for row in rows if any(str(value) in ids for value in row)}
    assert found == {"public_report", "public_message", "public_twin"}


def test_the_code_is_kept_nowhere(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    receipt = told.send(what_happens="une autre")
    plain = receipt.code.replace(" ", "")
    data = everything(told, caplog)
    assert plain.encode() not in data
    assert receipt.code.encode() not in data
    Path(told.ctx.settings.data / "planted").write_text(plain)
    assert plain.encode() in everything(told, caplog)


@pytest.mark.files
def test_words_are_sealed(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    receipt = told.send(what_happens="Zineb-la-rousse", reach="call", reach_how="0611223344", not_for="Monsieur Xylo")
    triage.answer(told.ctx, told.school.person("head"), told.ids()[0], "Mirabelle", settles=False, token="t")
    data = everything(told, caplog)
    assert receipt.code
    assert [word for word in ("Zineb", "0611223344", "Xylo", "Mirabelle") if word.encode() in data] == []
    assert b"00000A" in data


# ---- two within one hour, before the hour is over --------------------------------------------------------------------

PAIRS = 16
BY_CHANCE = range(2, PAIRS - 1)


def places_of(told: Told, ids: tuple[str, str]) -> dict[str, tuple[int, int]]:
    """Where each of two stands in each file, first and last."""
    found: dict[str, tuple[int, int]] = {}
    folder = told.ctx.settings.data
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        firsts, lasts = [data.find(one.encode()) for one in ids], [data.rfind(one.encode()) for one in ids]
        if min(firsts) >= 0:
            found |= {f"first in {path.name}": (firsts[0], firsts[1]), f"last in {path.name}": (lasts[0], lasts[1])}
    return found


def tells(school: School, *, settles: bool) -> dict[str, int]:
    """How often each place tells which of the two latest came first: they come, the worker looks, one is read."""
    told, mail, right = Told(school), Recorder(), dict[str, int]()
    member, head = school.person("team_member"), school.person("head")
    school.player.clock.turn_to(FIRST.replace(minute=0, second=1))
    names: set[str] = set()
    rounds = []
    for number in range(PAIRS):
        before = set(told.ids())
        found = []
        for _ in range(2):
            school.player.clock.advance(timedelta(seconds=61))
            told.send(what_happens=f"numéro {number}")
            rise(told.ctx, Post(mail, mail))
            (one,) = set(told.ids()) - before
            before.add(one)
            found.append(one)
        if settles:
            triage.see_report(told.ctx, member, found[number % 2])
            triage.answer(told.ctx, head, found[number % 2], "Merci", settles=False, token=school.token())
        places = places_of(told, (found[0], found[1]))
        rounds.append({name: first < latter for name, (first, latter) in places.items() if first != latter})
        names |= rounds[-1].keys()
    for name in names:
        right[name] = sum(one[name] if name in one else random.random() < 0.5 for one in rounds)
    return right


@pytest.mark.exhaustive
@pytest.mark.files
@pytest.mark.parametrize("settles", [False, True])
def test_two_of_one_hour_are_told_apart_by_no_file(school: School, *, settles: bool) -> None:
    found = tells(school, settles=settles)
    assert found, "their ids stand somewhere"
    assert {name: right for name, right in found.items() if right not in BY_CHANCE} == {}


@pytest.mark.exhaustive
@pytest.mark.files
def test_they_are_where_nothing_is_mixed(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_repository, "mix_school", lambda *_arguments: 0)
    monkeypatch.setattr(reports_repository, "empty_log", lambda _engine: True)
    found = tells(school, settles=False)
    assert {name for name, right in found.items() if right in (0, PAIRS)}, found
