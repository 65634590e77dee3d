"""Invitations by mail: each one leaves once, with a link that is made as it leaves and is kept nowhere."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from school_protocol.post import Letter, Post, Undelivered, Unreachable
from school_protocol.services.house import REALM, House
from school_protocol.services.identity.administering import BY_MAIL
from school_protocol.services.identity.codes import hashed
from school_protocol.services.identity.invitations import GOOD_FOR, INVITATION
from school_protocol.services.staff.inviting import give_link, sends
from school_protocol.storage import administration, directory, outbox, proving, staff
from school_protocol.storage.administration import Kind
from school_protocol.storage.directory import Account
from school_protocol.wording import Wording

OUTBOX = "invitation"
LATEST = timedelta(days=2)
"""What was asked for longer ago when a worker comes back doesn't leave any more: it is sent again from its page."""
OVERLAP = timedelta(minutes=2)
BATCH = 100
PATH = "/invited/"
_log = logging.getLogger(__name__)


def send_invitations(house: House, post: Post) -> int:
    """Send what was asked for and is still open; returns how many left. Cut off anywhere, it goes on."""
    if house.name != REALM or not sends(house, post.mail):
        return 0
    _collect(house)
    with house.realm.writing() as session:
        taken = outbox.take(session, house.now(), limit=BATCH, kind=OUTBOX)
    return sum(_deliver(house, post, message) for message in taken)


def _collect(house: House) -> None:
    """From the log into the outbox, each row once; of several about one account the latest counts."""
    now = house.now()
    with house.realm.reading() as session:
        latest = outbox.latest(session, OUTBOX)
    since = max(now - LATEST, (latest or now - LATEST) - OVERLAP)
    with house.directory.reading() as session:
        rows = administration.rows_since(session, since, until=now, kinds={Kind.invited})
    with house.realm.writing() as session:
        for row, change in rows:
            if change.reason == BY_MAIL:
                outbox.put_once(
                    session, f"{OUTBOX}-{row}"[:40], OUTBOX, {"to": change.account, "by": change.actor}, at=change.at
                )


def _deliver(house: House, post: Post, message: outbox.Message) -> int:
    assert post.mail is not None
    to, now = str(message.payload["to"]), house.now()
    token = secrets.token_urlsafe(32)
    with house.directory.writing() as session:
        account = directory.account(session, to)
        is_open = account is not None and bool(account.email) and staff.is_awaited(session, to, reason=BY_MAIL)
        if is_open:
            give_link(session, to, str(message.payload["by"]), hashed(house, "link", token), now, now + GOOD_FOR)
    left = 0
    if account is not None and account.email and is_open:
        try:
            post.mail.carry(account.email, _letter(house, account, message.id, token))
            left = 1
        except (Undelivered, Unreachable) as error:
            _log.warning("an invitation was put off: %s", type(error).__name__)
            pause = timedelta(minutes=min(2 ** min(message.attempts, 8), 240))
            with house.directory.writing() as session:
                proving.drop_codes(session, to, INVITATION)
            with house.realm.writing() as session:
                outbox.put_off(session, message.id, now + pause)
            return 0
    with house.realm.writing() as session:
        outbox.done(session, message.id, at=now)
    return left


def _letter(house: House, account: Account, letter: str, token: str) -> Letter:
    """The link and the user name; nothing of a school, a case or a pupil."""
    offered = account.language in house.settings.languages
    w = Wording(account.language if offered else house.settings.default_language)
    lines = [
        w._("You are invited to use the tool in which your school follows up cyberharassment."),
        w._("Choose your password at this address, within 72 hours:"),
        f"{house.settings.address.rstrip('/')}{PATH}{token}",
        w._("Your user name is %(name)s.", name=account.username),
        w._("If you know nothing of it, leave it: without that link nobody comes in."),
        w._("A machine sent it: nobody reads an answer."),
    ]
    return Letter(letter, house.now(), w.html_language, w._("Your invitation"), "\n\n".join(lines) + "\n")
