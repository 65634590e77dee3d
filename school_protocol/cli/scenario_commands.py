"""Commands of definitions (checked, compared, rehearsed, drawn) and of scenarios (checked, played, printed)."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.group import main, say, what_is_wrong
from school_protocol.config import known_languages
from school_protocol.engine.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from school_protocol.cases.story_player import Played
    from school_protocol.engine.definition import Protocol
    from school_protocol.language import Wording
    from school_protocol.proof.presenters import ResultLabel
    from school_protocol.training.findings import Debrief, Finding
    from school_protocol.training.scenario import Scenario, Step
    from school_protocol.training.scenario_presenters import DebriefPage, FindingLine
    from school_protocol.training.table_play import Beat, Playing

# `school-protocol definitions …`: check definitions, and play scripts on them.


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
    from school_protocol.proof.presenters import result_label, script_of, with_lines
    from school_protocol.proof.prove import prove
    from school_protocol.proof.state_space import STEPS

    proof = with_lines(prove(protocol, steps=STEPS if limit is None else limit), protocol, data)
    w = Wording(language)
    held = len(proof.results) - len(proof.faults)
    said = [f"{file}: {held} of {len(proof.results)} proven, {proof.combinations} combinations, {proof.seconds:.1f} s"]
    for result in proof.faults:
        said += _told(result_label(w, protocol, result, file))
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


def _told(said: ResultLabel) -> list[str]:
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
    from school_protocol.protocol.presenters import change_label, plain, sentence
    from school_protocol.protocol.reader import read_file

    try:
        old, new = read_file(Path(before)), read_file(Path(after))
    except DefinitionError as error:
        for line in fault_lines(error, language):
            click.echo(line)
        sys.exit(1)
    w, changes = Wording(language or "fr"), difference(old, new)
    said = [sentence(w, change_label(w, old, new, change)) for change in changes]
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
    click.echo(story_player.as_json(played) if as_json else "\n".join(_story_line(one) for one in played))
    if not as_json:
        effort = story_player.effort_of(protocol, played)
        click.echo(
            f"{effort.acts} acts, {effort.required} required answers ({effort.asked} given in all, "
            f"{effort.known} found filled in), "
            f"{effort.signatures} signatures, {effort.moves} moves ({effort.together} in one press with an act): "
            f"{effort.submissions} submissions"
        )
    if not all(one.went_as_said for one in played):
        sys.exit(1)


def _story_line(played: Played) -> str:
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
    data: bytes = issue_case_file(player.ctx, actor, number, profile.key, language).data
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


_PROTOCOL = click.option(
    "--protocol", "protocol_file", type=click.Path(exists=True, dir_okay=False),
    help="The definition to play it on; without it, the versions that the scenario names, of those that are shipped.",
)  # fmt: skip


@main.group()
def scenarios() -> None:
    """Check scenarios of workshops."""


@main.group()
def scenario() -> None:
    """Play a scenario of workshops."""


@scenarios.command("check")
@click.argument("files_", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@_PROTOCOL
@click.option("--language", type=click.Choice(known_languages()), default="en", show_default=True)
@click.option("--no-play", is_flag=True, help="Only look for what is wrong with the file; play nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the faults as JSON.")
def scenarios_check(
    files_: tuple[str, ...], protocol_file: str | None, language: str, no_play: bool, as_json: bool
) -> None:
    """List every fault as FILE:LINE: message, then play what can be read; without a FILE, all that are shipped."""
    found: list[dict[str, Any]] = []
    lines: list[str] = []
    for file in files_ or _shipped():
        try:
            one = _checked(file, protocol_file, is_played=not no_play)
        except DefinitionError as error:
            faults = [{"file": file, "line": fault.line, "message": fault.message} for fault in error.faults]
            found.append({"file": file, "faults": faults})
            lines += fault_lines(error, language)
            continue
        found.append({"file": file, "faults": []})
        click.echo(f"{file}: {one.scenario} {one.version}: no fault found", err=True)
    if as_json:
        say(found)
    else:
        for line in lines:
            click.echo(line)
    if any(entry["faults"] for entry in found):
        sys.exit(1)


scenario.add_command(scenarios_check, "check")


@scenario.command("play")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_PROTOCOL
@click.option(
    "--script", "script_file", type=click.Path(exists=True, dir_okay=False),
    help="What a table did, as a list of steps, in place of the expected path; its debrief is printed, too.",
)  # fmt: skip
@click.option("--witness", help="An inject or trap: play how it comes about, in place of the expected path.")
@click.option("--language", type=click.Choice(known_languages()), default="fr", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print steps, injects, traps and what was missed as JSON.")
def scenario_play(
    file: str, protocol_file: str | None, script_file: str | None, witness: str | None, language: str, as_json: bool
) -> None:
    """Play a scenario in a throwaway realm, by its own clock; exit 1 where it has a fault or a step goes astray."""
    from school_protocol.cases.story_player import ScriptError
    from school_protocol.language import Wording
    from school_protocol.training import workshop_end
    from school_protocol.training.presenters import debrief_told
    from school_protocol.training.table_play import seated, steps_of

    told = _sound(file, protocol_file, language)
    chosen = next((one for _part, key, one in told.witnesses() if key == witness), None)
    if witness is not None and chosen is None:
        raise click.UsageError(f"{witness}: no inject or trap of this scenario has a witness of that name")
    if witness is not None and script_file is not None:
        raise click.UsageError("--witness or --script, not both")
    script = _steps(script_file) if script_file else None
    protocol, content = next(_protocols(told, protocol_file))
    click.echo(told.title.in_language(language), err=True)
    try:
        with seated(told, protocol, content) as playing:
            went = playing.play(steps_of(told, chosen)) if script is None else playing.replay(script)
            found = workshop_end.from_playing(playing) if script is not None else None
    except ScriptError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        debrief = {"debrief": _debriefed(found, debrief_told(found, Wording(language)))} if found else {}
        say({**_plainly(playing), **debrief})
    else:
        debriefed = _debrief_lines(debrief_told(found, Wording(language)), language) if found else ()
        for line in (*_told_of(told, playing, language), *debriefed):
            click.echo(line)
    if not went:
        sys.exit(1)


def _plainly(playing: Playing) -> dict[str, Any]:
    """What was played, as JSON."""
    due = [{"at": one.due_at.isoformat(), "deadline": one.deadline, "subject": one.subject} for one in playing.due]
    return {"beats": [_plain(beat) for beat in playing.beats], "due": due, "ends": playing.states}


def _told_of(told: Scenario, playing: Playing, language: str) -> Iterator[str]:
    """The same in lines: each step, what is still due, and how much of the scenario came about."""
    yield from (_line(told, beat, language) for beat in playing.beats)
    for one in playing.due:
        yield f"     {_when(one.due_at)}  {'due':<18} {f'{one.deadline} {one.subject}'.strip()}"
    yield (
        f"{len(playing.table.came)} of {len(told.injects)} injects, {len(playing.table.traps)} of "
        f"{len(told.traps)} traps; ends in {', '.join(playing.states.values())}"
    )


@scenario.command("kit")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_PROTOCOL
@click.option("--language", type=click.Choice(known_languages()), default="fr", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, writable=True), help="The PDF to write.")
def scenario_kit(file: str, protocol_file: str | None, language: str, output: str) -> None:
    """Print a workshop for a room without any network: cards, slips, forms, clock and debrief sheets, as one PDF."""
    from datetime import UTC, datetime

    from school_protocol.pdf.rendering import DocumentsUnavailable
    from school_protocol.training.kit import NotAsExpected, kit
    from school_protocol.training.table_play import TooLong

    told = _sound(file, protocol_file, language)
    protocol, content = next(_protocols(told, protocol_file))
    try:
        data = kit(protocol, content, told, language, datetime.now(UTC))
    except (NotAsExpected, TooLong) as problem:
        raise click.ClickException(f"{file}: {problem}; scenarios check says more") from None
    except DocumentsUnavailable as problem:
        raise click.ClickException(str(problem)) from None
    Path(output).write_bytes(data)
    click.echo(output)


@scenario.command("debrief")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_PROTOCOL
@click.option(
    "--steps", "steps_file", type=click.Path(exists=True, dir_okay=False),
    help="What a table did, as a list of steps (docs/scenario-format.md), in place of the expected path.",
)  # fmt: skip
@click.option("--witness", help="An inject or trap: debrief a table to which it comes about.")
@click.option("--table", default="1", show_default=True, help="What the table is called.")
@click.option("--language", type=click.Choice(known_languages()), default="fr", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the table’s PDF there.")
@click.option("--json", "as_json", is_flag=True, help="Print the debrief as JSON: keys of the definition, and words.")
def scenario_debrief(
    file: str, protocol_file: str | None, steps_file: str | None, witness: str | None, table: str, language: str,
    output: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Play the expected path, or what a table did, in a throwaway realm, and print its debrief.

    What is refused on the way is debriefed too: no step needs to say that it expects it.
    """
    from school_protocol.cases.story_player import ScriptError
    from school_protocol.language import Wording
    from school_protocol.pdf.rendering import DocumentsUnavailable
    from school_protocol.training import workshop_end
    from school_protocol.training.presenters import debrief_told
    from school_protocol.training.table_play import seated, steps_of
    from school_protocol.training.workshop_pages import TableDebrief, table_debrief

    told = _sound(file, protocol_file, language)
    chosen = next((one for _part, key, one in told.witnesses() if key == witness), None)
    if witness is not None and (chosen is None or steps_file is not None):
        raise click.UsageError(f"{witness}: no inject or trap has a witness of that name, or --steps is there too")
    steps = _steps(steps_file) if steps_file else steps_of(told, chosen)
    protocol, content = next(_protocols(told, protocol_file))
    try:
        with seated(told, protocol, content) as playing:
            playing.replay(steps)
            found = workshop_end.from_playing(playing)
    except ScriptError as error:
        raise click.ClickException(str(error)) from None
    if output is not None:
        try:
            Path(output).write_bytes(table_debrief(TableDebrief(table, found, found.ended), Wording(language)))
        except DocumentsUnavailable as error:
            raise click.ClickException(str(error)) from None
        click.echo(output, err=True)
    lines = debrief_told(found, Wording(language))
    if as_json:
        say(_debriefed(found, lines))
    elif output is None:
        for line in _debrief_lines(lines, language):
            click.echo(line)


