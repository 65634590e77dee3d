"""The clock of a room, as its services keep it: who writes stops it, and nothing that comes is passed by."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from school_protocol.engine.deadlines import open_dues
from school_protocol.engine.errors import BadInput
from school_protocol.language import ZONE
from school_protocol.training import seats, table_play
from school_protocol.training import service as training_service
from school_protocol.training.scenario import FAST
from school_protocol.training.service import WRITES
from training.room_browsing import Hall, hall_in

TAGS = re.compile("<[^>]+>")
MINUTE = timedelta(minutes=1)
FORM = "/reports/new"


def now(hall: Hall) -> datetime:
    return hall.room.ctx.now()


def passed(hall: Hall, since: datetime) -> float:
    """Minutes of the workshop's."""
    return (now(hall) - since) / MINUTE


@pytest.mark.exhaustive
@pytest.mark.parametrize("away", ["/room", "/"])
def test_who_looks_at_another_page_writes_no_more(hall: Hall, away: str) -> None:
    phone = hall.seated()
    training_service.set_pace(hall.room, FAST)
    began = now(hall)
    phone.get(FORM)
    hall.clock.advance(MINUTE)
    assert phone.get(away).status_code == 200
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 60


def test_a_form_that_was_sent_is_written_no_more_and_a_wrong_one_is(hall: Hall) -> None:
    phone = hall.seated("Bleu", "team_member")
    training_service.set_pace(hall.room, FAST)
    began = now(hall)
    (number,) = hall.cases()
    note = f"/cases/{number}/acts/add_note"
    assert phone.get(note).status_code == 200
    assert phone.post(note, {"a-text": ""}).status_code == 422
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 0
    assert phone.post(note, {"a-text": "Vu au bureau."}).status_code == 303
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 60


@pytest.mark.exhaustive
def test_the_trainer_waits_for_nobody(hall: Hall) -> None:
    phone, trainer = hall.seated(), hall.trainer()
    training_service.set_pace(hall.room, FAST)
    began = now(hall)
    phone.get(FORM)
    trainer.get()
    assert trainer.post("/go-on").status_code == 302
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 60


@pytest.mark.exhaustive
def test_the_wall_says_who_is_waited_for_and_until_when_at_most(hall: Hall) -> None:
    first, second, trainer = hall.seated("Bleu"), hall.seated("Rouge", table=2), hall.trainer()
    training_service.set_pace(hall.room, FAST)
    assert "l’horloge attend" not in unescape(trainer.get().get_data(as_text=True)), "the control"
    first.get(FORM)
    ours = hall.clock.now().astimezone(ZONE)
    told = f"La table 1 écrit\u00a0: l’horloge attend jusqu’à {ours + WRITES:%H:%M} au plus."
    for page in ("", "/projector"):
        assert told in TAGS.sub("", unescape(trainer.get(page).get_data(as_text=True))), page
    hall.clock.advance(2 * MINUTE)
    second.get(FORM)
    page = TAGS.sub("", unescape(trainer.get().get_data(as_text=True)))
    assert f"Les tables 1 et 2 écrivent\u00a0: l’horloge attend jusqu’à {ours + 2 * MINUTE + WRITES:%H:%M}" in page
    hall.clock.advance(WRITES)
    assert "l’horloge attend" not in unescape(trainer.get().get_data(as_text=True)), "nobody was heard of"


@pytest.mark.exhaustive(but=("leave",))
@pytest.mark.parametrize("gone", ["leave", "change", "phone"])
def test_whoever_goes_with_a_form_open_is_waited_for_no_more(hall: Hall, gone: str) -> None:
    """The phone is lost, the seat is given up, or another table is taken: the clock goes on at once."""
    phone = hall.seated("Bleu")
    training_service.set_pace(hall.room, FAST)
    began = now(hall)
    phone.get(FORM)
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 0, "the control"
    (seat,) = hall.seats()
    if gone == "leave":
        seats.leave(hall.room, seat)
    elif gone == "change":
        seats.change_seat(hall.room, seat, 2, ["head"])
    else:
        seats.free_phone(hall.room, seat.id)
    assert passed(hall, began) == 0, "what stood has stood"
    hall.clock.advance(MINUTE)
    assert passed(hall, began) == 60


