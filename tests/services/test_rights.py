"""What people ask about themselves: what waits, and the copy of what is kept of one person, let go by two."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest
from pypdf import PdfReader
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from school_protocol.auth import repository as auth_repository
from school_protocol.cases.loading import load
from school_protocol.engine.errors import Refused, Unseen
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.privacy import data_rights
from school_protocol.privacy.models import AccessExportRow
from school_protocol.storage.models import AccessRow
from services.conftest import NAME, WORDS, School
from services.test_seeing import HEARD

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")

WITNESS, MOTHER, ACCUSED = "Hind Lamrani", "Khadija Benali", "Omar T."


@pytest.fixture
def asked(school: School) -> School:
    """A case with a guardian and a witness, in which the mother asked for what is kept of her."""
    school.report()
    school.act(
        "team_coordinator", "add_person",
        persons=[{"slot": "guardian", "name": MOTHER, "phone": "0661357902"}, {"slot": "witness", "name": WITNESS}],
    )  # fmt: skip
    request(school)
    return school


def request(school: School, who: str = "head", **more: str) -> None:
    answers = {"stage": "asked", "request": "access", "requester": "La mère", "identity_checked": "yes", **more}
    school.act(who, "rights_request", answers)


def ask(school: School, person: str = "guardian-1", who: str = "head", token: str = "", entry: int = 0) -> str:
    said = {"token": token or school.token(), "entry": entry}
    return data_rights.ask_right(school.ctx, school.person(who), school.number, person, **said)


def agree(school: School, export: str, who: str = "data_officer") -> None:
    data_rights.settle_right(school.ctx, school.person(who), school.number, export, agreed=True)


def opened(school: School, person: str = "guardian-1", language: str = "fr") -> data_rights.Opened:
    export = ask(school, person)
    agree(school, export)
    return data_rights.open_copy(school.ctx, school.person("head"), school.number, export, language)


def text_of(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(data)).pages)


def data_in(data: bytes) -> dict[str, object]:
    with pikepdf.open(BytesIO(data)) as document:
        found = json.loads(document.attachments["access.json"].get_file().read_bytes())
    assert isinstance(found, dict)
    return found


# ---- what waits ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_request_stands_in_the_lists_until_it_is_answered(asked: School) -> None:
    for who in ("head", "data_officer", "directorate"):
        (line,) = data_rights.see_requests(asked.ctx, asked.person(who)).lines
        assert (line.request.number, line.days) == (asked.number, 10), who
    asked.wait(days=11)
    assert data_rights.see_requests(asked.ctx, asked.person("head")).lines[0].days < 0
    request(asked, stage="answered", answer="Copie remise.")
    assert data_rights.see_requests(asked.ctx, asked.person("head")).lines == ()
    with pytest.raises(Unseen):
        data_rights.see_requests(asked.ctx, asked.person("team_member"))


# ---- two people ----------------------------------------------------------------------------------------------------


def test_one_asks_another_agrees_and_the_first_opens(asked: School) -> None:
    token = asked.token()
    export = ask(asked, token=token)
    assert ask(asked, token=token) == export, "pressed twice"
    head, officer = asked.person("head"), asked.person("data_officer")
    with pytest.raises(Unseen):
        data_rights.open_copy(asked.ctx, head, asked.number, export, "fr")
    for who in ("head", "team_member", "directorate"):
        with pytest.raises(Unseen):
            agree(asked, export, who)
    agree(asked, export)
    with pytest.raises(Unseen):
        agree(asked, export)
    for somebody in (officer, asked.person("team_member"), asked.person("directorate")):
        with pytest.raises(Unseen):
            data_rights.open_copy(asked.ctx, somebody, asked.number, export, "fr")
    found = data_rights.open_copy(asked.ctx, head, asked.number, export, "fr")
    assert found.copy == 1
    view = asked.seen_by("head")
    assert any(event.detail.get("document") == "access_copy" for event in view.chronology.events)
    with asked.ctx.realm.reading() as session:
        what = set(session.scalars(select(AccessRow.what)))
    assert {data_rights.ASKED, data_rights.AGREED, data_rights.NOTE} <= what


@pytest.mark.exhaustive
def test_the_database_knows_that_it_takes_two(asked: School) -> None:
    export = ask(asked)
    alone = update(AccessExportRow).values(
        state="approved", settled_by=asked.account("head"), settled_at=asked.ctx.now()
    )
    with pytest.raises(IntegrityError, match="two_people"), asked.ctx.realm.writing() as session:
        session.execute(alone.where(AccessExportRow.id == export))


def test_the_data_officer_sees_a_sign_and_no_name(asked: School) -> None:
    ask(asked)
    view = data_rights.see_rights(asked.ctx, asked.person("data_officer"), asked.number)
    assert view.people == ()
    assert [one.sign for one in view.exports] == ["RL1"]
    assert all(name not in repr(view) for name in (NAME, MOTHER, WITNESS, WORDS))
    assert (view.exports[0].may_settle, view.exports[0].may_open) == (True, False)


@pytest.mark.exhaustive
def test_without_a_request_there_is_no_copy(school: School) -> None:
    school.report()
    with pytest.raises(Refused, match="nothing_asked"):
        ask(school, "targeted_pupil-1")


@pytest.mark.exhaustive
def test_an_agreement_runs_out(asked: School) -> None:
    export = ask(asked)
    agree(asked, export)
    asked.wait(days=11)
    with pytest.raises(Unseen):
        data_rights.open_copy(asked.ctx, asked.person("head"), asked.number, export, "fr")


# ---- one request, one copy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", ["rectification", "opposition"])
def test_a_request_for_anything_else_brings_no_copy(school: School, request_: str) -> None:
    school.report()
    request(school, request=request_)
    assert data_rights.see_rights(school.ctx, school.person("head"), school.number).asked, "it waits all the same"
    with pytest.raises(Refused, match="nothing_asked"):
        ask(school, "targeted_pupil-1")


@pytest.mark.exhaustive
def test_a_request_brings_one_copy_and_of_one_person(asked: School) -> None:
    export = ask(asked)
    for person in ("guardian-1", "targeted_pupil-1"):
        with pytest.raises(Refused, match="copy_asked"):
            ask(asked, person)
    data_rights.settle_right(asked.ctx, asked.person("data_officer"), asked.number, export, agreed=False)
    agree(asked, ask(asked))
    asked.wait(days=11)
    with pytest.raises(Refused, match="copy_asked"):
        ask(asked, "targeted_pupil-1")


def test_each_of_two_requests_has_its_own_copy(asked: School) -> None:
    request(asked, requester="Le père")
    first, second = (
        one.entry for one in data_rights.see_rights(asked.ctx, asked.person("head"), asked.number).requests
    )
    with pytest.raises(Refused, match="which_request"):
        ask(asked)
    with pytest.raises(Unseen):
        ask(asked, entry=1)
    export = ask(asked, entry=second)
    view = data_rights.see_rights(asked.ctx, asked.person("data_officer"), asked.number)
    assert [(one.sign, one.entry) for one in view.exports] == [("RL1", second)], "which request, and which sign"
    assert [one.entry for one in view.requests] == [first]
    with pytest.raises(Refused, match="copy_asked"):
        ask(asked, entry=second)
    agree(asked, export)
    data_rights.open_copy(asked.ctx, asked.person("head"), asked.number, export, "fr")
    with asked.ctx.realm.reading() as session:
        issued = load(asked.ctx, session, asked.person("head"), asked.number).case.documents[-1]
        noted = session.execute(select(AccessRow.what, AccessRow.reason).where(AccessRow.reason == str(second))).all()
    assert (issued.about, issued.request) == ("guardian-1", second)
    assert {what for what, _reason in noted} == {data_rights.ASKED, data_rights.AGREED}


@pytest.mark.exhaustive
def test_no_copy_goes_under_a_request_that_was_answered(asked: School) -> None:
    export = ask(asked)
    agree(asked, export)
    request(asked, stage="answered", answer="Copie remise.")
    request(asked, requester="Le père")
    with pytest.raises(Refused, match="nothing_asked"):
        data_rights.open_copy(asked.ctx, asked.person("head"), asked.number, export, "fr")


@pytest.mark.exhaustive
def test_where_the_request_names_somebody_the_copy_is_of_them(asked: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_rights, "named_in", lambda _facts, _record: "guardian-1")
    with pytest.raises(Refused, match="asked_of_another"):
        ask(asked, "targeted_pupil-1")
    assert ask(asked, "guardian-1")


# ---- a guardian on hold --------------------------------------------------------------------------------------------


def test_while_a_hold_stands_no_copy_goes(asked: School) -> None:
    export = ask(asked)
    agree(asked, export)
    asked.act("team_member", "raise_danger", which_danger="home_danger")
    for person in ("guardian-1", "targeted_pupil-1"):
        with pytest.raises(Refused, match="guardian_on_hold"):
            ask(asked, person)
    with pytest.raises(Refused, match="guardian_on_hold"):
        data_rights.open_copy(asked.ctx, asked.person("head"), asked.number, export, "fr")
    asked.act("directorate", "rights_agreement", decision="agreed", reason="La mère protège l’enfant.")
    found = data_rights.open_copy(asked.ctx, asked.person("head"), asked.number, export, "fr")
    assert found.copy == 1, "with what the protocol asks of such an answer"


# ---- what stands in it ---------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_nobody_else_is_named(asked: School, language: str) -> None:
    found = opened(asked, language=language)
    text, data = text_of(found.data), data_in(found.data)
    whole = json.dumps(data, ensure_ascii=False)
    assert data["person"]["identity"]["name"] == MOTHER  # type: ignore[index]
    for planted in (NAME, WITNESS, ACCUSED, WORDS, "team_member", "La mère"):
        assert planted not in whole + text, planted
    assert language != "fr" or MOTHER in text


def told_mother(school: School) -> None:
    school.act(
        "head", "inform_guardian", who="guardian-1", relation="mother", safe_to_tell="yes", mode="phone",
        result="told", told_at=school.ctx.now().isoformat(),
        requests=f"Que {WITNESS} témoigne. Appeler le 0661357902.", rights_given="yes",
    )  # fmt: skip


def test_their_own_entry_is_told_and_a_witness_has_no_sign(asked: School) -> None:
    told_mother(asked)
    whole = json.dumps(data_in(opened(asked).data), ensure_ascii=False)
    assert "témoigne" in whole
    assert "[…]" in whole
    assert "[T1]" not in whole
    assert WITNESS not in whole


@pytest.mark.exhaustive
def test_what_a_child_says_in_confidence_is_not_in_the_childs_copy(asked: School) -> None:
    """It may reach a guardian."""
    heard = {**HEARD, "heard": "targeted_pupil-1", "fears": "PEUR-DU-PERE", "listener": asked.account("team_member")}
    asked.act("team_member", "listening_target", heard)
    data = data_in(opened(asked, "targeted_pupil-1").data)
    whole = json.dumps(data, ensure_ascii=False)
    assert data["person"]["identity"]["name"] == NAME  # type: ignore[index]
    assert not any(said in whole for said in ("PEUR-DU-PERE", HEARD["account"], HEARD["wishes"]))
    (entry,) = data["entries"]  # type: ignore[misc]
    assert entry["answers"], "that they were heard, when and where"


@pytest.mark.exhaustive
def test_that_information_was_on_hold_is_never_told(asked: School) -> None:
    asked.act("team_coordinator", "guardian_hold", guardian="guardian-1", reason="pupil_asks")
    with asked.ctx.realm.reading() as session:
        loaded = load(asked.ctx, session, asked.person("head"), asked.number)
        view = data_rights.about(loaded, "guardian-1", Wording("fr"))
    assert (view.entries, view.others) == ((), 1), "the request to add them, and nothing of the hold"


def test_a_copy_that_names_others_is_noticed(asked: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: names are not taken out."""
    told_mother(asked)
    monkeypatch.setattr(data_rights, "with_tokens", lambda text, found: text)
    assert WITNESS in json.dumps(data_in(opened(asked).data), ensure_ascii=False)


@pytest.mark.exhaustive
def test_who_supervises_here_and_answers_elsewhere_is_led_there_alone(asked: School) -> None:
    """By the line, not by the person: this case is none that they answer for."""
    above, ctx = asked.person("directorate"), asked.ctx
    with ctx.directory.writing() as session:
        here = auth_repository.unit(session, asked.person("head").appointments[0].unit)
        there = auth_repository.add_unit(
            session, kind=UnitKind.school, code="99999Z", names={"fr": "Ailleurs"}, parent=here.parents[0]
        )
    both = replace(above, appointments=(*above.appointments, replace(above.appointments[0], role="head", unit=there)))
    (line,) = data_rights.see_requests(ctx, both).lines
    assert not line.is_mine
    assert data_rights.see_requests(ctx, both, only_mine=True, limit=1).lines == ()
    (own,) = data_rights.see_requests(ctx, asked.person("head"), only_mine=True).lines
    assert own.is_mine
    assert not data_rights.answers_requests(ctx, above)
