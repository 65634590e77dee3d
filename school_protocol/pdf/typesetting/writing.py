"""A PDF is written down once: WeasyPrint turns each of its objects into bytes, and deflates them, twice."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

from school_protocol.pdf.typesetting import Swap

_LEVEL = 6
"""Of deflating: nine takes twice as long for one hundredth less."""


def swaps() -> list[Swap]:
    """What writes streams and whole files."""
    from weasyprint.pdf import pydyf

    stock, dictionary, to_bytes = pydyf.PDF.write, pydyf.Dictionary, pydyf._to_bytes

    class Written(pydyf.Object):  # type: ignore[misc]
        """An object of a PDF that has its bytes."""

        data = b""

        def __init__(self, one: Any) -> None:
            self.number, self.offset, self.generation, self.free = one.number, one.offset, one.generation, one.free
            self.compressible = one.compressible
            self.data = one.data if one.free != "f" else b""

        compressible = False

    def data(stream: Any) -> bytes:
        known: bytes | None = stream.__dict__.get("known")
        if known is not None:
            return known
        content = b"\n".join([item if type(item) is bytes else to_bytes(item) for item in stream.stream])
        extra = dictionary(stream.extra.copy())
        if stream.compress:
            extra["Filter"] = "/FlateDecode"
            content = _profile(content) if "N" in extra and "Type" not in extra else zlib.compress(content, _LEVEL)
        extra["Length"] = len(content)
        written = b"\n".join((extra.data, b"stream", content, b"endstream"))
        if extra.get("Type") in ("/ObjStm", "/XRef"):
            stream.known = written
        return written

    def write(pdf: Any, output: Any, version: Any = b"1.7", identifier: Any = False, compress: bool = False) -> None:
        pdf.objects = [Written(one) for one in pdf.objects]
        stock(pdf, output, version, identifier, compress)

    return [Swap(pydyf.Stream, "data", property(data)), Swap(pydyf.PDF, "write", write)]


@lru_cache(maxsize=2)
def _profile(content: bytes) -> bytes:
    """The profile of its colours, which is in every file."""
    return zlib.compress(content, _LEVEL)
