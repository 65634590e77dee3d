"""`school-protocol report …`: what is told of a school as a whole."""

from __future__ import annotations

import click

from school_protocol.cli.group import actor_called, main, open_the_house
from school_protocol.cli.writing import written


@main.group("report")
def reports() -> None:
    """Reports of a school, in figures that identify nobody."""


@reports.command("yearly")
@click.option("--school", required=True, help="The school's GRESA code.")
@click.option("--year", required=True, type=int, help="The calendar year in which the school year begins.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@click.option("--as", "username", required=True, help="The account that acts.")
def report_yearly(school: str, year: int, language: str, output: str, username: str) -> None:
    """Issue a copy of a school's yearly report (PDF); it is numbered and written down."""
    from school_protocol.services.papers.yearly import issue_yearly

    house = open_the_house()
    actor = actor_called(house, username)
    with written(output) as file:
        issued = issue_yearly(house, actor, school, year, language)
        file.write(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)
