"""Doors that should be shut: each tries to get in with what is over, somebody else's, or made up."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from authenticator import Authenticator
from engine.telling import MOROCCAN
from services.proving import PASSWORD, SITE, People

from school_protocol.auth import access_codes, own_account, passkeys, second_factor, sign_in_repository, sign_in_service
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.service import IdentityRefused, TooManyTries
from school_protocol.auth.sign_in_service import Visitor
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.errors import BadInput, Unseen
from school_protocol.protocol.reader import read

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NEW = "encore un autre cartable"

Door = Callable[["Place"], bool]
"""Tries to get in where nobody may; whether it got in."""


@dataclass
class Place(People):
    """An installation, and tries from ever new addresses, so that no door is shut by slowness alone."""

    tries: int = 0

    @property
    def visitor(self) -> Visitor:
        self.tries += 1
        return Visitor(address=f"2001:db8:{self.tries >> 16:x}:{self.tries & 0xFFFF:x}::1")

    def come_in(self, who: str, password: str = PASSWORD) -> str:
        token = sign_in_service.sign_in(self.ctx, self.username(who), password, self.visitor)
        assert token is not None
        return token

    def whole(self, who: str) -> str:
        """A whole session, as if every step had been made."""
        account = self.actor(who).id
        with self.ctx.directory.writing() as session:
            return sign_in_repository.open_web_session(session, account, now=self.ctx.now())

    def fresh(self, who: str, *, phone: bool = False) -> str:
        """That person as they are at first: a password, no factor, nothing kept. Returns a phone's seed."""
        account = self.actor(who).id
        with self.ctx.directory.writing() as session:
            for drop in (
                sign_in_repository.drop_seed,
                sign_in_repository.drop_recovery,
                sign_in_repository.drop_passkeys,
                sign_in_repository.drop_codes,
            ):
                drop(session, account)
            sign_in_repository.close_restorations(session, account, at=self.ctx.now())
            auth_repository.set_active(session, account, True)
            sign_in_repository.close_web_sessions(session, account)
        self.give_password(who)
        return self.give_phone(who) if phone else ""

    def reopen(self, who: str) -> None:
        """The account is open again, whatever was closed."""
        account = self.actor(who).id
        with self.ctx.directory.writing() as session:
            auth_repository.set_active(session, account, True)

    def prove(self, token: str, code: str) -> bool:
        try:
            return self.is_in(sign_in_service.prove_factor(self.ctx, token, code, self.visitor))
        except TooManyTries:
            return False


@contextmanager
def place_in(folder: Path) -> Iterator[Place]:
    content, clock = MOROCCAN.read_bytes(), TurnableClock(NOW)
    with closing(open_context(Settings(data=folder / "var"), clock)) as ctx:
        yield Place(prepared(ctx, clock, read(content, "1.yaml"), content))


# ---- sessions --------------------------------------------------------------------------------------------------------


def made_up(place: Place) -> bool:
    return place.is_in(secrets.token_urlsafe(32))


def signed_out(place: Place) -> bool:
    token = place.whole("head")
    with place.ctx.directory.writing() as session:
        sign_in_repository.close_web_session(session, token)
    return place.is_in(token)


def ended_from_elsewhere(place: Place) -> bool:
    token = place.whole("head")
    own_account.end_session(place.ctx, place.actor("head"), sign_in_repository.handle_of(token))
    return place.is_in(token)


def signed_out_everywhere(place: Place) -> bool:
    token = place.whole("head")
    own_account.end_everywhere(place.ctx, place.actor("head"))
    return place.is_in(token)


def idle(place: Place) -> bool:
    token = place.whole("head")
    place.wait(minutes=30)
    return place.is_in(token)


def over_after_twelve_hours(place: Place) -> bool:
    token = place.whole("head")
    for _half in range(25):
        place.wait(minutes=29)
        if not place.is_in(token):
            return False
    return place.is_in(token)


def from_the_future(place: Place) -> bool:
    account = place.actor("head").id
    with place.ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, account, now=place.ctx.now() + timedelta(hours=1))
    return place.is_in(token)


def after_the_password_changed(place: Place) -> bool:
    place.fresh("head")
    token = place.come_in("head")
    own_account.change_password(place.ctx, place.actor("head"), PASSWORD, NEW)
    return place.is_in(token)


def after_a_factor_was_set(place: Place) -> bool:
    place.fresh("head")
    token, seed = place.come_in("head"), second_factor.draw_seed()
    own_account.set_up_codes(place.ctx, place.actor("head"), PASSWORD, seed, place.code(seed))
    return place.is_in(token)


def of_a_closed_account(place: Place) -> bool:
    token, account = place.whole("head"), place.actor("head").id
    with place.ctx.directory.writing() as session:
        auth_repository.set_active(session, account, False)
    return place.is_in(token)


def half_way(place: Place) -> bool:
    place.fresh("directorate")
    return place.is_in(place.come_in("directorate"))


