"""What a recorded answer about a person asks everybody to mind from then on: their age, for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from school_protocol.domain.answers import answer_values
from school_protocol.domain.case import Case, Record
from school_protocol.domain.protocol import Caution, Protocol

NOBODY_NAMED = ""
"""Stands for the person, where the entry named nobody."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A caution that stands: about whom, and which entries say so."""

    caution: Caution
    people: tuple[str, ...]
    entries: tuple[Record, ...]
    of_all: bool
    """Whether it stands about everybody whom such an entry can be about."""


def standing(protocol: Protocol, case: Case) -> Iterator[Standing]:
    """The cautions that stand, each as the latest entry about each person has it."""
    for caution in protocol.cautions.values():
        latest = {str(one.answers.get(caution.person, NOBODY_NAMED)): one for one in case.records_of(caution.act)}
        holds = {who: one for who, one in latest.items() if _holds(protocol, case, caution, one)}
        if holds:
            slots = protocol.form_of(caution.act).by_key[caution.person].slots
            everybody = {person.id for person in case.people.values() if person.slot in slots}
            of_all = bool(everybody) and everybody <= holds.keys()
            yield Standing(caution, tuple(sorted(holds.keys() - {NOBODY_NAMED})), tuple(holds.values()), of_all)


def _holds(protocol: Protocol, case: Case, caution: Caution, record: Record) -> bool:
    fields = case.protocol_at(record.seq, protocol).form_of(record.act).fields
    return caution.when.holds(answer_values(fields, record.answers))


def unasked(found: Iterable[Standing], form: str) -> frozenset[str]:
    """The questions of that form that are not put, while a caution stands about everybody."""
    return frozenset(
        name.partition(".")[2]
        for one in found
        if one.of_all
        for name in one.caution.unasked
        if name.partition(".")[0] == form
    )
