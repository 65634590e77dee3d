"""The mails of a demo: shown on a page in the place of being sent. An installation has no such page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from school_protocol.domain.errors import Unseen
from school_protocol.post import Letter, Post, post_of
from school_protocol.services.house import House
from school_protocol.storage.digests import letters
from school_protocol.storage.digests.letters import Shown


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A mail that would have left: to whom, when, and every word of it."""

    name: str
    to: str
    at: datetime
    language: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """A way out that leads nowhere: what would have left is kept, each letter once."""

    house: House

    def carry(self, to: str, letter: Letter) -> None:
        with self.house.directory.writing() as session:
            letters.keep(session, Shown(letter.id, to, letter.at, letter.language, letter.subject, letter.text))


def shows_mails(house: House) -> bool:
    """Whether mails are shown here: in a demo, which alone bears the mark of one, and only without a mail server."""
    return not house.settings.smtp and is_demo(house)


def is_demo(house: House) -> bool:
    """Whether everything here is made up: so it was marked as it was founded, and no other installation is."""
    with house.directory.reading() as session:
        return letters.is_demo(session)


def ways_of(house: House) -> Post:
    """The post of this installation: as its settings say, and a demo's mails onto their page."""
    post = post_of(house.settings)
    return Post(Shelf(house), post.sms) if post.mail is None and shows_mails(house) else post


def see_letters(house: House, language: str) -> tuple[LetterLine, ...]:
    """The mails of this demo, latest first; raises Unseen where this is none."""
    if not shows_mails(house):
        raise Unseen("messages")
    with house.directory.reading() as session:
        kept = letters.latest(session)
        names = letters.names(session, {one.receiver for one in kept}, language)
    return tuple(
        LetterLine(names.get(one.receiver, ""), one.receiver, one.at, one.language, one.subject, one.text)
        for one in kept
    )
