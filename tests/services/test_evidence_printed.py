"""What became of a file, on the pages of a copy and in its record: digests and reasons, never a byte of it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from school_protocol.case_files.record import decoded, view_of
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.loading import load
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.privacy import evidence_files
from school_protocol.privacy.evidence import note_request, open_file
from school_protocol.privacy.evidence_files import attach_file
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, filing

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
REASON = "Préparer la rencontre de jeudi"
PICTURE = made.jpeg()
SAID = {"fr": ("scellé", "verrouillé", "EMC-Helpline"), "ar": ("وحفظه مشفرا", "أُقفل", "EMC")}


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan) as found:
        member, number, token = found.person("team_member"), found.number, found.token
        entry = found.act("team_member", "evidence", SCREENSHOT).seq
        attach_file(found.ctx, member, number, entry, PICTURE, is_attested=True, token=token())
        open_file(found.ctx, member, number, entry, original=False, purpose="compare", reason=REASON, token=token())
        note_request(
            found.ctx, member, number, entry, channel="emc_helpline", asked_on="2026-11-24", reference="R-7",
            token=token(),
        )  # fmt: skip
        evidence_files.shut_file(found.ctx, member, number, entry, token=token())
        yield found


def printed(school: School, profile: str, language: str) -> tuple[str, PdfReader, bytes]:
    who = "head" if profile == "school" else "directorate"
    data = issue_case_file(school.ctx, school.person(who), school.number, profile, language).data
    reader = PdfReader(io.BytesIO(data))
    return " ".join("".join(page.extract_text() for page in reader.pages).split()), reader, data


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_copy_says_what_became_of_it_and_its_digest_and_the_record_reads_back(school: School, language: str) -> None:
    text, reader, _data = printed(school, "school", language)
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert digest in text.replace(" ", "")
    for said in (REASON, "R-7", *SAID[language]):
        assert said in text
    record = decoded(reader.attachments["record.json"][0])
    with school.ctx.realm.reading() as session:
        protocol = load(school.ctx, session, school.person("head"), school.number).protocol
    view = view_of(record, {protocol.version: protocol})
    assert [one.kind for one in view.events if one.kind.startswith("file")] == [
        "file_handled", "file_opened", "file_handled",
    ]  # fmt: skip
    (piece,) = view.evidence
    assert (piece.answers["sha256"], piece.answers["bytes"], piece.answers["mime"]) == (digest, len(PICTURE), "jpeg")


@pytest.mark.exhaustive
def test_a_copy_without_words_has_neither_the_reason_nor_the_account(school: School) -> None:
    text, reader, data = printed(school, "supervisor", "fr")
    record = reader.attachments["record.json"][0].decode()
    for secret in (REASON, "kif"):
        assert secret not in text
        assert secret not in record
    assert PICTURE[:200] not in data
    assert made.MAKER not in json.dumps(record)
