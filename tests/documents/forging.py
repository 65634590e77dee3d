"""What somebody can do to a copy who holds the academy's own key: each change, and what it must be told as."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, String

from school_protocol.documents.reading.fonts import Font

Change = Callable[[pikepdf.Pdf], object]


def instructions(page: pikepdf.Page) -> list[tuple[list[Any], Any]]:
    return [(list(one.operands), one.operator) for one in pikepdf.parse_content_stream(page)]


def rewritten(pdf: pikepdf.Pdf, page: pikepdf.Page, told: list[tuple[list[Any], Any]]) -> None:
    page.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(told))


def spoken(told: list[tuple[list[Any], Any]]) -> Iterator[int]:
    """Places of the texts that are in the tree."""
    depth: list[bool] = []
    for place, (operands, operator) in enumerate(told):
        match str(operator):
            case "BDC":
                depth.append("/MCID" in operands[1])
            case "BMC":
                depth.append(False)
            case "EMC":
                depth.pop()
            case "TJ" if any(depth) and _codes(operands):
                yield place


def _codes(operands: list[Any]) -> list[bytes]:
    return [bytes(piece) for piece in operands[0] if isinstance(piece, String) and len(bytes(piece)) > 0]


def _font_at(page: pikepdf.Page, told: list[tuple[list[Any], Any]], place: int) -> Font:
    named = next(str(operands[0]) for operands, operator in reversed(told[:place]) if str(operator) == "Tf")
    return Font(page.resources.Font[named])


def one_letter(pdf: pikepdf.Pdf, lots: random.Random | None = None) -> None:
    """Another letter somewhere, of the same font."""
    chance = lots or random.Random(1)
    page = chance.choice(list(pdf.pages))
    told = instructions(page)
    while True:
        place = chance.choice(list(spoken(told)))
        font = _font_at(page, told, place)
        pieces = list(told[place][0][0])
        strings = [number for number, one in enumerate(pieces) if isinstance(one, String) and len(bytes(one)) >= 2]
        number = chance.choice(strings)
        codes = bytes(pieces[number])
        letter = font.letters.get(codes[:2], "")
        others = [code for code, other in font.letters.items() if other.strip() and other != letter]
        if letter.strip() and others:
            pieces[number] = String(chance.choice(others) + codes[2:])
            told[place] = ([Array(pieces)], told[place][1])
            return rewritten(pdf, page, told)


def a_text_left_out(pdf: pikepdf.Pdf, lots: random.Random | None = None) -> None:
    chance = lots or random.Random(2)
    page = chance.choice(list(pdf.pages))
    told = instructions(page)
    while True:
        place = chance.choice(list(spoken(told)))
        font = _font_at(page, told, place)
        said = "".join(
            font.letters.get(codes[at : at + 2], "")
            for codes in _codes(told[place][0])
            for at in range(0, len(codes), 2)
        )
        if said.strip():
            told[place] = ([Array([])], told[place][1])
            return rewritten(pdf, page, told)


def two_texts_swapped(pdf: pikepdf.Pdf, lots: random.Random | None = None) -> None:
    """Two passages of one font, each in the other's place."""
    chance = lots or random.Random(3)
    while True:
        page = chance.choice(list(pdf.pages))
        told = instructions(page)
        places = list(spoken(told))
        one, other = chance.choice(places), chance.choice(places)
        fonts = _font_at(page, told, one), _font_at(page, told, other)
        if fonts[0].letters != fonts[1].letters:
            continue
        said = [
            re.sub(r"\s", "", "".join(fonts[0].letters.get(codes[at : at + 2], "") for at in range(0, len(codes), 2)))
            for codes in (b"".join(_codes(told[one][0])), b"".join(_codes(told[other][0])))
        ]
        if said[0] != said[1] and all(said):
            told[one], told[other] = told[other], told[one]
            return rewritten(pdf, page, told)


def the_order_of_reading(pdf: pikepdf.Pdf, lots: random.Random | None = None) -> None:
    """Two elements of the tree, each in the other's place: the eye sees what it saw."""
    chance = lots or random.Random(4)
    elements = [
        one
        for one in pdf.objects
        if isinstance(one, Dictionary) and one.get("/Type") == Name.StructElem and isinstance(one.get("/K"), Array)
    ]
    fitting = [one for one in elements if sum(isinstance(kid, Dictionary) for kid in one.K) > 2 and str(one.S) == "/TR"]
    row = chance.choice(fitting)
    row.K = Array([row.K[1], row.K[0], *list(row.K)[2:]])


