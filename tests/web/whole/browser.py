"""A browser over pages: it opens them, fills in the form that stands there, and sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from ..filled import filled
from ..page import Page


class Browser:
    """Opens pages, fills in the form that stands there, sends it as a browser would."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.form: MultiDict[str, str] = MultiDict()

    def open(self, path: str, status: int = 200) -> Page:
        return self._read(self.client.get(path), status)

    def send(self, path: str, status: int = 303, **typed: Any) -> TestResponse:
        response = self.resend(path, **typed)
        assert response.status_code == status, response.get_data(as_text=True)
        if status != 303:
            self._read(response, status)
        return response

    def resend(self, path: str, **typed: Any) -> TestResponse:
        sent = MultiDict(self.form)
        for name, value in typed.items():
            sent.setlist(name.replace("__", "-"), value if isinstance(value, list) else [value])
        return self.client.post(path, data=sent)

    def record(self, path: str, status: int = 303, **typed: Any) -> TestResponse:
        self.open(path)
        return self.send(path, status, **typed)

    def _read(self, response: TestResponse, status: int) -> Page:
        assert response.status_code == status
        html = response.get_data(as_text=True)
        page = Page(html)
        assert [found for found in page.criticise() if (found, page.lang) != ("None", "en")] == []
        wanted = response.request.path
        self.form = filled(html, wanted) or filled(html[html.find("<main") :])
        return page


Browse = Callable[..., Browser]
SignIn = Callable[..., FlaskClient]
