"""What may be asked of the journal: a printed head, where it stands, anchors without the key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from school_protocol.domain.errors import BadInput, Unseen
from school_protocol.domain.events import READING_KINDS, EventKind
from school_protocol.services.house import House
from school_protocol.storage import anchors, cases, checks, journal
from school_protocol.storage.anchors import Checked
from school_protocol.storage.checks import Check
from school_protocol.wording import ZONE

NO_ANCHOR = checks.NO_ANCHOR
LEAST = 8
"""Figures of a head that say enough; papers print 16 or all 64."""


@dataclass(frozen=True, slots=True)
class PrintedHead:
    """What became of a head that a paper shows. `seq` is None: no event of this case ever had it.

    `holds`: whether the chain is whole up to there; `later`: how many events came since.
    """

    number: str
    seq: int | None = None
    at: datetime | None = None
    is_content: bool = False
    holds: bool = False
    later: int = 0


def look_up_head(house: House, number: str, head: str) -> PrintedHead:
    """Whether a printed head was ever the head of this case. Raises Unseen, BadInput."""
    plain = re.sub(r"[\s:.-]", "", head).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST},64}}", plain):
        raise BadInput({"head": ("not_a_head",)})
    with house.realm.reading() as session:
        case_id = cases.find_by_number(session, re.sub(r"\D", "", number))
        if case_id is None:
            raise Unseen(number)
        found = journal.with_hash(session, case_id, plain)
        if found is None:
            return PrintedHead(number)
        breaks = journal.verify_case(session, house.vault, case_id)
        return PrintedHead(
            number, found.seq, found.at, EventKind(found.kind) not in READING_KINDS,
            not any(one.seq <= found.seq for one in breaks), cases.last_seq(session, case_id) - found.seq,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How the journal is kept: the latest checks, the latest anchor, accesses that are open, where anchors lie."""

    latest: Check | None
    passed: Check | None
    anchor: tuple[int, datetime] | None
    open_accesses: int
    folder: Path
    is_beside: bool
    """The anchors lie on the volume of the data: whoever loses or changes one has the other, too."""
    lacking: int
    """How many anchors the second place, where one is set, lacks; one may be on its way."""
    is_late: bool
    """None was taken yesterday or today."""


def see_standing(house: House) -> Standing:
    """What an operator has to know of the journal."""
    folder = house.settings.anchors_folder
    with house.realm.reading() as session:
        latest, passed = checks.latest(session), checks.latest(session, passed=True)
        anchor = checks.latest_anchor(session)
        yesterday = house.now().astimezone(ZONE).date() - timedelta(days=1)
        return Standing(
            latest, passed, anchor, checks.open_accesses(session), folder,
            _volume(folder) == _volume(house.settings.data),
            len(anchors.lacking(folder, other)) if (other := house.settings.anchors_copy) else 0,
            anchor is not None and anchor[1].astimezone(ZONE).date() < yesterday,
        )  # fmt: skip


def _volume(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.stat().st_dev


def check_anchors(folder: Path, public: str) -> Checked:
    """Look through a folder of anchors by their public key alone, without database and keys."""
    return anchors.check(folder, public=public)
