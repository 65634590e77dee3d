"""The pages after a workshop: entered by hand or CSV, looked at first; certificates; withdrawal; the register."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from services.attested_people import DAY, LONG, furnished, trained, workshop
from training.rooms_of import person
from werkzeug.test import TestResponse

from school_protocol.auth import sign_in_repository
from school_protocol.context import AppContext
from school_protocol.pdf import rendering
from school_protocol.training import attestation_service
from school_protocol.web import create_app

NAME = "Zqsalma <b>Bennani</b>"
SENT = "Nom;Identifiant;Présent;Reçu\n{name};salma;oui;oui\n=Formule;;oui;oui\nOmar;;oui;non\n"


@dataclass
class Browser:
    """Somebody signed in, with the page that they looked at last."""

    client: FlaskClient
    page: str = ""

    def get(self, path: str) -> TestResponse:
        answer = self.client.get(path)
        self.page = answer.get_data(as_text=True)
        return answer

    def post(self, path: str, typed: dict[str, Any]) -> TestResponse:
        """Send a form of the page that was looked at last."""
        answer = self.client.post(path, data={**self.hidden(), **typed})
        if answer.status_code not in (302, 303):
            self.page = answer.get_data(as_text=True)
        return answer

    def hidden(self) -> dict[str, str]:
        found = {}
        for name in ("csrf_token", "shown_to", "token", "digest", "held_on", "minutes", "lines"):
            one = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', self.page)
            if one is not None:
                found[name] = unescape(one[1])
        return found


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[AppContext]:
    found = furnished(tmp_path)
    yield found
    found.close()


@pytest.fixture
def app(ctx: AppContext) -> Flask:
    return create_app(ctx, testing=True)


@pytest.fixture
def of(ctx: AppContext) -> str:
    return workshop(ctx)


def browser(app: Flask, ctx: AppContext, name: str, language: str = "en") -> Browser:
    with ctx.directory.writing() as session:
        token = sign_in_repository.open_web_session(session, person(ctx, name).id, now=ctx.now())
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    client.set_cookie("session", token)
    return Browser(client)


def row(place: int, name: str, username: str = "", result: str = "passed") -> dict[str, str]:
    return {f"name-{place}": name, f"username-{place}": username, f"result-{place}": result}


def entered(trainer: Browser, of: str, *rows: dict[str, str]) -> TestResponse:
    """Typed in, looked at, confirmed."""
    trainer.get(f"/workshops/{of}/attest")
    looked = trainer.post(
        f"/workshops/{of}/attest", {"held_on": DAY, "minutes": LONG, **{k: v for one in rows for k, v in one.items()}}
    )
    assert looked.status_code == 200
    return trainer.post(f"/workshops/{of}/attest/confirm", {})


def attestation(ctx: AppContext, of: str, place: int = 0) -> str:
    return attestation_service.see_attest(ctx, person(ctx), of).lines[place].attestation.id


def test_several_people_are_typed_in_looked_at_and_entered(app: Flask, ctx: AppContext, of: str) -> None:
    trainer = browser(app, ctx, "formateur")
    typed = {**row(1, NAME, "salma"), **row(3, "Omar", "karim"), **row(7, "Rachid", "", "attended")}
    trainer.get(f"/workshops/{of}/attest")
    trainer.post(f"/workshops/{of}/attest", {"held_on": DAY, "minutes": LONG, **typed})
    assert "Omar" in trainer.page
    assert trainer.page.count("Personne de votre académie n’a ce nom d’utilisateur.") == 1
    assert "/attest/confirm" not in trainer.page
    lines = attestation_service.typed_lines(
        dict(zip(("line", "name", "username", "result"), one, strict=True))
        for one in json.loads(trainer.hidden()["lines"])
    )
    digest = attestation_service.preview(ctx, person(ctx), of, lines, DAY, LONG).digest
    assert trainer.post(f"/workshops/{of}/attest/confirm", {"digest": digest}).status_code == 409
    assert "inscrites ensemble, ou aucune\N{NO-BREAK SPACE}: corrigez" in trainer.page
    assert attestation_service.see_attest(ctx, person(ctx), of).lines == ()
    answer = entered(trainer, of, row(1, NAME, "salma"), row(7, "Rachid", "", "attended"))
    assert "/attest/confirm" in trainer.page
    assert "Zqsalma &lt;b&gt;Bennani" in trainer.page
    assert answer.status_code == 303
    shown = trainer.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Zqsalma &lt;b&gt;Bennani" in shown
    assert "<b>Bennani" not in shown
    assert [one.attestation.name for one in attestation_service.see_attest(ctx, person(ctx), of).lines] == [
        NAME,
        "Rachid",
    ]
    assert trained(ctx, "salma") is not None


def test_a_preview_writes_nothing_and_can_be_changed(app: Flask, ctx: AppContext, of: str) -> None:
    trainer = browser(app, ctx, "formateur")
    trainer.get(f"/workshops/{of}/attest")
    trainer.post(f"/workshops/{of}/attest", {"held_on": DAY, "minutes": LONG, **row(2, NAME, "salma")})
    assert attestation_service.see_attest(ctx, person(ctx), of).lines == ()
    assert trained(ctx, "salma") is None
    again = trainer.post(f"/workshops/{of}/attest", {"do": "edit"})
    assert again.status_code == 200
    assert 'value="Zqsalma &lt;b&gt;Bennani&lt;/b&gt;"' in trainer.page
    assert 'value="salma"' in trainer.page


def test_a_list_is_brought_and_its_formula_refused(app: Flask, ctx: AppContext, of: str) -> None:
    trainer = browser(app, ctx, "formateur")
    trainer.get(f"/workshops/{of}/attest")

    def bring(content: str) -> None:
        sent = (BytesIO(content.encode()), "liste.csv")
        typed = {"held_on": DAY, "minutes": LONG, **row(1, "Passed over"), "file": sent}
        assert trainer.post(f"/workshops/{of}/attest", typed).status_code == 200

    bring(SENT.format(name=NAME))
    assert "Passed over" not in trainer.page
    assert "Ligne 3" in trainer.page
    assert "/attest/confirm" not in trainer.page
    bring(SENT.format(name=NAME).replace("=Formule;;oui;oui\n", ""))
    assert trainer.post(f"/workshops/{of}/attest/confirm", {}).status_code == 303
    names = [one.attestation.name for one in attestation_service.see_attest(ctx, person(ctx), of).lines]
    assert sorted(names) == ["Omar", NAME]


@pytest.mark.exhaustive(but=("typed3-422", "typed6-422"))
@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"held_on": DAY, "minutes": LONG}, 422),
        ({"held_on": "2020-01-01", "minutes": LONG, "name-1": "A", "result-1": "passed"}, 422),
        ({"held_on": DAY, "minutes": "-5", "name-1": "A", "result-1": "passed"}, 422),
        ({"held_on": DAY, "minutes": LONG, "file": (BytesIO(b"a;b\n1;2\n"), "x.csv")}, 422),
        ({"do": "edit", "lines": "[["}, 422),
        ({"do": "edit", "lines": "[" * 5000}, 422),
        ({"do": "edit", "lines": '{"a": 1}'}, 422),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_lost(
    app: Flask, ctx: AppContext, of: str, typed: dict[str, Any], status: int
) -> None:
    trainer = browser(app, ctx, "formateur")
    trainer.get(f"/workshops/{of}/attest")
    assert trainer.post(f"/workshops/{of}/attest", typed).status_code == status
    assert 'role="alert"' in trainer.page
    if "name-1" in typed:
        assert 'value="A"' in trainer.page


@pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
def test_a_certificate_is_handed_out_once_a_press_and_none_once_it_is_withdrawn(
    app: Flask, ctx: AppContext, of: str
) -> None:
    trainer = browser(app, ctx, "formateur")
    entered(trainer, of, row(1, NAME, "salma"))
    one = attestation(ctx, of)
    trainer.get(f"/workshops/{of}/attest")
    path = f"/workshops/{of}/attest/{one}/certificate"
    answer = trainer.client.post(path, data={**trainer.hidden(), "language": "fr"})
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.get_data().startswith(b"%PDF")
    assert trainer.client.post(path, data={**trainer.hidden(), "language": "fr"}).status_code == 409
    assert trainer.client.post(path, data={**trainer.hidden(), "language": "xx"}).status_code == 404
    trainer.get(f"/workshops/{of}/attest/{one}/withdraw")
    assert trainer.post(f"/workshops/{of}/attest/{one}/withdraw", {"reason": "other"}).status_code == 422
    typed = {"reason": "other", "sentence": "Deux fois"}
    assert trainer.post(f"/workshops/{of}/attest/{one}/withdraw", typed).status_code == 303
    assert trained(ctx, "salma") is None
    shown = trainer.get(f"/workshops/{of}/attest").get_data(as_text=True)
    assert "Deux fois" in shown
    assert path not in shown
    assert trainer.client.post(path, data={**trainer.hidden(), "language": "fr"}).status_code == 404


def test_before_its_end_nobody_is_entered(app: Flask, ctx: AppContext) -> None:
    going_on = workshop(ctx, code="BCDEFH", ended=False)
    trainer = browser(app, ctx, "formateur")
    shown = trainer.get(f"/workshops/{going_on}/attest").get_data(as_text=True)
    assert 'name="name-1"' not in shown
    typed = {"held_on": DAY, "minutes": LONG, **row(1, NAME)}
    assert trainer.post(f"/workshops/{going_on}/attest", typed).status_code == 409


def test_the_register_is_shown_to_the_academy_with_its_list(app: Flask, ctx: AppContext, of: str) -> None:
    entered(browser(app, ctx, "formateur"), of, row(1, NAME, "salma"), row(2, "Omar", "", "attended"))
    academy = browser(app, ctx, "academie")
    shown = academy.get("/workshops/register").get_data(as_text=True)
    assert "Zqsalma &lt;b&gt;Bennani" in shown
    assert academy.get("/workshops/register?show=ending").get_data(as_text=True).count("Zqsalma") == 0
    assert academy.get("/workshops/register?after=x~y").status_code == 404
    assert "/workshops/register" in academy.get("/teams").get_data(as_text=True)
    told = academy.client.get("/workshops/register.csv")
    assert told.mimetype == "text/csv"
    lines = told.get_data().decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert sum(NAME in line for line in lines) == 1
    assert "Zqsalma" not in browser(app, ctx, "academie2").get("/workshops/register").get_data(as_text=True)
    for name in ("formateur", "patron", "salma", "admin.r"):
        assert browser(app, ctx, name).get("/workshops/register").status_code == 404
        assert browser(app, ctx, name).get("/workshops/register.csv").status_code == 404


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_the_pages_are_there_in_three_languages(app: Flask, ctx: AppContext, of: str, language: str) -> None:
    trainer = browser(app, ctx, "formateur", language)
    entered(trainer, of, row(1, NAME, "salma"))
    assert "%(" not in trainer.get(f"/workshops/{of}/attest").get_data(as_text=True)
    academy = browser(app, ctx, "academie", language)
    assert "%(" not in academy.get("/workshops/register").get_data(as_text=True)


@pytest.mark.exhaustive
def test_the_desk_of_whose_certificate_ends_says_so(app: Flask, ctx: AppContext) -> None:
    own = browser(app, ctx, "nadia").get("/").get_data(as_text=True)
    head = browser(app, ctx, "patron").get("/").get_data(as_text=True)
    assert re.search(r"31 (déc\.|Dec) 2026", own)
    assert "Nadia" not in head
    assert re.search(r"somebody of your team|une personne de votre équipe", head)
    assert not re.search(r"31 (déc\.|Dec) 2026", browser(app, ctx, "formateur").get("/").get_data(as_text=True))
