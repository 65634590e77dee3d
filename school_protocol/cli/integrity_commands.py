"""Commands `journal`, `index`, `words` and `keys`: chains checked and anchored, the index rebuilt, master keys."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from school_protocol.cli.group import bar, main, open_context_once, say
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.context import AppContext
    from school_protocol.ops.journal_checks import Verdict
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
    from school_protocol.ops.journal_checks import keep_verdict, verify

    ctx = open_context_once()
    if head is not None:
        _look_up(ctx, *head, as_json=as_json)
        return
    with bar("cases") as step:
        verdict = verify(ctx, step, folder=anchors)
    if keep:
        keep_verdict(ctx, verdict)
    if as_json:
        say(_told(verdict))
    else:
        for one in verdict.breaks[:SHOWN]:
            click.echo(_line(ctx, one))
        if verdict.faults > SHOWN:
            click.echo(f"… and {verdict.faults - SHOWN} more: --json names them")
    _say_verdict(verdict)
    if not verdict.holds:
        sys.exit(1)


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


def _line(ctx: AppContext, one: Break) -> str:
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


def _look_up(ctx: AppContext, number: str, head: str, *, as_json: bool) -> None:
    from school_protocol.ops.journal_checks import look_up_head

    found = look_up_head(ctx, number, head)
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
    from school_protocol.ops.journal_checks import close_accesses

    click.echo(f"{close_accesses(open_context_once())} accesses closed", err=True)


@journal.command("anchor")
@click.option("--json", "as_json", is_flag=True)
@click.option("--resume", default="", help="Why the database is older than the anchors: after a restored backup.")
def journal_anchor(as_json: bool, resume: str) -> None:
    """Write a signed anchor over every chain; the worker does it once a day."""
    from school_protocol.mail import post_of
    from school_protocol.ops.journal_checks import take_anchor

    ctx = open_context_once()
    anchor = take_anchor(ctx, post_of(ctx.settings), resumes=resume)
    if as_json:
        say({"number": anchor.number, "digest": anchor.digest, "at": anchor.at, "heads": anchor.heads.lines})
    else:
        click.echo(f"anchor {anchor.number}: {anchor.digest} ({anchor.heads.lines} heads moved)")


@journal.command("key")
def journal_key() -> None:
    """Print the public key that `journal check` takes: keep it where whoever looks after the server can't change it."""
    from school_protocol.storage.anchors import public_key

    click.echo(public_key(open_context_once().vault))


@journal.command("check")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--key", required=True, help="What `journal key` printed.")
def journal_check(folder: Path, key: str) -> None:
    """Check a folder of anchors anywhere, without database and keys: none changed, missing or exchanged."""
    from school_protocol.storage import anchors

    found = anchors.check(folder, public=key.strip())
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
    from school_protocol.storage.postgresql import grants
    from school_protocol.wiring import WIRING

    click.echo(grants(part, WIRING.tables, role, schema), nl=False)


# ---- `index`, `words`: what is kept, rebuilt and read again --------------------------------------------------------


@main.group("index")
def index_group() -> None:
    """The deletable index of cases."""


@index_group.command("rebuild")
def index_rebuild() -> None:
    """Write every index row anew from the events."""
    from school_protocol.ops.journal_checks import rebuild_index

    with bar("cases") as step:
        count = rebuild_index(open_context_once(), step)
    click.echo(f"{count} cases", err=True)


@main.group()
def words() -> None:
    """Everything that is said to people."""


