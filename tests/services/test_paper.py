"""Paper typed in through the use cases: kept, shown, printed; the writer's role as the directory has it on that day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from engine.telling import NOW, REPORT, SAFE
from pypdf import PdfReader

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import index_repository
from school_protocol.cases import repository as cases_repository
from school_protocol.cases.intake import open_case, rehearse_opening, see_opening
from school_protocol.cases.loading import load, load_by_id, reindex
from school_protocol.cases.on_paper import OnPaper
from school_protocol.cases.pseudonyms import Pseudonymiser
from school_protocol.cases.service import record_act, rehearse_act
from school_protocol.cases.showing import see_act, see_case, see_chronology, see_record
from school_protocol.cases.view_models import PaperLine, RecordView
from school_protocol.engine.deadlines import dues
from school_protocol.engine.errors import BadInput, Refused, SentBefore
from school_protocol.storage import journal

from .conftest import NAME, School

EARLIER = NOW + timedelta(hours=1)


@pytest.fixture
def told(school: School) -> School:
    """A case reported at ten, two days later."""
    school.report()
    school.wait(days=2)
    return school


def on_paper(school: School, by: str = "", at: datetime = EARLIER) -> OnPaper:
    return OnPaper(at.isoformat(), school.account(by) if by else "")


def entry(school: School, who: str, seq: int) -> RecordView:
    return see_record(school.ctx, school.person(who), school.number, seq)[1]


def problems(school: School, who: str, act: str, paper: OnPaper, /, **answers: str) -> Mapping[str, tuple[str, ...]]:
    """What is wrong with it as it would be recorded, and as it is."""
    with pytest.raises(BadInput) as rehearsed:
        rehearse_act(school.ctx, school.person(who), school.number, act, answers, expected=None, paper=paper)
    with pytest.raises(BadInput) as tried:
        school.act(who, act, answers, paper=paper)
    assert tried.value.problems == rehearsed.value.problems
    return tried.value.problems


# ---- kept and shown ------------------------------------------------------------------------------------------------


def test_it_is_shown_with_both_names_and_both_times(told: School) -> None:
    done = told.act("team_coordinator", "safety_check", SAFE, paper=on_paper(told, "team_member"))
    shown = entry(told, "head", done.seq)
    names = {who: told.person(who).name for who in ("team_member", "team_coordinator")}
    assert shown.paper == PaperLine(names["team_member"], "team_member", EARLIER)
    assert (shown.actor, shown.role) == (names["team_coordinator"], "team_coordinator")
    assert (shown.author, shown.author_role, shown.written_at) == (names["team_member"], "team_member", EARLIER)
    assert (shown.occurred_at, shown.at) == (EARLIER, told.ctx.now())
    _head, page = see_chronology(told.ctx, told.person("head"), told.number)
    (line,) = [event.record for event in page.events if event.seq == done.seq]
    assert line is not None
    assert line.paper == shown.paper


def test_what_is_typed_here_says_nothing_of_paper(told: School) -> None:
    done = told.act("team_member", "note", text="x")
    shown = entry(told, "head", done.seq)
    assert (shown.paper, shown.author, shown.written_at) == (None, shown.actor, shown.at)


@pytest.mark.exhaustive
def test_the_case_file_prints_who_wrote_and_who_typed(told: School) -> None:
    told.act("team_coordinator", "safety_check", SAFE, paper=on_paper(told, "team_member"))
    issued = issue_case_file(told.ctx, told.person("head"), told.number, "school", "fr")
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(issued.data)).pages).split())
    assert "Écrit sur papier par" in text
    assert "sur papier" in text
    assert "recopié par" in text


@pytest.mark.exhaustive
def test_its_clock_ran_from_the_paper_and_what_is_kept_holds(told: School) -> None:
    done = told.act("team_coordinator", "safety_check", SAFE, paper=on_paper(told, "team_member"))
    duties = {line.duty.key: line for line in see_case(told.ctx, told.person("head"), told.number).duties}
    assert (duties["danger_check"].state, duties["danger_check"].done_at) == ("done", EARLIER)
    with told.ctx.realm.writing() as session:
        case_id = cases_repository.find_by_number(session, told.number) or ""
        loaded = load_by_id(told.ctx, session, told.person("head"), case_id)
        (count,) = [one for one in dues(loaded.facts) if one.deadline == "safety_check"]
        assert (count.state, count.is_late(loaded.now)) == ("met", False)
        row = index_repository.row_of(session, case_id)
        assert row is not None
        assert replace(reindex(told.ctx, session, case_id), moved_at=row.moved_at) == row
        assert journal.verify_all(session, told.ctx.vault) == []
    assert loaded.events[-1].seq >= done.seq


@pytest.mark.exhaustive
@pytest.mark.parametrize(("typist", "writer", "read"), [
    ("head", "team_member", "[EV1]"),
    ("directorate", "head", NAME),
    ("directorate", "directorate", NAME),
])  # fmt: skip
def test_whoever_reads_no_names_reads_none_back_by_naming_another_writer(
    told: School, typist: str, writer: str, read: str
) -> None:
    """Texts are masked by what their typist may know: another's name on the paper opens nothing."""
    done = told.act(typist, "safety_check", SAFE, paper=on_paper(told, writer))
    with told.ctx.realm.reading() as session:
        loaded = load(told.ctx, session, told.person("directorate"), told.number)
    record = loaded.case.record(done.seq)
    assert record is not None
    assert Pseudonymiser(loaded).of(record)(NAME) == read


