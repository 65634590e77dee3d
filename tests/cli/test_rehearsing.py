"""`definitions rehearse` on the file of a story: its title in the language asked for, its faults with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from engine.telling import SMALL

from school_protocol.cli.group import main

STEPS = """\
steps:
  - {at: "2026-11-25T10:00", as: tous, do: slip, answers: {what: Une gourde, kind: other}}
  - {as: surv, do: slip, expect: refused, answers: {what: encore, kind: other}}
"""
TITLE = 'title: {fr: "Une gourde perdue", ar: "قنينة ضائعة", en: "A lost bottle"}\n'


def rehearsed(tmp_path: Path, story: str, *more: str) -> Result:
    script = tmp_path / "story.yaml"
    script.write_text(story, "utf-8")
    return CliRunner().invoke(main, ["definitions", "rehearse", str(SMALL), "--script", str(script), *more])


@pytest.mark.parametrize(
    ("more", "said"),
    [((), "Une gourde perdue"), (("--language", "ar"), "قنينة ضائعة"), (("--language", "en"), "A lost bottle")],
)
def test_the_title_is_said_in_the_language_asked_for(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    played = rehearsed(tmp_path, TITLE + STEPS, *more)
    assert played.exit_code == 0, played.output
    assert played.stderr.splitlines() == [said]
    assert said not in played.stdout, "what other programs read is as it was"


def test_a_plain_title_is_said_as_it_is_and_none_where_there_is_none(tmp_path: Path) -> None:
    assert rehearsed(tmp_path, f'title: "Une gourde"\n{STEPS}', "--language", "ar").stderr == "Une gourde\n"
    assert rehearsed(tmp_path, STEPS).stderr == ""


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (TITLE + STEPS.replace("do: slip, expect", "dos: slip, expect"), ":4: step 2: unknown word 'dos'"),
        (TITLE, ":1: there are no `steps`"),
        ("steps: [", ":1: not YAML: "),
    ],
)
def test_a_fault_of_the_file_is_one_line_with_its_place(tmp_path: Path, story: str, said: str) -> None:
    refused = rehearsed(tmp_path, story)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert f"story.yaml{said}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
