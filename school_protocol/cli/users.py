"""`school-protocol users …`: letting people in, and helping those who lost what they prove themselves with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import REFUSED, actor_called, main, open_the_house, say

if TYPE_CHECKING:
    from school_protocol.domain.policy import Actor
    from school_protocol.services.house import House
    from school_protocol.services.identity.administering import IdentityRefused
    from school_protocol.services.identity.invitations import Slip

_BY_COMMAND = {
    "no_such_account": "no active account without a password has this user name",
    "not_the_first": "somebody who administers can sign in already: they invite (--as)",
}
"""What no page refuses."""


class _Accounts(click.Group):
    """Says in words what is refused about how somebody proves who they are."""

    def invoke(self, ctx: click.Context) -> Any:
        from school_protocol.services.identity.administering import IdentityRefused

        try:
            return super().invoke(ctx)
        except IdentityRefused as refusal:
            click.echo(f"refused: {_why(refusal)}", err=True)
            sys.exit(REFUSED)


def _why(refusal: IdentityRefused) -> str:
    from school_protocol.web.account import sayings
    from school_protocol.wording import Wording

    return _BY_COMMAND.get(refusal.code) or sayings.refusal(Wording("en"), refusal.code, refusal.ends)


@main.group(cls=_Accounts)
def users() -> None:
    """Accounts."""


@users.command("address")
@click.argument("username")
@click.option("--email", help="Where mail reaches them; nothing between the quotes takes it away.")
@click.option("--phone", help="Where urgent short messages reach them.")
def users_address(username: str, email: str | None, phone: str | None) -> None:
    """Say where messages reach an account; prints what is kept."""
    from school_protocol.services.addresses import keep_address

    kept = keep_address(open_the_house(), username, email=email, phone=phone)
    say({"username": kept.username, "email": kept.email, "phone": kept.phone})


@users.command("invite")
@click.argument("username")
@click.option("--as", "by", help="User name of whoever administers that account.")
@click.option("--slip", is_flag=True, help="A code of digits to hand over, in place of a link.")
@click.option("--first", is_flag=True, help="The first administrator of an installation, for whom nobody can act yet.")
def users_invite(username: str, by: str | None, slip: bool, first: bool) -> None:
    """Let somebody in who has no password yet; prints the link (or the code), which is good once, for 72 hours."""
    from school_protocol.services.identity import invitations

    house = open_the_house()
    if first == bool(by):
        raise click.UsageError("say who invites (--as), or that it is the --first administrator")
    if first:
        say_link(house, invitations.invite_the_first(house, username, house.now()))
        return
    actor, account = _whom(house, str(by), username)
    if slip:
        _say_slip(invitations.invite_by_slip(house, actor, account, house.now()))
    else:
        say_link(house, invitations.invite(house, actor, account, house.now()))


@users.command("new-password")
@click.argument("username")
@click.option("--as", "by", required=True, help="User name of whoever administers that account.")
def users_new_password(username: str, by: str) -> None:
    """Print a code with which somebody who forgot the password chooses another one: good once, for 72 hours."""
    from school_protocol.services.identity.invitations import new_password_slip

    house = open_the_house()
    actor, account = _whom(house, by, username)
    _say_slip(new_password_slip(house, actor, account, house.now()))


@users.command("restore-factor")
@click.argument("username")
@click.option("--as", "by", required=True, help="User name of whoever administers that account.")
@click.option("--agree", is_flag=True, help="Agree to what somebody else asked, and print the code.")
@click.option("--withdraw", is_flag=True, help="It isn't asked for any more.")
def users_restore_factor(username: str, by: str, agree: bool, withdraw: bool) -> None:
    """Ask that a lost second factor be set anew; a second person agrees to it, and gets the code to hand over."""
    from school_protocol.services.identity import restoring

    house = open_the_house()
    actor, account = _whom(house, by, username)
    if agree and withdraw:
        raise click.UsageError("either --agree or --withdraw")
    if agree:
        _say_slip(restoring.agree(house, actor, account))
    elif withdraw:
        restoring.withdraw(house, actor, account)
    else:
        restoring.ask(house, actor, account)
        click.echo("asked: somebody else who administers this account must agree (--agree)", err=True)


def _whom(house: House, by: str, username: str) -> tuple[Actor, str]:
    """Who helps, and the account that is helped; raises Unseen where it isn't theirs."""
    from school_protocol.services.identity.restoring import find_helped

    actor = actor_called(house, by)
    return actor, find_helped(house, actor, username)


def say_link(house: House, token: str) -> None:
    click.echo(f"{house.settings.address.rstrip('/')}/invited/{token}")


def _say_slip(slip: Slip) -> None:
    say({"username": slip.username, "code": slip.code, "purpose": slip.purpose, "until": slip.expires_at.isoformat()})
