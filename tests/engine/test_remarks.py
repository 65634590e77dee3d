"""Remarks in the engine: folded, kept, bound to a copy by its figures, told apart from slips of the pen."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from school_protocol.engine import document_rules
from school_protocol.engine.case import fold
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import Document
from school_protocol.engine.document_rules import RemarksRefused
from school_protocol.engine.errors import BadInput
from school_protocol.engine.events import (
    DocumentIssued,
    DocumentRevoked,
    Handwritten,
    Remark,
    RemarkKind,
    RemarksAttached,
    RemarkSettled,
    from_entry,
    to_entry,
)

from .telling import NOW, Told, reported

DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(4)]
REMARKS = (
    Remark(kind=RemarkKind.question, text="من أخبر الأسرة؟", awaits=True, section="records-2"),
    Remark(kind=RemarkKind.correct, text="La date est fausse", entry=1),
)


@pytest.fixture
def document(moroccan: Protocol) -> Document:
    return moroccan.documents["case_file"]


def issued(told: Told, copy: int = 1, document: str = "case_file", **more: int) -> DocumentIssued:
    event = DocumentIssued(
        actor="directorate", role="directorate", at=NOW, occurred_at=NOW, document=document, profile="supervisor",
        language="fr", copy=copy, content_head=f"head {copy}", digest=DIGESTS[copy], **more,
    )  # fmt: skip
    told._keep([event])
    assert told.case is not None
    return told.case.documents[-1]


def attach(told: Told, document: Document, copy: DocumentIssued, *remarks: Remark, **more: Handwritten) -> None:
    assert told.case is not None
    event = document_rules.attached(
        told.case, document, copy, remarks or REMARKS, actor="directorate", role="directorate", at=NOW, **more
    )
    told._keep([event])


def refusal(told: Told, document: Document, figures: str) -> RemarksRefused:
    assert told.case is not None
    with pytest.raises(RemarksRefused) as refused:
        document_rules.copy_by_figures(told.case, document, document_rules.read_figures(figures))
    return refused.value


# ---- folded and kept ---------------------------------------------------------------------------------------------


def test_remarks_are_folded_one_by_one_and_settled_once(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    attach(told, document, issued(told))
    seq = told.seq
    header = {"actor": "head", "role": "head", "at": NOW, "occurred_at": NOW}
    told._keep([RemarkSettled(**header, attached=seq, remark=1), RemarkSettled(**header, attached=seq, remark=1)])
    told._keep([RemarkSettled(**header, attached=seq, remark=9)])
    case = told.case
    assert case is not None
    assert [(one.seq, one.place, one.settled_seq) for one in case.remarks] == [(seq, 1, seq + 1), (seq, 2, None)]
    assert document_rules.awaited(case.remarks) == ()
    assert document_rules.made(case, seq, 2) is case.remarks[1]
    assert fold(moroccan, told.events) == case
    copied = case.copied()
    copied.remarks[1].settled_seq = 3
    assert case.remarks[1].settled_seq is None


def test_they_survive_being_kept_and_the_body_holds_no_word(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    paper = Handwritten(by="academy", role="academy", at=NOW)
    attach(told, document, issued(told), paper=paper)
    told._keep(
        [
            RemarkSettled(
                actor="h", role="head", at=NOW, occurred_at=NOW, attached=told.seq, remark=2, sentence="Corrigé"
            )
        ]
    )
    came = told.events[-2]
    assert isinstance(came, RemarksAttached)
    assert came.paper == paper
    for event in told.events[-2:]:
        kept = to_entry(moroccan, event)
        assert from_entry(kept) == event
        assert not any(word in repr(kept.body) for word in ("أخبر", "fausse", "Corrigé"))
        bare = from_entry(replace(kept, words=None))
        assert not any(word in repr(bare) for word in ("أخبر", "fausse", "Corrigé"))
    assert isinstance(bare := from_entry(replace(to_entry(moroccan, came), words=None)), RemarksAttached)
    assert [(one.kind, one.awaits, one.section, one.entry) for one in bare.remarks] == [
        (one.kind, one.awaits, one.section, one.entry) for one in REMARKS
    ]


def test_they_are_content_and_no_news(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    assert told.case is not None
    news = told.case.news_seq
    attach(told, document, issued(told))
    assert (told.case.content_seq, told.case.news_seq) == (told.case.last_seq, news)


# ---- a copy and what came since --------------------------------------------------------------------------------------


def test_what_came_since_a_copy_is_neither_reading_nor_remark(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    copy = issued(told)
    issued(told, 2)
    attach(told, document, copy)
    assert told.case is not None
    assert (document_rules.content_of(told.case, copy), document_rules.since(told.case, copy)) == (2, ())
    told.act("head", "note", text="plus")
    assert [event.seq for event in document_rules.since(told.case, copy)] == [told.seq]
    with pytest.raises(RemarksRefused) as refused:
        attach(told, document, copy)
    assert (refused.value.code, refused.value.copy) == ("moved_on", 1)


def test_a_copy_made_ahead_speaks_of_what_its_pages_knew(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    told.act("head", "note", text="plus")
    copy = issued(told, at_seq=2)
    assert told.case is not None
    assert document_rules.content_of(told.case, copy) == 2
    assert [event.seq for event in document_rules.since(told.case, copy)] == [3]


def test_a_copy_taken_back_takes_none(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    copy = issued(told)
    told._keep(
        [DocumentRevoked(actor="head", role="head", at=NOW, occurred_at=NOW, document="case_file", copy=1, reason="x")]
    )
    with pytest.raises(RemarksRefused) as refused:
        attach(told, document, copy)
    assert refused.value.code == "revoked"


@pytest.mark.parametrize(("hours", "code"), [(1, "in_the_future"), (-1, "in_the_past")])
def test_paper_is_written_between_issuing_and_now(
    moroccan: Protocol, document: Document, hours: int, code: str
) -> None:
    told = reported(moroccan)
    copy = issued(told)
    with pytest.raises(BadInput) as bad:
        attach(told, document, copy, paper=Handwritten(by="x", role="academy", at=NOW + timedelta(hours=hours)))
    assert bad.value.problems == {"paper_at": (code,)}


def test_sections_are_named_by_kind_and_the_remarks_themselves_are_none(document: Document) -> None:
    found = document_rules.sections_of(document)
    assert {"records", "records-2", "grid", "chronology"} <= set(found)
    assert found["records-2"] is not found["records"]
    assert "remarks" not in found
    assert len(found) == len(document.sections) - 1


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_figures_come_back_however_they_are_typed(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    copy = issued(told)
    printed = document_rules.on_paper(copy.digest)
    assert len(printed.split()) == 5
    arabic = printed.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    for typed in (
        printed, printed.upper(), printed.replace(" ", ""), printed.replace(" ", "-"), f"\u2066{printed}\u2069", arabic,
        printed.replace("0", "O").replace("1", "l"), copy.digest, copy.digest[:16],
    ):  # fmt: skip
        assert told.case is not None
        assert document_rules.copy_by_figures(told.case, document, document_rules.read_figures(typed)) is copy, typed


def test_every_single_slip_with_the_check_is_a_slip_and_a_foreign_sheet_is_unknown(
    moroccan: Protocol, document: Document
) -> None:
    told = reported(moroccan)
    copy = issued(told)
    start, check = copy.digest[:16], document_rules.check_of(copy.digest[:16])
    slips = [
        start[:place] + figure + start[place + 1 :] + check
        for place in range(16)
        for figure in "0123456789abcdef"
        if figure != start[place]
    ]
    slips += [
        start[:place] + start[place + 1] + start[place] + start[place + 2 :] + check
        for place in range(15)
        if start[place] != start[place + 1]
    ]
    assert len(slips) > 240
    assert {refusal(told, document, slip).code for slip in slips} == {"mistyped"}
    draw = random.Random(5)
    foreign = [f"{draw.getrandbits(256):064x}" for _one in range(200)]
    assert {refusal(told, document, document_rules.on_paper(one)).code for one in foreign} == {"unknown"}


def test_without_a_check_a_slip_or_two_are_near_and_more_are_unknown(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    start = issued(told).digest[:16]

    def wrong(count: int) -> str:
        return "".join(f"{15 - int(one, 16):x}" for one in start[:count]) + start[count:]

    assert [refusal(told, document, wrong(count)).code for count in (1, 2)] == ["mistyped"] * 2
    assert [refusal(told, document, wrong(count)).code for count in (3, 16)] == ["unknown"] * 2
    assert refusal(told, document, wrong(1)).copy == 1


def test_the_figures_of_another_paper_say_so(moroccan: Protocol, document: Document) -> None:
    told = reported(moroccan)
    letter = issued(told, 3, document="referral_letter")
    refused = refusal(told, document, document_rules.on_paper(letter.digest))
    assert (refused.code, refused.copy, refused.document) == ("other_document", 3, "referral_letter")


@pytest.mark.parametrize("typed", ["", "zzzz", "1a2b", "1a2b 3c4d 5e6f 7081 4", "1a2b 3c4d 5e6f 7081 ab", "é" * 16])
def test_what_are_no_figures_is_said(typed: str) -> None:
    with pytest.raises(RemarksRefused) as refused:
        document_rules.read_figures(typed)
    assert refused.value.code == "unreadable"
