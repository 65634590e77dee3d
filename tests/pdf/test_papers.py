"""Letters as a reader's software sees them: tagged like the case file, in every language, with one page's decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from school_protocol.case_files.content import Answered, Called, Exhibit, Paper, Printed, Recipient
from school_protocol.case_files.letter_pages import paper, paper_html
from school_protocol.cases.view_models import PersonLine
from school_protocol.engine.definition import ActKind, Protocol
from school_protocol.engine.definition_parts import Document
from school_protocol.engine.visibility import Unit, UnitKind
from school_protocol.language import Wording

from . import tags
from .printed import pages, squeezed

LANGUAGES = ("fr", "ar", "en")
AT = datetime(2026, 11, 25, 9, 41, tzinfo=UTC)
SCHOOL = Unit(
    "s", UnitKind.school, "01234A", {"fr": "Collège Ibn Khaldoun", "ar": "إعدادية ابن خلدون"}, ("p", "r", "c")
)
ABOVE = (
    Unit("p", UnitKind.province, "P", {"fr": "Direction provinciale de Salé", "ar": "المديرية الإقليمية بسلا"}, ("r",)),
    Unit("r", UnitKind.region, "R", {"fr": "Académie de Rabat", "ar": "أكاديمية الرباط"}, ("c",)),
    Unit("c", UnitKind.country, "C", {"fr": "Le pays", "ar": "البلد"}),
)
LONG = "Depuis deux semaines, les messages arrivent chaque soir.\nقالت: «ما بغيتش نرجع للمدرسة.»\n"


def letters(protocol: Protocol) -> list[Document]:
    return [one for one in protocol.documents.values() if one.is_letter]


def made_up(protocol: Protocol, document: Document) -> Paper:
    """Every piece filled, whatever its condition."""
    person = PersonLine("x-1", next(iter(protocol.slots.values())), "EV1", "Lina Alaoui", {"grade": "2 AC"})
    body = []
    for piece in document.body:
        form = protocol.form_of(piece.act) if piece.act else None
        answers = tuple(
            Answered(form.by_key[name], LONG) for name in piece.fields if form and form.by_key[name].is_words
        )
        register = protocol.form_of(next(protocol.acts_of(ActKind.evidence))) if piece.evidence else None
        known = tuple(Answered(register.by_key[name], "ab" * 32) for name in piece.evidence if register)
        body.append(
            Printed(
                title=piece.title, text=piece.text, points=piece.points, answers=answers,
                people=(person,) if piece.people and document.per == "referral" else (),
                counts=tuple((protocol.slots[slot], 2) for slot in piece.people) if document.per == "case" else (),
                exhibits=(Exhibit(1, tuple(one for one in known if one.field.is_words)),) if known else (),
                services=(Called({"fr": "Ligne 2511"}, "2511"),) if piece.services else (),
            )
        )  # fmt: skip
    target = next((one for one in protocol.targets.values() if one.asks), None)
    recipient = {
        "referral": Recipient(target=target), "guardian": Recipient(person=person),
        "case": Recipient(named=document.to),
    }[document.per]  # fmt: skip
    return Paper(
        protocol=protocol, document=document, number="123456789012", about="x", as_of=AT, unit=SCHOOL, places=ABOVE,
        recipient=recipient, issuer="Leïla El Amrani", role=document.for_[0], body=tuple(body),
        covers=tuple(protocol.dangers)[:2], sent_at=AT, referral=2, left_out=("words", "files"), content_seq=4,
        content_head="ab" * 32,
    )  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_tagged_as_its_page_says(moroccan: Protocol, language: str) -> None:
    for document in letters(moroccan):
        view = made_up(moroccan, document)
        html = paper_html(view, Wording(language))
        found = {name: faults for name, faults in tags.faults(paper(view, Wording(language)), html).items() if faults}
        assert found == {}, document.key


@pytest.mark.exhaustive(but=("en",))
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_asked_stands_on_page_one_under_the_letterhead(moroccan: Protocol, language: str) -> None:
    for document in letters(moroccan):
        view = made_up(moroccan, document)
        first = pages(paper(view, Wording(language)))[0]
        asked = [one for one in (view.recipient.target and view.recipient.target.asks, document.asks) if one]
        assert asked
        head = first[: len(first) * 3 // 4]
        for text in asked:
            word = max(text.in_language(language).split(), key=len).strip("،,.:;؟")
            assert squeezed(word)[:6] in head or language == "ar", (document.key, word)
        assert view.number in first


def test_the_country_stands_there_once(moroccan: Protocol) -> None:
    """The definition's own letterhead says kingdom and ministry: the directory's name of the country is left out."""
    document = letters(moroccan)[0]
    view = made_up(moroccan, document)
    assert "Le pays" not in paper_html(view, Wording("fr"))
    bare = replace(view, protocol=moroccan.model_copy(update={"letterhead": ()}))
    assert "Le pays" in paper_html(bare, Wording("fr"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_place_is_filled_and_nothing_of_it_is_left(moroccan: Protocol, language: str) -> None:
    for document in letters(moroccan):
        html = paper_html(made_up(moroccan, document), Wording(language))
        assert "%(" not in html


def test_markup_in_a_name_stays_a_name(moroccan: Protocol) -> None:
    document = next(one for one in letters(moroccan) if one.per == "guardian")
    view = made_up(moroccan, document)
    assert view.recipient.person is not None
    bad = replace(
        view, recipient=Recipient(person=replace(view.recipient.person, name='<img src="https://x.invalid">'))
    )
    assert "<img" not in paper_html(bad, Wording("fr"))


def test_the_same_view_gives_the_same_bytes(moroccan: Protocol) -> None:
    view = made_up(moroccan, letters(moroccan)[0])
    assert paper(view, Wording("fr")) == paper(view, Wording("fr"))
