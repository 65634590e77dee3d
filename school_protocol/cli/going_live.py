"""`school-protocol go-live …`: what must be so before real cases, shown and taken back; two people sign on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import actor_called, main, open_the_house, say

if TYPE_CHECKING:
    from school_protocol.services.going_live.signing import Entry, ListView

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
    from school_protocol.services.going_live.signing import list_of

    _say(list_of(open_the_house(), "en"), as_json=as_json)


@go_live.command("withdraw")
@_ITEM
@click.option("--reference", required=True, help="Why: one sentence, 200 characters; kept for good.")
@_AS
@_JSON
def withdraw(item: str, reference: str, username: str, as_json: bool) -> None:
    """Take the signature of ITEM back; both entries stay."""
    from school_protocol.services.going_live import signing

    house = open_the_house()
    signing.withdraw(house, actor_called(house, username), item, reference)
    _say(signing.list_of(house, "en"), as_json=as_json)


def _say(view: ListView, *, as_json: bool) -> None:
    from school_protocol.services.going_live.gate import PEOPLE
    from school_protocol.services.going_live.items import LACKS

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
