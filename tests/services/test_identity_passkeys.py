"""Passkeys, against a device written in Python: what it signs rightly lets in, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from authenticator import Authenticator, bytes_of, text_of
from engine.telling import MOROCCAN, NOW
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.auth import own_account, passkeys, sign_in_service
from school_protocol.auth.passkeys import Site
from school_protocol.auth.service import IdentityRefused
from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import BadInput
from school_protocol.storage.administration_log import Kind

from .proving import PASSWORD, SITE, People


@pytest.fixture(scope="module")
def people(moroccan: Protocol) -> Iterator[People]:
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        yield People(player)


@pytest.fixture(scope="module")
def phone(people: People) -> Authenticator:
    """The head's phone, with a passkey that was kept."""
    people.give_password("head")
    device = Authenticator()
    options = own_account.ask_to_add_passkey(people.ctx, people.actor("head"), PASSWORD, SITE)
    renewed = own_account.add_passkey(people.ctx, people.actor("head"), SITE, device.create(options), "Mon téléphone")
    assert people.is_in(renewed.token)
    assert len(renewed.recovery) == 10
    assert {kind for kind, *_ in people.log("head")} == {Kind.passkey_added, Kind.recovery_codes_made}
    return device


def enter(people: People, answer: dict[str, Any], site: Site = SITE) -> bool:
    return people.is_in(sign_in_service.sign_in_by_passkey(people.ctx, site, answer))


def test_a_passkey_lets_in_by_itself_each_time_anew(people: People, phone: Authenticator) -> None:
    for _time in range(2):
        assert enter(people, phone.get(passkeys.ask_to_enter(people.ctx, SITE)))


def test_an_answer_counts_once(people: People, phone: Authenticator) -> None:
    answer = phone.get(passkeys.ask_to_enter(people.ctx, SITE))
    assert enter(people, answer)
    assert not enter(people, answer)


def test_an_answer_counts_for_five_minutes(people: People, phone: Authenticator) -> None:
    answer = phone.get(passkeys.ask_to_enter(people.ctx, SITE))
    people.wait(minutes=5)
    assert not enter(people, answer)


def _other_origin(phone: Authenticator, options: str) -> dict[str, Any]:
    phone.origin = "http://localhost.example"
    try:
        return phone.get(options)
    finally:
        phone.origin = "http://localhost"


def _unverified(phone: Authenticator, options: str) -> dict[str, Any]:
    phone.verifies = False
    try:
        return phone.get(options)
    finally:
        phone.verifies = True


def _other_key(phone: Authenticator, options: str) -> dict[str, Any]:
    return Authenticator(id=phone.id, user=phone.user, count=phone.count + 50).get(options)


def _other_person(phone: Authenticator, options: str) -> dict[str, Any]:
    found = phone.get(options)
    found["response"]["userHandle"] = text_of(b"somebody-else")
    return found


def _bent_signature(phone: Authenticator, options: str) -> dict[str, Any]:
    found = phone.get(options)
    bent = bytearray(bytes_of(found["response"]["signature"]))
    bent[-1] ^= 1
    found["response"]["signature"] = text_of(bytes(bent))
    return found


def _own_challenge(phone: Authenticator, options: str) -> dict[str, Any]:
    return phone.get(options.replace('"challenge": "', '"challenge": "AAAA'))


def _cloned(phone: Authenticator, options: str) -> dict[str, Any]:
    """A copy of the device that counts less than it has shown."""
    return Authenticator(key=phone.key, id=phone.id, user=phone.user, count=0).get(options)


def _unknown(_phone: Authenticator, options: str) -> dict[str, Any]:
    return Authenticator().get(options)


@pytest.mark.parametrize(
    "wrong",
    [_other_origin, _unverified, _other_key, _other_person, _bent_signature, _own_challenge, _cloned, _unknown],
)
def test_nothing_else_lets_in(
    people: People, phone: Authenticator, wrong: Callable[[Authenticator, str], dict[str, Any]]
) -> None:
    assert enter(people, phone.get(passkeys.ask_to_enter(people.ctx, SITE)))
    assert not enter(people, wrong(phone, passkeys.ask_to_enter(people.ctx, SITE)))


def test_a_challenge_for_one_thing_is_none_for_another(people: People, phone: Authenticator) -> None:
    asked = passkeys.ask_to_add(people.ctx, people.actor("head").id, SITE)
    told = passkeys.ask_to_enter(people.ctx, SITE)
    challenge = asked.partition('"challenge": "')[2].partition('"')[0]
    assert challenge
    own_challenge = told.partition('"challenge": "')[2].partition('"')[0]
    assert not enter(people, phone.get(told.replace(own_challenge, challenge)))


