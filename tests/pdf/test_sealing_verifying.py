"""What a verification tells apart: each finding on a file made for it, none of them on the file as it was issued."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, String
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.attributes import SignedAttributeProviderSpec
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

from school_protocol.pdf import pades, verification
from school_protocol.pdf.assemble import assembled
from school_protocol.pdf.signing import sign
from school_protocol.pdf.signing_keys import Authority, SigningKey, Trust, Validity, make_root, read_trust
from school_protocol.pdf.verdicts import COPY as COPY_NAME
from school_protocol.pdf.verdicts import COPY_MOST, RECORD, WARNINGS, Code, Finding, TrustUnreadable, Verdict
from school_protocol.pdf.verification import verify

from .sealed import (
    ACADEMY,
    AROUND,
    COPY,
    DAY,
    NOW,
    RECORD_BYTES,
    ROOT,
    YEAR,
    academy,
    clockmaker,
    codes,
    drawn,
    hole,
    issue,
    issued,
    issued_with_timestamp,
    opened,
    prepared,
    root,
    saved,
    timestamps,
    trust,
    verdict,
)
from .test_sealing_keys import between

Change = Callable[[pikepdf.Pdf], None]


def signed_with(change: Change) -> bytes:
    """A copy that was changed before the academy signed it: nothing but the change is to be told."""
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        change(document)
        target = io.BytesIO()
        as_it_is = pikepdf.StreamDecodeLevel.none
        document.save(target, deterministic_id=True, compress_streams=False, stream_decode_level=as_it_is)
        return sign(target.getvalue(), academy(), NOW)


def signed_at(moment: datetime, key: SigningKey | None = None) -> bytes:
    """Signed by a key that nobody checked first."""
    return pades.signed(assembled(prepared(), drawn(), COPY), key or academy(), moment, None, field="S", label="S")


# ---- the file as it was issued -------------------------------------------------------------------------------------


def test_the_file_as_it_was_issued_is_sound() -> None:
    found = verdict(issued())
    assert found.findings == ()
    assert found.is_sound
    assert found.signer is not None
    assert (found.signer.name, found.signer.issuer) == (ACADEMY, "Root of the demonstration")
    assert found.signer.fingerprint == academy().certificate.fingerprint(hashes.SHA256()).hex()
    assert int(found.signer.serial, 16) == academy().certificate.serial_number
    assert (found.signed_at, found.stamped_at) == (NOW, None)
    assert found.record == RECORD_BYTES
    assert found.copy is not None
    assert replace(found.copy, record_digest="") == COPY
    assert found.size == len(issued())


def test_the_answer_goes_into_json_without_the_record_itself() -> None:
    told = json.loads(json.dumps(verdict(issued_with_timestamp()).plain()))
    assert told["sound"] is True
    assert told["findings"] == []
    assert told["signer"]["name"] == ACADEMY
    assert told["signed_at"] == told["stamped_at"] == "2026-11-25T09:41:00Z"
    assert told["copy"]["record_sha256"] == told["record"]["sha256"]
    assert RECORD_BYTES.decode() not in json.dumps(told)
    assert json.loads(json.dumps(verdict(b"%PDF-").plain()))["signer"] is None
    late = verdict(issued(), AROUND.ends + DAY).plain()
    assert late["findings"] == [{"code": "expired", "warning": True, "details": {"ends": "2027-11-25T09:41:00Z"}}]


def test_a_warning_alone_leaves_a_file_sound() -> None:
    assert Verdict(1, "", (Finding(Code.EXPIRED),)).is_sound
    assert not Verdict(1, "", (Finding(Code.EXPIRED), Finding(Code.ALTERED))).is_sound
    assert {code.value for code in WARNINGS} == {
        "expired", "signed_later", "revoked_since", "revocation_unknown", "timestamp_unknown", "record_newer",
        "no_record", "case_erased",
    }  # fmt: skip


# ---- no such PDF -----------------------------------------------------------------------------------------------------


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("dossier.pdf", issued())
    return target.getvalue()


def locked(user: str) -> bytes:
    target = io.BytesIO()
    with opened(prepared()) as document:
        document.save(target, encryption=pikepdf.Encryption(owner="owner", user=user))
    return target.getvalue()


NOT_SIGNED_PDFS: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "nothing": ({"not_a_pdf"}, lambda: b""),
    "a text": ({"not_a_pdf"}, lambda: b"anything at all"),
    "something before the head": ({"not_a_pdf"}, lambda: b"\n" + prepared()),
    "a ZIP": ({"archive"}, archive),
    "a head": ({"unreadable"}, lambda: b"%PDF-1.7\n"),
    "a head and zeros": ({"unreadable"}, lambda: b"%PDF-1.7\n" + bytes(1000)),
    "half a PDF": ({"unreadable"}, lambda: prepared()[:30_000]),
    "an open lock": ({"encrypted"}, lambda: locked("")),
    "a lock": ({"encrypted"}, lambda: locked("secret")),
    "a copy": ({"not_signed"}, lambda: assembled(prepared(), drawn(), COPY)),
    "a prepared document": ({"not_signed", "copy_missing"}, prepared),
}


@pytest.mark.parametrize("what", NOT_SIGNED_PDFS)
def test_what_is_no_signed_pdf_is_told_apart(what: str) -> None:
    wanted, data = NOT_SIGNED_PDFS[what]
    assert codes(data()) == wanted
    assert not verdict(data()).is_sound


@pytest.mark.exhaustive
def test_a_large_file_is_refused_before_anything_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"%PDF-1.7\n" + bytes(300 * 1024 * 1024)
    monkeypatch.setattr(verification.hashlib, "sha256", lambda _: pytest.fail("it was read"))
    found = verify(large, trust(), NOW)
    assert [finding.code for finding in found.findings] == [Code.TOO_LARGE]
    assert (found.size, found.digest) == (len(large), "")


def test_how_large_a_file_may_be_is_an_argument() -> None:
    assert verify(issued(), trust(), NOW, most=len(issued())).is_sound
    assert verify(issued(), trust(), NOW, most=len(issued()) - 1).codes == (Code.TOO_LARGE,)


# ---- what unpacks to too much --------------------------------------------------------------------------------------


def packed_objects(size: int, *, pages_inside: bool) -> bytes:
    """A PDF whose object stream unpacks to so many bytes; the page tree lies in it, or beside it."""
    packing, blank = zlib.compressobj(9), b" " * (1 << 20)
    body = packing.compress(b"2 0 <</Type/Pages/Kids[]/Count 0>>") + packing.flush(zlib.Z_FULL_FLUSH)
    block = packing.compress(blank) + packing.flush(zlib.Z_FULL_FLUSH)
    body += block * (size >> 20) + packing.flush()  # its sum is right for one block: nobody comes to the end of more
    root_of = 2 if pages_inside else 5
    parts = {
        1: b"<</Type/Catalog/Pages %d 0 R>>" % root_of,
        3: b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(body), body),
        5: b"<</Type/Pages/Kids[]/Count 0>>",
    }
    data, places = b"%PDF-1.7\n", {}
    for number, part in parts.items():
        places[number] = len(data)
        data += b"%d 0 obj %s endobj\n" % (number, part)
    rows = [(0, 0, 65535), (1, places[1], 0), (2, 3, 0), (1, places[3], 0), (1, len(data), 0), (1, places[5], 0)]
    table = b"".join(bytes([kind]) + place.to_bytes(4, "big") + more.to_bytes(2, "big") for kind, place, more in rows)
    head = b"<</Type/XRef/Size 6/W[1 4 2]/Root 1 0 R/Length %d>>" % len(table)
    return data + b"4 0 obj %sstream\n%s\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % (head, table, len(data))


@pytest.mark.parametrize("pages_inside", [True, False])
def test_objects_that_unpack_to_too_much_are_not_unpacked(pages_inside: bool) -> None:
    assert codes(packed_objects(1 << 20, pages_inside=pages_inside)) == {"not_signed", "record_missing", "copy_missing"}
    assert codes(packed_objects(300 << 20, pages_inside=pages_inside)) == {"too_much"}


@pytest.mark.exhaustive
def test_a_bomb_takes_little_memory() -> None:
    script = (
        "import resource, sys; from tests.pdf.sealed import issued, verdict; "
        "from tests.pdf.test_sealing_verifying import packed_objects; verdict(issued()); "
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = most(); "
        "verdict(packed_objects(1500 << 20, pages_inside=True)); print(most() - before)"
    )
    other = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(other.stdout) < 400 * 1024, "kilobytes, of 1.5 gigabytes"


def test_a_packing_that_nothing_bounds_is_not_opened() -> None:
    def change(document: pikepdf.Pdf) -> None:
        odd = document.make_stream(b"")
        odd.write(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", filter=Name.LZWDecode, decode_parms=None)
        document.Root.Odd = odd

    assert codes(signed_with(change)) == {"too_much"}


@pytest.mark.exhaustive
def test_a_record_that_unpacks_to_too_much_is_told() -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.attachments[RECORD].obj.EF.F.write(zlib.compress(bytes(64 << 20)), filter=Name.FlateDecode)

    assert codes(signed_with(change)) == {"too_much"}


# ---- active content ------------------------------------------------------------------------------------------------


def action(**keys: Any) -> Dictionary:
    return Dictionary(Type=Name.Action, **keys)


def opens(made: Dictionary) -> Change:
    return lambda document: setattr(document.Root, "OpenAction", made)


def noted(made: Dictionary) -> Change:
    def change(document: pikepdf.Pdf) -> None:
        document.pages[1].obj.Annots = Array([made])

    return change


def named_script(document: pikepdf.Pdf) -> None:
    script = document.make_indirect(action(S=Name.JavaScript, JS=String("app.alert(1)")))
    document.Root.Names.JavaScript = Dictionary(Names=Array([String("go"), script]))


def scripts_in_streams(document: pikepdf.Pdf) -> None:
    document.Root.Hidden = document.make_indirect(
        Dictionary(Deep=Array([Dictionary(More=action(S=Name.JavaScript, JS=document.make_stream(b"app.alert(1)")))]))
    )


LINK: dict[str, Any] = {"Type": Name.Annot, "Subtype": Name.Link, "Rect": Array([0, 0, 1, 1])}

ACTIVE: dict[str, tuple[set[str], Change]] = {
    "a script at opening": ({"javascript"}, opens(action(S=Name.JavaScript, JS=String("app.alert(1)")))),
    "a script by name": ({"javascript"}, named_script),
    "a script deep within": ({"javascript"}, scripts_in_streams),
    "a script after another action": (
        {"javascript"},
        opens(action(S=Name.GoTo, D=String("x"), Next=action(S=Name.JavaScript, JS=String("1")))),
    ),
    "a script behind a link": ({"javascript"}, noted(Dictionary(**LINK, A=action(S=Name.JavaScript, JS=String("1"))))),
    "a program": ({"launch"}, opens(action(S=Name.Launch, F=String("cmd.exe")))),
    "a program behind a link": ({"launch"}, noted(Dictionary(**LINK, A=action(S=Name.Launch, F=String("cmd.exe"))))),
    "a form that sends itself": ({"active"}, opens(action(S=Name.SubmitForm, F=String("http://127.0.0.1/")))),
    "another document": ({"active"}, opens(action(S=Name.GoToR, F=String("//host/share")))),
    "something at each turn": ({"active"}, lambda document: setattr(document.pages[0].obj, "AA", Dictionary())),
    "an XML form": ({"active"}, lambda document: setattr(document.Root, "Form", Dictionary(XFA=Array()))),
    "a film": ({"active"}, noted(Dictionary(Type=Name.Annot, Subtype=Name.RichMedia, Rect=Array([0, 0, 1, 1])))),
    "a program and a script": (
        {"javascript", "launch"},
        opens(action(S=Name.Launch, F=String("x"), Next=action(S=Name.JavaScript, JS=String("1")))),
    ),
}


@pytest.mark.parametrize("what", ACTIVE)
def test_what_would_act_is_told_even_if_the_academy_signed_it(what: str) -> None:
    wanted, change = ACTIVE[what]
    assert codes(signed_with(change)) == wanted


@pytest.mark.exhaustive
def test_a_script_written_in_figures_is_one() -> None:
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        document.Root.OpenAction = action(S=Name.JavaScript, JS=String("1"))
        target = io.BytesIO()
        document.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
    figures = target.getvalue().replace(b"/JavaScript", b"/J#61vaScrip#74")
    assert len(figures) == len(target.getvalue()) + 4
    with pikepdf.open(io.BytesIO(figures)) as document:  # its places are set right again
        plain = saved(document)
    assert codes(sign(plain, academy(), NOW)) == {"javascript"}


def test_words_that_look_like_one_are_none() -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.Root.Words = Dictionary(Said=String("/JS /JavaScript /Launch /AA"), S=Name.JavaScripted)
        document.Root.OpenAction = action(S=Name.GoTo, D=Array([document.pages[0].obj, Name.Fit]))

    assert codes(signed_with(change)) == set()


# ---- the files inside ----------------------------------------------------------------------------------------------


def spec(document: pikepdf.Pdf, name: str, data: bytes) -> pikepdf.Object:
    return document.make_indirect(
        Dictionary(Type=Name.Filespec, F=String(name), UF=String(name), EF=Dictionary(F=document.make_stream(data)))
    )


def listed(name: str, data: bytes) -> Change:
    def change(document: pikepdf.Pdf) -> None:
        document.attachments[name] = pikepdf.AttachedFileSpec(document, data, filename=name)

    return change


def unlisted(name: str, data: bytes) -> Change:
    return lambda document: setattr(document.Root, "Spare", spec(document, name, data))


def pinned(name: str, data: bytes) -> Change:
    def change(document: pikepdf.Pdf) -> None:
        note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, FS=spec(document, name, data))
        document.pages[0].obj.Annots = Array([note])

    return change


def without(*names: str) -> Change:
    def change(document: pikepdf.Pdf) -> None:
        document.Root.AF = Array([one for one in document.Root.AF if str(one.UF) not in names])
        for name in names:
            del document.attachments[name]

    return change


def rewritten(name: str, data: bytes, **how: Any) -> Change:
    return lambda document: document.attachments[name].obj.EF.F.write(data, **how)


def shown_otherwise(document: pikepdf.Pdf) -> None:
    document.attachments[RECORD].obj.EF.UF = document.make_stream(b"{}")


def related(document: pikepdf.Pdf) -> None:
    document.attachments[RECORD].obj.RF = Dictionary(F=Array([String("x.exe"), document.make_stream(b"MZ")]))


FILES: dict[str, tuple[set[str], Change]] = {
    "a program": ({"foreign_file"}, listed("facture.exe", b"MZ")),
    "a program that no list names": ({"foreign_file"}, unlisted("facture.exe", b"MZ")),
    "a program pinned on a page": ({"foreign_file"}, pinned("facture.exe", b"MZ")),
    "a program beside the record": ({"foreign_file"}, related),
    "a second record": ({"record_repeated"}, unlisted(RECORD, RECORD_BYTES)),
    "a second record pinned on a page": ({"record_repeated"}, pinned(RECORD, b"{}")),
    "a record that others see otherwise": ({"record_repeated"}, shown_otherwise),
    "no record": ({"record_missing"}, without(RECORD)),
    "another record": ({"record_differs"}, rewritten(RECORD, RECORD_BYTES + b" ")),
    "a record that is damaged": (
        {"record_unreadable"},
        rewritten(RECORD, zlib.compress(RECORD_BYTES)[:-3], filter=Name.FlateDecode),
    ),
    "a record packed in another way": ({"record_unreadable"}, rewritten(RECORD, b"7b7d>", filter=Name.ASCIIHexDecode)),
    "a second copy": ({"copy_repeated"}, unlisted(COPY_NAME, COPY.as_json())),
    "no copy": ({"copy_missing"}, without(COPY_NAME)),
    "neither": ({"copy_missing", "record_missing"}, without(RECORD, COPY_NAME)),
    "a copy that is none": ({"copy_unreadable"}, rewritten(COPY_NAME, b"{}")),
    "a copy that is damaged": ({"copy_unreadable"}, rewritten(COPY_NAME, b"x", filter=Name.FlateDecode)),
    "a copy that is too long": ({"too_much"}, rewritten(COPY_NAME, COPY.as_json() + b" " * COPY_MOST)),
    "a copy that names no record": ({"record_differs"}, rewritten(COPY_NAME, COPY.as_json())),
}


@pytest.mark.exhaustive(
    only=(
        "a copy that is too long",
        "a copy that names no record",
        "a program beside the record",
        "a record that others see otherwise",
        "a second record pinned on a page",
        "a second record",
        "no copy",
        "no record",
    )
)
@pytest.mark.parametrize("what", FILES)
def test_each_fault_of_the_files_inside_is_told_apart(what: str) -> None:
    wanted, change = FILES[what]
    found = verdict(signed_with(change))
    assert {code.value for code in found.codes} == wanted
    assert not found.is_sound


@pytest.mark.exhaustive
def test_a_letter_carries_no_record_and_says_so() -> None:
    with opened(prepared()) as document:
        without(RECORD)(document)
        bare = saved(document)
    letter = sign(assembled(bare, drawn(), COPY, has_record=False), academy(), NOW)
    found = verdict(letter)
    assert found.is_sound
    assert (found.copy, found.record) == (COPY, None)
    smuggled = sign(assembled(prepared(), drawn(), COPY, has_record=False), academy(), NOW)
    assert codes(smuggled) == {"record_differs"}


@pytest.mark.exhaustive
def test_a_program_is_named() -> None:
    [finding] = verdict(signed_with(FILES["a program"][1])).findings
    assert finding.details == {"names": "facture.exe"}


# ---- the signature -------------------------------------------------------------------------------------------------


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


def by_pyhanko(data: bytes, name: str, subfilter: fields.SigSeedSubFilter = fields.SigSeedSubFilter.PADES) -> bytes:
    """Signed as anybody would with pyHanko alone, without certifying."""
    meta = signers.PdfSignatureMetadata(field_name=name, md_algorithm="sha256", subfilter=subfilter)
    signer = pades._Certifier(meta, pades._Holder(academy()), new_field_spec=fields.SigFieldSpec(name))
    session = signer.init_signing_session(pades._Writer(io.BytesIO(data)))
    session.system_time = NOW
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=20_000)
    output = io.BytesIO()
    digest, _ = document.digest_tbs_document(output=output)
    asyncio.run(document.perform_signature(digest.document_digest, PdfCMSSignedAttributes()))
    return output.getvalue()


def updated(data: bytes) -> bytes:
    """A harmless update after the signature: a word of the metadata."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    writer.update_root()
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def hidden_by_update(data: bytes) -> bytes:
    """An update after which no field holds the signature any more."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    del writer.root["/AcroForm"]
    writer.update_root()
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def ranges_set(change: Callable[[list[int]], list[int]]) -> Callable[[], bytes]:
    """The signature's two ranges written anew."""

    def made() -> bytes:
        data = issued()
        at = data.index(b"/ByteRange")
        opens_at, closes_at = data.index(b"[", at), data.index(b"]", at)
        figures = [int(figure) for figure in data[opens_at + 1 : closes_at].split()]
        told = b" ".join(b"%d" % figure for figure in change(figures))
        room = closes_at - opens_at - 1
        assert len(told) <= room
        return data[: opens_at + 1] + told.ljust(room) + data[closes_at:]

    return made


