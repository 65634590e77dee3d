"""Pages of the evidence register: files put there and handed out, what refuses them, mistakes, and removal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from services import evidence_made as made
from services.conftest import School
from services.evidence_made import SCREENSHOT, filing, on_disk
from storage.lying import settings_for
from storage.object_store import serving
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.config import Settings
from school_protocol.engine.definition import Protocol
from school_protocol.privacy import evidence_files
from school_protocol.storage import bucket
from school_protocol.web import create_app
from web.filled import filled


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    with filing(tmp_path, moroccan) as found:
        yield found


@pytest.fixture
def piece(school: School) -> int:
    return school.act("team_member", "evidence", SCREENSHOT).seq


def client(school: School, who: str, language: str = "en") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


def page(found: FlaskClient, school: School) -> str:
    response = found.get(f"/cases/{school.number}/evidence")
    assert response.status_code == 200
    return response.get_data(as_text=True)


def send(found: FlaskClient, school: School, entry: int, what: str, **said: Any) -> TestResponse:
    """A form of that page, sent with its own tokens."""
    html = page(found, school)
    tokens = {name: re.search(rf'name="{name}" value="([^"]*)"', html) for name in ("csrf_token", "shown_to", "token")}
    hidden = {name: match[1] for name, match in tokens.items() if match}
    address = f"/cases/{school.number}/evidence/{entry}/{what}"
    return found.post(address, data={**hidden, **said}, content_type="multipart/form-data")


def put(found: FlaskClient, school: School, entry: int, data: bytes, name: str = "a.png", **said: Any) -> TestResponse:
    return send(found, school, entry, "file", file=(BytesIO(data), name), **{"attested": "1", **said})


# ---- a file ----------------------------------------------------------------------------------------------------------


def test_a_file_is_put_there_and_handed_out_as_a_download(school: School, piece: int) -> None:
    member = client(school, "team_member")
    assert put(member, school, piece, made.jpeg(), "IMG_0001.exe").status_code == 303
    assert "Digest at reception" in page(member, school)
    found = send(member, school, piece, "open", purpose="understand", reason="Préparer l’écoute", original="0")
    assert found.status_code == 200
    assert found.data.startswith(b"\xff\xd8\xff")
    assert made.MAKER.encode() not in found.data
    assert found.headers["Content-Disposition"] == f'attachment; filename="{school.number}-01.jpg"'
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert found.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert found.headers["Cache-Control"] == "no-store"
    chronology = member.get(f"/cases/{school.number}/chronology").get_data(as_text=True)
    assert "Préparer l’écoute" in chronology
    assert "SHA-256" in chronology


@pytest.mark.exhaustive
def test_no_picture_stands_in_any_page(school: School, piece: int) -> None:
    member = client(school, "team_member")
    put(member, school, piece, made.png())
    for path in ("", "/evidence", "/chronology", f"/entries/{piece}"):
        html = member.get(f"/cases/{school.number}{path}").get_data(as_text=True)
        assert "<img" not in html
        assert "data:image" not in html


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "nothing came"), (b"GIF89a\0", "another kind of file (GIF)"), (made.ten_gigapixels(), "too large"),
     (made.png() + made.zip_file(), "something else besides"), (made.encrypted_pdf(), "password")],
)  # fmt: skip
def test_what_is_refused_is_said(school: School, piece: int, data: bytes, said: str) -> None:
    found = put(client(school, "team_member"), school, piece, data)
    assert found.status_code == 422
    assert said in found.get_data(as_text=True)
    assert on_disk(school) == []


def test_without_the_attestation_nothing_is_taken(school: School, piece: int) -> None:
    found = put(client(school, "team_member"), school, piece, made.png(), attested="")
    assert found.status_code == 422
    assert "Tick the box first" in found.get_data(as_text=True)


@pytest.mark.exhaustive
def test_more_than_may_come_is_told(tmp_path: Path, moroccan: Protocol) -> None:
    with filing(tmp_path, moroccan, evidence_megabytes=1) as school:
        entry = school.act("team_member", "evidence", SCREENSHOT).seq
        member = client(school, "team_member")
        assert put(member, school, entry, b"a" * (1024 * 1024 + 9)).status_code == 422
        assert put(member, school, entry, b"a" * 2 * 1024 * 1024).status_code == 413
        assert on_disk(school) == []


@pytest.mark.exhaustive
def test_where_files_are_off_the_page_says_so_and_takes_none(school: School, piece: int) -> None:
    object.__setattr__(school.ctx, "settings", Settings(data=school.ctx.settings.data))
    member = client(school, "team_member")
    html = page(member, school)
    assert "Files are not kept here" in html
    assert 'type="file"' not in html
    assert put(member, school, piece, made.png()).status_code == 422
    assert put(member, school, piece, b"a" * 200_000).status_code == 413
    assert on_disk(school) == []


# ---- where no file may be --------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("said", ["yes", "doubt"])
def test_a_back_button_or_a_second_tab_brings_no_file_in(
    school: School, piece: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form was shown while the piece allowed it; the answer changed since."""
    member = client(school, "team_member")
    html = page(member, school)
    assert 'type="file"' in html
    school.act("team_member", "raise_danger", {"which_danger": "intimate_image"})
    intimate = school.act("team_member", "evidence", {**SCREENSHOT, "sexual_or_intimate": said}).seq
    looked: list[bytes] = []
    monkeypatch.setattr(evidence_files, "_examined", lambda ctx, data: looked.append(data))
    for entry in (piece, intimate):
        found = put(member, school, entry, made.png())
        assert found.status_code == 422
        assert "Describe it in words" in found.get_data(as_text=True)
    assert looked == []
    assert not school.ctx.settings.files.exists()
    assert 'type="file"' not in page(member, school)


