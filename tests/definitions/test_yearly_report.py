"""A yearly report of a definition: what may be counted, and what is said where it may not."""

from __future__ import annotations

import pytest
from definitions.yearly_faults import FAULTS, WHOLE, with_yearly

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read


def faults(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read(text.encode(), "small.yaml")
    return [f"{fault.line}: {fault.message}" for fault in caught.value.faults]


def at(text: str, where: str, says: str) -> str:
    assert text.count(where) == 1, (where, text.count(where))
    return f"{text[: text.index(where)].count(chr(10)) + 1}: {says}"


def test_a_report_without_a_fault_is_read() -> None:
    document = read(with_yearly().encode(), "small.yaml").documents["school_year"]
    assert document.yearly is not None
    assert [term.ends for term in document.yearly.terms] == [1, 8]
    assert not document.is_letter
    assert not document.is_case_file


@pytest.mark.parametrize(("change", "where", "says"), FAULTS, ids=[says[:70] for _c, _w, says in FAULTS])
def test_each_fault_has_its_line_and_its_words(change: tuple[str, str], where: str, says: str) -> None:
    text = with_yearly(change)
    assert at(text, where, says) in faults(text)


@pytest.mark.parametrize(("text", "where", "says"), WHOLE)
def test_a_report_that_counts_nothing_is_refused(text: str, where: str, says: str) -> None:
    assert at(text, where, says) in faults(text)
