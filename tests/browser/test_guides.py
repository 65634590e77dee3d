"""A quick guide is made of the demo as it is: two pages, pictures with something on them, in the reader’s language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import chain

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from guides import pictures
from guides.making import made
from guides.pictures import HEIGHT, SCALE, WIDTH, Demo, served_demo
from guides.plan import STEPS, GuideFault, Plan, Planned, Step, read_plan
from school_protocol.language import Wording

pytestmark = pytest.mark.exhaustive

ROLE, LANGUAGE = "team_member", "fr"


@pytest.fixture(scope="module")
def shown() -> Iterator[Demo]:
    with served_demo(lambda _line: None) as found:
        yield found


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan()


def test_a_guide_is_two_pages_with_pictures_in_its_language(chromium: Browser, shown: Demo, plan: Plan) -> None:
    pdf = PdfReader(BytesIO(made(chromium, shown, plan, ROLE, LANGUAGE)))
    assert len(pdf.pages) == 2
    held = {one.name.partition(".")[0]: one.image for one in pdf.pages[0].images}
    drawn = [
        [name for name in re.findall(r"/(\w+) Do", page.get_contents().get_data().decode("latin-1")) if name in held]
        for page in pdf.pages
    ]
    assert [len(names) for names in drawn] == [STEPS / 2, STEPS / 2]
    assert len(set(chain(*drawn))) == STEPS
    for image in held.values():
        assert image is not None
        assert image.size == (WIDTH * SCALE, HEIGHT * SCALE)
        colours = image.convert("RGB").getcolors(maxcolors=WIDTH * HEIGHT * SCALE * SCALE)
        assert colours is not None
        assert len(colours) > 50, "there is writing on it"
        assert max(count for count, _colour in colours) < 0.97 * WIDTH * HEIGHT * SCALE * SCALE, "it is not blank"
    said = " ".join(" ".join(page.extract_text() for page in pdf.pages).split()).replace("\u00a0", " ")
    w = Wording(LANGUAGE)
    [protocol] = shown.ctx.library.current()
    wanted = [protocol.roles[ROLE].title, *(step.title for step in plan.guides[ROLE].steps), plan.wrong[0]]
    for text in wanted:
        assert w.text(text).replace("\u00a0", " ") in said
        assert text.in_language("en") not in said
    for message in ("Quick guide", "In a danger, call first", "If something is wrong"):
        assert w.gettext(message) in said
    assert {"19", "177", "2511"} <= set(said.split()), "the numbers to call"
    assert pdf.trailer["/Root"]["/Lang"] == LANGUAGE


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"show": "#nothing"}, "has no #nothing"),
        ({"page": "cases.show", "case": "closed"}, "sees no case of the demo in closed"),
        ({"page": "cases.act", "case": "listening_running", "act": "no_such_act"}, "answers 404"),
        ({"page": "sign_in.show"}, "leads to /"),
    ],
)
def test_a_page_that_is_no_longer_there_stops_it(
    chromium: Browser, shown: Demo, plan: Plan, changes: dict[str, str], fault: str
) -> None:
    guide = plan.guides[ROLE]
    step: Step = guide.steps[0].model_copy(update=changes)
    broken: Planned = guide.model_copy(update={"steps": (step,)})
    with pytest.raises(GuideFault, match=fault):
        pictures.pictures(chromium, shown, broken, LANGUAGE)


def test_a_blank_picture_stops_it(chromium: Browser, shown: Demo, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BLANK", 10_000_000)
    with pytest.raises(GuideFault, match="shows nothing"):
        pictures.pictures(chromium, shown, plan.guides[ROLE], LANGUAGE)