def half_way_with_a_factor(place: Place) -> bool:
    place.fresh("head", phone=True)
    return place.is_in(place.come_in("head"))


def half_way_too_long(place: Place) -> bool:
    seed = place.fresh("head", phone=True)
    token = place.come_in("head")
    place.wait(minutes=15)
    return place.prove(token, place.code(seed))


def the_handle_as_a_token(place: Place) -> bool:
    return place.is_in(sign_in_repository.handle_of(place.whole("head")))


# ---- second factors --------------------------------------------------------------------------------------------------


def phone_code_twice(place: Place) -> bool:
    seed = place.fresh("head", phone=True)
    code = place.code(seed)
    assert place.prove(place.come_in("head"), code)
    return place.prove(place.come_in("head"), code)


def earlier_phone_code(place: Place) -> bool:
    seed = place.fresh("head", phone=True)
    assert place.prove(place.come_in("head"), place.code(seed))
    return place.prove(place.come_in("head"), place.code(seed, -1))


def old_phone_code(place: Place) -> bool:
    seed = place.fresh("head", phone=True)
    return any(place.prove(place.come_in("head"), place.code(seed, away)) for away in (-3, -2, 2, 3))


def former_phone(place: Place) -> bool:
    former = place.fresh("head", phone=True)
    place.give_phone("head")
    return place.prove(place.come_in("head"), place.code(former))


def somebody_elses_phone(place: Place) -> bool:
    place.fresh("head", phone=True)
    other = place.fresh("team_member", phone=True)
    return place.prove(place.come_in("head"), place.code(other))


def _recovery(place: Place, who: str) -> tuple[str, ...]:
    place.fresh(who)
    seed = second_factor.draw_seed()
    return own_account.set_up_codes(place.ctx, place.actor(who), PASSWORD, seed, place.code(seed)).recovery


def recovery_code_twice(place: Place) -> bool:
    code = _recovery(place, "head")[0]
    assert place.prove(place.come_in("head"), code)
    return place.prove(place.come_in("head"), code)


def former_recovery_code(place: Place) -> bool:
    code = _recovery(place, "head")[0]
    own_account.new_recovery(place.ctx, place.actor("head"), PASSWORD)
    return place.prove(place.come_in("head"), code)


def somebody_elses_recovery_code(place: Place) -> bool:
    code = _recovery(place, "team_member")[0]
    _recovery(place, "head")
    return place.prove(place.come_in("head"), code)


def _device(place: Place) -> Authenticator:
    place.fresh("head")
    device = Authenticator()
    options = own_account.ask_to_add_passkey(place.ctx, place.actor("head"), PASSWORD, SITE)
    own_account.add_passkey(place.ctx, place.actor("head"), SITE, device.create(options), "")
    assert _by_passkey(place, device.get(passkeys.ask_to_enter(place.ctx, SITE)))
    return device


def _by_passkey(place: Place, answer: dict[str, Any]) -> bool:
    return place.is_in(sign_in_service.sign_in_by_passkey(place.ctx, SITE, answer, place.visitor))


def passkey_answer_twice(place: Place) -> bool:
    answer = _device(place).get(passkeys.ask_to_enter(place.ctx, SITE))
    assert _by_passkey(place, answer)
    return _by_passkey(place, answer)


def passkey_of_another_site(place: Place) -> bool:
    device = _device(place)
    device.origin = "http://localhost.example"
    return _by_passkey(place, device.get(passkeys.ask_to_enter(place.ctx, SITE)))


def passkey_without_finger(place: Place) -> bool:
    device = _device(place)
    device.verifies = False
    return _by_passkey(place, device.get(passkeys.ask_to_enter(place.ctx, SITE)))


def passkey_taken_away(place: Place) -> bool:
    device = _device(place)
    account = place.actor("head").id
    with place.ctx.directory.writing() as session:
        sign_in_repository.drop_passkeys(session, account)
    return _by_passkey(place, device.get(passkeys.ask_to_enter(place.ctx, SITE)))


def passkey_of_a_closed_account(place: Place) -> bool:
    device, account = _device(place), place.actor("head").id
    with place.ctx.directory.writing() as session:
        auth_repository.set_active(session, account, False)
    return _by_passkey(place, device.get(passkeys.ask_to_enter(place.ctx, SITE)))


# ---- codes that others give ------------------------------------------------------------------------------------------


def _without_password(place: Place, who: str) -> str:
    place.fresh(who)
    account = place.actor(who).id
    with place.ctx.directory.writing() as session:
        auth_repository.set_password(session, account, None)  # type: ignore[arg-type]
    return account


def invitation_twice(place: Place) -> bool:
    account = _without_password(place, "team_member")
    token = access_codes.invite(place.ctx, place.actor("head"), account, place.ctx.now())
    assert access_codes.accept_invitation(place.ctx, token, PASSWORD)
    return access_codes.accept_invitation(place.ctx, token, NEW)


