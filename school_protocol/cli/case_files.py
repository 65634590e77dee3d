"""`school-protocol case-file …`: copies issued, verified (without any installation, too), and taken back."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from school_protocol.cli.group import REFUSED, actor_called, main, open_the_house, say
from school_protocol.cli.writing import written
from school_protocol.config import settings_from

if TYPE_CHECKING:
    from school_protocol.documents.sealing.trust import Trust
    from school_protocol.services.papers.verifying import Checked

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
    from school_protocol.services.papers import issue_case_file

    house = open_the_house()
    actor = actor_called(house, username)
    with written(output) as file:
        issued = issue_case_file(house, actor, number, profile, language, about=about)
        file.write(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)


@case_files.command("letter")
@click.argument("number")
@click.option("--document", required=True, help="Key of the document in the definition.")
@click.option("--about", default="", help="What it is about (referral-2, guardian-1); not needed for a single choice.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@_AS
def case_file_letter(number: str, document: str, about: str, language: str, output: str, username: str) -> None:
    """Issue a letter, notice, note or sheet; the issuing is an event of the case."""
    from school_protocol.services.papers.posting import issue_letter

    house = open_the_house()
    actor = actor_called(house, username)
    with written(output) as file:
        issued = issue_letter(house, actor, number, document, about, language)
        file.write(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)


@case_files.command("verify")
@click.argument("file", type=_FILE)
@click.option("--trust", "roots", multiple=True, type=_FILE, help="The authority's certificate (PEM); may be repeated.")
@click.option("--revoked", "lists", multiple=True, type=_FILE, help="Its list of revoked certificates (CRL).")
@click.option("--timestamps", "clocks", multiple=True, type=_FILE, help="The certificate of a timestamp authority.")
@click.option("--here", is_flag=True, help="Ask this installation, too: journal, and copies taken back.")
@click.option("--language", default="fr", show_default=True, type=click.Choice(["fr", "ar", "en"]))
@click.option("--json", "as_json", is_flag=True)
def case_file_verify(
    file: Path, roots: tuple[Path, ...], lists: tuple[Path, ...], clocks: tuple[Path, ...], here: bool, language: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Whether a copy is genuine and complete. No database is needed, but for --here.

    Exit 0 only if signature and record hold (with --here: and journal and copy); 1 if it is not to be trusted.
    """
    from school_protocol.documents.sealing.errors import SealingError
    from school_protocol.documents.sealing.saying import error_said
    from school_protocol.wording import Wording

    try:
        trust = _trust(roots, lists, clocks)
    except SealingError as error:
        raise click.ClickException(error_said(Wording(language), error)) from None
    found = _checked(file, trust)
    if here:
        from school_protocol.services.papers.verifying import asked

        found = asked(open_the_house(), found)
    if as_json:
        say(found.plain())
    else:
        _tell(found, language)
    sys.exit(0 if found.standing.value == "genuine" else 1)


def _trust(roots: tuple[Path, ...], lists: tuple[Path, ...], clocks: tuple[Path, ...]) -> Trust:
    """What the options name; without any root, what this installation's folder of keys does."""
    from school_protocol.documents.sealing.trust import read_trust
    from school_protocol.services.papers.signing import trust_in

    if roots:
        return read_trust(*([path.read_bytes() for path in paths] for paths in (roots, clocks, lists)))
    folder = settings_from(os.environ).signing_folder
    if folder is None or lists or clocks:
        raise click.ClickException("name the authority's certificate: --trust ROOT.pem")
    return trust_in(folder)


def _checked(file: Path, trust: Trust) -> Checked:
    from school_protocol.documents.sealing.verdicts import Code
    from school_protocol.documents.sealing.verifying import MOST
    from school_protocol.services.papers.verifying import checked, unread

    size = file.stat().st_size
    if size > MOST:
        return unread(size, Code.TOO_LARGE, size=size, most=MOST)
    return checked(file.read_bytes(), trust, _now())


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(found: Checked, language: str) -> None:
    from school_protocol.services.papers.verdict_said import checked_said
    from school_protocol.wording import Wording

    w = Wording(language)
    said = checked_said(w, found)
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
    from school_protocol.services.papers.revoking import RevokedBefore, revoke

    house = open_the_house()
    try:
        event = revoke(house, actor_called(house, username), number, document, copy, reason)
    except RevokedBefore as error:
        click.echo(f"refused: copy {copy} was {error}", err=True)
        sys.exit(REFUSED)
    click.echo(f"{number}: copy {copy} of {document} taken back, entry {event.seq}", err=True)