def _steps(file: str) -> tuple[Step, ...]:
    """A table's steps. Raises ClickException for the first that is not understood."""
    import yaml
    from pydantic import ValidationError

    from school_protocol.training.scenario import Step

    try:
        said = yaml.BaseLoader(Path(file).read_bytes()).get_single_data()  # every scalar is the text that was written
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: not YAML: {str(error).splitlines()[0]}") from None
    said = said.get("steps") if isinstance(said, dict) else said
    if not isinstance(said, list) or not said:
        raise click.ClickException(f"{file}: a list of steps is needed, or one under `steps`")
    steps = []
    for number, one in enumerate(said, 1):
        try:
            steps.append(Step.model_validate(one))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise click.ClickException(f"{file}: step {number}: {place}: {first['msg']}") from None
    return tuple(steps)


def _debrief_lines(told: DebriefPage, language: str) -> Iterator[str]:
    """A debrief for a terminal."""
    from school_protocol.language import Wording

    w = Wording(language)
    yield f"{told.scenario}  {told.begun} – {told.ended}  [{w.series(told.states)}]"
    yield f"\n{w._('What went otherwise than the protocol says')}"
    for one in told.errors:
        yield f"  {one.label}: {one.what} ({one.at})"
        yield f"    {one.says}"
        yield from (f"    {said}" for said in (one.rule, one.note, one.note_rule) if said)
    if not told.errors:
        yield f"  {w._('Nothing: all that was due was done, in time, by those whose it is and in order.')}"
    yield f"\n{w._('Duties')}"
    yield from (f"  {one.said}: {one.title}" for one in told.duties)
    for title, rows in (
        (w._("How long it took"), told.measures),
        (w._("Dangers"), told.dangers),
        (w._("What was decided about guardians"), told.guardians),
        (w._("The grid, table by table"), tuple((one[0], one[1]) for one in told.grids)),
    ):
        if rows:
            yield f"\n{title}"
            yield from ("  " + "  ".join(row) for row in rows)
    yield f"\n{w._('Questions to talk about')}"
    yield from (f"  {number}. {one.says}" for number, one in enumerate(told.questions, 1))


