"""Slips for people who have no way in yet: one a person, to be cut out and handed over; each replaces the last one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.identity.administering import IdentityRefused
from school_protocol.services.identity.invitations import Slip, invite_by_slip
from school_protocol.services.staff import importing
from school_protocol.services.staff.reach import admin_of, place_within
from school_protocol.storage import directory, staff, staff_imports

MOST = 300
"""So many slips on one sheet, at most."""


def of_unit(house: House, actor: Actor, code: str) -> tuple[Slip, ...]:
    """The slips of everybody who works in that unit or below and has no way in yet; raises Unseen."""
    admin = admin_of(house, actor)
    with house.directory.reading() as session:
        unit = place_within(session, admin, code)
        waiting = staff.without_way_in(session, [unit.id], limit=MOST)
    return tuple(_made(house, actor, waiting))


def of_list(house: House, actor: Actor, batch: str) -> tuple[Slip, ...]:
    """The slips of those whom one's own list made and who have no way in yet; raises Unseen."""
    importing.see_import(house, actor, batch)
    with house.directory.reading() as session:
        made = staff_imports.made_accounts(session, batch)
        found = directory.accounts(session, made) if len(made) <= MOST * 10 else {}
    waiting = [one for one in made if one in found and found[one].password_hash is None and found[one].active]
    return tuple(_made(house, actor, waiting[:MOST]))


def _made(house: House, actor: Actor, accounts: Iterable[str]) -> Iterator[Slip]:
    """Somebody who works elsewhere too, or has got a way in meanwhile, gets none."""
    for account in accounts:
        try:
            yield invite_by_slip(house, actor, account, house.now())
        except (IdentityRefused, Unseen):
            continue
