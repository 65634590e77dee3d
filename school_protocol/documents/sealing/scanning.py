"""What a PDF from anybody contains: active content, files, signatures. Nothing of it is run, little is unpacked."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from school_protocol.documents.sealing.attaching import Attached, dictionaries, files_of
from school_protocol.documents.sealing.verdicts import Code

_FLATE_MOST, _ITEMS_MOST, _FILTERS_MOST = 64 * 1024 * 1024, 1_000_000, 3

_ACTIONS = {
    "/JavaScript": Code.JAVASCRIPT,
    "/Launch": Code.LAUNCH,
    **dict.fromkeys(
        ("/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute"),
        Code.ACTIVE,
    ),
}
"""Kinds of action (`/S`) → what they are told as."""

_KEYS = {"/JS": Code.JAVASCRIPT, "/JavaScript": Code.JAVASCRIPT, "/XFA": Code.ACTIVE, "/AA": Code.ACTIVE}

_PLAYERS = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"})
"""Annotations (`/Subtype`) that play something."""

_NAMES = "|".join(re.escape(name[1:]) for name in (*_ACTIONS, *_KEYS, *_PLAYERS, "/EF", "/RF", "/Sig", "/ByteRange"))
_WORTH = re.compile(rf"/(?:{_NAMES})(?![A-Za-z0-9])".encode())
"""Objects that are worth a walk: words of a text may look the same."""

_LZW = re.compile(("/" + "".join(f"(?:{letter}|#(?i:{ord(letter):x}))" for letter in "LZWDecode")).encode())
"""A packing that PDF/A forbids, and that no limit holds; its name may be written in figures."""

_STREAMS_MOST = 32
_STREAM = re.compile(rb"stream\r?\n")


class TooExpanded(Exception):
    """The file unpacks to more than it may."""


@dataclass(slots=True)
class Found:
    """What was seen. `held` signatures are those that a field holds; `loose` ones lie in the file all the same."""

    active: set[Code] = field(default_factory=set)
    files: list[Attached] = field(default_factory=list)
    held: list[Dictionary] = field(default_factory=list)
    loose: int = 0
    is_whole: bool = True
    """False: some part could not be read."""


@lru_cache(maxsize=1)
def limited() -> None:
    """Bound what a file may unpack to. The limits hold for the whole process, for whoever reads a PDF in it."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=_FLATE_MOST,
        run_length_max_memory=_FLATE_MOST,
        png_max_memory=_FLATE_MOST,
        tiff_max_memory=_FLATE_MOST,
        parser_max_container_size=_ITEMS_MOST,
        max_stream_filters=_FILTERS_MOST,
    )


def scanned(document: Pdf, data: bytes) -> Found:
    """Every object of the document, reachable or not. Raises TooExpanded, and what damage makes pikepdf raise."""
    if _LZW.search(data):
        raise TooExpanded
    found, signatures, held = Found(), set[tuple[int, int]](), dict[tuple[int, int], Dictionary]()
    for part in document.objects:
        for inner in _worth(part):
            found.active |= set(_active(inner))
            found.files += files_of(inner)
            if Name.ByteRange in inner:
                signatures.add(inner.objgen)
            value = inner.get(Name.V)
            if inner.get(Name.FT) == Name.Sig and isinstance(value, Dictionary):
                held[value.objgen] = value
    found.held, found.loose = list(held.values()), len(signatures - held.keys())
    warnings = " ".join(str(one) for one in document.get_warnings())
    if "limit exceeded" in warnings:
        raise TooExpanded
    found.is_whole = not warnings
    return found


def expands(data: bytes) -> bool:
    """Whether a file that could not be opened holds a stream, or streams in all, of more than may be unpacked."""
    total = 0
    for found in islice(_STREAM.finditer(data), _STREAMS_MOST):
        try:
            size = len(zlib.decompressobj().decompress(memoryview(data)[found.end() :], _FLATE_MOST + 1))
        except zlib.error:
            continue
        total += size
        if size > _FLATE_MOST or total > 4 * _FLATE_MOST:
            return True
    return False


def _worth(part: Any) -> Iterator[Any]:
    if isinstance(part, Stream):
        part = part.stream_dict
    if isinstance(part, Dictionary | Array) and _WORTH.search(part.unparse(resolved=True)):
        yield from dictionaries(part)


def _active(inner: Any) -> Iterator[Code]:
    yield from (_KEYS[key] for key in inner if key in _KEYS)
    kind = inner.get(Name.S)
    if isinstance(kind, Name) and str(kind) in _ACTIONS:
        yield _ACTIONS[str(kind)]
    subtype = inner.get(Name.Subtype)
    if isinstance(subtype, Name) and str(subtype) in _PLAYERS:
        yield Code.ACTIVE
    if Name.EF in inner and Name.RF in inner:
        yield Code.FOREIGN_FILE