def _debriefed(found: Debrief, told: DebriefPage) -> dict[str, Any]:
    """A debrief for other programs: keys and moments as they are, and what is said of them."""
    return {
        "begun": found.begun.isoformat(),
        "ended": found.ended.isoformat(),
        "states": dict(found.states),
        "errors": [_finding(one, said) for one, said in zip(found.errors, told.errors, strict=True)],
        "others": [
            _finding(one, said)
            for one, said in zip((one for one in found.findings if not one.is_error), told.others, strict=True)
        ],
        "duties": [{"duty": one.duty, "case": one.case, "verdict": one.verdict.value} for one in found.duties],
        "measures": [
            {"measure": one.key, "case": one.case, "minutes": _minutes(one.taken), "in": one.units, "unit": one.unit}
            for one in found.measures
        ],
        "dangers": [
            {"danger": one.danger, "case": one.case, "at": _iso(one.at), "after_minutes": _minutes(one.after),
             "role": one.role, "state": one.state, "expected": one.expected}
            for one in found.dangers
        ],
        "guardians": [
            {"at": _iso(one.at), "case": one.case, "kind": one.kind, "person": one.person, "role": one.role}
            for one in found.guardians
        ],
        "grids": [
            {"grid": one.grid, "case": one.case, "marks": dict(one.marks), "low": one.low, "high": one.high,
             "level": one.level}
            for one in found.grids
        ],
        "timeline": [
            {"at": _iso(one.at), "what": one.what.value, "part": one.part, "key": one.key, "case": one.case,
             "role": one.role, "state": one.stand.state if one.stand else "", "says": said.says}
            for one, said in zip(found.timeline, told.moments, strict=True)
        ],
        "questions": [{"kind": one.kind, "key": about.key, "says": one.says}
                      for one, about in zip(told.questions, found.questions, strict=True)],
    }  # fmt: skip


