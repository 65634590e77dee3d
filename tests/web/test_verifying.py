"""The page on which anybody checks a copy, and the one on which a copy is taken back."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from engine.telling import MOROCCAN
from engine.telling import NOW as THEN
from flask import Flask
from flask.testing import FlaskClient
from handing import hand_out_as
from pdf.copies import whole, with_record
from pdf.sealed import COPY, DAY, NOW, root
from services.conftest import School
from services.test_sealed_papers import keys
from werkzeug import formparser
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.auth.service import TooManyTries
from school_protocol.case_files import routes as case_files_routes
from school_protocol.case_files import verify_copy, verify_process
from school_protocol.case_files.service import Handed, check_code, issue_case_file, revoke
from school_protocol.case_files.verify_copy import Checked, checked, unread
from school_protocol.cases.loading import Loaded, load
from school_protocol.cases.story_player import TurnableClock, prepared
from school_protocol.config import Settings
from school_protocol.context import AppContext, open_context
from school_protocol.engine.definition import Protocol
from school_protocol.engine.events import DocumentIssued
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.assemble import CheckCode, overlay_html
from school_protocol.pdf.verdicts import Code
from school_protocol.pdf.verification import DOCUMENT_MOST
from school_protocol.ui import middleware
from school_protocol.web import create_app
from web.filled import filled
from web.page import read_page

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
LANGUAGES = ("fr", "ar", "en")
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    """An installation that trusts the authority of the made-up copies, and knows no case."""
    signing = tmp_path / "var" / "signing"
    signing.mkdir(parents=True)
    (signing / "root.pem").write_bytes(root().pem)
    found = open_context(Settings(data=tmp_path / "var"), TurnableClock(NOW + DAY))
    yield found
    found.close()


@pytest.fixture
def app(ctx: AppContext, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Without the process apart, but for the tests that are about it."""

    def here(data: bytes, trust: Any, moment: Any, *, seconds: float) -> Checked:
        assert seconds == case_files_routes.SECONDS <= 20
        return checked(data, trust, moment)

    monkeypatch.setattr(verify_process, "checked_apart", here)
    return create_app(ctx, testing=True)


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    return app.test_client()


def send(client: FlaskClient, data: bytes | None, language: str = "en", name: str = "copie.pdf") -> TestResponse:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    form: dict[str, Any] = dict(filled(client.get("/verify").get_data(as_text=True)))
    form["file"] = (io.BytesIO(data), name) if data is not None else (io.BytesIO(b""), "")
    return client.post("/verify", data=form, content_type="multipart/form-data")


def said(response: TestResponse) -> str:
    return re.sub(r"\s+", " ", read_page(response).text)


# ---- anybody's page ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_anybody_finds_the_page_from_the_door(anybody: FlaskClient, language: str) -> None:
    anybody.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    door = anybody.get("/sign-in").get_data(as_text=True)
    assert 'href="/verify"' in door
    response = anybody.get("/verify")
    assert response.status_code == 200
    page = read_page(response)
    assert page.lang.startswith(language)
    assert [one["type"] for one in page.inputs] == ["text", "file"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("language", "words"), [("en", "did not"), ("fr", ""), ("ar", "")])
def test_a_copy_of_a_case_that_is_not_known_here_is_told_so(anybody: FlaskClient, language: str, words: str) -> None:
    """Signature and record hold, and the installation was asked."""
    text = said(send(anybody, whole(language), language))
    assert {"en": "is not known on this site", "fr": "n’est pas connu sur ce site", "ar": "غير معروف"}[language] in text
    assert "AREF Casablanca-Settat" in text


@pytest.mark.exhaustive
def test_the_first_thing_said_is_the_verdict(anybody: FlaskClient) -> None:
    page = read_page(send(anybody, with_record(b"{}")))
    assert page.h1 == ["This file is not to be trusted."]
    assert page.title.startswith("This file is not to be trusted.")
    assert "The record (record.json) contradicts itself" in page.text


def zipped() -> bytes:
    with zipfile.ZipFile(target := io.BytesIO(), "w") as archive:
        archive.writestr("copie.pdf", b"%PDF-1.7")
    return target.getvalue()


def locked() -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(target := io.BytesIO(), encryption=pikepdf.Encryption(owner="a", user="b"))
    return target.getvalue()


def with_a_program() -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        pdf.save(target := io.BytesIO())
    return target.getvalue()


