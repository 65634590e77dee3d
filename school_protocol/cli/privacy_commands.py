"""`school-protocol retention …`, `rights …`: how long cases are kept, and what people asked about themselves."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from school_protocol.cli.group import context_and_actor, main, open_context_once, say, written

if TYPE_CHECKING:
    from school_protocol.privacy.holds import LimitLine

_AS = click.option("--as", "username", required=True, help="The account that acts.")
_JSON = click.option("--json", "as_json", is_flag=True)


@main.group()
def retention() -> None:
    """How long cases are kept, and how they end."""


@retention.command("run")
@click.option("--dry-run", is_flag=True, help="Say what would be done with what was last looked at; write nothing.")
@_JSON
def retention_run(dry_run: bool, as_json: bool) -> None:
    """Do what is due now: notices, lists to confirm, erasures that were confirmed. The worker does it each hour."""
    from school_protocol.privacy.retention import run_sweep

    report = run_sweep(open_context_once(), dry_run=dry_run).as_data()
    if as_json:
        say(report)
    else:
        for key, value in report.items():
            click.echo(f"{key}: {value}")
    if report["failed"]:
        sys.exit(1)


@retention.command("due")
@click.option("--waiting", is_flag=True, help="Those that wait for a confirmation alone.")
@click.option("--after", help="Where the page before ended.")
@_JSON
@_AS
def retention_due(waiting: bool, after: str | None, as_json: bool, username: str) -> None:
    """List the cases that have ended, the first to be erased first, naming nobody."""
    from school_protocol.privacy.holds import see_list

    ctx, actor = context_and_actor(username)
    found = see_list(ctx, actor, after=after, only_waiting=waiting)
    lines = [_line(line) for line in found.lines]
    if as_json:
        say({"cases": lines, "after": found.after})
        return
    for one in lines:
        click.echo(f"{one['number']} {one['school']} {one['erased_from'] or 'no rule'} {one['state']}")
    if found.after:
        click.echo(f"more: --after {found.after}", err=True)


def _line(line: LimitLine) -> dict[str, object]:
    found = line.found.standing
    states = (
        (found.suspended, "suspended"),
        (found.asked, "asked"),
        (found.agreed_at is not None, "confirmed"),
        (found.waits is not None, "waits"),
        (found.second is not None, "second_notice"),
        (found.first is not None, "first_notice"),
    )
    return {
        "number": line.number,
        "school": line.unit.code,
        "erased_from": found.erase_on.isoformat() if found.due_on else None,
        "state": next((name for is_so, name in states if is_so), "running"),
    }


@retention.command("agree")
@click.argument("numbers", nargs=-1, required=True)
@_AS
def retention_agree(numbers: tuple[str, ...], username: str) -> None:
    """Confirm that these cases are erased with the next run: what is erased comes back by no means."""
    from school_protocol.privacy.holds import agree

    ctx, actor = context_and_actor(username)
    count = agree(ctx, actor, numbers, token=secrets.token_hex(16))
    click.echo(f"{count} confirmed", err=True)
    if count < len(set(numbers)):
        raise click.ClickException("some of them don't wait for a confirmation (any more)")


@retention.command("hold")
@click.argument("number")
@click.option("--until", required=True, help="Last day, as YYYY-MM-DD; a year from now at most.")
@click.option("--reason", required=True)
@_AS
def retention_hold(number: str, until: str, reason: str, username: str) -> None:
    """Suspend the erasing of a case: an entry in it, by whoever supervises the school."""
    from school_protocol.privacy.holds import suspend

    ctx, actor = context_and_actor(username)
    suspend(ctx, actor, number, until, reason, token=secrets.token_hex(16))


@retention.command("release")
@click.argument("number")
@click.option("--reason", required=True)
@_AS
def retention_release(number: str, reason: str, username: str) -> None:
    """Lift the suspension; both notices are given anew."""
    from school_protocol.privacy.holds import resume

    ctx, actor = context_and_actor(username)
    resume(ctx, actor, number, reason, token=secrets.token_hex(16))


@main.group()
def rights() -> None:
    """What people asked about their own data."""


@rights.command("due")
@click.option("--after", help="Where the page before ended.")
@_JSON
@_AS
def rights_due(after: str | None, as_json: bool, username: str) -> None:
    """List the requests that wait for their answer, the first due first."""
    from school_protocol.privacy.data_rights import see_requests

    ctx, actor = context_and_actor(username)
    found = see_requests(ctx, actor, after=after)
    lines = [
        {"number": one.request.number, "school": one.unit.code, "due": one.request.due_at, "days": one.days}
        for one in found.lines
    ]
    if as_json:
        say({"requests": lines, "after": found.after})
        return
    for one in lines:
        click.echo(" ".join(str(value) for value in one.values()))
    if found.after:
        click.echo(f"more: --after {found.after}", err=True)


@rights.command("ask")
@click.argument("number")
@click.option("--person", required=True, help="The person's place in the case, such as guardian-1.")
@click.option("--request", "entry", type=int, default=0, help="The entry that asks for it, where several wait.")
@_AS
def rights_ask(number: str, person: str, entry: int, username: str) -> None:
    """Ask for a copy of what is kept of one person of a case; prints the id that the data officer agrees to."""
    from school_protocol.privacy.data_rights import ask_right

    ctx, actor = context_and_actor(username)
    click.echo(ask_right(ctx, actor, number, person, token=secrets.token_hex(16), entry=entry))


@rights.command("settle")
@click.argument("number")
@click.option("--copy", "export", required=True, help="The id that was printed.")
@click.option("--agree/--decline", "agreed", required=True)
@_AS
def rights_settle(number: str, export: str, agreed: bool, username: str) -> None:
    """Let that copy go, or not; by somebody else than who asked for it."""
    from school_protocol.privacy.data_rights import settle_right

    ctx, actor = context_and_actor(username)
    settle_right(ctx, actor, number, export, agreed=agreed)


@rights.command("export")
@click.argument("number")
@click.option("--copy", "export", required=True, help="The id that was agreed to.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The PDF, its data inside.")
@_AS
def rights_export(number: str, export: str, language: str, output: str, username: str) -> None:
    """Open a copy that was agreed to: numbered, and noted in the case."""
    from school_protocol.language import Wording
    from school_protocol.pdf.presenters import error_message
    from school_protocol.pdf.verdicts import SealingError
    from school_protocol.privacy.data_rights import open_copy

    ctx, actor = context_and_actor(username)
    try:
        opened = open_copy(ctx, actor, number, export, language)
    except SealingError as error:
        raise click.ClickException(error_message(Wording("en"), error)) from None
    with written(output, "Ask for another copy") as file:
        file.write(opened.data)
    click.echo(f"copy {opened.copy}", err=True)
