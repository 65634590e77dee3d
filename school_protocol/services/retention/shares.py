"""What an erased case leaves behind in the yearly reports of its school, in the transaction that erases it.

A report tells how cases stood at the end of a term, the counters of `storage/figures` how they stand now: neither can
be had from the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from school_protocol.domain import shares
from school_protocol.domain import yearly as years
from school_protocol.domain.contributing import stands_apart
from school_protocol.domain.document_rules import Document
from school_protocol.domain.facts import Surroundings
from school_protocol.domain.protocol import Protocol
from school_protocol.domain.yearly import Period, Tally
from school_protocol.domain.yearly_rules import Yearly
from school_protocol.services.house import House
from school_protocol.services.loading import stood_at
from school_protocol.services.retention.limits import Looked
from school_protocol.storage import retention as storage
from school_protocol.storage.engines import Session

Key = tuple[str, str, str, int, date]


def leave(house: House, session: Session, looked: Looked) -> None:
    """Add what this case adds to the yearly reports of its school: nothing where it stands apart."""
    if stands_apart(looked.case):
        return
    for key, share in _shares(house, looked):
        storage.add_share(session, key, shares.added(storage.share(session, key), share))


def _shares(house: House, looked: Looked) -> Iterator[tuple[Key, shares.Share]]:
    case, unit = looked.case, looked.facts.around.unit.id
    first_at = case.events[0].at
    for protocol in house.library.current():
        if protocol.protocol != case.protocol:
            continue
        for document in protocol.documents.values():
            if document.yearly is not None:
                for period in _periods(document.yearly, looked.facts.around, first_at):
                    tally = _counted(house, looked, protocol, document, period)
                    key = (unit, case.protocol, document.key, period.year, period.last_day)
                    yield key, shares.as_share(tally.counts)


def _periods(rules: Yearly, around: Surroundings, first_at: datetime) -> Iterator[Period]:
    """All that reports of the case's year speak of, and in which it stands."""
    timezone = around.calendar.timezone
    for period in years.periods(rules, years.year_at(rules, timezone, first_at), timezone):
        if period.starts <= first_at < period.ends:
            yield period


def _counted(house: House, looked: Looked, protocol: Protocol, document: Document, period: Period) -> Tally:
    tally = Tally(protocol, document)
    tally.take(stood_at(house, looked.case, period.ends, looked.facts.around), looked.case)
    return tally
