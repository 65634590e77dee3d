"""Guessing gets slow and shuts nobody else out; sessions end when they should; nothing secret is logged."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, make_dataclass
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW

from school_protocol.auth import access_codes, own_account, second_factor, sign_in_repository, sign_in_service
from school_protocol.auth import service as auth_service
from school_protocol.auth.service import TooManyTries
from school_protocol.auth.sign_in_service import Visitor
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput

from .proving import PASSWORD, People

HOME, AWAY = "1" * 40, "2" * 40
"""Marks of two browsers."""


@pytest.fixture
def people(moroccan: Protocol) -> Iterator[People]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield People(player)


# ---- guessing --------------------------------------------------------------------------------------------------------


def fail(people: People, who: str, times: int, **visitor: str) -> int:
    """How many of so many wrong passwords were refused unread."""
    slowed = 0
    for _time in range(times):
        try:
            assert people.enter(who, "tout à fait autre chose", **visitor) is None
        except TooManyTries as error:
            slowed += 0 < error.seconds <= auth_service.LONGEST
    return slowed


@pytest.mark.exhaustive
def test_what_others_try_never_shuts_a_known_browser_out(people: People) -> None:
    people.give_password("head")
    assert people.is_in(people.enter("head", address="10.0.0.1", mark=HOME))
    for place in range(1, 200):
        fail(people, "head", 1, address=f"203.0.113.{place}", mark=AWAY)
    assert fail(people, "head", 30, address="203.0.113.1") > 20, "strangers are slowed down"
    assert people.is_in(people.enter("head", address="10.0.0.1", mark=HOME))
    assert people.is_in(people.enter("head", address="203.0.113.1", mark=HOME)), "from any address"


@pytest.mark.exhaustive
def test_the_owner_gets_in_from_a_new_place_while_others_guess(people: People) -> None:
    people.give_password("head")
    for place in range(1, 200):
        fail(people, "head", 1, address=f"203.0.113.{place}")
    assert people.is_in(people.enter("head", address="10.0.0.9"))


@pytest.mark.exhaustive
def test_a_browser_is_known_to_whom_it_was_given_alone(people: People) -> None:
    for who in ("head", "team_member"):
        people.give_password(who)
    people.enter("team_member", address="10.0.0.1", mark=HOME)
    assert fail(people, "head", 40, address="10.0.0.1", mark=HOME) > 25, "another's mark makes nobody known"


def test_even_in_a_known_browser_guessing_gets_slow(people: People) -> None:
    people.give_password("head")
    people.enter("head", mark=HOME)
    assert fail(people, "head", 40, mark=HOME) == 40 - auth_service.KNOWN_FREE


def test_a_stranger_waits_ever_longer_and_then_may_try_again(people: People) -> None:
    people.give_password("head")
    fail(people, "head", auth_service.NAME_FREE, address="203.0.113.7")
    with pytest.raises(TooManyTries) as slowed:
        people.enter("head", address="203.0.113.7")
    people.wait(seconds=slowed.value.seconds)
    assert people.is_in(people.enter("head", address="203.0.113.7"))
    assert auth_service.pause_after(4, 5) == 0
    pauses = [auth_service.pause_after(failures, 5) for failures in range(5, 20)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == auth_service.LONGEST


def test_an_own_account_resets_nothing_for_the_place(people: People) -> None:
    """Whoever guesses others' passwords does not begin afresh by signing in with their own."""
    for who in ("head", "team_member"):
        people.give_password(who)
    names = [f"nobody-{number}" for number in range(auth_service.PLACE_FREE)]
    for name in names:
        assert sign_in_service.sign_in(people.ctx, name, "x", Visitor(address="203.0.113.7")) is None
        if name == names[10]:
            assert people.enter("team_member", address="203.0.113.7")
    with pytest.raises(TooManyTries):
        people.enter("head", address="203.0.113.7")


def test_codes_of_the_second_step_are_not_guessed_either(people: People) -> None:
    people.give_password("directorate")
    people.give_phone("directorate")
    half, slowed = people.enter("directorate", address="203.0.113.7"), 0
    assert half is not None
    for code in range(20):
        try:
            assert sign_in_service.prove_factor(people.ctx, half, f"{code:06}", Visitor(address="203.0.113.7")) is None
        except TooManyTries:
            slowed += 1
    assert slowed == 20 - auth_service.NAME_FREE


def many_places(people: People, half: str, mark: str = AWAY) -> tuple[int, int]:
    """Of codes tried from 400 places at once: how many were read, and how many were refused unread."""
    read = 0
    for place in range(400):
        visitor = Visitor(address=f"2001:db8:0:{place:x}::1", mark=mark)
        with suppress(TooManyTries):
            assert sign_in_service.prove_factor(people.ctx, half, f"{place:06}", visitor) is None
            read += 1
    return read, 400 - read


