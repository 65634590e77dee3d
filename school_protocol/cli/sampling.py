"""`school-protocol sample`: made-up cases in any number."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Any

import click

from school_protocol.cli.group import main, open_the_house, say
from school_protocol.config import settings_from


@main.command("sample")
@click.option("--cases", required=True, type=click.IntRange(1, 10_000_000), help="How many more there are to be.")
@click.option(
    "--schools", type=click.IntRange(1, 49_999), help="In how many schools; without it, as many as such cases need."
)
@click.option("--seed", default=1, show_default=True, help="The same cases for the same seed.")
@click.option("--json", "as_json", is_flag=True)
def sample(cases: int, schools: int | None, seed: int, as_json: bool) -> None:
    """Fill a demo with made-up cases, played by the engine; where nothing is yet, found one.

    They happen at academies and schools of their own. The password is that of the demo's accounts.
    """
    from school_protocol.services.demo import prepare
    from school_protocol.services.sampling import sample as fill

    password = os.environ.get("SCHOOL_PROTOCOL_DEMO_PASSWORD")
    settings = settings_from(os.environ)
    accounts = prepare(
        settings, reset=False, password=password, say=lambda line: click.echo(line, err=True), told=False
    )
    bar = _Bar()
    done = fill(open_the_house(), cases, seed=seed, password=accounts.password, progress=bar.show, places=schools)
    bar.end()
    if as_json:
        say({"cases": done.cases, "events": done.events, "schools": done.schools, "histories": done.histories})
        return
    click.echo(
        f"{done.cases} cases of {done.events} events in {done.schools} schools, out of {done.histories} histories; "
        f"sign in as 50000s-team-member, 50000s-head, esp-01-…, es-01-… with the password {accounts.password}"
    )


class _Bar:
    """One bar after the other, each for a part of the work."""

    def __init__(self) -> None:
        self._shown = ExitStack()
        self._label = ""
        self._bar: Any = None

    def show(self, label: str, done: int, total: int) -> None:
        if label != self._label:
            self.end()
            self._label = label
            self._bar = self._shown.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
        self._bar.update(done - self._bar.pos)

    def end(self) -> None:
        self._shown.close()
