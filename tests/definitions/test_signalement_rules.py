"""What a definition says of public reports: what may be said, and what is told where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
from definitions.signalement_faults import FAULTS, with_reports
from domain.telling import MOROCCAN

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read, read_file


def test_public_reports_of_another_protocol_are_read() -> None:
    rules = read(with_reports().encode(), "small.yaml").signalement
    assert rules is not None
    assert (rules.form, rules.as_, rules.keeps) == ("anyone", "anybody", 3)
    assert rules.steps(restricted=False, urgent=True) == rules.rises, "without steps of its own"
    assert rules.orientations["elsewhere"].key == "elsewhere"


@pytest.mark.parametrize(("changes", "where", "says"), FAULTS, ids=[says[:60] for _changes, _where, says in FAULTS])
def test_what_does_not_hang_together_is_said_with_its_line(
    changes: tuple[tuple[str, str], ...], where: str, says: str
) -> None:
    text = with_reports(*changes)
    with pytest.raises(DefinitionError) as found:
        read(text.encode(), "small.yaml")
    faults = found.value.faults
    line = text.count("\n", 0, text.index(where)) + 1
    assert any(says in str(fault.message) for fault in faults), [str(fault.message) for fault in faults]
    assert any(fault.line in (line, line + 1) for fault in faults if says in str(fault.message)), (line, faults)


def test_the_shipped_protocols_say_who_takes_reports() -> None:
    shipped = {path.parent.name: read_file(path) for path in sorted(Path(MOROCCAN).parents[1].glob("*/1.yaml"))}
    assert {name for name, one in shipped.items() if one.signalement} == {"ma-cyberharassment"}


def test_three_answers_are_enough_in_the_moroccan_one() -> None:
    protocol = read_file(MOROCCAN)
    rules = protocol.signalement
    assert rules is not None
    for name in (rules.form, rules.staff_form):
        assert name is not None
        assert len([field for field in protocol.forms[name].fields if field.required]) == 3
