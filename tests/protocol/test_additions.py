"""Figures, letters, a yearly report and public reports, added to the small definition; what the shipped ones have."""

from __future__ import annotations

import pytest
from engine.telling import MOROCCAN

from protocol.test_definition_reading import TEXT, text_of
from school_protocol.engine.definition import Protocol
from school_protocol.engine.document_rules import PLACES, places_in, slots_of
from school_protocol.protocol.reader import read, read_file
from school_protocol.statistics.rules import tables_of


def added(base: str, *changes: tuple[str, str]) -> Protocol:
    return read(text_of({"base": base, "changes": changes}).encode(), "small.yaml")


def test_figures_without_a_fault_are_read() -> None:
    tables = {table.key: table.public for table in tables_of(added("figures"))}
    assert tables == {"kinds": True, "in_time.first_talk": False, "in_time.home_due": True, "wait.talk": True}
    assert tables_of(read(TEXT.encode(), "small.yaml")) == ()


def test_what_is_for_figures_is_counted_and_read_by_the_school() -> None:
    """The control of what is printed by the school’s own copy alone."""
    protocol = added(
        "figures",
        ("        required: true\n        default: other\n", "        for_figures: true\n        default: other\n"),
        ("worth: {type: integer, when: \"kind == 'money'\",", "worth: {type: integer,"),
        ("inside: {identities: true", "inside: {acts: {write_slip: [kind]}, identities: true"),
    )
    assert [one.key for one in protocol.forms["slip"].fields if one.for_figures] == ["kind"]


def test_letters_without_a_fault_are_read() -> None:
    """The talk of the small definition is kept for its readers: the good letters count something else."""
    counted = "{act: bring_news, fields: [on]}"
    protocol = added("letters", ("{act: meet, fields: [heard, places]}", counted))
    assert [one.kind for one in protocol.documents.values()] == ["case_file", "letter", "notice", "law_notice", "sheet"]
    assert slots_of(protocol, protocol.documents["home_letter"]) == ("family",)


def test_places_are_found_in_a_text() -> None:
    assert list(places_in("à %(school)s, le %(day)s")) == ["school", "day"]
    assert list(places_in("100 % et %(bad")) == ["", ""]
    assert PLACES["case"] < PLACES["referral"]


def test_a_yearly_report_without_a_fault_is_read() -> None:
    document = added("yearly").documents["school_year"]
    assert document.yearly is not None
    assert [term.ends for term in document.yearly.terms] == [1, 8]
    assert not document.is_letter
    assert not document.is_case_file


def test_public_reports_without_a_fault_are_read() -> None:
    rules = added("reports").signalement
    assert rules is not None
    assert (rules.form, rules.as_, rules.keeps) == ("anyone", "anybody", 3)
    assert rules.steps(restricted=False, urgent=True) == rules.rises, "without steps of its own"
    assert rules.orientations["elsewhere"].key == "elsewhere"


@pytest.mark.parametrize("form", ["form", "staff_form"])
def test_three_answers_are_enough_in_the_moroccan_one_which_alone_takes_public_reports(form: str) -> None:
    shipped = {path.parent.name: read_file(path) for path in sorted(MOROCCAN.parents[1].glob("*/1.yaml"))}
    assert [name for name, one in shipped.items() if one.signalement] == ["ma-cyberharassment"]
    protocol = shipped["ma-cyberharassment"]
    asked = protocol.forms[getattr(protocol.signalement, form)].fields
    assert len([field for field in asked if field.required]) == 3
