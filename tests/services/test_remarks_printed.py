"""Remarks on the pages of a copy: in the section that prints them, in the chronology, and in the record inside."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from school_protocol.case_files.pages import about_said
from school_protocol.case_files.record import decoded, view_of
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases.loading import load
from school_protocol.engine.events import Remark, RemarkKind
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.supervision.remarks import attach_remarks, settle_remark
from services.conftest import School
from services.reviewing import ASKS as OBSERVED
from services.reviewing import observes

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

ASKED, ANSWER = "Qui a informé la famille ?", "Par le chef, de vive voix."
SAID = {
    "fr": ("Remarques de la supervision", "Réponse attendue", "Traitée"),
    "ar": ("ملاحظات الإشراف", "جوابا", "عولجت"),
}


def remarked(school: School) -> None:
    school.report()
    ctx, number = school.ctx, school.number
    issue_case_file(ctx, school.person("directorate"), number, "supervisor", "fr")
    remarks = [
        Remark(kind=RemarkKind.question, text=ASKED, awaits=True, section="people"),
        Remark(kind=RemarkKind.correct, text="التاريخ غير صحيح", awaits=True, entry=1),
    ]
    done = attach_remarks(ctx, school.person("directorate"), number, 1, remarks)
    settle_remark(ctx, school.person("head"), number, done.seq, 1, ANSWER)


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_next_copy_prints_what_was_remarked_and_what_became_of_it(school: School, language: str) -> None:
    remarked(school)
    data = issue_case_file(school.ctx, school.person("directorate"), school.number, "supervisor", language).data
    reader = PdfReader(io.BytesIO(data))
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    for said in (ASKED, ANSWER, "التاريخ غير صحيح", *SAID[language]):
        assert said in text
    record = decoded(reader.attachments["record.json"][0])
    with school.ctx.realm.reading() as session:
        protocol = load(school.ctx, session, school.person("head"), school.number).protocol
    view = view_of(record, {protocol.version: protocol})
    assert [one.kind for one in view.events if one.kind.startswith("remark")] == ["remarks_attached", "remark_settled"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_question_and_a_missing_form_are_printed_by_their_titles_and_read_back(school: School, language: str) -> None:
    school.report()
    for place in ({"entry": 2, "field": "danger_now"}, {"entry": 0, "act": "safety_check"}):
        observes(school, replace(OBSERVED, text=ASKED, **place))
    person = school.person("directorate")
    data = issue_case_file(school.ctx, person, school.number, "supervisor", language).data
    reader = PdfReader(io.BytesIO(data))
    protocol = school.ctx.library.current()[0]
    titles = (protocol.form_of("report").by_key["danger_now"].label, protocol.acts["safety_check"].title)
    said = " ".join("".join(page.extract_text() for page in reader.pages).split())
    assert [one.in_language(language) in said for one in titles] == [True, True]
    view = view_of(decoded(reader.attachments["record.json"][0]), {protocol.version: protocol})
    first, second = (one.detail["remarks"][0] for one in view.events if one.kind == "remarks_attached")
    w = Wording(language)
    assert about_said(w, protocol, "", first).endswith(w.text(titles[0]))
    assert about_said(w, protocol, "", second).endswith(w.text(titles[1]))


@pytest.mark.exhaustive
def test_a_copy_that_has_no_such_section_has_none_of_their_words(school: School) -> None:
    """Whatever a copy leaves out of its sections is in no stream of it either."""
    remarked(school)
    school.act("team_member", "add_person", persons=[{"slot": "guardian", "name": "Khadija Benali"}])
    person = school.person("head")
    with school.ctx.realm.reading() as session:
        protocol = load(school.ctx, session, person, school.number).protocol
    looked: list[str] = []
    for key, profile in protocol.documents["case_file"].profiles.items():
        if profile.has("remarks") or profile.reader != "guardian":
            continue
        data = issue_case_file(school.ctx, person, school.number, key, "fr", about="guardian-1").data
        looked.append(key)
        record = PdfReader(io.BytesIO(data)).attachments["record.json"][0].decode()
        assert ASKED not in record
        assert ANSWER not in record
    assert looked, "some copy of this protocol prints no remarks"