@words.command("sheet")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Where to write it: .html or .csv.")
@click.option("--definition", "definitions", multiple=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--language", default="fr", show_default=True, help="Of the sheet's own headings.")
@click.option("--missing", is_flag=True, help="Print what lacks something; exit 1 if anything does.")
def words_sheet(output: str | None, definitions: tuple[str, ...], language: str, missing: bool) -> None:
    """Write every text, its languages side by side: of pages, papers and these definitions (else those shipped)."""
    from school_protocol.language import Wording
    from school_protocol.protocol.wording_sheet import word_sheet, word_sheet_csv, word_sheet_html

    writers = {".html": word_sheet_html, ".csv": word_sheet_csv}
    if output is None and not missing:
        raise click.UsageError("say where to write it (-o), or ask what is --missing")
    if output is not None and Path(output).suffix not in writers:
        raise click.UsageError("a sheet is written as .html or .csv")
    sheet = word_sheet([Path(one) for one in definitions])
    if output is not None:
        Path(output).write_text(writers[Path(output).suffix](sheet, Wording(language)), "utf-8")
    click.echo(f"{len(sheet.rows)} texts, {len(sheet.gaps)} lack something", err=True)
    for row in sheet.gaps if missing else ():
        found = (f"{mark.language}: {mark.kind} {mark.detail}".strip() for mark in row.gaps)
        click.echo(f"{row.source}: {'; '.join(found)}")
    if missing and sheet.gaps:
        sys.exit(1)


# ---- `keys`: the ring of master keys, and the copy from which lost keys are put back -------------------------------


@main.group()
def keys() -> None:
    """Master keys, and their recovery copy."""


@keys.command("status")
@click.option("--json", "as_json", is_flag=True)
def keys_status(as_json: bool) -> None:
    """Say where the master keys are and what each wraps; exit 1 if one is lost, or there is no tested recovery copy."""
    from school_protocol.ops import key_rotation
    from school_protocol.storage.master_keys import PUT_BACK

    ctx = open_context_once(with_lost=True)
    ring, lack = key_rotation.status(ctx), key_rotation.lack(ctx)
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
    say_lack(ctx)
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
    from school_protocol.ops import key_rotation

    ctx = open_context_once()
    with bar("keys") as step:
        count = key_rotation.rotate(ctx, step)
    ring = key_rotation.status(ctx)
    if as_json:
        say({"rewrapped": count, "current": ring.current, "idle": ring.idle})
    click.echo(f"{count} keys are under master key {ring.current} now", err=True)
    say_lack(ctx)


@keys.command("retire")
@click.option("--json", "as_json", is_flag=True)
def keys_retire(as_json: bool) -> None:
    """Destroy the master keys that wrap nothing any more, a quarter of an hour after the newest came into use."""
    from school_protocol.ops import key_rotation

    gone = key_rotation.retire(open_context_once())
    if as_json:
        say({"retired": gone})
    click.echo(f"destroyed: {', '.join(map(str, gone)) or 'none'}. Backups made before need them", err=True)


@keys.command("give-up")
@click.argument("number", type=click.IntRange(1))
def keys_give_up(number: int) -> None:
    """Open the installation without a master key that is lost for good: what it wraps stays shut for ever."""
    from school_protocol.ops import key_rotation

    count = key_rotation.give_up(open_context_once(with_lost=True), number)
    click.echo(f"master key {number} is given up: {count} keys that it wraps are lost; the rest opens", err=True)


# ---- recovery ------------------------------------------------------------------------------------------------------


@keys.group("recovery")
def keys_recovery() -> None:
    """A file and a code, kept apart, that give every key again."""


@keys_recovery.command("create")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
def recovery_create(output: Path) -> None:
    """Write the sealed keys to a new file, and print the code that opens it: it is kept nowhere."""
    from school_protocol.ops import key_rotation

    ctx = open_context_once()
    code = key_rotation.create(ctx, output)
    click.echo(f"The code that opens {output.name}. Print it, keep it in a safe, apart from the file:", err=True)
    click.echo(code)
    click.echo(f"Then try it out: school-protocol keys recovery test {output}", err=True)
    if not ctx.vault.secrets().masters:
        click.echo(
            "The master keys are the command's: it needs a copy of its own; this one has the two others.", err=True
        )


@keys_recovery.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--code", "code_file", type=click.File(), help="A file with the code; else it is asked for.")
def recovery_test(file: Path, code_file: TextIO | None) -> None:
    """Open the copy, and keys of this installation by it; installs nothing. Exit 1 unless every one opened."""
    from school_protocol.ops import key_rotation

    ctx = open_context_once()
    tested = key_rotation.test(ctx, file, _code(code_file))
    numbers = ", ".join(map(str, tested.copy.masters)) or "none (a command holds them)"
    click.echo(f"copy of {tested.copy.made_at:%Y-%m-%d %H:%M} UTC, master keys {numbers}: {tested.opened} keys opened")
    if not tested.holds:
        raise click.ClickException(f"{tested.shut} keys of this installation could not be opened by it")
    say_lack(ctx)


@keys_recovery.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--code", "code_file", type=click.File(), help="A file with the code; else it is asked for.")
def recovery_restore(file: Path, code_file: TextIO | None) -> None:
    """Put the keys that are missing back into the key folder; one that is there is never written over."""
    from school_protocol.context import SystemClock
    from school_protocol.ops import key_rotation

    settings = settings_from(os.environ)
    put = key_rotation.restore(settings, file, _code(code_file), SystemClock().now())
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


def say_lack(ctx: AppContext) -> None:
    """Loudly, on every occasion: what would keep a lost key from being put back."""
    from school_protocol.ops import key_rotation

    if (lack := key_rotation.lack(ctx)) is not None:
        click.secho(f"WARNING: {key_rotation.SAID[lack]}", err=True, bold=True)