@pytest.mark.exhaustive
def test_codes_are_not_guessed_from_many_places_either(people: People) -> None:
    people.give_password("directorate")
    people.give_phone("directorate")
    half = people.enter("directorate", address="2001:db8::1", mark=AWAY)
    assert half is not None
    assert many_places(people, half) == (auth_service.CODE_MOST, 400 - auth_service.CODE_MOST)
    people.wait(hours=12)
    half = people.enter("directorate", address="2001:db8::2", mark=AWAY)
    assert half is not None
    assert many_places(people, half) == (0, 400), "half a day later none is read yet"


@pytest.mark.exhaustive
def test_guessed_codes_never_shut_a_known_browser_out_and_the_owner_comes_back(people: People) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")

    def comes_in(mark: str, away: int = 0) -> bool:
        half = people.enter("directorate", address="10.0.0.1", mark=mark)
        assert half is not None
        visitor = Visitor(address="10.0.0.1", mark=mark)
        return people.is_in(sign_in_service.prove_factor(people.ctx, half, people.code(seed, away), visitor))

    assert comes_in(HOME)
    half = people.enter("directorate", address="2001:db8::1", mark=AWAY)
    assert half is not None
    many_places(people, half)
    people.wait(minutes=1)
    assert comes_in(HOME), "strangers' tries don't count here"
    with pytest.raises(TooManyTries) as slowed:
        comes_in("3" * 40)
    people.wait(seconds=slowed.value.seconds)
    assert comes_in("3" * 40), "a new browser may again, a day later"


def test_a_changed_password_makes_other_browsers_strangers(people: People) -> None:
    people.give_password("head")
    for mark in (HOME, AWAY):
        assert people.is_in(people.enter("head", mark=mark))
    new = "encore un autre cartable"
    own_account.change_password(people.ctx, people.actor("head"), PASSWORD, new, Visitor(mark=HOME))
    for _time in range(auth_service.NAME_FREE):
        fail(people, "head", 1, address="203.0.113.7")
    assert people.is_in(people.enter("head", new, address="203.0.113.7", mark=HOME)), "where it was changed"
    with pytest.raises(TooManyTries):
        people.enter("head", new, address="203.0.113.7", mark=AWAY)


SECRETS = frozenset({"token", "recovery", "password", "mark", "code", "verifier", "nonce", "state", "secret", "seed"})
"""Names of fields that hold what must stand in no log and no trace of an error."""


def test_what_is_secret_is_not_in_what_an_object_says_of_itself() -> None:
    found = [
        (f"{module}.{kind.__name__}.{one.name}", one.repr)
        for module, kind in dataclasses_of("auth", "privacy.emergency_access", "privacy.access_report")
        for one in fields(kind)
        if one.name in SECRETS
    ]
    told = {name for name, says in found if says} - NOT_SECRET
    assert told == set()
    assert {name.rpartition(".")[2] for name, says in found if not says} >= {
        "token", "recovery", "password", "mark", "code", "verifier", "nonce", "state",
    }, "the walk finds those that are there"  # fmt: skip
    planted = make_dataclass("Planted", [("password", str)])
    assert [one.name for one in fields(planted) if one.name in SECRETS and one.repr] == ["password"]


NOT_SECRET = {"openid.Provider.token"}
"""An address."""


def dataclasses_of(*places: str) -> Iterator[tuple[str, Any]]:
    """Those of each package, or of a single module."""
    for place in places:
        folder = importlib.import_module(f"school_protocol.{place}")
        inside = pkgutil.iter_modules(getattr(folder, "__path__", ()), f"{folder.__name__}.")
        for found in (folder, *(importlib.import_module(module.name) for module in inside)):
            for kind in vars(found).values():
                if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == found.__name__:
                    yield found.__name__.rpartition(".")[2], kind


def test_no_password_is_right_after_ten_wrong_ones_in_an_open_session(people: People) -> None:
    people.give_password("head")
    account = people.actor("head").id
    assert sign_in_service.is_password_of(people.ctx, account, PASSWORD)
    assert not any(sign_in_service.is_password_of(people.ctx, account, "autre") for _ in range(auth_service.KNOWN_FREE))
    with pytest.raises(TooManyTries) as slowed:
        sign_in_service.is_password_of(people.ctx, account, PASSWORD)
    assert slowed.value.seconds == auth_service.WINDOW.total_seconds() + 1
    with pytest.raises(BadInput) as refused:
        own_account.change_password(people.ctx, people.actor("head"), PASSWORD, "encore un autre cartable")
    assert refused.value.problems == {"password": (f"too_many_tries:{slowed.value.seconds}",)}, "not: a wrong password"
    people.wait(minutes=16)
    assert sign_in_service.is_password_of(people.ctx, account, PASSWORD)


