"""The case in a few words without a name: the latest one, and whether it stands for the case as it is now."""

from __future__ import annotations

from school_protocol.domain.case import Case, Record
from school_protocol.domain.protocol import Protocol


def last_summary(protocol: Protocol, case: Case, act: str) -> Record | None:
    """The latest one recorded by `act` whose words are there, of somebody who still has a part in the case."""
    records = [one for one in case.records_of(act) if one.actor not in case.exclusions and summary_text(protocol, one)]
    return records[-1] if records else None


def summary_text(protocol: Protocol, record: Record) -> str:
    """Its text; empty where the words were destroyed."""
    named = next((item for item in protocol.form_of(record.act).fields if item.nameless), None)
    return str(record.answers.get(named.key) or "") if named else ""


def stands(case: Case, record: Record | None) -> bool:
    """Whether nothing was added to the case since it was confirmed: what voids a visa asks for a new one."""
    return record is not None and record.seq > case.news_seq
