"""Settings that are missing, or stand against each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit

from school_protocol.definitions import read
from school_protocol.documents.sealing.detached import signed_apart
from school_protocol.documents.sealing.errors import SealingError
from school_protocol.documents.sealing.saying import error_said, finding_said
from school_protocol.documents.sealing.trusting import examined
from school_protocol.documents.sealing.verdicts import WARNINGS
from school_protocol.domain.errors import DefinitionError
from school_protocol.domain.kernel import contrary
from school_protocol.domain.policy import UnitKind
from school_protocol.services.doctor.findings import Asked, Finding, ending, note, ok, wrong
from school_protocol.services.house import House
from school_protocol.services.identity import known
from school_protocol.services.papers.signing import ROOTS, key_of, trust_in
from school_protocol.storage import directory
from school_protocol.wording import Wording

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
        known.is_known(settings.known_passwords, "")
    except known.ListUnusable as error:
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


def kernel(house: House, _asked: Asked) -> Iterator[Finding]:
    """Whether a version that cases follow asks for what the safety kernel, or a check since, refuses."""
    with house.directory.reading() as session:
        versions = [directory.definition(session, *one[:2]) for one in directory.definition_versions(session)]
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


def certificates(house: House, asked: Asked) -> Iterator[Finding]:
    """The key of each academy, tried: copies are signed with it until its certificate ends."""
    folder = house.settings.signing_folder
    if folder is None:
        return
    with house.directory.reading() as session:
        academies = directory.units_of_kind(session, UnitKind.region)
    for academy in academies:
        about, file = f"signatures of {academy.code}", folder / f"{academy.code}.pem"
        do = f"put the academy’s key with its certificate back as {file}"
        try:
            key = key_of(house, academy)
            signature = signed_apart(b"", key, asked.now)
            found = examined(signature, b"", trust_in(folder), asked.now, asked.now).findings
        except SealingError as error:
            yield wrong(f"{about}: {error_said(Wording('en'), error)} ({error})", do)
            continue
        for one in (one for one in found if one.code not in WARNINGS):
            what = f"{about}: what is signed is taken for false here: {finding_said(Wording('en'), one)}"
            yield wrong(what, f"{do}, or the certificate of who issued it as {folder / ROOTS}")
        ends = key.certificate.not_valid_after_utc
        yield ending(f"{about}: made with a certificate that ends on {ends:%Y-%m-%d}", ends - asked.now, do)
