"""What is known of an account, kept anew: what of it differs, and the address before, which is still to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from school_protocol.services.house import House
from school_protocol.storage import addresses, staff
from school_protocol.storage.administration import Kind
from school_protocol.storage.directory import Account
from school_protocol.storage.engines import Session


def keep_account(
    session: Session,
    house: House,
    before: Account,
    *,
    names: Mapping[str, str],
    language: str,
    email: str | None,
    phone: str | None,
) -> tuple[Kind, ...]:
    """Keep this of an account; returns what is to be written down of it, nothing where nothing differs."""
    kinds = []
    if (dict(names), language) != (dict(before.names), before.language):
        kinds.append(Kind.account_changed)
    if (email, phone) != (before.email, before.phone):
        kinds.append(Kind.address_changed)
        addresses.keep(session, house.vault, before, at=house.now())
    if kinds:
        staff.change_account(session, before.id, names=names, language=language, email=email, phone=phone)
    return tuple(kinds)


def say_address_changed(house: House, accounts: Sequence[str]) -> None:
    """To be called by whoever changes where messages reach these people, once it is kept."""
    for tell in house.wiring.address_changed:
        tell(house, accounts)
