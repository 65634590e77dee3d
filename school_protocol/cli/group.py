"""The command group `school-protocol`, and what they share: the app context, how errors and answers are said, files."""

from __future__ import annotations

import gc
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from school_protocol.config import settings_from, version
from school_protocol.engine.errors import BadInput, Conflict, NotOpenYet, Refused, SchoolProtocolError, Unseen

if TYPE_CHECKING:
    from school_protocol.case_files.service import Issued
    from school_protocol.context import AppContext
    from school_protocol.engine.texts import Text
    from school_protocol.engine.visibility import Actor

REFUSED = 3
_AS_EVER = gc.get_threshold()
LOADING = (20_000, 20, 20)
"""What is loaded as a process begins stays: looking through it as it grows took a fifth of that time."""


def open_context_once(*, with_lost: bool = False, serves: bool = False) -> AppContext:
    """The app context of the settings, while the command runs; `serves`: it need not see but what sessions may."""
    from school_protocol.context import SystemClock, open_context, refuse_walled

    ctx = open_context(settings_from(os.environ), SystemClock(), with_lost=with_lost)
    if not serves:
        refuse_walled(ctx)
    click.get_current_context().call_on_close(ctx.close)
    return ctx


def end_loading() -> None:
    """From here on a process works, and looks for what can go as often as ever, though not among what it began with."""
    gc.freeze()
    gc.set_threshold(*_AS_EVER)


def actor_called(ctx: AppContext, username: str) -> Actor:
    from school_protocol.auth.sign_in_service import actor_named

    actor = actor_named(ctx, username)
    if actor is None:
        raise click.ClickException(f"no active account is called {username!r}")
    return actor


def context_and_actor(username: str) -> tuple[AppContext, Actor]:
    """The installation, and the account of that name that acts there."""
    ctx = open_context_once()
    return ctx, actor_called(ctx, username)


def read_yaml(path: str) -> Any:
    import yaml

    try:
        return yaml.load(Path(path).read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - plain strings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.ClickException(f"{path}: {error}") from None


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, for whoever waits: it is told what is done, of how much."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as shown:

        def step(done: int, total: int) -> None:
            shown.length = max(total, 1)
            shown.update(done - shown.pos)

        yield step


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """One bar after the other, each as long as it has something to say."""
    under_way: dict[str, Callable[[int, int], None]] = {}
    with ExitStack() as one:

        def step(what: str, done: int, total: int) -> None:
            if what not in under_way:
                one.close()
                under_way[what] = one.enter_context(bar(what))
            under_way[what](done, total)

        yield step


def say(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class _Commands(click.Group):
    """Turns the product's own errors into one line and the agreed exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Refused, BadInput, NotOpenYet) as refusal:
            for line in _why_refused(refusal):
                click.echo(f"refused: {line}", err=True)
            sys.exit(REFUSED)
        except Unseen as unseen:
            raise click.ClickException(f"not found: {unseen}") from None
        except Conflict as conflict:
            raise click.ClickException(f"somebody wrote first: {conflict}") from None
        except SchoolProtocolError as error:
            raise click.ClickException(_in_words(error)) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if words := _of_store(error):
                raise click.ClickException(words) from None
            raise


def _why_refused(refusal: Refused | BadInput | NotOpenYet) -> list[str]:
    if isinstance(refusal, Refused):
        return [f"{reason.need or reason.code}" + who_can(reason.roles) for reason in refusal.reasons]
    if isinstance(refusal, BadInput):
        problems = refusal.problems.items()
        return [f"{path}: {what_is_wrong(codes, refusal.sentences)}" for path, codes in problems]
    return [str(refusal)]


def _in_words(error: SchoolProtocolError) -> str:
    from school_protocol.pdf.verdicts import SealingError
    from school_protocol.storage.store_errors import StorageFull

    if isinstance(error, SealingError):
        from school_protocol.language import Wording
        from school_protocol.pdf.presenters import error_message

        return f"{error_message(Wording('en'), error)} ({error})"
    is_full = isinstance(error, StorageFull)
    return f"no room is left on the disk, nothing was written: {error}" if is_full else str(error)


def _of_store(error: Exception) -> str | None:
    """What a store says before it is open; None for a mistake of the program, whose traceback is wanted."""
    from school_protocol.storage.store_errors import StorageFull, is_damaged, translated

    if is_damaged(error):
        return "a file of the data is no database, or damaged: restore a backup"
    if isinstance(error, PermissionError):
        return f"{error.filename} can't be used by this account ({error.strerror}): give it the right to"
    own = translated(error)
    if own is None:
        return None
    if isinstance(own, StorageFull):
        return _in_words(own)
    return f"the data can't be used now ({own}): `school-protocol doctor` says what is wrong"


def what_is_wrong(codes: Iterable[str], sentences: Mapping[str, Text]) -> str:
    """Codes of problems; where a definition says what is wrong, its own sentence."""
    return ", ".join(sentences[code].in_language("en") if code in sentences else code for code in codes)


def who_can(roles: tuple[str, ...]) -> str:
    return f" (can be lifted by: {', '.join(roles)})" if roles else ""


def _say_version(context: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        click.echo(f"school-protocol {version()}")
        context.exit()


@click.group(cls=_Commands)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_say_version,
              help="Say which version this is.")  # fmt: skip
def main() -> None:
    """Carry cases of cyberharassment through the in-school handling protocol."""
    gc.set_threshold(*LOADING)


# ---- files that commands write -------------------------------------------------------------------------------------
# For nobody but whoever runs the command, and whole or not at all.


@contextmanager
def written(output: str | Path, hint: str = "") -> Iterator[IO[bytes]]:
    """A file that only its owner may read, put in its place once all of it is there; after any error nothing is left.

    Raises ClickException, ended by `hint`, where the system refuses. A pipe or device is written to as it is.
    """
    path = Path(output)
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
        else:
            with _beside(path.resolve()) as file:
                yield file
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise click.ClickException(f"{output} could not be written: {why}.{hint and ' '}{hint}") from None


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    unfinished = path.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_copy(output: str, issue: Callable[[], Issued]) -> None:
    """A copy as it is issued, written to its file; says its number."""
    with written(output) as file:
        issued = issue()
        file.write(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)
