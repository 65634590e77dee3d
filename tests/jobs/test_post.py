"""The two ways out, against a mail server and a web hook that really listen."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseServer, ThreadingTCPServer

import pytest
from certified import certificate

from jobs.conftest import Hook, MailServer, talking
from school_protocol import mail as mail_module
from school_protocol.config import Settings
from school_protocol.mail import Letter, Mail, MailMisconfigured, Post, Sms, Undelivered, Unreachable, post_of
from school_protocol.notifications.repository import LEASE

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LETTER = Letter("abc123", AT, "ar-MA", "استعجالي: المرجو فتح التطبيق الآن", "استعجالي.\n\nhttps://desk.example\n")
FROM = "Protocole <protocole@college.example>"


def settings(**values: str) -> Settings:
    return Settings(data=Path("nowhere"), **values)  # type: ignore[arg-type]


@pytest.fixture
def mail(mail_server: MailServer) -> Mail:
    found = post_of(settings(smtp=mail_server.url, mail_from=FROM)).mail
    assert isinstance(found, Mail)
    return found


# ---- mail ----------------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_written(mail: Mail, mail_server: MailServer) -> None:
    mail.carry("membre@college.example", LETTER)
    ((sender, receivers, message),) = mail_server.mails
    assert "<protocole@college.example>" in sender
    assert receivers == ["membre@college.example"]
    assert message.get_content().replace("\r\n", "\n") == LETTER.text
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    names = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language")
    assert {name: str(message[name]) for name in names} == {
        "From": FROM,
        "To": "membre@college.example",
        "Subject": LETTER.subject,
        "Date": "Wed, 25 Nov 2026 09:00:00 +0000",
        "Message-ID": "<abc123@college.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": LETTER.language,
    }


def test_one_address_that_is_refused_is_that_mail_s_fault_alone(mail: Mail, mail_server: MailServer) -> None:
    mail_server.refused.add("gone@college.example")
    with pytest.raises(Undelivered):
        mail.carry("gone@college.example", LETTER)
    mail_server.answer = "452 no room"
    with pytest.raises(Undelivered):
        mail.carry("membre@college.example", LETTER)
    for odd in ("a@b.example\r\nBcc: c@d.example", "not an address", "", "a@b.example, c@d.example"):
        with pytest.raises(Undelivered):
            mail.carry(odd, LETTER)
    assert mail_server.mails == []
    assert "Bcc" not in "".join(mail_server.lines)


def test_a_server_that_hangs_up_or_is_not_there_is_unreachable(mail: Mail, mail_server: MailServer) -> None:
    mail_server.cuts = True
    with pytest.raises(Unreachable):
        mail.carry("membre@college.example", LETTER)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Unreachable):
        replace(mail, port=port).carry("membre@college.example", LETTER)
    with pytest.raises(Unreachable):
        replace(mail, host="nowhere.invalid").carry("membre@college.example", LETTER)


def test_a_password_is_said_on_this_machine_and_never_in_clear_elsewhere(mail_server: MailServer) -> None:
    url = f"smtp://ecole:mot%20de%20passe@127.0.0.{{}}:{mail_server.port}"
    here, there = (post_of(settings(smtp=url.format(last), mail_from=FROM)).mail for last in (1, 2))
    assert isinstance(here, Mail)
    assert isinstance(there, Mail)
    assert (here.user, here.password) == ("ecole", "mot de passe")
    assert "mot de passe" not in repr(here) + repr(settings(smtp=url))
    here.carry("membre@college.example", LETTER)
    assert any(line.startswith("AUTH") for line in mail_server.lines)
    mail_server.lines.clear()
    with pytest.raises(Unreachable):
        there.carry("membre@college.example", LETTER)
    assert not any(line.startswith("AUTH") for line in mail_server.lines)


def test_a_server_whose_certificate_nobody_knows_gets_nothing(
    served: Callable[[BaseServer], int], tmp_path: Path
) -> None:
    server = MailServer()
    listening = ThreadingTCPServer(("127.0.0.1", 0), talking(server))
    listening.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "127.0.0.1"))
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    url = f"smtps://127.0.0.1:{served(listening)}"
    mail = post_of(settings(smtp=url, mail_from=FROM)).mail
    assert mail is not None
    with pytest.raises(Unreachable):
        mail.carry("membre@college.example", LETTER)
    assert server.lines == []


def test_a_password_goes_under_tls_to_a_server_that_is_known(
    mail_server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STARTTLS: name and mail come after it, and what comes before says neither."""
    mail_server.certificate = certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_server.certificate))
    mail = post_of(settings(smtp=f"smtp://ecole:secret@127.0.0.2:{mail_server.port}", mail_from=FROM)).mail
    assert mail is not None
    mail.carry("membre@college.example", LETTER)
    assert len(mail_server.mails) == 1
    assert [line.split()[0].upper() for line in mail_server.in_clear] == ["EHLO", "STARTTLS"]
    assert any(line.startswith("AUTH") for line in mail_server.lines)


