"""Pages of a workshop by a standard checker: a phone's, the trainer's, the projector's, the debrief's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from html_checker import faults, needs_checker

from school_protocol.training import workshop_end
from training.room_browsing import Visitor, hall_in

pytestmark = [pytest.mark.exhaustive, needs_checker]
_SET = re.compile(r"drawing|pdf|/kits/|/help")
"""What is set or drawn, and pages that are the same outside a workshop."""


def walked(visitor: Visitor, begin: str, within: str) -> Iterator[tuple[str, bytes]]:
    """What somebody comes to by links, one page of each kind, where the address begins so."""
    visitor.base, waiting, seen = "", [begin], set[str]()
    while waiting:
        page = waiting.pop(0)
        answer = visitor.get(page)
        if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303):
            yield page, answer.get_data()
        for href in re.findall(r'<a\b[^>]*?\bhref="([^"#]+)', visitor.page):
            path = urljoin(page, unescape(href))
            kind = re.sub(r"\d+|\?.*", "", path)
            if path.startswith(within) and kind not in seen and not _SET.search(path):
                seen.add(kind)
                waiting.append(path)


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_every_page_of_a_workshop_is_sound(language: str, tmp_path: Path) -> None:
    hall = hall_in(tmp_path)
    try:
        phone, trainer = hall.seated(), hall.trainer()
        found = dict[str, bytes]()
        for when in ("begun", "ended"):
            for who, visitor, begin in (("seat", phone, hall.base), ("trainer", trainer, "/workshops")):
                visitor.client.post(f"{hall.base if who == 'seat' else ''}/language", data={"language": language})
                pages = walked(visitor, f"{begin}/room" if who == "seat" else f"{begin}/{hall.id}", begin)
                found |= {f"{when}, {who}: {page}": body for page, body in pages}
            if when == "begun":
                workshop_end.end_workshop(hall.host, hall.room)
    finally:
        hall.close()
    assert len(found) > 20, list(found)
    assert any("debrief" in name for name in found), list(found)
    assert faults(tmp_path / "pages", found) == []
