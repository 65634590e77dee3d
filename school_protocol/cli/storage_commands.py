"""Commands `backup`, `database` and `files`: backups made and restored, PostgreSQL, where sealed files lie."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from school_protocol.cli.group import bar, bars, main, open_context_once, say
from school_protocol.cli.integrity_commands import say_lack
from school_protocol.config import FOLDER, Settings, database_address, files_place, settings_from, shown, with_files

BACKUP_FOLDER = click.Path(file_okay=False, path_type=Path)


@main.group()
def backup() -> None:
    """Backups: sealed content only, never a key."""


@backup.command("create")
@click.argument("folder", type=BACKUP_FOLDER)
@click.option("--json", "as_json", is_flag=True)
def backup_create(folder: Path, as_json: bool) -> None:
    """Make a backup in a new folder below FOLDER, while the site runs."""
    from school_protocol.ops import backup_service

    ctx = open_context_once()
    with bar("pages") as step:
        made = backup_service.create(ctx, folder, step)
    if as_json:
        say({"path": folder / made.name, "begun": made.begun, "ended": made.ended, "bytes": made.size,
             "cases": made.cases, "files": len(made.files)})  # fmt: skip
    else:
        click.echo(folder / made.name)
    click.echo(f"{made.cases} cases, {made.size / 1e6:.1f} MB", err=True)
    say_lack(ctx)


@backup.command("verify")
@click.argument("folder", type=BACKUP_FOLDER)
def backup_verify(folder: Path) -> None:
    """Check a backup (or the newest below FOLDER) against its manifest; exit 1 with all that is not whole."""
    from school_protocol.ops import backup_service

    settings = settings_from(os.environ)
    path = backup_service.chosen(settings, folder)
    with bar("files") as step:
        found = backup_service.verify(settings, path, step)
    for fault in found:
        click.echo(f"{path.name}: {fault}")
    if found:
        sys.exit(1)
    click.echo(f"{path.name} is whole", err=True)


@backup.command("restore")
@click.argument("folder", type=BACKUP_FOLDER, required=False)
@click.option("--replace", "replaces", is_flag=True, help="Move aside what is there. Stop the site first.")
@click.option(
    "--erased", "elsewhere", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another list of erased cases (erased.jsonl of the lost machine, say).",
)  # fmt: skip
@click.option("--go-on", "goes_on", is_flag=True, help="Bring a restore that was broken off to its end.")
def backup_restore(folder: Path | None, replaces: bool, elsewhere: tuple[Path, ...], goes_on: bool) -> None:
    """Bring a backup (or the newest below FOLDER) into an empty place; cases erased since stay erased."""
    from school_protocol.context import SystemClock
    from school_protocol.ops import backup_service

    settings = settings_from(os.environ)
    if goes_on:
        _say_aside(backup_service.go_on(settings))
        return
    if folder is None:
        raise click.UsageError("say which backup, or --go-on")
    path = backup_service.chosen(settings, folder)
    with bar(path.name) as step:
        done = backup_service.restore(
            settings, SystemClock(), path, replaces=replaces, erased_elsewhere=elsewhere, progress=step
        )
    click.echo(f"{path.name}: every chain holds, {done.indexed} cases, {done.erased} erased again", err=True)
    _say_aside(done.aside)


def _say_aside(aside: Path | None) -> None:
    if aside is not None:
        click.echo(f"what was there lies in {aside}: destroy it once all is well", err=True)


@backup.command("drill")
@click.argument("folder", type=BACKUP_FOLDER)
@click.option("--max-age-hours", default=26, show_default=True, type=click.IntRange(1))
@click.option("--scratch", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where to unpack it.")
@click.option("--json", "as_json", is_flag=True)
def backup_drill(folder: Path, max_age_hours: int, scratch: Path | None, as_json: bool) -> None:
    """Restore the newest backup to a place that is thrown away; exit 1 unless it is young and whole."""
    from school_protocol.context import SystemClock
    from school_protocol.ops import backup_service

    oldest = timedelta(hours=max_age_hours)
    done = backup_service.drill_backup(settings_from(os.environ), SystemClock(), folder, oldest=oldest, scratch=scratch)
    hours = None if done.age is None else round(done.age / timedelta(hours=1), 1)
    if as_json:
        say({"path": done.path, "age_hours": hours, "cases": done.cases, "opened": done.opened,
             "erased_again": done.erased, "faults": list(done.faults), "holds": not done.faults})  # fmt: skip
    elif done.path is not None:
        click.echo(f"{done.path.name}: {hours} hours old, {done.cases} cases, {done.opened} opened and read")
    for fault in done.faults if not as_json else ():
        click.echo(fault)
    if done.faults:
        sys.exit(1)
    click.echo("it could be restored", err=True)


@backup.command("list")
@click.argument("folder", type=BACKUP_FOLDER)
@click.option("--keep-days", default=30, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True)
def backup_list(folder: Path, keep_days: int, as_json: bool) -> None:
    """List backups with the day by which each must be destroyed; exit 1 if one is overdue, or there is none."""
    from school_protocol.ops import backup_service

    ctx = open_context_once()
    found = backup_service.every_backup(ctx, folder, timedelta(days=keep_days))
    overdue = [one.listed.path.name for one in found if one.is_overdue(ctx.now())]
    lines = [_plain(one, one.listed.path.name in overdue) for one in found]
    if as_json:
        say(lines)
    for line in lines if not as_json else ():
        click.echo(_line(line))
    say_left_over(ctx.settings)
    if overdue:
        click.echo(f"{len(overdue)} must be destroyed: what was erased lives on in them", err=True)
    if overdue or not any(one.listed.manifest and not one.missing for one in found):
        sys.exit(1)


def say_left_over(settings: Settings) -> None:
    """What restores left behind, and how it is ended."""
    from school_protocol.storage import restoring

    for said in restoring.left_over(settings.data):
        click.echo(said, err=True)


def _plain(one: Any, is_overdue: bool) -> dict[str, Any]:
    made = one.listed.manifest
    return {
        "name": one.listed.path.name, "fault": one.listed.fault, "begun": made.begun if made else None,
        "cases": made.cases if made else None, "bytes": made.size if made else None,
        "destroy_by": one.destroy_by.date() if one.destroy_by else None, "overdue": is_overdue,
        "erased_since": one.erased_since, "missing_masters": list(one.missing),
    }  # fmt: skip


def _line(line: dict[str, Any]) -> str:
    if line["fault"]:
        return f"{line['name']}: {line['fault']}"
    said = f"{line['name']}: {line['cases']} cases, {line['bytes'] / 1e6:.1f} MB, destroy by {line['destroy_by']}"
    said += f", holds {line['erased_since']} cases erased since" if line["erased_since"] else ""
    if missing := ", ".join(map(str, line["missing_masters"])):
        said += f", CAN'T BE RESTORED without master key {missing}: see backup verify"
    return said + (": OVERDUE" if line["overdue"] else "")


# ---- `database`: an installation that lies in PostgreSQL -----------------------------------------------------------

OWNER = "SCHOOL_PROTOCOL_DATABASE_OWNER_URL"


@main.group()
def database() -> None:
    """The database of an installation: made ready, moved."""


@database.command("prepare")
@click.option("--worker", "workers", multiple=True, help="A role of the database as which workers and commands run.")
def database_prepare(workers: tuple[str, ...]) -> None:
    """Make schemas and tables as their owner, and give the roles that serve what they need, and no more."""
    from school_protocol.ops import worker
    from school_protocol.ops.databases import prepare

    owner = database_address(with_files(os.environ).get(OWNER, ""), OWNER)
    roles = prepare(settings_from(os.environ), owner, workers, make_queue=worker.prepare_queue)
    click.echo("tables are up to date" + (f"; served as {', '.join(roles)}" if roles else "; served as their owner"))


@database.command("move")
@click.option("--from", "source", required=True, metavar="FOLDER", help="The folder of data.")
@click.option("--to", "target", required=True, metavar="ADDRESS", help="An empty PostgreSQL database, as its owner.")
@click.option("--json", "as_json", is_flag=True)
def database_move(source: str, target: str, as_json: bool) -> None:
    """Copy an installation from its files to PostgreSQL, prove the two equal, and take the first out of service.

    Keys and files of evidence stay where they are. One that is cut off leaves the source in service: begin again.
    """
    from school_protocol.context import SystemClock
    from school_protocol.ops.databases import move_stores

    if "://" in source:
        raise click.ClickException("--from is the folder of an installation's files: nothing was moved")
    before = replace(settings_from(os.environ), data=Path(source).resolve(), database="")
    after = replace(before, database=database_address(target, "--to"))
    with bars() as step:
        moved = move_stores(before, after, SystemClock(), step)
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


@database.command("returned")
@click.option(
    "--erased", "elsewhere", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another list of erased cases (erased.jsonl of the lost machine, say).",
)  # fmt: skip
def database_returned(elsewhere: tuple[Path, ...]) -> None:
    """Where the database is as it was at an earlier moment: erase again what was erased since, end its sessions."""
    from school_protocol.ops.backup_service import catch_up

    again = catch_up(open_context_once(), elsewhere)
    click.echo(f"{again} cases erased again; nobody is signed in")


@database.command("copied")
@click.argument("folder")
def database_copied(folder: str) -> None:
    """Note the whole copy of PostgreSQL that base-backup.sh made in FOLDER, as it printed it: `doctor` asks its age."""
    from school_protocol.context import SystemClock
    from school_protocol.ops.backup_service import note_copy

    made = note_copy(settings_from(os.environ), SystemClock(), folder)
    click.echo(f"noted: whole at {made:%Y-%m-%d %H:%M:%S} UTC")


@database.command("drill")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True)
def database_drill(address: str, as_json: bool) -> None:
    """Look whether the restored database at ADDRESS holds, and note it; exit 1 where it doesn't."""
    from school_protocol.context import SystemClock
    from school_protocol.ops.backup_service import drill_database

    done = drill_database(settings_from(os.environ), SystemClock(), database_address(address, "ADDRESS"))
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
    from school_protocol.ops.databases import reopen

    if not yes:
        raise click.ClickException("what was written to the other database since is not here: say --yes")
    reopen(settings_from(os.environ))
    click.echo("it takes writes again")


