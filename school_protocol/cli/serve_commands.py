"""`school-protocol demo …`, `serve`, `worker`, `doctor`: running an installation."""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from errno import EADDRINUSE
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from school_protocol.cli.group import end_loading, main, open_context_once, say
from school_protocol.cli.integrity_commands import say_lack
from school_protocol.config import Settings, settings_from
from school_protocol.context import REQUEST
from school_protocol.engine.errors import SchoolProtocolError

if TYPE_CHECKING:
    from school_protocol.ops.doctor import Finding

SHOWN = {"ok": "ok     ", "note": "note   ", "wrong": "WRONG  "}
"""How a line of `doctor` begins."""


@main.group()
def demo() -> None:
    """The demo: two academies, four schools, every role, cases in every stage."""


@demo.command("prepare")
@click.option("--reset", is_flag=True, help="Start afresh.")
def demo_prepare(reset: bool) -> None:
    """Make the demo's data where there is none yet, and print its accounts."""
    prepare_demo(reset)


@demo.command("serve")
@click.option("--port", default=5000, show_default=True)
@click.option("--reset", is_flag=True, help="Start afresh.")
@click.pass_context
def demo_serve(context: click.Context, port: int, reset: bool) -> None:
    """`demo prepare`, then `serve` on 127.0.0.1."""
    from school_protocol.ops.demo import served

    refuse_taken("127.0.0.1", port)
    prepare_demo(reset)
    gc.collect()  # what serving freezes is to hold nothing of what preparing left
    with served(settings_from(os.environ)):
        context.invoke(serve, port=port)


