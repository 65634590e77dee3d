"""Forms on paper: every question is there with its code, its answers and room to write, in every language."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdf import tags
from pdf.archive import not_accessible, not_archival, without_claim
from pdf.printed import pages, squeezed, unsaid
from school_protocol.engine.definition import Protocol
from school_protocol.engine.definition_parts import FieldType, Form, FormField
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.pdf.tags import _Tree
from school_protocol.protocol import printed_pages
from school_protocol.protocol.printed_pages import blank_forms, code_of

MOMENT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
LANGUAGES = ("fr", "ar", "en")
Printed, Written = Callable[[str], str], Callable[[str], tuple[bytes, str]]


def made(protocol: Protocol, forms: list[Form], language: str = "fr") -> bytes:
    return blank_forms(protocol, forms, Wording(language), MOMENT)


@pytest.fixture(scope="module")
def written(moroccan: Protocol) -> Written:
    """Every form of the Moroccan protocol, made once for each language."""
    return cache(lambda language: set_and_written(moroccan, list(moroccan.forms.values()), language))


@pytest.fixture(scope="module")
def printed(written: Written) -> Printed:
    return cache(lambda language: "".join(pages(written(language)[0])))


def said(words: str) -> Text:
    return Text(dict.fromkeys(LANGUAGES, words))


def form_of(*fields: FormField) -> Form:
    return Form(key="sheet", code="Q1", title=said("A <sheet> & more"), fields=fields)


def field(key: str, type_: FieldType, **known: object) -> FormField:
    return FormField.model_validate({"key": key, "type": type_, "label": said(f"Question {key}"), **known})


def laid_out(protocol: Protocol, form: Form, language: str = "en") -> printed_pages.BlankForm:
    return printed_pages._Paper(protocol, form, Wording(language)).form()


# ---- what stands on them -------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_and_every_answer_of_every_form(moroccan: Protocol, printed: Printed, language: str) -> None:
    text, wording = printed(language), Wording(language)
    for form in moroccan.forms.values():
        asked = [one for one in form.fields if one.type is not FieldType.signature]
        options = [option.title for one in asked for option in one.options]
        columns = [column.label for one in asked for column in one.fields]
        hints = [one.hint for one in asked if one.hint]
        wanted = [form.title, *(one.label for one in asked), *options, *columns, *hints]
        assert unsaid(text, [wording.text(words) for words in wanted]) == [], form.key
        assert all(code_of(form, one) in text for one in asked)
    assert unsaid(text, ["Planté", "الزيتونة"]) == ["Planté", "الزيتونة"]


@pytest.mark.exhaustive(but=("fr",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_grid_stands_there_with_all_its_marks(moroccan: Protocol, language: str) -> None:
    wording = Wording(language)
    marked = [form for form in moroccan.forms.values() if any(one.type is FieldType.grid for one in form.fields)]
    text = "".join(pages(made(moroccan, marked, language)))
    for grid in moroccan.grids.values():
        words = [grid.notice, *(words for item in grid.items.values() for words in (item.title, *item.anchors))]
        assert unsaid(text, [wording.text(one) for one in words]) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_what_it_belongs_to(small: Protocol, language: str) -> None:
    form = small.forms["slip"]
    digested = small.model_copy(update={"digest": "0123456789abcdef"})
    found = pages(made(digested, [form], language))
    for page in found:
        assert f"{small.protocol}·{small.version}·{form.code}" in page
        assert "01234567" in page


def test_conditions_are_said_in_words_with_the_code_of_the_question(small: Protocol) -> None:
    question = next(one for one in laid_out(small, small.forms["slip"]).questions if one.asked_if)
    assert question.code == "O1-4"
    assert question.asked_if == "Only if “O1-3 What kind?” is: Money"
    assert squeezed(question.asked_if) in "".join(pages(made(small, [small.forms["slip"]], "en")))


def test_a_paper_is_tagged_and_says_its_language(small: Protocol) -> None:
    for language in LANGUAGES:
        with pikepdf.open(io.BytesIO(made(small, [small.forms["talk"]], language))) as pdf:
            assert bool(pdf.Root.MarkInfo.Marked)
            assert str(pdf.Root.Lang) == Wording(language).html_language
            assert str(pdf.docinfo["/Title"]).startswith(Wording(language).text(small.forms["talk"].title))


@pytest.mark.exhaustive
def test_every_form_of_another_protocol_under_another_name(small: Protocol) -> None:
    title = said("Objets <b>perdus</b> & retrouvés")
    renamed = small.model_copy(update={"protocol": "things-found", "title": title})
    found = pages(made(renamed, list(renamed.forms.values())))
    assert len(found) >= len(renamed.forms), "each form begins a page of its own"
    assert all("things-found·1·" in page for page in found)
    assert not any(small.protocol in page for page in found)
    assert any("Objets<b>perdus</b>&retrouvés" in page for page in found)


def test_words_that_are_hard_to_set_come_out_as_they_are(small: Protocol) -> None:
    long = "Décrivez tout, avec <i>signes</i> & « guillemets », " * 12
    form = form_of(
        field("a", FieldType.long, label=said(long), hint=said("<br>")),
        field("b", FieldType.choice, options=[{"key": "x", "title": said("y" * 200)}]),
    )
    text = "".join(pages(made(small, [form])))
    assert squeezed(long.replace("« ", "«\u00a0")) in text
    assert "<br>" in text
    assert "y" * 40 in text
    assert "A<sheet>&more" in text


@pytest.mark.exhaustive
def test_the_same_form_gives_the_same_bytes(small: Protocol) -> None:
    assert made(small, [small.forms["accord"]]) == made(small, [small.forms["accord"]])


# ---- room to write -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive(
    but=(
        "text",
        "choices",
        "date",
        "scale",
        "persons",
        "grid",
        "dangers",
        "covers",
        "record",
        "side",
        "school",
    )
)
@pytest.mark.parametrize("kind", list(FieldType))
def test_every_type_of_question_has_its_room(moroccan: Protocol, kind: FieldType) -> None:
    known: dict[str, object] = {}
    if kind in (FieldType.choice, FieldType.choices):
        known["options"] = [{"key": "x", "title": said("X")}, {"key": "z", "title": said("Z"), "hint": said("H")}]
    if kind is FieldType.rows:
        known["fields"] = [field("c", FieldType.text), field("d", FieldType.date)]
    form = form_of(field("a", kind, **known))
    laid = laid_out(moroccan, form)
    text = "".join(pages(made(moroccan, [form], "en")))
    if kind is FieldType.signature:
        assert (laid.questions, laid.signatures) == ((), 1)
        assert "Signature" in text
        return
    [question] = laid.questions
    assert question.code == "Q1-1"
    assert "Q1-1" in text
    has_room = question.ticks or question.lines or question.marks or question.columns or question.items
    assert has_room or question.room in ("date", "moment", "check", "entry")
    assert all(squeezed(tick.title) in text for tick in question.ticks)
    assert unsaid(text, [title for _code, title, _marks in question.items]) == []


@pytest.mark.parametrize(
    ("given", "room", "lines", "marks"),
    [
        (field("a", FieldType.text), "lines", 1, ()),
        (field("a", FieldType.text, most=400), "lines", 2, ()),
        (field("a", FieldType.long, most=500), "lines", printed_pages.LONG, ()),
        (field("a", FieldType.long), "lines", printed_pages.LONGEST, ()),
        (field("a", FieldType.integer, most=365), "digits", 0, (3,)),
        (field("a", FieldType.scale, least=1, most=4), "scale", 0, (1, 2, 3, 4)),
        (field("a", FieldType.scale), "scale", 0, tuple(range(11))),
        (field("a", FieldType.massar), "letters", 0, (10,)),
        (field("a", FieldType.person, slots=["owner"]), "people", 1, ()),
        (field("a", FieldType.persons, most=2), "people", 2, ()),
        (field("a", FieldType.rows, fields=[field("c", FieldType.date)]), "rows", 4, ()),
    ],
)
def test_room_fits_what_is_asked(
    small: Protocol, given: FormField, room: str, lines: int, marks: tuple[int, ...]
) -> None:
    [question] = laid_out(small, form_of(given)).questions
    assert (question.room, question.lines, question.marks) == (room, lines, marks)


def test_answers_are_those_that_may_be_given(small: Protocol) -> None:
    only = field("a", FieldType.danger, only=["blade"])
    [danger, all_of_them, target, slot] = laid_out(
        small,
        form_of(
            only, field("b", FieldType.covers), field("c", FieldType.target, only=["school_doctor"]),
            field("d", FieldType.person, slots=["owner", "family"]),
        ),
    ).questions  # fmt: skip
    assert [tick.title for tick in danger.ticks] == ["Blade"]
    assert [tick.title for tick in all_of_them.ticks] == ["Blade", "Fight", "A need without a danger"]
    assert all_of_them.many
    assert not danger.many
    assert [tick.title for tick in target.ticks] == ["School doctor"]
    assert [tick.code for tick in slot.ticks] == ["PR", "FA"]


def test_a_column_with_many_answers_lists_them_once(small: Protocol) -> None:
    options = [
        {"key": f"k{place}", "title": said(f"Answer {place}")} for place in range(printed_pages.TICKS_IN_CELL + 2)
    ]
    columns = [field("c", FieldType.choice, options=options), field("d", FieldType.choice, options=options[:2])]
    form = form_of(field("a", FieldType.rows, fields=columns, most=3))
    [question] = laid_out(small, form).questions
    assert [column.numbered for column in question.columns] == [True, False]
    text = "".join(pages(made(small, [form], "en")))
    assert text.count("Answer5") == 1, "above the rows"
    assert text.count("Answer1") == 1 + 3, "above the rows, and in each of them"


def test_as_many_signatures_as_the_act_asks(small: Protocol) -> None:
    assert laid_out(small, small.forms["accord"]).signatures == small.acts["settle"].signatures == 2
    assert laid_out(small, small.forms["slip"]).signatures == 0
    signed = "".join(pages(made(small, [small.forms["accord"]], "en")))
    unsigned = "".join(pages(made(small, [small.forms["slip"]], "en")))
    assert signed.count("Signature") - unsigned.count("Signature") == 2


def test_what_nobody_may_type_in_later_has_no_room_for_it(small: Protocol) -> None:
    for key, typed in (("slip", True), ("stamp", False)):
        assert laid_out(small, small.forms[key]).typed_in is typed
        assert ("Typedinon" in "".join(pages(made(small, [small.forms[key]], "en")))) is typed


# ---- for whoever has them read aloud -------------------------------------------------------------------------------


def set_and_written(protocol: Protocol, forms: list[Form], language: str) -> tuple[bytes, str]:
    """The PDF, and the page that it was made of."""
    kept: dict[str, str] = {}
    stock = rendering.render

    def render(html: str, **about: Any) -> bytes:
        kept["html"] = html
        return stock(html, **about)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(printed_pages, "render", render)
        return made(protocol, forms, language), kept["html"]


_ROOM_FOLLOWS = re.compile(r"the heading .* stands at the foot of page \d+", re.DOTALL)
"""Where a question is followed by nothing but room to write, which is no text, and then by another page."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_can_be_read_aloud(moroccan: Protocol, written: Written, tmp_path: Path, language: str) -> None:
    data, html = written(language)
    found = tags.faults(data, html)
    assert [fault for fault in found.pop("breaks", []) if not _ROOM_FOLLOWS.fullmatch(fault)] == []
    assert found == {}
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert without_claim(data) != data
    heads = [tag.role for tag in tags.read_tags(data).root.walk() if tag.role in ("H1", "H2", "H3")]
    assert heads.count("H2") == len(moroccan.forms)


@pytest.mark.exhaustive(but=("slip-ar", "talk-fr"))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["slip", "talk"])
def test_one_form_is_a_whole_of_its_own(small: Protocol, tmp_path: Path, language: str, key: str) -> None:
    form = small.forms[key]
    data, html = set_and_written(small, [form], language)
    assert tags.faults(data, html) == {}
    assert not_accessible(data, tmp_path) == set()
    first = next(tag for tag in tags.read_tags(data).root.walk() if tag.role == "H1")
    assert squeezed(first.text) == squeezed(Wording(language).text(form.title))


def test_tables_that_say_nothing_would_be_read_as_some(small: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `role="presentation"` is there for."""
    data, html = set_and_written(small, [small.forms["slip"]], "fr")
    assert tags.faults(data, html) == {}
    monkeypatch.setattr(_Tree, "_only_places", lambda _tree, _element: False)
    data, html = set_and_written(small, [small.forms["slip"]], "fr")
    assert "tables" in tags.faults(data, html)
