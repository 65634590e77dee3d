"""What stays of a debrief once the room is gone: the same findings, no name of a seat, no word that somebody typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from school_protocol.cases.story_player import TurnableClock
from school_protocol.config import Settings
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.language import Wording
from school_protocol.pdf.rendering import missing
from school_protocol.training import findings, room_repository, room_store, seats, workshop_end
from school_protocol.training import repository as training_repository
from school_protocol.training import service as training_service
from school_protocol.training.findings import Debrief, Kind
from school_protocol.training.models import AttemptRow, DebriefRow
from school_protocol.training.presenters import debrief_told
from school_protocol.training.room_store import room_alone
from school_protocol.training.scenario import REAL, Step
from school_protocol.training.scenario_library import content_of, protocols_of
from school_protocol.training.service import Wanted
from school_protocol.training.table_play import cases_of, facts_at, touched
from school_protocol.training.workshop_pages import (
    TableDebrief,
    TrainerDebrief,
    table_debrief_html,
    trainer_debrief_html,
)
from training.live_table import LiveTable, said_of, sat_down
from training.room_browsing import Hall
from training.rooms_of import NOON, sat
from training.test_same_debrief import SC3, planted, step

WORD = "Zanzibarine"
SEAT = "Fennec bleu nuit"
QUOTED = ("Oulmessane", "0612345678")
TEXTS = (FieldType.text, FieldType.long)


def with_words(protocol: Protocol, one: Step) -> Step:
    """The step, a planted word at the end of whatever is typed freely in it."""
    act = protocol.acts.get(protocol.resolve("acts", one.do or ""))
    if act is None:
        return one
    form = protocol.form_of(act)

    def told(key: str, said: Any) -> Any:
        item = form.by_key.get(key)
        return f"{said} {WORD}" if item is not None and item.type in TEXTS and isinstance(said, str) else said

    return one.model_copy(update={"answers": {key: told(key, said) for key, said in one.answers.items()}})


def played(hall: Hall) -> LiveTable:
    """A table of which everything that can be typed was planted: answers, a reason, the name of a seat, a message."""
    hall.seated(SEAT, "team_member")
    table = sat_down(hall.room)
    for one in planted():
        table.step(with_words(hall.room.protocol, one))
    account = hall.seats()[0].account
    with hall.room.store.writing() as session:
        for code in (f"names:{QUOTED[0]}:EV1", f"reaches:{QUOTED[1]}"):
            tried = AttemptRow(
                at_table=1, at=hall.room.ctx.now(), account=account, role="team_member", case_number=hall.cases()[0],
                name="add_note", why=["words"], codes=[code],
            )  # fmt: skip
            room_repository.add_attempt(session, tried)
    training_service.say(hall.room, 1, f"{WORD} !")
    training_service.feed_back(hall.room, f"Merci {WORD}")
    table.play([step(at="2026-10-12T09:00")])
    touched(hall.room, 1)
    return table


def texts_of(found: Debrief, names: Mapping[str, str]) -> str:
    """All that pages and papers say of a table, in each language."""
    said = [str(debrief_told(found, Wording(language), names)) for language in ("fr", "ar", "en")]
    paper = TableDebrief("1", found, found.ended, names)
    return "\n".join([*said, *(table_debrief_html(paper, Wording(language)) for language in ("fr", "ar", "en"))])


def plain(found: Debrief) -> dict[str, list[Any]]:
    """What a debrief says, without what is taken out of what stays."""
    said = said_of(replace(found, findings=tuple(replace(one, said="", codes=()) for one in found.findings)))
    lines = [(*one[:9], *one[10:]) for one in said.pop("timeline")]
    return {**said, "timeline": lines}


@pytest.mark.exhaustive
def test_nothing_of_anybody_stays_and_all_that_is_found_does(hall: Hall) -> None:
    table = played(hall)
    live, names = table.debrief(), workshop_end.names_at(hall.room, 1)
    number = next(iter(live.states))
    record = str([one.answers for facts in _facts(hall) for one in facts.case.records])
    before = texts_of(live, names)
    assert WORD in record, "the control: it was typed and recorded"
    for word in (SEAT, *QUOTED):
        assert word in before, "the control: a live debrief says it"
    account = next(one.actor for one in live.timeline if one.actor)
    workshop_end.purge(hall.host, hall.id)
    with hall.host.directory.reading() as session:
        kept, line = (
            training_repository.find_debrief(session, hall.id),
            training_repository.find_workshop(session, hall.id),
        )
        rows = session.query(DebriefRow).all()
    assert kept is not None
    assert line is not None
    assert len(rows) == 1
    everything = str(line.kept) + "".join(kept.tables.values())
    found = workshop_end.of_kept(hall.host, hall.id)
    pages = everything + "".join(texts_of(one, {}) for one in found.tables.values())
    for word in (WORD, SEAT, *QUOTED, number, account, "Place 1"):
        assert word not in pages, word
    assert plain(found.table(1)) == plain(live)
    assert found.table(1).errors
    assert {one.kind for one in found.table(1).errors} == {one.kind for one in live.errors}
    assert len(found.table(1).timeline) == len(live.timeline)
    assert kept.scenario == content_of("blackmail")
    assert kept.protocol is None, "the directory has that very version"


def _facts(hall: Hall) -> list[Any]:
    return list(facts_at(hall.room, cases_of(hall.room, hall.table(1)), hall.room.ctx.now()).values())


@pytest.mark.exhaustive
def test_what_is_not_taken_out_would_be_found(hall: Hall) -> None:
    """The control of the scan: a debrief that was written down as it is holds each planted word."""
    live = played(hall).debrief()
    departed = replace(live.findings[0], kind=Kind.departure, said=f"parce que {WORD}")
    whole = replace(live, findings=(departed, *live.findings[1:]))
    as_it_is = findings._adapter().dump_json(whole)
    for word in (WORD, *QUOTED):
        assert word.encode() in as_it_is
        assert word not in findings.written(whole)
    again = findings.again(findings.written(whole), live.protocol, live.scenario)
    assert again == findings.nameless(whole)
    for language, said in (("fr", "ne sont pas gardés"), ("ar", "لا يُحتفظ بنصه"), ("en", "are not kept")):
        assert said in str(debrief_told(again, Wording(language)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_its_trainer_opens_pages_and_papers_of_a_room_that_is_gone(hall: Hall, language: str) -> None:
    played(hall)
    hall.seated("Rouge", table=2)
    trainer = hall.trainer()
    trainer.post("/end", {"sure": "1"})
    live = trainer.get("/debrief").get_data(as_text=True)
    assert 'role="status"' not in live
    assert f"Merci {WORD}" in live
    trainer.get()
    assert trainer.post("/purge", {"sure": "1"}).status_code == 302
    trainer.client.post("/language", data={**trainer.hidden(), "language": language})
    overview = trainer.get().get_data(as_text=True)
    assert f"/workshops/{hall.id}/debrief" in overview
    for path in ("/debrief", "/debrief/1", "/debrief/2", "/replay/1?step=3"):
        answer = trainer.get(path)
        assert answer.status_code == 200, path
        for word in (WORD, SEAT, *QUOTED):
            assert word not in answer.get_data(as_text=True), (path, word)
    assert trainer.get("/debrief/3").status_code == 404
    if missing() is None:
        for path in ("/debrief/paper", "/debrief/1/paper"):
            answer = trainer.get(path)
            assert answer.status_code == 200
            assert answer.data.startswith(b"%PDF")
    other = hall.signed_in("formatrice")
    for path in ("/debrief", "/debrief/1", "/debrief/1/paper"):
        assert other.get(f"/workshops/{hall.id}{path}").status_code == 404


def test_a_table_where_nobody_sat_is_said_to_be_empty_and_counts_nowhere(hall: Hall) -> None:
    """Three hours on at two tables; somebody sits at the first alone. The control: she moves over, and neither is."""
    trainer = hall.trainer()
    hall.seated(SEAT, "team_member")
    training_service.turn_to(hall.room, hall.room.ctx.now() + timedelta(days=3))
    assert len(workshop_end.debrief_of(hall.room, 2).of(Kind.left_out)) >= 8, "what would be said of it"
    sentence = "Personne ne s’est assis ici\u00a0: Table 2. Rien n’en est dit, rien n’en est compté."
    for _state in ("there", "ended", "purged"):
        page = unescape(trainer.get("/debrief").get_data(as_text=True))
        assert sentence in page
        assert 'id="t1"' in page
        assert 'id="t2"' not in page
        if _state == "there":
            workshop_end.end_workshop(hall.host, hall.room)
            assert [*(hall.workshop.kept or {})["tables"]] == ["1"]
        elif _state == "ended":
            workshop_end.purge(hall.host, hall.id)
    found = workshop_end.of_kept(hall.host, hall.id)
    assert found.empty == (2,)
    assert [*found.tables] == ["1"]
    view = TrainerDebrief({"Table 1": found.table(1)}, found.as_of, empty=("Table 2",))
    assert sentence in unescape(trainer_debrief_html(view, Wording("fr")))


@pytest.mark.exhaustive
def test_a_table_that_was_left_is_not_empty(hall: Hall) -> None:
    phone = hall.seated(SEAT, "team_member")
    training_service.set_pace(hall.room, REAL)
    hall.clock.advance(timedelta(minutes=5))
    note = f"/cases/{hall.cases()[0]}/acts/add_note"
    phone.get(note)
    assert phone.post(note, {"a-text": "Vu au bureau."}).status_code == 303
    assert [*workshop_end.debriefs_of(hall.room)] == ["1"]
    seats.change_seat(hall.room, hall.seats()[0], 2, ["team_member"])
    assert [*workshop_end.debriefs_of(hall.room)] == ["1", "2"]


def test_of_a_workshop_where_nobody_sat_there_is_a_page_and_no_paper(hall: Hall) -> None:
    trainer = hall.trainer()
    workshop_end.end_workshop(hall.host, hall.room)
    page = trainer.get("/debrief")
    assert page.status_code == 200
    assert "/debrief/paper" not in trainer.page
    assert trainer.get("/debrief/paper").status_code == 404
    assert hall.workshop.kept == {"tables": {}, "grids": {}}


@pytest.mark.exhaustive
def test_the_clock_at_the_end_is_the_one_of_what_is_kept(hall: Hall) -> None:
    """However fast it runs: what is kept is worked out once it stands."""
    played(hall)
    training_service.set_pace(hall.room, 60)
    hall.clock.advance(timedelta(seconds=90))
    workshop_end.end_workshop(hall.host, hall.room)
    hall.clock.advance(timedelta(hours=1))
    live, kept = workshop_end.of_room(hall.room), workshop_end.of_kept(hall.host, hall.id)
    assert kept.as_of == live.as_of
    assert plain(kept.table(1)) == plain(live.table(1))
    assert kept.table(1).ended == live.table(1).ended


def test_a_protocol_that_nobody_published_here_is_kept_with_it(tmp_path: Path) -> None:
    """As on a laptop, whose directory is empty."""
    ctx = room_store.open_laptop(Settings(data=tmp_path), TurnableClock(NOON))
    protocol, content = next(iter(protocols_of(SC3)))
    made = training_service.found(ctx, None, content_of("blackmail"), protocol, content, Wanted(1, True, "fr"))
    with room_alone(ctx, made.id) as room:
        sat(room, 1)
    workshop_end.purge(ctx, made.id)
    with ctx.directory.reading() as session:
        kept = training_repository.find_debrief(session, made.id)
    assert kept is not None
    assert kept.protocol == content
    assert workshop_end.of_kept(ctx, made.id).table(1).protocol.digest == protocol.digest
    ctx.close()
