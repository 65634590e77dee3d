"""`school-protocol index …`, `words …`: what is kept, rebuilt and read again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from school_protocol.cli.group import main, open_the_house


@main.group("index")
def index_group() -> None:
    """The deletable index of cases."""


@index_group.command("rebuild")
def index_rebuild() -> None:
    """Write every index row anew from the events."""
    from school_protocol.services.journal import rebuild_index

    with click.progressbar(length=1, label="cases", file=sys.stderr) as bar:

        def step(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        count = rebuild_index(open_the_house(), step)
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
    from school_protocol.documents.word_sheet import word_sheet_csv, word_sheet_html
    from school_protocol.services.sheet import word_sheet
    from school_protocol.wording import Wording

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
