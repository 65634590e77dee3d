"""A real case file with its record inside, an authority that signs it, and a clock that stands still."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pikepdf
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.timestamps import DummyTimeStamper
from weasyprint import HTML, Attachment

from school_protocol.case_files.pages import case_file_html
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.assemble import assembled, overlay
from school_protocol.pdf.signing import TimestampAuthority, sign
from school_protocol.pdf.signing_keys import Authority, SigningKey, Trust, Validity, make_root, read_trust
from school_protocol.pdf.verdicts import RECORD, Copy, Verdict
from school_protocol.pdf.verification import verify
from school_protocol.protocol.reader import read_file

from .made_up import MadeUp, profiles

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = 365 * DAY
AROUND = Validity(NOW - YEAR, NOW + YEAR)
ACADEMY = "AREF Casablanca-Settat"
COPY = Copy(3, "M. Alaoui, AREF", NOW, "b7e1c0d2" * 8, 9)
RECORD_BYTES = json.dumps({"format": "school-protocol/record", "case": "4821 0937 5512-4"}).encode()
DEFINITIONS = {
    "small": ROOT / "tests" / "protocol" / "small.yaml",
    "moroccan": ROOT / "protocol_definitions" / "ma-cyberharassment" / "1.yaml",
}


@lru_cache(maxsize=8)
def prepared(language: str = "fr", protocol: str = "small") -> bytes:
    """The case file of a made-up case, as a job would prepare it: WeasyPrint itself attaches the record."""
    read = read_file(DEFINITIONS[protocol])
    view, wording = MadeUp(read).file(profiles(read)[True]), Wording(language)
    typesetter = rendering._typesetter()
    page = HTML(string=case_file_html(view, wording), base_url=rendering.BASE, url_fetcher=typesetter._fetcher)
    document = page.render(font_config=typesetter._fonts, stylesheets=[typesetter._styles], pdf_variant="pdf/a-3a")
    document.metadata.title, document.metadata.lang = "Dossier", wording.html_language
    document.metadata.created = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    source = io.BytesIO(RECORD_BYTES)
    record = Attachment(file_obj=source, name=RECORD, relationship="Data", created=NOW, modified=NOW)
    written: bytes = document.write_pdf(attachments=[record], pdf_variant="pdf/a-3a", pdf_identifier=b"1" * 32)
    return written


@lru_cache(maxsize=8)
def drawn(language: str = "fr", watermark: str = "") -> bytes:
    return overlay(COPY, Wording(language), watermark)


@lru_cache(maxsize=1)
def root() -> Authority:
    return make_root("Root of the demonstration", Validity(NOW - YEAR, NOW + 10 * YEAR))


@lru_cache(maxsize=1)
def academy() -> SigningKey:
    return root().issue(ACADEMY, AROUND)


@lru_cache(maxsize=1)
def academy_rsa() -> SigningKey:
    return root().issue(ACADEMY, AROUND, key=rsa.generate_private_key(65537, 2048))


def issue(key: SigningKey, authority: TimestampAuthority | None = None, moment: datetime = NOW) -> bytes:
    """The signed copy of the prepared document."""
    return sign(assembled(prepared(), drawn(), COPY), key, moment, authority)


@lru_cache(maxsize=1)
def issued() -> bytes:
    return issue(academy())


@lru_cache(maxsize=1)
def issued_with_timestamp() -> bytes:
    return issue(academy(), timestamps())


# ---- timestamps ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def clockmaker() -> Authority:
    """An authority of its own for timestamps."""
    return make_root("Root of the clocks", Validity(NOW - YEAR, NOW + 20 * YEAR))


@lru_cache(maxsize=1)
def clock() -> SigningKey:
    """pyHanko's own stand-in signs with RSA alone."""
    key = rsa.generate_private_key(65537, 2048)
    return clockmaker().issue("Clock", Validity(NOW - YEAR, NOW + 10 * YEAR), key=key, stamps_time=True)


def stamper(at: datetime = NOW, extra: tuple[SigningKey, ...] = ()) -> DummyTimeStamper:
    """A timestamp authority in memory whose clock stands still; `extra` certificates come along for nothing."""
    holder = clock()
    key = holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return DummyTimeStamper(
        asn1_x509.Certificate.load(holder.certificate.public_bytes(Encoding.DER)),
        asn1_keys.PrivateKeyInfo.load(key),
        certs_to_embed=[asn1_x509.Certificate.load(one.certificate.public_bytes(Encoding.DER)) for one in extra],
        fixed_dt=at,
    )


def timestamps(at: datetime = NOW, extra: tuple[SigningKey, ...] = ()) -> TimestampAuthority:
    def ask(request: bytes) -> bytes:
        answer: bytes = stamper(at, extra).request_tsa_response(tsp.TimeStampReq.load(request)).dump()
        return answer

    return TimestampAuthority(ask, (clockmaker().pem,))


# ---- verifying -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def trust() -> Trust:
    return read_trust([root().pem], [clockmaker().pem])


def verdict(data: bytes, moment: datetime = NOW + DAY, trusting: Trust | None = None) -> Verdict:
    return verify(data, trusting or trust(), moment)


def codes(data: bytes, moment: datetime = NOW + DAY, trusting: Trust | None = None) -> set[str]:
    return {code.value for code in verdict(data, moment, trusting).codes}


# ---- looking -------------------------------------------------------------------------------------------------------


def opened(data: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(data))


def hole(data: bytes) -> tuple[int, int]:
    """Where the signature's figures begin and end, without their brackets."""
    with opened(data) as document:
        ranges = [int(figure) for figure in document.Root.AcroForm.Fields[0].V.ByteRange]
    return ranges[1] + 1, ranges[2] - 1


def saved(document: pikepdf.Pdf) -> bytes:
    target = io.BytesIO()
    document.save(target, deterministic_id=True, fix_metadata_version=False)
    return target.getvalue()


def findings_of_pdfa(data: bytes, folder: Path) -> set[tuple[str, str]]:
    import pikepdf.pdfa

    target = folder / "checked.pdf"
    target.write_bytes(data)
    return {(found.kind, found.message) for found in pikepdf.pdfa.validate_written(target, "3b").findings}
