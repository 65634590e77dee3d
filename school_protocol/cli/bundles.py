"""`school-protocol case-file bundle`, `verify-bundle`: everything for an authority in one signed archive."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from school_protocol.cli.case_files import case_files
from school_protocol.cli.group import actor_called, open_the_house, say
from school_protocol.cli.writing import written

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@case_files.command("bundle")
@click.argument("number")
@click.option("--about", default="", help="The referral (referral-2); not needed where there is one.")
@click.option("--document", default="", help="Key of the bundle in the definition; not needed where there is one.")
@click.option("--language", default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False))
@click.option("--as", "username", required=True, help="The account that acts.")
def case_file_bundle(number: str, about: str, document: str, language: str, output: str, username: str) -> None:
    """Everything for the service of a referral, as a ZIP with a signed manifest; an event of the case."""
    from school_protocol.services.papers.bundles import issue_bundle, see_bundles

    house = open_the_house()
    actor = actor_called(house, username)
    offered = [one.document.key for one in see_bundles(house, actor, number)]
    if not document and len(offered) == 1:
        (document,) = offered
    with written(output) as file:
        issued = issue_bundle(house, actor, number, document, about, language)
        file.write(issued.data)
    click.echo(f"{output}: copy {issued.copy}, {len(issued.data)} bytes", err=True)


@case_files.command("verify-bundle")
@click.argument("file", type=_FILE)
@click.option("--trust", "roots", required=True, multiple=True, type=_FILE, help="The authority's certificate (PEM).")
@click.option("--revoked", "lists", multiple=True, type=_FILE, help="Its list of revoked certificates (CRL).")
@click.option("--timestamps", "clocks", multiple=True, type=_FILE, help="The certificate of a timestamp authority.")
@click.option("--language", default="fr", show_default=True, type=click.Choice(["fr", "ar", "en"]))
@click.option("--json", "as_json", is_flag=True)
def case_file_verify_bundle(
    file: Path, roots: tuple[Path, ...], lists: tuple[Path, ...], clocks: tuple[Path, ...], language: str, as_json: bool
) -> None:
    """Whether a bundle is whole and as it was signed. No database is needed. Exit 0 only if it is; 1 if not."""
    from school_protocol.documents.sealing.bundle_said import bundle_said
    from school_protocol.documents.sealing.bundles import MOST, BundleVerdict, Fault, Found, verify_bundle
    from school_protocol.documents.sealing.errors import SealingError
    from school_protocol.documents.sealing.saying import error_said
    from school_protocol.documents.sealing.trust import read_trust
    from school_protocol.wording import Wording

    w = Wording(language)
    try:
        trust = read_trust(*([path.read_bytes() for path in paths] for paths in (roots, clocks, lists)))
    except SealingError as error:
        raise click.ClickException(error_said(w, error)) from None
    size = file.stat().st_size
    if size > MOST:
        verdict = BundleVerdict(size, "", (Found(Fault.TOO_LARGE),))
    else:
        verdict = verify_bundle(file.read_bytes(), trust, datetime.now(UTC))
    if as_json:
        say(verdict.plain())
    else:
        said = bundle_said(w, verdict)
        click.echo(said.title)
        for line in said.lines:
            click.echo(f"- {line}")
    sys.exit(0 if verdict.is_sound else 1)
