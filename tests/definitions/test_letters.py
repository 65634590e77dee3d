"""Letters of a definition: what may stand in one, and what is said where it may not."""

from __future__ import annotations

import pytest
from definitions.letter_faults import FAULTS, WHOLE, with_letters

from school_protocol.engine.document_rules import PLACES, places_in, slots_of
from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read


def faults(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "small.yaml")
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


def at(text: str, where: str, says: str) -> str:
    assert text.count(where) == 1, (where, text.count(where))
    return f"{text[: text.index(where)].count(chr(10)) + 1}: {says}"


SHEET = (("{act: meet, fields: [heard, places]}", "{act: bring_news, fields: [on]}"),)
"""The talk of the small definition is kept for its readers: the good letters count something else."""


def test_letters_without_a_fault_are_read() -> None:
    protocol = read(with_letters(*SHEET).encode(), "small.yaml")
    assert [one.kind for one in protocol.documents.values()] == ["case_file", "letter", "notice", "law_notice", "sheet"]
    assert slots_of(protocol, protocol.documents["home_letter"]) == ("family",)


@pytest.mark.parametrize(("change", "where", "says"), FAULTS, ids=[says[:70] for _c, _w, says in FAULTS])
def test_each_fault_has_its_line_and_its_words(change: tuple[str, str], where: str, says: str) -> None:
    sheet = () if "meet, fields: [heard" in change[0] or "[heard, places]" in change[0] else SHEET
    text = with_letters(*sheet, change)
    assert at(text, where, says) in faults(text)


@pytest.mark.parametrize(("text", "where", "says"), WHOLE, ids=[says[:70] for _t, _w, says in WHOLE])
def test_faults_of_the_whole_have_their_line_too(text: str, where: str, says: str) -> None:
    assert at(text, where, says) in faults(text)


def test_places_are_found_in_a_text() -> None:
    assert list(places_in("à %(school)s, le %(day)s")) == ["school", "day"]
    assert list(places_in("100 % et %(bad")) == ["", ""]
    assert PLACES["case"] < PLACES["referral"]
