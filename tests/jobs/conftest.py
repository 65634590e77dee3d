"""A mail server and a web hook on the loopback, and an installation whose settings point there."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine.telling import MOROCCAN, NOW
from services.conftest import School

from school_protocol.cases.story_player import throwaway
from school_protocol.engine.definition import Protocol


@dataclass
class MailServer:
    """Speaks as much SMTP as a mail needs. `refused` are addresses that it doesn't know; `cuts` hangs up at the end.

    `certificate`: what it offers STARTTLS with; `in_clear`: the lines that came before that. `hangs`: no mail is
    answered before it is set.
    """

    port: int = 0
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: str = "250 kept"
    cuts: bool = False
    certificate: Path | None = None
    in_clear: list[str] = field(default_factory=list)
    hangs: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


def talking(server: MailServer) -> type[socketserver.StreamRequestHandler]:
    class Talk(socketserver.StreamRequestHandler):
        timeout = 20

        def handle(self) -> None:
            self.say("220 ready")
            sender, receivers = "", []
            while line := self.rfile.readline().decode().rstrip("\r\n"):
                server.lines.append(line)
                is_sealed = isinstance(self.connection, ssl.SSLSocket)
                server.in_clear += [] if is_sealed else [line]
                verb, _, rest = line.partition(" ")
                match verb.upper():
                    case "EHLO":
                        offered = "250-STARTTLS\r\n" if server.certificate and not is_sealed else ""
                        self.say(f"250-loopback\r\n{offered}250 AUTH PLAIN")
                    case "STARTTLS" if server.certificate:
                        self.say("220 go on")
                        if not self.sealed(server.certificate):
                            return
                    case "MAIL":
                        sender, receivers = rest, []
                        self.say("250 ok")
                    case "RCPT":
                        to = rest[rest.index("<") + 1 : rest.index(">")]
                        receivers += [] if to in server.refused else [to]
                        self.say("550 nobody of that name" if to in server.refused else "250 ok")
                    case "DATA":
                        self.say("354 go on")
                        data = self.data()
                        if server.cuts:
                            return
                        if server.answer.startswith("2"):
                            mail = message_from_bytes(data, policy=policy.default)
                            assert isinstance(mail, EmailMessage)
                            server.mails.append((sender, receivers, mail))
                        if server.hangs is not None:
                            server.hangs.wait(60)
                        self.say(server.answer)
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case "AUTH":
                        self.say("235 ok")
                    case _:
                        self.say("250 ok")

        def sealed(self, certificate: Path) -> bool:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            try:
                self.connection = context.wrap_socket(self.connection, server_side=True)
            except (ssl.SSLError, OSError):
                return False
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            return True

        def data(self) -> bytes:
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            return b"".join(lines)

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    return Talk


@dataclass
class Hook:
    """A web hook: what it got, and what it answers."""

    url: str = ""
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answer: int = 204
    points_to: str = ""


def answering(hook: Hook) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((self.path, dict(self.headers), json.loads(body)))
            self.answer()

        def do_GET(self) -> None:
            hook.got.append((f"GET {self.path}", dict(self.headers), None))
            self.answer()

        def answer(self) -> None:
            self.send_response(hook.answer)
            if hook.points_to:
                self.send_header("Location", hook.points_to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            return

    return Answer


@pytest.fixture
def served() -> Iterator[Callable[[socketserver.BaseServer], int]]:
    """Runs a server until the test ends; answers with its port."""
    with ExitStack() as until:

        def run(server: socketserver.BaseServer) -> int:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            until.callback(server.server_close)
            until.callback(server.shutdown)
            return int(server.server_address[1])

        yield run


@pytest.fixture
def mail_server(served: Callable[[socketserver.BaseServer], int]) -> MailServer:
    server = MailServer()
    listening = socketserver.ThreadingTCPServer(("", 0), talking(server))
    listening.daemon_threads = True
    server.port = served(listening)
    return server


@pytest.fixture
def hook(served: Callable[[socketserver.BaseServer], int]) -> Hook:
    found = Hook()
    found.url = f"http://127.0.0.1:{served(ThreadingHTTPServer(('127.0.0.1', 0), answering(found)))}/sms?key=s3cret"
    return found


@pytest.fixture
def school(moroccan: Protocol, mail_server: MailServer, hook: Hook) -> Iterator[School]:
    """A school whose installation sends by the two."""
    with throwaway(moroccan, MOROCCAN.read_bytes(), NOW) as player:
        settings = replace(
            player.ctx.settings, smtp=mail_server.url, mail_from="protocole@college.example", sms_hook=hook.url,
            address="https://desk.example",
        )  # fmt: skip
        player.ctx = replace(player.ctx, settings=settings)
        yield School(player, count(1))
