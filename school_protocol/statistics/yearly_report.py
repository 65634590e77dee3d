"""The yearly report of a school: who may have it, its figures out of the cases of the school, each copy written down.

Figures don't hang on who asks: a restricted case, or one from which somebody is excluded, is counted for nobody, and
what could tell a single case is not printed for anybody. Cases are read one after the other, by nobody.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import Issued, signed
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import account_names, folded, stood_at, surroundings
from school_protocol.context import House, today_for
from school_protocol.engine.case import Case
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Document, Yearly
from school_protocol.engine.errors import BadInput, Refused, SentBefore, Unseen
from school_protocol.engine.facts import Facts
from school_protocol.engine.intents import Reason
from school_protocol.engine.visibility import Actor, Unit
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.verdicts import Copy
from school_protocol.people import contacts_repository
from school_protocol.privacy import repository as privacy_repository
from school_protocol.statistics import release_repository, yearly_rules
from school_protocol.statistics.release_files import numbered
from school_protocol.statistics.release_repository import Report
from school_protocol.statistics.yearly_pages import YearlyPaper, yearly_paper
from school_protocol.statistics.yearly_rules import Figures, Period, Tally, add_to, figures
from school_protocol.storage.engines import Session
from school_protocol.storage.store_errors import StorageBusy

YEARS_BACK = 5
"""So many finished years can be asked for, beside the one that runs."""
ATTEMPTS = 5
AT_ONCE = 50
"""So many cases are read in one transaction."""


@dataclass(frozen=True, slots=True)
class Place:
    """A school whose report this person may have: by which document of which protocol, in which role."""

    unit: Unit
    protocol: Protocol
    document: Document
    role: str


@dataclass(frozen=True, slots=True)
class YearLine:
    """A year that can be asked for. `period`: what a report of it speaks of now; None: no term is over yet."""

    year: int
    period: Period | None
    opens_on: date
    """From when on there is something to tell."""


@dataclass(frozen=True, slots=True)
class YearlyOptions:
    place: Place
    years: tuple[YearLine, ...]
    languages: tuple[str, ...]
    missing: str | None
    """What typesetting lacks on this machine."""


# ---- who may have it -----------------------------------------------------------------------------------------------


def has_reports(house: House, actor: Actor) -> bool:
    """Whether there is a school whose report this person may have."""
    wanted = {role for _protocol, document in _declared(house) for role in document.for_}
    return any(held.role in wanted for held in actor.appointments)


def places(house: House, actor: Actor) -> tuple[Place, ...]:
    """The schools whose report this person may have, by code."""
    found: dict[tuple[str, str], Place] = {}
    with house.directory.reading() as session:
        for protocol, document in _declared(house):
            for held in actor.appointments:
                if held.role in document.for_:
                    for unit in auth_repository.schools_under(session, [held.unit]):
                        found.setdefault((unit.code, document.key), Place(unit, protocol, document, held.role))
    return tuple(found[key] for key in sorted(found))


def place_of(house: House, actor: Actor, school: str) -> Place:
    """That one; raises Unseen."""
    found = next((one for one in places(house, actor) if one.unit.code == school), None)
    if found is None:
        raise Unseen(school)
    return found


def _declared(house: House) -> Iterator[tuple[Protocol, Document]]:
    for protocol in house.library.current():
        for document in protocol.documents.values():
            if document.yearly is not None:
                yield protocol, document


# ---- which years ---------------------------------------------------------------------------------------------------


def see_yearly(house: House, actor: Actor, school: str) -> YearlyOptions:
    """What can be asked for of that school. Raises Unseen."""
    place = place_of(house, actor, school)
    languages = tuple(one for one in house.settings.languages if one in place.protocol.languages)
    return YearlyOptions(place, _years(house, place), languages, rendering.missing())


def _years(house: House, place: Place) -> tuple[YearLine, ...]:
    """The year that runs, and those before it, the latest first."""
    rules, now, timezone = _rules(place), house.now(), _timezone(house, place.unit)
    running = yearly_rules.year_at(rules, timezone, now)
    return tuple(
        YearLine(year, yearly_rules.period(rules, year, timezone, now), yearly_rules.first_told_on(rules, year))
        for year in range(running, running - YEARS_BACK - 1, -1)
    )


def _rules(place: Place) -> Yearly:
    assert place.document.yearly is not None
    return place.document.yearly


def _timezone(house: House, unit: Unit) -> str:
    with house.directory.reading() as session:
        return contacts_repository.calendar_for(session, unit).timezone


# ---- a copy --------------------------------------------------------------------------------------------------------


def issue_yearly(
    house: House, actor: Actor, school: str, year: int, language: str, *, token: str | None = None
) -> Issued:
    """One copy, numbered, signed and written down. The first one of a year settles its figures for all that follow.

    Raises Unseen, BadInput for a year that isn't offered, Refused while no term of it is over, SentBefore where that
    press led to a copy already, SealingError where it can't be signed: then nothing was handed out.
    """
    options = see_yearly(house, actor, school)
    if language not in options.languages:
        raise Unseen(language)
    line = next((one for one in options.years if one.year == year), None)
    if line is None:
        raise BadInput({"year": ("unknown_option",)})
    if line.period is None:
        raise Refused((Reason("no_term_over"),))
    press = _press(house, actor, token or secrets.token_hex(16))
    with house.directory.reading() as session:
        _not_again(session, press)
    return _issue(house, actor, options.place, line.period, language, press)


def _press(house: House, actor: Actor, token: str) -> str:
    return house.vault.chain("yearly-press-v1", f"{actor.id}\0{token}".encode("utf-8", "surrogatepass")).hex()


def _not_again(session: Session, press: str) -> None:
    before = release_repository.yearly_report_of_press(session, press)
    if before is not None:
        raise SentBefore({"copy": before.copy})


def _issue(house: House, actor: Actor, place: Place, period: Period, language: str, press: str) -> Issued:
    unit, now, wording = place.unit, house.now(), Wording(language)
    reader = account_names(house, [actor.id], language).get(actor.id, "—")
    report = Report(
        actor.realm, unit.id, place.protocol.protocol, place.document.key, year=period.year, until=period.last_day
    )
    counted: Figures | None = None
    for _attempt in range(ATTEMPTS):
        with house.directory.reading() as session:
            above = tuple(auth_repository.find_units(session, unit.parents).values())
            before = release_repository.first_yearly_report(session, report)
            copy = release_repository.yearly_copies(session, report) + 1
        if before is not None:  # its figures stand, with the version by which they were counted
            protocol = house.library.protocol(before.protocol, before.version)
            printed = yearly_rules.from_data(before.figures)
        else:
            counted = counted or count(house, place, period)
            protocol, printed = place.protocol, counted
        view = YearlyPaper(protocol, protocol.documents[place.document.key], unit, above, period, printed)
        line = Copy(copy, reader, now, "", 0)
        data = signed(
            house, unit, numbered(yearly_paper(view, wording), line, wording, realm=actor.realm), now, wording
        )
        with house.directory.writing() as session:
            _not_again(session, press)
            if release_repository.write_yearly_copy(
                session, report, copy, version=protocol.version, language=language, actor=actor.id, role=place.role,
                reader=reader, at=now, digest=hashlib.sha256(data).hexdigest(), figures=yearly_rules.as_data(printed),
                press=press,
            ):  # fmt: skip
                return Issued(f"{unit.code}-{period.year}-{copy}-{language}.pdf", data, copy=copy)
    raise StorageBusy(f"{unit.code}: handed out each time while a copy was being made")


# ---- counting ------------------------------------------------------------------------------------------------------


def count(house: House, place: Place, period: Period) -> Figures:
    """What may be told of a school's year, whatever the reader may see."""
    tally = add_up(house, place, period)
    return figures(tally, is_over=period.is_over, training_ends=_training_ends(house, place, period))


