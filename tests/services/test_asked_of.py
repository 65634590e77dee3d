"""What page one asks of the service for which a copy is made: about its own referral alone."""

from __future__ import annotations

from school_protocol.case_files.content import Asked
from school_protocol.case_files.printing import draft
from school_protocol.cases.loading import load
from services.conftest import School
from services.lettering import refer, told


def asked(school: School, about: str) -> Asked | None:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
        profile = next(
            one
            for doc in loaded.protocol.documents.values()
            for one in doc.profiles.values()
            if one.reader == "referral"
        )
        return draft(school.ctx, session, loaded, profile, "fr", about).view.asked


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
