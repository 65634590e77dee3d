"""`school-protocol definitions …`: check definitions, and play scripts on them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import main, say, what_is_wrong
from school_protocol.config import known_languages
from school_protocol.engine.errors import DefinitionError

if TYPE_CHECKING:
    from school_protocol.cases.story_player import Played
    from school_protocol.engine.definition import Protocol
    from school_protocol.language import Wording
    from school_protocol.proof.presenters import ResultSaid


@main.group()
def definitions() -> None:
    """Check definitions, and play scripts on them."""


@definitions.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print faults and the proof as JSON.")
@click.option(
    "--language",
    type=click.Choice(known_languages()),
    help="Of faults and stories; without it, faults are in English and stories in French.",
)
@click.option("--stories", type=click.Path(file_okay=False), help="Write each story there as a script to rehearse.")
@click.option("--no-proof", is_flag=True, help="Only what the file itself says, without the proof.")
@click.option("--limit", type=int, help="Steps that one proof may take, if not as many as usual.")
def definitions_check(
    files: tuple[str, ...], as_json: bool, language: str | None, stories: str | None, no_proof: bool, limit: int | None
) -> None:
    """Print every fault of FILES as FILE:LINE: message, then prove what can be read; exit 1 if anything fails."""
    from school_protocol.protocol.reader import read

    found: list[dict[str, Any]] = []
    lines: list[str] = []
    for file in files:
        data = Path(file).read_bytes()
        try:
            protocol = read(data, file)
        except DefinitionError as error:
            faults = [{"file": file, "line": fault.line, "message": fault.message} for fault in error.faults]
            found.append({"file": file, "faults": faults})
            lines += fault_lines(error, language)
            continue
        click.echo(f"{file}: {protocol.protocol} {protocol.version}: no fault found", err=True)
        proven = {} if no_proof else _proven(file, data, protocol, language or "fr", limit)
        found.append({"file": file, "faults": []} | proven)
        lines += proven.get("said", ())
    if as_json:
        say(found)
    else:
        for line in lines:
            click.echo(line)
    if stories is not None:
        _write_stories(Path(stories), found)
    if any(one["faults"] or not one.get("proven", True) for one in found):
        sys.exit(1)


def fault_lines(error: DefinitionError, language: str | None) -> list[str]:
    """Each fault as FILE:LINE: message, in English unless a language was asked for."""
    from school_protocol.language import Wording
    from school_protocol.protocol.presenters import fault_line

    w = Wording(language or "en")
    return [fault_line(w, error.file, fault) for fault in error.faults]


def _proven(file: str, data: bytes, protocol: Protocol, language: str, limit: int | None) -> dict[str, Any]:
    """The proof of one definition: its figures, its verdicts, its stories in words and as scripts."""
    from school_protocol.language import Wording
    from school_protocol.proof.presenters import result_said, script_of, with_lines
    from school_protocol.proof.prove import prove
    from school_protocol.proof.state_space import STEPS

    proof = with_lines(prove(protocol, steps=STEPS if limit is None else limit), protocol, data)
    w = Wording(language)
    held = len(proof.results) - len(proof.faults)
    said = [f"{file}: {held} of {len(proof.results)} proven, {proof.combinations} combinations, {proof.seconds:.1f} s"]
    for result in proof.faults:
        said += _told(result_said(w, protocol, result, file))
    return {
        "proven": proof.holds,
        "combinations": proof.combinations,
        "seconds": round(proof.seconds, 2),
        "results": [
            {"property": one.property, "verdict": one.verdict.value, "about": one.subject, "lines": list(one.lines),
             "combinations": one.combinations, "replayed": one.story.replayed if one.story else None,
             "script": script_of(one.story) if one.story else None}
            for one in proof.results
        ],
        "said": said,
    }  # fmt: skip


def _told(said: ResultSaid) -> list[str]:
    """One fault as a story: what must hold, what it is about, who does what, where it goes wrong, in which lines."""
    lines = [f"{said.title} {said.verdict}" + (f" ({said.subject})" if said.subject else "")]
    for number, beat in enumerate(said.beats, 1):
        lines.append(f"  {number}. {beat.sentence}")
        lines += [f"       {question}: {answer}" for question, answer in beat.answers]
        lines += [f"       – {without}" for without in beat.without]
    lines += [f"  {said.ending}"] if said.ending else []
    lines += [f"     {fact}: {value}" for fact, value in said.facts]
    lines += [f"     {need}" for need in said.unmet]
    return lines + [f"  {place}" for place in said.places]


def _write_stories(folder: Path, found: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(one for each in found for one in each.get("results", ()) if one["script"]):
        name = re.sub(r"[^a-z0-9_]+", "-", f"{one['property']}-{one['about']}")
        (folder / f"{number + 1:02d}-{name}.yaml").write_text(one["script"], "utf-8")


@definitions.command("diff")
@click.argument("before", type=click.Path(exists=True, dir_okay=False))
@click.argument("after", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--language",
    type=click.Choice(known_languages()),
    help="Of changes and faults; without it, changes are in French and faults in English.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON, with their values.")
def definitions_diff(before: str, after: str, language: str | None, as_json: bool) -> None:
    """Say in words what changes from one file to another; exit 1 only where a file has faults."""
    from school_protocol.language import Wording
    from school_protocol.protocol.difference import difference
    from school_protocol.protocol.presenters import change_said, plain, sentence
    from school_protocol.protocol.reader import read_file

    try:
        old, new = read_file(Path(before)), read_file(Path(after))
    except DefinitionError as error:
        for line in fault_lines(error, language):
            click.echo(line)
        sys.exit(1)
    w, changes = Wording(language or "fr"), difference(old, new)
    said = [sentence(w, change_said(w, old, new, change)) for change in changes]
    if as_json:
        say([{**plain(change), "sentence": line} for change, line in zip(changes, said, strict=True)])
        return
    for line in said:
        click.echo(line)
    click.echo(w.ngettext("One change", "%(num)d changes", len(changes)) if changes else w._("No change"), err=True)


@definitions.command("rehearse")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--script", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print events, refusals and dues as JSON.")
@click.option("--case-file", "case_file", type=click.Path(dir_okay=False), help="Write the case file at the end.")
@click.option("--language", default="fr", show_default=True)
def definitions_rehearse(file: str, script: str, as_json: bool, case_file: str | None, language: str) -> None:
    """Play a script on a definition in a throwaway realm; exit 1 where a step did not go as the script says."""
    from school_protocol.cases import story_player
    from school_protocol.protocol.reader import read

    content = Path(file).read_bytes()
    protocol = read(content, file)
    story = story_player.read_story(Path(script).read_bytes(), script)
    if story.title:
        click.echo(story.title_in(language), err=True)
    with story_player.throwaway(protocol, content, datetime(2000, 1, 1, tzinfo=UTC)) as player:
        played = player.play(story.steps)
        if case_file is not None:
            Path(case_file).write_bytes(_rehearsed_file(player, protocol, language))
    click.echo(story_player.as_json(played) if as_json else "\n".join(_line(one) for one in played))
    if not as_json:
        effort = story_player.effort_of(protocol, played)
        click.echo(
            f"{effort.acts} acts, {effort.required} required answers ({effort.asked} given in all, "
            f"{effort.known} found filled in), "
            f"{effort.signatures} signatures, {effort.moves} moves"
        )
    if not all(one.went_as_said for one in played):
        sys.exit(1)


def _line(played: Played) -> str:
    outcome = "refused: " + ", ".join(played.refused) if played.refused else ", ".join(played.events)
    if played.problems:
        outcome = "; ".join(
            f"{path}: {what_is_wrong(codes, played.sentences)}" for path, codes in played.problems.items()
        )
    mark = "" if played.went_as_said else "   << not as the script says"
    when = f"{played.step:>3}  {played.at:%Y-%m-%d %H:%M}"
    return f"{when}  {played.actor:<18} {played.do:<24} {outcome}  [{played.state}]{mark}"


def _rehearsed_file(player: Any, protocol: Protocol, language: str) -> bytes:
    from school_protocol.case_files.service import issue_case_file

    document = next(iter(protocol.documents.values()))
    profile = next(iter(document.profiles.values()))
    actor = player.actor(next(role for role in profile.for_ if role in protocol.roles))
    number = next(iter(player.numbers.values()))
    data: bytes = issue_case_file(player.house, actor, number, profile.key, language).data
    return data


# ---- what is printed of a definition -----------------------------------------------------------------------------

_LANGUAGE = click.option("--language", default="fr", show_default=True, help="One of the definition's languages.")


def _said_in(file: str, language: str) -> tuple[Protocol, Wording]:
    """A definition from its file, and the voice of one of its languages."""
    from school_protocol.language import Wording
    from school_protocol.protocol.reader import read_file
    from school_protocol.publishing.handouts import languages_of

    protocol = read_file(Path(file))
    spoken = languages_of(protocol)
    if language not in spoken:
        raise click.UsageError(f"{language}: not one of {', '.join(spoken)}")
    return protocol, Wording(language)


@definitions.command("draw")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the SVG goes.")
@_LANGUAGE
def definitions_draw(file: str, output: str, language: str) -> None:
    """Draw the whole of a protocol as SVG: stages as lanes, the urgent path, who moves, deadlines."""
    from school_protocol.protocol.drawing_layout import drawn
    from school_protocol.protocol.drawing_svg import svg

    protocol, wording = _said_in(file, language)
    Path(output).write_text(svg(drawn(protocol, wording), wording), "utf-8")


@definitions.command("wall")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the PDF goes.")
@_LANGUAGE
def definitions_wall(file: str, output: str, language: str) -> None:
    """Print a protocol on four pages for a school's wall, as PDF."""
    from school_protocol.context import SystemClock
    from school_protocol.publishing.handouts import wall_of

    protocol, wording = _said_in(file, language)
    Path(output).write_bytes(wall_of(protocol, wording, SystemClock().now()))


@definitions.command("forms")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the PDF goes.")
@click.option("--form", "wanted", multiple=True, help="Only this form, by key or code; can be given several times.")
@_LANGUAGE
def definitions_forms(file: str, output: str, wanted: tuple[str, ...], language: str) -> None:
    """Print the forms of a protocol to fill in by hand, as PDF."""
    from school_protocol.context import SystemClock
    from school_protocol.protocol.printed_pages import blank_forms

    protocol, wording = _said_in(file, language)
    keys = [protocol.resolve("forms", name) for name in wanted] or list(protocol.forms)
    for key in keys:
        if key not in protocol.forms:
            raise click.UsageError(f"{key}: the definition has no such form")
    forms = [protocol.forms[key] for key in dict.fromkeys(keys)]
    Path(output).write_bytes(blank_forms(protocol, forms, wording, SystemClock().now()))
