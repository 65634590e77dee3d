"""What a definition says of reviews: what may be said, and what is told where it may not."""

from __future__ import annotations

import pytest
from definitions.review_faults import FAULTS, WHOLE, whole, with_review

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read


def said(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as found:
        read(text.encode(), "protocol.yaml")
    return [fault.message for fault in found.value.faults]


@pytest.mark.exhaustive(
    but=(
        '"head" makes no remarks',
        '"refusd" is no answer here',
        "choice is needed here",
        'did you mean "closure_proposed"',
        'did you mean "team_coordinator"',
        "levl",
    )
)
@pytest.mark.parametrize(("change", "says"), FAULTS, ids=[says for _change, says in FAULTS])
def test_what_does_not_hang_together_is_said_with_its_place(change: tuple[str, str], says: str) -> None:
    assert any("review" in message and says in message for message in said(with_review(change)))


@pytest.mark.parametrize(("name", "says"), WHOLE)
def test_a_count_and_the_answers_need_what_they_rest_on(name: str, says: str) -> None:
    assert any(says in message for message in said(whole(name)))
