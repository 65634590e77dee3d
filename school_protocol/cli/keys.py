"""`school-protocol keys …`: the ring of master keys, and the copy from which lost keys are put back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from school_protocol.cli.group import main, open_the_house, say
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.services.house import House


@main.group()
def keys() -> None:
    """Master keys, and their recovery copy."""


@keys.command("status")
@click.option("--json", "as_json", is_flag=True)
def keys_status(as_json: bool) -> None:
    """Say where the master keys are and what each wraps; exit 1 if one is lost, or there is no tested recovery copy."""
    from school_protocol.services.keeping import masters, recovery
    from school_protocol.storage.key_files import PUT_BACK

    house = open_the_house(with_lost=True)
    ring, lack = masters.status(house), recovery.lack(house)
    if as_json:
        say({
            "kind": ring.kind, "current": ring.current, "numbers": ring.numbers, "wraps": ring.wraps,
            "lost": ring.lost, "replaced": ring.replaced, "idle": ring.idle,
            "recovery_copy": lack.value if lack else "tested",
        })  # fmt: skip
    else:
        click.echo(f"master keys: {ring.kind}; {ring.current} is in use")
        for number in sorted({*ring.numbers, *ring.wraps}, reverse=True):
            kinds = ", ".join(f"{count} of {kind}" for kind, count in sorted(ring.wraps.get(number, {}).items()))
            fate = ", and is lost" * (number in ring.lost) + ", and is another key now" * (number in ring.replaced)
            click.echo(f"  {number}: wraps {kinds or 'nothing'}{fate}")
    say_lack(house)
    if ring.lost:
        click.echo(f"{sum(ring.lost.values())} keys can't be opened: put their master keys back", err=True)
    if ring.replaced:
        click.echo(f"Another key stands in the place of one: move it away, then {PUT_BACK}", err=True)
    if ring.lost or ring.replaced or lack:
        sys.exit(1)


@keys.command("rotate")
@click.option("--json", "as_json", is_flag=True)
def keys_rotate(as_json: bool) -> None:
    """Bring everything under a new master key while the site runs; goes on where it was broken off."""
    from school_protocol.services.keeping import masters

    house = open_the_house()
    with bar("keys") as step:
        count = masters.rotate(house, step)
    ring = masters.status(house)
    if as_json:
        say({"rewrapped": count, "current": ring.current, "idle": ring.idle})
    click.echo(f"{count} keys are under master key {ring.current} now", err=True)
    say_lack(house)


@keys.command("retire")
@click.option("--json", "as_json", is_flag=True)
def keys_retire(as_json: bool) -> None:
    """Destroy the master keys that wrap nothing any more, a quarter of an hour after the newest came into use."""
    from school_protocol.services.keeping import masters

    gone = masters.retire(open_the_house())
    if as_json:
        say({"retired": gone})
    click.echo(f"destroyed: {', '.join(map(str, gone)) or 'none'}. Backups made before need them", err=True)


@keys.command("give-up")
@click.argument("number", type=click.IntRange(1))
def keys_give_up(number: int) -> None:
    """Open the installation without a master key that is lost for good: what it wraps stays shut for ever."""
    from school_protocol.services.keeping import masters

    count = masters.give_up(open_the_house(with_lost=True), number)
    click.echo(f"master key {number} is given up: {count} keys that it wraps are lost; the rest opens", err=True)


# ---- recovery ------------------------------------------------------------------------------------------------------


@keys.group("recovery")
def keys_recovery() -> None:
    """A file and a code, kept apart, that give every key again."""


@keys_recovery.command("create")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
def recovery_create(output: Path) -> None:
    """Write the sealed keys to a new file, and print the code that opens it: it is kept nowhere."""
    from school_protocol.services.keeping import recovery

    house = open_the_house()
    code = recovery.create(house, output)
    click.echo(f"The code that opens {output.name}. Print it, keep it in a safe, apart from the file:", err=True)
    click.echo(code)
    click.echo(f"Then try it out: school-protocol keys recovery test {output}", err=True)
    if not house.vault.secrets().masters:
        click.echo(
            "The master keys are the command's: it needs a copy of its own; this one has the two others.", err=True
        )


@keys_recovery.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--code", "code_file", type=click.File(), help="A file with the code; else it is asked for.")
def recovery_test(file: Path, code_file: TextIO | None) -> None:
    """Open the copy, and keys of this installation by it; installs nothing. Exit 1 unless every one opened."""
    from school_protocol.services.keeping import recovery

    house = open_the_house()
    tested = recovery.test(house, file, _code(code_file))
    numbers = ", ".join(map(str, tested.copy.masters)) or "none (a command holds them)"
    click.echo(f"copy of {tested.copy.made_at:%Y-%m-%d %H:%M} UTC, master keys {numbers}: {tested.opened} keys opened")
    if not tested.holds:
        raise click.ClickException(f"{tested.shut} keys of this installation could not be opened by it")
    say_lack(house)


@keys_recovery.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--code", "code_file", type=click.File(), help="A file with the code; else it is asked for.")
def recovery_restore(file: Path, code_file: TextIO | None) -> None:
    """Put the keys that are missing back into the key folder; one that is there is never written over."""
    from school_protocol.services.house import SystemClock
    from school_protocol.services.keeping import recovery

    settings = settings_from(os.environ)
    put = recovery.restore(settings, file, _code(code_file), SystemClock().now())
    click.echo(f"{settings.keys}: {', '.join(put) or 'nothing was missing'}", err=True)


def _code(file: TextIO | None) -> str:
    """The code from a file, or typed in lines up to an empty one; never an argument, where others could read it."""
    if file is not None:
        return file.read()
    click.echo("The recovery code (any lines; an empty one ends it):", err=True)
    lines: list[str] = []
    for line in sys.stdin:
        if not line.strip():
            break
        lines.append(line)
    return "".join(lines)


def say_lack(house: House) -> None:
    """Loudly, on every occasion: what would keep a lost key from being put back."""
    from school_protocol.services.keeping import recovery

    if (lack := recovery.lack(house)) is not None:
        click.secho(f"WARNING: {recovery.SAID[lack]}", err=True, bold=True)


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal, for whoever waits."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as shown:

        def step(done: int, total: int) -> None:
            shown.length = max(total, 1)
            shown.update(done - shown.pos)

        yield step
