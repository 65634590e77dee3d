"""What the command prints of a definition: its drawing, its pages for a wall, its forms."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from pdf.printed import pages, unsaid

from school_protocol.cli.group import main
from school_protocol.pdf import rendering
from school_protocol.protocol.reader import read_file

SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["definitions", *arguments])


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of it needs an installation, or makes one."""
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "never"))


def test_a_protocol_is_drawn(tmp_path: Path) -> None:
    out = tmp_path / "drawing.svg"
    assert run("draw", str(SMALL), "-o", str(out), "--language", "ar").exit_code == 0
    tree = ElementTree.fromstring(out.read_text("utf-8"))
    assert tree.get("direction") == "rtl"
    drawn = [one.get("data-state") for one in tree.iter() if one.get("data-state")]
    assert drawn == list(read_file(SMALL).states)
    assert not (tmp_path / "never").exists()


@pytest.mark.exhaustive
def test_four_pages_are_printed(tmp_path: Path) -> None:
    out = tmp_path / "wall.pdf"
    assert run("wall", str(SMALL), "-o", str(out), "--language", "en").exit_code == 0
    found = pages(out.read_bytes())
    assert len(found) == 4
    assert unsaid(found[0], ["Being looked for", "Take out again"]) == []


@pytest.mark.exhaustive
def test_every_form_is_printed_or_those_that_are_named(tmp_path: Path) -> None:
    out = tmp_path / "forms.pdf"
    protocol = read_file(SMALL)
    assert run("forms", str(SMALL), "-o", str(out), "--language", "en").exit_code == 0
    text = "".join(pages(out.read_bytes()))
    assert all(f"{form.short}-1" in text for form in protocol.forms.values())
    assert run("forms", str(SMALL), "-o", str(out), "--form", "O4", "--form", "calm", "--language", "en").exit_code == 0
    text = "".join(pages(out.read_bytes()))
    assert "O4-1" in text
    assert "calm-1" in text
    assert "O1-1" not in text


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("draw", ("--language", "de"), "de: not one of fr, ar, en"),
        ("wall", ("--language", "zgh"), "zgh: not one of fr, ar, en"),
        ("forms", ("--form", "nothing"), "nothing: the definition has no such form"),
    ],
)
def test_what_is_not_there_is_not_printed(tmp_path: Path, command: str, arguments: tuple[str, ...], said: str) -> None:
    out = tmp_path / "out"
    found = run(command, str(SMALL), "-o", str(out), *arguments)
    assert found.exit_code == 2
    assert said in found.output
    assert not out.exists()


def test_a_definition_with_faults_is_not_printed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(SMALL.read_text("utf-8").replace("to: looking", "to: nowhere"), "utf-8")
    found = run("draw", str(broken), "-o", str(tmp_path / "out.svg"))
    assert found.exit_code == 1
    assert "nowhere" in found.output


def test_without_the_libraries_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rendering, "missing", lambda: "Missing system packages: libpango-1.0-0")
    rendering._typesetter.cache_clear()
    found = run("forms", str(SMALL), "-o", str(tmp_path / "out.pdf"))
    assert found.exit_code == 1
    assert "libpango-1.0-0" in found.output
