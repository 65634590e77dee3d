"""Where a signature lies in a file, and that it covers all the rest: two ranges, and the hole between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pikepdf import Array, Dictionary, Name, String
from pikepdf.models.metadata import decode_pdf_date

from school_protocol.documents.sealing import container

PADES = "/ETSI.CAdES.detached"

_FIGURES = rb"\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]"
_RANGES = re.compile(rb"/ByteRange\s*" + _FIGURES)


@dataclass(frozen=True, slots=True)
class Placed:
    """A signature as its dictionary tells it. `contents`: None where the file could not be parsed."""

    ranges: tuple[int, int, int, int]
    contents: bytes | None
    signed_at: datetime | None = None
    is_pades: bool = True


class Misplaced(Exception):
    """What should be a signature's dictionary is none."""


def placed(signature: Dictionary) -> Placed:
    """A signature that a field holds. Raises Misplaced."""
    ranges, contents = signature.get(Name.ByteRange), signature.get(Name.Contents)
    if not isinstance(ranges, Array) or not isinstance(contents, String):
        raise Misplaced
    figures = re.fullmatch(_FIGURES, ranges.unparse())
    if figures is None:
        raise Misplaced
    first, length, second, rest = (int(figure) for figure in figures.groups())
    return Placed(
        (first, length, second, rest),
        bytes(contents),
        _moment(signature.get(Name.M)),
        str(signature.get(Name.SubFilter)) == PADES,
    )


def _moment(told: object) -> datetime | None:
    """When the signer says that it was; None if it says nothing that can be read."""
    try:
        moment = decode_pdf_date(str(told)) if isinstance(told, String) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None


def in_raw(data: bytes) -> Iterator[Placed]:
    """Signatures of a file that cannot be parsed any more: enough to say that it was altered, never that it was not."""
    for found in _RANGES.finditer(data):
        first, length, second, rest = (int(figure) for figure in found.groups())
        yield Placed((first, length, second, rest), None)


@dataclass(frozen=True, slots=True)
class Taken:
    """A signature taken out of its file: its container (DER), and the bytes that its ranges name."""

    der: bytes
    signed: bytes
    is_whole: bool
    """Whether the two ranges begin the file and leave out the container alone."""
    has_more: bool
    """Whether something comes after them."""


def taken(data: bytes, signature: Placed) -> Taken:
    """The container and what it signs. Raises Unfit."""
    first, begins, ends, rest = signature.ranges
    stop, hole = ends + rest, data[begins:ends]
    signed = data[first : first + begins] + data[ends:stop]
    is_hole = first == 0 < begins < ends < stop <= len(data) and hole[:1] == b"<" and hole[-1:] == b">"
    if not is_hole:
        return Taken(container.der_of((signature.contents or b"").hex().encode()), signed, False, False)
    der = container.der_of(hole[1:-1])
    is_own = signature.contents in (None, bytes.fromhex(hole[1:-1].decode("ascii")))
    return Taken(der, signed, is_own, stop < len(data))


def earliest(signatures: Iterable[Placed]) -> Placed | None:
    """The one that was there first: what came after it was added."""
    return min(signatures, key=lambda one: one.ranges[2] + one.ranges[3], default=None)
