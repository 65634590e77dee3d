"""Copies of many cases at once: each as any copy is, once, whatever happens to the workers; refused ones in words."""

from __future__ import annotations

import errno
import io
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_protocol.auth import repository as auth_repository
from school_protocol.case_files import bulk
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files import service as case_files_service
from school_protocol.case_files.bulk import BulkRefused, Made, begin_bundle, see_job
from school_protocol.case_files.models import AskedPaperRow, BulkCaseRow, BulkRow, HandedPaperRow
from school_protocol.case_files.prepare_process import Here
from school_protocol.case_files.prepared import LIST, problem_message, reason_label, trouble_message, zipped
from school_protocol.case_files.service import issue_case_file
from school_protocol.cases import repository as cases_repository
from school_protocol.engine.errors import BadInput, Refused, Unseen
from school_protocol.language import Wording
from school_protocol.pdf.rendering import DocumentsUnavailable
from school_protocol.pdf.verdicts import KeyLost, NotSealable, TimestampRefused
from school_protocol.storage import journal
from school_protocol.storage.store_errors import KeysUnusable, StorageBusy, StorageFull
from services.bulking import (
    COPY_MADE,
    HOUR,
    KEY,
    WISH,
    Dying,
    begun,
    fetched,
    handed,
    issuings,
    listed,
    reported,
    rows,
    seen,
    worked,
)
from services.conftest import NAME, School


