"""What the owner of a protocol learns afterwards: which duties fail most in workshops, and which needs real cases lack.

By tens alone, as everything that is told of few: no table, and no case, can be made out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Duty, Need, Protocol
from school_protocol.domain.reliving import Verdict
from school_protocol.domain.withholding import Band, banded, share
from school_protocol.services.house import House
from school_protocol.services.protocols.publishing import check_may
from school_protocol.storage import index
from school_protocol.storage.workshops import listed

SINCE = timedelta(days=365)
"""Workshops that ended within this time."""


@dataclass(frozen=True, slots=True)
class DutyLine:
    """At about how many tables a duty was asked and not kept; the share where enough were asked."""

    duty: Duty
    asked: Band
    failed: Band
    share: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class NeedLine:
    """In about how many real cases somebody went on without a need."""

    need: Need
    cases: Band


@dataclass(frozen=True, slots=True)
class Afterwards:
    """Duties by how often they failed, needs by how often they were gone without; None: of fewer than ten, nothing."""

    protocol: Protocol
    tables: Band
    duties: tuple[DutyLine, ...] | None
    needs: tuple[NeedLine, ...]


def see_afterwards(host: House, actor: Actor, key: str) -> Afterwards:
    """What workshops and cases say of one protocol. Raises Unseen for whoever doesn't publish, or none in force."""
    check_may(host, actor)
    protocol = next((one for one in host.library.current() if one.protocol == key), None)
    if protocol is None:
        raise Unseen(key)
    with host.directory.reading() as session:
        ended = listed.with_debriefs(session, key, since=host.now() - SINCE)
    tables = [table for one in ended for table in (one.kept or {}).get("tables", {}).values()]
    with host.realm.reading() as session:
        gone = index.departures(session, key)
    total = banded(len(tables))
    return Afterwards(protocol, total, _duties(protocol, tables) if total.low else None, _needs(protocol, gone))


def _duties(protocol: Protocol, tables: Iterable[dict[str, dict[str, str]]]) -> tuple[DutyLine, ...]:
    asked, failed = Counter[str](), Counter[str]()
    for table in tables:
        for duty, verdict in table.get("duties", {}).items():
            asked[duty] += verdict in (Verdict.passed.value, Verdict.failed.value)
            failed[duty] += verdict == Verdict.failed.value
    lines = [
        DutyLine(duty, banded(asked[key]), banded(failed[key]), share(failed[key], asked[key]))
        for key, duty in protocol.duties.items()
        if banded(asked[key]).low
    ]
    return tuple(sorted(lines, key=lambda line: (-line.failed.low, -(line.share or (0, 0))[0])))


def _needs(protocol: Protocol, gone: dict[str, int]) -> tuple[NeedLine, ...]:
    lines = [NeedLine(need, banded(gone.get(key, 0))) for key, need in protocol.needs.items()]
    return tuple(sorted((line for line in lines if line.cases.low), key=lambda line: -line.cases.low))
