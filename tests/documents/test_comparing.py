"""Pages beside the record that they were made of: they agree as issued, and no change goes by, whoever signed it."""

from __future__ import annotations

import io
from dataclasses import replace

import pikepdf
import pytest

from school_protocol.documents.case_file import case_file_html
from school_protocol.documents.reading import comparing, seeing
from school_protocol.documents.reading.comparing import differences
from school_protocol.documents.reading.derived import derived
from school_protocol.documents.reading.tree import Tag, Tagged
from school_protocol.documents.sealing.overlays import overlay_html
from school_protocol.documents.sealing.pages import letter_findings
from school_protocol.documents.sealing.verdicts import Code
from school_protocol.wording import Wording

from .copies import copy_in, forged, made, page_of, told, unsigned, view_of_case, whole
from .forging import FORGERIES, one_letter, words_covered
from .sealed import COPY
from .test_tags import page as html_page
from .test_tags import with_words

LANGUAGES = ("fr", "ar", "en")


def stamp(language: str = "fr") -> str:
    return derived(overlay_html(COPY, Wording(language))).spoken


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identified", [True, False])
def test_a_copy_as_it_was_issued_says_what_its_record_says(language: str, identified: bool) -> None:
    assert told(whole(language, identified), language, identified) == []
    assert copy_in(whole(language, identified)).number == COPY.number


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_so_does_one_with_long_words_of_three_languages(language: str) -> None:
    view = with_words(view_of_case())
    page = derived(case_file_html(view, Wording(language)))
    assert differences(made(view, language), page, stamp(language)) == ()


@pytest.mark.exhaustive(
    but=(
        "a note",
        "a page left out",
        "a picture in line",
        "a text left out",
        "a turned page",
        "the order of reading",
        "without a tree",
        "without the copy's line",
        "words instead",
        "words not painted",
    )
)
@pytest.mark.parametrize("name", FORGERIES)
def test_a_change_signed_again_with_the_right_key_is_told(name: str) -> None:
    change, code = FORGERIES[name]
    found = told(forged(change))
    assert code in found
    assert not {"altered", "added_after", "not_whole", "unknown_authority"} & set(found), "its signature holds"


@pytest.mark.exhaustive
def test_signed_again_unchanged_nothing_is_told() -> None:
    """The control of all the others."""
    assert told(forged(lambda _pdf: None)) == []


@pytest.mark.exhaustive
def test_the_first_place_is_told_in_words() -> None:
    view = view_of_case()
    other = replace(view, head=replace(view.head, number="9999 9999 9999-9"))
    page = derived(case_file_html(other, Wording("fr")))
    first = differences(unsigned(), page, stamp())[0]
    assert first.kind == "text"
    assert first.page == 1
    assert first.wanted.startswith("9999 9999 9999-9")
    assert first.found.startswith(view.head.number[:4])
    assert first.after.endswith("Dossier")


def test_a_word_more_in_the_record_is_told_where_it_is_missing() -> None:
    data = unsigned()
    page = derived(page_of().replace("<h1>", "<h1><span>Nouveau</span> ", 1))
    first = differences(data, page, stamp())[0]
    assert (first.kind, first.wanted.split()[0]) == ("text", "Nouveau")


@pytest.mark.exhaustive
def test_a_copy_of_another_case_in_the_same_words_differs() -> None:
    """A record swapped, its digest in copy.json set right, and signed again: what the record is, the pages are not."""
    assert told(whole("fr", True), "fr", False) != []
    assert "pages_differ" in told(whole("fr", True), "fr", False)


def test_what_runs_on_the_pages_is_that_of_this_page_and_no_other() -> None:
    page = derived(page_of())
    assert page.foot_of(2, 5).endswith("Page2sur5")
    assert page.foot_of(2, 5) != page.foot_of(3, 5)


# ---- letters -------------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_of_a_letter_only_what_lies_around_the_text_can_be_told() -> None:
    assert letter_findings(whole(), COPY) == ()
    assert [one.code for one in letter_findings(forged(FORGERIES["a note"][0]), COPY)] == [Code.PAGES_FOREIGN]
    assert [one.code for one in letter_findings(forged(words_covered), COPY)] == [Code.PAGES_HIDE]
    assert letter_findings(forged(one_letter), COPY) == (), "there is nothing to compare its words with"


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_line_of_the_copy_is_read_in_the_letters_own_language(language: str) -> None:
    assert letter_findings(whole(language), COPY) == ()
    other = replace(COPY, number=4)
    assert [one.code for one in letter_findings(whole(language), other)] == [Code.PAGES_DIFFER]


# ---- reading what nobody foresaw -----------------------------------------------------------------------------------