def _finding(one: Finding, said: FindingLine) -> dict[str, Any]:
    return {
        "kind": one.kind.value, "part": one.part, "key": one.key, "case": one.case, "subject": one.subject,
        "at": _iso(one.at), "due_at": _iso(one.due_at), "done_at": _iso(one.done_at), "role": one.role,
        "roles": list(one.roles), "needs": list(one.needs), "says": said.says,
        "rule": said.rule or said.note_rule, "note": said.note,
    }  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _minutes(taken: timedelta | None) -> int | None:
    return int(taken.total_seconds() // 60) if taken is not None else None


def _shipped() -> list[str]:
    """The scenarios that come with the product."""
    folder = Path(str(files("school_protocol.protocol_definitions"))) / "scenarios"
    return [str(path) for path in sorted(folder.glob("*.yaml"))]


def _checked(file: str, protocol_file: str | None, *, is_played: bool) -> Scenario:
    """A scenario that fits each version of its protocol that is at hand. Raises DefinitionError."""
    from school_protocol.training.scenario_reader import check_scenario, located, read_scenario
    from school_protocol.training.table_play import prove

    data = Path(file).read_bytes()
    scenario = read_scenario(data, file)
    for protocol, content in _protocols(scenario, protocol_file):
        faults = (
            prove(scenario, data, protocol, content) if is_played else located(data, check_scenario(scenario, protocol))
        )
        if faults:
            raise DefinitionError(file, faults)
    return scenario


def _sound(file: str, protocol_file: str | None, language: str) -> Scenario:
    """The same, unplayed; where it has faults, they are printed, and that is all."""
    try:
        return _checked(file, protocol_file, is_played=False)
    except DefinitionError as error:
        for line in fault_lines(error, language):
            click.echo(line)
        sys.exit(1)


def _protocols(scenario: Scenario, file: str | None) -> Iterator[tuple[Protocol, bytes]]:
    """The versions of its protocol that a scenario is held against, with their bytes."""
    from school_protocol.protocol.reader import read

    shipped = Path(str(files("school_protocol.protocol_definitions"))) / scenario.protocol
    places = [Path(file)] if file else [shipped / f"{version}.yaml" for version in scenario.versions]
    for place in places:
        if not place.is_file():
            raise click.ClickException(f"{scenario.protocol}: {place.name} is not shipped; name one with --protocol")
        content = place.read_bytes()
        yield read(content, place.name), content


def _line(scenario: Scenario, beat: Beat, language: str) -> str:
    when = _when(beat.at)
    if beat.played is not None:
        one = beat.played
        outcome = f"refused: {', '.join((*one.refused, *one.problems))}" if one.refused or one.problems else ""
        mark = "" if one.went_as_said else "   << not as the script says"
        said = outcome or ", ".join(one.events)
        return f"{one.step:>3}  {when}  {one.actor:<18} {one.do:<24} {said}  [{one.state}]{mark}"
    said = ""
    if beat.key in scenario.injects and beat.kind == "inject":
        said = scenario.injects[beat.key].text.in_language(language)
    elif beat.kind == "trap":
        said = scenario.traps[beat.key].title.in_language(language)
    return f"     {when}  {beat.kind.value:<18} {f'{beat.key} {beat.subject}'.strip():<24} {said}"


def _when(moment: datetime) -> str:
    """A moment as the scenario writes it, in Casablanca's time."""
    from school_protocol.language import ZONE

    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}"


def _plain(beat: Beat) -> dict[str, Any]:
    said: dict[str, Any] = {"at": beat.at.isoformat(), "kind": beat.kind.value, "key": beat.key}
    if beat.subject:
        said["subject"] = beat.subject
    if beat.played is not None:
        one = beat.played
        said |= {
            "step": one.step, "as": one.actor, "do": one.do, "events": list(one.events), "state": one.state,
            "refused": list(one.refused), "problems": {key: list(codes) for key, codes in one.problems.items()},
            "as_said": one.went_as_said,
        }  # fmt: skip
    return said
