"""An API as its OpenAPI document describes it: every answer is held against that document, or told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

BASE = "/api/v1"


class Undescribed(AssertionError):
    """An answer that is not as the document says."""


class Described:
    """Asks an application by token and without any cookie."""

    def __init__(self, app: Flask, secret: str = "", language: str = "fr") -> None:
        self.client = app.test_client()
        self.secret, self.language = secret, language
        self.document: dict[str, Any] = json.loads(self.client.get(f"{BASE}/openapi.json").data)
        self.asked: set[tuple[str, int]] = set()
        """Which paths were asked, and how they answered."""

    def get(self, path: str, status: int = 200, *, headers: Mapping[str, str] | None = None) -> TestResponse:
        sent = {"Accept-Language": self.language, **({"Authorization": f"Bearer {self.secret}"} if self.secret else {})}
        response = self.client.get(BASE + path, headers={**sent, **(headers or {})})
        assert response.status_code == status, response.get_data(as_text=True)[:400]
        self.check(path, response)
        return response

    def json(self, path: str, status: int = 200) -> Any:
        return json.loads(self.get(path, status).data)

    def check(self, path: str, response: TestResponse) -> None:
        """Raise Undescribed where the document has no such path, status or content, or the content is another."""
        template, said = self._operation(path.partition("?")[0])
        self.asked.add((template, response.status_code))
        answer = said["responses"].get(str(response.status_code))
        if answer is None:
            raise Undescribed(f"{template} answers {response.status_code}")
        content = self._resolved(answer)["content"]
        if response.mimetype not in content:
            raise Undescribed(f"{template} answers {response.mimetype}")
        if response.mimetype.endswith("json"):
            self._validate(content[response.mimetype]["schema"], json.loads(response.data))

    def _validate(self, schema: Mapping[str, Any], data: Any) -> None:
        from jsonschema import Draft202012Validator, FormatChecker  # a second to load: for those who ask

        whole = {**schema, "components": self.document["components"]}
        checker = Draft202012Validator(whole, format_checker=FormatChecker())
        for error in checker.iter_errors(data):
            raise Undescribed(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")

    def _operation(self, path: str) -> tuple[str, dict[str, Any]]:
        for template, methods in sorted(self.document["paths"].items(), key=lambda one: one[0].count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template, methods["get"]
        raise Undescribed(f"no path {path}")

    def _resolved(self, said: dict[str, Any]) -> dict[str, Any]:
        found: Any = said
        while "$ref" in found:
            target: Any = self.document
            for part in found["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            found = target
        return dict(found)