# ---- sessions --------------------------------------------------------------------------------------------------------


def test_a_changed_password_ends_every_session_but_the_new_one(people: People) -> None:
    people.give_password("head")
    here, there = people.enter("head", agent="Firefox"), people.enter("head", agent="Chrome")
    with pytest.raises(BadInput):
        own_account.change_password(people.ctx, people.actor("head"), "faux", "encore un autre cartable")
    new = own_account.change_password(people.ctx, people.actor("head"), PASSWORD, "encore un autre cartable")
    assert not people.is_in(here)
    assert not people.is_in(there)
    assert people.is_in(new.token)
    assert people.enter("head") is None


def test_sessions_are_listed_and_ended_one_by_one(people: People) -> None:
    people.give_password("head")
    people.give_password("team_member")
    here = people.enter("head", agent="Firefox")
    there = people.enter("head", agent="Chrome")
    other = people.enter("team_member")
    assert here
    assert there
    assert other
    view = own_account.see_account(people.ctx, people.actor("head"), here)
    assert {(line.user_agent, line.handle == view.here) for line in view.sessions} == {
        ("Firefox", True),
        ("Chrome", False),
    }
    assert not own_account.end_session(people.ctx, people.actor("team_member"), sign_in_repository.handle_of(there)), (
        "not theirs"
    )
    assert own_account.end_session(people.ctx, people.actor("head"), sign_in_repository.handle_of(there))
    assert [people.is_in(one) for one in (here, there, other)] == [True, False, True]
    own_account.end_everywhere(people.ctx, people.actor("head"))
    assert [people.is_in(one) for one in (here, other)] == [False, True]


@pytest.mark.parametrize("token", ["", "x", "a" * 43])
def test_no_made_up_token_opens_anything(people: People, token: str) -> None:
    assert not people.is_in(token)
    assert sign_in_service.pending(people.ctx, token) is None


def test_a_half_open_session_ends_after_a_quarter_of_an_hour(people: People) -> None:
    people.give_password("directorate")
    seed = people.give_phone("directorate")
    half = people.enter("directorate")
    assert half is not None
    people.wait(minutes=15)
    assert sign_in_service.prove_factor(people.ctx, half, people.code(seed)) is None


def test_each_try_is_logged_by_account_way_and_address(people: People, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "school_protocol")
    people.give_password("head")
    seed, head, at = people.give_phone("head"), people.actor("head").id, {"address": "203.0.113.9"}
    sign_in_service.sign_in(people.ctx, "personne\nproven", "tout à fait autre chose", Visitor(**at))
    assert fail(people, "head", 6, **at) == 1
    people.wait(minutes=20)
    half = people.enter("head", **at) or ""
    assert sign_in_service.prove_factor(people.ctx, half, "000000", Visitor(**at)) is None
    assert sign_in_service.prove_factor(people.ctx, half, people.code(seed), Visitor(**at)) is not None
    assert not sign_in_service.is_password_of(people.ctx, head, "tout à fait autre chose")
    assert sign_in_service.is_password_of(people.ctx, head, PASSWORD)
    assert caplog.messages == [
        "not proven: account of nobody by password from 203.0.113.9",
        *[f"not proven: account {head} by password from 203.0.113.9"] * 5,
        "too many tries: by password from 203.0.113.9",
        f"proven: account {head} by password from 203.0.113.9",
        f"not proven: account {head} by code from 203.0.113.9",
        f"proven: account {head} by code from 203.0.113.9",
        f"not proven: account {head} by password again from here",
        f"proven: account {head} by password again from here",
    ]


def test_a_whole_sign_in_logs_no_secret(people: People, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("test").warning("planted %s", "un mot à trouver")
    head, said = people.actor("head"), ["un mot à trouver"]
    link = access_codes.invite(people.ctx, people.actor("technical_admin"), head.id, people.ctx.now())
    access_codes.accept_invitation(people.ctx, link, PASSWORD)
    seed = second_factor.draw_seed()
    renewed = own_account.set_up_codes(people.ctx, head, PASSWORD, seed, people.code(seed))
    half = people.enter("head")
    assert half is not None
    code = people.code(seed, 1)
    whole = sign_in_service.prove_factor(people.ctx, half, code)
    assert whole is not None
    found = [
        word for word in (link, PASSWORD, seed, half, whole, renewed.token, *renewed.recovery) if word in caplog.text
    ]
    assert found == []
    assert f"'{code}'" not in caplog.text
    assert all(word in caplog.text for word in said), "what is logged is looked at"