def invitation_too_old(place: Place) -> bool:
    account = _without_password(place, "team_member")
    token = access_codes.invite(place.ctx, place.actor("head"), account, place.ctx.now())
    place.wait(hours=72)
    return access_codes.accept_invitation(place.ctx, token, PASSWORD)


def invitation_made_up(place: Place) -> bool:
    return access_codes.accept_invitation(place.ctx, secrets.token_urlsafe(32), PASSWORD)


def _by_slip(place: Place, who: str, code: str) -> bool:
    return access_codes.set_password_by_code(place.ctx, place.username(who), code, NEW, address=place.visitor.address)


def slip_twice(place: Place) -> bool:
    place.fresh("team_member")
    now = place.ctx.now()
    slip = access_codes.new_password_slip(place.ctx, place.actor("head"), place.actor("team_member").id, now)
    assert _by_slip(place, "team_member", slip.code)
    return _by_slip(place, "team_member", slip.code)


def somebody_elses_slip(place: Place) -> bool:
    place.fresh("team_member")
    place.fresh("reporter")
    now = place.ctx.now()
    slip = access_codes.new_password_slip(place.ctx, place.actor("head"), place.actor("team_member").id, now)
    return _by_slip(place, "reporter", slip.code)


def slip_for_oneself(place: Place) -> bool:
    place.fresh("head")
    return _given(lambda: access_codes.new_password_slip(
        place.ctx, place.actor("head"), place.actor("head").id, place.ctx.now()
    ))  # fmt: skip


def slip_for_somebody_above(place: Place) -> bool:
    place.fresh("directorate")
    account = place.actor("directorate").id
    return _given(lambda: access_codes.new_password_slip(place.ctx, place.actor("head"), account, place.ctx.now()))


def restored_by_one(place: Place) -> bool:
    place.fresh("head", phone=True)
    account, admin = place.actor("head").id, place.actor("technical_admin")
    access_codes.ask_restoring(place.ctx, admin, account)
    return _given(lambda: access_codes.agree(place.ctx, admin, account))


def restored_by_oneself(place: Place) -> bool:
    place.fresh("head", phone=True)
    access_codes.ask_restoring(place.ctx, place.actor("technical_admin"), place.actor("head").id)
    return _given(lambda: access_codes.agree(place.ctx, place.actor("head"), place.actor("head").id))


def restored_from_another_unit(place: Place) -> bool:
    place.fresh("academy", phone=True)
    account = place.actor("academy").id
    return _given(lambda: access_codes.ask_restoring(place.ctx, place.actor("directorate"), account))


def restoration_code_without_the_password(place: Place) -> bool:
    place.fresh("head", phone=True)
    account = place.actor("head").id
    access_codes.ask_restoring(place.ctx, place.actor("technical_admin"), account)
    slip = access_codes.agree(place.ctx, place.actor("directorate"), account)
    return _by_slip(place, "head", slip.code) or place.is_in(access_codes.restore(place.ctx, "x" * 43, slip.code))


def weak_first_password(place: Place) -> bool:
    account = _without_password(place, "team_member")
    token = access_codes.invite(place.ctx, place.actor("head"), account, place.ctx.now())
    return any(_taken(place, token, weak) for weak in ("court", "motdepasse2026", "aaaaaaaaaaaa", "azertyuiop123"))


def _taken(place: Place, token: str, password: str) -> bool:
    try:
        return access_codes.accept_invitation(place.ctx, token, password)
    except BadInput:
        return False


def _given(give: Callable[[], object]) -> bool:
    try:
        give()
    except (Unseen, IdentityRefused):
        return False
    return True


def wrong_password(place: Place) -> bool:
    place.fresh("head")
    name = place.username("head")
    for password in ("", "x", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1], "\0", PASSWORD * 60):
        if place.is_in(sign_in_service.sign_in(place.ctx, name, password, place.visitor)):
            return True
    return False


DOORS: tuple[Door, ...] = (
    made_up, signed_out, ended_from_elsewhere, signed_out_everywhere, idle, over_after_twelve_hours, from_the_future,
    after_the_password_changed, after_a_factor_was_set, of_a_closed_account, half_way, half_way_with_a_factor,
    half_way_too_long, the_handle_as_a_token, phone_code_twice, earlier_phone_code, old_phone_code, former_phone,
    somebody_elses_phone, recovery_code_twice, former_recovery_code, somebody_elses_recovery_code,
    passkey_answer_twice, passkey_of_another_site, passkey_without_finger, passkey_taken_away,
    passkey_of_a_closed_account, invitation_twice, invitation_too_old, invitation_made_up, slip_twice,
    somebody_elses_slip, slip_for_oneself, slip_for_somebody_above, restored_by_one, restored_by_oneself,
    restored_from_another_unit, restoration_code_without_the_password, weak_first_password, wrong_password,
)  # fmt: skip
