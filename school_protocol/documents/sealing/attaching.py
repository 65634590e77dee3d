"""Files inside a PDF/A-3: one more beside those that are there, and all of them read, never more than allowed.

A file that unpacks to more than its bound is never unpacked further than that: `bounded` says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pikepdf

from school_protocol.documents.sealing.errors import FileExists
from school_protocol.documents.sealing.stamping import opened, written

JSON = "application/json"


class Unread(Exception):
    """A file inside is damaged, or packed in another way than ours."""


class TooMuch(Unread):
    """A file inside unpacks to more than it may."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file found inside a PDF: its name as readers show it, and its packed stream, still unread."""

    name: str
    stream: pikepdf.Stream

    def read(self, most: int) -> bytes:
        """Its bytes, at most so many. Raises TooMuch, Unread."""
        return bounded(self.stream, most)


def attached(pdf: bytes, name: str, data: bytes, *, description: str, moment: datetime, kind: str = JSON) -> bytes:
    """The document with one more associated file; the same input, the same bytes. Raises NotSealable, FileExists."""
    with opened(pdf) as document:
        attach(document, name, data, description=description, moment=moment, kind=kind)
        return written(document)


def attach(
    document: pikepdf.Pdf, name: str, data: bytes, *, description: str, moment: datetime, kind: str = JSON
) -> None:
    """Add an associated file (`/AFRelationship /Data`) to an open document. Raises FileExists."""
    if name in document.attachments:
        raise FileExists(name)
    stated = f"D:{moment.astimezone(UTC):%Y%m%d%H%M%SZ}"
    document.attachments[name] = pikepdf.AttachedFileSpec(
        document,
        data,
        filename=name,
        description=description,
        mime_type=kind,
        creation_date=stated,
        mod_date=stated,
        relationship=pikepdf.Name.Data,
    )
    added = document.attachments[name].obj
    associated: list[Any] = list(document.Root.get(pikepdf.Name.AF, []))
    # WeasyPrint names each of its files twice there.
    each = {file.objgen: file for file in [*associated, added]}
    document.Root.AF = pikepdf.Array(each.values())


def files_in(document: pikepdf.Pdf) -> Iterator[Attached]:
    """Every file that any part of the document carries, listed or not, in the order of its objects.

    Two names for one stream are two files, and so are two streams under one name.
    """
    for part in document.objects:
        for holder in _holders(part):
            yield from files_of(holder)


def files_of(holder: Any) -> Iterator[Attached]:
    """The files of one dictionary: none, unless it is a file specification."""
    embedded = holder.get(pikepdf.Name.EF)
    entries = embedded.values() if isinstance(embedded, pikepdf.Dictionary) else ()
    streams = {entry.objgen: entry for entry in entries if isinstance(entry, pikepdf.Stream)}
    yield from (Attached(_name(holder), stream) for stream in streams.values())


def _holders(part: Any) -> Iterator[Any]:
    """File specifications within one object: most objects have none, and are not walked."""
    if isinstance(part, pikepdf.Stream):
        part = part.stream_dict
    if isinstance(part, pikepdf.Dictionary | pikepdf.Array) and b"/EF" in part.unparse(resolved=True):
        yield from (inner for inner in dictionaries(part) if pikepdf.Name.EF in inner)


def dictionaries(part: Any) -> Iterator[Any]:
    """Every dictionary within one object, itself among them; other objects that it points at are left aside."""
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if isinstance(here, pikepdf.Dictionary):
            yield here
        inside = list(here.values()) if isinstance(here, pikepdf.Dictionary) else list(here)
        waiting += [
            one for one in inside if isinstance(one, pikepdf.Dictionary | pikepdf.Array) and not one.is_indirect
        ]


def _name(holder: Any) -> str:
    return str(holder.get(pikepdf.Name.UF, holder.get(pikepdf.Name.F, "")))


def bounded(stream: pikepdf.Stream, most: int) -> bytes:
    """The stream's bytes, at most so many; packed by Flate or not at all. Raises TooMuch, Unread."""
    packing = stream.get(pikepdf.Name.Filter)
    if isinstance(packing, pikepdf.Array) and len(packing) == 1:
        packing = packing[0]
    raw = stream.read_raw_bytes()
    if packing is None:
        data = raw
    elif packing == pikepdf.Name.FlateDecode and pikepdf.Name.DecodeParms not in stream:
        data = _inflated(raw, most)
    else:
        raise Unread("packed in another way")
    if len(data) > most:
        raise TooMuch(f"more than {most} bytes")
    return data


def _inflated(raw: bytes, most: int) -> bytes:
    """One byte more than allowed, if there are so many."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(raw, most + 1)
    except zlib.error as problem:
        raise Unread(str(problem)) from None
    if not unpacking.eof and len(data) <= most:
        raise Unread("cut off")
    return data
