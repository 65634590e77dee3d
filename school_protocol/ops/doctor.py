"""Checks of the doctor: findings, the machine, the settings, and whether the stores can be served."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from school_protocol.auth import passwords
from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import ROOTS, key_of, trust_in
from school_protocol.config import COUNTRY, ZONE, Settings, SettingUnreadable, version, zone_named
from school_protocol.context import RESTORE, STORES, AppContext, today_for
from school_protocol.engine.errors import DefinitionError, SchoolProtocolError
from school_protocol.engine.kernel import contrary
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import Wording
from school_protocol.mail import MailMisconfigured, Unreachable, reach_mail
from school_protocol.ops import going_live, key_rotation
from school_protocol.ops.databases import progress_line, refuse_misplaced
from school_protocol.ops.key_rotation import is_marked_here
from school_protocol.pdf import rendering
from school_protocol.pdf.presenters import error_message, finding_message
from school_protocol.pdf.signing import signed_apart
from school_protocol.pdf.verdicts import WARNINGS, SealingError
from school_protocol.people.contacts import schools_without_calendar
from school_protocol.protocol import repository as protocol_repository
from school_protocol.protocol.reader import read
from school_protocol.storage import master_keys, restoring, sql
from school_protocol.storage.engines import Store, is_whole, open_engine
from school_protocol.storage.master_keys import MARKS, PUT_BACK
from school_protocol.storage.migrate import Part, standing_of
from school_protocol.storage.postgresql import gaps
from school_protocol.storage.store_errors import KeysUnusable, StorageBusy, StorageFull
from school_protocol.supervision.review import unread as count_unread

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


class Level(StrEnum):
    ok = "ok"
    note = "note"
    """To be known, and mended when there is time."""
    wrong = "wrong"
    """To be mended now."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what is so, one of what to do about it; empty where nothing is to be done."""

    level: Level
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The installation. `deep`: other machines may be asked, too; `wants_openid`: the settings name a provider."""

    settings: Settings
    now: datetime
    deep: bool = False
    wants_openid: bool = False


BeforeCheck = Callable[[Asked], Iterable[Finding]]
Check = Callable[[AppContext, Asked], Iterable[Finding]]


def ok(what: str) -> Finding:
    return Finding(Level.ok, what)


def note(what: str, do: str) -> Finding:
    return Finding(Level.note, what, do)


def wrong(what: str, do: str) -> Finding:
    return Finding(Level.wrong, what, do)


def ending(said: str, left: timedelta, do: str) -> Finding:
    """What has so long to go: wrong within a week, a note within a month."""
    said = f"{said}, in {long(left)}"
    return wrong(said, do) if left < WEEK else note(said, do) if left < MONTH else ok(said)


def long(span: timedelta) -> str:
    """A span in its largest whole unit."""
    for unit, name in ((timedelta(days=2), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes")):
        if span >= unit:
            return f"{int(span / (timedelta(days=1) if name == 'days' else unit))} {name}"
    return f"{max(int(span.total_seconds()), 0)} seconds"


# ---- the machine: room, permissions, time zones, typesetting, a way to the mail server -----------------------------

MB = 1024 * 1024
LITTLE, NEXT_TO_NOTHING = 2048 * MB, 256 * MB
SHARE_LITTLE = 0.05
SECONDS = 5.0
"""How long the mail server is waited for, at each step."""
OTHERS = 0o077
_PUBLIC = frozenset({"root.pem", "timestamps.pem"})


def tls(asked: Asked) -> Iterator[Finding]:
    """The certificate under which the site is reached, where that is known and other machines may be asked."""
    parts = urlsplit(asked.settings.address)
    host, do = parts.hostname, "renew it where TLS ends, with its whole chain"
    if not asked.deep or parts.scheme != "https" or not host:
        return
    try:
        with (
            socket.create_connection((host, parts.port or 443), timeout=SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as line,
        ):
            shown: Any = line.getpeercert()
    except ssl.SSLCertVerificationError as error:
        yield wrong(f"TLS of {host}: browsers don't take its certificate: {error.verify_message}", do)
    except OSError as error:
        yield note(f"TLS of {host}: it can't be reached from here: {error}", "see it in a browser")
    else:
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
        yield ending(f"TLS of {host}: a certificate that ends on {ends:%Y-%m-%d}", ends - asked.now, do)


def space(asked: Asked) -> Iterator[Finding]:
    """Room on each volume on which something is written."""
    places = {
        "data": asked.settings.data, "keys": asked.settings.keys, "anchors": asked.settings.anchors_folder,
        "temporary files": Path(tempfile.gettempdir()),
    }  # fmt: skip
    volumes: dict[int, tuple[list[str], Path]] = {}
    for name, folder in places.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        volumes.setdefault(there.stat().st_dev, ([], there))[0].append(name)
    for names, there in volumes.values():
        usage = shutil.disk_usage(there)
        said = f"room for {', '.join(names)}: {usage.free // MB} MB free of {usage.total // MB}"
        if usage.free < NEXT_TO_NOTHING:
            yield wrong(said, "make room now, or enlarge the volume: soon nothing can be recorded")
        elif usage.free < LITTLE or usage.free < usage.total * SHARE_LITTLE:
            yield note(said, "make room, or enlarge the volume; see “When a disk fills” in docs/operations.md")
        else:
            yield ok(said)


def permissions(asked: Asked) -> Iterator[Finding]:
    """Whether keys are their owner's alone, and what is kept, too."""
    try:
        secret = list(_secret_files(asked.settings))
    except KeysUnusable as error:
        yield wrong(str(error), "until then nothing is opened; put back no keys")
        return
    kept = [path for pattern in ("*.sqlite", "*.jsonl", "*.json") for path in sorted(asked.settings.data.glob(pattern))]
    opened = [path for path in secret if _open_to_others(path)]
    for path in opened:
        yield wrong(
            f"{path} is open to others",
            f"chmod {'0700' if path.is_dir() else '0400'} it; if others use this machine, consider the key known: see "
            "“When a key leaks” in docs/operations.md",
        )
    for path in filter(_open_to_others, kept):
        yield note(f"{path} is open to others", "chmod 0600 it")
    for path in secret:
        if path.exists() and path.stat().st_uid != os.geteuid():
            yield note(f"{path} belongs to another user", "run everything as one user, to whom keys and data belong")
    if secret and not opened:
        yield ok("keys: their owner's alone")


