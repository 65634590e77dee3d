"""`school-protocol demo …`, `users …`, `serve`, `worker`, `doctor`: running an installation."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from school_protocol.cli.group import (
    main,
    open_the_house,
    say,
)
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.services.house import House


@main.group()
def demo() -> None:
    """The demo: two academies, four schools, every role, cases in every stage."""


@demo.command("prepare")
@click.option("--reset", is_flag=True, help="Start afresh.")
def demo_prepare(reset: bool) -> None:
    """Make the demo's data where there is none yet, and print its accounts."""
    from school_protocol.services.demo import prepare

    accounts = prepare(
        settings_from(os.environ),
        reset=reset,
        password=os.environ.get("SCHOOL_PROTOCOL_DEMO_PASSWORD"),
        say=lambda line: click.echo(line, err=True),
    )
    click.echo(accounts.table())


@main.group()
def users() -> None:
    """Accounts."""


@users.command("address")
@click.argument("username")
@click.option("--email", help="Where mail reaches them; nothing between the quotes takes it away.")
@click.option("--phone", help="Where urgent short messages reach them.")
def users_address(username: str, email: str | None, phone: str | None) -> None:
    """Say where messages reach an account; prints what is kept."""
    from school_protocol.services.notices import keep_address

    kept = keep_address(open_the_house(), username, email=email, phone=phone)
    say({"username": kept.username, "email": kept.email, "phone": kept.phone})


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--no-worker", is_flag=True, help="Leave messages to `school-protocol worker`.")
def serve(host: str, port: int, no_worker: bool) -> None:
    """Serve the site, and deliver its messages."""
    import waitress

    from school_protocol import jobs
    from school_protocol.web import create_app, limits

    house = open_the_house()
    queue = jobs.queue_of(house)
    app = create_app(house, ring=queue.ring)
    with nullcontext() if no_worker else jobs.working(queue):
        click.echo(f"http://{host}:{port}/")
        waitress.serve(app, host=host, port=port, threads=8, ident=None, max_request_body_size=limits.MOST_SERVED)


@main.command()
def worker() -> None:
    """Deliver messages and climb the steps of deadlines, without serving the site."""
    from school_protocol import jobs

    jobs.work(open_the_house())


@main.command()
def doctor() -> None:
    """Say what this installation has, and what it lacks."""
    from school_protocol.documents import rendering
    from school_protocol.services.directory import schools_without_calendar

    house = open_the_house()
    click.echo(f"data: {house.settings.data}")
    for protocol in house.library.every():
        click.echo(f"definition: {protocol.protocol} {protocol.version} ({protocol.digest[:12]})")
    click.echo(f"documents: {rendering.missing() or 'can be made'}")
    for code in schools_without_calendar(house):
        click.echo(f"no calendar: school {code}, nor anything above it: nothing can be reported there", err=True)
    _say_post(house)


def _say_post(house: House) -> None:
    """How messages leave the house, and what waits."""
    from school_protocol.post import PostMisconfigured, post_of
    from school_protocol.services.notices import see_waiting

    waiting = see_waiting(house)
    try:
        post = post_of(house.settings)
    except PostMisconfigured as wrong:
        click.echo(f"post: {wrong}", err=True)
    else:
        for name, way, count, setting in (
            ("mail", post.mail, waiting.mail, "SCHOOL_PROTOCOL_SMTP"),
            ("short messages", post.sms, waiting.sms, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ):
            how = "goes out" if way else f"no way out: set {setting}"
            click.echo(f"{name}: {how}; {count} waiting", err=way is None)
    if not house.settings.address:
        click.echo("messages don't say where the desk is: set SCHOOL_PROTOCOL_ADDRESS", err=True)
    if waiting.without_address:
        click.echo(f"{waiting.without_address} active accounts have no mail address: see users address", err=True)
