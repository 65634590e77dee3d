"""The sheet of everything that is said: whole, side by side, and with its gaps shown; each check on a planted gap."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from click.testing import CliRunner, Result

from school_protocol.cli.group import main
from school_protocol.engine.definition import Protocol, Said
from school_protocol.engine.texts import Text
from school_protocol.language import Wording
from school_protocol.protocol import wording_sheet
from school_protocol.protocol.reader import read_file
from school_protocol.protocol.wording_sheet import (
    Asked,
    Mark,
    WordSheet,
    assembled,
    texts_of,
    values_kept,
    word_sheet_csv,
    word_sheet_html,
)

SMALL = Path(__file__).parents[1] / "protocol" / "small.yaml"
MOROCCAN = Path(__file__).parents[2] / "protocol_definitions" / "ma-cyberharassment" / "1.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["words", "sheet", *arguments])


@pytest.fixture(scope="module")
def small() -> Protocol:
    return read_file(SMALL)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A sheet needs no installation, and makes none."""
    monkeypatch.setenv("SCHOOL_PROTOCOL_DATA", str(tmp_path / "never"))


def planted(message: str | Sequence[str], fr: str | tuple[str, ...], ar: str | tuple[str, ...]) -> WordSheet:
    """The sheet of one message, said so."""
    ids = (message,) if isinstance(message, str) else tuple(message)
    catalogues = {"fr": Catalog(locale="fr"), "ar": Catalog(locale="ar")}
    for language, said in (("fr", fr), ("ar", ar)):
        if said:
            catalogues[language].add(message if isinstance(message, str) else tuple(message), said)
    return assembled([Asked(ids, "templates/x.html:1")], catalogues, [])


def marks(sheet: WordSheet) -> list[tuple[str, str]]:
    return [(mark.language, mark.kind) for row in sheet.rows for mark in row.marks]


# ---- what it holds -------------------------------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_every_text_of_the_product_stands_on_it(tmp_path: Path) -> None:
    out = tmp_path / "sheet.csv"
    assert run("-o", str(out)).exit_code == 0
    rows = list(csv.reader(StringIO(out.read_text("utf-8-sig"))))
    by_place = {row[0]: row for row in rows}
    act = read_file(MOROCCAN).acts["note"].title.root
    assert by_place["acts.note.title"][1:4] == [act["en"], act["fr"], act["ar"]]
    assert rows[0][1:5] == ["English", "Français", "العربية", "Darija"]
    assert any(row[4] for row in rows[1:]), "what is spoken stands beside"
    assert any(row[1:4] == ["Sign out", "Se déconnecter", "تسجيل الخروج"] for row in rows)
    assert len(rows) > 2000
    assert not (tmp_path / "never").exists()


def test_what_is_written_nowhere_in_a_definition_is_not_missed(small: Protocol) -> None:
    """As many texts as the file holds: none of its corners is forgotten."""
    written = SMALL.read_text("utf-8").count(", ar: ") + SMALL.read_text("utf-8").count("{ar: ")
    assert len(list(texts_of(small))) == written


@pytest.mark.exhaustive
def test_a_definition_of_ones_own_takes_the_place_of_those_shipped(tmp_path: Path) -> None:
    out = tmp_path / "sheet.html"
    assert run("-o", str(out), "--definition", str(SMALL), "--language", "en").exit_code == 0
    html = out.read_text("utf-8")
    assert "lost-things 1" in html
    assert "ma-cyberharassment" not in html
    assert '<td lang="ar-MA" dir="rtl">' in html
    assert "http" not in html.replace("https://", "http"), "it asks for nothing beside it"


