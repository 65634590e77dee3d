"""`school-protocol journal …`: every chain checked, accesses closed, anchors taken and checked, printed heads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import main, open_the_house, say

if TYPE_CHECKING:
    from school_protocol.services.house import House
    from school_protocol.services.journal import Verdict
    from school_protocol.storage.journal import Break

SHOWN = 20


@main.group()
def journal() -> None:
    """The chains of cases, accesses and administration, and the anchors that hold their heads."""


@journal.command("verify")
@click.option("--json", "as_json", is_flag=True)
@click.option(
    "--anchors", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Another folder of them."
)
@click.option("--head", nargs=2, metavar="NUMBER HEAD", help="Look up the head that a paper of this case shows.")
@click.option("--keep", is_flag=True, help="Keep the verdict, as the check of the night does.")
def journal_verify(as_json: bool, anchors: Path | None, head: tuple[str, str] | None, keep: bool) -> None:
    """Check every chain against its keys and every anchor; exit 1 and the first bad entry if something was touched."""
    from school_protocol.services.journal import verify
    from school_protocol.services.journal.keeping import keep_verdict

    house = open_the_house()
    if head is not None:
        _look_up(house, *head, as_json=as_json)
        return
    with _bar() as step:
        verdict = verify(house, step, folder=anchors)
    if keep:
        keep_verdict(house, verdict)
    if as_json:
        say(_told(verdict))
    else:
        for one in verdict.breaks[:SHOWN]:
            click.echo(_line(house, one))
        if verdict.faults > SHOWN:
            click.echo(f"… and {verdict.faults - SHOWN} more: --json names them")
    _say_verdict(verdict)
    if not verdict.holds:
        sys.exit(1)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    with click.progressbar(length=1, label="cases", file=sys.stderr) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield step


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "holds": verdict.holds,
        "faults": verdict.faults,
        "breaks": [
            {"chain": one.chain.value, "case": one.case_id, "entry": one.seq, "flaw": one.flaw.value}
            for one in verdict.breaks
        ],
        "cases": verdict.cases,
        "events": verdict.events,
        "accesses": verdict.accesses,
        "administration": verdict.administration,
        "erased": verdict.erased,
        "anchors": verdict.seen.anchors,
        "heads": verdict.seen.heads,
        "resumed_by": verdict.seen.resumed.number if verdict.seen.resumed else None,
        "seconds": round(verdict.seconds, 2),
    }


def _line(house: House, one: Break) -> str:
    from school_protocol.storage.journal import Chain

    where = {
        Chain.case: f"case {one.case_id}, event {one.seq}",
        Chain.access: f"access {one.seq}",
        Chain.access_batch: f"batch {one.seq} of accesses",
        Chain.administration: f"administration {one.seq}",
        Chain.anchors: f"anchor {one.seq}",
        Chain.rows: f"row {one.case_id}",
    }
    return f"{where[one.chain]}: {one.flaw.value} ({_SAID[one.flaw.value]})"


_SAID = {
    "no_record": "events of a case that was never opened",
    "no_events": "a case without any event",
    "missing": "taken away",
    "inserted": "slipped in by somebody without the keys",
    "moved": "genuine, under another number",
    "unlinked": "not linked to the one before",
    "altered": "changed",
    "body": "its sealed content was changed",
    "words": "its sealed words were changed",
    "words_missing": "its words are gone, and nobody says they were destroyed",
    "key_missing": "the key of the case is gone, and nobody says it was erased",
    "tombstone": "a tombstone that the program did not set",
    "cut_off": "the end was cut off from here",
    "case_removed": "the whole case was taken away",
    "rewritten": "written anew by somebody with the journal key, or replaced",
    "came_back": "erased once, and there again: a backup was brought back",
    "unread": "nothing can be made of its events: is each version of its protocol there?",
    "forged": "not as the program wrote it: see who can write rows; `index rebuild` makes those of a case anew",
    "gone": "taken away by somebody without the keys",
    "identities": "a name is missing, can't be opened, or belongs to nobody of the case",
    "erased_list": "the list of erased cases is not the one that was anchored",
}


def _say_verdict(verdict: Verdict) -> None:
    speed = verdict.events / verdict.seconds if verdict.seconds else 0
    click.echo(
        f"{verdict.cases} cases ({verdict.erased} erased), {verdict.events} events, {verdict.accesses} accesses, "
        f"{verdict.administration} administrative entries, {verdict.seen.anchors} anchors with {verdict.seen.heads} "
        f"heads; {verdict.seconds:.1f} s, {speed:.0f} events a second",
        err=True,
    )
    if verdict.seen.resumed:
        resumed = verdict.seen.resumed
        click.echo(f"anchor {resumed.number} begins anew, as it says: {resumed.resumes}", err=True)
    if not verdict.seen.anchors:
        click.echo("no anchors: a tail cut off or a case removed whole can't be seen; see journal anchor", err=True)
    click.echo("every chain holds" if verdict.holds else f"{verdict.faults} faults", err=True)


def _look_up(house: House, number: str, head: str, *, as_json: bool) -> None:
    from school_protocol.services.journal.looking import look_up_head

    found = look_up_head(house, number, head)
    if as_json:
        say(asdict(found))
    elif found.seq is None:
        click.echo(f"no entry of case {number} ever had this head")
    else:
        kind = "" if found.is_content else ", an issuing or a reading"
        click.echo(f"the head of case {number} at entry {found.seq}, of {found.at}{kind}; {found.later} entries since")
        click.echo("all that the paper pins is as it was" if found.holds else "the chain is broken before that entry")
    if not found.holds:
        sys.exit(1)


@journal.command("close")
def journal_close() -> None:
    """Close what was read since the last hour; the worker does it by itself."""
    from school_protocol.services.journal.keeping import close_accesses

    click.echo(f"{close_accesses(open_the_house())} accesses closed", err=True)


@journal.command("anchor")
@click.option("--json", "as_json", is_flag=True)
@click.option("--resume", default="", help="Why the database is older than the anchors: after a restored backup.")
def journal_anchor(as_json: bool, resume: str) -> None:
    """Write a signed anchor over every chain; the worker does it once a day."""
    from school_protocol.post import post_of
    from school_protocol.services.journal.keeping import take_anchor

    house = open_the_house()
    anchor = take_anchor(house, post_of(house.settings), resumes=resume)
    if as_json:
        say({"number": anchor.number, "digest": anchor.digest, "at": anchor.at, "heads": anchor.heads.lines})
    else:
        click.echo(f"anchor {anchor.number}: {anchor.digest} ({anchor.heads.lines} heads moved)")


@journal.command("key")
def journal_key() -> None:
    """Print the public key that `journal check` takes: keep it where whoever looks after the server can't change it."""
    from school_protocol.storage.anchors import public_key

    click.echo(public_key(open_the_house().vault))


@journal.command("check")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--key", required=True, help="What `journal key` printed.")
def journal_check(folder: Path, key: str) -> None:
    """Check a folder of anchors anywhere, without database and keys: none changed, missing or exchanged."""
    from school_protocol.services.journal.looking import check_anchors

    found = check_anchors(folder, key.strip())
    for one in found.breaks:
        click.echo(f"anchor {one.seq}: {one.flaw.value} ({_SAID[one.flaw.value]})")
    last = found.sound[-1] if found.sound else None
    click.echo(f"{len(found.sound)} anchors" + (f", the latest of {last.at}: {last.digest}" if last else ""))
    if found.breaks or last is None:
        sys.exit(1)


@journal.command("grants")
@click.option("--role", required=True, help="The PostgreSQL role that serves the site.")
@click.option("--schema", default="public", show_default=True)
@click.option("--part", type=click.Choice(["realm", "directory"]), default="realm", show_default=True)
def journal_grants(role: str, schema: str, part: Any) -> None:
    """Print, for psql, the rights of a role that serves the site and can neither change a chain nor lift a guard."""
    from school_protocol.storage.grants import grants
    from school_protocol.wiring import WIRING

    click.echo(grants(part, WIRING.tables, role, schema), nl=False)
