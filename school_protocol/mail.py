"""Messages that go out: mail by SMTP and short messages by a web hook. Nothing here knows what a message is about."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from school_protocol.config import Settings
from school_protocol.engine.errors import SchoolProtocolError
from school_protocol.language import Wording

TIMEOUT = 15
"""Seconds; far less than the lease under which a message is taken."""
_PORTS = {"smtp": 25, "smtps": 465}
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_TRY_AGAIN = frozenset({408, 425, 429})
_SEVEN_BITS = policy.default.clone(cte_type="7bit")
"""Not every server that a mail passes takes eight bits."""


class MailMisconfigured(SchoolProtocolError):
    """A setting of the post can't be understood."""


class Undelivered(SchoolProtocolError):
    """This message was not taken; the next one may be."""


class Unreachable(SchoolProtocolError):
    """Nothing goes out this way now."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. `id` is the same each time it is tried, so that a receiver can tell a repetition."""

    id: str
    at: datetime
    language: str
    subject: str
    text: str


class Carrier(Protocol):
    """One way out. `carry` raises Undelivered or Unreachable; it returns once somebody else answers for the letter."""

    def carry(self, to: str, letter: Letter) -> None: ...


@dataclass(frozen=True, slots=True)
class Post:
    """The ways out that an installation has; None for one that is not set."""

    mail: Carrier | None = None
    sms: Carrier | None = None


def way_to(post: Post, email: str | None, phone: str | None) -> tuple[Carrier, str, bool] | None:
    """By which way somebody is reached, and where; True: by mail."""
    if email and post.mail is not None:
        return post.mail, email, True
    if phone and post.sms is not None:
        return post.sms, phone, False
    return None


def wording_of(settings: Settings, language: str) -> Wording:
    """The words in which somebody is written to: in their language where it is offered, else in that all are given."""
    return Wording(language if language in settings.languages else settings.default_language)


def letter_of(
    settings: Settings, w: Wording, letter: str, at: datetime, subject: str, lines: Iterable[str], *, is_mail: bool
) -> Letter:
    """A message that ends with the site's address, where it is known; a mail says besides that a machine sent it."""
    said = [*lines, settings.address] if settings.address else [*lines]
    said += [w._("A machine sent it: nobody reads an answer.")] if is_mail else []
    return Letter(letter, at, w.html_language, subject, "\n\n".join(said) + "\n" if is_mail else "\n".join(said))


def post_of(settings: Settings) -> Post:
    """The post that the settings name; raises MailMisconfigured."""
    return Post(_mail(settings) if settings.smtp else None, _sms(settings) if settings.sms_hook else None)


def reach_mail(settings: Settings, seconds: float) -> None:
    """Whether the mail server lets this installation in; raises MailMisconfigured, Unreachable. It sends nothing."""
    replace(_mail(settings), seconds=seconds).look()


def _mail(settings: Settings) -> Mail:
    address = _split(settings.smtp, "SCHOOL_PROTOCOL_SMTP", tuple(_PORTS))
    if settings.mail_from.count("@") != 1:
        raise MailMisconfigured("SCHOOL_PROTOCOL_MAIL_FROM is the address that mail comes from: name@school.example")
    return Mail(
        host=address.hostname or "",
        port=address.port or _PORTS[address.scheme],
        sender=settings.mail_from,
        user=unquote(address.username or ""),
        password=unquote(address.password or ""),
        implicit_tls=address.scheme == "smtps",
    )


def _sms(settings: Settings) -> Sms:
    address = _split(settings.sms_hook, "SCHOOL_PROTOCOL_SMS_HOOK", ("http", "https"))
    if address.scheme == "http" and address.hostname not in _HERE:
        raise MailMisconfigured("SCHOOL_PROTOCOL_SMS_HOOK is an https address, or one on this machine")
    return Sms(settings.sms_hook)


def _split(text: str, name: str, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of an address in a setting. Its value is never said: a password may stand in it."""
    try:
        address = urlsplit(text)
        known = address.scheme in schemes and address.hostname and (address.port or 1) > 0
    except ValueError:
        known = False
    if not known:
        raise MailMisconfigured(f"{name} is an address that begins with {' or '.join(f'{one}://' for one in schemes)}")
    return address


# ---- mail --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server. What it offers of TLS is used; a password never goes over the network in clear."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    implicit_tls: bool = False
    seconds: float | None = None
    """How long it may say nothing; None: as long as for any message."""

    def carry(self, to: str, letter: Letter) -> None:
        message = self._message(to, letter)
        server = self._opened()
        try:
            server.send_message(message)
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPSenderRefused) as error:
            raise Unreachable(type(error).__name__) from None
        except (smtplib.SMTPException, ValueError) as error:
            raise Undelivered(type(error).__name__) from None
        except OSError as error:
            raise Unreachable(type(error).__name__) from None
        finally:
            with suppress(OSError):
                server.quit()
            server.close()

    def look(self) -> None:
        """Come in and go, sending nothing; raises Unreachable."""
        server = self._opened()
        with suppress(OSError):
            server.quit()
        server.close()

    def _message(self, to: str, letter: Letter) -> EmailMessage:
        message = EmailMessage(_SEVEN_BITS)
        try:
            message["To"] = Address(addr_spec=to)
            message["From"] = self.sender
            message["Subject"] = letter.subject
            message["Message-ID"] = f"<{letter.id}@{self.sender.rpartition('@')[2].rstrip('>')}>"
        except (ValueError, IndexError, MessageError) as error:
            raise Undelivered(type(error).__name__) from None
        message["Date"] = format_datetime(letter.at)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(letter.text)  # which drops every header of the content that stood there
        message["Content-Language"] = letter.language
        return message

    def _opened(self) -> smtplib.SMTP:
        """A connection, signed in where a name is set; raises Unreachable."""
        try:
            server = self._connected()
        except OSError as error:
            raise Unreachable(type(error).__name__) from None
        try:
            self._secure(server)
            if self.user:
                server.login(self.user, self.password)
        except (OSError, ValueError) as error:
            server.close()
            raise Unreachable(type(error).__name__) from None
        return server

    def _connected(self) -> smtplib.SMTP:
        patience = self.seconds or TIMEOUT
        if self.implicit_tls:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=patience, context=ssl.create_default_context())
        return smtplib.SMTP(self.host, self.port, timeout=patience)

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if self.implicit_tls or self.host in _HERE:
            return
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        elif self.user:
            raise smtplib.SMTPNotSupportedError("no TLS: the password is not sent")


# ---- short messages ----------------------------------------------------------------------------------------------


class _Stay(HTTPRedirectHandler):
    """A hook that points elsewhere is an error: a message isn't sent to a place that nobody set."""

    def redirect_request(self, *arguments: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Sms:
    """A web hook that gets {"to", "text"} as JSON and passes it on as a short message."""

    url: str = field(repr=False)

    def carry(self, to: str, letter: Letter) -> None:
        body = json.dumps({"to": to, "text": letter.text}, ensure_ascii=False).encode()
        request = Request(  # noqa: S310 - http or https: `_sms` has looked
            self.url, body, {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": letter.id}
        )
        try:
            with build_opener(_Stay).open(request, timeout=TIMEOUT):
                return
        except HTTPError as error:
            error.close()
            refused = 400 <= error.code < 500 and error.code not in _TRY_AGAIN
            raise (Undelivered if refused else Unreachable)(str(error.code)) from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None
