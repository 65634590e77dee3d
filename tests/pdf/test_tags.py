"""The tag tree says what the page says: each check on the real case file, and each on a page with its fault in it."""

import io
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pikepdf
import pytest

from school_protocol.case_files.content import CaseFile
from school_protocol.case_files.pages import Pages, case_file_html
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.rendering import render

from . import tags
from .made_up import MadeUp, profiles
from .printed import case_pdf

LANGUAGES = ("fr", "ar", "en")
MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
WORDS = (
    "Depuis deux semaines, une élève reste seule à la récréation.\n"
    "قالت: «ما بغيتش نرجع للمدرسة، خايفة.» ثم أعطتني الرقم 0661-23-45-67 (WhatsApp).\n"
    "She said that nobody of the class is on her side.\n"
)


def page(body: str, language: str = "fr", direction: str = "ltr") -> str:
    head = (
        f'<!DOCTYPE html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8"/><title>T</title></head>'
    )
    return f"{head}<body>{body}</body></html>"


def made(html: str, language: str = "fr") -> bytes:
    return render(html, title="Titre", language=language, identifier="x", moment=MOMENT)


def stock(html: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """As WeasyPrint tags and draws it by itself."""
    with monkeypatch.context() as patched:
        patched.setattr(rendering, "_our_tags", lambda _root: nullcontext())
        return made(html)


def faults(html: str, language: str = "fr") -> dict[str, list[str]]:
    return tags.faults(made(html, language), html)


# ---- the case file -------------------------------------------------------------------------------------------------


def with_words(view: CaseFile) -> CaseFile:
    """Every long answer in three languages, some of them pages long."""
    records = []
    for place, record in enumerate(view.records):
        long = [field.key for field in record.form.fields if field.type is FieldType.long]
        records.append(replace(record, answers={**record.answers, **dict.fromkeys(long, WORDS * (1 + place % 7))}))
    return replace(view, records=tuple(records))


@pytest.fixture(params=["small", "moroccan"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.getfixturevalue(request.param)
    return found


@pytest.mark.exhaustive(but=("small-True-fr",))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identified", [True, False])
def test_nothing_is_wrong_with_the_case_file(protocol: Protocol, language: str, identified: bool) -> None:
    view, w = with_words(MadeUp(protocol).file(profiles(protocol)[identified])), Wording(language)
    data, html = case_pdf(view, w), case_file_html(view, w)
    assert tags.faults(data, html) == {}
    found = tags.read_tags(data)
    assert found.language == w.html_language
    assert view.head.number in found.title
    assert len(found.root.all("H2")) == html.count("<h2") > len(Pages(view, w).printed())
    assert len(found.root.all("Table")) > 10
    assert len(found.root.all("L")) == 3
    kinds = {kind for kind, _text in found.artifacts}
    assert {"Header", "Footer"} <= kinds
    heads = tags.squeezed("".join(text for kind, text in found.artifacts if kind == "Header"))
    assert heads.count(tags.squeezed(view.head.number)) > 2


@pytest.mark.exhaustive(but=("ar-*",))
@pytest.mark.parametrize(("language", "others"), [("fr", {"ar", "en"}), ("ar", {"fr", "en"}), ("en", {"fr", "ar"})])
def test_passages_of_other_languages_say_theirs(small: Protocol, language: str, others: set[str]) -> None:
    view = with_words(MadeUp(small).file(profiles(small)[True]))
    found = tags.read_tags(case_pdf(view, Wording(language)))
    said = {tag.language for tag in found.root.walk() if tag.says_language}
    assert others <= said
    within = [(tag.language, kid) for tag in found.root.walk() for kid in tag.kids if isinstance(kid, tags.Tag)]
    assert [kid for outer, kid in within if kid.says_language and kid.language == outer] == []


@pytest.mark.exhaustive
def test_a_text_that_is_only_in_another_language_says_so(small: Protocol) -> None:
    view = MadeUp(small).file(profiles(small)[False])
    view = replace(view, head=replace(view.head, unit=replace(view.head.unit, names={"fr": "Collège Ibn Rochd"})))
    found = tags.read_tags(case_pdf(view, Wording("ar")))
    named = [tag for tag in found.root.walk() if tag.says_language and "Collège" in tag.text]
    assert [(tag.language, tag.text) for tag in named] == [("fr", "Collège Ibn Rochd")]


@pytest.mark.exhaustive
def test_a_label_is_that_of_its_own_value(small: Protocol) -> None:
    found = tags.read_tags(case_pdf(MadeUp(small).file(profiles(small)[True]), Wording("fr")))
    named = {tag.id: tag.text for tag in found.root.walk() if tag.id}
    pairs = [row.tags for row in found.root.all("TR") if [tag.role for tag in row.tags] == ["TH", "TD", "TH", "TD"]]
    assert len(pairs) > 3
    for first, value, second, other in pairs:
        assert [named[one] for one in value.headers] == [first.text]
        assert [named[one] for one in other.headers] == [second.text]


@pytest.mark.exhaustive
def test_signs_say_what_they_stand_for(moroccan: Protocol) -> None:
    w = Wording("ar")
    found = tags.read_tags(case_pdf(MadeUp(moroccan).file(profiles(moroccan)[False]), w))
    told = [tag.alt for tag in found.root.all("Span") if tag.alt]
    assert told.count(w._("Met")) == 4
    assert told.count(w._("Done")) == len(moroccan.stages)
    assert not any(sign in tag.text for tag in found.root.all("TD") for sign in "✓!")
    seen = "".join(text for kind, text in found.artifacts if kind == "Layout")
    assert "×" in seen
    assert "–" in seen


# ---- each check finds its fault ------------------------------------------------------------------------------------


def test_a_page_without_fault_has_none() -> None:
    html = page(
        "<h1>Titre</h1><h2>Un</h2><p>Texte <b>gras</b> et <bdi dir='rtl' lang='ar'>كلمة (لا)</bdi>.</p>"
        "<ul><li>Un</li><li>Deux <span lang='en'>the two</span></li></ul><h3>Une <i>suite</i></h3>"
        "<table><thead><tr><th scope='col'>A</th><th scope='col'>B</th></tr></thead>"
        "<tbody><tr><td>1</td><td></td></tr><tr><td colspan='2'>2</td></tr></tbody></table>"
        "<div>Un mot <span aria-hidden='true'>✓</span></div>" + SQUARE.format("<title>Un carré</title>")
    )
    assert faults(html) == {}


GOOD = "<h1>T</h1>"
TABLE = "<table><tbody>{}</tbody></table>"
TALL = '<div style="height: {}mm"></div>'


THREE = "<tr><td>1</td></tr><tr><td>2</td></tr><tr><td>3<br>4<br>5<br>6<br>7<br>8<br>9<br>10</td></tr>"
HEADED = "<table><thead><tr><th scope='col'>A</th></tr></thead><tbody>{}</tbody></table>"
SQUARE = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{}<rect width='9' height='9'/></svg>"
LOOSE = "<p style='orphans: 1; widows: 1'>1<br>2<br>3<br>4<br>5</p>"


@pytest.mark.parametrize(
    ("check", "said", "body"),
    [
        ("headings", "H3 after H1", "<h1>T</h1><h3>Trop bas</h3>"),
        ("headings", "2 H1", "<h1>T</h1><h1>Encore</h1>"),
        ("headings", "0 H1", "<h2>T</h2>"),
        ("tables", "no header cell", GOOD + TABLE.format("<tr><td>a</td><td>b</td></tr>")),
        (
            "tables",
            "several widths",
            GOOD + TABLE.format("<tr><th scope='col'>a</th></tr><tr><td>b</td><td>c</td></tr>"),
        ),
        ("tables", "a cell of no header", GOOD + TABLE.format("<tr><td>x</td><th scope='col'>a</th></tr>")),
        (
            "tables",
            "several widths",
            GOOD + TABLE.format("<tr><th scope='col' rowspan='3'>a</th></tr><tr><td>b</td></tr>"),
        ),
        ("lists", "P in L", GOOD + "<ul><p>x</p></ul>"),
        ("lists", "LI in Document", GOOD + "<p>x</p><li>y</li>"),
        ("blocks", "text in Sect", GOOD + "<section>du texte</section>"),
        ("figures", "without Alt", GOOD + SQUARE.format("")),
        ("bookmarks", "bookmark None", GOOD + "<h2 style='bookmark-level: none'>Deux</h2>"),
        (
            "breaks",
            "the heading 'Deux'",
            GOOD + TALL.format(227) + "<h2 style='break-after: auto'>Deux</h2><p>1</p><p>2</p>",
        ),
        ("breaks", "goes on", GOOD + TALL.format(220) + HEADED.format(THREE)),
        ("breaks", "one row alone", GOOD + TALL.format(230) + HEADED.format(THREE)),
        ("breaks", "one line of", GOOD + TALL.format(228) + LOOSE),
    ],
)
def test_a_fault_is_found(check: str, said: str, body: str) -> None:
    found = faults(page(body.replace("<table>", "<table style='table-layout: auto'>")))
    assert any(said in one for one in found[check])


def swap_two_paragraphs(pdf: pikepdf.Pdf) -> None:
    top = pdf.Root.StructTreeRoot.K[0]
    top.K = pikepdf.Array([top.K[0], top.K[2], top.K[1]])


def forget_a_paragraph(pdf: pikepdf.Pdf) -> None:
    top = pdf.Root.StructTreeRoot.K[0]
    top.K = pikepdf.Array([top.K[0], top.K[1]])


def say_twice(pdf: pikepdf.Pdf) -> None:
    top = pdf.Root.StructTreeRoot.K[0]
    top.K = pikepdf.Array([*top.K, top.K[1]])


def untold(pdf: pikepdf.Pdf) -> None:
    [font, *_others] = [str(name) for name in pdf.pages[0].Resources.Font]
    pdf.pages[0].contents_add(f"BT {font} 9 Tf 9 9 Td [<0003><0043>] TJ ET".encode())


def without_scope(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/TH":
            del one.A


def without_alt(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure":
            del one.Alt


def without_language(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/StructElem" and "/Lang" in one:
            del one.Lang


def with_other_widths(pdf: pikepdf.Pdf, columns: int = 2) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/TD":
            one.A = pikepdf.Dictionary(O=pikepdf.Name.Table, ColSpan=columns)


def without_numbering(pdf: pikepdf.Pdf) -> None:
    for one in pdf.objects:
        if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/L":
            del one.A


CHANGES: list[tuple[str, Callable[[pikepdf.Pdf], Any]]] = [
    ("reading_order", swap_two_paragraphs),
    ("reading_order", forget_a_paragraph),
    ("artifacts", forget_a_paragraph),
    ("artifacts", say_twice),
    ("artifacts", untold),
    ("tables", without_scope),
    ("figures", without_alt),
    ("languages", without_language),
    ("document", lambda pdf: pdf.Root.ViewerPreferences.__delitem__("/DisplayDocTitle")),
    ("document", lambda pdf: pdf.Root.MarkInfo.__delitem__("/Marked")),
    ("document", lambda pdf: pdf.Root.__delitem__("/Lang")),
    ("document", lambda pdf: pdf.docinfo.__delitem__("/Title")),
    ("document", lambda pdf: pdf.docinfo.__setitem__("/Title", "Un autre")),
    ("bookmarks", lambda pdf: pdf.Root.__delitem__("/Outlines")),
    ("lists", without_numbering),
    ("headings", lambda pdf: pdf.Root.StructTreeRoot.K[0].K[0].__delitem__("/K")),
    ("tables", with_other_widths),
]


@pytest.mark.parametrize(("check", "change"), CHANGES)
def test_a_fault_made_in_the_file_is_found(check: str, change: Callable[[pikepdf.Pdf], Any]) -> None:
    inner = (
        "<h1>T</h1><p>Un <span lang='en'>the two</span></p><p>x</p><ol><li>y</li></ol>"
        "<table><tr><th scope='col'>A</th></tr><tr><td>b "
        f"{SQUARE.format('<title>Un carré</title>')}</td></tr></table>"
    )
    html = page(inner)
    data = made(html)
    assert tags.faults(data, html) == {}
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        written = io.BytesIO()
        pdf.save(written)
    assert check in tags.faults(written.getvalue(), html)


def test_a_value_between_two_labels_without_its_own_is_found() -> None:
    row = "<tr><th scope='row'>a</th><td>b</td><th scope='row'>c</th><td>d</td></tr>"
    html = page(GOOD + TABLE.format(row))
    data = made(html)
    assert tags.faults(data, html) == {}
    with pikepdf.open(io.BytesIO(data)) as pdf:
        with_other_widths(pdf, 1)
        pdf.save(written := io.BytesIO())
    assert tags.tables(tags.read_tags(written.getvalue())) == ["which label? b", "which label? d"]


@pytest.mark.parametrize(
    ("check", "body"),
    [
        ("languages", "<h1>T</h1><p>Un <span lang='en'>the two</span></p>"),
        ("artifacts", "<div class='running'>En tête</div><h1>T</h1><p>Un</p><p style='break-before: page'>Deux</p>"),
        (
            "reading_order",
            "<h1>T</h1><table><thead><tr><th scope='col'>A</th></tr></thead><tbody>"
            "<tr><td style='height: 200mm'>b</td></tr><tr><td style='height: 200mm'>c</td></tr></tbody></table>",
        ),
        ("tables", "<h1>T</h1><table><tr><th scope='col'>A</th></tr><tr><td>b</td></tr></table>"),
    ],
)
def test_the_stock_tree_has_the_fault(check: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our own hand is there for."""
    html = page(body)
    assert check in tags.faults(stock(html, monkeypatch), html)
    assert check not in tags.faults(made(html), html)


def test_a_table_that_goes_on_is_one_and_its_head_is_read_once() -> None:
    rows = "".join(f"<tr><td>rang {place}</td></tr>" for place in range(150))
    html = page(f"<h1>T</h1><table><thead><tr><th scope='col'>En-tête</th></tr></thead><tbody>{rows}</tbody></table>")
    data = made(html)
    assert tags.faults(data, html) == {}
    found = tags.read_tags(data)
    (table,) = found.root.all("Table")
    assert len(table.pages) > 2
    again = [text for kind, text in found.artifacts if kind == "Pagination" and text.strip()]
    assert again == ["En-tête"] * (len(table.pages) - 1)


def test_a_paragraph_that_goes_on_is_one() -> None:
    html = page("<h1>T</h1><p>" + "mot " * 4000 + "</p>")
    data = made(html)
    assert tags.faults(data, html) == {}
    (paragraph,) = tags.read_tags(data).root.all("P")
    assert len(paragraph.pages) > 2


def test_links_are_in_the_tree_with_their_annotation() -> None:
    data = made(page("<h1>T</h1><p>Voir <a href='#la'>plus loin</a></p><p id='la'>Là</p>"))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        (annotation,) = pdf.pages[0].Annots
        place = list(pdf.Root.StructTreeRoot.ParentTree.Nums)
        link = dict(zip(place[::2], place[1::2], strict=True))[int(annotation.StructParent)]
        assert str(link.S) == "/Link"
        assert [str(kid.Type) for kid in link.K if not isinstance(kid, int)] == ["/OBJR"]
