"""Documents handed out: what may be issued to whom, and the issuing, which is an event of the case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from school_protocol.documents import rendering
from school_protocol.documents.case_file import case_file
from school_protocol.domain.engine import role_for
from school_protocol.domain.errors import Unseen
from school_protocol.domain.events import DocumentIssued
from school_protocol.domain.policy import Actor
from school_protocol.domain.protocol import Document, Profile
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, keep, load, names_in
from school_protocol.services.printing import case_file_view
from school_protocol.services.seeing import Seeing
from school_protocol.services.views import CaseHead
from school_protocol.storage import access, cases, journal, once
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class CaseFileOptions:
    """The copies that this person may issue; `missing` says what typesetting lacks on this machine."""

    head: CaseHead
    profiles: tuple[Profile, ...]
    languages: tuple[str, ...]
    missing: str | None
    copies: int


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
        return CaseFileOptions(seeing.head(), profiles, languages, rendering.missing(), copies)


def issue_case_file(
    house: House, actor: Actor, number: str, profile: str, language: str, *, token: str | None = None
) -> Issued:
    """Typeset one copy and record that it was handed out: copy number, reader, content head, digest of the file."""
    with house.realm.writing() as session:
        loaded = load(house, session, actor, number)
        chosen = next((one for one in _profiles(loaded) if one.key == profile), None)
        if chosen is None or language not in loaded.protocol.languages:
            raise Unseen(f"{number}/{profile}")
        document = _document(loaded)
        loaded.names = names_in(house, session, loaded.case_id) if chosen.identities else {}
        head = journal.content_head(session, loaded.case_id)
        assert head is not None
        copy = cases.next_copy(session, loaded.case_id, document.key)
        accounts = {event.actor for event in loaded.events} | set(loaded.around.people)
        names = account_names(house, {*accounts, *(held.account for held in loaded.case.seats)})
        view = case_file_view(house, loaded, names, chosen, copy, head.seq, head.hash)
        data = case_file(view, Wording(language))
        event = DocumentIssued(
            actor=actor.id,
            role=loaded.roles[0],
            at=house.now(),
            occurred_at=house.now(),
            document=document.key,
            profile=chosen.key,
            language=language,
            copy=copy,
            content_head=head.hash,
            digest=hashlib.sha256(data).hexdigest(),
        )
        keep(house, session, loaded.case_id, loaded.protocol, loaded.events, [event], around=loaded.around)
        access.note(session, case_id=loaded.case_id, account=actor.id, at=house.now(), what=f"file.{chosen.key}")
        if token:
            once.use(session, actor.id, token, {"copy": copy}, at=house.now())
    return Issued(f"{loaded.case.number}-{copy}-{language}.pdf", data, copy)