class NamesNothing(SignedAttributeProviderSpec):
    """Leaves out of a signature which certificate it is made with."""

    def signed_attr_providers(self, data_digest: bytes, digest_algorithm: str) -> list[object]:
        return []


def signed_in_part(
    change: Callable[[list[int]], list[int]], attributes: NamesNothing | None = None
) -> Callable[[], bytes]:
    """The academy's own signature, over less than the whole file, or saying less than it must."""

    def made() -> bytes:
        begins, ends = hole(issued())
        return filled(ranges_set(change)(), begins, ends, attributes)

    return made


def filled(data: bytes, begins: int, ends: int, attributes: NamesNothing | None = None) -> bytes:
    """The file with a signature in its hole over what its ranges name, be they as they may."""
    figures = data[data.index(b"[", data.index(b"/ByteRange")) + 1 :].split(b"]")[0]
    first, length, second, rest = (int(figure) for figure in figures.split())
    holder = pades._Holder(academy())
    holder.signed_attr_prov_spec = attributes
    head = b""
    while True:  # a range may reach into the hole: its first figures are known once they came out the same twice
        told = data[:begins] + head + data[begins + len(head) :]
        digest = hashlib.sha256(told[first : first + length] + told[second : second + rest]).digest()
        made = asyncio.run(holder.async_sign(digest, "sha256", use_pades=True)).dump().hex().upper().encode()
        if made.startswith(head) and head:
            return data[:begins] + made.ljust(ends - begins, b"0") + data[ends:]
        head = made[:8]


