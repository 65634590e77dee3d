"""`scenarios check` and `scenario play`: scenarios of workshops, looked at and played without a workshop."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from school_protocol.cli.definitions import fault_lines
from school_protocol.cli.group import main, say
from school_protocol.domain.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from school_protocol.domain.protocol import Protocol
    from school_protocol.domain.scenario import Scenario
    from school_protocol.services.workshops.tables import Beat

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
@click.option("--language", type=click.Choice(["fr", "ar", "en"]), default="en", show_default=True)
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


@scenario.command("play")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_PROTOCOL
@click.option("--witness", help="An inject or trap: play how it comes about, in place of the expected path.")
@click.option("--language", type=click.Choice(["fr", "ar", "en"]), default="fr", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print steps, injects, traps and what was missed as JSON.")
def scenario_play(file: str, protocol_file: str | None, witness: str | None, language: str, as_json: bool) -> None:
    """Play a scenario in a throwaway realm, by its own clock; exit 1 where it has a fault or a step goes astray."""
    from school_protocol.services.workshops.proving import steps_of
    from school_protocol.services.workshops.tables import seated

    try:
        told = _checked(file, protocol_file, is_played=False)
    except DefinitionError as error:
        for line in fault_lines(error, language):
            click.echo(line)
        sys.exit(1)
    chosen = next((one for _part, key, one in told.witnesses() if key == witness), None)
    if witness is not None and chosen is None:
        raise click.UsageError(f"{witness}: no inject or trap of this scenario has a witness of that name")
    protocol, content = next(_protocols(told, protocol_file))
    click.echo(told.title.in_language(language), err=True)
    with seated(told, protocol, content) as playing:
        went = playing.play(steps_of(told, chosen))
    if as_json:
        due = [{"at": one.due_at.isoformat(), "deadline": one.deadline, "subject": one.subject} for one in playing.due]
        say({"beats": [_plain(beat) for beat in playing.beats], "due": due, "ends": playing.states})
    else:
        for beat in playing.beats:
            click.echo(_line(told, beat, language))
        for one in playing.due:
            click.echo(f"     {_when(one.due_at)}  {'due':<18} {f'{one.deadline} {one.subject}'.strip()}")
        click.echo(
            f"{len(playing.table.came)} of {len(told.injects)} injects, {len(playing.table.traps)} of "
            f"{len(told.traps)} traps; ends in {', '.join(playing.states.values())}"
        )
    if not went:
        sys.exit(1)


def _shipped() -> list[str]:
    """The scenarios that come with the product."""
    folder = Path(str(files("school_protocol.protocol_definitions"))) / "scenarios"
    return [str(path) for path in sorted(folder.glob("*.yaml"))]


def _checked(file: str, protocol_file: str | None, *, is_played: bool) -> Scenario:
    """A scenario that fits each version of its protocol that is at hand. Raises DefinitionError."""
    from school_protocol.definitions.scenarios import check, located, read
    from school_protocol.services.workshops.proving import prove

    data = Path(file).read_bytes()
    scenario = read(data, file)
    for protocol, content in _protocols(scenario, protocol_file):
        faults = prove(scenario, data, protocol, content) if is_played else located(data, check(scenario, protocol))
        if faults:
            raise DefinitionError(file, faults)
    return scenario


def _protocols(scenario: Scenario, file: str | None) -> Iterator[tuple[Protocol, bytes]]:
    """The versions of its protocol that a scenario is held against, with their bytes."""
    from school_protocol.definitions import read

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
    from school_protocol.wording import ZONE

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
