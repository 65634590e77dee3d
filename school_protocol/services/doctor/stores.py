"""Whether what is kept can be served: tables, keys, definitions, calendars, clocks, the go-live list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from school_protocol.config import version
from school_protocol.domain.errors import SchoolProtocolError
from school_protocol.domain.policy import UnitKind
from school_protocol.services.directory import schools_without_calendar
from school_protocol.services.doctor.findings import Asked, Finding, long, note, ok, wrong
from school_protocol.services.going_live import signing
from school_protocol.services.house import RESTORE, STORES, House
from school_protocol.services.keeping import backups
from school_protocol.services.keeping import recovery as copies
from school_protocol.services.keeping.files import refuse_misplaced, tell
from school_protocol.services.keeping.masters import is_marked_here
from school_protocol.services.loading import today_for
from school_protocol.services.review.heads import unread as count_unread
from school_protocol.storage import directory, times
from school_protocol.storage.engines import Store, is_whole, open_engine
from school_protocol.storage.errors import StorageBusy, StorageFull
from school_protocol.storage.key_files import MARKS, PUT_BACK
from school_protocol.storage.migrate import Part, standing_of
from school_protocol.storage.walls import gaps

AHEAD = timedelta(minutes=2)
"""Rows of the future by no more than this are a slow clock's, or one that was just put right."""
APART, FAR_APART = timedelta(seconds=2), timedelta(seconds=30)
_SCHEMA = {
    "older": (
        "tables of the {part}: of an older version of the program",
        "make a backup, stop what still runs, then start `serve` (on PostgreSQL, run `database prepare` first)",
    ),
    "newer": (
        "the tables of the {part} are of a revision that this program doesn't know: a later version wrote here",
        "install that one again, or restore a backup from before it; never serve with this one",
    ),
}
_HALF = f"what belongs to it is here: {RESTORE}"
_NOTHING = "`school-protocol found` begins an installation; where there is one, set SCHOOL_PROTOCOL_DATA to its folder"
_UNPREPARED = "`school-protocol database prepare` makes the tables, `school-protocol found` begins an installation"
_DAMAGED = "stop what runs, keep a copy of the folder as it is, then restore the latest backup"
_SILENT = "see that the database runs, that its address is right, and that its disk is there and has room"
NOT_OPENED = frozenset({_NOTHING, _HALF, _UNPREPARED, _DAMAGED, _SILENT, *(do for _what, do in _SCHEMA.values())})
"""What is to be done where nothing is opened: opening would make tables and keys, or comes to nothing."""


def schema(asked: Asked) -> Iterator[Finding]:
    """The tables of each store against this program's migrations; nothing is brought along by asking."""
    for part in STORES:
        in_file = asked.settings.store_url(part).startswith("sqlite:")
        file = asked.settings.data / f"{part}.sqlite"
        said = "none" if in_file and not file.is_file() else _standing(asked, part)
        if said == "current":
            yield ok(f"tables of the {part}: up to date")
        elif said == "none":
            if in_file and _is_begun(asked):
                yield wrong(f"{file} is lost", _HALF)
                continue
            place, do = (file, _NOTHING) if in_file else ("the database", _UNPREPARED)
            yield wrong(f"nothing lies in {place}: no {part} was ever made", do)
        elif said in _SCHEMA:
            yield wrong(_SCHEMA[said][0].format(part=part), _SCHEMA[said][1])
        elif said == "damaged":
            yield wrong(f"the {part} is damaged inside: its database says so", _DAMAGED)
        elif said == "full":
            yield wrong(f"the {part} can't be opened: its disk has no room", _SILENT)
        else:
            yield wrong(f"the {part} does not answer", _SILENT)


def _is_begun(asked: Asked) -> bool:
    """Whether something lies here that only an installation leaves: a store, keys, a list of what was erased."""
    data = asked.settings.data
    return any(data.glob("*.sqlite")) or any(asked.settings.keys.glob("*.key")) or (data / "erased.jsonl").exists()


def _standing(asked: Asked, part: Part) -> str:
    try:
        store = Store(open_engine(asked.settings.store_url(part)))
    except OSError:
        return "silent"
    try:
        return standing_of(store, part) if is_whole(store) else "damaged"
    except StorageFull:
        return "full"
    except StorageBusy:
        return "silent"
    finally:
        store.close()


def place(house: House, _asked: Asked) -> Iterator[Finding]:
    """Where the data lie, and what holds the master keys."""
    yield ok(f"version: {version()}")
    yield ok(f"data: {house.settings.data}")
    yield ok(f"master keys: {house.vault.kind}")


def wall(house: House, _asked: Asked) -> Iterator[Finding]:
    """On PostgreSQL: whether rows of a case are kept from pages that are shown to somebody else."""
    if not house.settings.database:
        return
    with house.realm.reading() as session:
        found = gaps(session.connection())
    if found is None:
        yield note(
            "wall: none stands in the database: whoever serves pages could read the rows of every case",
            "`school-protocol database prepare` puts it up before a role that owns nothing",
        )
    elif found:
        yield wrong(
            f"wall: it does not stand whole before {', '.join(found)}: pages could read rows there of any case",
            "`school-protocol database prepare` puts it up anew; pages go on meanwhile",
        )
    else:
        yield ok("wall: stands before every table that tells of a case")


def marks(house: House, _asked: Asked) -> Iterator[Finding]:
    """Whether names are found by the key that is here. Master and journal key are tried as the house is opened."""
    found = is_marked_here(house)
    if found is False:
        yield wrong(
            f"{house.vault.folder / MARKS} is another key than the one that names were marked with: nobody is found",
            f"move it away, then {PUT_BACK}",
        )
    elif found:
        yield ok("keys: those of these data, the marks key too")


