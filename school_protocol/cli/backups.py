"""`school-protocol backup …`: made while the site runs, checked, tried out, restored with a way back."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from school_protocol.cli.group import main, open_the_house, say
from school_protocol.cli.keys import bar, say_lack
from school_protocol.config import Settings, settings_from

FOLDER = click.Path(file_okay=False, path_type=Path)


@main.group()
def backup() -> None:
    """Backups: sealed content only, never a key."""


@backup.command("create")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True)
def backup_create(folder: Path, as_json: bool) -> None:
    """Make a backup in a new folder below FOLDER, while the site runs."""
    from school_protocol.services.keeping import backups

    house = open_the_house()
    with bar("pages") as step:
        made = backups.create(house, folder, step)
    if as_json:
        say({"path": folder / made.name, "begun": made.begun, "ended": made.ended, "bytes": made.size,
             "cases": made.cases, "files": len(made.files)})  # fmt: skip
    else:
        click.echo(folder / made.name)
    click.echo(f"{made.cases} cases, {made.size / 1e6:.1f} MB", err=True)
    say_lack(house)


@backup.command("verify")
@click.argument("folder", type=FOLDER)
def backup_verify(folder: Path) -> None:
    """Check a backup (or the newest below FOLDER) against its manifest; exit 1 with all that is not whole."""
    from school_protocol.services.keeping import backups

    settings = settings_from(os.environ)
    path = backups.chosen(settings, folder)
    with bar("files") as step:
        found = backups.verify(settings, path, step)
    for fault in found:
        click.echo(f"{path.name}: {fault}")
    if found:
        sys.exit(1)
    click.echo(f"{path.name} is whole", err=True)


@backup.command("restore")
@click.argument("folder", type=FOLDER, required=False)
@click.option("--replace", "replaces", is_flag=True, help="Move aside what is there. Stop the site first.")
@click.option(
    "--erased", "elsewhere", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another list of erased cases (erased.jsonl of the lost machine, say).",
)  # fmt: skip
@click.option("--go-on", "goes_on", is_flag=True, help="Bring a restore that was broken off to its end.")
def backup_restore(folder: Path | None, replaces: bool, elsewhere: tuple[Path, ...], goes_on: bool) -> None:
    """Bring a backup (or the newest below FOLDER) into an empty place; cases erased since stay erased."""
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping import backups

    settings = settings_from(os.environ)
    if goes_on:
        _say_aside(backups.go_on(settings))
        return
    if folder is None:
        raise click.UsageError("say which backup, or --go-on")
    path = backups.chosen(settings, folder)
    with bar(path.name) as step:
        done = backups.restore(
            settings, SystemClock(), path, replaces=replaces, erased_elsewhere=elsewhere, progress=step
        )
    click.echo(f"{path.name}: every chain holds, {done.indexed} cases, {done.erased} erased again", err=True)
    _say_aside(done.aside)


def _say_aside(aside: Path | None) -> None:
    if aside is not None:
        click.echo(f"what was there lies in {aside}: destroy it once all is well", err=True)


@backup.command("drill")
@click.argument("folder", type=FOLDER)
@click.option("--max-age-hours", default=26, show_default=True, type=click.IntRange(1))
@click.option("--scratch", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where to unpack it.")
@click.option("--json", "as_json", is_flag=True)
def backup_drill(folder: Path, max_age_hours: int, scratch: Path | None, as_json: bool) -> None:
    """Restore the newest backup to a place that is thrown away; exit 1 unless it is young and whole."""
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping import backups

    oldest = timedelta(hours=max_age_hours)
    done = backups.drill(settings_from(os.environ), SystemClock(), folder, oldest=oldest, scratch=scratch)
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
@click.argument("folder", type=FOLDER)
@click.option("--keep-days", default=30, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True)
def backup_list(folder: Path, keep_days: int, as_json: bool) -> None:
    """List backups with the day by which each must be destroyed; exit 1 if one is overdue, or there is none."""
    from school_protocol.services.keeping import backups

    house = open_the_house()
    found = backups.every(house, folder, timedelta(days=keep_days))
    overdue = [one.listed.path.name for one in found if one.is_overdue(house.now())]
    lines = [_plain(one, one.listed.path.name in overdue) for one in found]
    if as_json:
        say(lines)
    for line in lines if not as_json else ():
        click.echo(_line(line))
    say_left_over(house.settings)
    if overdue:
        click.echo(f"{len(overdue)} must be destroyed: what was erased lives on in them", err=True)
    if overdue or not any(one.listed.manifest and not one.missing for one in found):
        sys.exit(1)


def say_left_over(settings: Settings) -> None:
    """What restores left behind, and how it is ended."""
    from school_protocol.services.keeping import backups

    for said in backups.left_over(settings):
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
