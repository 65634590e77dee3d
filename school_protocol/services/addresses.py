"""Where messages reach somebody: mail and telephone, kept and put right."""

from __future__ import annotations

import re

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.services.house import House
from school_protocol.services.identity.administering import BY_COMMAND, write_down
from school_protocol.services.staff.addresses import say_address_changed
from school_protocol.storage import addresses, administration, directory
from school_protocol.storage.administration import Kind
from school_protocol.storage.directory import Account

_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+?\d{6,15}")


def is_address(email: str) -> bool:
    """Whether mail can be sent to this address."""
    return len(email) <= 254 and email.isascii() and _EMAIL.fullmatch(email) is not None


def plain_phone(phone: str) -> str:
    """A telephone number as it is kept, without what it is grouped by."""
    return re.sub(r"[\s.()-]", "", phone)


def is_phone(phone: str) -> bool:
    """Whether this is a telephone number as it is kept."""
    return _PHONE.fullmatch(phone) is not None


def keep_address(house: House, username: str, *, email: str | None = None, phone: str | None = None) -> Account:
    """Keep where messages reach an account; None leaves what there is, nothing written takes it away.

    The address that stood before is told.
    """
    with house.directory.writing() as session:
        account = directory.account_named(session, username)
        if account is None:
            raise Unseen(username)
        mail = account.email if email is None else email.strip() or None
        number = account.phone if phone is None else plain_phone(phone) or None
        _check(mail, number)
        if (mail, number) != (account.email, account.phone):
            directory.set_address(session, account.id, email=mail, phone=number)
            addresses.keep(session, house.vault, account, at=house.now())
            if administration.latest_appointment(session, account.id) is not None:
                write_down(session, house, account.id, account.id, Kind.address_changed, BY_COMMAND)
        kept = directory.account(session, account.id)
    assert kept is not None
    say_address_changed(house, [kept.id])
    return kept


def _check(email: str | None, phone: str | None) -> None:
    problems: dict[str, tuple[str, ...]] = {}
    if email and not is_address(email):
        problems["email"] = ("not_an_address",)
    if phone and not is_phone(phone):
        problems["phone"] = ("not_a_number",)
    if problems:
        raise BadInput(problems)
