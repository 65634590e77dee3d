"""A lost second factor: one person who administers the account asks, another agrees and prints a code; both are named.

The owner then types that code after the password, the old factors end, and new ones are set up at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.identity import noted, throttling
from school_protocol.services.identity.administering import (
    HELPED,
    OWN,
    IdentityRefused,
    are_one_hand,
    end_access,
    helped,
    refuse_if_apart,
    refuse_who_moved,
    units_helped,
    write_down,
)
from school_protocol.services.identity.codes import draw_digits
from school_protocol.services.identity.factors import factors_of
from school_protocol.services.identity.invitations import GOOD_FOR, INVITATION, PASSWORD, Slip, digits_hash, slip_for
from school_protocol.services.identity.signing_in import NOBODY, Visitor, begin, pending
from school_protocol.services.loading import today_for
from school_protocol.storage import administration, directory, proving
from school_protocol.storage import sign_in as browser
from school_protocol.storage.administration import Kind
from school_protocol.storage.engines import Session
from school_protocol.storage.proving import OneTimeCode, Restoration
from school_protocol.storage.sign_in import Stage

FACTOR, RESTORED = "factor", "restore"
APART = timedelta(days=30)
"""So long two people who agree must not have had to do with each other's accounts."""
WAITS = timedelta(days=7)
"""So long an asking waits for somebody to agree."""
LISTED = 200


@dataclass(frozen=True, slots=True)
class HelpedLine:
    """Somebody who can be helped."""

    account: str
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class HelpedView:
    """One person, as whoever administers them sees what can be done."""

    account: str
    username: str
    name: str
    has_password: bool
    has_factor: bool
    invited_until: datetime | None
    code_until: datetime | None
    asked_by: str
    """Who asked that the factors be set anew; empty: nobody."""
    asked_at: datetime | None
    is_mine: bool
    """It was this reader who asked: another must agree."""
    agreed_by: str


# ---- seen ------------------------------------------------------------------------------------------------------------


def people_helped(house: House, by: Actor) -> tuple[HelpedLine, ...]:
    """The people of the units that this person is appointed to, as far as they can be helped."""
    units = units_helped(house, by)
    with house.directory.reading() as session:
        posts = administration.posts(session, units, since=today_for(house)) if units else ()
        people = {post.account.id: post.account for post in posts}
        return tuple(
            HelpedLine(one.id, one.username, one.name(by.language))
            for one in list(people.values())[:LISTED]
            if _is_helped(session, house, by, one.id)
        )


def find_helped(house: House, by: Actor, username: str) -> str:
    """The account of that user name, if it is this person's to help; raises Unseen."""
    with house.directory.reading() as session:
        found = directory.account_named(session, username)
        return helped(session, house, by, found.id if found else "").id


def asked_for(house: House, by: Actor) -> tuple[HelpedLine, ...]:
    """For whom somebody else asked, and a second person is awaited."""
    with house.directory.reading() as session:
        waiting = proving.open_restorations(session, since=house.now() - WAITS, limit=LISTED)
        found = (
            helped(session, house, by, one.account)
            for one in waiting
            if one.asked_by != by.id and _is_helped(session, house, by, one.account)
        )
        return tuple(HelpedLine(one.id, one.username, one.name(by.language)) for one in found)


def _is_helped(session: Session, house: House, by: Actor, account: str) -> bool:
    try:
        return bool(helped(session, house, by, account))
    except Unseen:
        return False


def see_helped(house: House, by: Actor, account_id: str) -> HelpedView:
    """What can be done for this person; raises Unseen."""
    with house.directory.reading() as session:
        found = helped(session, house, by, account_id)
        asked = proving.open_restoration(session, account_id, since=house.now() - WAITS)
        codes = {
            purpose: proving.waiting_code(session, account_id, purpose, now=house.now())
            for purpose in (INVITATION, PASSWORD)
        }
        until = {purpose: code.expires_at if code else None for purpose, code in codes.items()}
        return HelpedView(
            account=found.id,
            username=found.username,
            name=found.name(by.language),
            has_password=found.password_hash is not None,
            has_factor=factors_of(session, house, account_id).has_any,
            invited_until=until[INVITATION],
            code_until=until[PASSWORD],
            asked_by=_name(session, by, asked.asked_by) if asked else "",
            asked_at=asked.asked_at if asked else None,
            is_mine=asked is not None and asked.asked_by == by.id,
            agreed_by=_name(session, by, asked.agreed_by) if asked and asked.agreed_by else "",
        )