@pytest.mark.parametrize("arguments", [(), ("-o", "sheet.pdf"), ("-o", "sheet")])
def test_what_cannot_be_written_is_not_understood(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


# ---- gaps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "fr", "ar", "found"),
    [
        ("A whole sentence", "Une phrase", "جملة", []),
        ("A whole sentence", "Une phrase", "", [("ar", "missing")]),
        ("A whole sentence", "", "", [("fr", "missing"), ("ar", "missing")]),
        ("A whole sentence here", "A whole sentence here", "جملة", [("fr", "missing")]),
        ("Total", "Total", "المجموع", [("fr", "same")]),
        ("Total", "Total", "Total", [("fr", "same"), ("ar", "missing")]),
        ("EMC-Helpline", "EMC-Helpline", "EMC-Helpline", [("fr", "same"), ("ar", "same")]),
        ("By %(day)s", "Avant", "قبل %(day)s", [("fr", "values")]),
        ("By %(day)s", "Avant le %(day)s", "قبل %(يوم)s", [("ar", "values")]),
        ("A pupil", "L’agresseur", "تلميذ", [("fr", "never")]),
        ("A pupil", "Un élève", "المُتنمِّر", [("ar", "never")]),
        ("The bully", "Un élève", "تلميذ", [("en", "never")]),
        (("One", "%(num)d"), ("Un", "%(num)d"), ("واحد",) * 2, [("ar", "forms")]),
        (("One", "%(num)d"), ("Un", "%(num)d"), (*("واحد",) * 5, "%(num)d"), []),
    ],
)
def test_a_gap_is_marked(
    message: str | tuple[str, str],
    fr: str | tuple[str, ...],
    ar: str | tuple[str, ...],
    found: list[tuple[str, str]],
) -> None:
    assert marks(planted(message, fr, ar)) == found


def test_a_name_may_be_the_same_and_is_no_gap() -> None:
    assert not planted("WhatsApp", "WhatsApp", "WhatsApp").gaps
    assert planted("Send it again", "Send it again", "أعد الإرسال").gaps


@pytest.fixture
def holed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """As if a catalogue lacked a message."""

    def without(message: str) -> None:
        whole = wording_sheet.catalogue

        def cut(language: str) -> Catalog:
            found = whole(language)
            found.delete(message)
            return found

        monkeypatch.setattr(wording_sheet, "catalogue", cut)

    return without


@pytest.mark.exhaustive
def test_nothing_of_the_product_lacks_anything() -> None:
    found = run("--missing")
    assert found.stdout == ""
    assert found.exit_code == 0


@pytest.mark.exhaustive
def test_a_message_that_nobody_translated_is_told(holed: Callable[[str], None], tmp_path: Path) -> None:
    holed("Sign out")
    out = tmp_path / "sheet.html"
    found = run("--missing", "-o", str(out))
    assert found.exit_code == 1
    assert found.stdout.startswith("templates/ui/base.html:")
    assert "fr: missing; ar: missing" in found.stdout
    assert len(found.stdout.splitlines()) == 1
    assert out.read_text("utf-8").count('class="gap"') == 2
    assert run("-o", str(out)).exit_code == 0, "only --missing minds"


def test_a_text_of_a_definition_that_lacks_a_language_is_told(small: Protocol) -> None:
    act = next(iter(small.acts.values()))
    title = Text({**act.title.root, "ar": " "})
    acts = {**small.acts, act.key: act.model_copy(update={"title": title})}
    found = assembled([], {}, [small.model_copy(update={"acts": acts})])
    [row] = found.gaps
    assert (row.source, row.marks) == (f"acts.{act.key}.title", (Mark("ar", "missing"),))


def test_what_is_spoken_may_be_missing_but_not_judge() -> None:
    protocol = read_file(MOROCCAN)
    words = next(one for one in protocol.words.values() if one.say)
    cut = {language: text for language, text in words.say[0].root.items() if language != "ary"}
    for spoken, gaps in (({}, 0), ({"ary": "راه متنمر"}, 1)):
        said = words.model_copy(update={"say": (Said({**cut, **spoken}),)})
        changed = protocol.model_copy(update={"words": {**protocol.words, words.key: said}})
        assert len(assembled([], {}, [changed]).gaps) == gaps


def test_values_are_kept_through_a_plural() -> None:
    assert values_kept(("One case", "%(num)d cases"), ("Un dossier", "%(num)d dossiers"))
    assert not values_kept(("One case", "%(num)d cases"), ("Un dossier", "Des dossiers"))
    assert not values_kept(("%(num)d of them",), ("%(num)d d’entre eux, %",))


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    found = word_sheet_csv(planted("=1+1", "=1+1", "x"), Wording("en"))
    assert "'=1+1" in found
    assert ",=1" not in found


def test_what_a_text_says_is_shown_as_it_is() -> None:
    html = word_sheet_html(planted("<b>Yes</b> & no", "Oui", "نعم"), Wording("ar"))
    assert "&lt;b&gt;Yes&lt;/b&gt; &amp; no" in html
    assert 'dir="rtl"' in html.split("<body>")[0]