BAD: list[tuple[str, bytes | None, int, str]] = [
    ("a ZIP", zipped(), 200, "This is a ZIP archive"),
    ("locked", locked(), 200, "locked by a password"),
    ("a program", with_a_program(), 200, "contains a program (JavaScript)"),
    ("no PDF", b"<html>", 200, "This is not a PDF"),
    ("damaged", b"%PDF-1.7\n%%EOF", 200, "damaged"),
    ("empty", b"", 422, "This file is empty"),
    ("no file", None, 422, "Choose the file first"),
]


@pytest.mark.parametrize(("data", "status", "words"), [one[1:] for one in BAD], ids=[one[0] for one in BAD])
def test_what_is_no_copy_gets_its_sentence(anybody: FlaskClient, data: bytes | None, status: int, words: str) -> None:
    response = send(anybody, data)
    assert response.status_code == status
    text = said(response)
    assert words in text
    assert "genuine and complete" not in text
    assert "What was checked" not in text


class NeverRead(io.RawIOBase):
    """A body of 300 MB of which nobody reads a byte."""

    place, size = 0, 300 * 1024 * 1024

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset if whence == 0 else self.size + offset
        return self.place

    def read(self, size: int = -1) -> bytes:
        raise AssertionError(f"{size} bytes were read")

    def readinto(self, buffer: Any) -> int:
        raise AssertionError(f"{len(buffer)} bytes were read")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_too_large_is_refused_before_it_is_read(anybody: FlaskClient, language: str) -> None:
    anybody.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    anybody.get("/verify")
    response = anybody.post("/verify", input_stream=NeverRead(), content_type="multipart/form-data; boundary=b")
    assert response.status_code == 413
    assert str(DOCUMENT_MOST // 1024 // 1024) in said(response)


def test_a_file_of_the_largest_size_is_taken_and_none_larger() -> None:
    assert middleware.UPLOADS["verifying.verify"] > DOCUMENT_MOST
    assert middleware.UPLOADS["verifying.verify"] < DOCUMENT_MOST + 1024 * 1024


@pytest.mark.exhaustive
def test_the_file_is_not_kept(anybody: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary file is begun, not even one without a name; nor is anything of it in the installation."""
    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, lambda *_: pytest.fail("a file was begun"))
    monkeypatch.setattr(formparser, "SpooledTemporaryFile", lambda *_, **__: pytest.fail("a file was begun"))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    mark = b"never to be found again"
    before = sorted(path for path in tmp_path.rglob("*"))
    send(anybody, b"%PDF-1.7\n" + mark + bytes(3_000_000))
    assert list(folder.iterdir()) == []
    assert sorted(path for path in tmp_path.rglob("*") if "-wal" not in path.name and "-shm" not in path.name) == [
        path for path in before if "-wal" not in path.name and "-shm" not in path.name
    ]
    assert all(mark not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_too_many_from_one_place_are_asked_to_wait(anybody: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_copy, "MOST", 2)
    answers = [send(anybody, b"%PDF-1.7") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert "a quarter of an hour" in said(answers[2])
    assert answers[2].headers["Retry-After"] == "900"


class Allowed(NeverRead):
    """As large as a file may be."""

    size = DOCUMENT_MOST


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_comes_too_often_is_refused_before_anything_is_read(
    anybody: FlaskClient, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(verify_copy, "MOST", 0)
    anybody.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    anybody.get("/verify")
    sent = {"input_stream": Allowed(), "content_type": "multipart/form-data; boundary=b"}
    refused = anybody.post("/verify", **sent)  # type: ignore[arg-type]
    assert refused.status_code == 429
    assert {"fr": "quart d’heure", "ar": "ربع ساعة", "en": "quarter of an hour"}[language] in said(refused)
    monkeypatch.setattr(verify_copy, "MOST", 1)
    assert anybody.post("/verify", **sent).status_code == 500, "the control: read, it breaks"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("", "", True),
    ],
)
def test_addresses_of_one_network_count_as_one_place(
    ctx: AppContext, monkeypatch: pytest.MonkeyPatch, one: str, other: str, is_same: bool
) -> None:
    monkeypatch.setattr(verify_copy, "MOST", 1)
    verify_copy.note(ctx, one)
    with pytest.raises(TooManyTries) if is_same else nullcontext():
        verify_copy.note(ctx, other)


CROWDED = {
    "fr": "réessayer dans une minute",
    "ar": "إعادة المحاولة بعد دقيقة",
    "en": "please try again in a minute",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_at_once_than_there_is_room_for_are_asked_at_once_to_come_again(
    anybody: FlaskClient, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits: a thread that waits serves nobody else."""
    acquire = case_files_routes._places.acquire

    def at_once(blocking: bool = True) -> bool:
        assert not blocking
        return acquire(blocking=False)

    for _ in range(case_files_routes.AT_ONCE):
        acquire()
    try:
        monkeypatch.setattr(case_files_routes._places, "acquire", at_once)
        response = send(anybody, b"%PDF-1.7", language)
    finally:
        for _ in range(case_files_routes.AT_ONCE):
            case_files_routes._places.release()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert CROWDED[language] in said(response)
    assert send(anybody, b"%PDF-1.7").status_code == 200


def test_without_an_authority_nothing_can_be_checked_and_it_says_so(ctx: AppContext, anybody: FlaskClient) -> None:
    folder = ctx.settings.signing_folder
    assert folder is not None
    (folder / "root.pem").unlink()
    folder.rmdir()
    response = anybody.get("/verify")
    assert 'type="file"' not in response.get_data(as_text=True)
    assert "certificat" in said(response)


@pytest.mark.exhaustive
def test_an_authority_that_cannot_be_read_is_said(ctx: AppContext, anybody: FlaskClient) -> None:
    folder = ctx.settings.signing_folder
    assert folder is not None
    (folder / "root.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    response = send(anybody, whole())
    assert response.status_code == 503
    assert "can’t be read" in said(response)


def test_what_a_file_says_is_shown_as_text(anybody: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "<script>alert(1)</script>\u202egnp.exe"

    def told(data: bytes, _trust: Any, _moment: Any, **_: Any) -> Checked:
        return unread(len(data), Code.UNKNOWN_AUTHORITY, issuer=hostile)

    monkeypatch.setattr(verify_process, "checked_apart", told)
    body = send(anybody, whole()).get_data(as_text=True)
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)" in body
    assert "\u202e" not in body


def test_in_a_process_apart_the_answer_is_the_same(ctx: AppContext) -> None:
    client = create_app(ctx, testing=True).test_client()
    assert "is not known on this site" in said(send(client, whole()))


# ---- copies of a case ----------------------------------------------------------------------------------------------


@pytest.fixture
def school(tmp_path: Path, moroccan: Protocol) -> Iterator[School]:
    ctx = open_context(Settings(data=tmp_path / "school"), TurnableClock(THEN))
    found = School(prepared(ctx, ctx.clock, moroccan, MOROCCAN.read_bytes()), count(1))  # type: ignore[arg-type]
    found.report()
    keys(found)
    yield found
    ctx.close()


def client(school: School, who: str, language: str = "fr") -> FlaskClient:
    account = school.account(who)
    with school.ctx.directory.writing() as session:
        auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=school.ctx.now())
    found = create_app(school.ctx, testing=True).test_client()
    found.set_cookie("session", token)
    return found


@pytest.mark.exhaustive
def test_a_copy_is_genuine_until_it_is_taken_back(school: School) -> None:
    data = issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="one").data
    anybody = create_app(school.ctx, testing=True).test_client()
    page = read_page(send(anybody, data))
    assert page.h1 == ["This copy is genuine and complete."]
    assert "Academy" in page.text
    head, path = client(school, "head"), f"/cases/{school.number}/copies"
    listed = head.get(path)
    assert "Exemplaire n° 1" in said(listed)
    form = {**dict(filled(listed.get_data(as_text=True), "/copies")), "reason": ""}
    nothing = head.post(path, data=form)
    assert nothing.status_code == 422
    assert "Une réponse est nécessaire" in said(nothing) or "réponse" in said(nothing)
    done = head.post(path, data={**form, "reason": "partie à la mauvaise adresse"})
    assert (done.status_code, done.location) == (303, path)
    assert "partie à la mauvaise adresse" in said(head.get(path))
    again = head.post(path, data={**form, "reason": "encore"})
    assert again.status_code == 409
    assert "déjà été retiré" in said(again)
    page = read_page(send(anybody, data))
    assert page.h1 == ["This copy was taken back: it is not to be relied on."]
    assert "mauvaise adresse" not in page.text


# ---- by the code on a paper ----------------------------------------------------------------------------------------


@pytest.fixture
def handed_out(school: School, monkeypatch: pytest.MonkeyPatch) -> str:
    """The code of a copy that was handed out; its pages are not made."""
    hand_out_as(monkeypatch, lambda _view, _wording: b"pages")
    issue_case_file(school.ctx, school.person("head"), school.number, "school", "fr", token="one")
    loaded, handed = copy_of(school)
    found = check_code(school.ctx, loaded, handed)
    assert found is not None
    return found.code


def copy_of(school: School) -> tuple[Loaded, Handed]:
    with school.ctx.realm.reading() as session:
        loaded = load(school.ctx, session, school.person("head"), school.number)
    (issued,) = (one for one in loaded.events if isinstance(one, DocumentIssued))
    handed = Handed(
        document=issued.document, profile=issued.profile, language=issued.language, copy=issued.copy, reader="",
        role=issued.role, content_head="", note="", graves=0,
    )  # fmt: skip
    return loaded, handed


def test_the_code_of_a_paper_tells_what_stands_on_it_until_the_copy_is_taken_back(
    school: School, handed_out: str
) -> None:
    anybody = create_app(school.ctx, testing=True).test_client()
    arabic = handed_out.translate({ord(str(digit)): 0x660 + digit for digit in range(10)})
    for typed in (handed_out, f" {handed_out.lower().replace('-', ' ')} ", handed_out.replace("-", ""), arabic):
        page = read_page(anybody.get("/verify", query_string={"code": typed}, headers=ENGLISH))
        assert page.h1 == ["This site handed out this copy"]
        assert "Case file, copy 1" in page.text
        assert "Benali" not in page.text
    revoke(school.ctx, school.person("head"), school.number, "case_file", 1, "lost on the way")
    page = read_page(anybody.get("/verify", query_string={"code": handed_out}, headers=ENGLISH))
    assert page.h1 == ["This copy was taken back: it is not to be relied on."]
    assert "lost on the way" not in page.text


def test_a_code_that_is_on_no_paper_says_nothing(school: School, handed_out: str) -> None:
    """Neither whether there is such a case, nor whether its papers were handed out."""
    anybody = create_app(school.ctx, testing=True).test_client()
    last = "A" if handed_out[-1] != "A" else "B"
    answers = set()
    for one in (handed_out[:-1] + last, handed_out[:-1], "1234567890128-AAAA-AAAA", school.number, "é" * 500, "\0"):
        answer = anybody.get("/verify", query_string={"code": one}, headers=ENGLISH)
        assert answer.status_code == 422, one
        answers.add(read_page(answer).text.replace(one, ""))
        assert "No copy handed out here bears this code" in read_page(answer).text
    assert len(answers) == 1


def test_whoever_tries_many_codes_is_asked_to_wait(
    school: School, handed_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_copy, "MOST", 2)
    anybody = create_app(school.ctx, testing=True).test_client()
    said = [
        anybody.get("/verify", query_string={"code": handed_out}, headers=ENGLISH).status_code for _time in range(3)
    ]
    assert said == [200, 200, 429]
    assert anybody.get("/verify").status_code == 200


def test_each_copy_and_each_document_has_a_code_of_its_own(school: School, handed_out: str) -> None:
    loaded, handed = copy_of(school)
    others = [check_code(school.ctx, loaded, replace(handed, **one)) for one in ({"copy": 2}, {"document": "letter"})]
    assert len({handed_out, *(one.code for one in others if one)}) == 3
    stamp = overlay_html(
        COPY, Wording("ar"), check=CheckCode(handed_out, f"https://s.example/verify?code={handed_out}")
    )
    assert handed_out in stamp
    assert "<svg" in stamp
    assert "<svg" not in overlay_html(COPY, Wording("ar"), check=CheckCode(handed_out, ""))


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nothing_was_handed_out_the_page_says_so(school: School, language: str) -> None:
    text = said(client(school, "head", language).get(f"/cases/{school.number}/copies"))
    assert {"fr": "Aucun exemplaire", "ar": "لم تصدر أي نسخة", "en": "No copy of this case"}[language] in text


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["psychosocial", "reporter"])
def test_others_meet_a_page_that_is_not_there(school: School, who: str) -> None:
    assert client(school, who).get(f"/cases/{school.number}/copies").status_code == 404


@pytest.mark.exhaustive
@pytest.mark.parametrize("typed", [{"document": "x"}, {"copy": "x"}, {"copy": "9" * 40}, {"copy": "-1"}, {}])
def test_a_made_up_copy_is_not_there(school: School, typed: dict[str, str]) -> None:
    head, path = client(school, "head"), f"/cases/{school.number}/copies"
    token = dict(filled(head.get("/search").get_data(as_text=True)))["csrf_token"]
    sent = {"document": "case_file", "copy": "7", "reason": "x", "csrf_token": token, **typed}
    assert head.post(path, data=sent).status_code == 404
