"""Files as people hand them in, good and bad, and a school whose installation takes files."""

from __future__ import annotations

import socket
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from engine.telling import MOROCCAN, NOW
from PIL import Image, PngImagePlugin
from storage.lying import PLACES, Place, around, settings_for

from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from services.conftest import School

MAKER = "SecretMaker-4711"
"""Stands in the notes of a picture: it must not come out again."""
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCREENSHOT = {
    "kind": "screenshot", "sexual_or_intimate": "no", "platform": "instagram", "handle": "@kif-kif",
    "captured_at": "2026-11-20T18:05:00+01:00", "still_online": "yes", "description": "Un commentaire moqueur.",
}  # fmt: skip


def png(width: int = 60, height: int = 40, **notes: str) -> bytes:
    told = PngImagePlugin.PngInfo()
    for key, value in notes.items():
        told.add_text(key, value)
    made = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(made, "PNG", pnginfo=told)
    return made.getvalue()


def jpeg(width: int = 60, height: int = 40) -> bytes:
    """A photograph that says where, with what and how it was taken."""
    notes = Image.Exif()
    notes[0x010F] = MAKER
    notes.get_ifd(0x8825).update({1: "N", 2: (33.0, 34.0, 2.0), 3: "W", 4: (7.0, 35.0, 1.0)})
    made = BytesIO()
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    picture.save(made, "JPEG", exif=notes, comment=MAKER.encode())
    return made.getvalue()


def pdf(**changes: Any) -> bytes:
    document = pikepdf.new()
    document.add_blank_page(page_size=(200, 200))
    for key, value in changes.items():
        document.Root[f"/{key}"] = value
    made = BytesIO()
    document.save(made)
    return made.getvalue()


def encrypted_pdf() -> bytes:
    document, made = pikepdf.new(), BytesIO()
    document.add_blank_page()
    document.save(made, encryption=pikepdf.Encryption(owner="o", user="u"))
    return made.getvalue()


def pdf_with_a_file() -> bytes:
    document, made = pikepdf.new(), BytesIO()
    document.add_blank_page()
    document.attachments["x.exe"] = b"MZ"
    document.save(made)
    return made.getvalue()


def text() -> bytes:
    return "12/11/2026 20:14 - kif: سلام\n12/11/2026 20:15 - kif: t’es nulle\n".encode()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(picture: bytes, name: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return picture[:33] + chunk(name, data) + picture[33:]


def ten_gigapixels() -> bytes:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    return with_chunk(png(), b"zTXt", b"k\0\0" + zlib.compress(b"a" * 80_000_000, 9))


def zip_file() -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "a")
    return made.getvalue()


# ---- a school ------------------------------------------------------------------------------------------------------


@contextmanager
def filing(folder: Path, moroccan: Protocol, **settings: Any) -> Iterator[School]:
    """A school with a report and one piece, whose installation takes files."""
    ctx = open_context(Settings(data=folder / "var", evidence_files=True, **settings), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[attr-defined]
    found.report()
    try:
        yield found
    finally:
        ctx.close()


def on_disk(school: School) -> list[Path]:
    """Everything that lies in the folder of files."""
    return sorted(path for path in school.ctx.settings.files.rglob("*") if path.is_file())


everywhere = pytest.mark.parametrize("school", PLACES, indirect=True)
"""For a test that is true wherever files lie."""


def files_in(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of where files lie in this test: the folder, unless it is for everywhere."""
    return settings_for(getattr(request, "param", "folder"), lambda: request.getfixturevalue("object_store"))


def there(school: School) -> Place:
    """Where the files of this school lie."""
    return around(school.ctx.blobs, school.ctx.realm)


# ---- a scanner -----------------------------------------------------------------------------------------------------


@contextmanager
def scanner(answer: bytes | None = None, *, path: Path | None = None, most: int = 1 << 30) -> Iterator[str]:
    """A clamd that finds EICAR, or always says `answer`; over `most` it hangs up, as clamd does. Yields its address."""
    server = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
    server.bind(str(path) if path else ("127.0.0.1", 0))
    server.listen(8)
    address = str(path) if path else f"127.0.0.1:{server.getsockname()[1]}"
    thread = threading.Thread(target=_scan, args=(server, answer, most), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def _scan(server: socket.socket, answer: bytes | None, most: int) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                _answer(connection, answer, most)
            except OSError:
                continue


def _answer(connection: socket.socket, answer: bytes | None, most: int) -> None:
    stream = connection.makefile("rb")
    assert stream.read(10) == b"zINSTREAM\0"
    data = b""
    while size := struct.unpack(">I", stream.read(4))[0]:
        data += stream.read(size)
        if len(data) > most:
            return
    found = b"stream: Eicar-Signature FOUND\0" if EICAR in data else b"stream: OK\0"
    connection.sendall(found if answer is None else answer)
