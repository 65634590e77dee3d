"""`school-protocol figures …`: the counters from which the academy's figures are told."""

from __future__ import annotations

import click

from school_protocol.cli.group import main, open_the_house, say


@main.group("figures")
def figures() -> None:
    """Figures of schools, provinces and regions, which identify nobody."""


@figures.command("rebuild")
@click.option("--json", "as_json", is_flag=True)
def rebuild(as_json: bool) -> None:
    """Count anew: open cases from their events, erased ones from what they left."""
    from school_protocol.services.figures.rebuilding import rebuild as again

    done = again(open_the_house())
    if as_json:
        say(done.as_data())
        return
    click.echo(
        f"{done.cases} cases and {done.erased} erased ones counted, {done.shares_changed} of them otherwise than "
        f"before; {done.counters} counters, {done.counters_changed} of them otherwise"
    )
