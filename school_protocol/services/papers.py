"""Documents handed out: what may be issued to whom, and the issuing, which is an event of the case."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from school_protocol.documents import rendering
from school_protocol.documents.case_file import case_file
from school_protocol.documents.model import CaseFile
from school_protocol.domain.engine import Reason, role_for
from school_protocol.domain.errors import Refused, SentBefore, Unseen
from school_protocol.domain.events import DocumentIssued
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Act, Document, Profile
from school_protocol.domain.summaries import last_summary, stands
from school_protocol.services.house import House
from school_protocol.services.loading import (
    Loaded,
    account_names,
    accounts_in,
    as_it_stood,
    keep,
    load,
    names_in,
    naming_of,
)
from school_protocol.services.printing import case_file_view
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import CaseHead
from school_protocol.storage import access, cases, journal, once
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy
from school_protocol.wording import Wording

ATTEMPTS = 5
"""How often a file is made anew because somebody wrote meanwhile."""


@dataclass(frozen=True, slots=True)
class CaseFileOptions:
    """The copies that this person may issue; `missing` says what typesetting lacks on this machine."""

    head: CaseHead
    profiles: tuple[Profile, ...]
    languages: tuple[str, ...]
    missing: str | None
    copies: int
    summaries: tuple[SummaryAsked, ...] = ()
    """For the copies that print a summary: how it stands."""

    def awaits(self, profile: str) -> bool:
        """Whether this person confirms a summary before that copy."""
        return any(one.is_asked and profile in one.profiles for one in self.summaries)


@dataclass(frozen=True, slots=True)
class SummaryAsked:
    """The summary that some copies print: who confirmed it, when; `is_asked`: this person confirms it first."""

    act: Act
    profiles: tuple[str, ...]
    role: str = ""
    at: datetime | None = None
    stands: bool = False
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    name: str
    data: bytes
    copy: int


def _document(loaded: Loaded) -> Document:
    return next(iter(loaded.protocol.documents.values()))


def _profiles(loaded: Loaded) -> tuple[Profile, ...]:
    """The profiles of the case file that this person's roles may hand out."""
    return tuple(
        profile
        for profile in _document(loaded).profiles.values()
        if role_for(loaded.protocol, profile.for_, loaded.roles) is not None
    )


def see_case_file(house: House, actor: Actor, number: str) -> CaseFileOptions:
    """What copies of the case file this person may issue."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        seeing = Seeing(loaded, {})
        profiles = _profiles(loaded)
        if not profiles:
            raise Unseen(number)
        languages = tuple(one for one in house.settings.languages if one in loaded.protocol.languages)
        copies = len(loaded.case.documents)
        summaries = tuple(_summaries(loaded, seeing, profiles))
        return CaseFileOptions(seeing.head(), profiles, languages, rendering.missing(), copies, summaries)


def _summaries(loaded: Loaded, seeing: Seeing, profiles: Sequence[Profile]) -> Iterator[SummaryAsked]:
    for act in dict.fromkeys(profile.summary for profile in profiles if profile.summary is not None):
        printed = tuple(profile.key for profile in profiles if profile.summary == act)
        record = last_summary(loaded.protocol, loaded.case, act)
        is_standing = stands(loaded.case, record)
        yield SummaryAsked(
            loaded.protocol.acts[act],
            printed,
            record.role if record else "",
            record.at if record else None,
            is_standing,
            is_asked=not is_standing and seeing.choice(act).is_open,
        )


def _check_summary(loaded: Loaded, profile: Profile) -> None:
    """Whoever could write the summary that a copy prints has confirmed it for the case as it is."""
    if any(one.is_asked for one in _summaries(loaded, Seeing(loaded, {}), [profile])):
        act = profile.summary or ""
        raise Refused((Reason("summary_first", acts=(act,), roles=loaded.protocol.acts[act].by),))


def issue_case_file(
    house: House, actor: Actor, number: str, profile: str, language: str, *, token: str | None = None
) -> Issued:
    """Typeset one copy and record that it was handed out: copy number, reader, content head, digest of the file.

    Pressed twice, it hands out the very same copy again. Raises SentBefore where that copy can't be made again.
    """
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, profile, language)
    for _attempt in range(ATTEMPTS):
        with house.realm.reading() as session:
            loaded = load(house, session, actor, number)
            chosen = next((one for one in _profiles(loaded) if one.key == profile), None)
            if chosen is None or language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{profile}")
            before = once.spent(session, press)
            if before is None:
                _check_summary(loaded, chosen)
            prepared = (
                _prepared(house, session, loaded, chosen, language)
                if before is None
                else _as_before(house, session, loaded, chosen, language, before)
            )
        data = case_file(prepared.view, Wording(language))  # takes seconds: nobody waits for it in a transaction
        if before is not None:
            return _again(loaded, language, prepared, data, before)
        with house.realm.writing() as session:
            if once.spent(session, press) is None and _is_current(session, loaded, prepared):
                _hand_out(house, session, loaded, chosen, language, prepared, data, press)
                return _issued(loaded, prepared.copy, language, data)
    raise StorageBusy(f"{number}: written to each time while its file was being made")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a copy prints, and what it stands on: written meanwhile, it is made anew."""

    view: CaseFile
    copy: int
    head: journal.Head


