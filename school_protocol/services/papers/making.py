"""A case file as it is before anybody is handed a copy: its pages and its record, made from one view of the case."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from school_protocol.documents import record as records
from school_protocol.documents.case_file import case_file
from school_protocol.documents.model import CaseFile
from school_protocol.documents.rendering import ink
from school_protocol.domain.document_rules import Profile
from school_protocol.domain.dues import open_dues
from school_protocol.domain.protocol import Protocol
from school_protocol.services.house import House
from school_protocol.services.limiting import Limits
from school_protocol.services.loading import Loaded, account_names, accounts_in, names_in
from school_protocol.services.papers.choosing import document_of
from school_protocol.services.printing import case_file_view
from school_protocol.storage import journal
from school_protocol.storage.engines import Session
from school_protocol.storage.papers import Prepared, Sort
from school_protocol.wording import ZONE, Wording


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file is made of: the view, its record, and until when both are true."""

    view: CaseFile
    record: bytes
    until: datetime
    content: journal.Head
    at_seq: int
    """Number of the latest event that it knows of."""
    language: str

    @property
    def as_of(self) -> datetime:
        return self.view.as_of

    def made(self) -> Prepared:
        """Typeset it: takes seconds, so nobody waits for it in a transaction."""
        data = case_file(self.view, Wording(self.language), self.record)
        return Prepared(self.content.seq, self.at_seq, self.as_of, self.until, data)


def draft(house: House, session: Session, loaded: Loaded, profile: Profile, language: str, about: str = "") -> Draft:
    """What a file of this case for these readers is made of, as the person who has it loaded may see it.

    `about` is for whom it is (`Reader.about`): without it, for any reader of the profile to whom all of it may go.
    """
    head = journal.content_head(session, loaded.case_id)
    assert head is not None
    return draft_at(house, session, loaded, profile, language, head, about)


def draft_at(
    house: House,
    session: Session,
    loaded: Loaded,
    profile: Profile,
    language: str,
    head: journal.Head,
    about: str = "",
) -> Draft:
    """The same, of a case as it stood when its content ended at `head`."""
    limits = Limits(loaded, profile, names_in(house, session, loaded.case_id), about)
    loaded.names, loaded.naming = limits.names(), limits.naming()
    accounts = account_names(house, {*accounts_in(loaded), loaded.actor.id}, language)
    view = case_file_view(house, loaded, accounts, limits, head.seq, head.hash)
    versions = versions_of(loaded)
    record = records.record_of(view, versions, sources_of(house, versions), Wording(language))
    return Draft(view, records.encoded(record), true_until(loaded), head, loaded.case.last_seq, language)


def versions_of(loaded: Loaded) -> Mapping[int, Protocol]:
    """The versions that the case was handled by."""
    return {**loaded.case.earlier, loaded.protocol.version: loaded.protocol}


def sources_of(house: House, versions: Mapping[int, Protocol]) -> Mapping[int, str]:
    return {number: house.library.source(protocol) for number, protocol in versions.items()}


def true_until(loaded: Loaded) -> datetime:
    """When something would read otherwise though nobody wrote: the next time limit, or the next day."""
    local = loaded.now.astimezone(ZONE)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    coming = [count.due_at for count in open_dues(loaded.facts) if count.due_at > loaded.now]
    return min([midnight, *coming])


def sort_of(loaded: Loaded, profile: Profile, language: str, about: str = "") -> Sort:
    """Whose eyes it is made for, and what makes its pages."""
    told = "|".join([eyes_of(loaded, profile, about), str(records.LAYOUT), ink(language)])
    return Sort(document_of(loaded).key, profile.key, language, hashlib.sha256(told.encode()).hexdigest())


def eyes_of(loaded: Loaded, profile: Profile, about: str = "") -> str:
    """A digest: the same roles and seats here see the same, unless it depends on for whom it is made."""
    sight = Limits(loaded, profile, {}, about).sight
    seats = sorted(
        f"{seat.seat}:{seat.side or ''}" for seat in loaded.case.seats_of(loaded.actor.id, loaded.facts.today)
    )
    if profile.is_personal:  # whoever issues it is named to a family
        seats = [*seats, loaded.actor.id]
    told = "|".join([*sorted(set(loaded.roles)), *seats, loaded.protocol.digest, sight])
    return hashlib.sha256(told.encode()).hexdigest()
