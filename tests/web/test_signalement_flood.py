"""Two thousand within one hour, one real cry among them: the triage page stays a page, and nothing is closed unread."""

from __future__ import annotations

import gzip
import re
from html import unescape

import pytest

from school_protocol.reports import repository
from school_protocol.reports import repository as reports_repository
from school_protocol.reports.public_door import current, form_of
from school_protocol.reports.repository import PublicHeader
from school_protocol.reports.rules import Status, alike_texts, hour_of, weigh
from school_protocol.storage.models import new_id

from .test_signalement import School, school  # noqa: F401

pytestmark = pytest.mark.exhaustive

NUMBER = 2000
CRY = "Il a mis ma photo dans le groupe et il dit qu’il va l’envoyer à mon père si je ne paie pas. J’ai très peur."
KEPT = 64 * 1024
"""Bytes of the triage page, compressed: what two thousand would weigh is a hundred times as much."""


@pytest.fixture
def flooded(school: School, monkeypatch: pytest.MonkeyPatch) -> School:  # noqa: F811
    flood(school, monkeypatch)
    return school


def flood(school: School, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """All within one hour, as they would lie after as many were sent: jokes, a few words each, some say “danger”."""
    protocol, rules = current(school.ctx)
    form, unit, hour = form_of(protocol, "public"), school.player.school, hour_of(school.ctx.now())
    monkeypatch.setattr(repository, "mix_school", lambda *_arguments: 0)
    with school.ctx.realm.writing() as session:
        for number in range(NUMBER):
            is_cry = number == NUMBER // 2
            said = CRY if is_cry else f"{('mdr', 'lol', 'ptdr', 'wesh')[number % 4]} {number}"
            danger = "yes" if number % 400 == 7 else "no"
            answers = {"what_happens": said, "danger_now": danger, "adult_concerned": "no"}
            answers |= {"to_whom": "me", "since": "week", "reach": "discreetly", "danger_now": "yes"} if is_cry else {}
            weighed = weigh(rules, form, answers, by_staff=False)
            header = PublicHeader(
                id=new_id(), unit=unit, kind="public", protocol=protocol.protocol, version=protocol.version, hour=hour,
                status=Status.waiting, outcome="", settled=None, restricted=weighed.restricted, urgent=weighed.urgent,
                to_verify=weighed.to_verify, waits=hour, step=0, fullness=weighed.fullness, barred=frozenset(),
                case_id=None,
            )  # fmt: skip
            marks = [school.ctx.vault.mark(unit, text) for text in alike_texts(rules, answers)]
            content = {"answers": answers, "language": "fr", "form": form.key}
            code = number.to_bytes(32, "big")
            reports_repository.keep_public_report(
                session, school.ctx.vault, header, content, code_hash=code, marks=marks
            )
    monkeypatch.undo()


def test_the_page_of_two_thousand_is_short_and_light_and_the_cry_stands_first(flooded: School) -> None:
    staff = flooded.staff("team_member")
    data = staff.client.get("/signalements").get_data()
    html = unescape(data.decode())
    lines = re.findall(r'<li class="card case (\w+)">.*?</li>', html, re.DOTALL)
    assert len(gzip.compress(data)) < KEPT
    assert len(lines) < 25
    found = re.findall(r'href="/signalements/(\w+)(/crowd)?"', html)
    first = next(one for one, crowd in found if not crowd)
    page = staff.open(f"/signalements/{first}")
    assert CRY in page.text, "whoever opens the first line reads it"


def test_nothing_of_it_is_closed_that_nobody_saw_a_word_of(flooded: School) -> None:
    staff = flooded.staff("team_member")
    listed = staff.client.get("/signalements").get_data(as_text=True)
    crowds = re.findall(r'href="/signalements/(\w+)/crowd"', listed)
    html = unescape(staff.client.get(f"/signalements/{crowds[-1]}/crowd").get_data(as_text=True))
    shown = re.findall(r'<p class="said clip" dir="auto">(.*?)</p>', html)
    assert len(shown) == 100
    ids = re.search(r'name="ids" value="([^"]+)"', html)
    assert ids is not None
    assert len(ids[1].split()) == len(shown)
    assert "Personne n’en a encore lu" in html
    staff.press(f"/signalements/{crowds[-1]}/crowd", ids=ids[1], why="mistaken")
    with flooded.ctx.realm.reading() as session:
        closed = reports_repository.of_units(session, [flooded.player.school], statuses=(Status.closed,), limit=5000)
        left = reports_repository.of_units(session, [flooded.player.school], statuses=(Status.waiting,), limit=5000)
    assert (len(closed), len(left)) == (100, NUMBER - 100)
    again = staff.client.get("/signalements").get_data(as_text=True)
    together = re.search(r'<details class="card">.*?href="/signalements/(\w+)/crowd"', again, re.DOTALL)
    assert together is not None
    page = unescape(staff.client.get(f"/signalements/{together[1]}/crowd").get_data(as_text=True))
    back = re.search(r'name="ids" value="([^"]+)"', page)
    assert back is not None
    staff.press(f"/signalements/{together[1]}/crowd/again", ids=back[1])
    with flooded.ctx.realm.reading() as session:
        assert reports_repository.of_units(session, [flooded.player.school], statuses=(Status.closed,), limit=9) == ()
