"""`school-protocol case-file bulk`: copies of the case files of many cases, as one ZIP."""

from __future__ import annotations

import secrets
import sys
import time
from typing import TYPE_CHECKING

import click

from school_protocol.cli.case_files import case_files
from school_protocol.cli.group import actor_called, open_the_house
from school_protocol.cli.writing import written

if TYPE_CHECKING:
    from school_protocol.domain.policy import Actor
    from school_protocol.services.house import House
    from school_protocol.services.papers.bulk import Job

_PATIENCE = 2.0
"""Seconds until it looks again, where another worker is at it or something must be mended."""


@case_files.command("bulk")
@click.option("--profile", required=True, help="For whom: a profile of the case file, as PROTOCOL/PROFILE or PROFILE.")
@click.option("--language", default="fr", show_default=True)
@click.option("--school", "schools", multiple=True, help="GRESA code; may be repeated. All of yours unless named.")
@click.option("--ended", is_flag=True, help="Cases that have ended, instead of those in progress.")
@click.option("--from", "first", default="", help="First day of their last move, as YYYY-MM-DD.")
@click.option("--until", "last", default="", help="Last day of their last move, as YYYY-MM-DD.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="The ZIP that is written.")
@click.option("--as", "username", required=True, help="The account that acts.")
def case_file_bulk(
    profile: str, language: str, schools: tuple[str, ...], ended: bool, first: str, last: str, output: str,
    username: str,
) -> None:  # fmt: skip
    """Issue copies of many cases: each numbered, and noted in its case. Stopped with Ctrl-C, a worker goes on."""
    from school_protocol.services.papers import bulk
    from school_protocol.services.papers.apart import Crew, spare_cores

    house = open_the_house()
    actor = actor_called(house, username)
    wish = bulk.Wish(
        offer=_offer(house, actor, profile), language=language, schools=schools, ended=ended, first=first, last=last
    )
    try:
        begun = bulk.begin(house, actor, wish, secrets.token_hex(16))
    except bulk.BulkRefused as refused:
        raise click.ClickException(f"copies asked for before are being made still: job {refused.other}") from None
    with Crew(house.settings, spare_cores()) as crew:
        job = _followed(house, actor, begun.job, lambda: bulk.go_on(house, crew))
    _write(house, actor, begun.job, output)
    _say(job)


def _offer(house: House, actor: Actor, profile: str) -> str:
    from school_protocol.services.papers.bulk import see_options

    known = see_options(house, actor).offers
    found = next((one.key for one in known if profile in (one.key, one.profile.key)), None)
    if found is None:
        raise click.ClickException(f"no such copy for this account; there are: {', '.join(one.key for one in known)}")
    return found


def _followed(house: House, actor: Actor, job_id: str, go_on: object) -> Job:
    """The job at its end; what it waits for is said meanwhile."""
    from school_protocol.services.papers.bulk import see_job
    from school_protocol.services.papers.bulk_said import trouble_said
    from school_protocol.wording import Wording

    assert callable(go_on)
    job, said = see_job(house, actor, job_id), ""
    with click.progressbar(length=job.total, label="cases", file=sys.stderr) as bar:
        while job.is_running:
            goes_on = go_on()
            job = see_job(house, actor, job_id)
            bar.update(max(0, job.done + job.refused - bar.pos))
            trouble = trouble_said(Wording("en"), job.bulk.trouble)
            if trouble and trouble != said:
                click.echo(f"\nit waits: {trouble} (Ctrl-C leaves it to a worker)", err=True)
            said = trouble
            if job.is_running and not goes_on:
                time.sleep(_PATIENCE)
    return job


def _write(house: House, actor: Actor, job_id: str, output: str) -> None:
    """The ZIP, whole or not at all."""
    from school_protocol.services.papers.bulk_files import zipped

    hint = "The copies are kept for a day: fetch them on the page “Case files of many cases”"
    with written(output, hint) as file:
        for part in zipped(house, actor, job_id):
            file.write(part)


def _say(job: Job) -> None:
    from school_protocol.services.papers.bulk_said import why_said
    from school_protocol.wording import Wording

    click.echo(f"{job.done} copies, {job.refused} cases without one", err=True)
    for line in job.lines:
        click.echo(f"{line.number}: {why_said(Wording('en'), line.why)}", err=True)
