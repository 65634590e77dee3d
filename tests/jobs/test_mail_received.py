"""Each kind of mail as a client receives it: sent over SMTP to a strict server, read by two parsers, byte by byte."""

from __future__ import annotations

import ast
import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from engine.telling import MOROCCAN, NOW
from fast_mail_parser import parse_email
from services.conftest import ABOUT, NAME, WORDS, School
from werkzeug.routing import MapAdapter

import school_protocol
from school_protocol.auth import own_account
from school_protocol.auth import repository as auth_repository
from school_protocol.auth.models import Channel
from school_protocol.auth.repository import Account
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.story_player import throwaway
from school_protocol.mail import Letter, Mail, Post
from school_protocol.notifications import service as notifications_service
from school_protocol.notifications.models import NoticeRow
from school_protocol.notifications.repository import State
from school_protocol.ops import journal_checks
from school_protocol.people import certificate_reminders, invitations
from school_protocol.protocol.reader import read
from school_protocol.reports import escalation
from school_protocol.reports.models import PublicNoticeRow
from school_protocol.storage.anchors import Anchor
from school_protocol.storage.models import JournalCheckRow
from school_protocol.web import create_app

FROM, TO, SITE = "منصة الحماية <protocole@college.example>", "membre@college.example", "https://desk.example"
LANGUAGES = {"fr": "fr", "ar": "ar-MA", "en": "en"}
LONGEST, WISHED = 998, 78
ONCE = (
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress",
)  # fmt: skip


# ---- every kind ----------------------------------------------------------------------------------------------------


def notice(school: School, **values: object) -> NoticeRow:
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number)
    told: dict[str, object] = {
        "id": "n1", "case_id": case_id, "cause": "step:1", "role": "team_member", "account": "a",
        "channel": Channel.mail, "urgent": False, "at": NOW, "state": State.waiting, "settled_at": None, "attempts": 0,
    }  # fmt: skip
    return NoticeRow(**told | values)  # type: ignore[arg-type]


@dataclass
class Shelf:
    """Takes a letter instead of carrying it."""

    letters: list[Letter] = field(default_factory=list)

    def carry(self, _to: str, letter: Letter) -> None:
        self.letters.append(letter)


def report(*, urgent: bool) -> PublicNoticeRow:
    return PublicNoticeRow(id="r1", unit="u", account="a", channel=Channel.mail.value, urgent=urgent, hour=NOW)


def told(school: School, account: Account) -> Letter:
    shelf = Shelf()
    assert journal_checks._tell(school.ctx, Post(shelf), account, JournalCheckRow(id="c1", first_fault="journal"))
    return shelf.letters[0]


def anchored(school: School, account: Account) -> Letter:
    shelf, own = Shelf(), replace(school.ctx.settings, anchor_mail=TO, default_language=account.language)
    journal_checks._mail_anchor(replace(school.ctx, settings=own), Post(shelf), Anchor(7, NOW, None, "a1" * 32, {}))
    return shelf.letters[0]


Make = Callable[[School, Account], Letter]
KINDS: dict[str, tuple[ModuleType, str, Make]] = {
    "waits": (notifications_service, "letter_of", lambda s, a: notifications_service.letter_of(
        s.ctx, a, [notice(s), notice(s, role="reporter")])),
    "thanks": (notifications_service, "letter_of", lambda s, a: notifications_service.letter_of(
        s.ctx, a, [notice(s, role="reporter")])),
    "urgent": (notifications_service, "letter_of", lambda s, a: notifications_service.letter_of(
        s.ctx, a, [notice(s, urgent=True)])),
    "taken back": (notifications_service, "letter_of", lambda s, a: notifications_service.letter_of(
        s.ctx, a, [notice(s, urgent=True, cause="taken_back:1")])),
    "report": (escalation, "_letter", lambda s, a: escalation._letter(s.ctx, a, report(urgent=False))),
    "urgent report": (escalation, "_letter", lambda s, a: escalation._letter(s.ctx, a, report(urgent=True))),
    "own account": (own_account, "_letter", lambda s, a: own_account._letter(
        s.ctx, a, own_account.OWNER, {True, False}, "t1", is_mail=True)),
    "an account": (own_account, "_letter", lambda s, a: own_account._letter(
        s.ctx, a, "", {False}, "t2", is_mail=True)),
    "own certificate": (certificate_reminders, "_letter", lambda s, a: certificate_reminders._letter(
        s.ctx, a, certificate_reminders.OWNER, date(2027, 1, 31), 1, "c1", is_mail=True)),
    "certificates": (certificate_reminders, "_letter", lambda s, a: certificate_reminders._letter(
        s.ctx, a, "", date(2027, 1, 31), 11, "c2", is_mail=True)),
    "invitation": (invitations, "_letter", lambda s, a: invitations._letter(s.ctx, a, "i1", "tok" * 14)),
    "check": (journal_checks, "_tell", told),
    "anchor": (journal_checks, "_mail_anchor", anchored),
}  # fmt: skip


