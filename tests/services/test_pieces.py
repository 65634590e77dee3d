"""What a service told gets in one PDF: pieces that agree with their index, digests with what is kept, nothing more."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from pdf.archive import not_accessible, not_archival, not_sound
from PIL import Image
from pypdf import PdfReader

from school_protocol.case_files.service import issue_case_file, revoke, trust_in
from school_protocol.case_files.verify_copy import asked, checked
from school_protocol.cases.loading import load
from school_protocol.engine.definition import Protocol
from school_protocol.engine.errors import SentBefore
from school_protocol.engine.events import DocumentIssued, FileOpened
from school_protocol.pdf import pictures, rendering
from school_protocol.privacy import evidence, evidence_files
from school_protocol.privacy.evidence_files import attach_file
from school_protocol.privacy.repository import Fault
from school_protocol.storage.blobs import FilesAway
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import MAKER, SCREENSHOT, filing
from services.lettering import ADDRESS, HANDLE, INTIMATE_ADDRESS, issue, keys, refer, told

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan) as found:
        told(found)
        refer(found, "prosecutor")
        yield found


def piece(school: School, data: bytes | None, handle: str = "@kif-kif") -> int:
    entry = school.act("team_member", "evidence", {**SCREENSHOT, "handle": handle, "source": "witness"}).seq
    if data is not None:
        member = school.person("team_member")
        attach_file(school.ctx, member, school.number, entry, data, is_attested=True, token=school.token())
    return entry


def handed(school: School, language: str = "fr", who: str = "head", about: str = "referral-1") -> PdfReader:
    data = issue_case_file(school.ctx, school.person(who), school.number, "authority", language, about=about).data
    return PdfReader(io.BytesIO(data))


def text_of(page: object) -> str:
    return " ".join(page.extract_text().split())  # type: ignore[attr-defined]


def numbered(reader: PdfReader) -> list[int]:
    """Of each page the piece that it is of; 0: the index."""
    found = [re.search(r"Pièce (\d+) sur \d+ · ensemble", text_of(page)) for page in reader.pages]
    return [int(one[1]) if one else 0 for one in found]


def rows_of(reader: PdfReader) -> str:
    text = reader.pages[0].extract_text()
    return text[text.index("Pages") + len("Pages") : text.index("Chaque page")].split("Non imprimé ici")[0]


def ranges(numbers: list[int]) -> dict[int, tuple[int, int]]:
    return {
        one: (numbers.index(one) + 1, len(numbers) - numbers[::-1].index(one)) for one in sorted(set(numbers) - {0})
    }


def disagreements(reader: PdfReader, later: int = 0) -> list[str]:
    """Pieces whose pages the index says otherwise."""
    text = " ".join(rows_of(reader).split())
    said = [
        f"{first + later}–{last + later}" if last > first else f"{first + later}"
        for first, last in ranges(numbered(reader)).values()
    ]
    place, found = 0, []
    for one in said:
        where = re.compile(rf"(?<![\d–]){one}(?![\d–:])").search(text, place)
        place = where.end() if where else place
        found += [] if where else [one]
    return found


def events(school: School) -> list[object]:
    with school.ctx.realm.reading() as session:
        return list(load(school.ctx, session, school.person("head"), school.number).events)


def test_pieces_and_pages_agree_with_the_index_and_digests_with_what_is_kept(school: School, tmp_path: Path) -> None:
    issue(school, "head", "referral_letter", "referral-1")
    shown, other = made.jpeg(900, 700), made.pdf()
    piece(school, shown, "حساب kif_99 (2)")
    piece(school, other)
    reader = handed(school)
    assert disagreements(reader) == []
    assert disagreements(reader, 1), "the control: every piece a page later"
    assert sorted(set(numbered(reader))) == [0, 1, 2, 3, 4]
    index, register = reader.pages[0].extract_text(), reader.pages[-1].extract_text()
    for data in (shown, other):
        digest = hashlib.sha256(data).hexdigest()
        assert digest in "".join(index.split())
        assert digest in "".join(register.split())
    altered = bytearray(shown)
    altered[-3] ^= 1
    assert hashlib.sha256(altered).hexdigest() not in "".join(index.split()), "the control"
    assert hashlib.sha256(shown).hexdigest() in "".join(reader.pages[numbered(reader).index(3)].extract_text().split())
    opened = [one for one in events(school) if isinstance(one, FileOpened)]
    assert [(one.purpose, one.original) for one in opened] == [("authority", False)]
    assert isinstance(events(school)[-1], DocumentIssued)
    assert list(reader.attachments) == ["copy.json", "record.json"]
    data = reader.stream.getvalue()  # type: ignore[attr-defined]
    assert not_sound(data) == []
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    for secret in (MAKER.encode(), shown[:200], other[:60]):
        assert secret not in data
    with pikepdf.open(io.BytesIO(data)) as document:
        streams = [one.read_raw_bytes() for one in document.objects if isinstance(one, pikepdf.Stream)]
        assert not [one for one in streams if MAKER.encode() in one]


def test_letters_stand_in_it_as_they_were_sent_to_that_service_and_none_that_was_taken_back(school: School) -> None:
    refer(school, "emc")
    for about in ("referral-1", "referral-1", "referral-2"):
        issue(school, "head", "referral_letter", about)
    sent = [one.dispatch for one in events(school) if isinstance(one, DocumentIssued)]
    school.act("team_member", "note", text="Plus tard.")

    def letters() -> list[str]:
        pages = " ".join(text_of(page) for page in handed(school).pages)
        return [one for one in sent if re.search(rf"Départ n°\s{one}\b", pages)]

    assert letters() == sent[:2]
    revoke(school.ctx, school.person("head"), school.number, "referral_letter", 1, "Erreur")
    assert letters() == sent[1:2]


def test_addresses_and_accounts_stand_there_as_text_that_nobody_opens_by_chance(school: School) -> None:
    reader = handed(school)
    whole = "".join("".join(text_of(page).split()) for page in reader.pages)
    assert [said in whole for said in (ADDRESS, INTIMATE_ADDRESS, HANDLE)] == [True] * 3
    targets = [one.get_object() for page in reader.pages for one in page.get("/Annots", ())]
    assert all("/URI" not in one.get("/A", {}) for one in targets)


def test_without_evidence_the_register_says_so(school: School) -> None:
    reader = handed(school, "en")
    assert "Index of pieces" in text_of(reader.pages[0])
    assert "Not printed here" in text_of(reader.pages[0]), "what was told has pieces in words"


@pytest.mark.exhaustive
def test_in_arabic_a_latin_handle_stays_whole(school: School) -> None:
    piece(school, made.png(), "حساب kif_99")
    reader = handed(school, "ar")
    assert "kif_99" in reader.pages[0].extract_text()
    assert "kif_99" in reader.pages[-1].extract_text()


@pytest.mark.exhaustive
@pytest.mark.parametrize("what", ["locked", "lost", "directorate"])
def test_what_may_not_be_opened_or_is_not_what_it_was_stays_apart(
    school: School, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    entry = piece(school, made.jpeg(900, 700))
    assert "Pièce 2 sur 3" in text_of(handed(school).pages[-2]), "the control"
    if what == "locked":
        evidence_files.shut_file(school.ctx, school.person("team_member"), school.number, entry, token=school.token())
    elif what == "lost":
        monkeypatch.setattr(evidence, "_content", lambda *_more: Fault("c", "p", "altered"))
    reader = handed(school, who="directorate" if what == "directorate" else "head")
    assert sorted(set(numbered(reader))) == [0, 1, 2]
    said = {"locked": "Verrouillé", "lost": "n’est plus celui", "directorate": "Conservé à part"}[what]
    assert said in text_of(reader.pages[0])
    assert said in text_of(reader.pages[-1])


@pytest.mark.exhaustive
def test_a_copy_with_a_picture_is_not_handed_out_again_once_its_file_is_locked(school: School) -> None:
    entry = piece(school, made.jpeg(900, 700))

    def again(token: str) -> bytes:
        actor = school.person("head")
        return issue_case_file(
            school.ctx, actor, school.number, "authority", "fr", about="referral-1", token=token
        ).data

    assert again("one") == again("one"), "the control: pressed twice, the same copy"
    evidence_files.shut_file(school.ctx, school.person("team_member"), school.number, entry, token=school.token())
    with pytest.raises(SentBefore):
        again("one")
    assert "Pièce 2 sur 2" in text_of(PdfReader(io.BytesIO(again("two"))).pages[-1])


def test_a_store_that_does_not_answer_keeps_no_copy_back(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    piece(school, made.jpeg(900, 700))

    def away(*_more: object) -> bytes:
        raise FilesAway

    monkeypatch.setattr(evidence, "_content", away)
    reader = handed(school)
    assert sorted(set(numbered(reader))) == [0, 1, 2]
    assert "Conservé à part" in text_of(reader.pages[0])
    assert not [one for one in events(school) if isinstance(one, FileOpened)]


@pytest.mark.exhaustive
def test_a_service_that_is_no_judicial_one_gets_no_picture(school: School) -> None:
    piece(school, made.jpeg(900, 700))
    targets = school.ctx.library.current()[0].targets
    plain = next((key for key, one in targets.items() if one.identified and not one.judicial and not one.to_guardians))
    refer(school, plain)
    reader = handed(school, about="referral-2")
    assert "Conservé à part" in text_of(reader.pages[0])
    assert sorted(set(numbered(reader))) == [0, 1, 2]


def test_a_huge_picture_is_made_smaller_and_what_is_none_is_not_printed() -> None:
    huge = pictures.for_page(made.png(4000, 5000))
    assert huge is not None
    with Image.open(io.BytesIO(huge)) as found:
        assert found.width * found.height <= 4_000_000
        assert (found.mode, found.info.get("exif")) == ("RGB", None)
    assert pictures.for_page(made.ten_gigapixels()) is None
    assert pictures.for_page(made.pdf()) is None
    assert pictures.for_page(made.png()[:80]) is None
    assert pictures.for_page(made.png(100, 300)) is not None
    assert pictures.for_page(made.png(100, 301)) is None, "nobody reads it on one page"
    assert pictures.for_page(huge) == pictures.for_page(huge)


def test_signed_it_verifies_as_the_copy_that_was_handed_out(school: School) -> None:
    keys(school)
    piece(school, made.jpeg(900, 700))
    data = handed(school).stream.getvalue()  # type: ignore[attr-defined]
    folder, now = school.ctx.settings.signing_folder, school.ctx.now()
    assert folder is not None
    found = asked(school.ctx, checked(data, trust_in(folder), now))
    assert (found.standing.value, found.is_issued, found.about and found.about.profile) == (
        "genuine",
        True,
        "authority",
    )
    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    assert checked(bytes(altered), trust_in(folder), now).standing.value == "not_trusted", "the control"
