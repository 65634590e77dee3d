"""The pages of a case, over real stores and the small definition: nothing typed is lost, nothing is recorded twice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g, render_template, render_template_string
from werkzeug.datastructures import MultiDict

from school_protocol.case_files import routes as case_files_routes
from school_protocol.case_files.copy_scope import CaseFileOptions
from school_protocol.case_files.service import Issued
from school_protocol.cases.story_player import Player
from school_protocol.cases.view_models import ActView, CaseHead, CautionLine, Choices, DangerLine, EventView, RecordView
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import EVENT_OF_ACT, EventKind
from school_protocol.engine.visibility import UnitKind
from school_protocol.language import Wording
from school_protocol.people import repository as people_repository
from school_protocol.ui.forms import form_for

from ..conftest import NOW, SCHOOL, Accounts
from ..filled import filled
from ..page import Page
from .browser import Browse

LANGUAGES = ("fr", "ar", "en")
TYPED = "Une montre « bleue » <b>x</b> 😀\r\nساعة زرقاء"


@pytest.fixture
def protocol(small: Protocol) -> Protocol:
    return small


@pytest.fixture
def player(player: Player) -> Player:
    """In a school near which there is somebody to call."""
    with player.ctx.directory.writing() as session:
        people_repository.add_contact(
            session, target="gendarmes", names={"fr": "Brigade"}, unit=player.school, phone="05 37 00 11 22"
        )
    return player


@pytest.fixture
def case(browse: Browse, player: Player) -> str:
    """A case that the warden opened by a report; the path of its page."""
    warden = browse("warden")
    warden.open("/reports/new")
    done = warden.send("/reports/new", a__what=TYPED, a__kind="money", a__worth="٤٠")
    assert re.fullmatch(r"/cases/\d{13}", done.location)
    return str(done.location)


# ---- reporting ---------------------------------------------------------------------------------------------------


def test_a_report_that_lacks_something_is_shown_again_whole(browse: Browse) -> None:
    warden = browse("warden")
    warden.open("/reports/new")
    token = warden.form["token"]
    page_of = warden.send(
        "/reports/new",
        422,
        a__what="",
        a__seen_on="31/02/2026",
        a__whose__new__0__name="إيمان",
        a__whose__new__0__massar="12",
    )
    html = page_of.get_data(as_text=True)
    assert 'value="31/02/2026"' in html
    assert 'value="إيمان"' in html
    assert warden.form["token"] == token
    assert 'href="#a-what"' in html
    done = warden.send("/reports/new", a__what="x", a__seen_on="", a__whose__new__0__massar="")
    assert "/cases/" in done.location


def test_one_who_may_not_see_the_case_gets_a_receipt(browse: Browse) -> None:
    anybody = browse("anybody")
    done = anybody.record("/reports/new", a__what=TYPED, a__kind="other")
    assert re.fullmatch(r"/reports/\w+/receipt", done.location)
    page = anybody.open(done.location)
    assert "05 37 00 11 22" in page.text
    raised = anybody.client.post(done.location.replace("receipt", "danger"), data={**anybody.form, "danger": "blade"})
    assert raised.status_code == 303
    assert "receipt" in raised.location
    browse("principal").open(raised.location, 404)
    nothing = anybody.client.post(done.location.replace("receipt", "danger"), data={**anybody.form, "danger": "x"})
    assert nothing.status_code == 303


@pytest.mark.exhaustive
def test_a_danger_that_is_none_is_asked_again(browse: Browse, case: str) -> None:
    warden = browse("warden")
    warden.record("/reports/danger", 422, danger="made-up")
    warden.record(f"{case}/danger", 422, danger="")


# ---- recording ---------------------------------------------------------------------------------------------------


def test_two_dangers_from_one_page_are_two(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.open(f"{case}/danger")
    form = MultiDict(warden.form)
    for danger in ("blade", "fight", "blade"):
        warden.form = MultiDict(form)
        warden.send(f"{case}/danger", danger=danger)
    html = warden.client.get(f"{case}/first-minutes").get_data(as_text=True)
    assert html.count('class="firsts"') == 2
    shown = warden.open(f"{case}/danger")
    assert 'value="blade"' not in shown.html


@pytest.mark.exhaustive
def test_what_is_refused_says_why_and_keeps_the_text(case: str, browse: Browse) -> None:
    warden = browse("warden")
    page = warden.open(f"{case}/acts/wrap_up")
    assert "Rédiger" not in page.title
    assert "a-learnt" not in warden.form, "why it is closed, and no form to be filled in vain"
    warden.open(f"{case}/acts/jot")
    shown = warden.send(f"{case}/acts/wrap_up", 409, a__learnt=TYPED, a__asked_again__blade="no")
    assert "ساعة زرقاء" in shown.get_data(as_text=True)
    assert "autofocus" in shown.get_data(as_text=True)


@pytest.mark.exhaustive
def test_adding_a_line_records_nothing(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.open("/reports/new")
    shown = warden.send("/reports/new", 200, a__what=TYPED, more="whose", a__whose__new__0__name="A")
    assert warden.form["a-whose-new-0-name"] == "A"
    assert "a-whose-new-1-name" in warden.form
    assert "ساعة زرقاء" in shown.get_data(as_text=True)


@pytest.mark.exhaustive
def test_what_was_typed_before_an_interruption_is_there_again(
    case: str, browse: Browse, people: Accounts, player: Player
) -> None:
    warden = browse("warden")
    account = player.actor("warden").id
    warden.open(f"{case}/acts/jot")
    cookie = warden.client.get_cookie("session")
    assert cookie is not None
    people.over[cookie.value] = account
    del people.live[cookie.value]
    assert warden.resend(f"{case}/acts/jot", a__words=TYPED).status_code == 302
    people.live[cookie.value] = player.actor("warden")
    page = warden.open(f"{case}/acts/jot")
    assert "ساعة زرقاء" in page.text
    warden.send(f"{case}/acts/jot")
    assert people.drafts == {}
    assert "ساعة زرقاء" not in warden.open(f"{case}/acts/jot").text


@pytest.mark.exhaustive
def test_going_back_and_changing_the_words_loses_neither(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.open(f"{case}/acts/jot")
    first = dict(warden.form)
    warden.send(f"{case}/acts/jot", a__words="une montre bleue")
    warden.form = MultiDict(first)  # the back button: the same page, its token used up
    warden.form["expected"] = "999"
    shown = warden.send(f"{case}/acts/jot", 409, a__words="une montre rouge")
    assert "une montre rouge" in shown.get_data(as_text=True)
    assert "une montre bleue" in shown.get_data(as_text=True)
    assert "une montre rouge" not in warden.client.get(f"{case}/chronology").get_data(as_text=True)
    warden.send(f"{case}/acts/jot")
    page = warden.open(f"{case}/chronology").text
    assert page.count("une montre rouge") == page.count("une montre bleue") > 0


def test_a_used_token_on_another_act_is_not_taken_for_recorded(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.open(f"{case}/acts/jot")
    token = warden.form["token"]
    warden.send(f"{case}/acts/jot", a__words="une montre bleue")
    warden.open(f"{case}/moves/start_looking")
    warden.send(f"{case}/moves/start_looking", 409, without__keeper_trained="Vite", token=token)
    assert "Vite" not in warden.open(f"{case}/chronology").text


def test_a_refused_form_waits_and_can_be_emptied(case: str, browse: Browse, people: Accounts) -> None:
    warden = browse("warden")
    warden.record(f"{case}/acts/jot", 422, a__words="س" * 100_001)
    assert "س" * 50 in warden.open(f"{case}/acts/jot").text
    csrf = {name: warden.form[name] for name in ("csrf_token", "shown_to")}
    emptied = warden.client.post("/drafts/forget", data={**csrf, "at": f"{case}/acts/jot"})
    assert (emptied.status_code, emptied.location) == (303, f"{case}/acts/jot")
    assert people.drafts == {}
    assert "س" * 50 not in warden.open(f"{case}/acts/jot").text


@pytest.mark.exhaustive
def test_a_form_that_does_not_say_what_it_saw_has_seen_nothing(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.open(f"{case}/moves/start_looking")
    for expected in ("", "x", "-1"):
        warden.send(f"{case}/moves/start_looking", 409, expected=expected, without__keeper_trained="Vite")
        warden.open(f"{case}/moves/start_looking")
    assert "Vite" not in warden.open(f"{case}/chronology").text


# ---- moving ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_move_says_what_is_missing_and_goes_on_with_a_reason(case: str, browse: Browse) -> None:
    warden = browse("warden")
    page = warden.open(f"{case}/moves/start_looking")
    assert "Personne n’est chargé" in page.text or "Nobody keeps" in page.text or "لا أحد مكلف" in page.text
    refused = warden.send(f"{case}/moves/start_looking", 409, reason=TYPED)
    assert "ساعة زرقاء" in refused.get_data(as_text=True)
    done = warden.send(f"{case}/moves/start_looking", without__keeper_trained="Urgent, الآن")
    again = warden.send(f"{case}/moves/start_looking", without__keeper_trained="Urgent, الآن")
    assert (done.location, again.location) == (case, case)  # pressed twice: done once
    assert warden.open(f"{case}/chronology").text.count("Urgent, الآن") == 1


@pytest.mark.exhaustive
def test_a_move_that_no_longer_leaves_from_here_keeps_its_words(case: str, browse: Browse) -> None:
    one, two = browse("warden"), browse("warden")
    one.open(f"{case}/moves/start_looking")
    two.open(f"{case}/moves/start_looking")
    two.send(f"{case}/moves/start_looking", without__keeper_trained="x")
    late = one.send(f"{case}/moves/start_looking", 409, reason=TYPED, without__keeper_trained="y")
    assert "ساعة زرقاء" in late.get_data(as_text=True)
    one.open(f"{case}/moves/made-up", 404)


# ---- seeing ------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_what_is_not_there_or_not_yours_is_a_404(case: str, browse: Browse) -> None:
    browse("anybody").open(case, 404)
    warden = browse("warden")
    for path in ("entries/1", "entries/999", f"entries/{10**30}", "acts/made-up", "moves/made-up"):
        warden.open(f"{case}/{path}", 404)


@pytest.mark.exhaustive
def test_the_chronology_is_paged(case: str, browse: Browse) -> None:
    warden = browse("warden")
    for number in range(24):
        warden.record(f"{case}/acts/jot", a__words=f"note {number}")
    first = warden.open(f"{case}/chronology")
    older = re.search(r'href="(/cases/\d+/chronology\?before=\d+)" rel="next"', first.html)
    assert older
    assert "note 23" in first.text
    assert "note 0" in warden.open(older[1]).text
    warden.open(f"{case}/chronology?before=x")


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_a_case_is_well_made(
    language: str, case: str, browse: Browse, player: Player, protocol: Protocol, monkeypatch: Any
) -> None:
    warden = browse("warden")
    warden.record(f"{case}/acts/give_chair", a__seat="keeper", a__who=player.actor("mediator").id)
    warden.record(f"{case}/danger", danger="blade")
    warden.record(f"{case}/acts/post", a__to="gendarmes", a__about="blade", a__words=TYPED)
    warden.client.set_cookie("language", language)
    monkeypatch.setattr("school_protocol.ui.rendering._of_account", lambda: None)
    paths = ["", "/chronology", "/danger", "/first-minutes", "/case-file", "/entries/2", "/moves/hand_on"]
    paths += [f"/acts/{act}" for act in protocol.acts]
    paths += ["/acts/hear_back?referral=1", "/acts/put_name?record=2"]
    for path in paths:
        page = warden.open(f"{case}{path}")
        assert (page.lang[:2], page.dir) == (language, "rtl" if language == "ar" else "ltr")
        assert not re.search(r"(?<![\w-])\d{13}(?!\w)", page.text), "numbers are shown in groups"


def test_a_link_answers_ahead(case: str, browse: Browse) -> None:
    warden = browse("warden")
    warden.record(f"{case}/danger", danger="blade")
    warden.record(f"{case}/acts/post", a__to="gendarmes", a__about="blade")
    assert "referral=1" in warden.open(f"{case}/outcomes").html
    warden.open(f"{case}/acts/hear_back?referral=1")
    assert warden.form["a-letter"] == "1"
    warden.send(f"{case}/acts/hear_back", a__settled="yes")


@pytest.mark.exhaustive
def test_the_case_page_weighs_little(case: str, browse: Browse) -> None:
    import zlib

    css = (Path(__file__).parents[3] / "school_protocol" / "web" / "static" / "school.css").read_bytes()
    html = browse("warden").client.get(case).get_data()
    assert len(zlib.compress(html)) + len(zlib.compress(css)) < 30_000


# ---- the case file -----------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_the_case_file_is_handed_over(
    case: str, browse: Browse, monkeypatch: pytest.MonkeyPatch, protocol: Protocol
) -> None:
    document = next(iter(protocol.documents.values()))
    asked: list[tuple[str, ...]] = []

    def issue(ctx: Any, actor: Any, number: str, profile: str, language: str, *, about: str, token: str) -> Issued:
        assert about == ""
        asked.append((profile, language, token))
        return Issued("dossier.pdf", b"%PDF-1.7", 1)

    options = CaseFileOptions(_head(protocol), tuple(document.profiles.values()), ("fr", "ar"), None, 2)
    monkeypatch.setattr(case_files_routes, "see_case_file", lambda *_: options)
    monkeypatch.setattr(case_files_routes, "issue_case_file", issue)
    warden = browse("warden")
    warden.open(f"{case}/case-file")
    for language in ("ar", "fr"):
        found = warden.resend(f"{case}/case-file", profile="inside", language=language)
        assert (found.status_code, found.mimetype, found.get_data()) == (200, "application/pdf", b"%PDF-1.7")
        assert "dossier.pdf" in found.headers["Content-Disposition"]
    assert len({token for *_rest, token in asked}) == 2


@pytest.mark.exhaustive
def test_the_case_file_page_says_what_is_missing(
    case: str, browse: Browse, monkeypatch: pytest.MonkeyPatch, protocol: Protocol
) -> None:
    options = CaseFileOptions(_head(protocol), (), ("fr",), "apt-get install libpango-1.0-0", 0)
    monkeypatch.setattr(case_files_routes, "see_case_file", lambda *_: options)
    warden = browse("warden")
    assert "apt-get install libpango-1.0-0" in warden.open(f"{case}/case-file").text
    warden.form = filled(warden.open(f"{case}/case-file").html)
    assert warden.resend(f"{case}/case-file", profile="inside", language="fr").status_code == 200


# ---- every event, every form -------------------------------------------------------------------------------------


def _head(protocol: Protocol) -> CaseHead:
    state = next(iter(protocol.states.values()))
    live = tuple(DangerLine(danger, "raised", NOW, "x") for danger in protocol.dangers.values())
    return CaseHead(
        protocol, "1234567890123", 12, SCHOOL, state, protocol.stages[state.stage], None, NOW, NOW, True, False,
        (next(iter(protocol.roles)),), live, tuple(CautionLine(one, ()) for one in protocol.cautions.values()), True,
        word={"fr": "Boussole", "ar": "بوصلة", "en": "Compass"},
    )  # fmt: skip


def _record(protocol: Protocol, kind: EventKind, **changes: Any) -> RecordView | None:
    act = next((act for act in protocol.acts.values() if EVENT_OF_ACT[act.kind] is kind), None)
    if act is None:
        return None
    values = {"seq": 3, "event": kind.name, "act": act, "form": protocol.form_of(act), "answers": {}, "actor": "L"}
    role = next(iter(protocol.roles))
    return RecordView(**{**values, "role": role, "at": NOW, "occurred_at": NOW - timedelta(hours=3), **changes})


@pytest.mark.exhaustive(
    but=(
        "CaseOpened",
        "CaseSeen",
        "PublicReportPlaced",
        "RemarksAttached",
        "AccessLifted",
        "DoorOpened",
        "ErasureSuspended",
        "FileOpened",
        "ReportReceived",
        "DangerLifted",
        "ReferralAnswered",
        "JoiningNamed",
    )
)
@pytest.mark.parametrize("kind", EventKind)
def test_every_event_has_its_line(app: Flask, moroccan: Protocol, kind: EventKind) -> None:
    move = next(iter(moroccan.moves.values()))
    state = next(iter(moroccan.states.values()))
    details: dict[str, dict[str, Any]] = {
        "step_taken": {
            "move": move, "source": state, "target": state, "reason": "Parce que", "level": 2, "grid": {},
            "departures": [(next(iter(moroccan.needs.values())), "urgent")],
        },
        "case_opened": {"number": "1234567890123", "opened_from": "1234567890123"},
        "case_joined": {"other": "1234567890123", "dangers": list(moroccan.dangers)[:2], "handover": {"words": "w"}},
        "entry_retracted": {"entry": 2, "act": moroccan.acts["note"]},
        "public_report_placed": {"how": "linked", "hour": NOW.replace(minute=0, second=0, microsecond=0).isoformat()},
        "version_changed": {"former": 1, "version": 2, "reason": "une raison"},
        "document_issued": {"document": "x", "profile": "y", "copy": 2, "language": "fr"},
        "review_asked": {"move": None, "sentence": "Faut-il saisir ?"},
        "word_chosen": {"word": {"fr": "Boussole", "ar": "بوصلة", "en": "Compass"}},
        "review_ended": {"sentence": "Merci à l’équipe"},
        "erasure_suspended": {"until": "2027-01-31", "reason": "Une procédure est en cours"},
        "erasure_resumed": {"reason": "Classé"},
        "document_revoked": {"document": "x", "copy": 2, "reason": "Erreur de destinataire"},
        "file_handled": {"piece": 1, "step": "kept", "sha256": "a" * 64, "size": 3, "format": "png", "target": ""},
        "file_opened": {"piece": 1, "original": False, "purpose": "removal", "reason": "Parce que"},
        "remarks_attached": {
            "document": "x", "copy": 2, "awaited": 1, "paper": {"name": "L. A.", "role": "", "at": NOW.isoformat()},
            "remarks": [{"kind": "question", "section": "grid", "entry": 0, "awaits": True, "text": "Quand ?"}],
        },
        "remark_settled": {"attached": 3, "remark": 1, "sentence": "Répondu"},
        "access_lifted": {"until": NOW.isoformat(), "reason": "Un appel du procureur"},
        "access_ended": {"opened": 3},
        "door_opened": {"until": NOW.isoformat(), "reason": "Personne ne répond"},
        "door_reviewed": {"door": 3, "justified": False, "sentence": "La direction répondait"},
    }  # fmt: skip
    score = {"low": 3, "high": 9, "low_level": 1, "high_level": 2, "known": 4, "floors": [0]}
    derived = {"raised": list(moroccan.dangers)[:1], "referral": 2, "piece": 4, "score": score}
    for hidden in (None, "words", "side", "destroyed"):
        record = _record(
            moroccan, kind, hidden=hidden, derived={} if hidden == "side" else derived, signatures_wanted=2
        )
        event = EventView(
            3, kind.name, "L. A.", next(iter(moroccan.roles)), NOW, NOW, record, details.get(kind.name, {})
        )
        with app.test_request_context():
            g.wording = Wording("ar")
            html = render_template("cases/events.html", events=[event], head=_head(moroccan), names={})
        assert 'id="event-3"' in html
        assert kind.name in {*details, "case_seen"} or record is not None


def test_a_danger_that_was_passed_on_is_not_said_to_stand_once_the_case_has_ended(
    app: Flask, moroccan: Protocol
) -> None:
    head = _head(moroccan)
    line = replace(head.live_dangers[0], state="referred", changed_at=NOW)
    ended = next(state for state in moroccan.states.values() if state.ended)
    said = {}
    for state in (head.state, ended):
        with app.test_request_context():
            g.wording = Wording("en")
            source = "{% from 'cases/case_macros.html' import live %}{{ live(head) }}"
            said[state.ended] = render_template_string(source, head=replace(head, state=state, live_dangers=(line,)))
    assert "A danger stands" in said[False]
    assert "A danger was passed on to a service" in said[True]
    assert "stands" not in said[True]


def test_every_kind_of_event_has_its_partial() -> None:
    folder = Path(__file__).parents[3] / "templates" / "cases" / "chronology"
    assert {path.stem for path in folder.glob("*.html")} == {kind.name for kind in EventKind}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_the_protocol_is_well_made(app: Flask, moroccan: Protocol, language: str) -> None:
    for act in moroccan.acts.values():
        form = moroccan.form_of(act)
        view = ActView(moroccan, act, form, _head(moroccan), Choices(), asks_signature=act.signatures > 0)
        with app.test_request_context():
            g.wording = w = Wording(language)
            html = render_template(
                "cases/act.html", view=view, head=view.head, form=form_for(view, w, now=NOW), reasons=(),
                problems=(), correction=None, was_kept=True, signs=None, then="", names={}, named=None,
            )  # fmt: skip
        page = Page(html)
        assert [found for found in page.criticise() if found != "None"] == [], act.key  # “None” is an answer there


def test_a_report_is_at_most_five_questions_to_begin_with(moroccan: Protocol) -> None:
    report = moroccan.forms["report"]
    assert len([field for field in report.fields if field.required]) <= 5


@pytest.mark.exhaustive
def test_where_the_place_is_a_choice_it_is_asked(app: Flask, protocol: Protocol) -> None:
    from school_protocol.engine.visibility import Unit

    other = Unit("u2", UnitKind.school, "01234B", {"fr": "Lycée", "ar": "ثانوية"})
    act = protocol.acts["write_slip"]
    view = ActView(protocol, act, protocol.form_of(act), None, Choices(), units=(SCHOOL, other))
    with app.test_request_context():
        form = form_for(view, Wording("fr"), MultiDict({"unit": "u2"}), now=NOW)
        assert form.chosen_unit() == "u2"
        html = render_template_string('{% from "ui/fields.html" import questions %}{{ questions(form) }}', form=form)
    assert "Lycée" in html
