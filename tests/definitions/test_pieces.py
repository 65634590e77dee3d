"""What a definition says of its register of evidence: what may be said, and what is told where it may not."""

from __future__ import annotations

import pytest
from definitions.pieces_faults import FAULTS, with_pieces

from school_protocol.engine.errors import DefinitionError
from school_protocol.protocol.reader import read


@pytest.mark.exhaustive(
    only=(
        'act "note" registers no evidence',
        'did you mean "team_member"',
        'has no field "platfrm"',
        "remind_days",
    )
)
@pytest.mark.parametrize(("change", "says"), FAULTS, ids=[says for _change, says in FAULTS])
def test_what_does_not_hang_together_is_said_with_its_place(change: tuple[str, str], says: str) -> None:
    with pytest.raises(DefinitionError) as found:
        read(with_pieces(change).encode(), "protocol.yaml")
    assert any("pieces" in fault.message and says in fault.message for fault in found.value.faults)
