"""Copies of many cases as they are fetched: to whom each is given still, what is taken back, what is noted."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from school_protocol.case_files import bulk, printing
from school_protocol.case_files import repository as case_files_repository
from school_protocol.case_files.bulk import Made
from school_protocol.case_files.prepared import LIST, reason_label, zipped
from school_protocol.case_files.service import revoke
from school_protocol.language import Wording
from school_protocol.storage.models import AccessRow
from services.bulking import COPY_MADE, KEY, begun, fetched, listed, reported, seen, worked
from services.conftest import School


@pytest.fixture
def many(school: School, monkeypatch: pytest.MonkeyPatch) -> School:
    return reported(school, monkeypatch)


def outcomes(archive: zipfile.ZipFile) -> dict[str, str]:
    return {row[0]: row[2] for row in listed(archive)[1:]}


NOT_OPEN = reason_label(Wording("fr"), "not_open")


@pytest.mark.parametrize("profile", ["school", "supervisor"])
def test_who_reads_pseudonyms_only_by_now_does_not_get_the_copies_with_names(many: School, profile: str) -> None:
    """The same account, moved on to the directorate: it may hand out one of the two profiles still, without names."""
    many.act("head", "nameless_summary", summary="L’élève va mieux.", names_nobody="true")
    job = begun(many, offer=f"{KEY}/{profile}")
    worked(many)
    done = seen(many, job).done
    assert done
    moved = replace(many.person("head"), appointments=many.person("directorate").appointments)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zipped(many.ctx, moved, job))))
    assert archive.namelist() == [LIST]
    assert many.number in outcomes(archive)
    assert NOT_OPEN in outcomes(archive).values()
    assert len(fetched(many, job).namelist()) == done + 1, "the control: in the same role they are there"


@pytest.mark.exhaustive
def test_who_was_seated_for_one_side_since_gets_that_case_no_more(many: School) -> None:
    job = begun(many, "team_coordinator")
    worked(many)
    assert len(fetched(many, job, "team_coordinator").namelist()) == 5
    coordinator = many.account("team_coordinator")
    many.act("head", "name_seat", seat="support", account=coordinator, side="targeted")
    archive = fetched(many, job, "team_coordinator")
    assert len(archive.namelist()) == 4
    assert outcomes(archive)[many.number] == NOT_OPEN
    assert sorted(outcomes(archive).values()) == sorted([NOT_OPEN, *[COPY_MADE] * 3])


@pytest.mark.exhaustive
def test_what_was_written_since_does_not_keep_a_copy_back(many: School) -> None:
    job = begun(many)
    worked(many)
    many.act("team_member/2", "conflict", reason="close_relative")
    assert len(fetched(many, job).namelist()) == 5


@pytest.mark.exhaustive
def test_a_new_release_of_the_program_keeps_no_copy_back(many: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages would be made otherwise by now: those that were handed out are for the same eyes all the same."""
    job = begun(many)
    worked(many)
    monkeypatch.setattr(printing, "ink", lambda _language: "of another release")
    assert len(fetched(many, job).namelist()) == 5


def test_a_copy_begun_in_another_role_is_not_taken_for_one_of_this_role(many: School) -> None:
    """A worker was gone between the copy and the job’s note of it; meanwhile the person reads pseudonyms only."""
    told = (many.account("head"), many.number, "supervisor", "fr", "t")
    many.act("head", "nameless_summary", summary="L’élève va mieux.", names_nobody="true")
    first = bulk.issue_one(many.ctx, *told)
    assert (first.copy, len(first.sight)) == (1, 64)
    assert bulk.issue_one(many.ctx, *told) == first
    moved = replace(many.person("head"), appointments=many.person("directorate").appointments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "actor_of", lambda *_any: moved)
        assert bulk.issue_one(many.ctx, *told) == Made(why="not_open")


def test_a_copy_that_was_taken_back_is_not_handed_out_again(many: School) -> None:
    job = begun(many)
    worked(many)
    revoke(many.ctx, many.person("head"), many.number, "case_file", 1, "wrong reader")
    archive = fetched(many, job)
    assert len(archive.namelist()) == 4
    assert outcomes(archive)[many.number] == reason_label(Wording("fr"), "revoked")


@pytest.mark.exhaustive
def test_taken_back_is_looked_at_although_the_copy_is_kept(many: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_files_repository, "drop_copy", lambda *_any: None)
    test_a_copy_that_was_taken_back_is_not_handed_out_again(many)


@pytest.mark.exhaustive
def test_each_copy_that_is_fetched_is_noted_as_an_access(many: School) -> None:
    def noted() -> dict[str, int]:
        with many.ctx.realm.reading() as session:
            query = select(AccessRow.case_id, func.count()).where(
                AccessRow.what == "file.school", AccessRow.account == many.account("head")
            )
            return {str(case_id): number for case_id, number in session.execute(query.group_by(AccessRow.case_id))}

    job = begun(many)
    worked(many)
    assert sorted(noted().values()) == [1, 1, 1, 1]
    revoke(many.ctx, many.person("head"), many.number, "case_file", 1, "wrong reader")
    fetched(many, job)
    assert sorted(noted().values()) == [1, 2, 2, 2], "of what is not handed out there is none"