@pytest.mark.exhaustive
def test_whoever_goes_takes_nobody_elses_time(hall: Hall) -> None:
    first, second = hall.seated("Bleu"), hall.seated("Rouge", table=2)
    training_service.set_pace(hall.room, FAST)
    began = now(hall)
    first.get(FORM)
    second.get(FORM)
    seats.leave(hall.room, next(one for one in hall.seats() if one.name == "Bleu"))
    hall.clock.advance(4 * MINUTE)
    assert passed(hall, began) == 0
    hall.clock.advance(2 * MINUTE)
    assert passed(hall, began) == 60


@pytest.mark.exhaustive
def test_the_next_moment_is_met_once_each(tmp_path: Path) -> None:
    """With nobody at the tables: each inject that the time alone calls, each deadline; none twice, none passed by."""
    hall = hall_in(tmp_path, tables=1)
    moments: list[datetime] = []
    dues: set[datetime] = set()
    begun = now(hall)
    while (moment := training_service.to_next(hall.room)) is not None:
        assert now(hall) == moment
        moments.append(moment)
        for one in table_play.facts_at(hall.room, table_play.cases_of(hall.room, hall.table()), moment).values():
            dues |= {due.due_at for due in open_dues(one)}
        assert len(moments) < 200
    assert moments == sorted(set(moments))
    timed = {key: one.at for key, one in hall.room.scenario.injects.items() if one.at}
    came = hall.table().came
    assert set(timed) == set(came)
    assert {begun + timedelta(minutes=minutes) for minutes in (16, 80, 105)} == set(came.values())
    later = {due for due in dues if due > begun}
    assert len(later) > 3
    assert set(moments) == set(came.values()) | later
    assert training_service.to_next(hall.room) is None
    hall.close()


@pytest.mark.exhaustive
def test_the_next_moment_is_that_of_the_table_where_it_comes_first(hall: Hall) -> None:
    """One table has a danger more than the other, and so other deadlines: each press leads to the nearest."""
    training_service.to_next(hall.room)
    hall.clock.advance(MINUTE)
    training_service.turn_to(hall.room, now(hall) + 3 * MINUTE)
    phone = hall.seated("Bleu", "reporter", table=2)
    phone.get("/reports/danger")
    assert phone.post("/reports/danger", {"danger": "missing_or_at_risk"}).status_code == 303
    apart = 0
    for _press in range(12):
        ahead = [one for one in (hall.table(1).next_at, hall.table(2).next_at) if one is not None and one > now(hall)]
        apart += len(set(ahead)) > 1
        assert training_service.to_next(hall.room) == min(ahead) == now(hall)
    assert apart > 3


@pytest.mark.exhaustive
def test_moved_far_on_it_meets_what_lies_between(hall: Hall) -> None:
    began = now(hall)
    training_service.turn_to(hall.room, began + timedelta(hours=3))
    came = hall.table().came
    assert {key: (at - began) / MINUTE for key, at in came.items()} == {
        "not_my_father": 16, "pose_as_her": 80, "imprudent": 105,
    }  # fmt: skip
    assert hall.table().traps["head_alone_unaware"] < began + timedelta(hours=3)


@pytest.mark.exhaustive
def test_turned_back_is_refused_in_words(hall: Hall) -> None:
    trainer = hall.trainer()
    began = now(hall)
    training_service.turn_to(hall.room, began + timedelta(hours=3))
    with pytest.raises(BadInput):
        training_service.turn_to(hall.room, began + timedelta(hours=2))
    trainer.get()
    assert trainer.post("/clock", {"moment": "2026-10-06T10:00"}).status_code == 302
    trainer.get()
    assert "L’horloge ne recule jamais" in trainer.page
    assert passed(hall, began) == 180
    for wrong, words in (("2030-01-01T10:00", "plus d’un an plus tard"), ("hier", "Ce n’est pas compris")):
        assert trainer.post("/clock", {"moment": wrong}).status_code == 302
        assert words in trainer.get().get_data(as_text=True)
        assert passed(hall, began) == 180


@pytest.mark.exhaustive
@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(hours=1)])
def test_ours_set_back_does_not_turn_it_back(hall: Hall, back: timedelta) -> None:
    training_service.set_pace(hall.room, FAST)
    hall.clock.advance(10 * MINUTE)
    shown = now(hall)
    hall.clock.moment -= back
    assert now(hall) == shown
    hall.clock.advance(MINUTE)
    assert passed(hall, shown) == 60, "and it goes on"


def test_nothing_else_reads_it(hall: Hall) -> None:
    """The host's own time, and the list of workshops, go by ours."""
    training_service.turn_to(hall.room, now(hall) + timedelta(days=40))
    assert hall.host.now() == hall.clock.now()
    assert hall.workshop.created_at == hall.clock.now()
