"""The debrief on paper, and from the command line: archival, tagged, marked as an exercise on every page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from click.testing import CliRunner
from pdf import archive, tags
from pdf.printed import pages, squeezed

from school_protocol.cli.group import main
from school_protocol.language import Wording, stigma
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read_file
from school_protocol.training import workshop_end
from school_protocol.training.case_timeline import Verdict
from school_protocol.training.findings import Debrief, Kind
from school_protocol.training.presenters import debrief_told
from school_protocol.training.scenario_presenters import LABELS, VERDICTS
from school_protocol.training.scenario_reader import read_scenario
from school_protocol.training.table_play import seated
from school_protocol.training.workshop_pages import (
    MARK,
    TableDebrief,
    TrainerDebrief,
    table_debrief,
    table_debrief_html,
    trainer_debrief,
    trainer_debrief_html,
)

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

FOUND = Path(__file__).with_name("found_phone.yaml")
SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"
AS_OF = datetime(2026, 11, 30, 9, tzinfo=UTC)
LANGUAGES = ("fr", "ar", "en")


@pytest.fixture(scope="module")
def tables() -> Mapping[str, Debrief]:
    """Two tables: one went its way, one fell into both traps."""
    scenario = read_scenario(FOUND.read_bytes(), FOUND.name)
    found: dict[str, Debrief] = {}
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        playing.play(scenario.path.steps)
        found["Table A"] = workshop_end.from_playing(playing)
    with seated(scenario, read_file(SMALL), SMALL.read_bytes()) as playing:
        playing.open()
        for trap in scenario.traps.values():
            for number, step in enumerate(trap.witness.steps, 1):
                playing.step(number, step)
        found["Table B"] = workshop_end.from_playing(playing)
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tables_paper_is_archival_accessible_and_says_it_all(
    tables: Mapping[str, Debrief], tmp_path: Path, language: str
) -> None:
    view, wording = TableDebrief("Table B", tables["Table B"], AS_OF), Wording(language)
    data = table_debrief(view, wording)
    assert archive.not_archival(data, tmp_path) == set()
    assert archive.not_accessible(data, tmp_path) == set()
    assert tags.faults(data, table_debrief_html(view, wording)) == {}
    whole = squeezed("".join(pages(data)))
    lines = debrief_told(view.debrief, wording)
    assert len(lines.errors) >= 2
    for one in lines.errors:
        assert squeezed(one.label) in whole
    for question in lines.questions[:2]:
        assert squeezed(question.says)[:20] in whole
    assert data == table_debrief(view, wording)


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_trainers_paper_has_all_tables_side_by_side(
    tables: Mapping[str, Debrief], tmp_path: Path, language: str
) -> None:
    view, wording = TrainerDebrief(tables, AS_OF, "Marrakech"), Wording(language)
    data = trainer_debrief(view, wording)
    assert archive.not_archival(data, tmp_path) == set()
    assert archive.not_accessible(data, tmp_path) == set()
    assert tags.faults(data, trainer_debrief_html(view, wording)) == {}
    first = squeezed(pages(data)[0])
    assert squeezed("Table A") in first
    assert squeezed("Table B") in first


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_marked_in_both_languages_of_the_schools(tables: Mapping[str, Debrief], language: str) -> None:
    wording = Wording(language)
    for data in (
        table_debrief(TableDebrief("Table A", tables["Table A"], AS_OF), wording),
        trainer_debrief(TrainerDebrief(tables, AS_OF), wording),
    ):
        with pikepdf.open(BytesIO(data)) as pdf:
            assert len(pdf.pages) > 1
            forms = [page.resources.get("/XObject", {}) for page in pdf.pages]
            assert all(any("Stamp" in str(name) for name in form) for form in forms)
        for page in pages(data):
            assert page.count(MARK[0]) >= 2, "at its foot and across it"


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_kind_has_its_words_and_none_judges(tables: Mapping[str, Debrief], language: str) -> None:
    w = Wording(language)
    assert set(LABELS) == set(Kind)
    assert set(VERDICTS) == set(Verdict)
    for said, _tone in (*LABELS.values(), *VERDICTS.values()):
        assert w._(said) != said, f"{said} is not translated"
    html = table_debrief_html(TableDebrief("Table B", tables["Table B"], AS_OF), w)
    assert stigma(language, html) == []


def test_what_a_table_is_called_cannot_become_markup(tables: Mapping[str, Debrief]) -> None:
    html = table_debrief_html(TableDebrief("<script>x</script>", tables["Table A"], AS_OF), Wording("fr"))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


# ---- the command -----------------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["scenario", "debrief", str(FOUND), "--protocol", str(SMALL), *words])
    return result.exit_code, result.stdout, result.stderr


def test_the_expected_path_is_debriefed() -> None:
    code, out, _err = run("--language", "en")
    assert code == 0
    assert "Nothing: all that was due was done" in out
    assert "Questions to talk about" in out


def test_what_a_table_did_is_debriefed_from_a_file_of_steps(tmp_path: Path) -> None:
    steps, paper = tmp_path / "table.yaml", tmp_path / "table.pdf"
    steps.write_text('- {advance: 5m, as: warden, do: start_looking}\n- {at: "2026-11-27T09:10"}\n', "utf-8")
    code, out, err = run("--steps", str(steps), "--language", "fr", "--json", "-o", str(paper))
    assert (code, err.strip()) == (0, str(paper))
    told = json.loads(out)
    assert [(one["kind"], one["key"]) for one in told["errors"]] == [
        ("left_out", "first_talk"), ("wrong_order", "start_looking"), ("trap", "alone"),
    ]  # fmt: skip
    assert told["errors"][1]["needs"] == ["keeper_trained"]
    assert paper.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("written", "said"),
    [("- {as: warden, dew: jot}", "step 1: dew"), ("steps: none", "a list of steps is needed"), ("a: [", "not YAML")],
)
def test_a_file_of_steps_that_is_not_one_is_said(tmp_path: Path, written: str, said: str) -> None:
    steps = tmp_path / "table.yaml"
    steps.write_text(written, "utf-8")
    code, _out, err = run("--steps", str(steps))
    assert code == 1
    assert said in err
