"""What page one says to the one for whom a copy is made: nothing that is asked of others, or that it can't know."""

from __future__ import annotations

from school_protocol.case_files.content import Asked, CaseFile
from school_protocol.case_files.pages import case_file_html
from school_protocol.case_files.printing import draft
from school_protocol.cases.loading import load
from school_protocol.language import Wording
from services.conftest import School
from services.lettering import refer, told
from services.reviewing import closing


def view_for(school: School, reader: str, about: str) -> CaseFile:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
        profiles = [one for document in loaded.protocol.documents.values() for one in document.profiles.values()]
        profile = next(one for one in profiles if reader in (one.reader, one.key))
        return draft(school.ctx, session, loaded, profile, "fr", about).view


def asked(school: School, about: str) -> Asked | None:
    return view_for(school, "referral", about).asked


def test_a_service_that_has_answered_is_asked_nothing_for_another(school: School) -> None:
    told(school)
    refer(school, "prosecutor")
    refer(school, "emc")
    before = asked(school, "referral-1")
    assert before is not None
    assert before.kind == "answer"
    school.act("head", "referral_answer", referral=1, outcome="answered", answered_at=school.ctx.now().isoformat())
    assert asked(school, "referral-1") == Asked("read")
    other = asked(school, "referral-2")
    assert other is not None
    assert other.kind == "answer"


def test_a_family_is_not_told_that_nothing_was_refused(school: School) -> None:
    """Visas don't stand in their copy: it can't say that none was."""
    told(school)
    none = "Nothing was refused."
    assert none in case_file_html(view_for(school, "school", ""), Wording("en"))
    assert none not in case_file_html(view_for(school, "guardian", "guardian-1"), Wording("en"))


def test_the_directorates_visa_is_not_asked_of_the_academy(school: School) -> None:
    closing(school)
    province, region = school.seen_by("head").head.unit.parents[:2]
    kinds = [found.kind for unit in (province, region) if (found := view_for(school, "oversight", unit).asked)]
    assert kinds == ["visa", "read"]