@pytest.mark.exhaustive
def test_a_locked_file_is_handed_to_nobody(school: School, piece: int) -> None:
    put(client(school, "team_member"), school, piece, made.png())
    school.act("team_member", "raise_danger", {"which_danger": "intimate_image"})
    for who, original in (("team_member", "0"), ("head", "1")):
        found = send(client(school, who), school, piece, "open", purpose="other", reason="x", original=original)
        assert found.status_code == 409
        assert not found.data.startswith(b"\x89PNG")


# ---- who opens it ----------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_who_reads_pseudonyms_sees_the_piece_and_neither_name_nor_file(school: School, piece: int) -> None:
    put(client(school, "team_member"), school, piece, made.png())
    above = client(school, "directorate")
    html = page(above, school)
    assert "Piece 1" in html
    assert "kif" not in html
    assert "Digest at reception" not in html
    assert send(above, school, piece, "open", purpose="other", reason="x", original="0").status_code == 404


@pytest.mark.exhaustive
def test_an_opening_without_a_reason_is_refused_and_keeps_what_was_typed(school: School, piece: int) -> None:
    member = client(school, "team_member")
    put(member, school, piece, made.png())
    found = send(member, school, piece, "open", purpose="", reason="Une raison", original="0")
    assert found.status_code == 422
    assert "Une raison" in found.get_data(as_text=True)


def test_a_missing_file_is_410_in_words(school: School, piece: int) -> None:
    member = client(school, "team_member")
    put(member, school, piece, made.png())
    for path in on_disk(school):
        path.unlink()
    found = send(member, school, piece, "open", purpose="other", reason="x", original="0")
    assert found.status_code == 410
    assert "handed to nobody" in found.get_data(as_text=True)


def test_while_files_cannot_be_reached_it_is_503_in_words_and_the_rest_is_there(
    tmp_path: Path, moroccan: Protocol
) -> None:
    with serving(tmp_path / "objects") as objects, filing(
        tmp_path, moroccan, **settings_for("bucket", lambda: objects)
    ) as school:  # fmt: skip
        entry = school.act("team_member", "evidence", SCREENSHOT).seq
        member = client(school, "team_member")
        objects.kill()
        away = put(member, school, entry, made.png())
        assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
        assert "does not answer just now. Nothing was recorded." in away.get_data(as_text=True)
        assert "does not answer" not in page(member, school)
        objects.begin()
        bucket._resting.clear()
        assert put(member, school, entry, made.png()).status_code == 303
        objects.kill()
        bucket._resting.clear()
        found = send(member, school, entry, "open", purpose="other", reason="x", original="0")
        assert found.status_code == 503


# ---- what must not be kept -------------------------------------------------------------------------------------------


def test_one_press_shuts_it_for_everybody_then_it_is_destroyed(school: School, piece: int) -> None:
    member, head = client(school, "team_member"), client(school, "head")
    put(member, school, piece, made.png())
    assert send(member, school, piece, "mistake", step="shut").status_code == 303
    for found, original in ((member, "0"), (head, "1")):
        refused = send(found, school, piece, "open", purpose="authority", reason="x", original=original)
        assert refused.status_code == 409
        assert "Nobody opens it" in refused.get_data(as_text=True)
    assert send(head, school, piece, "mistake", step="destroyed").status_code == 409
    assert send(head, school, piece, "mistake", step="asked", target="nobody").status_code == 404
    assert send(head, school, piece, "mistake", step="asked", target="prosecutor").status_code == 303
    assert len(on_disk(school)) == 2
    assert send(head, school, piece, "mistake", step="destroyed").status_code == 303
    assert on_disk(school) == []
    assert "it was destroyed" in page(member, school)
    assert send(head, school, piece, "mistake", step="shut").status_code == 404


