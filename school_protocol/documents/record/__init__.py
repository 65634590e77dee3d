"""The machine-readable record of a case file: everything that its pages show, for programs and for verification."""

from school_protocol.documents.record.codec import RecordFault, Versions
from school_protocol.documents.record.whole import (
    FORMAT,
    LAYOUT,
    Sources,
    bare_record_of,
    bare_schema,
    decoded,
    encoded,
    record_of,
    sources_of,
    view_of,
    whole_schema,
)

__all__ = [
    "FORMAT", "LAYOUT", "RecordFault", "Sources", "Versions", "bare_record_of", "bare_schema",
    "decoded", "encoded", "record_of",
    "sources_of", "view_of", "whole_schema",
]  # fmt: skip
