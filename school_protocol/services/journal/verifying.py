"""Whether what is kept is what was written: every chain, the rows made of it, every anchor against the stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from school_protocol.services.house import House
from school_protocol.services.journal.comparing import differing
from school_protocol.storage import (
    access_chain,
    administration_chain,
    anchoring,
    anchors,
    checks,
    erased,
    journal,
    missing_rows,
    row_macs,
    tallies,
)
from school_protocol.storage.anchoring import Comparison, Stores
from school_protocol.storage.erased import ErasedUnreadable
from school_protocol.storage.journal import Break, Chain, Flaw
from school_protocol.storage.tables import DirectoryBase, RealmBase

Progress = Callable[[int, int], None]

NAMED = 1000
"""Faults that a verdict names; the rest are counted."""


@dataclass(slots=True)
class Verdict:
    """What a check of everything found. `breaks` are the first ones, cases first; `faults` counts all.

    `erased` are cases erased on purpose: their chains hold, and nothing in them can be opened.
    """

    started_at: datetime
    finished_at: datetime
    cases: int = 0
    events: int = 0
    accesses: int = 0
    administration: int = 0
    erased: int = 0
    seen: Comparison = field(default_factory=Comparison)
    breaks: list[Break] = field(default_factory=list)
    faults: int = 0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return self.faults == 0


def verify_journal(house: House, progress: Progress | None = None, *, folder: Path | None = None) -> list[Break]:
    """Every break, in order; none: the journal holds."""
    return verify(house, progress, folder=folder).breaks


def verify(house: House, progress: Progress | None = None, *, folder: Path | None = None) -> Verdict:
    """Check everything, a few cases at a time, so that memory stays the same however many there are.

    `folder`: another one of anchors than that of the settings. `progress` is told how many cases of how many are done.
    """
    began = time.monotonic()
    verdict = Verdict(house.now(), house.now())
    found = dict[Break, None]()
    for one in _breaks(house, folder or house.settings.anchors_folder, verdict, progress):
        if one not in found:
            verdict.faults += 1
            if len(found) < NAMED:
                found[one] = None
    verdict.breaks = list(found)
    verdict.finished_at = house.now()
    verdict.seconds = time.monotonic() - began
    return verdict


def verify_chains(house: House) -> list[Break]:
    """Every break of what the stores say by themselves, as those of a backup do: anchors know what came later."""
    return list(dict.fromkeys(_of_chains(house, Verdict(house.now(), house.now()), None)))


def _breaks(house: House, folder: Path, verdict: Verdict, progress: Progress | None) -> Iterator[Break]:
    yield from _of_chains(house, verdict, progress, compares=bool(house.library.every()))
    for store, base, missing in (
        (house.directory, DirectoryBase, missing_rows.missing),
        (house.realm, RealmBase, tallies.missing),
    ):
        with store.reading() as session:
            for model in row_macs.tables(base):
                for key in row_macs.forged(session, model):
                    yield Break(f"{model.__tablename__} {key}", 0, Flaw.forged, Chain.rows)
            yield from (Break(where, 0, Flaw.gone, Chain.rows) for where in missing(session))
    if other := house.settings.anchors_copy:
        yield from anchors.compare(folder, other)
    yield from _one_a_case(anchoring.compare(stores_of(house), folder, verdict.seen))


def _of_chains(house: House, verdict: Verdict, progress: Progress | None, *, compares: bool = False) -> Iterator[Break]:
    yield from _of_cases(house, verdict, progress, compares=compares)
    with house.realm.reading() as session:
        yield from access_chain.verify(session, house.vault)
        verdict.accesses = checks.closed_accesses(session)
    with house.directory.reading() as session:
        yield from administration_chain.verify(session, house.vault)
        verdict.administration = head.seq if (head := administration_chain.head(session)) else 0
    try:
        erased.read(house.settings.data, house.vault)
    except ErasedUnreadable:
        yield Break("", 0, Flaw.erased_list, Chain.anchors)


def _of_cases(house: House, verdict: Verdict, progress: Progress | None, *, compares: bool) -> Iterator[Break]:
    with house.realm.reading() as session:
        total = journal.count_cases(session)
    after = ""
    while True:
        with house.realm.reading() as session:
            ids = journal.case_ids(session, after=after, limit=journal.CASES_AT_ONCE)
            if not ids:
                return
            hold = []
            for case_id in ids:
                broken = list(journal.verify_case(session, house.vault, case_id))
                hold += [] if broken else [case_id]
                yield from broken
                session.expunge_all()
                verdict.cases += 1
                if progress is not None:
                    progress(verdict.cases, max(total, verdict.cases))
            if compares:
                yield from differing(house, session, hold)
            events, graves = checks.counted(session, ids)
        verdict.events += events
        verdict.erased += graves
        after = ids[-1]


def stores_of(house: House) -> Stores:
    """What anchors are taken of and compared with. A list of erased cases that can't be read counts as empty."""

    def ids() -> list[str]:
        try:
            return [one.case_id for one in erased.read(house.settings.data, house.vault)]
        except ErasedUnreadable:
            return []

    return Stores(house.realm, house.directory, house.vault, ids)


def _one_a_case(breaks: Iterable[Break]) -> Iterator[Break]:
    """Anchor after anchor says the same of a case that was rewritten: the first time is enough."""
    said: set[tuple[str, Flaw]] = set()
    for one in breaks:
        if one.chain is not Chain.case:
            yield one
        elif (one.case_id, one.flaw) not in said and len(said) <= NAMED:
            said.add((one.case_id, one.flaw))
            yield one