# ---- removal ---------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_a_request_is_noted_and_answered_and_the_next_channel_is_said(school: School, piece: int) -> None:
    member = client(school, "team_member")
    assert re.search(r"Next channel:</b> *The platform", page(member, school))
    asked = {"channel": "platform", "asked_on": "2026-11-20", "reference": "R-1", "result": ""}
    found = send(member, school, piece, "removal", **asked)
    assert found.status_code == 303
    html = page(member, school)
    assert "R-1" in html
    assert "Ask again" in html, "five days without an answer"
    assert re.search(r"Next channel:</b> *EMC-Helpline", html)
    answered = {**asked, "result": "removed", "place": "0"}
    assert send(member, school, piece, "removal", **answered).status_code == 303
    html = page(member, school)
    assert "Next channel:" not in html
    assert "R-1" in member.get(f"/cases/{school.number}/entries/{piece}").get_data(as_text=True)


def test_a_request_in_the_future_is_refused_and_stays_typed(school: School, piece: int) -> None:
    found = send(client(school, "team_member"), school, piece, "removal", channel="platform", asked_on="2031-01-01",
                 reference="R-77", result="")  # fmt: skip
    assert found.status_code == 422
    assert "R-77" in found.get_data(as_text=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_page_is_whole_in_each_language(school: School, piece: int, language: str) -> None:
    member = client(school, "team_member", language)
    put(member, school, piece, made.png())
    html = page(member, school)
    assert "Put a file" not in html
    assert "Digest at" not in html


# ---- what it was taken for; whom to call -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"Un message copi\xc3\xa9", "capture.png", "ends in “png”, but by its content it is this: plain text"),
        (made.jpeg(), "capture.PNG", "ends in “png”, but by its content it is this: picture (JPEG)"),
        (made.jpeg(), "IMG_0001.JPG", "kept, sealed: picture (JPEG)."),
        (b"Un message", "message", "kept, sealed: plain text."),
        (b"Un message", "capture du 12.11, groupe de la classe", "kept, sealed: plain text."),
        (b"Un message", "notes.\u202egnp", "kept, sealed: plain text."),
        (b"Un message", "notes.unknown", "kept, sealed: plain text."),
    ],
)
def test_what_a_file_was_taken_for_is_said(school: School, piece: int, data: bytes, name: str, said: str) -> None:
    member = client(school, "team_member")
    assert put(member, school, piece, data, name).status_code == 303
    assert said in page(member, school)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("answer", "leads"), [("yes", True), ("doubt", True), ("no", False)])
def test_an_intimate_piece_leads_to_the_first_minutes(school: School, answer: str, leads: bool) -> None:
    member = client(school, "team_member")
    case, told = f"/cases/{school.number}", "A child may be in danger here"
    html = member.get(f"{case}/acts/evidence").get_data(as_text=True)
    form = filled(html, f"{case}/acts/evidence")
    sent = {**form, "a-kind": "screenshot", "a-sexual_or_intimate": answer, "a-description": "Décrite par l’élève."}
    location = member.post(f"{case}/acts/evidence", data=sent).headers["Location"]
    assert ("/evidence#piece-" in location) is leads
    shown = page(member, school)
    assert (told in shown) is leads
    assert (f'<a class="danger-btn" href="{case}/danger">' in shown.partition(told)[2]) is leads
    danger = next(key for key, one in school.ctx.library.current()[0].dangers.items() if one.no_files)
    school.act("team_member", "raise_danger", which_danger=danger)
    after = page(member, school)
    assert told not in after
    assert f'href="{case}/first-minutes"' in after


@pytest.mark.exhaustive
def test_a_danger_that_is_over_speaks_for_no_piece_that_came_later(school: School) -> None:
    """Raised and lifted before the piece came in: whoever sees that content is led to say so once more."""
    danger = next(key for key, one in school.ctx.library.current()[0].dangers.items() if one.no_files)
    member, told = client(school, "team_member"), "A child may be in danger here"
    intimate = {**SCREENSHOT, "sexual_or_intimate": "yes"}
    school.act("team_member", "evidence", intimate)
    assert page(member, school).count(told) == 1
    school.act("team_member", "raise_danger", which_danger=danger)
    assert told not in page(member, school)
    lifted = school.act("head", "lift_danger", which_danger=danger, reason="Autre chose.")
    school.act("directorate", "signature", record=str(lifted.seq))
    assert told not in page(member, school), "it was said after that piece"
    school.act("team_member", "evidence", intimate)
    assert page(member, school).count(told) == 1, "of the new one alone"