def _secret_files(settings: Settings) -> Iterator[Path]:
    """Folders and files of keys. Raises KeysUnusable."""
    keys, signing = settings.keys, settings.signing_folder
    if keys.is_dir():
        yield from (keys, *sorted(master_keys.listed(keys)))
    if signing is not None and signing.is_dir():
        yield from (path for path in sorted(signing.glob("*.p*")) if path.name not in _PUBLIC)


def _open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS)


def zone(_asked: Asked) -> Iterator[Finding]:
    """Whether the machine knows the schools' time, and their public holidays."""
    import holidays

    try:
        zone_named(ZONE.key)
    except SettingUnreadable:
        yield wrong(f"the time of {ZONE.key} is not known here", "install tzdata")
    else:
        yield ok(f"time: {ZONE.key} is known")
    if COUNTRY not in holidays.list_supported_countries():
        yield wrong(
            f"no public holidays of {COUNTRY} are known", "set SCHOOL_PROTOCOL_COUNTRY to the code of a country"
        )


def papers(_asked: Asked) -> Iterator[Finding]:
    """Whether documents can be set: pango and the typeface."""
    lack = rendering.missing()
    if lack is None:
        yield ok("documents: can be made")
    else:
        yield wrong(f"documents: {lack}", "until then no case file, letter or form can be handed out")