def an_added_page(pdf: pikepdf.Pdf) -> None:
    pdf.pages.append(pdf.pages[-1])


def an_empty_page(pdf: pikepdf.Pdf) -> None:
    pdf.add_blank_page(page_size=(595.275591, 841.889764))


def a_page_left_out(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[1]


def pages_in_another_order(pdf: pikepdf.Pdf) -> None:
    kids = list(pdf.Root.Pages.Kids)
    pdf.Root.Pages.Kids = Array([kids[0], kids[2], kids[1], *kids[3:]])


def _drawn(pdf: pikepdf.Pdf, more: str, before: str = "") -> None:
    page = pdf.pages[0]
    fonts = [str(name) for name in page.resources.Font]
    old = b"\n".join(stream.read_bytes() for stream in page.obj.Contents)
    page.obj.Contents = pdf.make_stream(
        before.format(font=fonts[0]).encode() + b"\n" + old + b"\n" + more.format(font=fonts[0]).encode()
    )


def words_beside_the_tree(pdf: pikepdf.Pdf) -> None:
    _drawn(pdf, "BT {font} 12 Tf 1 0 0 1 60 60 Tm [<00030024>] TJ ET")


def words_as_an_artifact(pdf: pikepdf.Pdf) -> None:
    font = Font(next(iter(pdf.pages[0].resources.Font.values())))
    code = next(code for code, letter in font.letters.items() if letter.isalpha())
    _drawn(pdf, f"/Artifact BMC BT {{font}} 12 Tf 1 0 0 1 60 60 Tm [<{code.hex()}>] TJ ET EMC")


def words_in_white(pdf: pikepdf.Pdf) -> None:
    """Of the tree, and to be read by programs alone."""
    page = pdf.pages[0]
    told = instructions(page)
    place = next(iter(spoken(told)))
    start = max(number for number in range(place) if str(told[number][1]) == "BT")
    told.insert(start, ([1, 1, 1], Operator("rg")))
    rewritten(pdf, page, told)


def words_not_painted(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0]
    told = instructions(page)
    told.insert(next(iter(spoken(told))), ([3], Operator("Tr")))
    rewritten(pdf, page, told)


def words_covered(pdf: pikepdf.Pdf) -> None:
    _drawn(pdf, "q 1 1 1 rg 60 600 400 120 re f Q")


def words_beyond_the_page(pdf: pikepdf.Pdf) -> None:
    page = pdf.pages[0]
    told = instructions(page)
    place = next(iter(spoken(told)))
    start = max(number for number in range(place) if str(told[number][1]) == "Tm")
    told[start][0][4] = 5000
    rewritten(pdf, page, told)


def words_cut_off(pdf: pikepdf.Pdf) -> None:
    _drawn(pdf, "", "0 0 595 300 re W n")


def words_instead(pdf: pikepdf.Pdf) -> None:
    """What is read aloud and copied, in the place of what is shown."""
    next(one for one in pdf.objects if isinstance(one, Dictionary) and one.get("/S") == Name.H2).ActualText = "autre"


def another_alternative(pdf: pikepdf.Pdf) -> None:
    next(one for one in pdf.objects if isinstance(one, Dictionary) and "/Alt" in one).Alt = "autre"


def another_bookmark(pdf: pikepdf.Pdf) -> None:
    with pdf.open_outline() as outline:
        outline.root[0].title = "autre"


def another_title(pdf: pikepdf.Pdf) -> None:
    pdf.docinfo["/Title"] = "autre"


def a_note(pdf: pikepdf.Pdf) -> None:
    note = Dictionary(Type=Name.Annot, Subtype=Name.FreeText, Rect=[60, 60, 300, 90], Contents="Avis", DA="/Helv 12 Tf")
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])


def a_link(pdf: pikepdf.Pdf) -> None:
    action = Dictionary(S=Name.URI, URI="https://exemple.invalid/")
    note = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[60, 60, 300, 90], A=action)
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(note)])


def a_field(pdf: pikepdf.Pdf) -> None:
    box = Dictionary(
        Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("x"), V=String("y"), Rect=[60, 60, 300, 90]
    )
    made = pdf.make_indirect(box)
    pdf.pages[0].obj.Annots = Array([made])
    pdf.Root.AcroForm = Dictionary(Fields=Array([made]))


