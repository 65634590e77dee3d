"""Foreign runs, each in an isolate of its own."""

import io
import re

import pikepdf
import pytest
from markupsafe import Markup

from school_protocol.pdf.bidi import code, isolated, paragraphs, plain, quoted

from .test_tags import made, page
from .tree import Content


def runs(markup: Markup) -> list[str]:
    return [str(Markup(found).unescape()) for found in re.findall(r"<bdi[^>]*>(.*?)</bdi>", markup)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("الهاتف 0661-23-45-67، ثم WhatsApp 2.26.", ["0661-23-45-67", "WhatsApp 2.26"]),
        ("الهاتف +212 5 37 00 00 00", ["+212 5 37 00 00 00"]),
        ("25/11/2026 10:41", []),
        ("25 نونبر 2026", []),
        ("2 AC", ["2 AC"]),
        ("3 ASC 2", ["3 ASC 2"]),
        ("القسم 2 AC", ["AC"]),
        ("2 AC · WhatsApp", ["AC", "WhatsApp"]),
        ("الملف 2026-001-07", ["2026-001-07"]),
        ("الملف 4821 0937 5512-4", ["4821 0937 5512-4"]),
        ("السيد L. Amrani، EV1 · Y. Bennis", ["L. Amrani", "EV1", "Y. Bennis"]),
        ("«Facebook Messenger»", ["Facebook Messenger"]),
        ("تطبيق Instagram (Meta) ثم", ["Instagram (Meta)"]),
        ("طلب 3 000 درهم، ثم 12 500,50 درهما", ["3 000", "12 500,50"]),
        ("الدرجة 2 2026", []),
        ("N4 - حرج", ["N4"]),
        ("رابط: https://www.instagram.com/p/C9x_Aa-12/ (محفوظ)", ["https://www.instagram.com/p/C9x_Aa-12/"]),
    ],
)
def test_foreign_runs_in_an_arabic_line(line: str, wanted: list[str]) -> None:
    assert runs(isolated(line, "rtl")) == wanted
    assert isolated(line, "rtl").striptags().split() == line.split()


def figures_seen(line: str) -> str:
    """Digits and the signs within numbers, from left to right as a page shows them."""
    html = page(f"<p>{line}</p>", language="ar", direction="rtl")
    with pikepdf.open(io.BytesIO(made(html, "ar"))) as pdf:
        shown = Content(pdf.pages[0]).pieces
    return "".join(text for _place, text in sorted(shown) if re.fullmatch(r"[\d:/.,-]+", text))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("يوم 25/11/2026 10:41", "10:4125/11/2026"),
        ("25/11/2026 10:41", "10:4125/11/2026"),
        ("25 نونبر 2026 على الساعة 10:41", "10:41202625"),
        ("النسخة 1.2.3، ثم 12,5 و 4", "412,51.2.3"),
        ("الدرجة 2 2026", "20262"),
        ("الملف 2026-001-07", "2026-001-07"),
    ],
)
def test_figures_in_an_arabic_line_stand_as_if_each_had_an_isolate(line: str, shown: str) -> None:
    alone = re.sub(r"[\d:/.,-]*\d", lambda found: f'<bdi dir="ltr">{found.group()}</bdi>', line)
    assert figures_seen(isolated(line, "rtl")) == figures_seen(alone) == shown


def test_a_number_with_dashes_needs_its_isolate() -> None:
    assert figures_seen("الملف 2026-001-07") != "2026-001-07"


def test_foreign_runs_in_a_latin_line() -> None:
    said = isolated("Elle a dit : « ما بغيتش نرجع، خايفة. » puis (2 fois)", "ltr")
    assert runs(said) == ["ما بغيتش نرجع، خايفة"]
    assert '<bdi dir="rtl" lang="ar">' in said


@pytest.mark.parametrize(
    ("text", "direction", "said"),
    [
        ("Elle ne dit rien.", "rtl", '<bdi dir="ltr" lang="fr">Elle ne dit rien.</bdi>'),
        ("Rien (عيط x).", "rtl", '<bdi dir="ltr" lang="und">Rien (<bdi dir="rtl" lang="ar">عيط</bdi> x).</bdi>'),
        (
            "مجموعة «2AC3 بلا [EV1 · Imane Ouali]»",
            "rtl",
            'مجموعة «<bdi dir="ltr">2AC3</bdi> بلا [<bdi dir="ltr">EV1</bdi> · <bdi dir="ltr">Imane Ouali</bdi>]»',
        ),
        ("@salma_2009", "rtl", '<bdi dir="ltr" lang="und">@salma_2009</bdi>'),
        ("ما بغيتش.", "ltr", '<bdi dir="rtl" lang="ar">ما بغيتش.</bdi>'),
        ("ما بغيتش @salma", "rtl", 'ما بغيتش <bdi dir="ltr">@salma</bdi>'),
        ("Elle ne dit rien.", "ltr", "Elle ne dit rien."),
        ("2026", "rtl", "2026"),
        ("", "rtl", ""),
    ],
)
def test_words_within_a_line_keep_their_full_stop_at_their_end(text: str, direction: str, said: str) -> None:
    assert quoted(text, direction) == Markup(said)


def test_paragraphs_run_in_their_own_direction() -> None:
    said = paragraphs("ما بغيتش\n\nElle ne dit rien (عيط)", "rtl", "ar")
    wanted = '<p>ما بغيتش</p><p dir="ltr" lang="fr">Elle ne dit rien (<bdi dir="rtl" lang="ar">عيط</bdi>)</p>'
    assert said == Markup(wanted)


@pytest.mark.parametrize(
    ("line", "language", "said"),
    [
        ("Elle ne vient plus en classe.", "fr", None),
        ("Elle ne vient plus en classe.", "en", "fr"),
        ("Elle ne vient plus en classe.", "ar", "fr"),
        ("He said that it was the others.", "fr", "en"),
        ("ma bghitch nrje3 l lmadrasa", "fr", None),
        ("ma bghitch nrje3 l lmadrasa", "ar", "und"),
        ("Instagram, 25/11/2026 10:41.", "ar", "und"),
        ("ما بغيتش نرجع للمدرسة", "fr", "ar"),
        ("ما بغيتش نرجع للمدرسة", "ar", None),
    ],
)
def test_a_paragraph_says_its_language_where_it_is_another(line: str, language: str, said: str | None) -> None:
    (found,) = re.findall(r"<p([^>]*)>", paragraphs(line, "rtl" if language == "ar" else "ltr", language))
    assert re.findall(r'lang="([^"]*)"', found) == ([said] if said else [])


def test_phrases_of_other_languages_within_a_line() -> None:
    assert 'lang="fr"' in isolated("قال: Je ne sais pas qui est ce compte، ثم", "rtl")
    assert "lang" not in isolated("السيد L. Amrani، Facebook Messenger 2", "rtl")
    assert '<bdi dir="ltr" lang="zgh">ⵜⴰⵎⴰⵣⵉⵖⵜ</bdi>' in isolated("Il a écrit ⵜⴰⵎⴰⵣⵉⵖⵜ au tableau", "ltr")


def test_accents_are_one_with_their_letters() -> None:
    assert plain("e\u0301le\u0300ve") == "élève"


def test_markup_is_printed_as_text() -> None:
    assert "<b>" not in isolated("<b>x</b> & 'y'", "ltr") + isolated("<b>x</b>", "rtl") + code("<b>")


def test_direction_overrides_and_controls_are_taken_out() -> None:
    assert plain("a\u202eb\u2066c\u0000d\u200fe\r\nf\tg") == "abcde\nf\tg"
