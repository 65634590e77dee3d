"""The signature: still PDF/A-3, nothing of the document touched, timestamped if asked; other tools agree."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import cms, tsp, x509
from cryptography.hazmat.primitives.serialization import Encoding
from programs import needs
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from school_protocol.pdf import pades, signature_check
from school_protocol.pdf.assemble import assembled
from school_protocol.pdf.signing import MOST, TimestampAuthority, over_http, sign
from school_protocol.pdf.signing_keys import SigningKey, Validity
from school_protocol.pdf.verdicts import NotSealable, TimestampRefused

from . import sealed
from .sealed import (
    ACADEMY,
    COPY,
    DAY,
    NOW,
    RECORD_BYTES,
    ROOT,
    YEAR,
    academy,
    academy_rsa,
    clock,
    clockmaker,
    codes,
    drawn,
    findings_of_pdfa,
    hole,
    issue,
    issued,
    issued_with_timestamp,
    opened,
    prepared,
    root,
    timestamps,
    verdict,
)
from .test_sealing_stamping import tree

ALLOWED = {
    ("violation", "pdfaid:conformance is 'A', expected 'B'"),
    ("unsupported", "patterns are not supported"),
    ("unsupported", "shadings are not supported"),
    ("unsupported", "interactive forms (/AcroForm) are not supported"),
    ("unsupported", "permissions (/Perms) are not supported"),
    ("unsupported", "embedded files are not supported"),
}
"""What the validator, which knows level b alone, says of a signed 3a file: named one by one, nothing else."""

SIGNED: dict[str, Callable[[], bytes]] = {
    "P-256": issued,
    "RSA": lambda: issue(academy_rsa()),
    "P-256, timestamp": issued_with_timestamp,
    "RSA, timestamp": lambda: issue(academy_rsa(), timestamps()),
}


@pytest.fixture(params=SIGNED)
def signed(request: pytest.FixtureRequest) -> bytes:
    return SIGNED[request.param]()


# ---- still an archive ----------------------------------------------------------------------------------------------


def test_a_signed_file_stays_an_archive(signed: bytes, tmp_path: Path) -> None:
    found = findings_of_pdfa(signed, tmp_path)
    assert found <= ALLOWED
    assert ("violation", "pdfaid:conformance is 'A', expected 'B'") in found


def test_signed_as_pyhanko_would_it_were_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pades._Certifier, "register_extensions")
    data = sign(assembled(prepared(), drawn(), COPY), academy(), NOW)
    assert findings_of_pdfa(data, tmp_path) - ALLOWED == {("violation", "'/2.0' does not match '^/1\\\\.[0-7]$'")}


def test_nothing_of_the_document_is_touched(signed: bytes) -> None:
    before = assembled(prepared(), drawn(), COPY)
    assert signed.startswith(before)
    with opened(before) as was, opened(signed) as now:
        assert now.Root.Metadata.read_bytes() == was.Root.Metadata.read_bytes()
        assert dict(now.docinfo) == dict(was.docinfo)
        assert tree(now.Root.StructTreeRoot) == tree(was.Root.StructTreeRoot)
        assert now.attachments["record.json"].get_file().read_bytes() == RECORD_BYTES
        assert str(now.Root.Lang) == str(was.Root.Lang)
        assert "/Version" not in now.Root


def test_the_metadata_would_change_if_pyhanko_saw_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pades._Writer, "_update_meta")
    with opened(prepared()) as was, opened(sign(prepared(), academy(), NOW)) as now:
        assert now.Root.Metadata.read_bytes() != was.Root.Metadata.read_bytes()


def test_the_field_is_invisible_certifies_and_allows_nothing(signed: bytes) -> None:
    with opened(signed) as document:
        [signature_field] = document.Root.AcroForm.Fields
        assert str(signature_field.FT) == "/Sig"
        assert str(signature_field.TU) == "Signature"
        left, bottom, right, top = (float(side) for side in signature_field.Rect)
        assert (right - left, top - bottom) == (0, 0)
        assert right < 0
        assert int(signature_field.F) & 0b100110 == 0b100, "printed, neither hidden nor invisible"
        assert "/AP" not in signature_field
        value = signature_field.V
        assert str(value.SubFilter) == "/ETSI.CAdES.detached"
        assert str(value.M).startswith("D:20261125094100")
        assert document.Root.Perms.DocMDP.objgen == value.objgen
        assert int(value.Reference[0].TransformParams.P) == 1
        assert str(document.pages[0].obj.Tabs) == "/S"


@pytest.mark.exhaustive
def test_the_readers_word_for_the_field_may_be_given() -> None:
    told = assembled(prepared("ar"), drawn("ar"), COPY, "نسخة")
    with opened(sign(told, academy(), NOW, label="توقيع")) as document:
        assert str(document.Root.AcroForm.Fields[0].TU) == "توقيع"
        assert document.attachments["copy.json"].description == "نسخة"


def test_an_outside_reader_finds_the_file_whole(signed: bytes, tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed)
    with pikepdf.open(tmp_path / "signed.pdf", attempt_recovery=False) as document:
        assert document.check_pdf_syntax() == []


# ---- others agree --------------------------------------------------------------------------------------------------


def test_pyhanko_s_own_check_agrees(signed: bytes) -> None:
    [embedded] = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    roots = [x509.Certificate.load(one.certificate.public_bytes(Encoding.DER)) for one in (root(), clockmaker())]
    context = ValidationContext(trust_roots=roots, moment=NOW)
    status = asyncio.run(async_validate_pdf_signature(embedded, context))
    assert status.bottom_line
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.docmdp_ok
    assert (status.timestamp_validity is not None) == (verdict(signed).stamped_at is not None)


def pdfsig(data: bytes, folder: Path) -> str:
    (folder / "file.pdf").write_bytes(data)
    return subprocess.run(["pdfsig", "file.pdf"], cwd=folder, capture_output=True, text=True, check=False).stdout


@needs("pdfsig")
def test_pdfsig_agrees(signed: bytes, tmp_path: Path) -> None:
    said = pdfsig(signed, tmp_path)
    assert "Signature Validation: Signature is Valid." in said
    assert "Total document signed" in said
    assert f"Signer Certificate Common Name: {ACADEMY}" in said
    assert "Signature Type: ETSI.CAdES.detached" in said
    assert said.count("Signature #") == 1


@needs("pdfsig")
def test_pdfsig_sees_what_we_see(tmp_path: Path) -> None:
    flipped = bytearray(issued())
    flipped[len(prepared()) // 3] ^= 1
    assert "Signature is Valid" not in pdfsig(bytes(flipped), tmp_path)
    assert "Total document signed" not in pdfsig(issued() + b"\n% more\n", tmp_path)


# ---- what cannot be signed -----------------------------------------------------------------------------------------


def encrypted() -> bytes:
    target = io.BytesIO()
    with opened(prepared()) as document:
        document.save(target, encryption=pikepdf.Encryption(owner="owner", user=""))
    return target.getvalue()


@pytest.mark.parametrize("what", ["nothing", "no PDF", "half a PDF", "signed already", "encrypted"])
def test_what_cannot_be_signed_is_refused(what: str) -> None:
    documents = {
        "nothing": b"",
        "no PDF": b"PK\x03\x04",
        "half a PDF": prepared()[:30_000],
        "signed already": issued(),
        "encrypted": encrypted(),
    }
    with pytest.raises(NotSealable):
        sign(documents[what], academy(), NOW)


@pytest.mark.exhaustive
def test_two_signatures_of_one_document_differ_and_hold() -> None:
    first, second = (sign(assembled(prepared(), drawn(), COPY), academy(), NOW) for _ in range(2))
    assert first != second
    assert verdict(first).is_sound
    assert verdict(second).is_sound


def test_the_key_is_opened_once_whatever_it_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers.SimpleSigner, "sign_raw", lambda *_: pytest.fail("pyHanko opens the key anew"))
    assert verdict(sign(assembled(prepared(), drawn(), COPY), academy_rsa(), NOW)).is_sound


def test_a_loop_that_is_running_does_no_harm() -> None:
    async def within() -> bytes:
        return issue(academy(), timestamps())

    async def check(data: bytes) -> bool:
        return verdict(data).is_sound

    assert asyncio.run(check(asyncio.run(within())))


def test_importing_the_fronts_loads_no_heavy_library() -> None:
    fronts = "assemble, verification, presenters, signing_keys, signing, verdicts"
    script = (
        f"import sys; from school_protocol.pdf import {fronts}; "
        "sys.exit(any(name in sys.modules for name in ('pikepdf', 'pyhanko', 'weasyprint', 'asn1crypto')))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
    heavy = script.replace(fronts, "pades, examination")
    assert subprocess.run([sys.executable, "-c", heavy], cwd=ROOT, check=False).returncode == 1


# ---- timestamps ----------------------------------------------------------------------------------------------------


def token_in(data: bytes) -> cms.SignedData:
    begins, ends = hole(data)
    token = signature_check.token_of(signature_check.signed_data(signature_check.der_of(data[begins:ends])))
    assert token is not None
    return token


@pytest.mark.exhaustive
def test_the_timestamp_is_the_authority_s_own() -> None:
    at = NOW + timedelta(minutes=1)
    found = verdict(issue(academy(), timestamps(at)))
    assert found.is_sound
    assert (found.signed_at, found.stamped_at) == (NOW, at)
    assert verdict(issued()).stamped_at is None


def test_a_timestamp_brings_nothing_along_that_nobody_needs() -> None:
    strangers = (academy(), academy_rsa())
    data = issue(academy(), timestamps(extra=strangers))
    assert verdict(data).is_sound
    assert len(token_in(data)["certificates"]) == 1
    assert token_in(data)["signer_infos"][0]["signature_algorithm"]["algorithm"].native == "sha256_rsa"


class Answers(BaseHTTPRequestHandler):
    """A timestamp authority on this machine; what it is asked for at /long is too long, at /none it is not there.

    /moved points elsewhere.
    """

    elsewhere = 0

    def do_GET(self) -> None:
        Answers.elsewhere += 1
        self.send_error(404)

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/none":
            self.send_error(503)
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        answer = bytes(MOST + 1) if self.path == "/long" else timestamps().ask(request)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        return None


@pytest.fixture
def served() -> object:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.exhaustive
def test_it_is_asked_for_over_http(served: str) -> None:
    authority = TimestampAuthority(over_http(f"{served}/"), (clockmaker().pem,))
    assert verdict(issue(academy(), authority)).stamped_at == NOW


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", ["/long", "/none"])
def test_an_answer_over_http_that_is_none_is_refused(served: str, path: str) -> None:
    with pytest.raises(TimestampRefused):
        issue(academy(), TimestampAuthority(over_http(served + path), (clockmaker().pem,)))


def test_an_authority_that_points_elsewhere_is_not_followed(served: str) -> None:
    Answers.elsewhere = 0
    with pytest.raises(OSError, match="302"):
        over_http(f"{served}/moved")(b"a request")
    assert Answers.elsewhere == 0


def test_no_other_address_is_asked() -> None:
    for address in ("file:///etc/passwd", "ftp://127.0.0.1/", "/etc/passwd"):
        with pytest.raises(ValueError, match="address"):
            over_http(address)


def silent(_request: bytes) -> bytes:
    raise TimeoutError("no answer")


def refusing(_request: bytes) -> bytes:
    status = tsp.PKIStatusInfo({"status": "rejection", "status_string": ["no"]})
    answer: bytes = tsp.TimeStampResp({"status": status}).dump()
    return answer


def for_another(request: bytes) -> bytes:
    asked = tsp.TimeStampReq.load(request)
    asked["message_imprint"]["hashed_message"] = bytes(32)
    return timestamps().ask(asked.dump(force=True))


def to_another_question(request: bytes) -> bytes:
    asked = tsp.TimeStampReq.load(request)
    asked["nonce"] = 7
    return timestamps().ask(asked.dump(force=True))


def changed(request: bytes) -> bytes:
    answer = bytearray(timestamps().ask(request))
    answer[-1] ^= 1
    return bytes(answer)


@pytest.mark.parametrize(
    "ask", [silent, refusing, for_another, to_another_question, changed, lambda _: b"", lambda _: b"anything at all"]
)
def test_without_a_timestamp_that_holds_nothing_is_issued(ask: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TimestampRefused):
        issue(academy(), TimestampAuthority(ask, (clockmaker().pem,)))


def test_a_timestamp_of_somebody_unknown_is_refused() -> None:
    with pytest.raises(TimestampRefused):
        issue(academy(), replace(timestamps(), roots=(root().pem,)))


@pytest.mark.exhaustive
def test_a_timestamp_by_a_key_for_other_things_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = clockmaker().issue("No clock", Validity(NOW - DAY, NOW + YEAR), key=clock().key)
    monkeypatch.setattr(sealed, "clock", lambda: wrong)
    with pytest.raises(TimestampRefused):
        issue(academy(), timestamps())


@pytest.mark.exhaustive
def test_nothing_is_asked_twice() -> None:
    asked = []

    def ask(request: bytes) -> bytes:
        asked.append(request)
        return timestamps().ask(request)

    issue(academy(), TimestampAuthority(ask, (clockmaker().pem,)))
    assert len(asked) == 1


@pytest.mark.exhaustive
def test_a_file_may_be_signed_with_a_chain() -> None:
    from .test_sealing_keys import between

    middle, key = between()
    data = issue(key)
    assert verdict(data).is_sound
    assert middle.public_bytes(Encoding.DER).hex().upper().encode() in data
    assert codes(issue(SigningKey(key.key, key.certificate))) == {"unknown_authority"}