def a_picture(pdf: pikepdf.Pdf) -> None:
    picture = pdf.make_stream(
        b"\x00",
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=1,
        Height=1,
        ColorSpace=Name.DeviceGray,
        BitsPerComponent=8,
    )
    pdf.pages[0].add_resource(picture, Name.XObject, Name("/Picture"))
    _drawn(pdf, "q 200 0 0 80 60 60 cm /Picture Do Q")


def a_picture_in_line(pdf: pikepdf.Pdf) -> None:
    _drawn(pdf, "q 200 0 0 80 60 60 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x01 EI Q")


def a_layer(pdf: pikepdf.Pdf) -> None:
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))


def a_smaller_page(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.CropBox = Array([0, 400, 595, 841])


def a_turned_page(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj.Rotate = 180


def without_the_copys_line(pdf: pikepdf.Pdf) -> None:
    form = pdf.pages[0].resources.XObject["/StampOfTheCopy"]
    form.write(b"q Q")


def a_letter_of_the_copys_line(pdf: pikepdf.Pdf) -> None:
    """Another number of the copy on its pages than in copy.json."""
    form = pdf.pages[0].resources.XObject["/StampOfTheCopy"]
    told = [(list(one.operands), one.operator) for one in pikepdf.parse_content_stream(form)]
    place = next(number for number, (operands, operator) in enumerate(told) if str(operator) == "TJ")
    font = Font(form.Resources.Font[str(next(told[n][0][0] for n in range(place, 0, -1) if str(told[n][1]) == "Tf"))])
    pieces = list(told[place][0][0])
    first = next(number for number, one in enumerate(pieces) if isinstance(one, String))
    codes = bytes(pieces[first])
    other = next(code for code, said in font.letters.items() if said.strip() and said != font.letters[codes[:2]])
    pieces[first] = String(other + codes[2:])
    told[place] = ([Array(pieces)], told[place][1])
    form.write(pikepdf.unparse_content_stream(told))


def without_a_tree(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.StructTreeRoot


def another_running_line(pdf: pikepdf.Pdf) -> None:
    """The number of the case at the head of a page."""
    page = pdf.pages[1]
    told = instructions(page)
    inside = False
    for place, (operands, operator) in enumerate(told):
        if str(operator) == "BDC":
            inside = str(operands[1].get("/Subtype", "")) == "/Header"
        if str(operator) == "TJ" and inside:
            told[place] = ([Array([])], operator)
            return rewritten(pdf, page, told)
    raise AssertionError("nothing runs at the head of the page")


FORGERIES: Mapping[str, tuple[Change, str]] = {
    "one letter": (one_letter, "pages_differ"),
    "a text left out": (a_text_left_out, "pages_differ"),
    "two texts swapped": (two_texts_swapped, "pages_differ"),
    "the order of reading": (the_order_of_reading, "pages_differ"),
    "the last page twice": (an_added_page, "pages_added"),
    "an empty page": (an_empty_page, "pages_added"),
    "a page left out": (a_page_left_out, "pages_differ"),
    "pages in another order": (pages_in_another_order, "pages_added"),
    "words beside the tree": (words_beside_the_tree, "pages_added"),
    "words as an artifact": (words_as_an_artifact, "pages_added"),
    "words in white": (words_in_white, "pages_hide"),
    "words not painted": (words_not_painted, "pages_hide"),
    "words covered": (words_covered, "pages_hide"),
    "words beyond the page": (words_beyond_the_page, "pages_hide"),
    "words cut off": (words_cut_off, "pages_hide"),
    "words instead": (words_instead, "pages_hide"),
    "another alternative": (another_alternative, "pages_differ"),
    "another bookmark": (another_bookmark, "pages_differ"),
    "another title": (another_title, "pages_differ"),
    "a note": (a_note, "pages_foreign"),
    "a link": (a_link, "pages_foreign"),
    "a field": (a_field, "pages_foreign"),
    "a picture": (a_picture, "pages_foreign"),
    "a picture in line": (a_picture_in_line, "pages_foreign"),
    "a layer": (a_layer, "pages_foreign"),
    "a smaller page": (a_smaller_page, "pages_foreign"),
    "a turned page": (a_turned_page, "pages_foreign"),
    "without the copy's line": (without_the_copys_line, "pages_differ"),
    "a letter of the copy's line": (a_letter_of_the_copys_line, "pages_differ"),
    "without a tree": (without_a_tree, "pages_unreadable"),
    "another running line": (another_running_line, "pages_added"),
}