def mail_server(asked: Asked) -> Iterator[Finding]:
    """Whether the mail server answers and lets this installation in; asked only where other machines may be."""
    if not asked.deep or not asked.settings.smtp:
        return
    try:
        reach_mail(asked.settings, SECONDS)
    except MailMisconfigured as error:
        yield wrong(f"mail server: {error}", "put the setting right")
    except Unreachable as error:
        yield wrong(f"mail server: not reached ({error})", "see address, name, password, and the network")
    else:
        yield ok("mail server: answers, and lets this installation in")


# ---- settings that are missing, or stand against each other --------------------------------------------------------

TOKEN_LEAST = 16
_NEAR = frozenset({"localhost", "127.0.0.1", "::1"})


def doors(asked: Asked) -> Iterator[Finding]:
    """What is not set of how people reach the site and come in."""
    settings = asked.settings
    if settings.address.startswith("https:") and not settings.trusted_proxy:
        yield note(
            "all visitors seem to come from one address, and wait for one another",
            "set SCHOOL_PROTOCOL_TRUSTED_PROXY to the address of the proxy that ends TLS",
        )
    if asked.wants_openid and settings.openid is None:
        yield note(
            "sign-in through the ministry is off", "set SCHOOL_PROTOCOL_OPENID_CLAIM to what people can't change"
        )
    if not settings.address:
        yield note("messages don't say where the desk is", "set SCHOOL_PROTOCOL_ADDRESS")
    if settings.known_passwords is None:
        yield note(
            "no list of known passwords: only new ones that few guesses find are refused",
            "set SCHOOL_PROTOCOL_KNOWN_PASSWORDS to one",
        )
        return
    try:
        passwords.is_known(settings.known_passwords, "")
    except passwords.ListUnusable as error:
        yield wrong(f"the list of known passwords can't be read: {error}", "put it back, or take the setting away")


def together(asked: Asked) -> Iterator[Finding]:
    """Settings of which one takes away what the other says."""
    settings = asked.settings
    host, is_tls = urlsplit(settings.address).hostname or "", settings.address.startswith("https:")
    against = (
        (is_tls and not settings.secure_cookies, note, "the address is https, and cookies go over http, too",
         "set SCHOOL_PROTOCOL_SECURE_COOKIES=1"),
        (settings.secure_cookies and bool(host) and not is_tls, wrong,
         "cookies go over TLS alone, and the address is http: nobody can sign in", "serve it over https"),
        (bool(host) and not is_tls and host not in _NEAR, wrong,
         "the address is http: passwords and cases cross the network in clear", "end TLS in front, and say https"),
        (bool(settings.master_key) and bool(settings.key_command), wrong,
         "master keys are both a setting and a command", "take SCHOOL_PROTOCOL_MASTER_KEY or …_KEY_COMMAND away"),
        (bool(settings.anchor_mail) and not settings.smtp, note,
         "heads of anchors are to be mailed, and no mail leaves", "set SCHOOL_PROTOCOL_SMTP"),
        (bool(settings.timestamps) and settings.signing_folder is None, note,
         "copies are to be stamped with the time, and none is signed", "set SCHOOL_PROTOCOL_SIGNING"),
        (settings.erase_unanswered and not settings.smtp, note,
         "silence may confirm an erasure, and no message leaves: so it never does", "set SCHOOL_PROTOCOL_SMTP"),
        (settings.evidence_files and not settings.clamav, note,
         "files of evidence are taken without being scanned", "set SCHOOL_PROTOCOL_CLAMAV"),
        (settings.web_processes > 1 and not settings.database, note,
         "several processes serve one SQLite file: they wait for one another as they write",
         "set SCHOOL_PROTOCOL_DATABASE_URL, or serve by one"),
        (bool(settings.metrics) and len(settings.metrics) < TOKEN_LEAST, note,
         "the token of /metrics is short enough to be guessed", "draw one of 32 letters"),
    )  # fmt: skip
    found = [level(what, do) for is_so, level, what, do in against if is_so]
    yield from found or [ok("settings: none stands against another")]


