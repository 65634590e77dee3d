"""Remarks on copies: who attaches them, on which copy, what refuses them, and who says that one was dealt with."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from handing import hand_out_as
from sqlalchemy import select

from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.loading import keep, load
from school_protocol.cases.on_paper import OnPaper
from school_protocol.engine import document_rules
from school_protocol.engine.definition import Protocol
from school_protocol.engine.document_rules import RemarksRefused
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.engine.events import (
    DocumentIssued,
    DocumentRevoked,
    Remark,
    RemarkKind,
    RemarksAttached,
    RemarkSettled,
)
from school_protocol.storage import access_log
from school_protocol.storage.models import OutboxRow
from school_protocol.supervision import remarks as sheets
from school_protocol.supervision.remarks import (
    attach_remarks,
    find_copy,
    sections_in,
    see_remarks,
    see_review_sheet,
    settle_remark,
)
from services.conftest import NAME, School
from services.reviewing import write

ASKS = Remark(kind=RemarkKind.complete, text="Qui a informé la famille, et quand ?", awaits=True, section="people")
TELLS = Remark(kind=RemarkKind.information, text="Bonne tenue de la chronologie.", entry=1)


@pytest.fixture(autouse=True)
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    hand_out_as(
        monkeypatch, lambda view, wording: f"{view.head.number} {view.content_head} {wording.language}".encode()
    )


def handed(school: School, who: str = "directorate", profile: str = "supervisor", language: str = "fr") -> bytes:
    return issue_case_file(school.ctx, school.person(who), school.number, profile, language).data


def attach(school: School, *remarks: Remark, who: str = "directorate", copy: int = 1, **more: Any) -> Any:
    more.setdefault("token", school.token())
    return attach_remarks(school.ctx, school.person(who), school.number, copy, remarks or (ASKS, TELLS), **more)


def events(school: School, kind: type[Any]) -> list[Any]:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("directorate"), school.number)
    return [event for event in loaded.events if isinstance(event, kind)]


def asked_for(school: School) -> list[Any]:
    with school.ctx.realm.reading() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.kind == "notify")).all()
        return [row.payload for row in rows if row.payload["move"] == "remarks"]


def code_of(call: Any, *arguments: Any, **named: Any) -> RemarksRefused:
    with pytest.raises(RemarksRefused) as refused:
        call(*arguments, **named)
    return refused.value


def revoke(school: School, copy: int) -> None:
    head = school.person("head")
    with school.ctx.realm.writing() as session:
        loaded = load(school.ctx, session, head, school.number)
        event = DocumentRevoked(
            actor=head.id, role="head", at=loaded.now, occurred_at=loaded.now, document="case_file", copy=copy,
            reason="Erreur",
        )  # fmt: skip
        keep(school.ctx, session, loaded, [event])


# ---- attaching -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_remarks_are_an_event_bound_to_the_copy_with_their_words_sealed_as_words(school: School) -> None:
    school.report()
    data = handed(school)
    done = attach(school)
    (event,) = events(school, RemarksAttached)
    assert (event.seq, event.copy, event.digest) == (done.seq, 1, hashlib.sha256(data).hexdigest())
    assert event.remarks == (ASKS, TELLS)
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        kept = cases_repository.load_events(session, school.ctx.vault, case_id)[done.seq - 1]
    assert kept.words == {"remarks.0": ASKS.text, "remarks.1": TELLS.text}
    assert ASKS.text not in str(kept.body)


@pytest.mark.exhaustive
def test_the_team_is_told_in_the_same_transaction_and_of_nothing_but_the_case(school: School) -> None:
    school.report()
    handed(school)
    attach(school)
    assert {one["to"] for one in asked_for(school)} == {"lead", "team_coordinator", "head"}
    assert all(set(one) == {"case", "to", "move", "urgent"} for one in asked_for(school))


@pytest.mark.exhaustive
def test_an_erased_remark_stands_without_its_words(school: School) -> None:
    school.report()
    handed(school)
    done = attach(school)
    with school.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        vault, now = school.ctx.vault, school.ctx.now()
        cases_repository.destroy_words(session, vault, case_id, done.seq, at=now, actor="data-officer")
    (event,) = events(school, RemarksAttached)
    assert event.remarks == (replace(ASKS, text=""), replace(TELLS, text=""))


@pytest.mark.parametrize("who", ["head", "team_coordinator", "team_member", "data_officer"])
def test_whoever_does_not_oversee_attaches_none(school: School, who: str) -> None:
    school.report()
    handed(school)
    with pytest.raises(Unseen):
        attach(school, who=who)
    assert not events(school, RemarksAttached)


@pytest.mark.exhaustive
def test_the_academy_remarks_on_the_copy_that_the_directorate_has_remarked_on(school: School) -> None:
    """What another says of the same copy does not make it another one."""
    school.report()
    handed(school)
    attach(school)
    attach(school, who="academy")
    assert [event.role for event in events(school, RemarksAttached)] == ["directorate", "academy"]


def test_a_copy_that_is_not_for_supervisors_is_not_theirs_to_remark_on(school: School) -> None:
    school.report()
    handed(school, "head", "school")
    assert see_remarks(school.ctx, school.person("directorate"), school.number).copies == ()
    assert code_of(attach, school).code == "not_for_you"


def test_remarks_are_on_the_sections_that_the_copy_has(moroccan: Protocol) -> None:
    document, kinds = moroccan.documents["case_file"], {}
    for profile in ("school", "family"):
        issued: Any = SimpleNamespace(profile=profile)
        kinds[profile] = {one.kind for one in sections_in(document, issued).values()}
    assert kinds["family"] == {"people", "follow_ups"}
    assert kinds["school"] > kinds["family"]


@pytest.mark.exhaustive
def test_what_came_since_refuses_them_and_a_new_copy_takes_them(school: School) -> None:
    school.report()
    handed(school)
    school.act("team_member", "note", text="Un mot de plus.")
    refused = code_of(attach, school)
    assert (refused.code, refused.copy, len(refused.since)) == ("moved_on", 1, 1)
    handed(school)
    attach(school, copy=2)
    assert [event.copy for event in events(school, RemarksAttached)] == [2]


@pytest.mark.exhaustive
def test_reading_and_issuing_move_nothing_on(school: School) -> None:
    school.report()
    handed(school)
    school.seen_by("team_coordinator")
    handed(school, language="ar")
    attach(school, copy=1)
    assert len(events(school, RemarksAttached)) == 1


@pytest.mark.exhaustive
def test_a_copy_that_was_taken_back_takes_none(school: School) -> None:
    school.report()
    handed(school)
    revoke(school, 1)
    assert code_of(attach, school).code == "revoked"


@pytest.mark.exhaustive
def test_pressed_twice_they_are_attached_once(school: School) -> None:
    school.report()
    handed(school)
    first, second = attach(school, token="one"), attach(school, token="one")
    assert (first.seq, first.repeated) == (second.seq, False)
    assert second.repeated
    assert len(events(school, RemarksAttached)) == 1
    assert len(asked_for(school)) == 3


@pytest.mark.exhaustive
def test_two_at_once_with_one_form_attach_once_and_with_two_forms_twice(school: School) -> None:
    school.report()
    handed(school)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _one: attach(school, token="same").seq, range(4)))
        assert len(set(found)) == 1
        assert len(set(pool.map(lambda one: attach(school, token=f"own {one}").seq, range(4)))) == 4
    assert len(events(school, RemarksAttached)) == 5


@pytest.mark.exhaustive(
    but=(
        "remark0-0.text-required",
        "remark3-0.entry-range:1:2",
    )
)
@pytest.mark.parametrize(
    ("remark", "path", "code"),
    [
        (replace(ASKS, text=" \n"), "0.text", "required"),
        (replace(ASKS, text="a" * 2001), "0.text", "too_long:2000:2001"),
        (replace(ASKS, section="kitchen"), "0.about", "unknown_option"),
        (replace(TELLS, entry=99), "0.entry", "range:1:2"),
        (replace(TELLS, text=f"{NAME} n’a pas été entendue."), "0.text", "names_somebody"),
        (replace(TELLS, text="Écrire à parent@exemple.ma"), "0.text", "reaches:parent@exemple.ma"),
    ],
)
def test_what_is_wrong_with_a_remark_is_said_at_its_box(school: School, remark: Remark, path: str, code: str) -> None:
    school.report()
    handed(school)
    with pytest.raises(BadInput) as bad:
        attach(school, remark)
    assert bad.value.problems[path] == (code,)
    assert not events(school, RemarksAttached)
    with school.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, school.number) or ""
        noted = [one.what for one in access_log.access_of_case(session, case_id, limit=9)]
    assert ("remarks.named" in noted) is (code == "names_somebody"), "names are tried out by nobody unseen"


def test_too_many_and_none_at_all_are_refused(school: School) -> None:
    school.report()
    handed(school)
    with pytest.raises(BadInput):
        attach(school, *[TELLS] * 41)
    with pytest.raises(BadInput):
        attach_remarks(school.ctx, school.person("directorate"), school.number, 1, ())


# ---- which copy, and what came on paper ----------------------------------------------------------------------------


def test_a_copy_is_found_by_its_file_its_figures_and_its_number(school: School) -> None:
    school.report()
    data = handed(school)
    other = handed(school, language="ar")
    ctx, person = school.ctx, school.person("directorate")
    figures = document_rules.on_paper(hashlib.sha256(other).hexdigest())
    assert find_copy(ctx, person, school.number, file=data) == 1
    assert find_copy(ctx, person, school.number, figures=figures) == 2
    assert find_copy(ctx, person, school.number, copy=2) == 2
    assert code_of(find_copy, ctx, person, school.number, file=data + b" ").code == "unknown_file"
    assert code_of(find_copy, ctx, person, school.number, copy=3).code == "no_such_copy"


@pytest.mark.exhaustive
def test_paper_names_its_writer_and_the_moment_and_is_bound_by_its_figures(school: School) -> None:
    school.report()
    data = handed(school)
    written = school.ctx.now()
    school.wait(days=2)
    paper = OnPaper(written.isoformat(), school.account("academy"))
    attach(school, paper=paper, figures=document_rules.on_paper(hashlib.sha256(data).hexdigest()))
    (event,) = events(school, RemarksAttached)
    assert event.paper is not None
    assert (event.paper.by, event.paper.role, event.occurred_at) == (school.account("academy"), "academy", written)
    assert event.actor == school.account("directorate")


def test_a_blank_sheet_names_its_reader_by_sign_to_whoever_reads_signs(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.report()
    handed(school)
    (issued,) = events(school, DocumentIssued)
    write(school, replace(issued, seq=0, copy=2, actor=school.account("head"), role="head", reader=f"À {NAME}"))
    printed: list[str] = []
    monkeypatch.setattr(sheets, "review_sheet", lambda view, _wording: printed.append(view.reader) or b"%PDF")
    for who in ("head", "directorate"):
        assert see_review_sheet(school.ctx, school.person(who), school.number, 2, "fr").data == b"%PDF"
    assert printed == [f"À {NAME}", "À [EV1]"]


@pytest.mark.exhaustive
def test_a_sheet_of_another_copy_is_refused_and_says_which(school: School) -> None:
    school.report()
    handed(school)
    other = document_rules.on_paper(hashlib.sha256(handed(school, language="ar")).hexdigest())
    paper = OnPaper(school.ctx.now().isoformat())
    refused = code_of(attach, school, paper=paper, figures=other)
    assert (refused.code, refused.copy) == ("other_copy", 2)


@pytest.mark.exhaustive
def test_a_sheet_of_another_case_is_unknown_here(school: School) -> None:
    school.report()
    foreign = document_rules.on_paper(hashlib.sha256(handed(school)).hexdigest())
    school.report(about_whom=[], what_happened="Une autre situation, ailleurs.")
    handed(school)
    paper = OnPaper(school.ctx.now().isoformat())
    assert code_of(attach, school, paper=paper, figures=foreign).code == "unknown"


def test_a_slip_of_the_pen_is_told_apart(school: School) -> None:
    school.report()
    digest = hashlib.sha256(handed(school)).hexdigest()
    wrong = f"{(int(digest[0], 16) + 1) % 16:x}{digest[1:16]}"
    paper = OnPaper(school.ctx.now().isoformat())
    assert code_of(attach, school, paper=paper, figures=wrong + document_rules.check_of(digest[:16])).code == "mistyped"
    assert code_of(attach, school, paper=paper, figures=wrong).copy == 1
    with pytest.raises(BadInput) as bad:
        attach(school, paper=paper, figures=" ")
    assert bad.value.problems == {"figures": ("required",)}


@pytest.mark.parametrize(("delay", "by", "path"), [(-3, "academy", "paper_at"), (1, "academy", "paper_at")])
def test_paper_is_written_after_its_copy_and_before_now(school: School, delay: int, by: str, path: str) -> None:
    school.report()
    figures = document_rules.on_paper(hashlib.sha256(handed(school)).hexdigest())
    moment = school.ctx.now().replace(year=school.ctx.now().year + (1 if delay > 0 else -1))
    with pytest.raises(BadInput) as bad:
        attach(school, paper=OnPaper(moment.isoformat(), school.account(by)), figures=figures)
    assert path in bad.value.problems


def test_a_writer_who_does_not_oversee_is_none(school: School) -> None:
    school.report()
    figures = document_rules.on_paper(hashlib.sha256(handed(school)).hexdigest())
    paper = OnPaper(school.ctx.now().isoformat(), school.account("head"))
    with pytest.raises(BadInput) as bad:
        attach(school, paper=paper, figures=figures)
    assert bad.value.problems == {"paper_by": ("no_such_colleague",)}


# ---- dealing with one ------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_remark_stands_on_the_case_page_until_somebody_says_that_it_was_dealt_with(school: School) -> None:
    school.report()
    handed(school)
    seq = attach(school).seq
    assert [(one.text, one.settled_at) for one in school.seen_by("head").remarks] == [
        (ASKS.text, None),
        (TELLS.text, None),
    ]
    ctx, head = school.ctx, school.person("head")
    settle_remark(ctx, head, school.number, seq, 1, "Dit le 12, par téléphone.", token="t")
    assert settle_remark(ctx, head, school.number, seq, 1, "Dit le 12, par téléphone.", token="t").repeated
    lines = school.seen_by("directorate").remarks
    assert [(one.settled_at is not None, one.sentence) for one in lines] == [
        (True, "Dit le 12, par téléphone."),
        (False, ""),
    ]
    assert len(events(school, RemarkSettled)) == 1


@pytest.mark.exhaustive
def test_only_those_whom_remarks_reach_say_so_once_and_without_a_name(school: School) -> None:
    school.report()
    handed(school)
    seq = attach(school).seq
    ctx, number = school.ctx, school.number
    with pytest.raises(Unseen):
        settle_remark(ctx, school.person("directorate"), number, seq, 1)
    with pytest.raises(Unseen):
        settle_remark(ctx, school.person("head"), number, seq, 3)
    with pytest.raises(BadInput) as bad:
        settle_remark(ctx, school.person("head"), number, seq, 1, f"{NAME} a été entendue")
    assert bad.value.problems["sentence"] == (f"names:{NAME}:[EV1]",)
    settle_remark(ctx, school.person("head"), number, seq, 1, "Dit par téléphone.")
    with pytest.raises(Refused) as refused:
        settle_remark(ctx, school.person("team_coordinator"), number, seq, 1, "Dit aussi.")
    assert [reason.code for reason in refused.value.reasons] == ["remark_settled"]


@pytest.mark.exhaustive
def test_remarks_void_no_visa_and_hold_back_no_form(school: School) -> None:
    school.report()
    handed(school)
    with school.ctx.realm.reading() as session:
        before = load(school.ctx, session, school.person("head"), school.number).case.news_seq
    attach(school)
    with school.ctx.realm.reading() as session:
        after = load(school.ctx, session, school.person("head"), school.number).case
    assert after.news_seq == before
    assert after.content_seq == after.last_seq
