"""The protocol on four pages: exactly four, everything named on them, whatever the protocol is called."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from markupsafe import Markup

from pdf import tags
from pdf.archive import not_accessible, not_archival, without_claim
from pdf.printed import pages, squeezed, unsaid
from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.protocol import printed_pages
from school_protocol.protocol.drawing import begun_in
from school_protocol.publishing.handouts import wall_of

MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
LANGUAGES = ("fr", "ar", "en")
Printed, Written = Callable[[str], bytes], Callable[[str], tuple[bytes, str]]


@pytest.fixture(scope="module")
def written(moroccan: Protocol) -> Written:
    """The Moroccan protocol's pages, made once for each language."""
    return cache(lambda language: set_and_written(moroccan, language))


@pytest.fixture(scope="module")
def printed(written: Written) -> Printed:
    return lambda language: written(language)[0]


def set_and_written(protocol: Protocol, language: str) -> tuple[bytes, str]:
    """The PDF, and the page that it was made of."""
    kept: list[str] = []
    stock = rendering.render

    def render(html: str, **about: Any) -> bytes:
        kept.append(html)
        return stock(html, **about)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(printed_pages, "render", render)
        return wall_of(protocol, Wording(language), MOMENT), kept[-1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_four_pages_and_every_state_and_move_on_them(moroccan: Protocol, printed: Printed, language: str) -> None:
    found = pages(printed(language))
    assert len(found) == 4
    wording = Wording(language)
    states = [wording.text(state.title) for state in moroccan.states.values()]
    moves = [wording.text(move.title) for move in moroccan.moves.values()]
    stages = [wording.text(stage.title) for stage in moroccan.stages.values()]
    assert unsaid(found[0], [*states, *moves, *stages]) == [], "the drawing and its list"
    assert unsaid(found[1] + found[2], [*states, *moves, *stages]) == [], "the stages"
    assert unsaid(found[0], [*states, "Planté", "الزيتونة"]) == ["Planté", "الزيتونة"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_dangers_with_their_first_acts_and_room_for_numbers(
    moroccan: Protocol, printed: Printed, language: str
) -> None:
    last = pages(printed(language))[3]
    wording = Wording(language)
    for danger in moroccan.dangers.values():
        wanted = [danger.title, *danger.first_acts, *danger.never]
        assert unsaid(last, [wording.text(words) for words in wanted]) == []
    assert unsaid(last, [wording.text(target.title) for target in moroccan.targets.values()]) == []


@pytest.mark.exhaustive
def test_who_does_what_by_when(moroccan: Protocol, printed: Printed) -> None:
    wording = Wording("ar")
    text = "".join(pages(printed("ar"))[1:3])
    begun = {deadline.key for state in moroccan.states for deadline in begun_in(moroccan, state)}
    shown = [
        deadline
        for deadline in moroccan.deadlines.values()
        if deadline.key in begun and deadline.value and any(source.act for source in deadline.met_by)
    ]
    assert len(shown) > 5
    for deadline in shown:
        assert squeezed(wording.within(deadline.value, deadline.unit)) in text
        assert deadline.code in text


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_paper_is_tagged_and_says_what_it_is(moroccan: Protocol, printed: Printed, language: str) -> None:
    with pikepdf.open(io.BytesIO(printed(language))) as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang) == Wording(language).html_language
        assert Wording(language).text(moroccan.title) in str(pdf.docinfo["/Title"])
        for page in pdf.pages:
            width, height = page.mediabox[2], page.mediabox[3]
            assert (round(float(width)), round(float(height))) == (842, 595), "A4, lying"
    for page in pages(printed(language)):
        assert moroccan.protocol in page


@pytest.mark.exhaustive
def test_another_protocol_under_another_name(small: Protocol) -> None:
    """Nothing of one protocol is in the pages of another; what is hard to write comes out as it is."""
    title = Text(dict.fromkeys(small.languages, "Objets <b>perdus</b> & retrouvés"))
    renamed = small.model_copy(update={"protocol": "things-found", "title": title, "code": "TF-9"})
    found = pages(wall_of(renamed, Wording("fr"), MOMENT))
    assert len(found) == 4
    assert all("things-found" in page for page in found)
    assert all("Objets<b>perdus</b>&retrouvés" in page for page in found)
    assert not any(small.protocol in page for page in found)


@pytest.mark.exhaustive
def test_without_dangers_there_is_no_page_of_them(small: Protocol) -> None:
    moves = {key: move for key, move in small.moves.items() if key != "sound"}
    acts = {key: act for key, act in small.acts.items() if act.kind.value not in ("raise_danger", "lift_danger")}
    needs = {
        key: need.model_copy(update={"met_by": tuple(act for act in need.met_by if act in acts)})
        for key, need in small.needs.items()
    }
    bare = small.model_copy(update={"dangers": {}, "acts": acts, "moves": moves, "needs": needs, "deadlines": {}})
    assert len(pages(wall_of(bare, Wording("en"), MOMENT))) == 3


@pytest.mark.exhaustive
def test_the_same_protocol_gives_the_same_bytes(small: Protocol) -> None:
    assert wall_of(small, Wording("fr"), MOMENT) == wall_of(small, Wording("fr"), MOMENT)


@pytest.mark.exhaustive
def test_letters_grow_smaller_only_as_far_as_they_must(small: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is set as large as its page holds; one that was too large is found by its second page."""
    tried: list[list[float]] = []
    over: list[list[int]] = []
    written, counted = printed_pages._written, printed_pages._pages

    def write(given: printed_pages.Wall, wording: Wording, sizes: list[float]) -> bytes:
        tried.append(list(sizes))
        return written(given, wording, sizes)

    def count(pdf: bytes) -> list[int]:
        over.append(counted(pdf))
        return over[-1]

    monkeypatch.setattr(printed_pages, "_written", write)
    monkeypatch.setattr(printed_pages, "_pages", count)
    monkeypatch.setattr(printed_pages, "LARGEST", 6.0)
    assert len(pages(wall_of(small, Wording("fr"), MOMENT))) == 4
    assert any(pages_of > 1 for parts in over for pages_of in parts), "too large was tried"
    for part, size in enumerate(tried[-1]):
        fitted = [sizes[part] for sizes, parts in zip(tried, over, strict=False) if parts[part] == 1]
        assert size == max([printed_pages.SMALLEST, *fitted])


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_can_be_read_aloud(moroccan: Protocol, written: Written, tmp_path: Path, language: str) -> None:
    data, html = written(language)
    assert tags.faults(data, html) == {}
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert without_claim(data) != data
    drawing = tags.read_tags(data).root.all("Figure")[0]
    assert drawing.alt == Wording(language).text(moroccan.title)
    heads = [tag.text.strip() for tag in tags.read_tags(data).root.walk() if tag.role in ("H1", "H2")]
    assert len(heads) == 4, "one for each page"


@pytest.mark.exhaustive
def test_a_drawing_that_says_nothing_is_found(small: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed_pages, "Markup", lambda picture: Markup(picture.replace("aria-label=", "data-label=")))
    data = wall_of(small, Wording("fr"), MOMENT)
    assert tags.figures(tags.read_tags(data)) != []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert b"pdfuaid" not in pdf.Root.Metadata.read_bytes(), "what is not true is not claimed"
