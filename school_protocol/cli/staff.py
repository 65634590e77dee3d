"""`school-protocol users import|list|close|certify`: people, for scripts, as whoever administers their accounts."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import REFUSED, actor_called, open_the_house, say
from school_protocol.cli.users import users

if TYPE_CHECKING:
    from school_protocol.domain.policy import Actor
    from school_protocol.services.house import House
    from school_protocol.services.staff.people import PersonLine

AS = click.option("--as", "username", required=True, help="The account that acts: it administers those of its units.")


@users.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--preview", is_flag=True, help="Only say what would become of each line.")
@click.option("--results", type=click.Path(dir_okay=False), help="Write every line with what became of it, as CSV.")
@click.option("--language", default="en", show_default=True)
@AS
def users_import(file: str, preview: bool, results: str | None, language: str, username: str) -> None:
    """Bring in places and people from a CSV, all or nothing; exit 3, with nothing applied, where a line is refused."""
    from school_protocol.services.staff import importing, said
    from school_protocol.services.staff.lists import Unreadable
    from school_protocol.services.staff.reach import admin_of
    from school_protocol.wording import Wording

    house, w = open_the_house(), Wording(language)
    actor = actor_called(house, username)
    try:
        batch = importing.bring(house, actor, Path(file).read_bytes(), Path(file).name, hold=True, by_command=True)
    except Unreadable as error:
        raise click.ClickException(f"{file}: {said.unreadable(w, error)}") from None
    if batch.state.value == "reading":
        with click.progressbar(length=batch.total, label="lines", file=sys.stderr) as bar:
            importing.read(house, actor, batch.id, lambda done, _total: bar.update(done - bar.pos), by_command=True)
    view = importing.see_import(house, actor, batch.id)
    _say_lines(house, actor, batch.id, w)
    if results:
        roles = admin_of(house, actor).roles
        found = importing.results(house, actor, batch.id, lambda one: said.as_text(w, roles, one), ["line", "outcome"])
        Path(results).write_bytes(b"".join(found))
    counts = view.counts
    if preview or not counts.to_apply:
        importing.withdraw(house, actor, batch.id)
    else:
        importing.confirm(house, actor, batch.id, view.batch.digest, by_command=True)
        if not importing.apply(house, actor, batch.id, by_command=True):
            raise click.ClickException("the directory changed meanwhile: nothing was applied, run it again")
    click.echo(
        f"{counts.new} new, {counts.changed} changed, {counts.unchanged} unchanged, {counts.refused} refused"
        + (": nothing was applied" if preview or not counts.to_apply else ""),
        err=True,
    )
    if counts.refused:
        sys.exit(REFUSED)


def _say_lines(house: House, actor: Actor, batch: str, w: Any) -> None:
    """Every line that isn't as it was."""
    from school_protocol.services.staff import importing, said
    from school_protocol.services.staff.reach import admin_of

    roles = admin_of(house, actor).roles
    for verdict in ("new", "changed", "refused"):
        after = 0
        while True:
            view = importing.see_import(house, actor, batch, verdict=verdict, after=after)
            for line in view.lines:
                key = line.cells.get("username") or line.cells.get("code") or ""
                click.echo(f"{line.line}\t{key}\t{said.as_text(w, roles, line)}")
            if not view.after:
                break
            after = view.after


@users.command("list")
@click.option("--unit", default="", help="Code of a school, province or region: it and all below.")
@click.option("--after", default="", help="The last user name of the page before.")
@click.option("--ending", is_flag=True, help="Those whose certificate ends within 60 days.")
@click.option("--json", "as_json", is_flag=True)
@AS
def users_list(unit: str, after: str, ending: bool, as_json: bool, username: str) -> None:
    """List the people of one's units, by user name, a page at a time."""
    from school_protocol.services.staff import people

    house = open_the_house()
    actor = actor_called(house, username)
    view: Any = (
        people.see_ending(house, actor, after=after)
        if ending
        else people.see_people(house, actor, unit=unit, after=after)
    )
    lines = [_plain(one) for one in view.people]
    if as_json:
        say({"people": lines, "after": view.after or None})
        return
    for one in lines:
        roles = ", ".join(f"{post['role']}@{post['unit']}" for post in one["roles"])
        state = "" if one["active"] else " (closed)"
        click.echo(f"{one['username']}{state}\t{one['name']}\t{roles}\t{one['certified_until'] or ''}")
    if view.after:
        click.echo(f"more: --after {view.after!r}", err=True)


def _plain(one: PersonLine) -> dict[str, Any]:
    roles = [
        {"role": post.role, "unit": post.unit.code, "starts": post.starts, "ends": post.ends} for post in one.posts
    ]
    return {
        "username": one.username, "name": one.name, "active": one.is_active, "roles": roles,
        "certified_until": one.trained_until,
    }  # fmt: skip


@users.command("close")
@click.argument("whose")
@click.option("--reason", required=True, help="moved, retired, not_working, unreachable, correction or other.")
@click.option("--sentence", default="", help="In a few words; needed where the reason is `other`.")
@AS
def users_close(whose: str, reason: str, sentence: str, username: str) -> None:
    """Close an account: every session ends at once; nothing is deleted."""
    from school_protocol.services.staff import changing

    _changed(
        whose, username, lambda house, actor, account: changing.close(
            house, actor, account, reason=reason, sentence=sentence, token=secrets.token_urlsafe(24)
        ),
    )  # fmt: skip


@users.command("certify")
@click.argument("whose")
@click.option("--issued", required=True, help="Day of issue, as YYYY-MM-DD.")
@click.option("--until", required=True, help="Last day on which it is good, as YYYY-MM-DD.")
@AS
def users_certify(whose: str, issued: str, until: str, username: str) -> None:
    """Note a training certificate that one has seen."""
    from school_protocol.services.staff import changing

    _changed(
        whose, username, lambda house, actor, account: changing.certify(
            house, actor, account, issued=issued, until=until, token=secrets.token_urlsafe(24)
        ),
    )  # fmt: skip


def _changed(whose: str, username: str, change: Callable[[House, Actor, str], Any]) -> None:
    """Make a change to the account called `whose`; refused, every sentence and exit code 3."""
    from school_protocol.services.staff import said
    from school_protocol.services.teams.changing import TeamRefused
    from school_protocol.storage import directory
    from school_protocol.wording import Wording

    house = open_the_house()
    actor = actor_called(house, username)
    with house.directory.reading() as session:
        account = directory.account_named(session, whose)
    try:
        done = change(house, actor, account.id if account else whose)
    except TeamRefused as error:
        for one in error.obstacles:
            click.echo(f"refused: {said.obstacle(Wording('en'), one)}", err=True)
        sys.exit(REFUSED)
    say({"username": whose, "name": done.name, "on": date.isoformat(house.now().date())})
