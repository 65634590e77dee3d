"""Commands `found`, `calendar`, `go-live` and `sample`: the first day, the go-live list, made-up cases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import bars, house_and_actor, main, open_the_house, read_yaml, say
from school_protocol.cli.people_commands import say_link
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.ops.going_live import Entry, ListView


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
    from school_protocol.auth import access_codes
    from school_protocol.ops import setup

    house = open_the_house()
    code = code.strip().upper()
    content = Path(definition).read_bytes() if definition else None
    protocol = setup.found(house, administrator, (name, name_ar), code, (country, country_ar), content)
    click.echo(f"{code} is founded, {protocol.protocol} {protocol.version} is published", err=True)
    click.echo(f"schools open as in the usual year: `school-protocol calendar show {code}`", err=True)
    click.echo(f"{administrator} comes in by this link, once, within 72 hours:", err=True)
    say_link(house, access_codes.invite_the_first(house, administrator, house.now()))


@main.group()
def calendar() -> None:
    """When schools are open: days that count towards what is due."""


@calendar.command("show")
@click.argument("code")
def calendar_show(code: str) -> None:
    """Print the calendar that holds at CODE (a school, province, academy, the country), as `set` takes it."""
    import yaml

    from school_protocol.people.school_time import calendar_at, written

    said = written(calendar_at(open_the_house(), code))
    click.echo(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), nl=False)


@calendar.command("set")
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--as", "username", required=True, help="Who administers the accounts of that place.")
def calendar_set(code: str, file: str, username: str) -> None:
    """Say by FILE when schools are open at CODE and below; what is due already stays due."""
    from school_protocol.people.school_time import keep, read

    house, actor = house_and_actor(username)
    said: Any = read_yaml(file)
    keep(house, actor, code, read(said))
    click.echo(f"from now on it holds at {code}, and below where no calendar of their own holds", err=True)


# ---- `go-live`: what must be so before real cases ------------------------------------------------------------------
# Shown and taken back here; two people sign on the page.

_AS = click.option("--as", "username", required=True, help="User name of whoever takes it back: administers accounts.")
_JSON = click.option("--json", "as_json", is_flag=True)
_ITEM = click.argument("item")


@main.group("go-live")
def go_live() -> None:
    """What must be so before a real pupil's case is opened."""


@go_live.command("show")
@_JSON
def show(as_json: bool) -> None:
    """The list: what is signed, by whom, with what reference, and what is missing."""
    from school_protocol.ops.going_live import list_of

    _say(list_of(open_the_house(), "en"), as_json=as_json)


@go_live.command("withdraw")
@_ITEM
@click.option("--reference", required=True, help="Why: one sentence, 200 characters; kept for good.")
@_AS
@_JSON
def withdraw(item: str, reference: str, username: str, as_json: bool) -> None:
    """Take the signature of ITEM back; both entries stay."""
    from school_protocol.ops import going_live

    house, actor = house_and_actor(username)
    going_live.withdraw(house, actor, item, reference)
    _say(going_live.list_of(house, "en"), as_json=as_json)


def _say(view: ListView, *, as_json: bool) -> None:
    from school_protocol.cases.opening_gate import LACKS, PEOPLE

    if as_json:
        lines = [
            {"item": line.item.key, "title": line.item.title, "stands": line.stands, "lack": line.lack,
             "signed": [_plain(entry) for entry in line.signed], "log": [_plain(entry) for entry in line.entries]}
            for line in view.lines
        ]  # fmt: skip
        say({"open": not view.is_shut, "has_cases": view.has_begun, "demo": view.is_demo,
             "missing": [item.key for item in view.missing], "items": lines})  # fmt: skip
        return
    for line in view.lines:
        click.echo(f"{line.item.key}: {line.item.title}")
        for said in line.signed:
            click.echo(f"    signed {said.at:%Y-%m-%d %H:%M} UTC by {said.username}: {said.reference}")
        if not line.stands:
            wants = f"WANTS {PEOPLE - len(line.signed)} MORE" if line.signed else "NOT SIGNED"
            click.echo(f"    {wants}; asks for: {line.item.asks}")
        if line.lack:
            click.echo(f"    {LACKS[line.lack]}")
    click.echo(_standing(view), err=True)


def _plain(entry: Entry) -> dict[str, Any]:
    return {"signs": entry.signs, "at": entry.at, "by": entry.username, "reference": entry.reference}


def _standing(view: ListView) -> str:
    if view.is_demo:
        return "a demo: nothing is kept out"
    if not view.missing:
        return "all is signed: cases can be opened"
    shut = "no case is opened, no report taken" if view.is_shut else "cases go on all the same, as they had begun"
    return f"{len(view.missing)} not signed: {shut}"


# ---- `sample`: made-up cases in any number -------------------------------------------------------------------------


@main.command("sample")
@click.option("--cases", required=True, type=click.IntRange(1, 10_000_000), help="How many more there are to be.")
@click.option(
    "--schools", type=click.IntRange(1, 49_999), help="In how many schools; without it, as many as such cases need."
)
@click.option("--seed", default=1, show_default=True, help="The same cases for the same seed.")
@click.option("--json", "as_json", is_flag=True)
def sample(cases: int, schools: int | None, seed: int, as_json: bool) -> None:
    """Fill a demo with made-up cases, played by the engine; where nothing is yet, found one.

    They happen at academies and schools of their own. The password is that of the demo's accounts.
    """
    from school_protocol.ops.demo import prepare
    from school_protocol.ops.fixture_copy import sample as fill

    password = os.environ.get("SCHOOL_PROTOCOL_DEMO_PASSWORD")
    settings = settings_from(os.environ)
    accounts = prepare(
        settings, reset=False, password=password, say=lambda line: click.echo(line, err=True), told=False
    )
    with bars() as step:
        done = fill(open_the_house(), cases, seed=seed, password=accounts.password, progress=step, places=schools)
    if as_json:
        say({"cases": done.cases, "events": done.events, "schools": done.schools, "histories": done.histories})
        return
    click.echo(
        f"{done.cases} cases of {done.events} events in {done.schools} schools, out of {done.histories} histories; "
        f"sign in as 50000s-team-member, 50000s-head, esp-01-…, es-01-… with the password {accounts.password}"
    )
