"""Handing out a letter, notice, note or sheet: numbered by document, stamped, signed, and an event of the case."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from school_protocol.documents.papers import Paper, paper
from school_protocol.domain.errors import Unseen
from school_protocol.domain.policy import Actor
from school_protocol.services.house import House
from school_protocol.services.loading import Loaded, load, names_in
from school_protocol.services.papers.copies import (
    ATTEMPTS,
    Handed,
    Issued,
    copied,
    hand_out,
    handed_before,
    is_current,
)
from school_protocol.services.papers.letters import chosen, letter_view
from school_protocol.storage import cases, journal, once, papers
from school_protocol.storage.engines import Session
from school_protocol.storage.errors import StorageBusy
from school_protocol.wording import Wording


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a copy stands on: written meanwhile, it is made anew."""

    loaded: Loaded
    view: Paper
    handed: Handed
    head: journal.Head


def issue_letter(
    house: House,
    actor: Actor,
    number: str,
    document: str,
    about: str,
    language: str,
    *,
    token: str | None = None,
) -> Issued:
    """One copy of that document about `about` (`referral-2`, a guardian's id; empty where there is one choice).

    Pressed twice, it hands out the very same copy again, unless something stands in the way by then. Raises Unseen,
    Refused, SentBefore where that copy is kept no longer, SealingError where it can't be signed: nothing was issued.
    """
    press = once.press(house.vault, actor.id, token or secrets.token_hex(16), number, document, about, language)
    for _attempt in range(ATTEMPTS):
        with house.realm.reading() as session:
            loaded = load(house, session, actor, number)
            if language not in loaded.protocol.languages:
                raise Unseen(f"{number}/{language}")
            names = names_in(house, session, loaded.case_id)
            # a hold placed since the first press holds this one back
            found, subject = chosen(loaded, names, document, about)
            before = once.spent(session, press)
            if before is not None:
                data, copy = handed_before(house, session, loaded, document, before)
                return _issued(loaded, document, copy, language, data)
            standing = _standing(
                session, loaded, letter_view(house, session, loaded, found, subject, language), language
            )
        pages = paper(standing.view, Wording(language))
        data = copied(house, loaded, standing.handed, standing.head, pages, has_record=False)
        laid = papers.lay(house.blobs, loaded.case_id, data)
        with house.realm.writing() as session:
            if once.spent(session, press) is None and is_current(session, loaded, standing.handed):
                hand_out(house, session, loaded, standing.handed, laid, press)
                return _issued(loaded, document, standing.handed.copy, language, data)
    raise StorageBusy(f"{number}: written to each time while its letter was being made")


def _standing(session: Session, loaded: Loaded, view: Paper, language: str) -> _Standing:
    head = journal.head(session, loaded.case_id)
    assert head is not None
    handed = Handed(
        document=view.document.key,
        profile=view.about,
        language=language,
        copy=cases.copies(session, loaded.case_id, view.document.key) + 1,
        graves=cases.graves(session, loaded.case_id),
        reader=_reader(view, Wording(language)),
        stamped=_stamped(view, Wording(language)),
        role=view.role,
        content_head=view.content_head,
        note=f"letter.{view.about}",
    )
    return _Standing(loaded, view, handed, head)


def _reader(view: Paper, wording: Wording) -> str:
    """To whom the copy is made out: a guardian under the sign that they have in the case."""
    to = view.recipient
    if to.target is not None:
        return wording.text(to.target.title)
    return to.person.label if to.person is not None else wording.text(to.named)


def _stamped(view: Paper, wording: Wording) -> str:
    """A guardian by their place in the case: the number of a sign tells that there are others."""
    person = view.recipient.person
    return wording.text(person.slot.title) if person is not None else ""


def _issued(loaded: Loaded, document: str, copy: int, language: str, data: bytes) -> Issued:
    return Issued(f"{loaded.case.number}-{document}-{copy}-{language}.pdf", data, copy)
