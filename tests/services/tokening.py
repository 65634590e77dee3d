"""Tokens for other systems, made in an installation as two people make them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date, timedelta

from school_protocol.api import tokens
from school_protocol.auth import repository as auth_repository
from school_protocol.cases.story_player import Player
from school_protocol.context import REALM, AppContext
from school_protocol.engine.visibility import Actor, Unit, UnitKind

BOTH = ("cases:read", "figures:read")


def above(player: Player, kind: UnitKind) -> Unit:
    """The province or the region of the school that is played."""
    with player.ctx.directory.reading() as session:
        school = auth_repository.unit(session, player.school)
        found = auth_repository.find_units(session, school.parents).values()
    return next(one for one in found if one.kind is kind)


def administrator(player: Player, name: str = "chief", unit: str = "") -> Actor:
    """Somebody who administers the accounts of the region, or of that unit."""
    role = next(role.key for role in player.protocol.roles.values() if role.administers)
    with player.ctx.directory.writing() as session:
        known = auth_repository.account_named(session, name)
        account = known.id if known else ""
        if not known:
            account = auth_repository.add_account(
                session, username=name, names={"fr": name}, language="fr", created_at=player.ctx.now()
            )
            place = unit or auth_repository.unit(session, player.school).parents[-1]
            auth_repository.appoint(session, account, role=role, unit=place, starts=date(2020, 1, 1))
        found = auth_repository.actor(session, account, realm=REALM, today=player.ctx.now().date())
    assert found is not None
    return found


def ask(
    ctx: AppContext, by: Actor, unit: str, rights: Iterable[str] = BOTH, *, days: int = 90, name: str = "Pilotage"
) -> str:
    """A token that is asked for; its id."""
    ends = (ctx.now().date() + timedelta(days=days)).isoformat()
    return tokens.ask_token(
        ctx, by, name=name, unit=unit, rights=list(rights), ends=ends, purpose="Tableau de bord de l’académie",
        token=secrets.token_hex(8),
    ).token  # fmt: skip


def drawn(
    player: Player, who: str = "directorate", kind: UnitKind = UnitKind.province, rights: Iterable[str] = BOTH
) -> tuple[str, str]:
    """Id and secret of a token that is good, for the place above the school that is played."""
    by = administrator(player)
    token = ask(player.ctx, by, above(player, kind).code, rights)
    tokens.agree(player.ctx, player.actor(who), token)
    return token, tokens.draw_token(player.ctx, by, token)