# ---- `files`: where sealed files lie, and how they come somewhere else ---------------------------------------------

PLACE = "PLACE"


@main.group()
def files() -> None:
    """Where sealed files lie: in the folder, in the database, or in an object store."""


@files.command("move")
@click.option("--to", "target", required=True, metavar=PLACE, help="folder, database, or s3://bucket/prefix.")
@click.option("--json", "as_json", is_flag=True)
def files_move(target: str, as_json: bool) -> None:
    """Copy every sealed file to another place while the site runs, compare each, and have them lie there.

    Run again, it goes on where it was broken off. Workshops that are under way keep theirs where they are.
    """
    from school_protocol.context import SystemClock
    from school_protocol.ops.databases import move_files

    place = files_place(target, "--to")
    with bar("files") as step:
        moved = move_files(settings_from(os.environ), place, SystemClock(), step)
    if as_json:
        say(asdict(moved))
    else:
        click.echo(f"{moved.files} files were copied from {moved.before} to {moved.after}: equal")
    if moved.lost:
        click.echo(f"{moved.lost} were missing or altered before, and are so still: see `evidence check`", err=True)
    said = "unset SCHOOL_PROTOCOL_FILES" if place == FOLDER else f"set SCHOOL_PROTOCOL_FILES={place}"
    click.echo(f"now {said} for every process, and start them anew: until then they keep no file", err=True)
    click.echo(f"then destroy what is left: school-protocol files clear {moved.before} --yes", err=True)


@files.command("clear")
@click.argument("place", metavar=PLACE)
@click.option("--yes", is_flag=True, help="What lies there is destroyed.")
def files_clear(place: str, yes: bool) -> None:
    """Destroy what a move left in a place that is not in use any more."""
    from school_protocol.context import SystemClock
    from school_protocol.ops.databases import clear

    if not yes:
        raise click.ClickException("what lies there is destroyed: say --yes")
    count = clear(settings_from(os.environ), files_place(place, PLACE), SystemClock())
    click.echo(f"{count} files destroyed in {place}", err=True)
