"""`school-protocol found` and `school-protocol calendar …`: an installation's first day, and when schools are open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from school_protocol.cli.group import actor_called, main, open_the_house, read_yaml
from school_protocol.cli.users import say_link


@main.command("found")
@click.option("--administrator", required=True, help="User name of whoever lets all others in.")
@click.option("--name", required=True, help="What they are called, in French.")
@click.option("--name-ar", default="", help="The same in Arabic.")
@click.option("--code", default="MA", show_default=True, help="The country's, above all academies.")
@click.option("--country", default="Maroc", show_default=True)
@click.option("--country-ar", default="المغرب", show_default=True)
@click.option("--definition", type=click.Path(exists=True, dir_okay=False), help="Another protocol than the Moroccan.")
def found(
    administrator: str, name: str, name_ar: str, code: str, country: str, country_ar: str, definition: str | None
) -> None:
    """Begin an empty installation: the country, a school year, the protocol, and its first administrator's link."""
    from school_protocol.services import beginning
    from school_protocol.services.identity import invitations

    house = open_the_house()
    first = beginning.First(administrator, (name, name_ar), code.strip().upper(), (country, country_ar))
    content = Path(definition).read_bytes() if definition else None
    protocol = beginning.found(house, first, content)
    click.echo(f"{first.code} is founded, {protocol.protocol} {protocol.version} is published", err=True)
    click.echo(f"schools open as in the usual year: `school-protocol calendar show {first.code}`", err=True)
    click.echo(f"{administrator} comes in by this link, once, within 72 hours:", err=True)
    say_link(house, invitations.invite_the_first(house, administrator, house.now()))


@main.group()
def calendar() -> None:
    """When schools are open: days that count towards what is due."""


@calendar.command("show")
@click.argument("code")
def calendar_show(code: str) -> None:
    """Print the calendar that holds at CODE (a school, province, academy, the country), as `set` takes it."""
    import yaml

    from school_protocol.services.school_time import calendar_at, written

    said = written(calendar_at(open_the_house(), code))
    click.echo(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), nl=False)


@calendar.command("set")
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--as", "username", required=True, help="Who administers the accounts of that place.")
def calendar_set(code: str, file: str, username: str) -> None:
    """Say by FILE when schools are open at CODE and below; what is due already stays due."""
    from school_protocol.services.school_time import keep, read

    house = open_the_house()
    said: Any = read_yaml(file)
    keep(house, actor_called(house, username), code, read(said))
    click.echo(f"from now on it holds at {code}, and below where no calendar of their own holds", err=True)