def _name(session: Session, by: Actor, account: str) -> str:
    found = directory.account(session, account)
    return found.name(by.language) if found else "—"


# ---- asked and agreed ------------------------------------------------------------------------------------------------


def ask(house: House, by: Actor, account_id: str) -> None:
    """Ask that somebody's factors be set anew. Raises Unseen; IdentityRefused where there is none."""
    with house.directory.writing() as session:
        helped(session, house, by, account_id)
        if not factors_of(session, house, account_id).has_any:
            raise IdentityRefused("no_such_factor")
        asked = _open(session, house, account_id)
        if asked is not None and asked.asked_by != by.id and asked.agreed_by is None:
            raise IdentityRefused("asked_already")
        proving.ask_restoration(session, account_id, by.id, at=house.now())
        proving.drop_codes(session, account_id, FACTOR)
        write_down(session, house, by.id, account_id, Kind.restoration_asked, HELPED)


def withdraw(house: House, by: Actor, account_id: str) -> None:
    """It isn't asked for any more. Raises Unseen."""
    with house.directory.writing() as session:
        helped(session, house, by, account_id)
        proving.close_restorations(session, account_id, at=house.now())
        proving.drop_codes(session, account_id, FACTOR)
        write_down(session, house, by.id, account_id, Kind.restoration_withdrawn, HELPED)


def agree(house: House, by: Actor, account_id: str) -> Slip:
    """A second person agrees, and prints the code. Raises Unseen; IdentityRefused for whoever asked themselves.

    Also for whose account the other made, or was given the way into, within 30 days: both may be one person.
    """
    code, now = draw_digits(), house.now()
    with house.directory.writing() as session:
        found = helped(session, house, by, account_id)
        asked = _open(session, house, account_id)
        if asked is None:
            raise IdentityRefused("not_asked")
        refuse_if_apart(session, house, by, account_id)
        refuse_who_moved(session, house, by, account_id)
        if are_one_hand(session, asked.asked_by, by.id, since=now - APART):
            raise IdentityRefused("one_hand")
        if not proving.agree_to_restoration(session, asked.id, by.id):
            raise IdentityRefused("two_people_needed")
        secret = digits_hash(house, account_id, code)
        proving.keep_code(session, OneTimeCode(account_id, FACTOR, by.id, now, now + GOOD_FOR), secret)
        write_down(session, house, by.id, account_id, Kind.restoration_agreed, HELPED)
    return slip_for(house, found, FACTOR, code, now + GOOD_FOR)


def _open(session: Session, house: House, account: str) -> Restoration | None:
    return proving.open_restoration(session, account, since=house.now() - WAITS)


# ---- used ------------------------------------------------------------------------------------------------------------


def restore(house: House, token: str, typed: str, visitor: Visitor = NOBODY) -> str | None:
    """After the password, the printed code: the old factors end. A new token, of a session that sets new ones up.

    None for a wrong code. Raises TooManyTries.
    """
    found = pending(house, token)
    if found is None or found.stage is not Stage.factor:
        return None
    with noted.slowed(RESTORED, visitor.address), house.directory.writing() as session:
        attempt = throttling.note(session, house, RESTORED, found.account, address=visitor.address)
    with house.directory.writing() as session:
        secret = digits_hash(house, found.account, typed)
        code = proving.use_code(session, secret, purposes=(FACTOR,), at=house.now())
        if code is None or code.account != found.account:
            noted.wrong(found.account, RESTORED, visitor.address)
            return None
        throttling.forgive(session, attempt)
        proving.drop_seed(session, found.account)
        proving.drop_recovery(session, found.account)
        proving.drop_passkeys(session, found.account)
        proving.close_restorations(session, found.account, at=house.now())
        browser.close_web_sessions(session, found.account)
        end_access(session, house, found.account, found.account)
        write_down(session, house, found.account, found.account, Kind.factors_restored, OWN)
        begun = begin(session, house, found.account, visitor)
    noted.right(found.account, RESTORED, visitor.address)
    return begun
