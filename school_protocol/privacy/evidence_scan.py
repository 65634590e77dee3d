"""Scanning and examining of evidence files: clamd (INSTREAM), the kind by content, pictures and texts made anew.

Of the scanner's answers only a clean bill is one. It is reached over a socket of this machine or TCP.
"""

from __future__ import annotations

import socket
import struct
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from school_protocol.engine.evidence_pieces import PIXELS_MOST, SIDE_MOST, FileRefused, Format, Refusal

if TYPE_CHECKING:
    from PIL import Image

_CHUNK = 64 * 1024
_ANSWER_MOST = 4096
SECONDS = 30.0


class NotScanned(Exception):
    """The scanner could not be asked, or did not say that the file is clean."""


def is_clean(address: str, data: bytes, *, seconds: float = SECONDS) -> bool:
    """Whether the scanner at `address` (a socket's path, or host:port) finds nothing. Raises NotScanned."""
    try:
        with closing(_connected(address, seconds)) as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), _CHUNK):
                part = data[start : start + _CHUNK]
                connection.sendall(struct.pack(">I", len(part)) + part)
            connection.sendall(struct.pack(">I", 0))
            answer = _answer(connection)
    except (OSError, ValueError) as error:
        raise NotScanned(type(error).__name__) from error
    if answer.endswith(b" FOUND"):
        return False
    if answer != b"stream: OK":
        raise NotScanned("no clean answer")
    return True


def _connected(address: str, seconds: float) -> socket.socket:
    host, colon, port = address.rpartition(":")
    if "/" in address or not colon:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        connection.connect(address)
        return connection
    return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < _ANSWER_MOST:
        more = connection.recv(_ANSWER_MOST)
        if not more:
            break
        answer += more
    return answer.rstrip(b"\0\n")