# ---- who wrote it, as the directory knows --------------------------------------------------------------------------


def hired(school: School, starts: date, ends: date | None = None) -> str:
    """A member of the team for some days: their account."""
    with school.ctx.directory.writing() as session:
        account = auth_repository.add_account(
            session, username=f"guest-{starts}-{ends}", names={"fr": "Invitée"}, language="fr",
            created_at=NOW, certified=True, trained_until=date(2099, 1, 1),
        )  # fmt: skip
        auth_repository.appoint(
            session, account, role="team_member", unit=school.player.school, starts=starts, ends=ends
        )
    return account


@pytest.mark.parametrize(
    ("starts", "ends", "code"),
    [
        (date(2026, 11, 25), None, None),
        (date(2026, 9, 1), date(2026, 11, 25), None),
        (date(2026, 11, 26), None, "writer_without_role"),
        (date(2026, 9, 1), date(2026, 11, 24), "writer_without_role"),
    ],
)
def test_the_role_is_the_one_of_that_day(told: School, starts: date, ends: date | None, code: str | None) -> None:
    paper = OnPaper(EARLIER.isoformat(), hired(told, starts, ends))
    if code is None:
        told.act("head", "note", text="x", paper=paper)
    else:
        (found,) = problems(told, "head", "note", paper, text="x")["paper.by"]
        assert found.startswith(code)


@pytest.mark.parametrize("account", ["nobody", "team_member"])
def test_who_has_no_account_wrote_nothing(told: School, account: str) -> None:
    paper = OnPaper(EARLIER.isoformat(), account)
    assert problems(told, "head", "note", paper, text="x") == {"paper.by": ("no_such_colleague",)}


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "required"), ("soon", "not_a_moment"), ("2026-13-40T10:00", "not_a_moment"), ("0001-01-01T00:00", None)],
)
def test_the_moment_is_one(told: School, text: str, code: str | None) -> None:
    found = problems(told, "head", "note", OnPaper(text), text="x")
    assert found == {"paper.at": (code or "paper_too_old:92",)}


@pytest.mark.exhaustive
def test_a_moment_without_a_zone_is_the_schools(told: School) -> None:
    done = told.act("head", "note", text="x", paper=OnPaper("2026-11-25T11:00"))
    assert entry(told, "head", done.seq).written_at == datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.mark.exhaustive
