"""The register of outgoing letters (registre de départ) of an office: the number that a letter gets, and its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from school_protocol.auth import repository as auth_repository
from school_protocol.auth.permissions import posts_with
from school_protocol.case_files import repository
from school_protocol.case_files.content import Paper
from school_protocol.case_files.repository import Dispatch, Registered
from school_protocol.cases.loading import Loaded, scope_of
from school_protocol.context import AppContext, today_for
from school_protocol.engine.case_words import said
from school_protocol.engine.errors import Unseen
from school_protocol.engine.texts import Text
from school_protocol.engine.visibility import Actor, Permission, Unit
from school_protocol.language import ZONE
from school_protocol.storage.engines import Session

PAGE = 50
YEARS = range(2000, 10_000)


# ---- the number of a letter ----------------------------------------------------------------------------------------


def next_dispatch(session: Session, loaded: Loaded, view: Paper) -> Dispatch:
    """The number of a letter that leaves now. It is taken by `repository.register_letter`, once."""
    office, year = _office(loaded, view), loaded.now.astimezone(ZONE).year
    number = repository.last_dispatch(session, office.id, year) + 1
    return Dispatch(office.id, year, number, "" if office == view.unit else office.code)


def _office(loaded: Loaded, view: Paper) -> Unit:
    """Whose register the letter stands in: the school's; of a writer from above, their own.

    Of a restricted case it is always that of the directorate: the school's does not tell that there is one.
    """
    held = {post.unit for post in loaded.actor.appointments if post.role == view.role}
    own = [unit for unit in view.places if unit.id in held]
    is_restricted = loaded.case.restricted_seq is not None
    return next(iter(own or (view.places if is_restricted else ())), view.unit)


# ---- the page of the register --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutgoingLetter:
    """A line of the register: which letter, to whom, by kinds; its case, for whoever reads it.

    Of a case that they may not see, or that was erased, they see the number and the day alone: none is missing.
    """

    number: int
    at: datetime
    title: Text | None
    addressee: Text | None
    taken_back_at: datetime | None
    case: str
    word: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """Letters of one office in one year, the latest first; `below`: where the next page begins, 0: nowhere."""

    offices: tuple[Unit, ...]
    office: Unit
    years: tuple[int, ...]
    year: int
    lines: tuple[OutgoingLetter, ...]
    below: int


def see_register(ctx: AppContext, actor: Actor, code: str = "", year: int = 0, below: int = 0) -> RegisterPage:
    """The register of one of the offices in which this person may issue letters: the one of that code, else the first.

    Raises Unseen where they hold no such role there.
    """
    with ctx.directory.reading() as session:
        posts = posts_with(ctx, actor, Permission.see_letters)
        offices = tuple(auth_repository.find_units(session, [post.unit for post in posts]).values())
    office = next((one for one in offices if code in ("", one.code)), None)
    if office is None or actor.realm != ctx.name:
        raise Unseen(code)
    today = today_for(ctx)
    year = year if year in YEARS else today.year
    with ctx.realm.reading() as session:
        years = {today.year, year, *repository.dispatch_years(session, office.id)}
        found = repository.registered_letters(
            session, scope_of(ctx, actor).of_content(), office.id, year, today=today, below=below, limit=PAGE + 1
        )
    lines = tuple(_line(ctx, one) for one in found[:PAGE])
    more = lines[-1].number if len(found) > PAGE else 0
    return RegisterPage(offices, office, tuple(sorted(years, reverse=True)), year, lines, more)


def _line(ctx: AppContext, one: Registered) -> OutgoingLetter:
    title, addressee = _kinds(ctx, one) if one.case else (None, None)
    word = said(one.word, one.case) if one.case else {}
    return OutgoingLetter(one.number, one.at, title, addressee, one.taken_back_at if one.case else None, one.case, word)


def _kinds(ctx: AppContext, one: Registered) -> tuple[Text | None, Text | None]:
    """Which letter it is, and to which service or place in a case it went, as the definition calls them."""
    protocol = ctx.library.protocol(one.protocol, one.version)
    document = protocol.documents.get(one.document)
    known = protocol.targets.get(one.addressee) or protocol.slots.get(one.addressee)
    return document.title if document else None, known.title if known else None
