"""Figures of a definition: what may be counted, and what is said where it may not."""

from __future__ import annotations

import pytest
from definitions.figure_faults import FAULTS, LISTED, SMALL, UNASKED, W, with_figures

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read
from school_protocol.statistics.rules import tables_of


def faults(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "small.yaml")
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


def at(text: str, where: str, says: str) -> str:
    assert text.count(where) == 1, (where, text.count(where))
    return f"{text[: text.index(where)].count(chr(10)) + 1}: {says}"


def test_figures_without_a_fault_are_read() -> None:
    protocol = read(with_figures().encode(), "small.yaml")
    assert [table.key for table in tables_of(protocol)] == [
        "kinds", "in_time.first_talk", "in_time.home_due", "wait.talk",
    ]  # fmt: skip
    assert {table.key for table in tables_of(protocol) if table.public} == {"kinds", "wait.talk", "in_time.home_due"}


def test_a_definition_without_figures_has_no_tables() -> None:
    assert tables_of(read(SMALL.encode(), "small.yaml")) == ()


@pytest.mark.parametrize(("change", "where", "says"), FAULTS, ids=[says[:70] for _c, _w, says in FAULTS])
def test_each_fault_has_its_line_and_its_words(change: tuple[str, str], where: str, says: str) -> None:
    text = with_figures(change)
    assert any(one.startswith(at(text, where, says)) for one in faults(text)), faults(text)


SAYS = 'documents.{}: field "kind" is for figures: the school’s own copy alone prints it'


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (LISTED, "dossier.profiles.outside.acts.write_slip"),
        (("    checks: [home_told, posted, first_talk]\n",
          "    checks: [home_told, posted, first_talk]\n"
          f"  tally: {{kind: sheet, for: [warden], title: {W}, body: [{{act: write_slip, fields: [kind]}}]}}\n"),
         "tally.body[1].fields"),
    ],
)  # fmt: skip
def test_what_is_for_figures_is_printed_by_the_schools_own_copy_alone(change: tuple[str, str], where: str) -> None:
    told = faults(with_figures(*UNASKED, change))
    assert [one.partition(": ")[2] for one in told] == [SAYS.format(where)]


def test_what_is_for_figures_is_counted_and_read_by_the_school() -> None:
    """The control: the same without a copy for others."""
    listed = ("inside: {identities: true", "inside: {acts: {write_slip: [kind]}, identities: true")
    protocol = read(with_figures(*UNASKED, listed).encode(), "small.yaml")
    assert [one.key for one in protocol.forms["slip"].fields if one.for_figures] == ["kind"]
