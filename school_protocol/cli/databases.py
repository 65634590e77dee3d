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
from school_protocol.config import database_address, settings_from, shown, with_files

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


@database.command("move")
@click.option("--from", "source", required=True, metavar="FOLDER", help="The folder of data.")
@click.option("--to", "target", required=True, metavar="ADDRESS", help="An empty PostgreSQL database, as its owner.")
@click.option("--json", "as_json", is_flag=True)
def database_move(source: str, target: str, as_json: bool) -> None:
    """Copy an installation from its files to PostgreSQL, prove the two equal, and take the first out of service.

    Keys and files of evidence stay where they are. One that is cut off leaves the source in service: begin again.
    """
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.moving import move

    if "://" in source:
        raise click.ClickException("--from is the folder of an installation's files: nothing was moved")
    before = replace(settings_from(os.environ), data=Path(source).resolve(), database="")
    with ExitStack() as bars:
        moved = move(before, replace(before, database=database_address(target, "--to")), SystemClock(), _bars(bars))
    if as_json:
        say(asdict(moved))
    else:
        click.echo(f"{moved.rows} rows of {moved.tables} tables, {moved.cases} cases, {moved.events} events: equal")
    if moved.faults:
        click.echo(f"the journal has {moved.faults} faults, as it had before: see `journal verify`", err=True)
    click.echo(f"{source} takes no more writes; `database reopen` takes it back into service", err=True)
    click.echo(
        f"it lies in {shown(target)} now. Next: `school-protocol database prepare --worker ROLE`, set "
        "SCHOOL_PROTOCOL_DATABASE_URL to it (as the role that serves), SCHOOL_PROTOCOL_DATA to "
        f"{before.data}, where keys and files stay, and start anew",
        err=True,
    )


def _bars(bars: ExitStack) -> Callable[[str, int, int], None]:
    """One bar after the other, each as long as it has something to say."""
    under_way: dict[str, Callable[[int, int], None]] = {}

    def step(what: str, done: int, of: int) -> None:
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
