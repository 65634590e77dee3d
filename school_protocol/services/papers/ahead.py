"""Case files made ahead: after a case has moved and is quiet, for whoever asked for such a file lately.

What is due is said by the database alone, so that work may be stopped or killed anywhere. Nobody waits for it: what is
not made ahead is made on the spot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from school_protocol.domain.document_rules import Profile
from school_protocol.domain.errors import Refused
from school_protocol.domain.policy import Actor
from school_protocol.services.accounts import actor_of
from school_protocol.services.house import House, take_away
from school_protocol.services.loading import Loaded, load, load_by_id, scope_of, today_for
from school_protocol.services.papers.apart import Broken
from school_protocol.services.papers.choosing import check_summary, document_of, profiles_of
from school_protocol.services.papers.making import draft, sort_of
from school_protocol.services.papers.readers import readers_of
from school_protocol.storage import cases, index, journal, looks, papers
from school_protocol.storage.engines import Session
from school_protocol.storage.looks import Wanted
from school_protocol.wording import ZONE

ASKED = timedelta(days=30)
"""How long what somebody asked for is made ahead."""
LEASE = timedelta(minutes=5)
"""After so long, whoever was at a file is gone."""
SLICE = 20
"""Files that are made before whoever asks the worker to stop has their turn."""
TRIES = 3
"""How often a file is begun, unless the case moves."""
_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    made = "made"
    ready = "ready"
    """It was there."""
    moved = "moved"
    """Somebody wrote meanwhile: what was made is dropped."""
    nothing = "nothing"
    """It is not for that person, or not any more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look at one file, and when to look again unless the case moves."""

    outcome: Outcome
    until: datetime


Make = Callable[[Wanted], Look]


def go_through(house: House, make: Make) -> bool:
    """Make a slice of what is due; returns whether something is left. `make` is `make_ahead`, here or elsewhere.

    One that fails keeps no other back, and is begun again a few times at most.
    """
    now = house.now()
    with house.realm.writing() as session:
        outdated = papers.outdated_places(session, now)
        papers.drop_outdated(session, now)
        looks.drop_looks(session, now - ASKED)
    take_away(house, outdated)
    with house.realm.reading() as session:
        found = looks.wanted(
            session, asked_since=now - ASKED, quiet_since=now - house.settings.quiet, now=now, limit=SLICE
        )
    begun = [_gone_through(house, one, make) for one in found]
    return len(found) == SLICE and any(begun)


def _gone_through(house: House, one: Wanted, make: Make) -> bool:
    """Whether this worker was the one to look."""
    if one.tries >= TRIES:
        _put_off(house, one)
        return True
    with house.realm.writing() as session:
        if not looks.begin(session, one, house.now() + LEASE):
            return False
    try:
        look = make(one)
    except Broken as error:
        _log.warning("a case file could not be made ahead (%s)", error)
        with house.realm.writing() as session:
            looks.end(session, one, house.now() + LEASE * (one.tries + 1), failed=True)
        return True
    with house.realm.writing() as session:
        if look.outcome is Outcome.moved:
            looks.forget(session, one)
        else:
            looks.end(session, one, look.until)
    return True


def _put_off(house: House, one: Wanted) -> None:
    """It failed too often: not before the next day, unless the case moves."""
    _log.warning("a case file is not made ahead any more today: it failed %d times", one.tries)
    with house.realm.writing() as session:
        looks.end(session, one, _midnight(house))


def make_ahead(house: House, one: Wanted) -> Look:
    """Make one file, unless it is there or not for that person, and keep it, unless somebody wrote meanwhile."""
    with house.realm.reading() as session:
        found = _for_whom(house, session, one)
        content = journal.content_head(session, one.case_id)
        if found is None or content is None:
            return Look(Outcome.nothing, _midnight(house))
        loaded, profile, about = found
        if loaded.case.last_seq != one.seq:
            return Look(Outcome.moved, house.now())
        sort = sort_of(loaded, profile, one.language, about)
        until = papers.prepared_until(session, one.case_id, sort, content.seq, house.now())
        if until is not None:
            return Look(Outcome.ready, until)
        made_of = draft(house, session, loaded, profile, one.language, about)
        graves = cases.graves(session, one.case_id)
    made = made_of.made()
    laid = papers.lay(house.blobs, one.case_id, made.data)
    with house.realm.writing() as session:
        head = journal.content_head(session, one.case_id)
        is_whole = cases.graves(session, one.case_id) == graves
        if head != content or not is_whole or not _is_open_to(house, session, loaded.actor, one.case_id):
            return Look(Outcome.moved, house.now())
        former = papers.keep_prepared(session, house.vault, one.case_id, sort, made, laid)
    take_away(house, former)
    return Look(Outcome.made, made.until)


def _for_whom(house: House, session: Session, one: Wanted) -> tuple[Loaded, Profile, str] | None:
    """The case as that person may see it now, the profile that they may hand out now, and to whom."""
    with house.directory.reading() as people:
        actor = actor_of(house, one.account, people)
    if actor is None or not _is_open_to(house, session, actor, one.case_id):
        return None
    loaded = load_by_id(house, session, actor, one.case_id)
    profile = next((each for each in profiles_of(loaded) if each.key == one.profile), None)
    if profile is None or document_of(loaded).key != one.document or one.language not in _languages(house, loaded):
        return None
    about = _about(house, session, loaded, profile)
    try:
        check_summary(loaded, profile)
    except Refused:  # confirming it moves the case
        return None
    return (loaded, profile, about) if about is not None else None


def _about(house: House, session: Session, loaded: Loaded, profile: Profile) -> str | None:
    """To whom a copy is likeliest made out; None where it can be made out to nobody now."""
    possible = (one.about for one in readers_of(house, session, loaded, profile) if one.refused is None)
    return next(possible, None)


def _is_open_to(house: House, session: Session, actor: Actor, case_id: str) -> bool:
    row = index.find_by_id(session, scope_of(house, actor), case_id, today=today_for(house))
    return row is not None and not row.ended


def _languages(house: House, loaded: Loaded) -> tuple[str, ...]:
    return tuple(one for one in house.settings.languages if one in loaded.protocol.languages)


def _midnight(house: House) -> datetime:
    """When roles may be others."""
    local = house.now().astimezone(ZONE)
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def ready(house: House, actor: Actor, number: str) -> frozenset[tuple[str, str]]:
    """Profiles and languages in which a copy for this person is handed out at once."""
    with house.realm.reading() as session:
        loaded = load(house, session, actor, number)
        content = journal.content_head(session, loaded.case_id)
        if content is None:
            return frozenset()
        return frozenset(
            (profile.key, language)
            for profile in profiles_of(loaded)
            if (about := _about(house, session, loaded, profile)) is not None
            for language in _languages(house, loaded)
            if papers.is_prepared(
                session, loaded.case_id, sort_of(loaded, profile, language, about), content.seq, house.now()
            )
        )