def add_up(house: House, place: Place, period: Period) -> Tally:
    """A school's cases as the journal stood at the end, without those that stand apart now: never printed as it is."""
    earlier = [
        one
        for one in house.library.every()
        if one.protocol == place.protocol.protocol and one.version != place.protocol.version
    ]
    tally = Tally(place.protocol, place.document, earlier)
    for facts, case in _cases(house, place, period):
        tally.take(facts, case)
    with house.realm.reading() as session:
        key = (place.unit.id, place.protocol.protocol, place.document.key, period.year, period.last_day)
        share = privacy_repository.share(session, key)
    if share is not None:
        add_to(tally, share)
    return tally


def _cases(house: House, place: Place, period: Period) -> Iterator[tuple[Facts, Case]]:
    """One case after the other, as each stood at the end of the period and as it is now; nobody's name is opened."""
    around = surroundings(house, place.unit.id)
    with house.realm.reading() as session:
        ids = release_repository.case_ids(session, place.unit.id, place.protocol.protocol, period.starts, period.ends)
    for first in range(0, len(ids), AT_ONCE):
        with house.realm.reading() as session:
            for case_id in ids[first : first + AT_ONCE]:
                if not cases_repository.is_destroyed(session, case_id):
                    _protocol, case = folded(house, session, case_id)
                    yield stood_at(house, case, period.ends, around), case


def _training_ends(house: House, place: Place, period: Period) -> bool:
    """Whether a certificate of somebody who needs one here runs out before the end of the school year that follows."""
    today = today_for(house)
    limit = yearly_rules.ends_on(_rules(place), period.year + 1)
    trained = {key for key, role in place.protocol.roles.items() if role.trained}
    with house.directory.reading() as session:
        posts = auth_repository.posts(session, [place.unit.id], since=today)
    held: Mapping[str, date | None] = {
        post.account.id: post.account.trained_until
        for post in posts
        if post.role in trained and post.is_current(today) and post.account.certified
    }
    return any(until is not None and until < limit for until in held.values())
