"""Poster, leaflet and orientation sheet: archival, accessible, of their size, nothing made up on them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
import segno
from pypdf import PdfReader

from school_protocol.engine.definition import Protocol
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.pdf import rendering
from school_protocol.reports.material import (
    SIZES,
    Address,
    Answering,
    Said,
    Size,
    fitted,
    leaflet,
    leaflet_html,
    orientation_sheet,
    orientation_sheet_html,
    poster,
    poster_html,
)

from . import tags, told
from .archive import not_accessible, not_archival, not_sound
from .printed import pages, unsaid

pytestmark = pytest.mark.skipif(rendering.missing() is not None, reason="pango is missing")
LANGUAGES = ("fr", "ar", "en")
A4, A5 = (595, 842), (420, 595)

Made = tuple[bytes, str]
Making = Callable[[Protocol, Wording], Made]
MAKINGS: dict[str, Making] = {
    "poster A4": lambda _protocol, w: (poster(told.POSTER, w, Size.a4), poster_html(told.POSTER, w, Size.a4)),
    "poster A5": lambda _protocol, w: (poster(told.POSTER, w, Size.a5), poster_html(told.POSTER, w, Size.a5)),
    "leaflet": lambda protocol, w: (
        leaflet(told.leaflet_of(protocol), w), leaflet_html(told.leaflet_of(protocol), w),
    ),
    "sheet": lambda _protocol, w: (orientation_sheet(told.SHEET, w), orientation_sheet_html(told.SHEET, w)),
}  # fmt: skip


def sizes(data: bytes) -> list[tuple[int, int]]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        boxes = [page.mediabox for page in pdf.pages]
        return [(round(float(box[2])), round(float(box[3]))) for box in boxes]


@pytest.mark.exhaustive(but=("poster A5-en",))
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paper", MAKINGS)
def test_each_is_archival_accessible_and_tagged_as_its_page_says(
    moroccan: Protocol, paper: str, language: str, tmp_path: Path
) -> None:
    data, html = MAKINGS[paper](moroccan, Wording(language))
    assert not_archival(data, tmp_path) == set()
    assert not_accessible(data, tmp_path) == set()
    assert not_sound(data) == []
    assert {name: faults for name, faults in tags.faults(data, html).items() if faults} == {}
    assert "%(" not in html


@pytest.mark.exhaustive(
    but=(
        "leaflet",
        "sheet",
    )
)
@pytest.mark.parametrize("paper", MAKINGS)
def test_the_same_view_gives_the_same_bytes(moroccan: Protocol, paper: str) -> None:
    w = Wording("ar")
    assert MAKINGS[paper](moroccan, w)[0] == MAKINGS[paper](moroccan, w)[0]


@pytest.mark.exhaustive
def test_each_has_its_size(moroccan: Protocol) -> None:
    w = Wording("fr")
    found = {paper: sizes(make(moroccan, w)[0]) for paper, make in MAKINGS.items()}
    lying = (A4[1], A4[0])
    assert found == {"poster A4": [A4], "poster A5": [A5], "leaflet": [lying, lying], "sheet": [A4]}


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_poster_says_what_the_definition_and_the_directory_say(language: str) -> None:
    w = Wording(language)
    (page,) = pages(poster(told.POSTER, w, Size.a4))
    wanted = [w.text(one) for one in (told.MOTTO, told.CALL, told.PROMISE, told.HOURS)]
    wanted += [w.text(told.SCHOOL), "protocole.example.ma/s/", "rimokalu"]
    wanted += [w.text(one.names) for one in told.CALLS] + [one.phone for one in told.CALLS]
    assert unsaid(page, wanted) == []
    assert unsaid(page, ["2512", "Planté"]) == ["2512", "Planté"]


@pytest.mark.exhaustive
def test_no_number_stands_on_it_that_the_directory_does_not_have() -> None:
    other = replace(told.POSTER, calls=(Answering({"fr": "Ligne du coin"}, phone="0537 55 44 33"),))
    (page,) = pages(poster(other, Wording("fr"), Size.a4))
    assert "0537554433" in page
    assert not [one.phone for one in told.CALLS if one.phone in page.replace("0537554433", "")]
    (page,) = pages(poster(replace(told.POSTER, calls=()), Wording("fr"), Size.a4))
    assert not any(letter.isdigit() for letter in page.replace("1.", "").replace("2.", "").replace("3.", ""))


def test_the_picture_is_that_of_the_address() -> None:
    """The very modules of that address; a quarter of them may be torn."""
    address = Address("https://protocole.example.ma/s/rimokalu")
    out = io.BytesIO()
    segno.make(address.whole, error="q").save(out, kind="svg", xmldecl=False, border=4, omitsize=True)
    path = out.getvalue().decode().rpartition(' d="')[2].partition('"')[0]
    assert len(path) > 500
    assert path in address.picture("T")
    assert path not in Address("https://protocole.example.ma/s/rimokala").picture("T")
    assert segno.make(address.whole, error="q").error in "QH"
    assert "&lt;b&gt;" in address.picture("<b>")


def test_an_address_is_written_as_one_types_it() -> None:
    address = Address("https://protocole.example.ma/s/rimokalu")
    assert (address.before, address.code) == ("protocole.example.ma/s/", "rimokalu")
    local = Address("http://127.0.0.1:5000/s/rimokalu")
    assert (local.before, local.code) == ("127.0.0.1:5000/s/", "rimokalu")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_leaflet_prints_the_times_of_the_definition(moroccan: Protocol, language: str) -> None:
    w = Wording(language)
    view = told.leaflet_of(moroccan)
    outside, inside = pages(leaflet(view, w))
    times = [w.within(one.deadline.value, one.deadline.unit) for one in view.after if one.deadline]
    assert len(times) == 5
    assert unsaid(inside.lower(), [one.lower() for one in times]) == []
    assert unsaid(inside, [w.text(one) for one in (view.material.what, *view.material.do, *view.material.never)]) == []
    assert unsaid(outside, [w.text(one) for one in (told.MOTTO, told.PROMISE, *view.material.family)]) == []
    changed = view.after[0].deadline
    assert changed is not None
    step = replace(view.after[0], deadline=changed.model_copy(update={"value": 77}))
    assert "77" not in inside
    assert "77" in pages(leaflet(replace(view, after=(step,)), w))[1]


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_front_is_read_first_and_lies_outside(moroccan: Protocol, language: str) -> None:
    data = leaflet(told.leaflet_of(moroccan), Wording(language))
    heads = [tag for tag in tags.read_tags(data).root.walk() if tag.role.startswith("H")]
    assert heads[0].role == "H1"
    assert heads[0].text.strip() == Wording(language).text(told.MOTTO)
    reader = PdfReader(io.BytesIO(data))
    at: dict[str, float] = {}

    def place(text: str, _matrix: object, where: list[float], _font: object, _size: object) -> None:
        if "rimokalu" in text:
            at["front"] = where[4]

    reader.pages[0].extract_text(visitor_text=place)
    assert (at["front"] > A4[1] / 2) is (language == "fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_has_steps_services_and_a_request_to_fill_in(language: str) -> None:
    w = Wording(language)
    (page,) = pages(orientation_sheet(told.SHEET, w))
    wanted = [w.text(one) for one in (told.SHEET.title, *told.SHEET.steps)]
    wanted += [w.text(one.names) for one in told.SERVICES] + ["+212 6 24 40 58 89", "takeitdown.ncmec.org/fr"]
    assert unsaid(page, wanted) == []
    assert "……………" in page
    assert unsaid(page, [w._("address of the page")]) == []
    filled = replace(told.SHEET, places={"address": "https://example.com/p/1<b>"})
    (page,) = pages(orientation_sheet(filled, w))
    assert "https://example.com/p/1<b>" in page
    assert "……………" not in page


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_long_names_and_sentences_leave_each_its_pages(moroccan: Protocol, language: str) -> None:
    w = Wording(language)
    long = dict.fromkeys(LANGUAGES, "Groupe scolaire du Prince héritier et de la Princesse, annexe du centre " * 3)
    wordy = Text(dict.fromkeys(LANGUAGES, "Une phrase de la définition qui ne finit pas, et qui recommence. " * 5))
    many = told.CALLS * 3
    wide = told.MATERIAL.model_copy(update={"call": wordy, "promise": wordy, "what": wordy, "do": (wordy,) * 5})
    view = replace(told.POSTER, unit=replace(told.UNIT, names=long), material=wide, hours=wordy, calls=many)
    for size in Size:
        assert len(pages(poster(view, w, size))) == 1
    narrow = wide.model_copy(update={"promise": told.PROMISE})
    folded = replace(view, material=narrow, hours=told.HOURS, after=told.leaflet_of(moroccan).after)
    assert len(pages(leaflet(folded, w))) == 2
    sheet = replace(told.SHEET, steps=(wordy,) * 7, services=told.SERVICES * 3, calls=many)
    assert len(pages(orientation_sheet(sheet, w))) == 1


def test_the_largest_letters_that_fit_are_chosen() -> None:
    tried: list[float] = []

    def written(size: float) -> bytes:
        tried.append(size)
        pdf = pikepdf.new()
        for _page in range(2 if size > 0.9 else 1):
            pdf.add_blank_page()
        out = io.BytesIO()
        pdf.save(out)
        return out.getvalue()

    fitted(written, 1)
    assert tried[-1] == max(size for size in SIZES if size <= 0.9)


def test_hours_are_said_where_they_are_known() -> None:
    said = Said(Wording("fr"))
    assert said.when(Answering({}, hours=told.ALWAYS)) == "jour et nuit"
    assert said.when(told.SERVICES[0]) == "Du lundi au vendredi, 10:00–16:00"
    assert said.when(Answering({}, hours={"5": [["10:00", "16:00"]]})) == ""
    assert said.when(Answering({})) == ""
