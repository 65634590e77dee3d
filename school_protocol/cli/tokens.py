"""`school-protocol tokens …`: what other systems read by token; made by two people, ended at once."""

from __future__ import annotations

import click

from school_protocol.cli.group import actor_called, main, open_the_house, say

AS = click.option("--as", "username", required=True, help="User name of whoever acts: administers or oversees it.")


@main.group("tokens")
def tokens() -> None:
    """Tokens by which other systems read."""


@tokens.command("create")
@click.argument("name")
@click.option("--unit", required=True, help="Code of the province or region that is read.")
@click.option(
    "--right", "rights", multiple=True, required=True, help="cases:read or figures:read; both, if said twice."
)
@click.option(
    "--until", "ends", required=True, help="Last day on which it is good, as YYYY-MM-DD; a year ahead at most."
)
@click.option("--purpose", required=True, help="What for, in one sentence; it is kept.")
@click.option("--as", "username", required=True, help="User name of whoever asks: administers accounts there.")
@click.option("--agreed-by", "second", required=True, help="User name of whoever agrees: oversees that place.")
def create(name: str, unit: str, rights: tuple[str, ...], ends: str, purpose: str, username: str, second: str) -> None:
    """Make a token for the system NAME, as two people; prints it this once."""
    import secrets

    from school_protocol.services.api import tokens as kept

    house = open_the_house()
    asking, agreeing = actor_called(house, username), actor_called(house, second)
    asked = kept.ask(
        house, asking, name=name, unit=unit, rights=rights, ends=ends, purpose=purpose, token=secrets.token_hex(16)
    )
    try:
        kept.agree(house, agreeing, asked.token)
    except Exception:
        kept.end(house, asking, asked.token)
        raise
    click.echo(kept.draw(house, asking, asked.token))


@tokens.command("list")
@click.option("--over", is_flag=True, help="Those that are over or ended.")
@click.option("--after", default="", help="The last id of the page before.")
@click.option("--json", "as_json", is_flag=True)
@AS
def list_tokens(over: bool, after: str, as_json: bool, username: str) -> None:
    """The tokens of one's places, newest first, a page at a time."""
    from school_protocol.services.api.tokens import see_tokens

    house = open_the_house()
    view = see_tokens(house, actor_called(house, username), are_over=over, after=after)
    if as_json:
        lines = [
            {
                "id": one.id, "name": one.name, "unit": one.unit.code, "rights": one.rights, "until": one.ends,
                "state": one.standing, "read_at": one.read_at,
            }
            for one in view.lines
        ]  # fmt: skip
        say({"tokens": lines, "after": view.after or None})
        return
    for one in view.lines:
        read = f"last read {one.read_at:%Y-%m-%d %H:%M}" if one.read_at else "never read"
        click.echo(
            f"{one.id}  {one.unit.code}  {one.standing}, until {one.ends}, {read}  {', '.join(one.rights)}  {one.name}"
        )
    if view.after:
        click.echo(f"more follow: --after {view.after}")


@tokens.command("revoke")
@click.argument("token")
@AS
def revoke(token: str, username: str) -> None:
    """End a token, by its id (`tokens list`): nothing is read by it from this moment on."""
    from school_protocol.services.api.tokens import end

    house = open_the_house()
    end(house, actor_called(house, username), token)
    click.echo("ended: nothing is read by it any more")