def test_the_page_offers_those_who_may_have_done_it(told: School) -> None:
    def offered(who: str, act: str) -> set[str] | None:
        lines = see_act(told.ctx, told.person(who), told.number, act).writers
        return None if lines is None else {line.id for line in lines}

    for who in ("team_member", "team_coordinator", "head", "data_officer", "reporter"):
        told.person(who)
    note = offered("team_member", "note")
    assert note == {told.account(who) for who in ("team_coordinator", "head")}, "colleagues, and not oneself"
    told.act("head", "conflict", reason="declares")
    assert offered("team_member", "note") == {told.account("team_coordinator")}, "who stands aside is not offered"
    assert offered("team_coordinator", "signature") is None
    assert offered("team_coordinator", "lift_danger") is None


# ---- a report ------------------------------------------------------------------------------------------------------


def test_a_report_from_the_future_opens_nothing(school: School) -> None:
    paper = OnPaper((NOW + timedelta(minutes=1)).isoformat())
    for use_case, more in ((rehearse_opening, {}), (open_case, {"token": "t"})):
        with pytest.raises(BadInput) as refused:
            use_case(school.ctx, school.person("team_member"), "report", REPORT, paper=paper, **more)
        assert refused.value.problems == {"paper.at": ("in_the_future",)}
    with school.ctx.realm.reading() as session:
        assert index_repository.all_case_ids(session) == []


def test_the_report_page_offers_who_may_report(school: School) -> None:
    for who in ("team_member", "reporter", "data_officer"):
        school.person(who)
    lines = see_opening(school.ctx, school.person("team_member")).writers
    assert lines is not None
    assert {line.id for line in lines} == {school.account("reporter")}


# ---- pressed twice, signed, scripted -------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_pressed_twice_it_is_recorded_once_and_another_writer_is_another_form(told: School) -> None:
    first = told.act("head", "note", text="x", paper=on_paper(told, "team_member"), token="t")
    again = told.act("head", "note", text="x", paper=on_paper(told, "team_member"), token="t")
    assert (again.seq, again.repeated) == (first.seq, True)
    with pytest.raises(SentBefore):
        told.act("head", "note", text="x", paper=on_paper(told, "team_coordinator"), token="t")


def test_a_password_typed_with_anothers_paper_signs_nothing(told: School) -> None:
    told.act("head", "name_seat", seat="acting_head", account=told.account("team_member"))
    paper, answers = on_paper(told, "team_member", told.ctx.now()), {"reason": "x"}
    with pytest.raises((Refused, BadInput)) as refused:
        record_act(
            told.ctx, told.person("head"), told.number, "no_referral", answers, expected=None, token=told.token(),
            password="whatever", paper=paper,
        )  # fmt: skip
    assert "wrong_password" not in str(refused.value), "it is not even looked at"


STEPS = [
    {"as": "team_member", "do": "report", "answers": REPORT},
    {"advance": "2d", "as": "head", "do": "safety_check", "answers": SAFE, "written_at": "2026-11-25T11:00",
     "written_by": "team_member"},
    {"as": "head", "do": "note", "answers": {"text": "x"}, "written_at": "2026-11-24T11:00", "expect": "refused"},
    {"as": "head", "do": "note", "answers": {"text": "x"}, "written_by": "team_member", "expect": "refused"},
]  # fmt: skip


@pytest.mark.exhaustive
def test_a_script_types_in_what_was_on_paper(school: School) -> None:
    played = school.player.play(STEPS)
    assert [one.went_as_said for one in played] == [True] * len(STEPS)
    assert [one.problems.get("paper.at") for one in played[2:]] == [("before_the_case",), ("required",)]
    school.number = school.player.numbers[""]
    record = next(
        event.record for event in school.seen_by("head").chronology.events if event.record and event.record.paper
    )
    assert record.written_at == datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
