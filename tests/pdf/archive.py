"""What the validators say of a PDF, less what they are known to say of any of ours: each exception by its name."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pikepdf

LEVEL_A = ("violation", "pdfaid:conformance is 'A', expected 'B'")
"""The validator knows level b alone."""
EMPTY = {("unsupported", "patterns are not supported"), ("unsupported", "shadings are not supported")}
"""WeasyPrint's resources have these two dictionaries with nothing in them."""
CANNOT_LOOK = {
    "UA-14-001: rule raised ValueError: pikepdf.Object is not a Dictionary or Stream: "
    "cannot get key '/is_integer' on object of type array"
}
"""pdfua 0.1.3 looks for empty headings, and stops at the first element of several kids: tags.headings does it."""
_CLAIM = re.compile(rb'<rdf:Description rdf:about="" xmlns:pdfuaid=.*?</rdf:Description>\s*', re.DOTALL)
_SCHEMA = re.compile(rb'<rdf:Description rdf:about="" xmlns:pdfaExtension=.*?</rdf:Description>\s*', re.DOTALL)


def without_claim(data: bytes) -> bytes:
    """The same file without its claim to PDF/UA, which the PDF/A validator cannot read."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        packet, claims = _CLAIM.subn(b"", pdf.Root.Metadata.read_bytes())
        packet, schemas = _SCHEMA.subn(b"", packet)
        assert claims == schemas
        pdf.Root.Metadata.write(packet)
        twin = io.BytesIO()
        pdf.save(twin)
    return twin.getvalue()


def not_archival(data: bytes, folder: Path) -> set[tuple[str, str]]:
    """Kind and message of each finding but the known ones; a known one that is not there is a finding too."""
    import pikepdf.pdfa  # takes seconds to load, as does pdfua, and few tests need them

    target = folder / "twin.pdf"
    target.write_bytes(without_claim(data))
    found = {(one.kind, one.message) for one in pikepdf.pdfa.validate_written(target, "3b").findings}
    return (found - EMPTY) ^ {LEVEL_A}


def not_accessible(data: bytes, folder: Path) -> set[str]:
    """Rule and message of each finding, and of each rule that could not be looked at."""
    import pdfua

    target = folder / "whole.pdf"
    target.write_bytes(data)
    report = pdfua.validate(str(target))
    skipped = {f"{one.rule_id}: {one.skipped_reason}" for one in report.outcomes if one.skipped_reason}
    return (skipped - CANNOT_LOOK) | {f"{one.rule_id}: {one.message}" for one in report.findings}


def not_sound(data: bytes) -> list[str]:
    """What qpdf finds wrong with the file itself."""
    try:
        with pikepdf.open(io.BytesIO(data), attempt_recovery=False) as pdf:
            return [*pdf.check_pdf_syntax(), *pdf.get_warnings()]
    except pikepdf.PdfError as broken:
        return [str(broken)]
