"""Commands `case-file`: copies issued, verified and taken back; bulk copies as one ZIP."""

from __future__ import annotations

import os
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from school_protocol.cli.group import REFUSED, context_and_actor, main, open_context_once, say, write_copy, written
from school_protocol.config import known_languages, settings_from

if TYPE_CHECKING:
    from school_protocol.case_files.bulk import Job
    from school_protocol.case_files.verify_copy import Checked
    from school_protocol.context import AppContext
    from school_protocol.engine.visibility import Actor
    from school_protocol.pdf.signing_keys import Trust


# ---- `case-file`: issued, verified (without any installation, too), taken back -------------------------------------

_AS = click.option("--as", "username", required=True, help="The account that acts.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.group("case-file")
def case_files() -> None:
    """The case file as PDF."""


@case_files.command("issue")
@click.argument("number")
@click.option("--language", default="fr", show_default=True)
@click.option("--profile", default="supervisor", show_default=True)
@click.option(
    "--for",
    "about",
    default="",
    help="For whom (referral-2, guardian-1, self, a unit); not needed for a single choice.",
)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@_AS
def case_file_issue(number: str, language: str, profile: str, about: str, output: str, username: str) -> None:
    """Issue a copy; the issuing is an event of the case."""
    from school_protocol.case_files.service import issue_case_file

    ctx, actor = context_and_actor(username)
    write_copy(output, lambda: issue_case_file(ctx, actor, number, profile, language, about=about))


@case_files.command("letter")
@click.argument("number")
@click.option("--document", required=True, help="Key of the document in the definition.")
@click.option("--about", default="", help="What it is about (referral-2, guardian-1); not needed for a single choice.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@_AS
def case_file_letter(number: str, document: str, about: str, language: str, output: str, username: str) -> None:
    """Issue a letter, notice, note or sheet; the issuing is an event of the case."""
    from school_protocol.case_files.service import issue_letter

    ctx, actor = context_and_actor(username)
    write_copy(output, lambda: issue_letter(ctx, actor, number, document, about, language))


@case_files.command("verify")
@click.argument("file", type=_FILE)
@click.option("--trust", "roots", multiple=True, type=_FILE, help="The authority's certificate (PEM); may be repeated.")
@click.option("--revoked", "lists", multiple=True, type=_FILE, help="Its list of revoked certificates (CRL).")
@click.option("--timestamps", "clocks", multiple=True, type=_FILE, help="The certificate of a timestamp authority.")
@click.option("--here", is_flag=True, help="Ask this installation, too: journal, and copies taken back.")
@click.option("--language", default="fr", show_default=True, type=click.Choice(known_languages()))
@click.option("--json", "as_json", is_flag=True)
def case_file_verify(
    file: Path, roots: tuple[Path, ...], lists: tuple[Path, ...], clocks: tuple[Path, ...], here: bool, language: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Whether a copy is genuine and complete. No database is needed, but for --here.

    Exit 0 only if signature and record hold (with --here: and journal and copy); 1 if it is not to be trusted.
    """
    from school_protocol.language import Wording
    from school_protocol.pdf.presenters import error_message
    from school_protocol.pdf.verdicts import SealingError

    try:
        trust = _trust(roots, lists, clocks)
    except SealingError as error:
        raise click.ClickException(error_message(Wording(language), error)) from None
    found = _checked(file, trust)
    if here:
        from school_protocol.case_files.verify_copy import asked

        found = asked(open_context_once(), found)
    if as_json:
        say(found.plain())
    else:
        _tell(found, language)
    sys.exit(0 if found.standing.value == "genuine" else 1)


def _trust(roots: tuple[Path, ...], lists: tuple[Path, ...], clocks: tuple[Path, ...]) -> Trust:
    """What the options name; without any root, what this installation's folder of keys does."""
    from school_protocol.case_files.service import trust_in
    from school_protocol.pdf.signing_keys import read_trust

    if roots:
        return read_trust(*([path.read_bytes() for path in paths] for paths in (roots, clocks, lists)))
    folder = settings_from(os.environ).signing_folder
    if folder is None or lists or clocks:
        raise click.ClickException("name the authority's certificate: --trust ROOT.pem")
    return trust_in(folder)


def _checked(file: Path, trust: Trust) -> Checked:
    from school_protocol.case_files.verify_copy import checked, unread
    from school_protocol.pdf.verdicts import Code
    from school_protocol.pdf.verification import DOCUMENT_MOST

    size = file.stat().st_size
    if size > DOCUMENT_MOST:
        return unread(size, Code.TOO_LARGE, size=size, most=DOCUMENT_MOST)
    return checked(file.read_bytes(), trust, _now())


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(found: Checked, language: str) -> None:
    from school_protocol.case_files.verify_copy import verification_messages
    from school_protocol.language import Wording

    w = Wording(language)
    said = verification_messages(w, found)
    click.echo(said.title)
    for line in said.lines:
        click.echo(f"- {line}")
    for name, value in said.facts:
        click.echo(f"{name}{w.colon(name)} {value}")
    for point in said.points:
        sign = {True: "+", False: "x", None: "?"}[point.holds]
        click.echo(f"{sign} {point.words}")


@case_files.command("revoke")
@click.argument("number")
@click.option("--document", default="case_file", show_default=True, help="Key of the document in the definition.")
@click.option("--copy", required=True, type=int, help="Number of the copy.")
@click.option("--reason", required=True, help="Why; it is kept in the case, and told to nobody outside.")
@_AS
def case_file_revoke(number: str, document: str, copy: int, reason: str, username: str) -> None:
    """Take a copy back; it is an event of the case, and verification says so. Exit 3 where it was taken back before."""
    from school_protocol.case_files.service import RevokedBefore, revoke

    ctx, actor = context_and_actor(username)
    try:
        event = revoke(ctx, actor, number, document, copy, reason)
    except RevokedBefore as error:
        click.echo(f"refused: copy {copy} was {error}", err=True)
        sys.exit(REFUSED)
    click.echo(f"{number}: copy {copy} of {document} taken back, entry {event.seq}", err=True)


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
    from school_protocol.case_files import bulk
    from school_protocol.case_files.prepare_process import Crew, spare_cores

    ctx, actor = context_and_actor(username)
    wish = bulk.Wish(
        offer=_offer(ctx, actor, profile), language=language, schools=schools, ended=ended, first=first, last=last
    )
    try:
        begun = bulk.begin_bundle(ctx, actor, wish, secrets.token_hex(16))
    except bulk.BulkRefused as refused:
        raise click.ClickException(f"copies asked for before are being made still: job {refused.other}") from None
    with Crew(ctx.settings, spare_cores()) as crew:
        job = _followed(ctx, actor, begun.job, lambda: bulk.go_on(ctx, crew))
    _write(ctx, actor, begun.job, output)
    _say(job)


def _offer(ctx: AppContext, actor: Actor, profile: str) -> str:
    from school_protocol.case_files.bulk import see_options

    known = see_options(ctx, actor).offers
    found = next((one.key for one in known if profile in (one.key, one.profile.key)), None)
    if found is None:
        raise click.ClickException(f"no such copy for this account; there are: {', '.join(one.key for one in known)}")
    return found


def _followed(ctx: AppContext, actor: Actor, job_id: str, go_on: object) -> Job:
    """The job at its end; what it waits for is said meanwhile."""
    from school_protocol.case_files.bulk import see_job
    from school_protocol.case_files.prepared import trouble_message
    from school_protocol.language import Wording

    assert callable(go_on)
    job, said = see_job(ctx, actor, job_id), ""
    with click.progressbar(length=job.total, label="cases", file=sys.stderr) as bar:
        while job.is_running:
            goes_on = go_on()
            job = see_job(ctx, actor, job_id)
            bar.update(max(0, job.done + job.refused - bar.pos))
            trouble = trouble_message(Wording("en"), job.bulk.trouble)
            if trouble and trouble != said:
                click.echo(f"\nit waits: {trouble} (Ctrl-C leaves it to a worker)", err=True)
            said = trouble
            if job.is_running and not goes_on:
                time.sleep(_PATIENCE)
    return job


def _write(ctx: AppContext, actor: Actor, job_id: str, output: str) -> None:
    """The ZIP, whole or not at all."""
    from school_protocol.case_files.prepared import zipped

    hint = "The copies are kept for a day: fetch them on the page “Case files of many cases”"
    with written(output, hint) as file:
        for part in zipped(ctx, actor, job_id):
            file.write(part)


def _say(job: Job) -> None:
    from school_protocol.case_files.prepared import reason_label
    from school_protocol.language import Wording

    click.echo(f"{job.done} copies, {job.refused} cases without one", err=True)
    for line in job.lines:
        click.echo(f"{line.number}: {reason_label(Wording('en'), line.why)}", err=True)
