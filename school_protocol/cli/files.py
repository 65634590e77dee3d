"""`school-protocol files …`: where sealed files lie, and how they come somewhere else."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from school_protocol.cli.group import main, say
from school_protocol.cli.keys import bar
from school_protocol.config import FOLDER, files_place, settings_from

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
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.files import move

    place = files_place(target, "--to")
    with bar("files") as step:
        moved = move(settings_from(os.environ), place, SystemClock(), step)
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
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping.files import clear

    if not yes:
        raise click.ClickException("what lies there is destroyed: say --yes")
    count = clear(settings_from(os.environ), files_place(place, PLACE), SystemClock())
    click.echo(f"{count} files destroyed in {place}", err=True)