def signed_elsewhere() -> bytes:
    """The hole is not where the field's own figures stand, which say nothing."""
    room, ranges = 8192, b"[0 1111111111 1111111111 1111111111]"
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        value = Dictionary(Type=Name.Sig, SubFilter=Name("/ETSI.CAdES.detached"), Contents=String(b"\x00\x01" * 9))
        value.ByteRange = Array([0, 1111111111, 1111111111, 1111111111])
        signature = Dictionary(FT=Name.Sig, T=String("S"), V=document.make_indirect(value))
        document.Root.AcroForm = Dictionary(Fields=Array([document.make_indirect(signature)]))
        document.Root.Spare = document.make_indirect(Dictionary(Hole=String(bytes(room // 2))))
        target = io.BytesIO()
        document.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
    data = target.getvalue().replace(b"[ 0 1111111111 1111111111 1111111111 ]", ranges + b"  ")
    begins = data.index(b"<" + b"00" * 4000) + 1
    ends = data.index(b">", begins)
    told = b"[0 %d %d %d" % (begins - 1, ends + 1, len(data) - ends - 1)
    return filled(data.replace(ranges, told.ljust(len(ranges) - 1) + b"]"), begins, ends)


def one_page_less() -> bytes:
    with opened(issued()) as document:
        del document.pages[1]
        return saved(document)


def record_swapped() -> bytes:
    with opened(issued()) as document:
        document.attachments[RECORD].obj.EF.F.write(b'{"case": "another"}')
        return saved(document)


def in_padding(digit: bytes) -> bytes:
    _, ends = hole(issued())
    return issued()[: ends - 2] + digit + issued()[ends - 1 :]


def all_small() -> bytes:
    begins, ends = hole(issued())
    return issued()[:begins] + issued()[begins:ends].lower() + issued()[ends:]


def one_small() -> bytes:
    begins, ends = hole(issued())
    figures = issued()[begins:ends]
    at = next(place for place, digit in enumerate(figures) if digit in b"ABCDEF")
    return issued()[:begins] + figures[:at] + figures[at : at + 1].lower() + figures[at + 1 :] + issued()[ends:]


SIGNATURES: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "a byte of a page": ({"altered"}, lambda: flipped(issued(), 20_000)),
    "the last byte": ({"altered"}, lambda: flipped(issued(), len(issued()) - 1)),
    "the moment of signing": ({"altered"}, lambda: issued().replace(b"20261125094100", b"20261125094101")),
    "a page removed, saved anew": ({"altered"}, one_page_less),
    "the record swapped, saved anew": ({"altered", "record_differs"}, record_swapped),
    "cut off": ({"altered"}, lambda: issued()[:-100]),
    "a line after the end": ({"added_after"}, lambda: issued() + b"\n"),
    "a remark after the end": ({"added_after"}, lambda: issued() + b"% nothing, really\n"),
    "two kilobytes after the end": ({"added_after"}, lambda: issued() + b"% " + b"x" * 2048),
    "a harmless update": ({"added_after"}, lambda: updated(issued())),
    "an update that hides the signature": ({"added_after"}, lambda: hidden_by_update(issued())),
    "a second signature": (
        {"added_after", "several_signatures"},
        lambda: by_pyhanko(by_pyhanko(assembled(prepared(), drawn(), COPY), "One"), "Two"),
    ),
    "ranges that leave out the end": ({"altered"}, ranges_set(lambda told: [*told[:3], told[3] - 9])),
    "ranges that leave out the beginning": ({"altered"}, ranges_set(lambda told: [9, told[1] - 9, *told[2:]])),
    "ranges with a wider hole": ({"altered"}, ranges_set(lambda told: [0, told[1], told[2] + 9, told[3] - 9])),
    "ranges beyond the end": ({"altered"}, ranges_set(lambda told: [*told[:3], told[3] + 9])),
    "signed without the end": ({"added_after"}, signed_in_part(lambda told: [*told[:3], told[3] - 9])),
    "signed without the beginning": ({"not_whole"}, signed_in_part(lambda told: [9, told[1] - 9, *told[2:]])),
    "signed with a wider hole": (
        {"not_whole"},
        signed_in_part(lambda told: [0, told[1], told[2] + 9, told[3] - 9]),
    ),
    "signed with the hole before its place": (
        {"not_whole"},
        signed_in_part(lambda told: [0, told[1] - 9, told[2], told[3]]),
    ),
    "signed beyond the beginning, into the hole": ({"not_whole"}, signed_in_part(lambda told: [9, *told[1:]])),
    "signed beyond the end": ({"not_whole"}, signed_in_part(lambda told: [*told[:3], told[3] + 9])),
    "signed elsewhere": ({"not_whole"}, signed_elsewhere),
    "signed without naming the certificate": (
        {"container_altered"},
        signed_in_part(lambda told: told, NamesNothing()),
    ),
    "ranges that are none": ({"signature_unreadable"}, lambda: issued().replace(b"/ByteRange [", b"/ByteRange }")),
    "no ranges, cut off": ({"altered"}, lambda: issued().replace(b"/ByteRange [", b"/ByteRange }")[:-50]),
    "three ranges": ({"signature_unreadable"}, ranges_set(lambda told: told[:3])),
    "figures in the padding": ({"container_altered"}, lambda: in_padding(b"1")),
    "a space in the padding": ({"container_altered"}, lambda: in_padding(b" ")),
    "small letters among capitals": ({"container_altered"}, one_small),
    "a signature of another kind": (
        {"foreign_signature"},
        lambda: by_pyhanko(assembled(prepared(), drawn(), COPY), "S", fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED),
    ),
}


@pytest.mark.parametrize("what", SIGNATURES)
def test_each_fault_of_the_signature_is_told_apart(what: str) -> None:
    wanted, made = SIGNATURES[what]
    data = made()
    assert data != issued()
    found = verdict(data)
    assert {code.value for code in found.codes} == wanted
    assert not found.is_sound


def test_signed_by_hand_over_the_whole_file_it_is_sound() -> None:
    """What the faulty ones are made by makes a sound one too."""
    assert verdict(signed_in_part(lambda told: told)()).is_sound


def test_the_same_figures_in_small_letters_are_the_same_signature() -> None:
    """Another writer's habit, and another file all the same: its digest is not the one that the journal keeps."""
    assert verdict(all_small()).is_sound
    assert verdict(all_small()).digest != verdict(issued()).digest


def test_a_signature_that_no_field_holds_is_not_taken_for_one() -> None:
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        document.Root.Spare = document.make_indirect(Dictionary(Type=Name.Sig, ByteRange=Array([0, 1, 2, 3])))
        loose = saved(document)
    assert codes(loose) == {"altered"}
    assert codes(sign(loose, academy(), NOW)) == {"several_signatures"}


def test_a_field_without_a_signature_in_it_is_told() -> None:
    with opened(assembled(prepared(), drawn(), COPY)) as document:
        value = document.make_indirect(Dictionary(Type=Name.Sig, SubFilter=Name("/ETSI.CAdES.detached")))
        document.Root.AcroForm = Dictionary(Fields=Array([Dictionary(FT=Name.Sig, T=String("S"), V=value)]))
        assert codes(saved(document)) == {"signature_unreadable"}


# ---- who signed, and when ------------------------------------------------------------------------------------------


def impostor() -> Authority:
    """Another root, and another academy, of the very same names."""
    return make_root("Root of the demonstration", Validity(NOW - YEAR, NOW + 10 * YEAR))


@pytest.mark.exhaustive
def test_an_authority_that_nobody_knows_is_told() -> None:
    stranger = make_root("Somebody else", AROUND)
    for signer in (stranger.issue(ACADEMY, AROUND), impostor().issue(ACADEMY, AROUND)):
        found = verdict(issue(signer))
        assert found.codes == (Code.UNKNOWN_AUTHORITY,)
        assert found.findings[0].details["issuer"] in ("Somebody else", "Root of the demonstration")
    assert codes(issued(), trusting=Trust(())) == {"unknown_authority"}
    assert codes(issued(), trusting=read_trust([stranger.pem])) == {"unknown_authority"}
    assert codes(issued(), trusting=read_trust([stranger.pem + root().pem])) == set()


@pytest.mark.exhaustive
def test_a_forged_certificate_of_a_known_authority_is_told() -> None:
    """The true root's name and key identifier, signed by another key."""
    forger = Authority(ec.generate_private_key(ec.SECP256R1()), root().certificate)
    key = replace(forger.issue(ACADEMY, AROUND))
    builder = (
        x509.CertificateBuilder()
        .subject_name(key.certificate.subject)
        .issuer_name(root().certificate.subject)
        .public_key(key.key.public_key())
        .serial_number(7)
        .not_valid_before(AROUND.begins)
        .not_valid_after(AROUND.ends)
        .add_extension(key.certificate.extensions.get_extension_for_class(x509.KeyUsage).value, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root().key.public_key()), critical=False)
    )
    forged = SigningKey(key.key, builder.sign(forger.key, hashes.SHA256()))
    assert codes(issue(forged)) == {"unknown_authority"}


@pytest.mark.exhaustive
def test_the_academy_s_own_certificate_may_be_what_is_trusted() -> None:
    own = read_trust([academy().certificate.public_bytes(Encoding.PEM)])
    assert verdict(issued(), trusting=own).is_sound
    middle, key = between()
    data = issue(key)
    for trusted in (root().certificate, middle, key.certificate):
        assert codes(data, trusting=read_trust([trusted.public_bytes(Encoding.PEM)])) == set()


def usage(**signs: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: signs.get(name, False) for name in names})


def issued_by_hand(
    key: Any, issuer: Authority, validity: Validity, *, uses: x509.KeyUsage, ca: bool = False, name: str = ACADEMY
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begins)
        .not_valid_after(validity.ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(uses, critical=True)
        .sign(issuer.key, hashes.SHA256())
    )


def test_a_certificate_for_other_things_is_told() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issued_by_hand(key, root(), AROUND, uses=usage(key_agreement=True))
    assert codes(issue(SigningKey(key, certificate))) == {"certificate_unfit"}


@pytest.mark.exhaustive
def test_a_key_that_is_too_short_is_told() -> None:
    key = rsa.generate_private_key(65537, 1024)
    certificate = issued_by_hand(key, root(), AROUND, uses=usage(digital_signature=True))
    assert codes(issue(SigningKey(key, certificate))) == {"weak"}


@pytest.mark.exhaustive
def test_an_authority_between_whose_time_is_over_is_told() -> None:
    middle_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    middle_times = {"out of date": Validity(NOW - YEAR, NOW - DAY), "in date": AROUND}
    found = {}
    for told, times in middle_times.items():
        middle = issued_by_hand(middle_key, wide(), times, uses=usage(key_cert_sign=True), ca=True, name="Ministry")
        own = issued_by_hand(key, Authority(middle_key, middle), AROUND, uses=usage(digital_signature=True))
        data = issue(SigningKey(key, own, (middle,)))
        found[told] = codes(data, trusting=read_trust([wide().pem]))
    assert found == {"out of date": {"authority_out_of_date"}, "in date": set()}


def wide(kept: list[Authority] = []) -> Authority:  # noqa: B006 (one root for all)
    """A root below which there may be another authority."""
    if not kept:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Wide")])
        own = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(AROUND.begins).not_valid_after(AROUND.ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        kept.append(Authority(key, own))
    return kept[0]


AFTER = AROUND.ends + DAY
"""When the academy's certificate has expired."""


@pytest.mark.parametrize(
    ("data", "moment", "wanted"),
    [
        (issued, NOW, set()),
        (issued, AROUND.ends, set()),
        (issued, AFTER, {"expired"}),
        (issued, AFTER + 5 * YEAR, {"expired"}),
        (issued_with_timestamp, AFTER, set()),
        (issued_with_timestamp, AFTER + 5 * YEAR, set()),
        (issued, NOW - DAY, {"signed_later"}),
        (issued, AROUND.begins - DAY, {"not_yet_valid", "signed_later"}),
        (lambda: signed_at(AROUND.begins - DAY), NOW, {"not_yet_valid"}),
        (lambda: signed_at(AFTER), AFTER + DAY, {"expired_before"}),
        (lambda: signed_at(AFTER), NOW, {"expired_before", "signed_later"}),
    ],
)
def test_moments_are_told_apart(data: Callable[[], bytes], moment: datetime, wanted: set[str]) -> None:
    found = verdict(data(), moment)
    assert {code.value for code in found.codes} == wanted
    assert found.is_sound == (wanted <= {"expired", "signed_later"})
    assert found.signer is not None


def test_a_moment_that_is_stated_late_is_not_believed_against_a_timestamp() -> None:
    """Stated within the certificate's time, stamped after it."""
    data = issue(academy(), timestamps(AFTER), AROUND.ends - DAY)
    assert codes(data, AFTER + DAY) == {"expired_before"}


# ---- timestamps ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_timestamp_of_another_signature_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unchecked(token: Any, _digest: bytes, _roots: Any) -> Any:
        return token

    async def other(self: Any, _digest: bytes, algorithm: str) -> Any:
        return await stamped_before(self, bytes(32), algorithm)

    stamped_before = pades._Timestamper.async_timestamp
    monkeypatch.setattr(pades, "checked_token", unchecked)
    monkeypatch.setattr(pades._Timestamper, "async_timestamp", other)
    data = issue(academy(), timestamps())
    assert codes(data) == {"timestamp_broken"}
    assert verdict(data).stamped_at is None


def test_a_timestamp_that_was_altered_is_told() -> None:
    data = issued_with_timestamp()
    begins, ends = hole(data)
    last = begins + len(data[begins:ends].rstrip(b"0")) - 4
    altered = data[:last] + (b"1" if data[last : last + 1] != b"1" else b"2") + data[last + 1 :]
    assert codes(altered) == {"timestamp_broken"}


def test_a_timestamp_of_an_unknown_authority_proves_nothing() -> None:
    only = read_trust([root().pem])
    found = verdict(issued_with_timestamp(), trusting=only)
    assert found.codes == (Code.TIMESTAMP_UNKNOWN,)
    assert found.is_sound
    assert found.stamped_at is None
    assert codes(issued_with_timestamp(), AFTER, only) == {"timestamp_unknown", "expired"}


def test_one_root_may_stand_for_both() -> None:
    both = read_trust([root().pem + clockmaker().pem])
    assert verdict(issued_with_timestamp(), trusting=both).stamped_at == NOW


# ---- revocation ----------------------------------------------------------------------------------------------------


def listing(since: datetime | None, issued_at: datetime = NOW, by: Authority | None = None) -> Trust:
    """Trust with the authority's list of that day, the academy's certificate on it or not."""
    certificates = {} if since is None else {academy().certificate.serial_number: since}
    told = (by or root()).revoked(certificates, issued_at, issued_at + 30 * DAY)
    return read_trust([root().pem], [clockmaker().pem], [told])


@pytest.mark.parametrize(
    ("data", "trusting", "moment", "wanted"),
    [
        (issued, lambda: listing(None), NOW + DAY, set()),
        (issued, lambda: listing(NOW - DAY), NOW + DAY, {"revoked"}),
        (issued, lambda: listing(NOW + DAY, NOW + 2 * DAY), NOW + 3 * DAY, {"revoked"}),
        (issued_with_timestamp, lambda: listing(NOW + DAY, NOW + 2 * DAY), NOW + 3 * DAY, {"revoked_since"}),
        (issued_with_timestamp, lambda: listing(NOW - DAY), NOW + DAY, {"revoked"}),
        (issued, lambda: listing(None, AFTER), AFTER + DAY, {"expired"}),
        (issued, lambda: listing(NOW - DAY, AFTER), AFTER + DAY, {"expired", "revoked"}),
        (issued, lambda: listing(None), NOW + 60 * DAY, {"revocation_unknown"}),
        (issued, lambda: listing(None, by=impostor()), NOW + DAY, {"revocation_unknown"}),
        (issued, lambda: listing(NOW - DAY, by=impostor()), NOW + DAY, {"revocation_unknown"}),
    ],
    ids=[
        "not on it",
        "before",
        "later",
        "stamped before",
        "stamped after",
        "expired",
        "expired and on it",
        "old list",
        "another's",
        "another's word",
    ],
)
def test_a_list_of_revoked_certificates_is_heeded(
    data: Callable[[], bytes], trusting: Callable[[], Trust], moment: datetime, wanted: set[str]
) -> None:
    assert codes(data(), moment, trusting()) == wanted


def test_a_list_may_be_pem_and_must_be_one() -> None:
    der = root().revoked({academy().certificate.serial_number: NOW - DAY}, NOW, NOW + DAY)
    pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
    assert codes(issued(), NOW + DAY / 2, read_trust([root().pem], [], [pem])) == {"revoked"}
    for wrong in (b"", b"anything", root().pem):
        with pytest.raises(TrustUnreadable):
            read_trust([root().pem], [], [wrong])
    for wrong in (b"", b"anything", der, b"-----BEGIN CERTIFICATE-----\nMII"):
        with pytest.raises(TrustUnreadable):
            read_trust([wrong])


# ---- nothing leaves the machine ------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_nothing_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.UniformResourceIdentifier("http://127.0.0.1:9/authority")
    access = [
        x509.AccessDescription(method, address)
        for method in (x509.AuthorityInformationAccessOID.OCSP, x509.AuthorityInformationAccessOID.CA_ISSUERS)
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(academy().certificate.subject)
        .issuer_name(root().certificate.subject)
        .public_key(key.public_key())
        .serial_number(9)
        .not_valid_before(AROUND.begins)
        .not_valid_after(AROUND.ends)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(
            x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)]), critical=False
        )
    )
    data = issue(SigningKey(key, builder.sign(root().key, hashes.SHA256())))
    asked: list[object] = []

    def ask(*args: object, **_keys: object) -> None:
        asked.append(args)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", ask)
    monkeypatch.setattr(socket, "getaddrinfo", ask)
    monkeypatch.setattr(socket, "create_connection", ask)
    assert codes(data) == set()
    assert codes(data, trusting=listing(None)) == set()
    assert codes(data, trusting=Trust(())) == {"unknown_authority"}
    assert asked == []
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("127.0.0.1", 9))
    assert len(asked) == 1


