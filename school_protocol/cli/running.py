"""`school-protocol demo …`, `serve`, `worker`, `doctor`: running an installation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.backups import say_left_over
from school_protocol.cli.files import say_files
from school_protocol.cli.group import (
    main,
    open_the_house,
)
from school_protocol.cli.journal import say_standing
from school_protocol.cli.keys import say_lack
from school_protocol.config import Settings, settings_from, version

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


@demo.command("code")
@click.argument("username")
def demo_code(username: str) -> None:
    """Print the code with which an account of the demo passes the second step now."""
    import time

    from school_protocol.services.demo import code_of

    code, seconds = code_of(settings_from(os.environ), username)
    if seconds:
        click.echo(f"the code before was used: {seconds} s until the next one", err=True)
        time.sleep(seconds)
    click.echo(code)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True)
@click.option("--no-worker", is_flag=True, help="Leave messages to `school-protocol worker`.")
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many serve; with --no-worker."
)
@click.option("--workshop", is_flag=True, help="Serve a room for workshops alone, to phones on this machine's network.")
def serve(host: str, port: int, no_worker: bool, processes: int, workshop: bool) -> None:
    """Serve the site, and deliver its messages; or a room for workshops, without any real data."""
    import waitress

    if workshop:
        serve_a_room(host, port)
        return

    if processes > 1:
        serve_by_many(host, port, processes, no_worker=no_worker)
        return

    from school_protocol import jobs
    from school_protocol.cli import log
    from school_protocol.services.keeping.files import refuse_versioned
    from school_protocol.web import create_app, fronts, limits

    log.begin()
    house = open_the_house(serves=no_worker)
    refuse_versioned(house)
    say_lack(house)
    queue = jobs.queue_of(house)
    app = create_app(house, ring=queue.ring)
    with nullcontext() if no_worker else jobs.working(queue):
        click.echo(f"http://{host}:{port}/")
        waitress.serve(
            fronts.behind(app, house.settings.trusted_proxy), host=host, port=port, threads=8, ident=None,
            max_request_body_size=limits.MOST_SERVED, clear_untrusted_proxy_headers=False, **limits.CROWD,
        )  # fmt: skip


def serve_by_many(host: str, port: int, processes: int, *, no_worker: bool) -> None:
    """The site in several processes; the worker is one of its own, or several."""
    if not no_worker:
        raise click.ClickException("several processes serve pages alone: say --no-worker, and run `worker` beside them")
    try:
        from school_protocol.cli import processes as many
    except ModuleNotFoundError as error:
        raise click.ClickException("several processes need gunicorn: pip install 'school-protocol[scale]'") from error
    os.environ.setdefault("SCHOOL_PROTOCOL_WEB_PROCESSES", str(processes))

    def open_site() -> Any:
        from school_protocol import jobs
        from school_protocol.cli import log
        from school_protocol.services.house import SystemClock, open_house
        from school_protocol.web import create_app, fronts

        log.begin()
        house = open_house(settings_from(os.environ), SystemClock())
        queue = jobs.queue_of(house)
        return fronts.behind(create_app(house, ring=queue.ring), house.settings.trusted_proxy)

    with many.measured_together() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # read as its library is first imported
        open_house_once()
        click.echo(f"http://{host}:{port}/")
        many.serve(open_site, host=host, port=port, processes=processes)


def open_house_once() -> None:
    """What is wrong is said before any process begins: tables are brought up to date once, by one of them."""
    from school_protocol.services.house import SystemClock, open_house
    from school_protocol.services.keeping.files import refuse_versioned

    house = open_house(settings_from(os.environ), SystemClock())
    refuse_versioned(house)
    say_lack(house)
    house.close()


def serve_a_room(host: str, port: int) -> None:
    """Workshops alone, over this machine's own network: its address, as a picture too, and the trainer's own link."""
    import segno
    import waitress

    from school_protocol import jobs
    from school_protocol.cli import log
    from school_protocol.services.house import SystemClock
    from school_protocol.services.workshops import ending, laptops
    from school_protocol.services.workshops.rooms import sweep_left_over
    from school_protocol.web import create_app, limits

    log.begin()
    house = laptops.open_laptop(settings_from(os.environ), SystemClock())
    ending.purge_due(house)
    sweep_left_over(house)
    everywhere = host in ("127.0.0.1", "0.0.0.0")  # noqa: S104 - phones in the room are to reach it
    reached = laptops.own_address() if everywhere else host
    ring = jobs.checking(house)
    app = create_app(house, ring=ring)
    ring()
    click.echo(f"For the trainer: http://{reached}:{port}/trainer/{laptops.key_of(house)}")
    click.echo(f"For everybody:   http://{reached}:{port}/join")
    segno.make(f"http://{reached}:{port}/join", error="m").terminal(compact=True)
    waitress.serve(
        app, host="0.0.0.0" if everywhere else host, port=port, threads=16, ident=None,  # noqa: S104
        max_request_body_size=limits.MOST_SERVED, clear_untrusted_proxy_headers=True, **limits.CROWD,
    )  # fmt: skip


@main.command()
def worker() -> None:
    """Deliver messages and climb the steps of deadlines, without serving the site."""
    from school_protocol import jobs
    from school_protocol.cli import log
    from school_protocol.services.keeping.files import refuse_versioned

    log.begin()
    house = open_the_house()
    refuse_versioned(house)
    jobs.work(house)


@main.command()
def doctor() -> None:
    """Say what this installation has, and what it lacks."""
    from school_protocol.documents import rendering
    from school_protocol.services.directory import schools_without_calendar

    house = open_the_house()
    click.echo(f"version: {version()}")
    click.echo(f"data: {house.settings.data}")
    click.echo(f"master keys: {house.vault.kind}")
    say_lack(house)
    say_files(house)
    say_left_over(house.settings)
    for protocol in house.library.every():
        click.echo(f"definition: {protocol.protocol} {protocol.version} ({protocol.digest[:12]})")
    click.echo(f"documents: {rendering.missing() or 'can be made'}")
    for code in schools_without_calendar(house):
        click.echo(f"no calendar: school {code}, nor anything above it: nothing can be reported there", err=True)
    _say_doors(house.settings, os.environ)
    _say_post(house)
    _say_uncounted(house)
    say_standing(house)


def _say_doors(settings: Settings, environ: Mapping[str, str]) -> None:
    """What is not set of how people reach the site and come in."""
    from school_protocol.services.identity import known

    if settings.address.startswith("https:") and not settings.trusted_proxy:
        click.echo(
            "all visitors seem to come from one address, and wait for one another: set SCHOOL_PROTOCOL_TRUSTED_PROXY "
            "to the address of the proxy that ends TLS",
            err=True,
        )
    if environ.get("SCHOOL_PROTOCOL_OPENID_ISSUER", "").strip() and settings.openid is None:
        click.echo(
            "sign-in through the ministry is off: set SCHOOL_PROTOCOL_OPENID_CLAIM to a claim that people can't change",
            err=True,
        )
    if settings.known_passwords is None:
        click.echo("no list of known passwords: only the product’s own words are refused", err=True)
    else:
        try:
            known.is_known(settings.known_passwords, "")
        except known.ListUnusable as error:
            click.echo(f"the list of known passwords can't be read: {error}", err=True)


def _say_uncounted(house: House) -> None:
    """Cases from before figures were kept."""
    from school_protocol.services.figures.counting import uncounted

    count = uncounted(house)
    if count:
        click.echo(f"{count} cases are not counted in the figures yet: run `school-protocol figures rebuild`", err=True)


def _say_post(house: House) -> None:
    """How messages leave the house, and what waits."""
    from school_protocol.post import PostMisconfigured
    from school_protocol.services.digests.shown import Shelf, ways_of
    from school_protocol.services.notices import see_waiting

    waiting = see_waiting(house)
    try:
        post = ways_of(house)
    except PostMisconfigured as wrong:
        click.echo(f"post: {wrong}", err=True)
    else:
        for name, way, count, setting in (
            ("mail", post.mail, waiting.mail, "SCHOOL_PROTOCOL_SMTP"),
            ("short messages", post.sms, waiting.sms, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ):
            leads = "is shown on the demo's page" if isinstance(way, Shelf) else "goes out"
            how = leads if way else f"no way out: set {setting}"
            click.echo(f"{name}: {how}; {count} waiting", err=way is None)
    if waiting.unwanted:
        click.echo(f"besides, {waiting.unwanted} wait for people who chose to get only what is urgent")
    if not house.settings.address:
        click.echo("messages don't say where the desk is: set SCHOOL_PROTOCOL_ADDRESS", err=True)
    if waiting.without_address:
        click.echo(f"{waiting.without_address} active accounts have no mail address: see users address", err=True)
