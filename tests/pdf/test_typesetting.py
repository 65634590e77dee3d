"""WeasyPrint's slow parts in our hand: the same boxes at the same places, its own functions afterwards, whole words."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from school_protocol.case_files.pages import case_file_html
from school_protocol.engine.definition import Protocol
from school_protocol.language import Wording
from school_protocol.pdf import rendering, typesetting
from school_protocol.pdf.typesetting import in_our_hand

from .made_up import MadeUp, profiles
from .printed import case_pdf
from .test_tags import made, page
from .test_tags import with_words as at_length
from .tree import Tag, read_tags

Laid = list[tuple[Any, ...]]

EVERYTHING = """
<div class="running">En tête <span class="page"></span></div><div class="foot"><table><tbody><tr><td>Pied</td></tr>
</tbody></table></div><h1>Titre</h1>
<p>Un mot <b>gras</b>, un <i>autre</i>, <bdi dir="rtl" lang="ar">كلمة عربية طويلة</bdi> et 05 37 00 00 00 WhatsApp.</p>
<p style="width: 30%; text-indent: 2em">mot sans fin AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA</p>
<p style="letter-spacing: 1pt; word-spacing: 2pt; text-decoration: underline">souligné et large, deux fois</p>
<p style="text-align: justify; width: 40%">justifié, avec des mots qui remplissent leur ligne tant qu’ils peuvent</p>
<p style="white-space: pre-wrap">des   blancs
et une\tligne</p><div style="float: left; width: 20%; margin: 1em">à gauche</div><p>à côté, puis dessous.</p>
<table style="clear: both"><thead><tr><th scope="col" style="width: 25%">A</th><th scope="col">B</th></tr></thead>
<tbody><tr><td style="border: 1pt solid; padding: 3%">a</td><td><span style="display: inline-block; width: 50%">b</span>
</td></tr><tr><td colspan="2" style="border-radius: 2mm; background: #eee">c</td></tr></tbody></table>
<ul><li>un</li><li>deux<ol><li>trois</li></ol></li></ul><blockquote>cité</blockquote><hr/><p>a<br/>b <sup>c</sup></p>
<div style="position: relative; min-height: 3em; max-width: 50%; padding-inline-start: 5%"><p
style="position: absolute; inset-inline-end: 1mm; bottom: 0">en bas</p></div><p style="break-before: page">fin</p>
"""


def boxes_of(document: Any) -> Laid:
    """Every box of every page: what it is, where it stands, how large, which text, which colour."""
    found: Laid = []
    for number, one in enumerate(document.pages):
        for box in one._page_box.descendants():
            sized = [getattr(box, name, None) for name in ("position_x", "position_y", "width", "height", "baseline")]
            borders = [getattr(box, f"border_{side}_width", None) for side in ("top", "right", "bottom", "left")]
            background = getattr(box, "background", None)
            about = (box.element_tag, getattr(box, "text", None), str(box.style["color"]), background is None)
            found.append((number, type(box).__name__, *about, *sized, *borders))
    return found


@pytest.fixture(scope="module")
def typesetter() -> rendering.Typesetter:
    return rendering._typesetter()


def laid(typesetter: rendering.Typesetter, html: str) -> Laid:
    with in_our_hand():
        return laid_by_stock(typesetter, html)


def laid_by_stock(typesetter: rendering.Typesetter, html: str) -> Laid:
    from weasyprint import HTML

    document = HTML(string=html, base_url=rendering.BASE, url_fetcher=typesetter._fetcher).render(
        font_config=typesetter._fonts, stylesheets=[typesetter._styles]
    )
    return boxes_of(document)


# ---- the same boxes at the same places -----------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_a_case_file_is_laid_out_as_weasyprint_does_it(
    moroccan: Protocol, typesetter: rendering.Typesetter, language: str
) -> None:
    html = case_file_html(at_length(MadeUp(moroccan).file(profiles(moroccan)[True])), Wording(language))
    ours = laid(typesetter, html)
    assert ours == laid_by_stock(typesetter, html)
    assert len(ours) > 2_000


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
def test_so_is_a_page_of_all_that_our_documents_do_not_use(
    typesetter: rendering.Typesetter, language: str, direction: str
) -> None:
    html = page(EVERYTHING, language, direction)
    assert laid(typesetter, html) == laid_by_stock(typesetter, html)


def test_lines_that_are_not_kept_are_shaped_again(
    typesetter: rendering.Typesetter, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = page(EVERYTHING)
    kept = laid(typesetter, html), made(html)
    monkeypatch.setattr(typesetting, "KEPT_MOST", 3)
    assert (laid(typesetter, html), made(html)) == kept


def wider(style: Any, stock: Callable[[Any], Any] = typesetting._lengths) -> Any:
    found = stock(style)
    if found is not typesetting._HANGS_ON_MORE and style["padding_left"].value > 0:
        found[0]["padding_left"] += 0.01
    return found


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("_lengths", wider),
        ("_is_bare", lambda _style: True),
        ("_LOOKS", ("font_size", "lang", "direction", "white_space")),
    ],
)
def test_a_fault_of_ours_would_be_seen(
    typesetter: rendering.Typesetter, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any
) -> None:
    html = page(EVERYTHING + "<p>gras et maigre, le même mot</p><p><b>gras et maigre, le même mot</b></p>")
    monkeypatch.setattr(typesetting, name, wrong)
    assert laid(typesetter, html) != laid_by_stock(typesetter, html)


# ---- its own functions afterwards ----------------------------------------------------------------------------------


def functions() -> dict[str, Any]:
    """Everything in WeasyPrint by its name, and the methods of its classes."""
    found: dict[str, Any] = {}
    for key, module in [*sys.modules.items()]:
        if key.partition(".")[0] in ("weasyprint", "pydyf"):
            for name, value in [*vars(module).items()]:
                found[f"{key}.{name}"] = value
                if isinstance(value, type):
                    found.update({f"{key}.{name}.{one}": member for one, member in vars(value).items()})
    return {name: value for name, value in found.items() if callable(value) or isinstance(value, property)}


def test_weasyprint_is_its_own_again() -> None:
    made(page("<p>un</p>"))
    before = functions()
    with in_our_hand():
        changed = {name for name, value in functions().items() if before.get(name) is not value}
    assert {"weasyprint.text.line_break.split_first_line", "weasyprint.layout.inline.split_first_line"} <= changed
    assert {"pydyf.PDF.write", "pydyf.Stream.data", "weasyprint.layout.percent.resolve_percentages"} <= changed
    after = functions()
    assert {name for name in before if before[name] is not after[name]} == set()


def failing() -> Iterator[None]:
    with in_our_hand():
        raise RuntimeError
    yield


def test_so_it_is_after_a_failure() -> None:
    made(page("<p>un</p>"))
    before = functions()
    with pytest.raises(RuntimeError):
        next(failing())
    after = functions()
    assert {name for name in before if before[name] is not after[name]} == set()


# ---- whole words ---------------------------------------------------------------------------------------------------

_APART = {"P", "TD", "TH", "LBody", "Lbl", "Figure", "H1", "H2", "H3", "H4"}
TEXTS = {
    "fr": "Elle a dit que personne de la classe ne lui parle plus depuis la publication, et qu’elle a peur. " * 6,
    "ar": "قالت إن لا أحد من زملائها يكلمها منذ نشر الصورة، وإنها تخاف من العودة إلى القسم (أو الساحة). " * 6,
}


def words(tag: Tag) -> list[str]:
    """What is read aloud, word by word, with nothing put between the pieces of one element."""

    def said(one: Tag) -> str:
        return "".join(kid if isinstance(kid, str) else said(kid) + " " * (kid.role in _APART) for kid in one.kids)

    return said(tag).split()


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
@pytest.mark.parametrize("inner", ["{}", "<b>{}</b> {}", "<span lang='und'>{}</span>{}"])
def test_a_line_that_ends_joins_no_words(language: str, direction: str, inner: str) -> None:
    text = inner.format(TEXTS[language], TEXTS[language])
    got = words(read_tags(made(page(f"<h1>T</h1><p>{text}</p>", language, direction), language)).root)
    assert got == ["T", *re.sub(r"<[^>]*>", "", text).split()]


@pytest.mark.parametrize(("language", "direction"), [("fr", "ltr"), ("ar", "rtl")])
def test_without_the_space_it_did(monkeypatch: pytest.MonkeyPatch, language: str, direction: str) -> None:
    class Forgetting(typesetting.Memory):
        """One that finds nothing of a space."""

        @property
        def spaces(self) -> dict[int, Any]:
            return dict.fromkeys(range(1000))

        @spaces.setter
        def spaces(self, _value: Any) -> None:
            return None

    monkeypatch.setattr(typesetting, "Memory", Forgetting)
    text = TEXTS[language]
    got = words(read_tags(made(page(f"<h1>T</h1><p>{text}</p>", language, direction), language)).root)
    assert len(got) < len(text.split())


@pytest.mark.exhaustive(but=("ar",))
@pytest.mark.parametrize("language", ["fr", "ar"])
def test_no_words_of_a_case_file_are_joined(small: Protocol, language: str) -> None:
    """Each letter that begins a word on a page begins one where it is read aloud."""
    view, wording = MadeUp(small).file(profiles(small)[True]), Wording(language)
    html = case_file_html(view, wording)
    from .tags import spoken

    found = read_tags(case_pdf(view, wording))
    known = {word for text, _language in spoken(found, html) for word in text.split()}
    got = words(found.root)
    joined = [word for word in got if any(word != a and word.startswith(a) and word[len(a) :] in known for a in known)]
    assert [word for word in joined if len(word) > 12] == []
