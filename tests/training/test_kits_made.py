"""Printed kits as the site hands them out: asked for on a page, made by the worker, once each, then fetched."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest

from school_protocol.case_files.prepare_process import Broken
from school_protocol.context import AppContext
from school_protocol.ops import worker
from school_protocol.training import kit
from school_protocol.training.models import KitRow
from school_protocol.training.repository import Wanted
from school_protocol.training.scenario_library import offer_shipped
from training.room_browsing import Hall

KIT = "/workshops/kits/silence"
PDF = b"%PDF-"
WAITS = "Les pages à imprimer sont en préparation"


def made_up(_ctx: AppContext, wanted: Wanted) -> bytes | None:
    return PDF + wanted.language.encode()


def asked_for(hall: Hall) -> int:
    with hall.host.directory.reading() as session:
        return session.query(KitRow).count()


def test_it_is_asked_for_waited_for_and_fetched_and_made_once(hall: Hall) -> None:
    trainer = hall.signed_in()
    page = trainer.get(KIT)
    assert page.status_code == 200
    assert "Refresh" not in page.headers
    assert asked_for(hall) == 0, "looking asks for nothing"
    assert trainer.get(f"{KIT}/file").status_code == 404
    for _press in range(2):
        trainer.get(KIT)
        answer = trainer.post(KIT)
        assert (answer.status_code, answer.headers["Location"]) == (303, KIT)
    assert asked_for(hall) == 1
    waiting = trainer.get(KIT)
    assert waiting.headers["Refresh"] == "3"
    assert WAITS in unescape(trainer.page)
    assert trainer.get(f"{KIT}/file").status_code == 404
    assert kit.make_next(hall.host, made_up)
    assert not kit.make_next(hall.host, made_up)
    ready = trainer.get(KIT)
    assert "Refresh" not in ready.headers
    assert f'href="{KIT}/file"' in trainer.page
    fetched = trainer.get(f"{KIT}/file")
    assert fetched.data == PDF + b"fr"
    assert "silence.pdf" in fetched.headers["Content-Disposition"]
    trainer.get(KIT)
    other = hall.signed_in("formatrice")
    other.get(KIT)
    assert other.post(KIT).status_code == 303
    assert not kit.make_next(hall.host, made_up), "whoever asks for the same one has the same one"
    assert other.get(f"{KIT}/file").data == PDF + b"fr"
    trainer.get(KIT)
    trainer.post("/language", {"language": "ar"})
    assert trainer.get(f"{KIT}/file").status_code == 404, "each language is a kit of its own"


def test_one_that_was_left_is_taken_up_and_one_that_broke_is_asked_for_anew(hall: Hall) -> None:
    silence = offer_shipped("silence")
    kit.ask(hall.host, silence, "fr")

    def gone(_ctx: AppContext, _wanted: Wanted) -> bytes | None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kit.make_next(hall.host, gone)
    assert not kit.make_next(hall.host, made_up), "somebody is at it"
    hall.clock.advance(kit.LEASE + timedelta(seconds=1))

    def broken(_ctx: AppContext, _wanted: Wanted) -> bytes | None:
        raise Broken("too long")

    assert kit.make_next(hall.host, broken)
    trainer = hall.signed_in()
    trainer.get(KIT)
    assert "n’ont pas pu être préparées" in unescape(trainer.page)
    assert trainer.post(KIT).status_code == 303
    assert kit.see(hall.host, silence, "fr") is kit.Stands.waiting
    assert kit.make_next(hall.host, made_up)
    assert kit.file_of(hall.host, silence, "fr") == PDF + b"fr"


def test_a_kit_is_kept_for_a_month(hall: Hall) -> None:
    silence = offer_shipped("silence")
    kit.ask(hall.host, silence, "fr")
    kit.make_next(hall.host, made_up)
    hall.clock.advance(kit.KEPT + timedelta(minutes=1))
    assert not kit.make_next(hall.host, made_up)
    assert kit.see(hall.host, silence, "fr") is kit.Stands.none


@pytest.mark.exhaustive
def test_the_worker_makes_it_in_a_process_apart(hall: Hall) -> None:
    silence = offer_shipped("silence")
    kit.ask(hall.host, silence, "ar")
    assert worker._of_scenarios(hall.host)
    assert not worker._of_scenarios(hall.host)
    assert kit.file_of(hall.host, silence, "ar").startswith(PDF)