@pytest.fixture
def many(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    return reported(school, monkeypatch)


# ---- all of it -----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_each_case_has_a_numbered_copy_and_an_event_of_its_own(many: School) -> None:
    issue_case_file(many.ctx, many.person("head"), many.number, "school", "fr")
    job = begun(many)
    assert seen(many, job).waiting == 4
    assert worked(many) is False
    found = seen(many, job)
    assert (found.done, found.refused, found.waiting, found.is_running) == (4, 0, 0, False)
    assert sorted(issuings(many).values()) == [1, 1, 1, 2]
    archive = fetched(many, job)
    names = sorted(name for name in archive.namelist() if name != LIST)
    assert len(names) == 4
    assert f"{many.number}-2-fr.pdf" in names
    for name in names:
        assert archive.read(name) == f"%PDF {name.split('-')[0]} fr".encode()
    assert archive.testzip() is None
    rows = listed(archive)
    assert rows[0] == ["Dossier", "Exemplaire", "Résultat"]
    assert {row[2] for row in rows[1:]} == {COPY_MADE}
    assert NAME not in archive.read(LIST).decode()


@pytest.mark.exhaustive
def test_the_copy_is_the_one_that_pressing_there_would_have_handed_out(many: School) -> None:
    """The same event, the same access, kept under the key of its case."""
    job = begun(many)
    worked(many)
    with many.ctx.realm.reading() as session:
        case_id = cases_repository.find_by_number(session, many.number) or ""
        assert (
            case_files_repository.kept_copy(session, many.ctx.vault, many.ctx.blobs, case_id, "case_file", 1)
            is not None
        )
        assert journal.verify_case(session, many.ctx.vault, case_id) == []
        sealed = session.scalars(select(HandedPaperRow.sealed)).all()
    assert all(b"%PDF" not in one for one in sealed)
    assert seen(many, job).done == 4


# ---- killed, stopped, twice ----------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("tells", [True, False], ids=["before the copy", "after the copy"])
@pytest.mark.parametrize("lives", [0, 1, 3])
def test_a_worker_that_is_gone_leaves_each_case_exactly_one_copy(many: School, lives: int, tells: bool) -> None:
    job = begun(many)
    with pytest.raises(KeyboardInterrupt):
        worked(many, Dying(many.ctx, lives, tells))
    assert seen(many, job).done == lives
    worked(many)
    assert seen(many, job).done == 4
    assert list(issuings(many).values()) == [1, 1, 1, 1]
    assert {case.copy for case in rows(many)} == {1}


@pytest.mark.exhaustive
def test_the_control_without_a_press_of_its_own_a_case_would_have_two(
    many: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bulk.issue_one
    monkeypatch.setattr(bulk, "issue_one", lambda *told: made(*told[:-1], __import__("secrets").token_hex(4)))
    begun(many)
    with pytest.raises(KeyboardInterrupt):
        worked(many, Dying(many.ctx, 1, tells=False))
    worked(many)
    assert sorted(issuings(many).values()) == [1, 1, 1, 2]


@pytest.mark.exhaustive
def test_while_a_worker_is_at_it_another_leaves_it_alone_until_its_lease_is_over(many: School) -> None:
    job = begun(many)
    with many.ctx.realm.writing() as session:
        assert bulk.repository.take(session, job, now=many.ctx.now(), left_since=many.ctx.now() - bulk.LEASE)
    assert worked(many) is False
    assert seen(many, job).done == 0
    many.wait(minutes=5)
    worked(many)
    assert seen(many, job).done == 4


@pytest.mark.exhaustive
def test_it_is_worked_on_a_turn_at_a_time(many: School) -> None:
    job = begun(many)
    assert worked(many, seconds=0) is True
    assert seen(many, job).is_running
    assert worked(many) is False


@pytest.mark.exhaustive
def test_several_hands_do_each_case_once(many: School) -> None:
    @dataclass
    class Hands:
        ctx: Any
        size: int = 3
        told: list[str] = field(default_factory=list)
        lock: Any = field(default_factory=threading.Lock)

        def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
            with self.lock:
                self.told.append(told[1])
            return Here(self.ctx).do(work, *told, now=now)

    job, hands = begun(many), Hands(many.ctx)
    worked(many, hands)
    assert len(hands.told) == len(set(hands.told)) == 4
    assert seen(many, job).done == 4


def test_stopped_it_makes_no_further_copy_and_gives_those_that_were_made(many: School) -> None:
    job = begun(many)
    head = many.person("head")

    class Stopping(Dying):
        def do(self, work: Callable[..., Any], *told: Any, now: datetime) -> Any:
            if len(self.told) == 2:
                assert bulk.stop_bundle(many.ctx, head, job)
            return super().do(work, *told, now=now)

    hands = Stopping(many.ctx, 9, tells=False)
    assert worked(many, hands) is False
    assert len(hands.told) == 3
    found = seen(many, job)
    assert (found.bulk.state, found.done, found.waiting) == ("stopped", 3, 1)
    assert bulk.stop_bundle(many.ctx, head, job) is False
    archive = fetched(many, job)
    assert len(archive.namelist()) == 4
    assert "arrêté" in listed(archive)[-1][2]
    assert worked(many) is False
    assert sum(issuings(many).values()) == 3


def test_pressed_twice_it_is_one_job_and_a_second_one_waits_for_the_first(many: School) -> None:
    head = many.person("head")
    first = begin_bundle(many.ctx, head, WISH, "t")
    again = begin_bundle(many.ctx, head, WISH, "t")
    assert (again.job, again.repeated) == (first.job, True)
    with pytest.raises(BulkRefused) as refused:
        begin_bundle(many.ctx, head, WISH, "u")
    assert refused.value.other == first.job
    assert begun(many, "team_coordinator") != first.job, "another person's job is another matter"
    worked(many)
    assert begun(many, token="u") != first.job


# ---- who, and which cases ------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["team_member", "data_officer", "protocol_admin", "reporter"])
def test_it_is_not_for_everybody(many: School, who: str) -> None:
    actor = many.person(who)
    assert not bulk.may_ask(many.ctx, actor)
    with pytest.raises(Unseen):
        bulk.see_options(many.ctx, actor)
    with pytest.raises(Unseen):
        begun(many, who)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("who", "profiles"),
    [("head", {"supervisor", "school"}), ("directorate", {"supervisor"}), ("academy", {"supervisor"})],
)
def test_only_copies_that_one_may_hand_out_are_offered(many: School, who: str, profiles: set[str]) -> None:
    offered = {offer.profile.key for offer in bulk.see_options(many.ctx, many.person(who)).offers}
    assert profiles <= offered
    assert who == "head" or "school" not in offered
    if who != "head":
        with pytest.raises(BadInput):
            begun(many, who)


@pytest.mark.exhaustive
def test_the_job_is_nobody_elses(many: School) -> None:
    job = begun(many)
    worked(many)
    for who in ("team_coordinator", "directorate", "team_member"):
        actor = many.person(who)
        for use in (bulk.see_job, bulk.stop_bundle, bulk.delete_bundle, zipped):
            with pytest.raises(Unseen):
                use(many.ctx, actor, job)  # type: ignore[operator]
    assert seen(many, job).done == 4


@pytest.mark.exhaustive
def test_a_role_that_ended_meanwhile_gets_no_further_copy_nor_the_zip(many: School) -> None:
    job = begun(many)
    worked(many, Dying(many.ctx, 9, tells=False), seconds=HOUR)
    again = begun(many, token="u")
    head = many.person("head")
    from services.test_ahead import role_ends

    role_ends(many, "head")
    worked(many)
    with many.ctx.directory.reading() as session:
        later = auth_repository.actor(session, head.id, realm="main", today=many.ctx.now().date())
    assert later is not None
    found = see_job(many.ctx, later, again)
    assert (found.total, found.lines) == (0, ()), "nor is anything told of cases that they see no longer"
    assert {row.why for row in rows(many) if row.bulk == again} == {"not_open"}
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zipped(many.ctx, later, job))))
    assert archive.namelist() == [LIST]


