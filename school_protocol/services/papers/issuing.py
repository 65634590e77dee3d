"""Handing out a copy of a case file: from pages made ahead where they are still true, else made on the spot."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from school_protocol.domain.document_rules import Profile
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, account_names, load
from school_protocol.services.papers.choosing import check_summary, document_of, profiles_of
from school_protocol.services.papers.copies import (
    ATTEMPTS,
    Handed,
    Issued,
    copied,
    hand_out,
    handed_before,
    is_current,
)
from school_protocol.services.papers.making import Draft, draft, sort_of
from school_protocol.services.papers.readers import Reader, reader_chosen, readers_of
from school_protocol.storage import cases, journal, once, papers
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy
from school_protocol.storage.papers import Asked, Prepared, Sort
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a copy stands on: written meanwhile, it is made anew. `pages`: made ahead, or what to make them of."""

    loaded: Loaded
    sort: Sort
    handed: Handed
    head: journal.Head
    pages: Prepared | Draft


def issue_case_file(
    house: House,
    actor: Actor,
    number: str,
    profile: str,
    language: str,
    *,
    about: str = "",
    token: str | None = None,
    is_one_of_many: bool = False,
) -> Issued:
    """One copy, made out to `about` (`Reader.about`; empty: the likeliest, where the choice is nobody's risk).

    It is recorded that it was handed out: number, reader, content head, digest. Pressed twice, it hands out the very
    same copy again, unless something stands in the way by then. Of `is_one_of_many` nothing is made ahead
    afterwards. Raises Unseen, Refused, SentBefore where that copy is kept no longer, SealingError where it can't be
    signed: then nothing was issued.
    """
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, profile, language, about)
    for _attempt in range(ATTEMPTS):
        with house.realm.reading() as session:
            loaded = load(house, session, actor, number)
            chosen = next((one for one in profiles_of(loaded) if one.key == profile), None)
            if chosen is None or language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{profile}")
            # a hold placed since the first press holds this one back
            reader = reader_chosen(chosen, readers_of(house, session, loaded, chosen), about)
            before = once.spent(session, press)
            if before is not None:
                former = handed_before(house, session, loaded, document_of(loaded).key, before)
                return _issued(loaded, language, *former)
            check_summary(loaded, chosen)
            standing = _standing(house, session, loaded, chosen, reader, language)
        pages, handed = standing.pages, standing.handed
        made = pages.made() if isinstance(pages, Draft) else pages
        data = copied(house, loaded, handed, standing.head, made.data, has_record=True)
        laid = papers.lay(house.blobs, loaded.case_id, data)
        beside = papers.lay(house.blobs, loaded.case_id, made.data) if isinstance(pages, Draft) else None
        with house.realm.writing() as session:
            if once.spent(session, press) is None and is_current(session, loaded, handed):
                hand_out(house, session, loaded, handed, laid, press)
                if beside is not None:
                    papers.keep_prepared(session, house.vault, loaded.case_id, standing.sort, made, beside)
                unit = loaded.around.unit.id
                if not (chosen.is_personal or is_one_of_many):
                    papers.note_asked(session, Asked(unit, actor.id, handed.document, profile, language), house.now())
                return _issued(loaded, language, data, handed.copy)
    raise StorageBusy(f"{number}: written to each time while its file was being made")


def _standing(
    house: House, session: Session, loaded: Loaded, profile: Profile, reader: Reader, language: str
) -> _Standing:
    content, head = journal.content_head(session, loaded.case_id), journal.head(session, loaded.case_id)
    assert content is not None
    assert head is not None
    sort = sort_of(loaded, profile, language, reader.about)
    ahead = papers.prepared(session, house.vault, house.blobs, loaded.case_id, sort, content.seq, loaded.now)
    pages = ahead or draft(house, session, loaded, profile, language, reader.about)
    issuer = account_names(house, [loaded.actor.id], language).get(loaded.actor.id, "—")
    handed = Handed(
        document=sort.document,
        profile=profile.key,
        language=language,
        copy=cases.copies(session, loaded.case_id, sort.document) + 1,
        graves=cases.graves(session, loaded.case_id),
        reader=reader.said(Wording(language), issuer),
        role=loaded.roles[0],
        content_head=content.hash,
        note=f"file.{profile.key}",
        about=reader.about,
        at_seq=pages.at_seq,
        as_of=pages.as_of,
    )
    return _Standing(loaded, sort, handed, head, pages)


def _issued(loaded: Loaded, language: str, data: bytes, copy: int) -> Issued:
    return Issued(f"{loaded.case.number}-{copy}-{language}.pdf", data, copy)
