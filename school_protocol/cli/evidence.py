"""`school-protocol evidence …`: files of evidence, compared with what the database says of them."""

from __future__ import annotations

import sys

import click

from school_protocol.cli.group import main, open_the_house


@main.group()
def evidence() -> None:
    """Files put to pieces of evidence."""


@evidence.command("check")
def evidence_check() -> None:
    """Read every sealed file and compare it; remove what no row names. Exits with 1 if a file is missing or altered."""
    from school_protocol.services.evidence.sweeping import file_alarms, sweep_files

    house = open_the_house()
    found = sweep_files(house)
    for alarm in file_alarms(house):
        click.echo(f"{alarm.at:%Y-%m-%d %H:%M}Z: {alarm.what}: {alarm.place} (case id {alarm.case_id})")
    click.echo(f"{found.lost} files missing or altered, {found.strays} left-over files removed", err=True)
    sys.exit(1 if found.lost else 0)