@pytest.mark.exhaustive
@pytest.mark.parametrize("made", [False, True], ids=["before its turn", "after its turn"])
def test_who_is_excluded_from_a_case_gets_no_copy_and_learns_nothing_of_it(many: School, made: bool) -> None:
    job = begun(many)
    if made:
        worked(many)
    many.act("directorate", "conflict", account=many.account("head"), reason="declares")
    worked(many)
    found = seen(many, job)
    assert (found.done, found.refused, found.total, found.lines) == (3, 0, 3, ())
    assert [one.total for one in bulk.see_options(many.ctx, many.person("head")).jobs] == [3]
    assert [row.why for row in rows(many) if row.number == many.number] == ["" if made else "not_open"]
    archive = fetched(many, job)
    assert len(archive.namelist()) == 4
    assert many.number not in archive.read(LIST).decode()
    again = begun(many, token="u")
    assert seen(many, again).total == 3


@pytest.mark.exhaustive
def test_a_summary_to_be_confirmed_first_is_refused_as_by_itself(many: School) -> None:
    with pytest.raises(Refused):
        issue_case_file(many.ctx, many.person("team_coordinator"), many.number, "supervisor", "fr")
    job = begun(many, "team_coordinator", offer=f"{KEY}/supervisor")
    worked(many)
    found = seen(many, job, "team_coordinator")
    assert (found.done, {line.why for line in found.lines}) == (0, {"summary"})
    assert issuings(many) == {}


@pytest.mark.exhaustive
def test_an_erased_case_is_refused_and_its_copy_gone_from_the_zip(many: School) -> None:
    job = begun(many)

    def erase(number: str) -> None:
        with many.ctx.realm.writing() as session:
            case_id = cases_repository.find_by_number(session, number) or ""
            cases_repository.destroy_case(session, many.ctx.vault, case_id, at=many.ctx.now(), actor="x")

    numbers = [row.number for row in rows(many)]
    erase(numbers[0])
    worked(many)
    erase(numbers[1])
    assert len(fetched(many, job).namelist()) == 3
    assert [row.why for row in rows(many)] == ["not_open", "", "", ""]


def test_cases_are_chosen_by_school_and_by_the_day_of_their_last_move(many: School) -> None:
    with many.ctx.directory.reading() as session:
        code = auth_repository.unit(session, many.player.school).code
    day = many.ctx.now().date()
    assert seen(many, begun(many, schools=(code,), first=day.isoformat(), last=day.isoformat())).total == 4
    worked(many)
    for changes in (
        {"ended": True}, {"first": (day + timedelta(days=1)).isoformat()},
        {"last": (day - timedelta(days=1)).isoformat()},
    ):  # fmt: skip
        with pytest.raises(BadInput) as bad:
            begun(many, token="u", **changes)
        assert bad.value.problems == {"schools": ("no_case",)}


