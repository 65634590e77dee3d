"""What is to be minded about people of a case, for one reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from school_protocol.domain.cautions import standing
from school_protocol.domain.lines import CautionLine

if TYPE_CHECKING:
    from school_protocol.services.seeing import Seeing


def caution_lines(seeing: Seeing) -> Iterator[CautionLine]:
    """What stands, with people's signs, as far as this reader may read the entries that say so."""
    for one in standing(seeing.protocol, seeing.case):
        if any(seeing.record(record).hidden != "side" for record in one.entries):
            yield CautionLine(one.caution, tuple(seeing.person(key) for key in one.people))
