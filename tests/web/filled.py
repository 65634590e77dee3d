"""What a browser would send: the successful controls of a page's form, in the order in which they stand."""

from __future__ import annotations

from html.parser import HTMLParser

from werkzeug.datastructures import MultiDict


class Controls(HTMLParser):
    """Reads the fields of the form whose `action` ends with `wanted` (any form, where it is empty)."""

    def __init__(self, html: str, wanted: str = "") -> None:
        super().__init__()
        self.values: list[tuple[str, str]] = []
        self.wanted = wanted
        self._inside = not wanted
        self._textarea: tuple[str, list[str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = values.get("action", "").endswith(self.wanted) if self.wanted else True
        if not self._inside or "disabled" in values:
            return
        if tag == "textarea":
            self._textarea = (values["name"], [])
        elif tag == "select":
            self._select = (values["name"], [])
        elif tag == "option" and self._select:
            self._select[1].append((values.get("value", ""), "selected" in values))
        elif tag == "input" and "name" in values:
            self._input(values)

    def _input(self, values: dict[str, str]) -> None:
        kind = values.get("type", "text")
        if kind in ("radio", "checkbox"):
            if "checked" in values:
                self.values.append((values["name"], values.get("value", "on")))
        elif kind != "submit":
            value = values.get("value", "")
            if kind not in ("hidden", "date", "datetime-local"):
                value = value.replace("\r", "").replace("\n", "")
            self.values.append((values["name"], value))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea:
            name, parts = self._textarea
            text = "".join(parts).replace("\r\n", "\n")
            text = text.removeprefix("\n")  # the parser of HTML drops the first line's end
            self.values.append((name, text.replace("\n", "\r\n")))
            self._textarea = None
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [value for value, _ in options[:1]]
            self.values += [(name, value) for value in chosen]
            self._select = None
        elif tag == "form" and self.wanted:
            self._inside = False


def filled(html: str, wanted: str = "") -> MultiDict[str, str]:
    return MultiDict(Controls(html, wanted).values)