@pytest.mark.exhaustive(
    but=(
        "changes6-last-day",
        "changes7-last-before_first",
    )
)
@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"offer": "x/y"}, "offer", "choice"),
        ({"language": "de"}, "language", "choice"),
        ({"schools": ("99999Z",)}, "schools", "unknown_school"),
        ({"schools": ("REHEARSAL-R",)}, "schools", "unknown_school"),
        ({"first": "yesterday"}, "first", "day"),
        ({"first": "2026-02-30"}, "first", "day"),
        ({"last": "0001-01-01"}, "last", "day"),
        ({"first": "2026-02-02", "last": "2026-02-01"}, "last", "before_first"),
    ],
)
def test_what_is_typed_wrong_is_said_by_field(many: School, changes: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(BadInput) as bad:
        begun(many, **changes)
    assert bad.value.problems == {field: (code,)}
    assert problem_message(Wording("en"), code, 5) != problem_message(Wording("en"), "other", 5)


@pytest.mark.exhaustive
def test_more_than_can_be_done_at_once_is_refused(many: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 3)
    with pytest.raises(BadInput) as bad:
        begun(many)
    assert bad.value.problems == {"schools": ("too_many_cases",)}


# ---- what goes wrong -----------------------------------------------------------------------------------------------

TROUBLES = [
    (StorageFull("full"), "full"), (OSError(errno.ENOSPC, "no room"), "full"), (StorageBusy("busy"), "busy"),
    (KeysUnusable("keys"), "keys"), (KeyLost("lost"), "signing"), (DocumentsUnavailable("pango"), "typesetting"),
    (TimestampRefused("no answer"), "timestamp"),
]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize(("error", "trouble"), TROUBLES, ids=[type(one).__name__ + code for one, code in TROUBLES])
def test_what_somebody_must_mend_holds_it_up_and_costs_no_number(
    many: School, monkeypatch: pytest.MonkeyPatch, error: Exception, trouble: str
) -> None:
    job = begun(many)
    with monkeypatch.context() as patch:

        def fails(*_any: Any, **_more: Any) -> bytes:
            raise error

        patch.setattr(case_files_service, "copied", fails)
        assert worked(many) is False, "it doesn't spin"
    found = seen(many, job)
    assert (found.bulk.trouble, found.waiting, found.is_running) == (trouble, 4, True)
    assert trouble_message(Wording("ar"), trouble)
    assert issuings(many) == {}
    worked(many)
    found = seen(many, job)
    assert (found.bulk.trouble, found.done) == ("", 4)
    assert {row.copy for row in rows(many)} == {1}


@pytest.mark.exhaustive
def test_one_that_breaks_keeps_no_other_back(
    many: School, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = begun(many)
    first = rows(many)[0].number
    made = bulk.issue_one

    def breaks(ctx: Any, account: str, number: str, *more: str) -> Made:
        if number == first:
            raise ZeroDivisionError("secret words")
        return made(ctx, account, number, *more)

    monkeypatch.setattr(bulk, "issue_one", breaks)
    while worked(many):
        pass
    found = seen(many, job)
    assert (found.done, [line.why for line in found.lines], found.is_running) == (3, ["broken"], False)
    assert "secret words" not in "\n".join(caplog.messages)
    assert first not in "\n".join(caplog.messages)


@pytest.mark.exhaustive
def test_a_file_that_cannot_be_sealed_keeps_no_other_back(many: School, monkeypatch: pytest.MonkeyPatch) -> None:
    as_ever, broken = case_files_service.copied, many.number

    def fails(ctx: Any, loaded: Any, *more: Any, **named: Any) -> bytes:
        if loaded.case.number == broken:
            raise NotSealable("planted")
        return as_ever(ctx, loaded, *more, **named)

    monkeypatch.setattr(case_files_service, "copied", fails)
    job = begun(many)
    worked(many)
    found = seen(many, job)
    assert (found.bulk.trouble, found.done, found.is_running) == ("", 3, False)
    assert [row.why for row in rows(many) if row.why] == ["broken"]


def test_nothing_is_made_ahead_for_many_at_once(many: School) -> None:
    """What one person asked for once, of every case of a school, is not what they work with."""
    begun(many)
    worked(many)
    with many.ctx.realm.reading() as session:
        assert session.scalars(select(AskedPaperRow.profile)).all() == []
    case_files_service.issue_case_file(many.ctx, many.person("head"), many.number, "school", "fr")
    with many.ctx.realm.reading() as session:
        assert session.scalars(select(AskedPaperRow.profile)).all() == ["school"]


def test_every_reason_is_said_in_each_language() -> None:
    codes = ["not_open", "summary", "refused", "sealed", "broken", "gone", "revoked"]
    for language in ("fr", "ar", "en"):
        said = [reason_label(Wording(language), code) for code in codes]
        assert len(set(said)) == len(codes)
    assert reason_label(Wording("fr"), "summary") != reason_label(Wording("en"), "summary")


# ---- how long it is kept -------------------------------------------------------------------------------------------


def sweep(school: School) -> None:
    with school.ctx.realm.writing() as session:
        case_files_repository.drop_outdated(session, school.ctx.now())
    worked(school)


@pytest.mark.exhaustive
def test_copies_are_kept_for_a_day_after_the_last_was_made(many: School) -> None:
    job = begun(many)
    with pytest.raises(KeyboardInterrupt):
        worked(many, Dying(many.ctx, 2, tells=True))
    many.wait(hours=30)
    sweep(many)
    assert seen(many, job).done == 4
    assert len(fetched(many, job).namelist()) == 5, "those made first are there still"
    many.wait(hours=23)
    sweep(many)
    assert handed(many) == 4
    many.wait(hours=2)
    sweep(many)
    assert handed(many) == 0
    with pytest.raises(Unseen):
        seen(many, job)


def test_whoever_asked_deletes_them_at_once_and_the_chronology_keeps_its_entry(many: School) -> None:
    job = begun(many)
    worked(many)
    assert bulk.delete_bundle(many.ctx, many.person("head"), job)
    assert handed(many) == 0
    with pytest.raises(Unseen):
        seen(many, job)
    with many.ctx.realm.reading() as session:
        assert session.scalar(select(func.count()).select_from(BulkRow)) == 0
        assert session.scalar(select(func.count()).select_from(BulkCaseRow)) == 0
    assert sum(issuings(many).values()) == 4


@pytest.mark.exhaustive
def test_a_job_that_never_ends_is_gone_after_a_week(many: School) -> None:
    job = begun(many)
    many.wait(days=8)
    worked(many)
    with pytest.raises(Unseen):
        seen(many, job)