def kernel(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Whether a version that cases follow asks for what the safety kernel, or a check since, refuses."""
    with ctx.directory.reading() as session:
        versions = [
            protocol_repository.definition(session, *one[:2])
            for one in protocol_repository.definition_versions(session)
        ]
    for one in versions:
        try:
            read(one.content, one.protocol, kernel=False)
        except DefinitionError as error:
            yield note(
                f"{one.protocol}, version {one.version}, would be refused today: {len(error.faults)} faults",
                "its cases go on; `school-protocol definitions check FILE` says which, for the next version",
            )
        places = sorted({".".join(found.path) for found in contrary(read(one.content, one.protocol, checks=False))})
        if places:
            yield wrong(
                f"{one.protocol}, version {one.version}, asks for what no definition may: {', '.join(places)}",
                "its cases are kept safe all the same: publish a version without that",
            )


def told_of_holes(asked: Asked) -> Iterator[Finding]:
    """Whether whoever finds a hole learns whom to tell."""
    until, do = asked.settings.security_until, "set SCHOOL_PROTOCOL_SECURITY_CONTACT and SCHOOL_PROTOCOL_SECURITY_UNTIL"
    if until is None:
        yield note("/.well-known/security.txt isn’t there: whoever finds a hole doesn’t learn whom to tell", do)
        return
    left = datetime.combine(until + timedelta(days=1), time(), UTC) - asked.now
    yield ending(f"/.well-known/security.txt counts until {until}", left, do)


def certificates(ctx: AppContext, asked: Asked) -> Iterator[Finding]:
    """The key of each academy, tried: copies are signed with it until its certificate ends."""
    from school_protocol.pdf.signature_check import examined  # pyHanko is loaded where it is asked

    folder = ctx.settings.signing_folder
    if folder is None:
        return
    with ctx.directory.reading() as session:
        academies = auth_repository.units_of_kind(session, UnitKind.region)
    for academy in academies:
        about, file = f"signatures of {academy.code}", folder / f"{academy.code}.pem"
        do = f"put the academy’s key with its certificate back as {file}"
        try:
            key = key_of(ctx, academy)
            signature = signed_apart(b"", key, asked.now)
            found = examined(signature, b"", trust_in(folder), asked.now, asked.now).findings
        except SealingError as error:
            yield wrong(f"{about}: {error_message(Wording('en'), error)} ({error})", do)
            continue
        for one in (one for one in found if one.code not in WARNINGS):
            what = f"{about}: what is signed is taken for false here: {finding_message(Wording('en'), one)}"
            yield wrong(what, f"{do}, or the certificate of who issued it as {folder / ROOTS}")
        ends = key.certificate.not_valid_after_utc
        yield ending(f"{about}: made with a certificate that ends on {ends:%Y-%m-%d}", ends - asked.now, do)


# ---- the stores: tables, keys, definitions, calendars, clocks, the go-live list ------------------------------------

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


def place(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Where the data lie, and what holds the master keys."""
    yield ok(f"version: {version()}")
    yield ok(f"data: {ctx.settings.data}")
    yield ok(f"master keys: {ctx.vault.kind}")


def wall(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """On PostgreSQL: whether rows of a case are kept from pages that are shown to somebody else."""
    if not ctx.settings.database:
        return
    with ctx.realm.reading() as session:
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


def marks(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Whether names are found by the key that is here. Master and journal key are tried as stores are opened."""
    found = is_marked_here(ctx)
    if found is False:
        yield wrong(
            f"{ctx.vault.folder / MARKS} is another key than the one that names were marked with: nobody is found",
            f"move it away, then {PUT_BACK}",
        )
    elif found:
        yield ok("keys: those of these data, the marks key too")


def recovery(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Whether a lost key could be put back."""
    lack = key_rotation.lack(ctx)
    if lack is None:
        yield ok("recovery copy of the keys: made of these keys, and tried out")
    else:
        yield note(f"WARNING: {key_rotation.SAID[lack]}", "keep the copy and its code apart, neither on this machine")


def files(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Where sealed files lie, whether that place does what it should, and what is not there."""
    told = progress_line(ctx)
    if told.standing.fault:
        what = f"files: {told.address} can't be written and read now: {told.standing.fault}"
        yield wrong(what, "see that it is there and has room; pages that need a file say 503 meanwhile")
        return
    try:
        refuse_misplaced(ctx.blobs, told.standing)
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


def left_over(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """What restores left behind."""
    for said in restoring.left_over(ctx.settings.data):
        yield note(said, "as it says: what was erased lives on in it")


def definitions(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Which protocols are published."""
    every = ctx.library.every()
    for protocol in every:
        yield ok(f"definition: {protocol.protocol} {protocol.version} ({protocol.digest[:12]})")
    if not every:
        yield note(
            "no definition is published: nothing can be reported",
            "`school-protocol found` begins an empty installation; else the page “Protocols”",
        )


def calendars(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Schools in which no deadline can be counted."""
    for code in schools_without_calendar(ctx):
        yield note(
            f"no calendar: school {code}, nor anything above it: nothing can be reported there",
            "say when schools are open there: `school-protocol calendar set`",
        )


def oversight(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Places with schools for which nobody answers: what the team may not read goes further up, or to nobody."""
    current = ctx.library.current()
    roles = {role.key for protocol in current for role in protocol.roles.values() if role.oversees}
    with ctx.directory.reading() as session:
        schools = auth_repository.units_of_kind(session, UnitKind.school)
        above = {place for school in schools for place in school.parents}
        holders = auth_repository.holders(session, above, today=today_for(ctx))
        held = {one.unit for one in holders if one.role in roles and one.has_way_in}
        lacking = {school.parents[0] for school in schools if school.parents and held.isdisjoint(school.parents)}
        codes = sorted(unit.code for unit in auth_repository.find_units(session, sorted(lacking)).values())
    for code in codes if roles else ():
        yield note(
            f"nobody oversees the schools of {code}: a case that concerns an adult of one goes further up",
            "appoint somebody there (`school-protocol users invite`, or a list); whoever was invited and never came in "
            "counts as nobody",
        )


def unread(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """Restricted cases that nobody can read."""
    if many := count_unread(ctx):
        yield wrong(
            f"{many} restricted cases that go on can be read by nobody: nobody above their school has come in and may "
            "take part",
            "appoint somebody at the directorate or the academy: `school-protocol users invite`, or a list",
        )


def go_live(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """What is not signed of what must be so before real cases."""
    found = going_live.standing(ctx)
    if found is None:
        yield ok("go-live list: nothing is missing, or it isn't asked for here")
        return
    then = "no case is opened, no report taken" if found.is_shut else "cases go on all the same, as they had begun"
    yield note(
        f"go-live list: {found.missing} not signed: {then}",
        "`school-protocol go-live show` says which; a technical administrator of the country signs",
    )


def clocks(ctx: AppContext, _asked: Asked) -> Iterator[Finding]:
    """The machine's clock against the database's, and against the newest row."""
    shown = sql.of_database(ctx.realm)
    apart = abs(ctx.now() - shown) if shown is not None else timedelta()
    if apart > APART:
        level = wrong if apart > FAR_APART else note
        yield level(f"clock: {long(apart)} apart from the database's", "keep both by NTP")
    with ctx.realm.reading() as session, ctx.directory.reading() as people:
        newest = max(
            (found for found in (sql.newest_in_realm(session), sql.newest_in_directory(people)) if found),
            default=None,
        )
    if newest is not None and newest - ctx.now() > AHEAD:
        yield wrong(
            f"clock: the newest row is {long(newest - ctx.now())} in the future: the clock was set back, or forward "
            "for a time",
            "put the clock right, keep it by NTP; deadlines count from the times that were written",
        )
    elif apart <= APART:
        yield ok("clock: agrees with what was written")