def test_no_kind_of_mail_is_left_out() -> None:
    """Whoever makes a letter stands in the list above."""
    makers = set[str]()
    for file in Path(school_protocol.__path__[0]).rglob("*.py"):
        name = ".".join(("school_protocol", *file.relative_to(school_protocol.__path__[0]).with_suffix("").parts))
        tree = ast.parse(file.read_text("utf-8"))
        brought = (one for one in tree.body if isinstance(one, ast.ImportFrom) and one.module == "school_protocol.mail")
        ways = {one.name for line in brought for one in line.names} & {"Letter", "letter_of"}
        for made in (one for one in ast.walk(tree) if ways and isinstance(one, ast.FunctionDef)):
            calls = (one.func for one in ast.walk(made) if isinstance(one, ast.Call))
            if any(isinstance(one, ast.Name) and one.id in ways for one in calls):
                makers.add(f"{name}.{made.name}")
    assert makers == {f"{module.__name__}.{function}" for module, function, _make in KINDS.values()}


# ---- received ------------------------------------------------------------------------------------------------------


@dataclass
class Box:
    """What a server took, as the bytes that it got; it offers neither 8BITMIME nor SMTPUTF8, and is strict."""

    port: int = 0
    got: list[bytes] = field(default_factory=list)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, name: str, _said: list[str]
    ) -> list[str]:
        session.host_name = name
        return ["250 HELP"]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.original_content, bytes)
        self.got.append(envelope.original_content)
        return "250 kept"


@contextmanager
def served() -> Iterator[Box]:
    box, loop = Box(), asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0))
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with served() as found:
        yield found


def received(box: Box, letter: Letter, mail: type[Mail] = Mail) -> bytes:
    mail("127.0.0.1", box.port, FROM).carry(TO, letter)
    return box.got.pop()


def faults(raw: bytes, letter: Letter) -> list[str]:
    """What a client could stumble over in a mail, or would show otherwise than it was written."""
    return [*_of_bytes(raw), *_of_headers(raw, letter), *_of_text(raw, letter)]