def _prepared(house: House, session: Session, loaded: Loaded, profile: Profile, language: str) -> _Prepared:
    head = journal.content_head(session, loaded.case_id)
    assert head is not None
    copy = cases.copies(session, loaded.case_id, _document(loaded).key) + 1
    return _Prepared(_view(house, session, loaded, profile, language, copy, head), copy, head)


def _is_current(session: Session, loaded: Loaded, prepared: _Prepared) -> bool:
    copy = cases.copies(session, loaded.case_id, _document(loaded).key) + 1
    return (copy, cases.last_seq(session, loaded.case_id)) == (prepared.copy, loaded.case.last_seq)


def _hand_out(
    house: House,
    session: Session,
    loaded: Loaded,
    profile: Profile,
    language: str,
    prepared: _Prepared,
    data: bytes,
    press: once.Press,
) -> None:
    cases.next_copy(session, loaded.case_id, _document(loaded).key)
    event = DocumentIssued(
        actor=loaded.actor.id,
        role=loaded.roles[0],
        at=loaded.now,
        occurred_at=loaded.now,
        document=_document(loaded).key,
        profile=profile.key,
        language=language,
        copy=prepared.copy,
        content_head=prepared.head.hash,
        digest=hashlib.sha256(data).hexdigest(),
    )
    (kept,) = keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
    access.note(session, case_id=loaded.case_id, account=loaded.actor.id, at=house.now(), what=f"file.{profile.key}")
    once.use(session, press, {"copy": prepared.copy, "seq": kept.seq, "head": prepared.head.seq}, at=house.now())


def _issued(loaded: Loaded, copy: int, language: str, data: bytes) -> Issued:
    return Issued(f"{loaded.case.number}-{copy}-{language}.pdf", data, copy)


def _view(
    house: House, session: Session, loaded: Loaded, profile: Profile, language: str, copy: int, head: journal.Head
) -> CaseFile:
    names = names_in(house, session, loaded.case_id)
    loaded.names = names if profile.identities else {}
    loaded.naming = None if profile.identities else naming_of(loaded.protocol, names)
    accounts = account_names(house, accounts_in(loaded), language)
    return case_file_view(house, loaded, accounts, profile, copy, head.seq, head.hash)


def _as_before(
    house: House, session: Session, loaded: Loaded, profile: Profile, language: str, before: Mapping[str, Any]
) -> _Prepared:
    """The copy that this press handed out before, from the case as it stood."""
    event = _issuing(loaded, before)
    head = journal.Head(before["head"], event.content_head)
    view = _view(house, session, as_it_stood(loaded, event), profile, language, event.copy, head)
    return _Prepared(view, event.copy, head)


def _again(loaded: Loaded, language: str, prepared: _Prepared, data: bytes, before: Mapping[str, Any]) -> Issued:
    """That copy once more, if it is the same to the last byte; raises SentBefore."""
    if hashlib.sha256(data).hexdigest() != _issuing(loaded, before).digest:
        raise SentBefore(before)
    return _issued(loaded, prepared.copy, language, data)


def _issuing(loaded: Loaded, before: Mapping[str, Any]) -> DocumentIssued:
    event = next(one for one in loaded.events if one.seq == before["seq"])
    assert isinstance(event, DocumentIssued)
    return event