def test_a_tree_without_end_is_told() -> None:
    def endless(pdf: pikepdf.Pdf) -> None:
        top = pdf.Root.StructTreeRoot.K[0]
        top.K = pikepdf.Array([top])

    with pikepdf.open(io.BytesIO(unsigned())) as pdf:
        endless(pdf)
        pdf.save(written := io.BytesIO())
    assert [one.kind for one in differences(written.getvalue(), derived(page_of()), stamp())] == ["unreadable"]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\x00" * 400])
def test_what_is_no_document_is_told(data: bytes) -> None:
    (only,) = differences(data, None, "")
    assert only.kind == "unreadable"


# ---- from HTML alone -----------------------------------------------------------------------------------------------


def test_what_a_page_says_is_told_from_its_html() -> None:
    found = derived(
        html_page(
            "<div class='running'><table><tr><td>En tête</td></tr></table></div>"
            "<div class='foot'>Page <bdi class='page'></bdi> sur <bdi class='pages'></bdi></div>"
            "<h1>Un <b>titre</b></h1><p>Mot<span aria-hidden='true'>✓</span> <span aria-label='Fait'>✓</span></p>"
            "<table><thead><tr><th scope='col'>Tête</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
        )
    )
    assert " ".join(found.spoken.split()) == "Un titre Mot ✓ Tête 1"
    assert (found.running, found.foot_of(2, 3)) == ("Entête", "Page2sur3")
    assert found.headings == [(1, "Untitre")]
    assert found.alternatives == ["Fait"]
    assert dict(found.hidden) == {"✓": 1}
    assert found.heads == {"Tête"}


# ---- seeing --------------------------------------------------------------------------------------------------------

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def text(colour: seeing.Colour = BLACK, *, alpha: float = 1.0, size: float = 10.0, mode: int = 0) -> seeing.Seen:
    return seeing.Seen("mot", (50.0, 50.0), (90.0, 50.0), size, mode, colour, alpha, ())


def square(left: float, low: float, right: float, high: float) -> list[list[tuple[float, float]]]:
    return [[(left, low), (right, low), (right, high), (left, high)]]


def surface() -> seeing.Surface:
    return seeing.Surface(595.0, 842.0)


def test_what_can_be_seen_is_not_told() -> None:
    page = surface()
    page.paint(square(0, 0, 595, 842), "f", 0.0, (0.9, 0.95, 0.94), 1.0, ())
    page.write(text())
    page.paint(square(40, 40, 120, 48), "f", 0.0, BLACK, 1.0, ())
    frame = square(40, 40, 120, 60) + square(41, 41, 119, 59)
    page.paint(frame, "f*", 0.0, BLACK, 1.0, ())
    assert list(page.unseen()) == []


@pytest.mark.parametrize(
    "seen",
    [text(WHITE), text(alpha=0.1), text(size=1.0), text(mode=3), text((0.97, 0.97, 0.97)), text(None)],
)
def test_what_cannot_be_seen_is_told(seen: seeing.Seen) -> None:
    page = surface()
    page.write(seen)
    assert list(page.unseen()) == ["mot"]


def test_white_on_a_dark_ground_is_seen_and_black_is_not() -> None:
    page = surface()
    page.paint(square(40, 40, 120, 60), "f", 0.0, (0.02, 0.02, 0.02), 1.0, ())
    page.write(text(WHITE))
    page.write(text(BLACK))
    assert len(list(page.unseen())) == 1


@pytest.mark.parametrize("cover", [square(70, 45, 74, 60), square(0, 0, 595, 842)])
def test_a_cover_over_one_letter_is_enough(cover: list[list[tuple[float, float]]]) -> None:
    page = surface()
    page.write(text())
    page.paint(cover, "f", 0.0, WHITE, 1.0, ())
    assert list(page.unseen()) == ["mot"]


def tree(*kids: Tag) -> Tagged:
    return Tagged(Tag("Document", kids=list(kids)), "", "fr", True, True, "", [], [], [], [])


def of_text(role: str, *texts: str, actual: str = "") -> Tag:
    return Tag(role, kids=list(texts), places=[0] * len(texts), actual=actual)


def test_a_label_is_left_out_of_the_text_in_a_list_alone() -> None:
    """And only what is a bullet, or the item's own number, as it is drawn."""
    page = derived("<html><head><title></title></head><body><ul><li>Un</li></ul></body></html>")
    item = of_text("LBody", "Un")
    listed = Tag("L", kids=[Tag("LI", kids=[of_text("Lbl", "•"), item])])
    assert list(comparing._text(tree(listed), page)) == []
    assert list(comparing._around(tree(listed), page)) == []
    outside = Tag("P", kids=[of_text("Lbl", "Il est innocent.")])
    assert [one.found for one in comparing._text(tree(listed, outside), page)] == ["Il est innocent."]
    covered = Tag("L", kids=[Tag("LI", kids=[of_text("Lbl", "Il est innocent.", actual="•"), item])])
    assert [one.found for one in comparing._around(tree(covered), page)] == ["Il est innocent."]