def test_another_sites_answer_is_none_of_ours(people: People, phone: Authenticator) -> None:
    elsewhere = Site("desk.example", "https://desk.example")
    assert not enter(people, phone.get(passkeys.ask_to_enter(people.ctx, SITE)), elsewhere)


@pytest.mark.exhaustive
def test_a_passkey_is_never_slowed_down(people: People, phone: Authenticator) -> None:
    for place in range(60):
        sign_in_service.sign_in(
            people.ctx, people.username("head"), "x", sign_in_service.Visitor(address=f"203.0.113.{place}")
        )
    for _time in range(20):
        assert not enter(people, _bent_signature(phone, passkeys.ask_to_enter(people.ctx, SITE)))
    assert enter(people, phone.get(passkeys.ask_to_enter(people.ctx, SITE)))


def test_adding_asks_for_the_password_and_a_device_that_verifies(people: People) -> None:
    people.give_password("team_member")
    actor = people.actor("team_member")
    with pytest.raises(BadInput):
        own_account.ask_to_add_passkey(people.ctx, actor, "faux", SITE)
    options = own_account.ask_to_add_passkey(people.ctx, actor, PASSWORD, SITE)
    with pytest.raises(BadInput):
        own_account.add_passkey(people.ctx, actor, SITE, Authenticator(verifies=False).create(options), "")
    other = own_account.ask_to_add_passkey(people.ctx, actor, PASSWORD, SITE)
    with pytest.raises(BadInput):  # asked for by somebody else
        own_account.add_passkey(people.ctx, people.actor("head"), SITE, Authenticator().create(other), "")


def test_a_passkey_is_kept_once_and_taken_away(people: People, phone: Authenticator) -> None:
    head = people.actor("head")
    options = own_account.ask_to_add_passkey(people.ctx, head, PASSWORD, SITE)
    with pytest.raises(BadInput):
        own_account.add_passkey(people.ctx, head, SITE, phone.create(options), "deux fois")
    with pytest.raises(IdentityRefused):
        own_account.drop_passkey(people.ctx, people.actor("team_member"), PASSWORD, text_of(phone.id))
    device = Authenticator()
    own_account.add_passkey(
        people.ctx,
        head,
        SITE,
        device.create(own_account.ask_to_add_passkey(people.ctx, head, PASSWORD, SITE)),
        "\u202ex\0y" * 40,
    )
    assert enter(people, device.get(passkeys.ask_to_enter(people.ctx, SITE)))
    own_account.drop_passkey(people.ctx, head, PASSWORD, text_of(device.id))
    assert not enter(people, device.get(passkeys.ask_to_enter(people.ctx, SITE)))


def test_whoever_must_have_a_factor_may_begin_with_a_passkey(people: People) -> None:
    people.give_password("academy")
    half = people.enter("academy")
    assert half is not None
    device = Authenticator()
    options = passkeys.ask_to_add(people.ctx, people.actor("academy").id, SITE)
    done = sign_in_service.enrol_passkey(people.ctx, half, SITE, device.create(options), "clé")
    assert done is not None
    assert people.is_in(done[0])
    assert enter(people, device.get(passkeys.ask_to_enter(people.ctx, SITE)))
    with pytest.raises(IdentityRefused, match="last_factor"):
        own_account.drop_passkey(people.ctx, people.actor("academy"), PASSWORD, text_of(device.id))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.exhaustive
@given(
    answer=st.fixed_dictionaries(
        {"response": st.dictionaries(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), json)},
        optional={"id": json, "rawId": json, "type": json},
    )
)
def test_rubbish_is_refused_calmly(people: People, answer: dict[str, Any]) -> None:
    assert not enter(people, answer)


@pytest.mark.exhaustive(but=("clientDataJSON",))
@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@given(junk=st.binary(max_size=60))
def test_rubbish_in_a_right_answer_is_refused_calmly(
    people: People, phone: Authenticator, part: str, junk: bytes
) -> None:
    answer = phone.get(passkeys.ask_to_enter(people.ctx, SITE))
    if part == "userHandle" and not junk:
        junk = b"x"  # a device may say no handle
    answer["response"][part] = text_of(junk)
    assert not enter(people, answer)