def prepare_demo(reset: bool) -> None:
    from school_protocol.ops.demo import is_there, prepare

    settings = settings_from(os.environ)
    if reset and is_there(settings) and sys.stdin.isatty():  # a script that says --reset means it
        click.confirm(f"Everything in the demo of {settings.data} is cleared. Go on?", abort=True, err=True)
    accounts = prepare(
        settings,
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

    from school_protocol.ops.demo import code_of

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
    refuse_taken(host, port)
    if workshop:
        serve_a_room(host, port)
        return

    if processes > 1:
        serve_by_many(host, port, processes, no_worker=no_worker)
        return

    from school_protocol.cli import serving
    from school_protocol.ops.databases import refuse_versioned
    from school_protocol.ops.worker import queue_of, working
    from school_protocol.ui import middleware
    from school_protocol.web import create_app

    begin(settings_from(os.environ).log)
    ctx = open_context_once(serves=no_worker)
    refuse_versioned(ctx)
    say_lack(ctx)
    queue = queue_of(ctx)
    app = create_app(ctx, ring=queue.ring)
    end_loading()
    with nullcontext() if no_worker else working(queue):
        click.echo(opened_at(ctx.settings, host, port))
        serving.serve(
            middleware.behind(app, ctx.settings.trusted_proxy), host=host, port=port, threads=8, ident=None,
            max_request_body_size=middleware.MOST_SERVED, clear_untrusted_proxy_headers=False, **middleware.CROWD,
        )  # fmt: skip


def refuse_taken(host: str, port: int) -> None:
    """Said before anything is opened, wiped or told. Raises ClickException where nobody can be answered there."""
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(place)
    except OSError as error:
        why = "another program answers there; end it, or say --port" if error.errno == EADDRINUSE else error.strerror
        raise click.ClickException(f"{host}:{port} can't be served: {why}") from error


def opened_at(settings: Settings, host: str, port: int) -> str:
    """The address that works: where the site has its own, every other name is refused."""
    if not urlsplit(settings.address).hostname:
        return f"http://{host}:{port}/"
    return f"{settings.address} (in front of {host}:{port}, where no other name is answered)"


def serve_by_many(host: str, port: int, processes: int, *, no_worker: bool) -> None:
    """The site in several processes; the worker is one of its own, or several."""
    if not no_worker:
        raise click.ClickException("several processes serve pages alone: say --no-worker, and run `worker` beside them")
    try:
        from school_protocol.cli import serve_processes
    except ModuleNotFoundError as error:
        raise click.ClickException("several processes need gunicorn: pip install 'school-protocol[scale]'") from error
    os.environ.setdefault("SCHOOL_PROTOCOL_WEB_PROCESSES", str(processes))

    def open_site() -> Any:
        from school_protocol.context import SystemClock
        from school_protocol.ops.worker import queue_of
        from school_protocol.ui import middleware
        from school_protocol.web import open_app

        settings = settings_from(os.environ)
        begin(settings.log)
        app = open_app(settings, SystemClock(), lambda ctx: queue_of(ctx).ring)
        site = middleware.behind(app, settings.trusted_proxy)
        end_loading()
        return site

    with serve_processes.measured_together() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # read as its library is first imported
        open_context_cached()
        click.echo(opened_at(settings_from(os.environ), host, port))
        serve_processes.serve_in_processes(open_site, host=host, port=port, processes=processes)


def open_context_cached() -> None:
    """What is wrong is said before any process begins: tables are brought up to date once, by one of them."""
    from school_protocol.context import SystemClock, open_context
    from school_protocol.ops.databases import refuse_versioned

    ctx = open_context(settings_from(os.environ), SystemClock())
    refuse_versioned(ctx)
    say_lack(ctx)
    ctx.close()


def serve_a_room(host: str, port: int) -> None:
    """Workshops alone, over this machine's own network: its address, as a picture too, and the trainer's own link."""
    import segno
    import waitress

    from school_protocol.context import SystemClock
    from school_protocol.ops.worker import checking
    from school_protocol.training import room_store, workshop_end
    from school_protocol.training.room_store import sweep_left_over
    from school_protocol.ui import middleware
    from school_protocol.web import create_app

    begin(settings_from(os.environ).log)
    ctx = room_store.open_laptop(settings_from(os.environ), SystemClock())
    workshop_end.purge_due(ctx)
    sweep_left_over(ctx)
    everywhere = host in ("127.0.0.1", "0.0.0.0")  # noqa: S104 - phones in the room are to reach it
    reached = room_store.own_address() if everywhere else host
    ring = checking(ctx)
    app = create_app(ctx, ring=ring)
    ring()
    click.echo(f"For the trainer: http://{reached}:{port}/trainer/{room_store.key_of(ctx)}")
    click.echo(f"For everybody:   http://{reached}:{port}/join")
    segno.make(f"http://{reached}:{port}/join", error="m").terminal(compact=True)
    end_loading()
    waitress.serve(
        app, host="0.0.0.0" if everywhere else host, port=port, threads=16, ident=None,  # noqa: S104
        max_request_body_size=middleware.MOST_SERVED, clear_untrusted_proxy_headers=True, **middleware.CROWD,
    )  # fmt: skip


@main.command()
def worker() -> None:
    """Deliver messages and climb the steps of deadlines, without serving the site."""
    from school_protocol.ops.databases import refuse_versioned
    from school_protocol.ops.worker import work

    begin(settings_from(os.environ).log)
    ctx = open_context_once()
    refuse_versioned(ctx)
    end_loading()
    work(ctx)


@main.command()
@click.option("--deep", is_flag=True, help="Ask other machines, too: the mail server.")
@click.option("--json", "as_json", is_flag=True)
def doctor(deep: bool, as_json: bool) -> None:
    """Say how this installation stands and what to do about each finding; exit 1 if something is wrong."""
    from datetime import UTC, datetime

    from school_protocol.ops.doctor import NOT_OPENED, Asked, Level, wrong
    from school_protocol.ops.doctor_work import before, examine

    settings = settings_from(os.environ)
    asked = Asked(
        settings, datetime.now(UTC), deep=deep,
        wants_openid=bool(os.environ.get("SCHOOL_PROTOCOL_OPENID_ISSUER", "").strip()),
    )  # fmt: skip
    told = list(before(asked))
    if not any(found.do in NOT_OPENED for _name, found in told):
        try:
            told += examine(open_context_once(), asked)
        except SchoolProtocolError as error:
            told.append(("opening", wrong(str(error), "do as it says: until then nothing is served")))
        except Exception as error:  # the words of a driver's error may quote what is kept: its kind alone is told
            what = f"the installation can't be opened ({type(error).__name__})"
            told.append(("opening", wrong(what, "see that its disk is there, has room and may be written")))
    _say_findings(told, as_json=as_json)
    if any(found.level is Level.wrong for _name, found in told):
        sys.exit(1)


def _say_findings(told: Sequence[tuple[str, Finding]], *, as_json: bool) -> None:
    """What is well on the output, the rest on the errors, what to do below each; or all of it as JSON."""
    if as_json:
        lines = [{"check": name, "level": one.level.value, "what": one.what, "do": one.do} for name, one in told]
        say({"wrong": sum(one.level.value == "wrong" for _name, one in told), "findings": lines})
        return
    for _name, one in told:
        click.echo(f"{SHOWN[one.level.value]}{one.what}", err=one.level.value != "ok")
        if one.do:
            click.echo(f"{' ' * len(SHOWN['ok'])}{one.do}", err=True)


# The log of a process that serves: a line a record, on the standard error, as JSON or for eyes; of
# nobody a word.
# What an exception says may quote what is kept, and what a library says, what it was given: of the
# first its kind and where it came from are told, of the second the words as they stand in its
# source.

OURS = "school_protocol"


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    """What is told of a record."""
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "from": record.name,
        "process": record.process,
        "says": _says(record),
    }
    if asked := REQUEST.get():
        line["request"] = asked
    line |= getattr(record, "told", {}) if _is_ours(record) else {}
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        line["trace"] = "\n".join(_trace(record.exc_info[1]))
    return line


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _says(record: logging.LogRecord) -> str:
    """Our own words, filled in; a library's as it wrote them, and where it filled them in itself, from where alone."""
    if _is_ours(record):
        return record.getMessage()
    return str(record.msg) if record.args else f"at {Path(record.pathname).name}:{record.lineno}"


def _trace(error: BaseException) -> Iterator[str]:
    """The kinds of an error and of those before it, each with the places that it came through, without its words."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield type(found).__name__
        yield from _places(found.__traceback__)
        if isinstance(found, BaseExceptionGroup):
            for one in found.exceptions:
                yield from _trace(one)
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(trace):
        yield f"  {Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


class Lines(logging.Formatter):
    """One line of JSON whatever a record says: line ends and controls of what it quotes stay within their quotes."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(line_of(record), ensure_ascii=False)


class Plain(logging.Formatter):
    """The same for eyes, on one line too; the places of a trace come behind it, joined by arrows."""

    def format(self, record: logging.LogRecord) -> str:
        line = line_of(record)
        head = (line.pop("at"), line.pop("level"), line.pop("from"), _on_one_line(line.pop("says")))
        return " ".join((*head, *(f"{name}={_on_one_line(str(value))}" for name, value in line.items())))


def _on_one_line(said: str) -> str:
    joined = said.replace("\n  ", " < ")
    return joined if joined.isprintable() else json.dumps(joined, ensure_ascii=True)


FORMS = {"json": Lines, "text": Plain}


def begin(form: str = "json") -> None:
    """Whatever is ours is written from INFO on, what libraries say from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMS[form]())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(OURS).setLevel(logging.INFO)