# ---- what a file is, by its content and never by its name ----------------------------------------------------------
# A picture is drawn onto a fresh canvas: nothing beside its points (place, camera, names, tails) comes along. Of a
# PDF nothing is made. It happens in a process of its own, as any of it may be made to break a reader.

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_QUALITY = 90
_OTHERS = (
    (b"GIF8", "GIF"), (b"RIFF", "WEBP, AVI"), (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
    (b"PK\x03\x04", "ZIP, DOCX, APK"), (b"PK\x05\x06", "ZIP"), (b"MZ", "EXE"), (b"\x7fELF", "ELF"), (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"), (b"\x1f\x8b", "GZIP"), (b"%!PS", "PostScript"), (b"\x00\x00\x01\x00", "ICO"),
    (b"\xca\xfe\xba\xbe", "CLASS"), (b"{\\rtf", "RTF"), (b"\xd0\xcf\x11\xe0", "DOC, XLS"),
)  # fmt: skip
"""How other files begin, and what they are called."""
_WITHIN = (
    b"<?php", b"<script", b"<svg", b"<html", b"<!doctype", b"<iframe", b"javascript:", b"%pdf-", b"pk\x05\x06",
    b"#!/bin/", b"<%eval",
)  # fmt: skip
"""What a picture never holds: another kind of file could be read out of it."""
_MARKUP = (
    "<?php",
    "<script",
    "<svg",
    "<html",
    "<!doctype",
    "<iframe",
    "<?xml",
    "<body",
    "<img",
    "<%eval",
    "mime-version:",
)
"""How markup, or a mail with its files, begins: no text, though it is made of letters."""
_LINE_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is, and what was made of it; of a PDF nothing is made."""

    format: Format
    derivative: bytes | None


def examined(data: bytes) -> Examined:
    """What these bytes are, if they may be kept. Raises FileRefused."""
    if not data:
        raise FileRefused(Refusal.empty)
    if data.startswith(_PNG):
        return _picture(data, Format.png)
    if data.startswith(_JPEG):
        return _picture(data, Format.jpeg)
    if data.startswith(b"%PDF-"):
        from school_protocol.pdf.examination import fault_of_pdf  # loads pikepdf and pyHanko, once

        if fault := fault_of_pdf(data):
            raise FileRefused(Refusal(fault))
        return Examined(Format.pdf, None)
    if data[4:8] == b"ftyp":
        raise FileRefused(Refusal.moving, "MP4, HEIC")
    if data.startswith(b"#!"):
        raise FileRefused(Refusal.unknown_format)
    try:
        return _text(data)
    except FileRefused as refused:
        named = next((named for start, named in _OTHERS if data.startswith(start)), "")
        raise FileRefused(refused.code, named) from refused


# ---- pictures --------------------------------------------------------------------------------------------------------


def _picture(data: bytes, kind: Format) -> Examined:
    low = data.lower()
    if any(mark in low for mark in _WITHIN):
        raise FileRefused(Refusal.mixed)
    size = _png_size(data) if kind is Format.png else _jpeg_size(data)
    _check_size(*size)
    return Examined(kind, _drawn_anew(data, kind))


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise FileRefused(Refusal.broken)
    if width * height > PIXELS_MOST or max(width, height) > SIDE_MOST:
        raise FileRefused(Refusal.too_many_pixels)


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height; every chunk is gone through. Raises FileRefused."""
    size, place = (0, 0), len(_PNG)
    while place + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        if name == b"IHDR" and length == 13:
            size = struct.unpack(">II", data[place + 8 : place + 16])
        if name == b"acTL":
            raise FileRefused(Refusal.moving)
        place += 12 + length
        if name == b"IEND":
            _check_tail(data[place:])
            return size
    raise FileRefused(Refusal.broken)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height; every segment is gone through, to the end of the picture. Raises FileRefused."""
    size, place = (0, 0), 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            raise FileRefused(Refusal.broken)
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xD9:
            _check_tail(data[place + 2 :])
            return size
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
            continue
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and place + 9 <= len(data):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            size = (width, height)
        place += 2 + max(length, 2)
        if marker == 0xDA:
            place = _after_scan(data, place)
    if data[place : place + 2] == b"\xff\xd9":
        return size
    raise FileRefused(Refusal.broken)


def _after_scan(data: bytes, place: int) -> int:
    """Where the next segment begins after the points of a scan. Raises FileRefused."""
    while (place := data.find(b"\xff", place)) != -1 and place + 1 < len(data):
        following = data[place + 1]
        if following == 0 or 0xD0 <= following <= 0xD7:
            place += 2
        elif following == 0xFF:
            place += 1
        else:
            return place
    raise FileRefused(Refusal.broken)


def _check_tail(tail: bytes) -> None:
    """What stands after a picture: nothing, another picture as telephones write it, or a telephone's own notes."""
    rest = tail.strip(b"\0\r\n ")
    if not rest or rest.endswith(b"SEFT") or rest.startswith(_JPEG):
        if b"ftyp" in rest:
            raise FileRefused(Refusal.moving)
        if not any(start in rest for start, _named in _OTHERS if len(start) >= 4):
            return
    raise FileRefused(Refusal.moving if b"ftyp" in rest else Refusal.mixed)


def _drawn_anew(data: bytes, kind: Format) -> bytes:
    from PIL import Image, ImageFile, PngImagePlugin

    Image.MAX_IMAGE_PIXELS = PIXELS_MOST
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(BytesIO(data), formats=("PNG", "JPEG")) as found:
                _check_size(*found.size)
                return written_anew(found, kind)
    except FileRefused:
        raise
    except Exception as error:
        raise FileRefused(Refusal.broken) from error


def written_anew(found: Image.Image, kind: Format) -> bytes:
    """The points of a picture, upright, on a fresh canvas and nothing else."""
    from PIL import Image, ImageOps

    found.load()
    upright = ImageOps.exif_transpose(found)
    mode = "RGBA" if kind is Format.png and upright.has_transparency_data else "RGB"
    points = upright.convert(mode)
    canvas = Image.new(mode, points.size)
    canvas.paste(points)
    made = BytesIO()
    if kind is Format.png:
        canvas.save(made, "PNG")
    else:
        canvas.save(made, "JPEG", quality=_QUALITY)
    return made.getvalue()


# ---- text ------------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> Examined:
    text = _decoded(data)
    low = text.lower()
    if any(mark in low for mark in _MARKUP) or "%PDF-" in text:
        raise FileRefused(Refusal.mixed)
    if any(len(line) > _LINE_MOST for line in text.splitlines()):
        raise FileRefused(Refusal.unknown_format)
    return Examined(Format.txt, "".join(_readable(text)).encode())


def _decoded(data: bytes) -> str:
    """Text in UTF-8, or in UTF-16 that says so. Raises FileRefused."""
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(Refusal.unknown_format) from error
    controls = sum(1 for character in text if unicodedata.category(character) == "Cc" and character not in "\t\n\r\f")
    if controls or not text.strip():
        raise FileRefused(Refusal.unknown_format if controls else Refusal.empty)
    return text


def _readable(text: str) -> Iterator[str]:
    """Letters as they are; marks that only turn or hide text are left out, one kind of line end."""
    for character in text.replace("\r\n", "\n").replace("\r", "\n"):
        if unicodedata.category(character) not in ("Cf", "Co", "Cn", "Cs") or character in "\u200c\u200d":
            yield character