def recovery(house: House, _asked: Asked) -> Iterator[Finding]:
    """Whether a lost key could be put back."""
    lack = copies.lack(house)
    if lack is None:
        yield ok("recovery copy of the keys: made of these keys, and tried out")
    else:
        yield note(f"WARNING: {copies.SAID[lack]}", "keep the copy and its code apart, neither on this machine")


def files(house: House, _asked: Asked) -> Iterator[Finding]:
    """Where sealed files lie, whether that place does what it should, and what is not there."""
    told = tell(house)
    if told.standing.fault:
        what = f"files: {told.address} can't be written and read now: {told.standing.fault}"
        yield wrong(what, "see that it is there and has room; pages that need a file say 503 meanwhile")
        return
    try:
        refuse_misplaced(house.blobs, told.standing)
    except SchoolProtocolError as error:
        yield wrong(f"files: {error}", "see “Where files lie” in docs/operations.md")
    yield ok(f"files: {told.address}: written and read; {told.lying} lie there, {told.named} are named by rows")
    if told.missing:
        yield wrong(
            f"{told.missing} files that rows name are not there",
            "`school-protocol evidence check` says of which cases; put them back from `files/` of the latest backup",
        )
    for what, found in (("keeps older versions", told.standing.versioned), ("is public", told.standing.public)):
        if found is None:
            yield note(
                f"files: it could not be found out whether the bucket {what}", "see it in the store's own settings"
            )
    if told.standing.in_clear:
        what = "files: they go to the object store without TLS; they are sealed, names and times are not"
        yield note(what, "set SCHOOL_PROTOCOL_FILES_ENDPOINT to an https address")


def left_over(house: House, _asked: Asked) -> Iterator[Finding]:
    """What restores left behind."""
    for said in backups.left_over(house.settings):
        yield note(said, "as it says: what was erased lives on in it")


def definitions(house: House, _asked: Asked) -> Iterator[Finding]:
    """Which protocols are published."""
    every = house.library.every()
    for protocol in every:
        yield ok(f"definition: {protocol.protocol} {protocol.version} ({protocol.digest[:12]})")
    if not every:
        yield note(
            "no definition is published: nothing can be reported",
            "`school-protocol found` begins an empty installation; else the page “Protocols”",
        )


def calendars(house: House, _asked: Asked) -> Iterator[Finding]:
    """Schools in which no deadline can be counted."""
    for code in schools_without_calendar(house):
        yield note(
            f"no calendar: school {code}, nor anything above it: nothing can be reported there",
            "say when schools are open there: `school-protocol calendar set`",
        )


def oversight(house: House, _asked: Asked) -> Iterator[Finding]:
    """Places with schools for which nobody answers: what the team may not read goes further up, or to nobody."""
    current = house.library.current()
    roles = {role.key for protocol in current for role in protocol.roles.values() if role.oversees}
    with house.directory.reading() as session:
        schools = directory.units_of_kind(session, UnitKind.school)
        above = {place for school in schools for place in school.parents}
        holders = directory.holders(session, above, today=today_for(house))
        held = {one.unit for one in holders if one.role in roles and one.has_way_in}
        lacking = {school.parents[0] for school in schools if school.parents and held.isdisjoint(school.parents)}
        codes = sorted(unit.code for unit in directory.units(session, sorted(lacking)).values())
    for code in codes if roles else ():
        yield note(
            f"nobody oversees the schools of {code}: a case that concerns an adult of one goes further up",
            "appoint somebody there (`school-protocol users invite`, or a list); whoever was invited and never came in "
            "counts as nobody",
        )


def unread(house: House, _asked: Asked) -> Iterator[Finding]:
    """Restricted cases that nobody can read."""
    if many := count_unread(house):
        yield wrong(
            f"{many} restricted cases that go on can be read by nobody: nobody above their school has come in and may "
            "take part",
            "appoint somebody at the directorate or the academy: `school-protocol users invite`, or a list",
        )


def go_live(house: House, _asked: Asked) -> Iterator[Finding]:
    """What is not signed of what must be so before real cases."""
    found = signing.standing(house)
    if found is None:
        yield ok("go-live list: nothing is missing, or it isn't asked for here")
        return
    then = "no case is opened, no report taken" if found.is_shut else "cases go on all the same, as they had begun"
    yield note(
        f"go-live list: {found.missing} not signed: {then}",
        "`school-protocol go-live show` says which; a technical administrator of the country signs",
    )


def clocks(house: House, _asked: Asked) -> Iterator[Finding]:
    """The machine's clock against the database's, and against the newest row."""
    shown = times.of_database(house.realm)
    apart = abs(house.now() - shown) if shown is not None else timedelta()
    if apart > APART:
        level = wrong if apart > FAR_APART else note
        yield level(f"clock: {long(apart)} apart from the database's", "keep both by NTP")
    with house.realm.reading() as session, house.directory.reading() as people:
        newest = max(
            (found for found in (times.newest_in_realm(session), times.newest_in_directory(people)) if found),
            default=None,
        )
    if newest is not None and newest - house.now() > AHEAD:
        yield wrong(
            f"clock: the newest row is {long(newest - house.now())} in the future: the clock was set back, or forward "
            "for a time",
            "put the clock right, keep it by NTP; deadlines count from the times that were written",
        )
    elif apart <= APART:
        yield ok("clock: agrees with what was written")