def _of_bytes(raw: bytes) -> Iterator[str]:
    lines = raw.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        yield "a line ends otherwise"
    if any(len(line) > LONGEST for line in lines):
        yield "a line is too long"
    if any(len(line) > WISHED for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n")):
        yield "a header is not folded"
    if not raw.isascii():
        yield "eight bits, which the server did not offer"


def _of_headers(raw: bytes, letter: Letter) -> Iterator[str]:
    mail, other = message_from_bytes(raw, policy=policy.default), parse_email(raw)
    yield from (f"defect: {one!r}" for one in (*mail.defects, *(d for h in mail.values() for d in h.defects)))
    yield from (f"{name}: {len(mail.get_all(name, []))} times" for name in ONCE if len(mail.get_all(name, [])) != 1)
    yield from (f"nobody asked for {name}" for name in mail if name not in ONCE)
    wanted = {
        "From": FROM, "To": TO, "Subject": letter.subject, "Content-Language": letter.language,
        "Message-ID": f"<{letter.id}@college.example>", "Auto-Submitted": "auto-generated", "MIME-Version": "1.0",
    }  # fmt: skip
    for name, said in wanted.items():
        if str(mail[name]) != said:
            yield f"{name} reads {mail[name]}"
        if other.headers.get(name) != [said]:
            yield f"{name} reads {other.headers.get(name)} elsewhere"
    if mail["Date"] is not None and mail["Date"].datetime != letter.at:
        yield f"Date is {mail['Date']}"
    if other.warnings:
        yield f"the other parser warns: {other.warnings}"


def _of_text(raw: bytes, letter: Letter) -> Iterator[str]:
    mail, other = message_from_bytes(raw, policy=policy.default), parse_email(raw)
    assert isinstance(mail, EmailMessage)
    if (mail.get_content_type(), mail.get_content_charset()) != ("text/plain", "utf-8"):
        yield f"it is {mail['Content-Type']}"
        return
    for text in (mail.get_content(), *other.text_plain):
        if text.replace("\r\n", "\n") != letter.text:
            yield "its text is another"
    if len(other.text_plain) != 1 or other.text_html or other.attachments:
        yield "it has other parts"


def about(school: School, language: str) -> Account:
    with school.ctx.directory.reading() as session:
        account = auth_repository.account(session, school.account("team_member"))
    assert account is not None
    return replace(account, language=language, email=TO)


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    content = MOROCCAN.read_bytes()
    with throwaway(read(content, "1.yaml"), content, NOW) as player:
        player.ctx = replace(player.ctx, settings=replace(player.ctx.settings, address=SITE))
        found = School(player, count(1))
        found.report()
        yield found


@pytest.fixture(scope="module")
def site(school: School) -> MapAdapter:
    return create_app(school.ctx, testing=True).url_map.bind("desk.example")


@pytest.mark.exhaustive(but=("*-ar",))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_received_as_it_was_written(
    kind: str, language: str, school: School, site: MapAdapter, box: Box
) -> None:
    letter = KINDS[kind][2](school, about(school, language))
    assert letter.language == LANGUAGES[language]
    raw = received(box, letter)
    assert faults(raw, letter) == []
    said = letter.subject + letter.text
    assert [one for one in (NAME, WORDS, school.number, *map(str, ABOUT[0].values())) if one in said] == []
    for link in re.findall(r"https?://\S+", letter.text):
        assert link.startswith(SITE), link
        assert site.test(urlsplit(link).path or "/", "GET"), link


def of_a_report(school: School, box: Box, mail: type[Mail] = Mail) -> tuple[bytes, Letter]:
    letter = KINDS["report"][2](school, about(school, "ar"))
    return received(box, letter, mail), letter


@dataclass(frozen=True, slots=True)
class Cleared(Mail):
    """As it was once: the text is set after the headers of the content, and drops them."""

    def _message(self, to: str, letter: Letter) -> EmailMessage:
        message = Mail._message(self, to, letter)
        message.set_content(letter.text)
        return message


def test_the_control_a_language_that_is_cleared_is_found(school: School, box: Box) -> None:
    raw, letter = of_a_report(school, box, Cleared)
    assert "Content-Language: 0 times" in faults(raw, letter)


@dataclass(frozen=True, slots=True)
class Plain(Mail):
    """As it was once: eight bits, whatever the server offers."""

    def _message(self, to: str, letter: Letter) -> EmailMessage:
        message, sound = EmailMessage(), Mail._message(self, to, letter)
        for name in set(sound) - {"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language"}:
            message[name] = str(sound[name])
        message.set_content(letter.text, cte="8bit")
        message["Content-Language"] = letter.language
        return message


def test_the_control_eight_bits_that_nobody_offered_are_found(school: School, box: Box) -> None:
    raw, letter = of_a_report(school, box, Plain)
    assert faults(raw, letter) == ["eight bits, which the server did not offer"]


PLANTED: dict[str, tuple[bytes, bytes, str]] = {
    "a header twice": (b"MIME-Version", b"Auto-Submitted: auto-generated\r\nMIME-Version", "Auto-Submitted: 2 times"),
    "no date": (b"Date: ", b"X-Date: ", "Date: 0 times"),
    "another charset": (b'utf-8"\r\n', b'us-ascii"\r\n', "it is text/plain"),
    "a long line": (b"Auto-Submitted: ", b"X-Long: " + b"x" * 1000 + b"\r\nAuto-Submitted: ", "a line is too long"),
    "bare ends": (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\n", "a line ends otherwise"),
    "another text": (b"base64\r\n", b"8bit\r\n", "its text is another"),
    "a name in clear": (b"To: ", "To: ريم ".encode(), "eight bits, which the server did not offer"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_control_a_planted_fault_is_found(fault: str, school: School, box: Box) -> None:
    raw, letter = of_a_report(school, box)
    old, new, said = PLANTED[fault]
    assert raw.count(old) > 0, raw
    assert any(one.startswith(said) for one in faults(raw.replace(old, new, 1), letter))