# ---- whatever else -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@settings(max_examples=150)
@given(st.binary(max_size=400), st.sampled_from([b"", b"%PDF-", b"%PDF-1.7\n", b"PK\x03\x04"]))
def test_whatever_the_bytes_there_is_an_answer(data: bytes, head: bytes) -> None:
    found = verdict(head + data)
    assert not found.is_sound
    assert found.findings


@pytest.mark.exhaustive
@settings(max_examples=150)
@given(st.data())
def test_whatever_is_cut_doubled_or_put_in_there_is_an_answer(draw: st.DataObject) -> None:
    data = issued()
    begin = draw.draw(st.integers(0, len(data) - 1))
    end = draw.draw(st.integers(begin, min(len(data), begin + 5000)))
    put = draw.draw(st.one_of(st.just(b""), st.just(data[begin:end] * 2), st.binary(max_size=60), st.just(b"<" * 3000)))
    changed = data[:begin] + put + data[end:]
    found = verdict(changed)
    assert found.is_sound == (changed == data)


def test_what_nobody_foresaw_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from school_protocol.pdf import examination

    monkeypatch.setattr(examination, "examine", lambda *_: 1 / 0)
    assert verdict(issued()).findings == (Finding(Code.UNREADABLE, {"problem": "ZeroDivisionError"}),)


def test_brackets_without_end_are_answered() -> None:
    for inner in (b"[" * 200_000, b"<<" * 200_000, b"1 0 obj " * 50_000):
        assert not verdict(b"%PDF-1.7\n" + inner).is_sound
