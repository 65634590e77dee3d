"""How somebody narrowed their queue: one choice a person, whoever of two windows says it first."""

from __future__ import annotations

import threading
import time

import pytest

from school_protocol.supervision.repository import Chosen, remember, remembered
from storage.conftest import Realm


def kept(realm: Realm, account: str) -> Chosen:
    with realm.store.reading() as session:
        return remembered(session, account)


def test_the_last_choice_is_kept_and_none_leaves_nothing(realm: Realm) -> None:
    for chosen in (Chosen(kind="visa"), Chosen(place="00000A", level=3), Chosen()):
        with realm.store.writing() as session:
            remember(session, "a", chosen)
        assert kept(realm, "a") == chosen
    assert kept(realm, "b") == Chosen()


@pytest.mark.exhaustive(but=("sqlite",))
@pytest.mark.postgresql
def test_two_windows_that_choose_at_once_both_get_their_page(realm: Realm) -> None:
    began = threading.Event()
    failed: list[Exception] = []

    def second() -> None:
        began.wait(30)
        try:
            with realm.store.writing() as session:
                remember(session, "a", Chosen(kind="door"))
        except Exception as error:  # whatever it is, the page is lost
            failed.append(error)

    other = threading.Thread(target=second)
    other.start()
    with realm.store.writing() as session:
        remember(session, "a", Chosen(kind="visa"))
        began.set()
        time.sleep(0.5)
    other.join(60)
    assert failed == []
    assert kept(realm, "a") == Chosen(kind="door")
