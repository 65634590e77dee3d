"""`school-protocol database …`: an installation that lies in PostgreSQL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import click

from school_protocol.cli.group import main, open_the_house, say
from school_protocol.cli.keys import bar
from school_protocol.config import Settings, SettingUnreadable, database_address, settings_from, shown, with_files

OWNER = "SCHOOL_PROTOCOL_DATABASE_OWNER_URL"


@main.group()
def database() -> None:
    """The database of an installation: made ready, moved."""


@database.command("prepare")
@click.option("--worker", "workers", multiple=True, help="A role of the database as which workers and commands run.")
def database_prepare(workers: tuple[str, ...]) -> None:
    """Make schemas and tables as their owner, and give the roles that serve what they need, and no more."""
    from school_protocol import jobs
    from school_protocol.services.keeping.databases import prepare

    owner = database_address(with_files(os.environ).get(OWNER, ""), OWNER)
    roles = prepare(settings_from(os.environ), owner, workers, make_queue=jobs.prepare_queue)
    click.echo("tables are up to date" + (f"; served as {', '.join(roles)}" if roles else "; served as their owner"))


def _place(said: str, settings: Settings) -> Settings:
    """The settings of an installation that lies in a folder, or in a PostgreSQL database."""
    if "://" in said:
        return replace(settings, database=database_address(said, "the place"))
    return replace(settings, data=Path(said).resolve(), database="")


def _new_place(said: str, settings: Settings) -> Settings:
    """The same of where an installation is to go: a mistyped address is no folder in which to put it."""
    if "://" not in said and not Path(said).is_absolute():
        raise SettingUnreadable(
            "--to is postgresql://role@host/database, or the absolute path of a folder (/var/lib/…): nothing was moved"
        )
    return _place(said, settings)


@database.command("move")
@click.option("--from", "source", required=True, metavar="PLACE", help="A folder of data, or a PostgreSQL address.")
@click.option(
    "--to", "target", required=True, metavar="PLACE", help="The same, empty: an address, or an absolute path."
)
@click.option("--json", "as_json", is_flag=True)
def database_move(source: str, target: str, as_json: bool) -> None:
    """Copy an installation to another database, prove the two equal, and take the first one out of service.

    Run again with the same places, it goes on where it was cut off, or begins anew where the source was written to
    since. Keys and files of evidence stay where they are.
    """
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.moving import move

    settings = settings_from(os.environ)
    before, after = _place(source, settings), _new_place(target, settings)
    if before.database == "" and after.database:
        after = replace(after, data=before.data)
    with ExitStack() as bars:
        moved = move(before, after, SystemClock(), _bars(bars))
    if as_json:
        say(asdict(moved))
    else:
        click.echo(f"{moved.rows} rows of {moved.tables} tables, {moved.cases} cases, {moved.events} events: equal")
    if moved.faults:
        click.echo(f"the journal has {moved.faults} faults, as it had before: see `journal verify`", err=True)
    click.echo(f"{shown(source)} takes no more writes; `database reopen` takes it back into service", err=True)
    click.echo(f"it lies in {shown(target)} now. {_next(before, after)}", err=True)


def _next(before: Settings, after: Settings) -> str:
    """What is to be done where an installation lies now, before it serves from there."""
    if after.database:
        return (
            "Next: `school-protocol database prepare --worker ROLE`, set SCHOOL_PROTOCOL_DATABASE_URL to it (as the "
            f"role that serves), SCHOOL_PROTOCOL_DATA to {after.data}, where keys and files stay, and start anew"
        )
    brought = "" if before.data == after.data else f"bring keys and files there from {before.data}, "
    return f"Next: {brought}set SCHOOL_PROTOCOL_DATA to it, unset SCHOOL_PROTOCOL_DATABASE_URL, and start anew"


def _bars(bars: ExitStack) -> Callable[[str, int, int], None]:
    """One bar after the other, each as long as it has something to say."""
    from school_protocol.services.keeping.moving import ANEW

    under_way: dict[str, Callable[[int, int], None]] = {}

    def step(what: str, done: int, of: int) -> None:
        if what == ANEW:
            bars.close()
            under_way.clear()
            click.echo("the source was written to since the move was cut off: it begins anew", err=True)
            return
        if what not in under_way:
            bars.close()
            under_way[what] = bars.enter_context(bar(what))
        under_way[what](done, of)

    return step


@database.command("returned")
@click.option(
    "--erased", "elsewhere", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another list of erased cases (erased.jsonl of the lost machine, say).",
)  # fmt: skip
def database_returned(elsewhere: tuple[Path, ...]) -> None:
    """Where the database is as it was at an earlier moment: erase again what was erased since, end its sessions."""
    from school_protocol.services.keeping.backups import catch_up

    again = catch_up(open_the_house(), elsewhere)
    click.echo(f"{again} cases erased again; nobody is signed in")


@database.command("copied")
@click.argument("folder")
def database_copied(folder: str) -> None:
    """Note the whole copy of PostgreSQL that base-backup.sh made in FOLDER, as it printed it: `doctor` asks its age."""
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.exercises import note_copy

    made = note_copy(settings_from(os.environ), SystemClock(), folder)
    click.echo(f"noted: whole at {made:%Y-%m-%d %H:%M:%S} UTC")


@database.command("drill")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True)
def database_drill(address: str, as_json: bool) -> None:
    """Look whether the restored database at ADDRESS holds, and note it; exit 1 where it doesn't."""
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.exercises import drill

    done = drill(settings_from(os.environ), SystemClock(), database_address(address, "ADDRESS"))
    if as_json:
        say({**asdict(done), "holds": not done.faults})
    else:
        until = f"{done.until:%Y-%m-%d %H:%M:%S} UTC" if done.until else "an unknown moment"
        click.echo(f"{done.cases} cases, {done.opened} opened and read; the latest is of {until}")
    for fault in done.faults if not as_json else ():
        click.echo(fault)
    if done.faults:
        sys.exit(1)
    click.echo("it could be come back to", err=True)


@database.command("reopen")
@click.option("--yes", is_flag=True, help="What was written to the other database since is not here.")
def database_reopen(yes: bool) -> None:
    """Take an installation that was moved away back into service, where the move is not kept to."""
    from school_protocol.services.keeping.moving import reopen

    if not yes:
        raise click.ClickException("what was written to the other database since is not here: say --yes")
    reopen(settings_from(os.environ))
    click.echo("it takes writes again")
