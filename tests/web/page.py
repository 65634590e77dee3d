"""A reader of pages that complains: what every page owes to those who read it by eye, by ear or by keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from werkzeug.test import TestResponse

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "path", "rect"})


@dataclass
class Page(HTMLParser):
    """The parts of a page, and what is wrong with it."""

    html: str
    title: str = ""
    lang: str = ""
    dir: str = ""
    h1: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    inputs: list[dict[str, str]] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    referred: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    tokens: int = 0
    problems: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._label_depth = 0
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        self._note(tag, values)
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("aria-describedby", "aria-labelledby", "for"):
            self.referred.update(values.get(name, "").split())
        if "style" in values or any(name.startswith("on") for name in values):
            self.problems.append(f"inline style or script on <{tag}>")

    def _note(self, tag: str, values: dict[str, str]) -> None:
        match tag:
            case "html":
                self.lang, self.dir = values.get("lang", ""), values.get("dir", "")
            case "h1":
                self.h1.append("")
            case "label":
                self.labels.add(values.get("for", ""))
                self._label_depth += 1
            case "form":
                self.forms.append(values)
            case "script" if values.get("src", "").startswith(
                ("/static/desk.js?", "/static/passkeys.js?", "/static/wall.js?")
            ):
                pass
            case "script" | "style":
                self.problems.append(f"<{tag}> in a page")
            case "input" | "select" | "textarea":
                self._note_input(values)

    def _note_input(self, values: dict[str, str]) -> None:
        if values.get("name") == "csrf_token":
            self.tokens += 1
        if values.get("type") not in ("hidden", "submit"):
            self.inputs.append({**values, "in_label": "yes" if self._label_depth else ""})

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag == "label":
            self._label_depth -= 1
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] == "title":
            self.title += data
        if "h1" in self._open and self.h1:
            self.h1[-1] += data

    def criticise(self) -> list[str]:
        """Everything that is wrong with this page."""
        found = list(self.problems)
        if not self.title.strip() or self.title.strip().startswith("–"):
            found.append("no title")
        if len(self.h1) != 1 or not self.h1[0].strip():
            found.append(f"{len(self.h1)} headings of the first rank")
        if not self.lang or self.dir not in ("ltr", "rtl"):
            found.append("no language or direction")
        if self._open:
            found.append(f"left open: {self._open}")
        found += [f"id {name} twice" for name in {name for name in self.ids if self.ids.count(name) > 1}]
        found += [f"nothing has the id {name}" for name in self.referred - set(self.ids)]
        found += [f"no label: {values}" for values in self.inputs if not self._is_labelled(values)]
        found += [f"a form without its token: {form}" for form in self._unsafe_forms()[self.tokens :]]
        found += re.findall(r"\{\{|%\([a-z_]+\)s|None\b", self.text)
        return found

    def _is_labelled(self, values: dict[str, str]) -> bool:
        return bool(values["in_label"] or values.get("aria-label") or values.get("id", "") in self.labels)

    def _unsafe_forms(self) -> list[dict[str, str]]:
        return [form for form in self.forms if form.get("method", "get").lower() == "post"]


def read_page(response: TestResponse) -> Page:
    """The page of a response, after complaining about it."""
    page = Page(response.get_data(as_text=True))
    assert page.criticise() == []
    return page


def form_token(response: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', response.get_data(as_text=True))
    assert found is not None
    return found[1]