def test_a_server_that_is_not_known_gets_neither_password_nor_mail_after_starttls(
    mail_server: MailServer, tmp_path: Path
) -> None:
    mail_server.certificate = certificate(tmp_path, "127.0.0.2")
    for who in ("ecole:secret@", ""):
        mail = post_of(settings(smtp=f"smtp://{who}127.0.0.2:{mail_server.port}", mail_from=FROM)).mail
        assert mail is not None
        with pytest.raises(Unreachable):
            mail.carry("membre@college.example", LETTER)
    assert mail_server.mails == []
    assert {line.split()[0].upper() for line in mail_server.lines} == {"EHLO", "STARTTLS"}


@pytest.mark.exhaustive
def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before the lease of a message ends, under which no other worker sends it."""
    assert timedelta(seconds=mail_module.TIMEOUT) * 2 < LEASE
    monkeypatch.setattr(mail_module, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = post_of(settings(smtp=f"smtp://127.0.0.1:{silent.getsockname()[1]}", mail_from=FROM)).mail
        assert mail is not None
        with pytest.raises(Unreachable):
            mail.carry("membre@college.example", LETTER)


# ---- short messages ------------------------------------------------------------------------------------------------


def test_the_hook_gets_whom_and_what(hook: Hook) -> None:
    Sms(hook.url).carry("0600000001", LETTER)
    ((path, headers, body),) = hook.got
    assert path == "/sms?key=s3cret"
    assert body == {"to": "0600000001", "text": LETTER.text}
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Idempotency-Key"] == "abc123"
    assert "s3cret" not in repr(Sms(hook.url)) + repr(settings(sms_hook=hook.url))


@pytest.mark.parametrize(
    ("answer", "error"), [(400, Undelivered), (404, Undelivered), (429, Unreachable), (500, Unreachable)]
)
def test_a_hook_that_says_no(hook: Hook, answer: int, error: type[Exception]) -> None:
    hook.answer = answer
    with pytest.raises(error):
        Sms(hook.url).carry("0600000001", LETTER)


def test_a_hook_that_points_elsewhere_is_not_followed(hook: Hook) -> None:
    hook.answer, hook.points_to = 302, f"{hook.url}&elsewhere"
    with pytest.raises(Unreachable):
        Sms(hook.url).carry("0600000001", LETTER)
    assert len(hook.got) == 1


def test_a_hook_that_is_not_there_is_unreachable(hook: Hook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Unreachable):
        Sms(f"http://127.0.0.1:{port}").carry("0600000001", LETTER)


# ---- settings ------------------------------------------------------------------------------------------------------


def test_nothing_set_is_no_way_out() -> None:
    assert post_of(settings()) == Post(None, None)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"smtp": "smtp.example.org", "mail_from": "a@b.example"}, "SCHOOL_PROTOCOL_SMTP"),
        ({"smtp": "http://u:s3cret@smtp.example.org", "mail_from": "a@b.example"}, "SCHOOL_PROTOCOL_SMTP"),
        ({"smtp": "smtp://u:s3cret@h:port", "mail_from": "a@b.example"}, "SCHOOL_PROTOCOL_SMTP"),
        ({"smtp": "smtp://", "mail_from": "a@b.example"}, "SCHOOL_PROTOCOL_SMTP"),
        ({"smtp": "smtp://smtp.example.org"}, "SCHOOL_PROTOCOL_MAIL_FROM"),
        ({"sms_hook": "file:///etc/passwd"}, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ({"sms_hook": "http://gateway.example/send?s3cret"}, "SCHOOL_PROTOCOL_SMS_HOOK"),
        ({"sms_hook": "/usr/bin/send?s3cret"}, "SCHOOL_PROTOCOL_SMS_HOOK"),
    ],
)
def test_a_setting_that_is_not_understood_is_named_and_not_repeated(values: dict[str, str], name: str) -> None:
    with pytest.raises(MailMisconfigured, match=name) as said:
        post_of(settings(**values))
    assert "s3cret" not in str(said.value)


@pytest.mark.parametrize(("url", "port"), [("smtp://h", 25), ("smtps://h", 465), ("smtp://h:587", 587)])
def test_ports_are_the_usual_ones(url: str, port: int) -> None:
    mail = post_of(settings(smtp=url, mail_from=FROM)).mail
    assert isinstance(mail, Mail)
    assert (mail.port, mail.implicit_tls) == (port, url.startswith("smtps"))
