"""The page of the bundle: who is offered it, what pressing gives, and what is said where none can be made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from engine.telling import MOROCCAN, NOW
from flask.testing import FlaskClient
from services.conftest import School
from services.lettering import refer, told

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.case_files.service import academy_of
from school_protocol.cases.loading import load
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import open_context
from school_protocol.engine.definition import Protocol
from school_protocol.pdf import rendering
from school_protocol.pdf.signing_keys import Validity, make_authority
from school_protocol.web import create_app
from web.filled import filled

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[attr-defined]
    told(found)
    yield found
    ctx.close()


def keys(school: School, ends: timedelta = timedelta(days=900)) -> None:
    with school.ctx.realm.reading() as session:
        unit = load(school.ctx, session, school.person("head"), school.number).around.unit
    code = academy_of(school.ctx, unit).code
    now = school.ctx.now()
    make_authority(
        school.ctx.settings.data / "signing", "Root", {code: "Academy"}, Validity(now - timedelta(days=9), now + ends)
    )


def client(school: School, who: str, language: str = "fr") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


def at(school: School) -> str:
    return f"/cases/{school.number}/bundles/prosecutor_bundle"


def page(found: FlaskClient, path: str, status: int = 200) -> str:
    response = found.get(path)
    assert response.status_code == status, response.status
    return response.get_data(as_text=True)


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_press_gives_the_archive_and_the_same_press_the_same(school: School, language: str) -> None:
    refer(school, "prosecutor")
    keys(school)
    head = client(school, "head", language)
    assert at(school) in page(head, f"/cases/{school.number}/letters")
    assert at(school) in page(head, f"/cases/{school.number}/case-file")
    form = dict(filled(page(head, at(school))))
    assert form["about"] == "referral-1"
    sent = head.post(at(school), data=form)
    assert (sent.status_code, sent.mimetype) == (200, "application/zip")
    assert head.post(at(school), data=form).data == sent.data
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert {"manifest.json", "manifest.p7s", "case-file.pdf", f"README-{language}.txt"} <= set(archive.namelist())
        assert "openssl cms -verify" in archive.read(f"README-{language}.txt").decode()


SAID = {
    "fr": "la clé de l’académie est installée",
    "ar": "دون لائحة موقَّعة",
    "en": "without a signed list",
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_without_a_key_the_page_says_why_and_offers_nothing(school: School, language: str) -> None:
    refer(school, "prosecutor")
    text = page(client(school, "head", language), at(school))
    assert SAID[language] in text
    assert 'name="about"' not in text


@pytest.mark.exhaustive
def test_a_key_that_ran_out_is_said_and_nothing_is_noted(school: School) -> None:
    refer(school, "prosecutor")
    keys(school, ends=timedelta(days=2))
    school.wait(days=3)
    head = client(school, "head")
    before = school.last_seq()
    sent = head.post(at(school), data=dict(filled(page(head, at(school)))))
    assert sent.status_code == 503
    assert "certificat de l’académie a expiré" in sent.get_data(as_text=True)
    assert school.last_seq() == before


@pytest.mark.exhaustive
def test_without_such_a_referral_there_is_no_button(school: School) -> None:
    keys(school)
    refer(school, "emc")
    text = page(client(school, "head"), at(school))
    assert "Délivrer l’archive" not in text
    assert 'class="note"' in text


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["team_member", "academy", "data_officer"])
def test_whoever_may_not_finds_no_page(school: School, who: str) -> None:
    refer(school, "prosecutor")
    page(client(school, who), at(school), 404)
