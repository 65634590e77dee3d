"""Somebody's browser over real sessions: it opens a page, fills in the form that stands there, and sends it."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from school_protocol.auth import repository as auth_repository
from school_protocol.auth import sign_in_repository
from school_protocol.context import AppContext
from web.filled import filled
from web.page import Page


def browser_of(app: Flask, ctx: AppContext, account: str, language: str = "") -> Browser:
    """A browser in which that account is signed in, and reads that language: its own, where none is named."""
    with ctx.directory.writing() as session:
        if language:
            auth_repository.set_language(session, account, language)
        token = sign_in_repository.open_web_session(session, account, now=ctx.now())
    client = app.test_client()
    client.set_cookie("session", token)
    return Browser(client)


class Browser:
    """A signed-in browser that fills in the form of the page it stands on."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.form: MultiDict[str, str] = MultiDict()
        self.at = ""

    def open(self, path: str, status: int = 200) -> Page:
        return self._read(self.client.get(path), status)

    def send(self, status: int = 303, **typed: Any) -> TestResponse:
        sent = MultiDict(self.form)
        for name, value in typed.items():
            sent.setlist(f"a-{name}", [value])
        response = self.client.post(self.at, data=sent)
        assert response.status_code == status, response.get_data(as_text=True)
        if status != 303:
            self._read(response, status)
        return response

    def press(self, path: str, status: int = 303, **sent: Any) -> TestResponse:
        response = self.client.post(path, data={"csrf_token": self.csrf(), **sent})
        assert response.status_code == status, response.get_data(as_text=True)
        return response

    def csrf(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get("/").get_data(as_text=True))
        assert found is not None
        return found[1]

    def _read(self, response: TestResponse, status: int) -> Page:
        assert response.status_code == status, response.get_data(as_text=True)
        html, self.at = response.get_data(as_text=True), response.request.path
        page = Page(html)
        assert [found for found in page.criticise() if (found, page.lang) != ("None", "en")] == []
        self.form = filled(html, self.at)
        return page
